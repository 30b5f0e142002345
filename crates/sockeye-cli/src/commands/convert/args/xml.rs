//! How xml is read and written.

use sockeye::data::record::Limits;
use sockeye::data::xml::{Mapping, Namespaces, Path, ReadOptions, WriteOptions};

use super::JsonArgs;

/// Flags of XML.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "XML")]
pub(crate) struct XmlArgs {
    /// Each thing that this path leads to is a record, read one by one: feed/item, //item[@id], item/@id, title/text()
    /// [default: the document is one record]
    #[arg(long, value_name = "PATH")]
    pub(crate) records: Option<Path>,
    /// Keep everything in order: mixed content, comments, CDATA, instructions, DOCTYPE
    #[arg(long)]
    pub(crate) lossless: bool,
    /// This element is an array, also where it stands once
    #[arg(long, value_name = "NAME", conflicts_with = "lossless")]
    pub(crate) list: Vec<String>,
    /// Keep blanks at the ends of texts
    #[arg(long, conflicts_with = "lossless")]
    pub(crate) keep_space: bool,
    /// Do not ask whether prefixes are declared
    #[arg(long)]
    pub(crate) ignore_namespaces: bool,
    /// How many attributes an element may have [default: 10000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_attributes: Option<usize>,
    /// How many bytes a name may have [default: 50000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_name: Option<usize>,
    /// The element around all records that are written [default: records, unless one record is a whole document]
    #[arg(long = "root", value_name = "NAME")]
    pub(crate) root: Option<String>,
    /// The element of each record that is written [default: record]
    #[arg(long = "record", value_name = "NAME")]
    pub(crate) record: Option<String>,
    /// Start with no XML declaration
    #[arg(long)]
    pub(crate) no_declaration: bool,
}

impl XmlArgs {
    /// How it is read.
    pub(crate) fn read_options(&self, limits: Limits) -> ReadOptions {
        let usual = ReadOptions::default();
        ReadOptions {
            mapping: if self.lossless {
                Mapping::Lossless
            } else {
                Mapping::Friendly
            },
            records: self.records.clone(),
            list: self.list.clone(),
            keep_space: self.keep_space,
            namespaces: if self.ignore_namespaces {
                Namespaces::Ignore
            } else {
                Namespaces::Check
            },
            // Marks and declarations were looked at before the bytes came here.
            decoded: true,
            attributes: self.max_attributes.unwrap_or(usual.attributes),
            name: self.max_name.unwrap_or(usual.name),
            limits,
        }
    }

    /// How it is written; lines break as those of JSON do.
    pub(crate) fn write_options(&self, json: &JsonArgs) -> WriteOptions {
        let indent = json.indent.map_or(2, usize::from);
        WriteOptions {
            indent: (!json.compact && indent > 0).then_some(indent),
            root: self.root.clone(),
            record: self.record.clone(),
            declaration: !self.no_declaration,
        }
    }
}
