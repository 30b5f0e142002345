//! What the input may cost, and what happens when something is wrong.

use std::num::NonZeroUsize;

use sockeye::data::record::Limits;

use crate::args::size;

/// What the input may cost.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Bounds")]
pub(crate) struct LimitArgs {
    /// When a record cannot be read, converted or written: stop, or skip: say where and go on, and exit with 1 at the end
    /// [default: stop]
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub(crate) on_error: Option<OnError>,
    /// What is no text of its charset: refuse, or replace by U+FFFD [default: refuse]
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub(crate) invalid: Option<Invalid>,
    /// Work on so many cores; the order stays [default: all]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How deep values may be nested [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_depth: Option<usize>,
    /// How many bytes one record may have [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_record: Option<u64>,
    /// How many values aliases of YAML and entities of XML may add [default: 1000000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_expansion: Option<usize>,
    /// How many times as large as its compressed form the input may be [default: 1000]
    #[arg(long, value_name = "TIMES")]
    pub(crate) max_ratio: Option<u64>,
    /// How many bytes compressed input may become [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_inflated: Option<u64>,
}

/// What happens when a record fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnError {
    /// Nothing more is converted.
    #[default]
    Stop,
    /// It is reported, and left out.
    Skip,
}

/// What happens with bytes that are no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Invalid {
    /// An error says where.
    #[default]
    Refuse,
    /// U+FFFD stands there.
    Replace,
}

impl LimitArgs {
    /// The bounds of readers.
    pub(crate) fn limits(&self) -> Limits {
        let usual = Limits::default();
        let whole = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        Limits {
            depth: self.max_depth.unwrap_or(usual.depth),
            record: self.max_record.map_or(usual.record, whole),
            expansion: self.max_expansion.unwrap_or(usual.expansion),
            ratio: self.max_ratio.unwrap_or(usual.ratio),
            inflated: self.max_inflated.unwrap_or(usual.inflated),
        }
    }

    /// Whether a failed record is left out.
    pub(crate) fn skips(&self) -> bool {
        self.on_error == Some(OnError::Skip)
    }

    /// Whether bytes that are no text are replaced.
    pub(crate) fn replaces(&self) -> bool {
        self.invalid == Some(Invalid::Replace)
    }

    /// How many threads work.
    pub(crate) fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, NonZeroUsize::get)
    }
}
