//! Character references of HTML, both ways: `&amp;`, `&#38;`, `&#x26;`.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

/// Text without character references, as browsers read text: all 2,231 names, those of old without a semicolon as well, numbers
/// of Windows-1252 in place of control characters. What is no reference stays as it is.
///
/// ```
/// use sockeye_data::html::unescape;
///
/// assert_eq!(unescape("x &lt; y &amp &#x80; &notit; &notin;"), "x < y & € ¬it; ∉");
/// ```
pub fn unescape(text: &str) -> Cow<'_, str> {
    replace(text, false)
}

/// The value of an attribute without character references. Other than in text, names without a semicolon do not count before `=`,
/// letters and digits, so that `?a=1&copy=2` stays.
pub fn unescape_attribute(value: &str) -> Cow<'_, str> {
    replace(value, true)
}

/// Text with `&`, `<`, `>`, `"` and `'` as references: right as text and in quoted attributes.
///
/// ```
/// use sockeye_data::html::escape;
///
/// assert_eq!(escape("<a title='\"&\"'>"), "&lt;a title=&#39;&quot;&amp;&quot;&#39;&gt;");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    let needs = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'');
    if !text.contains(needs) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// As browsers write text.
pub(super) fn escape_text_into(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            c => out.push(c),
        }
    }
}

/// As browsers write attributes.
pub(super) fn escape_attribute_into(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            c => out.push(c),
        }
    }
}

fn replace(text: &str, in_attribute: bool) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'&', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    out.push_str(plain);
    while !rest.is_empty() {
        // `rest` begins with an ampersand.
        let behind = &rest[1..];
        let used = match behind.as_bytes().first() {
            Some(b'#') => number(behind, &mut out),
            _ => name(behind, in_attribute, &mut out),
        };
        if used == 0 {
            out.push('&');
        }
        rest = &behind[used..];
        let next = memchr::memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(out)
}

/// `#38;` or `#x26;`: how many bytes it has, 0 if it is none.
fn number(text: &str, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let (start, base) = match bytes.get(1) {
        Some(b'x' | b'X') => (2, 16),
        _ => (1, 10),
    };
    let digits = bytes[start..]
        .iter()
        .take_while(|byte| char::from(**byte).is_digit(base))
        .count();
    if digits == 0 {
        return 0;
    }
    let end = start + digits;
    let significant = text[start..end].trim_start_matches('0');
    // More than eight digits are beyond all characters.
    let code = match significant.len() {
        0 => 0,
        1..=8 => u32::from_str_radix(significant, base).unwrap_or(u32::MAX),
        _ => u32::MAX,
    };
    out.push(character(code));
    end + usize::from(bytes.get(end) == Some(&b';'))
}

/// The character of a number, as the standard has it.
fn character(code: u32) -> char {
    match code {
        0 => char::REPLACEMENT_CHARACTER,
        0x80..=0x9f => C1_REPLACEMENTS[(code - 0x80) as usize]
            .or_else(|| char::from_u32(code))
            .unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// `amp;`, `amp`: how many bytes the longest name has, 0 if there is none.
fn name(text: &str, in_attribute: bool, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let mut found = None;
    let mut end = 0;
    // All beginnings of names are in the table, so the search ends at the first that is not.
    while end < bytes.len() && bytes[end].is_ascii() {
        end += 1;
        match NAMED_ENTITIES.get(&text[..end]) {
            Some((0, _)) => {}
            Some(codes) => found = Some((end, *codes)),
            None => break,
        }
    }
    let Some((end, (one, two))) = found else {
        return 0;
    };
    let next = bytes.get(end).copied().unwrap_or(b' ');
    if in_attribute && bytes[end - 1] != b';' && (next == b'=' || next.is_ascii_alphanumeric()) {
        return 0;
    }
    out.extend(char::from_u32(one));
    if two != 0 {
        out.extend(char::from_u32(two));
    }
    end
}
