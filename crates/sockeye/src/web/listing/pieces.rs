//! Bodies that are written as they are read: small pieces, gathered into chunks.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::web::body::{Body, BodyError, Chunks};

/// How much is gathered.
const CHUNK: usize = 32 << 10;

/// What comes out piece by piece. Making a piece takes little time: it is done on the task of the connection.
pub(super) type Pieces = Box<dyn Iterator<Item = io::Result<Vec<u8>>> + Send>;

struct Gather(Pieces);

/// A body of these pieces.
pub(super) fn body(pieces: Pieces) -> Body {
    Body::chunks(Gather(pieces), None)
}

impl Chunks for Gather {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            match self.0.next() {
                Some(Ok(piece)) => chunk.extend_from_slice(&piece),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => break,
            }
        }
        Poll::Ready((!chunk.is_empty()).then(|| Ok(chunk.into())))
    }
}
