//! Whole listings: entries from bytes that arrive in pieces, bounded.

use super::entry::Entry;
use super::facts::facts_line;
use super::fault::{Fault, FaultKind};
use super::unix::list_line;

/// Which command a listing answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListingFormat {
    /// `MLSD` (RFC 3659 section 7): facts for programs.
    Facts,
    /// `LIST`: text for people, in the manner of Unix, DOS or EPLF.
    Text,
    /// `NLST`: names alone; what they are is not said.
    Names,
}

/// What bounds one listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListingLimits {
    /// The longest line, in bytes without its end; 8 KiB by default.
    pub line: usize,
    /// The most entries; 100,000 by default.
    pub entries: usize,
    /// The most bytes of all lines together; 32 MiB by default.
    pub total: u64,
}

impl Default for ListingLimits {
    fn default() -> Self {
        Self {
            line: 8 * 1024,
            entries: 100_000,
            total: 32 * 1024 * 1024,
        }
    }
}

/// What one line of a listing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entry.
    Entry(Entry),
    /// Nothing that counts: a total, an empty line, the directory itself.
    Nothing,
    /// A line that nobody understands.
    Unknown,
}

/// Reads a listing from bytes that arrive in pieces. Lines end in CR LF, or in a line feed alone, which servers mix.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{Listing, ListingFormat, ListingLimits};
///
/// let mut listing = Listing::new(ListingFormat::Facts, ListingLimits::default(), 0);
/// listing.push(b"type=cdir; .\r\ntype=file;size=3; a\r\ntype=di")?;
/// listing.push(b"r; b\r\n")?;
/// let listing = listing.finish()?;
/// let names: Vec<_> = listing.entries().iter().map(|entry| entry.name.as_slice()).collect();
/// assert_eq!(names, [b"a", b"b"]);
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Listing {
    format: ListingFormat,
    limits: ListingLimits,
    now: i64,
    line: Vec<u8>,
    total: u64,
    lines: usize,
    entries: Vec<Entry>,
    unknown: Vec<Vec<u8>>,
}

/// How many lines that nobody understands are kept.
const UNKNOWN: usize = 16;

impl Listing {
    /// An empty listing; `now`, in seconds since 1970, decides the year of dates that have none.
    pub fn new(format: ListingFormat, limits: ListingLimits, now: i64) -> Self {
        Self {
            format,
            limits,
            now,
            line: Vec::new(),
            total: 0,
            lines: 0,
            entries: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Read on.
    ///
    /// # Errors
    ///
    /// What is longer than the limits, and with [`ListingFormat::Facts`] a line that is no entry.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.total = self.total.saturating_add(bytes.len() as u64);
        if self.total > self.limits.total {
            let what = format!("a listing of more than {} bytes", self.limits.total);
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.take(&rest[..end])?;
            rest = &rest[end + 1..];
            self.finish_line()?;
        }
        self.take(rest)
    }

    /// The end has come; a last line without its end counts.
    ///
    /// # Errors
    ///
    /// As with [`Listing::push`].
    pub fn finish(mut self) -> Result<Self, Fault> {
        if !self.line.is_empty() {
            self.finish_line()?;
        }
        Ok(self)
    }

    /// The entries, in the order of the server.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries, for those who keep them.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The first lines that nobody understood, 16 at most.
    pub fn unknown(&self) -> &[Vec<u8>] {
        &self.unknown
    }

    /// Which command it answers.
    pub fn format(&self) -> ListingFormat {
        self.format
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.line.len() + bytes.len() > self.limits.line.saturating_add(1) {
            let what = format!(
                "a line of more than {} bytes in a listing",
                self.limits.line
            );
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn finish_line(&mut self) -> Result<(), Fault> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        // Lines that are no entries count too, or a server could send them for ever.
        self.lines += 1;
        if self.lines > self.limits.entries.saturating_add(UNKNOWN) {
            let what = format!("a listing of more than {} entries", self.limits.entries);
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        let read = match self.format {
            ListingFormat::Text => list_line(line, self.now),
            _ if line.is_empty() => Line::Nothing,
            ListingFormat::Facts => facts_line(line)?.map_or(Line::Nothing, Line::Entry),
            ListingFormat::Names => Line::Entry(Entry::new(line, super::EntryKind::Other)),
        };
        match read {
            Line::Entry(entry) => self.entries.push(entry),
            Line::Unknown if self.unknown.len() < UNKNOWN => self.unknown.push(line.to_vec()),
            Line::Unknown | Line::Nothing => {}
        }
        Ok(())
    }
}
