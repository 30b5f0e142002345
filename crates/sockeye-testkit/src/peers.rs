//! Programs that others wrote, as peers: found, or visibly skipped.
//!
//! A test asks for its peer first and returns if there is none. With `SOCKEYE_REQUIRE_PEERS=1` in the environment, as
//! in CI, a missing peer is a failure instead.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

pub use self::caddy::Caddy;
pub use self::chromium::{Chromium, Look, Page};
pub use self::ftp::{FtpServer, FtpTls};
pub use self::httpbin::HttpBin;
pub use self::names::{NameServer, NameServerKind, Signed, sign};
pub use self::nats::NatsServer;
pub use self::nginx::Nginx;
pub use self::runs::{
    git, git_http_backend, h2load, httplint, kosoku, nghttp, slowhttptest, sslscan, without_colours,
};
pub use self::squid::Squid;
use crate::{LIMIT, Program};

mod caddy;
mod certificate;
mod chromium;
mod ftp;
mod httpbin;
mod names;
mod nats;
mod nginx;
mod runs;
mod squid;

/// How often a foreign server gets another port before the fixture gives up.
const TRIES: usize = 3;

macro_rules! peers {
    ($($name:ident: $($program:literal),+;)+) => {$(
        #[doc = concat!("The path of `", stringify!($name), "`, or `None` after a visible note.")]
        ///
        /// # Panics
        ///
        /// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set.
        #[must_use]
        pub fn $name() -> Option<PathBuf> {
            want(stringify!($name), &[$($program),+])
        }
    )+};
}

peers! {
    caddy: "caddy";
    chromium: "chromium-headless-shell", "chromium";
    curl: "curl";
    dig: "dig";
    dnssec_keygen: "dnssec-keygen";
    dnssec_signzone: "dnssec-signzone";
    haproxy: "haproxy";
    ip: "ip";
    jq: "jq";
    kdig: "kdig";
    knotd: "knotd";
    microsocks: "microsocks";
    named: "named";
    nc: "nc.openbsd", "nc";
    ncat: "ncat";
    nginx: "nginx";
    node: "node", "nodejs";
    openssl: "openssl";
    parallel: "parallel";
    python3: "python3";
    socat: "socat";
    squid: "squid";
    ss: "ss";
    tar: "tar";
    tshark: "tshark";
    unshare: "unshare";
    unzip: "unzip";
    vsftpd: "vsftpd";
    xxd: "xxd";
    zstd: "zstd";
}

/// Whether a test may make namespaces of its own (`unshare --net`), or `false` after a visible note.
///
/// # Panics
///
/// If it may not while `SOCKEYE_REQUIRE_PEERS=1` is set.
#[must_use]
pub fn may_unshare() -> bool {
    let tried = std::process::Command::new("unshare")
        .args(["--net", "true"])
        .output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        missing("unshare --net (root)", is_required());
    }
    may
}

/// A Python that has these modules, or `None` after a visible note: the one of `.ci/peers`, else the system's.
///
/// # Panics
///
/// If there is none while `SOCKEYE_REQUIRE_PEERS=1` is set.
#[must_use]
pub fn python_with(modules: &[&str]) -> Option<PathBuf> {
    // Some take a while to be imported, and one test may ask often.
    static KNOWN: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let import = format!("import {}", modules.join(", "));
    let known = KNOWN.lock().unwrap().get(&import).cloned();
    if known.is_some() {
        return known;
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers-venv/bin/python");
    let found = [Some(own), find("python3")]
        .into_iter()
        .flatten()
        .find(|python| {
            let tried = std::process::Command::new(python)
                .args(["-c", &import])
                .output();
            tried.is_ok_and(|output| output.status.success())
        });
    if let Some(python) = &found {
        KNOWN.lock().unwrap().insert(import, python.clone());
    } else {
        missing(
            &format!("python3 with {}", modules.join(", ")),
            is_required(),
        );
    }
    found
}

/// The folder of an official suite of tests that `.ci/peers` unpacked (`json-test-suite`), or `None` after a visible note.
///
/// # Panics
///
/// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set.
#[must_use]
pub fn suite(name: &str) -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers-suites");
    let folders = fs::read_dir(home).into_iter().flatten().flatten();
    let found = folders.map(|folder| folder.path()).find(|path| {
        let folder = path.file_name().and_then(|folder| folder.to_str());
        folder
            .and_then(|folder| folder.rsplit_once('@'))
            .is_some_and(|(known, _)| known == name)
    });
    if found.is_none() {
        missing(name, is_required());
    }
    found
}

fn is_required() -> bool {
    env::var_os("SOCKEYE_REQUIRE_PEERS").is_some_and(|value| value == "1")
}

fn want(name: &str, programs: &[&str]) -> Option<PathBuf> {
    let found = programs.iter().find_map(|program| find(program));
    if found.is_none() {
        missing(name, is_required());
    }
    found
}

fn missing(name: &str, required: bool) {
    assert!(
        !required,
        "{name} is not installed, and SOCKEYE_REQUIRE_PEERS=1 requires it; see .ci/peers"
    );
    note("SKIPPED", name);
}

/// Say, past the capture of the test runner, that this test needs something.
pub(crate) fn note(what: &str, needs: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    drop(writeln!(std::io::stderr(), "{what}: {test} needs {needs}"));
}

/// A program in `PATH` or where Debian keeps servers.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(servers)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

/// Wait until a TCP server answers at this address; `false` if it does not in time.
///
/// One of two places that ask again and again: a foreign server has no other way to say that it is ready.
pub fn wait_connectable(addr: SocketAddr, limit: Duration) -> bool {
    wait_while(addr, limit, || true)
}

fn wait_while(addr: SocketAddr, limit: Duration, mut hope: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if TcpStream::connect_timeout(&addr, limit).is_ok() {
            return true;
        }
        if Instant::now() >= deadline || !hope() {
            return false;
        }
        // A pause between two questions, not a guess at when the server is ready.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Start a foreign TCP server that cannot choose its own port: it gets a free one of 127.0.0.1, under a lock that all
/// tests of this machine share, and has three tries.
///
/// The readiness check is one connection, opened and closed: a server for a single client would be over after it.
///
/// # Panics
///
/// If it does not answer on any of three ports.
pub fn on_free_port(start: impl Fn(u16) -> Program) -> (Program, SocketAddr) {
    let (program, [addr]) = on_free_ports(|[port]| start(port));
    (program, addr)
}

/// [`on_free_port`] for a server that wants several: it is ready when it answers on all of them.
///
/// # Panics
///
/// If it does not answer on all of its ports, three times.
pub fn on_free_ports<const N: usize>(
    start: impl Fn([u16; N]) -> Program,
) -> (Program, [SocketAddr; N]) {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(env::temp_dir().join("sockeye-testkit-ports.lock"))
        .unwrap();
    lock.lock().unwrap();
    let mut said = String::new();
    for _ in 0..TRIES {
        let addrs = free_ports();
        let mut program = start(addrs.map(|addr| addr.port()));
        let mut answers = |addr| wait_while(addr, LIMIT / 4, || program.is_running());
        if addrs.into_iter().all(&mut answers) && program.is_running() {
            return (program, addrs);
        }
        said = String::from_utf8_lossy(&program.so_far().1).into_owned();
    }
    panic!("the server did not answer on any of {TRIES} ports; it said: {said}");
}

/// Ports of 127.0.0.1 that nobody has, all different. They are free again when this returns; only strangers can take
/// them meanwhile.
fn free_ports<const N: usize>() -> [SocketAddr; N] {
    let listeners = [0; N].map(|_: u8| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// All of a file that a server writes, once it contains this.
///
/// # Panics
///
/// If it does not within [`LIMIT`], with what it contains.
#[track_caller]
fn written(path: &Path, wanted: &str) -> String {
    let deadline = Instant::now() + LIMIT;
    loop {
        let text = fs::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        if text.contains(wanted) {
            return text;
        }
        assert!(
            Instant::now() < deadline,
            "{wanted:?} was never written; there is:\n{text}"
        );
        // A pause between two looks, as in `wait_while`.
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Put a file under this root, with the directories that its name has.
fn put(root: &Path, name: &str, contents: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// A web server over a directory of its own, to be filled by the test.
#[derive(Debug)]
pub struct WebServer {
    dir: tempfile::TempDir,
    addr: SocketAddr,
    program: Program,
}

impl WebServer {
    /// nginx with this directory's `root`, or `None` after a visible note.
    ///
    /// # Panics
    ///
    /// If nginx is there and does not start.
    #[must_use]
    pub fn nginx() -> Option<Self> {
        let nginx = nginx()?;
        let dir = crate::temporary_dir();
        fs::create_dir(dir.path().join("root")).unwrap();
        let (program, addr) = on_free_port(|port| {
            let config = dir.path().join("nginx.conf");
            fs::write(&config, nginx_config(dir.path(), port)).unwrap();
            Program::start(
                &nginx,
                [
                    "-e".as_ref(),
                    "stderr".as_ref(),
                    "-c".as_ref(),
                    config.as_os_str(),
                ],
            )
        });
        Some(Self { dir, addr, program })
    }

    /// Python's `http.server` over this directory's `root`, or `None` after a visible note.
    ///
    /// # Panics
    ///
    /// If Python is there and does not start.
    #[must_use]
    pub fn python() -> Option<Self> {
        let python = python3()?;
        let dir = crate::temporary_dir();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        let args = [
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
        ];
        let program = Program::start(python, args.map(PathBuf::from).iter().chain([&root]));
        let said = program.stdout_until(") ...");
        let said = String::from_utf8_lossy(&said);
        let port = said
            .split_once(" port ")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("no port in {said:?}"));
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        Some(Self { dir, addr, program })
    }

    /// Put a file under the root.
    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) {
        put(&self.dir.path().join("root"), name, contents.as_ref());
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// One process, in the foreground: no worker under another user's name, who could not look into the directory.
fn nginx_config(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {dir}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log stderr;\n\
         events {{ }}\nhttp {{\n{paths}    access_log off;\n    default_type text/plain;\n    \
         server {{\n        listen 127.0.0.1:{port};\n        server_name localhost;\n        \
         root {dir}/root;\n    }}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::panic;

    use super::*;

    /// What curl writes to its standard output.
    pub(super) fn curl(args: &[&str]) -> String {
        let curl = super::curl().expect("curl is installed");
        let flags = ["-sS", "--max-time", "8"];
        let output = Program::start(curl, flags.iter().chain(args)).finish();
        assert!(output.code == Some(0), "{}", output.stderr_text());
        output.stdout_text()
    }

    fn get(addr: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect_timeout(&addr, LIMIT).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn nginx_serves_what_was_put_there() {
        let Some(server) = WebServer::nginx() else {
            return;
        };
        server.put("index.html", "<p>hello from nginx</p>\n");
        let answer = get(server.addr(), "/index.html");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.ends_with("\r\n\r\n<p>hello from nginx</p>\n"),
            "{answer}"
        );
    }

    #[test]
    fn python_serves_what_was_put_there() {
        let Some(server) = WebServer::python() else {
            return;
        };
        server.put("a.txt", "hello from Python\n");
        let answer = get(server.addr(), "/a.txt");
        assert!(answer.ends_with("\r\n\r\nhello from Python\n"), "{answer}");
    }

    #[test]
    fn a_missing_peer_is_no_path_and_a_failure_where_it_is_required() {
        assert_eq!(find("no-such-program-anywhere"), None);
        missing("nothing: this tests the note", false);
        let panic = panic::catch_unwind(|| missing("it", true)).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.starts_with("it is not installed"), "{text}");
    }

    #[test]
    fn a_server_that_never_answers_is_reported_with_what_it_said() {
        let start = |_| Program::start("sh", ["-c", "echo cannot bind >&2; exit 1"]);
        let panic = panic::catch_unwind(|| on_free_port(start)).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("any of 3 ports"), "{text}");
    }
}
