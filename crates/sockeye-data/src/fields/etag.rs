//! Entity tags (RFC 9110 section 8.8.3): names of versions, strong or weak.

use std::fmt;

use crate::http1::Headers;

/// An entity tag. Two are not compared with `==`: strongly or weakly is for the purpose to say.
#[derive(Clone, Debug)]
pub struct ETag {
    is_weak: bool,
    text: Vec<u8>,
}

impl ETag {
    /// Read `"text"` or `W/"text"`; `None` for anything else.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::ETag;
    ///
    /// let (strong, weak) = (ETag::parse(b"\"a\"").unwrap(), ETag::parse(b"W/\"a\"").unwrap());
    /// assert!(strong.matches_weakly(&weak));
    /// assert!(!strong.matches_strongly(&weak));
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (is_weak, quoted) = match value.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let text = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let is_text = text
            .iter()
            .all(|&byte| byte > b' ' && byte != b'"' && byte != 0x7f);
        is_text.then(|| Self {
            is_weak,
            text: text.to_vec(),
        })
    }

    /// Whether it is weak: equal versions may differ in bytes, so it is no ground to resume on.
    pub fn is_weak(&self) -> bool {
        self.is_weak
    }

    /// The same bytes: both strong and equal. For ranges and writes.
    pub fn matches_strongly(&self, other: &Self) -> bool {
        !self.is_weak && !other.is_weak && self.text == other.text
    }

    /// Good for the same purpose: equal, weak or not. For caches.
    pub fn matches_weakly(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Whether a list such as `If-None-Match` or `If-Match` names a version that exists: `*` names all.
    ///
    /// `None` if the header is not there. Members that are no tags are passed over.
    pub fn is_listed(&self, headers: &Headers, name: &str, strongly: bool) -> Option<bool> {
        headers.get(name)?;
        let listed = headers.list(name).any(|member| {
            member == b"*"
                || Self::parse(member).is_some_and(|tag| {
                    if strongly {
                        self.matches_strongly(&tag)
                    } else {
                        self.matches_weakly(&tag)
                    }
                })
        });
        Some(listed)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.is_weak { "W/" } else { "" };
        write!(f, "{weak}\"{}\"", String::from_utf8_lossy(&self.text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tags_are_compared_as_the_table_of_rfc_9110_section_8_8_3_2_says() {
        for (a, b, strongly, weakly) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let (one, other) = (
                ETag::parse(a.as_bytes()).unwrap(),
                ETag::parse(b.as_bytes()).unwrap(),
            );
            assert_eq!(one.matches_strongly(&other), strongly, "{a} {b}");
            assert_eq!(one.matches_weakly(&other), weakly, "{a} {b}");
            assert_eq!(one.to_string(), a);
        }
        for text in [
            "",
            "a",
            "\"",
            "\"a",
            "w/\"a\"",
            "\"a\"b\"",
            "\"a b\"",
            "W/a",
            "\"a\x7f\"",
        ] {
            assert!(ETag::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        let mut headers = Headers::new();
        let tag = ETag::parse(b"\"a,b\"").unwrap();
        assert_eq!(tag.is_listed(&headers, "if-match", true), None);
        headers.append("If-Match", "x, \"c\", W/\"a,b\"").unwrap();
        assert_eq!(tag.is_listed(&headers, "if-match", true), Some(false));
        assert_eq!(tag.is_listed(&headers, "if-match", false), Some(true));
        headers.append("If-Match", "*").unwrap();
        assert_eq!(tag.is_listed(&headers, "if-match", true), Some(true));
    }
}
