//! Whatever can be written comes back the same, and nothing that can be typed makes the parser panic.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::endpoint::*;

/// Any bytes but NUL, rich in those that mean something to the grammar.
fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let special = select(b" %?&=+@/'\"\\$~#-:;,[]\n\t\r\x1b\x7f\xff\xc3\xa4".to_vec());
    vec(prop_oneof![special, 1u8..=255], 1..=longest)
}

fn path(longest: usize) -> impl Strategy<Value = PathBuf> {
    bytes(longest).prop_map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
}

fn zone() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:@_-]{1,15}",
        "25[a-z0-9]{0,5}",
        "25[0-9]{0,3}",
        "(25){1,5}x?"
    ]
}

fn host() -> impl Strategy<Value = Host> {
    let name = "[a-zA-Z0-9_-]{1,20}(\\.[a-z0-9-]{1,9}){0,3}\\.[a-z_-][a-z0-9]{0,9}\\.?|[a-z]{1,63}";
    prop_oneof![
        name.prop_map(Host::Name),
        any::<Ipv4Addr>().prop_map(|addr| Host::Ip {
            addr: addr.into(),
            scope: None
        }),
        (any::<Ipv6Addr>(), option::of(zone())).prop_map(|(addr, scope)| Host::Ip {
            addr: addr.into(),
            scope
        }),
        Just(Host::Any),
    ]
}

fn host_port() -> impl Strategy<Value = HostPort> {
    let port = prop_oneof![
        any::<u16>().prop_map(Port::Number),
        "[a-z][a-z0-9_.+-]{0,15}".prop_map(Port::Name)
    ];
    let loopback = any::<u16>().prop_map(|port| HostPort {
        host: Host::Loopback,
        port: Port::Number(port),
    });
    prop_oneof![4 => (host(), port).prop_map(|(host, port)| HostPort { host, port }), 1 => loopback]
}

fn unix() -> impl Strategy<Value = UnixAddress> {
    let kind = select(vec![UnixKind::Stream, UnixKind::Dgram, UnixKind::Seqpacket]);
    let name = prop_oneof![
        path(107).prop_map(UnixName::Path),
        vec(any::<u8>(), 1..=107).prop_map(UnixName::Abstract),
    ];
    (kind, name).prop_map(|(kind, name)| UnixAddress { kind, name })
}

fn argv() -> impl Strategy<Value = Argv> {
    let arg = prop_oneof![1 => Just(Vec::new()), 4 => bytes(20)];
    (bytes(20), vec(arg, 0..6)).prop_map(|(program, args)| Argv {
        program: OsString::from_vec(program),
        args: args.into_iter().map(OsString::from_vec).collect(),
    })
}

fn carrier() -> impl Strategy<Value = Carrier> {
    let number = (0u32..=i32::MAX as u32).prop_map(Descriptor::Number);
    let name = "[ -9;-~]{1,255}".prop_map(Descriptor::Name);
    prop_oneof![
        3 => host_port().prop_map(Carrier::Tcp),
        3 => host_port().prop_map(Carrier::Udp),
        3 => unix().prop_map(Carrier::Unix),
        1 => Just(Carrier::Stdio),
        3 => argv().prop_map(Carrier::Exec),
        1 => argv().prop_map(Carrier::Pty),
        1 => path(300).prop_map(Carrier::File),
        1 => path(300).prop_map(Carrier::Fifo),
        2 => prop_oneof![number, name, "-?[0-9]{1,4}".prop_map(Descriptor::Name)].prop_map(Carrier::Fd),
    ]
}

fn bind() -> impl Strategy<Value = HostPort> {
    let host = host().prop_filter("a local address has no name", |host| {
        !matches!(host, Host::Name(_))
    });
    (host, any::<u16>()).prop_map(|(host, port)| HostPort {
        host,
        port: Port::Number(port),
    })
}

fn group() -> impl Strategy<Value = IpAddr> {
    let four = any::<u32>()
        .prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits & 0x0fff_ffff | 0xe000_0000)));
    let six = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits | 0xff << 120)));
    prop_oneof![four, six]
}

fn proxy() -> impl Strategy<Value = Proxy> {
    let host = host().prop_filter("a proxy has a host", |host| *host != Host::Any);
    let secret = || prop_oneof!["[a-z:@/%&?#*]{0,9}", "\\PC{1,20}", Just("***".to_owned())];
    let user = option::of((secret(), option::of(secret())));
    let scheme = select(ProxyScheme::ALL.to_vec());
    (scheme, host, 1u16.., user).prop_map(|(scheme, host, port, user)| {
        let proxy = Proxy::new(scheme, host, port);
        let four = matches!(scheme, ProxyScheme::Socks4 | ProxyScheme::Socks4a);
        match user {
            None => proxy,
            Some((user, password)) => {
                let user = if scheme.is_http() {
                    user.replace(':', "")
                } else {
                    user
                };
                proxy.with_user(user, password.filter(|_| !four))
            }
        }
    })
}

/// Options of every kind; those that do not apply are taken out again below.
fn options() -> impl Strategy<Value = Options> {
    let network = (
        option::of(select(vec![Family::V4, Family::V6])),
        option::of(bind()),
        option::of("[a-zäß0-9.:@_-]{1,7}"),
        option::of(any::<bool>()),
        option::of((1u64..=32_767).prop_map(Duration::from_secs)),
        option::of(1u64..=i32::MAX as u64),
        any::<bool>(),
    );
    let others = (
        option::of(0u32..=i32::MAX as u32),
        option::of(1u8..),
        any::<bool>(),
        vec(group(), 0..4),
        option::of(0u32..=0o7777),
        option::of(any::<bool>()),
        option::of(select(vec![
            Access::Read,
            Access::Write,
            Access::Append,
            Access::Both,
        ])),
        vec(proxy(), 0..3),
    );
    (network, others).prop_map(|(network, others)| {
        let (family, bind, interface, nodelay, keepalive, buffer, reuseport) = network;
        let (backlog, ttl, broadcast, join, mode, unlink, access, via) = others;
        Options {
            family,
            bind,
            interface,
            nodelay,
            keepalive,
            buffer,
            reuseport,
            backlog,
            ttl,
            broadcast,
            join,
            mode,
            unlink,
            access,
            via,
        }
    })
}

fn tls() -> impl Strategy<Value = TlsOptions> {
    let versions = select(vec![TlsVersion::V1_2, TlsVersion::V1_3]);
    let sni = prop_oneof![
        "[a-z]{1,9}\\.[a-z]{1,9}",
        any::<IpAddr>().prop_map(|addr| addr.to_string())
    ];
    let protocol = prop_oneof!["[a-z0-9/.,&%=?+ ]{1,20}", "\\PC{1,20}"];
    (
        vec(protocol, 0..4),
        option::of(sni),
        option::of(path(50)),
        option::of((path(50), option::of(path(50)))),
        select(vec![Verify::Full, Verify::None]),
        vec(any::<[u8; 32]>().prop_map(Pin), 0..3),
        option::of((versions.clone(), option::of(versions))),
    )
        .prop_map(|(alpn, sni, ca, cert, verify, pin, versions)| {
            let (cert, key) = cert.map_or((None, None), |(cert, key)| (Some(cert), key));
            let (min, max) = versions.map_or((None, None), |(min, max)| (Some(min), max));
            let max = max.filter(|max| Some(*max) >= min);
            TlsOptions {
                alpn,
                sni,
                ca,
                cert,
                key,
                verify,
                pin,
                min,
                max,
            }
        })
}

/// Takes out what does not apply to this carrier: the grammar has no words for it.
fn fitting(carrier: &Carrier, mut options: Options) -> Options {
    let default = Options::default();
    let applies = |name: &str| {
        let row = OPTIONS.iter().find(|row| row.name == name).unwrap();
        row.applies(carrier, &[])
    };
    macro_rules! keep {
        ($($field:ident)*) => {
            $(if !applies(stringify!($field)) { options.$field = default.$field.clone(); })*
        };
    }
    keep!(family bind interface nodelay keepalive buffer reuseport backlog ttl broadcast join mode unlink access via);
    options
}

fn python() -> impl Strategy<Value = PythonOptions> {
    let key = prop_oneof![vec(any::<u8>(), 1..20), Just(b"***".to_vec())];
    let key = prop_oneof![
        Just((None, None, None)),
        key.prop_map(|key| (Some(AuthKey::new(key)), None, None)),
        path(50).prop_map(|file| (None, Some(file), None)),
        "[A-Z_ &%]{1,9}".prop_map(|name| (None, None, Some(name))),
    ];
    let payload = select(vec![Payload::Pickle, Payload::Bytes]);
    (key, payload, option::of(1..u64::MAX)).prop_map(|(key, payload, max_message)| {
        let (authkey, authkey_file, authkey_env) = key;
        PythonOptions {
            authkey,
            authkey_file,
            authkey_env,
            payload,
            max_message,
        }
    })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let parts = (
        carrier(),
        options(),
        option::of(tls()),
        option::of(python()),
    );
    parts.prop_map(|(carrier, options, tls, python)| {
        let options = fitting(&carrier, options);
        let wraps = match &carrier {
            Carrier::Pty(_) | Carrier::File(_) | Carrier::Fifo(_) => false,
            carrier => !carrier.keeps_boundaries(),
        };
        let mut endpoint = Endpoint::new(carrier).with_options(options);
        if let Some(tls) = tls.filter(|_| wraps) {
            endpoint = endpoint.with_layer(Layer::Tls(tls));
        }
        if let Some(python) = python.filter(|_| wraps) {
            endpoint = endpoint.with_layer(Layer::Python(python));
        }
        endpoint
    })
}

/// Text that is nearly an endpoint.
fn nearly() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "tcp",
        "udp",
        "unix",
        "unix-dgram",
        "exec",
        "pty",
        "file",
        "fd",
        "tls",
        "python",
        "authkey=",
        "stdio",
        "quic",
        "host",
        "80",
        "[::1]",
        "fe80::1%25eth0",
        ":",
        "//",
        "/",
        "+",
        "?",
        "&",
        "=",
        "@",
        "%",
        "%2",
        "%00",
        "%ff",
        "'",
        "\"",
        "\\",
        " ",
        "-",
        "nodelay",
        "join",
        "alpn",
        "pin=sha256:",
        "via=",
        "socks5h://",
        "u:***",
        "mode",
        "bind",
        "keepalive",
        "buffer",
        "65536",
        "ä",
        "\u{0}",
        ".",
        ",",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn never_panics_and_reprints(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let printed = endpoint.reveal();
            let again = printed.parse::<Endpoint>();
            prop_assert_eq!(
                again.as_ref(),
                Ok(&endpoint),
                "{} printed as {}",
                text,
                &printed
            );
            prop_assert_eq!(again.unwrap().reveal(), printed);
        }
        Err(error) => {
            prop_assert!(error.column() >= 1 && error.column() <= text.chars().count() + 1);
            let shown = format!("{error} {}", error.hint().unwrap_or_default());
            prop_assert!(!shown.contains(char::is_control), "{:?}", shown);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_parses_to_the_same_value(endpoint in endpoint()) {
        let text = endpoint.reveal();
        let again = text.parse::<Endpoint>();
        prop_assert_eq!(again.as_ref(), Ok(&endpoint), "{}", &text);
        // Paths compare by their parts, their text by bytes.
        prop_assert_eq!(again.unwrap().reveal(), text);
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        never_panics_and_reprints(&text)?;
    }

    #[test]
    fn nearly_right_text_is_read_or_refused(text in nearly()) {
        never_panics_and_reprints(&text)?;
    }

    #[test]
    fn a_damaged_endpoint_is_read_or_refused(endpoint in endpoint(), at: usize, letter: char) {
        let mut letters: Vec<char> = endpoint.reveal().chars().collect();
        let at = at % (letters.len() + 1);
        letters.insert(at, letter);
        never_panics_and_reprints(&letters.into_iter().collect::<String>())?;
    }
}

#[test]
fn paths_keep_each_byte() {
    let every: Vec<u8> = (1..=255).collect();
    for path in [
        every,
        b"//a//b/./c/".to_vec(),
        b"/".to_vec(),
        b"//".to_vec(),
    ] {
        let path = PathBuf::from(OsString::from_vec(path));
        let endpoint = Endpoint::new(Carrier::File(path.clone()));
        match endpoint.to_string().parse::<Endpoint>().unwrap().carrier() {
            Carrier::File(again) => assert_eq!(again.as_os_str(), path.as_os_str()),
            other => panic!("{other:?}"),
        }
    }
}
