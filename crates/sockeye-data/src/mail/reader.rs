//! Messages as records.

use std::io::Read;

use super::entity::{self, Bounds};
use super::mbox::Cutter;
use super::{FORMAT, header};
use crate::record::{Error, ErrorKind, Limits, Position, ReadRecords};
use crate::value::Value;

/// What the input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// One message.
    #[default]
    Message,
    /// An mbox: any number of messages, one in memory at a time. They begin with a line `From ` at the start or behind an empty
    /// line; `>From ` within is unquoted once (mboxrd). `Content-Length` is not looked at: who writes it mostly quotes, too.
    Mbox,
}

/// How mail is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// What the input is.
    pub kind: Kind,
    /// What foreign bytes may cost: `record` is the size of a message, `depth` how deep parts in parts and messages in messages
    /// are opened, 100 at most; what is deeper stays closed.
    pub limits: Limits,
    /// How many parts a message may have, those of messages in it counted. 10,000 unless it is set.
    pub parts: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            kind: Kind::Message,
            limits: Limits::default(),
            parts: 10_000,
        }
    }
}

impl ReadOptions {
    fn bounds(&self) -> Bounds {
        Bounds {
            parts: self.parts,
            depth: self.limits.depth,
        }
    }
}

/// Reads messages.
pub struct Reader<R> {
    options: ReadOptions,
    source: Source<R>,
}

enum Source<R> {
    Message(Option<R>, u64),
    Mbox(Box<Cutter<R>>),
}

impl<R: Read> Reader<R> {
    /// Reads from `input`, whose bytes have no charset: messages say of each part what it is.
    pub fn new(input: R, options: &ReadOptions) -> Self {
        let source = match options.kind {
            Kind::Message => Source::Message(Some(input), 0),
            Kind::Mbox => Source::Mbox(Box::new(Cutter::new(input, options.limits.record))),
        };
        Self {
            options: options.clone(),
            source,
        }
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        match &mut self.source {
            Source::Message(input, bytes) => {
                let Some(input) = input.take() else {
                    return Ok(None);
                };
                let message = whole(input, self.options.limits.record)?;
                *bytes = message.len() as u64;
                if message.is_empty() {
                    return Ok(None);
                }
                parse_with(&message, &self.options).map(Some)
            }
            Source::Mbox(cutter) => {
                let Some((envelope, message)) = cutter.message()? else {
                    return Ok(None);
                };
                let mut record = entity::message(&message, self.options.bounds())
                    .map_err(|error| error.at(cutter.position()))?;
                record.insert("envelope".into(), envelope.into());
                Ok(Some(record.into()))
            }
        }
    }

    fn position(&self) -> Position {
        match &self.source {
            Source::Message(_, bytes) => Position {
                byte: *bytes,
                line: 0,
                column: 0,
            },
            Source::Mbox(cutter) => cutter.position(),
        }
    }
}

/// The record of a message.
///
/// # Errors
///
/// [`ErrorKind::Syntax`] when it has no header, [`ErrorKind::Limit`] when it has too many parts.
pub fn parse(message: &[u8]) -> Result<Value, Error> {
    parse_with(message, &ReadOptions::default())
}

fn parse_with(message: &[u8], options: &ReadOptions) -> Result<Value, Error> {
    if header::split(message).0.is_empty() {
        let start = Position {
            byte: 0,
            line: 1,
            column: 1,
        };
        let error = Error::syntax(
            FORMAT,
            "a message begins with a header, such as \"From: \"",
            start,
        );
        return Err(error.with_hint("name the format with -f"));
    }
    entity::message(message, options.bounds()).map(Value::from)
}

fn whole(input: impl Read, limit: usize) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    let mut input = input.take(limit as u64 + 1);
    input
        .read_to_end(&mut message)
        .map_err(|error| Error::io(FORMAT, &error))?;
    if message.len() > limit {
        let why = format!("the message is larger than {limit} bytes");
        return Err(
            Error::new(ErrorKind::Limit, FORMAT, why).with_hint("raise it with --max-record")
        );
    }
    Ok(message)
}
