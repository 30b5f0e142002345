//! Sockets in states and of kinds that other tools leave out, or show without a word: each as the program lists it.

use serde_json::{Value, json};
use sockeye_testkit::{NetworkNamespace, Program, peers, within};

use crate::SOCKEYE;
use crate::sockets::{python, sockets};
use crate::sockets_json::lines;

/// `sockeye sockets` inside a network namespace, as JSON.
pub(crate) fn listed_in(namespace: &NetworkNamespace, flags: &[&str]) -> Vec<Value> {
    let args = ["sockets", "--json"].iter().chain(flags);
    lines(&namespace.start(SOCKEYE, args).finish())
}

/// Run these words of a shell inside, which must succeed.
pub(crate) fn prepare(namespace: &NetworkNamespace, script: &str) {
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; set -e; {script}");
    let output = namespace.start("sh", ["-c", &script]).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
}

/// A helper in Python inside, which has printed a line that begins with `ready`; what follows that word.
pub(crate) fn python_in(
    namespace: &NetworkNamespace,
    script: &str,
) -> Option<(Program, Vec<String>)> {
    let program = namespace.start(peers::python3()?, ["-c", script]);
    let line = program.line_starting_with("ready");
    let words = line.split_whitespace().map(str::to_owned).collect();
    Some((program, words))
}

#[test]
fn a_connection_without_an_answer_waits_with_a_timer_and_its_owner() {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        // What is sent there comes back over the loopback device, for which it is not, and is dropped.
        prepare(
            &namespace,
            "ip address add 192.0.2.1/32 dev lo; ip route add 192.0.2.0/24 dev lo",
        );
        let script = "import os, socket\n\
            s = socket.socket(); s.setblocking(False)\n\
            try: s.connect(('192.0.2.2', 443))\n\
            except BlockingIOError: pass\n\
            print('ready', flush=True); os.read(0, 1)";
        let Some((client, _)) = python_in(&namespace, script) else {
            return;
        };
        let all = listed_in(&namespace, &[]);
        let [row] = &all[..] else {
            panic!("{all:#?}");
        };
        assert_eq!(row["state"], "syn-sent");
        assert_eq!(row["peer"]["ip"], "192.0.2.2");
        assert_eq!(row["timer"]["kind"], "retransmit");
        assert!(row["timer"]["expires"].is_number(), "{row:#}");
        assert_eq!(row["owners"][0]["pid"], client.pid());
        let text = namespace.start(SOCKEYE, ["sockets", "--wide"]).finish();
        let text = text.stdout_text();
        assert!(text.contains("  syn-sent  "), "{text}");
        assert!(text.contains("  retransmit "), "{text}");
        assert!(text.contains("  192.0.2.2:443 https  "), "{text}");
        assert!(text.ends_with(&format!("{}\n", client.pid())), "{text}");
    });
}

#[test]
fn a_queue_that_overflows_is_a_verdict() {
    let script = "import os, socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); held = []\n\
        for _ in range(5):\n\
        \x20 c = socket.socket(); c.setblocking(False); held.append(c)\n\
        \x20 try: c.connect(s.getsockname())\n\
        \x20 except BlockingIOError: pass\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let port = ports[0].to_string();
        let said = format!(
            "warning: accept queue of tcp://127.0.0.1:{port} is full: 2 of 1 wait; python3 (pid {}) ",
            program.pid()
        );
        let output = sockets(&["-l", "--port", &port]);
        assert!(output.stdout_text().contains("  accept 2/1 full  "));
        assert!(output.stderr_text().contains(&said), "{output:?}");
        let alone = sockets(&["--verdicts", "--port", &port]);
        assert!(alone.stdout_text().starts_with(&said), "{alone:?}");
        assert_eq!(alone.code, Some(1));
        let verdicts = lines(&sockets(&["--verdicts", "--json", "--port", &port]));
        assert_eq!(verdicts[0]["code"], "accept-queue-full");
        assert_eq!(verdicts[0]["sockets"][0]["owners"][0]["pid"], program.pid());
        // Those whose handshake was dropped wait too, and say whose they are.
        let clients = format!("state syn-sent and dport = :{port}");
        let clients = lines(&sockets(&["--json", &clients]));
        assert_eq!(clients.len(), 3, "{clients:#?}");
        assert!(
            clients
                .iter()
                .all(|line| line["owners"][0]["pid"] == program.pid())
        );
    });
}

#[test]
fn a_socket_that_is_only_bound_is_listed_or_the_kernel_is_named() {
    let script = "import os, socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0))\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let port = ports[0].to_string();
        let output = sockets(&["--state", "bound", "--port", &port, "--json"]);
        let all = lines(&output);
        let [row] = &all[..] else {
            // Before Linux 6.8.
            assert!(output.stderr_text().contains("bound"), "{output:?}");
            return;
        };
        assert_eq!(
            (&row["state"], &row["peer"]),
            (&json!("bound"), &json!(null))
        );
        assert_eq!(row["owners"][0]["pid"], program.pid());
        let text = sockets(&["-H", "--port", &port]).stdout_text();
        assert!(text.starts_with("tcp  bound  "), "{text}");
        assert_eq!(sockets(&["-l", "--port", &port]).code, Some(1));
    });
}

#[test]
fn a_thread_with_descriptors_of_its_own_is_named_beside_its_process() {
    let script = "import ctypes, os, socket, threading\n\
        def work():\n\
        \x20 assert ctypes.CDLL(None).unshare(0x400) == 0\n\
        \x20 s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(3); thread = threading.get_native_id()\n\
        \x20 print('ready', s.getsockname()[1], thread & 0xffff, thread >> 16, flush=True); os.read(0, 1)\n\
        threading.Thread(target=work).start()";
    let Some((program, numbers)) = python(script) else {
        return;
    };
    within(move || {
        let thread = u32::from(numbers[2]) << 16 | u32::from(numbers[1]);
        let port = numbers[0].to_string();
        let all = lines(&sockets(&["-l", "--port", &port, "--json"]));
        let owner = &all[0]["owners"][0];
        assert_eq!(
            (&owner["pid"], &owner["tid"]),
            (&json!(program.pid()), &json!(thread))
        );
        let text = sockets(&["-lH", "--port", &port]).stdout_text();
        let whose = format!(" python3 {} (thread {thread})\n", program.pid());
        assert!(text.ends_with(&whose), "{text}");
    });
}

#[test]
fn a_process_whose_first_thread_has_ended_is_an_owner() {
    let script = "import ctypes, os, socket, threading\n\
        first = threading.main_thread().native_id\n\
        def work():\n\
        \x20 s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(3)\n\
        \x20 state = lambda: open(f'/proc/self/task/{first}/stat').read().rsplit(') ')[-1][0]\n\
        \x20 while state() != 'Z': os.sched_yield()\n\
        \x20 print('ready', s.getsockname()[1], flush=True); os.read(0, 1)\n\
        threading.Thread(target=work).start()\n\
        ctypes.CDLL(None).pthread_exit(None)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let all = lines(&sockets(&["-l", "--port", &ports[0].to_string(), "--json"]));
        assert_eq!(all[0]["owners"][0]["pid"], program.pid(), "{all:#?}");
        assert_eq!(all[0]["owners"][0]["name"], "python3");
    });
}

#[test]
fn names_of_any_bytes_and_of_full_length_are_one_row_each() {
    let script = "import ctypes, os, socket, sys\n\
        os.chdir(sys.stdin.readline().rstrip()); held = []\n\
        for name in (b'a b', b'a\\tb', b'a\\xffb', b'x' * 108):\n\
        \x20 s = socket.socket(socket.AF_UNIX); held.append(s)\n\
        \x20 at = (1).to_bytes(2, sys.byteorder) + name\n\
        \x20 assert ctypes.CDLL(None).bind(s.fileno(), at, len(at)) == 0\n\
        \x20 s.listen(1)\n\
        print('ready', flush=True); os.read(0, 1)";
    let Some(python3) = peers::python3() else {
        return;
    };
    within(move || {
        let dir = sockeye_testkit::temporary_dir();
        let mut program = Program::start(python3, ["-c", script]);
        program.write(format!("{}\n", dir.path().display()));
        program.line_starting_with("ready");
        let pid = program.pid().to_string();
        let all = lines(&sockets(&["-xl", "--pid", &pid, "--json"]));
        let mut names: Vec<Vec<u8>> = all.iter().map(|row| name_of(&row["local"])).collect();
        names.sort();
        let expected = [&b"a\tb"[..], b"a b", b"a\xffb", &[b'x'; 108]];
        assert_eq!(names, expected, "{all:#?}");
        let text = sockets(&["-xlH", "--pid", &pid]).stdout_text();
        assert_eq!(text.lines().count(), 4, "{text}");
        for shown in ["  a b  ", r"  a\tb  ", r"  a\xffb  ", &"x".repeat(108)] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    });
}

/// The bytes of a name, whichever way they could be written.
fn name_of(local: &Value) -> Vec<u8> {
    match local["path_base64"].as_str() {
        Some(text) => data_encoding::BASE64.decode(text.as_bytes()).unwrap(),
        None => local["path"].as_str().unwrap().as_bytes().to_vec(),
    }
}

#[test]
fn a_path_that_was_bound_again_is_two_rows_with_two_files() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    within(|| {
        let dir = sockeye_testkit::temporary_dir();
        let path = dir.path().join("again");
        let _first = UnixListener::bind(&path).unwrap();
        // While the file is open, nobody else gets its number.
        let gone = std::fs::metadata(&path).unwrap().ino();
        std::fs::remove_file(&path).unwrap();
        let _second = UnixListener::bind(&path).unwrap();
        let there = std::fs::metadata(&path).unwrap().ino();
        let filter = format!("path = {}", path.display());
        let all = lines(&sockets(&["-xl", "--json", &filter]));
        let mut files: Vec<_> = all
            .iter()
            .map(|row| &row["unix"]["file"]["inode"])
            .collect();
        files.sort_by_key(|inode| inode.as_u64());
        assert_eq!(files, [gone.min(there), gone.max(there)], "{all:#?}");
        assert_eq!(all.len(), 2);
        assert_ne!(all[0]["cookie"], all[1]["cookie"]);
    });
}

#[test]
fn raw_ping_packet_netlink_and_multipath_sockets_are_listed_with_their_owners() {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        prepare(
            &namespace,
            "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range",
        );
        let script = "import os, socket as s\n\
            held = [s.socket(s.AF_INET, s.SOCK_RAW, 253), s.socket(s.AF_INET6, s.SOCK_RAW, 253)]\n\
            for family, protocol, at in ((s.AF_INET, 1, '127.0.0.1'), (s.AF_INET6, 58, '::1')):\n\
            \x20 held.append(s.socket(family, s.SOCK_DGRAM, protocol)); held[-1].bind((at, 0))\n\
            held.append(s.socket(s.AF_PACKET, s.SOCK_RAW, s.htons(3)))\n\
            held.append(s.socket(s.AF_NETLINK, s.SOCK_RAW, 0)); held[-1].bind((0, 0))\n\
            try:\n\
            \x20 held.append(s.socket(s.AF_INET, s.SOCK_STREAM, 262)); held[-1].bind(('127.0.0.1', 0)); held[-1].listen(3)\n\
            \x20 print('ready multipath', flush=True)\n\
            except OSError: print('ready', flush=True)\n\
            os.read(0, 1)";
        let Some((program, can)) = python_in(&namespace, script) else {
            return;
        };
        let all = listed_in(&namespace, &["-a", "--pid", &program.pid().to_string()]);
        let count = |protocol: &str, family: &str| {
            let of = |row: &&Value| row["protocol"] == protocol && row["family"] == family;
            all.iter().filter(of).count()
        };
        for (protocol, family) in [
            ("raw", "ipv4"),
            ("raw", "ipv6"),
            ("icmp", "ipv4"),
            ("icmp", "ipv6"),
            ("packet", "packet"),
            ("netlink", "netlink"),
        ] {
            assert_eq!(count(protocol, family), 1, "{protocol} {family}: {all:#?}");
        }
        assert!(
            all.iter()
                .all(|row| row["owners"][0]["pid"] == program.pid()),
            "{all:#?}"
        );
        if can.is_empty() {
            return eprintln!("SKIPPED: the rest of this test needs Multipath TCP");
        }
        assert_eq!((count("mptcp", "ipv4"), count("tcp", "ipv4")), (1, 1));
        // The two are one listener to whoever counts.
        let one = ["sockets", "--assert", "exactly 1 listening"];
        let output = namespace.start(SOCKEYE, one).finish();
        assert_eq!(output.code, Some(0), "{output:?}");
    });
}

#[test]
fn datagrams_that_nobody_reads_wait_and_those_that_find_no_place_are_counted() {
    let script = "import os, socket\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n\
        c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        for _ in range(1024): c.sendto(bytes(1024), s.getsockname())\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let port = ports[0].to_string();
        let all = lines(&sockets(&["-u", "--wide", "--port", &port, "--json"]));
        assert!(all[0]["receive_queue"].as_u64().unwrap() > 0);
        assert!(all[0]["memory"]["drops"].as_u64().unwrap() > 0, "{all:#?}");
        let text = sockets(&["-uH", "--port", &port]).stdout_text();
        assert!(text.contains(" KiB unread  "), "{text}");
        let verdicts = lines(&sockets(&["--verdicts", "--json", "--port", &port]));
        let codes: Vec<_> = verdicts.iter().map(|verdict| &verdict["code"]).collect();
        assert_eq!(codes, ["receive-queue-full", "datagrams-dropped"]);
        assert_eq!(verdicts[0]["sockets"][0]["owners"][0]["pid"], program.pid());
    });
}

#[test]
fn a_port_that_was_handed_out_to_a_client_has_no_service() {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        // The only ports that this namespace hands out, and each is registered for something.
        prepare(
            &namespace,
            "echo 8080 8083 > /proc/sys/net/ipv4/ip_local_port_range",
        );
        let script = "import os, socket\n\
            s = socket.socket(); s.bind(('127.0.0.1', 443)); s.listen(3)\n\
            c = socket.create_connection(('127.0.0.1', 443)); a, _ = s.accept()\n\
            l = socket.socket(); l.bind(('127.0.0.1', 5432)); l.listen(3)\n\
            print('ready', c.getsockname()[1], flush=True); os.read(0, 1)";
        let Some((_program, words)) = python_in(&namespace, script) else {
            return;
        };
        let from: u64 = words[0].parse().unwrap();
        for row in listed_in(&namespace, &["-t"]) {
            for end in [&row["local"], &row["peer"]] {
                let expected = match end["port"].as_u64() {
                    Some(443) => json!("https"),
                    Some(5432) => json!("postgresql"),
                    Some(port) if port == from => json!(null),
                    Some(port) => panic!("whose is {port}? {row:#}"),
                    None => continue,
                };
                assert_eq!(end["service"], expected, "{row:#}");
            }
        }
        let text = namespace.start(SOCKEYE, ["sockets", "-H"]).finish();
        let text = text.stdout_text();
        let end = format!("127.0.0.1:{from}");
        let mut after = text.split(&end).skip(1);
        assert!(after.all(|rest| rest.starts_with("  ")), "{text}");
    });
}
