//! Servers that answer with raw bytes, as no server should: nothing hangs, nothing is believed, everything is said.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::net::resolve::query::decode::{Asked, Manner};

/// The head of an answer to this query with these counts, and the question.
fn head(query: &[u8], flags: [u8; 2], counts: [u16; 3]) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut bytes = query[..end].to_vec();
    bytes[2] = 0x80 | flags[0];
    bytes[3] = flags[1];
    for (at, count) in counts.into_iter().enumerate() {
        bytes[6 + 2 * at..8 + 2 * at].copy_from_slice(&count.to_be_bytes());
    }
    bytes
}

/// A record of the name in question.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let fields = [
        kind.to_be_bytes(),
        [0, 1],
        [0, 0],
        [0, 60],
        length.to_be_bytes(),
    ]
    .concat();
    [&[0xc0, 12], &fields[..], data].concat()
}

/// An answer with these records.
fn answer(query: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap();
    [head(query, [4, 0], [count, 0, 0]), records.concat()].concat()
}

/// A server that sends these datagrams to each of so many queries.
fn udp(queries: usize, reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(sockeye_testkit::LIMIT))
        .unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        for _ in 0..queries {
            let Ok((length, client)) = socket.recv_from(&mut buffer) else {
                return;
            };
            for datagram in reply(&buffer[..length]) {
                socket.send_to(&datagram, client).unwrap();
            }
        }
    });
    address
}

/// A server that writes these pieces to one connection, and then closes it.
fn tcp(reply: impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).unwrap();
        for piece in reply(&query) {
            drop(stream.write_all(&piece));
        }
    });
    format!("tcp://{address}").parse().unwrap()
}

async fn ask_udp(reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Result<Response> {
    let server = Server::udp(udp(2, reply));
    ask_for(&server, RecordKind::A, &Options::default()).await
}

/// Why the only answer cannot be read.
async fn unreadable(reply: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let error = ask_udp(move |query| vec![reply(query)]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(error.to_string().contains("cannot be read"), "{error}");
    error.to_string()
}

#[tokio::test]
async fn names_that_lead_in_circles_are_refused() {
    // A name that points at itself, two that point at each other, one that points forward.
    for pointers in [
        &[0xc0, 28][..],
        &[0xc0, 30, 0xc0, 28],
        &[0xc0, 40, 1, b'x', 0xc0, 28],
    ] {
        unreadable(move |query| {
            let mut bytes = head(query, [4, 0], [1, 0, 0]);
            assert_eq!(bytes.len(), 28);
            bytes.extend([pointers, &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4]].concat());
            bytes
        })
        .await;
    }
}

#[tokio::test]
async fn a_circle_within_data_spoils_that_record_only() {
    let response = ask_udp(|query| {
        let circle = record(5, &[0xc0, 40]);
        vec![answer(query, &[circle, record(1, &[192, 0, 2, 1])])]
    })
    .await
    .unwrap();
    assert_eq!(
        texts(&response.answers),
        [
            "db.example. 60 IN CNAME \\# 2 C028",
            "db.example. 60 IN A 192.0.2.1"
        ]
    );
    assert!(response.answers[0].data.fault().is_some());
    assert_eq!(response.answers[0].data.target(), None);
}

#[tokio::test]
async fn counts_and_lengths_beyond_the_end_are_refused() {
    let text = unreadable(|query| head(query, [4, 0], [u16::MAX, u16::MAX, u16::MAX])).await;
    assert!(text.contains("answer of 28 bytes"), "{text}");
    unreadable(|query| {
        let mut bytes = answer(query, &[record(1, &[192, 0, 2, 1])]);
        let length = bytes.len() - 6;
        bytes[length..length + 2].copy_from_slice(&[0xff, 0xff]);
        bytes
    })
    .await;
    // A long run of empty labels is a run of roots, and ends with the message.
    unreadable(|query| [head(query, [4, 0], [u16::MAX, 0, 0]), vec![0; 1400]].concat()).await;
    // Two records of EDNS, and one with a name.
    let opt = [&[0, 0, 41][..], &[4, 0, 0, 0, 0, 0, 0, 0]].concat();
    let twice = [opt.clone(), opt].concat();
    unreadable(move |query| [head(query, [4, 0], [0, 0, 2]), twice.clone()].concat()).await;
}

#[tokio::test]
async fn data_that_break_the_rules_of_their_kind_are_shown_as_bytes() {
    let response = ask_udp(|query| {
        vec![answer(
            query,
            &[
                record(1, &[1, 2, 3]),
                record(28, &[0; 17]),
                record(16, &[]),
                record(16, &[5, b'a']),
                record(15, &[0, 10]),
                record(257, &[0, 0, b'x']),
                record(65, &[0, 1, 0, 0, 3, 0, 2, 0, 80, 0, 1, 0, 3, 2, b'h', b'2']),
                record(47, &[0, 0, 33]),
                record(29, &[1; 16]),
                record(65280, &[]),
            ],
        )]
    })
    .await
    .unwrap();
    assert_eq!(response.answers.len(), 10);
    for record in &response.answers[..9] {
        assert!(record.to_string().contains("\\# "), "{record}");
        assert!(record.data.fault().is_some(), "{record}");
    }
    assert_eq!(
        response.answers[9].to_string(),
        "db.example. 60 IN TYPE65280 \\# 0"
    );
    assert_eq!(response.answers[9].data.fault(), None);
}

#[tokio::test]
async fn what_comes_from_elsewhere_is_dropped_and_what_is_forged_is_counted() {
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server::udp(socket.local_addr().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        let query = &buffer[..length];
        let lie = answer(query, &[record(1, &[203, 0, 113, 66])]);
        stranger.send_to(&lie, client).unwrap();
        let mut other = lie.clone();
        other[1] ^= 1;
        socket.send_to(&other, client).unwrap();
        let mut question = lie;
        question[13] ^= 1;
        socket.send_to(&question, client).unwrap();
        socket.send_to(&query[..11], client).unwrap();
        socket.send_to(query, client).unwrap();
        socket
            .send_to(&answer(query, &[record(1, &[192, 0, 2, 1])]), client)
            .unwrap();
    });
    let response = ask_for(&server, RecordKind::A, &Options::default())
        .await
        .unwrap();
    assert_eq!(texts(&response.answers), ["db.example. 60 IN A 192.0.2.1"]);
    assert_eq!(response.strays, 4);
}

#[tokio::test]
async fn a_name_in_another_case_is_no_answer_if_the_case_was_random() {
    // With many letters, a random case that is none is no matter of luck.
    let question = Question::new(
        format!("{}.example", "x".repeat(60)).parse().unwrap(),
        RecordKind::A,
    );
    let lower = |query: &[u8]| {
        let query: Vec<u8> = query.to_ascii_lowercase();
        vec![answer(&query, &[record(1, &[192, 0, 2, 1])])]
    };
    let server = Server::udp(udp(3, move |query| {
        // Numbers in the head have no case.
        let mut datagrams = lower(query);
        datagrams[0][..2].copy_from_slice(&query[..2]);
        datagrams
    }));
    let net = Net::new();
    let error = ask(&net, &server, &question, &quick().random_case(true))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 messages came that are no answer"),
        "{error}"
    );
    let response = ask(&net, &server, &question, &Options::default())
        .await
        .unwrap();
    assert_eq!((response.answers.len(), response.strays), (1, 0));
}

#[tokio::test]
async fn a_flood_of_nonsense_ends() {
    let error = ask_udp(|_| vec![b"nonsense".to_vec(); 80])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(
        error.to_string().contains("none of its 64 messages"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cookie_that_is_not_ours_is_no_answer() {
    let options = quick().cookie(true);
    let server = Server::udp(udp(2, |query| {
        let opt = [
            &[0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8][..],
            b"not ours",
        ]
        .concat();
        vec![[head(query, [4, 0], [0, 0, 1]), opt].concat()]
    }));
    let error = ask_for(&server, RecordKind::A, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(error.to_string().contains("2 messages came"), "{error}");
}

#[tokio::test]
async fn what_edns_says_is_read() {
    let response = ask_udp(|query| {
        let options = [
            &[0, 15, 0, 9, 0, 6][..],
            b"broken\0",             // DNSSEC Bogus
            &[0, 15, 0, 2, 0x10, 0], // a number without a meaning
            &[0, 3, 0, 2],
            b"s1",
            &[0, 8, 0, 7, 0, 1, 24, 16, 192, 0, 2],
            &[0, 12, 0, 3, 0, 0, 0],
            &[0xff, 0xfe, 0, 1, 7],
        ]
        .concat();
        let length = u16::try_from(options.len()).unwrap().to_be_bytes();
        let opt = [&[0, 0, 41, 16, 0, 1, 0, 0x80, 0][..], &length, &options].concat();
        vec![[head(query, [0, 0x12], [0, 0, 1]), opt].concat()]
    })
    .await
    .unwrap();
    assert_eq!(
        (response.code, response.outcome),
        (Code(18), Outcome::Other(Code(18)))
    );
    let edns = response.edns.as_ref().unwrap();
    assert_eq!(
        (edns.payload, edns.version, edns.dnssec_ok),
        (4096, 0, true)
    );
    assert_eq!(
        edns.extended_errors[0].to_string(),
        "6 (DNSSEC Bogus): broken"
    );
    assert_eq!(edns.extended_errors[1].to_string(), "4096");
    assert_eq!(edns.client_subnet.unwrap().to_string(), "192.0.2.0/24/16");
    assert_eq!((edns.padding, edns.other[0].code), (Some(3), 65534));
    let json = serde_json::to_value(&response).unwrap();
    assert_eq!(json["edns"]["nsid"], "s1");
    assert_eq!(json["edns"]["extended_errors"][0]["code"], 6);
    assert_eq!(json["code"], "BADTIME");
    // An option that is longer than the record.
    unreadable(|query| {
        let opt = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 4, 0, 15, 0, 9];
        [head(query, [0, 0], [0, 0, 1]), opt.to_vec()].concat()
    })
    .await;
}

#[tokio::test]
async fn tcp_comes_in_pieces_and_may_begin_with_another_answer() {
    let server = tcp(|query| {
        let right = answer(query, &[record(1, &[192, 0, 2, 1])]);
        let mut wrong = right.clone();
        wrong[0] ^= 1;
        let length = u16::try_from(right.len()).unwrap().to_be_bytes();
        let all = [&length[..], &wrong, &length, &right].concat();
        all.chunks(1).map(<[u8]>::to_vec).collect()
    });
    let response = ask_for(&server, RecordKind::A, &Options::default())
        .await
        .unwrap();
    assert_eq!((response.answers.len(), response.strays), (1, 1));
    assert_eq!(response.transport, Transport::Tcp);
}

#[tokio::test]
async fn tcp_that_ends_early_says_so() {
    for reply in [
        vec![],
        vec![vec![0xff]],
        vec![vec![0xff, 0xff], vec![0; 100]],
    ] {
        let server = tcp(move |_| reply);
        let error = ask_for(&server, RecordKind::A, &Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        assert!(error.to_string().contains("without an answer"), "{error}");
    }
}

#[tokio::test]
async fn tcp_that_is_truncated_is_taken_as_it_is() {
    let server = tcp(|query| {
        let bytes = head(query, [2, 0], [0, 0, 0]);
        vec![
            u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec(),
            bytes,
        ]
    });
    let response = ask_for(&server, RecordKind::A, &Options::default())
        .await
        .unwrap();
    assert!(response.flags.truncated && response.fallbacks.is_empty());
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_says_what_failed() {
    let address = udp(1, |query| vec![head(query, [2, 0], [0, 0, 0])]);
    let error = ask_for(&Server::udp(address), RecordKind::A, &Options::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(
        error
            .to_string()
            .contains("was truncated, and asking over TCP failed"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_server_that_never_likes_our_cookie_is_asked_twice() {
    let server = Server::udp(udp(4, |query| {
        // The cookie that was sent, with eight bytes of a server behind it.
        let at = query
            .windows(4)
            .position(|head| head[..3] == [0, 10, 0])
            .unwrap();
        let cookie = &query[at + 4..at + 12];
        let opt = [
            &[0, 0, 41, 4, 0, 1, 0, 0, 0, 0, 20, 0, 10, 0, 16][..],
            cookie,
            b"theirs!!",
        ]
        .concat();
        vec![[head(query, [0, 7], [0, 0, 1]), opt].concat()]
    }));
    let response = ask_for(&server, RecordKind::A, &Options::default().cookie(true))
        .await
        .unwrap();
    assert_eq!(response.code, Code::BAD_COOKIE);
    assert_eq!((response.fallbacks.len(), response.attempts), (1, 2));
}

#[tokio::test]
async fn a_silent_server_over_tcp_costs_its_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server: Server = format!("tcp://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let begun = Instant::now();
    let options = Options::default()
        .timeout(Duration::from_millis(100))
        .attempts(3);
    let error = ask_for(&server, RecordKind::A, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

fn asked() -> Asked {
    let question = Question::new("db.example".parse().unwrap(), RecordKind::ANY);
    let manner = Manner {
        edns: true,
        cookie: None,
        padded: false,
        anonymous: true,
    };
    Asked::new(&question, &Options::default(), manner).unwrap()
}

proptest! {
    #[test]
    fn any_records_are_read_or_refused(
        kinds in proptest::collection::vec((0u16..270, proptest::collection::vec(any::<u8>(), 0..60)), 0..6),
        cut in 0usize..400,
    ) {
        let asked = asked();
        let records: Vec<_> = kinds.iter().map(|(kind, data)| record(*kind, data)).collect();
        let mut bytes = answer(&asked.bytes, &records);
        bytes.truncate(bytes.len().min(28 + cut));
        if let Ok(crate::net::resolve::query::decode::Reply::Answer(contents)) = asked.read(&bytes, true) {
            for record in &contents.answers {
                let text = record.to_string();
                prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{}", text);
                prop_assert!(serde_json::to_string(record).is_ok());
            }
        }
    }
}
