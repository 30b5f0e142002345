//! Where bodies go.

use clap::Args;

/// Where bodies go.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct SaveArgs {}
