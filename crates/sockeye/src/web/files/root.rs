//! The folder that is served, and nothing outside it: every path is opened beneath a descriptor of the folder, in one
//! system call that no change of the tree can race (openat2(2) with `RESOLVE_BENEATH`).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::error::{Error, Operation, Result};

/// A folder that is served. Clones are the same folder.
#[derive(Clone, Debug)]
pub struct Root {
    folder: Arc<OwnedFd>,
    rules: Rules,
    changes: Arc<AtomicU64>,
}

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
    pub fn new(folder: impl AsRef<Path>, rules: Rules) -> Result<Self> {
        let folder = folder.as_ref();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::empty());
        let opened = opened
            .map_err(|e| Error::from_io(Operation::Open, e.into()).about(folder.display()))?;
        Ok(Self {
            folder: Arc::new(opened),
            rules,
            changes: Arc::default(),
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
        Ok(Self {
            folder: Arc::new(folder.into()),
            rules: Rules {
                follow_links: false,
                ..self.rules
            },
            changes: Arc::clone(&self.changes),
        })
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

    /// [`Root::open`] with other flags, for those who write.
    pub(crate) fn open_with(&self, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<File> {
        if !self.admits(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = match self.rules.follow_links {
            true => ResolveFlags::NO_MAGICLINKS,
            false => ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH,
        };
        let opened = rustix::fs::openat2(&self.folder, path, flags, mode, resolve);
        match opened {
            Ok(file) => Ok(file.into()),
            // A link that leads out.
            Err(rustix::io::Errno::XDEV) => Err(io::ErrorKind::NotFound.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the rules let clients see this path. Decided by the names alone.
    pub fn admits(&self, path: &[u8]) -> bool {
        path.split(|&byte| byte == b'/').all(|name| match name {
            b".." => false,
            b"" | b"." | b".well-known" => true,
            [b'.', ..] => self.rules.hidden,
            _ => true,
        }) && !path.starts_with(b"/")
            && !path.contains(&0)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: &Root, path: &str) -> io::Result<String> {
        io::read_to_string(root.open(path.as_bytes())?)
    }

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("served");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(outer.path().join("secret"), "no").unwrap();
        std::fs::write(inner.join("open"), "yes").unwrap();
        std::fs::write(inner.join(".hidden"), "no").unwrap();
        std::os::unix::fs::symlink("../secret", inner.join("out")).unwrap();
        std::os::unix::fs::symlink("open", inner.join("within")).unwrap();
        let root = Root::new(&inner, Rules::default()).unwrap();
        assert_eq!(read(&root, "open").unwrap(), "yes");
        assert_eq!(read(&root, "within").unwrap(), "yes");
        for path in [
            "../secret",
            "out",
            "a/../../secret",
            "/etc/passwd",
            ".hidden",
        ] {
            let error = read(&root, path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path}");
        }
        let rules = Rules {
            hidden: true,
            follow_links: true,
        };
        let root = Root::new(&inner, rules).unwrap();
        assert_eq!(read(&root, "out").unwrap(), "no");
        assert_eq!(read(&root, ".hidden").unwrap(), "no");
    }
}
