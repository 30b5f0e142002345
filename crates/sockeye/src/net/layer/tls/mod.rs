//! TLS 1.2 and 1.3 over any stream (RFC 5246, RFC 8446), by rustls.
//!
//! [`Connector::connect`] and [`Acceptor::accept`] shake hands over a stream that is already open and give back the stream above.
//! Nothing here opens a connection, and nothing here prints: what was agreed on and the secrets go to the watch.

mod authority;
mod certificate;
mod check;
mod config;
mod duplex;
mod examine;
mod family;
mod fault;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod pem;
mod secrets;
mod server;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::{ClientConfig, CommonState, HandshakeKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

pub use self::certificate::Certificate;
use self::check::{Seen, Sight};
use self::duplex::{Above, Below};
pub(crate) use self::family::Family;
use self::fault::{Facts, Role};
use self::secrets::Secrets;
use super::super::context::Net;
use super::super::stream::{Io, Secured, Stream};
use super::Spot;
use super::serving::TlsServing;
use crate::endpoint::{Host, TlsOptions};
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

/// What the tap and the events of this layer are called.
const NAME: &str = "tls";

/// What rustls may hold back of our bytes while the carrier takes no more, each of plaintext and ciphertext.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long a peer that we refused may take to read why.
const LINGER: Duration = Duration::from_millis(500);

/// What a refused peer may still send before we close on it.
const LINGER_BYTES: u64 = 256 * 1024;

/// Shake hands as a client; `host` is whom the user wanted to reach. What [`Connector`] does, in one go.
///
/// # Errors
///
/// [`Kind::Tls`] with its own reason for each fault; [`Kind::Lost`] if the peer closes; [`Kind::TimedOut`] at the
/// deadline; [`Kind::Usage`] if the options make no sense; what opening the files of the options yields.
///
/// # Cancel safety
///
/// Dropping the future closes the stream.
#[cfg(test)]
pub(crate) async fn connect(
    stream: Stream,
    options: &TlsOptions,
    host: Option<&Host>,
    watch: Option<&Watch>,
    deadline: Instant,
) -> Result<Stream> {
    Connector::new(options)?
        .connect(stream, host, Spot::LAST, watch, deadline)
        .await
}

/// The client's side of the layer: the files of the options are read once, for any number of connections.
#[derive(Clone)]
pub(crate) struct Connector {
    options: Arc<TlsOptions>,
    client: Arc<config::Client>,
}

impl Connector {
    /// Make ready to connect.
    ///
    /// # Errors
    ///
    /// Those of [`Connector::connect`] that do not need a peer.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self> {
        Ok(Self {
            options: Arc::new(options.clone()),
            client: Arc::new(config::Client::new(options)?),
        })
    }

    /// Shake hands as a client; `host` is whom the user wanted to reach.
    ///
    /// # Errors
    ///
    /// [`Kind::Tls`] with its own reason for each fault; [`Kind::Lost`] if the peer closes; [`Kind::TimedOut`] at the
    /// deadline; [`Kind::Usage`] if the options make no sense.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn connect(
        &self,
        stream: Stream,
        host: Option<&Host>,
        spot: Spot,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        let name = self.expected(host)?;
        let seen = Arc::new(Seen::default());
        let config = self
            .client
            .config(&Sight::new(Arc::clone(&seen)), name.is_some())?;
        let hello = Hello { name, config, seen };
        self.shake(stream, hello, spot, watch, deadline).await
    }

    /// Whose certificate to expect, which must be known if it is looked at.
    fn expected(&self, host: Option<&Host>) -> Result<Option<ServerName<'static>>> {
        let name = server_name(&self.options, host)?;
        if name.is_none() && self.client.needs_name() {
            let why = "it is not known whose certificate to expect";
            return Err(Error::new(Kind::Usage, Operation::Handshake, why)
                .with_hint("`sni=NAME` says so; `pin=sha256:HEX` needs no name"));
        }
        Ok(name)
    }

    /// What the words of an error need to know.
    fn facts(&self, name: Option<&ServerName<'_>>, seen: Arc<Seen>) -> Facts {
        Facts {
            role: Role::Client,
            name: name.map(|name| name.to_str().into_owned()),
            pinned: !self.options.pin.is_empty(),
            has_certificate: self.client.has_certificate(),
            own: None,
            seen,
        }
    }

    /// Shake hands with these settings.
    async fn shake(
        &self,
        stream: Stream,
        hello: Hello,
        spot: Spot,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        let Hello {
            name,
            mut config,
            seen,
        } = hello;
        if let Some(secrets) = Secrets::of(watch) {
            config.key_log = Arc::new(secrets);
        }
        let facts = self.facts(name.as_ref(), Arc::clone(&seen));
        // rustls wants some name; without one to check, this one is neither sent nor compared.
        let nobody = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4])));
        let handshake = TlsConnector::from(Arc::new(config))
            .connect_with(
                name.unwrap_or(nobody),
                Below::new(stream, seen),
                |session| {
                    session.set_buffer_limit(Some(BUFFER_BYTES));
                },
            )
            .into_fallible();
        let tls = shake(handshake, &facts, deadline).await?;
        Ok(above(TlsStream::Client(tls), facts, spot, watch))
    }
}

/// How a client begins.
struct Hello {
    name: Option<ServerName<'static>>,
    config: ClientConfig,
    seen: Arc<Seen>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// The server's side of the layer: the certificate is loaded, or made, once, or again when its files change.
#[derive(Clone)]
pub(crate) struct Acceptor {
    server: Arc<server::Server>,
}

impl Acceptor {
    /// Make ready to accept. Without `cert=` a certificate is made: for this machine's names and for `host`, where we
    /// listen.
    ///
    /// # Errors
    ///
    /// [`Kind::Tls`] if certificate and key are of no use, [`Kind::Usage`] if the options make no sense, and what
    /// opening their files yields.
    pub(crate) fn new(
        options: &TlsOptions,
        host: Option<&Host>,
        serving: &TlsServing,
    ) -> Result<Self> {
        let server = Arc::new(server::Server::new(options, host, serving)?);
        Ok(Self { server })
    }

    /// The SHA-256 digest of our certificate in hexadecimal, as `pin=sha256:` wants it.
    pub(crate) fn fingerprint(&self) -> String {
        self.server.current().fingerprint.clone()
    }

    /// Whether the certificate was made on the fly and nobody vouches for it, so that nobody can know it yet.
    pub(crate) fn is_self_made(&self) -> bool {
        self.server.current().self_made
    }

    /// The certificate of the local authority that vouches for ours, if one does.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        self.server.current().authority.clone()
    }

    /// Read the files again.
    pub(crate) fn reload(&self) -> Result<()> {
        self.server.reload()
    }

    /// Shake hands as a server.
    ///
    /// # Errors
    ///
    /// [`Kind::Tls`] with its own reason for each fault; [`Kind::Lost`] if the peer closes; [`Kind::TimedOut`] at the
    /// deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn accept(
        &self,
        stream: Stream,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Stream> {
        let seen = Arc::new(Seen::default());
        let current = self.server.current();
        let mut config = self.server.config(&current, &seen)?;
        if let Some(secrets) = Secrets::of(watch) {
            config.key_log = Arc::new(secrets);
        }
        let facts = Facts {
            role: Role::Server,
            name: None,
            pinned: current.is_pinned(),
            has_certificate: true,
            own: Some(current.fingerprint.clone()),
            seen: Arc::clone(&seen),
        };
        let mut below = Below::new(stream, seen);
        if let Some(answer) = self.server.serving.plain {
            let met = timeout_at(deadline.into(), answer_plain(&mut below, answer)).await;
            match met {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => return Err(facts.late()),
                Ok(Err(error)) => return Err(facts.handshake(error)),
                Err(_) => return Err(facts.late()),
            }
        }
        let handshake = TlsAcceptor::from(Arc::new(config))
            .accept_with(below, |session| {
                session.set_buffer_limit(Some(BUFFER_BYTES));
            })
            .into_fallible();
        let tls = shake(handshake, &facts, deadline).await?;
        Ok(above(TlsStream::Server(tls), facts, Spot::LAST, watch))
    }
}

/// Look how the client begins. If that is not TLS, give it this answer; whether it was so.
async fn answer_plain(below: &mut Below, answer: &[u8]) -> io::Result<bool> {
    if below.begins_with_tls().await? {
        return Ok(false);
    }
    below.write_all(answer).await?;
    below.flush().await?;
    linger(below, Instant::now() + LINGER).await;
    Ok(true)
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// Whose certificate to expect: `sni=`, or else whom the user wanted to reach.
fn server_name(options: &TlsOptions, host: Option<&Host>) -> Result<Option<ServerName<'static>>> {
    let name = match (&options.sni, host) {
        (Some(name), _) | (None, Some(Host::Name(name))) => words::certificate_name(name),
        (None, Some(Host::Ip { addr, .. })) => return Ok(Some((*addr).into())),
        (None, Some(Host::Any | Host::Loopback)) => "localhost",
        (None, None) => return Ok(None),
    };
    match ServerName::try_from(name) {
        Ok(name) => Ok(Some(name.to_owned())),
        Err(_) => {
            let why = format!("no certificate can carry the name {}", words::shown(name));
            Err(Error::new(Kind::Usage, Operation::Handshake, why)
                .with_hint("names beyond ASCII are written in their xn-- form; or `sni=NAME`"))
        }
    }
}

/// Shake hands, up to the deadline; a peer that we refuse is told why.
async fn shake<S>(
    handshake: impl Future<Output = Result<S, (io::Error, Below)>>,
    facts: &Facts,
    deadline: Instant,
) -> Result<S> {
    match timeout_at(deadline.into(), handshake).await {
        Ok(Ok(tls)) => Ok(tls),
        Ok(Err((error, mut below))) => {
            if facts.is_refusal(&error) {
                linger(&mut below, deadline).await;
            }
            Err(facts.handshake(error))
        }
        Err(_) => Err(facts.late()),
    }
}

/// Half-close and read on for a moment. Closing with bytes unread would reset the connection, and the alert that says
/// why could be lost on the way.
async fn linger(below: &mut Below, deadline: Instant) {
    let until = deadline.min(Instant::now() + LINGER);
    let drained = timeout_at(until.into(), async {
        below.shutdown().await?;
        tokio::io::copy(&mut below.take(LINGER_BYTES), &mut tokio::io::sink()).await
    });
    // However this ends, the connection is over.
    drop(drained.await);
}

/// The stream above a finished handshake.
fn above(mut tls: TlsStream<Below>, facts: Facts, spot: Spot, watch: Option<&Watch>) -> Stream {
    let (below, session) = tls.get_mut();
    let mut info = below.take_info();
    let secured = secured(session);
    if let Some(watch) = watch {
        watch.report(
            spot.name,
            What::Handshake {
                agreed: &agreed(&secured),
            },
        );
    }
    info.secured = Some(Box::new(secured));
    let io = Io::Boxed(Box::new(Above::new(tls, facts)));
    Stream::new(io, Net::tap(watch, spot.name, spot.covered), info)
}

fn secured(session: &CommonState) -> Secured {
    let version = session
        .protocol_version()
        .map_or_else(String::new, |version| {
            // `TLSv1_3` is how an identifier has to write it.
            format!("{version:?}").replace('_', ".")
        });
    let cipher = session.negotiated_cipher_suite();
    let peer = session.peer_certificates().and_then(<[_]>::first);
    let (peer_name, peer_names) = peer
        .map(|peer| certificate::subject(peer))
        .unwrap_or_default();
    Secured {
        version,
        cipher: cipher.map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        alpn: session
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        peer_fingerprint: peer.map(|peer| certificate::fingerprint(peer)),
        peer_name,
        peer_names,
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}

/// What was agreed on, in words.
fn agreed(secured: &Secured) -> String {
    let mut text = format!("{} {}", secured.version, secured.cipher);
    if let Some(alpn) = &secured.alpn {
        text.push_str(" alpn=");
        text.push_str(&words::shown(alpn));
    }
    if secured.resumed {
        text.push_str(" resumed");
    }
    text
}
