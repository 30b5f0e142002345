//! Programs of others that look at a server and end: load, slow clients, TLS, git, and what they think of an answer.
//!
//! Each is `None` after a visible note where it is missing. One that runs longer than [`LIMIT`](crate::LIMIT) is waited for with
//! [`Program::wait_at_most`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{python_with, want};
use crate::Program;

macro_rules! runs {
    ($($(#[$doc:meta])+ $name:ident $($always:literal)*;)+) => {$(
        $(#[$doc])+
        ///
        /// # Panics
        ///
        /// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set, or does not start.
        #[must_use]
        #[track_caller]
        pub fn $name<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Option<Program> {
            let mut command = Command::new(want(stringify!($name), &[stringify!($name)])?);
            let always: &[&str] = &[$($always),*];
            command.args(always).args(args);
            Some(Program::start_command(command))
        }
    )+};
}

runs! {
    /// Load over HTTP/2, or HTTP/1.1 with `--h1`. It ends well whatever it met: look for `10 succeeded, 0 failed` in what it wrote.
    h2load;
    /// A client of HTTP/2 that shows every frame with `-v`. It trusts every certificate, and ends well where nothing was got.
    nghttp;
    /// Slow clients: `-H` sends headers slowly, `-B` bodies, `-X` reads slowly; `-c` connections for `-l` seconds. It ends well
    /// whatever it met, and always writes in colours: see [`without_colours`].
    slowhttptest;
    /// What a server offers of TLS, without colours.
    sslscan "--no-colour";
}

/// git in this directory, with nobody's settings, a name to commit with, and no questions.
///
/// # Panics
///
/// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set, or does not start.
#[must_use]
#[track_caller]
pub fn git<A: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = A>) -> Option<Program> {
    let mut command = Command::new(want("git", &["git"])?);
    command.args(args).current_dir(dir);
    // Those of a hook that runs the tests, such as GIT_DIR, would lead to another repository.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Somebody"),
        ("GIT_AUTHOR_EMAIL", "somebody@example.org"),
        ("GIT_COMMITTER_NAME", "Somebody"),
        ("GIT_COMMITTER_EMAIL", "somebody@example.org"),
    ] {
        command.env(name, value);
    }
    Some(Program::start_command(command))
}

/// The CGI program that serves repositories.
///
/// # Panics
///
/// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set.
#[must_use]
pub fn git_http_backend() -> Option<PathBuf> {
    let folder = Program::start(want("git", &["git"])?, ["--exec-path"]).finish();
    let path = Path::new(folder.stdout_text().trim()).join("git-http-backend");
    want("git-http-backend", &[path.to_str()?])
}

/// What httplint has to object to in an answer to a request of this method, as it came over HTTP/1: `WARN …` and `BAD …`. An
/// answer that is cut short or none at all is `BAD`.
///
/// # Panics
///
/// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set, or fails.
#[must_use]
#[track_caller]
pub fn httplint(method: &str, response: impl AsRef<[u8]>) -> Option<Vec<String>> {
    let python = python_with(&["httplint"])?;
    let mut program = Program::start(python, ["-c", HTTPLINT, method]);
    program.write(response);
    let output = program.finish();
    assert!(output.code == Some(0), "{output:?}");
    Some(output.stdout_text().lines().map(str::to_owned).collect())
}

/// The first answer that is not 1xx is looked at, as if it had come just now.
const HTTPLINT: &str = r#"
import sys, time
from argparse import Namespace
from httplint.cli.http_parser import HttpCliParser, modes, terminal_safe
class Parser(HttpCliParser):
    ended = False
    def input_start(self, *args):
        body, final = super().input_start(*args)
        if sys.argv[1] == "HEAD":
            self.linter.no_content, body = True, False
        return body, final
    def input_end(self, trailers):
        self.linter.finish_content(True, trailers)
        for note in self.linter.notes:
            for note in [note, *note.subnotes]:
                if note.level.name in ("WARN", "BAD"):
                    print(note.level.name, terminal_safe(note.summary))
        self.ended = True
        self._input_state = self.end_state
    def input_error(self, err, close=True):
        print("BAD", terminal_safe(f"{err.desc}: {err.detail}"))
        self.failed = True
from thor.http.common import States
Parser.end_state = States.ERROR
parser = Parser(Namespace(mode=modes.RESPONSE), time.time())
try:
    parser.handle_input(sys.stdin.buffer.read())
except ValueError:
    if not parser.failed:
        raise
if not parser.ended and not parser.failed:
    print("BAD The answer is cut short.")
"#;

/// The cases of Autobahn's conformance suite, as kosoku runs them, that the server at this `ws://` URL fails; it has to echo all
/// messages. `cases` are names such as `1.1.1` and patterns such as `9.*`, `but` those of them to leave out.
///
/// All but `9.*` (much at once), `12.*` and `13.*` (compressed) take 3 seconds, `9.*` as many, `12.*` and `13.*` more than a minute
/// with a server in Python. A failed case is its name, the verdicts on messages and on the close, and why.
///
/// # Panics
///
/// If it is missing while `SOCKEYE_REQUIRE_PEERS=1` is set, takes longer than `limit`, or has no such case.
#[must_use]
#[track_caller]
pub fn kosoku(url: &str, cases: &[&str], but: &[&str], limit: Duration) -> Option<Vec<String>> {
    let python = python_with(&["kosoku"])?;
    let (cases, but) = (cases.join(" "), but.join(" "));
    let mut program = Program::start(python, ["-c", KOSOKU, url, &cases, &but]);
    program.close_stdin();
    let output = program.wait_at_most(limit);
    assert!(output.code == Some(0), "{output:?}");
    Some(output.stdout_text().lines().map(str::to_owned).collect())
}

const KOSOKU: &str = r#"
import asyncio, os, sys
from kosoku import FailureError, run_fuzzingclient
url, cases, but = sys.argv[1:]
async def main():
    try:
        await run_fuzzingclient(url, cases.split() or None, but.split() or None, concurrency=8)
    except FailureError as failure:
        for case in failure.results:
            if not case.passed:
                why = " ".join(f"{case.result} {case.result_close}".split())
                print(f"{case.case_id} {case.behavior.value}, {case.behavior_close.value}: {why}")
asyncio.run(main())
# Its threads are not over yet, and now and then they abort an interpreter that tidies up.
sys.stdout.flush()
os._exit(0)
"#;

/// A text without the escape sequences of a terminal.
#[must_use]
pub fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        out + end.map_or("", |end| &part[end + 1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Nginx;

    #[test]
    fn h2load_and_nghttp_speak_http_2_with_nginx() {
        let Some(nginx) = Nginx::start() else {
            return;
        };
        nginx.put("a.txt", "hello\n");
        let url = format!("https://{}/a.txt", nginx.h2());
        if let Some(load) = h2load(["-n", "20", "-c", "2", "-m", "5", &url]) {
            let text = load.finish().stdout_text();
            assert!(text.contains("20 succeeded, 0 failed"), "{text}");
            assert!(text.contains("Application protocol: h2\n"), "{text}");
        }
        if let Some(client) = nghttp(["-v", &url]) {
            let text = without_colours(&client.finish().stdout_text());
            assert!(text.contains(":status: 200"), "{text}");
            assert!(text.contains("hello\n"), "{text}");
        }
    }

    #[test]
    fn slowhttptest_tells_how_its_connections_ended() {
        let Some(nginx) = Nginx::with("client_header_timeout 1s;") else {
            return;
        };
        let url = format!("http://{}/", nginx.http());
        let args = [
            "-H", "-c", "3", "-r", "10", "-i", "5", "-l", "8", "-u", &url,
        ];
        let Some(slow) = slowhttptest(args) else {
            return;
        };
        let text = without_colours(&slow.finish().stdout_text());
        assert!(text.contains("No open connections left"), "{text}");
    }

    #[test]
    fn sslscan_tells_what_is_offered() {
        let Some(nginx) = Nginx::with("ssl_protocols TLSv1.3;") else {
            return;
        };
        if let Some(scan) = sslscan([nginx.https().to_string()]) {
            let text = scan.finish().stdout_text();
            assert!(text.contains("TLSv1.3   enabled"), "{text}");
            assert!(text.contains("TLSv1.2   disabled"), "{text}");
        }
    }

    #[test]
    fn git_commits_and_clones_with_nobodys_settings() {
        let dir = crate::temporary_dir();
        let run = |args: &[&str]| {
            let output = git(dir.path(), args)?.finish();
            assert!(output.code == Some(0), "{}", output.stderr_text());
            Some(output.stdout_text())
        };
        let Some(_) = run(&["init", "-q", "-b", "main", "one"]) else {
            return;
        };
        run(&["-C", "one", "commit", "-q", "--allow-empty", "-m", "first"]);
        run(&["clone", "-q", "one", "two"]);
        let log = run(&["-C", "two", "log", "--format=%an %s"]).unwrap();
        assert_eq!(log, "Somebody first\n");
        assert!(git_http_backend().is_some());
    }

    #[test]
    fn httplint_objects_to_bad_answers_only() {
        let good = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-cache\r\n\
            ETag: \"a\"\r\nContent-Length: 2\r\n\r\n";
        let Some(notes) = httplint("GET", format!("{good}hi")) else {
            return;
        };
        let dateless = ["WARN This response doesn't have a Date header."];
        assert_eq!(notes, dateless);
        assert_eq!(httplint("HEAD", good).unwrap(), dateless);
        let notes = httplint("GET", good).unwrap();
        assert_eq!(notes, ["BAD The answer is cut short."]);
        let notes = httplint("GET", "SSH-2.0-x\r\n\r\n").unwrap();
        assert!(
            notes.iter().any(|note| note.starts_with("BAD ")),
            "{notes:?}"
        );
        let bad = good.replace("text/plain", "text plain");
        let notes = httplint("GET", bad + "hi").unwrap();
        assert!(
            notes.iter().any(|note| note.contains("Content-Type")),
            "{notes:?}"
        );
    }

    #[test]
    fn kosoku_names_the_cases_that_fail() {
        let limit = crate::LIMIT;
        let Some(python) = python_with(&["websockets"]) else {
            return;
        };
        let server = Program::start(python, ["-u", "-c", ECHO]);
        let port = String::from_utf8(server.stdout_until("\n")).unwrap();
        let url = format!("ws://127.0.0.1:{}/any/where", port.trim());
        let Some(failed) = kosoku(&url, &["1.1.*", "7.1.5"], &["1.1.8"], limit) else {
            return;
        };
        // This server acknowledges a close in the midst of a message as if that were an error.
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(
            failed[0].starts_with("7.1.5 FAILED, WRONG CODE: "),
            "{failed:?}"
        );
        let failed = kosoku(&url.replace("ws:", "http:"), &["1.1.*"], &[], limit).unwrap();
        assert_eq!(failed, [""; 0]);
        drop(server);
        let failed = kosoku(&url, &["1.1.1"], &[], limit).unwrap();
        assert!(
            failed[0].starts_with("1.1.1 ERROR, FAILED: connect: "),
            "{failed:?}"
        );
    }

    const ECHO: &str = r#"
import asyncio, websockets
async def echo(ws):
    async for message in ws:
        await ws.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1])
        await asyncio.Future()
asyncio.run(main())
"#;

    #[test]
    fn colours_are_taken_away() {
        assert_eq!(without_colours("\x1b[1;36ma\x1b[0m b\x1b[H\x1b[2J"), "a b");
    }
}
