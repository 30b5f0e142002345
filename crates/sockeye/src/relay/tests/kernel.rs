//! What the kernel moves, and what happens when it refuses.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::*;

fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap()
}

fn written_file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn content(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A local side that reads and writes these descriptors, joined with a server over TCP.
async fn with_server(
    read: Option<OwnedFd>,
    write: Option<OwnedFd>,
    options: JoinOptions,
) -> (TcpStream, JoinHandle<Joined>) {
    let (outbound, server) = tcp_pair().await;
    let local = Stream::from_fds(read, write).unwrap();
    (server, start(local, Stream::from_tcp(outbound), options))
}

#[tokio::test]
async fn files_and_devices_are_spliced_too() {
    let say = pattern(20, 4 << 20);
    let null = File::options().write(true).open("/dev/null").unwrap();
    let (server, relay) = with_server(
        Some(written_file(&say).into()),
        Some(null.into()),
        JoinOptions::default(),
    )
    .await;
    let heard = soon(converse(server, pattern(21, 4 << 20))).await;
    assert!(heard == say);
    let totals = soon(relay).await.unwrap().totals;
    for way in [totals.upstream, totals.downstream] {
        assert_eq!((way.bytes, way.path), (4 << 20, Path::Splice));
        assert!(way.spliced > 3 << 20, "{way:?}");
    }
}

#[tokio::test]
async fn pipes_are_spliced_without_another_pipe() {
    let (input, mut feed) = pipe().pipe_ends();
    let (mut drain, output) = pipe().drain_ends();
    let options = JoinOptions::default();
    let pipes = options.pipes.clone();
    let (server, relay) = with_server(Some(input), Some(output), options).await;
    let (say, answer) = (pattern(22, 4 << 20), pattern(23, 4 << 20));
    let said = say.clone();
    let feeding = std::thread::spawn(move || feed.write_all(&said).unwrap());
    let draining = std::thread::spawn(move || {
        let mut heard = Vec::new();
        drain.read_to_end(&mut heard).unwrap();
        heard
    });
    assert!(soon(converse(server, answer.clone())).await == say);
    let totals = soon(relay).await.unwrap().totals;
    feeding.join().unwrap();
    assert!(draining.join().unwrap() == answer);
    for way in [totals.upstream, totals.downstream] {
        assert_eq!((way.bytes, way.path), (4 << 20, Path::SpliceDirect));
        assert!(way.spliced > 2 << 20, "{way:?}");
    }
    assert_eq!(pipes.open(), 0);
}

trait PipeEnds {
    fn pipe_ends(self) -> (OwnedFd, File);
    fn drain_ends(self) -> (File, OwnedFd);
}

impl PipeEnds for (OwnedFd, OwnedFd) {
    fn pipe_ends(self) -> (OwnedFd, File) {
        (self.0, self.1.into())
    }

    fn drain_ends(self) -> (File, OwnedFd) {
        (self.0.into(), self.1)
    }
}

#[tokio::test]
async fn a_reader_of_our_output_that_goes_away_ends_quietly() {
    let (input, feed) = pipe();
    let (drain, output) = pipe();
    let (mut server, relay) = with_server(Some(input), Some(output), JoinOptions::default()).await;
    drop(drain);
    server.write_all(b"unheard").await.unwrap();
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "local-end");
    assert_eq!(totals.downstream.undelivered, 7);
    assert_eq!(soon(server.read(&mut [0; 8])).await.unwrap(), 0);
    drop(feed);
}

#[tokio::test]
async fn without_a_pipe_the_bytes_are_copied() {
    let mut options = JoinOptions::default();
    options.pipes = Pipes::made_by(|| Err(nix::errno::Errno::EMFILE.into()));
    let (client, server, relay) = over_tcp(options).await;
    let (up, down) = (pattern(24, 8 << 20), pattern(25, 8 << 20));
    let server = tokio::spawn(converse(server, down.clone()));
    assert!(soon(converse(client, up.clone())).await == down);
    assert!(soon(server).await.unwrap() == up);
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.upstream.spliced + totals.downstream.spliced, 0);
}

#[tokio::test]
async fn a_file_open_for_appending_gets_everything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, "before ").unwrap();
    let file = File::options().append(true).open(&path).unwrap();
    let (server, relay) = with_server(None, Some(file.into()), JoinOptions::default()).await;
    let say = pattern(26, 2 << 20);
    soon(converse(server, say.clone())).await;
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(
        totals.downstream.path.to_string(),
        "copying: the file is open for appending"
    );
    let content = std::fs::read(&path).unwrap();
    assert!(content.starts_with(b"before ") && content[7..] == say);
}

#[tokio::test]
async fn bytes_in_the_pipe_survive_a_change_to_copying() {
    let file = tempfile::tempfile().unwrap();
    let ours = file.try_clone().unwrap();
    let (mut server, relay) = with_server(None, Some(file.into()), JoinOptions::default()).await;
    let say = pattern(27, 4 << 20);
    let (first, rest) = say.split_at(2 << 20);
    server.write_all(first).await.unwrap();
    soon(async {
        while ours.metadata().unwrap().len() < 2 << 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // From now on splice(2) refuses the file, after the bytes have gone into the pipe.
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_APPEND)).unwrap();
    server.write_all(rest).await.unwrap();
    drop(server);
    let totals = soon(relay).await.unwrap().totals;
    assert!(totals.downstream.spliced > 0);
    assert!(matches!(totals.downstream.path, Path::Copy { .. }));
    assert_eq!(
        (totals.downstream.bytes, totals.downstream.undelivered),
        (4 << 20, 0)
    );
    assert!(content(ours) == say);
}

#[tokio::test]
async fn urgent_data_does_not_stall_a_spliced_way() {
    let (mut client, mut server, relay) = over_tcp(JoinOptions::default()).await;
    let bulk = pattern(28, 4 << 20);
    let mut heard = vec![0; bulk.len()];
    let (wrote, read) = tokio::join!(client.write_all(&bulk), soon(server.read_exact(&mut heard)));
    wrote.unwrap();
    read.unwrap();
    let sent = socket2::SockRef::from(&client)
        .send_out_of_band(b"!")
        .unwrap();
    assert_eq!(sent, 1);
    client.write_all(b"after").await.unwrap();
    let mut heard = [0; 5];
    soon(server.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"after");
    drop((client, server));
    soon(relay).await.unwrap();
}
