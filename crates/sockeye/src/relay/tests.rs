//! What a conversation must do, over real sockets, pipes and files, and in memory under a paused clock.
// Options are set the way other crates have to set them, field by field.
#![allow(clippy::unwrap_used, clippy::field_reassign_with_default)]

mod ends;
mod kernel;
mod links;
mod random;

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::net::{Link, Stream};

/// Every test ends within this time.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work)
        .await
        .expect("within ten seconds")
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (near, far) = tokio::join!(
        TcpStream::connect(listener.local_addr().unwrap()),
        listener.accept()
    );
    let (near, (far, _)) = (near.unwrap(), far.unwrap());
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    (near, far)
}

fn start(local: Stream, remote: Stream, options: JoinOptions) -> JoinHandle<Joined> {
    tokio::spawn(async move { join(Link::Stream(local), Link::Stream(remote), &options).await })
}

/// A client and a server with a relay between them.
async fn over_tcp(options: JoinOptions) -> (TcpStream, TcpStream, JoinHandle<Joined>) {
    let (client, inbound) = tcp_pair().await;
    let (outbound, server) = tcp_pair().await;
    let relay = start(
        Stream::from_tcp(inbound),
        Stream::from_tcp(outbound),
        options,
    );
    (client, server, relay)
}

fn in_memory(
    size: usize,
    options: JoinOptions,
) -> (DuplexStream, DuplexStream, JoinHandle<Joined>) {
    let (client, inbound) = tokio::io::duplex(size);
    let (outbound, server) = tokio::io::duplex(size);
    let relay = start(Stream::from_io(inbound), Stream::from_io(outbound), options);
    (client, server, relay)
}

fn copying(copy_only: bool) -> JoinOptions {
    JoinOptions {
        copy_only,
        ..JoinOptions::default()
    }
}

/// Bytes in which a loss, a repetition or a swap shows.
fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Say all of this, then the end, while hearing the other side out.
async fn converse(mut stream: TcpStream, say: Vec<u8>) -> Vec<u8> {
    let mut heard = Vec::new();
    let (mut read, mut write) = stream.split();
    let saying = async {
        write.write_all(&say).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let ((), read) = tokio::join!(saying, read.read_to_end(&mut heard));
    read.unwrap();
    heard
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

#[tokio::test]
async fn eight_mebibytes_each_way_arrive_on_both_paths() {
    const SIZE: usize = 8 << 20;
    for copy_only in [false, true] {
        let counters = std::sync::Arc::new(Counters::default());
        let mut options = copying(copy_only);
        options.counters = Some(counters.clone());
        let (client, server, relay) = over_tcp(options).await;
        let (up, down) = (pattern(1, SIZE), pattern(2, SIZE));
        let server = tokio::spawn(converse(server, down.clone()));
        let heard = soon(converse(client, up.clone())).await;
        assert!(heard == down, "downstream differs, copy_only {copy_only}");
        assert!(soon(server).await.unwrap() == up, "upstream differs");
        let totals = soon(relay).await.unwrap().totals;
        assert_eq!(totals.ended_by.reason(), "ended");
        for way in [totals.upstream, totals.downstream] {
            assert_eq!(
                (way.bytes, way.undelivered, way.ended),
                (SIZE as u64, 0, true)
            );
            assert_eq!(way.spliced > SIZE as u64 / 2, !copy_only, "{way:?}");
        }
        assert_eq!(counters.upstream(), SIZE as u64);
        assert_eq!(counters.downstream(), SIZE as u64);
    }
}

#[tokio::test]
async fn single_bytes_pass_at_once() {
    for copy_only in [false, true] {
        let (mut client, mut server, relay) = over_tcp(copying(copy_only)).await;
        for byte in 0..200u8 {
            client.write_u8(byte).await.unwrap();
            assert_eq!(soon(server.read_u8()).await.unwrap(), byte);
            server.write_u8(!byte).await.unwrap();
            assert_eq!(soon(client.read_u8()).await.unwrap(), !byte);
        }
        drop((client, server));
        assert_eq!(soon(relay).await.unwrap().totals.upstream.bytes, 200);
    }
}

/// Small messages after a bulk, so that they cross while the way is spliced.
#[tokio::test]
async fn single_bytes_pass_at_once_after_a_bulk() {
    let (mut client, mut server, relay) = over_tcp(copying(false)).await;
    let bulk = pattern(3, 4 << 20);
    let mut heard = vec![0; bulk.len()];
    let (wrote, read) = tokio::join!(client.write_all(&bulk), soon(server.read_exact(&mut heard)));
    wrote.unwrap();
    read.unwrap();
    for byte in 0..200u8 {
        client.write_u8(byte).await.unwrap();
        assert_eq!(soon(server.read_u8()).await.unwrap(), byte);
    }
    drop((client, server));
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.upstream.bytes, (4 << 20) + 200);
    assert!(totals.upstream.spliced > 0);
}

#[tokio::test]
async fn an_empty_conversation_ends_by_itself() {
    let (client, server, relay) = over_tcp(JoinOptions::default()).await;
    let (heard, said) = tokio::join!(converse(client, vec![]), converse(server, vec![]));
    assert!(heard.is_empty() && said.is_empty());
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    assert_eq!(totals.upstream.bytes + totals.downstream.bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_makes_us_keep_no_more_than_one_read() {
    const SIZE: usize = 16 << 10;
    let (mut client, mut server, relay) = in_memory(SIZE, JoinOptions::default());
    let mut written = 0;
    let chunk = vec![7; 4096];
    // The clock jumps ahead when nothing else can happen: nobody takes any more.
    while let Ok(n) = tokio::time::timeout(Duration::from_secs(1), client.write(&chunk)).await {
        written += n.unwrap();
    }
    assert!(
        written <= 3 * SIZE + (16 << 10),
        "{written} bytes were taken"
    );
    drop(client);
    let mut heard = Vec::new();
    soon(server.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard.len(), written);
    drop(server);
    soon(relay).await.unwrap();
}

#[tokio::test]
async fn an_idle_conversation_is_small_and_holds_no_pipe() {
    let options = JoinOptions::default();
    let pipes = options.pipes.clone();
    let (mut client, mut server, relay) = over_tcp(options).await;
    let bulk = pattern(5, 4 << 20);
    let mut heard = vec![0; bulk.len()];
    let (wrote, read) = tokio::join!(client.write_all(&bulk), soon(server.read_exact(&mut heard)));
    wrote.unwrap();
    read.unwrap();
    // The answer passes after the relay went round once more, so the upstream way has found nothing to do.
    for _ in 0..2 {
        server.write_u8(1).await.unwrap();
        soon(client.read_u8()).await.unwrap();
    }
    assert_eq!((pipes.open(), pipes.idle()), (1, 1));
    drop((client, server));
    soon(relay).await.unwrap();

    let (a, b) = tokio::io::duplex(1);
    let options = JoinOptions::default();
    let (a, b) = (Stream::from_io(a), Stream::from_io(b));
    let size = size_of_val(&join(Link::Stream(a), Link::Stream(b), &options));
    assert!(size <= 2048, "{size} bytes");
}
