//! Who we are: users, tokens, cookies, sessions.

use clap::Args;
use sockeye::Result;
use sockeye::client::http::Builder;

/// Who we are: users, tokens, cookies, sessions.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct IdentityArgs {}

impl IdentityArgs {
    /// Apply it to the client.
    pub(in crate::commands::fetch) fn apply(&self, builder: Builder) -> Result<Builder> {
        Ok(builder)
    }
}
