//! HTML: selectors, text, tables, entities, bounds.

use proptest::prelude::*;

use super::*;
use crate::json;
use crate::record::{ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::value::Value;

fn page(text: &str) -> Document {
    Document::parse(text).expect("a small document")
}

fn picked(html: &str, css: &str) -> Vec<String> {
    let document = page(html);
    let selector = Selector::parse(css).unwrap_or_else(|error| panic!("{css}: {error}"));
    document
        .select(&selector)
        .map(|element| element.attribute("id").unwrap_or(element.tag()).to_owned())
        .collect()
}

fn records(html: &str, options: &ReadOptions) -> Vec<String> {
    let mut reader = Reader::new(html.as_bytes(), options);
    reader
        .records()
        .map(|record| json::to_string(&record.expect("a record")))
        .collect()
}

fn table(html: &str, options: TableOptions) -> Vec<String> {
    let options = ReadOptions {
        pick: Pick::Table(1, None),
        table: options,
        ..ReadOptions::default()
    };
    records(html, &options)
}

#[test]
fn a_document_can_go_to_another_thread() {
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<Document>();
    assert_send_and_sync::<Reader<std::io::Empty>>();
}

const LIST: &str = "<ul id=u><li id=a class=x><b id=b>1</b><li id=c><li id=d class='x y'><li id=e class=X>5</ul>\
    <p id=p lang=en title='a b'>t</p><input id=i type=TEXT disabled>";

#[test]
fn selectors_of_css_4_pick_what_browsers_pick() {
    let cases: &[(&str, &[&str])] = &[
        ("li", &["a", "c", "d", "e"]),
        ("#a, #p, li:first-child", &["a", "p"]),
        (".x", &["a", "d"]),
        ("li:nth-child(2 of .x)", &["d"]),
        ("li:nth-last-child(1 of .x)", &["d"]),
        ("li:nth-child(2n+1)", &["a", "d"]),
        ("li:has(b)", &["a"]),
        ("li:has(+ .x)", &["c"]),
        ("li:has(~ .X)", &["a", "c", "d"]),
        ("ul:has(> li > b) + p", &["p"]),
        ("ul:has(> b)", &[]),
        (":is(ul, ol) > :not(.x, :has(b))", &["c", "e"]),
        (":where(#a) b", &["b"]),
        ("li:empty", &["c", "d"]),
        ("ul ~ p", &["p"]),
        ("[title~=b]", &["p"]),
        ("[title='A B' i]", &["p"]),
        ("[lang|=en]", &["p"]),
        ("[type=text]", &["i"]),
        ("INPUT:disabled", &["i"]),
        ("li:contains('5')", &["e"]),
        (":root", &["html"]),
        ("html|p, svg|p", &["p"]),
        ("li:only-child", &[]),
        ("li:last-of-type", &["e"]),
    ];
    let html = format!("<!doctype html>{LIST}");
    for (css, expected) in cases {
        assert_eq!(picked(&html, css), *expected, "{css}");
    }
}

#[test]
fn classes_have_no_case_where_old_browsers_had_none() {
    assert_eq!(picked(LIST, ".x"), ["a", "d", "e"]);
}

#[test]
fn what_is_below_an_element_is_selected_with_its_scope() {
    let html = format!("<!doctype html>{LIST}");
    let document = page(&html);
    let list = document.first("ul").expect("a list");
    let selector = Selector::parse(":scope > li.x").expect("a selector");
    assert_eq!(list.select(&selector).count(), 2);
}

#[test]
fn wrong_selectors_say_where_and_what_to_try() {
    let cases = [
        ("", "a selector is missing at byte 0"),
        ("a >", "a combinator has nothing behind it at byte 3"),
        ("td:nth-chld(2)", "no such pseudo-class at byte 2"),
        ("a::before", "no such pseudo-class at byte 2"),
        ("a[href=/x]", "the attribute is not written right"),
        ("p:has(b:has(i))", "no such pseudo-class at byte 7"),
        (":is(a, :nope)", "no such pseudo-class at byte 7"),
        ("x|a", "no such namespace"),
    ];
    for (css, expected) in cases {
        let error = Selector::parse(css).expect_err(css);
        assert!(error.to_string().starts_with(expected), "{css}: {error}");
        assert!(!error.hint().is_empty());
    }
    assert!(Selector::parse(&":not(".repeat(40)).is_err());
    assert!(Selector::parse(&"a,".repeat(40_000)).is_err());
}

#[test]
fn text_is_what_a_browser_shows() {
    let cases = [
        ("<p>a\n b<p>c", "a b\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("a <b> b </b> c", "a b c"),
        ("<pre>\n a\n  b</pre>c", " a\n  b\nc"),
        (
            "<script>x</script><style>y</style>a<template>z</template>",
            "a",
        ),
        (
            "a<span hidden>b</span><i style='color:red; DISPLAY : none'>c</i>",
            "a",
        ),
        (
            "<table><tr><td>a<td><p>b</p><tr><td><td>d</table>",
            "a\tb\n\td",
        ),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("x&nbsp;&nbsp;y", "x\u{a0}\u{a0}y"),
        ("<title>t</title><noscript>a<b>b</b></noscript>", "ab"),
        ("<h1>a</h1>\n<p>b</p>\n", "a\n\nb"),
    ];
    for (html, expected) in cases {
        assert_eq!(page(html).text(), expected, "{html}");
    }
}

#[test]
fn the_text_of_a_cell_is_its_own() {
    let document = page("<table><tr><td>a<td>b</table>");
    let cell = document.first("td").expect("a cell");
    assert_eq!(cell.text(), "a");
}

#[test]
fn entities_follow_the_rules_of_html() {
    let cases = [
        ("&notin; &notit; &not", "∉ ¬it; ¬"),
        (
            "&#x80;&#128;&#0;&#xD800;&#x110000;",
            "€€\u{fffd}\u{fffd}\u{fffd}",
        ),
        ("&#38 &#x26; &#; &#x; & &&amp;", "& & &#; &#x; & &&"),
        ("&NotEqualTilde;", "≂\u{338}"),
        ("&#99999999999999999999;", "\u{fffd}"),
        ("&AMP&amp", "&&"),
        ("&nosuch;", "&nosuch;"),
    ];
    for (text, expected) in cases {
        assert_eq!(unescape(text), expected, "{text}");
        assert_eq!(page(&format!("<body>{text}")).text(), expected, "{text}");
    }
    assert_eq!(
        unescape_attribute("?a=1&copy=2&lt;&ltx&lt"),
        "?a=1&copy=2<&ltx<"
    );
    assert_eq!(unescape("plain").len(), 5);
}

#[test]
fn tables_are_records_with_spans_filled() {
    let html = "<table><caption>C</caption><thead><tr><th colspan=2>a<th>b</thead>\
        <tr><td rowspan=2>1<td colspan=2>2<br>x<tr><td>3<td><table><tr><td>in<td>ner</table></table>";
    let filled = [
        r#"{"a":"1","a_2":"2\nx","b":"2\nx"}"#,
        r#"{"a":"1","a_2":"3","b":"in\tner"}"#,
    ];
    assert_eq!(table(html, TableOptions::default()), filled);
    let blank = TableOptions {
        span: Span::Blank,
        ..TableOptions::default()
    };
    assert_eq!(
        table(html, blank),
        [
            r#"{"a":"1","a_2":"2\nx","b":""}"#,
            r#"{"a":"","a_2":"3","b":"in\tner"}"#
        ]
    );
    assert_eq!(page(html).tables().count(), 2);
    assert_eq!(
        page(html)
            .tables()
            .next()
            .and_then(|table| table.caption())
            .as_deref(),
        Some("C")
    );
}

#[test]
fn names_of_columns_are_found() {
    let rows = |html: &str, header| {
        table(
            html,
            TableOptions {
                header,
                ..TableOptions::default()
            },
        )
    };
    let plain = "<table><tr><td>a<td><td>a<tr><td>1<td>2<td>3<tr><td>4</table>";
    assert_eq!(
        rows(plain, Header::Auto),
        [
            r#"{"a":"1","column 2":"2","a_2":"3"}"#,
            r#"{"a":"4","column 2":null,"a_2":null}"#
        ]
    );
    assert_eq!(rows(plain, Header::None)[0], r#"["a","","a"]"#);
    let two = "<table><tr><th rowspan=2>y<th colspan=2>q<tr><th>1<th>2<tr><td>a<td>b<td>c</table>";
    assert_eq!(
        rows(two, Header::Auto),
        [r#"{"y":"a","q 1":"b","q 2":"c"}"#]
    );
    let sideways = "<table><tr><th>name<td>x<tr><th>age<td>5</table>";
    assert_eq!(
        rows(sideways, Header::Auto),
        [r#"["name","x"]"#, r#"["age","5"]"#]
    );
    assert_eq!(rows(sideways, Header::First), [r#"{"name":"age","x":"5"}"#]);
    assert!(rows("<table></table>", Header::Auto).is_empty());
}

#[test]
fn links_of_cells_stand_beside_them() {
    let html = "<base href=https://h/d/><table><tr><th>n<th>v<tr><td><a href=x>X</a> <a href=/y>Y</a><td>1</table>";
    let links = TableOptions {
        links: true,
        ..TableOptions::default()
    };
    assert_eq!(
        table(html, links),
        [r#"{"n":"X Y","n href":"https://h/d/x\nhttps://h/y","v":"1"}"#]
    );
}

#[test]
fn spans_are_bounded_as_the_standard_says_and_by_cells() {
    let html =
        "<table><tr><td colspan=65534>a<tr><td rowspan=0>b<tr><td>c<tr><td colspan=-1>d</table>";
    let rows = table(
        html,
        TableOptions {
            header: Header::None,
            ..TableOptions::default()
        },
    );
    let first: Value = json::parse(rows[0].as_bytes()).expect("JSON");
    assert_eq!(first.as_array().map(<[Value]>::len), Some(1_000));
    let last: Value = json::parse(rows[3].as_bytes()).expect("JSON");
    let start: Vec<_> = last.as_array().expect("a row")[..3]
        .iter()
        .map(Value::as_str)
        .collect();
    assert_eq!(start, [Some("b"), Some("d"), None]);
    let few = TableOptions {
        cells: 3_999,
        ..TableOptions::default()
    };
    let document = page(html);
    let error = document
        .tables()
        .next()
        .expect("a table")
        .records(&few, None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let bomb = format!(
        "<table>{}",
        "<tr><td colspan=1000 rowspan=60000>x".repeat(20_000)
    );
    let document = page(&bomb);
    let error = document.tables().next().expect("a table");
    assert!(error.records(&TableOptions::default(), None).is_err());
}

#[test]
fn what_is_asked_of_elements_is_given() {
    let html = "<base href='https://h/d/'><a href='x?a&amp;b' srcset='a.png 1x, /b,c.png 2x'>t <b>u</b></a><a>v</a>";
    let ask = |get: &[&str]| {
        let options = ReadOptions {
            pick: Pick::Select("a".parse().expect("a selector")),
            get: get.iter().filter_map(|get| get.parse().ok()).collect(),
            ..ReadOptions::default()
        };
        records(html, &options)
    };
    assert_eq!(ask(&["href"]), [r#""https://h/d/x?a&b""#]);
    assert_eq!(ask(&["text"]), [r#""t u""#, r#""v""#]);
    assert_eq!(ask(&["inner-html"])[0], r#""t <b>u</b>""#);
    assert_eq!(
        ask(&["srcset"]),
        [r#""https://h/d/a.png 1x, https://h/b,c.png 2x""#]
    );
    assert_eq!(ask(&["tag", "href"])[1], r#"{"tag":"a","href":null}"#);
    assert_eq!(
        ask(&[])[1],
        r#"{"tag":"a","attributes":{},"text":"v","html":"<a>v</a>"}"#
    );
}

#[test]
fn links_and_tables_are_listed() {
    let html = "<a href=/x rel=next>X</a><a name=n>no</a><map><area href=/y alt=Y></map><table><tr><th>c<tr><td>1</table>";
    let list = |pick| {
        let options = ReadOptions {
            pick,
            base: Some("https://h/".to_owned()),
            ..ReadOptions::default()
        };
        records(html, &options)
    };
    assert_eq!(
        list(Pick::Links),
        [
            r#"{"href":"https://h/x","text":"X","rel":"next"}"#,
            r#"{"href":"https://h/y","text":"Y","rel":null}"#
        ]
    );
    assert_eq!(
        list(Pick::Tables),
        [r#"{"table":1,"caption":null,"columns":["c"],"rows":1}"#]
    );
    let error = Reader::new(
        html.as_bytes(),
        &ReadOptions {
            pick: Pick::Table(2, None),
            ..ReadOptions::default()
        },
    )
    .next_record()
    .unwrap_err();
    assert_eq!(error.to_string(), "html: there is no table 2, only table 1");
}

#[test]
fn deep_documents_stay_within_a_small_stack() {
    let deep = format!("<span id=top>{}x", "<span class=x>".repeat(40_000));
    let work = move || {
        let limits = Limits {
            depth: 80_000,
            ..Limits::default()
        };
        let document = Document::parse_within(&deep, &limits).expect("within the bounds");
        for css in [
            "span:has(> p)",
            "span span:nth-child(2 of .x)",
            "#top:has(p)",
            "#top:contains(y)",
        ] {
            let selector = Selector::parse(css).expect("a selector");
            assert!(document.select(&selector).next().is_none());
        }
        assert_eq!(document.text(), "x");
        assert!(document.to_html().len() > 40_000);
        assert_eq!(document.to_value().unwrap_err().kind(), ErrorKind::Limit);
        assert!(document.tables().next().is_none());
        // Within the default bounds it is an error, not a crash.
        for tag in ["<div>", "<b>", "<table><td>"] {
            let error = Document::parse(&tag.repeat(100_000)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert!(
                error
                    .hint()
                    .is_some_and(|hint| hint.contains("--max-depth"))
            );
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no crash");
}

#[test]
fn few_bytes_do_not_become_many_elements() {
    let fonts: String = (0..900).map(|n| format!("<font a{n}>")).collect();
    let bomb = format!("<p>{fonts}{}", "<p>x".repeat(20_000));
    let limits = Limits {
        expansion: 100_000,
        ..Limits::default()
    };
    let error = Document::parse_within(&bomb, &limits).unwrap_err();
    assert!(
        error.to_string().contains("more nodes than it has bytes"),
        "{error}"
    );
    let small = Limits {
        record: 10,
        ..Limits::default()
    };
    assert_eq!(
        Document::parse_within("<p>12345678", &small)
            .unwrap_err()
            .kind(),
        ErrorKind::Limit
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let mut reader = Reader::new(&b"<p>a\xff"[..], &ReadOptions::default());
    let error = reader.next_record().unwrap_err();
    assert_eq!(error.position().map(|at| at.byte), Some(4));
}

#[test]
fn trees_are_written_as_the_document_is() {
    for html in [
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\"><p>x",
        "<pre>\n\na</pre><textarea>\n\n</textarea><script>a < b && c</script><svg viewBox='0 0 1 1'><a xlink:href=x /></svg>",
        "<!-- c --><template><tr><td>x</template><math><mi>x</math><img src=a alt='\"<&'>",
    ] {
        let document = page(html);
        let value = document.to_value().expect("a value");
        assert_eq!(to_string(&value).expect("HTML"), document.to_html());
        let again = page(&document.to_html());
        assert_eq!(again.to_value().expect("a value"), value, "{html}");
    }
}

#[test]
fn what_html_cannot_say_is_refused() {
    for value in [
        r#"{"tag":"a b","children":[]}"#,
        r#"{"tag":"p","attributes":{"a=b":"x"},"children":[]}"#,
        r#"{"children":[{"comment":"a-->b"}]}"#,
        r#"{"tag":"script","children":["</SCRIPT>"]}"#,
        r#"{"tag":"br","children":["x"]}"#,
        r#"{"children":[{"doctype":"html>"}]}"#,
        r#"{"children":[1]}"#,
    ] {
        let value = json::parse(value.as_bytes()).expect("JSON");
        let error = to_string(&value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.hint().is_some());
    }
}

#[test]
fn records_are_written_as_a_table() {
    let mut writer = Writer::new(&WriteOptions::default());
    let mut out = Vec::new();
    for record in [r#"{"a":1.10,"b":"<x>\ny"}"#, r#"{"c":[1],"a":null}"#] {
        let record = json::parse(record.as_bytes()).expect("JSON");
        writer.write_record(&record, &mut out).expect("a row");
    }
    writer.finish(&mut out).expect("an end");
    let html = String::from_utf8(out).expect("UTF-8");
    assert!(
        html.contains("<tr><th>a</th><th>b</th><th>c</th></tr>"),
        "{html}"
    );
    assert!(
        html.contains("<tr><td>1.10</td><td>&lt;x&gt;<br>y</td><td></td></tr>"),
        "{html}"
    );
    assert_eq!(
        table(&html, TableOptions::default()),
        [
            r#"{"a":"1.10","b":"<x>\ny","c":""}"#,
            r#"{"a":"","b":"","c":"[1]"}"#
        ]
    );
}

fn markup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<table>",
        "<tr>",
        "<td rowspan=2>",
        "<th colspan=3>",
        "</table>",
        "<a href=x>",
        "</a>",
        "<div class='x y'>",
        "</div>",
        "<!-- c -->",
        "text",
        " ",
        "\n",
        "\r\n",
        "&amp;",
        "&not",
        "<",
        "é",
        "\u{1f600}",
        "<svg>",
        "</svg>",
        "<template>",
        "</template>",
        "<pre>\n",
        "<script>",
        "</script>",
        "<select><option>",
        "\0",
        "<br/>",
        "<![CDATA[x]]>",
        "<!doctype html>",
        "<frameset>",
        "<form>",
        "<li>",
        "</body>",
        "</html>",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cut_of_the_text_gives_the_same_document(text in markup(), cuts in prop::collection::vec(0_usize..200, 0..6)) {
        struct Pieces<'a>(&'a [u8], Vec<usize>);
        impl std::io::Read for Pieces<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let wanted = self.1.pop().unwrap_or(1).clamp(1, into.len());
                let (now, later) = self.0.split_at(wanted.min(self.0.len()));
                into[..now.len()].copy_from_slice(now);
                self.0 = later;
                Ok(now.len())
            }
        }
        let whole = page(&text).to_value().expect("a value");
        let mut reader = Reader::new(Pieces(text.as_bytes(), cuts), &ReadOptions::default());
        prop_assert_eq!(reader.next_record().expect("a document"), Some(whole));
    }

    #[test]
    fn values_are_written_as_the_tree_they_are_from(text in markup()) {
        let document = page(&text);
        if let Ok(html) = to_string(&document.to_value().expect("a value")) {
            prop_assert_eq!(html, document.to_html());
        }
    }

    #[test]
    fn anything_can_be_read_in_every_way(text in ".{0,200}", markup in markup()) {
        for text in [text, markup] {
            let document = page(&text);
            document.text();
            for table in document.tables() {
                table.records(&TableOptions { links: true, ..TableOptions::default() }, None).expect("a small table");
            }
            let _ = Selector::parse(&text);
            let escaped = escape(&text);
            prop_assert_eq!(unescape(&escaped), text.as_str());
        }
    }
}
