//! What the kernel says of sockets: `sock_diag(7)` over netlink, and `/proc/net` where the kernel has no diag for them.

mod channel;
mod events;
mod exact;
mod inet;
mod message;
mod repeated;
mod tcp_info;
mod unix;

use std::io;
use std::path::Path;

use nix::errno::Errno;

use self::channel::{Channel, Ended};
pub use self::events::{CloseEvents, Heard};
pub(crate) use self::exact::destroy;
use self::inet::Family;
use self::message::Request;
use super::socket::{Protocol, Protocols, Socket, States, Wanted};
use super::table::Notice;
use super::who::Connection;
use crate::error::{Error, Kind, Operation, Result};

/// What to ask the kernel. What it can filter is not even sent.
#[derive(Clone, Debug)]
pub(crate) struct KernelQuery {
    /// Of these protocols.
    pub(crate) protocols: Protocols,
    /// In these states.
    pub(crate) states: States,
    /// With this local port.
    pub(crate) local_port: Option<u16>,
    /// With this port at the peer.
    pub(crate) peer_port: Option<u16>,
    /// A program for the kernel (`INET_DIAG_REQ_BYTECODE`) that IP sockets have to pass.
    pub(crate) bytecode: Option<Vec<u8>>,
    /// Which details to send.
    pub(crate) wanted: Wanted,
    /// This connection instead of a list; of the rest only the details count then.
    pub(crate) connection: Option<Connection>,
}

impl Default for KernelQuery {
    fn default() -> Self {
        Self {
            protocols: Protocols::ALL,
            states: States::ALL,
            local_port: None,
            peer_port: None,
            bytecode: None,
            wanted: Wanted::default(),
            connection: None,
        }
    }
}

/// All sockets of the calling thread's network namespace that the query asks for, appended to `out`. They may be more
/// than asked for where the kernel cannot filter: the caller filters again.
///
/// # Errors
///
/// If the kernel cannot be asked at all. What it has no module for, and what was disturbed, stands in the notices.
pub(crate) fn sockets(
    query: &KernelQuery,
    _proc_root: &Path,
    out: &mut Vec<Socket>,
) -> Result<Vec<Notice>> {
    let failed = |error| Error::from_io(Operation::Read, error);
    let mut listing = Listing {
        query: query.clone(),
        channel: Channel::open().map_err(failed)?,
        out,
        notices: Vec::new(),
    };
    match query.connection {
        Some(connection) if !has_ports(connection.protocol) => {
            let why = format!("{} sockets have no ports to look for", connection.protocol);
            return Err(Error::new(Kind::Usage, Operation::Read, why));
        }
        Some(connection) => exact::find(&mut listing, &connection).map_err(failed)?,
        None => listing.everything().map_err(failed)?,
    }
    Ok(listing.notices)
}

/// Whether a notice means that sockets may be missing from the list.
pub(crate) fn means_partial(notice: &Notice) -> bool {
    matches!(notice.code, INTERRUPTED | UNREADABLE)
}

const INTERRUPTED: &str = "dump-interrupted";
const UNREADABLE: &str = "answer-unreadable";
const MISSING: &str = "protocol-missing";
const FILTER: &str = "filter-in-user-space";

/// A list in the making.
struct Listing<'a> {
    query: KernelQuery,
    channel: Channel,
    out: &'a mut Vec<Socket>,
    notices: Vec<Notice>,
}

impl Listing<'_> {
    fn everything(&mut self) -> io::Result<()> {
        if self.wants(Protocol::Tcp) && !self.tcp_in_one_walk()? {
            self.internet(Protocol::Tcp)?;
        }
        for protocol in [
            Protocol::Mptcp,
            Protocol::Udp,
            Protocol::UdpLite,
            Protocol::Sctp,
            Protocol::Raw,
        ] {
            if self.wants(protocol) {
                self.internet(protocol)?;
            }
        }
        self.unix()
    }

    /// Only these have ports that could be compared; without a port in question every socket may be listed.
    fn wants(&self, protocol: Protocol) -> bool {
        let by_port = self.query.local_port.is_some() || self.query.peer_port.is_some();
        self.query.protocols.has(protocol) && (!by_port || has_ports(protocol))
    }

    /// Whether the kernel knows the old request that lists both families at once.
    fn tcp_in_one_walk(&mut self) -> io::Result<bool> {
        let walked = self.walk(inet::dump_tcp, |content| {
            inet::parse(content, Protocol::Tcp)
        });
        match walked {
            Err(error) if is_refusal(&error) => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn internet(&mut self, protocol: Protocol) -> io::Result<()> {
        let Some(number) = inet::ip_protocol(protocol) else {
            return Ok(());
        };
        for family in [Family::V4, Family::V6] {
            let walked = self.walk(
                |query| inet::dump(query, number, family),
                |content| inet::parse(content, protocol),
            );
            match walked {
                Err(error) if is_refusal(&error) => {
                    self.missing(protocol);
                    return Ok(());
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn unix(&mut self) -> io::Result<()> {
        let wanted = [
            Protocol::UnixStream,
            Protocol::UnixDatagram,
            Protocol::UnixSeqpacket,
        ]
        .map(|protocol| self.wants(protocol));
        if wanted == [false; 3] {
            return Ok(());
        }
        let start = self.out.len();
        match self.walk(|query| unix::dump(query.states, query.wanted), unix::parse) {
            Err(error) if is_refusal(&error) => {
                self.missing(Protocol::UnixStream);
                return Ok(());
            }
            other => other?,
        }
        unix::name_peers(&mut self.out[start..]);
        if wanted != [true; 3] {
            let protocols = self.query.protocols;
            let rows = self.out.split_off(start);
            let rows = rows.into_iter().filter(|row| protocols.has(row.protocol));
            self.out.extend(rows);
        }
        Ok(())
    }

    /// Ask for one dump, and for it once more if it was disturbed. What the filter's bytecode is refused for, is asked
    /// for without.
    fn walk(
        &mut self,
        request: impl Fn(&KernelQuery) -> Request,
        parse: impl Fn(&[u8]) -> Option<Socket>,
    ) -> io::Result<()> {
        let start = self.out.len();
        let mut ended = self.dump(&request, &parse);
        if self.query.bytecode.is_some() && ended.as_ref().is_err_and(is_filter_refusal) {
            self.query.bytecode = None;
            self.out.truncate(start);
            let text = "the kernel refused the filter: it is applied here instead".into();
            self.notices.push(Notice { code: FILTER, text });
            ended = self.dump(&request, &parse);
        }
        let mut ended = ended?;
        if ended == Ended::Interrupted {
            let again = self.out.len();
            ended = self.dump(&request, &parse)?;
            if ended == Ended::Complete {
                self.out.drain(start..again);
            } else {
                self.note(
                    INTERRUPTED,
                    "the kernel's tables changed while they were read: sockets may be missing",
                );
            }
        }
        repeated::drop_repeated(self.out, start);
        Ok(())
    }

    fn dump(
        &mut self,
        request: impl Fn(&KernelQuery) -> Request,
        parse: impl Fn(&[u8]) -> Option<Socket>,
    ) -> io::Result<Ended> {
        let (mut unreadable, out) = (0, &mut *self.out);
        let ended = self
            .channel
            .dump(request(&self.query), |_, content| match parse(content) {
                Some(socket) => out.push(socket),
                None => unreadable += 1,
            });
        if unreadable > 0 {
            self.note(
                UNREADABLE,
                "the kernel told of sockets in a way that is not known here: they are missing",
            );
        }
        ended
    }

    fn missing(&mut self, protocol: Protocol) {
        let text = format!("this kernel cannot list {protocol} sockets: it has no module for that");
        self.notices.push(Notice {
            code: MISSING,
            text,
        });
    }

    /// Say this once.
    fn note(&mut self, code: &'static str, text: &str) {
        if self.notices.iter().all(|notice| notice.code != code) {
            let text = text.to_owned();
            self.notices.push(Notice { code, text });
        }
    }
}

/// What stands for a port of raw and ping sockets is none.
fn has_ports(protocol: Protocol) -> bool {
    protocol.is_internet() && protocol < Protocol::Raw
}

/// Whether the kernel said that it does not know what we ask for (and not that something went wrong).
fn is_refusal(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(
        code,
        Some(
            Errno::ENOENT
                | Errno::EINVAL
                | Errno::EOPNOTSUPP
                | Errno::EAFNOSUPPORT
                | Errno::EPROTONOSUPPORT
        )
    )
}

fn is_filter_refusal(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EINVAL | Errno::EPERM))
}

#[cfg(test)]
mod tests;
