//! Where coded bytes go: a file, whatever standard output is, or a person's terminal, which sees text and nothing else.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use sockeye::{Error, Operation, Result};

use super::usage;
use crate::local::TerminalText;
use crate::output::Output;

pub(super) struct Sink {
    file: File,
    name: String,
    /// Of a terminal: what is shown in place of bytes that it would obey.
    text: Option<TerminalText>,
    /// Whether the last line has no end yet.
    is_open: bool,
    written: u64,
}

impl Sink {
    /// `packs`: what will come is compressed, which is nothing to look at.
    pub(super) fn open(path: Option<&Path>, packs: bool, output: &Output) -> Result<Self> {
        let (file, name, is_terminal) = match path {
            Some(path) => {
                let file = File::create(path).map_err(|error| {
                    Error::from_io(Operation::Open, error).about(path.display())
                })?;
                (file, path.display().to_string(), false)
            }
            None => {
                let file = output
                    .data_file()
                    .map_err(|error| Error::from_io(Operation::Open, error))?;
                let is_terminal = io::stdout().is_terminal();
                (file, "standard output".to_owned(), is_terminal)
            }
        };
        if is_terminal && packs {
            return Err(usage("compressed bytes are nothing for a terminal")
                .with_hint("write them to a file (-o FILE), or put base64 behind"));
        }
        Ok(Self {
            file,
            name,
            text: is_terminal.then(TerminalText::default),
            is_open: false,
            written: 0,
        })
    }

    /// False when nobody reads it any more, which is a reason to end quietly.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<bool> {
        self.written += bytes.len() as u64;
        let Some(text) = &mut self.text else {
            let result = self.file.write_all(bytes);
            return self.judge(result);
        };
        let mut shown = String::new();
        text.push(bytes, &mut shown);
        self.show(&shown)
    }

    fn show(&mut self, shown: &str) -> Result<bool> {
        if !shown.is_empty() {
            self.is_open = !shown.ends_with('\n');
        }
        let result = self.file.write_all(shown.as_bytes());
        self.judge(result)
    }

    fn judge(&self, result: io::Result<()>) -> Result<bool> {
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Error::from_io(Operation::Write, error).about(&self.name)),
        }
    }

    /// End the line of a terminal; tells how many bytes there were.
    pub(super) fn finish(mut self) -> Result<u64> {
        if let Some(mut text) = self.text.take() {
            let mut rest = String::new();
            text.finish(&mut rest);
            if !rest.is_empty() || self.is_open {
                rest.push('\n');
            }
            self.show(&rest)?;
        }
        Ok(self.written)
    }
}
