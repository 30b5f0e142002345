//! `connect tls://`: every fault in its own words, secrets for who may have them, and ends that were cut.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use sockeye_testkit::{Output, Program, peers, temporary_dir, within};
use tempfile::TempDir;

use crate::{connect, sockeye};

/// An authority with a directory for its files.
pub(crate) struct Authority {
    dir: TempDir,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Test CA")
    }

    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let dir = temporary_dir();
        std::fs::write(
            dir.path().join("ca.pem"),
            params.self_signed(&key).unwrap().pem(),
        )
        .unwrap();
        Self {
            dir,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A file with certificate and key for this name.
    pub(crate) fn leaf(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> PathBuf {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = self.dir.path().join(format!("{name}.pem"));
        std::fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        path
    }
}

/// `openssl s_server` with this certificate, which answers each line reversed; and its address.
pub(crate) fn s_server(openssl: &Path, cert: &Path, more: &[&str]) -> (Program, String) {
    let cert = cert.to_str().unwrap();
    let args = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        cert,
        "-key",
        cert,
    ];
    let program = Program::start(openssl, args.iter().chain(more));
    let said = String::from_utf8(program.stdout_until("ACCEPT 127.0.0.1:")).unwrap();
    let address = match said.split_once("ACCEPT ").unwrap().1.split_once('\n') {
        Some((address, _)) => address.to_owned(),
        None => {
            let said = program.stdout_until("\n");
            let said = String::from_utf8(said).unwrap();
            said.split_once("ACCEPT ")
                .unwrap()
                .1
                .lines()
                .next()
                .unwrap()
                .to_owned()
        }
    };
    let port = address.rsplit(':').next().unwrap().to_owned();
    (program, port)
}

/// It was refused with exit code 6, one line with these words, and a hint.
#[track_caller]
fn refused(output: &Output, words: &str) {
    let said = output.stderr_text();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((output.code, lines.len()), (Some(6), 2), "{said}");
    assert!(
        lines[0].starts_with("sockeye: cannot ") && lines[0].contains(words),
        "{said}"
    );
    assert!(lines[1].starts_with("hint: "), "{said}");
    assert_eq!(output.stdout_text(), "");
}

#[test]
fn each_certificate_fault_has_its_own_line_against_openssl() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let ca = authority.ca();
        let talk = |cert: &Path, options: &str| {
            let (_server, port) = s_server(&openssl, cert, &["-rev"]);
            connect(
                format!("tls://localhost:{port}{options}"),
                &[
                    "--send",
                    "drawer\n",
                    "--until",
                    "until-remote",
                    "--timeout",
                    "5s",
                ],
                "",
            )
        };
        let trusting = format!("?ca={}", ca.display());
        let good = authority.leaf("localhost", |_| {});
        refused(&talk(&good, ""), "is not trusted");
        refused(
            &talk(&authority.leaf("other.example", |_| {}), &trusting),
            "is not for localhost but for other.example",
        );
        let expired = authority.leaf("localhost", |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 3, 4);
        });
        refused(&talk(&expired, &trusting), "expired on 2021-03-04");
        let pin = format!("?pin=sha256:{}", "00".repeat(32));
        refused(&talk(&good_again(&authority), &pin), "pin");
    });
}

fn good_again(authority: &Authority) -> PathBuf {
    authority.leaf("localhost", |_| {})
}

#[test]
fn a_missing_client_certificate_is_said_to_be_the_reason() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let cert = authority.leaf("localhost", |_| {});
        let ca = authority.ca();
        let more = [
            "-rev",
            "-Verify",
            "1",
            "-verify_return_error",
            "-CAfile",
            ca.to_str().unwrap(),
        ];
        let (_server, port) = s_server(&openssl, &cert, &more);
        let output = connect(
            format!("tls://localhost:{port}?ca={}", ca.display()),
            &[],
            "",
        );
        assert_eq!(output.code, Some(6), "{}", output.stderr_text());
        assert!(
            output.stderr_text().contains("client certificate"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_good_server_is_talked_to_and_named_under_verbose() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let cert = authority.leaf("localhost", |_| {});
        let (_server, port) = s_server(&openssl, &cert, &["-rev"]);
        let to = format!("tls://localhost:{port}?ca={}", authority.ca().display());
        let mut program = sockeye(["connect", &to, "-v"]);
        program.write("drawer\n");
        program.stdout_until("reward\n");
        let output = program.finish();
        assert!(
            output.stderr_text().contains(" with TLSv1.3 "),
            "{}",
            output.stderr_text()
        );
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn a_peer_that_speaks_no_tls_is_told_from_one_that_does() {
    within(|| {
        use sockeye_testkit::{Peer, Step};
        let peer = Peer::tcp([Step::send("220 mail.example\r\n"), Step::ReadToEnd]);
        let output = connect(format!("tls://127.0.0.1:{}", peer.port()), &[], "");
        refused(&output, "does not speak TLS");
    });
}

/// Our own server with a certificate made on the fly: the server, its port, the pin.
fn own_server(flags: &[&str]) -> (Program, String, String) {
    let server = sockeye(["listen", "tls://127.0.0.1:0"].iter().chain(flags));
    let pin = server.line_starting_with("certificate made on the fly, pin=");
    let port = server.port().to_string();
    (server, port, pin)
}

#[test]
fn what_weakens_security_is_said_aloud() {
    within(|| {
        let (_server, port, _) = own_server(&["--echo"]);
        let output = connect(format!("tls://localhost:{port}?verify=none"), &["-q"], "x");
        assert_eq!((output.stdout_text().as_str(), output.code), ("x", Some(0)));
        let said = output.stderr_text();
        assert!(
            said.starts_with("sockeye: warning: ") && said.contains("verify=none"),
            "{said}"
        );
    });
}

#[test]
fn the_pin_that_a_server_prints_lets_us_in() {
    within(|| {
        let (_server, port, pin) = own_server(&["--echo"]);
        let output = connect(format!("tls://localhost:{port}?pin={pin}"), &[], "hello");
        assert_eq!(
            (output.stdout_text().as_str(), output.stderr_text().as_str()),
            ("hello", "")
        );
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn plaintext_and_ciphertext_are_layers_of_their_own() {
    within(|| {
        let (_server, port, pin) = own_server(&["--echo"]);
        let to = format!("tls://localhost:{port}?pin={pin}");
        let output = connect(to, &["--wire=json"], "plain words");
        let events = crate::json_lines(&output.stderr);
        let data = |layer: &str| {
            let of = events
                .iter()
                .filter(|e| e["type"] == "data" && e["layer"] == layer);
            of.map(ToString::to_string).collect::<String>()
        };
        assert!(data("tls").contains("plain words"));
        assert!(!data("tcp").is_empty() && !data("tcp").contains("plain words"));
    });
}

#[test]
fn secrets_are_kept_where_sslkeylogfile_says() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("keys");
        let (_server, port, pin) = own_server(&["--echo"]);
        let mut command = std::process::Command::new(crate::SOCKEYE);
        command
            .args([
                "connect",
                &format!("tls://localhost:{port}?pin={pin}"),
                "-z",
            ])
            .env("SSLKEYLOGFILE", &file);
        assert_eq!(Program::start_command(command).finish().code, Some(0));
        let keys = std::fs::read_to_string(&file).unwrap();
        assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
    });
}

#[test]
fn an_end_without_close_notify_is_a_warning() {
    within(|| {
        use std::io::{Read, Write};
        // Between the two stands somebody who cuts the connection after the answer.
        let (_server, port, pin) = own_server(&["--echo"]);
        let cutter = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = cutter.local_addr().unwrap().port();
        let between = std::thread::spawn(move || {
            let (mut client, _) = cutter.accept().unwrap();
            let mut server =
                std::net::TcpStream::connect(("127.0.0.1", port.parse::<u16>().unwrap())).unwrap();
            for side in [&client, &server] {
                side.set_read_timeout(Some(sockeye_testkit::LIMIT)).unwrap();
            }
            let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut up, &mut to));
            let mut buf = [0; 16384];
            loop {
                let n = server.read(&mut buf).unwrap();
                client.write_all(&buf[..n]).unwrap();
                // The echo is a record of application data of this length: 5 header, 5 text, 1 type, 16 tag.
                if buf[..n].windows(5).any(|w| w == [23, 3, 3, 0, 22]) {
                    break;
                }
            }
            client.shutdown(std::net::Shutdown::Write).unwrap();
            // Until the client goes.
            server.shutdown(std::net::Shutdown::Both).unwrap();
            let _ = std::io::copy(&mut client, &mut std::io::sink());
        });
        let mut program = sockeye(["connect", &format!("tls://localhost:{at}?pin={pin}")]);
        program.write("hello");
        program.stdout_until("hello");
        let output = program.finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(
            output.stderr_text().contains("without close_notify"),
            "{}",
            output.stderr_text()
        );
        between.join().unwrap();
    });
}
