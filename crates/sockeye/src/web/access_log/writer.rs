//! Lines on their way to a file, a pipe or a terminal, written by a thread of its own: whoever hands one over never waits.
//!
//! The first line after a pause is written at once; under load, lines gather for a moment and go out together. If nobody takes
//! them, as many wait as there is room for; those that find none are counted, dropped, and told of.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that may wait, unless said otherwise.
const ROOM: usize = 4 << 20;
/// So many bytes are written before the pause is over.
const FULL: usize = 256 << 10;
/// How long lines gather after a write.
const PAUSE: Duration = Duration::from_millis(25);
/// How long the end waits for whoever takes the lines.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// At most this often somebody hears of losses.
const TELL: Duration = Duration::from_secs(10);

/// Lines that did not arrive.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loss {
    /// How many since the last time that somebody was told.
    pub lines: u64,
    /// Why, if writing failed; otherwise there was no room, for nobody took them fast enough.
    pub error: Option<io::Error>,
}

/// Where lines of a log are handed over. Clones are the same writer; when the last one is dropped, what waits is written, for a
/// second at most.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use sockeye::web::LogWriter;
///
/// let writer = LogWriter::new(std::io::stderr())?;
/// writer.write(b"hello\n");
/// assert!(writer.flush(Duration::from_secs(5)));
/// assert_eq!(writer.lost(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct LogWriter(Arc<Handle>);

/// What the last clone drops.
struct Handle(Arc<Shared>);

type Sink = Box<dyn Write + Send>;
type Tell = Box<dyn Fn(Loss) + Send>;

struct Shared {
    state: Mutex<State>,
    /// For the thread: there is work.
    work: Condvar,
    /// For those who wait for it: something was written.
    done: Condvar,
    room: usize,
}

struct State {
    waiting: Vec<u8>,
    /// A sink to go on with.
    next: Option<Sink>,
    awaits: Awaits,
    /// The thread is writing.
    busy: bool,
    closing: bool,
    gone: bool,
    /// Lines that did not arrive, in all and untold.
    lost: u64,
    untold: u64,
}

/// What the thread waits for, so that nobody wakes it for less.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Nothing,
    Line,
    Full,
}

impl LogWriter {
    /// Write to this sink, with room for 4 MiB of lines that wait; losses are only counted.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn new(sink: impl Write + Send + 'static) -> io::Result<Self> {
        Self::with_room(sink, ROOM, |_| {})
    }

    /// The same with room for this many bytes that wait (as many are being written meanwhile); `tell` hears of losses, on the
    /// thread of the writer, once lines arrive again, at most every ten seconds, and at the end.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn with_room(
        sink: impl Write + Send + 'static,
        room: usize,
        tell: impl Fn(Loss) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                waiting: Vec::new(),
                next: None,
                awaits: Awaits::Nothing,
                busy: false,
                closing: false,
                gone: false,
                lost: 0,
                untold: 0,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
            room,
        });
        let writing = Writing {
            shared: Gone(Arc::clone(&shared)),
            sink: Box::new(sink),
            tell: Box::new(tell),
            told: None,
            error: None,
        };
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || writing.run())?;
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Hand over a line, or several; each ends with a line feed. Never waits.
    pub fn write(&self, lines: &[u8]) {
        let shared = &*self.0.0;
        let mut state = shared.lock();
        if state.gone || state.waiting.len() + lines.len() > shared.room {
            state.lose(lines);
            return;
        }
        state.waiting.extend_from_slice(lines);
        let is_awaited = match state.awaits {
            Awaits::Nothing => false,
            Awaits::Line => true,
            Awaits::Full => state.waiting.len() >= FULL,
        };
        if is_awaited {
            state.awaits = Awaits::Nothing;
            drop(state);
            shared.work.notify_one();
        }
    }

    /// From now on, write to this sink: a log that was rotated. What waits goes to the new one.
    pub fn replace(&self, sink: impl Write + Send + 'static) {
        let shared = &*self.0.0;
        let mut state = shared.lock();
        state.next = Some(Box::new(sink));
        if state.awaits == Awaits::Line {
            // So that the old one is closed now.
            shared.work.notify_one();
        }
    }

    /// Wait until all is written that was handed over before, for this long at most; whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.0.flush(limit)
    }

    /// How many lines did not arrive so far.
    pub fn lost(&self) -> u64 {
        self.0.0.lock().lost
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush(&self, limit: Duration) -> bool {
        let pending = |state: &mut State| {
            let pending = !state.gone && (state.busy || !state.waiting.is_empty());
            if pending {
                // A pause is not waited for.
                state.awaits = Awaits::Nothing;
                self.work.notify_one();
            }
            pending
        };
        let waited = self.done.wait_timeout_while(self.lock(), limit, pending);
        let waited = waited.unwrap_or_else(PoisonError::into_inner);
        !waited.1.timed_out()
    }
}

impl State {
    fn lose(&mut self, lines: &[u8]) {
        let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.lost += count;
        self.untold += count;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shared = &self.0;
        shared.lock().closing = true;
        shared.work.notify_one();
        let state = shared.lock();
        let waited = shared
            .done
            .wait_timeout_while(state, LAST_WAIT, |state| !state.gone);
        drop(waited);
    }
}

/// However the thread ends, nobody waits for it any more.
struct Gone(Arc<Shared>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.done.notify_all();
    }
}

/// The thread.
struct Writing {
    shared: Gone,
    sink: Sink,
    tell: Tell,
    told: Option<Instant>,
    error: Option<io::Error>,
}

impl Writing {
    fn run(mut self) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            if let Err(error) = self.sink.write_all(&batch) {
                self.shared.0.lock().lose(&batch);
                self.error = Some(error);
            }
            batch.clear();
            batch.shrink_to(2 * FULL);
            self.tell_losses(false);
            self.rest();
        }
        self.tell_losses(true);
    }

    /// Wait for lines; false at the end.
    fn take(&mut self, batch: &mut Vec<u8>) -> bool {
        let shared = &self.shared.0;
        let mut state = shared.lock();
        loop {
            if let Some(next) = state.next.take() {
                self.sink = next;
            }
            if !state.waiting.is_empty() {
                break;
            }
            if state.closing {
                return false;
            }
            state.awaits = Awaits::Line;
            let waited = shared.work.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.awaits = Awaits::Nothing;
        state.busy = true;
        std::mem::swap(&mut state.waiting, batch);
        true
    }

    /// Let lines gather.
    fn rest(&self) {
        let shared = &self.shared.0;
        let mut state = shared.lock();
        state.busy = false;
        shared.done.notify_all();
        if state.closing || state.waiting.len() >= FULL {
            return;
        }
        state.awaits = Awaits::Full;
        let gathers = |state: &mut State| state.awaits == Awaits::Full && !state.closing;
        drop(shared.work.wait_timeout_while(state, PAUSE, gathers));
    }

    fn tell_losses(&mut self, is_end: bool) {
        let is_due = is_end || self.told.is_none_or(|told| told.elapsed() >= TELL);
        if !is_due {
            return;
        }
        let lines = std::mem::take(&mut self.shared.0.lock().untold);
        if lines > 0 {
            self.told = Some(Instant::now());
            let error = self.error.take();
            (self.tell)(Loss { lines, error });
        }
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
