//! What holds for any bytes and any cut of them.

use proptest::prelude::*;

use super::*;

/// Texts that are nearly messages: mostly good pieces in any order.
fn nearly(start: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    const LINES: &[&str] = &[
        "Host: a\r\n",
        "A: b\r\n",
        "a:\r\n",
        "B:  c \t\r\n",
        "Content-Length: 3\r\n",
        "\r\n",
        "\n",
        " x\r\n",
        "A : b\r\n",
        "C: \u{e4}\r\n",
        "C: a\0\r\n",
        "D: b\rc\r\n",
        "E\r\n",
        "\r",
        "Transfer-Encoding: chunked\r\n",
        "F: g\n",
        ": h\r\n",
    ];
    (
        prop::sample::select(start),
        prop::collection::vec(prop::sample::select(LINES), 0..7),
        any::<bool>(),
    )
        .prop_map(|(start, lines, end)| {
            let end = if end { "\r\n" } else { "" };
            format!("{start}{}{end}", lines.concat()).into_bytes()
        })
}

fn chunks() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "5\r\nhello\r\n",
        "1;a=b\r\nx\r\n",
        "0\r\n",
        "\r\n",
        "A: b\r\n",
        "2\r\nab",
        "\n",
        "ff",
        "0",
        ";",
        "1;\"",
        "g",
        " ",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..8)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

/// Kind and place: the words may quote more or less of what came.
type Outcome<H> = Result<Option<(H, usize, Vec<Forgiven>)>, (ErrorKind, Option<usize>)>;

fn outcome<H>(parsed: Result<Parsed<H>, Error>) -> Outcome<H> {
    match parsed {
        Ok(Parsed::Incomplete) => Ok(None),
        Ok(Parsed::Complete {
            head,
            consumed,
            forgiven,
        }) => Ok(Some((head, consumed, forgiven))),
        Err(error) => Err((error.kind(), error.offset())),
    }
}

/// Show the parser ever longer prefixes; the first outcome that is final.
fn by_pieces<H>(
    bytes: &[u8],
    piece: usize,
    mut parse: impl FnMut(&[u8]) -> Result<Parsed<H>, Error>,
) -> Outcome<H> {
    let mut end = 0;
    while end < bytes.len() {
        end = (end + piece).min(bytes.len());
        let found = outcome(parse(&bytes[..end]));
        if !matches!(found, Ok(None)) {
            return found;
        }
    }
    Ok(None)
}

fn small() -> Limits {
    Limits {
        line: 24,
        head: 64,
        fields: 3,
    }
}

fn check_request(bytes: &[u8], piece: usize, limits: Limits) {
    let whole = outcome(RequestParser::new(limits).parse(bytes));
    let mut parser = RequestParser::new(limits);
    assert_eq!(by_pieces(bytes, piece, |bytes| parser.parse(bytes)), whole);
    if let Ok(Some((head, consumed, _))) = whole {
        let mut out = Vec::new();
        head.write(&mut out).unwrap();
        assert_eq!(out, bytes[..consumed]);
    }
}

fn check_response(bytes: &[u8], piece: usize, limits: Limits, strictness: Strictness) {
    let parser = || ResponseParser::with_strictness(limits, strictness);
    let whole = outcome(parser().parse(bytes));
    let mut parser = parser();
    assert_eq!(by_pieces(bytes, piece, |bytes| parser.parse(bytes)), whole);
    if let Ok(Some((head, consumed, forgiven))) = whole
        && forgiven.is_empty()
    {
        let mut out = Vec::new();
        head.write(&mut out).unwrap();
        assert_eq!(out, bytes[..consumed]);
    }
}

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "PUT /a HTTP/1.0\r\n",
    "GET /\r\n",
    "\r\n",
    "GET / HTTP/1.1\n",
    "",
    "GET /\0",
];
const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 204\r\n",
    "HTTP/1.1 200 \r\n",
    "HTTP/1.1 20\r\n",
    "hi",
    "HTTP/1.1 200 a\n",
    "",
];

proptest! {
    #[test]
    fn any_cut_of_a_request_has_the_same_outcome(bytes in nearly(REQUESTS), piece in 1_usize..40) {
        check_request(&bytes, piece, Limits::default());
        check_request(&bytes, piece, small());
    }

    #[test]
    fn any_cut_of_a_response_has_the_same_outcome(bytes in nearly(RESPONSES), piece in 1_usize..40) {
        for strictness in [Strictness::STRICT, Strictness::LENIENT] {
            check_response(&bytes, piece, Limits::default(), strictness);
            check_response(&bytes, piece, small(), strictness);
        }
    }

    #[test]
    fn any_cut_of_chunks_has_the_same_outcome(bytes in chunks(), piece in 1_usize..20) {
        for limits in [BodyLimits::default(), BodyLimits { chunk_line: 5, extensions: 3, trailers: 8, trailer_fields: 1 }] {
            let simple = |(data, at, end): (Vec<u8>, usize, Result<Headers, Error>)| {
                // How much of a broken input was taken before the error is no part of the outcome.
                let at = if end.is_ok() { at } else { 0 };
                (data, at, end.map_err(|error| (error.kind(), error.offset())))
            };
            let whole = simple(decode(Framing::Chunked, &bytes, bytes.len().max(1), limits));
            prop_assert_eq!(simple(decode(Framing::Chunked, &bytes, piece, limits)), whole);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, piece in 1_usize..9) {
        check_request(&bytes, piece, Limits::default());
        check_response(&bytes, piece, Limits::default(), Strictness::LENIENT);
        decode(Framing::Chunked, &bytes, piece, BodyLimits::default()).2.ok();
    }

    #[test]
    fn what_is_written_is_read_again(
        method in "[A-Z!#$%&'*+.^_`|~0-9a-z-]{1,20}",
        path in "[!-\"$-~]{0,30}",
        lines in prop::collection::vec(("[A-Za-z0-9!#-]{1,12}", prop::collection::vec(any::<u8>(), 0..20)), 0..8),
    ) {
        let mut headers = Headers::new();
        headers.append("Host", "a").unwrap();
        for (name, value) in &lines {
            if !name.eq_ignore_ascii_case("host") {
                headers.append(name, value).ok();
            }
        }
        prop_assume!(method != "CONNECT");
        let head = RequestHead::new(method, format!("/{path}"), headers);
        let mut out = Vec::new();
        head.write(&mut out).unwrap();
        prop_assert_eq!(request(&out).unwrap(), head);
    }

    #[test]
    fn chunks_that_are_written_are_read_again(pieces: Vec<Vec<u8>>, piece in 1_usize..50) {
        let (mut encoder, mut out) = (BodyEncoder::new(Framing::Chunked), Vec::new());
        for piece in &pieces {
            encoder.write(piece, &mut out).unwrap();
        }
        let mut trailers = Headers::new();
        trailers.append("Digest", "x").unwrap();
        encoder.finish(&trailers, &mut out).unwrap();
        let (data, taken, end) = decode(Framing::Chunked, &out, piece, BodyLimits::default());
        prop_assert_eq!((data, taken, end), (pieces.concat(), out.len(), Ok(trailers)));
    }
}
