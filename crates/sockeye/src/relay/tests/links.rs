//! Messages, and bytes that become messages.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::net::{Duplex, MAX_DATAGRAM, MessageIo, Messages};

/// The far end of a message link, scripted by the test.
#[derive(Clone, Default)]
struct Far(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    said: VecDeque<io::Result<Vec<u8>>>,
    heard: Vec<Vec<u8>>,
    send_errors: VecDeque<io::Error>,
    reader: Option<Waker>,
}

impl Far {
    fn link(&self) -> Link {
        Link::Messages(Messages::new(Box::new(self.clone()), None, None, None))
    }

    fn says(&self, said: io::Result<Vec<u8>>) {
        let mut inner = self.0.lock().unwrap();
        inner.said.push_back(said);
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
    }

    fn heard(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().heard.clone()
    }
}

impl MessageIo for Far {
    fn poll_send(&self, _: &mut Context<'_>, message: &[u8]) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock().unwrap();
        if let Some(error) = inner.send_errors.pop_front() {
            return Poll::Ready(Err(error));
        }
        if message.len() > MAX_DATAGRAM {
            return Poll::Ready(Err(nix::errno::Errno::EMSGSIZE.into()));
        }
        inner.heard.push(message.to_vec());
        Poll::Ready(Ok(()))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let mut inner = self.0.lock().unwrap();
        let Some(said) = inner.said.pop_front() else {
            inner.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(said.map(|message| {
            buf.put_slice(&message);
            true
        }))
    }

    fn shutdown(&self) -> io::Result<()> {
        Ok(())
    }
}

fn start_links(local: Link, remote: Link, options: JoinOptions) -> JoinHandle<Joined> {
    tokio::spawn(async move { join(local, remote, &options).await })
}

#[tokio::test(start_paused = true)]
async fn messages_keep_their_boundaries_and_survive_errors() {
    let (near, far) = (Far::default(), Far::default());
    let mut options = JoinOptions::default();
    options.idle_timeout = Some(Duration::from_secs(5));
    let notices = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&notices);
    options.notify = Some(Arc::new(move |notice| {
        if notice == Notice::Refused {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let refused = || io::Error::from(nix::errno::Errno::ECONNREFUSED);
    far.0.lock().unwrap().send_errors.push_back(refused());
    for message in [
        vec![],
        vec![1; MAX_DATAGRAM],
        vec![2; MAX_DATAGRAM + 1],
        vec![3],
    ] {
        near.says(Ok(message));
    }
    far.says(Err(refused()));
    far.says(Ok(b"back".to_vec()));
    let relay = start_links(near.link(), far.link(), options);
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "idle");
    assert_eq!(far.heard(), [vec![], vec![1; MAX_DATAGRAM], vec![3]]);
    assert_eq!(near.heard(), [b"back".to_vec()]);
    let up = totals.upstream;
    assert_eq!((up.messages, up.dropped, up.errors), (3, 1, 1));
    assert_eq!(up.undelivered, MAX_DATAGRAM as u64 + 1);
    assert_eq!(
        (totals.downstream.messages, totals.downstream.errors),
        (1, 1)
    );
    // Told of both, the one that a send met and the one that a receive met.
    assert_eq!(notices.load(Ordering::Relaxed), 2);
    assert_eq!(up.path, Path::Messages);
}

#[tokio::test(start_paused = true)]
async fn a_stream_beside_datagrams_ends_after_some_silence() {
    let far = Far::default();
    let (mut client, inbound) = tokio::io::duplex(1 << 20);
    let local = Link::Stream(Stream::from_io(inbound));
    let relay = start_links(local, far.link(), JoinOptions::default());
    let say = pattern(30, 200_000);
    client.write_all(&say).await.unwrap();
    client.shutdown().await.unwrap();
    let began = tokio::time::Instant::now();
    tokio::time::advance(Duration::from_millis(1500)).await;
    far.says(Ok(b"late ".to_vec()));
    far.says(Ok(vec![]));
    far.says(Ok(b"answer".to_vec()));
    let mut heard = String::new();
    soon(client.read_to_string(&mut heard)).await.unwrap();
    assert_eq!(heard, "late answer");
    let waited = began.elapsed().as_millis();
    assert!((3400..3700).contains(&waited), "{waited} ms");
    let totals = soon(relay).await.unwrap().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    assert!(far.heard().iter().all(|m| m.len() <= MAX_DATAGRAM));
    assert!(far.heard().concat() == say);
}

/// A layer that keeps what is written until it is flushed, as TLS may.
struct Lazy {
    below: DuplexStream,
    kept: Vec<u8>,
}

impl Duplex for Lazy {}

impl AsyncRead for Lazy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lazy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.kept.is_empty() {
            let n = std::task::ready!(Pin::new(&mut this.below).poll_write(cx, &this.kept))?;
            this.kept.drain(..n);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.below).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_layer_is_flushed_when_nothing_follows() {
    let (mut client, inbound) = tokio::io::duplex(64);
    let (below, mut server) = tokio::io::duplex(64);
    let kept = Vec::new();
    let remote = Stream::from_boxed(Box::new(Lazy { below, kept }));
    let relay = start(Stream::from_io(inbound), remote, JoinOptions::default());
    for byte in 0..10 {
        client.write_u8(byte).await.unwrap();
        assert_eq!(soon(server.read_u8()).await.unwrap(), byte);
    }
    client.write_all(&[1; 1000]).await.unwrap();
    drop(client);
    let mut heard = Vec::new();
    soon(server.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard.len(), 1000);
    drop(server);
    soon(relay).await.unwrap();
}
