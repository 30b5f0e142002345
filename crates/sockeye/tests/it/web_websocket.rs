//! WebSocket as the server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use sockeye::web::{
    Message, Request, Response, WebSocket, WebSocketError, WebSocketOptions, answer_with,
};
use sockeye_testkit::{Gate, Program, peers, within};

use crate::web_serving::{Serving, read_until};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A client that writes frames as it is told.
struct Client(TcpStream);

impl Client {
    fn open(serving: &Serving) -> Self {
        let mut stream = serving.connect();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(
            head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{head}"
        );
        assert!(
            head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{head}"
        );
        Self(stream)
    }

    /// A frame with a mask; `first` is the first byte.
    fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            short @ ..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        // The server may have closed meanwhile; what it said is what counts.
        let _ = self.0.write_all(&frame);
    }

    /// The next frame: its first byte and its payload.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).unwrap();
                u16::from_be_bytes(length).into()
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length)
            }
            short => short.into(),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    /// The close, its code and reason, and that the stream ends after it.
    fn closed(&mut self) -> (u16, String) {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x80 | CLOSE, "{payload:?}");
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8(payload[2..].to_vec()).unwrap())
    }
}

async fn echo(request: Request) -> Response {
    WebSocket::accept(request, |mut socket| async move {
        while let Some(message) = socket.receive().await? {
            socket.send(message).await?;
        }
        Ok(())
    })
}

fn with_options(options: WebSocketOptions) -> Serving {
    Serving::new(answer_with(move |request| {
        WebSocket::accept_with(options.clone(), request, |mut socket| async move {
            while let Some(message) = socket.receive().await? {
                socket.send(message).await?;
            }
            Ok(())
        })
    }))
}

#[test]
fn messages_come_back_whole_and_pings_are_answered() {
    within(|| {
        let serving = Serving::new(echo);
        let mut client = Client::open(&serving);
        client.send(0x80 | TEXT, "tëa".as_bytes());
        assert_eq!(client.frame(), (0x80 | TEXT, "tëa".into()));
        client.send(TEXT, b"in ");
        client.send(0x80 | PING, b"between");
        client.send(0x80, b"parts");
        assert_eq!(client.frame(), (0x80 | PONG, b"between".into()));
        assert_eq!(client.frame(), (0x80 | TEXT, b"in parts".into()));
        client.send(0x80 | BINARY, b"\xff\0");
        assert_eq!(client.frame(), (0x80 | BINARY, b"\xff\0".into()));
        client.send(0x80 | TEXT, b"");
        assert_eq!(client.frame(), (0x80 | TEXT, b"".into()));
        client.send(0x80 | CLOSE, b"\x0f\xa0bye");
        assert_eq!(client.closed(), (4000, "bye".into()));
    });
}

#[test]
fn a_large_message_comes_in_frames_of_which_none_is_large() {
    within(|| {
        let serving = Serving::new(echo);
        let mut client = Client::open(&serving);
        let large = sockeye_testkit::pattern(7, 3 << 20);
        let mut sender = Client(client.0.try_clone().unwrap());
        let sent = large.clone();
        let sending = std::thread::spawn(move || sender.send(0x80 | BINARY, &sent));
        let (mut got, mut frames) = (Vec::new(), 0);
        loop {
            let (first, payload) = client.frame();
            assert!(payload.len() <= 256 << 10);
            assert_eq!(first & 0x0f, if frames == 0 { BINARY } else { 0 });
            got.extend(payload);
            frames += 1;
            if first & 0x80 != 0 {
                break;
            }
        }
        sending.join().unwrap();
        assert!(got == large);
    });
}

#[test]
fn what_breaks_the_rules_is_closed_with_its_code() {
    within(|| {
        let mut options = WebSocketOptions::default();
        (options.message, options.frame) = (300, 200);
        let serving = with_options(options);
        type Script = fn(&mut Client);
        let scripts: [(&str, u16, Script); 8] = [
            ("no mask", 1002, |c| {
                c.0.write_all(&[0x81, 1, b'a']).unwrap()
            }),
            ("reserved bit", 1002, |c| c.send(0xc1, b"a")),
            ("unknown opcode", 1002, |c| c.send(0x83, b"a")),
            ("continues nothing", 1002, |c| c.send(0x80, b"a")),
            ("large ping", 1002, |c| c.send(0x89, &[0; 126])),
            ("no UTF-8", 1007, |c| c.send(0x81, b"a\xff")),
            ("large frame", 1009, |c| c.send(0x82, &[0; 201])),
            ("large message", 1009, |c| {
                c.send(0x02, &[0; 200]);
                c.send(0x80, &[0; 200]);
            }),
        ];
        for (name, code, script) in scripts {
            let mut client = Client::open(&serving);
            script(&mut client);
            assert_eq!(client.closed().0, code, "{name}");
        }
    });
}

#[test]
fn a_client_that_is_silent_is_pinged_and_then_given_up() {
    within(|| {
        let mut options = WebSocketOptions::default();
        options.ping = Duration::from_millis(20);
        options.pong = Duration::from_millis(300);
        let serving = with_options(options);
        let mut client = Client::open(&serving);
        for _ in 0..2 {
            assert_eq!(client.frame(), (0x80 | PING, vec![]));
            client.send(0x80 | PONG, b"");
        }
        assert_eq!(client.frame(), (0x80 | PING, vec![]));
        assert_eq!(client.closed().0, 1011);
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    within(|| {
        let mut options = WebSocketOptions::default();
        options.stall = Duration::from_millis(100);
        let given_up = Gate::new();
        let gate = given_up.clone();
        let serving = Serving::new(answer_with(move |request| {
            let gate = gate.clone();
            WebSocket::accept_with(options.clone(), request, |mut socket| async move {
                loop {
                    if let Err(error) = socket.send(vec![0; 1 << 20]).await {
                        assert!(matches!(error, WebSocketError::Io(_)), "{error}");
                        gate.open();
                        return Err(error);
                    }
                }
            })
        }));
        let _client = Client::open(&serving);
        assert!(given_up.wait());
    });
}

#[test]
fn handlers_end_as_they_say() {
    within(|| {
        let serving = Serving::new(async |request: Request| {
            WebSocket::accept(request, |mut socket| async move {
                match socket.receive().await? {
                    Some(Message::Text(text)) if text == "panic" => panic!("as asked"),
                    Some(Message::Text(text)) if text == "fail" => {
                        return Err(WebSocketError::other("a secret"));
                    }
                    Some(Message::Text(text)) if text == "code" => {
                        socket.close(4321, &"ä".repeat(100)).await?;
                    }
                    _ => {}
                }
                Ok(())
            })
        });
        for (text, code, reason) in [
            ("done", 1000, String::new()),
            ("fail", 1011, String::new()),
            ("panic", 1011, "the handler failed".into()),
            ("code", 4321, "ä".repeat(61)),
        ] {
            let mut client = Client::open(&serving);
            client.send(0x80 | TEXT, text.as_bytes());
            let (first, payload) = client.frame();
            assert_eq!(first, 0x80 | CLOSE);
            client.send(0x80 | CLOSE, &payload);
            let said = (
                u16::from_be_bytes([payload[0], payload[1]]),
                String::from_utf8(payload[2..].to_vec()).unwrap(),
            );
            assert_eq!(said, (code, reason), "{text}");
        }
        let mut client = Client::open(&serving);
        client.send(0x80 | TEXT, b"done");
        assert_eq!(client.closed().0, 1000);
    });
}

#[test]
fn a_stop_says_goodbye() {
    within(|| {
        let serving = Serving::new(echo);
        let mut client = Client::open(&serving);
        serving.stop();
        let (first, payload) = client.frame();
        assert_eq!((first, &payload[..2]), (0x80 | CLOSE, &b"\x03\xe9"[..]));
        assert_eq!(&payload[2..], b"the server stops");
        client.send(0x80 | CLOSE, &payload);
        assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn no_handshake_no_conversation() {
    within(|| {
        let serving = Serving::new(echo);
        let ask = |lines: &str| serving.raw(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
        let plain = ask("Connection: close\r\n");
        assert!(
            plain.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
            "{plain}"
        );
        assert!(plain.contains("Upgrade: websocket\r\n"), "{plain}");
        let upgrade = "Connection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let old = ask(&format!("{upgrade}Sec-WebSocket-Version: 8\r\n"));
        assert!(old.starts_with("HTTP/1.1 426 "), "{old}");
        assert!(old.contains("Sec-WebSocket-Version: 13\r\n"), "{old}");
        let foreign = ask(&format!(
            "{upgrade}Sec-WebSocket-Version: 13\r\nOrigin: http://b\r\n"
        ));
        assert!(foreign.starts_with("HTTP/1.1 403 "), "{foreign}");
    });
}

#[test]
fn frames_that_come_with_the_handshake_are_read() {
    within(|| {
        let serving = Serving::new(echo);
        let mut stream = serving.connect();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut bytes = request.as_bytes().to_vec();
        bytes.extend([0x81, 0x81, 0, 0, 0, 0, b'a']);
        stream.write_all(&bytes).unwrap();
        read_until(&mut stream, "\r\n\r\n");
        assert_eq!(Client(stream).frame(), (0x80 | TEXT, b"a".into()));
    });
}

#[test]
fn the_cases_of_autobahn_pass() {
    let serving = Serving::new(echo);
    let url = format!("ws://{}/", serving.addr());
    // What is compressed is not offered: `12.*` and `13.*`.
    let limit = Duration::from_secs(60);
    if let Some(failed) = peers::kosoku(&url, &[], &["12.*", "13.*"], limit) {
        assert_eq!(failed, Vec::<String>::new());
    }
}

#[test]
fn python_websockets_talks_with_it() {
    const SCRIPT: &str = r#"
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], subprotocols=["x", "tea"]) as socket:
    socket.send("hello")
    socket.send(b"\x00\xff")
    socket.send(["in ", "parts"])
    print(socket.subprotocol, socket.recv(), socket.recv(), socket.recv())
    socket.ping().wait()
print(socket.close_code)
"#;
    within(|| {
        let Some(python) = peers::python_with(&["websockets"]) else {
            return;
        };
        let mut options = WebSocketOptions::default();
        options.protocols = vec!["tea".into()];
        let serving = with_options(options);
        let url = format!("ws://{}/", serving.addr());
        let output = Program::start(python, ["-c", SCRIPT, &url]).finish();
        assert_eq!(
            output.stdout_text(),
            "tea hello b'\\x00\\xff' in parts\n1000\n"
        );
    });
}

#[test]
fn clients_talk_with_each_other() {
    within(|| {
        let (hub, _) = tokio::sync::broadcast::channel::<String>(16);
        let hub = Arc::new(hub);
        let serving = Serving::new(move |request: Request| {
            let hub = Arc::clone(&hub);
            async move {
                let mut others = hub.subscribe();
                WebSocket::accept(request, move |mut socket| async move {
                    loop {
                        tokio::select! {
                            message = socket.receive() => match message? {
                                Some(Message::Text(text)) => { let _ = hub.send(text); }
                                Some(Message::Binary(_)) => {}
                                None => return Ok(()),
                            },
                            text = others.recv() => {
                                socket.send(text.map_err(WebSocketError::other)?).await?;
                            }
                        }
                    }
                })
            }
        });
        let (mut one, mut two) = (Client::open(&serving), Client::open(&serving));
        one.send(0x80 | TEXT, b"hello");
        for client in [&mut one, &mut two] {
            assert_eq!(client.frame(), (0x80 | TEXT, b"hello".into()));
        }
    });
}
