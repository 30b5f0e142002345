//! Uploads that are not finished: files in a folder of their own, which go when nobody has added to them for a while.
//!
//! Whoever goes on names the upload by its path and a word that only they know (or none, for the one upload of that path);
//! the file is called by a digest of both and of the user, so nobody else finds it, and nothing has to be kept in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::draft::move_to;
use super::fault::{Fault, Result};
use super::name::OWN;
use super::usage::is_older;
use crate::web::files::Root;

/// The unfinished uploads of one area.
#[derive(Debug)]
pub(super) struct Partials {
    root: Root,
    busy: Mutex<HashMap<String, Busy>>,
}

/// Who writes to one of them.
#[derive(Debug, Default)]
struct Busy {
    turns: Arc<Turns<()>>,
    /// Told when somebody else wants to.
    leave: CancellationToken,
}

/// The right to write to one of them, until somebody else asks for it.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) guard: Arc<OwnedMutexGuard<()>>,
    pub(super) leave: CancellationToken,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) file: Arc<File>,
    folder: File,
    name: String,
    /// The length of the whole, if it was said.
    pub(super) total: Option<u64>,
}

/// What it is called by: a digest that nobody can make without knowing all of it.
pub(super) fn key(word: &str, path: &[u8], user: Option<&str>) -> String {
    let mut sum = Sha256::new();
    for part in [word.as_bytes(), path, user.unwrap_or_default().as_bytes()] {
        sum.update((part.len() as u64).to_be_bytes());
        sum.update(part);
    }
    data_encoding::HEXLOWER.encode(&sum.finalize()[..16])
}

impl Partials {
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            busy: Mutex::default(),
        }
    }

    /// Wait until nobody writes to this one; whoever does is told to leave.
    pub(super) async fn turn(&self, key: &str) -> Turn {
        let (turns, leave) = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.retain(|_, it| Arc::strong_count(&it.turns) > 1);
            let it = busy.entry(key.to_owned()).or_default();
            it.leave.cancel();
            it.leave = CancellationToken::new();
            (Arc::clone(&it.turns), it.leave.clone())
        };
        Turn {
            guard: Arc::new(turns.lock_owned().await),
            leave,
        }
    }

    /// The folder, if there is one.
    fn folder(&self) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(self.root.folder(), OWN, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(folder.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The one with this key. Blocks.
    pub(super) fn find(&self, key: &str) -> Result<Option<Partial>> {
        let Some(folder) = self.folder()? else {
            return Ok(None);
        };
        for name in names(&folder)? {
            if let Some(total) = name.strip_prefix(key).and_then(|it| it.strip_prefix('.')) {
                let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = openat(&folder, &*name, flags, Mode::empty())?;
                return Ok(Some(Partial {
                    file: Arc::new(file.into()),
                    total: total.parse().ok(),
                    folder,
                    name,
                }));
            }
        }
        Ok(None)
    }

    /// A new one, unless there are so many already. Blocks.
    pub(super) fn create(&self, key: &str, total: Option<u64>, most: usize) -> Result<Partial> {
        match mkdirat(self.root.folder(), OWN, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder = self.folder()?;
        let folder = folder.ok_or_else(|| Fault::new(404, "the folder for uploads is gone"))?;
        if names(&folder)?.len() >= most {
            let why = "too many uploads are unfinished; finish or cancel some first";
            return Err(Fault::new(507, why));
        }
        let name = file_name(key, total);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, &*name, flags, Mode::from_raw_mode(0o666))?;
        Ok(Partial {
            file: Arc::new(file.into()),
            folder,
            name,
            total,
        })
    }

    /// Remove those that nobody has added to for so long; how many bytes that frees. Blocks.
    pub(super) fn expire(&self, keep: Duration) -> u64 {
        let Ok(Some(folder)) = self.folder() else {
            return 0;
        };
        let mut freed = 0;
        for name in names(&folder).unwrap_or_default() {
            let Ok(stat) = statat(&folder, &*name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if is_older(stat.st_mtime, keep) && unlinkat(&folder, &*name, AtFlags::empty()).is_ok()
            {
                freed += u64::try_from(stat.st_size).unwrap_or_default();
            }
        }
        freed
    }
}

impl Partial {
    pub(super) fn length(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Remember the length of the whole.
    pub(super) fn set_total(&mut self, total: u64) -> Result<()> {
        let key = self.name.split('.').next().unwrap_or_default();
        let name = file_name(key, Some(total));
        if self.total != Some(total) {
            rustix::fs::renameat(&self.folder, &*self.name, &self.folder, &*name)?;
            self.name = name;
            self.total = Some(total);
        }
        Ok(())
    }

    /// Give it its name.
    pub(super) fn publish(&self, folder: &File, name: &str, replaces: bool) -> io::Result<()> {
        move_to(&self.folder, &self.name, folder, name, replaces)
    }

    /// Its bytes are somewhere else by now.
    pub(super) fn forget(&self) -> io::Result<()> {
        Ok(unlinkat(&self.folder, &*self.name, AtFlags::empty())?)
    }

    /// It is not wanted any more. How many bytes that frees.
    pub(super) fn remove(self) -> Result<u64> {
        let length = self.length()?;
        self.forget()?;
        Ok(length)
    }
}

fn file_name(key: &str, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{key}.{total}"),
        None => format!("{key}.open"),
    }
}

fn names(folder: &File) -> Result<Vec<String>> {
    let entries = Dir::read_from(folder)?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().to_str().ok()?;
        (!name.starts_with('.')).then(|| name.to_owned())
    });
    Ok(names.collect())
}
