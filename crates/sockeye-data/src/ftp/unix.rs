//! Listings for people: what `ls -l` prints, which is what most servers answer to `LIST`; and EPLF.

use super::entry::{Entry, EntryKind, Modified, Precision};
use super::facts::{printable, size};
use super::listing::Line;
use super::stamp::number;
use super::windows;
use crate::fields::date;

const DAY: i64 = 86_400;
const ARROW: &[u8] = b" -> ";

/// Read one line of an answer to `LIST`, in the manner of Unix, of DOS or of EPLF, whichever it is.
///
/// There is no standard. `now`, in seconds since 1970, decides the year of dates that have none: the last such day that is not
/// more than a day ahead.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{EntryKind, list_line, listing::Line};
///
/// let Line::Entry(link) = list_line(b"lrwxrwxrwx 1 ftp ftp 9 Jan  2 03:04 here -> /there x", 0) else { panic!("a link") };
/// assert_eq!((link.kind, link.name.as_slice()), (EntryKind::Link, &b"here"[..]));
/// assert_eq!(link.target.as_deref(), Some(&b"/there x"[..]));
/// assert_eq!(list_line(b"total 12", 0), Line::Nothing);
/// assert_eq!(list_line(b"Directory of C:", 0), Line::Unknown);
/// ```
pub fn list_line(line: &[u8], now: i64) -> Line {
    if line.iter().all(u8::is_ascii_whitespace) || is_total(line) {
        return Line::Nothing;
    }
    let entry = match line[0] {
        b'+' => eplf(line),
        b'0'..=b'9' => windows::line(line),
        _ => unix(line, now),
    };
    match entry {
        Some(entry) if entry.is_dots() => Line::Nothing,
        Some(entry) if entry.name.is_empty() => Line::Unknown,
        Some(entry) => Line::Entry(entry),
        None => Line::Unknown,
    }
}

fn is_total(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"total ").unwrap_or_default();
    let rest = rest.trim_ascii();
    !rest.is_empty() && rest.iter().all(u8::is_ascii_alphanumeric)
}

/// The next word, and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|&byte| byte != b' ')?;
    let rest = &text[start..];
    let end = rest.iter().position(|&byte| byte == b' ');
    Some(rest.split_at(end.unwrap_or(rest.len())))
}

fn unix(line: &[u8], now: i64) -> Option<Entry> {
    let (rights, mut rest) = word(line)?;
    let kind = match rights.first()? {
        b'-' => EntryKind::File,
        b'd' => EntryKind::Directory,
        b'l' => EntryKind::Link,
        b'b' | b'c' | b'p' | b's' | b'D' => EntryKind::Other,
        _ => return None,
    };
    // Ten letters, and perhaps a mark for more rights than these: `+`, `.`, `@`.
    if !(10..=11).contains(&rights.len()) {
        return None;
    }
    // Links, owner, group and size: servers leave some of them out. The date is what has a form.
    let mut before: Vec<&[u8]> = Vec::new();
    let (modified, rest) = loop {
        let is_size = before.last().is_some_and(|word| size(word).is_some());
        match date_at(rest, now) {
            Some(found) if is_size => break found,
            _ => {}
        }
        if before.len() == 8 {
            return None;
        }
        let (next, after) = word(rest)?;
        before.push(next);
        rest = after;
    };
    // One blank stands before the name; more of them belong to it.
    let name = rest.strip_prefix(b" ")?;
    let length = before.last().and_then(|word| size(word));
    let arrow = arrow(name, length).filter(|_| kind == EntryKind::Link);
    let (name, target) = match arrow {
        Some(at) => (&name[..at], Some(name[at + ARROW.len()..].to_vec())),
        None => (name, None),
    };
    let mut entry = Entry::new(name, kind);
    entry.target = target.filter(|target| !target.is_empty());
    entry.modified = Some(modified);
    entry.rights = printable(&rights[1..10]);
    // `8, 1` are the numbers of a device.
    if kind != EntryKind::Other {
        entry.size = length;
    }
    let people = before.get(1..before.len() - 1).unwrap_or_default();
    entry.owner = people.first().and_then(|word| printable(word));
    entry.group = people.get(1).and_then(|word| printable(word));
    Some(entry)
}

/// Where the arrow of a link is. Name and target may hold one too: the size of a link is the length of its target.
fn arrow(text: &[u8], length: Option<u64>) -> Option<usize> {
    let windows = text.windows(ARROW.len()).enumerate();
    let arrows = || windows.clone().filter(|(_, it)| *it == ARROW);
    let fits = |at: &usize| Some((text.len() - at - ARROW.len()) as u64) == length;
    let mut places = arrows().map(|(at, _)| at);
    places
        .find(fits)
        .or_else(|| arrows().map(|(at, _)| at).next())
}

/// A date at the start of this text, and what follows it: `Jan  2 03:04`, `Jan  2  2024`, `2024-01-02 03:04`.
fn date_at(text: &[u8], now: i64) -> Option<(Modified, &[u8])> {
    let (first, rest) = word(text)?;
    let (second, rest) = word(rest)?;
    if let Some(date) = iso_date(first) {
        let time = clock(second)?;
        let seconds = date::seconds_of(date[0], date[1], date[2], time)?;
        return Some((minutes(seconds), rest));
    }
    let month = date::month_of(&capital(first))?;
    let day = number(second).filter(|_| second.len() <= 2)?;
    let (third, rest) = word(rest)?;
    if third.len() == 4 && !third.contains(&b':') {
        let seconds = date::seconds_of(number(third)?, month, day, [0; 3])?;
        let precision = Precision::Day;
        return Some((Modified { seconds, precision }, rest));
    }
    let time = clock(third)?;
    let (year, ..) = date::parts_of(now)?;
    // The last such day that is not in the future; servers may be a day ahead of us. 29 February is not in every year.
    let years = (0..9).map(|back| year + 1 - back);
    let seconds = years
        .filter_map(|year| date::seconds_of(year, month, day, time))
        .find(|seconds| *seconds <= now.saturating_add(DAY))?;
    Some((minutes(seconds), rest))
}

pub(super) fn minutes(seconds: i64) -> Modified {
    Modified {
        seconds,
        precision: Precision::Minute,
    }
}

fn capital(month: &[u8]) -> Vec<u8> {
    let mut month = month.to_ascii_lowercase();
    if let Some(first) = month.first_mut() {
        first.make_ascii_uppercase();
    }
    month
}

pub(super) fn iso_date(text: &[u8]) -> Option<[i64; 3]> {
    let parts: Vec<_> = text.split(|&byte| byte == b'-').collect();
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => {
            Some([number(year)?, number(month)?, number(day)?])
        }
        _ => None,
    }
}

/// `3:04`, `03:04`, `03:04:05`.
pub(super) fn clock(text: &[u8]) -> Option<[i64; 3]> {
    let parts: Vec<_> = text.split(|&byte| byte == b':').collect();
    let is_pair = |part: &&&[u8]| (1..=2).contains(&part.len());
    if !(2..=3).contains(&parts.len()) || parts.iter().filter(is_pair).count() != parts.len() {
        return None;
    }
    let seconds = match parts.get(2) {
        Some(seconds) => number(seconds)?,
        None => 0,
    };
    Some([number(parts[0])?, number(parts[1])?, seconds])
}

/// `+i8388621.48594,m825718503,r,s280,` TAB name: easily parsed list format.
fn eplf(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let (facts, name) = (&line[1..tab], &line[tab + 1..]);
    let mut entry = Entry::new(name, EntryKind::Other);
    for fact in facts.split(|&byte| byte == b',') {
        match fact.split_first() {
            Some((b'/', [])) => entry.kind = EntryKind::Directory,
            Some((b'r', [])) if entry.kind == EntryKind::Other => entry.kind = EntryKind::File,
            Some((b's', digits)) => entry.size = size(digits),
            Some((b'm', digits)) => {
                entry.modified = number(digits).map(|seconds| Modified {
                    seconds,
                    precision: Precision::Second,
                });
            }
            Some((b'u', [b'p', mode @ ..])) => entry.rights = printable(mode),
            _ => {}
        }
    }
    Some(entry)
}
