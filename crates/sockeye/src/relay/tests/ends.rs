//! How conversations end: half-close, resets, timeouts, stops.

use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test]
async fn the_end_of_either_side_leaves_the_other_way_open() {
    for copy_only in [false, true] {
        for local_first in [true, false] {
            let (client, server, relay) = over_tcp(copying(copy_only)).await;
            let (mut first, mut second) = match local_first {
                true => (client, server),
                false => (server, client),
            };
            first.write_all(b"question").await.unwrap();
            first.shutdown().await.unwrap();
            let mut heard = String::new();
            soon(second.read_to_string(&mut heard)).await.unwrap();
            assert_eq!(heard, "question");
            let late = pattern(4, 300_000);
            let (wrote, read) = tokio::join!(
                async {
                    second.write_all(&late).await.unwrap();
                    second.shutdown().await
                },
                async {
                    let mut answer = Vec::new();
                    soon(first.read_to_end(&mut answer)).await.map(|_| answer)
                }
            );
            wrote.unwrap();
            assert!(read.unwrap() == late);
            let totals = soon(relay).await.unwrap().totals;
            assert_eq!(totals.ended_by.reason(), "ended");
        }
    }
}

#[tokio::test]
async fn a_side_that_cannot_speak_ends_after_it_has_heard_all() {
    for end in [
        EndPolicy::UntilBoth,
        EndPolicy::UntilRemote,
        EndPolicy::UntilEither,
    ] {
        let mut options = JoinOptions::default();
        options.end = end;
        let (mut client, inbound) = tcp_pair().await;
        let (read, write) = std::io::pipe().unwrap();
        let pipe = Stream::from_fds(None, Some(write.into())).unwrap();
        let mut far = Stream::from_fds(Some(read.into()), None).unwrap();
        let relay = start(Stream::from_tcp(inbound), pipe, options);
        tokio::task::yield_now().await;
        client.write_all(b"all ").await.unwrap();
        let mut heard = [0; 4];
        soon(far.read_exact(&mut heard)).await.unwrap();
        let early = client.try_read(&mut [0; 1]).map_err(|e| e.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "{end:?}");
        client.write_all(b"of it").await.unwrap();
        client.shutdown().await.unwrap();
        let mut rest = String::new();
        soon(far.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "of it", "{end:?}");
        soon(client.read_to_end(&mut Vec::new())).await.unwrap();
        assert_eq!(soon(relay).await.unwrap().totals.upstream.bytes, 9);
    }
}

#[tokio::test]
async fn half_closes_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut options = JoinOptions::default();
    let ears = told.clone();
    options.notify = Some(Arc::new(move |notice| ears.lock().unwrap().push(notice)));
    let (client, server, relay) = over_tcp(options).await;
    let mut server = server;
    soon(async {
        let mut client = client;
        client.write_all(b"abc").await.unwrap();
        client.shutdown().await.unwrap();
        server.read_to_end(&mut Vec::new()).await.unwrap();
        drop(server);
        client.read_to_end(&mut Vec::new()).await.unwrap();
    })
    .await;
    soon(relay).await.unwrap();
    let half_closed = |way, bytes| Notice::HalfClosed { way, bytes };
    assert_eq!(
        *told.lock().unwrap(),
        [
            half_closed(Direction::Upstream, 3),
            half_closed(Direction::Downstream, 0)
        ]
    );
}

#[tokio::test]
async fn a_reset_stays_a_reset_and_loses_nothing_that_was_read() {
    for copy_only in [false, true] {
        for side in [Side::Local, Side::Remote] {
            let (client, server, relay) = over_tcp(copying(copy_only)).await;
            let (mut breaks, mut suffers) = match side {
                Side::Local => (client, server),
                Side::Remote => (server, client),
            };
            breaks.write_all(b"last words").await.unwrap();
            let mut heard = [0; 10];
            soon(suffers.read_exact(&mut heard)).await.unwrap();
            reset(breaks);
            let error = soon(suffers.read_u8()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{side:?}");
            let totals = soon(relay).await.unwrap().totals;
            assert_eq!(totals.ended_by.reason(), "reset");
            assert_eq!(totals.ended_by.side(), Some(side));
            assert!(!totals.upstream.ended && !totals.downstream.ended);
        }
    }
}

#[tokio::test]
async fn what_a_reset_leaves_behind_is_counted_as_undelivered() {
    for copy_only in [false, true] {
        let (mut client, server, relay) = over_tcp(copying(copy_only)).await;
        let bulk = pattern(6, 64 << 20);
        // Nobody reads, so all buffers fill up and the client is stuck in the middle.
        let stuck = Duration::from_millis(200);
        let written = tokio::time::timeout(stuck, client.write_all(&bulk)).await;
        assert!(written.is_err(), "64 MiB fit into the buffers");
        reset(server);
        let error = soon(client.write_all(&bulk)).await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
            "{error}"
        );
        let totals = soon(relay).await.unwrap().totals;
        assert_eq!(totals.ended_by.reason(), "reset");
        assert_eq!(totals.ended_by.side(), Some(Side::Remote));
        assert!(totals.upstream.undelivered > 0, "{totals:?}");
    }
}

#[tokio::test]
async fn a_peer_that_no_longer_reads_is_still_heard() {
    use tokio::net::UnixStream;
    let (client, inbound) = tcp_pair().await;
    let (outbound, server) = UnixStream::pair().unwrap();
    let relay = start(
        Stream::from_tcp(inbound),
        Stream::from_unix(outbound),
        JoinOptions::default(),
    );
    let server = server.into_std().unwrap();
    server.shutdown(std::net::Shutdown::Read).unwrap();
    let mut server = UnixStream::from_std(server).unwrap();
    let mut client = client;
    client.write_all(b"unheard").await.unwrap();
    for word in [b"one", b"two"] {
        server.write_all(word).await.unwrap();
        let mut heard = [0; 3];
        soon(client.read_exact(&mut heard)).await.unwrap();
        assert_eq!(&heard, word);
    }
    drop(server);
    let error = soon(client.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.side(), Some(Side::Remote));
    assert_eq!((totals.upstream.bytes, totals.upstream.undelivered), (0, 7));
    assert_eq!(totals.downstream.bytes, 6);
}

#[tokio::test]
async fn policies_decide_whose_end_is_enough() {
    let cases = [
        (EndPolicy::UntilRemote, Side::Remote, Some("remote-end")),
        (EndPolicy::UntilRemote, Side::Local, None),
        (EndPolicy::UntilEither, Side::Remote, Some("remote-end")),
        (EndPolicy::UntilEither, Side::Local, Some("local-end")),
        (EndPolicy::UntilBoth, Side::Remote, None),
    ];
    for (end, first, reason) in cases {
        let mut options = JoinOptions::default();
        options.end = end;
        let (mut client, mut server, relay) = over_tcp(options).await;
        let (ending, other) = match first {
            Side::Local => (&mut client, &mut server),
            Side::Remote => (&mut server, &mut client),
        };
        ending.write_all(b"all of it").await.unwrap();
        ending.shutdown().await.unwrap();
        let mut heard = String::new();
        soon(other.read_to_string(&mut heard)).await.unwrap();
        assert_eq!(heard, "all of it", "{end:?} {first:?}");
        if reason.is_none() {
            other.write_all(b"more").await.unwrap();
            soon(ending.read_exact(&mut [0; 4])).await.unwrap();
            other.shutdown().await.unwrap();
        }
        let totals = soon(relay).await.unwrap().totals;
        let expected = match (reason, end) {
            (Some(reason), _) => reason,
            (None, EndPolicy::UntilBoth) => "ended",
            (None, _) => totals.ended_by.reason(),
        };
        assert_eq!(totals.ended_by.reason(), expected, "{end:?} {first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_conversation_only_when_asked() {
    let mut options = JoinOptions::default();
    options.idle_timeout = Some(Duration::from_secs(60));
    let (mut client, mut server, relay) = in_memory(64, options);
    let began = tokio::time::Instant::now();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(40)).await;
        client.write_u8(1).await.unwrap();
        server.read_u8().await.unwrap();
    }
    let totals = relay.await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "idle");
    let elapsed = began.elapsed().as_secs();
    assert!((179..=182).contains(&elapsed), "{elapsed} s");
    assert!(server.read_u8().await.is_err());

    let (client, server, relay) = in_memory(64, JoinOptions::default());
    let day = Duration::from_secs(86_400);
    let mut relay = relay;
    assert!(tokio::time::timeout(day, &mut relay).await.is_err());
    drop((client, server));
    assert_eq!(relay.await.unwrap().totals.ended_by.reason(), "ended");
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_conversation_times_out_only_when_asked_and_silent() {
    let mut options = JoinOptions::default();
    options.half_close_timeout = Some(Duration::from_secs(30));
    let (mut client, mut server, relay) = in_memory(64, options);
    // No limit before the first end.
    tokio::time::advance(Duration::from_secs(300)).await;
    client.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    let began = tokio::time::Instant::now();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(20)).await;
        server.write_u8(1).await.unwrap();
        client.read_u8().await.unwrap();
    }
    let totals = relay.await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "half-close-timeout");
    let elapsed = began.elapsed().as_secs();
    assert!((89..=92).contains(&elapsed), "{elapsed} s");
    assert!(totals.upstream.ended && !totals.downstream.ended);
}

#[tokio::test(start_paused = true)]
async fn a_stop_delivers_what_was_read_and_no_more() {
    let stop = CancellationToken::new();
    let mut options = JoinOptions::default();
    options.stop = Some(stop.clone());
    let (mut client, mut server, relay) = in_memory(1024, options);
    let chunk = pattern(8, 100_000);
    let mut written = 0;
    let second = Duration::from_secs(1);
    while let Ok(n) = tokio::time::timeout(second, client.write(&chunk[written..])).await {
        written += n.unwrap();
    }
    stop.cancel();
    let mut heard = Vec::new();
    soon(server.read_to_end(&mut heard)).await.unwrap();
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "stopped");
    assert!(chunk.starts_with(&heard) && heard.len() >= 1024);
    assert_eq!(totals.upstream.bytes, heard.len() as u64);
    assert_eq!(
        (totals.upstream.undelivered, totals.upstream.ended),
        (0, false)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_for_a_reader() {
    let stop = CancellationToken::new();
    let mut options = JoinOptions::default();
    options.stop = Some(stop.clone());
    let (mut client, server, relay) = in_memory(1024, options);
    let second = Duration::from_secs(1);
    let mut written = 0;
    while let Ok(n) = tokio::time::timeout(second, client.write(&[1; 512])).await {
        written += n.unwrap() as u64;
    }
    stop.cancel();
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "stopped");
    assert!(totals.upstream.undelivered > 0);
    assert!(totals.upstream.bytes + totals.upstream.undelivered <= written);
    drop(server);
}

#[tokio::test]
async fn a_programs_answer_and_exit_status_arrive() {
    let (client, inbound) = tcp_pair().await;
    let remote = program("cat; echo bye; exit 7");
    let relay = start(Stream::from_tcp(inbound), remote, JoinOptions::default());
    let say = pattern(9, 1 << 20);
    let mut heard = soon(converse(client, say.clone())).await;
    assert_eq!(heard.split_off(say.len()), b"bye\n");
    assert!(heard == say);
    let joined = soon(relay).await.unwrap();
    assert_eq!(joined.remote_exit.unwrap().code(), Some(7));
    assert!(joined.local_exit.is_none());
    assert_eq!(joined.totals.ended_by.reason(), "ended");
}

#[tokio::test]
async fn a_program_that_reads_only_a_little_is_heard_to_its_end() {
    let (mut client, inbound) = tcp_pair().await;
    let remote = program("head -c 3; exec <&-; echo; echo enough");
    let mut options = JoinOptions::default();
    // Were it needed, the test would take too long.
    options.drain_timeout = Duration::from_secs(60);
    let relay = start(Stream::from_tcp(inbound), remote, options);
    client.write_all(&pattern(10, 3 << 20)).await.unwrap();
    let mut heard = Vec::new();
    soon(client.read_to_end(&mut heard)).await.unwrap();
    assert!(heard.ends_with(b"\nenough\n"), "{heard:?}");
    drop(client);
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    assert_eq!(totals.upstream.bytes + totals.upstream.undelivered, 3 << 20);
}

#[tokio::test]
async fn a_program_is_ended_when_its_peer_resets() {
    let (mut client, inbound) = tcp_pair().await;
    let remote = program("echo ready; exec sleep 1000");
    let relay = start(Stream::from_tcp(inbound), remote, JoinOptions::default());
    soon(client.read_exact(&mut [0; 6])).await.unwrap();
    reset(client);
    let joined = soon(relay).await.unwrap();
    assert_eq!(joined.totals.ended_by.side(), Some(Side::Local));
    assert!(joined.remote_exit.unwrap().code().is_none(), "by a signal");
}

#[tokio::test]
async fn a_program_that_outlives_its_conversation_does_not_hold_up_a_stop() {
    let (client, inbound) = tcp_pair().await;
    let remote = program("exec <&- >&-; exec sleep 1000");
    let stop = CancellationToken::new();
    let mut options = JoinOptions::default();
    options.stop = Some(stop.clone());
    let relay = start(Stream::from_tcp(inbound), remote, options);
    assert!(soon(converse(client, vec![])).await.is_empty());
    stop.cancel();
    soon(relay).await.unwrap();
}

fn program(script: &str) -> Stream {
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let read = child.stdout.take().unwrap().into_owned_fd().unwrap();
    let write = child.stdin.take().unwrap().into_owned_fd().unwrap();
    let stream = Stream::from_fds(Some(read), Some(write)).unwrap();
    stream.with_child(child)
}
