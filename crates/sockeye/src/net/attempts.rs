//! The race for a connection, told attempt by attempt: which address was tried when, and how it ended.
//!
//! It is the race of every connection; only what its events say is gathered here.

use std::net::SocketAddr;
use std::time::Duration;

use super::context::Net;
use super::opening::Opening;
use crate::endpoint::{Carrier, Endpoint};
use crate::error::{Error, Kind, Operation, Result};

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

/// One address that was tried. In a [`Race`] times are counted from its first attempt, in an [`Opening`] from the start of
/// the [`Net`].
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
        let (net, recorder) = self.recorded();
        let began = self.start().elapsed();
        let error = net.connect(&bare).await.err();
        let (race, was_one) = told(recorder.opening(), began, error);
        match race.error {
            // What failed is looking up, or the endpoint makes no sense.
            Some(error) if !was_one => Err(error),
            _ => Ok(race),
        }
    }
}

/// The race of an opening that began then, and whether there was one: addresses, at least.
fn told(opening: Opening, began: Duration, error: Option<Error>) -> (Race, bool) {
    let first = opening.attempts.first().map_or(began, |it| it.began);
    let resolved = opening.lookups.into_iter().flat_map(|it| it.addresses);
    let resolved: Vec<SocketAddr> = resolved.collect();
    let tried = |address: &SocketAddr| opening.attempts.iter().any(|it| it.address == *address);
    let untried = resolved.iter().copied().filter(|it| !tried(it)).collect();
    let was_one = !opening.attempts.is_empty() || !resolved.is_empty();
    let attempts = opening.attempts.into_iter().map(|attempt| Attempt {
        began: attempt.began.saturating_sub(first),
        ended: attempt.ended.saturating_sub(first),
        ..attempt
    });
    let race = Race {
        attempts: attempts.collect(),
        untried,
        resolved_after: first.saturating_sub(began),
        error,
    };
    (race, was_one)
}

#[cfg(test)]
mod tests;
