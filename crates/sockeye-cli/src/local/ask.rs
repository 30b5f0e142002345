//! A secret from the person at the terminal, which is not shown while it is typed.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use sockeye::{Error, Kind, Operation, Result};

use crate::output::Output;

/// A longer answer is cut off.
const LONGEST: usize = 4096;

/// Ask for a secret, at the terminal of this process, whatever standard input is.
///
/// # Errors
///
/// [`Kind::Usage`] if there is no terminal; [`Kind::Canceled`] if the person gives up.
pub(crate) fn ask_secret(output: &Output, question: &str) -> Result<String> {
    let nobody = || {
        Error::new(
            Kind::Usage,
            Operation::Parse,
            "a password is missing, and there is no terminal to ask for it",
        )
        .with_hint("USER:PASSWORD, @FILE or env:NAME give it; USER: has none")
    };
    let terminal = OpenOptions::new()
        .read(true)
        .open("/dev/tty")
        .map_err(|_| nobody())?;
    let before = tcgetattr(&terminal).map_err(|_| nobody())?;
    let mut hidden = before.clone();
    // Keys come one by one, so that Ctrl-C can give the terminal back as it was.
    hidden
        .local_flags
        .remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
    tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &hidden).map_err(|_| nobody())?;
    output.ask(question);
    let typed = read_line(&terminal);
    // The terminal may be gone; there is nobody to tell then.
    let _ = tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &before);
    output.ask("\n");
    typed
}

fn read_line(mut terminal: impl Read) -> Result<String> {
    let canceled = || Error::new(Kind::Canceled, Operation::Parse, "no password was given");
    let mut typed = Vec::new();
    let mut key = [0];
    loop {
        match terminal.read(&mut key) {
            Ok(0) => return Err(canceled()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::from_io(Operation::Read, error)),
        }
        match key[0] {
            b'\r' | b'\n' => break,
            // Ctrl-C, Ctrl-D, Ctrl-\.
            0x03 | 0x04 | 0x1c => return Err(canceled()),
            // Backspace takes a whole character, Ctrl-U all.
            0x08 | 0x7f => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            0x15 => typed.clear(),
            byte if typed.len() < LONGEST => typed.push(byte),
            _ => {}
        }
    }
    String::from_utf8(typed).map_err(|_| {
        Error::new(
            Kind::Usage,
            Operation::Parse,
            "what was typed is no text in UTF-8",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_password() {
        let typed = |keys: &[u8]| read_line(keys).map_err(|error| error.kind());
        assert_eq!(typed(b"pw\r"), Ok("pw".into()));
        assert_eq!(typed("xyz\x15pä\x7f\x7fw\n".as_bytes()), Ok("w".into()));
        assert_eq!(typed(b"\n"), Ok(String::new()));
        assert_eq!(typed(b"pw\x03"), Err(Kind::Canceled));
        assert_eq!(typed(b"pw"), Err(Kind::Canceled));
        assert_eq!(typed(b"\xff\n"), Err(Kind::Usage));
    }
}
