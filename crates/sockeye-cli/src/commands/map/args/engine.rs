//! Where the jobs are done, if not here.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::args::{BrokerArgs, WireFormat, duration};

/// Where the jobs are done, if not here.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Other machines")]
pub(crate) struct EngineArgs {
    /// Share the jobs out through this NATS server to whoever runs `sockeye worker` there: nats://HOST[:PORT], tls://HOST[:PORT];
    /// -j is then how many jobs are on their way at once [default: 1000, or more with --batch]
    #[arg(long, value_name = "URL")]
    pub(crate) engine: Option<String>,
    /// What the run is called there: a run of this name that was not finished is gone on with [default: a random name]
    #[arg(
        long = "run",
        id = "engine_run",
        value_name = "NAME",
        requires = "engine"
    )]
    pub(crate) run: Option<String>,
    /// Send so many jobs in one message: a worker does them one after the other
    #[arg(long, value_name = "N", requires = "engine", default_value = "1")]
    pub(crate) batch: Option<NonZeroUsize>,
    /// A worker that is silent for so long has lost its jobs to others
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "engine", default_value = "10s", hide_short_help = true)]
    pub(crate) lease: Option<Duration>,
    /// Show every byte to and from the broker on standard error, as text, hex or json
    #[arg(long = "wire", id = "engine_wire", value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
        default_missing_value = "text", hide_possible_values = true, requires = "engine")]
    pub(crate) wire: Option<WireFormat>,
    #[command(flatten)]
    pub(crate) broker: BrokerArgs,
}

impl EngineArgs {
    /// How many jobs are on their way at once, unless it is said.
    pub(crate) fn window(&self) -> usize {
        self.batch().saturating_mul(1_000).min(20_000)
    }

    /// How many jobs a message has.
    pub(crate) fn batch(&self) -> usize {
        self.batch.map_or(1, NonZeroUsize::get)
    }
}
