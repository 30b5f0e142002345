//! gzip, deflate, brotli, zstd, xz and bzip2: by name, recognised by their first bytes, both ways, in pieces and within bounds.
//!
//! [`reader`] gives the plain bytes of any [`std::io::Read`]; what was read before an error is given before the error is. Its
//! bounds are [`Limits::ratio`](crate::record::Limits) and [`Limits::inflated`](crate::record::Limits). [`writer`] is the other
//! way.
//!
//! ```
//! use std::io::{Read, Write};
//! use sockeye_data::compress::{self, Compression};
//! use sockeye_data::record::Limits;
//!
//! let mut writer = compress::writer(Compression::Gzip, None, Vec::new()).unwrap();
//! writer.write_all(b"salmon").unwrap();
//! let packed = writer.finish().unwrap();
//!
//! assert_eq!(compress::recognise(&packed), Some(Compression::Gzip));
//! let mut plain = String::new();
//! compress::reader(Compression::Gzip, &packed[..], &Limits::default()).read_to_string(&mut plain).unwrap();
//! assert_eq!(plain, "salmon");
//! ```

mod inflate;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::str::FromStr;

pub use reader::{GRACE, Reader, reader};
pub use writer::{Writer, levels, writer};

/// A way of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip (RFC 1952), with any number of members.
    Gzip,
    /// What HTTP calls deflate: the zlib format (RFC 1950). Bare deflate is read too, as some servers send it.
    Deflate,
    /// Bare deflate (RFC 1951).
    DeflateRaw,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878), with any number of frames.
    Zstd,
    /// xz, with any number of streams. It is read only.
    Xz,
    /// bzip2, with any number of streams. It is read only.
    Bzip2,
}

/// Compression, names (the first is its own), endings of file names.
type Row = (
    Compression,
    &'static [&'static str],
    &'static [&'static str],
);

const ALL: &[Row] = &[
    (
        Compression::Gzip,
        &["gzip", "gz", "x-gzip"],
        &["gz", "gzip"],
    ),
    (Compression::Deflate, &["deflate", "zlib"], &["zz", "zlib"]),
    (Compression::DeflateRaw, &["deflate-raw"], &["deflate"]),
    (Compression::Brotli, &["brotli", "br"], &["br"]),
    (Compression::Zstd, &["zstd", "zst"], &["zst", "zstd"]),
    (Compression::Xz, &["xz"], &["xz"]),
    (Compression::Bzip2, &["bzip2", "bz2"], &["bz2", "bzip2"]),
];

impl Compression {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|row| row.0)
    }

    /// Its name in options and errors.
    pub fn name(self) -> &'static str {
        self.row().1[0]
    }

    /// What HTTP calls it in `Content-Encoding`, where it does.
    pub fn content_coding(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            _ => None,
        }
    }

    /// The compression that the end of a file's name tells, and the name without it.
    ///
    /// ```
    /// use sockeye_data::compress::Compression;
    ///
    /// let found = Compression::from_file_name("rows.csv.GZ");
    /// assert_eq!(found, Some((Compression::Gzip, "rows.csv")));
    /// ```
    pub fn from_file_name(name: &str) -> Option<(Self, &str)> {
        let (stem, ending) = name.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        let row = ALL.iter().find(|row| row.2.contains(&ending.as_str()))?;
        Some((row.0, stem))
    }

    fn row(self) -> &'static Row {
        ALL.iter()
            .find(|row| row.0 == self)
            .expect("every compression has a row")
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Nobody knows the compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCompression(String);

impl fmt::Display for UnknownCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Compression::all().map(Compression::name).collect();
        let names = names.join(", ");
        write!(f, "{:?} is no compression; there are {names}", self.0)
    }
}

impl std::error::Error for UnknownCompression {}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        let row = ALL.iter().find(|row| row.1.contains(&lower.as_str()));
        row.map(|row| row.0)
            .ok_or_else(|| UnknownCompression(name.to_owned()))
    }
}

/// The compression of these bytes, from how they begin; 64 bytes are plenty. Brotli and bare deflate have no mark and are not
/// recognised.
pub fn recognise(start: &[u8]) -> Option<Compression> {
    match start {
        [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Some(Compression::Zstd)
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
        // Behind the size of blocks, a block or the end has its own mark.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Compression::Bzip2),
        _ if is_zlib(start) => Some(Compression::Deflate),
        _ => None,
    }
}

/// The two bytes of a zlib header can be letters, `x^`: bytes that no text has are asked for, and that they inflate.
fn is_zlib(start: &[u8]) -> bool {
    let start = &start[..start.len().min(64)];
    let control = |byte: &u8| *byte >= 0x80 || *byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(byte);
    inflate::has_zlib_header(start) && start.iter().any(control) && inflate::may_be_zlib(start)
}
