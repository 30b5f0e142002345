//! YAML, TOML, CBOR and MessagePack beside official suites and other programs.
//!
//! Values cross to other programs as one line of text each: `canonical` here and in the scripts say the same of the same value.

use std::fmt::Write as _;
use std::path::Path;

use sockeye_data::value::{Number, Object, Value};
use sockeye_testkit::Program;

mod binary;
mod toml;
mod yaml;

/// What the scripts in Python have in common.
const CANONICAL: &str = include_str!("data_structured/canonical.py");

/// Starts this script behind [`CANONICAL`], gives it these lines, and yields the lines that it wrote.
fn python(python: &Path, script: &str, lines: &[String]) -> Vec<String> {
    let mut program = Program::start(python, ["-c", &format!("{CANONICAL}\n{script}")]);
    let mut input = lines.join("\n");
    input.push('\n');
    program.write(input);
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text().lines().map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// One text for values that are the same: numbers by value, members in order of their names.
fn canonical(value: &Value) -> String {
    let mut out = String::new();
    push(&mut out, value);
    out
}

fn push(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push('n'),
        Value::Bool(bool) => out.push(if *bool { 't' } else { 'f' }),
        Value::Number(number) => push_number(out, number),
        Value::String(text) => write!(out, "s{}", hex(text.as_bytes())).unwrap(),
        Value::Bytes(bytes) => write!(out, "b{}", hex(bytes)).unwrap(),
        Value::Array(items) => {
            out.push('[');
            for item in items.iter() {
                push(out, item);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| hex(name.as_bytes()));
            out.push('{');
            for (name, value) in members {
                write!(out, "{}:", hex(name.as_bytes())).unwrap();
                push(out, value);
                out.push(',');
            }
            out.push('}');
        }
    }
}

fn push_number(out: &mut String, number: &Number) {
    let text = number.to_string();
    let float = number.as_f64();
    let is_whole = text
        .trim_start_matches('-')
        .bytes()
        .all(|b| b.is_ascii_digit());
    if float.is_nan() {
        out.push_str("nan");
    } else if float.abs() < 1e15 && float.fract() == 0.0 {
        write!(out, "i{float:.0}").unwrap();
        if out.ends_with("i-0") {
            out.truncate(out.len() - 2);
            out.push('0');
        }
    } else if is_whole && !matches!(number, Number::Float(_)) {
        write!(out, "i{text}").unwrap();
    } else {
        write!(out, "d{:016x}", float.to_bits()).unwrap();
    }
}

/// Random values of a seed, for other programs to read: with texts that some format makes something else of.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % end
    }

    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "a",
            "b c",
            "Zo\u{eb}",
            " ",
            "\n",
            "\t",
            ": ",
            " #",
            "-",
            "---",
            "...",
            "?",
            "!",
            "&x",
            "*x",
            "|",
            ">",
            "%",
            "@",
            "`",
            "'",
            "\"",
            "\\",
            "[",
            "]",
            "{",
            "}",
            ",",
            "~",
            "=",
            "<<",
            "no",
            "Yes",
            "y",
            "null",
            "true",
            ".inf",
            "0x1f",
            "0o7",
            "1e3",
            "1_0",
            "12:30:45",
            "2026-01-01",
            "\r",
            "\u{1}",
            "\u{85}",
            "\u{2029}",
            "\u{feff}",
            "\u{a0}",
            "\u{7f}",
            "\u{1d11e}",
            "007",
            "+1",
            "1.",
            ".5",
            "\u{0}",
            "\u{1b}[0m",
            "0b11",
            "-1",
            "on",
        ];
        let pieces = self.below(4);
        (0..pieces)
            .map(|_| PIECES[self.below(PIECES.len())])
            .collect()
    }

    fn number(&mut self) -> Value {
        const NUMBERS: &[&str] = &[
            "0",
            "-1",
            "42",
            "65536",
            "4294967296",
            "-9223372036854775808",
            "9223372036854775807",
            "1.5",
            "-0.25",
            "1e3",
            "1E-7",
            "1.10",
            "6.02e23",
            "3.141592653589793",
            "1e300",
            "255",
            "-129",
            "100000.5",
        ];
        let number = Number::from_json_text(NUMBERS[self.below(NUMBERS.len())]);
        Value::from(number.unwrap())
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 11 }) {
            0 => Value::Null,
            1 => Value::from(self.below(2) == 0),
            2 | 3 => self.number(),
            4..=6 => Value::from(self.text()),
            7 | 8 => {
                let items = self.below(4);
                Value::array((0..items).map(|_| self.value(depth - 1)).collect())
            }
            _ => self.object(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let members = self.below(4);
        let object = (0..members).map(|_| (self.text().into(), self.value(depth - 1)));
        Value::from(object.collect::<Object>())
    }
}
