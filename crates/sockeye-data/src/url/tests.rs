//! Tables of URLs: both views, what is refused, what joins to what.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn both_views_of_a_url() {
    for (typed, normal, target) in [
        ("http://a", "http://a/", "/"),
        ("HTTP://A:80/", "http://a/", "/"),
        ("https://a:80", "https://a:80/", "/"),
        ("http://a?b", "http://a/?b", "/?b"),
        (
            "http://a/b c".replace(' ', "%20").as_str(),
            "http://a/b%20c",
            "/b%20c",
        ),
        ("http://a/%7e/./b/../c", "http://a/%7e/c", "/%7e/./b/../c"),
        ("http://a/ä?ö#ü", "http://a/%C3%A4?%C3%B6#%C3%BC", "/ä?ö"),
        (
            "http://a/?re=\\d|{x}",
            "http://a/?re=\\d|{x}",
            "/?re=\\d|{x}",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080/", "/"),
        ("http://[0:0::1]", "http://[::1]/", "/"),
        ("http://0x7f.1/", "http://127.0.0.1/", "/"),
        ("http://a:/", "http://a/", "/"),
        (
            "http://bücher.example",
            "http://xn--bcher-kva.example/",
            "/",
        ),
        ("ftp://me@a:21/b;type=i", "ftp://me@a/b;type=i", "/b;type=i"),
        ("ftps://a:21/b", "ftps://a:21/b", "/b"),
        (
            "ftps://BÜCHER.example:990",
            "ftps://xn--bcher-kva.example/",
            "/",
        ),
        ("file:///etc/hosts", "file:///etc/hosts", "/etc/hosts"),
        ("file:/etc/../x", "file:///x", "/etc/../x"),
        ("file://localhost/x", "file:///x", "/x"),
        ("data:,a b", "data:,a b", ",a b"),
    ] {
        let url = Url::parse(typed).unwrap();
        assert_eq!(url.to_string(), normal, "{typed}");
        assert_eq!(url.typed(), typed);
        assert_eq!(url.typed_target(), target, "{typed}");
        assert_eq!(Url::parse(&url.to_secret_string()).unwrap(), url, "{typed}");
    }
}

#[test]
fn what_two_readers_could_take_differently_is_refused() {
    for (text, offset, words) in [
        ("", 0, "no scheme"),
        ("a", 0, "no scheme"),
        ("gopher://a/", 0, "unknown scheme `gopher`"),
        ("javascript:alert(1)", 0, "unknown scheme"),
        ("http:a", 5, "two slashes are missing"),
        ("http:/a", 5, "two slashes are missing"),
        ("http:///a", 7, "no host"),
        ("http://", 7, "no host"),
        ("http://:80/", 7, "no host"),
        ("http://u@/", 9, "no host"),
        ("http://a\\@b/", 8, "a backslash"),
        ("http://a/\\b", 9, "a backslash"),
        ("http://a/\r\nb", 9, "\\r in it"),
        ("http://a/\0", 9, "in it"),
        ("http://a/\u{85}", 9, "in it"),
        ("http://a/\tb", 9, "\\t in it"),
        (" http://a/", 0, "unknown scheme"),
        ("http://a/b c", 10, "a blank"),
        ("http://a b/", 8, "a blank"),
        ("http://a@b@c/", 10, "a second `@`"),
        ("http://a%2fb/", 8, "a percent sign in the host"),
        ("http://a%00/", 8, "a percent sign in the host"),
        ("http://[fe80::1%25eth0]/", 7, "a zone"),
        ("http://[fe80::1/", 7, "IPv6"),
        ("http://[::g]/", 7, "IPv6"),
        ("http://::1/", 7, "without brackets"),
        ("http://a:65536/", 9, "not a port"),
        ("http://a:+80/", 9, "not a port"),
        ("http://a:80:80/", 7, "a second port"),
        ("http://a<b/", 7, "`a<b`"),
        ("http://u%0d%0a:p@a/", 7, "a line break or NUL"),
        ("http://u:p%zz@a/", 10, "without two digits"),
        ("file://host/x", 7, "a file on `host`"),
        ("file:x", 5, "two slashes"),
    ] {
        let error = Url::parse(text).unwrap_err();
        assert!(error.to_string().contains(words), "{text:?}: {error}");
        assert_eq!(error.offset(), offset, "{text:?}: {error}");
    }
}

#[test]
fn secrets_are_masked_and_bytes_decoded() {
    let url = Url::parse("https://us%65r:p%3aw%ff@a/").unwrap();
    assert_eq!(url.user(), Some(b"user".to_vec()));
    assert_eq!(url.password(), Some(b"p:w\xff".to_vec()));
    assert_eq!(url.to_string(), "https://user:***@a/");
    assert_eq!(format!("{url:?}"), "Url(https://user:***@a/)");
    assert_eq!(url.to_secret_string(), "https://user:p%3Aw%FF@a/");
    assert_eq!(url.without_secrets().to_secret_string(), "https://a/");
    assert_eq!(
        Url::parse("http://:p@a").unwrap().to_string(),
        "http://:***@a/"
    );
    for text in [
        "http://u:secret@a b/",
        "http://u:secret@a:x/",
        "http://u:secret@[/",
        "http://u:secret@a@b/",
    ] {
        assert!(
            !Url::parse(text).unwrap_err().to_string().contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn what_people_type_is_completed() {
    for (typed, read) in [
        ("example.org", "http://example.org/"),
        ("example.org/a:b", "http://example.org/a:b"),
        ("example.org?a=http://b", "http://example.org/?a=http://b"),
        ("localhost:8080/x", "http://localhost:8080/x"),
        ("127.0.0.1:80", "http://127.0.0.1/"),
        ("[::1]:8080/x", "http://[::1]:8080/x"),
        ("[::1]/x", "http://[::1]/x"),
        (":8080", "http://localhost:8080/"),
        ("//example.org/x", "http://example.org/x"),
        ("a:443/x", "https://a/x"),
        ("a:21", "ftp://a/"),
        ("a:990", "ftps://a/"),
        ("ftp.example.org", "http://ftp.example.org/"),
        ("me:pw@a/x", "http://me:***@a/x"),
        ("me@a:8080", "http://me@a:8080/"),
        ("https://a", "https://a/"),
        ("file:/x", "file:///x"),
        ("data:,x", "data:,x"),
    ] {
        assert_eq!(
            Url::parse_typed(typed).unwrap().to_string(),
            read,
            "{typed}"
        );
    }
    for typed in [
        "mailto:me@a",
        "javascript:alert(1)",
        "htp://a/",
        "a:b",
        "",
        "/x",
        "a b",
    ] {
        assert!(Url::parse_typed(typed).is_err(), "{typed}");
    }
}

#[test]
fn references_are_resolved_as_rfc_3986_section_5_4_says() {
    let base = Url::parse("http://a/b/c/d;p?q").unwrap();
    for (reference, target) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("", "http://a/b/c/d;p?q"),
        ("..", "http://a/b/"),
        ("../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("g:h", ""),
        ("https://x/../y", "https://x/y"),
        ("ftp://x", "ftp://x/"),
        ("//x:8080", "http://x:8080/"),
        ("a?b=c:d", "http://a/b/c/a?b=c:d"),
        ("/\\evil", ""),
        ("http:g", ""),
    ] {
        let joined = base.join(reference).map(|url| url.to_string());
        assert_eq!(joined.unwrap_or_default(), target, "{reference}");
    }
    // The port and the user stay with the same origin, and never go elsewhere.
    let base = Url::parse("https://u:p@a:8443/b").unwrap();
    assert_eq!(
        base.join("c").unwrap().to_secret_string(),
        "https://u:p@a:8443/c"
    );
    assert_eq!(
        base.join("//a/c").unwrap().to_secret_string(),
        "https://a/c"
    );
    assert_eq!(
        base.join("https://b/c").unwrap().to_secret_string(),
        "https://b/c"
    );
    assert_eq!(
        Url::parse("ftps://a/b")
            .unwrap()
            .join("c")
            .unwrap()
            .to_string(),
        "ftps://a/c"
    );
    assert!(Url::parse("data:,x").unwrap().join("c").is_err());
    assert!(
        Url::parse("http://a")
            .unwrap()
            .redirect(b"/b\r\nSet-Cookie: c")
            .is_err()
    );
}

#[test]
fn origins_are_scheme_host_and_port() {
    let origin = |text: &str| Url::parse(text).unwrap().origin();
    assert_eq!(origin("http://A/x"), origin("http://a:80/y"));
    assert_ne!(origin("http://a"), origin("https://a"));
    assert_ne!(origin("https://a"), origin("https://a:80"));
    assert_eq!(origin("file:///x"), None);
    assert_eq!(
        Url::parse("http://[::1]:8080").unwrap().authority(),
        "[::1]:8080"
    );
}

#[test]
fn data_urls_hold_their_body() {
    let read = |text: &str| {
        Url::parse(text).unwrap().data().map(|data| {
            let data = data.unwrap();
            (data.media_type, String::from_utf8(data.body).unwrap())
        })
    };
    for (text, media, body) in [
        ("data:,a%20b+c", "text/plain;charset=US-ASCII", "a b+c"),
        ("data:;charset=utf-8,x", "text/plain;charset=utf-8", "x"),
        ("data:text/html;base64,aGk=", "text/html", "hi"),
        ("data:text/html;base64,aG k", "text/html", "hi"),
        ("data:nonsense,x", "text/plain;charset=US-ASCII", "x"),
        ("data:text/x;a=b,100%", "text/x;a=b", "100%"),
    ] {
        assert_eq!(
            read(text).unwrap(),
            (media.to_owned(), body.to_owned()),
            "{text}"
        );
    }
    assert!(read("data:text/plain").is_err());
    assert!(read("data:;base64,!!").is_err());
    assert_eq!(Url::parse("http://a").unwrap().data().unwrap(), None);
}

proptest! {
    #[test]
    fn what_is_printed_reads_the_same(
        scheme in "(http|https|ftp|ftps)",
        rest in "([a-z%:]{0,5}@)?[a-zA-Z0-9.ä-]{1,8}(:[0-9]{0,5})?(/[ -~ä]{0,12})?",
    ) {
        if let Ok(url) = Url::parse(&format!("{scheme}://{rest}")) {
            prop_assert_eq!(&Url::parse(&url.to_secret_string()).unwrap(), &url);
            prop_assert!(url.target().is_ascii() && !url.host().contains(['/', '@', '\\']));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text: String, reference in "[a-z/:?#.@\\\\\\[\\]%ä ]{0,20}", bytes: Vec<u8>) {
        for text in [&text, &reference] {
            drop(Url::parse_typed(text));
            drop(Url::parse(&format!("http://{text}")));
            drop(Url::parse(&format!("data:{text}")).and_then(|url| url.data()));
        }
        let base = Url::parse("http://u:p@a/b?c#d").unwrap();
        if let Ok(joined) = base.join(&reference)
            && joined.origin() != base.origin()
        {
            prop_assert!(joined.password() != base.password());
        }
        drop(base.redirect(&bytes));
    }

    #[test]
    fn pairs_come_back(pairs: Vec<(Vec<u8>, Vec<u8>)>) {
        let wanted: Vec<_> = pairs.clone();
        prop_assert_eq!(&query::parse(&query::form(pairs.clone())), &wanted);
        prop_assert_eq!(&query::parse(&query::query(pairs)), &wanted);
    }
}
