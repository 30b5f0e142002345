//! Parameters of services in SVCB and HTTPS records (RFC 9460).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;

use super::{Fault, Fields, Reader, text};
use crate::net::resolve::query::record::Value;

const KEYS: &[&str] = &[
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
];

/// One parameter of a service, such as `alpn="h2,h3"`. It prints as in a zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    key: u16,
    bytes: Vec<u8>,
    /// The value in its own notation, without quotes.
    value: Option<String>,
    quotes: bool,
}

impl Param {
    /// The number of the parameter.
    pub fn key(&self) -> u16 {
        self.key
    }

    /// The name of the parameter: `alpn`, or `key65280` if it has none.
    pub fn name(&self) -> String {
        match KEYS.get(usize::from(self.key)) {
            Some(name) => (*name).to_owned(),
            None => format!("key{}", self.key),
        }
    }

    /// The value in its own notation: `h2,h3`; `None` if the parameter has none.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The value as it was sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn read(key: u16, bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        let mut quotes = false;
        let value = match key {
            0 => Some(list(&mut from, |from| {
                let key = from.u16()?;
                Ok(Self {
                    key,
                    bytes: Vec::new(),
                    value: None,
                    quotes: false,
                }
                .name())
            })?),
            1 => {
                quotes = true;
                Some(list(&mut from, |from| Ok(listed(from.text()?)))?)
            }
            2 => None,
            3 => Some(from.u16()?.to_string()),
            4 => Some(list(&mut from, |from| {
                Ok(Ipv4Addr::from(from.array::<4>()?).to_string())
            })?),
            5 => Some(BASE64.encode(from.rest())),
            6 => Some(list(&mut from, |from| {
                Ok(Ipv6Addr::from(from.array::<16>()?).to_string())
            })?),
            _ if bytes.is_empty() => None,
            _ => {
                quotes = true;
                Some(unquoted(from.rest()))
            }
        };
        if from.left() > 0 {
            return Err(format!("the value of its parameter {key} is too long"));
        }
        Ok(Self {
            key,
            bytes: bytes.to_vec(),
            value,
            quotes,
        })
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match &self.value {
            None => f.write_str(&name),
            Some(value) if self.quotes => write!(f, "{name}=\"{value}\""),
            Some(value) => write!(f, "{name}={value}"),
        }
    }
}

/// Values up to the end, with commas between them; at least one.
fn list(
    from: &mut Reader<'_>,
    one: impl Fn(&mut Reader<'_>) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let mut text = one(from)?;
    while from.left() > 0 {
        text.push(',');
        text += &one(from)?;
    }
    Ok(text)
}

/// A value within a list: commas and backslashes are escaped twice (RFC 9460 appendix A.1).
fn listed(bytes: &[u8]) -> String {
    let mut escaped = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if matches!(byte, b',' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(byte);
    }
    unquoted(&escaped)
}

/// Text as it stands between quotes.
fn unquoted(bytes: &[u8]) -> String {
    let quoted = text::quoted(bytes);
    quoted[1..quoted.len() - 1].to_owned()
}

/// An SVCB or HTTPS record (RFC 9460 section 2.2).
pub(super) fn service(from: &mut Reader<'_>) -> Result<Fields, Fault> {
    let priority = from.u16()?;
    let target = from.name()?;
    let mut params = Vec::new();
    let mut last = None;
    while from.left() > 0 {
        let key = from.u16()?;
        let length = from.u16()?;
        if last.is_some_and(|last| key <= last) {
            return Err("its parameters are not in order".into());
        }
        last = Some(key);
        params.push(Param::read(key, from.bytes(length.into())?)?);
    }
    Ok(vec![
        ("priority", Value::Number(priority.into())),
        ("target", Value::Name(target)),
        ("params", Value::Params(params)),
    ])
}
