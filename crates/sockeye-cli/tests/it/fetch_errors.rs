//! `fetch`: each failure names the URL, the reason and one thing to try; and what servers do wrong.

use std::net::{Ipv4Addr, TcpListener};

use sockeye_testkit::peers;
use sockeye_testkit::{Gate, Peer, Program, Step, Web, temporary_dir, within};

use crate::sockeye;

/// What is said, with the port replaced, and the exit code.
fn said(args: &[&str]) -> (String, Option<i32>) {
    let output = sockeye(["fetch"].iter().chain(args)).finish();
    let mut text = String::new();
    // Ports are the system's choice.
    for (at, piece) in output.stderr_text().split("127.0.0.1:").enumerate() {
        let digits = piece
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(piece.len());
        match at {
            0 => text.push_str(piece),
            _ => text.push_str(&format!("127.0.0.1:PORT{}", &piece[digits..])),
        }
    }
    (text, output.code)
}

/// A server that says this to whoever asks, and closes.
fn says(answer: &str) -> (Peer, String) {
    let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send(answer), Step::Close]);
    let url = format!("http://{}/x", peer.addr());
    (peer, url)
}

#[test]
fn common_failures_are_told_in_one_way() {
    within(|| {
        let mut told = String::new();
        let mut tell = |name: &str, args: &[&str]| {
            let (text, code) = said(args);
            told += &format!("# {name}: {}\n{text}\n", code.unwrap());
        };
        tell("no such name", &["http://me:secret@nobody.invalid/x?y#z"]);
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        tell("refused", &[&format!("http://{free}/x")]);
        tell("no URL", &["http://"]);
        tell("a blank", &["http://h/a b"]);
        tell("unknown scheme", &["gopher://h/"]);
        tell("a slash in the host", &["http://a%2fb/"]);
        tell("port 0", &["http://127.0.0.1:0/"]);
        let (peer, url) = says("SSH-2.0-x\r\n");
        tell("not HTTP", &[&url]);
        peer.finish();
        let (peer, url) = says("");
        tell("no answer", &[&url]);
        peer.finish();
        let (peer, url) = says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour");
        tell("cut short", &[&url]);
        peer.finish();
        let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::Reset]);
        tell("reset", &[&format!("http://{}/", peer.addr())]);
        peer.finish();
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/x", silent.local_addr().unwrap());
        tell("timeout", &["--timeout", "200ms", &url]);
        tell("idle", &["--idle-timeout", "200ms", &url]);
        let peer = Peer::tcp([
            Step::until("\x16"),
            Step::send("HTTP/1.1 400 Bad\r\n\r\n"),
            Step::ReadToEnd,
        ]);
        let url = format!("https://localhost:{}/", peer.port());
        let (text, code) = said(&[&url]);
        told += &format!(
            "# TLS to a port without: {}\n{}\n",
            code.unwrap(),
            text.replace(&peer.port().to_string(), "PORT")
        );
        insta::assert_snapshot!("fetch_errors", told);
    });
}

#[test]
fn a_name_that_is_no_name_is_no_name() {
    // One of several URLs fails; the others are fetched.
    within(|| {
        let web = Web::new(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".into());
        let output = sockeye(["fetch", "http://nobody.invalid/", &web.url("/")]).finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(3), "hi")
        );
    });
}

#[test]
fn bodies_wait_for_100_or_a_second_or_what_one_says() {
    within(|| {
        let (asked, gate) = (Gate::new(), Gate::new());
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::Open(asked.clone()),
            Step::WaitFor(gate.clone()),
            Step::send("HTTP/1.1 100 Continue\r\n\r\n"),
            Step::expect("hello"),
            Step::send("HTTP/1.1 204 N\r\n\r\n"),
        ]);
        let url = format!("http://{}/", peer.addr());
        let program = sockeye([
            "fetch",
            "--expect",
            "--expect-timeout",
            "10s",
            "-d",
            "hello",
            &url,
        ]);
        assert!(asked.wait());
        gate.open();
        assert_eq!(program.wait().code, Some(0));
        let received = peer.finish().received;
        assert!(String::from_utf8_lossy(&received).contains("Expect: 100-continue\r\n"));
        // Nobody says anything: it is sent after the time.
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::expect("hello"),
            Step::send("HTTP/1.1 204 N\r\n\r\n"),
        ]);
        let url = format!("http://{}/", peer.addr());
        let output = sockeye([
            "fetch",
            "--expect",
            "--expect-timeout",
            "10ms",
            "-d",
            "hello",
            &url,
        ])
        .finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        peer.finish();
    });
}

#[test]
fn a_server_that_wants_nothing_of_expect_is_asked_without() {
    within(|| {
        let web = Web::new(|asked| match asked.header("expect") {
            Some(_) => "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n".into(),
            None => "HTTP/1.1 204 N\r\n\r\n".into(),
        });
        let output = sockeye(["fetch", "--expect", "-d", "hello", &web.url("/")]).finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let asked = web.asked();
        assert_eq!((asked.len(), &*asked[1].body), (2, &b"hello"[..]));
    });
}

#[test]
fn an_early_no_is_heard_while_sending() {
    within(|| {
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send(
                "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
            ),
            Step::Close,
        ]);
        let url = format!("http://{}/", peer.addr());
        let mut program = sockeye(["fetch", "-T", "-", "--no-expect", &url]);
        let stdin = program.take_stdin().unwrap();
        let feeder = std::thread::spawn(move || {
            use std::io::Write;
            let mut stdin = stdin;
            // Ends when the program does.
            while stdin.write_all(&[b'x'; 1 << 16]).is_ok() {}
        });
        let output = program.wait();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(1), "big"),
            "{}",
            output.stderr_text()
        );
        feeder.join().unwrap();
        peer.finish();
    });
}

#[test]
fn chunks_extensions_and_trailers_are_read_and_a_cut_is_an_error() {
    within(|| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (peer, url) = says(&format!(
            "{head}3;a=b;c=\"d\"\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
        ));
        let output = sockeye(["fetch", &url]).finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), "abcde")
        );
        peer.finish();
        for cut in [
            "3\r\nabc\r\n",
            "5\r\nabc",
            "3\r\nabc\r\n0\r\n",
            "3\r\nabc\r\nx\r\n",
        ] {
            let (peer, url) = says(&format!("{head}{cut}"));
            let output = sockeye(["fetch", &url]).finish();
            assert_eq!(
                (output.code, output.stdout_text().as_str()),
                (Some(7), "abc"),
                "{cut:?}"
            );
            peer.finish();
        }
    });
}

#[test]
fn answers_without_bodies_have_none_whatever_they_say() {
    within(|| {
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 204 N\r\nContent-Length: 10\r\n\r\n"),
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 304 N\r\nContent-Length: 10\r\n\r\n"),
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        ]);
        let url = &format!("http://{}/", peer.addr());
        // All three on one connection: it survives.
        let output = sockeye(["fetch", url, url, url]).finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), "hi"),
            "{}",
            output.stderr_text()
        );
        peer.finish();
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        ]);
        let output = sockeye(["fetch", "-I", &format!("http://{}/", peer.addr())]).finish();
        assert_eq!(
            output.stdout_text(),
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        );
        assert_eq!(output.code, Some(0));
        peer.finish();
    });
}

#[test]
fn what_old_servers_do_is_refused_unless_it_is_forgiven() {
    within(|| {
        for answer in ["hi", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"] {
            let (peer, url) = says(answer);
            let output = sockeye(["fetch", &url]).finish();
            assert_eq!(
                (output.code, output.stdout_text().as_str()),
                (Some(7), ""),
                "{answer:?}"
            );
            peer.finish();
            let (peer, url) = says(answer);
            let output = sockeye(["fetch", "--lenient", &url]).finish();
            assert_eq!(
                (output.code, output.stdout_text().as_str()),
                (Some(0), "hi"),
                "{answer:?}: {}",
                output.stderr_text()
            );
            peer.finish();
        }
    });
}

#[test]
fn a_tls_body_without_its_end_is_flagged() {
    let Some(openssl) = peers::openssl() else {
        return;
    };
    within(move || {
        let dir = temporary_dir();
        let pem = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let (cert, key) = (pem("cert"), pem("key"));
        let made = Program::start(
            &openssl,
            [
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                &key,
                "-out",
                &cert,
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-days",
                "2",
            ],
        )
        .finish();
        assert_eq!(made.code, Some(0), "{}", made.stderr_text());
        let (mut server, addr) = peers::on_free_port(|port| {
            let port = port.to_string();
            Program::start(
                &openssl,
                ["s_server", "-accept", &port, "-cert", &cert, "-key", &key],
            )
        });
        let url = format!("https://localhost:{}/", addr.port());
        let program = sockeye(["fetch", "-4", "--ca", &cert, &url]);
        server.stdout_until("GET / HTTP/1.1");
        server.write("HTTP/1.1 200 OK\r\n\r\nso far");
        program.stdout_until("so far");
        // Killed, it says no close_notify.
        drop(server);
        let output = program.wait();
        assert_eq!(output.code, Some(7), "{}", output.stderr_text());
        assert!(
            output.stderr_text().contains("the connection was cut off"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn passwords_are_shown_nowhere() {
    within(|| {
        let web = Web::new(|_| "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".into());
        let addr = web.addr();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        for args in [
            &[&*format!("http://me:s3cret@{addr}/")][..],
            &["--json", &format!("http://me:s3cret@{addr}/")],
            &["-v", "-i", &format!("http://me:s3cret@{addr}/")],
            &[&format!("http://me:s3cret@{free}/")],
            &["--json", &format!("http://me:s3cret@{free}/")],
            &["http://me:s3cret@nobody.invalid/"],
            &["http://me:s3cret@a@b/"],
            &["http://me:s3cret@h:99999/"],
            &["gopher://me:s3cret@h/"],
            &["h", "-e", "http://me:s3cret@h b/"],
            &["ftp://me:s3cret@nobody.invalid/"],
        ] {
            let output = sockeye(["fetch"].iter().chain(args)).finish();
            let text = output.stdout_text() + &output.stderr_text();
            assert!(!text.contains("s3cret"), "{args:?}: {text}");
            assert_ne!(output.code, Some(0), "{args:?}");
        }
    });
}

#[test]
fn international_names_become_ascii() {
    within(|| {
        let output = sockeye([
            "fetch",
            "--dry-run",
            "http://B\u{dc}CHER.example/\u{e4}?\u{f6}",
        ])
        .finish();
        let text = output.stdout_text();
        assert!(
            text.starts_with("GET /%C3%A4?%C3%B6 HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n"),
            "{text}"
        );
    });
}
