//! The race for a connection, told attempt by attempt: which address was tried when, and how it ended.
//!
//! It is the race of every connection; only what its events say is gathered here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::context::Net;
use crate::endpoint::{Carrier, Endpoint};
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Event, Fanout, Observer, What};

/// How a race went. Times are counted from its first attempt.
#[derive(Debug)]
#[non_exhaustive]
pub struct Race {
    /// Whom was tried, in the order of the starts.
    pub attempts: Vec<Attempt>,
    /// Addresses whose turn never came.
    pub untried: Vec<SocketAddr>,
    /// How long it took to find the addresses.
    pub resolved_after: Duration,
    /// Why there is no connection; `None` if there was one.
    pub error: Option<Error>,
}

/// One address that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// When it began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It connected first, which ended the race.
    Won,
    /// It was given up, for another address was faster.
    Canceled,
    /// It failed.
    Failed {
        /// What went wrong, for programs: `Refused`, `TimedOut`, `Unreachable`.
        kind: Kind,
        /// Why, in words.
        why: String,
    },
}

impl Race {
    /// The attempt that connected.
    pub fn winner(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .find(|attempt| attempt.ending == Ending::Won)
    }
}

impl Net {
    /// Connect to whichever address of a TCP endpoint answers first, close at once, and tell how the race went.
    ///
    /// Nothing is sent. Layers of the endpoint are left out. [`Net::connect_timeout`] bounds it, and a race that nobody
    /// won is told too.
    ///
    /// # Errors
    ///
    /// Those of finding the addresses; [`Kind::Unsupported`] if the endpoint is not carried by TCP; [`Kind::Usage`] if it
    /// cannot be connected to. Then there was no race.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes everything that was begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::{Net, net::Ending};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> sockeye::Result<()> {
    /// let net = Net::new();
    /// let server = net.listen(&"127.0.0.1:0".parse()?).await?;
    /// let race = net.race(server.local()).await?;
    /// assert_eq!(race.attempts.len(), 1);
    /// assert_eq!(race.attempts[0].ending, Ending::Won);
    /// # Ok(()) }
    /// ```
    pub async fn race(&self, to: &Endpoint) -> Result<Race> {
        let Carrier::Tcp(_) = to.carrier() else {
            let why = "only connections over TCP are raced";
            return Err(Error::new(Kind::Unsupported, Operation::Connect, why).on(to));
        };
        let mut bare = Endpoint::new(to.carrier().clone());
        bare.options_mut().clone_from(to.options());
        let recorder = Arc::new(Recorder::default());
        let mut observers = Fanout::new(self.observer.clone());
        observers.push(recorder.clone());
        let net = self.clone().observer(Arc::new(observers));
        let begin = self.start().elapsed();
        let connected = net.connect(&bare).await;
        let error = connected.err();
        let (race, resolved) = recorder.told(begin, error);
        match race.error {
            // What failed is looking up, or the endpoint makes no sense.
            Some(error) if race.attempts.is_empty() && resolved.is_empty() => Err(error),
            _ => Ok(race),
        }
    }
}

/// An attempt while the race goes on.
#[derive(Debug)]
struct Running {
    address: SocketAddr,
    began: Duration,
    ended: Option<(Duration, Ending)>,
}

#[derive(Debug, Default)]
struct Heard {
    resolved: Vec<SocketAddr>,
    attempts: Vec<Running>,
    connected: Option<Duration>,
}

/// Hears of each attempt.
#[derive(Debug, Default)]
struct Recorder(Mutex<Heard>);

impl Observer for Recorder {
    fn on_event(&self, event: &Event<'_>) {
        // Nothing panics while the lock is held.
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.what {
            What::Resolved { addresses, .. } => heard.resolved = addresses.to_vec(),
            What::Connecting { address } => heard.attempts.push(Running {
                address: *address,
                began: event.at,
                ended: None,
            }),
            What::AttemptFailed { address, error } => {
                let ending = match error.kind() {
                    Kind::Canceled => Ending::Canceled,
                    kind => Ending::Failed {
                        kind,
                        why: error.why().to_owned(),
                    },
                };
                let mut open = heard.attempts.iter_mut();
                let open = open.find(|it| it.address == *address && it.ended.is_none());
                if let Some(attempt) = open {
                    attempt.ended = Some((event.at, ending));
                }
            }
            What::Connected { .. } => heard.connected = Some(event.at),
            _ => {}
        }
    }
}

impl Recorder {
    /// The race as it was heard, and the addresses that were found for a name.
    fn told(&self, begin: Duration, error: Option<Error>) -> (Race, Vec<SocketAddr>) {
        let heard = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let first = heard.attempts.first().map_or(begin, |it| it.began);
        let connected = heard.connected.unwrap_or(first);
        let tried = |address: &SocketAddr| heard.attempts.iter().any(|it| it.address == *address);
        let untried = heard.resolved.iter().copied().filter(|it| !tried(it));
        let untried = untried.collect();
        let attempts = heard.attempts.into_iter().map(|running| {
            // The only attempt of which no end was heard is the one that connected.
            let (ended, ending) = running.ended.unwrap_or((connected, Ending::Won));
            Attempt {
                address: running.address,
                began: running.began.saturating_sub(first),
                ended: ended.saturating_sub(first),
                ending,
            }
        });
        let race = Race {
            attempts: attempts.collect(),
            untried,
            resolved_after: first.saturating_sub(begin),
            error,
        };
        (race, heard.resolved)
    }
}

#[cfg(test)]
mod tests;
