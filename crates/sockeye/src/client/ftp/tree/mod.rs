//! Whole trees: a directory of a server brought here, or a folder of ours brought there.
//!
//! Names come from strangers. None of them leads out of the folder: it is held open, each step below it is one name that follows no
//! link, and what [`name_fault`](super::name_fault) finds is passed over and told. Links of the server are passed over too, and a
//! directory that was seen already, where the server lets us know. Nothing is removed unless [`Tree::delete`] says so.
//!
//! A file is fetched if it is missing, has another size, or is newer there. It comes under another name, `NAME.sockeye-part`, and
//! gets its own when it is complete; a part that an earlier run left is gone on with if its last bytes are the same as there.
//!
//! ```no_run
//! use std::path::Path;
//! use sockeye::Net;
//! use sockeye::client::ftp::{Settings, tree::Tree};
//!
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "ftp://ftp.example.org/pub/docs/".parse()?;
//! let tree = Tree::new(Net::new(), url, Settings::new());
//! let sum = tree.fetch(Path::new("docs")).await?;
//! println!("{} files came, {} were as before, {} were passed over", sum.moved, sum.unchanged, sum.skipped);
//! # Ok(()) }
//! ```

mod down;
mod folder;
mod jobs;
mod moving;
mod single;
mod up;
mod walk;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_data::url::Url;

use super::path::UrlPath;
use super::session::Ftp;
use super::settings::Settings;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// What files are called while they are on their way.
pub const PART: &str = ".sockeye-part";

/// What happens to one file or directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A directory is looked through.
    Directory,
    /// It is as it should be.
    Unchanged,
    /// It begins to move: its size, and how much of it is there already.
    Begun {
        /// The size in bytes, if it is known.
        size: Option<u64>,
        /// How many bytes an earlier run has moved.
        offset: u64,
    },
    /// So many bytes more have moved.
    Moved(u64),
    /// It is complete. In a dry run: it would have been moved.
    Done,
    /// It is passed over, for this reason.
    Skipped(&'a str),
    /// It was removed. In a dry run: it would have been.
    Removed,
    /// It went wrong; the others go on.
    Failed(&'a Error),
}

type Listener = dyn Fn(&[u8], Event<'_>) + Send + Sync;

/// What came of it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sum {
    /// Directories that were looked through.
    pub directories: u64,
    /// Files that were moved; in a dry run, that would have been.
    pub moved: u64,
    /// Bytes that were moved.
    pub bytes: u64,
    /// Files that were as they should be.
    pub unchanged: u64,
    /// What was passed over.
    pub skipped: u64,
    /// What was removed.
    pub removed: u64,
    /// What went wrong.
    pub failed: u64,
}

/// A tree on a server, and how it is mirrored.
#[derive(Clone)]
pub struct Tree {
    net: Net,
    url: Url,
    settings: Settings,
    delete: bool,
    is_dry: bool,
    connections: usize,
    depth: usize,
    entries: usize,
    listener: Option<Arc<Listener>>,
}

impl Tree {
    /// How many sessions there are at once when nothing else is said.
    pub const CONNECTIONS: usize = 3;
    /// How deep directories may be when nothing else is said.
    pub const DEPTH: usize = 32;
    /// How many files and directories there may be when nothing else is said.
    pub const ENTRIES: usize = 200_000;

    /// The tree below this URL.
    pub fn new(net: Net, url: Url, settings: Settings) -> Self {
        Self {
            net,
            url,
            settings,
            delete: false,
            is_dry: false,
            connections: Self::CONNECTIONS,
            depth: Self::DEPTH,
            entries: Self::ENTRIES,
            listener: None,
        }
    }

    /// Whether what is only at the other end is removed there; off by default.
    #[must_use]
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Whether it is only told what would be done; off by default.
    #[must_use]
    pub fn dry_run(mut self, dry: bool) -> Self {
        self.is_dry = dry;
        self
    }

    /// How many sessions there are at once, 1 to 16; [`Tree::CONNECTIONS`] by default.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.clamp(1, 16);
        self
    }

    /// How deep directories may be; [`Tree::DEPTH`] by default. Deeper ones are passed over and told.
    #[must_use]
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// How many files and directories there may be; [`Tree::ENTRIES`] by default. More of them are an error before anything is
    /// moved.
    #[must_use]
    pub fn entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Tell this function what happens: the path below the tree, with slashes, and what. It is called by several tasks.
    #[must_use]
    pub fn listener(mut self, listener: impl Fn(&[u8], Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Bring the directory of the server into this folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// Those of opening a session and of the folder itself; [`Kind::Protocol`] if there is more than [`Tree::entries`]. What goes
    /// wrong with one file is told and counted, and the others go on.
    ///
    /// # Cancel safety
    ///
    /// What is complete is there, and parts are gone on with the next time.
    pub async fn fetch(&self, into: &Path) -> Result<Sum> {
        down::run(self, into).await
    }

    /// Bring this folder to the directory of the server, which is made if it is missing. Links in the folder are passed over.
    ///
    /// # Errors
    ///
    /// As with [`Tree::fetch`].
    ///
    /// # Cancel safety
    ///
    /// As with [`Tree::fetch`].
    pub async fn send(&self, from: &Path) -> Result<Sum> {
        up::run(self, from).await
    }

    async fn session(&self) -> Result<Ftp> {
        Ftp::open(&self.net, &self.url, self.settings.clone()).await
    }

    fn base(&self) -> Result<Vec<u8>> {
        Ok(UrlPath::of(&self.url)?.path)
    }

    fn tell(&self, path: &[u8], event: Event<'_>) {
        if let Some(listener) = &self.listener {
            listener(path, event);
        }
    }

    fn too_many(&self) -> Error {
        let why = format!("there are more than {} files and directories", self.entries);
        Error::new(Kind::Protocol, Operation::Fetch, why).about(&self.url)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The sum while it grows.
#[derive(Debug, Default)]
struct Counts {
    directories: AtomicU64,
    moved: AtomicU64,
    bytes: AtomicU64,
    unchanged: AtomicU64,
    skipped: AtomicU64,
    removed: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    fn sum(&self) -> Sum {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sum {
            directories: of(&self.directories),
            moved: of(&self.moved),
            bytes: of(&self.bytes),
            unchanged: of(&self.unchanged),
            skipped: of(&self.skipped),
            removed: of(&self.removed),
            failed: of(&self.failed),
        }
    }
}

/// A path of the server, below a directory.
fn joined(base: &[u8], below: &[u8]) -> Vec<u8> {
    match (base, below) {
        (b"", below) => below.to_vec(),
        (base, b"") => base.to_vec(),
        (base, below) if base.ends_with(b"/") => [base, below].concat(),
        (base, below) => [base, b"/", below].concat(),
    }
}

/// What a file is called while it is on its way; a long name is cut and told apart by a number.
fn part_name(name: &[u8]) -> Vec<u8> {
    if name.len() + PART.len() <= 255 {
        return [name, PART.as_bytes()].concat();
    }
    // FNV-1a.
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    [&name[..200], format!("{hash:016x}{PART}").as_bytes()].concat()
}

/// Split a path into the directory and the name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}
