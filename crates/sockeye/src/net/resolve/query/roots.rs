//! Where the DNS begins: the servers of the root.

use std::net::IpAddr;

use super::DomainName;

/// The day of the table below, as InterNIC's `named.root` has it.
pub const ROOT_HINTS_DATE: &str = "2024-04-18";

const HINTS: &[(&str, &str, &str)] = &[
    ("a.root-servers.net", "198.41.0.4", "2001:503:ba3e::2:30"),
    ("b.root-servers.net", "170.247.170.2", "2801:1b8:10::b"),
    ("c.root-servers.net", "192.33.4.12", "2001:500:2::c"),
    ("d.root-servers.net", "199.7.91.13", "2001:500:2d::d"),
    ("e.root-servers.net", "192.203.230.10", "2001:500:a8::e"),
    ("f.root-servers.net", "192.5.5.241", "2001:500:2f::f"),
    ("g.root-servers.net", "192.112.36.4", "2001:500:12::d0d"),
    ("h.root-servers.net", "198.97.190.53", "2001:500:1::53"),
    ("i.root-servers.net", "192.36.148.17", "2001:7fe::53"),
    ("j.root-servers.net", "192.58.128.30", "2001:503:c27::2:30"),
    ("k.root-servers.net", "193.0.14.129", "2001:7fd::1"),
    ("l.root-servers.net", "199.7.83.42", "2001:500:9f::42"),
    ("m.root-servers.net", "202.12.27.33", "2001:dc3::35"),
];

/// A server of a zone: its name, if that is known, and its addresses, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its name; `None` if only an address was given.
    pub name: Option<DomainName>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl NameServer {
    /// A server whose name does not matter.
    pub fn at(address: IpAddr) -> Self {
        Self {
            name: None,
            addresses: vec![address],
        }
    }
}

/// The servers of the root as IANA runs them, of [`ROOT_HINTS_DATE`].
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::root_servers;
///
/// let servers = root_servers();
/// assert_eq!(servers.len(), 13);
/// assert_eq!(servers[0].addresses[0].to_string(), "198.41.0.4");
/// ```
pub fn root_servers() -> Vec<NameServer> {
    let read = |(name, v4, v6): &(&str, &str, &str)| NameServer {
        name: name.parse().ok(),
        addresses: [v4, v6]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
    };
    HINTS.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_server_has_a_name_and_both_addresses() {
        for server in root_servers() {
            assert!(server.name.is_some());
            assert_eq!(server.addresses.len(), 2);
        }
    }
}
