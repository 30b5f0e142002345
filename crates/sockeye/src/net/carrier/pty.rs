//! A program behind a pseudo-terminal, so that it believes a person is there.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pty_process::{Pty, Size};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exec::{Surroundings, spawn_error};
use super::inherited;
use crate::endpoint::Argv;
use crate::error::{Error, Operation, Result};
use crate::net::child::Child;
use crate::net::stream::Duplex;

/// What the terminal driver takes for "end of input" at the start of a line (VEOF, termios(3)): Ctrl-D.
const END_OF_INPUT: &[u8] = b"\x04";

/// The size of a terminal nobody has told us the size of.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// Start the program with a new pseudo-terminal as its standard input, output and error.
pub(crate) fn spawn(argv: &Argv, around: &Surroundings) -> Result<(Terminal, Child)> {
    inherited::keep_from_programs();
    let (pty, pts) = pty_process::open().map_err(pty_error)?;
    pty.resize(Size::new(DEFAULT_SIZE.0, DEFAULT_SIZE.1))
        .map_err(pty_error)?;
    let process = pty_process::Command::new(&argv.program)
        .args(&argv.args)
        .envs(around.env.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .spawn(pts)
        .map_err(|e| match e {
            pty_process::Error::Io(e) => spawn_error(argv, e),
            other => pty_error(other),
        })?;
    // The program leads a session of its own, which is a process group of its own.
    Ok((Terminal(pty), Child::new(process, true)))
}

fn pty_error(error: pty_process::Error) -> Error {
    match error {
        pty_process::Error::Io(e) => Error::from_io(Operation::Run, e),
        pty_process::Error::Rustix(e) => Error::from_io(Operation::Run, e.into()),
        other => Error::from_io(Operation::Run, io::Error::other(other.to_string())),
    }
}

/// Our side of a pseudo-terminal.
pub(crate) struct Terminal(Pty);

impl AsyncRead for Terminal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(cx, buf)) {
            // Linux reports EIO when the last program has closed its side: that is the end.
            Err(e) if e.raw_os_error() == Some(nix::libc::EIO) => Poll::Ready(Ok(())),
            other => Poll::Ready(other),
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    /// A terminal cannot be half-closed; the end of input is a character.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_write(cx, END_OF_INPUT)) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(e) if e.raw_os_error() == Some(nix::libc::EIO) => Poll::Ready(Ok(())),
            Err(e) => Poll::Ready(Err(e)),
        }
    }
}

impl Duplex for Terminal {
    fn terminal(&self) -> Option<TerminalSize> {
        self.0.as_fd().try_clone_to_owned().ok().map(TerminalSize)
    }
}

/// The size of a program's terminal, to be set while the stream is in use.
#[derive(Debug)]
pub struct TerminalSize(OwnedFd);

impl TerminalSize {
    /// Tell the program that its terminal now has this many rows and columns of characters.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`](crate::Kind::Io) if the terminal is gone.
    pub fn set(&self, rows: u16, columns: u16) -> Result<()> {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.0, size).map_err(|e| Error::from_io(Operation::Write, e.into()))
    }
}
