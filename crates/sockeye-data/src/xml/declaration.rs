//! `<?xml version="1.0" encoding="…" standalone="…"?>` (XML 1.0, section 2.8), and the encoding it tells before the charset is known.

use super::{Fault, names};

/// What a declaration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration<'a> {
    pub(crate) version: &'a str,
    pub(crate) encoding: Option<&'a str>,
    pub(crate) standalone: Option<&'a str>,
}

/// The charset that the declaration at the start of a document names, for bytes that have no byte order mark and came without
/// a `charset` (XML 1.0, appendix F). `None` if there is no declaration or it names none. 1 KiB of the document suffices.
///
/// ```
/// use sockeye_data::xml::encoding_of;
///
/// let bytes = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
/// assert_eq!(encoding_of(bytes), Some("ISO-8859-1"));
/// assert_eq!(encoding_of(b"<a/>"), None);
/// ```
pub fn encoding_of(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let inner = bytes.strip_prefix(b"<?")?;
    let end = memchr::memmem::find(&inner[..inner.len().min(1024)], b"?>")?;
    let inner = std::str::from_utf8(&inner[..end]).ok()?;
    parse(inner).ok()?.encoding
}

/// Whether an instruction is a declaration.
pub(super) fn is_declaration(inner: &str) -> bool {
    inner
        .strip_prefix("xml")
        .is_some_and(|rest| rest.bytes().next().is_none_or(names::is_space))
}

/// The inside of a declaration, `xml` included.
pub(super) fn parse(inner: &str) -> Result<Declaration<'_>, Fault> {
    let mut rest = inner.strip_prefix("xml").unwrap_or(inner);
    let fault = |rest: &str, why: &'static str| Fault::new(inner.len() - rest.len(), why);
    let version = value(&mut rest, "version")
        .ok_or_else(|| fault(rest, "the XML declaration starts with no version"))?;
    let digits = version.strip_prefix("1.").unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let why = format!("XML {version} is not known; this reads XML 1.0");
        return Err(Fault::new(inner.len() - rest.len(), why));
    }
    let encoding = value(&mut rest, "encoding");
    if let Some(name) = encoding
        && (!name.starts_with(|first: char| first.is_ascii_alphabetic())
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)))
    {
        return Err(fault(rest, "the name of the encoding is none"));
    }
    let standalone = value(&mut rest, "standalone");
    if standalone.is_some_and(|word| word != "yes" && word != "no") {
        return Err(fault(rest, "standalone is neither \"yes\" nor \"no\""));
    }
    if !names::is_blank(rest) {
        return Err(fault(
            rest,
            "the XML declaration has more than version, encoding and standalone, in this order",
        ));
    }
    Ok(Declaration {
        version,
        encoding,
        standalone,
    })
}

/// ` name = "value"`; `rest` is behind it then.
fn value<'a>(rest: &mut &'a str, name: &str) -> Option<&'a str> {
    let blank = |text: &'a str| text.trim_start_matches([' ', '\t', '\n', '\r']);
    let inner = blank(rest);
    if inner.len() == rest.len() {
        return None;
    }
    let inner = blank(blank(inner.strip_prefix(name)?).strip_prefix('=')?);
    let quote = inner
        .chars()
        .next()
        .filter(|char| matches!(char, '"' | '\''))?;
    let (value, after) = inner[1..].split_once(quote)?;
    *rest = after;
    Some(value)
}
