//! What bytes travel on, one file for each carrier.

pub(crate) mod exec;
pub(crate) mod file;
pub(crate) mod inherited;
pub(crate) mod pty;
pub(crate) mod stdio;
pub(crate) mod tcp;
pub(crate) mod tcp_listen;
pub(crate) mod udp;
pub(crate) mod unix;
pub(crate) mod unix_dgram;
pub(crate) mod unix_path;
pub(crate) mod unix_seqpacket;

#[cfg(test)]
mod tests;
