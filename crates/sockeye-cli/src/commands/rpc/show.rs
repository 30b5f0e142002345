//! Results as text or as events.

use std::io::{IsTerminal, stdout};

use sockeye::data::json::{self, Layout, Palette, WriteOptions, Writer};
use sockeye::data::record::WriteRecords as _;
use sockeye::data::value::{Object, Value};
use sockeye::rpc::Fault;
use sockeye::{Error, Kind, Operation, Result};

use crate::output::Output;

/// How results are written.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Write a result that is a string as it is, without quotes
    #[arg(short, long)]
    raw: bool,
    /// Write each result on one line, also at a terminal
    #[arg(long)]
    compact: bool,
}

impl ShowArgs {
    /// Whether anything was said.
    pub(super) fn is_given(self) -> bool {
        self.raw || self.compact
    }

    /// A result on standard output. False when nobody reads it any more.
    pub(super) fn result(self, value: &Value, output: &Output) -> Result<bool> {
        let mut options = WriteOptions {
            raw: self.raw,
            ..WriteOptions::default()
        };
        if stdout().is_terminal() && !self.compact {
            options.layout = Layout::Indent(2);
        }
        if output.text_color() {
            options.colours = Some(Palette::default());
        }
        let mut writer = Writer::new(&options);
        let mut out = Vec::new();
        let written = writer.write_record(value, &mut out);
        let written = written.and_then(|()| writer.finish(&mut out));
        written.map_err(|error| Error::new(Kind::Io, Operation::Write, error.to_string()))?;
        Ok(output.bytes(&out))
    }
}

/// An event of the command, whose values are written as they came: numbers keep all their digits.
pub(super) struct Event(Object);

impl Event {
    /// An event of this type.
    pub(super) fn new(kind: &str) -> Self {
        Self(Object::from_iter([("type".into(), kind.into())]))
    }

    /// With this member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// With these members of a fault.
    pub(super) fn with_fault(self, fault: &Fault) -> Self {
        let event = self
            .with("code", fault.code)
            .with("message", &*fault.message);
        match &fault.data {
            Some(data) => event.with("data", data.clone()),
            None => event,
        }
    }

    /// On standard output. False when nobody reads it any more.
    pub(super) fn print(self, output: &Output) -> bool {
        let mut line = Vec::new();
        json::write(&self.0.into(), &mut line);
        line.push(b'\n');
        output.bytes(&line)
    }
}
