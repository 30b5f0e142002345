//! A body on its way to the server, while the answer may already be coming.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sockeye_data::http1::{BodyEncoder, Framing, Headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf};
use tokio::time::Instant;

use crate::client::http::body::BodyReader;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Stream;

/// How much of a body is read at once.
const PIECE: usize = 128 << 10;

/// A body being sent. When it is done, the half it was written to comes back.
pub(super) type Upload = Pin<Box<dyn Future<Output = Uploaded> + Send>>;

/// How an upload ended.
pub(super) struct Uploaded {
    pub(super) write: WriteHalf<Stream>,
    pub(super) result: Result<()>,
    pub(super) at: Instant,
}

/// Send the body with this framing; `count` follows the bytes that were handed to the system.
pub(super) fn start(
    mut write: WriteHalf<Stream>,
    body: BodyReader,
    framing: Framing,
    idle: Duration,
    count: Arc<AtomicU64>,
) -> Upload {
    Box::pin(async move {
        let result = send(&mut write, body, framing, idle, &count).await;
        Uploaded {
            write,
            result,
            at: Instant::now(),
        }
    })
}

async fn send(
    write: &mut WriteHalf<Stream>,
    mut body: BodyReader,
    framing: Framing,
    idle: Duration,
    count: &AtomicU64,
) -> Result<()> {
    let mut encoder = BodyEncoder::new(framing);
    let mut piece = vec![0; PIECE];
    let mut out = Vec::new();
    loop {
        let read = body.read(&mut piece).await;
        let read = read.map_err(|error| Error::from_io(Operation::Read, error))?;
        if read == 0 {
            break;
        }
        out.clear();
        encoder.write(&piece[..read], &mut out).map_err(refused)?;
        put(write, &out, idle).await?;
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
    out.clear();
    encoder.finish(&Headers::new(), &mut out).map_err(refused)?;
    put(write, &out, idle).await
}

/// Write all of it, as long as the server takes something now and then.
pub(super) async fn put(
    write: &mut (impl tokio::io::AsyncWrite + Unpin),
    mut bytes: &[u8],
    idle: Duration,
) -> Result<()> {
    let failed = |error| Error::from_io(Operation::Write, error);
    while !bytes.is_empty() {
        let Ok(written) = tokio::time::timeout(idle, write.write(bytes)).await else {
            let why = format!("the server took nothing for {idle:?}");
            return Err(Error::new(Kind::TimedOut, Operation::Write, why));
        };
        match written.map_err(failed)? {
            0 => {
                return Err(Error::new(
                    Kind::Lost,
                    Operation::Write,
                    "the server takes no more",
                ));
            }
            written => bytes = &bytes[written..],
        }
    }
    match tokio::time::timeout(idle, write.flush()).await {
        Ok(flushed) => flushed.map_err(failed),
        Err(_) => Err(Error::new(
            Kind::TimedOut,
            Operation::Write,
            "the server takes no more",
        )),
    }
}

/// The body is not what was announced.
fn refused(error: sockeye_data::http1::Error) -> Error {
    Error::new(
        Kind::Io,
        Operation::Read,
        format!("the body to send changed: {error}"),
    )
}
