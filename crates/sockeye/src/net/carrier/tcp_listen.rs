//! Listening on TCP, on one address or on several with one port.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` opens what it carries"
)]

use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::tcp;
use crate::endpoint::{Family, Options};
use crate::error::{Error, Operation, Result};
use crate::host;

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// How often another port is tried when the system's choice for the first address is taken on the second.
const PORT_ATTEMPTS: usize = 16;

/// Listen on all of these addresses. If port 0 is asked for, all get the port that the system chose for the first.
///
/// An address of a family that this machine lacks is passed over, as long as one remains.
pub(crate) fn listen(addresses: &[SocketAddr], options: &Options) -> Result<Vec<TcpListener>> {
    let mut attempt = 1;
    loop {
        match listen_once(addresses, options) {
            Err((address, error))
                if error.kind() == io::ErrorKind::AddrInUse
                    && address.port() == 0
                    && attempt < PORT_ATTEMPTS =>
            {
                attempt += 1;
            }
            Err((address, error)) => return Err(refusal(address, error)),
            Ok(listeners) => return Ok(listeners),
        }
    }
}

type Failure = (SocketAddr, io::Error);

fn listen_once(addresses: &[SocketAddr], options: &Options) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(addresses.len());
    let mut missing = None;
    let mut port = None;
    for asked in addresses {
        let mut address = *asked;
        if address.port() == 0 {
            address.set_port(port.unwrap_or(0));
        }
        match listen_on(address, options) {
            Ok(listener) => {
                port = port.or_else(|| listener.local_addr().ok().map(|local| local.port()));
                listeners.push(listener);
            }
            Err(error) if addresses.len() > 1 && lacks_family(&error) => {
                missing = Some((*asked, error))
            }
            Err(error) => return Err((*asked, error)),
        }
    }
    match missing {
        Some(failure) if listeners.is_empty() => Err(failure),
        _ => Ok(listeners),
    }
}

fn listen_on(address: SocketAddr, options: &Options) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A server that is started again must get its port while old connections are in TIME-WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(options.reuseport)?;
    if address.is_ipv6() {
        // One socket per family: peers keep their own form of address.
        socket.set_only_v6(true)?;
    }
    let family = if address.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    tcp::apply((&socket).into(), options, family)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let backlog = i32::try_from(options.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX);
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

/// Whether the address failed because this machine has no such family.
fn lacks_family(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(nix::libc::EAFNOSUPPORT | nix::libc::EADDRNOTAVAIL | nix::libc::EPROTONOSUPPORT)
    )
}

fn refusal(address: SocketAddr, error: io::Error) -> Error {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let made = Error::from_io(Operation::Listen, error)
        .during(Operation::Listen)
        .at(address);
    match in_use.then(|| host::owner::of_tcp_port(address.port())).flatten() {
        Some(owner) => made.with_hint(format!(
            "port {} is held by {owner}; stop it, take another port, or port 0 to let the system choose",
            address.port()
        )),
        None => made,
    }
}

/// The addresses of everyone (`any`) or of this machine only, both families.
pub(crate) fn both_families(any: bool, port: u16) -> [SocketAddr; 2] {
    use std::net::Ipv4Addr;
    let (v4, v6) = if any {
        (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)
    } else {
        (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
    };
    [SocketAddr::from((v4, port)), SocketAddr::from((v6, port))]
}
