//! `sockeye tour`.
use crate::exit::Outcome;
use crate::output::Output;
use clap::Args as ClapArgs;
use sockeye::Result;
/// The stages of network programming, live on loopback
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {}
pub(crate) async fn run(_args: Args, _output: Output) -> Result<Outcome> {
    Ok(Outcome::Done)
}
