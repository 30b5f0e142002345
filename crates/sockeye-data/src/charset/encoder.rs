//! From UTF-8 to bytes in a charset.

use encoding_rs::EncoderResult;

use super::{Charset, Kind};
use crate::record::{Error, ErrorKind, Position};

/// What becomes of characters that a charset does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmappable {
    /// They are an error, with their place.
    #[default]
    Refuse,
    /// A question mark stands in their place.
    Question,
    /// A reference stands in their place that HTML and XML read: `&#8364;`.
    Reference,
}

/// Turns text into bytes of a charset, piece by piece.
pub struct Encoder {
    charset: Charset,
    unmappable: Unmappable,
    inner: Option<Box<encoding_rs::Encoder>>,
    bom: bool,
    taken: u64,
    replaced: u64,
}

impl Encoder {
    /// Into this charset.
    pub fn new(charset: Charset, unmappable: Unmappable) -> Self {
        let inner = match charset.0 {
            Kind::Web(encoding) => Some(Box::new(encoding.new_encoder())),
            _ => None,
        };
        Self {
            charset,
            unmappable,
            inner,
            bom: false,
            taken: 0,
            replaced: 0,
        }
    }

    /// A mark comes first, where the charset is one of Unicode's.
    #[must_use]
    pub fn with_bom(mut self) -> Self {
        self.bom = matches!(
            self.charset.0,
            Kind::Utf8 | Kind::Utf16 { .. } | Kind::Utf32 { .. }
        );
        self
    }

    /// How many characters were replaced.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Append the bytes of this text.
    ///
    /// # Errors
    ///
    /// A character that the charset does not have and that is to be refused; the place is that in the text, in bytes. All before
    /// it is appended.
    pub fn push(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        if std::mem::take(&mut self.bom) {
            self.encode("\u{feff}", out)?;
        }
        self.encode(text, out)?;
        self.taken += text.len() as u64;
        Ok(())
    }

    /// Append what ends the text: ISO-2022-JP goes back to ASCII.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.bom) {
            // Every charset that has a mark has that character.
            let _ = self.encode("\u{feff}", out);
        }
        if let Some(inner) = &mut self.inner {
            let mut end = [0; 16];
            let (_, _, written) = inner.encode_from_utf8_without_replacement("", &mut end, true);
            out.extend_from_slice(&end[..written]);
        }
    }

    fn encode(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.charset.0 {
            Kind::Utf8 => out.extend_from_slice(text.as_bytes()),
            Kind::Utf16 { big } => {
                out.reserve(text.len() * 2);
                for unit in text.encode_utf16() {
                    out.extend_from_slice(&match big {
                        true => unit.to_be_bytes(),
                        false => unit.to_le_bytes(),
                    });
                }
            }
            Kind::Utf32 { big } => {
                out.reserve(text.len() * 4);
                for letter in text.chars().map(u32::from) {
                    out.extend_from_slice(&match big {
                        true => letter.to_be_bytes(),
                        false => letter.to_le_bytes(),
                    });
                }
            }
            Kind::Direct { last } => return self.direct(last, text, out),
            Kind::Web(_) => return self.web(text, out),
        }
        Ok(())
    }

    fn direct(&mut self, last: u8, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        for (at, letter) in text.char_indices() {
            match u8::try_from(letter) {
                Ok(byte) if byte <= last => out.push(byte),
                _ => {
                    let instead = self.instead(letter, at)?;
                    out.extend_from_slice(instead.as_bytes());
                }
            }
        }
        Ok(())
    }

    fn web(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut done = 0;
        loop {
            let Some(inner) = &mut self.inner else {
                return Ok(());
            };
            let base = out.len();
            out.resize(base + (text.len() - done) + 64, 0);
            let (result, read, written) =
                inner.encode_from_utf8_without_replacement(&text[done..], &mut out[base..], false);
            out.truncate(base + written);
            done += read;
            match result {
                EncoderResult::InputEmpty => return Ok(()),
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(letter) => {
                    let instead = self.instead(letter, done - letter.len_utf8())?;
                    let base = out.len();
                    out.resize(base + 64, 0);
                    // Through the encoder: in ISO-2022-JP, ASCII needs a way back to it. It is ASCII, and short.
                    let written = match &mut self.inner {
                        Some(inner) => {
                            let room = &mut out[base..];
                            inner
                                .encode_from_utf8_without_replacement(&instead, room, false)
                                .2
                        }
                        None => 0,
                    };
                    out.truncate(base + written);
                }
            }
        }
    }

    /// What stands in the place of this character, which is at this byte of the piece.
    fn instead(&mut self, letter: char, at: usize) -> Result<String, Error> {
        self.replaced += 1;
        let code = u32::from(letter);
        match self.unmappable {
            Unmappable::Question => Ok("?".to_owned()),
            Unmappable::Reference => Ok(format!("&#{code};")),
            Unmappable::Refuse => {
                let shown = match letter.is_alphanumeric() {
                    true => format!("{letter} (U+{code:04X})"),
                    false => format!("U+{code:04X}"),
                };
                let place = Position {
                    byte: self.taken + at as u64,
                    ..Position::default()
                };
                let why = format!("there is no {shown} in this charset");
                let error = Error::new(ErrorKind::Unsupported, self.charset.name(), why).at(place);
                Err(error.with_hint("have such characters replaced, or write UTF-8"))
            }
        }
    }
}

/// A whole text in a charset.
///
/// # Errors
///
/// As [`Encoder::push`].
///
/// ```
/// use sockeye_data::charset::{Charset, Unmappable, encode};
///
/// let latin = Charset::windows_1252();
/// assert_eq!(encode("5 € ł", latin, Unmappable::Reference).unwrap(), b"5 \x80 &#322;");
/// assert!(encode("ł", latin, Unmappable::Refuse).is_err());
/// ```
pub fn encode(text: &str, charset: Charset, unmappable: Unmappable) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut encoder = Encoder::new(charset, unmappable);
    encoder.push(text, &mut out)?;
    encoder.finish(&mut out);
    Ok(out)
}
