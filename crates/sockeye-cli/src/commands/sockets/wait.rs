//! `--wait-listening`: ask the kernel for listeners alone, again and again, until all ports have one.

use std::time::Duration;

use sockeye::host::socket::{Protocol, State};
use sockeye::host::table::Request;
use sockeye::{Error, Kind, Operation, Result};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::list;
use super::row::Row;
use super::show::{Show, wanted};
use super::which::Selection;
use super::words::write;
use crate::exit::Outcome;
use crate::output::Output;

/// How often the kernel is asked. It tells nobody that somebody begins to listen.
pub(super) const EVERY: Duration = Duration::from_millis(25);
/// How long is waited at most, unless it is said.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Wait until every port has somebody who listens, and show who it is.
pub(super) async fn run(
    ports: &[u16],
    selection: &Selection,
    timeout: Option<Duration>,
    show: &Show,
    output: &Output,
) -> Result<Outcome> {
    let timeout = timeout.unwrap_or(PATIENCE);
    let deadline = Instant::now() + timeout;
    let selection = selection.waiting();
    let mut missing = ports.to_vec();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut waiting = Vec::with_capacity(missing.len());
        for port in missing {
            if !somebody_listens(&selection, port)? {
                waiting.push(port);
            }
        }
        missing = waiting;
        if missing.is_empty() {
            return shown(ports, &selection, show, output);
        }
        if Instant::now() >= deadline {
            return Err(timed_out(&missing, &selection, timeout)?);
        }
    }
}

fn somebody_listens(selection: &Selection, port: u16) -> Result<bool> {
    let table = selection.request(false).local_port(port).read()?;
    let source = list::bare(&table);
    let mut rows = table.sockets.iter().map(|socket| Row {
        source: &source,
        socket,
    });
    Ok(rows.any(|row| row.socket.local.port() == Some(port) && selection.admits(row)))
}

fn shown(ports: &[u16], selection: &Selection, show: &Show, output: &Output) -> Result<Outcome> {
    let columns = show.needed(output.json());
    let request = selection.request(true).details(wanted(&columns));
    let mut tables = Vec::with_capacity(ports.len());
    for port in ports {
        tables.push(request.clone().local_port(*port).read()?);
    }
    let sources: Vec<_> = tables
        .iter()
        .map(|table| list::source(table, show))
        .collect();
    let rows = sources.iter().flat_map(|source| {
        let sockets = source.table.sockets.iter();
        sockets.map(move |socket| Row { source, socket })
    });
    let rows: Vec<_> = rows.filter(|row| selection.admits(*row)).collect();
    list::write(&rows, show, output);
    Ok(Outcome::Done)
}

/// Which ports nobody listens on, and what has them instead.
fn timed_out(missing: &[u16], selection: &Selection, timeout: Duration) -> Result<Error> {
    let mut why = String::new();
    for port in missing {
        why.push_str(if why.is_empty() { "" } else { "; " });
        write(&mut why, format_args!("nobody listens on port {port}"));
        instead(*port, selection, &mut why)?;
    }
    write(
        &mut why,
        format_args!(" after {}", sockeye::data::units::print_duration(timeout)),
    );
    Ok(Error::new(Kind::TimedOut, Operation::Read, why)
        .with_hint("--timeout gives it more time; `sockeye sockets -l` shows who listens"))
}

/// What has the port, if it is anything but a listener.
fn instead(port: u16, selection: &Selection, out: &mut String) -> Result<()> {
    let request = Request::new()
        .namespaces(selection.namespaces())
        .local_port(port);
    let table = request.read()?;
    let source = list::bare(&table);
    let others = table.sockets.iter().filter(|socket| {
        let internet = socket.protocol.is_internet();
        internet && socket.local.port() == Some(port)
    });
    let mut said: Vec<(Protocol, State)> = Vec::new();
    for socket in others {
        if said.contains(&(socket.protocol, socket.state)) {
            continue;
        }
        out.push_str(if said.is_empty() { " (there is " } else { ", " });
        said.push((socket.protocol, socket.state));
        write(out, format_args!("{} ", socket.protocol));
        // Nobody has it any more: the reason says the state, and for how long.
        if socket.state != State::TimeWait {
            write(out, format_args!("{} of ", socket.state));
        }
        Row {
            source: &source,
            socket,
        }
        .owner(out);
    }
    out.push_str(if said.is_empty() { "" } else { ")" });
    Ok(())
}
