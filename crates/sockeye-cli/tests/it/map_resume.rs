//! `map --journal`: whoever is killed goes on where it was.

use std::path::Path;

use sockeye_testkit::within;

use crate::map::map;
use crate::sockeye;

/// A folder with a journal and a log of what was really run.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Run with the journal; what was said, and which jobs were run.
    fn run(&self, flags: &[&str], input: &str, more: &str) -> (sockeye_testkit::Output, String) {
        let (journal, log) = (self.path("journal"), self.path("log"));
        let line = format!("echo {{}} >> {log}; echo out {{}}{more}");
        let words = [
            &["-j1", "--journal", &journal],
            flags,
            &["--", "sh", "-c", &line],
        ]
        .concat();
        let output = map(&words, input);
        let ran = std::fs::read_to_string(&log).unwrap_or_default();
        let _ = std::fs::remove_file(Path::new(&log));
        (output, ran)
    }
}

#[test]
fn only_new_inputs_are_run() {
    within(|| {
        let place = Place::new();
        let (output, ran) = place.run(&[], "b\nc\n", "");
        assert_eq!(
            (output.code, ran.as_str()),
            (Some(0), "b\nc\n"),
            "{}",
            output.stderr_text()
        );
        let (output, ran) = place.run(&[], "a\nb\nc\n", "");
        assert_eq!(
            (output.stdout_text().as_str(), ran.as_str()),
            ("out a\nout b\nout c\n", "a\n")
        );
    });
}

#[test]
fn equal_lines_are_jobs_of_their_own() {
    within(|| {
        let place = Place::new();
        assert_eq!(place.run(&[], "a\na\n", "").1, "a\na\n");
        assert_eq!(place.run(&[], "a\na\na\n", "").1, "a\n");
    });
}

#[test]
fn another_command_runs_all_again_and_says_why() {
    within(|| {
        let place = Place::new();
        place.run(&[], "a\nb\n", "");
        let (output, ran) = place.run(&[], "a\nb\n", "; true");
        assert_eq!(ran, "a\nb\n");
        let said = output.stderr_text();
        assert!(
            said.contains("another command") && said.contains("--assume-same"),
            "{said}"
        );
        let place = Place::new();
        place.run(&[], "a\nb\n", "");
        let (output, ran) = place.run(&["--assume-same"], "a\nb\n", "; true");
        assert_eq!(
            (ran.as_str(), output.stdout_text().as_str()),
            ("", "out a\nout b\n")
        );
    });
}

#[test]
fn failures_stand_unless_they_are_tried_again() {
    within(|| {
        let place = Place::new();
        assert_eq!(place.run(&[], "a\nb\n", "; [ {} = a ]").0.code, Some(1));
        let (output, ran) = place.run(&[], "a\nb\n", "; [ {} = a ]");
        assert_eq!((output.code, ran.as_str()), (Some(1), ""));
        assert_eq!(
            place.run(&["--retry-failed"], "a\nb\n", "; [ {} = a ]").1,
            "b\n"
        );
    });
}

#[test]
fn a_second_run_on_one_journal_is_refused_until_the_first_is_gone() {
    within(|| {
        let place = Place::new();
        let (journal, fifo) = (place.path("journal"), place.path("fifo"));
        nix::unistd::mkfifo(fifo.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let line = format!("echo $$ > {fifo}; exec sleep 99");
        let mut first = sockeye(["map", "--journal", &journal, "--", "sh", "-c", &line]);
        first.write("x\n");
        let job = std::fs::read_to_string(&fifo).unwrap();
        let second = map(&["--journal", &journal, "--", "sh", "-c", &line], "x\n");
        assert_eq!(second.code, Some(8), "{}", second.stderr_text());
        let kill = |pid: i32| {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        };
        kill(i32::try_from(first.pid()).unwrap());
        kill(job.trim().parse().unwrap());
        assert_eq!(first.wait().signal, Some(9));
        let third = map(&["--journal", &journal, "--", "true"], "x\n");
        assert_eq!(third.code, Some(0), "{}", third.stderr_text());
    });
}
