//! Exit codes: one table from what failed to what the shell is told.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use sockeye::Kind;

/// How a command ended when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// The answer is no.
    No,
    /// It was interrupted, and finished what ran.
    Interrupted,
    /// A program behind the endpoint ended with this status, which becomes ours.
    Program(ExitStatus),
    /// The answer has a code of its own, see the command's table.
    Code(u8),
}

impl Outcome {
    /// The exit code of the process.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Interrupted => INTERRUPTED,
            Self::Program(status) => program_code(status),
            Self::Code(code) => code,
        }
    }
}

/// The exit code if the program itself is broken; Rust's own for a panic.
pub(crate) const BROKEN: u8 = 101;

/// The exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// As the shell counts: the program's own code, or 128 and the number of the signal that ended it.
pub(crate) fn program_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The exit code of a failure.
pub(crate) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Rejected => 1,
        Kind::Usage | Kind::Unsupported => 2,
        Kind::Name => 3,
        Kind::Refused | Kind::Unreachable | Kind::Lost => 4,
        Kind::TimedOut => 5,
        Kind::Tls => 6,
        Kind::Protocol => 7,
        Kind::Canceled => INTERRUPTED,
        _ => 8,
    }
}
