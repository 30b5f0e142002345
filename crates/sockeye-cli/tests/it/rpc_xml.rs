//! `rpc` and XML-RPC, against Python's.
