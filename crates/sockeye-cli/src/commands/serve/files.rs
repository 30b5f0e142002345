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

/// The folder, which files and uploads share.
pub(super) fn root(args: &Args) -> Result<Root> {
    let dir = args.dir.as_deref().unwrap_or(".".as_ref());
    Root::new(dir, Rules::default())
}

/// The files of the folder.
pub(super) fn handler(args: &Args, root: Root) -> Result<Shared> {
    let files = Files::new(root);
    Ok(Shared::new(match args.listing.listing() {
        Some(listing) => files.folders(listing),
        None => files,
    }))
}
