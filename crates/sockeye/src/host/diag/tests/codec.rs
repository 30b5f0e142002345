//! The codec against bytes made by hand: every attribute, every length, and bytes that are nothing at all.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use crate::host::diag::inet::{self, Tuple};
use crate::host::diag::message::{Message, Request, What, attributes, cookie, messages};
use crate::host::diag::{KernelQuery, netlink, packet, tcp_info, unix, vsock};
use crate::host::socket::{Address, Protocol, Socket, State, States, TimerKind, UnixName, Wanted};
use crate::host::tcp_info::CongestionInfo;

/// A message of the kernel: header, fixed part, attributes.
pub(super) fn message(kind: u16, flags: u16, sequence: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((16 + content.len() as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn with_attributes(head: &[u8], list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for (kind, content) in list {
        bytes.extend((4 + content.len() as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The fixed part of an answer: 10.0.0.5:44122 to 192.0.2.7:443, established, inode 77, user 1000.
fn head() -> [u8; 72] {
    let mut head = [0; 72];
    head[0] = 2;
    head[1] = 1;
    head[4..6].copy_from_slice(&44122_u16.to_be_bytes());
    head[6..8].copy_from_slice(&443_u16.to_be_bytes());
    head[8..12].copy_from_slice(&[10, 0, 0, 5]);
    head[24..28].copy_from_slice(&[192, 0, 2, 7]);
    head[40..44].copy_from_slice(&3_u32.to_ne_bytes());
    head[44..48].copy_from_slice(&0x1234_u32.to_ne_bytes());
    head[48..52].copy_from_slice(&1_u32.to_ne_bytes());
    head[56..60].copy_from_slice(&5_u32.to_ne_bytes());
    head[60..64].copy_from_slice(&6_u32.to_ne_bytes());
    head[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
    head[68..72].copy_from_slice(&77_u32.to_ne_bytes());
    head
}

fn parsed(list: &[(u16, &[u8])]) -> Socket {
    inet::parse(&with_attributes(&head(), list), Protocol::Tcp).unwrap()
}

fn words(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_ne_bytes).collect()
}

#[test]
fn the_fixed_part_of_an_answer() {
    let socket = parsed(&[]);
    assert_eq!(
        socket.local,
        Address::Internet("10.0.0.5:44122".parse().unwrap())
    );
    assert_eq!(
        socket.peer,
        Address::Internet("192.0.2.7:443".parse().unwrap())
    );
    assert_eq!(
        (socket.state, socket.ipv6, socket.device),
        (State::Established, false, 3)
    );
    assert_eq!(socket.cookie, Some(0x1_0000_1234));
    assert_eq!((socket.receive_queue, socket.send_queue), (5, 6));
    assert_eq!((socket.uid, socket.inode), (Some(1000), Some(77)));
    assert_eq!(
        (socket.timer, socket.shutdown, socket.v6_only),
        (None, None, None)
    );
    assert_eq!(
        (socket.mark, socket.cgroup, socket.details),
        (None, None, None)
    );
}

#[test]
fn an_ipv6_answer_keeps_its_form() {
    let mut head = head();
    head[0] = 10;
    head[8..24].copy_from_slice(
        &"::ffff:10.0.0.5"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets(),
    );
    let socket = inet::parse(&head, Protocol::Udp).unwrap();
    assert!(socket.ipv6 && socket.local.is_mapped());
    assert_eq!(socket.local.ip(), Some("10.0.0.5".parse().unwrap()));
    head[0] = 3;
    assert_eq!(inet::parse(&head, Protocol::Udp), None);
}

#[test]
fn nobody_is_not_root() {
    let mut head = head();
    head[64..72].fill(0);
    for (state, expected) in [
        (6, State::TimeWait),
        (12, State::SynReceived),
        (3, State::SynReceived),
    ] {
        head[1] = state;
        let socket = inet::parse(&head, Protocol::Tcp).unwrap();
        assert_eq!(
            (socket.state, socket.uid, socket.inode),
            (expected, None, None)
        );
    }
    head[68] = 1;
    assert_eq!(inet::parse(&head, Protocol::Tcp).unwrap().uid, Some(0));
}

#[test]
fn timers_are_told_apart() {
    let timer = |number| {
        let mut head = head();
        (head[2], head[3]) = (number, 4);
        head[52..56].copy_from_slice(&1500_u32.to_ne_bytes());
        inet::parse(&head, Protocol::Tcp).unwrap().timer
    };
    let kinds: Vec<_> = (0..6)
        .map(|number| timer(number).map(|timer| timer.kind))
        .collect();
    let expected = [
        None,
        Some(TimerKind::Retransmit),
        Some(TimerKind::Keepalive),
        Some(TimerKind::TimeWait),
        Some(TimerKind::ZeroWindow),
        None,
    ];
    assert_eq!(kinds, expected);
    let timer = timer(1).unwrap();
    assert_eq!(
        (timer.expires, timer.retransmits),
        (Duration::from_millis(1500), 4)
    );
}

#[test]
fn a_closed_tcp_socket_with_a_port_is_bound_and_states_of_sctp_are_its_own() {
    let state = |protocol, number, peer: u16| {
        let mut head = head();
        head[1] = number;
        head[6..8].copy_from_slice(&peer.to_be_bytes());
        inet::parse(&head, protocol).map(|socket| socket.state)
    };
    assert_eq!(state(Protocol::Tcp, 7, 0), Some(State::Bound));
    assert_eq!(state(Protocol::Udp, 7, 0), Some(State::Unconnected));
    assert_eq!(state(Protocol::Tcp, 200, 0), None);
    let sctp: Vec<_> = (0..8)
        .map(|number| state(Protocol::Sctp, number, 9).unwrap())
        .collect();
    let expected = [
        State::Unconnected,
        State::SynSent,
        State::SynSent,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::LastAck,
    ];
    assert_eq!(sctp, expected);
    assert_eq!(state(Protocol::Sctp, 10, 0), Some(State::Listening));
}

#[test]
fn attributes_of_the_row() {
    let cgroup = 7_u64 << 33;
    let socket = parsed(&[
        (8, &[2]),
        (11, &[1]),
        (15, &0xfeed_u32.to_ne_bytes()),
        (21, &cgroup.to_ne_bytes()),
        (22, &[1, 2]),
        (14, &[]),
        (999, &[1, 2, 3]),
    ]);
    assert_eq!((socket.shutdown, socket.v6_only), (Some(2), Some(true)));
    assert_eq!((socket.mark, socket.cgroup), (Some(0xfeed), Some(cgroup)));
    assert_eq!(socket.details, None);
    assert_eq!(parsed(&[(10, &[17])]).protocol, Protocol::Udp);
    assert_eq!(parsed(&[(10, &[99])]).protocol, Protocol::Tcp);
    // Attributes without their content say nothing.
    let empty = parsed(&[(8, &[]), (11, &[]), (15, &[1]), (21, &[1]), (10, &[])]);
    assert_eq!(empty, parsed(&[]));
}

#[test]
fn attributes_that_are_details() {
    let upper = with_attributes(&[], &[(2, &[0; 4]), (1, b"tls\0")]);
    let socket = parsed(&[(4, b"cubic\0"), (5, &[0x10]), (6, &[0x20]), (19, &upper)]);
    let details = socket.details.unwrap();
    assert_eq!(details.congestion.as_deref(), Some("cubic"));
    assert_eq!(
        (details.tos, details.upper.as_deref()),
        (Some(0x10), Some("tls"))
    );
    assert_eq!((details.tcp, details.memory), (None, None));
    let memory = |list: &[(u16, &[u8])]| *parsed(list).memory().unwrap();
    let new = memory(&[(7, &words(1..10)), (1, &words(20..24))]);
    assert_eq!((new.received, new.receive_buffer, new.backlog), (1, 2, 8));
    assert_eq!(new.drops, Some(9));
    assert_eq!(memory(&[(7, &words(1..9))]).drops, None);
    let old = memory(&[(1, &words(20..24))]);
    assert_eq!(
        (old.received, old.queued, old.forward, old.sent),
        (20, 21, 22, 23)
    );
    assert_eq!(parsed(&[(7, &words(1..6))]).memory(), None);
}

#[test]
fn congestion_controls_tell_in_their_own_ways() {
    let info = |kind, content: &[u8]| {
        let details = parsed(&[(kind, content)]).details;
        details.unwrap().congestion_info
    };
    let micros = Duration::from_micros;
    let bbr = CongestionInfo::Bbr {
        bandwidth: 1 | 2 << 32,
        min_rtt: micros(3),
        pacing_gain: 4,
        window_gain: 5,
    };
    assert_eq!(info(16, &words(1..6)), Some(bbr));
    assert_eq!(info(16, &words(1..5)), None);
    let vegas = CongestionInfo::Vegas {
        enabled: true,
        samples: 2,
        rtt: micros(3),
        min_rtt: micros(4),
    };
    assert_eq!(info(3, &words(1..5)), Some(vegas));
    let dctcp = CongestionInfo::Dctcp {
        enabled: false,
        alpha: 7,
        marked_bytes: 8,
        total_bytes: 9,
    };
    assert_eq!(
        info(9, &[&[0, 0, 1, 0][..], &words(7..10)].concat()),
        Some(dctcp)
    );
    assert_eq!(info(9, &[]), None);
}

#[test]
fn tcp_info_is_as_long_as_the_kernel_is_young() {
    let mut bytes: Vec<u8> = (0..280).map(|n| n as u8).collect();
    (bytes[6], bytes[7]) = if cfg!(target_endian = "little") {
        (0x95, 1)
    } else {
        (0x59, 0x80)
    };
    let at = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let long = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    let full = tcp_info::parse(&bytes).unwrap();
    assert_eq!((full.send_window_scale, full.receive_window_scale), (5, 9));
    assert!(full.application_limited);
    assert_eq!(
        (full.rtt, full.total_retransmits),
        (Duration::from_micros(at(68).into()), at(100))
    );
    assert_eq!(
        (full.bytes_acked, full.bytes_received),
        (Some(long(120)), Some(long(128)))
    );
    assert_eq!(
        (full.segments_out, full.min_rtt.is_some()),
        (Some(at(136)), true)
    );
    assert_eq!(
        (full.delivery_rate, full.busy),
        (Some(long(160)), Some(Duration::from_micros(long(168))))
    );
    assert_eq!(
        (full.bytes_sent, full.bytes_retransmitted),
        (Some(long(200)), Some(long(208)))
    );
    assert_eq!(
        (full.send_window, full.receive_window),
        (Some(at(228)), Some(at(232)))
    );
    // Older kernels: absent is not 0.
    let old = tcp_info::parse(&bytes[..104]).unwrap();
    assert_eq!(
        (old.rtt, old.pacing_rate, old.bytes_acked, old.min_rtt),
        (full.rtt, None, None, None)
    );
    let half = tcp_info::parse(&bytes[..206]).unwrap();
    assert_eq!(
        (half.delivered_congested, half.bytes_sent),
        (full.delivered_congested, None)
    );
    assert_eq!(tcp_info::parse(&bytes[..103]), None);
    assert_eq!(
        tcp_info::parse(&[bytes.as_slice(), &[1; 64]].concat()),
        Some(full)
    );
}

#[test]
fn what_the_kernel_never_measured_is_not_known() {
    let mut bytes = vec![0; 280];
    bytes[76..80].copy_from_slice(&0x7fff_ffff_u32.to_ne_bytes());
    bytes[104..112].fill(0xff);
    bytes[148..152].fill(0xff);
    let info = tcp_info::parse(&bytes).unwrap();
    assert_eq!((info.slow_start_threshold, info.pacing_rate), (None, None));
    assert_eq!((info.min_rtt, info.delivery_rate), (None, None));
    assert_eq!(info.bytes_sent, Some(0));
}

#[test]
fn a_dump_ends_with_its_error() {
    let done = |code: i32| message(3, 2, 9, &code.to_ne_bytes());
    let told = |bytes: &[u8]| {
        messages(bytes)
            .map(|message| message.what)
            .collect::<Vec<_>>()
            .len()
    };
    fn first(bytes: &[u8]) -> Message<'_> {
        messages(bytes).next().unwrap()
    }
    assert_eq!(first(&done(-2)).what, What::Done(2));
    assert_eq!(first(&done(0)).what, What::Done(0));
    assert_eq!(first(&message(3, 2, 9, &[])).what, What::Done(0));
    assert_eq!(
        first(&message(2, 0, 9, &(-22_i32).to_ne_bytes())).what,
        What::Acknowledged(22)
    );
    assert_eq!(first(&message(4, 0, 9, &[])).what, What::Overrun);
    assert_eq!(
        first(&message(3, 2, 9, &i32::MIN.to_ne_bytes())).what,
        What::Done(i32::MAX)
    );
    let bytes = message(20, 0x12, 9, &[7; 4]);
    let answer = first(&bytes);
    let expected = Message {
        sequence: 9,
        interrupted: true,
        what: What::Answer(20, &[7; 4]),
    };
    assert_eq!(answer, expected);
    // A message that says nothing is none; several stand in one datagram.
    let several = [message(1, 0, 9, &[]), message(20, 0, 9, &[1]), done(0)].concat();
    assert_eq!(told(&several), 2);
    assert_eq!(told(&several[..several.len() - 1]), 1);
    assert_eq!(told(&[]) + told(&[0; 16]) + told(&[3; 15]), 0);
}

#[test]
fn attributes_that_are_cut_short_are_left_out() {
    let bytes = with_attributes(&[], &[(1, &[1]), (0x8002, &[2; 5]), (3, &[3; 4])]);
    let all: Vec<_> = attributes(&bytes).collect();
    assert_eq!(all, [(1, &[1][..]), (2, &[2; 5]), (3, &[3; 4])]);
    assert_eq!(attributes(&bytes[..bytes.len() - 1]).count(), 2);
    assert_eq!(
        attributes(&[3, 0, 0, 0]).count() + attributes(&[0; 8]).count(),
        0
    );
}

#[test]
fn unix_names_are_exact() {
    let head = |kind: u8, state: u8| {
        let mut head = [0; 16];
        (head[0], head[1], head[2]) = (1, kind, state);
        head[4..8].copy_from_slice(&42_u32.to_ne_bytes());
        head
    };
    let named = |name: &[u8]| {
        let bytes = with_attributes(&head(1, 10), &[(0, name)]);
        unix::parse(&bytes).unwrap().local
    };
    let path = |name: &[u8]| Address::Unix(UnixName::Path(name.into()));
    assert_eq!(named(b"/run/a b\tc\n\xff\0"), path(b"/run/a b\tc\n\xff"));
    assert_eq!(named(&[b'x'; 108]), path(&[b'x'; 108]));
    assert_eq!(
        named(b"\0a\0b\0"),
        Address::Unix(UnixName::Abstract(b"a\0b\0"[..].into()))
    );
    assert_eq!(named(b""), Address::None);
    let socket = unix::parse(&with_attributes(
        &head(5, 10),
        &[
            (1, &words([7, 254 << 20 | 0x102])),
            (2, &words([43])),
            (3, &words([44, 45])),
            (4, &words([2, 128])),
            (5, &words(1..10)),
            (6, &[3]),
            (7, &words([1000])),
        ],
    ))
    .unwrap();
    assert_eq!(
        (socket.protocol, socket.state),
        (Protocol::UnixSeqpacket, State::Listening)
    );
    assert_eq!((socket.receive_queue, socket.send_queue), (2, 128));
    assert_eq!((socket.uid, socket.shutdown), (Some(1000), Some(3)));
    assert_eq!(socket.memory().unwrap().drops, Some(9));
    let unix_details = socket.unix.unwrap();
    assert_eq!(
        (unix_details.file, unix_details.peer_inode),
        // As stat has it: the device with the numbers 254 and 258.
        (Some((0x0010_fe02, 7)), Some(43))
    );
    assert_eq!(unix_details.waiting, [44, 45]);
    assert_eq!(unix::parse(&head(9, 10)), None);
    assert_eq!(unix::parse(&head(1, 99)), None);
}

#[test]
fn packet_netlink_and_vsock_answers() {
    let mut head = [0; 16];
    head[2..4].copy_from_slice(&0x0800_u16.to_ne_bytes());
    head[4..8].copy_from_slice(&5_u32.to_ne_bytes());
    let list: [(u16, &[u8]); 3] = [(0, &words([2, 3])), (5, &words([1000])), (6, &words(1..10))];
    let bytes = with_attributes(&head, &list);
    let socket = packet::parse(&bytes, Wanted::default()).unwrap();
    assert_eq!(
        socket.local,
        Address::Packet {
            protocol: 0x0800,
            device: 2
        }
    );
    assert_eq!(
        (socket.uid, socket.receive_queue, socket.send_queue),
        (Some(1000), 1, 3)
    );
    assert_eq!((socket.inode, socket.details), (Some(5), None));
    let wanted = Wanted {
        memory: true,
        ..Wanted::default()
    };
    assert!(packet::parse(&bytes, wanted).unwrap().memory().is_some());

    let mut head = [0; 28];
    (head[2], head[3]) = (15, 1);
    head[4..8].copy_from_slice(&99_u32.to_ne_bytes());
    let socket = netlink::parse(&head, Wanted::default()).unwrap();
    assert_eq!(
        socket.local,
        Address::Netlink {
            family: 15,
            port: 99
        }
    );
    assert_eq!(
        socket.peer,
        Address::Netlink {
            family: 15,
            port: 0
        }
    );
    assert_eq!((socket.uid, socket.state), (None, State::Established));

    let mut head = [0; 32];
    (head[2], head[3]) = (10, 0);
    head[4..20].copy_from_slice(&words([2, 1024, u32::MAX, u32::MAX]));
    let socket = vsock::parse(&head).unwrap();
    assert_eq!(
        socket.local,
        Address::Vsock {
            context: 2,
            port: 1024
        }
    );
    assert_eq!(
        (socket.peer, socket.state),
        (Address::None, State::Listening)
    );
}

#[test]
fn requests_have_the_kernels_layout() {
    let query = KernelQuery {
        states: States::only(State::Listening),
        local_port: Some(443),
        bytecode: Some(vec![1, 2, 3, 4]),
        wanted: Wanted {
            tcp: true,
            memory: true,
            rest: true,
        },
        ..KernelQuery::default()
    };
    let bytes = |mut request: Request| request.numbered(7).to_vec();
    let legacy = bytes(inet::dump_tcp(&query));
    assert_eq!(legacy.len(), 16 + 60 + 8);
    assert_eq!(legacy[..4], 84_u32.to_ne_bytes());
    assert_eq!(
        legacy[4..8],
        [18_u16.to_ne_bytes(), 0x301_u16.to_ne_bytes()].concat()
    );
    assert_eq!(
        (legacy[19], &legacy[20..24]),
        (0b0111_1110, &[1, 187, 0, 0][..])
    );
    assert_eq!(legacy[68..72], (1_u32 << 10).to_ne_bytes());
    assert_eq!(legacy[76..], [8, 0, 1, 0, 1, 2, 3, 4]);
    let mptcp = bytes(inet::dump(&query, 262, inet::Family::V6));
    assert_eq!(mptcp.len(), 16 + 56 + 8 + 8);
    assert_eq!(mptcp[16..18], [10, 0]);
    assert_eq!(
        mptcp[72..80],
        [&[8, 0, 3, 0][..], &262_u32.to_ne_bytes()].concat()
    );
    let tuple = Tuple {
        source: "[::1]:5".parse().unwrap(),
        destination: "[::2]:6".parse().unwrap(),
        device: 4,
        cookie: Some(0x2_0000_0001),
    };
    let single = bytes(inet::single(21, 4, 6, Wanted::default(), &tuple));
    assert_eq!(
        single[4..8],
        [21_u16.to_ne_bytes(), 5_u16.to_ne_bytes()].concat()
    );
    assert_eq!(single[16..20], [10, 6, 0, 0]);
    assert_eq!(single[24..28], [0, 5, 0, 6]);
    assert_eq!((single[43], single[59]), (1, 2));
    assert_eq!(single[60..72], words([4, 1, 2]));
    assert_eq!(cookie(u32::MAX, u32::MAX), None);
}

proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        crate::host::diag::take(&bytes);
    }

    #[test]
    fn any_text_is_taken(text in "[ -~\\n0-9A-F: ]{0,200}", any in ".{0,100}") {
        crate::host::diag::take_text(&text);
        crate::host::diag::take_text(&any);
    }

    /// Answers with heads that are right, so that attributes are reached.
    #[test]
    fn any_attributes_are_taken(
        list in proptest::collection::vec((0_u16..24, proptest::collection::vec(any::<u8>(), 0..300)), 0..8),
        cut in 0_usize..80,
    ) {
        let list: Vec<_> = list.iter().map(|(kind, content)| (*kind, content.as_slice())).collect();
        for head in [&head()[..], &[1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let content = with_attributes(head, &list);
            let bytes = message(20, 0, 1, &content[..content.len().saturating_sub(cut)]);
            crate::host::diag::take(&bytes);
        }
    }
}
