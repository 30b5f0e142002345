//! Which codecs there are, how they are called, and which options they look at.

use std::fmt;
use std::str::FromStr;

use super::Codec;
use crate::charset::Charset;
use crate::compress::Compression;

/// A field of [`Options`](super::Options).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// [`Options::lenient`](super::Options::lenient)
    Lenient,
    /// [`Options::wrap`](super::Options::wrap)
    Wrap,
    /// [`Options::crlf`](super::Options::crlf)
    Crlf,
    /// [`Options::padding`](super::Options::padding)
    Padding,
    /// [`Options::upper`](super::Options::upper)
    Upper,
    /// [`Options::separator`](super::Options::separator)
    Separator,
    /// [`Options::keep`](super::Options::keep)
    Keep,
    /// [`Options::binary`](super::Options::binary)
    Binary,
    /// [`Options::frame`](super::Options::frame)
    Frame,
    /// [`Options::quotes`](super::Options::quotes)
    Quotes,
    /// [`Options::ascii`](super::Options::ascii)
    Ascii,
    /// [`Options::unmappable`](super::Options::unmappable)
    Unmappable,
    /// [`Options::bom`](super::Options::bom)
    Bom,
    /// [`Options::level`](super::Options::level)
    Level,
    /// [`Options::name`](super::Options::name)
    Name,
    /// [`Options::limits`](super::Options::limits)
    Limits,
}

use Setting::{
    Ascii, Binary, Bom, Crlf, Frame, Keep, Lenient, Level, Name, Padding, Quotes, Separator,
    Unmappable, Upper, Wrap,
};

/// Codec, names (the first is its own), what it is, settings of encoding, settings of decoding.
type Row = (
    Codec,
    &'static [&'static str],
    &'static str,
    &'static [Setting],
    &'static [Setting],
);

const CODECS: &[Row] = &[
    (
        Codec::Base64,
        &["base64", "b64"],
        "base64 (RFC 4648)",
        &[Wrap, Crlf, Padding],
        &[Lenient, Padding],
    ),
    (
        Codec::Base64Url,
        &["base64url", "b64url"],
        "base64 for URLs and names of files, with - and _ (RFC 4648)",
        &[Wrap, Crlf, Padding],
        &[Lenient, Padding],
    ),
    (
        Codec::Base32,
        &["base32", "b32"],
        "base32 (RFC 4648)",
        &[Wrap, Crlf, Padding],
        &[Lenient, Padding],
    ),
    (
        Codec::Base32Hex,
        &["base32hex", "b32hex"],
        "base32 that sorts as its bytes do (RFC 4648)",
        &[Wrap, Crlf, Padding],
        &[Lenient, Padding],
    ),
    (
        Codec::Base32Crockford,
        &["base32-crockford", "crockford"],
        "Crockford's base32, for people to read aloud",
        &[Wrap, Crlf],
        &[Lenient],
    ),
    (
        Codec::Hex,
        &["hex", "base16", "b16"],
        "hexadecimal digits",
        &[Wrap, Crlf, Upper, Separator],
        &[Lenient, Separator],
    ),
    (
        Codec::Hexdump,
        &["hexdump", "xxd"],
        "a dump as xxd writes it; those of hexdump -C are read too",
        &[Crlf],
        &[],
    ),
    (
        Codec::Ascii85,
        &["ascii85", "a85"],
        "Ascii85 of PDF and PostScript",
        &[Wrap, Crlf, Frame],
        &[Lenient],
    ),
    (
        Codec::Base85,
        &["base85", "b85"],
        "base85 with the digits of RFC 1924, as git and Python have it",
        &[Wrap, Crlf],
        &[Lenient],
    ),
    (
        Codec::Z85,
        &["z85"],
        "base85 of ZeroMQ",
        &[Wrap, Crlf],
        &[Lenient],
    ),
    (
        Codec::Percent,
        &["percent", "url", "uri"],
        "percent-encoding of URLs (RFC 3986)",
        &[Keep],
        &[Lenient],
    ),
    (
        Codec::Form,
        &["form"],
        "percent-encoding of forms, a blank is +",
        &[Keep],
        &[Lenient],
    ),
    (
        Codec::QuotedPrintable,
        &["quoted-printable", "qp"],
        "quoted-printable of mail (RFC 2045)",
        &[Binary, Crlf],
        &[Lenient],
    ),
    (
        Codec::Uuencode,
        &["uuencode", "uu"],
        "uuencode (POSIX)",
        &[Crlf, Name],
        &[Lenient],
    ),
    (
        Codec::Html,
        &["html"],
        "character references of HTML: &amp; &eacute; &#8364;",
        &[Ascii],
        &[],
    ),
    (
        Codec::Json,
        &["json"],
        "a JSON string",
        &[Lenient, Quotes, Ascii],
        &[Lenient, Quotes],
    ),
    (
        Codec::Escape,
        &["escape", "backslash"],
        r"backslash escapes: \n \x1b \u{20ac}",
        &[],
        &[Lenient],
    ),
    (
        Codec::Punycode,
        &["punycode"],
        "Punycode (RFC 3492) of each line",
        &[Lenient],
        &[Lenient],
    ),
    (
        Codec::Idna,
        &["idna"],
        "names of domains as DNS has them (UTS 46), one on each line",
        &[Lenient],
        &[Lenient],
    ),
    (
        Codec::Compression(Compression::Gzip),
        &["gzip", "gz"],
        "gzip (RFC 1952)",
        &[Level],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::Deflate),
        &["deflate", "zlib"],
        "deflate of HTTP, which is zlib (RFC 1950); bare deflate is read too",
        &[Level],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::DeflateRaw),
        &["deflate-raw"],
        "bare deflate (RFC 1951)",
        &[Level],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::Brotli),
        &["brotli", "br"],
        "Brotli (RFC 7932)",
        &[Level],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::Zstd),
        &["zstd", "zst"],
        "Zstandard (RFC 8878)",
        &[Level],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::Xz),
        &["xz"],
        "xz; it is decoded only",
        &[],
        &[Setting::Limits],
    ),
    (
        Codec::Compression(Compression::Bzip2),
        &["bzip2", "bz2"],
        "bzip2; it is decoded only",
        &[],
        &[Setting::Limits],
    ),
];

impl Codec {
    /// All of them; of the charsets, which are many, UTF-8 only, see [`Charset::names`].
    pub fn all() -> impl Iterator<Item = Self> {
        CODECS
            .iter()
            .map(|row| row.0)
            .chain([Self::Charset(Charset::UTF_8)])
    }

    /// Its name: that of the charset, if it is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charset(charset) => charset.name(),
            Self::Compression(compression) => compression.name(),
            _ => self.row().map_or("", |row| row.1[0]),
        }
    }

    /// Its other names.
    pub fn aliases(self) -> &'static [&'static str] {
        self.row().map_or(&[], |row| &row.1[1..])
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        self.row().map_or("text in that charset", |row| row.2)
    }

    /// Whether encoding by it, or decoding, looks at that option.
    pub fn takes(self, setting: Setting, encodes: bool) -> bool {
        let settings: &[Setting] = match (self, self.row(), encodes) {
            (Self::Charset(_), _, true) => &[Lenient, Unmappable, Bom],
            (Self::Charset(_), _, false) => &[Lenient],
            (_, Some(row), true) => row.3,
            (_, Some(row), false) => row.4,
            _ => &[],
        };
        settings.contains(&setting)
    }

    fn row(self) -> Option<&'static Row> {
        CODECS.iter().find(|row| row.0 == self)
    }
}

/// Nobody knows the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCodec(String);

impl fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = CODECS.iter().map(|row| row.1[0]).collect();
        let names = names.join(", ");
        write!(
            f,
            "{:?} is no codec; there are {names} and charsets",
            self.0
        )
    }
}

impl std::error::Error for UnknownCodec {}

/// A name of a codec; else a label of a charset, before which `charset:` may stand.
impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        if let Some(row) = CODECS.iter().find(|row| row.1.contains(&lower.as_str())) {
            return Ok(row.0);
        }
        let label = lower.strip_prefix("charset:").unwrap_or(&lower);
        Charset::for_label(label)
            .map(Self::Charset)
            .ok_or_else(|| UnknownCodec(name.to_owned()))
    }
}
