//! `.netrc`: who one is on which machine, as ftp, curl and wget read it.
//!
//! Words are parted by blanks and line ends; a `#` at the beginning of a line is a comment. A word may stand in quotes, in
//! which `\"`, `\\`, `\t` mean what they do elsewhere. Macros (`macdef`) are skipped.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::netrc::Netrc;
//!
//! let text = b"machine a.example login me password \"p w\"\n\
//!     machine a.example login you password q\n\
//!     default login anonymous password x@y\n";
//! let netrc = Netrc::parse(text)?;
//! assert_eq!(netrc.find("A.example", None).unwrap().password.as_deref(), Some("p w"));
//! assert_eq!(netrc.find("a.example", Some("you")).unwrap().password.as_deref(), Some("q"));
//! assert_eq!(netrc.find("b.example", None).unwrap().login.as_deref(), Some("anonymous"));
//! assert!(netrc.find("a.example", Some("they")).is_none());
//! # Ok::<(), sockeye_data::netrc::NetrcError>(())
//! ```

use std::fmt;

#[cfg(test)]
mod tests;

/// A longer file is refused.
pub const LONGEST_FILE: usize = 1 << 20;
/// A longer word is refused.
pub const LONGEST_WORD: usize = 4096;

/// The logins of a file, in its order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Login>,
}

/// Who one is on a machine. It is never shown with its password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The machine in lower case, without a dot at its end; `None` for the line `default`.
    pub machine: Option<String>,
    /// The user.
    pub login: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A second password, which some servers of FTP ask for.
    pub account: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("machine", &self.machine)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.entries).finish()
    }
}

/// What is wrong with the file, and in which line. It quotes nothing: what is there may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetrcError {
    line: usize,
    what: &'static str,
}

impl NetrcError {
    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.what, self.line)
    }
}

impl std::error::Error for NetrcError {}

impl Netrc {
    /// Read the whole file.
    ///
    /// # Errors
    ///
    /// A file or a word that is too long, a NUL, a carriage return or a line feed within a word, quotes that do not end, a
    /// keyword without its word, a text that is not UTF-8. One such place spoils the file: a login that was read wrongly
    /// would be sent to somebody.
    pub fn parse(text: &[u8]) -> Result<Self, NetrcError> {
        let mut words = Words {
            rest: text,
            line: 1,
            begins_line: true,
        };
        if text.len() > LONGEST_FILE {
            return Err(words.error("a file of more than 1 MiB"));
        }
        let mut entries: Vec<Login> = Vec::new();
        while let Some(word) = words.next()? {
            match (&*word, entries.last_mut()) {
                ("machine", _) => entries.push(Login {
                    machine: Some(canonical(&words.value()?)),
                    ..Login::default()
                }),
                ("default", _) => entries.push(Login::default()),
                ("macdef", _) => words.skip_macro(),
                ("login" | "user", Some(entry)) => entry.login = Some(words.value()?),
                ("password" | "passwd", Some(entry)) => entry.password = Some(words.value()?),
                ("account", Some(entry)) => entry.account = Some(words.value()?),
                // What nobody knows is skipped, as ftp does.
                _ => {}
            }
        }
        Ok(Self { entries })
    }

    /// All logins, in the order of the file.
    pub fn entries(&self) -> &[Login] {
        &self.entries
    }

    /// The login for this machine, and for this user if one is given: the first that fits. `default` fits every machine, and
    /// counts only behind those that are named before it.
    pub fn find(&self, machine: &str, user: Option<&str>) -> Option<&Login> {
        let machine = canonical(machine);
        let fits = |entry: &&Login| {
            let is_there = entry.machine.as_ref().is_none_or(|it| *it == machine);
            let is_who = match (user, &entry.login) {
                (Some(user), Some(login)) => user == login,
                _ => true,
            };
            is_there && is_who
        };
        let found = self
            .entries
            .iter()
            .find(|entry| entry.machine.is_some() && fits(entry));
        found.or_else(|| self.entries.iter().find(fits))
    }
}

/// Hosts are compared in lower case, without a dot at the end.
fn canonical(host: &str) -> String {
    let host = host.to_lowercase();
    host.strip_suffix('.').map_or(host.clone(), str::to_owned)
}

struct Words<'a> {
    rest: &'a [u8],
    line: usize,
    begins_line: bool,
}

impl Words<'_> {
    fn error(&self, what: &'static str) -> NetrcError {
        NetrcError {
            line: self.line,
            what,
        }
    }

    /// The word that a keyword needs.
    fn value(&mut self) -> Result<String, NetrcError> {
        let line = self.line;
        let missing = NetrcError {
            line,
            what: "a keyword without its word",
        };
        // Here a `#` is the beginning of a word.
        self.begins_line = false;
        self.word(false)?.ok_or(missing)
    }

    fn next(&mut self) -> Result<Option<String>, NetrcError> {
        self.word(true)
    }

    fn word(&mut self, comments: bool) -> Result<Option<String>, NetrcError> {
        loop {
            match self.rest {
                [] => return Ok(None),
                [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => {
                    self.line += 1;
                    self.rest = rest;
                    self.begins_line = true;
                }
                [b' ' | b'\t', rest @ ..] => self.rest = rest,
                [b'#', ..] if comments && self.begins_line => {
                    let end = self.rest.iter().position(|byte| *byte == b'\n');
                    self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
                }
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return self.quoted().map(Some);
                }
                _ => return self.plain().map(Some),
            }
        }
    }

    fn plain(&mut self) -> Result<String, NetrcError> {
        let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
        let end = self.rest.iter().position(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let word = match word.strip_suffix(b"\r") {
            Some(word) if rest.is_empty() || rest.starts_with(b"\n") => word,
            _ => word,
        };
        self.finish(word.to_vec())
    }

    fn quoted(&mut self) -> Result<String, NetrcError> {
        let mut word = Vec::new();
        let mut bytes = self.rest.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    return self.finish(word);
                }
                b'\n' => break,
                b'\\' => word.push(match bytes.next().map(|(_, byte)| *byte) {
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'\n') | None => break,
                    Some(other) => other,
                }),
                other => word.push(*other),
            }
        }
        Err(self.error("quotes that do not end in their line"))
    }

    fn finish(&mut self, word: Vec<u8>) -> Result<String, NetrcError> {
        self.begins_line = false;
        if word.len() > LONGEST_WORD {
            return Err(self.error("a word of more than 4096 bytes"));
        }
        if word.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(self.error("a NUL, a carriage return or a line feed within a word"));
        }
        String::from_utf8(word).map_err(|_| self.error("a word that is not UTF-8"))
    }

    /// Up to the next empty line.
    fn skip_macro(&mut self) {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let end = end.map_or(self.rest.len(), |at| at + 1);
            let (line, rest) = self.rest.split_at(end);
            self.rest = rest;
            self.line += usize::from(line.ends_with(b"\n"));
            self.begins_line = true;
            if line.trim_ascii().is_empty() {
                return;
            }
        }
    }
}
