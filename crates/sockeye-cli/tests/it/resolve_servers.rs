//! `resolve` against bind9 and Knot: every transport, many types, traces.

use std::net::Ipv4Addr;

use sockeye_testkit::peers::{NameServer, NameServerKind};
use sockeye_testkit::{LIMIT, Output, deadline};

use crate::resolve::{resolve_on, told};
use crate::resolve_json;
use crate::resolve_server::Etc;

const ZONE: &str = "$TTL 300\n\
    @ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n\
    @ MX 10 mail\n@ TXT \"v=spf1 -all\" \"second\"\n@ CAA 0 issue \"ca.example\"\n\
    @ HTTPS 1 . alpn=h2,h3 ipv4hint=127.0.0.10\n\
    _25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
    _imap._tcp SRV 0 1 143 mail\nmail A 127.0.0.25\nwww A 127.0.0.10\nwww AAAA ::1\nalias CNAME www\n";

fn etc(server: &NameServer) -> Etc {
    Etc::new("", server.addr())
}

fn ask(etc: &Etc, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    resolve_on(etc, &words)
}

#[test]
fn types_are_shown_as_bind_and_knot_have_them() {
    deadline(3 * LIMIT, || {
        for kind in [NameServerKind::bind(), NameServerKind::knot()] {
            let Some(server) = kind.zone("zone.test", ZONE).start() else {
                return;
            };
            let etc = etc(&server);
            let output = ask(&etc, "zone.test MX TXT CAA HTTPS");
            assert_eq!(
                told(&output, &etc, server.addr()),
                "\
zone.test
  DNS says  MX     10 mail.zone.test.                    300 s  127.0.0.1:PORT udp, T ms
            TXT    \"v=spf1 -all\" \"second\"                300 s
            CAA    0 issue \"ca.example\"                  300 s
            HTTPS  1 . alpn=\"h2,h3\" ipv4hint=127.0.0.10  300 s
"
            );
            let output = ask(&etc, "_imap._tcp.zone.test SRV --short");
            assert_eq!(output.stdout_text(), "0 1 143 mail.zone.test.\n");
            let output = ask(&etc, "_25._tcp.mail.zone.test TLSA --short");
            assert!(
                output.stdout_text().starts_with("3 1 1 0123456789"),
                "{output:?}"
            );
            let output = ask(&etc, "alias.zone.test");
            let shown = told(&output, &etc, server.addr());
            assert!(shown.contains("CNAME  www.zone.test.  300 s"), "{shown}");
            assert!(shown.ends_with("  same answer\n"), "{shown}");
            let output = ask(&etc, "nobody.zone.test A -v");
            let shown = told(&output, &etc, server.addr());
            assert!(shown.contains("flags: qr aa rd; "), "{shown}");
            assert!(shown.contains("authority: zone.test. "), "{shown}");
            assert_eq!(output.code, Some(3));
        }
    });
}

#[test]
fn the_answer_is_the_same_over_every_transport() {
    deadline(3 * LIMIT, || {
        let server = NameServerKind::bind()
            .zone("zone.test", ZONE)
            .encrypted()
            .start();
        let Some(server) = server else { return };
        let etc = etc(&server);
        let ca = server.ca();
        let ca = ca.display();
        let tls = format!("tls://{}?ca={ca}", server.tls());
        let https = format!("https://{}?ca={ca}", server.https());
        let udp = server.addr().to_string();
        let tcp = format!("tcp://{udp}");
        let servers = ["-s", &udp, "-s", &tcp, "-s", &tls, "-s", &https];
        let args: Vec<&str> = ["www.zone.test", "A"]
            .iter()
            .chain(&servers)
            .copied()
            .collect();
        let output = resolve_on(&etc, &args);
        let shown = output.stdout_text();
        assert_eq!(shown.matches("A  127.0.0.10  300 s").count(), 4, "{shown}");
        for way in [" udp, ", " tcp, ", " tls, ", " https, "] {
            assert!(shown.contains(way), "{shown}");
        }
        assert!(shown.ends_with("  same answer\n"), "{shown}");
        let output = ask(
            &etc,
            &format!(
                "www.zone.test A --tls @127.0.0.1:{}?ca={ca} -v",
                server.tls().port()
            ),
        );
        assert!(
            output.stdout_text().contains("TLSv1."),
            "{}",
            output.stdout_text()
        );
        let output = ask(
            &etc,
            &format!(
                "www.zone.test A --https @127.0.0.1:{} -v",
                server.https().port()
            ),
        );
        assert_eq!(output.code, Some(6), "{}", output.stdout_text());
    });
}

const ROOT: &str = "$TTL 300\n\
    @ SOA a.root. admin. 1 3600 900 1209600 300\n@ NS a.root.\na.root. A 127.0.0.1\n\
    test. NS ns.test.\nns.test. A 127.0.0.2\n";
const TEST: &str = "$TTL 300\n\
    @ SOA ns.test. admin.test. 1 3600 900 1209600 300\n@ NS ns.test.\nns.test. A 127.0.0.2\n\
    leaf NS ns.leaf\nns.leaf A 127.0.0.3\ndead NS ns.dead\nns.dead A 127.0.0.9\n";
const LEAF: &str = "$TTL 300\n\
    @ SOA ns.leaf.test. admin.leaf.test. 1 3600 900 1209600 300\n@ NS ns.leaf.test.\n\
    ns A 127.0.0.3\nwww A 192.0.2.1\n";

#[test]
fn a_trace_shows_each_step_from_the_root() {
    deadline(3 * LIMIT, || {
        let Some(root) = NameServerKind::bind().zone(".", ROOT).start() else {
            return;
        };
        let port = root.addr().port();
        let knot = |last, zone: &str, text: &str| {
            let at = Ipv4Addr::new(127, 0, 0, last);
            NameServerKind::knot()
                .at(at)
                .port(port)
                .zone(zone, text)
                .start()
        };
        let (Some(_test), Some(_leaf)) = (knot(2, "test.", TEST), knot(3, "leaf.test", LEAF))
        else {
            return;
        };
        let etc = etc(&root);
        let at = format!("@{}", root.addr());
        let output = ask(&etc, &format!("www.leaf.test --trace {at}"));
        assert_eq!(
            told(&output, &etc, root.addr()),
            "\
www.leaf.test. A
  .                     127.0.0.1:PORT                     → test., T ms
  test.                 ns.test. 127.0.0.2:PORT            → leaf.test., T ms
  leaf.test.            ns.leaf.test. 127.0.0.3:PORT       answers, T ms
  answer                A  192.0.2.1  300 s                 127.0.0.3:PORT udp, T ms
"
        );
        let output = ask(&etc, &format!("nobody.leaf.test --trace {at}"));
        assert_eq!(output.code, Some(3), "{}", output.stdout_text());
        let output = ask(
            &etc,
            &format!("x.dead.test --trace {at} --patience 100ms --attempts 1"),
        );
        assert_eq!(output.code, Some(7), "{}", output.stdout_text());
        assert!(
            output.stdout_text().contains("no help: "),
            "{}",
            output.stdout_text()
        );
        let output = ask(&etc, &format!("www.leaf.test --trace {at} --json"));
        let all = resolve_json::lines(&output);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0]["leads"]["down"], "test.");
        assert_eq!(all[2]["leads"], "end");
        let output = ask(&etc, &format!("www.leaf.test --trace {at} --short"));
        assert_eq!(output.stdout_text(), "192.0.2.1\n");
        let output = ask(&etc, "www.leaf.test --trace @ns.example");
        assert_eq!(output.code, Some(2));
    });
}
