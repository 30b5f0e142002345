//! Fields of the header: cut apart, decoded, addresses, dates, types with their parameters.

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, ContentType, HeaderValue};

use crate::charset::{Charset, Decoder, OnInvalid};
use crate::value::{Object, Text, Value};

/// A field as it came, unfolded.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// Without line breaks.
    pub(super) value: String,
}

/// Cut a message into its fields and its body. What is no field ends the header, and belongs to the body.
pub(super) fn split(message: &[u8]) -> (Vec<Field>, &[u8]) {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = trim_line(&rest[..end]);
        if line.is_empty() {
            rest = &rest[end..];
            break;
        }
        match (line[0], fields.last_mut()) {
            (b' ' | b'\t', Some((_, value))) => value.extend_from_slice(line),
            _ => {
                let Some(colon) = memchr::memchr(b':', line).filter(|at| is_name(&line[..*at]))
                else {
                    // The line that mbox and Unix put before a message.
                    if fields.is_empty() && line.starts_with(b"From ") {
                        rest = &rest[end..];
                        continue;
                    }
                    break;
                };
                fields.push((line[..colon].to_vec(), line[colon + 1..].to_vec()));
            }
        }
        rest = &rest[end..];
    }
    let fields = fields.into_iter().map(|(name, value)| Field {
        name: text_of(&name).trim().to_owned(),
        value: text_of(&value).trim().to_owned(),
    });
    (fields.collect(), rest)
}

fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_name(name: &[u8]) -> bool {
    let name = name.trim_ascii_end();
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())
}

/// UTF-8 if it is that, else Windows-1252: bytes beyond ASCII have no charset in a header.
fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let mut decoder = Decoder::new(Some(Charset::windows_1252()), OnInvalid::Replace);
            let mut text = Vec::new();
            // Replacing never fails.
            let _ = decoder.push(bytes, &mut text);
            let _ = decoder.finish(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        }
    }
}

/// The field that comes first with this name.
pub(super) fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    let mut same = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case(name));
    same.next().map(|field| field.value.as_str())
}

fn parsed<'a>(
    line: &'a str,
    parse: impl Fn(&mut MessageStream<'a>) -> HeaderValue<'a>,
) -> HeaderValue<'a> {
    parse(&mut MessageStream::new(line.as_bytes()))
}

/// Text with encoded words (RFC 2047) decoded.
pub(super) fn decoded(value: &str) -> String {
    let line = format!("{value}\n");
    match parsed(&line, MessageStream::parse_unstructured) {
        HeaderValue::Text(text) => text.into_owned(),
        HeaderValue::TextList(texts) => texts.join(" "),
        _ => value.to_owned(),
    }
}

/// All fields, decoded, in order; those that come again as arrays.
pub(super) fn all(fields: &[Field]) -> Value {
    let mut headers = Object::new();
    let mut names: Vec<(String, Text)> = Vec::new();
    for field in fields {
        let lower = field.name.to_ascii_lowercase();
        let value = Value::from(decoded(&field.value));
        let known = names.iter().find(|(known, _)| *known == lower);
        let Some((_, name)) = known else {
            names.push((lower, field.name.as_str().into()));
            headers.insert(field.name.as_str().into(), value);
            continue;
        };
        let earlier = headers.get(name).cloned().unwrap_or_default();
        let mut values = match &earlier {
            Value::Array(values) => values.to_vec(),
            one => vec![one.clone()],
        };
        values.push(value);
        headers.insert(name.clone(), Value::array(values));
    }
    headers.into()
}

/// The addresses of a field; those of groups as if there were no group.
pub(super) fn addresses(value: &str) -> Value {
    let line = format!("{value}\n");
    let list = match parsed(&line, MessageStream::parse_address) {
        HeaderValue::Address(Address::List(list)) => list,
        HeaderValue::Address(Address::Group(groups)) => groups
            .into_iter()
            .flat_map(|group| group.addresses)
            .collect(),
        _ => Vec::new(),
    };
    let one = |text: Option<std::borrow::Cow<'_, str>>| {
        text.map_or(Value::Null, |text| Value::from(&*text))
    };
    let records = list.into_iter().map(|address| {
        let mut record = Object::new();
        record.insert("name".into(), one(address.name));
        record.insert("address".into(), one(address.address));
        record.into()
    });
    Value::array(records.collect())
}

/// The date in ISO 8601 with the offset that it has; null if it is none.
pub(super) fn date(value: &str) -> Value {
    let line = format!("{value}\n");
    match parsed(&line, MessageStream::parse_date) {
        HeaderValue::DateTime(date) if date.is_valid() => date.to_rfc3339().into(),
        _ => Value::Null,
    }
}

/// Identifiers in angle brackets.
pub(super) fn ids(value: &str) -> Vec<Value> {
    let line = format!("{value}\n");
    match parsed(&line, MessageStream::parse_id) {
        HeaderValue::Text(id) => vec![Value::from(&*id)],
        HeaderValue::TextList(ids) => ids.iter().map(|id| Value::from(&**id)).collect(),
        _ => Vec::new(),
    }
}

/// A type or disposition with its parameters, decoded (RFC 2045, 2183, 2231).
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    /// In lower case: `text/plain`, `attachment`.
    pub(super) essence: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl Typed {
    pub(super) fn parse(value: &str) -> Option<Self> {
        let line = format!("{value}\n");
        match parsed(&line, MessageStream::parse_content_type) {
            HeaderValue::ContentType(parsed) => Some(Self::of(&parsed)),
            _ => None,
        }
    }

    fn of(parsed: &ContentType<'_>) -> Self {
        let essence = match &parsed.c_subtype {
            Some(subtype) => format!("{}/{subtype}", parsed.c_type),
            None => parsed.c_type.to_string(),
        };
        let attributes = parsed.attributes.iter().flatten();
        let pairs = attributes.map(|pair| (pair.name.to_ascii_lowercase(), pair.value.to_string()));
        Self {
            essence: essence.to_ascii_lowercase(),
            parameters: pairs.collect(),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut same = self.parameters.iter().filter(|(known, _)| known == name);
        same.next().map(|(_, value)| value.as_str())
    }
}
