//! `sockeye sockets` row by row against `ss`, joined on the kernel's cookie (Unix sockets: on their inode), while sockets come and go.
//!
//! Two programs never look at the same moment. So both look twice, in turns: what one of them saw before and after the
//! other looked, unchanged, the other must have seen too, and seen the same.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sockeye_testkit::{deadline, peers};

use crate::SOCKEYE;

/// How often both look; `SOCKEYE_SS_ROUNDS=100` makes it more.
const ROUNDS: usize = 20;
/// The rounds are many short programs, and both cores may be busy.
const LIMIT: Duration = Duration::from_secs(28);
/// For more rounds than usual.
const PATIENCE: Duration = Duration::from_secs(280);

/// Opens and closes sockets of all kinds for ever; a window of them is always open.
const CHURN: &str = r#"
import collections, os, select, socket, sys
server = socket.create_server(("127.0.0.1", 0))
dual = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
where = "/tmp/sockeye-ss-%d.sock" % os.getpid()
local = socket.socket(socket.AF_UNIX); local.bind(where); local.listen(5); os.unlink(where)
held = collections.deque()
print("churning", flush=True)
turn = 0
while not select.select([sys.stdin], [], [], 0.004)[0]:
    to = server if turn % 2 else dual
    client = socket.create_connection(("127.0.0.1", to.getsockname()[1]))
    accepted = to.accept()[0]
    first, second = (client, accepted) if turn % 3 else (accepted, client)
    first.send(b"x" * (turn % 50))
    if turn % 5 == 0: first.shutdown(socket.SHUT_WR)
    datagrams = socket.socket(socket.AF_INET6 if turn % 2 else socket.AF_INET, socket.SOCK_DGRAM)
    if turn % 3: datagrams.connect(("::1" if turn % 2 else "127.0.0.1", 9))
    kind = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)[turn % 3]
    held.append((second, first, datagrams, *socket.socketpair(socket.AF_UNIX, kind)))
    if len(held) > 60:
        for one in held.popleft(): one.close()
    turn += 1
"#;

/// `$1` is how often, the words after it are a filter, which both understand; `$CHURN` the program above, which must not swell every row as a part of its command line.
const LOOK: &str = r#"
coproc CHURN { exec python3 -c 'import os; exec(os.environ["CHURN"])'; }
read -r -u "${CHURN[0]}" _
rounds=$1
shift
for ((i = 0; i < rounds; i++)); do
    for look in ss ours ss ours; do
        printf "\\x1e%s\\n" $look
        if [ $look = ss ]; then ss -Hatuxnep "$@"; else "$S" sockets -a -t -u -x --json -q "$@"; fi
    done
done
kill "$CHURN_PID"
"#;

/// What must be the same of one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    protocol: String,
    state: String,
    /// Of IP sockets.
    ends: Option<[(IpAddr, u16); 2]>,
    /// Of a socket that has one; and who has one.
    inode: u64,
    owners: BTreeSet<(u64, u64)>,
    /// Of TCP: what may wait, or what waits to be sent.
    send_queue: u64,
}

/// By the kernel's cookie; Unix sockets, of which `ss` does not tell it, by their inode, if they have one.
type Look = HashMap<(bool, u64), Seen>;

fn of_ss(text: &str) -> Look {
    text.lines().filter_map(ss_row).collect()
}

/// `tcp ESTAB 0 0 127.0.0.1:1 127.0.0.1:2 users:(("x",pid=1,fd=3)) ino:5 sk:1a`; a line that is none (`ss` breaks some
/// names) is no row.
fn ss_row(line: &str) -> Option<((bool, u64), Seen)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let protocol = match *words.first()? {
        "u_str" => "unix",
        "u_dgr" => "unix-dgram",
        "u_seq" => "unix-seqpacket",
        other => other,
    };
    let state = match *words.get(1)? {
        "ESTAB" => "established".to_owned(),
        "LISTEN" => "listening".to_owned(),
        "UNCONN" => "unconnected".to_owned(),
        "SYN-RECV" => "syn-received".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let after = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let ends = match protocol {
        "tcp" | "udp" => Some([ss_end(words.get(4)?)?, ss_end(words.get(5)?)?]),
        _ => None,
    };
    let inode = match ends {
        Some(_) => after("ino:").map_or(Ok(0), str::parse).ok()?,
        // A Unix socket's inode stands behind its name, which is one word here.
        None => words.get(5)?.parse().ok()?,
    };
    let key = match ends {
        Some(_) => (false, u64::from_str_radix(after("sk:")?, 16).ok()?),
        None => (true, inode),
    };
    let numbers = line.split("pid=").skip(1).filter_map(|rest| {
        let (pid, rest) = rest.split_once(",fd=")?;
        let fd = rest.split(')').next()?;
        Some((pid.parse().ok()?, fd.parse().ok()?))
    });
    let seen = Seen {
        protocol: protocol.to_owned(),
        state,
        ends,
        inode,
        owners: numbers.collect(),
        send_queue: words.get(3)?.parse().ok()?,
    };
    (key != (true, 0)).then_some((key, seen))
}

fn ss_end(text: &str) -> Option<(IpAddr, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.split('%').next()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = if host == "*" { "::" } else { host }.parse().ok()?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    Some((ip.to_canonical(), port))
}

fn of_ours(text: &str) -> Look {
    let rows = text.lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        our_row(&row)
    });
    // ss lists MPTCP only if it is asked for it alone; programs in Go listen with it.
    let rows = rows.filter(|(key, seen)| *key != (true, 0) && seen.protocol != "mptcp");
    let listed: Vec<_> = rows.collect();
    let count = listed.len();
    let look: Look = listed.into_iter().collect();
    assert_eq!(look.len(), count, "a socket is listed twice");
    look
}

fn our_row(row: &Value) -> ((bool, u64), Seen) {
    let protocol = row["protocol"].as_str().unwrap().to_owned();
    let end = |end: &Value| {
        let ip: IpAddr = end["ip"].as_str().unwrap().parse().unwrap();
        (
            ip.to_canonical(),
            u16::try_from(end["port"].as_u64().unwrap()).unwrap(),
        )
    };
    let any = |of: IpAddr| match of {
        IpAddr::V4(_) => "0.0.0.0".parse().unwrap(),
        IpAddr::V6(_) => "::".parse().unwrap(),
    };
    let ends = matches!(&*protocol, "tcp" | "udp").then(|| {
        let local = end(&row["local"]);
        // Without a peer there is nothing to write; ss writes the wildcard of the family.
        let peer = match &row["peer"] {
            Value::Null => (any(local.0), 0),
            peer => end(peer),
        };
        [local, peer]
    });
    let owners = row["owners"].as_array().unwrap().iter();
    let owners = owners.filter(|owner| owner["tid"].is_null()).map(|owner| {
        (
            owner["pid"].as_u64().unwrap(),
            owner["fd"].as_u64().unwrap(),
        )
    });
    let seen = Seen {
        ends,
        state: row["state"].as_str().unwrap().to_owned(),
        inode: row["inode"].as_u64().unwrap_or(0),
        owners: owners.collect(),
        send_queue: row["send_queue"].as_u64().unwrap(),
        protocol,
    };
    let explained = !seen.owners.is_empty()
        || row["owner_missing"].is_string()
        || !row["owners"].as_array().unwrap().is_empty();
    assert!(explained, "no owner and no reason: {row}");
    let key = match seen.ends {
        Some(_) => (false, row["cookie"].as_str().unwrap().parse().unwrap()),
        None => (true, seen.inode),
    };
    (key, seen)
}

/// Everything that `outer` saw unchanged before and after, `inner` saw as well; the number of such sockets.
fn compare(outer: [&Look; 2], inner: &Look, what: &str) -> usize {
    let [before, after] = outer;
    let steady = before
        .iter()
        .filter(|(key, seen)| after.get(key) == Some(seen));
    let mut count = 0;
    for (key, seen) in steady {
        let found = inner.get(key);
        assert_eq!(found, Some(seen), "{what}, {key:x?}");
        count += 1;
    }
    count
}

fn rounds() -> usize {
    let wanted = std::env::var("SOCKEYE_SS_ROUNDS");
    wanted.map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

fn limit() -> Duration {
    if rounds() > ROUNDS { PATIENCE } else { LIMIT }
}

fn look_on_both(prefix: &str, filter: &[&str]) {
    if peers::python3().is_none() || peers::ss().is_none() {
        return;
    }
    let rounds = rounds();
    // Not a `Program`: those have ten seconds.
    let output = Command::new("bash")
        .args([
            "-c",
            &format!("{prefix}\n{LOOK}"),
            "bash",
            &rounds.to_string(),
        ])
        .args(filter)
        .env("CHURN", CHURN)
        .env("S", SOCKEYE)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let looks: Vec<Look> = text
        .split("\x1e")
        .skip(1)
        .map(|look| match look.split_once('\n').unwrap() {
            ("ss", rows) => of_ss(rows),
            (_, rows) => of_ours(rows),
        })
        .collect();
    assert_eq!(
        looks.len(),
        4 * rounds,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut steady = 0;
    for round in looks.chunks(4) {
        let [ss, ours, ss_again, ours_again] = round else {
            panic!("four looks make a round")
        };
        steady += compare(
            [ss, ss_again],
            ours,
            "ss saw it twice, and ours saw it otherwise",
        );
        steady += compare(
            [ours, ours_again],
            ss_again,
            "ours saw it twice, and ss saw it otherwise",
        );
    }
    // A comparison of nothing is none.
    assert!(
        steady > 20 * looks.len(),
        "only {steady} sockets could be compared"
    );
}

#[test]
fn each_row_of_a_fresh_namespace_is_as_ss_has_it() {
    deadline(limit(), || {
        // In its own namespace this shell starts itself again.
        let inside = "if [ -z \"$INSIDE\" ]; then export INSIDE=1; exec unshare --net bash -c \"$BASH_EXECUTION_STRING\" bash \"$@\"; fi\n\
            ip link set lo up";
        if !peers::may_unshare() {
            return;
        }
        look_on_both(inside, &[]);
    });
}

#[test]
fn each_row_of_this_machine_is_as_ss_has_it() {
    // Thousands of connections of other tests may be over, and tell nothing new.
    deadline(limit(), || look_on_both("", &["exclude", "time-wait"]));
}
