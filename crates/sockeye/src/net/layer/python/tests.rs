//! Challenges byte by byte, and messages in any cut.

#![allow(clippy::unwrap_used)]

use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::auth::{self, Digest, answer_to, check};
use super::frames::Frames;
use super::{Side, key};
use crate::endpoint::{AuthKey, PythonOptions};
use crate::error::Kind;
use crate::net::messages::MessageIo;
use crate::net::stream::Stream;

const KEY: &[u8] = b"peekaboo";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// `hmac.new(b"peekaboo", message, digest).hexdigest()` in Python.
#[test]
fn answers_are_those_of_python() {
    let old: Vec<u8> = (0..20).collect();
    let answer = answer_to(KEY, &old).unwrap();
    assert_eq!(hex(&answer), OLD);
    assert_eq!(check(KEY, &old, &answer), Some(Digest::Old));

    let new = [b"{sha256}".as_slice(), &(0..40).collect::<Vec<u8>>()].concat();
    let answer = answer_to(KEY, &new).unwrap();
    assert_eq!(
        (&answer[..8], hex(&answer[8..]).as_str()),
        (&b"{sha256}"[..], NEW)
    );
    assert_eq!(check(KEY, &new, &answer), Some(Digest::Sha256));

    // An older client answers a new challenge with HMAC-MD5 over all of it.
    let downgraded = data_encoding::HEXLOWER
        .decode(DOWNGRADED.as_bytes())
        .unwrap();
    assert_eq!(check(KEY, &new, &downgraded), Some(Digest::Old));
}

const OLD: &str = "e0bc5ff5981c5742feca0faaf7408f99";
const NEW: &str = "eda328927ea5867e57357e92ff7a849cdfe50b5fecbe9282ff9d63f0fe76b0b6";
const DOWNGRADED: &str = "1fb1434a0c2f752ab5669990343c8975";

#[test]
fn wrong_answers_and_challenges_are_refused() {
    let new = [b"{sha256}".as_slice(), &[7; 40]].concat();
    let right = answer_to(KEY, &new).unwrap();
    for wrong in [
        answer_to(b"other", &new).unwrap(),
        right[..right.len() - 1].to_vec(),
        [&right[..], b"x"].concat(),
        right[8..].to_vec(),
        b"{sha1}0123456789".to_vec(),
        b"{sha256}".to_vec(),
        vec![0; 16],
        Vec::new(),
        // The prefix says MD5, the rest is something else.
        [b"{md5}".as_slice(), &right[8..]].concat(),
    ] {
        assert_eq!(check(KEY, &new, &wrong), None, "{}", hex(&wrong));
    }
    for challenge in [
        b"".as_slice(),
        &[1; 19],
        &[1; 21],
        b"{sha3_256}0123456789012345",
        b"{sha256",
    ] {
        assert!(answer_to(KEY, challenge).is_err());
    }
    for (prefix, length) in [("{md5}", 21), ("{sha384}", 56)] {
        let challenge = [prefix.as_bytes(), &[3; 40]].concat();
        let answer = answer_to(KEY, &challenge).unwrap();
        assert_eq!(answer.len(), length);
        assert!(check(KEY, &challenge, &answer).is_some());
    }
}

fn pair() -> (DuplexStream, Frames) {
    let (peer, ours) = duplex(64);
    (peer, Frames::new(Stream::from_io(ours)))
}

async fn next(frames: &Frames) -> Result<Option<Vec<u8>>, String> {
    let message = poll_fn(|cx| frames.poll_next(cx)).await;
    message.map_err(|error| error.to_string())
}

#[tokio::test]
async fn messages_are_read_in_any_cut() {
    let bytes = [
        b"\0\0\0\x05hello\0\0\0\0".as_slice(),
        &[0xff; 4],
        &3_u64.to_be_bytes(),
        b"abc\0\0\0\x01x",
    ]
    .concat();
    for cut in 1..bytes.len() {
        let (mut peer, frames) = pair();
        let (first, second) = (bytes[..cut].to_vec(), bytes[cut..].to_vec());
        let writing = tokio::spawn(async move {
            peer.write_all(&first).await.unwrap();
            tokio::task::yield_now().await;
            peer.write_all(&second).await.unwrap();
        });
        for wanted in [b"hello".as_slice(), b"", b"abc", b"x"] {
            assert_eq!(next(&frames).await.unwrap().unwrap(), wanted);
        }
        assert_eq!(next(&frames).await, Ok(None));
        assert_eq!(next(&frames).await, Ok(None));
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn an_end_within_a_message_is_no_end() {
    for bytes in [b"\0".as_slice(), b"\0\0\0\x05hell", b"\xff\xff\xff\xff\0\0"] {
        let (mut peer, frames) = pair();
        peer.write_all(bytes).await.unwrap();
        drop(peer);
        assert_eq!(
            next(&frames).await,
            Err("the peer ended within a message".to_owned())
        );
        assert_eq!(next(&frames).await, Ok(None));
    }
}

#[tokio::test]
async fn announced_lengths_are_bounded_and_not_believed() {
    // Nobody has shown that they know the key: 256 bytes are the most.
    let (mut peer, frames) = pair();
    peer.write_all(&257_i32.to_be_bytes()).await.unwrap();
    let error = next(&frames).await.unwrap_err();
    assert!(error.contains("257 bytes, and 256 are taken"), "{error}");
    assert!(
        next(&frames).await.is_err(),
        "what follows is not understood"
    );

    let (mut peer, frames) = pair();
    peer.write_all(&(-2_i32).to_be_bytes()).await.unwrap();
    assert!(next(&frames).await.unwrap_err().contains("below zero"));

    // Two gigabytes are announced and five bytes come: room is made for what comes.
    let (mut peer, frames) = pair();
    frames.set_limit(u64::MAX);
    peer.write_all(&i32::MAX.to_be_bytes()).await.unwrap();
    peer.write_all(b"hello").await.unwrap();
    drop(peer);
    assert!(
        next(&frames)
            .await
            .unwrap_err()
            .contains("within a message")
    );
    let (mut peer, frames) = pair();
    frames.set_limit(u64::MAX);
    peer.write_all(&[0xff; 12]).await.unwrap();
    drop(peer);
    assert!(next(&frames).await.is_err());
}

#[tokio::test]
async fn each_message_goes_out_whole_even_if_its_sender_gave_up() {
    let (mut peer, frames) = pair();
    let long = vec![b'l'; 1_000];
    // The pipe takes 64 bytes: the message is taken, and nobody waits for the rest of it.
    poll_fn(|cx| frames.poll_send(cx, &long)).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).await.unwrap();
        bytes
    });
    poll_fn(|cx| frames.poll_send(cx, b"short")).await.unwrap();
    frames.shutdown().unwrap();
    poll_fn(|cx| frames.poll_flush(cx)).await.unwrap();
    let bytes = reading.await.unwrap();
    let wanted = [
        &1_000_i32.to_be_bytes()[..],
        &long,
        &5_i32.to_be_bytes(),
        b"short",
    ]
    .concat();
    assert_eq!(bytes, wanted);
    assert!(poll_fn(|cx| frames.poll_send(cx, b"late")).await.is_err());
}

/// Both of our sides, and what each is told.
async fn shake(client: Option<&[u8]>, listener: Option<&[u8]>) -> [Result<(), Kind>; 2] {
    let (one, two) = duplex(1_024);
    let side = |key: Option<&[u8]>| {
        let mut options = PythonOptions::default();
        options.authkey = key.map(AuthKey::new);
        Side::new(&options).unwrap()
    };
    let deadline = Instant::now() + Duration::from_millis(200);
    let (client, listener) = (side(client), side(listener));
    let connecting = async {
        let link = client.connect(Stream::from_io(one), None, deadline).await?;
        link.recv_vec().await.map(drop)
    };
    let accepting = async {
        let link = listener
            .accept(Stream::from_io(two), None, deadline)
            .await?;
        link.shutdown()
    };
    let (client, listener) = tokio::join!(connecting, accepting);
    [
        client.map_err(|error| error.kind()),
        listener.map_err(|error| error.kind()),
    ]
}

#[tokio::test]
async fn both_sides_know_or_both_are_told() {
    assert_eq!(shake(None, None).await, [Ok(()), Ok(())]);
    assert_eq!(shake(Some(KEY), Some(KEY)).await, [Ok(()), Ok(())]);
    assert_eq!(
        shake(Some(b"wrong"), Some(KEY)).await,
        [Err(Kind::Rejected), Err(Kind::Rejected)]
    );
    // Who has no key takes the challenge for a message, or says nothing and goes: either way the other one is told.
    assert_eq!(shake(Some(KEY), None).await[0], Err(Kind::Lost));
    assert_eq!(shake(None, Some(KEY)).await[1], Err(Kind::Lost));
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_not_waited_for_for_ever() {
    for listens in [true, false] {
        let (_silent, ours) = duplex(1_024);
        let mut options = PythonOptions::default();
        options.authkey = Some(AuthKey::new(KEY));
        let side = Side::new(&options).unwrap();
        let deadline = Instant::now() + Duration::from_millis(50);
        let ours = Stream::from_io(ours);
        let shaken = match listens {
            true => side.accept(ours, None, deadline).await,
            false => side.connect(ours, None, deadline).await,
        };
        assert_eq!(shaken.unwrap_err().kind(), Kind::TimedOut);
    }
}

#[tokio::test]
async fn a_peer_that_only_repeats_what_we_say_does_not_get_in() {
    let (mut peer, frames) = pair();
    let repeating = tokio::spawn(async move {
        let mut head = [0; 4];
        peer.read_exact(&mut head).await.unwrap();
        let mut challenge = vec![0; i32::from_be_bytes(head) as usize];
        peer.read_exact(&mut challenge).await.unwrap();
        assert!(challenge.starts_with(b"#CHALLENGE#{sha256}") && challenge.len() == 59);
        let answer = &challenge[11..];
        peer.write_all(&(answer.len() as i32).to_be_bytes())
            .await
            .unwrap();
        peer.write_all(answer).await.unwrap();
        let mut verdict = [0; 13];
        peer.read_exact(&mut verdict).await.unwrap();
        verdict
    });
    let error = auth::challenge(&frames, KEY).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert_eq!(&repeating.await.unwrap(), b"\0\0\0\x09#FAILURE#");
}

#[test]
fn the_key_is_read_from_where_it_is_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let mut options = PythonOptions::default();
    options.authkey_file = Some(path.clone());
    assert_eq!(key(&options).unwrap_err().kind(), Kind::Io);
    for (contents, wanted) in [
        ("hush\n", "hush"),
        ("hush\r\n", "hush"),
        (" hu sh", " hu sh"),
        ("a\n\n", "a\n"),
    ] {
        std::fs::write(&path, contents).unwrap();
        assert_eq!(key(&options).unwrap().unwrap(), wanted.as_bytes());
    }
    std::fs::write(&path, "\n").unwrap();
    assert_eq!(key(&options).unwrap_err().kind(), Kind::Usage);
    std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
    assert_eq!(key(&options).unwrap_err().kind(), Kind::Usage);
    let mut options = PythonOptions::default();
    options.authkey_env = Some("SOCKEYE_TEST_NO_SUCH_KEY".to_owned());
    assert!(key(&options).unwrap_err().why().contains("is not set"));
    options.authkey = Some(AuthKey::new("hush"));
    assert!(!format!("{options:?} {:?}", Side::new(&options).unwrap()).contains("hush"));
}
