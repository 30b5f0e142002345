//! Cuts a stream of YAML into its documents.
//!
//! `---` and `...` at the start of a line end a document wherever they stand: no text, quoted or block, may hold such a line. So a
//! document is known by its lines alone, is parsed as one text, and what is behind it is read only later.

use std::io::{ErrorKind as IoKind, Read};

use super::FORMAT;
use crate::record::{Error, ErrorKind, Position};

/// How much is read at once.
const READ: usize = 64 * 1024;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A document and where it starts.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) start: Position,
}

pub(super) struct Documents<R> {
    read: R,
    /// What one read gives, before it is behind the rest in the buffer.
    piece: Box<[u8]>,
    buffer: Vec<u8>,
    /// Where in the buffer the document starts, where its last line does, and up to where there is no line end.
    start: usize,
    line: usize,
    searched: usize,
    ended: bool,
    /// Whether the document has more than comments and directives.
    content: bool,
    position: Position,
    limit: usize,
}

/// What a line is to a document.
enum Line {
    /// `---`.
    Start,
    /// `...`.
    End,
    /// A comment, a directive or nothing.
    Prefix,
    Content,
}

impl<R: Read> Documents<R> {
    pub(super) fn new(read: R, limit: usize) -> Self {
        Self {
            read,
            piece: vec![0; READ].into_boxed_slice(),
            buffer: Vec::new(),
            start: 0,
            line: 0,
            searched: 0,
            ended: false,
            content: false,
            position: Position {
                byte: 0,
                line: 1,
                column: 1,
            },
            limit,
        }
    }

    /// Where the next document starts.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Yield nothing any more.
    pub(super) fn stop(&mut self) {
        self.ended = true;
        self.start = self.buffer.len();
        self.line = self.start;
    }

    /// The next document, as text; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Document>, Error> {
        loop {
            let Some(end) = self.line_end()? else {
                let rest = self.buffer.len();
                return match self.start < rest {
                    true => self.cut(rest).map(Some),
                    false => Ok(None),
                };
            };
            if end - self.start > self.limit {
                return Err(self.too_large());
            }
            let line = classify(&self.buffer[self.line..end], self.content);
            match line {
                Line::Start if self.content => return self.cut(self.line).map(Some),
                Line::End => {
                    self.line = end;
                    return self.cut(end).map(Some);
                }
                Line::Start | Line::Content => self.content = true,
                Line::Prefix => {}
            }
            self.line = end;
        }
    }

    /// Where the line that starts at `self.line` ends, its line break included. `None` if there is no such line.
    fn line_end(&mut self) -> Result<Option<usize>, Error> {
        loop {
            self.searched = self.searched.max(self.line);
            let found = memchr::memchr2(b'\n', b'\r', &self.buffer[self.searched..]);
            match found.map(|at| self.searched + at) {
                Some(at) if self.buffer[at] == b'\n' => return Ok(Some(at + 1)),
                // Of a carriage return it must be known whether a line feed follows.
                Some(at) if self.ended || at + 1 < self.buffer.len() => {
                    let both = self.buffer.get(at + 1) == Some(&b'\n');
                    return Ok(Some(at + 1 + usize::from(both)));
                }
                Some(at) => self.searched = at,
                None => self.searched = self.buffer.len(),
            }
            if self.ended {
                return Ok((self.line < self.buffer.len()).then_some(self.buffer.len()));
            }
            if self.buffer.len() - self.start > self.limit {
                return Err(self.too_large());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.drain(..self.start);
        self.line -= self.start;
        self.searched -= self.start;
        self.start = 0;
        let read = loop {
            match self.read.read(&mut self.piece) {
                Err(error) if error.kind() == IoKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(read) => {
                self.buffer.extend_from_slice(&self.piece[..read]);
                self.ended = read == 0;
            }
            Err(error) => {
                self.stop();
                return Err(Error::io(FORMAT, &error).at(self.position));
            }
        }
        Ok(())
    }

    /// The document that ends before `end`.
    fn cut(&mut self, end: usize) -> Result<Document, Error> {
        let bytes = &self.buffer[self.start..end];
        let start = self.position;
        self.position = after(start, bytes);
        self.start = end;
        self.content = false;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Document {
                text: text.to_owned(),
                start,
            }),
            Err(error) => {
                let at = after(start, &bytes[..error.valid_up_to()]);
                Err(Error::syntax(FORMAT, "a byte that is no UTF-8", at)
                    .with_hint("name the charset of the text, such as --charset windows-1252"))
            }
        }
    }

    fn too_large(&mut self) -> Error {
        let at = self.position;
        self.stop();
        let why = format!("a document of more than {} bytes", self.limit);
        Error::new(ErrorKind::Limit, FORMAT, why).at(at)
    }
}

fn classify(line: &[u8], content: bool) -> Line {
    let line = line.strip_prefix(BOM).unwrap_or(line);
    let is_marker = |marker: &[u8]| {
        let rest = line.strip_prefix(marker);
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b'\t' | b'\n' | b'\r')))
    };
    if is_marker(b"---") {
        return Line::Start;
    }
    if is_marker(b"...") {
        return Line::End;
    }
    let first = line.iter().find(|b| !matches!(b, b' ' | b'\t'));
    match first {
        None | Some(b'#' | b'\n' | b'\r') => Line::Prefix,
        Some(b'%') if !content && line.first() == Some(&b'%') => Line::Prefix,
        Some(_) => Line::Content,
    }
}

/// The place behind `bytes`, which start at `start`: a carriage return ends a line in YAML, too.
pub(super) fn after(start: Position, bytes: &[u8]) -> Position {
    let mut line = start.line;
    let mut last = None;
    for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        if bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n') {
            line += 1;
            last = Some(at + 1);
        }
    }
    let from = last.unwrap_or(0);
    let characters = String::from_utf8_lossy(&bytes[from..]).chars().count() as u64;
    let before = if last.is_some() { 1 } else { start.column };
    Position {
        byte: start.byte + bytes.len() as u64,
        line,
        column: before + characters,
    }
}
