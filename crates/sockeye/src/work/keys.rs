//! Who a job is: a digest of what is done and with what, and how many equal ones came before.

use std::collections::HashMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::job::Key;

/// Gives each input its key, in their order.
#[derive(Debug)]
pub(super) struct Keys {
    start: Sha256,
    counts: HashMap<[u8; 16], u32>,
}

impl Keys {
    /// Keys of inputs of what is called so.
    pub(super) fn new(identity: &Bytes) -> Self {
        let mut start = Sha256::new();
        start.update((identity.len() as u64).to_be_bytes());
        start.update(identity);
        Self {
            start,
            counts: HashMap::new(),
        }
    }

    /// The key of the next input.
    pub(super) fn next(&mut self, input: &[u8]) -> Key {
        let digest = self.digest(input);
        let count = self.counts.entry(digest).or_default();
        let nth = *count;
        *count += 1;
        Key { digest, nth }
    }

    fn digest(&self, input: &[u8]) -> [u8; 16] {
        let mut sha = self.start.clone();
        sha.update(input);
        let whole = sha.finalize();
        let mut digest = [0; 16];
        digest.copy_from_slice(&whole[..16]);
        digest
    }
}
