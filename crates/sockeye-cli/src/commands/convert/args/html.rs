//! How html is read and written.

/// Flags of html.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "HTML")]
pub(crate) struct HtmlArgs {
    /// Read this table of the document, counted from 1, as records
    #[arg(long, value_name = "N")]
    pub(crate) html_table: Option<usize>,
}
