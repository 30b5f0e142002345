//! `sockeye serve` with uploads.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sockeye_testkit::{Program, bulk, peers, temporary_dir, within};

use crate::serving::{SOCKEYE, ask, client, hear};

/// Where a site is.
fn at(server: &Program) -> SocketAddr {
    server.host_port().trim_end_matches('/').parse().unwrap()
}

/// A folder that is served, with uploads as these flags say.
struct Site {
    dir: tempfile::TempDir,
    server: Program,
}

impl Site {
    fn new(flags: &[&str]) -> Self {
        Self::over(temporary_dir(), flags)
    }

    fn over(dir: tempfile::TempDir, flags: &[&str]) -> Self {
        let path = dir.path().to_str().unwrap().to_owned();
        let args = ["serve", &path, "--port", "0"];
        let server = Program::start(SOCKEYE, args.iter().chain(flags));
        server.listening();
        Self { dir, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", at(&self.server))
    }

    /// The whole answer to a raw request, whose connection is closed after it.
    fn ask(&self, request: &str) -> String {
        ask(client(at(&self.server)), request)
    }

    /// The answer to a request with a body: status and the rest.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let answer = self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ));
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
        (
            status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
            answer,
        )
    }

    fn put(&self, path: &str, body: &str) -> u16 {
        self.send("PUT", path, "", body).0
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// All names in the folder and below, sorted.
    fn tree(&self) -> Vec<String> {
        fn walk(dir: &Path, base: &Path, names: &mut Vec<String>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(base)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                if path.is_dir() {
                    walk(&path, base, names);
                }
                names.push(name);
            }
        }
        let mut names = Vec::new();
        walk(self.dir.path(), self.dir.path(), &mut names);
        names.sort();
        names
    }
}

/// What curl prints, and its exit code.
fn curl(args: &[&str]) -> Option<(String, i32)> {
    let flags = ["-sS", "--max-time", "8"];
    let output = Program::start(peers::curl()?, flags.iter().chain(args)).finish();
    let code = output.code.unwrap_or(-1);
    Some((output.stdout_text() + &output.stderr_text(), code))
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let line = answer.lines().find(|line| {
        line.get(..name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name))
    })?;
    Some(line[name.len() + 1..].trim())
}

#[test]
fn uploads_are_off_unless_asked_for() {
    within(|| {
        let site = Site::new(&[]);
        assert_eq!(site.put("/a", "x"), 405);
        let only = temporary_dir();
        fs::create_dir(only.path().join("up")).unwrap();
        let site = Site::over(only, &["--upload=/up"]);
        assert_eq!(site.put("/a", "x"), 405);
        assert_eq!(site.put("/up/a", "x"), 201);
        assert_eq!(site.put("/./up//b", "x"), 201);
        assert_eq!(site.tree(), ["up", "up/a", "up/b"]);
    });
}

#[test]
fn curl_puts_a_file_whole_with_the_mode_of_the_umask() {
    within(|| {
        let site = Site::new(&["--upload"]);
        let source = temporary_dir();
        let big = source.path().join("big");
        fs::write(&big, bulk::pattern(1, 3_000_000)).unwrap();
        let url = site.url("/new/folder/b%20%C3%A4.bin");
        let Some((said, code)) = curl(&["-T", big.to_str().unwrap(), "-i", &url]) else {
            return;
        };
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("HTTP/1.1 201 Created"), "{said}");
        assert_eq!(
            header(&said, "location"),
            Some("/new/folder/b%20%C3%A4.bin")
        );
        let stored = site.path("new/folder/b ä.bin");
        assert_eq!(fs::read(&stored).unwrap(), fs::read(&big).unwrap());
        let other = source.path().join("made");
        fs::write(&other, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&stored), mode(&other));
        // The tag of the answer is that of the file.
        let etag = header(&said, "etag").unwrap().to_owned();
        let condition = format!("If-None-Match: {etag}");
        let (said, _) = curl(&[
            "-H",
            &condition,
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &url,
        ])
        .unwrap();
        assert_eq!(said, "304");
    });
}

#[test]
fn an_upload_that_is_cut_leaves_nothing() {
    within(|| {
        let site = Site::new(&["--upload", "-v"]);
        let mut stream = client(at(&site.server));
        let head = "PUT /up/big HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; 600_000]).unwrap();
        drop(stream);
        // The answer to the next request comes when the first one is over: its file has the same name.
        assert_eq!(site.put("/up/big", "whole"), 201);
        assert_eq!(site.tree(), ["up", "up/big"]);
        assert_eq!(site.read("up/big"), "whole");
    });
}

#[test]
fn a_server_that_is_killed_leaves_nothing() {
    within(|| {
        let site = Site::new(&["--upload"]);
        let mut stream = client(at(&site.server));
        let head = "PUT /big HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut ready = [0; 25];
        stream.read_exact(&mut ready).unwrap();
        stream.write_all(&vec![b'x'; 600_000]).unwrap();
        let Site { dir, server } = site;
        // Dropping a program kills it.
        drop(server);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    });
}

#[test]
fn names_that_are_taken_are_refused_replaced_or_numbered() {
    within(|| {
        let site = Site::new(&["--upload"]);
        assert_eq!(site.put("/a.txt", "one"), 201);
        let (status, answer) = site.send("PUT", "/a.txt", "", "two");
        assert_eq!(status, 409);
        assert!(
            answer.ends_with("there is something of this name already, and it stays\n"),
            "{answer}"
        );
        assert_eq!(site.read("a.txt"), "one");

        let site = Site::over(site.dir, &["--upload", "--on-conflict", "overwrite"]);
        let etag = header(&site.ask("HEAD /a.txt HTTP/1.0\r\n\r\n"), "etag")
            .unwrap()
            .to_owned();
        let (status, answer) = site.send("PUT", "/a.txt", "", "two");
        assert_eq!(
            (status, site.read("a.txt").as_str()),
            (204, "two"),
            "{answer}"
        );
        let stale = format!("If-Match: {etag}\r\n");
        assert_eq!(site.send("PUT", "/a.txt", &stale, "three").0, 412);
        assert_eq!(
            site.send("PUT", "/a.txt", "If-None-Match: *\r\n", "three")
                .0,
            412
        );
        let current = format!("If-Match: {}\r\n", header(&answer, "etag").unwrap());
        assert_eq!(site.send("PUT", "/a.txt", &current, "three").0, 204);
        assert_eq!(site.send("PUT", "/b.txt", "If-Match: *\r\n", "x").0, 412);
        assert_eq!(
            site.send("PUT", "/b.txt", "If-None-Match: *\r\n", "x").0,
            201
        );

        let site = Site::over(site.dir, &["--upload", "--on-conflict", "rename"]);
        let (status, answer) = site.send("PUT", "/a.txt", "", "four");
        assert_eq!(
            (status, header(&answer, "location")),
            (201, Some("/a%20(2).txt"))
        );
        assert_eq!(site.put("/a.txt", "five"), 201);
        assert_eq!(site.tree(), ["a (2).txt", "a (3).txt", "a.txt", "b.txt"]);
        assert_eq!(site.read("a (3).txt"), "five");
    });
}

#[test]
fn places_and_names_that_would_do_harm_are_refused() {
    within(|| {
        let outer = temporary_dir();
        let dir = temporary_dir();
        std::os::unix::fs::symlink(outer.path(), dir.path().join("out")).unwrap();
        std::os::unix::fs::symlink(outer.path().join("new"), dir.path().join("link")).unwrap();
        fs::create_dir_all(dir.path().join("up")).unwrap();
        fs::create_dir_all(dir.path().join("other")).unwrap();
        std::os::unix::fs::symlink("../other", dir.path().join("up/beside")).unwrap();
        let site = Site::over(
            dir,
            &["--upload=up", "--upload=/", "--on-conflict", "overwrite"],
        );
        for (path, status) in [
            ("/out/a", 404),
            ("/up/beside/a", 404),
            ("/../a", 400),
            ("/%2e%2e/a", 400),
            ("/a%2fb", 400),
            ("/a%5cb", 400),
            ("/a%00", 400),
            ("/a%0a", 400),
            ("/.hidden", 400),
            ("/-rf", 400),
            ("/CON.txt", 400),
            ("/%ff", 400),
            ("/.sockeye-uploads/x", 404),
            ("/up/", 409),
            ("/up", 409),
            ("/", 409),
            ("/a/b/c", 201),
        ] {
            assert_eq!(site.put(path, "x"), status, "{path}");
        }
        // A link is replaced itself; what it leads to is not written.
        assert_eq!(site.put("/link", "x"), 201);
        assert!(fs::symlink_metadata(site.path("link")).unwrap().is_file());
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 0);
        let deep = "/d".repeat(17);
        assert_eq!(site.put(&deep, "x"), 400);
    });
}

#[test]
fn sizes_are_bounded_and_full_disks_leave_nothing() {
    within(|| {
        let site = Site::new(&["--upload", "--max-upload", "10B", "--quota", "25B"]);
        assert_eq!(site.put("/a", "0123456789"), 201);
        let (status, answer) = site.send("PUT", "/b", "", "0123456789x");
        assert_eq!(
            (status, header(&answer, "upload-limit")),
            (413, Some("max-size=10"))
        );
        let chunked = "PUT /b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n";
        assert!(site.ask(chunked).starts_with("HTTP/1.1 413"));
        assert_eq!(site.put("/b", "0123456789"), 201);
        assert_eq!(site.put("/c", "012345"), 507);
        assert_eq!(site.put("/c", "01234"), 201);
        assert_eq!(site.tree(), ["a", "b", "c"]);
    });
}

#[test]
fn a_full_file_system_is_507_and_leaves_nothing() {
    within(|| {
        if !peers::may_unshare() {
            return;
        }
        let dir = temporary_dir();
        let path = dir.path().to_str().unwrap();
        let script = format!(
            "mount -t tmpfs -o size=256k none {path} && exec {SOCKEYE} serve {path} --port 0 --upload"
        );
        let server = Program::start("unshare", ["--mount", "sh", "-c", &script]);
        let at = at(&server);
        let put = |name: &str, length: usize| {
            let body = "x".repeat(length);
            let head = format!(
                "PUT /{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            ask(client(at), &(head + &body))
        };
        let answer = put("big", 400_000);
        assert!(answer.starts_with("HTTP/1.1 507 "), "{answer}");
        assert!(put("fits", 200_000).starts_with("HTTP/1.1 201 "));
        let answer = ask(client(at), "GET /big HTTP/1.0\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    });
}

#[test]
fn forms_store_files_and_trees() {
    within(|| {
        let site = Site::new(&["--upload"]);
        let source = temporary_dir();
        fs::write(source.path().join("one"), "1").unwrap();
        fs::write(source.path().join("two"), "22").unwrap();
        let file = |name: &str, called: &str| {
            format!(
                "file=@{};filename={called}",
                source.path().join(name).display()
            )
        };
        let (one, two) = (file("one", "tree/sub/one.txt"), file("two", "ä \"q\".txt"));
        let url = site.url("/");
        let Some((said, _)) = curl(&[
            "-F",
            &one,
            "-F",
            &two,
            "-F",
            "field=text",
            "-H",
            "Accept: application/json",
            &url,
        ]) else {
            return;
        };
        assert_eq!(
            said,
            r#"{"stored":[{"path":"/tree/sub/one.txt","size":1},{"path":"/%C3%A4%20%22q%22.txt","size":2}],"error":null}"#
        );
        assert_eq!(site.read("tree/sub/one.txt"), "1");
        assert_eq!(site.read("ä \"q\".txt"), "22");

        let browser = [
            "-H",
            "Accept: text/html",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{redirect_url}",
        ];
        let three = file("one", "three");
        let (said, _) = curl(&[&browser[..], &["-F", &three, &url]].concat()).unwrap();
        assert_eq!(said, format!("303 {url}"));

        let (good, bad) = (file("one", "four"), file("two", "../five"));
        let (said, _) = curl(&["-F", &good, "-F", &bad, "-w", "%{http_code}", &url]).unwrap();
        assert_eq!(
            said,
            "a name that is none, or leads elsewhere\nstored before that:\n/four\n400"
        );
        assert!(!site.dir.path().parent().unwrap().join("five").exists());
        let again = file("one", "four");
        let (said, _) = curl(&["-F", &again, "-w", "%{http_code}", &url]).unwrap();
        assert_eq!(
            said,
            "there is something of this name already, and it stays\n409"
        );
    });
}

#[test]
fn forms_are_bounded_and_broken_ones_leave_nothing() {
    within(|| {
        let site = Site::new(&["--upload", "--max-form-files", "2"]);
        let part = |name: &str| {
            format!("--X\r\nContent-Disposition: form-data; name=f; filename={name}\r\n\r\nx\r\n")
        };
        let post = |body: &str| {
            site.send(
                "POST",
                "/",
                "Content-Type: multipart/form-data; boundary=X\r\n",
                body,
            )
            .0
        };
        assert_eq!(post(&format!("{}{}", part("a"), part("b"))), 400);
        assert_eq!(site.tree(), ["a"], "what was whole is stored");
        assert_eq!(
            post(&format!("{}{}{}--X--", part("c"), part("d"), part("e"))),
            413
        );
        assert_eq!(site.tree(), ["a", "c", "d"]);
        assert_eq!(post("--X--"), 400);
        assert_eq!(
            site.send("POST", "/", "Content-Type: text/plain\r\n", "x")
                .0,
            405
        );
    });
}

#[test]
fn checksums_are_looked_at() {
    within(|| {
        let site = Site::new(&["--upload"]);
        // Of "hello", by `printf hello | openssl dgst -sha256 -binary | base64`.
        let right = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
        let wrong = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        for field in ["Content-Digest", "Repr-Digest"] {
            let put = |value: &str| {
                site.send("PUT", "/a", &format!("{field}: {value}\r\n"), "hello")
                    .0
            };
            assert_eq!(put(wrong), 400);
            assert_eq!(put("sha-256=nonsense"), 400);
            assert_eq!(site.tree(), [""; 0]);
            assert_eq!(put(right), 201);
            fs::remove_file(site.path("a")).unwrap();
        }
    });
}

#[test]
fn curl_goes_on_after_a_cut() {
    within(|| {
        let site = Site::new(&["--upload"]);
        let source = temporary_dir();
        let big = source.path().join("big");
        fs::write(&big, bulk::pattern(1, 3_000_000)).unwrap();
        let bytes = fs::read(&big).unwrap();
        // What `curl -C - -T big` begins with, cut.
        let mut stream = client(at(&site.server));
        let head = "PUT /big HTTP/1.1\r\nHost: localhost\r\nContent-Range: bytes 0-2999999/3000000\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // From here on the server reads.
        hear(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&bytes[..2_000_000]).unwrap();
        drop(stream);
        // HEAD of the path does not wait for the writer: ask by a range that is too far, which does.
        let far = "Content-Range: bytes 2999999-2999999/3000000\r\n";
        let (status, answer) = site.send("PUT", "/big", far, "x");
        assert_eq!(status, 409, "{answer}");
        let head = site.ask("HEAD /big HTTP/1.0\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
        let offset = header(&head, "upload-offset").unwrap().to_owned();
        assert_eq!(header(&answer, "upload-offset"), Some(&*offset));
        assert!(
            (1..=2_000_000).contains(&offset.parse::<u64>().unwrap()),
            "{offset}"
        );
        let url = site.url("/big");
        let Some((said, code)) = curl(&[
            "-C",
            &offset,
            "-T",
            big.to_str().unwrap(),
            "-w",
            "%{http_code}",
            &url,
        ]) else {
            return;
        };
        assert_eq!((said.as_str(), code), ("/big\n201", 0));
        assert_eq!(fs::read(site.path("big")).unwrap(), bytes);
        // `-C -` cannot ask how much is there, and sends all of it again.
        let url = site.url("/again");
        let (said, _) = curl(&[
            "-C",
            "-",
            "-T",
            big.to_str().unwrap(),
            "-w",
            "%{http_code}",
            &url,
        ])
        .unwrap();
        assert_eq!(said, "/again\n201");
        assert_eq!(fs::read(site.path("again")).unwrap(), bytes);
        assert_eq!(site.tree(), [".sockeye-uploads", "again", "big"]);
    });
}

#[test]
fn an_upload_in_pieces_follows_the_draft() {
    within(|| {
        let site = Site::new(&["--upload", "--max-upload", "1KiB"]);
        let (status, answer) = site.send(
            "PUT",
            "/a",
            "Upload-Complete: ?0\r\nUpload-Length: 11\r\n",
            "hello",
        );
        assert_eq!(status, 201);
        assert_eq!(header(&answer, "upload-offset"), Some("5"));
        assert_eq!(
            header(&answer, "upload-limit"),
            Some("max-size=1024, max-age=86400")
        );
        let place = header(&answer, "location").unwrap().to_owned();
        assert!(place.starts_with("/a?upload="), "{place}");

        let state = site.ask(&format!(
            "HEAD {place} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        assert!(state.starts_with("HTTP/1.1 204 "), "{state}");
        for (name, value) in [
            ("upload-offset", "5"),
            ("upload-complete", "?0"),
            ("upload-length", "11"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&state, name), Some(value), "{state}");
        }
        let patch = |offset: u64, complete: &str, body: &str| {
            let headers = format!(
                "Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: {complete}\r\n"
            );
            site.send("PATCH", &place, &headers, body)
        };
        let (status, answer) = patch(4, "?0", "x");
        assert_eq!((status, header(&answer, "upload-offset")), (409, Some("5")));
        assert_eq!(patch(5, "?0", " wor").0, 204);
        assert_eq!(patch(9, "?1", "ld!").0, 400, "the length was another");
        let (status, answer) = patch(9, "?1", "ld");
        assert_eq!(
            (status, header(&answer, "upload-complete")),
            (201, Some("?1")),
            "{answer}"
        );
        assert_eq!(header(&answer, "location"), Some("/a"));
        assert_eq!(site.read("a"), "hello world");
        assert_eq!(patch(11, "?1", "").0, 404, "the upload is over");

        assert_eq!(
            site.send("PATCH", "/b?upload=0", "Content-Type: text/plain\r\n", "x")
                .0,
            415
        );
        let (_, answer) = site.send("PUT", "/b", "Upload-Complete: ?0\r\n", "x");
        let place = header(&answer, "location").unwrap().to_owned();
        assert_eq!(site.send("DELETE", &place, "", "").0, 204);
        assert_eq!(site.send("DELETE", &place, "", "").0, 404);
        let options = site.send("OPTIONS", "/b", "", "").1;
        assert_eq!(
            header(&options, "accept-patch"),
            Some("application/partial-upload")
        );
        assert_eq!(site.tree(), [".sockeye-uploads", "a"]);
    });
}

#[test]
fn unfinished_uploads_are_bounded_and_expire() {
    within(|| {
        let site = Site::new(&["--upload", "--max-partials", "1"]);
        let begin = |path: &str| site.send("PUT", path, "Upload-Complete: ?0\r\n", "x").0;
        assert_eq!((begin("/a"), begin("/b")), (201, 507));
        let folder = site.path(".sockeye-uploads");
        let partial = fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let file = fs::File::options().write(true).open(&partial).unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
        file.set_modified(old).unwrap();
        fs::write(site.path(".sockeye-temporary-0"), "x").unwrap();
        let file = fs::File::options()
            .write(true)
            .open(site.path(".sockeye-temporary-0"))
            .unwrap();
        file.set_modified(old).unwrap();
        let site = Site::over(
            site.dir,
            &["--upload", "--max-partials", "1", "--quota", "1MiB"],
        );
        // Counting for the quota looks at everything.
        assert_eq!(site.put("/c", "x"), 201);
        assert!(!site.path(".sockeye-temporary-0").exists());
    });
}

#[test]
fn folders_are_made_and_files_deleted_only_where_allowed() {
    within(|| {
        let site = Site::new(&["--upload"]);
        assert_eq!(site.send("MKCOL", "/a/", "", "").0, 201);
        assert_eq!(site.send("MKCOL", "/a/", "", "").0, 405);
        assert_eq!(site.send("POST", "/a/?mkdir=b", "", "").0, 303);
        assert_eq!(site.send("POST", "/a/?mkdir=..", "", "").0, 400);
        assert_eq!(site.put("/a/c", "x"), 201);
        assert_eq!(site.send("DELETE", "/a/c", "", "").0, 405);
        let site = Site::over(site.dir, &["--upload", "--allow-delete"]);
        assert_eq!(site.send("DELETE", "/a", "", "").0, 409, "it is not empty");
        for path in ["/a/c", "/a/b/", "/a"] {
            assert_eq!(site.send("DELETE", path, "", "").0, 204, "{path}");
        }
        assert_eq!(site.send("DELETE", "/a", "", "").0, 404);
        assert_eq!(site.send("DELETE", "/", "", "").0, 409);
        assert_eq!(site.tree(), [""; 0]);
    });
}

#[test]
fn uploaded_pages_are_shown_in_a_sandbox() {
    within(|| {
        let site = Site::new(&["--upload"]);
        assert_eq!(site.put("/a.html", "<script>alert(1)</script>"), 201);
        assert_eq!(
            site.put("/a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
            201
        );
        assert_eq!(site.put("/a.txt", "x"), 201);
        let policy = |site: &Site, path: &str| {
            let answer = site.ask(&format!("GET {path} HTTP/1.0\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            header(&answer, "content-security-policy").map(str::to_owned)
        };
        assert_eq!(policy(&site, "/a.html").as_deref(), Some("sandbox"));
        assert_eq!(policy(&site, "/a.svg").as_deref(), Some("sandbox"));
        assert_eq!(policy(&site, "/a.txt"), None);
        let site = Site::over(site.dir, &["--upload", "--trust-uploads"]);
        assert_eq!(policy(&site, "/a.html"), None);
    });
}
