//! Openings on loopback, as they are recorded.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::race::tests::{LIMIT, nobody};
use crate::net::resolve::Resolver;
use crate::{Endpoint, Link};

async fn open(net: &Net, to: &str) -> (Opening, crate::Result<crate::Stream>) {
    let to: Endpoint = to.parse().unwrap();
    let (net, recorder) = net.recorded();
    let stream = tokio::time::timeout(LIMIT, net.connect(&to)).await.unwrap();
    (recorder.opening(), stream)
}

#[tokio::test]
async fn a_name_an_address_and_a_handshake_are_recorded_in_their_order() {
    let resolver = Resolver::new().hosts_text("127.0.0.1 here\n");
    let net = Net::new().resolver(resolver);
    let mut listener = net
        .listen(&"tls://127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let port = listener.local().to_string();
    let port = port.rsplit_once(':').unwrap().1.to_owned();
    let serve = async {
        let incoming = listener.accept().await.unwrap().unwrap();
        incoming.handshake().await.unwrap()
    };
    let url = format!("tls://here:{port}?verify=none");
    let (server, (opening, stream)) = tokio::join!(serve, open(&net, &url));
    assert!(matches!(server, Link::Stream(_)));
    drop(stream.unwrap());

    let [lookup] = &opening.lookups[..] else {
        panic!("{opening:?}")
    };
    assert_eq!((&*lookup.name, &*lookup.source), ("here", "hosts"));
    assert_eq!(lookup.addresses[0].to_string(), format!("127.0.0.1:{port}"));
    let winner = opening.winner().unwrap();
    assert_eq!(winner.address, lookup.addresses[0]);
    let [agreed] = &opening.layers[..] else {
        panic!("{opening:?}")
    };
    assert_eq!(agreed.layer, "tls");
    assert!(agreed.words.starts_with("TLSv1.3"), "{}", agreed.words);
    let order = [
        lookup.began,
        lookup.ended.unwrap(),
        winner.began,
        winner.ended,
        opening.carried.unwrap(),
        agreed.at,
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn an_opening_that_fails_is_recorded_too() {
    let (_held, address) = nobody();
    let (opening, stream) = open(&Net::new(), &address.to_string()).await;
    assert_eq!(stream.unwrap_err().kind(), Kind::Refused);
    let [attempt] = &opening.attempts[..] else {
        panic!("{opening:?}")
    };
    assert!(matches!(
        attempt.ending,
        Ending::Failed {
            kind: Kind::Refused,
            ..
        }
    ));
    assert_eq!((opening.carried, opening.winner()), (None, None));

    let net = Net::new().resolver(Resolver::new().hosts_text(""));
    let (opening, stream) = open(&net, "nobody.invalid:80").await;
    assert_eq!(stream.unwrap_err().kind(), Kind::Name);
    assert_eq!(opening.lookups[0].ended, None);
}

/// Hears everything, or nothing of the bytes.
struct Counting {
    wants_bytes: bool,
    bytes: AtomicUsize,
    connected: AtomicUsize,
}

impl Counting {
    fn new(wants_bytes: bool) -> Arc<Self> {
        Arc::new(Self {
            wants_bytes,
            bytes: AtomicUsize::new(0),
            connected: AtomicUsize::new(0),
        })
    }

    fn heard(&self) -> (usize, usize) {
        (
            self.connected.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}

impl Observer for Counting {
    fn on_event(&self, event: &Event<'_>) {
        match event.what {
            What::Data(..) | What::HalfClosed(_) | What::Closed { .. } => &self.bytes,
            What::Connected { .. } => &self.connected,
            _ => return,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    fn wants_bytes(&self) -> bool {
        self.wants_bytes
    }
}

#[tokio::test]
async fn who_wants_no_bytes_hears_none_even_beside_somebody_who_does() {
    let (with, without) = (Counting::new(true), Counting::new(false));
    let alone = Counting::new(false);
    let both = Fanout::new([with.clone() as Arc<dyn Observer>, without.clone()]);
    assert!(both.wants_bytes());
    let server = Net::new();
    let mut listener = server
        .listen(&"127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let nets = [
        Net::new().observer(Arc::new(both)),
        Net::new().observer(alone.clone()),
    ];
    for net in nets {
        let mut client = net.connect(listener.local()).await.unwrap();
        let incoming = listener.accept().await.unwrap().unwrap();
        let Link::Stream(mut server) = incoming.handshake().await.unwrap() else {
            panic!("TCP carries bytes")
        };
        server.write_all(b"hello").await.unwrap();
        server.shutdown().await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello");
    }
    assert_eq!(without.heard(), (1, 0));
    assert_eq!(alone.heard(), (1, 0));
    let (connected, bytes) = with.heard();
    assert!(connected == 1 && bytes >= 3, "{bytes}");
}
