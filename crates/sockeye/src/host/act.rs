//! Acting on what a table shows: close one connection, stop the process that listens on a port.
//!
//! Both are exact. A connection is named by the kernel's cookie, so that its successor on the same ports lives; a process
//! is held by a descriptor (`pidfd`) and compared with what the table said, so that a later one with its number lives.
//! Whether the user means it is asked elsewhere.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use sockeye_data::escape::escape;

use super::diag;
use super::owners::Stat;
use super::process::{Holder, Owners, Process};
use super::socket::{Address, Protocol, Socket, State};
use super::table::Table;
use crate::error::{Error, Kind, Operation, Result};

/// Close one connection: the program that holds it reads an error (`ECONNABORTED`), and a TCP peer gets a reset. A
/// listener and a UDP socket can be closed too. It happens in the network namespace of the calling thread.
///
/// # Errors
///
/// - [`Kind::Denied`]: it needs `CAP_NET_ADMIN`.
/// - [`Kind::Unsupported`]: this kernel was built without it, or it is no TCP or UDP socket.
/// - [`Kind::Lost`]: there is no such connection any more; if another has its ports now, that one is left alone.
/// - [`Kind::Usage`]: the socket has no cookie, as those read from a file may.
pub fn close_connection(socket: &Socket) -> Result<()> {
    let failed = |kind, why: String| Error::new(kind, Operation::Close, why);
    let local = end(socket, &socket.local);
    let (Some(local), Protocol::Tcp | Protocol::Udp | Protocol::UdpLite) = (local, socket.protocol)
    else {
        let why = format!("{} sockets cannot be closed from outside", socket.protocol);
        let hint = "stop the process that holds it";
        return Err(failed(Kind::Unsupported, why).with_hint(hint));
    };
    let Some(cookie) = socket.cookie else {
        let why = "the connection is not known exactly: the kernel's cookie for it is missing";
        return Err(failed(Kind::Usage, why.into()));
    };
    let peer = end(socket, &socket.peer).unwrap_or_else(|| nowhere(local));
    let name = format!("{} {local} to {peer}", socket.protocol);
    let destroyed = diag::destroy(socket.protocol, local, peer, socket.device, cookie);
    destroyed.map_err(|error| refused(&name, error))
}

/// Why the kernel did not close it.
fn refused(name: &str, error: io::Error) -> Error {
    let failed = |kind, why: &str| {
        let why = format!("cannot close {name}: {why}");
        Error::new(kind, Operation::Close, why)
    };
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) => failed(
            Kind::Denied,
            "this machine denies it (it needs CAP_NET_ADMIN)",
        )
        .with_hint("try it as root"),
        Some(Errno::EOPNOTSUPP | Errno::EINVAL) => failed(
            Kind::Unsupported,
            "this kernel cannot do it (it was built without INET_DIAG_DESTROY)",
        )
        .with_hint("stop the process that holds it"),
        // Kernels differ in what they say of another connection that has its ports now.
        Some(Errno::ENOENT | Errno::ESTALE) => {
            failed(Kind::Lost, "there is no such connection any more")
        }
        _ => failed(Kind::Io, Error::from_io(Operation::Close, error).why()),
    }
}

fn end(socket: &Socket, address: &Address) -> Option<SocketAddr> {
    match address {
        Address::Internet(address) if address.is_ipv6() == socket.ipv6 => Some(*address),
        _ => None,
    }
}

fn nowhere(like: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}

/// A signal that ends a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopSignal {
    /// `SIGTERM`: a request, which a program may take its time for.
    #[default]
    Terminate,
    /// `SIGINT`: as Ctrl-C does.
    Interrupt,
    /// `SIGHUP`: the terminal is gone; many servers read their settings again instead of ending.
    HangUp,
    /// `SIGQUIT`: end with a core dump.
    Quit,
    /// `SIGKILL`: at once, without a chance to tidy up.
    Kill,
}

impl StopSignal {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::Terminate,
        Self::Interrupt,
        Self::HangUp,
        Self::Quit,
        Self::Kill,
    ];

    /// Its name without `SIG`, in lower case: `term`, `int`, `hup`, `quit`, `kill`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Terminate => "term",
            Self::Interrupt => "int",
            Self::HangUp => "hup",
            Self::Quit => "quit",
            Self::Kill => "kill",
        }
    }

    fn number(self) -> rustix::process::Signal {
        use rustix::process::Signal;
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
            Self::HangUp => Signal::HUP,
            Self::Quit => Signal::QUIT,
            Self::Kill => Signal::KILL,
        }
    }
}

/// A process that listens on a port. It comes from a table only ([`port_owners`]), so that no client is taken for one.
#[derive(Clone, Debug, PartialEq)]
pub struct PortOwner {
    process: Process,
    holder: Holder,
}

/// What became of a process that was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has ended.
    Ended,
    /// It lives on: the time was too short, or it ignores the signal.
    StillAlive,
    /// It had ended before it was asked.
    WasGone,
}

/// Who listens on this port of the table: each process once. Clients that are connected to the port, or from it, are
/// none of them. UDP sockets listen if they have no peer.
pub fn port_owners(table: &Table, port: u16) -> Vec<PortOwner> {
    let mut owners: Vec<PortOwner> = Vec::new();
    for socket in &table.sockets {
        let serves = match socket.protocol {
            Protocol::Udp | Protocol::UdpLite => socket.state == State::Unconnected,
            _ => socket.is_listener(),
        };
        if !serves || socket.local.port() != Some(port) {
            continue;
        }
        let Owners::Held(holders) = table.owners(socket) else {
            continue;
        };
        for holder in holders {
            let process = table.process(holder);
            if owners.iter().all(|owner| owner.process.pid != process.pid) {
                owners.push(PortOwner {
                    process: process.clone(),
                    holder: *holder,
                });
            }
        }
    }
    owners
}

impl PortOwner {
    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ask it to end, and wait up to this long until it has. (It blocks meanwhile.)
    ///
    /// # Errors
    ///
    /// - [`Kind::Usage`]: it is process 1, this program itself, or one that this program runs under.
    /// - [`Kind::Lost`]: the process does not hold the port any more, or its number has gone to another.
    /// - [`Kind::Denied`]: it belongs to another user.
    /// - [`Kind::Unsupported`]: this kernel is older than 5.3.
    pub fn stop(&self, signal: StopSignal, wait: Duration) -> Result<Ending> {
        self.refuse_our_own()?;
        let Some(held) = self.hold()? else {
            return Ok(Ending::WasGone);
        };
        match pidfd_send_signal(&held, signal.number()) {
            Err(rustix::io::Errno::SRCH) => return Ok(Ending::WasGone),
            sent => sent.map_err(|error| self.denied(error))?,
        }
        let ended = ends_within(&held, wait).map_err(|error| self.denied(error))?;
        Ok(if ended {
            Ending::Ended
        } else {
            Ending::StillAlive
        })
    }

    /// The process by a descriptor; `None` if it has ended. Only then it is looked at: what is seen is its own.
    fn hold(&self) -> Result<Option<OwnedFd>> {
        let number = i32::try_from(self.process.pid).ok().and_then(Pid::from_raw);
        let Some(number) = number else {
            return Err(self.failed(Kind::Usage, "that is no number of a process"));
        };
        let held = match pidfd_open(number, PidfdFlags::empty()) {
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            held => held.map_err(|error| self.denied(error))?,
        };
        let Some(stat) = stat(self.process.pid) else {
            return Ok(None);
        };
        if stat.started != self.process.started {
            let why = "it has ended, and another process has its number now";
            return Err(self.failed(Kind::Lost, why));
        }
        // Whoever may not look will hardly be allowed to send a signal: that says so then.
        let link = fs::read_link(self.descriptor());
        let expected = format!("socket:[{}]", self.holder.inode);
        if link.is_ok_and(|target| target.as_os_str() != expected.as_str()) {
            return Err(self.failed(Kind::Lost, "it does not hold the port any more"));
        }
        Ok(Some(held))
    }

    fn descriptor(&self) -> String {
        let (pid, number) = (self.process.pid, self.holder.descriptor);
        match self.holder.thread {
            Some(thread) => format!("/proc/{pid}/task/{thread}/fd/{number}"),
            None => format!("/proc/{pid}/fd/{number}"),
        }
    }

    fn refuse_our_own(&self) -> Result<()> {
        let ourselves = std::process::id();
        let why = match self.process.pid {
            0 | 1 => "everything on this machine runs under it",
            pid if pid == ourselves => "it is this program itself",
            pid if is_above(pid, ourselves) => "this program runs under it",
            _ => return Ok(()),
        };
        Err(self.failed(Kind::Usage, why))
    }

    fn failed(&self, kind: Kind, why: &str) -> Error {
        let name = escape(&self.process.name);
        let why = format!("cannot stop {name} (pid {}): {why}", self.process.pid);
        Error::new(kind, Operation::Stop, why)
    }

    fn denied(&self, error: rustix::io::Errno) -> Error {
        use rustix::io::Errno;
        match error {
            Errno::PERM | Errno::ACCESS => self
                .failed(
                    Kind::Denied,
                    "it belongs to another user (permission denied)",
                )
                .with_hint("try it as root"),
            Errno::NOSYS => self
                .failed(
                    Kind::Unsupported,
                    "this kernel cannot hold a process (older than 5.3)",
                )
                .with_hint(format!("kill {} does it, less exactly", self.process.pid)),
            other => {
                let error = Error::from_io(Operation::Stop, other.into());
                self.failed(Kind::Io, error.why())
            }
        }
    }
}

fn stat(pid: u32) -> Option<Stat> {
    Stat::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether the first process is a parent of the second one, or one of its parents.
fn is_above(pid: u32, mut child: u32) -> bool {
    /// No line of parents is that long, unless numbers change hands while we look.
    const DEPTH: usize = 1000;
    for _ in 0..DEPTH {
        match stat(child).map(|stat| stat.parent) {
            Some(parent) if parent == pid => return true,
            Some(parent) if parent > 1 => child = parent,
            _ => return false,
        }
    }
    false
}

/// Wait for the end of a process. Its descriptor becomes readable then.
fn ends_within(process: &OwnedFd, wait: Duration) -> Result<bool, rustix::io::Errno> {
    let deadline = Instant::now() + wait;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        // Rounded up: the last millisecond is waited for instead of being asked about in a loop.
        let rest = rest + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(rest).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout) {
            Ok(0) if Instant::now() >= deadline => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(rustix::io::Errno::from_raw_os_error(error as i32)),
        }
    }
}

#[cfg(test)]
mod tests;
