//! One line of `cookies.txt`, the file of Netscape, Mozilla, curl and wget: seven fields with tabs between them.

use super::{CookieFault, check};

/// What a line of the file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLine {
    /// Nothing: a comment, or an empty line.
    Nothing,
    /// A cookie.
    Cookie(FileCookie),
}

/// A cookie as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCookie {
    /// The host or domain, without a leading dot.
    pub domain: String,
    /// Whether hosts below the domain get it too.
    pub tail_match: bool,
    /// The path.
    pub path: String,
    /// Only over TLS.
    pub secure: bool,
    /// Not for scripts; written as `#HttpOnly_` before the domain.
    pub http_only: bool,
    /// When it ends, in seconds since 1970; `None` (written as 0) ends with the session.
    pub expires: Option<i64>,
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

const HTTP_ONLY: &[u8] = b"#HttpOnly_";

/// Read one line, without its line feed; a carriage return at its end goes.
///
/// # Errors
///
/// Why it is no line of such a file, in words.
///
/// # Examples
///
/// ```
/// use sockeye_data::cookie::{FileLine, parse_line};
///
/// let line = b"#HttpOnly_.example.org\tTRUE\t/\tFALSE\t0\tid\t7";
/// let FileLine::Cookie(cookie) = parse_line(line)? else { unreachable!() };
/// assert_eq!((&*cookie.domain, cookie.tail_match, cookie.http_only), ("example.org", true, true));
/// assert_eq!(cookie.to_line(), line);
/// assert_eq!(parse_line(b"# Netscape HTTP Cookie File"), Ok(FileLine::Nothing));
/// assert!(parse_line(b"example.org id 7").is_err());
/// # Ok::<(), String>(())
/// ```
pub fn parse_line(line: &[u8]) -> Result<FileLine, String> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    if line.trim_ascii().is_empty() || line.starts_with(b"#") {
        return Ok(FileLine::Nothing);
    }
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let [domain, tail, path, secure, expires, name, rest @ ..] = &*fields else {
        return Err(format!("{} fields instead of 7", fields.len()));
    };
    // An empty value may have lost its tab.
    let value = match rest {
        [] => &b""[..],
        [value] => value,
        _ => return Err(format!("{} fields instead of 7", fields.len())),
    };
    check(name, value).map_err(|fault| fault.to_string())?;
    let text = |bytes: &[u8], what: &str| match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(format!("a {what} that is no text")),
    };
    let domain = text(domain, "domain")?.to_lowercase();
    let domain = domain.strip_prefix('.').unwrap_or(&domain);
    if domain.is_empty() || domain.contains(['/', ' ', '@']) {
        return Err("no domain".to_owned());
    }
    let path = match text(path, "path")? {
        path if path.starts_with('/') => path,
        _ => "/".to_owned(),
    };
    let expires: i64 = std::str::from_utf8(expires)
        .ok()
        .and_then(|text| text.trim().split('.').next()?.parse().ok())
        .ok_or("a time that is no number")?;
    Ok(FileLine::Cookie(FileCookie {
        domain: domain.to_owned(),
        tail_match: word(tail)?,
        path,
        secure: word(secure)?,
        http_only,
        expires: Some(expires).filter(|at| *at > 0),
        name: name.to_vec(),
        value: value.to_vec(),
    }))
}

fn word(field: &[u8]) -> Result<bool, String> {
    if field.eq_ignore_ascii_case(b"TRUE") {
        Ok(true)
    } else if field.eq_ignore_ascii_case(b"FALSE") {
        Ok(false)
    } else {
        Err("neither TRUE nor FALSE".to_owned())
    }
}

impl FileCookie {
    /// The line of this cookie, without a line feed.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        if self.http_only {
            line.extend_from_slice(HTTP_ONLY);
        }
        if self.tail_match {
            line.push(b'.');
        }
        let word = |is: bool| if is { "TRUE" } else { "FALSE" };
        let middle = format!(
            "{}\t{}\t{}\t{}\t{}\t",
            self.domain,
            word(self.tail_match),
            self.path,
            word(self.secure),
            self.expires.unwrap_or(0)
        );
        line.extend_from_slice(middle.as_bytes());
        line.extend_from_slice(&self.name);
        line.push(b'\t');
        line.extend_from_slice(&self.value);
        line
    }

    /// Whether this cookie can stand on a line: nothing in it would tear it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self) -> Result<(), CookieFault> {
        check(&self.name, &self.value)?;
        let mut texts = self.domain.chars().chain(self.path.chars());
        match texts.any(char::is_control) {
            true => Err(CookieFault::Control),
            false => Ok(()),
        }
    }
}
