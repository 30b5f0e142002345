//! Looking at how a server speaks TLS: what it agrees to, which certificate it shows, and whether that is to be believed.

use std::net::SocketAddr;

use super::connect::{Unfinished, host_of};
use super::context::{Net, deadline_after};
use super::layer::{Certificate, Connector};
use super::stream::Secured;
use crate::endpoint::{Endpoint, Layer};
use crate::error::{Error, Kind, Operation, Result};

/// What a server showed of its TLS.
#[derive(Debug)]
#[non_exhaustive]
pub struct Examined {
    /// What the handshake agreed on.
    pub secured: Secured,
    /// The server's certificate; `None` if it showed none.
    pub certificate: Option<Certificate>,
    /// Why the certificate is not to be believed ([`Kind::Tls`]); `None` if [`Net::connect`] would have gone on.
    pub fault: Option<Error>,
    /// The address that was connected to, of a server on the network that no proxy leads to.
    pub address: Option<SocketAddr>,
}

impl Net {
    /// Shake hands with a server whose endpoint has TLS as its only layer, tell what it showed, and close. A certificate that is
    /// not to be believed is told of like any other; nothing but the handshake is said to such a server.
    ///
    /// # Errors
    ///
    /// As [`Net::connect`], but not those of the certificate; [`Kind::Usage`] if the endpoint has no layer of TLS, or more than
    /// that.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Net;
    /// use sockeye::net::Link;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> sockeye::Result<()> {
    /// let net = Net::new();
    /// // Without `cert=` a server makes a certificate, which nobody vouches for.
    /// let mut server = net.listen(&"tls://127.0.0.1:0".parse()?).await?;
    /// let to = format!("tls://localhost:{}", server.local().to_string().rsplit(':').next().unwrap());
    /// let client = net.clone();
    /// let examined = tokio::spawn(async move { client.examine(&to.parse()?).await });
    /// let incoming = server.accept().await?.expect("it goes on for ever");
    /// let _link = incoming.handshake().await?;
    /// let examined = examined.await.expect("it does not panic")?;
    /// assert_eq!(examined.secured.version, "TLSv1.3");
    /// assert!(examined.certificate.is_some_and(|it| it.self_signed));
    /// assert!(examined.fault.is_some_and(|it| it.why().contains("self-signed")));
    /// # Ok(()) }
    /// ```
    pub async fn examine(&self, to: &Endpoint) -> Result<Examined> {
        let [Layer::Tls(tls)] = to.layers() else {
            let why = "its only layer has to be TLS";
            return Err(Error::new(Kind::Usage, Operation::Handshake, why)
                .on(to)
                .with_hint("as in tls://host:443"));
        };
        let deadline = deadline_after(self.connect_timeout);
        let Connector::Tls(connector) = self.connector(tls).map_err(|error| error.on(to))?;
        let mut bare = Endpoint::new(to.carrier().clone());
        bare.options_mut().clone_from(to.options());
        let mut stream = self.connect(&bare).await?;
        let address = stream.peer_address();
        let watch = stream.cover();
        let unfinished = Unfinished::new(watch.as_ref(), "tls");
        let host = host_of(to.carrier());
        let examined = connector
            .examine(stream, host, watch.as_ref(), deadline)
            .await;
        let located = |error: Error| match address {
            Some(address) => error.on(to).at(address),
            None => error.on(to),
        };
        let (stream, certificate, fault) = unfinished.finish(examined).map_err(located)?;
        let Some(secured) = stream.secured().cloned() else {
            let why = "the handshake agreed on nothing";
            return Err(Error::new(Kind::Tls, Operation::Handshake, why).on(to));
        };
        Ok(Examined {
            secured,
            certificate,
            fault: fault.map(located),
            address,
        })
    }
}
