//! `map @resolve`: the addresses of many names, or what one name server says of them.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sockeye::net::resolve::query::{Outcome, RecordKind, Server};
use sockeye::net::resolve::special_use;
use sockeye::{Error, Kind, Operation, Result};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::plan::{Plan, Servers, ended};
use super::words::{self, Words};
use super::{Args, dns};
use crate::commands::map::Rules;
use crate::commands::map::probes::{self, Place, Said, Target};
use crate::output::Output;
use crate::report::{seconds, short};

const NAME: &str = "@resolve";

/// What stands for the name while the flags are read: it is a name, whatever word is looked for.
const STAND_IN: &str = "x.invalid";

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Probe {
    /// Flags, and words that are none.
    typed: (Args, Words),
    /// Made of them with the first name: name servers are looked up then.
    plan: OnceCell<Arc<Plan>>,
    pub(in crate::commands) target: Target,
    /// Whether the DNS is asked, and not what programs here get.
    asks_dns: bool,
}

impl Probe {
    /// With the flags of `resolve`.
    pub(crate) fn new(typed: Vec<OsString>, rules: &Rules) -> Result<Self> {
        let place = Place {
            probe: NAME,
            id: "words",
            stand_in: STAND_IN,
            rules,
            is_target: |word| !word.starts_with('@'),
            behind: |_| 0,
        };
        let (typed, target) = probes::place::<Args>(&place, typed);
        let args: Args = probes::parse(NAME, typed)?;
        let mut words = Words::parse(&args.words)?;
        args.kinds.iter().for_each(|kind| words.add_kind(*kind));
        refuse(&args, &words)?;
        super::given(&args, &words)?;
        Ok(Self {
            asks_dns: !args.system && asks_dns(&args, &words),
            typed: (args, words),
            plan: OnceCell::new(),
            target,
        })
    }

    /// Look this input up.
    ///
    /// # Errors
    ///
    /// If there is no answer at all.
    pub(crate) async fn run(&self, input: &str, json: bool) -> Result<Said> {
        let Some(limit) = self.typed.0.talking.timeout else {
            return self.look(input, json).await;
        };
        let looked = tokio::time::timeout(limit, self.look(input, json)).await;
        looked.unwrap_or_else(|_| {
            let why = format!("--timeout {limit:?} is over");
            Err(Error::new(Kind::TimedOut, Operation::Resolve, why).about(probes::shown(input)))
        })
    }

    async fn look(&self, input: &str, json: bool) -> Result<Said> {
        let target = words::Target::parse(input)?;
        if target.text.is_empty() {
            let why = "there is no name to look up";
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        }
        if let Some(port) = &target.port {
            let why = format!("{NAME} has no use for the port {}", probes::shown(port));
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .about(probes::shown(input))
                .with_hint("@connect connects to it"));
        }
        let began = Instant::now();
        let look = Look {
            plan: self.plan().await?,
            input,
            target: &target,
            json,
            began,
        };
        if self.asks_dns {
            return look.ask().await;
        }
        look.system().await
    }

    async fn plan(&self) -> Result<&Arc<Plan>> {
        let (args, words) = &self.typed;
        let output = Output::silent();
        let plan = self.plan.get_or_try_init(|| async {
            let plan = super::plan(args, words, &output).await?;
            Ok(Arc::new(plan))
        });
        plan.await
    }
}

/// One name that is looked up.
struct Look<'a> {
    plan: &'a Arc<Plan>,
    input: &'a str,
    target: &'a words::Target,
    json: bool,
    began: Instant,
}

impl Look<'_> {
    /// What programs here get.
    async fn system(&self) -> Result<Said> {
        let Self {
            plan,
            input,
            target,
            json,
            began,
        } = *self;
        if let Some(address) = target.address {
            let names = plan.resolver.hosts_names(address).await;
            if names.is_empty() {
                return self.ask().await;
            }
            let names = names.into_iter().map(|(_, name)| name);
            return Ok(Said::line(
                json,
                &Resolved::new(input, names.collect(), "hosts".into(), began),
            ));
        }
        let explained = plan.net.explain(&target.text, plan.family).await;
        let found = explained.found?;
        let addresses = found.addresses.iter().map(IpAddr::to_string).collect();
        let told = Resolved::new(input, addresses, found.source.into(), began);
        Ok(Said::line(json, &told))
    }

    /// What the name server says.
    async fn ask(&self) -> Result<Said> {
        let Self {
            plan,
            input,
            target,
            json,
            began,
        } = *self;
        if let (false, None, Some(special)) = (
            plan.views.special,
            target.address,
            special_use(&target.text),
        ) {
            let why = format!(
                "names below .{} are no question for name servers ({})",
                special.domain, special.rule
            );
            return Err(Error::new(Kind::Name, Operation::Resolve, why)
                .about(probes::shown(input))
                .with_hint("--dns asks all the same"));
        }
        let servers = match &plan.servers {
            Servers::System(servers) | Servers::Given(servers) => servers,
        };
        let said = self.said(servers).await?;
        let mut told = Resolved::new(input, said.values(), "dns".into(), began);
        told.server = said.responses().into_iter().flatten().next().map(|first| {
            first
                .address
                .map_or_else(|| dns::short(&first.server), |address| address.to_string())
        });
        let responses = said.responses();
        let records = responses.iter().flatten().flat_map(|it| it.records());
        told.records = records
            .map(|record| RecordEvent {
                kind: record.kind,
                data: record.data.to_string(),
                ttl: record.ttl,
            })
            .collect();
        let mut line = Said::line(json, &told);
        line.status = said.code();
        if line.status != 0 {
            line.stderr = reasons(input, &said);
        }
        Ok(line)
    }

    /// All questions about one name at once, to the first server that answers.
    async fn said(&self, servers: &[Server]) -> Result<dns::Said> {
        let plan = self.plan;
        let mut asking = JoinSet::new();
        for (at, question) in plan.questions(self.target)?.into_iter().enumerate() {
            let (plan, servers) = (Arc::clone(plan), servers.to_vec());
            asking.spawn(async move {
                let result = plan.ask(&question, &servers).await;
                (at, result.map(|result| (question, result)))
            });
        }
        let mut results = Vec::new();
        while let Some(asked) = asking.join_next().await {
            results.push(ended(asked));
        }
        results.sort_by_key(|(at, _)| *at);
        Ok(dns::Said {
            server: servers.first().cloned(),
            results: results.into_iter().filter_map(|(_, it)| it).collect(),
            refused: None,
            any: plan.kinds.is_empty(),
        })
    }
}

/// What makes no sense for many names at once.
fn refuse(args: &Args, words: &Words) -> Result<()> {
    probes::refuse(
        NAME,
        &[
            (args.trace, "--trace", "a trace has many lines"),
            (args.race.is_some(), "--race", "@connect connects"),
            (args.short, "--short", "there is one line for each name"),
            (words.stdin, "-", "the names are the inputs"),
            (
                args.talking.wire.is_some(),
                "--wire",
                "of many at once nobody could read it; `sockeye resolve --wire` shows one",
            ),
            (
                args.servers.len() + words.servers.len() > 1,
                "a second --server",
                "answers are not compared; `sockeye resolve` does that",
            ),
        ],
    )?;
    let mut more = words.targets.iter().filter(|it| it.text != STAND_IN);
    match more.next() {
        Some(more) => Err(probes::inputs_are_targets(NAME, &more.text)),
        None => Ok(()),
    }
}

/// Whether the flags ask for what a name server says.
fn asks_dns(args: &Args, words: &Words) -> bool {
    let asked = !words.kinds.is_empty() || words.class.is_some();
    let server = !args.servers.is_empty() || !words.servers.is_empty();
    let way = args.tcp || args.tls || args.https || args.edns.is_some() || args.no_edns;
    let how = args.dnssec || args.cd || args.no_recurse || args.subnet.is_some() || args.nsid;
    let pace = args.patience.is_some() || args.attempts.is_some();
    args.dns || asked || server || way || how || pace
}

/// Why there is no value.
fn reasons(input: &str, said: &dns::Said) -> String {
    let input = probes::shown(input);
    let mut text = String::new();
    for (question, result) in &said.results {
        match result {
            Ok(response) if response.outcome == Outcome::Answer => {}
            Ok(response) => {
                text += &format!("{input}: {}: {}\n", question.kind, response.outcome);
            }
            Err(error) => text += &format!("{error}\n"),
        }
    }
    if said.results.is_empty() {
        text = format!("{input}: no name server is configured (resolv.conf)\n");
    }
    text
}

/// What a name means.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "resolved")]
struct Resolved<'a> {
    target: &'a str,
    values: Vec<String>,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<RecordEvent>,
    seconds: f64,
    #[serde(skip)]
    took: String,
}

#[derive(Debug, Serialize)]
struct RecordEvent {
    kind: RecordKind,
    data: String,
    ttl: u32,
}

impl<'a> Resolved<'a> {
    fn new(target: &'a str, values: Vec<String>, source: String, began: Instant) -> Self {
        let took = began.elapsed();
        Self {
            target,
            values,
            source,
            server: None,
            records: Vec::new(),
            seconds: seconds(took),
            took: short(took),
        }
    }
}

impl fmt::Display for Resolved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = probes::shown(self.target);
        let values = match self.values.is_empty() {
            true => "-".to_owned(),
            false => probes::shown(&self.values.join(" ")),
        };
        let by = self.server.as_deref().unwrap_or(&self.source);
        write!(f, "{target}\t{values}\t{by}\t{}", self.took)
    }
}
