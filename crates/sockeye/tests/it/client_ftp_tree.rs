//! Whole trees over FTP: what comes, what stays as it is, and what never leaves the folder.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye::client::download::Existing;
use sockeye::client::ftp::tree::{Event, PART, Sum, Tree};
use sockeye::client::ftp::{Ftp, Settings};
use sockeye::{Kind, Net, Result};
use sockeye_testkit::peers::{FtpServer, FtpTls};
use sockeye_testkit::{Peer, Step, temporary_dir};

/// What was told, a line each.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn hear(&self, tree: Tree) -> Tree {
        let told = Arc::clone(&self.0);
        tree.listener(move |path, event| {
            let path = path.escape_ascii();
            let line = match event {
                Event::Skipped(why) => format!("{path}: {why}"),
                Event::Begun { offset, .. } if offset > 0 => format!("{path}: from {offset}"),
                Event::Done => format!("{path}: done"),
                Event::Removed => format!("{path}: removed"),
                Event::Failed(error) => format!("{path}: {error}"),
                _ => return,
            };
            told.lock().unwrap().push(line);
        })
    }

    fn has(&self, line: &str) -> bool {
        self.0.lock().unwrap().iter().any(|it| it == line)
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// All files and directories below, with slashes.
fn found(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let below = entry.path();
            names.insert(
                below
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
            if entry.file_type().unwrap().is_dir() {
                ahead.push(below);
            }
        }
    }
    names
}

fn tree(server: &FtpServer) -> Tree {
    let url = format!("ftp://{}/pub/", server.addr()).parse().unwrap();
    Tree::new(Net::new(), url, Settings::new())
}

async fn within(sum: impl Future<Output = Result<Sum>>) -> Sum {
    let sum = tokio::time::timeout(Duration::from_secs(10), sum).await;
    sum.expect("ten seconds are enough").unwrap()
}

fn servers() -> Vec<FtpServer> {
    [
        FtpServer::vsftpd(FtpTls::None, ""),
        FtpServer::python(FtpTls::None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[tokio::test]
async fn a_tree_comes_and_then_only_what_changed() {
    for server in servers() {
        for number in 0..20 {
            server.put(&format!("many/{number}"), vec![b'x'; 1000 + number]);
        }
        server.put("a b/deep/er/x y.txt", "hello");
        server.put("top", "top");
        symlink("/etc/passwd", server.folder().join("link")).unwrap();
        let dir = temporary_dir();
        let here = dir.path().join("here");
        let told = Told::default();
        let sum = within(told.hear(tree(&server)).fetch(&here)).await;
        // pyftpdlib lists it as what it leads to, which it then does not hand out.
        let is_link = told.has("link: it is a link");
        let fates = (sum.skipped, sum.failed);
        assert_eq!(fates, (u64::from(is_link), u64::from(!is_link)));
        assert_eq!((sum.moved, sum.directories), (22, 5), "{:?}", told.lines());
        assert_eq!(
            fs::read(here.join("a b/deep/er/x y.txt")).unwrap(),
            b"hello"
        );
        assert_eq!(fs::read(here.join("many/19")).unwrap().len(), 1019);
        assert!(
            !found(&here)
                .iter()
                .any(|name| name.contains(PART) || name == "link")
        );

        let again = within(tree(&server).fetch(&here)).await;
        assert_eq!((again.moved, again.unchanged), (0, 22));
        server.put("top", "other");
        fs::write(here.join("mine"), "mine").unwrap();
        let dry = Told::default();
        let sum = within(
            dry.hear(tree(&server))
                .dry_run(true)
                .delete(true)
                .fetch(&here),
        )
        .await;
        assert_eq!((sum.moved, sum.removed), (1 + u64::from(!is_link), 1));
        assert!(dry.has("top: done") && dry.has("mine: removed"));
        assert_eq!(fs::read(here.join("top")).unwrap(), b"top");
        assert!(here.join("mine").exists());
        let sum = within(tree(&server).fetch(&here)).await;
        assert_eq!((sum.moved, sum.removed), (1, 0));
        assert!(here.join("mine").exists());
        fs::create_dir_all(here.join("many/more/and")).unwrap();
        symlink(dir.path(), here.join("many/more/out")).unwrap();
        fs::write(dir.path().join("outside"), "stays").unwrap();
        let sum = within(tree(&server).delete(true).fetch(&here)).await;
        assert_eq!((sum.moved, sum.removed), (0, 2));
        assert!(!here.join("mine").exists() && !here.join("many/more").exists());
        assert!(dir.path().join("outside").exists());
    }
}

#[tokio::test]
async fn a_part_is_gone_on_with_only_if_it_is_of_the_same_file() {
    for server in servers() {
        let body: Vec<u8> = (0..100_000_u32).flat_map(|it| it.to_le_bytes()).collect();
        server.put("big", &body);
        let dir = temporary_dir();
        let part = dir.path().join(format!("big{PART}"));
        for (begun, offset) in [
            (&body[..300_000], Some(300_000)),
            (&body[..], Some(400_000)),
            (&body[1..300_001], None),
            (&[b'x'; 500_000][..], None),
        ] {
            fs::write(&part, begun).unwrap();
            drop(fs::remove_file(dir.path().join("big")));
            let told = Told::default();
            let sum = within(told.hear(tree(&server)).fetch(dir.path())).await;
            let moved = body.len() as u64 - offset.unwrap_or(0);
            assert_eq!((sum.moved, sum.bytes), (1, moved), "{:?}", told.lines());
            assert!(fs::read(dir.path().join("big")).unwrap() == body && !part.exists());
        }
        // The other way.
        fs::write(dir.path().join("up"), &body).unwrap();
        fs::remove_file(dir.path().join("big")).unwrap();
        for (begun, offset) in [(&body[..300_000], 300_000), (&body[1..300_001], 0)] {
            server.put(&format!("up{PART}"), begun);
            let there = server.folder().join(format!("up{PART}"));
            // The server is another user.
            fs::set_permissions(there, std::os::unix::fs::PermissionsExt::from_mode(0o666))
                .unwrap();
            drop(fs::remove_file(server.folder().join("up")));
            let sum = within(tree(&server).send(dir.path())).await;
            assert_eq!((sum.moved, sum.bytes, sum.failed), (1, 400_000 - offset, 0));
            assert!(fs::read(server.folder().join("up")).unwrap() == body);
        }
    }
}

#[tokio::test]
async fn a_folder_is_sent_and_then_only_what_changed() {
    for server in servers() {
        let dir = temporary_dir();
        fs::create_dir_all(dir.path().join("a b/deep")).unwrap();
        fs::write(dir.path().join("a b/deep/x"), "hello").unwrap();
        fs::write(dir.path().join("top"), "top").unwrap();
        fs::write(dir.path().join("bad\nname"), "never").unwrap();
        symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let told = Told::default();
        let url = format!("ftp://{}/pub/new/home", server.addr())
            .parse()
            .unwrap();
        let to = Tree::new(Net::new(), url, Settings::new());
        let sum = within(told.hear(to.clone()).send(dir.path())).await;
        assert_eq!(
            (sum.moved, sum.skipped, sum.failed),
            (2, 2, 0),
            "{:?}",
            told.lines()
        );
        assert!(
            told.has("link: it is a link")
                && told.has("bad\\nname: its name has control characters")
        );
        let home = server.folder().join("new/home");
        assert_eq!(
            found(&home),
            ["a b", "a b/deep", "a b/deep/x", "top"]
                .map(String::from)
                .into()
        );
        assert_eq!(fs::read(home.join("a b/deep/x")).unwrap(), b"hello");
        let again = within(to.clone().send(dir.path())).await;
        assert_eq!((again.moved, again.unchanged), (0, 2));
        fs::remove_dir_all(dir.path().join("a b")).unwrap();
        fs::write(dir.path().join("top"), "another").unwrap();
        let sum = within(to.clone().send(dir.path())).await;
        assert_eq!((sum.moved, sum.removed), (1, 0));
        let dry = within(to.clone().delete(true).dry_run(true).send(dir.path())).await;
        assert_eq!(dry.removed, 1);
        assert!(home.join("a b/deep/x").exists());
        let sum = within(to.delete(true).send(dir.path())).await;
        assert_eq!((sum.removed, sum.failed), (1, 0));
        assert_eq!(found(&home), ["top"].map(String::from).into());
    }
}

#[tokio::test]
async fn a_file_is_saved_under_a_name_that_is_free_or_gone_on_with() {
    for server in servers() {
        server.put("x", "hello");
        let dir = temporary_dir();
        let to = dir.path().join("x");
        let url = format!("ftp://{}", server.addr()).parse().unwrap();
        let mut ftp = Ftp::open(&Net::new(), &url, Settings::new()).await.unwrap();
        for (existing, before, name) in [
            (Existing::Number, None, Some("x")),
            (Existing::Number, Some("mine"), Some("x (1)")),
            (Existing::Skip, Some("mine"), None),
            (Existing::Overwrite, Some("mine"), Some("x")),
            (Existing::Continue, Some("hel"), Some("x")),
            (Existing::Continue, Some("other"), Some("x")),
        ] {
            if let Some(before) = before {
                fs::write(&to, before).unwrap();
            }
            let mut moved = 0;
            let told = |event: Event<'_>| {
                if let Event::Moved(bytes) = event {
                    moved += bytes;
                }
            };
            let saved = ftp.save("pub/x", &to, existing, told).await.unwrap();
            let wanted = name.map(|name| dir.path().join(name));
            assert_eq!(saved, wanted, "{existing:?}");
            if let Some(path) = wanted {
                assert_eq!(fs::read(path).unwrap(), b"hello");
            }
            let expected = match (existing, before) {
                (Existing::Continue, Some("hel")) => 2,
                (Existing::Skip, _) => 0,
                _ => 5,
            };
            assert_eq!(moved, expected, "{existing:?} {before:?}");
            drop(fs::remove_file(dir.path().join("x (1)")));
        }
        assert_eq!(found(dir.path()), ["x"].map(String::from).into());
    }
}

fn on(command: &str, answer: &str) -> [Step; 2] {
    [
        Step::expect(format!("{command}\r\n")),
        Step::send(format!("{answer}\r\n")),
    ]
}

/// A server of one session whose directories are these; files are asked for in this order.
fn script(directories: &[(&str, &str)], files: &[(&str, &str)]) -> (Peer, Vec<Peer>) {
    let mut steps = vec![Step::send("220 hello\r\n")];
    steps.extend(on("USER anonymous", "230 in"));
    steps.extend(on("MLST", "500 what?"));
    steps.extend(on("TYPE A", "200 ok"));
    let mut peers = Vec::new();
    for (path, listing) in directories {
        let data = Peer::tcp([Step::send(listing)]);
        steps.extend(on("EPSV", &format!("229 ok (|||{}|)", data.port())));
        steps.extend(on(
            format!("MLSD {path}").trim_end(),
            "150 it comes\r\n226 done",
        ));
        peers.push(data);
    }
    for (number, (path, body)) in files.iter().enumerate() {
        if number == 0 {
            steps.extend(on("TYPE I", "200 ok"));
        }
        let data = Peer::tcp([Step::send(body)]);
        steps.extend(on("EPSV", &format!("229 ok (|||{}|)", data.port())));
        steps.extend(on(&format!("RETR {path}"), "150 it comes\r\n226 done"));
        peers.push(data);
    }
    steps.extend(on("QUIT", "221 bye"));
    (Peer::tcp(steps), peers)
}

/// Names in a listing are the server's to choose, and the folder is ours.
#[tokio::test]
async fn no_name_leads_out_of_the_folder() {
    let evil = [
        "../x",
        "..",
        ".",
        "/abs/x",
        "a/../../x",
        "..\\x",
        "~",
        "a\0b",
        "a\x1b[31m",
        "a\rb",
        "\u{202e}x",
    ];
    let mut listing: String = evil
        .iter()
        .flat_map(|name| ["file;size=1", "dir"].map(|kind| format!("type={kind}; {name}\r\n")))
        .collect();
    listing +=
        "type=OS.unix=slink:/etc; etc\r\ntype=file;size=4; good\r\ntype=file;size=4; good\r\n";
    let (peer, data) = script(&[("", &listing)], &[("good", "good")]);
    let dir = temporary_dir();
    let here = dir.path().join("here");
    let told = Told::default();
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let tree = Tree::new(Net::new(), url, Settings::new()).connections(1);
    let sum = within(told.hear(tree).delete(true).fetch(&here)).await;
    // `..` and `.` of a listing are the directories themselves, which every server lists.
    assert_eq!(
        (sum.moved, sum.failed, sum.skipped),
        (1, 0, 20),
        "{:?}",
        told.lines()
    );
    assert!(told.has("../x: its name leads elsewhere") && told.has("etc: it is a link"));
    assert!(told.has("good: the server lists it twice"));
    assert_eq!(
        found(dir.path()),
        ["here", "here/good"].map(String::from).into()
    );
    drop((peer, data));
}

/// Whoever can put a link into the folder cannot have the server's files written where it leads.
#[tokio::test]
async fn links_in_the_folder_are_not_followed() {
    let dir = temporary_dir();
    let (here, outside) = (dir.path().join("here"), dir.path().join("outside"));
    for folder in [&here, &outside] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join("x"), "mine").unwrap();
    symlink(&outside, here.join("sub")).unwrap();
    symlink(outside.join("x"), here.join("file")).unwrap();
    symlink(outside.join("x"), here.join(format!("new{PART}"))).unwrap();
    let root = "type=dir; sub\r\ntype=file;size=4; file\r\ntype=file;size=4; new\r\n";
    let (peer, data) = script(&[("", root), ("sub", "type=file;size=4; x\r\n")], &[]);
    let told = Told::default();
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let tree = Tree::new(Net::new(), url, Settings::new()).connections(1);
    let sum = within(told.hear(tree).fetch(&here)).await;
    assert_eq!(
        (sum.moved, sum.failed, sum.skipped),
        (0, 2, 1),
        "{:?}",
        told.lines()
    );
    assert_eq!(fs::read(outside.join("x")).unwrap(), b"mine");
    assert_eq!(found(&outside), ["x"].map(String::from).into());
    drop((peer, data));
}

#[tokio::test]
async fn directories_without_end_come_to_an_end() {
    // pyftpdlib follows links, and says by a number which directory is which.
    if let Some(server) = FtpServer::python(FtpTls::None) {
        server.put("a/x", "x");
        symlink(".", server.folder().join("a/loop")).unwrap();
        symlink("..", server.folder().join("a/up")).unwrap();
        let dir = temporary_dir();
        let told = Told::default();
        let sum = within(told.hear(tree(&server)).fetch(dir.path())).await;
        assert_eq!((sum.moved, sum.skipped), (1, 2), "{:?}", told.lines());
        assert!(told.has("a/loop: it is a directory that was seen already"));
        assert_eq!(found(dir.path()), ["a", "a/x"].map(String::from).into());
    }
    // Where nobody says so, depth and number are bounded.
    let (peer, data) = script(&[("", "type=dir; d\r\n"), ("d", "type=dir; d\r\n")], &[]);
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let dir = temporary_dir();
    let told = Told::default();
    let deep = Tree::new(Net::new(), url, Settings::new()).depth(1);
    let sum = within(told.hear(deep).fetch(dir.path())).await;
    assert_eq!((sum.directories, sum.skipped), (2, 1));
    assert!(told.has("d/d: it is too deep"));
    drop((peer, data));
    let many: String = (0..10)
        .map(|number| format!("type=file;size=1; {number}\r\n"))
        .collect();
    let data = Peer::tcp([Step::send(&many)]);
    let mut steps = vec![Step::send("220 hello\r\n")];
    steps.extend(on("USER anonymous", "230 in"));
    steps.extend(on("MLST", "500 what?"));
    steps.extend(on("TYPE A", "200 ok"));
    steps.extend(on("EPSV", &format!("229 ok (|||{}|)", data.port())));
    steps.extend(on("MLSD", "150 it comes\r\n226 done"));
    let peer = Peer::tcp(steps);
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let few = Tree::new(Net::new(), url, Settings::new()).entries(5);
    let error = few.fetch(dir.path()).await.unwrap_err();
    assert!(
        error.kind() == Kind::Protocol && error.why().contains("more than 5"),
        "{error}"
    );
}
