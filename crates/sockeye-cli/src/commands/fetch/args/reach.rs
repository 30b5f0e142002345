//! How servers are reached.

use clap::Args;
use sockeye::Result;
use sockeye::client::http::Builder;
use sockeye::endpoint::Options;

use crate::args::TalkingArgs;

/// How servers are reached.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct ReachArgs {}

impl ReachArgs {
    /// Apply it to the client.
    pub(in crate::commands::fetch) fn apply(
        &self,
        builder: Builder,
        talking: &TalkingArgs,
    ) -> Result<Builder> {
        let mut options = Options::default();
        options.family = talking.family();
        Ok(builder.endpoint_options(options))
    }
}
