//! A body for a person: its charset decoded, nothing in it that a terminal obeys, JSON laid out, and no bytes that are no text.

use std::io::{self, IsTerminal};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use encoding_rs::{Encoding, UTF_8};
use serde::de::IgnoredAny;
use sockeye::Result;
use sockeye::data::fields::MediaType;

use super::charset::{self, Text};
use super::json::Layout;
use super::{Fetch, Paced};
use crate::local::TerminalText;
use crate::output::Output;

/// JSON up to this size is looked at as a whole before it is laid out: what only claims to be JSON is shown as it is.
const WHOLE: usize = 256 << 10;
/// How long the rest of it is waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Show a body.
pub(super) async fn show(
    fetch: &Fetch,
    mut body: Paced<'_>,
    media_type: Option<&MediaType>,
    length: Option<u64>,
    lays_out: bool,
) -> Result<()> {
    let Some(first) = body.chunk().await? else {
        return Ok(());
    };
    let charset = charset::of(media_type, &first);
    let is_terminal = io::stdout().is_terminal();
    if is_terminal && is_binary(media_type, charset, &first) {
        say_hidden(&fetch.output, media_type, length);
        return Ok(());
    }
    let (start, failed) = match lays_out {
        true => whole(&mut body, first).await,
        false => (first, None),
    };
    let lays_out =
        lays_out && (start.len() > WHOLE || is_json(charset, &start) || failed.is_some());
    let mut screen = Screen {
        output: &fetch.output,
        text: Text::new(charset),
        manner: match lays_out {
            true => Manner::Layout(Layout::new(fetch.output.text_color(), is_terminal)),
            false if is_terminal => Manner::Escaped(TerminalText::default()),
            false => Manner::Plain,
        },
        is_terminal,
        ends_open: false,
    };
    let mut next = Some(start);
    while let Some(bytes) = next {
        if !screen.print(&bytes, false) {
            fetch.is_unread();
            return Ok(());
        }
        next = match failed {
            Some(_) => None,
            None => match body.chunk().await {
                Ok(next) => next,
                Err(error) => {
                    screen.end();
                    return Err(error);
                }
            },
        };
    }
    screen.end();
    failed.map_or(Ok(()), Err)
}

/// The whole body if it is short and comes soon, else its start.
async fn whole(body: &mut Paced<'_>, first: Bytes) -> (Bytes, Option<sockeye::Error>) {
    let mut start = BytesMut::from(&first[..]);
    while start.len() <= WHOLE {
        match tokio::time::timeout(PATIENCE, body.chunk()).await {
            Ok(Ok(Some(bytes))) => start.extend_from_slice(&bytes),
            Ok(Err(error)) => return (start.freeze(), Some(error)),
            Ok(Ok(None)) | Err(_) => break,
        }
    }
    (start.freeze(), None)
}

/// Whether this is JSON, or several values of it, or at least the start of one.
fn is_json(charset: &'static Encoding, start: &[u8]) -> bool {
    let text = Text::new(charset).push(start, true);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
    values.all(|value| value.map_or_else(|error| error.is_eof(), |_| true))
}

/// Whether a body is nothing to read.
fn is_binary(media_type: Option<&MediaType>, charset: &'static Encoding, start: &[u8]) -> bool {
    let essence = media_type.map_or("", MediaType::essence);
    let (family, rest) = essence.split_once('/').unwrap_or_default();
    let is_xml = rest.ends_with("+xml");
    if matches!(family, "image" | "audio" | "video" | "font") && !is_xml {
        return true;
    }
    if charset.is_ascii_compatible() && start.contains(&0) {
        return true;
    }
    let is_text = family == "text" || is_xml || media_type.is_some_and(MediaType::is_json);
    if is_text || charset != UTF_8 {
        return false;
    }
    // A character that is cut at the end is none that is wrong.
    std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some())
}

fn say_hidden(output: &Output, media_type: Option<&MediaType>, length: Option<u64>) {
    let what = media_type.map_or_else(
        || "what is no text".to_owned(),
        |it| sockeye::data::escape::escape(it.to_string().as_bytes()),
    );
    let size = length.map_or(String::new(), |length| format!("{length} bytes of "));
    output.warn(format_args!(
        "{size}{what} are not shown; -o FILE saves them, and a pipe gets every byte"
    ));
}

/// Prints text to standard output.
struct Screen<'o> {
    output: &'o Output,
    text: Text,
    manner: Manner,
    is_terminal: bool,
    /// The last line is not ended.
    ends_open: bool,
}

enum Manner {
    Layout(Layout),
    Escaped(TerminalText),
    Plain,
}

impl Screen<'_> {
    fn print(&mut self, bytes: &[u8], is_last: bool) -> bool {
        let text = self.text.push(bytes, is_last);
        let mut out = String::new();
        match &mut self.manner {
            Manner::Layout(layout) => layout.push(&text, &mut out),
            Manner::Escaped(escaper) => escaper.push(text.as_bytes(), &mut out),
            Manner::Plain => out = text,
        }
        if !out.is_empty() {
            self.ends_open = !out.ends_with('\n');
        }
        self.output.text(&out)
    }

    fn end(&mut self) {
        self.print(b"", true);
        let mut out = String::new();
        match &mut self.manner {
            Manner::Layout(layout) => layout.finish(&mut out),
            Manner::Escaped(escaper) => escaper.finish(&mut out),
            Manner::Plain => {}
        }
        let is_laid_out = matches!(self.manner, Manner::Layout(_));
        if (self.ends_open || !out.is_empty()) && (self.is_terminal || is_laid_out) {
            out.push('\n');
        }
        self.output.text(&out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(media_type: &str, start: &[u8]) -> bool {
        let media_type = MediaType::parse(media_type.as_bytes());
        is_binary(
            media_type.as_ref(),
            charset::of(media_type.as_ref(), start),
            start,
        )
    }

    #[test]
    fn text_is_told_from_what_is_none() {
        assert!(binary("image/png", b"x"));
        assert!(!binary("image/svg+xml", b"<svg/>"));
        assert!(binary("", b"a\0b"));
        assert!(binary("text/plain", b"a\0b"));
        assert!(!binary("text/plain; charset=utf-16le", b"a\0b\0"));
        assert!(!binary("", b"\xff\xfea\0"));
        assert!(binary("application/octet-stream", b"ab\xff\xfe\x01"));
        assert!(!binary("application/octet-stream", b"ab\xc3"));
        assert!(!binary("text/plain", b"a\xff"));
    }

    #[test]
    fn what_only_claims_to_be_json_is_found_out() {
        assert!(is_json(UTF_8, b"{\"a\":1}\n[2]"));
        assert!(is_json(UTF_8, b"{\"a\":"));
        assert!(!is_json(UTF_8, b"Internal Server Error"));
        assert!(!is_json(UTF_8, b"<html>"));
    }
}
