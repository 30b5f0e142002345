//! Whether a text may stand without quotes: it must come back as this text from readers of YAML 1.2 and 1.1 alike.

use super::schema;
use crate::value::Value;

/// Words that YAML 1.1 takes for true, false or something of its own.
const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether these readers all take the text for itself when it stands plain, as a key or a value in block style.
pub(super) fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    is_safe_start(first, text)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text
            .chars()
            .all(|c| !matches!(c, '\t' | '\n') && is_printable(c))
        && !is_other(text)
}

fn is_safe_start(first: char, text: &str) -> bool {
    match first {
        '-' => {
            let second = text[1..].chars().next();
            second.is_some_and(char::is_alphanumeric)
                || (text.starts_with("--") && !text.starts_with("---"))
        }
        ' ' | '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>'
        | '\'' | '"' | '%' | '@' | '`' | '=' => false,
        _ => !text.starts_with("...") && text != "<<",
    }
}

/// Whether it would be taken for something else than text.
fn is_other(text: &str) -> bool {
    if !matches!(schema::resolve(text), Value::String(_)) {
        return true;
    }
    if text.len() <= 5 && WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return true;
    }
    // Numbers of YAML 1.1 have `_`, `:` and base 2, and there are dates. Whatever looks like one of them is quoted.
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts = unsigned.strip_prefix('.').unwrap_or(unsigned);
    starts.starts_with(|c: char| c.is_ascii_digit())
        && unsigned
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "xXoO_:.+-tTzZ ".contains(c))
}

/// Whether the character may stand as it is: YAML 1.1 takes some for line breaks that 1.2 does not.
pub(super) fn is_printable(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        ' '..='~' | '\u{a0}'..='\u{fffd}' => true,
        c => c >= '\u{10000}' && (c as u32 & 0xfffe) != 0xfffe,
    }
}

/// Whether the text reads well as a `|` block, and comes back from it.
pub(super) fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(['\n', ' '])
        && !text.contains('\t')
        && text.chars().all(is_printable)
        && text
            .split('\n')
            .all(|line| line.is_empty() || !line.trim_matches(' ').is_empty())
}
