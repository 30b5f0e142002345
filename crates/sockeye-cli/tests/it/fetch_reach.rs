//! `fetch`: proxies and the environment, other places for names, our own end, and TLS.

use std::ffi::OsStr;
use std::process::Command;

use sockeye_testkit::{Output, Peer, Program, Step, Web, peers, temporary_dir, within};

use crate::{SOCKEYE, sockeye};

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// `sockeye fetch` in an environment with these variables alone as far as proxies go.
fn fetch<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(SOCKEYE);
    command.arg("fetch").args(args);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_uppercase());
    }
    command.envs(variables.iter().copied());
    Program::start_command(command).finish()
}

#[track_caller]
fn hello(output: &Output) {
    assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
    assert_eq!(output.code, Some(0));
}

#[test]
fn the_environment_names_proxies_as_for_curl() {
    within(|| {
        let proxy = Web::new(|_| FINE.into());
        let origin = Web::new(|_| FINE.into());
        let at = proxy.addr().to_string();
        let url = origin.url("/x");
        let through = |variables: &[(&str, &str)]| {
            let before = (proxy.asked().len(), origin.asked().len());
            hello(&fetch([&url], variables));
            let after = (proxy.asked().len(), origin.asked().len());
            assert_eq!(after.0 + after.1, before.0 + before.1 + 1);
            after.0 > before.0
        };
        let port = origin.addr().port();
        let (with_port, other) = (
            format!("127.0.0.1:{port}"),
            format!("127.0.0.1:{}", port ^ 1),
        );
        assert!(through(&[("http_proxy", &at)]));
        assert!(
            !through(&[("HTTP_PROXY", &at)]),
            "a client may have sent it"
        );
        assert!(!through(&[("https_proxy", &at)]));
        assert!(through(&[("ALL_PROXY", &at)]));
        assert!(through(&[("ALL_PROXY", &at), ("http_proxy", "")]));
        for (list, passed) in [
            ("*", false),
            ("127.0.0.0/8", false),
            ("10.0.0.0/8", true),
            ("x.test,127.0.0.1", false),
            (&*with_port, false),
            (&*other, true),
            (".1", true),
        ] {
            let variables = [("http_proxy", &*at), ("NO_PROXY", list)];
            assert_eq!(through(&variables), passed, "{list}");
        }
    });
}

#[test]
fn a_proxy_by_flag_wins_and_an_empty_one_is_none() {
    within(|| {
        let proxy = Web::new(|_| FINE.into());
        let origin = Web::new(|_| FINE.into());
        let (at, url) = (proxy.addr().to_string(), origin.url("/x"));
        let wrong = [("http_proxy", "http://gone.invalid")];
        hello(&fetch(["-x", &at, "-U", "me:secret", &url], &wrong));
        let asked = proxy.asked();
        assert_eq!(asked[0].line, format!("GET {url} HTTP/1.1"));
        assert_eq!(
            asked[0].header("Proxy-Authorization"),
            Some("Basic bWU6c2VjcmV0")
        );
        hello(&fetch(["-x", "", &url], &wrong));
        hello(&fetch(["-x", &at, "--noproxy", "127.0.0.1", &url], &wrong));
        assert_eq!((proxy.asked().len(), origin.asked().len()), (1, 2));
    });
}

#[test]
fn via_tunnels_plain_http_too() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\n\r\n"),
            Step::until("\r\n\r\n"),
            Step::send(FINE),
            Step::ReadToEnd,
        ]);
        let via = peer.addr().to_string();
        hello(&fetch(["--via", &via, "http://h.test/"], &[]));
        peer.finish();
    });
}

#[test]
fn names_and_places_can_be_led_elsewhere_and_the_host_stays() {
    within(|| {
        let web = Web::new(|_| FINE.into());
        let (port, url) = (
            web.addr().port(),
            format!("http://h.test:{}/", web.addr().port()),
        );
        let resolve = format!("h.test:{port}:127.0.0.1");
        hello(&fetch(["--resolve", &resolve, &url], &[]));
        let elsewhere = format!("h.test:80:127.0.0.1:{port}");
        hello(&fetch(["--connect-to", &elsewhere, "http://h.test/"], &[]));
        let hosts: Vec<_> = web
            .asked()
            .iter()
            .map(|it| it.header("Host").unwrap().to_owned())
            .collect();
        assert_eq!(hosts, [format!("h.test:{port}"), "h.test".to_owned()]);
    });
}

#[test]
fn the_name_in_the_certificate_stays_too() {
    within(|| {
        let Some(nginx) = peers::Nginx::start() else {
            return;
        };
        nginx.put("a.txt", "hello");
        let (addr, ca) = (nginx.https(), nginx.ca());
        let ca = ca.to_str().unwrap();
        let elsewhere = format!("localhost:443:{}:{}", addr.ip(), addr.port());
        let args = [
            "--ca",
            ca,
            "--connect-to",
            &elsewhere,
            "https://localhost/a.txt",
        ];
        hello(&fetch(args, &[]));
        let elsewhere = format!("other.test:443:{}:{}", addr.ip(), addr.port());
        let args = [
            "--ca",
            ca,
            "--connect-to",
            &elsewhere,
            "https://other.test/a.txt",
        ];
        let output = fetch(args, &[]);
        assert_eq!(output.code, Some(6), "{}", output.stderr_text());
        assert!(
            output.stderr_text().contains("other.test"),
            "{}",
            output.stderr_text()
        );
        let insecure = [&["-k"][..], &args[2..]].concat();
        let output = fetch(insecure, &[]);
        hello(&output);
        assert!(
            output.stderr_text().contains("warning: --insecure"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn an_https_proxy_has_terms_of_its_own() {
    within(|| {
        // A proxy within TLS: our own server in front of ncat's.
        let Some(ncat) = peers::ncat() else { return };
        let (_inner, inner) = peers::on_free_port(|port| {
            let port = port.to_string();
            Program::start(
                &ncat,
                ["-l", "-k", "--proxy-type", "http", "127.0.0.1", &port],
            )
        });
        let inner = inner.to_string();
        let outer = sockeye(["relay", "tls://127.0.0.1:0", &inner]);
        let pin = outer.line_starting_with("certificate made on the fly, pin=");
        let proxy = format!("https://{}", outer.host_port());
        let Some(nginx) = peers::Nginx::start() else {
            return;
        };
        nginx.put("a.txt", "hello");
        let (plain, ca) = (format!("http://{}/a.txt", nginx.http()), nginx.ca());
        let tls = format!("https://{}/a.txt", nginx.https());
        let terms = ["--ca", ca.to_str().unwrap(), "-x", &proxy];
        for url in [&plain, &tls] {
            hello(&fetch(terms.iter().chain(&["--proxy-pin", &pin, url]), &[]));
            let output = fetch(terms.iter().chain(&["--proxy-insecure", url]), &[]);
            hello(&output);
            assert!(output.stderr_text().contains("warning: --proxy-insecure"));
            // What makes servers trusted makes no proxy trusted.
            let output = fetch(terms.iter().chain(&["-4", url]), &[]);
            assert_eq!(output.code, Some(6), "{}", output.stderr_text());
            assert!(
                output.stderr_text().contains("proxy "),
                "{}",
                output.stderr_text()
            );
        }
    });
}

#[test]
fn a_unix_socket_takes_the_place_of_every_host() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("s");
        let script = [Step::until("\r\n\r\n"), Step::send(FINE), Step::ReadToEnd];
        let peer = Peer::unix(&path, script);
        let proxies = [("http_proxy", "http://gone.invalid")];
        hello(&fetch(
            ["--unix-socket", path.to_str().unwrap(), "http://h.test/"],
            &proxies,
        ));
        let received = String::from_utf8(peer.finish().received).unwrap();
        assert!(
            received.starts_with("GET / HTTP/1.1\r\nHost: h.test\r\n"),
            "{received}"
        );
    });
}

#[test]
fn our_own_end_can_be_chosen() {
    within(|| {
        let web = Web::new(|_| FINE.into());
        hello(&fetch(["--bind", "127.0.0.9", &web.url("/")], &[]));
        let output = fetch(["--interface", "no-such-if0", &web.url("/")], &[]);
        assert!(
            output.stderr_text().contains("no-such-if0"),
            "{}",
            output.stderr_text()
        );
        assert_ne!(output.code, Some(0));
    });
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_out() {
    within(|| {
        for (args, says) in [
            (&["--resolve", "h:80", "h"][..], "has no addresses"),
            (&["--connect-to", "h:80", "h"], "has not four parts"),
            (
                &["-x", "gopher://u:secret@p", "h"],
                "unknown kind of proxy `gopher`",
            ),
            (&["--pin", "sha256:00", "h"], "is not a pin"),
            (&["--tls-min", "1.1", "h"], "is neither 1.2 nor 1.3"),
            (&["-k", "--ca", "/f", "h"], "cannot be used with"),
            (&["-x", "p", "--via", "q", "h"], "cannot be used with"),
        ] {
            let output = fetch(args, &[]);
            let said = output.stderr_text();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("secret"), "{said}");
            assert_eq!(output.code, Some(2), "{said}");
        }
        let output = fetch(["http://h.test/"], &[("http_proxy", "gopher://u:secret@p")]);
        let said = output.stderr_text();
        assert!(
            said.contains("the environment variable http_proxy"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
    });
}
