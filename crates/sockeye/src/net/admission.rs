//! Who may come in: lists of networks.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::endpoint::{Carrier, Endpoint, Host};
use crate::error::{Error, Kind, Operation, Result};

/// Lists of networks that may, or may not, connect. A network that is on both is kept out: deny wins.
///
/// The empty default admits everyone. Peers that have no IP address (Unix sockets) are not concerned: the permissions of
/// the socket file are theirs.
///
/// ```
/// let admission = sockeye::net::Admission::new(["10.0.0.0/8"], ["10.6.6.6"]).unwrap();
/// assert!(admission.admits_ip("10.1.2.3".parse().unwrap()));
/// assert!(!admission.admits_ip("10.6.6.6".parse().unwrap()));
/// assert!(!admission.admits_ip("192.0.2.1".parse().unwrap()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Admission {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
}

impl Admission {
    /// Lists of addresses (`192.0.2.1`) and networks in CIDR notation (`10.0.0.0/8`, RFC 4632). An empty `allow` list
    /// allows everyone.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] names the first entry that is neither.
    pub fn new<A: AsRef<str>, D: AsRef<str>>(
        allow: impl IntoIterator<Item = A>,
        deny: impl IntoIterator<Item = D>,
    ) -> Result<Self> {
        let allow = allow
            .into_iter()
            .map(|entry| parse(entry.as_ref()))
            .collect::<Result<_>>()?;
        let deny = deny
            .into_iter()
            .map(|entry| parse(entry.as_ref()))
            .collect::<Result<_>>()?;
        Ok(Self { allow, deny })
    }

    /// Whether a peer at this address may come in. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn admits_ip(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let on = |list: &[IpNet]| list.iter().any(|network| network.contains(&peer));
        !on(&self.deny) && (self.allow.is_empty() || on(&self.allow))
    }

    /// Whether this peer may come in.
    pub fn admits(&self, peer: &Endpoint) -> bool {
        match peer.carrier() {
            Carrier::Tcp(at) | Carrier::Udp(at) => match at.host {
                Host::Ip { addr, .. } => self.admits_ip(addr),
                _ => true,
            },
            _ => true,
        }
    }
}

fn parse(entry: &str) -> Result<IpNet> {
    let entry = entry.trim();
    let network = match entry.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => entry.parse::<IpAddr>().ok().map(IpNet::from),
    };
    network.ok_or_else(|| {
        Error::new(
            Kind::Usage,
            Operation::Parse,
            format!("`{entry}` is neither an address nor a network"),
        )
        .with_hint("write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn admits(allow: &[&str], deny: &[&str], peer: &str) -> bool {
        Admission::new(allow, deny)
            .unwrap()
            .admits_ip(peer.parse().unwrap())
    }

    #[test]
    fn empty_lists_admit_everyone() {
        assert!(admits(&[], &[], "192.0.2.1"));
        assert!(admits(&[], &[], "2001:db8::1"));
    }

    #[test]
    fn deny_wins_over_allow() {
        assert!(!admits(&["127.0.0.0/8"], &["127.0.0.1"], "127.0.0.1"));
        assert!(admits(&["127.0.0.0/8"], &["127.0.0.1"], "127.0.0.2"));
    }

    #[test]
    fn an_allow_list_keeps_out_the_other_family() {
        assert!(!admits(&["127.0.0.0/8"], &[], "::1"));
    }

    #[test]
    fn mapped_addresses_count_as_ipv4() {
        assert!(!admits(&[], &["127.0.0.1"], "::ffff:127.0.0.1"));
    }

    #[test]
    fn nonsense_is_named() {
        let error = Admission::new(["10.0.0.0/33"], [""; 0]).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("10.0.0.0/33"), "{error}");
    }
}
