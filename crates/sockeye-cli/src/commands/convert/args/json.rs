//! How json, ndjson and json-seq are written: jq's flags.

/// Flags of JSON.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "JSON")]
pub(crate) struct JsonArgs {
    /// Each value on one line
    #[arg(short, long = "compact-output", alias = "compact")]
    pub(crate) compact: bool,
    /// Strings as they are, without quotes
    #[arg(short, long = "raw-output")]
    pub(crate) raw: bool,
    /// The same, and nothing between them
    #[arg(short, long = "join-output")]
    pub(crate) join: bool,
    /// The same, each ended by a NUL byte
    #[arg(short = '0', long = "raw-output0", conflicts_with = "join")]
    pub(crate) nul: bool,
    /// Everything beyond ASCII as \u escapes
    #[arg(short, long = "ascii-output")]
    pub(crate) ascii: bool,
    /// Names of objects in order
    #[arg(short = 'S', long = "sort-keys")]
    pub(crate) sort: bool,
    /// Colours, also into a pipe or a file
    #[arg(short = 'C', long = "color-output", conflicts_with = "monochrome")]
    pub(crate) colors: bool,
    /// No colours
    #[arg(short = 'M', long = "monochrome-output")]
    pub(crate) monochrome: bool,
    /// Indent by tabs
    #[arg(long, conflicts_with_all = ["indent", "compact"])]
    pub(crate) tab: bool,
    /// Indent by so many blanks: 0 is -c [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(0..=32), conflicts_with = "compact")]
    pub(crate) indent: Option<u8>,
    /// A record separator before each value: json-seq, also in
    #[arg(long)]
    pub(crate) seq: bool,
    /// All results as the elements of one array
    #[arg(long, conflicts_with = "seq")]
    pub(crate) array: bool,
}
