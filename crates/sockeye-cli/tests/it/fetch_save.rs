//! What `fetch` saves: under which name, on from where it broke, and whole in the end, however often it is killed.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sockeye_testkit::{LIMIT, Output, Program, Web, pattern, peers, temporary_dir};
use tempfile::TempDir;

use super::{SOCKEYE, sockeye};

/// A server of one file that stops in the middle of it, after as many bytes as it is told.
struct Doling {
    addr: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    /// How many bytes may still go.
    budget: u64,
    /// Connections of earlier runs get nothing more.
    run: u64,
    /// Somebody waits for more.
    is_dry: bool,
    content: Arc<Vec<u8>>,
    tag: String,
}

impl Doling {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let state = State {
            budget: 0,
            run: 0,
            is_dry: false,
            content: Arc::default(),
            tag: String::new(),
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Self { addr, state }
    }

    fn url(&self) -> String {
        format!("http://{}/x", self.addr)
    }

    fn content(&self, content: Vec<u8>, tag: &str) {
        let mut state = self.state.0.lock().unwrap();
        state.content = Arc::new(content);
        state.tag = format!("\"{tag}\"");
    }

    /// From now on so many bytes may go, to new connections only.
    fn allow(&self, budget: u64) {
        let mut state = self.state.0.lock().unwrap();
        (state.budget, state.is_dry) = (budget, false);
        state.run += 1;
        self.state.1.notify_all();
    }

    /// Wait until they went, or the program has ended.
    fn wait_dry(&self, program: &mut Program) -> bool {
        let began = Instant::now();
        let mut state = self.state.0.lock().unwrap();
        while !state.is_dry {
            if !program.is_running() {
                return false;
            }
            assert!(began.elapsed() < LIMIT, "the server is not asked");
            state = self
                .state
                .1
                .wait_timeout(state, Duration::from_millis(5))
                .unwrap()
                .0;
        }
        true
    }
}

fn serve(mut stream: TcpStream, shared: &(Mutex<State>, Condvar)) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let run = shared.0.lock().unwrap().run;
    loop {
        let (mut range, mut line) = (None, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("range: bytes=") {
                let (first, last) = value.trim().split_once('-').unwrap();
                range = Some((first.parse::<usize>().unwrap(), last.parse::<usize>().ok()));
            }
        }
        let (content, tag) = {
            let state = shared.0.lock().unwrap();
            (state.content.clone(), state.tag.clone())
        };
        let (first, last) = range.unwrap_or((0, None));
        let last = last.unwrap_or(content.len() - 1).min(content.len() - 1);
        let status = match range {
            Some(_) => format!(
                "206 Part\r\nContent-Range: bytes {first}-{last}/{}",
                content.len()
            ),
            None => "200 OK".to_owned(),
        };
        let length = last + 1 - first;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nETag: {tag}\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\n\r\n"
        )?;
        for piece in content[first..=last].chunks(1000) {
            let mut state = shared.0.lock().unwrap();
            while state.budget < piece.len() as u64 && state.run == run {
                state.is_dry = true;
                shared.1.notify_all();
                state = shared.1.wait(state).unwrap();
            }
            if state.run != run {
                return Ok(());
            }
            state.budget -= piece.len() as u64;
            drop(state);
            stream.write_all(piece)?;
        }
    }
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn start(dir: &Path, args: &[&str]) -> Program {
    let dir = dir.to_str().unwrap();
    sockeye(["fetch", "-P", dir].iter().chain(args))
}

fn saved(dir: &Path, args: &[&str]) -> Output {
    start(dir, args).finish()
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (it ^ (it >> 31)) % end
    }
}

/// Wait until the sidecar says that something is there.
fn wait_said(dir: &TempDir) {
    let began = Instant::now();
    let sidecar = dir.path().join("x.part.json");
    while began.elapsed() < Duration::from_secs(2) {
        if std::fs::read_to_string(&sidecar).is_ok_and(|it| it.contains("[[")) {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn fifty_downloads_that_are_killed_again_and_again_end_whole() {
    let server = Doling::new();
    let url = server.url();
    let mut resumed = 0;
    for number in 0..50_u64 {
        let mut seeded = Seeded(number);
        let length = 50_000 + seeded.below(400_000);
        let content = pattern(number, length as usize);
        server.content(content.clone(), &number.to_string());
        let dir = temporary_dir();
        let segments = ["off", "3"][(number % 2) as usize];
        let args = [&*url, "--segments", segments];
        for kill in 0..2 {
            server.allow(seeded.below(length * 2 / 3));
            let mut program = start(dir.path(), &args);
            if server.wait_dry(&mut program) && kill == 0 {
                wait_said(&dir);
            }
            // SIGKILL, wherever it is.
            drop(program);
        }
        if names(&dir) == ["x"] {
            std::fs::remove_file(dir.path().join("x")).unwrap();
        }
        server.allow(u64::MAX);
        let output = saved(dir.path(), &args);
        assert_eq!(
            output.code,
            Some(0),
            "seed {number}: {}",
            output.stderr_text()
        );
        assert!(
            std::fs::read(dir.path().join("x")).unwrap() == content,
            "seed {number}"
        );
        assert_eq!(names(&dir), ["x"], "seed {number}");
        resumed += u32::from(
            output
                .stderr_text()
                .contains("are there, fetching the rest"),
        );
    }
    assert!(resumed > 25, "only {resumed} were gone on with");
}

#[test]
fn an_interrupted_download_keeps_what_came_and_leaves_with_130() {
    let server = Doling::new();
    server.content(pattern(1, 300_000), "one");
    server.allow(200_000);
    let (dir, reports) = (temporary_dir(), temporary_dir());
    let har = reports.path().join("it.har");
    let mut program = start(dir.path(), &[&server.url(), "--har", har.to_str().unwrap()]);
    assert!(server.wait_dry(&mut program));
    wait_said(&dir);
    program.interrupt();
    assert_eq!(program.wait().code, Some(130));
    let har = std::fs::read_to_string(har).unwrap();
    assert!(har.contains("it went on when the command ended"), "{har}");
    assert_eq!(names(&dir), ["x.part", "x.part.json"]);
    server.allow(u64::MAX);
    let output = saved(dir.path(), &[&server.url()]);
    assert!(
        output
            .stderr_text()
            .contains("are there, fetching the rest"),
        "{}",
        output.stderr_text()
    );
    assert!(std::fs::read(dir.path().join("x")).unwrap() == pattern(1, 300_000));
    assert_eq!(names(&dir), ["x"]);
}

fn answer(status: &str, lines: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{lines}\r\n{body}",
        body.len()
    )
    .into()
}

#[test]
fn names_are_the_servers_the_urls_or_ours() {
    let web = Web::new(|asked| match asked.target() {
        "/named" => answer(
            "200 OK",
            "Content-Disposition: attachment; filename=\"../n.txt\"\r\n",
            "named",
        ),
        _ => answer("200 OK", "", asked.target()),
    });
    let dir = temporary_dir();
    let output = saved(
        dir.path(),
        &[&web.url("/named"), &web.url("/d/u%20rl"), &web.url("/")],
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    assert_eq!(names(&dir), ["index.html", "n.txt", "u rl"]);
    assert!(
        output.stderr_text().contains("3 files, "),
        "{}",
        output.stderr_text()
    );
    assert_eq!(output.stdout_text(), "");
    let output = saved(
        dir.path(),
        &[&web.url("/a"), &web.url("/b"), "-o", "one", "-o", "-"],
    );
    assert_eq!(output.stdout_text(), "/b");
    assert_eq!(std::fs::read(dir.path().join("one")).unwrap(), b"/a");
    let output = saved(dir.path(), &[&web.url("/a"), "-o", "one", "--no-clobber"]);
    assert!(
        output.stderr_text().contains("is there already"),
        "{}",
        output.stderr_text()
    );
    let output = saved(dir.path(), &[&web.url("/a"), "-o", "sub/one"]);
    assert_eq!(output.code, Some(8), "{}", output.stderr_text());
    assert!(
        output.stderr_text().contains("--create-dirs"),
        "{}",
        output.stderr_text()
    );
    let output = saved(
        dir.path(),
        &[&web.url("/a"), "-o", "sub/one", "--create-dirs", "-q"],
    );
    assert_eq!(
        (output.code, output.stderr_text()),
        (Some(0), String::new())
    );
    let output = saved(dir.path(), &[&web.url("/a"), "-o", "a", "-o", "b"]);
    assert_eq!(output.code, Some(2));
}

#[test]
fn what_fails_has_its_exit_code_and_leaves_no_file() {
    let web = Web::new(|asked| match asked.target() {
        "/short" => {
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nfour".to_vec()
        }
        "/no" => answer("404 Not Found", "", "<h1>no</h1>"),
        _ => answer("200 OK", "", "hello"),
    });
    let dir = temporary_dir();
    let output = saved(dir.path(), &[&web.url("/no"), &web.url("/yes")]);
    assert_eq!(output.code, Some(1), "{}", output.stderr_text());
    assert!(
        output
            .stderr_text()
            .contains("the server answers 404 Not Found"),
        "{}",
        output.stderr_text()
    );
    assert_eq!(names(&dir), ["yes"]);
    let sum = format!("md5:{}", "0".repeat(32));
    let output = saved(dir.path(), &[&web.url("/sum"), "--checksum", &sum]);
    assert_eq!(output.code, Some(7), "{}", output.stderr_text());
    assert_eq!(names(&dir), ["sum.part", "yes"]);
    let sums = dir.path().join("SUMS");
    std::fs::write(&sums, "5d41402abc4b2a76b9719d911017c592  good\n").unwrap();
    let listed = format!("@{}", sums.display());
    let output = saved(
        dir.path(),
        &[
            &web.url("/good"),
            "--checksum",
            &listed,
            "--checksum",
            "sha1",
        ],
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    let shown = "\nsha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    assert!(
        output.stderr_text().contains(shown),
        "{}",
        output.stderr_text()
    );
    let output = sockeye(["fetch", "-o", "/dev/full", &web.url("/")]).finish();
    assert_eq!(output.code, Some(8), "{}", output.stderr_text());
    assert!(
        output
            .stderr_text()
            .contains("cannot write to /dev/full: the disk is full"),
        "{}",
        output.stderr_text()
    );
    let output = sockeye(["fetch", "-P", "/proc", &web.url("/x")]).finish();
    assert_eq!(output.code, Some(8), "{}", output.stderr_text());
    assert!(
        output.stderr_text().contains("cannot open /proc/x"),
        "{}",
        output.stderr_text()
    );
}

#[test]
fn a_full_disk_is_named_and_what_came_is_kept() {
    if !peers::may_unshare() {
        return;
    }
    let web = Web::new(|asked| {
        let body = "x".repeat(2 << 20);
        match asked.target() {
            "/long" => answer("200 OK", "", &body),
            _ => [
                b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(),
                body.as_bytes(),
            ]
            .concat(),
        }
    });
    let script = "mount -t tmpfs -o size=1m none /mnt && cd /mnt && for path in long endless; do \
                  \"$S\" fetch -O \"$1/$path\"; echo \"$?\"; ls; done";
    let mut command = std::process::Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(web.url(""))
        .env("S", SOCKEYE);
    let output = Program::start_command(command).finish();
    let said = output.stderr_text();
    // Of a known length it shows before anything is written.
    assert_eq!(
        output.stdout_text(),
        "8\n8\nendless.part\nendless.part.json\n",
        "{said}"
    );
    for name in ["long.part", "endless.part"] {
        assert!(
            said.contains(&format!("cannot write to {name}: the disk is full")),
            "{said}"
        );
    }
}

#[test]
fn events_are_json() {
    let web = Web::new(|asked| match asked.target() {
        "/no" => answer("404 Not Found", "", ""),
        _ => answer("200 OK", "", "hello"),
    });
    let dir = temporary_dir();
    let output = saved(
        dir.path(),
        &[
            "--json",
            &web.url("/x"),
            &web.url("/no"),
            "--checksum",
            "md5",
        ],
    );
    let events = crate::fetch_reports::lines(&output);
    let of = |download: u64| -> Vec<&str> {
        let mine = events.iter().filter(|it| it["download"] == download);
        mine.map(|it| it["type"].as_str().unwrap()).collect()
    };
    for (place, kind) in [
        (0, "started"),
        (1, "segment-opened"),
        (2, "segment-closed"),
        (3, "progress"),
        (4, "saved"),
    ] {
        assert_eq!(of(1).get(place), Some(&kind), "{events:?}");
    }
    assert_eq!(of(2), ["failed"]);
    let saved = events.iter().find(|it| it["type"] == "saved").unwrap();
    assert_eq!(saved["url"], web.url("/x"));
    assert_eq!(
        (&saved["length"], &saved["received"], &saved["skipped"]),
        (&5.into(), &5.into(), &false.into())
    );
    assert_eq!(
        saved["checksums"][0],
        "md5:5d41402abc4b2a76b9719d911017c592"
    );
    let failed = events.iter().find(|it| it["type"] == "failed").unwrap();
    assert_eq!(failed["status"], 404);
    let total = events.iter().find(|it| it["type"] == "total").unwrap();
    assert_eq!((&total["files"], &total["bytes"]), (&1.into(), &5.into()));
}

#[test]
fn files_of_nginx_and_caddy_come_whole_in_one_piece_and_in_several() {
    let content = pattern(3, 3 << 20);
    let mut urls = Vec::new();
    let nginx = peers::Nginx::start();
    if let Some(nginx) = &nginx {
        nginx.put("big.bin", &content);
        urls.push(format!("http://{}/big.bin", nginx.http()));
    }
    let caddy = peers::Caddy::start();
    if let Some(caddy) = &caddy {
        caddy.put("big.bin", &content);
        urls.push(format!("http://{}/big.bin", caddy.http()));
    }
    for url in &urls {
        for segments in ["off", "4"] {
            let dir = temporary_dir();
            let output = saved(dir.path(), &[url, "--segments", segments, "-v"]);
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            assert!(
                std::fs::read(dir.path().join("big.bin")).unwrap() == content,
                "{url}"
            );
            // What another program began: its start is compared, the rest comes.
            std::fs::write(dir.path().join("big.bin"), &content[..1 << 20]).unwrap();
            let output = saved(dir.path(), &[url, "-C", "-o", "big.bin"]);
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            assert!(
                output.stderr_text().contains("(2097152 of them new)"),
                "{}",
                output.stderr_text()
            );
            assert!(
                std::fs::read(dir.path().join("big.bin")).unwrap() == content,
                "{url}"
            );
        }
    }
}
