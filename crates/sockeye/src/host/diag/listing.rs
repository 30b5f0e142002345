//! The list itself: protocol by protocol, the best way that this kernel knows, and what to do where it knows none.

use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;

use super::channel::{Channel, Ended};
use super::inet::Family;
use super::message::Request;
use super::{KernelQuery, inet, netlink, packet, proc_net, repeated, unix, vsock};
use crate::host::socket::{Address, Protocol, Socket, State, States};
use crate::host::table::Notice;

/// Codes of notices.
pub(super) const INTERRUPTED: &str = "dump-interrupted";
pub(super) const UNREADABLE: &str = "answer-unreadable";
const MISSING: &str = "protocol-missing";
const FILTER: &str = "filter-in-user-space";
const BOUND: &str = "bound-unknown";
const PROC: &str = "without-diag";

/// For how many rows there is room at once.
const ROOM: usize = 1 << 15;

/// Files of `/proc/net`.
const TCP: [&str; 2] = ["tcp", "tcp6"];
const UDP: [&str; 2] = ["udp", "udp6"];
const UDPLITE: [&str; 2] = ["udplite", "udplite6"];
const RAW: [&str; 2] = ["raw", "raw6"];
const ICMP: [&str; 2] = ["icmp", "icmp6"];

/// A list in the making.
pub(super) struct Listing<'a> {
    pub(super) query: KernelQuery,
    proc_root: &'a Path,
    pub(super) channel: Channel,
    pub(super) out: &'a mut Vec<Socket>,
    pub(super) notices: Vec<Notice>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(
        query: KernelQuery,
        proc_root: &'a Path,
        channel: Channel,
        out: &'a mut Vec<Socket>,
    ) -> Self {
        Self {
            query,
            proc_root,
            channel,
            out,
            notices: Vec::new(),
        }
    }

    /// Every socket that the query asks for.
    pub(super) fn everything(&mut self) -> io::Result<()> {
        if self.wants(Protocol::Tcp) {
            self.warn_of_bound();
            if !self.tcp_in_one_walk()? {
                self.internet(Protocol::Tcp)?;
            }
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
        if self.wants(Protocol::Icmp) && !self.read_proc(&ICMP, Protocol::Icmp) {
            self.missing(Protocol::Icmp);
        }
        self.unix()?;
        self.others()
    }

    /// Only these have ports that could be compared; without a port in question every socket may be listed.
    fn wants(&self, protocol: Protocol) -> bool {
        let by_port = self.query.local_port.is_some() || self.query.peer_port.is_some();
        self.query.protocols.has(protocol) && (!by_port || protocol.has_ports())
    }

    /// Say so, where sockets that are only bound are asked for and the kernel does not list them.
    fn warn_of_bound(&mut self) {
        let asked = self.query.states != States::ALL && self.query.states.has(State::Bound);
        let release = self.proc_root.join("sys/kernel/osrelease");
        if asked && fs::read_to_string(release).is_ok_and(|release| !lists_bound(&release)) {
            self.note(
                BOUND,
                "this kernel does not list sockets that are only bound (Linux 6.8 and later do)",
            );
        }
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
                // A kernel without IPv6 has no such sockets.
                Err(error) if is_refusal(&error) && family == Family::V6 => {}
                Err(error) if is_refusal(&error) => {
                    self.internet_by_proc(protocol);
                    return Ok(());
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn internet_by_proc(&mut self, protocol: Protocol) {
        let files = match protocol {
            Protocol::Tcp => &TCP,
            Protocol::Udp => &UDP,
            Protocol::UdpLite => &UDPLITE,
            Protocol::Raw => &RAW,
            _ => return self.missing(protocol),
        };
        if !self.read_proc(files, protocol) {
            self.missing(protocol);
        } else if protocol.has_ports() {
            let text = format!("this kernel has no diag for {protocol}: details are missing");
            self.notices.push(Notice { code: PROC, text });
        }
    }

    /// Packet, netlink and vsock sockets. Only the last ones are asked for by state.
    fn others(&mut self) -> io::Result<()> {
        let (wanted, states) = (self.query.wanted, self.query.states);
        let start = self.out.len();
        if self.wants(Protocol::Packet) {
            match self.walk(|_| packet::dump(), |content| packet::parse(content, wanted)) {
                Err(error) if is_refusal(&error) => match self.text("packet") {
                    Some(text) => self.out.extend(proc_net::packet(&text)),
                    None => self.missing(Protocol::Packet),
                },
                other => other?,
            }
        }
        if self.wants(Protocol::Netlink) {
            match self.walk(
                |_| netlink::dump(),
                |content| netlink::parse(content, wanted),
            ) {
                Err(error) if is_refusal(&error) => match self.text("netlink") {
                    Some(text) => self.out.extend(proc_net::netlink(&text)),
                    None => self.missing(Protocol::Netlink),
                },
                other => other?,
            }
        }
        if self.wants(Protocol::Vsock) {
            match self.walk(|query| vsock::dump(query.states), vsock::parse) {
                Err(error) if is_refusal(&error) => self.missing(Protocol::Vsock),
                other => other?,
            }
        }
        self.keep(start, |row| states.has(row.state));
        Ok(())
    }

    /// Whether one of these files of `/proc/net` is there; its sockets are in the list then.
    fn read_proc(&mut self, files: &[&str; 2], protocol: Protocol) -> bool {
        let start = self.out.len();
        let mut there = false;
        for file in files {
            if let Some(text) = self.text(file) {
                there = true;
                self.out.extend(proc_net::internet(&text, protocol));
            }
        }
        let query = self.query.clone();
        let is =
            |port: Option<u16>, end: &Address| port.is_none_or(|port| end.port() == Some(port));
        self.keep(start, |row| {
            query.states.has(row.state)
                && is(query.local_port, &row.local)
                && is(query.peer_port, &row.peer)
        });
        there
    }

    /// A file of the calling thread's `/proc/net`: other threads may be in other namespaces.
    fn text(&self, file: &str) -> Option<String> {
        let read = |folder: &str| fs::read_to_string(self.proc_root.join(folder).join(file)).ok();
        read("thread-self/net").or_else(|| read("net"))
    }

    /// Of the rows from `start` on, only those that fit.
    pub(super) fn keep(&mut self, start: usize, fits: impl Fn(&Socket) -> bool) {
        let mut index = 0;
        self.out.retain(|row| {
            index += 1;
            index <= start || fits(row)
        });
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
            self.keep(start, |row| protocols.has(row.protocol));
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
        // Growing step by step would copy a long list several times; memory that is never touched costs nothing.
        out.reserve(ROOM);
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

/// Whether that release is Linux 6.8 or later.
fn lists_bound(release: &str) -> bool {
    let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 8)
}

/// Whether the kernel said that it does not know what we ask for (and not that something went wrong).
pub(super) fn is_refusal(error: &io::Error) -> bool {
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
