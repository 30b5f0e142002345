//! Who may do what.

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::web::Shared;

use super::Args;

/// Who may do what.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Accounts")]
pub(super) struct AccountArgs {}

/// The site so far, with this around it.
pub(super) fn wrap(_args: &Args, site: Shared) -> Result<Shared> {
    Ok(site)
}
