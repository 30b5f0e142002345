//! Which program a path names: a file beneath a folder of programs, or one program for all.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Operation, Result};
use crate::web::files::{Root, Rules};

use super::mounts::pieces;

/// Where programs are.
#[derive(Clone, Debug)]
pub struct Scripts(Where);

#[derive(Clone, Debug)]
enum Where {
    Folder(Root, PathBuf),
    One(PathBuf),
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// This program; so many bytes of the path name it.
    Program(PathBuf, usize),
    /// There is a file, which is no program.
    NotExecutable(PathBuf),
    /// Nothing is there that may be run.
    Nothing,
}

impl Scripts {
    /// This program, or the programs beneath this folder. Symbolic links that lead out of the folder, and names that
    /// begin with a dot, are not there for clients.
    ///
    /// # Errors
    ///
    /// What is not there, or is a file that may not be executed.
    pub fn new(path: impl AsRef<Path>) -> Result<Self> {
        let given = path.as_ref();
        let open = |error| Error::from_io(Operation::Open, error).about(given.display());
        // Programs run elsewhere than we do, so a relative path would lead astray.
        let path = given.canonicalize().map_err(open)?;
        if path.is_dir() {
            let root = Root::new(&path, Rules::default())?;
            return Ok(Self(Where::Folder(root, path)));
        }
        if !is_executable(&path) {
            let why = format!("`{}` may not be executed", given.display());
            let hint = format!("`chmod +x {}` makes it a program", given.display());
            return Err(Error::new(Kind::Denied, Operation::Run, why).with_hint(hint));
        }
        Ok(Self(Where::One(path)))
    }

    /// The folder, or the program.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Where::Folder(_, path) | Where::One(path) => path,
        }
    }

    /// What this part of a path names. Only names with one of these endings are programs, if there are such.
    pub(super) fn find(&self, rest: &str, endings: Option<&[String]>) -> Named {
        let (root, folder) = match &self.0 {
            Where::One(path) => return Named::Program(path.clone(), 0),
            Where::Folder(root, folder) => (root, folder),
        };
        let mut beneath = Vec::new();
        for (name, end) in pieces(rest) {
            let Some(name) = name.filter(|name| !name.contains(&b'/') && !name.contains(&0)) else {
                return Named::Nothing;
            };
            if !beneath.is_empty() {
                beneath.push(b'/');
            }
            beneath.extend_from_slice(&name);
            let is_wanted = endings.is_none_or(|endings| has_ending(&name, endings));
            match look(root, &beneath) {
                Ok(true) => {}
                Ok(false) if is_wanted => {
                    let path = folder.join(as_path(&beneath));
                    return match is_executable(&path) {
                        true => Named::Program(path, end),
                        false => Named::NotExecutable(path),
                    };
                }
                // A file that may not even be read may be a program all the same, and is none for clients to see.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_wanted => {
                    return Named::NotExecutable(folder.join(as_path(&beneath)));
                }
                _ => return Named::Nothing,
            }
        }
        Named::Nothing
    }
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

/// Whether a folder is there (true) or a file (false).
fn look(root: &Root, path: &[u8]) -> io::Result<bool> {
    let metadata = root.open(path)?.metadata()?;
    if metadata.is_dir() || metadata.is_file() {
        return Ok(metadata.is_dir());
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether a name has one of these endings, in any case: a file system may not tell cases apart.
fn has_ending(name: &[u8], endings: &[String]) -> bool {
    endings.iter().any(|ending| {
        name.len() > ending.len()
            && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    })
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn put(path: &Path, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn programs_beneath_a_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().canonicalize().unwrap().join("programs");
        put(&folder.join("a"), 0o755);
        put(&folder.join("deep/b c"), 0o755);
        put(&folder.join("text"), 0o644);
        put(&folder.join(".hidden"), 0o755);
        put(&outer.path().join("outside"), 0o755);
        symlink("../outside", folder.join("out")).unwrap();
        symlink("a", folder.join("within")).unwrap();
        let scripts = Scripts::new(&folder).unwrap();
        let find = |path| scripts.find(path, None);
        assert_eq!(find("/a"), Named::Program(folder.join("a"), 2));
        assert_eq!(find("//./a/b"), Named::Program(folder.join("a"), 5));
        assert_eq!(
            find("/deep/b%20c/d"),
            Named::Program(folder.join("deep/b c"), 11)
        );
        assert_eq!(find("/within"), Named::Program(folder.join("within"), 7));
        assert_eq!(find("/text"), Named::NotExecutable(folder.join("text")));
        for path in [
            "",
            "/",
            "/b",
            "/deep",
            "/out",
            "/.hidden",
            "/deep/../a",
            "/../outside",
            "/deep%2fb%20c",
            "/a%00",
        ] {
            assert_eq!(find(path), Named::Nothing, "{path}");
        }
        let only = Scripts::new(folder.join("a")).unwrap();
        assert_eq!(only.find("/x", None), Named::Program(folder.join("a"), 0));
        assert!(Scripts::new(folder.join("text")).is_err());
        assert!(Scripts::new(folder.join("absent")).is_err());
    }

    #[test]
    fn programs_by_their_ending() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        put(&at.join("dir.py/run.py"), 0o755);
        put(&at.join("dir.py/other"), 0o755);
        let scripts = Scripts::new(&at).unwrap();
        let endings = [".py".to_owned()];
        let find = |path| scripts.find(path, Some(&endings));
        assert_eq!(
            find("/dir.py/run.py/x"),
            Named::Program(at.join("dir.py/run.py"), 14)
        );
        assert_eq!(find("/dir.py/other"), Named::Nothing);
        assert_eq!(find("/dir.py"), Named::Nothing);
    }
}
