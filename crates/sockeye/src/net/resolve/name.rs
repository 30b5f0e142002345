//! What may be asked for: host names as text, made ready for tables and name servers.

use hickory_proto::rr::Name;

use crate::error::{Error, Kind, Operation, Result};

/// The most bytes of a name without the dot at its end (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// The most bytes between two dots.
const MAX_LABEL: usize = 63;

/// A host name that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostName {
    /// In ASCII (RFC 5890) and lower case, without a dot at its end.
    pub(super) text: String,
    /// Whether a dot at the end says that this is the whole name.
    pub(super) absolute: bool,
}

impl HostName {
    /// Check a name and put it into the form of tables and name servers.
    pub(super) fn parse(name: &str) -> Result<Self> {
        let (bare, absolute) = match name.strip_suffix('.') {
            Some(bare) => (bare, true),
            None => (name, false),
        };
        let text = if bare.is_ascii() {
            bare.to_ascii_lowercase()
        } else {
            international(name, bare)?
        };
        match complaint(&text) {
            None => Ok(Self { text, absolute }),
            Some(why) => Err(invalid(name, &why)),
        }
    }

    /// The name as it would be written for a search: with its dot if it had one.
    pub(super) fn written(&self) -> String {
        let dot = if self.absolute { "." } else { "" };
        format!("{}{dot}", self.text)
    }
}

/// A name beyond ASCII in the form that name servers know (`xn--…`, RFC 5891).
fn international(name: &str, bare: &str) -> Result<String> {
    if bare.len() > 4 * MAX_NAME {
        return Err(invalid(name, "it is too long"));
    }
    // Beside the full stop, three more characters separate labels (RFC 3490 section 3.1).
    let bare = bare.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    let encoded = Name::from_utf8(&bare)
        .map_err(|_| invalid(name, "it has characters that no host name can have"))?;
    Ok(encoded
        .to_ascii()
        .trim_end_matches('.')
        .to_ascii_lowercase())
}

/// What is wrong with a name, if anything is.
fn complaint(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".into());
    }
    if text.len() > MAX_NAME {
        return Some(format!("it is longer than {MAX_NAME} bytes"));
    }
    for label in text.split('.') {
        if label.is_empty() {
            return Some("there is nothing between two of its dots".into());
        }
        if label.len() > MAX_LABEL {
            return Some(format!("one part of it is longer than {MAX_LABEL} bytes"));
        }
        if let Some(bad) = label.chars().find(|&c| !is_host_char(c)) {
            return Some(format!("no host name can have {bad:?} in it"));
        }
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    // Every top-level domain has a letter; what has none is an address gone wrong, such as 192.0.2 or 10.0.0.256.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("it looks like an IPv4 address, which has four numbers from 0 to 255".into());
    }
    None
}

/// Letters, digits and the hyphen (RFC 1123 section 2.1), and the underscore, which many local names have.
fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn invalid(name: &str, why: &str) -> Error {
    let shown: String = name.chars().take(80).collect();
    Error::new(
        Kind::Name,
        Operation::Resolve,
        format!("{shown:?} is no host name: {why}"),
    )
    .with_hint("host names are letters, digits and hyphens with dots between them")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(name: &str) -> String {
        HostName::parse(name).unwrap().text
    }

    fn why(name: &str) -> String {
        HostName::parse(name).unwrap_err().to_string()
    }

    #[test]
    fn names_become_lower_case_ascii() {
        assert_eq!(text("WWW.Example.org"), "www.example.org");
        assert_eq!(text("my_db-1"), "my_db-1");
        assert_eq!(text("B\u{fc}cher.example"), "xn--bcher-kva.example");
        assert_eq!(text("B\u{fc}cher\u{3002}example"), "xn--bcher-kva.example");
        assert!(HostName::parse("db.example.").unwrap().absolute);
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        assert!(why("").contains("empty"));
        assert!(why("a..b").contains("between two of its dots"));
        assert!(why(&format!("{}.example", "a".repeat(64))).contains("longer than 63"));
        assert!(why(&"a.".repeat(150)).contains("longer than 253"));
        assert!(why("a b").contains("' '"));
        assert!(why("10.0.0.256").contains("IPv4"));
        assert!(why("a\\.b").contains("'\\\\'"));
    }

    #[test]
    fn a_wrong_name_is_a_name_error() {
        let error = HostName::parse("a b").unwrap_err();
        assert_eq!(error.kind(), Kind::Name);
        assert!(error.hint().is_some());
    }
}
