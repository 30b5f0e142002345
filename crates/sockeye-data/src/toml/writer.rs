//! Values as TOML: plain members first, then tables, each under its name.

use std::fmt::Write as _;

use data_encoding::BASE64;
use toml::value::Datetime;

use super::reader::kind_of;
use super::{DEPTH, FORMAT, Nulls, WriteOptions};
use crate::binary::push_name;
use crate::record::{Error, ErrorKind, WriteRecords};
use crate::tagged;
use crate::value::{Number, Object, Text, Value};

/// Writes TOML: one record, an object, is the document.
#[derive(Debug, Default)]
pub struct Writer {
    options: WriteOptions,
    has_document: bool,
}

impl Writer {
    /// Without a document yet.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            has_document: false,
        }
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.has_document {
            let why = "a second record, but TOML has one document";
            let error = Error::new(ErrorKind::Unsupported, FORMAT, why);
            return Err(error.with_hint("gather the records in one object, or write YAML"));
        }
        out.extend_from_slice(write(record, &self.options)?.as_bytes());
        self.has_document = true;
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// The object as a document.
///
/// # Errors
///
/// Kind `Unsupported` for what TOML does not have: null, and a document that is no object. `Limit` for more than 80 levels.
pub fn to_string(value: &Value) -> Result<String, Error> {
    write(value, &WriteOptions::default())
}

fn write(value: &Value, options: &WriteOptions) -> Result<String, Error> {
    let Some(object) = value.as_object() else {
        let why = format!(
            "the document is of kind {}, but in TOML it is an object",
            value.kind()
        );
        let error = Error::new(ErrorKind::Unsupported, FORMAT, why);
        return Err(error.with_hint("put it under a name: {items: .}"));
    };
    let mut text = Document {
        options,
        out: String::new(),
        path: Vec::new(),
    };
    text.table(object)?;
    Ok(text.out)
}

/// A step of the path to a value.
#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Item(usize),
}

struct Document<'a> {
    options: &'a WriteOptions,
    out: String,
    path: Vec<Step<'a>>,
}

/// How a member is written.
enum Shape<'a> {
    /// Behind `name =`.
    Plain,
    /// Under `[name]`.
    Table(&'a Object),
    /// Under `[[name]]`, several times.
    Tables(&'a [Value]),
}

impl<'a> Document<'a> {
    /// The members of a table: its header is there.
    fn table(&mut self, object: &'a Object) -> Result<(), Error> {
        for (name, value) in self.members(object) {
            if !matches!(self.shape(value), Shape::Plain) || self.is_left_out(value) {
                continue;
            }
            self.enter(Step::Name(name))?;
            push_key(&mut self.out, name);
            self.out.push_str(" = ");
            self.value(value)?;
            self.out.push('\n');
            self.path.pop();
        }
        for (name, value) in self.members(object) {
            match self.shape(value) {
                Shape::Plain => {}
                Shape::Table(inner) => {
                    self.enter(Step::Name(name))?;
                    // A table of nothing but tables is there by their names.
                    let is_plain =
                        |(_, value): (_, &Value)| matches!(self.shape(value), Shape::Plain);
                    if inner.is_empty() || inner.iter().any(is_plain) {
                        self.header("[", "]");
                    }
                    self.table(inner)?;
                    self.path.pop();
                }
                Shape::Tables(items) => {
                    self.enter(Step::Name(name))?;
                    for (place, item) in items.iter().enumerate() {
                        self.header("[[", "]]");
                        self.enter(Step::Item(place))?;
                        if let Some(inner) = item.as_object() {
                            self.table(inner)?;
                        }
                        self.path.pop();
                    }
                    self.path.pop();
                }
            }
        }
        Ok(())
    }

    fn members<'b>(&self, object: &'b Object) -> Vec<(&'b Text, &'b Value)> {
        match self.options.sorted {
            false => object.iter().collect(),
            true => {
                let order = object.sorted();
                order
                    .into_iter()
                    .filter_map(|place| object.at(place))
                    .collect()
            }
        }
    }

    fn shape<'b>(&self, value: &'b Value) -> Shape<'b> {
        let is_table = |value: &Value| value.as_object().is_some() && self.date(value).is_none();
        match value {
            Value::Object(object) if is_table(value) => Shape::Table(object),
            Value::Array(_) => match value.as_array() {
                Some(items) if !items.is_empty() && items.iter().all(is_table) => {
                    Shape::Tables(items)
                }
                _ => Shape::Plain,
            },
            _ => Shape::Plain,
        }
    }

    fn header(&mut self, open: &str, close: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(open);
        let mut is_first = true;
        for step in &self.path {
            if let Step::Name(name) = step {
                if !std::mem::take(&mut is_first) {
                    self.out.push('.');
                }
                push_key(&mut self.out, name);
            }
        }
        self.out.push_str(close);
        self.out.push('\n');
    }

    fn enter(&mut self, step: Step<'a>) -> Result<(), Error> {
        self.path.push(step);
        match self.path.len() > DEPTH {
            false => Ok(()),
            true => Err(self.error(ErrorKind::Limit, format!("more than {DEPTH} levels"), "")),
        }
    }

    /// A value on one line, tables and lists in it, too.
    fn value(&mut self, value: &'a Value) -> Result<(), Error> {
        if let Some(date) = self.date(value) {
            self.out.push_str(&date);
            return Ok(());
        }
        match value {
            Value::Null => {
                let why = "null".to_owned();
                let error = self.error(ErrorKind::Unsupported, why, ", which TOML does not have");
                return Err(error.with_hint("leave nulls out"));
            }
            Value::Bool(bool) => self.out.push_str(if *bool { "true" } else { "false" }),
            Value::Number(number) => push_number(&mut self.out, number),
            Value::String(text) => push_string(&mut self.out, text),
            Value::Bytes(bytes) => push_string(&mut self.out, &BASE64.encode(bytes)),
            Value::Array(_) => self.list(value.as_array().unwrap_or_default())?,
            Value::Object(object) => self.inline(object)?,
        }
        Ok(())
    }

    fn list(&mut self, items: &'a [Value]) -> Result<(), Error> {
        self.out.push('[');
        let mut is_first = true;
        for (place, item) in items.iter().enumerate() {
            if self.is_left_out(item) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                self.out.push_str(", ");
            }
            self.enter(Step::Item(place))?;
            self.value(item)?;
            self.path.pop();
        }
        self.out.push(']');
        Ok(())
    }

    fn inline(&mut self, object: &'a Object) -> Result<(), Error> {
        self.out.push('{');
        let mut is_first = true;
        for (name, value) in self.members(object) {
            if self.is_left_out(value) {
                continue;
            }
            self.out.push_str(if std::mem::take(&mut is_first) {
                " "
            } else {
                ", "
            });
            self.enter(Step::Name(name))?;
            push_key(&mut self.out, name);
            self.out.push_str(" = ");
            self.value(value)?;
            self.path.pop();
        }
        self.out.push_str(if is_first { "}" } else { " }" });
        Ok(())
    }

    fn is_left_out(&self, value: &Value) -> bool {
        self.options.nulls == Nulls::Drop && matches!(value, Value::Null)
    }

    /// The date or time that a tagged value is.
    fn date(&self, value: &Value) -> Option<String> {
        let (name, text) = tagged::unwrap(value, self.options.tags)?;
        let date: Datetime = text.as_str()?.parse().ok()?;
        (kind_of(&date) == name).then(|| date.to_string())
    }

    fn error(&self, kind: ErrorKind, what: String, why: &str) -> Error {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Name(name) => push_name(&mut path, name),
                Step::Item(place) => {
                    let _ = write!(path, "[{place}]");
                }
            }
        }
        Error::new(kind, FORMAT, format!("{what} at {path}{why}"))
    }
}

fn push_key(out: &mut String, name: &str) {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match !name.is_empty() && name.bytes().all(is_bare) {
        true => out.push_str(name),
        false => push_quoted(out, name, false),
    }
}

fn push_string(out: &mut String, text: &str) {
    let is_text = !text.contains('\r') && text.trim_end_matches('\n').contains('\n');
    match is_text {
        true => push_quoted(out, text, true),
        false => push_quoted(out, text, false),
    }
}

/// Between quotes: one, or three with lines as lines.
fn push_quoted(out: &mut String, text: &str, has_lines: bool) {
    let quotes = if has_lines { "\"\"\"" } else { "\"" };
    out.push_str(quotes);
    if has_lines {
        out.push('\n');
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if has_lines => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push_str(quotes);
}

/// As it was written. A float keeps a sign that it is one.
fn push_number(out: &mut String, number: &Number) {
    let text = match number {
        Number::Float(float) if float.is_nan() => "nan".to_owned(),
        Number::Float(float) if float.is_infinite() && *float < 0.0 => "-inf".to_owned(),
        Number::Float(float) if float.is_infinite() => "inf".to_owned(),
        Number::Float(float) if float.abs() >= 1e15 => format!("{float:e}"),
        number => number.to_string(),
    };
    out.push_str(&text);
}
