//! The tables of a journal, and the views for people. Described in `docs/map-resume.md`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{Totals, failed, signed, unsigned};
use crate::error::{Error, Kind, Operation, Result};

/// "SKJL", where SQLite keeps who a file belongs to.
const APPLICATION: i32 = 0x534b_4a4c;
/// The version of the tables.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE command (
    id INTEGER PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE,
    keys BLOB NOT NULL,
    text TEXT NOT NULL,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    uses INTEGER NOT NULL
);
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    nth INTEGER NOT NULL,
    command INTEGER NOT NULL,
    input BLOB NOT NULL,
    ending TEXT NOT NULL,
    status INTEGER,
    reason TEXT,
    attempts INTEGER NOT NULL,
    took_us INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    worker TEXT,
    deliveries INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    lost_leases INTEGER NOT NULL,
    stdout BLOB NOT NULL,
    stderr BLOB NOT NULL,
    pieces INTEGER NOT NULL,
    UNIQUE (digest, nth)
);
CREATE TABLE piece (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX piece_job ON piece (job, stream, id);
CREATE TABLE total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW jobs AS SELECT
    job.id AS id,
    CAST(input AS TEXT) AS input,
    nth + 1 AS occurrence,
    CASE WHEN ending = 'exited' AND status = 0 THEN 'done' ELSE 'failed' END AS state,
    ending,
    status,
    reason,
    attempts,
    took_us / 1e6 AS seconds,
    strftime('%Y-%m-%dT%H:%M:%fZ', ended_ms / 1000.0, 'unixepoch') AS ended,
    worker,
    CAST(stdout AS TEXT) AS stdout,
    CAST(stderr AS TEXT) AS stderr,
    pieces,
    command.text AS command
    FROM job JOIN command ON command.id = job.command;
CREATE VIEW failures AS SELECT * FROM jobs WHERE state = 'failed';
CREATE VIEW totals AS SELECT
    (SELECT count(*) FROM jobs) AS jobs,
    (SELECT count(*) FROM jobs WHERE state = 'done') AS done,
    (SELECT count(*) FROM failures) AS failed,
    (SELECT value FROM total WHERE name = 'attempts') AS attempts,
    (SELECT value FROM total WHERE name = 'retried') AS retried,
    (SELECT value FROM total WHERE name = 'deliveries') AS deliveries,
    (SELECT value FROM total WHERE name = 'duplicates') AS duplicates,
    (SELECT value FROM total WHERE name = 'lost_leases') AS lost_leases;
";

/// See that it is a journal, or make it one.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<()> {
    let application: i32 = pragma(connection, path, "application_id")?;
    let version: i32 = pragma(connection, path, "user_version")?;
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection
        .query_row(tables, [], |row| row.get(0))
        .map_err(|error| failed(path, error))?;
    match (application, version) {
        (APPLICATION, VERSION) => {}
        (APPLICATION, newer) => {
            let why = format!("it has version {newer}, and this program knows {VERSION}");
            let error = Error::new(Kind::Unsupported, Operation::Open, why);
            return Err(error.about(path.display()));
        }
        _ if tables > 0 => {
            let why = "it is a database of something else";
            let error = Error::new(Kind::Io, Operation::Open, why).with_hint("name another file");
            return Err(error.about(path.display()));
        }
        _ => {}
    }
    settle(connection, application == 0).map_err(|error| failed(path, error))
}

fn pragma(connection: &Connection, path: &Path, name: &str) -> Result<i32> {
    let value = connection.pragma_query_value(None, name, |row| row.get(0));
    value.map_err(|error| failed(path, error))
}

fn settle(connection: &Connection, is_new: bool) -> rusqlite::Result<()> {
    // A reader who has the file open does not end a run: commits wait for it.
    connection.busy_timeout(Duration::from_secs(10))?;
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    if is_new {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        store(&transaction, &Totals::default())?;
        transaction.commit()?;
    }
    Ok(())
}

/// Read the sums.
pub(super) fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let mut query = connection.prepare("SELECT name, value FROM total")?;
    let mut rows = query.query([])?;
    let mut totals = Totals::default();
    while let Some(row) = rows.next()? {
        let value = unsigned(row.get(1)?);
        match row.get_ref(0)?.as_str()? {
            "attempts" => totals.attempts = value,
            "retried" => totals.retried = value,
            "deliveries" => totals.deliveries = value,
            "duplicates" => totals.duplicates = value,
            "lost_leases" => totals.lost_leases = value,
            _ => {}
        }
    }
    Ok(totals)
}

/// Write the sums.
pub(super) fn store(connection: &Connection, totals: &Totals) -> rusqlite::Result<()> {
    let text =
        "INSERT INTO total VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let mut insert = connection.prepare_cached(text)?;
    for (name, value) in [
        ("attempts", totals.attempts),
        ("retried", totals.retried),
        ("deliveries", totals.deliveries),
        ("duplicates", totals.duplicates),
        ("lost_leases", totals.lost_leases),
    ] {
        insert.execute(params![name, signed(value)])?;
    }
    Ok(())
}
