//! Values become documents, in the very form that Python's `xmlrpc.client.dumps` gives them, without recursion.

use data_encoding::BASE64;

use crate::record::{Error, ErrorKind};
use crate::tagged::{Tags, unwrap};
use crate::value::{Number, Object, Value};
use crate::xml::foreign_char;

use super::scalar::{bytes, float, is_blank, is_date, repr, whole};
use super::{FORMAT, WriteOptions};

const DECLARATION: &str = "<?xml version='1.0'?>\n";
/// How many bytes are one line of base64: what MIME and Python take.
const LINE: usize = 57;

/// An array or a struct that is being written, and which item comes next.
enum Level<'a> {
    Array(&'a [Value], usize),
    Struct(&'a Object, usize),
}

struct Writer<'a> {
    options: &'a WriteOptions,
    out: Vec<u8>,
    levels: Vec<Level<'a>>,
    /// Which parameter is being written; none in an answer.
    param: Option<usize>,
}

pub(super) fn call(
    method: &str,
    params: &[Value],
    options: &WriteOptions,
) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(options);
    writer.put(DECLARATION);
    writer.put("<methodCall>\n<methodName>");
    if method.trim_matches(is_blank).is_empty() {
        return Err(unsupported("the name of the method is empty"));
    }
    if let Some(why) = foreign(method) {
        return Err(unsupported(format!("the name of the method: {why}")));
    }
    writer.text(method);
    writer.put("</methodName>\n<params>\n");
    for (place, param) in params.iter().enumerate() {
        writer.param = Some(place);
        writer.put("<param>\n");
        writer.value(param)?;
        writer.put("</param>\n");
    }
    writer.put("</params>\n</methodCall>\n");
    Ok(writer.out)
}

pub(super) fn answer(value: &Value, options: &WriteOptions) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(options);
    writer.put(DECLARATION);
    writer.put("<methodResponse>\n<params>\n<param>\n");
    writer.value(value)?;
    writer.put("</param>\n</params>\n</methodResponse>\n");
    Ok(writer.out)
}

pub(super) fn fault(code: i64, message: &str) -> Vec<u8> {
    let options = WriteOptions::default();
    let mut writer = Writer::new(&options);
    let code = code.clamp(i32::MIN.into(), i32::MAX.into());
    writer.put(DECLARATION);
    writer.put("<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n");
    writer.element("int", &code.to_string());
    writer.put("</member>\n<member>\n<name>faultString</name>\n<value><string>");
    let mut rest = message;
    while let Some(at) = foreign_char(rest) {
        let (good, bad) = rest.split_at(at);
        writer.text(good);
        writer.put("\u{fffd}");
        let mut chars = bad.chars();
        chars.next();
        rest = chars.as_str();
    }
    writer.text(rest);
    writer.put("</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n");
    writer.out
}

pub(super) fn measure(value: &Value, options: &WriteOptions) -> Result<usize, Error> {
    let mut writer = Writer::new(options);
    writer.value(value)?;
    Ok(writer.out.len())
}

fn unsupported(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, FORMAT, why)
}

/// What is wrong with a text that XML cannot have.
fn foreign(text: &str) -> Option<String> {
    let char = text[foreign_char(text)?..].chars().next()?;
    Some(format!("XML has no character U+{:04X}", u32::from(char)))
}

impl<'a> Writer<'a> {
    fn new(options: &'a WriteOptions) -> Self {
        Self {
            options,
            out: Vec::new(),
            levels: Vec::new(),
            param: None,
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Text in which nothing is markup. A carriage return would be read as a line feed.
    fn text(&mut self, text: &str) {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let replacement = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'\r' => "&#13;",
                _ => continue,
            };
            self.put(&text[from..at]);
            self.put(replacement);
            from = at + 1;
        }
        self.put(&text[from..]);
    }

    /// A value of a type whose text has no markup.
    fn element(&mut self, name: &str, text: &str) {
        for piece in ["<value><", name, ">", text, "</", name, "></value>\n"] {
            self.put(piece);
        }
    }

    /// A value, whole.
    fn value(&mut self, value: &'a Value) -> Result<(), Error> {
        self.start(value)?;
        while let Some(level) = self.levels.last_mut() {
            let next = match level {
                Level::Array(items, next) => {
                    *next += 1;
                    items.get(*next - 1)
                }
                Level::Struct(object, next) => {
                    let object: &'a Object = object;
                    if *next > 0 {
                        self.out.extend_from_slice(b"</member>\n");
                    }
                    *next += 1;
                    match object.at(*next - 1) {
                        None => None,
                        Some((name, value)) => {
                            self.name(name)?;
                            Some(value)
                        }
                    }
                }
            };
            match next {
                Some(value) => self.start(value)?,
                None => self.end(),
            }
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), Error> {
        if let Some(why) = foreign(name) {
            return Err(self.fail(&format!("the name {name:?}"), &format!(": {why}")));
        }
        self.put("<member>\n<name>");
        self.text(name);
        self.put("</name>\n");
        Ok(())
    }

    fn end(&mut self) {
        match self.levels.pop() {
            Some(Level::Array(..)) => self.put("</data></array></value>\n"),
            Some(Level::Struct(..)) => self.put("</struct></value>\n"),
            None => {}
        }
    }

    /// A value that is no array and no struct, or the beginning of one.
    fn start(&mut self, value: &'a Value) -> Result<(), Error> {
        if let Some((name, inner)) = unwrap(value, Tags::Keep) {
            return self.tagged(name, inner);
        }
        match value {
            Value::Null if self.options.nil => self.put("<value><nil/></value>"),
            Value::Null => {
                let why = ", which needs the extension <nil/>";
                let error = self.fail("null", why);
                return Err(error.with_hint("the option `nil` sends it; not every peer knows it"));
            }
            Value::Bool(bool) => self.element("boolean", if *bool { "1" } else { "0" }),
            Value::Number(number) => return self.number(number),
            Value::String(text) => {
                if let Some(why) = foreign(text) {
                    let error = self.fail("a string", &format!(": {why}"));
                    return Err(error.with_hint("bytes are sent as base64"));
                }
                self.put("<value><string>");
                self.text(text);
                self.put("</string></value>\n");
            }
            Value::Bytes(bytes) => self.base64(bytes),
            Value::Array(items) => {
                self.put("<value><array><data>\n");
                self.enter(Level::Array(items, 0))?;
            }
            Value::Object(object) => {
                self.put("<value><struct>\n");
                self.enter(Level::Struct(object, 0))?;
            }
        }
        Ok(())
    }

    fn enter(&mut self, level: Level<'a>) -> Result<(), Error> {
        let limit = self.options.depth;
        if self.levels.len() == limit {
            let why = format!("arrays and structs are nested deeper than {limit}");
            return Err(Error::new(ErrorKind::Limit, FORMAT, why));
        }
        self.levels.push(level);
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Result<(), Error> {
        match number {
            Number::Int(int) => self.whole(&int.to_string(), Some(*int)),
            Number::Float(float) => {
                self.element("double", &repr(*float));
                Ok(())
            }
            Number::Big(big) => self.whole(&big.to_string(), None),
            Number::Text(text) if text.contains(['.', 'e', 'E']) => {
                self.element("double", text);
                Ok(())
            }
            Number::Text(text) => match whole(text) {
                Some(Number::Int(int)) => self.whole(&int.to_string(), Some(int)),
                _ => self.whole(text, None),
            },
        }
    }

    /// A whole number; `int` is what it is if 64 bits hold it.
    fn whole(&mut self, digits: &str, int: Option<i64>) -> Result<(), Error> {
        match int {
            Some(int) if i32::try_from(int).is_ok() => self.element("int", digits),
            Some(_) if self.options.i8 => self.element("i8", digits),
            Some(_) => {
                let why = ", which is beyond 32 bits and needs the extension <i8>";
                let error = self.fail(digits, why);
                return Err(error.with_hint("the option `i8` sends it; not every peer knows it"));
            }
            None => {
                let shown: String = digits.chars().take(40).collect();
                let error = self.fail(&shown, ", which is beyond 64 bits");
                return Err(
                    error.with_hint("{\"!biginteger\": …} sends it where the peer knows that")
                );
            }
        }
        Ok(())
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.put("<value><base64>\n");
        for line in bytes.chunks(LINE) {
            self.put(&BASE64.encode(line));
            self.put("\n");
        }
        self.put("</base64></value>\n");
    }

    /// A value with its type.
    fn tagged(&mut self, name: &str, inner: &Value) -> Result<(), Error> {
        let text = match inner {
            Value::String(text) => text.to_string(),
            Value::Number(Number::Float(float)) => repr(*float),
            Value::Number(number) => number.to_string(),
            Value::Null => String::new(),
            Value::Bytes(bytes) if name == "!base64" => {
                self.base64(bytes);
                return Ok(());
            }
            other => {
                return Err(self.fail(&format!("{name} of {}", other.kind()), ", which it is not"));
            }
        };
        let text = text.trim_matches(is_blank);
        let is_whole = |bits: bool| match whole(text) {
            Some(Number::Int(_)) => true,
            Some(_) => !bits,
            None => false,
        };
        let (element, is_right) = match name {
            "!dateTime.iso8601" => ("dateTime.iso8601", is_date(text)),
            "!i8" => ("i8", is_whole(true)),
            "!biginteger" => ("biginteger", is_whole(false)),
            "!double" => ("double", float(text).is_some()),
            "!bigdecimal" => ("bigdecimal", Number::from_json_text(text).is_some()),
            "!base64" => match bytes(text) {
                Some(Value::Bytes(bytes)) => {
                    self.base64(&bytes);
                    return Ok(());
                }
                _ => ("base64", false),
            },
            "!nil" if text.is_empty() => {
                self.put("<value><nil/></value>");
                return Ok(());
            }
            "!nil" => ("nil", false),
            other => {
                let error = self.fail(&format!("the type {other:?}"), ", which nobody knows");
                return Err(error.with_hint(
                    "there are !dateTime.iso8601, !base64, !double, !i8, !biginteger, !bigdecimal and !nil",
                ));
            }
        };
        if !is_right {
            let shown: String = text.chars().take(40).collect();
            return Err(self.fail(&format!("{shown:?}"), &format!(", which is no {element}")));
        }
        self.element(element, text);
        Ok(())
    }

    /// `what` cannot be sent, where it stands, and why: `, which …` or `: …`.
    fn fail(&self, what: &str, why: &str) -> Error {
        let mut place = String::new();
        if let Some(param) = self.param {
            place = format!("[{param}]");
        }
        for level in &self.levels {
            // `next` is behind the item that is being written.
            match level {
                Level::Array(_, next) => place.push_str(&format!("[{}]", next.saturating_sub(1))),
                Level::Struct(object, next) => {
                    let name = object
                        .at(next.saturating_sub(1))
                        .map_or("", |(name, _)| name);
                    place.push('.');
                    place.extend(name.chars().take(80));
                }
            }
        }
        match place.as_str() {
            "" => unsupported(format!("{what}{why}")),
            _ => unsupported(format!("{what} at {place}{why}")),
        }
    }
}
