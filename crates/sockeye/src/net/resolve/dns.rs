//! Asking name servers: one question, its servers and repetitions, over our own sockets.
//!
//! The messages are hickory's; the sockets are ours, so nothing leaves this process beside `net`. A datagram socket is
//! connected to its server, so that the system drops what others send and tells us when nobody listens there.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

use super::message::{self, MAX_STRAYS, UDP_PAYLOAD};
use super::resolv_conf::ResolvConf;
use crate::endpoint::{Endpoint, Family};
use crate::net::Net;
use crate::wire::{Direction, OpenTap, Tap, What};

/// How long the second family may take once the first one is known.
///
/// As long as its addresses would have waited for their turn anyway (RFC 8305 section 5); they cannot join later.
pub(super) const OTHER_FAMILY_GRACE: Duration = Duration::from_millis(250);
/// The most addresses that are taken from one answer.
pub(super) const MAX_ADDRESSES: usize = 64;
/// The most aliases that are followed within one answer.
const MAX_ALIASES: usize = 16;

/// What a name server knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// These addresses.
    Found(Vec<IpAddr>),
    /// The name exists and has no address of this family.
    NoData,
    /// There is no such name (RFC 8020).
    NoName,
}

/// How asking one question at all servers ended.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The answer, and who gave it.
    pub(super) answer: Option<(Answer, SocketAddr)>,
    /// Servers that did not help.
    pub(super) failures: Vec<Failure>,
}

/// A server that did not help, and why; its text is a clause such as `192.0.2.53:53 did not answer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub(super) server: SocketAddr,
    pub(super) why: Why,
}

impl Failure {
    /// The server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether it did not answer in time.
    pub fn is_silent(&self) -> bool {
        self.why == Why::Silent
    }

    /// Whether it answered that it cannot help, with a response code.
    pub fn is_code(&self) -> bool {
        matches!(self.why, Why::Code(_))
    }
}

/// Why a server did not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It did not answer in time.
    Silent,
    /// It answered with this response code.
    Code(ResponseCode),
    /// It answered nonsense.
    Garbled,
    /// It could not be reached.
    Unreached(io::ErrorKind),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, why } = self;
        match why {
            Why::Silent => write!(f, "{server} did not answer"),
            Why::Code(ResponseCode::ServFail) => write!(f, "{server} failed (SERVFAIL)"),
            Why::Code(ResponseCode::Refused) => write!(f, "{server} refused to answer (REFUSED)"),
            Why::Code(code) => write!(f, "{server} answered {}", code.to_str()),
            Why::Garbled => write!(f, "{server} answered nonsense"),
            Why::Unreached(io::ErrorKind::ConnectionRefused) => {
                write!(f, "nobody listens at {server}")
            }
            Why::Unreached(kind) => write!(f, "{server} cannot be reached ({kind})"),
        }
    }
}

/// The addresses of this family that name servers have for this full name.
///
/// Servers are asked one after the other, then again with twice the patience; one that said clearly that it cannot
/// help is not asked again. If servers are asked in turn, `turn` says with which to begin. The observer of the net, if
/// there is one, sees every byte.
pub(super) async fn ask(
    conf: &ResolvConf,
    net: Option<&Net>,
    turn: usize,
    name: &Name,
    family: Family,
    deadline: Instant,
) -> Asked {
    let kind = match family {
        Family::V4 => RecordType::A,
        Family::V6 => RecordType::AAAA,
    };
    let mut asked = Asked::default();
    let mut servers = conf.servers.clone();
    if conf.rotate && !servers.is_empty() {
        let first = turn % servers.len();
        servers.rotate_left(first);
    }
    for attempt in 0..conf.attempts {
        for (position, &server) in servers.iter().enumerate() {
            let answered =
                |failure: &Failure| failure.server == server && failure.why != Why::Silent;
            if asked.failures.iter().any(answered) {
                continue;
            }
            // A silent server may take its share of the time that is left, not that of the servers after it.
            let now = Instant::now();
            let left = u32::try_from(servers.len() - position).unwrap_or(1);
            let share = deadline.saturating_duration_since(now) / left;
            let until = now + share.min(conf.timeout.saturating_mul(1 << attempt.min(5)));
            match ask_one(conf, net, server, name, kind, until).await {
                Ok(answer) => {
                    asked.answer = Some((answer, server));
                    return asked;
                }
                Err(why) => {
                    asked.failures.retain(|failure| failure.server != server);
                    asked.failures.push(Failure { server, why });
                }
            }
            if Instant::now() >= deadline {
                return asked;
            }
        }
    }
    asked
}

async fn ask_one(
    conf: &ResolvConf,
    net: Option<&Net>,
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    until: Instant,
) -> Result<Answer, Why> {
    let mut edns = conf.edns0;
    loop {
        let query = question(name, kind, edns);
        let asked = tokio::time::timeout_at(until, exchange(net, server, &query, conf.use_tcp));
        let response = asked.await.map_err(|_| Why::Silent)??;
        match response.metadata.response_code {
            // An old server; ask again in its language (RFC 6891 section 7).
            ResponseCode::FormErr | ResponseCode::NotImp if edns => edns = false,
            ResponseCode::NoError => return addresses(&response, name, kind),
            ResponseCode::NXDomain => return Ok(Answer::NoName),
            code => return Err(Why::Code(code)),
        }
    }
}

pub(super) fn question(name: &Name, kind: RecordType, edns: bool) -> Message {
    let edns = edns.then(|| message::plain_edns(UDP_PAYLOAD));
    message::question(Query::query(name.clone(), kind), edns)
}

async fn exchange(
    net: Option<&Net>,
    server: SocketAddr,
    query: &Message,
    use_tcp: bool,
) -> Result<Message, Why> {
    let bytes = query.to_vec().map_err(|_| Why::Garbled)?;
    if !use_tcp {
        let response = over_udp(net, server, query, &bytes).await?;
        if !response.metadata.truncation {
            return Ok(response);
        }
    }
    over_tcp(net, server, query, &bytes).await
}

async fn over_udp(
    net: Option<&Net>,
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
) -> Result<Message, Why> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(unreached)?;
    socket.connect(server).await.map_err(unreached)?;
    let tap = tap(net, "udp", socket.local_addr(), server);
    socket.send(bytes).await.map_err(unreached)?;
    saw(tap.as_ref(), Direction::Sent, bytes);
    let mut buffer = vec![0; 4096];
    for _ in 0..MAX_STRAYS {
        let length = socket.recv(&mut buffer).await.map_err(unreached)?;
        saw(tap.as_ref(), Direction::Received, &buffer[..length]);
        match Message::from_vec(&buffer[..length]) {
            Ok(response) if is_answer(&response, query) => return Ok(response),
            // A forged or late answer must not keep the real one from us (RFC 5452 section 9.1).
            Ok(_) | Err(_) => {}
        }
    }
    Err(Why::Garbled)
}

async fn over_tcp(
    net: Option<&Net>,
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
) -> Result<Message, Why> {
    let framed = message::framed(bytes).ok_or(Why::Garbled)?;
    let mut stream = TcpStream::connect(server).await.map_err(unreached)?;
    let tap = tap(net, "tcp", stream.local_addr(), server);
    stream.write_all(&framed).await.map_err(unreached)?;
    saw(tap.as_ref(), Direction::Sent, &framed);
    let buffer = message::read_framed(&mut stream).await.map_err(unreached)?;
    if let Some(framed) = message::framed(&buffer) {
        saw(tap.as_ref(), Direction::Received, &framed);
    }
    match Message::from_vec(&buffer) {
        Ok(response) if is_answer(&response, query) => Ok(response),
        Ok(_) | Err(_) => Err(Why::Garbled),
    }
}

/// The observation point of one exchange, if anybody watches; its end is told when it is dropped.
fn tap(
    net: Option<&Net>,
    layer: &'static str,
    local: io::Result<SocketAddr>,
    server: SocketAddr,
) -> Option<OpenTap> {
    let watch = net?.watch()?;
    let endpoint = |address: SocketAddr| match layer {
        "udp" => Endpoint::udp(address.ip(), address.port()),
        _ => Endpoint::tcp(address.ip(), address.port()),
    };
    let (local, peer) = (local.ok().map(endpoint), endpoint(server));
    let connected = What::Connected {
        local: local.as_ref(),
        peer: Some(&peer),
    };
    watch.report(layer, connected);
    Some(OpenTap::new(Tap::new(watch, layer, false)))
}

fn saw(tap: Option<&OpenTap>, direction: Direction, bytes: &[u8]) {
    if let Some(tap) = tap {
        tap.data(direction, bytes);
    }
}

pub(super) fn is_answer(response: &Message, query: &Message) -> bool {
    message::is_answer(&response.metadata, &response.queries, query)
}

fn unreached(error: io::Error) -> Why {
    match error.kind() {
        io::ErrorKind::TimedOut => Why::Silent,
        kind => Why::Unreached(kind),
    }
}

/// The addresses in an answer, at the end of the aliases that begin at the name (RFC 1034 section 3.6.2).
pub(super) fn addresses(response: &Message, name: &Name, kind: RecordType) -> Result<Answer, Why> {
    let mut owner = name;
    for _ in 0..MAX_ALIASES {
        let alias = response
            .answers
            .iter()
            .find_map(|record| match &record.data {
                RData::CNAME(alias) if record.name == *owner => Some(&alias.0),
                _ => None,
            });
        match alias {
            Some(alias) => owner = alias,
            None => break,
        }
    }
    let found: Vec<IpAddr> = response
        .answers
        .iter()
        .filter(|record| record.name == *owner)
        .filter_map(|record| match &record.data {
            RData::A(address) if kind == RecordType::A => Some(IpAddr::from(address.0)),
            RData::AAAA(address) if kind == RecordType::AAAA => Some(IpAddr::from(address.0)),
            _ => None,
        })
        .take(MAX_ADDRESSES)
        .collect();
    if !found.is_empty() {
        return Ok(Answer::Found(found));
    }
    let metadata = &response.metadata;
    if response.answers.is_empty() && !metadata.authoritative && !metadata.recursion_available {
        // It neither knows nor asks others: a server for other names.
        return Err(Why::Code(ResponseCode::Refused));
    }
    Ok(Answer::NoData)
}
