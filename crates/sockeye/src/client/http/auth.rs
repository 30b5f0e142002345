//! Who we are: secrets, each bound to one origin.

use std::fmt;

use data_encoding::BASE64;
use sockeye_data::http1::Headers;

use super::request::Request;

/// What proves who we are. It is never shown.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user and a password, sent as they are (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(f, "Basic({user:?})"),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// Secrets, and what servers said about how to prove them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Credentials {}

impl Credentials {
    /// The value of `Authorization` for this request, if it is to be sent unasked. `own` is what the request itself brings.
    pub(super) fn authorize(&self, _request: &Request, own: Option<&Credential>) -> Option<String> {
        match own? {
            Credential::Basic { user, password } => Some(format!(
                "Basic {}",
                BASE64.encode(format!("{user}:{password}").as_bytes())
            )),
            Credential::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }

    /// A server wants to know who asks (401), or a proxy does (407). Whether the request shall be put again, with what
    /// [`Credentials::authorize`] gives then.
    pub(super) fn challenged(
        &self,
        _request: &Request,
        _own: Option<&Credential>,
        _status: u16,
        _headers: &Headers,
    ) -> bool {
        false
    }
}
