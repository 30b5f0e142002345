//! Cells that several lists have: numbers that move, times, owners.

use std::time::{Duration, Instant};

use sockeye::host::process::Process;
use sockeye::host::watch::Since;

use super::super::super::row::name;
use super::super::super::words::{size, span, write};
use super::sheet::{Cell, Kind};
use crate::sheet::Tint;

/// A column of text.
pub(super) const fn text(title: &'static str, missable: u8) -> Kind {
    Kind {
        title,
        right: false,
        missable,
        least: 0,
    }
}

/// A column of numbers.
pub(super) const fn number(title: &'static str, missable: u8, least: u16) -> Kind {
    Kind {
        title,
        right: true,
        missable,
        least,
    }
}

/// Bytes per second; nothing for none, so that what moves is seen.
pub(super) fn rate(rate: f64) -> Cell {
    let mut cell = Cell::default();
    if rate >= 0.5 {
        rate_text(rate, &mut cell.text);
        cell.tint = Tint::Good;
    }
    cell
}

/// `1.2 KiB/s`.
pub(super) fn rate_text(rate: f64, out: &mut String) {
    let rate = rate.round() as u64;
    size(rate, out);
    out.push_str(if rate < 1024 { " B/s" } else { "/s" });
}

pub(super) fn bytes(count: u64) -> Cell {
    let mut cell = Cell::default();
    bytes_text(count, &mut cell.text);
    cell
}

pub(super) fn bytes_text(count: u64, out: &mut String) {
    size(count, out);
    out.push_str(if count < 1024 { " B" } else { "" });
}

pub(super) fn count(count: u64) -> Cell {
    Cell {
        text: count.to_string(),
        tint: Tint::Plain,
    }
}

/// A number that somebody should look at unless it is 0.
pub(super) fn trouble(count: u64) -> Cell {
    match count {
        0 => Cell::default(),
        some => Cell {
            text: some.to_string(),
            tint: Tint::Bad,
        },
    }
}

pub(super) fn time(time: Duration) -> Cell {
    let mut cell = Cell::default();
    span(time, &mut cell.text);
    cell
}

/// For how long something is so: `12 s`, or `>12 s` if it was so before anybody looked.
pub(super) fn since(since: Since, now: Option<Instant>, out: &mut String) {
    let Some(now) = now else {
        return;
    };
    out.push_str(if since.longer { ">" } else { "" });
    let seconds = now
        .saturating_duration_since(since.seen)
        .as_secs_f64()
        .round() as u64;
    match seconds {
        0..60 => write(out, format_args!("{seconds} s")),
        more => span(Duration::from_secs(more), out),
    }
}

pub(super) fn process(process: Option<&Process>) -> Cell {
    let mut cell = Cell::default();
    match process {
        Some(process) => name(&process.name, &mut cell.text),
        None => {
            cell.text.push_str("owner not known");
            cell.tint = Tint::Faint;
        }
    }
    cell
}
