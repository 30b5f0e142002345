//! `map`: inputs, templates, output.

use sockeye_testkit::{Output, peers, within};

use crate::{json_lines, shell, sockeye};

/// `sockeye map` with these words and inputs, to its end.
pub(crate) fn map(words: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["map"].iter().chain(words));
    program.write(input);
    program.finish()
}

/// What it prints if all went well.
#[track_caller]
pub(crate) fn mapped(words: &[&str], input: impl AsRef<[u8]>) -> String {
    let output = map(words, input);
    let said = output.stderr_text();
    assert_eq!((output.code, said.as_str()), (Some(0), ""), "{words:?}");
    output.stdout_text()
}

#[test]
fn each_line_is_a_job_and_results_are_in_order() {
    within(|| {
        assert_eq!(mapped(&["--", "echo", "<{}>"], "a\nb c\n"), "<a>\n<b c>\n");
        assert_eq!(
            mapped(&["echo"], "a\nlast"),
            "a\nlast\n",
            "a line without an end counts"
        );
        assert_eq!(
            mapped(&["-j8", "sh", "-c", "echo {#}"], "x\n".repeat(50)),
            numbers(50)
        );
        assert_eq!(mapped(&["echo", "{}"], "a\n\nb\r\n"), "a\n\nb\r\n");
        assert_eq!(mapped(&["--skip-empty", "echo"], "a\n\nb\n"), "a\nb\n");
        assert_eq!(mapped(&["--crlf", "echo"], "a\r\nb\r\n"), "a\nb\n");
        assert_eq!(mapped(&["--header", "echo"], "name\na\n"), "a\n");
        assert_eq!(
            mapped(&["echo", "{}{}", ":::", "a", "b c"], ""),
            "aa\nb cb c\n"
        );
    });
}

fn numbers(count: usize) -> String {
    (1..=count).map(|number| format!("{number}\n")).collect()
}

#[test]
fn nul_bytes_can_end_inputs() {
    within(|| {
        assert_eq!(
            mapped(&["-0", "--", "printf", "<%s>", "{}"], "a\0b\nc\0"),
            "<a><b\nc>"
        );
        assert_eq!(mapped(&["-0", "--", "printf", "<%s>"], "a\0b"), "<a><b>");
    });
}

#[test]
fn inputs_are_never_options_nor_code() {
    within(|| {
        let hostile = "-n\n--help\n;rm x\n$(id)\n`id`\n*\n--\n@true\n:::\n";
        assert_eq!(mapped(&["--", "printf", "%s\\n", "{}"], hostile), hostile);
        assert_eq!(
            mapped(&["--shell", "printf", "'%s\\n'", "{}"], hostile),
            hostile
        );
        assert_eq!(mapped(&["--stdin", "cat"], "a;b\n'c\n"), "a;b'c");
        let words = mapped(&["--", "echo", "--json", "--wait", "-v"], "x\n");
        assert_eq!(
            words, "--json --wait -v x\n",
            "words behind the command are its own"
        );
    });
}

#[test]
fn without_inputs_there_is_no_job() {
    within(|| {
        assert_eq!(mapped(&["--", "echo", "{}"], ""), "");
        assert_eq!(mapped(&["--from", "json", "--", "echo"], "[]"), "");
        assert_eq!(mapped(&["-0", "echo"], ""), "");
    });
}

#[test]
fn places_are_those_of_parallel() {
    within(|| {
        let Some(parallel) = peers::parallel() else {
            return;
        };
        let inputs = "a/b.tar.gz\n.bashrc\n/x/.rc\na.\na\n/\na/b/\n//a//b//\na.b/c\nd e.f\n";
        let words = ["echo", "[{}] [{.}] [{/}] [{//}] [{/.}] [{#}]"];
        let ours = mapped(&[&["--"][..], &words].concat(), inputs);
        let mut theirs = sockeye_testkit::Program::start(parallel, ["-k", "echo", words[1]]);
        theirs.write(inputs);
        assert_eq!(ours, theirs.finish().stdout_text());
    });
}

#[test]
fn braces_around_other_things_are_text() {
    within(|| {
        assert_eq!(
            mapped(&["--", "echo", "{a}", "{{}}", "{", "{}"], "x\n"),
            "{a} {} { x\n"
        );
        assert_eq!(
            mapped(&["-I", "%", "--", "echo", "{}", "%%"], "x\n"),
            "{} xx\n"
        );
        assert_eq!(
            mapped(&["--", "awk", "BEGIN { print \"{}\" }"], "x\n"),
            "x\n"
        );
        assert_eq!(mapped(&["--", "/bin/{}", "hello"], "echo\n"), "hello\n");
    });
}

#[test]
fn records_have_fields() {
    within(|| {
        let csv = "name,note\nAda,\"a, b\"\nBob,x\n";
        let words = ["--from", "csv", "--", "echo", "{name}:{note}:{1}"];
        assert_eq!(mapped(&words, csv), "Ada:a, b:Ada\nBob:x:Bob\n");
        let json = r#"[{"a": 1, "b": {"c": "x y"}}, {"a": null, "b": {"c": "z"}}]"#;
        assert_eq!(
            mapped(&["--from", "json", "--", "echo", "{a}-{b.c}"], json),
            "1-x y\n-z\n"
        );
        let ndjson = "\"a\\nb\"\n[1,2]\n";
        assert_eq!(
            mapped(&["--from", "ndjson", "--", "printf", "<%s>", "{}"], ndjson),
            "<a\nb><[1,2]>"
        );
        let inner = r#"{"items": [{"id": 7}, {"id": 8}]}"#;
        let words = [
            "--from",
            "json",
            "--elements",
            ".items[]",
            "--",
            "echo",
            "{id}",
        ];
        assert_eq!(mapped(&words, inner), "7\n8\n");

        let output = map(&["--from", "csv", "--", "echo", "{nobody}"], csv);
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr_text().contains("no field `nobody`"),
            "{}",
            output.stderr_text()
        );
        let broken = map(
            &["--from", "ndjson", "--", "echo", "{a}"],
            "{\"a\":1}\n{nonsense\n",
        );
        assert_eq!(
            (broken.code, broken.stdout_text().as_str()),
            (Some(1), "1\n")
        );
    });
}

#[test]
fn bytes_that_are_no_text_pass_through() {
    within(|| {
        let output = map(&["--", "printf", "%s\\n", "{}"], b"a\xff\n");
        assert_eq!(output.stdout, b"a\xff\n");
        let output = map(&["--json", "--", "printf", "%s", "{}"], b"a\xff\nb\n");
        let events = json_lines(&output.stdout);
        assert_eq!(events[0]["input_base64"], "Yf8=");
        assert_eq!(events[0]["stdout_base64"], "Yf8=");
        assert!(events[0].get("input").is_none() && events[0]["argv_base64"].is_array());
        assert_eq!(
            (&events[1]["input"], &events[1]["stdout"]),
            (&"b".into(), &"b".into())
        );
    });
}

#[test]
fn events_tell_all_of_a_job() {
    within(|| {
        let output = map(
            &["--json", "--", "sh", "-c", "echo o; echo e >&2; exit {}"],
            "0\n3\n",
        );
        assert_eq!(output.code, Some(1));
        let events = json_lines(&output.stdout);
        assert_eq!(events.len(), 3);
        let job = &events[1];
        assert_eq!(
            (&job["type"], &job["number"], &job["ok"]),
            (&"job".into(), &2.into(), &false.into())
        );
        assert_eq!(
            (&job["ending"], &job["status"], &job["attempts"]),
            (&"exited".into(), &3.into(), &1.into())
        );
        assert_eq!(
            (&job["stdout"], &job["stderr"]),
            (&"o\n".into(), &"e\n".into())
        );
        assert_eq!(
            job["argv"],
            serde_json::json!(["sh", "-c", "echo o; echo e >&2; exit 3"])
        );
        assert!(job["seconds"].as_f64().unwrap() > 0.0);
        let report = &events[2];
        assert_eq!(
            (&report["type"], &report["inputs"], &report["failed"]),
            (&"report".into(), &2.into(), &1.into())
        );
        let failures = serde_json::json!([{"ending": "exited", "status": 3, "jobs": 1}]);
        assert_eq!(report["failures"], failures);
    });
}

#[test]
fn the_first_job_runs_while_the_second_input_is_not_there() {
    within(|| {
        for from in [
            &[][..],
            &["--from", "csv", "--no-header"],
            &["--from", "ndjson"],
        ] {
            let mut program = sockeye(["map"].iter().chain(from).chain(&["--", "echo", "{}"]));
            program.write("1\n");
            program.stdout_until("1");
            program.write("2\n");
            program.stdout_until("2");
            assert_eq!(program.finish().code, Some(0), "{from:?}");
        }
    });
}

#[test]
fn outputs_are_never_mixed() {
    within(|| {
        let line = "for i in 1 2 3; do echo {}o$i; echo {}e$i >&2; done";
        let output = map(&["-j4", "--", "sh", "-c", line], "a\nb\nc\nd\n");
        let whole = |side: &str| -> String {
            let lines = ["a", "b", "c", "d"];
            lines
                .iter()
                .map(|x| format!("{x}{side}1\n{x}{side}2\n{x}{side}3\n"))
                .collect()
        };
        assert_eq!(output.stdout_text(), whole("o"));
        assert_eq!(output.stderr_text(), whole("e"));
    });
}

#[test]
fn tags_and_dry_runs_show_what_belongs_together() {
    within(|| {
        let tagged = mapped(&["--tag", "--", "printf", "1\\n2{}"], "a\nb\n");
        assert_eq!(tagged, "a\t1\na\t2a\nb\t1\nb\t2b\n");
        let told = mapped(&["--dry-run", "--", "rm", "-r", "{}"], "a b\nit's\n");
        assert_eq!(told, "rm -r 'a b'\nrm -r 'it'\\''s'\n");
        assert_eq!(mapped(&["--dry-run", "@echo"], "h\n"), "@echo\n");
    });
}

#[test]
fn files_of_inputs_are_read_one_after_the_other() {
    within(|| {
        let output = shell(
            "d=$(mktemp -d); cd $d; printf 'a\\nb' > one; printf 'c\\n' > two; \
             $S map -a one -a two -- echo; echo d | $S map -a one -a - -- echo; $S map -a none -- echo; echo $?; rm -r $d",
            &[],
        );
        assert_eq!(output.stdout_text(), "a\nb\nc\na\nb\nd\n8\n");
        assert!(
            output.stderr_text().contains("cannot open none"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    within(|| {
        for words in [
            &["--from", "xml", "--", "echo"][..],
            &["-0", "--from", "csv", "--", "echo"],
            &["--delimiter", ";", "--", "echo"],
            &["--from", "json", "--no-header", "--", "echo"],
            &["--rate-key", "host", "--", "echo"],
            &["--rate", "1/s", "--rate-key", "name", "--", "echo"],
            &["--halt", "now", "--", "echo"],
            &["-j", "many", "--", "echo"],
            &["@nosuch"],
            &["--shell", "@true"],
            &["--stdin", "@true"],
            &["--retry-failed", "--", "echo"],
            &[],
        ] {
            let output = map(words, "x\n");
            assert_eq!(output.code, Some(2), "{words:?}: {}", output.stderr_text());
        }
    });
}

#[test]
fn an_input_has_a_bound() {
    within(|| {
        let output = map(
            &["--max-input", "1KiB", "--stdin", "wc", "-c"],
            "x".repeat(2000),
        );
        assert_eq!((output.code, output.stdout_text().as_str()), (Some(1), ""));
        assert!(
            output.stderr_text().contains("more than 1024 bytes"),
            "{}",
            output.stderr_text()
        );
    });
}
