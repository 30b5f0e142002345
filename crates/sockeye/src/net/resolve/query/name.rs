//! Names of the DNS: labels of any bytes, read and written as in zone files, and beyond ASCII where people write so.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::str::FromStr;

use hickory_proto::rr::Name;
use serde::{Serialize, Serializer};

use super::super::message;
use crate::error::{Error, Kind, Operation, Result};

/// The most bytes of a label, and of a whole name with its length bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;
/// The most characters of a name as people write it: every byte as `\DDD`.
const MAX_TEXT: usize = 4 * MAX_NAME;

/// A full name of the DNS, such as `www.example.org.`; compared without regard to case.
///
/// It is read as in a zone file (RFC 1035 section 5.1), where `\.` is a dot within a label and `\032` a byte by its decimal
/// number. The dot at the end may be missing: there is no search list here. Labels beyond ASCII become A-labels
/// (RFC 5890). It prints with the dot at its end, in a form that reads back.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::DomainName;
///
/// let name: DomainName = "bücher.example".parse()?;
/// assert_eq!(name.to_string(), "xn--bcher-kva.example.");
/// assert_eq!(name.to_unicode(), "bücher.example.");
///
/// let pointer = DomainName::reverse("192.0.2.7".parse().unwrap());
/// assert_eq!(pointer.to_string(), "7.2.0.192.in-addr.arpa.");
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(Name);

impl DomainName {
    /// The name of the root, `.`.
    pub fn root() -> Self {
        Self(Name::root())
    }

    /// The name below which the DNS keeps what belongs to an address (RFC 1035 section 3.5, RFC 3596 section 2.5).
    pub fn reverse(address: IpAddr) -> Self {
        Self::from_wire(address.into())
    }

    pub(super) fn from_wire(mut name: Name) -> Self {
        name.set_fqdn(true);
        Self(name)
    }

    pub(super) fn as_wire(&self) -> &Name {
        &self.0
    }

    /// The labels from left to right, without the empty one of the root.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.iter()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_root()
    }

    /// Whether this name is the other one, or below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        zone.0.zone_of(&self.0)
    }

    /// The name without its first label; `None` above the root.
    pub fn parent(&self) -> Option<Self> {
        (!self.is_root()).then(|| Self(self.0.base_name()))
    }

    /// How many labels it has; none for the root.
    pub fn depth(&self) -> usize {
        self.labels().count()
    }

    /// The name with A-labels in the letters of their language, for people; other labels stay as they are.
    pub fn to_unicode(&self) -> String {
        if self.is_root() {
            return ".".into();
        }
        let mut text = String::new();
        for label in self.labels() {
            match unicode(label) {
                Some(readable) => text += &readable,
                // Writing to memory cannot fail.
                None => drop(write_label(&mut text, label)),
            }
            text.push('.');
        }
        text
    }

    /// The same name with letters in random case (draft-vixie-dnsext-dns0x20): a server sends them back as they were,
    /// and a forger has to guess them.
    pub(super) fn in_random_case(&self) -> Self {
        let labels = self.labels().map(|label| {
            let bits = message::random();
            let flip = |(at, byte): (usize, &u8)| match byte.is_ascii_alphabetic() {
                true if bits >> (at % 64) & 1 == 1 => byte ^ 0x20,
                _ => *byte,
            };
            label.iter().enumerate().map(flip).collect::<Vec<u8>>()
        });
        let labels: Vec<Vec<u8>> = labels.collect();
        // The same lengths make a name again.
        let mixed = Name::from_labels(labels.iter().map(Vec::as_slice));
        mixed.map_or_else(|_| self.clone(), Self::from_wire)
    }
}

impl FromStr for DomainName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = |why: String| {
            let shown: String = text.chars().take(80).collect();
            let why = format!("{shown:?} is no name of the DNS: {why}");
            Error::new(Kind::Usage, Operation::Parse, why)
        };
        if text == "." {
            return Ok(Self::root());
        }
        if text.is_empty() {
            return Err(refused("it is empty".into()).with_hint("a single dot means the root"));
        }
        if text.len() > MAX_TEXT {
            return Err(refused(format!("it is longer than {MAX_TEXT} characters")));
        }
        let labels = read_labels(text).map_err(refused)?;
        let length = labels.iter().map(|label| 1 + label.len()).sum::<usize>() + 1;
        if length > MAX_NAME {
            return Err(refused(format!("it takes more than {MAX_NAME} bytes")));
        }
        Name::from_labels(labels.iter().map(Vec::as_slice))
            .map(Self::from_wire)
            .map_err(|e| refused(e.to_string()))
    }
}

/// The labels of a name in the notation of zone files.
fn read_labels(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut labels = Vec::new();
    let mut label = Label::default();
    let mut chars = text.chars();
    let mut ended = false;
    while let Some(c) = chars.next() {
        ended = false;
        match c {
            // Beside the full stop, three more characters separate labels (RFC 3490 section 3.1).
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => {
                labels.push(std::mem::take(&mut label).finish()?);
                ended = true;
            }
            '\\' => label.bytes.push(escaped(&mut chars)?),
            c if c.is_control() || c.is_whitespace() => {
                return Err(format!(
                    "{c:?} stands in it; a blank in a label is written \\032"
                ));
            }
            c => label.push(c),
        }
    }
    if !ended {
        labels.push(label.finish()?);
    }
    Ok(labels)
}

/// The byte that an escape means: `\DDD` or `\X`.
fn escaped(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    let wrong =
        || "a backslash needs three digits up to 255, or one other ASCII character".to_owned();
    let first = chars.next().filter(char::is_ascii).ok_or_else(wrong)?;
    if !first.is_ascii_digit() {
        return u8::try_from(first).map_err(|_| wrong());
    }
    let digits = [Some(first), chars.next(), chars.next()];
    let number: Option<String> = digits.into_iter().collect();
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|n| n.parse().ok()).ok_or_else(wrong)
}

/// A label that is being read.
#[derive(Default)]
struct Label {
    bytes: Vec<u8>,
    /// Whether it has letters beyond ASCII.
    international: bool,
}

impl Label {
    fn push(&mut self, c: char) {
        self.international |= !c.is_ascii();
        let mut buffer = [0; 4];
        self.bytes.extend(c.encode_utf8(&mut buffer).bytes());
    }

    fn finish(self) -> Result<Vec<u8>, String> {
        let mut bytes = self.bytes;
        if self.international {
            let text = String::from_utf8(bytes)
                .map_err(|_| "it mixes letters beyond ASCII with escaped bytes".to_owned())?;
            let encoded = Name::from_utf8(&text)
                .map_err(|_| format!("{text:?} has characters that no name can have (RFC 5891)"))?;
            bytes = encoded.iter().flatten().copied().collect();
        }
        match bytes.len() {
            0 => Err("there is nothing between two of its dots".into()),
            1..=MAX_LABEL => Ok(bytes),
            _ => Err(format!("one part of it is longer than {MAX_LABEL} bytes")),
        }
    }
}

/// An A-label in the letters that it stands for, if it is a valid one.
fn unicode(label: &[u8]) -> Option<String> {
    if !label.get(..4)?.eq_ignore_ascii_case(b"xn--") {
        return None;
    }
    let readable = Name::from_labels([&label.to_ascii_lowercase()[..]])
        .ok()?
        .to_utf8();
    let readable = readable.trim_end_matches('.');
    let differs = !readable.is_ascii() && !readable.contains(|c: char| c.is_control() || c == '.');
    differs.then(|| readable.to_owned())
}

/// One label as zone files and `dig` write it.
fn write_label(out: &mut impl fmt::Write, label: &[u8]) -> fmt::Result {
    for &byte in label {
        match byte {
            b'@' | b'$' | b'"' | b'(' | b')' | b'.' | b';' | b'\\' => {
                out.write_char('\\')?;
                out.write_char(char::from(byte))?;
            }
            0x21..=0x7e => out.write_char(char::from(byte))?,
            _ => write!(out, "\\{byte:03}")?,
        }
    }
    Ok(())
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_char('.');
        }
        for label in self.labels() {
            write_label(f, label)?;
            f.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({self})")
    }
}

impl Serialize for DomainName {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn text(name: &str) -> String {
        name.parse::<DomainName>().unwrap().to_string()
    }

    fn why(name: &str) -> String {
        name.parse::<DomainName>().unwrap_err().to_string()
    }

    #[test]
    fn names_read_as_in_zone_files() {
        assert_eq!(text("."), ".");
        assert_eq!(text("WWW.example"), "WWW.example.");
        assert_eq!(text("a\\.b.example."), "a\\.b.example.");
        assert_eq!(text("\\097\\032\\255.x"), "a\\032\\255.x.");
        assert_eq!(text("_sip._tcp.example"), "_sip._tcp.example.");
        assert_eq!(text("*.example"), "*.example.");
        assert_eq!(text("b\u{fc}cher\u{3002}example"), "xn--bcher-kva.example.");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        assert!(why("").contains("empty"));
        assert!(why("a..b").contains("between two of its dots"));
        assert!(why(".a").contains("between two of its dots"));
        assert!(why(&format!("{}.example", "a".repeat(64))).contains("longer than 63"));
        assert!(why(&"a.".repeat(130)).contains("more than 255"));
        assert!(why("a b").contains("\\032"));
        assert!(why("a\\256").contains("up to 255"));
        assert!(why("a\\25").contains("three digits"));
        assert!(why("a\\").contains("backslash"));
    }

    #[test]
    fn case_does_not_count_but_is_kept() {
        let (upper, lower): (DomainName, DomainName) = (
            "WWW.Example".parse().unwrap(),
            "www.example.".parse().unwrap(),
        );
        assert_eq!(upper, lower);
        assert_eq!(upper.to_string(), "WWW.Example.");
        assert!(upper.is_within(&"EXAMPLE".parse().unwrap()));
        assert!(!upper.is_within(&"ample".parse().unwrap()));
        assert_eq!(upper.in_random_case(), lower);
    }

    #[test]
    fn only_valid_a_labels_become_readable() {
        let readable = |name: &str| name.parse::<DomainName>().unwrap().to_unicode();
        assert_eq!(
            readable("xn--bcher-kva.XN--BCHER-KVA"),
            "b\u{fc}cher.b\u{fc}cher."
        );
        assert_eq!(readable("xn--\\255.example"), "xn--\\255.example.");
        assert_eq!(readable("."), ".");
    }

    #[test]
    fn an_ipv6_address_is_asked_for_by_its_digits() {
        let name = DomainName::reverse("2001:db8::1".parse().unwrap());
        let text = name.to_string();
        assert!(
            text.starts_with("1.0.0.0.") && text.ends_with(".1.0.0.2.ip6.arpa."),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn every_name_prints_and_reads_back(labels in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..63), 0..4)) {
            let name = DomainName::from_wire(Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap());
            let again: DomainName = name.to_string().parse().unwrap();
            prop_assert!(again.labels().eq(labels.iter().map(Vec::as_slice)));
        }

        #[test]
        fn any_text_is_taken_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<DomainName>();
        }
    }
}
