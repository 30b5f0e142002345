//! `sockeye relay`: accept here, connect there, carry both ways.

mod explain;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use sockeye::net::{Arrival, Incoming, Net, serve};
use sockeye::relay::{self, Counters, JoinOptions, Joined, Notice};
use sockeye::wire::{ConnectionId, Side};
use sockeye::{Endpoint, Error, Kind, Link, Result};

use super::serving::{self, Reception};
use crate::args::{self, ServingArgs, TalkingArgs};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::report::{Closed, HalfClosed, Parties, Stats, Stopped};
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
    sockeye relay udp://:5353 udp://192.0.2.53:53\n  \
    sockeye relay - 'exec:sort -u' < names\n  \
    sockeye relay 8080 tls://example.org:443 --explain")]
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
    /// Report live counts this often: open connections, clients so far, bytes each way
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    stats: Option<Duration>,
    /// Say what both endpoints mean and how bytes would be moved, and open nothing
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let listen = args.talking.refine(args.listen.clone());
    let target = args.talking.through(args.target.clone())?;
    super::python::refuse_payload(&listen)?;
    super::python::refuse_payload(&target)?;
    super::say_what_is_weak(&listen, &output);
    super::say_what_is_weak(&target, &output);
    if args.explain {
        explain::print(&args, &listen, &target, &output);
        return Ok(Outcome::Done);
    }
    let stop = signals::stop_on_signals();
    let mut limits = args.serving.limits()?;
    limits.total = args.once.then_some(1);
    let net = args
        .talking
        .net(&output, true)
        .program_groups(true)
        .sessions(args.serving.sessions());
    let listener = net.listen(&listen).await?;
    super::say_listening(&listener, &output);

    let reception = Reception::new(&output, args.once || listener.is_single());
    let counters = Arc::new(Counters::default());
    let mut options = JoinOptions::default();
    options.end = args.until.policy();
    options.idle_timeout = args.serving.idle_timeout;
    options.half_close_timeout = args.half_close_timeout;
    options.copy_only = args.copy;
    options.counters = Some(Arc::clone(&counters));
    options.stop = Some(serving::cut_after_grace(
        &stop, args.grace, &listen, &reception,
    ));
    serving::end_after(args.talking.timeout, &stop);
    let census = Census {
        reception: Arc::clone(&reception),
        counters,
        began: Instant::now(),
    };
    if let Some(every) = args.stats {
        tokio::spawn(census.clone().report(every, output.clone()));
    }

    let relaying = Arc::new(Relaying {
        net,
        listen,
        target,
        options,
        reception: Arc::clone(&reception),
        output: output.clone(),
    });
    let served = serve(listener, limits, stop.clone(), |arrival| {
        Arc::clone(&relaying).arrived(arrival)
    })
    .await?;
    output.event(Level::Verbose, &census.now());
    output.event(
        Level::Verbose,
        &Stopped {
            clients: served.accepted,
            refused: served.refused,
        },
    );
    reception.outcome()
}

/// What every conversation of a relay shares.
struct Relaying {
    net: Net,
    listen: Endpoint,
    target: Endpoint,
    options: JoinOptions,
    reception: Arc<Reception>,
    output: Output,
}

impl Relaying {
    async fn arrived(self: Arc<Self>, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(incoming) => {
                let _visit = self.reception.enter();
                let connection = incoming.connection();
                let result = self.carry(incoming, connection).await;
                self.reception.left(connection.0, result);
            }
            other => self.reception.turned_away(other),
        }
    }

    async fn carry(&self, incoming: Incoming, connection: ConnectionId) -> Result<Outcome> {
        // What opening needs is freed before the conversation, which may be idle for long, begins.
        let (inbound, outbound) = Box::pin(self.open(incoming, connection)).await?;
        let joined = if self.output.reports(Level::Verbose) {
            Box::pin(self.join_reporting(inbound, outbound, connection)).await
        } else {
            relay::join(inbound, outbound, &self.options).await
        };
        self.reception.verdict(joined, &self.listen, &self.target)
    }

    async fn open(&self, incoming: Incoming, connection: ConnectionId) -> Result<(Link, Link)> {
        let net = self.net.for_conversation(connection, Side::Outbound);
        let inbound = incoming.handshake_as(Side::Inbound).await?;
        match net.open(&self.target).await {
            Ok(outbound) => Ok((inbound, outbound)),
            Err(error) => {
                // The client must not take our failure for an empty answer.
                inbound.abort();
                Err(advised(error))
            }
        }
    }

    /// The same conversation, told to whoever reads events.
    async fn join_reporting(
        &self,
        inbound: Link,
        outbound: Link,
        connection: ConnectionId,
    ) -> Joined {
        let mut connected = super::connected(connection.0, &inbound, None);
        connected.target = Some(self.target.to_string());
        connected.numbered = true;
        connected.local = None;
        self.output.event(Level::Verbose, &connected);
        let mut options = self.options.clone();
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
        let joined = relay::join(inbound, outbound, &options).await;
        let closed = Closed::between(Parties::Relay, connection.0, &joined);
        self.output.event(Level::Verbose, &closed);
        joined
    }
}

/// The error with advice that fits a relay: it has no `--retry`, and need not be started again.
fn advised(error: Error) -> Error {
    match error.kind() {
        Kind::Refused => error.with_hint("is the target running? clients are reset until it is"),
        _ => error,
    }
}

/// Where the live counts come from.
#[derive(Clone)]
struct Census {
    reception: Arc<Reception>,
    counters: Arc<Counters>,
    began: Instant,
}

impl Census {
    fn now(&self) -> Stats {
        Stats {
            open: self.reception.open(),
            clients: self.reception.came(),
            refused: self.reception.refused(),
            upstream: self.counters.upstream(),
            downstream: self.counters.downstream(),
            seconds: crate::report::seconds(self.began.elapsed()),
            latest: None,
        }
    }

    /// Report at intervals.
    async fn report(self, every: Duration, output: Output) {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(10)));
        ticks.tick().await;
        let (mut up, mut down, mut since) = (0, 0, self.began);
        loop {
            ticks.tick().await;
            let mut stats = self.now();
            stats.latest = Some((
                stats.upstream - up,
                stats.downstream - down,
                since.elapsed(),
            ));
            (up, down, since) = (stats.upstream, stats.downstream, Instant::now());
            output.event(Level::Normal, &stats);
        }
    }
}
