//! The handlers of a site, from the innermost out: files, upload, programs, accounts.

use sockeye::Result;
use sockeye::web::Shared;

use super::{Args, accounts, files, programs, upload};
use crate::output::Output;

/// What the flags make of the folder.
pub(super) fn build(args: &Args, _output: &Output) -> Result<Shared> {
    let root = files::root(args)?;
    let site = files::handler(args, root.clone())?;
    let site = upload::wrap(args, root, site)?;
    let site = programs::wrap(args, site)?;
    accounts::wrap(args, site)
}
