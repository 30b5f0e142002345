//! Sockets under watch: what opened, what closed, how fast each connection goes, and what each process carried.
//!
//! A [`Watch`] reads the table again at each [tick](Watch::tick) and compares. Opened sockets and rates come from that
//! comparison; closed ones come from the kernel's own events, which bring the last counters, so that a connection that
//! came and went between two ticks is counted too. Neither needs privileges or a packet capture.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use sockeye::host::socket::{Protocol, Protocols, Wanted};
//! use sockeye::host::table::Request;
//! use sockeye::host::watch::Watch;
//!
//! # fn main() -> sockeye::Result<()> {
//! let tcp = Request::new()
//!     .protocols(Protocols::only(Protocol::Tcp))
//!     .details(Wanted { tcp: true, ..Wanted::default() });
//! let mut watch = Watch::new(tcp);
//! watch.tick()?;
//! watch.listen_until(Instant::now() + Duration::from_millis(20))?;
//! let changes = watch.tick()?;
//! for closed in &changes.closed {
//!     let counters = closed.counters.unwrap_or_default();
//!     assert!(counters.sent < u64::MAX);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Ledger`] is the same without a kernel: tables and events go in, [`Changes`] come out.

mod changes;
mod closing;
mod history;
mod ledger;
mod party;
mod record;
mod source;
#[cfg(test)]
mod tests;
mod totals;

pub use changes::{Changes, Closed, Ending, Events};
pub use history::{History, Sample};
pub use ledger::Ledger;
pub use party::{Party, Tie};
pub use record::{Counters, Key, Rates, Record, Since};
pub use source::{Reading, Source, Watch};
pub use totals::Totals;

/// How much a watch remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many closed sockets are remembered: 1,000 by default.
    pub closed: usize,
    /// How many closing events one tick takes in: 20,000 by default. More count as lost.
    pub closings: usize,
    /// How many samples a history has: 120 by default.
    pub samples: usize,
    /// How many connections have a history: the first 1,024 that move data, by default. See [`Ledger::follow`].
    pub histories: usize,
    /// How many processes have totals: 1,024 by default. Of more, those without sockets are let go of, and what they
    /// carried counts for nobody.
    pub processes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            closed: 1_000,
            closings: 20_000,
            samples: 120,
            histories: 1_024,
            processes: 1_024,
        }
    }
}
