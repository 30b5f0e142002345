//! Which version of a file this is: what validators (RFC 9110 section 8.8) are made of.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use sockeye_data::fields::{ETag, date};

/// What the file system says of one version of a file: size, times to the nanosecond, and which file it is.
///
/// Two versions with the same bytes have different tags if the file was written, moved into place or touched in between;
/// two with different bytes never have the same tag once the file has [settled](Version::is_settled).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// How many bytes it has.
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    file: (u64, u64),
}

/// How much of a second two writes may be apart and still have the same time. Kernels count in ticks of up to 10 ms.
const TICK: i128 = 50_000_000;
/// The same for file systems that keep whole seconds only.
const COARSE: i128 = 2_000_000_000;

impl Version {
    /// The version that these metadata are of.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::web::files::Version;
    ///
    /// let file = std::env::current_exe()?;
    /// let version = Version::of(&std::fs::metadata(&file)?);
    /// assert_eq!(version, Version::of(&std::fs::metadata(&file)?));
    /// assert!(version.etag().to_string().starts_with('"'));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            file: (metadata.dev(), metadata.ino()),
        }
    }

    /// When its bytes were last written, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        self.modified.0
    }

    /// Whether the last change is long enough ago that another one would have another time: 50 ms, or 2 s where times are
    /// whole seconds. Until then a tag of it must not be called strong.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // What was changed in the future settles when that has come; after a clock was set back, say.
        let now = now.map_or(0, |now| now.as_nanos());
        let changed = i128::from(self.changed.0) * 1_000_000_000 + i128::from(self.changed.1);
        let is_coarse = self.changed.1 == 0 && self.modified.1 == 0;
        let margin = if is_coarse { COARSE } else { TICK };
        i128::try_from(now).is_ok_and(|now| now - changed > margin)
    }

    /// Its strong tag: size, time of writing, and a digest of the rest. Nobody can tell the number of the file from it.
    pub fn etag(&self) -> ETag {
        self.tagged(false, "")
    }

    /// Its tag when it is sent in this form: weak for a version that may still change unseen.
    pub(super) fn tagged(&self, is_weak: bool, form: &str) -> ETag {
        let (seconds, nanos) = self.modified;
        let mut digest = 0x9e37_79b9_7f4a_7c15_u64;
        for part in [
            self.changed.0.cast_unsigned(),
            self.changed.1.cast_unsigned(),
            self.file.0,
            self.file.1,
        ] {
            digest = mix(digest ^ part);
        }
        let weak = if is_weak { "W/" } else { "" };
        let text = format!(
            "{weak}\"{:x}-{seconds:x}.{nanos:x}-{digest:x}{form}\"",
            self.size
        );
        // Every tag that is printed here can be read.
        ETag::parse(text.as_bytes()).unwrap_or_else(|| unreachable!())
    }

    /// Whether it was written at the same time as the other, or later.
    pub(super) fn is_not_older_than(&self, other: &Self) -> bool {
        self.modified >= other.modified
    }

    /// The value of `Last-Modified`: never in the future, as the clock stands (RFC 9110 section 8.8.2.1).
    pub(super) fn last_modified(&self) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now = i64::try_from(now.as_secs()).ok()?;
        date::print(self.modified.0.min(now))
    }
}

/// A finalizer of SplitMix64: every bit of the input moves about half of the output's.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
