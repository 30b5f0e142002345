//! `rpc serve`: programs as methods, bounds, both protocols on one port, raw bytes.

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use sockeye_testkit::peers::curl;
use sockeye_testkit::{Program, temporary_dir, within};

use crate::rpc_json::{done, rpc, served};
use crate::serving::{SOCKEYE, address, ask, client, sockeye};

/// The status line, the header lines and the body of the answer to a POST.
fn post(
    server: &Program,
    path: &str,
    media_type: &str,
    more: &str,
    body: &str,
) -> (String, String, String) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(client(address(server)), &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, fields) = head.split_once("\r\n").unwrap();
    (
        status.replace("HTTP/1.1 ", ""),
        fields.to_owned(),
        body.to_owned(),
    )
}

fn post_json(server: &Program, body: &str) -> (String, String) {
    let (status, _, body) = post(server, "/", "application/json", "", body);
    (status, body)
}

#[test]
fn one_port_speaks_both_protocols() {
    within(|| {
        let (server, _) = served(&["--exec", "pass=cat"]);
        let call =
            r#"{"jsonrpc":"2.0","method":"pass","params":[9007199254740993,1e400,1.10],"id":1.0}"#;
        let (status, fields, body) = post(
            &server,
            "/any/path",
            "application/json; charset=utf-8",
            "",
            call,
        );
        assert_eq!(status, "200 OK");
        assert!(
            fields.contains("Content-Type: application/json"),
            "{fields}"
        );
        assert_eq!(
            body,
            r#"{"jsonrpc":"2.0","result":[9007199254740993,1e400,1.10],"id":1.0}"#
        );
        let call = "<?xml version='1.0'?><methodCall><methodName>pass</methodName><params><param><value>x</value></param></params></methodCall>";
        for media_type in ["text/xml", "application/xml"] {
            let (status, fields, body) = post(&server, "/RPC2", media_type, "", call);
            assert_eq!(status, "200 OK");
            assert!(fields.contains("Content-Type: text/xml"), "{fields}");
            assert!(body.contains("<string>x</string>"), "{body}");
        }
        assert_eq!(
            post(&server, "/else", "text/xml", "", call).0,
            "404 Not Found"
        );
        // A page of another site, and a form, have nothing run here.
        let json = r#"{"jsonrpc":"2.0","method":"pass","id":1}"#;
        let foreign = "Origin: https://elsewhere.example\r\n";
        assert!(
            post(&server, "/", "application/json", foreign, json)
                .0
                .starts_with("403")
        );
        assert!(
            post(&server, "/RPC2", "text/xml", foreign, call)
                .0
                .starts_with("403")
        );
        assert!(
            post(&server, "/", "text/plain", "", json)
                .0
                .starts_with("415")
        );
        let (status, body) = post_json(&server, r#"{"jsonrpc":"2.0","method":"pass"}"#);
        assert_eq!((&*status, &*body), ("204 No Content", ""));
    });
}

#[test]
fn programs_get_json_or_words_and_give_json_or_text() {
    within(|| {
        let (server, url) = served(&[
            "--exec",
            "count=wc -l",
            "--shell",
            "shout=tr a-z A-Z",
            "--exec",
            "no=sh -c 'echo first >&2; echo second >&2; exit 42'",
            "--exec",
            "gone=sh -c 'kill -9 $$'",
            "--exec",
            "seven=echo 7",
            "--exec",
            "which=printenv SOCKEYE_METHOD",
            "--exec",
            "var=printenv VAR",
            "--env",
            "VAR=set",
        ]);
        let call = |words: &[&str]| rpc(&[&["call", &url], words].concat());
        assert_eq!(done(&call(&["count", "a"])), "1\n");
        assert_eq!(done(&call(&["shout", "a", "b"])), "[\"A\",\"B\"]\n");
        assert_eq!(done(&call(&["seven"])), "7\n");
        assert_eq!(done(&call(&["which", "-r"])), "which\n");
        assert_eq!(done(&call(&["var", "-r"])), "set\n");
        let output = call(&["no"]);
        assert_eq!(output.code, Some(1));
        assert_eq!(
            output.stderr_text(),
            "sockeye: the peer says no: first\\nsecond (fault 42) {\"status\":42}\n"
        );
        let output = call(&["gone"]);
        assert!(
            output.stderr_text().contains("(fault 137) {\"signal\":9}"),
            "{output:?}"
        );
        server.stderr_until("no id=1 fault 42: first\\nsecond in ");
        let (_words, url) = served(&[
            "--exec",
            "say=printf %s-",
            "--shell",
            "two=echo $2",
            "--args",
            "--result",
            "text",
        ]);
        let output = rpc(&["call", &url, "say", "--", "$(id)", "-x", "1.0", "[1]"]);
        assert_eq!(done(&output), "\"$(id)--x-1.0-[1]-\"\n");
        assert_eq!(done(&rpc(&["call", &url, "two", "1", "2"])), "\"2\"\n");
        let output = rpc(&["call", &url, "say", "a=1"]);
        assert!(
            output.stderr_text().contains("(fault -32602)"),
            "{output:?}"
        );
        let (_json, url) = served(&["--exec", "say=echo hi", "--result", "json"]);
        let output = rpc(&["call", &url, "say"]);
        assert!(output.stderr_text().contains("no JSON"), "{output:?}");
    });
}

#[test]
fn a_hundred_calls_queue_up_to_the_limit_and_then_are_refused() {
    within(|| {
        let dir = temporary_dir();
        let go = dir.path().join("go");
        let runs = dir.path().join("runs");
        let line = format!(
            "slow=echo x >> {1}; while ! [ -e {0} ]; do sleep 0.01; done; echo 1",
            go.display(),
            runs.display()
        );
        let (server, _) = served(&[
            "--shell",
            &line,
            "--max-programs",
            "1",
            "--program-queue",
            "19",
        ]);
        // A batch of a hundred: all of them at the same time.
        let calls: Vec<String> = (1..=100)
            .map(|id| format!(r#"{{"jsonrpc":"2.0","method":"slow","id":{id}}}"#))
            .collect();
        let body = format!("[{}]", calls.join(","));
        let asked = std::thread::spawn({
            let at = address(&server);
            move || {
                let request = format!(
                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                ask(client(at), &request)
            }
        });
        // Those beyond one that runs and 19 that wait are refused at once.
        server.stderr_until("fault -32000: busy");
        std::fs::write(&go, "").unwrap();
        let answer = asked.join().unwrap();
        assert_eq!(answer.matches(r#""result":1"#).count(), 20, "{answer}");
        assert_eq!(answer.matches(r#""code":-32000"#).count(), 80, "{answer}");
        assert_eq!(
            answer.matches(r#""data":{"retry":true}"#).count(),
            80,
            "{answer}"
        );
        assert_eq!(std::fs::read_to_string(&runs).unwrap().len(), 40);
        // Afterwards there is room again.
        let (_, body) = post_json(&server, r#"{"jsonrpc":"2.0","method":"slow","id":1}"#);
        assert!(body.contains(r#""result":1"#), "{body}");
    });
}

#[test]
fn a_hundred_clients_of_a_program_that_runs_once_at_a_time() {
    within(|| {
        let (server, _) = served(&[
            "--exec",
            "pass=cat",
            "--max-programs",
            "1",
            "--program-queue",
            "100",
            "-q",
        ]);
        let at = address(&server);
        let clients: Vec<_> = (0..100)
            .map(|n| {
                std::thread::spawn(move || {
                    let body = format!(r#"{{"jsonrpc":"2.0","method":"pass","params":[{n}],"id":{n}}}"#);
                    let request = format!(
                        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let answer = ask(client(at), &request);
                    answer.ends_with(&format!(r#"{{"jsonrpc":"2.0","result":[{n}],"id":{n}}}"#))
                })
            })
            .collect();
        for client in clients {
            assert!(client.join().unwrap());
        }
    });
}

#[test]
fn programs_are_bounded_in_time_and_output() {
    within(|| {
        let dir = temporary_dir();
        let pid = dir.path().join("pid");
        let long = format!("long=sleep 98 & echo $! > {}; sleep 99", pid.display());
        let (_server, url) = served(&[
            "--shell",
            &long,
            "--exec",
            "much=yes",
            "--exec",
            "fine=printf 12345",
            "--program-timeout",
            "300ms",
            "--program-output",
            "5",
        ]);
        let output = rpc(&["call", &url, "long"]);
        assert!(
            output.stderr_text().contains("(fault -32001)"),
            "{output:?}"
        );
        let pid = std::fs::read_to_string(&pid).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        let began = Instant::now();
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "what it started lives on"
            );
            std::thread::yield_now();
        }
        let output = rpc(&["call", &url, "much"]);
        assert!(
            output.stderr_text().contains("(fault -32002)"),
            "{output:?}"
        );
        assert_eq!(done(&rpc(&["call", &url, "fine"])), "12345\n");
    });
}

#[test]
fn bodies_batches_and_depth_are_bounded() {
    within(|| {
        let (server, _) = served(&[
            "--demo",
            "--max-body",
            "200",
            "--max-batch",
            "2",
            "--max-depth",
            "5",
        ]);
        let long = format!(
            r#"{{"jsonrpc":"2.0","method":"echo","params":["{}"],"id":1}}"#,
            "x".repeat(200)
        );
        assert_eq!(post_json(&server, &long).0, "413 Content Too Large");
        let xml = format!(
            "<methodCall><methodName>echo</methodName>{}</methodCall>",
            " ".repeat(200)
        );
        assert_eq!(
            post(&server, "/", "text/xml", "", &xml).0,
            "413 Content Too Large"
        );
        let one = r#"{"jsonrpc":"2.0","method":"echo","id":1}"#;
        let (_, body) = post_json(&server, &format!("[{one},{one}]"));
        assert_eq!(body.matches("result").count(), 2, "{body}");
        let (_, body) = post_json(&server, &format!("[{one},{one},{one}]"));
        assert!(
            body.contains("-32600") && !body.contains("result"),
            "{body}"
        );
        let (_, body) = post_json(
            &server,
            r#"{"jsonrpc":"2.0","method":"echo","params":[[[[[[[]]]]]]],"id":1}"#,
        );
        assert!(body.contains("\"error\""), "{body}");
        let (_, body) = post_json(&server, one);
        assert!(body.contains("result"), "{body}");
    });
}

#[test]
fn lines_and_pipes() {
    within(|| {
        let server = sockeye([
            "rpc",
            "serve",
            "0",
            "--framing",
            "lines",
            "--demo",
            "--json",
        ]);
        let stream = client(address(&server));
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        let mut ask = |line: &str| {
            writer.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            reader.read_line(&mut answer).unwrap();
            answer
        };
        assert_eq!(
            ask("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"a\"],\"id\":1}\n"),
            "{\"jsonrpc\":\"2.0\",\"result\":\"a\",\"id\":1}\n"
        );
        assert!(ask("{\"jsonrpc\":\n").contains("-32700"));
        let told = String::from_utf8(server.stdout_until("\"method\":\"echo\"")).unwrap();
        let told = told.lines().find(|line| line.contains("called")).unwrap();
        assert!(told.starts_with(r#"{"type":"called","protocol":"json","method":"echo","id":"1","ok":true,"seconds":"#), "{told}");
        let mut piped = Program::start(SOCKEYE, ["rpc", "serve", "stdio:", "--demo"]);
        piped.write("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1,2],\"id\":\"x\"}\n");
        let output = piped.finish();
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(
            output.stdout_text(),
            "{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":\"x\"}\n"
        );
        assert!(
            output.stderr_text().contains("sum id=\"x\" ok in"),
            "{output:?}"
        );
    });
}

#[test]
fn a_page_in_a_browser_has_nothing_run_by_lines() {
    within(|| {
        let dir = temporary_dir();
        let ran = dir.path().join("ran");
        let line = format!("run=touch {}", ran.display());
        let server = sockeye(["rpc", "serve", "0", "--framing", "lines", "--shell", &line]);
        let call = "{\"jsonrpc\":\"2.0\",\"method\":\"run\",\"id\":1}\n";
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{call}",
            call.len()
        );
        let answer = ask(client(address(&server)), &request);
        assert_eq!(
            answer,
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\",\"data\":\"HTTP is not spoken here\"},\"id\":null}\n"
        );
        assert!(!ran.exists());
        assert!(ask(client(address(&server)), call).contains("\"result\":\"\""));
        assert!(ran.exists());
    });
}

#[test]
fn a_stop_lets_calls_finish_within_their_grace() {
    within(|| {
        let dir = temporary_dir();
        let (began, go) = (dir.path().join("began"), dir.path().join("go"));
        let line = format!(
            "slow=touch {}; while ! [ -e {} ]; do sleep 0.01; done; echo 1",
            began.display(),
            go.display()
        );
        let (server, _) = served(&["--shell", &line]);
        let at = address(&server);
        let asked = std::thread::spawn(move || {
            let body = r#"{"jsonrpc":"2.0","method":"slow","id":1}"#;
            let request = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            ask(client(at), &request)
        });
        while !began.exists() {
            std::thread::yield_now();
        }
        server.interrupt();
        std::fs::write(&go, "").unwrap();
        assert!(asked.join().unwrap().contains(r#""result":1"#));
        let output = server.wait();
        assert_eq!(output.code, Some(0), "{output:?}");
        let (server, _) = served(&["--exec", "slow=sleep 99", "--grace", "100ms"]);
        let at = address(&server);
        let asked = std::thread::spawn(move || {
            let body = r#"{"jsonrpc":"2.0","method":"slow","id":1}"#;
            let request = format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = client(at);
            stream.write_all(request.as_bytes()).unwrap();
            crate::serving::rest(stream)
        });
        // It runs as soon as a second call is answered: they come in order.
        while !sleeping(server.pid()) {
            std::thread::yield_now();
        }
        server.terminate();
        let output = server.wait();
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(!asked.join().unwrap().contains("result"));
    });
}

/// Whether this process has a child that sleeps.
fn sleeping(pid: u32) -> bool {
    let children = format!("/proc/{pid}/task/{pid}/children");
    std::fs::read_to_string(children).is_ok_and(|children| {
        children.split_whitespace().any(|child| {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm"));
            name.is_ok_and(|name| name.trim() == "sleep")
        })
    })
}

#[test]
fn what_cannot_be_served_is_refused() {
    within(|| {
        for (words, said) in [
            (&["0"][..], "there is no method"),
            (&["0", "--exec", "a=/not/there"], "there is no program"),
            (
                &["0", "--exec", "a=true", "--shell", "a=true"],
                "two methods a",
            ),
            (&["0", "--exec", "rpc.a=true"], "reserved"),
            (&["0", "--exec", "=true"], "--exec"),
            (
                &["0", "--exec", "a=true", "--help-text", "b=x"],
                "no method b",
            ),
            (
                &["udp://127.0.0.1:0", "--demo"],
                "cannot be served over udp",
            ),
            (&["stdio:", "--demo", "--framing", "http"], "stdio"),
            (&["stdio:", "--demo", "--json"], "--json"),
            (&["0", "--framing", "lines", "--demo", "--nil"], "--nil"),
            (&["0", "--demo", "--via", "socks5://h:1"], "--via"),
            (&["stdio:", "--demo", "--account", "me:pw"], "accounts"),
            (&["0", "--demo", "--token", "nobody"], "NAME:TOKEN"),
        ] {
            let output = rpc(&[&["serve"], words].concat());
            assert!(matches!(output.code, Some(2 | 8)), "{words:?}: {output:?}");
            assert!(output.stderr_text().contains(said), "{words:?}: {output:?}");
        }
    });
}

#[test]
fn pages_of_other_sites_may_call_if_they_are_named() {
    within(|| {
        let (server, _) = served(&["--demo", "--origin", "https://app.example/"]);
        let opened = |origin: &str| {
            let mut stream = client(address(&server));
            let asked = format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            stream.write_all(asked.as_bytes()).unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            line
        };
        let call = r#"{"jsonrpc":"2.0","method":"echo","id":1}"#;
        for (origin, posted, websocket) in [
            ("https://app.example", "200", "101"),
            ("https://APP.example", "200", "101"),
            ("http://localhost", "200", "101"),
            ("https://other.example", "403", "403"),
            ("null", "403", "403"),
        ] {
            let more = format!("Origin: {origin}\r\n");
            let (status, ..) = post(&server, "/", "application/json", &more, call);
            assert!(status.starts_with(posted), "{origin}: {status}");
            let line = opened(origin);
            assert!(line.contains(websocket), "{origin}: {line}");
        }
    });
}

#[test]
fn with_accounts_only_they_may_call() {
    within(|| {
        let flags = ["--demo", "--account", "me:secret", "--token", "ci:t0ken"];
        let (_server, http) = served(&flags);
        let ws = http.replacen("http", "ws", 1);
        let xml = format!("xmlrpc+{http}/RPC2");
        for url in [&http, &ws, &xml] {
            for who in [["-u", "me:secret"], ["--bearer", "t0ken"]] {
                let output = rpc(&[&["call", url, "sum", "1"], &who[..]].concat());
                assert_eq!(done(&output), "1\n", "{url} {who:?}");
            }
            for who in [&["-u", "me:wrong"][..], &["--bearer", "me"], &[]] {
                let output = rpc(&[&["call", url, "sum", "1"], who].concat());
                assert_eq!(output.code, Some(1), "{url} {who:?}: {output:?}");
                assert!(output.stderr_text().contains("401"), "{url}: {output:?}");
            }
        }
    });
}

#[test]
fn curl_is_a_client() {
    within(|| {
        let Some(curl) = curl() else { return };
        let (_server, url) = served(&["--demo"]);
        let body = r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":7}"#;
        let output = Program::start(
            &curl,
            [
                "-s",
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
                &url,
            ],
        )
        .finish();
        assert_eq!(
            output.stdout_text(),
            r#"{"jsonrpc":"2.0","result":3,"id":7}"#
        );
    });
}
