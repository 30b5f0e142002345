//! The two sessions that the project began with, as they are written in its design.

use std::fs::File;
use std::process::{Command, Stdio};

use sockeye_testkit::peers::{self, WebServer};
use sockeye_testkit::{temporary_dir, within};

use crate::terminal::Screen;
use crate::{SOCKEYE, output_of};

/// Two people at two terminals.
#[test]
fn two_terminals_talk() {
    within(|| {
        let server = Screen::start(&["listen", "0"]);
        let ready = server.until("listening on tcp://127.0.0.1:", "\n");
        let port: u16 = ready.trim().rsplit(':').next().unwrap().parse().unwrap();
        let client = Screen::start(&["connect", &format!("localhost:{port}"), "--wire"]);
        client.until("\nconnected tcp://", "\n");

        client.keys("Hello World\n");
        server.until("Hello World", "\n");
        server.keys("Hello Yourself\n");
        client.until("\nHello Yourself", "\n");

        // Ctrl-D ends our side; the server, which speaks no more either, is told to stop.
        client.keys("\x04");
        server.until("Hello Yourself", "\n");
        server.keys("\x03");
        let (said, code) = client.wait();
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(" > Hello World\\n") && said.contains(" < Hello Yourself\\n"),
            "{said}"
        );
        let (said, _) = server.wait();
        // What was said and what was typed, and nothing else: with one client there is nobody to tell apart.
        let first = said.find("listening on").unwrap();
        let lines: Vec<&str> = said[first..].lines().take(3).collect();
        assert_eq!(
            lines,
            [ready.trim(), "Hello World", "Hello Yourself"],
            "{said}"
        );
    });
}

fn request_through_the_shell(server: &WebServer, mut same_as: impl FnMut(&[u8])) {
    server.put(
        "index.html",
        "<!doctype html>\n<p>Bytes: \u{e4}\u{f6}\u{fc}</p>\n".repeat(4000),
    );
    let dir = temporary_dir();
    let response = dir.path().join("response");
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            r"printf 'GET /index.html HTTP/1.0\r\n\r\n' | $S connect $1",
            "sh",
            &server.addr().to_string(),
        ])
        .env("S", SOCKEYE)
        .stdin(Stdio::null())
        .stdout(File::create(&response).unwrap());
    let output = command
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap().as_str()
        ),
        (Some(0), "")
    );
    same_as(&std::fs::read(&response).unwrap());
}

fn compare_with_curl(server: &WebServer) {
    let Some(curl) = peers::curl() else { return };
    request_through_the_shell(server, |response| {
        let url = format!("http://{}/index.html", server.addr());
        let body = output_of(&curl, &["-sS", "--http1.0", &url]);
        let head = response.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        assert!(
            response.starts_with(b"HTTP/1."),
            "{}",
            String::from_utf8_lossy(&response[..head])
        );
        assert!(
            response[head + 4..] == body[..],
            "the page is not what curl gets"
        );
        assert!(body.len() > 100_000);
    });
}

#[test]
fn a_request_by_hand_gets_the_page_from_nginx() {
    within(|| {
        if let Some(server) = WebServer::nginx() {
            compare_with_curl(&server);
        }
    });
}

#[test]
fn a_request_by_hand_gets_the_page_from_python() {
    within(|| {
        if let Some(server) = WebServer::python() {
            compare_with_curl(&server);
        }
    });
}
