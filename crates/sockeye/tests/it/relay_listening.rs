//! Listening: families, ports, names, and saying what is wrong with them.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sockeye::net::Net;
use sockeye::net::resolve::Resolver;
use sockeye::relay::Service;
use sockeye::wire::{Event, Observer, What};
use sockeye::{Endpoint, Kind};
use sockeye_testkit::{LIMIT, within};

use crate::relay_fixture::{Relay, Setup, own_loopback, runtime, socket_addr};

/// A client is echoed.
fn is_echoed(addr: SocketAddr) {
    let mut client = TcpStream::connect(addr).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

fn echo(listen: &str) -> Relay {
    Relay::service(listen, Service::Echo, Setup::default()).unwrap()
}

fn has_ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("SKIPPED: needs IPv6 on loopback");
    }
    has
}

const FOUR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const SIX: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

#[test]
fn a_port_alone_is_both_families_of_this_machine() {
    within(|| {
        for listen in ["0", "tcp://localhost:0", ":0"] {
            let relay = echo(listen);
            let addresses: Vec<_> = relay.listening.iter().map(socket_addr).collect();
            let port = addresses[0].port();
            assert!(
                addresses
                    .iter()
                    .all(|addr| addr.port() == port && port != 0)
            );
            is_echoed((FOUR, port).into());
            if has_ipv6() {
                assert_eq!(addresses.len(), 2, "{listen}: {addresses:?}");
                is_echoed((SIX, port).into());
            }
        }
    });
}

#[test]
fn a_family_restricts_listening() {
    within(|| {
        if !has_ipv6() {
            return;
        }
        for (family, taken, other) in [("4", FOUR, SIX), ("6", SIX, FOUR)] {
            for listen in ["tcp:0", "tcp://:0", "tcp://localhost:0"] {
                let relay = echo(&format!("{listen}?family={family}"));
                let addresses: Vec<_> = relay.listening.iter().map(socket_addr).collect();
                assert_eq!(addresses.len(), 1, "{addresses:?}");
                let port = addresses[0].port();
                is_echoed((taken, port).into());
                let refused = TcpStream::connect((other, port)).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            }
        }
    });
}

#[test]
fn an_address_that_this_machine_lacks_is_passed_over() {
    within(|| {
        // A machine without IPv6 answers in the same way for every IPv6 address.
        let hosts = "2001:db8::1 here.test\n127.0.0.1 here.test\n";
        let setup = Setup {
            net: Net::new().resolver(Resolver::system().hosts_text(hosts)),
            ..Setup::default()
        };
        let relay = Relay::service("tcp://here.test:0", Service::Echo, setup.clone()).unwrap();
        assert_eq!(relay.listening.len(), 1, "{:?}", relay.listening);
        is_echoed(relay.addr());
        let alone = Relay::service("tcp://here.test:0?family=6", Service::Echo, setup);
        assert!(alone.is_err(), "there is nothing to listen on");
    });
}

#[derive(Default)]
struct Attempts(Mutex<Vec<(SocketAddr, bool)>>);

impl Observer for Attempts {
    fn on_event(&self, event: &Event<'_>) {
        let mut attempts = self.0.lock().unwrap();
        match event.what {
            What::Connecting { address } => attempts.push((address, true)),
            What::AttemptFailed { address, .. } => attempts.push((address, false)),
            _ => {}
        }
    }
}

#[test]
fn a_name_with_both_families_is_reached_quickly_where_only_ipv4_listens() {
    within(|| {
        // The first one is a machine that is not there, the second one this machine without a server.
        for six in ["2001:db8::1", "::1"] {
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = server.local_addr().unwrap().port();
            let attempts = Arc::new(Attempts::default());
            let hosts = format!("{six} both.test\n127.0.0.1 both.test\n");
            let net = Net::new()
                .resolver(Resolver::system().hosts_text(hosts))
                .observer(attempts.clone());
            let target: Endpoint = format!("tcp://both.test:{port}").parse().unwrap();
            let began = Instant::now();
            let stream = runtime().block_on(net.connect(&target)).unwrap();
            let took = began.elapsed();
            assert!(took < Duration::from_millis(300), "{six}: {took:?}");
            let reached = socket_addr(stream.peer().unwrap());
            assert_eq!(reached, SocketAddr::from((FOUR, port)));
            let attempts = attempts.0.lock().unwrap();
            // Where there is no way to the first one it may come last (RFC 6724 section 6, rule 1).
            if six == "::1" && has_ipv6() {
                let failed = SocketAddr::from((SIX, port));
                assert_eq!(attempts[0], (failed, true), "{attempts:?}");
                assert!(attempts.contains(&(failed, false)), "{attempts:?}");
            }
            assert!(attempts.contains(&(reached, true)), "{attempts:?}");
        }
    });
}

#[test]
fn addresses_and_ports_are_diagnosed_precisely() {
    let refused = |text: &str| text.parse::<Endpoint>().unwrap_err();
    let table = [
        ("tcp://localhost:65536", "65535", 17),
        ("tcp://localhost:-1", "-1", 17),
        ("tcp://localhost:", "port", 0),
        ("tcp://localhost", "port", 0),
        ("tcp:::1:80", "brackets", 5),
        ("tcp://[::1:80", "bracket", 0),
        ("tcp://localhost:80x!", "80x!", 0),
    ];
    for (text, word, column) in table {
        let refusal = refused(text);
        let said = format!("{refusal} {:?}", refusal.hint());
        assert!(said.contains(word), "{text}: {said}");
        assert!(column == 0 || refusal.column() == column, "{text}: {said}");
    }
    let hint = refused("tcp:::1:80").hint().unwrap().to_owned();
    assert!(hint.contains("tcp://[::1]:80"), "{hint}");
    for text in [
        "tcp:[::1]:80",
        "tcp://[::1]:80",
        "tcp://[fe80::1%lo]:80",
        "tcp://localhost:http",
    ] {
        text.parse::<Endpoint>().unwrap();
    }
    within(|| {
        let net = Net::new();
        let to = |text: &str| runtime().block_on(net.connect(&text.parse().unwrap()));
        let error = to("tcp://localhost:no-such-service").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("no-such-service"), "{error}");
        let error = to("tcp://127.0.0.1:0").unwrap_err();
        assert!(error.to_string().contains("port 0"), "{error}");
    });
}

#[test]
fn a_port_in_use_is_named_with_the_process_that_has_it() {
    within(|| {
        let holder = TcpListener::bind((own_loopback(), 0)).unwrap();
        let addr = holder.local_addr().unwrap();
        let listen = format!("tcp://{addr}");
        let Err(error) = Relay::service(&listen, Service::Echo, Setup::default()) else {
            panic!("listened twice on {addr}");
        };
        assert_eq!(error.kind(), Kind::InUse);
        assert_eq!(error.kind().code(), "in-use");
        let said = format!("{error} {}", error.hint().unwrap());
        let process = format!("pid {}", std::process::id());
        for word in [addr.port().to_string(), process] {
            assert!(said.contains(&word), "{word} is not in: {said}");
        }
        drop(holder);
        is_echoed(echo(&listen).addr());
    });
}
