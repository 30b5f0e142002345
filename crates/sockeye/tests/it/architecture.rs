//! Keeps the source to ARCHITECTURE.md: who imports whom, who opens sockets, who prints.
//!
//! The rules are pure functions over (path, text), with tests of their own below: a rule that cannot fail keeps
//! nothing. What they see is text, not syntax: comments, strings' contents and unit tests (`tests.rs`, and whatever
//! follows a `#[cfg(test)]` on a `mod`) are left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the library, and which others it may import. `sockeye-data` may be used anywhere.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("endpoint", &[]),
    ("error", &["endpoint"]),
    ("wire", &["endpoint", "error"]),
    ("host", &["endpoint", "error"]),
    ("net", &["endpoint", "error", "wire", "host"]),
    ("records", &[]),
    ("relay", &["endpoint", "error", "wire", "host", "net"]),
    (
        "client",
        &["endpoint", "error", "wire", "host", "net", "relay"],
    ),
    (
        "web",
        &["endpoint", "error", "wire", "host", "net", "relay"],
    ),
    (
        "rpc",
        &[
            "endpoint", "error", "wire", "host", "net", "relay", "client", "web",
        ],
    ),
    (
        "work",
        &["endpoint", "error", "wire", "host", "net", "relay"],
    ),
];

/// What opens a socket or starts a program, and so may stand only in `net` (and `host`, which may ask the kernel).
const OPENS: &[&str] = &[
    "TcpStream::connect",
    "TcpListener::bind",
    "TcpSocket::new",
    "UdpSocket::",
    "UnixStream::connect",
    "UnixListener::bind",
    "UnixDatagram::",
    "Socket::new",
    "Command::new",
    "sys::socket::socket",
];
const OPENERS: &[&str] = &["net", "host"];

/// What prints or ends the process: a library does neither.
const PRINTS: &[&str] = &[
    "print!(",
    "println!(",
    "eprint!(",
    "eprintln!(",
    "dbg!(",
    "process::exit(",
];

/// What asks the C library for names, and blocks a thread meanwhile.
const BLOCKS: &[&str] = &["to_socket_addrs", "lookup_host"];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "misc", "helper", "helpers"];

/// The tables that list carriers and layers: the only places besides `mod` and `use` lines that may ask for a feature.
const FEATURE_TABLES: &[&str] = &["net/open.rs", "net/carrier/mod.rs", "net/layer/mod.rs"];

#[test]
fn the_library_keeps_to_the_architecture() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = read_tree(&source);
    assert!(files.len() > 10, "the source is not where it was expected");
    let front = &files.iter().find(|(path, _)| path == "lib.rs").unwrap().1;
    let names = reexports(front);
    let mut breaches = Vec::new();
    for (path, text) in &files {
        breaches.extend(check(path, text, &names));
    }
    let list = breaches.join("\n");
    assert!(
        breaches.is_empty(),
        "ARCHITECTURE.md says otherwise:\n{list}"
    );
}

#[test]
fn the_testkit_depends_on_nothing_of_ours() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sockeye-testkit/Cargo.toml");
    let breaches = foreign_only(&fs::read_to_string(manifest).unwrap());
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Every breach of one file, as `path:line: what is wrong; what to do`. The path is below `src`.
fn check(path: &str, text: &str, names: &BTreeMap<String, String>) -> Vec<String> {
    let lines = code_lines(path, text);
    let mut breaches = Vec::new();
    let mut add = |line: usize, what: String| breaches.push(format!("src/{path}:{line}: {what}"));

    for part in path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            add(
                1,
                format!("a module called `{part}`; name it after what it does"),
            );
        }
    }
    let module = top_module(path);
    for (line, target) in imports(path, &lines) {
        let target = names.get(&target).cloned().unwrap_or(target);
        let allowed = MAY_IMPORT.iter().find(|(name, _)| *name == module);
        let known = MAY_IMPORT.iter().any(|(name, _)| *name == target);
        match allowed {
            _ if module == "lib" || target == module || !known => {}
            None => add(
                line,
                format!("`{module}` is not in MAY_IMPORT; add it there and to ARCHITECTURE.md"),
            ),
            Some((_, list)) if list.contains(&&*target) => {}
            Some(_) => add(
                line,
                format!(
                    "`{module}` imports `{target}`, which is not below it; move the code up, or hand in a value"
                ),
            ),
        }
    }
    for (index, (line, code)) in lines.iter().enumerate() {
        for name in OPENS.iter().filter(|name| mentions(code, name)) {
            if !OPENERS.contains(&module) {
                add(
                    *line,
                    format!(
                        "`{name}` outside net; ask `Net` for it, so that its bytes can be seen"
                    ),
                );
            }
        }
        for name in PRINTS.iter().filter(|name| mentions(code, name)) {
            let name = name.trim_end_matches('(');
            add(
                *line,
                format!("`{name}` in the library; report an event or return a value"),
            );
        }
        for name in BLOCKS.iter().filter(|name| mentions(code, name)) {
            add(
                *line,
                format!(
                    "`{name}` blocks and hides its questions; names are resolved by net/resolve"
                ),
            );
        }
        if code.contains("cfg(feature")
            || code.contains("cfg!(feature")
            || code.contains("(not(feature")
        {
            let item = lines[index..]
                .iter()
                .map(|(_, code)| {
                    code.rsplit_once(")]")
                        .map_or(&**code, |(_, rest)| rest)
                        .trim()
                })
                .find(|code| !code.is_empty() && !code.starts_with("#["))
                .unwrap_or_default();
            if !is_mod_or_use(item) && !FEATURE_TABLES.contains(&path) {
                add(
                    *line,
                    "`cfg(feature)` belongs on `mod` and `use` lines and into the tables of carriers and layers".into(),
                );
            }
        }
    }
    breaches
}

fn is_mod_or_use(item: &str) -> bool {
    let item = item.strip_prefix("pub").map_or(item, str::trim_start);
    let item = match item.strip_prefix('(') {
        Some(rest) => rest
            .split_once(')')
            .map_or(rest, |(_, rest)| rest)
            .trim_start(),
        None => item,
    };
    item.starts_with("mod ") || item.starts_with("use ")
}

/// Whether the code names this, and not something longer that ends the same way.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn top_module(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The top-level modules that a file names by `crate::` or by enough `super::`, with the line of each.
fn imports(path: &str, lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let parts = path.trim_end_matches(".rs").split('/');
    let depth = parts.filter(|part| !["mod", "lib"].contains(part)).count();
    let mut text = String::new();
    let mut starts = Vec::new();
    for (line, code) in lines {
        starts.push((text.len(), *line));
        text.push_str(code);
        text.push('\n');
    }
    let line_at = |at: usize| {
        starts
            .iter()
            .rev()
            .find(|(start, _)| *start <= at)
            .unwrap()
            .1
    };
    let mut roots = vec!["crate::".to_owned()];
    if depth > 0 {
        roots.push("super::".repeat(depth));
    }
    let mut found = Vec::new();
    for root in roots {
        for (at, _) in text.match_indices(&root) {
            let before = &text[..at];
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let from = at + root.len();
            for (offset, name) in heads(&text[from..]) {
                if name != "super" {
                    found.push((line_at(from + offset), name));
                }
            }
        }
    }
    found
}

/// The first names of a path or of a braced group of paths: `a::b` gives a; `{a::{b, c}, d}` gives a and d.
fn heads(text: &str) -> Vec<(usize, String)> {
    let word = |from: usize| -> String {
        let rest = text[from..].chars();
        rest.take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if !text.starts_with('{') {
        return vec![(0, word(0))];
    }
    let mut found = Vec::new();
    let (mut depth, mut fresh) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '{' => (depth, fresh) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => fresh = depth == 1,
            c if c.is_whitespace() => {}
            _ if fresh && depth == 1 => {
                found.push((at, word(at)));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

/// What the crate's front page re-exports, and from which module: `crate::Error` is `error`.
fn reexports(front: &str) -> BTreeMap<String, String> {
    let text: String = code_lines("lib.rs", front)
        .into_iter()
        .map(|(_, code)| code + " ")
        .collect();
    let mut names = BTreeMap::new();
    for statement in text.split("pub use ").skip(1) {
        let statement = statement.split(';').next().unwrap_or_default();
        let Some((module, rest)) = statement.split_once("::") else {
            continue;
        };
        let last_names = rest.split(|c: char| "{},".contains(c));
        for name in last_names.map(str::trim).filter(|name| !name.is_empty()) {
            let name = name.rsplit([' ', ':']).next().unwrap_or(name);
            names.insert(name.to_owned(), module.trim().to_owned());
        }
    }
    names
}

/// The code of a file by line number, without comments, the contents of plain strings, and unit tests.
fn code_lines(path: &str, text: &str) -> Vec<(usize, String)> {
    if path.ends_with("tests.rs") || path.contains("tests/") {
        return Vec::new();
    }
    let all: Vec<String> = text.lines().map(strip).collect();
    let is_tests = |index: usize| {
        let next = all.get(index + 1).map_or("", |code| code.trim());
        all[index].trim().starts_with("#[cfg(test)]")
            && !next.ends_with(';')
            && next.contains("mod ")
    };
    let end = (0..all.len())
        .find(|&index| is_tests(index))
        .unwrap_or(all.len());
    (1..).zip(all).take(end).collect()
}

/// One line without its comment and without what stands in its strings.
fn strip(line: &str) -> String {
    let mut code = String::new();
    let mut in_string = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => drop(chars.next()),
            // A feature's name is a string that matters to nobody here, but its quotes do no harm either.
            '"' if !code.ends_with('\'') => {
                in_string = !in_string;
                code.push(c);
            }
            _ if in_string => {}
            '/' if chars.peek() == Some(&'/') => break,
            _ => code.push(c),
        }
    }
    code
}

/// Dependencies of a manifest that are ours.
fn foreign_only(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        }
        let name = line
            .trim_start_matches("[dependencies.")
            .split(['.', ' ', '=', ']'])
            .next();
        if in_dependencies && name.is_some_and(|name| name.starts_with("sockeye")) {
            breaches.push(format!(
                "crates/sockeye-testkit/Cargo.toml:{number}: the testkit depends on us; two bugs would cancel out"
            ));
        }
    }
    breaches
}

fn read_tree(root: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(root).unwrap();
                let name = below.to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn breaches(path: &str, text: &str) -> Vec<String> {
    let front =
        "pub use endpoint::Endpoint;\npub use net::{\n    Net, stream::Stream as Bytes,\n};\n";
    check(path, text, &reexports(front))
}

#[test]
fn an_import_upwards_is_found_in_every_spelling() {
    for text in [
        "use crate::net::Net;",
        "use crate::{\n    endpoint::Endpoint,\n    net::{Net, Stream},\n};",
        "fn f() -> crate::net::Net {}",
        "use crate::Net;",
        "use crate::Bytes;",
        "use super::net::Net;",
    ] {
        let found = breaches("wire/mod.rs", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains("`wire` imports `net`"), "{found:?}");
    }
    let found = breaches("wire/jsonl.rs", "\n\nuse super::super::relay::join;");
    assert!(
        found[0].starts_with("src/wire/jsonl.rs:3: `wire` imports `relay`"),
        "{found:?}"
    );
    let found = breaches("endpoint/mod.rs", "use crate::{\n  error::Error};");
    assert!(found[0].starts_with("src/endpoint/mod.rs:2: "), "{found:?}");
    assert_eq!(breaches("stranger/mod.rs", "use crate::net::Net;").len(), 1);
}

#[test]
fn imports_downwards_own_modules_comments_and_tests_pass() {
    for text in [
        "use crate::endpoint::Endpoint;\nuse crate::error::{Error, Kind};",
        "use crate::wire::Tap;\nuse super::event::Event;",
        "/// See [`Net`](crate::Net).\n// crate::net::Net\n//! crate::relay",
        "fn f() { g(\"crate::net\"); }",
        "#[cfg(test)]\nmod tests {\n    use crate::net::Net;\n}\n",
        "use other_crate::net::Net;\nuse std::net::TcpStream;",
    ] {
        assert_eq!(
            breaches("wire/tap.rs", text),
            Vec::<String>::new(),
            "{text}"
        );
    }
    assert!(breaches("wire/tests.rs", "use crate::net::Net;").is_empty());
    assert!(breaches("lib.rs", "pub use net::Net;\nuse crate::relay;").is_empty());
}

#[test]
fn a_socket_outside_net_and_a_print_anywhere_are_found() {
    let text = "async fn f() {\n    tokio::net::TcpStream::connect(at).await;\n}";
    let found = breaches("relay/mod.rs", text);
    assert!(
        found[0].starts_with("src/relay/mod.rs:2: `TcpStream::connect` outside net"),
        "{found:?}"
    );
    assert!(breaches("net/carrier/tcp.rs", text).is_empty());
    assert!(
        breaches(
            "relay/mod.rs",
            "enum E { TcpStream }\nfn own(s: MyTcpStream) { MyCommand::new() }"
        )
        .is_empty()
    );
    for text in [
        "println!(\"x\");",
        "std::eprintln!(\"x\");",
        "std::process::exit(1)",
    ] {
        assert_eq!(breaches("net/mod.rs", text).len(), 1, "{text}");
    }
    assert!(
        breaches(
            "net/mod.rs",
            "#[cfg(test)]\nmod tests {\n    println!();\n}"
        )
        .is_empty()
    );
}

#[test]
fn features_are_asked_for_in_their_places_only() {
    for text in [
        "#[cfg(feature = \"tls\")]\nmod tls;",
        "#[cfg(feature = \"tls\")]\npub(crate) mod tls;",
        "#[cfg(feature = \"tls\")]\n#[doc(inline)]\npub use layer::Tls;",
    ] {
        assert!(breaches("net/mod.rs", text).is_empty(), "{text}");
    }
    for text in [
        "#[cfg(feature = \"tls\")]\nfn f() {}",
        "if cfg!(feature = \"tls\") {}",
        "#[cfg(not(feature = \"tls\"))]\nlet x = 1;",
    ] {
        assert_eq!(breaches("net/connect.rs", text).len(), 1, "{text}");
        assert!(breaches(FEATURE_TABLES[0], text).is_empty(), "{text}");
    }
}

#[test]
fn empty_names_and_a_dependency_of_the_testkit_on_us_are_found() {
    assert_eq!(breaches("net/util.rs", "").len(), 1);
    assert_eq!(breaches("helpers/mod.rs", "").len(), 1);
    assert!(breaches("net/utility_meter.rs", "").is_empty());
    assert_eq!(
        foreign_only("[dependencies]\nnix = \"1\"\nsockeye.workspace = true\n").len(),
        1
    );
    assert_eq!(
        foreign_only("[dev-dependencies]\nsockeye-data = { path = \"x\" }\n").len(),
        1
    );
    assert!(
        foreign_only("[package]\nname = \"sockeye-testkit\"\n[dependencies]\nnix = \"1\"\n")
            .is_empty()
    );
}
