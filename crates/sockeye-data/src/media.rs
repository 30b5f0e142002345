//! Which media type a file has by its name, and what its bytes say: text or not, worth compressing or not.
//!
//! The table is made by `data/make-media-types`, which says from what and by which rules.

use std::sync::LazyLock;

/// Sorted by extension.
static TABLE: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    include_str!("../data/media-types.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// No extension of the table is longer.
const LONGEST: usize = 32;

/// What bytes that nothing is known of are (RFC 2046 section 4.5.1).
pub const BYTES: &str = "application/octet-stream";
/// Text without any other meaning.
pub const TEXT: &str = "text/plain";

/// The media type of this extension, in any case and without its dot, if it is a known one.
///
/// # Examples
///
/// ```
/// use sockeye_data::media::of_extension;
///
/// assert_eq!(of_extension("HTML"), Some("text/html"));
/// assert_eq!(of_extension("unheard"), None);
/// ```
pub fn of_extension(extension: &str) -> Option<&'static str> {
    if extension.is_empty() || extension.len() > LONGEST {
        return None;
    }
    let extension = extension.to_ascii_lowercase();
    let found = TABLE.binary_search_by(|(known, _)| (*known).cmp(&extension));
    found.ok().map(|index| TABLE[index].1)
}

/// The media type of a file of this name, if its last extension is a known one.
///
/// # Examples
///
/// ```
/// use sockeye_data::media::of_name;
///
/// assert_eq!(of_name(b"a/b.tar.gz"), Some("application/gzip"));
/// assert_eq!(of_name(b"Makefile"), None);
/// assert_eq!(of_name(b".html"), None); // a hidden file without an extension
/// ```
pub fn of_name(name: &[u8]) -> Option<&'static str> {
    of_extension(extension(name)?)
}

/// What follows the last dot of a name, if that is text and not all of it.
pub fn extension(name: &[u8]) -> Option<&str> {
    let name = name.rsplit(|&byte| byte == b'/').next()?;
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    if dot == 0 {
        return None;
    }
    std::str::from_utf8(&name[dot + 1..]).ok()
}

/// Whether bodies of this media type shrink when they are compressed: text in the widest sense, and the formats of fonts
/// and programs that are not compressed themselves. Parameters are passed over.
///
/// # Examples
///
/// ```
/// use sockeye_data::media::is_compressible;
///
/// assert!(is_compressible("text/html; charset=utf-8"));
/// assert!(is_compressible("image/svg+xml"));
/// assert!(!is_compressible("image/png"));
/// ```
pub fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            &*essence,
            "application/json"
                | "application/xml"
                | "application/javascript"
                | "application/x-ndjson"
                | "application/jsonl"
                | "application/yaml"
                | "application/toml"
                | "application/sql"
                | "application/wasm"
                | "application/rtf"
                | "application/x-sh"
                | "application/x-tar"
                | "application/vnd.ms-fontobject"
                | "application/postscript"
                | "application/x-subrip"
                | "font/ttf"
                | "font/otf"
                | "font/sfnt"
                | "image/bmp"
                | "image/vnd.microsoft.icon"
                | "message/http"
                | "message/rfc822"
        )
}

/// Whether these bytes are text in UTF-8: well-formed, and without the control characters that other charsets (UTF-16,
/// ISO-2022-JP) and binary formats have. `is_cut` says that more follows, so that the last character may be incomplete.
///
/// # Examples
///
/// ```
/// use sockeye_data::media::is_utf8_text;
///
/// assert!(is_utf8_text("größe\n".as_bytes(), false));
/// assert!(!is_utf8_text(b"gr\xf6\xdfe\n", false));
/// assert!(!is_utf8_text(b"h\0i\0", false));
/// ```
pub fn is_utf8_text(bytes: &[u8], is_cut: bool) -> bool {
    let sound = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // No error length: the bytes end within a character.
        Err(error) => is_cut && error.error_len().is_none(),
    };
    sound
        && !bytes
            .iter()
            .any(|byte| matches!(byte, 0..=7 | 14..=31 | 127))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::fields::MediaType;

    #[test]
    fn the_table_is_sorted_and_all_its_types_are_types() {
        assert!(TABLE.len() > 1000, "{}", TABLE.len());
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
        }
        for (extension, media_type) in TABLE.iter() {
            assert!(extension.len() <= LONGEST, "{extension}");
            let parsed = MediaType::parse(media_type.as_bytes()).unwrap();
            // Names of types are the same in any case; the registry has some in capitals.
            assert!(
                parsed.to_string().eq_ignore_ascii_case(media_type),
                "{extension}"
            );
        }
    }

    #[test]
    fn text_is_told_from_bytes_and_from_other_charsets() {
        for (bytes, is_cut, is_text) in [
            (&b""[..], false, true),
            (b"a\tb\r\n\x0c", false, true),
            ("\u{feff}ä€".as_bytes(), false, true),
            (b"a\xe2\x82", true, true),
            (b"a\xe2\x82", false, false),
            (b"a\xe2\x82z", true, false),
            (b"\xff\xfeh\0", true, false),
            (b"\x1b$B%F%9%H\x1b(B", false, false),
            (b"\x7fELF", false, false),
        ] {
            assert_eq!(is_utf8_text(bytes, is_cut), is_text, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_has_a_type_or_none(name: Vec<u8>) {
            if let Some(media_type) = of_name(&name) {
                prop_assert!(media_type.contains('/'));
            }
        }

        #[test]
        fn a_text_cut_anywhere_is_a_text(text in "[a-zé€😀\n]{0,40}", at: proptest::sample::Index) {
            let at = at.index(text.len() + 1);
            prop_assert!(is_utf8_text(&text.as_bytes()[..at], true));
        }
    }
}
