//! One download: what can be chosen, and what comes of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sockeye_data::url::Url;

use super::checksum::{Algorithm, Checksum};
use super::event::{Event, Listener};
use super::job::Job;
use super::part::Existing;
use super::plan::{Bounds, Segments};
use super::retries::Retries;
use super::traffic::Traffic;
use crate::client::http::{Client, Request};
use crate::error::{Error, Kind, Operation, Result};

/// From this length on a file is fetched in segments by itself, in bytes.
const SEGMENTS_FROM: u64 = 64 << 20;
/// The least that a segment has after it was split, in bytes.
const LEAST: u64 = 1 << 20;
/// The most connections for one file.
const MOST: u32 = 4;

/// A file to be fetched to the disk.
///
/// Nothing happens until [`run`](Self::run). By default the file gets the name that the server gives it and is put into the working
/// directory; a file that is there is left alone, and the new one gets a number.
#[derive(Clone)]
#[must_use = "a download does nothing until it is run"]
pub struct Download {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) mirrors: Vec<Url>,
    pub(super) to: To,
    pub(super) create: bool,
    pub(super) existing: Existing,
    pub(super) bounds: Bounds,
    pub(super) checks: Vec<Check>,
    pub(super) retries: Retries,
    pub(super) keep_time: bool,
    pub(super) traffic: Traffic,
    pub(super) listener: Listener,
    pub(super) ask: Ask,
}

/// Makes the request for a URL.
type Ask = Arc<dyn Fn(&Url) -> Result<Request> + Send + Sync>;

/// Where it goes.
#[derive(Clone, Debug)]
pub(super) enum To {
    File(PathBuf),
    Folder(PathBuf),
}

/// What is checked when a file is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// It must have this checksum.
    Is(Checksum),
    /// Its checksum is wanted, to be shown.
    Of(Algorithm),
    /// It must have the checksum that this list gives to its name; see [`find_checksum`](super::find_checksum).
    Listed(String),
}

/// A file that is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Saved {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is, in bytes.
    pub length: u64,
    /// How many bytes of it came now; the others were there.
    pub received: u64,
    /// How many connections fetched it at once, at most.
    pub segments: u32,
    /// The checksums that were computed, those that were given and those that were wanted.
    pub checksums: Vec<Checksum>,
    /// Whether nothing was fetched because a file of that name is there.
    pub skipped: bool,
}

/// A download that came to nothing, and what is left of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// The status, if the server refused.
    pub status: Option<u16>,
    /// The partial file, if there is one; the same download goes on with it.
    pub kept: Option<PathBuf>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            status: None,
            kept: None,
        }
    }
}

impl Download {
    /// A download of this URL, read as people type it.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is no URL.
    pub fn new(client: &Client, url: &str) -> Result<Self> {
        let url = Url::parse_typed(url).map_err(|error| {
            Error::new(Kind::Usage, Operation::Parse, error.to_string())
                .with_hint("a URL looks like http://host/path")
        })?;
        Ok(Self::of(client, url))
    }

    /// A download of this URL.
    pub fn of(client: &Client, url: Url) -> Self {
        Self {
            client: client.clone(),
            url,
            mirrors: Vec::new(),
            to: To::Folder(PathBuf::new()),
            create: false,
            existing: Existing::default(),
            bounds: Bounds {
                segments: Segments::Auto,
                from: SEGMENTS_FROM,
                least: LEAST,
                most: MOST,
            },
            checks: Vec::new(),
            retries: Retries::default(),
            keep_time: true,
            traffic: Traffic::default(),
            listener: Listener::nobody(),
            ask: Arc::new(|url| Request::new("GET", url.clone())),
        }
    }

    /// Put it here, under exactly this name. What is no file (a device, a named pipe) is written straight through.
    pub fn to(mut self, file: impl AsRef<Path>) -> Self {
        self.to = To::File(file.as_ref().to_owned());
        self
    }

    /// Put it into this folder, under the name that the server gives it, made safe.
    pub fn into_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.to = To::Folder(folder.as_ref().to_owned());
        self
    }

    /// Make the folder, and those above it, if it is not there; by default that is an error.
    pub fn create_folders(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// What happens if there is a file of that name; the new one gets a number by default.
    pub fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// How many connections fetch it; [`Segments::Auto`] by default.
    pub fn segments(mut self, segments: Segments) -> Self {
        self.bounds.segments = segments;
        if let Segments::Exactly(number) = segments {
            self.bounds.most = self.bounds.most.max(number);
        }
        self
    }

    /// From which length on it is fetched in segments by itself; 64 MiB by default.
    pub fn segments_from(mut self, length: u64) -> Self {
        self.bounds.from = length;
        self
    }

    /// No part is split into smaller ones than this; 1 MiB by default.
    pub fn least_segment(mut self, length: u64) -> Self {
        self.bounds.least = length.max(1);
        self
    }

    /// The most connections for this file; 4 by default, and 64 at most. Those for its host ([`Traffic`]) bound it too.
    pub fn most_segments(mut self, most: u32) -> Self {
        self.bounds.most = most.clamp(1, 64);
        self
    }

    /// The same file is here too. A part of it comes from there only if its length is the same and either its entity tag is, or a checksum
    /// was given; and all of it if the first server fails.
    pub fn mirror(mut self, url: Url) -> Self {
        self.mirrors.push(url);
        self
    }

    /// Check this when it is complete. A file that is wrong never gets its name: it stays as `NAME.part`.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Go on like this after a failure.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// Whether the file gets the time that `Last-Modified` says; it does by default.
    pub fn keep_time(mut self, keep: bool) -> Self {
        self.keep_time = keep;
        self
    }

    /// What it shares with others.
    pub fn traffic(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// Tell this what happens. It is called from the task that fetches, and should not take long.
    pub fn watch(mut self, listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.listener = Listener(Arc::new(listener));
        self
    }

    /// How the request for a URL is made; a plain `GET` by default. It is asked for again whenever another request has to be sent. What is no
    /// `GET` is neither resumed nor split.
    pub fn ask(mut self, ask: impl Fn(&Url) -> Result<Request> + Send + Sync + 'static) -> Self {
        self.ask = Arc::new(ask);
        self
    }

    /// Fetch it.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`]; [`Kind::Rejected`] with [`Failed::status`] if the server refuses; [`Kind::Protocol`] if a checksum is
    /// wrong; those of the system, with the path of the file.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it; what came so far is kept, and the same download goes on with it.
    pub async fn run(self) -> Result<Saved, Failed> {
        Job::new(self).run().await
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("url", &self.url)
            .field("to", &self.to)
            .field("existing", &self.existing)
            .finish_non_exhaustive()
    }
}
