//! The handlers of a site, from the innermost out: files, upload, programs, accounts.

use sockeye::Result;
use sockeye::web::Shared;

use super::programs::Programs;
use super::{Args, accounts, files, live, places, programs, upload};
use crate::output::Output;

/// What the flags make of the folder, and the programs that run beside it.
pub(super) async fn build(args: &Args, output: &Output) -> Result<(Shared, Programs)> {
    let root = programs::withhold(args, files::root(args)?)?;
    let site = files::handler(args, root.clone())?;
    let site = upload::wrap(args, &root, site)?;
    let (site, programs) = programs::wrap(args, site, output).await?;
    let site = live::wrap(&args.live, site, &args.programs.setup(output), output)?;
    let site = accounts::wrap(args, site, output)?;
    let site = places::wrap(args, site);
    programs.know(&site);
    Ok((site, programs))
}
