use std::collections::BTreeMap;

use super::*;

fn told(request: &Request, authorization: bool) -> BTreeMap<String, String> {
    let names = Names::decode("/cgi-bin/a%20b", "/c%2Fd").unwrap();
    let mut all = BTreeMap::new();
    describe(request, &names, authorization, |name, value| {
        let value = String::from_utf8_lossy(value).into_owned();
        assert_eq!(all.insert(name.to_owned(), value), None, "{name} twice");
    });
    all
}

#[test]
fn what_a_program_is_told() {
    let mut request = Request::made("POST", "/cgi-bin/a%20b/c%2Fd?x=%20y&z");
    for (name, value) in [
        ("Proxy", "http://evil.example/"),
        ("proxy", "again"),
        ("X_Forwarded_For", "forged"),
        ("X-Forwarded-For", "one"),
        ("x-forwarded-for", "two"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("Content-Type", "text/plain"),
        ("Content-Length", "5"),
        ("Connection", "keep-alive"),
        ("Authorization", "Basic c2VjcmV0"),
        ("A!b", "odd"),
    ] {
        request = request.with_header(name, value).unwrap();
    }
    request.set_user("ada");
    let all = told(&request, false);
    let wanted = [
        ("AUTH_TYPE", "Basic"),
        ("CONTENT_LENGTH", "5"),
        ("CONTENT_TYPE", "text/plain"),
        ("HTTP_COOKIE", "a=1; b=2"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_X_FORWARDED_FOR", "one, two"),
        ("QUERY_STRING", "x=%20y&z"),
        ("REMOTE_ADDR", "unix:"),
        ("REMOTE_USER", "ada"),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_SCHEME", "http"),
        ("REQUEST_URI", "/cgi-bin/a%20b/c%2Fd?x=%20y&z"),
        ("SCRIPT_NAME", "/cgi-bin/a b"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", SOFTWARE),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(all, BTreeMap::from(wanted));
    assert_eq!(told(&request, true)["HTTP_AUTHORIZATION"], "Basic c2VjcmV0");
}

#[test]
fn paths_that_are_traps() {
    for (info, why) in [
        ("/a%00b", "a NUL in the path of a program"),
        ("/../x", "`..` in the path of a program"),
        ("/a%2f..%2fx", "`..` in the path of a program"),
        ("/a/%2e%2e", "`..` in the path of a program"),
        ("/%zz", "a path that is not percent-encoded"),
    ] {
        assert_eq!(Names::decode("/s", info).unwrap_err(), why, "{info}");
    }
    assert_eq!(Names::decode("//s/./t", "").unwrap().script, b"/s/t");
    assert_eq!(Names::decode("", "/x").unwrap().script, b"");
    assert_eq!(Names::decode("/s", "/..a/b..").unwrap().info, b"/..a/b..");
}

#[test]
fn hosts_and_their_ports() {
    for (host, name, port) in [
        ("example.org", "example.org", "80"),
        ("example.org:81", "example.org", "81"),
        ("[::1]:82", "[::1]", "82"),
        ("[::1]", "[::1]", "80"),
        ("<script>:83", "localhost", "83"),
    ] {
        let mut request = Request::made("GET", "/");
        request.head_mut().headers.replace("Host", host).unwrap();
        let all = told(&request, false);
        assert_eq!(
            (&*all["SERVER_NAME"], &*all["SERVER_PORT"]),
            (name, port),
            "{host}"
        );
    }
}
