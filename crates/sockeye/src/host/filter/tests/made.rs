//! Filters and sockets at random, for properties.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use proptest::prelude::*;

use crate::host::filter::expr::{
    Compare, Expr, Family, Field, Number, OwnerIs, Reach, Side, Special, Term,
};
use crate::host::filter::pattern::{Pattern, Piece, Text};
use crate::host::filter::words;
use crate::host::socket::{Address, Protocol, Protocols, Socket, State, States, UnixName};

/// A filter in the form that the parser makes.
pub(super) fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![1 => Just(Expr::All), 20 => term()];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Expr::not),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::and),
            proptest::collection::vec(inner, 1..4).prop_map(Expr::or),
        ]
    })
}

fn term() -> impl Strategy<Value = Expr> {
    let sides = || prop::sample::select(vec![Side::Local, Side::Peer, Side::Either]);
    let protocols = prop::sample::subsequence(Protocol::ALL.to_vec(), 0..=13);
    let states = prop::sample::subsequence(State::ALL.to_vec(), 0..=12);
    let ports = prop::sample::select(vec![
        (80, 80),
        (0, 0),
        (8000, 8100),
        (0, 1023),
        (1024, u16::MAX),
        (0, u16::MAX),
    ]);
    let families = vec![Family::Ipv4, Family::Ipv6, Family::Inet, Family::Inet6];
    let reaches = vec![Reach::Loopback, Reach::NonLoopback, Reach::Wildcard];
    let compares = vec![
        Compare::Equal,
        Compare::Less,
        Compare::AtMost,
        Compare::More,
        Compare::AtLeast,
    ];
    let numbers = vec![
        Number::Queue,
        Number::ReceiveQueue,
        Number::SendQueue,
        Number::Pid,
        Number::Uid,
        Number::Inode,
        Number::Cookie,
        Number::Rtt,
        Number::Retransmits,
        Number::Drops,
        Number::Sent,
        Number::Received,
    ];
    let number = (
        prop::sample::select(numbers),
        prop::sample::select(compares),
        0..3_u64,
    );
    let owners: Vec<OwnerIs> = words::OWNERS.iter().map(|(_, owner)| *owner).collect();
    let other = prop_oneof![
        prop::sample::select(families).prop_map(Term::Family),
        prop::sample::select(reaches).prop_map(Term::Reach),
        number.prop_map(|(number, compare, value)| Term::Number(number, compare, value)),
        (0..3_u64).prop_map(|index| Term::Number(Number::Device, Compare::Equal, index)),
        (0..3_u64).prop_map(|inode| Term::Number(Number::Namespace, Compare::Equal, inode)),
        (0..2_u32, prop::sample::select(vec![0_u32, 1, u32::MAX]))
            .prop_map(|(mark, mask)| Term::Mark(mark, mask)),
        prop::sample::select(owners).prop_map(Term::Owner),
        prop::sample::select(words::TIMERS.to_vec()).prop_map(Term::Timer),
        Just(Term::Here),
        Just(Term::Autobound(32_768, 60_999)),
        Just(Term::Open),
        text(),
        special(),
    ];
    prop_oneof![
        protocols.prop_map(|list| Expr::protocols(list.into_iter().collect::<Protocols>())),
        states.prop_map(|list| Expr::states(list.into_iter().collect::<States>())),
        (sides(), ports).prop_map(|(side, (low, high))| Expr::Term(Term::Port(side, low, high))),
        (sides(), net()).prop_map(|(side, net)| Expr::Term(Term::Net(side, net))),
        other.prop_map(Expr::Term),
    ]
}

fn text() -> impl Strategy<Value = Term> {
    let field = prop::sample::select(vec![
        Field::Process,
        Field::Command,
        Field::Unit,
        Field::Container,
        Field::Namespace,
        Field::Cgroup,
        Field::Device,
        Field::Path(Side::Either),
    ]);
    let piece = prop_oneof![
        8 => any::<u8>().prop_map(Piece::Byte),
        8 => prop::sample::select(b"here12*?,()\"' \\".to_vec()).prop_map(Piece::Byte),
        1 => Just(Piece::One),
        1 => Just(Piece::Many),
    ];
    let is = proptest::collection::vec(piece, 0..6).prop_map(|pieces| Text::Is(Pattern(pieces)));
    let has = proptest::collection::vec(any::<u8>(), 1..5).prop_map(|part| Text::Has(part.into()));
    prop_oneof![
        (field, prop_oneof![is.clone(), has]).prop_map(|(field, text)| Term::Text(field, text)),
        (prop::sample::select(vec![Side::Local, Side::Peer]), is)
            .prop_map(|(side, text)| Term::Text(Field::Path(side), text)),
    ]
}

fn special() -> impl Strategy<Value = Term> {
    let kinds = vec![Special::Packet, Special::Netlink, Special::Vsock];
    let sides = vec![Side::Local, Side::Peer, Side::Either];
    let number = || prop::option::of(0..3_u32);
    (
        prop::sample::select(sides),
        prop::sample::select(kinds),
        number(),
        number(),
    )
        .prop_map(|(side, special, one, two)| Term::Special(side, special, one, two))
}

/// Addresses that lie in and beside each other's networks, mapped ones too.
const ADDRESSES: &[&str] = &[
    "0.0.0.0",
    "127.0.0.1",
    "127.0.0.2",
    "10.0.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "fe80::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0.0.0.0",
];

fn net() -> impl Strategy<Value = IpNet> {
    let address = prop::sample::select(ADDRESSES).prop_map(|text| text.parse::<IpAddr>().unwrap());
    (address, any::<u8>(), any::<bool>()).prop_map(|(address, prefix, whole)| {
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if whole { most } else { prefix % (most + 1) };
        IpNet::new(address, prefix).unwrap().trunc()
    })
}

/// A socket as the kernel could report one.
pub(super) fn socket() -> impl Strategy<Value = Socket> {
    let ports = || prop::sample::select(vec![0_u16, 22, 80, 1024, 8050, 40_000, u16::MAX]);
    let address =
        || prop::sample::select(ADDRESSES).prop_map(|text| text.parse::<IpAddr>().unwrap());
    (
        prop::sample::select(Protocol::ALL.to_vec()),
        prop::sample::select(State::ALL.to_vec()),
        (address(), ports()),
        (address(), ports()),
        0..3_u32,
        prop::option::of(0..2_u32),
        prop::option::of(any::<bool>()),
        (0..3_u32, 0..3_u32),
    )
        .prop_map(
            |(protocol, state, local, peer, device, mark, v6_only, queues)| {
                let mut socket = Socket::new(protocol, state);
                socket.device = device;
                socket.mark = mark;
                (socket.receive_queue, socket.send_queue) = queues;
                if protocol.is_internet() {
                    socket.ipv6 = local.0.is_ipv6() || peer.0.is_ipv6();
                    socket.v6_only = v6_only.filter(|_| socket.ipv6);
                    let of = |ip: IpAddr, port| {
                        Address::Internet(SocketAddr::new(as_family(ip, socket.ipv6), port))
                    };
                    let (one, other) = (of(local.0, local.1), of(peer.0, peer.1));
                    (socket.local, socket.peer) = (one, other);
                } else if protocol.is_unix() {
                    socket.local = Address::Unix(UnixName::Path(b"/run/here".as_slice().into()));
                }
                socket
            },
        )
}

/// Both addresses of a socket are of its family.
fn as_family(ip: IpAddr, v6: bool) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) if v6 => Ipv6Addr::UNSPECIFIED.into(),
        IpAddr::V4(ip) if v6 => ip.to_ipv6_mapped().into(),
        other => other,
    }
}
