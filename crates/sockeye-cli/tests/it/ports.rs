//! `sockeye ports`: every source, every kind of word, and getservbyname(3) as a peer.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sockeye_testkit::{Output, Program, peers, within};

use crate::terminal::Screen;
use crate::{json_lines, shell, sockeye};

fn ports(args: &[&str]) -> Output {
    sockeye(["ports"].iter().chain(args)).finish()
}

/// The JSON lines of an answer with this exit code.
#[track_caller]
fn json(args: &[&str], code: i32) -> Vec<Value> {
    let output = ports(&[args, &["--json"]].concat());
    assert_eq!(output.code, Some(code), "{}", output.stderr_text());
    json_lines(&output.stdout)
}

/// `PORT/PROTOCOL NAME` of each line of an answer from the sources that are built in.
#[track_caller]
fn built_in(args: &[&str]) -> Vec<String> {
    let lines = json(args, 0);
    let lines = lines.iter().filter(|line| line["source"] != "local");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .map(|line| {
            let (protocol, name) = (text(&line["protocol"]), text(&line["name"]));
            format!("{}/{protocol} {name}", line["port"])
        })
        .collect()
}

#[test]
fn the_five_that_everybody_knows_are_there() {
    within(|| {
        let output = ports(&["21", "22", "23", "80", "443", "--protocol", "tcp"]);
        assert_eq!(output.code, Some(0));
        let text = output.stdout_text();
        let names: Vec<(&str, &str)> = text
            .lines()
            .skip(1)
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace();
                Some((words.next()?, words.next()?))
            })
            .collect();
        assert_eq!(
            names,
            [
                ("21/tcp", "ftp"),
                ("22/tcp", "ssh"),
                ("23/tcp", "telnet"),
                ("80/tcp", "http"),
                ("443/tcp", "https"),
            ]
        );
        // The registry's date is said.
        let talk = output.stderr_text();
        assert!(talk.starts_with("iana: the registry of 20"), "{talk}");
    });
}

#[test]
fn http_comes_first_and_www_is_its_alias() {
    within(|| {
        let lines = json(&["80/tcp"], 0);
        assert!(lines.iter().all(|line| line["name"] == "http"));
        let official = lines.iter().find(|line| line["source"] == "iana").unwrap();
        assert_eq!(official["aliases"], serde_json::json!(["www", "www-http"]));
        assert_eq!(official["port"], 80);
        assert_eq!(official["description"], "World Wide Web HTTP");
        assert_eq!(official["range"], "system");
        assert!(
            official["registry_date"]
                .as_str()
                .unwrap()
                .starts_with("20")
        );
        assert!(ports(&["80/tcp"]).stdout_text().contains(" www"));
    });
}

#[test]
fn names_numbers_ranges_and_patterns_find_what_they_mean() {
    within(|| {
        assert_eq!(
            built_in(&["mongodb"]),
            ["27017/tcp mongodb", "27017/tcp mongodb"]
        );
        assert_eq!(built_in(&["53"]), ["53/tcp domain", "53/udp domain"]);
        assert_eq!(built_in(&["DOMAIN/udp"]), ["53/udp domain"]);
        assert_eq!(built_in(&["22/sctp"]), ["22/sctp ssh"]);
        assert_eq!(
            built_in(&["88-90", "--protocol", "tcp"]),
            ["88/tcp kerberos", "89/tcp su-mit-tg", "90/tcp dnsix"]
        );
        assert_eq!(
            built_in(&["6443/tcp", "--source", "dev"]),
            ["6443/tcp kube-api"]
        );
        assert_eq!(built_in(&["6010/tcp"]), ["6000/tcp x11"]);
        let patterns = built_in(&["postgres*", "--source", "iana", "--protocol", "tcp"]);
        assert_eq!(patterns, ["5432/tcp postgresql"]);
        // Two words that mean the same are answered once, in the order of the words.
        let twice = built_in(&["53/udp", "22/sctp", "domain/udp"]);
        assert_eq!(twice, ["53/udp domain", "22/sctp ssh"]);
    });
}

#[test]
fn a_word_that_is_no_name_is_looked_for_in_descriptions() {
    within(|| {
        let output = ports(&["key-value", "--source", "iana"]);
        assert_eq!(output.code, Some(0));
        assert!(output.stdout_text().contains("6379/tcp"));
        let talk = output.stderr_text();
        assert!(
            talk.contains("no service is called \"key-value\""),
            "{talk}"
        );
        let text = built_in(&["--text", "key-value", "--source", "iana"]);
        assert_eq!(text, ["6379/tcp redis"]);
    });
}

#[test]
fn a_port_without_a_service_says_what_it_is_for() {
    within(|| {
        for (port, says) in [
            ("4/tcp", "4/tcp is unassigned: a system port (0-1023)\n"),
            ("4", "4 is unassigned: a system port (0-1023)\n"),
            ("2/tcp", "2/tcp is reserved: a system port (0-1023)\n"),
            (
                "27017/udp",
                "27017/udp is reserved: a user port (1024-49151); 27017/tcp is mongodb\n",
            ),
        ] {
            let output = ports(&[port]);
            assert_eq!(output.code, Some(1), "{port}");
            assert_eq!(output.stdout_text(), says);
            assert_eq!(output.stderr_text(), "");
        }
        let output = ports(&["65000/tcp"]).stdout_text();
        let dynamic = "65000/tcp is unassigned: a dynamic port (49152-65535)";
        assert!(output.starts_with(dynamic), "{output}");
        let lines = json(&["4/tcp"], 1);
        assert_eq!(lines[0]["type"], "unassigned");
        assert_eq!(
            (&lines[0]["port"], &lines[0]["range"]),
            (&4.into(), &"system".into())
        );
        assert_eq!(lines[0]["reserved"], Value::Null);
        assert_eq!(json(&["0/tcp"], 1)[0]["reserved"], "Reserved");
    });
}

#[test]
fn what_is_not_known_is_said_with_the_nearest_name() {
    within(|| {
        let output = ports(&["mongodbb"]);
        assert_eq!(output.code, Some(1));
        assert_eq!(output.stdout_text(), "");
        assert_eq!(
            output.stderr_text(),
            "sockeye: nobody knows a service \"mongodbb\"\nhint: did you mean \"mongodb\"?\n"
        );
        let lines = json(&["443/tcp", "mongodbb"], 1);
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["type"], &last["nearest"]),
            (&"not-found".into(), &"mongodb".into())
        );
        assert_eq!(lines[0]["port"], 443);
        let output = ports(&["80", "--source", "dev"]);
        assert_eq!(output.code, Some(1));
        assert_eq!(
            output.stderr_text(),
            "sockeye: our own list does not know a name of port 80\n"
        );
        // What was typed cannot reach the terminal as it is.
        let talk = ports(&["a\x1b[2Jb"]).stderr_text();
        assert!(talk.contains(r"a\x1b[2Jb"), "{talk}");
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    within(|| {
        for (args, says) in [
            (&["70000"][..], "70000 is no port"),
            (&["80/foo"], "nobody knows a protocol \"foo\" with ports"),
            (
                &["80", "--protocol", "foo"],
                "nobody knows a protocol \"foo\" with ports",
            ),
            (&["20-10"], "the range 20-10 runs backwards"),
            (&[""], "an empty word names no port"),
            (
                &["80", "--source", "nmap"],
                "\"nmap\" is no source; there are local, iana, dev",
            ),
            (&["80", "--limit", "0"], "0 is not in 1.."),
            (
                &["80", "--limit", "ten"],
                "--limit: \"ten\" is no whole number",
            ),
            (
                &["80/tcp", "--protocol", "udp"],
                "\"80/tcp\" is of tcp, and --protocol says \"udp\"",
            ),
            (&["--text", ""], "an empty word names no port"),
            (&["--text"], "required"),
            (&["80", "--all"], "cannot be used with"),
        ] {
            let output = ports(args);
            assert_eq!(output.code, Some(2), "{args:?}");
            assert_eq!(output.stdout_text(), "");
            let talk = output.stderr_text();
            assert!(talk.contains(says), "{talk}");
            assert!(talk.contains("\nhint: "), "{talk}");
        }
    });
}

#[test]
fn lists_are_bounded_unless_all_is_asked_for() {
    within(|| {
        let output = ports(&["1-65535", "--limit", "3"]);
        assert_eq!(
            output.stdout_text().lines().count(),
            4,
            "a head and three rows"
        );
        let talk = output.stderr_text();
        assert!(talk.contains("warning: 3 of "), "{talk}");
        assert_eq!(json(&["1-65535"], 0).len(), 100);
        assert!(json(&["--all"], 0).len() > 11_000);
        let few = json(&[], 0);
        assert!(
            (60..200).contains(&few.len()),
            "the everyday ones: {}",
            few.len()
        );
        let dev = json(&["--source", "dev"], 0);
        assert!(dev.iter().all(|line| line["source"] == "dev"));
    });
}

#[test]
fn at_a_terminal_nothing_is_wider_than_it() {
    within(|| {
        // The screen has 80 columns.
        let (shown, code) = Screen::start(&["ports", "512/udp", "--source", "iana"]).wait();
        assert_eq!(code, Some(0));
        let wide = shown.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        // What does not fit stands below its row, whole.
        assert!(
            shown.contains("\n    used by mail system to notify users"),
            "{shown}"
        );
    });
}

#[test]
fn a_closed_standard_output_ends_it_quietly() {
    within(|| {
        let output = shell(
            "\"$S\" ports --all 2>&1 | head -1; echo ${PIPESTATUS[0]}",
            &[],
        );
        let text = output.stdout_text();
        assert!(
            text.starts_with("PORT ") && text.ends_with("\n0\n"),
            "{text}"
        );
        let colored = ports(&["80", "--color", "always"]).stdout_text();
        assert!(colored.starts_with("\x1b[2mPORT"), "{colored}");
        assert!(!ports(&["80"]).stdout_text().contains('\x1b'));
    });
}

/// What getservbyname(3) and getservbyport(3) say of each line of the local table, as `NAME PROTOCOL PORT OFFICIAL`.
const GETSERV: &str = "
import socket
for line in open('/etc/services', encoding='utf-8', errors='replace'):
    words = line.split('#')[0].split()
    if len(words) < 2: continue
    port, protocol = words[1].split('/')
    for name in [words[0]] + words[2:]:
        number = socket.getservbyname(name, protocol)
        print(name, protocol, number, socket.getservbyport(number, protocol))
";

#[test]
fn the_local_table_means_what_the_c_library_says() {
    within(|| {
        let Some(python) = peers::python3() else {
            return;
        };
        if !Path::new("/etc/services").exists() {
            // Without the table there is nothing to compare, and nothing local.
            assert_eq!(json(&["--source", "local"], 1).len(), 1);
            return;
        }
        let mut python = Command::new(python);
        python.args(["-c", GETSERV]);
        let peer = Program::start_command(python).finish();
        assert_eq!(peer.code, Some(0), "{}", peer.stderr_text());
        let ours = json(&["--source", "local", "--all"], 0);
        let mut asked = 0;
        for line in peer.stdout_text().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [name, protocol, port, official] = words[..] else {
                panic!("{line}")
            };
            let port: u16 = port.parse().unwrap();
            let of_protocol = || ours.iter().filter(|entry| entry["protocol"] == protocol);
            let by_name = of_protocol().find(|entry| {
                let aliases = entry["aliases"].as_array().unwrap();
                entry["name"] == name || aliases.iter().any(|alias| alias == name)
            });
            assert_eq!(by_name.unwrap()["port"], port, "{line}");
            let by_port = of_protocol().find(|entry| entry["port"] == port);
            assert_eq!(by_port.unwrap()["name"], official, "{line}");
            asked += 1;
        }
        assert!(asked > 0);
    });
}

#[test]
fn a_name_that_only_the_registry_knows_is_a_port_of_an_endpoint() {
    within(|| {
        let output = crate::connect("127.0.0.1:cl-1", &["-z", "--wire"], "");
        let talk = output.stderr_text();
        assert!(talk.contains("connecting to 127.0.0.1:172\n"), "{talk}");
    });
}
