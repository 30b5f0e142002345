//! Credentials that were found good a while ago, so that a hash is not computed for every request; and addresses that guess.
//! Both are bounded, and nothing in them says what a password is.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// How many credentials, and for how long.
const MOST_KNOWN: usize = 1024;
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// How many addresses are remembered.
const MOST_ADDRESSES: usize = 4096;

/// Credentials that are good.
#[derive(Debug)]
pub(super) struct Known {
    key: [u8; 32],
    good: Mutex<HashMap<[u8; 32], (String, Instant)>>,
}

/// Addresses with failures.
#[derive(Debug)]
pub(super) struct Failures {
    most: u32,
    window: Duration,
    by_address: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        if getrandom::fill(&mut key).is_err() {
            // Seeded by the system another way: it only has to differ from process to process.
            let random = RandomState::new();
            for (index, part) in key.chunks_mut(8).enumerate() {
                part.copy_from_slice(&random.hash_one(index).to_ne_bytes());
            }
        }
        Self {
            key,
            good: Mutex::default(),
        }
    }

    /// What stands for credentials here.
    pub(super) fn digest(&self, kind: &str, user: &str, secret: &[u8]) -> [u8; 32] {
        let mut sum = Sha256::new();
        for part in [&self.key, kind.as_bytes(), user.as_bytes(), secret] {
            sum.update((part.len() as u64).to_be_bytes());
            sum.update(part);
        }
        sum.finalize().into()
    }

    pub(super) fn user(&self, digest: &[u8; 32]) -> Option<String> {
        let good = lock(&self.good);
        let (user, since) = good.get(digest)?;
        (since.elapsed() < KNOWN_FOR).then(|| user.clone())
    }

    pub(super) fn remember(&self, digest: [u8; 32], user: String) {
        let mut good = lock(&self.good);
        if good.len() >= MOST_KNOWN {
            good.retain(|_, (_, since)| since.elapsed() < KNOWN_FOR);
        }
        if good.len() >= MOST_KNOWN {
            good.clear();
        }
        good.insert(digest, (user, Instant::now()));
    }
}

impl Failures {
    pub(super) fn new(most: u32, window: Duration) -> Self {
        Self {
            most,
            window,
            by_address: Mutex::default(),
        }
    }

    /// How long this address has to wait before it may try again, if it has guessed too often.
    pub(super) fn wait(&self, address: Option<IpAddr>) -> Option<Duration> {
        let by_address = lock(&self.by_address);
        let (failures, since) = by_address.get(&network(address?))?;
        let left = self.window.checked_sub(since.elapsed())?;
        (*failures >= self.most).then_some(left)
    }

    pub(super) fn count(&self, address: Option<IpAddr>) {
        let Some(address) = address.map(network) else {
            return;
        };
        let mut by_address = lock(&self.by_address);
        if by_address.len() >= MOST_ADDRESSES {
            let window = self.window;
            by_address.retain(|_, (_, since)| since.elapsed() < window);
        }
        if by_address.len() >= MOST_ADDRESSES && !by_address.contains_key(&address) {
            by_address.clear();
        }
        let (failures, since) = by_address.entry(address).or_insert((0, Instant::now()));
        if since.elapsed() >= self.window {
            (*failures, *since) = (0, Instant::now());
        }
        *failures += 1;
    }

    /// Somebody there has proven who they are.
    pub(super) fn forgive(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            lock(&self.by_address).remove(&network(address));
        }
    }
}

/// Who has one address of IPv6 has its whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => {
            let [a, b, c, d, ..] = it.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        it => it,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_guess_have_to_wait() {
        let failures = Failures::new(2, Duration::from_secs(60));
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        failures.count(at("2001:db8::1"));
        assert_eq!(failures.wait(at("2001:db8::1")), None);
        failures.count(at("2001:db8::2"));
        assert!(
            failures.wait(at("2001:db8::3")).is_some(),
            "the same network"
        );
        assert_eq!(failures.wait(at("192.0.2.1")), None);
        assert_eq!(failures.wait(None), None);
        failures.forgive(at("2001:db8::1"));
        assert_eq!(failures.wait(at("2001:db8::1")), None);
        for number in 0..2 * MOST_ADDRESSES as u32 {
            failures.count(Some(std::net::Ipv4Addr::from(number).into()));
        }
        assert!(lock(&failures.by_address).len() <= MOST_ADDRESSES);
    }

    #[test]
    fn good_credentials_are_known_and_bounded() {
        let known = Known::new();
        let digest = |number: usize| known.digest("basic", "ann", number.to_string().as_bytes());
        for number in 0..2 * MOST_KNOWN {
            known.remember(digest(number), "ann".into());
        }
        assert!(lock(&known.good).len() <= MOST_KNOWN);
        assert_eq!(
            known.user(&digest(2 * MOST_KNOWN - 1)).as_deref(),
            Some("ann")
        );
        assert_eq!(known.user(&digest(1 << 20)), None);
        assert_ne!(known.digest("a", "bc", b""), known.digest("a", "b", b"c"));
    }
}
