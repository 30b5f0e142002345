//! Results as events: one JSON line for each job, one at the end.
//!
//! Bytes are text where they are UTF-8, else base64 in a member of the same name with `_base64` behind it. What a job said is never
//! gathered in memory for that: it is looked at once, and written in a second pass.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use data_encoding::BASE64;
use serde::Serialize;
use sockeye::Result;
use sockeye::work::{Blob, Ending, Input, Outcome, Report, Sink};

use super::super::command::Command;
use super::tally::{Failures, word};
use super::{Closed, Tally};
use crate::output::Output;
use crate::report::seconds;

/// Bytes that are held back until there are more, or nothing else is at hand.
const BLOCK: usize = 32 << 10;

/// Writes results as events.
pub(crate) struct Events {
    pub(crate) output: Output,
    pub(crate) command: Arc<Command>,
    pub(crate) tally: Tally,
    pub(crate) closed: Closed,
    /// Events that were not written yet.
    pub(crate) held: Vec<u8>,
}

/// What is known of a job beside bytes.
#[derive(Debug, Serialize)]
struct JobEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    number: u64,
    ok: bool,
    ending: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    attempts: u32,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    deliveries: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How the run went.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "report")]
pub(crate) struct ReportEvent {
    inputs: u64,
    succeeded: u64,
    failed: u64,
    canceled: u64,
    resumed: u64,
    attempts: u64,
    retried: u64,
    deliveries: u64,
    duplicates: u64,
    lost_leases: u64,
    halted: bool,
    stopped: bool,
    failures: Vec<Failures>,
    seconds: f64,
}

impl ReportEvent {
    /// How it went, and how jobs failed.
    pub(crate) fn new(report: &Report, tally: &Tally) -> Self {
        Self {
            inputs: report.inputs,
            succeeded: report.succeeded,
            failed: report.failed,
            canceled: report.canceled,
            resumed: report.resumed,
            attempts: report.attempts,
            retried: report.retried,
            deliveries: report.deliveries,
            duplicates: report.duplicates,
            lost_leases: report.lost_leases,
            halted: report.halted,
            stopped: report.stopped,
            failures: tally.failures(),
            seconds: seconds(report.took),
        }
    }
}

impl Sink for Events {
    fn put(&mut self, input: Input, outcome: Outcome) -> Result<()> {
        if !outcome.ending.is_success() {
            self.tally.count(&outcome.ending);
        }
        self.event(&input, &outcome)
            .map_err(|error| self.closed.failed(error))
    }

    fn flush(&mut self) -> Result<()> {
        self.write().map_err(|error| self.closed.failed(error))
    }
}

impl Events {
    fn write(&mut self) -> io::Result<()> {
        let written = self.output.try_bytes(&self.held);
        self.held.clear();
        written
    }

    fn event(&mut self, input: &Input, outcome: &Outcome) -> io::Result<()> {
        let (status, signal, reason) = match &outcome.ending {
            Ending::Exited(status) => (Some(*status), None, None),
            Ending::Killed(signal) => (None, Some(*signal), None),
            Ending::NotFound(why) | Ending::NotStarted(why) | Ending::Failed(why) => {
                (None, None, Some(why.as_str()))
            }
            _ => (None, None, None),
        };
        let event = JobEvent {
            kind: "job",
            number: input.index + 1,
            ok: outcome.ending.is_success(),
            ending: word(&outcome.ending),
            status,
            signal,
            reason,
            attempts: outcome.attempts,
            seconds: seconds(outcome.took),
            worker: outcome.worker.as_deref(),
            deliveries: outcome.deliveries,
        };
        serde_json::to_writer(&mut self.held, &event)?;
        // Bytes follow within the same object.
        self.held.pop();
        member(&mut self.held, "input", &input.bytes);
        self.argv(input);
        self.said("stdout", &outcome.stdout)?;
        self.said("stderr", &outcome.stderr)?;
        self.held.extend_from_slice(b"}\n");
        if self.held.len() >= BLOCK {
            self.write()?;
        }
        Ok(())
    }

    fn argv(&mut self, input: &Input) {
        let Ok(argv) = self.command.argv(input.index, &input.bytes) else {
            return;
        };
        let is_text = argv.iter().all(|word| word.to_str().is_some());
        self.held.extend_from_slice(match is_text {
            true => b",\"argv\":[",
            false => b",\"argv_base64\":[",
        });
        for (at, word) in argv.iter().enumerate() {
            if at > 0 {
                self.held.push(b',');
            }
            string(&mut self.held, word.as_bytes(), is_text);
        }
        self.held.push(b']');
    }

    /// What a job said; what is in a file comes in pieces.
    fn said(&mut self, name: &str, said: &Blob) -> io::Result<()> {
        if let Some(bytes) = said.as_bytes() {
            member(&mut self.held, name, bytes);
            return Ok(());
        }
        let mut check = Utf8::default();
        said.write_to(&mut check)?;
        let is_text = check.is_valid();
        let suffix = if is_text { "" } else { "_base64" };
        self.held
            .extend_from_slice(format!(",\"{name}{suffix}\":\"").as_bytes());
        let mut pieces = Pieces {
            output: &self.output,
            held: &mut self.held,
            is_text,
            rest: Vec::new(),
        };
        said.write_to(&mut pieces)?;
        pieces.finish();
        self.held.push(b'"');
        Ok(())
    }
}

/// A member whose value is bytes.
fn member(to: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let is_text = std::str::from_utf8(bytes).is_ok();
    let suffix = if is_text { "" } else { "_base64" };
    to.extend_from_slice(format!(",\"{name}{suffix}\":").as_bytes());
    string(to, bytes, is_text);
}

fn string(to: &mut Vec<u8>, bytes: &[u8], is_text: bool) {
    to.push(b'"');
    match is_text {
        true => escaped(to, bytes),
        false => to.extend_from_slice(BASE64.encode(bytes).as_bytes()),
    }
    to.push(b'"');
}

/// UTF-8, cut anywhere, within a string of JSON.
fn escaped(to: &mut Vec<u8>, bytes: &[u8]) {
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        to.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'\n' => to.extend_from_slice(b"\\n"),
            b'\t' => to.extend_from_slice(b"\\t"),
            b'\r' => to.extend_from_slice(b"\\r"),
            b'"' | b'\\' => to.extend_from_slice(&[b'\\', *byte]),
            byte => to.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
    }
    to.extend_from_slice(&bytes[plain..]);
}

/// Whether bytes that come in pieces are UTF-8.
#[derive(Default)]
struct Utf8 {
    /// The beginning of a character.
    held: Vec<u8>,
    is_broken: bool,
}

impl Utf8 {
    fn is_valid(&self) -> bool {
        !self.is_broken && self.held.is_empty()
    }
}

impl Write for Utf8 {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        // A character has four bytes at most: byte by byte until it is whole.
        while !self.held.is_empty() && !self.is_broken {
            let Some((next, after)) = rest.split_first() else {
                return Ok(bytes.len());
            };
            self.held.push(*next);
            rest = after;
            match std::str::from_utf8(&self.held) {
                Ok(_) => self.held.clear(),
                Err(error) => self.is_broken = error.error_len().is_some(),
            }
        }
        if let Err(error) = std::str::from_utf8(rest) {
            self.is_broken |= error.error_len().is_some();
            self.held = rest[error.valid_up_to()..]
                .iter()
                .take(4)
                .copied()
                .collect();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The inside of a string, written as it grows.
struct Pieces<'a> {
    output: &'a Output,
    held: &'a mut Vec<u8>,
    is_text: bool,
    /// Bytes that make no whole group of base64 yet.
    rest: Vec<u8>,
}

impl Pieces<'_> {
    fn finish(self) {
        if !self.rest.is_empty() {
            let last = BASE64.encode(&self.rest);
            self.held.extend_from_slice(last.as_bytes());
        }
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_text {
            escaped(self.held, bytes);
        } else {
            self.rest.extend_from_slice(bytes);
            let whole = self.rest.len() / 3 * 3;
            let groups = BASE64.encode(&self.rest[..whole]);
            self.held.extend_from_slice(groups.as_bytes());
            self.rest.drain(..whole);
        }
        if self.held.len() >= BLOCK {
            self.output.try_bytes(self.held)?;
            self.held.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_text_are_seen_as_one() {
        let text = "aé€😀z".as_bytes();
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let mut check = Utf8::default();
                for piece in [&text[..cut], &text[cut..second], &text[second..]] {
                    check.write_all(piece).expect("it takes all");
                }
                assert!(check.is_valid(), "cut at {cut} and {second}");
            }
        }
        for broken in [&b"a\xffb"[..], b"\xe2\x82", b"\xe2\x82a", b"\xc0\x80"] {
            for cut in 0..=broken.len() {
                let mut check = Utf8::default();
                check.write_all(&broken[..cut]).expect("it takes all");
                check.write_all(&broken[cut..]).expect("it takes all");
                assert!(!check.is_valid(), "{broken:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn strings_are_those_of_json() {
        let mut to = Vec::new();
        let text = "a\"\\\u{1}\n\u{7f}é";
        string(&mut to, text.as_bytes(), true);
        assert_eq!(serde_json::from_slice::<String>(&to).expect("JSON"), text);
    }
}
