//! `--watch` at a terminal: a full-screen view. A reading or a key changes the [`View`], and the view is drawn again; the
//! terminal gets what differs from before only.

mod closed;
mod columns;
mod details;
mod draw;
mod filter;
mod help;
mod keys;
mod processes;
mod sheet;
mod sockets;
#[cfg(test)]
mod tests;
mod view;

use std::io;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::style::force_color_output;
use ratatui::layout::{Position, Rect};
use sockeye::host::watch::Ledger;
use sockeye::{Error, Operation, Result};
use tokio::sync::mpsc::{Receiver, channel};

use self::view::{After, View};
use super::{Driver, End, Options};
use crate::exit::Outcome;
use crate::local::FullScreen;
use crate::output::Output;
use crate::signals;

/// How many keys may wait to be looked at.
const KEYS: usize = 64;

/// Show the view until somebody ends it. The terminal is given back however this ends.
pub(super) async fn run(
    options: Options,
    mut driver: Driver,
    ledger: Ledger,
    output: Output,
) -> Result<Outcome> {
    let stop = signals::stop_on_signals();
    let end = End::new(&options.flags);
    force_color_output(output.text_color());
    let mut view = View::new(options, ledger, output.text_color());
    let failed = |error| Error::from_io(Operation::Write, error);
    let _screen = FullScreen::enter().map_err(failed)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(failed)?;
    let mut keys = keys();
    loop {
        terminal.draw(|frame| view.draw(frame)).map_err(failed)?;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Outcome::Interrupted),
            () = end.reached() => return Ok(Outcome::Done),
            event = keys.recv() => {
                let mut event = event;
                // Who holds a key down waits for one redrawing, not for one for each.
                while let Some(happened) = event {
                    match view.on(&happened) {
                        After::Draw => {}
                        // Not `clear`: it asks the terminal where the cursor is, and the answer would come as keys.
                        After::DrawAll => {
                            let size = terminal.size().map_err(failed)?;
                            terminal.resize(Rect::from((Position::ORIGIN, size))).map_err(failed)?;
                        }
                        After::Leave(outcome) => return Ok(outcome),
                    }
                    event = keys.try_recv().ok();
                }
            }
            reading = driver.next() => {
                if view.take(reading?) {
                    return Ok(Outcome::Done);
                }
            }
        }
    }
}

/// Keys and changes of the terminal's size, read by a thread of its own: it waits for the next one when the program ends,
/// and ends with it.
fn keys() -> Receiver<Event> {
    let (sender, receiver) = channel(KEYS);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.blocking_send(event).is_err() {
                break;
            }
        }
    });
    receiver
}
