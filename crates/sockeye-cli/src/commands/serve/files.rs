//! How files are served.

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::web::Shared;
use sockeye::web::files::{Files, Root, Rules};

use super::Args;

/// How files are served.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Files")]
pub(super) struct FileArgs {}

/// The files of the folder.
pub(super) fn handler(args: &Args) -> Result<Shared> {
    let dir = args.dir.as_deref().unwrap_or(".".as_ref());
    let root = Root::new(dir, Rules::default())?;
    Ok(Shared::new(Files::new(root)))
}
