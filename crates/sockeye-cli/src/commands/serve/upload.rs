//! What may be uploaded, and where to.

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::web::Shared;
use sockeye::web::files::Root;

use super::Args;

/// What may be uploaded, and where to.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Uploads")]
pub(super) struct UploadArgs {}

/// The site so far, with this around it.
pub(super) fn wrap(_args: &Args, _root: Root, site: Shared) -> Result<Shared> {
    Ok(site)
}
