//! What bytes are: compression, charset and format, each with why it is thought so and how sure that is.
//!
//! What was said explicitly goes first, then the Content-Type, the name of the file, and at last the bytes themselves. Only the
//! first bytes are looked at ([`HEAD`]); nothing is read here.
//!
//! ```
//! use sockeye_data::format::Format;
//! use sockeye_data::recognise::{Hints, recognise};
//!
//! let found = recognise(b"{\"a\":1}\n{\"a\":2}\n", &Hints::default());
//! assert_eq!(found.format.what, Format::Ndjson);
//! assert_eq!(found.format.why, "each line is a JSON value");
//! ```

mod binary;
mod marks;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use crate::charset::{self, Charset};
use crate::compress::{self, Compression};
use crate::csv;
use crate::format::Format;
use crate::record::Limits;

/// How many bytes are enough.
pub const HEAD: usize = 64 << 10;

/// How sure something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Nothing speaks against it.
    Guess,
    /// Several things speak for it.
    Likely,
    /// Somebody said so, or a mark says so.
    Certain,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guess => "guess",
            Self::Likely => "likely",
            Self::Certain => "certain",
        })
    }
}

/// Something that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// What it is.
    pub what: T,
    /// What it was recognised by, without a full stop.
    pub why: Cow<'static, str>,
    /// How sure that is.
    pub confidence: Confidence,
}

impl<T> Found<T> {
    fn new(what: T, why: impl Into<Cow<'static, str>>, confidence: Confidence) -> Self {
        Self {
            what,
            why: why.into(),
            confidence,
        }
    }

    fn certain(what: T, why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(what, why, Confidence::Certain)
    }

    fn likely(what: T, why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(what, why, Confidence::Likely)
    }

    fn guess(what: T, why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(what, why, Confidence::Guess)
    }
}

/// What is known besides the bytes.
#[derive(Clone, Debug, Default)]
pub struct Hints<'a> {
    /// The format that somebody asked for.
    pub format: Option<Format>,
    /// The charset that somebody asked for.
    pub charset: Option<Charset>,
    /// The compression that somebody asked for; `Some(None)`: there is none.
    pub compression: Option<Option<Compression>>,
    /// The Content-Type it was sent as.
    pub media_type: Option<&'a str>,
    /// The name of its file.
    pub name: Option<&'a str>,
    /// These bytes are all there are.
    pub is_all: bool,
}

/// What bytes are.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// How they are compressed.
    pub compression: Found<Option<Compression>>,
    /// How their characters are written. `None` for formats that are no text, or that say it themselves in each part, as mail does.
    pub charset: Found<Option<Charset>>,
    /// Their format.
    pub format: Found<Format>,
    /// How exactly the format is used, where there is something to say: the separator of CSV.
    pub dialect: Option<Found<String>>,
}

/// What these first bytes belong to.
pub fn recognise(head: &[u8], hints: &Hints<'_>) -> Recognised {
    let (compression, name) = compression(head, hints);
    let mut hints = Hints {
        name,
        ..hints.clone()
    };
    let plain = match compression.what {
        None => Cow::Borrowed(head),
        Some(compression) => {
            hints.is_all = false;
            Cow::Owned(inflated(compression, head))
        }
    };
    let plain = &plain[..plain.len().min(HEAD)];
    let charset = charset_of(plain, &hints);
    let text = decoded(plain, charset.what);
    let format = format_of(&text, plain, &hints);
    let charset = match is_bytes(format.what) && hints.charset.is_none() {
        true => Found::certain(None, format!("{} has bytes", format.what)),
        false if is_utf8(format.what) && charset.confidence == Confidence::Guess => {
            let why = format!(
                "{} is UTF-8, and what it looks like is only a guess",
                format.what
            );
            Found::likely(Some(Charset::UTF_8), why)
        }
        false => charset,
    };
    let dialect = dialect_of(&text, format.what);
    Recognised {
        compression,
        charset,
        format,
        dialect,
    }
}

/// Whether the format's standard says that it is UTF-8 (RFC 8259 section 8.1, RFC 7464, YAML 1.2 section 5.2, TOML 1.0).
fn is_utf8(format: Format) -> bool {
    use Format::{Json, JsonSeq, Ndjson, Toml, Yaml};
    matches!(format, Json | Ndjson | JsonSeq | Yaml | Toml)
}

/// Whether a reader of this format takes the bytes as they are.
fn is_bytes(format: Format) -> bool {
    use Format::{Cbor, Mail, Mbox, MessagePack};
    matches!(format, Cbor | MessagePack | Mail | Mbox)
}

/// The compression, and the name without its ending.
fn compression<'a>(
    head: &[u8],
    hints: &Hints<'a>,
) -> (Found<Option<Compression>>, Option<&'a str>) {
    let named = hints.name.and_then(Compression::from_file_name);
    let stem = named.map(|named| named.1).or(hints.name);
    if let Some(given) = hints.compression {
        return (Found::certain(given, "it was asked for"), stem);
    }
    // A mark in the bytes goes before the name: servers take the compression off and leave the name.
    if let Some(marked) = compress::recognise(head) {
        return (Found::certain(Some(marked), "the first bytes say so"), stem);
    }
    match named {
        Some((named @ (Compression::Brotli | Compression::DeflateRaw), _))
            if !is_plain_text(head) =>
        {
            (
                Found::likely(Some(named), "the name of the file ends so"),
                stem,
            )
        }
        _ => (Found::likely(None, "no mark of any"), stem),
    }
}

/// Whether these bytes are what nothing compressed looks like.
fn is_plain_text(head: &[u8]) -> bool {
    let head = &head[..head.len().min(512)];
    !head.is_empty() && marks::is_mostly_utf8(head) && !head.iter().any(|byte| *byte < 9)
}

/// As much of the plain bytes as these compressed ones give.
fn inflated(compression: Compression, head: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let reader = compress::reader(compression, head, &Limits::default());
    // The head ends somewhere within: what came before is what counts.
    drop(reader.take(HEAD as u64).read_to_end(&mut plain));
    plain
}

fn charset_of(plain: &[u8], hints: &Hints<'_>) -> Found<Option<Charset>> {
    if let Some(given) = hints.charset {
        return Found::certain(Some(given), "it was asked for");
    }
    let marked = charset::guess(plain);
    if marks::has_byte_order_mark(plain) {
        return Found::certain(Some(marked.charset), marked.why);
    }
    let said = hints.media_type.and_then(marks::charset_parameter);
    if let Some(said) = said.and_then(|label| label.parse().ok()) {
        return Found::certain(Some(said), "the Content-Type says so");
    }
    if let Some((said, why)) = marks::declared_charset(plain) {
        return Found::certain(Some(said), why);
    }
    let confidence = match marked.confidence {
        charset::Confidence::Certain => Confidence::Certain,
        charset::Confidence::High => Confidence::Likely,
        charset::Confidence::Low => Confidence::Guess,
    };
    Found::new(Some(marked.charset), marked.why, confidence)
}

/// The head as UTF-8, a mark of byte order left out.
fn decoded(plain: &[u8], charset: Option<Charset>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut reader = charset::reader(charset, plain, charset::OnInvalid::Replace);
    drop(reader.read_to_end(&mut text));
    text
}

fn format_of(text: &[u8], plain: &[u8], hints: &Hints<'_>) -> Found<Format> {
    if let Some(given) = hints.format {
        return Found::certain(given, "it was asked for");
    }
    let named = named_format(hints);
    if let Some(named) = &named
        && !is_refined(named.what)
    {
        return named.clone();
    }
    let seen = format_of_bytes(text, plain, hints.is_all);
    match named {
        Some(named) => refined(named, seen),
        None => seen,
    }
}

/// Formats whose name is given to what is more special.
fn is_refined(format: Format) -> bool {
    matches!(format, Format::Json | Format::Text | Format::Lines)
}

/// A name that says less than the bytes do gives way to them.
fn refined(named: Found<Format>, seen: Found<Format>) -> Found<Format> {
    let is_json = |format| matches!(format, Format::Ndjson | Format::JsonSeq);
    let gives_way = match named.what {
        Format::Json => is_json(seen.what),
        _ => seen.confidence > Confidence::Guess && seen.what != Format::Text,
    };
    if gives_way { seen } else { named }
}

fn named_format(hints: &Hints<'_>) -> Option<Found<Format>> {
    if let Some(media_type) = hints.media_type
        && let Some(format) = Format::from_media_type(media_type)
        // Servers say `text/plain` of whatever they do not know.
        && format != Format::Text
    {
        return Some(Found::certain(
            format,
            format!("it was sent as {media_type}"),
        ));
    }
    let name = hints.name?;
    let format = Format::from_file_name(name)?;
    Some(Found::likely(format, "the name of the file ends so"))
}

fn format_of_bytes(text: &[u8], plain: &[u8], is_all: bool) -> Found<Format> {
    if let Some(found) = binary::marked(plain) {
        return found;
    }
    if let Some(found) = text::recognise(text, is_all) {
        return found;
    }
    if let Some(found) = binary::guess(plain) {
        return found;
    }
    Found::guess(Format::Lines, "nothing else fits: lines of text")
}

fn dialect_of(text: &[u8], format: Format) -> Option<Found<String>> {
    if !matches!(format, Format::Csv | Format::Tsv) {
        return None;
    }
    Some(text::dialect(&csv::sniff(text)))
}
