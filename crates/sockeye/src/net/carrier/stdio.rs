//! Standard input and output of this process as a stream.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::error::{Error, Operation, Result};
use crate::net::descriptor::Descriptor;
use crate::net::stream::Pair;

/// Standard input to read, standard output to write. One that the caller closed counts as ended.
pub(crate) fn open() -> Result<Pair> {
    let stdin = shared(io::stdin().as_fd()).map_err(|e| Error::from_io(Operation::Open, e))?;
    let stdout = shared(io::stdout().as_fd()).map_err(|e| Error::from_io(Operation::Open, e))?;
    Ok(Pair {
        read: stdin,
        write: stdout,
        is_stdio: true,
    })
}

/// Standard input alone.
pub(crate) fn input() -> Result<Option<Descriptor>> {
    shared(io::stdin().as_fd()).map_err(|e| Error::from_io(Operation::Open, e))
}

/// Standard output alone.
pub(crate) fn output() -> Result<Option<Descriptor>> {
    shared(io::stdout().as_fd()).map_err(|e| Error::from_io(Operation::Open, e))
}

fn shared(fd: BorrowedFd<'_>) -> io::Result<Option<Descriptor>> {
    match fd.try_clone_to_owned() {
        Ok(fd) => Descriptor::shared(fd).map(Some),
        Err(e) if e.raw_os_error() == Some(nix::libc::EBADF) => Ok(None),
        Err(e) => Err(e),
    }
}
