//! A conversation that is woken when its server stops, and dropped when the time for its last requests is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::Conversation;

/// A client from its handshakes to its end.
pub(in crate::web) enum Visit {
    /// The handshakes, of which nothing is left when the conversation begins.
    Greeting(Pin<Box<dyn Future<Output = Option<Conversation>> + Send>>),
    Talking(Conversation),
    Over,
}

impl Future for Visit {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            *self = match &mut *self {
                Self::Greeting(greeting) => match ready!(greeting.as_mut().poll(cx)) {
                    Some(conversation) => Self::Talking(conversation),
                    None => Self::Over,
                },
                Self::Talking(conversation) => return conversation.as_mut().poll(cx),
                Self::Over => return Poll::Ready(()),
            };
        }
    }
}

pin_project! {
    /// A conversation and those who end it.
    ///
    /// By hand: what tokio has for this is registered anew at each poll, and has room for the conversation twice.
    pub(in crate::web) struct Watched<F> {
        #[pin]
        conversation: F,
        stop: CancellationToken,
        #[pin]
        stopped: WaitForCancellationFutureOwned,
        // Who is told of the stop.
        registered: Option<Waker>,
        cut: CancellationToken,
        // There once the server stops.
        cutting: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    }
}

impl<F> Watched<F> {
    /// The conversation is woken when `stop` is cancelled, to see for itself, and dropped when `cut` is.
    pub(in crate::web) fn new(
        conversation: F,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        Self {
            conversation,
            stopped: stop.clone().cancelled_owned(),
            stop,
            registered: None,
            cut,
            cutting: None,
        }
    }
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let is_registered = matches!(this.registered, Some(waker) if waker.will_wake(cx.waker()));
        let is_stopped = match is_registered {
            true => this.stop.is_cancelled(),
            false => {
                *this.registered = Some(cx.waker().clone());
                this.stopped.poll(cx).is_ready()
            }
        };
        if is_stopped {
            let cutting = this
                .cutting
                .get_or_insert_with(|| Box::pin(this.cut.clone().cancelled_owned()));
            if cutting.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        this.conversation.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_conversation_is_woken_by_a_stop_and_dropped_by_a_cut() {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let (woken, saw) = tokio::sync::oneshot::channel();
        let mut woken = Some(woken);
        let stopped = stop.clone();
        let watched = Watched::new(
            std::future::poll_fn(move |_| {
                if stopped.is_cancelled()
                    && let Some(woken) = woken.take()
                {
                    woken.send(()).unwrap();
                }
                Poll::Pending
            }),
            stop.clone(),
            cut.clone(),
        );
        let task = tokio::spawn(watched);
        tokio::task::yield_now().await;
        stop.cancel();
        saw.await.unwrap();
        assert!(!task.is_finished());
        cut.cancel();
        task.await.unwrap();
    }
}
