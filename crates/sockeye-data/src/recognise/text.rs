//! Formats that are text, by how their lines look.

use super::Found;
use super::binary::has_control_bytes;
use crate::csv::Sniffed;
use crate::format::Format;

/// So many lines are looked at.
const LINES: usize = 20;

/// Header fields that messages begin with.
const MAIL_FIELDS: &[&str] = &[
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "received",
    "return-path",
    "message-id",
    "mime-version",
    "delivered-to",
    "reply-to",
    "content-type",
    "dkim-signature",
    "sender",
    "x-original-to",
    "in-reply-to",
    "references",
    "list-id",
];

/// Names that stand in HTML and hardly in other XML.
const HTML_TAGS: &[&str] = &[
    "html", "head", "body", "title", "meta", "div", "span", "p", "a", "table", "tr", "td", "ul",
    "ol", "li", "h1", "h2", "h3", "br", "img", "form", "section", "main", "script", "style",
    "link",
];

/// The format of this text, if it looks like one. `is_all`: its last line is whole.
pub(super) fn recognise(text: &[u8], is_all: bool) -> Option<Found<Format>> {
    let start = text.trim_ascii_start();
    let Some(first) = start.first() else {
        return Some(Found::guess(Format::Json, "it is empty"));
    };
    let lines = Lines::new(start, is_all);
    match first {
        b'<' => markup(start),
        b'[' if is_toml(&lines) => Some(Found::likely(Format::Toml, "a [section] and its keys")),
        b'{' | b'[' => Some(json(&lines)),
        b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if lines.all_json() => Some(json(&lines)),
        _ => by_lines(text, &lines),
    }
}

fn by_lines(text: &[u8], lines: &Lines<'_>) -> Option<Found<Format>> {
    if has_control_bytes(text) || lines.0.is_empty() {
        return None;
    }
    if is_mbox(lines) {
        return Some(Found::certain(
            Format::Mbox,
            "it begins with a line \"From \"",
        ));
    }
    if is_mail(lines) {
        return Some(Found::likely(Format::Mail, "it begins with header fields"));
    }
    if let Some(why) = yaml_mark(lines) {
        return Some(Found::certain(Format::Yaml, why));
    }
    if is_toml(lines) {
        return Some(Found::likely(Format::Toml, "its lines are key = value"));
    }
    if is_yaml(lines) {
        return Some(Found::likely(
            Format::Yaml,
            "its lines are \"key: value\" or \"- item\"",
        ));
    }
    if is_form(lines) {
        return Some(Found::likely(
            Format::Form,
            "one line of name=value&name=value",
        ));
    }
    rows(text, lines)
}

fn rows(text: &[u8], lines: &Lines<'_>) -> Option<Found<Format>> {
    let sniffed = crate::csv::sniff(text);
    let delimiter = sniffed.dialect.delimiter;
    let whole = lines
        .0
        .iter()
        .filter(|line| line.contains(&delimiter))
        .count();
    // Prose has commas too, but not in nearly every line.
    if whole * 10 < lines.0.len() * 9 || whole < lines.0.len().min(2) {
        return None;
    }
    let format = if delimiter == b'\t' {
        Format::Tsv
    } else {
        Format::Csv
    };
    let why = format!("its lines have {}", separator(delimiter));
    Some(match lines.0.len() {
        0..=1 => Found::guess(format, why),
        _ => Found::likely(format, why),
    })
}

/// What a sniffed dialect is called.
pub(super) fn dialect(sniffed: &Sniffed) -> Found<String> {
    let what = format!("separated by {}", separator(sniffed.dialect.delimiter));
    Found::likely(what, sniffed.why.clone())
}

fn separator(byte: u8) -> String {
    match byte {
        b'\t' => "tabs".to_owned(),
        b',' => "commas".to_owned(),
        b';' => "semicolons".to_owned(),
        b' ' => "blanks".to_owned(),
        byte => format!("{:?}", char::from(byte)),
    }
}

/// The first whole lines that have something.
struct Lines<'a>(Vec<&'a [u8]>);

impl<'a> Lines<'a> {
    fn new(text: &'a [u8], is_all: bool) -> Self {
        let whole = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) if !is_all => &text[..=newline],
            // A single line that goes on: as much as there is.
            _ => text,
        };
        let lines = whole.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Self(
            lines
                .filter(|line| !line.trim_ascii().is_empty())
                .take(LINES)
                .collect(),
        )
    }

    fn first(&self) -> &'a [u8] {
        self.0.first().copied().unwrap_or_default()
    }

    /// Whether each line is a JSON value by itself.
    fn all_json(&self) -> bool {
        self.0.iter().all(|line| is_json_line(line.trim_ascii()))
    }

    /// The same as text, for what is told by words.
    fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0
            .iter()
            .map_while(|line| std::str::from_utf8(line).ok())
    }
}

fn json(lines: &Lines<'_>) -> Found<Format> {
    let starts = |line: &&[u8]| {
        matches!(
            line.first(),
            Some(b'{' | b'[' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n')
        )
    };
    if lines.0.len() > 1 && lines.0.iter().all(starts) && lines.all_json() {
        return Found::likely(Format::Ndjson, "each line is a JSON value");
    }
    match lines.first().first() {
        Some(b'{') => Found::likely(Format::Json, "it begins with an object of JSON"),
        Some(b'[') => Found::likely(Format::Json, "it begins with an array of JSON"),
        _ => Found::guess(Format::Json, "it is a value of JSON"),
    }
}

/// Whether a line is one balanced value: closer looks are the reader's.
fn is_json_line(line: &[u8]) -> bool {
    match line.first() {
        Some(b'{' | b'[') => balance_ends(line) == Some(line.len()),
        Some(b'"') => string_end(line) == Some(line.len()),
        _ => {
            let is_word = matches!(line, b"true" | b"false" | b"null");
            let text = std::str::from_utf8(line).unwrap_or_default();
            is_word || crate::value::Number::from_json_text(text).is_some()
        }
    }
}

/// Behind the closing quote of the string that begins here.
fn string_end(line: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(byte) = line.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Behind the bracket that closes the first one.
fn balance_ends(line: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = line.get(at) {
        match byte {
            b'"' => {
                at += string_end(&line[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn markup(start: &[u8]) -> Option<Found<Format>> {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let mut rest = text.as_str();
    if rest.starts_with("<?xml") {
        return Some(Found::certain(
            Format::Xml,
            "it begins with an XML declaration",
        ));
    }
    while let Some(comment) = rest.strip_prefix("<!--") {
        let Some((_, behind)) = comment.split_once("-->") else {
            return Some(Found::guess(Format::Html, "it begins with a comment"));
        };
        rest = behind.trim_start();
    }
    if rest.starts_with("<!doctype html") {
        return Some(Found::certain(Format::Html, "its doctype is html"));
    }
    if rest.starts_with("<!doctype") || rest.starts_with("<?") {
        return Some(Found::likely(Format::Xml, "it begins as XML does"));
    }
    let name = rest.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || c == '>' || c == '/');
    let name = &name[..end.unwrap_or(name.len())];
    if HTML_TAGS.contains(&name) {
        return Some(Found::likely(
            Format::Html,
            format!("it begins with <{name}>"),
        ));
    }
    let begins = name
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    begins.then(|| Found::likely(Format::Xml, "it begins with an element"))
}

fn is_mbox(lines: &Lines<'_>) -> bool {
    let first = lines.first();
    let year = first
        .windows(4)
        .any(|four| four.iter().all(u8::is_ascii_digit));
    first.starts_with(b"From ") && year && first.contains(&b':')
}

/// The name before the colon, if it is one of a header field.
fn field_name(line: &str) -> Option<String> {
    let (name, _) = line.split_once(':')?;
    let fits = |byte: u8| byte.is_ascii_graphic();
    (!name.is_empty() && name.bytes().all(fits)).then(|| name.to_ascii_lowercase())
}

fn is_mail(lines: &Lines<'_>) -> bool {
    let (mut known, mut previous) = (0, false);
    for line in lines.texts() {
        if line.starts_with([' ', '\t']) && previous {
            continue;
        }
        let Some(name) = field_name(line) else {
            // The body: empty lines are left out here.
            break;
        };
        previous = true;
        known += usize::from(MAIL_FIELDS.contains(&name.as_str()));
    }
    known >= 2
}

fn yaml_mark(lines: &Lines<'_>) -> Option<&'static str> {
    let first = lines.first();
    if first.starts_with(b"%YAML") {
        return Some("it begins with %YAML");
    }
    let begins = first == b"---" || first.starts_with(b"--- ");
    begins.then_some("it begins with ---")
}

fn is_toml(lines: &Lines<'_>) -> bool {
    let (mut keys, mut goes_on) = (0, false);
    for line in lines.texts().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        if goes_on {
            return true;
        }
        goes_on = ["[", "\"\"\"", "'''"]
            .iter()
            .any(|open| line.ends_with(open));
        let is_section = line.starts_with('[') && is_section(line);
        if !is_section && !is_toml_pair(line) {
            // What follows a key may go on over lines.
            return keys > 0 && line.starts_with(['"', '\'', ']', '}', '{', '[']);
        }
        keys += usize::from(!is_section);
    }
    keys > 0
}

fn is_section(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let inner = line.trim_start_matches('[').strip_suffix(']');
    let inner = inner.map(|inner| inner.trim_end_matches(']'));
    inner.is_some_and(is_toml_key)
}

fn is_toml_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.\"' ".contains(c);
    let key = key.trim();
    !key.is_empty() && key.chars().all(fits) && !key.bytes().all(|b| b.is_ascii_digit())
}

fn is_toml_pair(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else {
        return false;
    };
    let value = value.trim_start();
    let quoted = value.starts_with(['"', '\'', '[', '{']);
    is_toml_key(key) && (quoted || is_toml_scalar(value))
}

/// A number, a date or a word, perhaps with a comment behind it; not `1&b=2`.
fn is_toml_scalar(value: &str) -> bool {
    let value = value.split('#').next().unwrap_or(value).trim_end();
    let unsigned = value.strip_prefix(['+', '-']).unwrap_or(value);
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-+.: ".contains(c);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit()) && value.chars().all(fits);
    is_number || matches!(unsigned, "true" | "false" | "inf" | "nan")
}

fn is_yaml(lines: &Lines<'_>) -> bool {
    let mut marks = 0;
    for line in lines.texts() {
        if line.starts_with(['#', ' ', '\t']) || line == "..." {
            continue;
        }
        if !is_yaml_line(line) {
            return false;
        }
        marks += 1;
    }
    marks > 0
}

fn is_yaml_line(line: &str) -> bool {
    if line == "-" || line.starts_with("- ") {
        return true;
    }
    let Some((key, value)) = line.split_once(':') else {
        return false;
    };
    let fits = |c: char| c.is_alphanumeric() || "_-./\"' $*&".contains(c);
    let words = key.split(' ').count();
    !key.is_empty()
        && key.chars().all(fits)
        && words <= 3
        && (value.is_empty() || value.starts_with([' ', '\t']))
}

fn is_form(lines: &Lines<'_>) -> bool {
    let [line] = lines.0[..] else { return false };
    let is_pair = |pair: &[u8]| {
        let equals = pair.iter().position(|byte| *byte == b'=');
        equals.is_some_and(|at| at > 0)
    };
    let fits = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>{}|\\^`".contains(byte);
    line.iter().all(fits) && line.split(|byte| *byte == b'&').all(is_pair)
}
