//! `--via` and `via=`: real proxies, with and without a password, for `connect` and for the target of `relay`.

use std::process::Command;

use sockeye_testkit::{Peer, Program, Step, peers, within};

use crate::{connect, sockeye};

/// A target that only proxies get to hear of.
const NAME: &str = "h.test:80";

/// A name that no resolver knows (RFC 6761).
const NOBODY: &str = "nobody.invalid:80";

/// A server that sends back what it hears, and its address.
fn echo(scheme: &str) -> (Program, String) {
    let at = format!("{scheme}127.0.0.1:0");
    let program = sockeye(["listen", &at, "--echo"]);
    let address = program.host_port();
    (program, address)
}

/// Say this, wait until it came back, and only then end: proxies end both ways as soon as one ends.
#[track_caller]
fn echoed(to: &str, flags: &[&str], text: &str) {
    let mut program = sockeye(["connect", to].iter().chain(flags));
    program.write(text);
    let heard = program.stdout_until(text);
    assert!(heard == text.as_bytes());
    program.close_stdin();
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
}

/// `ncat` as an HTTP proxy, and its address.
fn ncat_proxy(more: &[&str]) -> Option<(Program, String)> {
    let ncat = peers::ncat()?;
    let (program, addr) = peers::on_free_port(|port| {
        let port = port.to_string();
        let args = ["-l", "-k", "--proxy-type", "http", "127.0.0.1", &port];
        Program::start(&ncat, args.iter().chain(more))
    });
    Some((program, addr.to_string()))
}

#[test]
fn ncat_is_a_proxy_for_us() {
    within(|| {
        let Some((_proxy, proxy)) = ncat_proxy(&[]) else {
            return;
        };
        let (_server, server) = echo("");
        echoed(&server, &["--via", &proxy], "through ncat\n");
    });
}

/// `microsocks` as a SOCKS 5 proxy, and its address.
fn microsocks(more: &[&str]) -> Option<(Program, String)> {
    let microsocks = peers::microsocks()?;
    let (program, addr) = peers::on_free_port(|port| {
        let port = port.to_string();
        let args = ["-i", "127.0.0.1", "-p", &port];
        Program::start(&microsocks, args.iter().chain(more))
    });
    Some((program, addr.to_string()))
}

#[test]
fn microsocks_is_a_proxy_for_us() {
    within(|| {
        let Some((_proxy, proxy)) = microsocks(&[]) else {
            return;
        };
        let (_server, server) = echo("");
        for scheme in ["socks5", "socks5h"] {
            let via = format!("{scheme}://{proxy}");
            echoed(&server, &["--via", &via], "through socks\n");
        }
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = held.local_addr().unwrap().to_string();
        drop(held);
        let via = format!("socks5h://{proxy}");
        let output = connect(&gone, &["--via", &via], "");
        let said = output.stderr_text();
        assert!(said.contains("nobody listens there (code 5)"), "{said}");
        assert_eq!(output.code, Some(4), "{said}");
        let output = connect(NOBODY, &["--via", &via], "");
        let said = output.stderr_text();
        assert!(said.contains("proxy socks5h://"), "{said}");
        assert_eq!(output.code, Some(4), "{said}");
    });
}

#[test]
fn microsocks_wants_its_password() {
    within(|| {
        let Some((_proxy, proxy)) = microsocks(&["-u", "me", "-P", "se:cr@et"]) else {
            return;
        };
        let (_server, server) = echo("");
        let via = format!("socks5h://me:se%3Acr%40et@{proxy}");
        echoed(&server, &["--via", &via], "logged in\n");
        for (user, says) in [
            ("", "it wants a user and a password"),
            ("me:wrong@", "it does not accept this user and password"),
        ] {
            let via = format!("socks5h://{user}{proxy}");
            let output = connect(&server, &["--via", &via], "");
            let said = output.stderr_text();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("wrong"), "{said}");
        }
    });
}

#[test]
fn squid_tunnels_tls_and_wants_its_password() {
    within(|| {
        let Some(squid) = peers::Squid::with_basic_auth() else {
            return;
        };
        let proxy = squid.addr();
        let server = sockeye(["listen", "tls://127.0.0.1:0", "--echo"]);
        let address = server.host_port();
        let to = format!("tls://{address}?verify=none");
        let known = format!("http://user:secret@{proxy}");
        echoed(&to, &["--via", &known], "through squid\n");
        squid.log(&format!("CONNECT {address} 200 user\n"));

        for (via, says) in [
            (
                format!("http://{proxy}"),
                "it wants a user and a password: 407",
            ),
            (
                format!("http://user:wrong@{proxy}"),
                "it does not accept this user and password: 407",
            ),
        ] {
            let output = connect(&to, &["--via", &via], "");
            let said = output.stderr_text();
            assert!(said.contains(says), "{said}");
            assert!(said.contains("hint: "), "{said}");
            assert!(!said.contains("wrong"), "{said}");
            assert_ne!(output.code, Some(0));
        }
    });
}

#[test]
fn a_relay_reaches_its_target_through_a_chain() {
    within(|| {
        let (Some(squid), Some((_ncat, ncat))) = (peers::Squid::start(), ncat_proxy(&[])) else {
            return;
        };
        let (_server, server) = echo("");
        let via = ["--via", &squid.addr().to_string(), "--via", &ncat];
        let relay = sockeye(["relay", "127.0.0.1:0", &server].iter().chain(&via));
        let bulk = "0123456789abcdef".repeat(64 * 1024);
        echoed(&relay.host_port(), &[], &bulk);
        squid.log(&format!("CONNECT {ncat} 200"));
    });
}

#[test]
fn the_wire_view_shows_what_proxies_are_told_and_agree_to() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\n\r\nearly"),
            Step::ExpectEnd,
        ]);
        let via = peer.addr().to_string();
        let output = connect(NAME, &["--via", &via, "--wire"], "");
        assert_eq!(output.stdout_text(), "early");
        let said = output.stderr_text();
        assert!(said.contains("CONNECT h.test:80"), "{said}");
        assert!(said.contains("tunnel to h.test:80, 200 OK"), "{said}");
        peer.finish();
    });
}

#[test]
fn via_is_refused_where_it_does_nothing() {
    within(|| {
        for (args, says) in [
            (&["listen", ":0", "--via", "h"][..], "--via has no effect"),
            (
                &["resolve", "localhost", "--via", "h"],
                "--via has no effect",
            ),
            (
                &["connect", "udp://127.0.0.1:9", "--via", "h"],
                "--via does not apply to udp",
            ),
            (
                &["connect", "h:1", "--via", "socks://h"],
                "unknown kind of proxy `socks`",
            ),
            (
                &["connect", "h:1", "--via", "u:secret@h:x"],
                "`u:***@h:x` is not a proxy",
            ),
        ] {
            let output = sockeye(args).finish();
            let said = output.stderr_text();
            assert!(said.contains(says), "{said}");
            assert_eq!(output.code, Some(2), "{said}");
        }
    });
}

#[test]
fn curl_asks_a_socks_proxy_for_the_same() {
    within(|| {
        let Some(curl) = peers::curl() else { return };
        let script = [
            Step::expect(b"\x04\x01\x00\x50\x00\x00\x00\x01\x00h.test\x00"),
            Step::send(b"\0\x5a\0\0\0\0\0\0"),
            Step::Close,
        ];
        let peer = Peer::tcp_times(2, script);
        let via = format!("socks4a://{}", peer.addr());
        connect(NAME, &["--via", &via], "");
        let mut command = Command::new(&curl);
        command.args(["-s", "--max-time", "9", "--noproxy", "", "-x", &via]);
        command.arg("http://h.test/");
        Program::start_command(command).finish();
        peer.finish_all();
    });
}
