//! `sockeye sockets`: which sockets this machine has, whose they are, and how they fare.

mod act;
mod columns;
mod csv;
mod json;
mod judge;
mod list;
mod names;
mod pairs;
mod row;
mod show;
mod template;
mod wait;
mod watch;
mod which;
mod who;
mod words;

use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args as ClapArgs};
use sockeye::Result;
use sockeye::host::assertion::Assertion;
use sockeye::host::filter::{Filter, FilterError};

use self::act::Signal;
use self::show::Show;
use self::which::{Which, number};
use self::who::Who;
use crate::args;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// List the sockets of this machine, with their owners
///
/// Without flags: every internet socket, connected and listening. Where no owner can be named, the reason is.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye sockets -tl\n  \
    sockeye sockets --port 5432\n  \
    sockeye sockets 'dport = :443 and proc = nginx' --wide\n  \
    sockeye sockets -a --json | jq -r '.owners[].name'\n  \
    sockeye sockets -l --format '{pid} {local}'\n  \
    sockeye sockets --who 10.0.0.5:44122-:443\n  \
    sockeye sockets --wait-listening 8080 --timeout 10s\n  \
    sockeye sockets --stop 8080\n\n\
    Exit codes: 0 something was found, 1 nothing was, 2 usage, 5 out of time, 8 this machine refused or the list is not complete")]
pub(crate) struct Args {
    /// Only those that this filter admits: 'dport = :443 and proc = nginx'
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    more: More,
    #[command(flatten)]
    watch: watch::Flags,
}

/// How a list is shown; what shows no list takes none of it.
const SHOWN: [&str; 10] = [
    "numeric",
    "wide",
    "sort",
    "limit",
    "columns",
    "csv",
    "format",
    "pairs",
    "names",
    "no_header",
];
/// What is done with them besides listing.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Ask, wait and act")]
#[command(group = ArgGroup::new("task").multiple(false))]
#[command(group = ArgGroup::new("waits").multiple(true))]
struct More {
    /// The connection between these two ends: 10.0.0.5:44122-:443
    #[arg(long, value_name = "A-B", value_parser = Who::parse,
        conflicts_with_all = ["all", "listening", "state", "pairs", "names", "sort", "limit"])]
    who: Option<Who>,
    /// Wait until somebody listens on these ports
    #[arg(long, value_name = "PORT", value_delimiter = ',', groups = ["task", "waits"],
        conflicts_with_all = ["who", "all", "state", "port", "pid", "pairs", "names", "sort", "limit"])]
    wait_listening: Vec<String>,
    /// Say whether this holds: 'none listening on non-loopback', 'exactly 1 tcp listening on port 80'
    #[arg(long, value_name = "TEXT", groups = ["task", "waits"],
        conflicts_with_all = ["who", "pairs", "names", "csv", "format", "sort", "limit"])]
    assert: Vec<String>,
    /// Say what is wrong, and nothing else: queues that are full, connections that nobody closes ...
    #[arg(long, group = "task", conflicts_with = "who", conflicts_with_all = SHOWN)]
    verdicts: bool,
    /// How long to wait [default: 60s for --wait-listening, 5s for --stop, not at all for --assert]
    #[arg(long, value_name = "TIME", value_parser = args::duration, requires = "waits")]
    timeout: Option<Duration>,
    /// Close the one connection that is meant
    #[arg(short = 'K', long, group = "task", conflicts_with_all = ["netns", "all_netns"], conflicts_with_all = SHOWN)]
    close: bool,
    /// Stop the processes that listen on this port, or on that of --port; clients are left alone
    #[arg(long, value_name = "PORT", num_args = 0..=1, groups = ["task", "waits"],
        conflicts_with_all = ["who", "filter", "netns", "all_netns", "all", "state", "pid", "ipv4", "ipv6"],
        conflicts_with_all = SHOWN)]
    stop: Option<Option<String>>,
    /// The signal of --stop: term, int, hup, quit or kill
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Signal::Term, hide_possible_values = true,
        requires = "stop")]
    signal: Signal,
    /// Close or stop without asking
    #[arg(short = 'y', long, requires = "task", conflicts_with_all = ["wait_listening", "assert", "verdicts"])]
    yes: bool,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let Args {
        filter,
        which,
        show,
        more,
        watch,
    } = args;
    show.check(output.json())?;
    let selection = which.selection(understood::<Filter>(&filter.join(" "), &output)?)?;
    if !more.assert.is_empty() {
        let texts = more.assert.iter().map(|text| understood(text, &output));
        let assertions = texts.collect::<Result<Vec<Assertion>>>()?;
        return judge::assert(&assertions, &selection, more.timeout, &show, &output).await;
    }
    if more.verdicts {
        return judge::run(&selection, &show, &output);
    }
    if watch.watch {
        let options = watch::Options {
            selection,
            numeric: show.numeric,
            flags: watch,
        };
        return watch::run(options, output).await;
    }
    if let Some(port) = &more.stop {
        let port = port.as_deref().map(number).transpose()?;
        let ports: Vec<u16> = port.into_iter().chain(selection.ports.clone()).collect();
        return act::stop(
            &ports,
            &selection,
            more.signal,
            more.timeout,
            more.yes,
            &output,
        );
    }
    if more.close {
        return act::close(more.who.as_ref(), &selection, &show, more.yes, &output);
    }
    if !more.wait_listening.is_empty() {
        let ports = more.wait_listening.iter().map(|port| number(port));
        let ports = ports.collect::<Result<Vec<u16>>>()?;
        return wait::run(&ports, &selection, more.timeout, &show, &output).await;
    }
    if let Some(who) = &more.who {
        return who::run(who, &selection, &show, &output);
    }
    if show.pairs {
        return pairs::run(&selection, &show, &output);
    }
    list::run(&selection, &show, &output).await
}

/// A filter or an assertion; where it makes no sense, carets stand under the fault.
fn understood<T: FromStr<Err = FilterError>>(text: &str, output: &Output) -> Result<T> {
    text.parse().map_err(|refusal: FilterError| {
        output.say(Level::Quiet, refusal.caret());
        refusal.into()
    })
}
