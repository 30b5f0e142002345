//! `sockeye convert` with CSV, TSV and forms.

use std::fmt::Write as _;

use sockeye_testkit::{Output, within};

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
fn convert_keeps_codes_and_finds_the_delimiter() {
    within(|| {
        let rows = "\u{feff}id;zip;price\r\n1;02134;1.50\r\n";
        assert_eq!(
            converted(&["-f", "csv", "-t", "ndjson"], rows),
            "{\"id\":\"1\",\"zip\":\"02134\",\"price\":\"1.50\"}\n"
        );
        assert_eq!(
            converted(&["-f", "csv", "-t", "ndjson", "--infer"], rows),
            "{\"id\":1,\"zip\":\"02134\",\"price\":1.50}\n"
        );
        let given = [
            "-f",
            "csv",
            "-t",
            "ndjson",
            "--delimiter",
            "|",
            "--quote-char",
            "'",
            "--trim",
            "--comment",
            "#",
            "--null",
            "-",
            "--no-header",
            "--header-names",
            "x,y",
        ];
        assert_eq!(
            converted(&given, "#no\n'a|b' | -\n"),
            "{\"x\":\"a|b\",\"y\":null}\n"
        );
    });
}

#[test]
fn convert_recognises_what_excel_calls_unicode_text() {
    within(|| {
        let text: Vec<u8> = "\u{feff}a\tb\r\n1\té\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            converted(&["-t", "ndjson"], text),
            "{\"a\":\"1\",\"b\":\"é\"}\n"
        );
        assert_eq!(
            converted(
                &["-f", "csv", "-t", "csv", "--bom", "--crlf", "--excel-safe"],
                "a,b\n=1,-1\n"
            ),
            "\u{feff}a,b\r\n'=1,-1\r\n"
        );
    });
}

#[test]
fn convert_settles_ragged_rows_and_open_quotes() {
    within(|| {
        let ragged = "a,b\n1\n1,2,3\n";
        let refused = convert(&["-f", "csv", "-t", "ndjson"], ragged);
        assert_eq!(refused.code, Some(1));
        assert!(
            refused
                .stderr_text()
                .contains("the row has 1 cells, and the header has 2 at line 2")
        );
        assert_eq!(
            converted(&["-f", "csv", "-t", "ndjson", "--ragged", "keep"], ragged),
            "{\"a\":\"1\"}\n{\"a\":\"1\",\"b\":\"2\",\"_3\":\"3\"}\n"
        );
        let open = convert(&["-f", "csv", "-t", "ndjson"], "a\n1\n\"x\n2\n");
        assert_eq!(
            (open.code, open.stdout_text().as_str()),
            (Some(1), "{\"a\":\"1\"}\n")
        );
        assert!(
            open.stderr_text()
                .contains("a quote that opens in line 3 is never closed")
        );
    });
}

#[test]
fn convert_writes_the_columns_that_are_asked_for() {
    within(|| {
        let records = "{\"a\":1}\n{\"b\":\"x, y\",\"a\":2}\n";
        let csv = ["-f", "ndjson", "-t", "csv"];
        let with = |more: &[&'static str]| [&csv[..], more].concat();
        assert_eq!(converted(&csv, records), "a,b\n1,\n2,\"x, y\"\n");
        assert_eq!(
            converted(&with(&["--fields", "b,z"]), records),
            "b,z\n,\n\"x, y\",\n"
        );
        let skipping = convert(
            &with(&["--columns", "strict", "--on-error", "skip"]),
            records,
        );
        assert_eq!(
            (skipping.code, skipping.stdout_text().as_str()),
            (Some(1), "a\n1\n")
        );
        assert!(
            skipping
                .stderr_text()
                .contains("record 2 has \"b\", which is no column")
        );
        assert_eq!(
            converted(
                &with(&["--headless", "--quotes", "all", "--out-delimiter", "tab"]),
                records
            ),
            "\"1\"\t\"\"\n\"2\"\t\"x, y\"\n"
        );
        assert_eq!(
            convert(&["--fields", "a", "-t", "json"], records).code,
            Some(2)
        );
    });
}

#[test]
fn convert_makes_the_same_rows_on_one_core_and_on_many() {
    within(|| {
        let (mut csv, mut records) = (String::from("id,name,note\n"), String::new());
        for id in 0..60_000 {
            let name = if id % 7 == 0 { "\"a, b\"" } else { "plain" };
            let _ = writeln!(csv, "{id},{name},\"line\n{id}\"");
            let other = if id % 20_000 == 9 {
                ",\"more\":true"
            } else {
                ""
            };
            let _ = writeln!(records, "{{\"id\":{id},\"name\":\"x\"{other}}}");
        }
        let both = |args: &[&str], input: &str| {
            let one = converted(&[args, &["--threads", "1"]].concat(), input);
            let many = converted(&[args, &["--threads", "3"]].concat(), input);
            assert!(one == many, "{args:?}");
            one
        };
        assert!(both(&["-f", "csv", "-t", "csv"], &csv) == csv.replace("\"plain\"", "plain"));
        both(&["-f", "csv", "-t", "ndjson", "--infer"], &csv);
        both(&["-f", "csv", "--fields", "note,id"], &csv);
        let rows = both(
            &["-f", "ndjson", "-t", "csv", "--max-held", "64KiB"],
            &records,
        );
        assert!(rows.starts_with("id,name,more\n0,x,\n"), "{}", &rows[..40]);
    });
}

#[test]
fn convert_reads_and_writes_queries() {
    within(|| {
        assert_eq!(
            converted(&["-f", "form", "-t", "ndjson"], "https://x/?a=1&a=2+3#b\n"),
            "{\"a\":[\"1\",\"2 3\"]}\n"
        );
        assert_eq!(
            converted(
                &["-f", "json", "-t", "form"],
                "{\"a\":[1,\"é&\"],\"b\":null}"
            ),
            "a=1&a=%C3%A9%26&b=\n"
        );
        let deep = convert(&["-f", "json", "-t", "form"], "{\"a\":{}}");
        assert!(deep.stderr_text().contains("a query is flat"));
    });
}
