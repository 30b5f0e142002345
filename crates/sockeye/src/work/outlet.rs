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

    /// Hand over results until there are no more. What fails ends the run: the rest is thrown away.
    pub(super) fn run(self, mut sink: impl Sink, ordered: bool) -> Result<()> {
        let handed = self.hand_over(&mut sink, ordered);
        if handed.is_err() {
            self.feed.give_up();
            self.stop.cancel();
            let mut rest = Vec::new();
            while self.outbox.take(&mut rest, || {}) {
                rest.clear();
            }
        }
        handed
    }

    fn hand_over(&self, sink: &mut impl Sink, ordered: bool) -> Result<()> {
        let mut order = Order::default();
        let mut batch = Vec::new();
        loop {
            let mut flushed = Ok(());
            if !self.outbox.take(&mut batch, || flushed = sink.flush()) {
                return flushed;
            }
            flushed?;
            for done in batch.drain(..) {
                if !ordered {
                    put(sink, done)?;
                    continue;
                }
                order.push(done)?;
                while let Some(done) = order.pop()? {
                    put(sink, done)?;
                }
            }
        }
    }
}

fn put(sink: &mut impl Sink, done: Done) -> Result<()> {
    sink.put(done.input, done.outcome)
}
