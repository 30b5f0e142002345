//! `html` beside official suites and other programs.

use std::fmt::Write as _;
use std::path::Path;

use sockeye_data::html::{Builder, Document, Element, Node, unescape};
use sockeye_data::record::Limits;
use sockeye_testkit::{Program, peers, within};

/// The tests of tree construction of html5lib (MIT, see data/html5lib/LICENSE), before they moved to web-platform-tests.
const SUITE: &str = "tests/it/data/html5lib";

/// What is otherwise, by file and number of the test: what html5ever itself does (an `<input>` in the fragment of a `<select>`), and
/// the copy of an option that browsers put into `<selectedcontent>`, which is not in the text.
const EXCEPTIONS: &[(&str, usize)] = &[
    ("tests_innerHTML_1", 75),
    ("webkit02", 44),
    ("webkit02", 45),
    ("webkit02", 46),
    ("webkit02", 47),
];

#[derive(Default)]
struct Case {
    data: String,
    fragment: Option<String>,
    scripts: Option<bool>,
    document: String,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut section = "";
    for line in text.lines() {
        match line {
            "#data" => {
                cases.push(Case::default());
                section = line;
            }
            "#errors" | "#new-errors" | "#document-fragment" | "#document" => section = line,
            "#script-on" => cases.last_mut().unwrap().scripts = Some(true),
            "#script-off" => cases.last_mut().unwrap().scripts = Some(false),
            line => {
                let case = cases.last_mut().unwrap();
                match section {
                    "#data" => {
                        case.data.push_str(line);
                        case.data.push('\n');
                    }
                    "#document-fragment" => case.fragment = Some(line.to_owned()),
                    "#document" => {
                        case.document.push_str(line);
                        case.document.push('\n');
                    }
                    _ => {}
                }
            }
        }
    }
    for case in &mut cases {
        case.data.pop();
        case.document
            .truncate(case.document.trim_end_matches('\n').len());
    }
    cases
}

/// The tree as the suite writes it.
fn dump(document: &Document) -> String {
    let mut out = String::new();
    let mut due: Vec<(usize, Node<'_>)> =
        document.children_of_root().map(|node| (0, node)).collect();
    due.reverse();
    while let Some((depth, node)) = due.pop() {
        let indent = " ".repeat(2 * depth);
        match node {
            Node::Doctype {
                name,
                public,
                system,
            } if public.is_empty() && system.is_empty() => {
                writeln!(out, "| {indent}<!DOCTYPE {name}>").unwrap();
            }
            Node::Doctype {
                name,
                public,
                system,
            } => {
                writeln!(out, "| {indent}<!DOCTYPE {name} \"{public}\" \"{system}\">").unwrap();
            }
            Node::Text(text) => writeln!(out, "| {indent}\"{text}\"").unwrap(),
            Node::Comment(text) => writeln!(out, "| {indent}<!-- {text} -->").unwrap(),
            Node::Element(element) => {
                let below = dump_element(element, &indent, &mut out);
                let children: Vec<_> = element
                    .children()
                    .map(|child| (depth + below, child))
                    .collect();
                due.extend(children.into_iter().rev());
            }
        }
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

fn dump_element(element: Element<'_>, indent: &str, out: &mut String) -> usize {
    let space = match element.namespace() {
        "html" => String::new(),
        other => format!("{other} "),
    };
    writeln!(out, "| {indent}<{space}{}>", element.tag()).unwrap();
    let foreign = element.namespace() != "html";
    let mut attributes: Vec<_> = element
        .attributes()
        .map(|(name, value)| {
            let known = ["xlink:", "xml:", "xmlns:"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
            let name = if foreign && known && !is_plain(&name) {
                name.to_string().replacen(':', " ", 1)
            } else {
                name.to_string()
            };
            (
                name.encode_utf16().collect::<Vec<_>>(),
                name,
                value.to_owned(),
            )
        })
        .collect();
    attributes.sort();
    for (_, name, value) in attributes {
        writeln!(out, "| {indent}  {name}=\"{value}\"").unwrap();
    }
    if element.tag() == "template" && !foreign {
        writeln!(out, "| {indent}  content").unwrap();
        return 2;
    }
    1
}

/// Names with a colon that are in no namespace all the same.
fn is_plain(name: &str) -> bool {
    let adjusted = [
        "xlink:actuate",
        "xlink:arcrole",
        "xlink:href",
        "xlink:role",
        "xlink:show",
        "xlink:title",
        "xlink:type",
        "xml:lang",
        "xml:space",
        "xmlns:xlink",
    ];
    !adjusted.contains(&name)
}

fn parse(case: &Case, scripts: bool) -> Document {
    let limits = Limits::default();
    let mut builder = match &case.fragment {
        Some(context) => Builder::fragment_with(context, &limits, scripts),
        None if scripts => Builder::with_scripts(&limits),
        None => Builder::new(&limits),
    };
    builder.push(&case.data).unwrap();
    builder.finish().unwrap()
}

#[test]
fn trees_are_those_of_html5lib() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(SUITE);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut right, mut wrong) = (0, Vec::new());
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "dat"))
    {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        for (number, case) in cases(&text).iter().enumerate() {
            for scripts in [false, true] {
                if case.scripts.is_some_and(|only| only != scripts) {
                    continue;
                }
                let tree = dump(&parse(case, scripts));
                if tree == case.document {
                    right += 1;
                } else if !EXCEPTIONS.contains(&(name.as_str(), number)) {
                    wrong.push(format!(
                        "{name} {number} {scripts}\n{}\nexpected\n{}\ngot\n{tree}\n",
                        case.data, case.document
                    ));
                }
            }
        }
    }
    println!("{right} trees are right");
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(right > 3_000, "{right}");
}

/// All names, and texts made of what character references are made of.
fn references() -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let pieces = [
        "&", "#", "x", "X", "3", "26", "80", "9f", ";", "amp", "not", "in", "it", "lt", "=", " ",
        "é", "copy", "0", "&notin;",
    ];
    let mut state = 0x5eed_u64;
    for _ in 0..5_000 {
        let mut text = String::new();
        for _ in 0..8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(pieces[(state % pieces.len() as u64) as usize]);
        }
        texts.push(text);
    }
    texts
}

#[test]
fn references_are_those_of_python() {
    let Some(python) = peers::python_with(&["html"]) else {
        return;
    };
    // Python leaves out numbers of characters that are not allowed; the standard, and we, keep them.
    let script = "import html, html.entities, re, sys, json\n\
        texts = json.load(sys.stdin)\n\
        texts += ['&' + n for n in html.entities.html5] + ['&' + n + 'x' for n in html.entities.html5] + ['&' + n + '=' for n in html.entities.html5]\n\
        print(json.dumps([[t, html.unescape(t)] for t in texts]))\n";
    within(move || {
        let texts = as_json(&references());
        let mut program = Program::start(&python, ["-c", script]);
        program.write(&texts);
        let answer = program.finish();
        let pairs = sockeye_data::json::parse(&answer.stdout).unwrap();
        let pairs = pairs.as_array().unwrap();
        assert!(pairs.len() > 11_000, "{}", pairs.len());
        for pair in pairs {
            let [text, expected] = pair.as_array().unwrap() else {
                panic!()
            };
            let (text, expected) = (text.as_str().unwrap(), expected.as_str().unwrap());
            let ours = unescape(text);
            let ours: String = ours.chars().filter(|c| !is_left_out(*c)).collect();
            let expected: String = expected.chars().filter(|c| !is_left_out(*c)).collect();
            assert_eq!(ours, expected, "{text}");
        }
    });
}

/// Control characters and the like, which Python does not make of numbers.
fn is_left_out(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fdd0}'..='\u{fdef}')
        || (c as u32) & 0xfffe == 0xfffe
}

fn as_json(texts: &[String]) -> String {
    let values = texts.iter().map(|text| text.as_str().into()).collect();
    sockeye_data::json::to_string(&sockeye_data::value::Value::array(values))
}
