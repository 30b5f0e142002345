//! A row of the list: one socket with what the table and this machine know about it, cell by cell.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use sockeye::data::escape::{escape, escape_str};
use sockeye::host::process::{Holder, Missing, Owners, Process};
use sockeye::host::services::Services;
use sockeye::host::socket::{Address, Protocol, Socket, UnixName};
use sockeye::host::table::Table;
use sockeye::host::users::Users;

use super::columns::Form;
use super::words::{self, number, write};

/// The most processes that a cell names; JSON has all of them.
const MAX_NAMED: usize = 8;

/// What rows are written from.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) table: &'a Table,
    /// Names of services; `None` for numbers alone.
    pub(super) services: Option<Services>,
    /// Names of users.
    pub(super) users: Users,
    /// Local ports that the kernel hands out: their names would mean nothing.
    pub(super) ephemeral: RangeInclusive<u16>,
}

/// One socket of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) socket: &'a Socket,
}

/// Which end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Local,
    Peer,
}

impl<'a> Row<'a> {
    /// Who holds the socket, or why that cannot be said.
    pub(super) fn owners(self) -> Owners<'a> {
        self.source.table.owners(self.socket)
    }

    /// The descriptors that refer to it; none if nobody is known.
    pub(super) fn holders(self) -> &'a [Holder] {
        match self.owners() {
            Owners::Held(holders) => holders,
            Owners::Missing(_) => &[],
        }
    }

    /// The processes that hold it, each once.
    pub(super) fn processes(self) -> Vec<&'a Process> {
        distinct(self.source.table, self.holders())
    }

    pub(super) fn address(self, side: Side) -> &'a Address {
        match side {
            Side::Local => &self.socket.local,
            Side::Peer => &self.socket.peer,
        }
    }

    /// The name of the service on this side, unless the port was handed out by the kernel.
    pub(super) fn service(self, side: Side) -> Option<&'a str> {
        let services = self.source.services.as_ref()?;
        let transport = match self.socket.protocol {
            Protocol::Tcp | Protocol::Mptcp => "tcp",
            Protocol::Udp | Protocol::UdpLite => "udp",
            Protocol::Sctp => "sctp",
            _ => return None,
        };
        let port = self.address(side).port().filter(|port| *port != 0)?;
        // A number that was given to a client says nothing, on neither side.
        if self.source.ephemeral.contains(&port) && !self.socket.is_listener() {
            return None;
        }
        services.familiar_name(port, transport)
    }

    /// The name of a device of this socket's namespace; its index where the name is not known.
    pub(super) fn device(self, index: u32, out: &mut String) {
        match self.device_name(index) {
            Some(name) => out.push_str(&escape_str(name)),
            None => write(out, format_args!("{index}")),
        }
    }

    /// The name of a device of this socket's namespace.
    pub(super) fn device_name(self, index: u32) -> Option<&'a str> {
        let namespace = self.source.table.namespace(self.socket);
        namespace.devices.get(&index).map(String::as_str)
    }

    /// An end of the socket with its port, for people with its service; nothing where nobody in particular is meant.
    pub(super) fn end(self, side: Side, form: Form, out: &mut String) {
        let address = self.address(side);
        if let Address::Internet(ip) = address
            && (side, ip.port(), ip.ip().is_unspecified()) == (Side::Peer, 0, true)
        {
            return;
        }
        self.plain_end(side, out);
        if form == Form::Plain {
            return;
        }
        if let Some(service) = self.service(side) {
            out.push(' ');
            out.push_str(&escape_str(service));
        }
        // The peer of a socket that carries IPv4 over IPv6 is of the same kind: once is enough.
        if address.is_mapped() && side == Side::Local {
            out.push_str(" (v6)");
        }
    }

    /// An end of the socket without names: `127.0.0.1:80`, `[::1%lo]:80`, a path.
    pub(super) fn plain_end(self, side: Side, out: &mut String) {
        match self.address(side) {
            Address::Internet(address) => {
                self.host(side, out);
                match self.socket.protocol {
                    // What stands in the place of the port is the number of a protocol, or of an echo.
                    Protocol::Raw => write(out, format_args!(" protocol {}", address.port())),
                    Protocol::Icmp => write(out, format_args!(" id {}", address.port())),
                    _ if address.port() == 0 => out.push_str(":*"),
                    _ => {
                        out.push(':');
                        number(address.port().into(), out);
                    }
                }
            }
            Address::Unix(name) => unix_name(name, out),
            Address::Packet { protocol, device } => {
                match protocol {
                    3 => out.push_str("all"),
                    other => write(out, format_args!("0x{other:04x}")),
                }
                out.push_str(" on ");
                match device {
                    0 => out.push('*'),
                    index => self.device(*index, out),
                }
            }
            Address::Netlink { family, port } => match netlink_family(*family) {
                Some(name) => write(out, format_args!("{name}:{port}")),
                None => write(out, format_args!("{family}:{port}")),
            },
            Address::Vsock { context, port } => {
                for (i, part) in [context, port].into_iter().enumerate() {
                    out.push_str(if i == 1 { ":" } else { "" });
                    match *part {
                        u32::MAX => out.push('*'),
                        number => write(out, format_args!("{number}")),
                    }
                }
            }
            _ => {}
        }
    }

    /// The IP address of an end, in brackets where a port follows an IPv6 address, with the device it is bound to.
    fn host(self, side: Side, out: &mut String) {
        let Address::Internet(address) = self.address(side) else {
            return;
        };
        let scope = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => v6.scope_id(),
            _ if side == Side::Local => self.socket.device,
            _ => 0,
        };
        let ip = address.ip().to_canonical();
        let takes_both = ip.is_unspecified() && ip.is_ipv6() && self.socket.v6_only == Some(false);
        let brackets = ip.is_ipv6() && !takes_both;
        if brackets {
            out.push('[');
        }
        match ip {
            // It takes IPv4 and IPv6.
            _ if takes_both => out.push('*'),
            IpAddr::V4(v4) => {
                for (i, part) in v4.octets().into_iter().enumerate() {
                    out.push_str(if i > 0 { "." } else { "" });
                    number(part.into(), out);
                }
            }
            IpAddr::V6(v6) => write(out, format_args!("{v6}")),
        }
        if scope != 0 {
            out.push('%');
            self.device(scope, out);
        }
        if brackets {
            out.push(']');
        }
    }

    /// Who holds it in words, or why that cannot be said.
    pub(super) fn owner(self, out: &mut String) {
        match self.owners() {
            Owners::Held(holders) => named(self.source.table, holders, out),
            Owners::Missing(missing) => {
                words::missing(missing, out);
                if let Missing::AcceptQueue(holders @ [_, ..]) = missing {
                    named(self.source.table, holders, out);
                }
            }
        }
    }

    /// The user: of the process that holds it, else of the socket as the kernel says.
    pub(super) fn user(self, out: &mut String) {
        let holders = self.holders();
        let process = holders.first().map(|h| self.source.table.process(h));
        let uid = process.and_then(|process| process.uid).or(self.socket.uid);
        if let Some(user) = process.and_then(|process| process.user.as_deref()) {
            out.push_str(&escape_str(user));
        } else if let Some(uid) = uid {
            match self.source.users.name(uid) {
                Some(user) => out.push_str(&escape_str(user)),
                None => write(out, format_args!("{uid}")),
            }
        }
    }

    /// The unit and the container that it belongs to.
    pub(super) fn unit(self, out: &mut String) {
        let table = self.source.table;
        let unit = table.unit(self.socket);
        out.push_str(&escape_str(unit.unwrap_or("")));
        if let Some(container) = table.container(self.socket) {
            out.push_str(if unit.is_some() { ", " } else { "" });
            let name = escape_str(container.short_id());
            write(out, format_args!("{} {name}", container.runtime));
        }
    }
}

/// The processes behind these descriptors, each once, in the order of their numbers.
pub(super) fn distinct<'a>(table: &'a Table, holders: &[Holder]) -> Vec<&'a Process> {
    let mut processes: Vec<_> = holders.iter().map(|h| table.process(h)).collect();
    processes.sort_by_key(|process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    processes
}

/// `nginx 77, 78; php 90`.
fn named(table: &Table, holders: &[Holder], out: &mut String) {
    if let [only] = holders {
        let process = table.process(only);
        name(&process.name, out);
        out.push(' ');
        number(process.pid.into(), out);
        if let Some(thread) = only.thread {
            write(out, format_args!(" (thread {thread})"));
        }
        return;
    }
    let mut processes = distinct(table, holders);
    let more = processes.len().saturating_sub(MAX_NAMED);
    processes.sort_by(|a, b| (&a.name, a.pid).cmp(&(&b.name, b.pid)));
    let mut before: Option<&Process> = None;
    for process in processes.into_iter().take(MAX_NAMED) {
        match before {
            Some(before) if before.name == process.name => out.push_str(", "),
            Some(_) => {
                out.push_str("; ");
                name(&process.name, out);
                out.push(' ');
            }
            None => {
                name(&process.name, out);
                out.push(' ');
            }
        }
        write(out, format_args!("{}", process.pid));
        before = Some(process);
    }
    if more > 0 {
        write(out, format_args!(" and {more} more"));
    }
}

/// A name that a program gave itself, safe for a terminal.
pub(super) fn name(bytes: &[u8], out: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok("") => out.push('?'),
        Ok(text) => out.push_str(&escape_str(text)),
        Err(_) => out.push_str(&escape(bytes)),
    }
}

/// The name of a Unix socket as `ss` and our endpoints write it: a path, or `@` and an abstract name.
fn unix_name(unix: &UnixName, out: &mut String) {
    if let UnixName::Abstract(_) = unix {
        out.push('@');
    }
    match std::str::from_utf8(unix.bytes()) {
        Ok(text) => out.push_str(&escape_str(text)),
        Err(_) => out.push_str(&escape(unix.bytes())),
    }
}

/// The netlink families of `linux/netlink.h`.
pub(super) fn netlink_family(family: u8) -> Option<&'static str> {
    Some(match family {
        0 => "route",
        2 => "usersock",
        3 => "firewall",
        4 => "sock-diag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        8 => "iscsi",
        9 => "audit",
        10 => "fib-lookup",
        11 => "connector",
        12 => "netfilter",
        13 => "ip6-fw",
        15 => "uevent",
        16 => "generic",
        18 => "scsi-transport",
        19 => "ecryptfs",
        20 => "rdma",
        21 => "crypto",
        22 => "smc",
        _ => return None,
    })
}

impl Row<'_> {
    /// The IP address of an end alone, or the name of a Unix socket.
    pub(super) fn ip(self, side: Side, out: &mut String) {
        let address = self.address(side);
        match address.ip() {
            Some(ip) => write(out, format_args!("{ip}")),
            None => self.plain_end(side, out),
        }
    }

    /// `ipv4`, `ipv6`, `unix` and so on: what kind of socket it is, whatever it carries.
    pub(super) fn family(self) -> &'static str {
        let protocol = self.socket.protocol;
        match protocol {
            _ if protocol.is_unix() => "unix",
            _ if !protocol.is_internet() => protocol.word(),
            _ if self.socket.ipv6 => "ipv6",
            _ => "ipv4",
        }
    }

    /// The network namespace: its name, else its number.
    pub(super) fn namespace(self, out: &mut String) {
        let namespace = self.source.table.namespace(self.socket);
        match &namespace.name {
            Some(name) => out.push_str(&escape_str(name)),
            None if namespace.inode != 0 => write(out, format_args!("{}", namespace.inode)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
