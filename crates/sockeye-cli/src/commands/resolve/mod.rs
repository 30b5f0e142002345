//! `sockeye resolve`: what a name means, to programs here and in the DNS, side by side.

mod dns;
mod plan;
mod probe;
mod race;
mod report;
mod rows;
mod system;
mod trace;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::endpoint::{Carrier, Port};
use sockeye::host::services;
use sockeye::net::CONNECT_TIMEOUT;
use sockeye::net::resolve::Resolver;
use sockeye::net::resolve::query::{ClientSubnet, Options, RecordKind, Server};
use sockeye::{Error, Kind, Operation, Result};

use self::plan::{Plan, Servers, Views};
pub(crate) use self::probe::Probe;
use self::report::Report;
use self::words::Words;
use crate::args::{self, TalkingArgs};
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// How long one try at a name server takes at most, as everywhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same on the way of a trace, which has many servers to ask.
const TRACE_PATIENCE: Duration = Duration::from_secs(2);

/// What a name means: what programs here get, and what the DNS says
///
/// Programs ask the hosts file, the name servers of resolv.conf and others, in the order of nsswitch.conf, and complete
/// short names by the search list. The DNS view asks a name server for exactly the name that was written. Both are shown
/// side by side, with the rule that makes them differ.
///
/// Words are names and addresses (which are looked up backwards). As with dig, a record type in capitals is a type
/// wherever it stands, in small letters behind the name, and @SERVER is a server. A host that is called mx is written
/// `mx.`. HOST:PORT also races connections to that port.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye resolve www.example.org\n  \
    sockeye resolve example.org MX @192.0.2.53\n  \
    sockeye resolve example.org -t A,AAAA,HTTPS -s 192.0.2.53 -s tls://dns.example\n  \
    sockeye resolve db --system -v\n  \
    sockeye resolve example.org --race https\n  \
    sockeye resolve --short 192.0.2.7\n\
    Exit codes: 0 found, 1 the name has no such record, 3 no such name, 4 no server reached, 5 out of time, 7 the server fails")]
pub(crate) struct Args {
    /// Names, addresses, record types, @servers; - reads names from standard input
    #[arg(value_name = "NAME", required = true)]
    words: Vec<String>,
    /// Ask for these record types: A,AAAA,MX ... or TYPE65280; may be repeated
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        value_delimiter = ',',
        help_heading = "Asking"
    )]
    kinds: Vec<RecordKind>,
    /// Ask this name server, as address, udp://, tcp://, tls:// or https://; may be repeated, to compare
    #[arg(short, long = "server", value_name = "SERVER", help_heading = "Asking")]
    servers: Vec<String>,
    /// Only what programs here get
    #[arg(long, conflicts_with_all = ["dns", "kinds", "servers", "tcp", "tls", "https", "dnssec", "cd",
        "no_recurse", "edns", "no_edns", "subnet", "nsid", "patience", "attempts"], help_heading = "Asking")]
    system: bool,
    /// Only what the DNS says, also of names that programs must not ask for
    #[arg(long, help_heading = "Asking")]
    dns: bool,
    /// Follow referrals from the root down, or from the servers that are given, and show each step
    #[arg(long, conflicts_with_all = ["system", "race", "tcp", "tls", "https"], help_heading = "Asking")]
    trace: bool,
    /// Ask over TCP
    #[arg(long, conflicts_with_all = ["tls", "https"], help_heading = "Asking")]
    tcp: bool,
    /// Ask over TLS (DoT)
    #[arg(long, conflicts_with = "https", help_heading = "Asking")]
    tls: bool,
    /// Ask over HTTPS (DoH)
    #[arg(long, help_heading = "Asking")]
    https: bool,
    /// Ask for signatures too (DO)
    #[arg(long, conflicts_with = "no_edns", help_heading = "Asking")]
    dnssec: bool,
    /// Ask the server not to check signatures (CD)
    #[arg(long, help_heading = "Asking")]
    cd: bool,
    /// Ask the server not to ask others (RD off)
    #[arg(long, help_heading = "Asking")]
    no_recurse: bool,
    /// The largest answer over UDP that is welcome, in bytes [default: 1232]
    #[arg(long, value_name = "SIZE", value_parser = clap::value_parser!(u16).range(512..), conflicts_with = "no_edns",
        help_heading = "Asking")]
    edns: Option<u16>,
    /// Send nothing of EDNS
    #[arg(long, conflicts_with_all = ["nsid", "subnet"], help_heading = "Asking")]
    no_edns: bool,
    /// Ask for the answer that this network would get: 192.0.2.0/24; 0/0 hides ours
    #[arg(long, value_name = "NETWORK", help_heading = "Asking")]
    subnet: Option<ClientSubnet>,
    /// Ask which of several servers answers
    #[arg(long, help_heading = "Asking")]
    nsid: bool,
    /// How long one try may take [default: 5s; 2s with --trace]
    #[arg(long, value_name = "TIME", value_parser = args::duration, help_heading = "Asking")]
    patience: Option<Duration>,
    /// How often a silent server is asked [default: 2; 1 with --trace]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20),
        help_heading = "Asking")]
    attempts: Option<u32>,
    /// Race connections to this port, a number or a service, as programs do; nothing is sent
    #[arg(long, value_name = "PORT", help_heading = "Showing")]
    race: Option<String>,
    /// Only the values, one on a line, for scripts
    #[arg(long, conflicts_with_all = ["json", "race"], help_heading = "Showing")]
    short: bool,
    /// Look names up as a machine that has its hosts, nsswitch.conf, resolv.conf and gai.conf in this directory
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/etc",
        hide_default_value = true,
        help_heading = "Getting there"
    )]
    etc: PathBuf,
    #[command(flatten)]
    talking: TalkingArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let mut words = Words::parse(&args.words)?;
    if words.stdin {
        words.targets.extend(plan::names_from_input()?);
    }
    args.kinds.iter().for_each(|kind| words.add_kind(*kind));
    let plan = plan(&args, &words, &output).await?;
    let report = Report::new(&plan, &words.targets, &args, &output);
    let stop = signals::stop_on_signals();
    let limit = args.talking.timeout;
    let late = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        code = report.work(plan, words.targets, args.trace) => code.map(Outcome::Code),
        () = stop.cancelled() => Ok(Outcome::Interrupted),
        () = late => Err(Error::new(Kind::TimedOut, Operation::Resolve, "not done within --timeout")),
    }
}

/// The name servers that are given, if the flags make sense.
fn given(args: &Args, words: &Words) -> Result<Vec<Server>> {
    // Files may be missing in it, as on any machine; without the directory it is no machine.
    if !args.etc.is_dir() {
        let why = format!("--etc: {:?} is no directory", args.etc);
        return Err(Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("the directory that holds hosts and resolv.conf is meant"));
    }
    if args.patience.is_some_and(|patience| patience.is_zero()) {
        let why = "--patience: no server answers in no time";
        return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("2s is a time"));
    }
    args.talking.refuse_via("name servers are asked directly")?;
    let written: Vec<&String> = args.servers.iter().chain(&words.servers).collect();
    if args.system && !(words.kinds.is_empty() && written.is_empty()) {
        let why = "--system has no record types and no servers: programs only get addresses";
        return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("leave out --system"));
    }
    if let Some(port) = args
        .race
        .as_ref()
        .filter(|port| port.parse::<u16>().is_err())
    {
        services::find(port, "tcp")?;
    }
    written.iter().map(|text| server(args, text)).collect()
}

/// What the flags and words ask for.
async fn plan(args: &Args, words: &Words, output: &Output) -> Result<Plan> {
    let given = given(args, words)?;
    let limit = args.talking.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let net = args
        .talking
        .net(output, false)
        .resolver(Resolver::in_directory(&args.etc));
    let is_given = !given.is_empty();
    let servers = match given {
        servers if is_given => Servers::Given(servers),
        _ => {
            let system = Server::system(&net).await;
            let servers = system.iter().map(|it| over(args, it));
            Servers::System(servers.collect::<Result<_>>()?)
        }
    };
    let asked = match &servers {
        Servers::System(servers) => servers.len().max(1),
        Servers::Given(_) => 1,
    };
    Ok(Plan {
        net,
        resolver: Resolver::in_directory(&args.etc),
        family: args.talking.family(),
        views: Views {
            system: !args.dns && words.kinds.is_empty() && words.class.is_none(),
            dns: !args.system,
            special: args.dns || !words.kinds.is_empty() || is_given,
        },
        kinds: words.kinds.clone(),
        class: words.class,
        options: options(args, limit, asked),
        servers,
        race: args.race.clone(),
    })
}

/// How each question is put, so that asking this many servers one after the other takes no longer than the limit.
fn options(args: &Args, limit: Duration, servers: usize) -> Options {
    // A trace has other servers to turn to.
    let (patience, attempts) = match args.trace {
        true => (TRACE_PATIENCE, 1),
        false => (PATIENCE, 2),
    };
    let attempts = args.attempts.unwrap_or(attempts);
    let tries = attempts.saturating_mul(u32::try_from(servers).unwrap_or(1));
    let patience = args.patience.unwrap_or(patience.min(limit / tries));
    let options = Options::default()
        .dnssec_ok(args.dnssec)
        .checking_disabled(args.cd)
        .recursion(!args.no_recurse)
        .edns(!args.no_edns)
        .nsid(args.nsid)
        .client_subnet(args.subnet)
        .timeout(patience)
        .attempts(attempts);
    match args.edns {
        Some(size) => options.udp_payload(size),
        None => options,
    }
}

/// A server as it was written, over what the flags say.
fn server(args: &Args, text: &str) -> Result<Server> {
    let scheme = scheme(args).filter(|_| !text.contains("://"));
    let server: Server = match scheme {
        Some(scheme) => format!("{scheme}://{text}").parse()?,
        None => text.parse()?,
    };
    // A port that nobody knows is a mistake of the hand, and no answer of the server.
    if let Carrier::Tcp(to) | Carrier::Udp(to) = server.endpoint().carrier()
        && let Port::Name(name) = &to.port
    {
        let udp = matches!(server.endpoint().carrier(), Carrier::Udp(_));
        services::find(name, if udp { "udp" } else { "tcp" })?;
    }
    Ok(server)
}

/// A server of the system, over what the flags say, at the port of that.
fn over(args: &Args, server: &Server) -> Result<Server> {
    match scheme(args) {
        Some(scheme) => format!("{scheme}://{}", dns::short(server)).parse(),
        None => Ok(server.clone()),
    }
}

fn scheme(args: &Args) -> Option<&'static str> {
    let flags = [(args.tcp, "tcp"), (args.tls, "tls"), (args.https, "https")];
    flags
        .into_iter()
        .find_map(|(set, scheme)| set.then_some(scheme))
}
