//! Who a job is: a digest of what is done and with what, and how many equal ones came before.
//!
//! Equal inputs are counted exactly and within bounds of memory: counts of the latest inputs in memory, all others in a table that
//! SQLite keeps in a temporary file, and a filter that knows of most new inputs that the table need not be asked.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::job::Key;
use crate::error::{Error, Kind, Operation, Result};

/// How many counts stay in memory: about 3 MiB.
const MOST_IN_MEMORY: usize = 64 << 10;
/// The filter has so many words of 64 bits: 8 MiB, which let 1 in 20 pass at 10 million inputs.
const WORDS: usize = 1 << 20;

/// Gives each input its key, in their order.
#[derive(Debug)]
pub(super) struct Keys {
    start: Sha256,
    counts: HashMap<[u8; 16], u32>,
    most: usize,
    table: Option<Table>,
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
            most: MOST_IN_MEMORY,
            table: None,
        }
    }

    /// The key of the next input.
    ///
    /// # Errors
    ///
    /// `Io` if counts of equal inputs fit neither into memory nor into a temporary file.
    pub(super) fn next(&mut self, input: &[u8]) -> Result<Key> {
        let digest = self.digest(input);
        if let Some(count) = self.counts.get_mut(&digest) {
            let nth = *count;
            *count += 1;
            return Ok(Key { digest, nth });
        }
        let nth = match &self.table {
            Some(table) => table.count(&digest).map_err(failed)?,
            None => 0,
        };
        if self.counts.len() >= self.most {
            self.put_away().map_err(failed)?;
        }
        self.counts.insert(digest, nth + 1);
        Ok(Key { digest, nth })
    }

    fn digest(&self, input: &[u8]) -> [u8; 16] {
        let mut sha = self.start.clone();
        sha.update(input);
        let whole = sha.finalize();
        let mut digest = [0; 16];
        digest.copy_from_slice(&whole[..16]);
        digest
    }

    fn put_away(&mut self) -> rusqlite::Result<()> {
        let table = match &mut self.table {
            Some(table) => table,
            None => self.table.insert(Table::new()?),
        };
        // In order, so that each page of the table is touched once.
        let mut counts: Vec<_> = self.counts.drain().collect();
        counts.sort_unstable();
        table.put(&counts)
    }
}

/// All counts that are not in memory.
#[derive(Debug)]
struct Table {
    connection: Connection,
    filter: Vec<u64>,
}

impl Table {
    fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        // The temporary database is in a file without a name, with a cache of 2 MiB.
        connection.execute_batch(
            "PRAGMA temp_store = FILE;
            CREATE TEMP TABLE count (digest BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
            PRAGMA temp.journal_mode = OFF;
            PRAGMA temp.synchronous = OFF;
            PRAGMA temp.cache_size = -2048;",
        )?;
        Ok(Self {
            connection,
            filter: vec![0; WORDS],
        })
    }

    fn count(&self, digest: &[u8; 16]) -> rusqlite::Result<u32> {
        let known = bits(digest).all(|(word, bit)| self.filter[word] & bit != 0);
        if !known {
            return Ok(0);
        }
        let text = "SELECT count FROM count WHERE digest = ?1";
        let mut select = self.connection.prepare_cached(text)?;
        let count = select.query_row([&digest[..]], |row| row.get(0));
        Ok(count.optional()?.unwrap_or(0))
    }

    fn put(&mut self, counts: &[([u8; 16], u32)]) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let text = "INSERT INTO count VALUES (?1, ?2) ON CONFLICT (digest) DO UPDATE SET count = excluded.count";
        let mut insert = transaction.prepare_cached(text)?;
        for (digest, count) in counts {
            insert.execute(params![&digest[..], count])?;
            for (word, bit) in bits(digest) {
                self.filter[word] |= bit;
            }
        }
        drop(insert);
        transaction.commit()
    }
}

/// The bits of the filter that stand for a digest.
fn bits(digest: &[u8; 16]) -> impl Iterator<Item = (usize, u64)> {
    digest.as_chunks().0.iter().map(|part: &[u8; 4]| {
        let place = u32::from_le_bytes(*part) as usize;
        ((place / 64) % WORDS, 1 << (place % 64))
    })
}

fn failed(error: rusqlite::Error) -> Error {
    let why = format!("equal inputs cannot be counted: {error}");
    Error::new(Kind::Io, Operation::Read, why).with_hint("set TMPDIR to a directory with more room")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_inputs_are_told_apart_by_their_count() {
        let mut keys = Keys::new(&"wc {}".into());
        let first = keys.next(b"a").unwrap();
        let other = keys.next(b"b").unwrap();
        let again = keys.next(b"a").unwrap();
        assert_ne!(first.digest, other.digest);
        assert_eq!((first.nth, other.nth, again.nth), (0, 0, 1));
        assert_eq!(first.digest, again.digest);
        let mut changed = Keys::new(&"wc -l {}".into());
        assert_ne!(changed.next(b"a").unwrap().digest, first.digest);
        // What is done and with what do not run into each other.
        let mut shifted = Keys::new(&"wc {}a".into());
        assert_ne!(shifted.next(b"").unwrap().digest, first.digest);
    }

    #[test]
    fn counts_are_exact_when_few_stay_in_memory() {
        let mut keys = Keys::new(&Bytes::new());
        keys.most = 10;
        let mut exact: HashMap<u32, u32> = HashMap::new();
        let mut state = 1u32;
        for _ in 0..3000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let input = (state >> 16) % 500;
            let count = exact.entry(input).or_default();
            assert_eq!(keys.next(&input.to_le_bytes()).unwrap().nth, *count);
            *count += 1;
        }
        assert!(keys.table.is_some() && keys.counts.len() <= 10);
    }
}
