//! What `fetch` says beside its data: hints that name its own flags, warnings, and what holds when something ends early.

use sockeye_testkit::{Asked, Output, Web, temporary_dir, within};

use crate::sockeye;

/// What is said when this fails with this code.
#[track_caller]
fn said(code: u8, args: &[&str]) -> String {
    let output = run(args);
    let said = output.stderr_text();
    assert_eq!(output.code, Some(i32::from(code)), "{args:?}: {said}");
    said
}

fn run(args: &[&str]) -> Output {
    sockeye(["fetch"].iter().chain(args)).finish()
}

fn web() -> Web {
    Web::new(|asked: &Asked| match asked.target() {
        "/fold" => b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi".to_vec(),
        "/on" => {
            b"HTTP/1.1 302 Found\r\nLocation: /a b\xc3\xbc\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        "/same" => b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
        "/gzip" => {
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi".to_vec()
        }
        "/no" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec(),
    })
}

#[test]
fn hints_name_flags_that_help() {
    within(|| {
        let (web, dir) = (web(), temporary_dir());
        let folder = dir.path().to_str().unwrap();
        let (no, yes) = (web.url("/no"), web.url("/yes"));
        let nobody = "http://127.0.0.1:1/";
        for (code, args, hint) in [
            (
                4,
                &[nobody][..],
                "`--retry 10 --retry-refused` waits for it",
            ),
            (4, &["-x", nobody, &yes], "is the proxy running"),
            (
                1,
                &["-P", folder, &no],
                "an answer of 400 or above is not saved",
            ),
            (2, &["-O", "-C", "-", &yes], "-C takes no value"),
            (
                2,
                &["-J", "-O", &yes],
                "-O takes the name that the server gives",
            ),
            (2, &["-o", "a", "-o", "b", &yes], "2 names (-o) for 1 URL\n"),
            (2, &["-r", "5-2", &yes], "is no range of bytes"),
            (7, &[&web.url("/gzip")], "--raw leaves a body as it comes"),
        ] {
            let said = said(code, args);
            assert!(said.contains(hint), "{args:?}: {said}");
            assert!(!said.contains("--lenient"), "{args:?}: {said}");
        }
        let said = said(8, &["-o", "/dev/full", &yes]);
        assert!(
            said.ends_with("the disk is full\n") || !said.contains("is kept"),
            "{said}"
        );
    });
}

#[test]
fn what_would_be_ignored_is_refused() {
    for url in ["ftp://127.0.0.1:1/x", "file:///dev/null", "data:,x"] {
        for flags in [&["--timing"][..], &["-w", "%{url}"]] {
            let args: Vec<&str> = flags.iter().copied().chain([url]).collect();
            let said = said(2, &args);
            assert!(
                said.contains("means nothing to a URL of"),
                "{args:?}: {said}"
            );
        }
    }
    for flags in [&["-I"][..], &["-i"], &["--etag-save", "tag"]] {
        let args = ["-O", "http://127.0.0.1:1/x"];
        let args: Vec<&str> = flags.iter().copied().chain(args).collect();
        let said = said(2, &args);
        assert!(said.contains("where a body is saved"), "{args:?}: {said}");
    }
    let said = said(4, &["ftp://127.0.0.1:1/x"]);
    assert!(said.contains("is this its port?"), "{said}");
}

#[test]
fn what_was_forgiven_and_where_it_leads_is_told_in_words() {
    within(|| {
        let web = web();
        let said = said(0, &["-v", "--lenient", &web.url("/fold")]);
        let line = "* forgiven: lines that end in a line feed alone\n";
        assert!(said.contains(line), "{said}");
        let output = run(&["--no-redirect", "-w", "%{redirect_url}", &web.url("/on")]);
        assert_eq!(output.stdout_text(), web.url("/a%20b%C3%BC"));
    });
}

#[test]
fn nothing_new_is_no_failure_and_no_file() {
    within(|| {
        let (web, dir) = (web(), temporary_dir());
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let args = [
            "-z",
            date,
            "-P",
            dir.path().to_str().unwrap(),
            &web.url("/same"),
        ];
        let said = said(0, &args);
        assert!(said.contains("has nothing new"), "{said}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    });
}

#[test]
fn fail_early_holds_for_files_too() {
    within(|| {
        let (web, dir) = (web(), temporary_dir());
        let folder = dir.path().to_str().unwrap();
        let args = ["--fail-early", "--jobs", "1", "-P", folder];
        let urls = [web.url("/no"), web.url("/yes")];
        let args: Vec<&str> = args
            .into_iter()
            .chain(urls.iter().map(String::as_str))
            .collect();
        let said = said(1, &args);
        assert!(said.contains("0 files, 0 bytes"), "{said}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    });
}

#[test]
fn the_curl_line_knows_where_names_lead() {
    let output = run(&[
        "--curl",
        "--resolve",
        "h:80:127.0.0.1,[::1]",
        "--connect-to",
        "::[::1]:81",
        "http://h/",
    ]);
    let line = output.stdout_text();
    let wanted = "--resolve 'h:80:127.0.0.1,[::1]' --connect-to '::[::1]:81'";
    assert!(line.contains(wanted), "{line}");
}

#[test]
fn alphabets_that_look_alike_are_told() {
    let output = run(&["--dry-run", "http://p\u{430}ypal.example/"]);
    let said = output.stderr_text();
    assert!(
        said.contains("mixes alphabets that look alike; who is asked is xn--"),
        "{said}"
    );
    for plain in [
        "http://b\u{fc}cher.example/",
        "http://\u{43f}\u{440}.example/",
        "http://h/\u{430}a",
    ] {
        assert_eq!(run(&["--dry-run", plain]).stderr_text(), "", "{plain}");
    }
}
