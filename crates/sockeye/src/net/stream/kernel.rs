//! What the kernel knows a stream by, for whoever has it move the bytes (splice(2)).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::{Io, Stream};
use crate::net::descriptor::Descriptor;

impl Stream {
    /// The end that is read, if the kernel can move its bytes and nobody watches them.
    pub(crate) fn kernel_read(&self) -> Option<KernelRef<'_>> {
        if self.tap.is_some() {
            return None;
        }
        match &self.io {
            Io::Tcp(tcp) => Some(KernelRef::Tcp(tcp)),
            Io::Unix(unix) => Some(KernelRef::Unix(unix)),
            Io::Pair(pair) => pair.read.as_ref().map(KernelRef::Descriptor),
            Io::Parts(_) | Io::Boxed(_) => None,
        }
    }

    /// The end that is written, if the kernel can move its bytes and nobody watches them.
    pub(crate) fn kernel_write(&self) -> Option<KernelRef<'_>> {
        match &self.io {
            Io::Pair(pair) if self.tap.is_none() => pair.write.as_ref().map(KernelRef::Descriptor),
            Io::Parts(parts) if self.tap.is_none() => parts.write.kernel_write(),
            _ => self.kernel_read(),
        }
    }

    /// Why the kernel cannot move the bytes of this stream, if it cannot.
    pub(crate) fn copies_because(&self) -> Option<&'static str> {
        match &self.io {
            Io::Parts(_) => Some("the bytes are made or changed here"),
            Io::Boxed(_) if self.info.secured.is_some() => Some("TLS transforms the bytes"),
            Io::Boxed(_) => Some("the stream is not a kernel object"),
            _ if self.tap.is_some() => Some("the wire view watches"),
            _ => None,
        }
    }
}

/// A reference to what the kernel knows a stream by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KernelRef<'a> {
    Tcp(&'a TcpStream),
    Unix(&'a UnixStream),
    Descriptor(&'a Descriptor),
}

impl KernelRef<'_> {
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx),
            Self::Unix(unix) => unix.poll_read_ready(cx),
            Self::Descriptor(descriptor) => descriptor.poll_read_ready(cx),
        }
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_write_ready(cx),
            Self::Unix(unix) => unix.poll_write_ready(cx),
            Self::Descriptor(descriptor) => descriptor.poll_write_ready(cx),
        }
    }

    pub(crate) fn try_read_io<R>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Tcp(tcp) => tcp.try_io(Interest::READABLE, || call(tcp.as_fd())),
            Self::Unix(unix) => unix.try_io(Interest::READABLE, || call(unix.as_fd())),
            Self::Descriptor(descriptor) => descriptor.try_read_io(call),
        }
    }

    pub(crate) fn try_write_io<R>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Tcp(tcp) => tcp.try_io(Interest::WRITABLE, || call(tcp.as_fd())),
            Self::Unix(unix) => unix.try_io(Interest::WRITABLE, || call(unix.as_fd())),
            Self::Descriptor(descriptor) => descriptor.try_write_io(call),
        }
    }

    /// Whether this is itself a pipe, so that splice(2) needs no other one.
    pub(crate) fn is_pipe(&self) -> bool {
        matches!(self, Self::Descriptor(descriptor) if descriptor.is_pipe())
    }
}
