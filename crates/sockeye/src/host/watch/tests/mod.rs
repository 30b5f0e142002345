#![allow(clippy::unwrap_used)]

mod bounds;
mod closings;
mod kernel;
mod random;
mod ticks;

use std::time::{Duration, Instant};

use super::{Changes, Events, Ledger, Limits};
use crate::host::process::{Holder, Process};
use crate::host::socket::{Address, Details, Protocol, Socket, State, Timer, TimerKind};
use crate::host::table::{Namespace, Table};
use crate::host::tcp_info::TcpInfo;

/// A machine that is made up: its table is changed by hand, and each tick is one second later.
struct Machine {
    ledger: Ledger,
    now: Instant,
    sockets: Vec<Socket>,
    processes: Vec<Process>,
    holders: Vec<Holder>,
    events: Events,
    partial: bool,
}

impl Machine {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    /// Events are told.
    fn with(limits: Limits) -> Self {
        Self {
            ledger: Ledger::new(limits),
            now: Instant::now(),
            sockets: Vec::new(),
            processes: Vec::new(),
            holders: Vec::new(),
            events: Events {
                told: true,
                ..Events::default()
            },
            partial: false,
        }
    }

    fn without_events() -> Self {
        let mut machine = Self::new();
        machine.events.told = false;
        machine
    }

    fn tick(&mut self) -> Changes {
        self.now += Duration::from_secs(1);
        let namespace = Namespace {
            inode: 4026531840,
            ours: true,
            ..Namespace::default()
        };
        let mut table = Table::from_parts(
            self.sockets.clone(),
            self.processes.clone(),
            self.holders.clone(),
            vec![namespace],
        );
        table.partial = self.partial;
        let events = Events {
            told: self.events.told,
            ..Events::default()
        };
        let events = std::mem::replace(&mut self.events, events);
        self.ledger.merge(table, &events, self.now)
    }

    /// A socket with this cookie; an established connection's ports follow from it.
    fn add(&mut self, socket: Socket) -> &mut Socket {
        self.sockets.push(socket);
        self.sockets.last_mut().unwrap()
    }

    fn socket(&mut self, cookie: u64) -> &mut Socket {
        let mut sockets = self.sockets.iter_mut();
        sockets.find(|s| s.cookie == Some(cookie)).unwrap()
    }

    fn carry(&mut self, cookie: u64, sent: u64, received: u64) {
        carry(self.socket(cookie), sent, received);
    }

    /// It is no longer in the table; nobody is told.
    fn take(&mut self, cookie: u64) -> Socket {
        let at = self.sockets.iter().position(|s| s.cookie == Some(cookie));
        self.sockets.remove(at.unwrap())
    }

    /// It is closed, and the kernel tells.
    fn close(&mut self, cookie: u64) {
        let socket = self.take(cookie);
        self.tell(socket);
    }

    /// The kernel tells that this socket is closed: without descriptor, as it does.
    fn tell(&mut self, mut socket: Socket) {
        socket.state = State::Unconnected;
        socket.inode = None;
        self.events.closed.push(socket);
    }

    /// A process, by its index.
    fn process(&mut self, pid: u32, name: &str) -> u32 {
        self.processes.push(Process {
            pid,
            name: name.into(),
            started: u64::from(pid) * 10,
            ..Process::default()
        });
        u32::try_from(self.processes.len() - 1).unwrap()
    }

    fn give(&mut self, cookie: u64, process: u32) {
        let inode = cookie + 1_000;
        self.socket(cookie).inode = Some(inode);
        self.holders.push(Holder {
            inode,
            process,
            descriptor: 5,
            thread: None,
        });
    }

    /// Sent and received by the process with this pid; 0 is nobody.
    fn totals(&self, pid: u32) -> (u64, u64) {
        let totals = self
            .ledger
            .totals()
            .iter()
            .find(|totals| totals.process.as_ref().map_or(0, |process| process.pid) == pid);
        totals.map_or((0, 0), |t| (t.counters.sent, t.counters.received))
    }

    fn key(&self, cookie: u64) -> super::Key {
        let mut socket = Socket::new(Protocol::Tcp, State::Established);
        socket.cookie = Some(cookie);
        super::Key::in_namespace(4026531840, &socket)
    }

    fn record(&self, cookie: u64) -> &super::Record {
        self.ledger.find(self.key(cookie)).unwrap().0
    }

    /// "nginx 77", with its tie in front.
    fn party(&self, cookie: u64) -> Option<String> {
        self.record(cookie).party.as_ref().map(party_text)
    }
}

fn party_text(party: &super::Party) -> String {
    let name = String::from_utf8(party.process.name.clone()).unwrap();
    format!("{} {name} {}", party.tie.word(), party.process.pid)
}

fn tcp(cookie: u64, state: State) -> Socket {
    let mut socket = Socket::new(Protocol::Tcp, state);
    socket.cookie = Some(cookie);
    let port = u16::try_from(10_000 + cookie % 50_000).unwrap();
    socket.local = Address::Internet(([127, 0, 0, 1], 443).into());
    socket.peer = Address::Internet(([127, 0, 0, 1], port).into());
    carry(&mut socket, 0, 0);
    socket
}

fn connection(cookie: u64) -> Socket {
    tcp(cookie, State::Established)
}

fn listener(cookie: u64) -> Socket {
    let mut socket = tcp(cookie, State::Listening);
    socket.peer = Address::Internet(([0, 0, 0, 0], 0).into());
    socket
}

/// What is left of this connection.
fn time_wait(cookie: u64, of: &Socket) -> Socket {
    let mut socket = Socket::new(Protocol::Tcp, State::TimeWait);
    socket.cookie = Some(cookie);
    socket.local = of.local.clone();
    socket.peer = of.peer.clone();
    socket.timer = Some(Timer {
        kind: TimerKind::TimeWait,
        expires: Duration::from_secs(60),
        retransmits: 0,
    });
    socket
}

fn carry(socket: &mut Socket, sent: u64, received: u64) {
    let info = TcpInfo {
        bytes_sent: Some(sent),
        bytes_retransmitted: Some(0),
        bytes_received: Some(received),
        rtt: Duration::from_micros(1_500),
        ..TcpInfo::default()
    };
    socket.details = Some(Box::new(Details {
        tcp: Some(info),
        ..Details::default()
    }));
}
