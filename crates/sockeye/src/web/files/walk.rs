//! Opening beneath a folder without openat2(2): one name after the other, no link followed by the kernel. Each link is read
//! and walked by the same rules, so that what a link says is contained like what a client says.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// As many links as Linux follows in one path.
const LINKS: usize = 40;

/// Open `path` beneath `folder`, whose own absolute path is `place`.
///
/// # Errors
///
/// `EXDEV` for what leads out of the folder, `ELOOP` for too many links, and those of openat(2).
pub(super) fn open(
    folder: &OwnedFd,
    place: &Path,
    path: &[u8],
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    let mut above: Vec<OwnedFd> = Vec::new();
    // The names that are still to be walked, the next one last.
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut links = 0;
    push(&mut names, path);
    while let Some(name) = names.pop() {
        let at = above.last().map_or(folder.as_fd(), OwnedFd::as_fd);
        if name == b".." {
            // `above` holds one folder for each step down: without one, this is the folder that is served.
            above.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let found = match rustix::fs::openat(at, &*name, LOOK, Mode::empty()) {
            Err(Errno::NOENT) if names.is_empty() && flags.contains(OFlags::CREATE) => None,
            found => Some(found?),
        };
        let kind = match &found {
            Some(found) => FileType::from_raw_mode(rustix::fs::fstat(found)?.st_mode),
            None => FileType::Unknown,
        };
        if kind == FileType::Symlink && !flags.contains(OFlags::NOFOLLOW) {
            links += 1;
            if links > LINKS {
                return Err(Errno::LOOP);
            }
            follow(found.as_ref(), place, &mut above, &mut names)?;
            continue;
        }
        if names.is_empty() {
            return rustix::fs::openat(at, &*name, flags | OFlags::NOFOLLOW, mode);
        }
        match found {
            Some(found) if kind == FileType::Directory => above.push(found),
            // The path goes on below something that is no folder.
            _ => return Err(Errno::NOTDIR),
        }
    }
    // What was named is a folder by way of `.` or `..`: itself, once more.
    let at = above.last().map_or(folder.as_fd(), OwnedFd::as_fd);
    rustix::fs::openat(at, c".", flags, mode)
}

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Put what a link says before the names that are left.
fn follow(
    link: Option<&OwnedFd>,
    place: &Path,
    above: &mut Vec<OwnedFd>,
    names: &mut Vec<Vec<u8>>,
) -> Result<(), Errno> {
    let link: BorrowedFd<'_> = link.ok_or(Errno::NOENT)?.as_fd();
    let target = rustix::fs::readlinkat(link, c"", Vec::new())?;
    let target = target.as_bytes();
    let relative = match target.strip_prefix(b"/") {
        None => target,
        Some(_) => {
            let place = place.as_os_str().as_bytes();
            let place = place.strip_suffix(b"/").unwrap_or(place);
            let rest = target.strip_prefix(place).ok_or(Errno::XDEV)?;
            if !rest.is_empty() && !rest.starts_with(b"/") {
                return Err(Errno::XDEV);
            }
            above.clear();
            rest
        }
    };
    push(names, relative);
    Ok(())
}

/// The names of a path, before those that are there.
fn push(names: &mut Vec<Vec<u8>>, path: &[u8]) {
    // A slash at the end asks for a folder, as `.` does.
    let is_folder = path.ends_with(b"/");
    if is_folder {
        names.push(b".".to_vec());
    }
    let parts = path.rsplit(|&byte| byte == b'/');
    names.extend(
        parts
            .filter(|name| !matches!(*name, b"" | b"."))
            .map(<[u8]>::to_vec),
    );
}
