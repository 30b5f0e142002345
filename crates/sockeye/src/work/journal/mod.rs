//! What was done, in a SQLite file: whoever is killed goes on where it was.
//!
//! A result is found by the [`Key`](super::Key) of its job, not by its place: inputs may be inserted, removed and moved. The
//! [recorder](record) puts results there before the sink sees them; the [lookup](replay) finds those of an earlier run.

mod hold;
mod record;
mod replay;
mod schema;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::report::{Progress, add};
use crate::error::{Error, Kind, Operation, Result};
use hold::Hold;
pub(super) use record::{Between, Recorder};
pub(super) use replay::Replay;

/// A file of results, by the [`Key`](super::Key) of their jobs.
///
/// It belongs to one run at a time. Its tables and views are described in the guide `docs/map-resume.md`; they may be read by other
/// programs at any time.
///
/// ```
/// use sockeye::work::{Journal, Standing};
///
/// # fn main() -> sockeye::Result<()> {
/// # let directory = std::env::temp_dir().join(format!("sockeye-journal-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// let path = directory.join("names.journal");
/// let journal = Journal::open(&path)?.with_command("resolve {}");
/// assert_eq!(journal.standing(b"resolve {}")?, Standing::New);
/// assert!(Journal::open(&path).is_err(), "one run at a time");
/// # drop(journal);
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Journal {
    // Closed before the hold on the file is given up.
    connection: Connection,
    path: PathBuf,
    command: String,
    assume_same: bool,
    retry_failed: bool,
    durable: bool,
    hold: Hold,
}

/// What a journal knows of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It knows nothing yet.
    New,
    /// It has results of this very command.
    Same {
        /// How many.
        results: u64,
        /// How many of them are failures.
        failed: u64,
    },
    /// It has results, but of another command: they do not count for this one.
    Changed {
        /// The other command, the last that was used, as people read it.
        before: String,
        /// How many results it has of that.
        results: u64,
    },
}

/// What a run needs of its journal.
pub(super) struct Begun {
    pub(super) recorder: Recorder,
    pub(super) replay: Option<Replay>,
    /// What keys are made of; that of another command if both were said to be the same.
    pub(super) identity: Bytes,
    pub(super) totals: Totals,
}

/// Sums that go on over restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) attempts: u64,
    pub(super) retried: u64,
    pub(super) deliveries: u64,
    pub(super) duplicates: u64,
    pub(super) lost_leases: u64,
}

impl Totals {
    /// A run counts on from here.
    pub(super) fn go_on(&self, progress: &Progress) {
        add(&progress.attempts, self.attempts);
        add(&progress.retried, self.retried);
        add(&progress.deliveries, self.deliveries);
        add(&progress.duplicates, self.duplicates);
        add(&progress.lost_leases, self.lost_leases);
    }
}

impl Journal {
    /// Open or make it, and hold it: a second run refuses. Who was killed holds nothing.
    ///
    /// # Errors
    ///
    /// `InUse` if another run holds it, `Denied` or `Io` if it cannot be opened or is no journal, `Unsupported` if a newer version
    /// made it.
    pub fn open(path: &Path) -> Result<Self> {
        let hold = Hold::take(path)?;
        let connection = Connection::open(path).map_err(|error| failed(path, error))?;
        let journal = Self {
            connection,
            path: path.to_owned(),
            command: String::new(),
            assume_same: false,
            retry_failed: false,
            durable: true,
            hold,
        };
        schema::prepare(&journal.connection, path)?;
        Ok(journal)
    }

    /// The command as people read it: kept beside its results.
    #[must_use]
    pub fn with_command(mut self, text: impl Into<String>) -> Self {
        self.command = text.into();
        self
    }

    /// Results of the last command count for this one too, from now on. No by default.
    #[must_use]
    pub fn assume_same(mut self, yes: bool) -> Self {
        self.assume_same = yes;
        self
    }

    /// Jobs that failed are run again; else their failure stands. No by default.
    #[must_use]
    pub fn retry_failed(mut self, yes: bool) -> Self {
        self.retry_failed = yes;
        self
    }

    /// Wait for the disk at each commit, so that results survive the loss of power too; else only that of the process. Yes by
    /// default.
    #[must_use]
    pub fn durable(mut self, yes: bool) -> Self {
        self.durable = yes;
        self
    }

    /// What it knows of the command with this identity.
    ///
    /// # Errors
    ///
    /// `Io` if the file is damaged or cannot be read.
    pub fn standing(&self, identity: &[u8]) -> Result<Standing> {
        self.find_standing(identity)
            .map_err(|error| failed(&self.path, error))
    }

    fn find_standing(&self, identity: &[u8]) -> rusqlite::Result<Standing> {
        let results = |id: i64| {
            let text = "SELECT count(*), count(*) FILTER (WHERE ending <> 'exited' OR status <> 0) FROM job WHERE command = ?1";
            self.connection.query_row(text, [id], |row| {
                Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
            })
        };
        if let Some(command) = self.command(identity)? {
            let (results, failed) = results(command.id)?;
            return Ok(Standing::Same { results, failed });
        }
        let Some(last) = self.last_command()? else {
            return Ok(Standing::New);
        };
        let (results, _) = results(last.id)?;
        Ok(Standing::Changed {
            before: last.text,
            results,
        })
    }

    /// Begin a run of what is called so.
    pub(super) fn begin(self, identity: &Bytes) -> Result<Begun> {
        let path = self.path.clone();
        self.prepare(identity).map_err(|error| failed(&path, error))
    }

    fn prepare(self, identity: &Bytes) -> rusqlite::Result<Begun> {
        let synchronous = if self.durable { "FULL" } else { "NORMAL" };
        self.connection
            .pragma_update(None, "synchronous", synchronous)?;
        let command = match self.command(identity)? {
            Some(command) => command,
            None => self.add_command(identity)?,
        };
        let text = "UPDATE command SET last_used = unixepoch(), uses = uses + 1 WHERE id = ?1";
        self.connection.execute(text, [command.id])?;
        let any: bool =
            self.connection
                .query_row("SELECT EXISTS (SELECT 1 FROM job)", [], |row| row.get(0))?;
        let totals = schema::totals(&self.connection)?;
        let replay = match any {
            true => Some(Replay::open(&self.path, self.retry_failed)?),
            false => None,
        };
        Ok(Begun {
            identity: command.keys,
            totals,
            replay,
            recorder: Recorder::new(self.connection, self.path, command.id, self.hold),
        })
    }

    fn command(&self, identity: &[u8]) -> rusqlite::Result<Option<Command>> {
        let text = "SELECT id, keys, text FROM command WHERE identity = ?1";
        let found = self
            .connection
            .query_row(text, [identity], Command::from_row);
        found.optional()
    }

    fn last_command(&self) -> rusqlite::Result<Option<Command>> {
        let text = "SELECT id, keys, text FROM command ORDER BY last_used DESC, id DESC LIMIT 1";
        let found = self.connection.query_row(text, [], Command::from_row);
        found.optional()
    }

    fn add_command(&self, identity: &[u8]) -> rusqlite::Result<Command> {
        let same = match self.assume_same {
            true => self.last_command()?,
            false => None,
        };
        let keys = same.map_or_else(|| Bytes::copy_from_slice(identity), |last| last.keys);
        let text = "INSERT INTO command (identity, keys, text, first_used, last_used, uses)
            VALUES (?1, ?2, ?3, unixepoch(), unixepoch(), 0)";
        self.connection
            .execute(text, params![identity, &keys[..], self.command])?;
        Ok(Command {
            id: self.connection.last_insert_rowid(),
            keys,
            text: self.command.clone(),
        })
    }
}

struct Command {
    id: i64,
    keys: Bytes,
    text: String,
}

impl Command {
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            keys: row.get::<_, Vec<u8>>(1)?.into(),
            text: row.get(2)?,
        })
    }
}

/// SQLite's integers have a sign; ours are never so large.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What an error of SQLite means for whoever owns the file.
pub(super) fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    let (kind, why, hint) = match code {
        Some(ErrorCode::NotADatabase) => (
            Kind::Io,
            "it is no journal".to_owned(),
            Some("name another file"),
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            Kind::Io,
            format!("the journal is damaged: {error}"),
            Some("move it away to start anew; `sqlite3 FILE .recover` shows what is left of it"),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Kind::InUse,
            "another program has locked it".to_owned(),
            Some("end the program that writes to it"),
        ),
        Some(ErrorCode::DiskFull) => (
            Kind::Io,
            "there is no room left on its disk".to_owned(),
            Some("make room, then run the same again: it goes on where it was"),
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            (Kind::Denied, "it may not be written to".to_owned(), None)
        }
        _ => (Kind::Io, error.to_string(), None),
    };
    let error = Error::new(kind, Operation::Open, why).about(path.display());
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
