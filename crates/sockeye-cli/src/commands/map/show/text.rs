//! Results as text: what jobs say, whole and in order, on the output where they said it.

use std::io::{self, Write};
use std::time::Duration;

use sockeye::Result;
use sockeye::data::escape::escape_start;
use sockeye::work::{Blob, Ending, Input, Outcome, Sink};

use super::{Closed, Tally, reason};
use crate::output::{Level, Output};

/// Bytes that are held back until there are more, or nothing else is at hand.
const BLOCK: usize = 32 << 10;
/// So much of an input is shown in a line of talk.
const SHOWN: usize = 60;

/// Writes results as text.
pub(crate) struct Text {
    pub(crate) output: Output,
    pub(crate) tag: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tally: Tally,
    pub(crate) closed: Closed,
    /// Standard output that was not written yet.
    pub(crate) held: Vec<u8>,
}

impl Sink for Text {
    fn put(&mut self, input: Input, outcome: Outcome) -> Result<()> {
        if !outcome.stdout.is_empty() {
            self.stdout(&input, &outcome.stdout)
                .map_err(|error| self.closed.failed(error))?;
        }
        if !outcome.stderr.is_empty() {
            self.flush()?;
            // Like everywhere, what cannot be said does not end the work.
            let mut talk = Talk(&self.output);
            let _ = match self.tag {
                true => tagged(&input, &outcome.stderr, &mut talk),
                false => outcome.stderr.write_to(&mut talk),
            };
        }
        if !outcome.ending.is_success() {
            self.tally.count(&outcome.ending);
        }
        self.talk(&input, &outcome)
    }

    fn flush(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let written = self.output.try_bytes(&self.held);
        self.held.clear();
        written.map_err(|error| self.closed.failed(error))
    }
}

impl Text {
    fn stdout(&mut self, input: &Input, said: &Blob) -> io::Result<()> {
        let mut held = Held {
            output: &self.output,
            held: &mut self.held,
        };
        match self.tag {
            true => tagged(input, said, &mut held),
            false => said.write_to(&mut held),
        }
    }

    /// Say how it ended, where that is not plain: a program that fails says itself why.
    fn talk(&mut self, input: &Input, outcome: &Outcome) -> Result<()> {
        let level = match &outcome.ending {
            Ending::Exited(_) | Ending::Canceled => Level::Verbose,
            _ => Level::Normal,
        };
        if !self.output.says(level) {
            return Ok(());
        }
        self.flush()?;
        let job = format!(
            "job {} ({})",
            input.index + 1,
            escape_start(&input.bytes, SHOWN)
        );
        let seconds = outcome.took.as_secs_f64();
        let attempts = match outcome.attempts {
            0 | 1 => String::new(),
            more => format!(", attempt {more}"),
        };
        let worker = match &outcome.worker {
            None => String::new(),
            Some(worker) => format!(", on {worker}"),
        };
        match outcome.ending.is_success() {
            true => {
                let line = format_args!("{job}: done in {seconds:.3} s{attempts}{worker}");
                self.output.say(level, line);
            }
            false => {
                let why = reason(&outcome.ending, self.timeout);
                let line = format_args!("sockeye: {job}: {why}{attempts}{worker}");
                self.output.say(level, line);
            }
        }
        Ok(())
    }
}

/// Each line behind the input and a tab. A last line without an end gets one.
fn tagged(input: &Input, said: &Blob, to: &mut dyn Write) -> io::Result<()> {
    let mut tag: Vec<u8> = input.bytes.to_vec();
    // What would begin a line of its own, or look like another tag, does not.
    for byte in &mut tag {
        if matches!(byte, b'\n' | b'\t' | b'\r') {
            *byte = b' ';
        }
    }
    tag.push(b'\t');
    let mut tagging = Tagging {
        tag,
        to,
        at_start: true,
    };
    said.write_to(&mut tagging)?;
    match tagging.at_start {
        true => Ok(()),
        false => tagging.to.write_all(b"\n"),
    }
}

struct Tagging<'a> {
    tag: Vec<u8>,
    to: &'a mut dyn Write,
    at_start: bool,
}

impl Write for Tagging<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.at_start {
                self.to.write_all(&self.tag)?;
            }
            self.to.write_all(line)?;
            self.at_start = line.ends_with(b"\n");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Standard output, in larger pieces.
struct Held<'a> {
    output: &'a Output,
    held: &'a mut Vec<u8>,
}

impl Write for Held<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.len() + bytes.len() > BLOCK {
            self.output.try_bytes(self.held)?;
            self.held.clear();
        }
        match bytes.len() > BLOCK {
            true => self.output.try_bytes(bytes)?,
            false => self.held.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error.
struct Talk<'a>(&'a Output);

impl Write for Talk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_talk(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
