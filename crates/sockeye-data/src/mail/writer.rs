//! Records as messages and as an mbox.

use super::reader::Kind;
use super::transfer;
use super::words::{encoded, field, parameter, phrase, unsupported};
use crate::record::{Error, WriteRecords};
use crate::value::{Object, Value};

/// Messages in messages are written by calls in calls.
const DEEPEST: usize = 100;

/// Fields that are written from what the record says, not from its `headers`.
const OWN: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
];

/// How mail is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// One message, or an mbox with as many as there are.
    pub kind: Kind,
}

/// Writes records as messages: fields of the header folded, text beyond ASCII encoded, lines ending in CRLF. What there is of
/// `from`, `sender`, `reply-to`, `to`, `cc`, `bcc`, `subject`, `date`, `message-id`, `in-reply-to`, `references`, `headers`,
/// `text`, `html` and `attachments` is written; `parts` is not read. The content of an attachment is text where its type is, and
/// bytes, or base64 of them, where it is not.
pub struct Writer {
    options: WriteOptions,
    written: usize,
}

impl Writer {
    /// With these options.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: *options,
            written: 0,
        }
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let message = to_vec(record)?;
        match self.options.kind {
            Kind::Message if self.written > 0 => {
                return Err(unsupported(
                    "one message cannot hold several records".to_owned(),
                    "write them with -t mbox",
                ));
            }
            Kind::Message => out.extend_from_slice(&message),
            Kind::Mbox => to_mbox(record, &message, out)?,
        }
        self.written += 1;
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// A record as a message.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::record::ErrorKind::Unsupported) when it is no object, or something in it is not what it
/// should be: a line break in a subject, an address with blanks, an attachment that is no base64.
pub fn to_vec(record: &Value) -> Result<Vec<u8>, Error> {
    match record {
        Value::Object(record) => message(record, DEEPEST),
        other => {
            let why = format!("a {} is no message", other.kind());
            Err(unsupported(
                why,
                "make an object with from, to, subject and text",
            ))
        }
    }
}

fn message(record: &Object, depth: usize) -> Result<Vec<u8>, Error> {
    if depth == 0 {
        return Err(unsupported(
            "messages are too deep in each other".to_owned(),
            "keep the inner ones apart",
        ));
    }
    let mut out = Vec::new();
    for name in OWN {
        if let Some(value) = record.get(name).filter(|value| **value != Value::Null)
            && let Some(text) = own_field(name, value)?
        {
            field(&title(name), &text, &mut out)?;
        }
    }
    if let Some(headers) = record.get("headers").and_then(Value::as_object) {
        for (name, value) in headers.iter() {
            let lower = name.to_ascii_lowercase();
            let said = OWN.contains(&lower.as_str())
                && record.get(&lower).is_some_and(|own| *own != Value::Null);
            if said || lower.starts_with("content-") || lower == "mime-version" {
                continue;
            }
            let values = value.as_array().unwrap_or(std::slice::from_ref(value));
            for value in values {
                let Some(text) = value.as_str() else {
                    let why = format!("the field {name} is {}", value.kind());
                    return Err(unsupported(why, "fields are text"));
                };
                field(name, &encoded(text), &mut out)?;
            }
        }
    }
    field("MIME-Version", "1.0", &mut out)?;
    out.extend_from_slice(&body(record, depth)?);
    Ok(out)
}

/// `message-id` → `Message-ID`.
fn title(name: &str) -> String {
    let words = name.split('-').map(|word| match word {
        "id" => "ID".to_owned(),
        word => word[..1].to_ascii_uppercase() + &word[1..],
    });
    words.collect::<Vec<_>>().join("-")
}

fn own_field(name: &str, value: &Value) -> Result<Option<String>, Error> {
    match name {
        "subject" => Ok(value.as_str().map(encoded)),
        "date" => Ok(value.as_str().map(date)),
        "message-id" => Ok(value.as_str().map(|id| format!("<{id}>"))),
        "in-reply-to" | "references" => {
            let ids = value.as_array().unwrap_or(std::slice::from_ref(value));
            let ids: Vec<_> = ids
                .iter()
                .filter_map(Value::as_str)
                .map(|id| format!("<{id}>"))
                .collect();
            Ok((!ids.is_empty()).then(|| ids.join(" ")))
        }
        _ => {
            let list = value.as_array().unwrap_or(std::slice::from_ref(value));
            let addresses = list
                .iter()
                .map(|one| address(name, one))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((!addresses.is_empty()).then(|| addresses.join(", ")))
        }
    }
}

/// `{"name", "address"}`, or text as it is written in a message.
fn address(field: &str, value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(encoded(text));
    }
    let name = value.get("name").and_then(Value::as_str);
    let address = value.get("address").and_then(Value::as_str);
    if let Some(address) = address {
        let is_odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';');
        if address.contains(is_odd) {
            let why = format!("{address:?} in {field} is no address");
            return Err(unsupported(
                why,
                "write it as someone@example.org, the name apart",
            ));
        }
    }
    match (name, address) {
        (Some(name), Some(address)) => Ok(format!("{} <{address}>", phrase(name))),
        (None, Some(address)) => Ok(address.to_owned()),
        (Some(name), None) => Ok(phrase(name)),
        (None, None) => Err(unsupported(
            format!("an address in {field} is missing"),
            "addresses are {\"name\": …, \"address\": …}",
        )),
    }
}

/// ISO 8601 as mail has it: `Thu, 26 Nov 2026 23:48:13 +0000`. What is no such date stays.
fn date(text: &str) -> String {
    rfc5322(text).unwrap_or_else(|| encoded(text))
}

fn rfc5322(text: &str) -> Option<String> {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<usize>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (time, zone) = (&text[11..19], &text[19..]);
    let zone = match zone {
        "Z" => "+0000".to_owned(),
        zone if zone.len() == 6 && zone.starts_with(['+', '-']) => zone.replace(':', ""),
        _ => return None,
    };
    let name = MONTHS.get(month.checked_sub(1)?)?;
    // Sakamoto's way to the day of the week.
    let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month - 1];
    let early = year - usize::from(month < 3 && year > 0);
    let weekday = (early + early / 4 - early / 100 + early / 400 + shift + day) % 7;
    Some(format!(
        "{}, {day} {name} {year:04} {time} {zone}",
        DAYS[weekday]
    ))
}

/// What stands behind the header of the message, with the fields that say what it is.
fn body(record: &Object, depth: usize) -> Result<Vec<u8>, Error> {
    let text = record.get("text").and_then(Value::as_str);
    let html = record.get("html").and_then(Value::as_str);
    let mut main = match (text, html) {
        (Some(text), Some(html)) => multipart(
            "alternative",
            &[
                text_part("text/plain", text, ""),
                text_part("text/html", html, ""),
            ],
        ),
        (None, Some(html)) => text_part("text/html", html, ""),
        (text, None) => text_part("text/plain", text.unwrap_or_default(), ""),
    };
    let attachments = record
        .get("attachments")
        .and_then(Value::as_array)
        .unwrap_or_default();
    if attachments.is_empty() {
        return Ok(main);
    }
    let mut parts = Vec::new();
    if text.is_some() || html.is_some() {
        parts.push(std::mem::take(&mut main));
    }
    for attachment in attachments {
        parts.push(attached(attachment, depth)?);
    }
    Ok(multipart("mixed", &parts))
}

fn text_part(kind: &str, text: &str, disposition: &str) -> Vec<u8> {
    // Lines end in one way only.
    let text = text.replace("\r\n", "\n");
    let is_plain = text.is_ascii()
        && text.lines().all(|line| {
            line.len() < 78
                && !line.starts_with("From ")
                && line != "."
                && !line.ends_with([' ', '\t'])
        })
        && !text
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\n' && byte != b'\t')
        && (text.is_empty() || text.ends_with('\n'));
    let encoding = if is_plain { "7bit" } else { "quoted-printable" };
    let mut out = format!(
        "Content-Type: {kind}; charset=utf-8\r\n{disposition}Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    .into_bytes();
    match is_plain {
        true => out.extend_from_slice(text.replace('\n', "\r\n").as_bytes()),
        false => transfer::to_quoted_printable(&text, &mut out),
    }
    out
}

fn attached(attachment: &Value, depth: usize) -> Result<Vec<u8>, Error> {
    let name = attachment.get("filename").and_then(Value::as_str);
    let inner = attachment.get("message").and_then(Value::as_object);
    let usual = if inner.is_some() {
        "message/rfc822"
    } else {
        "application/octet-stream"
    };
    let kind = attachment
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or(usual);
    let is_token = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    if !kind
        .split_once('/')
        .is_some_and(|(main, sub)| is_token(main) && is_token(sub))
    {
        return Err(unsupported(
            format!("{kind:?} is no media type"),
            "write it as image/png",
        ));
    }
    let disposition = match attachment.get("disposition").and_then(Value::as_str) {
        Some("inline") => "inline",
        _ => "attachment",
    };
    let mut head = format!("Content-Disposition: {disposition}");
    if let Some(name) = name {
        head.push_str(&parameter("filename", name).replace("; ", ";\r\n "));
    }
    head.push_str("\r\n");
    if let Some(id) = attachment.get("content-id").and_then(Value::as_str)
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'))
    {
        head.push_str(&format!("Content-ID: <{id}>\r\n"));
    }
    if let Some(inner) = inner {
        let mut out = format!("Content-Type: message/rfc822\r\n{head}\r\n").into_bytes();
        out.extend_from_slice(&message(inner, depth - 1)?);
        return Ok(out);
    }
    let bytes = match attachment.get("content") {
        Some(Value::Bytes(bytes)) => bytes.to_vec(),
        Some(Value::String(text)) if kind.starts_with("text/") => {
            return Ok(text_part(kind, text, &head));
        }
        Some(Value::String(text)) => {
            let letters: Vec<u8> = text
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            data_encoding::BASE64.decode(&letters).map_err(|_| {
                let why = format!("the content of an attachment of type {kind} is no base64");
                unsupported(why, "name a type such as text/plain, or encode it")
            })?
        }
        _ => {
            return Err(unsupported(
                "an attachment has no content".to_owned(),
                "put text or base64 into content",
            ));
        }
    };
    let mut out =
        format!("Content-Type: {kind}\r\n{head}Content-Transfer-Encoding: base64\r\n\r\n")
            .into_bytes();
    transfer::to_base64(&bytes, &mut out);
    Ok(out)
}

fn multipart(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let boundary = boundary(parts);
    let mut out =
        format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// A boundary that stands in no part. No line of base64 or quoted-printable begins so; other parts are looked through.
fn boundary(parts: &[Vec<u8>]) -> String {
    let mut number = 1_u64;
    loop {
        let boundary = format!("=_part_{number}_");
        let finder = memchr::memmem::Finder::new(&boundary);
        if parts.iter().all(|part| finder.find(part).is_none()) {
            return boundary;
        }
        number += 1;
    }
}

/// The message behind its line `From `, quoted, with LF at the ends of lines as mailboxes have it.
fn to_mbox(record: &Value, message: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let usual = "MAILER-DAEMON Thu Jan  1 00:00:00 1970";
    let envelope = record
        .get("envelope")
        .and_then(Value::as_str)
        .unwrap_or(usual);
    if envelope.chars().any(char::is_control) {
        return Err(unsupported(
            "the envelope holds a line break".to_owned(),
            "write it as: sender date",
        ));
    }
    out.extend_from_slice(format!("From {envelope}\n").as_bytes());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            out.push(b'>');
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
        out.push(b'\n');
    }
    out.push(b'\n');
    Ok(())
}
