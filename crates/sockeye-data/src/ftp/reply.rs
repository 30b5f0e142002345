//! Replies of the control connection (RFC 959 section 4.2).

use super::fault::{Fault, FaultKind, quoted};
use crate::escape;

const RULE: &str = "RFC 959 section 4.2";

/// What bounds one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplyLimits {
    /// The longest line, in bytes without its end; 8 KiB by default.
    pub line: usize,
    /// The most bytes of all lines together; 128 KiB by default.
    pub total: usize,
    /// The most lines; 1,024 by default.
    pub lines: usize,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self {
            line: 8 * 1024,
            total: 128 * 1024,
            lines: 1024,
        }
    }
}

/// What the first digit of a reply says (RFC 959 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 1yz: it has begun, and another reply follows.
    Begun,
    /// 2yz: it is done.
    Done,
    /// 3yz: more is needed.
    More,
    /// 4yz: not now; the same command may work later.
    NotNow,
    /// 5yz: no.
    No,
}

/// One reply, all of its lines.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{Class, ReplyParser};
///
/// let bytes = b"230-Welcome,\r\n 220 guests are here\r\n230 Login successful.\r\n";
/// let (reply, _) = ReplyParser::default().feed(bytes)?.unwrap();
/// assert_eq!((reply.code(), reply.class(), reply.lines().len()), (230, Class::Done, 3));
/// assert_eq!(reply.to_string(), "230 Login successful.");
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// Each line without the code and the byte behind it, where it has them.
    lines: Vec<Vec<u8>>,
}

impl Reply {
    /// The code, 100 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// What its first digit says.
    pub fn class(&self) -> Class {
        match self.code / 100 {
            1 => Class::Begun,
            2 => Class::Done,
            3 => Class::More,
            4 => Class::NotNow,
            _ => Class::No,
        }
    }

    /// Its lines; of the first and the last what follows the code, the others as they came.
    pub fn lines(&self) -> &[Vec<u8>] {
        &self.lines
    }

    /// What the last line says: the only one of most replies.
    pub fn last(&self) -> &[u8] {
        self.lines.last().map_or(&[], Vec::as_slice)
    }

    /// What the first line says.
    pub fn first(&self) -> &[u8] {
        self.lines.first().map_or(&[], Vec::as_slice)
    }
}

impl std::fmt::Display for Reply {
    /// The code and the last line, escaped and cut: safe for a terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.last().trim_ascii();
        if text.is_empty() {
            return write!(f, "{}", self.code);
        }
        write!(f, "{} {}", self.code, escape::escape_start(text, 200))
    }
}

/// Reads replies from bytes that arrive in pieces.
///
/// By default lines end in CR LF and nothing else, as they must. A server that ends them in a bare line feed is read by
/// [`ReplyParser::lenient`].
#[derive(Clone, Debug, Default)]
pub struct ReplyParser {
    limits: ReplyLimits,
    is_lenient: bool,
    /// The line that is not complete yet.
    line: Vec<u8>,
    lines: Vec<Vec<u8>>,
    total: usize,
    code: Option<u16>,
    /// Lines of this reply, the one that is being read not counted.
    count: usize,
}

impl ReplyParser {
    /// A parser with these limits.
    pub fn new(limits: ReplyLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The same, for servers whose lines end in a bare line feed, or in more than one carriage return.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }

    /// Whether a reply has begun and is not complete.
    pub fn is_inside(&self) -> bool {
        self.code.is_some() || !self.line.is_empty()
    }

    /// Read on: a reply and how many of these bytes belong to it, or `None` if all of them do and more must come.
    ///
    /// # Errors
    ///
    /// What is no reply, and what is longer than the limits. The parser is of no use after that.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<(Reply, usize)>, Fault> {
        let mut used = 0;
        while let Some(end) = bytes[used..].iter().position(|&byte| byte == b'\n') {
            let next = used + end + 1;
            self.take(&bytes[used..next])?;
            used = next;
            let line = std::mem::take(&mut self.line);
            if let Some(reply) = self.finish_line(&line)? {
                return Ok(Some((reply, used)));
            }
        }
        self.take(&bytes[used..])?;
        Ok(None)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // Two bytes more for the end of the line.
        if self.line.len() + bytes.len() > self.limits.line.saturating_add(2) {
            let what = format!("a line of more than {} bytes in a reply", self.limits.line);
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        self.total = self.total.saturating_add(bytes.len());
        if self.total > self.limits.total {
            let what = format!("a reply of more than {} bytes", self.limits.total);
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// The line is complete, its end included.
    fn finish_line(&mut self, line: &[u8]) -> Result<Option<Reply>, Fault> {
        let line = self.without_end(line)?;
        self.count += 1;
        if self.count > self.limits.lines {
            let what = format!("a reply of more than {} lines", self.limits.lines);
            return Err(Fault::new(FaultKind::TooLong, what, ""));
        }
        let Some(code) = self.code else {
            let (code, goes_on, text) = first_line(line)?;
            self.lines.push(text.to_vec());
            if goes_on {
                self.code = Some(code);
                return Ok(None);
            }
            return Ok(Some(self.complete(code)));
        };
        match first_line(line) {
            Ok((other, false, text)) if other == code => {
                self.lines.push(text.to_vec());
                Ok(Some(self.complete(code)))
            }
            _ => {
                self.lines.push(line.to_vec());
                Ok(None)
            }
        }
    }

    fn complete(&mut self, code: u16) -> Reply {
        let lines = std::mem::take(&mut self.lines);
        (self.code, self.total, self.count) = (None, 0, 0);
        Reply { code, lines }
    }

    fn without_end<'l>(&self, line: &'l [u8]) -> Result<&'l [u8], Fault> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let text = match line.strip_suffix(b"\r") {
            Some(text) => text,
            None if self.is_lenient => line,
            None => {
                return Err(Fault::syntax(
                    "a line that ends in a bare line feed",
                    "RFC 959 section 2.2",
                ));
            }
        };
        let text = if self.is_lenient {
            let end = text.iter().rposition(|&byte| byte != b'\r');
            &text[..end.map_or(0, |end| end + 1)]
        } else {
            text
        };
        match text.iter().find(|byte| matches!(byte, b'\r' | 0)) {
            Some(b'\r') => Err(Fault::syntax(
                "a carriage return without a line feed in a reply",
                "RFC 959 section 2.2",
            )),
            Some(_) => Err(Fault::syntax("a NUL in a reply", "RFC 959 section 2.2")),
            None => Ok(text),
        }
    }
}

/// Code, whether more lines follow, and text of a line that must have a code.
fn first_line(line: &[u8]) -> Result<(u16, bool, &[u8]), Fault> {
    let no_reply = || {
        let what = format!("a line that is no reply of FTP: {}", quoted(line));
        Fault::syntax(what, RULE)
    };
    let (digits, rest) = line.split_at_checked(3).ok_or_else(no_reply)?;
    let is_code = matches!(digits[0], b'1'..=b'5') && digits.iter().all(u8::is_ascii_digit);
    if !is_code {
        return Err(no_reply());
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Ok((code, false, rest)),
        Some((b' ', text)) => Ok((code, false, text)),
        Some((b'-', text)) => Ok((code, true, text)),
        Some(_) => Err(no_reply()),
    }
}
