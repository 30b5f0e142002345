//! Whether the options of an endpoint have a meaning for what is done with it.
//!
//! The grammar knows which options a carrier has; here stands which of them a role has. An option that would be passed
//! over in silence is refused.

use crate::endpoint::{Access, Carrier, Endpoint, Verify};
use crate::error::{Error, Kind, Operation, Result};

/// What is done with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A peer is reached.
    Connect,
    /// Peers arrive.
    Listen,
}

impl Role {
    fn operation(self) -> Operation {
        match self {
            Self::Connect => Operation::Connect,
            Self::Listen => Operation::Listen,
        }
    }
}

/// Refuse the first option that would have no effect.
///
/// # Errors
///
/// [`Kind::Usage`] with the reason.
pub(crate) fn check(endpoint: &Endpoint, role: Role) -> Result<()> {
    for option in endpoint.given() {
        if let Some(why) = idle(endpoint, option.name, role) {
            let why = format!("`{}=` has no effect: {why}", option.name);
            let error = Error::new(Kind::Usage, role.operation(), why).on(endpoint);
            return Err(error.with_hint(format!("leave `{}=` out", option.name)));
        }
        if !option.applies(endpoint.carrier(), endpoint.layers()) {
            let why = format!("`{}=` does not apply to {}", option.name, endpoint.scheme());
            return Err(Error::new(Kind::Usage, role.operation(), why).on(endpoint));
        }
    }
    Ok(())
}

/// Why this option does nothing here, if it does nothing.
fn idle(endpoint: &Endpoint, option: &str, role: Role) -> Option<&'static str> {
    let options = endpoint.options();
    let tls = endpoint.tls();
    match (option, role, endpoint.carrier()) {
        ("bind", Role::Listen, _) => {
            Some("it is for connecting; where to listen is the endpoint itself")
        }
        ("via", Role::Listen, _) => Some("it is for connecting; who listens waits for others"),
        ("backlog", Role::Connect, _) => Some("it is for listening; who connects has no queue"),
        ("mode" | "unlink", Role::Connect, Carrier::Unix(_)) => {
            Some("it is for listening; connecting makes no socket file")
        }
        ("mode", _, Carrier::File(_)) if matches!(options.access, None | Some(Access::Read)) => {
            Some("reading makes no file; `access=write` does")
        }
        ("sni", Role::Listen, _) => Some("it is for connecting; clients choose the name"),
        ("ca", _, _) if tls.is_some_and(|tls| !tls.pin.is_empty()) => {
            Some("a certificate that `pin=` names is good whoever signed it")
        }
        ("ca", _, _) if tls.is_some_and(|tls| tls.verify == Verify::None) => {
            Some("`verify=none` checks nothing")
        }
        _ => None,
    }
}
