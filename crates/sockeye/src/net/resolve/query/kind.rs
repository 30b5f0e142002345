//! Kinds of records and classes: their numbers and names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{Error, Kind, Operation, Result};

/// A kind of record (RFC 1035 section 3.2.2): what is asked for.
///
/// It is read by name in any case, or as `TYPE65280` (RFC 3597 section 5), and prints its name if it has one.
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::RecordKind;
///
/// assert_eq!("https".parse::<RecordKind>()?, RecordKind::HTTPS);
/// assert_eq!("TYPE65".parse::<RecordKind>()?, RecordKind::HTTPS);
/// assert_eq!(RecordKind(65280).to_string(), "TYPE65280");
/// let refusal = "AXFR".parse::<RecordKind>().unwrap_err();
/// assert!(refusal.to_string().contains("whole zone"));
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKind(pub u16);

macro_rules! kinds {
    ($($name:ident = $number:literal, $meaning:literal;)+) => {
        impl RecordKind {
            $(#[doc = $meaning] pub const $name: Self = Self($number);)+
        }

        /// Every kind that has a name, with what it is for.
        const NAMES: &[(u16, &str, &str)] = &[$(($number, stringify!($name), $meaning)),+];
    };
}

kinds! {
    A = 1, "An IPv4 address (RFC 1035).";
    NS = 2, "A name server of a zone (RFC 1035).";
    MD = 3, "A mail destination, out of use (RFC 1035).";
    MF = 4, "A mail forwarder, out of use (RFC 1035).";
    CNAME = 5, "The name that this one is an alias for (RFC 1035).";
    SOA = 6, "The start of a zone: who keeps it, and how it ages (RFC 1035).";
    MB = 7, "A mailbox, experimental (RFC 1035).";
    MG = 8, "A member of a mail group, experimental (RFC 1035).";
    MR = 9, "A mailbox renamed, experimental (RFC 1035).";
    NULL = 10, "Any bytes, experimental (RFC 1035).";
    WKS = 11, "Well-known services, out of use (RFC 1035).";
    PTR = 12, "A name that this one points to, mostly that of an address (RFC 1035).";
    HINFO = 13, "The make of a host (RFC 1035).";
    MINFO = 14, "Who keeps a mailbox, experimental (RFC 1035).";
    MX = 15, "A mail server (RFC 1035).";
    TXT = 16, "Text (RFC 1035).";
    RP = 17, "A responsible person (RFC 1183).";
    AFSDB = 18, "An AFS cell database (RFC 1183).";
    X25 = 19, "An X.25 address (RFC 1183).";
    ISDN = 20, "An ISDN address (RFC 1183).";
    RT = 21, "A route through another host (RFC 1183).";
    NSAP = 22, "An OSI address (RFC 1706).";
    SIG = 24, "A signature, older form (RFC 2535).";
    KEY = 25, "A key, older form (RFC 2535).";
    PX = 26, "X.400 mail mapping (RFC 2163).";
    GPOS = 27, "A position, older form (RFC 1712).";
    AAAA = 28, "An IPv6 address (RFC 3596).";
    LOC = 29, "A position on earth (RFC 1876).";
    NXT = 30, "The next name, older form (RFC 2535).";
    EID = 31, "An endpoint identifier of Nimrod.";
    NIMLOC = 32, "A locator of Nimrod.";
    SRV = 33, "Host and port of a service (RFC 2782).";
    ATMA = 34, "An ATM address.";
    NAPTR = 35, "A rule that rewrites names into addresses of services (RFC 3403).";
    KX = 36, "A key exchanger (RFC 2230).";
    CERT = 37, "A certificate (RFC 4398).";
    DNAME = 39, "The tree that the names below are aliases in (RFC 6672).";
    SINK = 40, "Anything, never used.";
    OPT = 41, "Not a record but what both sides say about the message (RFC 6891).";
    APL = 42, "Lists of networks (RFC 3123).";
    DS = 43, "The digest of a key of the zone below (RFC 4034).";
    SSHFP = 44, "The fingerprint of an SSH key (RFC 4255).";
    IPSECKEY = 45, "A key for IPsec (RFC 4025).";
    RRSIG = 46, "A signature over records (RFC 4034).";
    NSEC = 47, "The next name, as proof that there is none between (RFC 4034).";
    DNSKEY = 48, "A key that signs a zone (RFC 4034).";
    DHCID = 49, "Whose DHCP lease a name is (RFC 4701).";
    NSEC3 = 50, "The next hashed name, as proof that there is none between (RFC 5155).";
    NSEC3PARAM = 51, "How names are hashed for NSEC3 (RFC 5155).";
    TLSA = 52, "The certificate that a TLS server shows (RFC 6698).";
    SMIMEA = 53, "The certificate of a mail address (RFC 8162).";
    HIP = 55, "A host identity (RFC 8005).";
    NINFO = 56, "The state of a zone.";
    RKEY = 57, "A key to encrypt NAPTR records.";
    TALINK = 58, "A link between trust anchors.";
    CDS = 59, "The DS records that a zone wants its parent to have (RFC 7344).";
    CDNSKEY = 60, "The keys that a zone wants its parent to sign (RFC 7344).";
    OPENPGPKEY = 61, "The OpenPGP key of a mail address (RFC 7929).";
    CSYNC = 62, "Which records a parent should copy (RFC 7477).";
    ZONEMD = 63, "A digest over a zone (RFC 8976).";
    SVCB = 64, "How to reach a service (RFC 9460).";
    HTTPS = 65, "How to reach a web server (RFC 9460).";
    DSYNC = 66, "Where to send notices about a zone (RFC 9859).";
    HHIT = 67, "A hierarchical host identity.";
    BRID = 68, "The identity of an aircraft in broadcasts.";
    SPF = 99, "Who may send mail, older form (RFC 4408).";
    UINFO = 100, "About a user, never specified.";
    UID = 101, "A user's number, never specified.";
    GID = 102, "A group's number, never specified.";
    NID = 104, "An identifier of ILNP (RFC 6742).";
    L32 = 105, "A 32-bit locator of ILNP (RFC 6742).";
    L64 = 106, "A 64-bit locator of ILNP (RFC 6742).";
    LP = 107, "A name of locators of ILNP (RFC 6742).";
    EUI48 = 108, "A 48-bit hardware address (RFC 7043).";
    EUI64 = 109, "A 64-bit hardware address (RFC 7043).";
    NXNAME = 128, "A mark that a name does not exist, in compact denial of existence (RFC 9824).";
    TKEY = 249, "A key agreed on within a message (RFC 2930).";
    TSIG = 250, "The signature of a message (RFC 8945).";
    IXFR = 251, "Not a record but the changes of a zone (RFC 1995).";
    AXFR = 252, "Not a record but a whole zone (RFC 5936).";
    MAILB = 253, "Any kind of mailbox record, out of use (RFC 1035).";
    MAILA = 254, "Any kind of mail agent record, out of use (RFC 1035).";
    ANY = 255, "Whatever the server likes to tell (RFC 8482).";
    URI = 256, "An address of a service as URI (RFC 7553).";
    CAA = 257, "Who may issue certificates (RFC 8659).";
    AVC = 258, "Application visibility and control.";
    DOA = 259, "A digital object.";
    AMTRELAY = 260, "A relay for multicast (RFC 8777).";
    RESINFO = 261, "What a resolver can do (RFC 9606).";
    WALLET = 262, "A public wallet address.";
    CLA = 263, "A BP convergence layer adapter.";
    IPN = 264, "A BP node number.";
    TA = 32768, "A trust anchor.";
    DLV = 32769, "A key digest kept elsewhere, out of use (RFC 8749).";
}

impl RecordKind {
    /// Every kind that has a name, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(number, ..)| Self(*number))
    }

    /// The name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|(_, name, _)| *name)
    }

    /// What it is for, in one sentence, if it is known.
    pub fn meaning(self) -> Option<&'static str> {
        self.row().map(|(.., meaning)| *meaning)
    }

    fn row(self) -> Option<&'static (u16, &'static str, &'static str)> {
        NAMES.iter().find(|(number, ..)| *number == self.0)
    }

    /// Why nobody can be asked for it, if that is so.
    pub(super) fn refusal(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::AXFR | Self::IXFR => (
                "it asks for a whole zone, which is a conversation of many messages and not built in",
                "`dig @SERVER ZONE AXFR` transfers a zone",
            ),
            Self::OPT => (
                "it belongs to a message and is no record",
                "what a server says in it is shown with every answer",
            ),
            Self::TSIG | Self::TKEY => (
                "it belongs to a message and is no record",
                "signed messages are not built in; `dig -k KEYFILE` signs",
            ),
            Self(0) => ("no record has this number", "record types are 1 to 65535"),
            _ => return None,
        })
    }
}

impl FromStr for RecordKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
        let shown: String = text.chars().take(40).collect();
        let upper = text.to_ascii_uppercase();
        let named = NAMES.iter().find(|(_, name, _)| *name == upper);
        let kind = match (named, upper.strip_prefix("TYPE")) {
            (Some((number, ..)), _) => Self(*number),
            (None, Some(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self(digits.parse().map_err(|_| {
                    error(format!(
                        "{shown:?} is no record type: the number goes from 1 to 65535"
                    ))
                })?)
            }
            _ if upper == "*" => Self::ANY,
            _ => {
                let why = format!("{shown:?} is no record type");
                return Err(error(why).with_hint(
                    "such as A, AAAA, MX, TXT, HTTPS; any other by its number, as in TYPE65280",
                ));
            }
        };
        match kind.refusal() {
            None => Ok(kind),
            Some((why, hint)) => {
                Err(error(format!("{kind} cannot be asked for: {why}")).with_hint(hint))
            }
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl Serialize for RecordKind {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The class of a record (RFC 1035 section 3.2.4): nearly always [`Class::IN`].
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::Class;
///
/// assert_eq!("ch".parse::<Class>()?, Class::CH);
/// assert_eq!(Class::default().to_string(), "IN");
/// assert_eq!(Class(7).to_string(), "CLASS7");
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class(pub u16);

const CLASSES: &[(u16, &str)] = &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")];

impl Class {
    /// The internet.
    pub const IN: Self = Self(1);
    /// Chaosnet, whose names today tell about a server: `version.bind`, `id.server` (RFC 4892).
    pub const CH: Self = Self(3);
    /// Hesiod.
    pub const HS: Self = Self(4);
    /// No class; in updates only (RFC 2136).
    pub const NONE: Self = Self(254);
    /// Any class.
    pub const ANY: Self = Self(255);
}

impl Default for Class {
    fn default() -> Self {
        Self::IN
    }
}

impl FromStr for Class {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let upper = text.to_ascii_uppercase();
        let named = CLASSES.iter().find(|(_, name)| *name == upper);
        let digits = upper.strip_prefix("CLASS");
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number = named.map(|(number, _)| *number);
        let number = number.or_else(|| digits?.parse().ok());
        number.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let why = format!("{shown:?} is no class of the DNS");
            Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("the classes are IN, CH, HS, or a number as in CLASS7")
        })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CLASSES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.pad(name),
            None => f.pad(&format!("CLASS{}", self.0)),
        }
    }
}

impl Serialize for Class {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_name_reads_back_or_is_refused_with_a_reason() {
        for kind in RecordKind::all() {
            match kind.to_string().parse::<RecordKind>() {
                Ok(again) => assert_eq!(again, kind),
                Err(error) => {
                    assert!(kind.refusal().is_some(), "{kind}");
                    assert!(error.to_string().contains("cannot be asked for"), "{error}");
                    assert!(error.hint().is_some());
                }
            }
        }
    }

    #[test]
    fn numbers_are_those_of_rfc_3597() {
        assert_eq!("type1".parse::<RecordKind>().unwrap(), RecordKind::A);
        assert_eq!("*".parse::<RecordKind>().unwrap(), RecordKind::ANY);
        for wrong in ["TYPE", "TYPE65536", "TYPE0", "TYPE252", "TYPE-1", "AX", ""] {
            assert!(wrong.parse::<RecordKind>().is_err(), "{wrong}");
        }
        assert_eq!("class255".parse::<Class>().unwrap(), Class::ANY);
        assert!("class".parse::<Class>().is_err());
    }
}
