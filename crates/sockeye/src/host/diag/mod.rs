//! What the kernel says of sockets: `sock_diag(7)` over netlink, and `/proc/net` where the kernel has no diag for them.

mod channel;
mod events;
mod exact;
mod inet;
mod listing;
mod message;
mod netlink;
mod packet;
mod proc_net;
mod repeated;
mod tcp_info;
mod unix;
mod vsock;

use std::path::Path;

use self::channel::Channel;
pub use self::events::{CloseEvents, Heard};
pub(crate) use self::exact::destroy;
use self::listing::{INTERRUPTED, Listing, UNREADABLE};
#[cfg(any(test, feature = "fuzzing"))]
use super::socket::Protocol;
use super::socket::{Protocols, Socket, States, Wanted};
use super::table::Notice;
use super::who::Connection;
use crate::error::{Error, Kind, Operation, Result};

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
    /// A program for the kernel (`INET_DIAG_REQ_BYTECODE`) that IP sockets with ports have to pass.
    pub(crate) bytecode: Option<Vec<u8>>,
    /// Which details to send.
    pub(crate) wanted: Wanted,
    /// This connection instead of a list; of the rest only the details count then.
    pub(crate) connection: Option<Connection>,
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
            connection: None,
        }
    }
}

/// All sockets of the calling thread's network namespace that the query asks for, appended to `out`. They may be more
/// than asked for where the kernel cannot filter: the caller filters again.
///
/// # Errors
///
/// If the kernel cannot be asked at all. What it has no module for, and what was disturbed, stands in the notices.
pub(crate) fn sockets(
    query: &KernelQuery,
    proc_root: &Path,
    out: &mut Vec<Socket>,
) -> Result<Vec<Notice>> {
    let failed = |error| Error::from_io(Operation::Read, error);
    let channel = Channel::open().map_err(failed)?;
    let mut listing = Listing::new(query.clone(), proc_root, channel, out);
    match query.connection {
        Some(connection) if !connection.protocol.has_ports() => {
            let why = format!("{} sockets have no ports to look for", connection.protocol);
            return Err(Error::new(Kind::Usage, Operation::Read, why));
        }
        Some(connection) => exact::find(&mut listing, &connection).map_err(failed)?,
        None => listing.everything().map_err(failed)?,
    }
    Ok(listing.notices)
}

/// Whether a notice means that sockets may be missing from the list.
pub(crate) fn means_partial(notice: &Notice) -> bool {
    matches!(notice.code, INTERRUPTED | UNREADABLE)
}

/// Read these bytes in every way that an answer of the kernel can be read; for tests and fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn take(datagram: &[u8]) -> Vec<Socket> {
    use self::message::{What, messages};
    let wanted = Wanted {
        tcp: true,
        memory: true,
        rest: true,
    };
    let mut rows = Vec::new();
    for message in messages(datagram) {
        if let What::Answer(_, content) = message.what {
            let internet = [
                Protocol::Tcp,
                Protocol::Udp,
                Protocol::Sctp,
                Protocol::Mptcp,
            ];
            rows.extend(internet.map(|protocol| inet::parse(content, protocol)));
            rows.push(unix::parse(content));
            rows.push(packet::parse(content, wanted));
            rows.push(netlink::parse(content, wanted));
            rows.push(vsock::parse(content));
        }
    }
    let mut rows: Vec<_> = rows.into_iter().flatten().collect();
    rows.extend(events::ended(datagram));
    unix::name_peers(&mut rows);
    repeated::drop_repeated(&mut rows, 0);
    rows
}

/// As [`take`], of a file of `/proc/net`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn take_text(text: &str) -> Vec<Socket> {
    let mut rows: Vec<_> = proc_net::internet(text, Protocol::Raw).collect();
    rows.extend(proc_net::packet(text));
    rows.extend(proc_net::netlink(text));
    rows
}

#[cfg(test)]
mod tests;
