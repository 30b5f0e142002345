//! What is in a folder, for who asks: read beneath the root, by descriptors, and only what they could fetch.
//!
//! Names that the rules keep out, links that lead out or nowhere, and what is neither file nor folder are left out and
//! counted. A link's size is that of the file it leads to, and only if that is beneath the root.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, Dir, FileType, Stat};

use crate::web::archive::Asker;
use crate::web::files::{Folder, Root};
use crate::web::request::Request;

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    /// Its name, as the file system has it.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Where it leads, if it is a symbolic link; empty if that is nobody's business.
    pub(super) link: Option<Vec<u8>>,
    /// Bytes; of a folder, 0.
    pub(super) size: u64,
    /// Seconds and nanoseconds since 1970.
    pub(super) modified: (i64, u32),
}

/// What something in a folder is, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Folder,
    File,
}

/// What was not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Names the rules keep out: those of the root, and those on who may read what.
    hidden: u64,
    /// Links that lead out of the root, nowhere, or in circles.
    links: u64,
    /// Pipes, sockets, devices.
    others: u64,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "left out: {} hidden, {} links that lead out or nowhere, {} that are neither file nor folder",
            self.hidden, self.links, self.others
        )
    }
}

/// Reads a folder in the order the system has it.
pub(super) struct Reader {
    root: Root,
    /// The folder's path beneath the root, with a slash behind it unless it is empty.
    prefix: Vec<u8>,
    dir: Dir,
    folder: File,
    asker: Asker,
    left_out: LeftOut,
}

impl Reader {
    pub(super) fn new(folder: Folder, asker: Asker) -> io::Result<Self> {
        let mut prefix = folder.path;
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        Ok(Self {
            root: folder.root,
            prefix,
            dir: Dir::read_from(&folder.file)?,
            folder: folder.file,
            asker,
            left_out: LeftOut::default(),
        })
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    pub(super) fn request(&self) -> &Request {
        self.asker.request()
    }

    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The path beneath the root of something in the folder.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&self.prefix, name].concat()
    }

    /// The entry of this name; `None` if it is not there for who asks.
    fn look(&mut self, name: &[u8]) -> Option<Entry> {
        let path = self.path_of(name);
        // A path with a backslash is refused, so nothing could be fetched by it.
        if !self.root.admits(&path) || name.contains(&b'\\') {
            self.left_out.hidden += 1;
            return None;
        }
        let entry = self.examine(name, &path)?;
        // A name alone may tell too much. The README below the list is one of these entries: this decides on its text, too.
        let may_read = match entry.kind {
            Kind::Folder => self.asker.may_read(&[name, b"/"].concat()),
            Kind::File => self.asker.may_read(name),
        };
        if !may_read {
            self.left_out.hidden += 1;
            return None;
        }
        Some(entry)
    }

    /// What is there by this name, whoever asks; `None` if it is neither file nor folder, or not there any more.
    fn examine(&mut self, name: &[u8], path: &[u8]) -> Option<Entry> {
        // Whatever vanished between the reading of its name and now is not there.
        let stat = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => return self.follow(name, path),
            _ => {
                self.left_out.others += 1;
                return None;
            }
        };
        Some(Entry {
            name: name.to_vec(),
            kind,
            link: None,
            size: size_of(kind, stat.st_size.try_into().unwrap_or_default()),
            modified: modified(&stat),
        })
    }

    /// A link, as what it leads to.
    fn follow(&mut self, name: &[u8], path: &[u8]) -> Option<Entry> {
        let target = self.root.look(path).ok();
        let kind = match &target {
            Some(target) if target.is_dir() => Kind::Folder,
            Some(target) if target.is_file() => Kind::File,
            _ => {
                self.left_out.links += 1;
                return None;
            }
        };
        let target = target?;
        let leads_to = rustix::fs::readlinkat(&self.folder, name, Vec::new()).ok()?;
        let leads_to = leads_to.into_bytes();
        // Where the files of this machine lie is told to nobody.
        let is_told = !leads_to.starts_with(b"/") && !self.root.rules().follow_links;
        Some(Entry {
            name: name.to_vec(),
            kind,
            link: Some(if is_told { leads_to } else { Vec::new() }),
            size: size_of(kind, target.len()),
            modified: (
                target.mtime(),
                target.mtime_nsec().try_into().unwrap_or_default(),
            ),
        })
    }
}

impl Iterator for Reader {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.dir.read()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if let Some(entry) = self.look(name) {
                return Some(Ok(entry));
            }
        }
    }
}

fn size_of(kind: Kind, size: u64) -> u64 {
    match kind {
        Kind::Folder => 0,
        Kind::File => size,
    }
}

fn modified(stat: &Stat) -> (i64, u32) {
    // Their types differ from one architecture to another.
    #[allow(clippy::useless_conversion)]
    let seconds = i64::try_from(stat.st_mtime).unwrap_or_default();
    (
        seconds,
        u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
    )
}
