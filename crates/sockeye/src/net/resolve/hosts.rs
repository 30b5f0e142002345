//! The hosts file: names that this machine knows by itself, see hosts(5).
//!
//! A pure parser over bytes. Lines it does not understand are skipped, as every other reader of this file does.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::zone;

/// The most bytes of a hosts file that are read.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// The most names that are kept; block lists have some hundred thousand.
const MAX_NAMES: usize = 1 << 20;
/// The most addresses that one name may have.
const MAX_ADDRESSES: usize = 64;

/// The names of a hosts file, in lower case, and their addresses in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    names: HashMap<Box<str>, Vec<Entry>>,
}

/// One address of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// With port 0; a link-local one keeps its zone.
    pub(super) address: SocketAddr,
    /// The line that says so, counted from 1.
    pub(super) line: u32,
    /// Where the name stands behind the address, counted from 0: the first one is the canonical name.
    pub(super) place: u32,
}

impl Hosts {
    /// What the text says.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut names: HashMap<Box<str>, Vec<Entry>> = HashMap::new();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            // A line that is no text can name no host that anybody could ask for.
            let Ok(line) = std::str::from_utf8(line) else {
                continue;
            };
            let mut words = line.split_ascii_whitespace();
            let Some(address) = words.next().and_then(parse_address) else {
                continue;
            };
            for (place, name) in (0..).zip(words) {
                let name = name.strip_suffix('.').unwrap_or(name);
                let name = name.to_ascii_lowercase().into_boxed_str();
                if names.len() >= MAX_NAMES && !names.contains_key(&name) {
                    return Self { names };
                }
                let known = names.entry(name).or_default();
                let is_new = known.iter().all(|entry| entry.address != address);
                if known.len() < MAX_ADDRESSES && is_new {
                    known.push(Entry {
                        address,
                        line: number,
                        place,
                    });
                }
            }
        }
        Self { names }
    }

    /// The addresses of a name in lower case, without a dot at its end; empty if it is not in the file.
    pub(super) fn find(&self, name: &str) -> &[Entry] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of an address with their lines, in the order of the file. It looks at every name.
    pub(super) fn names_of(&self, address: IpAddr) -> Vec<(u32, &str)> {
        let mut found: Vec<(u32, u32, &str)> = Vec::new();
        for (name, entries) in &self.names {
            let entry = entries.iter().find(|entry| entry.address.ip() == address);
            found.extend(entry.map(|entry| (entry.line, entry.place, &**name)));
        }
        found.sort_unstable();
        found
            .into_iter()
            .map(|(line, _, name)| (line, name))
            .collect()
    }
}

/// An address as it stands in a hosts file, perhaps with a zone.
fn parse_address(text: &str) -> Option<SocketAddr> {
    if let Some((address, zone)) = text.split_once('%') {
        let scope = zone::index(zone)?;
        return Some(SocketAddrV6::new(address.parse().ok()?, 0, 0, scope).into());
    }
    Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn find(text: &str, name: &str) -> Vec<String> {
        Hosts::parse(text.as_bytes())
            .find(name)
            .iter()
            .map(|entry| entry.address.ip().to_string())
            .collect()
    }

    #[test]
    fn aliases_comments_and_case() {
        let text = "# comment\n192.0.2.1\tDB.example db # the database\n\n  192.0.2.2 web\r\n";
        assert_eq!(find(text, "db.example"), ["192.0.2.1"]);
        assert_eq!(find(text, "db"), ["192.0.2.1"]);
        assert_eq!(find(text, "web"), ["192.0.2.2"]);
        assert!(find(text, "the").is_empty());
    }

    #[test]
    fn a_name_on_several_lines_has_all_their_addresses_once() {
        let text = "192.0.2.1 db\n2001:db8::1 db\n192.0.2.1 db\n";
        assert_eq!(find(text, "db"), ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn lines_are_counted_and_addresses_have_names() {
        let hosts = Hosts::parse(b"# one\n192.0.2.1 db.example db\n\n192.0.2.1 web # four\n");
        assert_eq!(hosts.find("db")[0].line, 2);
        assert_eq!(hosts.find("web")[0].line, 4);
        let names = hosts.names_of("192.0.2.1".parse().unwrap());
        assert_eq!(names, [(2, "db.example"), (2, "db"), (4, "web")]);
    }

    #[test]
    fn a_zone_is_kept() {
        let hosts = Hosts::parse(b"fe80::1%7 near\nfe80::2%no-such-interface far\n");
        assert_eq!(
            hosts.find("near")[0].address,
            "[fe80::1%7]:0".parse().unwrap()
        );
        assert!(hosts.find("far").is_empty());
    }

    #[test]
    fn nonsense_lines_are_skipped() {
        let text = "nonsense db\n192.0.2.1\n192.0.2.300 db\n\u{fffd} db\n192.0.2.4 db.";
        assert_eq!(find(text, "db"), ["192.0.2.4"]);
        assert_eq!(
            Hosts::parse(b"\xff\xfe db\n192.0.2.1 x\n").find("x").len(),
            1
        );
    }

    #[test]
    fn one_name_has_a_bounded_number_of_addresses() {
        let text: String = (0..200).map(|i| format!("192.0.2.{i} db\n")).collect();
        assert_eq!(find(&text, "db").len(), MAX_ADDRESSES);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            Hosts::parse(&bytes);
        }
    }
}
