#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn name(text: &str, port: u16) -> Address {
    Address {
        host: Host::Name(text.as_bytes().to_vec()),
        port,
    }
}

fn at(text: &str) -> Address {
    text.parse::<SocketAddr>().unwrap().into()
}

#[test]
fn requests_are_written_as_the_documents_say() {
    assert_eq!(
        v4::connect(&at("127.0.0.1:80"), b"me").unwrap(),
        b"\x04\x01\x00\x50\x7f\x00\x00\x01me\x00"
    );
    assert_eq!(
        v4::connect(&name("a.b", 80), b"").unwrap(),
        b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a.b\x00"
    );
    assert_eq!(v5::greeting(&[0, 2]).unwrap(), b"\x05\x02\x00\x02");
    assert_eq!(v5::login(b"u", b"pw").unwrap(), b"\x01\x01u\x02pw");
    assert_eq!(
        v5::connect(&at("[::1]:443")).unwrap(),
        b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"
    );
}

#[test]
fn a_name_that_does_not_fit_is_an_error_and_nothing_else() {
    let long = Address {
        host: Host::Name(vec![b'a'; 256]),
        port: 80,
    };
    assert_eq!(v5::connect(&long), Err(Error::FieldLength));
    assert_eq!(v4::connect(&long, b""), Err(Error::FieldLength));
    let fits = Address {
        host: Host::Name(vec![b'a'; 255]),
        port: 80,
    };
    assert_eq!(v5::connect(&fits).unwrap().len(), 4 + 1 + 255 + 2);
    assert_eq!(v5::login(b"", b"x"), Err(Error::FieldLength));
    assert_eq!(v5::login(&[b'u'; 256], b"x"), Err(Error::FieldLength));
    assert_eq!(v4::connect(&at("[::2]:1"), b""), Err(Error::NotIpv4));
    assert_eq!(v4::connect(&at("0.0.0.7:1"), b""), Err(Error::Announces));
    assert_eq!(v4::connect(&name("a\0b", 1), b""), Err(Error::Nul));
    assert_eq!(v5::greeting(&[]), Err(Error::Methods));
}

#[test]
fn answers_that_are_none_say_what_came_instead() {
    assert_eq!(v5::reply(b"HTTP/1.1 "), Err(Error::Version(b'H')));
    assert_eq!(v4::reply(b"H"), Err(Error::Version(b'H')));
    assert_eq!(v5::reply(b"\x05\x00\x00\x07"), Err(Error::AddressKind(7)));
    assert_eq!(v5::choice(b"\x05\xff").unwrap(), Read::Done(0xff, 2));
    assert_eq!(v5::verdict(b"\x05\x00").unwrap(), Read::Done(0, 2));
}

fn address() -> impl Strategy<Value = Address> {
    let host = prop_oneof![
        any::<IpAddr>().prop_map(Host::Ip),
        vec(1u8.., 1..=255).prop_map(Host::Name),
    ];
    (host, any::<u16>()).prop_map(|(host, port)| Address { host, port })
}

/// Reads as a connection does: only as many bytes as are surely part of the message.
fn piecewise<T: PartialEq + fmt::Debug>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<Read<T>, Error>,
) -> (T, usize) {
    let mut have = 0;
    loop {
        match read(&bytes[..have]).unwrap() {
            Read::Done(value, consumed) => {
                assert_eq!(consumed, have);
                return (value, consumed);
            }
            Read::Need(more) => {
                assert!(more > 0);
                have += more;
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(to in address(), user in vec(1u8.., 1..=255), password in vec(any::<u8>(), 0..=255), code: u8) {
        let mut bytes = v5::connect(&to).unwrap();
        let length = bytes.len();
        bytes.extend(b"early");
        prop_assert_eq!(piecewise(&bytes, v5::request), (to.clone(), length));
        let reply = Reply { code, bound: to.clone() };
        let mut bytes = v5::answer(&reply).unwrap();
        let length = bytes.len();
        bytes.extend(b"early");
        prop_assert_eq!(piecewise(&bytes, v5::reply), (reply, length));
        let mut bytes = v5::login(&user, &password).unwrap();
        let length = bytes.len();
        bytes.extend(b"early");
        prop_assert_eq!(piecewise(&bytes, v5::credentials), ((user.clone(), password), length));
        if let Ok(mut bytes) = v4::connect(&to, &user) {
            let length = bytes.len();
            bytes.extend(b"early");
            let canonical = Address {
                host: match to.host {
                    Host::Ip(addr) => Host::Ip(addr.to_canonical()),
                    name => name,
                },
                port: to.port,
            };
            prop_assert_eq!(piecewise(&bytes, v4::request), ((canonical, user), length));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = (v4::request(&bytes), v4::reply(&bytes), v5::methods(&bytes), v5::choice(&bytes));
        let _ = (v5::credentials(&bytes), v5::verdict(&bytes), v5::request(&bytes), v5::reply(&bytes));
    }
}
