//! Who holds which socket, with real programs that hold them in unusual ways; every blank has its reason.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use sockeye::host::process::{Missing, Owners};
use sockeye::host::socket::{Address, Protocol, Protocols, Socket, State, States};
use sockeye::host::table::{OwnerSearch, Request, Table};
use sockeye_testkit::{Program, peers, within};

/// Start a Python program that says a line of numbers and then waits; the numbers come back.
fn python<const N: usize>(script: &str) -> Option<(Program, [u32; N])> {
    let program = Program::start(peers::python3()?, ["-u", "-c", script]);
    let said = program.stdout_until("\n");
    let said = String::from_utf8_lossy(&said).into_owned();
    let numbers: Vec<u32> = said
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    Some((program, numbers.try_into().unwrap()))
}

/// The sockets of a protocol at a local port.
fn at_port(protocol: Protocol, port: u32) -> Request {
    Request::new()
        .protocols(Protocols::only(protocol))
        .local_port(u16::try_from(port).unwrap())
}

/// Name, process and thread of each holder.
fn held(table: &Table, socket: &Socket) -> Vec<(Vec<u8>, u32, Option<u32>)> {
    match table.owners(socket) {
        Owners::Held(holders) => named(table, holders),
        Owners::Missing(missing) => panic!("{missing:?}: {socket:?}"),
    }
}

fn named(
    table: &Table,
    holders: &[sockeye::host::process::Holder],
) -> Vec<(Vec<u8>, u32, Option<u32>)> {
    let name = |holder| {
        let process = table.process(holder);
        (process.name.clone(), process.pid, holder.thread)
    };
    holders.iter().map(name).collect()
}

fn waiting_at(table: &Table, socket: &Socket) -> Vec<u32> {
    match table.owners(socket) {
        Owners::Missing(Missing::AcceptQueue(holders)) => named(table, holders)
            .into_iter()
            .map(|(_, pid, _)| pid)
            .collect(),
        other => panic!("{other:?}: {socket:?}"),
    }
}

#[test]
fn a_name_with_a_parenthesis_and_a_line_end_is_whole() {
    within(|| {
        let script = "import ctypes, socket, sys\n\
            ctypes.CDLL(None).prctl(15, b'ev) il\\nx')\n\
            s = socket.create_server(('127.0.0.1', 0))\n\
            print(s.getsockname()[1])\nsys.stdin.read()";
        let Some((program, [port])) = python(script) else {
            return;
        };
        for search in [OwnerSearch::First, OwnerSearch::All] {
            let table = at_port(Protocol::Tcp, port).owners(search).read().unwrap();
            // Others may have had the port before, and left rows that wait for their time.
            let listener = table.sockets.iter().find(|it| it.is_listener()).unwrap();
            let expected = [(b"ev) il\nx".to_vec(), program.pid(), None)];
            assert_eq!(held(&table, listener), expected);
            let mut processes = table.processes.iter();
            let process = processes.find(|it| it.pid == program.pid()).unwrap();
            assert!(process.command_line.starts_with(b"/") && process.started > 0);
            assert_eq!(process.parent, std::process::id());
            assert!(
                process
                    .executable
                    .as_ref()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .contains("python")
            );
        }
    });
}

#[test]
fn connections_that_nobody_accepted_belong_to_the_listener() {
    within(|| {
        let script = "import socket, sys\n\
            s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7)\n\
            c = [socket.create_connection(s.getsockname()) for _ in range(2)]\n\
            print(s.getsockname()[1])\nsys.stdin.read()";
        let Some((program, [port])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port).read().unwrap();
        let listener = table
            .sockets
            .iter()
            .find(|socket| socket.is_listener())
            .unwrap();
        assert_eq!((listener.receive_queue, listener.send_queue), (2, 7));
        let waiting: Vec<_> = table
            .sockets
            .iter()
            .filter(|socket| !socket.is_listener())
            .collect();
        assert_eq!(waiting.len(), 2);
        for socket in waiting {
            assert_eq!((socket.state, socket.inode), (State::Established, None));
            assert_eq!(waiting_at(&table, socket), [program.pid()]);
        }
        // The listener is found even if it was not asked for.
        let table = at_port(Protocol::Tcp, port)
            .states(States::only(State::Established))
            .read()
            .unwrap();
        assert_eq!(table.sockets.len(), 2);
        assert_eq!(waiting_at(&table, &table.sockets[0]), [program.pid()]);
        let table = at_port(Protocol::Tcp, port)
            .owners(OwnerSearch::None)
            .read()
            .unwrap();
        assert_eq!(
            table.owners(&table.sockets[0]),
            Owners::Missing(Missing::NotAsked)
        );
    });
}

#[test]
fn an_ipv4_client_in_the_queue_of_an_ipv6_listener_is_put_down_to_it() {
    within(|| {
        let script = "import socket, sys\n\
            s = socket.create_server(('::', 0), family=socket.AF_INET6, dualstack_ipv6=True)\n\
            c = socket.create_connection(('127.0.0.1', s.getsockname()[1]))\n\
            print(s.getsockname()[1])\nsys.stdin.read()";
        let Some((program, [port])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port)
            .states(States::only(State::Established))
            .read()
            .unwrap();
        assert!(table.sockets[0].local.is_mapped());
        assert_eq!(waiting_at(&table, &table.sockets[0]), [program.pid()]);
    });
}

#[test]
fn a_unix_client_in_the_queue_is_seen_beside_the_listener() {
    within(|| {
        let script = "import os, socket, sys\n\
            name = '\\0sockeye-%d' % os.getpid()\n\
            s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(3)\n\
            c = socket.socket(socket.AF_UNIX); c.connect(name)\n\
            print(os.getpid())\nsys.stdin.read()";
        let Some((program, [pid])) = python(script) else {
            return;
        };
        let name = format!("sockeye-{pid}");
        let unix = Request::new().protocols(Protocols::only(Protocol::UnixStream));
        let table = unix.read().unwrap();
        let is_named = |address: &Address| match address {
            Address::Unix(name_of) => name_of.bytes() == name.as_bytes(),
            _ => false,
        };
        let sockets = &table.sockets;
        let listener =
            |index: &usize| is_named(&sockets[*index].local) && sockets[*index].is_listener();
        let listener = (0..sockets.len()).find(listener).unwrap();
        assert_eq!(sockets[listener].receive_queue, 1);
        let waiting = &sockets[listener].unix.as_ref().unwrap().waiting;
        let client = sockets
            .iter()
            .position(|socket| socket.inode == Some(waiting[0].into()))
            .unwrap();
        assert_eq!(held(&table, &sockets[client])[0].1, program.pid());
        assert_eq!(table.peers().of(client), Some(listener));
        // Kernels without a diag for them list the waiting connection itself.
        for socket in sockets
            .iter()
            .filter(|socket| socket.inode.is_none() && is_named(&socket.local))
        {
            assert_eq!(waiting_at(&table, socket), [program.pid()]);
        }
    });
}

#[test]
fn twins_on_one_port_have_their_own_owners() {
    within(|| {
        let script = "import os, socket, sys\n\
            def twin(port):\n    \
                s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n    \
                s.bind(('127.0.0.1', port)); s.listen(); return s\n\
            s = twin(0); r, w = os.pipe()\n\
            child = os.fork()\n\
            if child == 0:\n    \
                port = s.getsockname()[1]; s.close(); t = twin(port); os.write(w, b'x'); sys.stdin.read()\n    \
                os._exit(0)\n\
            os.read(r, 1); print(s.getsockname()[1], child); sys.stdin.read()";
        let Some((program, [port, child])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port).read().unwrap();
        assert_eq!(table.sockets.len(), 2);
        let mut pids: Vec<u32> = table
            .sockets
            .iter()
            .flat_map(|socket| held(&table, socket))
            .map(|(_, pid, _)| pid)
            .collect();
        pids.sort_unstable();
        let mut expected = [program.pid(), child];
        expected.sort_unstable();
        assert_eq!(pids, expected);
        assert_ne!(table.sockets[0].cookie, table.sockets[1].cookie);
    });
}

#[test]
fn a_thread_with_descriptors_of_its_own_is_named() {
    within(|| {
        let script = "import ctypes, socket, sys, threading\n\
            def own():\n    \
                assert ctypes.CDLL(None).unshare(0x400) == 0\n    \
                s = socket.create_server(('127.0.0.1', 0))\n    \
                print(s.getsockname()[1], threading.get_native_id()); threading.Event().wait()\n\
            threading.Thread(target=own, daemon=True).start()\n\
            sys.stdin.read()";
        let Some((program, [port, thread])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port).read().unwrap();
        let holders = held(&table, &table.sockets[0]);
        assert_eq!(holders.len(), 1, "{holders:?}");
        assert_eq!((holders[0].1, holders[0].2), (program.pid(), Some(thread)));
    });
}

#[test]
fn a_process_whose_first_thread_has_ended_still_holds_its_sockets() {
    within(|| {
        let script = "import ctypes, os, socket, threading\n\
            def work():\n    \
                s = socket.create_server(('127.0.0.1', 0)); stat = '/proc/self/task/%d/stat' % os.getpid()\n    \
                while b') Z ' not in open(stat, 'rb').read(): pass\n    \
                print(s.getsockname()[1]); threading.Event().wait()\n\
            threading.Thread(target=work).start()\n\
            ctypes.CDLL(None).syscall(60, 0)";
        // The number of exit(2) is that of x86-64.
        if !cfg!(target_arch = "x86_64") {
            return;
        }
        let Some((program, [port])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port).read().unwrap();
        let holders = held(&table, &table.sockets[0]);
        assert_eq!(holders.len(), 1, "{holders:?}");
        assert_eq!((holders[0].1, holders[0].2), (program.pid(), None));
    });
}

#[test]
fn a_descriptor_on_its_way_has_no_owner_and_a_reason() {
    within(|| {
        let script = "import socket, sys\n\
            s = socket.create_server(('127.0.0.1', 0)); port = s.getsockname()[1]\n\
            a, b = socket.socketpair()\n\
            socket.send_fds(a, [b'x'], [s.fileno()]); s.close()\n\
            print(port); sys.stdin.read()";
        let Some((_program, [port])) = python(script) else {
            return;
        };
        let table = at_port(Protocol::Tcp, port).read().unwrap();
        let Owners::Missing(missing) = table.owners(&table.sockets[0]) else {
            panic!("{:?}", table.owners(&table.sockets[0]));
        };
        // Whoever does not see all processes cannot tell.
        match missing.code() {
            "in-flight-or-kernel" => assert_eq!(table.hidden_processes(), 0),
            "needs-privilege" => assert_eq!(table.hidden_owners(), 1),
            code => assert_eq!(code, "other-namespace"),
        }
    });
}

#[test]
fn the_ends_of_a_connection_have_reasons() {
    within(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = u32::from(server.local_addr().unwrap().port());
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let client_port = u32::from(client.local_addr().unwrap().port());
        let (mut accepted, _) = server.accept().unwrap();
        client.write_all(b"x").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        accepted.read_to_end(&mut all).unwrap();
        drop(client);
        // The client has gone and the server has not answered that.
        let table = at_port(Protocol::Tcp, client_port).read().unwrap();
        let closed = [State::FinWait1, State::FinWait2];
        // Not the first one: the port may have had another user a moment ago.
        let mut sockets = table.sockets.iter();
        let gone = sockets.find(|socket| closed.contains(&socket.state));
        let gone = gone.unwrap_or_else(|| panic!("{table:?}"));
        assert_eq!(table.owners(gone), Owners::Missing(Missing::Orphan));
        let table = at_port(Protocol::Tcp, port)
            .states(States::only(State::CloseWait))
            .read()
            .unwrap();
        assert_eq!(held(&table, &table.sockets[0])[0].1, std::process::id());
        drop(accepted);
        // Its last packet is on the way to us; until then the row is that of before.
        let over = |table: &Table| {
            table
                .sockets
                .iter()
                .any(|socket| socket.state == State::TimeWait)
        };
        let table = std::iter::repeat_with(|| at_port(Protocol::Tcp, client_port).read().unwrap())
            .find(over)
            .unwrap();
        let Owners::Missing(Missing::TimeWait { left: Some(left) }) =
            table.owners(&table.sockets[0])
        else {
            panic!("{:?}", table.owners(&table.sockets[0]));
        };
        assert!(left <= Duration::from_secs(60), "{left:?}");
    });
}

#[test]
fn both_ends_of_local_connections_meet() {
    within(|| {
        let script = "import os, socket, sys\n\
            a, b = socket.socketpair(); r, w = os.pipe()\n\
            s = socket.create_server(('127.0.0.1', 0))\n\
            child = os.fork()\n\
            if child == 0:\n    \
                a.close(); c = socket.create_connection(s.getsockname()); s.close()\n    \
                os.write(w, b'x'); sys.stdin.read(); os._exit(0)\n\
            b.close(); t, _ = s.accept(); os.read(r, 1)\n\
            print(t.getsockname()[1], child); sys.stdin.read()";
        let Some((program, [port, child])) = python(script) else {
            return;
        };
        let table = Request::new().read().unwrap();
        let owner = |index: usize| match table.owners(&table.sockets[index]) {
            Owners::Held(holders) => table.process(&holders[0]).pid,
            Owners::Missing(_) => 0,
        };
        let ours = |index: usize| [program.pid(), child].contains(&owner(index));
        let pairs = table.pairs();
        let between: Vec<_> = pairs
            .iter()
            .filter_map(|pair| Some((pair.a, pair.b?)))
            .filter(|(a, b)| ours(*a) && ours(*b))
            .map(|(a, b)| {
                (
                    table.sockets[a].protocol,
                    owner(a),
                    owner(b),
                    table.sockets[b].local.port(),
                )
            })
            .collect();
        assert_eq!(between.len(), 2, "{between:?}");
        let port = Some(u16::try_from(port).unwrap());
        assert!(
            between.contains(&(Protocol::Tcp, child, program.pid(), port)),
            "{between:?}"
        );
        let unix = between
            .iter()
            .find(|pair| pair.0 == Protocol::UnixStream)
            .unwrap();
        assert_ne!(unix.1, unix.2);
    });
}

#[test]
fn a_hundred_thousand_descriptors_are_no_obstacle() {
    within(|| {
        let script = "import os, resource, socket, sys\n\
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n\
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))\n\
            s = socket.create_server(('127.0.0.1', 0)); n = min(100000, limit - 100)\n\
            null = os.open('/dev/null', 0)\n\
            for _ in range(n): os.dup(null)\n\
            t = s.dup(); s.close()\n\
            print(t.getsockname()[1], t.fileno()); sys.stdin.read()";
        let Some((program, [port, descriptor])) = python(script) else {
            return;
        };
        for search in [OwnerSearch::First, OwnerSearch::All] {
            let table = at_port(Protocol::Tcp, port).owners(search).read().unwrap();
            let Owners::Held([holder]) = table.owners(&table.sockets[0]) else {
                panic!("{:?}", table.owners(&table.sockets[0]));
            };
            assert_eq!(holder.descriptor, descriptor);
            assert_eq!(table.process(holder).pid, program.pid());
        }
    });
}
