//! Each kind of record, as bind9 sends it.

use sockeye::net::resolve::query::{
    ClientSubnet, Fallback, Options, Outcome, RecordKind, Server, Transport, Value,
};
use sockeye_testkit::peers;

use super::{asked, by_question, every, rows, run, texts};

#[test]
fn every_row_is_as_dig_prints_it() {
    run(async || {
        let (Some(server), Some(dig)) = (every().start(), peers::dig()) else {
            return;
        };
        let (port, addr) = (server.addr().port().to_string(), server.addr());
        let args = [
            "@127.0.0.1",
            "-p",
            &port,
            "every.test",
            "AXFR",
            "+noall",
            "+answer",
            "+nosplit",
        ];
        let mut sets = by_question(rows(&dig, &args));
        assert!(sets.len() > 70, "dig transferred {} sets", sets.len());
        // What lies behind a delegation is not the server's to tell.
        sets.retain(|(name, kind), _| {
            !(name == "ds.every.test." && kind == "NS") && name != "ns.ds.every.test."
        });
        let udp = Server::udp(addr);
        let mut kinds = Vec::new();
        for ((name, kind), mut expected) in sets {
            // This dig does not know the name yet (RFC 9461).
            expected
                .iter_mut()
                .for_each(|row| *row = row.replace(" key7=", " dohpath="));
            expected.sort();
            expected.dedup();
            let response = asked(&udp, &name, &kind, &Options::default()).await;
            assert_eq!(texts(&response), expected, "{name} {kind}");
            for record in &response.answers {
                assert_eq!(record.data.fault(), None);
                // What is printed reads back as a name, and every kind has fields.
                assert!(record.data.fields().count() > 0);
            }
            kinds.push(kind);
        }
        kinds.sort();
        kinds.dedup();
        assert!(kinds.len() > 60, "{kinds:?}");
    });
}

/// Without what the two write differently and mean alike: case, quotes, and a name that this kdig does not know yet.
fn plain(row: impl AsRef<str>) -> String {
    let row = row.as_ref().to_lowercase().replace('"', "");
    row.replace(" key7=", " dohpath=")
}

#[test]
fn newer_rows_are_as_kdig_prints_them() {
    run(async || {
        let (Some(server), Some(kdig)) = (every().start(), peers::kdig()) else {
            return;
        };
        let port = server.addr().port().to_string();
        for (name, kind) in [
            ("https", "HTTPS"),
            ("svcb", "SVCB"),
            ("doh", "SVCB"),
            ("caa", "CAA"),
            ("_443._tcp", "TLSA"),
            ("naptr", "NAPTR"),
            ("sshfp", "SSHFP"),
            ("ds", "DS"),
            ("cds", "CDS"),
            ("eui48", "EUI48"),
            ("_ftp._tcp", "URI"),
            ("openpgp", "OPENPGPKEY"),
            ("nsec", "NSEC"),
            ("unknown", "TYPE65280"),
        ] {
            let name = format!("{name}.every.test.");
            let args = ["@127.0.0.1", "-p", &port, &name, kind, "+noall", "+answer"];
            let mut expected = rows(&kdig, &args);
            expected.sort();
            let response = asked(
                &Server::udp(server.addr()),
                &name,
                kind,
                &Options::default(),
            )
            .await;
            let ours: Vec<_> = texts(&response).iter().map(plain).collect();
            let theirs: Vec<_> = expected.iter().map(plain).collect();
            assert_eq!(ours, theirs);
        }
    });
}

#[test]
fn sixty_texts_come_over_tcp_and_say_so() {
    run(async || {
        let Some(server) = every().start() else {
            return;
        };
        let udp = Server::udp(server.addr());
        let response = asked(&udp, "many.every.test", "TXT", &Options::default()).await;
        assert_eq!(response.answers.len(), 60);
        assert_eq!(response.fallbacks, [Fallback::Truncated]);
        assert_eq!((response.transport, response.attempts), (Transport::Tcp, 2));
        let as_it_is = Options::default().ignore_truncation(true);
        let response = asked(&udp, "many.every.test", "TXT", &as_it_is).await;
        assert!(response.flags.truncated && response.answers.len() < 60);
        // A larger datagram would do, on loopback.
        let larger = Options::default().udp_payload(4096 + 2048);
        let response = asked(&udp, "many.every.test", "TXT", &larger).await;
        assert!(!response.flags.truncated);
        let tcp = format!("tcp://{}", server.addr()).parse().unwrap();
        let response = asked(&tcp, "many.every.test", "TXT", &Options::default()).await;
        assert!(response.fallbacks.is_empty() && response.answers.len() == 60);
    });
}

#[test]
fn outcomes_fields_and_aliases_of_a_real_zone() {
    run(async || {
        let Some(server) = every().start() else {
            return;
        };
        let udp = Server::udp(server.addr());
        let outcome = async |name, kind| {
            asked(&udp, name, kind, &Options::default().random_case(true))
                .await
                .outcome
        };
        assert_eq!(outcome("a.every.test", "A").await, Outcome::Answer);
        assert_eq!(outcome("A.EVERY.test", "AAAA").await, Outcome::NoData);
        assert_eq!(outcome("nobody.every.test", "A").await, Outcome::NoName);
        assert_eq!(outcome("dangling.every.test", "A").await, Outcome::NoName);
        assert_eq!(outcome("x.ds.every.test", "A").await, Outcome::Referral);
        assert_eq!(outcome("elsewhere.test", "A").await, Outcome::Refused);
        assert_eq!(
            outcome("below.x.wild.every.test", "TXT").await,
            Outcome::Answer
        );
        let response = asked(&udp, "chain.every.test", "A", &Options::default()).await;
        assert_eq!(response.answers.len(), 4);
        assert_eq!(response.canonical_name().to_string(), "a.every.test.");
        let addresses: Vec<_> = response
            .records()
            .filter_map(|record| record.data.address())
            .collect();
        assert_eq!(addresses.len(), 2);
        let response = asked(&udp, "mx.every.test", "MX", &Options::default()).await;
        let preferences = response
            .records()
            .filter_map(|record| record.data.field("preference"));
        let mut numbers: Vec<_> = preferences.filter_map(Value::number).collect();
        numbers.sort();
        assert_eq!(numbers, [0, 10]);
        let response = asked(&udp, "x.tree.every.test", "A", &Options::default()).await;
        assert_eq!(response.answers[0].kind, RecordKind::DNAME);
        assert_eq!(response.canonical_name().to_string(), "x.other.test.");
    });
}

#[test]
fn a_record_is_one_object_in_json() {
    run(async || {
        let Some(server) = every().start() else {
            return;
        };
        let response = asked(
            &Server::udp(server.addr()),
            "https2.every.test",
            "HTTPS",
            &Options::default(),
        )
        .await;
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(json["outcome"], "answer");
        assert_eq!(json["code"], "NOERROR");
        assert_eq!(json["transport"], "udp");
        assert_eq!(json["flags"]["aa"], true);
        let record = &json["answers"][0];
        assert_eq!(record["type"], "HTTPS");
        assert_eq!(record["ttl"], 300);
        assert_eq!(record["fields"]["priority"], 2);
        assert_eq!(record["fields"]["params"]["port"], "8443");
        assert_eq!(record["fields"]["params"]["no-default-alpn"], "");
        assert!(json["elapsed"].is_f64() && json["edns"]["payload"] == 1232);
    });
}

#[test]
fn edns_options_come_back() {
    run(async || {
        let config = every().options(
            "recursion no; dnssec-validation no; server-id \"server one\"; require-server-cookie yes;",
        );
        let Some(server) = config.start() else { return };
        let udp = Server::udp(server.addr());
        let subnet: ClientSubnet = "192.0.2.0/24".parse().unwrap();
        let options = Options::default()
            .nsid(true)
            .cookie(true)
            .client_subnet(Some(subnet))
            .dnssec_ok(true);
        let response = asked(&udp, "a.every.test", "A", &options).await;
        assert_eq!(response.fallbacks, [Fallback::Cookie]);
        let edns = response.edns.unwrap();
        assert_eq!(edns.nsid.as_deref(), Some(&b"server one"[..]));
        assert!(edns.dnssec_ok && edns.cookie.unwrap().len() >= 16);
        let said = edns
            .client_subnet
            .map(|subnet| (subnet.address, subnet.prefix));
        assert_eq!(said, Some((subnet.address, 24)));
        let bare = asked(&udp, "a.every.test", "A", &Options::default().edns(false)).await;
        assert_eq!(bare.edns, None);
    });
}
