//! Sockets of other network namespaces, made for the test; skipped aloud where that is not allowed.

use std::path::PathBuf;

use sockeye::Kind;
use sockeye::host::process::Owners;
use sockeye::host::socket::{Protocol, Protocols, Socket};
use sockeye::host::table::{Request, Table, Where};
use sockeye_testkit::{NetworkNamespace, Program, peers, within};

/// A listener inside, bound to the loopback device, and its port.
fn listener(namespace: &NetworkNamespace) -> Option<(Program, u16)> {
    let script = "import socket, sys\n\
        s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')\n\
        s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1]); sys.stdin.read()";
    let program = namespace.start(peers::python3()?, ["-u", "-c", script]);
    let said = String::from_utf8_lossy(&program.stdout_until("\n")).into_owned();
    Some((program, said.trim().parse().unwrap()))
}

fn tcp() -> Request {
    Request::new().protocols(Protocols::only(Protocol::Tcp))
}

fn owner(table: &Table, socket: &Socket) -> Option<u32> {
    match table.owners(socket) {
        Owners::Held(holders) => Some(table.process(&holders[0]).pid),
        Owners::Missing(_) => None,
    }
}

#[test]
fn a_namespace_is_looked_into_by_process_by_file_and_with_all_others() {
    within(|| {
        let Some(namespace) = NetworkNamespace::new() else {
            return;
        };
        let Some((program, port)) = listener(&namespace) else {
            return;
        };
        let places = [
            Where::OfProcess(namespace.pid()),
            Where::File(namespace.file()),
            Where::Everywhere,
        ];
        for place in places {
            let table = tcp()
                .namespaces(place.clone())
                .local_port(port)
                .read()
                .unwrap();
            let socket = table
                .sockets
                .iter()
                .find(|socket| owner(&table, socket) == Some(program.pid()));
            let socket = socket.unwrap_or_else(|| panic!("{place:?}: {table:?}"));
            let found = table.namespace(socket);
            assert!(!found.ours && found.inode != 0);
            assert_eq!(table.device(socket), Some("lo"), "{place:?}");
            assert_eq!(
                table
                    .namespaces
                    .iter()
                    .filter(|one| one.inode == found.inode)
                    .count(),
                1
            );
        }
        let here = tcp().local_port(port).read().unwrap();
        assert!(
            here.sockets
                .iter()
                .all(|socket| owner(&here, socket) != Some(program.pid()))
        );
        assert!(here.namespaces.len() == 1 && here.namespaces[0].ours);
    });
}

#[test]
fn our_own_namespace_needs_no_privilege_however_it_is_named() {
    within(|| {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        for place in [
            Where::OfProcess(std::process::id()),
            Where::File(PathBuf::from("/proc/self/ns/net")),
            Where::Everywhere,
        ] {
            let table = tcp().namespaces(place).local_port(port).read().unwrap();
            let ours = |socket: &&Socket| table.namespace(socket).ours;
            let socket = table.sockets.iter().find(ours).unwrap();
            assert_eq!(owner(&table, socket), Some(std::process::id()));
        }
    });
}

#[test]
fn many_namespaces_may_come_and_go_while_we_look() {
    within(|| {
        let Some(namespace) = NetworkNamespace::new() else {
            return;
        };
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let (_, pid) = (peers::unshare(), namespace.pid());
        let churn = "while :; do unshare --net true & unshare --net true; wait; done";
        let churn = Program::start("sh", ["-c", churn]);
        for _ in 0..30 {
            let table = tcp().namespaces(Where::Everywhere).read().unwrap();
            let ours = table
                .sockets
                .iter()
                .filter(|socket| table.namespace(socket).ours);
            assert_eq!(
                ours.filter(|socket| socket.local.port() == Some(port))
                    .count(),
                1
            );
            assert!(
                table.namespaces.iter().any(|one| one.pid == Some(pid)),
                "{table:?}"
            );
            for notice in &table.notices {
                assert_ne!(notice.code, "namespace-failed", "{}", notice.text);
            }
        }
        drop(churn);
    });
}

#[test]
fn what_is_no_namespace_is_refused_with_a_hint() {
    let read = |place| tcp().namespaces(place).read().unwrap_err();
    let error = read(Where::File("/proc/self/stat".into()));
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.to_string().contains("no network namespace"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("/run/netns"));
    let error = read(Where::File("/no/such/file".into()));
    assert!(error.to_string().contains("/no/such/file"), "{error}");
    assert!(error.hint().unwrap().contains("`ip netns` lists"));
    // The largest process number is never given out.
    let error = read(Where::OfProcess(u32::MAX));
    assert!(error.to_string().contains("4294967295"), "{error}");
    assert!(error.hint().unwrap().starts_with("there is no process"));
}
