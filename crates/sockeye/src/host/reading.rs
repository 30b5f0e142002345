//! How a [`Request`] becomes a [`Table`]: the kernel's list in each namespace, then the processes, then the names.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::diag::{self, KernelQuery};
use super::namespaces::{self, Target};
use super::owners::{self, Cache};
use super::process::{Missing, Owners};
use super::queues::{self, Queues};
use super::socket::{Address, NamespaceIndex, Protocol, Protocols, Socket, State, States, Wanted};
use super::table::{Namespace, Notice, OwnerSearch, Request, Table, Where};
use super::users::Users;
use crate::error::Result;

/// What one namespace has.
struct Part {
    sockets: Vec<Socket>,
    /// Listeners that were not asked for, and at which sockets of the list wait.
    others: Vec<Socket>,
    notices: Vec<Notice>,
    devices: HashMap<u32, String>,
}

/// Ask the kernel in each namespace, and put together what it says.
pub(super) fn read(request: &Request, cache: Option<&mut Cache>) -> Result<Table> {
    let (targets, notices) = namespaces::targets(&request.namespaces, &request.proc_root)?;
    let search = match request.owners {
        OwnerSearch::None if request.filter.needs().owners => OwnerSearch::All,
        search => search,
    };
    // Owners are unknown until they have been looked for, also for the filter.
    let mut table = Table::empty(OwnerSearch::None);
    table.notices = notices;
    table.proc_root.clone_from(&request.proc_root);
    let mut others = Vec::new();
    let mut entered = Vec::new();
    for target in targets {
        // There are at most 1,024 namespaces.
        let index = NamespaceIndex(table.namespaces.len() as u16);
        let looked = namespaces::inside(&target, || look(request, search, index));
        let part = match looked {
            Ok(part) => part,
            Err(closed) if request.namespaces == Where::Everywhere => {
                table.notices.push(closed.notice(&target.namespace));
                table.partial = true;
                continue;
            }
            Err(closed) => return Err(closed.error(&target.namespace)),
        };
        others.extend(absorb(&mut table, &target, part?));
        entered.push(target);
    }
    let dropped = request
        .filter
        .retain(&mut table, |meant| meant != Some(false));
    if table.sockets.iter().any(queues::waits) {
        others.extend(dropped.into_iter().filter(Socket::is_listener));
    }
    table.search = search;
    table.queues = Queues::of(table.sockets.iter().chain(&others));
    if search != OwnerSearch::None {
        // A view that asks again and again learns from its next look what has gone.
        let once = cache.is_none();
        find_owners(&mut table, &others, cache)?;
        if once {
            let query = request.filter.narrow(&request.kernel, None);
            table.closed = closed_since(&table, &entered, &query);
        }
    }
    request
        .filter
        .retain(&mut table, |meant| meant.unwrap_or(request.keep_unknown));
    Ok(table)
}

/// Put one namespace into the table; its other listeners come back.
fn absorb(table: &mut Table, target: &Target, part: Part) -> Vec<Socket> {
    table.partial |= part.notices.iter().any(diag::means_partial);
    for notice in part.notices {
        // What a kernel lacks, it lacks in each namespace.
        if !table.notices.contains(&notice) {
            table.notices.push(notice);
        }
    }
    if table.sockets.is_empty() {
        // Mostly there is one namespace, and its list may be long: moved, not copied.
        table.sockets = part.sockets;
    } else {
        table.sockets.extend(part.sockets);
    }
    table.namespaces.push(Namespace {
        devices: part.devices,
        ..target.namespace.clone()
    });
    part.others
}

/// Runs inside the namespace.
fn look(request: &Request, search: OwnerSearch, index: NamespaceIndex) -> Result<Part> {
    let named = request.filter.needs().devices.then(devices);
    let query = request.filter.narrow(&request.kernel, named.as_ref());
    let mut sockets = Vec::new();
    let notices = diag::sockets(&query, &request.proc_root, &mut sockets)?;
    for socket in &mut sockets {
        socket.namespace = index;
    }
    let others = match search {
        OwnerSearch::None => Vec::new(),
        _ => listeners_of(&sockets, &request.proc_root, index)?,
    };
    let devices = if sockets.iter().any(names_device) {
        devices()
    } else {
        HashMap::new()
    };
    Ok(Part {
        sockets,
        others,
        notices,
        devices,
    })
}

/// The listeners at which some of these sockets wait, if they are not among them.
fn listeners_of(sockets: &[Socket], root: &Path, index: NamespaceIndex) -> Result<Vec<Socket>> {
    let unmatched = Queues::of(sockets).unmatched(sockets);
    let mut found = Vec::new();
    let mut ask = |protocols: Protocols, local_port| {
        let query = KernelQuery {
            protocols,
            states: States::only(State::Listening),
            local_port,
            ..KernelQuery::default()
        };
        // What is missing here was said for the list itself.
        diag::sockets(&query, root, &mut found).map(drop)
    };
    if let [first, rest @ ..] = &*unmatched.ports {
        let protocols = unmatched.ports.iter().map(|(protocol, _)| *protocol);
        ask(protocols.collect(), rest.is_empty().then_some(first.1))?;
    }
    if unmatched.unix {
        let protocols = [Protocol::UnixStream, Protocol::UnixSeqpacket];
        ask(protocols.into_iter().collect(), None)?;
    }
    for socket in &mut found {
        socket.namespace = index;
    }
    Ok(found)
}

/// Whether the number of a device is part of what is shown.
fn names_device(socket: &Socket) -> bool {
    let in_address = |address: &Address| match address {
        Address::Packet { device, .. } => *device != 0,
        Address::Internet(std::net::SocketAddr::V6(v6)) => v6.scope_id() != 0,
        _ => false,
    };
    socket.device != 0 || in_address(&socket.local) || in_address(&socket.peer)
}

/// The devices of this thread's namespace.
fn devices() -> HashMap<u32, String> {
    let Ok(devices) = nix::net::if_::if_nameindex() else {
        // A device without a name keeps its number.
        return HashMap::new();
    };
    devices
        .iter()
        .map(|device| {
            let name = device.name().to_string_lossy().into_owned();
            (device.index(), name)
        })
        .collect()
}

fn find_owners(table: &mut Table, others: &[Socket], cache: Option<&mut Cache>) -> Result<()> {
    let wanted = table
        .sockets
        .iter()
        .chain(others)
        .filter_map(|socket| Some((socket.inode?, socket.uid)));
    let mut scanned = match cache {
        Some(cache) => cache.scan(&table.proc_root, wanted)?,
        None => owners::scan(&table.proc_root, wanted, table.search)?,
    };
    table.processes = std::mem::take(&mut scanned.processes);
    if !table.processes.is_empty() {
        let users = Users::of_system();
        for process in &mut table.processes {
            let name = process.uid.and_then(|uid| users.name(uid));
            process.user = name.map(str::to_owned);
        }
    }
    table.queues.set_holders(&scanned);
    table.scanned = scanned;
    Ok(())
}

/// Of the sockets that nobody was found to hold, those that are not there any more: they were closed between the list
/// and the look at the processes. Costs another list, but only of what is in question.
fn closed_since(table: &Table, entered: &[Target], query: &KernelQuery) -> HashSet<u64> {
    let user = rustix::process::geteuid().as_raw();
    // What processes of others hold is unknown anyway, and there may be much of it.
    let in_question = |socket: &&Socket| match table.owners(socket) {
        Owners::Missing(Missing::InFlight) => true,
        Owners::Missing(Missing::NeedsPrivilege) => socket.uid == Some(user),
        _ => false,
    };
    let in_question: Vec<&Socket> = table
        .sockets
        .iter()
        .filter(|socket| socket.inode.is_some())
        .filter(in_question)
        .collect();
    let mut closed = HashSet::new();
    for (index, target) in (0..).map(NamespaceIndex).zip(entered) {
        let here = || {
            in_question
                .iter()
                .filter(|socket| socket.namespace == index)
        };
        let Some(first) = here().next() else { continue };
        let port = first.local.port();
        let again = KernelQuery {
            protocols: here().map(|socket| socket.protocol).collect(),
            local_port: port.filter(|_| here().all(|socket| socket.local.port() == port)),
            wanted: Wanted::default(),
            ..query.clone()
        };
        let mut sockets = Vec::new();
        let list = || diag::sockets(&again, &table.proc_root, &mut sockets);
        if matches!(namespaces::inside(target, list), Ok(Ok(_))) {
            let alive: HashSet<u64> = sockets.iter().filter_map(|socket| socket.inode).collect();
            let inodes = here().filter_map(|socket| socket.inode);
            closed.extend(inodes.filter(|inode| !alive.contains(inode)));
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_closed_while_owners_were_looked_for_is_told_from_what_has_no_owner() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut alive = Socket::new(Protocol::Tcp, State::Listening);
        alive.local = Address::Internet(server.local_addr().unwrap());
        alive.inode = Some(rustix::fs::fstat(&server).unwrap().st_ino);
        let mut gone = alive.clone();
        // The number of no socket: they have 32 bits.
        gone.inode = Some(u64::MAX);
        let mut table = Table::from_parts(vec![alive, gone], Vec::new(), Vec::new(), Vec::new());
        let (entered, _) = namespaces::targets(&Where::Here, &table.proc_root).unwrap();
        table.closed = closed_since(&table, &entered, &KernelQuery::default());
        assert_eq!(table.closed, HashSet::from([u64::MAX]));
        let reasons: Vec<_> = table
            .sockets
            .iter()
            .map(|socket| table.owners(socket))
            .collect();
        let expected = [Missing::InFlight, Missing::Closed].map(Owners::Missing);
        assert_eq!(reasons, expected);
    }
}
