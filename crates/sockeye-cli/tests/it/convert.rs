//! `sockeye convert`: recognising, streaming, cores, editing in place.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread;

use sockeye_testkit::{Output, Program, temporary_dir, within};

use super::{SOCKEYE, shell, sockeye};

/// `sockeye convert FLAGS...` with this standard input.
fn convert(flags: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert"].iter().chain(flags));
    let input = input.as_ref().to_vec();
    let mut stdin = program.take_stdin().unwrap();
    // Whoever does not read it all has a reason.
    let feed = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = program.finish();
    feed.join().unwrap();
    output
}

#[track_caller]
fn converts(flags: &[&str], input: impl AsRef<[u8]>, expected: &str) {
    let output = convert(flags, input);
    assert_eq!(output.stdout_text(), expected, "{}", output.stderr_text());
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
}

#[test]
fn convert_recognises_what_comes() {
    within(|| {
        converts(&["-c"], "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n");
        converts(
            &["-c", "-t", "ndjson"],
            "id;zip\n1;02134\n",
            "{\"id\":\"1\",\"zip\":\"02134\"}\n",
        );
        converts(
            &[],
            "a\tb\n1\t2\n",
            "[\n  {\n    \"a\": \"1\",\n    \"b\": \"2\"\n  }\n]\n",
        );
        converts(&["-c"], b"\xff\xfe{\0}\0", "{}\n");
        converts(
            &[
                "-t",
                "lines",
                "--media-type",
                "text/csv; charset=latin1",
                "--jq",
                ".a",
            ],
            b"a,b\n\xe9,2\n",
            "é\n",
        );
        converts(
            &["-t", "csv"],
            "[{\"a\":1},{\"b\":\"x,y\"}]",
            "a,b\n1,\n,\"x, y\"\n".replace(", y", ",y").as_str(),
        );
        converts(&[], "", "");
    });
}

#[test]
fn convert_says_what_it_recognised_and_why() {
    within(|| {
        let output = convert(&["--what"], "id;name\n1;a\n2;b\n");
        let text = output.stdout_text();
        for wanted in ["csv", "semicolons", "UTF-8", "records"] {
            assert!(text.contains(wanted), "{text}");
        }
        let output = convert(&["--what", "--json"], "{\"a\":1}\n{\"a\":\n");
        let what: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(what["type"], "what");
        assert_eq!(what["format"]["what"], "json");
        assert_eq!(what["format"]["confidence"], "likely");
        assert_eq!(what["records_tried"], 1);
        let refused = convert(&["--json"], "{}");
        assert_eq!(refused.code, Some(2));
        assert!(
            refused.stderr_text().contains("-t json"),
            "{}",
            refused.stderr_text()
        );
    });
}

#[test]
fn convert_keeps_the_order_on_many_threads() {
    within(|| {
        let mut input = String::new();
        for n in 0..9_000 {
            // Some lines take longer than others.
            let rest = "x".repeat(n % 97);
            writeln!(input, "{{\"n\":{n},\"rest\":\"{rest}\"}}").unwrap();
        }
        let expected: String = (0..9_000).step_by(3).map(|n| format!("{n}\n")).collect();
        let program = "select(.n % 3 == 0) | .n";
        for threads in ["1", "2", "7"] {
            converts(
                &["-c", "--threads", threads, "--jq", program],
                &input,
                &expected,
            );
        }
        let explained = convert(&["--threads", "3", "--explain", "--jq", program], &input);
        assert!(
            explained.stderr_text().contains("shared among 3 cores"),
            "{}",
            explained.stderr_text()
        );
        // Columns of later pieces, the brackets of one array: pieces are put together.
        let mut csv = convert(
            &[
                "--threads",
                "4",
                "-t",
                "csv",
                "--jq",
                "if .n < 8900 then {n} else {n, late: 1} end",
            ],
            &input,
        );
        let text = String::from_utf8(std::mem::take(&mut csv.stdout)).unwrap();
        assert!(text.starts_with("n,late\n0,\n1,\n"), "{}", &text[..60]);
        assert!(text.ends_with("8999,1\n"));
        let array = convert(&["--threads", "4", "-c", "--array", "--jq", ".n"], &input);
        let array: Vec<u32> = serde_json::from_slice(&array.stdout).unwrap();
        assert!(array.into_iter().eq(0..9_000));
    });
}

#[test]
fn convert_cuts_csv_between_rows() {
    within(|| {
        let mut input = String::from("id,note\n");
        for n in 0..8_000 {
            writeln!(
                input,
                "{n},\"line\nof \"\"{n}\"\", {}\"",
                "y".repeat(n % 53)
            )
            .unwrap();
        }
        let one = convert(&["--threads", "1", "-t", "ndjson"], &input);
        let many = convert(&["--threads", "3", "-t", "ndjson"], &input);
        assert_eq!(one.code, Some(0));
        assert!(one.stdout == many.stdout, "cut in the wrong places");
        assert_eq!(
            one.stdout.iter().filter(|byte| **byte == b'\n').count(),
            8_000
        );
    });
}

#[test]
fn convert_stops_at_an_error_or_skips_it() {
    within(|| {
        let input = "{\"a\":1}\n{\"a\":\n{\"a\":3}\n";
        for threads in ["1", "2"] {
            let flags = ["-f", "ndjson", "-c", "--threads", threads];
            let stopped = convert(&flags, input);
            assert_eq!(stopped.code, Some(1));
            assert_eq!(stopped.stdout_text(), "{\"a\":1}\n");
            assert!(
                stopped.stderr_text().contains("line 2"),
                "{}",
                stopped.stderr_text()
            );
            let skipped = convert(&[&flags[..], &["--on-error", "skip"]].concat(), input);
            assert_eq!(skipped.code, Some(1));
            assert_eq!(skipped.stdout_text(), "{\"a\":1}\n{\"a\":3}\n");
            assert!(
                skipped.stderr_text().contains("line 2"),
                "{}",
                skipped.stderr_text()
            );
            let program = ["--jq", "if .a == 2 then error(\"no\") else .a end"];
            let failed = convert(
                &[&flags[..], &program, &["--on-error", "skip"]].concat(),
                "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
            );
            assert_eq!(failed.stdout_text(), "1\n3\n");
            assert!(
                failed
                    .stderr_text()
                    .contains("the record at line 2: jq: no"),
                "{}",
                failed.stderr_text()
            );
        }
        let truncated = convert(&["-c", "--jq", ".[]"], "[1,2,{\"a\":");
        assert_eq!(
            (truncated.stdout_text().as_str(), truncated.code),
            ("1\n2\n", Some(1))
        );
    });
}

#[test]
fn convert_writes_what_is_there_before_it_waits() {
    within(|| {
        for flags in [&["-c"][..], &["-c", "--threads", "1"]] {
            let mut program = sockeye(["convert"].iter().chain(flags));
            program.write("{\"a\":\"first\"}\n");
            program.stdout_until("first");
            program.write("{\"a\":\"second\"}\n");
            program.stdout_until("second");
            program.close_stdin();
            assert_eq!(program.wait().code, Some(0));
        }
    });
}

#[test]
fn convert_does_not_wait_for_a_second_record_of_any_format() {
    within(|| {
        for (flags, first, second) in [
            (&["-t", "ndjson"][..], "a,b\nfirst,2\n", "second,4\n"),
            (&["-t", "yaml"], "a,b\nfirst,2\n", "second,4\n"),
            (
                &["-t", "ndjson", "--unbuffered"],
                "a\tb\nfirst\t2\n",
                "second\t4\n",
            ),
            (
                &["-c", "--jq", ".a"],
                "{\"a\":\"first\"}\n",
                "{\"a\":\"second\"}\n",
            ),
            (
                &["-c", "-f", "xml", "--records", "/r/a"],
                "<r><a>first</a>\n",
                "<a>second</a>\n",
            ),
            // Fewer bytes than the longest mark of byte order.
            (&["-f", "lines"], "1\n", "second\n"),
        ] {
            let mut program = sockeye(["convert"].iter().chain(flags));
            program.write(first);
            program.stdout_until(if first.len() < 4 { "1" } else { "first" });
            program.write(second);
            program.stdout_until("second");
            program.write(if flags.contains(&"xml") { "</r>" } else { "" });
            program.close_stdin();
            assert_eq!(program.wait().code, Some(0), "{flags:?}");
        }
    });
}

#[test]
fn convert_refuses_a_guessed_charset_where_the_format_is_utf8_and_says_it_elsewhere() {
    within(|| {
        for (flags, input) in [
            (&[][..], &b"\"\xff\""[..]),
            (&["-f", "ndjson"], b"{\"a\":1}\n\"\xff\"\n"),
            (&["-f", "yaml"], b"a: caf\xe9\n"),
            (&["-f", "toml"], b"a = \"caf\xe9\"\n"),
        ] {
            let refused = convert(flags, input);
            let why = refused.stderr_text();
            assert_eq!(refused.code, Some(1), "{flags:?} {why}");
            assert!(why.contains("byte"), "{flags:?} {why}");
            assert!(why.contains("--charset windows-1252"), "{flags:?} {why}");
        }
        converts(&["--charset", "windows-1252"], b"\"\xff\"", "\"\u{ff}\"\n");
        let said = "read as windows-1252, a guess; --charset says it";
        let guessed = convert(
            &["-t", "ndjson"],
            b"a,b\ncaf\xe9 cr\xe8me,2\nd\xe9j\xe0,4\n",
        );
        assert_eq!(guessed.code, Some(0));
        assert!(
            guessed.stdout_text().contains("café crème"),
            "{}",
            guessed.stdout_text()
        );
        assert_eq!(
            guessed.stderr_text().matches(said).count(),
            1,
            "{}",
            guessed.stderr_text()
        );
        let told = convert(
            &["-t", "ndjson", "--charset", "windows-1252"],
            b"a,b\ncaf\xe9,2\n",
        );
        assert_eq!(told.stderr_text(), "");
    });
}

#[test]
fn convert_prints_the_rows_before_a_broken_one() {
    within(|| {
        for flags in [
            &["--table"][..],
            &["-t", "csv"],
            &["-t", "csv", "--threads", "1"],
        ] {
            let output = convert(&[&["-f", "csv"], flags].concat(), "a,b\n1,kept\n2");
            assert_eq!(output.code, Some(1), "{flags:?}");
            assert!(output.stdout_text().contains("kept"), "{flags:?}");
            assert!(
                output.stderr_text().contains("line 3"),
                "{}",
                output.stderr_text()
            );
        }
    });
}

#[test]
fn convert_spreads_arrays_and_not_objects() {
    within(|| {
        converts(
            &["-t", "ndjson"],
            "[1,{\"a\":2}] {\"b\":3}\n",
            "1\n{\"a\":2}\n{\"b\":3}\n",
        );
        converts(&["-t", "ndjson"], "[]", "");
        converts(&["-t", "csv"], "[{\"a\":1}] {\"a\":2}", "a\n1\n2\n");
        // More than what is looked at first.
        let blanks = " ".repeat(100_000);
        converts(
            &["-t", "ndjson"],
            format!("[1,{blanks}2] {{\"b\":3}} 4 [5]"),
            "1\n2\n{\"b\":3}\n4\n5\n",
        );
    });
}

#[test]
fn convert_says_that_cells_look_like_formulas() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("out.csv");
        let path = path.to_str().unwrap();
        let output = convert(&["-o", path], "{\"a\":\"=1+1\"}");
        assert_eq!(output.code, Some(0));
        assert!(
            output.stderr_text().contains("--excel-safe"),
            "{}",
            output.stderr_text()
        );
        for flags in [&["-o", path, "--excel-safe"][..], &["-t", "csv"]] {
            let quiet = convert(flags, "{\"a\":\"=1+1\"}");
            assert_eq!(quiet.stderr_text(), "", "{flags:?}");
        }
    });
}

#[test]
fn convert_ends_quietly_when_nobody_reads_and_loudly_when_the_disk_is_full() {
    within(|| {
        let script = "yes '{\"a\":1}' | \"$S\" convert -c $1 | head -n 1; echo ${PIPESTATUS[1]}";
        for threads in ["--threads=1", "--threads=2"] {
            let output = shell(script, &[threads]);
            assert!(
                output.stdout_text().starts_with("{\"a\":1}\n"),
                "{}",
                output.stdout_text()
            );
            assert_eq!(output.stderr_text(), "");
        }
        let full = shell("yes 1 | head -n 300000 | \"$S\" convert > /dev/full", &[]);
        assert_eq!(full.code, Some(8));
        assert!(
            full.stderr_text().contains("no space left"),
            "{}",
            full.stderr_text()
        );
    });
}

#[test]
fn convert_edits_in_place_or_leaves_the_file_as_it_was() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("config.json");
        let name = path.to_str().unwrap();
        fs::write(&path, "{\"version\":1}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        converts(
            &["-i", "--backup", ".bak", "--jq", ".version = 2", "-c", name],
            "",
            "",
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":2}\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let backup = dir.path().join("config.json.bak");
        assert_eq!(fs::read_to_string(backup).unwrap(), "{\"version\":1}");

        let failed = convert(&["-i", "--jq", "error(\"no\")", name], "");
        assert_eq!(failed.code, Some(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":2}\n");

        let link = dir.path().join("link.json");
        symlink(&path, &link).unwrap();
        let refused = convert(&["-i", "--jq", "1", link.to_str().unwrap()], "");
        assert_eq!(refused.code, Some(2));
        assert!(
            refused.stderr_text().contains("--follow"),
            "{}",
            refused.stderr_text()
        );
        converts(
            &["-i", "--follow", "--jq", ".version", link.to_str().unwrap()],
            "",
            "",
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["config.json", "config.json.bak", "link.json"]);
    });
}

#[test]
fn convert_writes_files_whole_in_the_format_of_their_name() {
    within(|| {
        let dir = temporary_dir();
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        converts(&["-o", &at("out.json")], "a,b\n1,2\n", "");
        let text = fs::read_to_string(at("out.json")).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap()[0]["b"],
            "2"
        );
        converts(&["-o", &at("out.csv.gz"), &at("out.json")], "", "");
        converts(
            &["-t", "ndjson", &at("out.csv.gz")],
            "",
            "{\"a\":\"1\",\"b\":\"2\"}\n",
        );
        let failed = convert(&["-o", &at("out.json")], "{\"a\":1}x");
        assert_eq!(failed.code, Some(1));
        assert_eq!(fs::read_to_string(at("out.json")).unwrap(), text);
    });
}

#[test]
fn convert_reads_several_files_in_their_order() {
    within(|| {
        let dir = temporary_dir();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (one, two, three) = (
            write("1.csv", "a\n1\n"),
            write("2.json", "{\"a\":2}"),
            write("3.ndjson", "{\"a\":3}\n{\"a\":4}\n"),
        );
        let program = "[.a, (input_filename | split(\"/\") | last)]";
        for threads in ["1", "2"] {
            converts(
                &[
                    "-c",
                    "--threads",
                    threads,
                    "--jq",
                    program,
                    &one,
                    &two,
                    &three,
                ],
                "",
                "[\"1\",\"1.csv\"]\n[2,\"2.json\"]\n[3,\"3.ndjson\"]\n[4,\"3.ndjson\"]\n",
            );
        }
        converts(
            &["-n", "-c", "--jq", "[inputs.a]", &one, &two],
            "",
            "[\"1\",2]\n",
        );
    });
}

/// Whether the command needs little memory for much of `item`, between `open` and `close`.
fn needs_little_memory(flags: &'static [&str], [open, item, close]: [&'static str; 3]) {
    within(move || {
        let mut program = Program::start(SOCKEYE, ["convert"].iter().chain(flags));
        let mut stdin = program.take_stdin().unwrap();
        let block = item.repeat((1 << 20) / item.len());
        stdin.write_all(open.as_bytes()).unwrap();
        for _ in 0..4 {
            stdin.write_all(block.as_bytes()).unwrap();
        }
        // It has read all but what the pipe holds, and still runs.
        let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
        let figure = |name| -> u64 {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        // Of what it needs itself; how large the program is depends on how it was built.
        let peak = figure("VmHWM:") - figure("RssFile:");
        assert!(peak < 32 << 10, "{peak} kB with {flags:?}");
        stdin.write_all(close.as_bytes()).unwrap();
        drop(stdin);
        let output = program.finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    });
}

#[test]
fn convert_needs_the_memory_of_one_element_of_an_array() {
    needs_little_memory(
        &["-c", "--jq", ".[] | select(.n == -1)"],
        ["[", "{\"n\":1,\"text\":\"0123456789\"},\n", "{}]"],
    );
}

#[test]
fn convert_needs_the_memory_of_some_lines() {
    needs_little_memory(
        &["-t", "csv", "--jq", "select(.n == -1)"],
        ["", "{\"n\":1,\"text\":\"0123456789\"}\n", ""],
    );
}

#[test]
fn convert_needs_the_memory_of_some_rows() {
    needs_little_memory(
        &["-t", "ndjson", "--jq", "select(.n == \"x\")"],
        ["n,text\n", "1,0123456789\n", ""],
    );
}

#[test]
fn convert_says_how_it_is_done() {
    within(|| {
        let explained = |flags: &[&str], input: &str| {
            convert(&[&["--explain"], flags].concat(), input).stderr_text()
        };
        let streamed = explained(&["--jq", ".[] | .a"], "[{\"a\":1}]");
        assert!(
            streamed.contains("streamed: only the elements of .[] are built"),
            "{streamed}"
        );
        let whole = explained(&["--jq", "length"], "[{\"a\":1}]");
        assert!(whole.contains("built whole because"), "{whole}");
        let slurped = explained(&["-s", "--jq", "length"], "1 2");
        assert!(
            slurped.contains("-s wants all records in one array"),
            "{slurped}"
        );
    });
}
