//! Every refusal as a person sees it: the line, and the hint below it.

use crate::endpoint::{Endpoint, HostPort, LENGTH_LIMIT, OPTION_LIMIT, Proxy};
use crate::error::{Error, Kind, Operation};

const REFUSED: &[&str] = &[
    // Schemes.
    "",
    " host:80",
    "host:80\n",
    "tpc://host:1",
    "TSL://host:1",
    "exce:cat -n",
    "unxi:/run/a.sock",
    "tls+tpc://h:1",
    "gopher://h:70",
    "http://h/",
    "https://h/",
    "quic://h:443",
    "tls+ws://h:443",
    "+tcp://h:1",
    "tcp+tls://h:1",
    "tls+tls://h:1",
    "tls+udp://h:1",
    "tls+unix-seqpacket:/a",
    "tls+file:/a",
    "tls+pty:sh",
    "python+udp://h:1",
    "python+unix-dgram:/a",
    "python+fifo:/a",
    "python+pty:sh",
    "tls+python+tcp://h:1",
    "python+python+tcp://h:1",
    "python+tcp://h",
    "python+tcp://h:1?authkey=",
    "python+tcp://h:1?authkey=***",
    "python+tcp://h:1?authky=secret",
    "python+tcp://h:1?authkey=secret&authkey-file=/k",
    "python+tcp://h:1?authkey=secret&authkey=secret",
    "python+tcp://h:1?authkey=secret%",
    "python+tcp://h:1?payload=json",
    "python+tcp://h:1?max-message=0",
    "python+tcp://h:1?authkey-env=",
    "h:1?authkey=secret",
    "stdio",
    "stdio:x",
    "/run/a.sock",
    "ürl:/x",
    // Hosts and ports.
    "host",
    "tls://host",
    "[::1]",
    "tcp://",
    "tcp:",
    "host:",
    "host:65536",
    "host:-1",
    "host:8 0",
    "host:1-2",
    "host:::",
    "tcp:::1:80",
    "::1",
    "tcp://fe80::1%eth0:80",
    "2001:db8::1:https",
    "[::1",
    "[::1]80",
    "[::x]:80",
    "[127.0.0.1]:80",
    "[fe80::1%]:80",
    "[fe80::1%interface-too-long]:80",
    "tcp://h:80/index.html",
    "tcp://user:pw@h:80",
    "tcp://h:80#x",
    "bad host:80",
    "bücher.example:80",
    "*:80",
    "a..b:80",
    "1.2.3.4.5:80",
    "256.1.1.1:80",
    "127.1:80",
    "0x7f000001:80",
    // Paths, descriptors, commands.
    "unix:",
    "unix:@",
    "unix://run/a.sock",
    "unix://",
    "unix:/a%2",
    "unix:/a%00b",
    "file:",
    "fd:",
    "fd:-1",
    "fd:4294967296",
    "fd://3",
    "fd:a:b",
    "exec:",
    "exec:''",
    "exec:sh -c 'echo",
    "exec:sh -c \"echo",
    "exec:a \\",
    "exec:date +%Y",
    "exec:ls a?b",
    // Options.
    "h:1?",
    "h:1?nodelay=no&",
    "h:1?nodelay",
    "h:1?nodealy=no",
    "h:1?colour=red",
    "stdio:?colour=red",
    "udp://h:1?nodelay=no",
    "h:1?alpn=h2",
    "h:1?ttl=1&ttl=2",
    "h:1?proxy-protocol=2",
    "h:1?via=",
    "h:1?via=socks://p:1",
    "h:1?via=sokcs5://p:1",
    "h:1?via=gopher://p:1",
    "h:1?via=http://",
    "h:1?via=http://p:0",
    "h:1?via=http://p:http",
    "h:1?via=http://p:1/path",
    "h:1?via=http://::1:1",
    "h:1?via=socks4://u:secret@p:1",
    "h:1?via=http://u:***@p:1",
    "h:1?via=http://u:se%00cret@p:1",
    "h:1?via=http://u:secret@p:x",
    "udp://h:1?via=socks5://p:1",
    "unix:@a?mode=0600",
    "file:/a?b",
    "h:1?family=5",
    "h:1?nodelay=maybe",
    "h:1?keepalive=30",
    "h:1?keepalive=1ms",
    "h:1?keepalive=10x",
    "h:1?buffer=big",
    "h:1?buffer=0",
    "h:1?backlog=-1",
    "h:1?ttl=256",
    "udp://h:1?join=10.0.0.1",
    "unix:/a?mode=0800",
    "file:/a?access=execute",
    "h:1?bind=eth0",
    "h:1?bind=5000",
    "h:1?bind=127.0.0.1:http",
    "h:1?interface=a/b",
    "h:1?interface=%ff",
    "tls://h:1?alpn=",
    "tls://h:1?alpn=h2,,x",
    "tls://h:1?sni=a%20b",
    "tls://h:1?ca=",
    "tls://h:1?key=/k",
    "tls://h:1?verify=no",
    "tls://h:1?pin=md5:00",
    "tls://h:1?pin=sha256:00",
    "tls://h:1?tls-min=1.1",
    "tls://h:1?tls-min=1.3&tls-max=1.2",
];

#[test]
fn each_refusal_names_place_reason_and_something_to_try() {
    let mut lines = String::new();
    for text in REFUSED {
        let error = text.parse::<Endpoint>().expect_err(text);
        lines.push_str(&format!("{error}\n"));
        if let Some(hint) = error.hint() {
            lines.push_str(&format!("    hint: {hint}\n"));
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn what_is_too_much_is_refused_where_it_gets_too_much() {
    let fits = format!("file:{}", "a".repeat(LENGTH_LIMIT - 5));
    assert!(fits.parse::<Endpoint>().is_ok());
    let error = format!("{fits}b").parse::<Endpoint>().unwrap_err();
    assert_eq!(
        (error.column(), error.reason()),
        (LENGTH_LIMIT + 1, "more than 64 KiB of text")
    );
    assert!(error.to_string().len() < 300, "{error}");
    let joins =
        |n: usize| format!("udp://:1?{}", vec!["join=224.0.0.1"; n].join("&")).parse::<Endpoint>();
    assert!(joins(OPTION_LIMIT).is_ok());
    assert_eq!(
        joins(OPTION_LIMIT + 1).unwrap_err().reason(),
        "more than 64 options"
    );
    let label = "a".repeat(64);
    let error = format!("x.{label}:80").parse::<Endpoint>().unwrap_err();
    assert_eq!(
        (error.column(), error.reason()),
        (3, "a label longer than 63 characters")
    );
    let name = vec!["a".repeat(49); 6].join(".");
    let error = format!("{name}:80").parse::<Endpoint>().unwrap_err();
    assert_eq!(
        (error.column(), error.reason()),
        (254, "a host name longer than 253 characters")
    );
    assert!(
        format!("unix:{}", "a".repeat(107))
            .parse::<Endpoint>()
            .is_ok()
    );
    assert!(
        format!("unix:{}", "a".repeat(108))
            .parse::<Endpoint>()
            .is_err()
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    let error = "exec:größe 'x".parse::<Endpoint>().unwrap_err();
    assert_eq!(error.column(), 12);
}

#[test]
fn a_refusal_becomes_the_library_error_unchanged() {
    let refusal = "tpc://host:1".parse::<Endpoint>().unwrap_err();
    let error = Error::from(refusal);
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::Usage, Operation::Parse)
    );
    assert_eq!(
        error.to_string(),
        "`tpc://host:1` is not an endpoint: unknown scheme at column 1"
    );
    assert_eq!(error.hint().as_deref(), Some("did you mean tcp://host:1 ?"));
    let coming = Error::from("quic://h:1".parse::<Endpoint>().unwrap_err());
    assert_eq!(coming.kind(), Kind::Unsupported);
}

#[test]
fn a_local_address_is_refused_as_one() {
    let error = HostPort::parse_local("eth0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`eth0` is not a local address: neither an address nor a colon and a port at column 1"
    );
}

#[test]
fn reasons_and_hints_are_safe_to_show() {
    for text in [
        "fe80::1%e\u{0}",
        "tpc:/\u{1b}[2J",
        "h:1?nodelya=\u{1b}",
        "/a\u{202e}b",
        "a\u{7}b:1",
        "fd:%07",
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        let shown = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(
            shown
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' '),
            "{shown:?}"
        );
    }
}

#[test]
fn what_a_hint_suggests_instead_is_right() {
    let mut suggestions = 0;
    for text in REFUSED {
        let error = text.parse::<Endpoint>().expect_err(text);
        let meant = error
            .hint()
            .and_then(|hint| hint.strip_prefix("did you mean "));
        // Hints for options suggest the option alone, and those for paths offer a choice.
        let Some(meant) = meant.filter(|meant| meant.contains(':') && !meant.contains(" or "))
        else {
            continue;
        };
        let meant = meant.trim_end_matches(" ?");
        assert!(meant.parse::<Endpoint>().is_ok(), "{text}: {meant}");
        suggestions += 1;
    }
    assert!(suggestions >= 8, "{suggestions}");
}

#[test]
fn no_refusal_repeats_a_password() {
    for text in [
        "h:1?via=http://u:secret@p:0",
        "h:1?via=http://u:secret@p:1/x",
        "h:1?via=u:secret@p:x",
        "h:1?via=http://u:a://secret@p:x",
        "tcp://h:1?via=http://p:1&via=socks5://u:secret@p:99999",
        "h:1?via=http://u:secret%@p:1",
        "h:1?vai=http://u:secret@p:1",
        "http://u:secret@h/",
        "tcp://u:secret@h:1",
    ] {
        let error = text.parse::<Endpoint>().expect_err(text);
        let shown = format!("{error} {:?}", error.hint());
        assert!(!shown.contains("secret"), "{shown}");
    }
    for text in ["u:secret@p:x", "socks5://u:secret@p:x", "ftp://u:secret@p"] {
        let error = text.parse::<Proxy>().expect_err(text);
        let shown = format!("{error} {:?}", error.hint());
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn what_is_shown_of_a_proxy_has_no_password_and_is_not_taken_for_one() {
    let endpoint: Endpoint = "h:1?via=http://u:secret@p:1".parse().unwrap();
    for shown in [
        endpoint.to_string(),
        format!("{endpoint:?}"),
        format!("{:?}", endpoint.options().via),
    ] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert_eq!(endpoint.to_string(), "tcp://h:1?via=http://u:***@p:1");
    let error = endpoint.to_string().parse::<Endpoint>().unwrap_err();
    assert_eq!(
        error.reason(),
        "a password that was masked when it was shown"
    );
    assert_eq!(endpoint.reveal().parse::<Endpoint>().unwrap(), endpoint);
}
