//! Header lines as an ordered list: nothing is folded, sorted or changed in case.

use std::fmt;

use super::error::{Error, ErrorKind, quoted};
use super::line::{self, Line};
use super::syntax::{is_token, is_value_byte, trim};
use crate::escape;

/// Where one line stands in the text of its list.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    name_end: u32,
    value_start: u32,
    value_end: u32,
    end: u32,
}

/// Header lines (or trailer lines) in their order, exactly as they were given or received.
///
/// Names are found in any case and kept in theirs; duplicates stay apart. All lines share one buffer, so a list of any
/// length costs two allocations. Two lists are equal if their names (in case), values and order are; blanks around values do not count.
///
/// # Examples
///
/// ```
/// use sockeye_data::http1::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("x-B", "1")?;
/// headers.append_line("X-a:2")?;
/// headers.append("x-b", "3")?;
/// assert_eq!(headers.get("X-B"), Some(&b"1"[..]));
/// assert_eq!(headers.combined("x-b").unwrap(), b"1, 3");
/// let mut out = Vec::new();
/// headers.write(&mut out);
/// assert_eq!(out, b"x-B: 1\r\nX-a:2\r\nx-b: 3\r\n");
///
/// let error = headers.append("a", "b\r\nc: d").unwrap_err();
/// assert_eq!(error.to_string(), r"a line break in the value of the header `a`, at byte 1 (RFC 9110 section 5.5)");
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    /// The lines, each with its CRLF.
    text: Vec<u8>,
    spans: Vec<Span>,
    /// Lines were removed or put in between, so that the text is not what is written.
    is_ragged: bool,
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, in the case it was given in; a token, so always ASCII.
    pub name: &'a str,
    /// The value without the blanks around it; it may hold bytes beyond ASCII.
    pub value: &'a [u8],
    /// The whole line without its line end.
    pub line: &'a [u8],
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, escape::escape(self.value))
    }
}

impl Headers {
    /// No lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for this many lines and bytes.
    pub(super) fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(lines),
            is_ragged: false,
        }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// All lines in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> + ExactSizeIterator {
        self.spans.iter().map(|span| self.field(*span))
    }

    /// The value of the first line of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The value of the first line of this name, if it is text in UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// The values of all lines of this name, in their order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.spans
            .iter()
            .filter(move |span| self.is_named(**span, name.as_bytes()))
            .map(|span| &self.text[span.value_start as usize..span.value_end as usize])
    }

    /// Whether there is a line of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The values of all lines of this name as one list with commas (RFC 9110 section 5.3).
    ///
    /// Not for `Set-Cookie`, whose values hold commas of their own.
    pub fn combined(&self, name: &str) -> Option<Vec<u8>> {
        let values: Vec<&[u8]> = self.all(name).collect();
        (!values.is_empty()).then(|| values.join(&b", "[..]))
    }

    /// The members of all lists of this name, trimmed, empty ones left out. A comma within quotes does not part members.
    pub fn list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(Members)
    }

    /// Add a line at the end, written as `name: value`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`]: a name that is not a token; a line break, NUL or another control byte in the value.
    pub fn append(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let span = self.store(name.as_ref(), value.as_ref())?;
        self.spans.push(span);
        Ok(())
    }

    /// Add a line at the end exactly as it was typed: `X-a:2` stays without its blank.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`], as with [`append`](Self::append), or no colon, or a blank before it.
    pub fn append_line(&mut self, line: impl AsRef<[u8]>) -> Result<(), Error> {
        let line = line.as_ref();
        let parsed = line::parse(line).map_err(Error::unwritable)?;
        self.push_parsed(line, parsed)
    }

    /// Put a line before the one at `index`, or at the end if there are not so many.
    ///
    /// # Errors
    ///
    /// As with [`append`](Self::append).
    pub fn insert(
        &mut self,
        index: usize,
        name: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let span = self.store(name.as_ref(), value.as_ref())?;
        self.is_ragged |= index < self.spans.len();
        self.spans.insert(index.min(self.spans.len()), span);
        Ok(())
    }

    /// Set the value of a header: the first line of this name is replaced where it stands, further ones are removed;
    /// if there is none, the line goes to the end.
    ///
    /// # Errors
    ///
    /// As with [`append`](Self::append); then nothing has changed.
    pub fn replace(
        &mut self,
        name: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let name = name.as_ref();
        let span = self.store(name, value.as_ref())?;
        let place = self
            .iter()
            .position(|field| field.name.as_bytes().eq_ignore_ascii_case(name));
        self.drop_all(name);
        self.is_ragged |= place.is_some();
        self.spans.insert(place.unwrap_or(self.spans.len()), span);
        Ok(())
    }

    /// Remove all lines of this name, and say how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.len();
        self.drop_all(name.as_bytes());
        before - self.len()
    }

    /// Write all lines, each with its CRLF; the empty line that ends a head is not one of them.
    pub fn write(&self, out: &mut Vec<u8>) {
        if !self.is_ragged {
            return out.extend_from_slice(&self.text);
        }
        out.reserve(self.text.len());
        for field in self.iter() {
            out.extend_from_slice(field.line);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// [`write`](Self::write) without the lines whose name `skip` picks.
    pub fn write_without(&self, out: &mut Vec<u8>, skip: impl Fn(&[u8]) -> bool) {
        let name = |span: &Span| &self.text[span.start as usize..span.name_end as usize];
        let mut from = 0;
        for span in &self.spans {
            if self.is_ragged {
                if !skip(name(span)) {
                    out.extend_from_slice(&self.text[span.start as usize..span.end as usize + 2]);
                }
            } else if skip(name(span)) {
                out.extend_from_slice(&self.text[from..span.start as usize]);
                from = span.end as usize + 2;
            }
        }
        if !self.is_ragged {
            out.extend_from_slice(&self.text[from..]);
        }
    }

    /// Add a line that was parsed already.
    pub(super) fn push_parsed(&mut self, line: &[u8], parsed: Line) -> Result<(), Error> {
        let start = self.text.len();
        let place = |inner: usize| u32::try_from(start + inner).map_err(|_| too_large());
        let span = Span {
            start: place(0)?,
            name_end: place(parsed.name_end)?,
            value_start: place(parsed.value_start)?,
            value_end: place(parsed.value_end)?,
            end: place(line.len())?,
        };
        self.text.extend_from_slice(line);
        self.text.extend_from_slice(b"\r\n");
        self.spans.push(span);
        Ok(())
    }

    /// Go on with the value of the last line, behind one blank.
    pub(super) fn continue_last(&mut self, more: &[u8]) -> Result<(), Error> {
        let Some(last) = self.spans.last_mut() else {
            return Ok(());
        };
        // The last line stands at the end of the text: lines are only removed by a caller, never while reading.
        self.text.truncate(last.value_end as usize);
        if more.is_empty() {
            last.end = last.value_end;
            self.text.extend_from_slice(b"\r\n");
            return Ok(());
        }
        let blank = self.text.len();
        self.text.push(b' ');
        self.text.extend_from_slice(more);
        if last.value_start == last.value_end {
            last.value_start = u32::try_from(blank + 1).map_err(|_| too_large())?;
        }
        last.value_end = u32::try_from(self.text.len()).map_err(|_| too_large())?;
        last.end = last.value_end;
        self.text.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn store(&mut self, name: &[u8], value: &[u8]) -> Result<Span, Error> {
        if !is_token(name) {
            let what = format!("{} as the name of a header", quoted(name));
            return Err(Error::new(
                ErrorKind::Unwritable,
                what,
                "RFC 9110 section 5.1",
            ));
        }
        if let Some(at) = value.iter().position(|&byte| !is_value_byte(byte)) {
            let culprit = line::control_name(value[at]);
            let what = format!("{culprit} in the value of the header {}", quoted(name));
            return Err(Error::new(ErrorKind::Unwritable, what, "RFC 9110 section 5.5").at(at));
        }
        let value = trim(value);
        let start = self.text.len();
        let place = |inner: usize| u32::try_from(start + inner).map_err(|_| too_large());
        let value_start = name.len() + if value.is_empty() { 1 } else { 2 };
        let end = value_start + value.len();
        let span = Span {
            start: place(0)?,
            name_end: place(name.len())?,
            value_start: place(value_start)?,
            value_end: place(end)?,
            end: place(end)?,
        };
        self.text.extend_from_slice(name);
        self.text
            .extend_from_slice(if value.is_empty() { b":" } else { b": " });
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
        Ok(span)
    }

    fn drop_all(&mut self, name: &[u8]) {
        let text = &self.text;
        let before = self.spans.len();
        self.spans.retain(|span| {
            !text[span.start as usize..span.name_end as usize].eq_ignore_ascii_case(name)
        });
        self.is_ragged |= self.spans.len() < before;
    }

    fn is_named(&self, span: Span, name: &[u8]) -> bool {
        self.text[span.start as usize..span.name_end as usize].eq_ignore_ascii_case(name)
    }

    fn field(&self, span: Span) -> Field<'_> {
        let part = |start: u32, end: u32| &self.text[start as usize..end as usize];
        Field {
            // A token is ASCII; every way into the list has checked it.
            name: std::str::from_utf8(part(span.start, span.name_end)).unwrap_or_default(),
            value: part(span.value_start, span.value_end),
            line: part(span.start, span.end),
        }
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::Unwritable, "more than 4 GiB of header lines", "")
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|(a, b)| a.name == b.name && a.value == b.value)
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The members of one list.
struct Members<'a>(&'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let (mut quoted, mut escaped) = (false, false);
            let comma = self.0.iter().position(|&byte| {
                let here = byte == b',' && !quoted;
                if escaped {
                    escaped = false;
                } else if quoted && byte == b'\\' {
                    escaped = true;
                } else if byte == b'"' {
                    quoted = !quoted;
                }
                here
            });
            let end = comma.unwrap_or(self.0.len());
            let member = trim(&self.0[..end]);
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}
