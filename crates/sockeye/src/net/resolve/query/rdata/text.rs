//! Bytes and times as zone files and `dig` write them.

use std::fmt::Write;

use data_encoding::{BASE32HEX_NOPAD, HEXUPPER};

pub(in super::super) fn hex(bytes: &[u8]) -> String {
    HEXUPPER.encode(bytes)
}

pub(in super::super) fn base32(bytes: &[u8]) -> String {
    BASE32HEX_NOPAD.encode(bytes)
}

/// Text in quotes; what is not printable ASCII by its decimal number (RFC 1035 section 5.1).
pub(in super::super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x20..=0x7e => text.push(char::from(byte)),
            // Writing to memory cannot fail.
            _ => drop(write!(text, "\\{byte:03}")),
        }
    }
    text.push('"');
    text
}

/// Eight bytes as four groups of hexadecimal digits (RFC 6742 section 2.1.2).
pub(super) fn groups(bytes: [u8; 8]) -> String {
    let [a, b, c, d] = [0, 2, 4, 6].map(|at| u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    format!("{a:x}:{b:x}:{c:x}:{d:x}")
}

/// A point in time as signatures have it: `20261126142500` (RFC 4034 section 3.2).
pub(in super::super) fn compact_time(seconds: u32) -> String {
    let [year, month, day, hour, minute, second] = calendar(seconds);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// A point in time as RFC 3339 has it: `2026-11-26T14:25:00Z`.
pub(in super::super) fn readable_time(seconds: u32) -> String {
    let [year, month, day, hour, minute, second] = calendar(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month, day, hour, minute, second in UTC of a time since 1970, by the Gregorian calendar.
fn calendar(seconds: u32) -> [u32; 6] {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    // At most 136 rounds, for 32 bits end in 2106.
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    [
        year,
        month,
        days + 1,
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
    ]
}
