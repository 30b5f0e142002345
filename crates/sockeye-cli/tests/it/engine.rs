//! `engine check`: verdicts on both versions of the broker, certificates that fail in words of their own, plain text refused.

use std::path::Path;

use rcgen::date_time_ymd;
use serde_json::Value;
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{Output, within};

use crate::connect_flags::silent_port;
use crate::connect_tls::Authority;
use crate::{json_lines, sockeye};

fn check(words: &[&str]) -> Output {
    sockeye(["engine", "check"].iter().chain(words)).finish()
}

/// The verdict on this, among the lines of `--json`.
fn verdict(lines: &[Value], what: &str) -> String {
    let mut lines = lines.iter().filter(|line| line["type"] == "finding");
    let found = lines.find(|line| line["what"] == what);
    let found = found.unwrap_or_else(|| panic!("nothing is said of {what}"));
    found["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_broker_of_each_version_is_fit_and_its_age_is_told() {
    within(|| {
        for server in NatsServer::both() {
            let output = check(&[&server.url(), "--json"]);
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            let lines = json_lines(&output.stdout);
            for what in ["jetstream", "payload", "room", "ack", "clock"] {
                assert_eq!(verdict(&lines, what), "good", "{lines:?}");
            }
            let age = if server.is_old() { "warning" } else { "good" };
            assert_eq!(verdict(&lines, "version"), age);
            let last = lines.iter().find(|line| line["type"] == "verdict").unwrap();
            assert_eq!(
                (&last["fit"], &last["verdict"]),
                (&Value::from(true), &Value::from("warning"))
            );
            let text = check(&[&server.url()]);
            let text = text.stdout_text();
            assert!(
                text.contains("warning  auth") && text.ends_with("no run has left anything\n"),
                "{text}"
            );
        }
    });
}

#[test]
fn when_it_writes_to_disk_is_known_from_its_monitoring_port() {
    within(|| {
        let Some(server) = NatsServer::configured("http: \"127.0.0.1:-1\"") else {
            return;
        };
        // Another server's port is not believed, nor one where nobody listens.
        let (_held, port) = silent_port();
        let output = check(&[
            &server.url(),
            "--monitor",
            &format!("http://127.0.0.1:{port}"),
        ]);
        assert_eq!(output.code, Some(4), "{}", output.stderr_text());
        let output = check(&[&server.url(), "--json"]);
        assert_eq!(verdict(&json_lines(&output.stdout), "sync"), "unknown");
    });
}

#[test]
fn certificates_fail_in_words_of_their_own() {
    within(|| {
        let authority = Authority::new();
        let ca = authority.ca();
        let ca = ca.to_str().unwrap();
        let right = authority.leaf("localhost", |_| {});
        let other = authority.leaf("other.example", |_| {});
        let expired = authority.leaf("expired.example", |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 2, 1);
            params.subject_alt_names =
                vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
        });
        let ask = |cert: &Path, flags: &[&str]| {
            let server = NatsServer::tls_with(cert, cert)?;
            let url = format!("tls://localhost:{}", server.port());
            Some(check(&[&[&*url], flags].concat()))
        };
        for (cert, flags, why) in [
            (&right, &[][..], "issued by nobody we trust"),
            (&expired, &["--broker-ca", ca], "has expired"),
            (&other, &["--broker-ca", ca], "for another name"),
        ] {
            let Some(output) = ask(cert, flags) else {
                return;
            };
            let said = output.stderr_text();
            assert_eq!(output.code, Some(6), "{said}");
            assert!(said.contains(why) && said.contains("hint: "), "{said}");
        }
        let Some(output) = ask(&right, &["--broker-ca", ca, "--json"]) else {
            return;
        };
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert_eq!(verdict(&json_lines(&output.stdout), "tls"), "good");
    });
}

#[test]
fn plain_text_off_this_machine_needs_a_word() {
    within(|| {
        for words in [
            &["nats://192.0.2.7"][..],
            &["nats://user:secret@broker.invalid"],
        ] {
            let output = check(words);
            let said = output.stderr_text();
            assert_eq!(output.code, Some(2), "{said}");
            assert!(
                said.contains("in the clear") && said.contains("--insecure"),
                "{said}"
            );
            assert!(!said.contains("secret"), "{said}");
        }
        let output = check(&["nats://broker.invalid", "--insecure"]);
        assert_eq!(output.code, Some(3), "{}", output.stderr_text());
    });
}

#[test]
fn who_we_are_is_told_in_several_ways() {
    within(|| {
        let Some(server) = NatsServer::configured("authorization { user: u, password: secret }")
        else {
            return;
        };
        let output = check(&[&server.url()]);
        let said = output.stderr_text();
        assert_eq!(output.code, Some(1), "{said}");
        assert!(said.contains("does not let us in"), "{said}");
        let output = check(&[&server.url(), "--broker-user", "u:secret", "--json"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert_eq!(verdict(&json_lines(&output.stdout), "auth"), "good");
    });
}

#[test]
fn an_account_that_may_store_nothing_is_unfit() {
    within(|| {
        let config = "accounts { A { users: [{ user: u, password: p }] } }";
        let Some(server) = NatsServer::configured(config) else {
            return;
        };
        let output = check(&[&server.url(), "--broker-user", "u:p", "--json"]);
        assert_eq!(output.code, Some(1), "{}", output.stderr_text());
        let lines = json_lines(&output.stdout);
        let last = lines.iter().find(|line| line["type"] == "verdict").unwrap();
        assert_eq!(last["fit"], false, "{lines:?}");
    });
}
