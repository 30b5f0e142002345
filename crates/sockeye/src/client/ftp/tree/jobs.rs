//! Several sessions at work on one list of files.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::folder::Folder;
use super::moving::{self, Moving};
use super::walk::RemoteFile;
use super::{Counts, Event, Tree, joined, split};
use crate::client::ftp::Ftp;
use crate::error::{Error, Kind, Operation, Result};

/// How often a file is tried on a new session when one broke.
const TRIES: usize = 3;

/// A file that is to be moved.
#[derive(Debug)]
pub(super) enum Job {
    /// From the server; the directory below the tree.
    Receive(Vec<u8>, RemoteFile),
    /// To the server: the path below the tree, and how much of it is there.
    Send(Vec<u8>, Option<u64>),
}

impl Job {
    fn path(&self) -> Vec<u8> {
        match self {
            Self::Receive(directory, file) => joined(directory, &file.name),
            Self::Send(path, _) => path.clone(),
        }
    }
}

/// What all sessions share.
struct Shared {
    tree: Tree,
    root: Folder,
    base: Vec<u8>,
    counts: Arc<Counts>,
    jobs: Mutex<VecDeque<Job>>,
}

/// Move all of these files. The session is one of those at work, and comes back if it is whole.
pub(super) async fn run(
    tree: &Tree,
    root: Folder,
    ftp: Ftp,
    jobs: VecDeque<Job>,
    counts: Arc<Counts>,
) -> Result<Option<Ftp>> {
    let sessions = tree.connections.min(jobs.len()).max(1);
    let shared = Arc::new(Shared {
        tree: tree.clone(),
        root,
        base: tree.base()?,
        counts,
        jobs: Mutex::new(jobs),
    });
    // Those that are still at work when this is dropped are stopped with it.
    let mut others = JoinSet::new();
    for _ in 1..sessions {
        let shared = Arc::clone(&shared);
        others.spawn(async move {
            // A server that takes no more sessions leaves the work to the others.
            if let Ok(ftp) = shared.tree.session().await
                && let Some(ftp) = work(&shared, Some(ftp)).await
            {
                ftp.quit().await;
            }
        });
    }
    let ftp = work(&shared, Some(ftp)).await;
    while others.join_next().await.is_some() {}
    Ok(ftp)
}

async fn work(shared: &Shared, mut session: Option<Ftp>) -> Option<Ftp> {
    loop {
        let job = shared
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(job) = job else {
            return session;
        };
        let path = job.path();
        let mut tries = 0;
        let moved = loop {
            tries += 1;
            let moved = attempt(shared, &mut session, &job, &path).await;
            let is_whole = session.as_ref().is_some_and(|ftp| ftp.stream().is_some());
            match moved {
                Err(error) if tries < TRIES && (!is_whole || error.kind() == Kind::Lost) => {
                    session = None;
                }
                moved => break moved,
            }
        };
        match moved {
            Ok(()) => {
                Counts::add(&shared.counts.moved, 1);
                shared.tree.tell(&path, Event::Done);
            }
            Err(error) => {
                Counts::add(&shared.counts.failed, 1);
                shared.tree.tell(&path, Event::Failed(&error));
            }
        }
    }
}

async fn attempt(shared: &Shared, session: &mut Option<Ftp>, job: &Job, path: &[u8]) -> Result<()> {
    let ftp = match session {
        Some(ftp) => ftp,
        None => session.insert(shared.tree.session().await?),
    };
    let remote = joined(&shared.base, path);
    let (directory, name) = split(path);
    let size = match job {
        Job::Receive(_, file) => file.size,
        Job::Send(..) => None,
    };
    let told = |moving: Moving| match moving {
        Moving::From(offset) => shared.tree.tell(path, Event::Begun { size, offset }),
        Moving::More(bytes) => {
            Counts::add(&shared.counts.bytes, bytes);
            shared.tree.tell(path, Event::Moved(bytes));
        }
    };
    match job {
        Job::Receive(_, file) => {
            let folder = shared.root.below(directory, true)?;
            let facts = (file.size, file.modified);
            moving::receive(ftp, &remote, &folder, name, facts, told).await
        }
        Job::Send(_, part) => {
            let folder = shared.root.below(directory, false)?;
            if folder.find(name)?.is_none() {
                let why = "it is gone";
                return Err(Error::new(Kind::Io, Operation::Open, why));
            }
            moving::send(ftp, &remote, &folder, name, *part, told).await
        }
    }
}
