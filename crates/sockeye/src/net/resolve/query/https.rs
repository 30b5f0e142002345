//! DNS over HTTPS (RFC 8484).

use super::decode::Asked;
use super::exchange::{Received, Waiting};
use super::{Options, Server};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

pub(super) async fn exchange(
    _net: &Net,
    _server: &Server,
    _asked: &Asked,
    _options: &Options,
    _waiting: Waiting<'_>,
) -> Result<Received> {
    let why = "DNS over HTTPS is not built in yet";
    Err(Error::new(Kind::Unsupported, Operation::Ask, why))
}
