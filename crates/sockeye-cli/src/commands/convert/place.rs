//! Files that are written whole or not at all: into a temporary file beside them, which then takes their place.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sockeye::{Error, Kind, Operation, Result};
use tempfile::{NamedTempFile, TempPath};

/// A temporary file that is in the making, so that whoever interrupts us leaves nothing behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unfinished(Arc<Mutex<Option<PathBuf>>>);

impl Unfinished {
    fn set(&self, path: Option<PathBuf>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    /// Remove it.
    pub(crate) fn remove(&self) {
        let path = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(path) = path {
            // It may have taken its place just now.
            drop(fs::remove_file(path));
        }
    }
}

/// A file that takes its place when it is done.
pub(crate) struct Replacement {
    path: PathBuf,
    file: File,
    temporary: TempPath,
    unfinished: Unfinished,
    backup: Option<PathBuf>,
}

/// Where results go.
pub(crate) enum Place {
    /// A device, a pipe: what is written is there at once.
    Direct(File),
    Whole(Replacement),
}

impl Place {
    /// A file of this name, new or instead of the one that is there.
    pub(crate) fn output(path: &Path, unfinished: &Unfinished) -> Result<Self> {
        let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
        // A link stays: what it leads to is replaced.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let about = match fs::metadata(&real) {
            Ok(about) if about.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(about) if !about.is_file() => {
                let file = File::options().write(true).open(&real).map_err(failed)?;
                return Ok(Self::Direct(file));
            }
            Ok(about) => Some(about),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let replacement = Replacement::new(real, about.as_ref(), unfinished);
        replacement.map(Self::Whole).map_err(failed)
    }

    /// The same for a file that is edited in place. With `follow`, links are followed, and other names of the file lost.
    pub(crate) fn edited(
        path: &Path,
        follow: bool,
        backup: Option<&str>,
        unfinished: &Unfinished,
    ) -> Result<Replacement> {
        let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
        let refused = |why: &str| {
            let error = Error::new(Kind::Usage, Operation::Open, why).about(path.display());
            error.with_hint("name the file itself, or convert with -o")
        };
        let about = fs::symlink_metadata(path).map_err(failed)?;
        if about.is_symlink() && !follow {
            let error = refused("it is a symbolic link");
            return Err(error.with_hint("--follow edits what it leads to"));
        }
        let real = fs::canonicalize(path).map_err(failed)?;
        let about = fs::metadata(&real).map_err(failed)?;
        if !about.is_file() {
            return Err(refused("it is no regular file"));
        }
        if about.nlink() > 1 && !follow {
            let error = refused("it has several names (hard links), and would lose the others");
            return Err(error.with_hint("--follow replaces this name alone"));
        }
        let mut replacement = Replacement::new(real, Some(&about), unfinished).map_err(failed)?;
        replacement.backup = backup.map(|suffix| {
            let mut name = replacement.path.clone().into_os_string();
            name.push(suffix);
            name.into()
        });
        Ok(replacement)
    }

    /// Where the bytes go.
    pub(crate) fn writer(&self) -> io::Result<File> {
        match self {
            Self::Direct(file) => file.try_clone(),
            Self::Whole(replacement) => replacement.writer(),
        }
    }

    /// It is done.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Whole(replacement) => replacement.commit(),
        }
    }
}

impl Replacement {
    /// Beside `path`, with mode and owner of what is there.
    fn new(path: PathBuf, about: Option<&Metadata>, unfinished: &Unfinished) -> io::Result<Self> {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let made: NamedTempFile = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".tmp")
            // What a new file gets, less what the umask takes.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(parent.unwrap_or(Path::new(".")))?;
        let (file, temporary) = made.into_parts();
        unfinished.set(Some(temporary.to_path_buf()));
        if let Some(about) = about {
            keep(&file, about)?;
        }
        Ok(Self {
            path,
            file,
            temporary,
            unfinished: unfinished.clone(),
            backup: None,
        })
    }

    /// Where the bytes go.
    pub(crate) fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Take the place.
    pub(crate) fn commit(self) -> Result<()> {
        let shown = self.path.display().to_string();
        let failed = |error| Error::from_io(Operation::Write, error).about(&shown);
        self.file.sync_all().map_err(failed)?;
        if let Some(backup) = &self.backup {
            keep_backup(&self.path, backup).map_err(failed)?;
        }
        let persisted = self.temporary.persist(&self.path);
        self.unfinished.set(None);
        persisted.map_err(|error| failed(error.error))
    }
}

/// Give the file mode and owner of the other.
fn keep(file: &File, about: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (about.uid(), about.gid()) {
        fchown(file, Some(about.uid()), Some(about.gid()))?;
    }
    // The mode last: a change of owner takes bits away.
    file.set_permissions(Permissions::from_mode(about.mode() & 0o7777))
}

/// The file as it was, under another name, without a moment in which it has none.
fn keep_backup(path: &Path, backup: &Path) -> io::Result<()> {
    match fs::remove_file(backup) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Some file systems have no links.
    fs::hard_link(path, backup).or_else(|_| fs::copy(path, backup).map(drop))
}
