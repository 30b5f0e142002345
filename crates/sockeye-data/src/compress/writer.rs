//! Compressed bytes of plain ones.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use super::Compression;

/// The levels that a compression has, and the one that is taken unless another is asked for.
pub fn levels(compression: Compression) -> (RangeInclusive<i32>, i32) {
    match compression {
        Compression::Gzip | Compression::Deflate | Compression::DeflateRaw => (0..=9, 6),
        // The slow levels, 10 and 11, are for files that are compressed once.
        Compression::Brotli => (0..=11, 9),
        Compression::Zstd => (-7..=22, 3),
        Compression::Xz | Compression::Bzip2 => (0..=9, 6),
    }
}

/// Writes what it is given to `sink`, compressed. Nothing is whole before [`Writer::finish`].
///
/// # Errors
///
/// The level is not one of [`levels`], of kind [`io::ErrorKind::InvalidInput`]; xz and bzip2 are not written, of kind
/// [`io::ErrorKind::Unsupported`].
pub fn writer<W: Write>(
    compression: Compression,
    level: Option<i32>,
    sink: W,
) -> io::Result<Writer<W>> {
    let (range, default) = levels(compression);
    let level = level.unwrap_or(default);
    if !range.contains(&level) {
        let (low, high) = (range.start(), range.end());
        let why = format!("{compression} has no level {level}; there are {low} to {high}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    // The ranges of these hold no negative number.
    let flate = flate2::Compression::new(level.unsigned_abs());
    Ok(Writer(match compression {
        Compression::Gzip => Inner::Gzip(flate2::write::GzEncoder::new(sink, flate)),
        Compression::Deflate => Inner::Zlib(flate2::write::ZlibEncoder::new(sink, flate)),
        Compression::DeflateRaw => Inner::Deflate(flate2::write::DeflateEncoder::new(sink, flate)),
        Compression::Brotli => Inner::Brotli(Box::new(brotli::CompressorWriter::new(
            sink,
            64 << 10,
            level.unsigned_abs(),
            22,
        ))),
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(sink, level)?;
            // As the program does: damage is seen.
            encoder.include_checksum(true)?;
            Inner::Zstd(encoder)
        }
        Compression::Xz | Compression::Bzip2 => {
            let why = format!("{compression} is read, but not written");
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
    }))
}

/// See [`writer`].
pub struct Writer<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Gzip(flate2::write::GzEncoder<W>),
    Zlib(flate2::write::ZlibEncoder<W>),
    Deflate(flate2::write::DeflateEncoder<W>),
    Brotli(Box<brotli::CompressorWriter<W>>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Writer<W> {
    /// Write what is left and the end.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::Gzip(writer) => writer.finish(),
            Inner::Zlib(writer) => writer.finish(),
            Inner::Deflate(writer) => writer.finish(),
            Inner::Brotli(mut writer) => {
                writer.flush()?;
                Ok(writer.into_inner())
            }
            Inner::Zstd(writer) => writer.finish(),
        }
    }

    /// What is written to.
    pub fn sink_mut(&mut self) -> &mut W {
        match &mut self.0 {
            Inner::Gzip(writer) => writer.get_mut(),
            Inner::Zlib(writer) => writer.get_mut(),
            Inner::Deflate(writer) => writer.get_mut(),
            Inner::Brotli(writer) => writer.get_mut(),
            Inner::Zstd(writer) => writer.get_mut(),
        }
    }

    fn inner(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Inner::Gzip(writer) => writer,
            Inner::Zlib(writer) => writer,
            Inner::Deflate(writer) => writer,
            Inner::Brotli(writer) => writer.as_mut(),
            Inner::Zstd(writer) => writer,
        }
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}
