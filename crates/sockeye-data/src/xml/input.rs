//! The characters of a document: bytes are read, checked to be UTF-8 and characters of XML, and line ends become line feeds
//! (XML 1.0, sections 2.2 and 2.11), before anyone looks for markup. Positions stay those of the bytes that were read.

use std::io::{self, Read};

use crate::record::{Error, ErrorKind, Position};

use super::{FORMAT, names};

/// How many bytes are read at once, and how much of a text is handed on at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// A window of the document: what is not yet understood is kept, the rest is forgotten.
pub(super) struct Input<R> {
    read: R,
    chunk: Vec<u8>,
    /// Bytes at the start of `chunk` that begin a character.
    begun: usize,
    /// The window.
    pub(super) text: String,
    /// Whether it started with the mark of UTF-8.
    pub(super) has_mark: bool,
    /// Up to here, the window is understood.
    pub(super) at: usize,
    /// Where the window starts.
    before: Position,
    /// Places in the window before which a line feed of CR LF was left out.
    dropped: Vec<usize>,
    last_was_cr: bool,
    ended: bool,
    /// What is wrong behind the window.
    bad: Option<Error>,
    limit: usize,
}

impl<R: Read> Input<R> {
    /// `limit` bounds the bytes that are kept.
    pub(super) fn new(read: R, limit: usize) -> Self {
        Self::with_chunk(read, limit, vec![0; CHUNK])
    }

    fn with_chunk(read: R, limit: usize, chunk: Vec<u8>) -> Self {
        Self {
            read,
            chunk,
            begun: 0,
            text: String::new(),
            has_mark: false,
            at: 0,
            before: Position {
                byte: 0,
                line: 1,
                column: 1,
            },
            dropped: Vec::new(),
            last_was_cr: false,
            ended: false,
            bad: None,
            limit,
        }
    }

    /// What is left of the window.
    pub(super) fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Where a place of the window is in the document.
    pub(super) fn position(&self, place: usize) -> Position {
        let inside = &self.text[..place.min(self.text.len())];
        let dropped = self.dropped.partition_point(|&at| at <= place);
        let newline = memchr::memrchr(b'\n', inside.as_bytes());
        let chars = inside[newline.map_or(0, |at| at + 1)..].chars().count() as u64;
        Position {
            byte: self.before.byte + (inside.len() + dropped) as u64,
            line: self.before.line + memchr::memchr_iter(b'\n', inside.as_bytes()).count() as u64,
            column: chars + newline.map_or(self.before.column, |_| 1),
        }
    }

    /// How many characters' bytes are behind us, line ends counted once.
    pub(super) fn consumed(&self) -> u64 {
        self.before.byte + self.at as u64
    }

    /// Wrong at a place of the window.
    pub(super) fn wrong(&self, place: usize, why: impl Into<String>) -> Error {
        Error::syntax(FORMAT, why, self.position(place))
    }

    /// The document ends within something.
    pub(super) fn cut(&self, what: &str) -> Error {
        let why = format!("the document ends within {what}");
        Error::new(ErrorKind::Truncated, FORMAT, why).at(self.position(self.text.len()))
    }

    /// Whether there are `count` more bytes in the window, read as it needs.
    pub(super) fn has(&mut self, count: usize) -> Result<bool, Error> {
        while self.text.len() - self.at < count {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Read on; `false` at the end. Places of the window move: what is before [`at`](Self::at) is forgotten.
    pub(super) fn more(&mut self) -> Result<bool, Error> {
        if self.ended {
            return self.bad.take().map_or(Ok(false), Err);
        }
        self.forget();
        if self.text.len() > self.limit {
            let why = format!(
                "a piece of markup is larger than {} bytes, the bound of a record",
                self.limit
            );
            return Err(Error::new(ErrorKind::Limit, FORMAT, why).at(self.position(0)));
        }
        let before = self.text.len();
        while self.text.len() == before && !self.ended {
            self.fill()?;
        }
        if self.text.len() > before {
            return Ok(true);
        }
        self.bad.take().map_or(Ok(false), Err)
    }

    fn forget(&mut self) {
        if self.at == 0 {
            return;
        }
        let at = self.at;
        self.before = self.position(at);
        self.text.drain(..at);
        self.dropped.retain_mut(|place| {
            let stays = *place > at;
            *place = place.wrapping_sub(at);
            stays
        });
        self.at = 0;
    }

    fn fill(&mut self) -> Result<(), Error> {
        let count = loop {
            match self.read.read(&mut self.chunk[self.begun..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::io(FORMAT, &error).at(self.position(self.text.len())));
                }
            }
        };
        let chunk = std::mem::take(&mut self.chunk);
        let end = self.begun + count;
        let (valid, wrong) = match simdutf8::compat::from_utf8(&chunk[..end]) {
            Ok(valid) => (valid, false),
            Err(error) => {
                let valid = std::str::from_utf8(&chunk[..error.valid_up_to()])
                    .expect("it is valid up to there");
                (valid, error.error_len().is_some())
            }
        };
        let done = valid.len();
        self.take_in(valid);
        if self.bad.is_none() && (wrong || (count == 0 && done < end)) {
            let bytes = if wrong { "bytes" } else { "the end" };
            let why = format!("{bytes} that are not UTF-8");
            let error = self
                .wrong(self.text.len(), why)
                .with_hint("name the charset that it is written in");
            self.bad = Some(error);
        }
        self.ended |= count == 0 || self.bad.is_some();
        self.chunk = chunk;
        self.chunk.copy_within(done..end, 0);
        self.begun = end - done;
        Ok(())
    }

    /// Append characters, up to the first that XML does not have.
    fn take_in(&mut self, mut text: &str) {
        if self.before.byte == 0
            && self.text.is_empty()
            && let Some(rest) = text.strip_prefix('\u{feff}')
        {
            self.before.byte = 3;
            self.has_mark = true;
            text = rest;
        }
        let foreign = names::foreign_char(text);
        let good = &text[..foreign.unwrap_or(text.len())];
        if self.last_was_cr || memchr::memchr(b'\r', good.as_bytes()).is_some() {
            self.take_in_lines(good);
        } else {
            self.text.push_str(good);
        }
        if let Some(char) = foreign.and_then(|at| text[at..].chars().next()) {
            let why = format!(
                "the character U+{:04X} is not allowed in XML",
                u32::from(char)
            );
            self.bad = Some(self.wrong(self.text.len(), why));
        }
    }

    fn take_in_lines(&mut self, mut text: &str) {
        loop {
            if std::mem::take(&mut self.last_was_cr)
                && let Some(rest) = text.strip_prefix('\n')
            {
                self.dropped.push(self.text.len());
                text = rest;
            }
            let Some(cr) = memchr::memchr(b'\r', text.as_bytes()) else {
                self.text.push_str(text);
                return;
            };
            self.text.push_str(&text[..cr]);
            self.text.push('\n');
            self.last_was_cr = true;
            text = &text[cr + 1..];
            if text.is_empty() {
                return;
            }
        }
    }
}

impl Input<io::Empty> {
    /// The replacement text of an entity, which is characters already.
    pub(super) fn of_entity(text: &str) -> Self {
        let mut input = Self::with_chunk(io::empty(), usize::MAX, Vec::new());
        input.text.push_str(text);
        input.ended = true;
        input
    }
}
