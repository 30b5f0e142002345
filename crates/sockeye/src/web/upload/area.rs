//! A folder that takes uploads: which paths are in it, and their folders, opened beneath it and nowhere else.

use std::fs::{File, Metadata};
use std::io;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, mkdirat};

use super::fault::{Fault, Result};
use super::name;
use super::partial::Partials;
use super::usage::Usage;
use crate::web::files::Root;

/// A folder that takes uploads.
#[derive(Debug)]
pub(super) struct Area {
    /// Its path beneath the folder served, without slashes around it.
    prefix: Vec<u8>,
    pub(super) root: Root,
    pub(super) usage: Arc<Usage>,
    pub(super) partials: Partials,
}

/// Where something is to be stored.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) area: Arc<Area>,
    /// Folders beneath the area, then the name. Empty for the area itself.
    pub(super) names: Vec<String>,
}

impl Area {
    pub(super) fn new(root: &Root, prefix: &[u8], usage: Arc<Usage>) -> io::Result<Self> {
        let root = root.within(prefix)?;
        Ok(Self {
            prefix: prefix.to_vec(),
            partials: Partials::new(root.clone()),
            root,
            usage,
        })
    }

    /// How many folders it is beneath the one served.
    pub(super) fn depth(&self) -> usize {
        self.prefix
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty())
            .count()
    }

    /// Whether the other one is within this one, or the same.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.names(&other.prefix).is_some()
    }

    /// The names of this path beneath the area, if it is in it: `path` is decoded, with a slash at its beginning. Empty names
    /// and `.` are passed over, as they are when files are served.
    pub(super) fn names<'p>(&self, path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        let mut names = path
            .split(|&byte| byte == b'/')
            .filter(|name| !matches!(*name, b"" | b"."));
        let own = self
            .prefix
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty());
        for name in own {
            if names.next() != Some(name) {
                return None;
            }
        }
        Some(names.collect())
    }
}

impl Place {
    /// The place of this path, with names that may be made.
    pub(super) fn new(area: &Arc<Area>, names: &[&[u8]], depth: usize) -> Result<Self> {
        if names.len() > depth {
            return Err(Fault::new(
                400,
                format!("a path of more than {depth} names"),
            ));
        }
        let hidden = area.root.rules().hidden;
        let names = names.iter().map(|it| name::check(it, hidden));
        let names = names.collect::<std::result::Result<_, _>>();
        Ok(Self {
            area: Arc::clone(area),
            names: names.map_err(|why| Fault::new(400, why))?,
        })
    }

    /// A place below this one: `path` is what a form says, with slashes between folders.
    pub(super) fn below(&self, path: &[u8], depth: usize) -> Result<Self> {
        let names: Vec<_> = path.split(|&byte| byte == b'/').collect();
        let mut place = Self::new(&self.area, &names, depth.saturating_sub(self.names.len()))?;
        place.names.splice(0..0, self.names.iter().cloned());
        Ok(place)
    }

    /// The name of the file or folder itself.
    pub(super) fn name(&self) -> Result<&str> {
        let name = self.names.last().map(String::as_str);
        name.ok_or_else(|| Fault::new(409, "this is the folder itself"))
    }

    /// The same place under another name.
    pub(super) fn renamed(&self, name: String) -> Self {
        let mut place = self.clone();
        place.names.pop();
        place.names.push(name);
        place
    }

    /// The path as clients ask for it.
    pub(super) fn path(&self) -> String {
        let prefix = self
            .area
            .prefix
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty());
        let names = prefix.chain(self.names.iter().map(String::as_bytes));
        let keep = sockeye_data::percent::Keep::PATH.without("/");
        names.fold(String::new(), |mut path, name| {
            path.push('/');
            path.push_str(&sockeye_data::percent::encode(name, keep));
            path
        })
    }

    /// The path decoded, with a slash at its beginning.
    pub(super) fn plain_path(&self) -> Vec<u8> {
        sockeye_data::percent::decode(&self.path()).unwrap_or_default()
    }

    /// What is there now.
    pub(super) fn metadata(&self) -> Result<Option<Metadata>> {
        match self.open(&self.names, OFlags::PATH) {
            Ok(file) => Ok(Some(file.metadata()?)),
            Err(error) => match Fault::from(error) {
                Fault { status: 404, .. } => Ok(None),
                // A file where its folder should be says so when it is to be stored.
                Fault { status: 409, .. } => Ok(None),
                fault => Err(fault),
            },
        }
    }

    /// The deepest of its folders that is there.
    pub(super) fn nearest(&self) -> Result<File> {
        let folders = &self.names[..self.names.len().saturating_sub(1)];
        for depth in (0..=folders.len()).rev() {
            match self.open(&folders[..depth], OFlags::PATH | OFlags::DIRECTORY) {
                Ok(folder) => return Ok(folder),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Fault::new(404, "the folder for uploads is gone"))
    }

    /// Its folder; those that are missing are made.
    pub(super) fn folder(&self) -> Result<File> {
        let folders = &self.names[..self.names.len().saturating_sub(1)];
        self.make(folders)
    }

    /// These folders, which are made where they are missing.
    pub(super) fn make(&self, names: &[String]) -> Result<File> {
        let is_folder = OFlags::PATH | OFlags::DIRECTORY;
        match self.open(names, is_folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return Ok(found?),
        }
        let mut folder = self.open(&[], is_folder)?;
        for depth in 1..=names.len() {
            match mkdirat(&folder, &*names[depth - 1], Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            // Opened from the top: a link that was put there meanwhile leads nowhere else.
            folder = self.open(&names[..depth], is_folder)?;
        }
        Ok(folder)
    }

    fn open(&self, names: &[String], flags: OFlags) -> io::Result<File> {
        let path = names.join("/");
        self.area
            .root
            .open_with(path.as_bytes(), flags, Mode::empty())
    }
}
