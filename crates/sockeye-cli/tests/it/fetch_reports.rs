//! What `fetch` tells: `-v`, `--timing`, `--har`, `--write-out` and `--curl`.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use sockeye_testkit::{Output, Peer, Program, Step, Web, peers, temporary_dir, within};

use crate::sockets_json::check;
use crate::sockeye;

fn fetch<A: AsRef<str>>(args: impl IntoIterator<Item = A>) -> Output {
    let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
    sockeye(["fetch".to_owned()].into_iter().chain(args)).finish()
}

/// A server whose `/start` sets a cookie and leads to `/end`, which says hello.
fn trail() -> Web {
    Web::new(|asked| {
        match asked.target() {
        "/start" => b"HTTP/1.1 302 Found\r\nLocation: /end\r\nSet-Cookie: sid=hidden; Path=/\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Odd: \xc2\x9b2J\xff\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
    }
    })
}

/// A port where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Each line of standard output, checked against the published schema.
pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fetch.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let lines = crate::json_lines(&output.stdout);
    for line in &lines {
        let kind = line["type"].as_str().unwrap();
        check(&schema, &schema["$defs"][kind], line, kind).unwrap();
    }
    lines
}

#[test]
fn verbose_shows_what_was_asked_and_answered_and_no_secret_or_escape_sequence() {
    within(|| {
        let web = trail();
        let at = web.addr();
        let url = format!("http://user:hidden@{at}/start#hidden");
        let headers = [
            "-H",
            "Authorization: Bearer hidden",
            "-H",
            "X-Token: hidden",
        ];
        let output = fetch(["-v", &url].iter().chain(&headers));
        assert_eq!(output.stdout_text(), "hello");
        let said = output.stderr_text();
        for wanted in [
            &*format!("* tried {at} for "),
            &format!("* connection #1 to tcp://{at} from tcp://127.0.0.1:"),
            &format!("> GET /start HTTP/1.1\n> Host: {at}\n"),
            "> Authorization: Bearer ***\n",
            "> X-Token: ***\n",
            "\n>\n< HTTP/1.1 302 Found\n< Location: /end\n< Set-Cookie: sid=***; Path=/\n",
            "* the server sends us on\n",
            ", used again\n> GET /end HTTP/1.1\n",
            "< X-Odd: \\u{9b}2J\\xff\n",
            "* 5 bytes received in ",
        ] {
            assert!(said.contains(wanted), "{wanted:?} is missing in\n{said}");
        }
        assert!(!said.contains("hidden"), "{said}");
        let output = fetch(["-v", "--show-secrets", &url].iter().chain(&headers));
        let said = output.stderr_text();
        assert!(said.contains("> Authorization: Bearer hidden\n"), "{said}");
    });
}

#[test]
fn timing_draws_every_address_and_phase_of_every_hop() {
    within(|| {
        let web = trail();
        let url = web.url("/start").replace("127.0.0.1", "localhost");
        let output = fetch(["--timing", &url]);
        assert_eq!(output.stdout_text(), "hello");
        let said = output.stderr_text();
        let starts: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        // localhost is ::1, where nobody listens, and then 127.0.0.1; or 127.0.0.1 alone.
        let first = starts.iter().position(|start| *start == "send").unwrap();
        let wanted = [
            "send", "wait", "receive", "GET", "send", "wait", "receive", "total",
        ];
        assert_eq!(starts[first..], wanted, "{said}");
        assert!(said.contains("→ 302 Found, HTTP/1.1 on #1\n"), "{said}");
        assert!(said.contains("→ 200 OK, HTTP/1.1 on #1 again\n"), "{said}");
        assert!(said.contains(": 2 requests, 1 new connection\n"), "{said}");
        assert!(said.contains("127.0.0.1:"), "{said}");

        let nobody = nobody();
        let output = fetch(["--timing", &nobody]);
        assert_eq!(output.code, Some(4));
        let said = output.stderr_text();
        assert!(said.contains("×"), "{said}");
        assert!(said.contains("nobody listens there"), "{said}");
    });
}

#[test]
fn timing_as_json_adds_up_to_the_whole() {
    within(|| {
        let web = Web::new(|asked| match asked.target() {
            "/start" => {
                b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n".to_vec()
            }
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
        });
        let output = fetch(["--timing", "--json", &web.url("/start"), &nobody()]);
        let lines = lines(&output);
        let timings: Vec<&Value> = lines.iter().filter(|it| it["type"] == "timing").collect();
        assert_eq!(timings.len(), 2, "{lines:?}");
        let timing = timings[0];
        let hops = timing["hops"].as_array().unwrap();
        assert_eq!(hops.len(), 2);
        let mut at = 0.0;
        let mut sum = 0.0;
        for hop in hops {
            for phase in hop["phases"].as_array().unwrap() {
                assert_eq!(phase["began"].as_f64().unwrap(), at, "{timing}");
                at = phase["ended"].as_f64().unwrap();
            }
            sum += hop["seconds"].as_f64().unwrap();
        }
        let whole = timing["seconds"].as_f64().unwrap();
        assert!(
            (whole - sum).abs() < 0.001 && (whole - at).abs() < 0.001,
            "{timing}"
        );
        assert_eq!(hops[0]["attempts"][0]["ending"], "won");
        assert_eq!(
            (&hops[1]["reused"], &hops[1]["status"]),
            (&true.into(), &200.into())
        );
        let failed = &timings[1]["hops"][0];
        assert_eq!(failed["attempts"][0]["code"], "refused");
        assert!(failed["error"].is_string());
    });
}

#[test]
fn har_is_written_however_the_fetch_ends() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("log.har");
        let at = path.to_str().unwrap();
        let read = || -> Value {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("hidden"), "{text}");
            serde_json::from_str(&text).unwrap()
        };
        let web = trail();
        let url = format!("http://user:hidden@{}/start", web.addr());
        assert_eq!(fetch(["--har", at, &url]).code, Some(0));
        let entries = read()["log"]["entries"].clone();
        assert_eq!(entries.as_array().unwrap().len(), 2, "{entries}");
        assert_eq!(entries[1]["response"]["content"]["text"], "hello");

        let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour";
        let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send(short)]);
        let output = fetch(["--har", at, &format!("http://{}/", peer.addr())]);
        assert_eq!(output.code, Some(7), "{output:?}");
        let entry = read()["log"]["entries"][0].clone();
        assert_eq!(entry["response"]["content"]["text"], "four");
        assert!(
            entry["_error"]
                .as_str()
                .unwrap()
                .contains("only 4 of the 10")
        );

        let gate = sockeye_testkit::Gate::new();
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::Open(gate.clone()),
            Step::ExpectEnd,
        ]);
        let program = sockeye(["fetch", "--har", at, &format!("http://{}/", peer.addr())]);
        gate.wait();
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
        let entry = read()["log"]["entries"][0].clone();
        assert_eq!(entry["response"]["status"], 0);

        let output = fetch(["--har", "/nonexistent/x.har", &web.url("/end")]);
        assert_eq!(output.code, Some(8), "{output:?}");
        assert_eq!(web.asked().len(), 2, "nothing was asked");
    });
}

#[test]
fn har_keeps_secrets_only_if_it_is_told_to() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("log.har");
        let web = trail();
        let at = path.to_str().unwrap();
        let args = ["-H", "Cookie: sid=hidden", "--har", at, "--har-secrets"];
        fetch(args.into_iter().chain([&*web.url("/end")]));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("sid=hidden"), "{text}");
    });
}

#[test]
fn write_out_knows_the_variables_of_curl() {
    within(|| {
        let Some(curl) = peers::curl() else { return };
        let web = trail();
        let url = web.url("/start");
        let format = "\\n%{http_code} %{response_code} %{num_redirects} %{num_connects} %{size_download} %{size_upload} \
             %{url} %{url_effective} %{content_type} %{remote_ip} %{remote_port} %{local_ip} %{scheme} %{method} %{http_version} \
             %{redirect_url} %header{content-type} %{urlnum} 100%%\\n";
        let ours = fetch(["-w", format, &url]).stdout_text();
        let theirs = Program::start(curl, ["-sL", "-w", format, &url]).finish();
        // curl writes the scheme in capitals until 8.0.
        let theirs = theirs.stdout_text().replace(" HTTP ", " http ");
        assert_eq!(ours, theirs);

        let times = "%{time_namelookup} %{time_connect} %{time_pretransfer} %{time_starttransfer} %{time_total}";
        let output = fetch(["-w", &format!("%{{stderr}}{times}"), &url]);
        let times: Vec<f64> = output
            .stderr_text()
            .split(' ')
            .map(|time| time.parse().unwrap())
            .collect();
        assert!(times.iter().skip(2).is_sorted(), "{times:?}");
        assert!(*times.last().unwrap() > 0.0);

        let output = fetch(["-w", "%{http_code} %{onerror}%{errormsg}", &nobody()]);
        assert_eq!(output.code, Some(4));
        assert!(output.stdout_text().starts_with("000 cannot fetch"));

        let dir = temporary_dir();
        let file = dir.path().join("format");
        fs::write(&file, "%{json}").unwrap();
        let output = fetch(["-w", &format!("@{}", file.display()), &web.url("/end")]);
        let text = output.stdout_text();
        let value: Value = serde_json::from_str(text.strip_prefix("hello").unwrap()).unwrap();
        assert_eq!(value["http_code"], 200);
    });
}

#[test]
fn an_unknown_variable_is_refused_before_connecting() {
    within(|| {
        let web = trail();
        let output = fetch(["-w", "x %{http_cod}", &web.url("/")]);
        assert_eq!(output.code, Some(2));
        let said = output.stderr_text();
        assert!(
            said.contains("no variable `http_cod` (at byte 2)"),
            "{said}"
        );
        assert!(said.contains("did you mean %{http_code}?"), "{said}");
        assert_eq!(web.connections(), 0);
    });
}

/// What one request with these arguments consists of, byte for byte, and of the curl line that was made of them.
fn asked_twice(args: &[&str]) -> (String, String) {
    let peer = || {
        Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
            Step::ReadToEnd,
        ])
    };
    let ours = peer();
    let at = ours.addr().to_string();
    let with =
        |at: &str| -> Vec<String> { args.iter().map(|arg| arg.replace("HOST", at)).collect() };
    let output = fetch(with(&at));
    assert_eq!(output.code, Some(0), "{output:?}");
    let ours = ours.finish().received;

    let theirs = peer();
    let there = theirs.addr().to_string();
    let output = fetch(with(&there).into_iter().chain(["--curl".to_owned()]));
    assert_eq!(output.code, Some(0), "{output:?}");
    let line = output.stdout_text();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{} -sS --noproxy '*'", line.trim_end())]);
    let output = Program::start_command(command).finish();
    assert_eq!(output.code, Some(0), "{line}\n{output:?}");
    let theirs = theirs.finish().received;
    let text = |bytes: Vec<u8>, at: &str| String::from_utf8_lossy(&bytes).replace(at, "HOST");
    (text(ours, &at), text(theirs, &there))
}

#[test]
fn the_curl_line_asks_the_same_byte_for_byte() {
    within(|| {
        if peers::curl().is_none() {
            return;
        }
        for args in [
            &["http://HOST/"][..],
            &["http://HOST/a%20b?c=[1]&d={2}"],
            &["-X", "DELETE", "http://HOST/x"],
            &["-X", "POST", "http://HOST/x"],
            &["--head", "http://HOST/x"],
            &[
                "http://HOST/x",
                "-H",
                "x-B: 1",
                "-H",
                "X-a:2",
                "-H",
                "x-B: 3",
                "-H",
                "Empty;",
                "-H",
                "Accept:",
            ],
            &["http://HOST/x", "-d", "it's=$(a b)&%", "-A", ""],
            &["http://HOST/x", "--data-json", "{\"a\": \"ü\"}"],
            &["--exact", "http://HOST/%7e/../q", "-H", "b: c"],
            &["--http1.0", "http://HOST/x"],
            &["PUT", "http://HOST/x", "a=b", "c:=[1]", "H:v", "q==x y"],
        ] {
            let (ours, theirs) = asked_twice(args);
            assert_eq!(ours, theirs, "{args:?}");
        }
    });
}

#[test]
fn secrets_in_a_curl_line_are_masked_unless_they_are_wanted() {
    within(|| {
        let args = ["--curl", "-H", "Authorization: Bearer hidden", "http://h/"];
        let output = fetch(args);
        let line = output.stdout_text();
        assert!(line.contains("'Authorization: Bearer ***'"), "{line}");
        assert!(output.stderr_text().contains("--show-secrets"));
        let line = fetch(args.iter().chain(&["--show-secrets"])).stdout_text();
        assert!(line.contains("'Authorization: Bearer hidden'"), "{line}");
    });
}
