//! Through proxies: what each kind is asked, what of its answers is understood, and how its failures are told.

use std::sync::{Arc, Mutex};

use sockeye_testkit::{Gate, Peer, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::error::{Error, Kind};
use crate::net::resolve::Resolver;
use crate::wire::{Event, Observer, What};

const OK: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
const GRANTED: &[u8] = b"\x05\x00\x00\x01\x0a\x00\x00\x07\x1f\x90";

fn asks_for(to: &str) -> String {
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")
}

/// A script that goes on with a question and an answer once the way is open.
fn talks(mut steps: Vec<Step>) -> Vec<Step> {
    steps.extend([Step::expect("ping"), Step::send("pong"), Step::ExpectEnd]);
    steps
}

async fn through(net: &Net, to: &str) -> Result<Stream, Error> {
    soon(net.connect(&endpoint(to))).await
}

/// Ask, half-close, and read to the end.
async fn ping(mut stream: Stream) -> String {
    stream.write_all(b"ping").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    soon(stream.read_to_string(&mut heard)).await.unwrap();
    heard
}

/// Where a name is known without asking anybody.
fn knowing() -> Net {
    Net::new().resolver(Resolver::new().hosts_text("192.0.2.7 db.test\n2001:db8::7 six.test"))
}

async fn failure(script: Vec<Step>, via: &str) -> Error {
    let peer = Peer::tcp(script);
    let to = format!("db.test:80?via={via}").replace("PROXY", &peer.addr().to_string());
    let error = through(&knowing(), &to).await.unwrap_err();
    peer.finish();
    error
}

#[tokio::test]
async fn an_http_proxy_opens_a_tunnel_to_the_name_as_it_is() {
    let peer = Peer::tcp(talks(vec![
        Step::expect(asks_for("nobody.test:80")),
        Step::send(OK),
    ]));
    let to = format!("nobody.test:80?via=http://{}", peer.addr());
    let stream = through(&Net::new(), &to).await.unwrap();
    assert_eq!(ping(stream).await, "pong");
    peer.finish();
}

#[tokio::test]
async fn bytes_that_come_with_the_answer_are_the_first_of_the_peer() {
    let script = vec![
        Step::expect(asks_for("[2001:db8::1]:22")),
        Step::send("HTTP/1.0 102 Wait\r\n\r\n"),
        Step::send("HTTP/1.0 299 Fine\r\nX: y\r\n\r\nSSH-2.0-early\r\n"),
    ];
    let peer = Peer::tcp(talks(script));
    let to = format!("[2001:db8::1]:22?via={}", peer.addr());
    let stream = through(&Net::new(), &to).await.unwrap();
    assert_eq!(ping(stream).await, "SSH-2.0-early\r\npong");
    peer.finish();
}

#[tokio::test]
async fn a_user_is_sent_as_basic_and_to_that_proxy_alone() {
    let login = "Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n";
    let asked = asks_for("b.test:1081").replace("\r\n\r\n", "\r\n") + login;
    let peer = Peer::tcp(talks(vec![
        Step::expect(asked),
        Step::send(OK),
        // The second proxy is told nothing of the first one's user.
        Step::expect(asks_for("db.test:80")),
        Step::send(OK),
    ]));
    let to = format!(
        "db.test:80?via=http://me:p%40ss@{}&via=http://b.test:1081",
        peer.addr()
    );
    assert_eq!(ping(through(&Net::new(), &to).await.unwrap()).await, "pong");
    peer.finish();
}

#[tokio::test]
async fn each_socks_is_asked_in_its_own_way() {
    for (scheme, to, steps) in [
        (
            "socks4://me",
            "db.test:80",
            vec![
                Step::expect(b"\x04\x01\x00\x50\xc0\x00\x02\x07me\x00"),
                Step::send(b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
            ],
        ),
        (
            "socks4a://",
            "db.test:80",
            vec![
                Step::expect(b"\x04\x01\x00\x50\x00\x00\x00\x01\x00db.test\x00"),
                Step::send(b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
            ],
        ),
        (
            "socks5://",
            "db.test:80",
            vec![
                Step::expect(b"\x05\x01\x00"),
                Step::send(b"\x05\x00"),
                Step::expect(b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x50"),
                Step::send(GRANTED),
            ],
        ),
        (
            "socks5h://",
            "db.test:80",
            vec![
                Step::expect(b"\x05\x01\x00"),
                Step::send(b"\x05\x00"),
                Step::expect(b"\x05\x01\x00\x03\x07db.test\x00\x50"),
                Step::send(b"\x05\x00\x00\x03\x02gw\x00\x01"),
            ],
        ),
        (
            "socks5h://u:pw",
            "[2001:db8::7]:80",
            vec![
                Step::expect(b"\x05\x02\x00\x02"),
                Step::send(b"\x05\x02"),
                Step::expect(b"\x01\x01u\x02pw"),
                Step::send(b"\x01\x00"),
                Step::expect(b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x00\x50"),
                Step::send(GRANTED),
            ],
        ),
    ] {
        let peer = Peer::tcp(talks(steps));
        let at = if scheme.ends_with('/') { "" } else { "@" };
        let to = format!("{to}?via={scheme}{at}{}", peer.addr());
        let stream = through(&knowing(), &to).await;
        assert_eq!(ping(stream.unwrap()).await, "pong", "{to}");
        peer.finish();
    }
}

#[tokio::test]
async fn a_socks_answer_together_with_early_bytes_is_read_exactly() {
    let mut answer = GRANTED.to_vec();
    answer.extend(b"220 ready\r\n");
    let peer = Peer::tcp(talks(vec![
        Step::expect(b"\x05\x01\x00"),
        Step::send(b"\x05\x00"),
        Step::expect(b"\x05\x01\x00\x03\x07db.test\x00\x50"),
        Step::send(answer),
    ]));
    let to = format!("db.test:80?via=socks5h://{}", peer.addr());
    let stream = through(&Net::new(), &to).await.unwrap();
    assert!(stream.is_socket(), "the kernel may splice it");
    assert_eq!(ping(stream).await, "220 ready\r\npong");
    peer.finish();
}

#[tokio::test]
async fn a_chain_goes_from_proxy_to_proxy() {
    let peer = Peer::tcp(talks(vec![
        Step::expect(b"\x05\x01\x00"),
        Step::send(b"\x05\x00"),
        Step::expect(b"\x05\x01\x00\x03\x06b.test\x0c\x38"),
        Step::send(GRANTED),
        Step::expect(asks_for("c.test:1080")),
        Step::send(OK),
        Step::expect(b"\x04\x01\x00\x50\xc0\x00\x02\x07\x00"),
        Step::send(b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    ]));
    let to = format!(
        "db.test:80?via=socks5h://{}&via=http://b.test:3128&via=socks4://c.test",
        peer.addr()
    );
    assert_eq!(ping(through(&knowing(), &to).await.unwrap()).await, "pong");
    peer.finish();
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_with_its_name() {
    let asked = || Step::expect(asks_for("db.test:80"));
    let answers = |text: &str| vec![asked(), Step::send(text)];
    let socks = |code: u8| {
        vec![
            Step::expect(b"\x05\x01\x00"),
            Step::send(b"\x05\x00"),
            Step::expect(b"\x05\x01\x00\x03\x07db.test\x00\x50"),
            Step::send([5, code, 0, 1, 0, 0, 0, 0, 0, 0]),
        ]
    };
    let basic = "Proxy-Authenticate: Basic realm=\"x\"\r\n";
    for (script, via, kind, says) in [
        (
            answers(&format!("HTTP/1.1 407 Auth\r\n{basic}\r\n")),
            "http://PROXY",
            Kind::Denied,
            "it wants a user and a password: 407 Auth",
        ),
        (
            answers("HTTP/1.1 407 A\r\nProxy-Authenticate: Digest realm=\"x\"\r\n\r\n"),
            "http://PROXY",
            Kind::Denied,
            "it wants a login of another kind, Digest: 407 A",
        ),
        (
            answers("HTTP/1.1 403 No\x1b[2J\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n"),
            "http://PROXY",
            Kind::Protocol,
            "what it answers is not HTTP",
        ),
        (
            answers("HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n"),
            "http://PROXY",
            Kind::Denied,
            "it does not allow db.test:80: 403 Forbidden (ERR_ACCESS_DENIED)",
        ),
        (
            answers("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
            "http://PROXY",
            Kind::Unreachable,
            "it does not reach db.test:80: 503 Service Unavailable",
        ),
        (
            answers("HTTP/1.1 405 Method Not Allowed\r\n\r\n"),
            "http://PROXY",
            Kind::Unsupported,
            "it makes no tunnels: 405 Method Not Allowed",
        ),
        (
            vec![asked(), Step::send(b"\x15\x03\x01\x00\x02\x02\x0a")],
            "http://PROXY",
            Kind::Protocol,
            "what it answers is not HTTP",
        ),
        (
            vec![asked(), Step::Close],
            "http://PROXY",
            Kind::Lost,
            "it closed the connection without an answer",
        ),
        (
            answers(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(9)),
            "http://PROXY",
            Kind::Protocol,
            "more than 8 interim answers",
        ),
        (
            socks(2),
            "socks5h://PROXY",
            Kind::Denied,
            "its rules do not allow it (code 2)",
        ),
        (
            socks(5),
            "socks5h://PROXY",
            Kind::Refused,
            "nobody listens there (code 5)",
        ),
        (
            socks(4),
            "socks5h://PROXY",
            Kind::Unreachable,
            "unknown there (code 4)",
        ),
        (
            socks(99),
            "socks5h://PROXY",
            Kind::Unreachable,
            "an unknown code (code 99)",
        ),
        (
            vec![Step::expect(b"\x05\x01\x00"), Step::send(b"\x05\xff")],
            "socks5h://PROXY",
            Kind::Denied,
            "it wants a user and a password",
        ),
        (
            vec![
                Step::expect(b"\x05\x02\x00\x02"),
                Step::send(b"\x05\x02"),
                Step::expect(b"\x01\x02me\x06secret"),
                Step::send(b"\x01\x01"),
            ],
            "socks5h://me:secret@PROXY",
            Kind::Denied,
            "it does not accept this user and password",
        ),
        (
            vec![
                Step::expect(b"\x05\x01\x00"),
                Step::send("HTTP/1.0 400 Bad\r\n\r\n"),
            ],
            "socks5h://PROXY",
            Kind::Protocol,
            "what it answers is not SOCKS",
        ),
        (
            vec![
                Step::expect(b"\x04\x01\x00\x50\xc0\x00\x02\x07\x00"),
                Step::send(b"\x00\x5b"),
            ],
            "socks4://PROXY",
            Kind::Unreachable,
            "refused, or it failed (code 91)",
        ),
    ] {
        let error = failure(script, via).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.why().contains(says), "{error}");
        assert!(error.why().starts_with("proxy "), "{error}");
        assert!(error.hint().is_some() || kind == Kind::Protocol, "{error}");
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains("secret"), "{shown}");
        assert!(!shown.contains('\x1b'), "{shown:?}");
    }
}

#[tokio::test]
async fn the_hop_that_fails_is_named() {
    let gone = listen(&Net::new(), "127.0.0.1:0").await.local().clone();
    let at = gone.to_string().replace("tcp://", "");
    let error = through(&Net::new(), &format!("db.test:80?via=socks5h://{at}")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to tcp://db.test:80?via=socks5h://{at} [{at}]: proxy socks5h://{at}: nobody listens there (connection refused)"
        )
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("is the proxy running, and is this its port?")
    );
    let peer = Peer::tcp([
        Step::expect(asks_for("b.test:1080")),
        Step::send(OK),
        Step::expect(b"\x05\x01\x00"),
        Step::Close,
    ]);
    let to = format!("db.test:80?via={}&via=socks5h://b.test", peer.addr());
    let error = through(&Net::new(), &to).await.unwrap_err();
    let says = "proxy 2 of 2, socks5h://b.test:1080: it closed the connection without an answer";
    assert_eq!(error.why(), says);
    peer.finish();
}

#[tokio::test]
async fn one_deadline_covers_the_proxies_too() {
    let gate = Gate::new();
    let peer = Peer::tcp([
        Step::expect(asks_for("db.test:80")),
        Step::WaitFor(gate.clone()),
    ]);
    let net = Net::new().connect_timeout(Duration::from_millis(100));
    let error = through(&net, &format!("db.test:80?via={}", peer.addr())).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(
        error
            .why()
            .ends_with("it did not answer in time when asked for db.test:80"),
        "{error}"
    );
    gate.open();
    peer.finish();
}

#[tokio::test]
async fn what_a_proxy_cannot_be_told_is_refused() {
    for (target, kind, says) in [
        ("80", Kind::Usage, "it would take this machine for its own"),
        (":80", Kind::Usage, "it would take this machine for its own"),
        (
            "[fe80::1%25lo]:80",
            Kind::Usage,
            "it cannot be told the zone of",
        ),
        ("six.test:80", Kind::Name, "six.test"),
    ] {
        let peer = Peer::tcp([Step::ExpectEnd]);
        let to = format!("{target}?via=socks4://{}", peer.addr());
        let error = through(&knowing(), &to).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        peer.finish();
    }
    // A name that does not fit never becomes an address that we looked up (CVE-2023-38545).
    let peer = Peer::tcp([Step::ExpectEnd]);
    let mut to = Endpoint::tcp(format!("{}.test", "a".repeat(260)), 80);
    to.options_mut().via = vec![format!("socks5h://{}", peer.addr()).parse().unwrap()];
    let error = soon(Net::new().connect(&to)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.why().contains("is not 1 to 255 bytes long"),
        "{error}"
    );
    peer.finish();
}

/// Who keeps the words of every event but the bytes.
#[derive(Default)]
struct Words(Mutex<Vec<String>>);

impl Observer for Words {
    fn on_event(&self, event: &Event<'_>) {
        let line = match &event.what {
            What::Data(way, bytes) => format!("{} {way:?} {}", event.layer, bytes.len()),
            What::Handshake { agreed } => format!("{} agreed {agreed}", event.layer),
            What::Failed(error) => format!("{} failed {error}", event.layer),
            other => format!("{} {other:?}", event.layer),
        };
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn each_step_is_told_to_whoever_watches_and_no_secret_is() {
    let peer = Peer::tcp(talks(vec![
        Step::expect(b"\x05\x02\x00\x02"),
        Step::send(b"\x05\x02"),
        Step::expect(b"\x01\x02me\x06secret"),
        Step::send(b"\x01\x00"),
        Step::expect(b"\x05\x01\x00\x03\x07db.test\x00\x50"),
        Step::send(GRANTED),
    ]));
    let words = Arc::new(Words::default());
    let net = Net::new().observer(words.clone());
    let to = format!("db.test:80?via=socks5h://me:secret@{}", peer.addr());
    assert_eq!(ping(through(&net, &to).await.unwrap()).await, "pong");
    peer.finish();
    let words = words.0.lock().unwrap().clone();
    let has = |line: &str| words.iter().any(|word| word == line);
    assert!(
        has("socks5h agreed to db.test:80, logged in, from 10.0.0.7:8080"),
        "{words:#?}"
    );
    assert!(
        has("tcp Sent 4") && has("tcp Sent 11") && has("tcp Received 5"),
        "{words:#?}"
    );
    assert!(!words.concat().contains("secret"), "{words:#?}");
}

#[cfg(feature = "tls")]
mod within_tls {
    use super::*;
    use crate::endpoint::{Pin, TlsOptions};

    /// A proxy within TLS that joins whoever asks with this address; it answers one client.
    async fn https_proxy(target: std::net::SocketAddr) -> (String, TlsOptions) {
        let net = Net::new();
        let mut listener = listen(&net, "tls://127.0.0.1:0").await;
        let address = listener.local().to_string().replace("tls://", "");
        let address = address.split('?').next().unwrap().to_owned();
        let digest = listener.acceptors()[0].fingerprint();
        let digest = data_encoding::HEXLOWER.decode(digest.as_bytes()).unwrap();
        let options = TlsOptions {
            pin: vec![Pin(digest.try_into().unwrap())],
            ..TlsOptions::default()
        };
        tokio::spawn(async move {
            let mut client = stream(arrived(&mut listener).await).await;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"CONNECT db.test:"), "{head:?}");
            client.write_all(OK.as_bytes()).await.unwrap();
            client.flush().await.unwrap();
            let mut target = Net::new().connect(&target.into()).await.unwrap();
            tokio::io::copy_bidirectional(&mut client, &mut target).await
        });
        (address, options)
    }

    #[tokio::test]
    async fn a_proxy_within_tls_says_nothing_about_the_peer() {
        let peer = Peer::tcp(talks(vec![]));
        let (proxy, options) = https_proxy(peer.addr()).await;
        let words = Arc::new(Words::default());
        let net = Net::new().proxy_tls(options).observer(words.clone());
        let stream = through(&net, &format!("db.test:80?via=https://{proxy}")).await;
        let stream = stream.unwrap();
        assert_eq!(stream.secured(), None);
        assert_eq!(ping(stream).await, "pong");
        peer.finish();
        let words = words.0.lock().unwrap().clone();
        let agreed: Vec<_> = words
            .iter()
            .filter(|word| word.contains(" agreed "))
            .collect();
        assert_eq!(agreed.len(), 2, "{words:#?}");
        assert!(agreed[0].starts_with("https agreed TLSv1.3"), "{words:#?}");
        assert!(
            agreed[1].starts_with("https agreed tunnel to db.test:80"),
            "{words:#?}"
        );
        assert!(words.contains(&"https Sent 4".into()), "{words:#?}");
    }

    #[tokio::test]
    async fn tls_goes_through_a_proxy_within_tls() {
        let net = Net::new();
        let mut server = listen(&net, "tls://127.0.0.1:0").await;
        let digest = server.acceptors()[0].fingerprint();
        let local = server.local().to_string();
        let target = local.replace("tls://", "");
        let target = target.split('?').next().unwrap().parse().unwrap();
        let serving = tokio::spawn(async move {
            let mut stream = stream(arrived(&mut server).await).await;
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await.unwrap();
            stream
                .write_all(heard.replace('i', "o").as_bytes())
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
        });
        let (proxy, options) = https_proxy(target).await;
        let net = Net::new().proxy_tls(options);
        let to = format!("tls://db.test:443?pin=sha256:{digest}&via=https://{proxy}");
        let stream = through(&net, &to).await.unwrap();
        assert!(stream.secured().is_some());
        assert_eq!(ping(stream).await, "pong");
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_proxy_whose_certificate_is_not_trusted_is_told_nothing() {
        let peer = Peer::tcp([Step::ReadToEnd]);
        let (proxy, _) = https_proxy(peer.addr()).await;
        let to = format!("db.test:80?via=https://me:secret@{proxy}");
        let error = through(&Net::new(), &to).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{error}");
        assert!(error.why().starts_with("proxy https://me:***@"), "{error}");
        // The peer was never reached; end its wait.
        drop(std::net::TcpStream::connect(peer.addr()).unwrap());
        peer.finish();
    }
}
