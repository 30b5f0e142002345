//! Files that nobody else may read: cookies, secrets, what hosts want.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Operation, Result};

/// Read a file of at most this many bytes; `None` if there is none.
///
/// # Errors
///
/// Those of opening and reading; [`Kind::Io`] if it is longer.
pub(super) fn read(path: &Path, longest: u64) -> Result<Option<Vec<u8>>> {
    let fail = |error| Error::from_io(Operation::Open, error).about(path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(longest + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > longest {
        let why = format!("it has more than {longest} bytes");
        return Err(Error::new(Kind::Io, Operation::Open, why).about(path.display()));
    }
    Ok(Some(bytes))
}

/// Write a file as a whole or not at all, for its owner alone (mode 0600). What is no file, a pipe say, is written as it is.
///
/// # Errors
///
/// Those of creating, writing and renaming.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |error| Error::from_io(Operation::Write, error).about(path.display());
    // The file that a symbolic link leads to is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&target) {
        Ok(found) if !found.is_file() && !found.is_dir() => {
            let mut file = OpenOptions::new().write(true).open(&target).map_err(fail)?;
            return file.write_all(bytes).map_err(fail);
        }
        _ => {}
    }
    let (beside, mut file) = create_beside(&target).map_err(fail)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, &target));
    written.map_err(|error| {
        drop(fs::remove_file(&beside));
        fail(error)
    })
}

/// Make a folder and those above it, as far as they are missing, for their owner alone (mode 0700).
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// A new file in the same folder, under a name that nobody can have put there before.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    loop {
        let number = getrandom::u64().map_err(io::Error::other)?;
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{number:016x}"));
        let beside = path.with_file_name(beside);
        let mut options = OpenOptions::new();
        match options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
        {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn files_are_for_their_owner_and_come_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jar");
        assert_eq!(read(&path, 10).unwrap(), None);
        fs::write(&path, "old").unwrap();
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read(&path, 3).unwrap().unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(read(&path, 2).is_err());
        assert!(write(dir.path(), b"x").is_err());
        let error = write(&dir.path().join("none/jar"), b"x").unwrap_err();
        assert!(error.to_string().contains("none/jar"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
