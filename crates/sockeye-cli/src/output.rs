//! The only place that prints: standard output is data, standard error is talk.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};

use indicatif::MultiProgress;
use serde::Serialize;
use sockeye::Error;

use crate::cli::{Color, Global};
use crate::exit;

/// Where a command writes, and how much it says. Clones share the settings.
#[derive(Clone, Debug)]
pub(crate) struct Output(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    json: bool,
    level: Level,
    color: Color,
    /// Bars at the bottom of the terminal: they make way for whatever is written.
    bars: OnceLock<MultiProgress>,
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Quiet,
    Normal,
    Verbose,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let level = match (global.quiet, global.verbose) {
            (true, _) => Level::Quiet,
            (false, 0) => Level::Normal,
            _ => Level::Verbose,
        };
        Self(Arc::new(Settings {
            json: global.json,
            level,
            color: global.color,
            bars: OnceLock::new(),
        }))
    }

    /// Nothing is said but warnings: for what many do at once.
    pub(crate) fn silent() -> Self {
        Self(Arc::new(Settings {
            json: false,
            level: Level::Quiet,
            color: Color::Never,
            bars: OnceLock::new(),
        }))
    }

    /// From now on, these bars make way for whatever is written. A command has them once.
    pub(crate) fn write_above(&self, bars: &MultiProgress) {
        let _ = self.0.bars.set(bars.clone());
    }

    fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.0.bars.get() {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Whether standard output is JSON Lines.
    pub(crate) fn json(&self) -> bool {
        self.0.json
    }

    /// Whether an event of this level reaches anybody.
    pub(crate) fn reports(&self, level: Level) -> bool {
        self.0.json || level <= self.0.level
    }

    /// Whether a line of talk of this level is said.
    pub(crate) fn says(&self, level: Level) -> bool {
        level <= self.0.level
    }

    /// Whether standard error may be coloured.
    pub(crate) fn color(&self) -> bool {
        self.colors(io::stderr().is_terminal())
    }

    /// Whether standard output may be coloured.
    pub(crate) fn text_color(&self) -> bool {
        self.colors(io::stdout().is_terminal())
    }

    /// How many characters a line of standard output may have; `None` where no terminal shows it.
    pub(crate) fn text_width(&self) -> Option<usize> {
        let out = io::stdout();
        let size = rustix::termios::tcgetwinsize(&out).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }

    /// How many lines the terminal of standard output has; `None` where there is none.
    pub(crate) fn text_height(&self) -> Option<u16> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(size.ws_row).filter(|height| *height > 0)
    }

    /// The same of standard error.
    pub(crate) fn talk_width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }

    fn colors(&self, terminal: bool) -> bool {
        match self.0.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// Text for people on standard output. False when nobody reads it any more, which is a reason to end quietly.
    pub(crate) fn text(&self, text: &str) -> bool {
        self.bytes(text.as_bytes())
    }

    /// The same of bytes: a whole output in one piece.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> bool {
        self.aside(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush()).is_ok()
        })
    }

    /// The same, for whoever has to know why it could not be written.
    pub(crate) fn try_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.aside(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        })
    }

    /// Bytes on standard error that are not ours: what a program said there.
    pub(crate) fn try_talk(&self, bytes: &[u8]) -> io::Result<()> {
        self.aside(|| io::stderr().lock().write_all(bytes))
    }

    /// Something happened: one JSON line on standard output under `--json`, else one line of talk.
    pub(crate) fn event<E: Serialize + fmt::Display>(&self, level: Level, event: &E) {
        if self.0.json {
            self.json_line(event);
        } else {
            self.say(level, event);
        }
    }

    /// One JSON line on standard output.
    pub(crate) fn json_line<E: Serialize>(&self, event: &E) {
        // A closed standard output ends quietly; the transfer itself notices.
        drop(self.try_json_line(event));
    }

    /// One JSON line on standard output, for whoever ends when nobody reads it any more.
    pub(crate) fn try_json_line<E: Serialize>(&self, event: &E) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        io::stdout().lock().write_all(&line)
    }

    /// What was asked for: on standard output, as text or as one JSON line.
    pub(crate) fn data<E: Serialize + fmt::Display>(&self, data: &E) {
        if self.0.json {
            self.json_line(data);
        } else {
            drop(writeln!(io::stdout().lock(), "{data}"));
        }
    }

    /// One line of talk on standard error.
    pub(crate) fn say(&self, level: Level, line: impl fmt::Display) {
        if level <= self.0.level {
            self.talk(&format!("{line}\n"));
        }
    }

    /// A question to the person at the terminal, who answers on the same line.
    pub(crate) fn ask(&self, question: &str) {
        self.talk(question);
    }

    /// A warning: something that weakens security, or a bound that was reached.
    pub(crate) fn warn(&self, line: impl fmt::Display) {
        self.talk(&format!("sockeye: warning: {line}\n"));
    }

    /// Say why the command failed and give its exit code.
    pub(crate) fn fail(&self, error: &Error) -> u8 {
        self.error(error);
        exit::code(error.kind())
    }

    /// Say what failed, with its hint.
    pub(crate) fn error(&self, error: &Error) {
        if self.0.json {
            self.json_line(&crate::report::ErrorEvent::from(error));
        }
        let mut text = format!("sockeye: {error}\n");
        if let Some(hint) = error.hint() {
            text.push_str(&format!("hint: {hint}\n"));
        }
        self.talk(&text);
    }

    /// What went wrong with one of several things, in one line; the others go on.
    pub(crate) fn complain(&self, line: impl fmt::Display) {
        self.talk(&format!("sockeye: {line}\n"));
    }

    /// Standard output for lines that a thread of its own writes. No lock is held meanwhile: whoever takes them may stand still.
    pub(crate) fn data_file(&self) -> io::Result<File> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(descriptor.into())
    }

    /// The same of standard error.
    pub(crate) fn talk_file(&self) -> io::Result<File> {
        let descriptor = io::stderr().as_fd().try_clone_to_owned()?;
        Ok(descriptor.into())
    }

    fn talk(&self, text: &str) {
        // One call for each message, so that lines of several tasks are not torn.
        self.aside(|| drop(io::stderr().lock().write_all(text.as_bytes())));
    }
}

/// With `-vv`, developers see decisions on standard error.
pub(crate) fn trace_developers(global: &Global) {
    if global.verbose >= 2 {
        tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .without_time()
            .init();
    }
}
