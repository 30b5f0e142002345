#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::listing::Line;
use super::*;

fn reply(bytes: &[u8]) -> Reply {
    let (reply, used) = ReplyParser::default().feed(bytes).unwrap().unwrap();
    assert_eq!(used, bytes.len());
    reply
}

fn fault(bytes: &[u8]) -> String {
    let fault = ReplyParser::default().feed(bytes).unwrap_err();
    fault.to_string()
}

#[test]
fn replies_of_one_line_and_of_many() {
    for (bytes, code, lines) in [
        (&b"200 ok\r\n"[..], 200, 1),
        (b"200\r\n", 200, 1),
        (b"200 \r\n", 200, 1),
        (b"211-Features:\r\n UTF8\r\n211 End\r\n", 211, 3),
        (b"211-a\r\n211-b\r\n211 c\r\n", 211, 3),
        // A line with another code, or the same without a blank, is text.
        (
            b"211-a\r\n220 b\r\n2110 c\r\n 211 d\r\n\r\n211 e\r\n",
            211,
            6,
        ),
        (b"211-a\r\n211\r\n", 211, 2),
    ] {
        let reply = reply(bytes);
        assert_eq!((reply.code(), reply.lines().len()), (code, lines));
    }
    assert_eq!(
        reply(b"150-\x1b[2J\r\n150 \x1b]0;x\x07\r\n").to_string(),
        r"150 \x1b]0;x\x07"
    );
    let classes = [
        (b"150 \r\n", Class::Begun),
        (b"226 \r\n", Class::Done),
        (b"350 \r\n", Class::More),
    ];
    for (bytes, class) in classes
        .into_iter()
        .chain([(b"426 \r\n", Class::NotNow), (b"550 \r\n", Class::No)])
    {
        assert_eq!(reply(bytes).class(), class);
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    for (bytes, why) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            "no reply of FTP: `HTTP/1.1 400 Bad Request`",
        ),
        (b"\r\n", "no reply of FTP"),
        (b"20 x\r\n", "no reply of FTP"),
        (b"631 protected\r\n", "no reply of FTP"),
        (b"2x0 x\r\n", "no reply of FTP"),
        (b"200x\r\n", "no reply of FTP"),
        (b"200 a\n", "bare line feed"),
        (b"200 a\rb\r\n", "carriage return without"),
        (b"200 a\0b\r\n", "a NUL"),
    ] {
        assert!(fault(bytes).contains(why), "{}", fault(bytes));
    }
    let mut lenient = ReplyParser::default().lenient();
    let (reply, used) = lenient.feed(b"220-a\n220 b\r\r\nrest").unwrap().unwrap();
    assert_eq!((reply.last(), used), (&b"b"[..], 14));
}

#[test]
fn replies_are_bounded_in_every_way() {
    let limits = ReplyLimits {
        line: 10,
        total: 60,
        lines: 4,
    };
    let feed = |bytes: &[u8]| ReplyParser::new(limits).feed(bytes);
    assert!(feed(b"200 123456\r\n").unwrap().is_some());
    let long = feed(b"200 1234567890").unwrap_err();
    assert_eq!(long.kind(), FaultKind::TooLong);
    assert!(long.to_string().contains("more than 10 bytes"), "{long}");
    let many = feed(b"200-\r\na\r\na\r\na\r\na\r\n200 \r\n").unwrap_err();
    assert!(many.to_string().contains("more than 4 lines"), "{many}");
    let limits = ReplyLimits {
        lines: 99,
        ..limits
    };
    let total = ReplyParser::new(limits)
        .feed(&b"200-12345\r\n".repeat(9))
        .unwrap_err();
    assert!(total.to_string().contains("more than 60 bytes"), "{total}");
    // The bounds are those of one reply, not of the connection.
    let mut parser = ReplyParser::new(limits);
    for _ in 0..20 {
        assert!(parser.feed(b"200 12345\r\n").unwrap().is_some());
    }
}

#[test]
fn addresses_of_the_other_connection() {
    let at = |text: &str| passive(&reply(format!("227 {text}\r\n").as_bytes()));
    let good = "192.0.2.7:5001".parse().unwrap();
    for text in [
        "Entering Passive Mode (192,0,2,7,19,137).",
        "Entering Passive Mode 192,0,2,7,19,137",
        "=192,0,2,7,19,137",
        "Passive 1,2 (192,0,2,7,19,137)",
    ] {
        assert_eq!(at(text), Ok(good), "{text}");
    }
    for text in [
        "",
        "(1,2,3,4,5)",
        "(256,0,2,7,19,137)",
        "(192,0,2,7,19,1370)",
        "(1,2,3,4,0,0)",
        "(1, 2,3,4,5,6)",
    ] {
        assert!(at(text).is_err(), "{text}");
    }
    let at = |text: &str| extended_passive(&reply(format!("229 {text}\r\n").as_bytes()));
    assert_eq!(at("Entering Extended Passive Mode (|||6446|)"), Ok(6446));
    assert_eq!(at("ok (!!!6446!)"), Ok(6446));
    for text in [
        "",
        "(|||0|)",
        "(|||65536|)",
        "(|||-1|)",
        "(|||6446)",
        "(|||6446|",
        "(|1|192.0.2.7|6446|)",
        "(1116441)",
        "(||6446||)",
    ] {
        assert!(at(text).is_err(), "{text}");
    }
}

#[test]
fn a_command_is_one_line_or_none() {
    let line = |verb: &str, argument: &[u8]| Command::of(verb, Some(argument)).map(|it| it.line());
    assert_eq!(line("retr", b" a ").unwrap(), b"RETR  a \r\n");
    assert_eq!(line("CWD", b"").unwrap(), b"CWD\r\n");
    for argument in [&b"a\r\nDELE b"[..], b"a\nb", b"a\rb", b"a\0b", b"a\xffb"] {
        let fault = line("RETR", argument).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Unwritable);
    }
    assert!(line("RETR", &[b'x'; 4096]).is_ok() && line("RETR", &[b'x'; 4097]).is_err());
    for verb in ["", "A B", "RETR\r\n", "VERYLONGX", "R3"] {
        assert!(line(verb, b"").is_err(), "{verb}");
    }
    assert_eq!(
        Command::parse(b"site chmod 644 a").unwrap().line(),
        b"SITE chmod 644 a\r\n"
    );
    assert!(Command::parse(b"noop\r\ndele a").is_err());
    let secret = Command::of("PASS", Some(b"hunter2")).unwrap();
    assert!(!format!("{secret} {secret:?}").contains("hunter2"));
}

#[test]
fn facts_of_programs() {
    let read = |line: &str| facts_line(line.as_bytes()).unwrap().unwrap();
    let entry = read(
        "size=5;TYPE=file;modify=20240131235959.123;UNIX.mode=0644;perm=r;unix.owner=me;x=y;; a;b=c d",
    );
    assert_eq!(entry.name, b"a;b=c d");
    assert_eq!((entry.kind, entry.size), (EntryKind::File, Some(5)));
    let seconds = stamp::parse(b"20240131235959").unwrap();
    assert_eq!(
        entry.modified,
        Some(Modified {
            seconds,
            precision: Precision::Second
        })
    );
    assert_eq!(
        (entry.rights.as_deref(), entry.owner.as_deref()),
        (Some("0644"), Some("me"))
    );
    assert_eq!(read(" only a name").name, b"only a name");
    assert_eq!(read("type=dir; x").kind, EntryKind::Directory);
    let link = read("type=OS.unix=slink:/a/b; x");
    assert_eq!(
        (link.kind, link.target.as_deref()),
        (EntryKind::Link, Some(&b"/a/b"[..]))
    );
    assert_eq!(read("type=OS.UNIX=symlink; x").kind, EntryKind::Link);
    assert_eq!(read("type=OS.unix=socket; x").kind, EntryKind::Other);
    assert_eq!(read("size=-1;modify=1;type=file; x").size, None);
    for line in [
        "type=cdir; /here",
        "type=pdir; ..",
        "type=dir; .",
        "type=dir; ..",
    ] {
        assert_eq!(facts_line(line.as_bytes()), Ok(None), "{line}");
    }
    for line in ["", "type=file;", "type=file; "] {
        assert!(facts_line(line.as_bytes()).is_err(), "{line}");
    }
}

/// 2024-03-01 12:00 UTC.
const NOW: i64 = 1_709_294_400;

fn entry(line: &str) -> Entry {
    match list_line(line.as_bytes(), NOW) {
        Line::Entry(entry) => entry,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn lists_of_unix() {
    use EntryKind::{Directory, File, Link, Other};
    for (line, kind, size, name) in [
        (
            "-rw-r--r--   1 root     wheel     1170 Jan 29 03:26 a b  c",
            File,
            Some(1170),
            "a b  c",
        ),
        (
            "-rw-r--r--    1 0        0              12 Jan  2  2020  lead",
            File,
            Some(12),
            " lead",
        ),
        (
            "drwxr-xr-x+  12 ftp      ftp          4096 Mar 02 01:02 dir",
            Directory,
            Some(4096),
            "dir",
        ),
        (
            "-rw-r--r-- 1 owner 5 Jan 1 2020 no group",
            File,
            Some(5),
            "no group",
        ),
        (
            "-rw-r--r-- owner group 5 Jan 1 2020 no links",
            File,
            Some(5),
            "no links",
        ),
        ("-rw-r--r-- 1 May June 5 Jan 1 2020 x", File, Some(5), "x"),
        (
            "-rw-r--r-- 1 a b 5 2020-01-01 10:11 Jan 1 2020",
            File,
            Some(5),
            "Jan 1 2020",
        ),
        (
            "brw-rw---- 1 root disk 8, 1 Jan  1 10:11 sda1",
            Other,
            None,
            "sda1",
        ),
        (
            "-r-xr-xr-x   1 b    g  9223372036854775807 jan  1 2020 big",
            File,
            Some(9_223_372_036_854_775_807),
            "big",
        ),
        (
            "lrwxrwxrwx 1 a b 1 Jan 1 2020 just a name",
            Link,
            Some(1),
            "just a name",
        ),
        (
            "-rw-r--r-- 1 a b 5 Jan 1 2020 a -> b",
            File,
            Some(5),
            "a -> b",
        ),
        ("-rw-r--r-- 1 a b 5 Jan 1 2020 ../x", File, Some(5), "../x"),
    ] {
        let read = entry(line);
        assert_eq!((read.kind, read.size), (kind, size), "{line}");
        assert_eq!(String::from_utf8_lossy(&read.name), name, "{line}");
    }
    let both = entry("-rw-r--r-- 1 me us 5 Jan 1 2020 x");
    assert_eq!(
        (both.owner.as_deref(), both.group.as_deref()),
        (Some("me"), Some("us"))
    );
    assert_eq!(both.rights.as_deref(), Some("rw-r--r--"));
    for (line, name, target) in [
        ("lrwxrwxrwx 1 a b 2 Jan 1 2020 x -> ..", "x", ".."),
        ("lrwxrwxrwx 1 a b 1 Jan 1 2020 a -> b -> c", "a -> b", "c"),
        ("lrwxrwxrwx 1 a b 6 Jan 1 2020 a -> b -> c", "a", "b -> c"),
        ("lrwxrwxrwx 1 a b 9 Jan 1 2020 a -> b -> c", "a", "b -> c"),
    ] {
        let read = entry(line);
        assert_eq!(
            (read.name.as_slice(), read.target.as_deref()),
            (name.as_bytes(), Some(target.as_bytes()))
        );
    }
}

#[test]
fn dates_without_a_year_are_the_last_such_day() {
    let at = |date: &str| {
        entry(&format!("-rw-r--r-- 1 a b 5 {date} x"))
            .modified
            .unwrap()
    };
    let stamp = |text: &str| stamp::parse(text.as_bytes()).unwrap();
    assert_eq!(at("Feb 29 10:11").seconds, stamp("20240229101100"));
    assert_eq!(at("Mar  2 10:11").seconds, stamp("20240302101100"));
    assert_eq!(at("Mar  3 10:11").seconds, stamp("20230303101100"));
    assert_eq!(at("Dec 31 23:59").seconds, stamp("20231231235900"));
    assert_eq!(at("Dec 31 23:59").precision, Precision::Minute);
    let day = at("Dec 31  1999");
    assert_eq!(
        (day.seconds, day.precision),
        (stamp("19991231000000"), Precision::Day)
    );
    for line in [
        "Feb 30 2020",
        "Foo 1 2020",
        "Jan 1 25:00",
        "Jan 1 1",
        "Jan 111 2020",
    ] {
        let line = format!("-rw-r--r-- 1 a b 5 {line} x");
        assert_eq!(list_line(line.as_bytes(), NOW), Line::Unknown, "{line}");
    }
}

#[test]
fn lists_of_dos_and_eplf() {
    use EntryKind::{Directory, File, Link, Other};
    for (line, kind, size, name, at) in [
        (
            "02-14-24  10:33AM       <DIR>          a b",
            Directory,
            None,
            "a b",
            "20240214103300",
        ),
        (
            "02-14-24  12:33AM       <DIR>           lead",
            Directory,
            None,
            " lead",
            "20240214003300",
        ),
        (
            "02-14-99  12:33PM                 1234 a  b",
            File,
            Some(1234),
            "a  b",
            "19990214123300",
        ),
        (
            "02-14-2024  11:33PM            1,234 x",
            File,
            Some(1234),
            "x",
            "20240214233300",
        ),
        (
            "2024-02-14  23:33 <DIR> x",
            Directory,
            None,
            "x",
            "20240214233300",
        ),
        (
            r"02-14-24  10:33AM       <JUNCTION>     x [C:\y]",
            Link,
            None,
            "x",
            "20240214103300",
        ),
        (
            "+i8388621.29609,m824255902,/,\tdev",
            Directory,
            None,
            "dev",
            "19960213235822",
        ),
        (
            "+i8388621.44468,m839956783,r,s10376,up644,\tRFC EPLF",
            File,
            Some(10376),
            "RFC EPLF",
            "19960813171943",
        ),
        ("+m0,\tx", Other, None, "x", "19700101000000"),
    ] {
        let read = entry(line);
        assert_eq!((read.kind, read.size), (kind, size), "{line}");
        assert_eq!(String::from_utf8_lossy(&read.name), name, "{line}");
        assert_eq!(
            stamp::print(read.modified.unwrap().seconds).as_deref(),
            Some(at),
            "{line}"
        );
    }
    for line in [
        "total 8",
        "",
        "  ",
        "drwxr-xr-x 1 a b 5 Jan 1 2020 .",
        "02-14-24  10:33AM       <DIR>          ..",
    ] {
        assert_eq!(list_line(line.as_bytes(), NOW), Line::Nothing, "{line}");
    }
    for line in [
        "hello",
        "-rw",
        "+x",
        "12 34",
        "02-14-24  13:33PM  5 x",
        "drwxr-xr-x 1 a b 5 Jan 1 2020",
        "drwxr-xr-x 1 a b 5 Jan 1 2020 ",
    ] {
        assert_eq!(list_line(line.as_bytes(), NOW), Line::Unknown, "{line}");
    }
}

#[test]
fn names_that_lead_elsewhere_are_found() {
    for (name, fault) in [
        (&b"a"[..], None),
        (b".bashrc", None),
        (b"-rf", None),
        (b"~x", None),
        (b"...", None),
        ("ä €".as_bytes(), None),
        (b"\xe4", None),
        (b"", Some(NameFault::Empty)),
        (b".", Some(NameFault::Dots)),
        (b"..", Some(NameFault::Dots)),
        (b"~", Some(NameFault::Home)),
        (b"/etc/passwd", Some(NameFault::Separator)),
        (b"../x", Some(NameFault::Separator)),
        (b"..\\x", Some(NameFault::Separator)),
        (b"a\0b", Some(NameFault::Control)),
        (b"a\nb", Some(NameFault::Control)),
        (b"\x1b[31m", Some(NameFault::Control)),
        (b"\xc2\x9b31m", Some(NameFault::Control)),
        (b"a\xffb", Some(NameFault::Control)),
        ("a\u{202e}gpj.exe".as_bytes(), Some(NameFault::Hidden)),
        (&[b'x'; 256], Some(NameFault::TooLong)),
    ] {
        assert_eq!(name_fault(name), fault, "{name:?}");
    }
}

#[test]
fn listings_are_bounded_and_keep_what_nobody_understands() {
    let limits = ListingLimits {
        line: 20,
        entries: 4,
        total: 200,
    };
    let read = |format, bytes: &[u8]| {
        let mut listing = Listing::new(format, limits, NOW);
        listing.push(bytes)?;
        listing.finish()
    };
    let names = read(ListingFormat::Names, b"a\r\nb\nc").unwrap();
    assert_eq!(names.entries().len(), 3);
    let text = read(ListingFormat::Text, b"total 0\r\nwhat?\r\n").unwrap();
    assert_eq!(
        (text.entries().len(), text.unknown()),
        (0, &[b"what?".to_vec()][..])
    );
    for bytes in [
        &b"a\n".repeat(30)[..],
        &[b'a'; 30],
        &b"0123456789\n".repeat(20),
    ] {
        let fault = read(ListingFormat::Names, bytes).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::TooLong);
    }
    assert!(read(ListingFormat::Facts, b"nonsense\r\n").is_err());
}

proptest! {
    #[test]
    fn any_cut_of_replies_reads_the_same(lines in proptest::collection::vec("[1-5][0-5][0-9][ -][a-z0-9 -]{0,6}", 1..8), piece in 1_usize..9) {
        let bytes = lines.join("\r\n") + "\r\n";
        let read = |piece: usize| {
            let (mut parser, mut replies) = (ReplyParser::default(), Vec::new());
            for part in bytes.as_bytes().chunks(piece) {
                let mut rest = part;
                while let Some((reply, used)) = parser.feed(rest).unwrap() {
                    replies.push(reply);
                    rest = &rest[used..];
                }
            }
            (replies, parser.is_inside())
        };
        prop_assert_eq!(read(piece), read(bytes.len()));
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>, text in "[-dl+ 0-9a-zA-Z:.>,\t/]{0,60}", seconds: i64) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = ReplyParser::default().feed(bytes);
            let _ = facts_line(bytes);
            let _ = list_line(bytes, seconds);
            let _ = name_fault(bytes);
            let _ = Command::parse(bytes);
            let _ = stamp::parse(bytes);
        }
        let _ = stamp::print(seconds);
    }

    #[test]
    fn stamps_come_back(seconds in -62_167_219_200_i64..253_402_300_800) {
        prop_assert_eq!(stamp::parse(stamp::print(seconds).unwrap().as_bytes()), Some(seconds));
    }
}
