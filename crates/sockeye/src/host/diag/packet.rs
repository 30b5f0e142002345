//! `packet_diag` as bytes: sockets that see the frames of a device.

use super::inet::{BY_FAMILY, memory};
use super::message::{DUMP, Request, attributes, cookie, cookie_bytes, u16_of, u32_at, u32_of};
use crate::host::socket::{Address, Details, Protocol, Socket, State, Wanted};

/// Length of `struct packet_diag_msg`.
const MESSAGE: usize = 16;

/// Bits of the request.
const SHOW_INFO: u32 = 1;
const SHOW_MEMINFO: u32 = 0x10;

/// Attributes of answers.
const INFO: u16 = 0;
const UID: u16 = 5;
const MEMINFO: u16 = 6;

/// Ask for all packet sockets.
pub(super) fn dump() -> Request {
    const AF_PACKET: u8 = 17;
    let mut fixed = Vec::with_capacity(20);
    fixed.extend([AF_PACKET, 0, 0, 0]);
    fixed.extend([0; 4]);
    fixed.extend((SHOW_INFO | SHOW_MEMINFO).to_ne_bytes());
    fixed.extend(cookie_bytes(None));
    Request::new(BY_FAMILY, DUMP, &fixed)
}

/// One socket of an answer.
pub(super) fn parse(payload: &[u8], wanted: Wanted) -> Option<Socket> {
    let head = payload.first_chunk::<MESSAGE>()?;
    let mut socket = Socket::new(Protocol::Packet, State::Unconnected);
    socket.inode = Some(u32_of(head, 4).into()).filter(|inode| *inode != 0);
    socket.cookie = cookie(u32_of(head, 8), u32_of(head, 12));
    for (kind, content) in attributes(&payload[MESSAGE..]) {
        match kind {
            INFO => socket.device = u32_at(content, 0).unwrap_or(0),
            UID => socket.uid = u32_at(content, 0),
            MEMINFO => attach_memory(&mut socket, content, wanted),
            _ => {}
        }
    }
    socket.local = Address::Packet {
        protocol: u16_of(head, 2),
        device: socket.device,
    };
    Some(socket)
}

/// These sockets tell their queues only as memory.
pub(super) fn attach_memory(socket: &mut Socket, content: &[u8], wanted: Wanted) {
    let Some(memory) = memory(content) else {
        return;
    };
    socket.receive_queue = memory.received;
    socket.send_queue = memory.sent;
    if wanted.memory {
        let details = socket.details.get_or_insert_with(Box::<Details>::default);
        details.memory = Some(memory);
    }
}
