//! What programs here get for a name, as rows and as JSON.

use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;
use sockeye::net::resolve::{Asked, Explanation, HostsLine, Meaning, Said, Skipped, Step, Told};

use super::rows::{Row, width};
use crate::report::seconds;
use crate::timeline::took;

/// The label of the system view.
pub(super) const LABEL: &str = "programs here get";

/// Addresses are wrapped after this many columns.
const MAX_LINE: usize = 60;

/// The system view for people. With `verbose`, every step and every rule of the order has its line.
pub(super) fn rows(explained: &Explanation, verbose: bool) -> Vec<Row> {
    let mut lines = match &explained.found {
        Ok(found) => wrapped(&found.addresses),
        Err(error) => vec![match explained.meaning() {
            Meaning::NoName => "nothing: nobody knows this name".into(),
            Meaning::NoAddress => "nothing: the name exists and has no address".into(),
            Meaning::Silent => "nothing: no name server answered in time".into(),
            Meaning::Failed => "nothing: name servers fail".into(),
            _ => format!("nothing: {}", error.why()),
        }],
    };
    let mut rows = vec![Row::new(LABEL, lines.remove(0), path(explained))];
    rows.extend(lines.into_iter().map(Row::more));
    if verbose {
        rows.extend(explained.steps.iter().map(|step| Row::more(detail(step))));
        let unasked = explained.unasked.iter();
        rows.extend(unasked.map(|service| Row::more(format!("{service}: not asked any more"))));
        rows.extend(order(explained).into_iter().map(Row::more));
    } else {
        rows.extend(failures(explained).into_iter().map(Row::more));
    }
    rows.extend(notes(explained, verbose).into_iter().map(Row::more));
    rows
}

/// The names that programs here get for an address; without any, what the DNS says.
pub(super) fn names(names: &[(u32, String)]) -> Vec<Row> {
    if names.is_empty() {
        return vec![Row::new(
            LABEL,
            "what the DNS says",
            "the hosts file does not have it",
        )];
    }
    let mut rows: Vec<Row> = names
        .iter()
        .map(|(line, name)| Row::new("", name.as_str(), format!("another name, line {line}")))
        .collect();
    rows[0].label = LABEL.into();
    rows[0].note = format!("files: line {} of the hosts file", names[0].0);
    rows
}

/// The addresses in lines of bounded length.
fn wrapped(addresses: &[IpAddr]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for address in addresses {
        let address = address.to_string();
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&address),
            Some(line) if width(line) + width(&address) + 2 <= MAX_LINE => {
                line.push_str("  ");
                line.push_str(&address);
            }
            _ => lines.push(address),
        }
    }
    lines
}

/// Who was asked, in one line: `files → dns: db.corp.example, 12 ms`.
fn path(explained: &Explanation) -> String {
    let Some(last) = explained.steps.last() else {
        return String::new();
    };
    let asked = explained.steps.iter().filter(|step| {
        !matches!(
            step.said,
            Said::Skipped(Skipped::NotSpoken | Skipped::DnsStandsIn)
        )
    });
    let services: Vec<&str> = asked.map(|step| &*step.service).collect();
    let services = services.join(" → ");
    match &last.said {
        Said::Literal => "an address means itself".into(),
        Said::Override => "as was said".into(),
        Said::Localhost { .. } => "this machine itself, by rule (RFC 6761)".into(),
        Said::Reserved { domain, rule } => {
            format!("names below .{domain} are not asked for ({rule})")
        }
        Said::Hosts { .. } if explained.found.is_ok() => {
            format!("{services}: {}", last.place().unwrap_or_default())
        }
        Said::Dns { .. } => {
            let name = explained.answered_name();
            let other = name.filter(|name| Some(*name) != explained.ascii.as_deref());
            let other = other.map(|name| format!(": {name}")).unwrap_or_default();
            format!("{services}{other}, {}", took(explained.elapsed))
        }
        _ => match last.ended_by {
            Some(action) => format!("{services} [{action}]"),
            None => services,
        },
    }
}

/// What one step said, in one line.
fn detail(step: &Step) -> String {
    let said = match &step.said {
        Said::Literal => "it is an address".into(),
        Said::Override => "as was said".into(),
        Said::Localhost { .. } => {
            "this machine itself, whatever anybody says (RFC 6761 section 6.3)".into()
        }
        Said::Reserved { domain, rule } => {
            format!("names below .{domain} are not asked for ({rule})")
        }
        Said::Hosts { file, lines } if lines.is_empty() => {
            let file = file.as_deref().unwrap_or(Path::new("the hosts text"));
            format!("{} does not name it", file.display())
        }
        Said::Hosts { lines, .. } => {
            let addresses: Vec<String> =
                lines.iter().map(|line| line.address.to_string()).collect();
            let place = step.place().unwrap_or_default();
            format!("{place}: {}", addresses.join("  "))
        }
        Said::MyHostname { is_ours: true, .. } => "it is the name of this machine".into(),
        Said::MyHostname {
            name: Some(name), ..
        } => format!("this machine is {name}"),
        Said::MyHostname { .. } => "this machine has no name".into(),
        Said::Dns { asked, .. } => asked.iter().map(told).collect::<Vec<_>>().join("; "),
        Said::Skipped(why) => why.to_string(),
        _ => String::new(),
    };
    let ended = step
        .ended_by
        .map(|by| format!(", and [{by}] ends the search"));
    format!("{}: {said}{}", step.service, ended.unwrap_or_default())
}

/// What name servers said of one full name.
fn told(asked: &Asked) -> String {
    let said = match &asked.told {
        Told::Addresses(found) => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            found.join("  ")
        }
        Told::NoData => "exists, has no address".into(),
        Told::NoName => "no such name".into(),
        Told::TooLong => "too long to exist".into(),
        _ => "no answer".into(),
    };
    let mut text = format!("{} → {said}", asked.name);
    if let Some(server) = asked.server {
        text += &format!(" ({server}, {})", took(asked.elapsed));
    }
    for failure in &asked.failures {
        text += &format!(" ({failure})");
    }
    text
}

/// Why the addresses stand in their order, and from which of ours they would be talked to.
fn order(explained: &Explanation) -> Vec<String> {
    let order = &explained.order;
    let mut lines = Vec::new();
    for pair in order.windows(2) {
        if let Some(rule) = pair[0].rule {
            lines.push(format!(
                "order: {} before {}: {rule}",
                pair[0].address, pair[1].address
            ));
        }
    }
    for ranked in order {
        lines.push(match ranked.source {
            Some(source) => format!("way: {} from {source}", ranked.address),
            None => format!("way: none to {}", ranked.address),
        });
    }
    if explained.has_gai_conf {
        lines.push("order: gai.conf replaces the preferences of RFC 6724".into());
    }
    lines
}

/// Servers that did not help, if that is why there is nothing, or if it took time.
fn failures(explained: &Explanation) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for step in &explained.steps {
        let Said::Dns { asked, .. } = &step.said else {
            continue;
        };
        for failure in asked.iter().flat_map(|asked| &asked.failures) {
            let line = failure.to_string();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

/// What one should know beside the answer.
fn notes(explained: &Explanation, verbose: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let is_local = explained
        .ascii
        .as_deref()
        .is_some_and(|name| name.ends_with(".local"));
    for step in &explained.steps {
        match &step.said {
            Said::Localhost { lines } => notes.extend(unlike_hosts(explained, lines)),
            Said::Skipped(why @ Skipped::NotSpoken)
                if !verbose && (explained.found.is_err() || is_local) =>
            {
                notes.push(format!("{}: {why}", step.service));
            }
            Said::Skipped(why @ Skipped::NoServers) if !verbose => {
                notes.push(format!("{}: {why}", step.service));
            }
            Said::Dns { asked, .. } => {
                let late = asked.iter().find_map(|asked| asked.late);
                notes.extend(late.map(|family| {
                    let word = match family {
                        sockeye::endpoint::Family::V4 => "IPv4",
                        sockeye::endpoint::Family::V6 => "IPv6",
                    };
                    format!("the answer for {word} did not come within 250 ms after the other one")
                }));
            }
            _ => {}
        }
    }
    notes
}

/// The C library goes by the hosts file where we go by the rule.
fn unlike_hosts(explained: &Explanation, lines: &[HostsLine]) -> Option<String> {
    let mut theirs: Vec<IpAddr> = lines.iter().map(|line| line.address).collect();
    theirs.retain(|address| match explained.family {
        None => true,
        Some(family) => address.is_ipv4() == (family == sockeye::endpoint::Family::V4),
    });
    let ours = explained.addresses();
    let same = theirs.len() == ours.len() && theirs.iter().all(|address| ours.contains(address));
    if same || theirs.is_empty() {
        return None;
    }
    let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
    let numbers: Vec<String> = lines.iter().map(|line| line.number.to_string()).collect();
    Some(format!(
        "programs that use the C library go by the hosts file: {} (line {})",
        theirs.join("  "),
        numbers.join(", ")
    ))
}

/// The system view for programs.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "system")]
pub(super) struct SystemEvent {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ascii: Option<String>,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    addresses: Vec<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    steps: Vec<StepEvent>,
    unasked: Vec<String>,
    order: Vec<RankedEvent>,
    gai_conf: bool,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct StepEvent {
    service: String,
    said: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineEvent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<AskedEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<&'static str>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct LineEvent {
    line: u32,
    address: IpAddr,
}

#[derive(Debug, Serialize)]
struct AskedEvent {
    name: String,
    told: &'static str,
    addresses: Vec<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<u8>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct RankedEvent {
    address: IpAddr,
    source: Option<IpAddr>,
    rule: Option<&'static str>,
}

impl From<&Explanation> for SystemEvent {
    fn from(explained: &Explanation) -> Self {
        let ranked = explained.order.iter().map(|ranked| RankedEvent {
            address: ranked.address,
            source: ranked.source,
            rule: ranked.rule.map(|rule| rule.code()),
        });
        Self {
            name: explained.name.clone(),
            ascii: explained.ascii.clone(),
            meaning: explained.meaning().code(),
            source: explained.found.as_ref().ok().map(|found| found.source),
            addresses: explained.addresses().to_vec(),
            error: explained.found.as_ref().err().map(ToString::to_string),
            steps: explained.steps.iter().map(StepEvent::from).collect(),
            unasked: explained.unasked.clone(),
            order: ranked.collect(),
            gai_conf: explained.has_gai_conf,
            seconds: seconds(explained.elapsed),
        }
    }
}

impl From<&Step> for StepEvent {
    fn from(step: &Step) -> Self {
        let mut event = Self {
            service: step.service.clone(),
            said: "other",
            file: None,
            lines: Vec::new(),
            asked: Vec::new(),
            why: None,
            ended_by: step.ended_by,
            seconds: seconds(step.elapsed),
        };
        let lines = |lines: &[HostsLine]| {
            let lines = lines.iter().map(|line| LineEvent {
                line: line.number,
                address: line.address,
            });
            lines.collect()
        };
        match &step.said {
            Said::Literal => event.said = "literal",
            Said::Override => event.said = "override",
            Said::Localhost { lines: of } => {
                event.said = "localhost";
                event.lines = lines(of);
            }
            Said::Reserved { rule, .. } => {
                event.said = "reserved";
                event.why = Some(*rule);
            }
            Said::Hosts { file, lines: of } => {
                event.said = "hosts";
                event.file = file.as_ref().map(|file| file.display().to_string());
                event.lines = lines(of);
            }
            Said::MyHostname { is_ours, .. } => {
                event.said = if *is_ours {
                    "this-machine"
                } else {
                    "another-machine"
                };
            }
            Said::Dns { asked, .. } => {
                event.said = "dns";
                event.asked = asked.iter().map(AskedEvent::from).collect();
            }
            Said::Skipped(why) => {
                event.said = "skipped";
                event.why = Some(why.code());
            }
            _ => {}
        }
        event
    }
}

impl From<&Asked> for AskedEvent {
    fn from(asked: &Asked) -> Self {
        let (told, addresses) = match &asked.told {
            Told::Addresses(found) => ("addresses", found.clone()),
            Told::NoData => ("no-data", Vec::new()),
            Told::NoName => ("no-name", Vec::new()),
            Told::TooLong => ("too-long", Vec::new()),
            _ => ("nothing", Vec::new()),
        };
        Self {
            name: asked.name.clone(),
            told,
            addresses,
            server: asked.server.map(|server| server.to_string()),
            failures: asked.failures.iter().map(ToString::to_string).collect(),
            late: asked.late.map(|family| match family {
                sockeye::endpoint::Family::V4 => 4,
                sockeye::endpoint::Family::V6 => 6,
            }),
            seconds: seconds(asked.elapsed),
        }
    }
}
