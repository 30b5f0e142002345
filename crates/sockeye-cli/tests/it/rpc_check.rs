//! `rpc check`.
