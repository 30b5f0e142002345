//! XML-RPC calls, answers and faults, with the types of Python's `xmlrpc`.
