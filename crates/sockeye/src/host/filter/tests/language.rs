//! What parses, how it prints, and what is refused with which words.

use proptest::prelude::*;

use super::made;
use crate::host::filter::{DEPTH_LIMIT, Filter, FilterError, LENGTH_LIMIT, Names};

fn names() -> Names {
    Names::parse(
        b"http 80/tcp www\nmy-app 7000/tcp\nshell 514/tcp\nshell 514/udp\ntwo 1/tcp\ntwo 2/udp\n",
        b"root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n",
    )
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, &names())
}

fn printed(text: &str) -> String {
    parse(text)
        .unwrap_or_else(|error| panic!("{}", error.caret()))
        .to_string()
}

#[test]
fn what_people_type_is_understood() {
    for (text, meaning) in [
        ("", "all"),
        ("all", "all"),
        ("state close-wait", "state = close-wait"),
        ("state = listening", "state = listening"),
        ("CLOSE_WAIT", "state = close-wait"),
        ("state LISTEN", "state = listening"),
        ("estab", "state = established"),
        ("state syn-recv", "state = syn-received"),
        (
            "state established state syn-sent",
            "state = established,syn-sent",
        ),
        (
            "state = fin-wait-1,fin-wait-2",
            "state = fin-wait-1,fin-wait-2",
        ),
        (
            "state connected exclude time-wait",
            "state != time-wait,unconnected,listening,bound",
        ),
        ("exclude listening", "state != listening"),
        ("state != listening", "state != listening"),
        ("state all", "all"),
        ("dport = :443", "dport = 443"),
        ("dport :443", "dport = 443"),
        ("dport=443", "dport = 443"),
        ("dport == 443", "dport = 443"),
        ("dport eq :443", "dport = 443"),
        ("sport >= 1024", "sport >= 1024"),
        ("sport gt 1023", "sport >= 1024"),
        ("sport lt 1024", "sport <= 1023"),
        ("sport ne :22", "not sport = 22"),
        ("sport != 22", "not sport = 22"),
        ("sport = :www", "sport = 80"),
        ("port my-app", "port = 7000"),
        ("port 8000-8100", "port = 8000-8100"),
        ("port 80,443", "port = 80 or port = 443"),
        ("sport = *", "all"),
        ("sport shell", "sport = 514"),
        (
            "sport two",
            "proto = udp,udplite and sport = 2 or not proto = udp,udplite and sport = 1",
        ),
        ("dst 10/8", "dst = 10.0.0.0/8"),
        (
            "dst = 192.0.2.7/24:443",
            "dst = 192.0.2.0/24 and dport = 443",
        ),
        ("src 127.0.0.1:80", "src = 127.0.0.1 and sport = 80"),
        ("src [::1]:80", "src = [::1] and sport = 80"),
        ("src ::1", "src = [::1]"),
        ("src fe80::/10", "src = [fe80::]/10"),
        ("src [fe80::/10]:80", "src = [fe80::]/10 and sport = 80"),
        ("src [fe80::]/10:80", "src = [fe80::]/10 and sport = 80"),
        ("src ::ffff:127.0.0.1", "src = 127.0.0.1"),
        ("src [::ffff:0:0]/96", "src = 0.0.0.0/0"),
        ("src = *:80", "sport = 80"),
        ("src = *", "all"),
        ("src localhost", "src = 127.0.0.1 or src = [::1]"),
        ("dport = inet:443", "ipv4 and dport = 443"),
        (
            "src inet6:[::1]:443",
            "ipv6 and src = [::1] and sport = 443",
        ),
        ("src unix:/run/*", "src = unix:/run/*"),
        ("dst netlink:0:kernel", "dst = netlink:0:0"),
        ("src vsock:2:*", "src = vsock:2:*"),
        ("host 192.0.2.1", "host = 192.0.2.1"),
        ("dev = eth0", "dev = eth0"),
        ("dev 2", "dev = 2"),
        ("fwmark = 0x10/0xff", "fwmark = 0x10/0xff"),
        ("fwmark 16", "fwmark = 0x10/0xffffffff"),
        (
            "cgroup = /system.slice/ssh.service",
            "cgroup = /system.slice/ssh.service",
        ),
        ("autobound", "autobound"),
        ("proc = nginx", "proc = nginx"),
        ("proc=ng*", "proc = ng*"),
        ("proc ~ docker", "proc ~ docker"),
        ("proc !~ docker", "not proc ~ docker"),
        ("proc = 'ev) il x'", "proc = \"ev) il x\""),
        ("proc = \"a*b\"*", "proc = \"a*b\"*"),
        ("proc = \"\\xff\\n\"", "proc = \"\\xff\\n\""),
        ("proc = a,b", "proc = a or proc = b"),
        ("proc ne", "proc = ne"),
        ("pid = 812", "pid = 812"),
        ("user = www-data", "uid = 33"),
        ("user 33", "uid = 33"),
        ("unit = ssh.service", "unit = ssh.service"),
        ("container = abc*", "container = abc*"),
        ("netns = blue", "netns = blue"),
        ("netns = 4026531840", "netns = 4026531840"),
        ("netns = here", "netns = here"),
        ("netns = \"here\"", "netns = \"here\""),
        ("family = 4", "ipv4"),
        ("family inet", "family = inet"),
        ("family = unix", "unix"),
        ("proto = tcp", "tcp"),
        ("proto = tcp,udp", "proto = tcp,udp"),
        ("path = /run/*", "path = /run/*"),
        ("path ~ docker", "path ~ docker"),
        ("queue > 0", "queue > 0"),
        ("recv-q >= 64KiB", "recv-q >= 65536"),
        ("rtt > 100ms", "rtt > 100ms"),
        ("retrans > 0", "retrans > 0"),
        ("owner = none", "owner = none"),
        ("orphan", "owner = orphan"),
        ("hidden", "owner = hidden"),
        ("non-loopback", "non-loopback"),
        ("timer = keepalive", "timer = keepalive"),
        ("a and b", ""),
        ("tcp udp", "tcp and udp"),
        ("not tcp", "not tcp"),
        ("! tcp", "not tcp"),
        ("!tcp", "not tcp"),
        ("not not tcp", "tcp"),
        (
            "tcp or udp and listening",
            "tcp or udp and state = listening",
        ),
        (
            "( tcp or udp ) and listening",
            "(tcp or udp) and state = listening",
        ),
        (
            "(tcp||udp)&&listening",
            "(tcp or udp) and state = listening",
        ),
        ("tcp|udp & listening", "tcp or udp and state = listening"),
        ("not (tcp listening)", "not (tcp and state = listening)"),
        (
            "dport = :443 or ( src 10/8 and not sport 22 )",
            "dport = 443 or src = 10.0.0.0/8 and not sport = 22",
        ),
    ] {
        if meaning.is_empty() {
            assert!(parse(text).is_err(), "{text}");
            continue;
        }
        assert_eq!(printed(text), meaning, "{text}");
        assert_eq!(parse(meaning).unwrap(), parse(text).unwrap(), "{text}");
    }
}

#[test]
fn a_fault_is_shown_under_a_caret() {
    let mut carets = String::new();
    for text in [
        "proc = nginx adn dport = :443",
        "prot = tcp",
        "state = listning",
        "state closing,tme-wait",
        "dport = :70000",
        "dport = :htpp",
        "dport = 90-80",
        "dport < 0",
        "dport =",
        "dport",
        "tcp and",
        "( tcp or udp",
        "tcp )",
        "tcp or or udp",
        "and tcp",
        "443",
        "10.0.0.1",
        "nginx",
        "src = 10.0.0.300",
        "src = [::1",
        "src = fe80::1%eth0",
        "src = [fe80::1%eth0]:80",
        "src = fe80::1::80",
        "src = [::1]80",
        "src = db.example:5432",
        "src = 10.0.0.0/33",
        "src < 10.0.0.1",
        "family = 5",
        "proto = tpc",
        "user = nobdy",
        "user = www-dat",
        "rtt > 100",
        "queue > many",
        "pid = nginx",
        "fwmark = blue",
        "owner = nobody",
        "proc = \"ngi",
        "proc = \"a\\q\"",
        "proc ~ \"\"",
        "port = 80,,443",
        "state ~ lis",
        "age > 5m",
        "proc = \u{1b}[31m and \u{1b}x",
        "= tcp",
        "tcp = 5",
    ] {
        let error = parse(text).unwrap_err();
        carets.push_str(&error.caret());
        carets.push_str("\n\n");
    }
    insta::assert_snapshot!("carets", carets);
}

#[test]
fn a_caret_in_a_long_text_stands_in_a_window_of_it() {
    let text = format!("{} adn {}", "tcp and ".repeat(40), "udp and ".repeat(40));
    let caret = parse(&text).unwrap_err().caret();
    let (line, under) = caret.split_once('\n').unwrap();
    assert!(line.chars().count() < 140, "{caret}");
    let at = under.chars().position(|letter| letter == '^').unwrap();
    assert_eq!(
        line.chars().skip(at).take(3).collect::<String>(),
        "adn",
        "{caret}"
    );
}

#[test]
fn length_and_depth_are_bounded() {
    let long = "tcp ".repeat(LENGTH_LIMIT / 4 + 1);
    assert!(
        parse(&long)
            .unwrap_err()
            .reason()
            .contains("longer than 4096 bytes")
    );
    let deep = |levels: usize| format!("{}tcp{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(DEPTH_LIMIT)).is_ok());
    assert!(
        parse(&deep(DEPTH_LIMIT + 1))
            .unwrap_err()
            .reason()
            .contains("more than 64 deep")
    );
    let nots = "not ".repeat(DEPTH_LIMIT + 1);
    assert!(parse(&format!("{nots}tcp")).is_err());
}

#[test]
fn a_refusal_is_a_usage_error_with_a_hint() {
    let error: crate::Error = parse("prco = nginx").unwrap_err().into();
    assert_eq!(error.kind(), crate::Kind::Usage);
    assert_eq!(
        error.to_string(),
        "`prco = nginx` is not a filter: `prco` is not a word of filters at column 1"
    );
    assert_eq!(error.hint().as_deref(), Some("did you mean `proc`?"));
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(expr in made::expr()) {
        let filter = Filter { expr };
        let text = filter.to_string();
        prop_assume!(text.len() <= LENGTH_LIMIT);
        let again = parse(&text).map_err(|error| TestCaseError::fail(error.caret()))?;
        prop_assert_eq!(&again, &filter, "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.position() <= text.len());
            let _ = (error.caret(), error.to_string());
        }
    }

    #[test]
    fn no_salad_of_its_words_makes_it_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "tcp", "state", "listening", "(", ")", "not", "!", "or", "and", "=", "!=", "~",
                "dport", ":443", "10/8", "[::1]:80", "\"", "\\", "exclude", ",", "proc", "80-90",
            ]),
            0..20,
        ),
    ) {
        for glue in [" ", ""] {
            match parse(&words.join(glue)) {
                Ok(filter) => {
                    let printed = filter.to_string();
                    prop_assert_eq!(parse(&printed).unwrap(), filter, "{}", printed);
                }
                Err(error) => drop(error.caret()),
            }
        }
    }
}
