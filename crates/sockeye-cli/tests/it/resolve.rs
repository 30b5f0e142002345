//! `resolve`: both views of a name, against a name server of the test's own.

use std::net::SocketAddr;

use sockeye_testkit::{Output, Program, peers, within};

use crate::resolve_server::{
    A, AAAA, CNAME, Etc, MX, PTR, Say, TXT, Table, TableServer, labels, text,
};
use crate::{SOCKEYE, output_of, sockeye};

/// The table that most tests ask.
pub(crate) fn example() -> Table {
    Table::default()
        .host("www.example", &["127.0.0.10", "::1"])
        .host("v4.example", &["127.0.0.4"])
        .host("db.corp.example", &["127.0.0.7"])
        .host("xn--bcher-kva.example", &["127.0.0.77"])
        .say("broken.example", Say::Code(2))
        .say("closed.example", Say::Code(5))
        .say("silent.example", Say::Silence)
        .records("alias.example", [(CNAME, labels("xn--bcher-kva.example"))])
        .records(
            "example",
            [
                (MX, [&[0, 10], &labels("mail.example")[..]].concat()),
                (MX, [&[0, 20], &labels("spare.example")[..]].concat()),
                (TXT, text(b"one")),
            ],
        )
        .records("10.0.0.127.in-addr.arpa", [(PTR, labels("www.example"))])
}

/// `resolve` on a machine with its files in this directory.
pub(crate) fn resolve_on(etc: &Etc, args: &[&str]) -> Output {
    let etc = etc.path().to_str().unwrap();
    let fixed = ["resolve", "--color=never", "--etc", etc];
    let mut command = std::process::Command::new(SOCKEYE);
    command.args(fixed).args(args);
    command.env_remove("LOCALDOMAIN").env_remove("RES_OPTIONS");
    Program::start_command(command).finish()
}

/// Standard output with ports, times and directories of this run replaced.
pub(crate) fn told(output: &Output, etc: &Etc, server: SocketAddr) -> String {
    let text = output.stdout_text();
    let text = text.replace(etc.path().to_str().unwrap(), "/etc");
    let text = text.replace(&server.port().to_string(), "PORT");
    let mut told = String::new();
    for (position, part) in text.split(" ms").enumerate() {
        if position > 0 {
            let kept = told
                .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
                .len();
            told.truncate(kept);
            told.push_str("T ms");
        }
        told.push_str(part);
    }
    told
}

/// Run it on a machine with this hosts file, and compare what it tells.
fn check(hosts: &str, args: &[&str], code: i32, wanted: &str) -> Output {
    let server = example().serve();
    let etc = Etc::new(hosts, server.address);
    let output = resolve_on(&etc, args);
    let told = told(&output, &etc, server.address);
    assert_eq!(told, wanted, "{}", output.stderr_text());
    assert_eq!(output.code, Some(code), "{told}");
    output
}

#[test]
fn both_views_stand_side_by_side() {
    within(|| {
        check(
            "",
            &["www.example"],
            0,
            "\
www.example
  programs here get  ::1  127.0.0.10                     files → dns, T ms
  DNS says           A     127.0.0.10  300 s             127.0.0.1:PORT udp, T ms
                     AAAA  ::1         300 s
  same answer
",
        );
    });
}

#[test]
fn a_name_in_the_hosts_file_only_is_explained() {
    within(|| {
        check(
            "127.0.0.1 localhost\n\n127.0.0.99 only.example only # mine\n",
            &["only.example"],
            0,
            "\
only.example
  programs here get  127.0.0.99                          files: /etc/hosts line 3
  DNS says           no such name (NXDOMAIN)             127.0.0.1:PORT udp, T ms
  differs            /etc/hosts line 3 says 127.0.0.99, and files comes before dns in nsswitch.conf;
                     the DNS says there is no such name (NXDOMAIN)
",
        );
    });
}

#[test]
fn a_short_name_is_completed_by_the_search_list_and_that_is_said() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let port = server.address.port();
        let etc = etc.file(
            "resolv.conf",
            &format!("nameserver [127.0.0.1]:{port}\nsearch lab.example corp.example\n"),
        );
        let output = resolve_on(&etc, &["db"]);
        assert_eq!(
            told(&output, &etc, server.address),
            "\
db
  programs here get  127.0.0.7                           files → dns: db.corp.example, T ms
  DNS says           no such name (NXDOMAIN)             127.0.0.1:PORT udp, T ms
  differs            the search list turned db into db.corp.example;
                     for db as it stands the DNS says there is no such name (NXDOMAIN)
"
        );
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn every_step_is_told_to_who_asks_for_more() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address)
            .file(
                "nsswitch.conf",
                "hosts: mdns4_minimal [NOTFOUND=return] files dns\n",
            )
            .file("gai.conf", "precedence ::ffff:0:0/96 100\n");
        let output = resolve_on(&etc, &["www.example", "--system", "-v"]);
        let told = told(&output, &etc, server.address);
        // The order in which the families arrive is chance.
        let told = told.replace("::1  127.0.0.10 (", "127.0.0.10  ::1 (");
        assert_eq!(
            told,
            "\
www.example
  programs here get  127.0.0.10  ::1                     files → dns, T ms
                     mdns4_minimal: skipped, it is not spoken here; programs that use the C library may ask it
                     files: /etc/hosts does not name it
                     dns: www.example → 127.0.0.10  ::1 (127.0.0.1:PORT, T ms)
                     order: 127.0.0.10 before ::1: higher precedence (RFC 6724 rule 6)
                     way: 127.0.0.10 from 127.0.0.1
                     way: ::1 from ::1
                     order: gai.conf replaces the preferences of RFC 6724
"
        );
    });
}

#[test]
fn the_ways_not_to_get_an_answer_have_words_and_codes_of_their_own() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let quick = ["--patience", "50ms", "--attempts", "1"];
        let cases = [
            ("v4.example AAAA", 1, "has no AAAA record (NODATA)"),
            ("nobody.example A", 3, "no such name (NXDOMAIN)"),
            ("broken.example A", 7, "the server failed (SERVFAIL)"),
            (
                "closed.example A",
                7,
                "the server refused to answer (REFUSED)",
            ),
            (
                "silent.example A",
                5,
                "out of time, it did not answer within 50ms",
            ),
        ];
        for (words, code, text) in cases {
            // Only who waits in vain may wait briefly, or a busy machine would change the answer.
            let quick = if code == 5 { &quick[..] } else { &[] };
            let words: Vec<&str> = words.split(' ').chain(quick.iter().copied()).collect();
            let output = resolve_on(&etc, &words);
            assert!(
                output.stdout_text().contains(text),
                "{}",
                output.stdout_text()
            );
            assert_eq!(output.code, Some(code), "{words:?}");
        }
        let gone = std::net::UdpSocket::bind("127.0.0.81:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let output = resolve_on(&etc, &["v4.example", "A", &format!("@{gone}")]);
        assert!(
            output.stdout_text().contains("nobody listens there"),
            "{}",
            output.stdout_text()
        );
        assert_eq!(output.code, Some(4));
    });
}

#[test]
fn programs_that_get_nothing_are_told_why() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let cases = [
            ("nobody.example", 3, "nothing: nobody knows this name"),
            ("example", 1, "nothing: the name exists and has no address"),
            ("broken.example", 7, "nothing: name servers fail"),
            (
                "silent.example",
                5,
                "nothing: no name server answered in time",
            ),
            ("a b", 3, "no host name can have ' ' in it"),
        ];
        for (name, code, text) in cases {
            let limit = if code == 5 { "150ms" } else { "5s" };
            let args = [name, "--system", "--connect-timeout", limit];
            let output = resolve_on(&etc, &args);
            assert!(
                output.stdout_text().contains(text),
                "{}",
                output.stdout_text()
            );
            assert_eq!(output.code, Some(code), "{name}");
        }
        let output = resolve_on(
            &etc,
            &["v4.example", "nobody.example", "example", "--system"],
        );
        assert_eq!(output.code, Some(3), "the worst of several names");
    });
}

#[test]
fn the_words_of_dig_are_understood() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let at = format!("@{}", server.address);
        let blanks = " ".repeat(server.address.to_string().len());
        let wanted = format!(
            "example\n  127.0.0.1:PORT says  MX  10 mail.example.   300 s        127.0.0.1:PORT udp, T ms\n  \
             {blanks}       MX  20 spare.example.  300 s\n"
        );
        for words in [
            ["example", "MX", &at],
            [&at, "MX", "example"],
            ["example", "mx", &at],
        ] {
            let output = resolve_on(&etc, &words);
            assert_eq!(told(&output, &etc, server.address), wanted);
        }
        let refused = [
            ("example +short", "here it is --short"),
            ("MX", "a host of that name is written mx."),
            ("http://www.example/", "did you mean www.example ?"),
            ("example -t NONSENSE", "such as A, AAAA, MX"),
            ("example AXFR", "transfers a zone"),
            ("example @ftp://x", "over udp, tcp, tls, https"),
            ("example --edns 100", "lists the flags"),
            ("example --tcp --tls", "lists the flags"),
            ("example MX --system", "leave out --system"),
            ("example --system --tcp", "lists the flags"),
            ("example --system --dnssec", "lists the flags"),
            ("example --edns much", "lists the flags"),
            ("example --subnet x", "as in 192.0.2.0/24"),
            ("example --nonsense", "a similar argument"),
            (
                "example --server 127.0.0.1:nonsense",
                "write the port as a number",
            ),
            ("example --race nonsense", "write the port as a number"),
            ("example --patience 0s", "2s is a time"),
        ];
        for (line, hint) in refused {
            let words: Vec<&str> = line.split(' ').collect();
            let output = resolve_on(&etc, &words);
            assert_eq!(output.code, Some(2), "{line}");
            let talk = output.stderr_text();
            assert!(talk.contains(hint), "{line}: {talk}");
            assert_eq!(talk.lines().count(), 2, "{talk}");
        }
        let output = sockeye(["resolve", "www.example", "--etc", SOCKEYE]).finish();
        assert_eq!(output.code, Some(2), "{output:?}");
        let talk = output.stderr_text();
        assert!(talk.contains(" is no directory\nhint: "), "{talk}");
    });
}

#[test]
fn servers_are_compared_and_what_differs_is_named() {
    within(|| {
        let one = Table::default()
            .host("www.example", &["127.0.0.10"])
            .serve();
        let other = Table::default()
            .host("www.example", &["127.0.0.11"])
            .serve();
        let etc = Etc::new("", one.address);
        let servers = [format!("@{}", one.address), format!("@{}", other.address)];
        let output = resolve_on(&etc, &["www.example", "A", &servers[0], &servers[1]]);
        let told =
            told(&output, &etc, one.address).replace(&other.address.port().to_string(), "OTHER");
        let wanted = "\
  differs               127.0.0.1:PORT ≠ 127.0.0.1:OTHER: A: 127.0.0.10 ≠ 127.0.0.11
";
        assert!(told.contains(wanted.trim()), "{told}");
        assert!(told.contains("127.0.0.1:OTHER says"), "{told}");
        let output = resolve_on(&etc, &["www.example", "AAAA", &servers[0], &servers[1]]);
        assert!(
            output.stdout_text().ends_with("  same answer\n"),
            "{}",
            output.stdout_text()
        );
    });
}

#[test]
fn short_has_values_alone_and_the_reason_on_standard_error() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("127.0.0.99 only\n", server.address);
        let cases = [
            ("www.example", "::1\n127.0.0.10\n"),
            ("only", "127.0.0.99\n"),
            ("example MX", "10 mail.example.\n20 spare.example.\n"),
            ("127.0.0.10", "www.example.\n"),
            ("127.0.0.99", "only\n"),
            ("www.example --dns -4", "127.0.0.10\n"),
        ];
        for (line, wanted) in cases {
            let words: Vec<&str> = line.split(' ').chain(["--short"]).collect();
            let output = resolve_on(&etc, &words);
            assert_eq!(output.stdout_text(), wanted, "{line}");
            assert_eq!((output.stderr_text().as_str(), output.code), ("", Some(0)));
        }
        let output = resolve_on(&etc, &["nobody.example", "A", "--short"]);
        assert_eq!(output.stdout_text(), "");
        assert_eq!(
            output.stderr_text(),
            "sockeye: nobody.example: no such name (NXDOMAIN)\n"
        );
        assert_eq!(output.code, Some(3));
    });
}

#[test]
fn names_beyond_ascii_are_shown_both_ways() {
    within(|| {
        check(
            "",
            &["b\u{fc}cher.example", "-4"],
            0,
            "\
bücher.example (xn--bcher-kva.example)
  programs here get  127.0.0.77                          files → dns, T ms
  DNS says           A  127.0.0.77  300 s                127.0.0.1:PORT udp, T ms
  same answer
",
        );
        check(
            "",
            &["alias.example", "CNAME"],
            0,
            "\
alias.example
  DNS says  CNAME  xn--bcher-kva.example. (bücher.example.)  300 s  127.0.0.1:PORT udp, T ms
",
        );
    });
}

#[test]
fn names_that_nobody_must_ask_for_are_not_asked_for() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("127.0.0.1 localhost\n", server.address);
        let output = resolve_on(&etc, &["localhost", "hidden.onion", "x.invalid"]);
        assert_eq!(
            told(&output, &etc, server.address),
            "\
localhost
  programs here get  ::1  127.0.0.1                      this machine itself, by rule (RFC 6761)
                     programs that use the C library go by the hosts file: 127.0.0.1 (line 1)
  DNS                not asked: names below .localhost are no question for name servers (RFC 6761 section 6.3);
                     --dns asks
hidden.onion
  programs here get  nothing: nobody knows this name     names below .onion are not asked for (RFC 7686 section 2)
  DNS                not asked: names below .onion are no question for name servers (RFC 7686 section 2);
                     --dns asks
x.invalid
  programs here get  nothing: nobody knows this name     names below .invalid are not asked for (RFC 6761 section 6.4)
  DNS                not asked: names below .invalid are no question for name servers (RFC 6761 section 6.4);
                     --dns asks
"
        );
        assert_eq!(output.code, Some(3));
        assert!(server.asked().is_empty(), "{:?}", server.asked());
        let output = resolve_on(&etc, &["hidden.onion", "--dns"]);
        assert_eq!(output.code, Some(3));
        assert_eq!(server.asked().len(), 2);
    });
}

#[test]
fn a_long_answer_comes_over_tcp_and_that_is_said() {
    within(|| {
        let many = (0..60).map(|number| (TXT, text(format!("text number {number:02}").as_bytes())));
        let server = Table::default()
            .records("big.example", many.collect::<Vec<_>>())
            .serve();
        let etc = Etc::new("", server.address);
        let output = resolve_on(&etc, &["big.example", "TXT"]);
        let told = told(&output, &etc, server.address);
        assert_eq!(told.matches("\"text number ").count(), 60, "{told}");
        assert!(
            told.contains("127.0.0.1:PORT udp → tcp (truncated), T ms"),
            "{told}"
        );
        assert_eq!(server.asked().len(), 2);
    });
}

#[test]
fn nothing_in_an_answer_reaches_the_terminal_as_it_is() {
    within(|| {
        let hostile = b"\x1b]0;owned\x07\n\xff\xe2\x80\xae";
        let mut name = vec![u8::try_from(hostile.len()).unwrap()];
        name.extend(hostile);
        name.push(0);
        let server = Table::default()
            .records("evil.example", [(TXT, text(hostile)), (CNAME, labels("x"))])
            .records("66.0.0.127.in-addr.arpa", [(PTR, name)])
            .serve();
        let etc = Etc::new("", server.address);
        for args in [
            &["evil.example", "TXT"][..],
            &["127.0.0.66"],
            &["127.0.0.66", "-v"],
        ] {
            let output = resolve_on(&etc, args);
            let shown = output.stdout_text();
            assert!(shown.contains("\\027]0"), "{shown:?}");
            let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!shown.contains(bad), "{shown:?}");
        }
        let output = resolve_on(&etc, &["\u{1b}[2J\n.example"]);
        assert!(
            !output.stdout_text().contains('\u{1b}'),
            "{:?}",
            output.stdout_text()
        );
    });
}

#[test]
fn slow_reverse_names_hold_up_nobody() {
    within(|| {
        let mut table = Table::default();
        for last in 1..=48 {
            table = table.say(&format!("{last}.0.0.127.in-addr.arpa"), Say::Silence);
        }
        let server = table.serve();
        let etc = Etc::new("127.0.0.48 known.example\n", server.address);
        let addresses: Vec<String> = (1..=48).map(|last| format!("127.0.0.{last}")).collect();
        let mut args: Vec<&str> = addresses.iter().map(String::as_str).collect();
        args.extend(["--patience", "100ms", "--attempts", "1"]);
        let begin = std::time::Instant::now();
        let output = resolve_on(&etc, &args);
        let took = begin.elapsed();
        // One after the other they would take 4.8 s.
        assert!(took < std::time::Duration::from_secs(4), "{took:?}");
        let shown = output.stdout_text();
        assert_eq!(shown.matches("out of time").count(), 48, "{shown}");
        assert!(
            shown.contains("programs here get  known.example "),
            "{shown}"
        );
        assert_eq!(output.code, Some(5));
    });
}

#[test]
fn names_come_from_standard_input_too() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let mut program = sockeye([
            "resolve",
            "-",
            "A",
            "--short",
            "--etc",
            etc.path().to_str().unwrap(),
        ]);
        program.write("v4.example\n\n# nothing\nwww.example # comment\n");
        let output = program.finish();
        assert_eq!(output.stdout_text(), "127.0.0.4\n127.0.0.10\n");
    });
}

#[test]
fn the_bytes_of_every_question_can_be_seen() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let output = resolve_on(&etc, &["v4.example", "A", "--wire"]);
        let talk = output.stderr_text();
        assert_eq!(talk.matches("v4\\x07example").count(), 2, "{talk}");
        let output = resolve_on(&etc, &["v4.example", "-4", "--system", "--wire"]);
        let own = output.stderr_text();
        assert_eq!(own.matches("v4\\x07example").count(), 2, "{own}");
        assert!(talk.contains(" > ") && talk.contains(" < "), "{talk}");
    });
}

#[test]
fn a_command_that_is_out_of_time_says_so() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let output = resolve_on(&etc, &["silent.example", "A", "--timeout", "100ms"]);
        assert_eq!(output.code, Some(5));
        assert!(output.stderr_text().contains("not done within --timeout"));
    });
}

#[test]
fn flags_of_the_question_arrive() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let output = resolve_on(
            &etc,
            &[
                "v4.example",
                "A",
                "--no-recurse",
                "--cd",
                "--dnssec",
                "--edns",
                "4096",
                "--nsid",
                "--subnet",
                "192.0.2.0/24",
                "--wire=json",
            ],
        );
        let talk = output.stderr_text();
        let sent: Vec<u8> = talk
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .find(|event| event["direction"] == "sent" && event["type"] == "data")
            .map(|event| bytes_of(&event))
            .unwrap();
        assert_eq!(sent[2] & 1, 0, "no recursion");
        assert_eq!(sent[3] & 0x10, 0x10, "no checking");
        let option = sent.windows(3).position(|it| it == [0, 0, 41]).unwrap() + 1;
        assert_eq!(sent[option + 2..option + 4], 4096u16.to_be_bytes());
        assert_eq!(sent[option + 6] & 0x80, 0x80, "signatures");
        let subnet = [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2];
        assert!(sent.windows(subnet.len()).any(|it| it == subnet));
        let output = resolve_on(&etc, &["v4.example", "A", "--tcp", "--no-edns"]);
        assert!(
            output.stdout_text().contains(" tcp, "),
            "{}",
            output.stdout_text()
        );
    });
}

fn bytes_of(event: &serde_json::Value) -> Vec<u8> {
    match event["base64"].as_str() {
        Some(text) => data_encoding::BASE64.decode(text.as_bytes()).unwrap(),
        None => event["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// The names of this machine's own hosts file.
fn names_of_this_machine() -> Vec<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    let mut names: Vec<String> = lines
        .flat_map(|line| line.split_whitespace().skip(1).map(str::to_owned))
        .collect();
    names.dedup();
    names.truncate(8);
    names
}

#[test]
fn programs_here_get_the_same() {
    within(|| {
        let Some(python) = peers::python3() else {
            return;
        };
        let script = "import socket, sys\n\
            for a in sorted({i[4][0] for i in socket.getaddrinfo(sys.argv[1], None)}): print(a)";
        let lines = |text: String| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        for name in names_of_this_machine() {
            let theirs = output_of(&python, &["-c", script, &name]);
            let theirs = lines(String::from_utf8(theirs).unwrap());
            let output = sockeye(["resolve", "--short", "--system", &name]).finish();
            let mut ours = lines(output.stdout_text());
            ours.sort();
            if name == "localhost" {
                // The rule of RFC 6761 may give more than the hosts file has.
                assert!(
                    theirs.iter().all(|it| ours.contains(it)),
                    "{theirs:?} {ours:?}"
                );
            } else {
                assert_eq!(ours, theirs, "{name}");
            }
        }
        let script = "import socket, sys; print(socket.gethostbyaddr(sys.argv[1])[0])";
        let theirs = output_of(&python, &["-c", script, "127.0.0.1"]);
        let output = sockeye(["resolve", "--short", "--system", "127.0.0.1"]).finish();
        assert_eq!(output.stdout, theirs);
    });
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("", server.address);
        let output = crate::shell(
            "\"$S\" resolve www.example v4.example --etc \"$1\" | head -1; echo ${PIPESTATUS[0]}",
            &[etc.path().to_str().unwrap()],
        );
        assert_eq!(output.stdout_text(), "www.example\n0\n");
        assert_eq!(output.stderr_text(), "");
    });
}

/// Nobody asked for a family that is not wanted.
#[test]
fn one_family_can_be_asked_for() {
    within(|| {
        let server: TableServer = example().serve();
        let etc = Etc::new("", server.address);
        let output = resolve_on(&etc, &["www.example", "-6", "--dns"]);
        assert_eq!(output.code, Some(0));
        assert_eq!(server.asked(), [("www.example".to_owned(), AAAA)]);
        resolve_on(&etc, &["www.example", "-4", "--system"]);
        assert_eq!(server.asked()[1], ("www.example".to_owned(), A));
    });
}
