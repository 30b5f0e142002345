//! Signatures: what a signed zone says, and a resolver that checks them.

use sockeye::net::resolve::query::{Options, Outcome, RecordKind, Server};
use sockeye_testkit::peers::{self, NameServerKind};

use super::{asked, by_question, rows, run, texts};

const ZONE: &str =
    "$TTL 300\n@ SOA ns admin 1 3600 900 1209600 300\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.80\n";

#[test]
fn signatures_and_proofs_are_as_dig_prints_them() {
    run(async || {
        for nsec3 in [false, true] {
            let Some(signed) = peers::sign("signed.test", ZONE, nsec3) else {
                return;
            };
            let server = NameServerKind::bind()
                .zone("signed.test", signed.text)
                .start();
            let (Some(server), Some(dig)) = (server, peers::dig()) else {
                return;
            };
            let port = server.addr().port().to_string();
            let args = [
                "@127.0.0.1",
                "-p",
                &port,
                "signed.test",
                "AXFR",
                "+noall",
                "+answer",
                "+nosplit",
            ];
            let sets = by_question(rows(&dig, &args));
            let kinds = ["DNSKEY", "RRSIG", "NSEC", "NSEC3PARAM"];
            let udp = Server::udp(server.addr());
            let mut compared = 0;
            for ((name, kind), mut expected) in sets {
                if !kinds.contains(&&*kind) || (nsec3 && name.len() > 40) {
                    continue;
                }
                expected.sort();
                expected.dedup();
                let response = asked(&udp, &name, &kind, &Options::default()).await;
                assert_eq!(texts(&response), expected, "{name} {kind}");
                compared += 1;
            }
            assert!(compared >= 5, "{compared}");
            let signed = Options::default().dnssec_ok(true);
            let response = asked(&udp, "nobody.signed.test", "A", &signed).await;
            assert_eq!(response.outcome, Outcome::NoName);
            let proof = if nsec3 {
                RecordKind::NSEC3
            } else {
                RecordKind::NSEC
            };
            let proofs = response
                .authority
                .iter()
                .filter(|record| record.kind == proof);
            let faults = proofs.map(|record| record.data.fault());
            assert!(faults.clone().count() > 0 && faults.flatten().count() == 0);
            let plain = asked(&udp, "nobody.signed.test", "A", &Options::default()).await;
            assert_eq!(plain.authority.len(), 1);
        }
    });
}

#[test]
fn a_resolver_says_whether_it_checked_and_fails_on_forgeries() {
    run(async || {
        let Some(signed) = peers::sign("signed.test", ZONE, false) else {
            return;
        };
        let forged = signed.text.replace("192.0.2.80", "192.0.2.81");
        assert_ne!(forged, signed.text);
        for (text, genuine) in [(&signed.text, true), (&forged, false)] {
            let Some(server) = NameServerKind::bind().zone("signed.test", text).start() else {
                return;
            };
            let forward = format!(
                "zone \"signed.test\" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {}; }}; }};\n\
                 trust-anchors {{ \"signed.test\" static-key {}; }};\n",
                server.addr().port(),
                signed.anchor
            );
            let resolver = NameServerKind::bind()
                .options("recursion yes; dnssec-validation yes; qname-minimization off;")
                .statements(&forward);
            let Some(resolver) = resolver.start() else {
                return;
            };
            let to = Server::udp(resolver.addr());
            let response = asked(&to, "www.signed.test", "A", &Options::default()).await;
            let unchecked = Options::default().checking_disabled(true);
            if genuine {
                assert_eq!(response.outcome, Outcome::Answer);
                assert!(response.flags.authentic_data && response.flags.recursion_available);
                let quiet = Options::default().authentic_data(false);
                let response = asked(&to, "www.signed.test", "A", &quiet).await;
                assert!(!response.flags.authentic_data);
            } else {
                assert_eq!(response.outcome, Outcome::ServerFailure);
                let response = asked(&to, "www.signed.test", "A", &unchecked).await;
                assert_eq!(texts(&response), ["www.signed.test. 300 IN A 192.0.2.81"]);
                assert!(response.flags.checking_disabled);
            }
        }
    });
}
