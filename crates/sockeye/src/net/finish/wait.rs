//! One program from its start to its end, on a thread that does nothing else meanwhile.

#![expect(
    clippy::disallowed_methods,
    reason = "this is where `net` starts programs that are run to their end"
)]

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, pidfd_open, test_kill_process_group};

use super::threads::{Thread, group, has_living, signal};
use super::{End, Finished, Invocation, MOST_ARGUMENT};
use crate::data::escape::escape;
use crate::net::carrier::inherited;

/// How long the outputs of a program that has ended are read, while something in the background holds them.
const LINGER: Duration = Duration::from_millis(200);
/// How often is looked for what no descriptor tells: whether a group is empty, and whether a program has ended where there are no pidfds.
const TICK: Duration = Duration::from_millis(10);

/// Says that a program shall end, to the thread that waits for it.
#[derive(Debug, Default)]
pub(super) struct Stop {
    asked: AtomicBool,
    wake: OnceLock<Arc<OwnedFd>>,
}

impl Stop {
    /// End it now.
    pub(super) fn now(&self) {
        self.asked.store(true, Ordering::SeqCst);
        if let Some(wake) = self.wake.get() {
            // A counter that is full has woken it already.
            let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
        }
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Run it.
pub(super) fn finish<W: Write>(
    what: &Invocation,
    stdout: W,
    stderr: W,
    stop: &Stop,
    thread: &mut Thread,
) -> Finished<W> {
    // Set before it is asked for the first time, so that one of both is seen.
    let _ = stop.wake.set(thread.wake.clone());
    let begun = Instant::now();
    let mut outputs = (stdout, stderr);
    let end = match stop.is_asked() {
        true => End::Canceled,
        false => match start(what) {
            Err(end) => end,
            Ok(child) => {
                let pid = child.id();
                thread.begun(pid);
                let mut running = Running::new(child, what, begun);
                let end = running.run(&mut outputs, stop, thread);
                thread.ended(pid);
                end
            }
        },
    };
    Finished {
        end,
        stdout: outputs.0,
        stderr: outputs.1,
        took: begun.elapsed(),
    }
}

/// Start it, with pipes.
fn start(what: &Invocation) -> Result<Child, End> {
    for (at, argument) in what.args.iter().enumerate() {
        let bytes = argument.as_bytes();
        if bytes.len() > MOST_ARGUMENT {
            return Err(End::NotStarted(format!(
                "argument {} has {} bytes, and the kernel takes {MOST_ARGUMENT} at most: --stdin gives the input on standard input",
                at + 1,
                bytes.len()
            )));
        }
        if bytes.contains(&0) {
            return Err(End::NotStarted(format!(
                "argument {} holds a NUL byte, which no argument can: --stdin gives the input on standard input",
                at + 1
            )));
        }
    }
    inherited::keep_from_programs();
    let mut command = Command::new(&what.program);
    command
        .args(&what.args)
        .stdin(match what.input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if !what.env.is_empty() {
        command.envs(what.env.iter().map(|(name, value)| (name, value)));
    }
    if let Some(dir) = &what.dir {
        command.current_dir(&**dir);
    }
    command.spawn().map_err(|error| refused(what, &error))
}

/// Why it did not start.
fn refused(what: &Invocation, error: &io::Error) -> End {
    let program = escape(what.program.as_os_str().as_bytes());
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) if what.program.exists() => End::NotStarted(format!(
            "`{program}` names an interpreter, or needs a loader, that is not there"
        )),
        Some(Errno::NOENT | Errno::NOTDIR) => {
            End::NotFound(format!("there is no program `{program}`"))
        }
        Some(Errno::ACCESS | Errno::PERM | Errno::ISDIR) => {
            End::NotStarted(format!("`{program}` may not be executed"))
        }
        Some(Errno::NOEXEC) => End::NotStarted(format!(
            "`{program}` is no program: a script begins with #! and its interpreter"
        )),
        Some(Errno::TOOBIG) => End::NotStarted(
            "arguments and environment together are longer than the kernel takes: --stdin gives the input on standard input".into(),
        ),
        _ => End::Failed(format!("cannot start `{program}`: {error}")),
    }
}

/// A program that runs.
struct Running {
    child: Child,
    pidfd: Option<OwnedFd>,
    status: Option<ExitStatus>,
    stdin: Option<(ChildStdin, Bytes)>,
    stdout: Option<Outlet>,
    stderr: Option<Outlet>,
    /// When it is timed out; after it was asked to end: when it is killed; after its own end: when nobody listens any more.
    deadline: Option<Instant>,
    grace: Duration,
    ending: Ending,
    /// How often its group was looked at since it was asked to end.
    looks: u32,
    most_output: u64,
}

/// How far its end has come.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// It runs, or ended by itself.
    No,
    /// It was asked to end, for this reason.
    Asked(End),
    /// It was killed.
    Killed(End),
}

/// An output of it, and how much came.
struct Outlet {
    pipe: OwnedFd,
    read: u64,
}

impl Outlet {
    fn new(pipe: impl Into<OwnedFd>) -> Self {
        Self {
            pipe: pipe.into(),
            read: 0,
        }
    }
}

impl Running {
    fn new(mut child: Child, what: &Invocation, begun: Instant) -> Self {
        let pidfd = group(child.id()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let stdin = child.stdin.take().zip(what.input.clone());
        if let Some((pipe, _)) = &stdin {
            // Nothing else can be done than to write what fits; if this fails, a write may block for as long as it does not read.
            let _ = rustix::io::ioctl_fionbio(pipe, true);
        }
        Self {
            pidfd,
            status: None,
            stdin,
            stdout: child.stdout.take().map(Outlet::new),
            stderr: child.stderr.take().map(Outlet::new),
            child,
            deadline: what.timeout.and_then(|timeout| begun.checked_add(timeout)),
            grace: what.grace,
            ending: Ending::No,
            looks: 0,
            most_output: what.most_output,
        }
    }

    fn run<W: Write>(&mut self, outputs: &mut (W, W), stop: &Stop, thread: &mut Thread) -> End {
        loop {
            if stop.is_asked() {
                self.ask_to_end(End::Canceled);
            }
            if self.is_over() {
                break;
            }
            let ready = self.wait(thread);
            if ready.exited || self.pidfd.is_none() {
                self.reap();
            }
            if ready.stdin {
                self.feed();
            }
            let most = self.most_output;
            let block = &mut thread.block;
            let sides = [
                (ready.stdout, &mut self.stdout, &mut outputs.0, "output"),
                (ready.stderr, &mut self.stderr, &mut outputs.1, "error"),
            ];
            let mut failed = None;
            for (ready, outlet, to, name) in sides {
                if ready && let Err(why) = take(outlet, to, block, most) {
                    failed = Some(why(name));
                }
            }
            if let Some(why) = failed {
                self.ask_to_end(End::Failed(why));
            }
            self.heed_deadline();
        }
        self.end()
    }

    /// Ask its group to end, unless it was asked before or has ended.
    fn ask_to_end(&mut self, why: End) {
        if self.ending == Ending::No {
            signal(self.child.id(), Signal::TERM);
            // Stopped programs hear of it only when they go on.
            signal(self.child.id(), Signal::CONT);
            self.ending = Ending::Asked(why);
            self.deadline = Instant::now().checked_add(self.grace);
            self.stdin = None;
        }
    }

    /// Do what is due.
    fn heed_deadline(&mut self) {
        let Some(deadline) = self.deadline.filter(|deadline| *deadline <= Instant::now()) else {
            return;
        };
        match std::mem::replace(&mut self.ending, Ending::No) {
            Ending::No if self.status.is_some() => self.let_go(),
            Ending::No => self.ask_to_end(End::TimedOut),
            Ending::Asked(why) => {
                signal(self.child.id(), Signal::KILL);
                self.ending = Ending::Killed(why);
                self.deadline = deadline
                    .checked_add(LINGER)
                    .max(Instant::now().checked_add(LINGER));
            }
            Ending::Killed(why) => {
                self.ending = Ending::Killed(why);
                self.let_go();
            }
        }
    }

    /// Listen no longer.
    fn let_go(&mut self) {
        (self.stdin, self.stdout, self.stderr, self.deadline) = (None, None, None, None);
    }

    /// Whether there is nothing left to wait for.
    fn is_over(&mut self) -> bool {
        let is_silent = self.stdout.is_none() && self.stderr.is_none();
        let is_over = self.status.is_some() && is_silent;
        match self.ending {
            // Some that it started may need their time to end.
            Ending::Asked(_) => is_over && !self.has_group(),
            _ => is_over,
        }
    }

    /// Whether something of its group is left. Its own status was taken before, so it does not count itself.
    fn has_group(&mut self) -> bool {
        let Some(pid) = group(self.child.id()).filter(|pid| test_kill_process_group(*pid).is_ok())
        else {
            return false;
        };
        // That answers for those who have ended, too, until their parent hears of it; in a container that may be never. Reading
        // all of /proc is dear: less and less often.
        self.looks += 1;
        !self.looks.is_power_of_two() || has_living(pid)
    }

    /// Take its status, if it has ended.
    fn reap(&mut self) {
        if self.status.is_some() {
            return;
        }
        // An error means that somebody else took it: then nobody will ever know.
        match self.child.try_wait() {
            Ok(status) => self.status = status,
            Err(_) => self.status = Some(ExitStatus::from_raw(0xff00)),
        }
        if self.status.is_some() {
            (self.pidfd, self.stdin) = (None, None);
            if self.ending == Ending::No {
                self.deadline = Instant::now().checked_add(LINGER);
            }
        }
    }

    /// Give it some of its input.
    fn feed(&mut self) {
        let Some((pipe, rest)) = &mut self.stdin else {
            return;
        };
        match pipe.write(rest) {
            Ok(count) => rest.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It does not read all of it, which is its own affair.
            Err(_) => rest.clear(),
        }
        if rest.is_empty() {
            self.stdin = None;
        }
    }

    fn end(&mut self) -> End {
        match std::mem::replace(&mut self.ending, Ending::No) {
            Ending::Asked(why) | Ending::Killed(why) => why,
            Ending::No => match self.status.map(|status| (status.code(), status.signal())) {
                Some((Some(code), _)) => End::Exited(u8::try_from(code).unwrap_or(u8::MAX)),
                Some((None, Some(signal))) => End::Killed(signal),
                _ => End::Failed("nobody knows how it ended".into()),
            },
        }
    }
}

/// What there is to do.
#[derive(Debug, Default)]
struct Ready {
    exited: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Running {
    /// Wait until something happens.
    fn wait(&self, thread: &Thread) -> Ready {
        let none = PollFd::new(&thread.wake, PollFlags::empty());
        let mut fds = [const { None }; 5];
        fds[0] = Some(PollFd::new(&thread.wake, PollFlags::IN));
        fds[1] = self.pidfd.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN));
        fds[2] = self
            .stdin
            .as_ref()
            .map(|(fd, _)| PollFd::new(fd, PollFlags::OUT));
        fds[3] = self
            .stdout
            .as_ref()
            .map(|fd| PollFd::new(&fd.pipe, PollFlags::IN));
        fds[4] = self
            .stderr
            .as_ref()
            .map(|fd| PollFd::new(&fd.pipe, PollFlags::IN));
        let mut asked = fds.map(|fd| fd.unwrap_or_else(|| none.clone()));
        let patience = self.patience();
        // Interrupted is nothing happened; anything else cannot be, and is looked at again.
        let happened = poll(&mut asked, patience.as_ref()).unwrap_or(0);
        if happened == 0 {
            return Ready::default();
        }
        let is_ready = |at: usize| !asked[at].revents().is_empty();
        if is_ready(0) {
            let mut count = [0; 8];
            let _ = rustix::io::read(thread.wake.as_fd(), &mut count);
        }
        // A place that was not asked for says nothing but errors, of which an eventfd has none.
        Ready {
            exited: is_ready(1),
            stdin: is_ready(2),
            stdout: is_ready(3),
            stderr: is_ready(4),
        }
    }

    /// How long nothing may happen.
    fn patience(&self) -> Option<Timespec> {
        let due = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_looking = (self.pidfd.is_none() && self.status.is_none())
            || (self.status.is_some() && matches!(self.ending, Ending::Asked(_)));
        let patience = match (due, is_looking) {
            (Some(due), true) => Some(due.min(TICK)),
            (None, true) => Some(TICK),
            (due, false) => due,
        }?;
        Timespec::try_from(patience).ok()
    }
}

/// Why what a program says cannot be taken, once it is known from which output.
type Why = Box<dyn FnOnce(&str) -> String>;

/// Take what there is; at its end the output is closed.
fn take<W: Write>(
    from: &mut Option<Outlet>,
    to: &mut W,
    block: &mut [u8],
    most: u64,
) -> Result<(), Why> {
    let Some(outlet) = from else { return Ok(()) };
    let count = match rustix::io::read(&outlet.pipe, &mut *block) {
        Ok(0) => {
            *from = None;
            return Ok(());
        }
        Ok(count) => count,
        Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
        Err(_) => {
            *from = None;
            return Ok(());
        }
    };
    let left = most - outlet.read;
    let kept = usize::try_from(left).map_or(count, |left| count.min(left));
    outlet.read += kept as u64;
    let written = to.write_all(&block[..kept]);
    if let Err(error) = written {
        *from = None;
        return Err(Box::new(move |name| {
            format!("what it says on standard {name} cannot be kept: {error}")
        }));
    }
    if kept < count {
        *from = None;
        return Err(Box::new(move |name| {
            format!("it says more than {most} bytes on standard {name}")
        }));
    }
    Ok(())
}
