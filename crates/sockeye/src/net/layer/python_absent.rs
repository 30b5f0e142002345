//! What stands in for the layer `python` in a build without the feature `rpc`: it refuses, naming the feature.

use std::convert::Infallible;
use std::time::Instant;

use crate::endpoint::PythonOptions;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::messages::Messages;
use crate::net::stream::Stream;
use crate::wire::Watch;

/// A side that cannot be made.
#[derive(Clone, Debug)]
pub(crate) struct Side(Infallible);

impl Side {
    pub(crate) fn new(_: &PythonOptions) -> Result<Self> {
        let why = "this build has no python layer";
        Err(Error::new(Kind::Unsupported, Operation::Handshake, why)
            .with_hint("build sockeye with the feature `rpc`"))
    }

    pub(crate) async fn connect(
        &self,
        _: Stream,
        _: Option<&Watch>,
        _: Instant,
    ) -> Result<Messages> {
        match self.0 {}
    }

    pub(crate) async fn accept(
        &self,
        _: Stream,
        _: Option<&Watch>,
        _: Instant,
    ) -> Result<Messages> {
        match self.0 {}
    }
}
