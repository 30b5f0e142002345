//! What the kernel says of sockets: `sock_diag(7)` over netlink, and `/proc/net` where the kernel has no diag for them.

use std::path::Path;

use super::socket::{Protocols, Socket, States, Wanted};
use super::table::Notice;
use crate::error::Result;

/// What to ask the kernel. What it can filter is not even sent.
#[derive(Clone, Debug)]
pub(crate) struct KernelQuery {
    /// Of these protocols.
    pub(crate) protocols: Protocols,
    /// In these states.
    pub(crate) states: States,
    /// With this local port.
    pub(crate) local_port: Option<u16>,
    /// With this port at the peer.
    pub(crate) peer_port: Option<u16>,
    /// A program for the kernel (`INET_DIAG_REQ_BYTECODE`) that IP sockets have to pass.
    pub(crate) bytecode: Option<Vec<u8>>,
    /// Which details to send.
    pub(crate) wanted: Wanted,
}

impl Default for KernelQuery {
    fn default() -> Self {
        Self {
            protocols: Protocols::ALL,
            states: States::ALL,
            local_port: None,
            peer_port: None,
            bytecode: None,
            wanted: Wanted::default(),
        }
    }
}

/// All sockets of the calling thread's network namespace that the query asks for, appended to `out`.
pub(crate) fn sockets(
    _query: &KernelQuery,
    _proc_root: &Path,
    _out: &mut Vec<Socket>,
) -> Result<Vec<Notice>> {
    Ok(Vec::new())
}
