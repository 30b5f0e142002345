//! Results that came early wait here, sorted, until it is their turn: in memory up to a bound, then in sorted runs in a file.
//!
//! A run takes the smallest results as long as they follow its last, so that results which come nearly in order make one run,
//! however many they are: nothing in memory grows with their number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::extents::Tail;
use super::outbox::Done;
use super::packed::{head, pack, unpack};
use super::spill::{Blob, Spill};
use crate::error::{Error, Operation, Result};

/// How many runs there may be before they are merged into one.
const MOST_RUNS: usize = 64;
/// How much of a run is written and read at once.
const PIECE: usize = 64 << 10;
/// The start of a record: its length, and the index of its result.
const HEAD: usize = 12;

/// See the module.
#[derive(Debug)]
pub(super) struct Order {
    spill: Spill,
    next: u64,
    early: BTreeMap<u64, Done>,
    bytes: usize,
    runs: HashMap<usize, Run>,
    /// The first result of each run.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    /// The run that is written, and the name of the next one.
    current: Option<usize>,
    name: usize,
    /// Outputs of waiting results that are in the file by themselves.
    tails: HashMap<u64, [Option<Arc<Tail>>; 2]>,
}

impl Order {
    pub(super) fn new(spill: Spill) -> Self {
        Self {
            spill,
            next: 0,
            early: BTreeMap::new(),
            bytes: 0,
            runs: HashMap::new(),
            heads: BinaryHeap::new(),
            current: None,
            name: 0,
            tails: HashMap::new(),
        }
    }

    /// Take one that came. It comes back if it is its turn.
    pub(super) fn push(&mut self, mut done: Done) -> Result<Option<Done>> {
        if done.input.index == self.next {
            self.next += 1;
            return Ok(Some(done));
        }
        // An input is often a part of a larger buffer, which would be kept as a whole.
        done.input.bytes = Bytes::copy_from_slice(&done.input.bytes);
        self.bytes += done.weight();
        self.early.insert(done.input.index, done);
        if self.bytes > self.spill.memory() {
            self.spill().map_err(failed)?;
        }
        Ok(None)
    }

    /// The next one, if it is there.
    pub(super) fn pop(&mut self) -> Result<Option<Done>> {
        if let Some(first) = self.early.first_entry()
            && *first.key() == self.next
        {
            let done = first.remove();
            self.bytes -= done.weight();
            self.next += 1;
            return Ok(Some(done));
        }
        match self.heads.peek() {
            Some(Reverse((index, _))) if *index == self.next => {}
            _ => return Ok(None),
        }
        let record = self.pop_record().map_err(failed)?;
        let mut done = unpack(&record).map_err(failed)?;
        if let Some([stdout, stderr]) = self.tails.remove(&self.next) {
            done.outcome.stdout = with_tail(done.outcome.stdout, stdout);
            done.outcome.stderr = with_tail(done.outcome.stderr, stderr);
        }
        self.next += 1;
        Ok(Some(done))
    }

    /// Nothing more comes: the next one that is there, even if one before it never came.
    pub(super) fn pop_last(&mut self) -> Result<Option<Done>> {
        let early = self.early.first_key_value().map(|(index, _)| *index);
        let filed = self.heads.peek().map(|Reverse((index, _))| *index);
        match early.into_iter().chain(filed).min() {
            Some(first) => {
                self.next = first;
                self.pop()
            }
            None => Ok(None),
        }
    }

    /// Write out until half of the memory is free again.
    fn spill(&mut self) -> io::Result<()> {
        let mut record = Vec::new();
        while self.bytes > self.spill.memory() / 2 {
            let after = self.current.and_then(|name| self.runs.get(&name));
            let after = after.map_or(0, |run| run.last + 1);
            let Some((&index, _)) = self.early.range(after..).next() else {
                // All that is left comes before the end of this run: another one.
                self.current = None;
                continue;
            };
            let Some(mut done) = self.early.remove(&index) else {
                return Ok(());
            };
            self.bytes -= done.weight();
            let (stdout, rest_of_stdout) = std::mem::take(&mut done.outcome.stdout).into_parts();
            let (stderr, rest_of_stderr) = std::mem::take(&mut done.outcome.stderr).into_parts();
            if rest_of_stdout.is_some() || rest_of_stderr.is_some() {
                self.tails.insert(index, [rest_of_stdout, rest_of_stderr]);
            }
            record.clear();
            pack(&done, &stdout, &stderr, &mut record);
            self.write(index, &record)?;
        }
        Ok(())
    }

    fn write(&mut self, index: u64, record: &[u8]) -> io::Result<()> {
        let name = match self.current {
            Some(name) => name,
            None => {
                if self.runs.len() >= MOST_RUNS {
                    self.merge()?;
                }
                self.start_run()
            }
        };
        if let Some(run) = self.runs.get_mut(&name) {
            if run.is_empty() {
                self.heads.push(Reverse((index, name)));
            }
            run.write(index, record)?;
        }
        Ok(())
    }

    fn start_run(&mut self) -> usize {
        self.name += 1;
        self.runs.insert(self.name, Run::new(self.spill.tail()));
        self.current = Some(self.name);
        self.name
    }

    /// Make one run of all.
    fn merge(&mut self) -> io::Result<()> {
        self.name += 1;
        let name = self.name;
        let mut merged = Run::new(self.spill.tail());
        let mut first = None;
        while let Some(Reverse((index, _))) = self.heads.peek().copied() {
            let record = self.pop_record()?;
            first.get_or_insert(index);
            merged.write(index, &record)?;
        }
        self.runs.insert(name, merged);
        if let Some(first) = first {
            self.heads.push(Reverse((first, name)));
        }
        Ok(())
    }

    /// The record of the smallest index of all runs.
    fn pop_record(&mut self) -> io::Result<Vec<u8>> {
        let missing = || io::Error::other("a run of waiting results is missing");
        let Reverse((_, name)) = self.heads.pop().ok_or_else(missing)?;
        let run = self.runs.get_mut(&name).ok_or_else(missing)?;
        let record = run.read()?;
        match run.peek()? {
            Some(index) => self.heads.push(Reverse((index, name))),
            None if self.current == Some(name) => {}
            None => drop(self.runs.remove(&name)),
        }
        Ok(record)
    }
}

fn with_tail(blob: Blob, tail: Option<Arc<Tail>>) -> Blob {
    let (memory, _) = blob.into_parts();
    Blob::from_parts(memory, tail)
}

fn failed(error: io::Error) -> Error {
    Error::from_io(Operation::Write, error)
        .about("the temporary file of waiting results")
        .with_hint("set TMPDIR to a directory with more room")
}

/// A run: written at one end, read at the other.
#[derive(Debug)]
struct Run {
    tail: Tail,
    last: u64,
    /// Written, and not yet in the file.
    fresh: Vec<u8>,
    /// Read from the file up to `at`, and not yet taken from `taken` on.
    read: Vec<u8>,
    taken: usize,
    at: u64,
}

impl Run {
    fn new(tail: Tail) -> Self {
        Self {
            tail,
            last: 0,
            fresh: Vec::new(),
            read: Vec::new(),
            taken: 0,
            at: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.taken == self.read.len() && self.at == self.tail.len() && self.fresh.is_empty()
    }

    fn write(&mut self, index: u64, record: &[u8]) -> io::Result<()> {
        self.last = index;
        self.fresh.extend_from_slice(record);
        if self.fresh.len() >= PIECE {
            self.tail.append(&self.fresh)?;
            self.fresh.clear();
        }
        Ok(())
    }

    /// The index of the next record.
    fn peek(&mut self) -> io::Result<Option<u64>> {
        if !self.have(HEAD)? {
            self.read = Vec::new();
            self.taken = 0;
            return Ok(None);
        }
        let (_, index) = head(&self.read[self.taken..])?;
        Ok(Some(index))
    }

    /// The next record.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let cut = || io::Error::other("a run of waiting results ends too early");
        if !self.have(HEAD)? {
            return Err(cut());
        }
        let (len, _) = head(&self.read[self.taken..])?;
        if !self.have(4 + len)? {
            return Err(cut());
        }
        let record = self.read[self.taken..self.taken + 4 + len].to_vec();
        self.taken += 4 + len;
        Ok(record)
    }

    /// Whether there are so many more bytes: read until they are there.
    fn have(&mut self, bytes: usize) -> io::Result<bool> {
        while self.read.len() - self.taken < bytes {
            self.read.drain(..self.taken);
            self.taken = 0;
            if self.at == self.tail.len() {
                if self.fresh.is_empty() {
                    return Ok(false);
                }
                // It was not worth a write: it goes straight on.
                self.read.append(&mut self.fresh);
                continue;
            }
            let start = self.read.len();
            let more = PIECE.max(bytes.saturating_sub(start));
            self.read.resize(start + more, 0);
            let many = self.tail.read_at(self.at, &mut self.read[start..])?;
            self.read.truncate(start + many);
            self.at += many as u64;
            self.tail.forget_before(self.at);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
