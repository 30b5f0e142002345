//! From bytes in a charset to UTF-8.

use std::io::{self, Read};

use encoding_rs::DecoderResult;

use super::{Charset, Kind};
use crate::record::{Error, ErrorKind, Position};

/// What becomes of bytes that mean nothing in their charset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// They are an error, with their place.
    #[default]
    Refuse,
    /// U+FFFD stands in their place.
    Replace,
}

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
const BLOCK: usize = 64 << 10;

/// Turns bytes into UTF-8, in pieces that may be cut anywhere.
///
/// A mark at the beginning (BOM) is taken off, and says what the charset is whatever was named; without both it is UTF-8.
///
/// ```
/// use sockeye_data::charset::{Decoder, OnInvalid};
///
/// let mut decoder = Decoder::new(None, OnInvalid::Refuse);
/// let mut text = Vec::new();
/// for piece in [&b"\xff\xfea"[..], b"\0\x3d", b"\xd8\x1f\xdc"] {
///     decoder.push(piece, &mut text).unwrap();
/// }
/// decoder.finish(&mut text).unwrap();
/// assert_eq!(text, "a\u{1f41f}".as_bytes());
/// ```
pub struct Decoder {
    named: Option<Charset>,
    on_invalid: OnInvalid,
    /// The charset, once the mark was looked for.
    charset: Option<Charset>,
    step: Step,
    /// What cannot be told yet: the mark's beginning, a character's beginning.
    held: Vec<u8>,
    /// Bytes taken so far, those that are held too.
    taken: u64,
    replaced: u64,
    first: Option<u64>,
}

enum Step {
    Utf8,
    Utf32 { big: bool },
    Direct { last: u8 },
    Web(Box<encoding_rs::Decoder>),
}

impl Decoder {
    /// For bytes in this charset, UTF-8 if none is named.
    pub fn new(charset: Option<Charset>, on_invalid: OnInvalid) -> Self {
        Self {
            named: charset,
            on_invalid,
            charset: None,
            step: Step::Utf8,
            held: Vec::new(),
            taken: 0,
            replaced: 0,
            first: None,
        }
    }

    /// The charset that it is, known from the fourth byte on.
    pub fn charset(&self) -> Option<Charset> {
        self.charset
    }

    /// How many times U+FFFD was put in, and where the first stands, in bytes of the input.
    pub fn replaced(&self) -> (u64, Option<u64>) {
        (self.replaced, self.first)
    }

    /// Append the UTF-8 of these bytes, except for an unfinished character at their end.
    ///
    /// # Errors
    ///
    /// Bytes that mean nothing and are to be refused: an [`Error`] with their place. All text before them is appended.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.decode(input, false, out)
    }

    /// The input has ended: append what is left.
    ///
    /// # Errors
    ///
    /// The input ends within a character, and that is to be refused.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.decode(&[], true, out)
    }

    fn decode(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.charset.is_some() {
            self.taken += input.len() as u64;
            return self.step(input, last, out);
        }
        self.held.extend_from_slice(input);
        // Only what may be the beginning of a mark is held back: whoever waits for the rest may wait long.
        if self.held.len() < 4 && !last && may_become_mark(&self.held) {
            return Ok(());
        }
        let start = std::mem::take(&mut self.held);
        let skip = self.settle(&start);
        self.taken = start.len() as u64;
        self.step(&start[skip..], last, out)
    }

    /// Decide on the charset; tells how long the mark is.
    fn settle(&mut self, start: &[u8]) -> usize {
        let named = (self.named.unwrap_or(Charset::UTF_8), 0);
        let (charset, skip) = Charset::for_bom(start).unwrap_or(named);
        self.charset = Some(charset);
        self.step = match charset.0 {
            Kind::Utf8 => Step::Utf8,
            Kind::Utf16 { big } => web(match big {
                true => encoding_rs::UTF_16BE,
                false => encoding_rs::UTF_16LE,
            }),
            Kind::Utf32 { big } => Step::Utf32 { big },
            Kind::Direct { last } => Step::Direct { last },
            Kind::Web(encoding) => web(encoding),
        };
        skip
    }

    fn step(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.step {
            Step::Utf8 => self.utf8(input, last, out),
            Step::Utf32 { big } => self.utf32(big, input, last, out),
            Step::Direct { last: highest } => self.direct(highest, input, out),
            Step::Web(_) => self.web(input, last, out),
        }
    }

    fn utf8(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let base = out.len();
        out.append(&mut self.held);
        out.extend_from_slice(input);
        let hold = if last { 0 } else { unfinished(&out[base..]) };
        let split = out.len() - hold;
        self.held.extend_from_slice(&out[split..]);
        out.truncate(split);
        if simdutf8::basic::from_utf8(&out[base..]).is_ok() {
            return Ok(());
        }
        let bytes = out.split_off(base);
        let start = self.taken - (bytes.len() + hold) as u64;
        let mut at = start;
        for chunk in bytes.utf8_chunks() {
            out.extend_from_slice(chunk.valid().as_bytes());
            at += chunk.valid().len() as u64;
            if chunk.invalid().is_empty() {
                continue;
            }
            let bad = chunk.invalid();
            let is_cut =
                last && at + bad.len() as u64 == self.taken && unfinished(bad) == bad.len();
            self.invalid(chunk.invalid(), at, is_cut, out)?;
            at += chunk.invalid().len() as u64;
        }
        Ok(())
    }

    fn utf32(
        &mut self,
        big: bool,
        input: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut at = self.taken - (input.len() + self.held.len()) as u64;
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(input);
        let (units, rest) = bytes.as_chunks::<4>();
        for unit in units {
            let code = match big {
                true => u32::from_be_bytes(*unit),
                false => u32::from_le_bytes(*unit),
            };
            match char::from_u32(code) {
                Some(letter) => push_char(letter, out),
                None => self.invalid(unit, at, false, out)?,
            }
            at += 4;
        }
        if last && !rest.is_empty() {
            return self.invalid(rest, at, true, out);
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn direct(&mut self, highest: u8, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = self.taken - input.len() as u64;
        for (i, &byte) in input.iter().enumerate() {
            if byte < 128 {
                out.push(byte);
            } else if byte <= highest {
                push_char(char::from(byte), out);
            } else {
                self.invalid(&[byte], start + i as u64, false, out)?;
            }
        }
        Ok(())
    }

    fn web(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = self.taken - input.len() as u64;
        let mut done = 0;
        loop {
            let Step::Web(decoder) = &mut self.step else {
                return Ok(());
            };
            let base = out.len();
            // Enough for all of the rest in most charsets, and for some in each.
            out.resize(base + (input.len() - done) * 3 / 2 + 64, 0);
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(&input[done..], &mut out[base..], last);
            out.truncate(base + written);
            done += read;
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let end = start + done as u64 - u64::from(behind);
                    let at = end.saturating_sub(u64::from(length));
                    let is_cut = last && end == self.taken;
                    let from = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
                    let to = done.saturating_sub(usize::from(behind));
                    let bytes = input.get(from..to).unwrap_or_default().to_vec();
                    self.invalid(&bytes, at, is_cut, out)?;
                }
            }
        }
    }

    /// These bytes, at this place of the input, mean nothing. Some of them may be unknown by now.
    fn invalid(
        &mut self,
        bytes: &[u8],
        at: u64,
        is_cut: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.on_invalid == OnInvalid::Replace {
            out.extend_from_slice(REPLACEMENT);
            self.replaced += 1;
            self.first.get_or_insert(at);
            return Ok(());
        }
        let name = self.charset.unwrap_or(Charset::UTF_8).name();
        let place = Position {
            byte: at,
            ..Position::default()
        };
        if is_cut {
            let why = "the input ends within a character";
            return Err(Error::new(ErrorKind::Truncated, name, why).at(place));
        }
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let why = match hex.len() {
            0 => "bytes that are no character".to_owned(),
            1 => format!("the byte {} is no character", hex[0]),
            _ => format!("the bytes {} are no character", hex.join(" ")),
        };
        let hint = "name the charset of the text, such as --charset windows-1252; --invalid replace puts U+FFFD in their place";
        Err(Error::syntax(name, why, place).with_hint(hint))
    }
}

fn web(encoding: &'static encoding_rs::Encoding) -> Step {
    Step::Web(Box::new(encoding.new_decoder_without_bom_handling()))
}

fn push_char(letter: char, out: &mut Vec<u8>) {
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Whether these bytes are the beginning of a mark, or a mark that may be that of another charset.
fn may_become_mark(start: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [
        b"\xef\xbb\xbf",
        b"\xff\xfe\0\0",
        b"\0\0\xfe\xff",
        b"\xff\xfe",
        b"\xfe\xff",
    ];
    marks
        .iter()
        .any(|mark| mark.len() > start.len() && mark.starts_with(start))
}

/// How many bytes at the end may be the beginning of a character: 0 to 3.
fn unfinished(bytes: &[u8]) -> usize {
    for (i, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 0,
        };
        return if i + 1 < length { i + 1 } else { 0 };
    }
    0
}

/// Reads the UTF-8 of what `source` gives, see [`Decoder`]. Reads cut characters as they like.
///
/// # Errors
///
/// Reading gives what `source` gives, and an [`Error`] of ours within an [`io::Error`] where bytes mean nothing. All text before
/// it is given first.
pub fn reader<R: Read>(charset: Option<Charset>, source: R, on_invalid: OnInvalid) -> Reader<R> {
    Reader {
        source,
        decoder: Decoder::new(charset, on_invalid),
        block: Vec::new(),
        ready: Vec::new(),
        given: 0,
        ended: false,
        failed: None,
    }
}

/// See [`reader`].
pub struct Reader<R> {
    source: R,
    decoder: Decoder,
    block: Vec<u8>,
    /// Text that was not asked for yet, given up to `given`.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
    failed: Option<Error>,
}

impl<R> Reader<R> {
    /// How it is decoded: its charset, and how much was replaced.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

impl<R: Read> Reader<R> {
    /// UTF-8 goes straight to where it is wanted and is checked there. `None` where that is not possible.
    fn straight(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        let held = self.decoder.held.len();
        let is_utf8 = self.decoder.charset == Some(Charset::UTF_8);
        if !is_utf8 || self.given < self.ready.len() || out.len() < 64 || self.failed.is_some() {
            return Ok(None);
        }
        let count = read_some(&mut self.source, &mut out[held..])?;
        if count == 0 {
            self.ended = true;
            return Ok(None);
        }
        out[..held].copy_from_slice(&self.decoder.held);
        let bytes = &out[..held + count];
        let split = bytes.len() - unfinished(bytes);
        if simdutf8::basic::from_utf8(&bytes[..split]).is_ok() {
            self.decoder.taken += count as u64;
            self.decoder.held.clear();
            self.decoder.held.extend_from_slice(&bytes[split..]);
            return Ok(Some(split));
        }
        self.take(&out[held..held + count]);
        Ok(None)
    }

    fn take(&mut self, bytes: &[u8]) {
        let result = self.decoder.push(bytes, &mut self.ready);
        self.failed = result.err();
    }
}

/// A read that a signal does not end.
fn read_some(source: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.given < self.ready.len() {
                let count = out.len().min(self.ready.len() - self.given);
                out[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
                self.given += count;
                return Ok(count);
            }
            self.ready.clear();
            self.given = 0;
            if let Some(error) = &self.failed {
                return Err(error.clone().into());
            }
            if self.ended {
                return Ok(0);
            }
            match self.straight(out)? {
                Some(0) => continue,
                Some(count) => return Ok(count),
                None if self.ready.is_empty() && self.failed.is_none() => {}
                None => continue,
            }
            if self.ended {
                self.failed = self.decoder.finish(&mut self.ready).err();
                continue;
            }
            let mut block = std::mem::take(&mut self.block);
            block.resize(BLOCK, 0);
            let result = read_some(&mut self.source, &mut block);
            match &result {
                Ok(0) => {
                    self.ended = true;
                    self.failed = self.decoder.finish(&mut self.ready).err();
                }
                Ok(count) => self.take(&block[..*count]),
                Err(_) => {}
            }
            self.block = block;
            result?;
        }
    }
}
