//! Whose sockets verdicts are about, and where they are, in words.

use std::collections::HashMap;

use sockeye_data::escape::escape;

use crate::host::process::{Missing, Owners, Process};
use crate::host::socket::{Address, Socket, UnixName};
use crate::host::table::Table;

/// The first process that holds a socket, or the listener at which it waits.
pub(super) fn first<'a>(table: &'a Table, socket: &Socket) -> Option<&'a Process> {
    match table.owners(socket) {
        Owners::Held(holders) | Owners::Missing(Missing::AcceptQueue(holders)) => {
            holders.first().map(|holder| table.process(holder))
        }
        Owners::Missing(_) => None,
    }
}

/// `nginx (pid 77)`, or `its process` if that cannot be named.
pub(super) fn name(process: Option<&Process>) -> String {
    match process {
        Some(process) => format!("{} (pid {})", escape(&process.name), process.pid),
        None => "its process".to_owned(),
    }
}

/// Sockets by the process that holds them, in the order of the table; those without a known one together.
pub(super) fn by_process(
    table: &Table,
    sockets: impl Iterator<Item = usize>,
) -> Vec<(Option<&Process>, Vec<usize>)> {
    let mut groups: Vec<(Option<&Process>, Vec<usize>)> = Vec::new();
    let mut known: HashMap<Option<(u32, u64)>, usize> = HashMap::new();
    for index in sockets {
        let process = first(table, &table.sockets[index]);
        let next = groups.len();
        let key = process.map(|process| (process.pid, process.started));
        let group = *known.entry(key).or_insert(next);
        if group == next {
            groups.push((process, Vec::new()));
        }
        groups[group].1.push(index);
    }
    groups
}

/// Where a socket is: `tcp://0.0.0.0:8080`, `unix:/run/x`.
pub(super) fn place(socket: &Socket) -> String {
    match &socket.local {
        Address::Internet(_) => format!("{}://{}", socket.protocol, end(&socket.local)),
        _ => format!("{}:{}", socket.protocol, end(&socket.local)),
    }
}

/// One end, safe for a terminal; IPv4 that is written as IPv6 as IPv4.
pub(super) fn end(address: &Address) -> String {
    match address {
        Address::Internet(socket) => {
            let canonical = std::net::SocketAddr::new(socket.ip().to_canonical(), socket.port());
            canonical.to_string()
        }
        Address::Unix(UnixName::Path(path)) => escape(path),
        Address::Unix(UnixName::Abstract(name)) => format!("@{}", escape(name)),
        _ => "(unnamed)".to_owned(),
    }
}

/// `1 connection`, `5 connections`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
