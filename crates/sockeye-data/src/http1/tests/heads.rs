//! Start lines, header lines, targets, hosts, and what is written.

use super::*;

/// What a refused request is told: kind, offset, words.
fn refused(bytes: &[u8]) -> (ErrorKind, Option<usize>, String) {
    let error = match request(bytes) {
        Err(error) => error,
        Ok(head) => match request_body(&head) {
            Err(error) => error,
            Ok(_) => panic!("accepted: {}", crate::escape::escape(bytes)),
        },
    };
    (error.kind(), error.offset(), error.to_string())
}

#[test]
fn requests_that_are_refused_and_why() {
    use ErrorKind::*;
    let host = "Host: a\r\n";
    for (text, kind, offset, words) in [
        // RFC 9112 section 2.2: lines and what they end in.
        (
            "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
            Syntax,
            Some(14),
            "a bare line feed",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}\n"),
            Syntax,
            Some(25),
            "a bare line feed",
        ),
        (
            format!("GET / HTTP/1.1\r{host}\r\n"),
            Syntax,
            Some(14),
            "a carriage return without a line feed",
        ),
        (
            format!("\r\nGET / HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(0),
            "an empty line instead",
        ),
        (
            format!(" GET / HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(0),
            "a blank instead of a request",
        ),
        // RFC 9112 section 3: the request line.
        (
            "\x16\x03\x01\x02".to_owned(),
            Syntax,
            Some(0),
            "a TLS handshake",
        ),
        (
            "GET /\r\n\r\n".to_owned(),
            Version,
            Some(5),
            "without a version",
        ),
        (
            "GET\r\n\r\n".to_owned(),
            Syntax,
            Some(3),
            "without a target",
        ),
        (
            format!("GET  / HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(4),
            "two blanks",
        ),
        (
            format!("GET /a b HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(7),
            "`b HTTP/1.1` as the version",
        ),
        (
            format!("GET / HTTP/1.1 \r\n{host}\r\n"),
            Syntax,
            Some(6),
            "as the version",
        ),
        (
            format!("GET\t/ HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(3),
            "0x09 in a method",
        ),
        (
            format!("G(T / HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(1),
            "`(` in a method",
        ),
        (
            format!("GET / http/1.1\r\n{host}\r\n"),
            Syntax,
            Some(6),
            "`http/1.1` as the version",
        ),
        (
            format!("GET / HTTP/1.2\r\n{host}\r\n"),
            Version,
            Some(6),
            "HTTP/1.2",
        ),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            Version,
            Some(6),
            "HTTP/2.0",
        ),
        (
            format!("GET /\x7f HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(5),
            "0x7f in the target",
        ),
        (
            format!("GET /ä HTTP/1.1\r\n{host}\r\n"),
            Syntax,
            Some(5),
            "0xc3 in the target",
        ),
        // RFC 9112 section 3.2: targets and hosts.
        (
            format!("GET /#a HTTP/1.1\r\n{host}\r\n"),
            Target,
            Some(1),
            "a fragment",
        ),
        (
            format!("GET a HTTP/1.1\r\n{host}\r\n"),
            Target,
            None,
            "`a` as the target",
        ),
        (
            format!("GET * HTTP/1.1\r\n{host}\r\n"),
            Target,
            None,
            "`*` as the target of `GET`",
        ),
        (
            format!("CONNECT /a HTTP/1.1\r\n{host}\r\n"),
            Target,
            None,
            "the target of CONNECT",
        ),
        (
            format!("CONNECT a HTTP/1.1\r\n{host}\r\n"),
            Target,
            None,
            "the target of CONNECT",
        ),
        (
            format!("CONNECT a:70000 HTTP/1.1\r\n{host}\r\n"),
            Target,
            None,
            "the target of CONNECT",
        ),
        (
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            Target,
            None,
            "without a host",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
            Target,
            None,
            "two hosts, `a` and `a`",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
            Target,
            None,
            "`a b` as the host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(),
            Target,
            None,
            "`a/b` as the host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n".to_owned(),
            Target,
            None,
            "`u@a` as the host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n".to_owned(),
            Target,
            None,
            "`a:x` as the host",
        ),
        (
            "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n".to_owned(),
            Target,
            None,
            "`[::1` as the host",
        ),
        (
            "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n".to_owned(),
            Target,
            None,
            "two hosts",
        ),
        // RFC 9112 section 5: header lines.
        (
            format!("GET / HTTP/1.1\r\n{host}A : b\r\n\r\n"),
            Syntax,
            Some(26),
            "a blank before the colon of `A`",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
            Syntax,
            Some(31),
            "begins with a blank",
        ),
        (
            format!("GET / HTTP/1.1\r\n Host: b\r\n{host}\r\n"),
            Syntax,
            Some(16),
            "begins with a blank",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A\r\n\r\n"),
            Syntax,
            Some(26),
            "without a colon: `A`",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}: b\r\n\r\n"),
            Syntax,
            Some(25),
            "without a name",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A(: b\r\n\r\n"),
            Syntax,
            Some(26),
            "`(` in the name",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}Ä: b\r\n\r\n"),
            Syntax,
            Some(25),
            "0xc3 in the name",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A: b\0c\r\n\r\n"),
            Syntax,
            Some(29),
            "a NUL in the value of the header `A`",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A: \x1b[m\r\n\r\n"),
            Syntax,
            Some(28),
            "0x1b in the value",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}A: b\rc\r\n\r\n"),
            Syntax,
            Some(29),
            "a carriage return without",
        ),
    ] {
        let (found_kind, found_offset, found_words) = refused(text.as_bytes());
        assert_eq!(
            (found_kind, found_offset),
            (kind, offset),
            "{text:?}: {found_words}"
        );
        assert!(found_words.contains(words), "{text:?}: {found_words}");
        assert!(
            !found_words.chars().any(char::is_control),
            "{found_words:?}"
        );
    }
}

#[test]
fn requests_that_are_accepted_keep_every_byte() {
    for text in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /%7e/../q?a=|{}\"^` HTTP/1.1\r\nhOsT:a:8080\r\nX-a:2\r\nx-A:   b\t \r\nX-a:\r\nX-a: \t\r\n\r\n",
        "GET http://example.org/a HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n",
        "M-SEARCH / HTTP/1.1\r\nHost: a_b.example:\r\nA: \u{e4}\r\n\r\n",
    ] {
        let head = request(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        head.write(&mut out).unwrap();
        assert_eq!(out, text.as_bytes(), "{text:?}");
    }
}

#[test]
fn responses_that_are_refused_and_why() {
    for (text, offset, words) in [
        ("hi", 0, "`hi` instead of an answer in HTTP"),
        ("HTTQ/1.1 200 OK\r\n\r\n", 0, "instead of an answer"),
        ("\x15\x03\x01\0\x02\x02", 0, "a TLS alert"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", 0, "instead of an answer"),
        ("HTTP/1.1 99 OK\r\n\r\n", 9, "`99 ` as a status"),
        ("HTTP/1.1 099 OK\r\n\r\n", 9, "`099` as a status"),
        ("HTTP/1.1 2000 OK\r\n\r\n", 12, "right after the status"),
        ("HTTP/1.1  200 OK\r\n\r\n", 9, "as a status"),
        ("HTTP/1.1\r\n\r\n", 9, "as a status"),
        ("HTTP/3.0 200 OK\r\n\r\n", 0, "HTTP/3.0"),
        ("HTTP/1.1 200 O\x1bK\r\n\r\n", 14, "0x1b in the reason"),
        (
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            23,
            "begins with a blank",
        ),
        ("HTTP/1.1 200 OK\n\n", 15, "bare line feed"),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", 18, "before the colon"),
    ] {
        let error = response(text.as_bytes()).unwrap_err();
        assert_eq!(error.offset(), Some(offset), "{text:?}: {error}");
        assert!(error.to_string().contains(words), "{text:?}: {error}");
    }
}

#[test]
fn old_servers_are_forgiven_and_it_is_said() {
    let parse = |text: &str| {
        let mut parser = ResponseParser::with_strictness(Limits::default(), Strictness::LENIENT);
        match parser.parse(text.as_bytes()).unwrap() {
            Parsed::Complete {
                head,
                consumed,
                forgiven,
            } => (head, consumed, forgiven),
            Parsed::Incomplete => panic!("incomplete: {text:?}"),
        }
    };
    let (head, consumed, forgiven) = parse("HTTP/1.1 200 OK\nA: b\n\tc\n \nB:\r\n  d \n\nbody");
    assert_eq!(head.headers.get_str("a"), Some("b c"));
    assert_eq!(head.headers.get_str("b"), Some("d"));
    assert_eq!(consumed, 36);
    assert_eq!(forgiven, [Forgiven::BareLf, Forgiven::ObsFold]);
    let mut out = Vec::new();
    head.write(&mut out).unwrap();
    assert_eq!(out, b"HTTP/1.1 200 OK\r\nA: b c\r\nB: d\r\n\r\n");

    let (head, consumed, forgiven) = parse("hi");
    assert_eq!(
        (head.version, consumed, forgiven),
        (Version::Http09, 0, vec![Forgiven::Http09])
    );
    assert_eq!(response_body(&head, b"GET"), Ok(Framing::UntilClose));
    let mut parser = ResponseParser::with_strictness(Limits::default(), Strictness::LENIENT);
    assert_eq!(parser.parse(b"HT"), Ok(Parsed::Incomplete));
    assert!(matches!(parser.end(b"HT"), Ok(Parsed::Complete { .. })));
    assert_eq!(
        ResponseParser::new(Limits::default())
            .end(b"HT")
            .unwrap_err()
            .to_string(),
        "only 2 bytes of the head of its answer (RFC 9112 section 8)"
    );

    // The missing blank is forgiven in any case (RFC 9112 section 4 wants it; nobody's meaning depends on it).
    let strict = ResponseParser::new(Limits::default())
        .parse(b"HTTP/1.1 204\r\n\r\n")
        .unwrap();
    assert!(
        matches!(strict, Parsed::Complete { forgiven, .. } if forgiven == [Forgiven::NoBlankAfterStatus])
    );
}

#[test]
fn heads_have_bounds() {
    let limits = Limits {
        line: 20,
        head: 60,
        fields: 2,
    };
    let parse = |text: &str| {
        RequestParser::new(limits)
            .parse(text.as_bytes())
            .unwrap_err()
    };
    for (text, kind, status) in [
        (
            "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ErrorKind::LineTooLong,
            414,
        ),
        (
            "GET /aaaaaaa HTTP/1.1\r\nHost: a\r\n\r\n",
            ErrorKind::LineTooLong,
            414,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n",
            ErrorKind::HeadTooLarge,
            431,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n",
            ErrorKind::HeadTooLarge,
            431,
        ),
    ] {
        let error = parse(text);
        assert_eq!(
            (error.kind(), error.status()),
            (kind, status),
            "{text}: {error}"
        );
    }
    // More lines than are read in one go are read all the same.
    let lines = "A: b\r\n".repeat(127);
    assert_eq!(
        request(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes())
            .unwrap()
            .headers
            .len(),
        128
    );
}

#[test]
fn nothing_is_written_that_reads_as_something_else() {
    // RFC 9110 section 5.5: response splitting, request splitting.
    let mut headers = Headers::new();
    for (name, value) in [
        ("a", "b\r\nc: d"),
        ("a", "b\n"),
        ("a", "\0"),
        ("a\r\n", "b"),
        ("a:", "b"),
        ("", "b"),
        ("ä", "b"),
        ("a b", "c"),
    ] {
        let error = headers.append(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unwritable, "{name:?} {value:?}");
    }
    for line in ["a: b\r\nc: d", "a", "a : b", " a: b", "", ": b"] {
        assert_eq!(
            headers.append_line(line).unwrap_err().kind(),
            ErrorKind::Unwritable,
            "{line:?}"
        );
    }
    assert!(headers.is_empty());
    for (method, target) in [
        ("GET /\r\n", "/"),
        ("", "/"),
        ("GET", "/ HTTP/1.1\r\nA: b"),
        ("GET", "/a b"),
        ("GET", ""),
        ("GET", "/\0"),
    ] {
        let mut out = Vec::new();
        let error = RequestHead::new(method, target, Headers::new())
            .write(&mut out)
            .unwrap_err();
        assert_eq!(
            (error.kind(), out.len()),
            (ErrorKind::Unwritable, 0),
            "{method:?} {target:?}"
        );
    }
    let mut head = ResponseHead::new(200, Headers::new());
    head.reason = b"OK\r\nA: b".to_vec();
    assert!(head.write(&mut Vec::new()).is_err());
    assert!(
        ResponseHead::new(99, Headers::new())
            .write(&mut Vec::new())
            .is_err()
    );
}

#[test]
fn header_lists_are_edited_in_place() {
    let mut headers = Headers::new();
    for (name, value) in [
        ("A", "1"),
        ("b", "2"),
        ("a", "3"),
        ("C", "x, \"y, z\\\", w\" ,, v"),
    ] {
        headers.append(name, value).unwrap();
    }
    headers.replace("a", "4").unwrap();
    headers.insert(0, "D", " 5 ").unwrap();
    headers.insert(99, "E", "").unwrap();
    let shown: Vec<_> = headers.iter().map(|field| format!("{field:?}")).collect();
    assert_eq!(
        shown,
        [
            "D: 5",
            "a: 4",
            "b: 2",
            "C: x, \"y, z\\\\\", w\" ,, v",
            "E: "
        ]
    );
    let members: Vec<_> = headers.list("c").collect();
    assert_eq!(members, [&b"x"[..], b"\"y, z\\\", w\"", b"v"]);
    assert_eq!(headers.remove("A"), 1);
    assert_eq!(headers.remove("A"), 0);
    assert!(!headers.contains("a"));
    let mut out = Vec::new();
    headers.write(&mut out);
    assert_eq!(out, b"D: 5\r\nb: 2\r\nC: x, \"y, z\\\", w\" ,, v\r\nE:\r\n");
}

#[test]
fn what_becomes_of_the_connection() {
    let headers = |text: &str| {
        let mut headers = Headers::new();
        text.split_terminator('\n')
            .for_each(|line| headers.append_line(line).unwrap());
        headers
    };
    // RFC 9112 section 9.3.
    for (version, text, lives) in [
        (Version::Http11, "", true),
        (Version::Http11, "Connection: Close", false),
        (Version::Http11, "Connection: te, close", false),
        (Version::Http11, "Connection: te\nconnection: close", false),
        (Version::Http10, "", false),
        (Version::Http10, "Connection: Keep-Alive", true),
        (Version::Http10, "Connection: keep-alive, close", false),
        (
            Version::Http11,
            "Transfer-Encoding: chunked\nContent-Length: 1",
            false,
        ),
        (Version::Http09, "", false),
    ] {
        assert_eq!(
            persistent(version, &headers(text)),
            lives,
            "{version:?} {text:?}"
        );
    }
    // RFC 9110 section 7.8 and section 7.6.1.
    let upgrading = headers("Connection: keep-alive, Upgrade\nUpgrade: websocket, h2c");
    assert_eq!(
        upgrade(Version::Http11, &upgrading),
        [&b"websocket"[..], b"h2c"]
    );
    assert!(upgrade(Version::Http10, &upgrading).is_empty());
    assert!(upgrade(Version::Http11, &headers("Upgrade: websocket")).is_empty());
    assert!(connection_names(&headers("Connection: X-a, b c")).contains(&"x-a".to_owned()));
    // RFC 9110 section 10.1.1.
    let expect = |text: &str| expectation(&RequestHead::new("PUT", "/", headers(text)));
    assert_eq!(expect(""), Expectation::None);
    assert_eq!(expect("Expect: 100-Continue"), Expectation::Continue);
    assert_eq!(expect("Expect: 100-continue, gold"), Expectation::Unknown);
}

#[test]
fn lines_are_written_without_some_wherever_they_stand() {
    let names = ["a", "skip", "b", "SKIP", "c"];
    for without in 0..1 << names.len() {
        let (mut headers, mut wanted) = (Headers::new(), String::new());
        for (bit, name) in names.iter().enumerate() {
            if without >> bit & 1 == 0 {
                headers.append(name, "1").unwrap();
                if !name.eq_ignore_ascii_case("skip") {
                    wanted.push_str(&format!("{name}: 1\r\n"));
                }
            }
        }
        let written = |headers: &Headers| {
            let mut out = Vec::new();
            headers.write_without(&mut out, |name| name.eq_ignore_ascii_case(b"skip"));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&headers), wanted);
        // The same after lines were put in and taken out.
        headers.insert(0, "first", "0").unwrap();
        assert_eq!(written(&headers), format!("first: 0\r\n{wanted}"));
        headers.remove("first");
        assert_eq!(written(&headers), wanted);
        let mut out = Vec::new();
        headers.write(&mut out);
        let all: String = headers
            .iter()
            .map(|field| format!("{}: 1\r\n", field.name))
            .collect();
        assert_eq!(String::from_utf8(out).unwrap(), all);
    }
}
