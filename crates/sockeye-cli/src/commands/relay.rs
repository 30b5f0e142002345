//! `sockeye relay`: accept here, connect there, carry both ways.

use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::net::{Arrival, Incoming, Net, serve};
use sockeye::relay::{self, Counters, EndedBy, JoinOptions, Notice};
use sockeye::wire::{ConnectionId, Side};
use sockeye::{Endpoint, Link, Result};

use crate::args::{self, ServingArgs, TalkingArgs};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::report::{Closed, HalfClosed, Stats, Stopped};
use crate::signals;

/// Accept connections on LISTEN, connect to TARGET for each, and carry bytes both ways
///
/// Each side may be any endpoint. The end of one side is passed on and never cuts the other; a reset stays a reset. When
/// both ends are sockets and nothing watches, the kernel moves the bytes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye relay 8080 db.internal:5432\n  \
    sockeye relay 8080 tls://example.org:443 --wire\n  \
    sockeye relay tls://0.0.0.0:8443 unix:/run/app.sock\n  \
    sockeye relay udp://:5353 udp://192.0.2.53:53")]
pub(crate) struct Args {
    /// Where to accept: PORT (this machine only), :PORT (everyone), tls://..., unix:/path ...
    #[arg(value_parser = args::endpoint, value_name = "LISTEN")]
    listen: Endpoint,
    /// Where to connect to for each client
    #[arg(value_parser = args::endpoint, value_name = "TARGET")]
    target: Endpoint,
    /// End after the first conversation
    #[arg(long)]
    once: bool,
    /// When one side has ended, end the other after this time without a byte [default: never]
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    half_close_timeout: Option<Duration>,
    /// When a conversation is over: until-both, until-remote (TARGET ended) or until-either
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = args::Until::Both)]
    until: args::Until,
    /// Copy even where the kernel could move the bytes
    #[arg(long)]
    copy: bool,
    /// After Ctrl-C, conversations that run may take this long to finish
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    grace: Duration,
    /// Report live byte counts this often
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    stats: Option<Duration>,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let stop = signals::stop_on_signals();
    let listen = args.talking.refine(args.listen.clone());
    let target = args.talking.refine(args.target.clone());
    super::say_what_is_weak(&listen, &output);
    super::say_what_is_weak(&target, &output);
    let net = args
        .talking
        .net(&output, true)
        .program_groups(true)
        .sessions(args.serving.sessions());
    let listener = net.listen(&listen).await?;
    super::say_listening(&listener, &output);

    let counters = Arc::new(Counters::default());
    let mut options = JoinOptions::default();
    options.end = args.until.policy();
    options.idle_timeout = args.serving.idle_timeout;
    options.half_close_timeout = args.half_close_timeout;
    options.copy_only = args.copy;
    options.counters = Some(Arc::clone(&counters));
    options.stop = Some(super::cut_after_grace(&stop, args.grace, &output));
    let mut limits = args.serving.limits()?;
    limits.total = args.once.then_some(1);
    super::end_after(args.talking.timeout, &stop);
    if let Some(every) = args.stats {
        tokio::spawn(report_stats(every, Arc::clone(&counters), output.clone()));
    }

    let relaying = Arc::new(Relaying {
        net,
        target,
        options,
        output: output.clone(),
    });
    let served = serve(listener, limits, stop.clone(), |arrival| {
        Arc::clone(&relaying).arrived(arrival)
    })
    .await?;
    output.event(Level::Verbose, &stats(&counters));
    output.event(
        Level::Verbose,
        &Stopped {
            clients: served.accepted,
            refused: served.refused,
        },
    );
    Ok(Outcome::Done)
}

/// What every conversation of a relay shares.
struct Relaying {
    net: Net,
    target: Endpoint,
    options: JoinOptions,
    output: Output,
}

impl Relaying {
    async fn arrived(self: Arc<Self>, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(incoming) => {
                let connection = incoming.connection();
                if let Err(error) = self.carry(incoming, connection).await {
                    super::say_failed(connection.0, &error, &self.output);
                }
            }
            other => super::say_not_served(other, &self.output),
        }
    }

    async fn carry(&self, incoming: Incoming, connection: ConnectionId) -> Result<()> {
        // What is needed only to begin is boxed, so that an idle conversation costs no room for it.
        let (inbound, outbound) = Box::pin(self.begin(incoming, connection)).await?;
        let options = self.noticed(connection);
        let joined = relay::join(inbound, outbound, &options).await;
        if self.output.reports(Level::Verbose) {
            self.output
                .event(Level::Verbose, &Closed::new(connection.0, &joined));
        }
        match joined.totals.ended_by {
            EndedBy::Failed(_, error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Agree with the client on the layers, and connect to the target for it.
    async fn begin(&self, incoming: Incoming, connection: ConnectionId) -> Result<(Link, Link)> {
        let net = self.net.for_conversation(connection, Side::Outbound);
        let inbound = incoming.handshake_as(Side::Inbound).await?;
        let outbound = match net.open(&self.target).await {
            Ok(outbound) => outbound,
            Err(error) => {
                // The client must not take our failure for an empty answer.
                inbound.abort();
                return Err(error);
            }
        };
        if self.output.reports(Level::Verbose) {
            let mut connected = super::connected(connection.0, &inbound, None);
            connected.target = Some(self.target.to_string());
            connected.numbered = true;
            connected.local = None;
            self.output.event(Level::Verbose, &connected);
        }
        Ok((inbound, outbound))
    }

    /// The options, with notices to whoever reads events.
    fn noticed(&self, connection: ConnectionId) -> JoinOptions {
        let mut options = self.options.clone();
        if self.output.reports(Level::Verbose) {
            let output = self.output.clone();
            options.notify = Some(Arc::new(move |notice| match notice {
                Notice::HalfClosed { way, bytes } => output.event(
                    Level::Verbose,
                    &HalfClosed {
                        connection: connection.0,
                        way: way.code(),
                        bytes,
                    },
                ),
                Notice::Path { way, path } if !output.json() => output.say(
                    Level::Verbose,
                    format_args!("{connection} {}: {path}", way.code()),
                ),
                _ => {}
            }));
        }
        options
    }
}

/// Live counters, at intervals.
async fn report_stats(every: Duration, counters: Arc<Counters>, output: Output) {
    let mut ticks = tokio::time::interval(every.max(Duration::from_millis(10)));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        output.event(Level::Normal, &stats(&counters));
    }
}

fn stats(counters: &Counters) -> Stats {
    Stats {
        upstream: counters.upstream(),
        downstream: counters.downstream(),
    }
}
