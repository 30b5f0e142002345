//! What is shown of header lines that hold secrets.

use std::borrow::Cow;

use sockeye_data::http1::Field;
use sockeye_data::url::Url;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Headers that are known to hold secrets.
const KNOWN: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];
/// Parts of names that tell that a header holds a secret of somebody's own design.
const TELLING: [&str; 5] = ["token", "secret", "password", "api-key", "apikey"];

/// Which secrets of requests and answers are shown, and which are replaced by `***`.
///
/// By default the values of `Authorization`, `Proxy-Authorization`, `Cookie` and `Set-Cookie` are masked, those of headers
/// whose names say `token`, `secret`, `password`, `api-key` or `apikey`, and user and password of URLs.
/// What is no secret stays: the scheme of a credential, the names of cookies, the attributes of a cookie that is set.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::Masking;
/// use sockeye::data::http1::Headers;
///
/// let mut headers = Headers::new();
/// headers.append("Authorization", "Basic dTpw")?;
/// headers.append("Cookie", "a=1; b=2")?;
/// headers.append("X-Ours", "x")?;
/// let shown = |masking: &Masking| -> Vec<String> {
///     headers.iter().map(|field| String::from_utf8_lossy(&masking.value(&field)).into_owned()).collect()
/// };
/// assert_eq!(shown(&Masking::default()), ["Basic ***", "a=***; b=***", "x"]);
/// assert_eq!(shown(&Masking::default().also("x-ours"))[2], "***");
/// assert_eq!(shown(&Masking::none())[0], "Basic dTpw");
/// # Ok::<(), sockeye::data::http1::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masking {
    is_on: bool,
    also: Vec<String>,
}

impl Default for Masking {
    fn default() -> Self {
        Self {
            is_on: true,
            also: Vec::new(),
        }
    }
}

impl Masking {
    /// Nothing is masked.
    pub fn none() -> Self {
        Self {
            is_on: false,
            also: Vec::new(),
        }
    }

    /// Mask the values of headers of this name, too, in any case.
    #[must_use]
    pub fn also(mut self, name: impl Into<String>) -> Self {
        self.also.push(name.into());
        self
    }

    /// Whether the values of this header are masked.
    pub fn masks(&self, name: &str) -> bool {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        if !self.is_on {
            return false;
        }
        if KNOWN.iter().copied().any(same) || self.also.iter().any(|it| same(it)) {
            return true;
        }
        let name = name.to_ascii_lowercase();
        TELLING.iter().any(|part| name.contains(part))
    }

    /// The value of a header line, as it may be shown. It is not escaped.
    pub fn value<'f>(&self, field: &Field<'f>) -> Cow<'f, [u8]> {
        let name = field.name.to_ascii_lowercase();
        if self.is_on && matches!(&*name, "location" | "referer" | "content-location") {
            return masked_url(field.value);
        }
        if !self.masks(&name) {
            return Cow::Borrowed(field.value);
        }
        let text = String::from_utf8_lossy(field.value);
        let masked = match &*name {
            "cookie" => text.split(';').map(pair).collect::<Vec<_>>().join("; "),
            "set-cookie" => {
                let (cookie, attributes) = text.split_at(text.find(';').unwrap_or(text.len()));
                format!("{}{attributes}", pair(cookie))
            }
            "authorization" | "proxy-authorization" => match text.split_once(' ') {
                Some((scheme, _)) if is_word(scheme) => format!("{scheme} {MASK}"),
                _ => MASK.to_owned(),
            },
            _ => MASK.to_owned(),
        };
        Cow::Owned(masked.into_bytes())
    }

    /// A URL as it may be shown: without its user and password.
    pub fn url(&self, url: &Url) -> String {
        if !self.is_on {
            return url.to_secret_string();
        }
        if url.user().is_none() {
            return url.to_string();
        }
        let shown = url.without_secrets().to_string();
        match url.fragment() {
            Some(fragment) => format!("{shown}#{fragment}"),
            None => shown,
        }
    }

    /// The value of a cookie, as it may be shown.
    pub(super) fn cookie<'v>(&self, value: &'v str) -> &'v str {
        match self.is_on {
            true => MASK,
            false => value,
        }
    }
}

fn is_word(scheme: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    scheme.len() <= 32 && scheme.bytes().all(is_part)
}

/// `name=***`, whatever the value is.
fn pair(cookie: &str) -> String {
    match cookie.trim().split_once('=') {
        Some((name, _)) => format!("{name}={MASK}"),
        None => MASK.to_owned(),
    }
}

/// A URL, or a part of one, without its user and password: what stands between the slashes and an `@` before the path.
fn masked_url(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(start) = value.windows(2).position(|two| two == b"//") else {
        return Cow::Borrowed(value);
    };
    let (before, rest) = value.split_at(start + 2);
    let end = rest.iter().position(|byte| b"/?#\\".contains(byte));
    let authority = &rest[..end.unwrap_or(rest.len())];
    match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => Cow::Owned([before, MASK.as_bytes(), &rest[at..]].concat()),
        None => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use sockeye_data::http1::Headers;

    fn shown(line: &str) -> String {
        let mut headers = Headers::new();
        headers.append_line(line).unwrap();
        let field = headers.iter().next().unwrap();
        String::from_utf8(Masking::default().value(&field).into_owned()).unwrap()
    }

    #[test]
    fn secrets_are_masked_and_what_is_none_stays() {
        for (line, wanted) in [
            ("authorization: Bearer abc.def", "Bearer ***"),
            ("Authorization: abc", "***"),
            ("Proxy-Authorization: Digest username=\"u\"", "Digest ***"),
            ("Cookie: a=1;b=2; c", "a=***; b=***; ***"),
            (
                "Set-Cookie: sid=1=2; Path=/; HttpOnly",
                "sid=***; Path=/; HttpOnly",
            ),
            ("X-Auth-Token: t", "***"),
            ("x-api-key: k", "***"),
            ("Access-Control-Allow-Credentials: true", "true"),
            ("Location: https://u:p@host/a@b", "https://***@host/a@b"),
            ("Location: //u@host", "//***@host"),
            // What looks like a user is masked, too.
            ("Location: /a//b@c", "/a//***@c"),
            ("Location: /next?to=x@y", "/next?to=x@y"),
            ("Referer: http://h/a", "http://h/a"),
            ("Accept: */*", "*/*"),
        ] {
            assert_eq!(shown(line), wanted, "{line}");
        }
    }

    #[test]
    fn urls_lose_user_and_password() {
        let url = Url::parse("http://user:pass@host/x?y#z").unwrap();
        assert_eq!(Masking::default().url(&url), "http://host/x?y#z");
        assert_eq!(Masking::none().url(&url), "http://user:pass@host/x?y#z");
    }
}
