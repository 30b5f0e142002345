//! What an FTP server sends makes nobody panic, and any cut of it reads the same; a command is one line or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::ftp::{
    Command, Features, Listing, ListingFormat, ListingLimits, Reply, ReplyParser, extended_passive,
    facts_line, name_fault, passive, quoted_path, stamp,
};

/// The replies, and whether an error ended them.
fn replies(bytes: &[u8], piece: usize, lenient: bool) -> (Vec<Reply>, bool) {
    let mut parser = ReplyParser::default();
    if lenient {
        parser = parser.lenient();
    }
    let mut replies = Vec::new();
    for part in bytes.chunks(piece) {
        let mut rest = part;
        loop {
            match parser.feed(rest) {
                Ok(Some((reply, used))) => {
                    replies.push(reply);
                    rest = &rest[used..];
                }
                Ok(None) => break,
                Err(_) => return (replies, true),
            }
        }
    }
    (replies, false)
}

fn listing(format: ListingFormat, bytes: &[u8], piece: usize) -> Option<Listing> {
    let mut listing = Listing::new(format, ListingLimits::default(), 1_700_000_000);
    for part in bytes.chunks(piece) {
        listing.push(part).ok()?;
    }
    listing.finish().ok()
}

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = (input.0, usize::from(input.1).max(1));
    let whole = bytes.len().max(1);
    for lenient in [false, true] {
        let cut = replies(bytes, piece, lenient);
        assert_eq!(cut, replies(bytes, whole, lenient));
        for reply in &cut.0 {
            let _ = (passive(reply), extended_passive(reply), quoted_path(reply));
            let _ = Features::of(reply).iter().count();
            assert!(!reply.to_string().contains(['\n', '\x1b']));
        }
    }
    for format in [
        ListingFormat::Facts,
        ListingFormat::Text,
        ListingFormat::Names,
    ] {
        let (cut, all) = (listing(format, bytes, piece), listing(format, bytes, whole));
        assert_eq!(
            cut.as_ref().map(Listing::entries),
            all.as_ref().map(Listing::entries)
        );
        for entry in all.iter().flat_map(Listing::entries) {
            if name_fault(&entry.name).is_none() {
                let joined = std::path::Path::new("folder")
                    .join(std::str::from_utf8(&entry.name).unwrap_or("not text"));
                assert_eq!(joined.components().count(), 2);
            }
        }
    }
    let _ = facts_line(bytes);
    if let Ok(command) = Command::parse(bytes) {
        let line = command.line();
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        assert!(line.ends_with(b"\r\n") && !line.contains(&0xff));
    }
    if let Some(printed) = stamp::parse(bytes).and_then(stamp::print) {
        assert!(stamp::parse(printed.as_bytes()).is_some());
    }
});
