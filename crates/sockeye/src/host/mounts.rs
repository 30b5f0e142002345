//! What is mounted where, from `/proc/self/mountinfo`: where control groups are, and whether `/proc` hides processes.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most bytes of the table that are read; a machine with thousands of containers has some.
const MAX_BYTES: u64 = 1 << 24;

/// One line of the table, see proc_pid_mountinfo(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount<'a> {
    /// Where it is.
    pub(crate) point: PathBuf,
    /// The type of the file system.
    pub(crate) kind: &'a [u8],
    /// Options of the file system as a whole, separated by commas.
    pub(crate) options: &'a [u8],
}

impl Mount<'_> {
    /// The value of an option `name=value`.
    pub(crate) fn option(&self, name: &str) -> Option<&[u8]> {
        self.options
            .split(|byte| *byte == b',')
            .find_map(|option| option.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }
}

/// The text of the table; empty if it cannot be read.
pub(crate) fn table(proc_root: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(file) = File::open(proc_root.join("self/mountinfo")) {
        // What was read before an error is as good as it gets.
        let _ = file.take(MAX_BYTES).read_to_end(&mut text);
    }
    text
}

/// The mounts of a table. Lines that are none are passed over.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let point = fields.nth(4)?;
        // Any number of optional fields end with a hyphen.
        let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
        let kind = rest.next()?;
        Some(Mount {
            point: PathBuf::from(OsStr::from_bytes(&unescape(point))),
            kind,
            options: rest.nth(1)?,
        })
    })
}

/// Blanks, tabs, line ends and backslashes stand as `\040` and so on.
fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if *first == b'\\' => {
                Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
            }
            _ => None,
        };
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &tail[3..] } else { tail };
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mounts_have_a_place_a_type_and_options() {
        let text = b"31 23 0:27 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n\
            24 1 0:22 / /proc rw - proc proc rw,hidepid=invisible\n\
            99 1 0:5 /a\\040b /mnt/x\\040y\\134z\\9 rw shared:1 master:2 - ext4 /dev/a rw\nbroken - line\n";
        let mounts: Vec<_> = parse(text).collect();
        assert_eq!(mounts.len(), 3);
        assert_eq!(
            (mounts[0].kind, mounts[0].point.to_str()),
            (&b"cgroup2"[..], Some("/sys/fs/cgroup"))
        );
        assert_eq!(mounts[1].option("hidepid"), Some(&b"invisible"[..]));
        assert_eq!(
            (mounts[0].option("hidepid"), mounts[1].option("hide")),
            (None, None)
        );
        assert_eq!(mounts[2].point.to_str(), Some("/mnt/x y\\z\\9"));
    }

    #[test]
    fn this_machine_has_a_proc() {
        let text = table(Path::new("/proc"));
        assert!(
            parse(&text).any(|mount| mount.kind == b"proc" && mount.point == Path::new("/proc"))
        );
        assert_eq!(table(Path::new("/no/such/proc")), b"");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            for mount in parse(&text) {
                let _ = mount.option("x");
            }
        }
    }
}
