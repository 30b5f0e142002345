//! Messages of Python's `multiprocessing.connection` over any stream: each behind its length, after both sides have shown that they
//! know a key (Lib/multiprocessing/connection.py of CPython).
//!
//! What the messages hold, mostly pickles, is no matter here: bytes go in and out.

mod auth;
mod frames;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Instant;

use tokio::time::timeout_at;

use self::frames::Frames;
use super::super::context::Net;
use super::super::messages::Messages;
use super::super::stream::Stream;
use crate::endpoint::PythonOptions;
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

/// What the tap and the events of this layer are called.
const NAME: &str = "python";

/// The longest file that is read as a key.
const LONGEST_KEY: u64 = 64 * 1024;

/// One side of the layer: the key, read once, and the longest message.
#[derive(Clone)]
pub(crate) struct Side {
    key: Option<Vec<u8>>,
    max_message: u64,
}

impl Side {
    /// Make ready.
    ///
    /// # Errors
    ///
    /// What opening the file with the key yields; [`Kind::Usage`] if the variable that should hold it is not set, or empty.
    pub(crate) fn new(options: &PythonOptions) -> Result<Self> {
        Ok(Self {
            key: key(options)?,
            max_message: options.max_message.unwrap_or(PythonOptions::MAX_MESSAGE),
        })
    }

    /// As a client: answer the peer's challenge, then challenge it.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if one side does not know the key; [`Kind::Protocol`] if the peer says something else;
    /// [`Kind::TimedOut`] at the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn connect(
        &self,
        stream: Stream,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Messages> {
        self.shake(stream, watch, deadline, false).await
    }

    /// As a listener: challenge the peer, then answer its challenge.
    ///
    /// # Errors
    ///
    /// As [`Side::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub(crate) async fn accept(
        &self,
        stream: Stream,
        watch: Option<&Watch>,
        deadline: Instant,
    ) -> Result<Messages> {
        self.shake(stream, watch, deadline, true).await
    }

    async fn shake(
        &self,
        mut stream: Stream,
        watch: Option<&Watch>,
        deadline: Instant,
        listens: bool,
    ) -> Result<Messages> {
        stream.frame();
        let (local, peer) = (stream.local().cloned(), stream.peer().cloned());
        let frames = Frames::new(stream);
        let mut agreed = "no key";
        if let Some(key) = &self.key {
            let both = async {
                if listens {
                    let digest = auth::challenge(&frames, key).await?;
                    auth::answer(&frames, key).await.map(|()| digest)
                } else {
                    auth::answer(&frames, key).await?;
                    auth::challenge(&frames, key).await
                }
            };
            agreed = match timeout_at(deadline.into(), both).await {
                Ok(shaken) => shaken?.agreed(),
                Err(_) => return Err(late(listens)),
            };
        }
        frames.set_limit(self.max_message);
        if let Some(watch) = watch {
            watch.report(NAME, What::Handshake { agreed });
        }
        let tap = Net::tap(watch, NAME, false);
        Ok(Messages::new(Box::new(frames), tap, local, peer))
    }
}

fn late(listens: bool) -> Error {
    let (why, hint) = match listens {
        true => (
            "the client does not answer our challenge",
            "a client that was given no key sends no answer",
        ),
        false => (
            "the peer sends no challenge",
            "a listener that was given no key asks for none: leave authkey out",
        ),
    };
    Error::new(Kind::TimedOut, Operation::Handshake, why).with_hint(hint)
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// The key, from where the options say it is.
fn key(options: &PythonOptions) -> Result<Option<Vec<u8>>> {
    let usage = |why: String| Error::new(Kind::Usage, Operation::Open, why);
    let (key, place) = if let Some(key) = &options.authkey {
        (key.reveal().to_vec(), "authkey".to_owned())
    } else if let Some(path) = &options.authkey_file {
        let place = path.display().to_string();
        let failed = |error| {
            let error = Error::from_io(Operation::Open, error);
            let why = format!("the key in {place}: {}", error.why());
            Error::new(error.kind(), Operation::Open, why)
        };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > LONGEST_KEY {
            return Err(usage(format!(
                "{place} has {size} bytes, too many for a key"
            )));
        }
        let mut key = std::fs::read(path).map_err(failed)?;
        for end in [b'\n', b'\r'] {
            if key.last() == Some(&end) {
                key.pop();
            }
        }
        (key, place)
    } else if let Some(name) = &options.authkey_env {
        let place = format!("the variable {name}");
        let Some(value) = std::env::var_os(name) else {
            return Err(usage(format!(
                "{place}, which should hold the key, is not set"
            )));
        };
        (std::os::unix::ffi::OsStringExt::into_vec(value), place)
    } else {
        return Ok(None);
    };
    match key.is_empty() {
        true => Err(usage(format!("the key in {place} is empty"))),
        false => Ok(Some(key)),
    }
}
