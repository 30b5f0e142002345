//! One thing to try for each kind of failure: the only table of hints.

use super::{Error, Kind, Operation};
use crate::endpoint::Carrier;

/// The hint for an error that carries none of its own.
pub(super) fn lookup(error: &Error) -> Option<String> {
    let carrier = error.endpoint().map(|endpoint| endpoint.carrier());
    let text = match (error.kind(), error.operation(), carrier) {
        (Kind::Refused, Operation::Connect, Some(Carrier::Unix(_))) => {
            "the socket file is there but its server is gone; start the server, or remove the file"
        }
        (Kind::Refused, Operation::Connect, _) => {
            "is the server running? `--retry 10` waits for it"
        }
        (Kind::TimedOut, Operation::Connect, _) => {
            "a firewall may drop what we send; `--connect-timeout 60s` waits longer"
        }
        (Kind::Denied, Operation::Listen, Some(Carrier::Tcp(_) | Carrier::Udp(_))) => {
            "ports below 1024 need CAP_NET_BIND_SERVICE; take a port from 1024 on"
        }
        (Kind::InUse, Operation::Listen, Some(Carrier::Tcp(_) | Carrier::Udp(_))) => {
            "take another port, or port 0 to let the system choose"
        }
        (Kind::Name, Operation::Resolve, _) => "check the spelling",
        (Kind::TimedOut, Operation::Resolve, _) => {
            "is the network up? name servers stand in /etc/resolv.conf"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
