//! A program behind a stream.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// A program whose standard input and output are a stream; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    leads_group: bool,
    terminated: bool,
}

impl Child {
    /// `leads_group` says that the program has a process group of its own, which is ended with it.
    pub(crate) fn new(process: tokio::process::Child, leads_group: bool) -> Self {
        Self { process, leads_group, terminated: false }
    }

    /// Ask the program to end.
    pub(crate) fn terminate(&mut self) {
        use nix::sys::signal::{Signal, kill};
        self.terminated = true;
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // The program may have ended meanwhile; there is nothing to do about it then.
            let target = if self.leads_group { -pid } else { pid };
            drop(kill(nix::unistd::Pid::from_raw(target), Signal::SIGTERM));
        }
    }

    /// Wait for the program's end; one that was asked to end and does not is killed.
    pub(crate) async fn wait(mut self) -> io::Result<ExitStatus> {
        if self.terminated
            && tokio::time::timeout(GRACE, self.process.wait())
                .await
                .is_err()
        {
            self.process.start_kill()?;
        }
        self.process.wait().await
    }
}
