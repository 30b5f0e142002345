use proptest::prelude::*;
use sockeye_data::http1::Headers;

use super::*;

/// 2026-11-26 at 20:47:01.09 UTC.
fn stamp() -> Stamp {
    let mut stamp = Stamp::new();
    stamp.set(Duration::from_millis(1_795_726_021_090));
    stamp
}

fn head(headers: &[(&str, &[u8])]) -> RequestHead {
    let mut lines = Headers::new();
    for (name, value) in headers {
        lines.append(name, value).unwrap();
    }
    RequestHead::new("GET", "/apache_pb.gif", lines)
}

fn client(address: &str) -> Client {
    Client {
        address: Some(address.parse().unwrap()),
        protocol: "http/1.1",
        ..Client::default()
    }
}

fn record<'a>(client: &'a Client, head: Option<&'a RequestHead>) -> Record<'a> {
    Record {
        client,
        head,
        user: None,
        status: 200,
        sent: 2326,
        took: Duration::from_micros(1234),
        broken: None,
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn combined_is_what_apache_documents() {
    let client = client("127.0.0.1:5000");
    let mut head = head(&[
        ("Referer", b"http://www.example.com/start.html"),
        ("User-Agent", b"Mozilla/4.08 [en] (Win98; I ;Nav)"),
    ]);
    head.version = Version::Http10;
    let record = Record {
        user: Some("frank"),
        ..record(&client, Some(&head))
    };
    assert_eq!(
        written(|out| combined(out, &stamp(), &record)),
        "127.0.0.1 - frank [26/Nov/2026:20:47:01 +0000] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 \
         \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"\n"
    );
}

#[test]
fn what_is_missing_is_a_dash() {
    let client = Client::default();
    let record = Record {
        status: 400,
        sent: 0,
        ..record(&client, None)
    };
    assert_eq!(
        written(|out| combined(out, &stamp(), &record)),
        "- - - [26/Nov/2026:20:47:01 +0000] \"-\" 400 - \"-\" \"-\"\n"
    );
}

#[test]
fn nobody_forges_a_line() {
    let client = client("[::ffff:192.0.2.7]:1");
    let mut head = head(&[("Referer", b"a\"b\\c\td\xff"), ("User-Agent", b"")]);
    head.target = b"/\r\n\x1b[2J\x08\x0b\x7f".to_vec();
    let record = Record {
        user: Some(""),
        ..record(&client, Some(&head))
    };
    assert_eq!(
        written(|out| combined(out, &stamp(), &record)),
        "192.0.2.7 - \"\" [26/Nov/2026:20:47:01 +0000] \"GET /\\r\\n\\x1b[2J\\b\\v\\x7f HTTP/1.1\" 200 2326 \
         \"a\\\"b\\\\c\\td\\xff\" \"\"\n"
    );
}

#[test]
fn json_says_all_that_is_known() {
    let client = Client {
        secured: Some(Box::new(crate::net::Secured {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_256_GCM_SHA384".into(),
            alpn: Some("h2".into()),
            peer_fingerprint: None,
            peer_name: None,
            peer_names: Vec::new(),
            resumed: false,
        })),
        connection: crate::wire::ConnectionId(3),
        protocol: "h2",
        ..client("[::1]:5000")
    };
    let head = head(&[
        ("Host", b"localhost"),
        ("Referer", b"\xff"),
        ("User-Agent", b"curl/8"),
    ]);
    let record = Record {
        user: Some("ann"),
        broken: Some("the client is gone"),
        ..record(&client, Some(&head))
    };
    assert_eq!(
        written(|out| json(out, &stamp(), &record)),
        "{\"type\":\"request\",\"time\":\"2026-11-26T20:47:01.090Z\",\"connection\":3,\"client\":\"[::1]:5000\",\
         \"user\":\"ann\",\"method\":\"GET\",\"target\":\"/apache_pb.gif\",\"protocol\":\"HTTP/2.0\",\
         \"host\":\"localhost\",\"status\":200,\"sent\":2326,\"seconds\":0.001234,\"referer\":\"\u{fffd}\",\
         \"agent\":\"curl/8\",\"tls\":\"TLSv1.3\",\"broken\":\"the client is gone\"}\n"
    );
}

#[test]
fn short_lines_are_for_people() {
    let client = client("127.0.0.1:5000");
    let head = head(&[]);
    let line = |color, record: &Record<'_>| written(|out| short(out, &stamp(), record, color));
    let plain = record(&client, Some(&head));
    assert_eq!(
        line(false, &plain),
        "20:47:01Z 127.0.0.1 GET /apache_pb.gif 200 2.2 KiB 1.2 ms\n"
    );
    assert_eq!(
        line(true, &plain),
        "20:47:01Z 127.0.0.1 GET /apache_pb.gif \x1b[32m200\x1b[0m 2.2 KiB 1.2 ms\n"
    );
    let refused = Record {
        status: 431,
        sent: 12,
        broken: Some("too long"),
        ..record(&client, None)
    };
    assert_eq!(
        line(false, &refused),
        "20:47:01Z 127.0.0.1 431 12 B: too long\n"
    );
}

#[test]
fn sizes_and_times_are_rounded_down() {
    let size = |bytes| written(|out| write_size(out, bytes));
    assert_eq!(
        [size(0), size(1023), size(1024), size((10 << 20) - 1)],
        ["0 B", "1023 B", "1.0 KiB", "9.9 MiB"]
    );
    assert_eq!(size(u64::MAX), "16777215.9 TiB");
    let time = |micros| written(|out| write_time(out, Duration::from_micros(micros)));
    assert_eq!(
        [time(0), time(999_999), time(61_290_000)],
        ["0.0 ms", "999.9 ms", "61.2 s"]
    );
}

proptest! {
    #[test]
    fn one_request_is_one_line_of_printable_ascii(
        target in proptest::collection::vec(any::<u8>(), 0..40),
        user in proptest::option::of(".*"),
        why in ".*",
    ) {
        let client = client("127.0.0.1:5000");
        let mut head = head(&[]);
        head.target = target;
        let record = Record {
            user: user.as_deref(),
            broken: Some(&why),
            ..record(&client, Some(&head))
        };
        for line in [
            written(|out| combined(out, &stamp(), &record)),
            written(|out| short(out, &stamp(), &record, false)),
        ] {
            let line = line.strip_suffix('\n').unwrap();
            prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
        }
        let json = written(|out| json(out, &stamp(), &record));
        prop_assert_eq!(json.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&value["broken"], &why);
    }
}
