//! `--close` and `--stop`: what is to end is shown, a person is asked, and only then it ends.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use sockeye::data::escape::escape;
use sockeye::host::act::{Ending, PortOwner, StopSignal, close_connection, port_owners};
use sockeye::host::process::{Missing, Owners};
use sockeye::host::socket::{Address, State};
use sockeye::host::table::Table;
use sockeye::{Error, Kind, Operation, Result};

use super::columns::Form;
use super::list;
use super::row::{Row, Side};
use super::show::Show;
use super::which::Selection;
use super::who::Who;
use crate::exit::Outcome;
use crate::local::{self, Input};
use crate::output::{Level, Output};

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most connections that are shown when more than one was meant.
const MAX_SHOWN: usize = 5;

/// The signal of `--stop`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Signal {
    #[default]
    Term,
    Int,
    Hup,
    Quit,
    Kill,
}

impl Signal {
    fn of_library(self) -> StopSignal {
        match self {
            Self::Term => StopSignal::Terminate,
            Self::Int => StopSignal::Interrupt,
            Self::Hup => StopSignal::HangUp,
            Self::Quit => StopSignal::Quit,
            Self::Kill => StopSignal::Kill,
        }
    }
}

/// A connection was closed.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "connection-closed")]
struct ConnectionClosed {
    protocol: &'static str,
    local: String,
    peer: String,
    owner: String,
}

impl fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed {}", self.what())
    }
}

impl ConnectionClosed {
    fn new(row: Row<'_>) -> Self {
        let text = |say: &dyn Fn(&mut String)| {
            let mut text = String::new();
            say(&mut text);
            text
        };
        Self {
            protocol: row.socket.protocol.word(),
            local: text(&|out| row.end(Side::Local, Form::Plain, out)),
            peer: text(&|out| row.end(Side::Peer, Form::Plain, out)),
            owner: text(&|out| row.owner(out)),
        }
    }

    fn what(&self) -> String {
        format!(
            "{} {} → {}, {}",
            self.protocol, self.local, self.peer, self.owner
        )
    }
}

/// A process was asked to end.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "process-stopped")]
struct ProcessStopped {
    pid: u32,
    name: String,
    signal: &'static str,
    outcome: &'static str,
}

impl fmt::Display for ProcessStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, pid, .. } = self;
        match self.outcome {
            "ended" => write!(f, "stopped {name} {pid}"),
            "was-gone" => write!(f, "{name} {pid} had ended already"),
            _ => write!(f, "{name} {pid} still runs"),
        }
    }
}

/// Close the one connection that is meant.
pub(super) fn close(
    who: Option<&Who>,
    selection: &Selection,
    show: &Show,
    yes: bool,
    output: &Output,
) -> Result<Outcome> {
    if who.is_none() && !selection.is_narrowed() {
        return Err(usage("which connection is to be closed?")
            .with_hint("say it with --who A-B, --port, --pid or a filter"));
    }
    let request = selection.request(true);
    let tables = match who {
        Some(who) => who.tables(&request, &selection.connected_protocols())?,
        None => vec![request.read()?],
    };
    let sources: Vec<_> = tables
        .iter()
        .map(|table| list::source(table, show))
        .collect();
    let rows = sources.iter().flat_map(|source| {
        let sockets = source.table.sockets.iter();
        sockets.map(move |socket| Row { source, socket })
    });
    let mut rows: Vec<Row<'_>> = rows
        .filter(|row| is_connection(*row) && selection.admits(*row))
        .collect();
    if who.is_none() {
        list::order(&mut rows, None);
    }
    forget_other_ends(&mut rows);
    match rows[..] {
        [] => {
            output.say(Level::Normal, "no such connection");
            Ok(Outcome::No)
        }
        [row] => {
            let closed = ConnectionClosed::new(row);
            if !agreed(&format!("close {}", closed.what()), yes, output)? {
                return Ok(Outcome::No);
            }
            close_connection(row.socket)?;
            output.data(&closed);
            Ok(Outcome::Done)
        }
        _ => Err(too_many(&rows)),
    }
}

/// What is not connected, or over, cannot be closed.
fn is_connection(row: Row<'_>) -> bool {
    let mut peer = String::new();
    row.end(Side::Peer, Form::Plain, &mut peer);
    let over = matches!(row.socket.state, State::Listening | State::TimeWait);
    row.socket.protocol.is_internet() && !over && !peer.is_empty()
}

/// Two ends of one connection within this machine are one connection: the first of them stays.
fn forget_other_ends(rows: &mut Vec<Row<'_>>) {
    fn end(address: &Address) -> (Option<IpAddr>, Option<u16>) {
        (address.ip(), address.port())
    }
    let mut kept: Vec<Row<'_>> = Vec::new();
    for row in rows.drain(..) {
        let socket = row.socket;
        let is_other_end = |kept: &Row<'_>| {
            kept.socket.protocol == socket.protocol
                && end(&kept.socket.local) == end(&socket.peer)
                && end(&kept.socket.peer) == end(&socket.local)
        };
        if !kept.iter().any(is_other_end) {
            kept.push(row);
        }
    }
    *rows = kept;
}

fn too_many(rows: &[Row<'_>]) -> Error {
    let shown: Vec<_> = rows
        .iter()
        .take(MAX_SHOWN)
        .map(|row| ConnectionClosed::new(*row).what())
        .collect();
    let more = match rows.len().saturating_sub(MAX_SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let count = rows.len();
    usage(format!(
        "{count} connections are meant, and one is closed at a time: {}{more}",
        shown.join("; ")
    ))
    .with_hint("--who A-B names exactly one")
}

/// Stop the processes that listen on these ports: them alone, and no client.
pub(super) fn stop(
    ports: &[u16],
    selection: &Selection,
    signal: Signal,
    wait: Option<Duration>,
    yes: bool,
    output: &Output,
) -> Result<Outcome> {
    if ports.is_empty() {
        return Err(usage("which port is to be freed?").with_hint("`sockeye sockets --stop 8080`"));
    }
    let selection = selection.waiting();
    let mut owners: Vec<PortOwner> = Vec::new();
    for port in ports {
        let table = selection.request(true).local_port(*port).read()?;
        let found = port_owners(&table, *port);
        if found.is_empty() {
            return nobody(*port, &table, output);
        }
        for owner in found {
            if owners
                .iter()
                .all(|known| known.process().pid != owner.process().pid)
            {
                owners.push(owner);
            }
        }
    }
    let names: Vec<_> = owners.iter().map(named).collect();
    let question = format!("stop {}, listening on {}", names.join(", "), spelled(ports));
    if !agreed(&question, yes, output)? {
        return Ok(Outcome::No);
    }
    let wait = wait.unwrap_or(PATIENCE);
    let mut lives = None;
    for owner in &owners {
        let ending = owner.stop(signal.of_library(), wait)?;
        let stopped = ProcessStopped {
            pid: owner.process().pid,
            name: escape(&owner.process().name),
            signal: signal.of_library().word(),
            outcome: match ending {
                Ending::Ended => "ended",
                Ending::StillAlive => "alive",
                Ending::WasGone => "was-gone",
            },
        };
        if ending == Ending::StillAlive {
            lives = Some(owner);
        }
        output.data(&stopped);
    }
    match lives {
        None => Ok(Outcome::Done),
        Some(owner) => {
            let wait = sockeye::data::units::print_duration(wait);
            let why = format!("{} still runs after {wait}", named(owner));
            Err(Error::new(Kind::TimedOut, Operation::Stop, why)
                .with_hint("--timeout gives it more time, --signal kill leaves it no choice"))
        }
    }
}

/// Nobody is named who listens on this port: because nobody does, or because who does is hidden.
fn nobody(port: u16, table: &Table, output: &Output) -> Result<Outcome> {
    let mut listeners = table
        .sockets
        .iter()
        .filter(|s| s.local.port() == Some(port));
    let hidden = listeners.any(|socket| {
        let owners = table.owners(socket);
        matches!(owners, Owners::Missing(Missing::NeedsPrivilege))
    });
    if hidden {
        let why = format!("cannot see who listens on port {port}: it is a process of another user");
        return Err(Error::new(Kind::Denied, Operation::Stop, why).with_hint("try it as root"));
    }
    output.say(Level::Normal, format_args!("nobody listens on port {port}"));
    Ok(Outcome::No)
}

fn named(owner: &PortOwner) -> String {
    let process = owner.process();
    format!("{} {}", escape(&process.name), process.pid)
}

fn spelled(ports: &[u16]) -> String {
    let numbers: Vec<_> = ports.iter().map(u16::to_string).collect();
    let plural = if ports.len() == 1 { "port" } else { "ports" };
    format!("{plural} {}", numbers.join(", "))
}

/// Whether it is to be done. At a terminal a person is asked; elsewhere `--yes` has to say it.
fn agreed(question: &str, yes: bool, output: &Output) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if local::input() != Input::Terminal {
        return Err(usage(format!("nobody is there to be asked: {question}?"))
            .with_hint("--yes does it without asking"));
    }
    output.ask(&format!("{question}? [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    let agreed = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes");
    if !agreed {
        output.say(Level::Normal, "nothing was done");
    }
    Ok(agreed)
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}
