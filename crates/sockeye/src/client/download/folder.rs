//! A folder, held open: whatever happens to its path meanwhile, files are made in this one and in no other.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags};

use crate::error::{Error, Kind, Operation, Result};

/// A folder that files are saved in. Names in it never lead elsewhere: no links are followed.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// What is there under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) is_file: bool,
    pub(crate) is_folder: bool,
    pub(crate) length: u64,
    /// When it was last changed, in seconds since 1970.
    pub(crate) changed: i64,
}

const NEW: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Folder {
    /// Open this folder; with `create`, make it and those above it first.
    ///
    /// # Errors
    ///
    /// Those of the system, with its path.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        if create {
            std::fs::create_dir_all(path).map_err(|error| failed(Operation::Open, error, path))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| {
            let failed = failed(Operation::Open, error.into(), path);
            match error {
                rustix::io::Errno::NOENT => failed.with_hint("`--create-dirs` makes the folder"),
                _ => failed,
            }
        })?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if self.path == Path::new(".") {
            return PathBuf::from(name);
        }
        self.path.join(name)
    }

    /// What is there under this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Found>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kind = FileType::from_raw_mode(stat.st_mode);
                Ok(Some(Found {
                    is_file: kind == FileType::RegularFile,
                    is_folder: kind == FileType::Directory,
                    length: u64::try_from(stat.st_size).unwrap_or(0),
                    changed: stat.st_mtime,
                }))
            }
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// Make a file of this name; `None` if there is something of that name.
    pub(crate) fn create(&self, name: &str) -> Result<Option<File>> {
        let mode = Mode::from_raw_mode(0o666);
        match rustix::fs::openat(&self.fd, name, NEW, mode) {
            Ok(fd) => Ok(Some(fd.into())),
            Err(rustix::io::Errno::EXIST) => Ok(None),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// Open the file of this name to go on with it; `None` if it is gone, or is no file of its own (a link, a second name of
    /// another file, a device).
    pub(crate) fn reopen(&self, name: &str) -> Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => {
                return Ok(None);
            }
            Err(error) => return Err(self.failed(Operation::Open, error, name)),
        };
        let stat =
            rustix::fs::fstat(&fd).map_err(|error| self.failed(Operation::Open, error, name))?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok((is_file && stat.st_nlink == 1).then(|| fd.into()))
    }

    /// What this file holds, if it is one and no longer than `largest` bytes.
    pub(crate) fn read(&self, name: &str, largest: u64) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        File::from(fd)
            .take(largest + 1)
            .read_to_end(&mut bytes)
            .ok()?;
        (bytes.len() as u64 <= largest).then_some(bytes)
    }

    /// Put a file there in one step: whoever looks finds the old one or the new one, and never a part of it.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let beside = format!("{name}.new");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &*beside, flags, Mode::from_raw_mode(0o600))
            .map_err(|error| self.failed(Operation::Open, error, &beside))?;
        let mut file = File::from(fd);
        if let Err(error) = file.write_all(bytes) {
            self.remove(&beside);
            return Err(failed(Operation::Write, error, &self.path(&beside)));
        }
        rustix::fs::renameat(&self.fd, &*beside, &self.fd, name)
            .map_err(|error| self.failed(Operation::Write, error, name))
    }

    /// Give a file another name. False if that name is taken and `replace` is not given.
    pub(crate) fn rename(&self, from: &str, to: &str, replace: bool) -> Result<bool> {
        if replace {
            let renamed = rustix::fs::renameat(&self.fd, from, &self.fd, to);
            return renamed
                .map(|()| true)
                .map_err(|error| self.failed(Operation::Write, error, to));
        }
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            // File systems that do not know it: a second name, which is never put over another file, then the first one goes.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                match rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty()) {
                    Ok(()) => {
                        self.remove(from);
                        Ok(true)
                    }
                    Err(rustix::io::Errno::EXIST) => Ok(false),
                    Err(error) => Err(self.failed(Operation::Write, error, to)),
                }
            }
            Err(error) => Err(self.failed(Operation::Write, error, to)),
        }
    }

    /// Remove a file; if it cannot be removed it stays.
    pub(crate) fn remove(&self, name: &str) {
        let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
    }

    fn failed(&self, operation: Operation, error: rustix::io::Errno, name: &str) -> Error {
        failed(operation, error.into(), &self.path(name))
    }
}

/// Hold this file for us alone; false if somebody else does.
pub(crate) fn hold(file: &File) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Whether something is there that is neither a file nor a folder: a device, a named pipe.
pub(crate) fn is_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
}

/// What this error of the system means for this file.
pub(crate) fn failed(operation: Operation, error: io::Error, path: &Path) -> Error {
    let made = match error.raw_os_error() {
        Some(nix::libc::ENOSPC | nix::libc::EDQUOT) => {
            let full = Error::new(Kind::Io, operation, "the disk is full");
            match is_device(path) {
                true => full,
                false => full.with_hint(
                    "what came so far is kept; with room made, the same command goes on with it",
                ),
            }
        }
        Some(nix::libc::EROFS) => {
            Error::new(Kind::Denied, operation, "that file system is read-only")
        }
        _ => Error::from_io(operation, error),
    };
    made.about(sockeye_data::escape::escape(
        path.as_os_str().as_encoded_bytes(),
    ))
}
