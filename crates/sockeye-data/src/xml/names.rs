//! Characters and names of XML 1.0 (fifth edition, sections 2.2 and 2.3).

/// Blank within markup.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether there is nothing but blanks.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// Without blanks at both ends; only those that XML calls blank.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Whether a document may have this character.
pub(super) fn is_char(char: char) -> bool {
    !matches!(char, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

/// Where the first character is that a document may not have.
pub(crate) fn foreign_char(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Without a branch for each byte, the compiler looks at many at once.
    let control = bytes
        .iter()
        .fold(false, |any, &byte| any | is_control(byte));
    let control = control.then(|| bytes.iter().position(|&byte| is_control(byte)));
    let mut last_of_plane = memchr::memchr_iter(0xef, bytes)
        .filter(|&at| bytes[at + 1] == 0xbf && matches!(bytes[at + 2], 0xbe | 0xbf));
    let other = if text.is_ascii() {
        None
    } else {
        last_of_plane.next()
    };
    match (control.flatten(), other) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

fn starts_name(char: char) -> bool {
    matches!(char,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn goes_on(char: char) -> bool {
    starts_name(char)
        || matches!(char, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// How many bytes the name has that `text` starts with; 0 if it starts with none.
pub(super) fn name_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {}
        Some(_) if text.starts_with(starts_name) => {}
        _ => return 0,
    }
    let plain = bytes
        .iter()
        .position(|&byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')))
        .unwrap_or(bytes.len());
    // It may be the middle of the first character, which has been looked at.
    if matches!(bytes.get(plain), Some(b':' | b'.' | 0x80..)) {
        return text.find(|char| !goes_on(char)).unwrap_or(text.len());
    }
    plain
}

/// How many bytes the name token has that `text` starts with (NMTOKEN).
pub(super) fn token_len(text: &str) -> usize {
    text.find(|char| !goes_on(char)).unwrap_or(text.len())
}

/// Whether it is a name, whole.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && name_len(text) == text.len()
}

/// Whether it is a name of namespaces: a local name, or a prefix, a colon and a local name.
pub(super) fn is_qname(name: &str) -> bool {
    match name.split_once(':') {
        None => true,
        Some((prefix, local)) => !prefix.is_empty() && !local.contains(':') && is_name(local),
    }
}

/// The character of a reference, `#65` or `#x41` without `&` and `;`.
pub(super) fn referenced_char(reference: &str) -> Option<char> {
    let digits = reference.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = u32::from_str_radix(digits.trim_start_matches('0'), radix).ok()?;
    char::from_u32(number).filter(|&char| is_char(char))
}

/// What the five entities stand for that every document has.
pub(super) fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "lt" => Some("<"),
        "gt" => Some(">"),
        "amp" => Some("&"),
        "apos" => Some("'"),
        "quot" => Some("\""),
        _ => None,
    }
}
