//! What failed: one error type, its wording and its hints.
//!
//! An [`Error`] says which operation failed, on which endpoint, why, and one thing to try. Its [`Kind`] is for
//! programs: it decides the exit code of the command line.
//!
//! ```
//! use sockeye::{Kind, Net, Operation};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! // Take a port and give it back: nobody listens there now.
//! let free = Net::new().listen(&"127.0.0.1:0".parse()?).await?.local().clone();
//! let error = Net::new().connect(&free).await.unwrap_err();
//! assert_eq!((error.kind(), error.operation()), (Kind::Refused, Operation::Connect));
//! assert_eq!(error.endpoint(), Some(&free));
//! assert!(error.why().starts_with("nobody listens there"));
//! # Ok(())
//! # }
//! ```

mod hint;
mod io;

use std::fmt;

use crate::endpoint::{Carrier, Endpoint, ParseError};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in classes that a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The caller asked for something that makes no sense.
    Usage,
    /// A name could not be resolved.
    Name,
    /// The peer's machine answered that nobody listens there.
    Refused,
    /// There is no way to the peer.
    Unreachable,
    /// The connection broke: a reset, a broken pipe.
    Lost,
    /// A deadline passed.
    TimedOut,
    /// TLS or a certificate failed.
    Tls,
    /// The peer broke the rules of its protocol.
    Protocol,
    /// The peer answered, and the answer is no: see [`Error::status`].
    Rejected,
    /// This machine does not permit it.
    Denied,
    /// The address is taken.
    InUse,
    /// This build or this kind of endpoint cannot do it.
    Unsupported,
    /// The user or the caller gave up.
    Canceled,
    /// Another failure of this machine.
    Io,
}

impl Kind {
    /// A stable word for this kind, used as the `code` of JSON events.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Name => "name",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::TimedOut => "timed-out",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Rejected => "rejected",
            Self::Denied => "denied",
            Self::InUse => "in-use",
            Self::Unsupported => "unsupported",
            Self::Canceled => "canceled",
            Self::Io => "io",
        }
    }
}

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Reading what the user wrote.
    Parse,
    /// Finding the addresses of a name.
    Resolve,
    /// Putting a question to a name server.
    Ask,
    /// Reaching a peer.
    Connect,
    /// Taking an address for a server or a datagram socket.
    Listen,
    /// Taking a connection from a listener.
    Accept,
    /// Agreeing on a layer with the peer, such as TLS.
    Handshake,
    /// Starting a program.
    Run,
    /// Opening a file, a named pipe or an inherited descriptor.
    Open,
    /// Asking a server for what a URL names, or sending it there.
    Fetch,
    /// Calling a method of another program.
    Call,
    /// Receiving.
    Read,
    /// Sending.
    Write,
    /// Ending a connection of another program.
    Close,
    /// Ending another program.
    Stop,
}

impl Operation {
    /// The words that stand between "cannot" and the endpoint.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Resolve => "resolve",
            Self::Ask => "ask",
            Self::Connect => "connect to",
            Self::Listen => "listen on",
            Self::Accept => "accept on",
            Self::Handshake => "shake hands with",
            Self::Run => "run",
            Self::Open => "open",
            Self::Fetch => "fetch",
            Self::Call => "call",
            Self::Read => "read from",
            Self::Write => "write to",
            Self::Close => "close",
            Self::Stop => "stop",
        }
    }
}

/// What failed, where, why, and one thing to try.
///
/// Its text is one line, complete by itself: `cannot connect to tcp://db:5432 [192.0.2.7]: nobody listens there`.
/// The wording is for people and may change; programs look at [`Error::kind`].
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    operation: Operation,
    endpoint: Option<Endpoint>,
    subject: Option<String>,
    address: Option<String>,
    why: String,
    os_code: Option<i32>,
    status: Option<u16>,
    hint: Option<String>,
}

impl Error {
    /// An error of this kind; `why` is a clause in lower case without a full stop.
    pub fn new(kind: Kind, operation: Operation, why: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            endpoint: None,
            subject: None,
            address: None,
            why: why.into(),
            os_code: None,
            status: None,
            hint: None,
        }))
    }

    /// The same error, on this endpoint: the one that the user wrote.
    #[must_use]
    pub fn on(mut self, endpoint: &Endpoint) -> Self {
        self.0.endpoint.get_or_insert_with(|| endpoint.clone());
        self
    }

    /// The same error, about this: a URL without its secrets, or the path of a file. It stands where the endpoint would, or
    /// before it if that is another place than the URL names, a proxy say.
    #[must_use]
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.0.subject.get_or_insert_with(|| subject.to_string());
        self
    }

    /// The same error, at this resolved address.
    #[must_use]
    pub fn at(mut self, address: impl fmt::Display) -> Self {
        self.0.address.get_or_insert_with(|| address.to_string());
        self
    }

    /// The same error with one thing to try, instead of what the table has for it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with another operation: a handshake that failed while connecting.
    #[must_use]
    pub fn during(mut self, operation: Operation) -> Self {
        self.0.operation = operation;
        self
    }

    /// The same error, of this hop on the way: its name comes before the reason.
    #[must_use]
    pub(crate) fn through(mut self, hop: impl fmt::Display) -> Self {
        self.0.why = format!("{hop}: {}", self.0.why);
        self
    }

    /// The same error, with the code of the peer's answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// What went wrong, for programs.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What was being done.
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// The endpoint the user wrote, if there is one.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.0.endpoint.as_ref()
    }

    /// What it is about, if that is no endpoint: a URL, the path of a file.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The resolved address in question, if there is one.
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Why it failed, without the rest of the line.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// The operating system's error number (`errno`), if one is behind this.
    pub fn os_code(&self) -> Option<i32> {
        self.0.os_code
    }

    /// The code of the peer's answer, if one is behind this: 550 of FTP, say.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// One thing to try.
    pub fn hint(&self) -> Option<String> {
        self.0.hint.clone().or_else(|| hint::lookup(self))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if inner.endpoint.is_none() && inner.subject.is_none() && inner.address.is_none() {
            return f.write_str(&inner.why);
        }
        match (&inner.endpoint, &inner.subject) {
            (Some(endpoint), Some(subject)) => {
                write!(f, "cannot {} {subject}", Operation::Fetch.phrase())?;
                if !names(subject, endpoint) {
                    write!(f, ": cannot {} {endpoint}", inner.operation.phrase())?;
                }
            }
            (Some(endpoint), None) => write!(f, "cannot {} {endpoint}", inner.operation.phrase())?,
            (None, Some(subject)) => write!(f, "cannot {} {subject}", inner.operation.phrase())?,
            (None, None) => write!(f, "cannot {}", inner.operation.phrase())?,
        }
        if let Some(address) = &inner.address {
            write!(f, " [{address}]")?;
        }
        write!(f, ": {}", inner.why)
    }
}

/// Whether a URL leads to this endpoint, so that naming both says nothing more.
fn names(url: &str, endpoint: &Endpoint) -> bool {
    let Carrier::Tcp(place) = endpoint.carrier() else {
        return false;
    };
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = place.host.to_string();
    let bare = |text: &str| text.trim_matches(['[', ']']).to_owned();
    let asked = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    bare(asked) == bare(&host) && endpoint.options().via.is_empty()
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Error({:?}, {:?}: {self})",
            self.0.kind, self.0.operation
        )
    }
}

impl std::error::Error for Error {}

impl From<ParseError> for Error {
    /// [`Kind::Usage`], or [`Kind::Unsupported`] for what is not built in yet; text and hint stay the same.
    fn from(refusal: ParseError) -> Self {
        let kind = if refusal.is_unsupported() {
            Kind::Unsupported
        } else {
            Kind::Usage
        };
        let error = Self::new(kind, Operation::Parse, refusal.to_string());
        match refusal.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
