//! One file by itself, with the same care as those of a tree.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use sockeye_data::ftp::{Modified, Precision};

use super::folder::Folder;
use super::moving::{self, Moving};
use super::{Event, part_name};
use crate::client::download::{Existing, numbered};
use crate::client::ftp::Ftp;
use crate::error::{Error, Kind, Operation, Result};

/// The most names that are tried: `NAME`, `NAME (1)` and so on.
const MOST_NAMES: u32 = 10_000;

impl Ftp {
    /// Save a file of the server as this one. It is called `NAME.sockeye-part` until it is complete, and a part that is there is
    /// gone on with if its last bytes are the same; with [`Existing::Continue`], so is a file of that name. What it is called
    /// in the end; `None` if it was passed over.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::get`], and those of the file.
    ///
    /// # Cancel safety
    ///
    /// The part stays, and is gone on with the next time.
    pub async fn save(
        &mut self,
        path: impl AsRef<[u8]>,
        to: &Path,
        existing: Existing,
        mut told: impl FnMut(Event<'_>),
    ) -> Result<Option<PathBuf>> {
        let (parent, name) = parts(to)?;
        let folder = Folder::open(parent, false)?;
        let Some(name) = free(&folder, name, existing)? else {
            return Ok(None);
        };
        let path = path.as_ref();
        let size = known(self.size(path).await)?;
        let modified = known(self.modified(path).await)?.map(|seconds| Modified {
            seconds,
            precision: Precision::Second,
        });
        if existing == Existing::Continue {
            let part = part_name(&name);
            let is_file = |name| match folder.find(name) {
                Ok(found) => Ok(found.is_some_and(|it| it.kind == FileType::RegularFile)),
                Err(error) => Err(error),
            };
            if is_file(&name)? && !is_file(&part)? {
                folder.rename(&name, &part)?;
            }
        }
        let told = |moving| match moving {
            Moving::From(offset) => told(Event::Begun { size, offset }),
            Moving::More(bytes) => told(Event::Moved(bytes)),
        };
        moving::receive(self, path, &folder, &name, (size, modified), told).await?;
        Ok(Some(folder.path(&name)))
    }
}

impl Ftp {
    /// Send the rest of a file, of which the server has the start: how many bytes were sent. Its last bytes there are compared
    /// first; what is not there at all is sent from the start.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::put_from`], and those of the file; [`Kind::Denied`] if the server's file is no start of ours.
    ///
    /// # Cancel safety
    ///
    /// What came so far stays there, and can be gone on with.
    pub async fn send_rest(&mut self, path: impl AsRef<[u8]>, from: &Path) -> Result<u64> {
        let path = path.as_ref();
        let local = |error| Error::from_io(Operation::Open, error).about(from.display());
        let file = File::open(from).map_err(local)?;
        let length = file.metadata().map_err(local)?.len();
        let there = known(self.size(path).await)?.unwrap_or(0);
        let is_start = there <= length
            && (there == 0 || moving::is_same_there(self, path, &file, there).await?);
        if !is_start {
            let why = "the file of the server is no start of ours";
            return Err(Error::new(Kind::Denied, Operation::Fetch, why).about(self.subject(path)));
        }
        let mut sent = 0;
        if there > 0 && there == length {
            return Ok(sent);
        }
        let mut told = |moving| {
            if let Moving::More(bytes) = moving {
                sent += bytes;
            }
        };
        moving::push(self, path, &file, there, &mut told).await?;
        Ok(sent)
    }
}

/// The folder of a path and the name in it.
pub(super) fn parts(path: &Path) -> Result<(&Path, &[u8])> {
    let Some(name) = path.file_name() else {
        let why = "that is no name of a file";
        return Err(Error::new(Kind::Usage, Operation::Open, why).about(path.display()));
    };
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")), name.as_bytes()))
}

/// The name that may be used.
fn free(folder: &Folder, name: &[u8], existing: Existing) -> Result<Option<Vec<u8>>> {
    match folder.find(name)? {
        Some(found) if found.kind == FileType::Directory => {
            let why = "it is a directory";
            let path = folder.path(name);
            return Err(Error::new(Kind::Denied, Operation::Open, why).about(path.display()));
        }
        None => return Ok(Some(name.to_vec())),
        Some(_) => {}
    }
    match existing {
        Existing::Skip => Ok(None),
        Existing::Number => {
            for number in 1..MOST_NAMES {
                let name = match std::str::from_utf8(name) {
                    Ok(name) => numbered(name, number).into_bytes(),
                    Err(_) => [name, format!(" ({number})").as_bytes()].concat(),
                };
                if folder.find(&name)?.is_none() {
                    return Ok(Some(name));
                }
            }
            let why = "all names like it are taken";
            let path = folder.path(name);
            Err(Error::new(Kind::InUse, Operation::Open, why).about(path.display()))
        }
        _ => Ok(Some(name.to_vec())),
    }
}

/// What the server tells, if it does.
fn known<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(known) => Ok(Some(known)),
        Err(error) if error.kind() == Kind::Rejected => Ok(None),
        Err(error) => Err(error),
    }
}
