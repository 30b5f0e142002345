//! What is borne of clients.

use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::Result;
use sockeye::net::{Limits, PerAddress};
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
    /// The head of a request may take this long in all, however it trickles (408)
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "10s")]
    head_timeout: Duration,
    /// A client that takes nothing of its answer for this long is left
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    stall_timeout: Duration,
    /// The body of a request has to come with so many bytes per second, on average over 10s (408); 0: at any rate
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "500")]
    body_rate: u64,
    /// Bytes of a request's first line (414 beyond)
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "8KiB")]
    max_line: u64,
    /// Bytes of a request's head, and of the trailer behind a body in chunks (431 beyond)
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "32KiB")]
    max_head: u64,
    /// Header lines of a request, and lines of a trailer (431 beyond)
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_fields: usize,
    /// Bytes of a request's body, where nothing else is said for it (413 beyond)
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "16MiB")]
    max_body: u64,
    /// Close a connection after so many requests [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: Option<u64>,
    /// Connections of one address at once, a /64 network of IPv6 being one; further ones are closed at once [default: 1024,
    /// this machine's own not counted]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_per_address: Option<u32>,
}

impl EngineArgs {
    /// The bounds as values.
    pub(super) fn bounds(&self, serving: &ServingArgs) -> Bounds {
        let mut bounds = Bounds::default();
        bounds.grace = self.grace;
        bounds.streams = self.max_streams;
        bounds.window = u32::try_from(self.window.max(1)).unwrap_or(u32::MAX);
        bounds.head_time = self.head_timeout;
        bounds.stall_time = self.stall_timeout;
        bounds.body_rate = self.body_rate;
        bounds.head.line = bytes(self.max_line);
        bounds.head.head = bytes(self.max_head);
        bounds.head.fields = self.max_fields;
        bounds.body = self.max_body;
        bounds.requests = self.max_requests;
        if let Some(idle) = serving.idle_timeout {
            bounds.idle_time = idle;
        }
        bounds
    }

    /// How many may come in, and who.
    pub(super) fn limits(&self, serving: &ServingArgs) -> Result<Limits> {
        let mut limits = serving.limits()?;
        limits.per_address = match self.max_per_address {
            Some(most) => PerAddress::at_most(usize::try_from(most).unwrap_or(usize::MAX)),
            None => sockeye::web::PER_ADDRESS,
        };
        Ok(limits)
    }
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
