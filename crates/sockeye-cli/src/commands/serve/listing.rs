//! How folders are shown and packed.

use clap::Args as ClapArgs;

/// How folders are shown and packed.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Folders")]
pub(super) struct ListingArgs {}
