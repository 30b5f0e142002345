//! `fetch` of ftp:// and ftps://: files, directories and whole trees, beside curl and Python's ftplib.

use std::fs;

use serde_json::Value;
use sockeye_testkit::peers::{self, FtpServer, FtpTls};
use sockeye_testkit::{Output, Peer, Program, Step, temporary_dir, within};

use crate::sockets_json::check;
use crate::sockeye;

fn fetch<A: AsRef<str>>(args: impl IntoIterator<Item = A>) -> Output {
    let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
    sockeye(["fetch".to_owned()].into_iter().chain(args)).finish()
}

/// Each line of standard output, checked against the published schema.
fn lines(output: &Output) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fetch.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let lines = crate::json_lines(&output.stdout);
    for line in &lines {
        let kind = line["type"].as_str().unwrap();
        check(&schema, &schema["$defs"][kind], line, kind).unwrap();
    }
    lines
}

#[test]
fn ftp_files_and_directories_are_those_that_curl_and_ftplib_see() {
    within(|| {
        let Some(server) = FtpServer::vsftpd(FtpTls::None, "") else {
            return;
        };
        server.put("a b.txt", "hello\n");
        server.put("dir/x", vec![7; 70_000]);
        let url = format!("ftp://{}/pub/", server.addr());
        let file = format!("{url}dir/x");
        let ours = fetch([&file]);
        assert_eq!((ours.code, ours.stdout.len()), (Some(0), 70_000));
        if let Some(curl) = peers::curl() {
            let theirs = Program::start(&curl, ["-sS", &file]).finish();
            assert!(ours.stdout == theirs.stdout);
            let theirs = Program::start(&curl, ["-sSl", &url]).finish();
            assert_eq!(
                fetch(["-l", &url]).stdout_text().lines().count(),
                theirs.stdout_text().lines().count()
            );
        }
        if let Some(python) = peers::python3() {
            let program = "import ftplib, sys\nf = ftplib.FTP()\nf.connect('127.0.0.1', int(sys.argv[1]))\nf.login()\n\
                           f.cwd('pub')\nprint('\\n'.join(sorted(f.nlst())))";
            let port = server.addr().port().to_string();
            let theirs = Program::start(&python, ["-c", program, &port]).finish();
            assert_eq!(fetch(["-l", &url]).stdout_text(), theirs.stdout_text());
        }
        let table = fetch([&url]).stdout_text();
        assert!(
            table.contains("6  ") && table.contains("  a b.txt\n") && table.contains("  dir/\n"),
            "{table}"
        );
        let events = lines(&fetch(["--json", &url]));
        assert_eq!(
            (&events[0]["name"], &events[0]["size"]),
            (&"a b.txt".into(), &6.into())
        );
        assert_eq!(events[1]["kind"], "directory");
        let mut upload = sockeye(["fetch", "-T", "-", &format!("{url}up")]);
        upload.write("from here");
        upload.close_stdin();
        assert_eq!(upload.finish().code, Some(0));
        assert_eq!(fs::read(server.folder().join("up")).unwrap(), b"from here");
        for (flags, exists) in [
            (vec!["--ftp-rename", "other"], "other"),
            (vec!["--ftp-mkdir"], "up"),
        ] {
            let url = format!("{url}up");
            assert_eq!(fetch(flags.into_iter().chain([&*url])).code, Some(0));
            assert!(server.folder().join(exists).exists());
        }
        assert_eq!(fetch(["--ftp-remove", &format!("{url}up/")]).code, Some(0));
        assert_eq!(
            fetch(["--ftp-remove", &format!("{url}other")]).code,
            Some(0)
        );
        assert!(!server.folder().join("other").exists() && !server.folder().join("up").exists());
        let no = fetch([&format!("{url}nothing")]);
        assert_eq!(no.code, Some(1));
        assert!(
            no.stderr_text()
                .contains("/pub/nothing: the server answered RETR with 550"),
            "{}",
            no.stderr_text()
        );
    });
}

#[test]
fn ftps_is_encrypted_or_fails() {
    within(|| {
        for (tls, scheme) in [(FtpTls::Explicit, "ftp"), (FtpTls::Implicit, "ftps")] {
            let Some(server) = FtpServer::vsftpd(tls, "") else {
                return;
            };
            server.put("x", "hello");
            let url = format!("{scheme}://{}/pub/x", server.addr());
            let ca = server.ca().display().to_string();
            let mut flags = vec!["-v", "--ca", &ca, &url];
            if tls == FtpTls::Explicit {
                flags.push("--ftp-ssl");
            }
            let output = fetch(&flags);
            assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
            flags.retain(|flag| *flag != "--ca" && *flag != ca);
            assert_eq!(fetch(&flags).code, Some(6));
        }
        let peer = Peer::tcp([
            Step::send("220 hello\r\n"),
            Step::expect("AUTH TLS\r\n"),
            Step::send("502 what?\r\n"),
            Step::ExpectEnd,
        ]);
        let output = fetch(["--ftp-ssl", &format!("ftp://me:s3cret@{}/x", peer.addr())]);
        assert_eq!(output.code, Some(6));
        let said = output.stderr_text();
        assert!(
            said.contains("does not begin TLS") && !said.contains("s3cret"),
            "{said}"
        );
        peer.finish();
    });
}

#[test]
fn a_password_reaches_ftp_servers_from_flags_and_is_told_if_it_is_seen() {
    within(|| {
        let Some(server) = FtpServer::python(FtpTls::None) else {
            return;
        };
        server.put("x", "hello");
        let url = format!("ftp://{}/pub/x", server.addr());
        let output = fetch(["-v", "-u", "me:s3cret", &url]);
        assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
        let said = output.stderr_text();
        assert!(
            said.contains("> USER me\n") && said.contains("> PASS ***\n"),
            "{said}"
        );
        assert!(
            said.contains("in clear text") && !said.contains("s3cret"),
            "{said}"
        );
        let wrong = fetch([&url.replace("//", "//me:wrong@")]);
        assert_eq!(wrong.code, Some(1));
        assert!(
            wrong.stderr_text().contains("answered PASS with 530"),
            "{}",
            wrong.stderr_text()
        );
    });
}

#[test]
fn both_connections_of_ftp_go_through_the_proxy() {
    within(|| {
        let (Some(server), Some(microsocks)) =
            (FtpServer::vsftpd(FtpTls::None, ""), peers::microsocks())
        else {
            return;
        };
        server.put("x", "hello");
        let start =
            |port: u16| Program::start(&microsocks, ["-i", "127.0.0.1", "-p", &port.to_string()]);
        let (proxy, at) = peers::on_free_port(start);
        let url = format!("ftp://{}/pub/x", server.addr());
        let output = fetch(["-x", &format!("socks5h://{at}"), "--wire", &url]);
        assert_eq!(output.stdout_text(), "hello", "{}", output.stderr_text());
        let said = output.stderr_text();
        let through = format!("connected tcp://{at}");
        assert!(
            said.matches(&through).count() == 2
                && !said.contains(&format!("connected tcp://{}", server.addr())),
            "{said}"
        );
        drop(proxy);
        assert_eq!(
            fetch(["-x", &format!("socks5h://{at}"), &url]).code,
            Some(4)
        );
    });
}

#[test]
fn a_file_of_ftp_is_saved_and_gone_on_with() {
    within(|| {
        let Some(server) = FtpServer::vsftpd(FtpTls::None, "") else {
            return;
        };
        server.put("x", "hello");
        let dir = temporary_dir();
        let (folder, to) = (dir.path().display().to_string(), dir.path().join("y"));
        let url = format!("ftp://{}/pub/x", server.addr());
        let output = fetch(["-P", &folder, &url]);
        assert_eq!(
            (output.code, output.stdout.len()),
            (Some(0), 0),
            "{}",
            output.stderr_text()
        );
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"hello");
        fs::write(&to, "hel").unwrap();
        let name = to.display().to_string();
        assert_eq!(fetch(["-C", "-o", &name, &url]).code, Some(0));
        assert_eq!(fs::read(&to).unwrap(), b"hello");
        assert_eq!(fetch(["-o", &name, &url]).code, Some(0));
        assert_eq!(fs::read(dir.path().join("y (1)")).unwrap(), b"hello");
    });
}

#[test]
fn a_mirror_is_told_file_by_file() {
    within(|| {
        let Some(server) = FtpServer::vsftpd(FtpTls::None, "") else {
            return;
        };
        server.put("a/x", "hello");
        server.put("top", "top");
        std::os::unix::fs::symlink("top", server.folder().join("link")).unwrap();
        let dir = temporary_dir();
        let here = dir.path().join("here").display().to_string();
        let url = format!("ftp://{}/pub/", server.addr());
        let output = fetch(["--ftp-mirror", &here, &url]);
        assert_eq!((output.code, output.stdout.len()), (Some(0), 0));
        let said = output.stderr_text();
        assert!(
            said.contains("skipped link: it is a link\n") && said.contains("moved a/x\n"),
            "{said}"
        );
        assert!(
            said.contains("2 moved (8B), 0 unchanged, 1 skipped, 0 removed, 0 failed\n"),
            "{said}"
        );
        fs::write(dir.path().join("here/mine"), "mine").unwrap();
        let dry = lines(&fetch([
            "--json",
            "--dry-run",
            "--delete",
            "--ftp-mirror",
            &here,
            &url,
        ]));
        let sum = dry.last().unwrap();
        assert_eq!(
            (&sum["dry_run"], &sum["removed"], &sum["unchanged"]),
            (&true.into(), &1.into(), &2.into())
        );
        assert!(dir.path().join("here/mine").exists());
        let up = fetch(["--ftp-mirror-up", &here, &format!("{url}new/")]);
        assert_eq!(up.code, Some(0), "{}", up.stderr_text());
        assert_eq!(fs::read(server.folder().join("new/a/x")).unwrap(), b"hello");
    });
}

#[test]
fn what_means_nothing_to_ftp_is_refused_before_anybody_is_asked() {
    within(|| {
        for (args, why) in [
            (
                vec!["-l", "http://127.0.0.1:1/"],
                "--list-only means nothing to a URL of http",
            ),
            (
                vec!["--range", "0-1", "ftp://127.0.0.1:1/x"],
                "--range means nothing to a URL of ftp",
            ),
            (
                vec!["-d", "a=b", "ftp://127.0.0.1:1/x"],
                "mean nothing to a URL of ftp",
            ),
            (
                vec!["--ftp-ssl", "ftps://127.0.0.1:1/x"],
                "--ftp-ssl is for ftp://",
            ),
            (
                vec!["--delete", "ftp://127.0.0.1:1/x/"],
                "--delete is for --ftp-mirror",
            ),
            (
                vec!["--ftp-clear-data", "ftp://127.0.0.1:1/x"],
                "nothing is encrypted",
            ),
            (vec!["ftp://127.0.0.1:1/a%0d%0aDELE%20b"], "line break"),
        ] {
            let output = fetch(&args);
            assert_eq!(output.code, Some(2), "{args:?}: {}", output.stderr_text());
            assert!(
                output.stderr_text().contains(why),
                "{args:?}: {}",
                output.stderr_text()
            );
        }
    });
}
