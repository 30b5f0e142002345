//! What is to be asked about each name, and asking it: all views of a name at once, several names side by side.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockeye::endpoint::Family;
use sockeye::net::Race;
use sockeye::net::resolve::query::{
    self, Class, DomainName, Options, Question, RecordKind, Server,
};
use sockeye::net::resolve::{Explanation, Resolver, special_use};
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};
use tokio::task::JoinHandle;

use super::dns::Said;
use super::words::Target;

/// How many names are looked up at the same time.
const MAX_PARALLEL: usize = 16;
/// The most bytes of names that are read from standard input.
const MAX_INPUT: u64 = 16 << 20;

/// How all names are looked up.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) net: Net,
    pub(super) resolver: Resolver,
    pub(super) family: Option<Family>,
    pub(super) views: Views,
    /// The record types; empty for the addresses.
    pub(super) kinds: Vec<RecordKind>,
    pub(super) class: Option<Class>,
    pub(super) options: Options,
    pub(super) servers: Servers,
    /// The port for which connections are raced.
    pub(super) race: Option<String>,
}

/// Which views are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Views {
    pub(super) system: bool,
    pub(super) dns: bool,
    /// Whether names that programs must not ask for are asked for all the same.
    pub(super) special: bool,
}

/// Whom the DNS view asks.
#[derive(Debug)]
pub(super) enum Servers {
    /// Those of the system, one after the other until one answers.
    System(Vec<Server>),
    /// Each of these.
    Given(Vec<Server>),
}

/// One name while it is looked up.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) target: Target,
    pub(super) system: Option<JoinHandle<System>>,
    pub(super) dns: Vec<JoinHandle<Said>>,
    /// Why the DNS view asks nobody.
    pub(super) unasked: Option<String>,
    pub(super) race: Option<(String, JoinHandle<Result<Race>>)>,
}

/// What the system view says.
#[derive(Debug)]
pub(super) enum System {
    /// Of a name.
    Name(Box<Explanation>),
    /// Of an address: its names in the hosts file.
    Address(Vec<(u32, String)>, Duration),
}

impl Plan {
    /// Begin with one name.
    fn begin(self: &Arc<Self>, target: Target) -> Result<Looked> {
        let race = self.begin_race(&target)?;
        let mut unasked = None;
        if let (false, None, Some(special)) = (
            self.views.special,
            target.address,
            special_use(&target.text),
        ) {
            unasked = Some(format!(
                "not asked: names below .{} are no question for name servers ({}); --dns asks",
                special.domain, special.rule
            ));
        }
        let dns = match (&self.servers, self.views.dns && unasked.is_none()) {
            (_, false) => Vec::new(),
            (Servers::System(servers), true) => {
                vec![self.begin_dns(&target, servers.clone())]
            }
            (Servers::Given(servers), true) => {
                let servers = servers.iter();
                servers
                    .map(|server| self.begin_dns(&target, vec![server.clone()]))
                    .collect()
            }
        };
        Ok(Looked {
            system: self.views.system.then(|| self.begin_system(&target)),
            dns,
            unasked: unasked.filter(|_| self.views.dns),
            race,
            target,
        })
    }

    fn begin_system(self: &Arc<Self>, target: &Target) -> JoinHandle<System> {
        let (plan, target) = (self.clone(), target.clone());
        tokio::spawn(async move {
            let begin = Instant::now();
            match target.address {
                Some(address) => {
                    let names = plan.resolver.hosts_names(address).await;
                    System::Address(names, begin.elapsed())
                }
                None => {
                    let explained = plan.net.explain(&target.text, plan.family);
                    System::Name(Box::new(explained.await))
                }
            }
        })
    }

    /// Ask the first of these servers that answers.
    fn begin_dns(self: &Arc<Self>, target: &Target, servers: Vec<Server>) -> JoinHandle<Said> {
        let (plan, target) = (self.clone(), target.clone());
        tokio::spawn(async move {
            let server = servers.first().cloned();
            let questions = match plan.questions(&target) {
                Ok(questions) => questions,
                Err(error) => {
                    return Said {
                        server,
                        results: Vec::new(),
                        refused: Some(error),
                        any: false,
                    };
                }
            };
            let asking = questions.into_iter().map(|question| {
                let (plan, servers) = (plan.clone(), servers.clone());
                tokio::spawn(async move {
                    let result = plan.ask(&question, &servers).await;
                    result.map(|result| (question, result))
                })
            });
            let asking: Vec<_> = asking.collect();
            let mut results = Vec::with_capacity(asking.len());
            for asked in asking {
                results.extend(ended(asked.await));
            }
            Said {
                server,
                results,
                refused: None,
                any: plan.kinds.is_empty(),
            }
        })
    }

    /// The answer of the first server that gives one; `None` if there is nobody to ask.
    pub(super) async fn ask(
        &self,
        question: &Question,
        servers: &[Server],
    ) -> Option<Result<query::Response>> {
        let mut last = None;
        for server in servers {
            let asked = query::ask(&self.net, server, question, &self.options).await;
            let answered = asked.is_ok();
            last = Some(asked);
            if answered {
                break;
            }
        }
        last
    }

    /// What is asked about a name: its addresses, the name of an address, or what the flags say.
    pub(super) fn questions(&self, target: &Target) -> Result<Vec<Question>> {
        let (name, kinds) = match target.address {
            Some(address) => (DomainName::reverse(address), vec![RecordKind::PTR]),
            None => {
                let four = (self.family != Some(Family::V6)).then_some(RecordKind::A);
                let six = (self.family != Some(Family::V4)).then_some(RecordKind::AAAA);
                (target.text.parse()?, four.into_iter().chain(six).collect())
            }
        };
        let kinds = if self.kinds.is_empty() {
            kinds
        } else {
            self.kinds.clone()
        };
        let questions = kinds
            .into_iter()
            .map(|kind| Question::new(name.clone(), kind).class(self.class.unwrap_or_default()));
        Ok(questions.collect())
    }

    fn begin_race(
        self: &Arc<Self>,
        target: &Target,
    ) -> Result<Option<(String, JoinHandle<Result<Race>>)>> {
        let Some(port) = target.port.clone().or_else(|| self.race.clone()) else {
            return Ok(None);
        };
        let host = match target.address {
            Some(std::net::IpAddr::V6(v6)) => format!("[{v6}]"),
            // Endpoints have names in their ASCII form.
            _ if !target.text.is_ascii() => target.text.parse::<DomainName>()?.to_string(),
            _ => target.text.clone(),
        };
        let host = host.trim_end_matches('.');
        let mut to: Endpoint = format!("tcp://{host}:{port}").parse()?;
        to.options_mut().family = self.family;
        let plan = self.clone();
        let racing = tokio::spawn(async move { plan.net.race(&to).await });
        Ok(Some((port, racing)))
    }
}

/// Names that are looked up ahead while the ones before them are shown.
#[derive(Debug)]
pub(super) struct Queue {
    plan: Arc<Plan>,
    waiting: VecDeque<Target>,
    begun: VecDeque<Looked>,
}

impl Queue {
    pub(super) fn new(plan: Plan, targets: Vec<Target>) -> Self {
        Self {
            plan: Arc::new(plan),
            waiting: targets.into(),
            begun: VecDeque::new(),
        }
    }

    /// The next name, in the order in which they were written.
    pub(super) fn next(&mut self) -> Result<Option<Looked>> {
        while self.begun.len() < MAX_PARALLEL
            && let Some(target) = self.waiting.pop_front()
        {
            self.begun.push_back(self.plan.begin(target)?);
        }
        Ok(self.begun.pop_front())
    }
}

/// What a task came to. A task of ours is never cancelled; if it panicked, so do we.
pub(super) fn ended<T>(joined: std::result::Result<T, tokio::task::JoinError>) -> T {
    match joined {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Names from standard input, one on a line; blank lines and comments are skipped.
pub(super) fn names_from_input() -> Result<Vec<Target>> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Error::from_io(Operation::Read, error))?;
    if text.len() as u64 == MAX_INPUT {
        let why = "standard input has more than 16 MiB of names";
        return Err(Error::new(Kind::Usage, Operation::Read, why).with_hint("split them up"));
    }
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    lines
        .filter(|line| !line.is_empty())
        .map(Target::parse)
        .collect()
}
