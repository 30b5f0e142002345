//! Messages and their parts (MIME, RFC 2045 and 2046), cut apart and decoded within bounds.

use super::header::{self, Field, Typed};
use super::{FORMAT, transfer};
use crate::charset::{Charset, Decoder, OnInvalid};
use crate::record::{Error, ErrorKind};
use crate::value::{Object, Text, Value};

/// Parts in parts are opened by calls in calls, so deeper than this they are not, whatever is allowed.
const DEEPEST: usize = 100;

/// What parts may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) parts: usize,
    pub(super) depth: usize,
}

/// What was found on the way through the parts of one message.
#[derive(Default)]
struct Found {
    text: Option<Value>,
    html: Option<Value>,
    attachments: Vec<Value>,
}

struct Opener {
    bounds: Bounds,
    parts: usize,
}

/// The record of a message.
pub(super) fn message(bytes: &[u8], bounds: Bounds) -> Result<Object, Error> {
    let depth = bounds.depth.min(DEEPEST);
    let mut opener = Opener { bounds, parts: 0 };
    opener.message(bytes, depth)
}

impl Opener {
    fn message(&mut self, bytes: &[u8], depth: usize) -> Result<Object, Error> {
        let (fields, body) = header::split(bytes);
        let mut found = Found::default();
        let part = self.part(&fields, body, "text/plain", depth, &mut found)?;
        let mut record = Object::new();
        for name in ["from", "sender", "reply-to", "to", "cc", "bcc"] {
            let always = matches!(name, "from" | "to" | "cc");
            match header::find(&fields, name) {
                Some(value) => drop(record.insert(name.into(), header::addresses(value))),
                None if always => drop(record.insert(name.into(), Value::array(Vec::new()))),
                None => {}
            }
        }
        let subject = header::find(&fields, "subject").map(header::decoded);
        record.insert("subject".into(), subject.map_or(Value::Null, Value::from));
        let date = header::find(&fields, "date").map(header::date);
        record.insert("date".into(), date.unwrap_or_default());
        let id = header::find(&fields, "message-id")
            .and_then(|value| header::ids(value).into_iter().next());
        record.insert("message-id".into(), id.unwrap_or_default());
        for name in ["in-reply-to", "references"] {
            if let Some(value) = header::find(&fields, name) {
                record.insert(name.into(), Value::array(header::ids(value)));
            }
        }
        record.insert("text".into(), found.text.unwrap_or_default());
        record.insert("html".into(), found.html.unwrap_or_default());
        record.insert("attachments".into(), Value::array(found.attachments));
        record.insert("headers".into(), header::all(&fields));
        record.insert("parts".into(), part);
        Ok(record)
    }

    fn part(
        &mut self,
        fields: &[Field],
        body: &[u8],
        usual: &str,
        depth: usize,
        found: &mut Found,
    ) -> Result<Value, Error> {
        self.parts += 1;
        if self.parts > self.bounds.parts {
            let why = format!("the message has more than {} parts", self.bounds.parts);
            return Err(
                Error::new(ErrorKind::Limit, FORMAT, why).with_hint("raise it with --max-parts")
            );
        }
        let mut kind = header::find(fields, "content-type")
            .and_then(Typed::parse)
            .filter(|kind| kind.essence.contains('/'))
            .unwrap_or_default();
        if kind.essence.is_empty() {
            kind.essence = usual.to_owned();
        }
        let mut part = Part::new(fields, &kind);
        if kind.essence.starts_with("multipart/") && depth > 0 {
            match kind
                .parameter("boundary")
                .and_then(|boundary| cut(body, boundary))
            {
                Some(pieces) => return self.multipart(part, &kind, &pieces, depth, found),
                None => part.problem("the boundary does not stand in it"),
            }
        }
        let bytes = part.decode(fields, body);
        if matches!(kind.essence.as_str(), "message/rfc822" | "message/global") && depth > 0 {
            let inner = self.message(&bytes, depth - 1)?;
            part.record
                .insert("size".into(), (bytes.len() as i64).into());
            let mut attachment = part.record.clone();
            attachment.insert("message".into(), inner.into());
            found.attachments.push(attachment.into());
            return Ok(part.record.into());
        }
        Ok(part.leaf(&kind, bytes, found))
    }

    fn multipart(
        &mut self,
        mut part: Part,
        kind: &Typed,
        pieces: &[&[u8]],
        depth: usize,
        found: &mut Found,
    ) -> Result<Value, Error> {
        let usual = match kind.essence.as_str() {
            "multipart/digest" => "message/rfc822",
            _ => "text/plain",
        };
        let mut parts = Vec::new();
        for piece in pieces {
            let (fields, body) = header::split(piece);
            parts.push(self.part(&fields, body, usual, depth - 1, found)?);
        }
        part.record.insert("parts".into(), Value::array(parts));
        Ok(part.record.into())
    }
}

/// What is known of a part.
struct Part {
    record: Object,
    is_attachment: bool,
}

impl Part {
    fn new(fields: &[Field], kind: &Typed) -> Self {
        let disposition = header::find(fields, "content-disposition").and_then(Typed::parse);
        let name = disposition
            .as_ref()
            .and_then(|disposition| disposition.parameter("filename"))
            .or_else(|| kind.parameter("name"));
        let mut record = Object::new();
        record.insert("type".into(), kind.essence.as_str().into());
        if let Some(charset) = kind.parameter("charset") {
            record.insert("charset".into(), charset.to_ascii_lowercase().into());
        }
        if let Some(disposition) = &disposition {
            record.insert("disposition".into(), disposition.essence.as_str().into());
        }
        if let Some(name) = name {
            record.insert("filename".into(), name.into());
        }
        if let Some(Value::String(id)) =
            header::find(fields, "content-id").and_then(|id| header::ids(id).into_iter().next())
        {
            record.insert("content-id".into(), id.into());
        }
        Self {
            is_attachment: disposition
                .as_ref()
                .is_some_and(|disposition| disposition.essence == "attachment")
                || name.is_some(),
            record,
        }
    }

    fn problem(&mut self, what: impl Into<Text>) {
        self.record.insert("problem".into(), what.into().into());
    }

    /// The body without its transfer encoding.
    fn decode(&mut self, fields: &[Field], body: &[u8]) -> Vec<u8> {
        let encoding = header::find(fields, "content-transfer-encoding").unwrap_or("7bit");
        let (bytes, odd) = match encoding.trim().to_ascii_lowercase().as_str() {
            "base64" => transfer::from_base64(body),
            "quoted-printable" => transfer::from_quoted_printable(body),
            "" | "7bit" | "8bit" | "binary" => (body.to_vec(), false),
            other => {
                self.problem(format!("the transfer encoding {other} is not known"));
                (body.to_vec(), false)
            }
        };
        if odd {
            self.problem(format!(
                "not all of it is {}",
                encoding.trim().to_ascii_lowercase()
            ));
        }
        bytes
    }

    /// Text or an attachment.
    fn leaf(mut self, kind: &Typed, bytes: Vec<u8>, found: &mut Found) -> Value {
        self.record
            .insert("size".into(), (bytes.len() as i64).into());
        let content =
            match kind.essence.starts_with("text/") || kind.essence.starts_with("multipart/") {
                true => Value::from(self.text(kind, &bytes)),
                false => Value::bytes(bytes),
            };
        let place = match kind.essence.as_str() {
            _ if self.is_attachment => None,
            "text/html" => Some(&mut found.html),
            "text/plain" => Some(&mut found.text),
            _ => None,
        };
        match place {
            Some(place) if place.is_none() => *place = Some(content),
            _ => {
                let mut attachment = self.record.clone();
                attachment.insert("content".into(), content);
                found.attachments.push(attachment.into());
            }
        }
        self.record.into()
    }

    /// Text in UTF-8 with LF at the ends of lines.
    fn text(&mut self, kind: &Typed, bytes: &[u8]) -> String {
        let label = kind.parameter("charset").unwrap_or("us-ascii");
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let charset = match Charset::for_label(label) {
            // ASCII is said of much that is UTF-8.
            _ if is_utf8 && label.eq_ignore_ascii_case("us-ascii") => Charset::for_label("utf-8"),
            Some(charset) => Some(charset),
            None => {
                self.problem(format!("the charset {label} is not known"));
                match is_utf8 {
                    true => Charset::for_label("utf-8"),
                    false => Some(Charset::windows_1252()),
                }
            }
        };
        let mut decoder = Decoder::new(charset, OnInvalid::Replace);
        let mut text = Vec::new();
        // Replacing never fails.
        let _ = decoder.push(bytes, &mut text);
        let _ = decoder.finish(&mut text);
        if decoder.replaced().0 > 0 {
            self.problem(format!("not all of it is {label}"));
        }
        String::from_utf8_lossy(&text).replace("\r\n", "\n")
    }
}

/// The parts between the lines of a boundary; `None` if there is no such line.
fn cut<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let mut pieces = Vec::new();
    let mut start: Option<usize> = None;
    let mut at = 0;
    while at < body.len() {
        let end = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |newline| at + newline + 1);
        if let Some(is_last) = delimiter(&body[at..end], boundary) {
            if let Some(start) = start {
                pieces.push(without_line_break(&body[start..at]));
            }
            start = Some(end);
            if is_last {
                return Some(pieces);
            }
        }
        at = end;
    }
    // The last line is missing: what is there counts.
    if let Some(start) = start {
        pieces.push(without_line_break(&body[start..]));
    }
    (!pieces.is_empty()).then_some(pieces)
}

/// Whether a line is a delimiter, and whether it is the last one.
fn delimiter(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line
        .strip_prefix(b"--")?
        .strip_prefix(boundary.as_bytes())?;
    let (rest, is_last) = match rest.strip_prefix(b"--") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    rest.iter().all(u8::is_ascii_whitespace).then_some(is_last)
}

/// The line break before a delimiter belongs to that.
fn without_line_break(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}
