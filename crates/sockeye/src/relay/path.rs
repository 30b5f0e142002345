//! How the bytes of one way are moved: decided by what the two ends are, and by nothing else.

use std::fmt;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::options::JoinOptions;
use crate::net::{KernelRef, Link, Stream};

/// How the bytes of one way are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Path {
    /// The kernel moves them through a pipe of ours, splice(2), once a bulk of data flows.
    Splice,
    /// One end is itself a pipe: the kernel moves them from end to end, once a bulk of data flows.
    SpliceDirect,
    /// They are read and written.
    Copy {
        /// Why the kernel does not move them.
        why: &'static str,
    },
    /// Message by message.
    Messages,
}

impl Path {
    /// Whether the kernel moves the bytes.
    pub fn is_splice(self) -> bool {
        matches!(self, Self::Splice | Self::SpliceDirect)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Splice => f.write_str("splice"),
            Self::SpliceDirect => f.write_str("splice, pipe to end"),
            Self::Copy { why } => write!(f, "copying: {why}"),
            Self::Messages => f.write_str("messages"),
        }
    }
}

/// The paths that [`join`](super::join) will take, upstream and downstream, for `--explain` and `-v`.
pub fn paths(local: &Link, remote: &Link, options: &JoinOptions) -> (Path, Path) {
    (
        between(local, remote, options.copy_only),
        between(remote, local, options.copy_only),
    )
}

pub(super) fn between(from: &Link, to: &Link, copy_only: bool) -> Path {
    match (from, to) {
        _ if copy_only => Path::Copy {
            why: "asked to copy",
        },
        (Link::Stream(from), Link::Stream(to)) => path(
            object(from, from.kernel_read()),
            object(to, to.kernel_write()),
        ),
        _ => Path::Messages,
    }
}

/// What one end of a way is, as far as splice(2) cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Socket,
    /// A socket in blocking mode that other processes share.
    SharedSocket,
    Pipe,
    File,
    /// A file opened with O_APPEND.
    AppendFile,
    Terminal,
    Device,
    /// Nothing the kernel can move bytes of, and why.
    Opaque(&'static str),
}

/// The decision.
pub(super) fn path(from: Object, to: Object) -> Path {
    use Object as O;
    let why = match (from, to) {
        (O::Opaque(why), _) | (_, O::Opaque(why)) => why,
        (O::Terminal, _) | (_, O::Terminal) => "a terminal takes part",
        (O::Device, _) => "a device is read",
        (O::SharedSocket, _) | (_, O::SharedSocket) => "other processes share the socket",
        // splice(2) refuses with EINVAL.
        (_, O::AppendFile) => "the file is open for appending",
        (O::Pipe, _) | (_, O::Pipe) => return Path::SpliceDirect,
        (O::Socket | O::File | O::AppendFile, O::Socket | O::File | O::Device) => {
            return Path::Splice;
        }
    };
    Path::Copy { why }
}

fn object(stream: &Stream, kernel: Option<KernelRef<'_>>) -> Object {
    match kernel {
        Some(KernelRef::Tcp(_) | KernelRef::Unix(_)) => Object::Socket,
        Some(KernelRef::Descriptor(descriptor)) => {
            let fd = descriptor.as_fd();
            if descriptor.is_pipe() {
                Object::Pipe
            } else if descriptor.is_file() {
                match fcntl(fd, FcntlArg::F_GETFL) {
                    Ok(flags) if OFlag::from_bits_retain(flags).contains(OFlag::O_APPEND) => {
                        Object::AppendFile
                    }
                    _ => Object::File,
                }
            } else if descriptor.is_socket() {
                match descriptor.is_polite() {
                    true => Object::SharedSocket,
                    false => Object::Socket,
                }
            } else if fd.is_terminal() {
                Object::Terminal
            } else {
                Object::Device
            }
        }
        None => Object::Opaque(stream.copies_because().unwrap_or("that way is closed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_follows_from_what_the_ends_are() {
        use Object as O;
        let copy = |why| Path::Copy { why };
        let table = [
            (O::Socket, O::Socket, Path::Splice),
            (O::File, O::Socket, Path::Splice),
            (O::Socket, O::File, Path::Splice),
            (O::Socket, O::Device, Path::Splice),
            (O::File, O::File, Path::Splice),
            (O::AppendFile, O::Socket, Path::Splice),
            (O::Pipe, O::Socket, Path::SpliceDirect),
            (O::Socket, O::Pipe, Path::SpliceDirect),
            (O::Pipe, O::Pipe, Path::SpliceDirect),
            (O::File, O::Pipe, Path::SpliceDirect),
            (O::Pipe, O::Device, Path::SpliceDirect),
            (
                O::Socket,
                O::AppendFile,
                copy("the file is open for appending"),
            ),
            (
                O::Pipe,
                O::AppendFile,
                copy("the file is open for appending"),
            ),
            (O::Terminal, O::Socket, copy("a terminal takes part")),
            (O::Socket, O::Terminal, copy("a terminal takes part")),
            (O::Device, O::Socket, copy("a device is read")),
            (
                O::SharedSocket,
                O::Pipe,
                copy("other processes share the socket"),
            ),
            (
                O::Pipe,
                O::SharedSocket,
                copy("other processes share the socket"),
            ),
            (
                O::Opaque("TLS transforms the bytes"),
                O::Socket,
                copy("TLS transforms the bytes"),
            ),
            (
                O::Socket,
                O::Opaque("the wire view watches"),
                copy("the wire view watches"),
            ),
        ];
        for (from, to, expected) in table {
            assert_eq!(path(from, to), expected, "{from:?} to {to:?}");
        }
        assert_eq!(
            copy("TLS transforms the bytes").to_string(),
            "copying: TLS transforms the bytes"
        );
    }
}
