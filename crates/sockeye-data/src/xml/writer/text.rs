//! Text and attributes, so that reading gives the same characters back.

use crate::record::Error;

use super::super::names;
use super::Trail;

/// Text of an element.
pub(super) fn text(text: &str, trail: &Trail, out: &mut Vec<u8>) -> Result<(), Error> {
    check(text, trail)?;
    escape(text, out, |byte| match byte {
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'&' => Some("&amp;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
    Ok(())
}

/// ` name="value"`
pub(super) fn attribute(
    name: &str,
    value: &str,
    trail: &Trail,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    if !names::is_name(name) {
        return Err(trail.unsupported(&format!("{name:?} is no name of an attribute")));
    }
    check(value, trail)?;
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(value, out, |byte| match byte {
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'&' => Some("&amp;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
    out.push(b'"');
    Ok(())
}

/// Whether XML has all these characters.
pub(super) fn check(text: &str, trail: &Trail) -> Result<(), Error> {
    let foreign = names::foreign_char(text).and_then(|at| text[at..].chars().next());
    match foreign {
        None => Ok(()),
        Some(char) => {
            let why = format!("XML has no character U+{:04X}", u32::from(char));
            Err(trail.unsupported(&why))
        }
    }
}

fn escape(text: &str, out: &mut Vec<u8>, replacement: impl Fn(u8) -> Option<&'static str>) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(replacement) = replacement(byte) {
            out.extend_from_slice(&text.as_bytes()[from..at]);
            out.extend_from_slice(replacement.as_bytes());
            from = at + 1;
        }
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}
