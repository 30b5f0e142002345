//! From words and flags to jobs: what is asked, of whom.

use sockeye::client::http::Request;
use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};

use super::{Args, Fetch};

/// What is to be done.
pub(super) struct Plan {
    /// One for each URL, in the order they were typed.
    pub(super) jobs: Vec<Job>,
}

/// One URL.
pub(super) struct Job {
    /// The URL.
    pub(super) url: Url,
}

impl Plan {
    /// Read what was typed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what cannot be understood, before anything is opened.
    pub(super) fn new(args: &Args) -> Result<Self> {
        let mut jobs = Vec::new();
        for text in &args.words {
            let url = Url::parse_typed(text).map_err(|error| {
                Error::new(Kind::Usage, Operation::Parse, error.to_string())
                    .with_hint("a URL looks like http://host/path")
            })?;
            jobs.push(Job { url });
        }
        Ok(Self { jobs })
    }
}

impl Fetch {
    /// The request of a job, as often as it is wanted.
    pub(super) fn request(&self, job: &Job) -> Result<Request> {
        let mut request = self.args.request.request(job.url.clone())?;
        if let Some(left) = self.time_left() {
            request.set_timeout(left);
        }
        Ok(request)
    }
}
