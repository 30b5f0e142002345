//! Folders as archives, unpacked by programs that we did not write.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use sockeye::web::archive::Archives;
use sockeye::web::files::{Files, Root, Rules};
use sockeye::web::listing::Listing;
use sockeye::web::{Body, Handler, Request, Response};
use sockeye_testkit::peers::python3;
use sockeye_testkit::{LIMIT, Program};
use tempfile::TempDir;
use tokio::time::timeout;

/// Lists what Python finds in an archive: name, kind, mode, target and a hash or the text of the content.
const LIST: &str = r#"
import sys, tarfile, zipfile, subprocess, io
path, form = sys.argv[1:]
lines = []
show = lambda name: name.encode('utf-8', 'surrogateescape').decode('utf-8', 'backslashreplace').encode('unicode_escape').decode()
if form == 'zip':
    z = zipfile.ZipFile(path)
    assert z.testzip() is None
    for i in z.infolist():
        kind = 'd' if i.is_dir() else 'f'
        text = z.read(i) if i.file_size < 100 else b'%d bytes' % i.file_size
        lines.append((show(i.filename), kind, oct(i.external_attr >> 16 & 0o777), text.decode()))
else:
    data = open(path, 'rb')
    if form == 'tar.zst':
        data = io.BytesIO(subprocess.run(['zstd', '-dc', path], stdout=subprocess.PIPE, check=True).stdout)
    t = tarfile.open(fileobj=data, mode='r:*')
    for i in t:
        kind = 'd' if i.isdir() else 'l' if i.issym() else 'f'
        text = i.linkname if i.issym() else t.extractfile(i).read().decode() if i.isfile() else ''
        lines.append((show(i.name) + ('/' if i.isdir() else ''), kind, oct(i.mode), text))
for line in lines: print(*line, sep='|')
"#;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(folder: &Path, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
    let path = folder.join(name.as_ref());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
}

fn site(folder: &Path, archives: Archives) -> Files {
    let listing = Listing::new().archives(Some(archives));
    Files::new(Root::new(folder, Rules::default()).unwrap()).folders(listing)
}

async fn get(site: &Files, target: &str) -> Response {
    timeout(LIMIT, site.handle(Request::made("GET", target)).response())
        .await
        .expect("in time")
}

/// All of a body into a file; how it ended.
async fn save(body: &mut Body, path: &Path) -> Result<u64, String> {
    let mut file = File::create(path).unwrap();
    let mut size = 0;
    while let Some(chunk) = timeout(LIMIT, body.chunk()).await.expect("in time") {
        let chunk = chunk.map_err(|error| error.to_string())?;
        assert!(!chunk.is_empty());
        size += chunk.len() as u64;
        io::Write::write_all(&mut file, &chunk).unwrap();
    }
    Ok(size)
}

fn run<const N: usize>(program: impl AsRef<OsStr>, args: [&str; N]) -> String {
    let output = Program::start(program.as_ref(), args).wait();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

/// A tree with whatever is difficult.
fn tree(outer: &Path) -> std::path::PathBuf {
    let folder = outer.join("served");
    put(outer, "secret", "no");
    put(&folder, "b.txt", "hello");
    put(&folder, "empty", "");
    put(&folder, "pic.jpg", "already small");
    put(&folder, "sub/deep/x", "x");
    put(&folder, ".hidden/x", "no");
    put(&folder, "ä ö.txt", "text");
    put(&folder, OsStr::from_bytes(b"\xff.txt"), "bytes");
    put(&folder, "l/".to_owned() + &"o/".repeat(60) + "ng", "far");
    put(&folder, "run.sh", "#!");
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(folder.join("b.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    for (target, name) in [
        ("b.txt", "in"),
        ("../b.txt", "sub/up"),
        ("../secret", "out"),
        ("/etc/passwd", "etc"),
        (".hidden/x", "to-hidden"),
        ("nowhere", "broken"),
        ("sub/..", "round"),
    ] {
        symlink(target, folder.join(name)).unwrap();
    }
    folder
}

#[tokio::test]
async fn others_unpack_what_we_pack() {
    let Some(python) = python3() else { return };
    let outer = folder();
    let site = site(&tree(outer.path()), Archives::new());
    for (form, links) in [
        ("zip", false),
        ("tar", true),
        ("tar.gz", true),
        ("tar.zst", true),
    ] {
        let mut response = get(&site, &format!("/?archive={form}")).await;
        assert_eq!(response.status(), 200);
        let name = format!("attachment; filename=\"files.{form}\"");
        assert_eq!(response.get_str("content-disposition"), Some(&*name));
        let path = outer.path().join(form);
        save(&mut response.body, &path).await.unwrap();
        let listed = run(&python, ["-c", LIST, path.to_str().unwrap(), form]);
        let long: String = (1..=60)
            .map(|deep| format!("l/{}|d|0o755|\n", "o/".repeat(deep)))
            .collect();
        let (link, up, broken) = match links {
            true => (
                "in|l|0o777|b.txt\n",
                "sub/up|l|0o777|../b.txt\n",
                "broken|l|0o777|nowhere\n",
            ),
            false => ("in|f|0o640|hello\n", "sub/up|f|0o640|hello\n", ""),
        };
        // Without its flag, ZIP's names are those of code page 437.
        let odd = if form == "zip" {
            r"\xa0.txt"
        } else {
            r"\\xff.txt"
        };
        let expected = format!(
            "b.txt|f|0o640|hello\n{broken}empty|f|0o644|\n{link}l/|d|0o755|\n{long}l/{}ng|f|0o644|far\n\
             pic.jpg|f|0o644|already small\nrun.sh|f|0o755|#!\nsub/|d|0o755|\nsub/deep/|d|0o755|\nsub/deep/x|f|0o644|x\n\
             {up}\\xe4 \\xf6.txt|f|0o644|text\n{odd}|f|0o644|bytes\n",
            "o/".repeat(60)
        );
        assert_eq!(listed, expected, "{form}");
    }
}

#[tokio::test]
async fn unzip_and_tar_find_no_fault() {
    let outer = folder();
    let site = site(&tree(outer.path()), Archives::new());
    for (form, program, args) in [
        ("zip", "unzip", ["-tq"].as_slice()),
        ("tar", "tar", &["tf"]),
        ("tar.gz", "tar", &["tzf"]),
        ("tar.zst", "tar", &["--zstd", "-tf"]),
    ] {
        let Some(found) = find(program) else { continue };
        let path = outer.path().join(form);
        save(
            &mut get(&site, &format!("/?archive={form}")).await.body,
            &path,
        )
        .await
        .unwrap();
        let args = args.iter().copied().chain([path.to_str().unwrap()]);
        let output = Program::start(found, args).wait();
        assert_eq!(
            (output.code, output.stderr_text().as_str()),
            (Some(0), ""),
            "{}",
            output.stdout_text()
        );
    }
}

fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|it| it.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

#[tokio::test]
async fn the_same_folder_makes_the_same_archive() {
    let outer = folder();
    let site = site(&tree(outer.path()), Archives::new());
    for form in ["zip", "tar", "tar.gz", "tar.zst"] {
        let mut made = Vec::new();
        for _ in 0..2 {
            let mut response = get(&site, &format!("/?archive={form}")).await;
            made.push(response.body.bytes(10 << 20).await.unwrap());
        }
        assert_eq!(made[0], made[1], "{form}");
    }
}

/// A file that is sparse, with a few bytes at its end.
fn sparse(path: &Path, size: u64) {
    let file = File::create(path).unwrap();
    file.set_len(size - 3).unwrap();
    let mut file = File::options().append(true).open(path).unwrap();
    io::Write::write_all(&mut file, b"end").unwrap();
}

#[tokio::test]
async fn a_file_that_shrinks_breaks_its_archive() {
    let folder = folder();
    let path = folder.path().join("f");
    for form in ["tar", "zip", "tar.gz"] {
        // Noise, so that no form makes it small enough to be packed before it shrinks.
        let mut noise = Vec::new();
        sockeye_testkit::PatternReader::new(1, 20 << 20)
            .read_to_end(&mut noise)
            .unwrap();
        fs::write(&path, noise).unwrap();
        let site = site(folder.path(), Archives::new());
        let mut response = get(&site, &format!("/?archive={form}")).await;
        response.body.chunk().await.unwrap().unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(1000)
            .unwrap();
        let ended = save(&mut response.body, &folder.path().join(".out")).await;
        assert!(
            ended
                .unwrap_err()
                .contains("a file became shorter while it was packed"),
            "{form}"
        );
    }
}

#[tokio::test]
async fn archives_have_bounds() {
    let folder = folder();
    for name in ["a/1", "a/2", "b/c/3"] {
        put(folder.path(), name, "x");
    }
    for (archives, why) in [
        (
            Archives::new().max_size(Some(2000)),
            "the archive has more than 2000 bytes",
        ),
        (
            Archives::new().max_entries(5),
            "the folder has more entries than are packed",
        ),
        (
            Archives::new().max_depth(2),
            "the folder is deeper than is packed",
        ),
    ] {
        let site = site(folder.path(), archives);
        let mut response = get(&site, "/?archive=tar").await;
        let ended = save(&mut response.body, &folder.path().join(".out")).await;
        assert!(ended.unwrap_err().contains(why));
    }
}

#[tokio::test]
async fn one_archive_too_many_has_to_wait() {
    let folder = folder();
    sparse(&folder.path().join("big"), 64 << 20);
    let site = site(folder.path(), Archives::new().at_once(1));
    let first = get(&site, "/?archive=tar").await;
    let second = get(&site, "/?archive=tar").await;
    assert_eq!(
        (second.status(), second.get_str("retry-after")),
        (503, Some("10"))
    );
    // Asking for the head packs nothing.
    let head = site
        .handle(Request::made("HEAD", "/?archive=tar"))
        .response()
        .await;
    assert_eq!((head.status(), head.body.length()), (200, Some(0)));
    drop(first);
    timeout(LIMIT, async {
        while get(&site, "/?archive=tar").await.status() != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the slot of the first is free again");
}

#[tokio::test]
async fn without_archives_there_are_none() {
    let folder = folder();
    put(folder.path(), "a", "");
    let root = Root::new(folder.path(), Rules::default()).unwrap();
    let site = Files::new(root).folders(Listing::new().archives(None));
    assert_eq!(get(&site, "/?archive=zip").await.status(), 404);
    let page = get(&site, "/").await.body.bytes(1 << 20).await.unwrap();
    assert!(!String::from_utf8_lossy(&page).contains("archive="));
}
