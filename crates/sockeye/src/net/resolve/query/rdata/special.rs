//! Kinds of records that are more than a row of fields.

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER;

use super::{Fault, Fields, Reader};
use crate::net::resolve::query::record::Value;

/// RFC 8659 section 4.1.
pub(super) fn caa(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let flags = from.u8()?;
    let tag = from.text()?;
    if tag.is_empty() || !tag.iter().all(u8::is_ascii_alphanumeric) {
        return Err("its tag is not made of letters and digits".into());
    }
    Ok(vec![
        ("flags", Value::Number(flags.into())),
        (
            "tag",
            Value::Word(String::from_utf8_lossy(tag).into_owned()),
        ),
        ("value", Value::Text(from.rest().to_vec())),
    ])
}

/// RFC 4398 section 2.
pub(super) fn cert(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    const TYPES: &[(u16, &str)] = &[
        (1, "PKIX"),
        (2, "SPKI"),
        (3, "PGP"),
        (4, "IPKIX"),
        (5, "ISPKI"),
        (6, "IPGP"),
        (7, "ACPKIX"),
        (8, "IACPKIX"),
        (253, "URI"),
        (254, "OID"),
    ];
    const ALGORITHMS: &[(u16, &str)] = &[
        (1, "RSAMD5"),
        (2, "DH"),
        (3, "DSA"),
        (5, "RSASHA1"),
        (6, "NSEC3DSA"),
        (7, "NSEC3RSASHA1"),
        (8, "RSASHA256"),
        (10, "RSASHA512"),
        (12, "ECCGOST"),
        (13, "ECDSAP256SHA256"),
        (14, "ECDSAP384SHA384"),
        (15, "ED25519"),
        (16, "ED448"),
        (252, "INDIRECT"),
        (253, "PRIVATEDNS"),
        (254, "PRIVATEOID"),
    ];
    let mnemonic = |table: &[(u16, &str)], number: u16| {
        let row = table.iter().find(|(known, _)| *known == number);
        row.map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned())
    };
    Ok(vec![
        (
            "certificate_type",
            Value::Word(mnemonic(TYPES, from.u16()?)),
        ),
        ("key_tag", Value::Number(from.u16()?.into())),
        (
            "algorithm",
            Value::Word(mnemonic(ALGORITHMS, from.u8()?.into())),
        ),
        ("certificate", Value::Base64(from.rest().to_vec())),
    ])
}

/// RFC 3123 section 4.
pub(super) fn apl(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let mut words = Vec::new();
    while from.left() > 0 {
        let (family, prefix, length) = (from.u16()?, from.u8()?, from.u8()?);
        let bytes = from.bytes(usize::from(length & 0x7f))?;
        let sign = if length & 0x80 == 0 { "" } else { "!" };
        let too_long = || "an address in it is too long".to_owned();
        let address = match family {
            1 if prefix <= 32 => {
                Ipv4Addr::from(filled::<4>(bytes).ok_or_else(too_long)?).to_string()
            }
            2 if prefix <= 128 => {
                Ipv6Addr::from(filled::<16>(bytes).ok_or_else(too_long)?).to_string()
            }
            _ => {
                return Err(format!(
                    "it has an address of family {family} with {prefix} bits"
                ));
            }
        };
        words.push(format!("{sign}{family}:{address}/{prefix}"));
    }
    Ok(vec![("prefixes", Value::Words(words))])
}

/// These bytes, and zeros behind them.
fn filled<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut array = [0; N];
    array.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(array)
}

/// Where to find somebody: nobody, an address, or a name.
fn gateway(from: &mut Reader<'_>, kind: u8) -> Result<Value, Fault> {
    Ok(match kind {
        0 => Value::Word(".".into()),
        1 => Value::Address(Ipv4Addr::from(from.array::<4>()?).into()),
        2 => Value::Address(Ipv6Addr::from(from.array::<16>()?).into()),
        3 => Value::Name(from.name()?),
        _ => return Err(format!("it has a gateway of type {kind}")),
    })
}

/// RFC 4025 section 2.
pub(super) fn ipseckey(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let (precedence, kind, algorithm) = (from.u8()?, from.u8()?, from.u8()?);
    Ok(vec![
        ("precedence", Value::Number(precedence.into())),
        ("gateway_type", Value::Number(kind.into())),
        ("algorithm", Value::Number(algorithm.into())),
        ("gateway", gateway(from, kind)?),
        ("key", Value::Base64(from.rest().to_vec())),
    ])
}

/// RFC 8777 section 4.
pub(super) fn amtrelay(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let (precedence, second) = (from.u8()?, from.u8()?);
    let kind = second & 0x7f;
    Ok(vec![
        ("precedence", Value::Number(precedence.into())),
        ("discovery_optional", Value::Number(u64::from(second >> 7))),
        ("relay_type", Value::Number(kind.into())),
        ("relay", gateway(from, kind)?),
    ])
}

/// RFC 8005 section 5.
pub(super) fn hip(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let (tag_length, algorithm, key_length) = (from.u8()?, from.u8()?, from.u16()?);
    let tag = from.bytes(tag_length.into())?;
    let key = from.bytes(key_length.into())?;
    let mut servers = Vec::new();
    while from.left() > 0 {
        servers.push(from.name()?.to_string());
    }
    Ok(vec![
        ("algorithm", Value::Number(algorithm.into())),
        ("tag", Value::Hex(tag.to_vec())),
        ("key", Value::Base64(key.to_vec())),
        ("rendezvous", Value::Words(servers)),
    ])
}

/// RFC 1706 section 5.
pub(super) fn nsap(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let word = format!("0x{}", HEXLOWER.encode(from.rest()));
    Ok(vec![("address", Value::Word(word))])
}

/// RFC 7043 section 3.
pub(super) fn eui48(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    Ok(vec![("address", hardware(&from.array::<6>()?))])
}

/// RFC 7043 section 4.
pub(super) fn eui64(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    Ok(vec![("address", hardware(&from.array::<8>()?))])
}

fn hardware(bytes: &[u8]) -> Value {
    let pairs = bytes.chunks(1).map(|byte| HEXLOWER.encode(byte));
    Value::Word(pairs.collect::<Vec<_>>().join("-"))
}

/// RFC 1876 sections 2 and 3.
pub(super) fn loc(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let (version, size) = (from.u8()?, from.u8()?);
    let (horizontal, vertical) = (from.u8()?, from.u8()?);
    let (latitude, longitude, altitude) = (from.u32()?, from.u32()?, from.u32()?);
    if version != 0 {
        return Err(format!("it is of version {version}"));
    }
    let altitude = i64::from(altitude) - 10_000_000;
    let sign = if altitude < 0 { "-" } else { "" };
    let (metres, centimetres) = (altitude.unsigned_abs() / 100, altitude.unsigned_abs() % 100);
    Ok(vec![
        ("latitude", Value::Word(angle(latitude, ["S", "N"], 90)?)),
        ("longitude", Value::Word(angle(longitude, ["W", "E"], 180)?)),
        (
            "altitude",
            Value::Word(format!("{sign}{metres}.{centimetres:02}m")),
        ),
        ("size", Value::Word(precision(size)?)),
        ("horizontal_precision", Value::Word(precision(horizontal)?)),
        ("vertical_precision", Value::Word(precision(vertical)?)),
    ])
}

/// Thousandths of a second of arc around 2^31, as degrees, minutes, seconds and which half of the earth.
fn angle(value: u32, halves: [&str; 2], limit: u32) -> Result<String, Fault> {
    const ZERO: u32 = 1 << 31;
    let half = halves[usize::from(value >= ZERO)];
    let all = value.abs_diff(ZERO);
    if all > limit * 3_600_000 {
        return Err("it lies beside the earth".into());
    }
    let (degrees, minutes) = (all / 3_600_000, all / 60_000 % 60);
    let (seconds, thousandths) = (all / 1000 % 60, all % 1000);
    Ok(format!(
        "{degrees} {minutes} {seconds}.{thousandths:03} {half}"
    ))
}

/// Centimetres as a digit and a power of ten.
fn precision(byte: u8) -> Result<String, Fault> {
    let (digit, power) = (byte >> 4, byte & 15);
    if digit > 9 || power > 9 {
        return Err("a size in it is not decimal".into());
    }
    let centimetres = u64::from(digit) * 10u64.pow(power.into());
    Ok(match centimetres % 100 {
        0 => format!("{}m", centimetres / 100),
        rest => format!("{}.{rest:02}m", centimetres / 100),
    })
}
