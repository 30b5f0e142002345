//! TCP and UDP sockets of this test in every state that can be had on loopback.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Type};

use super::{at, list, of};
use crate::host::diag::KernelQuery;
use crate::host::socket::{Address, Protocol, Socket, State, States, TimerKind, Wanted};
use sockeye_testkit::within;

const ANY: &str = "0.0.0.0:0";

fn any() -> SocketAddr {
    ANY.parse().unwrap()
}

/// A listener whose queue takes this many, and its address.
fn listener(backlog: i32) -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).unwrap();
    socket.listen(backlog).unwrap();
    let local = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, local)
}

/// Both ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    (client, server)
}

/// The rows whose local port this is, asked for by port.
fn of_port(protocol: Protocol, port: u16) -> Vec<Socket> {
    let query = KernelQuery {
        local_port: Some(port),
        ..of(protocol)
    };
    list(&query).0
}

/// The row of this connection, as soon as it is in that state: the kernel works on it after our call has returned.
fn in_state(local: SocketAddr, peer: SocketAddr, state: State) -> Socket {
    loop {
        let rows = of_port(Protocol::Tcp, local.port());
        let found = rows.into_iter().find(|row| {
            row.local == Address::Internet(local) && row.peer == Address::Internet(peer)
        });
        match found {
            Some(row) if row.state == state => return row,
            _ => std::thread::yield_now(),
        }
    }
}

#[test]
fn the_queue_of_a_listener_is_counted_and_more_than_it_takes_is_syn_sent() {
    within(|| {
        let (_listener, local) = listener(1);
        let mut clients = Vec::new();
        for _ in 0..4 {
            let client = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&local.into());
            clients.push(client);
        }
        let ends: Vec<_> = clients
            .iter()
            .map(|client| client.local_addr().unwrap().as_socket().unwrap())
            .collect();
        let waiting = in_state(ends[3], local, State::SynSent);
        assert_eq!(waiting.timer.unwrap().kind, TimerKind::Retransmit);
        assert!(waiting.inode.is_some());
        let rows = of_port(Protocol::Tcp, local.port());
        let listening = at(&rows, local, any());
        assert_eq!((listening.receive_queue, listening.send_queue), (2, 1));
        for end in &ends[..2] {
            assert_eq!(at(&rows, local, *end).inode, None);
        }
    });
}

#[test]
fn bytes_that_nobody_reads_stand_in_the_queue() {
    within(|| {
        let (mut client, server) = pair();
        client.write_all(&[1; 1000]).unwrap();
        let (local, peer) = (server.local_addr().unwrap(), server.peer_addr().unwrap());
        assert_eq!(
            in_state(local, peer, State::Established).receive_queue,
            1000
        );
    });
}

#[test]
fn one_side_closed_is_close_wait_here_and_fin_wait_there_then_an_orphan() {
    within(|| {
        let (client, server) = pair();
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let ours = in_state(local, peer, State::FinWait2);
        assert_eq!((ours.shutdown, ours.inode.is_some()), (Some(2), true));
        let theirs = in_state(peer, local, State::CloseWait);
        assert!(theirs.inode.is_some() && theirs.uid.is_some());
        assert_eq!(theirs.shutdown, Some(1));
        drop(client);
        let orphan = in_state(local, peer, State::FinWait2);
        assert_eq!(orphan.inode, None);
        drop(server);
    });
}

#[test]
fn a_connection_that_is_over_waits_and_belongs_to_nobody() {
    within(|| {
        let (client, mut server) = pair();
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        drop(server);
        let over = in_state(local, peer, State::TimeWait);
        assert_eq!((over.uid, over.inode), (None, None));
        let timer = over.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::TimeWait);
        assert!(timer.expires > Duration::from_secs(30), "{timer:?}");
    });
}

#[test]
fn a_socket_that_is_only_bound_is_listed_by_new_kernels() {
    within(|| {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        let local = socket.local_addr().unwrap().as_socket().unwrap();
        let query = KernelQuery {
            states: States::only(State::Bound),
            ..of(Protocol::Tcp)
        };
        let (rows, notices) = list(&query);
        if notices.iter().any(|notice| notice.code == "bound-unknown") {
            println!("SKIPPED: test needs Linux 6.8 or later");
            return;
        }
        assert_eq!(at(&rows, local, any()).state, State::Bound);
        assert!(rows.iter().all(|row| row.state == State::Bound));
    });
}

#[test]
fn states_and_ports_are_compared_by_the_kernel() {
    within(|| {
        let (client, server) = pair();
        let (_listener, address) = listener(5);
        let query = |states, local_port, peer_port| KernelQuery {
            states,
            local_port,
            peer_port,
            ..of(Protocol::Tcp)
        };
        let (listening, _) = list(&query(States::only(State::Listening), None, None));
        assert!(listening.iter().all(Socket::is_listener));
        at(&listening, address, any());
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (to, _) = list(&query(States::ALL, None, Some(peer.port())));
        assert_eq!((to.len(), &to[0].local), (1, &Address::Internet(local)));
        let (both, _) = list(&query(States::ALL, Some(local.port()), Some(peer.port())));
        assert_eq!(both, to);
        let (none, _) = list(&query(
            States::only(State::Listening),
            Some(local.port()),
            None,
        ));
        assert_eq!(none, []);
        drop(server);
    });
}

#[test]
fn a_filter_is_applied_by_the_kernel_and_one_that_it_refuses_here() {
    within(|| {
        let (_one, local) = listener(5);
        let (_two, other) = listener(5);
        // Source port at least, at most; each with its port in a second operation: accept at 16 bytes, refuse at 20.
        let port = local.port().to_ne_bytes();
        let mut code = vec![2, 8];
        code.extend(20_u16.to_ne_bytes());
        code.extend([0, 0, port[0], port[1]]);
        code.extend([3, 8]);
        code.extend(12_u16.to_ne_bytes());
        code.extend([0, 0, port[0], port[1]]);
        let query = |code: Vec<u8>| KernelQuery {
            states: States::only(State::Listening),
            bytecode: Some(code),
            ..of(Protocol::Tcp)
        };
        let (rows, notices) = list(&query(code));
        assert_eq!(notices, []);
        assert_eq!(rows.len(), 1, "{rows:#?}");
        at(&rows, local, any());
        let (rows, notices) = list(&query(vec![99; 8]));
        let codes: Vec<_> = notices.iter().map(|notice| notice.code).collect();
        assert_eq!(codes, ["filter-in-user-space"]);
        at(&rows, local, any());
        at(&rows, other, any());
    });
}

#[test]
fn an_ipv6_socket_says_whether_it_takes_ipv4() {
    within(|| {
        for only in [true, false] {
            let socket = socket2::Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
            socket.set_only_v6(only).unwrap();
            socket
                .bind(&"[::]:0".parse::<SocketAddr>().unwrap().into())
                .unwrap();
            socket.listen(3).unwrap();
            let local = socket.local_addr().unwrap().as_socket().unwrap();
            let rows = of_port(Protocol::Tcp, local.port());
            assert_eq!((rows[0].ipv6, rows[0].v6_only), (true, Some(only)));
        }
    });
}

#[test]
fn two_sockets_that_share_a_port_are_two() {
    within(|| {
        let twin = |address: SocketAddr| {
            let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(3).unwrap();
            socket
        };
        let one = twin(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let local = one.local_addr().unwrap().as_socket().unwrap();
        let _two = twin(local);
        let rows = of_port(Protocol::Tcp, local.port());
        assert_eq!(rows.len(), 2);
        assert_ne!(rows[0].cookie, rows[1].cookie);
        assert_ne!(rows[0].inode, rows[1].inode);
    });
}

#[test]
fn udp_tells_its_queue_what_it_dropped_and_its_device() {
    within(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let device = socket2::SockRef::from(&socket);
        device.set_recv_buffer_size(4096).unwrap();
        if let Err(error) = device.bind_device(Some(b"lo")) {
            println!("SKIPPED: test needs SO_BINDTODEVICE: {error}");
            return;
        }
        let local = socket.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..1000 {
            sender.send_to(&[0; 1000], local).unwrap();
        }
        let query = KernelQuery {
            local_port: Some(local.port()),
            wanted: Wanted {
                memory: true,
                ..Wanted::default()
            },
            ..of(Protocol::Udp)
        };
        let (rows, _) = list(&query);
        let row = at(&rows, local, any());
        let lo = nix::net::if_::if_nametoindex("lo").unwrap();
        assert_eq!((row.device, row.state), (lo, State::Unconnected));
        assert!(row.receive_queue > 0);
        assert!(row.memory().unwrap().drops.unwrap() > 0, "{row:#?}");
    });
}

#[test]
fn a_multipath_socket_is_listed_and_so_is_its_subflow() {
    within(|| {
        let mptcp = socket2::Protocol::from(262);
        let Ok(socket) = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(mptcp)) else {
            println!("SKIPPED: test needs MPTCP");
            return;
        };
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        socket.listen(3).unwrap();
        let local = socket.local_addr().unwrap().as_socket().unwrap();
        let rows = of_port(Protocol::Mptcp, local.port());
        assert_eq!(at(&rows, local, any()).protocol, Protocol::Mptcp);
        assert!(rows[0].is_listener());
        let query = KernelQuery {
            local_port: Some(local.port()),
            wanted: Wanted {
                rest: true,
                ..Wanted::default()
            },
            ..of(Protocol::Tcp)
        };
        let (rows, _) = list(&query);
        let upper = rows[0]
            .details
            .as_ref()
            .and_then(|details| details.upper.as_deref());
        assert_eq!(upper, Some("mptcp"), "{rows:#?}");
    });
}
