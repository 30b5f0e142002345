//! A file on its way: `NAME.part` with its sidecar `NAME.part.json`, which becomes `NAME` when it is complete.
//!
//! Bytes are written before the sidecar says that they are there, and the sidecar is replaced in one step: a process that is killed at
//! any point leaves a pair that is true. (After a loss of power it may say more than the disk holds: nothing is flushed for it;
//! a checksum tells.)

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FallocateFlags, Timespec, Timestamps};

use super::answer::Version;
use super::folder::{Folder, failed, hold};
use super::sidecar::{LARGEST, Sidecar};
use super::spans::Spans;
use crate::client::sink::Sink;
use crate::error::{Error, Kind, Operation, Result};

/// The most names that are tried: `NAME`, `NAME (1)` and so on.
const MOST_NAMES: u32 = 10_000;
/// From this length on room is made beforehand, in bytes.
const ROOM_FROM: u64 = 1 << 20;

/// What happens if there is a file of that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// The new one gets a number: `NAME (1)`.
    #[default]
    Number,
    /// The new one takes its place, once it is complete.
    Overwrite,
    /// Nothing is fetched.
    Skip,
    /// It is the start of what is fetched, and fetching goes on at its end.
    Continue,
}

/// What came of looking for a place.
pub(crate) enum Claim {
    /// A new file, of which nothing is there.
    Fresh(Part),
    /// A part of it is there.
    Begun(Part),
    /// A file that another program made is there, and may be the start of it.
    Foreign(Part),
    /// There is such a file, and it shall stay as it is.
    Exists(PathBuf),
}

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Part {
    folder: Arc<Folder>,
    name: String,
    /// The names that come after `name`, if it is taken by then.
    wanted: String,
    existing: Existing,
    file: Arc<File>,
    pub(crate) sidecar: Sidecar,
    /// How many bytes were there when it was claimed.
    begun: u64,
    /// Whether something was written since, so that it is worth keeping.
    has_sidecar: bool,
}

impl Part {
    /// Find a place for a file of this name. What is there already is gone on with if `is_ours` says so of its sidecar. Without
    /// `fresh` no file is made.
    ///
    /// # Errors
    ///
    /// Those of the system, with the path; [`Kind::InUse`] if another process is at work on it.
    pub(crate) fn claim(
        folder: &Arc<Folder>,
        wanted: &str,
        existing: Existing,
        fresh: Option<&Sidecar>,
        is_ours: impl Fn(&Sidecar) -> bool,
    ) -> Result<Option<Claim>> {
        for number in 0..MOST_NAMES {
            let name = numbered(wanted, number);
            let found = folder.find(&name)?;
            if let Some(found) = found {
                match existing {
                    Existing::Skip => return Ok(Some(Claim::Exists(folder.path(&name)))),
                    Existing::Continue if found.is_file && number == 0 => {
                        return Self::adopt(folder.clone(), wanted).map(Some);
                    }
                    Existing::Overwrite if found.is_file => {}
                    Existing::Overwrite if found.is_folder => {
                        return Err(Error::new(Kind::Io, Operation::Open, "it is a folder")
                            .about(folder.path(&name).display()));
                    }
                    _ => continue,
                }
            }
            let beside = part_name(&name);
            let claim = |file, sidecar: Sidecar, has_sidecar| Self {
                folder: folder.clone(),
                begun: sidecar.done.total(),
                name: name.clone(),
                wanted: wanted.to_owned(),
                existing,
                file: Arc::new(file),
                sidecar,
                has_sidecar,
            };
            match fresh {
                None if folder.find(&beside)?.is_none() => return Ok(None),
                None => {}
                Some(fresh) => {
                    if let Some(file) = folder.create(&beside)? {
                        if !hold(&file) {
                            continue;
                        }
                        let part = claim(file, fresh.clone(), false);
                        return Ok(Some(Claim::Fresh(part)));
                    }
                }
            }
            let Some(file) = folder.reopen(&beside)?.filter(hold) else {
                continue;
            };
            let length = file.metadata().map_or(0, |it| it.len());
            let said = folder.read(&sidecar_name(&name), LARGEST);
            match said.and_then(|said| Sidecar::read(&said, length)) {
                Some(sidecar) if is_ours(&sidecar) => {
                    let part = claim(file, sidecar, true);
                    return Ok(Some(Claim::Begun(part)));
                }
                // Killed between its first step and its second: there is nothing in it.
                None if length == 0 => {
                    let Some(fresh) = fresh else { return Ok(None) };
                    let part = claim(file, fresh.clone(), false);
                    return Ok(Some(Claim::Fresh(part)));
                }
                // A partial file of ours, of something else; who says that it may be overwritten means this too.
                Some(_) if existing == Existing::Overwrite && fresh.is_some() => {
                    let Some(fresh) = fresh else { return Ok(None) };
                    let mut part = claim(file, fresh.clone(), true);
                    part.restart(fresh.clone())?;
                    return Ok(Some(Claim::Fresh(part)));
                }
                _ => {}
            }
        }
        Err(Error::new(
            Kind::InUse,
            Operation::Open,
            "there are too many files of that name",
        )
        .about(folder.path(wanted).display()))
    }

    /// Go on with a file that another program began, or that is complete.
    fn adopt(folder: Arc<Folder>, name: &str) -> Result<Claim> {
        let taken = || {
            Error::new(
                Kind::InUse,
                Operation::Open,
                "a partial file is beside it, so it is not clear which to go on with",
            )
            .about(folder.path(&part_name(name)).display())
            .with_hint("remove one of the two")
        };
        let file = folder.reopen(name)?.filter(hold).ok_or_else(|| {
            Error::new(
                Kind::InUse,
                Operation::Open,
                "it is no file that can be gone on with",
            )
            .about(folder.path(name).display())
        })?;
        if folder.find(&part_name(name))?.is_some() {
            return Err(taken());
        }
        let length = file.metadata().map_or(0, |it| it.len());
        let mut sidecar = Sidecar::new(String::new(), Version::default(), None);
        sidecar.done = Spans::up_to(length);
        Ok(Claim::Foreign(Self {
            begun: length,
            name: name.to_owned(),
            wanted: name.to_owned(),
            existing: Existing::Continue,
            file: Arc::new(file),
            sidecar,
            has_sidecar: false,
            folder,
        }))
    }

    /// A file that another program made becomes a partial one: from now on it is ours.
    pub(crate) fn take_over(&mut self) -> Result<()> {
        self.save()?;
        if self
            .folder
            .rename(&self.name, &part_name(&self.name), false)?
        {
            return Ok(());
        }
        self.folder.remove(&sidecar_name(&self.name));
        Err(Error::new(
            Kind::InUse,
            Operation::Open,
            "another program is at work on it",
        )
        .about(self.folder.path(&self.name).display()))
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path(&self.name)
    }

    /// Where it is as long as it is not complete.
    pub(crate) fn part_path(&self) -> PathBuf {
        self.folder.path(&part_name(&self.name))
    }

    /// How many bytes were there when it was claimed.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// When the file was last changed, in seconds since 1970.
    pub(crate) fn changed(&self) -> i64 {
        let changed = self.file.metadata().and_then(|it| it.modified());
        let since = changed
            .ok()
            .and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Write its start.
    pub(crate) fn begin(&self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(bytes, 0);
        written.map_err(|error| failed(Operation::Write, error, &self.part_path()))
    }

    /// The file itself, to be written at positions.
    pub(crate) fn writer(&self) -> Writer {
        Writer {
            file: self.file.clone(),
            path: self.part_path(),
        }
    }

    /// Forget what is there; from now on it is this version of the file.
    pub(crate) fn restart(&mut self, fresh: Sidecar) -> Result<()> {
        self.begun = 0;
        self.sidecar = fresh;
        if self.has_sidecar {
            // First it is said that nothing is there, then nothing is there.
            self.save()?;
        }
        self.file
            .set_len(0)
            .map_err(|error| failed(Operation::Write, error, &self.part_path()))
    }

    /// Make room for the whole file, so that a full disk shows before hours of fetching.
    pub(crate) fn make_room(&self, length: u64) -> Result<()> {
        const TMPFS: rustix::fs::FsWord = 0x0102_1994;
        if length < ROOM_FROM {
            return Ok(());
        }
        let there = self.file.metadata().map_or(0, |it| it.len());
        if length <= there {
            return Ok(());
        }
        // Memory that is made room in is written twice.
        let is_memory = rustix::fs::fstatfs(&*self.file).is_ok_and(|it| it.f_type == TMPFS);
        if is_memory {
            let free =
                rustix::fs::fstatvfs(&*self.file).map(|it| it.f_bavail.saturating_mul(it.f_frsize));
            if free.is_ok_and(|free| free > 0 && free < length - there) {
                let full = io::Error::from_raw_os_error(nix::libc::ENOSPC);
                return Err(failed(Operation::Write, full, &self.part_path()));
            }
            return Ok(());
        }
        match rustix::fs::fallocate(&*self.file, FallocateFlags::KEEP_SIZE, 0, length) {
            Err(
                error @ (rustix::io::Errno::NOSPC
                | rustix::io::Errno::DQUOT
                | rustix::io::Errno::FBIG),
            ) => Err(failed(Operation::Write, error.into(), &self.part_path())),
            _ => Ok(()),
        }
    }

    /// Say what is there. Call it after the bytes were written.
    pub(crate) fn save(&mut self) -> Result<()> {
        self.folder
            .put(&sidecar_name(&self.name), &self.sidecar.write())?;
        self.has_sidecar = true;
        Ok(())
    }

    /// Say what is there, even if the disk is full: then the end of it makes room.
    pub(crate) fn save_at_last(&mut self) {
        const ROOM: u64 = 128 << 10;
        if self.save().is_ok() {
            return;
        }
        let length = self.file.metadata().map_or(0, |it| it.len());
        let end = length.saturating_sub(ROOM);
        if self.file.set_len(end).is_ok() {
            self.sidecar.done.cut(end);
            // What was said before may say more than is there now; it is believed only as far as the file goes.
            drop(self.save());
        }
    }

    /// It is complete, this long, and was changed then: give it its name.
    pub(crate) fn finish(self, length: u64, changed: Option<i64>) -> Result<PathBuf> {
        let broken = |error| failed(Operation::Write, error, &self.part_path());
        if self.file.metadata().map_err(broken)?.len() != length {
            self.file.set_len(length).map_err(broken)?;
        }
        self.name_it(changed)
    }

    /// It is complete as it is, and was changed then: give it its name.
    pub(crate) fn name_it(self, changed: Option<i64>) -> Result<PathBuf> {
        if let Some(seconds) = changed {
            let at = Timespec {
                tv_sec: seconds,
                tv_nsec: 0,
            };
            let times = Timestamps {
                last_access: Timespec {
                    tv_sec: 0,
                    tv_nsec: rustix::fs::UTIME_OMIT,
                },
                last_modification: at,
            };
            // The time of a file is a courtesy.
            let _ = rustix::fs::futimens(&*self.file, &times);
        }
        let replace = self.existing == Existing::Overwrite;
        let from = part_name(&self.name);
        let mut name = self.name.clone();
        let mut number = 0;
        // Somebody may have taken the name meanwhile.
        while !self.folder.rename(&from, &name, replace)? {
            number += 1;
            if number > MOST_NAMES {
                return Err(Error::new(
                    Kind::InUse,
                    Operation::Write,
                    "its name was taken meanwhile",
                )
                .about(self.path().display()));
            }
            name = numbered(&self.wanted, number);
        }
        if self.has_sidecar {
            self.folder.remove(&sidecar_name(&self.name));
        }
        Ok(self.folder.path(&name))
    }

    /// It came to nothing: leave nothing behind.
    pub(crate) fn discard(self) {
        if self.existing == Existing::Continue && !self.has_sidecar {
            return;
        }
        self.folder.remove(&sidecar_name(&self.name));
        self.folder.remove(&part_name(&self.name));
    }

    /// What is there is wrong, and has to be looked at: it keeps its name with `.part`, and nothing goes on with it by itself.
    pub(crate) fn condemn(self) -> PathBuf {
        self.folder.remove(&sidecar_name(&self.name));
        self.part_path()
    }
}

/// Writes at positions; clones write the same file.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    file: Arc<File>,
    path: PathBuf,
}

impl Writer {
    /// What writes from this byte on.
    pub(crate) fn sink(&self, at: u64) -> Result<Sink> {
        let file = self
            .file
            .try_clone()
            .map_err(|error| failed(Operation::Open, error, &self.path))?;
        Sink::at(file, at)
    }

    /// A failure to write, with the path of the file and what to do.
    pub(crate) fn failed(&self, error: Error) -> Error {
        match error.os_code() {
            Some(code) => failed(
                Operation::Write,
                io::Error::from_raw_os_error(code),
                &self.path,
            ),
            None => error.about(self.path.display()),
        }
    }

    /// Read as many bytes as fit from this position; fewer at the end of the file.
    pub(crate) fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.file.read_at(&mut into[read..], at + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

/// How often a sidecar is written anew while bytes come.
pub(crate) const SAVE_EVERY: Duration = Duration::from_millis(250);

fn part_name(name: &str) -> String {
    format!("{name}.part")
}

fn sidecar_name(name: &str) -> String {
    format!("{name}.part.json")
}

/// `name`, `name (1)`, `a (2).txt`: the number stands before the ending.
pub(in crate::client) fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    match name.rfind('.') {
        Some(dot) if dot > 0 => {
            let (mut stem, mut ending) = name.split_at(dot);
            if let Some(stem_of_tar) = stem.strip_suffix(".tar") {
                (stem, ending) = (stem_of_tar, &name[stem_of_tar.len()..]);
            }
            format!("{stem} ({number}){ending}")
        }
        _ => format!("{name} ({number})"),
    }
}

#[cfg(test)]
mod tests;
