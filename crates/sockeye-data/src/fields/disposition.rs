//! `Content-Disposition` (RFC 6266), with names as RFC 8187 and, where servers have not moved on, RFC 2047 write them.

use data_encoding::BASE64;

use super::file_name::safe_file_name;
use super::parameters;
use crate::percent;

/// What a server wants done with a body, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, `inline`, `form-data`, in lower case; empty if the server left it out.
    pub kind: String,
    /// The parameter `name`, as in forms.
    pub name: Option<Vec<u8>>,
    /// The name of the file exactly as it was meant, decoded and not safe: see [`safe_name`](Self::safe_name).
    pub file_name: Option<Vec<u8>>,
}

impl Disposition {
    /// Read a value of `Content-Disposition`. `filename*` goes before `filename`, if it can be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::Disposition;
    ///
    /// let value = b"attachment; filename=\"euro.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt";
    /// let it = Disposition::parse(value).unwrap();
    /// assert_eq!(it.kind, "attachment");
    /// assert_eq!(it.safe_name().as_deref(), Some("€ rates.txt"));
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (mut kind, mut found) = parameters::split(value);
        if kind.contains(&b'=') {
            // A server that begins with the name.
            found = parameters::split(&[b";", value].concat()).1;
            kind = b"";
        }
        if kind.is_empty() && found.is_empty() {
            return None;
        }
        let first = |wanted: &str| found.iter().find(|(name, _)| name == wanted);
        let extended = first("filename*").and_then(|(_, value)| extended(value));
        let file_name =
            extended.or_else(|| first("filename").map(|(_, value)| encoded_words(value)));
        Some(Self {
            kind: String::from_utf8_lossy(kind).to_ascii_lowercase(),
            name: first("name").map(|(_, value)| value.clone()),
            file_name,
        })
    }

    /// The name of the file as [`safe_file_name`] makes it.
    pub fn safe_name(&self) -> Option<String> {
        safe_file_name(self.file_name.as_deref()?)
    }
}

/// `charset'language'text` (RFC 8187 section 3.2), as UTF-8.
fn extended(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = value.splitn(3, |&byte| byte == b'\'');
    let (charset, _, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent::decode(std::str::from_utf8(text).ok()?).ok()?;
    to_utf8(charset, bytes)
}

fn to_utf8(charset: &[u8], bytes: Vec<u8>) -> Option<Vec<u8>> {
    if charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"us-ascii") {
        return String::from_utf8(bytes).ok().map(String::into_bytes);
    }
    let is_latin = charset.eq_ignore_ascii_case(b"iso-8859-1");
    is_latin.then(|| {
        bytes
            .into_iter()
            .map(char::from)
            .collect::<String>()
            .into_bytes()
    })
}

/// Text with its encoded words (RFC 2047) decoded; blanks between two of them go. What cannot be read stays as it is.
fn encoded_words(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut rest, mut after_word) = (value, false);
    while let Some(at) = rest.windows(2).position(|pair| pair == b"=?") {
        let Some((decoded, length)) = encoded_word(&rest[at..]) else {
            out.extend_from_slice(&rest[..at + 2]);
            (rest, after_word) = (&rest[at + 2..], false);
            continue;
        };
        let between = &rest[..at];
        if !after_word || !between.iter().all(|&byte| byte == b' ') {
            out.extend_from_slice(between);
        }
        out.extend_from_slice(&decoded);
        (rest, after_word) = (&rest[at + length..], true);
    }
    out.extend_from_slice(rest);
    out
}

/// `=?charset?B?text?=` or `=?charset?Q?text?=` at the start: what it says, and its length.
fn encoded_word(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut parts = text.get(2..)?.splitn(4, |&byte| byte == b'?');
    let (charset, method, payload) = (parts.next()?, parts.next()?, parts.next()?);
    if !parts.next()?.starts_with(b"=") {
        return None;
    }
    let bytes = match method {
        b"B" | b"b" => BASE64.decode(payload).ok()?,
        b"Q" | b"q" => {
            let text = std::str::from_utf8(payload).ok()?;
            let text = text.replace('%', "%25").replace('=', "%").replace('_', " ");
            percent::decode(&text).ok()?
        }
        _ => return None,
    };
    // "=?", two "?" between the parts, "?=".
    let length = charset.len() + method.len() + payload.len() + 6;
    Some((to_utf8(charset, bytes)?, length))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_they_were_meant() {
        for (text, kind, name) in [
            ("inline", "inline", None),
            ("Attachment; filename=a.txt", "attachment", Some("a.txt")),
            (
                "attachment; filename=a b.txt; x=y",
                "attachment",
                Some("a b.txt"),
            ),
            (
                "attachment; FileName=\"a;b\\\"c.txt\"",
                "attachment",
                Some("a;b\"c.txt"),
            ),
            ("attachment;filename=\"a", "attachment", Some("a")),
            ("filename=a.txt", "", Some("a.txt")),
            (
                "attachment; filename=\"a%20b.txt\"",
                "attachment",
                Some("a%20b.txt"),
            ),
            // RFC 8187 section 3.2.
            (
                "attachment; filename=\"a\"; filename*=UTF-8''%e2%82%ac",
                "attachment",
                Some("€"),
            ),
            (
                "attachment; filename*=utf-8'en'b; filename=a",
                "attachment",
                Some("b"),
            ),
            (
                "attachment; filename*=ISO-8859-1''%e4.txt",
                "attachment",
                Some("ä.txt"),
            ),
            (
                "attachment; filename*=UTF-8''%e4; filename=a",
                "attachment",
                Some("a"),
            ),
            (
                "attachment; filename*=KOI8-R''%e4; filename=a",
                "attachment",
                Some("a"),
            ),
            (
                "attachment; filename*=%e4; filename=a",
                "attachment",
                Some("a"),
            ),
            // RFC 2047 section 2.
            (
                "attachment; filename=\"=?UTF-8?B?w6QudHh0?=\"",
                "attachment",
                Some("ä.txt"),
            ),
            (
                "attachment; filename=\"=?utf-8?Q?=C3=A4_b%?= =?iso-8859-1?q?=e4?= c\"",
                "attachment",
                Some("ä b%ä c"),
            ),
            (
                "attachment; filename=\"=?UTF-8?B?!!?= =?x\"",
                "attachment",
                Some("=?UTF-8?B?!!?= =?x"),
            ),
            (
                "form-data; name=\"a\"; filename=\"\"",
                "form-data",
                Some(""),
            ),
        ] {
            let it = Disposition::parse(text.as_bytes()).unwrap();
            assert_eq!(it.kind, kind, "{text}");
            let found = it.file_name.map(|name| String::from_utf8(name).unwrap());
            assert_eq!(found.as_deref(), name, "{text}");
        }
        assert_eq!(Disposition::parse(b""), None);
        assert_eq!(Disposition::parse(b" ; "), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, text in "[a-z;=\"\\\\?*' _%BQ-]{0,60}") {
            Disposition::parse(&bytes);
            Disposition::parse(text.as_bytes());
        }
    }
}
