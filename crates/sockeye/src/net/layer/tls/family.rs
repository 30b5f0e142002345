//! Connections that belong together: the later ones resume the session of the first.
//!
//! It is for protocols that spread over several connections, and servers that want proof that all of them are from one client:
//! FTP, whose servers may refuse a data connection that does not resume (RFC 4217). Elsewhere each
//! connection shows its whole handshake.

use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;
use rustls::client::Resumption;

use super::super::Spot;
use super::check::Sight;
use super::{Connector, Hello};
use crate::endpoint::Host;
use crate::error::Result;
use crate::net::stream::Stream;
use crate::wire::Watch;

/// Tickets of one family are kept for one server: rustls counts eight to each.
const TICKETS: usize = 8;

/// A family: one memory of sessions that nobody else uses.
pub(crate) struct Family {
    connector: Connector,
    sight: Arc<Sight>,
    config: ClientConfig,
}

impl Family {
    pub(crate) fn new(connector: &Connector) -> Result<Self> {
        let sight = Arc::new(Sight::default());
        let mut config = connector.client.config(&sight, true)?;
        config.resumption = Resumption::in_memory_sessions(TICKETS);
        Ok(Self {
            connector: connector.clone(),
            sight,
            config,
        })
    }

    /// As [`Connector::connect`]. One after the other: the check of a certificate is shared.
    pub(crate) async fn connect(
        &mut self,
        stream: Stream,
        host: Option<&Host>,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        let name = self.connector.expected(host)?;
        let seen = self.sight.renew();
        let mut config = self.config.clone();
        config.enable_sni = name.is_some();
        let hello = Hello { name, config, seen };
        let shake = self
            .connector
            .shake(stream, hello, Spot::LAST, watch, deadline);
        shake.await
    }
}
