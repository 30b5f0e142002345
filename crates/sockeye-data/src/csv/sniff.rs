//! The dialect of a file that nobody named: delimiter, quote, and whether the first row is a header.

use super::dialect::name;
use super::split::{Ending, Splitter, Step};
use super::{Dialect, LineEnd};
use crate::record::Position;

/// How many bytes are looked at, at most.
pub const SNIFFED_BYTES: usize = 64 << 10;

/// How many rows are looked at, at most.
const ROWS: usize = 100;

/// The ones that are tried; of equals, the first is taken. A comma comes last, since it stands in numbers too.
const CANDIDATES: [u8; 4] = *b"\t;|,";

/// What the beginning of a file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// How cells and rows are told apart.
    pub dialect: Dialect,
    /// Whether the first row looks like names of columns.
    pub header: bool,
    /// Why it is this dialect, in words.
    pub why: String,
    /// How many bytes stand before the rows: a byte order mark and a `sep=` line.
    pub start: usize,
    /// How many lines those are.
    pub(super) lines: u64,
}

/// Find the dialect from the first bytes of a file, the more the better up to [`SNIFFED_BYTES`].
///
/// A line `sep=;` decides; else the first row, if just one of tab, semicolon, pipe and comma stands in it outside of quotes; else
/// the one that gives the most rows the same number of cells.
///
/// ```
/// use sockeye_data::csv::sniff;
///
/// let sniffed = sniff(b"a;b\n1,5;2,5\n");
/// assert_eq!(sniffed.dialect.delimiter, b';');
/// assert!(sniffed.header);
/// ```
pub fn sniff(bytes: &[u8]) -> Sniffed {
    let bytes = &bytes[..bytes.len().min(SNIFFED_BYTES)];
    let mut sniffed =
        prefix(bytes, None, &Dialect::CSV, None, true).expect("bytes that are all decide");
    let rows = rows(&bytes[sniffed.start..], &sniffed.dialect, None);
    sniffed.header = looks_like_header(&rows);
    sniffed
}

/// [`sniff`] from what has come so far; `None` if more could decide otherwise. The outcome does not depend on the pieces. A dialect
/// that is given stays.
pub(super) fn prefix(
    bytes: &[u8],
    given: Option<Dialect>,
    like: &Dialect,
    comment: Option<u8>,
    whole: bool,
) -> Option<Sniffed> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if !whole && MARK.starts_with(&bytes[..bytes.len().min(3)]) && bytes.len() < 3 {
        return None;
    }
    let start = if bytes.starts_with(MARK) { 3 } else { 0 };
    let mut found = Sniffed {
        dialect: given.unwrap_or(*like),
        header: true,
        why: String::from("given"),
        start,
        lines: 0,
    };
    let rest = &bytes[start..];
    match sep_line(rest, whole)? {
        Some((delimiter, length)) if given.is_none_or(|given| given.delimiter == delimiter) => {
            found.start += length;
            found.lines = 1;
            if given.is_none() {
                found.dialect.delimiter = delimiter;
                found.why = format!("{}, as the line sep= says", name(delimiter));
            }
            return Some(found);
        }
        _ if given.is_some() => return Some(found),
        _ => {}
    }
    let (delimiter, why) = match by_first_row(rest, like, comment, whole)? {
        Some(delimiter) => (
            delimiter,
            format!("{}, as the first row says", name(delimiter)),
        ),
        None if !whole => return None,
        None => by_rows(rest, like, comment),
    };
    found.dialect.delimiter = delimiter;
    found.why = why;
    if *like == Dialect::CSV && single_quotes(rest, delimiter) {
        found.dialect.quote = Some(b'\'');
        found.why.push_str(", single quotes around cells");
    }
    Some(found)
}

/// The delimiter of a first line such as `sep=;`, and how many bytes the line has. `None` on the outside if more bytes are needed.
#[expect(
    clippy::option_option,
    reason = "not known yet, and known that there is none"
)]
fn sep_line(bytes: &[u8], whole: bool) -> Option<Option<(u8, usize)>> {
    const START: &[u8] = b"sep=";
    let common = bytes.len().min(START.len());
    if !bytes[..common].eq_ignore_ascii_case(&START[..common]) {
        return Some(None);
    }
    let end = match &bytes[common..] {
        [delimiter, b'\r', b'\n', ..] => (*delimiter, 7),
        [_, b'\r'] | [_] | [] if !whole => return None,
        [delimiter, b'\n' | b'\r', ..] => (*delimiter, 6),
        _ => return Some(None),
    };
    Some(end.0.is_ascii().then_some(end))
}

/// The only candidate in the first row outside of quotes. `None` on the outside if the row is not complete.
#[expect(
    clippy::option_option,
    reason = "not known yet, and known that none is alone"
)]
fn by_first_row(
    bytes: &[u8],
    like: &Dialect,
    comment: Option<u8>,
    whole: bool,
) -> Option<Option<u8>> {
    let mut seen = [false; CANDIDATES.len()];
    let (mut start, mut row_start, mut quoted, mut skipped) = (true, true, false, false);
    let ends = |byte: u8| match like.line_end {
        LineEnd::Break => byte == b'\n' || byte == b'\r',
        LineEnd::Byte(end) => byte == end,
    };
    let is_quote = |byte: u8| Some(byte) == like.quote;
    for (at, &byte) in bytes.iter().enumerate() {
        if skipped {
            skipped = !ends(byte);
            continue;
        }
        if quoted {
            if is_quote(byte) {
                // The second of a pair opens again.
                quoted = false;
                start = bytes.get(at + 1).is_some_and(|byte| is_quote(*byte));
            }
            continue;
        }
        match byte {
            _ if ends(byte) && row_start => continue,
            _ if ends(byte) => return Some(alone(seen)),
            _ if row_start && Some(byte) == comment => {
                skipped = true;
                continue;
            }
            _ if start && is_quote(byte) => {
                quoted = true;
                start = false;
            }
            _ => {
                start = false;
                if let Some(place) = CANDIDATES.iter().position(|known| *known == byte) {
                    seen[place] = true;
                    start = true;
                }
            }
        }
        row_start = false;
    }
    whole.then(|| alone(seen))
}

fn alone(seen: [bool; CANDIDATES.len()]) -> Option<u8> {
    let mut there = CANDIDATES.iter().zip(seen).filter(|(_, seen)| *seen);
    match (there.next(), there.next()) {
        (Some((delimiter, _)), None) => Some(*delimiter),
        _ => None,
    }
}

/// The candidate that gives the most rows the same number of cells.
fn by_rows(bytes: &[u8], like: &Dialect, comment: Option<u8>) -> (u8, String) {
    let mut best: Option<(usize, usize, usize, u8)> = None;
    for delimiter in CANDIDATES {
        let dialect = like.with_delimiter(delimiter);
        let counts: Vec<usize> = rows(bytes, &dialect, comment)
            .iter()
            .map(Vec::len)
            .collect();
        let Some((cells, same)) = modal(&counts) else {
            continue;
        };
        // In thousandths: of candidates that hold for all rows, the one with more cells.
        let share = same * 1_000 / counts.len();
        if best.is_none_or(|(b_share, b_cells, ..)| (share, cells) > (b_share, b_cells)) {
            best = Some((share, cells, same, delimiter));
        }
    }
    match best {
        Some((_, cells, same, delimiter)) => {
            let why = format!(
                "{}: {same} of the first rows have {cells} cells",
                name(delimiter)
            );
            (delimiter, why)
        }
        None => (
            b',',
            String::from("comma, as there is no delimiter: each row has one cell"),
        ),
    }
}

/// The number of cells, more than one, that most rows have, and how many rows those are.
fn modal(counts: &[usize]) -> Option<(usize, usize)> {
    let several = counts.iter().filter(|count| **count > 1);
    several
        .map(|cells| {
            let same = counts.iter().filter(|count| *count == cells).count();
            (same, *cells)
        })
        .max()
        .map(|(same, cells)| (cells, same))
}

/// The first rows. The last one, which may not be complete, is left out if there are others.
fn rows(bytes: &[u8], dialect: &Dialect, comment: Option<u8>) -> Vec<Vec<String>> {
    let bytes = &bytes[..bytes.len().min(SNIFFED_BYTES)];
    let mut splitter = Splitter::new(dialect, comment, usize::MAX, Position::default());
    let mut rows = Vec::new();
    let mut from = 0;
    while rows.len() < ROWS {
        let (step, taken) = splitter.step(&bytes[from..]);
        from += taken;
        let last = step == Step::More;
        if last
            && (splitter.end() != Ending::Row || !rows.is_empty() && bytes.len() == SNIFFED_BYTES)
        {
            break;
        }
        let mut start = 0;
        let cells = splitter.ends().iter().map(|&end| {
            let cell = String::from_utf8_lossy(&splitter.bytes()[start..end]).into_owned();
            start = end;
            cell
        });
        rows.push(cells.collect());
        if last {
            break;
        }
    }
    rows
}

/// Whether the cells of the first row stand in single quotes.
fn single_quotes(bytes: &[u8], delimiter: u8) -> bool {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n' || *byte == b'\r')
        .unwrap_or(bytes.len());
    let row = &bytes[..end];
    if row.len() < 2 || row.contains(&b'"') {
        return false;
    }
    // `'a, b','c'` has more delimiters than cells: those between quotes count.
    let between = [b'\'', delimiter, b'\''];
    let cells = 1 + row.windows(3).filter(|bytes| *bytes == between).count();
    let quotes = row.iter().filter(|byte| **byte == b'\'').count();
    row[0] == b'\'' && row[row.len() - 1] == b'\'' && quotes == 2 * cells
}

/// Whether the first row has names: all there, all different, none of them a number.
fn looks_like_header(rows: &[Vec<String>]) -> bool {
    let Some(first) = rows.first() else {
        return false;
    };
    let distinct: std::collections::HashSet<&String> = first.iter().collect();
    distinct.len() == first.len()
        && first
            .iter()
            .all(|cell| !cell.trim().is_empty() && cell.trim().parse::<f64>().is_err())
}

impl Sniffed {
    /// In words, for whoever asks what was recognised.
    pub fn describe(&self) -> String {
        let header = match self.header {
            true => "with a header",
            false => "without a header as it seems",
        };
        format!("{} ({}), {header}", self.dialect, self.why)
    }
}
