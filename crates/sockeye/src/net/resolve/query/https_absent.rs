//! What stands in for DNS over HTTPS in a build without the feature `tls`: it refuses, naming the feature.

use super::decode::Asked;
use super::exchange::{Received, Waiting};
use super::{Options, Server};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

pub(super) async fn exchange(
    net: &Net,
    server: &Server,
    _: &Asked,
    _: &Options,
    _: Waiting<'_>,
) -> Result<Received> {
    // The missing layer says so itself.
    net.connect(server.endpoint()).await?;
    let why = "this build cannot speak HTTPS";
    Err(Error::new(Kind::Unsupported, Operation::Ask, why)
        .with_hint("build sockeye with the feature `tls`"))
}
