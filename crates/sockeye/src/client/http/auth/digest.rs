//! Digest authentication (RFC 7616, and RFC 2069 where servers have not moved on): a proof without the password.

use data_encoding::HEXLOWER;
use md5::Digest as _;
use sockeye_data::challenge::Challenge;

use super::Secret;

/// How things are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512256,
}

/// What is proved besides the password ("quality of protection").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Nothing, as RFC 2069 has it.
    None,
    /// Method and target, once.
    Auth,
    /// The body too.
    AuthInt,
}

/// What is asked: what a proof speaks of.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Asked<'a> {
    /// The method.
    pub(in crate::client) method: &'a str,
    /// The target as it stands in the request line.
    pub(in crate::client) target: &'a str,
    /// The body, if it is in memory; an empty one if there is none.
    pub(in crate::client) body: Option<&'a [u8]>,
}

/// What one server said about how to prove, and how often it was done.
#[derive(Clone, Debug)]
pub(in crate::client) struct Digest {
    algorithm: Algorithm,
    /// What it calls the algorithm, if it names one.
    named: Option<String>,
    /// Whether user and password are hashed anew for each session: `-sess`.
    session: bool,
    protection: Protection,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    user_hash: bool,
    stale: bool,
    /// Our own number, and how often the nonce was used.
    cnonce: String,
    count: u32,
}

impl Digest {
    /// Understand a challenge; `None` if it wants what we cannot do. `body` says whether bodies are at hand to be hashed.
    pub(in crate::client) fn of(challenge: &Challenge, body: bool, cnonce: String) -> Option<Self> {
        let named = challenge.text("algorithm");
        let (bare, session) = match named.map(str::to_ascii_lowercase) {
            Some(name) => match name.strip_suffix("-sess") {
                Some(bare) => (bare.to_owned(), true),
                None => (name, false),
            },
            None => ("md5".to_owned(), false),
        };
        let algorithm = match &*bare {
            "md5" => Algorithm::Md5,
            "sha-256" => Algorithm::Sha256,
            "sha-512-256" => Algorithm::Sha512256,
            _ => return None,
        };
        let protection = match challenge.text("qop") {
            None => Protection::None,
            Some(offered) => {
                let mut offered = offered.split([',', ' ']).map(str::to_ascii_lowercase);
                let offered: Vec<String> = offered.by_ref().collect();
                let has = |name: &str| offered.iter().any(|it| it == name);
                match () {
                    () if has("auth") => Protection::Auth,
                    () if has("auth-int") && body => Protection::AuthInt,
                    () => return None,
                }
            }
        };
        let says = |name: &str| {
            challenge
                .text(name)
                .is_some_and(|it| it.eq_ignore_ascii_case("true"))
        };
        Some(Self {
            algorithm,
            named: named.map(str::to_owned),
            session,
            protection,
            realm: challenge.parameter("realm")?.to_vec(),
            nonce: challenge.parameter("nonce")?.to_vec(),
            opaque: challenge.parameter("opaque").map(<[u8]>::to_vec),
            user_hash: says("userhash"),
            stale: says("stale"),
            cnonce,
            count: 0,
        })
    }

    /// Greater is stronger.
    pub(in crate::client) fn strength(&self) -> u8 {
        1 + self.algorithm as u8
    }

    /// Whether the server says that only the nonce was too old.
    pub(in crate::client) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(in crate::client) fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// Go on with another nonce, which came with an answer (RFC 7615).
    pub(in crate::client) fn renew(&mut self, nonce: Vec<u8>, cnonce: String) {
        self.nonce = nonce;
        self.cnonce = cnonce;
        self.count = 0;
    }

    /// What `Authorization` says for this request.
    pub(in crate::client) fn answer(&mut self, who: &Secret, asked: Asked<'_>) -> Vec<u8> {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let protection = match self.protection {
            Protection::None => None,
            Protection::Auth => Some("auth"),
            Protection::AuthInt => Some("auth-int"),
        };
        let response = self.response(who, asked, &count, protection);
        let user = match self.user_hash {
            true => self.hash(&[&who.user, &self.realm]).into_bytes(),
            false => who.user.clone(),
        };
        let mut out = b"Digest ".to_vec();
        quoted(&mut out, "username", &user);
        quoted(&mut out, "realm", &self.realm);
        quoted(&mut out, "nonce", &self.nonce);
        quoted(&mut out, "uri", asked.target.as_bytes());
        if let Some(named) = &self.named {
            plain(&mut out, "algorithm", named);
        }
        quoted(&mut out, "response", response.as_bytes());
        if let Some(protection) = protection {
            plain(&mut out, "qop", protection);
            plain(&mut out, "nc", &count);
            quoted(&mut out, "cnonce", self.cnonce.as_bytes());
        } else if self.session {
            quoted(&mut out, "cnonce", self.cnonce.as_bytes());
        }
        if let Some(opaque) = &self.opaque {
            quoted(&mut out, "opaque", opaque);
        }
        if self.user_hash {
            plain(&mut out, "userhash", "true");
        }
        out
    }

    /// RFC 7616 section 3.4.1.
    fn response(
        &self,
        who: &Secret,
        asked: Asked<'_>,
        count: &str,
        protection: Option<&str>,
    ) -> String {
        let mut first = self.hash(&[&who.user, &self.realm, &who.password]);
        if self.session {
            first = self.hash(&[first.as_bytes(), &self.nonce, self.cnonce.as_bytes()]);
        }
        let (method, target) = (asked.method.as_bytes(), asked.target.as_bytes());
        let second = match self.protection {
            Protection::AuthInt => {
                let body = self.hash(&[asked.body.unwrap_or_default()]);
                self.hash(&[method, target, body.as_bytes()])
            }
            _ => self.hash(&[method, target]),
        };
        match protection {
            None => self.hash(&[first.as_bytes(), &self.nonce, second.as_bytes()]),
            Some(protection) => self.hash(&[
                first.as_bytes(),
                &self.nonce,
                count.as_bytes(),
                self.cnonce.as_bytes(),
                protection.as_bytes(),
                second.as_bytes(),
            ]),
        }
    }

    /// The hash of these with colons between them, in hexadecimal.
    fn hash(&self, parts: &[&[u8]]) -> String {
        let text = parts.join(&b':');
        match self.algorithm {
            Algorithm::Md5 => HEXLOWER.encode(&md5::Md5::digest(&text)),
            Algorithm::Sha256 => HEXLOWER.encode(&sha2::Sha256::digest(&text)),
            Algorithm::Sha512256 => HEXLOWER.encode(&sha2::Sha512_256::digest(&text)),
        }
    }
}

fn comma(out: &mut Vec<u8>) {
    if !out.ends_with(b" ") {
        out.extend_from_slice(b", ");
    }
}

fn plain(out: &mut Vec<u8>, name: &str, value: &str) {
    comma(out);
    out.extend_from_slice(format!("{name}={value}").as_bytes());
}

fn quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    comma(out);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
