//! A directory of a server, brought here.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;
use sockeye_data::ftp::{Modified, Precision};

use super::folder::{Folder, Found};
use super::jobs::{self, Job};
use super::walk::{Directory, RemoteFile, walk};
use super::{Counts, Event, Sum, Tree, joined, part_name};
use crate::error::{Kind, Result};

pub(super) async fn run(tree: &Tree, into: &Path) -> Result<Sum> {
    let counts = Arc::new(Counts::default());
    let base = tree.base()?;
    let mut ftp = tree.session().await?;
    let directories = walk(tree, &mut ftp, &base, &counts).await?;
    let root = match Folder::open(into, !tree.is_dry) {
        Ok(root) => Some(root),
        // What is not there is empty, if nothing is to be made.
        Err(error) if tree.is_dry && error.kind() == Kind::Io => None,
        Err(error) => return Err(error),
    };
    let mut jobs = VecDeque::new();
    for directory in &directories {
        plan(tree, root.as_ref(), directory, &counts, &mut jobs);
    }
    let session = match &root {
        _ if tree.is_dry => {
            for job in &jobs {
                told_only(tree, job, &counts);
            }
            Some(ftp)
        }
        Some(root) => {
            jobs::run(
                tree,
                root.below(b"", false)?,
                ftp,
                jobs,
                Arc::clone(&counts),
            )
            .await?
        }
        None => Some(ftp),
    };
    if let (true, Some(root)) = (tree.delete, &root) {
        for directory in &directories {
            remove(tree, root, directory, &counts);
        }
    }
    if let Some(ftp) = session {
        ftp.quit().await;
    }
    Ok(counts.sum())
}

/// What of this directory has to come.
fn plan(
    tree: &Tree,
    root: Option<&Folder>,
    directory: &Directory,
    counts: &Counts,
    jobs: &mut VecDeque<Job>,
) {
    let folder = match root.map(|root| root.below(&directory.path, !tree.is_dry)) {
        Some(Ok(folder)) => Some(folder),
        None => None,
        // In a dry run it may be missing.
        Some(Err(_)) if tree.is_dry => None,
        Some(Err(error)) => {
            Counts::add(&counts.failed, 1);
            return tree.tell(&directory.path, Event::Failed(&error));
        }
    };
    for file in &directory.files {
        let path = joined(&directory.path, &file.name);
        let here = match folder.as_ref().map(|folder| folder.find(&file.name)) {
            None => None,
            Some(Ok(here)) => here,
            Some(Err(error)) => {
                Counts::add(&counts.failed, 1);
                tree.tell(&path, Event::Failed(&error));
                continue;
            }
        };
        match here {
            Some(here) if here.kind != FileType::RegularFile => {
                Counts::add(&counts.skipped, 1);
                let why = "here, a folder or a link has that name";
                tree.tell(&path, Event::Skipped(why));
            }
            Some(here) if is_as_there(&here, file) => {
                Counts::add(&counts.unchanged, 1);
                tree.tell(&path, Event::Unchanged);
            }
            _ => jobs.push_back(Job::Receive(directory.path.clone(), file.clone())),
        }
    }
}

/// Whether a file is as on the server: it has the same size, and is not older.
fn is_as_there(here: &Found, there: &RemoteFile) -> bool {
    let is_as_new = there
        .modified
        .is_none_or(|it| here.modified >= earliest(it));
    there.size == Some(here.size) && is_as_new
}

/// When something was last changed at the earliest.
pub(super) fn earliest(modified: Modified) -> i64 {
    // File systems may round to two seconds; the zone of a server does not change between two runs, and its day may be
    // written instead of its minute in between.
    modified.seconds
        - match modified.precision {
            Precision::Second => 2,
            Precision::Minute => 60,
            Precision::Day => 0,
        }
}

pub(super) fn told_only(tree: &Tree, job: &Job, counts: &Counts) {
    let path = match job {
        Job::Receive(directory, file) => joined(directory, &file.name),
        Job::Send(path, _) => path.clone(),
    };
    Counts::add(&counts.moved, 1);
    tree.tell(&path, Event::Done);
}

/// Remove what is in a folder and not in its directory, if all of that is known.
fn remove(tree: &Tree, root: &Folder, directory: &Directory, counts: &Counts) {
    if !directory.is_complete {
        return;
    }
    let Ok(folder) = root.below(&directory.path, false) else {
        return;
    };
    let parts: BTreeSet<Vec<u8>> = directory
        .files
        .iter()
        .map(|it| part_name(&it.name))
        .collect();
    let names = match folder.names() {
        Ok(names) => names,
        Err(error) => {
            Counts::add(&counts.failed, 1);
            return tree.tell(&directory.path, Event::Failed(&error));
        }
    };
    for name in names {
        if directory.names.contains(&name) || parts.contains(&name) {
            continue;
        }
        let path = joined(&directory.path, &name);
        let removed = match tree.is_dry {
            true => Ok(()),
            false => folder.remove(&name, tree.depth),
        };
        match removed {
            Ok(()) => {
                Counts::add(&counts.removed, 1);
                tree.tell(&path, Event::Removed);
            }
            Err(error) => {
                Counts::add(&counts.failed, 1);
                tree.tell(&path, Event::Failed(&error));
            }
        }
    }
}
