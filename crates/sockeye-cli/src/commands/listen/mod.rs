//! `sockeye listen`: be a server, for many clients at once.

mod console;
mod labels;
mod mode;
mod program;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::net::{Arrival, Incoming, Net, serve};
use sockeye::relay::{self, JoinOptions, Joined, Notice, QUEUE};
use sockeye::{Endpoint, Error, Kind, Link, Operation, Result};
use tokio_util::sync::CancellationToken;

use crate::args::{self, ServingArgs, TalkingArgs};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::report::{Closed, HalfClosed, Stopped};
use crate::signals;
use mode::Mode;

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
    #[arg(long)]
    label: bool,
    /// At most this many bytes a second to and from each client
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    rate: Option<u64>,
    /// After Ctrl-C, conversations that run may take this long to finish
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    grace: Duration,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    talking: TalkingArgs,
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
    let stop = signals::stop_on_signals();
    let at = args.talking.refine(args.at.clone());
    super::say_what_is_weak(&at, &output);
    if args.rate.is_some() && at.carrier().keeps_boundaries() {
        return Err(Error::new(
            Kind::Usage,
            Operation::Parse,
            "--rate does not apply to datagrams",
        ));
    }
    let net = args
        .talking
        .net(&output, false)
        .program_groups(true)
        .sessions(args.serving.sessions());
    let mut limits = args.serving.limits()?;
    limits.total = args.once.then_some(1);
    let mode = Mode::new(&args, &output, &stop)?;
    let listener = net.listen(&at).await?;
    super::say_listening(&listener, &output);
    super::end_after(args.talking.timeout, &stop);

    let serving = Arc::new(Serving {
        cut: super::cut_after_grace(&stop, args.grace, &output),
        options: JoinOptions::default(),
        idle_timeout: args.serving.idle_timeout,
        rate: args.rate,
        mode,
        net,
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
    Ok(Outcome::Done)
}

/// What all clients share.
struct Serving {
    mode: Mode,
    net: Net,
    cut: CancellationToken,
    /// What all conversations share, their pipes above all.
    options: JoinOptions,
    idle_timeout: Option<Duration>,
    rate: Option<u64>,
    output: Output,
}

impl Serving {
    async fn arrived(self: Arc<Self>, arrival: Arrival) {
        match arrival {
            Arrival::Accepted(incoming) => {
                let connection = incoming.connection().0;
                if let Err(error) = self.converse(incoming).await {
                    super::say_failed(connection, &error, &self.output);
                }
            }
            other => super::say_not_served(other, &self.output),
        }
    }

    async fn converse(&self, incoming: Incoming) -> Result<()> {
        let connection = incoming.connection().0;
        // What is needed only to begin is boxed, so that an idle client costs no room for it.
        let (ours, client) = Box::pin(self.begin(incoming)).await?;
        let options = self.options(connection);
        // Seen from a server the client is the remote side: upstream goes to it.
        let joined = relay::join(ours, client, &options).await;
        self.report(connection, &joined);
        Ok(())
    }

    /// Agree with the client on the layers, and open our side.
    async fn begin(&self, incoming: Incoming) -> Result<(Link, Link)> {
        let connection = incoming.connection();
        let client = self.paced(incoming.handshake().await?);
        let level = self.mode.announcement_level();
        if self.output.reports(level) {
            let mut connected = super::connected(connection.0, &client, None);
            connected.numbered = true;
            connected.local = None;
            self.output.event(level, &connected);
        }
        let ours = self.mode.link(&self.net, connection, &client).await?;
        Ok((ours, client))
    }

    fn options(&self, connection: u64) -> JoinOptions {
        let mut options = self.options.clone();
        options.end = self.mode.policy();
        options.idle_timeout = self.idle_timeout;
        options.stop = Some(self.cut.clone());
        if self.output.json() {
            let output = self.output.clone();
            options.notify = Some(Arc::new(move |notice| {
                if let Notice::HalfClosed { way, bytes } = notice {
                    output.json_line(&HalfClosed {
                        connection,
                        way: way.code(),
                        bytes,
                    });
                }
            }));
        }
        options
    }

    fn report(&self, connection: u64, joined: &Joined) {
        let level = self.mode.announcement_level();
        if self.output.reports(level) {
            self.output.event(level, &Closed::new(connection, joined));
        }
        if let Some(exit) = joined.local_exit.filter(|exit| !exit.success())
            && !self.output.json()
        {
            self.output.say(
                Level::Normal,
                format_args!("#{connection} the program ended with {exit}"),
            );
        }
    }

    /// The client held to the rate.
    fn paced(&self, client: Link) -> Link {
        match (client, self.rate) {
            (Link::Stream(stream), Some(rate)) => Link::Stream(relay::paced(stream, rate)),
            (client, _) => client,
        }
    }
}
