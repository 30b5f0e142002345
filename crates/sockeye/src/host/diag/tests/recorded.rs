//! Answers of a kernel (6.18), recorded once: the parser is tried on real bytes where no kernel can be asked.
//!
//! `record` makes them anew: `unshare -n sh -c 'ip link set lo up; cargo test -p sockeye --lib -- --ignored record'`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send,
    socket,
};
use proptest::prelude::*;

use crate::host::diag::inet::{self, Family};
use crate::host::diag::message::{Request, What, messages};
use crate::host::diag::{KernelQuery, netlink, packet, take, unix};
use crate::host::socket::{Protocol, Socket, States, Wanted};

const TCP: &[u8] = include_bytes!("fixtures/tcp.bin");
const TCP6: &[u8] = include_bytes!("fixtures/tcp6.bin");
const UDP: &[u8] = include_bytes!("fixtures/udp.bin");
const UNIX: &[u8] = include_bytes!("fixtures/unix.bin");
const PACKET: &[u8] = include_bytes!("fixtures/packet.bin");
const NETLINK: &[u8] = include_bytes!("fixtures/netlink.bin");
const RAW: &[u8] = include_bytes!("fixtures/raw.bin");
const ALL: [&[u8]; 7] = [TCP, TCP6, UDP, UNIX, PACKET, NETLINK, RAW];

const EVERYTHING: Wanted = Wanted {
    tcp: true,
    memory: true,
    rest: true,
};

fn rows(bytes: &[u8], parse: impl Fn(&[u8]) -> Option<Socket>) -> String {
    let mut told = String::new();
    for message in messages(bytes) {
        match message.what {
            What::Answer(kind, content) => {
                told += &format!("{kind} {:?}\n", parse(content).unwrap());
            }
            other => told += &format!("{other:?}\n"),
        }
    }
    told
}

#[test]
#[cfg(target_endian = "little")]
fn recorded_answers_are_read_as_what_they_were() {
    let tcp = |content: &[u8]| inet::parse(content, Protocol::Tcp);
    let udp = |content: &[u8]| inet::parse(content, Protocol::Udp);
    insta::assert_snapshot!("tcp", rows(TCP, tcp));
    insta::assert_snapshot!("tcp6", rows(TCP6, tcp));
    insta::assert_snapshot!("udp", rows(UDP, udp));
    insta::assert_snapshot!("unix", rows(UNIX, unix::parse));
    insta::assert_snapshot!(
        "packet",
        rows(PACKET, |content| packet::parse(content, EVERYTHING))
    );
    insta::assert_snapshot!(
        "netlink",
        rows(NETLINK, |content| netlink::parse(content, EVERYTHING))
    );
    insta::assert_snapshot!("raw", rows(RAW, |_| None));
}

proptest! {
    #[test]
    fn recorded_answers_may_be_cut_and_spoiled(
        which in 0..ALL.len(),
        cut in any::<prop::sample::Index>(),
        spoiled in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = ALL[which].to_vec();
        for (place, byte) in spoiled {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        take(&bytes);
    }
}

/// Every datagram of an answer, one behind the other.
fn answer(mut request: Request) -> Vec<u8> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .unwrap();
    connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    send(socket.as_raw_fd(), request.numbered(1), MsgFlags::empty()).unwrap();
    let (mut all, mut buffer) = (Vec::new(), vec![0; 65536]);
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        all.extend(&buffer[..length]);
        let ends = |what| matches!(what, What::Done(_) | What::Acknowledged(_));
        if messages(&buffer[..length]).any(|message| ends(message.what)) {
            return all;
        }
    }
}

#[test]
#[ignore = "writes the fixtures; run it in a namespace of its own"]
fn record() {
    let listeners = ["127.0.0.1:0", "[::1]:0"].map(|at| TcpListener::bind(at).unwrap());
    let mut clients: Vec<_> = listeners
        .iter()
        .map(|listener| TcpStream::connect(listener.local_addr().unwrap()).unwrap())
        .collect();
    let _accepted = listeners[0].accept().unwrap();
    clients[0].write_all(b"ten bytes!").unwrap();
    let over = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
    let ended = listeners[0].accept().unwrap();
    drop(over);
    drop(ended);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.send_to(b"unread", udp.local_addr().unwrap()).unwrap();
    let address = SocketAddr::from_abstract_name(b"recorded\0name").unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let _client = std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
    let _pair = UnixDatagram::pair().unwrap();
    let _frames = socket2::Socket::new(17.into(), socket2::Type::RAW, None).unwrap();
    drop(clients.pop());
    let query = KernelQuery {
        wanted: EVERYTHING,
        ..KernelQuery::default()
    };
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/host/diag/tests/fixtures");
    for (name, request) in [
        ("tcp", inet::dump_tcp(&query)),
        ("tcp6", inet::dump(&query, 6, Family::V6)),
        ("udp", inet::dump(&query, 17, Family::V4)),
        ("unix", unix::dump(States::ALL, EVERYTHING)),
        ("packet", packet::dump()),
        ("netlink", netlink::dump()),
        ("raw", inet::dump(&query, 255, Family::V4)),
    ] {
        fs::write(place.join(format!("{name}.bin")), answer(request)).unwrap();
    }
    drop(listener);
}
