//! `Content-Digest` and `Repr-Digest` (RFC 9530): checksums of what a message holds.

use data_encoding::BASE64;

use super::structured;
use crate::http1::Headers;

/// The checksums that a field gives, of those that are secure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// `sha-256`.
    pub sha256: Option<[u8; 32]>,
    /// `sha-512`.
    pub sha512: Option<[u8; 64]>,
}

impl Digests {
    /// Read the field of this name. Algorithms that are unknown or broken are passed over; `None` if the field is not there,
    /// an error if it cannot be read: whoever sends a checksum wants it to be looked at.
    ///
    /// # Errors
    ///
    /// A value that is no dictionary of byte sequences, or a checksum of another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_data::fields::Digests;
    /// use sockeye_data::http1::Headers;
    ///
    /// let mut headers = Headers::new();
    /// headers.append("Repr-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")?;
    /// let digests = Digests::parse(&headers, "repr-digest").unwrap().unwrap();
    /// assert_eq!(digests.sha256.unwrap()[..3], [0xe3, 0xb0, 0xc4]);
    /// # Ok::<(), sockeye_data::http1::Error>(())
    /// ```
    pub fn parse(headers: &Headers, name: &str) -> Result<Option<Self>, &'static str> {
        const BROKEN: &str = "a digest field that cannot be read";
        let Some(value) = headers.combined(name) else {
            return Ok(None);
        };
        let mut digests = Self::default();
        for member in value.split(|&byte| byte == b',') {
            let member = std::str::from_utf8(member).map_err(|_| BROKEN)?.trim();
            let (key, value) = member.split_once('=').ok_or(BROKEN)?;
            let text = value.strip_prefix(':').and_then(|it| it.split_once(':'));
            let (text, parameters) = text.ok_or(BROKEN)?;
            if !parameters.is_empty() && !parameters.starts_with(';') {
                return Err(BROKEN);
            }
            let bytes = BASE64.decode(text.as_bytes()).map_err(|_| BROKEN)?;
            match key {
                "sha-256" => digests.sha256 = Some(bytes.try_into().map_err(|_| BROKEN)?),
                "sha-512" => digests.sha512 = Some(bytes.try_into().map_err(|_| BROKEN)?),
                _ if structured::is_key(key) => {}
                _ => return Err(BROKEN),
            }
        }
        Ok(Some(digests))
    }

    /// Whether no checksum is there that can be looked at.
    pub fn is_empty(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_none()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(value: &str) -> Result<Option<Digests>, &'static str> {
        let mut headers = Headers::new();
        headers.append("Content-Digest", value).unwrap();
        Digests::parse(&headers, "content-digest")
    }

    #[test]
    fn known_checksums_are_read_and_others_passed_over() {
        let zeros = BASE64.encode(&[0; 32]);
        let found = read(&format!("md5=:AAAA:, sha-256=:{zeros}:;x=1"))
            .unwrap()
            .unwrap();
        assert_eq!((found.sha256, found.sha512), (Some([0; 32]), None));
        assert!(read("md5=:AAAA:").unwrap().unwrap().is_empty());
        assert_eq!(Digests::parse(&Headers::new(), "content-digest"), Ok(None));
        for broken in [
            "",
            "sha-256",
            "sha-256=abc",
            "sha-256=:AAAA:",
            "sha-256=:AA=A:",
            "sha-256=:",
            "A=:AAAA:",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
