//! Framing, chunks, lengths, and bodies that break off.

use super::*;

fn headers(text: &str) -> Headers {
    let mut headers = Headers::new();
    text.split_terminator('\n')
        .for_each(|line| headers.append_line(line).unwrap());
    headers
}

#[test]
fn framing_of_requests() {
    use ErrorKind::{Framing as Doubt, UnknownCoding};
    let frame = |version, text: &str| {
        let mut head = RequestHead::new("POST", "/", headers(text));
        head.version = version;
        request_body(&head)
    };
    // RFC 9112 section 6.3.
    for (text, framing) in [
        ("", Framing::None),
        ("Content-Length: 0", Framing::None),
        ("Content-Length: 5", Framing::Length(5)),
        ("Content-Length: 0005", Framing::Length(5)),
        (
            "Content-Length: 18446744073709551615",
            Framing::Length(u64::MAX),
        ),
        ("Transfer-Encoding: chunked", Framing::Chunked),
        ("Transfer-Encoding: Chunked", Framing::Chunked),
    ] {
        assert_eq!(frame(Version::Http11, text), Ok(framing), "{text}");
    }
    for (text, kind, words) in [
        ("Content-Length: +5", Doubt, "`+5`, which is not a number"),
        ("Content-Length: -5", Doubt, "`-5`"),
        ("Content-Length: 0x5", Doubt, "`0x5`"),
        ("Content-Length: 5_0", Doubt, "`5_0`"),
        ("Content-Length: 5 0", Doubt, "`5 0`"),
        ("Content-Length: 5.0", Doubt, "`5.0`"),
        ("Content-Length:", Doubt, "``, which"),
        (
            "Content-Length: 18446744073709551616",
            Doubt,
            "more than 2^64",
        ),
        ("Content-Length: 5,", Doubt, "``, which"),
        ("Content-Length: 5, 5", Doubt, "`5` twice"),
        ("Content-Length: 5\nContent-Length: 5", Doubt, "`5` twice"),
        ("Content-Length: 5\nContent-Length: 6", Doubt, "`5` and `6`"),
        ("Content-Length: 5, 6", Doubt, "`5` and `6`"),
        (
            "Transfer-Encoding: chunked\nContent-Length: 5",
            Doubt,
            "both",
        ),
        ("Content-Length: 5\nTransfer-Encoding: gzip", Doubt, "both"),
        (
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
            Doubt,
            "two lines",
        ),
        (
            "Transfer-Encoding: identity\nTransfer-Encoding: chunked",
            Doubt,
            "two lines",
        ),
        (
            "Transfer-Encoding: chunked, chunked",
            Doubt,
            "chunked twice",
        ),
        (
            "Transfer-Encoding: chunked, gzip",
            Doubt,
            "chunked not last",
        ),
        ("Transfer-Encoding: chunked,", Doubt, "a list with holes"),
        (
            "Transfer-Encoding: gzip, chunked",
            UnknownCoding,
            "the transfer coding `gzip, chunked`",
        ),
        ("Transfer-Encoding: chunked\t", Doubt, "a tab"),
        ("Transfer-Encoding:\tchunked", Doubt, "a tab"),
        ("Transfer-Encoding: gzip", UnknownCoding, "`gzip`"),
        ("Transfer-Encoding: identity", UnknownCoding, "`identity`"),
        ("Transfer-Encoding: xchunked", UnknownCoding, "`xchunked`"),
        (
            "Transfer-Encoding: chunked;a=b",
            UnknownCoding,
            "`chunked;a=b`",
        ),
        ("Transfer-Encoding: \"chunked\"", UnknownCoding, "chunked"),
        ("Transfer-Encoding:", UnknownCoding, "``"),
    ] {
        let error = frame(Version::Http11, text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert!(error.rule().starts_with("RFC 911"), "{text}: {error}");
    }
    // RFC 9112 section 6.1: no chunks in HTTP/1.0.
    assert!(frame(Version::Http10, "Transfer-Encoding: chunked").is_err());
    // Identical lengths by policy; a length beside chunks never in requests.
    let head = |text: &str| RequestHead::new("POST", "/", headers(text));
    let lenient = FramingPolicy::LENIENT;
    assert_eq!(
        request_body_with(&head("Content-Length: 5, 5\nContent-Length: 05"), lenient),
        Ok(Framing::Length(5))
    );
    assert!(request_body_with(&head("Content-Length: 5, 6"), lenient).is_err());
    assert!(
        request_body_with(
            &head("Content-Length: 5\nTransfer-Encoding: chunked"),
            lenient
        )
        .is_err()
    );
}

#[test]
fn framing_of_responses() {
    let frame = |method: &str, status, text: &str| {
        response_body(&ResponseHead::new(status, headers(text)), method.as_bytes())
    };
    // RFC 9112 section 6.3, rules 1 and 2: no body, whatever is announced.
    for (method, status) in [
        ("HEAD", 200),
        ("GET", 100),
        ("GET", 101),
        ("GET", 204),
        ("GET", 304),
        ("CONNECT", 200),
    ] {
        for text in ["", "Content-Length: 5", "Transfer-Encoding: chunked"] {
            assert_eq!(
                frame(method, status, text),
                Ok(Framing::None),
                "{method} {status} {text}"
            );
        }
    }
    assert_eq!(
        frame("CONNECT", 407, "Content-Length: 5"),
        Ok(Framing::Length(5))
    );
    assert_eq!(frame("GET", 200, ""), Ok(Framing::UntilClose));
    assert_eq!(
        frame("GET", 200, "Content-Length: 0"),
        Ok(Framing::Length(0))
    );
    assert_eq!(
        frame("GET", 200, "Transfer-Encoding: chunked"),
        Ok(Framing::Chunked)
    );
    assert!(frame("HEAD", 200, "Content-Length: +5").is_err());
    let both = "Transfer-Encoding: chunked\nContent-Length: 5";
    assert!(frame("GET", 200, both).is_err());
    let head = ResponseHead::new(200, headers(both));
    assert_eq!(
        response_body_with(&head, b"GET", FramingPolicy::LENIENT),
        Ok(Framing::Chunked)
    );
    assert!(!persistent(head.version, &head.headers));
    assert!(is_tunnel(&ResponseHead::new(101, Headers::new()), b"GET"));
    assert!(is_tunnel(
        &ResponseHead::new(200, Headers::new()),
        b"CONNECT"
    ));
    assert!(!is_tunnel(
        &ResponseHead::new(407, Headers::new()),
        b"CONNECT"
    ));
}

#[test]
fn chunks_that_are_good() {
    // RFC 9112 section 7.1.
    for (text, data, trailers) in [
        ("0\r\n\r\n", "", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", ""),
        ("5\r\nhello\r\n01\r\n!\r\n000\r\n\r\n", "hello!", ""),
        (
            "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            "01234567890123456789",
            "",
        ),
        ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello", ""),
        ("5;a=b;c=\"d;\\\"\r\"\r\nhello\r\n0\r\n\r\n", "", "error"),
        ("5;a=b;c=\"d;\\\"\"\r\nhello\r\n0\r\n\r\n", "hello", ""),
        ("1\r\na\r\n0\r\nX: 1\r\nx:2\r\n\r\n", "a", "X: 1\r\nx:2\r\n"),
    ] {
        for piece in [1, 2, 3, 1000] {
            let (found, taken, end) = decode(
                Framing::Chunked,
                text.as_bytes(),
                piece,
                BodyLimits::default(),
            );
            if trailers == "error" {
                assert!(end.is_err(), "{text:?}");
                continue;
            }
            assert_eq!(found, data.as_bytes(), "{text:?}");
            assert_eq!(taken, text.len(), "{text:?}");
            let mut out = Vec::new();
            end.unwrap().write(&mut out);
            assert_eq!(out, trailers.as_bytes(), "{text:?}");
        }
    }
}

#[test]
fn chunks_that_are_refused_and_what_came_before() {
    for (text, data, kind, offset, words) in [
        (
            "x\r\n",
            "",
            ErrorKind::Syntax,
            Some(0),
            "`x` in a chunk size",
        ),
        (
            "\r\n",
            "",
            ErrorKind::Syntax,
            Some(0),
            "a line break in a chunk size",
        ),
        (
            " 5\r\n",
            "",
            ErrorKind::Syntax,
            Some(0),
            "a blank in a chunk size",
        ),
        ("+5\r\n", "", ErrorKind::Syntax, Some(0), "`+`"),
        ("-5\r\n", "", ErrorKind::Syntax, Some(0), "`-`"),
        ("0x5\r\n", "", ErrorKind::Syntax, Some(1), "`x`"),
        ("5_0\r\n", "", ErrorKind::Syntax, Some(1), "`_`"),
        (
            "5 \r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "the chunk extension",
        ),
        (
            "5;\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "the chunk extension",
        ),
        (
            "5 ;a\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "the chunk extension",
        ),
        (
            "0\r\nContent-Length: 5\r\n\r\n",
            "",
            ErrorKind::Framing,
            Some(3),
            "`Content-Length` in a trailer",
        ),
        (
            "5;a=\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "the chunk extension",
        ),
        (
            "5;a b\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(3),
            "the chunk extension",
        ),
        (
            "5;a=\"b\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "the chunk extension",
        ),
        (
            "10000000000000000\r\n",
            "",
            ErrorKind::Syntax,
            Some(0),
            "more than 16 digits",
        ),
        (
            "5\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "bare line feed",
        ),
        (
            "5\rhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(1),
            "a carriage return without",
        ),
        (
            "5;a\nb\r\nhello\r\n",
            "",
            ErrorKind::Syntax,
            Some(3),
            "bare line feed",
        ),
        (
            "5\r\nhello\n0\r\n\r\n",
            "hello",
            ErrorKind::Syntax,
            Some(8),
            "a line break where the line break after a chunk",
        ),
        (
            "5\r\nhello!\r\n",
            "hello",
            ErrorKind::Syntax,
            Some(8),
            "`!` where the line break",
        ),
        (
            "5\r\nhello\rX",
            "hello",
            ErrorKind::Syntax,
            Some(9),
            "`X` where",
        ),
        (
            "0\r\n X: 1\r\n\r\n",
            "",
            ErrorKind::Syntax,
            Some(3),
            "begins with a blank",
        ),
        (
            "0\r\nX : 1\r\n\r\n",
            "",
            ErrorKind::Syntax,
            Some(4),
            "before the colon",
        ),
        (
            "0\r\nX: 1\n\n",
            "",
            ErrorKind::Syntax,
            Some(7),
            "bare line feed",
        ),
        ("", "", ErrorKind::Short, None, "before its last chunk"),
        ("5", "", ErrorKind::Short, None, "before its last chunk"),
        (
            "5\r\nhel",
            "hel",
            ErrorKind::Short,
            None,
            "2 bytes before the end of a chunk",
        ),
        (
            "5\r\nhello",
            "hello",
            ErrorKind::Short,
            None,
            "before its last chunk",
        ),
        (
            "5\r\nhello\r\n0\r\n",
            "hello",
            ErrorKind::Short,
            None,
            "in its trailer",
        ),
        (
            "ffffffffffffffff\r\nabc",
            "abc",
            ErrorKind::Short,
            None,
            "18446744073709551612 bytes before",
        ),
    ] {
        for piece in [1, 2, 1000] {
            let (found, _, end) = decode(
                Framing::Chunked,
                text.as_bytes(),
                piece,
                BodyLimits::default(),
            );
            let error = end.unwrap_err();
            assert_eq!(
                (error.kind(), error.offset()),
                (kind, offset),
                "{text:?} by {piece}: {error}"
            );
            assert!(error.to_string().contains(words), "{text:?}: {error}");
            assert_eq!(found, data.as_bytes(), "{text:?}");
        }
    }
}

#[test]
fn what_is_not_data_has_bounds() {
    let limits = BodyLimits {
        chunk_line: 10,
        extensions: 12,
        trailers: 10,
        trailer_fields: 1,
    };
    for (text, words) in [
        (
            "5;aaaaaaaaaaaaaaaaaaaaaa",
            "a chunk extension of more than 10 bytes",
        ),
        (
            "1;aaaaaa\r\nb\r\n1;aaaaaa\r\nb\r\n1;aaaaa",
            "more than 12 bytes of chunk extensions than data",
        ),
        (
            "0\r\nA: bbbbbbbbbbbbbbbbb",
            "a trailer of more than 10 bytes",
        ),
        ("0\r\nA:b\r\nC:d\r\n", "more than 1 trailer lines"),
    ] {
        let text = if text.starts_with('1') {
            "1;aaaaaa\r\nb\r\n".repeat(4)
        } else {
            text.to_owned()
        };
        for piece in [1, 3, 1000] {
            let (_, _, end) = decode(Framing::Chunked, text.as_bytes(), piece, limits);
            let error = end.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::HeadTooLarge, "{text}: {error}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }
}

#[test]
fn lengths_and_closed_connections_end_a_body() {
    let run = |framing, text: &str| {
        let (data, taken, end) = decode(framing, text.as_bytes(), 3, BodyLimits::default());
        (
            String::from_utf8(data).unwrap(),
            taken,
            end.map(drop).map_err(|error| error.kind()),
        )
    };
    assert_eq!(run(Framing::None, "next"), (String::new(), 0, Ok(())));
    assert_eq!(
        run(Framing::Length(4), "bodynext"),
        ("body".to_owned(), 4, Ok(()))
    );
    assert_eq!(
        run(Framing::Length(9), "body"),
        ("body".to_owned(), 4, Err(ErrorKind::Short))
    );
    assert_eq!(
        run(Framing::UntilClose, "body"),
        ("body".to_owned(), 4, Ok(()))
    );
    let mut decoder = BodyDecoder::new(Framing::Length(10), BodyLimits::default());
    decoder.skip(decoder.plain().unwrap() - 1);
    assert_eq!(
        decoder.decode(b"xy").unwrap(),
        Step {
            consumed: 1,
            data: b"x"
        }
    );
    assert!(decoder.is_done());
}

#[test]
fn encoders_keep_what_was_announced() {
    let mut out = Vec::new();
    let mut encoder = BodyEncoder::new(Framing::Chunked);
    encoder.write(b"", &mut out).unwrap();
    assert!(out.is_empty(), "a chunk of size 0 would end the body");
    for length in [1, 15, 16, 255, 256, 65_535, 65_536, u64::MAX] {
        let frame = encoder.frame(length).unwrap();
        assert_eq!(frame.before(), format!("{length:x}\r\n").as_bytes());
        assert_eq!(frame.after(), b"\r\n");
    }
    for (framing, data, is_good) in [
        (Framing::Length(3), "abc", true),
        (Framing::Length(3), "ab", false),
        (Framing::None, "", true),
        (Framing::UntilClose, "abc", true),
    ] {
        let mut encoder = BodyEncoder::new(framing);
        encoder.write(data.as_bytes(), &mut out).unwrap();
        assert_eq!(
            encoder.finish(&Headers::new(), &mut out).is_ok(),
            is_good,
            "{framing:?} {data}"
        );
    }
    assert!(
        BodyEncoder::new(Framing::None)
            .write(b"a", &mut out)
            .is_err()
    );
    assert!(
        BodyEncoder::new(Framing::None)
            .finish(&headers("A: b"), &mut out)
            .is_err()
    );
}
