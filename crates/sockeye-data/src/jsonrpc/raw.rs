//! Where the ids stand in a text that was found to be JSON. A value forgets how a string was escaped; an id must not.

use std::ops::Range;

use crate::json;

/// The text of the id of each message: of the one object, or of each member of the batch. `None` where there is none.
pub(super) fn ids(text: &str) -> Vec<Option<&str>> {
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let text = &text[text.len() - bytes.len()..];
    let mut ids = Vec::new();
    let start = skip_space(bytes, 0);
    if bytes.get(start) != Some(&b'[') {
        ids.push(id(text, start));
        return ids;
    }
    let mut at = skip_space(bytes, start + 1);
    while at < bytes.len() && bytes[at] != b']' {
        ids.push(id(text, at));
        at = skip_space(bytes, value_end(bytes, at));
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
    }
    ids
}

/// The text of the last member `id` of the object that begins here.
fn id(text: &str, start: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'{') {
        return None;
    }
    let mut found: Option<Range<usize>> = None;
    let mut at = skip_space(bytes, start + 1);
    while at < bytes.len() && bytes[at] != b'}' {
        let name = at..value_end(bytes, at);
        // Behind the name stands a colon.
        let value = skip_space(bytes, skip_space(bytes, name.end) + 1);
        let end = value_end(bytes, value);
        if is_id(text.get(name)?) {
            found = Some(value..end);
        }
        at = skip_space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
    }
    text.get(found?)
}

/// Whether this string, in its quotes, is the name of the id, perhaps escaped.
fn is_id(name: &str) -> bool {
    match name.contains('\\') {
        false => name == "\"id\"",
        true => json::parse(name.as_bytes()).is_ok_and(|name| name.as_str() == Some("id")),
    }
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let space = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    at + space.count()
}

/// The place behind the value that begins here; always further on.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => continue,
            _ if depth == 0 => {
                let rest = bytes[at..].iter();
                let ends =
                    |byte: &&u8| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                at += rest.take_while(ends).count();
            }
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    at.max(start + 1)
}

/// The place behind the closing quote.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    at
}
