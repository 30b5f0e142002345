//! How one server wants a user proved: chosen from what it offers.

use data_encoding::{BASE64, HEXLOWER};
use sockeye_data::challenge::{self, Challenge, MOST_CHALLENGES};
use sockeye_data::http1::Headers;

use super::Secret;
use super::digest::{Asked, Digest};

/// A way to prove a user and a password to one server or proxy.
#[derive(Clone, Debug)]
pub(in crate::client) enum Proof {
    /// The password as it is.
    Basic,
    /// A hash that holds for one request.
    Digest(Box<Digest>),
}

/// All challenges in the header lines of this name (`www-authenticate`, `proxy-authenticate`), at most 32.
pub(in crate::client) fn challenges(headers: &Headers, name: &str) -> Vec<Challenge> {
    let found = headers.all(name).flat_map(challenge::parse);
    found.take(MOST_CHALLENGES).collect()
}

impl Proof {
    /// The strongest that is offered and that we know: SHA-512/256, SHA-256, MD5, and the password itself if that is allowed.
    pub(in crate::client) fn choose(
        offered: &[Challenge],
        basic: bool,
        body: bool,
    ) -> Option<Self> {
        let digests = offered.iter().filter(|it| it.scheme == "digest");
        let digests = digests.filter_map(|it| Digest::of(it, body, nonce()));
        // Of equals the first, which the server likes better.
        let best = digests.reduce(|best, next| match next.strength() > best.strength() {
            true => next,
            false => best,
        });
        let has_basic = basic && offered.iter().any(|it| it.scheme == "basic");
        best.map(|it| Self::Digest(Box::new(it)))
            .or_else(|| has_basic.then_some(Self::Basic))
    }

    /// What `Authorization` or `Proxy-Authorization` says for this request.
    pub(in crate::client) fn answer(&mut self, who: &Secret, asked: Asked<'_>) -> Vec<u8> {
        match self {
            Self::Basic => basic(who),
            Self::Digest(digest) => digest.answer(who, asked),
        }
    }

    pub(super) fn is_stale(&self) -> bool {
        matches!(self, Self::Digest(digest) if digest.is_stale())
    }

    /// Whether the server would get to see the same again.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Digest(a), Self::Digest(b)) => a.nonce() == b.nonce(),
            (Self::Basic, Self::Basic) => true,
            _ => false,
        }
    }

    pub(super) fn renew(&mut self, with: Option<&[u8]>, next: &[u8]) {
        if let Self::Digest(digest) = self
            && Some(digest.nonce()) == with
        {
            digest.renew(next.to_vec(), nonce());
        }
    }
}

/// User and password as they are (RFC 7617).
pub(super) fn basic(who: &Secret) -> Vec<u8> {
    let pair = [&who.user[..], &who.password].join(&b':');
    format!("Basic {}", BASE64.encode(&pair)).into_bytes()
}

/// A number that no server has seen and none can guess.
fn nonce() -> String {
    let mut bytes = [0; 16];
    // A system without random numbers gives zeros: the proof holds, and only its protection against chosen nonces is gone.
    let _ = getrandom::fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
