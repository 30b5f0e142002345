//! `--timing`: what took how long, as bars on one scale for all hops of a request.

use std::time::Duration;

use sockeye::client::http::{Hop, Interval, Masking, Phase};
use sockeye::data::escape::escape;
use sockeye::net::{Attempt, Ending};
use unicode_width::UnicodeWidthStr;

use crate::timeline::{Scale, Tip, took};

/// How wide it is where no terminal says it.
pub(super) const WIDTH: usize = 100;
/// Columns of a bar, at least and at most.
const BAR: (usize, usize) = (16, 60);
/// Columns of what is said about a row, at most.
const DETAIL: usize = 44;
/// Columns of the name of a phase.
const LABEL: usize = 9;
/// Columns of a time.
const TOOK: usize = 8;

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) width: usize,
    pub(super) color: bool,
}

/// One line under a hop.
struct Row {
    label: &'static str,
    detail: String,
    began: Duration,
    ended: Duration,
    tip: Tip,
    note: String,
}

/// The hops of one request, as lines.
pub(super) fn text(hops: &[Hop], masking: &Masking, style: Style) -> String {
    let (Some(first), Some(last)) = (hops.first(), hops.last()) else {
        return String::new();
    };
    let from = first.timing.began;
    let to = last.timing.ended.unwrap_or(from);
    let rows: Vec<Vec<Row>> = hops.iter().map(rows).collect();
    let details = rows.iter().flatten().map(|row| row.detail.width());
    let detail = details.max().unwrap_or(0).min(DETAIL);
    let taken = LABEL + detail + TOOK + 6;
    // Where something is said behind the bars, they leave room for it.
    let is_noted = rows.iter().flatten().any(|row| !row.note.is_empty());
    let most = if is_noted { BAR.0 + 8 } else { BAR.1 };
    let scale = Scale {
        columns: style.width.saturating_sub(taken).clamp(BAR.0, most),
        from,
        to,
    };
    let mut text = String::new();
    for (hop, rows) in hops.iter().zip(&rows) {
        text += &heading(hop, masking, style.color);
        for row in rows {
            text += &line(row, detail, scale, style.color);
        }
    }
    text += &total(hops, to.saturating_sub(from));
    text
}

/// `GET http://h/ -> 200 OK, HTTP/1.1 on #1`
fn heading(hop: &Hop, masking: &Masking, color: bool) -> String {
    let url = escape(masking.url(&hop.url).as_bytes());
    let mut text = format!("{} {url}", hop.method);
    if color {
        text = format!("\x1b[1m{text}\x1b[0m");
    }
    if hop.status != 0 {
        let reason = escape(&hop.reason);
        let answer = format!(" → {} {reason}", hop.status);
        text += answer.trim_end();
    }
    if let Some(connection) = &hop.connection {
        let again = if connection.reused { " again" } else { "" };
        text += &format!(", {} on {}{again}", hop.version, connection.id);
    }
    text.push('\n');
    text
}

fn total(hops: &[Hop], span: Duration) -> String {
    let opened = hops.iter().filter(|hop| {
        let connection = hop.connection.as_ref();
        connection.is_some_and(|connection| !connection.reused)
    });
    let many = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let opened = many(opened.count(), "new connection");
    format!(
        "total {}: {}, {opened}\n",
        took(span),
        many(hops.len(), "request")
    )
}

fn line(row: &Row, width: usize, scale: Scale, color: bool) -> String {
    let detail = cut(&row.detail, width);
    let blanks = " ".repeat(width.saturating_sub(detail.width()));
    let span = took(row.ended.saturating_sub(row.began));
    let mut bar = scale.bar(row.began, row.ended, row.tip);
    if row.note.is_empty() {
        bar.truncate(bar.trim_end().len());
    }
    if color {
        bar = match row.tip {
            Tip::Failed => format!("\x1b[31m{bar}\x1b[0m"),
            _ => format!("\x1b[36m{bar}\x1b[0m"),
        };
    }
    let line = format!(
        "  {:<LABEL$}{detail}{blanks}  {span:>TOOK$}  {bar}",
        row.label
    );
    match &*row.note {
        "" => line + "\n",
        note => format!("{line}  {}\n", escape(note.as_bytes())),
    }
}

/// The text within so many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if kept.width() >= width {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

fn rows(hop: &Hop) -> Vec<Row> {
    let intervals = hop.timing.intervals();
    let last = intervals.len().saturating_sub(1);
    let mut rows = Vec::new();
    for (index, interval) in intervals.iter().enumerate() {
        if interval.phase == Phase::Connecting {
            let attempts = hop.timing.opening.as_ref().map(|it| &it.attempts[..]);
            let attempts = attempts.unwrap_or_default();
            rows.extend(attempts.iter().map(attempted));
            if !attempts.is_empty() {
                continue;
            }
        }
        // What is quickly done, and is no step that anybody asks about.
        let is_short = interval.ended.saturating_sub(interval.began) < Duration::from_millis(1);
        if interval.phase == Phase::Preparing && is_short && index != last {
            continue;
        }
        let failed = hop.error.is_some() && index == last;
        rows.push(Row {
            label: interval.phase.code(),
            detail: detail(hop, interval),
            began: interval.began,
            ended: interval.ended,
            tip: match (failed, index == last) {
                (true, _) => Tip::Failed,
                (_, true) => Tip::Done,
                _ => Tip::Plain,
            },
            note: hop.error.clone().filter(|_| failed).unwrap_or_default(),
        });
    }
    rows
}

fn attempted(attempt: &Attempt) -> Row {
    let (tip, note) = match &attempt.ending {
        Ending::Won => (Tip::Plain, ""),
        Ending::Canceled => (Tip::Canceled, "given up, another was faster"),
        Ending::Failed { why, .. } => (Tip::Failed, &**why),
        _ => (Tip::Failed, ""),
    };
    Row {
        label: Phase::Connecting.code(),
        detail: attempt.address.to_string(),
        began: attempt.began,
        ended: attempt.ended,
        tip,
        note: note.to_owned(),
    }
}

/// What is said about a phase.
fn detail(hop: &Hop, interval: &Interval) -> String {
    let opening = hop.timing.opening.as_ref();
    let layers = |is_tls: bool| {
        let layers = opening.into_iter().flat_map(|it| &it.layers);
        let wanted = layers.filter(|layer| (layer.layer == "tls") == is_tls);
        wanted.map(|layer| layer.words.as_str()).collect::<Vec<_>>()
    };
    let text = match interval.phase {
        Phase::Resolving => {
            let lookups = opening.map(|it| &it.lookups[..]).unwrap_or_default();
            let lookups = lookups.iter().map(|lookup| match lookup.ended {
                Some(_) => format!("{} ({})", lookup.name, lookup.source),
                None => lookup.name.clone(),
            });
            lookups.collect::<Vec<_>>().join(", ")
        }
        Phase::Connecting => match &hop.connection {
            Some(connection) => connection.endpoint.to_string(),
            None => String::new(),
        },
        Phase::Securing => layers(true).join(", "),
        Phase::Proxying => layers(false).join(", "),
        Phase::Sending => bytes(hop.request_head_bytes + hop.sent),
        Phase::Receiving => bytes(hop.head_bytes + hop.received),
        Phase::Preparing | Phase::Waiting => String::new(),
    };
    escape(text.as_bytes())
}

fn bytes(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}
