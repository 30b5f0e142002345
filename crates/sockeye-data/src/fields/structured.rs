//! Items of structured fields (RFC 9651): the few that fields here are made of.

use crate::http1::Headers;

/// The non-negative integer that the field of this name is, without its parameters; `None` for anything else, and for a
/// field that is there twice.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::structured;
/// use sockeye_data::http1::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("Upload-Offset", "100")?;
/// headers.append("Upload-Complete", "?0")?;
/// assert_eq!(structured::integer(&headers, "upload-offset"), Some(100));
/// assert_eq!(structured::boolean(&headers, "upload-complete"), Some(false));
/// # Ok::<(), sockeye_data::http1::Error>(())
/// ```
pub fn integer(headers: &Headers, name: &str) -> Option<u64> {
    let digits = item(headers, name)?;
    // RFC 9651 section 3.3.1: 15 digits.
    let is_number =
        (1..=15).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// The boolean that the field of this name is: `?0` or `?1`, see [`integer`].
pub fn boolean(headers: &Headers, name: &str) -> Option<bool> {
    match item(headers, name)? {
        "?0" => Some(false),
        "?1" => Some(true),
        _ => None,
    }
}

fn item<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let mut values = headers.all(name);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let value = std::str::from_utf8(value).ok()?;
    Some(value.split(';').next().unwrap_or(value).trim_matches(' '))
}

/// Whether this is a key of a dictionary.
pub(super) fn is_key(text: &str) -> bool {
    let is_rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
        && text.bytes().all(is_rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_items_of_the_right_type_count() {
        let mut headers = Headers::new();
        for (name, value) in [
            ("a", "12;x=1"),
            ("b", "-1"),
            ("c", "1234567890123456"),
            ("d", "\"1\""),
            ("e", "?1"),
            ("f", "1.5"),
            ("twice", "1"),
            ("twice", "1"),
        ] {
            headers.append(name, value).unwrap();
        }
        let numbers = ["a", "b", "c", "d", "e", "f", "twice", "none"];
        let read = numbers.map(|name| integer(&headers, name));
        assert_eq!(read, [Some(12), None, None, None, None, None, None, None]);
        assert_eq!(
            (boolean(&headers, "e"), boolean(&headers, "a")),
            (Some(true), None)
        );
    }
}
