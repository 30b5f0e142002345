//! Values as YAML in block style.

use data_encoding::BASE64;

use super::plain::{is_block, is_plain, is_printable};
use super::{FORMAT, WriteOptions};
use crate::record::{Error, ErrorKind, WriteRecords, all_or_nothing};
use crate::tagged;
use crate::value::{Number, Object, Value};

/// A key that is longer gets a line of its own, behind `?`: readers look no further than 1,024 characters for its colon.
const KEY: usize = 500;

/// Writes YAML: each record is a document, `---` stands between them.
#[derive(Debug, Default)]
pub struct Writer {
    options: WriteOptions,
    is_later: bool,
}

impl Writer {
    /// Without documents yet.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            is_later: false,
        }
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        all_or_nothing(out, |out| {
            if self.is_later {
                out.extend_from_slice(b"---\n");
            }
            write(record, &self.options, out)
        })?;
        self.is_later = true;
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// The value as a YAML document.
///
/// # Errors
///
/// Kind `Limit` if it is nested deeper than 1,000.
pub fn to_string(value: &Value) -> Result<String, Error> {
    let mut out = Vec::new();
    write(value, &WriteOptions::default(), &mut out)?;
    Ok(String::from_utf8(out).expect("texts are UTF-8, and so is what is between them"))
}

/// A list or map that is being written, and how many of its values are.
struct Frame<'a> {
    kind: Kind<'a>,
    /// The places of members, if it is not their own order.
    order: Option<Vec<usize>>,
    next: usize,
    /// How far its lines are indented.
    column: usize,
    /// Whether its first line has begun.
    has_begun: bool,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    List(&'a [Value]),
    Map(&'a Object),
}

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Item,
    Member,
}

fn write(value: &Value, options: &WriteOptions, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut frames = Vec::new();
    begin(value, Place::Document, 0, options, out, &mut frames);
    while let Some(frame) = frames.last_mut() {
        let (column, place) = (frame.column, frame.next);
        let value = match frame.kind {
            Kind::List(items) => items.get(place).map(|item| (None, item)),
            Kind::Map(object) => {
                let place = frame
                    .order
                    .as_ref()
                    .map_or(Some(place), |order| order.get(place).copied());
                let member = place.and_then(|place| object.at(place));
                member.map(|(name, value)| (Some(name), value))
            }
        };
        let Some((name, value)) = value else {
            frames.pop();
            continue;
        };
        if !std::mem::take(&mut frame.has_begun) {
            indent(column, out);
        }
        frame.next += 1;
        let place = match name {
            None => {
                out.push(b'-');
                Place::Item
            }
            Some(name) => {
                write_key(name, column, out);
                Place::Member
            }
        };
        begin(value, place, column, options, out, &mut frames);
        if frames.len() > options.depth {
            let why = format!("nested deeper than {}", options.depth);
            return Err(Error::new(ErrorKind::Limit, FORMAT, why));
        }
    }
    Ok(())
}

/// A scalar whole; of a list or map what comes before its first value.
fn begin<'a>(
    value: &'a Value,
    place: Place,
    column: usize,
    options: &WriteOptions,
    out: &mut Vec<u8>,
    frames: &mut Vec<Frame<'a>>,
) {
    let mut value = value;
    let mut has_tag = false;
    if let Some((tag, inner)) = tagged::unwrap(value, options.tags)
        && may_be_tagged(tag, inner, options)
    {
        space(place, out);
        out.extend_from_slice(tag.as_bytes());
        value = inner;
        has_tag = true;
    }
    let is_apart = has_tag || place != Place::Document;
    let kind = match value {
        Value::Array(items) if !items.is_empty() => Kind::List(items),
        Value::Object(object) if !object.is_empty() => Kind::Map(object),
        scalar => {
            if is_apart {
                out.push(b' ');
            }
            write_scalar(scalar, column, out);
            return;
        }
    };
    let has_begun = place == Place::Item && !has_tag;
    match has_begun {
        true => out.push(b' '),
        false if is_apart => out.push(b'\n'),
        false => {}
    }
    frames.push(Frame {
        kind,
        order: match kind {
            Kind::Map(object) if options.sorted => Some(object.sorted()),
            _ => None,
        },
        next: 0,
        column: match place {
            Place::Document => 0,
            Place::Item | Place::Member => column + 2,
        },
        has_begun,
    });
}

fn space(place: Place, out: &mut Vec<u8>) {
    if place != Place::Document {
        out.push(b' ');
    }
}

/// Whether a tag can be written as one, before this value: not before one that has a tag of its own.
fn may_be_tagged(tag: &str, value: &Value, options: &WriteOptions) -> bool {
    let name = match tag.strip_prefix("!<") {
        Some(uri) => uri.strip_suffix('>'),
        None => tag.strip_prefix("!!").or_else(|| tag.strip_prefix('!')),
    };
    let is_known = matches!(
        tag,
        "!!str" | "!!int" | "!!float" | "!!bool" | "!!null" | "!!seq" | "!!map" | "!!binary"
    );
    let is_word = |name: &str| {
        let is_uri = tag.starts_with("!<");
        let may = |b: u8| {
            b.is_ascii_alphanumeric()
                || b"-_.~:/?#@;=&+$*'()".contains(&b)
                || (is_uri && b"!,[]".contains(&b))
        };
        !name.is_empty() && name.bytes().all(may)
    };
    !is_known
        && name.is_some_and(is_word)
        && !tag.starts_with("!<tag:yaml.org,2002:")
        && !tag.starts_with("!<!")
        && !matches!(value, Value::Bytes(_))
        && tagged::unwrap(value, options.tags).is_none()
}

fn indent(column: usize, out: &mut Vec<u8>) {
    out.resize(out.len() + column, b' ');
}

fn write_key(name: &str, column: usize, out: &mut Vec<u8>) {
    let before = out.len();
    if name.len() > KEY {
        out.extend_from_slice(b"? ");
    }
    match is_plain(name) && name.len() <= KEY {
        true => out.extend_from_slice(name.as_bytes()),
        false => write_quoted(name, out),
    }
    // Escapes make it longer: then it is moved behind its mark.
    if name.len() <= KEY && out.len() - before > KEY {
        out.splice(before..before, *b"? ");
    }
    if out.get(before..before + 2) == Some(b"? ") {
        out.push(b'\n');
        indent(column, out);
    }
    out.push(b':');
}

fn write_scalar(value: &Value, column: usize, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) if is_plain(text) => out.extend_from_slice(text.as_bytes()),
        Value::String(text) if is_block(text) => return write_block(text, column, out),
        Value::String(text) => write_quoted(text, out),
        Value::Bytes(bytes) => {
            out.extend_from_slice(b"!!binary \"");
            out.extend_from_slice(BASE64.encode(bytes).as_bytes());
            out.push(b'"');
        }
        Value::Array(_) => out.extend_from_slice(b"[]"),
        Value::Object(_) => out.extend_from_slice(b"{}"),
    }
    out.push(b'\n');
}

/// As it was written. Only an exponent gets a point and a sign, for without them YAML 1.1 takes the number for text.
fn write_number(number: &Number, out: &mut Vec<u8>) {
    let text = match number {
        Number::Float(float) if float.is_nan() => ".nan".to_owned(),
        Number::Float(float) if float.is_infinite() && *float < 0.0 => "-.inf".to_owned(),
        Number::Float(float) if float.is_infinite() => ".inf".to_owned(),
        // All digits of a large float would look like a whole number that has them all.
        Number::Float(float) if float.abs() >= 1e15 => format!("{float:e}"),
        number => number.to_string(),
    };
    let Some(at) = text.find(['e', 'E']) else {
        return out.extend_from_slice(text.as_bytes());
    };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    out.extend_from_slice(mantissa.as_bytes());
    if !mantissa.contains('.') {
        out.extend_from_slice(b".0");
    }
    out.push(text.as_bytes()[at]);
    if !exponent.starts_with(['+', '-']) {
        out.push(b'+');
    }
    out.extend_from_slice(exponent.as_bytes());
}

/// A `|` block: its lines stay lines.
fn write_block(text: &str, column: usize, out: &mut Vec<u8>) {
    let body = text.trim_end_matches('\n');
    let mark: &[u8] = match text.len() - body.len() {
        0 => b"|-\n",
        1 => b"|\n",
        _ => b"|+\n",
    };
    out.extend_from_slice(mark);
    for line in body.split('\n') {
        if !line.is_empty() {
            indent(column + 2, out);
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    // The first of them ended the last line.
    out.resize(
        out.len() + (text.len() - body.len()).saturating_sub(1),
        b'\n',
    );
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        let short: &[u8] = match c {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\t' => b"\\t",
            '\r' => b"\\r",
            '\0' => b"\\0",
            c if is_printable(c) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            c => {
                let code = c as u32;
                let escape = match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.extend_from_slice(escape.as_bytes());
                continue;
            }
        };
        out.extend_from_slice(short);
    }
    out.push(b'"');
}
