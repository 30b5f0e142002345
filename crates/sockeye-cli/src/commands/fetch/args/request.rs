//! What is asked.

use clap::Args;
use sockeye::Result;
use sockeye::client::http::{Builder, Request};
use sockeye::data::url::Url;

/// What is asked.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct RequestArgs {
    /// The method [default: GET]
    #[arg(
        short = 'X',
        long = "request",
        value_name = "METHOD",
        help_heading = "Request"
    )]
    method: Option<String>,
}

impl RequestArgs {
    /// Apply what holds for every request.
    pub(in crate::commands::fetch) fn apply(&self, builder: Builder) -> Result<Builder> {
        Ok(builder)
    }

    /// The request for this URL.
    pub(in crate::commands::fetch) fn request(&self, url: Url) -> Result<Request> {
        Request::new(self.method.as_deref().unwrap_or("GET"), url)
    }
}
