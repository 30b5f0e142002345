//! What is told about it.

use std::path::PathBuf;

use clap::Args;

/// What is told about it; `-v` belongs to every command.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct ReportArgs {
    /// Show on standard error what took how long: names, each address, TLS, sending, waiting, receiving
    #[arg(long, help_heading = "Report")]
    pub(in crate::commands::fetch) timing: bool,
    /// Keep what happened in this file, as HAR 1.2; secrets are masked
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(in crate::commands::fetch) har: Option<PathBuf>,
    /// Keep passwords, tokens and cookies in the HAR file, too
    #[arg(long, requires = "har", help_heading = "Report")]
    pub(in crate::commands::fetch) har_secrets: bool,
    /// Write this after each transfer: text with %{http_code}, %{time_total}, %header{NAME} and so on, as in curl
    #[arg(
        short = 'w',
        long,
        value_name = "FORMAT",
        allow_hyphen_values = true,
        help_heading = "Report"
    )]
    pub(in crate::commands::fetch) write_out: Option<String>,
    /// Print the line that makes curl ask the same, and connect to nobody
    #[arg(long, help_heading = "Report")]
    pub(in crate::commands::fetch) curl: bool,
    /// Show passwords, tokens and cookies in what is told
    #[arg(long, help_heading = "Report")]
    pub(in crate::commands::fetch) show_secrets: bool,
}
