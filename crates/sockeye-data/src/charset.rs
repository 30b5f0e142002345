//! Charsets: those of the Encoding standard and a few more, by name, guessed, both ways, in pieces.
//!
//! [`reader`] gives UTF-8 of any [`std::io::Read`], and says where the first byte is that means nothing; UTF-8 itself is only
//! checked on its way through. [`Encoder`] and [`encode`] are the other way. [`guess`] tells what bytes are in, and why it thinks
//! so.
//!
//! ```
//! use std::io::Read;
//! use sockeye_data::charset::{self, Charset, OnInvalid};
//!
//! let latin: Charset = "windows-1252".parse().unwrap();
//! let mut text = String::new();
//! charset::reader(Some(latin), &b"caf\xe9 \x80"[..], OnInvalid::Refuse).read_to_string(&mut text).unwrap();
//! assert_eq!(text, "café €");
//! ```

mod encoder;
mod guess;
mod reader;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use encoding_rs::Encoding;

pub use encoder::{Encoder, Unmappable, encode};
pub use guess::{Confidence, Guess, guess};
pub use reader::{Decoder, OnInvalid, Reader, reader};

/// A charset: how characters become bytes.
///
/// The labels are those of the Encoding standard, which gives `iso-8859-1` and `us-ascii` the meaning they have on the Web,
/// windows-1252. Beyond it there are `utf-32le`, `utf-32be`, and `latin1-strict` and `ascii-strict` for what the other two are by
/// their own standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Charset(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Utf8,
    Utf16 {
        big: bool,
    },
    Utf32 {
        big: bool,
    },
    /// Bytes are code points, as far as this one.
    Direct {
        last: u8,
    },
    /// Another one of the Encoding standard.
    Web(&'static Encoding),
}

impl Charset {
    /// UTF-8.
    pub const UTF_8: Self = Self(Kind::Utf8);
    /// UTF-16, the low byte first.
    pub const UTF_16LE: Self = Self(Kind::Utf16 { big: false });
    /// UTF-16, the high byte first.
    pub const UTF_16BE: Self = Self(Kind::Utf16 { big: true });
    /// UTF-32, the low byte first.
    pub const UTF_32LE: Self = Self(Kind::Utf32 { big: false });
    /// UTF-32, the high byte first.
    pub const UTF_32BE: Self = Self(Kind::Utf32 { big: true });
    /// ISO 8859-1 by its own standard: bytes are code points.
    pub const LATIN1_STRICT: Self = Self(Kind::Direct { last: 255 });
    /// ASCII by its own standard: bytes beyond 127 mean nothing.
    pub const ASCII_STRICT: Self = Self(Kind::Direct { last: 127 });

    /// What the Encoding standard calls windows-1252, what old files of Western Europe are in.
    pub fn windows_1252() -> Self {
        Self::of(encoding_rs::WINDOWS_1252)
    }

    fn of(encoding: &'static Encoding) -> Self {
        if encoding == encoding_rs::UTF_8 {
            Self::UTF_8
        } else if encoding == encoding_rs::UTF_16LE {
            Self::UTF_16LE
        } else if encoding == encoding_rs::UTF_16BE {
            Self::UTF_16BE
        } else {
            Self(Kind::Web(encoding))
        }
    }

    /// The charset that a label names, in whatever case; `None` if nobody knows it.
    pub fn for_label(label: &str) -> Option<Self> {
        match label.trim().to_ascii_lowercase().as_str() {
            "utf-32" | "utf32" | "utf-32le" | "utf32le" | "ucs-4" => Some(Self::UTF_32LE),
            "utf-32be" | "utf32be" => Some(Self::UTF_32BE),
            "utf16" | "utf16le" => Some(Self::UTF_16LE),
            "utf16be" => Some(Self::UTF_16BE),
            "latin1-strict" => Some(Self::LATIN1_STRICT),
            "ascii-strict" => Some(Self::ASCII_STRICT),
            lower => Encoding::for_label_no_replacement(lower.as_bytes()).map(Self::of),
        }
    }

    /// The charset of a mark at the beginning, and how long the mark is.
    ///
    /// ```
    /// use sockeye_data::charset::Charset;
    ///
    /// assert_eq!(Charset::for_bom(b"\xff\xfea\0"), Some((Charset::UTF_16LE, 2)));
    /// ```
    pub fn for_bom(start: &[u8]) -> Option<(Self, usize)> {
        match start {
            [0xef, 0xbb, 0xbf, ..] => Some((Self::UTF_8, 3)),
            [0xff, 0xfe, 0, 0, ..] => Some((Self::UTF_32LE, 4)),
            [0, 0, 0xfe, 0xff, ..] => Some((Self::UTF_32BE, 4)),
            [0xff, 0xfe, ..] => Some((Self::UTF_16LE, 2)),
            [0xfe, 0xff, ..] => Some((Self::UTF_16BE, 2)),
            _ => None,
        }
    }

    /// Its name: the Encoding standard's, where it has one.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Utf8 => "UTF-8",
            Kind::Utf16 { big: false } => "UTF-16LE",
            Kind::Utf16 { big: true } => "UTF-16BE",
            Kind::Utf32 { big: false } => "UTF-32LE",
            Kind::Utf32 { big: true } => "UTF-32BE",
            Kind::Direct { last: 127 } => "ascii-strict",
            Kind::Direct { .. } => "latin1-strict",
            Kind::Web(encoding) => encoding.name(),
        }
    }

    /// The name of every charset, each once.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied()
    }
}

const NAMES: &[&str] = &[
    "UTF-8",
    "UTF-16LE",
    "UTF-16BE",
    "UTF-32LE",
    "UTF-32BE",
    "ascii-strict",
    "latin1-strict",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "ISO-8859-2",
    "ISO-8859-3",
    "ISO-8859-4",
    "ISO-8859-5",
    "ISO-8859-6",
    "ISO-8859-7",
    "ISO-8859-8",
    "ISO-8859-8-I",
    "ISO-8859-10",
    "ISO-8859-13",
    "ISO-8859-14",
    "ISO-8859-15",
    "ISO-8859-16",
    "KOI8-R",
    "KOI8-U",
    "IBM866",
    "macintosh",
    "x-mac-cyrillic",
    "x-user-defined",
    "GBK",
    "gb18030",
    "Big5",
    "EUC-JP",
    "ISO-2022-JP",
    "Shift_JIS",
    "EUC-KR",
];

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Nobody knows the charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCharset(String);

impl fmt::Display for UnknownCharset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no charset of the Encoding standard, nor utf-32le, utf-32be, latin1-strict, ascii-strict",
            self.0
        )
    }
}

impl std::error::Error for UnknownCharset {}

impl FromStr for Charset {
    type Err = UnknownCharset;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        Self::for_label(label).ok_or_else(|| UnknownCharset(label.to_owned()))
    }
}
