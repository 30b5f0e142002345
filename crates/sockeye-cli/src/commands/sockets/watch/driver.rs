//! When to look: at each interval, in a thread of its own; in between the kernel's closings are taken in.

use std::time::Duration;

use sockeye::Result;
use sockeye::host::table::Request;
use sockeye::host::watch::{Limits, Reading, Source};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often closings are taken in. The kernel keeps about a thousand, so it may be 20,000 in a second; waking up for each
/// would cost more than these looks into an empty queue.
const HEAR: Duration = Duration::from_millis(50);

/// Reads the table again and again.
#[derive(Debug)]
pub(super) struct Driver {
    /// Away while it reads.
    source: Option<Source>,
    looks: Interval,
    hears: Interval,
    reading: Option<JoinHandle<(Source, Result<Reading>)>>,
}

impl Driver {
    /// Look at once, and then at each interval.
    pub(super) fn start(request: Request, limits: Limits, every: Duration) -> Self {
        let ticks = |every| {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            ticks
        };
        Self {
            source: Some(Source::new(request, limits)),
            looks: ticks(every),
            hears: ticks(HEAR),
            reading: None,
        }
    }

    /// The next reading. Cancel safe: what has begun goes on.
    pub(super) async fn next(&mut self) -> Result<Reading> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = reading.await;
                self.reading = None;
                let (source, read) = match read {
                    Ok(read) => read,
                    Err(failed) => match failed.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        // Only the end of the runtime cancels it.
                        Err(_) => std::future::pending().await,
                    },
                };
                self.source = Some(source);
                return read;
            }
            tokio::select! {
                biased;
                _ = self.looks.tick() => self.look(),
                _ = self.hears.tick() => {
                    if let Some(source) = &mut self.source {
                        source.hear()?;
                    }
                }
            }
        }
    }

    fn look(&mut self) {
        if let Some(mut source) = self.source.take() {
            self.reading = Some(spawn_blocking(move || {
                let read = source.read();
                (source, read)
            }));
        }
    }
}
