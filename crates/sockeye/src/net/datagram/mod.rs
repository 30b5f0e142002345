//! Datagrams: one socket and many peers.
//!
//! [`DatagramSocket`] is the plain form, each datagram with its peer. `Sessions` is what a listener of datagrams uses:
//! it sorts what arrives by peer, so that every peer gets a [`Messages`](crate::net::Messages) of its own. Sockets
//! that talk to one peer only are made in `net::carrier`.

mod bound;
mod link;
mod open;
mod peer;
pub(in crate::net) mod pktinfo;
mod sessions;
pub(in crate::net) mod socket;

#[cfg(test)]
mod tests;

pub use bound::{Arrived, DatagramSocket};
pub use peer::PeerAddress;

pub(in crate::net) use bound::broadcast_denied;
pub(in crate::net) use open::{join, udp_socket};
pub use sessions::SessionLimits;
pub(crate) use sessions::Sessions;
