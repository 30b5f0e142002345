//! The whole screen of the terminal: what was on it comes back at the end, also after a panic.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

use super::raw::{RawTerminal, restore_terminal};

/// Whether the other screen is shown, for whoever ends the process without unwinding.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Has the whole screen, and every key, while it lives.
#[derive(Debug)]
pub(crate) struct FullScreen {
    _raw: RawTerminal,
}

impl FullScreen {
    /// Take the terminal at standard input and standard output.
    pub(crate) fn enter() -> io::Result<Self> {
        restore_before_panic_is_said();
        let raw = RawTerminal::enter()?;
        SHOWN.store(true, Ordering::SeqCst);
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(Self { _raw: raw })
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        leave();
    }
}

/// Show again what was there before, if the other screen is shown.
pub(super) fn leave() {
    if SHOWN.swap(false, Ordering::SeqCst) {
        // The terminal may be gone; there is nobody to tell then.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = io::stdout().flush();
    }
}

/// What a panic says would be said on the screen that goes away.
fn restore_before_panic_is_said() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore_terminal();
            before(panic);
        }));
    });
}
