//! Accounts over real connections.
