#![allow(clippy::unwrap_used)]

use super::*;

fn with(variables: &[(&str, &str)]) -> Proxies {
    let value = |name: &str| {
        let found = variables.iter().find(|it| it.0 == name);
        found.map(|it| it.1.to_owned())
    };
    Proxies::from_variables(value).unwrap()
}

fn proxy(proxies: &Proxies, url: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    proxies.for_url(&url).map(ToString::to_string)
}

#[test]
fn each_variable_counts_for_its_scheme() {
    let proxies = with(&[
        ("http_proxy", "plain.example:3128"),
        ("HTTPS_PROXY", "https://tls.example"),
        ("all_proxy", "socks5h://rest.example"),
    ]);
    let plain = proxy(&proxies, "http://a.example/").unwrap();
    assert_eq!(plain, "http://plain.example:3128");
    let tls = proxy(&proxies, "https://a.example/").unwrap();
    assert_eq!(tls, "https://tls.example:443");
    let rest = proxy(&proxies, "ftp://a.example/").unwrap();
    assert_eq!(rest, "socks5h://rest.example:1080");
    assert_eq!(proxy(&proxies, "file:///etc/hosts"), None);
}

#[test]
fn http_proxy_in_upper_case_is_what_a_client_may_have_sent() {
    let proxies = with(&[("HTTP_PROXY", "http://evil.example")]);
    assert_eq!(proxy(&proxies, "http://a.example/"), None);
}

#[test]
fn lower_case_wins_and_empty_is_as_if_it_were_not_there() {
    let proxies = with(&[
        ("https_proxy", "http://lower.example"),
        ("HTTPS_PROXY", "http://upper.example"),
        ("http_proxy", " "),
        ("no_proxy", ""),
        ("NO_PROXY", "b.example"),
        ("ALL_PROXY", "http://all.example"),
    ]);
    assert_eq!(
        proxy(&proxies, "http://a.example/").as_deref(),
        Some("http://all.example:1080")
    );
    let tls = proxy(&proxies, "https://a.example/").unwrap();
    assert_eq!(tls, "http://lower.example:1080");
    assert_eq!(proxy(&proxies, "https://b.example/"), None);
}

#[test]
fn a_variable_that_is_no_proxy_is_named_without_its_password() {
    let value = |name: &str| (name == "all_proxy").then(|| "gopher://u:secret@p".to_owned());
    let error = Proxies::from_variables(value).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error
            .why()
            .starts_with("the environment variable all_proxy: "),
        "{error}"
    );
    assert!(!error.why().contains("secret"), "{error}");
}

#[test]
fn exceptions_are_names_addresses_networks_ports_and_everything() {
    for (list, url, is_excepted) in [
        ("example.org", "http://example.org/", true),
        ("example.org", "http://www.Example.ORG./", true),
        (".example.org", "http://example.org/", true),
        (".example.org", "http://www.example.org/", true),
        ("example.org", "http://notexample.org/", false),
        ("example.org.", "http://example.org/", true),
        ("org", "http://example.org/", true),
        ("example.org:8080", "http://example.org:8080/", true),
        ("example.org:8080", "http://example.org/", false),
        ("example.org:443", "https://example.org/", true),
        ("127.0.0.1", "http://127.0.0.1:8080/", true),
        ("127.0.0.1:80", "http://127.0.0.1:8080/", false),
        ("10.0.0.0/8", "http://10.255.0.1/", true),
        ("10.0.0.0/8", "http://11.0.0.1/", false),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", true),
        ("10.0.0.0/8:443", "https://10.0.0.1/", true),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("[fd00::]/8", "http://[fd12::1]/", true),
        ("::1", "http://[::1]/", true),
        ("[::1]", "http://[::1]/", true),
        ("[::1]:80", "http://[::1]/", true),
        ("[::1]:80", "http://[::1]:81/", false),
        ("a.test b.test\tc.test,,d.test", "http://d.test/", true),
        ("*", "http://anything.example/", true),
        ("*:443", "http://anything.example/", false),
        ("0.0.0.1", "http://10.0.0.1/", false),
        ("1", "http://10.0.0.1/", false),
        ("*.example.org", "http://www.example.org/", false),
        ("", "http://a.example/", false),
        ("/[]:,:::", "http://a.example/", false),
    ] {
        let proxies = Proxies::all("p.example".parse().unwrap()).except(list);
        assert_eq!(proxy(&proxies, url).is_none(), is_excepted, "{list} {url}");
    }
}

#[test]
fn a_list_without_end_is_cut() {
    let list = "x.test,".repeat(MAX_EXCEPTIONS) + "a.example";
    let proxies = Proxies::all("p.example".parse().unwrap()).except(&list);
    assert!(proxy(&proxies, "http://a.example/").is_some());
}
