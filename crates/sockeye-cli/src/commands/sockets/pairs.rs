//! `--pairs`: connections instead of sockets, with both ends in one row where both are of this machine.

use serde::Serialize;
use sockeye::Result;
use sockeye::host::pairs::Pair;
use sockeye::host::socket::{Address, State};
use sockeye::wire::jsonl;

use super::columns::Form;
use super::json::{SCHEMA, SocketLine};
use super::list::{self, footer};
use super::row::{Row, Side, Source};
use super::show::{Show, wanted};
use super::which::Selection;
use super::words::write;
use crate::exit::Outcome;
use crate::output::Output;
use crate::sheet::{self, Sheet, Tint};

/// Between two ends of this machine.
const BOTH: &str = " ⇄ ";
/// Between an end of this machine and one elsewhere.
const AWAY: &str = " → ";

/// A connection: the end that asked for it, as far as that can be told, and the other one.
#[derive(Clone, Copy, Debug)]
struct Ends<'a> {
    a: Row<'a>,
    b: Option<Row<'a>>,
}

#[derive(Serialize)]
struct PairLine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: u32,
    a: SocketLine<'a>,
    b: Option<SocketLine<'a>>,
}

/// Read everything, put ends together, and show those of which an end is meant.
pub(super) fn run(selection: &Selection, show: &Show, output: &Output) -> Result<Outcome> {
    let columns = show.needed(output.json());
    // The other end of what is meant may be something that no flag and no filter means.
    let table = selection.whole().details(wanted(&columns)).read()?;
    let source = list::source(&table, show);
    let mut all = ends(&source);
    all.retain(|ends| selection.admits(ends.a) || ends.b.is_some_and(|b| selection.admits(b)));
    all.sort_by_key(|ends| list::usual(ends.a.socket));
    let count = all.len();
    all.truncate(show.limit.unwrap_or(usize::MAX));
    let written = match output.json() {
        true => output.bytes(&lines(&all)),
        false if all.is_empty() => true,
        false => output.text(&text(&all, show, output)),
    };
    if written {
        let rows: Vec<_> = all
            .iter()
            .flat_map(|ends| std::iter::once(ends.a).chain(ends.b))
            .collect();
        footer(&rows, &table, selection, output);
    }
    list::found(count, &table)
}

fn ends<'a>(source: &'a Source<'a>) -> Vec<Ends<'a>> {
    let row = |index: usize| Row {
        source,
        socket: &source.table.sockets[index],
    };
    let pairs = source.table.pairs().into_iter();
    let ends = pairs.map(|Pair { a, b }| Ends {
        a: row(a),
        b: b.map(row),
    });
    ends.collect()
}

fn lines(all: &[Ends<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(all.len() * 2048);
    for ends in all {
        let line = PairLine {
            kind: "pair",
            schema: SCHEMA,
            a: SocketLine::new("socket", ends.a),
            b: ends.b.map(|b| SocketLine::new("socket", b)),
        };
        jsonl::push_line(&line, &mut out);
    }
    out
}

fn text(all: &[Ends<'_>], show: &Show, output: &Output) -> String {
    let mut columns = ["PROTO", "STATE", "ENDS", "OWNERS"].map(sheet::Column::new);
    columns[2].least = Some(45);
    let mut sheet = Sheet::new(columns.to_vec(), all.len());
    for ends in all {
        let protocol = ends.a.socket.protocol;
        sheet.text().push_str(protocol.word());
        sheet.end_cell(Tint::Plain);
        state(ends, sheet.text());
        sheet.end_cell(Tint::Plain);
        addresses(ends, sheet.text());
        sheet.end_cell(Tint::Plain);
        ends.a.owner(sheet.text());
        if let Some(b) = ends.b {
            sheet.text().push_str(BOTH);
            b.owner(sheet.text());
        }
        sheet.end_cell(Tint::Plain);
    }
    let mut out = String::new();
    sheet.write(list::layout(show, output), &mut out);
    out
}

/// One word where both ends are in the same state.
fn state(ends: &Ends<'_>, out: &mut String) {
    let a = ends.a.socket.state;
    out.push_str(a.word());
    if let Some(b) = ends.b.map(|b| b.socket.state).filter(|b| *b != a) {
        out.push_str(BOTH);
        out.push_str(b.word());
    }
}

fn addresses(ends: &Ends<'_>, out: &mut String) {
    end(ends.a, Side::Local, out);
    match ends.b {
        Some(b) => {
            out.push_str(BOTH);
            end(b, Side::Local, out);
        }
        None if ends.a.socket.state == State::Listening => {}
        None => {
            let before = out.len();
            out.push_str(AWAY);
            ends.a.end(Side::Peer, Form::Words, out);
            if out.len() == before + AWAY.len() {
                out.truncate(before);
            }
        }
    }
}

/// An end; an unnamed Unix socket is known by its inode.
fn end(row: Row<'_>, side: Side, out: &mut String) {
    match (row.address(side), row.socket.inode) {
        (Address::None, Some(inode)) => write(out, format_args!("#{inode}")),
        _ => row.end(side, Form::Words, out),
    }
}
