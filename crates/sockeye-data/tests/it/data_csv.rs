//! `csv` and `form` beside official suites and other programs.

use std::fs;
use std::path::Path;

use sockeye_data::csv::{
    Dialect, Header, Quotes, Ragged, ReadOptions, Reader, WriteOptions, Writer,
};
use sockeye_data::record::{ErrorKind, ReadRecords, WriteRecords};
use sockeye_data::value::{Object, Text, Value};
use sockeye_data::{form, json};
use sockeye_testkit::{Program, peers, within};

const SEED: u64 = 0x5eed_0c57;

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % most
    }

    fn text(&mut self, of: &[&str], most: usize) -> String {
        let length = self.below(most + 1);
        (0..length).map(|_| of[self.below(of.len())]).collect()
    }
}

/// All that matters, often.
const PIECES: [&str; 14] = [
    "\"", "\"", ",", ",", "\n", "\r", "\r\n", "a", "b", "é", " ", ";", "'", "\t",
];

fn ask(python: &Path, script: &str, lines: &[String]) -> Vec<Value> {
    let mut program = Program::start(python, ["-c", script]);
    program.write(lines.join("\n"));
    program.close_stdin();
    let output = program.wait();
    assert!(output.code == Some(0), "{}", output.stderr_text());
    let answers = output.stdout_text();
    answers
        .lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .collect()
}

fn object(members: &[(&str, Value)]) -> Value {
    let members = members.iter().cloned();
    Value::from(members.map(|(n, v)| (Text::from(n), v)).collect::<Object>())
}

fn row(cells: &[String]) -> Value {
    Value::array(
        cells
            .iter()
            .map(|cell| Value::from(cell.as_str()))
            .collect(),
    )
}

/// Rows as arrays of cells, and whether a quote stayed open.
fn rows(input: &[u8], dialect: Dialect) -> (Vec<Value>, bool) {
    let options = ReadOptions {
        dialect: Some(dialect),
        header: Header::Absent,
        ragged: Ragged::Keep,
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(input, &options);
    let mut rows = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                let object = record.as_object().unwrap();
                let cells = object.iter().map(|(_, cell)| cell.clone());
                rows.push(Value::array(cells.collect()));
            }
            Ok(None) => return (rows, false),
            Err(error) if error.kind() == ErrorKind::Truncated => return (rows, true),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn csv_spectrum_is_read_as_it_says() {
    let Some(suite) = peers::suite("csv-spectrum") else {
        return;
    };
    let mut count = 0;
    for file in fs::read_dir(suite.join("csvs")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let wanted = fs::read(suite.join("json").join(format!("{name}.json"))).unwrap();
        let mut wanted = json::parse(&wanted).unwrap();
        if name == "location_coordinates" {
            // The suite has another number here than in its CSV, and no array around.
            let text = json::to_string(&wanted).replace("1234567890", "2095257564");
            wanted = json::parse(format!("[{text}]").as_bytes()).unwrap();
        }
        let input = fs::read(&path).unwrap();
        let mut reader = Reader::new(&input[..], &ReadOptions::default());
        let read: Vec<Value> = reader.records().map(Result::unwrap).collect();
        assert_eq!(Value::array(read), wanted, "{name}");
        count += 1;
    }
    assert_eq!(count, 12, "all of csv-spectrum");
}

/// Reads each line as a question: what is in these bytes, in this dialect?
const READ: &str = r#"
import csv, io, json, sys
for line in sys.stdin:
    q = json.loads(line)
    rows = csv.reader(io.StringIO(q["text"], newline=""), delimiter=q["delimiter"], quotechar='"',
        doublequote=not q["escape"], escapechar="\\" if q["escape"] else None)
    print(json.dumps([row for row in rows if row]))
"#;

fn question(text: &str, dialect: &Dialect) -> String {
    let delimiter = char::from(dialect.delimiter).to_string();
    json::to_string(&object(&[
        ("text", text.into()),
        ("delimiter", delimiter.into()),
        ("escape", dialect.escape.is_some().into()),
    ]))
}

#[test]
fn any_text_is_read_as_python_reads_it() {
    let Some(python) = peers::python_with(&["csv"]) else {
        return;
    };
    within(move || {
        let mut random = Random(SEED);
        let dialects = [
            Dialect::CSV,
            Dialect::CSV.with_delimiter(b';'),
            Dialect::TSV,
        ];
        let cases: Vec<(String, Dialect)> = (0..2_000)
            .map(|_| (random.text(&PIECES, 24), dialects[random.below(3)]))
            .collect();
        let lines: Vec<String> = cases.iter().map(|(text, d)| question(text, d)).collect();
        let answers = ask(&python, READ, &lines);
        assert_eq!(answers.len(), cases.len());
        for ((text, dialect), answer) in cases.iter().zip(answers) {
            let (ours, is_open) = rows(text.as_bytes(), *dialect);
            let mut theirs = answer.as_array().unwrap().to_vec();
            if is_open {
                // Python takes what is left for the last row.
                theirs.truncate(ours.len());
            }
            assert_eq!(ours, theirs, "seed {SEED:#x}, {text:?} in {dialect}");
        }
    });
}

/// Cells of rows; a row with one empty cell would be none to Python.
fn any_rows(random: &mut Random) -> Vec<Vec<String>> {
    let (count, width) = (1 + random.below(4), 1 + random.below(4));
    let row = |random: &mut Random| {
        let cells = (0..width).map(|_| random.text(&PIECES, 6));
        cells.collect::<Vec<_>>()
    };
    (0..count).map(|_| row(random)).collect()
}

#[test]
fn python_reads_what_is_written() {
    let Some(python) = peers::python_with(&["csv"]) else {
        return;
    };
    within(move || {
        let mut random = Random(SEED);
        let backslash = Dialect {
            escape: Some(b'\\'),
            ..Dialect::CSV
        };
        let (mut lines, mut wanted) = (Vec::new(), Vec::new());
        for case in 0..600 {
            let dialect = [
                Dialect::CSV,
                Dialect::CSV.with_delimiter(b';'),
                Dialect::TSV,
                backslash,
            ][case % 4];
            let options = WriteOptions {
                dialect,
                crlf: case % 3 == 0,
                quotes: [Quotes::Needed, Quotes::All, Quotes::NonNumeric][random.below(3)],
                ..WriteOptions::default()
            };
            let cells = any_rows(&mut random);
            let (mut writer, mut out) = (Writer::new(&options), Vec::new());
            for cells in &cells {
                writer.write_record(&row(cells), &mut out).unwrap();
            }
            writer.finish(&mut out).unwrap();
            lines.push(question(&String::from_utf8(out).unwrap(), &dialect));
            wanted.push(Value::array(cells.iter().map(|cells| row(cells)).collect()));
        }
        let answers = ask(&python, READ, &lines);
        for ((line, wanted), answer) in lines.iter().zip(&wanted).zip(&answers) {
            assert_eq!(answer, wanted, "seed {SEED:#x}, {line}");
        }
    });
}

/// Writes the rows of each line. Python before 3.13 quotes no line ends but its own, so only `\r\n` goes without quotes around all.
const WRITE: &str = r#"
import csv, io, json, sys
for line in sys.stdin:
    q = json.loads(line)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=q["delimiter"], doublequote=not q["escape"], escapechar="\\" if q["escape"] else None,
        quoting=csv.QUOTE_MINIMAL if q["end"] == "\r\n" and not q["escape"] else csv.QUOTE_ALL, lineterminator=q["end"]).writerows(q["rows"])
    print(json.dumps(out.getvalue()))
"#;

#[test]
fn what_python_writes_is_read() {
    let Some(python) = peers::python_with(&["csv"]) else {
        return;
    };
    within(move || {
        let mut random = Random(SEED);
        let (mut lines, mut cases) = (Vec::new(), Vec::new());
        for case in 0..600 {
            let escape = case % 3 == 0;
            let dialect = Dialect {
                escape: escape.then_some(b'\\'),
                ..[Dialect::CSV, Dialect::TSV][case % 2]
            };
            let cells = any_rows(&mut random);
            let wanted = Value::array(cells.iter().map(|cells| row(cells)).collect());
            let delimiter = char::from(dialect.delimiter).to_string();
            lines.push(json::to_string(&object(&[
                ("rows", wanted.clone()),
                ("delimiter", delimiter.into()),
                ("escape", escape.into()),
                ("end", ["\r\n", "\n", "\r"][random.below(3)].into()),
            ])));
            cases.push((dialect, wanted));
        }
        for ((dialect, wanted), answer) in cases.iter().zip(ask(&python, WRITE, &lines)) {
            let text = answer.as_str().unwrap();
            let (ours, is_open) = rows(text.as_bytes(), *dialect);
            assert_eq!(
                (Value::array(ours), is_open),
                (wanted.clone(), false),
                "{text:?}"
            );
        }
    });
}

#[test]
fn rows_of_arrays_are_those_of_jq() {
    let Some(jq) = peers::jq() else {
        return;
    };
    within(move || {
        let mut random = Random(SEED);
        let pieces = ["\"", ",", "\n", "\r", "\t", "\\", "a", "é", " ", "-"];
        let records: Vec<Value> = (0..300)
            .map(|_| {
                let cells = (0..3).map(|_| match random.below(4) {
                    0 => Value::from(i64::try_from(random.below(9_999)).unwrap() - 5_000),
                    1 => Value::Null,
                    _ => Value::from(random.text(&pieces, 6)),
                });
                Value::array(cells.collect())
            })
            .collect();
        let input: Vec<String> = records.iter().map(json::to_string).collect();
        let nonnumeric = WriteOptions {
            quotes: Quotes::NonNumeric,
            ..WriteOptions::default()
        };
        let escapes = WriteOptions {
            dialect: Dialect::TSV_ESCAPES,
            ..WriteOptions::default()
        };
        for (filter, options) in [("@csv", nonnumeric), ("@tsv", escapes)] {
            let mut program = Program::start(&jq, ["-r", filter]);
            program.write(input.join("\n"));
            program.close_stdin();
            let (mut writer, mut out) = (Writer::new(&options), Vec::new());
            for record in &records {
                writer.write_record(record, &mut out).unwrap();
            }
            writer.finish(&mut out).unwrap();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                program.wait().stdout_text()
            );
        }
    });
}

/// Parses the query of each line.
const QUERIES: &str = r#"
import json, sys, urllib.parse
for line in sys.stdin:
    members = {}
    for name, value in urllib.parse.parse_qsl(json.loads(line), keep_blank_values=True):
        members.setdefault(name, []).append(value)
    print(json.dumps({name: values if len(values) > 1 else values[0] for name, values in members.items()}))
"#;

#[test]
fn queries_are_read_as_python_reads_them() {
    let Some(python) = peers::python_with(&["urllib.parse"]) else {
        return;
    };
    within(move || {
        let mut random = Random(SEED);
        let pieces = [
            "a", "b", "=", "&", "+", "%20", "%C3%A9", "%", "%4", "%ff", "é", "~", ";", "/", "a=",
            "&b=",
        ];
        let queries: Vec<String> = (0..1_000).map(|_| random.text(&pieces, 12)).collect();
        let lines: Vec<String> = queries
            .iter()
            .map(|q| json::to_string(&q.as_str().into()))
            .collect();
        let answers = ask(&python, QUERIES, &lines);
        let lossy = form::ReadOptions {
            lossy: true,
            ..form::ReadOptions::default()
        };
        let mut again = Vec::new();
        for (query, answer) in queries.iter().zip(&answers) {
            // An empty line is no record.
            let record = form::Reader::new(query.as_bytes(), &lossy)
                .next_record()
                .unwrap();
            let record = record.unwrap_or_else(|| Object::new().into());
            assert_eq!(record, *answer, "seed {SEED:#x}, {query:?}");
            again.push(json::to_string(&form::to_string(&record).unwrap().into()));
        }
        assert_eq!(ask(&python, QUERIES, &again), answers);
    });
}
