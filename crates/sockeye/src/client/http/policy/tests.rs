use super::*;

fn check(policy: &Policy, url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| format!("no URL: {error}"))?;
    policy.check(&url).map_err(|error| error.to_string())
}

fn public() -> Policy {
    Policy::public().any_port()
}

#[test]
fn the_default_permits_everything() {
    for url in [
        "http://127.0.0.1/",
        "ftp://10.0.0.1/",
        "file:///etc/passwd",
        "data:,x",
    ] {
        assert_eq!(check(&Policy::default(), url), Ok(()));
    }
}

#[test]
fn public_addresses_only_however_they_are_written() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
        "192.88.99.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[::8.8.8.8]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::1]",
        "[2001::1]",
        "[2001:db8::1]",
        "[2001:10::1]",
        "[3fff::1]",
        "[100::1]",
        "[4000::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "１２７.0.0.1",
        "127。0。0。1",
    ] {
        let said = check(&public(), &format!("http://{host}/")).unwrap_err();
        assert!(
            said.contains("does not allow") && said.contains(": it is "),
            "{host}: {said}"
        );
    }
    for host in [
        "8.8.8.8",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2a00:1450::1]",
        "[64:ff9b::8.8.8.8]",
        "[2002:808:808::1]",
        "[::ffff:8.8.8.8]",
        "example.org",
    ] {
        assert_eq!(
            check(&public(), &format!("http://{host}/")),
            Ok(()),
            "{host}"
        );
    }
}

#[test]
fn what_is_denied_stays_denied_and_what_is_allowed_is_an_exception() {
    let policy = public()
        .allow_addresses("10.1.0.0/16")
        .and_then(|policy| policy.allow_addresses("::1"))
        .and_then(|policy| policy.deny_addresses("10.1.9.0/24"))
        .and_then(|policy| policy.deny_addresses("8.8.0.0/16"))
        .unwrap();
    for (host, is_allowed) in [
        ("10.1.2.3", true),
        ("[::1]", true),
        ("[64:ff9b::10.1.2.3]", true),
        ("10.2.0.1", false),
        ("10.1.9.1", false),
        ("8.8.8.8", false),
        ("[64:ff9b::8.8.8.8]", false),
        ("9.9.9.9", true),
    ] {
        let checked = check(&policy, &format!("http://{host}/"));
        assert_eq!(checked.is_ok(), is_allowed, "{host}: {checked:?}");
    }
    let listed = Policy::default()
        .reach(Reach::Listed)
        .allow_addresses("10.0.0.0/8")
        .unwrap();
    assert!(check(&listed, "http://10.1.1.1/").is_ok());
    assert!(check(&listed, "http://8.8.8.8/").is_err());
}

#[test]
fn hosts_are_those_that_are_named_or_those_below() {
    let policy = Policy::default()
        .allow_host("Example.ORG")
        .and_then(|policy| policy.allow_host("*.bücher.example"))
        .and_then(|policy| policy.allow_host(".both.example"))
        .and_then(|policy| policy.deny_host("evil.both.example"))
        .unwrap();
    for (host, is_allowed) in [
        ("example.org", true),
        ("EXAMPLE.org.", true),
        ("www.example.org", false),
        ("example.org.evil.example", false),
        ("notexample.org", false),
        ("xn--bcher-kva.example", false),
        ("a.xn--bcher-kva.example", true),
        ("a.b.BÜCHER.example", true),
        ("both.example", true),
        ("x.both.example", true),
        ("xboth.example", false),
        ("evil.both.example", false),
        ("evil.both.example.", false),
    ] {
        let checked = check(&policy, &format!("https://{host}/"));
        assert_eq!(checked.is_ok(), is_allowed, "{host}: {checked:?}");
    }
    for rule in [
        "",
        "*",
        "*.",
        ".",
        "a/b",
        "a:1",
        "a@b",
        "*.*.example",
        "a b",
    ] {
        assert!(Policy::default().allow_host(rule).is_err(), "{rule:?}");
    }
    let loopback = Policy::default().deny_host("::1").unwrap();
    assert!(check(&loopback, "http://[0:0::1]/").is_err());
}

#[test]
fn schemes_and_ports() {
    for url in [
        "ftp://example.org/",
        "file:///etc/passwd",
        "data:,x",
        "ftps://example.org/",
    ] {
        assert!(
            check(&public(), url)
                .unwrap_err()
                .contains("does not allow `"),
            "{url}"
        );
    }
    for (url, is_allowed) in [
        ("http://example.org/", true),
        ("https://example.org/", true),
        ("https://example.org:80/", true),
        ("http://example.org:22/", false),
        ("http://example.org:6379/", false),
    ] {
        assert_eq!(check(&Policy::public(), url).is_ok(), is_allowed, "{url}");
    }
}

#[test]
fn a_policy_is_read_from_json() {
    let policy = Policy::parse(
        r#"{"comment": "for previews", "extends": "public", "schemes": ["https"], "allow_hosts": [".example.org"],
            "deny_hosts": ["x.example.org"], "ports": [443, "8000-8999"], "addresses": "public",
            "allow_addresses": ["10.1.0.0/16"], "deny_addresses": ["10.1.2.3"], "max_body": "1MiB",
            "max_redirects": 2, "max_time": "5s", "forbid_headers": ["X-Real-IP"], "proxies": false}"#,
    )
    .unwrap();
    assert_eq!(policy.max_body, Some(1 << 20));
    assert_eq!(
        (policy.max_redirects, policy.max_time),
        (Some(2), Some(Duration::from_secs(5)))
    );
    assert!(check(&policy, "https://a.example.org:8080/").is_ok());
    assert!(check(&policy, "https://x.example.org/").is_err());
    assert!(check(&policy, "http://example.org/").is_err());
    assert_eq!(policy.check_address([10, 1, 2, 4].into()), Ok(()));
    assert!(policy.check_address([10, 1, 2, 3].into()).is_err());
    assert!(!policy.allows_proxies());
    assert_eq!(Policy::parse("{}").unwrap(), Policy::default());
    assert_eq!(
        Policy::parse(r#"{"extends":"public"}"#).unwrap(),
        Policy::public()
    );
}

#[test]
fn what_is_wrong_in_a_policy_is_said_with_the_nearest_word() {
    for (json, said, hint) in [
        (
            r#"{"alow_hosts": []}"#,
            "nothing is called \"alow_hosts\"",
            "\"allow_hosts\"",
        ),
        (
            r#"{"xyzzyplugh": 1}"#,
            "nothing is called",
            "known are extends",
        ),
        (
            r#"{"extends": "publik"}"#,
            "extends: \"publik\"",
            "\"public\"",
        ),
        (r#"{"schemes": ["hhttp"]}"#, "schemes: \"hhttp\"", "http"),
        (r#"{"addresses": "pubic"}"#, "addresses", "\"public\""),
        (r#"{"ports": ["9-1"]}"#, "neither a port", ""),
        (r#"{"ports": [70000]}"#, "cannot be read", ""),
        (r#"{"max_body": "1 potato"}"#, "max_body", ""),
        (r#"{"allow_hosts": ["a/b"]}"#, "not a host", "*.example.org"),
        (
            r#"{"allow_addresses": ["10.0.0.0/99"]}"#,
            "not a network",
            "10.1.0.0/16",
        ),
        (
            r#"{"deny_hosts": [], "deny_hosts": ["a"]}"#,
            "duplicate field",
            "",
        ),
        ("[]", "cannot be read", ""),
        ("", "cannot be read", ""),
    ] {
        let error = Policy::parse(json).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains(said), "{json}: {error}");
        assert!(
            error.hint().unwrap_or_default().contains(hint),
            "{json}: {:?}",
            error.hint()
        );
    }
    assert!(Policy::parse(&" ".repeat(2 << 20)).is_err());
}
