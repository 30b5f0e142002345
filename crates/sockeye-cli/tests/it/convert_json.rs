//! `sockeye convert` with JSON in its kinds.

use sockeye_testkit::{Output, peers, within};

use crate::sockeye;

fn convert(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert"].iter().chain(args));
    program.write(input);
    program.finish()
}

fn converted(args: &[&str], input: impl AsRef<[u8]>) -> String {
    let output = convert(args, input);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

#[test]
fn convert_keeps_what_numbers_say() {
    within(|| {
        let text = r#"{"id":12345678901234567890123,"price":1.10,"e":1E5,"z":-0}"#;
        assert_eq!(converted(&["-f", "json", "-c"], text), format!("{text}\n"));
    });
}

#[test]
fn convert_reads_comments_and_json5_if_it_may() {
    within(|| {
        let comments = "{\"a\": [1, 2,], // two\n}";
        assert_eq!(
            converted(&["-f", "json", "-c", "--comments"], comments),
            "{\"a\":[1,2]}\n"
        );
        let refused = convert(&["-f", "json"], comments);
        assert_ne!(refused.code, Some(0));
        let said = refused.stderr_text();
        assert!(said.contains("line 1, column 13"), "{said}");
        assert!(said.contains("--comments"), "{said}");
        assert_eq!(
            converted(&["-f", "json", "-c", "--json5"], "{a: 'x', b: +0x10}"),
            "{\"a\":\"x\",\"b\":16}\n"
        );
    });
}

#[test]
fn convert_settles_names_that_stand_twice() {
    within(|| {
        let text = r#"{"a":1,"b":2,"a":3}"#;
        assert_eq!(
            converted(&["-f", "json", "-c"], text),
            "{\"a\":3,\"b\":2}\n"
        );
        assert_eq!(
            converted(&["-f", "json", "-c", "--duplicates", "all"], text),
            "{\"a\":[1,3],\"b\":2}\n"
        );
        let refused = convert(&["-f", "json", "--duplicates", "error"], text);
        assert!(
            refused.stderr_text().contains("\"a\" stands twice"),
            "{}",
            refused.stderr_text()
        );
    });
}

#[test]
fn convert_lays_out_as_jq() {
    let Some(jq) = peers::jq() else {
        return;
    };
    within(move || {
        let text = r#"{"b":[1,{"c":[]},"é\n"],"a":{}} "x" [null,true]"#;
        let cases: [&[&str]; 6] = [
            &[],
            &["-c"],
            &["-S"],
            &["--tab"],
            &["--indent", "3"],
            &["-a", "-r"],
        ];
        for flags in cases {
            let mut jq = sockeye_testkit::Program::start(&jq, flags.iter().chain(&["."]));
            jq.write(text);
            let theirs = jq.finish().stdout_text();
            assert_eq!(
                converted(&[&["-f", "json"], flags].concat(), text),
                theirs,
                "{flags:?}"
            );
        }
    });
}

#[test]
fn convert_says_where_a_line_is_bad_and_goes_on_if_it_may() {
    within(|| {
        let text = "{\"a\":1}\n{\"a\":\n\n{\"a\":3}\n";
        let output = convert(
            &["-f", "ndjson", "-t", "ndjson", "--on-error", "skip"],
            text,
        );
        assert_eq!(output.stdout_text(), "{\"a\":1}\n{\"a\":3}\n");
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr_text().contains("line 2"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn convert_reads_and_writes_sequences() {
    within(|| {
        let text = "\u{1e}{\"a\":1}\n\u{1e}2\n";
        assert_eq!(
            converted(&["-f", "json-seq", "-t", "ndjson"], text),
            "{\"a\":1}\n2\n"
        );
        assert_eq!(
            converted(&["-f", "ndjson", "-t", "json-seq"], "{\"a\":1}\n2\n"),
            text
        );
    });
}
