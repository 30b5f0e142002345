//! Names for files that others choose, made so that they can do no harm.

use crate::escape::is_hidden;
use crate::percent;

/// The longest name, in bytes. File systems hold 255; the rest is room for `.part` and ` (12)`.
const LONGEST: usize = 230;
/// The longest ending that is kept when a name is cut.
const ENDING: usize = 16;

/// A name for a file in one folder, made of what a server said; `None` if nothing is left of it.
///
/// Only what is behind the last slash or backslash counts. Control characters, invisible ones and those that Windows
/// forbids become `_`. Dots, dashes, tildes and blanks at the start go, dots and blanks at the end too: the name is
/// never hidden, never `..`, and no option to a program. Names of devices get a `_`. Long names are cut before their ending.
/// Nothing is decoded: `%2e%2e%2f` is a name with percent signs. A name that is safe already stays as it is.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::safe_file_name;
///
/// assert_eq!(safe_file_name(b"../../etc/passwd").as_deref(), Some("passwd"));
/// assert_eq!(safe_file_name(b"C:\\x\\CON.txt").as_deref(), Some("_CON.txt"));
/// assert_eq!(safe_file_name(b".."), None);
/// ```
pub fn safe_file_name(bytes: &[u8]) -> Option<String> {
    let last = bytes.rsplit(|byte| matches!(byte, b'/' | b'\\')).next()?;
    let text: String = String::from_utf8_lossy(last)
        .chars()
        .map(|letter| if is_harmless(letter) { letter } else { '_' })
        .collect();
    let text = text.trim_start_matches(is_edge);
    let text = text.trim_end_matches(is_tail);
    if text.is_empty() {
        return None;
    }
    let name = shortened(text);
    if is_device(&name) {
        return Some(format!("_{name}"));
    }
    Some(name)
}

/// A name for a file, made of the path of a URL: its last segment, decoded once, then as [`safe_file_name`] does.
///
/// # Examples
///
/// ```
/// use sockeye_data::fields::url_file_name;
///
/// assert_eq!(url_file_name("/a/b%20c.txt").as_deref(), Some("b c.txt"));
/// assert_eq!(url_file_name("/a/%2e%2e%2f%2e%2e%2fetc%2fpasswd").as_deref(), Some("passwd"));
/// assert_eq!(url_file_name("/a/"), None);
/// ```
pub fn url_file_name(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    match percent::decode(last) {
        Ok(decoded) => safe_file_name(&decoded),
        Err(_) => safe_file_name(last.as_bytes()),
    }
}

fn is_harmless(letter: char) -> bool {
    !is_hidden(letter) && !letter.is_control() && !"<>:\"|?*".contains(letter)
}

fn is_edge(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '.' | '-' | '~')
}

fn is_tail(letter: char) -> bool {
    letter.is_whitespace() || letter == '.'
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let ending = text
        .rfind('.')
        .map(|dot| &text[dot..])
        .filter(|ending| ending.len() <= ENDING)
        .unwrap_or_default();
    let start = &text[..text.floor_char_boundary(LONGEST - ending.len())];
    let name = format!("{}{ending}", start.trim_end_matches(is_tail));
    name.trim_end_matches(is_tail).to_owned()
}

/// Names that are devices on Windows, with any ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_ascii_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let numbered = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"));
    numbered.is_some_and(|number| {
        let mut letters = number.chars();
        matches!(
            (letters.next(), letters.next()),
            (Some('1'..='9' | '¹' | '²' | '³'), None)
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_would_do_harm() {
        for (given, safe) in [
            ("a.txt", Some("a.txt")),
            ("../../x", Some("x")),
            ("/abs/x", Some("x")),
            ("C:\\x", Some("x")),
            ("C:x", Some("C_x")),
            ("..\\..\\x", Some("x")),
            ("\\\\host\\share\\x", Some("x")),
            (".bashrc", Some("bashrc")),
            ("-rf", Some("rf")),
            ("--", None),
            (".-.-x", Some("x")),
            ("~root", Some("root")),
            ("~/x", Some("x")),
            ("a\0b", Some("a_b")),
            ("a\nb\r\x1b[31m", Some("a_b__[31m")),
            ("\n.x", Some("_.x")),
            ("", None),
            (" ", None),
            (".", None),
            ("..", None),
            ("...", None),
            ("x/", None),
            ("x/..", None),
            ("x. . ", Some("x")),
            ("%2e%2e%2f", Some("%2e%2e%2f")),
            ("CON", Some("_CON")),
            ("con.tar.gz", Some("_con.tar.gz")),
            ("aux .txt", Some("_aux .txt")),
            ("LPT9", Some("_LPT9")),
            ("com0", Some("com0")),
            ("console", Some("console")),
            ("a:b", Some("a_b")),
            ("<a>|\"b\"?*", Some("_a___b___")),
            ("€ und ä.txt", Some("€ und ä.txt")),
            ("a\u{202e}gpj.exe", Some("a_gpj.exe")),
            ("a\u{85}b\u{200b}", Some("a_b_")),
        ] {
            assert_eq!(
                safe_file_name(given.as_bytes()).as_deref(),
                safe,
                "{given:?}"
            );
        }
        assert_eq!(
            safe_file_name(b"a\xff.txt").as_deref(),
            Some("a\u{fffd}.txt")
        );
    }

    #[test]
    fn long_names_are_cut_before_their_ending() {
        let cut = |text: String| safe_file_name(text.as_bytes()).unwrap();
        assert_eq!(cut("x".repeat(300)), "x".repeat(230));
        assert_eq!(
            cut(format!("{}.tar.gz", "x".repeat(300))),
            format!("{}.gz", "x".repeat(227))
        );
        assert_eq!(cut("€".repeat(100)), "€".repeat(76));
        assert_eq!(cut(format!("a.{}", "x".repeat(300))).len(), 230);
    }

    #[test]
    fn names_come_from_the_last_segment_of_a_url() {
        for (path, name) in [
            ("/a/b.txt?c=d/e#f", Some("b.txt")),
            ("/%2e%2e%2fx", Some("x")),
            ("/%252e%252e%252fx", Some("%2e%2e%2fx")),
            ("/a%00b", Some("a_b")),
            ("/100%", Some("100%")),
            ("/", None),
            ("", None),
            ("/..", None),
        ] {
            assert_eq!(url_file_name(path).as_deref(), name, "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_name_stays_in_its_folder(bytes: Vec<u8>, text in "[./\\\\~ \\-a:CON\u{202e}\n]{0,20}") {
            for given in [bytes.as_slice(), text.as_bytes()] {
                if let Some(name) = safe_file_name(given) {
                    prop_assert!(!name.contains(['/', '\\', '\0']) && name.len() <= 231);
                    prop_assert!(!name.starts_with(['.', '-', '~', ' ']) && !name.ends_with(['.', ' ']));
                    prop_assert!(!name.chars().any(|letter| letter.is_control() || is_hidden(letter)));
                    prop_assert_eq!(safe_file_name(name.as_bytes()), Some(name));
                }
            }
        }
    }
}
