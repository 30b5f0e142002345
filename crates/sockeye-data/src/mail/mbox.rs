//! Messages of an mbox, one after the other (mboxrd: `>From ` is unquoted once).

use std::io::Read;

use super::FORMAT;
use crate::record::{Error, ErrorKind, Position};

/// So much is read at once.
const BLOCK: usize = 64 << 10;

/// Cuts an mbox into messages.
pub(super) struct Cutter<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins.
    at: usize,
    ended: bool,
    /// Bytes before the next line.
    bytes: u64,
    lines: u64,
    /// What stands behind `From ` in the line that begins the next message.
    envelope: Option<String>,
    started: bool,
    limit: usize,
}

impl<R: Read> Cutter<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            bytes: 0,
            lines: 0,
            envelope: None,
            started: false,
            limit,
        }
    }

    pub(super) fn position(&self) -> Position {
        Position {
            byte: self.bytes,
            line: self.lines + 1,
            column: 0,
        }
    }

    /// The next message, and what its first line says.
    pub(super) fn message(&mut self) -> Result<Option<(String, Vec<u8>)>, Error> {
        if !self.started {
            self.start()?;
        }
        let Some(envelope) = self.envelope.take() else {
            return Ok(None);
        };
        let (mut message, mut is_after_empty, mut too_large) = (Vec::new(), true, false);
        while let Some(line) = self.line()? {
            if is_after_empty && line.starts_with(b"From ") {
                self.envelope = Some(envelope_of(&line));
                break;
            }
            is_after_empty = matches!(&line[..], b"\n" | b"\r\n");
            let quotes = line.iter().take_while(|byte| **byte == b'>').count();
            let line = match quotes > 0 && line[quotes..].starts_with(b"From ") {
                true => &line[1..],
                false => &line[..],
            };
            too_large |= message.len() + line.len() > self.limit;
            if !too_large {
                message.extend_from_slice(line);
            }
        }
        if too_large {
            let why = format!("a message is larger than {} bytes", self.limit);
            let error = Error::new(ErrorKind::Limit, FORMAT, why).at(self.position());
            return Err(error.with_hint("raise it with --max-record"));
        }
        // The empty line before the next message belongs to the mbox.
        if message.ends_with(b"\r\n\r\n") {
            message.truncate(message.len() - 2);
        } else if message.ends_with(b"\n\n") {
            message.pop();
        }
        Ok(Some((envelope, message)))
    }

    fn start(&mut self) -> Result<(), Error> {
        self.started = true;
        while let Some(line) = self.line()? {
            if line.starts_with(b"From ") {
                self.envelope = Some(envelope_of(&line));
                return Ok(());
            }
            if !line.trim_ascii().is_empty() {
                let position = Position {
                    byte: self.bytes - line.len() as u64,
                    line: self.lines,
                    column: 0,
                };
                return Err(
                    Error::syntax("mbox", "an mbox begins with \"From \"", position)
                        .with_hint("read one message with -f mail"),
                );
            }
        }
        Ok(())
    }

    /// The next line with its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut looked = 0;
        loop {
            let there = &self.buffer[self.at..];
            let newline = memchr::memchr(b'\n', &there[looked..]).map(|at| looked + at + 1);
            let end = match newline {
                Some(end) => end,
                None if self.ended && there.is_empty() => return Ok(None),
                None if self.ended || there.len() > self.limit => there.len(),
                None => {
                    looked = there.len();
                    self.fill()?;
                    continue;
                }
            };
            let line = there[..end].to_vec();
            self.at += end;
            self.bytes += end as u64;
            self.lines += 1;
            return Ok(Some(line));
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + BLOCK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(read) => self.ended = read == 0,
            Err(error) => return Err(Error::io("mbox", &error)),
        }
        Ok(())
    }
}

fn envelope_of(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[b"From ".len()..])
        .trim()
        .to_owned()
}
