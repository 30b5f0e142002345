//! `sockeye connect`: talk to a server.

mod probe;

use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use nix::sys::signal::Signal;
use sockeye::endpoint::{Carrier, HostPort};
use sockeye::net::TerminalSize;
use sockeye::relay::{self, EndPolicy, EndedBy, JoinOptions, Joined, Notice};
use sockeye::wire::Side;
use sockeye::{Endpoint, Error, Kind, Link, Net, Operation, Result, Stream};
use tokio_util::sync::CancellationToken;

pub(crate) use self::probe::Probe;
use crate::args::{self, Bytes, TalkingArgs, WireFormat};
use crate::exit::Outcome;
use crate::local::{self, Manner, RawTerminal};
use crate::output::{Level, Output};
use crate::report::{Closed, HalfClosed, Summary, short};
use crate::signals;

/// The longest pause between two attempts of `--retry`.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause between two attempts of `--wait`: whoever waits wants to know soon.
const MAX_WAIT_PAUSE: Duration = Duration::from_millis(400);

/// The pause after the first failed attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Talk to a server: standard input goes to it, what it says comes to standard output
///
/// The end of standard input half-closes the connection: the server reads the end, and its answer still arrives, however
/// late. The conversation is over when the server ends it.
///
/// At a terminal, lines are edited as usual, Ctrl-D half-closes, and what the server says is shown without the control
/// sequences that could confuse the terminal. In a pipe or a file every byte is exact.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye connect localhost:15000\n  \
    printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sockeye connect example.org:80\n  \
    sockeye connect tls://example.org:443 --crlf --wire\n  \
    sockeye connect unix:/run/app.sock --send 'status\\n'\n  \
    echo '{\"n\": 1}' | sockeye connect 'python+tcp://localhost:6000?authkey-file=key'\n  \
    sockeye connect db:5432 --wait 30s --zero\n  \
    sockeye connect pty:bash")]
pub(crate) struct Args {
    /// Where to connect to: host:port, tls://host:port, unix:/path, exec:CMD ...
    #[arg(value_parser = args::endpoint, value_name = "ENDPOINT")]
    to: Endpoint,
    /// What stands behind the endpoint is a mistake that deserves a good answer.
    #[arg(hide = true, value_name = "NOTHING")]
    more: Vec<String>,
    /// Send this instead of standard input; \r \n \t \0 \xNN \u{N} \\ are understood. May be repeated
    #[arg(long, value_name = "TEXT", value_parser = args::bytes, allow_hyphen_values = true, help_heading = "Talking")]
    send: Vec<Bytes>,
    /// Send CR LF where the input has LF
    #[arg(long, help_heading = "Talking")]
    crlf: bool,
    /// Pass every key on, Ctrl-C too; Ctrl-] leaves. On by itself with pty: at a terminal
    #[arg(long, help_heading = "Talking")]
    raw: bool,
    /// When it is over: until-remote, until-both or until-either side has ended [default: until-remote at a terminal and
    /// for programs and files, else until-both]
    #[arg(
        long,
        value_name = "POLICY",
        value_enum,
        hide_possible_values = true,
        help_heading = "Talking"
    )]
    until: Option<args::Until>,
    /// End when nothing moves for this time
    #[arg(long, value_name = "TIME", value_parser = args::duration, help_heading = "Talking")]
    idle_timeout: Option<Duration>,
    /// Only test whether the port answers: connect, and close at once
    #[arg(long, short = 'z', conflicts_with_all = ["send", "crlf", "raw"], help_heading = "Getting there")]
    zero: bool,
    /// Wait until the port answers, and the name resolves, for this long at most [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = args::duration, num_args = 0..=1, default_missing_value = "60s",
        conflicts_with = "retry", help_heading = "Getting there")]
    wait: Option<Duration>,
    /// Try again this many times when nobody answers, with growing pauses
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Getting there"
    )]
    retry: u32,
    /// Our own address, and port if one is given
    #[arg(
        long,
        visible_alias = "source",
        value_name = "ADDRESS[:PORT]",
        help_heading = "Getting there"
    )]
    bind: Option<String>,
    #[command(flatten)]
    talking: TalkingArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let to = endpoint(&args)?;
    let cuts = Cuts::new(args.talking.timeout);
    let net = args.talking.net(&output, false);
    let connection = net.next_connection();
    let net = net.for_conversation(connection, Side::Only);
    super::say_what_is_weak(&to, &output);

    let started = Instant::now();
    let reaching = reach(&args, &net, &to, &output);
    let Some(remote) = cuts.leave.run_until_cancelled(reaching).await else {
        return match cuts.out_of_time(Operation::Connect, &to) {
            Some(error) => Err(error),
            None => Ok(Outcome::Interrupted),
        };
    };
    let remote = remote?;
    let connected_after = started.elapsed();
    let connected = super::connected(connection.0, &remote, Some(connected_after));
    output.event(level_of_connected(&args), &connected);

    let talk = Talk {
        to,
        connection: connection.0,
        connected_after,
        cuts,
        refused: Arc::default(),
        output,
    };
    if args.zero {
        return talk.touch(remote).await;
    }
    talk.converse(&args, remote).await
}

/// The endpoint with what the flags add to it.
fn endpoint(args: &Args) -> Result<Endpoint> {
    let usage = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
    if let Some(more) = args.more.first() {
        let error = usage(format!("`{more}` is one argument too many"));
        return Err(match args.to.carrier() {
            Carrier::Exec(_) | Carrier::Pty(_) => error.with_hint(format!(
                "quote the program with its arguments: '{} {more}'",
                args.to
            )),
            _ => error.with_hint("host and port are one argument, as in localhost:80"),
        });
    }
    refined(args, args.to.clone())
}

/// An endpoint with what the flags add to it.
fn refined(args: &Args, to: Endpoint) -> Result<Endpoint> {
    let usage = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
    let mut to = args.talking.through(to)?;
    if let Some(bind) = &args.bind {
        if !to.carrier().is_networked() {
            let why = format!("--bind does not apply to {}", to.carrier().scheme());
            return Err(usage(why).with_hint("it is for tcp and udp"));
        }
        to.options_mut().bind = Some(HostPort::parse_local(bind)?);
    }
    Ok(to)
}

/// People want to read where they are; pipes do not. The exact wire views say it themselves, in their own form.
fn level_of_connected(args: &Args) -> Level {
    let shows = match args.talking.wire {
        Some(format) => format == WireFormat::Text,
        None => args.zero || io::stdin().is_terminal(),
    };
    if shows { Level::Normal } else { Level::Verbose }
}

/// What may end the conversation from outside.
struct Cuts {
    /// Cancelled by a signal.
    stop: CancellationToken,
    /// Cancelled when `--timeout` is over.
    late: CancellationToken,
    /// Cancelled by either, by the key that leaves, and when nobody reads our output.
    leave: CancellationToken,
    limit: Option<Duration>,
}

impl Cuts {
    fn new(limit: Option<Duration>) -> Self {
        let stop = signals::stop_on_signals();
        let (late, leave) = (CancellationToken::new(), stop.child_token());
        if let Some(limit) = limit {
            let (late, leave) = (late.clone(), leave.clone());
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                late.cancel();
                leave.cancel();
            });
        }
        Self {
            stop,
            late,
            leave,
            limit,
        }
    }

    fn out_of_time(&self, during: Operation, to: &Endpoint) -> Option<Error> {
        let limit = self.limit.filter(|_| self.late.is_cancelled())?;
        let error = Error::new(
            Kind::TimedOut,
            during,
            format!("--timeout {limit:?} is over"),
        );
        Some(error.on(to).with_hint("without --timeout it goes on"))
    }
}

/// Connect, again and again if the flags say so.
async fn reach(args: &Args, net: &Net, to: &Endpoint, output: &Output) -> Result<Link> {
    let Some(wait) = args.wait else {
        return retry(args.retry, MAX_PAUSE, net, to, output, &mut None).await;
    };
    // The last failure says more than that the time is over.
    let mut last = None;
    let waiting = retry(u32::MAX, MAX_WAIT_PAUSE, net, to, output, &mut last);
    match tokio::time::timeout(wait, waiting).await {
        Ok(reached) => reached,
        Err(_) => {
            let why = last.map_or_else(
                || "no answer".to_owned(),
                |error: Error| error.why().to_owned(),
            );
            let why = format!("{why}; --wait {wait:?} is over");
            Err(Error::new(Kind::TimedOut, Operation::Connect, why)
                .on(to)
                .with_hint("a longer --wait waits longer"))
        }
    }
}

async fn retry(
    times: u32,
    max_pause: Duration,
    net: &Net,
    to: &Endpoint,
    output: &Output,
    last: &mut Option<Error>,
) -> Result<Link> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..times {
        let error = match net.open(to).await {
            Err(error) if may_pass(&error) => error,
            reached => return reached,
        };
        output.say(
            Level::Verbose,
            format_args!("{error}; trying again in {pause:?}"),
        );
        *last = Some(error);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(max_pause);
    }
    net.open(to).await
}

/// Whether waiting may mend it.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Refused | Kind::Unreachable | Kind::TimedOut | Kind::Lost | Kind::Name
    )
}

/// A connection, and what is known about it.
struct Talk {
    to: Endpoint,
    connection: u64,
    connected_after: Duration,
    cuts: Cuts,
    /// Whether a datagram came back as "port unreachable".
    refused: Arc<AtomicBool>,
    output: Output,
}

impl Talk {
    /// Connect was all that was wanted: say the end and close.
    async fn touch(self, remote: Link) -> Result<Outcome> {
        if matches!(self.to.carrier(), Carrier::Udp(_)) {
            let why = "datagrams need no connection: that nobody answers does not show before something is sent";
            self.output.say(Level::Normal, why);
        }
        let mut options = self.options(EndPolicy::UntilLocal);
        options.datagram_linger = Some(Duration::ZERO);
        let nothing = Link::Stream(Stream::from_io(tokio::io::empty()));
        let joined = relay::join(nothing, remote, &options).await;
        if self.output.json() {
            self.output
                .json_line(&Closed::new(self.connection, &joined));
        }
        let line = format_args!("connected in {}", short(self.connected_after));
        self.output.say(Level::Verbose, line);
        Ok(Outcome::Done)
    }

    async fn converse(self, args: &Args, remote: Link) -> Result<Outcome> {
        let is_pty = matches!(self.to.carrier(), Carrier::Pty(_));
        let raw = (args.raw || is_pty) && io::stdin().is_terminal() && args.send.is_empty();
        let terminal = raw
            .then(RawTerminal::enter)
            .transpose()
            .map_err(|e| Error::from_io(Operation::Open, e))?;
        if raw {
            follow_window(&remote);
        }
        let manner = Manner {
            send: (!args.send.is_empty())
                .then(|| args.send.iter().flat_map(|text| text.0.clone()).collect()),
            crlf: args.crlf,
            raw,
            patient: false,
            connection: self.connection,
        };
        let local = local::open(manner, &self.output, &self.cuts.leave).await?;
        let remote = super::python::spoken(&self.to, remote, &self.output);
        let mut options = self.options(self.end(args));
        options.idle_timeout = args.idle_timeout;
        let joined = relay::join(local, remote, &options).await;
        drop(terminal);
        self.finish(joined)
    }

    /// When it is over. A person sees the server's end and is done; a file or a pipe still has to be sent to its end, for
    /// a server that has said all may still listen. What a program or a file says by ending is final.
    fn end(&self, args: &Args) -> EndPolicy {
        let is_person = args.send.is_empty() && io::stdin().is_terminal();
        let may_listen_on = matches!(
            self.to.carrier(),
            Carrier::Tcp(_) | Carrier::Udp(_) | Carrier::Unix(_)
        );
        match args.until {
            Some(until) => until.policy(),
            None if may_listen_on && !is_person => EndPolicy::UntilBoth,
            None => EndPolicy::UntilRemote,
        }
    }

    fn options(&self, end: EndPolicy) -> JoinOptions {
        let mut options = JoinOptions::default();
        options.end = end;
        options.stop = Some(self.cuts.leave.clone());
        let (connection, output) = (self.connection, self.output.clone());
        let (to, refused) = (self.to.clone(), Arc::clone(&self.refused));
        options.notify = Some(Arc::new(move |notice| match notice {
            Notice::HalfClosed { way, bytes } if output.json() => {
                let way = way.code();
                output.json_line(&HalfClosed {
                    connection,
                    way,
                    bytes,
                });
            }
            // Said once, as soon as it is known.
            Notice::Refused if !refused.swap(true, Ordering::Relaxed) => {
                output.warn(format_args!("nobody listens at {to} (port unreachable)"));
            }
            _ => {}
        }));
        options
    }

    /// Say what it came to, and find the exit code.
    fn finish(self, joined: Joined) -> Result<Outcome> {
        let Self {
            to, cuts, output, ..
        } = &self;
        if output.json() {
            output.json_line(&Closed::new(self.connection, &joined));
        }
        let (totals, connected_after) = (&joined.totals, self.connected_after);
        output.say(
            Level::Verbose,
            Summary {
                totals,
                connected_after,
            },
        );
        let lost = totals.upstream.undelivered;
        let is_over = matches!(totals.ended_by, EndedBy::Ends | EndedBy::RemoteEnd);
        if lost > 0 && (!is_over || joined.remote_exit.is_some()) {
            output.warn(format_args!("{lost} bytes could not be delivered to {to}"));
        }
        let unheard = totals.downstream.bytes == 0 && self.refused.load(Ordering::Relaxed);
        if totals.downstream.truncated {
            output.warn(format_args!(
                "{to} ended without close_notify: what it said may be cut short"
            ));
        }
        if cuts.stop.is_cancelled() {
            return Ok(Outcome::Interrupted);
        }
        let exit = joined.remote_exit;
        match joined.totals.ended_by {
            EndedBy::Failed(relay::Side::Remote, error) => Err(error.on(to)),
            EndedBy::Failed(relay::Side::Local, error) => Err(error),
            EndedBy::Reset(relay::Side::Remote) => {
                Err(Error::new(Kind::Lost, Operation::Read, "the peer reset the connection").on(to))
            }
            EndedBy::Idle => {
                let why = "nothing moved within --idle-timeout";
                Err(Error::new(Kind::TimedOut, Operation::Read, why).on(to))
            }
            EndedBy::Stopped if cuts.late.is_cancelled() => {
                match cuts.out_of_time(Operation::Read, to) {
                    Some(error) => Err(error),
                    None => Ok(Outcome::Done),
                }
            }
            // We left, and the program behind the endpoint had to.
            EndedBy::Stopped | EndedBy::LocalEnd if exit.is_some_and(was_sent_away) => {
                Ok(Outcome::Done)
            }
            _ if exit.is_none() && lost > 0 && is_over => {
                let why = format!("{lost} bytes could not be delivered: the peer no longer reads");
                Err(Error::new(Kind::Lost, Operation::Write, why).on(to))
            }
            _ if unheard => {
                let why = "nobody took the datagrams (port unreachable)";
                Err(Error::new(Kind::Refused, Operation::Write, why).on(to))
            }
            _ => Ok(exit.map_or(Outcome::Done, Outcome::Program)),
        }
    }
}

/// Whether a program ended because nobody listens to it any more.
fn was_sent_away(exit: ExitStatus) -> bool {
    let signals = [
        Signal::SIGPIPE,
        Signal::SIGTERM,
        Signal::SIGKILL,
        Signal::SIGHUP,
    ];
    exit.signal()
        .is_some_and(|signal| signals.iter().any(|sent| *sent as i32 == signal))
}

/// Keep the far terminal the size of ours.
fn follow_window(remote: &Link) {
    let Link::Stream(stream) = remote else { return };
    let Some(far) = stream.terminal() else { return };
    let copy = move |far: &TerminalSize| {
        if let Ok(size) = rustix::termios::tcgetwinsize(io::stdin()) {
            // The program may have gone; the conversation notices by itself.
            drop(far.set(size.ws_row, size.ws_col));
        }
    };
    copy(&far);
    let Ok(mut changes) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())
    else {
        return;
    };
    tokio::spawn(async move {
        while changes.recv().await.is_some() {
            copy(&far);
        }
    });
}
