//! The columns: their names, and what stands in them for each row, in words for tables and plain for programs.

use std::time::Duration;

use sockeye::data::escape::escape_str;
use sockeye::host::process::Process;
use sockeye::host::socket::{Address, Details, Memory, State, Wanted};
use sockeye::host::tcp_info::TcpInfo;

use super::row::{Row, Side, name};
use super::words::{self, write};
use crate::sheet::{self, Tint};

/// What a measured cell holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    Number(u64),
    Bytes(u64),
    /// Bytes per second.
    Rate(u64),
    Time(Duration),
}

/// For whom a cell is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people: `1.2 KiB`, `43.0 s`.
    Words,
    /// For programs: bytes and seconds as bare numbers, nothing where nothing is known.
    Plain,
}

macro_rules! columns {
    ($($column:ident $name:literal $title:literal;)+) => {
        /// A column of the list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($column),+ }

        impl Column {
            /// Every column.
            pub(super) const ALL: &[Self] = &[$(Self::$column),+];

            /// Its name in `--format`, `--sort` and the first line of `--csv`.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$column => $name),+ }
            }

            fn title(self) -> &'static str {
                match self { $(Self::$column => $title),+ }
            }
        }
    };
}

columns! {
    Protocol "protocol" "PROTO";
    State "state" "STATE";
    Queue "queue" "QUEUE";
    Local "local" "LOCAL";
    Peer "peer" "PEER";
    User "user" "USER";
    Unit "unit" "UNIT";
    Owner "owner" "OWNER";
    Pid "pid" "PID";
    Process "process" "PROCESS";
    Command "command" "COMMAND";
    Executable "exe" "EXE";
    Descriptor "fd" "FD";
    Uid "uid" "UID";
    Inode "inode" "INODE";
    Cookie "cookie" "COOKIE";
    ReceiveQueue "receive-queue" "RECV-Q";
    SendQueue "send-queue" "SEND-Q";
    LocalAddress "local-address" "LOCAL-ADDRESS";
    LocalPort "local-port" "LOCAL-PORT";
    LocalService "local-service" "LOCAL-SERVICE";
    PeerAddress "peer-address" "PEER-ADDRESS";
    PeerPort "peer-port" "PEER-PORT";
    PeerService "peer-service" "PEER-SERVICE";
    Family "family" "FAMILY";
    Namespace "netns" "NETNS";
    Device "device" "DEVICE";
    Mark "mark" "MARK";
    Cgroup "cgroup" "CGROUP";
    Timer "timer" "TIMER";
    Rtt "rtt" "RTT";
    RttVariation "rtt-variation" "RTT-VAR";
    MinRtt "min-rtt" "MIN-RTT";
    Cwnd "cwnd" "CWND";
    Retransmits "retransmits" "RETRANS";
    Sent "sent" "SENT";
    Received "received" "RECEIVED";
    Rate "rate" "RATE";
    Pacing "pacing" "PACING";
    Mss "mss" "MSS";
    LastSent "last-sent" "LAST-SENT";
    LastReceived "last-received" "LAST-RECEIVED";
    Memory "memory" "MEMORY";
    Drops "drops" "DROPS";
    Congestion "congestion" "CONGESTION";
    Upper "upper" "UPPER";
}

/// What a list shows unless it is told otherwise.
pub(super) const USUAL: &[Column] = &[
    Column::Protocol,
    Column::State,
    Column::Queue,
    Column::Local,
    Column::Peer,
    Column::User,
    Column::Unit,
    Column::Owner,
];

/// What a list shows for which owners were not looked for.
pub(super) const BARE: &[Column] = USUAL.split_at(5).0;

/// What a wide list shows.
pub(super) const WIDE: &[Column] = &[
    Column::Protocol,
    Column::State,
    Column::Queue,
    Column::Local,
    Column::Peer,
    Column::Rtt,
    Column::Cwnd,
    Column::Retransmits,
    Column::Rate,
    Column::Sent,
    Column::Received,
    Column::Memory,
    Column::Drops,
    Column::Timer,
    Column::Congestion,
    Column::Device,
    Column::Cookie,
    Column::Cgroup,
    Column::User,
    Column::Unit,
    Column::Owner,
];

impl Column {
    /// The column with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|column| column.name() == name)
    }

    /// How it stands in a table.
    pub(super) fn of_sheet(self) -> sheet::Column {
        let mut column = sheet::Column::new(self.title());
        column.right = self.is_measured();
        match self {
            Self::Unit => column.missable = 4,
            Self::User => column.missable = 3,
            Self::Queue => column.missable = 2,
            // An IPv4 address and its port fit into 21 columns; longer ones push their own row only.
            Self::Local | Self::Peer => column.least = Some(21),
            Self::Protocol | Self::State | Self::Owner => {}
            // Of a wide list, what stands further to the right goes first.
            other => column.missable = 10 + other as u8,
        }
        column
    }

    /// What the kernel has to be asked for in addition.
    pub(super) fn wants(self) -> Wanted {
        let mut wanted = Wanted::default();
        match self {
            Self::Memory | Self::Drops => wanted.memory = true,
            Self::Upper => wanted.rest = true,
            Self::Congestion => wanted.tcp = true,
            _ => wanted.tcp = self >= Self::Rtt && self <= Self::LastReceived,
        }
        wanted
    }

    /// Whether somebody has to look for owners to fill it.
    pub(super) fn wants_owners(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::Unit
                | Self::Owner
                | Self::Pid
                | Self::Process
                | Self::Command
                | Self::Executable
                | Self::Descriptor
                | Self::Cgroup
        )
    }

    fn is_measured(self) -> bool {
        self >= Self::Rtt && self <= Self::Drops
            || matches!(
                self,
                Self::Pid | Self::Uid | Self::Inode | Self::ReceiveQueue | Self::SendQueue
            )
    }

    /// What it says of a row as a number, if it is one and known.
    pub(super) fn measure(self, row: Row<'_>) -> Option<Measure> {
        use Measure::{Bytes, Number, Rate, Time};
        let socket = row.socket;
        Some(match self {
            Self::Uid => Number(socket.uid?.into()),
            Self::Inode => Number(socket.inode?),
            Self::ReceiveQueue => Number(socket.receive_queue.into()),
            Self::SendQueue => Number(socket.send_queue.into()),
            Self::LocalPort => Number(port(&socket.local)?.into()),
            Self::PeerPort => Number(port(&socket.peer)?.into()),
            Self::Mark => Number(socket.mark?.into()),
            Self::Memory => Bytes(held(socket.memory()?)),
            Self::Drops => Number(socket.memory()?.drops?.into()),
            Self::Rtt => Time(connected(row)?.rtt),
            Self::RttVariation => Time(connected(row)?.rtt_variation),
            Self::MinRtt => Time(connected(row)?.min_rtt?),
            Self::Cwnd => Number(connected(row)?.congestion_window.into()),
            Self::Retransmits => Number(connected(row)?.total_retransmits.into()),
            Self::Sent => Bytes(connected(row)?.goodput_sent()?),
            Self::Received => Bytes(connected(row)?.bytes_received?),
            Self::Rate => Rate(connected(row)?.delivery_rate?),
            Self::Pacing => Rate(connected(row)?.pacing_rate?),
            Self::Mss => Number(connected(row)?.send_mss.into()),
            Self::LastSent => Time(connected(row)?.last_sent),
            Self::LastReceived => Time(connected(row)?.last_received),
            Self::Timer => Time(socket.timer?.expires),
            _ => return None,
        })
    }

    /// Append what it says of a row; nothing where nothing is known.
    pub(super) fn write(self, row: Row<'_>, form: Form, out: &mut String) {
        let socket = row.socket;
        match self {
            Self::Protocol => out.push_str(socket.protocol.word()),
            Self::State => out.push_str(socket.state.word()),
            Self::Queue => words::queue(socket, out),
            Self::Local => row.end(Side::Local, form, out),
            Self::Peer => row.end(Side::Peer, form, out),
            Self::User => row.user(out),
            Self::Owner => row.owner(out),
            Self::Pid => list(row, out, |process, out| {
                write(out, format_args!("{}", process.pid));
            }),
            Self::Process => list(row, out, |process, out| name(&process.name, out)),
            Self::Command => list(row, out, command),
            Self::Executable => list(row, out, |process, out| {
                if let Some(path) = &process.executable {
                    name(path.as_os_str().as_encoded_bytes(), out);
                }
            }),
            Self::Descriptor => {
                for (i, holder) in row.holders().iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    write(out, format_args!("{}", holder.descriptor));
                }
            }
            Self::Cookie => {
                if let Some(cookie) = socket.cookie {
                    write(out, format_args!("{cookie}"));
                }
            }
            Self::LocalAddress => row.ip(Side::Local, out),
            Self::PeerAddress => row.ip(Side::Peer, out),
            Self::LocalService => out.push_str(row.service(Side::Local).unwrap_or("")),
            Self::PeerService => out.push_str(row.service(Side::Peer).unwrap_or("")),
            Self::Family => out.push_str(row.family()),
            Self::Namespace => row.namespace(out),
            Self::Device if socket.device != 0 => row.device(socket.device, out),
            Self::Device => {}
            Self::Cgroup => {
                let path = row.source.table.cgroup(socket);
                out.push_str(&escape_str(path.unwrap_or("")));
            }
            Self::Congestion => {
                let name = detail(row, |details| details.congestion.as_deref());
                out.push_str(name.unwrap_or(""));
            }
            Self::Upper => out.push_str(detail(row, |d| d.upper.as_deref()).unwrap_or("")),
            Self::Timer => timer(row, form, out),
            Self::Unit => row.unit(out),
            measured => {
                if let Some(measure) = measured.measure(row) {
                    measure.write(form, out);
                }
            }
        }
    }

    /// What its colour says.
    pub(super) fn tint(self, row: Row<'_>) -> Tint {
        match self {
            Self::State => match row.socket.state {
                State::Listening | State::Established => Tint::Good,
                State::CloseWait => Tint::Bad,
                State::Unconnected | State::Bound => Tint::Plain,
                State::TimeWait => Tint::Faint,
                _ => Tint::Passing,
            },
            Self::Queue if words::is_full(row.socket) => Tint::Bad,
            Self::Owner if row.holders().is_empty() => Tint::Faint,
            _ => Tint::Plain,
        }
    }
}

impl PartialOrd for Column {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (*self as u8).partial_cmp(&(*other as u8))
    }
}

impl Measure {
    /// For sorting: one unit for each column.
    pub(super) fn amount(self) -> f64 {
        match self {
            Self::Number(n) | Self::Bytes(n) | Self::Rate(n) => n as f64,
            Self::Time(time) => time.as_secs_f64(),
        }
    }

    fn write(self, form: Form, out: &mut String) {
        match (self, form) {
            (Self::Number(n), _) | (Self::Bytes(n) | Self::Rate(n), Form::Plain) => {
                write(out, format_args!("{n}"));
            }
            (Self::Bytes(n), Form::Words) => words::size(n, out),
            (Self::Rate(n), Form::Words) => {
                words::size(n, out);
                out.push_str(if n < 1024 { " B/s" } else { "/s" });
            }
            (Self::Time(time), Form::Words) => words::span(time, out),
            (Self::Time(time), Form::Plain) => {
                write(out, format_args!("{:.6}", time.as_secs_f64()));
            }
        }
    }
}

/// What TCP says of a connection; of a listener and of what is over, the numbers mean other things or nothing.
fn connected(row: Row<'_>) -> Option<&TcpInfo> {
    row.socket.tcp().filter(|_| !row.socket.is_listener())
}

fn port(address: &Address) -> Option<u16> {
    address.port().filter(|port| *port != 0)
}

/// What a socket takes of the machine's memory.
fn held(memory: &Memory) -> u64 {
    u64::from(memory.received) + u64::from(memory.queued) + u64::from(memory.forward)
}

fn detail<'a>(row: Row<'a>, pick: impl Fn(&'a Details) -> Option<&'a str>) -> Option<&'a str> {
    pick(row.socket.details.as_ref()?)
}

fn list(row: Row<'_>, out: &mut String, say: impl Fn(&Process, &mut String)) {
    for (i, process) in row.processes().into_iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        say(process, out);
    }
}

/// A command line with blanks between its words.
pub(super) fn command(process: &Process, out: &mut String) {
    let line = process.command_line.strip_suffix(b"\0");
    let line = line.unwrap_or(&process.command_line);
    let words: Vec<u8> = line
        .iter()
        .map(|byte| if *byte == 0 { b' ' } else { *byte })
        .collect();
    if !words.is_empty() {
        name(&words, out);
    }
}

fn timer(row: Row<'_>, form: Form, out: &mut String) {
    let Some(timer) = row.socket.timer else {
        return;
    };
    write(out, format_args!("{} ", timer.kind.word()));
    Measure::Time(timer.expires).write(form, out);
    if timer.retransmits > 0 {
        write(out, format_args!(", {} times", timer.retransmits));
    }
}
