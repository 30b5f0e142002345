//! Queues that programs do not empty: connections that wait to be accepted, datagrams that nobody reads.

use std::collections::HashMap;

use super::{ACCEPT_QUEUE_FILLING, RECEIVE_QUEUE_FULL, Severity, Verdict, whose};
use crate::host::socket::{Protocol, Socket};
use crate::host::table::Table;

pub(super) fn accept(table: &Table, found: &mut Vec<Verdict>) {
    for (index, socket) in table.sockets.iter().enumerate() {
        if !socket.is_listener() {
            continue;
        }
        let (waiting, limit) = (
            u64::from(socket.receive_queue),
            u64::from(socket.send_queue),
        );
        // The kernel takes one more than the limit says.
        let full = waiting > limit;
        let filling = waiting * 100 >= limit * ACCEPT_QUEUE_FILLING && waiting > 1;
        if !full && !filling {
            continue;
        }
        let place = whose::place(socket);
        let owner = whose::name(whose::first(table, socket));
        found.push(if full {
            Verdict {
                code: "accept-queue-full",
                severity: Severity::Warning,
                sentence: format!(
                    "accept queue of {place} is full: {waiting} of {limit} wait; {owner} does not accept fast enough"
                ),
                hint: "look what keeps the program from accepting; a larger backlog (and net.core.somaxconn) only delays this",
                sockets: vec![index],
            }
        } else {
            Verdict {
                code: "accept-queue-filling",
                severity: Severity::Note,
                sentence: format!("accept queue of {place} fills up: {waiting} of {limit} wait for {owner}"),
                hint: "look again soon: if it grows, the program does not accept fast enough",
                sockets: vec![index],
            }
        });
    }
}

pub(super) fn datagrams(table: &Table, previous: Option<&Table>, found: &mut Vec<Verdict>) {
    let before = previous.map(drops_before);
    for (index, socket) in table.sockets.iter().enumerate() {
        let Some(memory) = socket.memory().filter(|_| has_datagrams(socket.protocol)) else {
            continue;
        };
        let place = whose::place(socket);
        let owner = whose::name(whose::first(table, socket));
        let (held, buffer) = (u64::from(memory.received), u64::from(memory.receive_buffer));
        if buffer > 0 && held * 100 >= buffer * RECEIVE_QUEUE_FULL {
            found.push(Verdict {
                code: "receive-queue-full",
                severity: Severity::Warning,
                sentence: format!(
                    "receive queue of {place} is full: {held} of {buffer} bytes; {owner} does not read fast enough"
                ),
                hint: "what comes now is dropped: read faster, or enlarge SO_RCVBUF (net.core.rmem_max) for bursts",
                sockets: vec![index],
            });
        }
        let drops = memory.drops.unwrap_or(0);
        let old = before.as_ref().map(|before| {
            let cookie = socket.cookie.and_then(|cookie| before.get(&cookie));
            cookie.copied().unwrap_or(0)
        });
        if let Some(verdict) = dropped(drops, old, &place, &owner, index) {
            found.push(verdict);
        }
    }
}

fn dropped(
    drops: u32,
    old: Option<u32>,
    place: &str,
    owner: &str,
    index: usize,
) -> Option<Verdict> {
    // With an earlier table only what was lost since then counts.
    let more = drops.saturating_sub(old.unwrap_or(0));
    if more == 0 {
        return None;
    }
    let (severity, since) = match old {
        Some(_) => (
            Severity::Warning,
            format!("{more} since the last look, {drops} in all"),
        ),
        None => (Severity::Note, format!("{drops} since it was opened")),
    };
    Some(Verdict {
        code: "datagrams-dropped",
        severity,
        sentence: format!("the kernel dropped packets for {place} ({owner}): {since}"),
        hint: "the queue was full when they came: read faster, or enlarge SO_RCVBUF (net.core.rmem_max)",
        sockets: vec![index],
    })
}

fn has_datagrams(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Udp | Protocol::UdpLite | Protocol::Raw | Protocol::Icmp | Protocol::Packet
    )
}

fn drops_before(table: &Table) -> HashMap<u64, u32> {
    let drops = |socket: &Socket| Some((socket.cookie?, socket.memory()?.drops?));
    table.sockets.iter().filter_map(drops).collect()
}
