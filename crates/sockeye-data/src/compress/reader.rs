//! Plain bytes of compressed ones, within bounds.

use std::io::{self, Read};

use super::Compression;
use super::inflate::{Failure, Inflate, State};
use crate::record::{Error, ErrorKind, Limits, Position};

/// So many plain bytes, 16 MiB, are given whatever the ratio: small files of equal bytes are no attack.
pub const GRACE: u64 = 16 << 20;

const BLOCK: usize = 128 << 10;
const STEP: usize = 512 << 10;

/// Reads the plain bytes of what `source` gives.
///
/// # Errors
///
/// Reading gives what `source` gives, and an [`Error`] of ours within an [`io::Error`] (see [`Error::io`] for the way back) where
/// the bytes are damaged, cut off, followed by others, or beyond `limits`: of kind [`ErrorKind::Syntax`],
/// [`ErrorKind::Truncated`] or [`ErrorKind::Limit`]. Its position counts compressed bytes. All plain bytes before it are given
/// first. Zeros behind the last member of gzip are padding and no error.
pub fn reader<R: Read>(compression: Compression, source: R, limits: &Limits) -> Reader<R> {
    Reader {
        source,
        compression,
        input: vec![0; BLOCK].into_boxed_slice(),
        start: 0,
        end: 0,
        source_ended: false,
        inflate: None,
        within: false,
        members: 0,
        begun: 0,
        consumed: 0,
        produced: 0,
        ratio: limits.ratio,
        most: limits.inflated,
        verdict: None,
    }
}

/// See [`reader`].
pub struct Reader<R> {
    source: R,
    compression: Compression,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    source_ended: bool,
    inflate: Option<Inflate>,
    /// Whether a member or frame has begun and not ended.
    within: bool,
    members: u64,
    /// Where the member began.
    begun: u64,
    consumed: u64,
    produced: u64,
    ratio: u64,
    most: u64,
    /// How it ended: every read from then on says so again.
    verdict: Option<Result<(), Error>>,
}

impl<R> Reader<R> {
    /// How many compressed bytes were used so far.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// How many plain bytes came of them.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// What is read from; bytes may have been read ahead.
    pub fn into_inner(self) -> R {
        self.source
    }

    fn fail(&mut self, kind: ErrorKind, why: impl Into<String>, at: u64) {
        let error = Error::new(kind, self.compression.name(), why).at(Position {
            byte: at,
            ..Position::default()
        });
        self.verdict = Some(Err(match kind {
            ErrorKind::Limit => error.with_hint("raise or lift the bound if the source is trusted"),
            _ => error,
        }));
    }
}

impl<R: Read> Reader<R> {
    /// Have this many bytes of input, if there are so many.
    fn want(&mut self, count: usize) -> io::Result<()> {
        while self.end - self.start < count && !self.source_ended {
            if self.start > 0 {
                self.input.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            match self.source.read(&mut self.input[self.end..]) {
                Ok(0) => self.source_ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Begin the first or next member, or see that all is over.
    fn begin(&mut self) -> io::Result<()> {
        self.want(4)?;
        let mut next = &self.input[self.start..self.end];
        if self.members > 0 {
            if next.is_empty() {
                self.verdict = Some(Ok(()));
                return Ok(());
            }
            let may_pad = matches!(self.compression, Compression::Gzip | Compression::Xz);
            if may_pad && next[0] == 0 {
                return self.skip_padding();
            }
            if !self.goes_on(next) {
                let at = self.consumed;
                let name = self.compression.name();
                let why = format!("the data is whole, but bytes follow that are not {name}");
                self.fail(ErrorKind::Syntax, why, at);
                return Ok(());
            }
            next = &self.input[self.start..self.end];
        }
        let begun = match self.inflate.take() {
            Some(inflate) => inflate.again(self.compression, next),
            None => Inflate::new(self.compression, next),
        };
        self.inflate = Some(begun?);
        self.within = true;
        self.begun = self.consumed;
        Ok(())
    }

    /// Whether these bytes begin another member.
    fn goes_on(&self, next: &[u8]) -> bool {
        match self.compression {
            // A cut header is told to be cut.
            Compression::Gzip => next[0] == 0x1f && next.get(1).is_none_or(|byte| *byte == 0x8b),
            Compression::Zstd => {
                let frame = [0x28, 0xb5, 0x2f, 0xfd];
                let known = next.len().min(4);
                next[..known] == frame[..known]
                    || (next[0] & 0xf0 == 0x50 && next[1..known] == [0x2a, 0x4d, 0x18][..known - 1])
            }
            Compression::Xz => next[0] == 0xfd && next.get(1).is_none_or(|byte| *byte == b'7'),
            Compression::Bzip2 => {
                let known = next.len().min(3);
                next[..known] == b"BZh"[..known]
            }
            _ => false,
        }
    }

    /// As gzip and xz do: zeros are no error, tapes have them.
    fn skip_padding(&mut self) -> io::Result<()> {
        let at = self.consumed;
        loop {
            let next = &self.input[self.start..self.end];
            let zeros = next.iter().take_while(|byte| **byte == 0).count();
            self.consumed += zeros as u64;
            self.start += zeros;
            self.want(4)?;
            let next = &self.input[self.start..self.end];
            if next.first() == Some(&0) {
                continue;
            }
            if !next.is_empty() && !self.goes_on(next) {
                let name = self.compression.name();
                let why = format!("the data is whole, but bytes follow that are not {name}");
                self.fail(ErrorKind::Syntax, why, at);
            }
            return Ok(());
        }
    }

    /// Inflate some; `Ok(0)` where nothing came of it yet.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.most - self.produced).unwrap_or(usize::MAX);
        // One byte more than is allowed tells that there are more.
        // However much is asked for, the bounds are looked at now and then.
        let room = room.saturating_add(1).min(out.len()).min(STEP);
        let Some(inflate) = &mut self.inflate else {
            return Ok(0);
        };
        let mut step = inflate.step(&self.input[self.start..self.end], &mut out[..room]);
        if step.consumed == 0 && step.produced == 0 && matches!(step.state, State::More) {
            let had = self.end - self.start;
            self.want(had + 1)?;
            if self.end - self.start == had {
                let at = self.consumed + had as u64;
                self.fail(ErrorKind::Truncated, "the input ends too early", at);
            }
            return Ok(0);
        }
        self.start += step.consumed;
        self.consumed += step.consumed as u64;
        self.produced += step.produced as u64;
        match step.state {
            State::More => {}
            State::Ended => {
                self.within = false;
                self.members += 1;
            }
            State::Failed(failure) => self.explain(failure),
        }
        if self.produced > self.most {
            step.produced -= 1;
            let most = self.most;
            let why = format!("more than {most} bytes come out, which is the bound");
            self.fail(ErrorKind::Limit, why, self.consumed);
        } else if self.produced > GRACE && self.produced / self.consumed.max(1) > self.ratio {
            let ratio = self.ratio;
            let why = format!("more than {ratio} times as much comes out as went in");
            self.fail(ErrorKind::Limit, why, self.consumed);
        }
        Ok(step.produced)
    }

    fn explain(&mut self, failure: Failure) {
        let (name, at) = (self.compression.name(), self.consumed);
        match failure {
            Failure::Sum => {
                let why = "the sum at the end is wrong: the data is damaged";
                self.fail(ErrorKind::Syntax, why, at);
            }
            Failure::Header => {
                let begun = self.begun;
                let why = format!("this does not begin as {name} does");
                self.fail(ErrorKind::Syntax, why, begun);
            }
            Failure::Window => {
                let why = "it takes more memory to read this than is given, 128 MiB";
                self.fail(ErrorKind::Limit, why, at);
            }
            Failure::Data(why) => {
                self.fail(ErrorKind::Syntax, why, at);
            }
        }
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &self.verdict {
                Some(Ok(())) => return Ok(0),
                Some(Err(error)) => return Err(error.clone().into()),
                None if !self.within => self.begin()?,
                None => match self.inflate(out)? {
                    0 => {}
                    count => return Ok(count),
                },
            }
        }
    }
}
