//! What is borne of clients.

use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::web::Bounds;

use crate::args::{self, ServingArgs};

/// What is borne of clients.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Bounds")]
pub(super) struct EngineArgs {
    /// After Ctrl-C, requests that run may take this long to finish
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    grace: Duration,
}

impl EngineArgs {
    /// The bounds as values.
    pub(super) fn bounds(&self, serving: &ServingArgs) -> Bounds {
        let mut bounds = Bounds::default();
        bounds.grace = self.grace;
        if let Some(idle) = serving.idle_timeout {
            bounds.idle_time = idle;
        }
        bounds
    }
}
