//! Our own side of a conversation: standard input and output, and what is done to the bytes on the way.

mod ask;
mod raw;
mod screen;
mod shaping;
mod terminal;

use std::io::{self, IsTerminal};

use nix::sys::stat::{SFlag, fstat, makedev};
use sockeye::endpoint::Carrier;
use sockeye::{Endpoint, Link, Net, Result, Stream};
use tokio_util::sync::CancellationToken;

pub(crate) use ask::ask_secret;
pub(crate) use raw::{RawTerminal, restore_terminal};
pub(crate) use screen::FullScreen;
pub(crate) use terminal::TerminalText;

use shaping::{Outgoing, Written};

use crate::output::Output;

/// `/dev/null`, see null(4).
const NULL_DEVICE: u64 = makedev(1, 3);

/// What is to be done between the person and the peer.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// Send this instead of reading standard input.
    pub(crate) send: Option<Vec<u8>>,
    /// Turn line feeds into carriage return and line feed on the way out.
    pub(crate) crlf: bool,
    /// Leave the bytes alone even at a terminal, and take keys one by one.
    pub(crate) raw: bool,
    /// Where there is nothing to read, say nothing, not even the end: a server's clients take that for a goodbye.
    pub(crate) patient: bool,
    /// The connection, for JSON events.
    pub(crate) connection: u64,
}

/// What standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A person types.
    Terminal,
    /// Closed, or `/dev/null`: nobody means to say anything.
    Nothing,
    /// A regular file.
    File,
    /// A pipe, a socket or a device.
    Flow,
}

/// What standard input is.
pub(crate) fn input() -> Input {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Input::Terminal;
    }
    match fstat(&stdin) {
        Ok(stat) => match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFCHR if stat.st_rdev == NULL_DEVICE => Input::Nothing,
            SFlag::S_IFREG => Input::File,
            _ => Input::Flow,
        },
        Err(_) => Input::Nothing,
    }
}

/// Standard input and output as a link. Where nothing is to be done to the bytes, it is the bare one that splice(2) can
/// serve. `leave` is cancelled when the person types the escape key in raw mode, and when nobody reads what we write.
pub(crate) async fn open(
    manner: Manner,
    output: &Output,
    leave: &CancellationToken,
) -> Result<Link> {
    let written = if output.json() {
        Written::Json {
            connection: manner.connection,
            output: output.clone(),
        }
    } else if io::stdout().is_terminal() && !manner.raw {
        Written::Escaped
    } else {
        Written::AsIs
    };
    let writes_bare = matches!(written, Written::AsIs);
    let outgoing = match manner.send {
        Some(bytes) => Outgoing::Given(bytes),
        None if manner.patient && input() == Input::Nothing => Outgoing::Nothing,
        None if manner.raw && io::stdin().is_terminal() => Outgoing::Keys(leave.clone()),
        None => Outgoing::Input,
    };
    // Not observed: the wire view shows the peer's side.
    let stdio = Net::new().connect(&Endpoint::new(Carrier::Stdio)).await?;
    let reads_bare = matches!(outgoing, Outgoing::Input) && !manner.crlf;
    let shaped = |stdio| shaping::Shaped::new(stdio, outgoing, manner.crlf, written, leave.clone());
    Ok(Link::Stream(match (reads_bare, writes_bare) {
        (true, true) => stdio,
        // What comes in stays a matter of the kernel.
        (false, true) => Stream::from_parts(shaped(Stream::stdin()?), stdio),
        (_, false) => Stream::from_io(shaped(stdio)),
    }))
}
