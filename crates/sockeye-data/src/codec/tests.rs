#![allow(clippy::unwrap_used)]

use std::io::Read;

use proptest::prelude::*;

use super::*;

fn codec(name: &str) -> Codec {
    name.parse().unwrap()
}

fn lenient() -> Options {
    Options {
        lenient: true,
        ..Options::default()
    }
}

/// What is decoded, and the error behind it, if there is one.
fn attempt(name: &str, text: &[u8], options: &Options) -> (Vec<u8>, Option<Error>) {
    let mut out = Vec::new();
    let mut reader = decoding(&[codec(name)], options, text).unwrap();
    let error = reader.read_to_end(&mut out).err();
    (out, error.map(|error| Error::io("test", &error)))
}

fn encoded(name: &str, bytes: &[u8], options: &Options) -> String {
    String::from_utf8(encode(codec(name), bytes, options).unwrap()).unwrap()
}

#[test]
fn every_codec_is_found_by_its_names() {
    for codec in Codec::all() {
        assert_eq!(codec.name().parse(), Ok(codec));
        for alias in codec.aliases() {
            assert_eq!(alias.parse(), Ok(codec));
        }
        assert!(!codec.about().is_empty());
    }
    assert_eq!(codec("Latin1").name(), "windows-1252");
    assert_eq!(codec("charset:utf-16be").name(), "UTF-16BE");
    let error = "rot13".parse::<Codec>().unwrap_err().to_string();
    assert!(
        error.starts_with("\"rot13\" is no codec; there are base64, "),
        "{error}"
    );
}

#[test]
fn vectors_of_the_standards() {
    for (name, bytes, text) in [
        ("base64", "f", "Zg=="),
        ("base64", "fooba", "Zm9vYmE="),
        ("base64url", "\u{3ff}", "z78="),
        ("base32", "fooba", "MZXW6YTB"),
        ("base32", "foob", "MZXW6YQ="),
        ("base32hex", "foo", "CPNMU==="),
        ("base32-crockford", "foobar", "CSQPYRK1E8"),
        ("hex", "foo", "666f6f"),
        ("ascii85", "Man ", "9jqo^"),
        ("ascii85", "\0\0\0\0a", "z@/"),
        ("base85", "hello", "Xk~0{Zv"),
        ("percent", "a b/ä~", "a%20b%2F%C3%A4~"),
        ("form", "a b*~", "a+b*%7E"),
        ("quoted-printable", "a=b \nc\t", "a=3Db=20\nc=09"),
        ("html", "<a href='x'>&", "&lt;a href=&#39;x&#39;&gt;&amp;"),
        ("json", "\"\\\u{1}ü\n", "\"\\\"\\\\\\u0001ü\\n\""),
        ("escape", "a\u{7}\n", "a\\x07\\n"),
        ("punycode", "bücher\nabc", "bcher-kva\nabc-"),
        ("idna", "Bücher.example\n", "xn--bcher-kva.example\n"),
        ("uuencode", "Cat", "begin 644 data\n#0V%T\n`\nend\n"),
        (
            "hexdump",
            "0123456789abcdef!",
            "00000000: 3031 3233 3435 3637 3839 6162 6364 6566  0123456789abcdef\n00000010: 21                                       !\n",
        ),
    ] {
        assert_eq!(
            encoded(name, bytes.as_bytes(), &Options::default()),
            text,
            "{name}"
        );
        let (back, error) = attempt(name, text.as_bytes(), &Options::default());
        assert!(error.is_none(), "{name}: {error:?}");
        let plain = if name == "idna" {
            "bücher.example\n"
        } else {
            bytes
        };
        assert_eq!(String::from_utf8(back).unwrap(), plain, "{name}");
    }
}

#[test]
fn the_vector_of_z85() {
    let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
    let text = encode(Codec::Z85, &bytes, &Options::default()).unwrap();
    assert_eq!(text, b"HelloWorld");
}

#[test]
fn options_shape_what_is_encoded() {
    let with = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        options
    };
    for (name, bytes, options, text) in [
        (
            "base64",
            "foobar!",
            with(|it| it.wrap = 4),
            "Zm9v\nYmFy\nIQ==\n",
        ),
        ("base64", "foobar", with(|it| it.wrap = 8), "Zm9vYmFy\n"),
        ("base64", "", with(|it| it.wrap = 8), ""),
        (
            "base64",
            "foob",
            with(|it| (it.wrap, it.crlf) = (4, true)),
            "Zm9v\r\nYg==\r\n",
        ),
        ("base64", "f", with(|it| it.padding = false), "Zg"),
        ("hex", "zz", with(|it| it.upper = true), "7A7A"),
        (
            "hex",
            "zzz",
            with(|it| it.separator = b":".to_vec()),
            "7a:7a:7a",
        ),
        ("ascii85", "Man ", with(|it| it.frame = true), "<~9jqo^~>"),
        (
            "percent",
            "/a?b",
            with(|it| it.keep = "/".to_owned()),
            "/a%3Fb",
        ),
        (
            "quoted-printable",
            "a\r\nb",
            with(|it| it.binary = true),
            "a=0D=0Ab",
        ),
        ("html", "é<", with(|it| it.ascii = true), "&#233;&lt;"),
        (
            "json",
            "é🐟",
            with(|it| it.ascii = true),
            "\"\\u00e9\\ud83d\\udc1f\"",
        ),
        ("json", "a\"", with(|it| it.quotes = false), "a\\\""),
        (
            "uuencode",
            "",
            with(|it| it.name = "x y".to_owned()),
            "begin 644 x y\n`\nend\n",
        ),
    ] {
        assert_eq!(encoded(name, bytes.as_bytes(), &options), text, "{name}");
        let (back, error) = attempt(name, text.as_bytes(), &options);
        assert!(error.is_none() || name == "html", "{name}: {error:?}");
        if name != "html" {
            assert_eq!(String::from_utf8(back).unwrap(), bytes, "{name}");
        }
    }
}

#[test]
fn strict_decoding_names_the_first_bad_byte_and_keeps_what_was_before() {
    for (name, text, plain, at, why) in [
        ("base64", "Zm9v*Zm9v", "foo", 4, "`*` does not belong here"),
        (
            "base64",
            "Zm9v\nZm9v\nZm-v",
            "foofoo",
            12,
            "`-` does not belong here",
        ),
        (
            "base64",
            "Zm9vZg",
            "foo",
            6,
            "the padding is missing or not all there",
        ),
        (
            "base64",
            "Zm9vZg=",
            "foo",
            7,
            "the padding is missing or not all there",
        ),
        ("base64", "Zm9vZ", "foo", 5, "a symbol is missing"),
        (
            "base64",
            "Zm9vZh==",
            "foo",
            5,
            "the last symbol has bits set that stand for nothing",
        ),
        ("base64", "Zg==Zg==", "f", 4, "data follows the padding"),
        (
            "base64",
            "Zg===",
            "f",
            4,
            "there is no place for padding here",
        ),
        ("base64", "=", "", 0, "there is no place for padding here"),
        ("base64", "Zm8=v", "fo", 4, "data follows the padding"),
        ("base64url", "a+", "", 1, "`+` does not belong here"),
        ("base32", "mzxw6===", "", 0, "`m` does not belong here"),
        (
            "base32",
            "MZXW6==",
            "",
            7,
            "the padding is missing or not all there",
        ),
        (
            "base32",
            "MZXW7===",
            "",
            4,
            "the last symbol has bits set that stand for nothing",
        ),
        (
            "base32",
            "MZX=====",
            "",
            3,
            "there is no place for padding here",
        ),
        ("hex", "666g", "f", 3, "`g` does not belong here"),
        ("hex", "666", "f", 3, "a symbol is missing"),
        ("hex", "66:66", "f", 2, "`:` does not belong here"),
        (
            "hex",
            "66\x0166",
            "f",
            2,
            "the byte 01 does not belong here",
        ),
        ("ascii85", "9jqo^~", "Man ", 6, "`~>` is missing"),
        ("ascii85", "<~9jqo^", "Man ", 7, "`~>` is missing"),
        ("ascii85", "9jqo^~>a", "Man ", 7, "data follows the end"),
        ("ascii85", "9jqo^!", "Man ", 6, "a digit is missing"),
        (
            "ascii85",
            "9jqo^uuuuu",
            "Man ",
            5,
            "these five digits are more than four bytes hold",
        ),
        ("ascii85", "9jz", "", 2, "`z` does not belong here"),
        ("base85", "abc\"", "", 3, "`\"` does not belong here"),
        ("z85", "xK#0@~", "hell", 5, "`~` does not belong here"),
        (
            "percent",
            "ab%zz",
            "ab",
            2,
            "this `%` is not followed by two hexadecimal digits",
        ),
        (
            "percent",
            "ab%4",
            "ab",
            2,
            "this `%` is not followed by two hexadecimal digits",
        ),
        (
            "form",
            "a+%",
            "a ",
            2,
            "this `%` is not followed by two hexadecimal digits",
        ),
        (
            "quoted-printable",
            "ab=zz",
            "ab",
            2,
            "this `=` is followed by neither two hexadecimal digits nor the end of the line",
        ),
        (
            "quoted-printable",
            "ab=4",
            "ab",
            2,
            "this `=` is not followed by two hexadecimal digits",
        ),
        (
            "quoted-printable",
            "ab\u{e9}",
            "ab",
            2,
            "the byte c3 does not belong here",
        ),
        (
            "quoted-printable",
            "ab\rc",
            "ab",
            2,
            "a carriage return that no line feed follows does not belong here",
        ),
        ("uuencode", "#0V%T\n", "", 0, "this is not the line `begin`"),
        ("uuencode", "", "", 0, "there is no line `begin`"),
        (
            "uuencode",
            "begin 644 x\n#0V%T\n",
            "Cat",
            18,
            "the line `end` is missing",
        ),
        (
            "uuencode",
            "begin 644 x\n#0V%\u{7f}\n",
            "",
            16,
            "this is no symbol of uuencode",
        ),
        (
            "uuencode",
            "begin 644 x\n#0V\n`\nend\n",
            "",
            12,
            "the line has fewer symbols than 3 bytes take",
        ),
        ("json", "x", "", 0, "a string begins with `\"`"),
        ("json", "\"ab", "ab", 3, "the string does not end"),
        ("json", "\"a\\x\"", "a", 2, "there is no such escape"),
        (
            "json",
            "\"a\\u12g4\"",
            "a",
            2,
            "`\\u` needs four hexadecimal digits",
        ),
        (
            "json",
            "\"a\\ud83dx\"",
            "a",
            2,
            "`\\ud83d` is half of a pair, and the other half is missing",
        ),
        (
            "json",
            "\"a\\udc1f\"",
            "a",
            2,
            "`\\udc1f` is half of a pair, and the other half is missing",
        ),
        (
            "json",
            "\"a\n\"",
            "a",
            2,
            "the byte 0a must be escaped in a string",
        ),
        ("json", "\"a\" b", "a", 4, "data follows the string"),
        (
            "escape",
            "a\\q",
            "a",
            1,
            "there is no such escape; there are \\n \\r \\t \\0 \\xNN \\u{N} and \\\\",
        ),
        ("escape", "a\\x4", "a", 1, "the escape is not whole"),
        (
            "escape",
            "\\q",
            "",
            0,
            "there is no such escape; there are \\n \\r \\t \\0 \\xNN \\u{N} and \\\\",
        ),
        ("escape", "\\u{ffffff}", "", 0, "there is no such character"),
        (
            "escape",
            "a\\u{110000}",
            "a",
            1,
            "there is no such character",
        ),
        (
            "punycode",
            "abc-\n\u{e9}-\n",
            "abc\n",
            5,
            "é- is not Punycode",
        ),
        (
            "idna",
            "a.b\nxn--a\n",
            "a.b\n",
            4,
            "xn--a is no name of a domain",
        ),
        (
            "hexdump",
            "00000000: 6g",
            "",
            10,
            "this is no pair of hexadecimal digits",
        ),
        (
            "hexdump",
            "00000000: 66\n00000002: 66",
            "f",
            13,
            "the offset is 2 where 1 bytes came",
        ),
        (
            "hexdump",
            "00000000: 66\n*\n",
            "f",
            13,
            "`*` stands for lines that were left out; make the dump with all of them (hexdump -v)",
        ),
        ("utf-8", "ab", "ab", 0, ""),
    ] {
        let (got, error) = attempt(name, text.as_bytes(), &Options::default());
        assert_eq!(
            String::from_utf8_lossy(&got),
            plain,
            "{name} {text:?}: {error:?}"
        );
        let Some(error) = error else {
            assert_eq!(why, "", "{name} {text:?}");
            continue;
        };
        assert_eq!(
            error.to_string(),
            format!("{name}: {why} at byte {at}"),
            "{text:?}"
        );
    }
}

#[test]
fn lenient_decoding_passes_over_what_is_foreign() {
    for (name, text, plain) in [
        ("base64", "Zm9v * Zg", "foof"),
        ("base64", "Zm9-_w", "fo~\u{ff}"),
        ("base64", "Zg==Zg==", "ff"),
        ("base64", "Zh==", "f"),
        ("base64", "Z", ""),
        ("base32", "mzxw6", "foo"),
        ("hex", "0x66, 0x6F, \\x6f", "foo"),
        ("hex", "66:6f 6F", "foo"),
        ("hex", "00x66", "\0f"),
        ("ascii85", "<~9jqo^", "Man "),
        ("ascii85", "y", "    "),
        ("ascii85", "9jqo^~>rest", "Man "),
        ("percent", "100%, 50%4 %zz%41", "100%, 50%4 %zzA"),
        ("quoted-printable", "a=zz=\nb\r=", "a=zzb\r"),
        (
            "uuencode",
            "Hello,\n\nbegin 644 x\n#0V%T\n`\nend\nBye\n",
            "Cat",
        ),
        ("json", "a\\n\\ud83d \\x", "a\n\u{fffd} x"),
        ("json", "\"a", "a"),
        ("escape", "\\q\\\\\\x4\\", "\\q\\\\x4\\"),
        ("idna", "xn--a\na..b", "xn--a\na..b"),
        ("windows-1252", "ab", "ab"),
    ] {
        let (got, error) = attempt(name, text.as_bytes(), &lenient());
        assert!(error.is_none(), "{name} {text:?}: {error:?}");
        let got: String = match std::str::from_utf8(&got) {
            Ok(text) => text.to_owned(),
            Err(_) => got.iter().map(|byte| char::from(*byte)).collect(),
        };
        assert_eq!(got, plain, "{name} {text:?}");
    }
}

#[test]
fn padding_may_be_missing_where_that_was_said() {
    let options = Options {
        padding: false,
        ..Options::default()
    };
    for text in ["Zm8", "Zm8="] {
        assert_eq!(
            decode(Codec::Base64, text.as_bytes(), &options).unwrap(),
            b"fo"
        );
    }
    assert!(decode(Codec::Base64, b"Zm9", &options).is_err());
}

#[test]
fn quoted_printable_drops_blanks_that_mail_put_at_ends_of_lines() {
    let text = b"a \t\nb= \t\r\nc  \r\nd  ";
    assert_eq!(
        decode(Codec::QuotedPrintable, text, &Options::default()).unwrap(),
        b"a\nbc\r\nd"
    );
}

#[test]
fn dumps_of_other_programs_are_read() {
    let hexdump = "00000000  53 61 6c 6d 6f 6e 20 61  72 65 20 66 69 73 68 0a  |Salmon are fish.|\n00000010\n";
    let od = "000000 53 61 6c 6d 6f 6e  >Salmon<\n000006\n";
    let plain = decode(Codec::Hexdump, hexdump.as_bytes(), &Options::default());
    assert_eq!(plain.unwrap(), b"Salmon are fish\n");
    let plain = decode(Codec::Hexdump, od.as_bytes(), &Options::default());
    assert_eq!(plain.unwrap(), b"Salmon");
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let level = Options {
        level: Some(99),
        ..Options::default()
    };
    assert!(codec("gzip").encoder(&level).is_err());
    let name = Options {
        name: "a\nb".to_owned(),
        ..Options::default()
    };
    assert!(codec("uu").encoder(&name).is_err());
}

#[test]
fn an_error_of_an_inner_codec_is_told_by_the_outer_ones() {
    let chain = [codec("base64"), codec("gzip")];
    let mut reader = decoding(&chain, &Options::default(), &b"c2FsbW9uIGFyZSBmaXNo"[..]).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    let error = Error::io("test", &error).to_string();
    assert_eq!(error, "gzip: this does not begin as gzip does at byte 0");
    let mut reader = decoding(&chain, &Options::default(), &b"H4sI*"[..]).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    let error = Error::io("test", &error).to_string();
    assert_eq!(error, "base64: `*` does not belong here at byte 4");
}

/// Codecs that give back whatever bytes they were given.
fn of_bytes() -> Vec<Codec> {
    Codec::all()
        .filter(|codec| {
            !matches!(
                codec,
                Codec::Json
                    | Codec::Punycode
                    | Codec::Idna
                    | Codec::Charset(_)
                    | Codec::Html
                    | Codec::Compression(Compression::Xz | Compression::Bzip2)
            )
        })
        .collect()
}

fn options() -> impl Strategy<Value = Options> {
    (0_usize..80, any::<[bool; 8]>()).prop_map(|(wrap, flags)| {
        let [lenient, crlf, padding, upper, binary, frame, ascii, quotes] = flags;
        Options {
            lenient,
            crlf,
            padding,
            upper,
            binary,
            frame,
            ascii,
            quotes,
            wrap: if wrap > 76 { 0 } else { wrap },
            ..Options::default()
        }
    })
}

/// Push pieces of these lengths, and see what has come when it is over or failed.
fn in_pieces(
    mut coder: Box<dyn Coder>,
    mut bytes: &[u8],
    cuts: &[usize],
) -> (Vec<u8>, Option<Error>) {
    let mut out = Vec::new();
    let mut cuts = cuts.iter();
    while !bytes.is_empty() {
        let count = cuts.next().copied().unwrap_or(bytes.len()).min(bytes.len());
        if let Err(error) = coder.push(&bytes[..count], &mut out) {
            return (out, Some(error));
        }
        bytes = &bytes[count..];
    }
    let error = coder.finish(&mut out).err();
    (out, error)
}

fn text_of_codecs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "[A-Za-z0-9+/=_\\-\n ]{0,200}".prop_map(String::into_bytes),
        "([a-zA-Z0-9+/]{76}\n){0,40}[a-zA-Z0-9+/]{0,9}={0,2}".prop_map(String::into_bytes),
        "[0-9a-fx:, \n]{0,200}".prop_map(String::into_bytes),
        "(<~)?[!-uz\n]{0,60}(~>)?".prop_map(String::into_bytes),
        "(%[0-9a-f]{2}|=[0-9A-F]{2}|=\r?\n|[a-z \t%=+]){0,60}".prop_map(String::into_bytes),
        "\"?(\\\\[nrt0x\"u4d8c{}]|[a-f0-9{}]|é){0,60}\"?".prop_map(String::into_bytes),
        "(&[a-z]{1,6};?|&#x?[0-9]{1,5};?|[a-z&;# ]){0,40}".prop_map(String::into_bytes),
        "begin 644 x\n(#0V%T\n|[ -`]{0,9}\n){0,5}`\nend\n?".prop_map(String::into_bytes),
        "(0000000[01]:?  ?([0-9a-f]{2} ?){0,9} ( [!-z]{0,9})?\n){0,3}".prop_map(String::into_bytes),
        "((xn--)?[a-zü-]{0,9}\\.?\r?\n){0,5}".prop_map(String::into_bytes),
    ]
}

proptest! {
    // Compression without optimisation takes a while.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bytes_come_back(bytes: Vec<u8>, options in options(), cuts in proptest::collection::vec(1_usize..9, 0..64)) {
        for codec in of_bytes() {
            let (text, error) = in_pieces(codec.encoder(&options).unwrap(), &bytes, &cuts);
            prop_assert!(error.is_none());
            let whole = encode(codec, &bytes, &options).unwrap();
            if !matches!(codec, Codec::Compression(_)) {
                prop_assert_eq!(&text, &whole, "{}", codec);
            }
            let binary = codec != Codec::QuotedPrintable || options.binary || !bytes.contains(&b'\r');
            let lenient = Options { lenient: false, ..options.clone() };
            let back = decode(codec, &text, &lenient);
            if binary {
                prop_assert_eq!(back.unwrap(), bytes.clone(), "{}", codec);
            }
            if codec == Codec::QuotedPrintable {
                let longest = text.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
                prop_assert!(longest.unwrap_or(0) <= 77);
                prop_assert!(text.is_ascii());
            }
        }
    }
}

proptest! {
    #[test]
    fn text_comes_back(text: String, options in options(), cuts in proptest::collection::vec(1_usize..9, 0..64)) {
        for codec in [Codec::Json, Codec::Html, Codec::Charset(Charset::UTF_16LE), Codec::Escape] {
            let (coded, error) = in_pieces(codec.encoder(&options).unwrap(), text.as_bytes(), &cuts);
            prop_assert!(error.is_none());
            if (options.ascii && codec != Codec::Charset(Charset::UTF_16LE)) && codec != Codec::Escape {
                prop_assert!(coded.is_ascii());
            }
            if codec != Codec::Html && !text.starts_with('\u{feff}') {
                let back = decode(codec, &coded, &options).unwrap();
                prop_assert_eq!(String::from_utf8(back).unwrap(), text.clone(), "{}", codec);
            }
        }
    }

    #[test]
    fn cuts_change_nothing(
        text in text_of_codecs(),
        options in options(),
        cuts in proptest::collection::vec(1_usize..100, 0..64),
    ) {
        for codec in Codec::all().chain([codec("shift_jis"), codec("utf-32be")]) {
            let Ok(decoder) = codec.decoder(&options) else { continue };
            let whole = in_pieces(decoder, &text, &[]);
            let parts = in_pieces(codec.decoder(&options).unwrap(), &text, &cuts);
            prop_assert_eq!(&whole.0, &parts.0, "{}", codec);
            let said = |error: &Option<Error>| error.as_ref().map(ToString::to_string);
            if !matches!(codec, Codec::Charset(_)) {
                prop_assert_eq!(said(&whole.1), said(&parts.1), "{}", codec);
            }
            prop_assert_eq!(whole.1.is_some(), parts.1.is_some());
        }
    }
}
