//! How csv and tsv are read and written.

use sockeye::data::csv;
use sockeye::data::format::Format;
use sockeye::data::record::Limits;

/// Flags of csv and tsv.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "CSV")]
pub(crate) struct CsvArgs {}

impl CsvArgs {
    /// How rows are read.
    pub(crate) fn read_options(&self, format: Format, limits: Limits) -> csv::ReadOptions {
        let dialect = (format == Format::Tsv).then_some(csv::Dialect::TSV);
        csv::ReadOptions {
            dialect,
            limits,
            ..csv::ReadOptions::default()
        }
    }

    /// How rows are written.
    pub(crate) fn write_options(&self, format: Format) -> csv::WriteOptions {
        let dialect = match format {
            Format::Tsv => csv::Dialect::TSV,
            _ => csv::Dialect::CSV,
        };
        csv::WriteOptions {
            dialect,
            ..csv::WriteOptions::default()
        }
    }
}
