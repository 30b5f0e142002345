//! One connection instead of a list: the kernel looks it up by its ends.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::KernelQuery;
use super::channel::Channel;
use super::inet::{self, Tuple};
use super::listing::{Listing, is_refusal};
use super::message::ACKNOWLEDGE;
use crate::host::socket::{Protocol, Protocols, Socket, State, States, Wanted};
use crate::host::who::{Connection, End};

/// Put the connection, if there is one, at the end of the list.
pub(super) fn find(listing: &mut Listing<'_>, wanted: &Connection) -> io::Result<()> {
    let start = listing.out.len();
    match looked_up(&mut listing.channel, wanted, listing.query.wanted)? {
        Some(socket) => listing.out.push(socket),
        None => by_ports(listing, wanted)?,
    }
    let waits = |socket: &Socket| socket.inode.is_none() && socket.state == State::Established;
    if listing.out[start..].iter().any(waits) {
        listing.query = KernelQuery {
            states: States::only(State::Listening),
            peer_port: None,
            ..ports_of(listing, wanted)
        };
        listing.everything()?;
    }
    Ok(())
}

/// Ask for this one socket. For a connection that does not exist the kernel answers with the listener that would take
/// it; and one that is bound to a device it only finds if the device is told.
fn looked_up(
    channel: &mut Channel,
    wanted: &Connection,
    details: Wanted,
) -> io::Result<Option<Socket>> {
    let (Some(local), Some(peer)) = (address(wanted.local), address(wanted.peer)) else {
        return Ok(None);
    };
    if local.is_ipv4() != peer.is_ipv4() {
        return Ok(None);
    }
    // Only in look-ups of UDP the peer stands first.
    let (source, destination, number) = match wanted.protocol {
        Protocol::Tcp => (local, peer, 6),
        Protocol::Udp => (peer, local, 17),
        _ => return Ok(None),
    };
    let tuple = Tuple {
        source,
        destination,
        device: 0,
        cookie: None,
    };
    let request = inet::single(inet::BY_FAMILY, 0, number, details, &tuple);
    let found = channel.single(request, |content| inet::parse(content, wanted.protocol));
    match found {
        Err(error) if is_refusal(&error) => Ok(None),
        found => Ok(found?.filter(|socket| wanted.is(socket))),
    }
}

fn address(end: End) -> Option<SocketAddr> {
    let ip = end.ip.as_ref().map(IpAddr::to_canonical)?;
    Some(SocketAddr::new(ip, end.port))
}

/// Let the kernel compare the ports, and compare the rest here.
fn by_ports(listing: &mut Listing<'_>, wanted: &Connection) -> io::Result<()> {
    let start = listing.out.len();
    listing.query = ports_of(listing, wanted);
    listing.everything()?;
    listing.keep(start, |row| wanted.is(row));
    Ok(())
}

fn ports_of(listing: &Listing<'_>, wanted: &Connection) -> KernelQuery {
    let states = States::only(State::Listening).or(States::only(State::Bound));
    KernelQuery {
        protocols: Protocols::only(wanted.protocol),
        states: states.not(),
        local_port: Some(wanted.local.port),
        peer_port: Some(wanted.peer.port),
        bytecode: None,
        wanted: listing.query.wanted,
        connection: None,
    }
}

/// End this one socket, and no other that has its ends now.
pub(crate) fn destroy(
    protocol: Protocol,
    local: SocketAddr,
    peer: SocketAddr,
    device: u32,
    cookie: u64,
) -> io::Result<()> {
    let tuple = Tuple {
        source: local,
        destination: peer,
        device,
        cookie: Some(cookie),
    };
    let number = inet::ip_protocol(protocol).ok_or(io::ErrorKind::Unsupported)?;
    let details = Wanted::default();
    let request = inet::single(inet::DESTROY, ACKNOWLEDGE, number, details, &tuple);
    Channel::open()?.single(request, |_| Some(()))?;
    Ok(())
}
