//! What bytes and messages travel on: one file for each carrier of an endpoint.

pub(in crate::net) mod udp;
pub(in crate::net) mod unix_dgram;
pub(in crate::net) mod unix_path;
pub(in crate::net) mod unix_seqpacket;

#[cfg(test)]
mod tests;
