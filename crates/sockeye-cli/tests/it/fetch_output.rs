//! `fetch`: bodies in a pipe, at a terminal and in events; exit codes.

use std::fs;

use sockeye_testkit::{Peer, Step, Web, temporary_dir, within};

use crate::fetch_reports::lines;
use crate::terminal::Screen;
use crate::{shell, sockeye};

/// A server that answers every request with this body, of this media type.
fn serve(media_type: &'static str, body: impl Into<Vec<u8>>) -> Web {
    let body = body.into();
    Web::new(move |_| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &body].concat()
    })
}

/// What a terminal shows, and the exit code.
fn shown(args: &[&str]) -> (String, Option<i32>) {
    Screen::start(&[&["fetch"], args].concat()).wait()
}

#[test]
fn in_a_pipe_every_byte_is_exact() {
    within(|| {
        let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for media_type in ["text/plain", "application/json", "image/png"] {
            let web = serve(media_type, body.clone());
            let output = sockeye(["fetch", &web.url("/")]).finish();
            assert_eq!((output.code, output.stderr_text().as_str()), (Some(0), ""));
            assert!(output.stdout == body, "{media_type}");
            let output = sockeye(["fetch", "--pretty=never", &web.url("/")]).finish();
            assert!(output.stdout == body, "{media_type}");
        }
    });
}

#[test]
fn at_a_terminal_nothing_is_obeyed() {
    within(|| {
        let web = serve(
            "text/plain",
            "\x1b]0;title\x07\x1b[2Jhi\rho \u{e4}\u{202e}x\n",
        );
        let (said, code) = shown(&[&web.url("/")]);
        assert_eq!(code, Some(0));
        assert_eq!(said, "\\x1b]0;title\\x07\\x1b[2Jhi\\rho \u{e4}\\u{202e}x\n");
    });
}

#[test]
fn a_head_at_a_terminal_is_harmless_too() {
    within(|| {
        let web =
            Web::new(|_| b"HTTP/1.1 200 O\xffK\r\nX: \xff\r\nContent-Length: 2\r\n\r\nhi".to_vec());
        let (said, _) = shown(&["-i", &web.url("/")]);
        assert_eq!(
            said,
            "HTTP/1.1 200 O\\xffK\nX: \\xff\nContent-Length: 2\n\nhi\n"
        );
        let output = sockeye(["fetch", "-i", &web.url("/")]).finish();
        assert_eq!(
            output.stdout,
            b"HTTP/1.1 200 O\xffK\r\nX: \xff\r\nContent-Length: 2\r\n\r\nhi"
        );
    });
}

#[test]
fn at_a_terminal_charsets_are_decoded() {
    within(|| {
        for (media_type, body, text) in [
            (
                "text/plain; charset=iso-8859-1",
                &b"gr\xfc\xdfe"[..],
                "gr\u{fc}\u{df}e\n",
            ),
            ("text/plain; charset=utf-16le", b"h\0\xe4\0", "h\u{e4}\n"),
            ("text/plain", b"\xef\xbb\xbfx\n", "x\n"),
            (
                "text/html",
                b"<meta charset=koi8-r>\xc1",
                "<meta charset=koi8-r>\u{430}\n",
            ),
        ] {
            let web = serve(media_type, body);
            assert_eq!(shown(&[&web.url("/")]).0, text, "{media_type}");
        }
    });
}

#[test]
fn at_a_terminal_what_is_no_text_is_not_shown() {
    within(|| {
        let web = serve("image/png", b"\x89PNG\r\n\x1a\n\0".to_vec());
        let (said, code) = shown(&[&web.url("/")]);
        assert_eq!(
            said,
            "sockeye: warning: 9 bytes of image/png are not shown; -o FILE saves them, and a pipe gets every byte\n"
        );
        assert_eq!(code, Some(0));
        let web = serve("application/octet-stream", b"ab\0\x1b".to_vec());
        assert!(
            shown(&[&web.url("/")])
                .0
                .contains("4 bytes of application/octet-stream are not")
        );
    });
}

#[test]
fn json_is_laid_out_at_a_terminal_or_when_told() {
    within(|| {
        let json = r#"{"b":[1,{"a":"\u001b"}],"c":"ü"}"#;
        let laid_out = "{\n  \"b\": [\n    1,\n    {\n      \"a\": \"\\u001b\"\n    }\n  ],\n  \"c\": \"\u{fc}\"\n}\n";
        let web = serve("application/json", json);
        let url = &web.url("/");
        assert_eq!(shown(&[url]).0, laid_out);
        assert_eq!(shown(&["--pretty=never", url]).0, format!("{json}\n"));
        let stdout = |args: &[&str]| {
            sockeye(["fetch", url].iter().chain(args))
                .finish()
                .stdout_text()
        };
        assert_eq!(stdout(&["--pretty=always"]), laid_out);
        assert_eq!(stdout(&[]), json);
        let colored = stdout(&["--pretty=always", "--color=always"]);
        assert!(colored.contains("\x1b[34m\"b\"\x1b[0m: ["), "{colored:?}");
        // What is no JSON in spite of its type is shown as it is.
        let web = serve("application/json", "Internal\nServer  \x1b Error");
        assert_eq!(shown(&[&web.url("/")]).0, "Internal\nServer  \\x1b Error\n");
        // Long ones are laid out while they come.
        let long = format!("[{}0]", "1234567,".repeat(100_000));
        let web = serve("application/json", long.clone());
        let got = sockeye(["fetch", "--pretty=always", &web.url("/")])
            .finish()
            .stdout_text();
        assert_eq!(got.lines().count(), 100_003);
        let (got, want): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&got).unwrap(),
            serde_json::from_str(&long).unwrap(),
        );
        assert!(got == want);
    });
}

#[test]
fn a_closed_pipe_ends_quietly() {
    within(|| {
        let body = vec![b'x'; 4 << 20];
        let web = serve("text/plain", body);
        let url = &web.url("/");
        let script = "\"$S\" fetch \"$1\" \"$1\" | head -c1; echo \" ${PIPESTATUS[0]}\"";
        let output = shell(script, &[url]);
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("x 0\n", "")
        );
        let script =
            "\"$S\" fetch --dry-run -T /dev/zero \"$1\" | head -c1; echo \" ${PIPESTATUS[0]}\"";
        let output = shell(script, &[url]);
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("P 0\n", "")
        );
    });
}

#[test]
fn a_full_disk_is_told() {
    within(|| {
        let web = serve("text/plain", "hello");
        let output = shell("\"$S\" fetch \"$1\" > /dev/full", &[&web.url("/")]);
        let said = output.stderr_text();
        assert_eq!(output.code, Some(8), "{said}");
        assert!(
            said.contains("standard output") && said.contains("no space left"),
            "{said}"
        );
    });
}

#[test]
fn events_hold_the_body() {
    within(|| {
        let web = Web::new(|asked| match asked.target() {
            "/go" => "HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n".into(),
            "/bytes" => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\0".to_vec(),
            "/none" => "HTTP/1.1 404 Not Here\r\nX: 1\r\nx: 2\r\nContent-Length: 0\r\n\r\n".into(),
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nh\u{fc}".into(),
        });
        let urls = [
            web.url("/go"),
            web.url("/bytes"),
            web.url("/none"),
            "http://127.0.0.1:0/".into(),
        ];
        let output = sockeye(
            ["fetch", "--json"]
                .into_iter()
                .chain(urls.iter().map(|url| &**url)),
        )
        .finish();
        assert_eq!(
            output.code,
            Some(1),
            "the first failure counts: {}",
            output.stderr_text()
        );
        let events = lines(&output);
        let types: Vec<&str> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["response", "response", "response", "error"]);
        assert_eq!(
            (&events[0]["url"], &events[0]["text"]),
            (&web.url("/to").into(), &"h\u{fc}".into())
        );
        assert_eq!(
            (&events[0]["status"], &events[0]["version"]),
            (&200.into(), &"HTTP/1.1".into())
        );
        assert_eq!(
            (&events[1]["base64"], &events[1]["length"]),
            (&"/wA=".into(), &2.into())
        );
        assert_eq!(
            (&events[2]["reason"], &events[2]["method"]),
            (&"Not Here".into(), &"GET".into())
        );
        assert_eq!(
            events[2]["headers"],
            serde_json::json!([["X", "1"], ["x", "2"], ["Content-Length", "0"]])
        );
        assert_eq!(events[3]["code"], "usage");
    });
}

#[test]
fn a_body_too_long_for_an_event_is_an_error_behind_it() {
    within(|| {
        let web = serve("text/plain", vec![b'x'; (16 << 20) + 1]);
        let output = sockeye(["fetch", "--json", &web.url("/")]).finish();
        let events = lines(&output);
        assert_eq!((events.len(), output.code), (2, Some(8)));
        assert!(events[0]["text"].is_null() && events[0]["status"] == 200);
        assert!(
            events[1]["hint"].as_str().unwrap().contains("-o FILE"),
            "{}",
            events[1]
        );
    });
}

#[test]
fn statuses_of_400_and_above_are_a_no() {
    within(|| {
        let web = Web::new(|asked| {
            let status = &asked.target()[1..];
            format!("HTTP/1.1 {status} Word\r\nContent-Length: 4\r\n\r\nbody").into()
        });
        let fetch = |paths: &[&str], flags: &[&str]| {
            let urls: Vec<String> = paths.iter().map(|path| web.url(path)).collect();
            let args = ["fetch"]
                .into_iter()
                .chain(flags.iter().copied())
                .chain(urls.iter().map(|url| &**url));
            sockeye(args).finish()
        };
        for (status, code) in [("/200", 0), ("/399", 0), ("/400", 1), ("/503", 1)] {
            let output = fetch(&[status], &[]);
            assert_eq!(
                (output.code, output.stdout_text().as_str()),
                (Some(code), "body"),
                "{status}"
            );
        }
        let output = fetch(&["/404"], &[]);
        assert_eq!(
            output.stderr_text(),
            format!("{}: the server answers 404 Word\n", web.url("/404"))
        );
        assert_eq!(fetch(&["/404"], &["-q"]).stderr_text(), "");
        assert_eq!(fetch(&["/404"], &["-i"]).stderr_text(), "");
        // The rest goes on, unless it shall not.
        let output = fetch(&["/404", "/200"], &[]);
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(1), "bodybody")
        );
        let output = fetch(&["/404", "/200"], &["--fail-early"]);
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(1), "body")
        );
    });
}

#[test]
fn files_and_data_are_fetched_too() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("a b.json");
        fs::write(&path, b"{\"a\":\xff}").unwrap();
        let url = format!("file://{}", path.display().to_string().replace(' ', "%20"));
        let output = sockeye(["fetch", &url]).finish();
        assert_eq!(
            (output.code, &*output.stdout),
            (Some(0), &b"{\"a\":\xff}"[..]),
            "{}",
            output.stderr_text()
        );
        let output = sockeye(["fetch", "-I", &url]).finish();
        assert!(
            output
                .stdout_text()
                .starts_with("Content-Length: 7\r\nLast-Modified: ")
        );
        let output = sockeye(["fetch", "data:text/plain;base64,aGk="]).finish();
        assert_eq!(output.stdout, b"hi");
        let output = sockeye(["fetch", "-i", "data:,a%20b"]).finish();
        assert!(
            output
                .stdout_text()
                .ends_with("\r\nContent-Length: 3\r\n\r\na b")
        );
        for (args, code, why) in [
            (
                &["file:///etc"][..],
                2,
                "cannot open /etc: it is a directory",
            ),
            (&["file:///no/such"], 8, "cannot open /no/such: "),
            (
                &["file:///etc/hostname", "-d", "x"],
                2,
                "nothing can be sent",
            ),
            (
                &["DELETE", "file:///etc/hostname"],
                2,
                "DELETE means nothing",
            ),
            (
                &["file:///etc/hostname", "-r", "0-1"],
                2,
                "--range means nothing",
            ),
            (&["file://elsewhere/x"], 2, "only files of this machine"),
            (&["data:x"], 2, "a data URL without a comma"),
        ] {
            let output = sockeye(["fetch"].iter().chain(args)).finish();
            let said = output.stderr_text();
            assert!(
                output.code == Some(code) && said.contains(why),
                "{args:?}: {said}"
            );
        }
    });
}

#[test]
fn an_interrupt_ends_it_with_130() {
    within(|| {
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nso far"),
            Step::ReadToEnd,
        ]);
        let program = sockeye(["fetch", &format!("http://{}/", peer.addr())]);
        program.stdout_until("so far");
        program.interrupt();
        let output = program.wait();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(130), "so far")
        );
        peer.finish();
    });
}

#[test]
fn a_dry_run_at_a_terminal_is_harmless() {
    within(|| {
        let (said, code) = shown(&["--dry-run", "-A", "", "-d", "\x1b[2J\x07", "h"]);
        assert_eq!(code, Some(0));
        assert!(said.ends_with("\r\n\r\n\\x1b[2J\\x07\n"), "{said:?}");
    });
}

#[test]
fn a_body_that_breaks_off_at_a_terminal_shows_what_came() {
    within(|| {
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"a\":",
            ),
            Step::Close,
        ]);
        let (said, code) = shown(&[&format!("http://{}/", peer.addr())]);
        assert_eq!(code, Some(7), "{said}");
        assert!(
            said.starts_with("{\n  \"a\": \nsockeye: cannot fetch http://"),
            "{said:?}"
        );
        peer.finish();
    });
}
