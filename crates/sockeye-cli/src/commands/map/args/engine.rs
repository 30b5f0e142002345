//! Where the jobs are done, if not here.

/// Where the jobs are done, if not here.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Other machines")]
pub(crate) struct EngineArgs {
    /// Share the jobs out to the workers at this NATS server: nats://host, tls://host
    #[arg(long, value_name = "URL")]
    pub(crate) engine: Option<String>,
}
