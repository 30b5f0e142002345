//! A body on its way over HTTP/2, as fast as the server's windows allow (RFC 9113 section 5.2).

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::SendStream;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::client::http::body::BodyReader;
use crate::error::{Error, Kind, Operation, Result};

/// How much of a body is read at once.
const PIECE: usize = 128 << 10;

/// A body being sent. It fails with [`Kind::Lost`] if the server takes no more of it.
pub(super) type Upload = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Send these bytes.
pub(super) fn bytes(mut stream: SendStream<Bytes>, bytes: Bytes, idle: Duration) -> Upload {
    Box::pin(async move {
        put(&mut stream, bytes, idle, None).await?;
        stream.send_data(Bytes::new(), true).map_err(refused)
    })
}

/// Send this body, which has this length if that is known; `count` follows the bytes that the windows had room for.
pub(super) fn start(
    mut stream: SendStream<Bytes>,
    mut body: BodyReader,
    length: Option<u64>,
    idle: Duration,
    count: Arc<AtomicU64>,
) -> Upload {
    Box::pin(async move {
        let mut piece = BytesMut::new();
        let mut all = 0;
        loop {
            piece.reserve(PIECE);
            let read = body.read_buf(&mut piece).await;
            let read = read.map_err(|error| Error::from_io(Operation::Read, error))?;
            all += read as u64;
            if length.is_some_and(|length| all > length || read == 0 && all < length) {
                stream.send_reset(h2::Reason::CANCEL);
                let why = "the body to send changed: it has not the length that was announced";
                return Err(Error::new(Kind::Io, Operation::Read, why));
            }
            if read == 0 {
                return stream.send_data(Bytes::new(), true).map_err(refused);
            }
            put(&mut stream, piece.split().freeze(), idle, Some(&count)).await?;
        }
    })
}

async fn put(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    idle: Duration,
    count: Option<&AtomicU64>,
) -> Result<()> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let room = match stream.capacity() {
            0 => {
                let more = timeout(idle, poll_fn(|cx| stream.poll_capacity(cx))).await;
                let Ok(more) = more else {
                    let why = format!("the server took nothing for {} s", idle.as_secs());
                    return Err(Error::new(Kind::TimedOut, Operation::Write, why));
                };
                match more {
                    Some(room) => room.map_err(refused)?,
                    None => return Err(gone()),
                }
            }
            room => room,
        };
        let part = bytes.split_to(room.min(bytes.len()));
        let length = part.len() as u64;
        stream.send_data(part, false).map_err(refused)?;
        if let Some(count) = count {
            count.fetch_add(length, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// The answer tells more.
fn refused(_: h2::Error) -> Error {
    gone()
}

fn gone() -> Error {
    Error::new(Kind::Lost, Operation::Write, "the server takes no more")
}
