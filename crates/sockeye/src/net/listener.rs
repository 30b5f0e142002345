//! Listening: take an address, accept peers, agree with each on the layers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::admission::Admission;
use super::carrier::{self, tcp_listen, unix_path::UnixPath, unix_seqpacket::SeqpacketListener};
use super::connect::{Unfinished, carried, host_of};
use super::context::{Net, deadline_after};
use super::datagram::Sessions;
use super::fit::{self, Role};
use super::place::Place;
use super::resolve::{self, Protocol};
use super::stream::Io;
use super::{Link, Messages, layer};
use crate::endpoint::{
    Carrier, Endpoint, Family, Host, HostPort, Layer, Port, TlsOptions, UnixKind,
};
use crate::error::{Error, Kind, Operation, Result};
use crate::host::services;
use crate::wire::{ConnectionId, Side, Watch, What};

/// How long a peer may take for the handshakes of its layers.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server's side of an address: peers arrive here.
///
/// Dropping it closes the address; connections that were accepted go on.
#[derive(Debug)]
pub struct Listener {
    source: Source,
    addresses: Vec<Endpoint>,
    shared: Arc<Shared>,
}

/// What a listener and the peers that arrived there have in common.
#[derive(Debug)]
struct Shared {
    local: Endpoint,
    acceptors: Vec<layer::Acceptor>,
    python: Option<layer::python::Side>,
    net: Net,
    asked: Endpoint,
}

#[derive(Debug)]
enum Source {
    Tcp {
        listeners: Vec<TcpListener>,
        turn: usize,
        /// Made elsewhere, so that its sockets have not inherited our options.
        is_foreign: bool,
    },
    /// The guard removes the socket file when the listener goes.
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "it is dropped, nothing more")] Option<UnixPath>,
    ),
    Seqpacket(Box<SeqpacketListener>),
    Datagrams(Box<Sessions>),
    /// A carrier that cannot be listened on is one conversation, opened when it is asked for.
    Once {
        taken: bool,
    },
}

/// A peer that arrived, before any handshake.
#[derive(Debug)]
pub struct Incoming {
    raw: Raw,
    peer: Place,
    shared: Arc<Shared>,
    connection: ConnectionId,
}

#[derive(Debug)]
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
    Messages(Messages),
    Unopened,
}

impl Net {
    /// Listen on an endpoint.
    ///
    /// A bare port is this machine only, a missing host everyone, a name all its addresses; each in both families unless
    /// `family=` says otherwise. Carriers that cannot be listened on (`stdio:`, `exec:`, `file:`) yield one conversation.
    ///
    /// # Errors
    ///
    /// [`Kind::InUse`] names the process that holds the port where it can be seen; [`Kind::Denied`]; [`Kind::Tls`] if a
    /// certificate cannot be used.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the address back.
    pub async fn listen(&self, at: &Endpoint) -> Result<Listener> {
        fit::check(at, Role::Listen)?;
        self.listen_unnamed(at).await.map_err(|e| e.on(at))
    }

    async fn listen_unnamed(&self, at: &Endpoint) -> Result<Listener> {
        let acceptors = at
            .tls()
            .into_iter()
            .map(|tls| layer::Acceptor::new(tls, host_of(at.carrier()), &self.tls_serving))
            .collect::<Result<Vec<_>>>()
            .map_err(|error| error.during(Operation::Listen))?;
        let python = at.python().map(layer::python::Side::new).transpose()?;
        let (source, addresses) = match at.carrier() {
            Carrier::Tcp(asked) => {
                let addresses = self.listen_addresses(asked, at).await?;
                let listeners = tcp_listen::listen(&addresses, at.options())?;
                let bound = listeners
                    .iter()
                    .filter_map(|listener| listener.local_addr().ok());
                let bound = bound.map(Endpoint::from).collect();
                let source = Source::Tcp {
                    listeners,
                    turn: 0,
                    is_foreign: false,
                };
                (source, bound)
            }
            Carrier::Udp(asked) => {
                let addresses = self.listen_addresses(asked, at).await?;
                let sessions = Sessions::udp(&addresses, at.options(), self.sessions.clone(), at)?;
                let bound = sessions.locals().to_vec();
                (Source::Datagrams(Box::new(sessions)), bound)
            }
            Carrier::Unix(address) => {
                let bound = vec![Endpoint::new(at.carrier().clone())];
                let source = match address.kind {
                    UnixKind::Stream => {
                        let (listener, path) = carrier::unix::listen(address, at.options(), at)?;
                        Source::Unix(listener, path)
                    }
                    UnixKind::Seqpacket => Source::Seqpacket(Box::new(SeqpacketListener::bind(
                        address,
                        at.options(),
                        at,
                    )?)),
                    UnixKind::Dgram => Source::Datagrams(Box::new(Sessions::unix(
                        address,
                        at.options(),
                        self.sessions.clone(),
                        at,
                    )?)),
                };
                (source, bound)
            }
            Carrier::Fd(which) => {
                let bound = vec![Endpoint::new(at.carrier().clone())];
                (inherited(which)?, bound)
            }
            other => (
                Source::Once { taken: false },
                vec![Endpoint::new(other.clone())],
            ),
        };
        let addresses: Vec<Endpoint> = addresses
            .into_iter()
            .map(|bound| with_layers(bound, at))
            .collect();
        let local = addresses.first().cloned().unwrap_or_else(|| at.clone());
        let shared = Shared {
            local,
            acceptors,
            python,
            net: self.clone(),
            asked: at.clone(),
        };
        Ok(Listener {
            source,
            addresses,
            shared: Arc::new(shared),
        })
    }

    /// The socket addresses to listen on.
    pub(super) async fn listen_addresses(
        &self,
        asked: &HostPort,
        at: &Endpoint,
    ) -> Result<Vec<SocketAddr>> {
        let wants = |address: &SocketAddr| match at.options().family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        };
        let protocol = match at.carrier() {
            Carrier::Udp(_) => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        let any = asked.host == Host::Any;
        if any || asked.host == Host::Loopback {
            let port = match &asked.port {
                Port::Number(number) => *number,
                Port::Name(name) => services::find(name, at.carrier().scheme())?,
            };
            return Ok(tcp_listen::both_families(any, port)
                .into_iter()
                .filter(wants)
                .collect());
        }
        let deadline = deadline_after(self.connect_timeout);
        resolve::addresses(
            &self.resolver,
            asked,
            protocol,
            at.options(),
            None,
            deadline,
        )
        .await
    }
}

/// The bound address with the layers of what was asked for, so that it can be connected to as printed.
fn with_layers(mut bound: Endpoint, asked: &Endpoint) -> Endpoint {
    for layer in asked.layers() {
        bound = bound.with_layer(match layer {
            Layer::Tls(_) => Layer::Tls(TlsOptions::default()),
            // Whoever connects needs the same key, and shows it nowhere either.
            Layer::Python(python) => Layer::Python(python.clone()),
        });
    }
    bound
}

fn inherited(which: &crate::endpoint::Descriptor) -> Result<Source> {
    use carrier::inherited::Inherited;
    Ok(match carrier::inherited::listening(which)? {
        Inherited::Tcp(listener) => Source::Tcp {
            listeners: vec![listener],
            turn: 0,
            is_foreign: true,
        },
        Inherited::Unix(listener) => Source::Unix(listener, None),
        Inherited::Other => Source::Once { taken: false },
    })
}

impl Listener {
    /// The address, with the port that the system chose; the first one if there are several.
    pub fn local(&self) -> &Endpoint {
        &self.shared.local
    }

    /// All addresses: one for each family.
    pub fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    /// Whether this is one conversation instead of an address where peers arrive: `stdio:`, `exec:`, `file:`.
    pub fn is_single(&self) -> bool {
        matches!(self.source, Source::Once { .. })
    }

    /// What connecting peers need to know of each layer: the fingerprint of a TLS certificate, for one.
    pub fn acceptors(&self) -> &[layer::Acceptor] {
        &self.shared.acceptors
    }

    /// How many datagrams were dropped because a session's queue, or the table of sessions, was full.
    pub fn dropped(&self) -> u64 {
        match &self.source {
            Source::Datagrams(sessions) => sessions.dropped(),
            _ => 0,
        }
    }

    /// Wait for the next peer; `None` when this listener yields no more (it was one conversation).
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] when this machine is out of descriptors or memory; the listener stays usable, and whoever loops
    /// should pause. [`serve`](super::serve()) does.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a peer is returned or stays in the queue.
    pub async fn accept(&mut self) -> Result<Option<Incoming>> {
        let (raw, peer) = match &mut self.source {
            Source::Tcp {
                listeners,
                turn,
                is_foreign,
            } => {
                let accepted = std::future::poll_fn(|cx| poll_accept(listeners, turn, cx)).await;
                let (tcp, peer) = accepted.map_err(|e| accept_error(e, &self.shared.local))?;
                if *is_foreign {
                    // Errors here are the peer's going away, which the first read will report.
                    let _ = tcp.set_nodelay(true);
                }
                (Raw::Tcp(tcp), Place::from(peer))
            }
            Source::Unix(listener, _) => {
                let (unix, peer) = listener
                    .accept()
                    .await
                    .map_err(|e| accept_error(e, &self.shared.local))?;
                carrier::unix::apply_buffer((&unix).into(), self.shared.asked.options());
                (Raw::Unix(unix), unix_peer(&peer).into())
            }
            Source::Seqpacket(listener) => {
                let messages = listener.accept().await?;
                let peer = messages.peer().cloned();
                (Raw::Messages(messages), peer.into())
            }
            Source::Datagrams(sessions) => {
                let messages = sessions.accept().await?;
                let peer = messages.peer().cloned();
                (Raw::Messages(messages), peer.into())
            }
            Source::Once { taken } => {
                if std::mem::replace(taken, true) {
                    return Ok(None);
                }
                (Raw::Unopened, Place::default())
            }
        };
        Ok(Some(Incoming {
            raw,
            peer,
            connection: self.shared.net.next_connection(),
            shared: Arc::clone(&self.shared),
        }))
    }
}

/// The name of a connecting socket, if it was given one.
fn unix_peer(peer: &tokio::net::unix::SocketAddr) -> Option<Endpoint> {
    let path = peer.as_pathname()?;
    Some(Endpoint::unix(path))
}

fn accept_error(error: std::io::Error, at: &Endpoint) -> Error {
    Error::from_io(Operation::Accept, error).on(at)
}

/// Take a connection from whichever listener has one, each in its turn first, so that none starves.
fn poll_accept(
    listeners: &[TcpListener],
    turn: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<(TcpStream, SocketAddr)>> {
    for step in 0..listeners.len() {
        let index = (*turn + step) % listeners.len();
        if let Poll::Ready(accepted) = listeners[index].poll_accept(cx) {
            *turn = index + 1;
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

impl Incoming {
    /// Who arrived, if the carrier says so.
    pub fn peer(&self) -> Option<&Endpoint> {
        self.peer.endpoint()
    }

    /// The IP address of the peer, if it has one.
    pub(super) fn peer_ip(&self) -> Option<std::net::IpAddr> {
        self.peer.address().map(|address| address.ip())
    }

    /// Whether these lists let this peer in.
    pub(super) fn is_admitted(&self, admission: &Admission) -> bool {
        match self.peer.address() {
            Some(address) => admission.admits_ip(address.ip()),
            None => self.peer().is_none_or(|peer| admission.admits(peer)),
        }
    }

    /// The number of the conversation this peer begins.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Agree with the peer on the layers and hand over the connection.
    ///
    /// # Errors
    ///
    /// [`Kind::Tls`] and [`Kind::TimedOut`] if the handshake fails or takes longer than [`HANDSHAKE_TIMEOUT`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn handshake(self) -> Result<Link> {
        self.handshake_as(Side::Only).await
    }

    /// The same, for the inbound side of a relayed conversation.
    ///
    /// # Errors
    ///
    /// As [`Incoming::handshake`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn handshake_as(self, side: Side) -> Result<Link> {
        let shared = Arc::clone(&self.shared);
        if matches!(self.raw, Raw::Unopened) {
            let net = shared.net.for_conversation(self.connection, side);
            let opened = net.open_as(&shared.asked, Role::Listen, &shared.acceptors);
            // Opening is rare here and its future large: the tasks of a listener should not have room for it.
            return Box::pin(opened).await;
        }
        let watch = shared.net.watch_for(self.connection, side);
        let scheme = shared.local.carrier().scheme();
        let unfinished = Unfinished::new(watch.as_ref(), scheme);
        // Whoever does not get through the handshake is known by its address, not by ours.
        let peer = (!shared.asked.layers().is_empty()).then(|| {
            let peer = self.peer().cloned();
            peer.map_or_else(
                || shared.local.clone(),
                |peer| with_layers(peer, &shared.asked),
            )
        });
        let shaken = self.shake(watch.as_ref()).await;
        unfinished.finish(shaken.map_err(|e| e.on(peer.as_ref().unwrap_or(&shared.local))))
    }

    async fn shake(self, watch: Option<&Watch>) -> Result<Link> {
        let shared = self.shared;
        let deadline = deadline_after(HANDSHAKE_TIMEOUT);
        let (io, local) = match self.raw {
            Raw::Tcp(tcp) => (Io::Tcp(tcp), Place::default()),
            Raw::Unix(unix) => (Io::Unix(unix), shared.local.clone().into()),
            Raw::Messages(messages) => {
                let scheme = shared.local.carrier().scheme();
                if let Some(watch) = watch {
                    let connected = What::Connected {
                        local: messages.local(),
                        peer: messages.peer(),
                    };
                    watch.report(scheme, connected);
                }
                return Ok(Link::Messages(
                    messages.tapped(Net::tap(watch, scheme, false)),
                ));
            }
            Raw::Unopened => {
                return Err(Error::new(
                    Kind::Io,
                    Operation::Accept,
                    "nothing was accepted",
                ));
            }
        };
        let mut stream = carried(io, &shared.local, watch, local, self.peer, None);
        for acceptor in &shared.acceptors {
            stream = Box::pin(acceptor.accept(stream, watch, deadline)).await?;
        }
        if let Some(python) = &shared.python {
            let messages = Box::pin(python.accept(stream, watch, deadline)).await?;
            return Ok(Link::Messages(messages));
        }
        Ok(Link::Stream(stream))
    }
}
