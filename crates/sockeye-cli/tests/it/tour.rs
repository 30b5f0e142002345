//! `sockeye tour`: all of it is played, and what does not hold is said.

use std::process::Command;

use serde_json::Value;
use sockeye_testkit::{Output, Program, within};

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

/// How many steps there are now.
const STEPS: usize = 41;

fn tour(flags: &[&str]) -> Program {
    let mut command = Command::new(SOCKEYE);
    command.arg("tour").args(flags).env_remove("NO_COLOR");
    Program::start_command(command)
}

/// A line of a terminal, as it was printed.
fn is_terminal(line: &str) -> bool {
    line.starts_with("    │ ")
}

/// Ports and fingerprints replaced by what they are.
fn filtered(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest
        .find([':'])
        .or_else(|| rest.find("--port ").map(|at| at + 6))
    {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let word = after
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(after.len());
        match &after[..word] {
            pin if pin.len() == 64 => out.push_str("PIN"),
            port if port.len() >= 4 && port.parse::<u16>().is_ok() => out.push_str("PORT"),
            other => out.push_str(other),
        }
        rest = &after[word..];
    }
    out + rest
}

/// Our own text, the commands and what was typed; not what programs printed.
fn structure(text: &str) -> String {
    text.lines()
        .filter(|line| {
            !is_terminal(line) || line.starts_with("    │ $ ") || line.ends_with("(typed)")
        })
        .map(|line| filtered(line) + "\n")
        .collect()
}

fn succeeded(output: &Output) -> String {
    let text = output.stdout_text();
    assert_eq!(output.code, Some(0), "{text}\n{}", output.stderr_text());
    assert_eq!(output.stderr_text(), "");
    text
}

#[test]
fn every_step_does_what_it_says() {
    within(|| {
        let text = succeeded(&tour(&[]).finish());
        insta::assert_snapshot!("tour", structure(&text));
        // What programs printed is there too, in the terminals of the steps.
        for printed in [
            "> Hello World\\n",
            "< Hello Yourself\\n",
            "* resolved localhost to ",
            "nobody listens there (connection refused)",
            "< HTTP/1.0 200 OK\\r\\n",
            "One, two, three.",
            "< (empty message)",
            "nobody listens at udp://127.0.0.1:",
            "Cleo is here",
            "#1 in < my secret\\n",
            "bytes of ciphertext",
            "closed, exit status: 0",
        ] {
            let shown = |line: &str| is_terminal(line) && line.contains(printed);
            assert!(
                text.lines().any(shown),
                "{printed:?} is missing in:\n{text}"
            );
        }
    });
}

#[test]
fn piped_text_has_no_escapes_and_fits_eighty_columns() {
    within(|| {
        let text = succeeded(&tour(&[]).finish());
        assert!(!text.contains('\x1b'));
        let wide = |line: &&str| !is_terminal(line) && line.chars().count() > 80;
        assert_eq!(text.lines().find(wide), None);
    });
}

#[test]
fn colour_is_there_when_asked_for_and_changes_no_text() {
    within(|| {
        let colored = succeeded(&tour(&["--color", "always"]).finish());
        assert!(colored.contains("\x1b[1m 1. Two programs exchange bits\x1b[0m"));
        let mut plain = String::new();
        let mut pieces = colored.split('\x1b');
        plain.push_str(pieces.next().unwrap());
        for piece in pieces {
            plain.push_str(piece.split_once('m').unwrap().1);
        }
        let uncolored = succeeded(&tour(&[]).finish());
        assert_eq!(structure(&plain), structure(&uncolored));
    });
}

#[test]
fn a_step_that_does_not_hold_makes_the_exit_code_one() {
    within(|| {
        // Too few descriptors for the programs of the tour: the tour itself still runs.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 14; exec \"$0\" tour", SOCKEYE]);
        let output = Program::start_command(command).finish();
        let text = output.stdout_text();
        assert_eq!(output.code, Some(1), "{text}");
        for said in [
            "    This step did not do what it says.\n      expected: ",
            "\n      seen:     ",
            "steps did not do what they say: 1, ",
        ] {
            assert!(text.contains(said), "{said:?} is missing in:\n{text}");
        }
        assert!(!text.contains("All 41 steps"));
    });
}

#[test]
fn with_step_each_step_waits_for_enter() {
    within(|| {
        let mut tour = tour(&["--step"]);
        for number in 1..STEPS {
            tour.stdout_until(&*format!("\n{number:>2}. "));
            // The next one is not played before a line is there: it cannot have come in this order otherwise.
            let (stdout, _) = tour.so_far();
            let next = format!("\n{:>2}. ", number + 1);
            assert!(!String::from_utf8_lossy(&stdout).contains(&next));
            assert!(tour.is_running());
            tour.write("\n");
        }
        tour.stdout_until(format!("All {STEPS} steps did what they say."));
        assert_eq!(tour.wait().code, Some(0));
    });
}

#[test]
fn with_step_q_and_the_end_of_input_leave() {
    within(|| {
        let mut asked = tour(&["--step"]);
        asked.write("q\n");
        for output in [asked.wait(), tour(&["--step"]).finish()] {
            let text = succeeded(&output);
            assert!(text.contains(" 1. Two programs exchange bits"));
            assert!(!text.contains(" 2. An endpoint"), "{text}");
        }
    });
}

#[test]
fn list_names_the_steps_and_plays_none() {
    within(|| {
        let text = succeeded(&tour(&["--list"]).finish());
        insta::assert_snapshot!("tour_list", text);
    });
}

#[test]
fn json_has_one_line_for_each_step() {
    within(|| {
        let text = succeeded(&tour(&["--json"]).finish());
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), STEPS);
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(line["type"], "step");
            assert_eq!(line["number"], index + 1);
            assert_eq!(line["ok"], true, "{line}");
            let stage = match index {
                ..6 => "I",
                6..15 => "II",
                15..19 => "III",
                19..26 => "IV",
                26..33 => "V",
                _ => "VI",
            };
            assert_eq!(line["stage"], stage);
            assert!(!line["title"].as_str().unwrap().is_empty());
            let commands = line["commands"].as_array().unwrap();
            assert!(
                commands
                    .iter()
                    .any(|c| c.as_str().unwrap().contains("sockeye "))
            );
            assert!(!line["output"].as_str().unwrap().is_empty());
        }
        assert!(
            lines[0]["output"]
                .as_str()
                .unwrap()
                .contains("> Hello World\\n")
        );
    });
}

#[test]
fn the_tour_leaves_no_files_behind() {
    within(|| {
        let directory = sockeye_testkit::temporary_dir();
        for flags in [&[][..], &["--step"]] {
            let mut command = Command::new(SOCKEYE);
            command
                .arg("tour")
                .args(flags)
                .env("TMPDIR", directory.path());
            let mut program = Program::start_command(command);
            if flags.is_empty() {
                program.close_stdin();
            } else {
                program.stdout_until("\n 1. ");
                program.interrupt();
                let output = program.wait();
                assert_eq!(output.code, Some(130));
                assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
                continue;
            }
            assert_eq!(program.wait().code, Some(0));
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    });
}

#[test]
fn a_reader_that_leaves_ends_the_tour_quietly() {
    within(|| {
        let mut command = Command::new("bash");
        command.args([
            "-c",
            "\"$0\" tour | head -n 2 >/dev/null; echo ${PIPESTATUS[0]}",
            SOCKEYE,
        ]);
        let output = Program::start_command(command).finish();
        assert_eq!(output.stdout_text(), "0\n");
        assert_eq!(output.stderr_text(), "");
    });
}
