//! TLS over a stream that is open already: what `STARTTLS`, `AUTH TLS` and the like ask for. Nothing is opened here.

use std::fmt;

use super::connect::Unfinished;
use super::context::{Net, deadline_after};
use super::layer::Connector;
use super::layer::tls::Family;
use super::stream::Stream;
use crate::endpoint::{Host, TlsOptions};
use crate::error::Result;

/// The client's side of TLS, for streams that are open already and belong together.
///
/// Each stream that it secures may resume the session of an earlier one ([`Secured::resumed`](super::Secured::resumed)), as
/// servers of FTP demand of data connections. Its sessions are its own: two clients have nothing in common, so what one of them
/// was trusted with does not help the other.
///
/// # Examples
///
/// ```no_run
/// use sockeye::endpoint::{Host, TlsOptions};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// let net = sockeye::Net::new();
/// let mut plain = net.connect(&"tcp://mail.example:110".parse()?).await?;
/// // … a greeting, "STLS", "+OK" …
/// let mut tls = net.tls_client(&TlsOptions::default())?;
/// let stream = tls.secure(plain, Some(&Host::Name("mail.example".into()))).await?;
/// assert!(stream.secured().is_some());
/// # Ok(()) }
/// ```
pub struct TlsClient {
    net: Net,
    family: Family,
}

impl Net {
    /// Make ready to speak TLS over streams that are open already.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the options make no sense, what opening their files yields,
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) in a build without the feature `tls`.
    pub fn tls_client(&self, options: &TlsOptions) -> Result<TlsClient> {
        let connector = self.connector(options)?;
        let Connector::Tls(connector) = &connector;
        Ok(TlsClient {
            net: self.clone(),
            family: Family::new(connector)?,
        })
    }

    /// Speak TLS over a stream that is open already; `host` is whose certificate to expect. For more than one stream of the same
    /// conversation there is [`Net::tls_client`].
    ///
    /// # Errors
    ///
    /// Those of [`Net::tls_client`] and [`TlsClient::secure`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub async fn secure(
        &self,
        stream: Stream,
        options: &TlsOptions,
        host: Option<&Host>,
    ) -> Result<Stream> {
        self.tls_client(options)?.secure(stream, host).await
    }
}

impl TlsClient {
    /// Shake hands over this stream and give back the stream above it; `host` is whose certificate to expect, unless the option
    /// `sni` says so. [`Net::connect_timeout`] bounds it. Who watches sees the bytes of both.
    ///
    /// What was read from the stream beforehand must have been used up: bytes that somebody put in front of the handshake are
    /// not secured by it.
    ///
    /// # Errors
    ///
    /// [`Kind::Tls`](crate::Kind::Tls) with its own reason for each fault; [`Kind::Lost`](crate::Kind::Lost) if the peer
    /// closes; [`Kind::TimedOut`](crate::Kind::TimedOut) at the deadline; [`Kind::Usage`](crate::Kind::Usage) if no name is
    /// known to check.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub async fn secure(&mut self, mut stream: Stream, host: Option<&Host>) -> Result<Stream> {
        let watch = stream.cover();
        let unfinished = Unfinished::new(watch.as_ref(), "tls");
        let deadline = deadline_after(self.net.connect_timeout);
        let secured = self
            .family
            .connect(stream, host, watch.as_ref(), deadline)
            .await;
        unfinished.finish(secured)
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}
