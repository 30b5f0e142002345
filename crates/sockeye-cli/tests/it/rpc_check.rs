//! `rpc check`: verdicts about our own server, Python's, and one that is wrong on purpose.

use std::collections::BTreeMap;

use sockeye_testkit::peers::{python_with, python3};
use sockeye_testkit::{Output, Web, within};

use crate::rpc_json::{JSONRPCLIB, JSONRPCSERVER, done, python_server, rpc, served};
use crate::rpc_xml::SIMPLE;
use crate::serving::sockeye;

/// The verdict of each case.
fn verdicts(output: &Output) -> BTreeMap<String, String> {
    let text = output.stdout_text();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let cases = lines.filter(|line| line["type"] == "case");
    cases
        .map(|case| {
            let member = |name: &str| case[name].as_str().unwrap().to_owned();
            (member("case"), member("verdict"))
        })
        .collect()
}

/// The names of the cases with this verdict.
fn named(verdicts: &BTreeMap<String, String>, verdict: &str) -> Vec<String> {
    let those = verdicts.iter().filter(|(_, it)| *it == verdict);
    those.map(|(name, _)| name.clone()).collect()
}

#[test]
fn our_own_server_keeps_to_the_rules() {
    within(|| {
        let (_server, url) = served(&["--demo", "-q"]);
        let lines = sockeye(["rpc", "serve", "0", "--framing", "lines", "--demo"]);
        let tcp = lines.listening();
        for url in [&url, &tcp] {
            let output = rpc(&[
                "check", url, "--method", "sum", "--params", "[1,2]", "--json",
            ]);
            assert_eq!(output.code, Some(0), "{url}: {}", output.stdout_text());
            let verdicts = verdicts(&output);
            assert_eq!(verdicts.len(), 43, "{verdicts:?}");
            assert!(
                verdicts.values().all(|verdict| verdict == "ok"),
                "{verdicts:?}"
            );
        }
        let output = rpc(&[
            "check",
            &format!("xmlrpc+{url}/"),
            "--method",
            "sum",
            "--params",
            "[1,2]",
            "--json",
        ]);
        assert_eq!(output.code, Some(0), "{}", output.stdout_text());
        let verdicts = verdicts(&output);
        assert_eq!(verdicts.len(), 33, "{verdicts:?}");
        assert!(
            verdicts.values().all(|verdict| verdict == "ok"),
            "{verdicts:?}"
        );
        let last = output.stdout_text();
        let last = last.lines().last().unwrap();
        assert!(
            last.contains(r#""type":"checked""#) && last.contains(r#""violations":0"#),
            "{last}"
        );
    });
}

#[test]
fn the_table_has_a_row_for_each_case() {
    within(|| {
        let (_server, url) = served(&["--demo", "-q"]);
        let output = rpc(&["check", &url]);
        let text = done(&output);
        assert!(text.starts_with("VERDICT"), "{text}");
        let row = text
            .lines()
            .find(|line| line.contains("batch-empty"))
            .unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words[..4], ["ok", "batch-empty", "6", "error"], "{row}");
        assert!(row.ends_with("  []"), "{row}");
        assert!(text.contains("bytes)"), "what is long is shortened");
        let said = output.stderr_text();
        assert!(
            said.ends_with("JSON-RPC 2.0: 38 ok, 0 violations, 0 not applicable\n"),
            "{said}"
        );
    });
}

#[test]
fn servers_of_python_have_their_verdicts() {
    within(|| {
        let Some(python) = python_with(&["jsonrpcserver", "jsonrpclib"]) else {
            return;
        };
        for (code, violations, not_applicable) in [
            (
                JSONRPCSERVER,
                // One nonsense in a batch, and it refuses the batch.
                &[
                    "batch-in-a-batch",
                    "batch-mixed",
                    "batch-of-more-nonsense",
                    "batch-of-nonsense",
                ][..],
                &["unknown-member"][..],
            ),
            (
                JSONRPCLIB,
                &[
                    "id-array",
                    "id-boolean",
                    "id-null-is-a-call",
                    "id-object",
                    "method-id-null",
                    "version-1.0",
                    "version-number",
                ],
                &["version-missing"],
            ),
        ] {
            let (_server, port) = python_server(&python, code);
            let url = format!("http://127.0.0.1:{port}/");
            let output = rpc(&[
                "check", &url, "--method", "echo", "--params", "[1]", "--json",
            ]);
            let verdicts = verdicts(&output);
            assert_eq!(
                named(&verdicts, "violation"),
                violations,
                "{}",
                output.stdout_text()
            );
            assert_eq!(named(&verdicts, "not-applicable"), not_applicable);
            assert_eq!(output.code, Some(u8::from(!violations.is_empty()).into()));
        }
    });
}

#[test]
fn the_xml_server_of_python_has_its_verdicts() {
    within(|| {
        let Some(python) = python3() else { return };
        let (_server, port) = python_server(&python, SIMPLE);
        let url = format!("http://127.0.0.1:{port}/RPC2");
        let output = rpc(&[
            "check", &url, "--method", "echo", "--params", "[1]", "--json",
        ]);
        let verdicts = verdicts(&output);
        assert_eq!(
            named(&verdicts, "violation"),
            ["multicall-in-multicall"],
            "{}",
            output.stdout_text()
        );
        assert_eq!(named(&verdicts, "not-applicable"), [""; 0]);
    });
}

/// A server that answers every POST with this body, whatever was asked.
fn stubborn(media_type: &'static str, body: &'static str) -> Web {
    Web::new(move |_| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        answer.into_bytes()
    })
}

#[test]
fn a_wrong_server_is_caught() {
    within(|| {
        // It says the right thing to one question alone, which is the first.
        let web = stubborn(
            "application/json",
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"no"},"id":1}"#,
        );
        let output = rpc(&["check", &web.url("/"), "--json"]);
        assert_eq!(output.code, Some(1));
        let found = verdicts(&output);
        for case in [
            "notification",
            "batch-empty",
            "batch-mixed",
            "id-string",
            "id-null-is-a-call",
            "no-json",
            "version-missing",
            "batch-of-notifications",
        ] {
            assert_eq!(found[case], "violation", "{case}");
        }
        assert_eq!(found["unknown-method"], "ok");
        // A result where nothing was asked for; old; no JSON; nothing.
        for body in [
            r#"{"jsonrpc":"2.0","result":1,"id":1}"#,
            r#"{"result":null,"error":{"code":-32601,"message":"no"},"id":1}"#,
            "<html>",
            "",
        ] {
            let web = stubborn("text/html", body);
            let output = rpc(&["check", &web.url("/"), "--json"]);
            assert_eq!(output.code, Some(1), "{body}");
            assert_eq!(verdicts(&output)["unknown-method"], "violation", "{body}");
        }
        let web = stubborn(
            "text/plain",
            "<methodResponse><params><param><value>x</value></param></params></methodResponse>",
        );
        let output = rpc(&["check", &web.url("/RPC2"), "--json"]);
        assert_eq!(output.code, Some(1));
        let found = verdicts(&output);
        for case in [
            "unknown-method",
            "response-header",
            "no-xml",
            "declared-entities",
            "list-methods",
            "multicall",
        ] {
            assert_eq!(found[case], "violation", "{case}");
        }
    });
}

#[test]
fn who_is_not_there_has_no_verdict() {
    within(|| {
        for url in ["http://127.0.0.1:1/", "tcp://127.0.0.1:1"] {
            let output = rpc(&["check", url]);
            assert_eq!(
                (output.code, &*output.stdout_text()),
                (Some(4), ""),
                "{url}"
            );
        }
        // One that closes the connection without a word breaks the rules.
        let echo = sockeye(["listen", "0", "--shell", "head -n1 > /dev/null"]);
        let output = rpc(&["check", &echo.listening(), "--json"]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert_eq!(verdicts(&output)["unknown-method"], "violation");
        let output = rpc(&["check", "ws://127.0.0.1:1/"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        let output = rpc(&[
            "check",
            "xmlrpc+http://127.0.0.1:1/",
            "--method",
            "m",
            "--params",
            "{\"a\":1}",
        ]);
        assert_eq!(output.code, Some(2), "{output:?}");
    });
}
