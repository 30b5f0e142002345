//! Programs that answer requests: started without a shell, with pipes, each in a process group of its own, so that what a
//! program starts ends with it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` starts programs for servers"
)]

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::process::{Resource, Rlimit, prlimit};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::carrier::exec::spawn_error;
use super::carrier::inherited;
use crate::endpoint::Argv;
use crate::error::{Error, Operation, Result};

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What is started, and how.
#[derive(Debug)]
pub(crate) struct Spec<'a> {
    pub(crate) argv: &'a Argv,
    /// Environment variables; all of them, or on top of ours.
    pub(crate) env: &'a [(OsString, OsString)],
    /// Nothing of our environment is passed on.
    pub(crate) clean: bool,
    /// Where it runs, if not where we do.
    pub(crate) dir: Option<&'a Path>,
}

/// A program that runs. When this is dropped it is killed, with its group.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pid: u32,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

/// Start a program. Without input it reads the end at once.
pub(crate) fn start(spec: &Spec<'_>, has_input: bool) -> Result<Running> {
    let stdin = match has_input {
        true => Stdio::piped(),
        false => Stdio::null(),
    };
    spawn(spec, stdin)
}

/// Start a program whose standard input is one end of a pair of sockets, and hand over the other.
pub(crate) fn start_with_socket(spec: &Spec<'_>) -> Result<(Running, UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(run_error)?;
    let running = spawn(spec, Stdio::from(OwnedFd::from(theirs)))?;
    Ok((running, adopt(ours)?))
}

/// A further pair of sockets: our end, and the other passed on to the program at the other end of `control`.
pub(crate) fn pass_socket(control: &UnixStream) -> Result<UnixStream> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(run_error)?;
    let fds = [theirs.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    sendmsg::<()>(
        control.as_fd().as_raw_fd(),
        &[IoSlice::new(b"L")],
        &rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .map_err(|e| run_error(e.into()))?;
    adopt(ours)
}

fn adopt(socket: std::os::unix::net::UnixStream) -> Result<UnixStream> {
    socket.set_nonblocking(true).map_err(run_error)?;
    UnixStream::from_std(socket).map_err(run_error)
}

fn run_error(error: io::Error) -> Error {
    Error::from_io(Operation::Run, error)
}

fn spawn(spec: &Spec<'_>, stdin: Stdio) -> Result<Running> {
    inherited::keep_from_programs();
    let mut command = Command::new(&spec.argv.program);
    if spec.clean {
        command.env_clear();
    }
    command
        .args(&spec.argv.args)
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(dir) = spec.dir {
        command.current_dir(dir);
    }
    let mut child = command.spawn().map_err(|e| spawn_error(spec.argv, e))?;
    Ok(Running {
        pid: child.id().unwrap_or_default(),
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
        child,
    })
}

impl Running {
    /// Its process number, which is that of its group too.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Bound what it, and each program that it starts from now on, may use: bytes of memory, seconds of processor time.
    /// That takes effect a moment after its start.
    pub(crate) fn limit(&self, memory: Option<u64>, seconds: Option<u64>) -> io::Result<()> {
        let pid = i32::try_from(self.pid).ok();
        let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else {
            return Ok(());
        };
        for (resource, most) in [(Resource::As, memory), (Resource::Cpu, seconds)] {
            if most.is_some() {
                let limit = Rlimit {
                    current: most,
                    maximum: most,
                };
                match prlimit(Some(pid), resource, limit) {
                    // It has ended already.
                    Ok(_) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Wait for its end.
    ///
    /// Cancel safe.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// End it and what it started: ask, wait a little, kill.
    pub(crate) async fn end(mut self) {
        self.signal(Signal::SIGTERM);
        // What it says after it was asked to end is nobody's any more, and it must not wait for somebody to read it.
        drop((self.stdin.take(), self.stdout.take()));
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait().await;
    }

    /// Signal the whole group. Its number may be used a moment after the leader's status was taken: the kernel gives a
    /// number away again only after all others.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid).ok().filter(|pid| *pid > 1) {
            // Those that have ended meanwhile are no matter.
            let _ = kill(nix::unistd::Pid::from_raw(-pid), signal);
        }
    }

    /// Kill it and what it started.
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One whose status was taken has no number of its own any more.
        if self.child.id().is_some() {
            self.kill();
        }
    }
}
