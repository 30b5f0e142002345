//! `sockeye ports`: which service uses which port. Everything is looked up in tables; nothing is asked over the network.

mod answer;
mod table;

use std::collections::HashSet;

use clap::Args as ClapArgs;
use sockeye::host::services::{self, Entry, PROTOCOLS, Query, Services, Source};
use sockeye::{Error, Kind, Operation, Result};

use crate::exit::Outcome;
use crate::output::{Level, Output};
use answer::{NotFound, PortLine, Unassigned};
use table::Row;

/// How many lines are shown if nobody says otherwise.
const LIMIT: usize = 100;

/// Say which service uses a port, and which port a service has
///
/// Three sources are asked: local, the services file of this machine (/etc/services); iana, the registry that is built in,
/// with its date; dev, a short list of our own of ports that developers meet. A name is a hint: it does not say who listens
/// there. `sockeye sockets --port 443` does.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Words: 443, 80/tcp, 8000-8100, mongodb, domain/udp, 'http*'. A word that is no name is looked \
    for in the descriptions. No word: the everyday services.\n\
    Examples:\n  \
    sockeye ports 443\n  \
    sockeye ports mongodb redis\n  \
    sockeye ports 'http*' --protocol tcp\n  \
    sockeye ports --text 'message queue'\n  \
    sockeye ports --source local --all\n  \
    sockeye ports 80/tcp --json | jq -r .name\n\
    Exit codes: 0 all words are known, 1 one is not, 2 usage"
)]
pub(crate) struct Args {
    /// A name, a number, a range of numbers, or a name with * for anything; each may end in /tcp, /udp, /sctp or /dccp
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Look for the words in names and descriptions
    #[arg(long, requires = "words")]
    text: bool,
    /// Show every entry of every source
    #[arg(long, conflicts_with = "words")]
    all: bool,
    /// Only this protocol: tcp, udp, sctp, dccp, or another that stands in /etc/services
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,
    /// Only this source: local, iana or dev
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    source: Option<Source>,
    /// Show at most so many lines [default: 100; with --all: all]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let services = Services::system();
    let queries = queries(&args)?;
    for query in &queries {
        known_protocol(&services, query)?;
    }
    let mut answers = Answers {
        services: &services,
        output: &output,
        restricted: args.source,
        found: Vec::new(),
        seen: HashSet::new(),
        all_known: true,
    };
    let mut nothing = Vec::new();
    for (query, word) in queries.iter().zip(words(&args)) {
        if !answers.look_up(query, word) {
            nothing.push((query, word));
        }
    }
    let limit = args.limit.map_or(LIMIT, |limit| limit as usize);
    let limit = match args.all && args.limit.is_none() {
        true => usize::MAX,
        false => limit,
    };
    if !answers.show(limit) {
        // Nobody reads any more, which is no failure.
        return Ok(Outcome::Done);
    }
    for (query, word) in nothing {
        answers.say_why_not(query, word);
    }
    if queries.len() == 1 && args.words.is_empty() && !args.all && args.source.is_none() {
        output.say(
            Level::Normal,
            "these are the everyday ones; --all shows all, a word looks it up",
        );
    }
    Ok(match answers.all_known {
        true => Outcome::Done,
        false => Outcome::No,
    })
}

/// What is asked: each word, or one question for a list.
fn queries(args: &Args) -> Result<Vec<Query>> {
    let refine = |query: Query| {
        let query = match &args.protocol {
            Some(protocol) => query.with_protocol(protocol),
            None => query,
        };
        match args.source {
            Some(source) => query.with_source(source),
            None => query,
        }
    };
    if args.words.is_empty() {
        // Of one source, all is what can be meant: nobody asks for the everyday part of the local table.
        let whole = args.all || args.source.is_some();
        let list = if whole {
            Query::all()
        } else {
            Query::everyday()
        };
        return Ok(vec![refine(list)]);
    }
    let words = args.words.iter();
    words
        .map(|word| match args.text && !word.is_empty() {
            true => Ok(refine(Query::text(word))),
            false => {
                let query = Query::parse(word)?;
                agreed(word, query.protocol(), args.protocol.as_deref())?;
                Ok(refine(query))
            }
        })
        .collect()
}

/// A word that names a protocol and the flag must mean the same.
fn agreed(word: &str, own: Option<&str>, flag: Option<&str>) -> Result<()> {
    match (own, flag) {
        (Some(own), Some(flag)) if !own.eq_ignore_ascii_case(flag) => {
            let why = format!("{word:?} is of {own}, and --protocol says {flag:?}");
            Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("leave one of them out"))
        }
        _ => Ok(()),
    }
}

/// The words, one for each query.
fn words(args: &Args) -> impl Iterator<Item = &str> {
    let none = args.words.is_empty().then_some("");
    none.into_iter()
        .chain(args.words.iter().map(String::as_str))
}

fn source(word: &str) -> std::result::Result<Source, String> {
    Source::of_word(word)
        .ok_or_else(|| format!("{word:?} is no source; there are local, iana, dev"))
}

/// A protocol is known if the registry has it or the local table does.
fn known_protocol(services: &Services, query: &Query) -> Result<()> {
    let Some(protocol) = query.protocol() else {
        return Ok(());
    };
    if PROTOCOLS.contains(&protocol) || services.entries().any(|e| e.protocol == protocol) {
        return Ok(());
    }
    let why = format!("nobody knows a protocol {protocol:?} with ports");
    Err(Error::new(Kind::Usage, Operation::Parse, why)
        .with_hint("tcp, udp, sctp and dccp have ports"))
}

/// What was found so far.
#[derive(Debug)]
struct Answers<'a> {
    services: &'a Services,
    output: &'a Output,
    restricted: Option<Source>,
    found: Vec<Entry<'a>>,
    seen: HashSet<(u16, u16, &'a str, &'a str, Source)>,
    all_known: bool,
}

impl<'a> Answers<'a> {
    /// Collect what a word means. False if it means nothing.
    fn look_up(&mut self, query: &Query, word: &str) -> bool {
        let mut found = self.services.search(query);
        if found.is_empty()
            && let Some(text) = query.as_text()
        {
            found = self.services.search(&text);
            if !found.is_empty() {
                let shown = answer::shown(word);
                self.output.say(
                    Level::Normal,
                    format_args!("no service is called {shown}; these mention it"),
                );
            }
        }
        let any = !found.is_empty();
        self.all_known &= any;
        for entry in found {
            // Two words may mean the same entry.
            let key = (
                entry.first,
                entry.last,
                entry.protocol,
                entry.name,
                entry.source,
            );
            if self.seen.insert(key) {
                self.found.push(entry);
            }
        }
        any
    }

    /// The table, or a JSON line for each entry. False when nobody reads it any more.
    fn show(&self, limit: usize) -> bool {
        let (total, shown) = if self.output.json() {
            for entry in self.found.iter().take(limit) {
                if self.output.try_json_line(&PortLine::new(entry)).is_err() {
                    return false;
                }
            }
            (self.found.len(), self.found.len().min(limit))
        } else {
            let rows = Row::merged(&self.found);
            let shown = rows.len().min(limit);
            let text = table::text(
                &rows[..shown],
                self.output.text_width(),
                self.output.text_color(),
            );
            if !self.output.text(&text) {
                return false;
            }
            (rows.len(), shown)
        };
        if shown < total {
            self.output.warn(format_args!(
                "{shown} of {total} lines are shown; --limit {total} shows all"
            ));
        }
        let official = |entry: &Entry<'_>| entry.source == Source::Iana;
        if !self.output.json() && self.found.iter().any(official) {
            let date = services::registry_date();
            self.output
                .say(Level::Normal, format_args!("iana: the registry of {date}"));
        }
        true
    }

    /// Nothing was found: what the port is for, or which name is near.
    fn say_why_not(&self, query: &Query, word: &str) {
        match query.ports() {
            Some((port, last))
                if port == last && self.restricted.is_none_or(|s| s == Source::Iana) =>
            {
                let unassigned = Unassigned::new(self.services, port, query.protocol());
                self.output.data(&unassigned);
            }
            _ => {
                let nearest = match (query.name(), query.protocol()) {
                    (None, _) => None,
                    (Some(name), None) => self.services.nearest_of_any(name),
                    (Some(name), Some(protocol)) => self.services.nearest(name, protocol),
                };
                let missing = NotFound::new(word, query, self.restricted, nearest);
                self.output.event(Level::Quiet, &missing);
            }
        }
    }
}
