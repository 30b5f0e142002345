//! `rpc` and JSON-RPC.
