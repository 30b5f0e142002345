//! TCP sockets: the options that a connecting and a listening one share.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::endpoint::{Family, Options};
use crate::error::{Error, Kind, Operation};

/// What the kernel takes as the time before the first probe, in whole seconds (tcp(7)).
const KEEPALIVE_SECONDS: std::ops::RangeInclusive<u64> = 1..=32_767;

/// Put the options of an endpoint on a TCP socket, before it connects or listens.
///
/// These are `interface`, `nodelay` (on unless the options say no), `keepalive`, `buffer` and `ttl`; accepted sockets
/// inherit them from their listener. Binding is the caller's part. Errors carry an [`Error`] where there is more to
/// say than the system does.
pub(crate) fn apply(socket: SockRef<'_>, options: &Options, family: Family) -> io::Result<()> {
    if let Some(interface) = &options.interface {
        socket
            .bind_device(Some(interface.as_bytes()))
            .map_err(|error| interface_error(interface, error))?;
    }
    socket.set_tcp_nodelay(options.nodelay.unwrap_or(true))?;
    if let Some(idle) = options.keepalive {
        let whole = idle.as_secs() + u64::from(idle.subsec_nanos() > 0);
        let whole = whole.clamp(*KEEPALIVE_SECONDS.start(), *KEEPALIVE_SECONDS.end());
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(whole)))?;
    }
    if let Some(bytes) = options.buffer {
        // The kernel takes an int, doubles it and cuts it to its own limits (socket(7)).
        let bytes = usize::try_from(bytes.min(i32::MAX as u64)).unwrap_or(usize::MAX);
        socket.set_send_buffer_size(bytes)?;
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(ttl) = options.ttl {
        match family {
            Family::V4 => socket.set_ttl_v4(ttl.into())?,
            Family::V6 => socket.set_unicast_hops_v6(ttl.into())?,
        }
    }
    Ok(())
}

pub(crate) fn interface_error(interface: &str, error: io::Error) -> io::Error {
    let (kind, why) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            Kind::Denied,
            format!("this machine does not let us choose the network interface {interface:?}"),
        ),
        _ if error.raw_os_error() == Some(nix::libc::ENODEV) => (
            Kind::Usage,
            format!("this machine has no network interface {interface:?}"),
        ),
        _ => return error,
    };
    Error::new(kind, Operation::Connect, why)
        .with_hint("`ip link` shows the interfaces; choosing one may need CAP_NET_RAW")
        .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use socket2::{Domain, Socket, Type};

    use super::*;

    fn socket(domain: Domain) -> Socket {
        Socket::new(domain, Type::STREAM, None).unwrap()
    }

    #[test]
    fn nodelay_is_on_unless_refused() {
        let socket = socket(Domain::IPV4);
        apply(SockRef::from(&socket), &Options::default(), Family::V4).unwrap();
        assert!(socket.tcp_nodelay().unwrap());
        let options = Options {
            nodelay: Some(false),
            ..Options::default()
        };
        apply(SockRef::from(&socket), &options, Family::V4).unwrap();
        assert!(!socket.tcp_nodelay().unwrap());
    }

    #[test]
    fn options_reach_the_socket() {
        let options = Options {
            keepalive: Some(Duration::from_millis(1_500)),
            buffer: Some(65_536),
            ttl: Some(7),
            ..Options::default()
        };
        let four = socket(Domain::IPV4);
        apply(SockRef::from(&four), &options, Family::V4).unwrap();
        assert!(four.keepalive().unwrap());
        assert_eq!(four.tcp_keepalive_time().unwrap(), Duration::from_secs(2));
        assert!(four.recv_buffer_size().unwrap() >= 65_536);
        assert_eq!(four.ttl_v4().unwrap(), 7);
        let six = socket(Domain::IPV6);
        apply(SockRef::from(&six), &options, Family::V6).unwrap();
        assert_eq!(six.unicast_hops_v6().unwrap(), 7);
    }

    #[test]
    fn an_unknown_interface_is_named() {
        let options = Options {
            interface: Some("no-such-if0".into()),
            ..Options::default()
        };
        let socket = socket(Domain::IPV4);
        let error = apply(SockRef::from(&socket), &options, Family::V4).unwrap_err();
        let error = Error::from_io(Operation::Connect, error);
        assert!(error.to_string().contains("no-such-if0"), "{error}");
    }
}
