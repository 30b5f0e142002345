//! Commands (RFC 959 section 5.3): a verb, perhaps an argument, and the end of the line.

use std::fmt;

use super::fault::{Fault, FaultKind};
use crate::escape;

/// The longest verb. They have three or four letters; those of `SITE` and the like are arguments.
const VERB: usize = 8;
/// The longest argument in bytes: as long as a path of this system.
const ARGUMENT: usize = 4096;

/// A command that is one line, whatever its argument holds.
///
/// Printing, in `{}` and in `{:?}`, masks what is secret: the arguments of `PASS` and `ACCT`.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::Command;
///
/// let command = Command::of("pass", Some(b"s3cret"))?;
/// assert_eq!(command.line(), b"PASS s3cret\r\n");
/// assert_eq!(command.to_string(), "PASS ***");
/// assert_eq!(Command::of("RETR", Some(b"a\nb")).unwrap_err().to_string(),
///     "a line break in the argument of RETR (RFC 959 section 5.3)");
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    verb: String,
    argument: Option<Vec<u8>>,
}

impl Command {
    /// A command; the verb is written in upper case.
    ///
    /// # Errors
    ///
    /// A verb of other bytes than letters, or of more than 8; an argument with a line break, a NUL or byte 255, or of more than
    /// 4 KiB. An argument that is empty is none at all.
    pub fn of(verb: &str, argument: Option<&[u8]>) -> Result<Self, Fault> {
        const RULE: &str = "RFC 959 section 5.3";
        let unwritable = |what: String| Fault::new(FaultKind::Unwritable, what, RULE);
        let is_verb =
            (1..=VERB).contains(&verb.len()) && verb.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_verb {
            let shown = escape::escape_start(verb.as_bytes(), 20);
            return Err(unwritable(format!("`{shown}` as a command")));
        }
        let verb = verb.to_ascii_uppercase();
        let argument = argument.filter(|argument| !argument.is_empty());
        if let Some(argument) = argument {
            let bad = argument
                .iter()
                .find(|byte| matches!(byte, b'\r' | b'\n' | 0 | 0xff));
            let what = match bad {
                None if argument.len() > ARGUMENT => format!("more than {ARGUMENT} bytes"),
                None => String::new(),
                Some(0) => "a NUL".to_owned(),
                Some(0xff) => "byte 255, which is an order of Telnet,".to_owned(),
                Some(_) => "a line break".to_owned(),
            };
            if !what.is_empty() {
                return Err(unwritable(format!("{what} in the argument of {verb}")));
            }
        }
        Ok(Self {
            verb,
            argument: argument.map(<[u8]>::to_vec),
        })
    }

    /// A command as somebody typed it: verb, a blank, the rest.
    ///
    /// # Errors
    ///
    /// As with [`Command::of`].
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let end = text.iter().position(|&byte| byte == b' ');
        let (verb, argument) = match end {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        Self::of(&String::from_utf8_lossy(verb), argument)
    }

    /// The verb in upper case.
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// The line that is sent, its end included; secrets too: not for showing.
    pub fn line(&self) -> Vec<u8> {
        let mut line = self.verb.clone().into_bytes();
        if let Some(argument) = &self.argument {
            line.push(b' ');
            line.extend_from_slice(argument);
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verb)?;
        match &self.argument {
            Some(_) if matches!(self.verb.as_str(), "PASS" | "ACCT") => f.write_str(" ***"),
            Some(argument) => write!(f, " {}", escape::escape(argument)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}
