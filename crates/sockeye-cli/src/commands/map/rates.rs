//! Which inputs share a rate: those of a host, equal ones, those with the same field.

use std::sync::Arc;

use bytes::Bytes;
use sockeye::data::json;
use sockeye::work::{Rate, RateKey};

use super::args::RunArgs;

/// The rate that the flags ask for.
pub(super) fn rate(args: &RunArgs, has_fields: bool) -> Option<Rate> {
    let rate = args.rate?;
    Some(Rate {
        key: args.rate_key.as_deref().map(|name| key(name, has_fields)),
        most_keys: args.rate_keys.get(),
        ..Rate::new(rate.jobs, rate.per)
    })
}

fn key(name: &str, has_fields: bool) -> RateKey {
    match name {
        "whole" => Arc::new(Bytes::copy_from_slice),
        "host" => Arc::new(|input| Bytes::copy_from_slice(host(input))),
        name if has_fields => {
            let name = name.to_owned();
            Arc::new(move |input| field(input, &name))
        }
        _ => Arc::new(|_| Bytes::new()),
    }
}

/// The field of a record, as its text; those without it share a rate.
fn field(input: &[u8], name: &str) -> Bytes {
    let Ok(record) = json::parse(input) else {
        return Bytes::new();
    };
    record
        .get(name)
        .map_or_else(Bytes::new, |value| json::to_string(value).into())
}

/// The host in a URL, in `user@host:port`, in the first word of a line. Letters are small.
fn host(input: &[u8]) -> &[u8] {
    let first = input
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty());
    let word = first.unwrap_or_default();
    let behind = |bytes: &'static [u8]| {
        let mut windows = word.windows(bytes.len());
        windows
            .position(|window| window == bytes)
            .map(|at| &word[at + bytes.len()..])
    };
    let rest = behind(b"://").unwrap_or(word);
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let at = authority.iter().rposition(|byte| *byte == b'@');
    let place = &authority[at.map_or(0, |at| at + 1)..];
    if place.starts_with(b"[") {
        let end = place.iter().position(|byte| *byte == b']');
        return &place[..end.map_or(place.len(), |end| end + 1)];
    }
    let colons = place.iter().filter(|byte| **byte == b':').count();
    match place.iter().position(|byte| *byte == b':') {
        // An address of IPv6 without brackets has more than one.
        Some(colon) if colons == 1 => &place[..colon],
        _ => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found() {
        let cases = [
            ("http://a.example/x?y", "a.example"),
            ("https://user:pw@a.example:8443/", "a.example"),
            ("a.example:80", "a.example"),
            ("a.example", "a.example"),
            ("  a.example  more", "a.example"),
            ("http://[::1]:80/", "[::1]"),
            ("::1", "::1"),
            ("", ""),
        ];
        for (input, expected) in cases {
            assert_eq!(host(input.as_bytes()), expected.as_bytes(), "{input}");
        }
    }
}
