//! Where: an address as a value.
//!
//! An [`Endpoint`] is one carrier, the layers over it and their options. It parses, prints and compares; it never
//! opens anything. The grammar is `[layer "+" ...] carrier ":" target ["?" option "=" value ["&" ...]]`.

mod carrier;
mod layer;
mod options;
mod print;

pub use carrier::{
    Argv, Carrier, Descriptor, Host, HostPort, Port, UnixAddress, UnixKind, UnixName,
};
pub use layer::{Layer, Pin, TlsOptions, TlsVersion, Verify};
pub use options::{Access, Family, Options};

/// An address: a carrier, the layers over it (innermost first) and the options of the carrier.
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

    /// The scheme as it is printed: `tcp`, `tls`, `tls+unix`, `exec`.
    pub fn scheme(&self) -> String {
        let carrier = self.carrier.scheme();
        match self.layers.last() {
            None => carrier.to_owned(),
            Some(_) if matches!(self.carrier, Carrier::Tcp(_)) && self.layers.len() == 1 => {
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
