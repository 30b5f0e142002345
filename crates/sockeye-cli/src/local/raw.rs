//! A terminal in raw mode: every key goes to the far end, Ctrl-C too.

use std::io;
use std::sync::Mutex;

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// What the terminal was like, for whoever ends the process without unwinding.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Keeps the terminal raw while it lives.
#[derive(Debug)]
pub(crate) struct RawTerminal(());

impl RawTerminal {
    /// Make the terminal at standard input raw.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        if let Ok(mut slot) = BEFORE.lock() {
            *slot = Some(before);
        }
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        Ok(Self(()))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore_terminal();
    }
}

/// Give the terminal back as it was, if it was changed.
pub(crate) fn restore_terminal() {
    super::screen::leave();
    let before = BEFORE.lock().ok().and_then(|mut slot| slot.take());
    if let Some(before) = before {
        // The terminal may be gone; there is nobody to tell then. Not drained first: a terminal that was stopped, or whose
        // screen nobody looks at, would keep us here.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &before);
    }
}
