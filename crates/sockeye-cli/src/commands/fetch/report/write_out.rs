//! `--write-out`: what is said about each transfer, in curl's words.

use std::fmt::Write as _;

use sockeye::{Error, Kind, Operation, Result};

use super::summary::Summary;

/// A format, read before anything is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands::fetch) struct Format(Vec<Part>);

/// A piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
    Header(String),
    Json,
    HeaderJson,
    /// What follows goes to standard error, or to standard output again.
    To(Sink),
    /// What follows is written only if the transfer failed.
    OnError,
}

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Data,
    Talk,
}

type Read = fn(&Summary) -> Value;

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Count(u64),
    Seconds(f64),
    Nothing,
}

/// A variable with its name and how it is found.
#[derive(Clone, Copy, Debug)]
struct Variable {
    name: &'static str,
    read: Read,
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Variable {}

/// All variables, by name; `%{json}` has them in this order.
const VARIABLES: &[(&str, Read)] = &[
    ("content_type", |s| Value::text(s.content_type.as_deref())),
    ("errormsg", |s| Value::text(s.error.as_deref())),
    ("http_code", |s| Value::Count(s.status.into())),
    ("http_version", |s| Value::text(s.version)),
    ("local_ip", |s| {
        Value::text(s.local.as_ref().map(|it| &*it.0))
    }),
    ("local_port", |s| Value::port(s.local.as_ref())),
    ("method", |s| Value::text(Some(&*s.method))),
    ("num_connects", |s| Value::Count(s.connects)),
    ("num_headers", |s| Value::Count(s.headers.len() as u64)),
    ("num_redirects", |s| Value::Count(s.redirects)),
    ("num_retries", |s| Value::Count(s.retries)),
    ("redirect_url", |s| Value::text(s.redirect_url.as_deref())),
    ("remote_ip", |s| {
        Value::text(s.remote.as_ref().map(|it| &*it.0))
    }),
    ("remote_port", |s| Value::port(s.remote.as_ref())),
    ("response_code", |s| Value::Count(s.status.into())),
    ("scheme", |s| Value::text(Some(&*s.scheme))),
    ("size_download", |s| Value::Count(s.received)),
    ("size_header", |s| Value::Count(s.head_bytes)),
    ("size_request", |s| Value::Count(s.request_head_bytes)),
    ("size_upload", |s| Value::Count(s.sent)),
    ("speed_download", |s| Value::Count(s.speed(s.received))),
    ("speed_upload", |s| Value::Count(s.speed(s.sent))),
    ("time_appconnect", |s| Value::seconds(s.times.tls)),
    ("time_connect", |s| Value::seconds(s.times.carried)),
    ("time_namelookup", |s| Value::seconds(s.times.resolved)),
    ("time_posttransfer", |s| Value::seconds(s.times.sent)),
    ("time_pretransfer", |s| Value::seconds(s.times.connected)),
    ("time_redirect", |s| Value::seconds(Some(s.times.redirects))),
    ("time_starttransfer", |s| Value::seconds(s.times.first_byte)),
    ("time_total", |s| Value::seconds(Some(s.times.total))),
    ("url", |s| Value::text(Some(&*s.url))),
    ("url_effective", |s| Value::text(Some(&*s.url_effective))),
    ("urlnum", |s| Value::Count(s.number)),
];

/// Other names for the same.
const SYNONYMS: &[(&str, &str)] = &[("http_connect", "response_code")];

impl Value {
    fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.to_owned()))
    }

    fn port(place: Option<&(String, u16)>) -> Self {
        place.map_or(Self::Nothing, |place| Self::Count(place.1.into()))
    }

    fn seconds(time: Option<std::time::Duration>) -> Self {
        Self::Seconds(time.unwrap_or_default().as_secs_f64())
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Count(count) => (*count).into(),
            Self::Seconds(seconds) => (*seconds).into(),
            Self::Nothing => serde_json::Value::Null,
        }
    }
}

impl Format {
    /// Read a format: text with `%{VARIABLE}`, `%header{NAME}`, `%%`, `\n`, `\r`, `\t`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for a variable that there is none of, with its place.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['%', '\\']) {
            plain.push_str(&rest[..at]);
            let here = &rest[at..];
            let taken = match here.as_bytes()[0] {
                b'\\' => escaped(here, &mut plain),
                _ => {
                    let offset = text.len() - here.len();
                    let (part, taken) = special(here, offset)?;
                    match part {
                        Some(part) => {
                            push_text(&mut parts, &mut plain);
                            parts.push(part);
                        }
                        None => plain.push('%'),
                    }
                    taken
                }
            };
            rest = &here[taken..];
        }
        plain.push_str(rest);
        push_text(&mut parts, &mut plain);
        Ok(Self(parts))
    }

    /// The text about a transfer, piece by piece.
    pub(super) fn write(&self, summary: &Summary) -> Vec<(Sink, String)> {
        let mut out = Vec::new();
        let mut sink = Sink::Data;
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable(variable) => match (variable.read)(summary) {
                    // curl's custom: three digits, also where there was no answer.
                    Value::Count(code) if variable.name.ends_with("_code") => {
                        let _ = write!(text, "{code:03}");
                    }
                    Value::Text(value) => text.push_str(&value),
                    Value::Count(count) => {
                        let _ = write!(text, "{count}");
                    }
                    Value::Seconds(seconds) => {
                        let _ = write!(text, "{seconds:.6}");
                    }
                    Value::Nothing => {}
                },
                Part::Header(name) => text.push_str(summary.header(name).unwrap_or_default()),
                Part::Json => text.push_str(&json(summary)),
                Part::HeaderJson => text.push_str(&headers_json(summary)),
                Part::To(to) => {
                    out.push((sink, std::mem::take(&mut text)));
                    sink = *to;
                }
                Part::OnError if summary.error.is_none() => break,
                Part::OnError => {}
            }
        }
        out.push((sink, text));
        out.retain(|(_, text)| !text.is_empty());
        out
    }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain)));
    }
}

/// What a backslash and the character behind it stand for; how many bytes that was.
fn escaped(here: &str, plain: &mut String) -> usize {
    let Some(character) = here[1..].chars().next() else {
        plain.push('\\');
        return 1;
    };
    match character {
        'n' => plain.push('\n'),
        'r' => plain.push('\r'),
        't' => plain.push('\t'),
        '\\' => plain.push('\\'),
        other => {
            plain.push('\\');
            plain.push(other);
        }
    }
    1 + character.len_utf8()
}

/// What begins with a percent sign; no part is the sign itself.
fn special(here: &str, offset: usize) -> Result<(Option<Part>, usize)> {
    if here.starts_with("%%") {
        return Ok((None, 2));
    }
    let (kind, inner, taken) = if let Some(inner) = braced(here, "%{header{") {
        // The brace of the variable itself closes behind that of the name.
        let taken = "%{header{".len() + inner.len() + 1;
        let closed = usize::from(here[taken..].starts_with('}'));
        ("header", inner, taken + closed)
    } else if let Some(inner) = braced(here, "%header{") {
        ("header", inner, "%header{".len() + inner.len() + 1)
    } else if let Some(inner) = braced(here, "%{") {
        ("", inner, "%{".len() + inner.len() + 1)
    } else {
        return Ok((None, 1));
    };
    if kind == "header" {
        return Ok((Some(Part::Header(inner.to_owned())), taken));
    }
    let part = match inner {
        "json" => Part::Json,
        "header_json" => Part::HeaderJson,
        "stderr" => Part::To(Sink::Talk),
        "stdout" => Part::To(Sink::Data),
        "onerror" => Part::OnError,
        name => Part::Variable(variable(name, offset)?),
    };
    Ok((Some(part), taken))
}

fn braced<'t>(here: &'t str, opening: &str) -> Option<&'t str> {
    let rest = here.strip_prefix(opening)?;
    rest.find('}').map(|end| &rest[..end])
}

fn variable(name: &str, offset: usize) -> Result<Variable> {
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == name);
    let name = synonym.map_or(name, |(_, name)| name);
    let known = VARIABLES.iter().find(|(known, _)| *known == name);
    match known {
        Some(&(name, read)) => Ok(Variable { name, read }),
        None => {
            let why = format!("--write-out has no variable `{name}` (at byte {offset})");
            let names: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
            let hint = match nearest(name, &names) {
                Some(near) => format!("did you mean %{{{near}}}?"),
                None => format!("variables: {}", names.join(", ")),
            };
            Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint))
        }
    }
}

/// The known name that is likest.
fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let distance = |known: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), known.chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, left) in a.iter().enumerate() {
            let mut before = row[0];
            row[0] = i + 1;
            for (j, right) in b.iter().enumerate() {
                let changed = before + usize::from(left != right);
                before = row[j + 1];
                row[j + 1] = changed.min(before + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    };
    if name.chars().count() > 64 {
        return None;
    }
    let near = names.iter().min_by_key(|known| distance(known))?;
    (distance(near) <= 3).then_some(near)
}

fn json(summary: &Summary) -> String {
    let members = VARIABLES
        .iter()
        .map(|(name, read)| ((*name).to_owned(), read(summary).json()));
    serde_json::Value::Object(members.collect()).to_string()
}

/// Names in lower case, each with all its values, as curl has it.
fn headers_json(summary: &Summary) -> String {
    let mut members = serde_json::Map::new();
    for (name, value) in &summary.headers {
        let name = name.to_ascii_lowercase();
        let values = members
            .entry(name)
            .or_insert_with(|| serde_json::Value::Array(Vec::new()));
        if let Some(values) = values.as_array_mut() {
            values.push(value.as_str().into());
        }
    }
    serde_json::Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::super::summary::Times;
    use super::*;

    fn summary() -> Summary {
        Summary {
            status: 200,
            received: 12,
            url: "http://h/".into(),
            headers: vec![
                ("X-A".into(), "1".into()),
                ("x-a".into(), "2".into()),
                ("B".into(), "b".into()),
            ],
            times: Times {
                total: Duration::from_micros(1500),
                ..Times::default()
            },
            ..Summary::default()
        }
    }

    fn written(format: &str, summary: &Summary) -> String {
        let pieces = Format::parse(format).unwrap().write(summary);
        let shown = pieces.into_iter().map(|(sink, text)| match sink {
            Sink::Data => text,
            Sink::Talk => format!("<{text}>"),
        });
        shown.collect()
    }

    #[test]
    fn variables_stand_for_values() {
        let summary = summary();
        for (format, wanted) in [
            ("%{http_code} %{size_download}\\n", "200 12\n"),
            ("%{time_total}", "0.001500"),
            ("100%% \\t\\q\\", "100% \t\\q\\"),
            ("%header{x-a}|%{header{B}}|%header{none}", "1|b|"),
            ("a%{stderr}b%{stdout}c", "a<b>c"),
            ("ok%{onerror}%{errormsg}", "ok"),
            ("%", "%"),
            ("%{url", "%{url"),
            ("%{remote_ip}", ""),
            ("%{header_json}", r#"{"b":["b"],"x-a":["1","2"]}"#),
        ] {
            assert_eq!(written(format, &summary), wanted, "{format}");
        }
        let mut failed = summary;
        failed.status = 0;
        failed.error = Some("no".into());
        assert_eq!(
            written("%{response_code}%{onerror} %{errormsg}", &failed),
            "000 no"
        );
    }

    #[test]
    fn json_has_every_variable() {
        let text = written("%{json}", &summary());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let members = value.as_object().unwrap();
        assert_eq!(members.len(), VARIABLES.len());
        assert_eq!(members["http_code"], 200);
        assert_eq!(members["remote_ip"], serde_json::Value::Null);
    }

    #[test]
    fn an_unknown_variable_is_refused_with_its_place_and_the_likest_one() {
        let error = Format::parse("a %{http_cod}").unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(
            error.to_string().contains("`http_cod` (at byte 2)"),
            "{error}"
        );
        assert_eq!(error.hint().as_deref(), Some("did you mean %{http_code}?"));
        let error = Format::parse("%{something_else_altogether}").unwrap_err();
        assert!(
            error.hint().unwrap().starts_with("variables: "),
            "{error:?}"
        );
    }
}
