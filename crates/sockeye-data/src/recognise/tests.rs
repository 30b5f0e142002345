use super::{Confidence, Hints, recognise};
use crate::charset::Charset;
use crate::compress::{self, Compression};
use crate::format::Format;

fn format_of(bytes: &[u8]) -> Format {
    let hints = Hints {
        is_all: true,
        ..Hints::default()
    };
    recognise(bytes, &hints).format.what
}

#[test]
fn formats_are_recognised_by_their_bytes() {
    let cases: &[(&[u8], Format)] = &[
        (b"{\"a\":1}", Format::Json),
        (b"{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", Format::Json),
        (b" [1, 2]", Format::Json),
        (b"[1]\n[2]\n", Format::Ndjson),
        (b"{\"a\":\"}\\\"{\"}\n{\"a\":2}\n", Format::Ndjson),
        (b"{\"a\":1}{\"a\":2}\n{\"a\":3}\n", Format::Json),
        (b"1\n2\n3\n", Format::Ndjson),
        (b"\"x\"\n\"y\"\n", Format::Ndjson),
        (b"null", Format::Json),
        (b"", Format::Json),
        (b"\x1e{\"a\":1}\n", Format::JsonSeq),
        (b"id,name\n1,a\n2,b\n", Format::Csv),
        (b"\"id\",\"name\"\n1,a\n2,b\n", Format::Csv),
        (b"id;name\n1;a\n2;b\n", Format::Csv),
        (b"id\tname\n1\ta\n", Format::Tsv),
        (b"1,2\n3,4\n", Format::Csv),
        (b"<?xml version=\"1.0\"?><a/>", Format::Xml),
        (b"<feed xmlns=\"x\"><entry/></feed>", Format::Xml),
        (b"<!DOCTYPE html><title>x</title>", Format::Html),
        (b"<!-- c -->\n<HTML><body>", Format::Html),
        (b"<table><tr><td>1</table>", Format::Html),
        (b"---\na: 1\n", Format::Yaml),
        (b"name: x\nitems:\n  - a\n  - b\n", Format::Yaml),
        (b"- a\n- b\n", Format::Yaml),
        (b"# c\n[package]\nname = \"x\"\n", Format::Toml),
        (b"name = \"x\"\nlist = [\n  1,\n]\n", Format::Toml),
        (b"[package]\nname = \"x\"\n", Format::Toml),
        (
            b"when = 2026-11-27 01:02:03Z # c\nn = -1_0.5e+3\nx = true\ny = +inf\n",
            Format::Toml,
        ),
        (
            b"From a@b Thu Jan  1 00:00:00 2026\nSubject: x\n\nhi\n",
            Format::Mbox,
        ),
        (
            b"Received: from x\n by y\nFrom: a@b\nSubject: x\n\nhi, you\n",
            Format::Mail,
        ),
        (b"a=1&b=2%20c", Format::Form),
        (b"a=true&b=-1", Format::Form),
        (b"\xd9\xd9\xf7\xa0", Format::Cbor),
        (b"\xa1\x61a\xf9\x3c\x00", Format::Cbor),
        (b"\x82\xa1a\x01\xa1b\xc0", Format::MessagePack),
        (
            b"one line\nand another, of prose\nand more\n",
            Format::Lines,
        ),
    ];
    for (bytes, format) in cases {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(format_of(bytes), *format, "{text:?}");
    }
}

#[test]
fn a_cut_head_is_recognised_as_the_whole() {
    let whole = "{\"a\":\"some text\"}\n".repeat(20);
    for end in 40..whole.len() {
        let found = recognise(&whole.as_bytes()[..end], &Hints::default());
        assert_eq!(found.format.what, Format::Ndjson, "cut at {end}");
    }
}

#[test]
fn what_was_asked_for_goes_before_the_type_the_name_and_the_bytes() {
    let csv = b"a,b\n1,2\n";
    let mut hints = Hints {
        name: Some("x.yaml"),
        ..Hints::default()
    };
    let found = recognise(csv, &hints).format;
    assert_eq!(
        (found.what, found.confidence),
        (Format::Yaml, Confidence::Likely)
    );
    hints.media_type = Some("application/problem+json");
    assert_eq!(recognise(csv, &hints).format.what, Format::Json);
    hints.media_type = Some("application/octet-stream");
    assert_eq!(recognise(csv, &hints).format.what, Format::Yaml);
    hints.format = Some(Format::Tsv);
    assert_eq!(recognise(csv, &hints).format.what, Format::Tsv);
}

#[test]
fn names_that_say_little_give_way_to_the_bytes() {
    let lines = b"{\"a\":1}\n{\"a\":2}\n";
    for name in ["x.json", "x.log", "x.txt", "x.txt.gz"] {
        let hints = Hints {
            name: Some(name),
            ..Hints::default()
        };
        assert_eq!(
            recognise(lines, &hints).format.what,
            Format::Ndjson,
            "{name}"
        );
        let prose = recognise(b"some words\n", &hints).format.what;
        let expected = match name {
            "x.json" => Format::Json,
            "x.log" => Format::Lines,
            _ => Format::Text,
        };
        assert_eq!(prose, expected, "{name}");
    }
}

#[test]
fn compressed_bytes_are_looked_into() {
    let csv = "id;name\n1;a\n2;b\n".repeat(1000);
    let mut writer = compress::writer(Compression::Gzip, None, Vec::new()).unwrap();
    std::io::Write::write_all(&mut writer, csv.as_bytes()).unwrap();
    let packed = writer.finish().unwrap();
    let found = recognise(&packed, &Hints::default());
    assert_eq!(found.compression.what, Some(Compression::Gzip));
    assert_eq!(found.format.what, Format::Csv);
    assert_eq!(found.dialect.unwrap().what, "separated by semicolons");
    let cut = recognise(&packed[..packed.len() / 2], &Hints::default());
    assert_eq!(cut.format.what, Format::Csv);
}

#[test]
fn charsets_are_told_by_marks_types_and_declarations() {
    let charset = |bytes: &[u8], media_type| {
        let hints = Hints {
            media_type,
            ..Hints::default()
        };
        recognise(bytes, &hints).charset.what
    };
    let wide: Vec<u8> = "{\"a\":1}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [b"\xff\xfe".as_slice(), &wide].concat();
    assert_eq!(
        charset(&marked, Some("text/json; charset=utf-8")),
        Some(Charset::UTF_16LE)
    );
    assert_eq!(charset(&wide, None), Some(Charset::UTF_16LE));
    let latin = Some(Charset::windows_1252());
    assert_eq!(
        charset(b"a,b\n", Some("text/csv; charset=\"ISO-8859-1\"")),
        latin
    );
    assert_eq!(
        charset(b"<?xml version='1.0' encoding='iso-8859-1'?><a/>", None),
        latin
    );
    assert_eq!(charset(b"<html><meta charset=iso-8859-1>", None), latin);
    assert_eq!(charset(b"{\"a\":\"\xc3\xa9\"}", None), Some(Charset::UTF_8));
    assert_eq!(charset(b"\xd9\xd9\xf7\xa0", None), None);
    assert_eq!(format_of(&marked), Format::Json);
}
