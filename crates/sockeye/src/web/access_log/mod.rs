//! The access log: one line for each request, in the form that log analysers read, as JSON, or for people.
//!
//! A line is formatted on the task of the connection, without an allocation, and handed to a [`LogWriter`]; so a request never
//! waits for a disk or a terminal.

mod lines;
mod writer;

pub use writer::{LogWriter, Loss};

use std::cell::RefCell;
use std::fmt;

use super::server::{Log, Record};
use lines::Stamp;

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// The combined format of NCSA and Apache: host, user, time, request line, status, bytes of the body (`-` for none), referer
    /// and agent. Bytes that are no printable ASCII, quotes and backslashes are escaped as Apache does it; times are UTC.
    #[default]
    Combined,
    /// A JSON object, `"type":"request"`, see `docs/serve.md`.
    Json,
    /// For people: time, address, request, status, size and duration.
    Short,
}

/// Writes a line for each request.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use sockeye::web::{AccessLog, LogFormat, LogWriter, Request, Response, Server};
///
/// let writer = LogWriter::new(std::io::sink())?; // a file, say
/// let log = AccessLog::new(LogFormat::Combined, writer);
/// let server = Server::new(|_: Request| async { Response::text("hello\n") }).log(Arc::new(log));
/// # let _ = server;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AccessLog {
    format: LogFormat,
    writer: LogWriter,
    color: bool,
}

impl AccessLog {
    /// A log in this format, written there.
    pub fn new(format: LogFormat, writer: LogWriter) -> Self {
        Self {
            format,
            writer,
            color: false,
        }
    }

    /// The same log with colours in its [`LogFormat::Short`] lines, for terminals.
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Where it is written.
    pub fn writer(&self) -> &LogWriter {
        &self.writer
    }
}

thread_local! {
    /// A line that is being made, and the time in words.
    static SCRATCH: RefCell<(Vec<u8>, Stamp)> = const { RefCell::new((Vec::new(), Stamp::new())) };
}

impl Log for AccessLog {
    fn answered(&self, record: &Record<'_>) {
        SCRATCH.with_borrow_mut(|(line, stamp)| {
            line.clear();
            stamp.update();
            match self.format {
                LogFormat::Combined => lines::combined(line, stamp, record),
                LogFormat::Json => lines::json(line, stamp, record),
                LogFormat::Short => lines::short(line, stamp, record, self.color),
            }
            self.writer.write(line);
        });
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
