//! `--json` of connect, listen and relay against the published schema.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;

use serde_json::Value;
use sockeye_testkit::{Output, within};

use crate::serving::{address, ask, client, hear, reset, sockeye};

/// Check a value against a part of the schema, as far as our schema goes.
pub(crate) fn check(schema: &Value, part: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = part["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return check(schema, &schema["$defs"][name], value, at);
    }
    if let Some(expected) = part.get("const")
        && expected != value
    {
        return Err(format!("{at}: {value} is not {expected}"));
    }
    if let Some(allowed) = part["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{at}: {value} is none of {allowed:?}"));
    }
    let fits = match part["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("number") => value.is_number(),
        Some(other) => panic!("the schema has a type that the test does not know: {other}"),
        None => true,
    };
    let small = part["minimum"]
        .as_f64()
        .is_some_and(|least| value.as_f64().unwrap() < least);
    if !fits || small {
        return Err(format!("{at}: {value} does not fit {part}"));
    }
    for item in value.as_array().into_iter().flatten() {
        check(schema, &part["items"], item, at)?;
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    for key in part["required"].as_array().into_iter().flatten() {
        if !object.contains_key(key.as_str().unwrap()) {
            return Err(format!("{at}: {key} is missing in {value}"));
        }
    }
    for (key, value) in object {
        let Some(part) = part["properties"].get(key) else {
            return Err(format!("{at}: {key} is not in the schema"));
        };
        check(schema, part, value, &format!("{at}.{key}"))?;
    }
    Ok(())
}

pub(crate) fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// All events of a run, each checked; counted by type.
fn events(output: &Output) -> Vec<Value> {
    let schema = schema();
    let lines = output.stdout_text();
    let lines = lines.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["type"].as_str().unwrap();
        check(&schema, &schema["$defs"][kind], &event, kind).unwrap();
        event
    });
    lines.collect()
}

fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind).count()
}

/// For each connection: the lengths of its data, and the bytes of its end.
fn assert_sums_agree(events: &[Value]) {
    let (mut sums, mut ends) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        let connection = event["connection"].as_u64();
        match event["type"].as_str().unwrap() {
            "data" => *sums.entry(connection).or_insert(0) += event["length"].as_u64().unwrap(),
            "closed" => {
                let way = event["downstream"]["bytes"].as_u64().unwrap();
                assert!(
                    ends.insert(connection, way).is_none(),
                    "closed twice: {event}"
                );
                sums.entry(connection).or_insert(0);
            }
            _ => {}
        }
    }
    assert!(!ends.is_empty());
    assert_eq!(sums, ends);
}

#[test]
fn every_event_of_listen_obeys_the_schema_and_the_sums_agree() {
    within(|| {
        let args = [
            "listen",
            "127.0.0.1:0",
            "--json",
            "--max-clients",
            "2",
            "--refuse-excess",
        ];
        let mut server = sockeye(args);
        let at = address(&server);
        server.write("hello");
        let mut first = client(at);
        hear(&mut first, "hello");
        first.write_all(b"text").unwrap();
        server.stdout_until(r#""text":"text""#);
        let mut second = client(at);
        second.write_all(b"\xff\xfe").unwrap();
        server.stdout_until(r#""base64":"//4=""#);
        drop(client(at));
        server.stdout_until(r#""type":"refused""#);
        reset(second);
        server.stdout_until(r#""reason":"reset""#);
        drop(first);
        server.stdout_until(r#""connection":1,"reason""#);
        server.terminate();
        let events = events(&server.finish());
        for (kind, times) in [
            ("listening", 1),
            ("connected", 2),
            ("refused", 1),
            ("closed", 2),
            ("stopped", 1),
        ] {
            assert_eq!(count(&events, kind), times, "{kind}: {events:#?}");
        }
        assert_sums_agree(&events);
    });
}

#[test]
fn every_event_of_relay_obeys_the_schema() {
    within(|| {
        let server = sockeye(["listen", "0", "--echo"]);
        let relay = sockeye([
            "relay",
            "0",
            &server.host_port(),
            "--json",
            "--stats",
            "20ms",
        ]);
        assert_eq!(ask(client(address(&relay)), "through"), "through");
        relay.stdout_until(r#""open":0,"clients":1,"refused":0,"upstream":7,"downstream":7"#);
        relay.terminate();
        let said = events(&relay.finish());
        for (kind, times) in [
            ("listening", 1),
            ("connected", 1),
            ("half-closed", 2),
            ("closed", 1),
            ("stopped", 1),
        ] {
            assert_eq!(count(&said, kind), times, "{kind}: {said:#?}");
        }
        let closed = said.iter().find(|event| event["type"] == "closed").unwrap();
        assert_eq!(closed["reason"], "ended");
        assert_eq!(
            (&closed["upstream"]["bytes"], &closed["downstream"]["bytes"]),
            (&7.into(), &7.into())
        );

        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let relay = sockeye(["relay", "0", &gone.to_string(), "--json"]);
        let stream = client(address(&relay));
        relay.stdout_until(r#""type":"error","code":"refused""#);
        drop(stream);
        relay.terminate();
        let said = events(&relay.finish());
        let error = said.iter().find(|event| event["type"] == "error").unwrap();
        assert_eq!(error["connection"], 1);
        assert!(error["hint"].is_string());

        let output = sockeye(["relay", "tls://0", "h:1?family=4", "--explain", "--json"]).finish();
        assert_eq!(count(&events(&output), "explained"), 1);
    });
}

#[test]
fn every_event_of_connect_obeys_the_schema_and_the_sums_agree() {
    within(|| {
        let server = sockeye(["listen", "tls://0", "--echo"]);
        let to = format!("tls://localhost:{}?verify=none", server.port());
        let mut client = sockeye(["connect", &to, "--json"]);
        client.write("some text ");
        client.stdout_until("some text");
        client.write(b"\xff");
        let said = events(&client.finish());
        assert_eq!((count(&said, "connected"), count(&said, "closed")), (1, 1));
        assert!(count(&said, "data") >= 2);
        assert_sums_agree(&said);

        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let output = sockeye(["connect", &gone.to_string(), "--json"]).finish();
        assert_eq!(count(&events(&output), "error"), 1);
    });
}

#[test]
fn the_schema_names_every_event_once() {
    let schema = schema();
    let listed: Vec<&str> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["$ref"].as_str().unwrap())
        .collect();
    let is_event = |part: &Value| part["properties"]["type"]["const"].is_string();
    let defined = schema["$defs"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, part)| is_event(part));
    let defined: Vec<String> = defined.map(|(name, _)| format!("#/$defs/{name}")).collect();
    assert_eq!(listed.len(), defined.len());
    assert!(defined.iter().all(|name| listed.contains(&name.as_str())));
}
