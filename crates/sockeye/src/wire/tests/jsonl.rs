use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::super::jsonl::{JsonOptions, JsonView};
use super::super::{Direction, Event, Observer, Side, What};
use super::{Memory, event, received, sent};
use crate::endpoint::{Carrier, Endpoint};
use crate::error::{Error, Kind, Operation};

fn write(options: JsonOptions, events: &[Event<'_>]) -> String {
    let memory = Memory::default();
    let view = JsonView::new(Box::new(memory.clone()), options);
    for event in events {
        view.on_event(event);
    }
    assert!(memory.calls() <= events.len());
    memory.text()
}

fn parse(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One line for every shape that an event can have.
fn every_shape() -> String {
    let error = Error::new(Kind::Refused, Operation::Connect, "nobody listens there");
    let hinted = error.with_hint("try this");
    let plain = Error::new(Kind::Canceled, Operation::Handshake, "the user gave up");
    let address = "[::1]:80".parse().unwrap();
    let stdio = Endpoint::new(Carrier::Stdio);
    let connected = |end| What::Connected {
        local: end,
        peer: end,
    };
    let closed = |raw| What::Closed {
        exit: Some(ExitStatus::from_raw(raw)),
    };
    let resolved = What::Resolved {
        name: "db",
        addresses: &[address],
        source: "dns",
    };
    let mut inbound = event(1, "tcp", received(b"\xff\x00"));
    (inbound.side, inbound.covered) = (Side::Inbound, true);
    let mut outbound = event(1, "tcp", sent(b"\x1b\x7f\"\\\n \xc2\x9b \xf3\xa0\x81\x81"));
    (outbound.side, outbound.at) = (Side::Outbound, Duration::from_secs(3));
    let events = [
        event(1, "tcp", What::Resolving { name: "db" }),
        event(1, "tcp", resolved),
        event(1, "tcp", What::Connecting { address }),
        event(
            1,
            "tcp",
            What::AttemptFailed {
                address,
                error: &hinted,
            },
        ),
        event(1, "stdio", connected(Some(&stdio))),
        event(1, "stdio", connected(None)),
        event(1, "tls", What::Handshake { agreed: "TLSv1.3" }),
        event(
            1,
            "tls",
            What::Secret {
                line: "CLIENT_RANDOM 00 11",
            },
        ),
        event(1, "tcp", sent(b"GET / HTTP/1.0\r\n\r\n")),
        event(1, "udp", received(b"")),
        inbound,
        outbound,
        event(1, "tcp", What::HalfClosed(Direction::Sent)),
        event(1, "tcp", What::Closed { exit: None }),
        event(1, "exec", closed(3 << 8)),
        event(1, "exec", closed(9)),
        event(1, "tls", What::Failed(&plain)),
    ];
    write(JsonOptions::default().secrets(true), &events)
}

#[test]
fn every_shape_has_its_line() {
    // How endpoints are printed is not ours to test.
    let stdio = format!("{:?}", Endpoint::new(Carrier::Stdio).to_string());
    let text = every_shape().replace(&stdio, "\"ENDPOINT\"");
    insta::assert_snapshot!(text, @r#"
    {"type":"resolving","at":0.000412,"connection":1,"layer":"tcp","covered":false,"name":"db"}
    {"type":"resolved","at":0.000412,"connection":1,"layer":"tcp","covered":false,"name":"db","addresses":["[::1]:80"],"source":"dns"}
    {"type":"connecting","at":0.000412,"connection":1,"layer":"tcp","covered":false,"address":"[::1]:80"}
    {"type":"attempt-failed","at":0.000412,"connection":1,"layer":"tcp","covered":false,"address":"[::1]:80","code":"refused","message":"nobody listens there","hint":"try this"}
    {"type":"connected","at":0.000412,"connection":1,"layer":"stdio","covered":false,"local":"ENDPOINT","peer":"ENDPOINT"}
    {"type":"connected","at":0.000412,"connection":1,"layer":"stdio","covered":false}
    {"type":"handshake","at":0.000412,"connection":1,"layer":"tls","covered":false,"agreed":"TLSv1.3"}
    {"type":"secret","at":0.000412,"connection":1,"layer":"tls","covered":false,"line":"CLIENT_RANDOM 00 11"}
    {"type":"data","at":0.000412,"connection":1,"layer":"tcp","covered":false,"direction":"sent","length":18,"text":"GET / HTTP/1.0\r\n\r\n"}
    {"type":"data","at":0.000412,"connection":1,"layer":"udp","covered":false,"direction":"received","length":0,"text":""}
    {"type":"data","at":0.000412,"connection":1,"side":"inbound","layer":"tcp","covered":true,"direction":"received","length":2,"base64":"/wA="}
    {"type":"data","at":3.000000,"connection":1,"side":"outbound","layer":"tcp","covered":false,"direction":"sent","length":13,"text":"\u001b\u007f\"\\\n \u009b \udb40\udc41"}
    {"type":"half-closed","at":0.000412,"connection":1,"layer":"tcp","covered":false,"direction":"sent"}
    {"type":"closed","at":0.000412,"connection":1,"layer":"tcp","covered":false}
    {"type":"closed","at":0.000412,"connection":1,"layer":"exec","covered":false,"exit":3}
    {"type":"closed","at":0.000412,"connection":1,"layer":"exec","covered":false,"signal":9}
    {"type":"failed","at":0.000412,"connection":1,"layer":"tls","covered":false,"code":"canceled","message":"the user gave up"}
    "#);
}

#[test]
fn secrets_are_written_only_if_asked_for() {
    let secret = || {
        event(
            1,
            "tls",
            What::Secret {
                line: "CLIENT_RANDOM 00 11",
            },
        )
    };
    assert_eq!(write(JsonOptions::default(), &[secret()]), "");
    let text = write(JsonOptions::default().secrets(true), &[secret()]);
    assert_eq!(parse(&text)[0]["line"], "CLIENT_RANDOM 00 11");
}

#[test]
fn every_shape_obeys_the_published_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for value in parse(&every_shape()) {
        let kind = value["type"].as_str().unwrap().to_owned();
        check(&schema, &kind, &value);
        seen.insert(kind);
    }
    // The schema describes nothing that is never written.
    let described = schema["oneOf"].as_array().unwrap().iter();
    let described = described.map(|reference| name_of(reference).to_owned());
    assert_eq!(seen, described.collect());
}

/// Check one object against its part of the schema, as far as our schema goes: keys, types, constants, alternatives.
fn check(schema: &Value, kind: &str, value: &Value) {
    let part = &schema["$defs"][kind];
    let object = value.as_object().unwrap();
    assert_eq!(part["properties"]["type"]["const"], kind);
    assert_eq!(part["additionalProperties"], false);
    for key in part["required"].as_array().unwrap() {
        assert!(
            object.contains_key(key.as_str().unwrap()),
            "{key} in {value}"
        );
    }
    if let Some(alternatives) = part["oneOf"].as_array() {
        let met = alternatives.iter().filter(|alternative| {
            let key = alternative["required"][0].as_str().unwrap();
            object.contains_key(key)
        });
        assert_eq!(met.count(), 1, "{value}");
    }
    for (key, value) in object {
        let mut rule = &part["properties"][key];
        assert!(rule.is_object(), "{key} is not in the schema of {kind}");
        if rule["$ref"].is_string() {
            rule = &schema["$defs"][name_of(rule)];
        }
        match rule["type"].as_str() {
            Some("number") => assert!(value.is_f64() && value.as_f64() >= Some(0.0)),
            Some("integer") => assert!(value.is_i64() || value.is_u64(), "{key}: {value}"),
            Some("string") => assert!(value.is_string(), "{key}: {value}"),
            Some("boolean") => assert!(value.is_boolean(), "{key}: {value}"),
            Some("array") => assert!(value.as_array().unwrap().iter().all(Value::is_string)),
            Some(other) => panic!("the schema has a type that this test does not know: {other}"),
            None => assert!(
                rule["const"].is_string() || rule["enum"].is_array(),
                "{rule}"
            ),
        }
        if let Some(words) = rule["enum"].as_array() {
            assert!(words.contains(value), "{key}: {value}");
        }
    }
}

fn name_of(reference: &Value) -> &str {
    let text = reference["$ref"].as_str().unwrap();
    text.strip_prefix("#/$defs/").unwrap()
}

proptest! {
    #[test]
    fn all_bytes_come_back_in_order(
        chunks in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                any::<String>().prop_map(String::into_bytes),
            ],
            0..12,
        ),
    ) {
        let events: Vec<_> = chunks.iter().map(|bytes| event(1, "tcp", sent(bytes))).collect();
        let text = write(JsonOptions::default(), &events);
        prop_assert!(!text.chars().any(|c| c != '\n' && sockeye_data::escape::is_hidden(c)));
        let back: Vec<Vec<u8>> = parse(&text).iter().map(|value| {
            let bytes = match value["text"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => {
                    let text = value["base64"].as_str().unwrap();
                    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
                }
            };
            assert_eq!(value["length"], bytes.len());
            bytes
        }).collect();
        prop_assert_eq!(back, chunks);
    }
}
