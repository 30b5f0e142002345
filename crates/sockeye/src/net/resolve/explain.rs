//! What a name means to programs on this machine, with the reasons: who was asked, what each said, and in which order the
//! addresses stand.
//!
//! The walk itself is that of every look-up; see `walk`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::dns::Failure;
use super::hosts::Hosts;
use super::missed::Missed;
use super::name::HostName;
use super::nsswitch::Service;
use super::order::{self, Ranked};
use super::{Resolved, Resolver};
use crate::endpoint::Family;
use crate::error::{Error, Kind, Result};
use crate::net::Net;
use crate::net::context::deadline_after;

/// How a look-up went, step by step.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The name, as it was asked for.
    pub name: String,
    /// The name as tables and name servers have it: in lower case, punycode beyond ASCII, without a dot at its end.
    /// `None` for an address, and for what no host can be called.
    pub ascii: Option<String>,
    /// The family that was wanted; `None` for both.
    pub family: Option<Family>,
    /// Who was asked, in this order, and the rules that applied before anybody was.
    pub steps: Vec<Step>,
    /// Services of nsswitch.conf that were not asked any more.
    pub unasked: Vec<String>,
    /// What programs get, or why they get nothing.
    pub found: Result<Resolved>,
    /// The addresses in their order, each with the rule that put it before the next one.
    pub order: Vec<Ranked>,
    /// Whether `gai.conf` changes the order.
    pub has_gai_conf: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a name turned out to mean, in classes that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// It has addresses.
    Addresses,
    /// It exists and has no address of the wanted family.
    NoAddress,
    /// Nobody knows it.
    NoName,
    /// Name servers failed, so nobody can say.
    Failed,
    /// No name server answered in time.
    Silent,
    /// It cannot be asked for: it is no host name, or an address of the other family.
    Unusable,
}

impl Meaning {
    /// A stable word for it, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Addresses => "addresses",
            Self::NoAddress => "no-address",
            Self::NoName => "no-name",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Unusable => "unusable",
        }
    }
}

/// Somebody who was asked, or a rule that applied before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The word in nsswitch.conf (`files`, `dns`, `mdns4_minimal`), or `literal`, `override`, `localhost`, `reserved` for
    /// rules that come before it.
    pub service: String,
    /// What it said.
    pub said: Said,
    /// The action of nsswitch.conf that ended the search here: `NOTFOUND=return`.
    pub ended_by: Option<&'static str>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What one step said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// The name is an address.
    Literal,
    /// The caller had said what it means.
    Override,
    /// It is this machine, whatever anybody says (RFC 6761 section 6.3).
    Localhost {
        /// What the hosts file says of it, which the C library goes by.
        lines: Vec<HostsLine>,
    },
    /// Names below this domain are never asked for.
    Reserved {
        /// `invalid` or `onion`.
        domain: &'static str,
        /// Where it is written.
        rule: &'static str,
    },
    /// The hosts file.
    Hosts {
        /// Where it is; `None` if it was given as a text.
        file: Option<PathBuf>,
        /// Its lines for this name, of whatever family.
        lines: Vec<HostsLine>,
    },
    /// The name of this machine.
    MyHostname {
        /// The name, if there is one.
        name: Option<String>,
        /// Whether it is the name that was asked for.
        is_ours: bool,
    },
    /// Name servers.
    Dns {
        /// The servers, in the order in which they are asked.
        servers: Vec<SocketAddr>,
        /// The full names that were asked for, in this order.
        asked: Vec<Asked>,
    },
    /// It was skipped.
    Skipped(Skipped),
}

/// Why a service was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skipped {
    /// We do not speak it; programs that use the C library may.
    NotSpoken,
    /// `dns` is named as well, and asks the same servers.
    DnsStandsIn,
    /// No name server is configured.
    NoServers,
    /// No hosts file is configured.
    NoHosts,
}

impl Skipped {
    /// A stable word for it, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSpoken => "not-spoken",
            Self::DnsStandsIn => "dns-stands-in",
            Self::NoServers => "no-servers",
            Self::NoHosts => "no-hosts",
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSpoken => {
                "skipped, it is not spoken here; programs that use the C library may ask it"
            }
            Self::DnsStandsIn => "skipped, dns asks the same servers",
            Self::NoServers => "skipped, no name server is configured",
            Self::NoHosts => "skipped, no hosts file is configured",
        })
    }
}

/// A line of the hosts file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostsLine {
    /// Its number, counted from 1.
    pub number: u32,
    /// The address it gives.
    pub address: IpAddr,
}

/// One full name that name servers were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// The full name, without a dot at its end.
    pub name: String,
    /// What they said.
    pub told: Told,
    /// Who said it.
    pub server: Option<SocketAddr>,
    /// Servers that did not help.
    pub failures: Vec<Failure>,
    /// The family whose answer was still missing 250 ms after the other one was there.
    pub late: Option<Family>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What name servers said of one full name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// These addresses.
    Addresses(Vec<IpAddr>),
    /// It exists and has no address of the wanted family.
    NoData,
    /// There is no such name.
    NoName,
    /// Nothing that helps.
    Nothing,
    /// It is too long to exist.
    TooLong,
}

impl Explanation {
    /// What the name turned out to mean.
    pub fn meaning(&self) -> Meaning {
        let error = match &self.found {
            Ok(_) => return Meaning::Addresses,
            Err(error) => error,
        };
        let missed = Missed::of(&self.steps);
        match error.kind() {
            Kind::TimedOut => Meaning::Silent,
            Kind::Usage => Meaning::Unusable,
            _ if self.ascii.is_none() => Meaning::Unusable,
            _ if missed.has_no_address => Meaning::NoAddress,
            _ if missed.failures.is_empty() => Meaning::NoName,
            _ => Meaning::Failed,
        }
    }

    /// The addresses, best first; none if there are none.
    pub fn addresses(&self) -> &[IpAddr] {
        self.found.as_ref().map_or(&[], |found| &found.addresses)
    }

    /// The full name that name servers had addresses for, if they were who knew it.
    pub fn answered_name(&self) -> Option<&str> {
        let dns = self.steps.iter().find_map(|step| match &step.said {
            Said::Dns { asked, .. } => Some(asked),
            _ => None,
        })?;
        let answered = |asked: &&Asked| matches!(asked.told, Told::Addresses(_));
        Some(&dns.iter().find(answered)?.name)
    }
}

impl Resolver {
    /// Look a name up as [`Resolver::lookup`] does, and tell how it went.
    ///
    /// A name that nobody knows is an explanation too: its `found` is the error of the look-up.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the look-up and leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use sockeye::net::resolve::{Resolver, Said};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let resolver = Resolver::new().hosts_text("# databases\n192.0.2.7 db.example db");
    /// let deadline = Instant::now() + Duration::from_secs(5);
    /// let explained = resolver.explain("db", None, deadline).await;
    /// let Said::Hosts { lines, .. } = &explained.steps[0].said else { panic!() };
    /// assert_eq!(lines[0].number, 2);
    /// assert_eq!(explained.unasked, ["dns"]);
    /// # }
    /// ```
    pub async fn explain(
        &self,
        name: &str,
        family: Option<Family>,
        deadline: Instant,
    ) -> Explanation {
        self.explain_to(name, family, deadline, None).await
    }

    async fn explain_to(
        &self,
        name: &str,
        family: Option<Family>,
        deadline: Instant,
        net: Option<&Net>,
    ) -> Explanation {
        let begin = Instant::now();
        let mut walked = self.resolve(name, family, deadline, net).await;
        let elapsed = begin.elapsed();
        let view = tokio::time::timeout_at(deadline.into(), self.cache.view(&self.sources)).await;
        let view = view.ok();
        let policy = view.as_ref().map(|view| view.policy.clone());
        let policy = policy.unwrap_or_default();
        let is_literal = name.parse::<IpAddr>().is_ok();
        let host = HostName::parse(name).ok().filter(|_| !is_literal);
        if let (Some(view), Some(host)) = (&view, &host) {
            for step in &mut walked.steps {
                if let Said::Localhost { lines: said } = &mut step.said {
                    *said = lines(&view.hosts, &host.text);
                }
            }
        }
        let found = walked.found.as_ref().map(|found| found.with_port(0));
        let order = found.map_or_else(
            |_: &Error| Vec::new(),
            |found| order::explain(&found, &policy, order::source),
        );
        Explanation {
            name: name.to_owned(),
            ascii: host.map(|host| host.text),
            family,
            steps: walked.steps,
            unasked: walked.unasked,
            found: walked.found,
            order,
            has_gai_conf: !policy.is_default(),
            elapsed,
        }
    }

    /// The names that the hosts file has for an address, each with its line, in the order of the file; programs get the
    /// first. None if nsswitch.conf does not name `files`, or names name servers before it.
    ///
    /// It looks at every name of the file, which for a block list of some hundred thousand takes milliseconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn hosts_names(&self, address: IpAddr) -> Vec<(u32, String)> {
        let view = self.cache.view(&self.sources).await;
        let mut order = view.order.iter().map(|step| step.service);
        let first = order.find(|service| matches!(service, Service::Files | Service::Dns));
        if first != Some(Service::Files) {
            return Vec::new();
        }
        let names = view.hosts.names_of(address).into_iter();
        names.map(|(line, name)| (line, name.to_owned())).collect()
    }
}

impl Net {
    /// Look a name up as connections of this `Net` do, and tell how it went; see [`Resolver::explain`].
    ///
    /// [`Net::connect_timeout`] bounds it, and the observer sees what is said to name servers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the look-up and leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::Net;
    /// use sockeye::net::resolve::Meaning;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let explained = Net::new().explain("localhost", None).await;
    /// assert_eq!(explained.meaning(), Meaning::Addresses);
    /// # }
    /// ```
    pub async fn explain(&self, name: &str, family: Option<Family>) -> Explanation {
        let deadline = deadline_after(self.connect_timeout);
        let resolver = &self.resolver;
        resolver
            .explain_to(name, family, deadline, Some(self))
            .await
    }
}

/// The lines of the hosts file for a name in lower case.
pub(super) fn lines(hosts: &Hosts, name: &str) -> Vec<HostsLine> {
    let lines = hosts.find(name).iter().map(|entry| HostsLine {
        number: entry.line,
        address: entry.address.ip(),
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
