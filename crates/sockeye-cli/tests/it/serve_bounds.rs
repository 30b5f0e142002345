//! `sockeye serve` and clients that behave badly.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sockeye_testkit::{Program, deadline, peers, temporary_dir, within};
use tempfile::TempDir;

use crate::serving::{ask, client, rest};
use crate::{SOCKEYE, sockeye};

/// A folder with one file, and who serves it.
struct Served {
    _dir: TempDir,
    _server: Program,
    at: SocketAddr,
}

fn serve(flags: &[&str]) -> Served {
    let dir = temporary_dir();
    fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
    let dir_name = dir.path().to_str().unwrap();
    let server = sockeye(["serve", dir_name, "--port", "0"].iter().chain(flags));
    let at = address(&server);
    Served {
        _dir: dir,
        _server: server,
        at,
    }
}

fn address(server: &Program) -> SocketAddr {
    server.host_port().trim_end_matches('/').parse().unwrap()
}

impl Served {
    fn ask(&self, text: &str) -> String {
        ask(client(self.at), text)
    }

    /// The status in the first line of the answer.
    fn status(&self, text: &str) -> String {
        let answer = self.ask(text);
        answer.get(9..12).unwrap_or_default().to_owned()
    }
}

const GET: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn every_bound_has_a_flag() {
    within(|| {
        let long = format!(
            "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "x".repeat(200)
        );
        let lines = format!(
            "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            "a: b\r\n".repeat(5)
        );
        for (flags, request, status) in [
            (["--max-line", "8KiB"], &*long, "404"),
            (["--max-line", "100"], &long, "414"),
            (["--max-head", "240"], &long, "404"),
            (["--max-head", "200"], &long, "431"),
            (["--max-fields", "6"], &lines, "200"),
            (["--max-fields", "5"], &lines, "431"),
        ] {
            assert_eq!(serve(&flags).status(request), status, "{flags:?}");
        }
        let site = serve(&["--max-requests", "2"]);
        assert_eq!(site.ask(&GET.repeat(3)).matches("200 OK").count(), 2);
    });
}

#[test]
fn times_have_flags() {
    within(|| {
        let site = serve(&["--head-timeout", "200ms"]);
        let mut slow = client(site.at);
        slow.write_all(b"GET /a").unwrap();
        assert!(rest(slow).starts_with("HTTP/1.1 408 "));
        let site = serve(&["--idle-timeout", "200ms"]);
        let mut idle = client(site.at);
        idle.write_all(GET.as_bytes()).unwrap();
        assert!(rest(idle).ends_with("\r\n\r\nhello\n"));
        // A file that is larger than all buffers on the way, and a client that does not read.
        let site = serve(&["--stall-timeout", "200ms"]);
        fs::File::create(site._dir.path().join("large"))
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        let mut stalled = client(site.at);
        stalled
            .write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        // The server closes it, which is seen without reading by what is written.
        while stalled.write_all(b"\r\n").is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
}

#[test]
fn one_address_does_not_take_all_places() {
    within(|| {
        let site = serve(&["--max-per-address", "2"]);
        let served = |stream: &mut TcpStream| {
            let _ = stream.write_all(GET.as_bytes());
            matches!(stream.read(&mut [0; 4096]), Ok(bytes) if bytes > 0)
        };
        let (mut first, mut second) = (client(site.at), client(site.at));
        assert!(served(&mut first) && served(&mut second));
        assert!(!served(&mut client(site.at)));
        drop(first);
        while !served(&mut client(site.at)) {}
    });
}

/// What curl gets while others are slow; it has a second.
fn curl(site: &Served) -> Option<String> {
    let url = format!("http://{}/a.txt", site.at);
    let curl = peers::curl()?;
    let output = Program::start(curl, ["-sS", "--max-time", "1", &url]).finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    Some(output.stdout_text())
}

#[test]
fn slow_clients_leave_the_service_available() {
    deadline(Duration::from_secs(60), || {
        for mode in ["-H", "-B", "-X"] {
            let site = serve(&[]);
            fs::write(site._dir.path().join("large"), vec![b'x'; 5_000_000]).unwrap();
            let url = match mode {
                "-X" => format!("http://{}/large", site.at),
                _ => format!("http://{}/a.txt", site.at),
            };
            let flags = [
                mode, "-c", "300", "-r", "300", "-i", "1", "-l", "4", "-p", "1", "-u",
            ];
            let Some(mut slow) = peers::slowhttptest(flags.iter().copied().chain([&*url])) else {
                return;
            };
            let mut asked = 0;
            while slow.is_running() {
                match curl(&site) {
                    Some(heard) => assert_eq!(heard, "hello\n"),
                    None => return,
                }
                asked += 1;
            }
            let said = peers::without_colours(&slow.finish().stdout_text());
            assert!(asked > 2);
            assert!(!said.contains("service available:   NO"), "{mode}: {said}");
            assert!(said.contains("service available:   YES"), "{mode}: {said}");
        }
    });
}

#[test]
fn four_thousand_heads_that_never_end_leave_the_service_available() {
    deadline(Duration::from_secs(30), || {
        let site = serve(&[]);
        let halves: Vec<TcpStream> = (0..4000)
            .map(|_| {
                let mut half = client(site.at);
                half.write_all(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nA: ")
                    .unwrap();
                half
            })
            .collect();
        let began = std::time::Instant::now();
        assert!(site.ask(GET).ends_with("\r\n\r\nhello\n"));
        assert!(began.elapsed() < Duration::from_secs(1));
        drop(halves);
    });
}

/// Processor time of a process so far, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}

#[test]
fn a_server_out_of_descriptors_rests_and_recovers() {
    within(|| {
        let dir = temporary_dir();
        fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
        let script = format!(
            "ulimit -n 64; exec {SOCKEYE} serve {} --port 0",
            dir.path().display()
        );
        let server = Program::start("bash", ["-c", &script]);
        let at = address(&server);
        let mut clients: Vec<TcpStream> = (0..200).map(|_| client(at)).collect();
        let open = || {
            fs::read_dir(format!("/proc/{}/fd", server.pid()))
                .unwrap()
                .count()
        };
        while open() < 64 {
            std::thread::yield_now();
        }
        // The last one is not let in; meanwhile the server does not spin.
        let last = clients.last_mut().unwrap();
        last.write_all(GET.as_bytes()).unwrap();
        last.set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let before = ticks(server.pid());
        assert!(last.read(&mut [0; 1]).is_err());
        let took = ticks(server.pid()) - before;
        assert!(took < 25, "{took} hundredths of half a second");
        clients.truncate(0);
        assert!(ask(client(at), GET).ends_with("\r\n\r\nhello\n"));
    });
}
