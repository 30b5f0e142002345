//! Which sockets are meant: a small language, a superset of that of ss(8), as a value.
//!
//! A [`Filter`] parses, prints and compares; [`Filter::matches`] decides on one row of a
//! [`Table`], and [`Filter::needs`] says what has to be asked for that. The language is described
//! in `docs/sockets-filter.md`.
//!
//! ```
//! use sockeye::host::filter::Filter;
//! use sockeye::host::table::Request;
//!
//! # fn main() -> sockeye::Result<()> {
//! let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! let port = server.local_addr().unwrap().port();
//! let filter: Filter = format!("tcp and listening and sport = {port}").parse()?;
//! let table = Request::new().filter(filter).read()?;
//! assert!(table.sockets.len() <= 1);
//! # Ok(())
//! # }
//! ```

mod bytecode;
mod expr;
mod lex;
mod matching;
mod names;
mod parse;
mod pattern;
mod print;
mod pushdown;
mod refusal;
mod values;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use self::expr::{Expr, Field, Number, Term};
use super::diag::KernelQuery;
use super::socket::{Socket, Wanted};
use super::table::Table;

pub use self::names::Names;
pub use self::pushdown::Pushdown;
pub use self::refusal::FilterError;
pub(crate) use self::refusal::{Fail, quoted};

/// How long the text of a filter may be, in bytes.
pub const LENGTH_LIMIT: usize = 4096;
/// How deeply brackets and `not` may nest in it.
pub const DEPTH_LIMIT: usize = 64;

/// Which sockets are meant. The empty filter means all of them.
///
/// # Examples
///
/// ```
/// use sockeye::host::filter::Filter;
///
/// let filter: Filter = "dport = :443 or ( src 10/8 and not sport 22 )".parse()?;
/// assert_eq!(filter.to_string(), "dport = 443 or src = 10.0.0.0/8 and not sport = 22");
/// # Ok::<(), sockeye::host::filter::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    expr: Expr,
}

/// What a filter has to know beyond the row itself; what is not asked for is unknown, and matches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Needs {
    /// Who holds the sockets.
    pub owners: bool,
    /// [`Details::tcp`](super::socket::Details::tcp).
    pub tcp: bool,
    /// [`Details::memory`](super::socket::Details::memory).
    pub memory: bool,
    /// The control groups: units, containers.
    pub units: bool,
    /// The names of the namespaces' devices.
    pub devices: bool,
}

impl Filter {
    /// The filter that means every socket.
    pub fn all() -> Self {
        Self { expr: Expr::All }
    }

    /// Reads a filter; names of services and users stand for what these names say. `str::parse` asks this machine.
    ///
    /// # Errors
    ///
    /// What is wrong, where, and the nearest known word. More than [`LENGTH_LIMIT`] bytes and more than
    /// [`DEPTH_LIMIT`] levels are refused.
    pub fn parse(text: &str, names: &Names) -> Result<Self, FilterError> {
        let parsed = parse::filter(text, names);
        parsed
            .map(|expr| Self { expr })
            .map_err(|fail| FilterError::new(text, "a filter", fail))
    }

    /// Reads the filter at the end of a sentence, from this byte on; words that say nothing there are skipped.
    pub(crate) fn in_sentence(text: &str, from: usize, names: &Names) -> Result<Self, Fail> {
        parse::sentence(text, from, names).map(|expr| Self { expr })
    }

    /// Whether this row is meant. What cannot be told is not: see [`Filter::judge`].
    pub fn matches(&self, table: &Table, socket: &Socket) -> bool {
        self.judge(table, socket) == Some(true)
    }

    /// Whether this row is meant, or `None` if that cannot be told: its owner is hidden, a number was not asked for.
    ///
    /// A term about something unknown is unknown, and so is its `not`; `and` and `or` are what they are if the rest
    /// decides. What a socket cannot have (the port of a Unix socket) is known: it has none.
    pub fn judge(&self, table: &Table, socket: &Socket) -> Option<bool> {
        matching::judge(&self.expr, table, socket)
    }

    /// Those that both mean.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            expr: Expr::and(vec![self.expr, other.expr]),
        }
    }

    /// Those that either means.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            expr: Expr::or(vec![self.expr, other.expr]),
        }
    }

    /// Those that are known not to be meant.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "`!filter` would read as a test"
    )]
    pub fn not(self) -> Self {
        Self {
            expr: Expr::not(self.expr),
        }
    }

    /// Whether it means every socket.
    pub fn is_all(&self) -> bool {
        self.expr == Expr::All
    }

    /// What has to be asked so that it can decide.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.expr.each_term(&mut |term| needs.add(term));
        needs
    }

    /// The query, for no more than what the kernel cannot tell to be no match. The devices are those of the namespace
    /// where it is asked, by index.
    pub(crate) fn narrow(
        &self,
        query: &KernelQuery,
        devices: Option<&HashMap<u32, String>>,
    ) -> KernelQuery {
        if self.is_all() {
            return query.clone();
        }
        let down = pushdown::of(&self.expr, devices);
        KernelQuery {
            protocols: query.protocols.and(down.protocols),
            states: query.states.and(down.states),
            local_port: query.local_port.or(down.local_port),
            peer_port: query.peer_port.or(down.peer_port),
            bytecode: query.bytecode.clone().or(down.bytecode),
            wanted: self.needs().details(query.wanted),
            ..query.clone()
        }
    }

    /// Takes out of the table what is judged so that it shall not stay, and hands it back.
    pub(crate) fn retain(
        &self,
        table: &mut Table,
        stays: impl Fn(Option<bool>) -> bool,
    ) -> Vec<Socket> {
        if self.is_all() {
            return Vec::new();
        }
        // All is judged before any row goes: what is meant may depend on the others.
        let judged = |socket: &Socket| stays(self.judge(table, socket));
        let stays: Vec<bool> = table.sockets.iter().map(judged).collect();
        let mut stays = stays.into_iter();
        table
            .sockets
            .extract_if(.., |_| stays.next() == Some(false))
            .collect()
    }

    /// What of it the kernel can decide. A device by name is left open here: its index depends on the namespace.
    pub fn pushdown(&self) -> Pushdown {
        pushdown::of(&self.expr, None)
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::all()
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text, &Names::system())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl Needs {
    /// These details as well as those that are wanted anyway.
    pub fn details(self, wanted: Wanted) -> Wanted {
        Wanted {
            tcp: wanted.tcp || self.tcp,
            memory: wanted.memory || self.memory,
            ..wanted
        }
    }

    fn add(&mut self, term: &Term) {
        match term {
            Term::Owner(_) | Term::Number(Number::Pid, ..) => self.owners = true,
            Term::Number(
                Number::Rtt | Number::Retransmits | Number::Sent | Number::Received,
                ..,
            ) => self.tcp = true,
            Term::Number(Number::Drops, ..) => self.memory = true,
            Term::Text(field, _) => match field {
                Field::Process | Field::Command => self.owners = true,
                Field::Unit | Field::Container | Field::Cgroup => {
                    self.owners = true;
                    self.units = true;
                }
                Field::Device => self.devices = true,
                Field::Namespace | Field::Path(_) => {}
            },
            _ => {}
        }
    }
}
