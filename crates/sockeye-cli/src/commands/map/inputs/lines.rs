//! Inputs that end with a line feed or a NUL byte.

use std::fs::File;
use std::io::{ErrorKind, Read as _};

use bytes::Bytes;
use sockeye::{Error, Kind, Operation, Result};

use super::super::args::{Cut, InputArgs};

/// Bytes that are read at once.
const BLOCK: usize = 64 << 10;

/// Cuts what is there, and waits only when there is no whole input.
pub(super) struct Lines {
    file: File,
    name: String,
    end: u8,
    crlf: bool,
    skip_empty: bool,
    /// The next line is a heading.
    heading: bool,
    most: usize,
    held: Vec<u8>,
    /// What of `held` was handed out.
    from: usize,
    /// How much of `held` was searched for an end.
    searched: usize,
    at_end: bool,
}

impl Lines {
    pub(super) fn new(file: File, name: String, cut: Cut, args: &InputArgs, most: usize) -> Self {
        Self {
            file,
            name,
            end: if cut == Cut::Nulls { 0 } else { b'\n' },
            crlf: args.crlf,
            skip_empty: args.skip_empty,
            heading: args.header,
            most,
            held: Vec::new(),
            from: 0,
            searched: 0,
            at_end: false,
        }
    }

    /// Append what is there; `false` at the end.
    pub(super) fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        let full = inputs.len() + most;
        loop {
            while inputs.len() < full {
                let Some(line) = self.next()? else { break };
                inputs.extend(line);
            }
            if inputs.len() + most > full {
                return Ok(true);
            }
            if self.at_end {
                return Ok(false);
            }
            self.read()?;
        }
    }

    /// The next whole line of what was read; the inner `None` is one that is passed by.
    fn next(&mut self) -> Result<Option<Option<Bytes>>> {
        let found = self.held[self.searched..]
            .iter()
            .position(|byte| *byte == self.end);
        let (end, next) = match found {
            Some(at) => (self.searched + at, self.searched + at + 1),
            None if self.at_end && self.from < self.held.len() => {
                (self.held.len(), self.held.len())
            }
            None => {
                self.searched = self.held.len();
                return self.bound(self.held.len()).map(|()| None);
            }
        };
        self.bound(end)?;
        let mut line = &self.held[self.from..end];
        if self.crlf {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        let is_passed = std::mem::take(&mut self.heading) || (self.skip_empty && line.is_empty());
        let line = (!is_passed).then(|| Bytes::copy_from_slice(line));
        (self.from, self.searched) = (next, next);
        Ok(Some(line))
    }

    fn bound(&self, end: usize) -> Result<()> {
        if end - self.from <= self.most {
            return Ok(());
        }
        let why = format!("an input has more than {} bytes", self.most);
        let error = Error::new(Kind::Rejected, Operation::Open, why);
        Err(error
            .about(&self.name)
            .with_hint("--max-input raises the bound; -0 and --crlf say how inputs end"))
    }

    fn read(&mut self) -> Result<()> {
        self.held.drain(..self.from);
        (self.searched, self.from) = (self.searched - self.from, 0);
        let before = self.held.len();
        self.held.resize(before + BLOCK, 0);
        let read = loop {
            match self.file.read(&mut self.held[before..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.held.truncate(before + *read.as_ref().unwrap_or(&0));
        let count =
            read.map_err(|error| Error::from_io(Operation::Open, error).about(&self.name))?;
        self.at_end = count == 0;
        Ok(())
    }
}
