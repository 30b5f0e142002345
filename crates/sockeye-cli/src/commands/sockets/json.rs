//! `--json`: one typed object for each socket, as `docs/sockets.schema.json` has it.
//!
//! A number that is not known is null. A cookie is a string: it may be greater than what JavaScript can count to. Names
//! are text; where the bytes of one are no UTF-8, its `…_base64` has them.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use serde::Serialize;
use sockeye::host::process::{Holder, Missing, Owners};
use sockeye::host::socket::{Address, Memory, UnixName};
use sockeye::host::tcp_info::TcpInfo;
use sockeye::wire::jsonl;

use super::row::{Row, Side, netlink_family};

/// The version of the schema: it grows when something changes its meaning or goes.
pub(super) const SCHEMA: u32 = 1;

/// Append a line for each row.
pub(super) fn write(rows: &[Row<'_>], out: &mut Vec<u8>) {
    for row in rows {
        jsonl::push_line(&SocketLine::new("socket", *row), out);
    }
}

/// A socket as it is written.
#[derive(Debug, Serialize)]
pub(super) struct SocketLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    protocol: &'static str,
    family: &'static str,
    state: &'static str,
    local: Option<End<'a>>,
    peer: Option<End<'a>>,
    receive_queue: u32,
    send_queue: u32,
    accept_queue: Option<AcceptQueue>,
    uid: Option<u32>,
    user: Option<&'a str>,
    inode: Option<u64>,
    cookie: Option<String>,
    device: Option<Device<'a>>,
    mark: Option<u32>,
    cgroup: Option<&'a str>,
    cgroup_id: Option<u64>,
    unit: Option<&'a str>,
    container: Option<ContainerLine<'a>>,
    netns: Netns<'a>,
    owners: Vec<Owner<'a>>,
    owner_missing: Option<&'static str>,
    accept_queue_of: Vec<Owner<'a>>,
    v6_only: Option<bool>,
    shutdown: Option<u8>,
    timer: Option<Timer>,
    unix: Option<Unix<'a>>,
    tcp: Option<Tcp>,
    memory: Option<MemoryLine>,
    congestion: Option<&'a str>,
    tos: Option<u8>,
    upper: Option<&'a str>,
}

/// One end; which keys there are depends on its kind.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum End<'a> {
    Internet {
        ip: String,
        port: u16,
        service: Option<&'a str>,
        /// The same address as the kernel has it, if it is IPv4 written as IPv6.
        mapped: Option<String>,
        scope: Option<Device<'a>>,
    },
    Path {
        path: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path_base64: Option<String>,
    },
    Abstract {
        name: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name_base64: Option<String>,
    },
    Packet {
        ethertype: u16,
        device: Option<Device<'a>>,
    },
    Netlink {
        family: u8,
        name: Option<&'static str>,
        port: u32,
    },
    Vsock {
        context: Option<u32>,
        port: Option<u32>,
    },
}

#[derive(Debug, Serialize)]
struct AcceptQueue {
    waiting: u32,
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Device<'a> {
    index: u32,
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ContainerLine<'a> {
    runtime: &'static str,
    id: &'a str,
    pod: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Netns<'a> {
    inode: Option<u64>,
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Timer {
    kind: &'static str,
    expires: f64,
    retransmits: u8,
}

#[derive(Debug, Serialize)]
struct Unix<'a> {
    peer_inode: Option<u64>,
    file: Option<File>,
    waiting: &'a [u32],
}

#[derive(Debug, Serialize)]
struct File {
    device: u32,
    inode: u32,
}

/// One descriptor of one process.
#[derive(Debug, Serialize)]
pub(super) struct Owner<'a> {
    pid: u32,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    fd: u32,
    tid: Option<u32>,
    started: u64,
    parent: u32,
    uid: Option<u32>,
    user: Option<&'a str>,
    command: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_base64: Option<String>,
    exe: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exe_base64: Option<String>,
    cgroup: Option<&'a str>,
}

impl<'a> SocketLine<'a> {
    /// The line of a row; `kind` is its `type`.
    pub(super) fn new(kind: &'static str, row: Row<'a>) -> Self {
        let socket = row.socket;
        let table = row.source.table;
        let namespace = table.namespace(socket);
        let (owners, missing) = match row.owners() {
            Owners::Held(holders) => (holders, None),
            Owners::Missing(missing) => (&[][..], Some(missing)),
        };
        let queue_of = match missing {
            Some(Missing::AcceptQueue(holders)) => holders,
            _ => &[],
        };
        let details = socket.details.as_deref();
        Self {
            kind,
            schema: SCHEMA,
            protocol: socket.protocol.word(),
            family: row.family(),
            state: socket.state.word(),
            local: end(row, Side::Local),
            peer: end(row, Side::Peer),
            receive_queue: socket.receive_queue,
            send_queue: socket.send_queue,
            accept_queue: socket.is_listener().then_some(AcceptQueue {
                waiting: socket.receive_queue,
                limit: socket.send_queue,
            }),
            uid: socket.uid,
            user: socket.uid.and_then(|uid| row.source.users.name(uid)),
            inode: socket.inode,
            cookie: socket.cookie.map(|cookie| cookie.to_string()),
            device: device(row, socket.device),
            mark: socket.mark,
            cgroup: table.cgroup(socket),
            cgroup_id: socket.cgroup,
            unit: table.unit(socket),
            container: table.container(socket).map(|container| ContainerLine {
                runtime: container.runtime,
                id: container.id,
                pod: container.pod,
            }),
            netns: Netns {
                inode: Some(namespace.inode).filter(|inode| *inode != 0),
                name: namespace.name.as_deref(),
            },
            owners: owners.iter().map(|holder| owner(row, holder)).collect(),
            owner_missing: missing.map(Missing::code),
            accept_queue_of: queue_of.iter().map(|holder| owner(row, holder)).collect(),
            v6_only: socket.v6_only,
            shutdown: socket.shutdown,
            timer: socket.timer.map(|timer| Timer {
                kind: timer.kind.word(),
                expires: timer.expires.as_secs_f64(),
                retransmits: timer.retransmits,
            }),
            unix: socket.unix.as_deref().map(|unix| Unix {
                peer_inode: unix.peer_inode,
                file: unix.file.map(|(device, inode)| File { device, inode }),
                waiting: &unix.waiting,
            }),
            tcp: socket.tcp().map(Tcp::new),
            memory: socket.memory().map(MemoryLine::new),
            congestion: details.and_then(|details| details.congestion.as_deref()),
            tos: details.and_then(|details| details.tos),
            upper: details.and_then(|details| details.upper.as_deref()),
        }
    }
}

fn end<'a>(row: Row<'a>, side: Side) -> Option<End<'a>> {
    let any = |number: u32| Some(number).filter(|number| *number != u32::MAX);
    Some(match row.address(side) {
        Address::Internet(address) => {
            // "Nobody in particular" is no address of a peer.
            if side == Side::Peer && address.port() == 0 && address.ip().is_unspecified() {
                return None;
            }
            let mapped = row.address(side).is_mapped();
            let scope = match address {
                SocketAddr::V6(v6) => v6.scope_id(),
                SocketAddr::V4(_) => 0,
            };
            End::Internet {
                ip: address.ip().to_canonical().to_string(),
                port: address.port(),
                service: row.service(side),
                mapped: mapped.then(|| address.ip().to_string()),
                scope: device(row, scope),
            }
        }
        Address::Unix(UnixName::Path(bytes)) => {
            let (path, path_base64) = text(bytes);
            End::Path { path, path_base64 }
        }
        Address::Unix(UnixName::Abstract(bytes)) => {
            let (name, name_base64) = text(bytes);
            End::Abstract { name, name_base64 }
        }
        Address::Packet {
            protocol,
            device: index,
        } => End::Packet {
            ethertype: *protocol,
            device: device(row, *index),
        },
        Address::Netlink { family, port } => End::Netlink {
            family: *family,
            name: netlink_family(*family),
            port: *port,
        },
        Address::Vsock { context, port } => End::Vsock {
            context: any(*context),
            port: any(*port),
        },
        _ => return None,
    })
}

fn device(row: Row<'_>, index: u32) -> Option<Device<'_>> {
    (index != 0).then(|| Device {
        index,
        name: row.device_name(index),
    })
}

fn owner<'a>(row: Row<'a>, holder: &Holder) -> Owner<'a> {
    let process = row.source.table.process(holder);
    let (name, name_base64) = text(&process.name);
    let line = &process.command_line;
    let words = line.strip_suffix(b"\0").unwrap_or(line);
    let words = words.split(|byte| *byte == 0);
    let exe = process.executable.as_deref().map(Path::as_os_str);
    let exe = exe.map(|exe| text(exe.as_encoded_bytes()));
    let (exe, exe_base64) = exe.unzip();
    Owner {
        pid: process.pid,
        name,
        name_base64,
        fd: holder.descriptor,
        tid: holder.thread,
        started: process.started,
        parent: process.parent,
        uid: process.uid,
        user: process.user.as_deref(),
        command: match line.is_empty() {
            true => Vec::new(),
            false => words.map(String::from_utf8_lossy).collect(),
        },
        command_base64: text(line).1,
        exe,
        exe_base64: exe_base64.flatten(),
        cgroup: process.cgroup.as_deref(),
    }
}

/// A name as text, and as it is where it is no text.
pub(super) fn text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let text = String::from_utf8_lossy(bytes);
    let lost = matches!(text, Cow::Owned(_));
    (text, lost.then(|| BASE64.encode(bytes)))
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// What TCP says of a connection; times in seconds, rates in bytes per second.
#[derive(Debug, Serialize)]
struct Tcp {
    rtt: f64,
    rtt_variation: f64,
    min_rtt: Option<f64>,
    retransmit_timeout: f64,
    congestion_window: u32,
    slow_start_threshold: Option<u32>,
    congestion_state: u8,
    retransmits: u8,
    total_retransmits: u32,
    unacked: u32,
    lost: u32,
    send_mss: u32,
    receive_mss: u32,
    path_mtu: u32,
    last_sent: f64,
    last_received: f64,
    pacing_rate: Option<u64>,
    delivery_rate: Option<u64>,
    application_limited: bool,
    bytes_sent: Option<u64>,
    bytes_retransmitted: Option<u64>,
    bytes_acked: Option<u64>,
    bytes_received: Option<u64>,
    goodput_sent: Option<u64>,
    not_sent: Option<u32>,
    segments_out: Option<u32>,
    segments_in: Option<u32>,
    duplicates: Option<u32>,
    out_of_order: Option<u32>,
    busy: Option<f64>,
    window_limited: Option<f64>,
    buffer_limited: Option<f64>,
    send_window: Option<u32>,
    receive_window: Option<u32>,
}

impl Tcp {
    fn new(info: &TcpInfo) -> Self {
        Self {
            rtt: seconds(info.rtt),
            rtt_variation: seconds(info.rtt_variation),
            min_rtt: info.min_rtt.map(seconds),
            retransmit_timeout: seconds(info.retransmit_timeout),
            congestion_window: info.congestion_window,
            slow_start_threshold: info.slow_start_threshold,
            congestion_state: info.congestion_state,
            retransmits: info.retransmits,
            total_retransmits: info.total_retransmits,
            unacked: info.unacked,
            lost: info.lost,
            send_mss: info.send_mss,
            receive_mss: info.receive_mss,
            path_mtu: info.path_mtu,
            last_sent: seconds(info.last_sent),
            last_received: seconds(info.last_received),
            pacing_rate: info.pacing_rate,
            delivery_rate: info.delivery_rate,
            application_limited: info.application_limited,
            bytes_sent: info.bytes_sent,
            bytes_retransmitted: info.bytes_retransmitted,
            bytes_acked: info.bytes_acked,
            bytes_received: info.bytes_received,
            goodput_sent: info.goodput_sent(),
            not_sent: info.not_sent,
            segments_out: info.segments_out,
            segments_in: info.segments_in,
            duplicates: info.duplicates,
            out_of_order: info.out_of_order,
            busy: info.busy.map(seconds),
            window_limited: info.window_limited.map(seconds),
            buffer_limited: info.buffer_limited.map(seconds),
            send_window: info.send_window,
            receive_window: info.receive_window,
        }
    }
}

/// The memory of a socket, in bytes.
#[derive(Debug, Serialize)]
struct MemoryLine {
    received: u32,
    receive_buffer: u32,
    sent: u32,
    send_buffer: u32,
    forward: u32,
    queued: u32,
    options: u32,
    backlog: u32,
    drops: Option<u32>,
}

impl MemoryLine {
    fn new(memory: &Memory) -> Self {
        Self {
            received: memory.received,
            receive_buffer: memory.receive_buffer,
            sent: memory.sent,
            send_buffer: memory.send_buffer,
            forward: memory.forward,
            queued: memory.queued,
            options: memory.options,
            backlog: memory.backlog,
            drops: memory.drops,
        }
    }
}
