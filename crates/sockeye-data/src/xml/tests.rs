//! Documents in, values out, and back.

use proptest::prelude::*;

use super::{
    Mapping, Namespaces, Path, ReadOptions, Reader, WriteOptions, encoding_of, parse, to_string,
};
use crate::record::{Error, ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::value::Value;

/// One byte, then two, then three, and again.
struct Trickle<'a>(&'a [u8], usize);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 3 + 1;
        let count = self.1.min(self.0.len()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Values as compact JSON, for comparisons that a person can read.
fn json(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", text.as_str()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let members = object.iter();
            let members: Vec<String> = members
                .map(|(name, value)| format!("{:?}:{}", name.as_str(), json(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

fn friendly(document: &str) -> String {
    json(&parse(document, &ReadOptions::default()).unwrap())
}

fn wrong(document: &str) -> Error {
    parse(document, &ReadOptions::default()).unwrap_err()
}

fn picked(document: &str, path: &str) -> Vec<String> {
    let options = ReadOptions {
        records: Some(Path::parse(path).unwrap()),
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(document.as_bytes(), &options);
    reader
        .records()
        .map(|value| json(&value.unwrap()))
        .collect()
}

fn lossless() -> ReadOptions {
    ReadOptions {
        mapping: Mapping::Lossless,
        ..ReadOptions::default()
    }
}

fn compact() -> WriteOptions {
    WriteOptions {
        indent: None,
        declaration: false,
        ..WriteOptions::default()
    }
}

#[test]
fn friendly_values_are_those_of_xmltodict() {
    assert_eq!(friendly("<a/>"), r#"{"a":null}"#);
    assert_eq!(friendly("<a> </a>"), r#"{"a":null}"#);
    assert_eq!(friendly("<a> x\n</a>"), r#"{"a":"x"}"#);
    assert_eq!(friendly("<a i='1'/>"), r#"{"a":{"@i":"1"}}"#);
    assert_eq!(
        friendly("<a i='1'>x</a>"),
        r##"{"a":{"@i":"1","#text":"x"}}"##
    );
    assert_eq!(
        friendly("<a><b/><c>1</c><b>2</b></a>"),
        r#"{"a":{"b":[null,"2"],"c":"1"}}"#
    );
    assert_eq!(
        friendly("<a>x<b/>y<![CDATA[<z>]]><!-- c --></a>"),
        r##"{"a":{"b":null,"#text":"xy<z>"}}"##
    );
    assert_eq!(
        friendly("<p:a xmlns:p='u'><p:b p:c='1'/></p:a>"),
        r#"{"p:a":{"@xmlns:p":"u","p:b":{"@p:c":"1"}}}"#
    );
}

#[test]
fn listed_names_are_arrays_even_if_there_is_one() {
    let options = ReadOptions {
        list: vec!["b".to_owned()],
        ..ReadOptions::default()
    };
    let value = parse("<a><b>1</b></a>", &options).unwrap();
    assert_eq!(json(&value), r#"{"a":{"b":["1"]}}"#);
    assert_eq!(friendly("<a><b>1</b></a>"), r#"{"a":{"b":"1"}}"#);
}

#[test]
fn blanks_are_kept_on_demand() {
    let options = ReadOptions {
        keep_space: true,
        ..ReadOptions::default()
    };
    let value = parse("<a> <b> x </b>\n<c> </c></a>", &options).unwrap();
    assert_eq!(json(&value), r#"{"a":{"b":" x ","c":" "}}"#);
}

#[test]
fn a_path_leads_to_records() {
    let feed = "<feed><item id='1'>a</item><x><item id='2'><t>b</t></item></x><item/></feed>";
    assert_eq!(
        picked(feed, "feed/item"),
        [r##"{"@id":"1","#text":"a"}"##, "null"]
    );
    assert_eq!(picked(feed, "/feed/*/item"), [r#"{"@id":"2","t":"b"}"#]);
    assert_eq!(picked(feed, "//item").len(), 3);
    assert_eq!(picked(feed, "//item/@id"), [r#""1""#, r#""2""#]);
    assert_eq!(picked(feed, "//@*"), [r#""1""#, r#""2""#]);
    assert_eq!(picked(feed, "//text()"), [r#""a""#, r#""b""#]);
    assert_eq!(picked(feed, "feed//t/text()"), [r#""b""#]);
    assert_eq!(picked(feed, "feed/item[2]"), ["null"]);
    assert_eq!(picked(feed, "feed/item[position() < 2]").len(), 1);
    assert_eq!(picked(feed, "//item[1]").len(), 2);
    assert_eq!(picked(feed, "//item[@id='2']/t"), [r#""b""#]);
    assert_eq!(picked(feed, "//item[not(@id)]"), ["null"]);
    assert_eq!(picked(feed, "//item[@id][@id != '1']").len(), 1);
    assert_eq!(picked(feed, "item"), [] as [&str; 0]);
    assert_eq!(
        picked("<p:a xmlns:p='u'><p:b/><b/></p:a>", "p:a/p:*").len(),
        1
    );
    assert_eq!(
        picked("<p:a xmlns:p='u'><p:b/><b/></p:a>", "*:a/*:b").len(),
        2
    );
}

#[test]
fn records_within_records_come_in_the_order_of_the_document() {
    let nested = "<a><i n='1'><i n='2'/><i n='3'>x</i></i><i n='4'/></a>";
    let numbers = picked(nested, "//i/@n");
    assert_eq!(numbers, [r#""1""#, r#""2""#, r#""3""#, r#""4""#]);
    assert_eq!(
        picked(nested, "//i"),
        [
            r##"{"@n":"1","i":[{"@n":"2"},{"@n":"3","#text":"x"}]}"##,
            r#"{"@n":"2"}"#,
            r##"{"@n":"3","#text":"x"}"##,
            r#"{"@n":"4"}"#
        ]
    );
}

#[test]
fn wrong_paths_say_where() {
    for (path, position) in [
        ("", 1),
        ("a/", 3),
        ("a[", 3),
        ("a[last()]", 3),
        ("a/@b/c", 5),
        ("a b", 3),
        ("é[@]", 4),
        ("a[@b=c]", 6),
        ("count(a)", 1),
        ("ancestor::a", 1),
        ("a[b='1']", 3),
        ("text()[1]", 7),
        ("a[position()]", 13),
    ] {
        let error = Path::parse(path).unwrap_err();
        assert_eq!(error.position(), position, "{path}: {error}");
    }
}

#[test]
fn entities_are_expanded() {
    let document = "<!DOCTYPE a [<!ENTITY x 'one &y;'><!ENTITY y '<b>&#38;lt;</b>'><!ENTITY z '1'>]>\
        <a i='&z;&lt;&#65;'>&x;&z;&#x42;</a>";
    assert_eq!(
        friendly(document),
        r##"{"a":{"@i":"1<A","b":"<","#text":"one 1B"}}"##
    );
}

#[test]
fn defaults_of_the_doctype_are_applied() {
    let document = "<!DOCTYPE a [<!ATTLIST a x CDATA 'd' y NMTOKENS #IMPLIED>]><a y='  1   2 '/>";
    assert_eq!(friendly(document), r#"{"a":{"@y":"1 2","@x":"d"}}"#);
}

#[test]
fn nothing_is_fetched() {
    let error = wrong("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("never fetched"), "{error}");
    let error = wrong("<!DOCTYPE a SYSTEM 'http://x/a.dtd'><a>&nbsp;</a>");
    assert!(error.to_string().contains("never fetched"), "{error}");
    // What is not needed is not missed.
    friendly("<!DOCTYPE a SYSTEM 'http://x/a.dtd' [<!ENTITY e SYSTEM 'x'>]><a/>");
}

#[test]
fn bombs_do_not_go_off() {
    let mut laughs = "<!DOCTYPE a [<!ENTITY l0 'lol'>".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        laughs.push_str(&format!("<!ENTITY l{level} '{inner}'>"));
    }
    let text = format!("{laughs}]><a>&l9;</a>");
    assert_eq!(wrong(&text).kind(), ErrorKind::Limit);
    let attribute = format!("{laughs}]><a b='&l9;'/>");
    assert_eq!(wrong(&attribute).kind(), ErrorKind::Limit);
    let quadratic = format!(
        "<!DOCTYPE a [<!ENTITY x '{}'>]><a>{}</a>",
        "x".repeat(20_000),
        "&x;".repeat(20_000)
    );
    assert_eq!(wrong(&quadratic).kind(), ErrorKind::Limit);
    let parameters = "<!DOCTYPE a [<!ENTITY % p '&#37;p;'>%p;]><a/>";
    assert!(wrong(parameters).to_string().contains("contains itself"));
    for recursive in ["<a>&x;</a>", "<a b='&x;'/>"] {
        let document = format!("<!DOCTYPE a [<!ENTITY x '&y;'><!ENTITY y '&x;'>]>{recursive}");
        let error = wrong(&document);
        assert!(error.to_string().contains("contains itself"), "{error}");
    }
}

#[test]
fn bounds_hold() {
    let limits = |limits| ReadOptions {
        limits,
        ..ReadOptions::default()
    };
    let kind = |document: &str, options: &ReadOptions| parse(document, options).unwrap_err().kind();
    let deep = "<a>".repeat(1_000_000);
    assert_eq!(wrong(&deep).kind(), ErrorKind::Limit);
    let three = limits(Limits {
        depth: 3,
        ..Limits::default()
    });
    assert_eq!(kind("<a><a><a><a/></a></a></a>", &three), ErrorKind::Limit);
    parse("<a><a><a/></a></a>", &three).unwrap();
    let small = limits(Limits {
        record: 10_000,
        ..Limits::default()
    });
    let large = format!("<a>{}</a>", "<b/>".repeat(3_000));
    assert_eq!(kind(&large, &small), ErrorKind::Limit);
    let picks = ReadOptions {
        records: Some(Path::parse("a/b").unwrap()),
        ..small.clone()
    };
    let mut reader = Reader::new(large.as_bytes(), &picks);
    assert_eq!(reader.records().filter(Result::is_ok).count(), 3_000);
    let comment = format!("<a><!--{}--></a>", "x".repeat(200_000));
    assert_eq!(kind(&comment, &small), ErrorKind::Limit);
    let bounds = ReadOptions {
        attributes: 2,
        name: 5,
        ..ReadOptions::default()
    };
    assert_eq!(kind("<a b='' c='' d=''/>", &bounds), ErrorKind::Limit);
    assert_eq!(kind("<abcdef/>", &bounds), ErrorKind::Limit);
    assert_eq!(kind("<a abcdef=''/>", &bounds), ErrorKind::Limit);
    parse("<abcde b='' c=''/>", &bounds).unwrap();
}

#[test]
fn errors_say_where() {
    let error = wrong("<a>\r\n  <b>\r\n x &oops; </b></a>");
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column, position.byte), (3, 4, 15));
    let error = wrong("\u{feff}<a>é\u{1}</a>");
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column, position.byte), (1, 5, 8));
    assert!(error.to_string().contains("U+0001"), "{error}");
    let error = parse(b"<a>\xff</a>", &ReadOptions::default()).unwrap_err();
    assert_eq!(error.position().unwrap().byte, 3);
    assert!(error.to_string().contains("UTF-8"), "{error}");
    assert_eq!(wrong("<a>").kind(), ErrorKind::Truncated);
    assert_eq!(wrong("<a").kind(), ErrorKind::Truncated);
    assert_eq!(wrong("").kind(), ErrorKind::Truncated);
    assert!(
        wrong("<a><b></a>")
            .to_string()
            .contains("\"</b>\" should be")
    );
}

#[test]
fn prefixes_must_be_declared_unless_they_are_ignored() {
    for document in [
        "<p:a/>",
        "<a p:b=''/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a><b xmlns:p='u'/><p:c/></a>",
    ] {
        assert_eq!(wrong(document).kind(), ErrorKind::Syntax, "{document}");
        let options = ReadOptions {
            namespaces: Namespaces::Ignore,
            ..ReadOptions::default()
        };
        parse(document, &options).unwrap();
    }
    friendly("<a xml:lang='de' xmlns:p='u'><p:b xmlns='v' p:c='' c=''/></a>");
}

#[test]
fn lossless_values_keep_everything() {
    let document = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY e 'x'>]>\n<!-- c --><a i=\"1\">t\
        <b/>u<![CDATA[<v>]]><?p q r?><!--d--></a><?z?>";
    let value = parse(document, &lossless()).unwrap();
    assert_eq!(
        json(&value),
        r##"{"#document":[{"#xml":{"version":"1.0"}},{"#doctype":"a [<!ENTITY e 'x'>]"},{"#comment":" c "},"##
            .to_owned()
            + r##"{"#element":"a","#attributes":{"i":"1"},"#children":["t",{"#element":"b"},"u",{"#cdata":"<v>"},"##
            + r##"{"#instruction":{"target":"p","data":"q r"}},{"#comment":"d"}]},{"#instruction":{"target":"z"}}]}"##
    );
    assert_eq!(
        to_string(&value, &compact()).unwrap(),
        format!("{document}\n")
    );
}

#[test]
fn friendly_values_are_written() {
    let written = |document: &str, options: &WriteOptions| {
        let value = parse(document, &ReadOptions::default()).unwrap();
        to_string(&value, options).unwrap()
    };
    let document = "<a i=\"&lt;&quot;&#10;\"><b>1&amp;</b><b/><c><d>x]]&gt;</d></c></a>\n";
    assert_eq!(written(document, &compact()), document);
    assert_eq!(
        written(document, &WriteOptions::default()),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a i=\"&lt;&quot;&#10;\">\n  <b>1&amp;</b>\n  <b/>\n  <c>\n    \
         <d>x]]&gt;</d>\n  </c>\n</a>\n"
    );
}

#[test]
fn several_records_stand_in_one_element() {
    let mut out = Vec::new();
    let mut writer = super::Writer::new(&compact());
    for text in ["<a>1</a>", "<b>2</b>"] {
        let value = parse(text, &ReadOptions::default()).unwrap();
        writer.write_record(&value, &mut out).unwrap();
    }
    writer.write_record(&Value::from(3), &mut out).unwrap();
    writer.finish(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<records><record><a>1</a></record><record><b>2</b></record><record>3</record></records>\n"
    );
    let mut out = Vec::new();
    let options = WriteOptions {
        root: Some("feed".to_owned()),
        record: Some("item".to_owned()),
        ..WriteOptions::default()
    };
    let mut writer = super::Writer::new(&options);
    let value = parse("<a>1</a>", &ReadOptions::default()).unwrap();
    writer.write_record(&value, &mut out).unwrap();
    writer.finish(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed>\n  <item>\n    <a>1</a>\n  </item>\n</feed>\n"
    );
    let mut out = Vec::new();
    super::Writer::new(&compact()).finish(&mut out).unwrap();
    assert_eq!(out, b"<records/>\n");
}

#[test]
fn what_xml_cannot_say_is_an_error_with_its_place() {
    let object = |name: &str, value: Value| Value::from_iter_one(name, value);
    for (value, place) in [
        (object("a", object("b c", Value::Null)), ".a[\"b c\"]"),
        (object("a", "\u{1}".into()), ".a"),
        (
            object(
                "a",
                object("b", Value::array(vec![Value::Null, Value::array(vec![])])),
            ),
            ".a.b[1]",
        ),
        (
            object("a", object("@b", Value::array(vec![]))),
            ".a[\"@b\"]",
        ),
        (
            object("a", object("#text", Value::array(vec![]))),
            ".a[\"#text\"]",
        ),
        (object("#element", "a b".into()), "[\"#element\"]"),
        (
            object(
                "#document",
                Value::array(vec![
                    object("#doctype", "a><b".into()),
                    object("#element", "a".into()),
                ]),
            ),
            "[\"#document\"][0][\"#doctype\"]",
        ),
        (
            object("a", object("b", object("#comment", "x".into()))),
            ".a.b",
        ),
    ] {
        let error = to_string(&value, &compact()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.to_string().ends_with(&format!("at {place}")),
            "{error}"
        );
    }
}

impl Value {
    fn from_iter_one(name: &str, value: Value) -> Value {
        Value::from(
            [(name.into(), value)]
                .into_iter()
                .collect::<crate::value::Object>(),
        )
    }
}

#[test]
fn the_encoding_of_a_document_is_told() {
    assert_eq!(encoding_of(b"<?xml version='1.0'?><a/>"), None);
    assert_eq!(
        encoding_of(b"\xef\xbb\xbf<?xml version=\"1.0\" encoding = 'utf-8' ?>"),
        Some("utf-8")
    );
    assert_eq!(encoding_of(b"<?xml version='1.0' encoding='x"), None);
    assert_eq!(encoding_of(b""), None);
}

fn events(read: impl std::io::Read, options: &ReadOptions) -> Vec<String> {
    let mut reader = Reader::new(read, options);
    let mut all = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(value)) => all.push(json(&value)),
            Ok(None) => return all,
            Err(error) => {
                all.push(error.to_string());
                return all;
            }
        }
    }
}

/// Pieces that make up documents, most of them wrong somewhere.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<a>",
        "</a>",
        "<b x='1'>",
        "</b>",
        "<c/>",
        "text",
        " ",
        "\r\n",
        "\r",
        "é€😀",
        "&lt;",
        "&e;",
        "&#x41;",
        "<!--c-->",
        "<![CDATA[x]]>",
        "]]",
        "]>",
        "<?p d?>",
        "<a b='&e;' c=\"\t\">",
        "&",
        "<",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..20).prop_map(|pieces| {
        format!(
            "<!DOCTYPE a [<!ENTITY e '<b>]]</b>&#13;'>\r\n<?x y?><!-- > -->]>\r\n<a>{}</a>",
            pieces.concat()
        )
    })
}

/// Documents as trees.
fn document() -> impl Strategy<Value = String> {
    let text = "[a-z<>&\"' \n\t\r\u{e9}\u{1f600}\\]]{0,6}".prop_map(|text: String| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\r', "&#13;")
    });
    let attribute = text.clone().prop_map(|text| text.replace('"', "&quot;"));
    let leaf = prop_oneof![
        text,
        Just("<![CDATA[a<]]>".to_owned()),
        Just("<!-- c -->".to_owned()),
        Just("<?p q?>".to_owned()),
        attribute.prop_map(|value| format!("<l x=\"{value}\" p:y='1'/>")),
    ];
    let node = leaf.prop_recursive(4, 24, 4, |inner| {
        let children = prop::collection::vec(inner, 0..4);
        ("[a-c]", children)
            .prop_map(|(name, children)| format!("<{name}>{}</{name}>", children.concat()))
    });
    prop::collection::vec(node, 0..5)
        .prop_map(|nodes| format!("<r xmlns:p='u'>{}</r>", nodes.concat()))
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(document in pieces()) {
        for options in [ReadOptions::default(), lossless(), ReadOptions {
            records: Some(Path::parse("//b").unwrap()),
            ..ReadOptions::default()
        }] {
            let whole = events(document.as_bytes(), &options);
            prop_assert_eq!(events(Trickle(document.as_bytes(), 0), &options), whole);
        }
    }

    #[test]
    fn lossless_values_come_back(document in document()) {
        let value = parse(&document, &lossless()).unwrap();
        let written = to_string(&value, &compact()).unwrap();
        prop_assert_eq!(parse(&written, &lossless()).unwrap(), value);
    }

    #[test]
    fn friendly_values_come_back(document in document()) {
        for options in [WriteOptions::default(), compact()] {
            let value = parse(&document, &ReadOptions::default()).unwrap();
            let written = to_string(&value, &options).unwrap();
            prop_assert_eq!(parse(&written, &ReadOptions::default()).unwrap(), value);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,40}") {
        let _ = events(&bytes[..], &ReadOptions::default());
        let _ = events(format!("<!DOCTYPE {text}><a>").as_bytes(), &lossless());
        let _ = events(format!("<a {text}>").as_bytes(), &lossless());
        let _ = Path::parse(&text);
        let _ = encoding_of(format!("<?xml {text}?>").as_bytes());
    }
}
