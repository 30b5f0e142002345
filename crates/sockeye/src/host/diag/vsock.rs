//! `vsock_diag` as bytes: sockets between a virtual machine and its host.

use super::inet::BY_FAMILY;
use super::message::{DUMP, Request, cookie, cookie_bytes, u32_of};
use crate::host::socket::{Address, Protocol, Socket, State, States};

/// Length of `struct vsock_diag_msg`.
const MESSAGE: usize = 32;

/// Ask for all vsock sockets in these states.
pub(super) fn dump(states: States) -> Request {
    const AF_VSOCK: u8 = 40;
    let mut fixed = Vec::with_capacity(24);
    fixed.extend([AF_VSOCK, 0, 0, 0]);
    fixed.extend(states.mask().to_ne_bytes());
    fixed.extend([0; 8]);
    fixed.extend(cookie_bytes(None));
    Request::new(BY_FAMILY, DUMP, &fixed)
}

/// One socket of an answer.
pub(super) fn parse(payload: &[u8]) -> Option<Socket> {
    let head = payload.first_chunk::<MESSAGE>()?;
    let mut socket = Socket::new(Protocol::Vsock, State::from_kernel(head[2])?);
    socket.shutdown = Some(head[3]);
    socket.local = address(u32_of(head, 4), u32_of(head, 8));
    socket.peer = address(u32_of(head, 12), u32_of(head, 16));
    socket.inode = Some(u32_of(head, 20).into()).filter(|inode| *inode != 0);
    socket.cookie = cookie(u32_of(head, 24), u32_of(head, 28));
    Some(socket)
}

fn address(context: u32, port: u32) -> Address {
    const ANY: u32 = u32::MAX;
    if (context, port) == (ANY, ANY) {
        return Address::None;
    }
    Address::Vsock { context, port }
}
