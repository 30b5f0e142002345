//! `sockeye sockets --watch`: what changes, as a full-screen view, as lines, or as JSON events.

mod driver;
mod lines;
mod picked;
mod screen;
mod stream;

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use sockeye::Result;
use sockeye::host::services::{Services, ephemeral_range};
use sockeye::host::socket::Wanted;
use sockeye::host::table::{Notice, Table};
use sockeye::host::users::Users;
use sockeye::host::watch::{Changes, Ledger, Limits, Party, Tie};
use tokio::time::{Instant, sleep_until};

use self::driver::Driver;
use self::picked::Picked;
use super::row::{Source, name};
use super::which::Selection;
use super::words::write;
use crate::args;
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// The shortest interval: reading the table takes milliseconds.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// How the sockets are watched.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Watching")]
pub(super) struct Flags {
    /// Show what changes: full-screen at a terminal, else as lines, or as events with --json
    #[arg(long, conflicts_with_all = ["csv", "format", "columns", "wide", "limit", "sort", "no_header", "names", "pairs", "who", "wait_listening", "close", "stop", "assert", "verdicts"])]
    pub(super) watch: bool,
    /// Look again after this time, 100ms or more
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "1s", requires = "watch")]
    interval: Duration,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = args::duration, requires = "watch")]
    during: Option<Duration>,
    /// End after so many looks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "watch")]
    count: Option<u64>,
    /// With --json: numbers of idle sockets and processes too
    #[arg(long, requires_all = ["watch", "json"])]
    idle: bool,
}

/// What is watched and how, ready to be used.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) selection: Selection,
    /// Numbers instead of names of services.
    pub(super) numeric: bool,
    pub(super) flags: Flags,
}

fn interval(text: &str) -> std::result::Result<Duration, String> {
    let interval = args::duration(text).map_err(|error| error.to_string())?;
    match interval < LEAST_INTERVAL {
        true => Err("the shortest interval is 100ms".into()),
        false => Ok(interval),
    }
}

/// Watch until somebody ends it.
pub(super) async fn run(options: Options, output: Output) -> Result<Outcome> {
    let limits = Limits::default();
    // Not only what is meant: a socket that changes its state, say, is still the same one.
    let wanted = options.selection.details(Wanted {
        tcp: true,
        ..Wanted::default()
    });
    let request = options.selection.whole().details(wanted);
    let driver = Driver::start(request, limits, options.flags.interval);
    let ledger = Ledger::new(limits);
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if terminal && !output.json() {
        return screen::run(options, driver, ledger, output).await;
    }
    tell(options, driver, ledger, &output).await
}

/// Lines or events, until a bound, a signal, or the end of whoever reads them.
async fn tell(
    options: Options,
    mut driver: Driver,
    mut ledger: Ledger,
    output: &Output,
) -> Result<Outcome> {
    let stop = signals::stop_on_signals();
    let mut end = End::new(&options.flags);
    let mut names = Names::new(options.numeric);
    let mut picked = Picked::new(options.selection);
    let mut out = Vec::new();
    loop {
        let reading = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Outcome::Interrupted),
            () = end.reached() => return Ok(Outcome::Done),
            reading = driver.next() => reading?,
        };
        let changes = ledger.take(reading);
        out.clear();
        names.with(ledger.table(), |source| {
            let news = picked.of(&ledger, &changes, source);
            match output.json() {
                true => stream::write(
                    &ledger,
                    &changes,
                    &news,
                    source,
                    options.flags.idle,
                    &mut out,
                ),
                false => lines::write(&ledger, &changes, &news, source, &mut out),
            }
        });
        if !out.is_empty() && !output.bytes(&out) {
            // Nobody reads any more: that is how `head` ends it.
            return Ok(Outcome::Done);
        }
        if end.counted() {
            return Ok(Outcome::Done);
        }
    }
}

/// When a watch ends by itself.
#[derive(Debug)]
struct End {
    at: Option<Instant>,
    looks: Option<u64>,
}

impl End {
    fn new(flags: &Flags) -> Self {
        Self {
            at: flags
                .during
                .and_then(|during| Instant::now().checked_add(during)),
            looks: flags.count,
        }
    }

    /// Resolves when the time is over. Cancel safe.
    async fn reached(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// One more look; whether it was the last.
    fn counted(&mut self) -> bool {
        self.looks = self.looks.map(|left| left.saturating_sub(1));
        self.looks == Some(0)
    }
}

/// The names of services and users, kept from table to table.
#[derive(Debug)]
struct Names {
    services: Option<Services>,
    users: Users,
    ephemeral: std::ops::RangeInclusive<u16>,
}

impl Names {
    fn new(numeric: bool) -> Self {
        Self {
            services: (!numeric).then(Services::system),
            users: Users::of_system(),
            ephemeral: ephemeral_range(),
        }
    }

    /// What rows of this table are written from, for as long as `with` takes.
    fn with<R>(&mut self, table: &Table, with: impl FnOnce(&Source<'_>) -> R) -> R {
        let source = Source {
            table,
            services: self.services.take(),
            users: std::mem::take(&mut self.users),
            ephemeral: self.ephemeral.clone(),
        };
        let result = with(&source);
        (self.services, self.users) = (source.services, source.users);
        result
    }
}

/// Whose a socket is or was: `nginx 77`, `last owner nginx 77`, `probably nginx 77`.
fn party(party: &Party, out: &mut String) {
    out.push_str(match party.tie {
        Tie::WillAccept => "waits for ",
        Tie::Held => "last owner ",
        Tie::Listens => "probably ",
        _ => "",
    });
    name(&party.process.name, out);
    write(out, format_args!(" {}", party.process.pid));
    if party.others > 0 {
        write(out, format_args!(" and {} more", party.others));
    }
}

/// What was noticed at this look and is news. What the kernel lacks is said once, and only to those who ask for it.
fn news(changes: &Changes, named_protocols: bool) -> impl Iterator<Item = &Notice> {
    let notices = changes.notices.iter();
    notices.filter(move |notice| match notice.code {
        "protocol-missing" => changes.first && named_protocols,
        "filter-in-user-space" => changes.first,
        _ => true,
    })
}
