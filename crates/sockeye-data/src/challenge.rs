//! Challenges of servers and proxies: who are you (RFC 9110 section 11.6)?
//!
//! One header may hold several challenges, and one answer several headers. Commas part challenges as well as their
//! parameters, so it takes a reader to tell them apart.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::challenge::{self, Challenge};
//!
//! let value = br#"Digest realm="a \"b\", c", qop="auth,auth-int", Basic realm=x, Negotiate dG9rZW4="#;
//! let found: Vec<Challenge> = challenge::parse(value);
//! let names: Vec<&str> = found.iter().map(|it| it.scheme.as_str()).collect();
//! assert_eq!(names, ["digest", "basic", "negotiate"]);
//! assert_eq!(found[0].parameter("realm"), Some(&b"a \"b\", c"[..]));
//! assert_eq!(found[2].token68.as_deref(), Some("dG9rZW4="));
//! ```

use crate::http1::syntax::{is_blank, is_token_byte};

#[cfg(test)]
mod tests;

/// At most this many challenges are read of one header.
pub const MOST_CHALLENGES: usize = 32;
/// At most this many parameters are read of one challenge.
pub const MOST_PARAMETERS: usize = 32;

/// One challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `basic`, `digest`, `bearer`.
    pub scheme: String,
    /// What stands behind the scheme instead of parameters.
    pub token68: Option<String>,
    /// Parameters: names in lower case, values without quotes.
    pub parameters: Vec<(String, Vec<u8>)>,
}

impl Challenge {
    /// The value of a parameter, whose name is given in lower case; the first of several.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.parameters.iter();
        all.find(|(it, _)| it == name).map(|(_, value)| &**value)
    }

    /// The same as text, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.parameter(name)?).ok()
    }
}

/// Read the value of one `WWW-Authenticate` or `Proxy-Authenticate` header. What makes no sense ends the reading: what stands
/// before it counts.
pub fn parse(value: &[u8]) -> Vec<Challenge> {
    let mut reader = Reader { rest: value };
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        reader.separators();
        let Some(word) = reader.token() else {
            return found;
        };
        // `name = value` goes on with the challenge before it; `name` alone begins one.
        if let Some(last) = found.last_mut()
            && reader.peeks_parameter()
        {
            let Some(value) = reader.value() else {
                return found;
            };
            if last.parameters.len() < MOST_PARAMETERS {
                last.parameters.push((word.to_ascii_lowercase(), value));
            }
            continue;
        }
        if found.len() == MOST_CHALLENGES {
            return found;
        }
        let token68 = reader.token68();
        found.push(Challenge {
            scheme: word.to_ascii_lowercase(),
            token68,
            parameters: Vec::new(),
        });
    }
}

/// Read a list of parameters without a scheme: `Authentication-Info` (RFC 7615).
pub fn parameters(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut reader = Reader { rest: value };
    let mut found = Vec::new();
    while found.len() < MOST_PARAMETERS {
        reader.separators();
        let Some(name) = reader.token() else { break };
        let Some(value) = reader.value() else { break };
        found.push((name.to_ascii_lowercase(), value));
    }
    found
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn skip(&mut self, is: impl Fn(u8) -> bool) {
        let end = self.rest.iter().position(|byte| !is(*byte));
        self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
    }

    fn separators(&mut self) {
        self.skip(|byte| is_blank(byte) || byte == b',');
    }

    fn token(&mut self) -> Option<&'a str> {
        let length = self
            .rest
            .iter()
            .take_while(|byte| is_token_byte(**byte))
            .count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(token)
            .ok()
            .filter(|token| !token.is_empty())
    }

    /// Whether an equals sign comes next, blanks aside, and a value behind it.
    fn peeks_parameter(&self) -> bool {
        let mut ahead = Reader { rest: self.rest };
        ahead.skip(is_blank);
        ahead.rest.starts_with(b"=")
    }

    /// `= value`, quoted or not.
    fn value(&mut self) -> Option<Vec<u8>> {
        self.skip(is_blank);
        self.rest = self.rest.strip_prefix(b"=")?;
        self.skip(is_blank);
        match self.rest.strip_prefix(b"\"") {
            Some(inner) => {
                self.rest = inner;
                self.quoted()
            }
            // Not only tokens: many servers leave out quotes that should be there.
            None => {
                let end = self
                    .rest
                    .iter()
                    .position(|byte| *byte == b',' || is_blank(*byte));
                let (value, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                Some(value.to_vec())
            }
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut bytes = self.rest.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(out);
                }
                b'\\' => out.push(*bytes.next()?.1),
                other => out.push(*other),
            }
        }
        None
    }

    /// What stands behind a scheme, if that is one word and no parameter.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = Reader { rest: self.rest };
        ahead.skip(is_blank);
        if ahead.rest.len() == self.rest.len() {
            return None;
        }
        let word = ahead.rest;
        ahead.skip(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        let bare = word.len() - ahead.rest.len();
        ahead.skip(|byte| byte == b'=');
        let whole = word.len() - ahead.rest.len();
        ahead.skip(is_blank);
        let is_alone = ahead.rest.is_empty() || ahead.rest.starts_with(b",");
        if bare == 0 || !is_alone {
            return None;
        }
        // `Basic realm=` with an empty value ends like a token68: names of parameters are no base64 of anything.
        if word[..bare].eq_ignore_ascii_case(b"realm") {
            return None;
        }
        self.rest = ahead.rest;
        std::str::from_utf8(&word[..whole]).ok().map(str::to_owned)
    }
}
