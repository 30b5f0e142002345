//! The matrix of what keeps message boundaries: among themselves, and beside streams.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use sockeye::relay::JoinOptions;
use sockeye_testkit::{LIMIT, pattern, temporary_dir};

use crate::matrix_cells::{Cell, run};
use crate::matrix_ends::{KINDS, Kind, Place};
use crate::relay_fixture::{Relay, Setup, socket_addr};

/// Empty, small, around the limits of an Ethernet frame, of pages, and of UDP.
const SIZES: [usize; 13] = [
    0, 1, 2, 1472, 1473, 1500, 1501, 4096, 9000, 32_768, 65_506, 65_507, 0,
];

/// Larger than a UDP datagram can be.
const BEYOND_UDP: usize = 150_000;

/// What carries messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Udp,
    Datagrams,
    Packets,
}

use Carrier::{Datagrams, Packets, Udp};

const CARRIERS: [Carrier; 3] = [Udp, Datagrams, Packets];

impl Carrier {
    fn name(self) -> &'static str {
        match self {
            Udp => "udp",
            Datagrams => "unix-dgram",
            Packets => "unix-seqpacket",
        }
    }

    fn socket(self) -> Socket {
        let socket = match self {
            Udp => Socket::new(Domain::IPV4, Type::DGRAM, None),
            Datagrams => Socket::new(Domain::UNIX, Type::DGRAM, None),
            Packets => Socket::new(Domain::UNIX, Type::SEQPACKET, None),
        };
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket
    }

    fn listen_text(self, dir: &Path) -> String {
        match self {
            Udp => "udp://127.0.0.1:0".to_owned(),
            _ => format!("{}:{}", self.name(), listening_path(dir).display()),
        }
    }

    /// A client of a relay that listens.
    fn client(self, dir: &Path, relay: &Relay) -> Peer {
        let socket = self.socket();
        match self {
            Udp => socket
                .connect(&socket_addr(&relay.listening[0]).into())
                .unwrap(),
            _ => {
                if self == Datagrams {
                    // Without a name nobody can answer it.
                    let name = SockAddr::unix(dir.join("client")).unwrap();
                    socket.bind(&name).unwrap();
                }
                let server = SockAddr::unix(listening_path(dir)).unwrap();
                socket.connect(&server).unwrap();
            }
        }
        Peer {
            socket,
            is_connected: true,
        }
    }

    /// A server, and its endpoint.
    fn server(self, dir: &Path) -> (Peer, String) {
        let socket = self.socket();
        let (addr, text) = match self {
            Udp => {
                let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
                (any.into(), String::new())
            }
            _ => {
                let path = dir.join("server");
                let text = format!("{}:{}", self.name(), path.display());
                (SockAddr::unix(&path).unwrap(), text)
            }
        };
        socket.bind(&addr).unwrap();
        if self == Packets {
            socket.listen(1).unwrap();
        }
        let text = match socket.local_addr().unwrap().as_socket() {
            Some(addr) => format!("udp://{addr}"),
            None => text,
        };
        let peer = Peer {
            socket,
            is_connected: false,
        };
        (peer, text)
    }

    /// Meet whoever connected, where connecting is something that can be seen.
    fn accept(self, server: Peer) -> Peer {
        match self {
            Packets => {
                let socket = server.socket.accept().unwrap().0;
                socket.set_read_timeout(Some(LIMIT)).unwrap();
                Peer {
                    socket,
                    is_connected: true,
                }
            }
            _ => server,
        }
    }
}

fn listening_path(dir: &Path) -> PathBuf {
    dir.join("relay")
}

/// The other end of a link of messages.
struct Peer {
    socket: Socket,
    /// A server of datagrams answers whoever speaks first.
    is_connected: bool,
}

impl Peer {
    fn says(&mut self, message: &[u8]) {
        assert_eq!(self.socket.send(message).unwrap(), message.len());
    }

    fn hears(&mut self, expected: &[u8]) {
        let heard = self.message();
        assert_eq!(heard.len(), expected.len(), "the length of a message");
        assert!(
            heard == expected,
            "a message of {} bytes differs",
            heard.len()
        );
    }

    fn message(&mut self) -> Vec<u8> {
        if !self.is_connected {
            let from = self.socket.peek_sender().unwrap();
            self.socket.connect(&from).unwrap();
            self.is_connected = true;
        }
        let mut heard = vec![0; BEYOND_UDP + 1];
        let n = self.socket.read(&mut heard).unwrap();
        heard.truncate(n);
        heard
    }
}

fn short_linger() -> Setup {
    let mut options = JoinOptions::default();
    options.datagram_linger = Some(Duration::from_millis(50));
    Setup {
        options,
        ..Setup::default()
    }
}

#[test]
fn messages_of_every_size_pass_whole_both_ways() {
    let mut cells: Vec<Cell> = Vec::new();
    for inbound in CARRIERS {
        for outbound in CARRIERS {
            let name = format!("{} -> {}: sizes", inbound.name(), outbound.name());
            let cell = move || every_size(inbound, outbound);
            cells.push((name, Box::new(cell)));
        }
    }
    run(cells);
}

fn every_size(inbound: Carrier, outbound: Carrier) {
    let dir = temporary_dir();
    let (server, target) = outbound.server(dir.path());
    let relay = Relay::start(&inbound.listen_text(dir.path()), &target, Setup::default());
    let mut client = inbound.client(dir.path(), &relay);
    // A session begins with its first message.
    client.says(b"begin");
    relay.wait_open();
    let mut server = outbound.accept(server);
    server.hears(b"begin");
    let beyond = (inbound != Udp && outbound != Udp).then_some(BEYOND_UDP);
    for (seed, size) in (0..).zip(SIZES.into_iter().chain(beyond)) {
        let (question, answer) = (pattern(seed, size), pattern(!seed, size));
        client.says(&question);
        server.hears(&question);
        server.says(&answer);
        client.hears(&answer);
    }
}

#[test]
fn packets_end_when_their_peer_ends_and_the_other_way_goes_on() {
    let dir = temporary_dir();
    let (server, target) = Packets.server(dir.path());
    let relay = Relay::start(&Packets.listen_text(dir.path()), &target, Setup::default());
    let mut client = Packets.client(dir.path(), &relay);
    let mut server = Packets.accept(server);
    client.says(b"question");
    client.says(b"");
    client.socket.shutdown(std::net::Shutdown::Write).unwrap();
    server.hears(b"question");
    server.hears(b"");
    server.hears(b"");
    server.says(b"");
    server.says(b"late answer");
    drop(server);
    client.hears(b"");
    client.hears(b"late answer");
    let totals = relay.joined().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    assert_eq!(
        (totals.upstream.messages, totals.downstream.messages),
        (2, 2)
    );
}

#[test]
fn streams_and_messages_talk_to_each_other() {
    let mut cells: Vec<Cell> = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.half_closes) {
        for carrier in CARRIERS {
            let name = format!("{} -> {}: raw framing", kind.name, carrier.name());
            cells.push((name, Box::new(move || stream_to_messages(kind, carrier))));
            let name = format!("{} -> {}: raw framing", carrier.name(), kind.name);
            cells.push((name, Box::new(move || messages_to_stream(carrier, kind))));
        }
    }
    run(cells);
}

fn place(dir: &Path, side: &'static str) -> Place {
    Place {
        dir: dir.to_owned(),
        side,
        small: false,
    }
}

fn stream_to_messages(kind: &'static Kind, carrier: Carrier) {
    let dir = temporary_dir();
    let (server, target) = carrier.server(dir.path());
    let near = (kind.listens)(&place(dir.path(), "in"));
    let relay = Relay::start(&near.text, &target, short_linger());
    let mut client = (near.meet)(&relay.listening[0]);
    relay.wait_open();
    drop(near.keep);
    let mut server = carrier.accept(server);
    for (seed, size) in (0..).zip(SIZES) {
        let (question, answer) = (pattern(seed, size), pattern(!seed, size));
        client.say(&question);
        // A stream may be cut anywhere, and bytes that are none make no message.
        let mut heard = Vec::new();
        while heard.len() < size {
            heard.extend(server.message());
        }
        assert!(heard == question, "{size} bytes differ");
        if server.is_connected {
            server.says(&answer);
            client.hears(&answer);
        }
    }
    client.end();
    if carrier == Packets {
        server.hears(b"");
        drop(server);
    }
    client.hears_end(kind);
    assert_eq!(relay.joined().totals.ended_by.reason(), "ended");
}

fn messages_to_stream(carrier: Carrier, kind: &'static Kind) {
    let dir = temporary_dir();
    let far = (kind.targets)(&place(dir.path(), "out"));
    let relay = Relay::start(&carrier.listen_text(dir.path()), &far.text, short_linger());
    let mut client = carrier.client(dir.path(), &relay);
    client.says(b"begin");
    let mut server = (far.meet)(&relay.listening[0]);
    relay.wait_open();
    drop(far.keep);
    server.hears(b"begin");
    for (seed, size) in (0..).zip(SIZES) {
        let (question, answer) = (pattern(seed, size), pattern(!seed, size));
        client.says(&question);
        server.hears(&question);
        server.say(&answer);
        let mut heard = Vec::new();
        while heard.len() < size {
            heard.extend(client.message());
        }
        assert!(heard == answer, "{size} bytes differ");
    }
    server.end();
    if carrier == Packets {
        client.hears(b"");
        drop(client);
        server.hears_end(kind);
    }
    assert_eq!(relay.joined().totals.ended_by.reason(), "ended");
}
