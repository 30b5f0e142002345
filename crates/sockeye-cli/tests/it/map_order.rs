//! `map`: order, memory, halting, rates, retries.

use std::time::{Duration, Instant};

use sockeye_testkit::within;

use crate::map::{map, mapped};
use crate::{json_lines, shell, sockeye};

#[test]
fn a_slow_first_job_holds_back_the_others_unless_order_is_no_matter() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let line = format!(
            "if [ {{}} = 1 ]; then cat {}; else echo {{}}; fi",
            fifo.display()
        );
        for (flags, expected) in [
            (&["-j2"][..], "1\n2\n3\n"),
            (&["-j2", "--unordered"], "2\n3\n1\n"),
        ] {
            let mut program = sockeye(
                ["map"]
                    .iter()
                    .chain(flags)
                    .chain(&["--", "sh", "-c", &line]),
            );
            program.write("1\n2\n3\n");
            if flags.len() > 1 {
                program.stdout_until("3\n");
            }
            std::fs::write(&fifo, "1\n").unwrap();
            assert_eq!(program.finish().stdout_text(), expected);
        }
    });
}

#[test]
fn retries_end_with_the_first_success() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count").display().to_string();
        let line = format!("echo x >> {count}; n=$(wc -l < {count}); echo try $n; [ $n -ge 3 ]");
        let words = [
            "--json",
            "--retries",
            "2",
            "--retry-wait",
            "10ms",
            "--",
            "sh",
            "-c",
            &line,
        ];
        let output = map(&words, "x\n");
        let events = json_lines(&output.stdout);
        assert_eq!(output.code, Some(0));
        assert_eq!(
            (&events[0]["attempts"], &events[0]["stdout"]),
            (&3.into(), &"try 3\n".into())
        );
        assert_eq!(events[1]["retried"], 2);
    });
}

#[test]
fn which_failures_are_tried_again_can_be_said() {
    within(|| {
        let attempts = |flags: &[&str]| {
            let base = ["--json", "--retries", "1", "--retry-wait", "10ms"];
            let words = [&base[..], flags, &["--", "sh", "-c", "exit 3"]].concat();
            json_lines(&map(&words, "x\n").stdout)[0]["attempts"].clone()
        };
        assert_eq!(attempts(&[]), 2);
        assert_eq!(attempts(&["--retry-on", "3,4"]), 2);
        assert_eq!(attempts(&["--retry-on", "4"]), 1);
        assert_eq!(attempts(&["--no-retry-on", "3"]), 1);
    });
}

#[test]
fn a_run_gives_up_when_it_is_told_to() {
    within(|| {
        let inputs = "0\n1\n0\n0\n0\n".to_owned() + &"0\n".repeat(100);
        let soon = map(
            &[
                "-j1",
                "--json",
                "--halt",
                "soon,fail=1",
                "--",
                "sh",
                "-c",
                "exit {}",
            ],
            &inputs,
        );
        assert_eq!(soon.code, Some(1));
        let events = json_lines(&soon.stdout);
        let report = events.last().unwrap();
        assert_eq!(
            (&report["succeeded"], &report["failed"], &report["halted"]),
            (&1.into(), &1.into(), &true.into())
        );

        let begun = Instant::now();
        let now = map(
            &[
                "-j2",
                "--halt",
                "now,fail=1",
                "--",
                "sh",
                "-c",
                "sleep {}; exit 1",
            ],
            "99\n0\n",
        );
        assert_eq!(now.code, Some(1));
        assert!(begun.elapsed() < Duration::from_secs(5));

        let first = map(
            &["-j2", "--halt", "now,success=1", "--", "sleep", "{}"],
            "99\n0\n",
        );
        assert_eq!(first.code, Some(0), "{}", first.stderr_text());
    });
}

#[test]
fn a_rate_holds_for_each_host() {
    within(|| {
        let mut inputs = String::new();
        for number in 0..6 {
            inputs += &format!("http://a.example/{number}\nhttp://b.example/{number}\n");
        }
        let begun = Instant::now();
        let words = ["--rate", "20/s", "--rate-key", "host", "@echo"];
        assert_eq!(mapped(&words, &inputs), inputs);
        let took = begun.elapsed();
        // Five gaps of 50 ms for each host, at the same time; one rate for all would take eleven.
        assert!(took >= Duration::from_millis(240), "{took:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    });
}

#[test]
fn the_number_of_jobs_changes_with_signals() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let line = format!("echo {{}} > {}; exec sleep 99", fifo.display());
        let mut program = sockeye(["map", "-v", "-j1", "--", "sh", "-c", &line]);
        program.write("1\n2\n");
        assert_eq!(std::fs::read_to_string(&fifo).unwrap(), "1\n");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(program.pid()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR1).unwrap();
        program.stderr_until("2 jobs at once");
        assert_eq!(
            std::fs::read_to_string(&fifo).unwrap(),
            "2\n",
            "the second begins while the first runs"
        );
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR2).unwrap();
        program.stderr_until("1 jobs at once");
        program.interrupt();
        program.stderr_until("no more jobs begin");
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
    });
}

#[test]
fn all_words_for_the_number_of_jobs_work() {
    within(|| {
        for jobs in ["0", "200%", "-1", "+1", "3"] {
            assert_eq!(
                mapped(&["-j", jobs, "--", "echo"], "a\nb\n"),
                "a\nb\n",
                "{jobs}"
            );
        }
    });
}

#[test]
fn many_inputs_stay_in_order() {
    within(|| {
        let inputs: String = (0..100_000).map(|number| format!("{number}\n")).collect();
        assert_eq!(mapped(&["@echo"], &inputs), inputs);
    });
}

#[test]
fn nothing_is_left_behind_by_kill() {
    within(|| {
        let output = shell(
            "export TMPDIR=$(mktemp -d); seq 4 | $S map -j2 --memory 64KiB -- sh -c 'if [ {} = 1 ]; then kill -9 $PPID; else head -c 300000 /dev/zero; fi' \
             > /dev/null; ls -A $TMPDIR; rm -r $TMPDIR",
            &[],
        );
        assert_eq!(output.stdout_text(), "");
    });
}
