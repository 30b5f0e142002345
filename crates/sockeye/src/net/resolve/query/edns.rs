//! What both sides say about a message: EDNS (RFC 6891) and its options.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER;
use hickory_proto::op::Edns;
use hickory_proto::rr::rdata::opt::EdnsOption;
use serde::{Serialize, Serializer};

use super::super::message;
use super::rdata::{Fault, Reader};
use super::{ClientSubnet, Options};

/// The numbers of options (IANA, DNS EDNS0 Option Codes).
const NSID: u16 = 3;
const SUBNET: u16 = 8;
const COOKIE: u16 = 10;
const PADDING: u16 = 12;
const EXTENDED_ERROR: u16 = 15;

/// What a server said by EDNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EdnsInfo {
    /// The largest datagram that the server takes, in bytes.
    pub payload: u16,
    /// The version of EDNS; 0 is the only one.
    pub version: u8,
    /// Whether signatures are welcome (DO).
    pub dnssec_ok: bool,
    /// Which of several servers it is (RFC 5001).
    #[serde(serialize_with = "text_or_hex")]
    pub nsid: Option<Vec<u8>>,
    /// Why it failed, or what there is to say about the answer (RFC 8914).
    pub extended_errors: Vec<ExtendedError>,
    /// The cookie: eight bytes of ours, then the server's (RFC 7873).
    #[serde(serialize_with = "hex")]
    pub cookie: Option<Vec<u8>>,
    /// For whom the answer is (RFC 7871).
    pub client_subnet: Option<ClientSubnet>,
    /// How many bytes of padding the answer has (RFC 7830).
    pub padding: Option<usize>,
    /// Options that are not known here, by number.
    pub other: Vec<OtherOption>,
}

/// Why a server failed, or what there is to say about its answer (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExtendedError {
    /// Its number.
    pub code: u16,
    /// What the number means, if it is known.
    pub meaning: Option<&'static str>,
    /// What the server adds in words; bytes that are not UTF-8 are replaced. It comes from outside: escape it before a
    /// terminal sees it.
    pub text: String,
}

impl std::fmt::Display for ExtendedError {
    /// `6 (DNSSEC Bogus): no SEP matching the DS found`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(meaning) = self.meaning {
            write!(f, " ({meaning})")?;
        }
        match &*self.text {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

/// An option that is not known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OtherOption {
    /// Its number.
    pub code: u16,
    /// Its bytes, in JSON in hexadecimal.
    #[serde(serialize_with = "hex_bytes")]
    pub bytes: Vec<u8>,
}

/// The meanings of extended errors (IANA, Extended DNS Error Codes).
const MEANINGS: &[&str] = &[
    "Other Error",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
    "Signature Expired before Valid",
    "Too Early",
    "Unsupported NSEC3 Iterations Value",
    "Unable to conform to policy",
    "Synthesized",
    "Invalid Query Type",
];

/// What we say; `cookie` is our cookie, with the server's behind it once we know that.
pub(super) fn compose(options: &Options, cookie: Option<&[u8]>) -> Edns {
    let mut edns = message::plain_edns(options.udp_payload);
    edns.set_dnssec_ok(options.dnssec_ok);
    let mut add = |code: u16, bytes: Vec<u8>| {
        let option = EdnsOption::Unknown(code, bytes);
        edns.options_mut().insert(option);
    };
    if options.nsid {
        add(NSID, Vec::new());
    }
    if let Some(subnet) = &options.client_subnet {
        add(SUBNET, write_subnet(subnet));
    }
    if let Some(cookie) = cookie {
        add(COOKIE, cookie.to_vec());
    }
    edns
}

/// Add this many bytes of padding.
pub(super) fn pad(edns: &mut Edns, bytes: usize) {
    let option = EdnsOption::Unknown(PADDING, vec![0; bytes]);
    edns.options_mut().insert(option);
}

fn write_subnet(subnet: &ClientSubnet) -> Vec<u8> {
    let (family, octets) = match subnet.address {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let length = usize::from(subnet.prefix.div_ceil(8));
    [&[0, family, subnet.prefix, 0], &octets[..length]].concat()
}

/// What a server says, from the fields of its OPT record.
pub(super) fn read(class: u16, ttl: u32, mut from: Reader<'_>) -> Result<EdnsInfo, Fault> {
    let [_, version, flags, _] = ttl.to_be_bytes();
    let mut info = EdnsInfo {
        payload: class,
        version,
        dnssec_ok: flags & 0x80 != 0,
        ..EdnsInfo::default()
    };
    while from.left() > 0 {
        let (code, length) = (from.u16()?, from.u16()?);
        let mut part = from.part(length.into())?;
        match code {
            NSID => info.nsid = Some(part.rest().to_vec()),
            SUBNET => info.client_subnet = Some(read_subnet(&mut part)?),
            COOKIE => info.cookie = Some(part.rest().to_vec()),
            PADDING => info.padding = Some(part.left()),
            EXTENDED_ERROR => {
                let code = part.u16()?;
                // Some servers end their text with a NUL.
                let text = String::from_utf8_lossy(part.rest());
                info.extended_errors.push(ExtendedError {
                    code,
                    meaning: MEANINGS.get(usize::from(code)).copied(),
                    text: text.trim_end_matches('\0').to_owned(),
                });
            }
            _ => info.other.push(OtherOption {
                code,
                bytes: part.rest().to_vec(),
            }),
        }
    }
    Ok(info)
}

fn read_subnet(from: &mut Reader<'_>) -> Result<ClientSubnet, Fault> {
    let (family, prefix, scope) = (from.u16()?, from.u8()?, from.u8()?);
    let bytes = from.rest();
    let mut octets = [0; 16];
    let filled = octets.get_mut(..bytes.len());
    let filled = filled.ok_or_else(|| "its client subnet is too long".to_owned())?;
    filled.copy_from_slice(bytes);
    let [a, b, c, d, ..] = octets;
    let address: IpAddr = match family {
        1 if prefix <= 32 && bytes.len() <= 4 => Ipv4Addr::new(a, b, c, d).into(),
        2 if prefix <= 128 => Ipv6Addr::from(octets).into(),
        _ => return Err("its client subnet is of no known family".into()),
    };
    Ok(ClientSubnet {
        scope,
        ..ClientSubnet::new(address, prefix)
    })
}

fn hex<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = bytes.as_ref().map(|bytes| HEXLOWER.encode(bytes));
    text.serialize(serializer)
}

fn hex_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(bytes))
}

/// Most servers put a readable name there; others a number.
fn text_or_hex<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = bytes
        .as_ref()
        .map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(char::is_control) => text.to_owned(),
            _ => format!("0x{}", HEXLOWER.encode(bytes)),
        });
    text.serialize(serializer)
}
