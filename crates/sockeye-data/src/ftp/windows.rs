//! Listings as DOS prints them, which is what IIS answers to `LIST`.

use super::entry::{Entry, EntryKind};
use super::facts::size;
use super::stamp::number;
use super::unix::{clock, iso_date, minutes};
use crate::fields::date;

/// Where the name stands in a line of IIS.
const COLUMN: usize = 39;

/// `01-31-24  03:04PM       <DIR>          name`, with two or four digits of year, or `2024-01-31  15:04`.
pub(super) fn line(line: &[u8]) -> Option<Entry> {
    let (day, rest) = cut(line)?;
    let (time, rest) = cut(rest.trim_ascii_start())?;
    let (year, month, day) = date_of(day)?;
    let seconds = date::seconds_of(year, month, day, time_of(time)?)?;
    let (what, rest) = cut(rest.trim_ascii_start())?;
    let mut entry = match what {
        b"<DIR>" => Entry::new(name_of(line, rest), EntryKind::Directory),
        b"<JUNCTION>" | b"<SYMLINKD>" | b"<SYMLINK>" => linked(name_of(line, rest)),
        _ => {
            let mut file = Entry::new(rest.strip_prefix(b" ")?, EntryKind::File);
            file.size = Some(grouped(what)?);
            file
        }
    };
    entry.modified = Some(minutes(seconds));
    Some(entry)
}

fn cut(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&byte| byte == b' ')?;
    Some(text.split_at(end))
}

/// The name of something without a size: it stands in the usual column, or behind all blanks.
fn name_of<'l>(line: &'l [u8], rest: &'l [u8]) -> &'l [u8] {
    let used = line.len() - rest.len();
    let gap = line.get(used..COLUMN).unwrap_or(b"x");
    if !gap.is_empty() && gap.iter().all(|&byte| byte == b' ') {
        return &line[COLUMN..];
    }
    rest.trim_ascii_start()
}

/// `name [\??\C:\where]`
fn linked(text: &[u8]) -> Entry {
    let end = text.windows(2).rposition(|pair| pair == b" [");
    match (end, text.strip_suffix(b"]")) {
        (Some(end), Some(open)) if end + 2 <= open.len() => {
            let mut entry = Entry::new(&text[..end], EntryKind::Link);
            entry.target = Some(open[end + 2..].to_vec());
            entry
        }
        _ => Entry::new(text, EntryKind::Link),
    }
}

/// A number, perhaps with its thousands apart.
fn grouped(digits: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = digits.iter().copied().filter(|&it| it != b',').collect();
    size(&digits)
}

fn date_of(text: &[u8]) -> Option<(i64, i64, i64)> {
    if let Some([year, month, day]) = iso_date(text) {
        return Some((year, month, day));
    }
    let parts: Vec<_> = text.split(|&byte| matches!(byte, b'-' | b'/')).collect();
    let [month, day, year] = parts.as_slice() else {
        return None;
    };
    let year = match (number(year)?, year.len()) {
        (year, 4) => year,
        (year, 2) if year < 70 => 2000 + year,
        (year, 2) => 1900 + year,
        _ => return None,
    };
    Some((year, number(month)?, number(day)?))
}

/// `03:04PM`, `15:04`.
fn time_of(text: &[u8]) -> Option<[i64; 3]> {
    let upper = text.to_ascii_uppercase();
    let (text, add) = match (upper.strip_suffix(b"AM"), upper.strip_suffix(b"PM")) {
        (Some(text), _) => (text, Some(0)),
        (_, Some(text)) => (text, Some(12)),
        _ => (upper.as_slice(), None),
    };
    let [hours, minutes, seconds] = clock(text)?;
    match add {
        Some(_) if !(1..=12).contains(&hours) => None,
        Some(add) => Some([hours % 12 + add, minutes, seconds]),
        None => Some([hours, minutes, seconds]),
    }
}
