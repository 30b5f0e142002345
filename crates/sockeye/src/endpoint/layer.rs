//! What wraps the bytes of a carrier.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::refusal::ParseError;

/// What wraps the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// TLS 1.2 or 1.3: `tls://host:port`, `tls+unix:/path`.
    Tls(TlsOptions),
    /// Messages of Python's `multiprocessing.connection`: `python+tcp://host:port`, `python+unix:/path`. It makes messages of
    /// bytes, so it is the outermost layer.
    Python(PythonOptions),
}

impl Layer {
    /// The word before the plus sign.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tls(_) => "tls",
            Self::Python(_) => "python",
        }
    }
}

/// How messages are exchanged with Python's `multiprocessing.connection`; by default nobody has to know a key, as in Python.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PythonOptions {
    /// The key that both sides must know: `authkey=KEY`. Whoever may list the processes of this machine can read it in the
    /// command line, so `authkey-file` and `authkey-env` are better there.
    pub authkey: Option<AuthKey>,
    /// The file that holds the key, without the line end behind it: `authkey-file=FILE`.
    pub authkey_file: Option<PathBuf>,
    /// The environment variable that holds the key: `authkey-env=NAME`.
    pub authkey_env: Option<String>,
    /// What the messages are, for whoever turns them into values: `payload=pickle|bytes`.
    pub payload: Payload,
    /// The longest message that is taken, in bytes: `max-message=SIZE`, [`PythonOptions::MAX_MESSAGE`] by default.
    pub max_message: Option<u64>,
}

impl PythonOptions {
    /// The longest message that is taken unless something else is said: 256 MiB.
    pub const MAX_MESSAGE: u64 = 256 << 20;
}

/// A secret that both sides know. It is shown nowhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AuthKey(Vec<u8>);

impl AuthKey {
    /// The key of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes of the key. Not for people's eyes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(***)")
    }
}

/// What a message of Python's is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Payload {
    /// A pickle, as `send` and `recv` have it.
    #[default]
    Pickle,
    /// Bytes as they are, as `send_bytes` and `recv_bytes` have them.
    Bytes,
}

/// How TLS is to be spoken; the default checks the peer against the system's roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Protocols to offer or accept, most wanted first (RFC 7301): `alpn=h2,http/1.1`.
    pub alpn: Vec<String>,
    /// The name to ask for and to check (RFC 6066 section 3), if not the host of the endpoint: `sni=NAME`.
    pub sni: Option<String>,
    /// PEM file of trusted roots instead of the system's; when listening, the roots that client certificates must
    /// lead to: `ca=FILE`.
    pub ca: Option<PathBuf>,
    /// PEM file with our certificate chain: `cert=FILE`.
    pub cert: Option<PathBuf>,
    /// PEM file with our private key; by default it is looked for in the certificate's file: `key=FILE`.
    pub key: Option<PathBuf>,
    /// What is checked of the peer: `verify=none` checks nothing.
    pub verify: Verify,
    /// Certificates to accept, whoever signed them: `pin=sha256:HEX`.
    pub pin: Vec<Pin>,
    /// The lowest version to speak: `tls-min=1.3`.
    pub min: Option<TlsVersion>,
    /// The highest version to speak: `tls-max=1.2`.
    pub max: Option<TlsVersion>,
}

/// What is checked of the peer's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    /// Chain, name and dates.
    #[default]
    Full,
    /// Nothing. Said aloud on stderr whenever it is used.
    None,
}

/// The SHA-256 digest of a certificate in DER form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin(pub [u8; 32]);

impl FromStr for Pin {
    type Err = ParseError;

    /// Reads `sha256:` and 64 hexadecimal digits, with or without colons between bytes.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        super::parse::pin(text)
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}
