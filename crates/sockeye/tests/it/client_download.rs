//! Downloads from scripted servers: names stay in their folder, and whatever a server answers, the file is right or not there.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye::Kind;
use sockeye::client::download::{
    Algorithm, Cause, Check, Download, Event, Existing, Failed, Retries, Saved, Segments, Traffic,
    all,
};
use sockeye::client::http::Client;
use sockeye::data::url::Url;
use sockeye_testkit::{Asked, LIMIT, Web, pattern, temporary_dir};
use tempfile::TempDir;
use tokio::time::timeout;

const LENGTH: usize = 200_000;
const TAG: &str = "ETag: \"one\"\r\n";

/// An answer with this body and these lines.
fn answer(status: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{lines}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The same, of which only so many bytes come.
fn cut(mut answer: Vec<u8>, body: usize) -> Vec<u8> {
    let head = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    answer.truncate(head + body);
    let close = b"Connection: close\r\n\r\n";
    answer.splice(head - 2..head, close.iter().copied());
    answer
}

/// What a server does that knows ranges and validators.
fn ranged(asked: &Asked, content: &[u8], lines: &str) -> Vec<u8> {
    let lines = format!("Accept-Ranges: bytes\r\n{lines}");
    let is_other = asked
        .header("if-range")
        .is_some_and(|tag| !lines.contains(tag));
    let range = asked.header("range").filter(|_| !is_other);
    let Some(range) = range.and_then(|it| it.strip_prefix("bytes=")) else {
        return answer("200 OK", &lines, content);
    };
    let (first, last) = range.split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    let last = last
        .parse()
        .unwrap_or(content.len() - 1)
        .min(content.len() - 1);
    if first > last {
        let lines = format!("{lines}Content-Range: bytes */{}\r\n", content.len());
        return answer("416 No", &lines, b"");
    }
    let lines = format!(
        "{lines}Content-Range: bytes {first}-{last}/{}\r\n",
        content.len()
    );
    answer("206 Part", &lines, &content[first..=last])
}

fn soon() -> Retries {
    let mut retries = Retries::times(3);
    retries.pause = Duration::from_millis(1);
    retries.seed = Some(1);
    retries
}

fn download(web: &Web, path: &str, dir: &Path) -> Download {
    let download = Download::new(&Client::new(), &web.url(path)).unwrap();
    download.into_folder(dir).retries(soon())
}

async fn run(download: Download) -> Result<Saved, Failed> {
    timeout(LIMIT, download.run()).await.expect("in time")
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn ranges(web: &Web) -> Vec<(Option<String>, Option<String>)> {
    let of = |asked: &Asked, name| asked.header(name).map(str::to_owned);
    web.asked()
        .iter()
        .map(|it| (of(it, "range"), of(it, "if-range")))
        .collect()
}

#[tokio::test]
async fn a_name_that_a_server_chooses_stays_in_the_folder() {
    let given: &[(&str, &str)] = &[
        ("attachment; filename=\"../../x\"", "x"),
        ("attachment; filename=\"/abs/x\"", "x"),
        ("attachment; filename=\"C:\\\\dir\\\\y\"", "y"),
        ("attachment; filename=\".bashrc\"", "bashrc"),
        ("attachment; filename=\"-rf\"", "rf"),
        ("attachment; filename=\"\"", "from url"),
        ("attachment; filename=\"%2e%2e%2f\"", "%2e%2e%2f"),
        ("attachment; filename=\"CON\"", "_CON"),
        (
            "attachment; filename=a; filename*=UTF-8''%e2%82%ac%2f%2e%2e%2frates",
            "rates",
        ),
        ("attachment; filename=\"=?UTF-8?B?w6QudHh0?=\"", "ä.txt"),
        ("attachment; filename*=UTF-8''a%00b%0ac", "a_b_c"),
        ("attachment; filename=\"x.part.json\"", "x.part.json_"),
    ];
    for (disposition, name) in given {
        let lines = format!("Content-Disposition: {disposition}\r\n");
        let web = Web::new(move |_| answer("200 OK", &lines, b"body"));
        let outside = temporary_dir();
        let dir = outside.path().join("a/b");
        let saved = run(download(&web, "/from%20url", &dir).create_folders(true))
            .await
            .unwrap();
        assert_eq!(saved.path, dir.join(name), "{disposition}");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "{disposition}");
        assert_eq!(
            std::fs::read_dir(outside.path()).unwrap().count(),
            1,
            "{disposition}"
        );
    }
    let long = format!(
        "Content-Disposition: attachment; filename={}.txt\r\n",
        "x".repeat(300)
    );
    let web = Web::new(move |_| answer("200 OK", &long, b"body"));
    let dir = temporary_dir();
    let saved = run(download(&web, "/", dir.path())).await.unwrap();
    assert!(saved.path.to_str().unwrap().ends_with("x.txt"));
}

#[tokio::test]
async fn files_that_are_there_are_left_alone_unless_told() {
    let web = Web::new(|_| {
        answer(
            "200 OK",
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            b"new",
        )
    });
    let dir = temporary_dir();
    let file = dir.path().join("x");
    std::fs::write(&file, "old").unwrap();
    run(download(&web, "/x", dir.path())).await.unwrap();
    assert_eq!(names(&dir), ["x", "x (1)"]);
    let skipped = run(download(&web, "/x", dir.path()).existing(Existing::Skip))
        .await
        .unwrap();
    assert!(skipped.skipped);
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    run(download(&web, "/x", dir.path()).existing(Existing::Overwrite))
        .await
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
    let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(
        changed
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
        784_111_777
    );
    assert_eq!(names(&dir), ["x", "x (1)"]);
}

/// The first request is answered with a part of the whole; the others as `later` says. What then is there, and what was asked.
async fn resumed(
    lines: &'static str,
    later: impl Fn(&Asked, &[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> (
    Result<Saved, Failed>,
    Vec<u8>,
    Vec<(Option<String>, Option<String>)>,
) {
    let content = pattern(1, LENGTH);
    let count = AtomicUsize::new(0);
    let web = Web::new(move |asked| match count.fetch_add(1, Ordering::SeqCst) {
        0 => cut(answer("200 OK", lines, &content), 120_000),
        _ => later(asked, &content),
    });
    let dir = temporary_dir();
    let saved = run(download(&web, "/x", dir.path())).await;
    let bytes = std::fs::read(dir.path().join("x")).unwrap_or_default();
    if saved.is_ok() {
        assert_eq!(names(&dir), ["x"]);
    }
    (saved, bytes, ranges(&web))
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let (saved, bytes, asked) = resumed(TAG, |asked, content| ranged(asked, content, TAG)).await;
    assert_eq!(saved.unwrap().received, LENGTH as u64);
    assert!(bytes == pattern(1, LENGTH));
    let rest = (Some("bytes=120000-".to_owned()), Some("\"one\"".to_owned()));
    assert_eq!(asked, [(None, None), rest]);
}

#[tokio::test]
async fn only_strong_validators_are_trusted() {
    const DATED: &str =
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nLast-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n";
    const SAME: &str =
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (lines, is_resumed) in [
        (DATED, true),
        (SAME, false),
        ("ETag: W/\"one\"\r\n", false),
        ("", false),
    ] {
        let (saved, bytes, asked) =
            resumed(lines, move |asked, content| ranged(asked, content, lines)).await;
        saved.unwrap();
        assert!(bytes == pattern(1, LENGTH), "{lines}");
        assert_eq!(asked[1].0.is_some(), is_resumed, "{lines}");
        assert_eq!(asked[1].0.is_some(), asked[1].1.is_some(), "{lines}");
    }
}

#[tokio::test]
async fn whatever_a_server_answers_to_a_resumption_the_file_is_right() {
    type Later = fn(&Asked, &[u8]) -> Vec<u8>;
    let ways: &[(&str, Later)] = &[
        ("206 from another byte", |asked, content| {
            match asked.header("range") {
                Some(_) => answer(
                    "206 Part",
                    "ETag: \"one\"\r\nContent-Range: bytes 119999-199999/200000\r\n",
                    &content[119_999..],
                ),
                None => answer("200 OK", TAG, content),
            }
        }),
        ("206 of another length", |asked, content| {
            match asked.header("range") {
                Some(_) => answer(
                    "206 Part",
                    "ETag: \"one\"\r\nContent-Range: bytes 120000-199999/300000\r\n",
                    &content[120_000..],
                ),
                None => answer("200 OK", TAG, content),
            }
        }),
        ("206 of another version", |asked, content| {
            match asked.header("range") {
                Some(_) => answer(
                    "206 Part",
                    "ETag: \"two\"\r\nContent-Range: bytes 120000-199999/200000\r\n",
                    &vec![0; 80_000],
                ),
                None => answer("200 OK", "ETag: \"two\"\r\n", content),
            }
        }),
        ("206 that is encoded", |asked, content| {
            match asked.header("range") {
                Some(_) => answer(
                    "206 Part",
                    "ETag: \"one\"\r\nContent-Encoding: gzip\r\nContent-Range: bytes 120000-199999/200000\r\n",
                    &vec![0; 80_000],
                ),
                None => answer("200 OK", TAG, content),
            }
        }),
        ("206 that is shorter", |asked, content| {
            let all = ranged(asked, content, TAG);
            if asked.header("range") == Some("bytes=120000-") {
                let lines = "ETag: \"one\"\r\nContent-Range: bytes 120000-129999/200000\r\n";
                return answer("206 Part", lines, &content[120_000..130_000]);
            }
            all
        }),
        ("200", |_, content| answer("200 OK", TAG, content)),
        ("200 of another version", |_, content| {
            answer("200 OK", "ETag: \"two\"\r\n", content)
        }),
        ("416 of another length", |asked, content| {
            match asked.header("range") {
                Some(_) => answer("416 No", "Content-Range: bytes */100\r\n", b""),
                None => answer("200 OK", TAG, content),
            }
        }),
        ("416 that says nothing", |asked, content| {
            match asked.header("range") {
                Some(_) => answer("416 No", "", b""),
                None => answer("200 OK", TAG, content),
            }
        }),
    ];
    for (what, later) in ways {
        let (saved, bytes, asked) = resumed(TAG, *later).await;
        let saved = saved.unwrap_or_else(|failed| panic!("{what}: {failed}"));
        assert_eq!(saved.length, LENGTH as u64, "{what}");
        assert!(bytes == pattern(1, LENGTH), "{what}");
        assert_eq!(asked[1].1.as_deref(), Some("\"one\""), "{what}");
    }
}

#[tokio::test]
async fn a_complete_part_of_unknown_length_is_known_by_416() {
    let content = pattern(1, 1000);
    let count = AtomicUsize::new(0);
    let served = content.clone();
    let web = Web::new(move |asked| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nETag: \"one\"\r\n\r\n3e8\r\n";
            // The last chunk is missing.
            return [head.as_bytes(), &served, b"\r\n"].concat();
        }
        ranged(asked, &served, TAG)
    });
    let dir = temporary_dir();
    let saved = run(download(&web, "/x", dir.path())).await.unwrap();
    assert_eq!(std::fs::read(saved.path).unwrap(), content);
    assert_eq!(ranges(&web)[1].0.as_deref(), Some("bytes=1000-"));
}

#[tokio::test]
async fn what_was_decoded_is_never_added_to_what_is_encoded() {
    let content = pattern(1, LENGTH);
    let count = AtomicUsize::new(0);
    // It encodes whatever is asked for; the parts would be parts of that.
    let web = Web::new(move |_| {
        let lines = "ETag: \"one\"\r\nContent-Encoding: x-none\r\n";
        let whole = answer("200 OK", lines, &content);
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            cut(whole, 1000)
        } else {
            whole
        }
    });
    let dir = temporary_dir();
    let outcome = run(download(&web, "/x", dir.path())).await;
    assert!(
        ranges(&web).iter().all(|(range, _)| range.is_none()),
        "{outcome:?}"
    );
    assert!(
        web.asked()
            .iter()
            .all(|it| it.header("accept-encoding") == Some("identity"))
    );
}

#[tokio::test]
async fn an_error_is_never_saved_and_only_what_may_pass_is_tried_again() {
    for (status, lines, asked) in [
        ("404 Not Found", "", 1),
        ("403 No", "Retry-After: 0\r\n", 1),
        ("503 Busy", "Retry-After: 0\r\n", 4),
        ("503 Busy", "Retry-After: 3600\r\n", 1),
        (
            "503 Busy",
            "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            4,
        ),
        ("429 Slow", "", 4),
    ] {
        let web = Web::new(move |_| answer(status, lines, b"<h1>no</h1>"));
        let dir = temporary_dir();
        let failed = run(download(&web, "/x", dir.path())).await.unwrap_err();
        assert_eq!(failed.status, status[..3].parse().ok(), "{failed}");
        assert_eq!(web.asked().len(), asked, "{status} {lines}");
        assert!(names(&dir).is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_wrong_checksum_never_gets_the_name() {
    let web = Web::new(|_| {
        answer(
            "200 OK",
            "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n",
            b"hello",
        )
    });
    let right: Check = Check::Is("md5:5d41402abc4b2a76b9719d911017c592".parse().unwrap());
    let dir = temporary_dir();
    let asked = download(&web, "/x", dir.path())
        .check(right)
        .check(Check::Of(Algorithm::Sha1));
    let saved = run(asked).await.unwrap();
    let shown: Vec<_> = saved.checksums.iter().map(ToString::to_string).collect();
    let sha1 = "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    assert_eq!(shown, ["md5:5d41402abc4b2a76b9719d911017c592", sha1]);

    let wrong = format!("{}  y\n", "0".repeat(64));
    let listed = download(&web, "/y", dir.path()).check(Check::Listed(wrong.clone()));
    let failed = run(listed).await.unwrap_err();
    assert_eq!(
        (failed.error.kind(), failed.status),
        (Kind::Protocol, None),
        "{failed}"
    );
    assert!(failed.error.hint().unwrap().contains("y.part"));
    assert_eq!(names(&dir), ["x", "y.part"]);
    let unnamed = run(download(&web, "/z", dir.path()).check(Check::Listed(wrong)))
        .await
        .unwrap_err();
    assert!(
        unnamed.to_string().contains("does not name `z`"),
        "{unnamed}"
    );

    let web = Web::new(|_| {
        answer(
            "200 OK",
            "Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n",
            b"x",
        )
    });
    let failed = run(download(&web, "/w", dir.path())).await.unwrap_err();
    assert!(failed.to_string().contains("its sha256 is"), "{failed}");
}

#[tokio::test]
async fn a_file_in_segments_is_the_same_file() {
    let content = pattern(1, LENGTH);
    let served = content.clone();
    let web = Web::new(move |asked| ranged(asked, &served, TAG));
    let dir = temporary_dir();
    let causes = Arc::new(Mutex::new(Vec::new()));
    let told = causes.clone();
    let wanted = download(&web, "/x", dir.path())
        .segments(Segments::Exactly(4))
        .watch(move |event| {
            if let Event::Opened { cause, .. } = event {
                told.lock().unwrap().push(cause);
            }
        });
    let saved = run(wanted.check(Check::Of(Algorithm::Md5))).await.unwrap();
    assert!(std::fs::read(&saved.path).unwrap() == content);
    assert_eq!(saved.segments, 4);
    assert_eq!(
        causes.lock().unwrap()[..4],
        [Cause::First, Cause::Forced, Cause::Forced, Cause::Forced]
    );
    let asked: Vec<_> = ranges(&web).into_iter().filter_map(|it| it.0).collect();
    for part in [
        "bytes=50000-99999",
        "bytes=100000-149999",
        "bytes=150000-199999",
    ] {
        assert!(asked.iter().any(|it| it == part), "{asked:?}");
    }
}

#[tokio::test]
async fn segments_fall_back_to_one_where_they_do_not_fit() {
    type Way = fn(usize, &Asked, &[u8]) -> Vec<u8>;
    let ways: &[(&str, Way)] = &[
        ("no parts", |_, _, content| answer("200 OK", TAG, content)),
        (
            "no more connections",
            |number, asked, content| match asked.header("range") {
                Some(_) if number < 3 => answer("503 Busy", "", b""),
                _ => ranged(asked, content, TAG),
            },
        ),
        ("every other part breaks", |number, asked, content| {
            let all = ranged(asked, content, TAG);
            if asked.header("range").is_some() && number % 2 == 0 {
                cut(all, 1000)
            } else {
                all
            }
        }),
        ("the file changes", |_, asked, content| {
            match asked.header("range") {
                Some(_) => ranged(asked, content, "ETag: \"two\"\r\n"),
                None => ranged(asked, content, TAG),
            }
        }),
    ];
    for (what, way) in ways {
        let content = pattern(1, LENGTH);
        let (served, way) = (content.clone(), *way);
        let count = AtomicUsize::new(0);
        let web = Web::new(move |asked| way(count.fetch_add(1, Ordering::SeqCst), asked, &served));
        let dir = temporary_dir();
        let outcome = run(download(&web, "/x", dir.path()).segments(Segments::Exactly(3))).await;
        match outcome {
            Ok(saved) => assert!(std::fs::read(saved.path).unwrap() == content, "{what}"),
            // A server whose file is another one each time is given up.
            Err(failed) => {
                assert_eq!(*what, "the file changes", "{failed}");
                assert!(names(&dir).is_empty() || names(&dir)[0].contains(".part"));
            }
        }
    }
}

#[tokio::test]
async fn a_mirror_is_mixed_in_only_if_it_is_the_same_file() {
    let content = pattern(1, LENGTH);
    for (tag, is_checked, is_mixed) in [
        (TAG, false, true),
        ("ETag: \"two\"\r\n", false, false),
        ("ETag: \"two\"\r\n", true, true),
    ] {
        // What is not mixed in would spoil the file.
        let theirs = if is_mixed {
            content.clone()
        } else {
            pattern(2, LENGTH)
        };
        let ours = content.clone();
        let web = Web::new(move |asked| ranged(asked, &ours, TAG));
        let other = Web::new(move |asked| ranged(asked, &theirs, tag));
        let dir = temporary_dir();
        let mirror = Url::parse(&other.url("/x")).unwrap();
        let mut wanted = download(&web, "/x", dir.path())
            .segments(Segments::Exactly(4))
            .mirror(mirror);
        if is_checked {
            let md5 =
                run(download(&web, "/x", temporary_dir().path()).check(Check::Of(Algorithm::Md5)))
                    .await;
            wanted = wanted.check(Check::Is(md5.unwrap().checksums[0].clone()));
        }
        let saved = run(wanted).await.unwrap();
        assert!(std::fs::read(saved.path).unwrap() == content);
        assert!(!other.asked().is_empty(), "{tag} {is_checked}");
    }
}

#[tokio::test]
async fn a_mirror_takes_over_from_a_server_that_fails() {
    let broken = Web::new(|_| answer("500 No", "", b""));
    let other = Web::new(|asked| ranged(asked, b"hello", TAG));
    let dir = temporary_dir();
    let mirror = Url::parse(&other.url("/x")).unwrap();
    let saved = run(download(&broken, "/x", dir.path()).mirror(mirror))
        .await
        .unwrap();
    assert_eq!(std::fs::read(saved.path).unwrap(), b"hello");
}

#[tokio::test]
async fn what_another_program_began_is_gone_on_with_if_it_fits() {
    let content = pattern(1, LENGTH);
    let served = content.clone();
    let web = Web::new(move |asked| ranged(asked, &served, TAG));
    let dir = temporary_dir();
    let file = dir.path().join("x");
    let go_on = || {
        Download::new(&Client::new(), &web.url("/x"))
            .unwrap()
            .to(&file)
            .existing(Existing::Continue)
    };
    std::fs::write(&file, &content[..50_000]).unwrap();
    let saved = run(go_on()).await.unwrap();
    assert!(std::fs::read(&file).unwrap() == content);
    assert_eq!(saved.received, LENGTH as u64 - 50_000);
    // A part of the start is compared.
    assert_eq!(ranges(&web)[0].0.as_deref(), Some("bytes=33616-"));
    assert_eq!(names(&dir), ["x"]);
    let complete = run(go_on()).await.unwrap();
    assert!(complete.skipped, "{complete:?}");

    for other in [pattern(2, 50_000), pattern(1, LENGTH + 1)] {
        std::fs::write(&file, &other).unwrap();
        let failed = run(go_on()).await.unwrap_err();
        assert!(
            failed.to_string().contains("cannot be gone on with"),
            "{failed}"
        );
        assert!(std::fs::read(&file).unwrap() == other);
        assert_eq!(names(&dir), ["x"]);
    }
}

#[tokio::test]
async fn many_downloads_share_what_one_host_may_have() {
    let web = Web::new(|asked| answer("200 OK", "", asked.target().as_bytes()));
    let dir = temporary_dir();
    let client = Client::new();
    let traffic = Traffic::new(3);
    let downloads = (0..40).map(|number| {
        let download = Download::new(&client, &web.url(&format!("/{number}"))).unwrap();
        download.into_folder(dir.path()).traffic(traffic.clone())
    });
    let mut done = [false; 40];
    let everything = all(downloads, 10, |number, outcome| {
        let saved = outcome.unwrap();
        assert_eq!(
            std::fs::read(saved.path).unwrap(),
            format!("/{number}").as_bytes()
        );
        done[number] = true;
    });
    timeout(LIMIT, everything).await.expect("in time");
    assert!(done.iter().all(|it| *it));
    assert!(web.connections() <= 3, "{}", web.connections());
}

#[tokio::test]
async fn one_name_for_many_becomes_many_names() {
    let web = Web::new(|asked| answer("200 OK", "", asked.target().as_bytes()));
    let dir = temporary_dir();
    let downloads = (0..5).map(|number| download(&web, &format!("/{number}/x"), dir.path()));
    timeout(
        LIMIT,
        all(downloads, 5, |_, outcome| drop(outcome.unwrap())),
    )
    .await
    .expect("in time");
    assert_eq!(names(&dir), ["x", "x (1)", "x (2)", "x (3)", "x (4)"]);
}
