//! References resolved against a URL (RFC 3986 section 5), and where redirects lead.

use super::{Scheme, Url, UrlError};
use crate::percent::{self, Keep};

impl Url {
    /// Resolve a reference: a URL, `//host/…`, `/…`, `?…`, `#…` or a relative path.
    ///
    /// User and password go along only to the same origin.
    ///
    /// # Errors
    ///
    /// As with [`parse`](Self::parse); or this is a `data:` URL and the reference is relative.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        if let Some((name, _)) = reference.split_once(':')
            && !name.is_empty()
            && !name.contains(['/', '?', '#'])
            && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            return Self::parse(reference);
        }
        if self.scheme == Scheme::Data {
            return Err(UrlError::new(
                0,
                "it is relative to a data URL, which has no path",
            ));
        }
        super::typed::refuse(reference, self.scheme)?;
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme.as_str()));
        }
        let normal = self
            .normal
            .join(reference)
            .map_err(|error| UrlError::new(0, error.to_string()))?;
        let mut joined = Self {
            normal,
            ..self.clone()
        };
        joined.typed_target = joined.target();
        joined.typed = joined.to_secret_string();
        Ok(joined)
    }

    /// Where a `Location` leads.
    ///
    /// Blanks around it go, blanks and bytes beyond ASCII in it are encoded, as browsers do. Without a fragment of its
    /// own it takes over the one of this URL (RFC 9110 section 10.2.2). Whether the scheme and the place are allowed is for
    /// the caller to say.
    ///
    /// # Errors
    ///
    /// As with [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::url::Url;
    ///
    /// let url = Url::parse("http://a.example/b/c?d#e")?;
    /// assert_eq!(url.redirect(b" ../x y\xe4 ")?.to_string(), "http://a.example/x%20y%E4#e");
    /// assert_eq!(url.redirect(b"//b.example#f")?.to_string(), "http://b.example/#f");
    /// assert!(url.redirect(b"\\\\evil.example").is_err());
    /// # Ok::<(), sockeye_data::url::UrlError>(())
    /// ```
    pub fn redirect(&self, location: &[u8]) -> Result<Self, UrlError> {
        const ALL: Keep = Keep::PATH.with("?#[]\"<>\\^`{|}%");
        let mut text = String::new();
        for chunk in location.trim_ascii().utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    ' ' => text.push_str("%20"),
                    other => text.push(other),
                }
            }
            text += &percent::encode(chunk.invalid(), ALL);
        }
        let mut to = self.join(&text)?;
        if to.fragment().is_none() && to.scheme != Scheme::Data {
            to.normal.set_fragment(self.fragment());
            to.typed = to.to_secret_string();
        }
        Ok(to)
    }
}
