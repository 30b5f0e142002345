//! From the operating system's errors to ours.

use std::io;

use super::{Error, Kind, Operation};

impl Error {
    /// What an I/O error means when it happens during this operation.
    ///
    /// An `Error` that travelled inside an `io::Error` (through `AsyncRead`, say) comes out unchanged.
    pub fn from_io(operation: Operation, error: io::Error) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            let inner = error
                .into_inner()
                .and_then(|inner| inner.downcast::<Error>().ok());
            return inner.map_or_else(
                || Self::new(Kind::Io, operation, "an unknown error"),
                |inner| *inner,
            );
        }
        let takes_address = matches!(operation, Operation::Listen | Operation::Accept);
        let (kind, why) = match error.kind() {
            // What this machine has not got is the peer's fault only where a peer is in question.
            io::ErrorKind::AddrNotAvailable if takes_address => {
                (Kind::Io, "this machine does not have that address".into())
            }
            _ => (kind_of(&error), wording(&error)),
        };
        let mut made = Self::new(kind, operation, why);
        made.0.os_code = error.raw_os_error();
        made
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            Kind::Refused => io::ErrorKind::ConnectionRefused,
            Kind::Lost => io::ErrorKind::ConnectionReset,
            Kind::TimedOut => io::ErrorKind::TimedOut,
            Kind::Denied => io::ErrorKind::PermissionDenied,
            Kind::InUse => io::ErrorKind::AddrInUse,
            Kind::Usage => io::ErrorKind::InvalidInput,
            Kind::Unsupported => io::ErrorKind::Unsupported,
            Kind::Tls | Kind::Protocol => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

fn kind_of(error: &io::Error) -> Kind {
    use io::ErrorKind as E;
    match error.kind() {
        E::ConnectionRefused => Kind::Refused,
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown | E::AddrNotAvailable => {
            Kind::Unreachable
        }
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::NotConnected => Kind::Lost,
        E::TimedOut => Kind::TimedOut,
        E::PermissionDenied => Kind::Denied,
        E::AddrInUse => Kind::InUse,
        E::Unsupported => Kind::Unsupported,
        E::InvalidInput => Kind::Usage,
        E::InvalidData | E::UnexpectedEof => Kind::Protocol,
        _ => Kind::Io,
    }
}

/// Our own words for the errors people meet every day; the system's for the rest.
fn wording(error: &io::Error) -> String {
    use io::ErrorKind as E;
    match error.kind() {
        E::ConnectionRefused => "nobody listens there (connection refused)".into(),
        E::ConnectionReset => "the peer reset the connection".into(),
        E::BrokenPipe => "the peer no longer reads (broken pipe)".into(),
        E::TimedOut => "the peer does not answer (timed out)".into(),
        E::HostUnreachable => "there is no way to that host (host unreachable)".into(),
        E::NetworkUnreachable => "there is no way to that network (network unreachable)".into(),
        E::AddrNotAvailable => {
            "this machine has no address or free port to reach it from (address not available)"
                .into()
        }
        E::AddrInUse => "the address is already in use".into(),
        E::PermissionDenied => "this machine denies it (permission denied)".into(),
        E::NotFound => "there is no such file".into(),
        _ => match error.raw_os_error() {
            Some(nix::libc::EMFILE) => {
                "this process has no descriptor left (too many open files)".into()
            }
            Some(nix::libc::ENFILE) => {
                "this machine has no descriptor left (too many open files in all)".into()
            }
            Some(nix::libc::ENOBUFS | nix::libc::ENOMEM) => {
                "this machine has no memory left for it".into()
            }
            Some(code) => nix::errno::Errno::from_raw(code).desc().to_lowercase(),
            None => error.to_string(),
        },
    }
}
