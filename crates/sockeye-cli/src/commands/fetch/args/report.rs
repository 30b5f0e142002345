//! What is told about it.

use clap::Args;

/// What is told about it.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct ReportArgs {}
