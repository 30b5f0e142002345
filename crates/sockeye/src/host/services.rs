//! Services: which port a name such as `http` stands for, and back.
//!
//! `/etc/services` comes first, for there the administrator's own additions stand; then a short table of everyday ones,
//! so that a machine without that file still knows `http`. See services(5).
//!
//! ```
//! use sockeye::host::services::Services;
//!
//! let services = Services::parse(b"http 80/tcp www\nmy-app 7000/tcp # ours\n");
//! assert_eq!(services.port("my-app", "tcp"), Some(7000));
//! assert_eq!(services.port("www", "tcp"), Some(80));
//! assert_eq!(services.nearest("my-ap", "tcp"), Some("my-app"));
//! ```

use std::fs::File;
use std::io::Read;

use crate::error::{Error, Kind, Operation, Result};

/// Where the system keeps its table.
const PATH: &str = "/etc/services";
/// The most bytes of it that are read.
const MAX_BYTES: u64 = 1 << 20;
/// The most entries that are kept; the registry has some 12,000.
const MAX_ENTRIES: usize = 1 << 16;

/// Services that people write by name, with the port that they mean by it.
const EVERYDAY: &[(&str, u16, &[&str])] = &[
    ("echo", 7, BOTH),
    ("discard", 9, BOTH),
    ("daytime", 13, BOTH),
    ("chargen", 19, BOTH),
    ("ftp-data", 20, TCP),
    ("ftp", 21, TCP),
    ("ssh", 22, TCP),
    ("telnet", 23, TCP),
    ("smtp", 25, TCP),
    ("time", 37, BOTH),
    ("whois", 43, TCP),
    ("domain", 53, BOTH),
    ("bootps", 67, UDP),
    ("bootpc", 68, UDP),
    ("tftp", 69, UDP),
    ("gopher", 70, TCP),
    ("finger", 79, TCP),
    ("http", 80, TCP),
    ("kerberos", 88, BOTH),
    ("pop3", 110, TCP),
    ("sunrpc", 111, BOTH),
    ("nntp", 119, TCP),
    ("ntp", 123, UDP),
    ("imap", 143, TCP),
    ("snmp", 161, UDP),
    ("bgp", 179, TCP),
    ("ldap", 389, BOTH),
    ("https", 443, BOTH),
    ("submissions", 465, TCP),
    ("syslog", 514, UDP),
    ("submission", 587, TCP),
    ("ipp", 631, TCP),
    ("ldaps", 636, TCP),
    ("domain-s", 853, BOTH),
    ("rsync", 873, TCP),
    ("ftps", 990, TCP),
    ("imaps", 993, TCP),
    ("pop3s", 995, TCP),
    ("socks", 1080, TCP),
    ("mqtt", 1883, TCP),
    ("mysql", 3306, TCP),
    ("sip", 5060, BOTH),
    ("postgresql", 5432, TCP),
    ("amqp", 5672, TCP),
    ("redis", 6379, TCP),
    ("mongodb", 27017, TCP),
];

const BOTH: &[&str] = &["tcp", "udp"];
const TCP: &[&str] = &["tcp"];
const UDP: &[&str] = &["udp"];

/// One line of the system's table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    port: u16,
    protocol: String,
    /// The official name, then its aliases.
    names: Vec<String>,
}

/// The services that this machine knows: a value, to be read once and asked often.
///
/// # Examples
///
/// ```
/// use sockeye::host::services::Services;
///
/// let services = Services::parse(b"http-dev 8000/tcp devel # ours");
/// assert_eq!(services.port("devel", "tcp"), Some(8000));
/// assert_eq!(services.name(443, "tcp"), Some("https"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Services {
    entries: Vec<Entry>,
}

impl Services {
    /// Those of `/etc/services`, if it can be read (the first MiB counts), and the everyday ones.
    pub fn system() -> Self {
        let mut text = Vec::new();
        let read = File::open(PATH).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        // Without the table, the everyday services are known; that is no failure.
        read.map_or_else(|_| Self::default(), |_| Self::parse(&text))
    }

    /// Those of a table in the form of services(5), and the everyday ones. Lines that make no sense are skipped.
    pub fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let entries = text.lines().filter_map(parse_line).take(MAX_ENTRIES);
        Self {
            entries: entries.collect(),
        }
    }

    /// The port of a service on `tcp` or `udp`, by its name or an alias; case counts only where the table differs.
    pub fn port(&self, name: &str, protocol: &str) -> Option<u16> {
        let of_protocol = || {
            self.entries
                .iter()
                .filter(|entry| entry.protocol == protocol)
        };
        let exact = of_protocol().find(|entry| entry.names.iter().any(|known| known == name));
        let loose = || {
            of_protocol().find(|entry| {
                let mut names = entry.names.iter();
                names.any(|known| known.eq_ignore_ascii_case(name))
            })
        };
        if let Some(entry) = exact.or_else(loose) {
            return Some(entry.port);
        }
        let everyday = EVERYDAY.iter().find(|(known, _, protocols)| {
            known.eq_ignore_ascii_case(name) && protocols.contains(&protocol)
        });
        everyday.map(|(_, port, _)| *port)
    }

    /// The official name of a port on `tcp` or `udp`.
    pub fn name(&self, port: u16, protocol: &str) -> Option<&str> {
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.port == port && entry.protocol == protocol);
        if let Some(name) = entry.and_then(|entry| entry.names.first()) {
            return Some(name);
        }
        let everyday = EVERYDAY
            .iter()
            .find(|(_, known, protocols)| *known == port && protocols.contains(&protocol));
        everyday.map(|(name, _, _)| *name)
    }

    /// The known name that is most like this word, if any is like it.
    pub fn nearest(&self, word: &str, protocol: &str) -> Option<&str> {
        let word = word.to_ascii_lowercase();
        let table = self
            .entries
            .iter()
            .filter(|entry| entry.protocol == protocol);
        let table = table.flat_map(|entry| entry.names.iter().map(String::as_str));
        let everyday = EVERYDAY
            .iter()
            .filter(|(_, _, protocols)| protocols.contains(&protocol))
            .map(|(name, _, _)| *name);
        // Everyday names come first: among equally near ones, they are what people mean.
        let near = everyday.chain(table).map(|name| {
            let distance = distance(&word, name);
            ((distance, name.len().abs_diff(word.len())), name)
        });
        let ((distance, _), name) = near.min_by_key(|(nearness, _)| *nearness)?;
        (distance <= 1 + word.len() / 4).then_some(name)
    }

    /// The port of a service that must be known.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`], with the nearest known name as its hint.
    pub fn find(&self, name: &str, protocol: &str) -> Result<u16> {
        if let Some(port) = self.port(name, protocol) {
            return Ok(port);
        }
        let shown: String = name.chars().take(80).collect();
        let why = format!("nobody knows a {protocol} service {shown:?} (asked {PATH})");
        let error = Error::new(Kind::Usage, Operation::Resolve, why);
        let elsewhere = if protocol == "tcp" { "udp" } else { "tcp" };
        Err(if self.port(name, elsewhere).is_some() {
            error.with_hint(format!("{shown} is a service of {elsewhere}"))
        } else if let Some(nearest) = self.nearest(name, protocol) {
            error.with_hint(format!("did you mean {nearest:?}?"))
        } else {
            error.with_hint("write the port as a number")
        })
    }
}

/// The port of a service of this machine, see [`Services::port`]. Reads the table each time.
pub fn port(name: &str, protocol: &str) -> Option<u16> {
    Services::system().port(name, protocol)
}

/// The name of a port on this machine, see [`Services::name`]. Reads the table each time.
pub fn name(port: u16, protocol: &str) -> Option<String> {
    Services::system().name(port, protocol).map(str::to_owned)
}

/// The port of a service of this machine that must be known, see [`Services::find`]. Reads the table each time.
///
/// # Errors
///
/// [`Kind::Usage`], with the nearest known name as its hint.
pub fn find(name: &str, protocol: &str) -> Result<u16> {
    Services::system().find(name, protocol)
}

fn parse_line(line: &str) -> Option<Entry> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let name = words.next()?;
    let (port, protocol) = words.next()?.split_once('/')?;
    Some(Entry {
        port: port.parse().ok()?,
        protocol: protocol.to_ascii_lowercase(),
        names: std::iter::once(name)
            .chain(words)
            .map(str::to_owned)
            .collect(),
    })
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour; words longer than 40 are far
/// from each other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len().max(other.len()) > 40 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = last[j] + usize::from(a != b);
            let mut best = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const TABLE: &[u8] = b"# services\nhttp\t\t80/tcp\t\twww web # WorldWideWeb\n\
        domain 53/udp\nmine 7070/tcp\nbroken\nbig 70000/tcp\nworse x/tcp\nssh 2222/tcp\n";

    #[test]
    fn the_table_knows_names_and_aliases_per_protocol() {
        let services = Services::parse(TABLE);
        assert_eq!(services.port("www", "tcp"), Some(80));
        assert_eq!(services.port("www", "udp"), None);
        assert_eq!(services.port("MINE", "tcp"), Some(7070));
        assert_eq!(services.port("big", "tcp"), None);
        assert_eq!(services.name(80, "tcp"), Some("http"));
        assert_eq!(services.name(7070, "udp"), None);
    }

    #[test]
    fn the_table_comes_before_the_everyday_services() {
        assert_eq!(Services::parse(TABLE).port("ssh", "tcp"), Some(2222));
        let none = Services::default();
        assert_eq!(none.port("ssh", "tcp"), Some(22));
        assert_eq!(none.port("https", "tcp"), Some(443));
        assert_eq!(none.name(53, "udp"), Some("domain"));
        assert_eq!(none.name(1, "tcp"), None);
    }

    #[test]
    fn an_unknown_service_says_what_was_meant() {
        let services = Services::default();
        let hint = |name, protocol| services.find(name, protocol).unwrap_err().hint().unwrap();
        assert_eq!(hint("htpt", "tcp"), "did you mean \"http\"?");
        assert_eq!(hint("imasp", "tcp"), "did you mean \"imaps\"?");
        assert_eq!(hint("ntp", "tcp"), "ntp is a service of udp");
        assert_eq!(hint("zzzzzzzzz", "tcp"), "write the port as a number");
        assert_eq!(services.find("zz", "tcp").unwrap_err().kind(), Kind::Usage);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200), word in ".{0,50}") {
            let services = Services::parse(&bytes);
            services.nearest(&word, "tcp");
        }
    }
}
