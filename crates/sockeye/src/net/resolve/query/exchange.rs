//! One question over one connection: send it, and wait for what answers it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::super::{message, message::MAX_STRAYS, with_scope, zone};
use super::decode::{Asked, Contents, Reply};
use super::response::HttpInfo;
use super::{Options, Server, Transport, https};
use crate::endpoint::{Carrier, Endpoint, Host, Port};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{MAX_DATAGRAM, Net, Secured};

/// How long saying goodbye may take, once the answer is there.
pub(super) const GOODBYE: Duration = Duration::from_millis(250);

/// What came of it.
pub(super) struct Received {
    /// The answer; `None` if it was cut off.
    pub(super) contents: Option<Box<Contents>>,
    pub(super) size: usize,
    /// From the question to its answer, without connecting.
    pub(super) round_trip: Duration,
    pub(super) via: Via,
}

/// What carried it.
#[derive(Default)]
pub(super) struct Via {
    pub(super) address: Option<SocketAddr>,
    pub(super) secured: Option<Secured>,
    pub(super) http: Option<HttpInfo>,
}

/// Messages that were no answer, counted.
pub(super) struct Waiting<'a> {
    asked: &'a Asked,
    take_truncated: bool,
    strays: &'a mut usize,
    here: usize,
    /// When the question left.
    pub(super) sent: Instant,
}

impl Waiting<'_> {
    /// Take a message; `None` if it is no answer and more should be waited for.
    pub(super) fn take(&mut self, bytes: &[u8], via: &mut Via) -> Result<Option<Received>> {
        let round_trip = self.sent.elapsed();
        let reply = self.asked.read(bytes, self.take_truncated).map_err(|why| {
            Error::new(
                Kind::Protocol,
                Operation::Ask,
                format!("its answer of {} bytes cannot be read: {why}", bytes.len()),
            )
        })?;
        let contents = match reply {
            Reply::Answer(contents) => Some(contents),
            Reply::Truncated => None,
            Reply::Stray => {
                *self.strays += 1;
                self.here += 1;
                if self.here >= MAX_STRAYS {
                    let why = format!("none of its {MAX_STRAYS} messages answers the question");
                    return Err(Error::new(Kind::Protocol, Operation::Ask, why));
                }
                return Ok(None);
            }
        };
        Ok(Some(Received {
            contents,
            size: bytes.len(),
            round_trip,
            via: std::mem::take(via),
        }))
    }
}

/// Put the question to this server, and wait for its answer, however long that takes.
///
/// # Cancel safety
///
/// Dropping the future closes the connection; what was counted stays counted.
pub(super) async fn exchange(
    net: &Net,
    server: &Server,
    asked: &Asked,
    options: &Options,
    strays: &mut usize,
) -> Result<Received> {
    let waiting = Waiting {
        asked,
        take_truncated: options.ignore_truncation || server.transport() != Transport::Udp,
        strays,
        here: 0,
        sent: Instant::now(),
    };
    match server.transport() {
        Transport::Udp => over_udp(net, server, waiting).await,
        Transport::Tcp | Transport::Tls => over_stream(net, server, waiting).await,
        Transport::Https => https::exchange(net, server, asked, options, waiting).await,
    }
}

async fn over_udp(net: &Net, server: &Server, mut waiting: Waiting<'_>) -> Result<Received> {
    // The socket is connected: the system drops what others send, and tells us when nobody listens there.
    let link = net.connect_messages(server.endpoint()).await?;
    let mut via = Via {
        address: link.peer().and_then(address_of),
        ..Via::default()
    };
    waiting.sent = Instant::now();
    link.send(&waiting.asked.bytes).await.map_err(asking)?;
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        let length = link.recv(&mut buffer).await.map_err(asking)?;
        // Datagrams have no end that could be told.
        let bytes = buffer.get(..length.unwrap_or(0)).unwrap_or_default();
        if let Some(received) = waiting.take(bytes, &mut via)? {
            return Ok(received);
        }
    }
}

async fn over_stream(net: &Net, server: &Server, mut waiting: Waiting<'_>) -> Result<Received> {
    let framed = message::framed(&waiting.asked.bytes).ok_or_else(too_long)?;
    let mut stream = net.connect(server.endpoint()).await?;
    let mut via = Via {
        address: stream.peer_address(),
        secured: stream.secured().cloned(),
        http: None,
    };
    let failed = |operation| move |e| asking(Error::from_io(operation, e));
    waiting.sent = Instant::now();
    stream
        .write_all(&framed)
        .await
        .map_err(failed(Operation::Write))?;
    stream.flush().await.map_err(failed(Operation::Write))?;
    loop {
        let bytes = match message::read_framed(&mut stream).await {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                let why = "the server closed the connection without an answer";
                return Err(Error::new(Kind::Protocol, Operation::Ask, why));
            }
            Err(e) => return Err(failed(Operation::Read)(e)),
        };
        if let Some(received) = waiting.take(&bytes, &mut via)? {
            // An end that can be told from a broken connection; but nothing is worth waiting for any more.
            drop(tokio::time::timeout(GOODBYE, stream.shutdown()).await);
            return Ok(received);
        }
    }
}

/// What fails on an open connection fails while asking.
pub(super) fn asking(error: Error) -> Error {
    error.during(Operation::Ask)
}

fn too_long() -> Error {
    let why = "the question is longer than 64 KiB";
    Error::new(Kind::Usage, Operation::Ask, why)
}

/// The address of an end, if it is one.
fn address_of(endpoint: &Endpoint) -> Option<SocketAddr> {
    let (Carrier::Udp(at) | Carrier::Tcp(at)) = endpoint.carrier() else {
        return None;
    };
    match (&at.host, &at.port) {
        (Host::Ip { addr, scope }, Port::Number(port)) => {
            let scope = scope.as_deref().and_then(zone::index).unwrap_or(0);
            Some(with_scope(*addr, *port, scope))
        }
        _ => None,
    }
}
