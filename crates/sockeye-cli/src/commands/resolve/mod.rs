//! `sockeye resolve`: what a name means, to programs here and in the DNS, side by side.

mod dns;
mod plan;
mod race;
mod rows;
mod system;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::net::resolve::query::{ClientSubnet, Options, RecordKind, Server};
use sockeye::net::resolve::{Explanation, Meaning, Resolver};
use sockeye::net::{CONNECT_TIMEOUT, Race};
use sockeye::{Error, Kind, Operation, Result};

use self::dns::{
    AnswerEvent, ComparisonEvent, DifferenceEvent, HostsNamesEvent, Said, UnansweredEvent,
};
use self::plan::{Looked, Plan, Queue, Servers, System, Views, ended};
use self::race::RaceEvent;
use self::rows::{Row, Style, width};
use self::system::SystemEvent;
use self::words::Words;
use crate::args::{self, TalkingArgs};
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// How long one try at a name server takes at most, as everywhere.
const PATIENCE: Duration = Duration::from_secs(5);

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
    #[arg(long, conflicts_with_all = ["dns", "kinds", "servers"], help_heading = "Asking")]
    system: bool,
    /// Only what the DNS says, also of names that programs must not ask for
    #[arg(long, help_heading = "Asking")]
    dns: bool,
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
    /// How long one try may take [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = args::duration, help_heading = "Asking")]
    patience: Option<Duration>,
    /// How often a silent server is asked
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=20),
        help_heading = "Asking")]
    attempts: u32,
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
    let report = Report::new(&plan, &args, &output);
    let queue = Queue::new(plan, words.targets);
    let stop = signals::stop_on_signals();
    let limit = args.talking.timeout;
    let late = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        code = report.all(queue) => code.map(Outcome::Code),
        () = stop.cancelled() => Ok(Outcome::Interrupted),
        () = late => Err(Error::new(Kind::TimedOut, Operation::Resolve, "not done within --timeout")),
    }
}

/// What the flags and words ask for.
async fn plan(args: &Args, words: &Words, output: &Output) -> Result<Plan> {
    let limit = args.talking.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let net = args
        .talking
        .net(output, false)
        .resolver(Resolver::in_directory(&args.etc));
    let written: Vec<&String> = args.servers.iter().chain(&words.servers).collect();
    if args.system && !(words.kinds.is_empty() && written.is_empty()) {
        let why = "--system has no record types and no servers: programs only get addresses";
        return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("leave out --system"));
    }
    let given: Result<Vec<Server>> = written.iter().map(|text| server(args, text)).collect();
    let servers = match given? {
        servers if !servers.is_empty() => Servers::Given(servers),
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
    let tries = args
        .attempts
        .saturating_mul(u32::try_from(asked).unwrap_or(1));
    let patience = args.patience.unwrap_or_else(|| PATIENCE.min(limit / tries));
    let mut options = Options::default()
        .dnssec_ok(args.dnssec)
        .checking_disabled(args.cd)
        .recursion(!args.no_recurse)
        .edns(!args.no_edns)
        .nsid(args.nsid)
        .client_subnet(args.subnet)
        .timeout(patience)
        .attempts(args.attempts);
    if let Some(size) = args.edns {
        options = options.udp_payload(size);
    }
    Ok(Plan {
        net,
        resolver: Resolver::in_directory(&args.etc),
        family: args.talking.family(),
        limit,
        views: Views {
            system: !args.dns && words.kinds.is_empty() && words.class.is_none(),
            dns: !args.system,
            special: args.dns || !words.kinds.is_empty() || !written.is_empty(),
        },
        kinds: words.kinds.clone(),
        class: words.class,
        options,
        servers,
        race: args.race.clone(),
    })
}

/// A server as it was written, over what the flags say.
fn server(args: &Args, text: &str) -> Result<Server> {
    let scheme = scheme(args).filter(|_| !text.contains("://"));
    match scheme {
        Some(scheme) => format!("{scheme}://{text}").parse(),
        None => text.parse(),
    }
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

/// How everything is told.
struct Report {
    output: Output,
    style: Style,
    verbose: bool,
    short: bool,
    /// Whether several servers are compared, so that each has its label.
    compares: bool,
}

impl Report {
    fn new(plan: &Plan, args: &Args, output: &Output) -> Self {
        let labels = match &plan.servers {
            Servers::Given(servers) => servers.iter().map(|it| width(&says(it))).max(),
            Servers::System(_) => None,
        };
        let label = if plan.views.system {
            width(system::LABEL)
        } else {
            0
        };
        let own = width("DNS says");
        let race = if plan.race.is_some() {
            width("race to port 65535")
        } else {
            0
        };
        Self {
            style: Style {
                label: label.max(labels.unwrap_or(own)).max(race),
                color: output.text_color(),
            },
            verbose: output.reports(crate::output::Level::Verbose) && !output.json(),
            short: args.short,
            compares: matches!(plan.servers, Servers::Given(_)),
            output: output.clone(),
        }
    }

    /// Tell of every name as soon as it is known; the worst exit code.
    async fn all(self, mut queue: Queue) -> Result<u8> {
        let mut worst = 0;
        while let Some(looked) = queue.next()? {
            worst = worst.max(self.one(looked).await);
        }
        Ok(worst)
    }

    async fn one(&self, looked: Looked) -> u8 {
        let name = looked.target.text.clone();
        self.heading(&name);
        let system = match looked.system {
            Some(task) => Some(ended(task.await)),
            None => None,
        };
        if let Some(system) = &system {
            self.system(&name, system);
        }
        if let Some(why) = &looked.unasked {
            self.rows(&[Row::new("DNS", why.as_str(), "")]);
        }
        let mut all: Vec<Said> = Vec::with_capacity(looked.dns.len());
        for task in looked.dns {
            let said = ended(task.await);
            self.dns(&name, &said);
            all.push(said);
        }
        self.comparison(&name, system.as_ref(), &all);
        let mut code = code_of(system.as_ref(), &all);
        if let Some((port, task)) = looked.race {
            let race = ended(task.await);
            code = code.max(self.race(&name, &port, &race));
        }
        if self.short {
            self.values(&name, system.as_ref(), &all);
        }
        code
    }

    fn rows(&self, rows: &[Row]) {
        if !self.output.json() && !self.short {
            self.output.text(&self.style.rows(rows));
        }
    }

    fn heading(&self, name: &str) {
        if self.output.json() || self.short {
            return;
        }
        let text = match name.parse::<sockeye::net::resolve::query::DomainName>() {
            Ok(domain) => both_forms(name, &domain),
            Err(_) => name.to_owned(),
        };
        self.output.text(&self.style.heading(&text));
    }

    fn system(&self, name: &str, system: &System) {
        match system {
            System::Name(explained) => {
                if self.output.json() {
                    self.output.json_line(&SystemEvent::from(&**explained));
                }
                self.rows(&system::rows(explained, self.verbose));
            }
            System::Address(names, took) => {
                if self.output.json() {
                    self.output
                        .json_line(&HostsNamesEvent::new(name, names, *took));
                }
                self.rows(&system::names(names));
            }
        }
    }

    fn dns(&self, name: &str, said: &Said) {
        if self.output.json() {
            self.dns_events(name, said);
        }
        let label = match (&said.server, self.compares) {
            (Some(server), true) => says(server),
            _ => "DNS says".into(),
        };
        self.rows(&dns::rows(&label, said, self.verbose));
    }

    fn dns_events(&self, name: &str, said: &Said) {
        for (question, result) in &said.results {
            match result {
                Ok(response) => self.output.json_line(&AnswerEvent { name, response }),
                Err(error) => {
                    let event = UnansweredEvent::new(name, said.server.as_ref(), question, error);
                    self.output.json_line(&event);
                }
            }
        }
        if let Some(error) = &said.refused {
            self.output
                .json_line(&crate::report::ErrorEvent::from(error));
        }
    }

    /// Say whether all views agree, and if not, by which rule.
    fn comparison(&self, name: &str, system: Option<&System>, all: &[Said]) {
        let Some(first) = all.first().filter(|said| !said.results.is_empty()) else {
            return;
        };
        let explained = match system {
            Some(System::Name(explained)) => Some(explained),
            _ => None,
        };
        if explained.is_none() && all.len() < 2 {
            return;
        }
        let mut found = Vec::new();
        if let Some(explained) = explained {
            found.extend(
                explained
                    .difference(&first.responses())
                    .map(|it| DifferenceEvent {
                        who: "system".into(),
                        cause: Some(it.cause.code()),
                        text: it.text,
                    }),
            );
        }
        found.extend(
            dns::differences(all)
                .into_iter()
                .map(|(who, text)| DifferenceEvent {
                    who,
                    cause: None,
                    text,
                }),
        );
        let rows: Vec<Row> = match (found.is_empty(), explained) {
            (true, Some(explained)) => vec![Row::new(same(explained), "", "")],
            (true, None) => vec![Row::new("same answer", "", "")],
            (false, _) => {
                let sentences = found.iter().map(|it| rows::sentence("differs", &it.text));
                sentences.flatten().collect()
            }
        };
        self.rows(&rows);
        if self.output.json() {
            let same = found.is_empty();
            self.output.json_line(&ComparisonEvent {
                name,
                same,
                differences: found,
            });
        }
    }

    fn race(&self, name: &str, port: &str, race: &Result<Race>) -> u8 {
        match race {
            Ok(race) => {
                if self.output.json() {
                    self.output.json_line(&RaceEvent::new(name, port, race));
                }
                self.rows(&race::rows(race, port));
                race.error
                    .as_ref()
                    .map_or(0, |error| crate::exit::code(error.kind()))
            }
            Err(error) => {
                if self.output.json() {
                    self.output
                        .json_line(&crate::report::ErrorEvent::from(error));
                }
                self.rows(&[Row::new(
                    format!("race to port {port}"),
                    format!("none: {}", error.why()),
                    "",
                )]);
                crate::exit::code(error.kind())
            }
        }
    }

    /// The values alone; why there are none goes to standard error.
    fn values(&self, name: &str, system: Option<&System>, all: &[Said]) {
        let values: Vec<String> = match system {
            Some(System::Name(explained)) => explained
                .addresses()
                .iter()
                .map(ToString::to_string)
                .collect(),
            Some(System::Address(names, _)) if !names.is_empty() => {
                // Programs get one name for an address, the first.
                names.iter().take(1).map(|(_, name)| name.clone()).collect()
            }
            _ => {
                let mut values: Vec<String> = Vec::new();
                for value in all.iter().flat_map(Said::values) {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                values
            }
        };
        if values.is_empty() {
            let rows = match system {
                Some(System::Name(explained)) => system::rows(explained, false),
                _ => all
                    .iter()
                    .flat_map(|said| dns::rows("", said, false))
                    .collect(),
            };
            let why = rows
                .first()
                .map_or("nobody to ask", |row| row.content.trim());
            self.output.say(
                crate::output::Level::Normal,
                rows::shown(&format!("sockeye: {name}: {why}")),
            );
        }
        let lines: String = values
            .iter()
            .map(|value| format!("{}\n", rows::shown(value)))
            .collect();
        self.output.text(&lines);
    }
}

fn says(server: &Server) -> String {
    format!("{} says", dns::short(server))
}

/// What the views agree on, and which address is tried first.
fn same(explained: &Explanation) -> &'static str {
    match explained.meaning() {
        Meaning::Addresses => "same answer",
        _ => "both say so",
    }
}

/// A name as it was written, and in its other form if it has one.
fn both_forms(written: &str, domain: &sockeye::net::resolve::query::DomainName) -> String {
    let (ascii, readable) = (domain.to_string(), domain.to_unicode());
    let bare = |text: &str| text.strip_suffix('.').unwrap_or(text).to_owned();
    if ascii == readable {
        return written.to_owned();
    }
    if written.is_ascii() {
        return format!("{written} ({})", bare(&readable));
    }
    format!("{written} ({})", bare(&ascii))
}

/// The exit code for one name: that of programs if their view is shown, else the worst of the answers.
fn code_of(system: Option<&System>, all: &[Said]) -> u8 {
    match system {
        Some(System::Name(explained)) => match explained.meaning() {
            Meaning::Addresses => 0,
            Meaning::NoAddress => 1,
            Meaning::NoName => 3,
            Meaning::Silent => 5,
            Meaning::Failed => 7,
            _ => explained
                .found
                .as_ref()
                .err()
                .map_or(0, |error| crate::exit::code(error.kind())),
        },
        Some(System::Address(names, _)) if !names.is_empty() => 0,
        _ => all.iter().map(Said::code).max().unwrap_or(0),
    }
}
