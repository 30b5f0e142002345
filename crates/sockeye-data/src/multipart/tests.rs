#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

type Parts = Vec<(String, Option<String>, Vec<u8>)>;

/// All parts of a form that arrives in pieces of this size.
fn read(form: &[u8], piece: usize, limits: Limits) -> Result<(Parts, bool), MultipartError> {
    let mut reader = Multipart::new(b"X", limits);
    let mut parts: Parts = Vec::new();
    for piece in form.chunks(piece.max(1)) {
        reader.push(piece);
        while let Some(event) = reader.next()? {
            match event {
                Event::Part(part) => {
                    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                    parts.push((text(part.name), part.file_name.map(text), Vec::new()));
                }
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    parts.last_mut().unwrap().2.extend(data);
                }
                Event::End => {}
                Event::Done => assert!(reader.is_done()),
            }
        }
    }
    Ok((parts, reader.is_done()))
}

fn fault(form: &[u8]) -> String {
    read(form, form.len(), Limits::default())
        .unwrap_err()
        .to_string()
}

const FORM: &[u8] = b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--X \t\r\n\
    content-disposition: form-data; name=\"f\"; filename=\"d/\xc3\xa4 %22b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n\
    one\r\n--Y\r\n\r\n--\r\n--X--\r\nwhatever --X follows";

#[test]
fn parts_are_read_however_they_are_cut() {
    for piece in 1..FORM.len() {
        let (parts, is_done) = read(FORM, piece, Limits::default()).unwrap();
        assert!(is_done);
        let wanted = [
            ("a".to_owned(), None, Vec::new()),
            (
                "f".to_owned(),
                Some("d/ä \"b\".txt".to_owned()),
                b"one\r\n--Y\r\n\r\n--".to_vec(),
            ),
        ];
        assert_eq!(parts, wanted, "in pieces of {piece}");
    }
}

#[test]
fn a_form_that_is_cut_off_is_not_done() {
    let end = FORM.len() - b"--\r\nwhatever --X follows".len();
    for length in 0..end {
        let (_, is_done) = read(&FORM[..length], 7, Limits::default()).unwrap();
        assert!(!is_done, "{length}");
    }
}

#[test]
fn broken_forms_are_refused() {
    let part = |head: &str| format!("--X\r\n{head}\r\n\r\nx\r\n--X--\r\n").into_bytes();
    for (head, why) in [
        (
            "Content-Type: text/plain",
            "a part without one Content-Disposition",
        ),
        (
            "Content-Disposition: form-data",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: attachment; name=a",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: form-data; name=\"a",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: form-data; name=\"a\" x",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: form-data; name=a; name=b",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: form-data; name=a; filename=b; filename*=UTF-8''c",
            "a Content-Disposition that is broken",
        ),
        (
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "a part without one Content-Disposition",
        ),
        (
            "Content-Disposition : form-data; name=a",
            "a part with a broken header line",
        ),
        (
            "Content-Disposition: form-data;\r\n name=a",
            "a part with a broken header line",
        ),
        (
            "Content-Disposition: form-data; name=a\nX: y",
            "a part with a broken header line",
        ),
    ] {
        assert_eq!(fault(&part(head)), why, "{head}");
    }
    assert_eq!(fault(b"--Xa\r\n"), "something stands behind a boundary");
    assert_eq!(fault(b"--X\n"), "something stands behind a boundary");
}

#[test]
fn parts_heads_lines_and_preambles_are_bounded() {
    let one = b"--X\r\nContent-Disposition: form-data; name=a\r\nB: c\r\n\r\n\r\n";
    let limits = |parts, head, lines| Limits { parts, head, lines };
    let two = [&one[..], one, b"--X--"].concat();
    let refused = |form: &[u8], limits| {
        let error = read(form, 3, limits).unwrap_err();
        assert!(error.is_too_large());
        error.to_string()
    };
    assert!(read(&two, 3, limits(2, 50, 2)).unwrap().1);
    assert_eq!(refused(&two, limits(1, 50, 2)), "too many parts");
    assert_eq!(
        refused(&two, limits(2, 40, 2)),
        "the head of a part is too long"
    );
    assert_eq!(
        refused(&two, limits(2, 50, 1)),
        "a part with too many header lines"
    );
    let endless = [&b"--X\r\n"[..], &[b'a'; 9000]].concat();
    assert_eq!(
        refused(&endless, Limits::default()),
        "the head of a part is too long"
    );
    assert_eq!(
        refused(&[b'a'; 9000], Limits::default()),
        "too much text before the first part"
    );
}

#[test]
fn boundaries_are_those_of_forms() {
    for (text, wanted) in [
        ("multipart/form-data; boundary=X", Some("X")),
        (
            "Multipart/Form-Data; charset=utf-8; boundary=\"a b\"",
            Some("a b"),
        ),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=\"a;b\"", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=X", None),
    ] {
        let found = boundary(text.as_bytes());
        assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{text}");
    }
    assert!(
        boundary(format!("multipart/form-data; boundary={}", "a".repeat(70)).as_bytes()).is_some()
    );
    assert!(
        boundary(format!("multipart/form-data; boundary={}", "a".repeat(71)).as_bytes()).is_none()
    );
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(noise in "[-X\r\na:;=\" ]{0,60}", piece in 1usize..9) {
        for form in [noise.clone().into_bytes(), [&FORM[..54], noise.as_bytes(), b"\r\n--X--"].concat()] {
            let whole = read(&form, form.len(), Limits::default());
            prop_assert_eq!(read(&form, piece, Limits::default()), whole);
        }
    }

    #[test]
    fn contents_come_back_as_they_were(contents: Vec<u8>, piece in 1usize..99) {
        prop_assume!(!contents.windows(5).any(|window| window == b"\r\n--X"));
        let form = [b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n", &contents[..], b"\r\n--X--"].concat();
        let (parts, is_done) = read(&form, piece, Limits::default()).unwrap();
        prop_assert!(is_done);
        prop_assert_eq!(&parts[0].2, &contents);
    }
}
