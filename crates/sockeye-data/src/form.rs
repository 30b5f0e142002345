//! Queries and forms as records (the URL standard, application/x-www-form-urlencoded).
//!
//! Each line is a record: `a=1&b=x+y`, or a whole URL, of which the query is taken. A name that comes again makes an array.
//!
//! ```
//! use sockeye_data::{form, json};
//!
//! let record = form::parse("https://x.example/search?q=a+b&page=1&page=2#top").unwrap();
//! assert_eq!(json::to_string(&record), r#"{"q":"a b","page":["1","2"]}"#);
//! assert_eq!(form::to_string(&record).unwrap(), "q=a+b&page=1&page=2");
//! ```

use std::io::{self, BufRead, BufReader, Read};

use crate::record::{Error, ErrorKind, Limits, Position, ReadRecords, WriteRecords};
use crate::url::query;
use crate::value::{Number, Object, Text, Value};

/// What the format is called in errors.
const FORMAT: &str = "form";

/// How queries are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What is no UTF-8 once it is decoded becomes U+FFFD, as the URL standard has it, instead of an error.
    pub lossy: bool,
    /// What a line may cost.
    pub limits: Limits,
}

/// The members of one query: `a=1&b=2`, the same behind a `?`, or that of a URL. Values are text; those of a name that comes again
/// are an array.
///
/// # Errors
///
/// If what is decoded is no UTF-8.
pub fn parse(text: &str) -> Result<Value, Error> {
    parse_at(text, false, Position::default())
}

fn parse_at(text: &str, lossy: bool, at: Position) -> Result<Value, Error> {
    let mut record = Object::new();
    for (name, value) in query::parse(query_of(text)) {
        let (name, value) = (decoded(name, lossy, at)?, decoded(value, lossy, at)?);
        let value = Value::from(value);
        match record.get_mut(&name) {
            None => {
                record.insert(name, value);
            }
            Some(Value::Array(items)) => std::sync::Arc::make_mut(items).push(value),
            Some(first) => *first = Value::array(vec![std::mem::take(first), value]),
        }
    }
    Ok(record.into())
}

/// The query in a line: what is behind `?` in a URL or where a `?` comes first, else all of it.
fn query_of(text: &str) -> &str {
    if let Some(query) = text.strip_prefix('?') {
        return query;
    }
    let query_starts = text.find(['?', '#']).unwrap_or(text.len());
    // A query may contain the text of a URL: there, `=` comes first.
    let start = &text[..query_starts];
    if !start.contains("://") || start.contains(['=', '&']) {
        return text;
    }
    let rest = text[query_starts..].strip_prefix('?').unwrap_or_default();
    rest.split('#').next().unwrap_or_default()
}

fn decoded(bytes: Vec<u8>, lossy: bool, at: Position) -> Result<Text, Error> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) if lossy => Ok(String::from_utf8_lossy(error.as_bytes())
            .into_owned()
            .into()),
        Err(error) => {
            let shown = crate::escape::escape(error.as_bytes());
            Err(Error::syntax(FORMAT, format!("{shown} is not UTF-8"), at)
                .with_hint("--invalid replace puts U+FFFD there"))
        }
    }
}

/// Reads a record from each line. Empty lines are none.
#[derive(Debug)]
pub struct Reader<R> {
    lines: BufReader<R>,
    options: ReadOptions,
    position: Position,
    line: Vec<u8>,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads from `read`, which needs no buffer.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        Self {
            lines: BufReader::new(read),
            options: options.clone(),
            position: Position {
                byte: 0,
                line: 1,
                column: 0,
            },
            line: Vec::new(),
            over: false,
        }
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        while !self.over {
            let at = Position {
                column: 1,
                ..self.position
            };
            self.line.clear();
            let most = self.options.limits.record as u64 + 1;
            let read = (&mut self.lines)
                .take(most)
                .read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| Error::io(FORMAT, &error).at(at))?;
            self.over = read == 0;
            self.position.byte += read as u64;
            self.position.line += u64::from(self.line.ends_with(b"\n"));
            if self.line.len() as u64 == most {
                self.over = true;
                let why = format!("a line has more than {} bytes", most - 1);
                return Err(Error::new(ErrorKind::Limit, FORMAT, why)
                    .at(at)
                    .with_hint("--max-record allows more"));
            }
            let line = self.line.trim_ascii_end();
            let line = match at.byte {
                0 => line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line),
                _ => line,
            };
            if line.is_empty() {
                continue;
            }
            let text = std::str::from_utf8(line)
                .map_err(|_| Error::syntax(FORMAT, "the line is not UTF-8", at))?;
            return parse_at(text, self.options.lossy, at).map(Some);
        }
        Ok(None)
    }

    fn position(&self) -> Position {
        self.position
    }
}

/// An object as a query: arrays repeat their name, null is empty.
///
/// # Errors
///
/// If it is no object, or there are arrays or objects deeper within.
pub fn to_string(record: &Value) -> Result<String, Error> {
    let unsupported = |why: String| Error::new(ErrorKind::Unsupported, FORMAT, why);
    let Value::Object(object) = record else {
        let why = format!(
            "a query has names, and a record that is {} has none",
            record.kind()
        );
        return Err(unsupported(why));
    };
    let mut pairs = Vec::new();
    for (name, value) in object.iter() {
        let items = match value {
            Value::Array(items) => &items[..],
            one => std::slice::from_ref(one),
        };
        for item in items {
            let Some(text) = plain(item) else {
                let why = format!("{name:?} has {} within, and a query is flat", item.kind());
                return Err(
                    unsupported(why).with_hint("--jq can make it text: tojson, or join(\",\")")
                );
            };
            pairs.push((name.as_bytes(), text));
        }
    }
    Ok(query::form(pairs))
}

/// What a value is in a query; `None` for arrays and objects.
fn plain(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Null => Vec::new(),
        Value::Bool(bool) => bool.to_string().into_bytes(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

fn number_text(number: &Number) -> Vec<u8> {
    let mut text = Vec::new();
    crate::json::write_number(number, &mut text);
    text
}

/// Writes each record as a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writer;

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        io::Write::write_all(out, to_string(record)?.as_bytes())
            .map_err(|error| Error::io(FORMAT, &error))?;
        out.push(b'\n');
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ReadOptions, Reader, Writer, parse, to_string};
    use crate::json;
    use crate::record::{ErrorKind, Limits, ReadRecords, WriteRecords};
    use crate::value::{Object, Text, Value};

    fn shown(text: &str) -> String {
        json::to_string(&parse(text).expect("a query"))
    }

    #[test]
    fn queries_become_objects() {
        assert_eq!(
            shown("a=1&b=&c&a=2&a=3"),
            r#"{"a":["1","2","3"],"b":"","c":""}"#
        );
        assert_eq!(
            shown("q=a+b%20%2B%c3%A9&100%=%zz"),
            r#"{"q":"a b +é","100%":"%zz"}"#
        );
        assert_eq!(shown("&&=x&"), r#"{"":"x"}"#);
        assert_eq!(shown(""), "{}");
    }

    #[test]
    fn the_query_of_a_url_is_taken() {
        assert_eq!(shown("?a=1#b"), r##"{"a":"1#b"}"##);
        assert_eq!(
            shown("https://u:p@x/?a=?&b=://#c"),
            r#"{"a":"?","b":"://"}"#
        );
        assert_eq!(shown("https://x/path"), "{}");
        assert_eq!(shown("https://x/#f?a=1"), "{}");
        assert_eq!(shown("next=https://x/?a=1"), r#"{"next":"https://x/?a=1"}"#);
    }

    #[test]
    fn each_line_is_a_record() {
        let mut reader = Reader::new(
            &b"\xef\xbb\xbfa=1\r\n\n?b=%ff\nc=3"[..],
            &ReadOptions::default(),
        );
        let first = reader.next_record().expect("right").expect("there");
        assert_eq!(json::to_string(&first), r#"{"a":"1"}"#);
        let error = reader.next_record().expect_err("no UTF-8");
        assert_eq!(
            error.to_string(),
            r"form: \xff is not UTF-8 at line 3, column 1, byte 9"
        );
        let third = reader.next_record().expect("right").expect("there");
        assert_eq!(json::to_string(&third), r#"{"c":"3"}"#);
        assert!(reader.next_record().expect("over").is_none());

        let lossy = ReadOptions {
            lossy: true,
            ..ReadOptions::default()
        };
        let record = Reader::new(&b"b=%ff"[..], &lossy).next_record();
        let record = record.expect("right").expect("there");
        assert_eq!(json::to_string(&record), "{\"b\":\"\u{fffd}\"}");
    }

    #[test]
    fn lines_have_a_limit() {
        let options = ReadOptions {
            limits: Limits {
                record: 4,
                ..Limits::default()
            },
            ..ReadOptions::default()
        };
        let mut reader = Reader::new(&b"a=1\nb=234\n"[..], &options);
        assert!(reader.next_record().expect("right").is_some());
        let error = reader.next_record().expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(reader.next_record().expect("over").is_none());
    }

    #[test]
    fn objects_become_queries() {
        let value = json::parse(br#"{"a":[1,1.50,null],"b c":true,"d":"x&y=\u00e9","e":[]}"#);
        let value = value.expect("JSON");
        assert_eq!(
            to_string(&value).expect("flat"),
            "a=1&a=1.50&a=&b+c=true&d=x%26y%3D%C3%A9"
        );
        let mut out = Vec::new();
        Writer.write_record(&value, &mut out).expect("flat");
        assert!(out.ends_with(b"\n"));
        for deep in [r#"{"a":{}}"#, r#"{"a":[[]]}"#, "[1]", "1"] {
            let value = json::parse(deep.as_bytes()).expect("JSON");
            let error = to_string(&value).expect_err("not flat");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pairs in prop::collection::btree_map("\\PC{0,4}", "\\PC{0,8}", 1..5)) {
            let record: Object = pairs
                .into_iter()
                .map(|(name, value)| (Text::from(name), Value::from(value)))
                .collect();
            let record = Value::from(record);
            let query = to_string(&record).expect("flat");
            prop_assert_eq!(parse(&query).expect("a query"), record);
        }

        #[test]
        fn any_text_is_a_query_or_an_error(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
