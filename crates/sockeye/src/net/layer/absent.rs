//! What stands in for the TLS layer in a build without the feature `tls`: it refuses, naming the feature.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use crate::endpoint::{Host, TlsOptions};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::layer::Spot;
use crate::net::layer::serving::TlsServing;
use crate::net::stream::Stream;
use crate::wire::Watch;

/// A connector that cannot be made.
#[derive(Clone)]
pub(crate) struct Connector(Infallible);

impl Connector {
    pub(crate) fn new(_: &TlsOptions) -> Result<Self> {
        Err(not_built())
    }

    pub(crate) async fn connect(
        &self,
        _: Stream,
        _: Option<&Host>,
        _: Spot,
        _: Option<&Watch>,
        _: Instant,
    ) -> Result<Stream> {
        match self.0 {}
    }
}

impl Connector {
    pub(crate) async fn examine(
        &self,
        _: Stream,
        _: Option<&Host>,
        _: Option<&Watch>,
        _: Instant,
    ) -> Result<(Stream, Option<Certificate>, Option<Error>)> {
        match self.0 {}
    }
}

/// What a certificate says of itself; this build sees none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The common name, or else the organisation, of its holder.
    pub subject: Option<String>,
    /// The same of who signed it.
    pub issuer: Option<String>,
    /// The machines that it is for: names, then addresses.
    pub names: Vec<String>,
    /// Since when it holds.
    pub not_before: Option<SystemTime>,
    /// Until when it holds.
    pub not_after: Option<SystemTime>,
    /// Its SHA-256 digest in hexadecimal.
    pub fingerprint: String,
    /// Whether its holder signed it, too.
    pub self_signed: bool,
}

/// Connections that belong together, and cannot be made.
pub(crate) struct Family(Infallible);

impl Family {
    pub(crate) fn new(connector: &Connector) -> Result<Self> {
        match connector.0 {}
    }

    pub(crate) async fn connect(
        &mut self,
        _: Stream,
        _: Option<&Host>,
        _: Option<&Watch>,
        _: Instant,
    ) -> Result<Stream> {
        match self.0 {}
    }
}

/// An acceptor that cannot be made.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor(Infallible);

impl Acceptor {
    pub(crate) fn new(_: &TlsOptions, _: Option<&Host>, _: &TlsServing) -> Result<Self> {
        Err(not_built())
    }

    pub(crate) async fn accept(&self, _: Stream, _: Option<&Watch>, _: Instant) -> Result<Stream> {
        match self.0 {}
    }

    pub(crate) fn fingerprint(&self) -> String {
        match self.0 {}
    }

    pub(crate) fn authority(&self) -> Option<PathBuf> {
        match self.0 {}
    }

    pub(crate) fn reload(&self) -> Result<()> {
        match self.0 {}
    }

    pub(crate) fn is_self_made(&self) -> bool {
        match self.0 {}
    }
}

fn not_built() -> Error {
    Error::new(
        Kind::Unsupported,
        Operation::Handshake,
        "this build has no tls layer",
    )
    .with_hint("build sockeye with the feature `tls`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_tls_names_the_feature() {
        let error = Acceptor::new(&TlsOptions::default(), None, &TlsServing::default())
            .map(drop)
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("feature `tls`"))
        );
    }
}
