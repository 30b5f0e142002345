#![allow(clippy::unwrap_used)]

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn sent(jar: &CookieJar, to: &str) -> String {
    String::from_utf8(jar.header(&url(to)).unwrap_or_default()).unwrap()
}

fn refused(from: &str, set: &str) -> Option<CookieRefusal> {
    let jar = CookieJar::new();
    let refusal = jar.add(&url(from), set.as_bytes()).err();
    assert_eq!(jar.cookies().is_empty(), refusal.is_some(), "{set}");
    refusal
}

#[test]
fn a_cookie_goes_to_its_host_and_its_paths() {
    let jar = CookieJar::new();
    let from = url("http://www.example.org/a/b");
    for set in [
        "h=1",
        "d=2; Domain=.EXAMPLE.org; Path=/",
        "p=3; Path=/a/b",
        "r=4; Path=/",
    ] {
        jar.add(&from, set.as_bytes()).unwrap();
    }
    for (to, cookies) in [
        ("http://www.example.org/a/b", "p=3; h=1; d=2; r=4"),
        ("http://www.example.org/a/b/c", "p=3; h=1; d=2; r=4"),
        ("http://www.example.org/a", "h=1; d=2; r=4"),
        ("http://www.example.org/ab", "d=2; r=4"),
        ("https://www.example.org:8443/", "d=2; r=4"),
        ("http://example.org/a/b", "d=2"),
        ("http://x.www.example.org/", "d=2"),
        ("http://WWW.example.org./", "d=2; r=4"),
        ("http://notexample.org/", ""),
        ("http://example.com/", ""),
    ] {
        assert_eq!(sent(&jar, to), cookies, "{to}");
    }
}

#[test]
fn a_cookie_for_a_public_suffix_another_host_or_part_of_an_address_is_refused() {
    use CookieRefusal::{Foreign, PublicSuffix};
    for (from, domain, refusal) in [
        ("http://a.co.uk/", "co.uk", Some(PublicSuffix)),
        ("http://a.co.uk/", "Co.UK", Some(PublicSuffix)),
        ("http://a.co.uk/", ".co.uk", Some(PublicSuffix)),
        ("http://a.co.uk./", "co.uk", Some(PublicSuffix)),
        ("http://a.com/", "com.", Some(Foreign)),
        ("http://a.com./", "com.", Some(Foreign)),
        ("http://a.com./", "a.com.", Some(Foreign)),
        ("http://a.com/", "com", Some(PublicSuffix)),
        ("http://a.com/", "..com", Some(Foreign)),
        ("http://me.github.io/", "github.io", Some(PublicSuffix)),
        ("http://a.xn--55qx5d.cn/", "公司.cn", Some(PublicSuffix)),
        ("http://a.localhost/", "localhost", Some(PublicSuffix)),
        ("http://a.com/", "b.com", Some(Foreign)),
        ("http://a.com/", "www.a.com", Some(Foreign)),
        ("http://a.com/", "a.com/x", Some(Foreign)),
        ("http://a.com/", "x@a.com", Some(Foreign)),
        ("http://127.0.0.1/", "0.0.1", Some(Foreign)),
        ("http://127.0.0.1/", "0.0.0.1", Some(Foreign)),
        ("http://127.0.0.1/", "1", Some(Foreign)),
        ("http://[::1]/", "1", Some(Foreign)),
        ("http://127.0.0.1/", "127.0.0.1", None),
        ("http://[::1]/", "[::1]", None),
        ("http://localhost/", "localhost", None),
        ("http://github.io/", "github.io", None),
        ("http://x.bücher.example/", "BÜCHER.example", None),
        ("http://a.com./", "a.com", None),
    ] {
        assert_eq!(
            refused(from, &format!("a=b; Domain={domain}")),
            refusal,
            "{from} {domain}"
        );
    }
    // What names the public suffix itself is for that host alone.
    let jar = CookieJar::new();
    jar.add(&url("http://github.io/"), b"a=b; Domain=github.io")
        .unwrap();
    assert_eq!(sent(&jar, "http://me.github.io/"), "");
    jar.add(&url("http://127.0.0.1/"), b"a=b; Domain=127.0.0.1")
        .unwrap();
    assert_eq!(sent(&jar, "http://127.0.0.1:8080/"), "a=b");
}

#[test]
fn names_with_a_prefix_keep_their_promise() {
    use CookieRefusal::{Insecure, Prefix};
    for (from, set, refusal) in [
        ("https://a.com/", "__Host-a=1; Secure; Path=/", None),
        ("https://a.com/", "__Host-a=1; Secure", Some(Prefix)),
        (
            "https://a.com/",
            "__Host-a=1; Secure; Path=/x",
            Some(Prefix),
        ),
        ("https://a.com/", "__Host-a=1; Path=/", Some(Prefix)),
        (
            "https://a.com/",
            "__Host-a=1; Secure; Path=/; Domain=a.com",
            Some(Prefix),
        ),
        (
            "http://a.com/",
            "__Host-a=1; Secure; Path=/",
            Some(Insecure),
        ),
        ("https://a.com/", "__SECURE-a=1; Secure", None),
        ("https://a.com/", "__secure-a=1", Some(Prefix)),
        ("http://a.com/", "__Secure-a=1", Some(Prefix)),
        (
            "https://a.com/",
            "__hOsT-a=1; Secure; Path=/; Domain=a.com",
            Some(Prefix),
        ),
    ] {
        assert_eq!(refused(from, set), refusal, "{set}");
    }
}

#[test]
fn secure_cookies_need_tls_and_are_left_alone_without_it() {
    let jar = CookieJar::new();
    assert_eq!(
        refused("http://a.com/", "a=1; Secure"),
        Some(CookieRefusal::Insecure)
    );
    jar.add(&url("https://www.a.com/"), b"a=1; Secure; Path=/login")
        .unwrap();
    assert_eq!(sent(&jar, "http://www.a.com/login"), "");
    for (from, set) in [
        ("http://www.a.com/", "a=2; Path=/login"),
        ("http://www.a.com/", "a=2; Path=/login/x"),
        ("http://www.a.com/", "a=2; Path=/login; Domain=a.com"),
        ("http://x.www.a.com/", "a=2; Path=/login"),
        ("http://www.a.com/", "a=; Path=/login; Max-Age=0"),
    ] {
        assert_eq!(
            jar.add(&url(from), set.as_bytes()),
            Err(CookieRefusal::Overwrites),
            "{from} {set}"
        );
    }
    jar.add(&url("http://www.a.com/"), b"a=2; Path=/").unwrap();
    jar.add(&url("http://www.a.com/"), b"b=2; Path=/login")
        .unwrap();
    assert_eq!(sent(&jar, "https://www.a.com/login"), "a=1; b=2; a=2");
}

#[test]
fn cookies_end() {
    let jar = CookieJar::new();
    let from = url("http://a.com/");
    for set in [
        "gone=1; Max-Age=0",
        "gone=1; Max-Age=-5; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
        "gone=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "kept=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "long=1; Max-Age=99999999999999999999",
        "session=1; Expires=nonsense",
    ] {
        jar.add(&from, set.as_bytes()).unwrap();
    }
    assert_eq!(sent(&jar, "http://a.com/"), "kept=1; long=1; session=1");
    let long = jar
        .cookies()
        .into_iter()
        .find(|it| it.name == b"long")
        .unwrap();
    assert!(long.expires.unwrap() <= now() + 400 * 86_400);
    jar.add(&from, b"kept=; Max-Age=0").unwrap();
    jar.end_session();
    assert_eq!(sent(&jar, "http://a.com/"), "long=1");
    // A clock that goes on is handed in here.
    let mut store = Store::default();
    store.add(&from, b"a=1; Max-Age=60", 1000).unwrap();
    assert_eq!(store.matching(&from, 1059).len(), 1);
    assert_eq!(store.matching(&from, 1060).len(), 0);
    assert!(store.all(1060).is_empty());
}

#[test]
fn setting_a_cookie_again_keeps_its_place_and_its_age() {
    let jar = CookieJar::new();
    let from = url("http://a.com/");
    for set in ["a=1", "b=2", "a=3"] {
        jar.add(&from, set.as_bytes()).unwrap();
    }
    assert_eq!(sent(&jar, "http://a.com/"), "a=3; b=2");
    let shared = jar.clone();
    shared.clear();
    assert_eq!(sent(&jar, "http://a.com/"), "");
}

#[test]
fn a_jar_has_bounds_and_lets_go_of_what_matters_least() {
    let limits = CookieLimits {
        per_site: 3,
        total: 5,
        ..CookieLimits::default()
    };
    let jar = CookieJar::with_limits(limits);
    let from = url("https://www.a.com/");
    jar.add(&from, b"secure=1; Secure").unwrap();
    jar.add(&from, b"used=1").unwrap();
    jar.add(&from, b"unused=1; Path=/elsewhere").unwrap();
    sent(&jar, "https://www.a.com/");
    jar.add(&url("https://b.a.com/"), b"new=1; Domain=a.com")
        .unwrap();
    assert_eq!(
        sent(&jar, "https://www.a.com/elsewhere"),
        "secure=1; used=1; new=1"
    );
    for number in 0..10 {
        jar.add(&url(&format!("http://{number}.com/")), b"a=1")
            .unwrap();
    }
    assert_eq!(jar.cookies().len(), 5);
    assert_eq!(sent(&jar, "https://www.a.com/"), "secure=1");
    assert_eq!(sent(&jar, "http://9.com/"), "a=1");

    let jar = CookieJar::new();
    for number in 0..200 {
        let set = format!("n{number}={}", "x".repeat(80));
        jar.add(&url("http://a.com/"), set.as_bytes()).unwrap();
    }
    assert_eq!(jar.cookies().len(), 180);
    let header = sent(&jar, "http://a.com/");
    assert!(
        header.len() <= 8190 && header.starts_with("n20="),
        "{}",
        header.len()
    );

    let mut headers = Headers::new();
    for number in 0..60 {
        headers
            .append("Set-Cookie", format!("n{number}=1"))
            .unwrap();
    }
    let jar = CookieJar::new();
    jar.store(&url("http://a.com/"), &headers);
    assert_eq!(jar.cookies().len(), 50);
}

#[test]
fn a_file_is_read_and_written_and_a_broken_line_loses_nothing_else() {
    let text = "# Netscape HTTP Cookie File\n\n\
        #HttpOnly_.example.org\tTRUE\t/\tFALSE\t0\tid\t7\n\
        nonsense\n\
        www.example.org\tFALSE\t/a\tTRUE\t4102444800\tb\t8\n\
        .co.uk\tTRUE\t/\tFALSE\t0\tsuper\t1\n\
        .a.com\tTRUE\t/\tTRUE\t0\t__Host-x\t1\n\
        old.example.org\tFALSE\t/\tFALSE\t1000\told\t1\n\
        ::1\tFALSE\t/\tFALSE\t0\tsix\t1";
    let jar = CookieJar::new();
    let broken = jar.read(text.as_bytes());
    let lines: Vec<usize> = broken.iter().map(|it| it.line).collect();
    assert_eq!(lines, [4, 6, 7], "{broken:?}");
    assert_eq!(sent(&jar, "https://www.example.org/a"), "b=8; id=7");
    assert_eq!(sent(&jar, "http://[::1]/"), "six=1");
    let again = CookieJar::new();
    let written = jar.to_text();
    assert_eq!(again.read(&written), []);
    let sorted = |jar: &CookieJar| {
        let mut cookies = jar.cookies();
        cookies.sort_by(|a, b| a.name.cmp(&b.name));
        cookies
    };
    assert_eq!(sorted(&again), sorted(&jar));
    let text = String::from_utf8(written).unwrap();
    assert!(
        text.contains("#HttpOnly_.example.org\tTRUE\t/\tFALSE\t0\tid\t7\n"),
        "{text}"
    );
}

#[test]
fn what_is_shown_holds_no_value() {
    let jar = CookieJar::new();
    jar.add(&url("http://a.com/x/y"), b"id=s3cret; Domain=a.com")
        .unwrap();
    assert_eq!(format!("{jar:?}"), "[Cookie(\"id\" of .a.com/x)]");
}
