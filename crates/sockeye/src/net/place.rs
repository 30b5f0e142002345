//! Where one end of a connection is, kept small: thousands of idle connections have two of these each.
//!
//! The endpoint is made when somebody asks for it. No sockets are opened here.

use std::net::SocketAddr;
use std::sync::OnceLock;

use crate::endpoint::Endpoint;

/// The address of one end, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Place {
    address: Option<SocketAddr>,
    endpoint: OnceLock<Option<Box<Endpoint>>>,
}

impl Place {
    /// The end as an endpoint.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint_or(|| None)
    }

    /// The same; an end that nobody noted yet is looked up.
    pub(crate) fn endpoint_or(
        &self,
        look_up: impl FnOnce() -> Option<SocketAddr>,
    ) -> Option<&Endpoint> {
        self.endpoint
            .get_or_init(|| {
                let address = self.address.or_else(look_up)?;
                Some(Box::new(Endpoint::from(address)))
            })
            .as_deref()
    }

    /// Note the address, if nothing is known yet.
    #[allow(
        dead_code,
        reason = "for layers that wrap a stream, and a build may have none"
    )]
    pub(crate) fn note(&mut self, look_up: impl FnOnce() -> Option<SocketAddr>) {
        if self.address.is_none() && self.endpoint.get().is_none() {
            self.address = look_up();
        }
    }

    /// The TCP address, if it was noted as one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl From<SocketAddr> for Place {
    /// A TCP address.
    fn from(address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }
}

impl From<Endpoint> for Place {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            address: None,
            endpoint: OnceLock::from(Some(Box::new(endpoint))),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Place {
    fn from(known: Option<T>) -> Self {
        known.map_or_else(Self::default, Into::into)
    }
}
