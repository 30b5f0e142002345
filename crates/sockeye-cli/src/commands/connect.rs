//! `sockeye connect`: talk to a server.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;
use sockeye::endpoint::{Carrier, HostPort};
use sockeye::net::TerminalSize;
use sockeye::relay::{self, EndedBy, JoinOptions, Joined, Notice};
use sockeye::wire::Side;
use sockeye::{Endpoint, Error, Kind, Link, Net, Operation, Result};
use tokio_util::sync::CancellationToken;

use crate::args::{self, TalkingArgs};
use crate::exit::Outcome;
use crate::local::{self, Manner, RawTerminal};
use crate::output::{Level, Output};
use crate::report::{Closed, Summary};
use crate::signals;

/// The longest pause between two attempts to connect.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The pause after the first failed attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long `--wait` waits if it does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

/// Talk to a server: standard input goes to it, what it says comes to standard output
///
/// The end of standard input half-closes the connection: the server reads the end, and its answer still arrives, however
/// late. The conversation is over when the server ends it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye connect localhost:15000\n  \
    printf 'GET / HTTP/1.0\\r\\n\\r\\n' | sockeye connect example.org:80\n  \
    sockeye connect tls://example.org:443 --crlf --wire\n  \
    sockeye connect unix:/run/app.sock --send 'status\\n'\n  \
    sockeye connect db:5432 --wait 30s --zero")]
pub(crate) struct Args {
    /// Where to connect to: host:port, tls://host:port, unix:/path, exec:CMD ...
    #[arg(value_parser = args::endpoint, value_name = "ENDPOINT")]
    to: Endpoint,
    /// Send this instead of reading standard input; \r \n \t \0 \xNN \u{N} \\ are understood. May be repeated
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    send: Vec<String>,
    /// Send CR LF where the input has LF
    #[arg(long)]
    crlf: bool,
    /// Our own address, and port if one is given
    #[arg(long, visible_alias = "source", value_name = "ADDRESS[:PORT]")]
    bind: Option<String>,
    /// Try again this many times when nobody answers, with growing pauses
    #[arg(long, value_name = "N", default_value_t = 0)]
    retry: u32,
    /// Wait until the port answers, for this long at most [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = args::duration, num_args = 0..=1, require_equals = false)]
    wait: Option<Option<Duration>>,
    /// Connect, and close at once: only test whether the port answers
    #[arg(long, short = 'z')]
    zero: bool,
    /// Take keys one by one and pass all of them on, Ctrl-C too; Ctrl-] leaves. On by itself for pty: at a terminal
    #[arg(long)]
    raw: bool,
    /// End when nothing moves for this time
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    idle_timeout: Option<Duration>,
    /// When it is over: until-remote, until-both or until-either
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = args::Until::Remote)]
    until: args::Until,
    #[command(flatten)]
    talking: TalkingArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let to = endpoint(&args)?;
    let stop = signals::stop_on_signals();
    let limit = args.talking.timeout;
    let conversation = converse(&args, &to, &output, &stop);
    match limit {
        None => conversation.await,
        Some(limit) => tokio::time::timeout(limit, conversation)
            .await
            .unwrap_or_else(|_| {
                let why = format!("--timeout {limit:?} is over");
                Err(Error::new(Kind::TimedOut, Operation::Connect, why).on(&to))
            }),
    }
}

/// The endpoint with what the flags add to it.
fn endpoint(args: &Args) -> Result<Endpoint> {
    let mut to = args.talking.refine(args.to.clone());
    if let Some(bind) = &args.bind {
        if !to.carrier().is_networked() {
            let why = format!("--bind does not apply to {}", to.carrier().scheme());
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        }
        to.options_mut().bind = Some(HostPort::parse_local(bind)?);
    }
    Ok(to)
}

async fn converse(
    args: &Args,
    to: &Endpoint,
    output: &Output,
    stop: &CancellationToken,
) -> Result<Outcome> {
    let started = Instant::now();
    let net = args.talking.net(output, false);
    let connection = net.next_connection();
    let net = net.for_conversation(connection, Side::Only);
    super::say_what_is_weak(to, output);
    let Some(remote) = stop
        .run_until_cancelled(reach(args, &net, to, output))
        .await
    else {
        return Ok(Outcome::Interrupted);
    };
    let remote = remote?;
    let connected_after = started.elapsed();
    let connected = super::connected(connection.0, &remote, Some(connected_after));
    let level = if args.talking.wire.is_some() || io::stdin().is_terminal() || args.zero {
        Level::Normal
    } else {
        Level::Verbose
    };
    output.event(level, &connected);
    if args.zero {
        return close(remote).await;
    }

    let raw = (args.raw || matches!(to.carrier(), Carrier::Pty(_))) && io::stdin().is_terminal();
    let terminal = raw
        .then(RawTerminal::enter)
        .transpose()
        .map_err(|e| Error::from_io(Operation::Open, e))?;
    if raw {
        follow_window(&remote);
    }
    let leave = stop.child_token();
    let manner = Manner {
        send: send_bytes(args)?,
        crlf: args.crlf,
        raw,
        connection: connection.0,
    };
    let local = local::open(manner, output, &leave).await?;
    let mut options = JoinOptions::default();
    options.end = args.until.policy();
    options.idle_timeout = args.idle_timeout;
    options.stop = Some(leave.clone());
    let refused = Arc::new(AtomicBool::new(false));
    options.notify = Some(note_refusal(&refused, to, output));
    let joined = relay::join(local, remote, &options).await;
    drop(terminal);
    let unheard = joined.totals.downstream.bytes == 0 && refused.load(Ordering::Relaxed);
    let outcome = finish(joined, to, connection.0, connected_after, output, stop)?;
    if unheard && outcome == Outcome::Done {
        let why = "nobody took the datagrams (port unreachable)";
        return Err(Error::new(Kind::Refused, Operation::Write, why).on(to));
    }
    Ok(outcome)
}

/// Connect, again and again if the flags say so.
async fn reach(args: &Args, net: &Net, to: &Endpoint, output: &Output) -> Result<Link> {
    let wait_until = args
        .wait
        .map(|wait| Instant::now() + wait.unwrap_or(DEFAULT_WAIT));
    let mut pause = FIRST_PAUSE;
    let mut attempt = 0;
    loop {
        let error = match net.open(to).await {
            Ok(link) => return Ok(link),
            Err(error) => error,
        };
        let again = match wait_until {
            Some(until) => Instant::now() + pause < until,
            None => attempt < args.retry,
        };
        if !again || !may_pass(&error) {
            return Err(error);
        }
        attempt += 1;
        output.say(
            Level::Verbose,
            format_args!("{error}; trying again in {pause:?}"),
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(if wait_until.is_some() {
            FIRST_PAUSE * 4
        } else {
            MAX_PAUSE
        });
    }
}

/// Whether waiting may mend it.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Refused | Kind::Unreachable | Kind::TimedOut | Kind::Lost | Kind::Name
    )
}

fn send_bytes(args: &Args) -> Result<Option<Vec<u8>>> {
    if args.send.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for text in &args.send {
        let unescaped = sockeye::data::escape::unescape(text).map_err(|e| {
            let why = format!("--send {text:?}: {} at byte {}", e.reason(), e.offset());
            Error::new(Kind::Usage, Operation::Parse, why)
        })?;
        bytes.extend_from_slice(&unescaped);
    }
    Ok(Some(bytes))
}

async fn close(remote: Link) -> Result<Outcome> {
    if let Link::Stream(stream) = remote {
        stream.close().await?;
    }
    Ok(Outcome::Done)
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

/// Say once, as soon as it is known, that nobody takes our datagrams.
fn note_refusal(refused: &Arc<AtomicBool>, to: &Endpoint, output: &Output) -> relay::Notify {
    let (refused, to, output) = (Arc::clone(refused), to.clone(), output.clone());
    Arc::new(move |notice| {
        if matches!(notice, Notice::Refused) && !refused.swap(true, Ordering::Relaxed) {
            output.warn(format_args!("nobody listens at {to} (port unreachable)"));
        }
    })
}

fn finish(
    joined: Joined,
    to: &Endpoint,
    connection: u64,
    connected_after: Duration,
    output: &Output,
    stop: &CancellationToken,
) -> Result<Outcome> {
    if output.json() {
        output.json_line(&Closed::new(connection, &joined));
    }
    output.say(
        Level::Verbose,
        Summary {
            totals: &joined.totals,
            connected_after,
        },
    );
    let lost = joined.totals.upstream.undelivered;
    if lost > 0 {
        output.warn(format_args!("{lost} bytes could not be delivered to {to}"));
    }
    let exit = joined.remote_exit;
    match joined.totals.ended_by {
        _ if stop.is_cancelled() => Ok(Outcome::Interrupted),
        EndedBy::Failed(relay::Side::Remote, error) => Err(error.on(to)),
        EndedBy::Failed(relay::Side::Local, error) => Err(error),
        EndedBy::Reset(relay::Side::Remote) => {
            Err(Error::new(Kind::Lost, Operation::Read, "the peer reset the connection").on(to))
        }
        EndedBy::Idle => Err(Error::new(
            Kind::TimedOut,
            Operation::Read,
            "nothing moved within --idle-timeout",
        )
        .on(to)),
        _ => Ok(exit.map_or(Outcome::Done, Outcome::Program)),
    }
}
