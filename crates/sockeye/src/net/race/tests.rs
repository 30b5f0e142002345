//! Races on loopback.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use super::*;
use crate::endpoint::{Host, Port};
use crate::net::resolve::tests::{host_port, watched};

pub(crate) const LIMIT: Duration = Duration::from_secs(10);

async fn race(
    targets: &[SocketAddr],
    options: &Options,
    watch: Option<&Watch>,
    time: Duration,
) -> Result<TcpStream> {
    let connect = connect(targets.to_vec(), &[], options, watch, Instant::now() + time);
    tokio::time::timeout(LIMIT, connect)
        .await
        .expect("a race ends before its deadline")
}

pub(crate) fn here() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address on loopback where nobody listens, and where nobody will while the socket lives.
pub(crate) fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A listener whose queue is full: to whoever connects, it says nothing at all.
pub(crate) struct Blackhole {
    pub(crate) address: SocketAddr,
    _held: (Socket, Vec<Socket>),
}

impl Blackhole {
    pub(crate) fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        // The kernel lets in one more than the queue is long; a connection that does not come about shows that it is full.
        for _ in 0..32 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let full = socket
                .connect_timeout(&address, Duration::from_millis(50))
                .is_err();
            held.push(socket);
            if full {
                let address = address.as_socket().unwrap();
                return Self {
                    address,
                    _held: (listener, held),
                };
            }
        }
        panic!("the queue of a listener never fills");
    }
}

#[tokio::test]
async fn a_single_address_connects_with_nodelay() {
    let (_listener, address) = here();
    let stream = race(&[address], &Options::default(), None, LIMIT)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert!(stream.nodelay().unwrap());
}

#[tokio::test]
async fn ipv4_is_reached_at_once_where_nobody_listens_on_ipv6() {
    let (_listener, four) = here();
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, four.port()));
    let (heard, watch) = watched();
    let begin = Instant::now();
    let stream = race(&[six, four], &Options::default(), Some(&watch), LIMIT)
        .await
        .unwrap();
    assert!(
        begin.elapsed() < Duration::from_millis(300),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(stream.peer_addr().unwrap(), four);
    let heard = heard.0.lock().unwrap();
    let wanted = [
        format!("connecting {six}"),
        format!("failed {six} refused"),
        format!("connecting {four}"),
    ];
    assert_eq!(*heard, wanted);
}

#[tokio::test]
async fn a_silent_address_has_the_field_for_250_ms_and_loses() {
    let silent = Blackhole::new();
    let (_listener, address) = here();
    let (heard, watch) = watched();
    let begin = Instant::now();
    let targets = [silent.address, address];
    let stream = race(&targets, &Options::default(), Some(&watch), LIMIT)
        .await
        .unwrap();
    assert!(begin.elapsed() >= ATTEMPT_DELAY);
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(stream.peer_addr().unwrap(), address);
    let heard = heard.0.lock().unwrap();
    let wanted = [
        format!("connecting {}", silent.address),
        format!("connecting {address}"),
        format!("failed {} canceled", silent.address),
    ];
    assert_eq!(*heard, wanted);
}

#[tokio::test]
async fn refused_everywhere_says_it_once_with_all_addresses() {
    let ((_one, first), (_other, second)) = (nobody(), nobody());
    let error = race(&[first, second], &Options::default(), None, LIMIT)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(
        error.to_string(),
        format!("cannot connect to [{first}, {second}]: nobody listens there (connection refused)")
    );
    assert_eq!(error.os_code(), Some(nix::libc::ECONNREFUSED));
}

#[tokio::test]
async fn different_reasons_are_all_named_and_the_most_telling_decides() {
    let (_held, refused) = nobody();
    // Broadcast addresses cannot be connected to over TCP.
    let unreachable = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
    let error = race(&[unreachable, refused], &Options::default(), None, LIMIT)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let text = error.to_string();
    assert!(text.contains(&format!("{unreachable}: ")), "{text}");
    assert!(
        text.contains(&format!("{refused}: nobody listens there")),
        "{text}"
    );
}

#[tokio::test]
async fn the_deadline_ends_every_attempt() {
    let silent = Blackhole::new();
    let (heard, watch) = watched();
    let begin = Instant::now();
    let time = Duration::from_millis(100);
    let error = race(&[silent.address], &Options::default(), Some(&watch), time)
        .await
        .unwrap_err();
    assert!(begin.elapsed() >= time && begin.elapsed() < Duration::from_secs(2));
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(
        error.to_string().contains(&silent.address.to_string()),
        "{error}"
    );
    let heard = heard.0.lock().unwrap();
    assert_eq!(
        heard.last().unwrap(),
        &format!("failed {} timed-out", silent.address)
    );
}

#[tokio::test]
async fn a_deadline_that_has_passed_tries_nothing() {
    let (_listener, address) = here();
    let (heard, watch) = watched();
    let error = race(
        &[address],
        &Options::default(),
        Some(&watch),
        Duration::ZERO,
    )
    .await;
    assert_eq!(error.unwrap_err().kind(), Kind::TimedOut);
    assert!(heard.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_address_is_a_name_error() {
    let error = race(&[], &Options::default(), None, LIMIT)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
}

#[tokio::test]
async fn a_connection_to_itself_is_refused() {
    // The port was free a moment ago; binding to it and connecting to it meets itself. No other test uses the address.
    let listener = TcpListener::bind("127.0.0.77:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (local, options) = ([address], Options::default());
    let deadline = Instant::now() + LIMIT;
    let connect = connect(vec![address], &local, &options, None, deadline);
    let error = tokio::time::timeout(LIMIT, connect)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
}

#[tokio::test]
async fn bind_chooses_the_source_address() {
    let (listener, address) = here();
    let source = IpAddr::from([127, 0, 0, 9]);
    let host = Host::Ip {
        addr: source,
        scope: None,
    };
    let options = Options {
        bind: Some(host_port(host, 0)),
        ..Options::default()
    };
    let to = HostPort {
        host: Host::Loopback,
        port: Port::Number(address.port()),
    };
    let deadline = Instant::now() + LIMIT;
    let net = Net::new().resolver(crate::net::resolve::Resolver::new());
    let dial = dial(&net, &to, &options, None, deadline);
    let stream = tokio::time::timeout(LIMIT, dial).await.unwrap().unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), source);
    assert_eq!(listener.accept().unwrap().1.ip(), source);
}

#[tokio::test]
async fn bind_of_the_other_family_is_refused_with_the_addresses() {
    let local = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let (_listener, address) = here();
    let deadline = Instant::now() + LIMIT;
    let error = connect(vec![address], &[local], &Options::default(), None, deadline)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn many_addresses_are_listed_up_to_a_bound() {
    let held: Vec<_> = (0..12).map(|_| nobody()).collect();
    let targets: Vec<_> = held.iter().map(|(_, address)| *address).collect();
    let error = race(&targets, &Options::default(), None, LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(", 4 more]"), "{error}");
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_named() {
    let (_listener, address) = here();
    let (local, options) = ([SocketAddr::from(([192, 0, 2, 1], 0))], Options::default());
    let deadline = Instant::now() + LIMIT;
    let connect = connect(vec![address], &local, &options, None, deadline);
    let error = tokio::time::timeout(LIMIT, connect)
        .await
        .unwrap()
        .unwrap_err();
    let wanted = "bind=192.0.2.1 fails: this machine does not have that address";
    assert!(error.to_string().contains(wanted), "{error}");
}
