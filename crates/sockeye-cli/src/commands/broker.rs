//! The way to a broker for the commands that share out work; through a relay of our own if every byte shall be seen.

use std::sync::Arc;

use serde::Serialize;
use sockeye::net::{Arrival, Limits, serve};
use sockeye::relay::{JoinOptions, join};
use sockeye::work::nats::{Access, Broker};
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};
use tokio_util::sync::CancellationToken;

use crate::args::{BrokerArgs, WireFormat};
use crate::output::Output;
use crate::view;

/// Connect to these servers.
pub(crate) async fn connect(
    args: &BrokerArgs,
    servers: &str,
    wire: Option<WireFormat>,
    output: &Output,
) -> Result<Broker> {
    let mut access = args.access(servers)?;
    access.name = "sockeye".to_owned();
    if let Some(format) = wire {
        lead_through(&mut access, format, output).await?;
    }
    access.connect().await
}

/// Put a relay on loopback between: the crate that speaks NATS opens its connections by itself.
async fn lead_through(access: &mut Access, format: WireFormat, output: &Output) -> Result<()> {
    let usage = |why: &str| Error::new(Kind::Usage, Operation::Connect, why).about(access.shown());
    let [server] = &access.servers[..] else {
        return Err(usage(
            "--wire shows the way to one server; several are named",
        ));
    };
    let (scheme, rest) = server.split_once("://").unwrap_or(("nats", server));
    if scheme == "tls" {
        return Err(usage("--wire cannot look into TLS to a broker")
            .with_hint("watch it on a broker without TLS, on this machine"));
    }
    let host = rest.rsplit('@').next().unwrap_or(rest);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(name, _)| !name.contains(':') || name.ends_with(']'));
    let target: Endpoint = match has_port {
        true => format!("tcp://{host}"),
        false => format!("tcp://{host}:4222"),
    }
    .parse()?;
    let net = Net::new().observer(view::wire(format, output, true));
    let listener = net.listen(&"tcp://127.0.0.1:0".parse()?).await?;
    let local = listener.local().to_string();
    let address = local.trim_start_matches("tcp://").parse();
    access.through = Some(address.map_err(|_| usage("no port of this machine is free"))?);
    let net = Arc::new(net);
    // It lives as long as the command.
    tokio::spawn(serve(
        listener,
        Limits::default(),
        CancellationToken::new(),
        move |arrival| {
            let (net, target) = (Arc::clone(&net), target.clone());
            async move {
                let Arrival::Accepted(incoming) = arrival else {
                    return;
                };
                let Ok(inbound) = incoming.handshake().await else {
                    return;
                };
                match net.open(&target).await {
                    Ok(outbound) => drop(join(inbound, outbound, &JoinOptions::default()).await),
                    Err(_) => inbound.abort(),
                }
            }
        },
    ));
    Ok(())
}

/// Something that is told: a line, or an event.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) event: serde_json::Value,
}

impl Serialize for Told {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.event.serialize(serializer)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
