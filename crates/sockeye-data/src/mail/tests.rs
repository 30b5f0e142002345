//! Mail: what is read, what is written, and that both fit.

use proptest::prelude::*;

use super::*;
use crate::json;
use crate::record::{ErrorKind, Limits, ReadRecords, WriteRecords};
use crate::value::{Object, Value};

fn read(message: &str) -> Value {
    parse(message.replace('\n', "\r\n").as_bytes()).expect("a message")
}

fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    let mut value = value;
    for step in path {
        value = match step.parse::<usize>() {
            Ok(at) => &value.as_array().expect("a list")[at],
            Err(_) => value
                .get(step)
                .unwrap_or_else(|| panic!("{step} in {}", json::to_string(value))),
        };
    }
    value
        .as_str()
        .unwrap_or_else(|| panic!("text, not {}", json::to_string(value)))
}

const MIXED: &str = "From: A <a@x>\nTo: b@y, \"C, D\" <c@z>\nSubject: =?iso-8859-1?q?Gr=FC=DFe?= an\n alle\n\
Date: Thu, 26 Nov 2026 23:48:13 +0100\nMessage-ID: <1@x>\nReceived: one\nReceived: two\n\
Content-Type: multipart/mixed; boundary=B\n\npreamble\n--B\nContent-Type: multipart/alternative; boundary=\"C\"\n\n\
--C\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n!\n\n\
--C\nContent-Type: text/html\n\n<p>x</p>\n--C--\n\n--B\nContent-Type: application/pdf; name=old\nContent-Transfer-Encoding: base64\n\
Content-Disposition: attachment; filename*0*=utf-8''%e2%82%ac; filename*1=.pdf\n\nAAEC\n/w==\n\
--B\nContent-Type: message/rfc822\n\nSubject: inner\n\nhello\n--B--\nepilogue\n";

#[test]
fn a_message_becomes_a_record() {
    let record = read(MIXED);
    assert_eq!(text(&record, &["from", "0", "name"]), "A");
    assert_eq!(text(&record, &["to", "1", "name"]), "C, D");
    assert_eq!(text(&record, &["subject"]), "Grüße an alle");
    assert_eq!(text(&record, &["date"]), "2026-11-26T23:48:13+01:00");
    assert_eq!(text(&record, &["message-id"]), "1@x");
    assert_eq!(text(&record, &["text"]), "Grüße!\n");
    assert_eq!(text(&record, &["html"]), "<p>x</p>");
    assert_eq!(text(&record, &["headers", "Received", "1"]), "two");
    assert_eq!(text(&record, &["attachments", "0", "filename"]), "€.pdf");
    let content = record
        .get("attachments")
        .and_then(Value::as_array)
        .map(|all| &all[0]);
    assert_eq!(
        content.and_then(|all| all.get("content")),
        Some(&Value::bytes(vec![0, 1, 2, 255]))
    );
    assert_eq!(
        text(&record, &["attachments", "1", "message", "subject"]),
        "inner"
    );
    assert_eq!(
        text(&record, &["attachments", "1", "message", "text"]),
        "hello"
    );
    assert_eq!(
        text(&record, &["parts", "parts", "0", "parts", "1", "type"]),
        "text/html"
    );
}

#[test]
fn what_is_wrong_is_said_in_the_part() {
    let problems = [
        (
            "Content-Type: text/plain; charset=nope\n\nx\n",
            "the charset nope is not known",
        ),
        (
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n/w==\n",
            "not all of it is utf-8",
        ),
        (
            "Content-Transfer-Encoding: base64\n\n!eA==\n",
            "not all of it is base64",
        ),
        (
            "Content-Transfer-Encoding: x-odd\n\nx\n",
            "the transfer encoding x-odd is not known",
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\n\nx\n",
            "the boundary does not stand in it",
        ),
    ];
    for (message, problem) in problems {
        assert_eq!(text(&read(message), &["parts", "problem"]), problem);
    }
    let cut = read("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nall\nthere is");
    assert_eq!(text(&cut, &["text"]), "all\nthere is");
    assert_eq!(parse(b"\xff\xfe").unwrap_err().kind(), ErrorKind::Syntax);
    let header = parse(b"Subject: caf\xe9\r\n\r\n").expect("a message");
    assert_eq!(text(&header, &["subject"]), "café");
}

#[test]
fn parts_are_bounded_in_number_and_depth() {
    let many = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\nx\n".repeat(11_000)
    );
    let error = parse(many.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("--max-parts"))
    );
    let deep = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let record = parse(deep.as_bytes()).expect("what is too deep stays closed");
    assert!(json::to_string(&record).contains("\"content\""));
    let small = ReadOptions {
        limits: Limits {
            record: 10,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let error = Reader::new(&b"Subject: 123\n\n"[..], &small)
        .next_record()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

fn mailbox(bytes: &[u8], limits: Limits) -> Vec<Result<Value, crate::record::Error>> {
    let options = ReadOptions {
        kind: Kind::Mbox,
        limits,
        ..ReadOptions::default()
    };
    Reader::new(bytes, &options).records().collect()
}

#[test]
fn an_mbox_is_read_message_by_message() {
    let mbox = "From a Thu Jan  1 00:00:00 1970\nSubject: 1\n\n>From x\n>>From y\nFrom within\n\nFrom b\nSubject: 2\n\n\n\n";
    let all: Vec<_> = mailbox(mbox.as_bytes(), Limits::default())
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(all.len(), 2);
    assert_eq!(text(&all[0], &["text"]), "From x\n>From y\nFrom within\n");
    assert_eq!(text(&all[0], &["envelope"]), "a Thu Jan  1 00:00:00 1970");
    assert_eq!(text(&all[1], &["subject"]), "2");
    let few = Limits {
        record: 20,
        ..Limits::default()
    };
    let all = mailbox(mbox.as_bytes(), few);
    assert_eq!(all[0].as_ref().unwrap_err().kind(), ErrorKind::Limit);
    assert!(all[1].is_ok(), "the next one is read all the same");
    assert!(mailbox(b"no mbox\n", Limits::default())[0].is_err());
    assert!(mailbox(b"", Limits::default()).is_empty());
}

#[test]
fn attachments_get_names_that_do_no_harm() {
    let mut taken = std::collections::HashSet::new();
    for (name, safe) in [
        ("../../x", "x"),
        ("x", "x-2"),
        ("a/b\\c.txt", "c.txt"),
        ("C.TXT", "C-2.TXT"),
        ("..", "attachment"),
        ("", "attachment-2"),
        (".bashrc", "bashrc"),
        ("NUL", "_NUL"),
        ("a\0b\n", "a_b_"),
    ] {
        assert_eq!(safe_name(name, &mut taken), safe, "{name:?}");
    }
    assert!(safe_name(&"é".repeat(400), &mut taken).len() <= 255);
}

#[test]
fn what_mail_cannot_say_is_refused() {
    for record in [
        r#"{"subject":"a\nBcc: x@y"}"#,
        r#"{"from":[{"address":"a b@c"}]}"#,
        r#"{"headers":{"A b":"x"}}"#,
        r#"{"headers":{"X":"a\r\nY: b"}}"#,
        r#"{"attachments":[{"type":"image/png","content":"no base64!"}]}"#,
        r#"{"attachments":[{"type":"a/b\r\nX: y","content":""}]}"#,
        r#"[1]"#,
    ] {
        let record = json::parse(record.as_bytes()).expect("JSON");
        match to_vec(&record) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
            // Encoded words may hold a line break; no field comes of it.
            Ok(message) => {
                let again = parse(&message).expect("a message");
                let headers = again
                    .get("headers")
                    .and_then(Value::as_object)
                    .expect("headers");
                assert!(
                    headers.get("Bcc").is_none() && headers.get("Y").is_none(),
                    "{}",
                    String::from_utf8_lossy(&message)
                );
            }
        }
    }
}

fn words() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a",
            " ",
            "\n",
            "ä",
            "=",
            "From ",
            ".",
            "€",
            "=?",
            "--=_part_1_",
            ">From ",
            "\t",
            "x y",
            "\u{1f600}",
        ]),
        0..30,
    )
    .prop_map(|words| words.concat())
}

fn record(text: Option<String>, html: Option<String>, name: &str, bytes: Vec<u8>) -> Value {
    let mut record = Object::new();
    let one = |value: Option<String>| value.map_or(Value::Null, Value::from);
    record.insert("subject".into(), name.into());
    record.insert("text".into(), one(text));
    record.insert("html".into(), one(html));
    let mut attachment = Object::new();
    attachment.insert("type".into(), "application/x-y".into());
    attachment.insert("filename".into(), name.into());
    attachment.insert("content".into(), Value::bytes(bytes));
    record.insert("attachments".into(), Value::array(vec![attachment.into()]));
    record.into()
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        text in prop::option::of(words()),
        html in prop::option::of(words()),
        name in "[a-z€ä\"\\\\]{1,80}",
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let record = record(text, html, &name, bytes);
        let again = parse(&to_vec(&record).expect("a message")).expect("a message");
        for member in ["subject", "text", "html"] {
            prop_assert_eq!(again.get(member), record.get(member), "{}", member);
        }
        let of = |value: &Value, what: &str| value.get("attachments").and_then(Value::as_array).and_then(|all| all[0].get(what).cloned());
        prop_assert_eq!(of(&again, "content"), of(&record, "content"));
        prop_assert_eq!(of(&again, "filename"), of(&record, "filename"));
    }

    #[test]
    fn an_mbox_that_is_written_is_read_again(texts in prop::collection::vec(words(), 0..4)) {
        let mut writer = Writer::new(&WriteOptions { kind: Kind::Mbox });
        let mut mbox = Vec::new();
        for text in &texts {
            writer.write_record(&record(Some(text.clone()), None, "n", vec![1]), &mut mbox).expect("a message");
        }
        let read = mailbox(&mbox, Limits::default());
        prop_assert_eq!(read.len(), texts.len());
        for (record, text) in read.iter().zip(&texts) {
            let record = record.as_ref().expect("a record");
            prop_assert_eq!(record.get("text").and_then(Value::as_str), Some(text.as_str()));
        }
    }

    #[test]
    fn any_bytes_and_any_cuts_do_no_harm(lines in prop::collection::vec(prop::sample::select(vec![
        "From x\n", "\n", "Subject: =?utf-8?b?w6Q=?=\r\n", "Content-Type: multipart/mixed; boundary=b\n", "--b\n", "--b--\n", "\r\n",
        "Content-Type: message/rfc822\n", "Content-Transfer-Encoding: base64\n", "To: a: b, <c>;\n", "Date: 99 Foo\n", "text\n", " folded\n",
        "Content-Disposition: attachment; filename*=x'y'%zz\n", "From: \"\\", "=", "\u{e9}\0",
    ]), 0..30), piece in 1_usize..50) {
        struct Pieces<'a>(&'a [u8], usize);
        impl std::io::Read for Pieces<'_> {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                let (now, later) = self.0.split_at(self.1.min(into.len()).min(self.0.len()));
                into[..now.len()].copy_from_slice(now);
                self.0 = later;
                Ok(now.len())
            }
        }
        let bytes = lines.concat();
        let _ = parse(bytes.as_bytes());
        for kind in [Kind::Message, Kind::Mbox] {
            let options = ReadOptions { kind, ..ReadOptions::default() };
            let shown = |record: Result<Value, crate::record::Error>| match record {
                Ok(record) => json::to_string(&record),
                Err(error) => error.to_string(),
            };
            let whole: Vec<_> = Reader::new(bytes.as_bytes(), &options).records().map(shown).collect();
            let cut: Vec<_> = Reader::new(Pieces(bytes.as_bytes(), piece), &options).records().map(shown).collect();
            prop_assert_eq!(whole, cut);
        }
    }
}
