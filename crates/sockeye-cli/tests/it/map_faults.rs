//! `map --engine` while workers, brokers and submitters are killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{NetworkNamespace, Program, deadline, temporary_dir, within};

use crate::map_nats::worker;
use crate::{json_lines, sockeye};

/// How many jobs.
const JOBS: usize = 2000;

/// A small generator of numbers that look random: the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn whoever_is_killed_all_results_come_once_and_are_accounted_for() {
    deadline(Duration::from_secs(120), || {
        let Some(server) = NatsServer::new() else {
            return;
        };
        faults(server, 20_261_127);
    });
}

fn faults(mut server: NatsServer, seed: u64) {
    let mut dice = Dice(seed);
    let dir = temporary_dir();
    let (log, inputs, journal) = (
        dir.path().join("log"),
        dir.path().join("inputs"),
        dir.path().join("journal"),
    );
    fs::write(&log, "").unwrap();
    fs::write(
        &inputs,
        (0..JOBS).map(|n| format!("{n}\n")).collect::<String>(),
    )
    .unwrap();
    let script = format!("echo $1 >> {}; sleep 0.06; echo result $1", log.display());
    let url = server.url();
    let submit = || {
        let args = [
            "map",
            "--engine",
            &url,
            "--run",
            "faults",
            "--lease",
            "1s",
            "--json",
            "--journal",
        ];
        let words = [
            "-a",
            &inputs.display().to_string(),
            "--",
            "sh",
            "-c",
            &script,
            "sh",
        ]
        .map(str::to_owned);
        let journal = journal.display().to_string();
        let submitter = sockeye(
            args.map(str::to_owned)
                .into_iter()
                .chain([journal])
                .chain(words),
        );
        submitter.stdout_until("\"type\":\"run\"");
        submitter
    };
    let start_worker = || sockeye(["worker", "--engine", &url, "-j", "4"]);
    let mut workers: Vec<Program> = (0..3).map(|_| start_worker()).collect();
    let mut submitter = submit();
    // 20 workers, 10 brokers, 5 submitters, in an order that follows from the seed.
    let mut kinds: Vec<u8> = [vec![0; 20], vec![1; 10], vec![2; 5]].concat();
    while !kinds.is_empty() {
        let kind = kinds.swap_remove(dice.below(kinds.len() as u64) as usize);
        let until = Instant::now() + Duration::from_millis(50 + dice.below(300));
        let begun = fs::read_to_string(&log).unwrap().len();
        // Something happens between two faults: at least one more job begins, and a while passes.
        while Instant::now() < until || fs::read_to_string(&log).unwrap().len() == begun {
            assert!(
                submitter.is_running(),
                "the run was over before its faults were, seed {seed}"
            );
            std::thread::park_timeout(Duration::from_millis(5));
        }
        match kind {
            0 => {
                let which = dice.below(3) as usize;
                drop(std::mem::replace(&mut workers[which], start_worker()));
            }
            1 => server.restart(),
            _ => {
                drop(submitter);
                submitter = submit();
            }
        }
    }
    let output = submitter.wait_at_most(Duration::from_secs(60));
    let said = output.stderr_text();
    assert_eq!(output.code, Some(0), "seed {seed}: {said}");
    let events = json_lines(&output.stdout);
    check(&events, &fs::read_to_string(&log).unwrap(), seed);
    for worker in workers {
        worker.terminate();
        assert_eq!(worker.wait().code, Some(0));
    }
}

/// Each result once, in order, and each begun job in the account.
fn check(events: &[serde_json::Value], log: &str, seed: u64) {
    let results = events
        .iter()
        .filter(|event| event["type"] == "job" || event["type"] == "result");
    let said: Vec<String> = results
        .map(|event| event["stdout"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected: Vec<String> = (0..JOBS).map(|n| format!("result {n}\n")).collect();
    assert!(
        said == expected,
        "seed {seed}: {} results, {:?} ...",
        said.len(),
        &said[..said.len().min(3)]
    );
    let mut begun: BTreeMap<&str, u64> = BTreeMap::new();
    for line in log.lines() {
        *begun.entry(line).or_default() += 1;
    }
    assert_eq!(begun.len(), JOBS, "seed {seed}");
    let account = events
        .iter()
        .find(|event| event["type"] == "account")
        .unwrap();
    let count = |name: &str| account[name].as_u64().unwrap();
    let second = begun.values().sum::<u64>() - JOBS as u64;
    let known = count("lost") + count("duplicates") + count("handed_back");
    assert!(
        second <= known,
        "seed {seed}: {second} were begun more than once; {account}"
    );
    assert_eq!(count("dead"), 0, "seed {seed}: {account}");
}

#[test]
fn a_worker_that_is_cut_off_ends_its_job_and_another_does_it() {
    within(|| {
        let Some(namespace) = NetworkNamespace::new() else {
            return;
        };
        let Some(server) = NatsServer::inside(&namespace) else {
            return;
        };
        let ip = |what: &str| {
            let args = ["address", what, "10.9.9.9/32", "dev", "lo"];
            assert_eq!(namespace.start("ip", args).wait().code, Some(0));
        };
        ip("add");
        let (near, far) = (server.url(), format!("nats://10.9.9.9:{}", server.port()));
        let dir = temporary_dir();
        let mark = dir.path().join("mark").display().to_string();
        let start = |url: &str| {
            let worker = namespace.start(
                crate::SOCKEYE,
                ["worker", "--engine", url, "--insecure", "-j", "1"],
            );
            worker.stderr_until("working for ");
            worker
        };
        let first = start(&far);
        let script = "[ -e $1 ] && exec echo again; touch $1; exec sleep 60";
        let args = [
            "map", "--engine", &near, "--lease", "700ms", "--", "sh", "-c", script, "sh",
        ];
        let mut map = namespace.start(crate::SOCKEYE, args);
        map.write(format!("{mark}\n"));
        map.close_stdin();
        while !Path::new(&mark).exists() {
            std::thread::yield_now();
        }
        ip("del");
        let _second = start(&near);
        let output = map.wait();
        assert_eq!(output.stdout_text(), "again\n", "{}", output.stderr_text());
        // Its own child has ended: it knows that somebody else has the job.
        while !children_of(first.pid()).is_empty() {
            std::thread::yield_now();
        }
    });
}

/// The processes that this one has started.
fn children_of(pid: u32) -> String {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default())
        .collect()
}

#[test]
fn a_worker_that_is_killed_is_replaced_within_a_lease() {
    within(|| {
        for server in NatsServer::both() {
            let url = server.url();
            let dir = temporary_dir();
            let mark = dir.path().join("mark").display().to_string();
            let first = worker(&url, &["-j", "1"]);
            let script = "[ -e $1 ] && exec echo again; touch $1; exec sleep 60";
            let mut map = sockeye([
                "map", "--engine", &url, "--lease", "500ms", "--", "sh", "-c", script, "sh",
            ]);
            map.write(format!("{mark}\n"));
            map.close_stdin();
            while !Path::new(&mark).exists() {
                std::thread::yield_now();
            }
            drop(first);
            let _second = worker(&url, &["-j", "1"]);
            let output = map.wait();
            assert_eq!(output.stdout_text(), "again\n");
            assert!(
                output.stderr_text().contains("1 lost with their worker"),
                "{}",
                output.stderr_text()
            );
        }
    });
}
