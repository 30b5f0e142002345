//! What inputs say about themselves: a charset in the Content-Type, in an XML declaration, in an HTML head.

use crate::charset::Charset;

/// How far declarations are looked for; browsers look as far.
const DECLARED_WITHIN: usize = 1024;

/// Whether it is UTF-8 but for a character that the end cuts.
pub(super) fn is_mostly_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// Whether a byte order mark is first, which goes before everything that is said elsewhere.
pub(super) fn has_byte_order_mark(plain: &[u8]) -> bool {
    let marks: [&[u8]; 4] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"];
    marks.iter().any(|mark| plain.starts_with(mark))
}

/// `charset=` of a Content-Type.
pub(super) fn charset_parameter(media_type: &str) -> Option<&str> {
    let mut parameters = media_type.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("charset");
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

/// What an XML declaration or a `<meta>` says.
pub(super) fn declared_charset(plain: &[u8]) -> Option<(Charset, &'static str)> {
    let head = &plain[..plain.len().min(DECLARED_WITHIN)];
    let start = head.trim_ascii_start();
    if !start.starts_with(b"<") {
        return None;
    }
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    // Whoever could be read so far is in no wide charset, whatever it says.
    let known = |label: &str| {
        let charset: Charset = label.parse().ok()?;
        let is_wide = label.starts_with("utf-16") || label.starts_with("utf-32");
        (!is_wide).then_some(charset)
    };
    if text.starts_with("<?xml") {
        let declaration = text.split("?>").next()?;
        let label = value_behind(declaration, "encoding")?;
        return Some((known(label)?, "the XML declaration says so"));
    }
    let tags = text.split("<meta").skip(1);
    let mut labels = tags.filter_map(|tag| value_behind(tag.split('>').next()?, "charset"));
    Some((known(labels.next()?)?, "its <meta> says so"))
}

/// The value of `name = "value"`, with quotes or without.
fn value_behind<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let behind = text.split_once(name)?.1.trim_start().strip_prefix('=')?;
    let behind = behind.trim_start().trim_start_matches(['"', '\'']);
    let end = behind.find(['"', '\'', ' ', ';', '/', '>', '?']);
    Some(&behind[..end.unwrap_or(behind.len())]).filter(|value| !value.is_empty())
}
