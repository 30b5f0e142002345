//! Items, as in httpie: one word each, whose separator says what it is.

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The word, as it was typed.
    pub(super) word: String,
    /// What stands before the separator.
    pub(super) name: String,
    /// What the separator says.
    pub(super) manner: Manner,
    /// What stands behind it: a value, or the name of a file.
    pub(super) value: String,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// `Name:value`: a header; without a value the header is left out.
    Header,
    /// `Name;`: a header without a value.
    EmptyHeader,
    /// `Name:@file`: a header whose value a file holds.
    HeaderFile,
    /// `name==value`: a part of the query.
    Query,
    /// `name==@file`: the same, and a file holds the value.
    QueryFile,
    /// `name=value`: a field, a text.
    Field,
    /// `name=@file`: a field, and a file holds its text.
    FieldFile,
    /// `name:=JSON`: a field, written in JSON.
    Json,
    /// `name:=@file`: the same, and a file holds it.
    JsonFile,
    /// `name@file`: a file in a form; without a name, the whole body.
    File,
}

/// All separators; of two that begin at the same place the longer one counts.
const SEPARATORS: [(&str, Manner); 10] = [
    (":=@", Manner::JsonFile),
    ("==@", Manner::QueryFile),
    (":=", Manner::Json),
    (":@", Manner::HeaderFile),
    ("==", Manner::Query),
    ("=@", Manner::FieldFile),
    (":", Manner::Header),
    ("=", Manner::Field),
    ("@", Manner::File),
    (";", Manner::EmptyHeader),
];

/// Read a word as an item.
///
/// # Errors
///
/// Why it is none.
pub(super) fn parse(word: &str) -> Result<Item, String> {
    let Some((name, manner, value)) = split(word) else {
        return Err("it is no item".into());
    };
    if name.is_empty() && manner != Manner::File {
        return Err("the name is missing before the separator".into());
    }
    if manner == Manner::EmptyHeader && !value.is_empty() {
        return Err("something stands behind the `;` of a header without a value".into());
    }
    let needs_file = matches!(
        manner,
        Manner::HeaderFile
            | Manner::QueryFile
            | Manner::FieldFile
            | Manner::JsonFile
            | Manner::File
    );
    if needs_file && value.is_empty() {
        return Err("the name of the file is missing behind the `@`".into());
    }
    Ok(Item {
        word: word.to_owned(),
        name,
        manner,
        value,
    })
}

/// Name, separator and value of a word; `None` if it has no separator. A backslash takes the meaning from a character of a
/// separator behind it, and stays before any other.
pub(super) fn split(word: &str) -> Option<(String, Manner, String)> {
    let (at, separator, manner) = find(word)?;
    let (name, value) = (&word[..at], &word[at + separator.len()..]);
    Some((unescaped(name), manner, unescaped(value)))
}

/// The first separator that no backslash stands before.
fn find(word: &str) -> Option<(usize, &'static str, Manner)> {
    let mut at = 0;
    while at < word.len() {
        let rest = &word[at..];
        if let Some(behind) = rest.strip_prefix('\\') {
            // The backslash, and the character it belongs to.
            let next = behind.chars().next().map_or(0, char::len_utf8);
            at += 1 + next;
            continue;
        }
        let found = SEPARATORS
            .iter()
            .find(|(separator, _)| rest.starts_with(separator));
        if let Some((separator, manner)) = found {
            return Some((at, separator, *manner));
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some(special @ (':' | ';' | '=' | '@')) => out.push(special),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_separator_says_what_an_item_is() {
        for (word, name, manner, value) in [
            ("a=b", "a", Manner::Field, "b"),
            ("a=", "a", Manner::Field, ""),
            ("a=b=c:d", "a", Manner::Field, "b=c:d"),
            ("a:=1", "a", Manner::Json, "1"),
            ("a:b", "a", Manner::Header, "b"),
            ("a:", "a", Manner::Header, ""),
            ("a;", "a", Manner::EmptyHeader, ""),
            ("a==b", "a", Manner::Query, "b"),
            ("a@f", "a", Manner::File, "f"),
            ("@f", "", Manner::File, "f"),
            ("a=@f", "a", Manner::FieldFile, "f"),
            ("a:=@f", "a", Manner::JsonFile, "f"),
            ("a:@f", "a", Manner::HeaderFile, "f"),
            ("a==@f", "a", Manner::QueryFile, "f"),
            (r"a\:b=c", "a:b", Manner::Field, "c"),
            (r"a\=\@b=c\=d", "a=@b", Manner::Field, "c=d"),
            (r"a\[b\\=c\d", r"a\[b\\", Manner::Field, r"c\d"),
            (r"a\\=b", r"a\\", Manner::Field, "b"),
            ("ä:=\"ö\"", "ä", Manner::Json, "\"ö\""),
        ] {
            let item = parse(word).unwrap();
            assert_eq!(
                (&*item.name, item.manner, &*item.value),
                (name, manner, value),
                "{word}"
            );
        }
    }

    #[test]
    fn what_is_no_item_is_told() {
        for (word, why) in [
            ("a", "no item"),
            (r"a\=b", "no item"),
            ("=b", "name is missing"),
            ("a;b", "behind the `;`"),
            ("a@", "name of the file"),
            ("", "no item"),
            ("\\", "no item"),
        ] {
            let refused = parse(word).unwrap_err();
            assert!(refused.contains(why), "{word}: {refused}");
        }
    }
}
