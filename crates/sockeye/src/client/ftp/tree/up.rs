//! A folder of ours, brought to a server.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;
use sockeye_data::ftp::{Entry, EntryKind, Precision, name_fault};

use super::down::{earliest, told_only};
use super::folder::{Folder, Found};
use super::jobs::{self, Job};
use super::{Counts, Event, PART, Sum, Tree, joined, part_name};
use crate::client::ftp::Ftp;
use crate::error::{Error, Kind, Result};

pub(super) async fn run(tree: &Tree, from: &Path) -> Result<Sum> {
    let root = Folder::open(from, false)?;
    let counts = Arc::new(Counts::default());
    let mut sending = Sending {
        tree,
        root: &root,
        base: tree.base()?,
        ftp: tree.session().await?,
        counts: &counts,
        jobs: VecDeque::new(),
        extra: Vec::new(),
        entries: 0,
    };
    let mut ahead = VecDeque::from([(Vec::new(), 0, sending.top().await?)]);
    while let Some((path, depth, is_there)) = ahead.pop_front() {
        tree.tell(&path, Event::Directory);
        Counts::add(&counts.directories, 1);
        for (below, is_there) in sending.directory(&path, is_there).await? {
            if depth < tree.depth {
                ahead.push_back((below, depth + 1, is_there));
            } else {
                sending.skip(&below, "it is too deep");
            }
        }
    }
    let Sending {
        ftp, jobs, extra, ..
    } = sending;
    let session = if tree.is_dry {
        for job in &jobs {
            told_only(tree, job, &counts);
        }
        Some(ftp)
    } else {
        jobs::run(
            tree,
            root.below(b"", false)?,
            ftp,
            jobs,
            Arc::clone(&counts),
        )
        .await?
    };
    if let Some(mut ftp) = session {
        if tree.delete {
            for (path, kind) in extra {
                remove(tree, &mut ftp, &path, kind, &counts).await;
            }
        }
        ftp.quit().await;
    }
    Ok(counts.sum())
}

struct Sending<'a> {
    tree: &'a Tree,
    root: &'a Folder,
    base: Vec<u8>,
    ftp: Ftp,
    counts: &'a Counts,
    jobs: VecDeque<Job>,
    /// What is only there.
    extra: Vec<(Vec<u8>, EntryKind)>,
    entries: usize,
}

impl Sending<'_> {
    fn skip(&self, path: &[u8], why: &str) {
        Counts::add(&self.counts.skipped, 1);
        self.tree.tell(path, Event::Skipped(why));
    }

    fn fail(&self, path: &[u8], error: &Error) {
        Counts::add(&self.counts.failed, 1);
        self.tree.tell(path, Event::Failed(error));
    }

    /// Whether the directory at the top is there; it is made if not, and those above it.
    async fn top(&mut self) -> Result<bool> {
        if self.base.is_empty() {
            return Ok(true);
        }
        let home = self.ftp.pwd().await?;
        let entered = self.ftp.cwd(&self.base).await;
        match entered {
            Ok(()) => self.ftp.cwd(&home).await.map(|()| true),
            Err(error) if error.kind() != Kind::Rejected => Err(error),
            Err(_) if self.tree.is_dry => Ok(false),
            Err(_) => {
                let ends = (1..self.base.len()).filter(|at| self.base[*at] == b'/');
                let ends: Vec<_> = ends.chain([self.base.len()]).collect();
                let mut made = Ok(());
                for end in ends {
                    // Those above may be there; that of the last one counts.
                    if self.base[..end].last() != Some(&b'/') {
                        made = self.ftp.mkdir(&self.base[..end]).await;
                    }
                }
                made.map(|()| true)
            }
        }
    }

    /// Compare one folder with its directory; those below it, and whether they are there.
    async fn directory(&mut self, path: &[u8], is_there: bool) -> Result<Vec<(Vec<u8>, bool)>> {
        let mut there: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
        if is_there {
            match self.ftp.list(&joined(&self.base, path)).await {
                Ok(entries) => {
                    there.extend(entries.into_iter().map(|it| (it.name.clone(), it)));
                }
                Err(error) if path.is_empty() || self.ftp.stream().is_none() => return Err(error),
                Err(error) => {
                    self.fail(path, &error);
                    return Ok(Vec::new());
                }
            }
        }
        let folder = self.root.below(path, false)?;
        let mut below = Vec::new();
        let names = folder.names()?;
        for name in &names {
            self.entries += 1;
            if self.entries > self.tree.entries {
                return Err(self.tree.too_many());
            }
            let child = joined(path, name);
            if let Some(fault) = name_fault(name) {
                self.skip(&child, &fault.to_string());
                continue;
            }
            let found = match folder.find(name) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    self.fail(&child, &error);
                    continue;
                }
            };
            let entry = there.get(name);
            match found.kind {
                FileType::Directory => {
                    if let Some(is_there) = self.enter(&child, entry).await? {
                        below.push((child, is_there));
                    }
                }
                FileType::RegularFile if name.ends_with(PART.as_bytes()) => {
                    self.skip(&child, "it is called like a file on its way");
                }
                FileType::RegularFile => {
                    let part = there.get(&part_name(name)).and_then(|it| it.size);
                    self.file(child, &found, entry, part).await?;
                }
                FileType::Symlink => self.skip(&child, "it is a link"),
                _ => self.skip(&child, "it is neither a file nor a folder"),
            }
        }
        let parts: Vec<_> = names.iter().map(|name| part_name(name)).collect();
        for (name, entry) in there {
            if !names.contains(&name) && !parts.contains(&name) && name_fault(&name).is_none() {
                self.extra.push((joined(path, &name), entry.kind));
            }
        }
        Ok(below)
    }

    /// Whether a directory is there, after making it; `None` if it cannot be.
    async fn enter(&mut self, path: &[u8], entry: Option<&Entry>) -> Result<Option<bool>> {
        match entry.map(|entry| entry.kind) {
            Some(EntryKind::Directory) => return Ok(Some(true)),
            Some(_) => {
                self.skip(path, "there, a file or a link has that name");
                return Ok(None);
            }
            None if self.tree.is_dry => return Ok(Some(false)),
            None => {}
        }
        match self.ftp.mkdir(&joined(&self.base, path)).await {
            // It is new, so there is nothing in it.
            Ok(()) => Ok(Some(false)),
            Err(error) if self.ftp.stream().is_none() => Err(error),
            Err(error) => {
                self.fail(path, &error);
                Ok(None)
            }
        }
    }

    async fn file(
        &mut self,
        path: Vec<u8>,
        here: &Found,
        entry: Option<&Entry>,
        part: Option<u64>,
    ) -> Result<()> {
        match entry {
            Some(entry) if entry.kind != EntryKind::File => {
                self.skip(&path, "there, a directory or a link has that name");
            }
            Some(entry) if self.is_as_here(&path, here, entry).await? => {
                Counts::add(&self.counts.unchanged, 1);
                self.tree.tell(&path, Event::Unchanged);
            }
            _ => self.jobs.push_back(Job::Send(path, part)),
        }
        Ok(())
    }

    /// Whether the file of the server has the same size, and is not older.
    async fn is_as_here(&mut self, path: &[u8], here: &Found, there: &Entry) -> Result<bool> {
        if there.size != Some(here.size) {
            return Ok(false);
        }
        let listed = there.modified;
        if let Some(modified) = listed.filter(|it| it.precision == Precision::Second) {
            return Ok(modified.seconds + 2 >= here.modified);
        }
        // A listing for people has the zone of the server; this is exact.
        match self.ftp.modified(&joined(&self.base, path)).await {
            Ok(seconds) => Ok(seconds + 2 >= here.modified),
            Err(error) if error.kind() == Kind::Rejected => {
                Ok(listed.is_none_or(|it| earliest(it) + 86_400 >= here.modified))
            }
            Err(error) => Err(error),
        }
    }
}

/// Remove something on the server, with all that it holds.
async fn remove(tree: &Tree, ftp: &mut Ftp, path: &[u8], kind: EntryKind, counts: &Counts) {
    let removed = match (tree.is_dry, tree.base()) {
        (true, _) => Ok(()),
        (false, Ok(base)) => empty(ftp, joined(&base, path), kind, tree.depth).await,
        (false, Err(error)) => Err(error),
    };
    match removed {
        Ok(()) => {
            Counts::add(&counts.removed, 1);
            tree.tell(path, Event::Removed);
        }
        Err(error) => {
            Counts::add(&counts.failed, 1);
            tree.tell(path, Event::Failed(&error));
        }
    }
}

async fn empty(ftp: &mut Ftp, top: Vec<u8>, kind: EntryKind, depth: usize) -> Result<()> {
    if kind != EntryKind::Directory {
        return ftp.delete(&top).await;
    }
    // Directories in the order in which they were found; they are removed in the other.
    let mut directories = vec![(top, 0)];
    let mut next = 0;
    while let Some((path, level)) = directories.get(next).cloned() {
        next += 1;
        for entry in ftp.list(&path).await? {
            // What has an impossible name stays, and so does the directory.
            if name_fault(&entry.name).is_some() {
                continue;
            }
            let below = joined(&path, &entry.name);
            match entry.kind {
                EntryKind::Directory if level < depth => directories.push((below, level + 1)),
                EntryKind::Directory => {}
                _ => ftp.delete(&below).await?,
            }
        }
    }
    for (path, _) in directories.iter().rev() {
        ftp.rmdir(path).await?;
    }
    Ok(())
}
