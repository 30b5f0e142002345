//! Filters on this machine's own sockets: with the kernel's help and without it, and beside ss.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sockeye_testkit::{peers, within};

use super::made;
use crate::host::filter::Filter;
use crate::host::table::{OwnerSearch, Request, Table};
use crate::host::verdict;

/// Sockets of many kinds, each with a port that nobody else has.
struct Fixture {
    listeners: Vec<TcpListener>,
    streams: Vec<TcpStream>,
    datagrams: Vec<UdpSocket>,
}

impl Fixture {
    fn new() -> Self {
        let mut fixture = Self {
            listeners: Vec::new(),
            streams: Vec::new(),
            datagrams: Vec::new(),
        };
        // The last one takes IPv4 too, where the machine has IPv6 at all.
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let host = if address == "[::1]:0" {
                "::1"
            } else {
                "127.0.0.1"
            };
            fixture
                .streams
                .push(TcpStream::connect((host, port)).unwrap());
            fixture.streams.push(listener.accept().unwrap().0);
            fixture.listeners.push(listener);
        }
        for address in ["127.0.0.1:0", "[::]:0"] {
            if let Ok(socket) = UdpSocket::bind(address) {
                fixture.datagrams.push(socket);
            }
        }
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected
            .connect(fixture.datagrams[0].local_addr().unwrap())
            .unwrap();
        fixture.datagrams.push(connected);
        fixture
    }

    fn ports(&self) -> BTreeSet<u16> {
        let listeners = self.listeners.iter().map(TcpListener::local_addr);
        let streams = self.streams.iter().map(TcpStream::local_addr);
        let datagrams = self.datagrams.iter().map(UdpSocket::local_addr);
        let all = listeners.chain(streams).chain(datagrams);
        all.map(|address| address.unwrap().port()).collect()
    }
}

/// Our sockets, by the kernel's name for them.
fn ours(table: &Table, ports: &BTreeSet<u16>) -> BTreeSet<u64> {
    let rows = table.sockets.iter().filter(|socket| {
        let port = socket.local.port();
        socket.protocol.has_ports() && port.is_some_and(|port| ports.contains(&port))
    });
    rows.filter_map(|socket| socket.cookie).collect()
}

#[test]
fn what_the_kernel_leaves_is_what_is_meant() {
    within(|| {
        let fixture = Fixture::new();
        let ports = fixture.ports();
        let whole = Request::new().details(verdict::details()).read().unwrap();
        assert!(ours(&whole, &ports).len() >= 9);
        let mut runner = TestRunner::new(Config {
            cases: 150,
            failure_persistence: None,
            ..Config::default()
        });
        let tried = runner.run(&(made::expr(), any::<bool>()), |(expr, near)| {
            // Half of the filters ask for ports that there are.
            let port = *ports.first().unwrap();
            let asked: Filter = format!("port = {port} or src 127/8").parse().unwrap();
            let filter = if near {
                Filter { expr }.and(asked)
            } else {
                Filter { expr }
            };
            let meant: BTreeSet<u64> = whole
                .sockets
                .iter()
                .filter(|socket| filter.matches(&whole, socket))
                .filter_map(|socket| socket.cookie)
                .collect();
            let request = Request::new()
                .owners(OwnerSearch::All)
                .filter(filter.clone());
            let left = ours(&request.read().unwrap(), &ports);
            let meant: BTreeSet<u64> = meant.intersection(&ours(&whole, &ports)).copied().collect();
            prop_assert_eq!(left, meant, "{}", filter);
            Ok(())
        });
        tried.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

#[test]
fn the_kernel_accepts_every_program() {
    within(|| {
        let mut runner = TestRunner::new(Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        });
        let tried = runner.run(&made::expr(), |expr| {
            let filter = Filter { expr };
            let request = Request::new()
                .owners(OwnerSearch::None)
                .filter(filter.clone());
            let notices = request.read().unwrap().notices;
            let refused = notices
                .iter()
                .any(|notice| notice.code == "filter-in-user-space");
            prop_assert!(
                !refused || filter.to_string().contains("fwmark"),
                "{}",
                filter
            );
            Ok(())
        });
        tried.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

#[test]
fn ss_lists_the_same() {
    let Some(ss) = peers::ss() else { return };
    within(move || {
        let fixture = Fixture::new();
        let ports = fixture.ports();
        let (one, last) = (ports.first().unwrap(), ports.last().unwrap());
        for filter in [
            format!("sport = :{one}"),
            format!("sport == :{one} or dport = :{one}"),
            format!("( sport = :{one} | sport = :{last} )"),
            format!("sport ge :{one} and sport le :{last}"),
            format!("sport gt :{one} sport lt :{last}"),
            format!("sport neq :{one}"),
            format!("! sport = :{one} and not dport = :{one}"),
            format!("src 127.0.0.1:{one}"),
            "src 127.0.0.1".to_owned(),
            "src [::1]".to_owned(),
            "src 127.0.0.0/8 and dst 127.0.0.1".to_owned(),
            "src 0.0.0.0/0".to_owned(),
            "dst ::/0".to_owned(),
            "dst [::ffff:127.0.0.1]".to_owned(),
            "not dst 127.0.0.1".to_owned(),
            "dport < 1024".to_owned(),
            "dev = lo".to_owned(),
            "dev != lo".to_owned(),
        ] {
            let output = Command::new(&ss)
                .arg("-Hntuae")
                .arg(&filter)
                .output()
                .unwrap();
            assert!(output.status.success(), "{filter}: {output:?}");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let cookies = text.lines().filter_map(|line| {
                let (_, rest) = line.split_once(" sk:")?;
                u64::from_str_radix(rest.split(' ').next()?, 16).ok()
            });
            let theirs: BTreeSet<u64> = cookies.collect();
            let all = ours(
                &Request::new().owners(OwnerSearch::None).read().unwrap(),
                &ports,
            );
            let theirs: BTreeSet<u64> = theirs.intersection(&all).copied().collect();
            let request = Request::new().owners(OwnerSearch::None);
            let table = request.filter(filter.parse().unwrap()).read().unwrap();
            if filter.contains("::") && filter.contains("dst") {
                // For ss ::ffff:127.0.0.1 is IPv6 and in no IPv4 network; for us it is what it carries.
                assert!(ours(&table, &ports).len() <= all.len());
                continue;
            }
            assert_eq!(ours(&table, &ports), theirs, "{filter}\n{text}");
        }
        // ss knows states only in front, and takes several side by side for all of them.
        for states in [
            "state established",
            "state listening",
            "state established state listening",
            "state connected",
            "state synchronized",
            "exclude listening",
            "state all exclude established",
            "state big",
            "state bucket",
        ] {
            let mut command = Command::new(&ss);
            command.arg("-Hnte").args(states.split(' '));
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let theirs: BTreeSet<u64> = text
                .lines()
                .filter_map(|line| {
                    let (_, rest) = line.split_once(" sk:")?;
                    u64::from_str_radix(rest.split(' ').next()?, 16).ok()
                })
                .collect();
            let filter: Filter = format!("tcp and ({states})").parse().unwrap();
            let request = Request::new().owners(OwnerSearch::None);
            let table = request.filter(filter).read().unwrap();
            let whole = Request::new().owners(OwnerSearch::None).read().unwrap();
            let all = ours(&whole, &ports);
            let theirs: BTreeSet<u64> = theirs.intersection(&all).copied().collect();
            assert_eq!(ours(&table, &ports), theirs, "{states}\n{text}");
        }
    });
}

#[test]
fn owners_are_looked_for_only_where_the_filter_asks() {
    within(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let port = server.local_addr().unwrap().port();
        let read = |text: &str| {
            let filter = format!("tcp port {port} and {text}").parse().unwrap();
            let request = Request::new().owners(OwnerSearch::None).filter(filter);
            request.read().unwrap()
        };
        assert_eq!(read("all").sockets.len(), 3);
        assert!(read("all").processes.is_empty());
        let pid = std::process::id();
        // The connection that waits to be accepted is the listener's.
        assert_eq!(read(&format!("pid = {pid}")).sockets.len(), 3);
        assert_eq!(read(&format!("not pid = {pid}")).sockets.len(), 0);
        assert_eq!(read("owner = accept-queue").sockets.len(), 1);
        assert_eq!(
            read(&format!("established pid = {pid} owner = none"))
                .sockets
                .len(),
            1
        );
        assert_eq!(read("owner = known").sockets.len(), 2);
        assert_eq!(read("rtt < 10s").sockets.len(), 2);
        assert_eq!(read("netns = here").sockets.len(), 3);
        drop(client);
    });
}
