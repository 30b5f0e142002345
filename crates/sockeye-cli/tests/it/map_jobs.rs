//! `map`: what happens to the programs that it starts.

use std::time::{Duration, Instant};

use sockeye_testkit::within;

use crate::map::{map, mapped};
use crate::{json_lines, shell, sockeye};

#[test]
fn failures_are_counted_and_named() {
    within(|| {
        let output = map(&["--", "sh", "-c", "exit {}"], "1\n2\n3\n");
        assert_eq!(output.code, Some(1));
        let expected =
            "sockeye: 3 of 3 jobs failed: 1 with status 1, 1 with status 2, 1 with status 3\n";
        assert_eq!(output.stderr_text(), expected);
        assert_eq!(map(&["-q", "--", "false"], "1\n").stderr_text(), "");
    });
}

#[test]
fn a_timeout_ends_the_whole_tree() {
    within(|| {
        let begun = Instant::now();
        let line = "echo $$; sleep 99 & echo $!; sleep 98";
        let output = map(
            &[
                "--json",
                "--timeout",
                "200ms",
                "--grace",
                "500ms",
                "--",
                "sh",
                "-c",
                line,
            ],
            "x\n",
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(output.code, Some(1));
        let events = json_lines(&output.stdout);
        assert_eq!(
            (&events[0]["ending"], events[0].get("signal")),
            (&"timed-out".into(), None)
        );
        let pids = events[0]["stdout"].as_str().unwrap();
        assert_eq!(pids.lines().count(), 2);
        assert!(pids.lines().all(is_gone), "{pids}");
        let text = map(&["--timeout", "100ms", "--", "sleep", "{}"], "99\n");
        let said = text.stderr_text();
        assert!(
            said.contains("job 1 (99): it was not done within 100ms"),
            "{said}"
        );
        assert!(said.contains("1 out of time"), "{said}");
    });
}

/// Whether a process is no more, or is dead and only not taken note of.
fn is_gone(pid: &str) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    status
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}

#[test]
fn what_cannot_be_started_fails_at_once() {
    within(|| {
        let begun = Instant::now();
        let none = map(&["--retries", "3", "--", "nosuchprogram"], "a\nb\n");
        assert_eq!(none.code, Some(127));
        assert!(
            none.stderr_text().contains("no program `nosuchprogram`"),
            "{}",
            none.stderr_text()
        );
        let denied = shell(
            "d=$(mktemp -d); echo > $d/x; cd $d; echo a | $S map --retries 3 -- ./x; echo $?; rm -r $d",
            &[],
        );
        assert!(
            denied.stderr_text().contains("may not be executed"),
            "{}",
            denied.stderr_text()
        );
        assert_eq!(denied.stdout_text(), "1\n");
        let per_input = map(
            &["--json", "--retries", "3", "--", "{}"],
            "nosuchprogram\ntrue\n",
        );
        let events = json_lines(&per_input.stdout);
        assert_eq!(
            (&events[0]["ending"], &events[0]["attempts"]),
            (&"not-found".into(), &1.into())
        );
        assert_eq!(events[1]["ok"], true);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "nothing is tried again"
        );
    });
}

#[test]
fn the_limits_of_arguments_are_said() {
    within(|| {
        let long = "x".repeat(131_072);
        let output = map(&["--", "true"], format!("{long}\nshort\n{}\n", &long[1..]));
        assert_eq!(output.code, Some(1));
        let said = output.stderr_text();
        assert!(
            said.contains("131072") && said.contains("131071") && said.contains("--stdin"),
            "{said}"
        );
        assert!(said.contains("1 of 3 jobs failed"), "{said}");
        assert_eq!(mapped(&["--stdin", "wc", "-c"], &long).trim(), "131072");
        let nul = map(&["--", "echo"], "a\0b\n");
        assert!(nul.stderr_text().contains("NUL"), "{}", nul.stderr_text());
    });
}

#[test]
fn jobs_see_three_descriptors_and_their_surroundings() {
    within(|| {
        let seen = shell(
            "exec 7</dev/null; echo x | $S map -- sh -c 'ls /proc/self/fd; cat; readlink /proc/$$/fd/0'",
            &[],
        );
        // ls opens the folder itself.
        assert_eq!(seen.stdout_text(), "0\n1\n2\n3\n/dev/null\n");
        let words = [
            "--env",
            "A=b c",
            "--chdir",
            "/",
            "--",
            "sh",
            "-c",
            "echo \"$A\" $PWD",
        ];
        assert_eq!(mapped(&words, "x\n"), "b c /\n");
        assert_eq!(
            map(&["--chdir", "/nosuch", "--", "true"], "x\n").code,
            Some(2)
        );
    });
}

#[test]
fn few_descriptors_mean_fewer_jobs() {
    within(|| {
        let output = shell("ulimit -n 64; seq 60 | $S map -j 200 -- echo", &[]);
        assert_eq!(
            (output.code, output.stdout_text().lines().count()),
            (Some(0), 60)
        );
        let said = output.stderr_text();
        assert!(
            said.contains("warning")
                && said.contains("ulimit -n")
                && said.contains("instead of 200"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    });
}

#[test]
fn a_closed_reader_ends_the_run_quietly() {
    within(|| {
        let output = shell(
            "set -o pipefail; yes | $S map -j2 -- sh -c 'echo $$' | head -1; echo ${PIPESTATUS[1]}",
            &[],
        );
        let text = output.stdout_text();
        assert_eq!(text.lines().nth(1), Some("141"), "{text}");
        assert_eq!(output.stderr_text(), "");
    });
}

#[test]
fn the_first_interrupt_lets_jobs_finish() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let line = format!("echo up{{}} >&2; cat {}", fifo.display());
        let mut program = sockeye(["map", "-j1", "-v", "--json", "--", "sh", "-c", &line]);
        program.write("1\n2\n");
        // What a job says comes when it is done: that it runs is seen by its opening of the fifo.
        let writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        program.interrupt();
        program.stderr_until("no more jobs begin");
        std::io::Write::write_all(&mut &writer, b"done").unwrap();
        drop(writer);
        let output = program.wait();
        assert_eq!(output.code, Some(130));
        let events = json_lines(&output.stdout);
        assert_eq!(
            (&events[0]["stdout"], &events[0]["ok"]),
            (&"done".into(), &true.into())
        );
        let last = events.last().unwrap();
        assert_eq!(
            (&last["succeeded"], &last["stopped"]),
            (&1.into(), &true.into())
        );
    });
}

#[test]
fn the_second_interrupt_ends_jobs() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let line = format!("echo $$ > {}; exec sleep 99", fifo.display());
        let mut program = sockeye(["map", "-j1", "--", "sh", "-c", &line]);
        program.write("1\n2\n");
        let pid = std::fs::read_to_string(&fifo).unwrap();
        program.interrupt();
        program.stderr_until("no more jobs begin");
        program.interrupt();
        let output = program.wait();
        assert_eq!(output.code, Some(130));
        assert!(is_gone(pid.trim()), "{pid}");
    });
}

#[test]
fn too_much_output_ends_a_job() {
    within(|| {
        let output = map(&["--max-output", "100kB", "--", "yes"], "x\n");
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr_text().contains("more than 100000 bytes"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn large_outputs_pass_within_little_memory() {
    within(|| {
        let output = map(
            &[
                "-j4",
                "--memory",
                "64KiB",
                "--",
                "head",
                "-c",
                "{}",
                "/dev/zero",
            ],
            "1000000\n7\n2000000\n0\n",
        );
        assert_eq!((output.code, output.stdout.len()), (Some(0), 3_000_007));
        let events = map(
            &[
                "--json",
                "--memory",
                "64KiB",
                "--",
                "sh",
                "-c",
                "yes é | head -c {}",
            ],
            "900000\n900001\n",
        );
        let lines = json_lines(&events.stdout);
        assert_eq!(lines[0]["stdout"].as_str().map(str::len), Some(900_000));
        assert!(
            lines[1]["stdout_base64"]
                .as_str()
                .or(lines[1]["stdout"].as_str())
                .is_some_and(|text| text.len() >= 900_000)
        );
    });
}
