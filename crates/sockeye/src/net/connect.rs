//! Connecting: open the carrier, then wrap it in each layer.

use std::time::Instant;

use super::carrier::{self, exec::Surroundings, file::FifoEnd};
use super::child::Child;
use super::context::Net;
use super::resolve::{self, Protocol};
use super::stream::{Info, Io, Stream};
use super::{DatagramSocket, Link, Messages, layer, race};
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
        let watch = self.watch();
        let opened = Opening {
            net: self,
            to,
            watch: watch.as_ref(),
            deadline: Instant::now() + self.connect_timeout,
            fifo: FifoEnd::Write,
        }
        .open()
        .await;
        opened.map_err(|error| failed(error, to, watch.as_ref()))
    }

    /// Open the carrier of an endpoint that is listened on and is one conversation; the layers are the caller's, who
    /// takes the server's part in them.
    pub(super) async fn open_here(&self, at: &Endpoint, watch: Option<&Watch>) -> Result<Stream> {
        let opened = Opening {
            net: self,
            to: at,
            watch,
            deadline: Instant::now() + self.connect_timeout,
            fifo: FifoEnd::Read,
        }
        .stream()
        .await;
        opened.map_err(|error| failed(error, at, watch))
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
            Io::Pair(pair),
            &to,
            watch.as_ref(),
            None,
            Some(to.clone()),
            Some(child),
        ))
    }
}

/// One endpoint being opened.
struct Opening<'a> {
    net: &'a Net,
    to: &'a Endpoint,
    watch: Option<&'a Watch>,
    deadline: Instant,
    /// Which end of a named pipe is ours when nothing else is said.
    fifo: FifoEnd,
}

impl Opening<'_> {
    async fn open(&self) -> Result<Link> {
        if self.to.carrier().keeps_boundaries() {
            return self.messages().await.map(Link::Messages);
        }
        let mut stream = self.stream().await?;
        for layer in self.to.layers() {
            let host = host_of(self.to.carrier());
            stream = layer::connect(stream, layer, host, self.watch, self.deadline).await?;
        }
        Ok(Link::Stream(stream))
    }

    async fn stream(&self) -> Result<Stream> {
        let options = self.to.options();
        match self.to.carrier() {
            Carrier::Tcp(at) => {
                is_a_place(at)?;
                let tcp =
                    race::dial(&self.net.resolver, at, options, self.watch, self.deadline).await?;
                let local = tcp.local_addr().ok().map(Endpoint::from);
                let peer = tcp.peer_addr().ok().map(Endpoint::from);
                Ok(self.carried(Io::Tcp(tcp), local, peer, None))
            }
            Carrier::Unix(address) => {
                let unix = carrier::unix::connect(address, options, self.deadline).await?;
                let peer = Some(Endpoint::new(self.to.carrier().clone()));
                Ok(self.carried(Io::Unix(unix), None, peer, None))
            }
            Carrier::Stdio => Ok(self.carried(Io::Pair(carrier::stdio::open()?), None, None, None)),
            Carrier::Exec(argv) => {
                let around = Surroundings {
                    own_group: self.net.program_groups,
                    ..Surroundings::default()
                };
                let (pair, child) = carrier::exec::spawn(argv, &around)?;
                Ok(self.carried(Io::Pair(pair), None, Some(self.to.clone()), Some(child)))
            }
            Carrier::Pty(argv) => {
                let (terminal, child) = carrier::pty::spawn(argv, &Surroundings::default())?;
                Ok(self.carried(
                    Io::Boxed(Box::new(terminal)),
                    None,
                    Some(self.to.clone()),
                    Some(child),
                ))
            }
            Carrier::File(path) => {
                let pair = carrier::file::open(path, options)?;
                Ok(self.carried(Io::Pair(pair), None, Some(self.to.clone()), None))
            }
            Carrier::Fifo(path) => {
                let pair =
                    carrier::file::open_fifo(path, options, self.fifo, self.deadline).await?;
                Ok(self.carried(Io::Pair(pair), None, Some(self.to.clone()), None))
            }
            Carrier::Fd(which) => {
                let io = carrier::inherited::connected(which)?;
                Ok(self.carried(io, None, Some(self.to.clone()), None))
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
                let addresses = resolve::addresses(
                    &self.net.resolver,
                    at,
                    Protocol::Udp,
                    options,
                    self.watch,
                    self.deadline,
                )
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

    fn carried(
        &self,
        io: Io,
        local: Option<Endpoint>,
        peer: Option<Endpoint>,
        child: Option<Child>,
    ) -> Stream {
        carried(io, self.to, self.watch, local, peer, child)
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

/// Report that an endpoint could not be opened, and name it in the error.
fn failed(error: Error, to: &Endpoint, watch: Option<&Watch>) -> Error {
    let error = error.on(to);
    if let Some(watch) = watch {
        watch.report(to.carrier().scheme(), What::Failed(&error));
    }
    error
}

/// The stream of an open carrier, tapped if somebody watches.
pub(super) fn carried(
    io: Io,
    endpoint: &Endpoint,
    watch: Option<&Watch>,
    local: Option<Endpoint>,
    peer: Option<Endpoint>,
    child: Option<Child>,
) -> Stream {
    let scheme = endpoint.carrier().scheme();
    if let Some(watch) = watch {
        watch.report(
            scheme,
            What::Connected {
                local: local.as_ref(),
                peer: peer.as_ref(),
            },
        );
    }
    let tap = Net::tap(watch, scheme, !endpoint.layers().is_empty());
    Stream::new(
        io,
        tap,
        Info {
            local,
            peer,
            child,
            ..Info::default()
        },
    )
}

/// The host that a certificate is to name.
pub(super) fn host_of(carrier: &Carrier) -> Option<&Host> {
    match carrier {
        Carrier::Tcp(HostPort { host, .. }) => Some(host),
        _ => None,
    }
}
