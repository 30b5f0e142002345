//! Queries and forms from pairs, and back.

use crate::percent::{self, Keep};

/// What a form leaves as it is (WHATWG URL, section 5.2); the blank becomes a `+` afterwards.
const FORM: Keep = Keep::UNRESERVED.without("~").with("* ");

/// Pairs as `application/x-www-form-urlencoded`: blanks are `+`.
///
/// # Examples
///
/// ```
/// use sockeye_data::url::query::form;
///
/// assert_eq!(form([("a b", "ä"), ("c", "1+1&2")]), "a+b=%C3%A4&c=1%2B1%262");
/// ```
pub fn form<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    join(pairs, |bytes| {
        percent::encode(bytes, FORM).replace(' ', "+")
    })
}

/// Pairs as the query of a URL (RFC 3986): blanks are `%20`, which every reader takes for a blank.
///
/// # Examples
///
/// ```
/// use sockeye_data::url::query::query;
///
/// assert_eq!(query([("a b", "ä"), ("c", "1+1&2")]), "a%20b=%C3%A4&c=1%2B1%262");
/// ```
pub fn query<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    join(pairs, |bytes| {
        percent::encode(bytes, Keep::VALUE.without("='[]"))
    })
}

/// The pairs of a form or a query, decoded; a `+` is a blank. A percent sign without two digits stays as it is, as in browsers.
///
/// # Examples
///
/// ```
/// use sockeye_data::url::query::parse;
///
/// assert_eq!(parse("a+b=%C3%A4&c&=100%"), [
///     (b"a b".to_vec(), "ä".as_bytes().to_vec()),
///     (b"c".to_vec(), b"".to_vec()),
///     (b"".to_vec(), b"100%".to_vec()),
/// ]);
/// ```
pub fn parse(text: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_form(name), decode_form(value))
    });
    pairs.collect()
}

fn decode_form(text: &str) -> Vec<u8> {
    decode_lenient(&text.replace('+', " "))
}

/// Percent signs decoded, those without two digits left as they are.
pub(super) fn decode_lenient(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let decoded = percent::escape(&bytes[at..]);
        out.push(decoded.unwrap_or(byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    out
}

fn join<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
    encode: impl Fn(&[u8]) -> String,
) -> String {
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref())));
    pairs.collect::<Vec<_>>().join("&")
}
