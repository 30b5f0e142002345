//! From the root down: which servers are responsible for a name, one referral after the other.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use super::super::{is_of, order};
use super::{
    DomainName, NameServer, Options, Outcome, Question, Record, RecordKind, Response, Server, ask,
    root_servers,
};
use crate::endpoint::Family;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// The most servers that are taken from one referral, and the most addresses of each.
const MAX_SERVERS: usize = 16;
const MAX_ADDRESSES: usize = 4;
/// How deep looking for the address of a server may lead to looking for that of another one.
const MAX_NESTED: usize = 4;
/// How many zones are remembered, so that aliases need not begin at the root.
const MAX_ZONES: usize = 64;

/// How a trace is made; the default begins at IANA's root servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceOptions {
    /// How each question is put. Recursion is never asked for.
    pub query: Options,
    /// Where to begin; IANA's [`root_servers`] by default.
    pub roots: Vec<NameServer>,
    /// The port of all servers, for referrals name none; 53 by default.
    pub port: u16,
    /// Ask servers at addresses of this family only; both by default.
    pub family: Option<Family>,
    /// The most questions; 64 by default.
    pub max_queries: usize,
    /// The most referrals on the way to one name; 16 by default.
    pub max_referrals: usize,
    /// The most aliases that are followed; 8 by default.
    pub max_aliases: usize,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            query: Options::default(),
            roots: root_servers(),
            port: 53,
            family: None,
            max_queries: 64,
            max_referrals: 16,
            max_aliases: 8,
        }
    }
}

macro_rules! setters {
    ($($name:ident: $type:ty;)+) => {
        impl TraceOptions {
            $(
                #[doc = concat!("The same with [`", stringify!($name), "`](Self::", stringify!($name), ") set.")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

setters! {
    query: Options;
    roots: Vec<NameServer>;
    port: u16;
    family: Option<Family>;
    max_queries: usize;
    max_referrals: usize;
    max_aliases: usize;
}

/// One question to one server on the way.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Whose servers are asked.
    pub zone: DomainName,
    /// The name of the server, if it is known.
    pub server: Option<DomainName>,
    /// Its address.
    pub address: SocketAddr,
    /// What was asked: the question itself, or one that helps to get on.
    pub question: Question,
    /// The name server whose address is looked for, if that is what this step is for.
    pub looking_for: Option<DomainName>,
    /// Where it leads.
    pub leads: Leads,
    /// What the server said. In JSON an error is its text.
    #[serde(serialize_with = "result")]
    pub result: Result<Response>,
}

fn result<S: Serializer>(result: &Result<Response>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Shown<'a> {
        Response(&'a Response),
        Error(String),
    }
    match result {
        Ok(response) => Shown::Response(response),
        Err(error) => Shown::Error(error.to_string()),
    }
    .serialize(serializer)
}

/// Where a step of a trace leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Leads {
    /// To the servers of this zone.
    Down(DomainName),
    /// To this name, for which the name in question is an alias.
    Alias(DomainName),
    /// To the end: this is the answer.
    End,
    /// Nowhere, so the next server is asked, for this reason.
    Nowhere(String),
}

/// Follows referrals from the root down, one question at a time, as `dig +trace` does.
///
/// Servers of a zone are tried in the order in which the zone above names them, by the addresses it gives, and only
/// those at addresses that this machine has a way to. The address of a server that comes without one is looked for, from
/// the root down as well. An address beside the zone of whoever names it is not believed. Aliases are followed.
///
/// # Examples
///
/// A root server of our own that knows the answer at once:
///
/// ```
/// use sockeye::Net;
/// use sockeye::net::resolve::query::{NameServer, Outcome, Question, RecordKind, Trace, TraceOptions};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let root = socket.local_addr()?;
/// std::thread::spawn(move || -> std::io::Result<()> {
///     let mut message = [0; 512];
///     let (length, client) = socket.recv_from(&mut message)?;
///     message[2] |= 0x84; // an answer, and authoritative
///     message[3] |= 3; // NXDOMAIN
///     socket.send_to(&message[..length], client)?;
///     Ok(())
/// });
///
/// let options = TraceOptions::default().roots(vec![NameServer::at(root.ip())]).port(root.port());
/// let question = Question::new("nobody.example".parse()?, RecordKind::A);
/// let net = Net::new();
/// let mut trace = Trace::new(&net, question, options);
/// while let Some(step) = trace.next().await {
///     println!("{} says about {}: {:?}", step.address, step.question, step.leads);
/// }
/// assert_eq!(trace.end()?, Outcome::NoName);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Trace<'a> {
    net: &'a Net,
    options: TraceOptions,
    /// What is looked for, and for that what is looked for; the last one is at work.
    goals: Vec<Goal>,
    zones: Vec<(DomainName, Vec<NameServer>)>,
    queries: usize,
    end: Option<Result<Outcome>>,
}

#[derive(Debug)]
struct Goal {
    question: Question,
    /// The server whose address this is for.
    looking_for: Option<DomainName>,
    zone: DomainName,
    servers: Vec<Candidate>,
    referrals: usize,
    aliases: usize,
}

/// A server that may be asked.
#[derive(Debug)]
struct Candidate {
    name: Option<DomainName>,
    untried: VecDeque<IpAddr>,
    /// What may still be looked for to learn its address.
    unknown: VecDeque<RecordKind>,
}

impl<'a> Trace<'a> {
    /// A trace that has not begun.
    pub fn new(net: &'a Net, question: Question, mut options: TraceOptions) -> Self {
        options.query.recursion = false;
        let mut trace = Self {
            net,
            zones: vec![(DomainName::root(), options.roots.clone())],
            options,
            goals: Vec::new(),
            queries: 0,
            end: None,
        };
        trace.begin(question, None, 0);
        trace
    }

    /// Ask the next question; `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves that server out.
    pub async fn next(&mut self) -> Option<Step> {
        loop {
            if self.end.is_some() {
                return None;
            }
            let port = self.options.port;
            let goal = self.goals.last_mut()?;
            let Some((server, address)) = goal.next_server() else {
                self.look_for_server();
                continue;
            };
            if self.queries >= self.options.max_queries {
                let why = format!("it takes more than {} questions", self.options.max_queries);
                self.fail(why);
                return None;
            }
            self.queries += 1;
            let address = SocketAddr::new(address, port);
            let (zone, question) = (goal.zone.clone(), goal.question.clone());
            let looking_for = goal.looking_for.clone();
            let to = Server::udp(address);
            let result = ask(self.net, &to, &question, &self.options.query).await;
            let leads = match &result {
                Ok(response) => self.follow(response),
                Err(error) => Leads::Nowhere(error.why().to_owned()),
            };
            return Some(Step {
                zone,
                server,
                address,
                question,
                looking_for,
                leads,
                result,
            });
        }
    }

    /// How it ended: what the last answer amounts to.
    ///
    /// # Errors
    ///
    /// [`Kind::Name`] if no server of a zone could say where to go on, or if a limit was reached; also if the trace was
    /// not followed to its end.
    pub fn end(self) -> Result<Outcome> {
        self.end.unwrap_or_else(|| {
            let why = "the trace was not followed to its end";
            Err(Error::new(Kind::Name, Operation::Resolve, why))
        })
    }

    fn begin(&mut self, question: Question, looking_for: Option<DomainName>, aliases: usize) {
        let (zone, servers) = self.nearest(&question.name);
        self.goals.push(Goal {
            question,
            looking_for,
            zone,
            servers,
            referrals: 0,
            aliases,
        });
    }

    /// The servers of the nearest zone above a name that is known.
    fn nearest(&self, name: &DomainName) -> (DomainName, Vec<Candidate>) {
        let above = self.zones.iter().filter(|(zone, _)| name.is_within(zone));
        let nearest = above.max_by_key(|(zone, _)| zone.depth());
        match nearest {
            Some((zone, servers)) => (zone.clone(), self.candidates(servers)),
            None => (DomainName::root(), Vec::new()),
        }
    }

    fn candidates(&self, servers: &[NameServer]) -> Vec<Candidate> {
        let family = self.options.family;
        let usable = |address: &IpAddr| {
            is_of(family, *address) && order::source(SocketAddr::new(*address, 0)).is_some()
        };
        let kinds = [(Family::V4, RecordKind::A), (Family::V6, RecordKind::AAAA)];
        let candidate = |server: &NameServer| {
            let wanted = kinds
                .iter()
                .filter(|(of, _)| family.is_none_or(|family| family == *of));
            let unknown = match (&server.name, server.addresses.is_empty()) {
                (Some(_), true) => wanted.map(|(_, kind)| *kind).collect(),
                _ => VecDeque::new(),
            };
            Candidate {
                name: server.name.clone(),
                untried: server.addresses.iter().copied().filter(usable).collect(),
                unknown,
            }
        };
        servers.iter().map(candidate).collect()
    }

    /// Where an answer leads.
    fn follow(&mut self, response: &Response) -> Leads {
        let Some(goal) = self.goals.last_mut() else {
            return Leads::End;
        };
        match response.outcome {
            Outcome::Referral => match referred(response, &goal.zone) {
                Some((zone, servers)) => self.go_down(zone, servers),
                None => Leads::Nowhere("it sends us up or sideways (lame)".into()),
            },
            Outcome::Answer if response.records().next().is_some() => {
                self.finish(response);
                Leads::End
            }
            Outcome::Answer => {
                let target = response.canonical_name().clone();
                if target == goal.question.name {
                    return Leads::Nowhere("it does not say where the alias leads".into());
                }
                self.go_on_with(target)
            }
            Outcome::NoData | Outcome::NoName => {
                let soa = response
                    .authority
                    .iter()
                    .any(|record| record.kind == RecordKind::SOA);
                if !(response.flags.authoritative || response.flags.recursion_available || soa) {
                    return Leads::Nowhere("it does not keep the zone (lame)".into());
                }
                self.finish(response);
                Leads::End
            }
            outcome => Leads::Nowhere(outcome.to_string()),
        }
    }

    fn go_down(&mut self, zone: DomainName, servers: Vec<NameServer>) -> Leads {
        let candidates = self.candidates(&servers);
        if self.zones.len() < MAX_ZONES && self.zones.iter().all(|(known, _)| *known != zone) {
            self.zones.push((zone.clone(), servers));
        }
        let limit = self.options.max_referrals;
        if let Some(goal) = self.goals.last_mut() {
            goal.zone = zone.clone();
            goal.servers = candidates;
            goal.referrals += 1;
            if goal.referrals > limit {
                self.fail(format!("it takes more than {limit} referrals"));
            }
        }
        Leads::Down(zone)
    }

    /// Look for the target of an alias in place of the alias.
    fn go_on_with(&mut self, target: DomainName) -> Leads {
        let limit = self.options.max_aliases;
        let Some(goal) = self.goals.pop() else {
            return Leads::End;
        };
        let question = Question {
            name: target.clone(),
            ..goal.question
        };
        self.begin(question, goal.looking_for, goal.aliases + 1);
        if goal.aliases >= limit {
            self.fail(format!("more than {limit} aliases follow each other"));
        }
        Leads::Alias(target)
    }

    /// The goal at work is reached, or it is known that nobody can reach it.
    fn finish(&mut self, response: &Response) {
        let Some(goal) = self.goals.pop() else {
            return;
        };
        let Some(parent) = self.goals.last_mut() else {
            self.end = Some(Ok(response.outcome));
            return;
        };
        let found = response
            .records()
            .filter_map(|record| record.data.address());
        let found: Vec<IpAddr> = found
            .filter(|address| order::source(SocketAddr::new(*address, 0)).is_some())
            .take(MAX_ADDRESSES)
            .collect();
        let mut same = parent.servers.iter_mut();
        if let Some(server) = same.find(|server| server.name == goal.looking_for) {
            if !found.is_empty() {
                server.unknown.clear();
            }
            server.untried.extend(found);
        }
    }

    /// No address is left to ask: look for that of a server that came without one, or give up.
    fn look_for_server(&mut self) {
        let nested = self.goals.len();
        let asked: Vec<DomainName> = self
            .goals
            .iter()
            .map(|goal| goal.question.name.clone())
            .collect();
        let Some(goal) = self.goals.last_mut() else {
            return;
        };
        let class = goal.question.class;
        let zone = goal.zone.clone();
        let unknown = goal.servers.iter_mut().find_map(|server| {
            let name = server.name.clone()?;
            // Only the zone itself could tell the address of a server within it, or whoever asks for it already.
            if nested >= MAX_NESTED || name.is_within(&zone) || asked.contains(&name) {
                server.unknown.clear();
            }
            let kind = server.unknown.pop_front()?;
            Some((name, kind))
        });
        if let Some((name, kind)) = unknown {
            let question = Question::new(name.clone(), kind).class(class);
            return self.begin(question, Some(name), 0);
        }
        match self.goals.len() {
            0 | 1 => self.fail(format!(
                "no server of the zone {zone} could say where to go on"
            )),
            _ => drop(self.goals.pop()),
        }
    }

    fn fail(&mut self, why: String) {
        let name = self.goals.first().map(|goal| goal.question.to_string());
        let why = format!("cannot trace {}: {why}", name.unwrap_or_default());
        self.end = Some(Err(Error::new(Kind::Name, Operation::Resolve, why)));
    }
}

impl Goal {
    /// The next server that was not asked yet, with one of its addresses.
    fn next_server(&mut self) -> Option<(Option<DomainName>, IpAddr)> {
        // Each server once, before any is asked at a second address.
        let at = self
            .servers
            .iter()
            .position(|server| !server.untried.is_empty())?;
        let mut server = self.servers.remove(at);
        let address = server.untried.pop_front()?;
        let name = server.name.clone();
        self.servers.push(server);
        Some((name, address))
    }
}

/// The zone below this one that a referral leads to, and its servers with the addresses that may be believed.
fn referred(response: &Response, above: &DomainName) -> Option<(DomainName, Vec<NameServer>)> {
    let of_kind = |record: &&Record| record.kind == RecordKind::NS;
    let below = |record: &&Record| {
        let zone = &record.name;
        zone != above && zone.is_within(above) && response.question.name.is_within(zone)
    };
    let named = response.authority.iter().filter(of_kind).filter(below);
    let zone = named.clone().max_by_key(|record| record.name.depth())?;
    let zone = zone.name.clone();
    let servers = named.filter(|record| record.name == zone);
    let servers = servers.filter_map(|record| record.data.target());
    let servers = servers.take(MAX_SERVERS).map(|name| {
        let glue = response
            .additional
            .iter()
            .filter(|record| record.name == *name);
        let glue = glue.filter(|record| record.name.is_within(above));
        NameServer {
            name: Some(name.clone()),
            addresses: glue
                .filter_map(|record| record.data.address())
                .take(MAX_ADDRESSES)
                .collect(),
        }
    });
    let servers = servers.collect();
    Some((zone, servers))
}

/// The whole trace at once, and how it ended.
///
/// # Errors
///
/// Those of [`Trace::end`], as the second part.
///
/// # Cancel safety
///
/// Dropping the future ends the trace.
pub async fn trace(
    net: &Net,
    question: Question,
    options: TraceOptions,
) -> (Vec<Step>, Result<Outcome>) {
    let mut trace = Trace::new(net, question, options);
    let mut steps = Vec::new();
    while let Some(step) = trace.next().await {
        steps.push(step);
    }
    (steps, trace.end())
}
