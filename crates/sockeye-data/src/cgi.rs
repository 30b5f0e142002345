//! What a CGI program writes before its body (RFC 3875 section 6), and the status line that all gateways share.
//!
//! Lines may end in LF or CRLF, as programs print them. Everything else is as strict as a head of HTTP: a line that is no
//! header is refused, so that nothing a program echoes can become one.

use std::fmt;

use crate::escape;
use crate::http1::Headers;

/// How much of a line an error quotes, in bytes.
const QUOTED: usize = 40;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in all: 32 KiB.
    pub bytes: usize,
    /// Lines: 100.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 10,
            lines: 100,
        }
    }
}

/// What the program said before its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of its `Status`, 200 to 999.
    pub status: Option<u16>,
    /// Its `Location`.
    pub location: Option<Location>,
    /// The length that it says its body has.
    pub length: Option<u64>,
    /// All other lines, without those that are the server's affair (`Connection`, `Transfer-Encoding` and such).
    pub headers: Headers,
}

/// Where a program points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A path of this server, with its query: the server answers for it (RFC 3875 section 6.2.2). Only without a
    /// `Status`: with one, the client is meant.
    Local(String),
    /// Anything else: the client is to go there.
    Client(Vec<u8>),
}

/// Why it is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// More bytes or lines than [`Limits`] say.
    TooLarge,
    /// It begins as an answer of HTTP does: a program that wants to be its own server ("NPH").
    WholeAnswer,
    /// A line that is no header.
    Line(String),
    /// A `Status` that is not three digits from 200 on.
    Status(String),
    /// A `Content-Length` that is no number, or two that differ.
    Length(String),
    /// The output ended within the head.
    Short,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("its header lines are too many or too long"),
            Self::WholeAnswer => f.write_str(
                "it writes a whole answer of HTTP, status line included, not that of a CGI program",
            ),
            Self::Line(line) => write!(f, "`{line}` is no header line"),
            Self::Status(status) => write!(f, "`{status}` is no status"),
            Self::Length(length) => write!(f, "`{length}` is no length"),
            Self::Short => {
                f.write_str("its output ends before the empty line that ends the header lines")
            }
        }
    }
}

impl std::error::Error for HeadError {}

/// Read the head at the beginning of this output: the head and how many bytes it took, or `None` if more is needed.
///
/// # Errors
///
/// [`HeadError`]; [`HeadError::Short`] is for the caller, who knows when the output ends.
///
/// # Examples
///
/// ```
/// use sockeye_data::cgi::{Limits, parse};
///
/// let output = b"Status: 404 Not Found\nContent-Type: text/plain\n\nno such page\n";
/// let (head, length) = parse(output, Limits::default())?.unwrap();
/// assert_eq!((head.status, head.headers.get_str("content-type")), (Some(404), Some("text/plain")));
/// assert_eq!(&output[length..], b"no such page\n");
/// # Ok::<(), sockeye_data::cgi::HeadError>(())
/// ```
pub fn parse(output: &[u8], limits: Limits) -> Result<Option<(Head, usize)>, HeadError> {
    let mut head = Head::default();
    let mut at = 0;
    let mut lines = 0;
    while let Some(length) = output[at..].iter().position(|&byte| byte == b'\n') {
        let end = at + length;
        if end >= limits.bytes || lines > limits.lines {
            return Err(HeadError::TooLarge);
        }
        let line = &output[at..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at = end + 1;
        if line.is_empty() {
            return Ok(Some((head, at)));
        }
        if lines == 0 && line.starts_with(b"HTTP/") {
            return Err(HeadError::WholeAnswer);
        }
        lines += 1;
        head.take(line)?;
    }
    if output.len() >= limits.bytes {
        return Err(HeadError::TooLarge);
    }
    Ok(None)
}

impl Head {
    fn take(&mut self, line: &[u8]) -> Result<(), HeadError> {
        let mut one = Headers::new();
        one.append_line(line)
            .map_err(|_| HeadError::Line(quoted(line)))?;
        let Some(field) = one.iter().next() else {
            return Ok(());
        };
        if field.name.eq_ignore_ascii_case("status") {
            let status = status(field.value).filter(|status| *status >= 200);
            let status = status.ok_or_else(|| HeadError::Status(quoted(field.value)))?;
            self.status = Some(status);
        } else if field.name.eq_ignore_ascii_case("location") {
            self.location = Some(Location::of(field.value));
        } else if field.name.eq_ignore_ascii_case("content-length") {
            let length =
                length(field.value).filter(|length| self.length.is_none_or(|said| said == *length));
            self.length = Some(length.ok_or_else(|| HeadError::Length(quoted(field.value)))?);
        } else if !is_of_the_server(field.name) {
            self.headers
                .append_line(line)
                .map_err(|_| HeadError::Line(quoted(line)))?;
        }
        Ok(())
    }
}

impl Location {
    fn of(value: &[u8]) -> Self {
        match std::str::from_utf8(value) {
            // Two slashes begin another host (RFC 3986 section 4.2).
            Ok(path) if path.starts_with('/') && !path.starts_with("//") => {
                Self::Local(path.to_owned())
            }
            _ => Self::Client(value.to_vec()),
        }
    }
}

/// The number at the beginning of a status such as `404 Not Found`: three digits, then a blank or nothing.
pub fn status(text: &[u8]) -> Option<u16> {
    let (digits, rest) = text.split_at_checked(3)?;
    if !matches!(rest, [] | [b' ', ..]) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..=999).contains(&status).then_some(status)
}

/// A length: digits and nothing else.
pub fn length(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// Whether a header belongs to the connection, so that no program has a say in it (RFC 9110 section 7.6.1).
pub fn is_of_the_server(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "date",
    ];
    NAMES.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

fn quoted(bytes: &[u8]) -> String {
    escape::escape_start(bytes, QUOTED)
}

#[cfg(test)]
mod tests;
