//! Flags of commands that serve many clients.

use std::time::Duration;

use clap::Args;
use sockeye::Result;
use sockeye::net::{Admission, Limits, SessionLimits, WhenFull};

use super::values::duration;

/// Who may come in, how many, and for how long.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServingArgs {
    /// At most this many clients at once; further ones wait in the system's queue [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_clients: Option<u32>,
    /// Close clients beyond --max-clients at once instead of letting them wait
    #[arg(long, requires = "max_clients")]
    pub(crate) refuse_excess: bool,
    /// Only these addresses or networks may connect (10.0.0.0/8); may be repeated or comma-separated
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
    /// These may not, even if they are allowed too: deny wins
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) deny: Vec<String>,
    /// Close a conversation in which nothing moves for this time [default: never; datagram sessions: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Threads that carry the clients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
}

impl ServingArgs {
    /// How many threads carry the clients.
    pub(crate) fn workers(&self) -> usize {
        usize::from(self.threads)
    }

    /// What the accept loop bounds.
    pub(crate) fn limits(&self) -> Result<Limits> {
        let mut limits = Limits::default();
        limits.max_clients = self.max_clients.and_then(|max| usize::try_from(max).ok());
        limits.when_full = if self.refuse_excess {
            WhenFull::Refuse
        } else {
            WhenFull::Wait
        };
        limits.admission = Admission::new(&self.allow, &self.deny)?;
        Ok(limits)
    }

    /// What bounds datagram sessions.
    pub(crate) fn sessions(&self) -> SessionLimits {
        let mut sessions = SessionLimits::default();
        if let Some(idle) = self.idle_timeout {
            sessions.idle_timeout = idle;
        }
        sessions
    }
}
