//! The output of a program as the body of an answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::run::Run;
use crate::web::body::{Body, BodyError, Chunks};

/// Bytes that a program whose answer has no body may write before it is ended.
const UNWANTED: u64 = 1 << 20;

/// What a program still has to say.
#[derive(Debug)]
pub(super) struct Output {
    run: Run,
    /// What was read already.
    first: Bytes,
    /// How much of the length that the program announced is to come.
    left: Option<u64>,
}

impl Output {
    /// What was read already, and all that follows; at most `length` bytes, if the program said how many there are.
    pub(super) fn body(run: Run, first: Bytes, length: Option<u64>) -> Body {
        let output = Self {
            run,
            first,
            left: length,
        };
        Body::chunks(output, length)
    }
}

impl Chunks for Output {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let this = &mut *self;
        loop {
            let first = std::mem::take(&mut this.first);
            let polled = match first.is_empty() {
                true => this.run.poll_output(cx),
                false => Poll::Ready(Ok(Some(first))),
            };
            let chunk = match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(chunk)) => chunk,
                // All that it announced is there; how it ends is for the log.
                Poll::Ready(Err(trouble)) if this.left == Some(0) => {
                    this.run.failed(&trouble.why(this.run.setup()));
                    None
                }
                Poll::Ready(Err(trouble)) => {
                    return Poll::Ready(Some(Err(this.run.break_off(&trouble))));
                }
            };
            match (chunk, &mut this.left) {
                (None, None | Some(0)) => return Poll::Ready(None),
                (None, Some(left)) => {
                    let why = format!("its output ends {left} bytes before its Content-Length");
                    this.run.failed(&why);
                    return Poll::Ready(Some(Err(io::Error::other(why).into())));
                }
                (Some(chunk), None) => return Poll::Ready(Some(Ok(chunk))),
                (Some(mut chunk), Some(left)) => {
                    // What is beyond the announced length is read and goes nowhere.
                    let room = usize::try_from(*left).unwrap_or(usize::MAX);
                    chunk.truncate(room);
                    *left -= chunk.len() as u64;
                    if !chunk.is_empty() {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                }
            }
        }
    }
}

/// A body that nobody will see, of a length that nobody knows: for answers to HEAD.
pub(super) fn unseen() -> Body {
    Body::chunks(Unseen, None)
}

struct Unseen;

impl Chunks for Unseen {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(None)
    }
}

/// Let a program whose answer has no body write on to its end, within reason.
pub(super) async fn drain(mut run: Run) {
    let mut read = 0;
    while read < UNWANTED {
        match run.output().await {
            Ok(Some(chunk)) => read += chunk.len() as u64,
            Ok(None) => return,
            Err(trouble) => return run.failed(&trouble.why(run.setup())),
        }
    }
}
