//! The kernel's word at the end of a socket: each TCP connection tells its last numbers, without privileges and without
//! looking at packets.
//!
//! It is the four groups `SKNLGRP_INET{,6}_{TCP,UDP}_DESTROY` of `NETLINK_SOCK_DIAG`. They speak of the network
//! namespace of the thread that subscribed.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket,
    sockopt::{RcvBuf, RcvBufForce},
};

use super::channel::receive;
use super::inet;
use super::message::{What, messages};
use crate::error::{Error, Operation, Result};
use crate::host::socket::{Protocol, Socket, State};

/// TCP and UDP of both families: groups 1 to 4.
const GROUPS: u32 = 0b1111;
/// What may wait to be read. A closed connection takes about 1 KiB of it.
const QUEUE_BYTES: usize = 1024 * 1024;
/// How many messages one call of [`CloseEvents::read`] takes, so that a storm cannot hold its caller.
const AT_ONCE: usize = 4096;
/// Each message comes alone and has some hundred bytes.
const BUFFER: usize = 16 * 1024;

/// A subscription to the ends of TCP and UDP sockets.
///
/// It never blocks. It is a descriptor that becomes readable, for tokio's `AsyncFd` or `poll`.
///
/// ```
/// use std::net::UdpSocket;
/// use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
/// use std::os::fd::AsFd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut events = sockeye::host::CloseEvents::subscribe()?;
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let port = socket.local_addr()?.port();
/// drop(socket);
/// let mut ended = Vec::new();
/// while !ended.iter().any(|socket: &sockeye::host::socket::Socket| socket.local.port() == Some(port)) {
///     poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
///     events.read(&mut ended)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CloseEvents {
    socket: OwnedFd,
    buffer: Box<[u8]>,
}

/// What one [`CloseEvents::read`] met besides events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heard {
    /// Events were lost: they came faster than they were read. What is known has to be compared with a new list.
    pub overflowed: bool,
    /// More may wait: read again before waiting for the descriptor.
    pub more: bool,
}

impl CloseEvents {
    /// Hear of every socket of this network namespace that ends from now on.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied) or [`Kind::Io`](crate::Kind::Io) if the kernel refuses.
    pub fn subscribe() -> Result<Self> {
        let failed = |error: Errno| Error::from_io(Operation::Read, error.into());
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkSockDiag,
        )
        .map_err(failed)?;
        // Without privileges the system's limit applies (net.core.rmem_max): an overflow is then likelier.
        if setsockopt(&socket, RcvBufForce, &QUEUE_BYTES).is_err() {
            setsockopt(&socket, RcvBuf, &QUEUE_BYTES).map_err(failed)?;
        }
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS)).map_err(failed)?;
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER].into(),
        })
    }

    /// Append what has ended since the last call to `out`; at most 4096 sockets at once.
    ///
    /// Their state is that of the moment of the end (mostly unconnected), their user, inode and queues are not known
    /// any more, and the details of TCP are there.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the kernel cannot be heard any more.
    pub fn read(&mut self, out: &mut Vec<Socket>) -> Result<Heard> {
        let mut heard = Heard::default();
        for _ in 0..AT_ONCE {
            match receive(&self.socket, &mut self.buffer) {
                Ok(length) => out.extend(ended(&self.buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(heard),
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    heard.overflowed = true;
                }
                Err(error) => return Err(Error::from_io(Operation::Read, error)),
            }
        }
        heard.more = true;
        Ok(heard)
    }
}

/// The sockets that a datagram says have ended.
pub(super) fn ended(datagram: &[u8]) -> impl Iterator<Item = Socket> + '_ {
    messages(datagram).filter_map(|message| match message.what {
        What::Answer(inet::BY_FAMILY, content) => {
            let mut socket = inet::parse(content, Protocol::Tcp)?;
            if socket.state == State::Bound {
                socket.state = State::Unconnected;
            }
            Some(socket)
        }
        _ => None,
    })
}

impl AsFd for CloseEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for CloseEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
