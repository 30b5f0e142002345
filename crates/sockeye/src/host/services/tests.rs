#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TABLE: &[u8] = b"# services\nhttp\t\t80/tcp\t\twww web # WorldWideWeb\n\
    domain 53/udp\nmine 7070/tcp\nbroken\nbig 70000/tcp\nworse x/tcp\nssh 2222/tcp\n";

#[test]
fn the_table_knows_names_and_aliases_per_protocol() {
    let services = Services::parse(TABLE);
    assert_eq!(services.port("www", "tcp"), Some(80));
    assert_eq!(services.port("web", "udp"), None);
    assert_eq!(services.port("MINE", "tcp"), Some(7070));
    assert_eq!(services.port("big", "tcp"), None);
    assert_eq!(services.name(80, "tcp"), Some("http"));
    assert_eq!(services.name(7070, "sctp"), None);
}

#[test]
fn the_table_comes_before_what_is_built_in() {
    assert_eq!(Services::parse(TABLE).port("ssh", "tcp"), Some(2222));
    let none = Services::default();
    assert_eq!(none.port("ssh", "tcp"), Some(22));
    assert_eq!(none.port("https", "tcp"), Some(443));
    assert_eq!(none.name(53, "udp"), Some("domain"));
    assert_eq!(none.name(4, "tcp"), None);
}

#[test]
fn an_unknown_service_says_what_was_meant() {
    let services = Services::default();
    let hint = |name, protocol| services.find(name, protocol).unwrap_err().hint().unwrap();
    assert_eq!(hint("htpt", "tcp"), "did you mean \"http\"?");
    assert_eq!(hint("imasp", "tcp"), "did you mean \"imaps\"?");
    assert_eq!(hint("syslog", "tcp"), "syslog is a service of udp");
    assert_eq!(hint("zzzzzzzzz", "tcp"), "write the port as a number");
    assert_eq!(services.find("zz", "tcp").unwrap_err().kind(), Kind::Usage);
}

fn found(query: &str) -> Vec<String> {
    let services = Services::default();
    let entries = services.search(&Query::parse(query).unwrap());
    entries
        .iter()
        .map(|e| format!("{}/{} {} {}", e.first, e.protocol, e.name, e.source))
        .collect()
}

#[test]
fn the_registry_names_what_everybody_knows() {
    let services = Services::default();
    for (port, name) in [
        (21, "ftp"),
        (22, "ssh"),
        (23, "telnet"),
        (80, "http"),
        (443, "https"),
        (2049, "nfs"),
        (3306, "mysql"),
        (27017, "mongodb"),
    ] {
        assert_eq!(services.name(port, "tcp"), Some(name));
        assert_eq!(services.port(name, "tcp"), Some(port));
    }
    assert_eq!(services.port("www-http", "tcp"), Some(80));
    assert_eq!(services.name(443, "sctp"), Some("https"));
    assert_eq!(services.name(27017, "sctp"), None);
    assert_eq!(services.port("", "tcp"), None);
    assert_eq!(services.name(80, "ddp"), None);
}

#[test]
fn the_registry_is_whole_and_in_order() {
    let mut last = 0;
    let mut names = 0;
    for entry in registry::entries(0, u16::MAX).filter(|entry| !entry.is_range()) {
        assert!(entry.first >= last, "{entry:?}");
        last = entry.first;
        names += 1;
        assert!(entry.names().all(|name| !name.is_empty()), "{entry:?}");
        assert!(!entry.about.chars().any(char::is_control), "{entry:?}");
    }
    assert!(names > 11_000, "{names}");
    let date = registry_date();
    assert!(date.len() == 10 && date.starts_with("20"), "{date}");
}

#[test]
fn a_look_up_by_port_finds_what_a_walk_through_all_entries_finds() {
    let services = Services::parse(TABLE);
    let mut first: BTreeMap<(u16, &str), Entry<'_>> = BTreeMap::new();
    for entry in services.entries() {
        for port in entry.first..=entry.last {
            let known = first.entry((port, entry.protocol)).or_insert(entry.clone());
            // A port of its own counts more than a range around it.
            if known.source == entry.source && known.is_range() && !entry.is_range() {
                *known = entry.clone();
            }
        }
    }
    for port in 0..=u16::MAX {
        for protocol in PROTOCOLS {
            let name = services.name(port, protocol);
            let expected = first.get(&(port, protocol)).map(|entry| entry.name);
            assert_eq!(name, expected, "{port}/{protocol}");
        }
    }
}

#[test]
fn every_everyday_service_has_its_port() {
    let services = Services::default();
    for (name, port, protocols) in everyday::SERVICES {
        for protocol in *protocols {
            assert_eq!(
                services.port(name, protocol),
                Some(*port),
                "{name}/{protocol}"
            );
        }
    }
}

#[test]
fn words_are_numbers_ranges_names_and_patterns() {
    assert_eq!(found("80/tcp"), ["80/tcp http iana"]);
    assert_eq!(
        found("27017"),
        ["27017/tcp mongodb iana", "27017/tcp mongodb dev"]
    );
    assert_eq!(found("MongoDB/tcp").len(), 2);
    assert_eq!(found("53"), ["53/tcp domain iana", "53/udp domain iana"]);
    assert_eq!(found("4"), [""; 0]);
    assert_eq!(found("6001/udp"), ["6000/udp x11 iana"]);
    assert_eq!(found("443-444/sctp"), ["443/sctp https iana"]);
    assert_eq!(found("914c/g").len(), 2, "a name with a slash");
    assert_eq!(found("ftp*/sctp").len(), 2);
    let refused = |word: &str| Query::parse(word).unwrap_err().to_string();
    assert!(refused("70000").ends_with("70000 is no port"));
    assert!(refused("70000/tcp").ends_with("70000 is no port"));
    assert!(refused("20-10").ends_with("the range 20-10 runs backwards"));
    assert!(refused("").ends_with("an empty word names no port"));
    assert_eq!(
        refused(&"x".repeat(201)).len(),
        refused(&"y".repeat(999)).len()
    );
}

#[test]
fn sources_and_protocols_are_kept_apart() {
    let services = Services::parse(b"web 80/tcp\nweb 80/ddp\n");
    let at = |query: Query| -> Vec<String> {
        let found = services.search(&query);
        found
            .iter()
            .map(|e| format!("{}/{} {}", e.name, e.protocol, e.source))
            .collect()
    };
    let port = Query::parse("80").unwrap();
    assert_eq!(
        at(port.clone()),
        [
            "web/tcp local",
            "http/tcp iana",
            "http/udp iana",
            "http/sctp iana"
        ]
    );
    assert_eq!(at(port.clone().with_source(Source::Local)).len(), 1);
    assert_eq!(at(port.with_protocol("SCTP")), ["http/sctp iana"]);
    assert_eq!(at(Query::parse("80/ddp").unwrap()), ["web/ddp local"]);
    assert_eq!(services.name(80, "ddp"), Some("web"));
}

#[test]
fn a_reserved_port_has_words_but_no_name() {
    let services = Services::default();
    assert_eq!(services.reserved(0, "tcp"), Some("Reserved"));
    assert_eq!(services.name(0, "tcp"), None);
    assert_eq!(services.reserved(4, "tcp"), None);
    assert_eq!(services.reserved(80, "tcp"), None);
}

proptest! {
    // Each case walks through the whole registry.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200), word in ".{0,50}") {
        let services = Services::parse(&bytes);
        services.nearest(&word, "tcp");
        services.nearest_of_any(&word);
    }

    #[test]
    fn every_line_of_a_table_is_found_both_ways(
        lines in proptest::collection::vec(("[a-z]{1,6}", any::<u16>(), "tcp|udp|sctp|x"), 0..20)
    ) {
        let text: String = lines.iter().map(|(n, p, proto)| format!("{n} {p}/{proto}\n")).collect();
        let services = Services::parse(text.as_bytes());
        for (name, port, protocol) in &lines {
            let first = lines.iter().find(|(n, _, p)| n == name && p == protocol).unwrap();
            prop_assert_eq!(services.port(name, protocol), Some(first.1));
            let first = lines.iter().find(|(_, q, p)| q == port && p == protocol).unwrap();
            prop_assert_eq!(services.name(*port, protocol), Some(&*first.0));
            let query = Query::parse(&format!("{port}/{protocol}")).unwrap();
            prop_assert!(services.search(&query).iter().any(|e| e.name == name));
        }
    }

    #[test]
    fn any_word_is_a_query_or_refused(word in ".{0,60}") {
        if let Ok(query) = Query::parse(&word) {
            for entry in Services::default().search(&query) {
                prop_assert!(query.matches(&entry));
            }
        }
    }
}
