//! What passes between a server and a worker process that answers requests: frames of one byte of kind, four bytes of
//! length (big endian), and so many bytes.
//!
//! The server writes `R` (a request: names and values, each followed by a NUL), then, whenever it is asked to, `B` (a piece
//! of the request's body; an empty one is its end) or `X` (the body is broken off). The worker writes `W` (it wants more of
//! the body), `H` (the head of its answer: status, names and values, with a NUL between them), `D` (data), `E` (the end).
//! One conversation is about one request at a time.

use std::fmt;

use crate::cgi;
use crate::escape;
use crate::http1::Headers;

/// Bytes before what a frame carries.
pub const PREFIX: usize = 5;

/// What a worker said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The head of its answer.
    Head(Head),
    /// A piece of the body, perhaps a part of a frame only; not empty.
    Data(&'a [u8]),
    /// It wants a piece of the request's body.
    Wants,
    /// The answer is complete.
    End,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status, 200 to 999.
    pub status: u16,
    /// The length that it says its body has.
    pub length: Option<u64>,
    /// The lines, without those that are the server's affair.
    pub headers: Headers,
}

/// Why that was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerError(String);

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WorkerError {}

/// Where in an answer we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    Body,
    /// So many bytes of a frame of data are to come.
    Data(u32),
    End,
}

/// Reads one answer from what a worker writes.
#[derive(Clone, Debug)]
pub struct Decoder {
    place: Place,
    /// Bytes that a head may have.
    limit: u32,
}

impl Decoder {
    /// One whose heads have this many bytes at most.
    pub fn new(limit: u32) -> Self {
        Self {
            place: Place::Head,
            limit,
        }
    }

    /// Read on: what was said and how many bytes it took, or `None` if more is needed. Nothing may follow the end.
    ///
    /// # Errors
    ///
    /// Bytes that are none of the above, or not in that order.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::worker::{Decoder, Said};
    ///
    /// let mut decoder = Decoder::new(1 << 16);
    /// let written = b"H\0\0\0\x0a200 OK\0a\0bD\0\0\0\x02hiE\0\0\0\0";
    /// let (Said::Head(head), length) = decoder.decode(written)?.unwrap() else { unreachable!() };
    /// assert_eq!((head.status, head.headers.get_str("a")), (200, Some("b")));
    /// assert_eq!(decoder.decode(&written[length..])?.unwrap(), (Said::Data(b"hi"), 7));
    /// # Ok::<(), sockeye_data::worker::WorkerError>(())
    /// ```
    pub fn decode<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<Option<(Said<'a>, usize)>, WorkerError> {
        let mut used = 0;
        loop {
            if let Place::Data(left) = self.place {
                let rest = &bytes[used..];
                let length = rest.len().min(left as usize);
                // No more than `left`, which is a u32.
                let after = left - length as u32;
                if length == 0 && left > 0 {
                    return Ok(None);
                }
                self.place = match after {
                    0 => Place::Body,
                    after => Place::Data(after),
                };
                if length > 0 {
                    return Ok(Some((Said::Data(&rest[..length]), used + length)));
                }
            }
            let Some((prefix, rest)) = bytes[used..].split_first_chunk::<PREFIX>() else {
                return Ok(None);
            };
            let [kind, size @ ..] = *prefix;
            let size = u32::from_be_bytes(size);
            match (kind, self.place) {
                (b'H', Place::Head) if size > self.limit => {
                    return Err(WorkerError("the head of the answer is too large".into()));
                }
                (b'H', Place::Head) => {
                    let Some(payload) = rest.get(..size as usize) else {
                        return Ok(None);
                    };
                    let head = Head::parse(payload)?;
                    self.place = Place::Body;
                    return Ok(Some((Said::Head(head), used + PREFIX + payload.len())));
                }
                (b'W', Place::Head | Place::Body) if size == 0 => {
                    return Ok(Some((Said::Wants, used + PREFIX)));
                }
                (b'E', Place::Body) if size == 0 => {
                    self.place = Place::End;
                    return Ok(Some((Said::End, used + PREFIX)));
                }
                (b'D', Place::Body) => {
                    // The prefix is taken with the first of the data, or at once if that is to come.
                    used += PREFIX;
                    self.place = Place::Data(size);
                    if size > 0 && rest.is_empty() {
                        self.place = Place::Body;
                        return Ok(None);
                    }
                }
                _ => {
                    let kind = escape::escape(&[kind]);
                    let why = format!("a frame `{kind}` of {size} bytes where there may be none");
                    return Err(WorkerError(why));
                }
            }
        }
    }
}

impl Head {
    fn parse(payload: &[u8]) -> Result<Self, WorkerError> {
        let mut pieces = payload.split(|&byte| byte == 0);
        let said = pieces.next().unwrap_or_default();
        let status = cgi::status(said).filter(|status| *status >= 200);
        let Some(status) = status else {
            let said = escape::escape_start(said, 40);
            return Err(WorkerError(format!("`{said}` is no status")));
        };
        let mut head = Self {
            status,
            length: None,
            headers: Headers::new(),
        };
        while let Some(name) = pieces.next() {
            let Some(value) = pieces.next() else {
                return Err(WorkerError("a header without a value".into()));
            };
            head.take(name, value)?;
        }
        Ok(head)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), WorkerError> {
        if name.eq_ignore_ascii_case(b"content-length") {
            let length =
                cgi::length(value).filter(|length| self.length.is_none_or(|said| said == *length));
            let why = || {
                WorkerError(format!(
                    "`{}` is no length",
                    escape::escape_start(value, 40)
                ))
            };
            self.length = Some(length.ok_or_else(why)?);
            return Ok(());
        }
        if std::str::from_utf8(name).is_ok_and(cgi::is_of_the_server) {
            return Ok(());
        }
        self.headers
            .append(name, value)
            .map_err(|error| WorkerError(error.to_string()))
    }
}

/// Begin a frame in `out`; [`end_frame`] fills in its length.
pub fn begin_frame(kind: u8, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[kind, 0, 0, 0, 0]);
    out.len()
}

/// The frame that began there ends here.
pub fn end_frame(began: usize, out: &mut [u8]) {
    // Heads and pieces are bounded far below 4 GiB.
    let length = u32::try_from(out.len() - began).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(began - 4..began) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
