//! All that is known of the chosen socket, with small plots of its last minutes.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Sparkline, Widget, Wrap};
use sockeye::host::socket::Socket;
use sockeye::host::tcp_info::TcpInfo;
use sockeye::host::watch::{Record, Sample};

use super::super::super::columns::{Column, Form};
use super::super::super::row::{Row, Side};
use super::super::super::words::{queue, span, write};
use super::columns::{bytes_text, rate_text, since};
use super::sockets::owner;
use super::view::View;

/// The plots are left out if the text had less room than this beside them.
const LEAST_TEXT: u16 = 44;
const PLOTS: u16 = 34;

/// Draw the details of the chosen socket.
pub(super) fn draw(view: &mut View, area: Rect, buffer: &mut Buffer) {
    let found = view.chosen.and_then(|key| view.ledger.find(key));
    let Some((record, socket)) = found else {
        let block = Block::bordered().title(" details ");
        let gone = match view.chosen {
            Some(_) => "this socket is closed; the list of closed ones (key 2) has its totals",
            None => "no socket is chosen",
        };
        Paragraph::new(gone).block(block).render(area, buffer);
        return;
    };
    let now = view.ledger.now();
    let (names, ledger) = (&mut view.names, &view.ledger);
    let mut title = String::from(" ");
    let mut lines = Vec::new();
    names.with(ledger.table(), |source| {
        let row = Row { source, socket };
        Column::Protocol.write(row, Form::Words, &mut title);
        title.push(' ');
        Column::State.write(row, Form::Words, &mut title);
        title.push_str(" for ");
        since(record.in_state, now, &mut title);
        title.push(' ');
        lines = about(record, row);
    });
    if let Some(info) = socket.tcp().filter(|_| !socket.is_listener()) {
        lines.extend(tcp(record, info));
    }
    let block = Block::bordered().title(title);
    let inside = block.inner(area);
    block.render(area, buffer);
    let has_plots = record.counters.is_some() && inside.width >= LEAST_TEXT + PLOTS;
    let plots = if has_plots { PLOTS } else { 0 };
    let [text, plots] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(plots)]).areas(inside);
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .render(text, buffer);
    if has_plots {
        draw_plots(record, view.colors, plots, buffer);
    }
}

/// What every socket has.
fn about(record: &Record, row: Row<'_>) -> Vec<String> {
    let socket = row.socket;
    let mut ends = String::from("local     ");
    row.end(Side::Local, Form::Words, &mut ends);
    let mut peer = String::from("peer      ");
    row.end(Side::Peer, Form::Words, &mut peer);
    let mut held = String::from("owner     ");
    held.push_str(&owner(record, row).text);
    for (column, what) in [(Column::User, ", user "), (Column::Unit, ", unit ")] {
        let before = held.len();
        held.push_str(what);
        let empty = held.len();
        column.write(row, Form::Words, &mut held);
        if held.len() == empty {
            held.truncate(before);
        }
    }
    let mut lines = vec![ends, peer, held];
    let mut command = String::from("command   ");
    let empty = command.len();
    Column::Command.write(row, Form::Words, &mut command);
    if command.len() > empty {
        lines.push(command);
    }
    lines.push(place(socket));
    lines
}

/// Queues, timer, numbers of the kernel.
fn place(socket: &Socket) -> String {
    let mut line = String::from("queue     ");
    let empty = line.len();
    queue(socket, &mut line);
    if line.len() == empty {
        line.push_str("empty");
    }
    if let Some(timer) = socket.timer {
        write(&mut line, format_args!("; timer {} ", timer.kind.word()));
        span(timer.expires, &mut line);
    }
    if let Some(inode) = socket.inode {
        write(&mut line, format_args!("; inode {inode}"));
    }
    if let Some(cookie) = socket.cookie {
        write(&mut line, format_args!("; cookie {cookie}"));
    }
    line
}

/// What TCP says.
fn tcp(record: &Record, info: &TcpInfo) -> Vec<String> {
    let counters = record.counters.unwrap_or_default();
    let mut carried = String::from("carried   sent ");
    bytes_text(counters.sent, &mut carried);
    carried.push_str(", received ");
    bytes_text(counters.received, &mut carried);
    if let Some(again @ 1..) = info.bytes_retransmitted {
        carried.push_str(", sent again ");
        bytes_text(again, &mut carried);
    }
    write(
        &mut carried,
        format_args!(", retransmits {}", counters.retransmits),
    );

    let mut trip = String::from("rtt       ");
    span(info.rtt, &mut trip);
    trip.push_str(" ± ");
    span(info.rtt_variation, &mut trip);
    if let Some(least) = info.min_rtt {
        trip.push_str(", least ");
        span(least, &mut trip);
    }
    trip.push_str("; retransmit after ");
    span(info.retransmit_timeout, &mut trip);

    let mut window = format!("window    {} segments", info.congestion_window);
    if let Some(threshold) = info.slow_start_threshold {
        write(&mut window, format_args!(", slow start to {threshold}"));
    }
    write(
        &mut window,
        format_args!(
            "; on the way {}, lost {}; segment {} B",
            info.unacked, info.lost, info.send_mss
        ),
    );

    let mut pace = String::from("pace      delivered ");
    match info.delivery_rate {
        Some(rate) => rate_text(rate as f64, &mut pace),
        None => pace.push('?'),
    }
    pace.push_str(if info.application_limited {
        " (limited by the program)"
    } else {
        ""
    });
    if let Some(rate) = info.pacing_rate {
        pace.push_str(", paced ");
        rate_text(rate as f64, &mut pace);
    }
    vec![carried, trip, window, pace, limits(info)]
}

/// How long it had something to send, and what held it up.
fn limits(info: &TcpInfo) -> String {
    let mut line = String::from("busy      ");
    span(info.busy.unwrap_or_default(), &mut line);
    let held = [
        (info.window_limited, "by the peer's window "),
        (info.buffer_limited, "by our buffer "),
    ];
    for (time, what) in held {
        if let Some(time) = time.filter(|time| !time.is_zero()) {
            write(&mut line, format_args!("; held up {what}"));
            span(time, &mut line);
        }
    }
    line.push_str("; last sent ");
    span(info.last_sent, &mut line);
    line.push_str(" ago, last received ");
    span(info.last_received, &mut line);
    line.push_str(" ago");
    line
}

/// Three plots over each other: sent, received, round trip.
fn draw_plots(record: &Record, colors: bool, area: Rect, buffer: &mut Buffer) {
    let samples: Vec<&Sample> = match &record.history {
        Some(history) => history.samples().collect(),
        None => Vec::new(),
    };
    let mut sent = String::from("sent ");
    rate_text(record.rates.sent, &mut sent);
    let mut received = String::from("received ");
    rate_text(record.rates.received, &mut received);
    let mut trip = String::from("rtt ");
    span(record.rtt.unwrap_or_default(), &mut trip);
    let micros = |rtt: Duration| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
    let plots: [(String, Vec<u64>, Look); 3] = [
        (
            sent,
            samples.iter().map(|s| s.sent as u64).collect(),
            (Color::Green, most_rate),
        ),
        (
            received,
            samples.iter().map(|s| s.received as u64).collect(),
            (Color::Cyan, most_rate),
        ),
        (
            trip,
            samples.iter().map(|s| s.rtt().map_or(0, micros)).collect(),
            (Color::Yellow, most_time),
        ),
    ];
    let thirds = Layout::vertical([Constraint::Fill(1); 3]).split(area);
    for ((title, data, look), area) in plots.into_iter().zip(thirds.iter()) {
        plot(title, &data, look, colors, *area, buffer);
    }
}

fn most_rate(most: u64, out: &mut String) {
    rate_text(most as f64, out);
}

fn most_time(most: u64, out: &mut String) {
    span(Duration::from_micros(most), out);
}

/// The colour of a plot, and how its greatest value is said.
type Look = (Color, fn(u64, &mut String));

/// One plot: a line of words, and below it the last samples, the newest to the right.
fn plot(
    mut title: String,
    data: &[u64],
    (color, most_of): Look,
    colors: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.height < 2 {
        return;
    }
    let room = usize::from(area.width);
    let last = &data[data.len().saturating_sub(room)..];
    let most = last.iter().copied().max().unwrap_or(0);
    if most > 0 {
        title.push_str(", most ");
        most_of(most, &mut title);
    }
    buffer.set_stringn(area.x, area.y, &title, room, Style::new());
    let pad = (room - last.len()) as u16;
    let bars = Rect::new(area.x + pad, area.y + 1, area.width - pad, area.height - 1);
    let style = if colors {
        Style::new().fg(color)
    } else {
        Style::new()
    };
    Sparkline::default()
        .data(last)
        .max(most.max(1))
        .style(style)
        .render(bars, buffer);
}
