//! Results of an earlier run, found by the keys of their jobs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::record::ending;
use super::{failed, unsigned};
use crate::error::{Error, Kind, Operation, Result};
use crate::work::job::{Key, Outcome};
use crate::work::spill::{Blob, Spill};

const FIND: &str = "SELECT id, ending, status, reason, attempts, took_us, worker, deliveries, duplicates, lost_leases, stdout, stderr,
        pieces
    FROM job WHERE digest = ?1 AND nth = ?2";

/// See the module.
pub(in crate::work) struct Replay {
    connection: Connection,
    path: PathBuf,
    retry_failed: bool,
}

impl Replay {
    pub(super) fn open(path: &Path, retry_failed: bool) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "cache_size", -4096)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            retry_failed,
        })
    }

    /// What became of this job, unless it is to be run again.
    pub(in crate::work) fn find(&self, key: &Key, spill: &Spill) -> Result<Option<Outcome>> {
        let failed = |error| failed(&self.path, error);
        let mut find = self.connection.prepare_cached(FIND).map_err(failed)?;
        let found = find
            .query_row(params![&key.digest[..], key.nth], Found::from_row)
            .optional()
            .map_err(failed)?;
        let Some(found) = found else {
            return Ok(None);
        };
        let outcome = found.outcome.ok_or_else(|| self.strange())?;
        if self.retry_failed && !outcome.ending.is_success() {
            return Ok(None);
        }
        match found.pieces {
            0 => Ok(Some(outcome)),
            _ => self.complete(found.id, outcome, spill).map(Some),
        }
    }

    /// Add the pieces of large outputs.
    fn complete(&self, id: i64, mut outcome: Outcome, spill: &Spill) -> Result<Outcome> {
        for (stream, output) in [(1, &mut outcome.stdout), (2, &mut outcome.stderr)] {
            let mut gather = spill.gather();
            let unkept = |error| {
                Error::from_io(Operation::Write, error).about("the temporary file of results")
            };
            output.write_to(&mut gather).map_err(unkept)?;
            let failed = |error| failed(&self.path, error);
            let text = "SELECT bytes FROM piece WHERE job = ?1 AND stream = ?2 ORDER BY id";
            let mut select = self.connection.prepare_cached(text).map_err(failed)?;
            let mut rows = select.query(params![id, stream]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let bytes = row.get_ref(0).map_err(failed)?;
                let bytes = bytes.as_blob().map_err(|_| self.strange())?;
                gather.write_all(bytes).map_err(unkept)?;
            }
            *output = gather.finish();
        }
        Ok(outcome)
    }

    fn strange(&self) -> Error {
        let why = "the journal is damaged: a result in it makes no sense";
        Error::new(Kind::Io, Operation::Open, why)
            .about(self.path.display())
            .with_hint("move it away to start anew")
    }
}

struct Found {
    id: i64,
    outcome: Option<Outcome>,
    pieces: i64,
}

impl Found {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let word: String = row.get(1)?;
        let ending = ending(&word, row.get(2)?, row.get(3)?);
        let blob = |nth| row.get::<_, Vec<u8>>(nth).map(Blob::from);
        let (stdout, stderr) = (blob(10)?, blob(11)?);
        let mut counts = [0; 4];
        for (count, nth) in counts.iter_mut().zip([4, 7, 8, 9]) {
            *count = u32::try_from(row.get::<_, i64>(nth)?).unwrap_or(u32::MAX);
        }
        let took = Duration::from_micros(unsigned(row.get(5)?));
        let worker = row.get(6)?;
        let outcome = ending.map(|ending| {
            let mut outcome = Outcome::new(ending);
            [
                outcome.attempts,
                outcome.deliveries,
                outcome.duplicates,
                outcome.lost_leases,
            ] = counts;
            (outcome.took, outcome.worker) = (took, worker);
            (outcome.stdout, outcome.stderr) = (stdout, stderr);
            outcome
        });
        Ok(Self {
            id: row.get(0)?,
            outcome,
            pieces: row.get(12)?,
        })
    }
}
