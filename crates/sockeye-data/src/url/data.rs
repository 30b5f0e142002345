//! `data:` URLs (RFC 2397): the body is in the URL.

use data_encoding::BASE64_NOPAD;

use super::{Scheme, Url, UrlError};
use crate::fields::MediaType;

/// What a `data:` URL holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUrl {
    /// The media type as it was written; `text/plain;charset=US-ASCII` if there was none.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Url {
    /// The body of a `data:` URL; `None` for any other.
    ///
    /// # Errors
    ///
    /// No comma, or base64 that is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::url::Url;
    ///
    /// let data = Url::parse("data:text/html;base64,PGI+aGk8L2I+")?.data()?.unwrap();
    /// assert_eq!((data.media_type.as_str(), data.body.as_slice()), ("text/html", &b"<b>hi</b>"[..]));
    /// # Ok::<(), sockeye_data::url::UrlError>(())
    /// ```
    pub fn data(&self) -> Result<Option<DataUrl>, UrlError> {
        const START: usize = "data:".len();
        if self.scheme != Scheme::Data {
            return Ok(None);
        }
        let Some((head, body)) = self.typed_target.split_once(',') else {
            return Err(UrlError::new(START, "a data URL without a comma"));
        };
        let (media, is_base64) = match head.rsplit_once(';') {
            Some((media, last)) if last.trim().eq_ignore_ascii_case("base64") => (media, true),
            _ => (head, false),
        };
        let mut bytes = super::query::decode_lenient(body);
        if is_base64 {
            bytes.retain(|byte| !byte.is_ascii_whitespace());
            let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
            bytes.truncate(bytes.len() - padding);
            bytes = BASE64_NOPAD.decode(&bytes).map_err(|_| {
                UrlError::new(
                    START + head.len() + 1,
                    "a data URL whose body is not base64",
                )
            })?;
        }
        let media_type = if media.starts_with(';') {
            format!("text/plain{media}")
        } else {
            media.to_owned()
        };
        let media_type = match MediaType::parse(media_type.as_bytes()) {
            Some(_) => media_type,
            None => "text/plain;charset=US-ASCII".to_owned(),
        };
        Ok(Some(DataUrl {
            media_type,
            body: bytes,
        }))
    }
}
