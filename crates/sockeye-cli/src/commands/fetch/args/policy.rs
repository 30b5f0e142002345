//! What may be asked, and how often.

use clap::Args;
use sockeye::Result;
use sockeye::client::http::Builder;

/// What may be asked, and how often.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct PolicyArgs {}

impl PolicyArgs {
    /// Apply it to the client.
    pub(in crate::commands::fetch) fn apply(&self, builder: Builder) -> Result<Builder> {
        Ok(builder)
    }
}
