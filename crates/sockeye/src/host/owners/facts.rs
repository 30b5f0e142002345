//! What `/proc/PID` says of one process: its name, parent, user, command line, program and control group.
//!
//! Read only for processes that hold a socket, since each fact costs a file. Texts are parsed as bytes; see proc(5).

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::read;

use super::walk::PidPath;
use crate::host::process::Process;

/// The most bytes of a command line that are kept.
const MAX_COMMAND_LINE: usize = 4096;
/// The most bytes that are read of another file.
const MAX_FILE: usize = 16 * 1024;
/// What makes a kernel thread in the flags of `stat` (`PF_KTHREAD`).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The name, as the program chose it: it may hold parentheses, blanks and line ends.
    pub(crate) name: Vec<u8>,
    /// Whether it has ended, and its parent has not heard of it.
    pub(crate) ended: bool,
    /// Its parent.
    pub(crate) parent: u32,
    /// Its process group.
    pub(crate) group: i32,
    /// Whether it is a thread of the kernel.
    pub(crate) kernel_thread: bool,
    /// When it started, in clock ticks since the machine did.
    pub(crate) started: u64,
}

impl Stat {
    /// From the text of the file; `None` if it is none.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        // The last one: those before belong to the name.
        let close = text.iter().rposition(|byte| *byte == b')')?;
        let name = text.get(open + 1..close)?.to_vec();
        // The first of the rest is field 3, the state.
        let rest = std::str::from_utf8(&text[close + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let flags: u64 = fields.nth(3)?.parse().ok()?;
        let started = fields.nth(12)?.parse().ok()?;
        Some(Self {
            name,
            ended,
            parent,
            group,
            kernel_thread: flags & KERNEL_THREAD != 0,
            started,
        })
    }
}

/// The control group from the text of `/proc/PID/cgroup`: that of version 2; if that is the root, as on machines where
/// systemd or a container runtime still uses version 1, the one named `systemd`, else the first that is not the root.
pub(crate) fn cgroup(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let groups = || {
        text.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers) = (parts.next()?, parts.next()?);
            Some((number, controllers, parts.next()?))
        })
    };
    let below_root = |path: &str| path != "/" && !path.is_empty();
    groups()
        .find(|(number, controllers, path)| {
            *number == "0" && controllers.is_empty() && below_root(path)
        })
        .or_else(|| groups().find(|(_, name, path)| *name == "name=systemd" && below_root(path)))
        .or_else(|| groups().find(|(.., path)| below_root(path)))
        .or_else(|| groups().next())
        .map(|(.., path)| path.to_owned())
}

/// All of one process, or `None` if it has gone. What may not be read is left empty.
pub(super) fn read_process(root: impl AsFd, pid: u32) -> Option<Process> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = openat(root, PidPath::new(pid, "").bytes(), flags, Mode::empty()).ok()?;
    let stat = Stat::parse(&file(&dir, "stat", MAX_FILE))?;
    let executable = readlinkat(&dir, "exe", Vec::new())
        .ok()
        .map(|path| PathBuf::from(OsString::from_vec(path.into_bytes())));
    Some(Process {
        pid,
        name: stat.name,
        started: stat.started,
        parent: stat.parent,
        uid: fstat(&dir).ok().map(|stat| stat.st_uid),
        user: None,
        command_line: file(&dir, "cmdline", MAX_COMMAND_LINE),
        executable,
        cgroup: cgroup(&file(&dir, "cgroup", MAX_FILE)),
    })
}

/// Whether this is a thread of the kernel, for kernels that do not tell how many descriptors a process has.
pub(super) fn is_kernel_thread(root: impl AsFd, pid: u32) -> bool {
    let stat = file_at(root, PidPath::new(pid, "/stat").bytes(), MAX_FILE);
    Stat::parse(&stat).is_some_and(|stat| stat.kernel_thread)
}

fn file(dir: &OwnedFd, name: &str, limit: usize) -> Vec<u8> {
    file_at(dir, name.as_bytes(), limit)
}

/// The first bytes of a file; nothing if it cannot be read.
fn file_at(dir: impl AsFd, name: &[u8], limit: usize) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut bytes = Vec::new();
    let Ok(file) = openat(dir, name, flags, Mode::empty()) else {
        return bytes;
    };
    let mut part = [0; 4096];
    while bytes.len() < limit {
        let room = part.len().min(limit - bytes.len());
        match read(&file, &mut part[..room]) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
        // Files of /proc come whole as long as they fit; a full buffer is the sign that there is more.
        if bytes.len() % part.len() != 0 {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const AFTER: &str = "S 4 17 17 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 1 0 98765 1 2 3";

    #[test]
    fn a_name_may_hold_parentheses_blanks_and_line_ends() {
        for name in ["ev) il x", "a\nb", "", "((", "))) R 1 2", "\u{1b}[31m"] {
            let stat = Stat::parse(format!("17 ({name}) {AFTER}\n").as_bytes()).unwrap();
            assert_eq!(stat.name, name.as_bytes());
            assert_eq!((stat.parent, stat.started), (4, 98765), "{name:?}");
            assert!(!stat.kernel_thread);
        }
    }

    #[test]
    fn a_kernel_thread_is_known_by_its_flags() {
        let text = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0";
        assert!(Stat::parse(text).unwrap().kernel_thread);
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        for text in [
            "",
            "(",
            ")",
            ")(",
            "1 (x",
            "1 (x) S",
            "1 (x) S a b c",
            "1 (x) S 1 2 3 4 5 6 7",
        ] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_control_group_that_says_most_is_taken() {
        let cases = [
            (
                "0::/system.slice/ssh.service\n",
                "/system.slice/ssh.service",
            ),
            ("9:name=systemd:/user.slice\n0::/\n", "/user.slice"),
            ("9:name=systemd:/\n4:memory:/box/1\n0::/\n", "/box/1"),
            ("3:cpu:/\n0::/\n", "/"),
            ("0::/a:b\n", "/a:b"),
        ];
        for (text, group) in cases {
            assert_eq!(cgroup(text.as_bytes()).as_deref(), Some(group), "{text:?}");
        }
        assert_eq!(cgroup(b""), None);
        assert_eq!(cgroup(b"garbage\n:\n"), None);
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in proptest::collection::vec(any::<u8>(), 0..16)) {
            let text = [b"17 (", &name[..], b") ", AFTER.as_bytes()].concat();
            prop_assert_eq!(Stat::parse(&text).unwrap().name, name);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Stat::parse(&text);
            let _ = cgroup(&text);
        }
    }
}
