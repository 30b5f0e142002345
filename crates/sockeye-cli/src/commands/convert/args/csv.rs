//! How csv and tsv are read and written.

/// Flags of csv and tsv.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "CSV")]
pub(crate) struct CsvArgs {}
