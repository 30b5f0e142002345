//! What is told of requests: the log, figures, explanations.

use std::sync::Arc;

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::web::{Log, Shared};

use super::Args;
use crate::exit::Outcome;
use crate::output::Output;

/// What is told of requests.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Sight")]
pub(super) struct SightArgs {}

impl SightArgs {
    /// Who hears of requests.
    pub(super) fn log(&self, _output: &Output) -> Result<Option<Arc<dyn Log>>> {
        Ok(None)
    }
}

/// With `--explain`: say how one request is answered, and serve nothing.
pub(super) async fn explain(
    _args: &Args,
    _site: &Shared,
    _output: &Output,
) -> Result<Option<Outcome>> {
    Ok(None)
}
