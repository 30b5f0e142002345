//! The other connection: each file and each listing travels on one of its own.

use std::net::{IpAddr, SocketAddr};

use sockeye_data::ftp::{Class, Command, Reply, extended_passive, extended_port, passive, port};
use tokio::time::timeout;

use super::control::fault_error;
use super::session::Ftp;
use super::settings::DataMode;
use crate::endpoint::{Carrier, Endpoint, Host, HostPort, Port};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Link, Listener, Stream};

/// How many strangers may come to a port of ours before we give up.
const STRANGERS: usize = 16;

/// A connection for one transfer, before the server has agreed to it.
pub(super) enum Data {
    Open(Stream),
    Waiting(Listener),
}

impl Ftp {
    /// Make ready for a transfer.
    pub(super) async fn prepare(&mut self) -> Result<Data> {
        match self.settings.mode {
            DataMode::Passive => self.passive().await.map(Data::Open),
            DataMode::Active => self.active().await.map(Data::Waiting),
        }
    }

    async fn passive(&mut self) -> Result<Stream> {
        let port = self.passive_port().await?;
        let host = self.peer_host();
        let at = HostPort {
            host,
            port: Port::Number(port),
        };
        let to = Endpoint::new(Carrier::Tcp(at)).with_options(self.options.clone());
        // The address is where the session really is, whatever led there.
        let net = match self.is_detour() {
            true => self.net.clone(),
            false => self.net.straight(),
        };
        let connected = net.connect(&to).await;
        connected.map_err(|error| {
            let hint =
                "this is the second connection, for files; a firewall may let only the first pass";
            match error.kind() {
                Kind::Refused | Kind::TimedOut | Kind::Unreachable => error.with_hint(hint),
                _ => error,
            }
        })
    }

    /// The port that the server opened for us.
    async fn passive_port(&mut self) -> Result<u16> {
        if !self.is_epsv_refused {
            let command = self.command("EPSV", None)?;
            let reply = self.control.ask(&command).await?;
            match reply.class() {
                Class::Done => {
                    return extended_passive(&reply)
                        .map_err(|fault| fault_error(&fault).about(self.control.subject()));
                }
                // It does not know the command, or not for this kind of address (522).
                Class::No => self.is_epsv_refused = true,
                _ => return Err(self.rejected(&command, &reply, b"")),
            }
        }
        if !self.is_detour() && self.peer_address().is_some_and(|it| it.is_ipv6()) {
            let why = "the server does not know EPSV, and nothing else does over IPv6";
            return Err(self.control.error(Kind::Rejected, why));
        }
        let command = self.command("PASV", None)?;
        let reply = self.control.ask(&command).await?;
        if reply.class() != Class::Done {
            return Err(self.rejected(&command, &reply, b""));
        }
        let said =
            passive(&reply).map_err(|fault| fault_error(&fault).about(self.control.subject()))?;
        // Whoever follows the address can be led to any service of any machine that we reach (CVE-2020-8284).
        if self.peer_address().map(|it| it.ip()) != Some(IpAddr::V4(*said.ip())) {
            tracing::debug!(%said, "the server names another address than its own, which is not used");
        }
        Ok(said.port())
    }

    /// Where files come from: the very address that the session is with, unless a proxy finds that for us.
    fn peer_host(&self) -> Host {
        match self.peer_address() {
            Some(address) if !self.is_detour() => Host::from(address.ip()),
            _ => self.host.clone(),
        }
    }

    /// Whether a proxy is between us and the server: then the address of our connection is not the server's.
    fn is_detour(&self) -> bool {
        !self.options.via.is_empty()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.control.stream()?.peer_address()
    }

    /// Listen where the session is, and tell the server.
    async fn active(&mut self) -> Result<Listener> {
        let here = self.control.stream().and_then(Stream::local);
        let here = match here.map(Endpoint::carrier) {
            Some(Carrier::Tcp(HostPort { host, .. })) if !self.is_detour() => host.clone(),
            _ => {
                let why = "the server cannot connect to us: we have no address that it sees";
                return Err(self.control.error(Kind::Unsupported, why));
            }
        };
        let at = HostPort {
            host: here,
            port: Port::Number(0),
        };
        let listener = self.net.listen(&Endpoint::new(Carrier::Tcp(at))).await?;
        let address = match listener.local().carrier() {
            Carrier::Tcp(HostPort {
                host: Host::Ip { addr, .. },
                port: Port::Number(port),
            }) => SocketAddr::new(*addr, *port),
            _ => {
                let why = "we have no address to tell the server";
                return Err(self.control.error(Kind::Unsupported, why));
            }
        };
        let command = self.command("EPRT", Some(extended_port(address).as_bytes()))?;
        let mut reply = self.control.ask(&command).await?;
        let mut asked = command;
        if let (Class::No, SocketAddr::V4(address)) = (reply.class(), address) {
            asked = self.command("PORT", Some(port(address).as_bytes()))?;
            reply = self.control.ask(&asked).await?;
        }
        if reply.class() != Class::Done {
            return Err(self.rejected(&asked, &reply, b""));
        }
        Ok(listener)
    }

    /// The server has agreed: the connection, encrypted if it is to be.
    pub(super) async fn establish(&mut self, data: Data) -> Result<Stream> {
        let stream = match data {
            Data::Open(stream) => stream,
            Data::Waiting(mut listener) => {
                let limit = self.settings.reply_timeout;
                let accepted = timeout(limit, self.accept(&mut listener)).await;
                match accepted {
                    Ok(stream) => stream?,
                    Err(_) => {
                        let why = "the server did not connect to us in time";
                        return Err(self
                            .control
                            .error(Kind::TimedOut, why)
                            .with_hint("a firewall may be in its way; by default we connect"));
                    }
                }
            }
        };
        match &mut self.tls {
            Some(tls) if !self.settings.clear_data => {
                let secured = tls.secure(stream, Some(&self.host)).await;
                secured.map_err(|error| error.about(self.control.subject()))
            }
            _ => Ok(stream),
        }
    }

    /// Break off a transfer whose connection is closed already. The server owes us two answers: one for the transfer, one for
    /// this.
    pub(super) async fn abort(&mut self) -> Result<()> {
        let command = self.command("ABOR", None)?;
        self.control.send_now(&command).await?;
        self.control.catch_up().await
    }

    /// The connection that comes from the server; others are closed.
    async fn accept(&self, listener: &mut Listener) -> Result<Stream> {
        let server = self.peer_address().map(|it| it.ip());
        for _ in 0..STRANGERS {
            let Some(incoming) = listener.accept().await? else {
                break;
            };
            let peer = match incoming.peer().map(Endpoint::carrier) {
                Some(Carrier::Tcp(HostPort {
                    host: Host::Ip { addr, .. },
                    ..
                })) => Some(*addr),
                _ => None,
            };
            if peer.is_none() || peer != server {
                continue;
            }
            if let Link::Stream(stream) = incoming.handshake().await? {
                return Ok(stream);
            }
        }
        let why = "others than the server connected to us";
        Err(self.control.error(Kind::Denied, why))
    }

    /// The error of a command that was answered with no, about this path or about the server.
    pub(super) fn rejected(&self, command: &Command, reply: &Reply, path: &[u8]) -> Error {
        let why = format!("the server answered {} with {reply}", command.verb());
        let error = Error::new(Kind::Rejected, Operation::Fetch, why).with_status(reply.code());
        let error = match path {
            b"" => error.about(self.control.subject()),
            path => error.about(self.subject(path)),
        };
        match reply.code() {
            331 | 332 | 530 | 532 => {
                error.with_hint("it wants to know who we are: a user, a password")
            }
            522 | 521 | 533 | 534 => {
                error.with_hint("it has its own idea of what is to be encrypted")
            }
            _ => error,
        }
    }
}
