//! What a server says it can do: the answer to `FEAT` (RFC 2389 section 3.2).

use super::reply::Reply;

/// The features of a server; none by default.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{Features, ReplyParser};
///
/// let bytes = b"211-Features:\r\n MLST type*;size*;modify*;\r\n UTF8\r\n211 End\r\n";
/// let (reply, _) = ReplyParser::default().feed(bytes)?.unwrap();
/// let features = Features::of(&reply);
/// assert!(features.has("utf8") && !features.has("MDTM"));
/// assert_eq!(features.value("MLST"), Some("type*;size*;modify*;"));
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features(Vec<(String, String)>);

impl Features {
    /// Those of an answer to `FEAT`. Lines between the first and the last are features, with the blank before them or without:
    /// servers forget it.
    pub fn of(reply: &Reply) -> Self {
        let lines = reply.lines();
        let inner = lines.get(1..lines.len().saturating_sub(1)).unwrap_or(&[]);
        let features = inner.iter().filter_map(|line| {
            let text = std::str::from_utf8(line).ok()?.trim();
            let (name, value) = text.split_once(' ').unwrap_or((text, ""));
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            is_name.then(|| (name.to_ascii_uppercase(), value.trim().to_owned()))
        });
        Self(features.collect())
    }

    /// Whether it has this one; upper and lower case are the same.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// What stands behind the name of this one.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All of them, names in upper case, with what stands behind.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
