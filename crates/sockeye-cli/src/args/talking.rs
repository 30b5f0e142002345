//! Flags of every command that talks.

use std::time::Duration;

use clap::{Args, ValueEnum};
use sockeye::endpoint::{Carrier, Family, ParseError, Proxy};
use sockeye::net::{CONNECT_TIMEOUT, Net};
use sockeye::{Endpoint, Error, Kind, Operation, Result};

use super::values::duration;
use crate::output::Output;
use crate::view;

/// How the wire view is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WireFormat {
    /// Text, with everything a terminal must not see escaped
    Text,
    /// A hex dump that `xxd -r` turns back
    Hex,
    /// JSON Lines, lossless
    Json,
}

/// How to get there, and what to show on the way.
#[derive(Clone, Debug, Args)]
pub(crate) struct TalkingArgs {
    /// Show every byte that crosses on standard error, as text, hex or json
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text",
        hide_possible_values = true, help_heading = "Watching")]
    pub(crate) wire: Option<WireFormat>,
    /// Give up connecting after this time: names, addresses and handshakes together [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Getting there")]
    pub(crate) connect_timeout: Option<Duration>,
    /// End the whole command after this time
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Getting there")]
    pub(crate) timeout: Option<Duration>,
    /// Go through this proxy: http, https, socks4, socks4a, socks5 or socks5h://[USER:PASSWORD@]HOST[:PORT]; several make
    /// a chain
    #[arg(long, value_name = "PROXY", value_parser = proxy, help_heading = "Getting there")]
    pub(crate) via: Vec<Proxy>,
    /// Use IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6", help_heading = "Getting there")]
    pub(crate) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', help_heading = "Getting there")]
    pub(crate) ipv6: bool,
}

impl TalkingArgs {
    /// How we talk, with the wire view on standard error if it was asked for.
    pub(crate) fn net(&self, output: &Output, relaying: bool) -> Net {
        let net = Net::new().connect_timeout(self.connect_timeout.unwrap_or(CONNECT_TIMEOUT));
        match self.wire {
            Some(format) => net.observer(view::wire(format, output, relaying)),
            None => net,
        }
    }

    /// The only family of addresses that is wanted, by `-4` or `-6`.
    pub(crate) fn family(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }

    /// The endpoint to connect to, with what the flags add to it. Proxies of its own win over `--via`.
    pub(crate) fn through(&self, endpoint: Endpoint) -> Result<Endpoint> {
        let mut endpoint = self.refine(endpoint);
        if !self.via.is_empty() {
            if !matches!(endpoint.carrier(), Carrier::Tcp(_)) {
                let why = format!("--via does not apply to {}", endpoint.carrier().scheme());
                let error = Error::new(Kind::Usage, Operation::Parse, why);
                return Err(error.with_hint("proxies carry tcp"));
            }
            let options = endpoint.options_mut();
            if options.via.is_empty() {
                options.via.clone_from(&self.via);
            }
        }
        Ok(endpoint)
    }

    /// Refuse `--via` where nothing is connected to through a proxy.
    pub(crate) fn refuse_via(&self, why: &str) -> Result<()> {
        if self.via.is_empty() {
            return Ok(());
        }
        let why = format!("--via has no effect: {why}");
        Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("leave out --via"))
    }

    /// The endpoint with what `-4` and `-6` say, unless it says so itself.
    pub(crate) fn refine(&self, mut endpoint: Endpoint) -> Endpoint {
        let family = self.family();
        if endpoint.carrier().is_networked() {
            let options = endpoint.options_mut();
            options.family = options.family.or(family);
        }
        endpoint
    }
}

/// A proxy, for clap. A refusal stays what it is, so that it is told in its own words.
fn proxy(text: &str) -> Result<Proxy, ParseError> {
    text.parse()
}
