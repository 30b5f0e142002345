//! Who knows the key: challenges and answers, as CPython has them up to 3.11 and from 3.12 on.
//!
//! Up to 3.11 a challenge is 20 random bytes, and the answer their HMAC-MD5. From 3.12 on it is `{sha256}` and 40 random bytes, and the
//! answer `{sha256}` and the HMAC-SHA-256 of all of them, the prefix included. Older sides take such a challenge for bytes like any
//! others and answer with HMAC-MD5, which newer ones accept: 16 bytes tell. The key itself never crosses.

use std::future::poll_fn;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Sha256, Sha384};

use super::super::super::messages::MessageIo;
use super::frames::Frames;
use crate::error::{Error, Kind, Operation, Result};

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";

/// What we challenge with, before the random bytes.
const OURS: &[u8] = b"{sha256}";
/// Random bytes of a challenge of ours.
const RANDOM: usize = 40;
/// The length of a challenge of Python up to 3.11.
const OLD_CHALLENGE: usize = 20;
/// The length of an HMAC-MD5.
const OLD_ANSWER: usize = 16;

/// How an answer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// HMAC-MD5 without a prefix: Python up to 3.11.
    Old,
    Md5,
    Sha256,
    Sha384,
}

impl Digest {
    /// In words, for those who watch.
    pub(super) fn agreed(self) -> &'static str {
        match self {
            Self::Old => "HMAC-MD5 (Python up to 3.11)",
            Self::Md5 => "HMAC-MD5",
            Self::Sha256 => "HMAC-SHA256",
            Self::Sha384 => "HMAC-SHA384",
        }
    }

    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Old => b"",
            Self::Md5 => b"{md5}",
            Self::Sha256 => OURS,
            Self::Sha384 => b"{sha384}",
        }
    }

    /// The digest that this message begins with.
    fn of(message: &[u8]) -> Option<Self> {
        let known = [Self::Md5, Self::Sha256, Self::Sha384];
        known
            .into_iter()
            .find(|digest| message.starts_with(digest.prefix()))
    }

    fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Old | Self::Md5 => mac::<Hmac<Md5>>(key, message)
                .finalize()
                .into_bytes()
                .to_vec(),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, message)
                .finalize()
                .into_bytes()
                .to_vec(),
            Self::Sha384 => mac::<Hmac<Sha384>>(key, message)
                .finalize()
                .into_bytes()
                .to_vec(),
        }
    }

    /// Compared in a time that does not depend on where they differ.
    fn is_signed(self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Old | Self::Md5 => mac::<Hmac<Md5>>(key, message).verify_slice(signature),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, message).verify_slice(signature),
            Self::Sha384 => mac::<Hmac<Sha384>>(key, message).verify_slice(signature),
        }
        .is_ok()
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

/// The answer to a challenge, without its first word.
pub(super) fn answer_to(key: &[u8], challenge: &[u8]) -> Result<Vec<u8>, &'static str> {
    if challenge.len() < OLD_CHALLENGE {
        return Err("the peer's challenge is too short");
    }
    let digest = match challenge.len() {
        OLD_CHALLENGE => Digest::Old,
        _ => Digest::of(challenge).ok_or("the peer's challenge names no digest that we know")?,
    };
    let signature = digest.sign(key, challenge);
    Ok([digest.prefix(), &signature].concat())
}

/// How the answer to our challenge was made, if it is right.
pub(super) fn check(key: &[u8], challenge: &[u8], answer: &[u8]) -> Option<Digest> {
    let digest = match answer.len() {
        OLD_ANSWER => Digest::Old,
        _ => Digest::of(answer)?,
    };
    let signature = &answer[digest.prefix().len()..];
    digest
        .is_signed(key, challenge, signature)
        .then_some(digest)
}

/// Challenge the peer, and say whether its answer is right.
pub(super) async fn challenge(frames: &Frames, key: &[u8]) -> Result<Digest> {
    let mut random = [0; RANDOM];
    getrandom::fill(&mut random).map_err(|error| {
        let why = format!("the system gives no random numbers: {error}");
        Error::new(Kind::Io, Operation::Handshake, why)
    })?;
    let message = [OURS, &random].concat();
    send(frames, &[CHALLENGE, &message].concat()).await?;
    let answer = receive(frames).await?;
    match check(key, &message, &answer) {
        Some(digest) => {
            send(frames, WELCOME).await?;
            Ok(digest)
        }
        None => {
            // The peer may be gone already; what failed is known.
            drop(send(frames, FAILURE).await);
            Err(rejected("the peer does not know our key"))
        }
    }
}

/// Answer the peer's challenge, and hear whether it is content.
pub(super) async fn answer(frames: &Frames, key: &[u8]) -> Result<()> {
    let message = receive(frames).await?;
    let Some(challenge) = message.strip_prefix(CHALLENGE) else {
        let why = "the peer sent no challenge but something else";
        let error = Error::new(Kind::Protocol, Operation::Handshake, why);
        return Err(
            error.with_hint("a peer that was given no key asks for none: leave authkey out")
        );
    };
    let answer = answer_to(key, challenge)
        .map_err(|why| Error::new(Kind::Protocol, Operation::Handshake, why))?;
    send(frames, &answer).await?;
    match receive(frames).await? {
        welcome if welcome == WELCOME => Ok(()),
        _ => Err(rejected("the peer refused our key")),
    }
}

fn rejected(why: &str) -> Error {
    Error::new(Kind::Rejected, Operation::Handshake, why).with_hint(
        "both sides need the same key: authkey=KEY, authkey-file=FILE or authkey-env=NAME",
    )
}

async fn send(frames: &Frames, message: &[u8]) -> Result<()> {
    let sent = async {
        poll_fn(|cx| frames.poll_send(cx, message)).await?;
        poll_fn(|cx| frames.poll_flush(cx)).await
    };
    sent.await
        .map_err(|error| Error::from_io(Operation::Handshake, error))
}

async fn receive(frames: &Frames) -> Result<Vec<u8>> {
    let message = poll_fn(|cx| frames.poll_next(cx)).await;
    let message = message.map_err(|error| Error::from_io(Operation::Handshake, error))?;
    message.ok_or_else(|| {
        let why =
            "the peer ended the connection before both sides had shown that they know the key";
        Error::new(Kind::Lost, Operation::Handshake, why)
            .with_hint("one side may have another key, or none")
    })
}
