//! Values as JSON: compact or in jq's layout, with colours, for streams of records.

use std::io::Write as _;

use crate::record::{Error, ErrorKind, WriteRecords};
use crate::value::{Number, Object, Text, Value};

use super::fault::FORMAT;
use super::{End, Layout, Palette, WriteOptions, float, lex};

/// Writes records as JSON.
///
/// ```
/// use sockeye_data::json::{Layout, WriteOptions, Writer};
/// use sockeye_data::record::WriteRecords as _;
/// use sockeye_data::value::Value;
///
/// let mut options = WriteOptions::default();
/// options.layout = Layout::Indent(2);
/// let mut writer = Writer::new(&options);
/// let mut out = Vec::new();
/// writer.write_record(&Value::array(vec![1.into()]), &mut out).unwrap();
/// writer.finish(&mut out).unwrap();
/// assert_eq!(out, b"[\n  1\n]\n");
/// ```
#[derive(Debug)]
pub struct Writer {
    options: WriteOptions,
    /// The array of all records has begun.
    has_records: bool,
}

impl Writer {
    /// Write as `options` say.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            has_records: false,
        }
    }

    fn write_alone(&self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if let (Value::String(text), true, false) = (record, self.options.raw, self.options.ascii) {
            if self.options.end == End::Nul && text.contains('\0') {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    FORMAT,
                    "a raw string with the byte 0 in it cannot end with the byte 0",
                ));
            }
            if self.options.sequence {
                out.push(0x1e);
            }
            out.extend_from_slice(text.as_bytes());
        } else {
            if self.options.sequence {
                out.push(0x1e);
            }
            write_value(record, &self.options, 0, out);
        }
        match self.options.end {
            End::Newline => out.push(b'\n'),
            End::Nothing => {}
            End::Nul => out.push(0),
        }
        Ok(())
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.options.array {
            out.push(if self.has_records { b',' } else { b'[' });
            self.has_records = true;
            new_line(self.options.layout, 1, out);
            write_value(record, &self.options, 1, out);
            return Ok(());
        }
        self.write_alone(record, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.options.array {
            match self.has_records {
                true => new_line(self.options.layout, 0, out),
                false => out.push(b'['),
            }
            out.extend_from_slice(b"]\n");
        }
        Ok(())
    }
}

/// Append a value in its compact form.
pub(super) fn write_compact(value: &Value, out: &mut Vec<u8>) {
    write_value(value, &WriteOptions::default(), 0, out);
}

/// An array or object of which some is written.
struct Open<'a> {
    rest: Rest<'a>,
    is_first: bool,
}

/// What of it is not written.
enum Rest<'a> {
    Items(std::slice::Iter<'a, Value>),
    /// The members from this place on.
    Members(&'a Object, usize),
    Sorted(std::vec::IntoIter<(&'a Text, &'a Value)>),
}

impl<'a> Open<'a> {
    fn members(object: &'a Object, sorted: bool) -> Self {
        let rest = match sorted {
            false => Rest::Members(object, 0),
            true => {
                let mut members: Vec<_> = object.iter().collect();
                members.sort_unstable_by_key(|(name, _)| *name);
                Rest::Sorted(members.into_iter())
            }
        };
        Self {
            rest,
            is_first: true,
        }
    }

    fn is_array(&self) -> bool {
        matches!(self.rest, Rest::Items(_))
    }

    /// The next value, with its name if it is a member.
    #[inline]
    fn next(&mut self) -> Option<(Option<&'a Text>, &'a Value)> {
        match &mut self.rest {
            Rest::Items(items) => items.next().map(|value| (None, value)),
            Rest::Members(object, place) => {
                let (name, value) = object.at(*place)?;
                *place += 1;
                Some((Some(name), value))
            }
            Rest::Sorted(members) => members.next().map(|(name, value)| (Some(name), value)),
        }
    }
}

/// Append a value that stands within `level` others. Depth costs memory here, and never the stack.
fn write_value(value: &Value, options: &WriteOptions, level: usize, out: &mut Vec<u8>) {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut next = Some(value);
    let pen = Pen { options };
    loop {
        match next {
            Some(Value::Array(items)) if !items.is_empty() => {
                pen.mark(Part::Array, b"[", out);
                open.push(Open {
                    rest: Rest::Items(items.iter()),
                    is_first: true,
                });
            }
            Some(Value::Object(object)) if !object.is_empty() => {
                pen.mark(Part::Object, b"{", out);
                open.push(Open::members(object, options.sorted));
            }
            Some(scalar) => pen.scalar(scalar, out),
            None => {}
        }
        let depth = level + open.len();
        let Some(top) = open.last_mut() else {
            return;
        };
        let part = match top.is_array() {
            true => Part::Array,
            false => Part::Object,
        };
        let Some((name, value)) = top.next() else {
            new_line(options.layout, depth - 1, out);
            pen.mark(part, if top.is_array() { b"]" } else { b"}" }, out);
            pen.end(out);
            open.pop();
            next = None;
            continue;
        };
        if !std::mem::take(&mut top.is_first) {
            pen.mark(part, b",", out);
        }
        pen.end(out);
        new_line(options.layout, depth, out);
        if let Some(name) = name {
            pen.name(name, out);
        }
        next = Some(value);
    }
}

/// A new line for an item at a level, if there are lines.
#[inline]
fn new_line(layout: Layout, level: usize, out: &mut Vec<u8>) {
    let (indent, count) = match layout {
        Layout::Compact => return,
        Layout::Indent(width) => (b' ', level * usize::from(width)),
        Layout::Tab => (b'\t', level),
    };
    out.push(b'\n');
    out.resize(out.len() + count, indent);
}

/// What has a colour.
#[derive(Clone, Copy)]
enum Part {
    Array,
    Object,
}

/// Writes words with their colours.
struct Pen<'a> {
    options: &'a WriteOptions,
}

impl Pen<'_> {
    #[inline]
    fn begin(&self, color: impl Fn(&Palette) -> &str, out: &mut Vec<u8>) {
        if let Some(palette) = &self.options.colours {
            out.extend_from_slice(b"\x1b[");
            out.extend_from_slice(color(palette).as_bytes());
            out.push(b'm');
        }
    }

    #[inline]
    fn end(&self, out: &mut Vec<u8>) {
        if self.options.colours.is_some() {
            out.extend_from_slice(b"\x1b[0m");
        }
    }

    /// A bracket, comma or colon.
    #[inline]
    fn mark(&self, part: Part, mark: &[u8; 1], out: &mut Vec<u8>) {
        self.begin(
            |palette| match part {
                Part::Array => &palette.array,
                Part::Object => &palette.object,
            },
            out,
        );
        out.push(mark[0]);
    }

    /// A name and its colon.
    #[inline]
    fn name(&self, name: &str, out: &mut Vec<u8>) {
        self.begin(|palette| &palette.name, out);
        write_text(name, self.options.ascii, out);
        self.end(out);
        self.mark(Part::Object, b":", out);
        self.end(out);
        if self.options.layout != Layout::Compact {
            out.push(b' ');
        }
    }

    /// What has nothing in it.
    #[inline]
    fn scalar(&self, value: &Value, out: &mut Vec<u8>) {
        self.begin(
            |palette| match value {
                Value::Null => &palette.null,
                Value::Bool(false) => &palette.r#false,
                Value::Bool(true) => &palette.r#true,
                Value::Number(_) => &palette.number,
                Value::String(_) | Value::Bytes(_) => &palette.string,
                Value::Array(_) => &palette.array,
                Value::Object(_) => &palette.object,
            },
            out,
        );
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Number(number) => write_number(number, out),
            Value::String(text) => write_text(text, self.options.ascii, out),
            Value::Bytes(bytes) => {
                out.push(b'"');
                out.extend_from_slice(data_encoding::BASE64.encode(bytes).as_bytes());
                out.push(b'"');
            }
            Value::Array(_) => out.extend_from_slice(b"[]"),
            Value::Object(_) => out.extend_from_slice(b"{}"),
        }
        self.end(out);
    }
}

/// Append a number: what was read as it was written, what was computed as jq has it.
pub fn write_number(number: &Number, out: &mut Vec<u8>) {
    match number {
        Number::Int(int) => float::write_int(*int, out),
        Number::Float(float) => float::write_float(*float, out),
        Number::Big(big) => out.extend_from_slice(big.to_string().as_bytes()),
        Number::Text(text) => out.extend_from_slice(text.as_bytes()),
    }
}

/// Append text as a JSON string with its quotes. Control characters of ASCII are escaped, with DEL; with `ascii`, all that is not
/// ASCII as well.
pub fn write_text(text: &str, ascii: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let end = lex::unescaped_end(bytes, at, ascii);
        out.extend_from_slice(&bytes[at..end]);
        let Some(&byte) = bytes.get(end) else {
            break;
        };
        at = end + 1;
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\t' => b't',
            b'\r' => b'r',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                at = write_unicode(text, end, out);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

/// Append the character at a place as `\uXXXX`, or two of them; the place behind it.
#[cold]
fn write_unicode(text: &str, at: usize, out: &mut Vec<u8>) -> usize {
    let character = text[at..].chars().next().unwrap_or_default();
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("memory takes all that is written");
    }
    at + character.len_utf8()
}
