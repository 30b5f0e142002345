#![allow(clippy::unwrap_used)]

use super::*;

fn learned(url: &str, value: &str) -> HstsStore {
    let store = HstsStore::new();
    store.learn(&Url::parse(url).unwrap(), value.as_bytes());
    store
}

fn upgraded(store: &HstsStore, url: &str) -> String {
    let url = Url::parse(url).unwrap();
    store
        .upgrade(&url)
        .map(|url| url.to_string())
        .unwrap_or_default()
}

#[test]
fn a_host_that_wants_tls_gets_it_whatever_its_spelling() {
    let store = learned("https://Bücher.example./", "max-age=60");
    for (from, to) in [
        (
            "http://xn--bcher-kva.example/x?y",
            "https://xn--bcher-kva.example/x?y",
        ),
        (
            "http://BÜCHER.example.:80/",
            "https://xn--bcher-kva.example./",
        ),
        ("http://b%C3%BCcher.example/", ""),
        (
            "http://xn--bcher-kva.example:8080/",
            "https://xn--bcher-kva.example:8080/",
        ),
        ("http://www.xn--bcher-kva.example/", ""),
        ("http://example/", ""),
        ("https://xn--bcher-kva.example/", ""),
        ("ftp://xn--bcher-kva.example/", ""),
    ] {
        if let Ok(url) = Url::parse(from) {
            assert_eq!(upgraded(&store, &url.to_secret_string()), to, "{from}");
        }
    }
    let store = learned(
        "https://a.example/",
        "max-age=\"60\" ; includeSubDomains; preload",
    );
    assert_eq!(
        upgraded(&store, "http://x.y.a.example/"),
        "https://x.y.a.example/"
    );
    assert_eq!(upgraded(&store, "http://ba.example/"), "");
    // The wish of the host itself stands beside that of the one above it.
    store.learn(&Url::parse("https://x.a.example/").unwrap(), b"max-age=0");
    assert_eq!(
        upgraded(&store, "http://x.a.example/"),
        "https://x.a.example/"
    );
}

#[test]
fn only_tls_and_names_and_sense_count() {
    let wanted = |url: &str, value: &str| {
        let store = learned(url, value);
        !upgraded(&store, &url.replace("https:", "http:")).is_empty()
    };
    assert!(wanted("https://a.example/", "max-age=60"));
    for (url, value) in [
        ("http://a.example/", "max-age=60"),
        ("https://127.0.0.1/", "max-age=60"),
        ("https://[::1]/", "max-age=60"),
        ("https://a.example/", ""),
        ("https://a.example/", "includeSubDomains"),
        ("https://a.example/", "max-age"),
        ("https://a.example/", "max-age="),
        ("https://a.example/", "max-age=-1"),
        ("https://a.example/", "max-age=60; max-age=60"),
        (
            "https://a.example/",
            "max-age=60; includeSubDomains; includeSubDomains",
        ),
        ("https://a.example/", "max-age=0"),
    ] {
        assert!(!wanted(url, value), "{url} {value}");
    }
    assert!(wanted(
        "https://a.example/",
        "MAX-AGE=99999999999999999999;;"
    ));
    let store = learned("https://a.example/", "max-age=60");
    store.learn(
        &Url::parse("https://a.example:8443/").unwrap(),
        b"max-age=0",
    );
    assert_eq!(upgraded(&store, "http://a.example/"), "");
}

#[test]
fn the_file_is_curls() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hsts");
    let store = HstsStore::new();
    assert_eq!(store.read_file(&path).unwrap(), []);
    std::fs::write(
        &path,
        "# Your HSTS cache. https://curl.se/docs/hsts.html\n\
         .readme.example \"20991231 00:00:00\"\n\
         Plain.example. \"20991231 00:00:00\"\n\
         old.example \"20191231 00:00:00\"\n\
         ever.example \"unlimited\"\n\
         broken.example soon\n\
         127.0.0.1 \"20991231 00:00:00\"\n",
    )
    .unwrap();
    let broken = store.read_file(&path).unwrap();
    assert_eq!(broken.iter().map(|it| it.line).collect::<Vec<_>>(), [6, 7]);
    for (host, wants) in [
        ("x.readme.example", true),
        ("plain.example", true),
        ("x.plain.example", false),
        ("old.example", false),
        ("ever.example", true),
    ] {
        assert_eq!(
            !upgraded(&store, &format!("http://{host}/")).is_empty(),
            wants,
            "{host}"
        );
    }
    store.write_file(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            "ever.example \"unlimited\"",
            "plain.example \"20991231 00:00:00\"",
            ".readme.example \"20991231 00:00:00\""
        ]
    );
}

#[test]
fn a_store_has_bounds() {
    let store = HstsStore::new();
    for number in 0..MOST_HOSTS + 10 {
        let url = Url::parse(&format!("https://h{number}.example/")).unwrap();
        store.learn(&url, format!("max-age={}", number + 60).as_bytes());
    }
    assert_eq!(store.locked().len(), MOST_HOSTS);
    assert_eq!(upgraded(&store, "http://h9.example/"), "");
}
