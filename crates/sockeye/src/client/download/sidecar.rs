//! The small file beside a partial one: what it is a part of, and which bytes of it are there.

use serde::{Deserialize, Serialize};

use super::answer::Version;
use super::spans::Spans;

/// The largest one that is read, in bytes.
pub(super) const LARGEST: u64 = 256 << 10;
/// The most spans that are kept; a file of so many holes is fetched anew.
const MOST_SPANS: usize = 4096;
/// The version of this format.
const FORMAT: u32 = 1;

/// What is known of a partial file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sidecar {
    /// The version of the format: 1.
    sockeye: u32,
    /// Where it comes from, without user, password and fragment.
    pub(crate) url: String,
    /// Which version of the file it is.
    #[serde(flatten)]
    pub(crate) version: Version,
    /// When the server says that it was changed, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) changed: Option<i64>,
    /// Which bytes are there.
    pub(crate) done: Spans,
}

impl Sidecar {
    pub(crate) fn new(url: String, version: Version, changed: Option<i64>) -> Self {
        Self {
            sockeye: FORMAT,
            url,
            version,
            changed,
            done: Spans::default(),
        }
    }

    /// What this file says, if it makes sense. Nothing of it is believed that the partial file itself cannot bear out: bytes
    /// behind its end are not there.
    pub(crate) fn read(bytes: &[u8], part_length: u64) -> Option<Self> {
        let mut it: Self = serde_json::from_slice(bytes).ok()?;
        let is_sound = it.sockeye == FORMAT && it.done.is_sound() && it.done.len() <= MOST_SPANS;
        if !is_sound {
            return None;
        }
        it.done.cut(
            it.version
                .length
                .map_or(part_length, |length| length.min(part_length)),
        );
        Some(it)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        // Text, numbers and lists of numbers are always JSON.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nonsense_is_not() {
        let version = Version {
            length: Some(10),
            etag: Some("\"a\"".into()),
            modified: None,
        };
        let mut it = Sidecar::new("http://h/x".into(), version, Some(7));
        it.done.add(0..4);
        it.done.add(6..9);
        let bytes = it.write();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "{\"sockeye\":1,\"url\":\"http://h/x\",\"length\":10,\"etag\":\"\\\"a\\\"\",\"changed\":7,\"done\":[[0,4],[6,9]]}\n"
        );
        assert_eq!(Sidecar::read(&bytes, 9).as_ref(), Some(&it));
        let cut = Sidecar::read(&bytes, 3).unwrap();
        assert_eq!(cut.done, Spans::up_to(3));
        for text in [
            "",
            "{}",
            "[]",
            "{\"sockeye\":2,\"url\":\"x\",\"done\":[]}",
            "{\"sockeye\":1,\"url\":\"x\",\"done\":[[5,1]]}",
            "{\"sockeye\":1,\"url\":\"x\",\"done\":[[-1,1]]}",
        ] {
            assert!(Sidecar::read(text.as_bytes(), 99).is_none(), "{text}");
        }
        let far = "{\"sockeye\":1,\"url\":\"x\",\"length\":5,\"done\":[[0,18446744073709551615]]}";
        assert_eq!(
            Sidecar::read(far.as_bytes(), 99).unwrap().done,
            Spans::up_to(5)
        );
    }
}
