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
    /// Requests at once on one connection of HTTP/2
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_streams: u32,
    /// Bytes of bodies that a client of HTTP/2 may send before they are read, on one connection
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "1MiB")]
    window: u64,
}

impl EngineArgs {
    /// The bounds as values.
    pub(super) fn bounds(&self, serving: &ServingArgs) -> Bounds {
        let mut bounds = Bounds::default();
        bounds.grace = self.grace;
        bounds.streams = self.max_streams;
        bounds.window = u32::try_from(self.window.max(1)).unwrap_or(u32::MAX);
        if let Some(idle) = serving.idle_timeout {
            bounds.idle_time = idle;
        }
        bounds
    }
}
