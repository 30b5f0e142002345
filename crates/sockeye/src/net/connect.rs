//! Connecting: open the carrier, then wrap it in each layer.

use std::net::SocketAddr;
use std::time::Instant;

use super::carrier::{self, exec::Surroundings, file::FifoEnd};
use super::child::Child;
use super::context::{Net, deadline_after};
use super::fit::{self, Role};
use super::place::Place;
use super::resolve::Protocol;
use super::stream::{Info, Io, Stream};
use super::{DatagramSocket, Link, Messages, layer, race, via};
use crate::endpoint::{Argv, Carrier, Endpoint, Host, HostPort, Port, UnixKind};
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

impl Net {
    /// Connect to a peer that is spoken to in bytes.
    ///
    /// One deadline ([`Net::connect_timeout`]) covers resolving, the race of the addresses and every handshake.
    ///
    /// # Errors
    ///
    /// [`Kind::Name`], [`Kind::Refused`], [`Kind::Unreachable`], [`Kind::TimedOut`], [`Kind::Tls`], [`Kind::Denied`] as
    /// they happen; [`Kind::Unsupported`] if the endpoint carries messages.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far; a program that was started is ended.
    pub async fn connect(&self, to: &Endpoint) -> Result<Stream> {
        match self.open(to).await? {
            Link::Stream(stream) => Ok(stream),
            Link::Messages(_) => Err(Error::new(
                Kind::Unsupported,
                Operation::Connect,
                "it carries messages, not bytes",
            )
            .on(to)
            .with_hint("in a program, `connect_messages` opens it")),
        }
    }

    /// Connect to a peer that is spoken to in messages: UDP, Unix datagrams, Unix sequenced packets.
    ///
    /// # Errors
    ///
    /// As [`Net::connect`]; [`Kind::Unsupported`] if the endpoint carries bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far.
    pub async fn connect_messages(&self, to: &Endpoint) -> Result<Messages> {
        match self.open(to).await? {
            Link::Messages(messages) => Ok(messages),
            Link::Stream(_) => Err(Error::new(
                Kind::Unsupported,
                Operation::Connect,
                "it carries bytes, not messages",
            )
            .on(to)
            .with_hint("in a program, `connect` opens it")),
        }
    }

    /// Connect to a peer of either kind.
    ///
    /// # Errors
    ///
    /// As [`Net::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far; a program that was started is ended.
    pub async fn open(&self, to: &Endpoint) -> Result<Link> {
        fit::check(to, Role::Connect)?;
        self.open_as(to, Role::Connect, &[]).await
    }

    /// Open an endpoint for one conversation; the acceptors are those of its layers if we listen.
    pub(super) async fn open_as(
        &self,
        to: &Endpoint,
        role: Role,
        acceptors: &[layer::Acceptor],
    ) -> Result<Link> {
        let watch = self.watch();
        let unfinished = Unfinished::new(watch.as_ref(), to.carrier().scheme());
        let opened = Opening {
            net: self,
            to,
            role,
            acceptors,
            watch: watch.as_ref(),
            deadline: deadline_after(self.connect_timeout),
        }
        .open()
        .await;
        unfinished.finish(opened.map_err(|error| error.on(to)))
    }

    /// Bind a socket for datagrams from and to many peers.
    ///
    /// # Errors
    ///
    /// [`Kind::InUse`], [`Kind::Denied`]; [`Kind::Unsupported`] if the endpoint is not `udp:` or `unix-dgram:`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the address back.
    pub async fn bind(&self, at: &Endpoint) -> Result<DatagramSocket> {
        fit::check(at, Role::Listen)?;
        let watch = self.watch();
        let tap = Self::tap(watch.as_ref(), at.carrier().scheme(), false);
        match at.carrier() {
            Carrier::Udp(asked) => {
                let addresses = self
                    .listen_addresses(asked, at)
                    .await
                    .map_err(|e| e.on(at))?;
                DatagramSocket::bind(&addresses, at.options(), at, tap)
            }
            Carrier::Unix(address) if address.kind == UnixKind::Dgram => {
                DatagramSocket::bind_unix(address, at.options(), at, tap)
            }
            _ => Err(Error::new(
                Kind::Unsupported,
                Operation::Listen,
                "it does not carry datagrams",
            )
            .on(at)),
        }
    }

    /// Start a program whose standard input and output are the stream, with these variables in its environment.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if there is no such program, [`Kind::Denied`] if it may not be executed.
    pub fn run(&self, argv: &Argv, around: &Surroundings) -> Result<Stream> {
        let to = Endpoint::new(Carrier::Exec(argv.clone()));
        let watch = self.watch();
        let (pair, child) = carrier::exec::spawn(argv, around).map_err(|e| e.on(&to))?;
        Ok(carried(
            pair.into(),
            &to,
            watch.as_ref(),
            Place::default(),
            to.clone().into(),
            Some(child),
        ))
    }
}

/// One endpoint being opened.
struct Opening<'a> {
    net: &'a Net,
    to: &'a Endpoint,
    role: Role,
    acceptors: &'a [layer::Acceptor],
    watch: Option<&'a Watch>,
    deadline: Instant,
}

impl Opening<'_> {
    async fn open(&self) -> Result<Link> {
        if self.to.carrier().keeps_boundaries() {
            return self.messages().await.map(Link::Messages);
        }
        let python = self.to.python().map(layer::python::Side::new);
        let python = python.transpose()?;
        if self.role == Role::Listen {
            let mut stream = self.stream().await?;
            for acceptor in self.acceptors {
                stream = acceptor.accept(stream, self.watch, self.deadline).await?;
            }
            return Ok(match python {
                Some(python) => {
                    Link::Messages(python.accept(stream, self.watch, self.deadline).await?)
                }
                None => Link::Stream(stream),
            });
        }
        let tls = self.to.tls().map(|tls| self.net.connector(tls));
        let tls = tls.transpose().map_err(while_connecting)?;
        let mut stream = self.stream().await?;
        let address = stream.peer_address();
        if let Some(layer) = tls {
            let host = host_of(self.to.carrier());
            stream = layer
                .connect(stream, host, layer::Spot::LAST, self.watch, self.deadline)
                .await
                .map_err(|error| at(error, address))?;
        }
        let Some(python) = python else {
            return Ok(Link::Stream(stream));
        };
        let shaken = python.connect(stream, self.watch, self.deadline).await;
        shaken
            .map(Link::Messages)
            .map_err(|error| at(error, address))
    }

    async fn stream(&self) -> Result<Stream> {
        let options = self.to.options();
        match self.to.carrier() {
            Carrier::Tcp(at) => {
                is_a_place(at)?;
                let at = self.net.led(at);
                if !options.via.is_empty() {
                    return via::connect(self.net, self.to, &at, self.watch, self.deadline).await;
                }
                let tcp = race::dial(self.net, &at, options, self.watch, self.deadline).await?;
                let peer = tcp.peer_addr().ok();
                Ok(self.carried(Io::Tcp(tcp), peer, None))
            }
            Carrier::Unix(address) => {
                let unix = carrier::unix::connect(address, options, self.to, self.deadline).await?;
                let peer = Endpoint::new(self.to.carrier().clone());
                Ok(self.carried(Io::Unix(unix), peer, None))
            }
            Carrier::Stdio => {
                Ok(self.carried(carrier::stdio::open()?.into(), Place::default(), None))
            }
            Carrier::Exec(argv) => {
                let around = Surroundings {
                    own_group: self.net.program_groups,
                    ..Surroundings::default()
                };
                let (pair, child) = carrier::exec::spawn(argv, &around)?;
                Ok(self.carried(pair.into(), self.to.clone(), Some(child)))
            }
            Carrier::Pty(argv) => {
                let (terminal, child) = carrier::pty::spawn(argv, &Surroundings::default())?;
                Ok(self.carried(Io::Boxed(Box::new(terminal)), self.to.clone(), Some(child)))
            }
            Carrier::File(path) => {
                let pair = carrier::file::open(path, options)?;
                Ok(self.carried(pair.into(), self.to.clone(), None))
            }
            Carrier::Fifo(path) => {
                let end = match self.role {
                    Role::Connect => FifoEnd::Write,
                    Role::Listen => FifoEnd::Read,
                };
                let pair = carrier::file::open_fifo(path, options, end, self.deadline).await?;
                Ok(self.carried(pair.into(), self.to.clone(), None))
            }
            Carrier::Fd(which) => {
                let io = carrier::inherited::connected(which)?;
                Ok(self.carried(io, self.to.clone(), None))
            }
            Carrier::Udp(_) => Err(Error::new(
                Kind::Unsupported,
                Operation::Connect,
                "it carries messages",
            )),
        }
    }

    async fn messages(&self) -> Result<Messages> {
        let options = self.to.options();
        let tap = Net::tap(self.watch, self.to.carrier().scheme(), false);
        let messages = match self.to.carrier() {
            Carrier::Udp(at) => {
                is_a_place(at)?;
                let addresses = self
                    .net
                    .addresses(at, Protocol::Udp, options, self.watch, self.deadline)
                    .await?;
                carrier::udp::connect(&addresses, options, self.to, tap)?
            }
            Carrier::Unix(address) if address.kind == UnixKind::Dgram => {
                carrier::unix_dgram::connect(address, options, self.to, tap)?
            }
            Carrier::Unix(address) => {
                let connecting = carrier::unix_seqpacket::connect(address, options, self.to, tap);
                match tokio::time::timeout_at(self.deadline.into(), connecting).await {
                    Ok(connected) => connected?,
                    Err(_) => {
                        return Err(Error::new(
                            Kind::TimedOut,
                            Operation::Connect,
                            "the server does not accept (its queue is full)",
                        ));
                    }
                }
            }
            _ => {
                return Err(Error::new(
                    Kind::Unsupported,
                    Operation::Connect,
                    "it carries bytes",
                ));
            }
        };
        if let Some(watch) = self.watch {
            let connected = What::Connected {
                local: messages.local(),
                peer: messages.peer(),
            };
            watch.report(self.to.carrier().scheme(), connected);
        }
        Ok(messages)
    }

    fn carried(&self, io: Io, peer: impl Into<Place>, child: Option<Child>) -> Stream {
        carried(
            io,
            self.to,
            self.watch,
            Place::default(),
            peer.into(),
            child,
        )
    }
}

/// Refuse port 0, which no peer can have; the system would only say that nobody listens there.
fn is_a_place(at: &HostPort) -> Result<()> {
    match at.port {
        Port::Number(0) => Err(Error::new(
            Kind::Usage,
            Operation::Connect,
            "nobody can be at port 0",
        )
        .with_hint(
            "port 0 lets the system choose where we listen; what it chose is where to connect to",
        )),
        _ => Ok(()),
    }
}

/// The stream of an open carrier, tapped if somebody watches.
pub(super) fn carried(
    io: Io,
    endpoint: &Endpoint,
    watch: Option<&Watch>,
    local: Place,
    peer: Place,
    child: Option<Child>,
) -> Stream {
    let scheme = endpoint.carrier().scheme();
    let tap = Net::tap(watch, scheme, via::is_covered(endpoint, 0));
    let info = Info {
        local,
        peer,
        child: child.map(Box::new),
        ..Info::default()
    };
    let stream = Stream::new(io, tap, info);
    if let Some(watch) = watch {
        let connected = What::Connected {
            local: stream.local(),
            peer: stream.peer(),
        };
        watch.report(scheme, connected);
    }
    stream
}

/// A handshake that fails is, to whoever connects, one more way in which connecting fails.
fn while_connecting(error: Error) -> Error {
    match error.operation() {
        Operation::Handshake | Operation::Open => error.during(Operation::Connect),
        _ => error,
    }
}

/// A connection on its way: if it fails, or is given up, whoever watches is told that it is over.
pub(super) struct Unfinished<'a> {
    watch: Option<&'a Watch>,
    layer: &'a str,
}

impl<'a> Unfinished<'a> {
    pub(super) fn new(watch: Option<&'a Watch>, layer: &'a str) -> Self {
        Self { watch, layer }
    }

    /// It ended this way; what was opened reports its own end.
    pub(super) fn finish<T>(mut self, result: Result<T>) -> Result<T> {
        if let (Some(watch), Err(error)) = (self.watch.take(), &result) {
            watch.report(self.layer, What::Failed(error));
        }
        result
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            watch.report(self.layer, What::Closed { exit: None });
        }
    }
}

/// A handshake that failed while connecting to this address.
fn at(error: Error, address: Option<SocketAddr>) -> Error {
    match address {
        Some(address) => while_connecting(error).at(address),
        None => while_connecting(error),
    }
}

/// The host that a certificate is to name.
pub(super) fn host_of(carrier: &Carrier) -> Option<&Host> {
    match carrier {
        Carrier::Tcp(HostPort { host, .. }) => Some(host),
        _ => None,
    }
}
