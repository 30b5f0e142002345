//! What is read, and as what.

use std::path::PathBuf;

use sockeye::data::format::Format;

use crate::commands::convert::Foreign;

/// What is read.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Files, one after the other; standard input if there is none, or where it is -
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    pub(crate) files: Vec<PathBuf>,
    /// Read this format: json, ndjson, json-seq, csv, tsv, xml, yaml, toml, html, mail, mbox, form, cbor, msgpack, lines, text
    /// [default: recognised]
    #[arg(short, long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) from: Option<Format>,
    /// What it was sent as: the Content-Type decides format and charset, if -f and --charset do not
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Instead of standard input.
    #[arg(skip)]
    pub(crate) foreign: Option<Foreign>,
    /// The charset of the input: utf-8, utf-16le, windows-1252, shift_jis ... [default: recognised]
    #[arg(long, value_name = "NAME")]
    pub(crate) charset: Option<String>,
    /// How the input is compressed: none, gzip, deflate, brotli, zstd [default: recognised]
    #[arg(long, value_name = "NAME")]
    pub(crate) compression: Option<String>,
    /// Say what the input was recognised as, and why, and convert nothing
    #[arg(long)]
    pub(crate) what: bool,
    /// Say on standard error how it will be done: streamed, on how many cores, or built whole, and why
    #[arg(long)]
    pub(crate) explain: bool,
}
