//! The matrix of what goes one way: files, named pipes and pipes, before and behind every other endpoint.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use sockeye_testkit::{LIMIT, temporary_dir};

use crate::matrix_cells::{Cell, bulk, run};
use crate::matrix_ends::{KINDS, Kind, Place};
use crate::relay_fixture::{Relay, Setup};

/// What a one-way endpoint is to a relay, with its other end.
struct OneWay {
    text: String,
    /// Runs on a thread of its own while the relay works; what it gives is what was heard.
    other_end: Box<dyn FnOnce() -> Vec<u8> + Send>,
    keep: Option<OwnedFd>,
}

/// A row of the table: a name, and how the endpoint is made.
struct Row {
    name: &'static str,
    make: fn(&Path) -> OneWay,
    /// Where the relay may use it.
    listens: bool,
    targets: bool,
}

fn row(name: &'static str, make: fn(&Path) -> OneWay) -> Row {
    Row {
        name,
        make,
        listens: true,
        targets: true,
    }
}

/// What a relay can read a bulk from.
fn sources() -> Vec<Row> {
    vec![
        row("file", |dir| source_file(dir, "")),
        row("file to read", |dir| source_file(dir, "?access=read")),
        row("fifo to read", |dir| source_fifo(dir, "?access=read")),
        Row {
            targets: false,
            ..row("fifo", |dir| source_fifo(dir, ""))
        },
        row("fd of a pipe", |_| {
            let (read, write) = std::io::pipe().unwrap();
            OneWay {
                text: format!("fd:{}", read.as_raw_fd()),
                other_end: Box::new(move || says_bulk(OwnedFd::from(write).into())),
                keep: Some(read.into()),
            }
        }),
    ]
}

/// What a relay can write a bulk to.
fn sinks() -> Vec<Row> {
    vec![
        row("file to write", |dir| sink_file(dir, "?access=write")),
        row("file to append to", |dir| sink_file(dir, "?access=append")),
        row("fifo to write", |dir| sink_fifo(dir, "?access=write")),
        Row {
            listens: false,
            ..row("fifo", |dir| sink_fifo(dir, ""))
        },
        row("fd of a pipe", |_| {
            let (read, write) = std::io::pipe().unwrap();
            OneWay {
                text: format!("fd:{}", write.as_raw_fd()),
                other_end: Box::new(move || content(OwnedFd::from(read).into())),
                keep: Some(write.into()),
            }
        }),
    ]
}

/// All but terminals: what is sent before the program has made its terminal raw would not arrive as it is.
fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| kind.half_closes)
}

fn one_way(text: String, other_end: impl FnOnce() -> Vec<u8> + Send + 'static) -> OneWay {
    OneWay {
        text,
        other_end: Box::new(other_end),
        keep: None,
    }
}

fn source_file(dir: &Path, options: &str) -> OneWay {
    let path = dir.join("source");
    std::fs::write(&path, bulk().0).unwrap();
    one_way(format!("file:{}{options}", path.display()), Vec::new)
}

fn source_fifo(dir: &Path, options: &str) -> OneWay {
    let path = fifo(dir, "source-fifo");
    one_way(format!("fifo:{}{options}", path.display()), move || {
        says_bulk(File::options().write(true).open(path).unwrap())
    })
}

fn sink_file(dir: &Path, options: &str) -> OneWay {
    let path = dir.join("sink");
    std::fs::write(&path, b"").unwrap();
    // Read when the conversation is over.
    one_way(format!("file:{}{options}", path.display()), Vec::new)
}

fn sink_fifo(dir: &Path, options: &str) -> OneWay {
    let path = fifo(dir, "sink-fifo");
    one_way(format!("fifo:{}{options}", path.display()), move || {
        content(File::open(path).unwrap())
    })
}

fn fifo(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

fn says_bulk(mut to: File) -> Vec<u8> {
    to.write_all(bulk().0).unwrap();
    Vec::new()
}

fn content(mut from: File) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).unwrap();
    all
}

/// What came out at the sink.
fn sunk(dir: &Path, heard: Vec<u8>) -> Vec<u8> {
    match std::fs::read(dir.join("sink")) {
        Ok(file) => file,
        Err(_) => heard,
    }
}

fn cell(name: String, work: impl FnOnce() + Send + 'static) -> Cell {
    (name, Box::new(work))
}

fn place(dir: &Path, side: &'static str) -> Place {
    Place {
        dir: dir.to_owned(),
        side,
        small: false,
    }
}

/// Sends a source into a relay whose target talks first, and answers what nobody can hear.
#[test]
fn a_source_is_sent_whole_even_to_a_target_that_talks() {
    let mut cells = Vec::new();
    for source in sources().into_iter().filter(|source| source.listens) {
        for kind in kinds() {
            let make = source.make;
            let name = format!("{} -> {}: one way", source.name, kind.name);
            cells.push(cell(name, move || from_source(make, kind)));
        }
    }
    run(cells);
}

fn from_source(make: fn(&Path) -> OneWay, kind: &'static Kind) {
    let dir = temporary_dir();
    let source = make(dir.path());
    let far = (kind.targets)(&place(dir.path(), "out"));
    let relay = Relay::start(&source.text, &far.text, Setup::default());
    let mut server = (far.meet)(&relay.listening[0]);
    relay.wait_open();
    drop((source.keep, far.keep));
    server.say(b"a greeting that nobody hears");
    let other = thread::spawn(source.other_end);
    server.hears(bulk().0);
    server.hears_end(kind);
    other.join().unwrap();
    server.say(b"and an answer");
    server.end();
    let totals = relay.joined().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    assert_eq!(totals.upstream.bytes, bulk().0.len() as u64);
}

#[test]
fn a_client_reads_a_source_whole() {
    let mut cells = Vec::new();
    for source in sources().into_iter().filter(|source| source.targets) {
        for kind in kinds() {
            let make = source.make;
            let name = format!("{} -> {}: one way", kind.name, source.name);
            cells.push(cell(name, move || to_source(make, kind)));
        }
    }
    run(cells);
}

fn to_source(make: fn(&Path) -> OneWay, kind: &'static Kind) {
    let dir = temporary_dir();
    let source = make(dir.path());
    let near = (kind.listens)(&place(dir.path(), "in"));
    let relay = Relay::start(&near.text, &source.text, Setup::default());
    let mut client = (near.meet)(&relay.listening[0]);
    relay.wait_open();
    drop((source.keep, near.keep));
    client.say(b"a question that nobody hears");
    let other = thread::spawn(source.other_end);
    client.hears(bulk().0);
    client.hears_end(kind);
    other.join().unwrap();
    client.end();
    let totals = relay.joined().totals;
    assert_eq!(totals.downstream.bytes, bulk().0.len() as u64);
}

#[test]
fn a_sink_gets_everything() {
    let mut cells = Vec::new();
    for sink in sinks() {
        for kind in kinds() {
            let make = sink.make;
            if sink.targets {
                let name = format!("{} -> {}: one way", kind.name, sink.name);
                cells.push(cell(name, move || into_sink(make, kind, true)));
            }
            if sink.listens {
                let name = format!("{} -> {}: one way", sink.name, kind.name);
                cells.push(cell(name, move || into_sink(make, kind, false)));
            }
        }
    }
    run(cells);
}

fn into_sink(make: fn(&Path) -> OneWay, kind: &'static Kind, is_target: bool) {
    let dir = temporary_dir();
    let sink = make(dir.path());
    let other = thread::spawn(sink.other_end);
    let (relay, mut end, keep) = match is_target {
        true => {
            let near = (kind.listens)(&place(dir.path(), "in"));
            let relay = Relay::start(&near.text, &sink.text, Setup::default());
            let client = (near.meet)(&relay.listening[0]);
            (relay, client, near.keep)
        }
        false => {
            let far = (kind.targets)(&place(dir.path(), "out"));
            let relay = Relay::start(&sink.text, &far.text, Setup::default());
            let server = (far.meet)(&relay.listening[0]);
            (relay, server, far.keep)
        }
    };
    relay.wait_open();
    drop((sink.keep, keep));
    // A sink has nothing to say. Before it, a client hears that only once it has said all itself, or it might leave.
    if !is_target {
        end.hears_end(kind);
    }
    end.say(bulk().0);
    end.end();
    if is_target {
        end.hears_end(kind);
    }
    let totals = relay.joined().totals;
    assert_eq!(totals.ended_by.reason(), "ended");
    let heard = other.join().unwrap();
    assert!(sunk(dir.path(), heard) == bulk().0, "the sink differs");
}

#[test]
fn a_source_runs_into_a_sink() {
    let mut cells = Vec::new();
    for source in sources().into_iter().filter(|source| source.listens) {
        for sink in sinks().into_iter().filter(|sink| sink.targets) {
            let (from, to) = (source.make, sink.make);
            let name = format!("{} -> {}: one way", source.name, sink.name);
            cells.push(cell(name, move || {
                let dir = temporary_dir();
                let (from, to) = (from(dir.path()), to(dir.path()));
                let hearing = thread::spawn(to.other_end);
                let relay = Relay::start(&from.text, &to.text, Setup::default());
                relay.wait_open();
                drop((from.keep, to.keep));
                (from.other_end)();
                assert_eq!(relay.joined().totals.ended_by.reason(), "ended");
                let heard = hearing.join().unwrap();
                assert!(sunk(dir.path(), heard) == bulk().0, "the sink differs");
            }));
        }
    }
    run(cells);
}

#[test]
fn a_named_pipe_without_a_writer_is_waited_for() {
    let dir = temporary_dir();
    let path = fifo(dir.path(), "late");
    let (mut hears, end) = std::os::unix::net::UnixStream::pair().unwrap();
    hears.set_read_timeout(Some(LIMIT)).unwrap();
    let relay = Relay::start(
        &format!("fifo:{}", path.display()),
        &format!("fd:{}", end.as_raw_fd()),
        Setup::default(),
    );
    relay.wait_open();
    drop(end);
    assert!(relay.goes_on(std::time::Duration::from_millis(100)));
    std::fs::write(&path, b"late").unwrap();
    let mut heard = Vec::new();
    hears.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"late");
}
