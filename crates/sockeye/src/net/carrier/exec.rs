//! A program as a stream: its standard input and output.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::inherited;
use crate::endpoint::Argv;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::child::Child;
use crate::net::descriptor::Descriptor;
use crate::net::stream::Pair;

/// How a program is started beside its arguments.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Environment variables on top of ours.
    pub env: Vec<(OsString, OsString)>,
    /// Give the program a process group of its own, so that Ctrl-C at our terminal does not reach it.
    pub own_group: bool,
}

/// Start the program with pipes; its standard error stays ours.
pub(crate) fn spawn(argv: &Argv, around: &Surroundings) -> Result<(Pair, Child)> {
    inherited::keep_from_programs();
    let (child_stdin, ours_write) = pipe()?;
    let (ours_read, child_stdout) = pipe()?;
    let mut command = tokio::process::Command::new(&argv.program);
    command
        .args(&argv.args)
        .envs(around.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(child_stdin))
        .stdout(Stdio::from(child_stdout))
        .kill_on_drop(true);
    if around.own_group {
        command.process_group(0);
    }
    let process = command.spawn().map_err(|e| spawn_error(argv, e))?;
    let pair = Pair {
        read: Some(Descriptor::own(ours_read).map_err(|e| Error::from_io(Operation::Run, e))?),
        write: Some(Descriptor::own(ours_write).map_err(|e| Error::from_io(Operation::Run, e))?),
        is_stdio: false,
    };
    Ok((pair, Child::new(process, around.own_group)))
}

/// A pipe whose ends close on exec; `Command` hands the program its own copy.
fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).map_err(|e| Error::from_io(Operation::Run, e.into()))
}

/// Why a program did not start, in words that name the program.
pub(crate) fn spawn_error(argv: &Argv, error: std::io::Error) -> Error {
    let program = sockeye_data::escape::escape(argv.program.as_encoded_bytes());
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            Kind::Io,
            Operation::Run,
            format!("there is no program `{program}`"),
        )
        .with_hint("is it in PATH? an absolute path always works"),
        std::io::ErrorKind::PermissionDenied => Error::new(
            Kind::Denied,
            Operation::Run,
            format!("`{program}` may not be executed"),
        )
        .with_hint(format!("`chmod +x {program}` makes it a program")),
        _ => Error::from_io(Operation::Run, error),
    }
}
