//! The words of a command: shell-like quoting without a shell.
//!
//! Blanks part words. Single quotes, double quotes and a backslash keep blanks and each other; nothing is ever
//! expanded. Percent escapes are decoded after the words are parted, so an escaped blank never parts and an escaped
//! quote never quotes. Splitting and joining stand side by side because each must undo the other.

use sockeye_data::percent::{self, Keep};

use crate::endpoint::refusal::{Fail, Piece};

/// What a word holds without being quoted.
const BARE: Keep = Keep::UNRESERVED.with("/:@,+=");

/// What single quotes hold as it is: all printable ASCII but the quote itself.
const QUOTED: Keep = Keep::UNRESERVED.with(" !\"#$&()*+,/:;<=>?@[\\]^`{|}");

/// Parts a command into words. What stands behind the first unquoted `?` is not its own and comes back apart.
pub(super) fn split(command: Piece<'_>) -> Result<(Vec<Vec<u8>>, Option<Piece<'_>>), Fail> {
    let mut splitter = Splitter::new(command, true);
    let options = splitter.run()?;
    splitter.words.extend(splitter.word);
    Ok((splitter.words, options))
}

/// Parts a command that stands alone, outside an endpoint: no percent escapes, no options.
pub(super) fn split_plain(command: Piece<'_>) -> Result<Vec<Vec<u8>>, Fail> {
    let mut splitter = Splitter::new(command, false);
    splitter.run()?;
    splitter.words.extend(splitter.word);
    Ok(splitter.words)
}

struct Splitter<'a> {
    command: Piece<'a>,
    i: usize,
    words: Vec<Vec<u8>>,
    word: Option<Vec<u8>>,
    /// Whether the command is part of an endpoint, where `%` and `?` have a meaning.
    in_endpoint: bool,
}

impl<'a> Splitter<'a> {
    fn new(command: Piece<'a>, in_endpoint: bool) -> Self {
        Self {
            command,
            i: 0,
            words: Vec::new(),
            word: None,
            in_endpoint,
        }
    }

    fn run(&mut self) -> Result<Option<Piece<'a>>, Fail> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    self.words.extend(self.word.take());
                    self.i += 1;
                }
                // A question mark is one byte, so a boundary follows.
                b'?' if self.in_endpoint => return Ok(Some(self.command.split_at(self.i + 1).1)),
                b'\'' => self.single()?,
                b'"' => self.double()?,
                b'\\' => self.backslash()?,
                _ => self.literal_or_escape()?,
            }
        }
        Ok(None)
    }

    fn peek(&self) -> Option<u8> {
        self.command.text.as_bytes().get(self.i).copied()
    }

    /// Adds this byte, as it is, to the word that is being read.
    fn take(&mut self, byte: u8) {
        self.word.get_or_insert_default().push(byte);
        self.i += 1;
    }

    fn literal_or_escape(&mut self) -> Result<(), Fail> {
        let rest = &self.command.text.as_bytes()[self.i..];
        match rest.first() {
            Some(b'%') if self.in_endpoint => {
                let byte = percent::escape(rest).ok_or_else(|| {
                    self.command
                        .bad_escape(self.i)
                        .hint("a percent sign in a command is written %25, as in exec:date +%25Y")
                })?;
                self.take(byte);
                self.i += 2;
            }
            Some(&byte) => self.take(byte),
            None => {}
        }
        Ok(())
    }

    fn single(&mut self) -> Result<(), Fail> {
        let start = self.open();
        loop {
            match self.peek() {
                None => return Err(self.unbalanced(start, "single")),
                Some(b'\'') => break,
                Some(_) => self.literal_or_escape()?,
            }
        }
        self.i += 1;
        Ok(())
    }

    fn double(&mut self) -> Result<(), Fail> {
        let start = self.open();
        loop {
            match self.peek() {
                None => return Err(self.unbalanced(start, "double")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let next = self.command.text.as_bytes().get(self.i + 1).copied();
                    match next {
                        // Before anything else a backslash in double quotes is only a backslash, as in a shell.
                        Some(byte @ (b'"' | b'\\' | b'$' | b'`' | b'%')) => {
                            self.i += 1;
                            self.take(byte);
                        }
                        _ => self.take(b'\\'),
                    }
                }
                Some(_) => self.literal_or_escape()?,
            }
        }
        self.i += 1;
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), Fail> {
        let at = self.i;
        self.i += 1;
        // Only the first byte of the next character can have a meaning; the others follow as they are.
        let byte = self.peek().ok_or_else(|| {
            self.command
                .fail_at(at, "a backslash with nothing behind it")
                .hint("a backslash itself is written \\\\ or %5C")
        })?;
        self.take(byte);
        Ok(())
    }

    /// Enters a quotation, which makes a word even if it stays empty.
    fn open(&mut self) -> usize {
        self.word.get_or_insert_default();
        self.i += 1;
        self.i - 1
    }

    fn unbalanced(&self, start: usize, kind: &str) -> Fail {
        let code = if kind == "single" { "%27" } else { "%22" };
        self.command
            .fail_at(start, format!("a {kind} quote that is never closed"))
            .hint(format!("a quote itself is written {code}"))
    }
}

/// Writes words so that [`split`] parts them again, each byte as it was.
pub(in crate::endpoint) fn join<'a>(words: impl Iterator<Item = &'a [u8]>) -> String {
    let words: Vec<_> = words.map(quote).collect();
    words.join(" ")
}

fn quote(word: &[u8]) -> String {
    let wants_quotes = |byte: &u8| QUOTED.contains(*byte) && !BARE.contains(*byte);
    if word.is_empty() || word.iter().any(wants_quotes) {
        format!("'{}'", percent::encode_readable(word, QUOTED))
    } else {
        percent::encode_readable(word, BARE)
    }
}
