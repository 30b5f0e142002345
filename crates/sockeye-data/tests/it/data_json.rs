//! `json` beside official suites and other programs: JSONTestSuite, Python's json, jq.

use std::fmt::Write as _;
use std::path::Path;

use sockeye_data::json::{self, InvalidText, Layout, ReadOptions, WriteOptions, Writer};
use sockeye_data::record::WriteRecords as _;
use sockeye_data::value::Value;
use sockeye_testkit::{Program, peers, within};

/// Cases of the suite that the package has lost: what was no UTF-8 in them is U+FFFD now, so that they are valid.
const LOST: [&str; 3] = [
    "n_string_invalid_utf8_after_escape.json",
    "n_string_invalid-utf-8-in-escape.json",
    "n_object_lone_continuation_byte_in_key_and_trailing_comma.json",
];

/// Of the cases that the suite leaves open, those that we refuse: halves of characters, UTF-16, and what is no UTF-8. All others we
/// read.
const REFUSED: [&str; 13] = [
    "i_object_key_lone_2nd_surrogate.json",
    "i_string_1st_surrogate_but_2nd_missing.json",
    "i_string_1st_valid_surrogate_2nd_invalid.json",
    "i_string_UTF-16LE_with_BOM.json",
    "i_string_incomplete_surrogate_and_escape_valid.json",
    "i_string_incomplete_surrogate_pair.json",
    "i_string_incomplete_surrogates_escape_valid.json",
    "i_string_invalid_lonely_surrogate.json",
    "i_string_invalid_surrogate.json",
    "i_string_inverted_surrogates_U+1D11E.json",
    "i_string_lone_second_surrogate.json",
    "i_string_utf16BE_no_BOM.json",
    "i_string_utf16LE_no_BOM.json",
];

#[test]
fn the_official_suite_is_read_as_it_says() {
    let (Some(suite), Some(node)) = (peers::suite("json-test-suite"), peers::node()) else {
        return;
    };
    within(move || {
        let module = std::fs::canonicalize(suite.join("index.js")).unwrap();
        let script = format!(
            "import({:?}).then(suite => process.stdout.write(JSON.stringify(suite.parsing)))",
            module.to_str().unwrap()
        );
        let output = Program::start(node, ["-e", &script]).finish();
        let cases = json::parse(&output.stdout).unwrap();
        let (mut wrong, mut refused, mut counts) = (Vec::new(), Vec::new(), [0; 3]);
        for case in cases.as_array().unwrap() {
            let name = case.get("name").and_then(Value::as_str).unwrap();
            let input = case.get("input").and_then(Value::as_str).unwrap();
            let read = json::parse(input.as_bytes()).is_ok();
            match (name.as_bytes()[0], read) {
                (b'y', true) => counts[0] += 1,
                (b'n', false) => counts[1] += 1,
                (b'y' | b'n', _) if !LOST.contains(&name) => wrong.push(name.to_owned()),
                (b'i', false) => refused.push(name.to_owned()),
                _ => counts[2] += 1,
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(refused, REFUSED);
        assert!(counts[0] >= 90 && counts[1] >= 180, "{counts:?}");
    });
}

fn next(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from((*state >> 11) % below as u64).unwrap()
}

const NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "1",
    "-12",
    "1.10",
    "-0.5e-3",
    "1E5",
    "2e+08",
    "123456789012345678901234567890",
    "9007199254740993",
    "-9223372036854775808",
    "9223372036854775808",
    "1e400",
    "0.1",
];
const TEXTS: [&str; 9] = [
    "a",
    "",
    "name with blanks",
    "é€😀",
    "\\u00e9\\ud83d\\ude00",
    "\\\"\\\\\\/\\b\\f\\n\\r\\t",
    "\\u0000\u{7f}",
    "ein langer Text, der nicht an Ort und Stelle passt",
    "b",
];

/// A document with these numbers.
fn document(numbers: &[&str], state: &mut u64, depth: usize, out: &mut String) {
    let space = ["", "", "", " ", "\n\t", "\r\n"][next(state, 6)];
    out.push_str(space);
    match next(state, if depth == 0 { 4 } else { 7 }) {
        0 => out.push_str(["true", "false", "null"][next(state, 3)]),
        1 => out.push_str(numbers[next(state, numbers.len())]),
        2 | 3 => write!(out, "\"{}\"", TEXTS[next(state, TEXTS.len())]).unwrap(),
        4 => {
            out.push('[');
            for place in 0..next(state, 5) {
                out.push_str(if place == 0 { "" } else { "," });
                document(numbers, state, depth - 1, out);
            }
            out.push_str(space);
            out.push(']');
        }
        _ => {
            out.push('{');
            for place in 0..next(state, 5) {
                out.push_str(if place == 0 { space } else { ", " });
                write!(out, "\"{}\"{space}:", TEXTS[next(state, TEXTS.len())]).unwrap();
                document(numbers, state, depth - 1, out);
            }
            out.push('}');
        }
    }
    out.push_str(space);
}

/// The same with a byte more, less or other.
fn mutated(text: &str, state: &mut u64) -> Vec<u8> {
    const BYTES: &[u8] = b"\"\\{}[]:, \n\t0123eE+-.tfnu/'#aNI\x00\x1f\x7f\x80\xc3\xed\xff";
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=next(state, 2) {
        let at = next(state, bytes.len() + 1);
        let byte = BYTES[next(state, BYTES.len())];
        match next(state, 3) {
            0 if at < bytes.len() => drop(bytes.remove(at)),
            1 if at < bytes.len() => bytes[at] = byte,
            _ => bytes.insert(at, byte),
        }
    }
    bytes
}

/// What a program says to these lines.
fn ask(program: &Path, args: &[&str], lines: String) -> Vec<u8> {
    let mut program = Program::start(program, args);
    let mut stdin = program.take_stdin().unwrap();
    // Answers come back while questions still go out.
    let writer =
        std::thread::spawn(move || std::io::Write::write_all(&mut stdin, lines.as_bytes()));
    let output = program.finish();
    writer.join().unwrap().unwrap();
    assert!(output.stderr_text().is_empty(), "{}", output.stderr_text());
    output.stdout
}

/// Python's answer to a document in hexadecimal digits: the value, or nothing. NaN and the infinities, which Python reads, are
/// refused here, as RFC 8259 says.
const PYTHON: &str = "
import json, sys
def no(word): raise ValueError(word)
for line in sys.stdin:
    try:
        text = bytes.fromhex(line.strip()).decode('utf-8').removeprefix('\\ufeff')
        print(json.dumps(json.loads(text, parse_constant=no)))
    except ValueError:
        print('')
";

#[test]
fn python_reads_the_same_values_and_refuses_the_same() {
    let Some(python) = peers::python_with(&["json"]) else {
        return;
    };
    within(move || {
        let mut state = 0x5eed_1507;
        let mut cases = Vec::new();
        for _ in 0..1_200 {
            let mut text = String::new();
            document(&NUMBERS, &mut state, 4, &mut text);
            cases.push(mutated(&text, &mut state));
            cases.push(text.into_bytes());
        }
        let mut lines = String::new();
        for case in &cases {
            for byte in case {
                write!(lines, "{byte:02x}").unwrap();
            }
            lines.push('\n');
        }
        let answers = ask(&python, &["-c", PYTHON], lines);
        let answers = String::from_utf8(answers).unwrap();
        assert_eq!(answers.lines().count(), cases.len());
        let replace = ReadOptions {
            invalid_text: InvalidText::Replace,
            ..ReadOptions::default()
        };
        let mut accepted = 0;
        for (case, answer) in cases.iter().zip(answers.lines()) {
            let shown = String::from_utf8_lossy(case);
            let ours = json::parse(case);
            if answer.is_empty() {
                assert!(ours.is_err(), "Python refuses {shown}");
                continue;
            }
            // Python lets halves of surrogate pairs pass, and writes them so that only we see them.
            let answer = answer.replace("Infinity", "1e999");
            let Ok(theirs) = json::parse(answer.as_bytes()) else {
                assert!(ours.is_err(), "half a character is refused: {shown}");
                let ours = json::parse_with(case, &replace).unwrap();
                assert_eq!(ours, json::parse_with(answer.as_bytes(), &replace).unwrap());
                continue;
            };
            accepted += 1;
            let ours = ours.unwrap_or_else(|error| panic!("{error}: {shown}"));
            assert_eq!(ours, theirs, "{shown}");
            // And what we write reads back.
            let written = json::to_string(&ours);
            assert_eq!(json::parse(written.as_bytes()).unwrap(), ours, "{shown}");
        }
        assert!(
            accepted > 1_200 && accepted < cases.len() - 300,
            "{accepted}"
        );
    });
}

#[test]
fn floats_are_written_as_jq_writes_them() {
    let Some(jq) = peers::jq() else {
        return;
    };
    within(move || {
        let mut state = 0x5eed_f10a;
        let mut floats = vec![
            0.0,
            -0.0,
            1.0,
            3.0,
            -1.5,
            0.1,
            1e-4,
            1.7e-4,
            1e-5,
            1.234e-5,
            1e15,
            1e16,
            1e17,
            1.5e17,
            1e18,
            1e19,
            123_456_789_012_345_680.0,
            1e300,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            1e-300,
            100_000.0,
            12_345_678.9,
            1e22,
            0.3,
            2.0_f64.powi(53),
            2.0_f64.powi(64),
        ];
        for _ in 0..1_000 {
            let any = f64::from_bits((next(&mut state, usize::MAX) as u64) << 1);
            let near =
                next(&mut state, 10_000_000) as f64 / 10_f64.powi(next(&mut state, 25) as i32 - 10);
            floats.extend([any, near].into_iter().filter(|float| float.is_finite()));
        }
        let mut question = String::from("[");
        for (place, float) in floats.iter().enumerate() {
            write!(question, "{}{float:e}", if place == 0 { "" } else { "," }).unwrap();
        }
        question.push(']');
        let theirs = ask(&jq, &["-c", ".[]"], question);
        let mut ours = Vec::new();
        for float in floats {
            json::write_float(float, &mut ours);
            ours.push(b'\n');
        }
        assert_eq!(lines(&ours), lines(&theirs));
    });
}

#[test]
fn documents_are_laid_out_as_jq_does_it() {
    let Some(jq) = peers::jq() else {
        return;
    };
    within(move || {
        let layouts: [(&[&str], WriteOptions); 5] = [
            (&["-c"], WriteOptions::default()),
            (&[], with_layout(Layout::Indent(2))),
            (
                &["--tab", "-S"],
                WriteOptions {
                    sorted: true,
                    ..with_layout(Layout::Tab)
                },
            ),
            (&["--indent", "7"], with_layout(Layout::Indent(7))),
            (
                &["-a", "-c", "-S"],
                WriteOptions {
                    sorted: true,
                    ascii: true,
                    ..WriteOptions::default()
                },
            ),
        ];
        let mut state = 0x5eed_1a10;
        let mut question = String::new();
        for _ in 0..150 {
            // Large numbers are floats in jq 1.6.
            document(&["0", "-7", "1.5"], &mut state, 4, &mut question);
            question.push('\n');
        }
        let mut reader = json::Reader::new(question.as_bytes(), &ReadOptions::default());
        let mut values = Vec::new();
        while let Some(value) = sockeye_data::record::ReadRecords::next_record(&mut reader).unwrap()
        {
            values.push(value);
        }
        for (args, options) in layouts {
            let theirs = ask(&jq, &[args, &["."]].concat(), question.clone());
            let mut writer = Writer::new(&options);
            let mut ours = Vec::new();
            for value in &values {
                writer.write_record(value, &mut ours).unwrap();
            }
            writer.finish(&mut ours).unwrap();
            let (ours, theirs) = (lines(&ours), lines(&theirs));
            let other = ours
                .iter()
                .zip(&theirs)
                .find(|(ours, theirs)| ours != theirs);
            assert!(
                other.is_none() && ours.len() == theirs.len(),
                "{args:?}: {other:?}"
            );
        }
    });
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().map(str::to_owned).collect()
}

fn with_layout(layout: Layout) -> WriteOptions {
    WriteOptions {
        layout,
        ..WriteOptions::default()
    }
}
