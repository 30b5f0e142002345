//! What wraps the bytes of a carrier.

use std::path::PathBuf;
use std::str::FromStr;

use super::refusal::ParseError;

/// What wraps the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// TLS 1.2 or 1.3: `tls://host:port`, `tls+unix:/path`.
    Tls(TlsOptions),
}

impl Layer {
    /// The word before the plus sign.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tls(_) => "tls",
        }
    }
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
