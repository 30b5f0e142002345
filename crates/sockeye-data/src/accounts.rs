//! Files of accounts, as htpasswd(1) writes them: a line `USER:HASH` for each user; and the forms of hash that are good
//! enough to be used.
//!
//! Empty lines and lines that begin with `#` are passed over. One bad line spoils the file: an account that is not there
//! would lock somebody out, or let somebody in by another rule.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::accounts::{self, Hash};
//!
//! let text = "# people\nann:$2y$05$abcdefghijklmnopqrstuuKbF5r5wQwXPBDXcVnNe8mUqC3V6vXIm\n";
//! let entries = accounts::parse(text.as_bytes())?;
//! assert_eq!(entries[0].name, "ann");
//! assert!(matches!(Hash::parse(&entries[0].secret), Ok(Hash::Bcrypt(_))));
//! # Ok::<(), accounts::AccountsError>(())
//! ```

use std::collections::HashSet;
use std::fmt;

use data_encoding::BASE64_NOPAD;

#[cfg(test)]
mod tests;

/// A longer file is refused.
pub const LONGEST_FILE: usize = 4 << 20;
/// A longer name or secret is refused.
pub const LONGEST_WORD: usize = 1024;

/// A line of the file. It is never shown with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The user, or the name of a token.
    pub name: String,
    /// What follows the first colon, up to a second one if there is one behind a hash.
    pub secret: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the file, and in which line. It quotes nothing: what is there may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsError {
    /// The line, counted from 1.
    pub line: usize,
    what: &'static str,
}

impl fmt::Display for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.what, self.line)
    }
}

impl std::error::Error for AccountsError {}

/// Read the whole file.
///
/// # Errors
///
/// A file, a name or a secret that is too long, a line without a colon, a name that cannot be one, a name twice, text that
/// is not UTF-8 or has control characters.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, AccountsError> {
    let at = |line, what| AccountsError { line, what };
    if text.len() > LONGEST_FILE {
        return Err(at(1, "a file of more than 4 MiB"));
    }
    let mut entries = Vec::new();
    let mut names = HashSet::new();
    for (index, bytes) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = index + 1;
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| at(line, "text that is not UTF-8"))?;
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, secret) = split(text).map_err(|what| at(line, what))?;
        if !names.insert(name) {
            return Err(at(line, "a name that was there before"));
        }
        entries.push(Entry {
            name: name.to_owned(),
            secret: secret.to_owned(),
            line,
        });
    }
    Ok(entries)
}

/// The two halves of `NAME:SECRET`.
///
/// # Errors
///
/// What is wrong with it, without a word of it.
pub fn split(text: &str) -> Result<(&str, &str), &'static str> {
    let (name, secret) = text.split_once(':').ok_or("no colon behind the name")?;
    if name.is_empty() || name.starts_with('@') || name.contains([' ', ',', '\t']) {
        return Err("a name that is empty, begins with @ or has blanks or commas");
    }
    if secret.is_empty() {
        return Err("nothing behind the colon");
    }
    if name.len() > LONGEST_WORD || secret.len() > LONGEST_WORD {
        return Err("a name or a secret of more than 1024 bytes");
    }
    if name.chars().chain(secret.chars()).any(char::is_control) {
        return Err("a control character");
    }
    Ok((name, secret))
}

/// What a password is compared with.
#[derive(Clone, PartialEq, Eq)]
pub enum Hash {
    /// `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH` (RFC 9106), and argon2i and argon2d.
    Argon2(Argon2),
    /// `$2y$10$...`, also as `$2a$`, `$2b$`: what `htpasswd -B` writes.
    Bcrypt(String),
    /// `$5$...` and `$6$...`: what `openssl passwd -5` and `-6` write.
    ShaCrypt(String),
}

/// The pieces of an argon2 hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2 {
    /// `argon2id`, `argon2i` or `argon2d`.
    pub algorithm: &'static str,
    /// 0x10 or 0x13.
    pub version: u32,
    /// KiB of memory: 256 MiB at most.
    pub memory: u32,
    /// Passes: 64 at most.
    pub passes: u32,
    /// Lanes: 16 at most.
    pub lanes: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// The hash.
    pub hash: Vec<u8>,
}

/// Never shown: who has the hash can guess at the password.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argon2(_) => "Hash(argon2)",
            Self::Bcrypt(_) => "Hash(bcrypt)",
            Self::ShaCrypt(_) => "Hash(sha-crypt)",
        })
    }
}

impl fmt::Debug for Argon2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argon2")
    }
}

impl Hash {
    /// Whether this text looks like a hash rather than a password: `$name$...` or `{NAME}...`.
    pub fn is_meant(text: &str) -> bool {
        let between = |open: char, close: char| {
            let word = text.strip_prefix(open)?.split_once(close)?.0;
            let is_word = word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (is_word && !word.is_empty()).then_some(())
        };
        between('$', '$').or(between('{', '}')).is_some()
    }

    /// Read a hash.
    ///
    /// # Errors
    ///
    /// Another form, or one that would cost too much; without a word of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let kind = text
            .strip_prefix('$')
            .and_then(|rest| rest.split('$').next());
        match kind {
            Some("argon2id" | "argon2i" | "argon2d") => {
                let argon2 =
                    Argon2::parse(text).ok_or("an argon2 hash that is broken or too costly")?;
                Ok(Self::Argon2(argon2))
            }
            Some("2a" | "2b" | "2y" | "2x") => match is_bcrypt(text) {
                true => Ok(Self::Bcrypt(text.to_owned())),
                false => Err("a bcrypt hash that is broken or too costly"),
            },
            Some("5" | "6") => match is_sha_crypt(text) {
                true => Ok(Self::ShaCrypt(text.to_owned())),
                false => Err("a sha-crypt hash that is broken or too costly"),
            },
            Some("apr1" | "1") => {
                Err("an MD5 hash, which is too weak; `htpasswd -B` makes a good one")
            }
            _ if text.starts_with("{SHA}") => {
                Err("an unsalted SHA-1 hash, which is too weak; `htpasswd -B` makes a good one")
            }
            _ => Err(
                "no hash of argon2, bcrypt or sha-crypt; `sockeye serve --hash-password` makes one",
            ),
        }
    }
}

impl Argon2 {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix('$')?.split('$');
        let algorithm = ["argon2id", "argon2i", "argon2d"];
        let name = fields.next()?;
        let algorithm = algorithm.into_iter().find(|it| *it == name)?;
        let mut next = fields.next()?;
        let mut version = 0x10;
        if let Some(number) = next.strip_prefix("v=") {
            version = number.parse().ok().filter(|it| matches!(it, 0x10 | 0x13))?;
            next = fields.next()?;
        }
        let mut costs = next.split(',');
        let mut cost = |name: &str, most: u32| -> Option<u32> {
            let number = costs.next()?.strip_prefix(name)?.strip_prefix('=')?;
            number.parse().ok().filter(|it| (1..=most).contains(it))
        };
        let (memory, passes, lanes) = (cost("m", 256 << 10)?, cost("t", 64)?, cost("p", 16)?);
        let salt = decode(fields.next()?, 8..=64)?;
        let hash = decode(fields.next()?, 16..=64)?;
        let is_whole = costs.next().is_none() && fields.next().is_none() && memory >= 8 * lanes;
        is_whole.then_some(Self {
            algorithm,
            version,
            memory,
            passes,
            lanes,
            salt,
            hash,
        })
    }

    /// The hash as text, as [`Hash::parse`] reads it.
    pub fn to_text(&self) -> String {
        format!(
            "${}$v={}$m={},t={},p={}${}${}",
            self.algorithm,
            self.version,
            self.memory,
            self.passes,
            self.lanes,
            BASE64_NOPAD.encode(&self.salt),
            BASE64_NOPAD.encode(&self.hash)
        )
    }
}

fn decode(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    let bytes = BASE64_NOPAD.decode(text.as_bytes()).ok()?;
    lengths.contains(&bytes.len()).then_some(bytes)
}

/// `$2y$10$` and 53 letters; a cost of 4 to 16, which is some seconds.
fn is_bcrypt(text: &str) -> bool {
    let mut fields = text.split('$').skip(2);
    let cost = fields.next().filter(|it| it.len() == 2);
    let cost = cost.and_then(|it| it.parse::<u32>().ok());
    let rest = fields.next().unwrap_or_default();
    cost.is_some_and(|cost| (4..=16).contains(&cost))
        && rest.len() == 53
        && rest.bytes().all(is_crypt_letter)
        && fields.next().is_none()
}

/// `$6$`, perhaps `rounds=N$`, a salt, a hash; a million rounds at most.
fn is_sha_crypt(text: &str) -> bool {
    let length = if text.starts_with("$5$") { 43 } else { 86 };
    let mut fields = text.split('$').skip(2).peekable();
    if let Some(rounds) = fields.peek().and_then(|it| it.strip_prefix("rounds=")) {
        let fits = |rounds: u32| (1000..=1_000_000).contains(&rounds);
        if !rounds.parse().is_ok_and(fits) {
            return false;
        }
        fields.next();
    }
    let salt = fields.next().unwrap_or_default();
    let hash = fields.next().unwrap_or_default();
    (1..=16).contains(&salt.len())
        && hash.len() == length
        && salt.bytes().chain(hash.bytes()).all(is_crypt_letter)
        && fields.next().is_none()
}

fn is_crypt_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}
