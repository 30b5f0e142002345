//! The thread that records results, many in one transaction, and passes them on once they are on disk.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{CachedStatement, Connection, params};
use tokio_util::sync::CancellationToken;

use super::hold::Hold;
use super::{Totals, failed, schema, signed};
use crate::error::{Error, Operation, Result};
use crate::work::feed::Feed;
use crate::work::job::Ending;
use crate::work::outbox::{Done, Outbox};
use crate::work::report::Progress;
use crate::work::spill::Blob;

/// A commit follows the one before after so long, or once so many results wait.
const GATHER: Duration = Duration::from_millis(5);
const MANY: usize = 1000;
/// Of an output, so much stands in the row of its job; more goes into pieces of this size.
pub(super) const INLINE: usize = 64 << 10;
const PIECE: usize = 256 << 10;

const INSERT: &str = "INSERT INTO job (digest, nth, command, input, ending, status, reason, attempts, took_us, ended_ms, worker,
        deliveries, duplicates, lost_leases, stdout, stderr, pieces)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
    ON CONFLICT (digest, nth) DO UPDATE SET command = excluded.command, ending = excluded.ending, status = excluded.status,
        reason = excluded.reason, attempts = excluded.attempts, took_us = excluded.took_us, ended_ms = excluded.ended_ms,
        worker = excluded.worker, deliveries = excluded.deliveries, duplicates = excluded.duplicates,
        lost_leases = excluded.lost_leases, stdout = excluded.stdout, stderr = excluded.stderr, pieces = excluded.pieces
    RETURNING id";

/// See the module.
pub(in crate::work) struct Recorder {
    // Closed before the hold is given up.
    connection: Connection,
    path: PathBuf,
    command: i64,
    _hold: Hold,
}

/// Where results come from and go to, and how to end the run.
pub(in crate::work) struct Between {
    pub(in crate::work) from: Arc<Outbox>,
    pub(in crate::work) to: Arc<Outbox>,
    pub(in crate::work) feed: Arc<Feed>,
    pub(in crate::work) stop: CancellationToken,
    pub(in crate::work) progress: Arc<Progress>,
}

/// However recording ends, nobody waits for it for ever.
impl Drop for Between {
    fn drop(&mut self) {
        self.from.abandon();
        self.to.close();
    }
}

impl Recorder {
    pub(super) fn new(connection: Connection, path: PathBuf, command: i64, hold: Hold) -> Self {
        Self {
            connection,
            path,
            command,
            _hold: hold,
        }
    }

    /// Record and pass on until no more come. What fails ends the run.
    pub(in crate::work) fn run(self, between: Between) -> Result<()> {
        let recorded = self.record_all(&between);
        // So that a stopped run, whose reader may still have the file open, leaves no log of changes to be read again.
        let text = "PRAGMA wal_checkpoint(TRUNCATE)";
        let _ = self.connection.query_row(text, [], |_| Ok(()));
        if recorded.is_err() {
            between.feed.give_up();
            between.stop.cancel();
        }
        recorded
    }

    fn record_all(&self, between: &Between) -> Result<()> {
        let mut batch = Vec::new();
        let mut last: Option<Instant> = None;
        let mut told = Totals::default();
        while between.from.take(&mut batch, || {}) {
            let is_new = batch.iter().any(|done: &Done| !done.recorded);
            if let Some(last) = last.filter(|_| is_new) {
                between.from.take_more(&mut batch, last + GATHER, MANY);
            }
            if is_new {
                self.commit(&batch, &mut told, &between.progress)?;
                last = Some(Instant::now());
            }
            between.to.room_blocking();
            between.to.push(&mut batch);
        }
        // Attempts of jobs that never came to their end are counted too.
        self.commit(&[], &mut told, &between.progress)
    }

    fn commit(&self, batch: &[Done], told: &mut Totals, progress: &Progress) -> Result<()> {
        let totals = Totals::now(progress);
        if batch.is_empty() && *told == totals {
            return Ok(());
        }
        let failed = |error| failed(&self.path, error);
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let mut insert = transaction.prepare_cached(INSERT).map_err(failed)?;
        for done in batch.iter().filter(|done| !done.recorded) {
            self.insert(&mut insert, done)?;
        }
        drop(insert);
        if *told != totals {
            schema::store(&transaction, &totals).map_err(failed)?;
            *told = totals;
        }
        transaction.commit().map_err(failed)
    }

    fn insert(&self, insert: &mut CachedStatement<'_>, done: &Done) -> Result<()> {
        let Some(key) = done.key else {
            return Ok(());
        };
        let outcome = &done.outcome;
        let (ending, status, reason) = words(&outcome.ending);
        let unread =
            |error| Error::from_io(Operation::Read, error).about("the temporary file of results");
        let mut outputs = [Output::of(&outcome.stdout), Output::of(&outcome.stderr)];
        let [stdout, stderr] = &mut outputs;
        let first = [
            stdout.first().map_err(unread)?,
            stderr.first().map_err(unread)?,
        ];
        let pieces = stdout.pieces() + stderr.pieces();
        let took = i64::try_from(outcome.took.as_micros()).unwrap_or(i64::MAX);
        let values = params![
            &key.digest[..],
            key.nth,
            self.command,
            &done.input.bytes[..],
            ending,
            status,
            reason,
            outcome.attempts,
            took,
            now_ms(),
            outcome.worker,
            outcome.deliveries,
            outcome.duplicates,
            outcome.lost_leases,
            &first[0][..],
            &first[1][..],
            signed(pieces),
        ];
        let id: i64 = insert
            .query_row(values, |row| row.get(0))
            .map_err(|error| failed(&self.path, error))?;
        if outcome.attempts > 0 && pieces == 0 {
            // A job that is run again may have had pieces before.
            return self.forget_pieces(id);
        }
        self.forget_pieces(id)?;
        for (stream, output) in (1..).zip(&mut outputs) {
            while let Some(piece) = output.piece().map_err(unread)? {
                self.insert_piece(id, stream, &piece)?;
            }
        }
        Ok(())
    }

    fn forget_pieces(&self, job: i64) -> Result<()> {
        let delete = self
            .connection
            .prepare_cached("DELETE FROM piece WHERE job = ?1");
        let deleted = delete.and_then(|mut delete| delete.execute([job]));
        deleted
            .map(|_| ())
            .map_err(|error| failed(&self.path, error))
    }

    fn insert_piece(&self, job: i64, stream: i64, bytes: &[u8]) -> Result<()> {
        let text = "INSERT INTO piece (job, stream, bytes) VALUES (?1, ?2, ?3)";
        let insert = self.connection.prepare_cached(text);
        let inserted = insert.and_then(|mut insert| insert.execute(params![job, stream, bytes]));
        inserted
            .map(|_| ())
            .map_err(|error| failed(&self.path, error))
    }
}

impl Totals {
    fn now(progress: &Progress) -> Self {
        Self {
            attempts: progress.attempts.load(Ordering::Relaxed),
            retried: progress.retried.load(Ordering::Relaxed),
            deliveries: progress.deliveries.load(Ordering::Relaxed),
            duplicates: progress.duplicates.load(Ordering::Relaxed),
            lost_leases: progress.lost_leases.load(Ordering::Relaxed),
        }
    }
}

/// An output on its way into the journal: first what stands in the row, then pieces.
enum Output<'a> {
    Memory(&'a [u8]),
    File {
        left: u64,
        reader: crate::work::spill::BlobReader,
    },
}

impl<'a> Output<'a> {
    fn of(blob: &'a Blob) -> Self {
        match blob.as_bytes() {
            Some(bytes) => Self::Memory(bytes),
            None => Self::File {
                left: blob.len(),
                reader: blob.reader(),
            },
        }
    }

    fn left(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { left, .. } => *left,
        }
    }

    fn first(&mut self) -> std::io::Result<std::borrow::Cow<'a, [u8]>> {
        Ok(self.next(INLINE)?.unwrap_or_default())
    }

    fn pieces(&self) -> u64 {
        self.left().div_ceil(PIECE as u64)
    }

    fn piece(&mut self) -> std::io::Result<Option<std::borrow::Cow<'a, [u8]>>> {
        self.next(PIECE)
    }

    fn next(&mut self, most: usize) -> std::io::Result<Option<std::borrow::Cow<'a, [u8]>>> {
        match self {
            Self::Memory([]) | Self::File { left: 0, .. } => Ok(None),
            Self::Memory(bytes) => {
                let (now, later) = bytes.split_at(bytes.len().min(most));
                *bytes = later;
                Ok(Some(now.into()))
            }
            Self::File { left, reader } => {
                let many = usize::try_from(*left).unwrap_or(most).min(most);
                let mut piece = vec![0; many];
                reader.read_exact(&mut piece)?;
                *left -= many as u64;
                Ok(Some(piece.into()))
            }
        }
    }
}

/// An ending as the journal says it: a word, a number, a reason.
fn words(ending: &Ending) -> (&'static str, Option<i32>, Option<&str>) {
    match ending {
        Ending::Exited(status) => ("exited", Some(i32::from(*status)), None),
        Ending::Killed(signal) => ("killed", Some(*signal), None),
        Ending::TimedOut => ("timed-out", None, None),
        Ending::NotFound(why) => ("not-found", None, Some(why)),
        Ending::NotStarted(why) => ("not-started", None, Some(why)),
        Ending::Failed(why) => ("failed", None, Some(why)),
        Ending::Canceled => ("canceled", None, None),
    }
}

/// The ending that is said so; `None` if no version of ours says it.
pub(super) fn ending(word: &str, status: Option<i32>, reason: Option<String>) -> Option<Ending> {
    let why = reason.unwrap_or_default();
    Some(match word {
        "exited" => Ending::Exited(u8::try_from(status?).ok()?),
        "killed" => Ending::Killed(status?),
        "timed-out" => Ending::TimedOut,
        "not-found" => Ending::NotFound(why),
        "not-started" => Ending::NotStarted(why),
        "failed" => Ending::Failed(why),
        _ => return None,
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
