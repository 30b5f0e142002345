//! Records of a document: the tree, what a selector picks, tables, links.

use std::collections::VecDeque;
use std::io::Read;

use super::address::Base;
use super::build::Builder;
use super::element::Element;
use super::select::Selector;
use super::table::TableOptions;
use super::tree::{Document, NodeId};
use super::{FORMAT, Table};
use crate::record::{Error, ErrorKind, Limits, Position, ReadRecords};
use crate::value::{Object, Text, Value};

/// How HTML is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What foreign bytes may cost: see [`Builder::new`].
    pub limits: Limits,
    /// What is read of the document. The whole tree unless it is set.
    pub pick: Pick,
    /// What is read of each element that a selector picks. One thing makes each a value, without those that do not have it; more
    /// make objects. Nothing makes records of tag, attributes, text and html.
    pub get: Vec<Get>,
    /// Where the document came from: addresses are resolved against it, or against the document's own `<base href>`. The whole
    /// tree keeps them as they are written.
    pub base: Option<String>,
    /// How tables are read.
    pub table: TableOptions,
}

/// What is read of a document.
#[derive(Clone, Debug, Default)]
pub enum Pick {
    /// The whole tree as one record: see [`Document::to_value`].
    #[default]
    Document,
    /// Each element that a selector picks.
    Select(Selector),
    /// The rows of a table, counted from 1; of those that the selector picks, if there is one.
    Table(usize, Option<Selector>),
    /// A record for each table: its number, caption, columns, and how many rows it has.
    Tables,
    /// A record for each link.
    Links,
    /// The text as a browser would show it, as one string.
    Text,
}

/// What is read of an element.
///
/// ```
/// use sockeye_data::html::Get;
///
/// assert_eq!("text".parse(), Ok(Get::Text));
/// assert_eq!("href".parse(), Ok(Get::Attribute("href".into())));
/// assert_eq!("@text".parse(), Ok(Get::Attribute("text".into())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Get {
    /// `text`: as it is shown.
    Text,
    /// `html`: the element with what stands in it.
    Html,
    /// `inner-html`: what stands in it.
    InnerHtml,
    /// `tag`.
    Tag,
    /// Any other word, or any word behind `@`.
    Attribute(Text),
}

impl std::str::FromStr for Get {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "text" => Self::Text,
            "html" => Self::Html,
            "inner-html" => Self::InnerHtml,
            "tag" => Self::Tag,
            name => Self::Attribute(
                name.strip_prefix('@')
                    .unwrap_or(name)
                    .to_ascii_lowercase()
                    .into(),
            ),
        })
    }
}

impl Get {
    fn name(&self) -> Text {
        match self {
            Self::Text => "text".into(),
            Self::Html => "html".into(),
            Self::InnerHtml => "inner-html".into(),
            Self::Tag => "tag".into(),
            Self::Attribute(name) => name.clone(),
        }
    }

    fn of(&self, element: Element<'_>, base: Option<&Base>) -> Option<Value> {
        Some(match self {
            Self::Text => element.text().into(),
            Self::Html => element.html().into(),
            Self::InnerHtml => element.inner_html().into(),
            Self::Tag => element.tag().into(),
            Self::Attribute(name) => {
                let data = element.data();
                // Elements of SVG have attributes with capitals.
                let value = data.attribute(name).or_else(|| {
                    let same = |(known, _): &&(_, Text)| {
                        super::tree::attribute_name(known).eq_ignore_ascii_case(name)
                    };
                    data.attributes.iter().find(same).map(|(_, value)| value)
                })?;
                Base::resolved_attribute(base, name, value).into()
            }
        })
    }
}

/// Reads a document, and yields what is to be read of it. The whole document is in memory.
///
/// ```
/// use sockeye_data::html::{Get, Pick, ReadOptions, Reader};
/// use sockeye_data::record::ReadRecords;
///
/// let options = ReadOptions {
///     pick: Pick::Select("a".parse()?),
///     get: vec![Get::Attribute("href".into())],
///     base: Some("https://example.org/docs/".to_owned()),
///     ..ReadOptions::default()
/// };
/// let mut reader = Reader::new("<a href=x>".as_bytes(), &options);
/// let href = reader.next_record()?.expect("one link");
/// assert_eq!(href.as_str(), Some("https://example.org/docs/x"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<R> {
    options: ReadOptions,
    input: Option<R>,
    bytes: u64,
    found: Found,
}

/// What was found and not yet asked for.
enum Found {
    Records(VecDeque<Value>),
    Elements(Box<Document>, VecDeque<NodeId>, Option<Base>),
}

impl<R: Read> Reader<R> {
    /// Reads UTF-8 from `input`.
    pub fn new(input: R, options: &ReadOptions) -> Self {
        Self {
            options: options.clone(),
            input: Some(input),
            bytes: 0,
            found: Found::Records(VecDeque::new()),
        }
    }

    fn open(&mut self, input: R) -> Result<(), Error> {
        let mut builder = Builder::new(&self.options.limits);
        self.bytes = feed(input, &mut builder)?;
        self.found = find(builder.finish()?, &self.options)?;
        Ok(())
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        if let Some(input) = self.input.take() {
            self.open(input)?;
        }
        loop {
            match &mut self.found {
                Found::Records(records) => return Ok(records.pop_front()),
                Found::Elements(document, ids, base) => {
                    let Some(id) = ids.pop_front() else {
                        return Ok(None);
                    };
                    let element = Element { document, id };
                    let value = record(element, &self.options.get, base.as_ref());
                    if value.is_some() {
                        return Ok(value);
                    }
                }
            }
        }
    }

    fn position(&self) -> Position {
        Position {
            byte: self.bytes,
            line: 0,
            column: 0,
        }
    }
}

/// All bytes to the builder, as text.
fn feed(mut input: impl Read, builder: &mut Builder) -> Result<u64, Error> {
    let mut buffer = vec![0; 64 << 10];
    let (mut held, mut before) = (0, 0_u64);
    loop {
        let read = match input.read(&mut buffer[held..]) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io(FORMAT, &error)),
        };
        let filled = held + read;
        let (text, rest) = valid(&buffer[..filled], before, read == 0)?;
        builder.push(text)?;
        let used = filled - rest;
        buffer.copy_within(used..filled, 0);
        (held, before) = (rest, before + used as u64);
        if read == 0 {
            return Ok(before);
        }
    }
}

/// The text at the start, and how many bytes of a character that is cut are behind it.
fn valid(bytes: &[u8], before: u64, last: bool) -> Result<(&str, usize), Error> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok((text, 0)),
        Err(error) => error,
    };
    let (good, rest) = bytes.split_at(error.valid_up_to());
    if error.error_len().is_none() && !last {
        return Ok((std::str::from_utf8(good).unwrap_or_default(), rest.len()));
    }
    let position = Position {
        byte: before + good.len() as u64,
        line: 0,
        column: 0,
    };
    Err(Error::syntax(FORMAT, "this is not UTF-8", position)
        .with_hint("name the charset with --charset"))
}

fn find(document: Document, options: &ReadOptions) -> Result<Found, Error> {
    let base = document.base(options.base.as_deref());
    let base_ref = base.as_ref();
    let records = match &options.pick {
        Pick::Document => vec![document.to_value()?],
        Pick::Text => vec![document.text().into()],
        Pick::Links => document.links(base_ref).collect(),
        Pick::Select(selector) => {
            let ids = document
                .select(selector)
                .map(|element| element.id)
                .collect();
            return Ok(Found::Elements(Box::new(document), ids, base));
        }
        Pick::Table(number, selector) => {
            let tables: Vec<Table<'_>> = match selector {
                Some(selector) => document.tables_of(selector).collect(),
                None => document.tables().collect(),
            };
            let table = number.checked_sub(1).and_then(|at| tables.get(at));
            let table = table.ok_or_else(|| no_table(*number, tables.len()))?;
            table.records(&options.table, base_ref)?
        }
        Pick::Tables => {
            let tables = document.tables().enumerate();
            let described = tables.map(|(at, table)| describe(at + 1, table, &options.table));
            described.collect::<Result<_, _>>()?
        }
    };
    Ok(Found::Records(records.into()))
}

fn no_table(number: usize, there: usize) -> Error {
    let (why, hint) = match there {
        0 => (
            "the document has no table".to_owned(),
            "look at it with --css or as text",
        ),
        1 => (
            format!("there is no table {number}, only table 1"),
            "tables are counted from 1",
        ),
        _ => (
            format!("there is no table {number}, only tables 1 to {there}"),
            "list them with --tables",
        ),
    };
    Error::new(ErrorKind::Unsupported, FORMAT, why).with_hint(hint)
}

fn describe(number: usize, table: Table<'_>, options: &TableOptions) -> Result<Value, Error> {
    let rows = table.records(options, None)?;
    let columns = rows.first().map_or_else(Vec::new, |row| match row {
        Value::Object(row) => row.keys().cloned().map(Value::from).collect(),
        _ => Vec::new(),
    });
    let mut record = Object::new();
    record.insert("table".into(), (number as i64).into());
    record.insert(
        "caption".into(),
        table.caption().map_or(Value::Null, Value::from),
    );
    record.insert("columns".into(), Value::array(columns));
    record.insert("rows".into(), (rows.len() as i64).into());
    Ok(record.into())
}

fn record(element: Element<'_>, get: &[Get], base: Option<&Base>) -> Option<Value> {
    match get {
        [] => Some(element.to_record(base)),
        [one] => one.of(element, base),
        many => {
            let members = many
                .iter()
                .map(|get| (get.name(), get.of(element, base).unwrap_or_default()));
            Some(Value::from(members.collect::<Object>()))
        }
    }
}
