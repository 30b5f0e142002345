//! Bodies that are saved: whole, piece by piece, at a place in a file, through the kernel or not.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use sockeye::client::Sink;
use sockeye::client::http::Client;
use sockeye::{Kind, Operation};
use sockeye_testkit::{LIMIT, Peer, Step, Web};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// Bytes that are different everywhere.
fn body(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(u32::to_le_bytes).collect()
}

/// A server of this body, framed in the manner that the path names.
fn serving(body: Vec<u8>) -> Web {
    Web::new(move |asked| {
        let head = match asked.target() {
            "/length" => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
            "/close" => "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
            _ => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
                body.len()
            ),
        };
        let tail: &[u8] = match asked.target() {
            "/chunks" => b"\r\n0\r\n\r\n",
            _ => b"",
        };
        [head.as_bytes(), &body, tail].concat()
    })
}

#[tokio::test]
async fn a_body_is_saved_whole_however_it_is_framed() {
    let body = body(3 << 20);
    let web = serving(body.clone());
    let client = Client::new();
    for path in ["/length", "/close", "/chunks", "/length"] {
        let mut file = tempfile::tempfile().unwrap();
        let mut sink = Sink::new(file.try_clone().unwrap()).unwrap();
        let mut response = soon(client.get(&web.url(path)).send()).await.unwrap();
        let saved = soon(response.save_to(&mut sink)).await.unwrap();
        assert_eq!(
            (saved, sink.written(), response.hop().received),
            (body.len() as u64, saved, saved)
        );
        assert!(response.hop().timing.ended.is_some());
        let mut read = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut read).unwrap();
        assert!(read == body, "{path}");
    }
    // The connection was kept, also behind a body that the kernel moved.
    assert_eq!(web.connections(), 2);
}

#[tokio::test]
async fn a_sink_may_append_or_write_at_a_place_and_stop_in_the_middle() {
    let body = body(1 << 20);
    let web = serving(body.clone());
    let client = Client::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, vec![b'.'; 1 << 20]).unwrap();
    let mut response = soon(client.get(&web.url("/length")).send()).await.unwrap();
    let mut sink = Sink::at(
        std::fs::File::options().write(true).open(&path).unwrap(),
        1000,
    )
    .unwrap();
    let mut saved = 0;
    while saved < 500_000 {
        saved += soon(response.save_some(&mut sink, 500_000 - saved))
            .await
            .unwrap()
            .unwrap();
    }
    let file = std::fs::read(&path).unwrap();
    assert!(
        file[1000..501_000] == body[..500_000] && file[501_000..].iter().all(|&byte| byte == b'.')
    );
    // The rest goes elsewhere: to a file that is appended to, which the kernel does not splice to.
    let mut sink = Sink::new(std::fs::File::options().append(true).open(&path).unwrap()).unwrap();
    soon(response.save_to(&mut sink)).await.unwrap();
    assert!(std::fs::read(&path).unwrap()[1 << 20..] == body[500_000..]);
}

#[tokio::test]
async fn a_pipe_is_waited_for_and_one_that_nobody_reads_is_an_error() {
    let body = body(2 << 20);
    let web = serving(body.clone());
    let (mut reader, writer) = std::io::pipe().unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).map(|_| read)
    });
    let client = Client::new();
    let mut response = soon(client.get(&web.url("/length")).send()).await.unwrap();
    let mut sink = Sink::new(OwnedFd::from(writer)).unwrap();
    soon(response.save_to(&mut sink)).await.unwrap();
    drop(sink);
    assert!(soon(read).await.unwrap().unwrap() == body);

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut response = soon(client.get(&web.url("/length")).send()).await.unwrap();
    let mut sink = Sink::new(OwnedFd::from(writer)).unwrap();
    let error = soon(response.save_to(&mut sink)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::Lost, Operation::Write),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_what_came_is_saved() {
    let mut half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    half.write_all(&body(600_000)).unwrap();
    let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send(half)]);
    let url = format!("http://{}/", peer.addr());
    let mut response = soon(Client::new().get(&url).send()).await.unwrap();
    let mut sink = Sink::new(tempfile::tempfile().unwrap()).unwrap();
    let error = soon(response.save_to(&mut sink)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
    assert!(
        error
            .to_string()
            .contains("only 600000 of the 1000000 bytes"),
        "{error}"
    );
    assert_eq!(
        (sink.written(), response.hop().received),
        (600_000, 600_000)
    );
}
