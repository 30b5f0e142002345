//! What took how long.

use std::time::Duration;

use crate::net::Opening;

/// The points in time of one hop, counted from the start of the [`Net`](crate::Net); `None` for what did not happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The hop began.
    pub began: Duration,
    /// How its connection came about: names, each address that was tried, proxies, TLS; `None` if a kept one was used.
    pub opening: Option<Opening>,
    /// A connection was there, new or kept, with all its layers.
    pub connected: Option<Duration>,
    /// The whole request was sent.
    pub sent: Option<Duration>,
    /// The first byte of the answer came.
    pub first_byte: Option<Duration>,
    /// The head of the last answer was complete.
    pub head: Option<Duration>,
    /// The body was complete, or the hop failed; the next hop begins here.
    pub ended: Option<Duration>,
    /// What a connection has to agree on before it can be used.
    pub(super) wants: Wants,
}

/// What a connection has to agree on before it can be used: with proxies first, then with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) proxies: usize,
    pub(super) tls: bool,
}

/// What goes on during a part of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The request is made ready, and waits for a connection if it has to.
    Preparing,
    /// A name is looked up.
    Resolving,
    /// Addresses are tried.
    Connecting,
    /// Proxies on the way are asked.
    Proxying,
    /// TLS agrees with the server.
    Securing,
    /// The request is sent.
    Sending,
    /// The first byte of the answer is awaited.
    Waiting,
    /// Head and body of the answer come.
    Receiving,
}

impl Phase {
    /// A stable word for this phase, as JSON events carry it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Preparing => "prepare",
            Self::Resolving => "name",
            Self::Connecting => "connect",
            Self::Proxying => "proxy",
            Self::Securing => "tls",
            Self::Sending => "send",
            Self::Waiting => "wait",
            Self::Receiving => "receive",
        }
    }
}

/// A part of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interval {
    /// What went on.
    pub phase: Phase,
    /// From when.
    pub began: Duration,
    /// Until when.
    pub ended: Duration,
}

impl Timing {
    /// The parts of the hop in their order: each begins where the one before ends, the first at [`began`](Self::began), and
    /// the last ends with the hop. So they add up to the whole.
    ///
    /// A hop that failed, or goes on, ends with the part in which it was last seen. An answer may come while the request is
    /// still being sent; then it counts as sending.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use sockeye::client::http::{Phase, Timing};
    ///
    /// let mut timing = Timing::default();
    /// timing.connected = Some(Duration::from_millis(2));
    /// timing.sent = Some(Duration::from_millis(3));
    /// timing.ended = Some(Duration::from_millis(9));
    /// let phases: Vec<_> = timing.intervals().iter().map(|it| (it.phase, it.ended.as_millis())).collect();
    /// assert_eq!(phases, [(Phase::Preparing, 2), (Phase::Sending, 3), (Phase::Waiting, 9)]);
    /// ```
    pub fn intervals(&self) -> Vec<Interval> {
        let mut line = Line {
            at: self.began,
            intervals: Vec::new(),
        };
        let going_on = match &self.opening {
            None => Phase::Preparing,
            Some(opening) => line.open(opening, self.wants),
        };
        let stages = [
            (going_on, self.connected),
            (Phase::Sending, self.sent),
            (Phase::Waiting, self.first_byte),
            (Phase::Receiving, self.ended),
        ];
        for (phase, until) in stages {
            match until {
                Some(until) => line.until(phase, until),
                None => {
                    // It came no further.
                    line.until(phase, self.ended.unwrap_or(line.at));
                    break;
                }
            }
        }
        line.intervals
    }

    /// How long the hop took; `None` while it goes on.
    pub fn total(&self) -> Option<Duration> {
        Some(self.ended?.saturating_sub(self.began))
    }

    /// How long this phase took; `None` if it did not happen.
    pub fn of(&self, phase: Phase) -> Option<Duration> {
        let mut found = None;
        for interval in self.intervals() {
            if interval.phase == phase {
                let span = interval.ended.saturating_sub(interval.began);
                found = Some(found.unwrap_or(Duration::ZERO) + span);
            }
        }
        found
    }
}

/// Intervals end to end.
struct Line {
    at: Duration,
    intervals: Vec<Interval>,
}

impl Line {
    /// This phase lasted until then; two of the same are one.
    fn until(&mut self, phase: Phase, until: Duration) {
        let until = until.max(self.at);
        match self.intervals.last_mut() {
            Some(last) if last.phase == phase => last.ended = until,
            _ => self.intervals.push(Interval {
                phase,
                began: self.at,
                ended: until,
            }),
        }
        self.at = until;
    }

    /// How the connection came about, and what went on when it was last seen.
    fn open(&mut self, opening: &Opening, wants: Wants) -> Phase {
        let first_lookup = opening.lookups.first().map(|lookup| lookup.began);
        let first_attempt = opening.attempts.first().map(|attempt| attempt.began);
        let Some(first) = first_lookup.or(first_attempt) else {
            return match opening.carried {
                // A Unix socket, say: nothing was looked up or raced.
                Some(carried) => {
                    self.until(Phase::Connecting, carried);
                    self.layers(opening, wants)
                }
                None => Phase::Preparing,
            };
        };
        self.until(Phase::Preparing, first);
        let Some(first_attempt) = first_attempt else {
            return Phase::Resolving;
        };
        if first_lookup.is_some() {
            self.until(Phase::Resolving, first_attempt);
        }
        let Some(carried) = opening.carried else {
            return Phase::Connecting;
        };
        self.until(Phase::Connecting, carried);
        self.layers(opening, wants)
    }

    fn layers(&mut self, opening: &Opening, wants: Wants) -> Phase {
        let mut going_on = Phase::Connecting;
        let proxies = opening.layers.iter().filter(|layer| layer.layer != "tls");
        let is_proxied = proxies.count() >= wants.proxies;
        // TLS with a proxy comes before that proxy is asked.
        let is_secured = opening.layers.last().is_some_and(|it| it.layer == "tls");
        for layer in &opening.layers {
            going_on = match &*layer.layer {
                "tls" => Phase::Securing,
                _ => Phase::Proxying,
            };
            self.until(going_on, layer.at);
        }
        match (is_proxied, wants.tls && !is_secured) {
            (false, _) => Phase::Proxying,
            (true, true) => Phase::Securing,
            (true, false) => going_on,
        }
    }
}

#[cfg(test)]
mod tests;
