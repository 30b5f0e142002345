//! Probes of `map`: many targets in one process, one line for each, in the order of the inputs, with the codes of the commands.

use std::net::TcpListener;

use rcgen::date_time_ymd;
use serde_json::Value;
use sockeye_testkit::{Output, Peer, Program, Step, within};

use crate::connect_flags::silent_port;
use crate::connect_tls::Authority;
use crate::resolve_server::{Etc, MX, Say, Table, labels};
use crate::{json_lines, sockeye};

/// `map` with these words over these inputs, to its end.
fn map(words: &[&str], inputs: &[String]) -> Output {
    let mut program = sockeye(["map"].iter().chain(words));
    program.write(
        inputs
            .iter()
            .map(|input| format!("{input}\n"))
            .collect::<String>(),
    );
    program.finish()
}

/// The columns of each line of standard output.
fn columns(output: &Output) -> Vec<Vec<String>> {
    let text = output.stdout_text();
    let cut = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().map(cut).collect()
}

/// `map --json` with these words: the status of each job, and what it said as JSON.
fn jobs(words: &[&str], inputs: &[String]) -> Vec<(u64, Value, String)> {
    let output = map(&[&["--json"], words, &["--json"]].concat(), inputs);
    let events = json_lines(&output.stdout);
    let jobs = events.into_iter().filter(|event| event["type"] == "job");
    jobs.map(|job| {
        let said = job["stdout"].as_str().unwrap();
        let said = serde_json::from_str(said).unwrap_or_else(|e| panic!("{e}: {job}"));
        let stderr = job["stderr"].as_str().unwrap_or_default().to_owned();
        (job["status"].as_u64().unwrap_or(999), said, stderr)
    })
    .collect()
}

/// It was refused before anything was read, in these words.
#[track_caller]
fn refused(words: &[&str], why: &str) {
    let output = map(words, &[]);
    let said = output.stderr_text();
    assert_eq!(output.code, Some(2), "{words:?}: {said}");
    assert!(said.contains(why), "{words:?}: {said}");
    assert_eq!(output.stdout_text(), "");
}

#[test]
fn connect_tells_who_answers_in_the_order_of_the_inputs() {
    within(|| {
        let listeners: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let (_held, closed) = silent_port();
        let mut inputs: Vec<String> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().to_string())
            .collect();
        inputs.insert(1, format!("127.0.0.1:{closed}"));
        let output = map(&["@connect"], &inputs);
        assert_eq!(output.code, Some(1), "{}", output.stderr_text());
        let said = columns(&output);
        let targets: Vec<&str> = said.iter().map(|line| &*line[0]).collect();
        assert_eq!(targets, [&*inputs[0], &inputs[2], &inputs[3]]);
        assert_eq!(said[0][1], format!("tcp://{}", inputs[0]));
        let why = output.stderr_text();
        assert!(
            why.contains(&inputs[1]) && why.contains("nobody listens there"),
            "{why}"
        );
        // The host may be typed, and the input be the port.
        let ports: Vec<String> = inputs
            .iter()
            .map(|it| it.rsplit(':').next().unwrap().into())
            .collect();
        let jobs = jobs(&["@connect", "127.0.0.1:{}"], &ports);
        let told: Vec<(u64, &str)> = jobs
            .iter()
            .map(|(status, said, _)| (*status, said["type"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                (0, "connected"),
                (4, "failed"),
                (0, "connected"),
                (0, "connected")
            ]
        );
        assert_eq!(jobs[1].1["code"], "refused");
        assert_eq!(jobs[1].1["target"], inputs[1]);
        assert!(jobs[1].1["hint"].is_string() && jobs[0].1["seconds"].is_f64());
    });
}

#[test]
fn each_failure_has_the_code_of_its_command() {
    within(|| {
        // It accepts, and never says a word.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = silent.local_addr().unwrap();
        let plain = Peer::tcp([Step::send("220 plain\r\n"), Step::ReadToEnd]);
        let inputs = [
            format!("tls://{silent}"),
            format!("tls://{}", plain.addr()),
            "nobody.invalid:1".to_owned(),
            "exec:true".to_owned(),
            "udp//x".to_owned(),
        ];
        let jobs = jobs(&["@connect", "--connect-timeout", "300ms"], &inputs);
        let told: Vec<(u64, &str)> = jobs
            .iter()
            .map(|(status, said, _)| (*status, said["code"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                (5, "timed-out"),
                (6, "tls"),
                (3, "name"),
                (2, "usage"),
                (2, "usage")
            ]
        );
    });
}

#[test]
fn two_thousand_targets_take_no_process_and_little_time() {
    within(|| {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_held, closed) = silent_port();
        let open = open.local_addr().unwrap().port();
        let ports: Vec<u16> = (0..2000)
            .map(|n| if n % 2 == 0 { open } else { closed })
            .collect();
        // Nobody takes the connections: the queue of a listener has room for some, the rest is refused or waits.
        let inputs: Vec<String> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let output = map(
            &["-j", "64", "@connect", "--connect-timeout", "5s"],
            &vec![inputs[1].clone(); 1000],
        );
        assert_eq!(output.stderr_text().matches("nobody listens").count(), 1000);
        let echoed = map(&["@echo"], &inputs);
        let wanted: String = inputs.iter().map(|input| format!("{input}\n")).collect();
        assert_eq!(echoed.stdout_text(), wanted);
        assert_eq!(map(&["@true"], &inputs).stdout_text(), "");
    });
}

#[test]
fn resolve_follows_the_files_of_a_machine_or_asks_a_name_server() {
    within(|| {
        let server = Table::default()
            .host("a.example", &["192.0.2.1"])
            .host("b.example", &["192.0.2.2", "2001:db8::2"])
            .records(
                "m.example",
                [(MX, [&[0, 10], &*labels("mx.m.example")].concat())],
            )
            .say("broken.example", Say::Code(2))
            .serve();
        let etc = Etc::new("192.0.2.9 here.example\n", server.address);
        let path = etc.path().to_str().unwrap();
        let inputs = ["here", "b", "none", "a"].map(|name| format!("{name}.example"));
        let output = map(&["@resolve", "--etc", path], &inputs);
        assert_eq!(output.code, Some(1));
        let said = columns(&output);
        let shown: Vec<(&str, &str, &str)> =
            said.iter().map(|it| (&*it[0], &*it[1], &*it[2])).collect();
        assert_eq!(shown[0], ("here.example", "192.0.2.9", "hosts"));
        assert_eq!(shown[2], ("a.example", "192.0.2.1", "dns"));
        let both: Vec<&str> = shown[1].1.split(' ').collect();
        assert!(
            both.contains(&"192.0.2.2") && both.contains(&"2001:db8::2"),
            "{both:?}"
        );
        assert!(
            output.stderr_text().contains("none.example"),
            "{}",
            output.stderr_text()
        );

        let at = format!("127.0.0.1:{}", server.address.port());
        let inputs = ["m", "b", "none", "broken"].map(str::to_owned);
        let words = ["@resolve", "MX", "{}.example", "-s", &at, "--attempts", "1"];
        let jobs = jobs(&words, &inputs);
        let statuses: Vec<u64> = jobs.iter().map(|job| job.0).collect();
        assert_eq!(statuses, [0, 1, 3, 7], "{jobs:?}");
        assert_eq!(jobs[0].1["records"][0]["kind"], "MX");
        assert_eq!(jobs[0].1["values"][0], "10 mx.m.example.");
        assert_eq!(jobs[0].1["server"], at);
    });
}

#[test]
fn tls_tells_of_every_certificate_and_why_it_is_not_trusted() {
    within(|| {
        let authority = Authority::new();
        let ca = authority.ca();
        let ca = ca.to_str().unwrap();
        let expired = authority.leaf("expired.example", |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 2, 1);
            params.subject_alt_names =
                vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        });
        let right = authority.leaf("localhost", |params| {
            params.not_after = date_time_ymd(2100, 1, 1);
        });
        let other = authority.leaf("other.example", |_| {});
        let serve = |cert: &std::path::Path| {
            let to = format!("tls://127.0.0.1:0?cert={}", cert.display());
            sockeye(["listen", &to, "--echo"])
        };
        let servers: Vec<Program> = [&right, &expired, &other]
            .into_iter()
            .map(|it| serve(it))
            .collect();
        let self_made = sockeye(["listen", "tls://127.0.0.1:0", "--echo"]);
        let port = |server: &Program| server.host_port().rsplit(':').next().unwrap().to_owned();
        let mut inputs: Vec<String> = servers
            .iter()
            .map(|it| format!("localhost:{}", port(it)))
            .collect();
        inputs.push(format!("https://localhost:{}/some/page", port(&self_made)));
        let jobs = jobs(&["@tls", "--ca", ca], &inputs);
        let verdicts: Vec<(u64, &str)> = jobs
            .iter()
            .map(|it| (it.0, it.1["verdict"].as_str().unwrap()))
            .collect();
        assert_eq!(
            verdicts,
            [
                (0, "trusted"),
                (6, "not trusted"),
                (6, "not trusted"),
                (6, "not trusted")
            ]
        );
        for (at, why) in [
            (1, "expired on 2020-02-01"),
            (2, "is not for localhost but for other.example"),
            (3, "is self-signed"),
        ] {
            assert!(
                jobs[at].1["why"].as_str().unwrap().contains(why),
                "{:?}",
                jobs[at]
            );
            assert!(jobs[at].2.contains(why), "{:?}", jobs[at]);
        }
        assert_eq!(jobs[0].1["version"], "TLSv1.3");
        assert_eq!(jobs[0].1["issuer"], "Test CA");
        assert_eq!(jobs[0].1["names"][0], "localhost");
        assert_eq!(jobs[0].1["not_after"], "2100-01-01T00:00:00Z");
        assert!(jobs[0].1["days_left"].as_i64().unwrap() > 20_000);
        assert!(jobs[1].1["days_left"].as_i64().unwrap() < -2000);
        assert_eq!(jobs[1].1["not_after"], "2020-02-01T00:00:00Z");
        assert_eq!(jobs[3].1["self_signed"], true);
        // A line for people; too few days are a no.
        let output = map(&["@tls", "--ca", ca, "--days", "100000"], &inputs[..1]);
        assert_eq!(output.code, Some(1));
        let line = &columns(&output)[0];
        assert_eq!(
            (&*line[0], &*line[1], &*line[5]),
            (&*inputs[0], "trusted", "2100-01-01")
        );
        assert!(line[6].ends_with(" days left"), "{line:?}");
        assert!(output.stderr_text().contains("--days wants 100000"));
        let output = map(&["@tls", "-k"], &inputs[1..2]);
        assert_eq!(
            (output.code, &*columns(&output)[0][1]),
            (Some(0), "not judged")
        );
    });
}

#[test]
fn fetch_tells_how_it_went_or_gives_the_bodies_in_order() {
    within(|| {
        let page = |status: &str, body: &str| {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            [Step::until("\r\n\r\n"), Step::send(head + body)]
        };
        let peers = [
            Peer::tcp_times(2, page("200 OK", "one")),
            Peer::tcp_times(2, page("404 Not Found", "two\n")),
            Peer::tcp_times(2, page("200 OK", "three")),
        ];
        let inputs: Vec<String> = peers
            .iter()
            .map(|peer| format!("http://{}/", peer.addr()))
            .collect();
        let output = map(&["@fetch", "--noproxy", "*"], &inputs);
        assert_eq!(output.code, Some(1));
        let said = columns(&output);
        let shown: Vec<(&str, &str, &str)> =
            said.iter().map(|it| (&*it[0], &*it[1], &*it[3])).collect();
        let wanted = [
            (&*inputs[0], "200", "3"),
            (&inputs[1], "404", "4"),
            (&inputs[2], "200", "5"),
        ];
        assert_eq!(shown, wanted);
        assert!(
            output
                .stderr_text()
                .contains("the server answers 404 Not Found")
        );
        let output = map(&["@fetch", "--body", "--noproxy", "*"], &inputs);
        assert_eq!(output.stdout_text(), "onetwo\nthree");
        for peer in peers {
            peer.finish_all();
        }
    });
}

#[test]
fn fetch_sends_what_its_flags_and_items_say_to_each() {
    within(|| {
        let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        let peer = Peer::tcp([Step::until("{\"a\":\"{}\"}"), Step::send(answer)]);
        let place = peer.addr().to_string();
        let words = [
            "@fetch",
            "PUT",
            "http://{}/x",
            "a={}",
            "X-Seen:1",
            "--noproxy",
            "*",
        ];
        let output = map(&words, std::slice::from_ref(&place));
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let received = String::from_utf8(peer.finish().received).unwrap();
        assert!(received.starts_with("PUT /x HTTP/1.1\r\n"), "{received}");
        assert!(received.contains("X-Seen: 1\r\n"), "{received}");
        assert_eq!(columns(&output)[0][0], format!("http://{place}/x"));
    });
}

#[test]
fn rpc_calls_the_same_method_everywhere() {
    within(|| {
        let answer = |body: &str| {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            [
                Step::until("\"params\":[1,2]"),
                Step::until("}"),
                Step::send(head + body),
            ]
        };
        let good = Peer::tcp(answer(r#"{"jsonrpc":"2.0","id":1,"result":3}"#));
        let bad = Peer::tcp(answer(
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#,
        ));
        let inputs = [&good, &bad].map(|peer| format!("http://{}/", peer.addr()));
        let jobs = jobs(&["@rpc", "sum", "1", "2"], &inputs);
        assert_eq!((jobs[0].0, &jobs[0].1["result"]), (0, &Value::from(3)));
        assert_eq!(
            (jobs[1].0, &jobs[1].1["code"]),
            (1, &Value::from("rejected"))
        );
        assert!(jobs[1].2.contains("Method not found"), "{:?}", jobs[1]);
    });
}

#[test]
fn what_makes_no_sense_for_many_is_refused_with_its_reason() {
    within(|| {
        for (words, why) in [
            (&["@nothing"][..], "there is no probe @nothing"),
            (&["@true", "x"], "@true takes no options"),
            (
                &["@connect", "--send", "x"],
                "--send has no place here: nothing is said",
            ),
            (&["@connect", "--wire"], "--wire has no place here"),
            (&["@connect", "localhost:80"], "one word too many"),
            (&["@connect", "--bogus"], "unexpected argument '--bogus'"),
            (&["@connect", "--via", "nonsense://x"], "--via"),
            (&["@resolve", "--trace"], "--trace has no place here"),
            (
                &["@resolve", "-"],
                "- has no place here: the names are the inputs",
            ),
            (&["@resolve", "a.example"], "one word too many"),
            (&["@resolve", "--etc", "/no/such/place"], "is no directory"),
            (&["@tls", "{}", "x"], "one word too many"),
            (
                &["@fetch", "-o", "x"],
                "--output has no place here: nothing is saved",
            ),
            (&["@fetch", "-T", "-"], "standard input has the URLs"),
            (&["@fetch", "-d", "@-"], "standard input has the URLs"),
            (&["@fetch", "--as", "csv"], "--as has no place here"),
            (&["@fetch", "-c", "jar"], "--cookie-jar has no place here"),
            (&["@fetch", "http://a.example/"], "one word too many"),
            (&["@rpc"], "<METHOD> is missing"),
            (&["@rpc", "--batch", "-"], "--batch has no place here"),
        ] {
            refused(words, why);
        }
    });
}

#[test]
fn an_input_that_is_no_target_fails_alone() {
    within(|| {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut program = sockeye(["map", "@connect"]);
        program.write(b"\xff\xfe\n");
        program.write(format!("{}\n", open.local_addr().unwrap()));
        let output = program.finish();
        assert_eq!(output.code, Some(1));
        assert_eq!(columns(&output).len(), 1);
        assert!(
            output
                .stderr_text()
                .contains("the input is no text (UTF-8)")
        );
    });
}
