//! Listings for programs: `MLSD` and `MLST` (RFC 3659 section 7).

use super::entry::{Entry, EntryKind, Modified, Precision};
use super::fault::{Fault, quoted};
use super::stamp;

const RULE: &str = "RFC 3659 section 7.2";

/// Read one line: facts, a blank, the name. `None` is the directory itself or the one above it.
///
/// Facts that are not known, or make no sense, are passed over. An entry without a type is [`EntryKind::Other`].
///
/// # Errors
///
/// If no blank ends the facts, or there is no name.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{EntryKind, facts_line};
///
/// let entry = facts_line(b"Type=file;Size=12;Modify=19700102000001; a b")?.expect("not the directory itself");
/// assert_eq!((entry.kind, entry.size, entry.name.as_slice()), (EntryKind::File, Some(12), &b"a b"[..]));
/// assert_eq!(facts_line(b"type=cdir; .")?, None);
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
pub fn facts_line(line: &[u8]) -> Result<Option<Entry>, Fault> {
    let end = line.iter().position(|&byte| byte == b' ');
    let (facts, name) = match end {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &b""[..]),
    };
    if name.is_empty() {
        let what = format!("an entry without a name: {}", quoted(line));
        return Err(Fault::syntax(what, RULE));
    }
    let mut entry = Entry::new(name, EntryKind::Other);
    let mut mode = None;
    for fact in facts.split(|&byte| byte == b';') {
        let Some(equals) = fact.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let (fact, value) = (fact[..equals].to_ascii_lowercase(), &fact[equals + 1..]);
        match fact.as_slice() {
            b"type" => match kind(value) {
                Some((kind, target)) => (entry.kind, entry.target) = (kind, target),
                None => return Ok(None),
            },
            b"size" | b"sizd" if entry.size.is_none() => entry.size = size(value),
            b"modify" => {
                entry.modified = stamp::parse(value).map(|seconds| Modified {
                    seconds,
                    precision: Precision::Second,
                });
            }
            b"unique" => entry.unique = printable(value),
            b"perm" => entry.rights = printable(value),
            b"unix.mode" => mode = printable(value),
            b"unix.owner" | b"unix.ownername" => entry.owner = printable(value),
            b"unix.group" | b"unix.groupname" => entry.group = printable(value),
            _ => {}
        }
    }
    entry.rights = mode.or(entry.rights);
    if entry.is_dots() {
        return Ok(None);
    }
    Ok(Some(entry))
}

/// The kind of a fact `type`, and where it leads; `None` for the directory itself and the one above it.
fn kind(value: &[u8]) -> Option<(EntryKind, Option<Vec<u8>>)> {
    let lower = value.to_ascii_lowercase();
    Some(match lower.as_slice() {
        b"cdir" | b"pdir" => return None,
        b"file" => (EntryKind::File, None),
        b"dir" => (EntryKind::Directory, None),
        // Each system may have types of its own (RFC 3659 section 7.5.1.5); Unix servers tell of links in two ways.
        _ => match lower.strip_prefix(b"os.unix=") {
            Some(unix) if unix.starts_with(b"slink") || unix.starts_with(b"symlink") => {
                let colon = value.iter().position(|&byte| byte == b':');
                let target = colon.map(|colon| value[colon + 1..].to_vec());
                (EntryKind::Link, target.filter(|target| !target.is_empty()))
            }
            _ => (EntryKind::Other, None),
        },
    })
}

pub(super) fn size(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// A word that may be shown as it is.
pub(super) fn printable(value: &[u8]) -> Option<String> {
    let is_printable = !value.is_empty() && value.len() <= 64;
    let text = std::str::from_utf8(value).ok().filter(|_| is_printable)?;
    let is_harmless = |letter: char| !letter.is_control() && !crate::escape::is_hidden(letter);
    text.chars().all(is_harmless).then(|| text.to_owned())
}
