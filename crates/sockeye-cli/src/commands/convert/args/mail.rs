//! How mail and mbox are read and written.

use std::path::PathBuf;

use sockeye::data::format::Format;
use sockeye::data::mail::{Kind, ReadOptions, WriteOptions};
use sockeye::data::record::Limits;

/// Flags of mail and mbox.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Mail")]
pub(crate) struct MailArgs {
    /// Write attachments into this folder, under harmless names, over nothing that is there; records have the names of the files
    #[arg(short = 'd', long, value_name = "DIR")]
    pub(crate) attachments: Option<PathBuf>,
    /// How many parts a message may have [default: 10000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_parts: Option<usize>,
}

impl MailArgs {
    /// How it is read.
    pub(crate) fn read_options(&self, format: Format, limits: Limits) -> ReadOptions {
        let usual = ReadOptions::default();
        ReadOptions {
            kind: kind(format),
            limits,
            parts: self.max_parts.unwrap_or(usual.parts),
        }
    }

    /// How it is written.
    pub(crate) fn write_options(&self, format: Format) -> WriteOptions {
        WriteOptions { kind: kind(format) }
    }
}

fn kind(format: Format) -> Kind {
    match format {
        Format::Mbox => Kind::Mbox,
        _ => Kind::Message,
    }
}
