//! Which sockets: the flags that ask the common questions, turned into a request to the kernel and a check of each row.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sockeye::host::filter::{Filter, Names};
use sockeye::host::services;
use sockeye::host::socket::{Protocol, Protocols, Socket, State, States, Wanted};
use sockeye::host::table::{OwnerSearch, Request, Table, Where};
use sockeye::{Error, Kind, Operation, Result};

use super::row::Row;

/// Where named network namespaces are, see ip-netns(8).
const NAMED: &str = "/run/netns";

/// Which sockets are meant. Nothing given means every internet socket: connected, listening and about to end.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which sockets")]
pub(super) struct Which {
    /// TCP and Multipath TCP
    #[arg(short = 't', long)]
    tcp: bool,
    /// UDP and UDP-Lite
    #[arg(short = 'u', long)]
    udp: bool,
    /// Unix sockets of all types
    #[arg(short = 'x', long)]
    unix: bool,
    /// SCTP
    #[arg(long)]
    sctp: bool,
    /// Raw IP and ping sockets
    #[arg(long)]
    raw: bool,
    /// Packet sockets: programs that see whole frames
    #[arg(short = '0', long)]
    packet: bool,
    /// Netlink sockets: programs that talk to the kernel
    #[arg(long)]
    netlink: bool,
    /// vsock: virtual machines and their host
    #[arg(long)]
    vsock: bool,
    /// Every protocol, or every state of those that are named; without it and without a protocol: the internet's
    #[arg(short = 'a', long, conflicts_with = "state")]
    all: bool,
    /// Only those that wait: for connections, or for datagrams of anybody; -a takes it back, as in ss and netstat
    #[arg(short = 'l', long, conflicts_with = "state")]
    listening: bool,
    /// Only in this state: established, listening, time-wait, close-wait ...; connected means all but listening
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    state: Vec<StateSet>,
    /// Only with this port at either end: a number or a service's name
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    port: Vec<String>,
    /// Only those that this process holds, or that wait in the queue of a listener of its
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pid: Vec<u32>,
    /// Only those that carry IPv4, over an IPv6 socket too
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// Only those that carry IPv6
    #[arg(short = '6')]
    ipv6: bool,
    /// In every network namespace that a visible process is in or that has a name
    #[arg(long, conflicts_with = "netns")]
    all_netns: bool,
    /// In this network namespace: a name of `ip netns`, a process number or a file
    #[arg(short = 'N', long, value_name = "NAME|PID|FILE")]
    netns: Option<String>,
    /// How thoroughly to look for owners: all, the first of each socket, or none
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Owner::All, hide_possible_values = true)]
    owner: Owner,
    /// The same as --owner=all, for hands that know ss
    #[arg(short = 'p', overrides_with = "owner")]
    processes: bool,
}

/// How thoroughly owners are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Owner {
    #[default]
    All,
    First,
    None,
}

/// States that one word names.
#[derive(Clone, Copy, Debug)]
struct StateSet(States);

/// What the flags ask for, ready to be used.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// What was typed as a filter.
    given: Filter,
    /// The same with what the flags say.
    filter: Filter,
    protocols: Protocols,
    /// Whether protocols were asked for by name.
    pub(super) named_protocols: bool,
    states: States,
    listening: bool,
    pub(super) ports: Vec<u16>,
    /// The processes that were asked for by number.
    pub(super) pids: Vec<u32>,
    ipv4: Option<bool>,
    namespaces: Where,
    owners: OwnerSearch,
}

impl Which {
    /// What is asked for, of what the filter means.
    ///
    /// # Errors
    ///
    /// `Kind::Usage` for a service that nobody knows.
    pub(super) fn selection(&self, filter: Filter) -> Result<Selection> {
        let ports = self.ports()?;
        let states = match &self.state[..] {
            [] => States::ALL,
            chosen => chosen.iter().fold(States::NONE, |all, set| all.or(set.0)),
        };
        let named = self.named();
        Ok(Selection {
            protocols: match (named.is_empty(), self.all) {
                (false, _) => named,
                (true, true) => Protocols::ALL,
                (true, false) => unnamed(&filter),
            },
            filter: filter.clone().and(self.pushed(&ports)?),
            given: filter,
            named_protocols: !named.is_empty(),
            states,
            listening: self.waiting(),
            ports,
            pids: self.pid.clone(),
            ipv4: (self.ipv4 || self.ipv6).then_some(self.ipv4),
            namespaces: self.namespaces(),
            owners: match self.owner {
                Owner::All => OwnerSearch::All,
                Owner::First => OwnerSearch::First,
                Owner::None => OwnerSearch::None,
            },
        })
    }

    /// The protocols that were asked for by name.
    fn named(&self) -> Protocols {
        use Protocol::{
            Icmp, Mptcp, Netlink, Packet, Raw, Sctp, Tcp, Udp, UdpLite, UnixDatagram,
            UnixSeqpacket, UnixStream, Vsock,
        };
        let groups: [(bool, &[Protocol]); 8] = [
            (self.tcp, &[Tcp, Mptcp]),
            (self.udp, &[Udp, UdpLite]),
            (self.unix, &[UnixStream, UnixDatagram, UnixSeqpacket]),
            (self.sctp, &[Sctp]),
            (self.raw, &[Raw, Icmp]),
            (self.packet, &[Packet]),
            (self.netlink, &[Netlink]),
            (self.vsock, &[Vsock]),
        ];
        let named = groups.into_iter().filter(|(is_named, _)| *is_named);
        named.flat_map(|(_, group)| group.iter().copied()).collect()
    }

    /// What the flags say in the language of filters, so that the kernel does the work.
    fn pushed(&self, ports: &[u16]) -> Result<Filter> {
        let any = |terms: Vec<String>| -> Result<Filter> {
            Ok(Filter::parse(&terms.join(" or "), &Names::system())?)
        };
        let ends = ports.iter().map(|port| match self.waiting() {
            true => format!("sport = :{port}"),
            false => format!("sport = :{port} or dport = :{port}"),
        });
        let holders = self.pid.iter().map(|pid| format!("pid = {pid}"));
        Ok(any(ends.collect())?.and(any(holders.collect())?))
    }

    /// Hands know `netstat -plant`: there, too, all is more than what listens.
    fn waiting(&self) -> bool {
        self.listening && !self.all
    }

    fn ports(&self) -> Result<Vec<u16>> {
        self.port.iter().map(|port| number(port)).collect()
    }

    fn namespaces(&self) -> Where {
        match self.netns.as_deref() {
            None if self.all_netns => Where::Everywhere,
            None => Where::Here,
            Some(file) if file.contains('/') => Where::File(PathBuf::from(file)),
            Some(name) => match name.parse() {
                Ok(pid) => Where::OfProcess(pid),
                Err(_) => Where::File(PathBuf::from(NAMED).join(name)),
            },
        }
    }
}

impl Selection {
    /// What to ask the kernel. Owners are looked for only if somebody needs them.
    pub(super) fn request(&self, owners_shown: bool) -> Request {
        let request = Request::new()
            .protocols(self.protocols)
            .states(self.kernel_states())
            .filter(self.filter.clone())
            .namespaces(self.namespaces.clone());
        request.owners(match owners_shown {
            true => self.owners,
            false => OwnerSearch::None,
        })
    }

    /// What to ask the kernel where the other end of what is meant counts too.
    pub(super) fn whole(&self) -> Request {
        Request::new()
            .protocols(self.protocols)
            .namespaces(self.namespaces.clone())
            .owners(self.owners)
    }

    /// What has to be asked for besides, so that it can be told what is meant.
    pub(super) fn details(&self, wanted: Wanted) -> Wanted {
        self.filter.needs().details(wanted)
    }

    /// The same, of those that wait: for TCP connections unless protocols were named.
    pub(super) fn waiting(&self) -> Self {
        let mut selection = self.clone();
        selection.listening = true;
        selection.states = States::ALL;
        selection.ports.clear();
        selection.filter = self.given.clone();
        if !self.named_protocols {
            selection.protocols = [Protocol::Tcp, Protocol::Mptcp].into_iter().collect();
        }
        selection
    }

    /// Whether it depends on who holds a socket what is meant.
    pub(super) fn asks_for_owners(&self) -> bool {
        self.filter.needs().owners
    }

    /// In which namespaces.
    pub(super) fn namespaces(&self) -> Where {
        self.namespaces.clone()
    }

    /// The protocols of which one connection can be asked for: TCP unless UDP was named.
    pub(super) fn connected_protocols(&self) -> Vec<Protocol> {
        let known = [Protocol::Tcp, Protocol::Udp, Protocol::UdpLite].into_iter();
        match self.named_protocols {
            true => known
                .filter(|protocol| self.protocols.has(*protocol))
                .collect(),
            false => vec![Protocol::Tcp],
        }
    }

    /// Whether anything was said that chooses among the sockets of a protocol.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.filter.is_all()
    }

    /// The states that can pass; listening is a matter of the protocol too.
    fn kernel_states(&self) -> States {
        let streams: Protocols = [Protocol::Tcp, Protocol::Mptcp, Protocol::Sctp]
            .into_iter()
            .collect();
        if !self.listening {
            return self.states;
        }
        let listening = States::only(State::Listening);
        match self.protocols.or(streams) == streams {
            true => listening,
            false => listening.or(States::only(State::Unconnected)),
        }
    }

    /// The same, of what this assertion is about.
    pub(super) fn asserting(&self, about: &Filter) -> Self {
        let mut selection = self.clone();
        if !self.named_protocols && self.protocols != Protocols::ALL {
            selection.protocols = unnamed(&self.given.clone().and(about.clone()));
        }
        selection
    }

    /// Take out of a table what the flags do not mean; the filter has had its turn.
    pub(super) fn keep_admitted(&self, table: &mut Table) {
        table.sockets.retain(|socket| self.fits(socket));
    }

    /// Whether every row is meant that the kernel lists for these protocols.
    pub(super) fn is_everything(&self) -> bool {
        !self.listening && self.states == States::ALL && self.ipv4.is_none() && !self.is_narrowed()
    }

    /// Whether a row is one of those that are meant.
    pub(super) fn admits(&self, row: Row<'_>) -> bool {
        self.fits(row.socket) && self.filter.matches(row.source.table, row.socket)
    }

    /// Whether a socket is what the flags mean that are no part of the filter.
    fn fits(&self, socket: &Socket) -> bool {
        if !self.states.has(socket.state) || self.listening && !waits(socket) {
            return false;
        }
        self.ipv4.is_none_or(|ipv4| carries(socket, ipv4))
    }
}

/// The protocols that are meant if none is named by a flag: those of the internet, unless the filter means others.
fn unnamed(filter: &Filter) -> Protocols {
    let internet: Protocols = Protocol::ALL
        .into_iter()
        .filter(|protocol| protocol.is_internet())
        .collect();
    let meant = filter.pushdown().protocols;
    // A filter that lets pass what nobody names, such as `not tcp`, says nothing about protocols beyond the internet's.
    match meant.has(Protocol::Netlink) && meant.has(Protocol::Vsock) {
        true => internet,
        false => meant,
    }
}

/// A port by its number or by the name of a service.
pub(super) fn number(port: &str) -> Result<u16> {
    let port = port.strip_prefix(':').unwrap_or(port);
    match port.parse::<u64>() {
        Ok(number @ 1..=65_535) => Ok(number as u16),
        Ok(_) => {
            let why = format!("{port} is not a port");
            Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("ports go from 1 to 65535"))
        }
        Err(_) => {
            services::find(port, "tcp").or_else(|error| services::port(port, "udp").ok_or(error))
        }
    }
}

/// Whether it waits for connections, or for datagrams of anybody.
fn waits(socket: &Socket) -> bool {
    match socket.state {
        State::Listening => true,
        State::Unconnected => match socket.protocol {
            Protocol::Tcp | Protocol::Mptcp | Protocol::Sctp => false,
            Protocol::UnixStream | Protocol::UnixSeqpacket => false,
            Protocol::UnixDatagram => socket.local != sockeye::host::socket::Address::None,
            _ => true,
        },
        _ => false,
    }
}

/// Whether it carries IPv4, or IPv6. An IPv6 socket that takes both carries both.
fn carries(socket: &Socket, ipv4: bool) -> bool {
    let Some(ip) = socket.local.ip().filter(|_| socket.protocol.is_internet()) else {
        return false;
    };
    let takes_both = ip.is_unspecified() && socket.v6_only == Some(false);
    match ipv4 {
        true => ip.is_ipv4() || takes_both,
        false => ip.is_ipv6(),
    }
}

/// A state by our word or by that of ss and netstat.
fn state(word: &str) -> Result<StateSet, String> {
    let lower = word.to_ascii_lowercase().replace('_', "-");
    let set = match lower.as_str() {
        "all" => States::ALL,
        "connected" => States::only(State::Listening)
            .or(States::only(State::Unconnected))
            .or(States::only(State::Bound))
            .not(),
        "listen" => States::only(State::Listening),
        "estab" => States::only(State::Established),
        "closed" | "close" | "unconn" => States::only(State::Unconnected),
        "syn-recv" => States::only(State::SynReceived),
        "fin-wait1" => States::only(State::FinWait1),
        "fin-wait2" => States::only(State::FinWait2),
        "closewait" => States::only(State::CloseWait),
        "timewait" => States::only(State::TimeWait),
        other => {
            let mut all = State::ALL.into_iter();
            let Some(state) = all.find(|state| state.word() == other) else {
                let words: Vec<_> = State::ALL.iter().map(|state| state.word()).collect();
                return Err(format!(
                    "{word:?} is not a state; there are {}, connected and all",
                    words.join(", ")
                ));
            };
            States::only(state)
        }
    };
    Ok(StateSet(set))
}
