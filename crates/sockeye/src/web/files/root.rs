//! The folder that is served, and nothing outside it: every path is opened beneath a descriptor of the folder, in one
//! system call that no change of the tree can race (openat2(2) with `RESOLVE_BENEATH`). Where the kernel has no such call
//! (before 5.6, and in some containers), and for links that are absolute, names are walked one by one (see `walk`).

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::walk;
use super::withheld::Withheld;
use crate::error::{Error, Operation};

/// A folder that is served. Clones are the same folder.
#[derive(Clone, Debug)]
pub struct Root {
    folder: Arc<OwnedFd>,
    /// Where it is, for links that say so.
    place: Arc<PathBuf>,
    rules: Rules,
    changes: Arc<AtomicU64>,
    by_hand: bool,
    withheld: Option<Arc<Withheld>>,
}

/// How often a call is repeated that a change of the tree raced.
const TRIES: usize = 8;

/// What of a folder is there for clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Names that begin with a dot, too. `.well-known` is there in any case (RFC 8615).
    pub hidden: bool,
    /// Symbolic links that lead out of the folder, too.
    pub follow_links: bool,
}

impl Root {
    /// This folder, under these rules.
    ///
    /// # Errors
    ///
    /// A folder that cannot be opened.
    pub fn new(folder: impl AsRef<Path>, rules: Rules) -> crate::error::Result<Self> {
        let folder = folder.as_ref();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed =
            |error: io::Error| Error::from_io(Operation::Open, error).about(folder.display());
        let opened = rustix::fs::open(folder, flags, Mode::empty());
        let opened = opened.map_err(|error| failed(error.into()))?;
        let place = folder.canonicalize().map_err(failed)?;
        // ENOSYS is an old kernel; EPERM a filter of system calls that does not know the call.
        let probed =
            rustix::fs::openat2(&opened, c".", flags, Mode::empty(), ResolveFlags::BENEATH);
        Ok(Self {
            folder: Arc::new(opened),
            place: Arc::new(place),
            rules,
            changes: Arc::default(),
            withheld: None,
            by_hand: matches!(probed, Err(Errno::NOSYS | Errno::PERM)),
        })
    }

    /// A folder beneath this one as a folder of its own, which nothing leads out of, whatever the rules say of links. A
    /// change that is noted for one is noted for both.
    ///
    /// # Errors
    ///
    /// Those of [`Root::open`]; what is no folder.
    pub fn within(&self, path: &[u8]) -> io::Result<Self> {
        let folder = self.open_with(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        let place = self.place.join(std::ffi::OsStr::from_bytes(path));
        Ok(Self {
            folder: Arc::new(folder.into()),
            place: Arc::new(place.canonicalize().unwrap_or(place)),
            rules: Rules {
                follow_links: false,
                ..self.rules
            },
            changes: Arc::clone(&self.changes),
            by_hand: self.by_hand,
            withheld: self
                .withheld
                .as_ref()
                .map(|withheld| Arc::new(withheld.within(path))),
        })
    }

    /// The same folder, as on a kernel without openat2(2): each name of a path is opened by itself.
    #[doc(hidden)]
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// The same folder without this path, and what is beneath it: it is not there for clients, neither as a file nor in
    /// listings and archives, nor by a link that leads there.
    #[must_use]
    pub fn withhold(mut self, path: &[u8]) -> Self {
        Arc::make_mut(self.withheld.get_or_insert_default()).add_path(path);
        self
    }

    /// The same folder without names that end so (`.py`, in any case).
    #[must_use]
    pub fn withhold_ending(mut self, ending: &str) -> Self {
        Arc::make_mut(self.withheld.get_or_insert_default()).add_ending(ending.as_bytes());
        self
    }

    /// The rules.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The folder itself, for calls that take a descriptor.
    pub fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    /// Open something beneath the folder for reading: a file or a folder. The path is relative, its bytes decoded; an empty
    /// one is the folder itself. Opening never waits, not even for a pipe without a writer.
    ///
    /// # Errors
    ///
    /// Those of openat2(2); `NotFound` for what the rules keep out, so that nobody learns that it is there.
    pub fn open(&self, path: &[u8]) -> io::Result<File> {
        self.open_with(path, OFlags::RDONLY, Mode::empty())
    }

    /// What is there, links followed: read without opening it, so that nothing happens to a device or a pipe.
    ///
    /// # Errors
    ///
    /// As [`Root::open`].
    pub fn look(&self, path: &[u8]) -> io::Result<Metadata> {
        self.open_with(path, OFlags::PATH, Mode::empty())?
            .metadata()
    }

    /// [`Root::open`] with other flags, for those who write.
    pub(crate) fn open_with(&self, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<File> {
        if !self.admits(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = if path.is_empty() { b"." } else { path };
        let mut flags = flags | OFlags::CLOEXEC;
        if !flags.contains(OFlags::PATH) {
            flags |= OFlags::NONBLOCK | OFlags::NOCTTY;
        }
        let opened = self
            .resolve(path, flags, mode)
            .map_err(|error| match error {
                // A link that leads out, or round in circles.
                Errno::XDEV | Errno::LOOP => io::ErrorKind::NotFound.into(),
                error => io::Error::from(error),
            })?;
        if !self.is_there(&opened) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(opened.into())
    }

    /// Whether what was opened is there for clients under its own name too: a link may lead to what is kept from them. Where
    /// there is no `/proc`, nobody can tell, and the name that was asked for decides.
    fn is_there(&self, opened: &OwnedFd) -> bool {
        let (Some(own), Some(folder)) = (place_of(opened), place_of(&self.folder)) else {
            return true;
        };
        let folder = folder.strip_suffix(b"/").unwrap_or(&folder);
        match own.strip_prefix(folder) {
            Some([b'/', rest @ ..]) => self.admits(rest),
            // The folder itself, or a place outside of it, which only links that are followed lead to.
            _ => true,
        }
    }

    fn resolve(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        if self.rules.follow_links {
            return rustix::fs::openat(&self.folder, path, flags, mode);
        }
        if self.by_hand {
            return walk::open(&self.folder, &self.place, path, flags, mode);
        }
        let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(&self.folder, path, flags, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES => tries += 1,
                // An absolute link is refused by the kernel even if it leads back to the folder.
                Err(Errno::XDEV) => {
                    return walk::open(&self.folder, &self.place, path, flags, mode);
                }
                opened => return opened,
            }
        }
    }

    /// Whether the rules let clients see this path. Decided by the names alone.
    pub fn admits(&self, path: &[u8]) -> bool {
        path.split(|&byte| byte == b'/').all(|name| match name {
            b".." => false,
            b"" | b"." | b".well-known" => true,
            // Uploads under way, which are nobody's business.
            name if name.starts_with(b".sockeye-") => false,
            [b'.', ..] => self.rules.hidden,
            _ => true,
        }) && !path.starts_with(b"/")
            && !path.contains(&0)
            && !self
                .withheld
                .as_ref()
                .is_some_and(|withheld| withheld.has(path))
    }

    /// Something in the folder was changed by us: what is remembered of it is to be looked at again.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often [`Root::note_change`] was called.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

/// Where the kernel has it.
fn place_of(file: &OwnedFd) -> Option<Vec<u8>> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let place = std::fs::read_link(link).ok()?;
    Some(place.into_os_string().into_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn read(root: &Root, path: &str) -> io::Result<String> {
        io::read_to_string(root.open(path.as_bytes())?)
    }

    /// A folder to be served, in one with a secret.
    fn tree() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("served");
        std::fs::create_dir_all(inner.join("deep/er")).unwrap();
        std::fs::write(outer.path().join("secret"), "no").unwrap();
        std::fs::write(inner.join("open"), "yes").unwrap();
        std::fs::write(inner.join("deep/er/open"), "yes").unwrap();
        std::fs::write(inner.join(".hidden"), "no").unwrap();
        for (target, link) in [
            ("../secret", "out"),
            ("/etc/passwd", "absolute"),
            ("deep/../../secret", "winding"),
            ("round", "round"),
            ("open", "within"),
            ("../../open", "deep/er/up"),
            ("deep/er", "folder"),
            ("/proc/self/root", "magic"),
        ] {
            symlink(target, inner.join(link)).unwrap();
        }
        symlink(inner.join("deep/er/open"), inner.join("home")).unwrap();
        symlink(&inner, inner.join("self")).unwrap();
        (outer, inner)
    }

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let (_outer, inner) = tree();
        let root = Root::new(&inner, Rules::default()).unwrap();
        for root in [root.clone(), root.by_hand()] {
            for path in [
                "open",
                "within",
                "deep/er/open",
                "deep//er/./open",
                "deep/er/up",
                "folder/open",
                "folder/up",
                "home",
                "self/self/home",
            ] {
                let text = read(&root, path);
                assert_eq!(text.unwrap(), "yes", "{path} {}", root.by_hand);
                assert!(root.look(path.as_bytes()).unwrap().is_file(), "{path}");
            }
            for path in [
                "../secret",
                "out",
                "absolute",
                "winding",
                "round",
                "magic/etc/passwd",
                "a/../../secret",
                "/etc/passwd",
                ".hidden",
                "self/.hidden",
                "none",
                "deep/er/../../../secret",
            ] {
                let error = read(&root, path).unwrap_err();
                let hand = root.by_hand;
                assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path} {hand}");
            }
            let error = read(&root, "open/").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
            assert!(root.open(b"").unwrap().metadata().unwrap().is_dir());
        }
    }

    #[test]
    fn the_rules_can_let_more_be_seen() {
        let (_outer, inner) = tree();
        let rules = Rules {
            hidden: true,
            follow_links: true,
        };
        let root = Root::new(&inner, rules).unwrap();
        assert_eq!(read(&root, "out").unwrap(), "no");
        assert_eq!(read(&root, ".hidden").unwrap(), "no");
        assert!(read(&root, "../secret").is_err());
    }

    #[test]
    fn files_are_made_beneath_the_folder_only() {
        let (outer, inner) = tree();
        symlink("../made", inner.join("dangling")).unwrap();
        let root = Root::new(&inner, Rules::default()).unwrap();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        for (root, name) in [(root.clone(), "one"), (root.by_hand(), "two")] {
            let path = format!("deep/{name}");
            let mode = Mode::from_raw_mode(0o600);
            root.open_with(path.as_bytes(), flags, mode).unwrap();
            assert!(inner.join(path).exists());
            let made = root.open_with(b"dangling", OFlags::WRONLY | OFlags::CREATE, mode);
            assert!(made.is_err());
        }
        assert!(!outer.path().join("made").exists());
    }
}
