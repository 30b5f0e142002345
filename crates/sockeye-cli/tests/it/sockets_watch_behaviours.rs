//! What only a watch can tell: who had a connection that is over, how long one waits to be closed, that a successor on
//! the same ports is another one, and that events were lost.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use serde_json::Value;
use sockeye_testkit::{NetworkNamespace, within};

use crate::sockets::listener;
use crate::sockets_behaviours::python_in;
use crate::sockets_watch::{told, watch};
use crate::terminal::Screen;
use crate::{SOCKEYE, json_lines};

#[test]
fn what_is_left_of_a_connection_names_who_had_it() {
    within(|| {
        let (listener, port) = listener();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let from = client.local_addr().unwrap().port();
        let (mut served, _) = listener.accept().unwrap();
        let program = watch(port, &["--json", "--interval", "100ms"]);
        let at_client = |line: &Value| line["socket"]["local"]["port"] == from;
        let there = told(&program, "present", at_client);
        assert_eq!(there["party"]["tie"], "holds");
        // Who ends first is in time-wait in the end.
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(served.read(&mut [0; 1]).unwrap(), 0);
        drop(served);
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        drop(client);
        let over = told(&program, "closed", at_client);
        assert_eq!(over["key"], there["key"]);
        assert_eq!(over["party"]["pid"], std::process::id());
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
    });
}

#[test]
fn a_connection_that_is_not_closed_shows_since_when_and_whose_it_is() {
    within(|| {
        let (listener, port) = listener();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        let filter = format!("sport = {port} and not listening");
        let args = ["sockets", "--watch", "-t", "--interval", "100ms", &filter];
        let screen = Screen::start(&args);
        screen.until("established", "127.0.0.1");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(served.read(&mut [0; 1]).unwrap(), 0);
        screen.until("close-wait", "\x1b[");
        screen.keys("\r");
        let details = screen.until("┌", "user");
        let pid = std::process::id().to_string();
        for word in ["tcp", "close-wait", "for", "owner", &pid] {
            assert!(details.contains(word), "{word}: {details:?}");
        }
        // Its beginning was seen, so there is no `>` before the time.
        assert!(!details.contains('>'), "{details:?}");
        screen.keys("q");
        assert_eq!(screen.wait().1, Some(0));
    });
}

/// A connection from this port, which was used before.
fn connect_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&from.into()).unwrap();
    // A program that another test starts has our descriptors for a moment, and so the one before.
    while let Err(error) = socket.connect(&to.into()) {
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        std::thread::yield_now();
    }
    // It ends with a reset, so that nothing is left of it.
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.into()
}

#[test]
fn a_successor_on_the_same_ports_starts_from_nothing() {
    within(|| {
        let (listener, port) = listener();
        let to = listener.local_addr().unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut client = connect_from(any, to);
        let from = client.local_addr().unwrap();
        let (mut served, _) = listener.accept().unwrap();
        let program = watch(port, &["--json", "--interval", "100ms"]);
        let at_client = |line: &Value| line["socket"]["local"]["port"] == from.port();
        let first = told(&program, "present", at_client)["key"].clone();
        client.write_all(&[1; 50_000]).unwrap();
        served.read_exact(&mut [0; 50_000]).unwrap();
        told(&program, "sample", |line| {
            line["key"] == first && line["sent"] == 50_000
        });
        // In between two looks, the same ports become another connection.
        drop((client, served));
        let mut client = connect_from(from, to);
        let (mut served, _) = listener.accept().unwrap();
        client.write_all(&[2; 100]).unwrap();
        served.read_exact(&mut [0; 100]).unwrap();
        let closed = told(&program, "closed", |line| line["key"] == first);
        assert_eq!(closed["sent"], 50_000);
        let second = told(&program, "opened", at_client);
        assert_ne!(second["key"], first);
        assert_eq!(second["sent"], 100);
        program.interrupt();
        for line in json_lines(&program.wait().stdout) {
            for key in ["sent_rate", "received_rate", "retransmit_rate"] {
                let rate = line[key].as_f64();
                assert!(rate.is_none_or(|rate| rate >= 0.0), "{line}");
            }
        }
    });
}

/// Sends over a connection; or opens and closes others with a reset until the kernel drops what it tells of them.
const BUSY: &str = "import socket, struct, sys\n\
    def dropped():\n\
    \x20 rows = [row.split() for row in open('/proc/self/net/netlink')][1:]\n\
    \x20 return any(row[1] == '4' and row[8] != '0' for row in rows)\n\
    l, m = (socket.create_server(('127.0.0.1', 0)) for _ in 'lm')\n\
    c = socket.create_connection(l.getsockname()); a, _ = l.accept()\n\
    print('ready', l.getsockname()[1], flush=True)\n\
    for word in sys.stdin:\n\
    \x20 if word == 'send\\n':\n\
    \x20   c.sendall(bytes(10_000)); a.recv(10_000, socket.MSG_WAITALL)\n\
    \x20 while word == 'close\\n' and not dropped():\n\
    \x20   for _ in range(100):\n\
    \x20     e = socket.create_connection(m.getsockname()); f, _ = m.accept()\n\
    \x20     e.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); e.close(); f.close()\n\
    \x20 print('did', word, flush=True)";

#[test]
fn lost_events_are_said_and_totals_go_on_rising() {
    // In a namespace of its own: no other watch shall lose events.
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        let Some((mut busy, ports)) = python_in(&namespace, BUSY) else {
            return;
        };
        let pid = busy.pid();
        let args = ["sockets", "--watch", "-t", "--json", "--interval", "100ms"];
        let args = args.iter().copied().chain(["--port", ports[0].as_str()]);
        let program = namespace.start(SOCKEYE, args);
        let sum = |line: &Value| line["sent"].as_u64().unwrap();
        let ours = |line: &Value| line["process"]["pid"] == pid;
        told(&program, "look", |_| true);
        busy.write("send\n");
        told(&program, "totals", |line| ours(line) && sum(line) >= 10_000);
        // It stands still while the kernel tells of more closings than it keeps.
        let stopped = Pid::from_raw(program.pid().cast_signed());
        kill(stopped, Signal::SIGSTOP).unwrap();
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(stopped), flags).unwrap();
        busy.write("close\n");
        busy.stdout_until("did close");
        kill(stopped, Signal::SIGCONT).unwrap();
        let notice = told(&program, "notice", |line| line["code"] == "resynchronised");
        assert!(notice["text"].is_string(), "{notice}");
        told(&program, "look", |line| line["resynchronised"] == true);
        busy.write("send\n");
        told(&program, "totals", |line| ours(line) && sum(line) >= 20_000);
        program.interrupt();
        let lines = json_lines(&program.wait().stdout);
        let totals = lines
            .iter()
            .filter(|line| line["type"] == "totals" && ours(line));
        let sums: Vec<u64> = totals.map(sum).collect();
        assert!(sums.is_sorted(), "{sums:?}");
    });
}
