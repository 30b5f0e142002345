//! A document as the one record.

use std::io::Read;
use std::sync::Arc;

use num_bigint::BigInt;
use toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue};
use toml::value::Datetime;

use super::{DATES, FORMAT, ReadOptions, levels};
use crate::record::{Error, ErrorKind, Position, ReadRecords};
use crate::tagged::{self, Tags};
use crate::value::{Number, Object, Text, Value};

/// How many levels the parser bears, names with dots between them included.
const LEVELS: usize = 500;
/// How many digits a number in base 2, 8 or 16 may have.
const DIGITS: usize = 16 * 1024;

/// Reads TOML: the whole input is one document, and that is the one record.
pub struct Reader<R> {
    read: R,
    options: ReadOptions,
    position: Position,
    is_over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads these bytes, which are UTF-8.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        Self {
            read,
            options: options.clone(),
            position: Position::after(b""),
            is_over: false,
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        let limit = self.options.limits.record;
        let mut bytes = Vec::new();
        let mut some = (&mut self.read).take(limit as u64 + 1);
        some.read_to_end(&mut bytes)
            .map_err(|error| Error::io(FORMAT, &error))?;
        if bytes.len() > limit {
            let why = format!("a document of more than {limit} bytes");
            return Err(Error::new(ErrorKind::Limit, FORMAT, why));
        }
        self.position = Position::after(&bytes);
        String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Error::syntax(FORMAT, "a byte that is no UTF-8", Position::after(valid))
                .with_hint("name the charset of the text, such as --charset windows-1252")
        })
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(None);
        }
        let text = self.text()?;
        if levels::count(&text) > LEVELS {
            return Err(too_deep(LEVELS));
        }
        let table = DeTable::parse(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let kind = match error.message() {
                "recursion limit" | "cannot recurse further; max recursion depth met" => {
                    ErrorKind::Limit
                }
                _ => ErrorKind::Syntax,
            };
            let why = error.message().replace('\n', ", ");
            Error::new(kind, FORMAT, why).at(Position::after(&text.as_bytes()[..start]))
        })?;
        convert(table.into_inner(), &self.options).map(Some)
    }

    fn position(&self) -> Position {
        self.position
    }
}

fn too_deep(limit: usize) -> Error {
    Error::new(
        ErrorKind::Limit,
        FORMAT,
        format!("nested deeper than {limit}"),
    )
}

/// A table or list that is not whole yet, and what is left of it.
enum Frame<'t> {
    Table(
        <DeTable<'t> as IntoIterator>::IntoIter,
        Object,
        Option<Text>,
    ),
    List(<DeArray<'t> as IntoIterator>::IntoIter, Vec<Value>),
}

impl Frame<'_> {
    fn put(&mut self, value: Value) {
        match self {
            Frame::List(_, items) => items.push(value),
            Frame::Table(_, object, name) => {
                if let Some(name) = name.take() {
                    object.insert(name, value);
                }
            }
        }
    }
}

/// The parser's table as a value, without recursion.
fn convert(table: DeTable<'_>, options: &ReadOptions) -> Result<Value, Error> {
    let room = table.len();
    let first = Frame::Table(table.into_iter(), Object::with_capacity(room), None);
    let mut frames = vec![first];
    loop {
        if frames.len() > options.limits.depth {
            return Err(too_deep(options.limits.depth));
        }
        let next = match frames.last_mut() {
            Some(Frame::List(rest, _)) => rest.next(),
            Some(Frame::Table(rest, _, name)) => rest.next().map(|(key, value)| {
                *name = Some(key.into_inner().as_ref().into());
                value
            }),
            None => None,
        };
        let value = match next.map(toml::Spanned::into_inner) {
            Some(DeValue::Array(array)) => {
                let room = array.len();
                frames.push(Frame::List(array.into_iter(), Vec::with_capacity(room)));
                continue;
            }
            Some(DeValue::Table(table)) => {
                let room = table.len();
                let object = Object::with_capacity(room);
                frames.push(Frame::Table(table.into_iter(), object, None));
                continue;
            }
            Some(scalar) => scalar_value(&scalar, options.tags)?,
            None => match frames.pop() {
                Some(Frame::List(_, items)) => Value::array(items),
                Some(Frame::Table(_, object, _)) => Value::from(object),
                None => Value::Null,
            },
        };
        match frames.last_mut() {
            Some(frame) => frame.put(value),
            None => return Ok(value),
        }
    }
}

fn scalar_value(scalar: &DeValue<'_>, tags: Tags) -> Result<Value, Error> {
    Ok(match scalar {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => Value::from(whole(integer)?),
        DeValue::Float(float) => Value::from(fraction(float)?),
        DeValue::Boolean(bool) => Value::from(*bool),
        DeValue::Datetime(datetime) => {
            let text = Value::from(datetime.to_string());
            match tags {
                Tags::Drop => text,
                Tags::Keep => tagged::wrap(kind_of(datetime), text),
            }
        }
        // These have frames.
        DeValue::Array(_) | DeValue::Table(_) => Value::Null,
    })
}

/// What kind of date or time it is.
pub(super) fn kind_of(datetime: &Datetime) -> &'static str {
    match (datetime.date, datetime.time, datetime.offset) {
        (Some(_), _, Some(_)) => DATES[0],
        (Some(_), Some(_), None) => DATES[1],
        (Some(_), None, None) => DATES[2],
        (None, ..) => DATES[3],
    }
}

fn whole(integer: &DeInteger<'_>) -> Result<Number, Error> {
    let text = integer.as_str();
    let text = text.strip_prefix('+').unwrap_or(text);
    if integer.radix() == 10
        && let Some(number) = Number::from_json_text(text)
    {
        return Ok(number);
    }
    let known = match text.len() <= DIGITS {
        true => BigInt::parse_bytes(text.as_bytes(), integer.radix()),
        false => None,
    };
    match known.map(|big| (i64::try_from(&big), big)) {
        Some((Ok(int), _)) => Ok(Number::Int(int)),
        Some((Err(_), big)) => Ok(Number::Big(Arc::new(big))),
        None => Err(Error::new(
            ErrorKind::Limit,
            FORMAT,
            format!("a number of more than {DIGITS} digits"),
        )),
    }
}

fn fraction(float: &DeFloat<'_>) -> Result<Number, Error> {
    let text = float.as_str();
    let text = text.strip_prefix('+').unwrap_or(text);
    let known = Number::from_json_text(text).or_else(|| text.parse().ok().map(Number::Float));
    known.ok_or_else(|| Error::new(ErrorKind::Syntax, FORMAT, "a number that is none"))
}
