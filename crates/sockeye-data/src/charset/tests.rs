#![allow(clippy::unwrap_used)]

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::record::{Error, ErrorKind};

fn read(charset: Option<&str>, bytes: &[u8], on_invalid: OnInvalid) -> (Vec<u8>, Option<Error>) {
    let charset = charset.map(|label| label.parse().unwrap());
    let mut text = Vec::new();
    let error = reader(charset, bytes, on_invalid)
        .read_to_end(&mut text)
        .err();
    (text, error.map(|error| Error::io("test", &error)))
}

#[test]
fn every_name_is_a_label_and_names_itself() {
    for name in Charset::names() {
        assert_eq!(name.parse::<Charset>().unwrap().name(), name);
    }
    assert_eq!(
        "ISO-8859-1".parse::<Charset>().unwrap().name(),
        "windows-1252"
    );
    assert!("hz-gb-2312".parse::<Charset>().is_err());
    assert!("no-such".parse::<Charset>().is_err());
}

#[test]
fn a_mark_wins_over_a_name_and_is_taken_off() {
    for (bytes, text) in [
        (&b"\xef\xbb\xbf{}"[..], "{}"),
        (b"\xff\xfe{\0}\0", "{}"),
        (b"\xfe\xff\0{\0}", "{}"),
        (b"\xff\xfe\0\0{\0\0\0", "{"),
        (b"\0\0\xfe\xff\0\0\0{", "{"),
        (b"\xef\xbb\xbf", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
    ] {
        for charset in [None, Some("shift_jis"), Some("utf-8")] {
            let (got, error) = read(charset, bytes, OnInvalid::Refuse);
            assert_eq!((got.as_slice(), error.is_none()), (text.as_bytes(), true));
        }
    }
}

#[test]
fn the_first_bad_byte_is_named_and_all_before_it_is_given() {
    for (charset, bytes, text, at, kind) in [
        (None, &b"caf\xe9 x"[..], "caf", 3, ErrorKind::Syntax),
        (None, b"\xff", "", 0, ErrorKind::Syntax),
        (None, b"abc\xe2\x82", "abc", 3, ErrorKind::Truncated),
        (None, b"\xef\xbb\xbfa\xff", "a", 4, ErrorKind::Syntax),
        (None, b"\xed\xa0\x80", "", 0, ErrorKind::Syntax),
        (Some("utf-16le"), b"a\0\0\xd8b\0", "a", 2, ErrorKind::Syntax),
        (Some("utf-16le"), b"a\0b", "a", 2, ErrorKind::Truncated),
        (
            Some("utf-32be"),
            b"\0\0\0a\0\x11\0\0",
            "a",
            4,
            ErrorKind::Syntax,
        ),
        (Some("utf-32be"), b"\0\0\0a\0", "a", 4, ErrorKind::Truncated),
        (Some("shift_jis"), b"ab\x81", "ab", 2, ErrorKind::Truncated),
        (Some("gb18030"), b"ab\x81\xff", "ab", 2, ErrorKind::Syntax),
        (Some("ascii-strict"), b"a\x80", "a", 1, ErrorKind::Syntax),
    ] {
        let (got, error) = read(charset, bytes, OnInvalid::Refuse);
        let error = error.unwrap();
        assert_eq!(got, text.as_bytes(), "{charset:?} {bytes:?}");
        assert_eq!(error.position().unwrap().byte, at, "{error}");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn what_is_invalid_is_replaced_and_counted_on_request() {
    let mut decoder = Decoder::new(None, OnInvalid::Replace);
    let mut text = Vec::new();
    decoder.push(b"a\xffb\xe2\x82", &mut text).unwrap();
    decoder.finish(&mut text).unwrap();
    assert_eq!(text, "a\u{fffd}b\u{fffd}".as_bytes());
    assert_eq!(decoder.replaced(), (2, Some(1)));
}

#[test]
fn latin_1_has_two_meanings() {
    assert_eq!(
        read(Some("latin1"), b"\x80\xe9", OnInvalid::Refuse).0,
        "€é".as_bytes()
    );
    let strict = read(Some("latin1-strict"), b"\x80\xe9", OnInvalid::Refuse);
    assert_eq!(strict.0, "\u{80}é".as_bytes());
}

#[test]
fn old_charsets_are_read_as_the_standard_has_them() {
    for (charset, bytes, text) in [
        ("gb18030", &b"\x81\x30\x81\x30\xd6\xd0"[..], "\u{80}中"),
        ("shift_jis", b"\x83\x65\xb1", "テｱ"),
        ("euc-kr", b"\xb0\xa1", "가"),
        ("big5", b"\xa4\xa4", "中"),
        ("iso-2022-jp", b"\x1b$B$\"\x1b(Ba", "あa"),
        ("koi8-r", b"\xd3", "с"),
    ] {
        let (got, error) = read(Some(charset), bytes, OnInvalid::Refuse);
        assert_eq!(String::from_utf8(got).unwrap(), text, "{error:?}");
        let charset = charset.parse().unwrap();
        assert_eq!(encode(text, charset, Unmappable::Refuse).unwrap(), bytes);
    }
}

#[test]
fn unmappable_characters_are_refused_or_replaced() {
    let latin = Charset::windows_1252();
    assert_eq!(encode("ł☃", latin, Unmappable::Question).unwrap(), b"??");
    assert_eq!(
        encode("ł", latin, Unmappable::Reference).unwrap(),
        b"&#322;"
    );
    let error = encode("ab ł", latin, Unmappable::Refuse).unwrap_err();
    assert_eq!(
        error.to_string(),
        "windows-1252: there is no ł (U+0142) in this charset at byte 3"
    );
    let strict = encode("aé€", Charset::LATIN1_STRICT, Unmappable::Reference).unwrap();
    assert_eq!(strict, b"a\xe9&#8364;");
    // The reference is in ASCII, which ISO-2022-JP has to go back to.
    let jis = encode(
        "あ🐟",
        "iso-2022-jp".parse().unwrap(),
        Unmappable::Reference,
    )
    .unwrap();
    assert_eq!(jis, b"\x1b$B$\"\x1b(B&#128031;");
}

#[test]
fn a_mark_is_written_on_request() {
    for (charset, start) in [
        (Charset::UTF_8, &b"\xef\xbb\xbf"[..]),
        (Charset::UTF_16LE, b"\xff\xfe"),
        (Charset::UTF_32BE, b"\0\0\xfe\xff"),
        (Charset::windows_1252(), b""),
    ] {
        let mut out = Vec::new();
        Encoder::new(charset, Unmappable::Refuse)
            .with_bom()
            .finish(&mut out);
        assert_eq!(out, start, "{charset}");
    }
}

#[test]
fn guesses_say_what_and_why() {
    let utf16: Vec<u8> = "name;Größe\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf32: Vec<u8> = "name;Größe\r\n"
        .chars()
        .flat_map(|letter| u32::from(letter).to_be_bytes())
        .collect();
    let russian = encode(
        "Съешь же ещё этих мягких французских булок",
        "windows-1251".parse().unwrap(),
        Unmappable::Refuse,
    );
    for (bytes, name, confidence) in [
        (b"plain".to_vec(), "UTF-8", Confidence::Certain),
        (b"\xff\xfea\0".to_vec(), "UTF-16LE", Confidence::Certain),
        ("größe".as_bytes().to_vec(), "UTF-8", Confidence::High),
        (b"gr\xc3\xb6\xc3".to_vec(), "UTF-8", Confidence::High),
        (utf16, "UTF-16LE", Confidence::High),
        (utf32, "UTF-32BE", Confidence::High),
        (
            b"caf\xe9 gr\xf6\xdfe, na\xefve".to_vec(),
            "windows-1252",
            Confidence::Low,
        ),
        (russian.unwrap(), "windows-1251", Confidence::Low),
        (
            b"\x1b$B$\"$$\x1b(B".to_vec(),
            "ISO-2022-JP",
            Confidence::High,
        ),
        (b"\x1b[31mred".to_vec(), "UTF-8", Confidence::Certain),
        (b"".to_vec(), "UTF-8", Confidence::Certain),
    ] {
        let guess = guess(&bytes);
        assert_eq!(
            (guess.charset.name(), guess.confidence),
            (name, confidence),
            "{bytes:?}"
        );
    }
}

/// A source that gives pieces of these lengths.
struct Pieces<'a>(&'a [u8], Vec<usize>);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.pop().unwrap_or(usize::MAX).max(1);
        let count = length.min(out.len()).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
        (any::<String>(), any::<Vec<u8>>(), any::<String>()).prop_map(|(a, b, c)| [
            a.as_bytes(),
            &b,
            c.as_bytes()
        ]
        .concat()),
    ]
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        bytes in bytes(),
        cuts: Vec<u8>,
        name in proptest::sample::select(Charset::names().collect::<Vec<_>>()),
        replace: bool,
    ) {
        let on_invalid = if replace { OnInvalid::Replace } else { OnInvalid::Refuse };
        let whole = read(Some(name), &bytes, on_invalid);
        let cuts = cuts.into_iter().map(|cut| usize::from(cut % 7)).collect();
        let mut text = Vec::new();
        let error = reader(Some(name.parse().unwrap()), Pieces(&bytes, cuts), on_invalid)
            .read_to_end(&mut text)
            .err()
            .map(|error| Error::io("test", &error).position());
        prop_assert!(std::str::from_utf8(&text).is_ok());
        prop_assert_eq!(text, whole.0);
        prop_assert_eq!(error, whole.1.map(|error| error.position()));
    }

    #[test]
    fn utf_8_is_what_the_standard_library_says(bytes in bytes()) {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        if Charset::for_bom(&bytes).is_none_or(|(charset, _)| charset == Charset::UTF_8) {
            let (got, _) = read(None, &bytes, OnInvalid::Replace);
            prop_assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn text_comes_back(text: String) {
        for charset in [Charset::UTF_8, Charset::UTF_16LE, Charset::UTF_16BE, Charset::UTF_32LE,
            Charset::UTF_32BE, "gb18030".parse().unwrap()] {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(charset, Unmappable::Refuse).with_bom();
            encoder.push(&text, &mut bytes).unwrap();
            encoder.finish(&mut bytes);
            if Charset::for_bom(&bytes).is_some() || charset.name() == "gb18030" {
                let (got, error) = read(Some(charset.name()), &bytes, OnInvalid::Refuse);
                // One character of gb18030 reads as another one: the standard says so.
                if !text.contains(['\u{e5e5}', '\u{e81e}', '\u{e826}', '\u{e82b}', '\u{e82c}', '\u{e832}', '\u{e843}', '\u{e854}', '\u{e864}']) {
                    prop_assert!(error.is_none() || charset.name() == "gb18030", "{:?}", error);
                    if error.is_none() {
                        prop_assert_eq!(std::str::from_utf8(&got).unwrap(), &text);
                    }
                }
            }
        }
    }
}
