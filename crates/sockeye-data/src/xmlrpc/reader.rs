//! Documents become calls and answers, strictly and without recursion.

use std::borrow::Cow;
use std::io::Read;

use crate::charset::{self, Charset, OnInvalid};
use crate::record::{Error, ErrorKind, Limits};
use crate::value::{Object, Text, Value};
use crate::xml::{self, Event, Namespaces, Parser, encoding_of};

use super::scalar::{Type, is_blank};
use super::{Call, FORMAT, Fault, ReadOptions};

/// An element that is open, and what it has so far.
enum Frame {
    /// `methodCall`: the method, once it was named, and the parameters.
    Call(Option<String>, Option<Vec<Value>>),
    MethodName,
    /// `methodResponse`
    Answer(Option<Result<Value, Fault>>),
    Params(Vec<Value>),
    Param(Option<Value>),
    Fault(Option<Value>),
    Value(Option<Value>),
    Scalar(Type),
    Array(Option<Vec<Value>>),
    Data(Vec<Value>),
    Struct(Object),
    Member(Option<Text>, Option<Value>),
    Name,
}

/// What a document is, once it was read.
enum Done {
    Call(Call),
    Answer(Result<Value, Fault>),
}

struct Reader<'a> {
    options: &'a ReadOptions,
    open: Vec<Frame>,
    /// Text since the last tag.
    text: String,
    /// Arrays and structs that are open.
    depth: usize,
    values: usize,
    done: Option<Done>,
}

pub(super) fn call(document: &[u8], options: &ReadOptions) -> Result<Call, Error> {
    match read(document, options)? {
        Done::Call(call) => Ok(call),
        Done::Answer(_) => Err(no("an answer where a call should be")),
    }
}

pub(super) fn answer(
    document: &[u8],
    options: &ReadOptions,
) -> Result<Result<Value, Fault>, Error> {
    match read(document, options)? {
        Done::Answer(answer) => Ok(answer),
        Done::Call(_) => Err(no("a call where an answer should be")),
    }
}

fn no(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Syntax, FORMAT, why)
}

fn beyond(why: String) -> Error {
    Error::new(ErrorKind::Limit, FORMAT, why)
}

fn read(document: &[u8], options: &ReadOptions) -> Result<Done, Error> {
    let limit = options.limits.record;
    if document.len() > limit {
        return Err(beyond(format!("the document is larger than {limit} bytes")));
    }
    let document = decoded(document)?;
    let xml = xml::ReadOptions {
        namespaces: Namespaces::Ignore,
        decoded: matches!(document, Cow::Owned(_)),
        attributes: 100,
        name: 1_000,
        limits: Limits {
            // A struct in a struct is `struct`, `member` and `value`, an array `array`, `data` and `value`.
            depth: options.limits.depth.saturating_mul(3).saturating_add(8),
            expansion: 0,
            ..options.limits.clone()
        },
        ..xml::ReadOptions::default()
    };
    let mut parser = Parser::new(&*document, &xml);
    let mut reader = Reader {
        options,
        open: Vec::new(),
        text: String::new(),
        depth: 0,
        values: 0,
        done: None,
    };
    loop {
        let result = match parser.next_event()? {
            None => break,
            Some(Event::Text(text) | Event::CData(text)) => {
                reader.text.push_str(text);
                Ok(())
            }
            Some(Event::Start { name, .. }) => reader.start(local(name)),
            Some(Event::End) => reader.end(),
            Some(Event::Doctype(_)) => {
                let why = "a DTD, which XML-RPC does not have";
                Err(Error::new(ErrorKind::Unsupported, FORMAT, why)
                    .with_hint("neither entities nor anything else can be declared"))
            }
            Some(Event::Declaration(_) | Event::Comment(_) | Event::Instruction { .. }) => Ok(()),
        };
        result.map_err(|error| error.at(parser.position()))?;
    }
    reader
        .done
        .ok_or_else(|| no("neither a call nor an answer"))
}

/// UTF-8 of what the document says it is in.
fn decoded(document: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let mark = Charset::for_bom(document).map(|(charset, _)| charset);
    let named = match (mark, encoding_of(document)) {
        (Some(Charset::UTF_8), _) | (None, None) => return Ok(Cow::Borrowed(document)),
        (Some(charset), _) => charset,
        (None, Some(name)) => match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => return Ok(Cow::Borrowed(document)),
            // Without a mark it is not in that, or the name could not have been read: the parser says so.
            wide if wide.starts_with("utf-16") || wide.starts_with("utf-32") => {
                return Ok(Cow::Borrowed(document));
            }
            "us-ascii" | "ascii" => Charset::ASCII_STRICT,
            "iso-8859-1" | "latin1" | "latin-1" => Charset::LATIN1_STRICT,
            label => Charset::for_label(label).ok_or_else(|| {
                let why = format!("the encoding {name:?} is not known");
                Error::new(ErrorKind::Unsupported, FORMAT, why)
            })?,
        },
    };
    let mut utf8 = Vec::with_capacity(document.len());
    charset::reader(Some(named), document, OnInvalid::Refuse)
        .read_to_end(&mut utf8)
        .map_err(|error| Error::io(FORMAT, &error))?;
    Ok(Cow::Owned(utf8))
}

/// The name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

impl Reader<'_> {
    fn start(&mut self, name: &str) -> Result<(), Error> {
        self.only_blanks()?;
        self.text.clear();
        let limit = self.options.limits.depth;
        if matches!(name, "array" | "struct") {
            self.depth += 1;
            if self.depth > limit {
                let why = format!("arrays and structs are nested deeper than {limit}");
                return Err(beyond(why));
            }
        }
        let frame = match (self.open.last(), name) {
            (None, "methodCall") => Frame::Call(None, None),
            (None, "methodResponse") => Frame::Answer(None),
            (Some(Frame::Call(None, None)), "methodName") => Frame::MethodName,
            (Some(Frame::Call(Some(_), None) | Frame::Answer(None)), "params") => {
                Frame::Params(Vec::new())
            }
            (Some(Frame::Answer(None)), "fault") => Frame::Fault(None),
            (Some(Frame::Params(_)), "param") => Frame::Param(None),
            (
                Some(
                    Frame::Param(None)
                    | Frame::Fault(None)
                    | Frame::Data(_)
                    | Frame::Member(Some(_), None),
                ),
                "value",
            ) => Frame::Value(None),
            (Some(Frame::Value(None)), "array") => Frame::Array(None),
            (Some(Frame::Value(None)), "struct") => Frame::Struct(Object::new()),
            (Some(Frame::Value(None)), other) => Frame::Scalar(
                Type::named(other).ok_or_else(|| no(format!("{other:?} is no type")))?,
            ),
            (Some(Frame::Array(None)), "data") => Frame::Data(Vec::new()),
            (Some(Frame::Struct(_)), "member") => Frame::Member(None, None),
            (Some(Frame::Member(None, None)), "name") => Frame::Name,
            (within, name) => return Err(misplaced(within, name)),
        };
        self.open.push(frame);
        Ok(())
    }

    /// Text stands in values, types and names, and nowhere else.
    fn only_blanks(&self) -> Result<(), Error> {
        match self.text.trim_matches(is_blank) {
            "" => Ok(()),
            _ => Err(no("text beside elements")),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        // The parser has seen the start of what ends.
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let holds_text = matches!(
            frame,
            Frame::Value(None) | Frame::Scalar(_) | Frame::Name | Frame::MethodName
        );
        if !holds_text {
            self.only_blanks()?;
        }
        self.close(frame)?;
        self.text.clear();
        Ok(())
    }

    /// Hand what a frame has to the one around it.
    fn close(&mut self, frame: Frame) -> Result<(), Error> {
        let around = self.open.last_mut();
        match (frame, around) {
            (Frame::Scalar(kind), Some(Frame::Value(slot))) => {
                let value = kind.value(&self.text, self.options.tags);
                *slot = Some(value.map_err(|what| wrong(&self.text, what))?);
            }
            (Frame::Array(items), Some(Frame::Value(slot))) => {
                let items = items.ok_or_else(|| no("an array without its \"data\""))?;
                *slot = Some(Value::array(items));
                self.depth -= 1;
            }
            (Frame::Struct(object), Some(Frame::Value(slot))) => {
                *slot = Some(object.into());
                self.depth -= 1;
            }
            (Frame::Data(items), Some(Frame::Array(slot))) => *slot = Some(items),
            (Frame::Value(value), _) => {
                let value = value.unwrap_or_else(|| Value::from(self.text.as_str()));
                self.value(value)?;
            }
            (Frame::Name, Some(Frame::Member(slot, _))) => *slot = Some(self.text.as_str().into()),
            (Frame::Member(name, value), Some(Frame::Struct(object))) => {
                let name = name.ok_or_else(|| no("a member without a name"))?;
                let value = value.ok_or_else(|| no("a member without a value"))?;
                object.insert(name, value);
            }
            (Frame::Param(value), Some(Frame::Params(params))) => {
                params.push(value.ok_or_else(|| no("a \"param\" without a value"))?);
            }
            (frame, _) => return self.close_outer(frame),
        }
        Ok(())
    }

    /// The same for what stands around values.
    fn close_outer(&mut self, frame: Frame) -> Result<(), Error> {
        match (frame, self.open.last_mut()) {
            (Frame::Params(params), Some(Frame::Call(_, slot))) => *slot = Some(params),
            (Frame::Params(mut params), Some(Frame::Answer(slot))) => {
                let count = params.len();
                match params.pop() {
                    Some(value) if count == 1 => *slot = Some(Ok(value)),
                    _ => return Err(no(format!("an answer has one value, not {count}"))),
                }
            }
            (Frame::Fault(value), Some(Frame::Answer(slot))) => {
                *slot = Some(Err(value.as_ref().and_then(fault).ok_or_else(|| {
                    no("a fault is a struct with a number \"faultCode\" and a string \"faultString\"")
                })?));
            }
            (Frame::MethodName, Some(Frame::Call(slot, _))) => {
                if self.text.trim_matches(is_blank).is_empty() {
                    return Err(no("the name of the method is empty"));
                }
                *slot = Some(std::mem::take(&mut self.text));
            }
            (Frame::Call(method, params), None) => {
                let method = method.ok_or_else(|| no("a call without a \"methodName\""))?;
                let params = params.unwrap_or_default();
                self.done = Some(Done::Call(Call { method, params }));
            }
            (Frame::Answer(answer), None) => {
                let answer = answer.ok_or_else(|| no("an answer without value and fault"))?;
                self.done = Some(Done::Answer(answer));
            }
            // `start` opens frames only where they belong.
            _ => {}
        }
        Ok(())
    }

    /// A value is whole.
    fn value(&mut self, value: Value) -> Result<(), Error> {
        self.values += 1;
        let limit = self.options.values;
        if self.values > limit {
            return Err(beyond(format!("there are more than {limit} values")));
        }
        match self.open.last_mut() {
            Some(Frame::Param(slot) | Frame::Fault(slot) | Frame::Member(_, slot)) => {
                *slot = Some(value);
            }
            Some(Frame::Data(items)) => items.push(value),
            _ => {}
        }
        Ok(())
    }
}

/// The text of a type's element is not `what`.
fn wrong(text: &str, what: &str) -> Error {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    no(format!("{shown:?} is not {what}"))
}

/// The struct of a fault.
fn fault(value: &Value) -> Option<Fault> {
    let code = match value.get("faultCode")? {
        Value::String(text) => text.parse().ok()?,
        code => code.as_i64()?,
    };
    let message = value.get("faultString")?.as_str()?.to_owned();
    Some(Fault { code, message })
}

fn misplaced(within: Option<&Frame>, name: &str) -> Error {
    let place = match within {
        None => {
            return no(format!(
                "{name:?} is neither \"methodCall\" nor \"methodResponse\""
            ));
        }
        Some(Frame::Call(None, _)) => "before \"methodName\"",
        Some(Frame::Call(..)) => "in \"methodCall\"",
        Some(Frame::Answer(None)) => "in \"methodResponse\"",
        Some(Frame::Answer(Some(_))) => "behind the answer",
        Some(Frame::MethodName) => "in \"methodName\"",
        Some(Frame::Params(_)) => "in \"params\"",
        Some(Frame::Param(_)) => "in \"param\"",
        Some(Frame::Fault(_)) => "in \"fault\"",
        Some(Frame::Value(_)) => "behind a value's type",
        Some(Frame::Scalar(_)) => "in a type that has no elements",
        Some(Frame::Array(_)) => "in \"array\"",
        Some(Frame::Data(_)) => "in \"data\"",
        Some(Frame::Struct(_)) => "in \"struct\"",
        Some(Frame::Member(None, _)) => "before the name of a member",
        Some(Frame::Member(..)) => "in \"member\"",
        Some(Frame::Name) => "in \"name\"",
    };
    no(format!("the element {name:?} {place}"))
}
