//! Lists with qualities: `gzip;q=0.5, br` (RFC 9110 section 12.4.2).

use super::parameters;
use crate::http1::Headers;

/// One member of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The value in lower case, as in `gzip`, `text/html` or `*`; without parameters.
    pub value: String,
    /// How much it is wanted, in thousandths; 0 is not at all.
    pub quality: u16,
}

/// The members of all lists of this header, in their order. A quality that makes no sense counts as 0.
///
/// # Examples
///
/// ```
/// use sockeye_data::{fields::quality, http1::Headers};
///
/// let mut headers = Headers::new();
/// headers.append("Accept-Encoding", "gzip;q=0.5, br, *;q=0")?;
/// let wanted = quality::parse(&headers, "accept-encoding");
/// assert_eq!(quality::of(&wanted, "br"), 1000);
/// assert_eq!(quality::best(&wanted, &["gzip", "zstd", "br"]), Some("br"));
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
pub fn parse(headers: &Headers, name: &str) -> Vec<Preference> {
    let members = headers.list(name).map(|member| {
        let (value, parameters) = parameters::split(member);
        let quality = parameters.iter().find(|(name, _)| name == "q");
        Preference {
            value: String::from_utf8_lossy(value).to_ascii_lowercase(),
            quality: quality.map_or(1000, |(_, text)| thousandths(text).unwrap_or(0)),
        }
    });
    members.collect()
}

/// How much an offer is wanted: by its own name, else by `type/*`, else by `*` or `*/*`, else not at all.
pub fn of(wanted: &[Preference], offer: &str) -> u16 {
    let offer = offer.to_ascii_lowercase();
    let find = |name: &str| {
        wanted
            .iter()
            .find(|it| it.value == name)
            .map(|it| it.quality)
    };
    let group = offer
        .split_once('/')
        .and_then(|(kind, _)| find(&format!("{kind}/*")));
    let all = || find("*").or_else(|| find("*/*"));
    find(&offer).or(group).or_else(all).unwrap_or(0)
}

/// The offer that is wanted most, the earlier one of two; `None` if none is wanted.
pub fn best<'o>(wanted: &[Preference], offers: &[&'o str]) -> Option<&'o str> {
    let offers = offers.iter().rev().map(|offer| (of(wanted, offer), *offer));
    let best = offers.max_by_key(|(quality, _)| *quality)?;
    (best.0 > 0).then_some(best.1)
}

/// `0`, `0.5`, `1.000`: at most three digits behind the point, at most 1.
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut part = 0;
    for at in 0..3 {
        part = part * 10 + fraction.get(at).map_or(0, |digit| u16::from(digit - b'0'));
    }
    match (whole, part) {
        (b'0', part) => Some(part),
        (b'1', 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn qualities_decide() {
        let wanted = |text: &str| {
            let mut headers = Headers::new();
            headers.append("Accept", text).unwrap();
            parse(&headers, "accept")
        };
        for (text, quality) in [
            ("a", 1000),
            ("A;q=0.5", 500),
            ("a; Q=0.25", 250),
            ("a;q=1.000", 1000),
            ("a;q=1.001", 0),
            ("a;q=0.1234", 0),
            ("a;q=", 0),
            ("a;q=-1", 0),
            ("b", 0),
            ("*;q=0.1, a;q=0", 0),
            ("*;q=0.1", 100),
        ] {
            assert_eq!(of(&wanted(text), "a"), quality, "{text}");
        }
        let types = wanted("text/*;q=0.3, text/html, */*;q=0.1");
        let found = ["text/html", "text/plain", "image/png"].map(|offer| of(&types, offer));
        assert_eq!(found, [1000, 300, 100]);
        assert_eq!(
            best(&types, &["image/png", "text/plain"]),
            Some("text/plain")
        );
        assert_eq!(best(&wanted("*"), &["a", "b"]), Some("a"));
        assert_eq!(best(&wanted("x"), &["a", "b"]), None);
        assert_eq!(best(&[], &[]), None);
    }
}
