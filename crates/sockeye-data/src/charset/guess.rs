//! What charset bytes are in, from the bytes alone.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::Charset;
use super::reader::{Decoder, OnInvalid};

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// From how often which bytes are there: look at the result.
    Low,
    /// Text of another charset hardly ever looks like this.
    High,
    /// The bytes say so themselves, or they mean the same in nearly every charset.
    Certain,
}

/// What [`guess`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The charset.
    pub charset: Charset,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// Say what charset the text is in that begins with these bytes. They may be cut anywhere; 64 KiB are plenty.
///
/// A mark (BOM) decides; then valid UTF-8; then zeros, which only UTF-16 and UTF-32 have so many of; then how often which bytes
/// come (by `chardetng`, as Firefox does).
///
/// ```
/// use sockeye_data::charset::{self, Charset, Confidence};
///
/// let guess = charset::guess("Grüße".as_bytes());
/// assert_eq!((guess.charset, guess.confidence), (Charset::UTF_8, Confidence::High));
/// assert_eq!(charset::guess(b"s\0a\0l\0m\0o\0n\0").charset, Charset::UTF_16LE);
/// ```
pub fn guess(start: &[u8]) -> Guess {
    let it = |charset, confidence, why: &str| Guess {
        charset,
        confidence,
        why: why.to_owned(),
    };
    if let Some((charset, _)) = Charset::for_bom(start) {
        return it(
            charset,
            Confidence::Certain,
            "it begins with its mark (BOM)",
        );
    }
    if let Some(charset) = by_zeros(start) {
        return it(charset, Confidence::High, "zeros stand where it has them");
    }
    let shifts = start.is_ascii() && memchr::memchr(0x1b, start).is_some();
    if start.is_ascii() && !shifts {
        return it(Charset::UTF_8, Confidence::Certain, "all of it is ASCII");
    }
    if !start.is_ascii() && is_utf8(start) {
        return it(Charset::UTF_8, Confidence::High, "all of it is valid UTF-8");
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, false);
    let charset = Charset::of(detector.guess(None, Utf8Detection::Deny));
    if shifts {
        // Without its escapes it is ASCII, for a terminal perhaps.
        return match charset.name() {
            "ISO-2022-JP" => it(charset, Confidence::High, "it has the escapes of it"),
            _ => it(Charset::UTF_8, Confidence::Certain, "all of it is ASCII"),
        };
    }
    let mut decoder = Decoder::new(Some(charset), OnInvalid::Refuse);
    let why = match decoder.push(start, &mut Vec::new()) {
        Ok(()) => "it is not UTF-8, and its bytes are what that charset has most often",
        Err(_) => "it is not UTF-8, and nothing fits; this one is least wrong",
    };
    it(charset, Confidence::Low, why)
}

/// Valid, but for a character that is cut at the end.
fn is_utf8(bytes: &[u8]) -> bool {
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// ASCII letters, blanks and ends of lines are in all text; in UTF-16 and UTF-32 their other bytes are zero.
fn by_zeros(start: &[u8]) -> Option<Charset> {
    let start = &start[..start.len().min(64 << 10)];
    let mut zeros = [0_usize; 4];
    for (i, _) in start.iter().enumerate().filter(|(_, byte)| **byte == 0) {
        zeros[i % 4] += 1;
    }
    let quarter = (start.len() / 4).max(1);
    if start.len() < 2 || zeros.iter().sum::<usize>() * 20 < start.len() {
        return None;
    }
    let mostly = |count: usize| count * 10 >= quarter * 9;
    let charset = match zeros {
        // A character beyond U+FFFF does not exist in most texts, nor one of the other planes.
        [a, _, c, d] if mostly(c) && mostly(d) && a * 10 <= quarter && start.len() >= 4 => {
            Charset::UTF_32LE
        }
        [a, b, _, d] if mostly(a) && mostly(b) && d * 10 <= quarter && start.len() >= 4 => {
            Charset::UTF_32BE
        }
        [a, b, c, d] if b + d > 10 * (a + c) => Charset::UTF_16LE,
        [a, b, c, d] if a + c > 10 * (b + d) => Charset::UTF_16BE,
        _ => return None,
    };
    let mut decoder = Decoder::new(Some(charset), OnInvalid::Refuse);
    decoder.push(start, &mut Vec::new()).ok().map(|()| charset)
}
