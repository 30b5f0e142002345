//! A record: whose it is, what kind, how long it holds, and its data as typed fields and as zone-file text.

use std::fmt;
use std::net::IpAddr;

use data_encoding::BASE64;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::rdata::{self, params::Param};
use super::{Class, DomainName, RecordKind};

/// One record of an answer. It prints as one line of a zone file, with single blanks.
///
/// It serializes as `{"name", "type", "class", "ttl", "data", "fields"}`: the data as zone-file text, and by field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Whose it is.
    pub name: DomainName,
    /// What it tells.
    pub kind: RecordKind,
    /// Its class, nearly always [`Class::IN`].
    pub class: Class,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            class,
            ttl,
            data,
        } = self;
        write!(f, "{name} {ttl} {class} {kind} {data}")
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("class", &self.class)?;
        map.serialize_entry("ttl", &self.ttl)?;
        map.serialize_entry("data", &self.data.to_string())?;
        map.serialize_entry("fields", &self.data)?;
        if let Some(fault) = self.data.fault() {
            map.serialize_entry("fault", fault)?;
        }
        map.end()
    }
}

/// What a record says: fields in the order of its specification.
///
/// It prints as in a zone file, on one line and without blanks inside keys and digests. Kinds that are not known, and
/// data that break the rules of their kind, print in the form of RFC 3597, `\# 4 c0000201`.
///
/// # Examples
///
/// ```no_run
/// # use sockeye::net::resolve::query::{self, Question, RecordKind, Value};
/// # async fn f() -> sockeye::Result<()> {
/// let question = Question::new("example.org".parse()?, RecordKind::MX);
/// let server = "192.0.2.53".parse()?;
/// let response = query::ask(&sockeye::Net::new(), &server, &question, &Default::default()).await?;
/// for record in response.records() {
///     let preference = record.data.field("preference").and_then(Value::number);
///     println!("{preference:?} {:?}", record.data.target());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub(super) fields: Vec<(&'static str, Value)>,
    pub(super) generic: bool,
    pub(super) fault: Option<String>,
}

impl Data {
    /// Every field with its name, in the order of the specification.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.fields.iter().map(|(name, value)| (*name, value))
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let mut fields = self.fields();
        fields.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The address of an A or AAAA record.
    pub fn address(&self) -> Option<IpAddr> {
        match self.field("address") {
            Some(Value::Address(address)) => Some(*address),
            _ => None,
        }
    }

    /// The name that this record leads to: that of NS, CNAME, DNAME, PTR, MX, SRV and the like.
    pub fn target(&self) -> Option<&DomainName> {
        match self.field("target") {
            Some(Value::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// Why the data could not be read as its kind demands, if so; then there is one field, `bytes`.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (true, Some((_, Value::Hex(bytes)))) = (self.generic, self.fields.first()) {
            write!(f, "\\# {}", bytes.len())?;
            return match bytes.is_empty() {
                true => Ok(()),
                false => write!(f, " {}", rdata::text::hex(bytes)),
            };
        }
        let mut separator = "";
        for (_, value) in self.fields() {
            let text = value.to_string();
            if !text.is_empty() {
                write!(f, "{separator}{text}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Data {
    /// As an object with a key for each field.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

/// One field of a record. It prints as in a zone file.
///
/// In JSON numbers are numbers, lists are arrays, and the rest are strings; text that is not UTF-8 is
/// `{"base64": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Number(u64),
    /// A name.
    Name(DomainName),
    /// An address.
    Address(IpAddr),
    /// Text, in quotes where it is printed.
    Text(Vec<u8>),
    /// Several texts.
    Texts(Vec<Vec<u8>>),
    /// One word of a notation of its own: a mnemonic, a hardware address, a position.
    Word(String),
    /// Several such words.
    Words(Vec<String>),
    /// A kind of record.
    Kind(RecordKind),
    /// Several kinds of records.
    Kinds(Vec<RecordKind>),
    /// Bytes in hexadecimal.
    Hex(Vec<u8>),
    /// Bytes in base64.
    Base64(Vec<u8>),
    /// Bytes in base32hex, without padding (RFC 4648 section 7).
    Base32(Vec<u8>),
    /// A point in time, in seconds since 1970.
    Time(u32),
    /// Parameters of a service (RFC 9460).
    Params(Vec<Param>),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Time(seconds) => Some(u64::from(*seconds)),
            _ => None,
        }
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&DomainName> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// The bytes, if it is text or bytes.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(bytes) | Self::Hex(bytes) | Self::Base64(bytes) | Self::Base32(bytes) => {
                Some(bytes)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use rdata::text;
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Text(bytes) => f.write_str(&text::quoted(bytes)),
            Self::Texts(texts) => {
                f.write_str(&joined(texts.iter().map(|bytes| text::quoted(bytes))))
            }
            Self::Word(word) => f.write_str(word),
            Self::Words(words) => f.write_str(&joined(words.iter().cloned())),
            Self::Kind(kind) => write!(f, "{kind}"),
            Self::Kinds(kinds) => f.write_str(&joined(kinds.iter().map(ToString::to_string))),
            Self::Hex(bytes) => f.write_str(&text::hex(bytes)),
            Self::Base64(bytes) => f.write_str(&BASE64.encode(bytes)),
            Self::Base32(bytes) => f.write_str(&text::base32(bytes)),
            Self::Time(seconds) => f.write_str(&text::compact_time(*seconds)),
            Self::Params(params) => f.write_str(&joined(params.iter().map(ToString::to_string))),
        }
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" ")
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(bytes) => Lossless(bytes).serialize(serializer),
            Self::Texts(texts) => serializer.collect_seq(texts.iter().map(|text| Lossless(text))),
            Self::Words(words) => serializer.collect_seq(words),
            Self::Kinds(kinds) => serializer.collect_seq(kinds),
            Self::Time(seconds) => serializer.serialize_str(&rdata::text::readable_time(*seconds)),
            Self::Params(params) => {
                let pairs = params
                    .iter()
                    .map(|param| (param.name(), param.value().unwrap_or_default()));
                serializer.collect_map(pairs)
            }
            _ => serializer.collect_str(self),
        }
    }
}

/// Bytes as a string if they are UTF-8, and in base64 if they are not.
struct Lossless<'a>(&'a [u8]);

impl Serialize for Lossless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_map([("base64", BASE64.encode(self.0))]),
        }
    }
}
