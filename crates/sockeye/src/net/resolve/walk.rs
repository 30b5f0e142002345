//! One look-up: who is asked in which order, until somebody knows the name.
//!
//! Every step is kept, so that the error, and whoever wants to know more, can say how it went.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hickory_proto::rr::Name;

use super::dns::{self, Answer, Failure};
use super::explain::{Asked, Said, Skipped, Step, Told, lines};
use super::gai_conf::Policy;
use super::missed::Missed;
use super::name::HostName;
use super::nsswitch::{self, Service, Status};
use super::view::{Text, View};
use super::{Resolved, Resolver, is_of};
use crate::endpoint::Family;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// How a look-up went.
pub(super) struct Walked {
    pub(super) steps: Vec<Step>,
    /// Services behind the one that ended it.
    pub(super) unasked: Vec<String>,
    pub(super) found: Result<Resolved>,
}

impl Walked {
    /// It ended before anybody was asked.
    fn by_rule(service: &str, said: Said, found: Result<Resolved>) -> Self {
        Self {
            steps: vec![step(service, said, Duration::ZERO)],
            unasked: Vec::new(),
            found,
        }
    }

    /// It ended before anything could be said.
    fn failed(error: Error) -> Self {
        Self {
            steps: Vec::new(),
            unasked: Vec::new(),
            found: Err(error),
        }
    }
}

fn step(service: &str, said: Said, elapsed: Duration) -> Step {
    Step {
        service: service.to_owned(),
        said,
        ended_by: None,
        elapsed,
    }
}

/// What is looked for.
struct Wanted<'a> {
    name: &'a str,
    host: &'a HostName,
    family: Option<Family>,
    deadline: tokio::time::Instant,
    /// Whose observer sees what is said to name servers.
    net: Option<&'a Net>,
}

impl Resolver {
    /// Find what a name means, and keep how. The observer of the net, if one is given, sees what is said to servers.
    pub(super) async fn resolve(
        &self,
        name: &str,
        family: Option<Family>,
        deadline: Instant,
        net: Option<&Net>,
    ) -> Walked {
        if let Ok(address) = name.parse::<IpAddr>() {
            return Walked::by_rule("literal", Said::Literal, literal(address, family));
        }
        let host = match HostName::parse(name) {
            Ok(host) => host,
            Err(error) => return Walked::failed(error),
        };
        if let Some(walked) = self.by_rule(name, &host, family) {
            return walked;
        }
        let deadline = tokio::time::Instant::from_std(deadline);
        let view = tokio::time::timeout_at(deadline, self.cache.view(&self.sources));
        let Ok(view) = view.await else {
            let why = format!("there was no time left to look for {name}");
            return Walked::failed(Error::new(Kind::TimedOut, Operation::Resolve, why));
        };
        if is_below(&host.text, "localhost") {
            // The hosts file may choose among this machine's addresses, but nothing leads elsewhere.
            let known = view.hosts.find(&host.text).iter();
            let known = known.map(|entry| entry.address);
            let known = known.filter(|address| address.ip().is_loopback());
            let found = of_family(known, family, "hosts", &view.policy);
            let lines = lines(&view.hosts, &host.text);
            let said = Said::Localhost { lines };
            let found = found.unwrap_or_else(|| localhost(family));
            return Walked::by_rule("localhost", said, Ok(found));
        }
        let wanted = Wanted {
            name,
            host: &host,
            family,
            deadline,
            net,
        };
        self.walk(&view, &wanted).await
    }

    /// What is known without reading a file.
    fn by_rule(&self, name: &str, host: &HostName, family: Option<Family>) -> Option<Walked> {
        if let Some(known) = self.overrides.get(&host.text).filter(|it| !it.is_empty()) {
            let known = known.iter().map(|&address| SocketAddr::new(address, 0));
            let found = of_family(known, family, "override", &Policy::default());
            let found = found.ok_or_else(|| {
                let mut missed = Missed::default();
                missed.ask("the overrides");
                missed.has_no_address = true;
                missed.into_error(name, family)
            });
            return Some(Walked::by_rule("override", Said::Override, found));
        }
        if host.text == "localhost" {
            let said = Said::Localhost { lines: Vec::new() };
            return Some(Walked::by_rule("localhost", said, Ok(localhost(family))));
        }
        let SpecialUse { domain, rule } = special(&host.text)?;
        if domain == "localhost" {
            // The hosts file is to be read first.
            return None;
        }
        let said = Said::Reserved { domain, rule };
        let mut missed = Missed::default();
        missed.ask("nobody, for such names are not in the DNS");
        let error = missed.into_error(name, family);
        Some(Walked::by_rule("reserved", said, Err(error)))
    }

    /// Ask one after the other, in the order of the configuration.
    async fn walk(&self, view: &View, wanted: &Wanted<'_>) -> Walked {
        let mut steps = Vec::with_capacity(view.order.len());
        let mut order = view.order.iter();
        let mut found = None;
        for next in order.by_ref() {
            let begin = Instant::now();
            let (said, ended) = self.ask(next, view, wanted).await;
            let mut step = step(&next.word, said, begin.elapsed());
            match ended {
                Ok(resolved) => found = Some(resolved),
                Err(status) if next.ends_at(status) => step.ended_by = Some(status.action()),
                Err(_) => {
                    steps.push(step);
                    continue;
                }
            }
            steps.push(step);
            break;
        }
        let unasked = order.filter(|step| step.service.is_ours());
        let unasked = unasked.map(|step| step.word.to_string()).collect();
        let found = found.ok_or_else(|| Missed::of(&steps).into_error(wanted.name, wanted.family));
        Walked {
            steps,
            unasked,
            found,
        }
    }

    /// Ask one service.
    async fn ask(
        &self,
        next: &nsswitch::Step,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> (Said, std::result::Result<Resolved, Status>) {
        match next.service {
            Service::Files => self.ask_hosts(view, wanted),
            Service::MyHostname => {
                let name = view.hostname.clone();
                let is_ours = name.as_ref() == Some(&wanted.host.text);
                let found = if is_ours {
                    let mut found = localhost(wanted.family);
                    found.source = "myhostname";
                    Ok(found)
                } else {
                    Err(Status::NotFound)
                };
                (Said::MyHostname { name, is_ours }, found)
            }
            Service::Dns if view.dns.servers.is_empty() => {
                (Said::Skipped(Skipped::NoServers), Err(Status::Unavailable))
            }
            Service::Dns => self.search_dns(view, wanted).await,
            Service::Shadowed => (
                Said::Skipped(Skipped::DnsStandsIn),
                Err(Status::Unavailable),
            ),
            Service::Unknown => (Said::Skipped(Skipped::NotSpoken), Err(Status::Unavailable)),
        }
    }

    fn ask_hosts(
        &self,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> (Said, std::result::Result<Resolved, Status>) {
        let file = match &self.sources.hosts {
            Text::None => return (Said::Skipped(Skipped::NoHosts), Err(Status::NotFound)),
            Text::Given(_) => None,
            Text::File(path) => Some(path.clone()),
        };
        let known = view.hosts.find(&wanted.host.text).iter();
        let known = known.map(|entry| entry.address);
        let found = of_family(known, wanted.family, "hosts", &view.policy);
        let lines = lines(&view.hosts, &wanted.host.text);
        (Said::Hosts { file, lines }, found.ok_or(Status::NotFound))
    }

    /// Ask name servers for each full name that this one may mean, until one exists and has addresses.
    async fn search_dns(
        &self,
        view: &View,
        wanted: &Wanted<'_>,
    ) -> (Said, std::result::Result<Resolved, Status>) {
        let mut all: Vec<Asked> = Vec::new();
        let mut found = Err(Status::NotFound);
        for name in view.dns.candidates(&wanted.host.written(), view.domain()) {
            let Ok(full) = Name::from_ascii(format!("{name}.")) else {
                // With this domain behind it, the name is too long to exist.
                all.push(Asked::new(name, Told::TooLong));
                continue;
            };
            let asked = self.ask_families(view, name, &full, wanted).await;
            if let Told::Addresses(addresses) = &asked.told {
                let addresses = addresses.iter().map(|&address| SocketAddr::new(address, 0));
                found = Ok(Resolved::new(addresses.collect(), "dns", &view.policy));
            } else if asked.told == Told::Nothing {
                found = Err(Status::TryAgain);
            }
            // A server that says SERVFAIL may know the next name; one that says nothing would cost its whole
            // patience again.
            let go_on = asked.told != Told::Nothing || asked.failures.iter().any(Failure::is_code);
            all.push(asked);
            if found.is_ok() || !go_on {
                break;
            }
        }
        let said = Said::Dns {
            servers: view.dns.servers.clone(),
            asked: all,
        };
        (said, found)
    }

    /// Ask for both families at once, or for the only one that is wanted.
    async fn ask_families(
        &self,
        view: &View,
        name: String,
        full: &Name,
        wanted: &Wanted<'_>,
    ) -> Asked {
        let begin = Instant::now();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let ask = |family| {
            let (net, deadline) = (wanted.net, wanted.deadline);
            dns::ask(&view.dns, net, turn, full, family, deadline)
        };
        let family = wanted.family.or(view.dns.no_aaaa.then_some(Family::V4));
        let mut asked = Asked::new(name, Told::Nothing);
        let answers = if let Some(family) = family {
            vec![ask(family).await]
        } else {
            let mut four = std::pin::pin!(ask(Family::V4));
            let mut six = std::pin::pin!(ask(Family::V6));
            let (first, second, late) = tokio::select! {
                first = &mut four => { let second = other(&first, six).await; (first, second, Family::V6) }
                first = &mut six => { let second = other(&first, four).await; (first, second, Family::V4) }
            };
            asked.late = second.is_none().then_some(late);
            [Some(first), second].into_iter().flatten().collect()
        };
        asked.combine(answers);
        asked.elapsed = begin.elapsed();
        asked
    }
}

/// The answer for the other family; `None` if it is late while the first one has addresses.
async fn other(first: &dns::Asked, second: impl Future<Output = dns::Asked>) -> Option<dns::Asked> {
    if !matches!(first.answer, Some((Answer::Found(_), _))) {
        return Some(second.await);
    }
    let second = tokio::time::timeout(dns::OTHER_FAMILY_GRACE, second);
    second.await.ok()
}

impl Asked {
    fn new(name: String, told: Told) -> Self {
        Self {
            name,
            told,
            server: None,
            failures: Vec::new(),
            late: None,
            elapsed: Duration::ZERO,
        }
    }

    /// One answer from those of the families.
    fn combine(&mut self, answers: Vec<dns::Asked>) {
        let mut found = Vec::new();
        let (mut no_name, mut no_data, mut unanswered) = (false, false, false);
        for asked in answers {
            for failure in asked.failures {
                if !self.failures.contains(&failure) {
                    self.failures.push(failure);
                }
            }
            let Some((answer, server)) = asked.answer else {
                unanswered = true;
                continue;
            };
            self.server.get_or_insert(server);
            match answer {
                Answer::Found(addresses) => found.extend(addresses),
                Answer::NoName => no_name = true,
                Answer::NoData => no_data = true,
            }
        }
        self.told = if !found.is_empty() {
            Told::Addresses(found)
        } else if no_name && !no_data {
            Told::NoName
        } else if unanswered {
            Told::Nothing
        } else {
            Told::NoData
        };
    }
}

/// A domain whose names are no question for name servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecialUse {
    /// `localhost`, `invalid` or `onion`.
    pub domain: &'static str,
    /// Where it is written.
    pub rule: &'static str,
}

const SPECIAL: [SpecialUse; 3] = [
    SpecialUse {
        domain: "localhost",
        rule: "RFC 6761 section 6.3",
    },
    SpecialUse {
        domain: "invalid",
        rule: "RFC 6761 section 6.4",
    },
    SpecialUse {
        domain: "onion",
        rule: "RFC 7686 section 2",
    },
];

/// The domain that keeps a name from name servers, if there is one; for what is no host name there is none.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::special_use;
///
/// assert_eq!(special_use("app.localhost").map(|special| special.domain), Some("localhost"));
/// assert_eq!(special_use("onion.example"), None);
/// ```
pub fn special_use(name: &str) -> Option<SpecialUse> {
    special(&HostName::parse(name).ok()?.text)
}

fn special(name: &str) -> Option<SpecialUse> {
    let mut all = SPECIAL.into_iter();
    all.find(|special| is_below(name, special.domain))
}

/// Whether a name is this domain or below it.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

pub(super) fn literal(address: IpAddr, family: Option<Family>) -> Result<Resolved> {
    if is_of(family, address) {
        let found = vec![SocketAddr::new(address, 0)];
        return Ok(Resolved::new(found, "literal", &Policy::default()));
    }
    let (is, wanted) = if address.is_ipv4() {
        ("IPv4", "IPv6")
    } else {
        ("IPv6", "IPv4")
    };
    let why = format!("{address} is an {is} address, and only {wanted} is wanted");
    Err(Error::new(Kind::Usage, Operation::Resolve, why)
        .with_hint("leave out -4, -6 and family=, or write an address of that family"))
}

/// This machine, by both families (RFC 6761 section 6.3).
fn localhost(family: Option<Family>) -> Resolved {
    let both = [
        IpAddr::from(Ipv6Addr::LOCALHOST),
        IpAddr::from(Ipv4Addr::LOCALHOST),
    ];
    let found = both.into_iter().filter(|&address| is_of(family, address));
    let found = found.map(|address| SocketAddr::new(address, 0)).collect();
    Resolved::new(found, "localhost", &Policy::default())
}

fn of_family(
    known: impl Iterator<Item = SocketAddr>,
    family: Option<Family>,
    source: &'static str,
    policy: &Policy,
) -> Option<Resolved> {
    let found: Vec<_> = known.filter(|known| is_of(family, known.ip())).collect();
    (!found.is_empty()).then(|| Resolved::new(found, source, policy))
}
