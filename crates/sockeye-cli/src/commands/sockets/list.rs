//! The list: read, choose, order, write, and say below it what a reader should know.

use std::cmp::Ordering;
use std::io::IsTerminal;
use std::path::Path;

use sockeye::host::process::{Missing, Owners};
use sockeye::host::services::{Services, ephemeral_range};
use sockeye::host::socket::{Address, Socket, State};
use sockeye::host::subflows::Subflows;
use sockeye::host::table::{OwnerSearch, Table};
use sockeye::host::users::Users;
use sockeye::{Error, Kind, Operation, Result};

use super::columns::{Column, Form};
use super::row::{Row, Source};
use super::show::{Order, Show, wanted};
use super::which::Selection;
use super::words;
use super::{csv, json, judge, names};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::sheet::{Layout, Sheet};

/// How many rows of a table are written at once: few enough to stay in the cache.
const PIECE: usize = 1024;
/// How many rows of JSON are written at once.
const JSON_ROWS: usize = 64;

/// What the rows of this table are written from.
pub(super) fn source<'a>(table: &'a Table, show: &Show) -> Source<'a> {
    Source {
        table,
        services: (!show.numeric).then(Services::system),
        users: Users::of_system(),
        ephemeral: ephemeral_range(),
    }
}

/// The same where nothing is named.
pub(super) fn bare(table: &Table) -> Source<'_> {
    Source {
        table,
        services: None,
        users: Users::default(),
        ephemeral: ephemeral_range(),
    }
}

/// How a table is written.
pub(super) fn layout(show: &Show, output: &Output) -> Layout {
    Layout {
        width: output.text_width(),
        color: output.text_color(),
        header: !show.no_header,
    }
}

/// Write these rows as they were asked for. False when nobody reads them any more.
pub(super) fn write(rows: &[Row<'_>], show: &Show, output: &Output) -> bool {
    if output.json() {
        let mut out = Vec::new();
        return rows.chunks(JSON_ROWS).all(|rows| {
            out.clear();
            json::write(rows, &mut out);
            output.bytes(&out)
        });
    }
    let mut out = String::new();
    let sought = rows
        .first()
        .is_none_or(|row| row.source.table.search() != OwnerSearch::None);
    if show.csv {
        csv::write(rows, show.columns(true), !show.no_header, &mut out);
    } else if let Some(template) = &show.format {
        for row in rows {
            template.write(*row, &mut out);
        }
    } else if !rows.is_empty() {
        return sheet(rows, show.columns(sought), layout(show, output), output);
    }
    output.text(&out)
}

/// Write a table. For a terminal, all rows decide which columns there are and how wide; a long one for a pipe or a file is
/// written piece by piece, by two threads in turns, with columns as wide as its first rows want them. False when nobody
/// reads them any more.
fn sheet(rows: &[Row<'_>], columns: &[Column], layout: Layout, output: &Output) -> bool {
    let empty = || {
        let kinds = columns.iter().map(|column| column.of_sheet()).collect();
        Sheet::new(kinds, rows.len().min(PIECE))
    };
    let piece = if layout.width.is_some() {
        rows.len()
    } else {
        rows.len().min(PIECE)
    };
    let (first, rest) = rows.split_at(piece);
    let (mut sheet, mut out) = (empty(), String::new());
    fill(&mut sheet, first, columns);
    let plan = sheet.plan(layout);
    sheet.write_titles(&plan, &mut out);
    sheet.write_rows(&plan, &mut out);
    let write = |sheet: &mut Sheet, rows: &[Row<'_>], out: &mut String| {
        sheet.clear();
        fill(sheet, rows, columns);
        sheet.write_rows(&plan, out);
    };
    if !output.text(&out) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(2);
        let other = move || {
            let mut sheet = empty();
            for rows in rest.chunks(PIECE).skip(1).step_by(2) {
                let mut out = String::new();
                write(&mut sheet, rows, &mut out);
                if sender.send(out).is_err() {
                    // Nobody reads any more.
                    break;
                }
            }
        };
        let helped = std::thread::Builder::new()
            .spawn_scoped(scope, other)
            .is_ok();
        rest.chunks(PIECE).enumerate().all(|(i, rows)| {
            out.clear();
            match (helped && i % 2 == 1).then(|| receiver.recv()) {
                Some(Ok(piece)) => out.push_str(&piece),
                _ => write(&mut sheet, rows, &mut out),
            }
            output.text(&out)
        })
    })
}

fn fill(sheet: &mut Sheet, rows: &[Row<'_>], columns: &[Column]) {
    for row in rows {
        for column in columns {
            column.write(*row, Form::Words, sheet.text());
            sheet.end_cell(column.tint(*row));
        }
    }
}

/// Put rows in order: as asked for, else by protocol, listeners first, then by port.
pub(super) fn order(rows: &mut Vec<Row<'_>>, order: Option<Order>) {
    match order {
        None => rows.sort_by_cached_key(|row| usual(row.socket)),
        Some(Order { column, descending }) => {
            let key = |row: &Row<'_>| {
                let measure = column.measure(*row).map(|measure| measure.amount());
                let mut text = String::new();
                if measure.is_none() {
                    column.write(*row, Form::Plain, &mut text);
                }
                (measure, text)
            };
            let mut keyed: Vec<_> = rows.iter().map(|row| (key(row), *row)).collect();
            keyed.sort_by(|(a, _), (b, _)| compare(a, b, descending));
            rows.clear();
            rows.extend(keyed.into_iter().map(|(_, row)| row));
        }
    }
}

/// What is not known comes last, whichever way it goes.
fn compare(a: &(Option<f64>, String), b: &(Option<f64>, String), descending: bool) -> Ordering {
    let known = |key: &(Option<f64>, String)| key.0.is_some() || !key.1.is_empty();
    let order = match (a.0, b.0) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (None, None) => a.1.cmp(&b.1),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    let order = if descending { order.reverse() } else { order };
    known(b).cmp(&known(a)).then(order)
}

/// The usual order as one number.
pub(super) fn usual(socket: &Socket) -> u64 {
    let port = match socket.local {
        Address::Internet(_) => socket.local.port().unwrap_or(0),
        _ => 0,
    };
    (socket.protocol as u64) << 32 | u64::from(words::rank(socket.state)) << 16 | u64::from(port)
}

/// What a reader of the list should know, on standard error.
pub(super) fn footer(rows: &[Row<'_>], table: &Table, selection: &Selection, output: &Output) {
    let hidden = rows.iter().filter(|row| {
        matches!(
            row.owners(),
            Owners::Missing(Missing::NeedsPrivilege | Missing::AcceptQueue([]))
        )
    });
    let hidden = hidden.count();
    if hidden > 0 {
        output.say(Level::Normal, hidden_owners(hidden));
    }
    for pid in &selection.pids {
        match sight(*pid) {
            Sight::Clear => {}
            Sight::Gone => output.say(Level::Normal, format_args!("there is no process {pid}")),
            Sight::Hidden => output.say(
                Level::Normal,
                format_args!("process {pid} may not be looked into: what it holds is left out"),
            ),
        }
    }
    let hidden = table.hidden_processes();
    if selection.pids.is_empty() && selection.asks_for_owners() && hidden > 0 {
        let processes = if hidden == 1 { "process" } else { "processes" };
        output.say(
            Level::Normal,
            format_args!("{hidden} {processes} may not be looked into: what they hold is left out"),
        );
    }
    for notice in &table.notices {
        // What this kernel has not got is news only to those who ask for it.
        let level = match notice.code {
            "protocol-missing" if !selection.named_protocols => Level::Verbose,
            _ => Level::Normal,
        };
        output.say(level, &notice.text);
    }
}

/// What can be seen of a process.
enum Sight {
    Clear,
    Hidden,
    Gone,
}

fn sight(pid: u32) -> Sight {
    let process = Path::new("/proc").join(pid.to_string());
    let descriptors = std::fs::read_dir(process.join("fd"));
    let first = descriptors.map(|mut all| all.next().transpose());
    match first {
        // Root without CAP_SYS_PTRACE may list them and not read them.
        Ok(Ok(Some(entry))) if std::fs::read_link(entry.path()).is_ok() => Sight::Clear,
        Ok(Ok(None)) => Sight::Clear,
        _ if process.exists() => Sight::Hidden,
        _ => Sight::Gone,
    }
}

fn hidden_owners(count: usize) -> String {
    let sockets = if count == 1 { "socket" } else { "sockets" };
    if nix::unistd::geteuid().is_root() {
        // In a container, say.
        return format!(
            "owner hidden for {count} {sockets} of processes that may not be looked into here"
        );
    }
    let (users, them) = match count {
        1 => ("another user", "it"),
        _ => ("other users", "them"),
    };
    format!("owner hidden for {count} {sockets} of {users}; run as root to see {them}")
}

/// `14 sockets: 3 listening, 11 established`. Of a Multipath TCP socket, its paths do not count.
fn counts(rows: &[Row<'_>], beyond: usize) -> String {
    let subflows = Subflows::of(rows.iter().map(|row| row.socket));
    let mut by_state = [0_usize; State::ALL.len()];
    let mut paths = 0;
    for row in rows {
        if subflows.has(row.socket) {
            paths += 1;
            continue;
        }
        let at = State::ALL.iter().position(|s| *s == row.socket.state);
        by_state[at.unwrap_or(0)] += 1;
    }
    let parts: Vec<String> = State::ALL
        .iter()
        .zip(by_state)
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let all = rows.len() - paths + beyond;
    let plural = if all == 1 { "socket" } else { "sockets" };
    let shown = match beyond {
        0 => String::new(),
        more => format!(" ({more} more not shown)"),
    };
    match parts.is_empty() {
        true => format!("no such {plural}"),
        false => format!("{all} {plural}{shown}: {}", parts.join(", ")),
    }
}

/// Read, choose, order, write.
pub(super) async fn run(selection: &Selection, show: &Show, output: &Output) -> Result<Outcome> {
    let columns = show.needed(output.json());
    let owners = output.json() || columns.iter().any(|column| column.wants_owners());
    let request = selection.request(owners).details(wanted(&columns));
    let table = request.read()?;
    let source = source(&table, show);
    let rows = table.sockets.iter().map(|socket| Row {
        source: &source,
        socket,
    });
    let mut rows: Vec<Row<'_>> = rows.filter(|row| selection.admits(*row)).collect();
    let all = rows.len();
    order(&mut rows, show.sort);
    rows.truncate(show.limit.unwrap_or(usize::MAX));
    if !write(&rows, show, output) {
        // Nobody reads any more: that is how `head` ends it.
        return Ok(Outcome::Done);
    }
    if std::io::stdout().is_terminal() && !output.json() {
        output.say(Level::Normal, counts(&rows, all - rows.len()));
    }
    footer(&rows, &table, selection, output);
    // Without owners half of the sentences would have no subject.
    if owners {
        judge::footer(&table, output);
    }
    if show.names {
        names::follow(names::addresses(&rows), output).await;
    }
    found(all, &table)
}

/// Whether something was found, or an error if not everything could be listed: what is missing may be what was wanted.
pub(super) fn found(count: usize, table: &Table) -> Result<Outcome> {
    match (table.partial, count) {
        (true, _) => Err(
            Error::new(Kind::Io, Operation::Read, "the list is not complete")
                .with_hint("what is missing is said above; try again"),
        ),
        (false, 0) => Ok(Outcome::No),
        (false, _) => Ok(Outcome::Done),
    }
}
