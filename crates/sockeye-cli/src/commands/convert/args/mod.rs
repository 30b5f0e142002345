//! The flags of `sockeye convert`, one file for each theme. Each group knows how to become the options of its reader and writer.

mod csv;
mod html;
mod input;
mod jq;
mod json;
mod limits;
mod look;
mod mail;
mod output;
mod structured;
mod xml;

pub(crate) use csv::CsvArgs;
pub(crate) use html::HtmlArgs;
pub(crate) use input::InputArgs;
pub(crate) use jq::JqArgs;
pub(crate) use json::JsonArgs;
pub(crate) use limits::LimitArgs;
pub(crate) use look::LookArgs;
pub(crate) use mail::MailArgs;
pub(crate) use output::{OutputArgs, To};
pub(crate) use structured::StructuredArgs;
pub(crate) use xml::XmlArgs;

/// How the formats are read and written: what `convert` and `fetch --as` have in common.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct FormatArgs {
    #[command(flatten)]
    pub(crate) json: JsonArgs,
    #[command(flatten)]
    pub(crate) csv: CsvArgs,
    #[command(flatten)]
    pub(crate) xml: XmlArgs,
    #[command(flatten)]
    pub(crate) structured: StructuredArgs,
    #[command(flatten)]
    pub(crate) html: HtmlArgs,
    #[command(flatten)]
    pub(crate) mail: MailArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}
