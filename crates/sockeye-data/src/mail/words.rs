//! Text in fields of the header as it is written: folded, words beyond ASCII encoded (RFC 2047), parameters (RFC 2231).

use data_encoding::BASE64;

use super::FORMAT;
use crate::record::{Error, ErrorKind};

/// Lines of a header are folded behind so many bytes.
const WIDTH: usize = 76;

/// Append `Name: value`, folded at blanks.
pub(super) fn field(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':');
    if !is_name {
        return Err(unsupported(
            format!("{name:?} is no name of a field"),
            "use letters, digits and -",
        ));
    }
    if value
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        let why = format!("the field {name} holds a line break or another control character");
        return Err(unsupported(why, "put a blank there"));
    }
    let mut line = format!("{name}:");
    for word in value.split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > name.len() + 1 && !word.is_empty() {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Text for a field: as it is where ASCII says it, else as encoded words.
pub(super) fn encoded(text: &str) -> String {
    let is_plain = text.is_ascii()
        && !text.contains("=?")
        && !text.bytes().any(|byte| byte.is_ascii_control())
        // Longer words cannot be folded, and more than one blank may not survive folding.
        && !text.contains("  ")
        && text.trim() == text
        && text.split(' ').all(|word| word.len() < 900);
    if is_plain {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(42);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        words.push(format!(
            "=?UTF-8?B?{}?=",
            BASE64.encode(&rest.as_bytes()[..end])
        ));
        rest = &rest[end..];
    }
    words.join(" ")
}

/// The name before an address: a word, a quoted string, or encoded words.
pub(super) fn phrase(name: &str) -> String {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    let is_text = name.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    match encoded(name) {
        encoded if encoded != name => encoded,
        name if name.chars().all(is_atom) => name,
        name if is_text => quoted(&name),
        name => name,
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `; name="value"`, or in UTF-8 and percent signs where that cannot be said so.
pub(super) fn parameter(name: &str, value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if is_plain && value.len() < 60 {
        return format!("; {name}={}", quoted(value));
    }
    let mut encoded = String::new();
    let mut pieces = Vec::new();
    // Some readers decode each piece alone, so no character is cut.
    for letter in value.chars() {
        match letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_') {
            true => encoded.push(letter),
            false => {
                for byte in letter.to_string().bytes() {
                    encoded.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        if encoded.len() > 50 {
            pieces.push(std::mem::take(&mut encoded));
        }
    }
    if pieces.is_empty() {
        return format!("; {name}*=utf-8''{encoded}");
    }
    pieces.push(encoded);
    let numbered = pieces
        .iter()
        .enumerate()
        .map(|(number, piece)| match number {
            0 => format!("; {name}*0*=utf-8''{piece}"),
            _ => format!("; {name}*{number}*={piece}"),
        });
    numbered.collect()
}

pub(super) fn unsupported(why: String, hint: &str) -> Error {
    Error::new(ErrorKind::Unsupported, FORMAT, why).with_hint(hint)
}
