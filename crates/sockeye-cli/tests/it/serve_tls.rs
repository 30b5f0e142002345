//! `sockeye serve` over TLS.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sockeye_testkit::{Program, peers, temporary_dir, within};
use tempfile::TempDir;

use crate::connect_tls::Authority;
use crate::serving::{ask, client};

/// A site in a folder of its own, with a home of its own.
struct Site {
    dir: TempDir,
    server: Program,
    port: u16,
}

impl Site {
    fn start(flags: &[&str]) -> Self {
        let dir = temporary_dir();
        fs::create_dir(dir.path().join("site")).unwrap();
        fs::write(dir.path().join("site/a.txt"), "hello\n").unwrap();
        Self::again(dir, flags)
    }

    fn again(dir: TempDir, flags: &[&str]) -> Self {
        let mut command = Command::new(crate::SOCKEYE);
        command
            .args(["serve", "--port", "0"])
            .args(flags)
            .arg(dir.path().join("site"))
            .env("XDG_DATA_HOME", dir.path().join("data"));
        let server = Program::start_command(command);
        let first = String::from_utf8(server.stdout_until("\n")).unwrap();
        let line = first.lines().next().unwrap();
        let port = line.trim_end_matches('/').rsplit(':').next();
        let port = port.unwrap().parse().unwrap();
        Self { dir, server, port }
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("data/sockeye/authority/ca.pem")
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// What curl says that trusts this file: its exit code and its output.
    fn curl(&self, ca: &Path, args: &[&str]) -> Option<(Option<i32>, String)> {
        let flags = ["-sS", "--max-time", "8", "--noproxy", "*", "--cacert"];
        let program = Program::start(
            peers::curl()?,
            flags.iter().chain(&[ca.to_str().unwrap()]).chain(args),
        );
        let output = program.finish();
        Some((output.code, output.stdout_text()))
    }
}

#[test]
fn a_local_authority_is_made_once_and_its_file_is_all_that_others_need() {
    within(|| {
        let site = Site::start(&["--tls", "--tls-name", "tea.test"]);
        let said = site.server.stderr_until("--ca\n");
        let said = String::from_utf8(said).unwrap();
        let ca = site.ca();
        assert_eq!(
            said,
            format!(
                "a local authority vouches for the certificate; whoever trusts {} trusts it: curl --cacert, sockeye fetch --ca\n",
                ca.display()
            )
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let folder = ca.parent().unwrap();
        assert_eq!(mode(folder), 0o700);
        assert_eq!(mode(&folder.join("ca-key.pem")), 0o600);
        let before = fs::read(&ca).unwrap();

        let ask = ["-w", "%{http_version}", &site.url("/a.txt")];
        let Some(got) = site.curl(&ca, &ask) else {
            return;
        };
        assert_eq!(got, (Some(0), "hello\n2".into()));
        let one = ["--http1.1", "-w", "%{http_version}", &site.url("/a.txt")];
        assert_eq!(
            site.curl(&ca, &one).unwrap(),
            (Some(0), "hello\n1.1".into())
        );
        for host in ["127.0.0.1", "tea.test"] {
            let to = format!("{host}:{}:127.0.0.1", site.port);
            let url = format!("https://{host}:{}/a.txt", site.port);
            let got = site.curl(&ca, &["--resolve", &to, &url]).unwrap();
            assert_eq!(got, (Some(0), "hello\n".into()), "{host}");
        }
        let fetched = crate::sockeye([
            "fetch",
            "--noproxy",
            "*",
            "--ca",
            ca.to_str().unwrap(),
            &site.url("/a.txt"),
        ]);
        let fetched = fetched.finish();
        assert_eq!(
            fetched.stdout_text(),
            "hello\n",
            "{}",
            fetched.stderr_text()
        );

        let site = Site::again(site.dir, &["--tls"]);
        assert_eq!(fs::read(site.ca()).unwrap(), before);
        assert_eq!(site.curl(&ca, &[&site.url("/a.txt")]).unwrap().0, Some(0));
    });
}

#[test]
fn a_name_that_the_authority_may_not_vouch_for_is_refused() {
    within(|| {
        let site = Site::start(&["--tls"]);
        let mut command = Command::new(crate::SOCKEYE);
        command
            .args([
                "serve",
                "--port",
                "0",
                "--tls",
                "--tls-name",
                "bank.example",
            ])
            .env("XDG_DATA_HOME", site.dir.path().join("data"));
        let output = Program::start_command(command).finish();
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(
            output
                .stderr_text()
                .contains("may not vouch for bank.example"),
            "{}",
            output.stderr_text()
        );
        let useless = crate::sockeye(["serve", "--port", "0", "--hsts"]).finish();
        assert_eq!(useless.code, Some(2));
        assert!(
            useless.stderr_text().contains("--hsts has no effect"),
            "{}",
            useless.stderr_text()
        );
    });
}

#[test]
fn sslscan_sees_two_versions_and_no_weak_ciphers() {
    within(|| {
        let site = Site::start(&["--tls"]);
        let at = format!("127.0.0.1:{}", site.port);
        let Some(scan) = peers::sslscan([&at]) else {
            return;
        };
        let said = scan.finish().stdout_text();
        for (version, expected) in [
            ("SSLv2", "disabled"),
            ("SSLv3", "disabled"),
            ("TLSv1.0", "disabled"),
            ("TLSv1.1", "disabled"),
            ("TLSv1.2", "enabled"),
            ("TLSv1.3", "enabled"),
        ] {
            let line = said.lines().find(|line| line.starts_with(version));
            let line = line.unwrap_or_else(|| panic!("{version} is not in:\n{said}"));
            assert!(line.ends_with(expected), "{line}");
        }
        let ciphers: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred"))
            .collect();
        assert!(ciphers.len() >= 6, "{said}");
        for cipher in ciphers {
            assert!(
                cipher.contains("GCM") || cipher.contains("POLY1305"),
                "{cipher}"
            );
            for weak in ["RC4", "DES", "CBC", "NULL", "EXP", "MD5"] {
                assert!(!cipher.contains(weak), "{cipher}");
            }
        }
    });
}

#[test]
fn openssl_resumes_its_session() {
    within(|| {
        let site = Site::start(&["--tls"]);
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let at = format!("127.0.0.1:{}", site.port);
        let ca = site.ca();
        let args = [
            "s_client",
            "-connect",
            &at,
            "-CAfile",
            ca.to_str().unwrap(),
            "-tls1_2",
            "-reconnect",
        ];
        let said = Program::start(openssl, args).finish().stdout_text();
        assert_eq!(said.matches("Reused, TLSv1.2").count(), 5, "{said}");
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(
            said.contains("Secure Renegotiation IS supported")
                || said.contains("Secure Renegotiation IS NOT"),
            "{said}"
        );
    });
}

#[test]
fn plain_http_is_told_what_to_do() {
    within(|| {
        let site = Site::start(&["--tls"]);
        let at = format!("127.0.0.1:{}", site.port).parse().unwrap();
        let answer = ask(client(at), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n")
                && answer.ends_with("ask for https:// instead of http://\n"),
            "{answer}"
        );
    });
}

#[test]
fn certificates_change_while_a_client_is_there() {
    within(|| {
        let (old, new) = (Authority::new(), Authority::new());
        let file = temporary_dir();
        let cert = file.path().join("cert.pem");
        fs::copy(old.leaf("localhost", |_| {}), &cert).unwrap();
        let site = Site::start(&["--cert", cert.to_str().unwrap()]);
        let url = site.url("/a.txt");
        let Some(got) = site.curl(&old.ca(), &[&url]) else {
            return;
        };
        assert_eq!(got, (Some(0), "hello\n".into()));
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let at = format!("127.0.0.1:{}", site.port);
        let mut there = Program::start(
            openssl,
            ["s_client", "-connect", &at, "-quiet", "-alpn", "http/1.1"],
        );
        let get = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";
        there.write(get);
        there.stdout_until("hello\n");

        // What is of no use changes nothing.
        fs::write(&cert, "no certificate").unwrap();
        site.server.hang_up();
        site.server.stderr_until("the old ones stay in use");
        assert_eq!(site.curl(&old.ca(), &[&url]).unwrap().0, Some(0));

        fs::copy(new.leaf("localhost", |_| {}), &cert).unwrap();
        site.server.hang_up();
        site.server.stderr_until("read again: certificates");
        assert_eq!(site.curl(&new.ca(), &[&url]).unwrap().0, Some(0));
        assert_ne!(site.curl(&old.ca(), &[&url]).unwrap().0, Some(0));

        there.write("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
        there.stdout_until("404 Not Found");

        // Without a signal it is noticed too, by whoever comes a second later.
        let third = Authority::new();
        let other = file.path().join("other.pem");
        fs::copy(third.leaf("localhost", |_| {}), &other).unwrap();
        fs::rename(&other, &cert).unwrap();
        while site.curl(&third.ca(), &[&url]).unwrap().0 != Some(0) {}
    });
}

#[test]
fn clients_show_certificates() {
    within(|| {
        let clients = Authority::named("Clients");
        let cert = clients.leaf("somebody", |_| {});
        let cert = cert.to_str().unwrap();
        let ca = clients.ca();
        let flags = ["--tls", "--client-ca", ca.to_str().unwrap()];
        let site = Site::start(&flags);
        let url = site.url("/a.txt");
        let Some((code, _)) = site.curl(&site.ca(), &[&url]) else {
            return;
        };
        assert_ne!(code, Some(0), "nobody was let in");
        let shown = site.curl(&site.ca(), &["--cert", cert, &url]).unwrap();
        assert_eq!(shown, (Some(0), "hello\n".into()));

        let site = Site::start(&[&flags[..], &["--client-cert=optional"]].concat());
        let url = site.url("/a.txt");
        assert_eq!(site.curl(&site.ca(), &[&url]).unwrap().0, Some(0));
        let shown = site.curl(&site.ca(), &["--cert", cert, &url]).unwrap();
        assert_eq!(shown.0, Some(0));
        let stranger = Authority::named("Strangers").leaf("somebody", |_| {});
        let stranger = ["--cert", stranger.to_str().unwrap(), &url];
        assert_ne!(site.curl(&site.ca(), &stranger).unwrap().0, Some(0));
    });
}

#[test]
fn hsts_is_said_over_tls_and_plain_clients_are_sent_there() {
    within(|| {
        let site = Site::start(&["--tls", "--hsts=1h", "--redirect-http", "127.0.0.1:0"]);
        let Some((_, head)) = site.curl(&site.ca(), &["-I", &site.url("/a.txt")]) else {
            return;
        };
        assert!(
            head.contains("\r\nstrict-transport-security: max-age=3600\r\n"),
            "{head}"
        );
        let lines = site.server.stdout_until("http://127.0.0.1:");
        drop(lines);
        let both = String::from_utf8(site.server.so_far().0).unwrap();
        let plain = both
            .lines()
            .find_map(|line| line.strip_prefix("listening on http://"));
        let at = plain.unwrap().trim_end_matches('/');
        let answer = ask(
            client(at.parse().unwrap()),
            "GET /a.txt?x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        let to = format!("\r\nLocation: {}\r\n", site.url("/a.txt?x"));
        assert!(answer.contains(&to), "{answer}");
        assert!(
            !answer.to_lowercase().contains("strict-transport"),
            "{answer}"
        );
    });
}

#[test]
fn a_stop_does_not_wait_for_who_has_not_greeted() {
    within(|| {
        let site = Site::start(&["--tls"]);
        let silent = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
        site.server.terminate();
        assert_eq!(site.server.wait().code, Some(0));
        drop(silent);
    });
}
