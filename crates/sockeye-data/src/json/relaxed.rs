//! What JSON with comments and JSON5 (<https://spec.json5.org>) have beyond JSON.

use crate::value::{Text, Value};

use super::Dialect;
use super::lex::{self, Lexed, Surrogates};

/// The place behind white space and comments.
pub(super) fn skip_space(text: &str, at: usize, _last: bool) -> Lexed<()> {
    Ok(Some(((), lex::skip_space(text.as_bytes(), at))))
}

/// A value that is no array, object, double-quoted string or literal of JSON.
pub(super) fn scalar(
    _dialect: Dialect,
    text: &str,
    at: usize,
    last: bool,
    _surrogates: &mut Surrogates,
) -> Lexed<Value> {
    let number = lex::number(text, at, last)?;
    Ok(number.map(|(number, end)| (Value::Number(number), end)))
}

/// A name of a member that stands in no double quotes.
pub(super) fn name(
    _dialect: Dialect,
    text: &str,
    at: usize,
    last: bool,
    surrogates: &mut Surrogates,
) -> Lexed<Text> {
    lex::string(text, at, last, surrogates)
}
