//! Verdicts in words: what is wrong with the sockets of this machine, from what the kernel says of them.
//!
//! Nothing is asked here but the range of ports that the kernel hands out; a [`Table`] that was read with
//! [`details`] has all that verdicts need. Each threshold is a constant below, and stands in
//! `docs/sockets-filter.md`.
//!
//! ```
//! use sockeye::host::table::Request;
//! use sockeye::host::verdict::{self, Severity};
//!
//! # fn main() -> sockeye::Result<()> {
//! let table = Request::new().details(verdict::details()).read()?;
//! for verdict in verdict::verdicts(&table, None) {
//!     assert!(!verdict.sentence.is_empty() && verdict.severity >= Severity::Note);
//! }
//! # Ok(())
//! # }
//! ```

mod connections;
mod ports;
mod queues;
mod whose;

#[cfg(test)]
mod tests;

use super::socket::Wanted;
use super::table::Table;

pub use self::ports::PortRange;

/// An accept queue is filling from this share of its length on, in per cent.
pub const ACCEPT_QUEUE_FILLING: u64 = 75;
/// A receive queue of datagrams is full from this share of its buffer on, in per cent.
pub const RECEIVE_QUEUE_FULL: u64 = 90;
/// So many ended connections that one process keeps are many.
pub const CLOSE_WAIT_MANY: usize = 10;
/// If their number grows, so many are worth a word.
pub const CLOSE_WAIT_GROWING: usize = 3;
/// A peer is silent after so many time-outs in a row.
pub const RETRANSMITS_MANY: u8 = 3;
/// A connection loses much from this share of its bytes on that were sent again, in per cent…
pub const LOSS_HIGH: u64 = 5;
/// …if it has sent so many bytes.
pub const LOSS_AFTER_BYTES: u64 = 100 * 1024;
/// So many connections to one place that nobody has answered yet are many.
pub const SYN_SENT_MANY: usize = 5;
/// So many connections without an owner are many.
pub const ORPHANS_MANY: usize = 100;
/// So many connections in time-wait are worth a word.
pub const TIME_WAIT_MANY: usize = 5_000;
/// The ports for one destination are nearly used up from this share on, in per cent.
pub const PORTS_NEARLY_USED: usize = 80;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something does not work, or soon will not.
    Warning,
}

impl Severity {
    /// Its word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
        }
    }
}

/// Something that is wrong, or good to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What it is about: a stable word such as `accept-queue-full`, see [`CODES`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// For people: one line, lower case, safe for a terminal.
    pub sentence: String,
    /// One thing to try.
    pub hint: &'static str,
    /// The sockets that it is about, as indices into [`Table::sockets`].
    pub sockets: Vec<usize>,
}

/// Every code that there is.
pub const CODES: [&str; 13] = [
    "accept-queue-full",
    "accept-queue-filling",
    "receive-queue-full",
    "datagrams-dropped",
    "close-wait",
    "zero-window",
    "no-answer",
    "loss",
    "syn-sent",
    "orphans",
    "time-wait",
    "ports-nearly-used",
    "all-interfaces",
];

/// What a table has to be asked for, so that nothing escapes the verdicts.
pub fn details() -> Wanted {
    Wanted {
        tcp: true,
        memory: true,
        ..Wanted::default()
    }
}

/// What is wrong with these sockets, warnings first. With an earlier table also what got worse since.
pub fn verdicts(table: &Table, previous: Option<&Table>) -> Vec<Verdict> {
    verdicts_with(table, previous, &PortRange::system())
}

/// The same, for a machine that hands out these ports.
pub fn verdicts_with(table: &Table, previous: Option<&Table>, range: &PortRange) -> Vec<Verdict> {
    let mut found = Vec::new();
    queues::accept(table, &mut found);
    queues::datagrams(table, previous, &mut found);
    connections::close_wait(table, previous, &mut found);
    connections::stalled(table, &mut found);
    connections::unanswered(table, &mut found);
    connections::leftover(table, &mut found);
    ports::nearly_used(table, range, &mut found);
    ports::all_interfaces(table, range, &mut found);
    // Stable: within one severity they stay in the order of the codes.
    found.sort_by_key(|verdict| std::cmp::Reverse(verdict.severity));
    found
}
