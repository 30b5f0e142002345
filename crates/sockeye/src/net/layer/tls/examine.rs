//! A handshake to look at a server's certificate, whatever is wrong with it.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::check::{Seen, Sight};
use super::{Certificate, Connector, Hello};
use crate::endpoint::Host;
use crate::error::{Error, Operation, Result};
use crate::net::layer::Spot;
use crate::net::stream::Stream;
use crate::wire::Watch;

impl Connector {
    /// Shake hands, and give back the stream, what the certificate says, and why it would not have been believed.
    ///
    /// # Errors
    ///
    /// Those of [`Connector::connect`], but those of the certificate.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn examine(
        &self,
        stream: Stream,
        host: Option<&Host>,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<(Stream, Option<Certificate>, Option<Error>)> {
        let name = self.expected(host)?;
        let seen = Arc::new(Seen::forgiving());
        let sight = Sight::new(Arc::clone(&seen));
        let config = self.client.config(&sight, name.is_some())?;
        let facts = self.facts(name.as_ref(), Arc::clone(&seen));
        let hello = Hello {
            name,
            config,
            seen: Arc::clone(&seen),
        };
        let stream = self
            .shake(stream, hello, Spot::LAST, watch, deadline)
            .await?;
        let explain = |fault: &rustls::Error| {
            let fault = io::Error::new(io::ErrorKind::InvalidData, fault.clone());
            facts.explain(Operation::Handshake, fault)
        };
        let fault = seen.fault.get().map(explain);
        Ok((stream, seen.certificate.get().cloned(), fault))
    }
}
