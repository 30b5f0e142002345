//! Connections that do not go on: ended ones that are kept, closed windows, silent peers, and what is left over.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::{
    CLOSE_WAIT_GROWING, CLOSE_WAIT_MANY, LOSS_AFTER_BYTES, LOSS_HIGH, ORPHANS_MANY,
    RETRANSMITS_MANY, SYN_SENT_MANY, Severity, TIME_WAIT_MANY, Verdict, whose,
};
use crate::host::socket::{Address, Protocol, Socket, State, TimerKind};
use crate::host::table::Table;

/// TCP sockets that are like this.
fn tcp<'a>(
    table: &'a Table,
    is: impl Fn(&Socket) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let sockets = table.sockets.iter().enumerate();
    sockets
        .filter(move |(_, socket)| socket.protocol == Protocol::Tcp && is(socket))
        .map(|(index, _)| index)
}

pub(super) fn close_wait(table: &Table, previous: Option<&Table>, found: &mut Vec<Verdict>) {
    let groups =
        |table| whose::by_process(table, tcp(table, |socket| socket.state == State::CloseWait));
    let before: Option<HashMap<Option<(u32, u64)>, usize>> = previous.map(|previous| {
        let groups = groups(previous).into_iter();
        groups
            .map(|(process, sockets)| {
                let key = process.map(|process| (process.pid, process.started));
                (key, sockets.len())
            })
            .collect()
    });
    for (process, sockets) in groups(table) {
        let key = process.map(|process| (process.pid, process.started));
        let old = before
            .as_ref()
            .map(|before| before.get(&key).copied().unwrap_or(0));
        let grown = sockets.len().saturating_sub(old.unwrap_or(usize::MAX));
        let growing = grown > 0 && sockets.len() >= CLOSE_WAIT_GROWING;
        if sockets.len() < CLOSE_WAIT_MANY && !growing {
            continue;
        }
        let owner = match process {
            Some(_) => whose::name(process),
            None => "a process that is not known".to_owned(),
        };
        let more = if growing {
            format!(", {grown} more than at the last look")
        } else {
            String::new()
        };
        found.push(Verdict {
            code: "close-wait",
            severity: Severity::Warning,
            sentence: format!(
                "{owner} keeps {} open that the peer has ended (CLOSE_WAIT){more}",
                whose::count(sockets.len(), "connection")
            ),
            hint: "the program has to close what it has read to the end: look for a forgotten close",
            sockets,
        });
    }
}

/// Connections that cannot send: closed windows, silent peers, losses.
pub(super) fn stalled(table: &Table, found: &mut Vec<Verdict>) {
    let closed = tcp(table, |socket| {
        socket
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::ZeroWindow)
    });
    for (process, sockets) in whose::by_process(table, closed) {
        let (what, peer) = several(table, &sockets);
        found.push(Verdict {
            code: "zero-window",
            severity: Severity::Warning,
            sentence: format!(
                "{} cannot send on {what} to {peer}: the peer's window is closed",
                whose::name(process)
            ),
            hint: "the program at the other end does not read; look there",
            sockets,
        });
    }
    let silent = tcp(table, |socket| {
        let tries = socket.tcp().map_or(0, |tcp| tcp.retransmits);
        let timer = socket
            .timer
            .filter(|timer| timer.kind == TimerKind::Retransmit);
        let tries = tries.max(timer.map_or(0, |timer| timer.retransmits));
        socket.state != State::SynSent && tries >= RETRANSMITS_MANY
    });
    for (process, sockets) in whose::by_process(table, silent) {
        let (what, peer) = several(table, &sockets);
        found.push(Verdict {
            code: "no-answer",
            severity: Severity::Warning,
            sentence: format!(
                "{} gets no answer on {what} from {peer}: the same is sent again and again",
                whose::name(process)
            ),
            hint: "the peer or the way there is gone, or a firewall drops the packets",
            sockets,
        });
    }
    losses(table, found);
}

fn losses(table: &Table, found: &mut Vec<Verdict>) {
    let lost = |socket: &Socket| {
        let tcp = socket.tcp()?;
        Some((tcp.bytes_sent?, tcp.bytes_retransmitted?))
    };
    let losing = tcp(table, |socket| {
        lost(socket).is_some_and(|(sent, again)| {
            sent >= LOSS_AFTER_BYTES && again.saturating_mul(100) >= sent.saturating_mul(LOSS_HIGH)
        })
    });
    for (process, sockets) in whose::by_process(table, losing) {
        let worst = sockets
            .iter()
            .filter_map(|index| lost(&table.sockets[*index]))
            .map(|(sent, again)| again.saturating_mul(100) / sent.max(1))
            .max();
        let (what, peer) = several(table, &sockets);
        found.push(Verdict {
            code: "loss",
            severity: Severity::Note,
            sentence: format!(
                "{} sent {} % of its bytes again on {what} to {peer}",
                whose::name(process),
                worst.unwrap_or(0)
            ),
            hint: "packets are lost on the way: look at the network between both",
            sockets,
        });
    }
}

/// `1 connection` and its peer, or how many and the first peer.
fn several(table: &Table, sockets: &[usize]) -> (String, String) {
    let mut peers: Vec<&Address> = sockets
        .iter()
        .map(|index| &table.sockets[*index].peer)
        .collect();
    peers.dedup();
    let first = peers
        .first()
        .map_or_else(String::new, |peer| whose::end(peer));
    let others = if peers.len() > 1 { " and others" } else { "" };
    (
        whose::count(sockets.len(), "connection"),
        format!("{first}{others}"),
    )
}

/// Connections to one place that nobody answers.
pub(super) fn unanswered(table: &Table, found: &mut Vec<Verdict>) {
    let mut places: BTreeMap<SocketAddr, Vec<usize>> = BTreeMap::new();
    for index in tcp(table, |socket| socket.state == State::SynSent) {
        if let Address::Internet(peer) = table.sockets[index].peer {
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            places.entry(peer).or_default().push(index);
        }
    }
    for (place, sockets) in places {
        if sockets.len() < SYN_SENT_MANY {
            continue;
        }
        found.push(Verdict {
            code: "syn-sent",
            severity: Severity::Warning,
            sentence: format!(
                "{} to {place} wait for an answer (SYN_SENT)",
                whose::count(sockets.len(), "connection")
            ),
            hint: "the peer is down, its accept queue is full, or a firewall drops the packets",
            sockets,
        });
    }
}

/// What is left of connections that programs have closed.
pub(super) fn leftover(table: &Table, found: &mut Vec<Verdict>) {
    let orphans: Vec<usize> = tcp(table, |socket| {
        let ending = matches!(
            socket.state,
            State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck
        );
        ending && socket.inode.is_none()
    })
    .collect();
    if orphans.len() >= ORPHANS_MANY {
        found.push(Verdict {
            code: "orphans",
            severity: Severity::Warning,
            sentence: format!(
                "{} have no owner any more and are not at their end: their peers do not close, or do not answer",
                whose::count(orphans.len(), "connection")
            ),
            hint: "they cost memory up to net.ipv4.tcp_max_orphans; net.ipv4.tcp_fin_timeout bounds the wait",
            sockets: orphans,
        });
    }
    let waiting: Vec<usize> = tcp(table, |socket| socket.state == State::TimeWait).collect();
    if waiting.len() >= TIME_WAIT_MANY {
        found.push(Verdict {
            code: "time-wait",
            severity: Severity::Note,
            sentence: format!(
                "{} are over and keep their ports for a minute (TIME_WAIT)",
                whose::count(waiting.len(), "connection")
            ),
            hint: "keep connections open and use them again: these come from many short ones",
            sockets: waiting,
        });
    }
}
