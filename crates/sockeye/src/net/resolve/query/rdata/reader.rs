//! A place in a message, and what can be read from there on, never past an end.

use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::net::resolve::query::{DomainName, RecordKind};

/// Why something cannot be read, as a clause.
pub(in super::super) type Fault = String;

/// A place in a message. Names may point back to anything before it (RFC 1035 section 4.1.4).
#[derive(Clone)]
pub(in super::super) struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// The beginning of a message. What lies behind its first 64 KiB is not looked at.
    pub(in super::super) fn new(message: &'a [u8]) -> Self {
        Self {
            message,
            at: 0,
            end: message.len().min(usize::from(u16::MAX)),
        }
    }

    /// How many bytes are left.
    pub(in super::super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// The next bytes as a reader of their own.
    pub(in super::super) fn part(&mut self, length: usize) -> Result<Self, Fault> {
        let at = self.at;
        self.bytes(length)?;
        Ok(Self {
            message: self.message,
            at,
            end: self.at,
        })
    }

    pub(in super::super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        if length > self.left() {
            return Err("it ends too early".into());
        }
        let bytes = &self.message[self.at..self.at + length];
        self.at += length;
        Ok(bytes)
    }

    pub(in super::super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(in super::super) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.message[self.at..self.end];
        self.at = self.end;
        rest
    }

    pub(in super::super) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(in super::super) fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(in super::super) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Bytes behind their length.
    pub(in super::super) fn text(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.u8()?;
        self.bytes(length.into())
    }

    /// Read with one of hickory's decoders.
    pub(in super::super) fn decode<T: BinDecodable<'a>>(&mut self) -> Result<T, Fault> {
        let start = u16::try_from(self.at).map_err(|_| "it lies behind 64 KiB".to_owned())?;
        let mut decoder = BinDecoder::new(&self.message[..self.end]).clone(start);
        let value = T::read(&mut decoder).map_err(|e| e.to_string())?;
        self.at = decoder.index();
        Ok(value)
    }

    /// A name; hickory sees to it that pointers lead back and that it has at most 255 bytes.
    pub(in super::super) fn name(&mut self) -> Result<DomainName, Fault> {
        self.decode::<Name>().map(DomainName::from_wire)
    }

    /// A set of kinds as blocks of bits, up to the end (RFC 4034 section 4.1.2).
    pub(super) fn kinds(&mut self) -> Result<Vec<RecordKind>, Fault> {
        let mut kinds = Vec::new();
        let mut last = None;
        while self.left() > 0 {
            let block = self.u8()?;
            let bits = self.text()?;
            if last.is_some_and(|last| block <= last) || bits.is_empty() || bits.len() > 32 {
                return Err("its set of types is not in order".into());
            }
            last = Some(block);
            for (at, bit) in bits.iter().zip(0u16..).flat_map(|(byte, at)| {
                (0..8).map(move |bit| (at * 8 + bit, byte << bit & 0x80 != 0))
            }) {
                if bit {
                    kinds.push(RecordKind(u16::from(block) << 8 | at));
                }
            }
        }
        Ok(kinds)
    }
}
