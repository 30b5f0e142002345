//! `sockeye serve`: folders as pages, data and archives, as curl and others see them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use sockeye_testkit::{Program, deadline, peers, within};

use crate::serving::sockeye;

/// A folder that may be filled.
fn folder() -> tempfile::TempDir {
    sockeye_testkit::temporary_dir()
}

fn curl(program: &Path, args: &[&str]) -> String {
    let args = ["-sS"].iter().chain(args).copied();
    let output = Program::start(program, args).wait_at_most(SLOW);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

/// What works on gigabytes or on many files, in a build that is not made for speed, beside other tests.
const SLOW: Duration = Duration::from_secs(100);

fn serve(dir: &Path, flags: &[&str]) -> (Program, String) {
    let args = ["serve", dir.to_str().unwrap(), "--port", "0"];
    let args = args.iter().chain(flags).copied();
    let server = Program::start(crate::serving::SOCKEYE, args);
    let url = format!("http://127.0.0.1:{}", server.port());
    (server, url)
}

/// The most memory that a process had so far, in bytes.
fn most_memory(server: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn folders_are_listed_unless_that_is_switched_off() {
    within(|| {
        let Some(program) = peers::curl() else { return };
        let dir = folder();
        fs::write(dir.path().join("a b"), "1").unwrap();
        let (_server, url) = serve(dir.path(), &["--title", "Our <things>"]);
        let page = curl(&program, &[&url]);
        assert!(page.contains("<h1>Our &lt;things&gt;</h1>"), "{page}");
        let text = curl(&program, &["-H", "Accept: text/plain", &url]);
        assert_eq!(text, "a b\n");
        let (_server, url) = serve(dir.path(), &["--no-listing"]);
        let status = curl(&program, &["-o", "/dev/null", "-w", "%{http_code}", &url]);
        assert_eq!(status, "404");
    });
}

#[test]
fn flags_bound_pages_and_archives() {
    within(|| {
        let Some(program) = peers::curl() else { return };
        let dir = folder();
        for number in 1..=3 {
            fs::write(dir.path().join(format!("{number}")), "x").unwrap();
        }
        fs::write(dir.path().join("README"), "hello readers").unwrap();
        let flags = ["--max-entries", "2", "--no-readme", "--no-archives"];
        let (_server, url) = serve(dir.path(), &flags);
        let page = curl(&program, &[&url]);
        assert!(
            page.contains("Page 1 of 2") && !page.contains("hello readers"),
            "{page}"
        );
        assert!(!page.contains("archive="), "{page}");
        for flags in [["--max-archive", "1KiB"], ["--max-archive-entries", "3"]] {
            let (_server, url) = serve(dir.path(), &flags);
            // Broken off is not the end: 18 is a part of a file, 56 a reset.
            let args = ["-sSo", "/dev/null", &format!("{url}/?archive=tar")];
            let code = Program::start(&program, args).wait().code;
            assert!(matches!(code, Some(18 | 56)), "{code:?}");
        }
    });
}

#[test]
fn flags_that_would_be_ignored_are_refused() {
    within(|| {
        for args in [
            ["serve", "--no-listing", "--no-readme"],
            ["serve", "--no-archives", "--max-archives=2"],
        ] {
            let output = sockeye(args).wait();
            assert_eq!(output.code, Some(2), "{}", output.stderr_text());
            assert!(
                output.stderr_text().contains("cannot be used with"),
                "{}",
                output.stderr_text()
            );
        }
    });
}

#[test]
fn seventy_thousand_files_take_little_memory() {
    deadline(SLOW, || {
        let (Some(program), Some(python)) = (peers::curl(), peers::python3()) else {
            return;
        };
        let dir = folder();
        let served = dir.path().join("served");
        for sub in 0..70 {
            let sub = served.join(format!("folder {sub}"));
            fs::create_dir_all(&sub).unwrap();
            for number in 0..1000 {
                let mut file =
                    File::create(sub.join(format!("a file with a name {number}"))).unwrap();
                write!(file, "{number}").unwrap();
            }
        }
        let (server, url) = serve(&served, &[]);
        curl(&program, &["-o", "/dev/null", &url]);
        let before = most_memory(&server);
        let path = dir.path().join("z.zip");
        let path = path.to_str().unwrap();
        curl(&program, &["-o", path, &format!("{url}/?archive=zip")]);
        // The table at a ZIP's end takes some 100 bytes an entry; a debug build fills 28 MiB by itself.
        let grown = most_memory(&server) - before;
        assert!(grown < 14 << 20, "{} KiB", grown >> 10);
        let count = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(len(z.namelist()), z.testzip(), \
                     z.read('folder 7/a file with a name 77'))";
        let output = Program::start(python, ["-c", count, path]).wait();
        assert_eq!(
            output.stdout_text(),
            "70070 None b'77'\n",
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
#[ignore = "takes a minute in a build that is not made for speed"]
fn five_gigabytes_are_packed_whole() {
    deadline(SLOW, || {
        let (Some(program), Some(python)) = (peers::curl(), peers::python3()) else {
            return;
        };
        let dir = folder();
        let served = dir.path().join("served");
        fs::create_dir(&served).unwrap();
        let size: u64 = 5 << 30;
        let file = File::create(served.join("big.mp4")).unwrap();
        file.set_len(size).unwrap();
        drop(file);
        fs::write(served.join("small"), "after it").unwrap();
        let (server, url) = serve(&served, &[]);
        curl(&program, &["-o", "/dev/null", &url]);
        let before = most_memory(&server);
        // Read as it comes, kept nowhere: a ZIP is read from its local headers.
        let check = "
import struct, sys, zlib
data, size = sys.stdin.buffer, int(sys.argv[1])
head = struct.unpack('<IHHHHHIIIHH', data.read(30))
assert head[:4] == (0x04034b50, 45, 0x808, 8), head
assert data.read(head[9]) == b'big.mp4'
assert struct.pack('<HHQQ', 1, 16, 0, 0) in data.read(head[10])
inflate, count, sum, packed = zlib.decompressobj(-15), 0, 0, 0
while not inflate.eof:
    chunk = data.read(1 << 18)
    packed += len(chunk)
    out = inflate.decompress(chunk)
    count += len(out)
    sum = zlib.crc32(out, sum)
rest = inflate.unused_data + data.read()
packed -= len(inflate.unused_data)
assert count == size, count
assert rest[:24] == struct.pack('<IIQQ', 0x08074b50, sum, packed, size), rest[:24]
assert struct.pack('<HHQQ', 1, 16, size, packed) in rest
print('whole')
";
        let script = dir.path().join("check.py");
        fs::write(&script, check).unwrap();
        let line = format!(
            "'{}' -sS '{url}/?archive=zip' | '{}' '{}' {size}",
            program.display(),
            python.display(),
            script.display()
        );
        let output = Program::start("sh", ["-c", &line]).wait_at_most(SLOW);
        assert_eq!(output.stdout_text(), "whole\n", "{}", output.stderr_text());
        let grown = most_memory(&server) - before;
        assert!(grown < 4 << 20, "{} KiB", grown >> 10);
    });
}
