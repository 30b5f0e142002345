//! A file that is being written and has no name yet. It gets one when it is whole; until then nobody sees it, and nothing
//! is left of it if the server dies (`O_TMPFILE`, open(2)) or gives it up.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Arc, LazyLock};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::name::TEMPORARY;
use super::usage::random;

/// Whether descriptors have names, which a file without one gets its first by.
static HAS_PROC: LazyLock<bool> = LazyLock::new(|| std::fs::metadata("/proc/self/fd").is_ok());

/// A file without a name, or with one that nobody knows.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) file: Arc<File>,
    hidden: Option<Hidden>,
}

/// A name that goes when this value does.
#[derive(Debug)]
struct Hidden {
    folder: File,
    name: String,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // It has another name by now, or is not wanted.
        let _ = unlinkat(&self.folder, &*self.name, AtFlags::empty());
    }
}

impl Hidden {
    fn name() -> io::Result<String> {
        Ok(format!("{TEMPORARY}{}", random()?))
    }
}

impl Draft {
    /// A new file on the file system of this folder, with the mode that the umask leaves of 0666.
    pub(super) fn new(folder: &File) -> io::Result<Self> {
        let mode = Mode::from_raw_mode(0o666);
        if *HAS_PROC {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            match openat(folder, c".", flags, mode) {
                Ok(file) => {
                    return Ok(Self {
                        file: Arc::new(file.into()),
                        hidden: None,
                    });
                }
                // File systems that cannot do it.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Self::with_name(folder)
    }

    /// The same where files have to have a name from the beginning.
    fn with_name(folder: &File) -> io::Result<Self> {
        let name = Hidden::name()?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(folder, &*name, flags, Mode::from_raw_mode(0o666))?;
        let hidden = Hidden {
            folder: folder.try_clone()?,
            name,
        };
        Ok(Self {
            file: Arc::new(file.into()),
            hidden: Some(hidden),
        })
    }

    /// Give it this name. What has the name already stays, and that is an error, unless it is to be replaced: then in one
    /// step, so that there is always the one or the other.
    pub(super) fn publish(&self, folder: &File, name: &str, replaces: bool) -> io::Result<()> {
        match (&self.hidden, replaces) {
            (Some(hidden), _) => move_to(&hidden.folder, &hidden.name, folder, name, replaces),
            (None, false) => self.link(folder, name),
            (None, true) => {
                let hidden = Hidden {
                    name: Hidden::name()?,
                    folder: folder.try_clone()?,
                };
                self.link(folder, &hidden.name)?;
                Ok(renameat(folder, &*hidden.name, folder, name)?)
            }
        }
    }

    fn link(&self, folder: &File, name: &str) -> io::Result<()> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(linkat(CWD, own, folder, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}

/// Move a file to its name; what has the name already stays or is replaced, in one step.
pub(super) fn move_to(
    from: &File,
    old: &str,
    to: &File,
    new: &str,
    replaces: bool,
) -> io::Result<()> {
    if replaces {
        return Ok(renameat(from, old, to, new)?);
    }
    match renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        // File systems and kernels that cannot do it: a second name, then the first one goes.
        Err(Errno::INVAL | Errno::NOSYS) => {
            linkat(from, old, to, new, AtFlags::empty())?;
            Ok(unlinkat(from, old, AtFlags::empty())?)
        }
        moved => Ok(moved?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_is_seen_when_it_is_whole_and_replaces_only_what_it_may() {
        let outer = tempfile::tempdir().unwrap();
        let folder = File::open(outer.path()).unwrap();
        let path = outer.path().join("a");
        for make in [Draft::new, Draft::with_name] {
            let write = |text: &str| {
                let draft = make(&folder).unwrap();
                (&*draft.file).write_all(text.as_bytes()).unwrap();
                draft
            };
            write("first").publish(&folder, "a", false).unwrap();
            let second = write("second");
            let refused = second.publish(&folder, "a", false).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(&path).unwrap(), b"first");
            second.publish(&folder, "a", true).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"second");
            drop((second, write("given up")));
            assert_eq!(names(outer.path()), ["a"]);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
