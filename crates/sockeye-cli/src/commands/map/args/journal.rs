//! What is kept of a run, so that it can go on where it was.

use std::path::PathBuf;

/// What is kept of a run.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Resuming")]
pub(crate) struct JournalArgs {
    /// Keep results in this file, and take from it what was done before: whoever is killed goes on where it was
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Take results of the journal though the command is another now
    #[arg(long, requires = "journal")]
    pub(crate) assume_same: bool,
    /// Run again what failed for good before; without it, its result is taken from the journal
    #[arg(long, requires = "journal")]
    pub(crate) retry_failed: bool,
}
