//! Where: an address as a value.
//!
//! An [`Endpoint`] is one carrier, the layers over it and their options. It parses, prints and compares; it never
//! opens anything. The grammar is `[layer "+" ...] carrier ":" target ["?" option "=" value ["&" ...]]`.
//!
//! ```
//! use sockeye::Endpoint;
//! use sockeye::endpoint::Carrier;
//!
//! let endpoint: Endpoint = "tls+unix:/run/app.sock?sni=app.example".parse()?;
//! assert!(matches!(endpoint.carrier(), Carrier::Unix(_)));
//! assert_eq!(endpoint.layers().len(), 1);
//!
//! // What is refused says where, why, and mostly what was meant.
//! let refusal = "tpc://host:1".parse::<Endpoint>().unwrap_err();
//! assert_eq!(refusal.to_string(), "`tpc://host:1` is not an endpoint: unknown scheme at column 1");
//! assert_eq!(refusal.hint().as_deref(), Some("did you mean tcp://host:1 ?"));
//! # Ok::<(), sockeye::endpoint::ParseError>(())
//! ```

mod carrier;
mod layer;
mod options;
mod parse;
mod print;
mod proxy;
mod refusal;
mod schemes;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use carrier::{
    Argv, Carrier, Descriptor, Host, HostPort, Port, UnixAddress, UnixKind, UnixName,
};
pub use layer::{AuthKey, Layer, Payload, Pin, PythonOptions, TlsOptions, TlsVersion, Verify};
pub use options::{Access, Family, OPTIONS, OptionRow, Options};
pub use parse::{LENGTH_LIMIT, OPTION_LIMIT};
pub use proxy::{Proxy, ProxyScheme};
pub use refusal::ParseError;
pub(crate) use schemes::nearest_scheme;
pub use schemes::{SCHEMES, Scheme};

/// An address: a carrier, the layers over it (innermost first) and the options of the carrier.
///
/// It is read with [`str::parse`] and printed in one canonical form, which parses to the same value. Values made by
/// hand can hold what the grammar refuses, such as a host name with a blank; those print safely and do not parse. The
/// password of a proxy is printed as `***`, which does not parse either; [`Endpoint::reveal`] prints all of it.
///
/// # Examples
///
/// ```
/// use sockeye::Endpoint;
/// use sockeye::endpoint::Carrier;
///
/// let endpoint: Endpoint = "TLS://www.python.org:https?alpn=http/1.1".parse()?;
/// assert!(matches!(endpoint.carrier(), Carrier::Tcp(_)));
/// assert_eq!(endpoint.to_string(), "tls://www.python.org:https?alpn=http/1.1");
/// assert_eq!(Endpoint::tcp("::1", 8080).to_string(), "tcp://[::1]:8080");
/// # Ok::<(), sockeye::endpoint::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    carrier: Carrier,
    layers: Vec<Layer>,
    options: Options,
}

impl Endpoint {
    /// An endpoint of this carrier alone, with default options.
    pub fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            layers: Vec::new(),
            options: Options::default(),
        }
    }

    /// TCP to or at this host and port; the host is a name or an address, and an empty one means every address.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Endpoint;
    ///
    /// assert_eq!(Endpoint::tcp("localhost", 80), "localhost:80".parse().unwrap());
    /// assert_eq!(Endpoint::tcp("", 0), ":0".parse().unwrap());
    /// ```
    pub fn tcp(host: impl Into<Host>, port: u16) -> Self {
        Self::new(Carrier::Tcp(HostPort {
            host: host.into(),
            port: Port::Number(port),
        }))
    }

    /// UDP to or at this host and port; see [`Endpoint::tcp`] for the host.
    pub fn udp(host: impl Into<Host>, port: u16) -> Self {
        Self::new(Carrier::Udp(HostPort {
            host: host.into(),
            port: Port::Number(port),
        }))
    }

    /// A Unix stream socket at this path. An `@` has no meaning here; for an abstract name make a [`UnixAddress`].
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Endpoint;
    ///
    /// assert_eq!(Endpoint::unix("/run/app.sock").to_string(), "unix:/run/app.sock");
    /// ```
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Carrier::Unix(UnixAddress {
            kind: UnixKind::Stream,
            name: UnixName::Path(path.into()),
        }))
    }

    /// The same endpoint with one more layer on the outside.
    #[must_use]
    pub fn with_layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// The same endpoint with these carrier options.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The canonical text with the passwords of proxies in it, which parses to the same value. Not for people's eyes.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Endpoint;
    ///
    /// let endpoint: Endpoint = "db:5432?via=socks5h://me:secret@gate".parse()?;
    /// assert_eq!(endpoint.to_string(), "tcp://db:5432?via=socks5h://me:***@gate:1080");
    /// assert_eq!(endpoint.reveal().parse::<Endpoint>()?, endpoint);
    /// # Ok::<(), sockeye::endpoint::ParseError>(())
    /// ```
    pub fn reveal(&self) -> String {
        print::revealed(self)
    }

    /// What the bytes travel on.
    pub fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// What wraps the bytes, innermost first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How the carrier is to be opened.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The options of the carrier, to be changed in place.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// The options of the TLS layer, if there is one.
    pub fn tls(&self) -> Option<&TlsOptions> {
        self.layers.iter().find_map(|layer| match layer {
            Layer::Tls(options) => Some(options),
            Layer::Python(_) => None,
        })
    }

    /// How TLS is spoken, to be changed, if it is.
    pub fn tls_mut(&mut self) -> Option<&mut TlsOptions> {
        self.layers.iter_mut().find_map(|layer| match layer {
            Layer::Tls(options) => Some(options),
            Layer::Python(_) => None,
        })
    }

    /// How messages are exchanged with Python, if they are.
    pub fn python(&self) -> Option<&PythonOptions> {
        self.layers.iter().find_map(|layer| match layer {
            Layer::Python(options) => Some(options),
            Layer::Tls(_) => None,
        })
    }

    /// Whether what it carries are messages rather than bytes: by its carrier, or by a layer that makes messages.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Endpoint;
    ///
    /// assert!("udp://localhost:53".parse::<Endpoint>()?.keeps_boundaries());
    /// assert!("python+tcp://localhost:6000".parse::<Endpoint>()?.keeps_boundaries());
    /// assert!(!"tls://localhost:443".parse::<Endpoint>()?.keeps_boundaries());
    /// # Ok::<(), sockeye::endpoint::ParseError>(())
    /// ```
    pub fn keeps_boundaries(&self) -> bool {
        self.carrier.keeps_boundaries() || self.python().is_some()
    }

    /// The options that are not as by default.
    pub(crate) fn given(&self) -> impl Iterator<Item = &'static OptionRow> {
        let set = options::Set::default();
        OPTIONS.iter().filter(move |row| {
            let written = (row.write)(
                &self.options,
                self.tls().unwrap_or(&set.tls),
                self.python().unwrap_or(&set.python),
            );
            !written.is_empty()
        })
    }

    /// The scheme as it is printed: `tcp`, `tls`, `tls+unix`, `exec`.
    pub fn scheme(&self) -> String {
        let carrier = self.carrier.scheme();
        match self.layers.last() {
            None => carrier.to_owned(),
            Some(Layer::Tls(_))
                if matches!(self.carrier, Carrier::Tcp(_)) && self.layers.len() == 1 =>
            {
                self.layers[0].scheme().to_owned()
            }
            Some(_) => {
                let mut text = String::new();
                for layer in self.layers.iter().rev() {
                    text.push_str(layer.scheme());
                    text.push('+');
                }
                text + carrier
            }
        }
    }
}

impl From<Carrier> for Endpoint {
    fn from(carrier: Carrier) -> Self {
        Self::new(carrier)
    }
}

impl From<SocketAddr> for Endpoint {
    /// TCP to or at this address.
    fn from(addr: SocketAddr) -> Self {
        Self::new(Carrier::Tcp(HostPort::from_addr(addr)))
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = ParseError;

    fn try_from(text: &str) -> Result<Self, ParseError> {
        text.parse()
    }
}
