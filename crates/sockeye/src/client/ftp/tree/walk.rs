//! What there is on a server: its directories, one after the other, and of what they hold only what may be used.

use std::collections::{BTreeSet, HashSet, VecDeque};

use sockeye_data::ftp::{Entry, EntryKind, Modified, name_fault};

use super::{Counts, Event, PART, Tree, joined};
use crate::client::ftp::Ftp;
use crate::error::Result;

/// One directory of a server.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Where it is below the tree, with slashes.
    pub(super) path: Vec<u8>,
    pub(super) files: Vec<RemoteFile>,
    /// Everything that is called something there, usable or not.
    pub(super) names: BTreeSet<Vec<u8>>,
    /// Whether all of it is known. If not, what is not listed may exist all the same.
    pub(super) is_complete: bool,
}

/// A file of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteFile {
    pub(super) name: Vec<u8>,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<Modified>,
}

/// A walk through the directories of a server.
struct Walk<'a> {
    tree: &'a Tree,
    counts: &'a Counts,
    /// Paths below the tree, and how deep they are.
    ahead: VecDeque<(Vec<u8>, usize)>,
    seen: HashSet<String>,
    entries: usize,
}

/// Look through all directories, the top one first.
///
/// # Errors
///
/// Those of the top directory; a session that breaks; [`Kind::Protocol`](crate::Kind::Protocol) if there is too much. A directory
/// further down that cannot be listed is told and counted.
pub(super) async fn walk(
    tree: &Tree,
    ftp: &mut Ftp,
    base: &[u8],
    counts: &Counts,
) -> Result<Vec<Directory>> {
    let mut walk = Walk {
        tree,
        counts,
        ahead: VecDeque::from([(Vec::new(), 0)]),
        seen: HashSet::new(),
        entries: 0,
    };
    if let Ok(Some(Entry {
        unique: Some(unique),
        ..
    })) = ftp.entry(base).await
    {
        walk.seen.insert(unique);
    }
    let mut directories = Vec::new();
    while let Some((path, depth)) = walk.ahead.pop_front() {
        tree.tell(&path, Event::Directory);
        match ftp.list_lines(&joined(base, &path)).await {
            Ok(listing) => {
                Counts::add(&counts.directories, 1);
                let is_complete = listing.unknown().is_empty();
                let entries = listing.into_entries();
                directories.push(walk.directory(path, depth, entries, is_complete)?);
            }
            Err(error) if depth == 0 || ftp.stream().is_none() => return Err(error),
            Err(error) => {
                Counts::add(&counts.failed, 1);
                tree.tell(&path, Event::Failed(&error));
                directories.push(Directory {
                    path,
                    ..Directory::default()
                });
            }
        }
    }
    Ok(directories)
}

impl Walk<'_> {
    fn directory(
        &mut self,
        path: Vec<u8>,
        depth: usize,
        entries: Vec<Entry>,
        is_complete: bool,
    ) -> Result<Directory> {
        let mut directory = Directory {
            path,
            is_complete,
            ..Directory::default()
        };
        for entry in entries {
            self.entries += 1;
            if self.entries > self.tree.entries {
                return Err(self.tree.too_many());
            }
            let below = joined(&directory.path, &entry.name);
            let is_twice = !directory.names.insert(entry.name.clone());
            if let Some(why) = self.fault(&entry, depth, is_twice) {
                Counts::add(&self.counts.skipped, 1);
                self.tree.tell(&below, Event::Skipped(&why));
            } else if entry.kind == EntryKind::Directory {
                self.ahead.push_back((below, depth + 1));
            } else {
                directory.files.push(RemoteFile {
                    name: entry.name,
                    size: entry.size,
                    modified: entry.modified,
                });
            }
        }
        Ok(directory)
    }

    /// Why this entry is not used.
    fn fault(&mut self, entry: &Entry, depth: usize, is_twice: bool) -> Option<String> {
        if let Some(fault) = name_fault(&entry.name) {
            return Some(fault.to_string());
        }
        let why = match entry.kind {
            _ if is_twice => "the server lists it twice",
            EntryKind::File if entry.name.ends_with(PART.as_bytes()) => {
                "it is called like a file on its way"
            }
            EntryKind::File => return None,
            EntryKind::Link => "it is a link",
            EntryKind::Other => "it is neither a file nor a directory",
            EntryKind::Directory if depth >= self.tree.depth => "it is too deep",
            EntryKind::Directory => match &entry.unique {
                Some(unique) if !self.seen.insert(unique.clone()) => {
                    "it is a directory that was seen already"
                }
                _ => return None,
            },
        };
        Some(why.to_owned())
    }
}
