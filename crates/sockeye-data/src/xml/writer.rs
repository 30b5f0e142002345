//! Values become documents, friendly and lossless ones alike: which of the two a value is can be seen.

mod friendly;
mod lossless;
mod text;

use crate::record::{Error, ErrorKind, WriteRecords, all_or_nothing};
use crate::value::Value;

use super::{FORMAT, names};

/// How documents are written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Blanks for each level, with each element on its own line; `None` for everything on one line. 2 unless it is set. Elements
    /// that have text beside elements, and lossless ones, stay as they are.
    pub indent: Option<usize>,
    /// The name of the element around all records. Unless it is set, a single record that is a whole document stands alone,
    /// and others are in `records`.
    pub root: Option<String>,
    /// The name of the element of each record. `record` unless it is set.
    pub record: Option<String>,
    /// Whether the document starts with an XML declaration. It does unless it is set.
    pub declaration: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            indent: Some(2),
            root: None,
            record: None,
            declaration: true,
        }
    }
}

/// Writes one document: a record that is one, or an element around all records.
///
/// ```
/// use sockeye_data::record::WriteRecords;
/// use sockeye_data::value::{Object, Value};
/// use sockeye_data::xml::{WriteOptions, Writer};
///
/// let row: Object = [("id".into(), Value::from(7)), ("@kind".into(), "a".into())].into_iter().collect();
/// let options = WriteOptions { indent: None, declaration: false, ..WriteOptions::default() };
/// let mut writer = Writer::new(&options);
/// let mut out = Vec::new();
/// writer.write_record(&row.into(), &mut out).unwrap();
/// writer.finish(&mut out).unwrap();
/// assert_eq!(out, b"<records><record kind=\"a\"><id>7</id></record></records>\n");
/// ```
pub struct Writer {
    options: WriteOptions,
    state: State,
}

enum State {
    Empty,
    /// A record that is a whole document: it stands alone if there is no other.
    Held(Value),
    /// The element around the records is open.
    Open,
}

/// Where in a value the writer is, for errors.
#[derive(Default)]
struct Trail(Vec<Crumb>);

enum Crumb {
    Member(String),
    Item(usize),
}

impl Trail {
    fn unsupported(&self, why: &str) -> Error {
        let mut place = String::new();
        for crumb in &self.0 {
            match crumb {
                Crumb::Member(name) => {
                    let plain = name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    if plain && !name.is_empty() {
                        place.push_str(&format!(".{name}"));
                    } else {
                        place.push_str(&format!("[{name:?}]"));
                    }
                }
                Crumb::Item(at) => place.push_str(&format!("[{at}]")),
            }
        }
        if place.is_empty() {
            place.push('.');
        }
        Error::new(ErrorKind::Unsupported, FORMAT, format!("{why}, at {place}"))
    }
}

impl Writer {
    /// Write with these options.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            state: State::Empty,
        }
    }

    fn root(&self) -> &str {
        self.options.root.as_deref().unwrap_or("records")
    }

    fn record(&self) -> &str {
        self.options.record.as_deref().unwrap_or("record")
    }

    /// The element of a record within the root.
    fn element(&self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut trail = Trail::default();
        if lossless::is_node(record) {
            self.indent(1, out);
            return lossless::write(record, &mut trail, out);
        }
        let layout = friendly::Layout {
            indent: self.options.indent,
            depth: 1,
        };
        if record.as_array().is_some() {
            return Err(trail.unsupported("an array is no element"));
        }
        friendly::write(self.record(), record, layout, &mut trail, out)
    }

    fn indent(&self, depth: usize, out: &mut Vec<u8>) {
        if let Some(indent) = self.options.indent {
            out.push(b'\n');
            out.resize(out.len() + depth * indent, b' ');
        }
    }

    fn open(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        for name in [self.root(), self.record()] {
            if !names::is_name(name) {
                let why = format!("{name:?} is no name of an element");
                return Err(Error::new(ErrorKind::Unsupported, FORMAT, why));
            }
        }
        self.declare(out);
        out.push(b'<');
        out.extend_from_slice(self.root().as_bytes());
        out.push(b'>');
        Ok(())
    }

    fn declare(&self, out: &mut Vec<u8>) {
        if self.options.declaration {
            out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        }
    }

    fn write_document(&self, document: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut trail = Trail::default();
        if lossless::is_document(document) {
            return lossless::write(document, &mut trail, out);
        }
        self.declare(out);
        if lossless::is_node(document) {
            return lossless::write(document, &mut trail, out);
        }
        if let Some((name, value)) = document.as_object().and_then(|object| object.at(0)) {
            let layout = friendly::Layout {
                indent: self.options.indent,
                depth: 0,
            };
            trail.0.push(Crumb::Member(name.to_string()));
            friendly::write(name, value, layout, &mut trail, out)?;
        }
        Ok(())
    }

    fn write_checked(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if let State::Empty = self.state
            && self.options.root.is_none()
            && self.options.record.is_none()
            && is_document(record)
        {
            // It is written when it is known to be alone, but what is wrong with it is said now.
            self.write_document(record, &mut Vec::new())?;
            self.state = State::Held(record.clone());
            return Ok(());
        }
        if lossless::is_document(record) {
            return Err(Trail::default().unsupported("a document within another one"));
        }
        match std::mem::replace(&mut self.state, State::Open) {
            State::Open => {}
            State::Empty => self.open(out)?,
            State::Held(first) if lossless::is_document(&first) => {
                self.state = State::Held(first);
                let why = "the first record is a whole document, a second record has no place";
                return Err(Error::new(ErrorKind::Unsupported, FORMAT, why));
            }
            State::Held(first) => {
                self.open(out)?;
                self.element(&first, out)?;
            }
        }
        self.element(record, out)
    }
}

/// Whether a record can stand alone: one element, friendly or lossless.
fn is_document(record: &Value) -> bool {
    if lossless::is_document(record) || lossless::is_element(record) {
        return true;
    }
    let single = record
        .as_object()
        .filter(|object| object.len() == 1)
        .and_then(|object| object.at(0));
    single.is_some_and(|(name, value)| names::is_name(name) && value.as_array().is_none())
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let was_empty = matches!(self.state, State::Empty);
        let result = all_or_nothing(out, |out| self.write_checked(record, out));
        if result.is_err() && was_empty {
            self.state = State::Empty;
        }
        result
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match std::mem::replace(&mut self.state, State::Open) {
            State::Held(document) => self.write_document(&document, out)?,
            State::Empty => {
                self.open(out)?;
                out.truncate(out.len() - 1);
                out.extend_from_slice(b"/>");
            }
            State::Open => {
                self.indent(0, out);
                out.extend_from_slice(b"</");
                out.extend_from_slice(self.root().as_bytes());
                out.push(b'>');
            }
        }
        out.push(b'\n');
        Ok(())
    }
}
