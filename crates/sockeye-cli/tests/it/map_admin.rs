//! `map status`, `map cancel`, `map dead`: runs looked after from another shell.

use serde_json::Value;
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{Output, temporary_dir, within};

use crate::map_nats::worker;
use crate::{json_lines, sockeye};

/// `map` with these words, then which broker.
fn admin(url: &str, words: &[&str]) -> Output {
    let words = ["map"].iter().chain(words);
    sockeye(words.chain(&["--engine", url])).finish()
}

fn status(url: &str, run: &str) -> Value {
    let output = admin(url, &["status", run, "--json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    json_lines(&output.stdout).remove(0)
}

#[test]
fn status_agrees_with_the_report_and_a_run_that_is_canceled_ends() {
    within(|| {
        for server in NatsServer::both() {
            let url = server.url();
            let _worker = worker(&url, &["-j", "2"]);
            let words = [
                "map", "--engine", &url, "--run", "a", "--json", "--", "sh", "-c", "exit {}",
            ];
            let mut map = sockeye(words);
            map.write("0\n1\n0\n");
            let output = map.finish();
            let report = json_lines(&output.stdout);
            let report = report.iter().find(|line| line["type"] == "report").unwrap();
            let told = status(&url, "a");
            assert_eq!(told["state"], "done");
            for count in ["inputs", "succeeded", "failed"] {
                assert_eq!(told[count], report[count], "{count}: {told} {report}");
            }
            assert_eq!(
                (&told["queued"], &told["running"]),
                (&Value::from(0), &Value::from(0))
            );

            let dir = temporary_dir();
            let fifo = dir.path().join("fifo");
            nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
            let line = format!("echo on > {}; exec sleep 60", fifo.display());
            let mut map = sockeye([
                "map", "--engine", &url, "--run", "b", "--", "sh", "-c", &line,
            ]);
            map.write("1\n");
            map.close_stdin();
            // It has begun.
            assert_eq!(std::fs::read_to_string(&fifo).unwrap(), "on\n");
            let told = status(&url, "b");
            assert_eq!(
                (&told["state"], &told["running"]),
                (&Value::from("running"), &Value::from(1))
            );
            let canceled = admin(&url, &["cancel", "b"]);
            assert_eq!(canceled.code, Some(0), "{}", canceled.stderr_text());
            let ended = map.wait();
            assert_ne!(ended.code, Some(0), "{}", ended.stderr_text());
            assert_eq!(status(&url, "b")["state"], "canceled");
            let all = admin(&url, &["status"]);
            let text = all.stdout_text();
            assert!(
                text.contains("canceled") && text.contains("1 worker: "),
                "{text}"
            );
            let unknown = admin(&url, &["status", "nobody"]);
            assert_eq!(unknown.code, Some(1));
            assert!(unknown.stderr_text().contains("nobody knows the run"));
        }
    });
}

#[test]
fn jobs_that_were_given_up_are_listed_tried_again_and_forgotten() {
    within(|| {
        let Some(server) = NatsServer::new() else {
            return;
        };
        let url = server.url();
        let dir = temporary_dir();
        let tool = dir.path().join("tool");
        let tool_text = tool.to_str().unwrap();
        let _worker = worker(&url, &["-j", "1"]);
        // The submitter must not find that it is missing, so it is named by a word of the input.
        let mut map = sockeye(["map", "--engine", &url, "--run", "a", "--", "env", "{}"]);
        map.write(format!("{tool_text}\n"));
        let output = map.finish();
        assert_ne!(output.code, Some(0));
        let listed = admin(&url, &["dead", "list"]);
        assert_eq!(listed.code, Some(0), "{}", listed.stderr_text());
        // `env` says 127 itself, which is no missing program to the worker: nothing is given up.
        let listed = listed.stdout_text() + &listed.stderr_text();
        assert!(listed.contains("no job was given up"), "{listed}");
        let none = admin(&url, &["dead", "show", "a"]);
        assert_eq!(none.code, Some(1), "{}", none.stderr_text());

        let mut map = sockeye(["map", "--engine", &url, "--run", "b", "--", "{}"]);
        map.write(format!("{tool_text}\n"));
        let output = map.finish();
        assert_ne!(output.code, Some(0), "{}", output.stderr_text());
        let listed = json_lines(&admin(&url, &["dead", "list", "--json"]).stdout);
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(
            (&listed[0]["run"], &listed[0]["text"]),
            (&Value::from("b"), &Value::from(tool_text))
        );
        let job = &listed[0]["job"].as_str().unwrap()[..8];
        let shown = admin(&url, &["dead", "show", "b", job, "--inputs"]);
        assert_eq!(shown.stdout_text(), format!("{tool_text}\n"));

        std::fs::write(&tool, "#!/bin/sh\necho here\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&tool, mode).unwrap();
        let again = admin(&url, &["dead", "retry", "b"]);
        assert_eq!(
            (again.code, again.stdout_text()),
            (Some(0), "here\n".into()),
            "{}",
            again.stderr_text()
        );
        let listed = admin(&url, &["dead", "list", "--json"]);
        assert_eq!(listed.stdout_text(), "");
    });
}
