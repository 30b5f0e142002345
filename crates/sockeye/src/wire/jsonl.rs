//! The wire view for programs: one JSON object per event and line, lossless.
//!
//! The schema stands in `docs/wire.schema.json` and is explained in `docs/wire.md`. Bytes are `text` where they are
//! valid UTF-8 and `base64` (RFC 4648 section 4) where they are not. Characters that a terminal must not see are
//! written as JSON escapes, which changes nothing for a parser (RFC 8259 section 7).
//!
//! ```json
//! {"type":"data","at":0.001312,"connection":1,"layer":"tcp","covered":false,"direction":"sent","length":5,"text":"ping\n"}
//! ```

use std::fmt;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::BASE64;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use sockeye_data::escape::is_hidden;

use super::event::{Direction, Event, Observer, Side, What};
use super::sink::Sink;
use crate::error::Error;

/// What a [`JsonView`] writes; by default everything but secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonOptions {
    /// Write the secrets of layers too: who has them can read the recorded ciphertext.
    pub secrets: bool,
}

impl JsonOptions {
    /// The same with [`secrets`](Self::secrets) set.
    #[must_use]
    pub fn secrets(mut self, secrets: bool) -> Self {
        self.secrets = secrets;
        self
    }
}

/// An observer that writes one JSON object per event.
///
/// Each event is written by one call. The first error of the writer silences the view; see [`JsonView::take_error`].
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use sockeye::wire::jsonl::{JsonOptions, JsonView};
///
/// let view = JsonView::new(Box::new(io::stderr()), JsonOptions::default());
/// let net = sockeye::net::Net::new().observer(Arc::new(view));
/// ```
pub struct JsonView {
    inner: Mutex<Sink>,
    options: JsonOptions,
}

impl JsonView {
    /// A view that writes to `out`.
    pub fn new(out: Box<dyn Write + Send>, options: JsonOptions) -> Self {
        Self {
            inner: Mutex::new(Sink::new(out)),
            options,
        }
    }

    /// The error that silenced the view, if there was one; it is given out once.
    pub fn take_error(&self) -> Option<io::Error> {
        self.lock().take_error()
    }

    fn lock(&self) -> MutexGuard<'_, Sink> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for JsonView {
    fn on_event(&self, event: &Event<'_>) {
        if matches!(event.what, What::Secret { .. }) && !self.options.secrets {
            return;
        }
        let record = Record::new(event);
        let mut sink = self.lock();
        if sink.is_silent() {
            return;
        }
        push_line(&record, &mut sink.buffer);
        sink.commit();
    }
}

/// Append one JSON object and a line feed, as [`JsonView`] writes them: what a terminal must not see is escaped, and
/// numbers with a point have six digits behind it.
///
/// # Examples
///
/// ```
/// let mut line = Vec::new();
/// sockeye::wire::jsonl::push_line(&serde_json::json!({ "name": "a\u{202e}b" }), &mut line);
/// assert_eq!(line, b"{\"name\":\"a\\u202eb\"}\n");
/// ```
pub fn push_line<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing to memory cannot fail; a value whose keys are no strings is the caller's mistake.
    let written = value.serialize(&mut Serializer::with_formatter(&mut *out, Careful));
    debug_assert!(written.is_ok());
    out.push(b'\n');
}

/// An event as it is written; the order of fields is the order in the line.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Seconds.
    at: f64,
    connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    layer: &'a str,
    covered: bool,
    #[serde(flatten)]
    detail: Detail<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Resolving {
        name: &'a str,
    },
    Resolved {
        name: &'a str,
        addresses: Vec<String>,
        source: &'a str,
    },
    Connecting {
        address: String,
    },
    Failed {
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    Connected {
        #[serde(skip_serializing_if = "Option::is_none")]
        local: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        peer: Option<String>,
    },
    Handshake {
        agreed: &'a str,
    },
    Secret {
        line: &'a str,
    },
    Text {
        direction: &'static str,
        length: usize,
        text: &'a str,
    },
    Base64 {
        direction: &'static str,
        length: usize,
        base64: String,
    },
    HalfClosed {
        direction: &'static str,
    },
    Closed {
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
}

impl<'a> Record<'a> {
    fn new(event: &'a Event<'_>) -> Self {
        let (kind, detail) = detail(&event.what);
        Self {
            kind,
            at: event.at.as_micros() as f64 / 1e6,
            connection: event.connection.0,
            side: match event.side {
                Side::Only => None,
                Side::Inbound => Some("inbound"),
                Side::Outbound => Some("outbound"),
            },
            layer: event.layer,
            covered: event.covered,
            detail,
        }
    }
}

fn detail<'a>(what: &'a What<'_>) -> (&'static str, Detail<'a>) {
    match what {
        What::Resolving { name } => ("resolving", Detail::Resolving { name }),
        What::Resolved {
            name,
            addresses,
            source,
        } => {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            let detail = Detail::Resolved {
                name,
                addresses,
                source,
            };
            ("resolved", detail)
        }
        What::Connecting { address } => {
            let address = address.to_string();
            ("connecting", Detail::Connecting { address })
        }
        What::AttemptFailed { address, error } => {
            ("attempt-failed", failed(error, Some(address.to_string())))
        }
        What::Connected { local, peer } => {
            let local = local.map(ToString::to_string);
            let peer = peer.map(ToString::to_string);
            ("connected", Detail::Connected { local, peer })
        }
        What::Handshake { agreed } => ("handshake", Detail::Handshake { agreed }),
        What::Secret { line } => ("secret", Detail::Secret { line }),
        What::Data(way, bytes) => ("data", data(*way, bytes)),
        What::HalfClosed(way) => {
            let direction = direction(*way);
            ("half-closed", Detail::HalfClosed { direction })
        }
        What::Closed { exit } => {
            let signal = exit.and_then(|exit| exit.signal());
            let exit = exit.and_then(|exit| exit.code());
            ("closed", Detail::Closed { exit, signal })
        }
        What::Failed(error) => ("failed", failed(error, None)),
    }
}

fn data(way: Direction, bytes: &[u8]) -> Detail<'_> {
    let (direction, length) = (direction(way), bytes.len());
    match std::str::from_utf8(bytes) {
        Ok(text) => Detail::Text {
            direction,
            length,
            text,
        },
        Err(_) => Detail::Base64 {
            direction,
            length,
            base64: BASE64.encode(bytes),
        },
    }
}

fn failed<'a>(error: &Error, address: Option<String>) -> Detail<'a> {
    Detail::Failed {
        address,
        code: error.kind().code(),
        message: error.to_string(),
        hint: error.hint(),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    }
}

/// Writes times with microseconds, and what a terminal must not see as `\uXXXX`.
struct Careful;

impl Formatter for Careful {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value:.6}")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut start = 0;
        for (at, c) in fragment.char_indices() {
            if is_hidden(c) {
                writer.write_all(&fragment.as_bytes()[start..at])?;
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                start = at + c.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[start..])
    }
}

impl fmt::Debug for JsonView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonView")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
