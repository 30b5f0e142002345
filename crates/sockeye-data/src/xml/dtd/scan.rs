//! Words of declarations.

use std::borrow::Cow;

use super::{Fault, names};

/// A place in the text of declarations.
pub(super) struct Scan<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn is_at(&self, word: &str) -> bool {
        self.rest().starts_with(word)
    }

    pub(super) fn fault(&self, why: impl Into<Cow<'static, str>>) -> Fault {
        Fault::new(self.at, why)
    }

    /// Go over a word if it is there.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is_there = self.is_at(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    pub(super) fn need(&mut self, word: &str, why: &'static str) -> Result<(), Fault> {
        if self.eat(word) {
            return Ok(());
        }
        if self.is_at("%") {
            return Err(self.fault(
                "a parameter entity within a declaration; the internal subset has them only between declarations",
            ));
        }
        Err(self.fault(why))
    }

    /// Go over blanks; whether there were some.
    pub(super) fn blank(&mut self) -> bool {
        let rest = self.rest().as_bytes();
        let count = rest.iter().take_while(|&&byte| names::is_space(byte));
        let count = count.count();
        self.at += count;
        count > 0
    }

    pub(super) fn need_blank(&mut self) -> Result<(), Fault> {
        if self.blank() {
            return Ok(());
        }
        Err(self.fault("a blank is missing in a declaration"))
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.blank();
        self.need(">", "a declaration does not end in \">\" here")
    }

    pub(super) fn name(&mut self) -> Result<&'a str, Fault> {
        self.word(
            names::name_len(self.rest()),
            "a name is missing in a declaration",
        )
    }

    pub(super) fn token(&mut self) -> Result<&'a str, Fault> {
        self.word(names::token_len(self.rest()), "a name is missing in a list")
    }

    fn word(&mut self, len: usize, why: &'static str) -> Result<&'a str, Fault> {
        if len == 0 {
            return Err(self.fault(why));
        }
        let word = &self.rest()[..len];
        self.at += len;
        Ok(word)
    }

    /// What is between quotes.
    pub(super) fn literal(&mut self) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let quote = rest
            .chars()
            .next()
            .filter(|char| matches!(char, '"' | '\''));
        let Some(quote) = quote else {
            return Err(self.fault("a text in quotes is missing in a declaration"));
        };
        let Some((inner, _)) = rest[1..].split_once(quote) else {
            return Err(self.fault("a quote is missing at the end of a text"));
        };
        self.at += inner.len() + 2;
        Ok(inner)
    }

    /// `SYSTEM "…"` or `PUBLIC "…" "…"`; the address.
    pub(super) fn external_id(&mut self) -> Result<&'a str, Fault> {
        if self.eat("PUBLIC") {
            self.need_blank()?;
            self.public_literal()?;
            self.need_blank()?;
            return self.literal();
        }
        if self.eat("SYSTEM") {
            self.need_blank()?;
            return self.literal();
        }
        Err(self.fault("neither SYSTEM nor PUBLIC is here"))
    }

    /// A public identifier, which has few characters.
    pub(super) fn public_literal(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        let literal = self.literal()?;
        let is_good =
            |byte: u8| byte.is_ascii_alphanumeric() || b" \r\n-'()+,./:=?;!*#@$_%".contains(&byte);
        match literal.bytes().position(|byte| !is_good(byte)) {
            None => Ok(literal),
            Some(at) => Err(Fault::new(
                start + 1 + at,
                "a public identifier has a character that it must not have",
            )),
        }
    }

    /// The rest of a comment.
    pub(super) fn comment(&mut self) -> Result<(), Fault> {
        let Some(end) = self.rest().find("--") else {
            return Err(self.fault("a comment has no end"));
        };
        self.at += end;
        if self.eat("-->") {
            return Ok(());
        }
        Err(self.fault("\"--\" within a comment"))
    }

    /// The rest of a processing instruction.
    pub(super) fn instruction(&mut self) -> Result<(), Fault> {
        let Some(end) = self.rest().find("?>") else {
            return Err(self.fault("a processing instruction has no end"));
        };
        super::super::parser::check_instruction(&self.rest()[..end])
            .map_err(|fault| fault.plus(self.at))?;
        self.at += end + 2;
        Ok(())
    }
}
