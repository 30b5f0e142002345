//! Words with places for the input: `{}` and its like, as GNU parallel has them, and fields of records.
//!
//! A word is never split, whatever the input holds. Braces around anything else are text, so that `awk '{print $1}'` needs no care;
//! `{{}}` is the text `{}`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use sockeye::data::json;
use sockeye::data::value::Value;

use super::spec::Spec;

/// What the places look like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Inputs are texts of JSON values: `{name}` and `{1}` are fields.
    pub(crate) has_fields: bool,
    /// This alone is a place, for the whole input.
    pub(crate) replace: Option<OsString>,
}

impl From<&Spec> for Rules {
    fn from(spec: &Spec) -> Self {
        Self {
            has_fields: spec.has_fields,
            replace: spec.replace.clone(),
        }
    }
}

/// Words with places for the input.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    words: Vec<Vec<Piece>>,
    has_fields: bool,
}

/// What a word is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// `{}`
    Whole,
    /// `{#}`
    Number,
    /// `{.}`
    Stem,
    /// `{/}`
    Name,
    /// `{//}`
    Folder,
    /// `{/.}`
    NameStem,
    /// `{name}`
    Field(String),
    /// `{1}`
    Nth(usize),
}

/// What goes into the places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling<'a> {
    /// The place of the input, from 0; `{#}` counts from 1.
    pub(crate) index: u64,
    /// The input.
    pub(crate) input: &'a [u8],
}

impl Template {
    /// Understand the places in these words.
    pub(crate) fn new<W: AsRef<std::ffi::OsStr>>(words: &[W], rules: &Rules) -> Self {
        let words = words.iter();
        Self {
            words: words
                .map(|word| pieces(word.as_ref().as_bytes(), rules))
                .collect(),
            has_fields: rules.has_fields,
        }
    }

    /// Whether there is a place for the input.
    pub(crate) fn has_place(&self) -> bool {
        let mut pieces = self.words.iter().flatten();
        pieces.any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// The same; if it has no place for the input, that is one word more.
    pub(crate) fn with_place(mut self) -> Self {
        if !self.has_place() {
            self.words.push(vec![Piece::Whole]);
        }
        self
    }

    /// The word at this place, if it is the same for all inputs.
    pub(crate) fn fixed(&self, at: usize) -> Option<OsString> {
        let mut text = Vec::new();
        for piece in self.words.get(at)? {
            match piece {
                Piece::Text(more) => text.extend_from_slice(more),
                _ => return None,
            }
        }
        Some(OsString::from_vec(text))
    }

    /// The words for an input.
    ///
    /// # Errors
    ///
    /// In words, which field it has not.
    pub(crate) fn fill(&self, filling: Filling<'_>) -> Result<Vec<OsString>, String> {
        self.fill_with(filling, |bytes, word| word.extend_from_slice(bytes))
    }

    /// The same as one line, in which what goes into the places is quoted for a shell.
    pub(crate) fn fill_line(&self, filling: Filling<'_>) -> Result<OsString, String> {
        let words = self.fill_with(filling, quote)?;
        Ok(words.join(std::ffi::OsStr::new(" ")))
    }

    fn fill_with(
        &self,
        filling: Filling<'_>,
        put: fn(&[u8], &mut Vec<u8>),
    ) -> Result<Vec<OsString>, String> {
        let filling = Content::new(filling, self.has_fields)?;
        let mut words = Vec::with_capacity(self.words.len());
        for pieces in &self.words {
            let mut word = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => word.extend_from_slice(text),
                    place => put(&filling.of(place)?, &mut word),
                }
            }
            words.push(OsString::from_vec(word));
        }
        Ok(words)
    }
}

/// An input, understood as far as places need it.
struct Content<'a> {
    number: u64,
    whole: std::borrow::Cow<'a, [u8]>,
    record: Option<Value>,
}

impl<'a> Content<'a> {
    fn new(filling: Filling<'a>, has_fields: bool) -> Result<Self, String> {
        let record = match has_fields {
            true => Some(json::parse(filling.input).map_err(|error| error.to_string())?),
            false => None,
        };
        Ok(Self {
            number: filling.index + 1,
            whole: match &record {
                Some(record) => text_of(record).into(),
                None => filling.input.into(),
            },
            record,
        })
    }

    fn of(&self, place: &Piece) -> Result<std::borrow::Cow<'_, [u8]>, String> {
        let whole: &[u8] = &self.whole;
        Ok(match place {
            Piece::Text(text) => text.clone().into(),
            Piece::Whole => whole.into(),
            Piece::Number => self.number.to_string().into_bytes().into(),
            Piece::Stem => stem(whole).into(),
            Piece::Name => name(whole).into(),
            Piece::Folder => folder(whole).into(),
            Piece::NameStem => stem(name(whole)).into(),
            Piece::Field(path) => {
                let field = self.record.as_ref().and_then(|record| member(record, path));
                let field = field.ok_or_else(|| {
                    format!("the input has no field `{path}`; {{{{{path}}}}} stands for the braces themselves")
                })?;
                text_of(field).into()
            }
            Piece::Nth(number) => {
                let field = self.record.as_ref().and_then(|record| nth(record, *number));
                let field = field.ok_or_else(|| format!("the input has no field {number}"))?;
                text_of(field).into()
            }
        })
    }
}

/// A value as an argument: text as it is, nothing for null, JSON for what has parts.
fn text_of(value: &Value) -> Vec<u8> {
    match (value, value.as_str()) {
        (Value::Null, _) => Vec::new(),
        (_, Some(text)) => text.as_bytes().to_vec(),
        _ => {
            let mut text = Vec::new();
            json::write(value, &mut text);
            text
        }
    }
}

/// The member of this name; if there is none, along the dots of the path.
fn member<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(member) = value.get(path) {
        return Some(member);
    }
    let mut value = value;
    for name in path.split('.') {
        value = match value.as_array() {
            Some(items) => items.get(name.parse::<usize>().ok()?)?,
            None => value.get(name)?,
        };
    }
    Some(value)
}

/// The item or member at this place, from 1; of what has no parts, the first is itself.
fn nth(value: &Value, number: usize) -> Option<&Value> {
    let at = number.checked_sub(1)?;
    match (value.as_array(), value.as_object()) {
        (Some(items), _) => items.get(at),
        (_, Some(object)) => object.at(at).map(|(_, member)| member),
        _ => (at == 0).then_some(value),
    }
}

/// Without the extension of its last name.
fn stem(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| matches!(byte, b'.' | b'/')) {
        Some(at) if path[at] == b'.' => &path[..at],
        _ => path,
    }
}

/// Behind the last slash.
fn name(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => &path[at + 1..],
        None => path,
    }
}

/// Where it is, as dirname(1) says it.
fn folder(path: &[u8]) -> &[u8] {
    let trim = |path: &[u8]| path.iter().rposition(|byte| *byte != b'/').map(|at| at + 1);
    let Some(end) = trim(path) else {
        return if path.is_empty() { b"." } else { b"/" };
    };
    match path[..end].iter().rposition(|byte| *byte == b'/') {
        None => b".",
        Some(slash) => match trim(&path[..slash]) {
            Some(end) => &path[..end],
            None => b"/",
        },
    }
}

/// Append these bytes as one word of a shell.
pub(crate) fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return out.extend_from_slice(bytes);
    }
    out.push(b'\'');
    for byte in bytes {
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
}

/// The pieces of a word.
fn pieces(word: &[u8], rules: &Rules) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    let mut rest = word;
    while !rest.is_empty() {
        let (place, length) = match next(rest, rules) {
            Some(place) => place,
            None => (Place::Text(&rest[..1]), 1),
        };
        rest = &rest[length..];
        match place {
            Place::Text(more) => text.extend_from_slice(more),
            Place::Piece(piece) => {
                if !text.is_empty() {
                    found.push(Piece::Text(std::mem::take(&mut text)));
                }
                found.push(piece);
            }
        }
    }
    if !text.is_empty() {
        found.push(Piece::Text(text));
    }
    found
}

enum Place<'a> {
    Text(&'a [u8]),
    Piece(Piece),
}

/// What the word begins with, and how many bytes that is; `None`: one byte of text.
fn next<'a>(word: &'a [u8], rules: &Rules) -> Option<(Place<'a>, usize)> {
    if let Some(replace) = &rules.replace {
        let replace = replace.as_bytes();
        let is_place = !replace.is_empty() && word.starts_with(replace);
        return is_place.then_some((Place::Piece(Piece::Whole), replace.len()));
    }
    let inner = word.strip_prefix(b"{")?;
    if let Some(inner) = inner.strip_prefix(b"{") {
        let end = inner.iter().position(|byte| *byte == b'}')?;
        let is_kept = place(&inner[..end], rules).is_some() && inner.get(end + 1) == Some(&b'}');
        return is_kept.then(|| (Place::Text(&word[1..end + 3]), end + 4));
    }
    let end = inner.iter().position(|byte| *byte == b'}')?;
    Some((Place::Piece(place(&inner[..end], rules)?), end + 2))
}

/// What stands for this between braces.
fn place(name: &[u8], rules: &Rules) -> Option<Piece> {
    match name {
        b"" => return Some(Piece::Whole),
        b"#" => return Some(Piece::Number),
        b"." => return Some(Piece::Stem),
        b"/" => return Some(Piece::Name),
        b"//" => return Some(Piece::Folder),
        b"/." => return Some(Piece::NameStem),
        _ => {}
    }
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|_| rules.has_fields)?;
    let is_name =
        name.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !name.contains(['{', '\n']);
    match name.parse() {
        Ok(number) => Some(Piece::Nth(number)),
        Err(_) => is_name.then(|| Piece::Field(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(word: &str, input: &str, rules: &Rules) -> Result<String, String> {
        let template = Template::new(&[word], rules);
        let filling = Filling {
            index: 6,
            input: input.as_bytes(),
        };
        let mut words = template.fill(filling)?;
        Ok(words.remove(0).into_string().expect("UTF-8 in, UTF-8 out"))
    }

    #[test]
    fn places_are_filled_and_all_else_is_text() {
        let cases = [
            ("{}", "a b", "a b"),
            ("x{}y{}", "a", "xaya"),
            ("{#}", "a", "7"),
            ("{.}", "d.e/f.tar.gz", "d.e/f.tar"),
            ("{.}", "d.e/f", "d.e/f"),
            ("{/}", "a/b.c", "b.c"),
            ("{//}", "a/b.c", "a"),
            ("{//}", "b.c", "."),
            ("{//}", "/b", "/"),
            ("{/.}", "a/b.c", "b"),
            ("{{}}", "a", "{}"),
            ("{{#}}{}", "a", "{#}a"),
            ("{print $1}", "a", "{print $1}"),
            ("{name} {1}", "a", "{name} {1}"),
            ("{", "a", "{"),
            ("}{", "a", "}{"),
            ("{{x}}", "a", "{{x}}"),
            ("{{{}}}", "a", "{{}}"),
        ];
        for (word, input, expected) in cases {
            let found = filled(word, input, &Rules::default());
            assert_eq!(found.as_deref(), Ok(expected), "{word} of {input}");
        }
    }

    #[test]
    fn fields_of_records_have_names_and_numbers() {
        let rules = Rules {
            has_fields: true,
            replace: None,
        };
        let record = r#"{"name":"Ada","age":36,"tags":["x","y"],"a.b":1,"c":{"d":null}}"#;
        let cases = [
            ("{name}/{age}", Some("Ada/36")),
            ("{1}", Some("Ada")),
            ("{tags}", Some(r#"["x","y"]"#)),
            ("{tags.1}", Some("y")),
            ("{a.b}", Some("1")),
            ("{c.d}", Some("")),
            ("{{name}}", Some("{name}")),
            ("{9}", None),
            ("{nobody}", None),
        ];
        for (word, expected) in cases {
            assert_eq!(
                filled(word, record, &rules).ok().as_deref(),
                expected,
                "{word}"
            );
        }
        assert_eq!(filled("{}", "\"a\\nb\"", &rules).as_deref(), Ok("a\nb"));
    }

    #[test]
    fn another_text_can_be_the_place() {
        let rules = Rules {
            has_fields: false,
            replace: Some("@@".into()),
        };
        assert_eq!(filled("@@{}@@", "a", &rules).as_deref(), Ok("a{}a"));
    }

    #[test]
    fn a_shell_sees_one_word() {
        let template = Template::new(&["echo", "{}", "| wc"], &Rules::default());
        let line = |input: &str| {
            let filling = Filling {
                index: 0,
                input: input.as_bytes(),
            };
            template.fill_line(filling).expect("it has no fields")
        };
        assert_eq!(line("it's; rm x"), "echo 'it'\\''s; rm x' | wc");
        assert_eq!(line("plain"), "echo plain | wc");
        assert_eq!(line(""), "echo '' | wc");
    }
}
