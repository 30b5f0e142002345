//! Name servers of others, with zones of the test's own: bind9 and Knot.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::certificate::certificate;
use super::{dnssec_keygen, dnssec_signzone, knotd, named, on_free_port, openssl, wait_while};
use crate::{LIMIT, Program};

/// A name server that is about to be started.
#[derive(Clone, Debug)]
pub struct NameServerKind {
    knot: bool,
    at: Ipv4Addr,
    port: Option<u16>,
    zones: Vec<(String, String)>,
    options: String,
    statements: String,
    encrypted: bool,
}

/// A name server that runs until the value is dropped.
#[derive(Debug)]
pub struct NameServer {
    dir: tempfile::TempDir,
    addr: SocketAddr,
    tls: Option<SocketAddr>,
    https: Option<SocketAddr>,
    program: Program,
}

impl NameServerKind {
    /// bind9, as a server for its own zones only.
    pub fn bind() -> Self {
        Self {
            knot: false,
            at: Ipv4Addr::LOCALHOST,
            port: None,
            zones: Vec::new(),
            options: "recursion no; dnssec-validation no;".into(),
            statements: String::new(),
            encrypted: false,
        }
    }

    /// Knot, which is always a server for its own zones only.
    pub fn knot() -> Self {
        Self {
            knot: true,
            ..Self::bind()
        }
    }

    /// Listen at this address of 127.0.0.0/8 instead of 127.0.0.1.
    #[must_use]
    pub fn at(mut self, address: Ipv4Addr) -> Self {
        self.at = address;
        self
    }

    /// Listen at this port, which another server has at another address.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Keep this zone; its text is that of a zone file.
    #[must_use]
    pub fn zone(mut self, name: &str, text: impl Into<String>) -> Self {
        self.zones.push((name.to_owned(), text.into()));
        self
    }

    /// bind9 only: take these statements for its options instead of those that turn recursion off.
    #[must_use]
    pub fn options(mut self, options: &str) -> Self {
        self.options = options.to_owned();
        self
    }

    /// bind9 only: add these statements.
    #[must_use]
    pub fn statements(mut self, statements: &str) -> Self {
        self.statements += statements;
        self
    }

    /// bind9 only: answer over TLS and HTTPS as well, with a certificate for `localhost` and 127.0.0.1 that is its own
    /// root, see [`NameServer::ca`].
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// Start it, and wait until its zones are loaded; `None` after a visible note if it is not installed.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start(self) -> Option<NameServer> {
        let path = if self.knot { knotd()? } else { named()? };
        let dir = crate::temporary_dir();
        if self.encrypted {
            certificate(&openssl()?, dir.path());
        }
        let names = (0..).map(|number| format!("zone{number}"));
        for ((_, text), file) in self.zones.iter().zip(names) {
            fs::write(dir.path().join(file), text).unwrap();
        }
        // Ports of the same lock, taken while it is held.
        let others = std::cell::Cell::new([0; 2]);
        let start = |port| {
            if self.encrypted {
                others.set([0; 2].map(|_: u16| free_port(self.at)));
            }
            let config = dir.path().join("config");
            let text = if self.knot {
                self.knot_config(dir.path(), port)
            } else {
                self.bind_config(dir.path(), port, others.get())
            };
            fs::write(&config, text).unwrap();
            let flags: &[&str] = if self.knot {
                &["-c"]
            } else {
                &["-g", "-n", "1", "-c"]
            };
            let config = config.to_str().unwrap();
            Program::start(&path, flags.iter().copied().chain([config]))
        };
        let (mut program, addr) = match self.port {
            None if self.at == Ipv4Addr::LOCALHOST => on_free_port(start),
            port => {
                let port = port.unwrap_or_else(|| free_port(self.at));
                (start(port), SocketAddr::from((self.at, port)))
            }
        };
        let ready = wait_while(addr, LIMIT / 4, || program.is_running());
        let said = program.so_far();
        assert!(ready, "{addr}: {}", String::from_utf8_lossy(&said.1));
        if self.knot {
            program.stderr_until("server started");
        } else {
            program.stderr_until("running");
        }
        let [tls, https] = others
            .get()
            .map(|port| self.encrypted.then(|| (self.at, port).into()));
        Some(NameServer {
            dir,
            addr,
            tls,
            https,
            program,
        })
    }

    fn bind_config(&self, dir: &Path, port: u16, others: [u16; 2]) -> String {
        let (at, dir, options) = (self.at, dir.display(), &self.options);
        let [tls, https] = others;
        let mut text = self.statements.clone();
        let mut listen = String::new();
        if self.encrypted {
            let files = format!("key-file \"{dir}/key.pem\"; cert-file \"{dir}/cert.pem\";");
            text += &format!("tls own {{ {files} }};\n");
            text += "http own { endpoints { \"/dns-query\"; }; };\n";
            listen += &format!("listen-on port {tls} tls own {{ {at}; }};");
            listen += &format!("listen-on port {https} tls own http own {{ {at}; }};");
        }
        // The port that is waited for comes last: once it answers, the others do.
        listen += &format!("listen-on port {port} {{ {at}; }};");
        text += &format!(
            "options {{ directory \"{dir}\"; {listen} listen-on-v6 {{ none; }}; pid-file none; \
             session-keyfile none; check-names primary ignore; minimal-responses no; {options} }};\ncontrols {{ }};\n"
        );
        for (number, (zone, _)) in self.zones.iter().enumerate() {
            writeln!(
                text,
                "zone \"{zone}\" {{ type primary; file \"zone{number}\"; }};"
            )
            .unwrap();
        }
        text
    }

    fn knot_config(&self, dir: &Path, port: u16) -> String {
        let (at, dir) = (self.at, dir.display());
        let mut text = format!(
            "server:\n  rundir: \"{dir}\"\n  listen: {at}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 1\ndatabase:\n  storage: \"{dir}\"\nlog:\n  - target: stderr\n    any: info\n\
             template:\n  - id: default\n    storage: \"{dir}\"\n    semantic-checks: off\nzone:\n"
        );
        for (number, (zone, _)) in self.zones.iter().enumerate() {
            writeln!(text, "  - domain: {zone}\n    file: \"zone{number}\"").unwrap();
        }
        text
    }
}

impl NameServer {
    /// Where it answers over UDP and TCP.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it answers over TLS.
    ///
    /// # Panics
    ///
    /// If it was not started [`encrypted`](NameServerKind::encrypted).
    pub fn tls(&self) -> SocketAddr {
        self.tls.expect("the server speaks TLS")
    }

    /// Where it answers over HTTPS, at the path `/dns-query`.
    ///
    /// # Panics
    ///
    /// If it was not started [`encrypted`](NameServerKind::encrypted).
    pub fn https(&self) -> SocketAddr {
        self.https.expect("the server speaks HTTPS")
    }

    /// The PEM file of the root that its certificate leads to.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// A port that nobody has at this address.
fn free_port(at: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((at, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A zone with signatures.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The text of the zone file.
    pub text: String,
    /// The key that a resolver has to trust, as bind9 has it in `trust-anchors`: `257 3 13 "…"`.
    pub anchor: String,
}

/// Sign a zone with keys made for it, and with NSEC3 if wanted; `None` after a visible note if bind9's tools are missing.
///
/// # Panics
///
/// If the tools are there and fail.
#[must_use]
pub fn sign(zone: &str, text: &str, nsec3: bool) -> Option<Signed> {
    let (keygen, signzone) = (dnssec_keygen()?, dnssec_signzone()?);
    let dir = crate::temporary_dir();
    let at = dir.path().to_str().unwrap();
    let mut keys = Vec::new();
    for kind in [&["-f", "KSK"][..], &[]] {
        let mut args = vec!["-a", "ECDSAP256SHA256", "-K", at];
        args.extend(kind);
        args.push(zone);
        let output = Program::start(&keygen, args).finish();
        assert!(output.code == Some(0), "{}", output.stderr_text());
        keys.push(output.stdout_text().trim().to_owned());
    }
    let (plain, signed) = (dir.path().join("plain"), dir.path().join("signed"));
    fs::write(&plain, text).unwrap();
    let mut args = vec![
        "-S",
        "-K",
        at,
        "-d",
        at,
        "-o",
        zone,
        "-f",
        signed.to_str().unwrap(),
    ];
    if nsec3 {
        args.extend(["-3", "aabbccdd"]);
    }
    args.push(plain.to_str().unwrap());
    let output = Program::start(&signzone, args).finish();
    assert!(output.code == Some(0), "{}", output.stderr_text());
    let key = fs::read_to_string(dir.path().join(format!("{}.key", keys[0]))).unwrap();
    let fields = key
        .lines()
        .find_map(|line| line.split_once(" DNSKEY "))
        .unwrap()
        .1;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let anchor = format!("{} \"{}\"", fields[..3].join(" "), fields[3..].concat());
    Some(Signed {
        text: fs::read_to_string(signed).unwrap(),
        anchor,
    })
}
