//! Programs that answer.

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::web::Shared;

use super::Args;

/// Programs that answer.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Programs")]
pub(super) struct ProgramArgs {}

/// The site so far, with this around it.
pub(super) fn wrap(_args: &Args, site: Shared) -> Result<Shared> {
    Ok(site)
}
