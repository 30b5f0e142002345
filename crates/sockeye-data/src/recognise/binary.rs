//! Formats that are no text, by their first bytes.

use super::Found;
use crate::format::Format;

/// What a mark of the format's own says.
pub(super) fn marked(plain: &[u8]) -> Option<Found<Format>> {
    match plain {
        // RFC 8949, section 3.4.6.
        [0xd9, 0xd9, 0xf7, ..] => Some(Found::certain(
            Format::Cbor,
            "the tag of self-described CBOR is first",
        )),
        [0x1e, ..] => Some(Found::certain(
            Format::JsonSeq,
            "a record separator is first (RFC 7464)",
        )),
        _ => None,
    }
}

/// What the first byte may mean, of bytes that are no text.
pub(super) fn guess(plain: &[u8]) -> Option<Found<Format>> {
    let first = *plain.first()?;
    let (format, why) = match first {
        0x81..=0x8f | 0xde | 0xdf => (
            Format::MessagePack,
            "it begins as a map of MessagePack does",
        ),
        0x91..=0x9a | 0xdc | 0xdd => (
            Format::MessagePack,
            "it begins as an array of MessagePack does",
        ),
        0xa1..=0xbb | 0xbf => (Format::Cbor, "it begins as a map of CBOR does"),
        0x9f => (Format::Cbor, "it begins as an array of CBOR does"),
        _ => return None,
    };
    let is_text = super::marks::is_mostly_utf8(plain);
    (!is_text).then(|| Found::guess(format, why))
}

/// Whether there are bytes that text does not have.
pub(super) fn has_control_bytes(plain: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < 0x20 && !b"\t\n\r\x0c\x1b\x1e\x08".contains(byte);
    plain.iter().any(is_control)
}
