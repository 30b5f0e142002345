//! Layers: what wraps the bytes of a carrier, one module each.
//!
//! This file is the table of the layers that were built in. A layer takes the stream so far and gives back the stream
//! above it, or messages; it opens nothing. A layer that was not built in is refused with the name of its feature.

#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "absent.rs"]
pub(crate) mod tls;

#[cfg(feature = "rpc")]
pub(crate) mod python;
#[cfg(not(feature = "rpc"))]
#[path = "python_absent.rs"]
pub(crate) mod python;

pub(crate) mod early;
pub(crate) mod http_connect;
pub(crate) mod serving;
pub(crate) mod socks;

use std::path::PathBuf;
use std::time::Instant;

pub use self::tls::Certificate;

use self::serving::TlsServing;
use super::stream::Stream;
use crate::endpoint::{Endpoint, Host, Layer, TlsOptions, Verify};
use crate::error::Result;
use crate::wire::Watch;

/// Where in the pile of layers one stands, for those who watch.
#[derive(Clone, Copy, Debug)]
#[allow(
    dead_code,
    reason = "for layers that are watched, and a build may have none"
)]
pub(crate) struct Spot {
    /// What its tap and its events are called.
    pub(crate) name: &'static str,
    /// Whether a layer above transforms its bytes.
    pub(crate) covered: bool,
}

impl Spot {
    /// The only layer of its kind, with nothing above.
    pub(crate) const LAST: Self = Self {
        name: "tls",
        covered: false,
    };
}

/// The connecting side of a layer over bytes: made before the carrier is opened, so that what is wrong with the options shows first.
#[derive(Clone)]
pub(crate) enum Connector {
    /// TLS.
    Tls(tls::Connector),
}

impl Connector {
    /// Make ready to connect.
    ///
    /// # Errors
    ///
    /// Those of the layer; [`Kind::Unsupported`](crate::Kind::Unsupported) if it was not built in.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self> {
        Ok(Self::Tls(tls::Connector::new(options)?))
    }

    /// Wrap the stream of a carrier that was connected; `host` is whom the user wanted to reach.
    ///
    /// # Errors
    ///
    /// Those of the layer; [`Kind::TimedOut`](crate::Kind::TimedOut) at the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn connect(
        &self,
        stream: Stream,
        host: Option<&Host>,
        spot: Spot,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        match self {
            Self::Tls(tls) => tls.connect(stream, host, spot, watch, deadline).await,
        }
    }
}

/// The listening side of a layer over bytes: made once per listener, used for each connection.
#[derive(Clone, Debug)]
pub struct Acceptor(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Tls(tls::Acceptor),
}

impl Acceptor {
    /// Make ready to accept; `host` is where we listen.
    ///
    /// # Errors
    ///
    /// Those of the layer; [`Kind::Unsupported`](crate::Kind::Unsupported) if it was not built in.
    pub(crate) fn new(
        options: &TlsOptions,
        host: Option<&Host>,
        serving: &TlsServing,
    ) -> Result<Self> {
        let acceptor = tls::Acceptor::new(options, host, serving)?;
        Ok(Self(Inner::Tls(acceptor)))
    }

    /// Wrap the stream of a carrier that was accepted.
    ///
    /// # Errors
    ///
    /// Those of the layer; [`Kind::TimedOut`](crate::Kind::TimedOut) at the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn accept(
        &self,
        stream: Stream,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        match &self.0 {
            Inner::Tls(tls) => tls.accept(stream, watch, deadline).await,
        }
    }

    /// The SHA-256 digest of our certificate in hexadecimal, as `pin=sha256:` takes it: of the one in force now.
    pub fn fingerprint(&self) -> String {
        match &self.0 {
            Inner::Tls(tls) => tls.fingerprint(),
        }
    }

    /// Whether the certificate was made on the fly and nobody vouches for it, so that peers need its fingerprint to trust it.
    pub fn is_self_made(&self) -> bool {
        match &self.0 {
            Inner::Tls(tls) => tls.is_self_made(),
        }
    }

    /// The file with the certificate of the local authority that vouches for ours, see [`TlsServing::authority`].
    pub fn authority(&self) -> Option<PathBuf> {
        match &self.0 {
            Inner::Tls(tls) => tls.authority(),
        }
    }

    /// Read the files of the options again, for connections that come from now on.
    ///
    /// # Errors
    ///
    /// Those of listening: what cannot be used changes nothing.
    pub fn reload(&self) -> Result<()> {
        match &self.0 {
            Inner::Tls(tls) => tls.reload(),
        }
    }
}

/// What the layers of this endpoint leave unchecked, one clause each, to be said aloud to the user.
///
/// # Examples
///
/// ```
/// use sockeye::endpoint::{Carrier, Endpoint};
///
/// assert!(sockeye::net::weakened(&Endpoint::new(Carrier::Stdio)).is_empty());
/// ```
pub fn weakened(endpoint: &Endpoint) -> Vec<String> {
    let mut said = Vec::new();
    for layer in endpoint.layers() {
        match layer {
            Layer::Tls(options) if options.verify == Verify::None && options.pin.is_empty() => {
                said.push("verify=none: whoever answers is believed, encryption protects from listeners only".into());
            }
            Layer::Tls(_) | Layer::Python(_) => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Carrier, TlsOptions};

    #[test]
    fn what_is_not_checked_is_said() {
        let mut options = TlsOptions::default();
        let endpoint = |options: &TlsOptions| {
            Endpoint::new(Carrier::Stdio).with_layer(Layer::Tls(options.clone()))
        };
        assert!(weakened(&endpoint(&options)).is_empty());
        options.verify = Verify::None;
        assert_eq!(weakened(&endpoint(&options)).len(), 1);
        // A pin is a check, and a stricter one.
        options.pin = vec![crate::endpoint::Pin([0; 32])];
        assert!(weakened(&endpoint(&options)).is_empty());
    }
}
