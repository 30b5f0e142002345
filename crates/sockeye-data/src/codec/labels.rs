//! Names of domains, one on each line: Punycode (RFC 3492) of whatever text, and names as DNS has them (UTS 46).

use super::{Coder, Options, bad};
use crate::escape::escape_start;
use crate::record::Error;

/// No name comes near this; Punycode takes longer the square of it.
const LONGEST: usize = 1 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Punycode,
    Idna,
}

pub(super) struct Labels {
    kind: Kind,
    encodes: bool,
    lenient: bool,
    line: Vec<u8>,
    /// Where the line began.
    start: u64,
}

impl Labels {
    pub(super) fn encoder(kind: Kind, options: &Options) -> Self {
        Self {
            kind,
            encodes: true,
            lenient: options.lenient,
            line: Vec::new(),
            start: 0,
        }
    }

    pub(super) fn decoder(kind: Kind, options: &Options) -> Self {
        Self {
            encodes: false,
            ..Self::encoder(kind, options)
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Punycode => "punycode",
            Kind::Idna => "idna",
        }
    }

    /// A line without its end.
    fn line(&self, line: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let (line, end) = match line.strip_suffix(b"\r") {
            Some(line) => (line, "\r"),
            None => (line, ""),
        };
        let text = std::str::from_utf8(line).map_err(|error| {
            let at = self.start + error.valid_up_to() as u64;
            bad(self.name(), "this is no UTF-8", at)
        });
        let converted = text.and_then(|text| self.convert(text));
        match converted {
            Ok(text) => out.extend_from_slice(text.as_bytes()),
            Err(_) if self.lenient => out.extend_from_slice(line),
            Err(error) => return Err(error),
        }
        out.extend_from_slice(end.as_bytes());
        Ok(())
    }

    fn convert(&self, text: &str) -> Result<String, Error> {
        let shown = escape_start(text.as_bytes(), 60);
        if text.is_empty() {
            return Ok(String::new());
        }
        let result = match (self.kind, self.encodes) {
            (Kind::Punycode, true) => {
                idna::punycode::encode_str(text).ok_or("is too long for Punycode")
            }
            (Kind::Punycode, false) => {
                idna::punycode::decode_to_string(text).ok_or("is not Punycode")
            }
            (Kind::Idna, true) => idna::domain_to_ascii(text).map_err(|_| "is no name of a domain"),
            (Kind::Idna, false) => match idna::domain_to_unicode(text) {
                (name, Ok(())) => Ok(name),
                (_, Err(_)) => Err("is no name of a domain"),
            },
        };
        result.map_err(|why| bad(self.name(), format!("{shown} {why}"), self.start))
    }
}

impl Coder for Labels {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for piece in input.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if self.line.len() + text.len() > LONGEST {
                let why = format!("the line has more than {LONGEST} bytes");
                let hint = "one name stands on each line";
                return Err(bad(self.name(), why, self.start).with_hint(hint));
            }
            self.line.extend_from_slice(text);
            if ends {
                let mut line = std::mem::take(&mut self.line);
                self.line(&line, out)?;
                out.push(b'\n');
                self.start += line.len() as u64 + 1;
                line.clear();
                self.line = line;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let line = std::mem::take(&mut self.line);
        self.line(&line, out)
    }
}
