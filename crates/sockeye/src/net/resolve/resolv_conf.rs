//! How name servers are asked: resolv.conf(5), and the list of names that one short name may mean.
//!
//! A pure parser over bytes and environment strings; nothing is read here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::zone;

/// The most bytes of the file that are read.
pub(super) const MAX_BYTES: u64 = 1 << 20;
/// The most name servers that are asked, as everywhere.
const MAX_SERVERS: usize = 3;
/// The most domains that are searched; the C library once stopped at 6.
const MAX_SEARCH: usize = 32;
/// The port of name servers (RFC 1035 section 4.2).
const PORT: u16 = 53;

/// What resolv.conf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvConf {
    /// Whom to ask, at most three.
    pub(super) servers: Vec<SocketAddr>,
    /// The domains to try after a short name; `None` if the file names none.
    pub(super) search: Option<Vec<String>>,
    /// A name with this many dots is first tried as it is.
    pub(super) ndots: usize,
    /// How long to wait for one server the first time.
    pub(super) timeout: Duration,
    /// How often each server is asked.
    pub(super) attempts: u32,
    /// Ask the servers in turn, not always the first one first.
    pub(super) rotate: bool,
    /// Ask over TCP at once.
    pub(super) use_tcp: bool,
    /// Say that larger answers over UDP are welcome (RFC 6891).
    pub(super) edns0: bool,
    /// Never ask for IPv6 addresses.
    pub(super) no_aaaa: bool,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            servers: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)],
            search: None,
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            use_tcp: false,
            edns0: false,
            no_aaaa: false,
        }
    }
}

impl ResolvConf {
    /// What the text says; without a name server in it, the one on this machine is meant.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut conf = Self::default();
        let mut servers = Vec::new();
        let text = String::from_utf8_lossy(text);
        for line in text.lines() {
            // A comment stands in the first column; elsewhere these characters are part of a word.
            if line.starts_with(['#', ';']) {
                continue;
            }
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if servers.len() < MAX_SERVERS => {
                    servers.extend(words.next().and_then(parse_server));
                }
                Some("domain") => conf.search = Some(domains(words.take(1))),
                Some("search") => conf.search = Some(domains(words)),
                Some("options") => conf.apply_options(words),
                _ => {}
            }
        }
        if !servers.is_empty() {
            conf.servers = servers;
        }
        conf
    }

    /// What the environment variables `LOCALDOMAIN` and `RES_OPTIONS` change.
    pub(super) fn apply_environment(&mut self, localdomain: Option<&str>, options: Option<&str>) {
        if let Some(text) = localdomain {
            self.search = Some(domains(text.split_ascii_whitespace()));
        }
        if let Some(text) = options {
            self.apply_options(text.split_ascii_whitespace());
        }
    }

    fn apply_options<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        for word in words {
            let (option, value) = word.split_once(':').unwrap_or((word, ""));
            let number = value.parse::<u32>().ok();
            match (option, number) {
                // The limits are those of resolv.conf(5).
                ("ndots", Some(number)) => self.ndots = number.min(15) as usize,
                ("timeout", Some(number)) => {
                    self.timeout = Duration::from_secs(u64::from(number.clamp(1, 30)));
                }
                ("attempts", Some(number)) => self.attempts = number.clamp(1, 5),
                ("rotate", _) => self.rotate = true,
                ("use-vc", _) => self.use_tcp = true,
                ("edns0", _) => self.edns0 = true,
                ("no-aaaa", _) => self.no_aaaa = true,
                _ => {}
            }
        }
    }

    /// The full names that this name may mean, in the order in which they are asked for; without dots at the end.
    ///
    /// `domain` is the domain of this machine, which is searched if nothing else was said.
    pub(super) fn candidates(&self, name: &str, domain: Option<&str>) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let dots = name.bytes().filter(|&byte| byte == b'.').count();
        let searched: Vec<&str> = match &self.search {
            Some(search) => search.iter().map(String::as_str).collect(),
            None => domain.into_iter().collect(),
        };
        let mut names: Vec<String> = searched
            .iter()
            // The root may stand in a search list; it means the name as it is.
            .map(|domain| match *domain {
                "." => name.to_owned(),
                domain => format!("{name}.{domain}"),
            })
            .collect();
        let at = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(at, name.to_owned());
        let mut seen = Vec::with_capacity(names.len());
        names.retain(|name| {
            let new = !seen.contains(name);
            seen.push(name.clone());
            new
        });
        names
    }
}

fn domains<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words
        .map(|word| match word.trim_end_matches('.') {
            "" => ".".to_owned(),
            word => word.to_ascii_lowercase(),
        })
        .take(MAX_SEARCH)
        .collect()
}

/// An address, perhaps with a zone; `[ADDRESS]:PORT` is a server at another port, as OpenBSD has it.
fn parse_server(text: &str) -> Option<SocketAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once("]:")?;
        let mut server = parse_server(address)?;
        server.set_port(port.parse().ok().filter(|port| *port != 0)?);
        return Some(server);
    }
    if let Some((address, zone)) = text.split_once('%') {
        let scope = zone::index(zone)?;
        return Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope).into());
    }
    Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> ResolvConf {
        ResolvConf::parse(text.as_bytes())
    }

    #[test]
    fn an_empty_file_means_the_name_server_of_this_machine() {
        let conf = parse("");
        assert_eq!(conf, ResolvConf::default());
        assert_eq!(conf.servers[0].to_string(), "127.0.0.1:53");
    }

    #[test]
    fn at_most_three_name_servers_with_zones() {
        let conf = parse(
            "nameserver 192.0.2.1\n#nameserver 192.0.2.9\nnameserver fe80::1%3\n\
             nameserver nonsense\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n",
        );
        let servers: Vec<_> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[fe80::1%3]:53", "192.0.2.2:53"]);
    }

    #[test]
    fn a_port_stands_behind_brackets() {
        let conf = parse("nameserver [192.0.2.1]:5353\nnameserver [::1]:x\nnameserver [[::1]:0\n");
        let servers: Vec<_> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:5353"]);
    }

    #[test]
    fn the_last_of_search_and_domain_counts() {
        let conf = parse("domain one.example\nsearch A.example. b.example\n");
        assert_eq!(conf.search.unwrap_or_default(), ["a.example", "b.example"]);
        let conf = parse("search a.example\ndomain one.example two.example\n");
        assert_eq!(conf.search.unwrap_or_default(), ["one.example"]);
    }

    #[test]
    fn options_have_limits_and_unknown_ones_are_skipped() {
        let conf = parse("options ndots:99 timeout:0 attempts:9 rotate use-vc edns0 no-aaaa x:y\n");
        assert_eq!((conf.ndots, conf.attempts), (15, 5));
        assert_eq!(conf.timeout, Duration::from_secs(1));
        assert!(conf.rotate && conf.use_tcp && conf.edns0 && conf.no_aaaa);
        assert_eq!(parse("options ndots:x\n").ndots, 1);
    }

    #[test]
    fn the_environment_has_the_last_word() {
        let mut conf = parse("search a.example\noptions ndots:2\n");
        conf.apply_environment(Some("c.example d.example"), Some("ndots:3 rotate"));
        assert_eq!(
            conf.search.as_deref(),
            Some(&["c.example".into(), "d.example".into()][..])
        );
        assert_eq!((conf.ndots, conf.rotate), (3, true));
    }

    #[test]
    fn a_short_name_is_searched_first_and_a_long_one_last() {
        let conf = parse("search a.example b.example\n");
        assert_eq!(
            conf.candidates("db", None),
            ["db.a.example", "db.b.example", "db"]
        );
        assert_eq!(
            conf.candidates("db.x", None),
            ["db.x", "db.x.a.example", "db.x.b.example"]
        );
        assert_eq!(conf.candidates("db.", None), ["db"]);
    }

    #[test]
    fn ndots_moves_the_name_itself() {
        let conf = parse("search a.example\noptions ndots:2\n");
        assert_eq!(conf.candidates("db.x", None), ["db.x.a.example", "db.x"]);
        assert_eq!(
            conf.candidates("w.db.x", None),
            ["w.db.x", "w.db.x.a.example"]
        );
        let conf = parse("search a.example\noptions ndots:0\n");
        assert_eq!(conf.candidates("db", None), ["db", "db.a.example"]);
    }

    #[test]
    fn the_domain_of_this_machine_is_searched_only_if_nothing_else_is_said() {
        assert_eq!(parse("").candidates("db", Some("lan")), ["db.lan", "db"]);
        assert_eq!(parse("search .\n").candidates("db", Some("lan")), ["db"]);
        assert_eq!(parse("").candidates("db", None), ["db"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            ResolvConf::parse(&bytes);
        }

        #[test]
        fn any_lines_are_taken(text in "((nameserver|search|options|domain) [ -~]{0,30}\n){0,6}") {
            let conf = ResolvConf::parse(text.as_bytes());
            prop_assert!(!conf.servers.is_empty() && conf.servers.len() <= MAX_SERVERS);
            prop_assert!(!conf.candidates("a.b", None).is_empty());
        }
    }
}
