//! The netlink socket on which the kernel is asked: one request, then its answers until the end.
//!
//! It is connected to the kernel, so nobody else can put messages into it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc;
use std::thread;

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

/// A dump of more datagrams than this (some 500 sockets) is received by a thread of its own,
const SHORT: usize = 4;
/// which may be this many datagrams ahead.
const AHEAD: usize = 8;

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
        let sequence = self.sequence;
        let mut ended = Ended::Complete;
        // `Some` when the dump is over.
        let mut read = |datagram: &[u8]| {
            for message in messages(datagram) {
                if message.sequence != sequence {
                    continue;
                }
                if message.interrupted {
                    ended = Ended::Interrupted;
                }
                match message.what {
                    What::Answer(kind, content) => each(kind, content),
                    What::Done(0) => return Some(Ok(ended)),
                    What::Done(code) | What::Acknowledged(code) => return Some(Err(refusal(code))),
                    What::Overrun => ended = Ended::Interrupted,
                }
            }
            None
        };
        for _ in 0..SHORT {
            let length = receive(&self.socket, &mut self.buffer)?;
            if let Some(over) = read(&self.buffer[..length]) {
                return over;
            }
        }
        match self.read_ahead(&mut read) {
            Some(over) => over,
            None => loop {
                let length = receive(&self.socket, &mut self.buffer)?;
                if let Some(over) = read(&self.buffer[..length]) {
                    return over;
                }
            },
        }
    }

    /// The rest of a long dump: a second thread receives while this one reads, for the kernel makes its list while it is
    /// being received. `None` if there can be no such thread.
    fn read_ahead<T>(
        &self,
        read: &mut impl FnMut(&[u8]) -> Option<io::Result<T>>,
    ) -> Option<io::Result<T>> {
        let (socket, sequence) = (&self.socket, self.sequence);
        thread::scope(|scope| {
            let (full, received) = mpsc::channel::<io::Result<(Vec<u8>, usize)>>();
            let (used, empty) = mpsc::channel();
            for _ in 0..AHEAD {
                used.send(vec![0; BUFFER]).ok()?;
            }
            let ahead = move || {
                while let Ok(mut buffer) = empty.recv() {
                    let datagram = receive(socket, &mut buffer).map(|length| (buffer, length));
                    let last = match &datagram {
                        Ok((buffer, length)) => is_last(&buffer[..*length], sequence),
                        Err(_) => true,
                    };
                    if full.send(datagram).is_err() || last {
                        break;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, ahead).ok()?;
            for datagram in received {
                let over = match datagram {
                    Ok((buffer, length)) => {
                        let over = read(&buffer[..length]);
                        // Once the dump is over, nobody takes it.
                        drop(used.send(buffer));
                        over
                    }
                    Err(error) => Some(Err(error)),
                };
                if over.is_some() {
                    return over;
                }
            }
            // It ended without an end, which it does not.
            Some(Err(io::ErrorKind::UnexpectedEof.into()))
        })
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

/// Whether nothing follows this datagram.
fn is_last(datagram: &[u8], sequence: u32) -> bool {
    messages(datagram).any(|message| {
        let ends = matches!(message.what, What::Done(_) | What::Acknowledged(_));
        ends && message.sequence == sequence
    })
}

/// One datagram of the kernel.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let length = again(|| recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC))?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nix::sys::socket::{SockFlag, socketpair};

    use super::*;

    const ANSWER: u16 = 20;
    const DONE: u16 = 3;
    const INTERRUPTED: u16 = 0x10;

    /// A channel whose kernel is the other end.
    fn channel() -> (Channel, OwnedFd) {
        let (socket, kernel) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .unwrap();
        let buffer = vec![0; BUFFER].into();
        let sequence = 0;
        let channel = Channel {
            socket,
            buffer,
            sequence,
        };
        (channel, kernel)
    }

    fn message(kind: u16, flags: u16, content: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [20, u32::from(kind) | u32::from(flags) << 16, 1, 0, content] {
            bytes.extend_from_slice(&u32::to_ne_bytes(number));
        }
        bytes
    }

    /// What a dump of these datagrams gives, and how it ends.
    fn dumped(datagrams: Vec<Vec<u8>>) -> (Vec<u32>, io::Result<Ended>) {
        let (mut channel, kernel) = channel();
        let answering = thread::spawn(move || {
            recv(kernel.as_raw_fd(), &mut [0; 1024], MsgFlags::empty()).unwrap();
            for datagram in datagrams {
                send(kernel.as_raw_fd(), &datagram, MsgFlags::empty()).unwrap();
            }
        });
        let mut heard = Vec::new();
        let ended = channel.dump(Request::new(ANSWER, 0, &[]), |_, content| {
            heard.push(u32::from_ne_bytes(content.try_into().unwrap()));
        });
        answering.join().unwrap();
        (heard, ended)
    }

    #[test]
    fn a_long_dump_is_read_to_its_end_in_order() {
        for count in [0, 1, 4, 5, 6, 50] {
            let mut datagrams: Vec<_> = (0..count).map(|i| message(ANSWER, 0, i)).collect();
            datagrams.push(message(DONE, 0, 0));
            let (heard, ended) = dumped(datagrams);
            assert_eq!(heard, (0..count).collect::<Vec<_>>());
            assert_eq!(ended.unwrap(), Ended::Complete, "{count}");
        }
    }

    #[test]
    fn a_long_dump_that_was_interrupted_or_refused_says_so() {
        for place in [0, 20] {
            let flags = |i| if i == place { INTERRUPTED } else { 0 };
            let mut datagrams: Vec<_> = (0..30).map(|i| message(ANSWER, flags(i), i)).collect();
            datagrams.push(message(DONE, 0, 0));
            assert_eq!(dumped(datagrams).1.unwrap(), Ended::Interrupted);
        }
        let mut datagrams: Vec<_> = (0..30).map(|i| message(ANSWER, 0, i)).collect();
        datagrams.push(message(DONE, 0, (-2_i32).cast_unsigned()));
        let (heard, ended) = dumped(datagrams);
        assert_eq!(heard.len(), 30);
        assert_eq!(ended.unwrap_err().raw_os_error(), Some(2));
    }

    #[test]
    fn a_dump_whose_kernel_falls_silent_fails_instead_of_waiting() {
        let (heard, ended) = dumped((0..30).map(|i| message(ANSWER, 0, i)).collect());
        assert_eq!(heard.len(), 30);
        let kind = ended.unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::UnexpectedEof);
    }
}
