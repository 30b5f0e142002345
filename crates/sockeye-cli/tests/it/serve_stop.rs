//! `sockeye serve`: where it listens, how it stops, what SIGHUP does.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use sockeye_testkit::{Program, peers, temporary_dir, within};
use tempfile::TempDir;

use crate::serving::{ask, client};

const GET: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Far more than the buffers of a connection hold.
const LARGE: u64 = 1 << 28;

/// Take so much more, or all of it; how much that was.
fn take(stream: &mut TcpStream, most: u64) -> u64 {
    let (mut buffer, mut taken) = (vec![0; 1 << 18], 0);
    while taken < most {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => taken += read as u64,
        }
    }
    taken
}

fn folder() -> TempDir {
    let dir = temporary_dir();
    fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
    let large = fs::File::create(dir.path().join("large")).unwrap();
    large.set_len(LARGE).unwrap();
    dir
}

fn serve(dir: &TempDir, flags: &[&str]) -> (Program, SocketAddr) {
    let args = ["serve", dir.path().to_str().unwrap(), "--port", "0"];
    let server = crate::sockeye(args.iter().chain(flags));
    let first = String::from_utf8(server.stdout_until("\n")).unwrap();
    let at = first.trim().strip_prefix("listening on http://").unwrap();
    let at = at.trim_end_matches('/').parse().unwrap();
    (server, at)
}

/// Ask for the large file and read its beginning.
fn begin(at: SocketAddr) -> TcpStream {
    let mut stream = client(at);
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    stream
}

#[test]
fn a_download_ends_well_after_sigterm_and_nobody_else_comes_in() {
    within(|| {
        let dir = folder();
        let (server, at) = serve(&dir, &[]);
        let mut stream = begin(at);
        let mut idle = client(at);
        idle.write_all(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        while !answer.ends_with("hello\n") {
            let mut byte = [0];
            idle.read_exact(&mut byte).unwrap();
            answer.push(byte[0].into());
        }
        server.terminate();
        // The idle one is closed at once.
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        assert!(TcpStream::connect(at).is_err());
        let rest = take(&mut stream, u64::MAX);
        assert!(rest + 1000 > LARGE, "{rest}");
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn a_second_signal_and_the_end_of_grace_end_it_at_once() {
    within(|| {
        let dir = folder();
        let (server, at) = serve(&dir, &[]);
        let _stream = begin(at);
        server.terminate();
        // It has begun to stop when nobody comes in any more.
        while TcpStream::connect(at).is_ok() {}
        server.interrupt();
        assert_eq!(server.wait().code, Some(130));

        let (server, at) = serve(&dir, &["--grace", "100ms"]);
        let _stream = begin(at);
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn a_hangup_drops_nothing_and_it_goes_on_listening() {
    within(|| {
        let dir = folder();
        let (server, at) = serve(&dir, &[]);
        let mut stream = begin(at);
        server.hang_up();
        server.stderr_until("nothing was read again\n");
        assert!(ask(client(at), GET).ends_with("hello\n"));
        assert!(take(&mut stream, LARGE / 2) >= LARGE / 2);
        drop(stream);
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn several_places_each_have_a_line() {
    within(|| {
        let dir = folder();
        let socket = dir.path().join("web.sock");
        let unix = format!("unix:{}", socket.display());
        let folder = dir.path().to_str().unwrap();
        let args = [
            "serve",
            folder,
            "-l",
            "[::1]:0",
            "-l",
            "127.0.0.1:0",
            "-l",
            &unix,
        ];
        let server = crate::sockeye(args);
        let said = server.stdout_until(format!("listening on {unix}\n"));
        let said = String::from_utf8(said).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines[0].starts_with("listening on http://[::1]:"), "{said}");
        for line in &lines[..2] {
            let at = line.strip_prefix("listening on http://").unwrap();
            let at = at.trim_end_matches('/').parse().unwrap();
            assert!(ask(client(at), GET).ends_with("hello\n"));
        }
        let Some(curl) = peers::curl() else { return };
        let args = [
            "-sS",
            "--unix-socket",
            socket.to_str().unwrap(),
            "http://here/a.txt",
        ];
        assert_eq!(Program::start(curl, args).finish().stdout_text(), "hello\n");
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
        assert!(!socket.exists());
    });
}

#[test]
fn a_socket_that_was_passed_on_is_served() {
    within(|| {
        let Some(python) = peers::python3() else {
            return;
        };
        let dir = folder();
        let launcher = "import os, socket, sys\n\
            s = socket.create_server(('127.0.0.1', 0))\n\
            print(s.getsockname()[1], flush=True)\n\
            os.dup2(s.fileno(), 3)\n\
            os.set_inheritable(3, True)\n\
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='web')\n\
            os.execv(sys.argv[1], sys.argv[1:])\n";
        let folder = dir.path().to_str().unwrap();
        for place in ["fd:3", "fd:web"] {
            let args = ["-c", launcher, crate::SOCKEYE, "serve", folder, "-l", place];
            let server = Program::start(&python, args);
            let said = server.stdout_until(format!("listening on {place}\n"));
            let said = String::from_utf8(said).unwrap();
            let port: u16 = said.lines().next().unwrap().parse().unwrap();
            let answer = ask(client(([127, 0, 0, 1], port).into()), GET);
            assert!(answer.ends_with("hello\n"), "{answer}");
            server.terminate();
            assert_eq!(server.wait().code, Some(0));
        }
    });
}

#[test]
fn whoever_holds_the_port_is_named() {
    within(|| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let dir = folder();
        let folder = dir.path().to_str().unwrap();
        let output = crate::sockeye(["serve", folder, "--port", &port.to_string()]).finish();
        let said = output.stderr_text();
        assert_eq!(output.code, Some(8), "{said}");
        let held = format!("hint: port {port} is held by ");
        assert!(said.contains(&held), "{said}");
        assert!(said.contains("port 0 to let the system choose"), "{said}");
        assert_eq!(output.stdout_text(), "");
    });
}
