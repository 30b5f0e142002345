#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{udp, unix_dgram, unix_path, unix_seqpacket};
use crate::endpoint::{
    Carrier, Endpoint, Host, HostPort, Options, Port, UnixAddress, UnixKind, UnixName,
};
use crate::error::{Error, Kind};
use crate::net::{MAX_DATAGRAM, Messages};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("it must not take 10 s")
}

fn udp_endpoint(addr: SocketAddr) -> Endpoint {
    Endpoint::new(Carrier::Udp(HostPort::from_addr(addr)))
}

fn udp_connect(addrs: &[SocketAddr], options: &Options) -> crate::Result<Messages> {
    udp::connect(addrs, options, &udp_endpoint(addrs[0]), None)
}

fn server(at: &str) -> UdpSocket {
    let socket = UdpSocket::bind(at).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket
}

async fn next(link: &Messages) -> Option<Vec<u8>> {
    let mut buf = vec![0; 66_000];
    let len = soon(link.recv(&mut buf)).await.unwrap()?;
    buf.truncate(len);
    Some(buf)
}

#[tokio::test]
async fn a_udp_link_carries_empty_and_largest_datagrams_of_its_peer_only() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let server = server(at);
        let link = udp_connect(&[server.local_addr().unwrap()], &Options::default()).unwrap();
        let mut buf = vec![0; 66_000];
        let big: Vec<u8> = (0..MAX_DATAGRAM).map(|i| i as u8).collect();
        for message in [&b""[..], &big] {
            soon(link.send(message)).await.unwrap();
            let (len, from) = server.recv_from(&mut buf).unwrap();
            assert_eq!(buf[..len], *message);
            assert_eq!(link.local(), Some(&udp_endpoint(from)));
            UdpSocket::bind(at)
                .unwrap()
                .send_to(b"spoofed", from)
                .unwrap();
            server.send_to(message, from).unwrap();
            assert_eq!(next(&link).await.unwrap(), message);
        }
        let error = soon(link.send(&vec![0; 65_528])).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
}

#[tokio::test]
async fn a_udp_peer_that_is_not_there_is_refused_and_the_link_goes_on() {
    let gone = server("127.0.0.1:0");
    let at = gone.local_addr().unwrap();
    drop(gone);
    let link = udp_connect(&[at], &Options::default()).unwrap();
    soon(link.send(b"hello")).await.unwrap();
    let error = soon(link.recv(&mut [0; 10])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
    assert_eq!(error.endpoint(), Some(&udp_endpoint(at)));
    soon(link.send(b"hello")).await.unwrap();
}

#[tokio::test]
async fn a_udp_link_goes_to_the_first_address_with_a_way() {
    let server = server("127.0.0.1:0");
    let good = server.local_addr().unwrap();
    let mut options = Options::default();
    options.bind = Some(HostPort {
        host: Host::Ip {
            addr: "127.0.0.9".parse().unwrap(),
            scope: None,
        },
        port: Port::Number(0),
    });
    // The local address is of the other family than the first one.
    let link = udp_connect(&["[::1]:9".parse().unwrap(), good], &options).unwrap();
    soon(link.send(b"x")).await.unwrap();
    let (_, from) = server.recv_from(&mut [0; 10]).unwrap();
    assert_eq!(from.ip().to_string(), "127.0.0.9");
    assert_eq!(link.peer(), Some(&udp_endpoint(good)));
}

#[tokio::test]
async fn too_long_for_the_buffer_is_an_error_never_cut() {
    let server = server("127.0.0.1:0");
    let link = udp_connect(&[server.local_addr().unwrap()], &Options::default()).unwrap();
    soon(link.send(b"")).await.unwrap();
    let (_, from) = server.recv_from(&mut []).unwrap();
    server.send_to(b"123456", from).unwrap();
    server.send_to(b"12345", from).unwrap();
    let mut buf = [0; 5];
    let error = soon(link.recv(&mut buf)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert_eq!(soon(link.recv(&mut buf)).await.unwrap(), Some(5));
}

#[tokio::test]
async fn broadcast_is_refused_unless_it_was_asked_for() {
    let server = server("0.0.0.0:0");
    let port = server.local_addr().unwrap().port();
    let at = SocketAddr::new("127.255.255.255".parse().unwrap(), port);
    let mut options = Options::default();
    let error = udp_connect(&[at], &options).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    assert!(error.hint().unwrap().contains("?broadcast=yes"));
    options.broadcast = true;
    let link = udp_connect(&[at], &options).unwrap();
    soon(link.send(b"to all")).await.unwrap();
    let mut buf = [0; 10];
    let (_, from) = server.recv_from(&mut buf).unwrap();
    assert_eq!(&buf[..6], b"to all");
    server.send_to(b"from one", from).unwrap();
    assert_eq!(next(&link).await.unwrap(), b"from one");
}

#[tokio::test]
async fn two_tasks_may_wait_for_one_link() {
    let server = server("127.0.0.1:0");
    let at = server.local_addr().unwrap();
    let link = std::sync::Arc::new(udp_connect(&[at], &Options::default()).unwrap());
    soon(link.send(b"")).await.unwrap();
    let (_, from) = server.recv_from(&mut []).unwrap();
    let wait = || {
        let link = link.clone();
        tokio::spawn(async move { next(&link).await.unwrap() })
    };
    let (one, two) = (wait(), wait());
    tokio::task::yield_now().await;
    server.send_to(b"a", from).unwrap();
    server.send_to(b"b", from).unwrap();
    let mut got = [soon(one).await.unwrap(), soon(two).await.unwrap()];
    got.sort();
    assert_eq!(got, [b"a", b"b"]);
}

fn unix(kind: UnixKind, path: &Path) -> (UnixAddress, Endpoint) {
    let address = UnixAddress {
        kind,
        name: UnixName::Path(path.to_owned()),
    };
    let endpoint = Endpoint::new(Carrier::Unix(address.clone()));
    (address, endpoint)
}

async fn seqpacket_pair(dir: &Path) -> (Messages, Messages) {
    let (address, endpoint) = unix(UnixKind::Seqpacket, &dir.join("server"));
    let options = Options::default();
    let mut listener =
        unix_seqpacket::SeqpacketListener::bind(&address, &options, &endpoint).unwrap();
    let client = soon(unix_seqpacket::connect(&address, &options, &endpoint, None))
        .await
        .unwrap();
    // Sent before anybody accepted.
    soon(client.send(b"")).await.unwrap();
    let server = soon(listener.accept()).await.unwrap();
    assert_eq!(next(&server).await.unwrap(), b"");
    assert!(client.local().is_some());
    assert_eq!(client.local(), server.peer());
    (client, server)
}

#[tokio::test]
async fn seqpacket_tells_an_empty_message_from_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (client, server) = seqpacket_pair(dir.path()).await;
    for message in [&b"a"[..], b"", b"bc", b""] {
        soon(client.send(message)).await.unwrap();
    }
    client.shutdown().unwrap();
    for message in [&b"a"[..], b"", b"bc", b""] {
        assert_eq!(next(&server).await.unwrap(), message);
    }
    assert_eq!(next(&server).await, None);
    assert_eq!(next(&server).await, None);
    for message in [&b""[..], b"still open this way"] {
        soon(server.send(message)).await.unwrap();
        assert_eq!(next(&client).await.unwrap(), message);
    }
    drop(server);
    assert_eq!(next(&client).await, None);
    assert_eq!(
        soon(client.send(b"x")).await.unwrap_err().kind(),
        Kind::Lost
    );
}

#[tokio::test]
async fn an_empty_seqpacket_message_with_descriptors_is_no_end() {
    use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};
    use std::os::fd::AsRawFd;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server");
    let (address, endpoint) = unix(UnixKind::Seqpacket, &path);
    let mut listener =
        unix_seqpacket::SeqpacketListener::bind(&address, &Options::default(), &endpoint).unwrap();
    let client = unix_path::socket(UnixKind::Seqpacket, &Options::default()).unwrap();
    nix::sys::socket::connect(client.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    let descriptors = [client.as_raw_fd()];
    sendmsg::<()>(
        client.as_raw_fd(),
        &[std::io::IoSlice::new(b"")],
        &[ControlMessage::ScmRights(&descriptors)],
        MsgFlags::empty(),
        None,
    )
    .unwrap();
    let server = soon(listener.accept()).await.unwrap();
    assert_eq!(next(&server).await.unwrap(), b"");
    drop(client);
    assert_eq!(next(&server).await, None);
}

#[tokio::test]
async fn seqpacket_waits_for_a_slow_reader_and_keeps_every_boundary() {
    let dir = tempfile::tempdir().unwrap();
    let (client, server) = seqpacket_pair(dir.path()).await;
    let writes = async {
        for number in 0..2000usize {
            client.send(&vec![number as u8; number]).await.unwrap();
        }
        client.shutdown().unwrap();
    };
    let reads = async {
        for number in 0..2000usize {
            assert_eq!(next(&server).await.unwrap(), vec![number as u8; number]);
        }
        assert_eq!(next(&server).await, None);
    };
    soon(async { tokio::join!(writes, reads) }).await;
    soon(client.send(b"")).await.unwrap_err();
    soon(server.send(b"123456")).await.unwrap();
    let error = soon(client.recv(&mut [0; 5])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
}

#[tokio::test]
async fn a_full_seqpacket_queue_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (address, endpoint) = unix(UnixKind::Seqpacket, &dir.path().join("server"));
    let mut options = Options::default();
    options.backlog = Some(0);
    let mut listener =
        unix_seqpacket::SeqpacketListener::bind(&address, &options, &endpoint).unwrap();
    let connect = || unix_seqpacket::connect(&address, &options, &endpoint, None);
    let _first = soon(connect()).await.unwrap();
    let (second, accepted) = soon(async {
        tokio::join!(connect(), async {
            tokio::task::yield_now().await;
            [
                listener.accept().await.unwrap(),
                listener.accept().await.unwrap(),
            ]
        })
    })
    .await;
    soon(second.unwrap().send(b"in")).await.unwrap();
    assert_eq!(next(&accepted[1]).await.unwrap(), b"in");
}

#[tokio::test]
async fn connecting_to_a_socket_of_another_kind_or_to_nobody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stream");
    let listener = UnixListener::bind(&path).unwrap();
    let (address, endpoint) = unix(UnixKind::Dgram, &path);
    let connect = || unix_dgram::connect(&address, &Options::default(), &endpoint, None);
    let error = connect().unwrap_err();
    assert!(error.hint().unwrap().contains("another kind"), "{error}");
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    drop(UnixDatagram::bind(&path).unwrap());
    assert_eq!(connect().unwrap_err().kind(), Kind::Refused);
}

/// Binds a stream socket, as the listener of Unix streams does.
fn guard(path: &Path, options: &Options) -> Result<Option<unix_path::UnixPath>, Error> {
    guard_kind(UnixKind::Stream, path, options)
}

fn guard_kind(
    kind: UnixKind,
    path: &Path,
    options: &Options,
) -> Result<Option<unix_path::UnixPath>, Error> {
    let (address, endpoint) = unix(kind, path);
    let socket = unix_path::socket(kind, options).unwrap();
    unix_path::bind_guard(&socket, &address, options, &endpoint)
}

#[test]
fn a_stale_socket_file_is_replaced_and_ours_goes_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut keep = Options::default();
    keep.unlink = Some(false);
    for kind in [UnixKind::Stream, UnixKind::Dgram, UnixKind::Seqpacket] {
        let path = dir.path().join("s");
        assert!(guard_kind(kind, &path, &keep).unwrap().is_none());
        assert!(path.exists(), "unlink=no leaves it there");
        let error = guard_kind(kind, &path, &keep).unwrap_err();
        assert_eq!(error.kind(), Kind::InUse);
        assert!(error.hint().unwrap().contains("unlink=no"));
        let ours = guard_kind(kind, &path, &Options::default()).unwrap();
        assert!(ours.is_some() && path.exists(), "the stale one is replaced");
        drop(ours);
        assert!(!path.exists());
    }
}

#[test]
fn foreign_files_and_live_servers_are_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let error = guard(&file, &Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::InUse, "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");

    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(
        guard(&link, &Options::default()).unwrap_err().kind(),
        Kind::InUse
    );
    assert!(file.exists() && link.is_symlink());

    let live = dir.path().join("live");
    let _server = UnixListener::bind(&live).unwrap();
    let error = guard(&live, &Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::InUse);
    assert!(live.exists());

    let other_kind = dir.path().join("dgram");
    let _server = UnixDatagram::bind(&other_kind).unwrap();
    assert_eq!(
        guard(&other_kind, &Options::default()).unwrap_err().kind(),
        Kind::InUse
    );
    assert!(other_kind.exists());
}

#[test]
fn a_file_that_replaced_ours_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let ours = guard(&path, &Options::default()).unwrap();
    std::fs::rename(&path, dir.path().join("moved")).unwrap();
    std::fs::write(&path, "theirs").unwrap();
    drop(ours);
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
}

#[test]
fn the_mode_is_exact_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o660, 0o666, 0o700] {
        let path = dir.path().join("s");
        let mut options = Options::default();
        options.mode = Some(mode);
        let _ours = guard(&path, &options).unwrap();
        let got = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(got & 0o7777, mode, "{got:o}");
    }
}

#[test]
fn impossible_names_are_refused_precisely() {
    let long = PathBuf::from("/".repeat(108));
    let error = guard(&long, &Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.why().contains("108 bytes"), "{error}");
    assert!(error.why().contains("at most 107"), "{error}");
    let error = guard(Path::new(""), &Options::default()).unwrap_err();
    assert_eq!(error.why(), "the path is empty");
    let error = guard(Path::new("/tmp/a\0b"), &Options::default()).unwrap_err();
    assert!(error.why().contains("NUL"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let fill = 107 - dir.path().as_os_str().len() - 1;
    let longest = dir.path().join("x".repeat(fill));
    assert!(guard(&longest, &Options::default()).unwrap().is_some());
}
