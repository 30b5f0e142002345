//! Codecs: bytes as text of some kind and back, in pieces. base64, hexadecimal, percent, quoted-printable, HTML, JSON, names of
//! domains, charsets, compressions.
//!
//! A [`Codec`] is found by its name and makes [`Coder`]s, one way each, that take pieces cut anywhere. [`encoding`] and
//! [`decoding`] put several behind each other over a [`std::io::Read`], in constant memory. Decoding is strict unless
//! [`Options::lenient`] is set, and errors say where: in bytes of what that codec was given.
//!
//! ```
//! use sockeye_data::codec::{Codec, Options, decode, encode};
//!
//! let base64: Codec = "base64".parse().unwrap();
//! let options = Options::default();
//! assert_eq!(encode(base64, b"red salmon", &options).unwrap(), b"cmVkIHNhbG1vbg==");
//! assert_eq!(decode(base64, b"cmVkIHNh\nbG1vbg==\n", &options).unwrap(), b"red salmon");
//! let error = decode(base64, b"cmVk*HNh", &options).unwrap_err();
//! assert_eq!(error.to_string(), "base64: `*` does not belong here at byte 4");
//! ```

mod base2n;
mod base85;
mod chain;
mod escaped;
mod hexdump;
mod html;
mod json;
mod labels;
mod lines;
mod list;
mod packed;
mod percent;
mod quoted;
#[cfg(test)]
mod tests;
mod utf8;
mod uu;

use std::fmt;

use crate::charset::{Charset, Unmappable};
use crate::compress::Compression;
use crate::record::{Error, ErrorKind, Limits, Position};

pub use chain::{decoding, encoding};
pub use list::{Setting, UnknownCodec};

/// One way of a codec, over bytes that come in pieces.
pub trait Coder: Send {
    /// Append what comes of these bytes. What cannot be told before more bytes come is held, in constant memory.
    ///
    /// # Errors
    ///
    /// The bytes are not what the codec takes. All that came before is appended; nothing may be pushed any more.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error>;

    /// The input has ended: append what is left. Called once.
    ///
    /// # Errors
    ///
    /// The input ended too early.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error>;
}

/// A codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// base64 (RFC 4648 section 4).
    Base64,
    /// base64 that needs no escapes in URLs and names of files (RFC 4648 section 5).
    Base64Url,
    /// base32 (RFC 4648 section 6).
    Base32,
    /// base32 that sorts as its bytes do (RFC 4648 section 7).
    Base32Hex,
    /// Crockford's base32, for people to read aloud. Without check symbols.
    Base32Crockford,
    /// Hexadecimal digits (RFC 4648 section 8).
    Hex,
    /// Lines of offset, hexadecimal digits and text, as xxd writes them.
    Hexdump,
    /// Ascii85 as in PDF and PostScript.
    Ascii85,
    /// base85 with the digits of RFC 1924, as git and Python use it.
    Base85,
    /// ZeroMQ's base85 (RFC 32 of that project).
    Z85,
    /// Percent-encoding (RFC 3986 section 2.1).
    Percent,
    /// `application/x-www-form-urlencoded`: percent-encoding where a blank is a plus sign.
    Form,
    /// Quoted-printable (RFC 2045 section 6.7).
    QuotedPrintable,
    /// uuencode (POSIX).
    Uuencode,
    /// Character references of HTML.
    Html,
    /// A JSON string (RFC 8259 section 7).
    Json,
    /// Backslash escapes, see [`escape`](crate::escape).
    Escape,
    /// Punycode (RFC 3492), each line by itself.
    Punycode,
    /// Names of domains as DNS has them (UTS 46), each line by itself.
    Idna,
    /// Text in a charset; UTF-8 on the other side.
    Charset(Charset),
    /// Compressed bytes.
    Compression(Compression),
}

/// How a codec is to do it. Each looks at what concerns it, see [`Codec::takes`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Decoding passes over what is not of the codec instead of refusing it.
    pub lenient: bool,
    /// Encoding breaks lines after so many characters; 0, as it is unless it is set, is never.
    pub wrap: usize,
    /// Lines end in CR LF.
    pub crlf: bool,
    /// base64 and base32 are padded with `=`. Unless it is so, decoding needs no padding either.
    pub padding: bool,
    /// Hexadecimal digits are capitals.
    pub upper: bool,
    /// What stands between the bytes of hexadecimal digits: ASCII, not a digit.
    pub separator: Vec<u8>,
    /// Percent-encoding leaves these ASCII characters too, besides letters, digits and `-._~`.
    pub keep: String,
    /// Quoted-printable takes ends of lines for bytes like others.
    pub binary: bool,
    /// Ascii85 stands between `<~` and `~>`.
    pub frame: bool,
    /// A JSON string is in quotes.
    pub quotes: bool,
    /// HTML and JSON have nothing beyond ASCII.
    pub ascii: bool,
    /// What becomes of characters that a charset does not have.
    pub unmappable: Unmappable,
    /// Text in a charset of Unicode begins with a mark.
    pub bom: bool,
    /// How much work compression is; see [`levels`](crate::compress::levels).
    pub level: Option<i32>,
    /// The name of the file that uuencode writes down.
    pub name: String,
    /// What decompression may give.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lenient: false,
            wrap: 0,
            crlf: false,
            padding: true,
            upper: false,
            separator: Vec::new(),
            keep: String::new(),
            binary: false,
            frame: false,
            quotes: true,
            ascii: false,
            unmappable: Unmappable::Refuse,
            bom: false,
            level: None,
            name: "data".to_owned(),
            limits: Limits::default(),
        }
    }
}

impl Codec {
    /// Something that encodes.
    ///
    /// # Errors
    ///
    /// An option means nothing: of kind [`ErrorKind::Unsupported`].
    pub fn encoder(self, options: &Options) -> Result<Box<dyn Coder>, Error> {
        Ok(match self {
            Self::Base64 => Box::new(base2n::Encoder::new(&base2n::BASE64, options)),
            Self::Base64Url => Box::new(base2n::Encoder::new(&base2n::BASE64_URL, options)),
            Self::Base32 => Box::new(base2n::Encoder::new(&base2n::BASE32, options)),
            Self::Base32Hex => Box::new(base2n::Encoder::new(&base2n::BASE32_HEX, options)),
            Self::Base32Crockford => Box::new(base2n::Encoder::new(&base2n::CROCKFORD, options)),
            Self::Hex if options.upper => {
                Box::new(base2n::Encoder::new(&base2n::HEX_UPPER, options))
            }
            Self::Hex => Box::new(base2n::Encoder::new(&base2n::HEX, options)),
            Self::Hexdump => Box::new(hexdump::Encoder::new(options)),
            Self::Ascii85 => Box::new(base85::Encoder::new(&base85::ASCII85, options)),
            Self::Base85 => Box::new(base85::Encoder::new(&base85::RFC1924, options)),
            Self::Z85 => Box::new(base85::Encoder::new(&base85::Z85, options)),
            Self::Percent => Box::new(percent::Encoder::new(false, options)),
            Self::Form => Box::new(percent::Encoder::new(true, options)),
            Self::QuotedPrintable => Box::new(quoted::Encoder::new(options)),
            Self::Uuencode => Box::new(uu::Encoder::new(options)?),
            Self::Html => Box::new(html::Encoder::new(options)),
            Self::Json => Box::new(json::Encoder::new(options)),
            Self::Escape => Box::new(escaped::Encoder::default()),
            Self::Punycode => Box::new(labels::Labels::encoder(labels::Kind::Punycode, options)),
            Self::Idna => Box::new(labels::Labels::encoder(labels::Kind::Idna, options)),
            Self::Charset(charset) => Box::new(packed::IntoCharset::new(charset, options)),
            Self::Compression(compression) => Box::new(packed::Pack::new(compression, options)?),
        })
    }

    /// Something that decodes.
    ///
    /// # Errors
    ///
    /// Of kind [`ErrorKind::Unsupported`]: an option means nothing; or it is a compression. What comes of a few compressed bytes
    /// may be much, so these are read through [`decoding`] or [`compress::reader`](crate::compress::reader) only.
    pub fn decoder(self, options: &Options) -> Result<Box<dyn Coder>, Error> {
        Ok(match self {
            Self::Base64 => Box::new(base2n::Decoder::new(&base2n::BASE64, options)),
            Self::Base64Url => Box::new(base2n::Decoder::new(&base2n::BASE64_URL, options)),
            Self::Base32 => Box::new(base2n::Decoder::new(&base2n::BASE32, options)),
            Self::Base32Hex => Box::new(base2n::Decoder::new(&base2n::BASE32_HEX, options)),
            Self::Base32Crockford => Box::new(base2n::Decoder::new(&base2n::CROCKFORD, options)),
            Self::Hex => Box::new(base2n::Decoder::new(&base2n::HEX, options)),
            Self::Hexdump => Box::new(hexdump::Decoder::default()),
            Self::Ascii85 => Box::new(base85::Decoder::new(&base85::ASCII85, options)),
            Self::Base85 => Box::new(base85::Decoder::new(&base85::RFC1924, options)),
            Self::Z85 => Box::new(base85::Decoder::new(&base85::Z85, options)),
            Self::Percent => Box::new(percent::Decoder::new(false, options)),
            Self::Form => Box::new(percent::Decoder::new(true, options)),
            Self::QuotedPrintable => Box::new(quoted::Decoder::new(options)),
            Self::Uuencode => Box::new(uu::Decoder::new(options)),
            Self::Html => Box::new(html::Decoder::default()),
            Self::Json => Box::new(json::Decoder::new(options)),
            Self::Escape => Box::new(escaped::Decoder::new(options)),
            Self::Punycode => Box::new(labels::Labels::decoder(labels::Kind::Punycode, options)),
            Self::Idna => Box::new(labels::Labels::decoder(labels::Kind::Idna, options)),
            Self::Charset(charset) => Box::new(packed::FromCharset::new(charset, options)),
            Self::Compression(compression) => {
                let why = "what comes of it has no bound here";
                return Err(Error::new(ErrorKind::Unsupported, compression.name(), why));
            }
        })
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes, encoded in one piece.
///
/// # Errors
///
/// As [`Codec::encoder`] and [`Coder`] have them.
pub fn encode(codec: Codec, bytes: &[u8], options: &Options) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut coder = codec.encoder(options)?;
    coder.push(bytes, &mut out)?;
    coder.finish(&mut out)?;
    Ok(out)
}

/// Bytes, decoded in one piece; compressed ones as well, within [`Options::limits`].
///
/// # Errors
///
/// The bytes are not what the codec takes.
pub fn decode(codec: Codec, bytes: &[u8], options: &Options) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut reader = decoding(&[codec], options, bytes)?;
    std::io::Read::read_to_end(&mut reader, &mut out)
        .map_err(|error| Error::io(codec.name(), &error))?;
    Ok(out)
}

/// The input is not what the codec takes.
fn bad(codec: &'static str, why: impl Into<String>, at: u64) -> Error {
    Error::syntax(codec, why, place(at))
}

/// The input ended too early; `at` is where something is missing or began.
fn cut(codec: &'static str, why: impl Into<String>, at: u64) -> Error {
    Error::new(ErrorKind::Truncated, codec, why).at(place(at))
}

fn place(at: u64) -> Position {
    Position {
        byte: at,
        ..Position::default()
    }
}

/// A byte of foreign input, for a message.
fn shown(byte: u8) -> String {
    match byte {
        b'`' => "the byte 60".to_owned(),
        b'!'..=b'~' => format!("`{}`", char::from(byte)),
        _ => format!("the byte {byte:02x}"),
    }
}

/// The value of a hexadecimal digit.
fn hex_digit(byte: u8) -> Option<u8> {
    // `to_digit(16)` is below 16, so it always fits.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
