//! Parameters as words: `3`, `true`, `[1,2]` are JSON, what is none is a string, `name=VALUE` and `name:=JSON` have names.
//!
//! Nobody computes with the numbers: they go out as they were typed.

use std::path::Path;

use sockeye::data::json;
use sockeye::data::value::{Object, Value};
use sockeye::rpc::Params;
use sockeye::{Error, Kind, Operation, Result};

/// A longer file is no parameter.
const LONGEST: u64 = 64 << 20;

/// Read the words. `exact` says that each is a string as it stands.
///
/// # Errors
///
/// [`Kind::Usage`], with the number of the word, for what cannot be read or can be read in two ways; those of reading files.
pub(super) fn read(words: &[String], exact: bool) -> Result<Params> {
    if exact {
        let strings = words.iter().map(|word| Value::from(word.as_str()));
        return Ok(listed(strings.collect()));
    }
    let mut values = Vec::new();
    let mut named = Object::new();
    for (at, word) in words.iter().enumerate() {
        let place = Place {
            number: at + 1,
            word,
        };
        match one(place)? {
            (None, value) => values.push(value),
            (Some(name), value) => {
                if named.insert(name.into(), value).is_some() {
                    return Err(place.error(&format!("the name {name} was given before")));
                }
            }
        }
        if !values.is_empty() && !named.is_empty() {
            let error = place.error("parameters have names, or they are in order; not both");
            return Err(error.with_hint(format!(
                "--string sends each word as it is; '\"{word}\"' is a string, too"
            )));
        }
    }
    Ok(match named.is_empty() {
        true => listed(values),
        false => Params::Named(named),
    })
}

/// Parameters as one piece of JSON: an array, or an object of names.
///
/// # Errors
///
/// [`Kind::Usage`] for anything else.
pub(super) fn params(text: &[u8]) -> Result<Params> {
    let value =
        json::parse(text).map_err(|error| usage(format!("the parameters are no JSON: {error}")))?;
    match value {
        Value::Array(values) => Ok(listed(values.to_vec())),
        Value::Object(members) => Ok(Params::Named((*members).clone())),
        other => Err(usage(format!("the parameters are a {}", other.kind()))
            .with_hint("they are an array, or an object of names: '[1,2]' or '{\"a\":1}'")),
    }
}

/// What `--params` and `--batch` name: `@FILE`, `-` for standard input, or the text itself.
pub(super) fn text_of(word: &str) -> Result<Vec<u8>> {
    match word.strip_prefix('@') {
        Some(path) => file(path),
        None if word == "-" => input(),
        None => Ok(word.as_bytes().to_vec()),
    }
}

/// All of a file; `-` is standard input.
pub(super) fn file(path: &str) -> Result<Vec<u8>> {
    use std::io::Read as _;
    if path == "-" {
        return input();
    }
    let fail = |error| Error::from_io(Operation::Open, error).about(Path::new(path).display());
    let mut text = Vec::new();
    let opened = std::fs::File::open(path).map_err(fail)?;
    opened
        .take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(fail)?;
    bounded(text, path)
}

fn input() -> Result<Vec<u8>> {
    use std::io::Read as _;
    let mut text = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| Error::from_io(Operation::Read, error).about("standard input"))?;
    bounded(text, "standard input")
}

fn bounded(text: Vec<u8>, what: &str) -> Result<Vec<u8>> {
    match u64::try_from(text.len()) {
        Ok(length) if length <= LONGEST => Ok(text),
        _ => Err(usage(format!("{what} has more than 64 MiB"))),
    }
}

fn listed(values: Vec<Value>) -> Params {
    match values.is_empty() {
        true => Params::None,
        false => Params::List(values),
    }
}

/// A word, and which one it is.
#[derive(Clone, Copy)]
struct Place<'w> {
    number: usize,
    word: &'w str,
}

impl Place<'_> {
    fn error(self, why: &str) -> Error {
        let Self { number, word } = self;
        let word = sockeye::data::escape::escape(word.as_bytes());
        usage(format!("parameter {number}, `{word}`: {why}"))
    }
}

fn one(place: Place<'_>) -> Result<(Option<&str>, Value)> {
    let word = place.word;
    if let Ok(value) = json::parse(word.as_bytes()) {
        return Ok((None, value));
    }
    // `name=` and `name:=` behind what can be a name; a URL or an equation is a string.
    let end = word.find(|c: char| !(c.is_alphanumeric() || "_-.$".contains(c)));
    let (name, rest) = word.split_at(end.unwrap_or(word.len()));
    if !name.is_empty() {
        if let Some(text) = rest.strip_prefix(":=") {
            return Ok((Some(name), named_json(place, text)?));
        }
        if let Some(text) = rest.strip_prefix('=') {
            return Ok((Some(name), named_text(place, text)?));
        }
    }
    if word.starts_with(['{', '[', '"'])
        && let Err(error) = json::parse(word.as_bytes())
    {
        return Err(place
            .error(&format!("it begins as JSON and is none: {error}"))
            .with_hint("--string sends each word as it is"));
    }
    Ok((None, Value::from(unescaped(word))))
}

fn named_json(place: Place<'_>, text: &str) -> Result<Value> {
    let read = match text.strip_prefix('@') {
        Some(path) => json::parse(&file(path)?),
        None => json::parse(text.as_bytes()),
    };
    read.map_err(|error| {
        place
            .error(&format!("what stands behind := is no JSON: {error}"))
            .with_hint("name=VALUE sends a string")
    })
}

fn named_text(place: Place<'_>, text: &str) -> Result<Value> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(Value::from(text));
    };
    match String::from_utf8(file(path)?) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(place.error("the file is no UTF-8")),
    }
}

/// `a\=b` is the string `a=b`.
fn unescaped(word: &str) -> String {
    word.replacen("\\:=", ":=", 1).replacen("\\=", "=", 1)
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(words: &[&str], exact: bool) -> Result<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Ok(match read(&words, exact)? {
            Params::None => "none".to_owned(),
            Params::List(values) => json::to_string(&Value::array(values)),
            Params::Named(members) => json::to_string(&members.into()),
        })
    }

    #[test]
    fn words_are_json_or_strings_or_have_names() {
        for (words, params) in [
            (&[][..], "none"),
            (&["3", "true", "null", "-1.50"], "[3,true,null,-1.50]"),
            (&["9007199254740993", "1e400"], "[9007199254740993,1e400]"),
            (&["[1,2]", r#"{"a":1}"#], r#"[[1,2],{"a":1}]"#),
            (&["hello", "two words", ""], r#"["hello","two words",""]"#),
            (&["\"3\"", "03", "NaN"], r#"["3","03","NaN"]"#),
            (&["a=b", "n:=3"], r#"{"a":"b","n":3}"#),
            (&["a=", "b=1"], r#"{"a":"","b":"1"}"#),
            (&["a=b=c"], r#"{"a":"b=c"}"#),
            (&["http://h/?q=1", "1+1=2"], r#"["http://h/?q=1","1+1=2"]"#),
            (&[r"a\=b", r"a\:=1", r"\d=1"], r#"["a=b","a:=1","\\d=1"]"#),
            (&["größe:=1.0"], r#"{"größe":1.0}"#),
        ] {
            assert_eq!(of(words, false).unwrap(), params, "{words:?}");
        }
        assert_eq!(
            of(&["3", "a=b", "[1", ""], true).unwrap(),
            r#"["3","a=b","[1",""]"#
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (words, why) in [
            (&["[1,2"][..], "begins as JSON"),
            (&["{a:1}"], "begins as JSON"),
            (&["a:=x"], "no JSON"),
            (&["a=1", "2"], "not both"),
            (&["a=1", "a=2"], "given before"),
        ] {
            let refused = of(words, false).unwrap_err();
            assert!(refused.to_string().contains(why), "{words:?}: {refused}");
        }
    }

    #[test]
    fn parameters_in_one_piece() {
        assert!(matches!(params(b"[]").unwrap(), Params::None));
        assert!(matches!(params(b"{}").unwrap(), Params::Named(_)));
        assert!(params(b"3").unwrap_err().hint().is_some());
        assert!(params(b"[").is_err());
    }
}
