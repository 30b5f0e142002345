//! Files: paths, containment, conditions, ranges, variants, and what happens to files while they are served.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sockeye::web::files::{Coding, Files, HeaderRule, Root, Rules, Settings, Version};
use sockeye_testkit::peers::{self, Nginx};
use sockeye_testkit::{pattern, temporary_dir};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::web_programs::{Site, soon};

/// A folder that is served.
struct Served {
    dir: TempDir,
    root: Root,
    site: Site,
}

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Served {
    async fn new(fill: impl FnOnce(&Path)) -> Self {
        Self::with(fill, |_| ()).await
    }

    async fn with(fill: impl FnOnce(&Path), set: impl FnOnce(&mut Settings)) -> Self {
        let dir = temporary_dir();
        fill(dir.path());
        let mut settings = Settings::default();
        set(&mut settings);
        settle(dir.path());
        let root = Root::new(dir.path(), Rules::default()).unwrap();
        let files = Files::new(root.clone()).settings(settings);
        let site = Site::start(files).await;
        Self { dir, root, site }
    }

    async fn get(&self, path: &str, lines: &[&str]) -> Answer {
        self.ask("GET", path, lines).await
    }

    async fn ask(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        ask(&self.site.at, method, path, lines).await
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

/// Wait until all files below are old enough for a strong tag.
fn settle(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            settle(&path);
        }
        while fs::metadata(&path).is_ok_and(|it| !Version::of(&it).is_settled()) {
            std::thread::yield_now();
        }
    }
}

async fn ask(at: &str, method: &str, path: &str, lines: &[&str]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(at).await.unwrap();
    let mut heard = Vec::new();
    soon(async {
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.read_to_end(&mut heard).await.unwrap();
    })
    .await;
    Answer::of(&heard)
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Self {
            status: head[9..12].parse().unwrap(),
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|it| it.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The head without what differs from answer to answer.
    fn stable(&self) -> String {
        let lines = self.head.lines().filter(|it| !it.starts_with("Date: "));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn files_of_all_sizes_arrive_whole() {
    let sizes = [0, 1, 16_383, 16_384, 16_385, 300_000];
    let served = Served::new(|dir| {
        for size in sizes {
            fs::write(dir.join(format!("{size}.bin")), pattern(7, size)).unwrap();
        }
    })
    .await;
    // Twice: as it is found, and as it is kept.
    for size in sizes.into_iter().chain(sizes) {
        let answer = served.get(&format!("/{size}.bin"), &[]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == pattern(7, size), "{size}");
        let head = served.ask("HEAD", &format!("/{size}.bin"), &[]).await;
        assert_eq!(head.stable(), answer.stable());
        assert!(head.body.is_empty());
    }
    served.site.end().await;
}

#[tokio::test]
async fn an_answer_says_what_it_is() {
    let served = Served::new(|dir| {
        fs::write(dir.join("a.txt"), "größe\n").unwrap();
        let file = fs::File::open(dir.join("a.txt")).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        file.set_modified(time).unwrap();
    })
    .await;
    let answer = served.get("/a.txt", &[]).await;
    let tag = Version::of(&fs::metadata(served.path("a.txt")).unwrap()).etag();
    assert_eq!(
        answer.stable(),
        format!(
            "HTTP/1.1 200 OK\nContent-Type: text/plain; charset=utf-8\nAccept-Ranges: bytes\nETag: {tag}\n\
             Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nX-Content-Type-Options: nosniff\nContent-Length: 8\n\
             Connection: close"
        )
    );
    let line = format!("If-None-Match: {tag}");
    let answer = served.get("/a.txt", &[&line]).await;
    assert_eq!(
        answer.stable(),
        format!(
            "HTTP/1.1 304 Not Modified\nETag: {tag}\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nConnection: close"
        )
    );
    served.site.end().await;
}

#[tokio::test]
async fn types_and_charsets_are_those_of_names_and_bytes() {
    let files: &[(&str, &[u8], &str)] = &[
        ("a.html", b"<p>x", "text/html; charset=utf-8"),
        ("latin.html", b"<p>\xe4", "text/html"),
        ("utf16.txt", b"\xff\xfeh\0i\0", "text/plain"),
        ("a.JS", b"1", "text/javascript; charset=utf-8"),
        ("a.json", b"{}", "application/json"),
        ("a.py", b"1", "text/plain; charset=utf-8"),
        ("README", b"hi\n", "text/plain; charset=utf-8"),
        ("program", b"\x7fELF\0", "application/octet-stream"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("a.own", b"x", "application/x-own"),
    ];
    let served = Served::with(
        |dir| {
            for (name, bytes, _) in files {
                fs::write(dir.join(name), bytes).unwrap();
            }
            // A character lies across the end of what is looked at.
            let long = format!("x{}", "é".repeat(1 << 20));
            fs::write(dir.join("long.txt"), long).unwrap();
        },
        |settings| settings.types = vec![("own".into(), "application/x-own".into())],
    )
    .await;
    for (name, _, media_type) in files {
        let answer = served.get(&format!("/{name}"), &[]).await;
        assert_eq!(answer.get("content-type"), Some(*media_type), "{name}");
        assert_eq!(answer.get("x-content-type-options"), Some("nosniff"));
    }
    let answer = served.ask("HEAD", "/long.txt", &[]).await;
    assert_eq!(
        answer.get("content-type"),
        Some("text/plain; charset=utf-8")
    );
    served.site.end().await;
}

#[tokio::test]
async fn nothing_leaks() {
    let outer = temporary_dir();
    let dir = outer.path().join("served");
    for folder in [".git", ".well-known", "a"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
        fs::write(dir.join(folder).join("x"), "x").unwrap();
    }
    fs::write(outer.path().join("secret"), "secret").unwrap();
    fs::write(dir.join(".env"), "secret").unwrap();
    symlink("../secret", dir.join("out")).unwrap();
    symlink("/etc/passwd", dir.join("absolute")).unwrap();
    symlink("a/x", dir.join("in")).unwrap();
    symlink("..", dir.join("a/up")).unwrap();
    let root = Root::new(&dir, Rules::default()).unwrap();
    for root in [root.clone(), root.by_hand()] {
        let site = Site::start(Files::new(root)).await;
        for (path, status) in [
            ("/../secret", 404),
            ("/../../../../../../etc/passwd", 404),
            ("/%2e%2e/secret", 404),
            ("/..%2fsecret", 400),
            ("/%2e%2e%2fsecret", 400),
            ("/%2e%2e%5csecret", 400),
            ("/..\\secret", 400),
            ("/a/%00", 400),
            ("/a/x%00.html", 400),
            ("/%c0%ae%c0%ae/secret", 404),
            ("/a/../../secret", 404),
            ("/.env", 404),
            ("/%2eenv", 404),
            ("/.git/x", 404),
            ("/out", 404),
            ("/absolute", 404),
            ("/a/up/../../secret", 404),
            ("/a/up/.env", 404),
            ("/a/x/", 404),
            ("/a/x/y", 404),
            ("/%", 400),
            ("/.well-known/x", 200),
            ("/in", 200),
            ("/a/up/a/x", 200),
            ("//a//x", 200),
            ("/a/./x", 200),
        ] {
            let answer = ask(&site.at, "GET", path, &[]).await;
            assert_eq!(answer.status, status, "{path}");
            assert!(!answer.body.windows(6).any(|it| it == b"secret"), "{path}");
        }
        site.end().await;
    }
}

#[tokio::test]
async fn names_are_any_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let names: &[(&[u8], &str)] = &[
        (b"50% off?", "/50%25%20off%3f"),
        (b"#1", "/%231"),
        (b"a\nb", "/a%0Ab"),
        (b"\xff", "/%FF"),
        (
            b"<img src=x onerror=alert(1)>\"'&amp;.txt",
            "/%3Cimg%20src=x%20onerror=alert(1)%3E%22'&amp;.txt",
        ),
    ];
    let served = Served::new(|dir| {
        for (name, _) in names {
            fs::write(dir.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
        }
    })
    .await;
    for (name, path) in names {
        let answer = served.get(path, &[]).await;
        assert_eq!((answer.status, &*answer.body), (200, *name), "{path}");
    }
    served.site.end().await;
}

#[tokio::test]
async fn folders_are_index_pages_and_end_with_a_slash() {
    let served = Served::with(
        |dir| {
            fs::create_dir_all(dir.join("a/empty")).unwrap();
            fs::write(dir.join("a/home.htm"), "home").unwrap();
            fs::write(dir.join("about.html"), "about").unwrap();
        },
        |settings| {
            settings.index = vec!["index.html".into(), "home.htm".into()];
            settings.pretty = true;
        },
    )
    .await;
    for (path, status, rest) in [
        ("/a", 301, "./a/"),
        ("/a?b=/c", 301, "./a/?b=/c"),
        ("//a", 301, "./a/"),
        ("//evil.example/../a", 404, ""),
        ("/a/", 200, "home"),
        ("/a/empty/", 404, ""),
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/about/", 404, ""),
        ("/", 404, ""),
    ] {
        let answer = served.get(path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        match status {
            200 => assert_eq!(answer.body, rest.as_bytes(), "{path}"),
            301 => assert_eq!(answer.get("location"), Some(rest), "{path}"),
            _ => {}
        }
    }
    served.site.end().await;
}

#[tokio::test]
async fn programs_that_are_pages_get_paths_that_only_they_know() {
    let served = Served::with(
        |dir| {
            fs::write(dir.join("app.html"), "app").unwrap();
            fs::write(dir.join("404.html"), "lost").unwrap();
        },
        |settings| {
            settings.fallback = Some("app.html".into());
            settings.not_found = Some("/404.html".into());
        },
    )
    .await;
    for (path, lines, status, body) in [
        ("/deep/link", &[][..], 200, "app"),
        ("/deep/link", &["Accept: text/html,*/*;q=0.8"], 200, "app"),
        ("/deep/link", &["Accept: application/json"], 404, "lost"),
        ("/deep/link", &["Sec-Fetch-Mode: cors"], 404, "lost"),
        ("/old.page", &["Sec-Fetch-Mode: navigate"], 200, "app"),
        ("/missing.js", &["Accept: */*"], 404, "lost"),
        ("/%00", &[], 400, "no path has a NUL\n"),
    ] {
        let answer = served.get(path, lines).await;
        let found = (
            answer.status,
            String::from_utf8_lossy(&answer.body).into_owned(),
        );
        assert_eq!(found, (status, body.to_owned()), "{path} {lines:?}");
        assert_eq!(answer.get("etag").is_some(), status == 200, "{path}");
    }
    served.site.end().await;
}

#[tokio::test]
async fn other_methods_are_answered_for() {
    let served = Served::with(
        |dir| fs::write(dir.join("a"), "a").unwrap(),
        |settings| settings.cors = Some("*".into()),
    )
    .await;
    for (method, status) in [
        ("OPTIONS", 204),
        ("POST", 405),
        ("PUT", 405),
        ("DELETE", 405),
        ("PROPFIND", 405),
        ("BREW", 501),
        ("get", 501),
    ] {
        let answer = served.ask(method, "/a", &[]).await;
        assert_eq!(answer.status, status, "{method}");
        assert_eq!(answer.get("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        assert_eq!(answer.get("access-control-allow-origin"), Some("*"));
    }
    let lines = [
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: range",
    ];
    let answer = served.ask("OPTIONS", "/a", &lines).await;
    assert_eq!(answer.get("access-control-allow-headers"), Some("range"));
    let answer = served.get("/a", &[]).await;
    assert_eq!(answer.get("access-control-allow-origin"), Some("*"));
    let answer = served.get("/none", &[]).await;
    assert_eq!(answer.get("access-control-allow-origin"), Some("*"));
    served.site.end().await;
}

#[tokio::test]
async fn header_rules_add_lines_to_files() {
    let served = Served::with(
        |dir| {
            fs::write(dir.join("a.css"), "a").unwrap();
            fs::write(dir.join("a.html"), "a").unwrap();
        },
        |settings| {
            settings.headers = ["Cache-Control: no-cache", "*.css=Cache-Control: max-age=60"]
                .iter()
                .map(|rule| rule.parse::<HeaderRule>().unwrap())
                .collect();
        },
    )
    .await;
    for (path, value) in [("/a.css", "max-age=60"), ("/a.html", "no-cache")] {
        let answer = served.get(path, &[]).await;
        assert_eq!(answer.get("cache-control"), Some(value), "{path}");
        let line = format!("If-None-Match: {}", answer.get("etag").unwrap());
        let answer = served.get(path, &[&line]).await;
        assert_eq!(
            (answer.status, answer.get("cache-control")),
            (304, Some(value))
        );
    }
    assert_eq!(served.get("/none", &[]).await.get("cache-control"), None);
    served.site.end().await;
}

/// Parts of the answer to a range: each with its place, from whatever form they came in.
fn parts(answer: &Answer) -> Vec<(u64, Vec<u8>)> {
    let place = |range: &str| -> u64 {
        let range = range.strip_prefix("bytes ").unwrap();
        range.split('-').next().unwrap().parse().unwrap()
    };
    if let Some(range) = answer.get("content-range") {
        return vec![(place(range), answer.body.clone())];
    }
    let kind = answer.get("content-type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let mark = format!("--{boundary}");
    let find =
        |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|it| it == wanted);
    let mut rest = &answer.body[..];
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(mark.as_bytes()).unwrap();
        if rest == b"--\r\n" {
            return parts;
        }
        let head = find(rest, b"\r\n\r\n").unwrap();
        let lines = std::str::from_utf8(&rest[..head]).unwrap();
        let range = lines
            .lines()
            .find_map(|it| it.strip_prefix("Content-Range: "));
        let body = &rest[head + 4..];
        let end = find(body, format!("\r\n{mark}").as_bytes()).unwrap();
        parts.push((place(range.unwrap()), body[..end].to_vec()));
        rest = &body[end + 2..];
    }
}

#[tokio::test]
async fn any_range_of_any_file_is_what_slicing_gives() {
    let sizes = [0_usize, 1, 10, 100, 20_000];
    let served = Served::new(|dir| {
        for size in sizes {
            fs::write(dir.join(size.to_string()), pattern(3, size)).unwrap();
        }
    })
    .await;
    let ranges = [
        "0-0",
        "0-",
        "-1",
        "-5",
        "5-9",
        "9-",
        "0-0,9-9",
        "0-1,4-5",
        "4-5,0-1",
        "0-5,2-8",
        "0-4,5-9",
        "-3,0-2",
        "90-200",
        "99-",
        "100-",
        "19990-30000,-1",
        "-0",
        "0-18446744073709551615",
        "3-3,1-1,5-5,7-7",
    ];
    for size in sizes {
        let whole = pattern(3, size);
        for range in ranges {
            let line = format!("Range: bytes={range}");
            let answer = served.get(&format!("/{size}"), &[&line]).await;
            let wanted: Vec<(u64, u64)> = range
                .split(',')
                .filter_map(|part| {
                    let (a, b) = part.split_once('-').unwrap();
                    let (length, number) = (size as u64, |it: &str| it.parse::<u64>().unwrap());
                    let (first, last) = match (a, b) {
                        ("", "0") => return None,
                        ("", b) => (length.saturating_sub(number(b)), u64::MAX),
                        (a, "") => (number(a), u64::MAX),
                        (a, b) => (number(a), number(b)),
                    };
                    (first < length).then(|| (first, last.min(length - 1)))
                })
                .collect();
            match answer.status {
                200 => assert!(size == 0 && answer.body == whole, "{size} {range}"),
                416 => {
                    assert!(wanted.is_empty(), "{size} {range}");
                    let said = format!("bytes */{size}");
                    assert_eq!(answer.get("content-range"), Some(&*said));
                }
                206 => {
                    let mut seen = vec![0_u8; size];
                    for (at, bytes) in parts(&answer) {
                        let at = usize::try_from(at).unwrap();
                        assert!(whole[at..at + bytes.len()] == bytes, "{size} {range}");
                        seen[at..at + bytes.len()]
                            .iter_mut()
                            .for_each(|it| *it += 1);
                    }
                    for (at, count) in seen.into_iter().enumerate() {
                        let is_in =
                            |(first, last): &(u64, u64)| (*first..=*last).contains(&(at as u64));
                        let is_wanted = wanted.iter().any(is_in);
                        assert_eq!(count, u8::from(is_wanted), "{size} {range} at {at}");
                    }
                }
                status => panic!("{status} for {range} of {size}"),
            }
        }
    }
    served.site.end().await;
}

#[tokio::test]
async fn many_tiny_ranges_get_the_whole() {
    let served = Served::new(|dir| fs::write(dir.join("f"), pattern(1, 20_000)).unwrap()).await;
    let ranges = |count: usize| {
        let list: Vec<String> = (0..count).map(|it| format!("{0}-{0}", 2 * it)).collect();
        format!("Range: bytes={}", list.join(","))
    };
    let answer = served.get("/f", &[&ranges(64)]).await;
    assert_eq!((answer.status, parts(&answer).len()), (206, 64));
    for count in [65, 2_000] {
        let answer = served.get("/f", &[&ranges(count)]).await;
        assert!(
            answer.status == 200 && answer.body == pattern(1, 20_000),
            "{count}"
        );
    }
    served.site.end().await;
}

#[tokio::test]
async fn a_part_is_sent_of_the_version_that_the_client_has() {
    let served = Served::new(|dir| fs::write(dir.join("f"), "0123456789").unwrap()).await;
    let whole = served.get("/f", &[]).await;
    let (tag, date) = (
        whole.get("etag").unwrap(),
        whole.get("last-modified").unwrap(),
    );
    let weak = format!("W/{tag}");
    for (value, status) in [
        (tag, 206),
        (&*weak, 200),
        ("\"other\"", 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ] {
        let line = format!("If-Range: {value}");
        let answer = served.get("/f", &["Range: bytes=1-2", &line]).await;
        assert_eq!(answer.status, status, "{value}");
        assert_eq!(answer.get("etag"), Some(tag));
    }
    // Conditions count before ranges.
    let line = format!("If-None-Match: {tag}");
    assert_eq!(
        served.get("/f", &["Range: bytes=1-2", &line]).await.status,
        304
    );
    // Another write in the same second would have the same date.
    let line = format!("If-Range: {date}");
    let file = fs::File::open(served.path("f")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(60))
        .unwrap();
    served.root.note_change();
    assert_eq!(
        served.get("/f", &["Range: bytes=1-2", &line]).await.status,
        200
    );
    served.site.end().await;
}

/// Every pair of a condition on what is there and one on what the client has, to us and to nginx, which has its own tags.
/// Pairs that nginx reads otherwise than RFC 9110 section 13.2.2 are left out: it heeds dates beside tags.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_are_judged_as_nginx_judges_them() {
    let Some(nginx) = Nginx::with("if_modified_since before;") else {
        return;
    };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let served = Served::new(|dir| {
        fs::write(dir.join("f"), "0123456789").unwrap();
        fs::File::open(dir.join("f"))
            .unwrap()
            .set_modified(time)
            .unwrap();
    })
    .await;
    // nginx takes the file that we have, so that both have its date.
    nginx.put("f", "0123456789");
    let ours = [served.site.at.clone(), nginx.http().to_string()];
    let theirs = ask(&ours[1], "HEAD", "/f", &[]).await;
    let theirs_modified = theirs.get("last-modified").unwrap().to_owned();
    let before = "Sat, 05 Nov 1994 08:49:37 GMT";
    let after = "Fri, 06 Nov 2020 08:49:37 GMT";
    let match_lines = [
        "",
        "If-Match: *",
        "If-Match: TAG",
        "If-Match: W/TAG",
        "If-Match: \"x\", TAG",
        "If-Match: \"x\"",
        "If-Unmodified-Since: BEFORE",
        "If-Unmodified-Since: SAME",
        "If-Unmodified-Since: AFTER",
    ];
    let none_lines = [
        "",
        "If-None-Match: *",
        "If-None-Match: TAG",
        "If-None-Match: W/TAG",
        "If-None-Match: \"x\"",
        "If-Modified-Since: BEFORE",
        "If-Modified-Since: SAME",
        "If-Modified-Since: AFTER",
        "If-Modified-Since: whenever",
    ];
    let mut tags = Vec::new();
    for at in &ours {
        let answer = ask(at, "HEAD", "/f", &[]).await;
        tags.push(answer.get("etag").unwrap().to_owned());
    }
    for first in match_lines {
        for second in none_lines {
            for method in ["GET", "HEAD"] {
                let mut statuses = Vec::new();
                for (index, at) in ours.iter().enumerate() {
                    // The dates of both are far from those of the conditions but for SAME.
                    let same = match index {
                        0 => "Sun, 06 Nov 1994 08:49:37 GMT",
                        _ => &*theirs_modified,
                    };
                    let later = match index {
                        0 => after,
                        _ => "Fri, 06 Nov 2099 08:49:37 GMT",
                    };
                    let lines: Vec<String> = [first, second]
                        .iter()
                        .filter(|line| !line.is_empty())
                        .map(|line| line.replace("TAG", &tags[index]).replace("SAME", same))
                        .map(|line| line.replace("BEFORE", before).replace("AFTER", later))
                        .collect();
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    statuses.push(ask(at, method, "/f", &lines).await.status);
                }
                assert_eq!(statuses[0], statuses[1], "{method} {first} {second}");
            }
        }
    }
    // Single ranges, too.
    for range in [
        "0-0", "0-", "3-5", "-3", "-99", "0-99", "9-9", "10-", "10-20",
    ] {
        let mut answers = Vec::new();
        for at in &ours {
            let line = format!("Range: bytes={range}");
            let answer = ask(at, "GET", "/f", &[&line]).await;
            let body = if answer.status == 206 {
                answer.body.clone()
            } else {
                Vec::new()
            };
            answers.push((
                answer.status,
                answer.get("content-range").map(str::to_owned),
                body,
            ));
        }
        assert_eq!(answers[0], answers[1], "{range}");
    }
    served.site.end().await;
}

#[tokio::test]
async fn another_file_of_an_older_time_is_another_version() {
    let served = Served::new(|dir| {
        fs::write(dir.join("f"), "one").unwrap();
        fs::write(dir.join("g"), "two").unwrap();
        let old = SystemTime::now() - Duration::from_secs(1000);
        for name in ["f", "g"] {
            fs::File::open(dir.join(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
    })
    .await;
    let first = served.get("/f", &[]).await;
    fs::rename(served.path("g"), served.path("f")).unwrap();
    settle(served.dir.path());
    served.root.note_change();
    let line = format!("If-None-Match: {}", first.get("etag").unwrap());
    let second = served.get("/f", &[&line]).await;
    assert_eq!((second.status, &*second.body), (200, &b"two"[..]));
    assert_ne!(first.get("etag"), second.get("etag"));
    // Written in place, with the same size and its old time.
    fs::write(served.path("f"), "six").unwrap();
    let old = SystemTime::now() - Duration::from_secs(1000);
    fs::File::open(served.path("f"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    settle(served.dir.path());
    served.root.note_change();
    let third = served.get("/f", &[]).await;
    assert_eq!(third.body, b"six");
    assert_ne!(third.get("etag"), second.get("etag"));
    served.site.end().await;
}

#[tokio::test]
async fn what_is_kept_counts_for_its_time_and_until_a_change_of_ours() {
    let fill = |dir: &Path| fs::write(dir.join("f"), "one").unwrap();
    let hour = |settings: &mut Settings| settings.trusted = Duration::from_secs(3600);
    let served = Served::with(fill, hour).await;
    assert_eq!(served.get("/f", &[]).await.body, b"one");
    fs::write(served.path("f"), "other").unwrap();
    assert_eq!(served.get("/f", &[]).await.body, b"one");
    served.root.note_change();
    assert_eq!(served.get("/f", &[]).await.body, b"other");
    served.site.end().await;
    let served = Served::with(fill, |settings| settings.trusted = Duration::ZERO).await;
    for text in ["one", "other", "third one"] {
        fs::write(served.path("f"), text).unwrap();
        assert_eq!(served.get("/f", &[]).await.body, text.as_bytes());
    }
    served.site.end().await;
}

#[tokio::test]
async fn a_tag_of_a_file_that_was_just_written_is_weak() {
    let served = Served::new(|_| ()).await;
    fs::write(served.path("f"), "0").unwrap();
    let future = SystemTime::now() + Duration::from_secs(3600);
    // Still: the time of the change counts, which nobody can set.
    fs::File::open(served.path("f"))
        .unwrap()
        .set_modified(future)
        .unwrap();
    let tag = served.get("/f", &[]).await.get("etag").unwrap().to_owned();
    settle(served.dir.path());
    let later = served.get("/f", &[]).await.get("etag").unwrap().to_owned();
    assert!(!later.starts_with("W/"), "{later}");
    // The machine may have been busy for that long.
    assert!(tag == format!("W/{later}") || tag == later, "{tag} {later}");
    served.site.end().await;
}

#[tokio::test]
async fn forms_beside_a_file_are_sent_to_those_who_take_them() {
    let page = "page ".repeat(100);
    let served = Served::new(|dir| {
        for name in ["f.css", "old.css", "tiny.txt"] {
            fs::write(dir.join(name), &page).unwrap();
        }
        fs::write(dir.join("f.css.br"), "brotli").unwrap();
        fs::write(dir.join("f.css.gz"), "gzipped").unwrap();
        fs::write(dir.join("old.css.br"), "stale").unwrap();
        let old = SystemTime::now() - Duration::from_secs(1000);
        fs::File::open(dir.join("old.css.br"))
            .unwrap()
            .set_modified(old)
            .unwrap();
    })
    .await;
    let plain = served.get("/f.css", &[]).await;
    assert_eq!(plain.get("vary"), Some("Accept-Encoding"));
    for (accept, coding, body) in [
        ("br", Some("br"), "brotli"),
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("gzip;q=0.001", Some("gzip"), "gzipped"),
        ("br;q=0", None, &*page),
        ("br;q=0.5, gzip", Some("gzip"), "gzipped"),
        ("identity, br;q=0.5", None, &*page),
        ("zstd", None, &*page),
        ("", None, &*page),
    ] {
        let line = format!("Accept-Encoding: {accept}");
        let answer = served.get("/f.css", &[&line]).await;
        assert_eq!(answer.get("content-encoding"), coding, "{accept}");
        assert_eq!(answer.body, body.as_bytes(), "{accept}");
        let length = body.len().to_string();
        assert_eq!(answer.get("content-length"), Some(&*length), "{accept}");
        assert_eq!(answer.get("vary"), Some("Accept-Encoding"), "{accept}");
        assert_eq!(answer.get("content-type"), Some("text/css; charset=utf-8"));
        assert_eq!(
            answer.get("etag") == plain.get("etag"),
            coding.is_none(),
            "{accept}"
        );
        let head = served.ask("HEAD", "/f.css", &[&line]).await;
        assert_eq!(head.stable(), answer.stable(), "{accept}");
        let known = format!("If-None-Match: {}", answer.get("etag").unwrap());
        let answer = served.get("/f.css", &[&line, &known]).await;
        assert_eq!(
            (answer.status, answer.get("vary")),
            (304, Some("Accept-Encoding"))
        );
    }
    let answer = served
        .get("/f.css", &["Accept-Encoding: br", "Range: bytes=0-3"])
        .await;
    assert_eq!((answer.status, &*answer.body), (206, &b"page"[..]));
    assert_eq!(answer.get("content-encoding"), None);
    let answer = served.get("/old.css", &["Accept-Encoding: br"]).await;
    assert_eq!(
        (answer.get("content-encoding"), answer.get("vary")),
        (None, None)
    );
    let answer = served
        .get("/tiny.txt", &["Accept-Encoding: identity;q=0"])
        .await;
    assert_eq!(
        (answer.status, answer.get("vary")),
        (406, Some("Accept-Encoding"))
    );
    let answer = served
        .get("/tiny.txt", &["Accept-Encoding: identity;q=0, gzip"])
        .await;
    assert_eq!(
        (answer.status, answer.get("content-encoding")),
        (200, Some("gzip"))
    );
    served.site.end().await;
}

/// What these bytes were before they were compressed.
fn unpacked(coding: &str, bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(bytes, 4096)
            .read_to_end(&mut out)
            .map(drop),
        "zstd" => zstd::decode_all(bytes).map(|all| out = all),
        _ => flate2::read::GzDecoder::new(bytes)
            .read_to_end(&mut out)
            .map(drop),
    }
    .unwrap();
    out
}

/// A body without its chunks.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let end = chunks.windows(2).position(|it| it == b"\r\n").unwrap();
        let size = std::str::from_utf8(&chunks[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return all;
        }
        all.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 4 + size..];
    }
}

#[tokio::test]
async fn text_is_compressed_on_the_way_if_the_owner_wants_that() {
    let text = |size: usize| "some words that repeat, ".repeat(size / 24 + 1)[..size].to_owned();
    let sizes = [10, 10_000, 500_000, 3_000_000];
    let served = Served::with(
        |dir| {
            for size in sizes {
                fs::write(dir.join(format!("{size}.txt")), text(size)).unwrap();
            }
            fs::write(dir.join("a.png"), text(10_000)).unwrap();
        },
        |settings| settings.compress = vec![Coding::Zstd, Coding::Brotli, Coding::Gzip],
    )
    .await;
    for size in sizes {
        for accept in ["zstd", "br", "gzip", "br, zstd, gzip", "zstd"] {
            let coding = if accept.len() > 4 { "zstd" } else { accept };
            let path = format!("/{size}.txt");
            let line = format!("Accept-Encoding: {accept}");
            let answer = served.get(&path, &[&line]).await;
            assert_eq!(
                answer.get("vary"),
                Some("Accept-Encoding"),
                "{size} {accept}"
            );
            let head = served.ask("HEAD", &path, &[&line]).await;
            assert_eq!(head.stable(), answer.stable(), "{size} {accept}");
            if size < 256 {
                assert_eq!(answer.get("content-encoding"), None);
                continue;
            }
            assert_eq!(
                answer.get("content-encoding"),
                Some(coding),
                "{size} {accept}"
            );
            assert_eq!(answer.get("accept-ranges"), None);
            let body = match answer.get("content-length") {
                Some(_) => answer.body.clone(),
                None => joined(&answer.body),
            };
            assert!(body.len() < size / 2, "{size} {accept}: {}", body.len());
            assert!(
                unpacked(coding, &body) == text(size).as_bytes(),
                "{size} {accept}"
            );
            let known = format!("If-None-Match: {}", answer.get("etag").unwrap());
            assert_eq!(served.get(&path, &[&line, &known]).await.status, 304);
        }
    }
    let answer = served.get("/a.png", &["Accept-Encoding: gzip"]).await;
    assert_eq!(
        (answer.get("content-encoding"), answer.get("vary")),
        (None, None)
    );
    served.site.end().await;
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let served = Served::new(|dir| {
        let made = std::process::Command::new("mkfifo")
            .arg(dir.join("pipe"))
            .status();
        assert!(made.unwrap().success());
    })
    .await;
    let _socket = std::os::unix::net::UnixListener::bind(served.path("socket")).unwrap();
    for path in ["/pipe", "/socket"] {
        assert_eq!(served.get(path, &[]).await.status, 404, "{path}");
    }
    served.site.end().await;
    let site = Site::start(Files::new(Root::new("/dev", Rules::default()).unwrap())).await;
    for path in ["/zero", "/null", "/tty"] {
        assert_eq!(ask(&site.at, "GET", path, &[]).await.status, 404, "{path}");
    }
    site.end().await;
    // Files that say they are empty and are not.
    let site = Site::start(Files::new(
        Root::new("/proc/self", Rules::default()).unwrap(),
    ))
    .await;
    for _ in 0..2 {
        let answer = ask(&site.at, "GET", "/status", &[]).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(b"Name:"), "{answer:?}");
        assert_eq!(
            (answer.get("etag"), answer.get("accept-ranges")),
            (None, None)
        );
        let length = answer.body.len().to_string();
        assert_eq!(answer.get("content-length"), Some(&*length));
    }
    site.end().await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_not_made_up() {
    const SIZE: usize = 48 << 20;
    let fill = |dir: &Path| {
        for name in ["shorter", "longer"] {
            fs::write(dir.join(name), vec![b'x'; SIZE]).unwrap();
        }
    };
    let served = Served::new(fill).await;
    for (name, size) in [("shorter", SIZE as u64 / 2), ("longer", 2 * SIZE as u64)] {
        let mut stream = TcpStream::connect(&served.site.at).await.unwrap();
        let text =
            format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut first = vec![0; 1 << 20];
        soon(stream.read_exact(&mut first)).await.unwrap();
        let file = fs::File::options()
            .write(true)
            .open(served.path(name))
            .unwrap();
        file.set_len(size).unwrap();
        let mut rest = Vec::new();
        let head = first.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        match name {
            "shorter" => {
                // What follows the end is nothing: no other answer, no made up bytes.
                let _ = soon(stream.read_to_end(&mut rest)).await;
                let body = [&first[head..], &rest].concat();
                assert!(body.len() < SIZE, "{}", body.len());
                assert!(body.iter().all(|byte| *byte == b'x'));
            }
            _ => {
                rest.resize(SIZE - (first.len() - head), 0);
                soon(stream.read_exact(&mut rest)).await.unwrap();
                assert!(rest.iter().all(|byte| *byte == b'x'));
                let mut next = [0; 12];
                soon(stream.read_exact(&mut next)).await.unwrap();
                assert_eq!(&next, b"HTTP/1.1 404");
            }
        }
    }
    // What is kept of a file of this size is looked at for each answer.
    let answer = served.ask("HEAD", "/longer", &[]).await;
    let length = (2 * SIZE).to_string();
    assert_eq!(answer.get("content-length"), Some(&*length));
    served.site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn httplint_has_nothing_to_object_to() {
    if peers::python_with(&["httplint"]).is_none() {
        return;
    }
    let served = Served::with(
        |dir| {
            fs::create_dir(dir.join("d")).unwrap();
            fs::write(dir.join("f.html"), "<p>text</p>\n".repeat(1000)).unwrap();
            fs::write(
                dir.join("f.html.gz"),
                [
                    31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
            )
            .unwrap();
            fs::write(dir.join("g.txt"), "text\n".repeat(1000)).unwrap();
        },
        |settings| {
            settings.compress = vec![Coding::Gzip];
            settings
                .headers
                .push("Cache-Control: max-age=60".parse().unwrap());
        },
    )
    .await;
    let tag = served
        .get("/f.html", &[])
        .await
        .get("etag")
        .unwrap()
        .to_owned();
    let known = format!("If-None-Match: {tag}");
    // An interpreter is started for each: those that tell the most.
    let cases: &[(&str, &str, &[&str])] = &[
        ("GET", "/f.html", &["Accept-Encoding: gzip"]),
        ("HEAD", "/g.txt", &["Accept-Encoding: gzip"]),
        ("GET", "/f.html", &["Range: bytes=0-9"]),
        ("GET", "/f.html", &["Range: bytes=0-9,20-29"]),
        ("GET", "/f.html", &[&known]),
        ("GET", "/d", &[]),
    ];
    let mut objections = Vec::new();
    for (method, path, lines) in cases {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text =
            format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(&served.site.at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        soon(stream.read_to_end(&mut heard)).await.unwrap();
        let method = (*method).to_owned();
        let found = tokio::task::spawn_blocking(move || peers::httplint(&method, heard));
        for objection in found.await.unwrap().unwrap() {
            // That the interpreter took its time; and each of several parts has its Content-Range, so that the whole must not
            // have one (RFC 9110 section 14.6), which httplint does not know.
            let is_wrong = objection.contains("clock is")
                || text.contains(',') && objection.contains("Content-Range");
            if is_wrong {
                continue;
            }
            objections.push(format!("{text:?}: {objection}"));
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    served.site.end().await;
}

#[tokio::test]
async fn each_decision_leaves_a_note() {
    use sockeye::web::{Handler, Request, Trail};
    let dir = temporary_dir();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/index.html"), "0123456789").unwrap();
    settle(&dir.path().join("d"));
    let files = Files::new(Root::new(dir.path(), Rules::default()).unwrap());
    let notes = async |target: &str, line: &str| {
        let trail = Trail::new();
        let (name, value) = line.split_once(": ").unwrap();
        let mut request = Request::made("GET", target)
            .with_header(name, value)
            .unwrap();
        request.set_trail(trail.clone());
        let _ = files.handle(request).response().await;
        let notes = trail.notes().into_iter();
        notes
            .map(|note| format!("{}: {}", note.rule, note.text))
            .collect::<Vec<_>>()
    };
    for (target, line, wanted) in [
        (
            "/d/",
            "Range: bytes=2-3",
            vec![
                "index: /d/index.html, the index page of the folder",
                "range: 206: 2-3",
            ],
        ),
        (
            "/d",
            "X: y",
            vec!["folder: /d is a folder, and its path ends with a slash: ./d/"],
        ),
        (
            "/d/",
            "If-None-Match: *",
            vec![
                "index: /d/index.html, the index page of the folder",
                "conditions: 304: the client has this version",
            ],
        ),
        (
            "/.x",
            "X: y",
            vec!["file: /.x is hidden: a name begins with a dot"],
        ),
        ("/x", "X: y", vec!["file: there is no /x"]),
        ("/a%00", "X: y", vec!["path: 400: no path has a NUL"]),
    ] {
        assert_eq!(notes(target, line).await, wanted, "{target} {line}");
    }
}
