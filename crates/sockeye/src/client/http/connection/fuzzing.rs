//! Entrances for the fuzz targets, and for tests: whatever a server says, it is an answer or an error.

#![allow(
    unreachable_pub,
    reason = "public only with the feature `fuzzing`; unit tests use it without"
)]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sockeye_data::http1::{Framing, Headers, RequestHead};
use sockeye_data::url::Url;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connection, Home, Outgoing, Payload, Pool, Route, h1, h2};
use crate::client::http::hop::ConnectionInfo;
use crate::client::http::settings::{Limits, Settings, Versions};
use crate::error::Result;
use crate::net::Stream;
use crate::wire::ConnectionId;

/// How much of an answer is read at most.
const MOST: usize = 1 << 20;

/// Read these bytes as what a server of HTTP/1 says, in pieces of this size, and check that it means the same in one piece.
///
/// # Panics
///
/// If it does not.
pub fn http1_response(bytes: &[u8], cut: usize, is_lenient: bool) {
    let ask = |cut| {
        let answer = run(bytes, cut, is_lenient, false);
        // The words may quote what had come by then.
        answer.map_err(|error| error.kind())
    };
    assert_eq!(ask(cut.max(1)), ask(usize::MAX));
}

/// Read these bytes as what a server of HTTP/2 says, in pieces of this size.
pub fn http2_response(bytes: &[u8], cut: usize) {
    // What matters is that it comes back.
    drop(run(bytes, cut.max(1), false, true));
}

/// Status and body.
fn run(bytes: &[u8], cut: usize, is_lenient: bool, is_http2: bool) -> Result<(u16, Vec<u8>)> {
    // A runtime with time alone can be made as long as there is memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| crate::Error::from_io(crate::Operation::Run, error))?;
    runtime.block_on(answer(bytes.to_vec(), cut, is_lenient, is_http2))
}

async fn answer(
    bytes: Vec<u8>,
    cut: usize,
    is_lenient: bool,
    is_http2: bool,
) -> Result<(u16, Vec<u8>)> {
    let limits = Limits::default();
    let stream = Stream::from_io(Said { bytes, cut, at: 0 });
    let settings = Settings::default();
    let url = Url::parse("http://a.example/").map_err(|error| {
        crate::Error::new(
            crate::Kind::Usage,
            crate::Operation::Parse,
            error.to_string(),
        )
    })?;
    let route = Route::new(&url, &settings, Versions::Auto)?;
    let info = ConnectionInfo {
        id: ConnectionId(0),
        reused: false,
        endpoint: route.endpoint.clone(),
        local: None,
        peer: None,
        secured: None,
    };
    let connection = match is_http2 {
        true => Connection::H2(Box::new(
            h2::Connection::start(stream, info, &limits).await?,
        )),
        false => Connection::H1(Box::new(h1::Connection::new(stream, info))),
    };
    let head = RequestHead::new("GET", "/", Headers::new());
    let outgoing = Outgoing {
        head: &head,
        scheme: "http",
        authority: "a.example",
        framing: Framing::None,
        body: Payload::None,
        expects: false,
        limits,
        lenient: is_lenient,
    };
    let home = Home {
        pool: Arc::new(Pool::new(limits)),
        route,
        start: std::time::Instant::now(),
    };
    let answer = connection.exchange(outgoing, home).await;
    let mut answer = answer.map_err(|failed| failed.error)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.incoming.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > MOST {
            break;
        }
    }
    Ok((answer.head.status, body))
}

/// A server that says these bytes, then nothing, whatever it is asked.
struct Said {
    bytes: Vec<u8>,
    cut: usize,
    at: usize,
}

impl AsyncRead for Said {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.bytes.len() - self.at;
        let length = left.min(self.cut).min(buf.remaining());
        buf.put_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
