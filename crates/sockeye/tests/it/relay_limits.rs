//! How many clients: thousands, as many as allowed, more than there are descriptors for; and inherited listeners.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use sockeye::net::{Limits, Net, SessionLimits, WhenFull};
use sockeye::relay::{JoinOptions, Service};
use sockeye_testkit::{LIMIT, deadline, temporary_dir, within};

use crate::matrix_ends::Socket;
use crate::matrix_tls::{self, TlsHear, TlsSay};
use crate::relay_fixture::{
    Outcome, Relay, Setup, again, alone, descriptors, eventually, is_alone,
};

#[test]
fn five_thousand_clients_are_served_at_once() {
    alone(
        "relay_limits::five_thousand_clients_are_served_at_once",
        "",
        || {
            deadline(2 * LIMIT, || {
                let before = descriptors();
                let relay =
                    Relay::service("tcp:0?family=4", Service::Echo, Setup::default()).unwrap();
                let began = Instant::now();
                let mut clients: Vec<TcpStream> =
                    (0..5000).map(|_| connect(relay.addr())).collect();
                for client in &mut clients {
                    client.write_all(b"x").unwrap();
                }
                for client in &mut clients {
                    hears(client, b"x");
                }
                assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
                // Each one is still there.
                for client in clients.iter_mut().rev() {
                    client.write_all(b"y").unwrap();
                    hears(client, b"y");
                }
                assert!(descriptors() >= before + 10_000);
                drop(clients);
                eventually("the descriptors come back", || descriptors() < before + 100);
            });
        },
    );
}

fn connect(addr: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(addr).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn hears(client: &mut impl Read, expected: &[u8]) {
    let mut heard = vec![0; expected.len()];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(heard, expected);
}

fn ten(when_full: WhenFull) -> Setup {
    let mut limits = Limits::default();
    limits.max_clients = Some(10);
    limits.when_full = when_full;
    Setup {
        limits,
        ..Setup::default()
    }
}

/// Ten clients are served, the eleventh waits, and is served at once when one of the ten goes.
fn the_eleventh_waits<C: Send + 'static>(
    call: impl Fn() -> C + Send + 'static,
    leave: impl FnOnce(C),
) {
    let mut clients: Vec<C> = (0..10).map(|_| call()).collect();
    let (served, eleventh) = mpsc::channel();
    thread::spawn(move || drop(served.send(call())));
    let waits = eleventh.recv_timeout(Duration::from_millis(100));
    assert!(
        matches!(waits, Err(RecvTimeoutError::Timeout)),
        "it did not wait"
    );
    leave(clients.pop().unwrap());
    let eleventh = eleventh.recv_timeout(LIMIT);
    assert!(eleventh.is_ok(), "the freed place was not taken");
    drop(clients);
}

fn pings(addr: SocketAddr) -> TcpStream {
    let mut client = connect(addr);
    client.write_all(b"x").unwrap();
    hears(&mut client, b"x");
    client
}

#[test]
fn the_eleventh_client_waits_for_a_free_place() {
    within(|| {
        let relay = Relay::service("tcp:0", Service::Echo, ten(WhenFull::Wait)).unwrap();
        let addr = relay.addr();
        the_eleventh_waits(move || pings(addr), drop);
    });
}

#[test]
fn the_eleventh_client_of_programs_waits_for_a_free_place() {
    within(|| {
        let relay = Relay::start("tcp:0", "exec:cat", ten(WhenFull::Wait));
        let addr = relay.addr();
        the_eleventh_waits(move || pings(addr), drop);
    });
}

#[test]
fn the_eleventh_client_of_tls_waits_for_a_free_place() {
    within(|| {
        let dir = temporary_dir();
        let cert = matrix_tls::certificate(dir.path());
        let listen = format!("tls://127.0.0.1:0?cert={}", cert.display());
        let relay = Relay::service(&listen, Service::Echo, ten(WhenFull::Wait)).unwrap();
        let addr = relay.addr();
        let call = move || -> (TlsHear, TlsSay) {
            let (mut hear, mut say) = matrix_tls::client(Socket::from(connect(addr)));
            say.write_all(b"x").unwrap();
            hears(&mut hear, b"x");
            (hear, say)
        };
        the_eleventh_waits(call, drop);
    });
}

#[test]
fn the_eleventh_session_of_datagrams_waits_for_a_silent_one() {
    within(|| {
        let mut sessions = SessionLimits::default();
        sessions.idle_timeout = Duration::from_secs(1);
        let mut setup = ten(WhenFull::Wait);
        setup.net = Net::new().sessions(sessions);
        let relay = Relay::service("udp://127.0.0.1:0", Service::Echo, setup).unwrap();
        let addr = relay.addr();
        let call = move || {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.set_read_timeout(Some(LIMIT)).unwrap();
            client.connect(addr).unwrap();
            client.send(b"x").unwrap();
            assert_eq!(client.recv(&mut [0; 8]).unwrap(), 1);
            client
        };
        the_eleventh_waits(call, drop);
    });
}

#[test]
fn the_eleventh_client_is_turned_away_if_asked() {
    within(|| {
        let relay = Relay::service("tcp:0", Service::Echo, ten(WhenFull::Refuse)).unwrap();
        let addr = relay.addr();
        let mut clients: Vec<TcpStream> = (0..10).map(|_| pings(addr)).collect();
        let heard = connect(addr).read(&mut [0; 1]);
        assert!(matches!(heard, Ok(0)), "{heard:?}");
        assert!(matches!(relay.outcome(), Outcome::Full));
        drop(clients.pop());
        relay.joined();
        eventually("a free place is taken", || {
            let mut client = connect(addr);
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0; 1]).is_ok()
        });
    });
}

/// A child of this process, which says where it listens and is ended by dropping this.
struct Server {
    process: Child,
    addr: SocketAddr,
}

impl Server {
    fn start(name: &str, before: &str) -> Self {
        let mut process = again(name, before)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let addr = said.lines().map_while(Result::ok).find_map(|line| {
            let (_, addr) = line.split_once("LISTENING ")?;
            addr.parse().ok()
        });
        let addr = addr.expect("a child that listens");
        Self { process, addr }
    }

    /// Serve as the child, until the parent goes.
    fn serve() {
        let relay = Relay::service("tcp:0?family=4", Service::Echo, Setup::default()).unwrap();
        println!("LISTENING {}", relay.addr());
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    /// The time that it computed so far, in ticks of 10 ms (proc_pid_stat(5), fields 14 and 15).
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let field = |n: usize| {
            fields
                .split(' ')
                .nth(n - 3)
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        field(14) + field(15)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn accepting_is_paced_when_descriptors_run_out() {
    let name = "relay_limits::accepting_is_paced_when_descriptors_run_out";
    if is_alone(name) {
        return Server::serve();
    }
    deadline(2 * LIMIT, move || {
        let server = Server::start(name, "ulimit -n 64;");
        let mut clients: Vec<TcpStream> = (0..150).map(|_| connect(server.addr)).collect();
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        hears(&mut clients[0], b"x");
        let last = clients.last_mut().unwrap();
        let silence = Duration::from_millis(300);
        let waits = |last: &mut TcpStream| {
            last.set_read_timeout(Some(silence)).unwrap();
            let heard = last.read(&mut [0; 1]);
            assert_eq!(heard.unwrap_err().kind(), ErrorKind::WouldBlock);
        };
        waits(last);
        let before = server.ticks();
        waits(last);
        waits(last);
        let used = server.ticks() - before;
        assert!(used <= 15, "{used} ticks of 60 while it could do nothing");
        last.set_read_timeout(Some(LIMIT)).unwrap();
        // The first has been heard; each one that leaves lets another one in.
        clients.remove(0);
        for mut client in clients {
            hears(&mut client, b"x");
        }
        drop(pings(server.addr));
    });
}

#[test]
fn an_inherited_listener_is_served_without_binding() {
    let name = "relay_limits::an_inherited_listener_is_served_without_binding";
    if is_alone(name) {
        let relay = Relay::service("fd:web", Service::Echo, Setup::default()).unwrap();
        for _ in 0..3 {
            relay.joined();
        }
        let error = Relay::service("fd:mail", Service::Echo, Setup::default());
        let said = error.err().expect("a name that was not given").to_string();
        assert!(said.contains("mail"), "{said}");
        return;
    }
    deadline(2 * LIMIT, move || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        // What socket activation does, sd_listen_fds(3).
        let activate =
            "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web;";
        let mut process = again(name, activate)
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..3 {
            drop(pings(addr));
        }
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn a_relay_without_limits_has_none() {
    assert!(Limits::default().max_clients.is_none());
    assert!(JoinOptions::default().idle_timeout.is_none());
    assert!(JoinOptions::default().half_close_timeout.is_none());
}
