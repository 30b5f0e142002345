//! What the words of the command line mean: names, and as with dig also record types, a class and servers.

use std::net::IpAddr;

use sockeye::net::resolve::query::{Class, RecordKind};
use sockeye::{Error, Kind, Operation, Result};

/// The words, told apart.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) targets: Vec<Target>,
    pub(super) kinds: Vec<RecordKind>,
    /// Servers as they were written, without the `@`.
    pub(super) servers: Vec<String>,
    pub(super) class: Option<Class>,
    /// Whether standard input has more names.
    pub(super) stdin: bool,
}

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As it was written, without the port.
    pub(super) text: String,
    /// The address, if it is one.
    pub(super) address: Option<IpAddr>,
    /// The port behind it, a number or a service: connections to it are raced.
    pub(super) port: Option<String>,
}

impl Words {
    /// Tell the words apart.
    ///
    /// A word in capitals that is a record type or a class is one; in small letters it is one behind a name. `@` begins a
    /// server.
    pub(super) fn parse(words: &[String]) -> Result<Self> {
        let mut all = Self::default();
        for word in words {
            if let Some(server) = word.strip_prefix('@') {
                if server.is_empty() {
                    return Err(usage("`@` names no server").with_hint("as in @192.0.2.53"));
                }
                all.servers.push(server.to_owned());
            } else if word.starts_with('+') {
                return Err(digs_flag(word));
            } else if word == "-" {
                all.stdin = true;
            } else if let Some(class) = all.class_of(word) {
                all.class = Some(class);
            } else if let Some(kind) = all.kind_of(word)? {
                all.add_kind(kind);
            } else {
                all.targets.push(Target::parse(word)?);
            }
        }
        if all.targets.is_empty() && !all.stdin {
            let error = usage("there is no name to look up");
            return Err(match (all.kinds.first(), words.first()) {
                (Some(_), Some(word)) => error.with_hint(format!(
                    "{word} is taken as a record type; a host of that name is written {}.",
                    word.to_lowercase()
                )),
                _ => error.with_hint("as in `sockeye resolve example.org`; `-` reads names"),
            });
        }
        Ok(all)
    }

    /// Add a record type, once.
    pub(super) fn add_kind(&mut self, kind: RecordKind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// The record type that a word stands for; an error if it is one that cannot be asked for.
    fn kind_of(&self, word: &str) -> Result<Option<RecordKind>> {
        let capital = !word.chars().any(|c| c.is_ascii_lowercase());
        let first = self.targets.is_empty();
        if (first && !capital) || word.contains(['.', ':']) {
            return Ok(None);
        }
        match word.parse::<RecordKind>() {
            Ok(kind) => Ok(Some(kind)),
            Err(error) if capital && error.to_string().contains("cannot be asked for") => {
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }

    fn class_of(&self, word: &str) -> Option<Class> {
        let known = ["IN", "CH", "HS"];
        let is_class = known.contains(&word)
            || (!self.targets.is_empty() && known.iter().any(|it| it.eq_ignore_ascii_case(word)));
        is_class.then(|| word.parse().ok()).flatten()
    }
}

impl Target {
    /// What a word names: a host, an address, or either with a port.
    pub(super) fn parse(word: &str) -> Result<Self> {
        if let Some((_, rest)) = word.split_once("://") {
            let host = rest.split(['/', '?']).next().unwrap_or(rest);
            return Err(
                usage(format!("{word:?} is a URL, and only names are looked up"))
                    .with_hint(format!("did you mean {host} ?")),
            );
        }
        let plain = |text: &str, port: Option<&str>| Self {
            text: text.to_owned(),
            address: text.parse().ok(),
            port: port.map(str::to_owned),
        };
        if let Some(rest) = word.strip_prefix('[') {
            let (text, port) = rest.split_once(']').unwrap_or((rest, ""));
            let port = port.strip_prefix(':').filter(|port| !port.is_empty());
            return Ok(plain(text, port));
        }
        if word.parse::<IpAddr>().is_ok() {
            return Ok(plain(word, None));
        }
        match word.split_once(':') {
            Some((text, port)) if !port.is_empty() && !port.contains(':') && !text.is_empty() => {
                Ok(plain(text, Some(port)))
            }
            _ => Ok(plain(word, None)),
        }
    }
}

/// What dig writes with a plus sign has a flag here.
fn digs_flag(word: &str) -> Error {
    let bare = word.trim_start_matches('+').split('=').next().unwrap_or("");
    let ours = match bare {
        "short" => "--short",
        "trace" => "--trace",
        "dnssec" => "--dnssec",
        "tcp" | "vc" => "--tcp",
        "tls" => "--tls",
        "https" => "--https",
        "cd" | "cdflag" => "--cd",
        "norec" | "norecurse" => "--no-recurse",
        "nsid" => "--nsid",
        "subnet" => "--subnet NETWORK",
        "bufsize" | "edns" => "--edns SIZE",
        "noedns" => "--no-edns",
        "time" | "timeout" => "--patience TIME",
        "tries" | "retry" => "--attempts N",
        "json" => "--json",
        _ => "",
    };
    let error = usage(format!("`{word}` is a flag of dig"));
    match ours {
        "" => error.with_hint("`sockeye resolve -h` lists the flags"),
        ours => error.with_hint(format!("here it is {ours}")),
    }
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(line: &str) -> Words {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Words::parse(&words).unwrap()
    }

    fn refusal(line: &str) -> (String, String) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let error = Words::parse(&words).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    }

    fn names(words: &Words) -> Vec<&str> {
        words.targets.iter().map(|it| &*it.text).collect()
    }

    #[test]
    fn the_habits_of_dig_are_understood() {
        for line in [
            "example.org MX @192.0.2.1",
            "@192.0.2.1 MX example.org",
            "example.org mx @192.0.2.1",
            "MX example.org @192.0.2.1",
        ] {
            let words = words(line);
            assert_eq!(names(&words), ["example.org"], "{line}");
            assert_eq!(words.kinds, [RecordKind::MX]);
            assert_eq!(words.servers, ["192.0.2.1"]);
        }
        let words = words("CH TXT version.bind TYPE65 version.bind");
        assert_eq!(words.class, Some(Class::CH));
        assert_eq!(words.kinds, [RecordKind::TXT, RecordKind::HTTPS]);
    }

    #[test]
    fn a_small_word_in_front_is_a_name() {
        let found = words("mx a.example");
        assert_eq!(names(&found), ["mx", "a.example"]);
        let found = words("a.example mx. ns.");
        assert_eq!(names(&found), ["a.example", "mx.", "ns."]);
        assert!(found.kinds.is_empty());
    }

    #[test]
    fn a_port_may_stand_behind() {
        let found = words("example.org:443 [::1]:80 ::1 192.0.2.1:http [::1]");
        let ports: Vec<_> = found.targets.iter().map(|it| it.port.as_deref()).collect();
        assert_eq!(ports, [Some("443"), Some("80"), None, Some("http"), None]);
        assert!(found.targets[1..].iter().all(|it| it.address.is_some()));
    }

    #[test]
    fn mistakes_are_answered_with_what_was_meant() {
        assert_eq!(refusal("a.example +short").1, "here it is --short");
        assert!(refusal("MX").1.contains("mx."));
        assert_eq!(
            refusal("https://example.org/x").1,
            "did you mean example.org ?"
        );
        assert!(
            refusal("example.org AXFR")
                .0
                .contains("cannot be asked for")
        );
        assert!(refusal("@ a.example").0.contains("no server"));
        assert!(refusal("").0.contains("no name"));
    }
}
