//! Charsets and compressions as codecs.

use std::io::Write;

use super::utf8::Utf8;
use super::{Coder, Options};
use crate::charset::{self, Charset, OnInvalid};
use crate::compress::{self, Compression, Writer};
use crate::record::{Error, ErrorKind};

/// From UTF-8 into a charset.
pub(super) struct IntoCharset {
    text: Utf8,
    encoder: charset::Encoder,
}

impl IntoCharset {
    pub(super) fn new(charset: Charset, options: &Options) -> Self {
        let encoder = charset::Encoder::new(charset, options.unmappable);
        Self {
            text: Utf8::new("utf-8", options.lenient),
            encoder: match options.bom {
                true => encoder.with_bom(),
                false => encoder,
            },
        }
    }
}

impl Coder for IntoCharset {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let encoder = &mut self.encoder;
        self.text.push(input, false, |text| encoder.push(text, out))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let encoder = &mut self.encoder;
        self.text.push(&[], true, |text| encoder.push(text, out))?;
        encoder.finish(out);
        Ok(())
    }
}

/// From a charset to UTF-8.
pub(super) struct FromCharset(charset::Decoder);

impl FromCharset {
    pub(super) fn new(charset: Charset, options: &Options) -> Self {
        let on_invalid = match options.lenient {
            true => OnInvalid::Replace,
            false => OnInvalid::Refuse,
        };
        Self(charset::Decoder::new(Some(charset), on_invalid))
    }
}

impl Coder for FromCharset {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.push(input, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.finish(out)
    }
}

/// Compresses.
pub(super) struct Pack {
    name: &'static str,
    writer: Option<Writer<Vec<u8>>>,
}

impl Pack {
    pub(super) fn new(compression: Compression, options: &Options) -> Result<Self, Error> {
        let name = compression.name();
        let writer = compress::writer(compression, options.level, Vec::new())
            .map_err(|error| Error::new(ErrorKind::Unsupported, name, error.to_string()))?;
        Ok(Self {
            name,
            writer: Some(writer),
        })
    }
}

impl Coder for Pack {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(writer) = &mut self.writer {
            writer
                .write_all(input)
                .map_err(|error| Error::io(self.name, &error))?;
            out.append(writer.sink_mut());
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(writer) = self.writer.take() {
            let rest = writer
                .finish()
                .map_err(|error| Error::io(self.name, &error))?;
            out.extend_from_slice(&rest);
        }
        Ok(())
    }
}
