//! A watch of real sockets: what the test sends is what the watch counts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sockeye_testkit::within;

use super::super::{Changes, Closed, Ending, Tie, Watch};
use super::party_text;
use crate::host::socket::{Protocol, Protocols, Wanted};
use crate::host::table::Request;

const WANTED: Wanted = Wanted {
    tcp: true,
    memory: false,
    rest: false,
};

fn tcp() -> Request {
    Request::new()
        .protocols(Protocols::only(Protocol::Tcp))
        .details(WANTED)
}

/// Tick until this is so; the test's deadline bounds it.
fn ticks_until(watch: &mut Watch, mut so: impl FnMut(&Watch, &Changes) -> bool) {
    loop {
        let changes = watch.tick().unwrap();
        if so(watch, &changes) {
            return;
        }
        // An event ends the wait; so does a while, in case it came before.
        let soon = Instant::now() + Duration::from_millis(20);
        watch.listen_until(soon).unwrap();
    }
}

/// The end of the connection from this port to that one.
fn of(closed: &Closed, local: u16, peer: u16) -> bool {
    let socket = &closed.socket;
    (socket.local.port(), socket.peer.port()) == (Some(local), Some(peer))
}

/// A connection, with the ports of client and server.
fn pair(listener: &TcpListener) -> (TcpStream, TcpStream, u16, u16) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, from) = listener.accept().unwrap();
    let port = listener.local_addr().unwrap().port();
    (client, server, from.port(), port)
}

#[test]
fn the_bytes_of_a_connection_are_those_that_were_sent() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut watch = Watch::new(tcp());
        watch.tick().unwrap();
        let (mut client, mut server, from, port) = pair(&listener);
        client.write_all(&[1; 5_000]).unwrap();
        server.read_exact(&mut [0; 5_000]).unwrap();
        let mut ours = None;
        ticks_until(&mut watch, |watch, changes| {
            ours = changes.opened.iter().copied().find(|key| {
                let (_, socket) = watch.ledger().find(*key).unwrap();
                (socket.local.port(), socket.peer.port()) == (Some(from), Some(port))
            });
            ours.is_some()
        });
        let key = ours.unwrap();
        let (record, _) = watch.ledger().find(key).unwrap();
        assert_eq!(record.counters.unwrap().sent, 5_000);
        assert!(record.rates.sent > 0.0);
        assert!(record.rtt.is_some());
        let party = record.party.as_ref().unwrap();
        assert_eq!(
            (party.tie, party.process.pid),
            (Tie::Holds, std::process::id())
        );

        server.write_all(&[2; 70_000]).unwrap();
        client.read_exact(&mut [0; 70_000]).unwrap();
        client.write_all(b"last").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        // The server ends first: the client keeps no remains.
        server.shutdown(Shutdown::Both).unwrap();
        drop((server, client));
        ticks_until(&mut watch, |_, changes| {
            let Some(closed) = changes.closed.iter().find(|closed| closed.key == key) else {
                return false;
            };
            assert_eq!(closed.ending, Ending::Told);
            let counters = closed.counters.unwrap();
            assert_eq!((counters.sent, counters.received), (5_004, 70_000));
            assert!(!closed.brief);
            true
        });
    });
}

#[test]
fn a_connection_between_two_ticks_is_counted_by_its_event() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut watch = Watch::new(tcp());
        watch.tick().unwrap();
        let (mut client, mut server, from, port) = pair(&listener);
        client.write_all(b"ping").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        server.write_all(b"a longer answer").unwrap();
        client.read_exact(&mut [0; 15]).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        drop(server);
        let mut ends = Vec::new();
        ticks_until(&mut watch, |_, changes| {
            for closed in &changes.closed {
                if of(closed, port, from) || of(closed, from, port) {
                    assert!(closed.brief, "{closed:?}");
                    ends.push(closed.clone());
                }
            }
            ends.len() == 2
        });
        ends.sort_by_key(|closed| closed.socket.local.port() != Some(port));
        let carried = ends.iter().map(|end| end.counters.unwrap());
        let carried: Vec<_> = carried.map(|c| (c.sent, c.received)).collect();
        assert_eq!(carried, [(15, 4), (4, 15)]);
        let named = party_text(ends[0].party.as_ref().unwrap());
        assert!(named.starts_with("listens "), "{named}");
        assert!(
            named.ends_with(&format!(" {}", std::process::id())),
            "{named}"
        );
        assert_eq!(ends[1].party, None);
        // What is left of it says whose it was.
        let ledger = watch.ledger();
        let left = ledger.live().find(|(record, socket)| {
            record.remains && socket.peer.port() == Some(port) && socket.local.port() == Some(from)
        });
        assert!(left.is_some(), "the client ended first and is in time-wait");
    });
}

#[test]
fn what_is_left_of_a_connection_of_ours_names_us() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut watch = Watch::new(tcp());
        let (client, server, from, port) = pair(&listener);
        watch.tick().unwrap();
        drop(client);
        drop(server);
        ticks_until(&mut watch, |watch, _| {
            let left = watch.ledger().live().find(|(record, socket)| {
                record.remains
                    && socket.local.port() == Some(from)
                    && socket.peer.port() == Some(port)
            });
            let Some((record, _)) = left else {
                return false;
            };
            let party = record.party.as_ref().unwrap();
            assert_eq!(
                (party.tie, party.process.pid),
                (Tie::Held, std::process::id())
            );
            true
        });
    });
}

#[test]
fn only_what_was_asked_for_is_told() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut watch = Watch::new(tcp().local_port(port));
        watch.tick().unwrap();
        let (client, server, from, _) = pair(&listener);
        drop((client, server));
        ticks_until(&mut watch, |watch, changes| {
            let ledger = watch.ledger();
            let ports = changes
                .opened
                .iter()
                .map(|key| ledger.find(*key).unwrap().1.local.port());
            let closed = changes
                .closed
                .iter()
                .map(|closed| closed.socket.local.port());
            assert!(ports.chain(closed).all(|local| local == Some(port)));
            changes.closed.iter().any(|closed| of(closed, port, from))
        });
    });
}
