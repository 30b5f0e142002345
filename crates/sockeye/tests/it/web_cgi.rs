//! CGI programs, and commands that answer.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use sockeye::web::programs::{ByExtension, Cgi, Exec, Mounts, Redirects, Scripts};
use sockeye::web::{Request, Response, Shared, TestClient};
use sockeye_testkit::peers::{self, python3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::web_programs::{Folder, Heard, Site, gone, run, soon};

/// The programs of a folder at `/cgi-bin`.
fn mounted(folder: &Folder, heard: &Heard) -> Mounts {
    let scripts = Scripts::new(folder.path()).unwrap();
    let site = async |_: Request| Response::error(404, "the site");
    Mounts::new(site).at("/cgi-bin", Cgi::new(scripts, &heard.setup()))
}

fn client(folder: &Folder, heard: &Heard) -> TestClient {
    TestClient::new(mounted(folder, heard))
}

/// Status, media type and text of the answer to a GET.
async fn got(client: &mut TestClient, target: &str) -> (u16, String, String) {
    let answer = soon(client.get(target)).await;
    let kind = answer.header("content-type").unwrap_or("none").to_owned();
    (answer.status(), kind, answer.text().into_owned())
}

#[tokio::test]
async fn a_program_is_told_of_its_request_and_of_nothing_else() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder.sh(
        "sub/show",
        "printf 'Content-Type: text/plain\\n\\n'; pwd; env | sort",
    );
    let scripts = Scripts::new(folder.path()).unwrap();
    let setup = heard
        .setup()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("GIVEN", "yes");
    let cgi = Cgi::new(scripts, &setup).root("/served");
    let site = async |_: Request| "";
    let site = Site::start(Mounts::new(site).at("/cgi-bin", cgi)).await;
    let answer = site
        .ask(
            "GET /cgi-bin/sub/show/a%20b/c?d=%65&f HTTP/1.1\r\nHost: example.org:8080\r\nProxy: http://evil/\r\n\
             X-One: 1\r\nX_One: 2\r\nAuthorization: Basic eA==\r\nCookie: a=b\r\nConnection: close\r\n\r\n",
        )
        .await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let root = folder.path().canonicalize().unwrap();
    let root = root.display();
    let port = site.at.rsplit_once(':').unwrap().1;
    // The port of the client, and what a locale or a zone of the machine adds, differ.
    let mut told: String = body
        .split("\r\n")
        .filter(|line| line.contains('\n'))
        .flat_map(str::lines)
        .filter(|line| {
            ![
                "LANG=",
                "LC_",
                "TZ=",
                "REMOTE_PORT=",
                "_=",
                "SHLVL=",
                "OLDPWD=",
            ]
            .iter()
            .any(|it| line.starts_with(it))
        })
        .fold(String::new(), |mut all, line| {
            writeln!(all, "{line}").unwrap();
            all
        });
    told = told.replace(
        concat!("sockeye/", env!("CARGO_PKG_VERSION")),
        "sockeye/VERSION",
    );
    let wanted = format!(
        "{root}/sub\nDOCUMENT_ROOT=/served\nGATEWAY_INTERFACE=CGI/1.1\nGIVEN=yes\nHTTP_COOKIE=a=b\n\
         HTTP_HOST=example.org:8080\nHTTP_X_ONE=1\nPATH=/usr/bin:/bin\nPATH_INFO=/a b/c\n\
         PATH_TRANSLATED=/served/a b/c\nPWD={root}/sub\nQUERY_STRING=d=%65&f\nREMOTE_ADDR=127.0.0.1\n\
         REMOTE_HOST=127.0.0.1\nREQUEST_METHOD=GET\nREQUEST_SCHEME=http\n\
         REQUEST_URI=/cgi-bin/sub/show/a%20b/c?d=%65&f\nSCRIPT_FILENAME={root}/sub/show\n\
         SCRIPT_NAME=/cgi-bin/sub/show\nSERVER_NAME=example.org\nSERVER_PORT={port}\nSERVER_PROTOCOL=HTTP/1.1\n\
         SERVER_SOFTWARE=sockeye/VERSION\n"
    );
    assert_eq!(told, wanted);
    site.end().await;
}

#[tokio::test]
async fn what_programs_may_answer() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh("plain", "printf 'Content-Type: text/x\\r\\n\\r\\nhello'")
        .sh(
            "status",
            "printf 'Status: 418 Teapot\\nContent-Type: text/x\\n\\nshort'",
        )
        .sh("empty", "printf 'Status: 404\\n\\n'")
        .sh("away", "printf 'Location: http://elsewhere.example/\\n\\n'")
        .sh("host", "printf 'Location: //elsewhere.example/\\n\\n'")
        .sh("moved", "printf 'Status: 301\\nLocation: /there\\n\\n'")
        .sh(
            "cut",
            "printf 'Content-Type: text/x\\nContent-Length: 3\\n\\nabcdef'",
        );
    let mut client = client(&folder, &heard);
    let text = |status, text: &str| (status, "text/x".to_owned(), text.to_owned());
    assert_eq!(got(&mut client, "/cgi-bin/plain").await, text(200, "hello"));
    assert_eq!(
        got(&mut client, "/cgi-bin/status").await,
        text(418, "short")
    );
    assert_eq!(got(&mut client, "/cgi-bin/cut").await, text(200, "abc"));
    let none = |status| (status, "none".to_owned(), String::new());
    assert_eq!(got(&mut client, "/cgi-bin/empty").await, none(404));
    for (name, status, location) in [
        ("away", 302, "http://elsewhere.example/"),
        ("host", 302, "//elsewhere.example/"),
        ("moved", 301, "/there"),
    ] {
        let answer = soon(client.get(&format!("/cgi-bin/{name}"))).await;
        assert_eq!(
            (answer.status(), answer.header("location")),
            (status, Some(location))
        );
    }
    assert!(heard.all().is_empty(), "{:?}", heard.all());
}

#[tokio::test]
async fn what_is_no_answer_is_502_and_told_why() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh(
            "whole",
            "printf 'HTTP/1.1 200 OK\\nContent-Type: a/b\\n\\n'",
        )
        .sh("untyped", "printf 'X: y\\n\\nbody'")
        .sh("bodied", "printf 'Status: 200\\n\\nbody'")
        .sh("chatty", "echo 'Hello, world'; echo")
        .sh("silent", "exit 0")
        .sh("failing", "printf 'to \\033the log\\n' >&2; exit 3")
        .sh("killed", "kill -9 $$")
        .sh("endless", "yes 'X-A: b'");
    let mut client = client(&folder, &heard);
    for (name, why) in [
        (
            "whole",
            "it writes a whole answer of HTTP, status line included, not that of a CGI program",
        ),
        (
            "untyped",
            "it says neither Content-Type nor Status nor Location (RFC 3875 section 6.2)",
        ),
        ("bodied", "its answer has a body without a Content-Type"),
        ("chatty", "`Hello, world` is no header line"),
        (
            "silent",
            "its output ends before the empty line that ends the header lines",
        ),
        ("failing", "it ended with status 3"),
        ("killed", "it ended with SIGKILL"),
        ("endless", "its header lines are too many or too long"),
    ] {
        let (status, _, body) = got(&mut client, &format!("/cgi-bin/{name}")).await;
        assert_eq!(status, 502, "{name}");
        // What went wrong is nothing for clients.
        assert!(
            ["the program gave no answer\n", "the program failed\n"].contains(&&*body),
            "{body}"
        );
        heard.until(&format!("{name}: {why}")).await;
    }
    heard.until(r"failing: to \x1bthe log").await;
}

#[tokio::test]
async fn what_is_no_program_for_clients() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .put("text", "secret", 0o644)
        .sh("ok", "printf 'Content-Type: a/b\\n\\n%s' \"$PATH_INFO\"");
    std::os::unix::fs::symlink("/bin/true", folder.path().join("out")).unwrap();
    let mut client = client(&folder, &heard);
    for (target, status) in [
        ("/cgi-bin/text", 403),
        ("/cgi-bin/absent", 404),
        ("/cgi-bin/out", 404),
        ("/cgi-bin/", 404),
        ("/cgi-bin", 404),
        ("/cgi-bin/../ok", 404),
        ("/cgi-bin%2fok", 400),
        ("/cgi-bin/ok/a%00b", 400),
        ("/cgi-bin/ok/../x", 400),
        ("/cgi-bin/ok/%2e%2e/x", 400),
    ] {
        assert_eq!(got(&mut client, target).await.0, status, "{target}");
    }
    assert_eq!(got(&mut client, "//%63gi-bin/./ok//a/%62").await.2, "//a/b");
}

#[tokio::test]
async fn local_redirects_are_followed_and_not_for_ever() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh(
            "to",
            "printf 'Location: /page?from=%s\\n\\n' \"$REQUEST_METHOD\"",
        )
        .sh("round", "printf 'Location: /cgi-bin/round\\n\\n'");
    let redirects = Redirects::new();
    let cgi = Cgi::new(Scripts::new(folder.path()).unwrap(), &heard.setup()).redirects(&redirects);
    let page = async |request: Request| {
        let length = request
            .headers()
            .get_str("content-length")
            .unwrap_or("none");
        format!(
            "{} {} {:?} {length}",
            request.method(),
            request.path(),
            request.query()
        )
    };
    let site = Shared::new(Mounts::new(page).at("/cgi-bin", cgi));
    redirects.set(&site);
    let mut client = TestClient::new(site);
    let answer = soon(client.post("/cgi-bin/to", "body")).await;
    assert_eq!(answer.text(), "GET /page Some(\"from=POST\") none");
    let (status, _, text) = got(&mut client, "/cgi-bin/round").await;
    assert_eq!(
        (status, &*text),
        (502, "programs send this request round in a circle\n")
    );
}

#[tokio::test]
async fn a_program_that_dies_in_the_middle_breaks_its_answer_off() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh("crash", "printf 'Content-Type: a/b\\n\\nhalf'; exit 1")
        .sh(
            "short",
            "printf 'Content-Type: a/b\\nContent-Length: 9\\n\\nhalf'",
        );
    let site = Site::start(mounted(&folder, &heard)).await;
    for (name, why) in [
        ("crash", "it ended with status 1; its answer is broken off"),
        ("short", "its output ends 5 bytes before its Content-Length"),
    ] {
        let answer = site
            .ask(format!("GET /cgi-bin/{name} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        // No last chunk, no clean end.
        assert!(
            !answer.ends_with("0\r\n\r\n") && !answer.contains("200 OK\r\nContent-Length: 4"),
            "{answer}"
        );
        heard.until(&format!("{name}: {why}")).await;
    }
    site.end().await;
}

#[tokio::test]
async fn bodies_come_through_whatever_their_framing() {
    let (folder, heard) = (Folder::new(), Heard::default());
    // One write is one chunk.
    folder.sh(
        "count",
        "set -- $(wc -c); printf 'Content-Type: a/b\\n\\n%s %s' \"${CONTENT_LENGTH-unset}\" \"$1\"",
    );
    let site = Site::start(mounted(&folder, &heard)).await;
    let said = |answer: String| {
        let words: Vec<&str> = answer
            .split("\r\n\r\n")
            .nth(1)
            .unwrap()
            .split_ascii_whitespace()
            .collect();
        words.join(" ")
    };
    let head = "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let sized = format!("POST /cgi-bin/count {head}Content-Length: 5\r\n\r\nhello");
    assert!(said(site.ask(sized).await).contains("5 5"));
    let chunked = format!(
        "POST /cgi-bin/count {head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    );
    assert!(said(site.ask(chunked).await).contains("unset 5"));
    let none = format!("GET /cgi-bin/count {head}\r\n");
    assert!(said(site.ask(none).await).contains("unset 0"));
    site.end().await;
}

#[tokio::test]
async fn a_large_body_streams_and_one_that_nobody_reads_blocks_nobody() {
    const SIZE: usize = 100 << 20;
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh("count", "printf 'Content-Type: a/b\\n\\n'; wc -c")
        .sh("deaf", "printf 'Content-Type: a/b\\n\\nI do not listen'");
    let scripts = Scripts::new(folder.path()).unwrap();
    let site = Site::start(Cgi::new(scripts, &heard.setup())).await;
    let peak = peak_memory();
    let stream = TcpStream::connect(&site.at).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let head = format!(
        "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n"
    );
    let sending = tokio::spawn(async move {
        write.write_all(head.as_bytes()).await.unwrap();
        let block = vec![b'a'; 1 << 20];
        for _ in 0..SIZE >> 20 {
            write.write_all(&block).await.unwrap();
        }
        write
    });
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(60), read.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.contains(&SIZE.to_string()), "{answer}");
    drop(sending.await.unwrap());
    let grown = peak_memory() - peak;
    assert!(grown < 30_000, "{grown} KiB more for a body of 100 MiB");

    let mut deaf = TcpStream::connect(&site.at).await.unwrap();
    deaf.write_all(b"POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 4000];
    let mut heard = String::new();
    soon(async {
        while !heard.contains("I do not listen") {
            let read = deaf.read(&mut answer).await.unwrap();
            assert!(read > 0, "{heard}");
            heard.push_str(&String::from_utf8_lossy(&answer[..read]));
        }
    })
    .await;
    site.end().await;
}

/// The most memory that this process had so far, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_program_ends_with_its_client() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder.sh(
        "endless",
        "printf 'Content-Type: a/b\\n\\n%s\\n' $$; (while :; do echo a; done) & wait",
    );
    let site = Site::start(mounted(&folder, &heard)).await;
    let mut stream = TcpStream::connect(&site.at).await.unwrap();
    stream
        .write_all(b"GET /cgi-bin/endless HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut heard = String::new();
    let pid = soon(async {
        loop {
            let mut buffer = [0; 400];
            let read = stream.read(&mut buffer).await.unwrap();
            heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
            let body = heard.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            if let Some((pid, _)) = body.split_once('\n') {
                return pid.to_owned();
            }
        }
    })
    .await;
    drop(stream);
    gone(&pid).await;
    // What it started is in its group, and gone too.
    soon(async {
        while nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(-pid.parse::<i32>().unwrap()),
            None,
        )
        .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    site.end().await;
}

#[tokio::test]
async fn a_silent_program_is_ended_in_time() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh("mute", "trap '' TERM; echo $$ >&2; sleep 100")
        .sh(
            "midway",
            "printf 'Content-Type: a/b\\n\\nhalf'; exec tail -f /dev/null",
        );
    let setup = heard
        .setup()
        .limits(|limits| limits.silence = Duration::from_millis(300));
    let cgi = Cgi::new(Scripts::new(folder.path()).unwrap(), &setup);
    let mut client = TestClient::new(cgi);
    let (status, _, text) = got(&mut client, "/mute").await;
    assert_eq!((status, &*text), (504, "the program took too long\n"));
    heard.until("mute: it was silent for 300ms").await;
    let pid = heard.all()[0].replace("mute: ", "");
    gone(&pid).await;
    let answer = soon(client.get("/midway")).await;
    assert!(answer.fault().is_some());
    heard
        .until("midway: it was silent for 300ms; its answer is broken off")
        .await;
}

#[tokio::test]
async fn what_a_program_may_use_is_bounded() {
    let (folder, heard) = (Folder::new(), Heard::default());
    // The limits take effect a moment after the start.
    let once = |what: &str| format!("while [ \"$({what})\" = unlimited ]; do :; done");
    let lines = format!(
        "{}; {}; printf 'Content-Type: a/b\\n\\n%s %s' \"$(ulimit -v)\" \"$(ulimit -t)\"",
        once("ulimit -v"),
        once("ulimit -t")
    );
    folder.sh("limits", &lines);
    let setup = heard.setup().limits(|limits| {
        limits.memory = Some(512 << 20);
        limits.cpu = Some(Duration::from_secs(7));
    });
    let mut client = TestClient::new(Cgi::new(Scripts::new(folder.path()).unwrap(), &setup));
    assert_eq!(
        got(&mut client, "/limits").await.2,
        format!("{} 7", 512 << 10)
    );
}

#[tokio::test]
async fn programs_wait_for_their_turn_and_not_without_end() {
    let (folder, heard) = (Folder::new(), Heard::default());
    let gate = folder.path().join("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    folder.sh(
        "wait",
        "echo in >&2; read line < gate; printf 'Content-Type: a/b\\n\\n%s' \"$line\"",
    );
    let setup = heard
        .setup()
        .limits(|limits| (limits.at_once, limits.queue) = (1, 1));
    let cgi = Shared::new(Cgi::new(Scripts::new(folder.path()).unwrap(), &setup));
    let ask = || {
        let mut client = TestClient::new(cgi.clone());
        tokio::spawn(async move { got(&mut client, "/wait").await })
    };
    let first = ask();
    heard.until("wait: in").await;
    let second = ask();
    // The second is in the queue when the third comes: both are on this thread.
    tokio::task::yield_now().await;
    let (status, _, text) = soon(ask()).await.unwrap();
    assert_eq!((status, &*text), (503, "too many programs run at once\n"));
    let open = move |line: &'static str| {
        let gate = gate.clone();
        tokio::task::spawn_blocking(move || std::fs::write(gate, line).unwrap())
    };
    soon(open("one\n")).await.unwrap();
    assert_eq!(soon(first).await.unwrap().2, "one");
    soon(open("two\n")).await.unwrap();
    assert_eq!(soon(second).await.unwrap().2, "two");
}

#[tokio::test]
async fn programs_among_files_are_never_shown() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .sh(
            "a.cgi",
            "printf 'Content-Type: a/b\\n\\nran%s' \"$PATH_INFO\"",
        )
        .put("b.cgi", "secret", 0o644)
        .put("c.txt", "text", 0o755);
    let cgi = Cgi::new(Scripts::new(folder.path()).unwrap(), &heard.setup());
    let files = async |_: Request| "a file";
    let mut client = TestClient::new(ByExtension::new(cgi, [".cgi"], files));
    for (target, status, text) in [
        ("/a.cgi", 200, "ran"),
        ("//./a.cgi/x", 200, "ran/x"),
        ("/%61.cgi", 200, "ran"),
        ("/b.cgi", 403, "the program may not be executed\n"),
        ("/c.txt", 200, "a file"),
    ] {
        let (found, _, said) = got(&mut client, target).await;
        assert_eq!((found, &*said), (status, text), "{target}");
    }
}

#[tokio::test]
async fn commands_answer_with_their_output() {
    let heard = Heard::default();
    let setup = heard.setup();
    let shell = |line: &str| Exec::shell(line, &setup);
    let site = Mounts::new(async |_: Request| Response::error(404, "nothing"))
        .at("/count", Exec::new("wc -c".parse().unwrap(), &setup))
        .at(
            "/path",
            shell("printf '%s|%s' \"$SCRIPT_NAME\" \"$PATH_INFO\""),
        )
        .at("/bytes", shell("printf 'a\\0b'"))
        .at("/json", shell("echo {}").media_type("application/json"))
        .at("/nothing", shell(":"))
        .at("/fails", shell("echo 'no luck' >&2; exit 4"))
        .at(
            "/absent",
            Exec::new("/nonexistent/program".parse().unwrap(), &setup),
        )
        .at("/breaks", shell("echo half; exit 5"));
    let mut client = TestClient::new(site);
    let text = |text: &str| (200, "text/plain; charset=utf-8".to_owned(), text.to_owned());
    let counted = soon(client.post("/count", "hello")).await;
    assert_eq!(counted.text().trim(), "5");
    assert_eq!(
        got(&mut client, "/path/a/$(b)").await,
        text("/path|/a/$(b)")
    );
    assert_eq!(
        got(&mut client, "/bytes").await.1,
        "application/octet-stream"
    );
    assert_eq!(got(&mut client, "/json").await.1, "application/json");
    assert_eq!(got(&mut client, "/nothing").await, text(""));
    assert_eq!(got(&mut client, "/fails").await.2, "the program failed\n");
    heard.until("no luck").await;
    heard.until("it ended with status 4").await;
    assert_eq!(got(&mut client, "/absent").await.0, 500);
    heard
        .until("program: there is no program `/nonexistent/program`")
        .await;
    assert!(soon(client.get("/breaks")).await.fault().is_some());
    heard
        .until("it ended with status 5; its answer is broken off")
        .await;
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let (folder, heard) = (Folder::new(), Heard::default());
    folder.sh(
        "a",
        "printf 'Content-Type: a/b\\nContent-Length: 5\\n\\nhello'; echo done >&2",
    );
    let site = Site::start(mounted(&folder, &heard)).await;
    let answer = site
        .ask("HEAD /cgi-bin/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        answer.contains("Content-Length: 5\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    heard.until("a: done").await;
    site.end().await;
}

#[tokio::test]
async fn forms_reach_a_program_in_python() {
    let (Some(python), Some(curl)) = (python3(), peers::curl()) else {
        return;
    };
    let (folder, heard) = (Folder::new(), Heard::default());
    let program = format!(
        "#!{}\nimport os, sys, urllib.parse\n\
         form = urllib.parse.parse_qs(sys.stdin.buffer.read(int(os.environ['CONTENT_LENGTH'])).decode())\n\
         print('Content-Type: text/plain')\nprint()\nprint(form['name'][0], os.environ['QUERY_STRING'])\n",
        python.display()
    );
    folder.put("form.py", &program, 0o755);
    let site = Site::start(mounted(&folder, &heard)).await;
    let mut command = Command::new(curl);
    command.args(["-sS", "--data-urlencode", "name=na\u{ef}ve & co"]);
    command.arg(site.url("/cgi-bin/form.py?q=1"));
    assert_eq!(run(command).await.stdout_text(), "na\u{ef}ve & co q=1\n");
    site.end().await;
}

#[tokio::test]
async fn git_clones_and_pushes() {
    let Some(backend) = peers::git_http_backend() else {
        return;
    };
    let (folder, heard) = (Folder::new(), Heard::default());
    let at = folder.path().to_owned();
    let setup = heard
        .setup()
        .env("GIT_PROJECT_ROOT", at.join("served"))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("HOME", &at);
    std::fs::create_dir_all(at.join("served")).unwrap();
    let git = |dir: &str, words: &[&str]| {
        let (dir, words) = (
            at.join(dir),
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        );
        async move {
            let ran = tokio::task::spawn_blocking(move || {
                // A post that is larger than this comes in chunks.
                let common = ["-c", "http.postBuffer=65536"].map(str::to_owned);
                peers::git(&dir, common.into_iter().chain(words))
                    .unwrap()
                    .finish()
            });
            ran.await.unwrap()
        }
    };
    let done = |output: sockeye_testkit::Output| {
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    };
    done(git("served", &["init", "-q", "--bare", "a.git"]).await);
    done(git("served/a.git", &["config", "http.receivepack", "true"]).await);
    let cgi = Cgi::new(Scripts::new(backend).unwrap(), &setup);
    let site = async |_: Request| Response::error(404, "nothing");
    let site = Site::start(Mounts::new(site).at("/git", cgi)).await;
    let url = site.url("/git/a.git");
    done(git("", &["clone", "-q", &url, "one"]).await);
    let large: String = (0..60_000_u32)
        .map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    folder.put("one/large", &large, 0o644);
    done(git("one", &["add", "large"]).await);
    done(git("one", &["commit", "-q", "-m", "first"]).await);
    done(git("one", &["push", "-q", "origin", "HEAD"]).await);
    done(git("", &["clone", "-q", &url, "two"]).await);
    assert_eq!(
        std::fs::read_to_string(at.join("two/large")).unwrap(),
        large
    );
    let missing = git("", &["ls-remote", &site.url("/git/b.git")]).await;
    assert_ne!(missing.code, Some(0));
    site.end().await;
}
