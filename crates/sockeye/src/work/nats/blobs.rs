//! What is too large for a message: into the object store, out of it, and away.

use std::collections::HashSet;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::sync::mpsc;

use super::connect::Broker;
use super::wire::Body;
use crate::error::{Error, Kind, Operation, Result};
use crate::work::{Blob, Spill};

/// How much is read at once.
const PIECE_BYTES: usize = 128 * 1024;

/// Bytes for a message: in it as long as there is room, else stored under this name.
pub(super) async fn pack(
    broker: &Broker,
    blob: &Blob,
    name: impl FnOnce() -> String,
    room: &mut usize,
) -> Result<Body> {
    if blob.len() <= *room as u64
        && let Some(bytes) = blob.as_bytes()
    {
        *room -= bytes.len();
        return Ok(Body::here(bytes));
    }
    let name = name();
    let store = broker.blobs().await?;
    let failed = |error: String| broker.lost(format!("object store: {error}"));
    match blob.as_bytes() {
        Some(bytes) => {
            store
                .put(name.as_str(), &mut &bytes[..])
                .await
                .map_err(|e| failed(e.to_string()))?;
        }
        None => {
            let (sender, receiver) = mpsc::channel(4);
            let blob = blob.clone();
            let written = tokio::task::spawn_blocking(move || blob.write_to(&mut Pieces(sender)));
            let mut reader = Reader {
                pieces: receiver,
                now: Bytes::new(),
            };
            store
                .put(name.as_str(), &mut reader)
                .await
                .map_err(|e| failed(e.to_string()))?;
            drop(reader);
            if !matches!(written.await, Ok(Ok(()))) {
                return Err(Error::new(
                    Kind::Io,
                    Operation::Read,
                    "what a job said cannot be read back",
                ));
            }
        }
    }
    Ok(Body::Stored {
        name,
        bytes: blob.len(),
    })
}

/// The bytes of a message, wherever they are.
pub(super) async fn unpack(broker: &Broker, body: Body, spill: &Spill) -> Result<Blob> {
    let name = match body {
        Body::Here(bytes) => return Ok(Blob::from(Bytes::from(bytes.into_vec()))),
        Body::Stored { name, .. } => name,
    };
    let failed = |error: String| broker.lost(format!("object {name}: {error}"));
    let store = broker.blobs().await?;
    let mut object = store.get(&name).await.map_err(|e| failed(e.to_string()))?;
    let mut gather = spill.gather();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = object
            .read(&mut piece)
            .await
            .map_err(|e| failed(e.to_string()))?;
        if read == 0 {
            return Ok(gather.finish());
        }
        gather
            .write_all(&piece[..read])
            .map_err(|e| Error::from_io(Operation::Write, e))?;
    }
}

/// Remove objects; whoever is not there need not be removed.
pub(super) async fn forget(broker: &Broker, names: &[String]) {
    if names.is_empty() {
        return;
    }
    if let Ok(store) = broker.blobs().await {
        for name in names {
            drop(store.delete(name).await);
        }
    }
}

/// Remove all that a run has left, but these.
pub(super) async fn forget_run(broker: &Broker, run: &str, kept: &HashSet<String>) {
    let Ok(store) = broker.js.get_object_store(super::streams::BLOBS).await else {
        return;
    };
    let Ok(mut objects) = store.list().await else {
        return;
    };
    let mut names = Vec::new();
    while let Some(Ok(object)) = objects.next().await {
        if object
            .name
            .strip_prefix(run)
            .is_some_and(|rest| rest.starts_with('.'))
            && !kept.contains(&object.name)
        {
            names.push(object.name);
        }
    }
    for name in names {
        drop(store.delete(&name).await);
    }
}

/// A [`Write`] whose bytes go to another task.
struct Pieces(mpsc::Sender<Bytes>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(&bytes[..bytes.len().min(PIECE_BYTES)]);
        let length = piece.len();
        self.0
            .blocking_send(piece)
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Reader {
    pieces: mpsc::Receiver<Bytes>,
    now: Bytes,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.now.is_empty() {
            match ready!(self.pieces.poll_recv(cx)) {
                Some(piece) => self.now = piece,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.now.len().min(into.remaining());
        into.put_slice(&self.now[..length]);
        self.now.advance(length);
        Poll::Ready(Ok(()))
    }
}
