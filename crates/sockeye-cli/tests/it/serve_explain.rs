//! `serve --explain`: how a request would be answered, without a socket.

use std::fs;
use std::path::Path;

use sockeye_testkit::{Output, temporary_dir, within};

fn folder() -> tempfile::TempDir {
    let dir = temporary_dir();
    fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
    dir
}

fn explain(dir: &Path, url: &str, flags: &[&str]) -> Output {
    let mut args = vec!["serve", dir.to_str().unwrap(), "--explain", url];
    args.extend(flags);
    crate::sockeye(args).finish()
}

#[test]
fn a_file_is_explained_as_it_is_served() {
    within(|| {
        let dir = folder();
        let output = explain(dir.path(), "/a.txt", &[]);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let text = output.stdout_text();
        assert!(
            text.starts_with("GET /a.txt\nHost: localhost\n\n"),
            "{text}"
        );
        assert!(text.contains("\n\n200 OK\n"), "{text}");
        assert!(text.contains("\nContent-Length: 6\n"), "{text}");
        assert_eq!(output.stderr_text(), "");
    });
}

#[test]
fn what_is_not_there_is_a_no() {
    within(|| {
        let dir = folder();
        let output = explain(
            dir.path(),
            "http://example.com:8080/../b?c",
            &["--explain-method", "HEAD"],
        );
        assert_eq!(output.code, Some(1));
        let text = output.stdout_text();
        assert!(
            text.starts_with("HEAD /b?c\nHost: example.com:8080\n\n"),
            "{text}"
        );
        assert!(text.contains("\n404 Not Found\n"), "{text}");
    });
}

#[test]
fn as_json_it_is_one_object() {
    within(|| {
        let dir = folder();
        let flags = [
            "--json",
            "--explain-header",
            "Accept-Encoding: br",
            "--explain-header",
            "Host: there",
        ];
        let output = explain(dir.path(), "/a.txt", &flags);
        assert_eq!(output.code, Some(0));
        let events = crate::json_lines(&output.stdout);
        assert_eq!(events.len(), 1);
        let event = &events[0];
        assert_eq!(
            (&event["type"], &event["status"], &event["length"]),
            (&"explanation".into(), &200.into(), &6.into())
        );
        let asked = serde_json::json!([["Accept-Encoding", "br"], ["Host", "there"]]);
        assert_eq!(event["request_headers"], asked);
        for note in event["notes"].as_array().unwrap() {
            assert!(
                note["rule"].is_string() && note["text"].is_string(),
                "{note}"
            );
        }
    });
}

#[test]
fn what_cannot_be_asked_is_refused() {
    within(|| {
        let dir = folder();
        for (url, flags, why) in [
            (
                "/a b",
                &[][..],
                "no client can ask for a path with the byte 0x20",
            ),
            ("a.txt", &[], "a path does, too"),
            (
                "ftp://here/a",
                &[],
                "--explain wants a URL of http or https",
            ),
            (
                "/",
                &["--explain-header", "no colon"],
                "no colon is no header line",
            ),
            (
                "/",
                &["--explain-header", "a b: c"],
                "the header a b cannot be sent",
            ),
            ("/", &["--explain-method", "PUT"], "'PUT'"),
        ] {
            let output = explain(dir.path(), url, flags);
            assert_eq!(output.code, Some(2), "{output:?}");
            assert!(
                output.stderr_text().contains(why),
                "{}",
                output.stderr_text()
            );
        }
    });
}

#[test]
fn names_from_outside_do_not_reach_the_terminal() {
    within(|| {
        let dir = folder();
        fs::write(dir.path().join("\x1b[2J"), "").unwrap();
        let output = explain(dir.path(), "/%1b%5b2J", &[]);
        assert!(
            !output.stdout_text().contains('\x1b'),
            "{}",
            output.stdout_text()
        );
    });
}
