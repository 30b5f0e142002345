//! Messages with live Python, both ways: every generation of authentication, many types, large messages, and what is refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sockeye::data::json;
use sockeye::data::value::Value;
use sockeye::endpoint::{Endpoint, Payload};
use sockeye::rpc::python::{Connection, Listener, lines};
use sockeye::wire::{Direction, Event, What};
use sockeye::{Kind, Link, Net, Observer, relay};
use sockeye_testkit::{Program, peers, temporary_dir, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The authentication of both generations, for the Python that is here: `native`, `old` (up to 3.11) or `new` (from 3.12 on).
const GENERATIONS: &str = r##"
import hmac, os, sys
from multiprocessing import AuthenticationError, connection as mc
def verdict(conn, good):
    conn.send_bytes(b"#WELCOME#" if good else b"#FAILURE#")
    if not good: raise AuthenticationError("wrong digest")
def challenge_of(conn):
    said = conn.recv_bytes(256)
    assert said.startswith(b"#CHALLENGE#"), said
    return said[11:]
def welcomed(conn):
    if conn.recv_bytes(256) != b"#WELCOME#": raise AuthenticationError("refused")
def old_deliver(conn, key):
    message = os.urandom(20)
    conn.send_bytes(b"#CHALLENGE#" + message)
    verdict(conn, conn.recv_bytes(256) == hmac.new(key, message, "md5").digest())
def old_answer(conn, key):
    conn.send_bytes(hmac.new(key, challenge_of(conn), "md5").digest())
    welcomed(conn)
def new_deliver(conn, key):
    message = b"{sha256}" + os.urandom(40)
    conn.send_bytes(b"#CHALLENGE#" + message)
    verdict(conn, conn.recv_bytes(256) == b"{sha256}" + hmac.new(key, message, "sha256").digest())
def new_answer(conn, key):
    message = challenge_of(conn)
    assert message.startswith(b"{sha256}") and len(message) == 48, message
    conn.send_bytes(b"{sha256}" + hmac.new(key, message, "sha256").digest())
    welcomed(conn)
generation, key = sys.argv[1], sys.argv[2].encode() or None
if generation != "native":
    mc.deliver_challenge = globals()[generation + "_deliver"]
    mc.answer_challenge = globals()[generation + "_answer"]
"##;

/// A listener that sends back what it gets, and what it is in Python's words.
const ECHO: &str = r#"
where = sys.argv[3]
address = ("127.0.0.1", 0) if where == "tcp" else where.replace("@", "\0")
with mc.Listener(address, authkey=key) as listener:
    print("listening on", listener.address[1] if where == "tcp" else where, file=sys.stderr, flush=True)
    try:
        with listener.accept() as conn:
            while True:
                value = conn.recv()
                conn.send((value, repr(value)))
    except EOFError:
        print("the end")
    except AuthenticationError as error:
        print("authentication failed:", error)
"#;

/// A client that sends values and says what comes back.
const ASK: &str = r#"
where = sys.argv[3]
address = ("127.0.0.1", int(where)) if where.isdigit() else where.replace("@", "\0")
sent = [None, True, 7, -2**31, 2**63, 10**40, 1.5, float("1e300"), "ä€😀\0", b"\0\xff", [1, [2]], (1, 2), {"a": {"b": []}},
    {1: "one", (1, 2): 2, None: 3}, {"s"}, frozenset([4]), "x" * 70000]
try:
    with mc.Client(address, authkey=key) as conn:
        for value in sent:
            conn.send(value)
            print(repr(conn.recv()) if not isinstance(value, str) or len(value) < 99 else conn.recv() == value)
except AuthenticationError as error:
    print("authentication failed:", error)
"#;

fn python(script: &[&str], args: &[&str]) -> Option<Program> {
    let python = peers::python3()?;
    let script = script.concat();
    Some(Program::start(python, ["-c", &script].iter().chain(args)))
}

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn with_key(endpoint: String, key: &str) -> Endpoint {
    match key {
        "" => self::endpoint(&endpoint),
        key => self::endpoint(&format!("{endpoint}?authkey={key}")),
    }
}

fn parsed(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

/// What Python makes of our values, with every generation of listeners.
#[test]
fn we_send_and_python_receives() {
    within(|| {
        for (generation, key) in [
            ("native", ""),
            ("native", "peekaboo"),
            ("old", "k"),
            ("new", "k"),
        ] {
            let Some(peer) = python(&[GENERATIONS, ECHO], &[generation, key, "tcp"]) else {
                return;
            };
            let port = peer.line_starting_with("listening on ");
            let to = with_key(format!("python+tcp://127.0.0.1:{port}"), key);
            block(async {
                let connection = Connection::connect(&Net::new(), &to).await.unwrap();
                for (sent, said) in [
                    ("null", "None"),
                    ("true", "True"),
                    ("-7", "-7"),
                    ("3.0", "3.0"),
                    ("1e3", "1000.0"),
                    (
                        "123456789012345678901234567890",
                        "123456789012345678901234567890",
                    ),
                    (r#""a\u0000\u00e4\ud83d\ude00""#, "'a\\x00ä😀'"),
                    (r#"[1,[2,{"k":[]}]]"#, "[1, [2, {'k': []}]]"),
                ] {
                    connection.send(&parsed(sent)).await.unwrap();
                    let answer = connection.recv().await.unwrap().unwrap();
                    let [value, words] = answer.as_array().unwrap() else {
                        panic!("{answer:?}")
                    };
                    assert_eq!((value, words.as_str()), (&parsed(sent), Some(said)));
                }
                connection.send(&Value::bytes(vec![0, 255])).await.unwrap();
                let answer = connection.recv().await.unwrap().unwrap();
                assert_eq!(
                    answer.as_array().unwrap()[1].as_str(),
                    Some("b'\\x00\\xff'")
                );
                connection.shutdown().await.unwrap();
                assert!(connection.recv().await.unwrap().is_none());
            });
            assert_eq!(peer.finish().stdout_text(), "the end\n");
        }
    });
}

/// What we make of Python's values, with every generation of clients.
#[test]
fn python_sends_and_we_receive() {
    within(|| {
        for (generation, key) in [
            ("native", ""),
            ("native", "peekaboo"),
            ("old", "k"),
            ("new", "k"),
        ] {
            let heard = block(async {
                let at = with_key("python+tcp:0".to_owned(), key);
                let mut listener = Listener::bind(&Net::new(), &at).await.unwrap();
                let port = port_of(listener.local());
                let peer = python(&[GENERATIONS, ASK], &[generation, key, &port])?;
                let connection = listener.accept().await.unwrap();
                let mut heard = Vec::new();
                while let Some(value) = connection.recv().await.unwrap() {
                    heard.push(json::to_string(&value));
                    connection.send(&value).await.unwrap();
                }
                drop(connection);
                Some((heard, peer.wait().stdout_text()))
            });
            let Some((heard, said)) = heard else { return };
            assert_eq!(
                heard[..16],
                [
                    "null",
                    "true",
                    "7",
                    "-2147483648",
                    "9223372036854775808",
                    "10000000000000000000000000000000000000000",
                    "1.5",
                    "1e300",
                    "\"ä€😀\\u0000\"",
                    "\"AP8=\"",
                    "[1,[2]]",
                    "[1,2]",
                    r#"{"a":{"b":[]}}"#,
                    r#"{"1":"one","[1,2]":2,"null":3}"#,
                    r#"["s"]"#,
                    "[4]",
                ]
            );
            assert_eq!(heard[16].len(), 70_002);
            let back: Vec<&str> = said.lines().collect();
            assert_eq!(
                back[9..],
                [
                    "b'\\x00\\xff'",
                    "[1, [2]]",
                    "[1, 2]",
                    "{'a': {'b': []}}",
                    "{'1': 'one', '[1,2]': 2, 'null': 3}",
                    "['s']",
                    "[4]",
                    "True",
                ]
            );
        }
    });
}

fn port_of(at: &Endpoint) -> String {
    let text = at.to_string();
    let place = text.split('?').next().unwrap();
    place.rsplit(':').next().unwrap().to_owned()
}

#[test]
fn a_wrong_key_is_told_on_both_sides() {
    within(|| {
        for generation in ["native", "old", "new"] {
            let Some(mut peer) = python(&[GENERATIONS, ECHO], &[generation, "right", "tcp"]) else {
                return;
            };
            let port = peer.line_starting_with("listening on ");
            let to = endpoint(&format!("python+tcp://127.0.0.1:{port}?authkey=wrong"));
            let error = block(Connection::connect(&Net::new(), &to)).unwrap_err();
            assert_eq!(error.kind(), Kind::Rejected);
            let text = error.to_string();
            assert!(
                text.contains("the peer refused our key") && !text.contains("wrong?"),
                "{text}"
            );
            assert!(text.contains("authkey=***"), "{text}");
            assert!(peer_said(&mut peer).contains("authentication failed"));

            let told = block(async {
                let mut listener =
                    Listener::bind(&Net::new(), &endpoint("python+tcp:0?authkey=right"))
                        .await
                        .unwrap();
                let mut peer = python(
                    &[GENERATIONS, ASK],
                    &[generation, "wrong", &port_of(listener.local())],
                )?;
                let error = listener.accept().await.unwrap_err();
                assert_eq!(error.kind(), Kind::Rejected);
                assert!(
                    error.to_string().contains("the peer does not know our key"),
                    "{error}"
                );
                Some(peer_said(&mut peer))
            });
            assert!(told.unwrap().contains("authentication failed"));
        }
    });
}

fn peer_said(peer: &mut Program) -> String {
    String::from_utf8(peer.stdout_until("\n")).unwrap()
}

/// A listener wants a key, and we have none: the first message says so.
#[test]
fn a_key_that_is_asked_for_and_missing_is_named() {
    within(|| {
        let Some(peer) = python(&[GENERATIONS, ECHO], &["native", "k", "tcp"]) else {
            return;
        };
        let to = endpoint(&format!(
            "python+tcp://127.0.0.1:{}",
            peer.line_starting_with("listening on ")
        ));
        block(async {
            let connection = Connection::connect(&Net::new(), &to).await.unwrap();
            let error = connection.recv().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Rejected);
            assert!(error.hint().unwrap().contains("authkey="));
        });
    });
}

/// A pickle that would run a program does not, and the conversation goes on behind it.
#[test]
fn what_would_run_code_runs_nothing() {
    const EVIL: &str = r#"
class Evil:
    def __reduce__(self): return (os.system, ("touch " + sys.argv[4],))
class Plain: pass
with mc.Client(("127.0.0.1", int(sys.argv[3])), authkey=key) as conn:
    conn.send(Evil())
    conn.send(Plain())
    conn.send([{"deep": Evil()}])
    conn.send("good")
    print(conn.recv())
"#;
    within(|| {
        let folder = temporary_dir();
        let marker = folder.path().join("marker");
        let said = block(async {
            let mut listener = Listener::bind(&Net::new(), &endpoint("python+tcp:0?authkey=k"))
                .await
                .unwrap();
            let marker = marker.to_str().unwrap();
            let peer = python(
                &[GENERATIONS, EVIL],
                &["native", "k", &port_of(listener.local()), marker],
            )?;
            let connection = listener.accept().await.unwrap();
            for words in [
                "it imports posix.system",
                "it imports __main__.Plain",
                "it imports posix.system",
            ] {
                let error = connection.recv().await.unwrap_err();
                assert_eq!(error.kind(), Kind::Protocol);
                let text = error.to_string();
                assert!(
                    text.contains("the opcode STACK_GLOBAL could run code") && text.contains(words),
                    "{text}"
                );
                assert!(text.contains(" at byte "), "{text}");
            }
            assert_eq!(
                connection.recv().await.unwrap().unwrap().as_str(),
                Some("good")
            );
            connection.send(&Value::from("thanks")).await.unwrap();
            Some(peer.wait().stdout_text())
        });
        let Some(said) = said else { return };
        assert_eq!(said, "thanks\n");
        assert!(!Path::new(&marker).exists(), "nothing was executed");
    });
}

/// Eight megabytes each way, as a value and as bytes, and the empty message.
#[test]
fn large_and_empty_messages_cross() {
    const BULK: &str = r#"
with mc.Listener(("127.0.0.1", 0), authkey=key) as listener:
    print("listening on", listener.address[1], file=sys.stderr, flush=True)
    with listener.accept() as conn:
        for _ in range(3): conn.send_bytes(conn.recv_bytes())
        text = conn.recv()
        conn.send(text[::-1])
"#;
    within(|| {
        let Some(peer) = python(&[GENERATIONS, BULK], &["native", "k"]) else {
            return;
        };
        let to = endpoint(&format!(
            "python+tcp://127.0.0.1:{}?authkey=k",
            peer.line_starting_with("listening on ")
        ));
        block(async {
            let connection = Connection::connect(&Net::new(), &to).await.unwrap();
            let large = sockeye_testkit::pattern(7, 8 << 20);
            for bytes in [&b""[..], b"#CHALLENGE#", &large] {
                let (sent, heard) =
                    tokio::join!(connection.send_bytes(bytes), connection.recv_bytes());
                sent.unwrap();
                assert!(heard.unwrap().unwrap() == bytes);
            }
            let text = format!("{}b", "a".repeat(8 << 20));
            connection.send(&Value::from(text)).await.unwrap();
            let back = connection.recv().await.unwrap().unwrap();
            let back = back.as_str().unwrap();
            assert!(back.starts_with("baa") && back.len() == (8 << 20) + 1);
            assert!(connection.recv().await.unwrap().is_none());
        });
    });
}

#[test]
fn unix_sockets_abstract_names_and_pipes_carry_messages_too() {
    within(|| {
        let folder = temporary_dir();
        let path = folder.path().join("s").to_str().unwrap().to_owned();
        let name = format!("@sockeye-{}", std::process::id());
        for place in [&path, &name] {
            let Some(mut peer) = python(&[GENERATIONS, ECHO], &["native", "k", place]) else {
                return;
            };
            peer.line_starting_with("listening on ");
            let to = endpoint(&format!("python+unix:{place}?authkey=k"));
            block(async {
                let connection = Connection::connect(&Net::new(), &to).await.unwrap();
                connection.send(&Value::from(1)).await.unwrap();
                assert!(connection.recv().await.unwrap().is_some());
            });
            assert_eq!(peer_said(&mut peer), "the end\n");
        }
        // The ends of a pipe, as a child has them.
        let worker = folder.path().join("worker.py");
        let script = "from multiprocessing.connection import Connection\n\
            ours, theirs = Connection(0, writable=False), Connection(1, readable=False)\n\
            try:\n while True: theirs.send(ours.recv() * 2)\n\
            except EOFError: pass\n";
        std::fs::write(&worker, script).unwrap();
        let python = peers::python3().unwrap();
        let to = endpoint(&format!(
            "python+exec:{} {}",
            python.display(),
            worker.display()
        ));
        block(async {
            let connection = Connection::connect(&Net::new(), &to).await.unwrap();
            for n in [21, 50] {
                connection.send(&Value::from(n)).await.unwrap();
                assert_eq!(
                    connection.recv().await.unwrap().unwrap().as_i64(),
                    Some(i64::from(n) * 2)
                );
            }
            connection.shutdown().await.unwrap();
            assert!(connection.recv().await.unwrap().is_none());
        });
    });
}

/// What happened, layer by layer.
#[derive(Default)]
struct Seen(Mutex<Vec<Crossed>>);

/// A layer, whether it is framed, the direction, the bytes.
type Crossed = (String, bool, Direction, Vec<u8>);

impl Observer for Seen {
    fn on_event(&self, event: &Event<'_>) {
        if let What::Data(direction, bytes) = &event.what {
            let seen = (
                event.layer.to_owned(),
                event.covered,
                *direction,
                bytes.to_vec(),
            );
            self.0.lock().unwrap().push(seen);
        }
    }
}

#[test]
fn the_observer_sees_bytes_below_and_messages_above_and_never_the_key() {
    within(|| {
        block(async {
            let seen = Arc::new(Seen::default());
            let net = Net::new().observer(seen.clone());
            let mut listener =
                Listener::bind(&Net::new(), &endpoint("python+tcp:0?authkey=hush-hush"))
                    .await
                    .unwrap();
            let to = listener.local().clone();
            let (connection, peer) =
                tokio::join!(Connection::connect(&net, &to), listener.accept());
            let (connection, peer) = (connection.unwrap(), peer.unwrap());
            connection.send_bytes(b"hello").await.unwrap();
            peer.send_bytes(b"").await.unwrap();
            assert_eq!(connection.recv_bytes().await.unwrap().unwrap(), b"");
            let seen = seen.0.lock().unwrap();
            let above: Vec<_> = seen
                .iter()
                .filter(|(layer, ..)| layer == "python")
                .collect();
            let sent = |bytes: &[u8]| ("python".to_owned(), false, Direction::Sent, bytes.to_vec());
            assert_eq!(above[0], &sent(b"hello"));
            assert_eq!(
                (above.len(), above[1].2, above[1].3.len()),
                (2, Direction::Received, 0)
            );
            let below = |direction| {
                let parts = seen
                    .iter()
                    .filter(|it| it.0 == "tcp" && it.1 && it.2 == direction);
                parts.flat_map(|it| it.3.clone()).collect::<Vec<u8>>()
            };
            let out = below(Direction::Sent);
            assert!(
                out.ends_with(b"#WELCOME#\0\0\0\x05hello"),
                "{}",
                out.escape_ascii()
            );
            assert!(below(Direction::Received).starts_with(b"\0\0\0\x3b#CHALLENGE#{sha256}"));
            assert!(
                !seen
                    .iter()
                    .any(|it| it.3.windows(4).any(|part| part == b"hush"))
            );
        });
    });
}

/// A relay between two links of messages keeps each whole, larger than any datagram, and passes the end on.
#[test]
fn a_relay_keeps_messages_whole() {
    within(|| {
        block(async {
            let net = Net::new();
            let mut target = Listener::bind(&net, &endpoint("python+tcp:0?authkey=inner"))
                .await
                .unwrap();
            let mut front = net
                .listen(&endpoint("python+tcp:0?authkey=outer"))
                .await
                .unwrap();
            let (at, to) = (front.local().clone(), target.local().clone());
            let relaying = tokio::spawn(async move {
                let inbound = front
                    .accept()
                    .await
                    .unwrap()
                    .unwrap()
                    .handshake()
                    .await
                    .unwrap();
                let outbound = Net::new().open(&to).await.unwrap();
                relay::join(inbound, outbound, &relay::JoinOptions::default()).await
            });
            let serving = tokio::spawn(async move {
                let peer = target.accept().await.unwrap();
                let mut lengths = Vec::new();
                while let Some(message) = peer.recv_bytes().await.unwrap() {
                    lengths.push(message.len());
                    peer.send_bytes(&message).await.unwrap();
                }
                lengths
            });
            let client = Connection::connect(&net, &at).await.unwrap();
            let sizes = [0, 1, 65_507, 65_508, 300_000, 3 << 20];
            for size in sizes {
                let message = sockeye_testkit::pattern(3, size);
                let (sent, heard) = tokio::join!(client.send_bytes(&message), client.recv_bytes());
                sent.unwrap();
                assert!(heard.unwrap().unwrap() == message, "{size}");
            }
            client.shutdown().await.unwrap();
            assert!(client.recv_bytes().await.unwrap().is_none());
            assert_eq!(serving.await.unwrap(), sizes);
            let joined = relaying.await.unwrap();
            let total: usize = sizes.iter().sum();
            assert_eq!(joined.totals.upstream.bytes, total as u64);
            assert_eq!(
                (
                    joined.totals.upstream.messages,
                    joined.totals.upstream.dropped
                ),
                (6, 0)
            );
        });
    });
}

/// A client that asks in the wrong protocol is no message of two gigabytes.
#[test]
fn a_stranger_is_no_message() {
    within(|| {
        block(async {
            let mut listener =
                Listener::bind(&Net::new(), &endpoint("python+tcp:0?max-message=1MiB"))
                    .await
                    .unwrap();
            let bare = endpoint(&format!("127.0.0.1:{}", port_of(listener.local())));
            let mut stranger = Net::new().connect(&bare).await.unwrap();
            stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let error = listener.accept().await.unwrap().recv().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol);
            assert!(
                error.to_string().contains(
                    "announces a message of 1195725856 bytes, and 1048576 are taken at most"
                ),
                "{error}"
            );
        });
    });
}

#[test]
fn echo_and_broker_carry_messages_of_any_length() {
    within(|| {
        block(async {
            let net = Net::new();
            let mut listener = net.listen(&endpoint("python+tcp:0")).await.unwrap();
            let at = listener.local().clone();
            let serving = tokio::spawn(async move {
                let client = listener
                    .accept()
                    .await
                    .unwrap()
                    .unwrap()
                    .handshake()
                    .await
                    .unwrap();
                let echo = relay::Service::Echo.link_for(&client);
                relay::join(echo, client, &relay::JoinOptions::default()).await
            });
            let client = Connection::connect(&net, &at).await.unwrap();
            for size in [0, 5, 70_000, 1 << 20] {
                let message = sockeye_testkit::pattern(1, size);
                let (sent, heard) = tokio::join!(client.send_bytes(&message), client.recv_bytes());
                sent.unwrap();
                assert!(heard.unwrap().unwrap() == message);
            }
            client.shutdown().await.unwrap();
            assert!(client.recv_bytes().await.unwrap().is_none());
            serving.await.unwrap();
        });
    });
}

#[test]
fn lines_are_messages_and_wrong_ones_fail_or_are_told() {
    within(|| {
        block(async {
            let net = Net::new();
            for (payload, written, wanted) in [
                (Payload::Pickle, &b"1\n\n  \n{\"a\":\n[]}\n"[..], vec!["1"]),
                (Payload::Bytes, b"a b\n\nlast", vec!["a b", "", "last"]),
            ] {
                let mut listener = Listener::bind(&net, &endpoint("python+tcp:0"))
                    .await
                    .unwrap();
                let messages = net.connect_messages(listener.local()).await.unwrap();
                let told = Arc::new(Mutex::new(BTreeSet::new()));
                let hears = {
                    let told = Arc::clone(&told);
                    move |error: &sockeye::Error| {
                        told.lock().unwrap().insert(error.to_string());
                    }
                };
                let mut stream = lines(messages, payload, Some(Arc::new(hears)));
                stream.write_all(written).await.unwrap();
                stream.shutdown().await.unwrap();
                let peer = listener.accept().await.unwrap();
                let mut heard = Vec::new();
                while let Some(message) = peer.recv_bytes().await.unwrap() {
                    heard.push(match payload {
                        Payload::Bytes => String::from_utf8(message).unwrap(),
                        Payload::Pickle => {
                            json::to_string(&sockeye::data::pickle::parse(&message).unwrap())
                        }
                    });
                }
                assert_eq!(heard, wanted);
                let told = told.lock().unwrap().clone();
                match payload {
                    Payload::Pickle => assert!(
                        told.iter()
                            .any(|text| text.contains("line 4 is no JSON value")),
                        "{told:?}"
                    ),
                    Payload::Bytes => assert!(told.is_empty()),
                }
                drop(peer);
                let mut rest = String::new();
                stream.read_to_string(&mut rest).await.unwrap();
                assert_eq!(rest, "");
            }
            let mut listener = Listener::bind(&net, &endpoint("python+tcp:0"))
                .await
                .unwrap();
            let messages = net.connect_messages(listener.local()).await.unwrap();
            let _peer = listener.accept().await.unwrap();
            let mut stream = lines(messages, Payload::Pickle, None);
            let error = stream.write_all(b"no json\n").await.unwrap_err();
            assert!(
                error.to_string().contains("line 1 is no JSON value"),
                "{error}"
            );
        });
    });
}

/// A link of messages is refused where bytes are asked for, and the other way round, with the way out.
#[test]
fn bytes_and_messages_are_not_mixed_up() {
    within(|| {
        block(async {
            let listener = Listener::bind(&Net::new(), &endpoint("python+tcp:0"))
                .await
                .unwrap();
            let error = Net::new().connect(listener.local()).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Unsupported);
            assert!(error.hint().unwrap().contains("connect_messages"));
            let error = Listener::bind(&Net::new(), &endpoint("tcp:0"))
                .await
                .unwrap_err();
            assert!(error.hint().unwrap().contains("python+tcp"));
            assert!(matches!(
                Net::new().open(listener.local()).await.unwrap(),
                Link::Messages(_)
            ));
            let missing: PathBuf = "/nonexistent/key".into();
            let text = format!("python+tcp:0?authkey-file={}", missing.display());
            let error = Listener::bind(&Net::new(), &endpoint(&text))
                .await
                .unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("the key in /nonexistent/key: there is no such file"),
                "{error}"
            );
        });
    });
}
