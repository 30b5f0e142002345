//! How json, ndjson and json-seq are written: jq's flags.

use sockeye::data::format::Format;
use sockeye::data::json::{self, Dialect, End, Framing, Layout, Palette};
use sockeye::data::members;
use sockeye::data::record::Limits;
use sockeye::data::value::Text;
use sockeye::{Error, Kind, Operation, Result};

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
    /// Read comments and commas behind the last item
    #[arg(long)]
    pub(crate) comments: bool,
    /// Read JSON5: --comments, single quotes, names without quotes, +1, 0xff, Infinity
    #[arg(long)]
    pub(crate) json5: bool,
    /// When a name stands twice in an object: last counts, error, or all as an array, of JSON alone [default: last;
    /// of YAML, CBOR and MessagePack: error]
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub(crate) duplicates: Option<Duplicates>,
    /// The members of records that the program looks at.
    #[arg(skip)]
    pub(crate) only: Option<Vec<Text>>,
    /// The same where elements are streamed.
    #[arg(skip)]
    pub(crate) only_of_elements: Option<Vec<Text>>,
}

/// What happens when a name stands twice in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Duplicates {
    /// The last value counts.
    Last,
    /// It is an error.
    Error,
    /// An array of all values.
    All,
}

impl From<Duplicates> for json::Duplicates {
    fn from(duplicates: Duplicates) -> Self {
        match duplicates {
            Duplicates::Last => Self::Last,
            Duplicates::Error => Self::Error,
            Duplicates::All => Self::All,
        }
    }
}

impl JsonArgs {
    /// What happens to keys that stand twice in a map of other formats.
    pub(crate) fn duplicate_keys(&self) -> Result<members::Duplicates> {
        match self.duplicates {
            None | Some(Duplicates::Error) => Ok(members::Duplicates::Refuse),
            Some(Duplicates::Last) => Ok(members::Duplicates::Last),
            Some(Duplicates::All) => {
                let why = "--duplicates all is for JSON alone: say last, or error";
                Err(Error::new(Kind::Usage, Operation::Parse, why))
            }
        }
    }

    /// How this kind of JSON is read.
    pub(crate) fn read_options(&self, format: Format, limits: Limits) -> json::ReadOptions {
        let framing = match format {
            Format::Ndjson => Framing::Lines,
            Format::JsonSeq => Framing::Sequence,
            _ => Framing::Values,
        };
        let dialect = match (self.json5, self.comments) {
            (true, _) => Dialect::Json5,
            (_, true) => Dialect::Comments,
            _ => Dialect::Strict,
        };
        let duplicates = self.duplicates.map(json::Duplicates::from);
        json::ReadOptions {
            framing,
            dialect,
            duplicates: duplicates.unwrap_or_default(),
            limits,
            ..json::ReadOptions::default()
        }
    }

    /// How this kind of JSON is written, or text by the same rules.
    pub(crate) fn write_options(&self, format: Format, has_colors: bool) -> json::WriteOptions {
        let is_text = matches!(format, Format::Lines | Format::Text);
        let end = match self {
            _ if self.nul => End::Nul,
            _ if self.join || format == Format::Text => End::Nothing,
            _ => End::Newline,
        };
        json::WriteOptions {
            layout: self.layout(format),
            sorted: self.sort,
            ascii: self.ascii,
            colours: has_colors.then(palette),
            raw: self.raw || self.join || self.nul || is_text,
            array: self.array,
            sequence: self.seq || format == Format::JsonSeq,
            end,
        }
    }

    fn layout(&self, format: Format) -> Layout {
        match (self.tab, self.indent) {
            _ if self.compact || self.indent == Some(0) => Layout::Compact,
            (true, _) => Layout::Tab,
            (_, Some(count)) => Layout::Indent(count),
            _ if format == Format::Json => Layout::Indent(2),
            _ => Layout::Compact,
        }
    }
}

/// The colours of `JQ_COLORS`, or jq's own.
fn palette() -> Palette {
    let set = std::env::var("JQ_COLORS").ok();
    set.and_then(|colors| Palette::from_jq_colors(&colors))
        .unwrap_or_default()
}
