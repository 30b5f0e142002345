//! Media types (RFC 9110 section 8.3.1): `text/html; charset=utf-8`.

use std::fmt;

use super::parameters;
use crate::http1::syntax::is_token;

/// A media type and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Read a value of `Content-Type`; `None` if it does not begin with `type/subtype`.
    ///
    /// Of several parameters of one name the first counts. Parameters that are no text are left out.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (essence, found) = parameters::split(value);
        let slash = essence.iter().position(|&byte| byte == b'/')?;
        if !is_token(&essence[..slash]) || !is_token(&essence[slash + 1..]) {
            return None;
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in found {
            if let Ok(value) = String::from_utf8(value)
                && !parameters.iter().any(|(known, _)| *known == name)
            {
                parameters.push((name, value));
            }
        }
        Some(Self {
            essence: String::from_utf8_lossy(essence).to_ascii_lowercase(),
            parameters,
        })
    }

    /// Type and subtype in lower case, as in `text/html`.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of a parameter; names are compared in any case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The charset, as it was written.
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }

    /// Whether this is JSON: `application/json`, `text/json`, or a type with the suffix `+json` (RFC 6839).
    pub fn is_json(&self) -> bool {
        matches!(self.essence(), "application/json" | "text/json")
            || self.essence.ends_with("+json")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in &self.parameters {
            if is_token(value.as_bytes()) {
                write!(f, "; {name}={value}")?;
            } else {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "; {name}=\"{value}\"")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn media_types_are_read_and_written() {
        for (text, printed) in [
            ("text/html", "text/html"),
            ("Text/HTML;Charset=\"utf-8\"", "text/html; charset=utf-8"),
            (
                "text/html; charset = UTF-8 ;charset=latin1",
                "text/html; charset=UTF-8",
            ),
            (
                "multipart/form-data; boundary=\"a;\\\"b\"",
                "multipart/form-data; boundary=\"a;\\\"b\"",
            ),
            (
                "application/vnd.api+json;;x; =y",
                "application/vnd.api+json",
            ),
        ] {
            let media = MediaType::parse(text.as_bytes()).unwrap();
            assert_eq!(media.to_string(), printed, "{text}");
            assert_eq!(MediaType::parse(printed.as_bytes()).unwrap(), media);
        }
        for text in [
            "",
            "text",
            "text/",
            "/html",
            "a b/c",
            "*",
            "text/html text/plain",
        ] {
            assert_eq!(MediaType::parse(text.as_bytes()), None, "{text}");
        }
        assert!(
            MediaType::parse(b"application/problem+json")
                .unwrap()
                .is_json()
        );
        assert!(!MediaType::parse(b"application/jsonp").unwrap().is_json());
    }
}
