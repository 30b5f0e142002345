//! `fetch`: policies, redirects, retries, and what is left as it comes.

use std::sync::atomic::{AtomicUsize, Ordering};

use sockeye_testkit::{Output, Web, temporary_dir, within};

use crate::sockeye;

fn fetch(args: &[&str]) -> Output {
    sockeye(["fetch"].iter().chain(args)).finish()
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

#[track_caller]
fn denied(args: &[&str], said: &str) {
    let output = fetch(args);
    let err = output.stderr_text();
    assert_eq!(output.code, Some(8), "{args:?}: {err}");
    assert!(err.contains(said), "{args:?}: {err}");
}

#[test]
fn flags_and_files_say_what_may_be_asked() {
    within(|| {
        let web = Web::new(|_| ok("hello"));
        let url = web.url("/");
        let dir = temporary_dir();
        let path = dir.path().join("policy.json");
        let policy = path.to_str().unwrap();
        std::fs::write(
            &path,
            r#"{"extends": "public", "ports": [], "deny_hosts": ["127.0.0.9"]}"#,
        )
        .unwrap();
        denied(&["--public-only", &url], "this machine");
        denied(&["--policy", policy, &url], "this machine");
        denied(&["--allow-host", "example.org", &url], "host 127.0.0.1");
        denied(&["--deny-host", "127.0.0.1", &url], "denies the host");
        denied(&["--deny-address", "127.0.0.0/8", &url], "denied");
        denied(&["--allow-scheme", "https", &url], "`http`");
        denied(&["--max-body", "4B", &url], "longer than 4 bytes");
        for scheme in ["http", "ftp", "ftps"] {
            let url = format!("{scheme}://localhost:1/");
            denied(&["--public-only", &url], "this machine");
        }
        assert!(web.asked().len() <= 1);
        let output = fetch(&["--policy", policy, "--allow-address", "127.0.0.1", &url]);
        assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
        std::fs::write(&path, r#"{"alow_hosts": []}"#).unwrap();
        let output = fetch(&["--policy", policy, &url]);
        assert_eq!(output.code, Some(2));
        let err = output.stderr_text();
        assert!(
            err.contains("alow_hosts") && err.contains("did you mean \"allow_hosts\""),
            "{err}"
        );
    });
}

#[test]
fn redirects_are_followed_as_far_as_flags_say() {
    within(|| {
        let web = Web::new(|asked| match asked.target() {
            "/3" => ok("there"),
            other => redirect(&format!("/{}", other[1..].parse::<u32>().unwrap() + 1)),
        });
        let url = web.url("/1");
        assert_eq!(fetch(&[&url]).stdout_text(), "there");
        assert_eq!(fetch(&["-L", &url]).stdout_text(), "there");
        assert_eq!(fetch(&["--no-redirect", &url]).code, Some(0));
        let output = fetch(&["--max-redirects", "1", &url]);
        assert_eq!(output.code, Some(7));
        let err = output.stderr_text();
        assert!(
            err.contains("more than 1 times: ") && err.contains(" → "),
            "{err}"
        );
    });
}

#[test]
fn secrets_cross_only_if_that_is_said_and_said_aloud() {
    within(|| {
        let second = Web::new(|asked| ok(asked.header("referer").unwrap_or("none")));
        let there = second.url("/");
        let first = Web::new(move |_| redirect(&there));
        let url = first.url("/x");
        assert_eq!(fetch(&[&url]).stdout_text(), "none");
        assert_eq!(
            fetch(&["--auto-referer", &url]).stdout_text(),
            first.url("/")
        );
        let output = fetch(&["--trust-redirects", &url]);
        assert!(
            output.stderr_text().contains("warning: --trust-redirects"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn it_is_tried_again_if_asked_for() {
    within(|| {
        let count = AtomicUsize::new(0);
        let web = Web::new(move |_| match count.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => ok("at last"),
        });
        let url = web.url("/");
        let output = fetch(&["--retry", "1", "--retry-delay", "1ms", &url]);
        assert_eq!(output.stdout_text(), "at last", "{}", output.stderr_text());
        assert_eq!(fetch(&[&url]).code, Some(1));
        let output = fetch(&["--retry-all", &url]);
        assert_eq!(output.code, Some(2), "it needs --retry");
    });
}

#[test]
fn a_body_is_left_as_it_comes_if_asked_for() {
    within(|| {
        let web = Web::new(|asked| {
            let coded = asked.header("accept-encoding").is_some();
            // What is inside is no gzip, which nobody sees who does not look.
            let coding = if coded {
                ""
            } else {
                "Content-Encoding: gzip\r\n"
            };
            format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: 4\r\n\r\n\u{1f}\u{0}ab").into()
        });
        let output = fetch(&["--raw", &web.url("/")]);
        assert_eq!(output.stdout, b"\x1f\0ab", "{}", output.stderr_text());
        let old = Web::new(|_| {
            b"HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\r\n\r\nok".to_vec()
        });
        assert_eq!(fetch(&[&old.url("/")]).code, Some(7));
    });
}
