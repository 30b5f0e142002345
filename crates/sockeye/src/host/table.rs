//! The table of this machine's sockets: ask the kernel, find out who holds what, put both together.
//!
//! [`Request`] says what is wanted, [`Request::read`] asks, and the [`Table`] that comes back is a value. Reading takes
//! milliseconds and blocks: an asynchronous program calls it through `spawn_blocking`.
//!
//! ```
//! use sockeye::host::socket::{Protocol, Protocols, State, States};
//! use sockeye::host::table::Request;
//!
//! # fn main() -> sockeye::Result<()> {
//! let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
//! let table = Request::new()
//!     .protocols(Protocols::only(Protocol::Tcp))
//!     .states(States::only(State::Listening))
//!     .local_port(server.local_addr().unwrap().port())
//!     .read()?;
//! assert!(table.sockets.len() <= 1);
//! # Ok(())
//! # }
//! ```

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::assertion::Assertion;
use super::cgroups::{self, Container};
use super::diag::KernelQuery;
use super::filter::Filter;
pub use super::owners::Cache as OwnerCache;
use super::owners::{Scanned, Sight};
use super::process::{Holder, Missing, Owners, Process};
use super::queues::Queues;
use super::reading;
use super::socket::{Address, Protocols, Socket, State, States, Wanted};
use crate::error::Result;

/// How thoroughly owners are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerSearch {
    /// Not at all: the quickest list.
    None,
    /// Until each socket has one.
    First,
    /// Until every process has been looked into.
    #[default]
    All,
}

/// In which network namespaces to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Where {
    /// The one that this program is in.
    #[default]
    Here,
    /// Every one that a visible process is in, or that has a name (`ip netns`). Needs CAP_SYS_ADMIN for others than ours.
    Everywhere,
    /// That of this process.
    OfProcess(u32),
    /// That of this file, such as `/run/netns/blue`.
    File(PathBuf),
}

/// A network namespace that was looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespace {
    /// Its number (the inode of `/proc/PID/ns/net`).
    pub inode: u64,
    /// Its name, if `ip netns` gave it one.
    pub name: Option<String>,
    /// A process in it.
    pub pid: Option<u32>,
    /// Whether it is that of this program.
    pub ours: bool,
    /// The names of its devices by index.
    pub devices: HashMap<u32, String>,
}

/// What to read. The default is every socket of this namespace, with its owners.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) kernel: KernelQuery,
    pub(crate) owners: OwnerSearch,
    pub(crate) namespaces: Where,
    pub(crate) proc_root: PathBuf,
    pub(crate) filter: Filter,
    /// Whether rows stay of which the filter cannot tell.
    pub(crate) keep_unknown: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            kernel: KernelQuery::default(),
            owners: OwnerSearch::default(),
            namespaces: Where::default(),
            proc_root: PathBuf::from("/proc"),
            filter: Filter::all(),
            keep_unknown: false,
        }
    }
}

impl Request {
    /// Every socket of this namespace, with its owners.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these protocols.
    #[must_use]
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.kernel.protocols = protocols;
        self
    }

    /// Only sockets in these states.
    #[must_use]
    pub fn states(mut self, states: States) -> Self {
        self.kernel.states = states;
        self
    }

    /// Only sockets with this local port.
    #[must_use]
    pub fn local_port(mut self, port: u16) -> Self {
        self.kernel.local_port = Some(port);
        self
    }

    /// Only sockets whose peer has this port.
    #[must_use]
    pub fn peer_port(mut self, port: u16) -> Self {
        self.kernel.peer_port = Some(port);
        self
    }

    /// Ask for these details too.
    #[must_use]
    pub fn details(mut self, wanted: Wanted) -> Self {
        self.kernel.wanted = wanted;
        self
    }

    /// How thoroughly to look for owners.
    #[must_use]
    pub fn owners(mut self, search: OwnerSearch) -> Self {
        self.owners = search;
        self
    }

    /// In which namespaces to look.
    #[must_use]
    pub fn namespaces(mut self, namespaces: Where) -> Self {
        self.namespaces = namespaces;
        self
    }

    /// Only sockets that this filter means, besides what else is asked for; of several, those that all of them mean.
    /// What it needs to decide is asked for too: owners are looked for if it names a process.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// What this assertion is about: its filter, and besides what that means all of which it cannot be told.
    #[must_use]
    pub fn assertion(mut self, assertion: &Assertion) -> Self {
        self.keep_unknown = true;
        self.filter(assertion.filter().clone())
    }

    /// Read this instead of `/proc`: another mount of it, or a fixture.
    #[must_use]
    pub fn proc_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.proc_root = root.into();
        self
    }

    /// Ask the kernel, then look for owners.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied) or [`Kind::Io`](crate::Kind::Io) if the kernel refuses to be asked at all.
    /// What could not be read otherwise stands in [`Table::notices`], and the rest is there.
    pub fn read(&self) -> Result<Table> {
        reading::read(self, None)
    }

    /// [`read`](Self::read) for a view that asks again and again: what the cache remembers of owners is not looked for
    /// again, so that a second read costs little more than the kernel's list. A descriptor that was closed or passed on
    /// while its socket lives may be noticed up to ten reads later. [`OwnerSearch::First`] counts as `All`.
    ///
    /// # Errors
    ///
    /// As for `read`.
    pub fn read_again(&self, cache: &mut OwnerCache) -> Result<Table> {
        reading::read(self, Some(cache))
    }
}

/// Something that a reader of the table should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about: a stable word such as `dump-interrupted`, `protocol-missing`, `namespace-gone`.
    pub code: &'static str,
    /// For people: one line, lower case, safe for a terminal.
    pub text: String,
}

/// The sockets of this machine at one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Table {
    /// The sockets, protocol by protocol, as the kernel lists them.
    pub sockets: Vec<Socket>,
    /// The processes that hold some of them.
    pub processes: Vec<Process>,
    /// The namespaces that were looked into.
    pub namespaces: Vec<Namespace>,
    /// What a reader should know: what is missing in this kernel, what was interrupted.
    pub notices: Vec<Notice>,
    /// Whether sockets may be missing from the list.
    pub partial: bool,
    pub(super) search: OwnerSearch,
    pub(super) scanned: Scanned,
    /// Inodes of sockets that were closed while owners were looked for.
    pub(super) closed: HashSet<u64>,
    /// The listeners at which sockets wait to be accepted.
    pub(super) queues: Queues,
    /// Paths of control groups by their number, made when somebody asks.
    groups: OnceLock<HashMap<u64, String>>,
    pub(super) proc_root: PathBuf,
}

impl Table {
    /// A table from what is known otherwise: from a file, or made up for a test. Holders refer to `processes` by index.
    pub fn from_parts(
        sockets: Vec<Socket>,
        processes: Vec<Process>,
        mut holders: Vec<Holder>,
        namespaces: Vec<Namespace>,
    ) -> Self {
        holders.sort_unstable();
        let scanned = Scanned {
            holders,
            ..Scanned::default()
        };
        let mut queues = Queues::of(&sockets);
        queues.set_holders(&scanned);
        Self {
            sockets,
            processes,
            namespaces,
            scanned,
            queues,
            ..Self::empty(OwnerSearch::All)
        }
    }

    /// A table of nothing.
    pub(super) fn empty(search: OwnerSearch) -> Self {
        Self {
            sockets: Vec::new(),
            processes: Vec::new(),
            namespaces: Vec::new(),
            notices: Vec::new(),
            partial: false,
            search,
            scanned: Scanned::default(),
            closed: HashSet::new(),
            queues: Queues::default(),
            groups: OnceLock::new(),
            proc_root: PathBuf::from("/proc"),
        }
    }

    /// Who holds this socket, or why that cannot be said.
    pub fn owners(&self, socket: &Socket) -> Owners<'_> {
        let held = socket
            .inode
            .map_or(&[][..], |inode| self.scanned.holders(inode));
        if held.is_empty() {
            Owners::Missing(self.missing(socket))
        } else {
            Owners::Held(held)
        }
    }

    /// How thoroughly owners were looked for.
    pub fn search(&self) -> OwnerSearch {
        self.search
    }

    /// The process behind a holder.
    pub fn process(&self, holder: &Holder) -> &Process {
        &self.processes[holder.process as usize]
    }

    /// The namespace that a socket is in.
    pub fn namespace(&self, socket: &Socket) -> &Namespace {
        &self.namespaces[usize::from(socket.namespace.0)]
    }

    /// How many processes could not be looked into, as far as they can be seen at all.
    pub fn hidden_processes(&self) -> usize {
        self.scanned.hidden
    }

    /// How many sockets of the table are held by a process that could not be looked into.
    pub fn hidden_owners(&self) -> usize {
        let hidden = |socket: &&Socket| {
            matches!(
                self.owners(socket),
                Owners::Missing(Missing::NeedsPrivilege | Missing::AcceptQueue([]))
            )
        };
        self.sockets.iter().filter(hidden).count()
    }

    /// The control group of a socket: its own, or where the kernel does not tell that, the one of the first process that
    /// holds it. The first call walks through the groups of this machine; works without privileges.
    pub fn cgroup(&self, socket: &Socket) -> Option<&str> {
        let own = socket.cgroup.and_then(|number| self.groups().get(&number));
        let own = own.map(String::as_str);
        // Sockets that the init system has opened for a service, and those of machines where version 2 is not in use,
        // are in a group that says nothing.
        match own {
            Some(path) if path != "/" && path != "/init.scope" => own,
            _ => self
                .first_process(socket)
                .and_then(|process| process.cgroup.as_deref())
                .or(own),
        }
    }

    /// The systemd unit that a socket belongs to, see [`cgroups::unit`].
    pub fn unit(&self, socket: &Socket) -> Option<&str> {
        cgroups::unit(self.cgroup(socket)?)
    }

    /// The container that a socket belongs to, see [`cgroups::container`].
    pub fn container(&self, socket: &Socket) -> Option<Container<'_>> {
        cgroups::container(self.cgroup(socket)?)
    }

    /// The name of the device that a socket is bound to.
    pub fn device(&self, socket: &Socket) -> Option<&str> {
        let devices = &self
            .namespaces
            .get(usize::from(socket.namespace.0))?
            .devices;
        devices.get(&socket.device).map(String::as_str)
    }

    pub(super) fn queues(&self) -> &Queues {
        &self.queues
    }

    fn first_process(&self, socket: &Socket) -> Option<&Process> {
        match self.owners(socket) {
            Owners::Held(holders) | Owners::Missing(Missing::AcceptQueue(holders)) => {
                holders.first().map(|holder| self.process(holder))
            }
            Owners::Missing(_) => None,
        }
    }

    fn groups(&self) -> &HashMap<u64, String> {
        self.groups.get_or_init(|| {
            let wanted = self.sockets.iter().filter_map(|socket| socket.cgroup);
            cgroups::paths(&self.proc_root, wanted.collect())
        })
    }

    fn missing(&self, socket: &Socket) -> Missing<'_> {
        match (socket.state, &socket.local) {
            (State::TimeWait, _) => {
                return Missing::TimeWait {
                    left: socket.timer.map(|timer| timer.expires),
                };
            }
            (State::SynReceived, _) => return Missing::HalfOpen,
            (_, Address::Netlink { port: 0, .. }) => return Missing::Kernel,
            _ if self.search == OwnerSearch::None => return Missing::NotAsked,
            _ => {}
        }
        if let Some(inode) = socket.inode {
            return match self.scanned.sight {
                _ if self.closed.contains(&inode) => Missing::Closed,
                _ if self.scanned.hidden > 0 => Missing::NeedsPrivilege,
                Sight::Hidden => Missing::NeedsPrivilege,
                Sight::Partial => Missing::OtherNamespace,
                Sight::Whole => Missing::InFlight,
            };
        }
        match (self.queues.holders(socket), socket.state) {
            (Some(holders), _) => Missing::AcceptQueue(holders),
            (None, State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck) => {
                Missing::Orphan
            }
            _ => Missing::InFlight,
        }
    }
}
