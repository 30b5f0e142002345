//! `--watch` without a terminal: one line for each change, for people and for logs.

use sockeye::host::watch::{Changes, Closed, Counters, Ledger, Party, Record, Totals};

use super::super::columns::Form;
use super::super::row::{Row, Side, Source, name};
use super::super::words::{size, span, write as push};
use super::party;
use super::picked::News;

/// Append the lines of one look.
pub(super) fn write(
    ledger: &Ledger,
    changes: &Changes,
    news: &News<'_>,
    source: &Source<'_>,
    out: &mut Vec<u8>,
) {
    let mut lines = Lines {
        at: changes.at.as_secs_f64(),
        text: String::new(),
    };
    for notice in &news.notices {
        lines.line("notice", |text| text.push_str(&notice.text));
    }
    for key in &news.opened {
        if let Some((record, socket)) = ledger.find(*key) {
            let what = if changes.first { "there" } else { "opened" };
            lines.line(what, |text| opened(record, Row { source, socket }, text));
        }
    }
    for of in &news.closed {
        lines.line("closed", |text| closed(of, source, text));
    }
    for key in &news.updated {
        let found = ledger.find(*key);
        // Numbers move all the time; a new state is news.
        let fresh = found.filter(|(record, _)| Some(record.in_state.seen) == ledger.now());
        if let Some((_, socket)) = fresh {
            lines.line("state", |text| {
                ends(Row { source, socket }, text);
                push(text, format_args!("  {}", socket.state));
            });
        }
    }
    for totals in &news.totals {
        if totals.rates.sent + totals.rates.received > 0.0 {
            lines.line("moved", |text| moved(totals, text));
        }
    }
    out.extend_from_slice(lines.text.as_bytes());
}

/// The lines of one look.
struct Lines {
    /// Seconds since the watch began.
    at: f64,
    text: String,
}

impl Lines {
    fn line(&mut self, what: &str, say: impl FnOnce(&mut String)) {
        let at = self.at;
        push(&mut self.text, format_args!("{at:8.1} s  {what:7}  "));
        say(&mut self.text);
        self.text.push('\n');
    }
}

fn opened(record: &Record, row: Row<'_>, out: &mut String) {
    ends(row, out);
    push(out, format_args!("  {}", row.socket.state));
    whose(record.party.as_ref(), out);
}

fn closed(closed: &Closed, source: &Source<'_>, out: &mut String) {
    let socket = &closed.socket;
    ends(Row { source, socket }, out);
    whose(closed.party.as_ref(), out);
    if let Some(counters) = closed.counters {
        carried(counters, out);
    }
    if closed.brief {
        return out.push_str(", between two looks");
    }
    out.push_str(", watched for ");
    span(closed.watched, out);
}

fn whose(of: Option<&Party>, out: &mut String) {
    if let Some(of) = of {
        out.push_str("  ");
        party(of, out);
    }
}

/// `127.0.0.1:43210 to 127.0.0.1:443 https`.
fn ends(row: Row<'_>, out: &mut String) {
    out.push_str(row.socket.protocol.word());
    out.push(' ');
    row.end(Side::Local, Form::Words, out);
    let before = out.len();
    out.push_str(" to ");
    let peer = out.len();
    row.end(Side::Peer, Form::Words, out);
    if out.len() == peer {
        out.truncate(before);
    }
}

fn carried(counters: Counters, out: &mut String) {
    out.push_str("  sent ");
    bytes(counters.sent, out);
    out.push_str(", received ");
    bytes(counters.received, out);
    if counters.retransmits > 0 {
        push(
            out,
            format_args!(", {} segments sent again", counters.retransmits),
        );
    }
}

fn moved(totals: &Totals, out: &mut String) {
    match &totals.process {
        Some(process) => {
            name(&process.name, out);
            push(out, format_args!(" {}", process.pid));
        }
        None => out.push_str("owners unknown"),
    }
    out.push_str("  sent ");
    bytes(totals.rates.sent.round() as u64, out);
    out.push_str("/s, received ");
    bytes(totals.rates.received.round() as u64, out);
    out.push_str("/s");
}

fn bytes(count: u64, out: &mut String) {
    size(count, out);
    if count < 1024 {
        out.push_str(" B");
    }
}
