//! `netlink_diag` as bytes: sockets on which programs talk with the kernel, and the kernel's own ends.

use super::inet::BY_FAMILY;
use super::message::{DUMP, Request, attributes, cookie, cookie_bytes, u32_of};
use super::packet::attach_memory;
use crate::host::socket::{Address, Protocol, Socket, State, Wanted};

/// Length of `struct netlink_diag_msg`.
const MESSAGE: usize = 28;

const SHOW_MEMINFO: u32 = 1;
/// Attribute of answers.
const MEMINFO: u16 = 0;

/// Ask for all netlink sockets of all families.
pub(super) fn dump() -> Request {
    const AF_NETLINK: u8 = 16;
    const EVERY_FAMILY: u8 = 255;
    let mut fixed = Vec::with_capacity(20);
    fixed.extend([AF_NETLINK, EVERY_FAMILY, 0, 0]);
    fixed.extend([0; 4]);
    fixed.extend(SHOW_MEMINFO.to_ne_bytes());
    fixed.extend(cookie_bytes(None));
    Request::new(BY_FAMILY, DUMP, &fixed)
}

/// One socket of an answer. The kernel does not say whose it is.
pub(super) fn parse(payload: &[u8], wanted: Wanted) -> Option<Socket> {
    const CONNECTED: u8 = 1;
    let head = payload.first_chunk::<MESSAGE>()?;
    let (family, connected) = (head[2], head[3] == CONNECTED);
    let state = if connected {
        State::Established
    } else {
        State::Unconnected
    };
    let mut socket = Socket::new(Protocol::Netlink, state);
    let port = u32_of(head, 4);
    socket.local = Address::Netlink { family, port };
    if connected {
        let port = u32_of(head, 8);
        socket.peer = Address::Netlink { family, port };
    }
    socket.inode = Some(u32_of(head, 16).into()).filter(|inode| *inode != 0);
    socket.cookie = cookie(u32_of(head, 20), u32_of(head, 24));
    for (kind, content) in attributes(&payload[MESSAGE..]) {
        if kind == MEMINFO {
            attach_memory(&mut socket, content, wanted);
        }
    }
    Some(socket)
}
