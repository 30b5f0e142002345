//! Who may do what: accounts, and rules by path and verb.
