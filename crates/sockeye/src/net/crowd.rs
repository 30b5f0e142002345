//! How many clients of one address are there: one machine must not take all the places of a server.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many clients of one address may be there at once. The default is no limit.
///
/// An address of IPv6 counts as its network of 64 bits, all of which one machine may have; one of IPv4 that is mapped into
/// IPv6 counts as IPv4. Clients without an address (on Unix sockets) are not counted.
///
/// ```
/// use sockeye::net::{Limits, PerAddress};
///
/// let mut limits = Limits::default();
/// limits.per_address = PerAddress::at_most(1024).but_loopback();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerAddress {
    most: Option<usize>,
    spares_loopback: bool,
}

impl PerAddress {
    /// At most this many.
    pub const fn at_most(clients: usize) -> Self {
        Self {
            most: Some(clients),
            spares_loopback: false,
        }
    }

    /// The same, but clients on this machine are not counted: a proxy in front is one, and so are tests.
    pub const fn but_loopback(self) -> Self {
        Self {
            spares_loopback: true,
            ..self
        }
    }
}

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Who is there.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    bound: PerAddress,
    counts: Counts,
}

/// A place in the crowd, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    of: IpAddr,
    counts: Counts,
}

impl Crowd {
    pub(super) fn new(bound: PerAddress) -> Self {
        Self {
            bound,
            counts: Counts::default(),
        }
    }

    /// A place for a client of this address: `Ok(None)` if it is not counted, an error if there are enough of them.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Result<Option<Seat>, Full> {
        let (Some(most), Some(address)) = (self.bound.most, address) else {
            return Ok(None);
        };
        let address = address.to_canonical();
        if self.bound.spares_loopback && address.is_loopback() {
            return Ok(None);
        }
        let of = network(address);
        let mut counts = lock(&self.counts);
        let count = counts.entry(of).or_default();
        if *count >= most {
            if *count == 0 {
                counts.remove(&of);
            }
            return Err(Full);
        }
        *count += 1;
        let counts = Arc::clone(&self.counts);
        Ok(Some(Seat { of, counts }))
    }
}

/// There are enough clients of this address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                // The table holds those who are there, no more.
                counts.remove(&self.of);
            }
        }
    }
}

fn lock(counts: &Counts) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_number_of_places_and_gets_them_back() {
        let crowd = Crowd::new(PerAddress::at_most(2));
        let first = crowd.enter(at("192.0.2.1")).unwrap();
        let second = crowd.enter(at("::ffff:192.0.2.1")).unwrap();
        assert!(first.is_some() && second.is_some());
        assert_eq!(crowd.enter(at("192.0.2.1")).unwrap_err(), Full);
        assert!(crowd.enter(at("192.0.2.2")).is_ok());
        drop(first);
        assert!(crowd.enter(at("192.0.2.1")).is_ok());
        drop(second);
        assert!(lock(&crowd.counts).is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let crowd = Crowd::new(PerAddress::at_most(1));
        let _first = crowd.enter(at("2001:db8::1")).unwrap();
        assert!(crowd.enter(at("2001:db8::ffff:2")).is_err());
        assert!(crowd.enter(at("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn some_are_not_counted() {
        let spared = Crowd::new(PerAddress::at_most(0).but_loopback());
        assert!(spared.enter(at("127.0.0.1")).unwrap().is_none());
        assert!(spared.enter(at("::1")).unwrap().is_none());
        assert!(spared.enter(None).unwrap().is_none());
        assert!(spared.enter(at("192.0.2.1")).is_err());
        assert!(lock(&spared.counts).is_empty());
        let none = Crowd::new(PerAddress::default());
        assert!(none.enter(at("192.0.2.1")).unwrap().is_none());
    }
}
