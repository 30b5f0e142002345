//! `sockeye listen` with a mode: echo, discard, chargen, reply, programs, TLS, and foreign clients.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;

use sockeye_testkit::{Checksum, Program, deadline, pattern, peers, temporary_dir, within};

use crate::serving::{SOCKEYE, address, ask, client, hear, rest, sockeye};

#[test]
fn echo_serves_many_at_once_and_half_close_ends_it() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let at = address(&server);
        let mut clients: Vec<_> = (0..20).map(|_| client(at)).collect();
        for (number, stream) in clients.iter_mut().enumerate() {
            write!(stream, "client {number}").unwrap();
        }
        for (number, mut stream) in clients.into_iter().enumerate() {
            hear(&mut stream, &format!("client {number}"));
            assert_eq!(ask(stream, "!"), "!");
        }
    });
}

#[test]
fn both_families_of_loopback_are_served() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo", "-v"]);
        let port = server.port();
        server.stderr_until("also listening on tcp://[::1]:");
        for at in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            assert_eq!(ask(client(at.parse().unwrap()), "hi"), "hi", "{at}");
        }
        let only = sockeye(["listen", "0", "--echo", "-4", "--json"]);
        let said = only.stdout_until("listening");
        assert!(!String::from_utf8_lossy(&said).contains("[::1]"));
    });
}

#[test]
fn discard_takes_everything_and_says_nothing() {
    within(|| {
        let server = sockeye(["listen", "0", "--discard"]);
        let mut stream = client(address(&server));
        stream.write_all(&pattern(1, 1 << 20)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(stream), "");
    });
}

#[test]
fn chargen_goes_on_until_the_client_leaves() {
    within(|| {
        let server = sockeye(["listen", "0", "--chargen"]);
        let mut stream = client(address(&server));
        let mut heard = vec![0; 3 * 74 * 95];
        stream.read_exact(&mut heard).unwrap();
        assert!(heard.starts_with(b" !\"#$%&'()*+,-./0123456789"));
        assert_eq!(heard[..74 * 95], heard[74 * 95..2 * 74 * 95]);
        stream.shutdown(Shutdown::Write).unwrap();
    });
}

#[test]
fn reply_answers_curl() {
    let Some(curl) = peers::curl() else { return };
    within(move || {
        let dir = temporary_dir();
        let file = dir.path().join("answer");
        std::fs::write(&file, "HTTP/1.0 200 OK\r\n\r\nhello curl\n").unwrap();
        let server = sockeye(["listen", "0", "--reply", file.to_str().unwrap()]);
        for _ in 0..3 {
            let url = format!("http://{}/", server.host_port());
            let output = Program::start(&curl, ["-sS", "--max-time", "5", &url]).finish();
            assert_eq!(output.stdout_text(), "hello curl\n", "{output:?}");
        }
        let output = sockeye(["listen", "0", "--reply", "/nonexistent/file"]).finish();
        assert_eq!(output.code, Some(8));
        assert!(
            output
                .stderr_text()
                .contains("cannot read /nonexistent/file")
        );
    });
}

#[test]
fn a_program_hears_who_is_there_and_gets_its_words_as_they_are() {
    within(|| {
        let script = r#"printf '%s|%s|%s|%s|' "$SOCKEYE_PEER" "$SOCKEYE_LOCAL_PORT" "$SOCKEYE_CONNECTION" "$1"; cat"#;
        let line = format!(
            "sh -c '{script}' x '$HOME *  two'",
            script = script.replace('\'', "'\\''")
        );
        let server = sockeye(["listen", "0", "--exec", &line]);
        let stream = client(address(&server));
        let expected = format!(
            "tcp://{}|{}|1|$HOME *  two|body",
            stream.local_addr().unwrap(),
            server.port()
        );
        assert_eq!(ask(stream, "body"), expected);
    });
}

#[test]
fn a_program_inherits_nothing_but_its_three_descriptors() {
    within(|| {
        let server = sockeye(["listen", "0", "--shell", "ls /proc/self/fd | tr '\\n' ' '"]);
        let idle = client(address(&server));
        // `ls` itself opens the directory it lists.
        assert_eq!(rest(client(address(&server))), "0 1 2 3 ");
        drop(idle);
    });
}

#[test]
fn output_larger_than_all_buffers_reaches_a_slow_reader() {
    deadline(std::time::Duration::from_secs(20), || {
        const SIZE: usize = 24 << 20;
        let server = sockeye([
            "listen",
            "0",
            "--exec",
            &format!("head -c {SIZE} /dev/zero"),
            "-v",
        ]);
        let mut stream = client(address(&server));
        // Nothing is read before the program has been stopped by full buffers, or has ended.
        stream.write_all(b"nobody reads this").unwrap();
        let mut sum = Checksum::new();
        let mut piece = [0; 3000];
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                n => sum.update(&piece[..n]),
            }
        }
        assert_eq!(sum.len(), SIZE as u64);
    });
}

#[test]
fn a_program_that_ends_at_once_is_heard_and_its_failure_told() {
    within(|| {
        let server = sockeye(["listen", "0", "--shell", "echo last words; exit 7"]);
        let mut stream = client(address(&server));
        // What the program never reads must not cost its output.
        stream.write_all(&[b'x'; 1000]).unwrap();
        hear(&mut stream, "last words\n");
        server.stderr_until("#1 the program ended with exit status: 7");
    });
}

#[test]
fn the_only_programs_exit_code_becomes_ours() {
    within(|| {
        for (line, code) in [("exit 3", 3), ("kill -9 $$", 137), ("cat >/dev/null", 0)] {
            let server = sockeye(["listen", "0", "--once", "--shell", line]);
            assert_eq!(ask(client(address(&server)), ""), "");
            assert_eq!(server.finish().code, Some(code), "{line}");
        }
    });
}

#[test]
fn a_missing_program_is_noticed_before_the_first_client() {
    within(|| {
        let output = sockeye(["listen", "0", "--exec", "no-such-program-anywhere x"]).finish();
        assert_eq!(output.code, Some(8));
        let said = output.stderr_text();
        assert!(
            said.contains("there is no program `no-such-program-anywhere`"),
            "{said}"
        );
        assert!(said.contains("hint:"), "{said}");
    });
}

#[test]
fn a_program_is_ended_when_its_client_is_gone() {
    within(|| {
        let server = sockeye(["listen", "0", "--shell", "echo $$; exec cat", "-v"]);
        let mut stream = client(address(&server));
        let mut pid = [0; 16];
        let n = stream.read(&mut pid).unwrap();
        let pid = String::from_utf8_lossy(&pid[..n]).trim().to_owned();
        crate::serving::reset(stream);
        server.stderr_until("#1 closed");
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    });
}

#[test]
fn tls_without_a_certificate_prints_the_pin_that_clients_need() {
    within(|| {
        let server = sockeye(["listen", "tls://0", "--echo"]);
        let port = server.port();
        let pin = server.line_starting_with("certificate made on the fly, pin=");
        let to = format!("tls://localhost:{port}?pin={pin}");
        let mut pinned = sockeye(["connect", &to]);
        pinned.write("over TLS");
        pinned.close_stdin();
        let output = pinned.wait();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), "over TLS")
        );

        let wrong = format!("tls://localhost:{port}?pin=sha256:{}", "00".repeat(32));
        let output = sockeye(["connect", &wrong]).finish();
        assert_eq!(output.code, Some(6), "{}", output.stderr_text());
        let output = sockeye(["connect", &format!("tls://localhost:{port}")]).finish();
        assert_eq!(output.code, Some(6), "{}", output.stderr_text());
        // The server goes on, and says for each what was wrong.
        server.stderr_until("#2 cannot shake hands with");
        server.stderr_until("#3 cannot shake hands with");
    });
}

#[test]
fn openssl_socat_and_ncat_are_served() {
    within(|| {
        let tls = sockeye(["listen", "tls://0", "--echo"]);
        if let Some(openssl) = peers::openssl() {
            let at = tls.host_port();
            let args = ["s_client", "-quiet", "-no_ign_eof", "-connect", &at];
            let mut s_client = Program::start(openssl, args);
            s_client.write("from openssl\n");
            s_client.stdout_until("from openssl\n");
        }
        let plain = sockeye(["listen", "0", "--echo"]);
        let at = address(&plain);
        if let Some(socat) = peers::socat() {
            let mut socat = Program::start(socat, ["-t5", "-", &format!("TCP:{at}")]);
            socat.write("from socat");
            assert_eq!(socat.finish().stdout_text(), "from socat");
        }
        if let Some(ncat) = peers::ncat() {
            let mut ncat = Program::start(ncat, [at.ip().to_string(), at.port().to_string()]);
            ncat.write("from ncat");
            assert_eq!(ncat.finish().stdout_text(), "from ncat");
        }
    });
}

#[test]
fn a_port_in_use_names_the_process() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let output = sockeye(["listen", &server.host_port()]).finish();
        assert_eq!(output.code, Some(8));
        let said = output.stderr_text();
        let owner = format!("sockeye (pid {})", server.pid());
        assert!(said.contains(&owner), "{said}");
        assert!(said.contains(&server.port().to_string()), "{said}");
        assert!(said.contains("take another port"), "{said}");
    });
}

#[test]
fn listening_for_everyone_is_said_aloud() {
    within(|| {
        let server = sockeye(["listen", ":0", "--echo", "-q"]);
        server.stderr_until("warning: everyone who reaches this machine can connect");
    });
}

#[test]
fn a_listener_is_inherited_from_the_service_manager() {
    let Some(python) = peers::python3() else {
        return;
    };
    within(move || {
        // As systemd does it, see sd_listen_fds(3): descriptor 3, and the number of the process itself.
        let script = "import os, socket, sys\n\
            s = socket.create_server(('127.0.0.1', 0))\n\
            print('port', s.getsockname()[1], file=sys.stderr, flush=True)\n\
            os.dup2(s.fileno(), 3)\n\
            os.set_inheritable(3, True)\n\
            os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='web', LISTEN_PID=str(os.getpid()))\n\
            os.execv(sys.argv[1], sys.argv[1:])\n";
        for which in ["fd:3", "fd:web"] {
            let mut command = Command::new(&python);
            command.args(["-c", script, SOCKEYE, "listen", which, "--echo"]);
            let server = Program::start_command(command);
            let port: u16 = server.line_starting_with("port ").parse().unwrap();
            let at = ([127, 0, 0, 1], port).into();
            assert_eq!(ask(client(at), "inherited"), "inherited", "{which}");
        }
    });
}

#[test]
fn several_threads_serve_too() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo", "--threads", "4"]);
        let at = address(&server);
        let clients = (0..8).map(|seed| {
            std::thread::spawn(move || {
                let (text, stream) = (pattern(seed, 300_000), client(at));
                let mut writer = stream.try_clone().unwrap();
                let sent = text.clone();
                let writing = std::thread::spawn(move || {
                    writer.write_all(&sent).unwrap();
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                let (mut reader, mut heard) = (stream, Vec::new());
                reader.read_to_end(&mut heard).unwrap();
                writing.join().unwrap();
                assert!(heard == text);
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().unwrap();
        }
        server.terminate();
        assert_eq!(server.finish().code, Some(0));
    });
}
