//! Where results go: a large buffer before standard output or a file. It is written when it is full, at the end, and before the
//! input makes us wait, so that what comes from a slow pipe is seen at once.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye::data::compress::{self, Compression};
use sockeye::{Error, Operation};

/// The buffer is written when it has so many bytes.
const FULL: usize = 256 << 10;

/// Why nothing more is converted.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Nobody reads the output any more: a quiet end.
    Closed,
    /// The program said so, with this exit code.
    Exit(u8),
    /// It failed.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What is done until there is a reason to end.
pub(crate) type Step<T = ()> = Result<T, Halt>;

/// A sink that the source of the bytes knows too.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    target: Target,
    buffer: Vec<u8>,
    /// Each record is written at once.
    is_unbuffered: bool,
    terminal: Option<Terminal>,
    /// What failed when the source made it flush.
    failed: Option<io::Error>,
}

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Target {
    Plain(File),
    /// Compressed on the way.
    Packed(compress::Writer<File>),
    /// Nothing is written any more.
    Closed,
}

impl Target {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Packed(writer) => writer.write_all(bytes),
            Self::Closed => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// A terminal obeys control characters: those of the data are not for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Sequences that set colours are ours.
    pub(crate) has_colors: bool,
}

impl Sink {
    /// Write into this file.
    pub(crate) fn new(file: File, is_unbuffered: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            target: Target::Plain(file),
            buffer: Vec::with_capacity(FULL + (64 << 10)),
            is_unbuffered,
            terminal: None,
            failed: None,
        })))
    }

    /// The same, compressed.
    pub(crate) fn packed(file: File, compression: Option<Compression>) -> io::Result<Self> {
        let sink = match compression {
            None => return Ok(Self::new(file, false)),
            Some(compression) => {
                let sink = Self::new(file.try_clone()?, false);
                let writer = compress::writer(compression, None, file)?;
                sink.lock().target = Target::Packed(writer);
                sink
            }
        };
        Ok(sink)
    }

    /// The same for a terminal.
    pub(crate) fn for_terminal(self, terminal: Option<Terminal>) -> Self {
        self.lock().terminal = terminal;
        self
    }

    /// Write what is left, and the end of what is compressed.
    pub(crate) fn close(&self) -> Step {
        let mut inner = self.lock();
        inner.flush().map_err(halt)?;
        match std::mem::replace(&mut inner.target, Target::Closed) {
            Target::Packed(writer) => writer.finish().map(drop).map_err(halt),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The bytes in the buffer are whole records whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Append to the buffer, and write it if it is time.
    pub(crate) fn append<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> Step<T> {
        let mut inner = self.lock();
        let written = write(&mut inner.buffer);
        if inner.buffer.len() >= FULL || inner.is_unbuffered {
            inner.flush().map_err(halt)?;
        }
        Ok(written)
    }

    /// Write what the buffer has.
    pub(crate) fn flush(&self) -> Step {
        self.lock().flush().map_err(halt)
    }

    /// The same for the source, before it waits. If that fails, whoever writes next hears of it.
    pub(crate) fn flush_before_waiting(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.flush().map_err(|error| {
            let kind = error.kind();
            inner.failed = Some(error);
            kind.into()
        })
    }

    /// What failed behind the back of whoever writes.
    pub(crate) fn take_failure(&self) -> Option<Halt> {
        self.lock().failed.take().map(halt)
    }
}

impl Inner {
    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let outcome = match self.terminal {
            Some(terminal) => self.target.write_all(&terminal.escape(&self.buffer)),
            None => self.target.write_all(&self.buffer),
        };
        self.buffer.clear();
        outcome
    }
}

fn halt(error: io::Error) -> Halt {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Halt::Closed,
        _ => Halt::Failed(Error::from_io(Operation::Write, error).about("the output")),
    }
}

impl Terminal {
    /// The text without what the terminal would obey; newlines and tabs stay.
    fn escape(self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let next = bytes.get(at + 1).copied().unwrap_or_default();
            match byte {
                b'\n' | b'\t' => out.push(byte),
                0x1b if self.has_colors && color_length(&bytes[at..]).is_some() => {
                    let length = color_length(&bytes[at..]).unwrap_or(1);
                    out.extend_from_slice(&bytes[at..at + length]);
                    at += length;
                    continue;
                }
                0..0x20 | 0x7f => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
                // C1 controls in UTF-8.
                0xc2 if (0x80..0xa0).contains(&next) => {
                    out.extend_from_slice(format!("\\u{{{next:x}}}").as_bytes());
                    at += 1;
                }
                _ => out.push(byte),
            }
            at += 1;
        }
        out
    }
}

/// How long the sequence is that sets a colour, if this is one.
fn color_length(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let end = parameters
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
    (parameters[end] == b'm').then_some(end + 3)
}

#[cfg(test)]
mod tests {
    use super::Terminal;

    #[test]
    fn a_terminal_gets_no_control_characters_of_the_data() {
        let escape = |has_colors, bytes: &str| {
            let terminal = Terminal { has_colors };
            String::from_utf8(terminal.escape(bytes.as_bytes())).unwrap()
        };
        assert_eq!(escape(true, "\x1b[1;31mé\x1b[0m\n"), "\x1b[1;31mé\x1b[0m\n");
        assert_eq!(escape(false, "\x1b[1m"), "\\x1b[1m");
        assert_eq!(escape(true, "\x1b]0;x\x07\x1b["), "\\x1b]0;x\\x07\\x1b[");
        assert_eq!(
            escape(true, "a\r\tb\u{9b}2J\x7f"),
            "a\\x0d\tb\\u{9b}2J\\x7f"
        );
    }
}
