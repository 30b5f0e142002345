//! `rpc serve --exec`.
