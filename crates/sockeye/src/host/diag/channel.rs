//! The netlink socket on which the kernel is asked: one request, then its answers until the end.
//!
//! It is connected to the kernel, so nobody else can put messages into it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send,
    setsockopt, socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;

use super::message::{Request, What, messages};

/// The kernel sends at most 32 KiB at once, and no less than a page: 64 KiB on some machines.
const BUFFER: usize = 64 * 1024;
/// The kernel answers at once. Should it not, we say so instead of waiting for ever.
const PATIENCE_SECONDS: i64 = 10;

/// How a dump ended, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything came.
    Complete,
    /// The kernel says that it was disturbed: something may be missing or have come twice.
    Interrupted,
}

/// A netlink socket for `NETLINK_SOCK_DIAG` and its buffer.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    buffer: Box<[u8]>,
    sequence: u32,
}

impl Channel {
    /// A channel in the network namespace of the calling thread.
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(PATIENCE_SECONDS, 0))?;
        connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER].into(),
            sequence: 0,
        })
    }

    /// Send a request for a dump and hand out its answers, as type and content, until the end.
    ///
    /// # Errors
    ///
    /// What the kernel says: `ENOENT` where it has no module for the protocol, `EINVAL` if it does not know the request.
    /// After an error of the socket itself (no answer in time) the channel is of no more use.
    pub(super) fn dump(
        &mut self,
        request: Request,
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<Ended> {
        self.send(request)?;
        let mut ended = Ended::Complete;
        loop {
            let length = receive(&self.socket, &mut self.buffer)?;
            for message in messages(&self.buffer[..length]) {
                if message.sequence != self.sequence {
                    continue;
                }
                if message.interrupted {
                    ended = Ended::Interrupted;
                }
                match message.what {
                    What::Answer(kind, content) => each(kind, content),
                    What::Done(0) => return Ok(ended),
                    What::Done(code) | What::Acknowledged(code) => return Err(refusal(code)),
                    What::Overrun => ended = Ended::Interrupted,
                }
            }
        }
    }

    /// Send a request that has one answer, and read something out of it.
    ///
    /// # Errors
    ///
    /// As [`Channel::dump`]; `ENOENT` also if there is no such socket.
    pub(super) fn single<T>(
        &mut self,
        request: Request,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        self.send(request)?;
        loop {
            let length = receive(&self.socket, &mut self.buffer)?;
            let ours =
                messages(&self.buffer[..length]).find(|message| message.sequence == self.sequence);
            match ours.map(|message| message.what) {
                Some(What::Answer(_, content)) => return Ok(read(content)),
                Some(What::Done(0) | What::Acknowledged(0)) => return Ok(None),
                Some(What::Done(code) | What::Acknowledged(code)) => return Err(refusal(code)),
                Some(What::Overrun) | None => {}
            }
        }
    }

    fn send(&mut self, mut request: Request) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.numbered(self.sequence);
        again(|| send(self.socket.as_raw_fd(), bytes, MsgFlags::empty()))?;
        Ok(())
    }
}

/// One datagram of the kernel.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let length = again(|| recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC))?;
    if length > buffer.len() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel sent more at once than it should",
        ));
    }
    Ok(length)
}

fn again(mut call: impl FnMut() -> nix::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

fn refusal(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
