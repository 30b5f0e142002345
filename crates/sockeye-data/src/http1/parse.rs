//! Heads read from a buffer that grows, each byte looked at about once.
//!
//! The start line is ours. The lines below it go to `httparse` when the whole head is there, which is nearly always;
//! what it takes is checked for strictness, and what it refuses goes through our own slow reading, which can say what
//! is wrong and where. Both give the same result for the same bytes, and the tests compare them.

use super::error::{Error, ErrorKind, quoted};
use super::head::{RequestHead, ResponseHead, Version};
use super::headers::Headers;
use super::line::{self, Line, LineEnd, byte_name};
use super::strictness::{Forgiven, Strictness};
use super::syntax::{is_blank, is_token_byte, is_value_byte, trim};
use super::target::{host, target_form};

/// How many header lines are read in one go; a head with more of them takes the slow way.
const AT_ONCE: usize = 32;
/// The longest method; the longest registered one has 17 bytes.
const METHOD: usize = 32;

/// What a head may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line without its end; 16 KiB by default.
    pub line: usize,
    /// Bytes of the whole head with all line ends; 64 KiB by default.
    pub head: usize,
    /// Header lines; 128 by default.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 16 << 10,
            head: 64 << 10,
            fields: 128,
        }
    }
}

/// How far the reading of a head came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<H> {
    /// The head goes on: read more and ask again.
    Incomplete,
    /// The head is there.
    Complete {
        /// The head.
        head: H,
        /// How many bytes it took; the body begins behind them.
        consumed: usize,
        /// What was forgiven, each thing once.
        forgiven: Vec<Forgiven>,
    },
}

/// Reads the head of one request, always strictly.
///
/// Host and target are checked too: see [`host`] and [`target_form`]. An empty line before the request is refused.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::{Limits, Parsed, RequestParser};
///
/// let mut parser = RequestParser::new(Limits::default());
/// let mut buffer = b"GET / HTTP/1.1\r\nHost: exam".to_vec();
/// assert_eq!(parser.parse(&buffer)?, Parsed::Incomplete);
/// buffer.extend_from_slice(b"ple.org\r\n\r\n");
/// let Parsed::Complete { head, consumed, .. } = parser.parse(&buffer)? else { unreachable!() };
/// assert_eq!((head.method.as_str(), consumed), ("GET", buffer.len()));
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestParser {
    lines: Lines,
    start: Option<(String, Vec<u8>, Version)>,
}

/// Reads the head of one response, strictly unless told otherwise.
#[derive(Clone, Debug)]
pub struct ResponseParser {
    lines: Lines,
    start: Option<StatusLine>,
}

impl RequestParser {
    /// A reader for one head.
    pub fn new(limits: Limits) -> Self {
        Self {
            lines: Lines::new(limits, Strictness::STRICT),
            start: None,
        }
    }

    /// Go on with this buffer, which begins where the message begins and holds all that has come of it so far.
    ///
    /// After [`Parsed::Complete`] the parser starts anew with the next message.
    ///
    /// # Errors
    ///
    /// What the peer did wrong. The connection is of no further use.
    pub fn parse(&mut self, buffer: &[u8]) -> Result<Parsed<RequestHead>, Error> {
        if self.start.is_none() {
            early_request(self.lines.start_window(buffer))?;
            let Some(line) = self.lines.start_line(buffer)? else {
                return Ok(Parsed::Incomplete);
            };
            self.start = Some(request_line(line)?);
        }
        if !self.lines.fields(buffer)? {
            return Ok(Parsed::Incomplete);
        }
        let (headers, consumed, forgiven) = self.lines.take();
        let (method, target, version) = self.start.take().unwrap_or_else(|| {
            // Set above, in this call or an earlier one.
            (String::new(), Vec::new(), Version::Http11)
        });
        let head = RequestHead {
            method,
            target,
            version,
            headers,
        };
        target_form(&head)?;
        host(&head)?;
        Ok(Parsed::Complete {
            head,
            consumed,
            forgiven,
        })
    }

    /// The error for a peer that closes before the head is complete.
    pub fn cut_off(&self, buffer: &[u8]) -> Error {
        cut_off("request", buffer)
    }
}

impl ResponseParser {
    /// A strict reader for one head.
    pub fn new(limits: Limits) -> Self {
        Self::with_strictness(limits, Strictness::STRICT)
    }

    /// A reader that forgives this.
    pub fn with_strictness(limits: Limits, strictness: Strictness) -> Self {
        Self {
            lines: Lines::new(limits, strictness),
            start: None,
        }
    }

    /// Go on with this buffer, as [`RequestParser::parse`] does.
    ///
    /// # Errors
    ///
    /// What the peer did wrong. The connection is of no further use.
    pub fn parse(&mut self, buffer: &[u8]) -> Result<Parsed<ResponseHead>, Error> {
        if self.start.is_none() {
            if let Err(error) = early_response(buffer) {
                if self.lines.strictness.http09 {
                    return Ok(http09());
                }
                return Err(error);
            }
            let Some(line) = self.lines.start_line(buffer)? else {
                return Ok(Parsed::Incomplete);
            };
            let (start, spared) = status_line(line)?;
            if spared {
                self.lines.forgive(Forgiven::NoBlankAfterStatus);
            }
            self.start = Some(start);
        }
        if !self.lines.fields(buffer)? {
            return Ok(Parsed::Incomplete);
        }
        let (headers, consumed, forgiven) = self.lines.take();
        // Set above, in this call or an earlier one.
        let (version, status, reason) =
            self.start
                .take()
                .unwrap_or((Version::Http11, 200, Vec::new()));
        Ok(Parsed::Complete {
            head: ResponseHead {
                version,
                status,
                reason,
                headers,
            },
            consumed,
            forgiven,
        })
    }

    /// What is left to say if the peer closes before the head is complete: an error, or, if HTTP/0.9 is forgiven, a
    /// body so short that it might have become a head.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`].
    pub fn end(&self, buffer: &[u8]) -> Result<Parsed<ResponseHead>, Error> {
        if self.lines.strictness.http09 && !buffer.is_empty() && buffer.len() < b"HTTP/".len() {
            return Ok(http09());
        }
        Err(cut_off("answer", buffer))
    }
}

fn cut_off(of: &str, buffer: &[u8]) -> Error {
    let what = if buffer.is_empty() {
        format!("nothing where its {of} should be")
    } else {
        format!("only {} bytes of the head of its {of}", buffer.len())
    };
    Error::new(ErrorKind::Short, what, "RFC 9112 section 8")
}

fn http09() -> Parsed<ResponseHead> {
    Parsed::Complete {
        head: ResponseHead {
            version: Version::Http09,
            status: 200,
            reason: Vec::new(),
            headers: Headers::new(),
        },
        consumed: 0,
        forgiven: vec![Forgiven::Http09],
    }
}

/// Version, status and reason.
type StatusLine = (Version, u16, Vec<u8>);

/// The lines of a head, and how far they were read.
#[derive(Clone, Debug)]
struct Lines {
    limits: Limits,
    strictness: Strictness,
    /// Where the next line begins.
    at: usize,
    /// How much of that line is known to hold no line end.
    scanned: usize,
    tried_at_once: bool,
    headers: Headers,
    forgiven: Vec<Forgiven>,
}

impl Lines {
    fn new(limits: Limits, strictness: Strictness) -> Self {
        Self {
            limits,
            strictness,
            at: 0,
            scanned: 0,
            tried_at_once: false,
            headers: Headers::new(),
            forgiven: Vec::new(),
        }
    }

    fn forgive(&mut self, what: Forgiven) {
        if !self.forgiven.contains(&what) {
            self.forgiven.push(what);
        }
    }

    fn take(&mut self) -> (Headers, usize, Vec<Forgiven>) {
        let done = std::mem::replace(self, Self::new(self.limits, self.strictness));
        (done.headers, done.at, done.forgiven)
    }

    /// As much of the buffer as a start line may take, so that any cut of the input has the same outcome.
    fn start_window<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        &buffer[..buffer.len().min(self.limits.line.saturating_add(2))]
    }

    fn start_line<'b>(&mut self, buffer: &'b [u8]) -> Result<Option<&'b [u8]>, Error> {
        let window = self.start_window(buffer);
        let Some(end) = self.next_line(window)? else {
            if window.len() >= self.limits.line.saturating_add(2) {
                let what = format!("a first line of more than {} bytes", self.limits.line);
                return Err(Error::new(ErrorKind::LineTooLong, what, ""));
            }
            return Ok(None);
        };
        let line = &window[..end.length];
        if line.len() > self.limits.line {
            let what = format!("a first line of more than {} bytes", self.limits.line);
            return Err(Error::new(ErrorKind::LineTooLong, what, ""));
        }
        self.at = end.next;
        Ok(Some(line))
    }

    /// Read header lines; whether the empty line has come.
    fn fields(&mut self, buffer: &[u8]) -> Result<bool, Error> {
        let window = &buffer[..buffer.len().min(self.limits.head)];
        if !std::mem::replace(&mut self.tried_at_once, true) && self.at_once(window)? {
            return Ok(true);
        }
        loop {
            let Some(end) = self.next_line(window.get(self.at..).unwrap_or_default())? else {
                if window.len() >= self.limits.head {
                    let what = format!("a head of more than {} bytes", self.limits.head);
                    return Err(Error::new(ErrorKind::HeadTooLarge, what, ""));
                }
                return Ok(false);
            };
            let start = self.at;
            self.at += end.next;
            let line = &window[start..start + end.length];
            if line.is_empty() {
                return Ok(true);
            }
            self.field(line).map_err(|error| error.moved(start))?;
        }
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Error> {
        if self.strictness.obs_fold && is_blank(line[0]) && !self.headers.is_empty() {
            if let Some(at) = line.iter().position(|&byte| !is_value_byte(byte)) {
                let what = format!("{} in a header", byte_name(line[at]));
                return Err(Error::syntax(at, what, "RFC 9110 section 5.5"));
            }
            self.forgive(Forgiven::ObsFold);
            return self.headers.continue_last(trim(line));
        }
        let parsed = line::parse(line)?;
        if self.headers.len() >= self.limits.fields {
            let what = format!("more than {} header lines", self.limits.fields);
            return Err(Error::new(ErrorKind::HeadTooLarge, what, "").at(0));
        }
        self.headers.push_parsed(line, parsed)
    }

    fn next_line(&mut self, rest: &[u8]) -> Result<Option<LineEnd>, Error> {
        let Some(end) = line::find_end(rest, self.scanned).map_err(|error| error.moved(self.at))?
        else {
            self.scanned = rest.len();
            return Ok(None);
        };
        self.scanned = 0;
        if end.is_bare {
            if !self.strictness.bare_lf {
                return Err(line::bare(self.at + end.length));
            }
            self.forgive(Forgiven::BareLf);
        }
        Ok(Some(end))
    }

    /// All header lines at once, if they are there and plain; otherwise nothing has changed.
    fn at_once(&mut self, window: &[u8]) -> Result<bool, Error> {
        let text = window.get(self.at..).unwrap_or_default();
        let mut fields = [httparse::EMPTY_HEADER; AT_ONCE];
        let Ok(httparse::Status::Complete((length, fields))) =
            httparse::parse_headers(text, &mut fields)
        else {
            return Ok(false);
        };
        if fields.len() > self.limits.fields {
            return Ok(false);
        }
        let mut headers = Headers::with_capacity(fields.len(), length);
        let mut at = 0;
        for field in fields {
            let Some((line, parsed)) = strict_line(&text[at..], field) else {
                return Ok(false);
            };
            headers.push_parsed(line, parsed)?;
            at += line.len() + 2;
        }
        if text.get(at..length) != Some(b"\r\n") {
            return Ok(false);
        }
        self.headers = headers;
        self.at += length;
        Ok(true)
    }
}

/// The line of a field that was found at the start of `text`, if it is a strict one with a CRLF.
fn strict_line<'t>(text: &'t [u8], field: &httparse::Header<'_>) -> Option<(&'t [u8], Line)> {
    let name_end = field.name.len();
    if !text.starts_with(field.name.as_bytes()) || text.get(name_end) != Some(&b':') {
        return None;
    }
    let mut value_start = name_end + 1;
    while text.get(value_start).copied().is_some_and(is_blank) {
        value_start += 1;
    }
    // An empty value is reported somewhere among the blanks.
    let value_end = value_start + field.value.len();
    let mut end = value_end;
    while text.get(end).copied().is_some_and(is_blank) {
        end += 1;
    }
    if text.get(end..end + 2) != Some(b"\r\n") {
        return None;
    }
    let parsed = Line {
        name_end,
        value_start,
        value_end,
    };
    Some((&text[..end], parsed))
}

/// Whether these bytes can still become a request; seen before the line is complete.
fn early_request(bytes: &[u8]) -> Result<(), Error> {
    const RULE: &str = "RFC 9112 section 3";
    if bytes.starts_with(&[0x16, 3]) {
        return Err(Error::syntax(
            0,
            "a TLS handshake instead of a request",
            RULE,
        ));
    }
    let end = bytes
        .iter()
        .take(METHOD + 1)
        .position(|&byte| !is_token_byte(byte));
    match end.map(|end| (end, bytes[end])) {
        Some((0, b'\r' | b'\n')) => {
            let what = "an empty line instead of a request";
            Err(Error::syntax(0, what, "RFC 9112 section 2.2"))
        }
        // A first byte that may be half of a TLS handshake is the same error, whatever comes next.
        Some((0, 0x16)) if bytes.len() == 1 => Ok(()),
        Some((0, byte)) => {
            let what = format!("{} instead of a request", byte_name(byte));
            Err(Error::syntax(0, what, RULE))
        }
        Some((_, b' ')) => Ok(()),
        Some((_, b'\r' | b'\n')) => Ok(()),
        Some((end, byte)) => {
            let what = format!("{} in a method", byte_name(byte));
            Err(Error::syntax(end, what, "RFC 9110 section 9.1"))
        }
        None if bytes.len() > METHOD => Err(Error::new(
            ErrorKind::MethodTooLong,
            format!("a method of more than {METHOD} bytes"),
            "RFC 9110 section 9.1",
        )),
        None => Ok(()),
    }
}

fn request_line(line: &[u8]) -> Result<(String, Vec<u8>, Version), Error> {
    const RULE: &str = "RFC 9112 section 3";
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    // The first part is always there, and a token: `early_request` has looked.
    let method = parts.next().unwrap_or_default();
    let Some(target) = parts.next() else {
        let what = format!("a request line without a target: {}", quoted(line));
        return Err(Error::syntax(method.len(), what, RULE));
    };
    let start = method.len() + 1;
    let Some(version) = parts.next() else {
        let what = format!("a request line without a version: {}", quoted(line));
        return Err(Error::new(ErrorKind::Version, what, RULE).at(line.len()));
    };
    if target.is_empty() {
        return Err(Error::syntax(start, "two blanks after the method", RULE));
    }
    if let Some(at) = target.iter().position(|byte| !byte.is_ascii_graphic()) {
        let what = format!("{} in the target", byte_name(target[at]));
        return Err(Error::syntax(start + at, what, "RFC 9112 section 3.2"));
    }
    let version = version_of(version, start + target.len() + 1)?;
    Ok((
        String::from_utf8_lossy(method).into_owned(),
        target.to_vec(),
        version,
    ))
}

fn version_of(bytes: &[u8], offset: usize) -> Result<Version, Error> {
    const RULE: &str = "RFC 9112 section 2.3";
    match bytes {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            let what = format!(
                "HTTP/{}.{}, which is not spoken here",
                char::from(*major),
                char::from(*minor)
            );
            Err(Error::new(ErrorKind::Version, what, RULE).at(offset))
        }
        other => {
            let what = format!("{} as the version", quoted(other));
            Err(Error::syntax(offset, what, RULE))
        }
    }
}

/// Whether these bytes can still become a response.
fn early_response(bytes: &[u8]) -> Result<(), Error> {
    const RULE: &str = "RFC 9112 section 4";
    let start = b"HTTP/";
    let length = bytes.len().min(start.len());
    if bytes[..length] == start[..length] {
        return Ok(());
    }
    let what = if bytes.starts_with(&[0x15, 3]) {
        "a TLS alert instead of an answer".to_owned()
    } else {
        format!("{} instead of an answer in HTTP", quoted(bytes))
    };
    Err(Error::syntax(0, what, RULE))
}

/// Version, status and reason; and whether the blank after the status was left out.
fn status_line(line: &[u8]) -> Result<(StatusLine, bool), Error> {
    const RULE: &str = "RFC 9112 section 4";
    let version_end = line
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(line.len());
    let version = version_of(&line[..version_end], 0)?;
    let start = version_end + 1;
    let rest = line.get(start..).unwrap_or_default();
    let (digits, reason) = rest.split_at(rest.len().min(3));
    let status = match digits {
        [a @ b'1'..=b'9', b, c] if b.is_ascii_digit() && c.is_ascii_digit() => [a, b, c]
            .iter()
            .fold(0, |sum, &&digit| sum * 10 + u16::from(digit - b'0')),
        _ => {
            let what = format!("{} as a status", quoted(digits));
            return Err(Error::syntax(start, what, RULE));
        }
    };
    let reason = match reason {
        [] => return Ok(((version, status, Vec::new()), true)),
        [b' ', reason @ ..] => reason,
        other => {
            let what = format!("{} right after the status", quoted(other));
            return Err(Error::syntax(start + 3, what, RULE));
        }
    };
    if let Some(at) = reason.iter().position(|&byte| !is_value_byte(byte)) {
        let what = format!("{} in the reason", byte_name(reason[at]));
        return Err(Error::syntax(start + 4 + at, what, RULE));
    }
    Ok(((version, status, reason.to_vec()), false))
}
