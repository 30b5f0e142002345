#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn what_servers_write_is_read_as_browsers_do() {
    for (text, name, value) in [
        ("a=1", "a", "1"),
        (" a = 1 ;x", "a", "1"),
        ("a=b=c", "a", "b=c"),
        ("a=\"x; y\"", "a", "\"x"),
        ("a", "", "a"),
        ("=a", "", "a"),
        ("a=", "a", ""),
        ("ä=ö", "ä", "ö"),
    ] {
        let cookie = SetCookie::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (&*cookie.name, &*cookie.value),
            (name.as_bytes(), value.as_bytes()),
            "{text}"
        );
    }
    for (text, fault) in [
        ("", CookieFault::Empty),
        ("=; Path=/", CookieFault::Empty),
        ("a=1\r\nb", CookieFault::Control),
        ("a=1\0", CookieFault::Control),
        ("a=1; Path=/\x07", CookieFault::Control),
        ("a=x\ty", CookieFault::Control),
        ("a=\x7f", CookieFault::Control),
        ("=__Host-a=1", CookieFault::FalsePrefix),
        ("__host-a", CookieFault::FalsePrefix),
    ] {
        assert_eq!(SetCookie::parse(text.as_bytes()), Err(fault), "{text:?}");
    }
    let long = |length: usize| format!("a={}", "x".repeat(length));
    assert!(SetCookie::parse(long(4095).as_bytes()).is_ok());
    assert_eq!(
        SetCookie::parse(long(4096).as_bytes()),
        Err(CookieFault::TooLong)
    );
}

#[test]
fn attributes_are_read_and_the_last_one_counts() {
    let read = |text: &str| SetCookie::parse(text.as_bytes()).unwrap();
    let cookie =
        read("a=1; DOMAIN=.Example.ORG; path=/x; Path=nope; HttpOnly; SECURE=x; samesite=strict");
    assert_eq!(cookie.domain.as_deref(), Some("example.org"));
    assert_eq!(cookie.path, None);
    assert!(cookie.secure && cookie.http_only);
    assert_eq!(cookie.same_site, Some(SameSite::Strict));
    assert_eq!(read("a=1; Domain=; Domain").domain, None);
    assert_eq!(read("a=1; SameSite=odd").same_site, None);
    for (age, seconds) in [
        ("60", Some(60)),
        ("-1", Some(0)),
        ("0", Some(0)),
        ("99999999999999999999", Some(i64::MAX)),
        ("-99999999999999999999", Some(0)),
        ("", None),
        ("-", None),
        ("6 0", None),
        ("+6", None),
    ] {
        assert_eq!(
            read(&format!("a=1; Max-Age={age}")).max_age,
            seconds,
            "{age}"
        );
    }
    let long = "x".repeat(1025);
    assert_eq!(
        read(&format!("a=1; Path=/{long}; Domain={long}")).path,
        None
    );
}

#[test]
fn dates_come_in_nearly_any_order() {
    for (text, seconds) in [
        ("Thu, 01-Jan-1970 00:00:00 GMT", Some(0)),
        ("Wed, 31 Dec 97 23:59:59 GMT", Some(883_612_799)),
        ("Tue Nov  3 08:49:37 2026", Some(1_793_695_777)),
        ("Mon Sep 28 00:00:00 2009", Some(1_254_096_000)),
        ("28/Sep/09 0:0:0", Some(1_254_096_000)),
        ("00:00:00x 28th September 2009z", Some(1_254_096_000)),
        ("Thu, 01 Jan 1600 00:00:00 GMT", None),
        ("Thu, 31 Feb 2020 00:00:00 GMT", None),
        ("Thu, 01 Jan 2020 24:00:00 GMT", None),
        ("Thu, 01 Jan 2020 00:00:60 GMT", None),
        ("Thu, 01 Jan 2020", None),
        ("01 Jan 20200 00:00:00", None),
        ("", None),
    ] {
        assert_eq!(parse_date(text.as_bytes()), seconds, "{text}");
    }
}

#[test]
fn lines_of_the_file_are_read_and_written_as_curl_does() {
    let read = |line: &str| match parse_line(line.as_bytes()) {
        Ok(FileLine::Cookie(cookie)) => Some(cookie),
        _ => None,
    };
    let cookie = read("example.org\tFALSE\t/x\tTRUE\t1793695777\ta\tb\r").unwrap();
    assert_eq!(
        (cookie.expires, cookie.secure, cookie.tail_match),
        (Some(1_793_695_777), true, false)
    );
    assert_eq!(
        read("example.org\tfalse\t/\tfalse\t0\ta").unwrap().value,
        b""
    );
    assert_eq!(
        read(".Example.org\tTRUE\t\tFALSE\t17.5\ta\t")
            .unwrap()
            .expires,
        Some(17)
    );
    for line in ["", "  ", "# a comment", "#\tb", "#HttpOnly_"] {
        assert_eq!(parse_line(line.as_bytes()), Ok(FileLine::Nothing), "{line}");
    }
    for line in [
        "a b c",
        "example.org\tyes\t/\tFALSE\t0\ta\tb",
        "example.org\tTRUE\t/\tFALSE\tsoon\ta\tb",
        "\tTRUE\t/\tFALSE\t0\ta\tb",
        ".\tTRUE\t/\tFALSE\t0\ta\tb",
        "example.org\tTRUE\t/\tFALSE\t0\ta\tb\tc",
        "example.org\tTRUE\t/\tFALSE\t0\ta\tb\x1b",
        "exa\x1bmple.org\tTRUE\t/\tFALSE\t0\ta\tb",
    ] {
        assert!(parse_line(line.as_bytes()).is_err(), "{line:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "[a-z=;, \"\t:0-9_-]{0,80}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            if let Ok(cookie) = SetCookie::parse(bytes) {
                prop_assert!(check(&cookie.name, &cookie.value).is_ok());
                let written = header([(&cookie.name, &cookie.value)]);
                let back: Vec<_> = pairs(&written).collect();
                prop_assert_eq!(back, [(&*cookie.name, &*cookie.value)]);
            }
            parse_date(bytes);
            if let Ok(FileLine::Cookie(cookie)) = parse_line(bytes) {
                prop_assert_eq!(parse_line(&cookie.to_line()), Ok(FileLine::Cookie(cookie)));
            }
        }
    }

    #[test]
    fn dates_of_headers_are_dates_of_cookies(seconds in -11_644_473_600_i64..253_402_300_800) {
        let text = crate::fields::date::print(seconds).unwrap();
        prop_assert_eq!(parse_date(text.as_bytes()), Some(seconds));
    }
}
