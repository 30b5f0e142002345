use std::io::{Read, Write};
use std::panic::{self, AssertUnwindSafe};

use super::*;
use crate::{End, Gate, within};

fn failure(peer: Peer) -> String {
    let panic = panic::catch_unwind(AssertUnwindSafe(|| drop(peer))).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn both_sides_can_be_scripted_over_tcp_unix_and_udp() {
    within(|| {
        let serve = [Step::expect("ping"), Step::send("pong"), Step::ExpectEnd];
        let call = [
            Step::send("ping"),
            Step::expect("pong"),
            Step::HalfClose,
            Step::ExpectEnd,
        ];
        let server = Peer::tcp(serve.clone());
        let client = Peer::connect_tcp(server.addr(), call.clone());
        assert_eq!(client.finish().received, b"pong");
        assert_eq!(server.finish().end, End::Eof);

        let dir = temporary_dir();
        let path = dir.path().join("s");
        let server = Peer::unix(&path, serve);
        Peer::connect_unix(&path, call).finish();
        assert_eq!(server.finish().received, b"ping");

        let server = Peer::udp([Step::expect("ping"), Step::send("pong"), Step::expect("")]);
        let call = [Step::send("ping"), Step::expect("pong"), Step::send("")];
        Peer::connect_udp(server.addr(), call).finish();
        assert_eq!(server.finish().sum.len(), 4);
    });
}

#[test]
fn a_reset_is_told_from_an_end() {
    within(|| {
        let server = Peer::tcp([Step::expect("x"), Step::Reset]);
        let client = Peer::connect_tcp(server.addr(), [Step::send("x"), Step::ExpectReset]);
        assert_eq!(client.finish().end, End::Reset);
        server.finish();
    });
}

#[test]
fn patterns_cross_both_ways_at_once() {
    within(|| {
        let len = 4 << 20;
        let server = Peer::tcp([Step::ExchangePatterns(1, 2, len)]);
        let client = Peer::connect_tcp(server.addr(), [Step::ExchangePatterns(2, 1, len)]);
        assert_eq!(client.finish().sum.len(), len);
        assert_eq!(server.finish().sum.len(), len);
    });
}

#[test]
fn a_gate_holds_the_script_until_the_test_opens_it() {
    within(|| {
        let (ready, go) = (Gate::new(), Gate::new());
        let server = Peer::tcp([
            Step::Open(ready.clone()),
            Step::WaitFor(go.clone()),
            Step::send("now"),
        ]);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        assert!(ready.wait());
        stream.set_nonblocking(true).unwrap();
        let nothing = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        go.open();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "now");
        server.finish();
    });
}

#[test]
fn several_callers_get_a_conversation_each() {
    within(|| {
        let server = Peer::tcp_times(3, [Step::Echo]);
        let mut streams: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(server.addr()).unwrap())
            .collect();
        for stream in streams.iter_mut().rev() {
            stream.write_all(b"me").unwrap();
            let mut back = [0; 2];
            stream.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"me");
        }
        drop(streams);
        assert_eq!(server.finish_all().len(), 3);
    });
}

#[test]
fn a_peer_that_nobody_called_fails_the_test_at_once() {
    let text = failure(Peer::tcp([Step::send("hello")]));
    assert!(
        text.contains("nobody called it (after 0 of 1 calls)"),
        "{text}"
    );
    let text = failure(Peer::udp([Step::expect("hello")]));
    assert!(text.contains("nobody called it"), "{text}");
}

#[test]
fn a_caller_who_says_something_else_fails_the_test_with_what_was_said() {
    let server = Peer::tcp([Step::expect("good day")]);
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.write_all(b"good bye").unwrap();
    let text = failure(server);
    assert!(text.contains("step 1 of 1"), "{text}");
    assert!(text.contains("it was \"good bye\""), "{text}");
}

#[test]
fn a_caller_who_leaves_early_fails_the_test() {
    let server = Peer::tcp([Step::expect("all of it")]);
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.write_all(b"all").unwrap();
    drop(stream);
    let text = failure(server);
    assert!(text.contains("only 3 bytes, then Eof"), "{text}");
}

#[test]
fn a_wrong_pattern_fails_the_test() {
    let server = Peer::tcp([Step::ExpectPattern(1, 100)]);
    let client = Peer::connect_tcp(server.addr(), [Step::SendPattern(2, 100)]);
    let text = failure(server);
    assert!(text.contains("byte 0 of the pattern of seed 1"), "{text}");
    client.finish();
}
