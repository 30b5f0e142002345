//! Random conversations against a model, and the two paths against each other.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

use super::*;

/// A small generator of numbers, so that a seed is all it takes to repeat a run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// The seed of this run: `SOCKEYE_SEED`, or a new one.
fn seed() -> u64 {
    match std::env::var("SOCKEYE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Say(usize),
    HalfClose,
    /// Break off: a reset over TCP, a drop in memory.
    Break,
}

/// What one party does, one after the other; it ends with its end or with a break.
fn script(dice: &mut Dice) -> Vec<Step> {
    let mut steps: Vec<_> = (0..dice.below(5))
        .map(|_| match dice.below(8) {
            0 => Step::Say(200_000 + dice.below(400_000) as usize),
            1..=3 => Step::Say(1 + dice.below(70_000) as usize),
            _ => Step::Say(1 + dice.below(50) as usize),
        })
        .collect();
    steps.push(match dice.below(5) {
        0 => Step::Break,
        _ => Step::HalfClose,
    });
    steps
}

/// What a party did and heard.
#[derive(Debug)]
struct Outcome {
    heard: Vec<u8>,
    saw: Result<(), ErrorKind>,
}

async fn act<S>(stream: S, script: Vec<Step>, words: Vec<u8>, break_off: fn(S)) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut read, mut write): (ReadHalf<S>, WriteHalf<S>) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let breaks = script.contains(&Step::Break);
    let speaking = async {
        let mut at = 0;
        for step in script {
            match step {
                Step::Say(n) => {
                    if write.write_all(&words[at..at + n]).await.is_err() {
                        break;
                    }
                    at += n;
                }
                Step::HalfClose => drop(write.shutdown().await),
                Step::Break => break,
            }
        }
        write
    };
    let (write, saw) = if breaks {
        // Who breaks off does not care what else is said, but must not stop the other one from saying it.
        let hearing = async {
            drop(read.read_to_end(&mut heard).await);
            std::future::pending::<()>().await;
        };
        let write = tokio::select! {
            write = speaking => write,
            () = hearing => unreachable!(),
        };
        (write, Ok(()))
    } else {
        let (write, saw) = tokio::join!(speaking, read.read_to_end(&mut heard));
        (write, saw.map(drop).map_err(|e| e.kind()))
    };
    let stream = read.unsplit(write);
    if breaks {
        break_off(stream);
    }
    Outcome { heard, saw }
}

fn said(script: &[Step]) -> usize {
    script
        .iter()
        .map(|step| if let Step::Say(n) = step { *n } else { 0 })
        .sum()
}

/// One random conversation. `tcp` tells resets from ends; in memory there is no reset.
async fn one(seed: u64, tcp: bool) {
    let mut dice = Dice(seed | 1);
    let options = copying(dice.below(2) == 0);
    let scripts = [script(&mut dice), script(&mut dice)];
    let words = [0, 1].map(|i: usize| pattern(seed ^ i as u64, said(&scripts[i])));
    let context = format!("SOCKEYE_SEED={seed} tcp={tcp} {scripts:?}");
    let [s0, s1] = scripts.clone();
    let [w0, w1] = words.clone();
    let (outcomes, joined) = if tcp {
        let (client, server, relay) = over_tcp(options).await;
        let parties =
            async { tokio::join!(act(client, s0, w0, reset), act(server, s1, w1, reset)) };
        tokio::join!(soon(parties), soon(relay))
    } else {
        let size = 1 + dice.below(100_000) as usize;
        let (client, server, relay) = in_memory(size, options);
        let parties = async { tokio::join!(act(client, s0, w0, drop), act(server, s1, w1, drop)) };
        tokio::join!(soon(parties), soon(relay))
    };
    let totals = joined.unwrap().totals;
    let outcomes = [outcomes.0, outcomes.1];
    let breaks = scripts.clone().map(|script| script.contains(&Step::Break));
    let ways = [totals.upstream, totals.downstream];
    for (from, way) in ways.iter().enumerate() {
        let to = 1 - from;
        let outcome = &outcomes[to];
        // Never a byte that was not said, whatever happens.
        assert!(words[from].starts_with(&outcome.heard), "{context}");
        assert!(way.bytes >= outcome.heard.len() as u64, "{context}");
        assert!(
            way.bytes + way.undelivered <= words[from].len() as u64,
            "{context}"
        );
        if breaks == [false, false] {
            assert_eq!(outcome.heard.len(), words[from].len(), "{context}");
            assert_eq!(outcome.saw, Ok(()), "{context}");
            assert_eq!(
                (way.bytes, way.undelivered, way.ended),
                (words[from].len() as u64, 0, true)
            );
        } else if tcp && breaks[from] && !breaks[to] {
            assert_eq!(
                outcome.saw,
                Err(ErrorKind::ConnectionReset),
                "{context} {totals:?}"
            );
        }
    }
    match breaks {
        [false, false] => assert_eq!(totals.ended_by.reason(), "ended", "{context}"),
        [true, true] => {}
        [local, _] if tcp => {
            let side = if local { Side::Local } else { Side::Remote };
            assert_eq!(totals.ended_by.reason(), "reset", "{context}");
            assert_eq!(totals.ended_by.side(), Some(side), "{context}");
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_thousand_random_conversations_in_memory_follow_the_model() {
    let seed = seed();
    for i in 0..1000 {
        one(seed.wrapping_add(i), false).await;
    }
}

#[tokio::test]
async fn a_thousand_random_conversations_over_loopback_follow_the_model() {
    let seed = seed();
    for i in 0..1000 {
        one(seed.wrapping_add(i), true).await;
    }
}

/// Say these chunks; the party that ends first does so before it reads, the other one after it has heard the end.
async fn relayed(
    up: Vec<Vec<u8>>,
    down: Vec<Vec<u8>>,
    local_first: bool,
    copy_only: bool,
) -> [Vec<u8>; 2] {
    let (client, server, relay) = over_tcp(copying(copy_only)).await;
    let party = |mut stream: TcpStream, chunks: Vec<Vec<u8>>, first: bool| async move {
        let mut heard = Vec::new();
        if !first {
            stream.read_to_end(&mut heard).await.unwrap();
        }
        for chunk in chunks {
            stream.write_all(&chunk).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        if first {
            stream.read_to_end(&mut heard).await.unwrap();
        }
        heard
    };
    let (down, up) = soon(async {
        tokio::join!(
            party(client, up, local_first),
            party(server, down, !local_first)
        )
    })
    .await;
    soon(relay).await.unwrap();
    [up, down]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splicing_and_copying_give_the_same_bytes(
        up in prop::collection::vec(0usize..300_000, 0..6),
        down in prop::collection::vec(0usize..300_000, 0..6),
        local_first: bool,
    ) {
        let chunks = |sizes: Vec<usize>| -> Vec<Vec<u8>> {
            sizes.into_iter().enumerate().map(|(i, n)| pattern(i as u64 + 40, n)).collect()
        };
        let (up, down) = (chunks(up), chunks(down));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let [spliced, copied] = [false, true].map(|copy_only| {
            runtime.block_on(relayed(up.clone(), down.clone(), local_first, copy_only))
        });
        prop_assert!(spliced == copied);
        prop_assert!(spliced == [up.concat(), down.concat()]);
    }
}
