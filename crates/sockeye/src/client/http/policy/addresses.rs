//! Addresses that are not those of a stranger's server (the special-purpose registries of IANA, RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::error::{Error, Kind, Operation, Result};

/// Read a network, or one address.
///
/// # Errors
///
/// [`Kind::Usage`] if it is neither.
pub(super) fn network(text: &str) -> Result<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    network.map(|network| network.trunc()).ok_or_else(|| {
        let why = format!("{text:?} is not a network");
        Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("networks are written as 10.1.0.0/16, fd00::/8, or one address")
    })
}

/// The IPv4 address inside of an IPv6 address that leads there: NAT64 (RFC 6052), 6to4 (RFC 3056), and the old compatible ones.
pub(super) fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    if address.is_loopback() || address.is_unspecified() {
        return None;
    }
    let parts = address.segments();
    let [.., a, b] = match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => parts,
        // The address stands behind the prefix.
        [0x2002, a, b, ..] => [0, 0, 0, 0, 0, 0, a, b],
        _ => return None,
    };
    let [a, b, c, d] = [a >> 8, a & 0xff, b >> 8, b & 0xff].map(|byte| byte as u8);
    Some(Ipv4Addr::new(a, b, c, d).into())
}

/// What this address is, if it is not one of the public internet.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "this machine (0.0.0.0/8)",
        [127, ..] => "this machine (127.0.0.0/8)",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address (RFC 1918)",
        [100, 64..=127, ..] => "an address behind a provider's NAT (RFC 6598)",
        [169, 254, ..] => "a link-local address, where clouds keep their secrets (RFC 3927)",
        [192, 0, 0, _] => "reserved for protocols (RFC 6890)",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "for documentation (RFC 5737)",
        [192, 88, 99, _] => "a 6to4 relay (RFC 7526)",
        [198, 18 | 19, ..] => "for benchmarks (RFC 2544)",
        [224..=239, ..] => "a multicast address (RFC 5771)",
        [240..=255, ..] => "reserved (RFC 1112)",
        _ => return None,
    })
}

/// Only 2000::/3 is handed out; what is not known to be public is not taken for it.
fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => "this machine (::1 or ::)",
        // The address inside is looked at by itself.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => return None,
        [0x64, 0xff9b, ..] => "translated by a NAT64 of one network (RFC 8215)",
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => "an IPv4 address in an old form (RFC 4291)",
        [0x2001, 0, ..] => "a Teredo tunnel (RFC 4380)",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "for documentation (RFC 3849, RFC 9637)",
        [0x2001, 0..=0x1ff, ..] => "reserved for protocols (RFC 2928)",
        [0x2000..=0x3fff, ..] => return None,
        [0xfc00..=0xfdff, ..] => "a private address (RFC 4193)",
        [0xfe80..=0xfebf, ..] => "a link-local address (RFC 4291)",
        [0xfec0..=0xfeff, ..] => "a site-local address (RFC 3879)",
        [0xff00..=0xffff, ..] => "a multicast address (RFC 4291)",
        _ => "not handed out to anybody (RFC 4291)",
    })
}
