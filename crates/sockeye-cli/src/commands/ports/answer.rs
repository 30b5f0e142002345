//! What `sockeye ports` answers under `--json`, and in words where a table has no row.

use std::fmt;

use serde::Serialize;
use sockeye::data::escape::escape_str;
use sockeye::host::services::{
    Entry, PROTOCOLS, Query, Range, Services, Source, ephemeral_range, registry_date,
};

/// A word as typed, safe to show and not longer than a line.
pub(super) fn shown(word: &str) -> String {
    let short: String = word.chars().take(80).collect();
    format!("\"{}\"", escape_str(&short))
}

/// One entry of one source.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "port")]
pub(super) struct PortLine<'a> {
    /// The port, or the first one of a range.
    port: u16,
    /// The same, or the last one of a range.
    last: u16,
    protocol: &'a str,
    name: &'a str,
    aliases: &'a [&'a str],
    description: Option<&'a str>,
    source: &'static str,
    /// Of what the registry says, its day.
    registry_date: Option<&'static str>,
    range: &'static str,
}

impl<'a> PortLine<'a> {
    pub(super) fn new(entry: &'a Entry<'a>) -> Self {
        Self {
            port: entry.first,
            last: entry.last,
            protocol: entry.protocol,
            name: entry.name,
            aliases: &entry.aliases,
            description: Some(entry.about).filter(|about| !about.is_empty()),
            source: entry.source.word(),
            registry_date: (entry.source == Source::Iana).then(registry_date),
            range: Range::of(entry.first).word(),
        }
    }
}

/// A port that no source names.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "unassigned")]
pub(super) struct Unassigned {
    port: u16,
    /// The one that was asked about, if it was one.
    protocol: Option<String>,
    /// What the registry says although it has no name, such as "Reserved".
    reserved: Option<&'static str>,
    registry_date: &'static str,
    range: &'static str,
    /// Whether this machine gives it to clients.
    ephemeral: bool,
    /// The names that the same port has on other protocols.
    elsewhere: Vec<Elsewhere>,
}

#[derive(Debug, Serialize)]
struct Elsewhere {
    protocol: &'static str,
    name: String,
}

impl Unassigned {
    pub(super) fn new(services: &Services, port: u16, protocol: Option<&str>) -> Self {
        let asked = |known: &&str| protocol.is_none_or(|protocol| protocol == *known);
        let mut mine = PROTOCOLS.into_iter().filter(asked);
        let elsewhere = PROTOCOLS.into_iter().filter_map(|protocol| {
            let name = services.name(port, protocol)?.to_owned();
            Some(Elsewhere { protocol, name })
        });
        Self {
            port,
            protocol: protocol.map(str::to_owned),
            reserved: mine.find_map(|protocol| services.reserved(port, protocol)),
            registry_date: registry_date(),
            range: Range::of(port).word(),
            ephemeral: ephemeral_range().contains(&port),
            elsewhere: elsewhere.collect(),
        }
    }
}

impl fmt::Display for Unassigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        if let Some(protocol) = &self.protocol {
            write!(f, "/{}", escape_str(protocol))?;
        }
        match self.reserved {
            None => f.write_str(" is unassigned: ")?,
            Some("Reserved") => f.write_str(" is reserved: ")?,
            Some(words) => write!(f, " has no name ({words}): ")?,
        }
        write!(f, "{}", Range::of(self.port))?;
        if self.ephemeral {
            let (first, last) = ephemeral_range().into_inner();
            write!(f, ", which this machine gives to clients ({first}-{last})")?;
        }
        for Elsewhere { protocol, name } in &self.elsewhere {
            write!(f, "; {}/{protocol} is {}", self.port, escape_str(name))?;
        }
        Ok(())
    }
}

/// A word that means nothing.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "not-found")]
pub(super) struct NotFound<'a> {
    word: &'a str,
    /// A known name that is like it.
    nearest: Option<&'a str>,
    #[serde(skip)]
    why: String,
}

impl<'a> NotFound<'a> {
    pub(super) fn new(
        word: &'a str,
        query: &Query,
        source: Option<Source>,
        nearest: Option<&'a str>,
    ) -> Self {
        let by = match source {
            None => "nobody",
            Some(Source::Local) => "/etc/services does not",
            Some(Source::Iana) => "the registry does not",
            Some(_) => "our own list does not",
        };
        let verb = |knows: &str, know: &str| match source {
            None => format!("{by} {knows}"),
            Some(_) => format!("{by} {know}"),
        };
        let of = query
            .protocol()
            .map(|protocol| format!("{} ", escape_str(protocol)))
            .unwrap_or_default();
        let word_shown = shown(word);
        let why = match (query.ports(), query.name()) {
            (Some((first, last)), _) if first == last => {
                format!("{} a name of {of}port {first}", verb("knows", "know"))
            }
            (Some((first, last)), _) => {
                let knows = verb("knows", "know");
                format!("{knows} a name of {of}ports {first} to {last}")
            }
            (None, Some(_)) => format!("{} a {of}service {word_shown}", verb("knows", "know")),
            (None, None) if word.is_empty() => {
                format!("{} a {of}service", verb("knows", "know"))
            }
            (None, None) => format!("{} a {of}service like {word_shown}", verb("knows", "know")),
        };
        Self { word, nearest, why }
    }
}

impl fmt::Display for NotFound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sockeye: {}", self.why)?;
        if let Some(nearest) = self.nearest {
            write!(f, "\nhint: did you mean {}?", shown(nearest))?;
        }
        Ok(())
    }
}
