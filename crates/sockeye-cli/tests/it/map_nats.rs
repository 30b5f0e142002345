//! `map --engine`: the same line on many machines.

use std::fs;

use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{Program, temporary_dir, within};

use crate::{json_lines, sockeye};

/// A worker that takes jobs already.
pub(crate) fn worker(url: &str, flags: &[&str]) -> Program {
    let worker = sockeye(["worker", "--engine", url].iter().chain(flags));
    worker.stderr_until("working for ");
    worker
}

fn map(url: &str, flags: &[&str], inputs: &str) -> Program {
    let mut map = sockeye(["map", "--engine", url].iter().chain(flags));
    map.write(inputs);
    map.close_stdin();
    map
}

fn numbers(count: usize) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

#[test]
fn the_same_line_gives_the_same_on_other_machines() {
    within(|| {
        for server in NatsServer::both() {
            let url = server.url();
            let workers = [worker(&url, &["-j", "2"]), worker(&url, &["-j", "2"])];
            let words = [
                "--",
                "sh",
                "-c",
                "echo $1; echo $1 >&2; exit $(($1 % 3))",
                "sh",
            ];
            let here = {
                let mut map = sockeye(["map"].iter().chain(&words));
                map.write(numbers(12));
                map.finish()
            };
            for batch in ["1", "5"] {
                let flags: Vec<&str> = ["--batch", batch].iter().chain(&words).copied().collect();
                let there = map(&url, &flags, &numbers(12)).wait();
                assert_eq!(
                    there.stdout_text(),
                    here.stdout_text(),
                    "{}",
                    there.stderr_text()
                );
                assert_eq!(there.code, here.code, "{}", there.stderr_text());
            }
            let warned = workers.map(|worker| {
                worker.terminate();
                let output = worker.wait();
                assert_eq!(output.code, Some(0), "{}", output.stderr_text());
                output.stderr_text().matches("sync_interval").count()
            });
            assert_eq!(warned, [usize::from(server.is_old()); 2]);
        }
    });
}

#[test]
fn large_results_come_whole_through_a_small_broker() {
    within(|| {
        let Some(server) = NatsServer::configured("max_payload: 64KB") else {
            return;
        };
        let worker = worker(&server.url(), &[]);
        let dir = temporary_dir();
        let large: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();
        fs::write(dir.path().join("large"), &large).unwrap();
        let path = dir.path().join("large").display().to_string();
        let output = map(&server.url(), &["--", "cat"], &format!("{path}\n")).wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(output.stdout == large);
        drop(worker);
    });
}

#[test]
fn a_job_that_kills_its_worker_is_given_up_and_others_are_not() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let url = server.url();
        let script = "[ $1 = 3 ] && kill -9 $PPID && exec sleep 60; echo $1";
        let mut map = sockeye([
            "map", "--engine", &url, "--lease", "300ms", "--json", "--", "sh", "-c", script, "sh",
        ]);
        map.write(numbers(5));
        map.close_stdin();
        for _ in 0..3 {
            assert_eq!(worker(&url, &["-j", "1"]).wait().signal, Some(9));
        }
        let _last = worker(&url, &["-j", "1"]);
        let output = map.wait();
        assert_eq!(output.code, Some(1), "{}", output.stderr_text());
        let events = json_lines(&output.stdout);
        let account = events
            .iter()
            .find(|event| event["type"] == "account")
            .unwrap();
        assert_eq!(
            (&account["dead"], &account["results"]),
            (&1.into(), &5.into()),
            "{account}"
        );
        let listed = sockeye(["map", "dead", "list", "--engine", &url]).finish();
        assert!(
            listed.stdout_text().contains("3 workers died"),
            "{} {}",
            listed.stdout_text(),
            listed.stderr_text()
        );
    });
}

#[test]
fn jobs_wait_for_workers_and_that_is_said() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let map = map(&server.url(), &["--", "echo"], "one\n");
        map.stderr_until("0 workers");
        let _worker = worker(&server.url(), &[]);
        let output = map.wait();
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("one\n", Some(0))
        );
    });
}

#[test]
fn every_byte_to_the_broker_can_be_seen() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let worker = worker(&server.url(), &["--wire"]);
        let output = map(
            &server.url(),
            &["--wire=text", "--", "echo"],
            "seen by all\n",
        )
        .wait();
        assert_eq!(
            output.stdout_text(),
            "seen by all\n",
            "{}",
            output.stderr_text()
        );
        let said = output.stderr_text();
        assert!(
            said.contains("CONNECT {") && said.contains("sk.job."),
            "{said}"
        );
        worker.stderr_until("sk.res.");
    });
}

#[test]
fn certificates_that_are_unknown_or_for_another_name_are_two_errors_and_plain_text_stays_here() {
    within(|| {
        let Some(server) = NatsServer::tls() else {
            return;
        };
        let ca = server.ca().display().to_string();
        let url = |host: &str| format!("tls://{host}:{}", server.port());
        let fails = |url: &str, flags: &[&str]| {
            let flags: Vec<&str> = flags.iter().chain(&["--", "true"]).copied().collect();
            let output = map(url, &flags, "x\n").wait();
            assert_ne!(output.code, Some(0));
            output.stderr_text()
        };
        let unknown = fails(&url("localhost"), &[]);
        assert!(unknown.contains("issued by nobody we trust"), "{unknown}");
        let other = fails(&url("[::ffff:127.0.0.1]"), &["--broker-ca", &ca]);
        assert!(other.contains("is for another name"), "{other}");
        let plain = fails("nats://192.0.2.7", &[]);
        assert!(
            plain.contains("in the clear") && plain.contains("--insecure"),
            "{plain}"
        );
        let flags = ["--broker-ca", &ca];
        let worker = worker(&url("localhost"), &flags);
        let output = map(
            &url("localhost"),
            &["--broker-ca", &ca, "--", "echo"],
            "safe\n",
        )
        .wait();
        assert_eq!(output.stdout_text(), "safe\n", "{}", output.stderr_text());
        drop(worker);
    });
}
