//! A conversation that is woken when its server stops, and dropped when the time for its last requests is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A conversation with one client, from its handshakes to its end, of which each part leaves nothing behind but the next.
pub(in crate::web) struct Conversation(Part);

type Part = Pin<Box<dyn Future<Output = Option<Conversation>> + Send>>;

impl Conversation {
    /// One that begins like this, and goes on with what comes of it.
    pub(in crate::web) fn new(part: impl Future<Output = Option<Self>> + Send + 'static) -> Self {
        Self(Box::pin(part))
    }
}

impl Future for Conversation {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(next) = ready!(self.0.as_mut().poll(cx)) {
            *self = next;
        }
        Poll::Ready(())
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
        // For the stop, then for the cut.
        #[pin]
        waiting: WaitForCancellationFutureOwned,
        // Who is told of the stop.
        registered: Option<Waker>,
        // There until the server stops.
        cut: Option<CancellationToken>,
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
            waiting: stop.clone().cancelled_owned(),
            stop,
            registered: None,
            cut: Some(cut),
        }
    }
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.cut.is_some() {
            let is_told = matches!(this.registered, Some(waker) if waker.will_wake(cx.waker()));
            let is_stopped = match is_told {
                true => this.stop.is_cancelled(),
                false => {
                    *this.registered = Some(cx.waker().clone());
                    this.waiting.as_mut().poll(cx).is_ready()
                }
            };
            if is_stopped && let Some(cut) = this.cut.take() {
                this.waiting.set(cut.cancelled_owned());
            }
        }
        if this.cut.is_none() && this.waiting.poll(cx).is_ready() {
            return Poll::Ready(());
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
