//! The data of records: what the fields of each kind are, read from the message.
//!
//! [`LAYOUTS`] is the one table of them. What is known here prints as in zone files; all else as RFC 3597 has it.

pub(super) mod params;
mod reader;
mod special;
pub(super) mod text;

use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) use self::reader::{Fault, Reader};

use super::record::{Data, Value};
use super::{Class, RecordKind};

/// One field of a kind of record.
#[derive(Clone, Copy)]
enum Field {
    U8,
    U16,
    U32,
    Ip4,
    Ip6,
    /// 64 bits, printed as four groups of hexadecimal digits.
    Groups,
    Name,
    /// A text behind its length.
    Text,
    /// As many texts as there are, at least one.
    Texts,
    /// Text up to the end.
    RestText,
    /// Bytes up to the end.
    Hex,
    Base64,
    Kind,
    Kinds,
    Time,
    /// Bytes behind their length, a hyphen if there are none.
    Salt,
    Hash,
}

/// How the data of a kind is read.
enum Layout {
    Fields(&'static [(&'static str, Field)]),
    Special(fn(&mut Reader<'_>) -> Result<Fields, Fault>),
}

type Fields = Vec<(&'static str, Value)>;

use Field as F;
use Layout::{Fields as L, Special};
use RecordKind as K;

const TARGET: Layout = L(&[("target", F::Name)]);
const PREFERRED: Layout = L(&[("preference", F::U16), ("target", F::Name)]);
const TEXTS: Layout = L(&[("texts", F::Texts)]);
const DIGEST: Layout = L(&[
    ("key_tag", F::U16),
    ("algorithm", F::U8),
    ("digest_type", F::U8),
    ("digest", F::Hex),
]);
const KEY: Layout = L(&[
    ("flags", F::U16),
    ("protocol", F::U8),
    ("algorithm", F::U8),
    ("key", F::Base64),
]);
const SIGNATURE: Layout = L(&[
    ("covered", F::Kind),
    ("algorithm", F::U8),
    ("labels", F::U8),
    ("original_ttl", F::U32),
    ("expires", F::Time),
    ("signed", F::Time),
    ("key_tag", F::U16),
    ("signer", F::Name),
    ("signature", F::Base64),
]);
const ASSOCIATION: Layout = L(&[
    ("usage", F::U8),
    ("selector", F::U8),
    ("matching", F::U8),
    ("certificate", F::Hex),
]);

/// The kinds that are known, in the order of their numbers.
const LAYOUTS: &[(RecordKind, Layout)] = &[
    (K::A, L(&[("address", F::Ip4)])),
    (K::NS, TARGET),
    (K::MD, TARGET),
    (K::MF, TARGET),
    (K::CNAME, TARGET),
    (
        K::SOA,
        L(&[
            ("primary", F::Name),
            ("mailbox", F::Name),
            ("serial", F::U32),
            ("refresh", F::U32),
            ("retry", F::U32),
            ("expire", F::U32),
            ("minimum", F::U32),
        ]),
    ),
    (K::MB, TARGET),
    (K::MG, TARGET),
    (K::MR, TARGET),
    (K::PTR, TARGET),
    (K::HINFO, L(&[("cpu", F::Text), ("os", F::Text)])),
    (
        K::MINFO,
        L(&[("responsible", F::Name), ("errors", F::Name)]),
    ),
    (K::MX, PREFERRED),
    (K::TXT, TEXTS),
    (K::RP, L(&[("mailbox", F::Name), ("text_name", F::Name)])),
    (K::AFSDB, L(&[("subtype", F::U16), ("target", F::Name)])),
    (K::X25, L(&[("address", F::Text)])),
    (K::ISDN, L(&[("texts", F::Texts)])),
    (K::RT, PREFERRED),
    (K::NSAP, Special(special::nsap)),
    (K::SIG, SIGNATURE),
    (K::KEY, KEY),
    (
        K::PX,
        L(&[
            ("preference", F::U16),
            ("map822", F::Name),
            ("mapx400", F::Name),
        ]),
    ),
    (
        K::GPOS,
        L(&[
            ("longitude", F::Text),
            ("latitude", F::Text),
            ("altitude", F::Text),
        ]),
    ),
    (K::AAAA, L(&[("address", F::Ip6)])),
    (K::LOC, Special(special::loc)),
    (
        K::SRV,
        L(&[
            ("priority", F::U16),
            ("weight", F::U16),
            ("port", F::U16),
            ("target", F::Name),
        ]),
    ),
    (
        K::NAPTR,
        L(&[
            ("order", F::U16),
            ("preference", F::U16),
            ("flags", F::Text),
            ("services", F::Text),
            ("regexp", F::Text),
            ("replacement", F::Name),
        ]),
    ),
    (K::KX, PREFERRED),
    (K::CERT, Special(special::cert)),
    (K::DNAME, TARGET),
    (K::APL, Special(special::apl)),
    (K::DS, DIGEST),
    (
        K::SSHFP,
        L(&[
            ("algorithm", F::U8),
            ("digest_type", F::U8),
            ("fingerprint", F::Hex),
        ]),
    ),
    (K::IPSECKEY, Special(special::ipseckey)),
    (K::RRSIG, SIGNATURE),
    (K::NSEC, L(&[("next", F::Name), ("types", F::Kinds)])),
    (K::DNSKEY, KEY),
    (K::DHCID, L(&[("digest", F::Base64)])),
    (
        K::NSEC3,
        L(&[
            ("hash", F::U8),
            ("flags", F::U8),
            ("iterations", F::U16),
            ("salt", F::Salt),
            ("next", F::Hash),
            ("types", F::Kinds),
        ]),
    ),
    (
        K::NSEC3PARAM,
        L(&[
            ("hash", F::U8),
            ("flags", F::U8),
            ("iterations", F::U16),
            ("salt", F::Salt),
        ]),
    ),
    (K::TLSA, ASSOCIATION),
    (K::SMIMEA, ASSOCIATION),
    (K::HIP, Special(special::hip)),
    (K::NINFO, TEXTS),
    (K::RKEY, KEY),
    (K::TALINK, L(&[("previous", F::Name), ("next", F::Name)])),
    (K::CDS, DIGEST),
    (K::CDNSKEY, KEY),
    (K::OPENPGPKEY, L(&[("key", F::Base64)])),
    (
        K::CSYNC,
        L(&[("serial", F::U32), ("flags", F::U16), ("types", F::Kinds)]),
    ),
    (
        K::ZONEMD,
        L(&[
            ("serial", F::U32),
            ("scheme", F::U8),
            ("algorithm", F::U8),
            ("digest", F::Hex),
        ]),
    ),
    (K::SVCB, Special(params::service)),
    (K::HTTPS, Special(params::service)),
    (
        K::DSYNC,
        L(&[
            ("covered", F::Kind),
            ("scheme", F::U8),
            ("port", F::U16),
            ("target", F::Name),
        ]),
    ),
    (K::SPF, TEXTS),
    (K::NID, L(&[("preference", F::U16), ("node", F::Groups)])),
    (K::L32, L(&[("preference", F::U16), ("locator", F::Ip4)])),
    (K::L64, L(&[("preference", F::U16), ("locator", F::Groups)])),
    (K::LP, PREFERRED),
    (K::EUI48, Special(special::eui48)),
    (K::EUI64, Special(special::eui64)),
    (
        K::URI,
        L(&[
            ("priority", F::U16),
            ("weight", F::U16),
            ("uri", F::RestText),
        ]),
    ),
    (K::CAA, Special(special::caa)),
    (K::AVC, TEXTS),
    (K::AMTRELAY, Special(special::amtrelay)),
    (K::RESINFO, TEXTS),
    (K::WALLET, TEXTS),
    (K::CLA, TEXTS),
    (K::TA, DIGEST),
    (K::DLV, DIGEST),
];

/// Kinds whose data mean something else, or nothing, outside the class of the internet.
const INTERNET_ONLY: &[RecordKind] = &[
    K::A,
    K::AAAA,
    K::NSAP,
    K::PX,
    K::SRV,
    K::NAPTR,
    K::KX,
    K::APL,
    K::DHCID,
    K::SVCB,
    K::HTTPS,
];

/// The data of a record, which the reader ends with.
pub(super) fn read(kind: RecordKind, class: Class, reader: Reader<'_>) -> Data {
    let known = LAYOUTS.iter().find(|(known, _)| *known == kind);
    let known = known.filter(|_| class == Class::IN || !INTERNET_ONLY.contains(&kind));
    let Some((_, layout)) = known else {
        return generic(reader, None);
    };
    let mut inside = reader.clone();
    let fields = match layout {
        Layout::Fields(fields) => fields
            .iter()
            .map(|(name, field)| Ok((*name, field.read(&mut inside)?)))
            .collect(),
        Layout::Special(read) => read(&mut inside),
    };
    let fields = fields.and_then(|fields: Fields| match inside.left() {
        0 => Ok(fields),
        left => Err(format!("{left} bytes are left over at its end")),
    });
    match fields {
        Ok(fields) => Data {
            fields,
            generic: false,
            fault: None,
        },
        Err(fault) => generic(reader, Some(fault)),
    }
}

fn generic(mut reader: Reader<'_>, fault: Option<String>) -> Data {
    Data {
        fields: vec![("bytes", Value::Hex(reader.rest().to_vec()))],
        generic: true,
        fault,
    }
}

impl Field {
    fn read(self, from: &mut Reader<'_>) -> Result<Value, Fault> {
        Ok(match self {
            Self::U8 => Value::Number(from.u8()?.into()),
            Self::U16 => Value::Number(from.u16()?.into()),
            Self::U32 => Value::Number(from.u32()?.into()),
            Self::Ip4 => Value::Address(Ipv4Addr::from(from.array::<4>()?).into()),
            Self::Ip6 => Value::Address(Ipv6Addr::from(from.array::<16>()?).into()),
            Self::Groups => Value::Word(text::groups(from.array::<8>()?)),
            Self::Name => Value::Name(from.name()?),
            Self::Text => Value::Text(from.text()?.to_vec()),
            Self::Texts => {
                let mut texts = vec![from.text()?.to_vec()];
                while from.left() > 0 {
                    texts.push(from.text()?.to_vec());
                }
                Value::Texts(texts)
            }
            Self::RestText => Value::Text(from.rest().to_vec()),
            Self::Hex => Value::Hex(from.rest().to_vec()),
            Self::Base64 => Value::Base64(from.rest().to_vec()),
            Self::Kind => Value::Kind(RecordKind(from.u16()?)),
            Self::Kinds => Value::Kinds(from.kinds()?),
            Self::Time => Value::Time(from.u32()?),
            Self::Salt => match from.text()? {
                [] => Value::Word("-".into()),
                salt => Value::Hex(salt.to_vec()),
            },
            Self::Hash => Value::Base32(from.text()?.to_vec()),
        })
    }
}
