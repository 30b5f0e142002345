//! The last samples of one connection, for small plots: a ring of fixed length, 12 bytes for each sample.

use std::collections::VecDeque;
use std::time::Duration;

/// One sample: what happened between two ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Bytes per second sent.
    pub sent: f32,
    /// Bytes per second received.
    pub received: f32,
    /// The round trip in microseconds; 0 if none is known.
    rtt: u32,
}

impl Sample {
    /// A sample of these rates, in bytes per second, and this round trip.
    pub fn new(sent: f64, received: f64, rtt: Option<Duration>) -> Self {
        let micros = rtt.map_or(0, |rtt| rtt.as_micros());
        Self {
            // Six digits are plenty for a plot.
            sent: sent as f32,
            received: received as f32,
            rtt: u32::try_from(micros).unwrap_or(u32::MAX),
        }
    }

    /// The round trip, if one was known.
    pub fn rtt(&self) -> Option<Duration> {
        (self.rtt > 0).then(|| Duration::from_micros(u64::from(self.rtt)))
    }
}

/// The last samples of a connection, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
}

impl History {
    /// Add a sample and let go of the oldest if there are more than `limit`.
    pub(super) fn push(&mut self, sample: Sample, limit: usize) {
        while self.samples.len() >= limit.max(1) {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }
}
