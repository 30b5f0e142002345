//! `sockeye listen`: be a server, for many clients at once.

mod console;
mod labels;
mod mode;
pub(crate) mod program;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::net::{Arrival, Incoming, Net, serve};
use sockeye::relay::{self, EndedBy, JoinOptions, Joined, Notice, QUEUE, Side};
use sockeye::wire::ConnectionId;
use sockeye::{Endpoint, Error, Kind, Link, Operation, Result};
use tokio_util::sync::CancellationToken;

use super::serving::{self, Reception};
use crate::args::{self, ServingArgs, TalkingArgs};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::report::{Closed, HalfClosed, Parties, Stopped};
use crate::signals;
use mode::Mode;

/// Whoever read our standard output has gone.
const BROKEN_PIPE: i32 = nix::libc::EPIPE;

/// Be a server, for many clients at once
///
/// What clients say comes to standard output; what is typed goes to all of them, or with "@2 text" to client 2 alone. With
/// one of the modes below, clients are answered without you.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye listen 15000\n  \
    sockeye listen 15000 --once > upload.bin\n  \
    sockeye listen tls://0 --echo\n  \
    sockeye listen :8080 --exec 'wc -c' --max-clients 20\n  \
    sockeye listen unix:/tmp/chat.sock --broker")]
pub(crate) struct Args {
    /// Where to listen: PORT (this machine only), :PORT (everyone), tls://..., udp://..., unix:/path ...
    #[arg(value_parser = args::endpoint, value_name = "ENDPOINT")]
    at: Endpoint,
    #[command(flatten)]
    mode: ModeArgs,
    /// Serve one client, then end
    #[arg(long)]
    once: bool,
    /// Put the client's number before each line; by default at a terminal, from the second client on
    #[arg(long, conflicts_with = "mode")]
    label: bool,
    /// Send each client, and take from it, at most this many bytes a second (64KiB); without the overhead of TLS
    #[arg(long, value_name = "SIZE", value_parser = positive_size)]
    rate: Option<u64>,
    /// After Ctrl-C, conversations that run may take this long to finish
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    grace: Duration,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

/// A size of at least one byte.
fn positive_size(text: &str) -> Result<u64, String> {
    match args::size(text).map_err(|error| error.to_string())? {
        0 => Err("at least one byte a second".into()),
        size => Ok(size),
    }
}

/// What is done with clients.
#[derive(Debug, ClapArgs)]
#[group(multiple = true)]
struct ModeArgs {
    /// Send back what a client says (RFC 862)
    #[arg(long, group = "mode")]
    echo: bool,
    /// Throw away what a client says (RFC 863)
    #[arg(long, group = "mode")]
    discard: bool,
    /// Send characters without end (RFC 864)
    #[arg(long, group = "mode")]
    chargen: bool,
    /// Send this file to each client (at most 64 MiB), then end
    #[arg(long, group = "mode", value_name = "FILE")]
    reply: Option<PathBuf>,
    /// Run this program for each client: its input is what the client says, its output the answer. Words are split as in a
    /// shell, but no shell runs; SOCKEYE_PEER and others tell the program who is there
    #[arg(long, group = "mode", value_name = "CMD")]
    exec: Option<String>,
    /// Run this line with /bin/sh for each client
    #[arg(long, group = "mode", value_name = "LINE")]
    shell: Option<String>,
    /// Pass on what each client says to all others
    #[arg(long, group = "mode")]
    broker: bool,
    /// With --broker: how much may wait for one client
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value_t = QUEUE as u64, requires = "broker")]
    queue: u64,
    /// With --broker: a client that reads too slowly misses messages, or is disconnected
    #[arg(long, value_enum, default_value_t = SlowPolicy::Skip, value_name = "POLICY", requires = "broker")]
    slow: SlowPolicy,
}

/// What happens to a client whose queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SlowPolicy {
    /// It misses what does not fit
    Skip,
    /// It is disconnected
    Disconnect,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    args.talking.refuse_via("who listens waits for others")?;
    let stop = signals::stop_on_signals();
    let at = args.talking.refine(args.at.clone());
    super::say_what_is_weak(&at, &output);
    if args.rate.is_some() && at.keeps_boundaries() {
        let reason = match at.python() {
            Some(_) => "it holds bytes to a rate, not messages",
            None => "datagrams that come too fast would only be lost",
        };
        let why = format!("--rate does not apply to {}: {reason}", at.scheme());
        return Err(Error::new(Kind::Usage, Operation::Parse, why));
    }
    let net = args
        .talking
        .net(&output, false)
        .program_groups(true)
        .sessions(args.serving.sessions());
    let mut limits = args.serving.limits()?;
    limits.total = args.once.then_some(1);
    let mode = Mode::new(&args, &at, &output, &stop)?;
    let listener = net.listen(&at).await?;
    super::say_listening(&listener, &output);
    serving::end_after(args.talking.timeout, &stop);

    let reception = Reception::new(&output, args.once || listener.is_single());
    let mut options = JoinOptions::default();
    options.end = mode.policy();
    options.idle_timeout = args.serving.idle_timeout;
    let cut = serving::cut_after_grace(&stop, args.grace, &at, &reception);
    options.stop = Some(cut.clone());
    let serving = Arc::new(Serving {
        at,
        stop: stop.clone(),
        cut,
        options,
        rate: args.rate,
        mode,
        net,
        reception: Arc::clone(&reception),
        output: output.clone(),
    });
    let served = serve(listener, limits, stop.clone(), |arrival| {
        Arc::clone(&serving).arrived(arrival)
    })
    .await?;
    let missed = serving.mode.missed();
    if missed > 0 {
        output.warn(format_args!("slow clients missed {missed} messages"));
    }
    output.event(
        Level::Verbose,
        &Stopped {
            clients: served.accepted,
            refused: served.refused,
        },
    );
    reception.outcome()
}

/// What all clients share.
struct Serving {
    at: Endpoint,
    mode: Mode,
    net: Net,
    stop: CancellationToken,
    cut: CancellationToken,
    options: JoinOptions,
    rate: Option<u64>,
    reception: Arc<Reception>,
    output: Output,
}

impl Serving {
    async fn arrived(self: Arc<Self>, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(incoming) => {
                let _visit = self.reception.enter();
                let connection = incoming.connection();
                let result = self.converse(incoming, connection).await;
                self.reception.left(connection.0, result);
            }
            other => self.reception.turned_away(other),
        }
    }

    async fn converse(&self, incoming: Incoming, connection: ConnectionId) -> Result<Outcome> {
        // What opening needs is freed before the conversation, which may be idle for long, begins.
        let (ours, client, leave) = Box::pin(self.open(incoming, connection)).await?;
        // Seen from a server the client is the remote side: upstream goes to it.
        let joined = match leave {
            None if !self.reports() => relay::join(ours, client, &self.options).await,
            leave => Box::pin(self.join_reporting(ours, client, connection, leave)).await,
        };
        if let Some(exit) = joined.local_exit.filter(|exit| !exit.success())
            && !self.output.json()
        {
            self.output.say(
                Level::Normal,
                format_args!("{connection} the program ended with {exit}"),
            );
        }
        if matches!(self.mode, Mode::Console(_)) {
            return self.heard_out(joined);
        }
        self.reception.verdict(joined, &self.at, &self.at)
    }

    async fn open(
        &self,
        incoming: Incoming,
        connection: ConnectionId,
    ) -> Result<(Link, Link, Option<CancellationToken>)> {
        let client = self.paced(incoming.handshake().await?);
        let leave = self.mode.cuts_off().then(|| self.cut.child_token());
        let link = self
            .mode
            .link(&self.net, connection, &client, leave.clone());
        let ours = match link.await {
            Ok(ours) => ours,
            Err(error) => {
                // The client must not take our failure for an empty answer.
                client.abort();
                return Err(error);
            }
        };
        // Only now it is known whether there is more than one client to tell apart.
        if self.reports() {
            let mut connected = super::connected(connection.0, &client, None);
            connected.numbered = true;
            connected.local = None;
            self.output
                .event(self.mode.announcement_level(), &connected);
        }
        let client = match self.mode.takes_lines() {
            true => super::python::spoken(&self.at, client, &self.output),
            false => client,
        };
        Ok((ours, client, leave))
    }

    /// Whether anybody hears of comings and goings.
    fn reports(&self) -> bool {
        self.output.reports(self.mode.announcement_level())
    }

    /// The same conversation, told to whoever reads events, and with an end that is this client's own.
    async fn join_reporting(
        &self,
        ours: Link,
        client: Link,
        connection: ConnectionId,
        leave: Option<CancellationToken>,
    ) -> Joined {
        let mut options = self.options.clone();
        if let Some(leave) = &leave {
            options.stop = Some(leave.clone());
        }
        if self.output.json() {
            let output = self.output.clone();
            options.notify = Some(Arc::new(move |notice| {
                if let Notice::HalfClosed { way, bytes } = notice {
                    output.json_line(&HalfClosed {
                        connection: connection.0,
                        way: way.code(),
                        bytes,
                    });
                }
            }));
        }
        let joined = relay::join(ours, client, &options).await;
        let too_slow = leave.is_some_and(|leave| leave.is_cancelled() && !self.cut.is_cancelled());
        self.report(connection.0, &joined, too_slow);
        joined
    }

    fn report(&self, connection: u64, joined: &Joined, too_slow: bool) {
        let level = match too_slow {
            true => Level::Normal,
            // Asked again: meanwhile there may be more than one client.
            false => self.mode.announcement_level(),
        };
        if self.output.reports(level) {
            let mut closed = Closed::between(Parties::Server, connection, joined);
            if too_slow {
                closed.reason = "too-slow";
                closed.cause = "the client read too slowly and was disconnected".into();
            }
            self.output.event(level, &closed);
        }
    }

    /// At a console everybody shares our standard output: when it fails, all is over.
    fn heard_out(&self, joined: Joined) -> Result<Outcome> {
        let result = match joined.totals.ended_by {
            EndedBy::LocalEnd => Ok(Outcome::Done),
            EndedBy::Failed(Side::Local, error) if error.os_code() == Some(BROKEN_PIPE) => {
                Ok(Outcome::Done)
            }
            EndedBy::Failed(Side::Local, error) => {
                Err(error.with_hint("standard output takes no more, so no client can be heard"))
            }
            _ => return self.reception.verdict(joined, &self.at, &self.at),
        };
        self.reception.conclude(result);
        self.stop.cancel();
        self.cut.cancel();
        Ok(Outcome::Done)
    }

    /// The client held to the rate.
    fn paced(&self, client: Link) -> Link {
        match (client, self.rate) {
            (Link::Stream(stream), Some(rate)) => Link::Stream(relay::paced(stream, rate)),
            (client, _) => client,
        }
    }
}
