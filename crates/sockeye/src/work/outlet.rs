//! The thread that hands results to the sink, in the order that is wanted.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::job::Sink;
use super::order::Order;
use super::outbox::{Done, Outbox};
use crate::error::Result;

/// See the module.
pub(super) struct Outlet {
    outbox: Arc<Outbox>,
    feed: Arc<Feed>,
    stop: CancellationToken,
}

impl Outlet {
    pub(super) fn new(outbox: Arc<Outbox>, feed: Arc<Feed>, stop: CancellationToken) -> Self {
        Self { outbox, feed, stop }
    }

    /// Hand over results, in order if there is one, until there are no more. What fails ends the run: the rest is thrown away.
    pub(super) fn run(self, mut sink: impl Sink, order: Option<Order>) -> Result<()> {
        self.hand_over(&mut sink, order)
    }

    fn hand_over(&self, sink: &mut impl Sink, mut order: Option<Order>) -> Result<()> {
        let mut batch = Vec::new();
        loop {
            let mut flushed = Ok(());
            if !self.outbox.take(&mut batch, || flushed = sink.flush()) {
                flushed?;
                break;
            }
            flushed?;
            for done in batch.drain(..) {
                let Some(order) = &mut order else {
                    put(sink, done)?;
                    continue;
                };
                let Some(done) = order.push(done)? else {
                    continue;
                };
                put(sink, done)?;
                while let Some(done) = order.pop()? {
                    put(sink, done)?;
                }
            }
        }
        if let Some(mut order) = order {
            while let Some(done) = order.pop_last()? {
                put(sink, done)?;
            }
        }
        sink.flush()
    }
}

/// Also if the sink panics, nobody waits for it for ever.
impl Drop for Outlet {
    fn drop(&mut self) {
        self.outbox.abandon();
        self.feed.give_up();
        self.stop.cancel();
    }
}

fn put(sink: &mut impl Sink, done: Done) -> Result<()> {
    sink.put(done.input, done.outcome)
}
