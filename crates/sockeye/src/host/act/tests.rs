//! Our own connections and processes are closed and stopped; others are not.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use sockeye_testkit::within;

use super::*;
use crate::host::socket::Protocols;
use crate::host::table::{OwnerSearch, Request};

/// The row of a client's connection.
fn row(client: &TcpStream) -> Socket {
    let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let request = Request::new().owners(OwnerSearch::None);
    let found = request.exact(Protocol::Tcp, local, peer).unwrap().unwrap();
    found.sockets[0].clone()
}

/// Whether this test may close connections; says so if not.
fn may_close(result: &Result<()>) -> bool {
    let denied = result
        .as_ref()
        .is_err_and(|error| error.kind() == Kind::Denied);
    let unsupported = |error: &Error| error.kind() == Kind::Unsupported;
    if denied || result.as_ref().is_err_and(unsupported) {
        println!("SKIPPED: test needs CAP_NET_ADMIN and INET_DIAG_DESTROY: {result:?}");
        return false;
    }
    true
}

#[test]
fn only_the_chosen_connection_is_closed() {
    within(|| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let mut first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let second = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (rows, other) = (row(&first), row(&second));
            let closed = close_connection(&rows);
            if !may_close(&closed) {
                return;
            }
            closed.unwrap();
            let error = first.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
            assert_eq!(row(&second).cookie, other.cookie);
            let gone = close_connection(&rows).unwrap_err();
            assert_eq!(gone.kind(), Kind::Lost, "{gone}");
            assert!(
                gone.to_string().contains("no such connection any more"),
                "{gone}"
            );
        }
    });
}

#[test]
fn a_successor_on_the_same_ports_lives() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut earlier = row(&client);
        earlier.cookie = earlier.cookie.map(|cookie| cookie + (1 << 40));
        let refused = close_connection(&earlier);
        if !may_close(&refused) {
            return;
        }
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), Kind::Lost);
        assert!(
            error.to_string().contains("no such connection any more"),
            "{error}"
        );
        assert_eq!(row(&client).state, State::Established);
    });
}

#[test]
fn a_udp_socket_is_closed_too() {
    within(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        let local = socket.local_addr().unwrap();
        let found = Request::new()
            .exact(Protocol::Udp, local, local)
            .unwrap()
            .unwrap();
        let closed = close_connection(&found.sockets[0]);
        if may_close(&closed) {
            closed.unwrap();
            let error = socket.recv(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        }
    });
}

#[test]
fn what_cannot_be_closed_says_why() {
    let unix = Socket::new(Protocol::UnixStream, State::Established);
    let error = close_connection(&unix).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unix sockets cannot be closed from outside"
    );
    let mut unknown = Socket::new(Protocol::Tcp, State::Established);
    unknown.local = Address::Internet("127.0.0.1:9".parse().unwrap());
    assert_eq!(close_connection(&unknown).unwrap_err().kind(), Kind::Usage);
    let error = |code| refused("tcp a to b", io::Error::from_raw_os_error(code as i32));
    let told: Vec<_> = [
        Errno::EPERM,
        Errno::EOPNOTSUPP,
        Errno::ENOENT,
        Errno::ENOMEM,
    ]
    .map(|code| (error(code).kind(), error(code).to_string()))
    .into();
    insta::assert_debug_snapshot!(told);
}

/// A child that listens on a port of its own, and another that is its client.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &str) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }

    fn owners(&self) -> Vec<PortOwner> {
        let request = Request::new()
            .protocols(Protocols::only(Protocol::Tcp))
            .local_port(self.port);
        port_owners(&request.read().unwrap(), self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LISTEN: &str = "import socket,sys
s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()";

#[test]
fn only_the_listener_is_stopped_and_its_client_lives() {
    within(|| {
        let mut server = Server::start(LISTEN);
        let client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let owners = server.owners();
        let pids: Vec<_> = owners.iter().map(|owner| owner.process().pid).collect();
        assert_eq!(pids, [server.child.id()]);
        let wait = Duration::from_secs(8);
        assert_eq!(
            owners[0].stop(StopSignal::default(), wait).unwrap(),
            Ending::Ended
        );
        server.child.wait().unwrap();
        assert_eq!(
            owners[0].stop(StopSignal::default(), wait).unwrap(),
            Ending::WasGone
        );
        drop(client);
    });
}

#[test]
fn a_process_that_ignores_the_signal_is_said_to_live() {
    within(|| {
        let ignoring =
            format!("import signal; signal.signal(signal.SIGTERM,signal.SIG_IGN)\n{LISTEN}");
        let server = Server::start(&ignoring);
        let owners = server.owners();
        let short = Duration::from_millis(50);
        assert_eq!(
            owners[0].stop(StopSignal::Terminate, short).unwrap(),
            Ending::StillAlive
        );
        let long = Duration::from_secs(8);
        assert_eq!(
            owners[0].stop(StopSignal::Kill, long).unwrap(),
            Ending::Ended
        );
    });
}

#[test]
fn a_later_process_with_that_number_and_one_without_the_port_are_left_alone() {
    within(|| {
        let mut server = Server::start(LISTEN);
        let owner = server.owners().remove(0);
        let mut older = owner.clone();
        older.process.started -= 1;
        let error = older.stop(StopSignal::Kill, Duration::ZERO).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("another process has its number now"),
            "{error}"
        );
        let mut elsewhere = owner.clone();
        elsewhere.holder.inode += 1;
        let error = elsewhere
            .stop(StopSignal::Kill, Duration::ZERO)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("it does not hold the port any more"),
            "{error}"
        );
        assert!(server.child.try_wait().unwrap().is_none());
    });
}

#[test]
fn we_ourselves_our_parents_and_the_first_process_are_refused() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let request = Request::new().local_port(port);
        let owner = port_owners(&request.read().unwrap(), port).remove(0);
        let parent = stat(std::process::id()).unwrap().parent;
        for (pid, why) in [
            (std::process::id(), "it is this program itself"),
            (parent, "this program runs under it"),
            (1, "everything on this machine runs under it"),
        ] {
            let mut owner = owner.clone();
            owner.process.pid = pid;
            let error = owner.stop(StopSignal::Kill, Duration::ZERO).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().ends_with(why), "{error}");
        }
    });
}
