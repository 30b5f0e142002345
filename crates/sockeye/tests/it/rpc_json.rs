//! JSON-RPC: the examples of the specification byte by byte, and peers.
