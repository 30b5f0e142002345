//! Bodies, read and written without a copy: the decoder hands out slices of its input, the encoder says what goes around
//! the bytes.

use super::chunked::Chunks;
use super::error::{Error, ErrorKind};
use super::framing::Framing;
use super::headers::Headers;

/// What the parts of a body that are not data may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of the line before a chunk: its size and its extensions; 4 KiB by default.
    pub chunk_line: usize,
    /// By how many bytes all extensions may exceed the data; 16 KiB by default.
    pub extensions: usize,
    /// Bytes of the trailer section; 16 KiB by default.
    pub trailers: usize,
    /// Lines of the trailer section; 64 by default.
    pub trailer_fields: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            chunk_line: 4 << 10,
            extensions: 16 << 10,
            trailers: 16 << 10,
            trailer_fields: 64,
        }
    }
}

/// What one call of [`BodyDecoder::decode`] made of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'b> {
    /// How many bytes of the input are done with, the data included.
    pub consumed: usize,
    /// The next bytes of the body; a slice of the input.
    pub data: &'b [u8],
}

impl Step<'_> {
    pub(super) fn nothing(consumed: usize) -> Self {
        Self {
            consumed,
            data: &[],
        }
    }
}

/// Reads one body from pieces of any size.
///
/// Call [`decode`](Self::decode) until [`is_done`](Self::is_done); what is left of the input then belongs to the next
/// message. If the peer closes first, [`end`](Self::end) says whether that was the end of the body.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{BodyDecoder, BodyLimits, ErrorKind, Framing};
///
/// let mut decoder = BodyDecoder::new(Framing::Length(10), BodyLimits::default());
/// assert_eq!(decoder.decode(b"four")?.data, b"four");
/// let error = decoder.end().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Short);
/// assert_eq!(error.to_string(), "only 4 of the 10 bytes that it announced (RFC 9112 section 8)");
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes of input so far, for the places of errors.
    read: usize,
    failed: Option<Error>,
}

#[derive(Clone, Debug)]
enum State {
    Length { left: u64, all: u64 },
    Chunked(Box<Chunks>),
    UntilClose { is_over: bool },
}

impl BodyDecoder {
    /// A reader for a body with this framing.
    pub fn new(framing: Framing, limits: BodyLimits) -> Self {
        let state = match framing {
            Framing::None => State::Length { left: 0, all: 0 },
            Framing::Length(all) => State::Length { left: all, all },
            Framing::Chunked => State::Chunked(Box::new(Chunks::new(limits))),
            Framing::UntilClose => State::UntilClose { is_over: false },
        };
        Self {
            state,
            read: 0,
            failed: None,
        }
    }

    /// Take the next data from this input. If all of it is consumed and the body is not done, more input is needed;
    /// otherwise call again with the rest.
    ///
    /// # Errors
    ///
    /// What the peer did wrong. Data of earlier calls is good; every further call gives the same error.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<Step<'b>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = match &mut self.state {
            State::Length { left, .. } => {
                let length = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                // A usize always fits.
                *left -= length as u64;
                Step {
                    consumed: length,
                    data: &input[..length],
                }
            }
            State::UntilClose { is_over: true } => Step::nothing(0),
            State::UntilClose { .. } => Step {
                consumed: input.len(),
                data: input,
            },
            State::Chunked(chunks) => chunks.decode(input, self.read).inspect_err(|error| {
                self.failed = Some(error.clone());
            })?,
        };
        self.read = self.read.saturating_add(step.consumed);
        Ok(step)
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        match &self.state {
            State::Length { left, .. } => *left == 0,
            State::Chunked(chunks) => chunks.is_done(),
            State::UntilClose { is_over } => *is_over,
        }
    }

    /// How many bytes of data are certain to come without anything between them: the rest of a length, or `None`.
    /// So many can be moved by the kernel; say so with [`skip`](Self::skip).
    pub fn plain(&self) -> Option<u64> {
        match &self.state {
            State::Length { left, .. } => Some(*left),
            _ => None,
        }
    }

    /// This many bytes of a body with a length went another way; at most what [`plain`](Self::plain) said counts.
    pub fn skip(&mut self, bytes: u64) {
        if let State::Length { left, .. } = &mut self.state {
            *left = left.saturating_sub(bytes);
        }
    }

    /// The peer has closed its side.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] if the body is not complete; what came of it is good. Over TLS a body without a length is
    /// complete only if the peer said so with `close_notify`, which the caller knows.
    pub fn end(&mut self) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let what = match &mut self.state {
            State::UntilClose { is_over } => {
                *is_over = true;
                return Ok(());
            }
            State::Length { left: 0, .. } => return Ok(()),
            State::Length { left, all } => {
                format!("only {} of the {all} bytes that it announced", *all - *left)
            }
            State::Chunked(chunks) if chunks.is_done() => return Ok(()),
            State::Chunked(chunks) => chunks.missing(),
        };
        Err(Error::new(ErrorKind::Short, what, "RFC 9112 section 8"))
    }

    /// The trailer lines that came after the last chunk. They are no headers: what a header decides (length, identity,
    /// cookies), a trailer must not (RFC 9110 section 6.5.1).
    pub fn trailers(&self) -> Option<&Headers> {
        match &self.state {
            State::Chunked(chunks) => Some(chunks.trailers()),
            _ => None,
        }
    }
}

/// What goes out before and after the bytes of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    before: [u8; 18],
    length: usize,
    after: &'static [u8],
}

impl Frame {
    const PLAIN: Self = Self {
        before: [0; 18],
        length: 0,
        after: b"",
    };

    /// The bytes before.
    pub fn before(&self) -> &[u8] {
        &self.before[..self.length]
    }

    /// The bytes after.
    pub fn after(&self) -> &'static [u8] {
        self.after
    }
}

/// Writes one body, and sees to it that what was announced is kept.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{BodyEncoder, Framing, Headers};
///
/// let mut trailers = Headers::new();
/// trailers.append("Digest", "x")?;
/// let (mut encoder, mut out) = (BodyEncoder::new(Framing::Chunked), Vec::new());
/// encoder.write(b"hello, world", &mut out)?;
/// encoder.finish(&trailers, &mut out)?;
/// assert_eq!(out, b"c\r\nhello, world\r\n0\r\nDigest: x\r\n\r\n");
///
/// let mut encoder = BodyEncoder::new(Framing::Length(3));
/// assert!(encoder.write(b"four", &mut out).is_err());
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyEncoder {
    framing: Framing,
    left: u64,
}

impl BodyEncoder {
    /// A writer for a body with this framing.
    pub fn new(framing: Framing) -> Self {
        let left = match framing {
            Framing::None => 0,
            Framing::Length(length) => length,
            Framing::Chunked | Framing::UntilClose => u64::MAX,
        };
        Self { framing, left }
    }

    /// What goes around the next bytes, for a vectored write. Nothing goes around no bytes: a chunk of size 0 would be
    /// the last one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`]: more bytes than were announced.
    pub fn frame(&mut self, length: u64) -> Result<Frame, Error> {
        if self.framing != Framing::Chunked {
            let wrong = "more bytes of body than were announced";
            self.left = self
                .left
                .checked_sub(length)
                .ok_or_else(|| Error::new(ErrorKind::Unwritable, wrong, "RFC 9110 section 8.6"))?;
            return Ok(Frame::PLAIN);
        }
        if length == 0 {
            return Ok(Frame::PLAIN);
        }
        let mut frame = Frame {
            before: [0; 18],
            // One digit for each four bits, and a line break.
            length: (67 - length.leading_zeros() as usize) / 4 + 2,
            after: b"\r\n",
        };
        let digits = frame.length - 2;
        for (i, slot) in frame.before[..digits].iter_mut().enumerate() {
            let digit = length >> (4 * (digits - 1 - i)) & 15;
            *slot = b"0123456789abcdef"[digit as usize];
        }
        frame.before[digits..frame.length].copy_from_slice(b"\r\n");
        Ok(frame)
    }

    /// Write these bytes with what goes around them.
    ///
    /// # Errors
    ///
    /// As with [`frame`](Self::frame); then nothing was written.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        // A usize always fits.
        let frame = self.frame(data.len() as u64)?;
        out.extend_from_slice(frame.before());
        out.extend_from_slice(data);
        out.extend_from_slice(frame.after());
        Ok(())
    }

    /// Write the end of the body.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`]: fewer bytes than were announced, or trailers without chunks.
    pub fn finish(self, trailers: &Headers, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.framing == Framing::Chunked {
            out.extend_from_slice(b"0\r\n");
            trailers.write(out);
            out.extend_from_slice(b"\r\n");
            return Ok(());
        }
        if !trailers.is_empty() {
            let what = "trailers after a body without chunks";
            return Err(Error::new(
                ErrorKind::Unwritable,
                what,
                "RFC 9110 section 6.5",
            ));
        }
        if self.left > 0 && self.framing != Framing::UntilClose {
            let what = format!("a body that is {} bytes short of its length", self.left);
            return Err(Error::new(
                ErrorKind::Unwritable,
                what,
                "RFC 9110 section 8.6",
            ));
        }
        Ok(())
    }
}
