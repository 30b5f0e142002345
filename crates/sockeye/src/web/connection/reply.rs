//! Handlers asked and awaited: whatever one does, the connection lives on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use crate::web::handler::Reply;
use crate::web::response::Response;

/// Ask a handler. One that panics is answered for.
pub(super) fn guarded(handle: impl FnOnce() -> Reply) -> Reply {
    // What the handler leaves behind is its own: nothing of ours is in it.
    catch_unwind(AssertUnwindSafe(handle)).unwrap_or_else(|_| Reply::Now(panicked()))
}

/// The handler's answer, if it is there by now.
pub(super) fn poll_reply(reply: &mut Option<Reply>, cx: &mut Context<'_>) -> Poll<Response> {
    match reply.take() {
        Some(Reply::Now(response)) => Poll::Ready(response),
        Some(Reply::Later(mut future)) => {
            // As above.
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(Poll::Ready(response)) => Poll::Ready(response),
                Ok(Poll::Pending) => {
                    *reply = Some(Reply::Later(future));
                    Poll::Pending
                }
                Err(_) => Poll::Ready(panicked()),
            }
        }
        None => Poll::Pending,
    }
}

/// The answer for a handler that panicked.
fn panicked() -> Response {
    Response::error(500, "the handler of this request failed")
}
