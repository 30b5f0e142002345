//! Whose sockets they are, or why that cannot be said: live against sockets in every awkward place.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::Value;
use sockeye_testkit::{Program, temporary_dir, within};

use crate::SOCKEYE;
use crate::sockets::{between, listener, python, sockets};
use crate::sockets_json::lines;

/// The sockets with this port at either end, as JSON.
fn with_port(port: u16, more: &[&str]) -> Vec<Value> {
    let port = port.to_string();
    let flags = [&["--json", "--port", &port], more].concat();
    lines(&sockets(&flags))
}

fn of_state<'a>(all: &'a [Value], state: &str) -> Vec<&'a Value> {
    all.iter().filter(|line| line["state"] == state).collect()
}

#[test]
fn a_connection_that_nobody_accepted_belongs_to_the_listeners_queue() {
    let script = "import os, socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7)\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let _clients = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", ports[0])).unwrap());
        let all = with_port(ports[0], &[]);
        let listening = of_state(&all, "listening");
        assert_eq!(
            listening[0]["accept_queue"],
            serde_json::json!({"waiting": 2, "limit": 7})
        );
        let waiting: Vec<_> = all
            .iter()
            .filter(|line| line["owner_missing"] == "accept-queue")
            .collect();
        assert_eq!(waiting.len(), 2, "{all:#?}");
        for line in waiting {
            assert_eq!(line["accept_queue_of"][0]["pid"], program.pid());
            assert_eq!(line["inode"], Value::Null);
            assert_eq!(line["owners"], serde_json::json!([]));
        }
    });
}

#[test]
fn a_full_accept_queue_is_called_full() {
    within(|| {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(
                &"127.0.0.1:0"
                    .parse::<std::net::SocketAddr>()
                    .unwrap()
                    .into(),
            )
            .unwrap();
        socket.listen(1).unwrap();
        let listener = TcpListener::from(socket);
        let at = listener.local_addr().unwrap();
        let _clients = [(); 2].map(|()| TcpStream::connect(at).unwrap());
        let text = sockets(&["-l", "--port", &at.port().to_string()]).stdout_text();
        assert!(text.contains("accept 2/1 full"), "{text}");
    });
}

#[test]
fn each_end_of_a_connection_that_ends_says_where_it_stands() {
    within(|| {
        let (listener, port) = listener();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let from = client.local_addr().unwrap().port();
        let (mut served, _) = listener.accept().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(served.read(&mut [0; 1]).unwrap(), 0);
        let all = with_port(from, &["-t", &between(from, port)]);
        assert_eq!(of_state(&all, "close-wait")[0]["local"]["port"], port);
        assert_eq!(of_state(&all, "fin-wait-2")[0]["local"]["port"], from);
        assert!(
            all.iter()
                .all(|line| line["owners"][0]["pid"] == std::process::id())
        );
        served.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        drop((client, served));
        let all = with_port(from, &["-t", &between(from, port)]);
        let [over] = &of_state(&all, "time-wait")[..] else {
            panic!("{all:#?}");
        };
        assert_eq!(over["owner_missing"], "time-wait");
        assert_eq!((&over["uid"], &over["inode"]), (&Value::Null, &Value::Null));
        assert_eq!(over["timer"]["kind"], "time-wait");
        let text = sockets(&["-tH", &between(from, port)]).stdout_text();
        assert!(text.contains("  time-wait, "), "{text}");
        assert!(text.ends_with(" s left\n"), "{text}");
    });
}

#[test]
fn twins_on_one_port_are_two_rows_with_their_own_owners() {
    let script = |port: u16| {
        format!(
            "import os, socket\n\
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
            s.bind(('127.0.0.1', {port})); s.listen(3)\n\
            print('ready', s.getsockname()[1], flush=True); os.read(0, 1)"
        )
    };
    let Some((one, ports)) = python(&script(0)) else {
        return;
    };
    let (other, _) = python(&script(ports[0])).unwrap();
    within(move || {
        let all = with_port(ports[0], &["-l"]);
        let [a, b] = &all[..] else {
            panic!("{all:#?}");
        };
        assert_ne!(a["cookie"], b["cookie"]);
        let mut pids = [&a, &b].map(|line| line["owners"][0]["pid"].as_u64().unwrap());
        let mut expected = [one.pid(), other.pid()].map(u64::from);
        pids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pids, expected);
    });
}

#[test]
fn a_socket_that_several_processes_hold_names_all_of_them() {
    let script = "import os, socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(3); r, w = os.pipe()\n\
        child = os.fork()\n\
        if child == 0: os.close(w); os.read(r, 1); os._exit(0)\n\
        os.close(r)\n\
        print('ready', s.getsockname()[1], child & 0xffff, child >> 16, flush=True); os.read(0, 1)";
    let Some((program, numbers)) = python(script) else {
        return;
    };
    within(move || {
        let child = u32::from(numbers[2]) << 16 | u32::from(numbers[1]);
        let all = with_port(numbers[0], &["-l"]);
        let owners = all[0]["owners"].as_array().unwrap();
        let pids: Vec<_> = owners
            .iter()
            .map(|owner| owner["pid"].as_u64().unwrap())
            .collect();
        let (first, second) = (program.pid().min(child), program.pid().max(child));
        assert_eq!(pids, [u64::from(first), u64::from(second)]);
        let text = sockets(&["-lH", "--port", &numbers[0].to_string()]).stdout_text();
        assert!(text.ends_with(&format!(" {first}, {second}\n")), "{text}");
        let alone = sockets(&[
            "-l",
            "--pid",
            &child.to_string(),
            "--format",
            "{local-port}",
        ]);
        assert_eq!(alone.stdout_text(), format!("{}\n", numbers[0]));
    });
}

#[test]
fn a_descriptor_on_its_way_has_no_owner_and_a_reason() {
    let script = "import array, os, socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(3); port = s.getsockname()[1]\n\
        a, b = socket.socketpair()\n\
        a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [s.fileno()]))])\n\
        s.close(); print('ready', port, flush=True); os.read(0, 1)";
    let Some((_program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let all = with_port(ports[0], &["-l"]);
        // Where some processes are hidden, one of them might have it.
        let why = all[0]["owner_missing"].as_str().unwrap();
        assert!(
            ["in-flight-or-kernel", "needs-privilege"].contains(&why),
            "{why}"
        );
        assert_eq!(all[0]["owners"], serde_json::json!([]));
    });
}

#[test]
fn the_device_that_a_socket_is_bound_to_is_part_of_its_address() {
    within(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        if socket2::SockRef::from(&socket)
            .bind_device(Some(b"lo"))
            .is_err()
        {
            return eprintln!("SKIPPED: this test needs SO_BINDTODEVICE");
        }
        let all = with_port(port, &["-u"]);
        assert_eq!(all[0]["device"]["name"], "lo");
        let text = sockets(&["-uH", "--port", &port.to_string()]).stdout_text();
        assert!(text.contains(&format!(" 127.0.0.1%lo:{port} ")), "{text}");
    });
}

#[test]
fn what_nobody_has_read_is_said_in_words() {
    within(|| {
        let (listener, port) = listener();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(&[b'x'; 1229]).unwrap();
        let from = client.local_addr().unwrap().port();
        let (mut served, _) = listener.accept().unwrap();
        // Once a byte can be looked at, all of them are there: they came as one segment.
        served.peek(&mut [0; 1]).unwrap();
        let text = sockets(&["-tH", &between(from, port)]).stdout_text();
        assert!(
            text.contains(&format!("  1.2 KiB unread  127.0.0.1:{port}  ")),
            "{text}"
        );
        served.read_exact(&mut [0; 717]).unwrap();
        let text = sockets(&["-tH", &between(from, port)]).stdout_text();
        assert!(
            text.contains(&format!("  512 unread  127.0.0.1:{port}  ")),
            "{text}"
        );
    });
}

#[test]
fn both_ends_of_a_local_connection_are_one_row() {
    let script = "import os, socket, sys\n\
        s = socket.create_connection(('127.0.0.1', int(sys.stdin.readline())))\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some(python3) = sockeye_testkit::peers::python3() else {
        return;
    };
    within(move || {
        let (listener, port) = listener();
        let mut program = Program::start(python3, ["-c", script]);
        program.write(format!("{port}\n"));
        let (_served, _) = listener.accept().unwrap();
        let from: u16 = program.line_starting_with("ready ").parse().unwrap();
        let text = sockets(&["-t", "--pairs", &between(from, port)]).stdout_text();
        let ends = format!("tcp    established  127.0.0.1:{from} ⇄ 127.0.0.1:{port}  python3");
        assert!(text.lines().nth(1).unwrap().starts_with(&ends), "{text}");
        assert!(text.contains(&format!(" {}", std::process::id())), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        let pairs = lines(&sockets(&["-t", "--pairs", "--json", &between(from, port)]));
        assert_eq!(pairs[0]["type"], "pair");
        assert_eq!(pairs[0]["a"]["owners"][0]["pid"], program.pid());
        assert_eq!(pairs[0]["b"]["owners"][0]["pid"], std::process::id());
    });
}

#[test]
fn a_pair_of_unix_sockets_names_both_processes() {
    within(|| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut cat = Command::new("cat")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pairs = lines(&sockets(&["-x", "--pairs", "--json"]));
        let pid = |end: &Value| end["owners"][0]["pid"].as_u64();
        let wanted = [std::process::id(), cat.id()].map(|pid| Some(u64::from(pid)));
        let found = pairs.iter().any(|pair| {
            let ends = [pid(&pair["a"]), pid(&pair["b"])];
            ends == wanted || ends == [wanted[1], wanted[0]]
        });
        drop(ours);
        cat.wait().unwrap();
        assert!(found, "{wanted:?}: {pairs:#?}");
    });
}

#[test]
fn without_privileges_the_sockets_are_the_same_and_each_blank_has_its_reason() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("SKIPPED: this test needs root, to become somebody else");
    }
    let Some(python3) = sockeye_testkit::peers::python3() else {
        return;
    };
    within(move || {
        let dir = temporary_dir();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let binary = dir.path().join("sockeye");
        std::fs::copy(SOCKEYE, &binary).unwrap();
        let (listener, port) = listener();
        let _waits = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = port.to_string();
        let script = "import os, sys\n\
            os.setgroups([]); os.setgid(65534); os.setuid(65534)\n\
            os.execv(sys.argv[1], ['sockeye', 'sockets', '-t', '--port', sys.argv[2], *sys.argv[3:], 'exclude time-wait'])";
        let as_nobody = |more: &[&str]| {
            let given = ["-c", script, binary.to_str().unwrap(), &port];
            Program::start(&python3, given.iter().chain(more)).finish()
        };
        let output = as_nobody(&["--json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        // Another program may have used the same port a moment ago.
        let (seen, ours) = (
            lines(&output),
            with_port(port.parse().unwrap(), &["-t", "exclude time-wait"]),
        );
        let keys = |all: &[Value]| {
            let mut keys: Vec<_> = all
                .iter()
                .map(|line| (line["cookie"].to_string(), line["state"].to_string()))
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&seen), keys(&ours));
        let reasons: Vec<_> = seen
            .iter()
            .map(|line| line["owner_missing"].as_str().unwrap())
            .collect();
        let mut counted = reasons.clone();
        counted.sort_unstable();
        assert_eq!(
            counted,
            ["accept-queue", "needs-privilege", "needs-privilege"],
            "{seen:#?}"
        );
        let text = as_nobody(&[]);
        assert_eq!(
            text.stderr_text().lines().next().unwrap(),
            "owner hidden for 3 sockets of other users; run as root to see them"
        );
        assert!(
            text.stdout_text().contains("  needs privilege\n"),
            "{text:?}"
        );
    });
}
