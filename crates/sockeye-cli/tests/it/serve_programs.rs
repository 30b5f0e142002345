//! `sockeye serve` with programs.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use sockeye_testkit::peers::python3;
use sockeye_testkit::{Output, Program, temporary_dir, within};

use crate::serving::{SOCKEYE, ask, client};

fn put(dir: &Path, name: &str, text: &str, mode: u32) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// `sockeye serve` on any port with these flags, in this folder.
fn serve(dir: &Path, flags: &[&str]) -> Program {
    let mut command = Command::new(SOCKEYE);
    command
        .current_dir(dir)
        .args(["serve", "--port", "0"])
        .args(flags);
    Program::start_command(command)
}

/// Where it serves, by its first line.
fn at(server: &Program) -> SocketAddr {
    let text = String::from_utf8(server.stdout_until("\n")).unwrap();
    let (_, url) = text.split_once("http://").unwrap();
    url.split('/').next().unwrap().parse().unwrap()
}

fn refused(dir: &Path, flags: &[&str]) -> String {
    let output: Output = serve(dir, flags).finish();
    assert_eq!(output.code, Some(2), "{output:?}");
    output.stderr_text()
}

/// The answer to a GET: its status line and its body.
fn got(server: &Program, target: &str) -> (String, String) {
    let answer = ask(
        client(at(server)),
        &format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n"),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    (status.replace("HTTP/1.1 ", ""), body.to_owned())
}

fn good(body: &str) -> (String, String) {
    ("200 OK".into(), body.into())
}

#[test]
fn programs_beside_files() {
    within(|| {
        let dir = temporary_dir();
        put(dir.path(), "page", "a page", 0o644);
        put(
            dir.path(),
            "cgi-bin/say",
            "#!/bin/sh\necho warned >&2\nprintf 'Content-Type: text/plain\\n\\n%s|%s' \"$GIVEN\" \"$PATH_TRANSLATED\"\n",
            0o755,
        );
        put(
            dir.path(),
            "cgi-bin/to",
            "#!/bin/sh\nprintf 'Location: /page\\n\\n'\n",
            0o755,
        );
        put(
            dir.path(),
            "a.cgi",
            "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nby its name'\n",
            0o755,
        );
        let server = serve(
            dir.path(),
            &[
                "--cgi",
                "/cgi-bin=./cgi-bin",
                "--cgi-ext",
                ".cgi",
                "--env",
                "GIVEN=yes",
                "--exec",
                "/words=printf 'a b'",
                "--shell",
                "/shell=echo $((6 * 7))",
                "--exec-type",
                "text/x",
            ],
        );
        assert_eq!(got(&server, "/page"), good("a page"));
        let root = dir.path().canonicalize().unwrap();
        assert_eq!(
            got(&server, "/cgi-bin/say/x"),
            good(&format!("yes|{}/x", root.display()))
        );
        assert_eq!(got(&server, "/cgi-bin/to"), good("a page"));
        assert_eq!(got(&server, "/a.cgi"), good("by its name"));
        assert_eq!(got(&server, "/words"), good("a b"));
        assert_eq!(got(&server, "/shell"), good("42\n"));
        // The text of a program is not to be had, however it is asked for.
        for target in [
            "//cgi-bin/say",
            "/cgi-bin%2fsay",
            "/x/..%2fcgi-bin/say",
            "/./cgi-bin/./say",
        ] {
            assert!(!got(&server, target).1.contains("#!/bin/sh"), "{target}");
        }
        let line = server.stderr_until("warned\n");
        let line = String::from_utf8(line).unwrap();
        assert!(line.contains("/cgi-bin/say["), "{line}");
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn remarks_as_events() {
    within(|| {
        let dir = temporary_dir();
        put(dir.path(), "cgi-bin/bad", "#!/bin/sh\nexit 7\n", 0o755);
        let server = serve(dir.path(), &["--json", "--cgi", "/cgi-bin=cgi-bin"]);
        assert_eq!(got(&server, "/cgi-bin/bad").0, "502 Bad Gateway");
        let text = String::from_utf8(server.stdout_until("status 7")).unwrap();
        let line = text.lines().last().unwrap();
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let root = dir.path().canonicalize().unwrap();
        let wanted = serde_json::json!({
            "type": "program",
            "program": root.join("cgi-bin/bad"),
            "pid": event["pid"],
            "about": "failed",
            "text": "it ended with status 7",
        });
        assert_eq!(event, wanted);
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn the_text_of_programs_is_nothing_for_clients() {
    within(|| {
        let dir = temporary_dir();
        put(dir.path(), "bin/a", "#!/bin/sh\necho secret\n", 0o755);
        put(dir.path(), "b.cgi", "secret", 0o644);
        put(dir.path(), "page", "a page", 0o644);
        let server = serve(dir.path(), &["--cgi", "/run=bin", "--cgi-ext", ".cgi"]);
        assert_eq!(got(&server, "/bin/a").0, "404 Not Found");
        assert_eq!(got(&server, "/b.cgi").0, "403 Forbidden");
        let listing = got(&server, "/").1;
        assert!(
            listing.contains("page") && !listing.contains("b.cgi"),
            "{listing}"
        );
        for archive in ["/?archive=tar", "/bin/?archive=tar"] {
            assert!(!got(&server, archive).1.contains("secret"), "{archive}");
        }
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
    });
}

#[test]
fn what_would_be_ignored_is_refused() {
    within(|| {
        let dir = temporary_dir();
        put(dir.path(), "bin/a", "#!/bin/sh\n", 0o755);
        for folder in ["bin/up", "up"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        put(dir.path(), "text", "", 0o644);
        let error = refused(dir.path(), &[".", "--exec", "/=date"]);
        assert!(error.contains("a program has the whole site"), "{error}");
        for flags in [
            &["--upload", "--cgi", "/bin=bin"][..],
            &["--upload=/bin/up", "--cgi", "/bin=bin"],
            &["--upload=/up", "--cgi-ext", ".cgi"],
            &["--upload", "--wsgi", "/shop=shop:app"],
        ] {
            let error = refused(dir.path(), flags);
            assert!(
                error.contains("could become programs"),
                "{flags:?}: {error}"
            );
        }
        let error = refused(dir.path(), &["--exec-type", "text/plain"]);
        assert!(error.contains("there is none"), "{error}");
        for (flags, why) in [
            (["--cgi", "cgi-bin"], "it is a path, =, and what is there"),
            (["--cgi-ext", "cgi"], "an ending begins with a dot"),
            (
                ["--env", "SOCKEYE_NO_SUCH_VARIABLE"],
                "there is no variable",
            ),
            (["--exec", "/a=/nonexistent/b"], "there is no program"),
            (["--workers", "2"], "--wsgi"),
        ] {
            let output = serve(dir.path(), &flags).finish();
            assert!(output.stderr_text().contains(why), "{flags:?}: {output:?}");
            assert_ne!(output.code, Some(0));
        }
        let output = serve(dir.path(), &["--cgi", "/x=text"]).finish();
        assert!(
            output.stderr_text().contains("`text` may not be executed"),
            "{output:?}"
        );
    });
}

#[test]
fn an_application_and_its_workers() {
    within(|| {
        let Some(_) = python3() else { return };
        let dir = temporary_dir();
        let app = "import os\n\
            def app(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
            return [('%s %s' % (os.getpid(), environ['SCRIPT_NAME'])).encode()]\n";
        put(dir.path(), "code/shop.py", app, 0o644);
        put(dir.path(), "page", "a page", 0o644);
        let server = serve(
            dir.path(),
            &[
                "--wsgi",
                "/shop=shop:app",
                "--workers",
                "1",
                "--chdir",
                "code",
            ],
        );
        let (status, body) = got(&server, "/shop/x");
        assert_eq!(status, "200 OK");
        let (pid, script) = body.split_once(' ').unwrap();
        assert_eq!(script, "/shop");
        assert_eq!(got(&server, "/page"), good("a page"));
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "the worker outlived its server"
        );
        let output = serve(dir.path(), &["--wsgi", "absent"]).finish();
        let text = output.stderr_text();
        assert!(
            text.contains("ModuleNotFoundError: No module named 'absent'"),
            "{text}"
        );
        assert!(
            text.contains("the application `absent` does not start"),
            "{text}"
        );
        assert_ne!(output.code, Some(0));
    });
}
