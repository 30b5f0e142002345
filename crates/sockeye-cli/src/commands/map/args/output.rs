//! What is shown of the jobs.

use crate::args::size;

/// What is shown of the jobs.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Show results as they come, not in the order of the inputs
    #[arg(short, long)]
    pub(crate) unordered: bool,
    /// Begin each line of output with the input and a tab
    #[arg(long)]
    pub(crate) tag: bool,
    /// Show what would be run, quoted for a shell, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show no bar of progress on a terminal
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// How many bytes a job may print, standard output and error apart; what is beyond is cut off, and the job fails [default: no bound]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_output: Option<u64>,
    /// How many bytes of results wait in memory; further ones wait in a file without a name [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
}
