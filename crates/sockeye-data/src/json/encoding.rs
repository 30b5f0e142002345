//! Which Unicode encoding JSON without a byte order mark is in.

use crate::charset::Charset;

/// The Unicode encoding of JSON, from where its first four bytes are zero: JSON begins with a character of ASCII, and NUL is in no
/// JSON (RFC 4627, section 3). A byte order mark is not looked for.
///
/// ```
/// use sockeye_data::charset::Charset;
/// use sockeye_data::json;
///
/// assert_eq!(json::encoding_of(b"{\0}\0"), Charset::UTF_16LE);
/// assert_eq!(json::encoding_of(b"\0{\0}"), Charset::UTF_16BE);
/// assert_eq!(json::encoding_of(b"{}"), Charset::UTF_8);
/// ```
pub fn encoding_of(bytes: &[u8]) -> Charset {
    match *bytes {
        [0, 0, 0, first, ..] if first != 0 => Charset::UTF_32BE,
        [first, 0, 0, 0, ..] if first != 0 => Charset::UTF_32LE,
        [0, first, ..] if first != 0 => Charset::UTF_16BE,
        [first, 0, ..] if first != 0 => Charset::UTF_16LE,
        _ => Charset::UTF_8,
    }
}
