//! base64, base32 and hexadecimal: a group of bytes is a group of symbols of 6, 5 or 4 bits each (RFC 4648).
//!
//! Whole pieces go the fast way; what that way refuses, or has no room for, goes symbol by symbol, which finds out where.

use base64_simd::{Base64, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::lines::Lines;
use super::{Coder, Options, bad, cut, shown};
use crate::record::Error;

/// Pieces of this length stay near the processor on their way.
const PIECE: usize = 24 << 10;
/// No symbol.
const NONE: u8 = 0xff;

pub(super) struct Alphabet {
    name: &'static str,
    symbols: &'static [u8],
    values: [u8; 256],
    /// For lenient decoding: other symbols with the same meaning.
    lenient: [u8; 256],
    bits: usize,
    /// Symbols of a group, and its bytes.
    group: usize,
    bytes: usize,
    pads: bool,
    /// What may stand between symbols, whatever else is asked for.
    passes: u8,
    fast: Fast,
}

#[derive(Clone, Copy)]
enum Fast {
    Base64(&'static Base64),
    Hex(&'static [[u8; 2]; 256]),
    Groups,
}

const STANDARD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SORTED: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const SPOKEN: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS: &[u8] = b"0123456789abcdef";

pub(super) static BASE64: Alphabet = Alphabet {
    lenient: values(STANDARD, b"-_", b"+/"),
    fast: Fast::Base64(&STANDARD_NO_PAD),
    ..alphabet("base64", STANDARD, 6)
};

pub(super) static BASE64_URL: Alphabet = Alphabet {
    lenient: values(URL_SAFE, b"+/", b"-_"),
    fast: Fast::Base64(&URL_SAFE_NO_PAD),
    ..alphabet("base64url", URL_SAFE, 6)
};

pub(super) static BASE32: Alphabet = Alphabet {
    lenient: folded(LETTERS),
    ..alphabet("base32", LETTERS, 5)
};

pub(super) static BASE32_HEX: Alphabet = Alphabet {
    lenient: folded(SORTED),
    ..alphabet("base32hex", SORTED, 5)
};

pub(super) static CROCKFORD: Alphabet = Alphabet {
    values: spoken(),
    lenient: spoken(),
    pads: false,
    passes: b'-',
    ..alphabet("base32-crockford", SPOKEN, 5)
};

pub(super) static HEX: Alphabet = Alphabet {
    values: values(DIGITS, b"ABCDEF", b"abcdef"),
    lenient: values(DIGITS, b"ABCDEF", b"abcdef"),
    pads: false,
    fast: Fast::Hex(&PAIRS),
    ..alphabet("hex", DIGITS, 4)
};

pub(super) static HEX_UPPER: Alphabet = Alphabet {
    pads: false,
    fast: Fast::Hex(&PAIRS_UPPER),
    ..alphabet("hex", b"0123456789ABCDEF", 4)
};

const fn alphabet(name: &'static str, symbols: &'static [u8], bits: usize) -> Alphabet {
    let (group, bytes) = match bits {
        6 => (4, 3),
        5 => (8, 5),
        _ => (2, 1),
    };
    Alphabet {
        name,
        symbols,
        values: values(symbols, b"", b""),
        lenient: values(symbols, b"", b""),
        bits,
        group,
        bytes,
        pads: true,
        passes: b'\n',
        fast: Fast::Groups,
    }
}

/// What is easily taken for another symbol is that other (Crockford).
const fn spoken() -> [u8; 256] {
    values(
        SPOKEN,
        b"oOiIlLabcdefghjkmnpqrstvwxyz",
        b"001111ABCDEFGHJKMNPQRSTVWXYZ",
    )
}

static PAIRS: [[u8; 2]; 256] = pairs(b"0123456789abcdef");
static PAIRS_UPPER: [[u8; 2]; 256] = pairs(b"0123456789ABCDEF");

const fn pairs(digits: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut i = 0;
    while i < 256 {
        pairs[i] = [digits[i >> 4], digits[i & 15]];
        i += 1;
    }
    pairs
}

/// The value of each symbol; each of `others` is worth what stands in its place in `same`.
const fn values(symbols: &[u8], others: &[u8], same: &[u8]) -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < symbols.len() {
        // An alphabet has 64 symbols at most.
        values[symbols[i] as usize] = i as u8;
        i += 1;
    }
    let mut i = 0;
    while i < others.len() {
        values[others[i] as usize] = values[same[i] as usize];
        i += 1;
    }
    values
}

/// Small letters are worth what capitals are.
const fn folded(symbols: &[u8]) -> [u8; 256] {
    let mut values = values(symbols, b"", b"");
    let mut letter = b'a';
    while letter <= b'z' {
        values[letter as usize] = values[letter.to_ascii_uppercase() as usize];
        letter += 1;
    }
    values
}

impl Alphabet {
    fn encode_groups(&self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.fast {
            Fast::Base64(base64) => base64.encode_append(bytes, out),
            Fast::Hex(pairs) => {
                let base = out.len();
                out.resize(base + 2 * bytes.len(), 0);
                let (places, _) = out[base..].as_chunks_mut::<2>();
                for (place, byte) in places.iter_mut().zip(bytes) {
                    *place = pairs[usize::from(*byte)];
                }
            }
            Fast::Groups => {
                out.reserve(bytes.len() / self.bytes * self.group);
                for group in bytes.chunks(self.bytes) {
                    self.encode_group(group, out);
                }
            }
        }
    }

    /// A group, or what there is of the last one.
    fn encode_group(&self, group: &[u8], out: &mut Vec<u8>) {
        let bits = group
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let count = (group.len() * 8).div_ceil(self.bits);
        let bits = bits << (count * self.bits - group.len() * 8);
        let mask = self.symbols.len() as u64 - 1;
        for i in (0..count).rev() {
            // The mask keeps it below the number of symbols.
            out.push(self.symbols[(bits >> (i * self.bits) & mask) as usize]);
        }
    }
}

pub(super) struct Encoder {
    alphabet: &'static Alphabet,
    padding: bool,
    separator: Vec<u8>,
    begun: bool,
    held: Vec<u8>,
    lines: Lines,
    scratch: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(alphabet: &'static Alphabet, options: &Options) -> Self {
        Self {
            alphabet,
            padding: options.padding && alphabet.pads,
            separator: match alphabet.bits {
                4 => options.separator.clone(),
                _ => Vec::new(),
            },
            begun: false,
            held: Vec::new(),
            lines: Lines::new(options),
            scratch: Vec::new(),
        }
    }

    /// Whole groups.
    fn groups(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !self.separator.is_empty() {
            return self.separated(bytes, out);
        }
        if !self.lines.wraps() {
            return self.alphabet.encode_groups(bytes, out);
        }
        let piece = PIECE / self.alphabet.bytes * self.alphabet.bytes;
        for piece in bytes.chunks(piece) {
            self.scratch.clear();
            self.alphabet.encode_groups(piece, &mut self.scratch);
            self.lines.push(&self.scratch, out);
        }
    }

    fn separated(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            self.scratch.clear();
            if std::mem::replace(&mut self.begun, true) {
                self.scratch.extend_from_slice(&self.separator);
            }
            self.alphabet.encode_group(&[*byte], &mut self.scratch);
            self.lines.push(&self.scratch, out);
        }
    }
}

impl Coder for Encoder {
    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let size = self.alphabet.bytes;
        if !self.held.is_empty() {
            let count = input.len().min(size - self.held.len());
            self.held.extend_from_slice(&input[..count]);
            input = &input[count..];
            if self.held.len() < size {
                return Ok(());
            }
            let group = std::mem::take(&mut self.held);
            self.groups(&group, out);
        }
        let (groups, rest) = input.split_at(input.len() - input.len() % size);
        self.groups(groups, out);
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.held.is_empty() {
            let mut last = Vec::new();
            self.alphabet.encode_group(&self.held, &mut last);
            if self.padding {
                last.resize(self.alphabet.group, b'=');
            }
            self.lines.push(&last, out);
        }
        self.lines.finish(out);
        Ok(())
    }
}

pub(super) struct Decoder {
    alphabet: &'static Alphabet,
    values: &'static [u8; 256],
    lenient: bool,
    needs_padding: bool,
    separator: Vec<u8>,
    /// The symbols of a group that is not whole, how many there are, and how many pads follow.
    bits: u64,
    count: usize,
    pads: usize,
    /// Behind the padding.
    ended: bool,
    /// Where the last symbol was.
    last: u64,
    taken: u64,
    scratch: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(alphabet: &'static Alphabet, options: &Options) -> Self {
        Self {
            alphabet,
            values: match options.lenient {
                true => &alphabet.lenient,
                false => &alphabet.values,
            },
            lenient: options.lenient,
            needs_padding: options.padding && alphabet.pads && !options.lenient,
            separator: options.separator.clone(),
            bits: 0,
            count: 0,
            pads: 0,
            ended: false,
            last: 0,
            taken: 0,
            scratch: Vec::new(),
        }
    }

    fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut done = 0;
        // Up to the end of a group that began before.
        while self.count > 0 && done < piece.len() {
            self.byte(piece[done], self.taken + done as u64, out)?;
            done += 1;
        }
        let rest = &piece[done..];
        let slow = match self.ended || rest.len() < 32 {
            true => 0,
            false => self.fast(rest, out).unwrap_or(0),
        };
        for (i, byte) in rest.iter().enumerate().skip(slow) {
            self.byte(*byte, self.taken + (done + i) as u64, out)?;
        }
        Ok(())
    }

    /// Decode whole groups at once; tells where the rest begins. `None` where something other than symbols and ends of lines is
    /// there, and nothing was done.
    fn fast(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut symbols = piece;
        if memchr::memchr2(b'\n', b'\r', piece).is_some() {
            self.scratch.clear();
            let mut from = 0;
            for at in memchr::memchr2_iter(b'\n', b'\r', piece) {
                self.scratch.extend_from_slice(&piece[from..at]);
                from = at + 1;
            }
            self.scratch.extend_from_slice(&piece[from..]);
            symbols = &self.scratch;
        }
        let mut left = symbols.len() % self.alphabet.group;
        let whole = &symbols[..symbols.len() - left];
        match self.alphabet.fast {
            Fast::Base64(base64) => base64.decode_append(whole, out).ok()?,
            Fast::Hex(_) => decode_hex(whole, &self.alphabet.values, out)?,
            Fast::Groups => return None,
        }
        let mut at = piece.len();
        while left > 0 {
            at -= 1;
            left -= usize::from(!matches!(piece[at], b'\n' | b'\r'));
        }
        Some(at)
    }

    fn byte(&mut self, byte: u8, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        let name = self.alphabet.name;
        let value = self.values[usize::from(byte)];
        if value != NONE {
            if self.pads > 0 || self.ended {
                if !self.lenient {
                    return Err(bad(name, "data follows the padding", at));
                }
                (self.pads, self.ended) = (0, false);
            }
            self.bits = self.bits << self.alphabet.bits | u64::from(value);
            self.count += 1;
            self.last = at;
            if self.count == self.alphabet.group {
                self.emit(out);
            }
            return Ok(());
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => Ok(()),
            b'=' if self.alphabet.pads => self.pad(at, out),
            _ if byte == self.alphabet.passes || self.separator.contains(&byte) => Ok(()),
            // `0x41` is one byte.
            b'x' | b'X' if self.lenient && self.is_prefix(at) => {
                self.count = 0;
                Ok(())
            }
            _ if self.lenient => Ok(()),
            _ => Err(bad(
                name,
                format!("{} does not belong here", shown(byte)),
                at,
            )),
        }
    }

    fn is_prefix(&self, at: u64) -> bool {
        self.alphabet.bits == 4 && self.count == 1 && self.bits == 0 && self.last + 1 == at
    }

    fn pad(&mut self, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.lenient {
            return self.rest(at, out);
        }
        let is_whole = self.count + self.pads == self.alphabet.group;
        if self.ended || is_whole || self.count == 0 || !self.makes_bytes() {
            return Err(bad(
                self.alphabet.name,
                "there is no place for padding here",
                at,
            ));
        }
        self.pads += 1;
        if self.count + self.pads == self.alphabet.group {
            self.rest(at, out)?;
            self.ended = true;
        }
        Ok(())
    }

    /// Whether the last symbol of a part of a group adds to a byte.
    fn makes_bytes(&self) -> bool {
        self.count * self.alphabet.bits % 8 < self.alphabet.bits
    }

    /// Emit what there is of a group.
    fn rest(&mut self, at: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.makes_bytes() && !self.lenient {
            return Err(cut(self.alphabet.name, "a symbol is missing", at));
        }
        let spare = self.count * self.alphabet.bits % 8;
        if !self.lenient && self.bits & ((1 << spare) - 1) != 0 {
            let why = "the last symbol has bits set that stand for nothing";
            let hint = "no encoder writes this; decode leniently to get the data all the same";
            return Err(bad(self.alphabet.name, why, self.last).with_hint(hint));
        }
        self.emit(out);
        Ok(())
    }

    /// Emit the whole bytes of the group.
    fn emit(&mut self, out: &mut Vec<u8>) {
        let bits = self.count * self.alphabet.bits;
        let aligned = self.bits >> (bits % 8);
        let bytes = aligned.to_be_bytes();
        out.extend_from_slice(&bytes[8 - bits / 8..]);
        (self.bits, self.count, self.pads) = (0, 0, 0);
    }
}

/// Decode pairs of digits, or nothing of them.
fn decode_hex(digits: &[u8], values: &[u8; 256], out: &mut Vec<u8>) -> Option<()> {
    let base = out.len();
    let (pairs, _) = digits.as_chunks::<2>();
    // A digit's value has no bit of the upper half.
    let mut seen = 0;
    out.extend(pairs.iter().map(|[high, low]| {
        let (high, low) = (values[usize::from(*high)], values[usize::from(*low)]);
        seen |= high | low;
        high << 4 | low & 15
    }));
    if seen > 15 {
        out.truncate(base);
        return None;
    }
    Some(())
}

impl Coder for Decoder {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for piece in input.chunks(PIECE) {
            self.piece(piece, out)?;
            self.taken += piece.len() as u64;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        if self.needs_padding && self.makes_bytes() {
            let why = "the padding is missing or not all there";
            let error = cut(self.alphabet.name, why, self.taken);
            return Err(
                error.with_hint("say that there is none if that is so, or decode leniently")
            );
        }
        let at = self.taken;
        self.rest(at, out)
    }
}
