//! nats-server with JetStream, over a store that outlives it: killed, started again, with what it knew or without.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::certificate::leaf_certificate;
use super::{find, is_required, missing, openssl};
use crate::{LIMIT, NetworkNamespace, Program};

/// A broker on a port of 127.0.0.1, which it keeps when it is started again. It runs until the value is dropped.
///
/// # Examples
///
/// ```
/// use sockeye_testkit::peers::NatsServer;
///
/// for mut server in NatsServer::both() {
///     let url = server.url();
///     server.kill();
///     server.restart();
///     assert_eq!(server.url(), url);
/// }
/// ```
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    dir: tempfile::TempDir,
    config: String,
    namespace: Option<PathBuf>,
    port: u16,
    stores: u32,
    program: Option<Program>,
}

impl NatsServer {
    /// One of Debian's version and one of a newer one, as far as they are there; a visible note for each that is not.
    ///
    /// # Panics
    ///
    /// If one is there and does not start, or is missing while `SOCKEYE_REQUIRE_PEERS=1` is set.
    #[must_use]
    pub fn both() -> Vec<Self> {
        [Self::old(), Self::new()].into_iter().flatten().collect()
    }

    /// The one in `PATH`: 2.9.10 in Debian 12. `None` after a visible note.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both).
    #[must_use]
    pub fn old() -> Option<Self> {
        Self::with(old_binary()?, "")
    }

    /// The one that `.ci/peers` installs, 2.15.1. `None` after a visible note.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both).
    #[must_use]
    #[allow(
        clippy::new_ret_no_self,
        reason = "the newer of two, as the old is the other"
    )]
    pub fn new() -> Option<Self> {
        Self::with(new_binary()?, "")
    }

    /// The newer one with these lines in its configuration: users, say.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both).
    #[must_use]
    pub fn configured(config: &str) -> Option<Self> {
        Self::with(new_binary()?, config)
    }

    /// The newer one over TLS, with the certificate that stands at [`ca`](Self::ca): for `localhost` and 127.0.0.1.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both), or if `openssl` fails.
    #[must_use]
    pub fn tls() -> Option<Self> {
        let (binary, openssl) = (new_binary()?, openssl()?);
        let dir = crate::temporary_dir();
        leaf_certificate(&openssl, dir.path());
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        Some(Self::over(binary, dir, &tls_lines(&cert, &key)))
    }

    /// The newer one over TLS, with this certificate and key.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both).
    #[must_use]
    pub fn tls_with(certificate: &Path, key: &Path) -> Option<Self> {
        Self::with(new_binary()?, &tls_lines(certificate, key))
    }

    /// The newer one inside this namespace, on all its addresses; it lives no longer than that.
    ///
    /// # Panics
    ///
    /// As [`both`](Self::both).
    #[must_use]
    pub fn inside(namespace: &NetworkNamespace) -> Option<Self> {
        let mut server = Self::unstarted(new_binary()?, crate::temporary_dir(), "");
        server.namespace = Some(namespace.file());
        server.restart();
        Some(server)
    }

    fn with(binary: PathBuf, config: &str) -> Option<Self> {
        Some(Self::over(binary, crate::temporary_dir(), config))
    }

    fn over(binary: PathBuf, dir: tempfile::TempDir, config: &str) -> Self {
        let mut server = Self::unstarted(binary, dir, config);
        server.restart();
        server
    }

    fn unstarted(binary: PathBuf, dir: tempfile::TempDir, config: &str) -> Self {
        Self {
            binary,
            dir,
            config: config.to_owned(),
            namespace: None,
            port: 0,
            stores: 0,
            program: None,
        }
    }

    /// Where it listens: `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file of the root that its certificate leads to, if it is one of [`tls`](Self::tls).
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Whether it is the one of [`old`](Self::old).
    #[must_use]
    pub fn is_old(&self) -> bool {
        old_binary().is_some_and(|old| old == self.binary)
    }

    /// End it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Start it, on the same port, with what it had stored.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + LIMIT;
        loop {
            let mut program = self.start();
            if let Some(port) = ready(&mut program) {
                self.port = port;
                self.program = Some(program);
                return;
            }
            let said = String::from_utf8_lossy(&program.so_far().1).into_owned();
            // Somebody else has the port for a moment.
            assert!(
                said.contains("address already in use") && Instant::now() < deadline,
                "nats-server does not start: {said}"
            );
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Start it, on the same port, with nothing stored.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart_empty(&mut self) {
        self.kill();
        self.stores += 1;
        self.restart();
    }

    fn start(&self) -> Program {
        let (config, store) = (
            self.dir.path().join("config"),
            format!("store{}", self.stores),
        );
        let listen = if self.port == 0 {
            -1
        } else {
            i32::from(self.port)
        };
        let host = match self.namespace {
            Some(_) => "0.0.0.0",
            None => "127.0.0.1",
        };
        let store = self.dir.path().join(store);
        let text = format!(
            "listen: \"{host}:{listen}\"\njetstream {{ store_dir: \"{}\" }}\n{}\n",
            store.display(),
            self.config
        );
        fs::write(&config, text).unwrap();
        match &self.namespace {
            None => Program::start(&self.binary, [Path::new("-c"), &config]),
            Some(namespace) => {
                let enter = PathBuf::from(format!("--net={}", namespace.display()));
                Program::start("nsenter", [&enter, &self.binary, Path::new("-c"), &config])
            }
        }
    }
}

/// The port that it listens on, once it says that it is ready; `None` if it ends instead.
fn ready(program: &mut Program) -> Option<u16> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let text = String::from_utf8_lossy(&program.so_far().1).into_owned();
        if text.contains("Server is ready") {
            let (_, rest) = text.split_once("Listening for client connections on ")?;
            let (_, rest) = rest.split_once(':')?;
            return rest.split_whitespace().next()?.parse().ok();
        }
        if !program.is_running() || Instant::now() > deadline {
            return None;
        }
        // A pause between two looks, as for every foreign server.
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn tls_lines(certificate: &Path, key: &Path) -> String {
    format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\" }}",
        certificate.display(),
        key.display()
    )
}

fn old_binary() -> Option<PathBuf> {
    let found = find("nats-server");
    if found.is_none() {
        missing("nats-server", is_required());
    }
    found
}

fn new_binary() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers-venv/bin/nats-server");
    if own.is_file() {
        return Some(own);
    }
    missing("a newer nats-server (.ci/peers)", is_required());
    None
}
