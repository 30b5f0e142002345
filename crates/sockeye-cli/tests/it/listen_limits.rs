//! What bounds a server: clients, networks, time, descriptors, queues; and how it stops.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use sockeye_testkit::{LIMIT, Program, deadline, within};

use crate::serving::{SOCKEYE, address, ask, client, hear, rest, sockeye};

/// Whether the server has closed it, with an end or a reset.
fn is_closed(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(n) => n == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn five_thousand_clients_are_served_at_once() {
    deadline(Duration::from_secs(30), || {
        let server = sockeye(["listen", "127.0.0.1:0", "--echo"]);
        let at = address(&server);
        let mut clients: Vec<_> = (0..5000).map(|_| client(at)).collect();
        for stream in &mut clients {
            stream.write_all(b"x").unwrap();
        }
        for stream in &mut clients {
            hear(stream, "x");
        }
        server.terminate();
        server.stderr_until("stopping: 5000 conversations may finish");
        drop(clients);
        assert_eq!(server.finish().code, Some(0));
    });
}

#[test]
fn beyond_max_clients_one_waits_and_gets_the_first_free_slot() {
    within(|| {
        for kind in ["0", "tls://0"] {
            let server = sockeye(["listen", kind, "--exec", "cat", "--max-clients", "2"]);
            let plain = kind == "0";
            let at = address(&server);
            if plain {
                let (mut first, mut second) = (client(at), client(at));
                for stream in [&mut first, &mut second] {
                    stream.write_all(b"x").unwrap();
                    hear(stream, "x");
                }
                let mut third = client(at);
                third.write_all(b"waiting").unwrap();
                third.set_nonblocking(true).unwrap();
                let error = third.read(&mut [0; 1]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                third.set_nonblocking(false).unwrap();
                drop(first);
                hear(&mut third, "waiting");
            } else {
                let to = format!("tls://127.0.0.1:{}?verify=none", at.port());
                let mut clients: Vec<_> = (0..3).map(|_| sockeye(["connect", &to])).collect();
                for each in &mut clients {
                    each.write("x");
                }
                // Two are in, whichever; when one of them leaves, the third is served.
                let served = loop {
                    match clients.iter().position(|each| each.so_far().0 == b"x") {
                        Some(served) => break served,
                        None => std::thread::yield_now(),
                    }
                };
                drop(clients.remove(served));
                for each in &clients {
                    each.stdout_until("x");
                }
            }
        }
    });
}

#[test]
fn beyond_max_clients_one_is_refused_if_asked_for() {
    within(|| {
        let args = [
            "listen",
            "0",
            "--echo",
            "--max-clients",
            "1",
            "--refuse-excess",
        ];
        let server = sockeye(args);
        let at = address(&server);
        let mut first = client(at);
        first.write_all(b"x").unwrap();
        hear(&mut first, "x");
        assert!(is_closed(client(at)));
        server.stderr_until("as many as --max-clients are there");
        assert_eq!(ask(first, ""), "");
        // The slot is free again a moment later.
        let served = || {
            let mut stream = client(at);
            stream.write_all(b"y").is_ok() && matches!(stream.read(&mut [0; 1]), Ok(1))
        };
        while !served() {}
    });
}

#[test]
fn udp_peers_wait_for_a_slot_too() {
    within(|| {
        let server = sockeye([
            "listen",
            "udp://127.0.0.1:0",
            "--echo",
            "--max-clients",
            "1",
            "--idle-timeout",
            "300ms",
        ]);
        let at = address(&server);
        let (ann, bob) = (
            crate::serving::udp_client(at),
            crate::serving::udp_client(at),
        );
        for socket in [ann, bob] {
            socket.send(b"x").unwrap();
            let mut buf = [0; 4];
            assert_eq!(socket.recv(&mut buf).unwrap(), 1);
        }
    });
}

#[test]
fn deny_wins_over_allow_and_is_told() {
    within(|| {
        let args = [
            "listen",
            "127.0.0.1:0",
            "--echo",
            "--allow",
            "127.0.0.0/8",
            "--deny",
            "127.0.0.1,10.0.0.0/8",
        ];
        let server = sockeye(args);
        let at = address(&server);
        let denied = client(at);
        let own = denied.local_addr().unwrap();
        assert!(is_closed(denied));
        server.stderr_until(format!("refused tcp://{own}: it is not on the list"));
        let from = |ip: &str| {
            let socket =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            let any: SocketAddr = format!("{ip}:0").parse().unwrap();
            socket.bind(&any.into()).unwrap();
            socket.connect(&at.into()).unwrap();
            let stream = TcpStream::from(socket);
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            stream
        };
        assert_eq!(ask(from("127.0.0.2"), "let in"), "let in");
        let output = sockeye(["listen", "0", "--allow", "10.0.0.0/33"]).finish();
        assert_eq!(output.code, Some(2));
        assert!(output.stderr_text().contains("10.0.0.0/33"));
    });
}

#[test]
fn silence_ends_a_conversation_after_the_idle_timeout() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo", "--idle-timeout", "200ms", "-v"]);
        assert!(is_closed(client(address(&server))));
        server.stderr_until("nothing moved (idle timeout)");
    });
}

#[test]
fn a_rate_holds_each_client_up() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo", "--rate", "10KiB", "--json"]);
        let began = std::time::Instant::now();
        let body = "r".repeat(8 * 1024);
        assert_eq!(ask(client(address(&server)), &body), body);
        assert!(
            began.elapsed() >= Duration::from_millis(500),
            "{:?}",
            began.elapsed()
        );
        // Who is there is known under a rate, too.
        server.stdout_until(r#""type":"connected","connection":1,"peer":"tcp://127.0.0.1:"#);
    });
}

#[test]
fn a_stop_lets_conversations_finish_and_takes_no_new_ones() {
    within(|| {
        for signal in ["TERM", "INT"] {
            let server = sockeye(["listen", "0", "--echo"]);
            let at = address(&server);
            let mut stream = client(at);
            stream.write_all(b"before").unwrap();
            hear(&mut stream, "before");
            match signal {
                "TERM" => server.terminate(),
                _ => server.interrupt(),
            }
            server.stderr_until("stopping: 1 conversation may finish within 30s");
            while TcpStream::connect(at).is_ok() {}
            assert_eq!(ask(stream, "after"), "after");
            assert_eq!(server.finish().code, Some(0));
        }
    });
}

#[test]
fn a_second_signal_leaves_at_once() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let mut stream = client(address(&server));
        stream.write_all(b"x").unwrap();
        hear(&mut stream, "x");
        server.interrupt();
        server.stderr_until("a second Ctrl-C leaves at once");
        server.interrupt();
        assert_eq!(server.finish().code, Some(130));
    });
}

#[test]
fn the_grace_bounds_how_long_a_stop_takes() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo", "--grace", "100ms"]);
        let mut stream = client(address(&server));
        stream.write_all(b"x").unwrap();
        hear(&mut stream, "x");
        server.terminate();
        server.stderr_until("the grace of 100ms is over: 1 conversation cut off");
        assert_eq!(rest(stream), "");
        assert_eq!(server.finish().code, Some(0));
    });
}

#[test]
fn out_of_descriptors_accepting_is_paced_and_recovers() {
    within(|| {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            r#"ulimit -n 64; exec "$0" listen 127.0.0.1:0 --echo"#,
            SOCKEYE,
        ]);
        let server = Program::start_command(command);
        let at = address(&server);
        let mut clients: Vec<_> = (0..100).map(|_| client(at)).collect();
        server.stderr_until("cannot accept on");
        for stream in &mut clients {
            stream.write_all(b"x").unwrap();
        }
        let busy = cpu_ticks(&server);
        // As clients leave, those that wait are served, to the last.
        for mut stream in clients {
            hear(&mut stream, "x");
        }
        let said = String::from_utf8_lossy(&server.so_far().1).into_owned();
        assert!(said.matches("cannot accept").count() < 20, "{said}");
        assert!(cpu_ticks(&server) - busy < 200, "it span");
        assert_eq!(ask(client(at), "after"), "after");
    });
}

/// The processor time of a process, in ticks of 10 ms; see proc_pid_stat(5).
fn cpu_ticks(program: &Program) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn what_one_member_of_a_broker_says_all_others_hear() {
    within(|| {
        let server = sockeye(["listen", "0", "--broker", "-v"]);
        let at = address(&server);
        let mut clients = Vec::new();
        for number in 1..=3 {
            clients.push(client(at));
            server.stderr_until(format!("#{number} connected"));
        }
        clients[0].write_all(b"from 1\n").unwrap();
        hear(&mut clients[1], "from 1\n");
        hear(&mut clients[2], "from 1\n");
        clients[1].write_all(b"from 2\n").unwrap();
        hear(&mut clients[0], "from 2\n");
        hear(&mut clients[2], "from 2\n");
    });
}

/// A broker with a client that never reads and one that does; says so much that the first one's queue overflows.
fn broker_with_a_stuck_client(policy: &str) -> (Program, TcpStream) {
    let server = sockeye([
        "listen",
        "127.0.0.1:0",
        "--broker",
        "--queue",
        "64KiB",
        "--slow",
        policy,
        "--json",
    ]);
    let at = address(&server);
    let stuck = client(at);
    server.stdout_until(r#""type":"connected","connection":1"#);
    let mut reader = client(at);
    server.stdout_until(r#""type":"connected","connection":2"#);
    let mut speaker = client(at);
    server.stdout_until(r#""type":"connected","connection":3"#);
    // More than the buffers of the kernel hold for a client that does not read, and never ahead of the one that does.
    let piece = vec![b'b'; 16 * 1024];
    for _ in 0..1024 {
        speaker.write_all(&piece).unwrap();
        reader.read_exact(&mut vec![0; piece.len()]).unwrap();
    }
    speaker.write_all(b"the end").unwrap();
    hear(&mut reader, "the end");
    (server, stuck)
}

#[test]
fn a_stuck_member_misses_messages_and_holds_nobody_up() {
    deadline(Duration::from_secs(20), || {
        let (server, stuck) = broker_with_a_stuck_client("skip");
        drop(stuck);
        server.terminate();
        let output = server.finish();
        assert_eq!(output.code, Some(0));
        assert!(
            output.stderr_text().contains("slow clients missed "),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_stuck_member_is_disconnected_if_that_is_the_policy() {
    deadline(Duration::from_secs(20), || {
        let (server, stuck) = broker_with_a_stuck_client("disconnect");
        server.stdout_until(r#""type":"closed","connection":1,"reason":"too-slow""#);
        drop(stuck);
    });
}
