//! Unix, packet, netlink, raw and ping sockets of this test, and those of a made-up `/proc/net`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname, socket,
};
use sockeye_testkit::within;

use super::{list, of};
use crate::host::diag::{KernelQuery, sockets};
use crate::host::socket::{
    Address, Protocol, Protocols, Socket, State, States, UnixDetails, UnixName, Wanted,
};

fn inode_of(descriptor: &impl AsRawFd) -> u64 {
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    fs::metadata(path).unwrap().st_ino()
}

fn by_inode<'a>(rows: &'a [Socket], descriptor: &impl AsRawFd) -> &'a Socket {
    let inode = inode_of(descriptor);
    let mut found = rows.iter().filter(|row| row.inode == Some(inode));
    let row = found.next().unwrap();
    assert!(found.next().is_none());
    row
}

fn details(socket: &Socket) -> &UnixDetails {
    socket.unix.as_ref().unwrap()
}

fn path(bytes: &[u8]) -> Address {
    Address::Unix(UnixName::Path(bytes.into()))
}

#[test]
fn names_with_any_bytes_are_told_exactly() {
    within(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut sockets = Vec::new();
        let mut names: Vec<Vec<u8>> = [&b"a b"[..], b"a\tb", b"a\nb", b"\xff\xfe"]
            .map(|name| [folder.path().as_os_str().as_bytes(), b"/", name].concat())
            .into();
        // As long as a name can be: then the kernel has no room for a NUL behind it.
        let mut longest = [folder.path().as_os_str().as_bytes(), b"/"].concat();
        longest.resize(107, b'x');
        names.push(longest);
        for name in &names {
            sockets.push(UnixListener::bind(OsString::from_vec(name.clone())).unwrap());
        }
        let (rows, _) = list(&of(Protocol::UnixStream));
        for (name, socket) in names.iter().zip(&sockets) {
            let row = by_inode(&rows, socket);
            assert_eq!((&row.local, row.state), (&path(name), State::Listening));
            let file = details(row).file.unwrap();
            let real = fs::metadata(OsString::from_vec(name.clone())).unwrap();
            assert_eq!(u64::from(file.1), real.st_ino());
        }
    });
}

#[test]
fn abstract_names_listeners_queues_and_peers_names() {
    within(|| {
        let name = format!("sockeye test {}\0x", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let client = UnixStream::connect_addr(&address).unwrap();
        let (rows, _) = list(&of(Protocol::UnixStream));
        let expected = Address::Unix(UnixName::Abstract(name.as_bytes().into()));
        let listening = by_inode(&rows, &listener);
        assert_eq!((&listening.local, listening.receive_queue), (&expected, 1));
        let waiting: Vec<_> = details(listening)
            .waiting
            .iter()
            .map(|inode| u64::from(*inode))
            .collect();
        assert_eq!(waiting, [inode_of(&client)]);
        let ours = by_inode(&rows, &client);
        assert_eq!((&ours.peer, details(ours).peer_inode), (&expected, None));
        let accepted = listener.accept().unwrap().0;
        let (rows, _) = list(&of(Protocol::UnixStream));
        let ours = by_inode(&rows, &client);
        assert_eq!(details(ours).peer_inode, Some(inode_of(&accepted)));
        assert_eq!((&ours.peer, &ours.local), (&expected, &Address::None));
        assert_eq!(ours.uid, Some(nix::unistd::getuid().as_raw()));
    });
}

#[test]
fn a_path_that_is_bound_again_is_another_file() {
    within(|| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("s");
        let first = UnixListener::bind(&place).unwrap();
        fs::rename(&place, folder.path().join("old")).unwrap();
        let second = UnixListener::bind(&place).unwrap();
        let (rows, _) = list(&of(Protocol::UnixStream));
        let (first, second) = (by_inode(&rows, &first), by_inode(&rows, &second));
        assert_eq!(first.local, second.local);
        assert_ne!(details(first).file, details(second).file);
    });
}

#[test]
fn pairs_of_every_type_know_each_other_and_only_the_types_asked_for_come() {
    within(|| {
        let (one, two) = UnixDatagram::pair().unwrap();
        let (rows, _) = list(&of(Protocol::UnixDatagram));
        assert!(
            rows.iter()
                .all(|row| row.protocol == Protocol::UnixDatagram)
        );
        assert_eq!(
            details(by_inode(&rows, &one)).peer_inode,
            Some(inode_of(&two))
        );
        let (one, two) = nix::sys::socket::socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .unwrap();
        let (rows, _) = list(&of(Protocol::UnixSeqpacket));
        assert!(
            rows.iter()
                .all(|row| row.protocol == Protocol::UnixSeqpacket)
        );
        assert_eq!(
            details(by_inode(&rows, &two)).peer_inode,
            Some(inode_of(&one))
        );
        let query = KernelQuery {
            states: States::only(State::Listening),
            ..of(Protocol::UnixSeqpacket)
        };
        assert!(list(&query).0.iter().all(Socket::is_listener));
        let query = KernelQuery {
            local_port: Some(1),
            protocols: Protocols::ALL,
            ..KernelQuery::default()
        };
        assert!(list(&query).0.iter().all(|row| row.local.port() == Some(1)));
    });
}

#[test]
fn our_netlink_socket_is_listed() {
    within(|| {
        let ours = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )
        .unwrap();
        bind(ours.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
        let port = getsockname::<NetlinkAddr>(ours.as_raw_fd()).unwrap().pid();
        let query = KernelQuery {
            wanted: Wanted {
                memory: true,
                ..Wanted::default()
            },
            ..of(Protocol::Netlink)
        };
        let (rows, notices) = list(&query);
        assert_eq!(notices, []);
        let row = by_inode(&rows, &ours);
        assert_eq!(row.local, Address::Netlink { family: 0, port });
    });
}

#[test]
fn packet_raw_and_ping_sockets_are_listed_where_they_are_permitted() {
    within(|| {
        let open = |domain: i32, kind, protocol: i32| {
            socket2::Socket::new(domain.into(), kind, Some(protocol.into()))
        };
        // AF_PACKET with every protocol (in network byte order), as a capture has it.
        let every = i32::from(3_u16.to_be());
        for (made, protocol, port) in [
            (open(17, socket2::Type::RAW, every), Protocol::Packet, None),
            (open(2, socket2::Type::RAW, 253), Protocol::Raw, Some(253)),
            (open(10, socket2::Type::RAW, 253), Protocol::Raw, Some(253)),
            (open(2, socket2::Type::DGRAM, 1), Protocol::Icmp, None),
        ] {
            let made = match made {
                Ok(made) => made,
                Err(error) => {
                    println!("SKIPPED: test needs {protocol} sockets: {error}");
                    continue;
                }
            };
            if protocol == Protocol::Icmp {
                let local: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
                made.bind(&local.into()).unwrap();
            }
            let (rows, notices) = list(&of(protocol));
            assert_eq!(notices, []);
            let row = by_inode(&rows, &made);
            assert_eq!(row.protocol, protocol);
            if port.is_some() {
                assert_eq!(row.local.port(), port);
            }
            if protocol == Protocol::Packet {
                assert_eq!(
                    row.local,
                    Address::Packet {
                        protocol: 3,
                        device: 0
                    }
                );
            }
        }
    });
}

#[test]
fn what_the_kernel_has_no_module_for_is_said() {
    within(|| {
        for protocol in [Protocol::Sctp, Protocol::Vsock] {
            let (rows, notices) = list(&of(protocol));
            if rows.is_empty() && !notices.is_empty() {
                assert_eq!((notices.len(), notices[0].code), (1, "protocol-missing"));
                assert!(notices[0].text.contains(protocol.word()));
            }
        }
    });
}

#[test]
fn ping_sockets_come_from_the_proc_that_was_named() {
    within(|| {
        let folder = tempfile::tempdir().unwrap();
        let net = folder.path().join("thread-self/net");
        fs::create_dir_all(&net).unwrap();
        let query = of(Protocol::Icmp);
        let mut rows = Vec::new();
        let notices = sockets(&query, folder.path(), &mut rows).unwrap();
        assert_eq!((rows.len(), notices[0].code), (0, "protocol-missing"));
        let head = "sl local rem st queues timer retrans uid timeout inode\n";
        let row = "1: 0100007F:0007 00000000:0000 07 0:0 0:0 0 1000 0 4242\n";
        fs::write(net.join("icmp"), format!("{head}{row}")).unwrap();
        let notices = sockets(&query, folder.path(), &mut rows).unwrap();
        assert_eq!((rows.len(), notices), (1, Vec::new()));
        assert_eq!(rows[0].inode, Some(4242));
    });
}

#[test]
fn an_older_kernel_does_not_list_bound_sockets_and_that_is_said() {
    within(|| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("sys/kernel");
        fs::create_dir_all(&place).unwrap();
        let query = KernelQuery {
            states: States::only(State::Bound),
            ..of(Protocol::Tcp)
        };
        for (release, told) in [("6.7.12-x\n", true), ("6.8.0\n", false), ("7.1\n", false)] {
            fs::write(place.join("osrelease"), release).unwrap();
            let notices = sockets(&query, folder.path(), &mut Vec::new()).unwrap();
            let codes: Vec<_> = notices.iter().map(|notice| notice.code).collect();
            assert_eq!(codes.contains(&"bound-unknown"), told, "{release}");
        }
    });
}
