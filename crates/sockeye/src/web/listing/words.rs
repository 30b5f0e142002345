//! Names, sizes and times as people read them.

use sockeye_data::escape;
use sockeye_data::fields::date;
use sockeye_data::percent::{self, Keep};

/// What a link to a name leaves as it is: no colon, which would make a scheme of what is before it, and nothing that ends
/// an attribute or means something in a query.
const LINK: Keep = Keep::UNRESERVED.with("!$()*+,=@");

/// A name as text: control characters, text that runs backwards and what is no UTF-8 are escapes.
pub(super) fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if !text.chars().any(escape::is_hidden) && !text.chars().any(char::is_control) => {
            text.to_owned()
        }
        _ => escape::escape(name),
    }
}

/// A name as a relative link; it names exactly these bytes.
pub(super) fn href(name: &[u8], is_folder: bool) -> String {
    let mut link = percent::encode(name, LINK);
    if is_folder {
        link.push('/');
    }
    link
}

/// A size in two or three digits: `1.4 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    // Rounded to what is shown: 1023.96 KiB is 1.0 MiB, not 1024.0 KiB.
    while unit < UNITS.len() - 1 && (tenths + 5) / 10 >= 1024 {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} bytes"),
        _ if tenths < 100 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", (tenths + 5) / 10, UNITS[unit]),
    }
}

/// A number with a comma between each three digits: `1,482,910`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of these: `1 file`, `2 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// A time as ISO 8601 with millionths of a second, `2026-11-26T20:47:01.000000Z`; `None` outside the years 0 to 9999.
pub(super) fn time((seconds, nanos): (i64, u32)) -> Option<String> {
    date::timestamp(seconds, nanos / 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 * 1024, "10 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(grouped(1_482_910), "1,482,910");
        assert_eq!(grouped(999), "999");
        assert_eq!(count(1, "file", "files"), "1 file");
    }

    #[test]
    fn names_are_shown_as_text_on_one_line() {
        assert_eq!(shown("<b>&\"' ä\\".as_bytes()), "<b>&\"' ä\\");
        assert_eq!(shown(b"a\nb\xff"), r"a\nb\xff");
        assert_eq!(shown("txt\u{202e}exe".as_bytes()), r"txt\u{202e}exe");
    }

    proptest! {
        #[test]
        fn a_link_names_exactly_these_bytes(name in proptest::collection::vec(1_u8.., 1..20)) {
            let link = href(&name, false);
            prop_assert!(link.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'&:?#/\\".contains(&byte)));
            prop_assert_eq!(percent::decode(&link).unwrap(), name);
        }
    }
}
