//! What a stream under TLS does once the peers agree: half-close, watching, secrets, time.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::error::Kind;
use crate::net::context::Net;

/// Client and server with a certificate made on the fly, pinned by the client.
async fn made(client: TlsOptions, server: TlsOptions) -> (Stream, Stream) {
    let acceptor = acceptor(&server, None).unwrap();
    let client = TlsOptions {
        pin: pinning(&acceptor).pin,
        ..client
    };
    let (connected, accepted) = pair().await;
    let host = localhost();
    let (client, server) = tokio::join!(
        connect(stream(connected), &client, Some(&host), None, deadline()),
        acceptor.accept(stream(accepted), None, deadline()),
    );
    (client.unwrap(), server.unwrap())
}

#[tokio::test]
async fn both_versions_are_spoken_and_said() {
    for (version, name) in [(TlsVersion::V1_2, "TLSv1.2"), (TlsVersion::V1_3, "TLSv1.3")] {
        let (mut client, mut server) = made(only(version), TlsOptions::default()).await;
        assert_eq!(client.secured().unwrap().version, name);
        assert_eq!(server.secured().unwrap().version, name);
        assert!(
            client.secured().unwrap().cipher.contains("AES"),
            "{client:?}"
        );
        client.write_all(b"ping").await.unwrap();
        client.flush().await.unwrap();
        let mut got = [0; 4];
        within(server.read_exact(&mut got)).await.unwrap();
        assert_eq!(&got, b"ping");
    }
}

#[tokio::test]
async fn a_certificate_made_on_the_fly_is_for_this_machine() {
    let acceptor = acceptor(
        &TlsOptions::default(),
        Some(&Host::Name("db.example".into())),
    )
    .unwrap();
    assert!(acceptor.is_self_made());
    assert_eq!(acceptor.fingerprint().len(), 64);
    let directory = tempfile::tempdir().unwrap();
    // A client that trusts it as a root checks its names and dates.
    let pem = directory.path().join("made.pem");
    let text = data_encoding::BASE64_MIME.encode(&acceptor.server.current().key.cert[0]);
    std::fs::write(
        &pem,
        format!("-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"),
    )
    .unwrap();
    let options = TlsOptions {
        ca: Some(pem),
        ..TlsOptions::default()
    };
    for host in [
        localhost(),
        loopback(),
        Host::Name("db.example".into()),
        Host::Loopback,
    ] {
        let (connected, accepted) = pair().await;
        let (client, server) = tokio::join!(
            connect(stream(connected), &options, Some(&host), None, deadline()),
            acceptor.accept(stream(accepted), None, deadline()),
        );
        let client = client.unwrap();
        server.unwrap();
        let secured = client.secured().unwrap();
        assert_eq!(
            secured.peer_fingerprint.as_deref(),
            Some(acceptor.fingerprint().as_str())
        );
    }
}

#[tokio::test]
async fn the_first_common_protocol_of_the_server_is_agreed_on() {
    let with = |names: &[&str]| TlsOptions {
        alpn: names.iter().map(|name| (*name).to_owned()).collect(),
        ..TlsOptions::default()
    };
    let (client, server) = made(with(&["http/1.1", "h2"]), with(&["h2", "http/1.1"])).await;
    assert_eq!(client.secured().unwrap().alpn.as_deref(), Some("h2"));
    assert_eq!(server.secured().unwrap().alpn.as_deref(), Some("h2"));
    let (client, _) = made(with(&["h2"]), TlsOptions::default()).await;
    assert_eq!(client.secured().unwrap().alpn, None);
}

/// One side ends first, the other still says a lot, then ends too.
async fn half_close(mut first: Stream, mut second: Stream, length: usize) {
    let payload = vec![b'x'; length];
    let early = async {
        first.write_all(b"that is all").await.unwrap();
        first.shutdown().await.unwrap();
        assert_eq!(
            first.write(b"more").await.unwrap_err().kind(),
            std::io::ErrorKind::BrokenPipe
        );
        let mut got = Vec::new();
        first.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), payload.len());
        assert!(!first.truncated());
    };
    let late = async {
        let mut got = Vec::new();
        second.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"that is all");
        assert!(!second.truncated());
        second.write_all(&payload).await.unwrap();
        second.shutdown().await.unwrap();
    };
    within(async { tokio::join!(early, late) }).await;
}

#[tokio::test]
async fn either_side_may_end_first_and_read_on() {
    for version in BOTH_VERSIONS {
        let (client, server) = made(only(version), TlsOptions::default()).await;
        half_close(client, server, 300_000).await;
        let (client, server) = made(only(version), TlsOptions::default()).await;
        half_close(server, client, 300_000).await;
    }
}

#[tokio::test]
async fn an_end_without_close_notify_is_an_end_with_a_note() {
    let (mut client, mut server) = made(TlsOptions::default(), TlsOptions::default()).await;
    server.write_all(b"half of it").await.unwrap();
    server.flush().await.unwrap();
    // Dropping closes the TCP connection and says nothing in TLS.
    drop(server);
    let mut got = Vec::new();
    within(client.read_to_end(&mut got)).await.unwrap();
    assert_eq!(got, b"half of it");
    assert!(client.truncated());
    assert_eq!(within(client.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_reset_stays_a_reset() {
    let (mut client, server) = made(TlsOptions::default(), TlsOptions::default()).await;
    server.abort();
    let error = within(client.read(&mut [0; 8])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        error.raw_os_error(),
        Some(nix::errno::Errno::ECONNRESET as i32)
    );
    assert!(!client.truncated());
}

#[tokio::test]
async fn megabytes_cross_both_ways_at_once() {
    for version in BOTH_VERSIONS {
        let (client, server) = made(only(version), TlsOptions::default()).await;
        let payload: Vec<u8> = (0..4_000_000u32).map(|n| (n * 7 / 3) as u8).collect();
        let talk = |stream: Stream| {
            let payload = payload.clone();
            async move {
                let (mut read, mut write) = tokio::io::split(stream);
                let sent = async {
                    write.write_all(&payload).await.unwrap();
                    write.shutdown().await.unwrap();
                };
                let received = async {
                    let mut got = Vec::new();
                    read.read_to_end(&mut got).await.unwrap();
                    got
                };
                let ((), got) = tokio::join!(sent, received);
                assert!(got == payload);
            }
        };
        within(async { tokio::join!(talk(client), talk(server)) }).await;
    }
}

#[tokio::test]
async fn a_conversation_in_single_bytes_succeeds() {
    for version in BOTH_VERSIONS {
        let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
        let client = TlsOptions {
            pin: pinning(&acceptor).pin,
            ..only(version)
        };
        let (connected, near) = pair().await;
        let (far, accepted) = pair().await;
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        let proxy = [
            tokio::spawn(trickle(near_read, far_write)),
            tokio::spawn(trickle(far_read, near_write)),
        ];
        let (client, server) = within(async {
            tokio::join!(
                connect(stream(connected), &client, None, None, deadline()),
                acceptor.accept(stream(accepted), None, deadline()),
            )
        })
        .await;
        half_close(client.unwrap(), server.unwrap(), 3_000).await;
        for task in proxy {
            within(task).await.unwrap();
        }
    }
}

/// Hand on one byte at a time, each in a segment of its own.
async fn trickle(
    mut read: tokio::net::tcp::OwnedReadHalf,
    mut write: tokio::net::tcp::OwnedWriteHalf,
) {
    write.as_ref().set_nodelay(true).unwrap();
    while let Ok(byte) = read.read_u8().await {
        write.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    write.shutdown().await.unwrap();
}

#[tokio::test]
async fn bytes_behind_the_last_flight_reach_the_application() {
    for version in BOTH_VERSIONS {
        let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
        let client = TlsOptions {
            pin: pinning(&acceptor).pin,
            ..only(version)
        };
        let (connected, accepted) = pair().await;
        let client = async {
            let mut stream = connect(stream(connected), &client, None, None, deadline())
                .await
                .unwrap();
            stream.write_all(b"at once").await.unwrap();
            stream.shutdown().await.unwrap();
            stream
        };
        let server = async {
            let mut stream = acceptor
                .accept(stream(accepted), None, deadline())
                .await
                .unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap();
            got
        };
        let (_stream, got) = within(async { tokio::join!(client, server) }).await;
        assert_eq!(got, b"at once");
    }
}

#[tokio::test]
async fn the_watch_hears_plaintext_and_secrets() {
    for (version, labels) in [
        (TlsVersion::V1_2, vec!["CLIENT_RANDOM"]),
        (
            TlsVersion::V1_3,
            vec![
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0",
                "EXPORTER_SECRET",
            ],
        ),
    ] {
        let notes = [Arc::new(Notes::default()), Arc::new(Notes::default())];
        let watches = [notes[0].watch(), notes[1].watch()];
        let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
        let options = TlsOptions {
            pin: pinning(&acceptor).pin,
            ..only(version)
        };
        let (connected, accepted) = pair().await;
        let below = Stream::new(
            Io::Tcp(connected),
            Net::tap(Some(&watches[0]), "tcp", true),
            Info::default(),
        );
        let (client, server) = tokio::join!(
            connect(below, &options, None, Some(&watches[0]), deadline()),
            acceptor.accept(stream(accepted), Some(&watches[1]), deadline()),
        );
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        client.write_all(b"visible").await.unwrap();
        client.shutdown().await.unwrap();
        let mut got = Vec::new();
        within(server.read_to_end(&mut got)).await.unwrap();

        let secrets = |notes: &Notes| -> Vec<String> {
            let lines = notes.lines();
            let mut found: Vec<_> = lines
                .iter()
                .filter_map(|line| line.strip_prefix("tls secret "))
                .map(str::to_owned)
                .collect();
            found.sort();
            found
        };
        // Both sides know the same secrets, in the format that Wireshark reads.
        assert_eq!(secrets(&notes[0]), secrets(&notes[1]));
        for label in labels {
            assert!(
                secrets(&notes[0])
                    .iter()
                    .any(|line| line.starts_with(label)),
                "{label}"
            );
        }
        for line in secrets(&notes[0]) {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(words.len(), 3, "{line}");
            assert_eq!(words[1].len(), 64, "{line}");
            assert!(
                data_encoding::HEXLOWER
                    .decode(words[2].as_bytes())
                    .unwrap()
                    .len()
                    >= 32
            );
        }
        let lines = notes[0].lines();
        assert!(lines.contains(&"tls Sent visible".to_owned()));
        assert!(lines.contains(&"tls half-closed Sent".to_owned()));
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("tls agreed TLSv1."))
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("tcp covered Sent \\x16\\x03"))
        );
        assert!(
            !lines
                .iter()
                .any(|line| line.starts_with("tcp") && line.contains("visible"))
        );
    }
}

/// The environment belongs to a process, so the test runs itself in another one.
#[tokio::test]
async fn sslkeylogfile_is_honoured() {
    const MARK: &str = "SOCKEYE_TEST_IN_CHILD";
    if std::env::var_os(MARK).is_some() {
        made(TlsOptions::default(), TlsOptions::default()).await;
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.log");
    let name = std::thread::current().name().unwrap().to_owned();
    let run = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name])
        .env(MARK, "1")
        .env("SSLKEYLOGFILE", &path)
        .kill_on_drop(true)
        .output();
    let output = within(run).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = std::fs::read_to_string(&path).unwrap();
    // Client and server are one process here: each writes the five secrets of TLS 1.3.
    assert_eq!(log.lines().count(), 10, "{log}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_out_of_time_at_the_deadline() {
    let (connected, _silent) = pair().await;
    let start = Instant::now();
    let soon = start + Duration::from_millis(100);
    let result = connect(
        stream(connected),
        &pinned_to_nobody(),
        Some(&localhost()),
        None,
        soon,
    )
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert_eq!(
        error.why(),
        "the peer did not answer the TLS handshake in time"
    );
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_client_that_never_speaks_is_out_of_time_at_the_deadline() {
    let (_silent, accepted) = pair().await;
    let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
    let soon = Instant::now() + Duration::from_millis(100);
    let error = acceptor
        .accept(stream(accepted), None, soon)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
}

fn pinned_to_nobody() -> TlsOptions {
    TlsOptions {
        pin: vec![Pin([0; 32])],
        ..TlsOptions::default()
    }
}

#[tokio::test]
async fn a_server_knows_its_clients_by_name_and_may_let_others_in() {
    let authority = Authority::new("Clients");
    let server = TlsOptions {
        ca: authority.ca(),
        ..authority.server()
    };
    let serving = TlsServing {
        clients_may_be_unknown: true,
        tickets: true,
        ..TlsServing::default()
    };
    let acceptor = Acceptor::new(&server, None, &serving).unwrap();
    let known = TlsOptions {
        cert: authority.client_leaf(),
        ..authority.trusted()
    };
    let _host = localhost();
    for (client, name) in [(known, Some("leaf")), (authority.trusted(), None)] {
        let (connected, accepted) = pair().await;
        let host = localhost();
        let (client, server) = tokio::join!(
            connect(stream(connected), &client, Some(&host), None, deadline()),
            acceptor.accept(stream(accepted), None, deadline()),
        );
        client.unwrap();
        let server = server.unwrap();
        let secured = server.secured().unwrap();
        assert_eq!(secured.peer_name.as_deref(), name);
        let names: &[&str] = if name.is_some() { &["someone"] } else { &[] };
        assert_eq!(secured.peer_names, names);
        assert_eq!(secured.peer_fingerprint.is_some(), name.is_some());
    }
}
