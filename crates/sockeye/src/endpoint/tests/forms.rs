//! Every form of the grammar, and what it means.

use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::parse;
use crate::endpoint::*;

fn tcp(host: Host, port: Port) -> Endpoint {
    Endpoint::new(Carrier::Tcp(HostPort { host, port }))
}

fn words(text: &str) -> Vec<Vec<u8>> {
    match parse(text).carrier() {
        Carrier::Exec(argv) | Carrier::Pty(argv) => std::iter::once(&argv.program)
            .chain(&argv.args)
            .map(|word| word.clone().into_vec())
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_text_prints_in_its_canonical_form() {
    for (text, canonical) in [
        ("www.python.org:80", "tcp://www.python.org:80"),
        ("host:http", "tcp://host:http"),
        ("host:080/", "tcp://host:80"),
        ("[::1]:8080", "tcp://[::1]:8080"),
        ("[0:0::1]:8080", "tcp://[::1]:8080"),
        ("[fe80::1%eth0]:80", "tcp://[fe80::1%eth0]:80"),
        ("[fe80::1%25eth0]:80", "tcp://[fe80::1%eth0]:80"),
        ("[fe80::1%25]:80", "tcp://[fe80::1%25]:80"),
        ("15000", "tcp:15000"),
        ("tcp:15000", "tcp:15000"),
        ("udp://5353", "udp:5353"),
        (":15000", "tcp://:15000"),
        ("tcp://:80", "tcp://:80"),
        ("tcp:h:80", "tcp://h:80"),
        ("TCP://Host:80", "tcp://Host:80"),
        ("tcp://file:80", "tcp://file:80"),
        (
            "udp://h:53?ttl=3&join=ff02::fb&join=224.0.0.251",
            "udp://h:53?ttl=3&join=ff02::fb&join=224.0.0.251",
        ),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("unix:///run/a.sock", "unix:/run/a.sock"),
        ("unix:a b", "unix:a%20b"),
        ("unix:@name", "unix:@name"),
        ("unix:%40name", "unix:%40name"),
        ("unix-dgram:/a", "unix-dgram:/a"),
        (
            "unix-seqpacket:/a?backlog=5&mode=0o600",
            "unix-seqpacket:/a?backlog=5&mode=0600",
        ),
        ("-", "stdio:"),
        ("stdio:", "stdio:"),
        ("exec:cat", "exec:cat"),
        ("pty:sh -c 'echo $HOME'", "pty:sh -c 'echo $HOME'"),
        ("exec:printf \"a'b\" ''", "exec:printf a%27b ''"),
        ("file:/tmp/größe", "file:/tmp/größe"),
        ("file:///etc//x?access=both", "file:/etc//x?access=both"),
        ("file:////x", "file:/%2Fx"),
        ("fifo:p", "fifo:p"),
        ("fd:3", "fd:3"),
        ("fd:%33", "fd:%33"),
        ("fd:http socket", "fd:http%20socket"),
        ("tls://h:443", "tls://h:443"),
        ("tls+tcp://h:443", "tls://h:443"),
        ("tls:8443", "tls:8443"),
        (
            "tls+unix:/a?alpn=h2,http/1.1",
            "tls+unix:/a?alpn=h2,http/1.1",
        ),
        ("tls+stdio:", "tls+stdio:"),
        ("tls+exec:cat -n", "tls+exec:cat -n"),
        ("TLS+FD:4", "tls+fd:4"),
        (
            "h:1?keepalive=1.5m&family=6&nodelay=off",
            "tcp://h:1?family=6&nodelay=no&keepalive=90s",
        ),
        ("h:1?buffer=1M&reuseport=no", "tcp://h:1?buffer=1MiB"),
        (
            "h:1?bind=[fe80::1%25eth0]:5",
            "tcp://h:1?bind=[fe80::1%25eth0]:5",
        ),
        ("h:1?bind=::1", "tcp://h:1?bind=[::1]:0"),
        ("h:1?bind=:5000", "tcp://h:1?bind=:5000"),
    ] {
        let endpoint = parse(text);
        assert_eq!(endpoint.to_string(), canonical, "{text}");
        assert_eq!(parse(canonical), endpoint, "{text}");
    }
}

#[test]
fn hosts_and_ports_mean_what_they_look_like() {
    let name = |name: &str| Host::Name(name.to_owned());
    assert_eq!(
        parse("host:http"),
        tcp(name("host"), Port::Name("http".to_owned()))
    );
    assert_eq!(parse("a_b.c-d.:1"), tcp(name("a_b.c-d."), Port::Number(1)));
    assert_eq!(
        parse("127.0.0.1:0"),
        tcp(Host::from("127.0.0.1"), Port::Number(0))
    );
    assert_eq!(parse("15000"), tcp(Host::Loopback, Port::Number(15000)));
    assert_eq!(parse(":15000"), tcp(Host::Any, Port::Number(15000)));
    let scoped = Host::Ip {
        addr: "fe80::1".parse().unwrap(),
        scope: Some("eth0".to_owned()),
    };
    assert_eq!(parse("[fe80::1%eth0]:80"), tcp(scoped, Port::Number(80)));
}

#[test]
fn words_are_parted_as_in_a_shell_and_never_expanded() {
    let check = |text: &str, expected: &[&[u8]]| assert_eq!(words(text), expected, "{text}");
    check("exec:cat  -n\t/a", &[b"cat", b"-n", b"/a"]);
    check(
        "exec:sh -c 'echo $HOME *'",
        &[b"sh", b"-c", b"echo $HOME *"],
    );
    check(
        r#"exec:a "b c" '' "" d"e f"g"#,
        &[b"a", b"b c", b"", b"", b"de fg"],
    );
    check(
        r#"exec:a \ \" "\"\\\n\$" '\n'"#,
        &[b"a", b" \"", b"\"\\\\n$", b"\\n"],
    );
    check(
        "exec:a '?' \\? \"?&\" %3F",
        &[b"a", b"?", b"?", b"?&", b"?"],
    );
    check(
        "exec:a %20b%27 %00x".trim_end_matches(" %00x"),
        &[b"a", b" b'"],
    );
    check(
        "exec:a %ff%0A '%25' \\%41 \"\\%41\"",
        &[b"a", b"\xff\n", b"%", b"%41", b"%41"],
    );
    check(
        "pty:größe & ; | #x",
        &["größe".as_bytes(), b"&", b";", b"|", b"#x"],
    );
}

#[test]
fn options_of_a_command_stand_behind_an_unquoted_question_mark() {
    let endpoint = parse("tls+exec:grep 'a?b' -?verify=none");
    assert_eq!(endpoint.tls().unwrap().verify, Verify::None);
    assert_eq!(endpoint.to_string(), "tls+exec:grep 'a?b' -?verify=none");
}

#[test]
fn every_option_reaches_its_field() {
    let endpoint = parse(
        "tcp://h:1?family=4&bind=192.0.2.7:9&interface=eth0&nodelay=1&keepalive=30s&buffer=64k&reuseport=yes&backlog=7&ttl=9",
    );
    let options = endpoint.options();
    assert_eq!(options.family, Some(Family::V4));
    assert_eq!(options.bind.as_ref().unwrap().to_string(), "192.0.2.7:9");
    assert_eq!(options.interface.as_deref(), Some("eth0"));
    assert_eq!(options.nodelay, Some(true));
    assert_eq!(options.keepalive, Some(Duration::from_secs(30)));
    assert_eq!(options.buffer, Some(65_536));
    assert!(options.reuseport);
    assert_eq!((options.backlog, options.ttl), (Some(7), Some(9)));
    let endpoint = parse("udp:1?broadcast=true&join=224.0.0.1");
    assert!(endpoint.options().broadcast);
    assert_eq!(endpoint.options().join, [Ipv4Addr::new(224, 0, 0, 1)]);
    let endpoint = parse("unix:a?mode=7777&unlink=no");
    assert_eq!(
        (endpoint.options().mode, endpoint.options().unlink),
        (Some(0o7777), Some(false))
    );
    assert_eq!(
        parse("fifo:a?access=append").options().access,
        Some(Access::Append)
    );
}

#[test]
fn every_tls_option_reaches_its_field() {
    let digest = "AB".repeat(32);
    let parted = vec!["0c"; 32].join(":");
    let endpoint = parse(&format!(
        "tls://h:1?alpn=a%2Cb,h2&sni=x.example&ca=/ca&cert=c%20c&key=k&verify=full&pin=sha256:{digest}&pin=sha256:{parted}&tls-min=1.2&tls-max=1.3"
    ));
    let tls = endpoint.tls().unwrap();
    assert_eq!(tls.alpn, ["a,b", "h2"]);
    assert_eq!(tls.sni.as_deref(), Some("x.example"));
    assert_eq!(tls.ca.as_deref(), Some("/ca".as_ref()));
    assert_eq!(tls.cert.as_deref(), Some("c c".as_ref()));
    assert_eq!(tls.key.as_deref(), Some("k".as_ref()));
    assert_eq!(tls.pin, [Pin([0xab; 32]), Pin([0x0c; 32])]);
    assert_eq!(
        (tls.min, tls.max),
        (Some(TlsVersion::V1_2), Some(TlsVersion::V1_3))
    );
}

#[test]
fn values_made_in_rust_equal_those_that_are_parsed() {
    assert_eq!(Endpoint::tcp("localhost", 80), parse("localhost:80"));
    assert_eq!(Endpoint::tcp("[fe80::1%lo]", 80), parse("[fe80::1%lo]:80"));
    assert_eq!(
        Endpoint::udp(String::from("::1"), 53),
        parse("udp://[::1]:53")
    );
    assert_eq!(Endpoint::unix("@a"), parse("unix:%40a"));
    let addr = SocketAddr::from((Ipv6Addr::LOCALHOST, 7));
    assert_eq!(Endpoint::from(addr), Endpoint::try_from("[::1]:7").unwrap());
}

#[test]
fn wrong_values_print_without_control_characters() {
    let hostile = "\u{1b}]0;x\u{7}\n\u{202e}";
    let port = Port::Name(hostile.to_owned());
    let scope = Some(hostile.to_owned());
    let host = Host::Ip {
        addr: Ipv6Addr::LOCALHOST.into(),
        scope,
    };
    let endpoints = [
        Endpoint::tcp(hostile, 1),
        tcp(host, port),
        Endpoint::unix(hostile),
        Endpoint::new(Carrier::Fd(Descriptor::Name(hostile.to_owned()))),
        Endpoint::new(Carrier::Exec(Argv {
            program: OsString::from(hostile),
            args: Vec::new(),
        })),
    ];
    for endpoint in endpoints {
        let text = endpoint.to_string();
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' '),
            "{text:?}"
        );
    }
}

#[test]
fn options_that_do_not_apply_are_not_printed() {
    let mut endpoint = Endpoint::udp("h", 1);
    endpoint.options_mut().nodelay = Some(true);
    assert_eq!(endpoint.to_string(), "udp://h:1");
}

#[test]
fn messages_of_python_are_a_layer_with_options_of_its_own() {
    let endpoint =
        parse("Python+TCP://h:1?authkey=a%26b&payload=bytes&max-message=1MiB&nodelay=no");
    let python = endpoint.python().unwrap();
    assert_eq!(python.authkey, Some(AuthKey::new("a&b")));
    assert_eq!(
        (python.payload, python.max_message),
        (Payload::Bytes, Some(1 << 20))
    );
    assert!(endpoint.keeps_boundaries() && endpoint.tls().is_none());
    assert_eq!(
        endpoint.to_string(),
        "python+tcp://h:1?nodelay=no&authkey=***&payload=bytes&max-message=1MiB"
    );
    assert_eq!(parse(&endpoint.reveal()), endpoint);
    assert!(!format!("{endpoint:?}").contains("a&b"));

    assert_eq!(parse("python://h:1"), parse("python+tcp://h:1"));
    let both = parse("python+tls://h:1?sni=x.example&authkey-file=k");
    assert_eq!(
        both.to_string(),
        "python+tls+tcp://h:1?sni=x.example&authkey-file=k"
    );
    assert_eq!(both.layers().len(), 2);
    assert!(matches!(both.layers()[1], Layer::Python(_)));
    for text in [
        "python+unix:/a",
        "python+unix:@a",
        "python+exec:cat",
        "python+fd:3",
        "python+stdio:",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn no_refusal_shows_a_key() {
    for text in [
        "python+tcp://h:1?authkey=hush&authkey=hush",
        "python+tcp://h:1?authkey=hush&payload=x",
        "python+tcp://h:1?autkey=hush",
        "python+tcp://h:1?Authkey=hush",
        "h:1?authkey=hush",
        "python+tcp://h?authkey=hush",
        "pyhton+tcp://h:1?authkey=hush",
    ] {
        let error = text.parse::<Endpoint>().unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
