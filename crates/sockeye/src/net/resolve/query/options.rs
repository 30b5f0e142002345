//! How a question is put.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::super::message::UDP_PAYLOAD;
use crate::error::{Error, Kind, Operation, Result};

/// How a question is put; the default is what a careful resolver would send.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye::net::resolve::query::Options;
///
/// let options = Options::default().dnssec_ok(true).timeout(Duration::from_secs(2));
/// assert_eq!(options.udp_payload, 1232);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The largest answer over UDP that is welcome, in bytes; 1232 by default. What is less than 512 counts as that
    /// (RFC 6891 section 6.2.3).
    pub udp_payload: u16,
    /// Whether anything of EDNS is sent (RFC 6891); on by default. Without it, asking for what travels in it is refused:
    /// signatures, client subnet, identity of the server, cookies.
    pub edns: bool,
    /// Ask for signatures (DO, RFC 3225); off by default.
    pub dnssec_ok: bool,
    /// Ask the server not to check signatures (CD, RFC 4035 section 3.2.2); off by default.
    pub checking_disabled: bool,
    /// Ask the server to say whether it checked signatures (AD, RFC 6840 section 5.7); on by default.
    pub authentic_data: bool,
    /// Ask the server to ask others (RD); on by default.
    pub recursion: bool,
    /// The network that the answer should be for (RFC 7871); none by default.
    pub client_subnet: Option<ClientSubnet>,
    /// Ask which of several servers answers (RFC 5001); off by default.
    pub nsid: bool,
    /// Send a cookie of our own, so that the server can tell us from forgers (RFC 7873); off by default.
    pub cookie: bool,
    /// Pad queries that are encrypted to a multiple of 128 bytes, so that their length tells nothing (RFC 8467); on by
    /// default.
    pub padding: bool,
    /// How long one try may take, connecting included; 5 s by default.
    pub timeout: Duration,
    /// How often a silent server is asked; twice by default, at least once.
    pub attempts: u32,
    /// Take a truncated answer over UDP as it is, instead of asking again over TCP; off by default.
    pub ignore_truncation: bool,
    /// Send the name in random case and take only an answer that repeats it (draft-vixie-dnsext-dns0x20); off by
    /// default.
    pub random_case: bool,
    /// Ask HTTPS servers by GET, which caches can answer, instead of POST (RFC 8484 section 4.1); off by default.
    pub https_get: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            udp_payload: UDP_PAYLOAD,
            edns: true,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: true,
            recursion: true,
            client_subnet: None,
            nsid: false,
            cookie: false,
            padding: true,
            timeout: Duration::from_secs(5),
            attempts: 2,
            ignore_truncation: false,
            random_case: false,
            https_get: false,
        }
    }
}

impl Options {
    /// Whether they can be sent together.
    pub(super) fn check(&self) -> Result<()> {
        let needs_edns = [
            (self.dnssec_ok, "asking for signatures (DO)"),
            (self.client_subnet.is_some(), "a client subnet"),
            (self.nsid, "asking for the server's identity (NSID)"),
            (self.cookie, "a cookie"),
        ];
        match needs_edns.iter().find(|(wanted, _)| *wanted) {
            Some((_, what)) if !self.edns => {
                let why = format!("{what} needs EDNS, which is off");
                Err(Error::new(Kind::Usage, Operation::Ask, why))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! setters {
    ($($name:ident: $type:ty;)+) => {
        impl Options {
            $(
                #[doc = concat!("The same with [`", stringify!($name), "`](Self::", stringify!($name), ") set.")]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )+
        }
    };
}

setters! {
    udp_payload: u16;
    edns: bool;
    dnssec_ok: bool;
    checking_disabled: bool;
    authentic_data: bool;
    recursion: bool;
    client_subnet: Option<ClientSubnet>;
    nsid: bool;
    cookie: bool;
    padding: bool;
    timeout: Duration;
    attempts: u32;
    ignore_truncation: bool;
    random_case: bool;
    https_get: bool;
}

/// A part of the network, as clients and servers tell each other whom an answer is for (RFC 7871).
///
/// It is read and printed as `192.0.2.0/24`; without a length the whole address counts, and `0/0` means nobody in
/// particular, so that a resolver tells nobody about us.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::ClientSubnet;
///
/// let subnet: ClientSubnet = "192.0.2.99/24".parse()?;
/// assert_eq!(subnet.to_string(), "192.0.2.0/24");
/// assert!("192.0.2.0/33".parse::<ClientSubnet>().is_err());
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientSubnet {
    /// The address; bits behind the prefix are zero.
    pub address: IpAddr,
    /// How many bits of it count.
    pub prefix: u8,
    /// For how many bits an answer is meant; 0 in questions.
    pub scope: u8,
}

impl ClientSubnet {
    /// The network of this address; a prefix that is too long counts as the whole address.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        let (address, prefix) = match address {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                (Ipv4Addr::from(u32::from(v4) & mask).into(), prefix)
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                (Ipv6Addr::from(u128::from(v6) & mask).into(), prefix)
            }
        };
        Self {
            address,
            prefix,
            scope: 0,
        }
    }
}

impl FromStr for ClientSubnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let shown: String = text.chars().take(60).collect();
            let why = format!("{shown:?} is no network");
            Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("as in 192.0.2.0/24 or 2001:db8::/56; 0/0 tells nothing about us")
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = match address {
            "0" => Ipv4Addr::UNSPECIFIED.into(),
            address => address.parse().map_err(|_| refused())?,
        };
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) => digits.parse().map_err(|_| refused())?,
            None if text == "0" => 0,
            None => whole,
        };
        if prefix > whole {
            return Err(refused());
        }
        Ok(Self::new(address, prefix))
    }
}

impl fmt::Display for ClientSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)?;
        match self.scope {
            0 => Ok(()),
            scope => write!(f, "/{scope}"),
        }
    }
}

impl Serialize for ClientSubnet {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
