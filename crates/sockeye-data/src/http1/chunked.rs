//! The chunked transfer coding (RFC 9112 section 7.1), read in pieces of any size.

use super::body::{BodyLimits, Step};
use super::error::{Error, ErrorKind, quoted};
use super::headers::Headers;
use super::line::{self, byte_name};
use super::syntax::{is_token_byte, is_value_byte};

/// Hexadecimal digits of a 64-bit number.
const DIGITS: usize = 16;

#[derive(Clone, Debug)]
enum State {
    /// In the line with the size.
    Size,
    Data(u64),
    /// Behind the data: CR, then LF.
    Cr,
    Lf,
    Trailers,
    Done,
}

/// Where the reading of chunks stands.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    limits: BodyLimits,
    state: State,
    /// The start of a line whose end has not come yet.
    pending: Vec<u8>,
    /// Bytes of extensions and of data so far: the former must not be most of what we read.
    extensions: u64,
    data: u64,
    trailer_bytes: usize,
    trailers: Headers,
}

impl Chunks {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self {
            limits,
            state: State::Size,
            pending: Vec::new(),
            extensions: 0,
            data: 0,
            trailer_bytes: 0,
            trailers: Headers::new(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(super) fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// What is missing, in words.
    pub(super) fn missing(&self) -> String {
        match self.state {
            State::Data(left) => format!("a body cut off {left} bytes before the end of a chunk"),
            State::Trailers => "a body cut off in its trailer".to_owned(),
            _ => "a body cut off before its last chunk".to_owned(),
        }
    }

    /// Take the next data; `base` is where the input begins in the body, for the places of errors.
    pub(super) fn decode<'b>(&mut self, input: &'b [u8], base: usize) -> Result<Step<'b>, Error> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self.state {
                State::Done => return Ok(Step::nothing(at)),
                _ if rest.is_empty() => return Ok(Step::nothing(at)),
                State::Data(left) => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    // A usize always fits.
                    let left = left - length as u64;
                    self.data = self.data.saturating_add(length as u64);
                    self.state = if left == 0 {
                        State::Cr
                    } else {
                        State::Data(left)
                    };
                    return Ok(Step {
                        consumed: at + length,
                        data: &rest[..length],
                    });
                }
                State::Cr | State::Lf => {
                    self.line_end(rest[0])
                        .map_err(|error| error.at(base + at))?;
                    at += 1;
                }
                State::Size | State::Trailers => match self.line(rest, base + at)? {
                    Some(taken) => at += taken,
                    None => return Ok(Step::nothing(input.len())),
                },
            }
        }
    }

    fn line_end(&mut self, byte: u8) -> Result<(), Error> {
        match (&self.state, byte) {
            (State::Cr, b'\r') => self.state = State::Lf,
            (State::Lf, b'\n') => self.state = State::Size,
            _ => {
                let what = format!(
                    "{} where the line break after a chunk should be",
                    byte_name(byte)
                );
                return Err(Error::syntax(0, what, "RFC 9112 section 7.1"));
            }
        }
        Ok(())
    }

    /// Take one line; how many bytes of `rest` it took, or `None` if it goes on behind them.
    fn line(&mut self, rest: &[u8], at: usize) -> Result<Option<usize>, Error> {
        let before = self.pending.len();
        let limit = match self.state {
            State::Trailers => self.limits.trailers.saturating_sub(self.trailer_bytes),
            _ => self.limits.chunk_line,
        };
        // Two bytes for the line end; nothing behind them matters for this line, however the input is cut.
        let window = &rest[..rest.len().min(limit.saturating_add(2) - before)];
        let mut pending = std::mem::take(&mut self.pending);
        let (line, from) = if before == 0 {
            (window, 0)
        } else {
            pending.extend_from_slice(window);
            (pending.as_slice(), before)
        };
        // The line began before this input, if a part of it is pending.
        let place = |error: Error| match error.offset() {
            Some(offset) => error.at(at + offset - before),
            None => error,
        };
        if matches!(self.state, State::Size) {
            early_size(line).map_err(place)?;
        }
        let Some(end) = line::find_end(line, from).map_err(place)? else {
            if line.len() >= limit.saturating_add(2) {
                return Err(self.too_long());
            }
            if before == 0 {
                pending.extend_from_slice(window);
            }
            self.pending = pending;
            return Ok(None);
        };
        if end.is_bare {
            return Err(place(line::bare(end.length)));
        }
        let taken = end.next - before;
        self.whole_line(&line[..end.length]).map_err(place)?;
        pending.clear();
        self.pending = pending;
        Ok(Some(taken))
    }

    fn too_long(&self) -> Error {
        let what = if matches!(self.state, State::Trailers) {
            format!("a trailer of more than {} bytes", self.limits.trailers)
        } else {
            format!(
                "a chunk extension of more than {} bytes",
                self.limits.chunk_line
            )
        };
        Error::new(ErrorKind::HeadTooLarge, what, "")
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), Error> {
        if matches!(self.state, State::Trailers) {
            return self.trailer(line);
        }
        let digits = digits(line);
        let size = line[..digits].iter().fold(0, |sum, &byte| {
            // At most sixteen digits, so nothing is lost.
            sum << 4 | u64::from(char::from(byte).to_digit(16).unwrap_or_default())
        });
        extensions(line, digits)?;
        self.extensions = self.extensions.saturating_add((line.len() - digits) as u64);
        if self.extensions > self.data.saturating_add(self.limits.extensions as u64) {
            let what = format!(
                "more than {} bytes of chunk extensions than data",
                self.limits.extensions
            );
            return Err(Error::new(ErrorKind::HeadTooLarge, what, ""));
        }
        self.state = if size == 0 {
            State::Trailers
        } else {
            State::Data(size)
        };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), Error> {
        if line.is_empty() {
            self.state = State::Done;
            return Ok(());
        }
        let parsed = line::parse(line)?;
        let name = &line[..parsed.name_end];
        if [&b"content-length"[..], b"transfer-encoding"]
            .iter()
            .any(|it| name.eq_ignore_ascii_case(it))
        {
            let what = format!("{} in a trailer", quoted(name));
            return Err(Error::new(ErrorKind::Framing, what, "RFC 9110 section 6.5.1").at(0));
        }
        if self.trailers.len() >= self.limits.trailer_fields {
            let what = format!("more than {} trailer lines", self.limits.trailer_fields);
            return Err(Error::new(ErrorKind::HeadTooLarge, what, ""));
        }
        self.trailer_bytes += line.len() + 2;
        self.trailers.push_parsed(line, parsed)
    }
}

fn digits(line: &[u8]) -> usize {
    line.iter()
        .take(DIGITS + 1)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
}

/// Whether these bytes can still become a line with a size.
fn early_size(line: &[u8]) -> Result<(), Error> {
    const RULE: &str = "RFC 9112 section 7.1";
    let digits = digits(line);
    if digits > DIGITS {
        let what = format!("a chunk size of more than {DIGITS} digits");
        return Err(Error::syntax(0, what, RULE));
    }
    match line.get(digits) {
        None | Some(b'\r' | b'\n') if digits > 0 || line.is_empty() => Ok(()),
        Some(b';' | b' ' | b'\t') if digits > 0 => Ok(()),
        None => Ok(()),
        Some(&byte) => {
            let what = format!("{} in a chunk size", byte_name(byte));
            Err(Error::syntax(digits, what, RULE))
        }
    }
}

/// Check the extensions behind the size: `;name`, `;name=token`, `;name="text"`. The blanks that RFC 9112 tolerates
/// around `;` and `=` are refused, as other readers do: what is skipped by one of two readers hides a line break from it.
fn extensions(line: &[u8], mut at: usize) -> Result<(), Error> {
    let wrong = |at: usize| {
        let what = format!(
            "the chunk extension {}",
            quoted(&line[at.min(line.len())..])
        );
        Error::syntax(at, what, "RFC 9112 section 7.1.1")
    };
    let skip = |mut at: usize, is: fn(u8) -> bool| {
        while line.get(at).copied().is_some_and(is) {
            at += 1;
        }
        at
    };
    while at < line.len() {
        let start = at;
        if line.get(at) != Some(&b';') {
            return Err(wrong(start));
        }
        let name = at + 1;
        at = skip(name, is_token_byte);
        if at == name {
            return Err(wrong(start));
        }
        if line.get(at) != Some(&b'=') {
            continue;
        }
        let value = at + 1;
        at = if line.get(value) == Some(&b'"') {
            quoted_end(line, value).ok_or_else(|| wrong(start))?
        } else {
            skip(value, is_token_byte)
        };
        if at == value {
            return Err(wrong(start));
        }
    }
    Ok(())
}

/// Behind the closing quote of the string that opens at `start`.
fn quoted_end(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match *line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' if line.get(at + 1).copied().is_some_and(is_value_byte) => at += 2,
            b'\\' => return None,
            byte if is_value_byte(byte) => at += 1,
            _ => return None,
        }
    }
}
