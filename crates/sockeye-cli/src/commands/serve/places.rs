//! Where to listen, and what is said of it.

use clap::Args as ClapArgs;
use sockeye::endpoint::{Carrier, Layer, TlsOptions};
use sockeye::net::Listener;
use sockeye::{Endpoint, Net, Result};

use super::Args;
use crate::args;
use crate::output::Output;
use crate::report::Serving;

/// Where to listen.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Where")]
pub(super) struct PlaceArgs {
    /// Listen on this port of this machine only; 0 lets the system choose
    #[arg(
        short,
        long,
        value_name = "PORT",
        default_value_t = 8000,
        conflicts_with = "listen"
    )]
    port: u16,
    /// Listen there instead: PORT, :PORT (everyone), tls://..., unix:/path, fd:3 ...; may be repeated
    #[arg(short, long, value_name = "ENDPOINT", value_parser = args::endpoint)]
    listen: Vec<Endpoint>,
    /// Speak TLS, with a certificate made for the names of this machine
    #[arg(long)]
    tls: bool,
}

impl PlaceArgs {
    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let mut endpoints = match self.listen.is_empty() {
            true => vec![self.port.to_string().parse()?],
            false => self.listen.clone(),
        };
        for endpoint in &mut endpoints {
            let has_tls = endpoint
                .layers()
                .iter()
                .any(|layer| matches!(layer, Layer::Tls(_)));
            if self.tls && !has_tls {
                *endpoint = endpoint
                    .clone()
                    .with_layer(Layer::Tls(TlsOptions::default()));
            }
        }
        Ok(endpoints)
    }
}

/// Listen everywhere that was asked for, and say so.
pub(super) async fn listen(args: &Args, net: &Net, output: &Output) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for endpoint in args.places.endpoints()? {
        let at = args.talking.refine(endpoint);
        super::super::say_what_is_weak(&at, output);
        listeners.push(net.listen(&at).await?);
    }
    for listener in &listeners {
        output.data(&Serving::at(listener));
        let for_everyone = |address: &Endpoint| address.carrier().is_for_everyone();
        if listener.addresses().iter().any(for_everyone) {
            output.warn("everyone who reaches this machine can connect");
        }
    }
    Ok(listeners)
}

/// The URL of a place to listen, if it has one that others can use.
pub(crate) fn url(endpoint: &Endpoint) -> Option<String> {
    let Carrier::Tcp(place) = endpoint.carrier() else {
        return None;
    };
    let scheme = match endpoint.layers().is_empty() {
        true => "http",
        false => "https",
    };
    Some(format!("{scheme}://{place}/"))
}
