//! What a server said.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::edns::EdnsInfo;
use super::{DomainName, Question, Record, RecordKind, Server, Transport};
use crate::net::Secured;

/// What a server said to a question, and how it came here.
///
/// It serializes with stable keys; times are seconds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Response {
    /// What was asked.
    pub question: Question,
    /// What the answer amounts to.
    pub outcome: Outcome,
    /// The response code, with the bits that EDNS adds to it.
    pub code: Code,
    /// The flags of the message.
    pub flags: Flags,
    /// The records that answer.
    pub answers: Vec<Record>,
    /// The records that say who is responsible.
    pub authority: Vec<Record>,
    /// The records that may help, without that of EDNS.
    pub additional: Vec<Record>,
    /// What the server said by EDNS, if it did.
    pub edns: Option<EdnsInfo>,
    /// The server as it was written.
    pub server: Server,
    /// The address that was really asked, if it has one.
    pub address: Option<SocketAddr>,
    /// How the answer came here.
    pub transport: Transport,
    /// Why the question was put again in another way, in this order; mostly empty.
    pub fallbacks: Vec<Fallback>,
    /// From the first byte of the first try to the answer, connecting included.
    #[serde(serialize_with = "seconds")]
    pub elapsed: Duration,
    /// From the question that was answered to its answer, without connecting.
    #[serde(serialize_with = "seconds")]
    pub round_trip: Duration,
    /// The length of the answer in bytes.
    pub size: usize,
    /// How many questions were sent.
    pub attempts: u32,
    /// Messages that came from the server and were no answer to us: another identifier, another question, garbage.
    pub strays: usize,
    /// What TLS agreed on, if the question went over TLS.
    #[serde(rename = "tls", serialize_with = "agreed")]
    pub secured: Option<Secured>,
    /// What HTTP said, if the question went over HTTPS.
    pub http: Option<HttpInfo>,
}

/// What an answer amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// There are records of the kind that was asked for, or an alias whose end this server does not know.
    Answer,
    /// The name exists and has no record of this kind (NODATA, RFC 2308 section 2.2).
    NoData,
    /// Others know: the server names the name servers of a zone that it does not keep.
    Referral,
    /// There is no such name (NXDOMAIN, RFC 8020).
    NoName,
    /// The server failed, or the answer did not pass its checks (SERVFAIL).
    ServerFailure,
    /// The server does not want to answer us (REFUSED).
    Refused,
    /// Another response code.
    Other(Code),
}

impl Outcome {
    /// A stable word for this outcome.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::NoData => "no-data",
            Self::Referral => "referral",
            Self::NoName => "no-name",
            Self::ServerFailure => "server-failure",
            Self::Refused => "refused",
            Self::Other(_) => "other",
        }
    }

    /// What these records amount to.
    pub(super) fn of(
        code: Code,
        question: &Question,
        flags: Flags,
        answers: &[Record],
        authority: &[Record],
    ) -> Self {
        match code {
            Code::NO_ERROR => {}
            Code::NX_DOMAIN => return Self::NoName,
            Code::SERV_FAIL => return Self::ServerFailure,
            Code::REFUSED => return Self::Refused,
            code => return Self::Other(code),
        }
        let wanted = |record: &&Record| {
            let kinds = [RecordKind::ANY, record.kind];
            kinds.contains(&question.kind)
        };
        let soa = authority
            .iter()
            .any(|record| record.kind == RecordKind::SOA);
        // A server may leave it to us to follow a DNAME (RFC 6672 section 3.2).
        let alias = |record: &Record| matches!(record.kind, RecordKind::CNAME | RecordKind::DNAME);
        let alias = answers.iter().any(alias);
        if answers.iter().any(|record| wanted(&record)) || (alias && !soa) {
            return Self::Answer;
        }
        let zone = authority
            .iter()
            .find(|record| record.kind == RecordKind::NS);
        match zone {
            Some(zone) if !soa && !flags.authoritative && question.name.is_within(&zone.name) => {
                Self::Referral
            }
            _ => Self::NoData,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer => f.write_str("answered"),
            Self::NoData => f.write_str("the name exists and has no record of this type (NODATA)"),
            Self::Referral => f.write_str("the server sends us to other servers (referral)"),
            Self::NoName => f.write_str("there is no such name (NXDOMAIN)"),
            Self::ServerFailure => f.write_str("the server failed (SERVFAIL)"),
            Self::Refused => f.write_str("the server refused to answer (REFUSED)"),
            Self::Other(code) => write!(f, "the server answered {code}"),
        }
    }
}

impl Serialize for Outcome {
    /// As its word.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A response code (RFC 1035 section 4.1.1, RFC 6895 section 2.3).
///
/// # Examples
///
/// ```
/// use sockeye::net::resolve::query::Code;
///
/// assert_eq!(Code::NX_DOMAIN.to_string(), "NXDOMAIN");
/// assert_eq!(Code(3841).to_string(), "RCODE3841");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub u16);

const CODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (11, "DSOTYPENI"),
    (16, "BADVERS"),
    (17, "BADKEY"),
    (18, "BADTIME"),
    (19, "BADMODE"),
    (20, "BADNAME"),
    (21, "BADALG"),
    (22, "BADTRUNC"),
    (23, "BADCOOKIE"),
];

impl Code {
    /// All is well.
    pub const NO_ERROR: Self = Self(0);
    /// The server cannot read the question.
    pub const FORM_ERR: Self = Self(1);
    /// The server failed.
    pub const SERV_FAIL: Self = Self(2);
    /// There is no such name.
    pub const NX_DOMAIN: Self = Self(3);
    /// The server cannot do that.
    pub const NOT_IMP: Self = Self(4);
    /// The server does not want to.
    pub const REFUSED: Self = Self(5);
    /// The server does not know this version of EDNS (RFC 6891 section 9).
    pub const BAD_VERS: Self = Self(16);
    /// The server wants its own cookie back (RFC 7873 section 8).
    pub const BAD_COOKIE: Self = Self(23);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.pad(name),
            None => f.pad(&format!("RCODE{}", self.0)),
        }
    }
}

impl Serialize for Code {
    /// As a string, in the form that it prints in.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The flags of an answer (RFC 1035 section 4.1.1, RFC 4035 section 3.2). It prints as `qr aa rd ra`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flags {
    /// It is an answer; always so here.
    #[serde(rename = "qr")]
    pub response: bool,
    /// The server keeps the zone.
    #[serde(rename = "aa")]
    pub authoritative: bool,
    /// It did not fit.
    #[serde(rename = "tc")]
    pub truncated: bool,
    /// We asked the server to ask others.
    #[serde(rename = "rd")]
    pub recursion_desired: bool,
    /// The server asks others.
    #[serde(rename = "ra")]
    pub recursion_available: bool,
    /// The server checked the signatures, and all is well.
    #[serde(rename = "ad")]
    pub authentic_data: bool,
    /// We asked the server not to check signatures.
    #[serde(rename = "cd")]
    pub checking_disabled: bool,
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.response, "qr"),
            (self.authoritative, "aa"),
            (self.truncated, "tc"),
            (self.recursion_desired, "rd"),
            (self.recursion_available, "ra"),
            (self.authentic_data, "ad"),
            (self.checking_disabled, "cd"),
        ];
        let set: Vec<&str> = all
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, word)| *word)
            .collect();
        f.write_str(&set.join(" "))
    }
}

/// Why a question was put again in another way. It prints as a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fallback {
    /// The answer did not fit into a datagram, so TCP was taken (RFC 7766 section 5).
    Truncated,
    /// The server did not understand EDNS and answered with this code, so it was left out (RFC 6891 section 7).
    NoEdns(Code),
    /// The server wanted its cookie back first (RFC 7873 section 5.3).
    Cookie,
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the answer over UDP was truncated, so TCP was taken"),
            Self::NoEdns(code) => {
                write!(f, "the server answered {code} to EDNS, so it was left out")
            }
            Self::Cookie => f.write_str("the server wanted its cookie back first (BADCOOKIE)"),
        }
    }
}

impl Serialize for Fallback {
    /// As a word: `truncated`, `no-edns`, `cookie`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Truncated => "truncated",
            Self::NoEdns(_) => "no-edns",
            Self::Cookie => "cookie",
        })
    }
}

/// What HTTP said around an answer (RFC 8484). Its texts come from outside: escape them before a terminal sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HttpInfo {
    /// The version that was spoken: `HTTP/2` or `HTTP/1.1`.
    pub version: &'static str,
    /// `POST` or `GET`.
    pub method: &'static str,
    /// The status, 200 to 299.
    pub status: u16,
    /// How long a cache had kept the answer, in seconds (`Age`), by which its times to live have shrunk.
    pub age: Option<u64>,
    /// What caches may do with it (`Cache-Control`).
    pub cache_control: Option<String>,
    /// What the server calls itself (`Server`).
    pub server: Option<String>,
}

impl Response {
    /// The records that answer the question itself: of its kind, at the end of the aliases that begin at its name.
    ///
    /// At most 16 aliases are followed; for a question of any kind, all answers are given.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let end = self.canonical_name().clone();
        let kind = self.question.kind;
        self.answers.iter().filter(move |record| {
            kind == RecordKind::ANY || (record.kind == kind && record.name == end)
        })
    }

    /// The name at the end of the aliases that begin at the name in question (RFC 1034 section 3.6.2).
    pub fn canonical_name(&self) -> &DomainName {
        const MAX_ALIASES: usize = 16;
        let mut name = &self.question.name;
        if matches!(self.question.kind, RecordKind::CNAME | RecordKind::ANY) {
            return name;
        }
        for _ in 0..MAX_ALIASES {
            let alias = self.answers.iter().find_map(|record| {
                let is_alias = record.kind == RecordKind::CNAME && record.name == *name;
                is_alias.then(|| record.data.target()).flatten()
            });
            match alias {
                Some(alias) => name = alias,
                None => break,
            }
        }
        name
    }
}

/// What TLS agreed on, as an object.
fn agreed<S: Serializer>(secured: &Option<Secured>, serializer: S) -> Result<S::Ok, S::Error> {
    let object = secured.as_ref().map(|secured| {
        BTreeMap::from([
            ("version", Some(&secured.version)),
            ("cipher", Some(&secured.cipher)),
            ("alpn", secured.alpn.as_ref()),
            ("peer_fingerprint", secured.peer_fingerprint.as_ref()),
        ])
    });
    object.serialize(serializer)
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}
