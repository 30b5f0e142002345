//! The handlers of a site, from the innermost out: files, upload, programs, accounts.

use sockeye::Result;
use sockeye::web::Shared;

use super::{Args, accounts, files, programs, upload};
use crate::output::Output;

/// What the flags make of the folder.
pub(super) fn build(args: &Args, _output: &Output) -> Result<Shared> {
    let site = files::handler(args)?;
    let site = upload::wrap(args, site)?;
    let site = programs::wrap(args, site)?;
    accounts::wrap(args, site)
}
