//! Events are complete: each byte once for each layer, each end once, and the end of all last.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::wire::{Direction, Event, Observer, What};

/// Who keeps what happened.
#[derive(Default)]
struct Recorder(Mutex<Vec<Note>>);

#[derive(Clone, Debug)]
struct Note {
    connection: u64,
    layer: String,
    covered: bool,
    what: String,
    bytes: Option<(Direction, Vec<u8>)>,
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        let mut bytes = None;
        let what = match &event.what {
            What::Data(way, data) => {
                bytes = Some((*way, data.to_vec()));
                "data".into()
            }
            What::HalfClosed(way) => format!("end {way:?}"),
            What::Closed { exit } => format!("closed {:?}", exit.and_then(|exit| exit.code())),
            What::Connected { .. } => "connected".into(),
            What::Failed(error) => format!("failed {}", error.kind().code()),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(Note {
            connection: event.connection.0,
            layer: event.layer.to_owned(),
            covered: event.covered,
            what,
            bytes,
        });
    }
}

fn recorded() -> (Net, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (Net::new().observer(Arc::clone(&recorder) as _), recorder)
}

impl Recorder {
    fn of(&self, connection: u64) -> Vec<Note> {
        let notes = self.0.lock().unwrap();
        notes
            .iter()
            .filter(|note| note.connection == connection)
            .cloned()
            .collect()
    }

    fn bytes(&self, connection: u64, layer: &str, way: Direction) -> Vec<u8> {
        let notes = self
            .of(connection)
            .into_iter()
            .filter(|note| note.layer == layer);
        let bytes = notes
            .filter_map(|note| note.bytes)
            .filter(|(noted, _)| *noted == way);
        bytes.flat_map(|(_, bytes)| bytes).collect()
    }

    /// Every connection ended once, with its last event, and each direction of each layer at most once.
    fn check(&self) {
        let notes = self.0.lock().unwrap();
        let mut connections: Vec<u64> = notes.iter().map(|note| note.connection).collect();
        connections.sort_unstable();
        connections.dedup();
        for connection in connections {
            let mine: Vec<_> = notes
                .iter()
                .filter(|note| note.connection == connection)
                .collect();
            let is_end =
                |note: &Note| note.what.starts_with("closed") || note.what.starts_with("failed");
            let ends = mine.iter().filter(|note| is_end(note)).count();
            assert_eq!(ends, 1, "connection {connection}: {mine:#?}");
            assert!(
                is_end(mine.last().unwrap()),
                "connection {connection}: {mine:#?}"
            );
            for (index, note) in mine.iter().enumerate() {
                let twice = mine[..index].iter().any(|before| {
                    note.what.starts_with("end")
                        && before.what == note.what
                        && before.layer == note.layer
                });
                assert!(!twice, "connection {connection}: {mine:#?}");
            }
        }
    }

    fn last(&self, connection: u64) -> String {
        self.of(connection).last().unwrap().what.clone()
    }
}

/// Say "question" and "answer", end both ways.
async fn converse(client: &mut Stream, server: &mut Stream) {
    let mut got = String::new();
    soon(client.write_all(b"question")).await.unwrap();
    soon(client.shutdown()).await.unwrap();
    soon(server.read_to_string(&mut got)).await.unwrap();
    // Asking again for an end that was read, or shutting down again, is no second end.
    soon(server.read_to_string(&mut got)).await.unwrap();
    soon(server.write_all(b"answer")).await.unwrap();
    soon(server.shutdown()).await.unwrap();
    got.clear();
    soon(client.read_to_string(&mut got)).await.unwrap();
    assert_eq!(got, "answer");
}

#[tokio::test]
async fn streams_report_each_byte_and_each_end_once() {
    let directory = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", directory.path().join("s").display());
    for (text, closes) in [
        ("127.0.0.1:0", true),
        ("127.0.0.1:0", false),
        (unix.as_str(), true),
    ] {
        let (net, recorder) = recorded();
        let mut listener = listen(&net, text).await;
        let to = listener.local().clone();
        let mut client = connect(&net, &to).await;
        let mut server = stream(arrived(&mut listener).await).await;
        converse(&mut client, &mut server).await;
        if closes {
            soon(client.close()).await.unwrap();
            soon(server.close()).await.unwrap();
        } else {
            drop(client);
            server.abort();
        }
        recorder.check();
        let layer = to.carrier().scheme();
        for (connection, sent, received) in [(1, "question", "answer"), (2, "answer", "question")] {
            assert_eq!(
                recorder.bytes(connection, layer, Direction::Sent),
                sent.as_bytes()
            );
            assert_eq!(
                recorder.bytes(connection, layer, Direction::Received),
                received.as_bytes()
            );
            let notes = recorder.of(connection);
            assert_eq!(
                notes
                    .iter()
                    .filter(|note| note.what.starts_with("end"))
                    .count(),
                2
            );
            assert!(notes.iter().any(|note| note.what == "connected"));
            assert!(notes.iter().all(|note| !note.covered));
        }
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn both_layers_of_tls_are_seen_and_the_end_is_one() {
    let (net, recorder) = recorded();
    let mut listener = listen(&net, "tls://127.0.0.1:0").await;
    let pin = listener.acceptors()[0].fingerprint();
    let to = endpoint(&format!("{}?pin=sha256:{pin}", listener.local()));
    let incoming = arrived_while(&net, &mut listener, &to).await;
    let (mut client, mut server) = incoming;
    converse(&mut client, &mut server).await;
    drop(client);
    drop(server);
    recorder.check();
    for (connection, other) in [(1, 2), (2, 1)] {
        assert!(recorder.last(connection).starts_with("closed"));
        let sent = recorder.bytes(connection, "tls", Direction::Sent);
        assert_eq!(sent, recorder.bytes(other, "tls", Direction::Received));
        let below = recorder.bytes(connection, "tcp", Direction::Sent);
        assert_eq!(below, recorder.bytes(other, "tcp", Direction::Received));
        assert!(below.len() > sent.len());
        let notes = recorder.of(connection);
        assert!(
            notes
                .iter()
                .filter(|note| note.bytes.is_some())
                .all(|note| note.covered == (note.layer == "tcp"))
        );
    }
}

/// Both ends of a connection whose handshake needs both.
#[cfg(feature = "tls")]
async fn arrived_while(net: &Net, listener: &mut Listener, to: &Endpoint) -> (Stream, Stream) {
    tokio::join!(connect(net, to), async {
        stream(arrived(listener).await).await
    })
}

#[tokio::test]
async fn links_report_each_message_and_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s").display().to_string();
    for text in [
        "udp://127.0.0.1:0".to_owned(),
        format!("unix-dgram:{path}"),
        format!("unix-seqpacket:{path}"),
    ] {
        let (net, recorder) = recorded();
        let mut listener = listen(&net, &text).await;
        let to = listener.local().clone();
        let client = soon(net.connect_messages(&to)).await.unwrap();
        let mut buf = [0; 100];
        soon(client.send(b"question")).await.unwrap();
        let server = messages(arrived(&mut listener).await).await;
        assert_eq!(soon(server.recv(&mut buf)).await.unwrap(), Some(8));
        soon(server.send(b"")).await.unwrap();
        assert_eq!(soon(client.recv(&mut buf)).await.unwrap(), Some(0));
        for _ in 0..2 {
            client.shutdown().unwrap();
        }
        drop(client);
        drop(server);
        recorder.check();
        let layer = to.carrier().scheme();
        assert_eq!(recorder.bytes(1, layer, Direction::Sent), b"question");
        assert_eq!(recorder.bytes(2, layer, Direction::Received), b"question");
        for connection in [1, 2] {
            let data = recorder
                .of(connection)
                .into_iter()
                .filter(|note| note.bytes.is_some());
            assert_eq!(data.count(), 2, "{text}: an empty message is a message");
        }
    }
}

#[tokio::test]
async fn a_socket_of_many_peers_reports_its_end() {
    let (net, recorder) = recorded();
    let socket = soon(net.bind(&endpoint("udp://127.0.0.1:0")))
        .await
        .unwrap();
    drop(socket);
    recorder.check();
}

#[tokio::test]
async fn a_program_reports_its_bytes_and_its_status() {
    let (net, recorder) = recorded();
    let mut program = connect(&net, &endpoint("exec:sh -c 'cat; exit 7'")).await;
    soon(program.write_all(b"there and back")).await.unwrap();
    soon(program.shutdown()).await.unwrap();
    let mut got = String::new();
    soon(program.read_to_string(&mut got)).await.unwrap();
    soon(program.close()).await.unwrap();
    recorder.check();
    assert_eq!(
        recorder.bytes(1, "exec", Direction::Sent),
        b"there and back"
    );
    assert_eq!(
        recorder.bytes(1, "exec", Direction::Received),
        b"there and back"
    );
    assert_eq!(recorder.last(1), "closed Some(7)");
}

#[tokio::test]
async fn what_cannot_be_reached_has_failed_and_nothing_more() {
    let (net, recorder) = recorded();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = Endpoint::from(gone.local_addr().unwrap());
    drop(gone);
    soon(net.connect(&to)).await.unwrap_err();
    recorder.check();
    assert_eq!(recorder.last(1), "failed refused");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_handshake_that_fails_or_is_given_up_ends_its_connection() {
    let (net, recorder) = recorded();
    let mut listener = listen(&net, "tls://127.0.0.1:0").await;
    let plain = Endpoint::from(tcp_address(listener.local()));
    // The client does not trust the server, and says so.
    let to = listener.local().clone();
    let (client, server) = tokio::join!(soon(net.connect(&to)), async {
        soon(arrived(&mut listener).await.handshake()).await
    });
    let (client, server) = (client.unwrap_err(), server.unwrap_err());
    assert!(
        client
            .to_string()
            .starts_with("cannot connect to tls://127.0.0.1:"),
        "{client}"
    );
    assert!(
        server
            .to_string()
            .starts_with("cannot shake hands with tls://127.0.0.1:"),
        "{server}"
    );
    assert_ne!(
        server.endpoint(),
        Some(listener.local()),
        "the peer is named, not we"
    );
    recorder.check();
    assert_eq!(recorder.last(1), "failed tls");
    assert_eq!(recorder.last(2), "failed tls");
    // A client that says nothing, given up.
    let (unseen, _) = recorded();
    let _silent = connect(&unseen, &plain).await;
    let incoming = arrived(&mut listener).await;
    let number = incoming.connection().0;
    let shaking = incoming.handshake();
    tokio::select! {
        biased;
        _ = shaking => panic!("nobody answered"),
        () = std::future::ready(()) => {}
    }
    recorder.check();
    assert_eq!(recorder.last(number), "closed None");
}

#[cfg(feature = "tls")]
fn tcp_address(endpoint: &Endpoint) -> std::net::SocketAddr {
    let text = endpoint.to_string();
    text.trim_start_matches("tls://").parse().unwrap()
}

#[tokio::test]
async fn an_incoming_connection_that_nobody_takes_is_closed_and_was_never_there() {
    let (net, recorder) = recorded();
    let mut listener = listen(&net, "127.0.0.1:0").await;
    let (unseen, _) = recorded();
    let mut client = connect(&unseen, listener.local()).await;
    drop(arrived(&mut listener).await);
    assert_eq!(soon(client.read(&mut [0; 10])).await.unwrap(), 0);
    assert!(recorder.0.lock().unwrap().is_empty());
}
