//! Where programs on this machine and the DNS differ about a name, and which rule makes them differ.

use std::fmt;
use std::net::IpAddr;

use super::explain::{Asked, Explanation, Meaning, Said, Skipped, Step};
use super::query::{Outcome, Response};
use crate::endpoint::Family;

/// The most addresses that a sentence lists.
const MAX_LISTED: usize = 4;

/// Why programs get something else than what the DNS says. Its text is one sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The rule, for programs.
    pub cause: Cause,
    /// The rule, in words.
    pub text: String,
}

/// Which rule makes programs and the DNS differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The hosts file has the name, and is asked before name servers.
    HostsFile,
    /// It is the name of this machine.
    OwnName,
    /// It means this machine by rule, whatever anybody says.
    Localhost,
    /// Programs must not ask for it.
    Reserved,
    /// The search list made another name of it.
    SearchList,
    /// nsswitch.conf ends the search before name servers are asked, or does not name them.
    Nsswitch,
    /// No name server is configured.
    NoServers,
    /// One family came too late for programs.
    LateFamily,
    /// Programs do not ask for this family.
    UnaskedFamily,
    /// Name servers did not help programs.
    ServersFailed,
    /// The DNS gave no answer here.
    DnsFailed,
    /// Two questions got two answers.
    AnswersVary,
}

impl Cause {
    /// A stable word for it, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::HostsFile => "hosts-file",
            Self::OwnName => "own-name",
            Self::Localhost => "localhost",
            Self::Reserved => "reserved",
            Self::SearchList => "search-list",
            Self::Nsswitch => "nsswitch",
            Self::NoServers => "no-servers",
            Self::LateFamily => "late-family",
            Self::UnaskedFamily => "unasked-family",
            Self::ServersFailed => "servers-failed",
            Self::DnsFailed => "dns-failed",
            Self::AnswersVary => "answers-vary",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the DNS said about the addresses of a name.
struct Dns {
    addresses: Vec<IpAddr>,
    /// In words: addresses, or why there are none.
    says: String,
    no_name: bool,
    no_data: bool,
}

impl Explanation {
    /// Which rule makes programs get something else than what the DNS says; `None` if both say the same.
    ///
    /// The responses are those to the questions for A and AAAA, or for the one that was asked; `None` stands for a
    /// question without a response.
    pub fn difference(&self, responses: &[Option<&Response>]) -> Option<Difference> {
        let dns = Dns::of(responses);
        let ours = self.addresses();
        let same_set = ours.len() == dns.addresses.len()
            && ours.iter().all(|address| dns.addresses.contains(address));
        let same = match self.meaning() {
            Meaning::Addresses => same_set,
            Meaning::NoName => dns.no_name,
            Meaning::NoAddress => dns.no_data,
            _ => false,
        };
        if same {
            return None;
        }
        let (cause, text) = self.cause(&dns);
        Some(Difference { cause, text })
    }

    fn cause(&self, dns: &Dns) -> (Cause, String) {
        let says = &dns.says;
        let Some(last) = self.steps.last() else {
            let text = format!("programs cannot ask for this name, the DNS says {says}");
            return (Cause::ServersFailed, text);
        };
        match &last.said {
            Said::Hosts { .. } if self.found.is_ok() => self.cause_in_hosts(last, dns),
            Said::MyHostname { is_ours: true, .. } => (
                Cause::OwnName,
                format!("it is the name of this machine (myhostname); the DNS says {says}"),
            ),
            Said::Localhost { .. } => (
                Cause::Localhost,
                format!("it means this machine, whatever the DNS says (RFC 6761): {says}"),
            ),
            Said::Reserved { domain, rule } => (
                Cause::Reserved,
                format!(
                    "programs must not ask for names below .{domain} ({rule}); the DNS says {says}"
                ),
            ),
            Said::Skipped(Skipped::NoServers) => (
                Cause::NoServers,
                format!("resolv.conf names no server for programs; the DNS says {says}"),
            ),
            _ if self.found.is_err() && !self.asked_dns() => {
                let why = match last.ended_by {
                    Some(action) => format!(
                        "nsswitch.conf ends the search at {} [{action}]",
                        last.service
                    ),
                    None => "nsswitch.conf does not name dns".into(),
                };
                let text =
                    format!("{why}, so programs do not ask name servers; the DNS says {says}");
                (Cause::Nsswitch, text)
            }
            Said::Dns { asked, .. } => self.cause_in_dns(asked, dns),
            _ => self
                .steps
                .iter()
                .rev()
                .find_map(|step| match &step.said {
                    Said::Dns { asked, .. } => Some(self.cause_in_dns(asked, dns)),
                    _ => None,
                })
                .unwrap_or_else(|| (Cause::AnswersVary, format!("the DNS says {says}"))),
        }
    }

    /// The hosts file has it.
    fn cause_in_hosts(&self, step: &Step, dns: &Dns) -> (Cause, String) {
        let place = step.place().unwrap_or_default();
        let addresses = listed(self.addresses());
        let why = if self.unasked.iter().any(|service| is_dns(service)) {
            format!("{} comes before dns in nsswitch.conf", step.service)
        } else {
            "name servers did not know it".into()
        };
        let says = &dns.says;
        let text = format!("{place} says {addresses}, and {why}; the DNS says {says}");
        (Cause::HostsFile, text)
    }

    /// Both sides asked name servers.
    fn cause_in_dns(&self, asked: &[Asked], dns: &Dns) -> (Cause, String) {
        let says = &dns.says;
        let name = self.ascii.as_deref().unwrap_or(&self.name);
        if let Some(full) = self.answered_name().filter(|full| *full != name) {
            let text = format!(
                "the search list turned {name} into {full}; for {name} as it stands the DNS says {says}"
            );
            return (Cause::SearchList, text);
        }
        if matches!(self.meaning(), Meaning::Silent | Meaning::Failed) {
            let text =
                format!("name servers did not help programs; asked here, the DNS says {says}");
            return (Cause::ServersFailed, text);
        }
        if dns.addresses.is_empty() && !dns.no_name && !dns.no_data {
            return (
                Cause::DnsFailed,
                format!("programs got an answer; here {says}"),
            );
        }
        if let Some(family) = asked.iter().find_map(|asked| asked.late) {
            let word = word(family);
            let text = format!(
                "the {word} addresses came more than 250 ms after the others, and programs went on without; the DNS says {says}"
            );
            return (Cause::LateFamily, text);
        }
        let missing = |v4: bool| {
            let of = |address: &&IpAddr| address.is_ipv4() == v4;
            !self.addresses().iter().any(|it| of(&it)) && dns.addresses.iter().any(|it| of(&it))
        };
        if self.found.is_ok() && missing(false) {
            let text = format!(
                "programs do not get IPv6 addresses here (`no-aaaa` in resolv.conf, or a server that withholds them); the DNS says {says}"
            );
            return (Cause::UnaskedFamily, text);
        }
        let text = format!(
            "two questions got two answers, as servers may give; the second time the DNS says {says}"
        );
        (Cause::AnswersVary, text)
    }

    /// Whether name servers were asked.
    fn asked_dns(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.said, Said::Dns { .. }))
    }
}

impl Step {
    /// Where it found the name: `/etc/hosts line 12`.
    pub fn place(&self) -> Option<String> {
        let Said::Hosts { file, lines } = &self.said else {
            return None;
        };
        let mut numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
        numbers.dedup();
        let shown = numbers.iter().take(MAX_LISTED).map(u32::to_string);
        let mut shown = shown.collect::<Vec<_>>().join(", ");
        if numbers.len() > MAX_LISTED {
            shown += ", …";
        }
        let file = match file {
            Some(file) => file.display().to_string(),
            None => "the hosts text".into(),
        };
        Some(match numbers.len() {
            0 => file,
            1 => format!("{file} line {shown}"),
            _ => format!("{file} lines {shown}"),
        })
    }
}

impl Dns {
    fn of(responses: &[Option<&Response>]) -> Self {
        let mut addresses: Vec<IpAddr> = Vec::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        for response in responses.iter().flatten() {
            outcomes.push(response.outcome);
            for address in response
                .records()
                .filter_map(|record| record.data.address())
            {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        let all = |wanted: Outcome| !outcomes.is_empty() && outcomes.iter().all(|it| *it == wanted);
        let complete = responses.iter().all(Option::is_some);
        let no_name = outcomes.contains(&Outcome::NoName) && addresses.is_empty();
        let no_data = all(Outcome::NoData) && complete;
        let says = match outcomes
            .iter()
            .find(|it| !matches!(it, Outcome::Answer | Outcome::NoData))
        {
            _ if !addresses.is_empty() => listed(&addresses),
            Some(Outcome::NoName) => "there is no such name (NXDOMAIN)".into(),
            Some(Outcome::ServerFailure) => "nothing: the server fails (SERVFAIL)".into(),
            Some(Outcome::Refused) => "nothing: the server refuses (REFUSED)".into(),
            Some(other) => format!("nothing: {other}"),
            None if no_data => "it has no address (NODATA)".into(),
            None => "nothing: there is no answer".into(),
        };
        Self {
            addresses,
            says,
            no_name,
            no_data,
        }
    }
}

fn is_dns(service: &str) -> bool {
    matches!(service, "dns" | "resolve")
}

fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    let shown = addresses.iter().take(MAX_LISTED).map(ToString::to_string);
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if addresses.len() > MAX_LISTED {
        text += &format!(" and {} more", addresses.len() - MAX_LISTED);
    }
    text
}

#[cfg(test)]
mod tests;
