//! Ids: what tells answers apart, byte by byte as it came.

use std::fmt;

use crate::json;
use crate::value::{Text, Value};

/// The id of a request: the JSON of a string, a number or `null`, exactly as it was written.
///
/// Two ids are the same only if all their bytes are: `1` is neither `"1"` nor `1.0`.
///
/// ```
/// use sockeye_data::jsonrpc::Id;
///
/// assert_eq!(Id::from(7).as_json(), "7");
/// assert_eq!(Id::from("a\"b").as_json(), r#""a\"b""#);
/// assert_ne!(Id::from(7), Id::from("7"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Text);

impl Id {
    /// `null`: what an error has that belongs to no request.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.0 == "null"
    }

    /// Its JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The whole number that it is, written as we write numbers.
    pub fn as_u64(&self) -> Option<u64> {
        let is_plain = self.0.bytes().all(|byte| byte.is_ascii_digit());
        let is_canonical = self.0 == "0" || !self.0.starts_with('0');
        (is_plain && is_canonical)
            .then(|| self.0.parse().ok())
            .flatten()
    }

    /// An id that was read; `None` if it is none of the three kinds. `raw` is its text where that differs from what is made of
    /// the value again: a string with escapes.
    pub(super) fn read(value: &Value, raw: Option<&str>) -> Option<Self> {
        match (value, raw) {
            (Value::Null | Value::Number(_) | Value::String(_), Some(raw)) => {
                Some(Self(raw.into()))
            }
            (Value::Null, None) => Some(Self::null()),
            // Numbers keep their text.
            (Value::Number(number), None) => Some(Self(number.to_string().into())),
            (Value::String(text), None) => {
                let mut quoted = Text::with_capacity(text.len() + 2);
                quoted.push('"');
                quoted.push_str(text);
                quoted.push('"');
                Some(Self(quoted))
            }
            _ => None,
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self(ecow::eco_format!("{number}"))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(json::to_string(&text.into()).into())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
