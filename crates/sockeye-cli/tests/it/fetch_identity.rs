//! `fetch`: who we are, where that is kept, and who gets to hear of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use sockeye_testkit::{Asked, Output, Program, Web, peers, temporary_dir, within};

use crate::SOCKEYE;
use crate::terminal::Screen;

const ME: &str = "Basic bWU6czNjcmV0";

fn ok(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\nok").into()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into()
}

/// `sockeye fetch` with a home of its own and these variables.
fn fetch_at<A: AsRef<OsStr>>(
    home: &Path,
    args: impl IntoIterator<Item = A>,
    variables: &[(&str, &str)],
) -> Output {
    let mut command = Command::new(SOCKEYE);
    command.arg("fetch").args(args).env("HOME", home);
    command
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("NETRC")
        .envs(variables.iter().copied());
    Program::start_command(command).finish()
}

fn fetch<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    let home = temporary_dir();
    fetch_at(home.path(), args, &[])
}

#[track_caller]
fn done(output: &Output) {
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
}

/// What the last request had in this header.
fn last(web: &Web, name: &str) -> String {
    let asked = web.asked().pop().unwrap();
    asked.header(name).unwrap_or("-").to_owned()
}

#[test]
fn a_user_is_typed_read_from_a_file_or_taken_from_the_environment() {
    within(|| {
        let web = Web::new(|_| ok(""));
        let home = temporary_dir();
        let file = home.path().join("pw");
        fs::write(&file, "me:s3cret\n").unwrap();
        let file = format!("@{}", file.display());
        let url = web.url("/");
        for (args, sent) in [
            (vec!["-u", "me:s3cret"], ME),
            (vec!["-u", &file], ME),
            (vec!["-u", "env:WHO"], ME),
            (vec!["--basic", "-u", "me:"], "Basic bWU6"),
            (vec!["--bearer", "t0ken"], "Bearer t0ken"),
            (vec!["--bearer", "env:TOKEN"], "Bearer from-env"),
            (vec!["--digest", "-u", "me:s3cret"], "-"),
            (vec!["--any-auth", "-u", "me:s3cret"], "-"),
        ] {
            let words = args.iter().copied().chain([&*url]);
            done(&fetch_at(
                home.path(),
                words,
                &[("WHO", "me:s3cret"), ("TOKEN", "from-env")],
            ));
            assert_eq!(last(&web, "authorization"), sent, "{args:?}");
        }
        let asked = web.asked().len();
        for (args, why) in [
            (vec!["-u", "env:NOBODY"], "NOBODY"),
            (vec!["-u", "@/nowhere/at/all"], "/nowhere/at/all"),
            (vec!["--bearer", "a\r\nX: b"], "control character"),
        ] {
            let output = fetch_at(home.path(), args.iter().copied().chain([&*url]), &[]);
            assert_ne!(output.code, Some(0));
            assert!(
                output.stderr_text().contains(why),
                "{}",
                output.stderr_text()
            );
        }
        assert_eq!(web.asked().len(), asked, "nothing was sent");
    });
}

#[test]
fn what_is_typed_on_the_command_line_is_warned_of_once_and_only_when_asked() {
    within(|| {
        let web = Web::new(|_| ok(""));
        let url = web.url("/");
        let said = |args: &[&str]| {
            let output = fetch(args.iter().copied().chain([&*url, &*url]));
            done(&output);
            let text = output.stderr_text();
            assert!(!text.contains("s3cret"), "{text}");
            text.matches("list of processes").count()
        };
        assert_eq!(said(&["-u", "me:s3cret"]), 0);
        assert_eq!(said(&["-v", "-u", "me:s3cret"]), 1);
        let url = url.replace("http://", "http://me:s3cret@");
        let output = fetch(["-v", &*url]);
        assert!(
            !output.stderr_text().contains("s3cret"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_missing_password_is_asked_for_at_the_terminal_and_not_shown() {
    within(|| {
        let web = Web::new(|_| ok(""));
        let screen = Screen::start(&["fetch", "-u", "me", &web.url("/")]);
        screen.until("password of \"me\"", ": ");
        screen.keys("s3cret\r");
        let shown = screen.until("password", "ok");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert_eq!(last(&web, "authorization"), ME);

        let setsid = Path::new("/usr/bin/setsid");
        if setsid.exists() {
            let output =
                Program::start(setsid, ["-w", SOCKEYE, "fetch", "-u", "me", &web.url("/")])
                    .finish();
            assert_eq!(output.code, Some(2), "{}", output.stderr_text());
            assert!(
                output.stderr_text().contains("no terminal"),
                "{}",
                output.stderr_text()
            );
        }
        assert_eq!(web.asked().len(), 1);
    });
}

#[test]
fn what_was_typed_for_one_origin_stays_there() {
    within(|| {
        let there = Web::new(|_| ok(""));
        let to = there.url("/x");
        let here = Web::new(move |_| redirect(&to));
        let home = temporary_dir();
        let netrc = home.path().join(".netrc");
        fs::write(&netrc, "machine 127.0.0.1 login me password s3cret\n").unwrap();
        let url = here.url("/");
        let with_user = url.replace("http://", "http://me:s3cret@");
        let all: &[&[&str]] = &[
            &["-u", "me:s3cret", &url],
            &[&with_user],
            &["--bearer", "s3cret", &url],
            &["-b", "id=s3cret", &url],
            &["-n", &url],
        ];
        for args in all {
            done(&fetch_at(home.path(), args.iter().copied(), &[]));
            let (first, second) = (here.asked().pop().unwrap(), there.asked().pop().unwrap());
            let tells = |asked: &Asked| {
                asked
                    .header("authorization")
                    .or(asked.header("cookie"))
                    .is_some()
            };
            assert!(tells(&first), "{args:?}\n{}", first.head);
            assert!(!tells(&second), "{args:?}\n{}", second.head);
            assert!(
                !second.head.contains("s3cret") && !second.head.contains("referer"),
                "{}",
                second.head
            );
            assert!(!first.line.contains('@') && !first.header("host").unwrap().contains('@'));
        }
        assert_eq!(there.asked().len(), all.len());
    });
}

#[test]
fn a_netrc_is_read_if_that_was_asked_for() {
    within(|| {
        let web = Web::new(|_| ok(""));
        let home = temporary_dir();
        let url = web.url("/");
        let sent = |args: &[&str], variables: &[(&str, &str)]| {
            done(&fetch_at(
                home.path(),
                args.iter().copied().chain([&*url]),
                variables,
            ));
            last(&web, "authorization")
        };
        assert_eq!(sent(&["-n"], &[]), "-", "a file that is not there");
        fs::write(
            home.path().join(".netrc"),
            "default login me password s3cret",
        )
        .unwrap();
        assert_eq!(sent(&[], &[]), "-");
        assert_eq!(sent(&["-n"], &[]), ME);
        let other = home.path().join("other");
        fs::write(&other, "machine 127.0.0.1 login you password \"p w\"").unwrap();
        let other = other.to_str().unwrap();
        assert_eq!(sent(&["-n"], &[("NETRC", other)]), "Basic eW91OnAgdw==");
        assert_eq!(sent(&["--netrc-file", other], &[]), "Basic eW91OnAgdw==");
        assert_eq!(sent(&["-n", "-u", "a:b"], &[]), "Basic YTpi");

        fs::write(other, "machine a\nlogin me password s3cret\0").unwrap();
        let output = fetch_at(home.path(), ["--netrc-file", other, &url], &[]);
        assert_eq!(output.code, Some(2));
        let text = output.stderr_text();
        assert!(
            text.contains("line 2") && text.contains(other) && !text.contains("s3cret"),
            "{text}"
        );
    });
}

#[test]
fn cookies_are_kept_in_a_file_that_curl_reads_and_writes_too() {
    within(|| {
        let Some(curl) = peers::curl() else { return };
        let web = Web::new(|asked| match asked.target() {
            "/set" => ok(
                "Set-Cookie: id=7; Path=/; HttpOnly\r\nSet-Cookie: kept=8; Max-Age=3600\r\nSet-Cookie: no=1; Domain=com\r\n",
            ),
            _ => ok(""),
        });
        let home = temporary_dir();
        let (ours, theirs) = (home.path().join("ours"), home.path().join("theirs"));
        let (ours, theirs) = (ours.to_str().unwrap(), theirs.to_str().unwrap());
        let (set, get) = (web.url("/set"), web.url("/"));
        done(&fetch(["-c", ours, &set, &get]));
        assert_eq!(last(&web, "cookie"), "id=7; kept=8");
        assert_eq!(
            fs::metadata(ours).unwrap().permissions().mode() & 0o777,
            0o600
        );
        done(&fetch(["-b", ours, "-b", "id=9; more=1", &get]));
        assert_eq!(last(&web, "cookie"), "kept=8; id=9; more=1");
        done(&fetch(["-c", ours, "-j", &get]));
        assert_eq!(last(&web, "cookie"), "kept=8");
        done(&fetch(["-c", ours, &set]));

        let run = |args: &[&str]| {
            done(&Program::start(&curl, args.iter().chain(&["-sS", "-o", "/dev/null"])).finish())
        };
        run(&["-b", ours, &get]);
        let sent = last(&web, "cookie");
        assert!(sent.contains("id=7") && sent.contains("kept=8"), "{sent}");
        run(&["-c", theirs, &set]);
        done(&fetch(["-b", theirs, &get]));
        let sent = last(&web, "cookie");
        assert!(sent.contains("id=7") && sent.contains("kept=8"), "{sent}");

        let broken = format!("nonsense\n{}", fs::read_to_string(theirs).unwrap());
        fs::write(theirs, broken).unwrap();
        let output = fetch(["-b", theirs, &get]);
        done(&output);
        assert!(
            output.stderr_text().contains("line 1: "),
            "{}",
            output.stderr_text()
        );
        assert!(last(&web, "cookie").contains("id=7"));
        let output = fetch(["-b", "nowhere", &get]);
        assert_eq!(output.code, Some(2));
        let output = fetch(["-c", "-", &set]);
        assert!(
            output
                .stdout_text()
                .contains("#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tid\t7\n"),
            "{}",
            output.stdout_text()
        );
    });
}

#[test]
fn cookies_live_for_the_run_unless_they_are_not_wanted() {
    within(|| {
        let web = Web::new(|asked| {
            match asked.target() {
            "/login" => b"HTTP/1.1 303 See Other\r\nSet-Cookie: id=7\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => ok(""),
        }
        });
        done(&fetch([web.url("/login")]));
        assert_eq!(last(&web, "cookie"), "id=7");
        done(&fetch([web.url("/")]));
        assert_eq!(last(&web, "cookie"), "-");
        done(&fetch(["--no-cookies", &web.url("/login")]));
        assert_eq!(last(&web, "cookie"), "-");
    });
}

#[test]
fn a_session_keeps_cookies_user_and_header_lines_for_their_origin() {
    within(|| {
        let web = Web::new(|_| ok("Set-Cookie: id=7\r\n"));
        let other = Web::new(|_| ok(""));
        let home = temporary_dir();
        let url = web.url("/");
        done(&fetch_at(
            home.path(),
            ["--session", "work", "-u", "me:s3cret", &url],
            &[],
        ));
        let file = home.path().join(".config/sockeye/sessions/work.json");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        done(&fetch_at(home.path(), ["--session", "work", &url], &[]));
        assert_eq!(
            (last(&web, "authorization"), last(&web, "cookie")),
            (ME.to_owned(), "id=7".to_owned())
        );
        // Cookies know no ports (RFC 6265bis section 8.5); everything else does.
        done(&fetch_at(
            home.path(),
            ["--session", "work", &other.url("/")],
            &[],
        ));
        assert_eq!(last(&other, "authorization"), "-");

        let before = fs::read(&file).unwrap();
        done(&fetch_at(
            home.path(),
            ["--session-read-only", "work", "-u", "a:b", &url],
            &[],
        ));
        assert_eq!(last(&web, "authorization"), "Basic YTpi");
        assert_eq!(fs::read(&file).unwrap(), before);

        let config = home.path().join("cfg");
        let variables = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
        done(&fetch_at(
            home.path(),
            ["--session", "work", &url],
            &variables,
        ));
        assert_eq!(last(&web, "authorization"), "-");
        assert!(config.join("sockeye/sessions/work.json").exists());

        let asked = web.asked().len();
        for name in ["..", ".hidden", "", "-x", "a b", "a\nb"] {
            let output = fetch_at(home.path(), [&*format!("--session={name}"), &*url], &[]);
            assert_eq!(output.code, Some(2), "{name:?}: {}", output.stderr_text());
        }
        assert_eq!(web.asked().len(), asked);
        let path = home.path().join("here.json");
        done(&fetch_at(
            home.path(),
            ["--session", path.to_str().unwrap(), &url],
            &[],
        ));
        assert!(path.exists());
        fs::write(&path, "{}").unwrap();
        let output = fetch_at(
            home.path(),
            ["--session", path.to_str().unwrap(), &url],
            &[],
        );
        assert_eq!(output.code, Some(2), "{}", output.stderr_text());
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    });
}

#[test]
fn a_host_that_wants_tls_is_remembered_in_curls_file() {
    within(|| {
        let (Some(nginx), Some(curl)) = (
            peers::Nginx::with(
                "location /hsts { add_header Strict-Transport-Security 'max-age=600'; return 200 ok; }",
            ),
            peers::curl(),
        ) else {
            return;
        };
        let home = temporary_dir();
        let (file, ca) = (home.path().join("hsts"), nginx.ca());
        let (file, ca) = (file.to_str().unwrap(), ca.to_str().unwrap());
        let port = nginx.https().port();
        let (https, http) = (
            format!("https://localhost:{port}/hsts"),
            format!("http://localhost:{port}/hsts"),
        );
        let plain = fetch(["--ca", ca, &http]);
        assert_eq!(plain.code, Some(1), "it speaks TLS only");
        // Whoever is believed whatever it shows says nothing of the host.
        done(&fetch(["-k", "--hsts", file, &https]));
        assert!(!fs::read_to_string(file).unwrap().contains("localhost"));
        // In one run the second URL knows what the first one heard.
        let output = fetch(["--ca", ca, "--hsts", file, &https, &http]);
        done(&output);
        assert_eq!(output.stdout_text(), "okok");
        done(&fetch(["--ca", ca, "--hsts", file, &http]));
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.lines().any(|line| line.starts_with("localhost \"20")),
            "{text}"
        );
        let output = Program::start(&curl, ["-sS", "--cacert", ca, "--hsts", file, &http]).finish();
        assert_eq!(output.stdout_text(), "ok", "{}", output.stderr_text());
        // By address there is nothing to remember.
        done(&fetch([
            "--ca",
            ca,
            "--hsts",
            file,
            &format!("https://127.0.0.1:{port}/hsts"),
        ]));
        assert!(!fs::read_to_string(file).unwrap().contains("127.0.0.1"));
    });
}

#[test]
fn httpbin_takes_our_digest_and_curls_alike() {
    within(|| {
        let (Some(httpbin), Some(curl)) = (peers::HttpBin::shared(), peers::curl()) else {
            return;
        };
        for path in [
            "/digest-auth/auth/me/s3cret/MD5",
            "/digest-auth/auth/me/s3cret/SHA-256",
            "/digest-auth/auth-int/me/s3cret/MD5",
        ] {
            let url = httpbin.url(path);
            let ours = fetch(["--digest", "-u", "me:s3cret", &url]);
            done(&ours);
            assert!(
                ours.stdout_text().contains("\"authenticated\": true"),
                "{}",
                ours.stdout_text()
            );
            if !path.contains("auth-int") {
                let theirs =
                    Program::start(&curl, ["-sS", "--digest", "-u", "me:s3cret", &url]).finish();
                assert_eq!(ours.stdout_text(), theirs.stdout_text());
            }
            let wrong = fetch(["--digest", "-u", "me:wrong", &url]);
            assert_eq!(wrong.code, Some(1), "{}", wrong.stderr_text());
        }
    });
}

#[test]
fn a_token_is_fetched_first_and_goes_to_the_servers_of_the_urls_alone() {
    within(|| {
        let there = Web::new(|_| ok(""));
        let to = there.url("/x");
        let here = Web::new(move |asked| match asked.target() {
            "/token" if asked.header("authorization") == Some(ME) => {
                let text = "{\"access_token\": \"t0ken\"}";
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                )
                .into()
            }
            "/token" => {
                b"HTTP/1.1 401 No\r\nContent-Length: 27\r\n\r\n{\"error\": \"invalid_client\"}"
                    .to_vec()
            }
            _ => redirect(&to),
        });
        let (token, url) = (here.url("/token"), here.url("/"));
        done(&fetch([
            "--oauth2-token-url",
            &token,
            "--oauth2-client",
            "me:s3cret",
            &url,
            &url,
        ]));
        let asked = here.asked();
        assert_eq!(asked.len(), 3);
        assert_eq!(asked[1].header("authorization"), Some("Bearer t0ken"));
        assert_eq!(last(&there, "authorization"), "-");
        let output = fetch([
            "--oauth2-token-url",
            &token,
            "--oauth2-client",
            "me:wrong",
            &url,
        ]);
        assert_eq!(output.code, Some(7));
        let text = output.stderr_text();
        assert!(
            text.contains("invalid_client") && !text.contains("wrong"),
            "{text}"
        );
    });
}

#[test]
fn the_curl_line_waits_until_it_is_asked_as_we_do() {
    within(|| {
        let line = |args: &[&str]| {
            let url = "http://127.0.0.1:9/";
            let output = fetch(args.iter().copied().chain(["--curl", url]));
            done(&output);
            output.stdout_text()
        };
        let digest = line(&["--digest", "-u", "me:s3cret"]);
        assert!(
            digest.contains("--digest --user ") && digest.contains("me:***"),
            "{digest}"
        );
        assert!(!digest.contains("s3cret"), "{digest}");
        let any = line(&["--any-auth", "-u", "me:s3cret", "--show-secrets"]);
        assert!(any.contains("--anyauth --user me:s3cret"), "{any}");
        let basic = line(&["-u", "me:s3cret"]);
        assert!(
            basic.contains("Authorization") && !basic.contains("--user"),
            "{basic}"
        );
    });
}
