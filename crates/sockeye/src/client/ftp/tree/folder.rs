//! A folder, held open, and what is below it: whatever happens to paths meanwhile, nothing is read or written elsewhere.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use crate::error::{Error, Operation, Result};

/// A folder. Names in it never lead elsewhere: no links are followed.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// What is there under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: FileType,
    pub(super) size: u64,
    /// When it was last changed, in seconds since 1970.
    pub(super) modified: i64,
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Folder {
    /// Open this folder; with `create`, make it and those above it first. Links on the way to it are followed: they are the
    /// user's.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self> {
        let failed = |error: std::io::Error| failed(Operation::Open, error, path);
        if create {
            std::fs::create_dir_all(path).map_err(failed)?;
        }
        let fd = rustix::fs::open(path, FOLDER, Mode::empty());
        Ok(Self {
            fd: fd.map_err(|error| failed(error.into()))?,
            path: path.to_owned(),
        })
    }

    /// The folder that these names lead to, one after the other; with `create`, those that are missing are made.
    pub(super) fn below(&self, names: &[u8], create: bool) -> Result<Self> {
        let mut here = Self {
            fd: self
                .fd
                .try_clone()
                .map_err(|error| failed(Operation::Open, error, &self.path))?,
            path: self.path.clone(),
        };
        for name in names.split(|&byte| byte == b'/') {
            if !name.is_empty() {
                here = here.enter(name, create)?;
            }
        }
        Ok(here)
    }

    fn enter(&self, name: &[u8], create: bool) -> Result<Self> {
        if create {
            match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(self.failed(Operation::Open, error, name)),
            }
        }
        let flags = FOLDER | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Self {
                fd,
                path: self.path(name),
            }),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// What is there under this name; a link is a link.
    pub(super) fn find(&self, name: &[u8]) -> Result<Option<Found>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(found(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// The names in it, in order.
    pub(super) fn names(&self) -> Result<Vec<Vec<u8>>> {
        let failed = |error: Errno| failed(Operation::Read, error.into(), &self.path);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file to write, made if it is missing. Links, devices and further names of other files are refused.
    pub(super) fn write(&self, name: &[u8]) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mode = Mode::from_raw_mode(0o666);
        let opened = rustix::fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, mode)
            .and_then(|fd| rustix::fs::fstat(&fd).map(|stat| (fd, stat)));
        match opened {
            Ok((fd, stat)) if is_own(&stat) => Ok(File::from(fd)),
            Ok(_) => Err(self.failed(Operation::Open, Errno::EXIST, name)),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// A file to read.
    pub(super) fn read(&self, name: &[u8]) -> Result<(File, Found)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .and_then(|fd| rustix::fs::fstat(&fd).map(|stat| (fd, stat)));
        match opened {
            Ok((fd, stat)) => Ok((File::from(fd), found(&stat))),
            Err(error) => Err(self.failed(Operation::Open, error, name)),
        }
    }

    /// Give a file another name; what had that name is gone then, if it was no folder.
    pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|error| self.failed(Operation::Write, error, to))
    }

    /// Remove what is there under this name: a folder with all that it holds, no further down than this, and of a link the
    /// link.
    pub(super) fn remove(&self, name: &[u8], depth: usize) -> Result<()> {
        let Some(found) = self.find(name)? else {
            return Ok(());
        };
        let mut flags = AtFlags::empty();
        if found.kind == FileType::Directory {
            if depth == 0 {
                return Err(self.failed(Operation::Write, Errno::LOOP, name));
            }
            let below = self.enter(name, false)?;
            for name in below.names()? {
                below.remove(&name, depth - 1)?;
            }
            flags = AtFlags::REMOVEDIR;
        }
        rustix::fs::unlinkat(&self.fd, name, flags)
            .map_err(|error| self.failed(Operation::Write, error, name))
    }

    /// The path of something in it.
    pub(super) fn path(&self, name: &[u8]) -> PathBuf {
        self.path.join(std::ffi::OsStr::from_bytes(name))
    }

    fn failed(&self, operation: Operation, error: Errno, name: &[u8]) -> Error {
        let error = match error {
            Errno::LOOP | Errno::NOTDIR => {
                let why = "a link or a file of that name is in the way";
                return Error::new(crate::Kind::Denied, operation, why)
                    .about(shown(&self.path(name)));
            }
            other => other,
        };
        failed(operation, error.into(), &self.path(name))
    }
}

/// Say when a file was last changed.
pub(super) fn set_modified(file: &File, seconds: i64) {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        },
    };
    // A file system without times has none to be wrong.
    let _ = rustix::fs::futimens(file, &times);
}

fn found(stat: &rustix::fs::Stat) -> Found {
    Found {
        kind: FileType::from_raw_mode(stat.st_mode),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: stat.st_mtime,
    }
}

fn is_own(stat: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
}

fn shown(path: &Path) -> String {
    sockeye_data::escape::escape(path.as_os_str().as_bytes())
}

/// What this error of the system means for this path.
pub(super) fn failed(operation: Operation, error: std::io::Error, path: &Path) -> Error {
    Error::from_io(operation, error).about(shown(path))
}
