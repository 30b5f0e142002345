//! Looking at records: as a table, as a chart.

/// Looking.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Looking")]
pub(crate) struct LookArgs {
    /// Records as columns for the eye, as -t table; with a number: read only that table of an HTML document, as --html-table
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, conflicts_with = "to")]
    pub(crate) table: Option<Option<usize>>,
    /// Draw these columns as a chart: x and one or more y. In the terminal, or into -o FILE.svg
    #[arg(
        long,
        value_name = "X,Y",
        value_delimiter = ',',
        num_args = 1,
        conflicts_with = "table"
    )]
    pub(crate) plot: Vec<String>,
    /// Draw points, not lines
    #[arg(long, requires = "plot")]
    pub(crate) points: bool,
}
