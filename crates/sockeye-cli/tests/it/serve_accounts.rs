//! `sockeye serve` with accounts.

use std::fs;
use std::net::SocketAddr;

use sockeye_testkit::{Program, peers, temporary_dir, within};

use crate::serving::{SOCKEYE, ask, client};

/// A folder with two files and two folders, served with these flags.
struct Site {
    dir: tempfile::TempDir,
    server: Program,
}

impl Site {
    fn new(flags: &[&str]) -> Self {
        let dir = temporary_dir();
        for folder in ["private", "up"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("a"), "public\n").unwrap();
        fs::write(dir.path().join("private/b"), "secret\n").unwrap();
        let path = dir.path().to_str().unwrap().to_owned();
        let args = ["serve", &path, "--port", "0"];
        let server = Program::start(SOCKEYE, args.iter().chain(flags));
        server.listening();
        Self { dir, server }
    }

    fn at(&self) -> SocketAddr {
        let at = self.server.host_port();
        at.trim_end_matches('/').parse().unwrap()
    }

    fn answer(&self, method: &str, path: &str, lines: &[&str]) -> String {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n"
        );
        ask(client(self.at()), &head)
    }

    fn status(&self, method: &str, path: &str, lines: &[&str]) -> u16 {
        let answer = self.answer(method, path, lines);
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
    }

    /// The status that curl gets, with these arguments.
    fn curl(&self, path: &str, args: &[&str]) -> Option<String> {
        let url = format!("http://{}{path}", self.at());
        let flags = [
            "-sS",
            "--max-time",
            "8",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &url,
        ];
        let output = Program::start(peers::curl()?, flags.iter().chain(args)).finish();
        Some(output.stdout_text() + &output.stderr_text())
    }
}

// Of ann:s3cret and bob:other.
const ANN: &str = "Authorization: Basic YW5uOnMzY3JldA==";
const BOB: &str = "Authorization: Basic Ym9iOm90aGVy";
const WRONG: &str = "Authorization: Basic YW5uOndyb25n";

#[test]
fn with_accounts_everything_needs_one() {
    within(|| {
        let site = Site::new(&["--account", "ann:s3cret", "--upload"]);
        let answer = site.answer("GET", "/a", &[]);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(
            answer.contains("\r\nWWW-Authenticate: Basic realm=\"sockeye\", charset=\"UTF-8\"\r\n"),
            "{answer}"
        );
        assert_eq!(site.status("GET", "/a", &[ANN]), 200);
        assert_eq!(site.status("PUT", "/c", &[ANN]), 201);
        assert_eq!(site.status("PUT", "/d", &[]), 401);
        for wrong in [
            WRONG,
            BOB,
            "Authorization: Basic !",
            "Authorization: Bearer x",
            "Authorization: Digest x",
        ] {
            assert_eq!(site.status("GET", "/a", &[wrong]), 401, "{wrong}");
        }
        if let Some(status) = site.curl("/a", &["-u", "ann:s3cret"]) {
            assert_eq!(status, "200");
            assert_eq!(
                site.curl("/a", &["--anyauth", "-u", "ann:s3cret"]).unwrap(),
                "200"
            );
            assert_eq!(site.curl("/a", &["-u", "ann:"]).unwrap(), "401");
        }
    });
}

#[test]
fn everyone_reads_and_users_write() {
    within(|| {
        let site = Site::new(&[
            "--upload",
            "--public-read",
            "--account",
            "ann:s3cret",
            "--account",
            "bob:other",
            "--access",
            "/private any ann",
            "--access",
            "/up write bob",
        ]);
        for (method, path, lines, status) in [
            ("GET", "/a", &[][..], 200),
            ("GET", "/private/b", &[], 401),
            ("GET", "/private/b", &[BOB], 403),
            ("GET", "/private/b", &[ANN], 200),
            ("GET", "/%70rivate/b", &[], 401),
            ("GET", "//.//private/b", &[], 401),
            ("GET", "/private/", &[], 401),
            ("GET", "/up/../private/b", &[], 400),
            ("GET", "/?archive=tar", &[], 401),
            ("GET", "/?archive=tar", &[BOB], 403),
            ("GET", "/?archive=tar", &[ANN], 200),
            ("GET", "/up/?archive=tar", &[], 200),
            ("PUT", "/c", &[], 401),
            ("PUT", "/c", &[ANN], 201),
            ("PUT", "/up/c", &[ANN], 403),
            ("PUT", "/up/c", &[BOB], 201),
            ("GET", "/a", &[WRONG], 401),
        ] {
            assert_eq!(
                site.status(method, path, lines),
                status,
                "{method} {path} {lines:?}"
            );
        }
        // A form in a folder where one may write does not reach where one may not.
        let form = "--X\r\nContent-Disposition: form-data; name=f; filename=up/d\r\n\r\nx\r\n--X--";
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\nContent-Type: multipart/form-data; boundary=X\r\n",
            form.len()
        );
        let answer = ask(client(site.at()), &format!("{head}{ANN}\r\n\r\n{form}"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(!site.dir.path().join("up/d").exists());
    });
}

#[test]
fn hashes_that_others_made_are_good() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("users");
        let mut lines = vec![
            // openssl passwd -6 -salt saltstring "Hello world!"
            "six:$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
                .to_owned(),
        ];
        let hash = |program: &str, args: &[&str]| {
            let output = Program::start(program, args).finish();
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
            output.stdout_text().trim().to_owned()
        };
        let has = |program: &str| {
            std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .any(|dir| dir.join(program).is_file())
        };
        let mut users = vec![("six", "Hello world!")];
        if has("htpasswd") {
            lines.push(hash("htpasswd", &["-nbB", "-C", "5", "bcrypt", "pä:ss"]));
            users.push(("bcrypt", "pä:ss"));
        }
        if has("openssl") {
            lines.push(format!(
                "five:{}",
                hash("openssl", &["passwd", "-5", "secret"])
            ));
            users.push(("five", "secret"));
        }
        let mut own = Program::start(SOCKEYE, ["serve", "--hash-password"]);
        own.write("correct horse\n");
        let own = own.finish();
        assert!(
            own.stdout_text()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            own.stderr_text()
        );
        lines.push(format!("argon2:{}", own.stdout_text().trim()));
        users.push(("argon2", "correct horse"));
        fs::write(&file, format!("# users\n{}\n", lines.join("\n"))).unwrap();
        let site = Site::new(&["--accounts", file.to_str().unwrap()]);
        for (user, password) in users {
            // Twice: the second time it is known.
            for _ in 0..2 {
                let Some(status) = site.curl("/a", &["-u", &format!("{user}:{password}")]) else {
                    return;
                };
                assert_eq!(status, "200", "{user}");
            }
        }
        assert_eq!(site.curl("/a", &["-u", "six:wrong"]).unwrap(), "401");
        assert_eq!(site.curl("/a", &["-u", "nobody:wrong"]).unwrap(), "401");
    });
}

#[test]
fn tokens_are_good_as_they_are_and_as_digests() {
    within(|| {
        // Of "hello".
        let digest = "ci:sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let site = Site::new(&[
            "--token",
            digest,
            "--token",
            "bot:t0ken",
            "--access",
            "/private any ci",
        ]);
        let answer = site.answer("GET", "/a", &[]);
        assert!(
            answer.contains("\r\nWWW-Authenticate: Bearer realm=\"sockeye\"\r\n"),
            "{answer}"
        );
        assert_eq!(
            site.status("GET", "/private/b", &["Authorization: Bearer hello"]),
            200
        );
        assert_eq!(
            site.status("GET", "/private/b", &["Authorization: Bearer t0ken"]),
            403
        );
        assert_eq!(
            site.status("GET", "/a", &["Authorization: bearer t0ken"]),
            200
        );
        assert_eq!(
            site.status("GET", "/a", &["Authorization: Bearer t0ke"]),
            401
        );
        if let Some(status) = site.curl("/a", &["--oauth2-bearer", "t0ken"]) {
            assert_eq!(status, "200");
        }
    });
}

#[test]
fn whoever_guesses_has_to_wait() {
    within(|| {
        let site = Site::new(&["--account", "ann:s3cret", "--max-failures", "2"]);
        assert_eq!(site.status("GET", "/a", &[ANN]), 200);
        assert_eq!(site.status("GET", "/a", &[WRONG]), 401);
        assert_eq!(site.status("GET", "/a", &[WRONG]), 401);
        let answer = site.answer("GET", "/a", &[WRONG]);
        assert!(
            answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: "),
            "{answer}"
        );
        assert_eq!(site.status("GET", "/a", &[BOB]), 429);
        assert_eq!(
            site.status("GET", "/a", &[ANN]),
            200,
            "what was good before stays so"
        );
    });
}

#[test]
fn what_is_wrong_with_accounts_is_said_without_the_secret() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("users");
        fs::write(&file, "ann:$apr1$x$hidden\n").unwrap();
        let file = file.to_str().unwrap();
        for (flags, why) in [
            (
                &["--account", "hidden"][..],
                "--account is USER:PASSWORD or USER:HASH",
            ),
            (
                &["--account", "a:$2y$hidden"],
                "a bcrypt hash that is broken or too costly",
            ),
            (
                &["--account", "a:hidden", "--account", "a:hidden"],
                "the user a is there twice",
            ),
            (
                &["--token", "hidden"],
                "--token is NAME:TOKEN or NAME:sha256:HEX",
            ),
            (
                &["--accounts", file],
                "an MD5 hash, which is too weak; `htpasswd -B` makes a good one (line 1)",
            ),
            (
                &["--public-read"],
                "--public-read without an account: nobody could write",
            ),
            (&["--access", "/a do b"], "`do` is not read, write or any"),
        ] {
            let output =
                Program::start(SOCKEYE, ["serve", "--port", "0"].iter().chain(flags)).finish();
            let said = output.stderr_text();
            assert_eq!(output.code, Some(2), "{flags:?}: {said}");
            assert!(
                said.contains(why) && !said.contains("hidden"),
                "{flags:?}: {said}"
            );
        }
        let site = Site::new(&["--account", "ann:s3cret"]);
        assert!(!String::from_utf8_lossy(&site.server.so_far().1).contains("clear"));
        let open = ["serve", "--listen", ":0", "--account", "ann:s3cret"];
        let server = Program::start(SOCKEYE, open);
        server.stderr_until(
            "passwords and tokens travel in the clear to other machines; --tls hides them",
        );
    });
}

#[test]
fn a_certificate_is_an_account() {
    within(|| {
        let (Some(curl), true) = (peers::curl(), fs::metadata("/usr/bin/openssl").is_ok()) else {
            return;
        };
        let dir = temporary_dir();
        let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let openssl = |args: &[&str]| {
            let output = Program::start("openssl", args).finish();
            assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        };
        let new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ];
        openssl(
            &[
                &new[..],
                &[
                    "-subj",
                    "/CN=the CA",
                    "-keyout",
                    &file("ca.key"),
                    "-out",
                    &file("ca.pem"),
                ],
            ]
            .concat(),
        );
        let (ca, key) = (file("ca.pem"), file("ca.key"));
        let signed = [
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        openssl(
            &[
                &new[..],
                &signed,
                &[
                    "-subj",
                    "/CN=ann",
                    "-keyout",
                    &file("ann.key"),
                    "-out",
                    &file("ann.pem"),
                ],
            ]
            .concat(),
        );
        fs::write(dir.path().join("a"), "x").unwrap();
        let listen = format!("tls://127.0.0.1:0?ca={ca}");
        let site = dir.path().to_str().unwrap();
        let server = Program::start(
            SOCKEYE,
            [
                "serve",
                site,
                "--listen",
                &listen,
                "--certificate-accounts",
                "--access",
                "/a any ann",
            ],
        );
        let at = server.host_port();
        let at = at.trim_end_matches('/').rsplit_once(':').unwrap().1;
        let status = |path: &str| {
            let url = format!("https://127.0.0.1:{at}{path}");
            let (cert, key) = (file("ann.pem"), file("ann.key"));
            let args = [
                "-sSk",
                "--max-time",
                "8",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "--cert",
                &cert,
                "--key",
                &key,
                &url,
            ];
            let output = Program::start(&curl, args).finish();
            output.stdout_text() + &output.stderr_text()
        };
        assert_eq!(status("/a"), "200");
    });
}

#[test]
fn foreign_names_and_pages_are_refused() {
    within(|| {
        let site = Site::new(&[
            "--upload",
            "--host",
            "files.example",
            "--allow-origin",
            "https://app.example",
        ]);
        let get = |host: &str| {
            let answer = ask(
                client(site.at()),
                &format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
            );
            answer.split(' ').nth(1).unwrap().to_owned()
        };
        for (host, status) in [
            ("127.0.0.1", "200"),
            ("localhost:1", "200"),
            ("files.example", "200"),
            ("evil.example", "421"),
        ] {
            assert_eq!(get(host), status, "{host}");
        }
        assert_eq!(
            site.status("PUT", "/x", &["Origin: https://evil.example"]),
            403
        );
        assert_eq!(
            site.status("PUT", "/x", &["Sec-Fetch-Site: cross-site"]),
            403
        );
        assert_eq!(
            site.status("PUT", "/x", &["Origin: https://app.example"]),
            201
        );
        assert_eq!(
            site.status("GET", "/x", &["Sec-Fetch-Site: cross-site"]),
            200
        );
    });
}
