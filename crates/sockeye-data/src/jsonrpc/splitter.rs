//! Messages in a stream of bytes: where one ends and the next begins. Whether they are JSON is not looked at.

use std::fmt;

/// What else ends a message, besides the bracket that closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A newline, wherever it stands: what is broken is behind us with its line. For servers.
    Lines,
    /// Nothing: a message may stand on many lines. For clients, who part with whoever sends broken ones.
    Values,
}

/// A message is longer than may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How many bytes may be.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message has more than {} bytes", self.limit)
    }
}

impl std::error::Error for TooLong {}

/// Where the scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a message.
    Between,
    /// Within an array or an object.
    Nested { depth: usize },
    /// Within a string of one.
    Quoted { depth: usize, escaped: bool },
    /// Within something else, which goes on to the end of its line.
    Other,
}

/// Finds messages in bytes that come in pieces.
///
/// A message is an array or an object up to the bracket that closes it, so that a peer that sends no newline is answered too; or
/// anything else up to a newline.
///
/// ```
/// use sockeye_data::jsonrpc::{Framing, Splitter};
///
/// let mut splitter = Splitter::new(Framing::Lines, 1 << 20);
/// splitter.room().extend_from_slice(b"{\"a\":1}{\"b\":\"}\"}\n{\"broken\n[2");
/// assert_eq!(splitter.next()?, Some(&b"{\"a\":1}"[..]));
/// assert_eq!(splitter.next()?, Some(&b"{\"b\":\"}\"}"[..]));
/// assert_eq!(splitter.next()?, Some(&b"{\"broken"[..]));
/// assert_eq!(splitter.next()?, None);
/// assert_eq!(splitter.finish(), Some(&b"[2"[..]));
/// # Ok::<(), sockeye_data::jsonrpc::TooLong>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    framing: Framing,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the message begins, or what comes before it.
    start: usize,
    /// How far the scan is.
    at: usize,
    place: Place,
}

/// What is asked of the system at a time.
const ROOM: usize = 16 << 10;

impl Splitter {
    /// Messages of at most this many bytes.
    pub fn new(framing: Framing, limit: usize) -> Self {
        Self {
            framing,
            limit,
            buffer: Vec::new(),
            start: 0,
            at: 0,
            place: Place::Between,
        }
    }

    /// Where bytes that came are appended.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * ROOM {
            // A large message does not stay for all the time of a connection.
            self.buffer = Vec::new();
        }
        self.buffer.reserve(ROOM);
        &mut self.buffer
    }

    /// The next whole message; `None` if more has to come first.
    ///
    /// # Errors
    ///
    /// [`TooLong`]; nothing more is found then.
    #[expect(clippy::should_implement_trait, reason = "what it yields is lent")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        while let Some(&byte) = self.buffer.get(self.at) {
            self.at += 1;
            let Some(end) = self.step(byte) else {
                continue;
            };
            let start = std::mem::replace(&mut self.start, self.at);
            self.place = Place::Between;
            if end - start > self.limit {
                return Err(self.too_long());
            }
            return Ok(Some(&self.buffer[start..end]));
        }
        match self.at - self.start > self.limit {
            true => Err(self.too_long()),
            false => Ok(None),
        }
    }

    /// What is left at the end of the stream, if it is anything.
    pub fn finish(&mut self) -> Option<&[u8]> {
        let rest = &self.buffer[std::mem::replace(&mut self.start, self.buffer.len())..];
        self.at = self.buffer.len();
        (self.place != Place::Between && !rest.is_empty()).then_some(rest)
    }

    /// One byte further; the end of the message if it is complete.
    fn step(&mut self, byte: u8) -> Option<usize> {
        let is_newline = byte == b'\n';
        self.place = match (self.place, byte) {
            (Place::Between, b' ' | b'\t' | b'\r' | b'\n') => {
                self.start = self.at;
                Place::Between
            }
            (Place::Between, b'{' | b'[') => Place::Nested { depth: 1 },
            (Place::Between, _) => Place::Other,
            (Place::Other, _) if is_newline => return Some(self.at - 1),
            // A newline stands in no string: it is broken.
            (Place::Quoted { .. }, _) if is_newline => return Some(self.at - 1),
            (Place::Nested { .. }, _) if is_newline && self.framing == Framing::Lines => {
                return Some(self.at - 1);
            }
            (Place::Nested { depth }, b'"') => Place::Quoted {
                depth,
                escaped: false,
            },
            (Place::Nested { depth }, b'{' | b'[') => Place::Nested { depth: depth + 1 },
            (Place::Nested { depth: 1 }, b'}' | b']') => return Some(self.at),
            (Place::Nested { depth }, b'}' | b']') => Place::Nested { depth: depth - 1 },
            (
                Place::Quoted {
                    depth,
                    escaped: false,
                },
                b'"',
            ) => Place::Nested { depth },
            (Place::Quoted { depth, escaped }, _) => Place::Quoted {
                depth,
                escaped: !escaped && byte == b'\\',
            },
            (place, _) => place,
        };
        None
    }

    fn too_long(&mut self) -> TooLong {
        self.buffer = Vec::new();
        (self.start, self.at, self.place) = (0, 0, Place::Between);
        TooLong { limit: self.limit }
    }
}
