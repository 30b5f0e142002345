//! Ascii85, base85 and Z85: four bytes are five digits to the base 85.

use super::lines::Lines;
use super::{Coder, Options, bad, cut, shown};
use crate::record::Error;

pub(super) struct Variant {
    name: &'static str,
    digits: &'static [u8; 85],
    values: [u8; 256],
    /// Four zeros are `z`, and there may be a frame.
    adobe: bool,
}

const NONE: u8 = 0xff;

const ADOBE: &[u8; 85] =
    b"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstu";
const INTERNET: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const ZEROMQ: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

pub(super) static ASCII85: Variant = variant("ascii85", ADOBE, true);
pub(super) static RFC1924: Variant = variant("base85", INTERNET, false);
pub(super) static Z85: Variant = variant("z85", ZEROMQ, false);

const fn variant(name: &'static str, digits: &'static [u8; 85], adobe: bool) -> Variant {
    Variant {
        name,
        digits,
        values: values(digits),
        adobe,
    }
}

const fn values(digits: &[u8; 85]) -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < 85 {
        values[digits[i] as usize] = i as u8;
        i += 1;
    }
    values
}

pub(super) struct Encoder {
    variant: &'static Variant,
    frame: bool,
    begun: bool,
    held: Vec<u8>,
    lines: Lines,
    scratch: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(variant: &'static Variant, options: &Options) -> Self {
        Self {
            variant,
            frame: options.frame && variant.adobe,
            begun: false,
            held: Vec::new(),
            lines: Lines::new(options),
            scratch: Vec::new(),
        }
    }

    /// Four bytes, or what there is of the last four.
    fn group(&mut self, bytes: &[u8]) {
        let mut group = [0; 4];
        group[..bytes.len()].copy_from_slice(bytes);
        let mut number = u32::from_be_bytes(group);
        if number == 0 && bytes.len() == 4 && self.variant.adobe {
            return self.scratch.push(b'z');
        }
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            // A remainder of 85 is a place in the digits.
            *digit = self.variant.digits[(number % 85) as usize];
            number /= 85;
        }
        self.scratch.extend_from_slice(&digits[..=bytes.len()]);
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) && self.frame {
            self.scratch.extend_from_slice(b"<~");
        }
    }
}

impl Coder for Encoder {
    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.scratch.clear();
        self.begin();
        if !self.held.is_empty() {
            let count = input.len().min(4 - self.held.len());
            self.held.extend_from_slice(&input[..count]);
            input = &input[count..];
            if self.held.len() == 4 {
                let group = std::mem::take(&mut self.held);
                self.group(&group);
            }
        }
        let (groups, rest) = input.as_chunks::<4>();
        for group in groups {
            self.group(group);
        }
        self.held.extend_from_slice(rest);
        self.lines.push(&self.scratch, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.scratch.clear();
        self.begin();
        let last = std::mem::take(&mut self.held);
        if !last.is_empty() {
            self.group(&last);
        }
        self.lines.push(&self.scratch, out);
        if self.frame {
            self.lines.finish(out);
            out.extend_from_slice(b"~>");
            if !self.lines.wraps() {
                return Ok(());
            }
        }
        self.lines.finish(out);
        Ok(())
    }
}

pub(super) struct Decoder {
    variant: &'static Variant,
    lenient: bool,
    number: u64,
    count: u32,
    /// Where the group began.
    start: u64,
    /// What was decoded, at all.
    groups: u64,
    taken: u64,
    frame: Frame,
}

/// How far the frame of Ascii85 is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    None,
    Open,
    /// `~` was there, `>` is to come.
    Closing,
    Closed,
}

impl Decoder {
    pub(super) fn new(variant: &'static Variant, options: &Options) -> Self {
        Self {
            variant,
            lenient: options.lenient,
            number: 0,
            count: 0,
            start: 0,
            groups: 0,
            taken: 0,
            frame: Frame::None,
        }
    }

    fn byte(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) {
            return Ok(());
        }
        if self.frame == Frame::Closing && byte == b'>' {
            self.frame = Frame::Closed;
            return self.rest(at, out);
        }
        let value = self.variant.values[usize::from(byte)];
        match byte {
            _ if matches!(self.frame, Frame::Closed | Frame::Closing) => {
                if self.lenient {
                    return Ok(());
                }
                let why = match self.frame {
                    Frame::Closed => "data follows the end",
                    _ => "`~` is not followed by `>`",
                };
                Err(bad(self.variant.name, why, at))
            }
            _ if value != NONE => self.digit(value, at, out),
            b'z' | b'y' if self.variant.adobe && self.count == 0 => {
                // `y` is four blanks in the old btoa.
                if byte == b'y' && !self.lenient {
                    return Err(bad(self.variant.name, "`y` does not belong here", at));
                }
                let four = if byte == b'z' { [0; 4] } else { *b"    " };
                out.extend_from_slice(&four);
                self.groups += 1;
                Ok(())
            }
            b'~' if self.variant.adobe => {
                // `<` is a digit as well, but no group has `~` behind it.
                let opens =
                    self.count == 1 && self.groups == 0 && self.number == u64::from(b'<' - b'!');
                match opens && self.frame == Frame::None {
                    true => (self.frame, self.count, self.number) = (Frame::Open, 0, 0),
                    false => self.frame = Frame::Closing,
                }
                Ok(())
            }
            _ if self.lenient => Ok(()),
            _ => {
                let why = format!("{} does not belong here", shown(byte));
                Err(bad(self.variant.name, why, at))
            }
        }
    }

    fn digit(&mut self, value: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.count == 0 {
            self.start = at;
        }
        self.number = self.number * 85 + u64::from(value);
        self.count += 1;
        if self.count == 5 {
            let bytes = self.bytes()?;
            out.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// The bytes of five digits, and a new group.
    fn bytes(&mut self) -> Result<[u8; 4], Error> {
        let number = u32::try_from(self.number).map_err(|_| {
            let why = "these five digits are more than four bytes hold";
            bad(self.variant.name, why, self.start)
        })?;
        (self.number, self.count) = (0, 0);
        self.groups += 1;
        Ok(number.to_be_bytes())
    }

    /// The last group, which need not be whole.
    fn rest(&mut self, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        let count = self.count;
        if count == 1 && !self.lenient {
            return Err(cut(self.variant.name, "a digit is missing", at));
        }
        if count < 2 {
            return Ok(());
        }
        for _ in count..5 {
            self.number = self.number * 85 + 84;
        }
        let bytes = self.bytes()?;
        // Two to four digits are one to three bytes.
        out.extend_from_slice(&bytes[..count as usize - 1]);
        Ok(())
    }
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for (i, byte) in input.iter().enumerate() {
            self.byte(*byte, self.taken + i as u64, out)?;
        }
        self.taken += input.len() as u64;
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let at = self.taken;
        match self.frame {
            Frame::Closed => Ok(()),
            Frame::Open | Frame::Closing if !self.lenient => {
                self.rest(at, out)?;
                Err(cut(self.variant.name, "`~>` is missing", at))
            }
            _ => self.rest(at, out),
        }
    }
}
