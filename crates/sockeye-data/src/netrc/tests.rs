#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn found(text: &str, machine: &str, user: Option<&str>) -> String {
    let netrc = Netrc::parse(text.as_bytes()).unwrap();
    match netrc.find(machine, user) {
        Some(it) => format!(
            "{}:{}",
            it.login.as_deref().unwrap_or("-"),
            it.password.as_deref().unwrap_or("-")
        ),
        None => "nobody".to_owned(),
    }
}

#[test]
fn the_line_of_the_machine_and_of_the_user_is_found() {
    const FILE: &str = "machine a login me password p\n\
        machine a\n  login you\n  password r\n\
        machine b.example. login her password s account t\n\
        default login anonymous password x@y\n\
        machine late login never password counts";
    for (machine, user, who) in [
        ("a", None, "me:p"),
        ("A.", None, "me:p"),
        ("a", Some("you"), "you:r"),
        ("a", Some("they"), "nobody"),
        ("B.example", None, "her:s"),
        ("c", None, "anonymous:x@y"),
        ("c", Some("anonymous"), "anonymous:x@y"),
        ("late", None, "never:counts"),
    ] {
        assert_eq!(found(FILE, machine, user), who, "{machine} {user:?}");
    }
    assert_eq!(found("machine a password p", "a", Some("me")), "-:p");
    assert_eq!(found("", "a", None), "nobody");
    let netrc = Netrc::parse(FILE.as_bytes()).unwrap();
    assert_eq!(netrc.entries()[2].account.as_deref(), Some("t"));
    assert!(!format!("{netrc:?}").contains("x@y"));
}

#[test]
fn quotes_macros_comments_and_line_ends() {
    for (text, who) in [
        (
            "machine a login \"m e\" password \"p\\\"\\\\\\tq\"",
            "m e:p\"\\\tq",
        ),
        ("machine a login me password \"\"", "me:"),
        ("machine a login me password p\"q", "me:p\"q"),
        (
            "# machine a login x password y\n  # z\nmachine a login me password p",
            "me:p",
        ),
        ("machine a login me password #p", "me:#p"),
        ("machine a login me password\n#p", "me:#p"),
        ("machine a\r\nlogin me\r\npassword p\r\n", "me:p"),
        (
            "macdef init\nmachine a login x password y\n\nmachine a login me password p",
            "me:p",
        ),
        (
            "machine a login me password p macdef init\nlogin x\n",
            "me:p",
        ),
        (
            "macdef init\nmachine a login x password y\n\r\nmachine a login me password p",
            "me:p",
        ),
        ("machine a port 21 login me password p", "me:p"),
        ("login x password y machine a login me password p", "me:p"),
    ] {
        assert_eq!(found(text, "a", None), who, "{text:?}");
    }
}

#[test]
fn what_could_be_read_wrongly_spoils_the_file() {
    for (text, line) in [
        ("machine a\nlogin \"me", 2),
        ("machine a login \"m\ne\" password p", 1),
        ("machine a login me password p\rq", 1),
        ("machine a login me password \"p\\r\\nDELE x\"", 1),
        ("\nmachine a login me password p\0q", 2),
        ("machine a login", 1),
        ("machine", 1),
        ("machine a login \"x\\", 1),
    ] {
        assert_eq!(
            Netrc::parse(text.as_bytes()).unwrap_err().line(),
            line,
            "{text:?}"
        );
    }
    assert!(Netrc::parse(b"machine a login \xff").is_err());
    assert!(Netrc::parse(&[b'x'; 4096]).is_ok());
    assert!(Netrc::parse(&[b'x'; 4097]).is_err());
    assert!(Netrc::parse(&[b' '; LONGEST_FILE + 1]).is_err());
    let error = Netrc::parse(b"machine a password secret\0").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "(machine|default|login|password|macdef|[a\"\\\\#\r\n\t ]){0,20}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            if let Ok(netrc) = Netrc::parse(bytes) {
                netrc.find("a", Some("b"));
                let written = |text: &Option<String>| text.as_ref().is_none_or(|it| !it.contains(['\r', '\n', '\0']));
                prop_assert!(netrc.entries().iter().all(|it| written(&it.login) && written(&it.password)));
            }
        }
    }
}
