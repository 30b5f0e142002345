//! How a listener speaks TLS beyond what its endpoint says: what a web server wants and a relay does not.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;

/// How listeners speak TLS beyond what their endpoints say, see [`Net::tls_serving`](crate::Net::tls_serving). By default
/// nothing is kept, nothing is watched, and a certificate that is made on the fly vouches for itself.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TlsServing {
    /// The folder of the local authority, which vouches for certificates that are made on the fly. It is made, for its owner
    /// alone, if it is not there: `ca.pem` is for those who are to trust it, `ca-key.pem` for nobody. It vouches for names and
    /// addresses of local networks only.
    pub authority: Option<PathBuf>,
    /// Names and addresses that such a certificate is for, beside those of this machine and of where we listen.
    pub names: Vec<String>,
    /// A client that shows no certificate is let in; one that shows a wrong one is not.
    pub clients_may_be_unknown: bool,
    /// Whether sessions can be resumed, by tickets (RFC 8446 section 2.2, RFC 5077).
    pub tickets: bool,
    /// Whether files of certificates, keys and roots are read again when they have changed: looked at when a client comes, at
    /// most once a second. What cannot be used changes nothing.
    pub reload: bool,
    /// What a client hears that says something else than TLS, such as an answer to HTTP.
    pub plain: Option<&'static [u8]>,
    /// Hears what comes of changed files.
    pub told: Option<Told>,
}

/// Who hears that files were read again, or why they were not.
pub type Told = Arc<dyn Fn(Result<(), &Error>) + Send + Sync>;

impl TlsServing {
    /// As by default.
    pub fn new() -> Self {
        Self::default()
    }

    #[allow(
        dead_code,
        reason = "for layers that are served, and a build may have none"
    )]
    pub(crate) fn tell(&self, outcome: Result<(), &Error>) {
        if let Some(told) = &self.told {
            told(outcome);
        }
    }
}

impl fmt::Debug for TlsServing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServing")
            .field("authority", &self.authority)
            .field("names", &self.names)
            .field("tickets", &self.tickets)
            .field("reload", &self.reload)
            .finish_non_exhaustive()
    }
}
