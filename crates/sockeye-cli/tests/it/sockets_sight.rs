//! What can be seen, and what is said about the rest: other users, hidden processes, namespaces that go away while we
//! look, huge tables.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use serde_json::Value;
use sockeye_testkit::{NetworkNamespace, Output, Program, peers, temporary_dir, within};

use crate::SOCKEYE;
use crate::sockets::sockets;
use crate::sockets_behaviours::{listed_in, python_in};
use crate::sockets_json::lines;

/// Sockets of most kinds, which two processes hold; `ready` with the port of the listener.
const SOCKETS: &str = "import os, socket as s\n\
    l = s.socket(); l.bind(('127.0.0.1', 0)); l.listen(7)\n\
    c = s.create_connection(l.getsockname()); a, _ = l.accept()\n\
    w = s.create_connection(l.getsockname())\n\
    u = s.socket(s.AF_INET6, s.SOCK_DGRAM); u.bind(('::1', 0)); r = s.socket(s.AF_INET, s.SOCK_RAW, 253)\n\
    x = s.socketpair(); y = s.socket(s.AF_UNIX); y.bind('\\0sight'); y.listen(1)\n\
    p = s.socket(s.AF_PACKET, s.SOCK_RAW, s.htons(3))\n\
    print('ready', l.getsockname()[1], flush=True); os.read(0, 1)";
/// Of all kinds but netlink, of which the program itself has one.
const KINDS: [&str; 4] = ["-tux", "--raw", "--packet", "--state=all"];

/// A copy of the program that everybody may start.
struct Copied(tempfile::TempDir);

impl Copied {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;

        let dir = temporary_dir();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(SOCKEYE, dir.path().join("sockeye")).unwrap();
        Self(dir)
    }

    /// `sockeye sockets FLAGS...` as nobody within the namespace, after these words of a shell.
    fn as_nobody(&self, namespace: &NetworkNamespace, before: &str, flags: &[&str]) -> Output {
        let script = format!(
            "{before}\nexec setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" sockets \"$@\""
        );
        let binary = self.0.path().join("sockeye");
        let words = ["--mount", "sh", "-c", &script].map(OsStr::new);
        let flags = flags.iter().map(OsStr::new);
        let args = words.into_iter().chain([binary.as_os_str()]).chain(flags);
        namespace.start("unshare", args).finish()
    }
}

/// What two lists have in common if they are of the same sockets.
fn keys(all: &[Value]) -> BTreeSet<(String, String, String)> {
    let key = |row: &Value| {
        (
            row["cookie"].to_string(),
            row["state"].to_string(),
            row["local"].to_string(),
        )
    };
    let keys: BTreeSet<_> = all.iter().map(key).collect();
    assert_eq!(keys.len(), all.len());
    keys
}

/// As nobody, after these words: the same sockets, each with a reason, and one line about it.
#[allow(clippy::print_stderr)]
fn same_sockets_as_nobody(before: &'static str) {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        let Some((program, _)) = python_in(&namespace, SOCKETS) else {
            return;
        };
        // The program that lists has Unix sockets as well.
        let theirs = |row: &Value| match row["owners"].as_array().unwrap().first() {
            Some(owner) => owner["pid"] == program.pid(),
            None => true,
        };
        let mut ours = listed_in(&namespace, &KINDS);
        ours.retain(theirs);
        assert!(ours.len() >= 9, "{ours:#?}");
        let copied = Copied::new();
        let output = copied.as_nobody(&namespace, before, &[&KINDS[..], &["--json"]].concat());
        if output.stderr_text().contains("mount: ") {
            return eprintln!("SKIPPED: this test needs to mount a proc of its own");
        }
        assert_eq!(output.code, Some(0), "{output:?}");
        let mut seen = lines(&output);
        seen.retain(theirs);
        assert_eq!(keys(&seen), keys(&ours));
        for row in &seen {
            assert_eq!(row["owners"], serde_json::json!([]), "{row:#}");
            assert!(row["owner_missing"].is_string(), "{row:#}");
        }
        let hidden = format!("owner hidden for {} sockets of other users", seen.len());
        assert!(output.stderr_text().starts_with(&hidden), "{output:?}");
        assert_eq!(output.stderr_text().lines().count(), 1, "{output:?}");
        let text = copied.as_nobody(&namespace, before, &["-t"]);
        assert!(
            text.stdout_text().contains("  needs privilege\n"),
            "{text:?}"
        );
        assert_eq!(text.code, Some(0), "{text:?}");
    });
}

#[test]
fn another_user_sees_the_same_sockets_of_every_kind() {
    same_sockets_as_nobody("");
}

#[test]
fn where_processes_are_hidden_the_sockets_are_the_same() {
    same_sockets_as_nobody("mount -t proc -o hidepid=2 proc /proc");
}

#[test]
fn namespaces_that_go_away_take_nothing_else_with_them() {
    let Some(namespace) = NetworkNamespace::new() else {
        return;
    };
    within(move || {
        let Some((program, words)) = python_in(&namespace, SOCKETS) else {
            return;
        };
        // Named namespaces of a mount namespace of its own; they go one by one while the lists are made.
        let script = "PATH=$PATH:/usr/sbin:/sbin; mount -t tmpfs tmpfs /run || exit 77\n\
            for i in 1 2 3 4 5 6 7 8 9 10; do ip netns add n$i; done\n\
            for i in 1 2 3 4 5 6 7 8 9 10; do ip netns delete n$i; done &\n\
            for i in 1 2 3; do \"$0\" sockets --all-netns -tl --port \"$1\" --json || code=$?; done; wait; exit $code";
        let args = ["--mount", "sh", "-c", script, SOCKEYE, &words[0]];
        let output = namespace.start("unshare", args).finish();
        if output.code == Some(77) {
            return eprintln!("SKIPPED: this test needs to mount a file system");
        }
        // That the list lacks what went away is told by the code, too.
        assert!(matches!(output.code, Some(0 | 8)), "{output:?}");
        let ours = |row: &&Value| row["owners"][0]["pid"] == program.pid();
        let all = crate::json_lines(&output.stdout);
        assert_eq!(all.iter().filter(ours).count(), 3, "{all:#?}");
        for line in output.stderr_text().lines() {
            let expected = line.starts_with("network namespace n") && line.contains("went away")
                || line.starts_with("the network namespace")
                || line.starts_with("network namespace 4") && line.contains("went away")
                || line.starts_with("owner hidden for ")
                || line.ends_with("the list is not complete")
                || line.starts_with("hint: ");
            assert!(expected, "{line}");
        }
    });
}

#[test]
fn huge_tables_are_read_with_few_descriptors_and_little_memory() {
    // Three processes with as many descriptors as they may have, of which one is looked for.
    let script = "import os, resource, socket, subprocess, sys\n\
        most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 100_000)\n\
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)); children = []\n\
        for _ in range(3):\n\
        \x20 r, w = os.pipe(); child = os.fork()\n\
        \x20 if child == 0:\n\
        \x20   one = os.open('/dev/null', os.O_RDONLY); unix = socket.socketpair()\n\
        \x20   for i in range(most - 20): os.dup(one if i % 2 else unix[0].fileno())\n\
        \x20   s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)\n\
        \x20   os.write(w, b'%d %d' % (s.getsockname()[1], s.fileno())); os.read(0, 1); os._exit(0)\n\
        \x20 os.close(w); children.append((child, *os.read(r, 99).split()))\n\
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n\
        for child, port, fd in children:\n\
        \x20 form = '{pid} {fd}'; args = [sys.argv[1], 'sockets', '-l', '--port', port, '--format', form]\n\
        \x20 told = subprocess.run(args, preexec_fn=few, capture_output=True, check=True).stdout\n\
        \x20 assert told == b'%d %s\\n' % (child, fd), told\n\
        print('ready', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, most, flush=True)";
    let Some(python3) = peers::python3() else {
        return;
    };
    within(move || {
        let program = Program::start(python3, ["-c", script, SOCKEYE]);
        let line = program.line_starting_with("ready ");
        let (kib, most) = line.split_once(' ').unwrap();
        let kib: u64 = kib.parse().unwrap();
        assert!(kib < 64 * 1024, "{kib} KiB for tables of {most}");
        assert_eq!(program.finish().code, Some(0));
    });
}

#[test]
fn a_process_that_is_asked_for_is_said_to_be_gone_and_others_do_not_matter() {
    within(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = std::process::id().to_string();
        let output = sockets(&["-tl", "--pid", &ours]);
        let port = listener.local_addr().unwrap().port();
        assert!(
            output.stdout_text().contains(&format!(":{port} ")),
            "{output:?}"
        );
        assert!(!output.stderr_text().contains("looked into"), "{output:?}");
        // The kernel's greatest number of a process is below this.
        let output = sockets(&["-tl", "--pid", "4294967295"]);
        assert_eq!(output.stderr_text(), "there is no process 4294967295\n");
        assert_eq!(output.code, Some(1), "{output:?}");
    });
}
