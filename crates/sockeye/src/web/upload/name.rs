//! Which names files and folders may have that strangers make: none that hides, that a program takes for an option, that
//! shows as something else than it is, or that other systems cannot keep.

use sockeye_data::escape::is_hidden;
use sockeye_data::fields::safe_file_name;

/// The longest name in bytes; file systems hold 255, the rest is room for ` (12)`.
pub(super) const LONGEST: usize = 240;

/// The folder of unfinished uploads, and the beginning of names of files that are being written.
pub(super) const OWN: &str = ".sockeye-uploads";
pub(super) const TEMPORARY: &str = ".sockeye-temporary-";

/// Whether this is one of them.
pub(super) fn is_own(name: &[u8]) -> bool {
    name == OWN.as_bytes() || name.starts_with(TEMPORARY.as_bytes())
}

/// The name, if it may be one. `hidden` lets names begin with a dot.
pub(super) fn check(name: &[u8], hidden: bool) -> Result<String, &'static str> {
    let text = std::str::from_utf8(name).map_err(|_| "a name that is not UTF-8")?;
    if text.is_empty() || matches!(text, "." | "..") {
        return Err("a name that is none, or leads elsewhere");
    }
    if text.len() > LONGEST {
        return Err("a name of more than 240 bytes");
    }
    if text.contains(['/', '\\']) {
        return Err("a name with a slash or a backslash");
    }
    if text
        .chars()
        .any(|letter| letter.is_control() || is_hidden(letter))
    {
        return Err("a name with control characters or invisible ones");
    }
    if text.starts_with(['-', '~']) || (text.starts_with('.') && !hidden) {
        return Err("a name that begins with a dot, a dash or a tilde");
    }
    if text.starts_with(".sockeye-") {
        return Err("a name that the server keeps for itself");
    }
    if text.starts_with(char::is_whitespace)
        || text.ends_with(|it: char| it.is_whitespace() || it == '.')
    {
        return Err("a name with a blank at its beginning, or a blank or a dot at its end");
    }
    // Devices of Windows, with any ending: the reader of safe names knows them.
    if safe_file_name(name).is_some_and(|safe| safe.strip_prefix('_') == Some(text)) {
        return Err("a name that is a device on some systems");
    }
    Ok(text.to_owned())
}

/// Another name for a file that has this one: `a (2).txt` for `a.txt`. Cut so that it fits.
pub(super) fn numbered(name: &str, number: u32) -> String {
    let dot = name
        .rfind('.')
        .filter(|dot| *dot > 0 && name.len() - dot <= 16);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let suffix = format!(" ({number}){ending}");
    let room = LONGEST.saturating_sub(suffix.len());
    let stem = &stem[..stem.floor_char_boundary(room.min(stem.len()))];
    format!("{stem}{suffix}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_would_do_harm_are_refused_and_others_stay_as_they_are() {
        for good in [
            "a.txt",
            "ä ☃ 字",
            "a:b?.txt",
            "a..b",
            "x-",
            "_CON",
            "%2e%2e",
        ] {
            assert_eq!(check(good.as_bytes(), false).as_deref(), Ok(good));
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            ".x",
            "-rf",
            "~x",
            " a",
            "a ",
            "a.",
            "a\n",
            "a\x7f",
            "a\u{202e}b",
            "CON",
            "aux.txt",
            "LPT1",
            ".sockeye-uploads",
        ] {
            assert!(check(bad.as_bytes(), false).is_err(), "{bad:?}");
        }
        assert!(check(b"a\xff", false).is_err());
        assert!(check(&[b'a'; 241], false).is_err());
        assert!(check(b".x", true).is_ok() && check(b".sockeye-x", true).is_err());
    }

    #[test]
    fn numbers_go_before_the_ending() {
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered("a", 2), "a (2)");
        assert_eq!(numbered(".profile", 3), ".profile (3)");
        assert_eq!(numbered(&format!("{}.txt", "ä".repeat(118)), 2).len(), 240);
    }

    proptest! {
        #[test]
        fn every_name_stays_in_its_folder(bytes: Vec<u8>) {
            if let Ok(name) = check(&bytes, true) {
                prop_assert!(!name.contains(['/', '\\', '\0']) && name != ".." && name != ".");
                prop_assert!(numbered(&name, 999).len() <= LONGEST);
            }
        }
    }
}
