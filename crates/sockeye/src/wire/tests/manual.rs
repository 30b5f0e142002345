//! The examples of `docs/wire.md` are what the views write.

use std::time::Duration;

use super::super::hexdump::HexView;
use super::super::jsonl::{JsonOptions, JsonView};
use super::super::text::{TextOptions, TextView};
use super::super::{Direction, Event, Observer, Side, What};
use super::{Memory, event, received, sent};
use crate::endpoint::{Carrier, Endpoint, HostPort};
use crate::error::{Error, Kind, Operation};

/// The block of the manual that follows the comment `<!-- name -->`.
fn manual(name: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire.md");
    let page = std::fs::read_to_string(path).unwrap();
    let marker = format!("<!-- {name} -->\n```");
    let (_, after) = page.split_once(&marker).unwrap();
    let (_, block) = after.split_once('\n').unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// What a view should write: the manual's block, with endpoints as they are printed.
fn expected(name: &str) -> String {
    let [local, peer] = ends();
    manual(name)
        .replace("tcp://127.0.0.1:40112", &local.to_string())
        .replace("tcp://127.0.0.1:8080", &peer.to_string())
}

fn ends() -> [Endpoint; 2] {
    ["127.0.0.1:40112", "127.0.0.1:8080"]
        .map(|text| Endpoint::new(Carrier::Tcp(HostPort::from_addr(text.parse().unwrap()))))
}

/// A request and its answer; the second connection of the machine has nobody behind it.
fn conversation(observer: &dyn Observer) {
    let [local, peer] = ends();
    let addresses = ["[::1]:8080", "127.0.0.1:8080"].map(|text| text.parse().unwrap());
    let error = Error::new(Kind::Refused, Operation::Connect, "nobody listens there");
    let error = error.with_hint("is the server running?");
    let whats = [
        What::Resolving { name: "localhost" },
        What::Resolved {
            name: "localhost",
            addresses: &addresses,
            source: "hosts",
        },
        What::Connecting {
            address: addresses[0],
        },
        What::AttemptFailed {
            address: addresses[0],
            error: &error,
        },
        What::Connecting {
            address: addresses[1],
        },
        What::Connected {
            local: Some(&local),
            peer: Some(&peer),
        },
        sent(b"GET /price HTTP/1.0\r\n\r\n"),
        What::HalfClosed(Direction::Sent),
        received(b"HTTP/1.0 200 OK\r\n\r\n3 \xe2\x82"),
        received(b"\xac \x1b[31m\xff\n"),
        What::HalfClosed(Direction::Received),
        What::Closed { exit: None },
    ];
    for (index, what) in whats.into_iter().enumerate() {
        observer.on_event(&Event {
            at: Duration::from_micros(412 + 150 * index as u64),
            ..event(1, "tcp", what)
        });
    }
}

/// A relay that takes plain text and passes it on in TLS.
fn relayed(observer: &dyn Observer) {
    let agreed = "TLSv1.3 TLS13_AES_128_GCM_SHA256";
    let steps = [
        (Side::Inbound, "tcp", false, received(b"ping\n")),
        (Side::Outbound, "tcp", true, sent(&[22; 240])),
        (Side::Outbound, "tcp", true, received(&[22; 1300])),
        (Side::Outbound, "tls", false, What::Handshake { agreed }),
        (Side::Outbound, "tls", false, sent(b"ping\n")),
        (Side::Outbound, "tcp", true, sent(&[23; 27])),
        (Side::Outbound, "tcp", true, received(&[23; 27])),
        (Side::Outbound, "tls", false, received(b"pong\n")),
        (Side::Inbound, "tcp", false, sent(b"pong\n")),
    ];
    for (index, (side, layer, covered, what)) in steps.into_iter().enumerate() {
        observer.on_event(&Event {
            at: Duration::from_micros(5_000 + 130 * index as u64),
            side,
            covered,
            framed: false,
            ..event(2, layer, what)
        });
    }
}

#[test]
fn the_text_view_writes_what_the_manual_shows() {
    let memory = Memory::default();
    conversation(&TextView::new(
        Box::new(memory.clone()),
        TextOptions::default(),
    ));
    assert_eq!(memory.text(), expected("text"));
}

#[test]
fn the_text_view_of_a_relay_writes_what_the_manual_shows() {
    let memory = Memory::default();
    let options = TextOptions::default().once(true);
    relayed(&TextView::new(Box::new(memory.clone()), options));
    assert_eq!(memory.text(), expected("relay"));
}

#[test]
fn the_hex_view_writes_what_the_manual_shows() {
    let memory = Memory::default();
    conversation(&HexView::new(Box::new(memory.clone())));
    assert_eq!(memory.text(), expected("hex"));
}

#[test]
fn the_json_view_writes_what_the_manual_shows() {
    let memory = Memory::default();
    let options = JsonOptions::default();
    conversation(&JsonView::new(Box::new(memory.clone()), options));
    assert_eq!(memory.text(), expected("json"));
}
