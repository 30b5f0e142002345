//! Policies as JSON.

use std::time::Duration;

use serde::Deserialize;
use sockeye_data::units;
use sockeye_data::url::Scheme;

use super::{Policy, Reach};
use crate::error::{Error, Kind, Operation, Result};
use crate::host::services::nearest::nearest;

/// The longest policy that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// What may stand in a policy, in the order of the documentation.
const KEYS: [&str; 14] = [
    "extends",
    "schemes",
    "allow_hosts",
    "deny_hosts",
    "ports",
    "addresses",
    "allow_addresses",
    "deny_addresses",
    "max_body",
    "max_redirects",
    "max_time",
    "forbid_headers",
    "proxies",
    "comment",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    extends: Option<String>,
    schemes: Option<Vec<String>>,
    #[serde(default)]
    allow_hosts: Vec<String>,
    #[serde(default)]
    deny_hosts: Vec<String>,
    ports: Option<Vec<Ports>>,
    addresses: Option<String>,
    #[serde(default)]
    allow_addresses: Vec<String>,
    #[serde(default)]
    deny_addresses: Vec<String>,
    max_body: Option<Amount>,
    max_redirects: Option<u32>,
    max_time: Option<String>,
    #[serde(default)]
    forbid_headers: Vec<String>,
    proxies: Option<bool>,
    #[serde(default, rename = "comment")]
    _comment: serde::de::IgnoredAny,
}

/// A port, or a range of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ports {
    One(u16),
    Range(String),
}

/// A number of bytes, or a size with its unit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Bytes(u64),
    Size(String),
}

/// Read a policy.
///
/// # Errors
///
/// See [`Policy::parse`].
pub(super) fn parse(json: &str) -> Result<Policy> {
    if json.len() > LONGEST {
        return Err(usage(format!("a policy has at most {LONGEST} bytes")));
    }
    let written: Written = serde_json::from_str(json).map_err(|error| broken(&error))?;
    let mut policy = match written.extends.as_deref() {
        None => Policy::default(),
        Some("public") => Policy::public(),
        Some(other) => return Err(unknown("extends", other, &["public"])),
    };
    if let Some(schemes) = &written.schemes {
        policy.schemes = Some(
            schemes
                .iter()
                .map(|name| scheme(name))
                .collect::<Result<_>>()?,
        );
    }
    for rule in &written.allow_hosts {
        policy = policy.allow_host(rule)?;
    }
    for rule in &written.deny_hosts {
        policy = policy.deny_host(rule)?;
    }
    if let Some(ports) = &written.ports {
        policy.ports = ports.iter().map(range).collect::<Result<_>>()?;
    }
    if let Some(reach) = written.addresses.as_deref() {
        policy.reach = match reach {
            "any" => Reach::Any,
            "public" => Reach::Public,
            "listed" => Reach::Listed,
            other => return Err(unknown("addresses", other, &["any", "public", "listed"])),
        };
    }
    for network in &written.allow_addresses {
        policy = policy.allow_addresses(network)?;
    }
    for network in &written.deny_addresses {
        policy = policy.deny_addresses(network)?;
    }
    for name in &written.forbid_headers {
        policy = policy.forbid_header(name);
    }
    if let Some(amount) = &written.max_body {
        policy.max_body = Some(size(amount)?);
    }
    if let Some(time) = &written.max_time {
        policy.max_time = Some(duration(time)?);
    }
    policy.max_redirects = written.max_redirects.or(policy.max_redirects);
    if let Some(allowed) = written.proxies {
        policy.forbids_proxies = !allowed;
    }
    Ok(policy)
}

/// The scheme of this name.
///
/// # Errors
///
/// [`Kind::Usage`] with the nearest known one.
fn scheme(name: &str) -> Result<Scheme> {
    let found = Scheme::ALL.into_iter().find(|it| it.as_str() == name);
    found.ok_or_else(|| unknown("schemes", name, &Scheme::ALL.map(Scheme::as_str)))
}

fn range(ports: &Ports) -> Result<(u16, u16)> {
    let text = match ports {
        Ports::One(port) => return Ok((*port, *port)),
        Ports::Range(text) => text,
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err(usage(format!(
            "ports: {text:?} is neither a port nor a range such as 8000-8999"
        ))),
    }
}

fn size(amount: &Amount) -> Result<u64> {
    match amount {
        Amount::Bytes(bytes) => Ok(*bytes),
        Amount::Size(text) => units::parse_size(text)
            .map_err(|error| usage(format!("max_body: {error}")).with_hint(error.expected())),
    }
}

fn duration(text: &str) -> Result<Duration> {
    units::parse_duration(text)
        .map_err(|error| usage(format!("max_time: {error}")).with_hint(error.expected()))
}

/// What serde says, and the nearest word if one is not known.
fn broken(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let unknown = text
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'));
    let Some((word, rest)) = unknown else {
        return usage(format!("the policy cannot be read: {text}"));
    };
    let place = rest.rsplit_once(" at ").map_or("", |(_, place)| place);
    let failed = usage(format!(
        "the policy cannot be read: nothing is called {word:?} in it, at {place}"
    ));
    match nearest(word, KEYS.into_iter(), 1 + word.len() / 3) {
        Some(known) => failed.with_hint(format!("did you mean {known:?}?")),
        None => failed.with_hint(format!("known are {}", KEYS.join(", "))),
    }
}

fn unknown(key: &str, word: &str, known: &[&str]) -> Error {
    let failed = usage(format!("{key}: {word:?} is not known"));
    match nearest(word, known.iter().copied(), 1 + word.len() / 3) {
        Some(near) => failed.with_hint(format!("did you mean {near:?}?")),
        None => failed.with_hint(format!("known are {}", known.join(", "))),
    }
}

fn usage(why: String) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}
