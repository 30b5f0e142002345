//! `connect exec:` and `connect pty:`: programs behind the endpoint.

use sockeye_testkit::{pattern, within};

use crate::{connect, output_of, shell, sockeye};

#[test]
fn the_programs_exit_status_becomes_ours() {
    within(|| {
        for (program, code) in [
            ("exec:true", 0),
            ("exec:sh -c 'exit 7'", 7),
            ("exec:sh -c 'exit 255'", 255),
            ("exec:sh -c 'kill -TERM $$'", 128 + 15),
            ("exec:sh -c 'kill -KILL $$'", 128 + 9),
            ("exec:sh -c 'cat >&2; exit 3'", 3),
            ("pty:sh -c 'exit 9'", 9),
        ] {
            assert_eq!(connect(program, &[], "").code, Some(code), "{program}");
        }
    });
}

#[test]
fn the_exit_status_is_an_event_too() {
    within(|| {
        let output = connect("exec:sh -c 'exit 7'", &["--json"], "");
        let lines = crate::json_lines(&output.stdout);
        assert_eq!(lines.last().unwrap()["exit"], 7);
    });
}

#[test]
fn a_program_that_never_reads_keeps_its_output() {
    within(|| {
        let output = connect("exec:sh -c 'exec <&-; echo said'", &[], "unheard");
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("said\n", Some(0))
        );
        let output = connect("exec:echo said", &[], "");
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("said\n", Some(0))
        );
    });
}

#[test]
fn much_output_is_complete() {
    within(|| {
        let dir = sockeye_testkit::temporary_dir();
        let file = dir.path().join("much");
        std::fs::write(&file, pattern(1, 3_000_000)).unwrap();
        let output = connect(format!("exec:cat {}", file.display()), &[], "");
        assert!(output.stdout == pattern(1, 3_000_000));
    });
}

#[test]
fn the_end_of_input_reaches_the_program() {
    within(|| {
        let output = connect("exec:sort -r", &[], "a\nc\nb\n");
        assert_eq!(output.stdout_text(), "c\nb\na\n");
    });
}

#[test]
fn arguments_arrive_exactly_without_a_shell() {
    within(|| {
        let program = r#"exec:printf '[%25s]' 'a b' '$HOME' "it's" 'new%0aline' '*' ''"#;
        let output = connect(program, &[], "");
        assert_eq!(
            output.stdout_text(),
            "[a b][$HOME][it's][new\nline][*][]",
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_program_inherits_three_descriptors() {
    within(|| {
        // Descriptors that our own parent left open must not leak through either.
        let script = "exec 7</dev/null 8>/dev/null; $S connect \"exec:sh -c 'ls /proc/\\$\\$/fd'\" </dev/null";
        let output = shell(script, &[]);
        assert_eq!(
            output.stdout_text(),
            "0\n1\n2\n",
            "{}",
            output.stderr_text()
        );
        drop(output_of("true", &[]));
    });
}

#[test]
fn a_program_that_lives_on_is_ended_with_us() {
    within(|| {
        let program = sockeye(["connect", "exec:sh -c 'echo $$; exec cat'"]);
        let pid = String::from_utf8(program.stdout_until("\n")).unwrap();
        program.interrupt();
        assert_eq!(program.wait().code, Some(130));
        assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
    });
}

#[test]
fn a_program_that_nobody_listens_to_ends_quietly() {
    within(|| {
        let output = shell(
            "{ $S connect exec:yes < /dev/null; echo $? >&2; } | head -c 4",
            &[],
        );
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("y\ny\n", "0\n")
        );
    });
}

#[test]
fn a_pty_is_a_terminal_to_its_program() {
    within(|| {
        let output = connect("pty:tty", &[], "");
        assert!(
            output.stdout_text().starts_with("/dev/pts/"),
            "{}",
            output.stdout_text()
        );
        assert_eq!(output.code, Some(0));
    });
}
