//! All that a folder has, folders in folders, in the order of names: what an archive is made of.
//!
//! Every step is made from the descriptor of the folder above and follows no link, so that no change of the tree leads the
//! walk out of it. A link is opened beneath the root, like any path that a client names.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{Asker, Bounds};
use crate::web::files::{Folder, Root};

/// One entry of an archive.
pub(super) struct Item {
    /// Its path from the folder; that of a folder ends with a slash.
    pub(super) path: Vec<u8>,
    pub(super) what: What,
    /// Permissions alone.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: i64,
}

pub(super) enum What {
    Folder,
    /// A file and how many bytes it had when it was opened.
    File(File, u64),
    /// A link that stays in the folder.
    Link(Vec<u8>),
}

/// Walks through a folder.
pub(super) struct Walk {
    root: Root,
    /// The folder's path beneath the root, with a slash behind it unless it is empty.
    prefix: Vec<u8>,
    levels: Vec<Level>,
    bounds: Bounds,
    entries: u64,
    keeps_links: bool,
    asker: Asker,
}

struct Level {
    folder: File,
    path: Vec<u8>,
    /// Those still to come, the next one last.
    names: Vec<Vec<u8>>,
}

impl Walk {
    pub(super) fn new(
        folder: Folder,
        bounds: Bounds,
        keeps_links: bool,
        asker: Asker,
    ) -> io::Result<Self> {
        let mut prefix = folder.path;
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let mut walk = Self {
            root: folder.root,
            prefix,
            levels: Vec::new(),
            bounds,
            entries: 0,
            keeps_links,
            asker,
        };
        walk.enter(folder.file, Vec::new())?;
        Ok(walk)
    }

    /// Read the names of a folder, to be walked through next.
    fn enter(&mut self, folder: File, path: Vec<u8>) -> io::Result<()> {
        if self.levels.len() >= self.bounds.depth {
            return Err(too_much("the folder is deeper than is packed"));
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || !self.admits(&path, name) {
                continue;
            }
            self.entries += 1;
            if self.entries > self.bounds.entries {
                return Err(too_much("the folder has more entries than are packed"));
            }
            names.push(name.to_vec());
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.levels.push(Level {
            folder,
            path,
            names,
        });
        Ok(())
    }

    /// Whether this is there for who asks.
    fn admits(&self, path: &[u8], name: &[u8]) -> bool {
        // A path with a backslash is refused, so nothing could be fetched by it.
        !name.contains(&b'\\')
            && self.root.admits(&self.beneath(path, name))
            && self.asker.may_read(&[path, name].concat())
    }

    fn beneath(&self, path: &[u8], name: &[u8]) -> Vec<u8> {
        [&self.prefix, path, name].concat()
    }

    /// The entry of this name; `None` if it is not there for clients, or not any more.
    fn look(&mut self, name: &[u8]) -> io::Result<Option<Item>> {
        let Some(level) = self.levels.last() else {
            return Ok(None);
        };
        let mut path = [&level.path, name].concat();
        let Ok(stat) = rustix::fs::statat(&level.folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            return Ok(None);
        };
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = |more| rustix::fs::openat(&level.folder, name, flags | more, Mode::empty());
        let opened = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => open(OFlags::DIRECTORY).ok().map(File::from),
            FileType::RegularFile => open(OFlags::empty()).ok().map(File::from),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&level.folder, name, Vec::new());
                let target = target
                    .map(std::ffi::CString::into_bytes)
                    .unwrap_or_default();
                if self.keeps_links && self.stays(&level.path, &target) {
                    return Ok(Some(Item {
                        path,
                        what: What::Link(target),
                        mode: 0o777,
                        modified: stat.st_mtime,
                    }));
                }
                let file = self.root.open(&self.beneath(&level.path, name)).ok();
                file.filter(|file| file.metadata().is_ok_and(|it| it.is_file()))
            }
            _ => None,
        };
        let Some(file) = opened else { return Ok(None) };
        let metadata = file.metadata()?;
        let what = if metadata.is_dir() {
            path.push(b'/');
            if !self.asker.may_read(&path) {
                return Ok(None);
            }
            self.enter(file, path.clone())?;
            What::Folder
        } else if metadata.is_file() {
            What::File(file, metadata.len())
        } else {
            return Ok(None);
        };
        Ok(Some(Item {
            path,
            what,
            mode: metadata.mode() & 0o777,
            modified: metadata.mtime(),
        }))
    }

    /// Whether a link in the folder of this path leads to something in the archive, wherever that is unpacked: up first and
    /// then down, so that no other link on its way can lead it out.
    fn stays(&self, path: &[u8], target: &[u8]) -> bool {
        let mut left = path.iter().filter(|byte| **byte == b'/').count();
        if target.is_empty() || target.starts_with(b"/") {
            return false;
        }
        let mut is_down = false;
        target.split(|byte| *byte == b'/').all(|part| match part {
            b".." if is_down || left == 0 => false,
            b".." => {
                left -= 1;
                true
            }
            b"" | b"." => true,
            name => {
                is_down = true;
                self.root.admits(name)
            }
        })
    }
}

impl Iterator for Walk {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            match self.look(&name) {
                Ok(Some(item)) => return Some(Ok(item)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn too_much(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, why)
}

/// Bytes of a file that is packed, exactly as many as it had when it was opened.
pub(super) struct Exactly {
    file: File,
    left: u64,
}

impl Exactly {
    pub(super) fn new(file: File, size: u64) -> Self {
        Self { file, left: size }
    }

    /// Fill the buffer as far as there are bytes; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = loop {
            match io::Read::read(&mut self.file, &mut buffer[..most]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if read == 0 {
            let why = "a file became shorter while it was packed";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.left -= read as u64;
        Ok(read)
    }
}
