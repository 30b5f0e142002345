//! One table of descriptors under `/proc`, read with one system call for each descriptor and no memory of its own.

use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Mode, OFlags, RawDir, RawDirEntry, Stat, fstat, openat, readlinkat_raw, statat,
};
use rustix::io::Errno;
use rustix::path::Arg;

/// Room for the names that one call returns: some 1,300 descriptors, or as many processes.
const BUFFER: usize = 32 * 1024;

/// Up to so many descriptors are asked for by number before they are listed.
const MAX_DENSE: u32 = 4096;

/// `PID` or `PID/something`, made without the heap.
pub(super) struct PidPath {
    bytes: [u8; 40],
    len: usize,
}

impl PidPath {
    pub(super) fn new(pid: u32, rest: &str) -> Self {
        let mut path = Self::empty();
        path.number(pid);
        path.text(rest);
        path
    }

    /// `PID/task/TID/fd`.
    pub(super) fn of_thread(pid: u32, thread: u32) -> Self {
        let mut path = Self::new(pid, "/task/");
        path.number(thread);
        path.text("/fd");
        path
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn empty() -> Self {
        Self {
            bytes: [0; 40],
            len: 0,
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            // A remainder of ten is a digit.
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.append(&digits[at..]);
    }

    fn text(&mut self, text: &str) {
        self.append(text.as_bytes());
    }

    /// Two numbers of ten digits and the longest words between them are 30 bytes.
    fn append(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// Why a table could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// This user may not look into it.
    Hidden,
    /// The process has gone.
    Gone,
}

impl From<Errno> for Unread {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::SRCH | Errno::NOTDIR => Self::Gone,
            _ => Self::Hidden,
        }
    }
}

/// What one thread needs to walk.
pub(super) struct Walker {
    buffer: Vec<MaybeUninit<u8>>,
    /// How many descriptors it has looked at.
    pub(super) looked_at: usize,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![MaybeUninit::uninit(); BUFFER],
            looked_at: 0,
        }
    }

    /// Each entry of a directory whose name is a number, with the inode that the directory gives.
    pub(super) fn numbers(
        &mut self,
        dir: BorrowedFd<'_>,
        mut each: impl FnMut(u32, &RawDirEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), Errno> {
        let mut entries = RawDir::new(dir, &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            if let Some(number) = number(entry.file_name().to_bytes())
                && each(number, &entry).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// Each socket of the table of descriptors at `path`: its inode and the descriptor's number. `counts` says whether
    /// the kernel tells how many descriptors there are.
    pub(super) fn sockets(
        &mut self,
        root: BorrowedFd<'_>,
        path: &PidPath,
        counts: bool,
        mut each: impl FnMut(u64, u32) -> ControlFlow<()>,
    ) -> Result<(), Unread> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(root, path.bytes(), flags, Mode::empty())?;
        let count = if counts { fstat(&dir)?.st_size } else { 0 };
        if counts && count == 0 {
            // A kernel thread, or a process that has ended.
            return Ok(());
        }
        let mut table = Descriptors {
            dir: dir.as_fd(),
            looked_at: 0,
            hidden: false,
        };
        // Most programs have the first so many numbers. Then a list of them, which costs more than all else, is not
        // needed; if one is missing, the list is for those after it.
        let dense = u32::try_from(count).unwrap_or(u32::MAX).min(MAX_DENSE);
        let known = (0..dense).find_map(|number| {
            match table.read(number, PidPath::new(number, "").bytes(), &mut each) {
                Ok(ControlFlow::Continue(())) => None,
                Ok(ControlFlow::Break(())) => Some(u32::MAX),
                Err(Missing) => Some(number),
            }
        });
        let outcome = match known {
            Some(u32::MAX) => Ok(()),
            // All were there, and still there are no more: no gap was filled meanwhile, with others behind it.
            None if counts && i64::from(dense) == count && fstat(&dir)?.st_size == count => Ok(()),
            known => {
                let from = known.unwrap_or(dense);
                self.numbers(dir.as_fd(), |number, entry| {
                    if number < from {
                        return ControlFlow::Continue(());
                    }
                    // One that is missing was closed a moment ago.
                    let read = table.read(number, entry.file_name(), &mut each);
                    read.unwrap_or(ControlFlow::Continue(()))
                })
            }
        };
        self.looked_at += table.looked_at;
        outcome?;
        if table.hidden {
            Err(Unread::Hidden)
        } else {
            Ok(())
        }
    }
}

/// A table of descriptors while it is read.
struct Descriptors<'a> {
    dir: BorrowedFd<'a>,
    looked_at: usize,
    hidden: bool,
}

/// There is no such descriptor.
struct Missing;

impl Descriptors<'_> {
    /// Read one link, and tell of it if it leads to a socket.
    fn read(
        &mut self,
        number: u32,
        name: impl Arg,
        each: &mut impl FnMut(u64, u32) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Missing> {
        self.looked_at += 1;
        let mut link = [0; LINK];
        match readlinkat_raw(self.dir, name, &mut link) {
            Ok(len) => Ok(match socket_inode(&link[..len]) {
                Some(inode) => each(inode, number),
                None => ControlFlow::Continue(()),
            }),
            // The table may be listed, and what it refers to may not be seen: root without CAP_SYS_PTRACE.
            Err(Errno::ACCESS | Errno::PERM) => {
                self.hidden = true;
                Ok(ControlFlow::Break(()))
            }
            Err(_) => Err(Missing),
        }
    }
}

/// What the file system says of a path under the root.
pub(super) fn stat(root: impl AsFd, path: &PidPath) -> Result<Stat, Unread> {
    Ok(statat(root, path.bytes(), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Room for `socket:[` and 20 digits and `]`; a longer link is no socket, and is cut.
const LINK: usize = 32;

/// The inode of a link that reads `socket:[4242]`.
fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The number that a name is, in decimal digits only.
fn number(name: &[u8]) -> Option<u32> {
    if name.is_empty() || name.len() > 10 {
        return None;
    }
    let number = name.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_of_numbers() {
        assert_eq!(PidPath::new(0, "").bytes(), b"0");
        assert_eq!(PidPath::new(4_194_304, "/fd").bytes(), b"4194304/fd");
        assert_eq!(
            PidPath::of_thread(u32::MAX, u32::MAX).bytes(),
            b"4294967295/task/4294967295/fd"
        );
    }

    #[test]
    fn only_sockets_are_sockets() {
        assert_eq!(socket_inode(b"socket:[4242]"), Some(4242));
        assert_eq!(
            socket_inode(b"socket:[18446744073709551615]"),
            Some(u64::MAX)
        );
        for link in [
            "socket:[18446744073709551616]",
            "socket:[]",
            "socket:[12",
            "socket:[1x]",
            "socket:[-1]",
            "pipe:[12]",
            "/tmp/socket:[12]",
            "",
        ] {
            assert_eq!(socket_inode(link.as_bytes()), None, "{link}");
        }
    }

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for name in [
            "4294967296",
            "12345678901",
            "",
            ".",
            "..",
            "self",
            "1a",
            "+1",
        ] {
            assert_eq!(number(name.as_bytes()), None, "{name}");
        }
    }
}
