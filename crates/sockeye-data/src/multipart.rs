//! `multipart/form-data` (RFC 7578), piece by piece as it arrives: what forms with files are sent as.
//!
//! Strict, because what is behind decides about files: lines end with CR LF, every part has its name, and how many parts
//! there are and how long their heads may be is bounded. Contents are handed on as they come and kept nowhere.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::multipart::{Event, Limits, Multipart};
//!
//! let mut form = Multipart::new(b"X", Limits::default());
//! form.push(b"--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhel");
//! let Some(Event::Part(part)) = form.next()? else { panic!() };
//! assert_eq!(part.file_name.as_deref(), Some(&b"a.txt"[..]));
//! form.push(b"lo\r\n--X--\r\n");
//! let mut contents = Vec::new();
//! while let Some(event) = form.next()? {
//!     match event {
//!         Event::Data(data) => contents.extend(data),
//!         Event::End => break,
//!         _ => panic!(),
//!     }
//! }
//! assert_eq!(contents, b"hello");
//! assert!(matches!(form.next()?, Some(Event::Done)));
//! # Ok::<(), sockeye_data::multipart::MultipartError>(())
//! ```

use std::fmt;

use memchr::memmem::Finder;

use crate::fields::MediaType;
use crate::http1::Headers;

#[cfg(test)]
mod tests;

/// The longest boundary (RFC 2046 section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// What may stand before the first boundary, and as blanks behind one.
const LONGEST_PREAMBLE: usize = 4096;
const LONGEST_PADDING: usize = 64;

/// How much is borne of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parts: 10,000.
    pub parts: usize,
    /// Bytes of the head of one part: 8 KiB.
    pub head: usize,
    /// Lines of the head of one part: 16.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parts: 10_000,
            head: 8 << 10,
            lines: 16,
        }
    }
}

/// What comes next in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(Part),
    /// The next bytes of its contents; never empty.
    Data(Vec<u8>),
    /// The part is over.
    End,
    /// The form is over; what follows is passed over.
    Done,
}

/// The head of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of the field.
    pub name: Vec<u8>,
    /// The name of the file exactly as the client gave it, folders and all: not safe. `None` for a field without a file,
    /// empty if no file was chosen.
    pub file_name: Option<Vec<u8>>,
    /// All header lines.
    pub headers: Headers,
}

/// What is wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultipartError {
    what: &'static str,
    is_too_large: bool,
}

impl MultipartError {
    /// Whether a limit was crossed; otherwise the form is broken.
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    const fn broken(what: &'static str) -> Self {
        Self {
            what,
            is_too_large: false,
        }
    }

    const fn too_large(what: &'static str) -> Self {
        Self {
            what,
            is_too_large: true,
        }
    }
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for MultipartError {}

/// The boundary that a `Content-Type` of `multipart/form-data` names; `None` for another type, or one without a good
/// boundary.
pub fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let media_type = MediaType::parse(content_type)?;
    if media_type.essence() != "multipart/form-data" {
        return None;
    }
    let boundary = media_type.parameter("boundary")?.as_bytes();
    let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let fits = (1..=LONGEST_BOUNDARY).contains(&boundary.len());
    (fits && boundary.iter().all(is_good) && !boundary.ends_with(b" ")).then(|| boundary.to_vec())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    /// Behind a boundary: `--` or the end of the line.
    Boundary,
    Head,
    Contents,
    Done,
}

/// A form that is being read: bytes go in by [`push`](Self::push), [`next`](Self::next) says what they mean.
#[derive(Clone, Debug)]
pub struct Multipart {
    /// Finds CR LF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    limits: Limits,
    state: State,
    parts: usize,
    buffer: Vec<u8>,
    /// What of the buffer is settled.
    at: usize,
}

impl Multipart {
    /// A form with this boundary.
    pub fn new(boundary: &[u8], limits: Limits) -> Self {
        let delimiter = [b"\r\n--", boundary].concat();
        Self {
            delimiter: Finder::new(&delimiter).into_owned(),
            limits,
            state: State::Preamble,
            parts: 0,
            // The first boundary may be the very beginning.
            buffer: b"\r\n".to_vec(),
            at: 0,
        }
    }

    /// The next bytes of the form. What [`next`](Self::next) has not taken yet is kept: ask it until it has nothing before
    /// you push more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state == State::Done {
            return;
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the form has come to its end. Without that, its sender was cut off.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// What comes next; `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// A form that is broken or beyond its limits; nothing good follows.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, MultipartError> {
        loop {
            let rest = &self.buffer[self.at..];
            match self.state {
                State::Preamble | State::Contents => return self.contents(),
                State::Boundary => {
                    if rest.starts_with(b"--") {
                        self.state = State::Done;
                        self.buffer = Vec::new();
                        self.at = 0;
                        return Ok(Some(Event::Done));
                    }
                    let blanks = rest.iter().take_while(|byte| b" \t".contains(byte)).count();
                    match &rest[blanks..] {
                        _ if blanks > LONGEST_PADDING => return Err(BEHIND_BOUNDARY),
                        [] | [b'-' | b'\r'] => return Ok(None),
                        [b'\r', b'\n', ..] => {
                            self.at += blanks + 2;
                            self.state = State::Head;
                        }
                        _ => return Err(BEHIND_BOUNDARY),
                    }
                }
                State::Head => return self.head(),
                State::Done => return Ok(None),
            }
        }
    }

    /// Contents up to the next boundary, or as far as they are certain.
    fn contents(&mut self) -> Result<Option<Event>, MultipartError> {
        let is_preamble = self.state == State::Preamble;
        let rest = &self.buffer[self.at..];
        let length = self.delimiter.needle().len();
        let (certain, found) = match self.delimiter.find(rest) {
            Some(at) => (at, true),
            // The end may be the beginning of a boundary.
            None => (rest.len().saturating_sub(length - 1), false),
        };
        if is_preamble {
            if certain > LONGEST_PREAMBLE {
                return Err(MultipartError::too_large(
                    "too much text before the first part",
                ));
            }
            if !found {
                return Ok(None);
            }
            self.at += certain + length;
            self.state = State::Boundary;
            return self.next();
        }
        if certain > 0 {
            let data = rest[..certain].to_vec();
            self.at += certain;
            return Ok(Some(Event::Data(data)));
        }
        if !found {
            return Ok(None);
        }
        self.at += length;
        self.state = State::Boundary;
        Ok(Some(Event::End))
    }

    fn head(&mut self) -> Result<Option<Event>, MultipartError> {
        let rest = &self.buffer[self.at..];
        let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") else {
            if rest.len() > self.limits.head {
                return Err(HEAD_TOO_LONG);
            }
            return Ok(None);
        };
        if end > self.limits.head {
            return Err(HEAD_TOO_LONG);
        }
        self.parts += 1;
        if self.parts > self.limits.parts {
            return Err(MultipartError::too_large("too many parts"));
        }
        let part = read_head(&rest[..end], self.limits.lines)?;
        self.at += end + 4;
        self.state = State::Contents;
        Ok(Some(Event::Part(part)))
    }
}

const BEHIND_BOUNDARY: MultipartError =
    MultipartError::broken("something stands behind a boundary");
const HEAD_TOO_LONG: MultipartError = MultipartError::too_large("the head of a part is too long");

fn read_head(head: &[u8], most_lines: usize) -> Result<Part, MultipartError> {
    let mut headers = Headers::new();
    let mut rest = head;
    let mut lines = 0;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\r\n").unwrap_or(rest.len());
        lines += 1;
        if lines > most_lines {
            return Err(MultipartError::too_large(
                "a part with too many header lines",
            ));
        }
        headers
            .append_line(&rest[..end])
            .map_err(|_| MultipartError::broken("a part with a broken header line"))?;
        rest = rest.get(end + 2..).unwrap_or_default();
    }
    let dispositions: Vec<_> = headers.all("content-disposition").collect();
    let [disposition] = dispositions[..] else {
        return Err(MultipartError::broken(
            "a part without one Content-Disposition",
        ));
    };
    let (name, file_name) = read_disposition(disposition)?;
    Ok(Part {
        name,
        file_name,
        headers,
    })
}

/// The names that `form-data; name="f"; filename="a.txt"` gives.
fn read_disposition(value: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), MultipartError> {
    const BROKEN: MultipartError = MultipartError::broken("a Content-Disposition that is broken");
    let kind_end = value.iter().position(|&byte| byte == b';');
    let (kind, mut rest) = value.split_at(kind_end.unwrap_or(value.len()));
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return Err(BROKEN);
    }
    let (mut name, mut file_name) = (None, None);
    loop {
        rest = rest.trim_ascii_start();
        let Some(after) = rest.strip_prefix(b";") else {
            break;
        };
        let after = after.trim_ascii_start();
        if after.is_empty() {
            rest = after;
            break;
        }
        let equals = after.iter().position(|&byte| byte == b'=').ok_or(BROKEN)?;
        let key = after[..equals].trim_ascii();
        let (text, behind) = read_value(&after[equals + 1..]).ok_or(BROKEN)?;
        rest = behind;
        // `filename*` has no place in forms (RFC 7578 section 4.2): whoever sends both means to be read in two ways.
        let slot = match key {
            _ if key.eq_ignore_ascii_case(b"name") => &mut name,
            _ if key.eq_ignore_ascii_case(b"filename") => &mut file_name,
            _ if key.eq_ignore_ascii_case(b"filename*") => return Err(BROKEN),
            _ => continue,
        };
        if slot.replace(text).is_some() {
            return Err(BROKEN);
        }
    }
    match (rest.is_empty(), name) {
        (true, Some(name)) => Ok((name, file_name)),
        _ => Err(BROKEN),
    }
}

/// A word, or a text in quotes as browsers and curl write it: `%22` and `\"` are quotes, other backslashes are themselves.
/// And what follows.
fn read_value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| b"; \t".contains(byte));
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        return Some((word.to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match quoted.get(at..)? {
            [] => return None,
            [b'"', rest @ ..] => return Some((value, rest)),
            [b'\\', byte @ (b'"' | b'\\'), ..] => {
                value.push(*byte);
                at += 2;
            }
            [b'%', b'2', b'2', ..] => {
                value.push(b'"');
                at += 3;
            }
            [byte, ..] => {
                value.push(*byte);
                at += 1;
            }
        }
    }
}
