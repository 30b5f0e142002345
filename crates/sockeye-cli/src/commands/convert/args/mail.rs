//! How mail and mbox are read and written.

/// Flags of mail and mbox.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Mail")]
pub(crate) struct MailArgs {}
