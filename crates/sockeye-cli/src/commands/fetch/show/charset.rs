//! Which charset a text is in (WHATWG Encoding): what the server says, a mark at the start, or what the page says itself.

use encoding_rs::{Decoder, Encoding, UTF_8};
use sockeye::data::fields::MediaType;

/// How far a page is searched for its own word about it.
const SEARCHED: usize = 1024;

/// The charset of a body that begins like this.
pub(super) fn of(media_type: Option<&MediaType>, start: &[u8]) -> &'static Encoding {
    if let Some((marked, _)) = Encoding::for_bom(start) {
        return marked;
    }
    let said = media_type.and_then(MediaType::charset);
    if let Some(known) = said.and_then(|label| Encoding::for_label(label.as_bytes())) {
        return known;
    }
    let is_page =
        media_type.is_some_and(|it| matches!(it.essence(), "text/html" | "application/xhtml+xml"));
    let itself = is_page.then(|| of_page(start)).flatten();
    itself.unwrap_or(UTF_8)
}

/// What a page says: `<meta charset=…>`, or the same within a `content=`.
fn of_page(start: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(&start[..start.len().min(SEARCHED)]).to_ascii_lowercase();
    let (_, behind) = text.split_once("charset=")?;
    let label = behind.trim_start_matches(['"', '\'']);
    let end = label.find(['"', '\'', ';', ' ', '>', '/'])?;
    let found = Encoding::for_label(&label.as_bytes()[..end])?;
    // A page that can be read so far is in no UTF-16, whatever it says.
    Some(if found.is_ascii_compatible() {
        found
    } else {
        UTF_8
    })
}

/// Turns bytes of a charset into text, piece by piece.
pub(super) struct Text {
    decoder: Decoder,
}

impl Text {
    pub(super) fn new(charset: &'static Encoding) -> Self {
        Self {
            decoder: charset.new_decoder_with_bom_removal(),
        }
    }

    /// The text of the next bytes; what is no character becomes U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8], is_last: bool) -> String {
        let room = self.decoder.max_utf8_buffer_length(bytes.len());
        let mut text = String::with_capacity(room.unwrap_or(bytes.len() * 3 + 16));
        // There is room for all of it.
        let _ = self.decoder.decode_to_string(bytes, &mut text, is_last);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(media_type: &str, start: &[u8]) -> &'static str {
        of(MediaType::parse(media_type.as_bytes()).as_ref(), start).name()
    }

    #[test]
    fn the_server_the_mark_and_the_page_are_asked() {
        assert_eq!(
            charset("text/plain; charset=ISO-8859-1", b"x"),
            "windows-1252"
        );
        assert_eq!(
            charset("text/plain; charset=ISO-8859-1", b"\xef\xbb\xbfx"),
            "UTF-8"
        );
        assert_eq!(charset("text/plain", b"\xff\xfex\0"), "UTF-16LE");
        assert_eq!(charset("text/html", b"<meta charset=\"koi8-r\">"), "KOI8-R");
        assert_eq!(charset("text/html", b"<meta charset=utf-16>"), "UTF-8");
        assert_eq!(charset("text/html", b"<meta charset="), "UTF-8");
        assert_eq!(charset("text/plain", b"charset=koi8-r;"), "UTF-8");
        assert_eq!(charset("text/plain; charset=none-such", b""), "UTF-8");
    }

    #[test]
    fn characters_may_be_cut() {
        let mut text = Text::new(UTF_8);
        let cut = [
            text.push(b"\xef\xbb", false),
            text.push(b"\xbf\xc3", false),
            text.push(b"\xa4", true),
        ];
        assert_eq!(cut.concat(), "\u{e4}");
        let mut text = Text::new(encoding_rs::WINDOWS_1252);
        assert_eq!(text.push(b"\xe4\x80", true), "\u{e4}\u{20ac}");
    }
}
