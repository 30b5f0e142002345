//! One thing to try for each kind of failure: the only table of hints.

use super::{Error, Kind, Operation};
use crate::endpoint::Carrier;

/// The hint for an error that carries none of its own.
pub(super) fn lookup(error: &Error) -> Option<String> {
    let carrier = error.endpoint().map(|endpoint| endpoint.carrier());
    let text = by_code(error.os_code(), error.operation(), carrier)
        .or_else(|| by_kind(error.kind(), error.operation(), carrier))?;
    Some(text.to_owned())
}

/// What the system says precisely.
fn by_code(
    code: Option<i32>,
    operation: Operation,
    carrier: Option<&Carrier>,
) -> Option<&'static str> {
    match code? {
        nix::libc::EADDRNOTAVAIL if operation == Operation::Listen => {
            Some("`ip address` shows the addresses of this machine; `:PORT` listens on all")
        }
        nix::libc::ENOENT
            if operation == Operation::Open && matches!(carrier, Some(Carrier::File(_))) =>
        {
            Some("a relative path starts where sockeye was started; `access=write` makes the file")
        }
        nix::libc::EMFILE => Some("`ulimit -n` shows the limit, and `ulimit -n 65536` raises it"),
        nix::libc::ENFILE => Some("`sysctl fs.file-max` shows the limit of the machine"),
        _ => None,
    }
}

fn by_kind(kind: Kind, operation: Operation, carrier: Option<&Carrier>) -> Option<&'static str> {
    use Operation::{Connect, Fetch, Listen, Open, Read, Resolve, Write};
    Some(match (kind, operation, carrier) {
        (Kind::Refused, Connect, Some(Carrier::Unix(_))) => {
            "the socket file is there but its server is gone; start the server, or remove the file"
        }
        (Kind::Refused, Connect, _) => "is the server running? `--retry 10` waits for it",
        (Kind::Unreachable, Connect, Some(Carrier::Tcp(_) | Carrier::Udp(_))) => {
            "is the network up? `ip route get ADDRESS` shows which way it would go"
        }
        (Kind::TimedOut, Connect, Some(Carrier::Unix(_))) => {
            "the server is busy or stopped; `--connect-timeout 60s` waits longer"
        }
        (Kind::TimedOut, Connect, _) => {
            "a firewall may drop what we send; `--connect-timeout 60s` waits longer"
        }
        (Kind::TimedOut, Open, Some(Carrier::Fifo(_))) => {
            "start the program that reads it; `--connect-timeout 60s` waits longer"
        }
        (Kind::Denied, Connect, Some(Carrier::Unix(_))) => {
            "connecting needs write permission on the socket file, see `ls -l`"
        }
        (Kind::Denied, Listen, Some(Carrier::Unix(_))) => {
            "the directory must be ours to write; take another path"
        }
        (Kind::Denied, Open, Some(Carrier::File(_) | Carrier::Fifo(_))) => {
            "`ls -l` shows who may open it; `access=` says what we want"
        }
        (Kind::Denied, Listen, Some(Carrier::Tcp(_) | Carrier::Udp(_))) => {
            "ports below 1024 need CAP_NET_BIND_SERVICE; take a port from 1024 on"
        }
        (Kind::InUse, Listen, Some(Carrier::Tcp(_) | Carrier::Udp(_))) => {
            "take another port, or port 0 to let the system choose"
        }
        (Kind::Protocol, Fetch, None) => {
            "--wire shows what came; --lenient forgives what old servers do"
        }
        (Kind::Lost, Fetch | Read, None) => "--wire shows how far it came",
        (Kind::TimedOut, Read | Write, None) => "--idle-timeout TIME waits longer",
        (Kind::Name, Resolve, _) => "check the spelling",
        (Kind::TimedOut, Resolve, _) => "is the network up? name servers stand in /etc/resolv.conf",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
