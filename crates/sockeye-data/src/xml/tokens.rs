//! Cuts the characters of a document into pieces: text, references, tags, comments and so on. What is within a tag or a DOCTYPE is
//! looked at by others; what ends a piece is found here, strictly.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3, memmem};

use crate::record::Error;

use super::input::{CHUNK, Input};
use super::names;

/// A piece of a document; the ranges are places of the window, good until the next piece is asked for.
#[derive(Debug)]
pub(super) enum Token {
    /// Text without references. One text may come in several pieces.
    Text(Range<usize>),
    /// What is between `&` and `;`.
    Reference(Range<usize>),
    /// What is between `<` and `>` or `/>`.
    Start { inner: Range<usize>, empty: bool },
    /// What is between `</` and `>`.
    End(Range<usize>),
    /// What is between `<!--` and `-->`.
    Comment(Range<usize>),
    /// What is between `<?` and `?>`.
    Instruction(Range<usize>),
    /// What is between `<![CDATA[` and `]]>`.
    CData(Range<usize>),
    /// What is between `<!DOCTYPE` and `>`.
    Doctype(Range<usize>),
    /// Nothing is left.
    Nothing,
}

impl<R: Read> Input<R> {
    /// The next piece.
    pub(super) fn token(&mut self) -> Result<Token, Error> {
        if !self.has(1)? {
            return Ok(Token::Nothing);
        }
        match self.text.as_bytes()[self.at] {
            b'<' => self.markup(),
            b'&' => self.reference(),
            _ => self.run_of_text(),
        }
    }

    /// The piece of `len` bytes is done; `range` of it is its inside.
    fn done(&mut self, len: usize, inner: Range<usize>) -> Range<usize> {
        let start = self.at;
        self.at += len;
        start + inner.start..start + inner.end
    }

    fn run_of_text(&mut self) -> Result<Token, Error> {
        let mut from = 0;
        let len = loop {
            let rest = self.rest().as_bytes();
            match memchr3(b'<', b'&', b']', &rest[from..]).map(|at| from + at) {
                Some(at) if rest[at] == b']' => {
                    if rest[at..].starts_with(b"]]>") {
                        return Err(self.wrong(self.at + at, "\"]]>\" within text"));
                    }
                    // Whether it is the start of that may be seen only later.
                    if rest.len() - at < 3 && self.more()? {
                        from = at;
                    } else {
                        from = at + 1;
                    }
                }
                Some(at) => break at,
                None if rest.len() >= CHUNK => break rest.len(),
                None => {
                    from = rest.len();
                    if !self.more()? {
                        break from;
                    }
                }
            }
        };
        Ok(Token::Text(self.done(len, 0..len)))
    }

    fn reference(&mut self) -> Result<Token, Error> {
        let mut from = 1;
        loop {
            let rest = self.rest().as_bytes();
            let ends =
                |&byte: &u8| byte == b';' || byte == b'<' || byte == b'&' || names::is_space(byte);
            match rest[from..].iter().position(ends).map(|at| from + at) {
                Some(at) if rest[at] == b';' => {
                    return Ok(Token::Reference(self.done(at + 1, 1..at)));
                }
                Some(_) => {
                    let why = "\"&\" does not start a reference that ends in \";\"";
                    return Err(self
                        .wrong(self.at, why)
                        .with_hint("write &amp; for the character itself"));
                }
                None => from = rest.len(),
            }
            if !self.more()? {
                return Err(self.cut("a reference"));
            }
        }
    }

    fn markup(&mut self) -> Result<Token, Error> {
        if !self.has(2)? {
            return Err(self.cut("a tag"));
        }
        match self.rest().as_bytes()[1] {
            b'/' => {
                let end = self.find(b">", 2, "an end tag")?;
                Ok(Token::End(self.done(end + 1, 2..end)))
            }
            b'?' => {
                let end = self.find(b"?>", 2, "a processing instruction")?;
                Ok(Token::Instruction(self.done(end + 2, 2..end)))
            }
            b'!' => self.declaration(),
            _ => self.start_tag(),
        }
    }

    fn declaration(&mut self) -> Result<Token, Error> {
        if self.starts_with("<!--")? {
            let end = self.find(b"--", 4, "a comment")?;
            if !self.has(end + 3)? {
                return Err(self.cut("a comment"));
            }
            if self.rest().as_bytes()[end + 2] != b'>' {
                return Err(self.wrong(self.at + end, "\"--\" within a comment"));
            }
            return Ok(Token::Comment(self.done(end + 3, 4..end)));
        }
        if self.starts_with("<![CDATA[")? {
            let end = self.find(b"]]>", 9, "a CDATA section")?;
            return Ok(Token::CData(self.done(end + 3, 9..end)));
        }
        if self.starts_with("<!DOCTYPE")? {
            let end = self.end_of_doctype()?;
            return Ok(Token::Doctype(self.done(end + 1, 9..end)));
        }
        Err(self.wrong(
            self.at,
            "\"<!\" starts neither a comment, nor a CDATA section, nor a DOCTYPE",
        ))
    }

    fn starts_with(&mut self, start: &str) -> Result<bool, Error> {
        self.has(start.len())?;
        Ok(self.rest().starts_with(start))
    }

    /// Where `needle` is, counted from the start of the piece.
    fn find(&mut self, needle: &[u8], mut from: usize, what: &str) -> Result<usize, Error> {
        loop {
            let rest = self.rest().as_bytes();
            let found = match needle {
                [byte] => rest.get(from..).and_then(|rest| memchr(*byte, rest)),
                _ => rest.get(from..).and_then(|rest| memmem::find(rest, needle)),
            };
            if let Some(at) = found {
                return Ok(from + at);
            }
            from = from.max((rest.len() + 1).saturating_sub(needle.len()));
            if !self.more()? {
                return Err(self.cut(what));
            }
        }
    }

    fn start_tag(&mut self) -> Result<Token, Error> {
        let mut at = 1;
        let mut quote = None;
        loop {
            let rest = self.rest().as_bytes();
            while at < rest.len() {
                if let Some(mark) = quote {
                    let Some(found) = memchr2(mark, b'<', &rest[at..]) else {
                        at = rest.len();
                        break;
                    };
                    at += found;
                    if rest[at] == b'<' {
                        return Err(self.less_than_in_tag(at));
                    }
                    quote = None;
                } else {
                    match rest[at] {
                        b'>' => {
                            let empty = rest[at - 1] == b'/' && at > 1;
                            let inner = self.done(at + 1, 1..at - usize::from(empty));
                            return Ok(Token::Start { inner, empty });
                        }
                        b'<' => return Err(self.less_than_in_tag(at)),
                        mark @ (b'"' | b'\'') => quote = Some(mark),
                        _ => {}
                    }
                }
                at += 1;
            }
            if !self.more()? {
                return Err(self.cut("a tag"));
            }
        }
    }

    fn less_than_in_tag(&self, at: usize) -> Error {
        self.wrong(self.at + at, "\"<\" within a tag")
            .with_hint("in a value, write &lt; for it; else a \">\" or a quote is missing before")
    }

    /// Where the `>` of a DOCTYPE is: not in a literal, a comment, an instruction or a declaration of its own.
    fn end_of_doctype(&mut self) -> Result<usize, Error> {
        let what = "the DOCTYPE";
        let mut at = 9;
        let mut in_subset = false;
        let mut in_declaration = false;
        while self.has(at + 1)? {
            let byte = self.rest().as_bytes()[at];
            let bare = in_subset && !in_declaration;
            match byte {
                b'"' | b'\'' if !bare => at = self.find(&[byte], at + 1, what)?,
                b'>' if in_declaration => in_declaration = false,
                b'>' if !in_subset => return Ok(at),
                b'[' if !in_subset => in_subset = true,
                b']' if bare => in_subset = false,
                b'<' if bare => {
                    self.has(at + 4)?;
                    let rest = &self.rest().as_bytes()[at..];
                    if rest.starts_with(b"<!--") {
                        at = self.find(b"-->", at + 4, what)? + 2;
                    } else if rest.starts_with(b"<?") {
                        at = self.find(b"?>", at + 2, what)? + 1;
                    } else {
                        in_declaration = true;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Err(self.cut(what))
    }
}
