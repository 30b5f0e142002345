//! Parts of a form with files, as `-F` has them: `name=value`, `name=@file;type=text/plain;filename=a.txt`, `name=<file`.

use std::path::{Path, PathBuf};

use sockeye::client::http::Part;
use sockeye::{Error, Kind, Operation, Result};

use super::source::Sources;

/// A part, as often as it is wanted.
#[derive(Clone, Debug)]
pub(super) struct PartPlan {
    /// The name of the field.
    pub(super) name: String,
    content: Content,
    media_type: Option<String>,
    file_name: Option<String>,
}

#[derive(Clone, Debug)]
enum Content {
    Bytes(Vec<u8>),
    File(PathBuf),
    Stdin,
}

/// Media types by the ends of names, as curl has them.
const TYPES: [(&str, &str); 11] = [
    ("gif", "image/gif"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("pdf", "application/pdf"),
    ("xml", "application/xml"),
    ("json", "application/json"),
];

impl PartPlan {
    /// A field.
    pub(super) fn text(name: String, text: String) -> Self {
        Self::of(name, Content::Bytes(text.into_bytes()))
    }

    fn of(name: String, content: Content) -> Self {
        Self {
            name,
            content,
            media_type: None,
            file_name: None,
        }
    }

    /// Whether it can be made more than once.
    pub(super) fn is_repeatable(&self) -> bool {
        !matches!(self.content, Content::Stdin)
    }

    /// The part, once more.
    pub(super) fn part(&self) -> Result<Part> {
        let mut part = match &self.content {
            Content::Bytes(bytes) => match String::from_utf8(bytes.clone()) {
                Ok(text) => Part::text(text),
                Err(bytes) => Part::bytes(bytes.into_bytes()).without_file_name(),
            },
            Content::File(path) => Part::file(path)?.media_type(type_of(path)),
            Content::Stdin => Part::reader(sockeye::Stream::stdin()?, None),
        };
        if let Some(media_type) = &self.media_type {
            part = part.media_type(media_type);
        }
        if let Some(file_name) = &self.file_name {
            part = part.file_name(file_name);
        }
        Ok(part)
    }
}

fn type_of(path: &Path) -> &'static str {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or("");
    TYPES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(end))
        .map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Read one `-F`. Of `name=@a,b` each file is a part.
///
/// # Errors
///
/// [`Kind::Usage`] for what cannot be read, and those of looking at files.
pub(super) fn parse(text: &str, is_literal: bool, sources: &Sources) -> Result<Vec<PartPlan>> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        let why = format!(
            "`{}` is no part of a form",
            sockeye::data::escape::escape(text.as_bytes())
        );
        return Err(Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("parts are name=value, name=@file or name=<file"));
    };
    if is_literal {
        return Ok(vec![PartPlan::text(name.to_owned(), value.to_owned())]);
    }
    if let Some(path) = value.strip_prefix('<') {
        let (path, options) = split(path)?;
        let content = Content::Bytes(sources.read(&path)?);
        return Ok(vec![options.apply(PartPlan::of(name.to_owned(), content))]);
    }
    let Some(mut files) = value.strip_prefix('@') else {
        let (text, options) = split(value)?;
        let plan = PartPlan::text(name.to_owned(), text);
        return Ok(vec![options.apply(plan)]);
    };
    let mut plans = Vec::new();
    loop {
        let (one, rest) = next_file(files);
        plans.push(of_item(name, one, sources)?);
        match rest {
            Some(rest) => files = rest,
            None => return Ok(plans),
        }
    }
}

/// A file as a part: `path;type=TYPE;filename=NAME`.
pub(super) fn of_item(name: &str, text: &str, sources: &Sources) -> Result<PartPlan> {
    let (path, options) = split(text)?;
    if path == "-" {
        sources.take_stdin()?;
        let plan = PartPlan::of(name.to_owned(), Content::Stdin);
        let mut plan = options.apply(plan);
        plan.file_name.get_or_insert_with(|| "-".into());
        return Ok(plan);
    }
    if Path::new(&path).is_dir() {
        let why = "it is a directory";
        return Err(Error::new(Kind::Usage, Operation::Open, why).about(path));
    }
    // What is not there is said before anything is sent.
    drop(Part::file(&path)?);
    let content = Content::File(path.into());
    Ok(options.apply(PartPlan::of(name.to_owned(), content)))
}

/// What stands behind the semicolons.
#[derive(Debug, Default)]
struct Options {
    media_type: Option<String>,
    file_name: Option<String>,
}

impl Options {
    fn apply(self, mut plan: PartPlan) -> PartPlan {
        plan.media_type = self.media_type;
        plan.file_name = self.file_name;
        plan
    }
}

/// The first of several files, and the rest behind the comma; a comma within quotes is a character.
fn next_file(text: &str) -> (&str, Option<&str>) {
    let mut is_quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

/// A value, and its options. `;type=` and `;filename=` are options, any other semicolon is a character.
fn split(text: &str) -> Result<(String, Options)> {
    let mut options = Options::default();
    let mut starts: Vec<usize> = Vec::new();
    let mut is_quoted = text.starts_with('"');
    let mut is_escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted && text[..at].ends_with('='),
            ';' if !is_quoted && is_option(&text[at + 1..]) => starts.push(at),
            _ => {}
        }
    }
    if text.starts_with(';') && is_option(&text[1..]) {
        starts.insert(0, 0);
    }
    let end = starts.first().copied().unwrap_or(text.len());
    for (nth, start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(text.len());
        let option = text[start + 1..end].trim_start();
        if let Some(media_type) = option.strip_prefix("type=") {
            options.media_type = Some(media_type.trim().to_owned());
        } else if let Some(name) = option.strip_prefix("filename=") {
            options.file_name = Some(unquoted(name)?);
        }
    }
    Ok((unquoted(&text[..end])?, options))
}

fn is_option(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("type=") || text.starts_with("filename=")
}

/// A text without its quotes, if it has any; within them a backslash takes the meaning from a quote or a backslash.
fn unquoted(text: &str) -> Result<String> {
    let Some(inner) = text.strip_prefix('"') else {
        return Ok(text.to_owned());
    };
    let mut out = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(out),
            '\\' => match letters.next() {
                Some(special @ ('"' | '\\')) => out.push(special),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            plain => out.push(plain),
        }
    }
    let why = format!(
        "`{}`: a quote is not closed",
        sockeye::data::escape::escape(text.as_bytes())
    );
    Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("\\\" is a quote within quotes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn options(text: &str) -> (String, Option<String>, Option<String>) {
        let (value, options) = split(text).unwrap();
        (value, options.media_type, options.file_name)
    }

    #[test]
    fn options_stand_behind_semicolons() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(options("v"), ("v".into(), None, None));
        assert_eq!(options("a;b"), ("a;b".into(), None, None));
        assert_eq!(options("a;type=x/y"), ("a".into(), some("x/y"), None));
        assert_eq!(
            options("a; type=x/y; charset=z"),
            ("a".into(), some("x/y; charset=z"), None)
        );
        assert_eq!(
            options("\"a;type=b\";type=c/d;filename=\"x\\\"y;z\""),
            ("a;type=b".into(), some("c/d"), some("x\"y;z"))
        );
        assert_eq!(options(";type=x/y"), (String::new(), some("x/y"), None));
        assert_eq!(options(""), (String::new(), None, None));
        assert!(split("\"a").is_err());
    }

    #[test]
    fn several_files_are_several_parts() {
        assert_eq!(next_file("a,b,c"), ("a", Some("b,c")));
        assert_eq!(next_file("\"a,b\",c"), ("\"a,b\"", Some("c")));
        assert_eq!(next_file("a"), ("a", None));
    }

    #[test]
    fn types_follow_from_names() {
        assert_eq!(type_of(Path::new("a.PNG")), "image/png");
        assert_eq!(type_of(Path::new("png")), "application/octet-stream");
    }
}
