//! `unix_diag` as bytes: Unix sockets of all types, with their names exactly as they are.

use super::inet::{BY_FAMILY, memory};
use super::message::{DUMP, Request, attributes, cookie, cookie_bytes, u32_at, u32_of};
use crate::host::socket::{
    Address, Details, Protocol, Socket, State, States, UnixDetails, UnixName, Wanted,
};

/// Length of `struct unix_diag_msg`.
const MESSAGE: usize = 16;

/// Attributes of answers; most are sent if bit n of the request is set.
const NAME: u16 = 0;
const VFS: u16 = 1;
const PEER: u16 = 2;
const WAITING: u16 = 3;
const QUEUES: u16 = 4;
const MEMINFO: u16 = 5;
const SHUTDOWN: u16 = 6;
const UID: u16 = 7;
/// The bit for the user is not that of its attribute.
const SHOW_UID: u32 = 1 << 6;

/// Ask for all Unix sockets in these states.
pub(super) fn dump(states: States, wanted: Wanted) -> Request {
    let mut show = SHOW_UID;
    for attribute in [NAME, VFS, PEER, WAITING, QUEUES] {
        show |= 1 << attribute;
    }
    if wanted.memory {
        show |= 1 << MEMINFO;
    }
    let mut fixed = Vec::with_capacity(24);
    fixed.extend([1, 0, 0, 0]);
    fixed.extend(states.mask().to_ne_bytes());
    fixed.extend([0; 4]);
    fixed.extend(show.to_ne_bytes());
    fixed.extend(cookie_bytes(None));
    Request::new(BY_FAMILY, DUMP, &fixed)
}

/// One socket of an answer. Its peer's name is not in it: see [`name_peers`].
pub(super) fn parse(payload: &[u8]) -> Option<Socket> {
    let head = payload.first_chunk::<MESSAGE>()?;
    let protocol = match head[1] {
        1 => Protocol::UnixStream,
        2 => Protocol::UnixDatagram,
        5 => Protocol::UnixSeqpacket,
        _ => return None,
    };
    let mut socket = Socket::new(protocol, State::from_kernel(head[2])?);
    socket.inode = Some(u32_of(head, 4).into()).filter(|inode| *inode != 0);
    socket.cookie = cookie(u32_of(head, 8), u32_of(head, 12));
    let mut unix = UnixDetails::default();
    for (kind, content) in attributes(&payload[MESSAGE..]) {
        match kind {
            NAME => socket.local = name(content),
            VFS => unix.file = u32_at(content, 4).map(device).zip(u32_at(content, 0)),
            // 0 is a peer that has not been accepted yet.
            PEER => {
                let peer = u32_at(content, 0).filter(|inode| *inode != 0);
                unix.peer_inode = peer.map(u64::from);
            }
            WAITING => {
                let inodes = content.as_chunks().0.iter();
                unix.waiting = inodes.map(|bytes| u32::from_ne_bytes(*bytes)).collect();
            }
            QUEUES => {
                socket.receive_queue = u32_at(content, 0).unwrap_or(0);
                socket.send_queue = u32_at(content, 4).unwrap_or(0);
            }
            MEMINFO => {
                let details = socket.details.get_or_insert_with(Box::<Details>::default);
                details.memory = memory(content);
            }
            SHUTDOWN => socket.shutdown = content.first().copied(),
            UID => socket.uid = u32_at(content, 0),
            _ => {}
        }
    }
    socket.unix = Some(Box::new(unix));
    Some(socket)
}

/// A device as the kernel keeps it, twelve bits of major and twenty of minor number, in the form that `stat` has.
fn device(kept: u32) -> u32 {
    let (major, minor) = (kept >> 20, kept & 0xf_ffff);
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

/// A name that begins with NUL is abstract, and every byte of it counts. A path ends at the first NUL, which is missing
/// if it is as long as it can be.
fn name(content: &[u8]) -> Address {
    match content {
        [] => Address::None,
        [0, rest @ ..] => Address::Unix(UnixName::Abstract(rest.into())),
        path => {
            let end = path.iter().position(|byte| *byte == 0);
            let path = &path[..end.unwrap_or(path.len())];
            Address::Unix(UnixName::Path(path.into()))
        }
    }
}

/// Give each socket the name of its peer, where that one has a name. While a client waits to be accepted, its peer is
/// the listener.
pub(super) fn name_peers(sockets: &mut [Socket]) {
    let mut named: Vec<(u64, usize)> = Vec::new();
    let mut awaited: Vec<(u64, usize)> = Vec::new();
    for (index, socket) in sockets.iter().enumerate() {
        let (Some(inode), Address::Unix(_)) = (socket.inode, &socket.local) else {
            continue;
        };
        named.push((inode, index));
        let waiting = socket.unix.iter().flat_map(|unix| &unix.waiting);
        awaited.extend(waiting.map(|client| (u64::from(*client), index)));
    }
    named.sort_unstable();
    awaited.sort_unstable();
    for index in 0..sockets.len() {
        let socket = &sockets[index];
        let peer = socket.unix.as_ref().and_then(|unix| unix.peer_inode);
        let (list, inode) = match peer {
            Some(peer) => (&named, Some(peer)),
            None => (&awaited, socket.inode),
        };
        let Some(inode) = inode else { continue };
        if let Ok(found) = list.binary_search_by_key(&inode, |(inode, _)| *inode) {
            sockets[index].peer = sockets[list[found].1].local.clone();
        }
    }
}
