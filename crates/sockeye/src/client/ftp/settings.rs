//! How a session with a server is held: who we are, what is encrypted, and what bounds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_data::ftp::{Command, ListingLimits, Reply, ReplyLimits};

use crate::client::download::Rate;
use crate::endpoint::{Options, TlsOptions};

/// How long an answer may take when nothing else is said.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long no byte of a transfer may come or go when nothing else is said.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server may take to say why a transfer broke.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who we are. Printing masks what is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) account: Option<Vec<u8>>,
}

impl Default for Login {
    fn default() -> Self {
        Self::anonymous()
    }
}

impl Login {
    /// Nobody in particular (RFC 1635): the user `anonymous`, with an address that names nobody as the password.
    pub fn anonymous() -> Self {
        Self::new("anonymous", "anonymous@")
    }

    /// A user and a password.
    pub fn new(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        Self {
            user: user.as_ref().to_vec(),
            password: Some(password.as_ref().to_vec()),
            account: None,
        }
    }

    /// A user without a password: a server that asks for one is told an empty one.
    pub fn user(user: impl AsRef<[u8]>) -> Self {
        Self {
            user: user.as_ref().to_vec(),
            password: None,
            account: None,
        }
    }

    /// The account that some servers ask for as well (`ACCT`, RFC 959 section 4.1.1).
    #[must_use]
    pub fn account(mut self, account: impl AsRef<[u8]>) -> Self {
        self.account = Some(account.as_ref().to_vec());
        self
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.user.as_slice(), b"anonymous" | b"ftp")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", sockeye_data::escape::escape(&self.user))
    }
}

/// What is encrypted. What is asked for is done, or the session ends: nothing falls back to clear text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Nothing: user, password and files travel in clear text.
    #[default]
    None,
    /// The session begins in clear text and is encrypted before the user is named (`AUTH TLS`, RFC 4217).
    Explicit(TlsOptions),
    /// TLS from the first byte on: `ftps://`, usually on port 990.
    Implicit(TlsOptions),
}

impl Security {
    pub(super) fn tls(&self) -> Option<&TlsOptions> {
        match self {
            Self::None => None,
            Self::Explicit(options) | Self::Implicit(options) => Some(options),
        }
    }
}

/// Who opens the connections that files travel on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DataMode {
    /// We do: `EPSV` (RFC 2428), and `PASV` if the server does not know that. The address in an answer to `PASV` is not used: files come
    /// from where the session is.
    #[default]
    Passive,
    /// The server does, to the address that our side of the session has: `EPRT`, or `PORT` over IPv4. Connections from another
    /// address than the server's are closed.
    Active,
}

/// A line of the session, for those who listen.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// We sent this; printing masks the password.
    Command(&'a Command),
    /// The server answered this.
    Reply(&'a Reply),
}

impl fmt::Display for Said<'_> {
    /// `> USER me`, `< 331 Please specify the password.`; lines of a longer answer are put under each other, all escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "> {command}"),
            Self::Reply(reply) => {
                let (last, before) = match reply.lines() {
                    [before @ .., _] => (reply, before),
                    [] => (reply, &[][..]),
                };
                for line in before {
                    let text = sockeye_data::escape::escape(line.trim_ascii_end());
                    writeln!(f, "< {}-{text}", reply.code())?;
                }
                write!(f, "< {last}")
            }
        }
    }
}

type Listener = dyn Fn(Said<'_>) + Send + Sync;

/// How a session is held. The default is an anonymous one in clear text.
///
/// # Examples
///
/// ```
/// use sockeye::client::ftp::{Login, Security, Settings};
/// use sockeye::endpoint::TlsOptions;
///
/// let settings = Settings::new()
///     .login(Login::new("me", "s3cret"))
///     .security(Security::Explicit(TlsOptions::default()));
/// assert!(!format!("{settings:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct Settings {
    pub(super) login: Login,
    pub(super) security: Security,
    pub(super) clear_data: bool,
    pub(super) mode: DataMode,
    pub(super) options: Options,
    pub(super) reply_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) replies: ReplyLimits,
    pub(super) listings: ListingLimits,
    pub(super) is_lenient: bool,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) rate: Option<Rate>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login: Login::default(),
            security: Security::default(),
            clear_data: false,
            mode: DataMode::default(),
            options: Options::default(),
            reply_timeout: REPLY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            replies: ReplyLimits::default(),
            listings: ListingLimits::default(),
            is_lenient: false,
            listener: None,
            rate: None,
        }
    }
}

impl Settings {
    /// The same as the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who we are, unless a URL says so; anonymous by default.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// What is encrypted; nothing by default. A URL of `ftps` means [`Security::Implicit`] at least.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Whether files and listings travel in clear text although the session is encrypted (`PROT C`, RFC 4217 section 9); off by
    /// default. It weakens security, and is for servers that cannot do otherwise.
    #[must_use]
    pub fn clear_data(mut self, clear: bool) -> Self {
        self.clear_data = clear;
        self
    }

    /// Who opens the connections that files travel on; we do by default.
    #[must_use]
    pub fn mode(mut self, mode: DataMode) -> Self {
        self.mode = mode;
        self
    }

    /// How connections are opened, if the server is given as a URL: family, local address, interface, proxies.
    #[must_use]
    pub fn endpoint_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long an answer may take; [`REPLY_TIMEOUT`] by default.
    #[must_use]
    pub fn reply_timeout(mut self, timeout: Duration) -> Self {
        self.reply_timeout = timeout;
        self
    }

    /// How long no byte of a transfer may come or go; [`IDLE_TIMEOUT`] by default.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// What bounds one answer.
    #[must_use]
    pub fn reply_limits(mut self, limits: ReplyLimits) -> Self {
        self.replies = limits;
        self
    }

    /// What bounds one listing.
    #[must_use]
    pub fn listing_limits(mut self, limits: ListingLimits) -> Self {
        self.listings = limits;
        self
    }

    /// Whether answers may end in a bare line feed; off by default.
    #[must_use]
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.is_lenient = lenient;
        self
    }

    /// Hold what is received to this rate, together with everything else that has a clone of it; as fast as it comes by default.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Tell this function what is said in the session. It is called on the task that talks.
    #[must_use]
    pub fn listener(mut self, listener: impl Fn(Said<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("login", &self.login)
            .field("security", &self.security)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
