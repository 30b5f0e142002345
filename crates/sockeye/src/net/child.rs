//! A program behind a stream.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// A program whose standard input and output are a stream; it is killed, with the group that it leads, when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    leads_group: bool,
    terminated: bool,
    patience: Option<Duration>,
}

impl Child {
    /// `leads_group` says that the program has a process group of its own, which is ended with it.
    pub(crate) fn new(process: tokio::process::Child, leads_group: bool) -> Self {
        Self {
            process,
            leads_group,
            terminated: false,
            patience: None,
        }
    }

    /// Ask the program to end.
    pub(crate) fn terminate(&mut self) {
        self.terminated = true;
        self.signal(Signal::SIGTERM);
    }

    /// Tell the program, or its whole group if it leads one. Does nothing once its status was taken.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // The program may have ended meanwhile; there is nothing to do about it then.
            let target = if self.leads_group { -pid } else { pid };
            let _ = kill(nix::unistd::Pid::from_raw(target), signal);
        }
    }

    /// Wait no longer than this for the program to end by itself; without it there is no limit.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// Wait for the program's end; one that was asked to end and does not is killed.
    pub(crate) async fn wait(mut self) -> io::Result<ExitStatus> {
        if let (Some(patience), false) = (self.patience, self.terminated) {
            match tokio::time::timeout(patience, self.process.wait()).await {
                Ok(ended) => return ended,
                Err(_) => self.terminate(),
            }
        }
        if self.terminated
            && tokio::time::timeout(GRACE, self.process.wait())
                .await
                .is_err()
        {
            self.signal(Signal::SIGKILL);
        }
        self.process.wait().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
