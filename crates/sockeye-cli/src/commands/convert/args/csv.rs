//! How csv and tsv are read and written.

use sockeye::data::csv::{self, Columns, Dialect, Header, LineEnd};
use sockeye::data::format::Format;
use sockeye::data::record::Limits;
use sockeye::data::value::Text;

use crate::args::size;

/// Flags of csv and tsv.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "CSV and TSV")]
pub(crate) struct CsvArgs {
    /// What stands between cells of the input: a character, or tab, space, comma, semicolon, pipe [default: recognised; a tab in
    /// tsv]
    #[arg(long, value_name = "CHAR", value_parser = character)]
    pub(crate) delimiter: Option<u8>,
    /// What stands around cells of the input, or none [default: recognised, " mostly]
    #[arg(long, value_name = "CHAR", value_parser = quote)]
    pub(crate) quote_char: Option<Quote>,
    /// What stands before a quote within quotes, in and out, such as \ [default: quotes are doubled]
    #[arg(long, value_name = "CHAR", value_parser = character)]
    pub(crate) escape_char: Option<u8>,
    /// What ends a row, in and out [default: any line end in, a line feed out]
    #[arg(long, value_name = "CHAR", value_parser = character)]
    pub(crate) row_end: Option<u8>,
    /// Cells of tsv have \t, \n, \r and \\ instead of quotes, in and out, as jq's @tsv writes them
    #[arg(long, conflicts_with_all = ["quote_char", "escape_char"])]
    pub(crate) tsv_escapes: bool,
    /// The first row of the input is a record; columns are called _1, _2 ... or what --header-names says
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Call the columns of the input so, instead of what the first row says
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) header_names: Option<Vec<String>>,
    /// Rows with fewer or more cells than the header: refuse, fill: missing cells are empty, keep: they are absent; further ones
    /// are called _4, _5 ... [default: refuse]
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub(crate) ragged: Option<Ragged>,
    /// Cells that are numbers, and come back as they were, become numbers: 7 and -1.50, and neither 02134 nor 1e5
    #[arg(long)]
    pub(crate) infer: bool,
    /// Drop blanks and tabs around cells of the input
    #[arg(long)]
    pub(crate) trim: bool,
    /// Skip rows of the input that begin with this
    #[arg(long, value_name = "CHAR", value_parser = character)]
    pub(crate) comment: Option<u8>,
    /// What null is in a cell: read as null, and written for it [default: written as an empty cell]
    #[arg(long, value_name = "TEXT")]
    pub(crate) null: Option<String>,
    /// Write these columns alone, in this order
    #[arg(
        long,
        value_name = "A,B",
        value_delimiter = ',',
        conflicts_with = "columns"
    )]
    pub(crate) fields: Option<Vec<String>>,
    /// Which columns are written: union: all that any record has, strict: those of the first record, others are errors [default:
    /// union]
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    pub(crate) columns: Option<WhichColumns>,
    /// What is written between cells [default: a comma; a tab in tsv]
    #[arg(long, value_name = "CHAR", value_parser = character)]
    pub(crate) out_delimiter: Option<u8>,
    /// Which cells are written in quotes: needed, all, non-numeric [default: needed]
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    pub(crate) quotes: Option<WhichQuotes>,
    /// Write no header
    #[arg(long)]
    pub(crate) headless: bool,
    /// Write carriage return and line feed at the end of rows
    #[arg(long)]
    pub(crate) crlf: bool,
    /// Write a byte order mark first, by which Excel knows UTF-8
    #[arg(long)]
    pub(crate) bom: bool,
    /// Write a ' before text that a spreadsheet would take for a formula
    #[arg(long)]
    pub(crate) excel_safe: bool,
    /// Write each value within arrays and objects into a column of its own, a.b and a.0, instead of JSON text
    #[arg(long)]
    pub(crate) flatten: bool,
    /// Hold so many bytes of rows in memory while columns may still come; the others wait in a temporary file [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_held: Option<u64>,
}

/// What stands around cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote(Option<u8>);

/// What becomes of rows that are too short or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ragged {
    Refuse,
    Fill,
    Keep,
}

/// Which columns are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichColumns {
    Union,
    Strict,
}

/// Which cells are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WhichQuotes {
    Needed,
    All,
    NonNumeric,
}

impl CsvArgs {
    /// How this format, csv or tsv, is read.
    pub(crate) fn read_options(&self, format: Format, limits: Limits) -> csv::ReadOptions {
        csv::ReadOptions {
            dialect: self.dialect(format),
            like: self.read_like(false),
            header: match (self.header_names.as_deref(), self.no_header) {
                (None, false) => Header::First,
                (None, true) => Header::Absent,
                (Some(given), false) => Header::Instead(names(given)),
                (Some(given), true) => Header::Given(names(given)),
            },
            ragged: match self.ragged {
                None | Some(Ragged::Refuse) => csv::Ragged::Refuse,
                Some(Ragged::Fill) => csv::Ragged::Fill,
                Some(Ragged::Keep) => csv::Ragged::Keep,
            },
            infer: self.infer,
            trim: self.trim,
            comment: self.comment,
            null: self.null.clone(),
            part: None,
            limits,
        }
    }

    /// The dialect that is read; `None`: it has to be recognised.
    fn dialect(&self, format: Format) -> Option<Dialect> {
        let is_tsv = format == Format::Tsv;
        match self.delimiter {
            Some(delimiter) => Some(self.read_like(is_tsv).with_delimiter(delimiter)),
            None => is_tsv.then(|| self.read_like(is_tsv)),
        }
    }

    fn read_like(&self, is_tsv: bool) -> Dialect {
        let usual = self.usual(is_tsv);
        Dialect {
            quote: self.quote_char.map_or(usual.quote, |quote| quote.0),
            ..usual
        }
    }

    fn usual(&self, is_tsv: bool) -> Dialect {
        let usual = match (is_tsv, self.tsv_escapes) {
            (true, true) => Dialect::TSV_ESCAPES,
            (true, false) => Dialect::TSV,
            (false, _) => Dialect::CSV,
        };
        Dialect {
            escape: self.escape_char,
            line_end: self.row_end.map_or(LineEnd::Break, LineEnd::Byte),
            ..usual
        }
    }

    /// Whether the columns are those of the first record.
    pub(crate) fn is_strict(&self) -> bool {
        self.columns == Some(WhichColumns::Strict)
    }

    /// How this format, csv or tsv, is written.
    pub(crate) fn write_options(&self, format: Format) -> csv::WriteOptions {
        let usual = csv::WriteOptions::default();
        let dialect = self.usual(format == Format::Tsv);
        csv::WriteOptions {
            dialect: match self.out_delimiter {
                None => dialect,
                Some(delimiter) => dialect.with_delimiter(delimiter),
            },
            quotes: match self.quotes {
                None | Some(WhichQuotes::Needed) => csv::Quotes::Needed,
                Some(WhichQuotes::All) => csv::Quotes::All,
                Some(WhichQuotes::NonNumeric) => csv::Quotes::NonNumeric,
            },
            crlf: self.crlf,
            bom: self.bom,
            header: !self.headless,
            columns: match (self.fields.as_deref(), self.columns) {
                (Some(fields), _) => Columns::Fields(names(fields)),
                (None, Some(WhichColumns::Strict)) => Columns::Strict,
                (None, None | Some(WhichColumns::Union)) => Columns::Union,
            },
            excel_safe: self.excel_safe,
            null: self.null.clone().unwrap_or_default(),
            nested: match self.flatten {
                true => csv::Nested::Flatten,
                false => csv::Nested::Json,
            },
            held: self.max_held.map_or(usual.held, |size| {
                usize::try_from(size).unwrap_or(usize::MAX)
            }),
        }
    }
}

fn names(names: &[String]) -> Vec<Text> {
    names.iter().map(|name| Text::from(name.as_str())).collect()
}

/// An ASCII character, or the name of one.
fn character(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        ("space", _) => Ok(b' '),
        ("comma", _) => Ok(b','),
        ("semicolon", _) => Ok(b';'),
        ("pipe", _) => Ok(b'|'),
        ("nul" | "\\0", _) => Ok(0),
        (_, [byte]) if byte.is_ascii() => Ok(*byte),
        _ => match text
            .strip_prefix("0x")
            .map(|hex| u8::from_str_radix(hex, 16))
        {
            Some(Ok(byte)) if byte.is_ascii() => Ok(byte),
            _ => {
                Err("one ASCII character, 0x1f, or tab, space, comma, semicolon, pipe, nul".into())
            }
        },
    }
}

fn quote(text: &str) -> Result<Quote, String> {
    match text {
        "none" => Ok(Quote(None)),
        _ => character(text).map(|byte| Quote(Some(byte))),
    }
}
