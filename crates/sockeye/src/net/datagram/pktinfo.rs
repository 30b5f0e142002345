//! One datagram in, one datagram out, with the local address it was sent to and has to be answered from.
//!
//! Linux tells the address in a control message: `IP_PKTINFO` (ip(7)) and `IPV6_PKTINFO` (RFC 3542 section 6).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recv, recvmsg, sendmsg,
};
use socket2::Socket;

use super::peer::{PeerAddress, to_std};
use super::socket::lock;
use crate::endpoint::{Endpoint, UnixName};
use crate::error::{Error, Kind, Operation};
use crate::net::MAX_DATAGRAM;

/// A datagram socket that is not connected.
#[derive(Debug)]
pub(in crate::net) enum Unconnected {
    Udp {
        socket: Socket,
        /// Whether it is bound to every address, so that an answer has to name the one it comes from.
        wildcard: bool,
    },
    /// The lock makes "ask the length, then receive" one step.
    Unix(UnixDatagram, Mutex<()>),
}

impl AsRawFd for Unconnected {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Udp { socket, .. } => socket.as_raw_fd(),
            Self::Unix(socket, _) => socket.as_raw_fd(),
        }
    }
}

/// What is known of a datagram beside its bytes.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) len: usize,
    pub(super) peer: PeerAddress,
    /// The address it was sent to: ours, a group's, or a broadcast address.
    pub(super) asked: Option<IpAddr>,
    /// How to answer, if the system would not choose right by itself.
    pub(super) via: Option<Via>,
}

/// The local address that an answer leaves from; the interface is 0 unless the address is link-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::net) struct Via {
    pub(super) from: IpAddr,
    interface: u32,
}

/// Space for control messages, aligned as the system wants it.
#[repr(align(16))]
struct Control([u8; 128]);

impl Unconnected {
    /// Receive one datagram; one that does not fit is gone and an error.
    pub(super) fn receive(&self, buf: &mut [u8]) -> io::Result<Arrival> {
        match self {
            Self::Udp { socket, wildcard } => receive_udp(socket, *wildcard, buf),
            Self::Unix(socket, one) => {
                let _one = lock(one);
                // Linux tells the whole length of a message that is only looked at (recv(2), MSG_TRUNC).
                let ask = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
                let whole = recv(socket.as_raw_fd(), &mut [], ask)?;
                let (len, from) = socket.recv_from(buf)?;
                if whole > len {
                    return Err(too_long_for(buf.len()));
                }
                Ok(Arrival {
                    len,
                    peer: PeerAddress::from_std(&from),
                    asked: None,
                    via: None,
                })
            }
        }
    }

    /// Send one datagram.
    pub(super) fn send(
        &self,
        message: &[u8],
        to: &PeerAddress,
        via: Option<Via>,
    ) -> io::Result<()> {
        match (self, to) {
            (Self::Udp { socket, .. }, PeerAddress::Ip(to)) => send_udp(socket, message, *to, via),
            (Self::Unix(socket, _), PeerAddress::Unix(Some(name))) => {
                send_unix(socket, message, name)
            }
            (Self::Unix(..), PeerAddress::Unix(None)) => Err(nameless()),
            (Self::Udp { .. }, PeerAddress::Unix(_)) | (Self::Unix(..), PeerAddress::Ip(_)) => {
                Err(wrong_family(to))
            }
        }
    }

    /// The address it is bound to.
    pub(super) fn local(&self) -> Option<PeerAddress> {
        match self {
            Self::Udp { socket, .. } => socket.local_addr().ok()?.as_socket().map(PeerAddress::Ip),
            Self::Unix(socket, _) => Some(PeerAddress::from_std(&socket.local_addr().ok()?)),
        }
    }

    /// Whether a datagram to this peer can leave here.
    pub(super) fn reaches(&self, peer: &PeerAddress) -> bool {
        match (self.local(), peer) {
            (Some(PeerAddress::Ip(local)), PeerAddress::Ip(peer)) => {
                local.is_ipv4() == peer.is_ipv4()
            }
            (Some(PeerAddress::Unix(_)), PeerAddress::Unix(_)) => true,
            _ => false,
        }
    }
}

fn receive_udp(socket: &Socket, wildcard: bool, buf: &mut [u8]) -> io::Result<Arrival> {
    let mut control = Control([0; 128]);
    let room = buf.len();
    let mut slices = [IoSliceMut::new(buf)];
    let got = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control.0),
        MsgFlags::empty(),
    )?;
    if got.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(too_long_for(room));
    }
    let peer = got
        .address
        .as_ref()
        .and_then(socket_addr)
        .ok_or_else(|| io::Error::other("the system did not say who sent the datagram"))?;
    let mut asked = None;
    let mut via = None;
    for message in got.cmsgs().into_iter().flatten() {
        match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                asked = Some(IpAddr::V4(v4(info.ipi_addr)));
                // The system names the interface's own address here if a group or a broadcast address was asked.
                via = Some(Via {
                    from: IpAddr::V4(v4(info.ipi_spec_dst)),
                    interface: 0,
                });
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                let addr = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                asked = Some(IpAddr::V6(addr));
                let interface = if addr.is_unicast_link_local() {
                    info.ipi6_ifindex
                } else {
                    0
                };
                via = answers(addr).then_some(Via {
                    from: IpAddr::V6(addr),
                    interface,
                });
            }
            _ => {}
        }
    }
    Ok(Arrival {
        len: got.bytes,
        peer: PeerAddress::Ip(peer),
        asked: asked.map(|ip| ip.to_canonical()),
        via: via.filter(|via| wildcard && !via.from.is_unspecified()),
    })
}

/// Whether this address may stand as the sender of an answer: groups and, as mapped IPv4, broadcasts may not.
fn answers(addr: Ipv6Addr) -> bool {
    match addr.to_ipv4_mapped() {
        Some(v4) => !v4.is_multicast() && !v4.is_broadcast(),
        None => !addr.is_multicast(),
    }
}

pub(in crate::net) fn send_udp(
    socket: &Socket,
    message: &[u8],
    to: SocketAddr,
    via: Option<Via>,
) -> io::Result<()> {
    let slices = [IoSlice::new(message)];
    let to = SockaddrStorage::from(to);
    let fd = socket.as_raw_fd();
    let flags = MsgFlags::empty();
    let sent = match via {
        None => sendmsg(fd, &slices, &[], flags, Some(&to)),
        Some(Via {
            from: IpAddr::V4(from),
            ..
        }) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from_ne_bytes(from.octets()),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            sendmsg(fd, &slices, &control, flags, Some(&to))
        }
        Some(Via {
            from: IpAddr::V6(from),
            interface,
        }) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: from.octets(),
                },
                ipi6_ifindex: interface,
            };
            let control = [ControlMessage::Ipv6PacketInfo(&info)];
            sendmsg(fd, &slices, &control, flags, Some(&to))
        }
    };
    sent.map(drop)
        .map_err(|errno| explain_send(errno.into(), message.len()))
}

fn send_unix(socket: &UnixDatagram, message: &[u8], name: &UnixName) -> io::Result<()> {
    socket
        .send_to_addr(message, &to_std(name)?)
        .map(drop)
        .map_err(|e| explain_send(e, message.len()))
}

/// Receive on a connected socket; what does not fit is gone and an error.
pub(in crate::net) fn receive_connected(socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
    let room = buf.len();
    let mut slices = [IoSliceMut::new(buf)];
    let got = recvmsg::<()>(socket.as_raw_fd(), &mut slices, None, MsgFlags::empty())?;
    if got.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(too_long_for(room));
    }
    Ok(got.bytes)
}

/// Send on a connected socket.
pub(in crate::net) fn send_connected(socket: &Socket, message: &[u8]) -> io::Result<()> {
    let flags = MsgFlags::MSG_NOSIGNAL;
    nix::sys::socket::send(socket.as_raw_fd(), message, flags)
        .map(drop)
        .map_err(|errno| explain_send(errno.into(), message.len()))
}

/// The error for a message that the caller's buffer does not hold.
pub(in crate::net) fn too_long_for(room: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the peer sent a message that is longer than the buffer of {room} bytes"),
    )
}

/// "Message too long" in words; other errors as they are.
fn explain_send(error: io::Error, len: usize) -> io::Error {
    if error.raw_os_error() != Some(libc::EMSGSIZE) {
        return error;
    }
    let why = format!("{len} bytes are too long for one message");
    Error::new(Kind::Usage, Operation::Write, why)
        .with_hint(format!(
            "one UDP datagram carries at most {MAX_DATAGRAM} bytes, one Unix message as many as `buffer=` allows"
        ))
        .into()
}

fn nameless() -> io::Error {
    let why = "the peer's socket has no name, so it cannot be answered";
    Error::new(Kind::Unsupported, Operation::Write, why)
        .with_hint("the peer must bind its socket to a name before it sends")
        .into()
}

pub(super) fn wrong_family(to: &PeerAddress) -> io::Error {
    let why = format!("the socket is of another family than {to}");
    Error::new(Kind::Usage, Operation::Write, why).into()
}

/// The endpoint of a UDP socket's own address.
pub(in crate::net) fn local_endpoint(socket: &Socket) -> Option<Endpoint> {
    let addr = socket.local_addr().ok()?.as_socket()?;
    PeerAddress::Ip(addr).endpoint()
}

fn v4(addr: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(addr.s_addr.to_ne_bytes())
}

fn socket_addr(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::V4(SocketAddrV4::from(*v4)));
    }
    storage
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6)))
}
