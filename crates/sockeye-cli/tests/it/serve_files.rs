//! `sockeye serve`: files as curl sees them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sockeye_testkit::{Program, deadline, pattern, peers, temporary_dir};
use std::time::Duration;

use crate::serving::SOCKEYE;

/// A server of this folder, with these flags.
fn serve(dir: &Path, flags: &[&str]) -> (Program, SocketAddr) {
    let mut args = vec!["serve", dir.to_str().unwrap(), "--port", "0"];
    args.extend(flags);
    let server = Program::start(SOCKEYE, args);
    // The first line ends with a URL.
    let text = String::from_utf8(server.stdout_until("\n")).unwrap();
    let (_, url) = text.split_once("http://").unwrap();
    let at = url.split('/').next().unwrap().parse().unwrap();
    (server, at)
}

/// What curl writes with these arguments; `URL` in them stands for the server.
fn curl(curl: &Path, at: SocketAddr, args: &[&str]) -> Vec<u8> {
    let url = format!("http://{at}");
    let args = args.iter().map(|arg| arg.replace("URL", &url));
    let args: Vec<String> = ["-sS".to_owned()].into_iter().chain(args).collect();
    let output = Program::start(curl, &args).finish();
    assert!(output.code == Some(0), "{args:?} {output:?}");
    output.stdout
}

#[test]
fn curl_gets_files_parts_and_headers() {
    let Some(program) = peers::curl() else { return };
    let dir = temporary_dir();
    for size in [0, 1, 16_383, 16_384, 16_385] {
        fs::write(dir.path().join(size.to_string()), pattern(2, size)).unwrap();
    }
    // Three gigabytes that take no room.
    let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    let (_server, at) = serve(dir.path(), &[]);
    for size in [0, 1, 16_383, 16_384, 16_385] {
        let got = curl(&program, at, &[&format!("URL/{size}")]);
        assert!(got == pattern(2, size), "{size}");
    }
    let head = String::from_utf8(curl(&program, at, &["-I", "URL/sparse"])).unwrap();
    assert!(head.contains("Content-Length: 3221225472\r\n"), "{head}");
    let last = curl(&program, at, &["-r", "3221225470-", "URL/sparse"]);
    assert_eq!(last, [0, 0]);
    let parts = curl(&program, at, &["-r", "0-1,4-5", "URL/16384"]);
    let parts = String::from_utf8_lossy(&parts).into_owned();
    for range in ["bytes 0-1/16384", "bytes 4-5/16384"] {
        assert!(
            parts.contains(&format!("Content-Range: {range}\r\n")),
            "{parts}"
        );
    }
    let options =
        String::from_utf8(curl(&program, at, &["-X", "OPTIONS", "-D-", "URL/1"])).unwrap();
    assert!(
        options.contains("Allow: GET, HEAD, OPTIONS\r\n"),
        "{options}"
    );
    let whole = curl(
        &program,
        at,
        &[
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--path-as-is",
            "URL/../../etc/passwd",
        ],
    );
    assert_eq!(whole, b"404");
}

#[test]
fn a_file_of_gigabytes_arrives_whole() {
    let Some(program) = peers::curl() else { return };
    let dir = temporary_dir();
    let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    let (_server, at) = serve(dir.path(), &[]);
    deadline(Duration::from_secs(120), move || {
        let url = format!("http://{at}/sparse");
        let mut child = std::process::Command::new(program)
            .args([
                "-sS",
                "-o",
                "/dev/null",
                "-w",
                "%{size_download} %{http_code}",
                &url,
            ])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
        child.wait().unwrap();
        assert_eq!(said, "3221225472 200");
    });
}

#[test]
fn curl_gets_compressed_files_and_unpacks_them() {
    let Some(program) = peers::curl() else { return };
    let dir = temporary_dir();
    let small = "some words, ".repeat(1000);
    let large = "some words, ".repeat(200_000);
    fs::write(dir.path().join("small.txt"), &small).unwrap();
    fs::write(dir.path().join("large.txt"), &large).unwrap();
    let (_server, at) = serve(dir.path(), &["--compress=gzip"]);
    for (name, text) in [("small", &small), ("large", &large)] {
        let url = format!("URL/{name}.txt");
        let flags = ["-D-", "-H", "Accept-Encoding: gzip", "--compressed", &url];
        let answer = String::from_utf8(curl(&program, at, &flags)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
        assert!(body == text, "{name}");
    }
}

#[test]
fn flags_say_what_is_served_and_how() {
    let Some(program) = peers::curl() else { return };
    let dir = temporary_dir();
    let outside = dir.path().join("outside");
    let inside = dir.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(&outside, "outside").unwrap();
    for (name, text) in [
        (".hidden", "hidden"),
        ("start.htm", "start"),
        ("about.html", "about"),
        ("lost.html", "lost"),
        ("app.html", "app"),
        ("a.css", "css"),
        ("a.css.gz", "packed"),
        ("a.xyz", "xyz"),
    ] {
        fs::write(inside.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("../outside", inside.join("link")).unwrap();
    let get = |flags: &[&str], args: &[&str]| {
        let (_server, at) = serve(&inside, flags);
        String::from_utf8(curl(&program, at, args)).unwrap()
    };
    for (flags, path, body) in [
        (&["--hidden"][..], "URL/.hidden", "hidden"),
        (&["--follow-links"], "URL/link", "outside"),
        (&["--index", "start.htm"], "URL/", "start"),
        (&["--pretty"], "URL/about", "about"),
        (&["--spa=app.html"], "URL/any/where", "app"),
        (&["--not-found", "lost.html"], "URL/nothing", "lost"),
    ] {
        assert_eq!(get(flags, &[path]), body, "{flags:?}");
    }
    for (flags, path, line) in [
        (
            &["--type", "xyz=text/x-own"][..],
            "URL/a.xyz",
            "Content-Type: text/x-own; charset=utf-8",
        ),
        (&["--header", "X-One: 1"], "URL/a.xyz", "X-One: 1"),
        (
            &["--max-age", "1h"],
            "URL/a.xyz",
            "Cache-Control: max-age=3600",
        ),
        (
            &[
                "--max-age",
                "1h",
                "--header",
                "*.css=Cache-Control: no-store",
            ],
            "URL/a.css",
            "Cache-Control: no-store",
        ),
        (
            &["--cache-control", "no-cache"],
            "URL/a.xyz",
            "Cache-Control: no-cache",
        ),
        (&["--cors"], "URL/a.xyz", "Access-Control-Allow-Origin: *"),
        (
            &["--cors=https://a.example"],
            "URL/a.xyz",
            "Access-Control-Allow-Origin: https://a.example",
        ),
        (&["--max-ranges", "0"], "URL/a.xyz", "HTTP/1.1 200 OK"),
        (&["--no-precompressed"], "URL/a.css", "Content-Length: 3"),
        (&["--cached-files", "0"], "URL/a.css", "Content-Length: 6"),
        (
            &["--cached-bytes", "0B", "--cached-for", "0s"],
            "URL/a.css",
            "Content-Length: 6",
        ),
    ] {
        let head = get(
            flags,
            &[
                "-D-",
                "-o",
                "/dev/null",
                "-H",
                "Accept-Encoding: gzip",
                path,
            ],
        );
        assert!(head.lines().any(|found| found == line), "{flags:?} {head}");
    }
    let head = get(&["--max-ranges", "0"], &["-D-", "-r", "0-0", "URL/a.css"]);
    assert!(
        head.starts_with("HTTP/1.1 200") && !head.contains("Accept-Ranges"),
        "{head}"
    );
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let dir = temporary_dir();
    for (flag, why) in [
        (
            "--header=nothing",
            "a header is `Name: value`, or `*.css=Name: value` for some files",
        ),
        (
            "--header=Content-Length: 1",
            "the server writes `Content-Length` itself",
        ),
        (
            "--cors=example.org",
            "an origin is scheme://host, perhaps with :port, or * for all",
        ),
        (
            "--type=md",
            "it is an extension and its type, as in md=text/plain",
        ),
        (
            "--type=md=text",
            "`text` is no media type, as text/plain is one",
        ),
        ("--compress=lzma", "a coding is br, zstd or gzip"),
    ] {
        let args = ["serve", dir.path().to_str().unwrap(), flag];
        let output = Program::start(SOCKEYE, args).finish();
        assert_eq!(output.code, Some(2), "{flag}");
        assert!(output.stderr_text().contains(why), "{flag} {output:?}");
    }
}
