use proptest::prelude::*;

use super::*;

fn whole(output: &str) -> Result<(Head, usize), HeadError> {
    parse(output.as_bytes(), Limits::default()).map(|found| found.unwrap())
}

#[test]
fn heads_as_programs_write_them() {
    for end in ["\n", "\r\n"] {
        let output = ["Content-Type: text/html", "X-a:2", "", "body"].join(end);
        let (head, length) = whole(&output).unwrap();
        assert_eq!(head.headers.get_str("x-A"), Some("2"));
        assert_eq!((head.status, head.location), (None, None));
        assert_eq!(&output[length..], "body");
    }
    let (head, _) =
        whole("status: 418\nContent-length: 7\nSet-Cookie: a\nSet-Cookie: b\n\n").unwrap();
    assert_eq!(
        (head.status, head.length, head.headers.len()),
        (Some(418), Some(7), 2)
    );
}

#[test]
fn where_a_program_points_to() {
    let to = |line: &str| whole(&format!("Location: {line}\n\n")).unwrap().0.location;
    assert_eq!(to("/a?b"), Some(Location::Local("/a?b".into())));
    for client in ["//evil.example/", "http://a/", "relative", ""] {
        assert_eq!(
            to(client),
            Some(Location::Client(client.into())),
            "{client}"
        );
    }
}

#[test]
fn what_is_the_servers_affair_is_left_out() {
    let (head, _) =
        whole("Transfer-Encoding: chunked\nConnection: close\nDate: now\nA: b\n\n").unwrap();
    assert_eq!(
        head.headers
            .iter()
            .map(|field| field.name)
            .collect::<Vec<_>>(),
        ["A"]
    );
}

#[test]
fn what_is_no_head() {
    let error = |output: &str| whole(output).unwrap_err();
    assert_eq!(error("HTTP/1.1 200 OK\nA: b\n\n"), HeadError::WholeAnswer);
    assert_eq!(
        error("Hello, world\n\n"),
        HeadError::Line("Hello, world".into())
    );
    assert_eq!(error("A : b\n\n"), HeadError::Line("A : b".into()));
    assert_eq!(error("A: b\n c\n\n"), HeadError::Line(" c".into()));
    assert_eq!(
        error("A: b\rc: d\n\n"),
        HeadError::Line(r"A: b\rc: d".into())
    );
    for status in ["", "20", "2000", "100", "ok", "099 x"] {
        let said = error(&format!("Status: {status}\n\n"));
        assert_eq!(said, HeadError::Status(status.into()));
    }
    assert_eq!(
        error("Content-Length: +5\n\n"),
        HeadError::Length("+5".into())
    );
    assert_eq!(
        error("Content-Length: 5\nContent-Length: 6\n\n"),
        HeadError::Length("6".into())
    );
    assert_eq!(error(&"A: b\n".repeat(200)), HeadError::TooLarge);
    let endless = vec![b'a'; 40_000];
    assert_eq!(parse(&endless, Limits::default()), Err(HeadError::TooLarge));
    let long = format!("A: {}\n\n", "b".repeat(40_000));
    assert_eq!(error(&long), HeadError::TooLarge);
}

proptest! {
    /// However the output is cut, the head is the same, and it is found as soon as it is there.
    #[test]
    fn no_cut_changes_a_head(text in "([A-Za-z:/ 0-9\r]{0,12}\n){0,6}\n?[a-z]{0,4}") {
        let bytes = text.as_bytes();
        let whole = parse(bytes, Limits::default());
        let first = (0..=bytes.len())
            .map(|end| parse(&bytes[..end], Limits::default()))
            .find(|found| !matches!(found, Ok(None)));
        prop_assert_eq!(first.unwrap_or(Ok(None)), whole);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes, Limits { bytes: 64, lines: 3 });
        let _ = (status(&bytes), length(&bytes));
    }
}
