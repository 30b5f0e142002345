#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// Bytes in which text, escapes, controls and broken UTF-8 all occur.
fn material() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 1..4),
        prop_oneof![
            Just("\\"),
            Just("\\x1b"),
            Just("\r\n"),
            Just("\u{202e}"),
            Just("€")
        ]
        .prop_map(|text| text.as_bytes().to_vec()),
        // A sequence without its end.
        any::<char>().prop_map(|c| {
            let text = c.to_string();
            text.as_bytes()[..text.len() - 1].to_vec()
        }),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_text_does_not_depend_on_the_cuts(
        bytes in material(),
        cuts in proptest::collection::vec(0usize..5, 0..200),
    ) {
        let mut escaper = Escaper::new();
        let mut text = String::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            escaper.push(piece, &mut text);
            prop_assert!(escaper.held() <= 3);
            rest = after;
        }
        escaper.push(rest, &mut text);
        escaper.finish(&mut text);
        prop_assert_eq!(text, escape(&bytes));
    }

    #[test]
    fn the_text_is_harmless_and_leads_back_to_the_bytes(bytes in material()) {
        let text = escape(&bytes);
        prop_assert!(!text.chars().any(is_hidden), "{text:?}");
        prop_assert_eq!(unescape(&text).unwrap(), bytes);
    }

    #[test]
    fn text_is_escaped_like_its_bytes(text in any::<String>()) {
        prop_assert_eq!(escape_str(&text).into_owned(), escape(text.as_bytes()));
    }

    #[test]
    fn unescaping_anything_gives_bytes_or_the_position_of_a_backslash(text in any::<String>()) {
        if let Err(error) = unescape(&text) {
            prop_assert_eq!(text.as_bytes()[error.offset()], b'\\');
        }
    }
}

#[test]
fn each_class_of_input_has_its_escape() {
    let cases: &[(&[u8], &str)] = &[
        (b"plain ~ text", "plain ~ text"),
        ("grüß dich, 世界 🐟".as_bytes(), "grüß dich, 世界 🐟"),
        (b"\n\r\t\0\\", r"\n\r\t\0\\"),
        (b"\x1b]0;owned\x07\x7f", r"\x1b]0;owned\x07\x7f"),
        (b"\x9b2J", r"\x9b2J"),
        ("\u{9b}2J".as_bytes(), r"\u{9b}2J"),
        (
            "\u{202e}\u{2066}\u{200f}".as_bytes(),
            r"\u{202e}\u{2066}\u{200f}",
        ),
        (
            "\u{2028}\u{2029}\u{feff}\u{200b}".as_bytes(),
            r"\u{2028}\u{2029}\u{feff}\u{200b}",
        ),
        (
            "\u{e0041}\u{e000}\u{fffe}".as_bytes(),
            r"\u{e0041}\u{e000}\u{fffe}",
        ),
        // Overlong forms, surrogates and code points that do not exist are not UTF-8 (RFC 3629 section 3).
        (b"\xc0\x80", r"\xc0\x80"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80"),
        (b"\xe2\x82", r"\xe2\x82"),
        (b"\xe2\x82A", r"\xe2\x82A"),
    ];
    for (bytes, text) in cases {
        assert_eq!(escape(bytes), *text);
    }
}

#[test]
fn a_split_character_waits_for_its_end() {
    let mut escaper = Escaper::new();
    let mut text = String::new();
    for byte in "🐟".bytes() {
        assert_eq!(text, "");
        escaper.push(&[byte], &mut text);
    }
    assert_eq!((text.as_str(), escaper.held()), ("🐟", 0));
    escaper.push(b"\xf0\x9f", &mut text);
    escaper.push(b"", &mut text);
    assert_eq!(escaper.held(), 2);
    escaper.push(b"\xe2\x82\xac", &mut text);
    assert_eq!(text, r"🐟\xf0\x9f€");
}

#[test]
fn a_long_quote_is_cut_between_characters() {
    assert_eq!(escape_start("a€b".as_bytes(), 60), "a€b");
    assert_eq!(escape_start("a€b".as_bytes(), 3), "a... (5 bytes)");
    assert_eq!(escape_start(b"\x1b\x1b", 1), r"\x1b... (2 bytes)");
    assert_eq!(escape_start(b"x", 0), "... (1 byte)");
}

#[test]
fn what_is_no_escape_is_refused_at_its_place() {
    for (text, offset) in [
        (r"\", 0),
        (r"ab\q", 2),
        (r"\x1", 0),
        (r"\x+1", 0),
        (r"\xé", 0),
        (r"€\x€", 3),
        (r"\u20ac", 0),
        (r"\u{}", 0),
        (r"\u{110000}", 0),
        (r"ok\n\u{d800}", 4),
        (r"\u{0000041}", 0),
        (r"\é", 0),
    ] {
        assert_eq!(unescape(text).unwrap_err().offset(), offset, "{text}");
    }
    let error = unescape(r"ab\q").unwrap_err();
    assert!(error.to_string().starts_with("at byte 2: "), "{error}");
}
