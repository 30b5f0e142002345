//! Where a program is, found once: a path with a slash needs no search at each start.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::End;
use crate::data::escape::escape;

/// Where programs are looked for if no `PATH` says it.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where this program is, as execvp(3) finds it in `path` (in our own `PATH` if that is not given).
///
/// A name with a slash is taken as it is.
///
/// # Errors
///
/// [`End::NotFound`], and [`End::NotStarted`] if it is there and may not be executed.
pub fn locate(program: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, End> {
    if program.is_empty() {
        return Err(End::NotFound("a program without a name".into()));
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(program.into());
    }
    let ours = || std::env::var_os("PATH").unwrap_or_else(|| OsString::from(USUAL_PATH));
    let path = path.map_or_else(ours, OsStr::to_owned);
    let mut refused = None;
    for folder in std::env::split_paths(&path) {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &folder,
        };
        let candidate = folder.join(program);
        if !candidate.is_file() {
            continue;
        }
        if access(&candidate, Access::EXEC_OK).is_ok() {
            // A relative entry of PATH is relative to where we are now.
            return Ok(std::path::absolute(&candidate).unwrap_or(candidate));
        }
        refused.get_or_insert(candidate);
    }
    let name = escape(program.as_bytes());
    Err(match refused {
        None => End::NotFound(format!("there is no program `{name}` in PATH")),
        Some(file) => End::NotStarted(format!(
            "{} may not be executed",
            escape(file.as_os_str().as_bytes())
        )),
    })
}
