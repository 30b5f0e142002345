//! Files and named pipes.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;

use super::unix_path::widen;
use crate::endpoint::{Access, Options};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::descriptor::Descriptor;
use crate::net::stream::Pair;

/// The permissions of a file or named pipe that is created, before the umask.
const DEFAULT_MODE: u32 = 0o666;

/// How often a named pipe is asked whether somebody reads it; open(2) has no way to wait that can be given up.
const FIFO_PAUSE: Duration = Duration::from_millis(10);

/// Open a regular file or device. Without `access=` it is read.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Pair> {
    let access = options.access.unwrap_or(Access::Read);
    let mode = options.mode.unwrap_or(DEFAULT_MODE);
    let reads = matches!(access, Access::Read | Access::Both);
    let writes = access != Access::Read;
    let open = |how: &mut OpenOptions, creates: bool| -> Result<Descriptor> {
        how.mode(mode).custom_flags(nix::libc::O_NONBLOCK);
        let made = match options.mode {
            Some(asked) if creates => create(path, how, asked)?,
            _ => None,
        };
        let file = match made {
            Some(file) => file,
            None => how.open(path).map_err(open_error)?,
        };
        descriptor(file)
    };
    // Written first, for that is what makes the file that `access=both` reads.
    let write = match access {
        Access::Write => Some(open(
            File::options().write(true).create(true).truncate(true),
            true,
        )?),
        Access::Append | Access::Both if writes => {
            Some(open(File::options().append(true).create(true), true)?)
        }
        _ => None,
    };
    let read = reads
        .then(|| open(File::options().read(true), false))
        .transpose()?;
    Ok(Pair {
        read,
        write,
        is_stdio: false,
    })
}

/// Make a file with exactly these permissions, whatever the umask; `None` if something is there already.
fn create(path: &Path, how: &OpenOptions, mode: u32) -> Result<Option<File>> {
    match how.clone().create_new(true).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(mode))
                .map_err(open_error)?;
            Ok(Some(file))
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(e) => Err(open_error(e)),
    }
}

fn descriptor(file: File) -> Result<Descriptor> {
    Descriptor::own(OwnedFd::from(file)).map_err(open_error)
}

fn open_error(error: io::Error) -> Error {
    Error::from_io(Operation::Open, error)
}

/// Which end of a named pipe is taken when `access=` does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FifoEnd {
    /// The listening side reads.
    Read,
    /// The connecting side writes.
    Write,
}

/// Open one end of a named pipe, which is made if nothing is there, and wait for the other end until the deadline.
pub(crate) async fn open_fifo(
    path: &Path,
    options: &Options,
    end: FifoEnd,
    deadline: Instant,
) -> Result<Pair> {
    let end = match options.access {
        None => end,
        Some(Access::Read) => FifoEnd::Read,
        Some(Access::Write | Access::Append) => FifoEnd::Write,
        Some(Access::Both) => {
            return Err(Error::new(
                Kind::Usage,
                Operation::Open,
                "a named pipe goes one way; access=both would read our own bytes",
            ));
        }
    };
    make_fifo(path, options)?;
    if end == FifoEnd::Read {
        let file = File::options()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(path)
            .map_err(open_error)?;
        return Ok(Pair {
            read: Some(descriptor(file)?),
            write: None,
            is_stdio: false,
        });
    }
    let write = loop {
        match File::options()
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(path)
        {
            Ok(file) => break descriptor(file)?,
            // Nobody has the reading end open yet.
            Err(e) if e.raw_os_error() == Some(nix::libc::ENXIO) => {
                if Instant::now() >= deadline {
                    return Err(Error::new(
                        Kind::TimedOut,
                        Operation::Open,
                        "nobody opened the reading end of the named pipe in time",
                    ));
                }
                tokio::time::sleep(FIFO_PAUSE).await;
            }
            Err(e) => return Err(open_error(e)),
        }
    };
    Ok(Pair {
        read: None,
        write: Some(write),
        is_stdio: false,
    })
}

fn make_fifo(path: &Path, options: &Options) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() => Ok(()),
        Ok(_) => Err(Error::new(
            Kind::Usage,
            Operation::Open,
            "what is there is not a named pipe",
        )
        .with_hint("`file:` opens it as a file")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let mode = Mode::from_bits_truncate(options.mode.unwrap_or(DEFAULT_MODE));
            nix::unistd::mkfifo(path, mode).map_err(|e| open_error(e.into()))?;
            if let Some(mode) = options.mode {
                let meta = std::fs::symlink_metadata(path).map_err(open_error)?;
                let made = (meta.dev(), meta.ino());
                widen(path, made, mode).map_err(open_error)?;
            }
            Ok(())
        }
        Err(e) => Err(open_error(e)),
    }
}
