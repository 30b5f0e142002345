//! Checksums: what a file should be, and hashing it while it comes.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::digest::{Digest, DynDigest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::part::Writer;
use crate::error::{Error, Kind, Operation, Result};

/// How a checksum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5: finds accidents, and nobody who means harm.
    Md5,
    /// SHA-1: finds accidents, and hardly anybody who means harm.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

const ALL: &[Algorithm] = &[
    Algorithm::Md5,
    Algorithm::Sha1,
    Algorithm::Sha224,
    Algorithm::Sha256,
    Algorithm::Sha384,
    Algorithm::Sha512,
];

impl Algorithm {
    /// Its name: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of this name, in any case, with dashes or without: `SHA-256`.
    pub fn named(name: &str) -> Option<Self> {
        let bare: String = name.chars().filter(|it| *it != '-' && *it != '_').collect();
        ALL.iter()
            .copied()
            .find(|it| it.name().eq_ignore_ascii_case(&bare))
    }

    /// How many bytes it gives.
    pub fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The one that gives so many bytes.
    pub(super) fn of_length(length: usize) -> Option<Self> {
        ALL.iter().copied().find(|it| it.length() == length)
    }

    fn hasher(self) -> Box<dyn DynDigest + Send> {
        match self {
            Self::Md5 => Box::new(md5::Md5::new()),
            Self::Sha1 => Box::new(sha1::Sha1::new()),
            Self::Sha224 => Box::new(sha2::Sha224::new()),
            Self::Sha256 => Box::new(sha2::Sha256::new()),
            Self::Sha384 => Box::new(sha2::Sha384::new()),
            Self::Sha512 => Box::new(sha2::Sha512::new()),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checksum, written as `sha256:` and its digits.
///
/// # Examples
///
/// ```
/// use sockeye::client::download::{Algorithm, Checksum};
///
/// let checksum: Checksum = "md5:d41d8cd98f00b204e9800998ecf8427e".parse()?;
/// assert_eq!(checksum.algorithm(), Algorithm::Md5);
/// assert!("sha256:d41d8cd98f00b204e9800998ecf8427e".parse::<Checksum>().is_err());
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Checksum {
    pub(super) fn new(algorithm: Algorithm, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == algorithm.length()).then_some(Self { algorithm, digest })
    }

    /// Digits of base 16, in any case; their number tells the algorithm unless it is given.
    pub(super) fn from_hex(algorithm: Option<Algorithm>, hex: &str) -> Option<Self> {
        let digest = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
        let algorithm = algorithm.or_else(|| Algorithm::of_length(digest.len()))?;
        Self::new(algorithm, digest)
    }

    /// As headers have it.
    pub(super) fn from_base64(algorithm: &str, base64: &str) -> Option<Self> {
        let algorithm = match algorithm {
            "sha" => Algorithm::Sha1,
            other => Algorithm::named(other)?,
        };
        Self::new(algorithm, BASE64.decode(base64.as_bytes()).ok()?)
    }

    /// How it was computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its digits, base 16 in lower case.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl FromStr for Checksum {
    type Err = Error;

    /// Read `ALGORITHM:HEX`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for another form, an unknown algorithm, or a wrong number of digits.
    fn from_str(text: &str) -> Result<Self> {
        const FORM: &str = "a checksum looks like sha256:e3b0c4…; md5, sha1, sha224, sha256, sha384 and sha512 are known";
        let refuse = |why: String| Error::new(Kind::Usage, Operation::Parse, why).with_hint(FORM);
        let Some((name, hex)) = text.split_once(':') else {
            return Err(refuse(format!(
                "`{text}` is not a checksum: it has no colon"
            )));
        };
        let algorithm = Algorithm::named(name)
            .ok_or_else(|| refuse(format!("`{name}` is not a known kind of checksum")))?;
        Self::from_hex(Some(algorithm), hex.trim()).ok_or_else(|| {
            let digits = algorithm.length() * 2;
            refuse(format!(
                "`{hex}` is not a checksum of {algorithm}, which has {digits} digits of base 16"
            ))
        })
    }
}

/// Hashes a file on another thread while it is written: always what is there without a gap.
pub(super) struct Hashing {
    ready: mpsc::UnboundedSender<u64>,
    thread: JoinHandle<Result<Vec<Checksum>, std::io::Error>>,
}

/// How much is read at once.
const PIECE: usize = 256 << 10;

impl Hashing {
    pub(super) fn start(algorithms: Vec<Algorithm>, file: Writer) -> Self {
        let (ready, mut wanted) = mpsc::unbounded_channel::<u64>();
        let thread = tokio::task::spawn_blocking(move || {
            let mut hashers: Vec<_> = algorithms.iter().map(|it| (*it, it.hasher())).collect();
            let mut buffer = vec![0; PIECE];
            let mut at: u64 = 0;
            while let Some(end) = wanted.blocking_recv() {
                while at < end {
                    // No more than PIECE, so it fits.
                    let room = (end - at).min(PIECE as u64) as usize;
                    let read = file.read_at(&mut buffer[..room], at)?;
                    if read == 0 {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                    for (_, hasher) in &mut hashers {
                        hasher.update(&buffer[..read]);
                    }
                    at += read as u64;
                }
            }
            let finished = hashers.into_iter().map(|(algorithm, hasher)| Checksum {
                algorithm,
                digest: hasher.finalize().into_vec(),
            });
            Ok(finished.collect())
        });
        Self { ready, thread }
    }

    /// The file is there without a gap up to here.
    pub(super) fn ready(&self, end: u64) {
        // A thread that ended early says why when it is joined.
        let _ = self.ready.send(end);
    }

    /// The file is there, this long: what are its checksums?
    pub(super) async fn finish(self, length: u64) -> Result<Vec<Checksum>> {
        self.ready(length);
        drop(self.ready);
        let joined = self.thread.await.map_err(std::io::Error::other);
        joined
            .and_then(|it| it)
            .map_err(|error| Error::from_io(Operation::Read, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_as_people_write_them() {
        for (text, printed) in [
            (
                "md5:D41D8CD98F00B204E9800998ECF8427E",
                Some("md5:d41d8cd98f00b204e9800998ecf8427e"),
            ),
            (
                "SHA-1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
                Some("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ),
            ("md5", None),
            ("md5:", None),
            ("md5:zz", None),
            ("crc32:00000000", None),
        ] {
            let read = text.parse::<Checksum>();
            assert_eq!(
                read.as_ref().ok().map(ToString::to_string).as_deref(),
                printed,
                "{text}"
            );
            if let Err(error) = read {
                assert_eq!(error.kind(), Kind::Usage);
            }
        }
        let header =
            Checksum::from_base64("sha-256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
                .unwrap();
        assert!(header.hex().starts_with("e3b0c442"), "{header}");
        assert_eq!(Checksum::from_base64("sha-256", "YQ=="), None);
    }

    #[test]
    fn known_answers() {
        for (algorithm, digits) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha224,
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            let mut hasher = algorithm.hasher();
            hasher.update(b"abc");
            assert_eq!(HEXLOWER.encode(&hasher.finalize()), digits, "{algorithm}");
        }
        for algorithm in ALL {
            assert_eq!(algorithm.hasher().finalize().len(), algorithm.length());
        }
    }
}
