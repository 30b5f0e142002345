//! How xml are read and written.

/// Flags of xml.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "XML")]
pub(crate) struct XmlArgs {}
