#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::client::http::Login;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn a_session_comes_back_and_each_origin_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er/work.json");
    let session = Session::open(&path).unwrap();
    let home = url("https://api.example/v1");
    session
        .cookies()
        .add(&home, b"id=\xff; Secure; SameSite=Lax; Max-Age=60")
        .unwrap();
    let mut headers = Headers::new();
    for (name, value) in [
        ("X-Key", "k"),
        ("Content-Type", "a/b"),
        ("If-Match", "x"),
        ("Cookie", "a=b"),
        ("X-key", "l"),
    ] {
        headers.append(name, value).unwrap();
    }
    session.remember(
        &home,
        Some(&Credential::login(Login::Digest, "me", "open sesame")),
        &headers,
    );
    session.save().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

    let again = Session::open(&path).unwrap();
    assert_eq!(again.cookies().cookies(), session.cookies().cookies());
    assert_eq!(again.cookies().header(&home).unwrap(), b"id=\xff");
    assert_eq!(
        format!("{:?}", again.credentials()),
        "{\"https://api.example:443\": Digest(\"me\")}"
    );
    let applied = |to: &str, own: &[&str]| {
        let mut request = Request::new("GET", url(to)).unwrap();
        for name in own {
            request.headers_mut().append(name, "own").unwrap();
        }
        again.apply(&mut request).unwrap();
        let lines = request
            .headers()
            .iter()
            .map(|field| String::from_utf8_lossy(field.line).into_owned());
        lines.collect::<Vec<_>>().join("|")
    };
    assert_eq!(applied("https://api.example/x", &[]), "X-Key: k|X-key: l");
    assert_eq!(applied("https://api.example/x", &["x-KEY"]), "x-KEY: own");
    for other in [
        "http://api.example/",
        "https://api.example:8443/",
        "https://b.api.example/",
    ] {
        assert_eq!(applied(other, &[]), "", "{other}");
    }
    assert!(!format!("{again:?}").contains("sesame"));
}

#[test]
fn what_is_no_session_is_refused_and_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.json");
    for text in [
        "",
        "{}",
        "[]",
        "{\"sockeye-session\": 2}",
        "{\"sockeye-session\": 1, \"origins\": {\"x\": {}}}",
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(
            Session::open(&path).unwrap_err().kind(),
            Kind::Usage,
            "{text}"
        );
    }
    // A cookie that no jar can have had is left out, and nothing else.
    let text = "{\"sockeye-session\": 1, \"cookies\": [\
        {\"name\": \"a\", \"value\": \"1\", \"domain\": \"co.uk\", \"path\": \"/\"}, \
        {\"name\": \"b\\n\", \"value\": \"1\", \"domain\": \"a.com\", \"path\": \"/\"}, \
        {\"name\": \"c\", \"value\": \"1\", \"domain\": \"a.com\", \"path\": \"/\"}]}";
    std::fs::write(&path, text).unwrap();
    let cookies = Session::open(&path).unwrap().cookies().cookies();
    assert_eq!(cookies.len(), 1);
    assert_eq!(cookies[0].name, b"c");
}
