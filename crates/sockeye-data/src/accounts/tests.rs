#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn fault(text: &[u8]) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn lines_are_names_and_secrets() {
    let entries = parse("# x\n\nann:$a:b\r\n \tänn: c \n".as_bytes()).unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|it| (&*it.name, &*it.secret, it.line))
        .collect();
    assert_eq!(seen, [("ann", "$a:b", 3), ("änn", " c", 4)]);
    assert!(!format!("{entries:?}").contains("$a:b"));
}

#[test]
fn one_bad_line_spoils_the_file_and_is_not_quoted() {
    for (text, why) in [
        ("ann", "no colon behind the name (line 1)"),
        (
            "a:b\n:x",
            "a name that is empty, begins with @ or has blanks or commas (line 2)",
        ),
        (
            "@users:x",
            "a name that is empty, begins with @ or has blanks or commas (line 1)",
        ),
        (
            "a,b:x",
            "a name that is empty, begins with @ or has blanks or commas (line 1)",
        ),
        ("a:", "nothing behind the colon (line 1)"),
        ("a:x\n\na:y", "a name that was there before (line 3)"),
        ("a:x\x07", "a control character (line 1)"),
    ] {
        assert_eq!(fault(text.as_bytes()), why);
    }
    assert_eq!(fault(b"a:\xff"), "text that is not UTF-8 (line 1)");
    assert_eq!(
        fault(&vec![b'\n'; LONGEST_FILE + 1]),
        "a file of more than 4 MiB (line 1)"
    );
    let long = format!("a:{}", "x".repeat(LONGEST_WORD + 1));
    assert_eq!(
        fault(long.as_bytes()),
        "a name or a secret of more than 1024 bytes (line 1)"
    );
}

#[test]
fn hashes_are_told_apart() {
    let argon2 = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg";
    let Ok(Hash::Argon2(it)) = Hash::parse(argon2) else {
        panic!()
    };
    assert_eq!(
        (it.memory, it.passes, it.lanes, &*it.salt),
        (19_456, 2, 1, &b"saltsalt"[..])
    );
    assert_eq!(it.to_text(), argon2);
    let letters = |length| "a".repeat(length);
    for good in [
        format!("$2y$05${}", letters(53)),
        format!("$5$salt${}", letters(43)),
        format!("$6$rounds=5000$salt${}", letters(86)),
    ] {
        assert!(Hash::parse(&good).is_ok(), "{good}");
        assert!(Hash::is_meant(&good));
    }
    for (bad, why) in [
        (
            format!("$2y$17${}", letters(53)),
            "a bcrypt hash that is broken or too costly",
        ),
        (
            format!("$2y$05${}", letters(52)),
            "a bcrypt hash that is broken or too costly",
        ),
        (
            format!("$6$rounds=9999999$salt${}", letters(86)),
            "a sha-crypt hash that is broken or too costly",
        ),
        (
            "$6$salt$short".into(),
            "a sha-crypt hash that is broken or too costly",
        ),
        (
            argon2.replace("m=19456", "m=4000000"),
            "an argon2 hash that is broken or too costly",
        ),
        (
            argon2.replace("p=1", "p=0"),
            "an argon2 hash that is broken or too costly",
        ),
        (
            "$apr1$salt$hash".into(),
            "an MD5 hash, which is too weak; `htpasswd -B` makes a good one",
        ),
        (
            "{SHA}xyz".into(),
            "an unsalted SHA-1 hash, which is too weak; `htpasswd -B` makes a good one",
        ),
        (
            "secret".into(),
            "no hash of argon2, bcrypt or sha-crypt; `sockeye serve --hash-password` makes one",
        ),
    ] {
        assert_eq!(Hash::parse(&bad).unwrap_err(), why, "{bad}");
    }
    assert!(Hash::is_meant("{SHA}xyz") && Hash::is_meant("$apr1$x"));
    assert!(!Hash::is_meant("secret") && !Hash::is_meant("$5 is much$") && !Hash::is_meant("$$"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[$2ay56rounds=,:v19mtp/A\n]{0,80}", bytes: Vec<u8>) {
        let _ = parse(&bytes);
        if let Ok(entries) = parse(text.as_bytes()) {
            for entry in entries {
                let _ = Hash::parse(&entry.secret);
            }
        }
        let _ = Hash::parse(&text);
    }
}
