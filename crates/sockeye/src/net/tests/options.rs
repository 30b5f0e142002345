//! Every option is honoured or refused with a reason, for each carrier and role.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::fit::{self, Role};
use super::super::stream::KernelRef;
use super::*;
use crate::endpoint::OPTIONS;
use crate::error::Kind;

/// Each carrier, and one under TLS.
const CARRIERS: [&str; 12] = [
    "tcp://127.0.0.1:1",
    "udp://127.0.0.1:1",
    "unix:/s",
    "unix:@s",
    "unix-dgram:/s",
    "unix-seqpacket:/s",
    "tls://127.0.0.1:1",
    "stdio:",
    "exec:cat",
    "file:/f",
    "fifo:/f",
    "fd:3",
];

fn value(option: &str) -> &'static str {
    match option {
        "family" => "4",
        "bind" => "127.0.0.1",
        "interface" => "lo",
        "nodelay" | "unlink" => "no",
        "keepalive" => "30s",
        "buffer" => "64KiB",
        "reuseport" | "broadcast" => "yes",
        "backlog" | "ttl" => "5",
        "join" => "239.1.2.3",
        "mode" => "0600",
        "access" => "write",
        "alpn" => "h2",
        "sni" => "a.example",
        "ca" | "cert" => "/f",
        "key" => "/f&cert=/f",
        "verify" => "none",
        "pin" => "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "tls-min" => "1.3",
        "tls-max" => "1.2",
        "authkey" | "authkey-file" | "authkey-env" => "secret",
        "payload" => "bytes",
        "max-message" => "64KiB",
        "via" => "socks5h://u:p@127.0.0.1",
        new => panic!("{new} is a new option: say here and in `fit` what becomes of it"),
    }
}

#[test]
fn every_option_is_taken_or_refused_for_each_carrier_and_role() {
    let mut table = String::new();
    for option in OPTIONS {
        for carrier in CARRIERS {
            let text = format!("{carrier}?{}={}", option.name, value(option.name));
            let Ok(endpoint) = text.parse::<Endpoint>() else {
                continue;
            };
            for role in [Role::Connect, Role::Listen] {
                let (name, scheme) = (option.name, carrier.split('1').next().unwrap());
                match fit::check(&endpoint, role) {
                    Ok(()) => writeln!(table, "{name} {scheme} {role:?}: taken"),
                    Err(error) => {
                        assert_eq!(error.kind(), Kind::Usage);
                        writeln!(table, "{name} {scheme} {role:?}: {}", error.why())
                    }
                }
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

fn socket(stream: &Stream) -> SockRef<'_> {
    match stream.kernel_read().unwrap() {
        KernelRef::Tcp(tcp) => tcp.into(),
        KernelRef::Unix(unix) => unix.into(),
        KernelRef::Descriptor(_) => panic!("it is no socket"),
    }
}

/// Both ends of a connection whose two endpoints have these options.
async fn pair(options: &str) -> (Stream, Stream) {
    let net = Net::new();
    let mut listener = listen(&net, &format!("127.0.0.1:0?{options}")).await;
    let to = endpoint(&format!("{}?{options}", listener.local()));
    let client = connect(&net, &to).await;
    (client, stream(arrived(&mut listener).await).await)
}

#[tokio::test]
async fn a_tcp_socket_has_its_options_on_either_side() {
    let (client, server) = pair("nodelay=no&keepalive=30s&buffer=64KiB&ttl=7").await;
    for stream in [&client, &server] {
        let socket = socket(stream);
        assert!(!socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(30)
        );
        assert_eq!(socket.recv_buffer_size().unwrap(), 2 * 65_536);
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * 65_536);
        assert_eq!(socket.ttl_v4().unwrap(), 7);
    }
    let (client, server) = pair("family=4").await;
    for stream in [&client, &server] {
        assert!(socket(stream).tcp_nodelay().unwrap(), "it is on by default");
        assert!(!socket(stream).keepalive().unwrap());
    }
}

#[tokio::test]
async fn a_tcp_socket_over_ipv6_has_its_hop_limit() {
    let net = Net::new();
    let mut listener = listen(&net, "[::1]:0?ttl=7").await;
    let client = connect(&net, &endpoint(&format!("{}?ttl=9", listener.local()))).await;
    let server = stream(arrived(&mut listener).await).await;
    assert_eq!(socket(&client).unicast_hops_v6().unwrap(), 9);
    assert_eq!(socket(&server).unicast_hops_v6().unwrap(), 7);
}

#[tokio::test]
async fn an_interface_binds_the_socket_or_says_why_not() {
    let net = Net::new();
    let bound = soon(net.listen(&endpoint("127.0.0.1:0?interface=lo"))).await;
    match bound {
        Ok(listener) => {
            let to = endpoint(&format!("{}?interface=lo", listener.local()));
            let client = connect(&net, &to).await;
            assert_eq!(socket(&client).device().unwrap().unwrap(), b"lo");
        }
        Err(error) => assert_eq!(error.kind(), Kind::Denied, "{error}"),
    }
    for scheme in ["tcp", "udp"] {
        let text = format!("{scheme}://127.0.0.1:0?interface=no-such-if0");
        let error = soon(net.listen(&endpoint(&text))).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("cannot listen on "), "{text}");
        assert!(
            text.contains("no network interface \"no-such-if0\""),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_local_address_and_port_are_the_ones_asked_for() {
    let net = Net::new();
    let listener = listen(&net, "127.0.0.1:0").await;
    let to = endpoint(&format!(
        "{}?bind=127.0.0.5&reuseport=yes",
        listener.local()
    ));
    let client = connect(&net, &to).await;
    assert!(
        client
            .local()
            .unwrap()
            .to_string()
            .starts_with("tcp://127.0.0.5:")
    );
    assert!(socket(&client).reuse_port().unwrap());
}

#[tokio::test]
async fn listeners_share_a_port_only_if_they_say_so() {
    let net = Net::new();
    for scheme in ["tcp", "udp"] {
        let first = listen(&net, &format!("{scheme}://127.0.0.1:0?reuseport=yes")).await;
        let again = endpoint(&format!("{}?reuseport=yes", first.local()));
        soon(net.listen(&again)).await.unwrap();
        let error = soon(net.listen(first.local())).await.unwrap_err();
        assert_eq!(error.kind(), Kind::InUse, "{error}");
    }
}

#[tokio::test]
async fn a_backlog_bounds_who_may_wait() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s").display().to_string();
    for scheme in ["unix", "unix-seqpacket"] {
        let net = Net::new().connect_timeout(Duration::from_millis(50));
        let _listener = listen(&net, &format!("{scheme}:{path}?backlog=0")).await;
        let to = endpoint(&format!("{scheme}:{path}"));
        let _first = soon(net.open(&to)).await.unwrap();
        let error = soon(net.open(&to)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TimedOut, "{error}");
        let hint = error.hint().unwrap();
        assert!(!hint.contains("firewall"), "{hint}");
    }
}

#[tokio::test]
async fn unix_sockets_have_their_buffer_on_either_side() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("unix:{}?buffer=64KiB", directory.path().join("s").display());
    let net = Net::new();
    let mut listener = listen(&net, &text).await;
    let client = connect(&net, &endpoint(&text)).await;
    let server = stream(arrived(&mut listener).await).await;
    for stream in [&client, &server] {
        assert_eq!(socket(stream).send_buffer_size().unwrap(), 2 * 65_536);
        assert_eq!(socket(stream).recv_buffer_size().unwrap(), 2 * 65_536);
    }
}

#[tokio::test]
async fn what_is_created_has_exactly_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let net = Net::new();
    for (scheme, options) in [
        ("file", "access=write&"),
        ("file", "access=both&"),
        ("fifo", "access=read&"),
    ] {
        for mode in [0o600, 0o666, 0o622] {
            let path = directory
                .path()
                .join(format!("{scheme}-{}-{mode:o}", options.len()));
            let text = format!("{scheme}:{}?{options}mode={mode:04o}", path.display());
            connect(&net, &endpoint(&text)).await;
            let got = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(got, mode, "{text}: {got:o}");
        }
    }
    // What was there keeps its own.
    let path = directory.path().join("old");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    connect(
        &net,
        &endpoint(&format!("file:{}?access=append&mode=0600", path.display())),
    )
    .await;
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
}

#[tokio::test]
async fn a_file_is_read_or_written_as_its_access_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let net = Net::new();
    for (access, before, after, read) in [
        ("write", "old", "new", ""),
        ("append", "old", "oldnew", ""),
        ("both", "old", "oldnew", "old"),
    ] {
        std::fs::write(&path, before).unwrap();
        let text = format!("file:{}?access={access}", path.display());
        let mut stream = connect(&net, &endpoint(&text)).await;
        let mut got = String::new();
        soon(stream.read_to_string(&mut got)).await.unwrap();
        assert_eq!(got, read, "{access}");
        soon(stream.write_all(b"new")).await.unwrap();
        soon(stream.shutdown()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{access}");
    }
    let mut stream = connect(&net, &endpoint(&format!("file:{}", path.display()))).await;
    let error = soon(stream.write_all(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn listening_on_a_carrier_of_this_machine_keeps_its_options() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let net = Net::new();
    let mut listener = listen(&net, &format!("file:{}?access=write", path.display())).await;
    let mut only = stream(arrived(&mut listener).await).await;
    soon(only.write_all(b"kept")).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    assert!(soon(listener.accept()).await.unwrap().is_none());
}

#[tokio::test]
async fn listening_on_a_named_pipe_reads_what_connecting_to_it_writes() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("fifo:{}", directory.path().join("p").display());
    let net = Net::new();
    let mut listener = listen(&net, &text).await;
    let incoming = arrived(&mut listener).await;
    let to = endpoint(&text);
    let (mut reader, mut writer) = tokio::join!(stream(incoming), connect(&net, &to));
    soon(writer.write_all(b"through")).await.unwrap();
    drop(writer);
    let mut got = String::new();
    soon(reader.read_to_string(&mut got)).await.unwrap();
    assert_eq!(got, "through");
}
