//! The words behind `fetch`: a method, URLs, and items, as in httpie: `PUT example.org/notes title=Hi done:=true`.
//!
//! What could be read in two ways is refused, with a way to say either.

use sockeye::{Error, Kind, Operation, Result};

use super::items::{self, Item, Manner};

/// What the words mean.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// The method, if one was given.
    pub(super) method: Option<String>,
    /// The URLs, as they were typed; at least one.
    pub(super) urls: Vec<String>,
    /// What stands behind the URLs.
    pub(super) items: Vec<Item>,
}

/// Methods that people write in lower case.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// Read them. URLs that are listed elsewhere come behind those that were typed.
///
/// # Errors
///
/// [`Kind::Usage`], with the number of the word, for what cannot be read or can be read in two ways.
pub(super) fn read(words: &[String], listed: Vec<String>) -> Result<Words> {
    let mut read = Words::default();
    for (at, word) in words.iter().enumerate() {
        if at == 0 && words.len() + listed.len() > 1 && is_method(word) {
            read.method = Some(word.clone());
            continue;
        }
        let place = Place {
            number: at + 1,
            word,
        };
        if word == "-" {
            return Err(place
                .error("it is neither a URL nor an item")
                .with_hint("-C takes no value; -T - and @- read standard input, -o - writes to standard output"));
        }
        if read.urls.is_empty() && listed.is_empty() {
            first(place, words)?;
            read.urls.push(word.clone());
        } else if is_url(place, !read.items.is_empty())? {
            read.urls.push(word.clone());
        } else {
            let item = items::parse(word).map_err(|why| place.error(&why))?;
            read.items.push(item);
        }
    }
    read.urls.extend(listed);
    if read.urls.is_empty() {
        let why = "there is no URL";
        return Err(usage(why).with_hint("a URL looks like http://host/path"));
    }
    Ok(read)
}

/// A word, and which one it is.
#[derive(Clone, Copy)]
struct Place<'w> {
    number: usize,
    word: &'w str,
}

impl Place<'_> {
    fn error(self, why: &str) -> Error {
        let Self { number, word } = self;
        let word = sockeye::data::escape::escape(word.as_bytes());
        usage(format!("word {number}, `{word}`: {why}"))
    }
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// Whether this is a method: capitals, as in `POST`, `M-SEARCH`.
pub(super) fn is_method(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
}

/// The first URL has to be there.
fn first(place: Place<'_>, words: &[String]) -> Result<()> {
    let word = place.word;
    if METHODS.contains(&word) && words.len() > place.number {
        let hint = format!(
            "write {} for the method, http://{word} for the host",
            word.to_ascii_uppercase()
        );
        let why = "it may be a method or the name of a host";
        return Err(place.error(why).with_hint(hint));
    }
    if has_scheme(word) {
        return Ok(());
    }
    let is_host = |name: &str| name.starts_with('[') || name.contains(['/', '?', '.', ':', '@']);
    match items::split(word) {
        // `me@host` and `host:80` are places, too.
        Some((name, manner, _))
            if !matches!(manner, Manner::Header | Manner::File | Manner::EmptyHeader)
                && !is_host(&name)
                && name != "localhost" =>
        {
            let why = "it is an item, and a URL has to come first";
            Err(place
                .error(why)
                .with_hint("as in `sockeye fetch example.org/path name=value`"))
        }
        _ => Ok(()),
    }
}

/// Whether a word behind the first URL is another one.
fn is_url(place: Place<'_>, after_items: bool) -> Result<bool> {
    let word = place.word;
    if has_scheme(word) {
        if after_items {
            let why = "it is a URL behind items";
            return Err(place.error(why).with_hint("URLs come first, then items"));
        }
        return Ok(true);
    }
    let Some((name, manner, value)) = items::split(word) else {
        if after_items {
            let why = "it is neither an item nor a URL that comes before them";
            return Err(place.error(why).with_hint(
                "items are name=value, name:=JSON, Name:value, name==value, name@file",
            ));
        }
        return Ok(true);
    };
    if word.starts_with(':') && manner == Manner::Header && !after_items {
        // A port of this machine.
        return Ok(true);
    }
    // `localhost:8080/x` reads as a header, too, and `example.org/?q=1` as a field with an odd name.
    let is_port = |text: &str| {
        let digits = text.split(['/', '?', '#']).next().unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let reads_as_url = match manner {
        Manner::Header => is_port(&value) && !has_capitals(&name),
        Manner::Field | Manner::Query => {
            name.contains(['/', '?']) && reads_as_place(&name) && !name.starts_with('/')
        }
        _ => false,
    };
    if !reads_as_url || after_items {
        return Ok(false);
    }
    let why = "it may be a URL or an item";
    let hint = match manner {
        Manner::Header => {
            format!("write http://{word} for the URL, -H '{name}: {value}' for the header")
        }
        _ => format!("write http://{word} for the URL; items come after an item that is plain"),
    };
    Err(place.error(why).with_hint(hint))
}

fn has_capitals(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a text could begin a URL without a scheme: a host with a dot or a port, `localhost`, an address in brackets.
fn reads_as_place(name: &str) -> bool {
    let host = name.split(['/', '?', '#']).next().unwrap_or_default();
    let is_nested = host.contains('[') && !host.starts_with('[');
    !is_nested && (host.contains(['.', ':', '@']) || host.starts_with("[") || host == "localhost")
}

/// Whether a word begins with a scheme: `http://`, `file:/`, `data:`. A scheme is written in lower case here, a header is not.
fn has_scheme(word: &str) -> bool {
    let Some((scheme, rest)) = word.split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    match scheme {
        "data" => !rest.starts_with(['=', '@']) && rest.contains(','),
        "file" => rest.starts_with('/'),
        _ => is_scheme && rest.starts_with("//"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(words: &[&str]) -> Result<Words> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        read(&words, Vec::new())
    }

    #[track_caller]
    fn refused(words: &[&str], why: &str) {
        let error = of(words).unwrap_err();
        assert!(error.to_string().contains(why), "{words:?}: {error}");
        assert!(error.hint().is_some(), "{words:?}: {error}");
    }

    #[test]
    fn a_method_urls_and_items_are_told_apart() {
        let words = of(&[
            "PUT",
            "example.org/a",
            "http://b/?x=1",
            ":8080/c",
            "a=b",
            "X-Y:1",
        ]);
        let words = words.unwrap();
        assert_eq!(words.method.as_deref(), Some("PUT"));
        assert_eq!(words.urls, ["example.org/a", "http://b/?x=1", ":8080/c"]);
        assert_eq!(words.items.len(), 2);
    }

    #[test]
    fn one_word_is_always_a_url() {
        for word in [
            "GET",
            "post",
            "localhost:8080",
            "me@example.org",
            "example.org/?q=1",
            "[::1]:80/x?a==b",
            "data:,hi",
            "http://h/a;b",
            "me:secret@h/x",
        ] {
            let words = of(&[word]).unwrap();
            assert_eq!((words.method, words.urls), (None, vec![word.to_owned()]));
        }
    }

    #[test]
    fn headers_may_look_like_ports_if_they_have_capitals() {
        for word in [
            "X-Count:3",
            "Referer:http://x/",
            "DNT:1",
            "content-type:text/plain",
            "a:b",
        ] {
            let words = of(&["example.org", word]).unwrap();
            assert_eq!((words.urls.len(), words.items.len()), (1, 1), "{word}");
        }
    }

    #[test]
    fn what_reads_in_two_ways_is_refused_with_both() {
        refused(
            &["h", "db:8080"],
            "word 2, `db:8080`: it may be a URL or an item",
        );
        refused(&["h", "example.org/?q=1"], "word 2, `example.org/?q=1`");
        refused(&["post", "h", "a=1"], "word 1, `post`: it may be a method");
        refused(&["a=1", "h"], "word 1, `a=1`: it is an item");
        refused(&["a:=1", "h"], "word 1, `a:=1`: it is an item");
        refused(
            &["h", "a=1", "http://x"],
            "word 3, `http://x`: it is a URL behind",
        );
        refused(&["h", "a=1", "plain"], "word 3, `plain`: it is neither");
        refused(&["h", "\u{1b}[31m=1", "\u{1b}x"], "`\\x1b");
    }

    #[test]
    fn fields_may_have_dots_and_slashes() {
        for word in [
            "a.b=1",
            "a/b=1",
            "user[mail.x]=a/b",
            "q==a.b/c",
            "x@a.b/c",
            "a=@f.txt",
        ] {
            let words = of(&["example.org", word]).unwrap();
            assert_eq!((words.urls.len(), words.items.len()), (1, 1), "{word}");
        }
    }
}
