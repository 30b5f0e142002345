//! Bytes in bulk that can be made and checked without being kept.

use std::io::{self, Read};

/// The bytes of a seed: the same for the same seed, for any way of cutting them.
///
/// # Examples
///
/// ```
/// use sockeye_testkit::pattern;
///
/// assert_eq!(pattern(7, 100)[..10], pattern(7, 10)[..]);
/// assert_ne!(pattern(7, 10), pattern(8, 10));
/// ```
pub fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fill(seed, 0, &mut bytes);
    bytes
}

/// One word of the pattern: SplitMix64 (Steele, Lea and Flood, 2014) at this index.
fn word(seed: u64, index: u64) -> [u8; 8] {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).to_le_bytes()
}

fn fill(seed: u64, mut at: u64, mut out: &mut [u8]) {
    while !out.is_empty() {
        let word = word(seed, at / 8);
        let skip = (at % 8) as usize;
        let take = out.len().min(8 - skip);
        let (now, later) = out.split_at_mut(take);
        now.copy_from_slice(&word[skip..skip + take]);
        out = later;
        at += take as u64;
    }
}

/// A reader of the first `len` bytes of a pattern, for bodies too long to keep.
#[derive(Clone, Debug)]
pub struct PatternReader {
    seed: u64,
    at: u64,
    len: u64,
}

impl PatternReader {
    /// The pattern of this seed, `len` bytes long.
    pub fn new(seed: u64, len: u64) -> Self {
        Self { seed, at: 0, len }
    }
}

impl Read for PatternReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        let take = buf.len().min(left);
        fill(self.seed, self.at, &mut buf[..take]);
        self.at += take as u64;
        Ok(take)
    }
}

/// Checks that what arrives, in pieces of any size, is the pattern of a seed.
#[derive(Clone, Debug)]
pub struct PatternCheck {
    seed: u64,
    at: u64,
    scratch: Vec<u8>,
}

impl PatternCheck {
    /// Expect the pattern of this seed from its start.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            at: 0,
            scratch: Vec::new(),
        }
    }

    /// The next piece.
    ///
    /// # Errors
    ///
    /// The offset of the first byte that differs, with the expected and the received one.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.scratch.resize(bytes.len(), 0);
        fill(self.seed, self.at, &mut self.scratch);
        if let Some(i) = (0..bytes.len()).find(|&i| bytes[i] != self.scratch[i]) {
            let (offset, seed) = (self.at + i as u64, self.seed);
            return Err(format!(
                "byte {offset} of the pattern of seed {seed} is {:#04x}, not {:#04x}",
                bytes[i], self.scratch[i]
            ));
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes were right so far.
    pub fn len(&self) -> u64 {
        self.at
    }

    /// Whether nothing arrived yet.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }
}

/// A rolling checksum (64-bit FNV-1a): the same for any way of cutting the bytes. Against mix-ups, not attackers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    state: u64,
    len: u64,
}

impl Default for Checksum {
    fn default() -> Self {
        Self {
            state: 0xcbf2_9ce4_8422_2325,
            len: 0,
        }
    }
}

impl Checksum {
    /// The checksum of no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The checksum of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Self::new();
        sum.update(bytes);
        sum
    }

    /// Take in the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.state = (self.state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.len += bytes.len() as u64;
    }

    /// How many bytes went in.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether no bytes went in.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gives_the_pattern_in_any_pieces() {
        let mut reader = PatternReader::new(3, 1000);
        let mut got = Vec::new();
        for size in [1, 7, 8, 9, 500, 1000] {
            let mut piece = vec![0; size];
            let n = reader.read(&mut piece).unwrap();
            got.extend_from_slice(&piece[..n]);
        }
        assert_eq!(got, pattern(3, 1000));
    }

    #[test]
    fn the_check_names_the_first_wrong_byte() {
        let mut bytes = pattern(5, 100);
        bytes[61] ^= 1;
        let mut check = PatternCheck::new(5);
        check.feed(&bytes[..60]).unwrap();
        let wrong = check.feed(&bytes[60..]).unwrap_err();
        assert!(wrong.starts_with("byte 61 "), "{wrong}");
        assert_eq!(check.len(), 60);
    }

    #[test]
    fn the_checksum_does_not_depend_on_the_cut_but_on_order_and_length() {
        let bytes = pattern(1, 100);
        let mut cut = Checksum::new();
        cut.update(&bytes[..33]);
        cut.update(&bytes[33..]);
        assert_eq!(cut, Checksum::of(&bytes));
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        assert_ne!(cut, Checksum::of(&turned));
        assert_ne!(Checksum::of(b"\0"), Checksum::of(b"\0\0"));
    }
}
