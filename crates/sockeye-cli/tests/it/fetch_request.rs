//! `fetch`: what words and flags put on the wire, also beside curl.

use std::fs;
use std::path::Path;
use std::process::Command;

use sockeye_testkit::peers::{self, HttpBin};
use sockeye_testkit::{Asked, Peer, Program, Step, Web, temporary_dir, within};

use crate::fetch_reports::lines;
use crate::{output_of, sockeye};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// The bytes that `--dry-run` prints.
#[track_caller]
fn dry(args: &[&str]) -> String {
    let output = sockeye(["fetch", "--dry-run", "-A", ""].iter().chain(args)).finish();
    assert_eq!(output.code, Some(0), "{args:?}: {}", output.stderr_text());
    output.stdout_text()
}

#[track_caller]
fn refused(args: &[&str], why: &str) -> String {
    let output = sockeye(["fetch"].iter().chain(args)).finish();
    let said = output.stderr_text();
    assert_eq!(output.code, Some(2), "{args:?}: {said}");
    assert!(said.contains(why), "{args:?}: {said}");
    assert_eq!(output.stdout_text(), "", "{args:?}");
    said
}

#[test]
fn the_bytes_are_exactly_as_typed() {
    within(|| {
        let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send(NO_CONTENT)]);
        let url = format!("http://{}/%7e/../q", peer.addr());
        let flags = ["--exact", "-H", "x-B: 1", "-H", "X-a:2", "-H", "x-B: 3"];
        let output = sockeye(["fetch", &url].iter().chain(&flags)).finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let addr = peer.addr();
        let wanted =
            format!("GET /%7e/../q HTTP/1.1\r\nHost: {addr}\r\nx-B: 1\r\nX-a:2\r\nx-B: 3\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&peer.finish().received), wanted);
    });
}

#[test]
fn the_line_of_the_seed_works() {
    within(|| {
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.0 200 OK\r\n\r\n<html>"),
            Step::Close,
        ]);
        let url = format!("http://{}/index.html", peer.addr());
        let output = sockeye(["fetch", "--http1.0", "--wire", &url]).finish();
        assert_eq!((output.code, &*output.stdout), (Some(0), &b"<html>"[..]));
        let wire = output.stderr_text();
        assert!(wire.contains("GET /index.html HTTP/1.0\\r\\n"), "{wire}");
        assert!(wire.contains("HTTP/1.0 200 OK\\r\\n"), "{wire}");
        peer.finish();
    });
}

#[test]
fn line_breaks_are_refused_before_connecting() {
    within(|| {
        let web = Web::new(|_| NO_CONTENT.into());
        let url = web.url("/");
        for args in [
            &["-H", "a: b\r\nc: d", &url][..],
            &["-H", "a\nb: c", &url],
            &[&url, "Name:a\r\nb:c"],
            &["-A", "a\r\nb: c", &url],
            &["-e", "http://h/a\r\nb: c", &url],
            &["-X", "GET /x HTTP/1.1\r\na: b\r\n\r\nGET", &url],
            &["-r", "0-1\r\na: b", &url],
            &[&format!("{url}a\r\nb: c")],
            &[&format!("http://me\r\nx:y@{}/", web.addr())],
        ] {
            let said = refused(args, "");
            assert_eq!(said.lines().count(), 2, "{args:?}: {said}");
        }
        assert_eq!(web.connections(), 0);
    });
}

#[test]
fn methods_follow_from_what_is_sent() {
    within(|| {
        let line = |args: &[&str]| dry(args).lines().next().unwrap().to_owned();
        assert_eq!(line(&["h/x"]), "GET /x HTTP/1.1");
        assert_eq!(line(&["h/x", "a=1"]), "POST /x HTTP/1.1");
        assert_eq!(line(&["-d", "", "h"]), "POST / HTTP/1.1");
        assert_eq!(line(&["PATCH", "h", "a=1"]), "PATCH / HTTP/1.1");
        assert_eq!(line(&["-X", "purge", "h"]), "purge / HTTP/1.1");
        assert_eq!(line(&["-I", "h"]), "HEAD / HTTP/1.1");
        assert_eq!(line(&["-T", "/dev/null", "h/x"]), "PUT /x HTTP/1.1");
        assert_eq!(
            line(&["-G", "-d", "a=1", "-d", "b", "h/?c"]),
            "GET /?c&a=1&b HTTP/1.1"
        );
        assert_eq!(line(&["-0", "h"]), "GET / HTTP/1.0");
        assert_eq!(
            line(&["h", "q==a b&c", "r==1"]),
            "GET /?q=a%20b%26c&r=1 HTTP/1.1"
        );
        refused(
            &["PUT", "-X", "POST", "h"],
            "PUT by its word and POST by its flag",
        );
        refused(&["-I", "-X", "POST", "h"], "--head asks with HEAD");
    });
}

#[test]
fn headers_are_added_emptied_and_left_out() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("lines");
        fs::write(&file, "X-One: 1\n\nX-Two: 2\r\n").unwrap();
        let lines = format!("@{}", file.display());
        let head = dry(&[
            "h",
            "-H",
            "Accept:",
            "-H",
            "X-E;",
            "-H",
            &lines,
            "X-I:i",
            "X-J;",
            "Host:",
            "Accept-Encoding:",
        ]);
        assert_eq!(
            head,
            "GET / HTTP/1.1\r\nX-E:\r\nX-One: 1\r\nX-Two: 2\r\nX-I: i\r\nX-J:\r\n\r\n"
        );
        let head = dry(&["h", "-e", "http://me:secret@x/a#b", "-r", "0-9"]);
        assert!(
            head.contains("\r\nReferer: http://x/a\r\nRange: bytes=0-9\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nAccept-Encoding: identity\r\n"), "{head}");
        refused(&["h", "-H", "nothing"], "`nothing` is no header line");
        refused(&["h", "-r", "x"], "`x` is no range");
        refused(&["h", "-r", "-"], "`-` is no range");
    });
}

#[test]
fn items_become_json() {
    within(|| {
        let dir = temporary_dir();
        let (text, json) = (dir.path().join("t"), dir.path().join("j"));
        fs::write(&text, "a \"text\"\n").unwrap();
        fs::write(&json, "{\"x\": 1.10}\n").unwrap();
        let (text, json) = (
            format!("t=@{}", text.display()),
            format!("j:=@{}", json.display()),
        );
        let all = dry(&[
            "h",
            "b=ü",
            "a:=1.0",
            "n[x][]:=null",
            "n[x][]=y",
            r"c\=d=e",
            &text,
            &json,
        ]);
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            body,
            r#"{"b":"ü","a":1.0,"n":{"x":[null,"y"]},"c=d":"e","t":"a \"text\"\n","j":{"x": 1.10}}"#
        );
        assert!(
            head.contains("\r\nContent-Type: application/json\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nAccept: application/json, */*;q=0.5\r\n"),
            "{head}"
        );
    });
}

#[test]
fn what_makes_no_sense_is_refused_before_connecting() {
    within(|| {
        let web = Web::new(|_| NO_CONTENT.into());
        let url = &web.url("/");
        for (args, why) in [
            (&[url, "a:={"][..], "`a:={`: it is no JSON"),
            (&[url, "a:='x'"], "it is no JSON"),
            (&[url, "a[b=1"], "the `[` at column 2 is not closed"),
            (&[url, "a=1", "a[b]=2"], "`a` is a plain value"),
            (&[url, "f@/etc/hostname"], "JSON has no files"),
            (&[url, "f=@/no/such/file"], "/no/such/file"),
            (
                &[url, "-d", "x", "a=1"],
                "--data and `a=1` both say what is sent",
            ),
            (&[url, "-d", "x", "-F", "a=b"], "both say what is sent"),
            (
                &[url, "-T", "/etc/hostname", "-d", "x"],
                "--upload and --data both",
            ),
            (&[url, "@/etc/hostname", "a=1"], "is the whole body"),
            (&[url, "-F", "a"], "`a` is no part"),
            (&[url, "-F", "a=@/etc"], "/etc: it is a directory"),
            (&[url, "-F", "a=\"b"], "a quote is not closed"),
            (&[url, "-T", "/etc"], "it is a directory"),
            (&[url, "--compress", "gzip"], "nothing to compress"),
            (
                &[url, "--exact", "a==1"],
                "--exact sends the URL as it was typed",
            ),
            (&[url, url, "-T", "-"], "there are several URLs"),
            (
                &[url, "-d", "@-", "-H", "@-"],
                "standard input is named twice",
            ),
            (&[url, "-z", "yesterday-ish"], "neither a date nor a file"),
            (&[url, "-G", "-F", "a=b"], "files do not fit there"),
        ] {
            let said = match why.starts_with('/') {
                true => {
                    let output =
                        sockeye(["fetch"].iter().copied().chain(args.iter().copied())).finish();
                    assert!(output.code == Some(8) || output.code == Some(2), "{args:?}");
                    output.stderr_text()
                }
                false => refused(args, why),
            };
            assert!(said.contains(why), "{said}");
        }
        assert_eq!(web.connections(), 0);
    });
}

#[test]
fn a_dry_run_shows_secrets_and_says_so() {
    within(|| {
        let output = sockeye(["fetch", "--dry-run", "h", "Authorization:Basic eDp5"]).finish();
        assert!(
            output
                .stdout_text()
                .contains("Authorization: Basic eDp5\r\n")
        );
        assert_eq!(
            output.stderr_text(),
            "sockeye: warning: what was printed has secrets in it: Authorization\n"
        );
        let output = sockeye(["fetch", "--dry-run", "--json", "PUT", "h/x", "a=b"]).finish();
        let events = lines(&output);
        assert_eq!(
            (&events[0]["type"], &events[0]["method"]),
            (&"request".into(), &"PUT".into())
        );
        let text = events[0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("PUT /x HTTP/1.1\r\n") && text.ends_with("{\"a\":\"b\"}"),
            "{text}"
        );
    });
}

#[test]
fn a_dry_run_is_what_is_sent() {
    within(|| {
        let dir = temporary_dir();
        let big = dir.path().join("big");
        fs::write(&big, vec![b'x'; 3 << 20]).unwrap();
        let big = format!("@{}", big.display());
        let web = Web::new(|_| NO_CONTENT.into());
        let url = web.url("/a/../b?c");
        for args in [
            &[&*url, "x=1", "X-Y:z"][..],
            &[&url, "--data-binary", &big],
            &[&url, "--exact", "-H", "a:b"],
            &[&url, "--form", "a=b c"],
        ] {
            let printed = sockeye(["fetch", "--dry-run"].iter().chain(args)).finish();
            let sent = sockeye(["fetch"].iter().chain(args)).finish();
            assert_eq!(sent.code, Some(0), "{}", sent.stderr_text());
            let asked = web.asked().pop().unwrap();
            let whole = [asked.head.as_bytes(), &asked.body].concat();
            assert!(printed.stdout == whole, "{args:?}: {}", asked.head);
        }
    });
}

/// What curl and we are compared by: all but the order of headers, and how we call ourselves.
fn essence(asked: &Asked) -> (String, Vec<String>, Vec<u8>) {
    let boundary = asked
        .header("content-type")
        .and_then(|value| value.split_once("boundary="))
        .map(|(_, boundary)| boundary.to_owned());
    let without = |bytes: &[u8]| match &boundary {
        Some(boundary) => String::from_utf8_lossy(bytes).replace(boundary, "BOUNDARY"),
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    let ours = ["user-agent", "accept-encoding", "content-length"];
    let mut lines: Vec<String> = without(asked.head.as_bytes())
        .lines()
        .skip(1)
        .filter(|line| {
            let name = line
                .split(':')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            !line.is_empty()
                && !(ours.contains(&&*name) && (name != "content-length" || boundary.is_some()))
        })
        .map(str::to_owned)
        .collect();
    lines.sort();
    (asked.line.clone(), lines, without(&asked.body).into_bytes())
}

#[test]
fn the_same_line_through_curl_gives_the_same_request() {
    let Some(curl) = peers::curl() else { return };
    within(move || {
        let dir = temporary_dir();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let text = file("lines.txt", b"a=1\r\nb=2\nc");
        let name = file("we;ird \"name\".png", b"\x89PNG\0");
        let (at, bare) = (format!("@{text}"), text.clone());
        let lines: Vec<Vec<String>> = [
            &["-d", "a=1", "-d", "b c&d"][..],
            &["-d", &at, "-d", "x"],
            &["--data-binary", &at],
            &["--data-binary", &at, "--data-raw", "@x"],
            &[
                "--data-urlencode",
                "a=b c/ä~",
                "--data-urlencode",
                "x y",
                "--data-urlencode",
                "=p&q",
            ],
            &["--data-urlencode", &format!("n@{text}"), "-d", "z"],
            &["-d", ""],
            &["-G", "-d", "a=1", "--data-urlencode", "b=x y"],
            &["-G", "-I", "-d", "a=1"],
            &["--json", "{\"a\": 1}"],
            &["--json", "{\"a\":", "--json", "1}"],
            &["--json", &at],
            &[
                "--json",
                "[1]",
                "-H",
                "Accept: x/y",
                "-H",
                "Content-Type: application/ld+json",
            ],
            &["-F", "a=b", "-F", "c=d;type=text/x-e"],
            &["-F", &format!("f=@{text}"), "-F", &format!("g=<{text}")],
            &[
                "-F",
                &format!("f=@{text};type=x/y;filename=other"),
                "--form-string",
                "s=@x;type=y",
            ],
            &["-F", &format!("f=@\"{}\"", name.replace('"', "\\\""))],
            &["-T", &bare],
            &["-X", "DELETE"],
            &["-I"],
            &["-r", "0-4"],
            &["-H", "X-Empty;", "-H", "Accept:", "-H", "x: y"],
            &["-e", "http://x/y"],
            &["-z", "Sun, 06 Nov 1994 08:49:37 GMT"],
            &["-0", "-d", "a"],
        ]
        .iter()
        .map(|line| line.iter().map(|word| (*word).to_owned()).collect())
        .collect();
        let web = Web::new(|_| {
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into()
        });
        for line in lines {
            let url = web.url("/p/?q=1");
            let theirs = Program::start(
                &curl,
                ["-sS", "--globoff", &url]
                    .into_iter()
                    .chain(line.iter().map(|it| &**it)),
            )
            .finish();
            assert_eq!(
                theirs.code,
                Some(0),
                "curl {line:?}: {}",
                theirs.stderr_text()
            );
            let ours = sockeye(
                ["fetch", &url]
                    .into_iter()
                    .chain(line.iter().map(|it| &**it)),
            )
            .finish();
            assert_eq!(ours.code, Some(0), "{line:?}: {}", ours.stderr_text());
            let asked = web.asked();
            let [.., theirs, ours] = &asked[..] else {
                panic!("{line:?}")
            };
            let (mut theirs, mut ours) = (essence(theirs), essence(ours));
            if line.iter().any(|word| word == "-r") {
                // We ask for bytes as they are; curl decodes nothing, so it need not.
                ours.1.retain(|line| !line.starts_with("Accept-Encoding"));
            }
            if line.iter().any(|word| word == "-T") {
                // curl 7.88 waits with any upload, and we with large ones.
                theirs.1.retain(|line| !line.starts_with("Expect"));
            }
            if line.iter().any(|word| word == "-0") {
                theirs.1.retain(|line| !line.starts_with("Connection"));
            }
            theirs.1.sort();
            assert_eq!(ours, theirs, "{line:?}");
        }
    });
}

#[test]
fn uploads_from_standard_input_come_in_chunks() {
    within(|| {
        let web = Web::new(|_| NO_CONTENT.into());
        let url = web.url("/up/");
        let mut program = sockeye(["fetch", "-T", "-", &url]);
        program.write("hello");
        let output = program.finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let asked = &web.asked()[0];
        assert_eq!(
            (asked.line.as_str(), &*asked.body),
            ("PUT /up/ HTTP/1.1", &b"hello"[..])
        );
        assert_eq!(asked.header("transfer-encoding"), Some("chunked"));
        // As a part, and as an item.
        for args in [&["-F", "f=@-;filename=x"][..], &["@-"]] {
            let mut program = sockeye(["fetch", &url].iter().chain(args));
            program.write("hello");
            assert_eq!(program.finish().code, Some(0));
            let asked = web.asked().pop().unwrap();
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            assert!(body.contains("hello"), "{body}");
        }
    });
}

#[test]
fn httpbin_understands_forms_files_and_json() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    within(|| {
        let dir = temporary_dir();
        let photo = dir.path().join("cat.png");
        fs::write(&photo, "meow\r\n--").unwrap();
        let posted = |args: &[&str]| -> serde_json::Value {
            let output = sockeye(["fetch", &httpbin.url("/anything")].iter().chain(args)).finish();
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let file = format!("photo=@{}", photo.display());
        let got = posted(&["-F", &file, "-F", "no\"te\n=hi"]);
        assert_eq!(got["files"]["photo"], "meow\r\n--");
        assert_eq!(
            got["form"].as_object().unwrap().values().next().unwrap(),
            "hi"
        );
        let got = posted(&["--form", "a=b c", &file.replacen("=@", "@", 1)]);
        assert_eq!(
            (&got["form"]["a"], &got["files"]["photo"]),
            (&"b c".into(), &"meow\r\n--".into())
        );
        let got = posted(&["a:=1", "b[c]=x", "q==1"]);
        assert_eq!(got["json"], serde_json::json!({"a": 1, "b": {"c": "x"}}));
        assert_eq!(got["args"]["q"], "1");
        let got = posted(&[
            "--data-binary",
            &format!("@{}", photo.display()),
            "-H",
            "Content-Type: x/y",
        ]);
        assert_eq!(got["data"], "meow\r\n--");
        assert_eq!(got["headers"]["Content-Type"], "x/y");
    });
}

#[test]
fn compressed_bodies_can_be_read_again() {
    within(|| {
        let web = Web::new(|_| NO_CONTENT.into());
        let output =
            sockeye(["fetch", &web.url("/"), "-d", "hello", "--compress", "gzip"]).finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let asked = &web.asked()[0];
        assert_eq!(asked.header("content-encoding"), Some("gzip"));
        let dir = temporary_dir();
        let file = dir.path().join("x.gz");
        fs::write(&file, &asked.body).unwrap();
        assert_eq!(
            output_of("gzip", &["-dc", file.to_str().unwrap()]),
            b"hello"
        );
    });
}

#[test]
fn flags_of_curl_are_answered_with_ours() {
    within(|| {
        for (flag, hint) in [
            ("-f", "exit code 1 by itself"),
            ("-sS", "-q"),
            ("-m", "--timeout"),
            ("--max-time", "--timeout"),
            ("--trace", "--wire"),
        ] {
            let said = refused(&[flag, "h"], "unexpected argument");
            assert!(
                said.contains("hint: ") && said.contains(hint),
                "{flag}: {said}"
            );
        }
    });
}

#[test]
fn tags_are_kept_and_compared() {
    within(|| {
        let web = Web::new(|asked| match asked.header("if-none-match") {
            Some("\"v1\"") => "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".into(),
            _ => "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 2\r\n\r\nhi".into(),
        });
        let dir = temporary_dir();
        let tag = dir.path().join("tag");
        let fetch = || {
            let tag = tag.to_str().unwrap();
            sockeye([
                "fetch",
                "--etag-compare",
                tag,
                "--etag-save",
                tag,
                &web.url("/"),
            ])
            .finish()
        };
        let first = fetch();
        assert_eq!(
            (first.code, &*first.stdout),
            (Some(0), &b"hi"[..]),
            "{}",
            first.stderr_text()
        );
        let second = fetch();
        assert_eq!((second.code, &*second.stdout), (Some(0), &b""[..]));
        assert!(
            second.stderr_text().contains("has nothing new"),
            "{}",
            second.stderr_text()
        );
        assert!(Path::new(&tag).exists());
        fs::write(&tag, "a\nb").unwrap();
        assert_eq!(fetch().code, Some(2));
    });
}

#[test]
fn httpie_makes_the_same_json() {
    let Some(python) = peers::python_with(&["httpie"]) else {
        return;
    };
    within(move || {
        let items = [
            "a=1",
            "b:=[1,2]",
            "c[d][]=x",
            "c[d][]:=2",
            "e[f]=ü",
            r"g\[h\]=i",
            r"m\\n=1",
            r"x[\1]=2",
            r"a\\[n]=1",
            r"o\:p=3",
            "j[2]=k",
        ];
        let theirs = Command::new(python)
            .args([
                "-m",
                "httpie",
                "--ignore-stdin",
                "--offline",
                "--print=B",
                "POST",
                "http://h/",
            ])
            .args(items)
            .output()
            .unwrap();
        let ours = dry(&[&["h"][..], &items].concat());
        let ours: serde_json::Value =
            serde_json::from_str(ours.split_once("\r\n\r\n").unwrap().1).unwrap();
        let theirs: serde_json::Value = serde_json::from_slice(&theirs.stdout).unwrap();
        assert_eq!(ours, theirs);
    });
}
