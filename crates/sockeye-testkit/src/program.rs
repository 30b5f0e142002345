//! A program under test, or a foreign one, with pipes, readers and a deadline on every wait.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::LIMIT;

/// A running program. It leads a process group of its own, which is killed when the value is dropped.
///
/// # Examples
///
/// ```
/// use sockeye_testkit::Program;
///
/// let mut program = Program::start("cat", ["-"]);
/// program.write("one line\n");
/// program.stdout_until("one line\n");
/// program.close_stdin();
/// let output = program.wait();
/// assert_eq!(output.code, Some(0));
/// assert_eq!(output.stdout_text(), "one line\n");
/// ```
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Arc<Capture>,
    stderr: Arc<Capture>,
    /// Told once when the program has ended; it is not reaped yet, so its number stays its own.
    /// A mutex, so that threads may share the program.
    ended: Mutex<Receiver<()>>,
    over: bool,
    /// Its number may belong to another process from now on.
    reaped: bool,
}

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// All it wrote to stdout.
    pub stdout: Vec<u8>,
    /// All it wrote to stderr.
    pub stderr: Vec<u8>,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Output {
    /// Stdout as text; bytes that are none are replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stderr as text; bytes that are none are replaced.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

#[derive(Debug, Default)]
struct Capture {
    state: Mutex<Captured>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Captured {
    bytes: Vec<u8>,
    ended: bool,
}

impl Program {
    /// Start a program with these arguments. It is looked up in `PATH` if its name has no slash.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[track_caller]
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(args);
        Self::start_command(command)
    }

    /// Start a prepared command: with environment variables, say, or another directory. Its pipes are set here.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[track_caller]
    pub fn start_command(mut command: Command) -> Self {
        let name = format!("{command:?}");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let stdout = Capture::follow(child.stdout.take());
        let stderr = Capture::follow(child.stderr.take());
        let stdin = child.stdin.take();
        let (sender, ended) = mpsc::channel();
        let pid = pid_of(&child);
        thread::spawn(move || {
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            while waitid(Id::Pid(pid), flags) == Err(nix::errno::Errno::EINTR) {}
            let _ = sender.send(());
        });
        Self {
            name,
            child,
            stdin,
            stdout,
            stderr,
            ended: Mutex::new(ended),
            over: false,
            reaped: false,
        }
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Write to its stdin.
    ///
    /// # Panics
    ///
    /// If stdin was closed or the program no longer reads it.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        let outcome = stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush());
        if let Err(e) = outcome {
            panic!("cannot write to {}: {e}{}", self.name, self.said());
        }
    }

    /// Take its stdin, to write to it from another thread.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Close its stdin, which it sees as the end.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Wait until stdout contains this, and return all that stdout has by then.
    ///
    /// # Panics
    ///
    /// If stdout ends before, or after [`LIMIT`].
    #[track_caller]
    pub fn stdout_until(&self, wanted: impl AsRef<[u8]>) -> Vec<u8> {
        self.until("stdout", &self.stdout, wanted.as_ref())
    }

    /// Wait until stderr contains this, and return all that stderr has by then.
    ///
    /// # Panics
    ///
    /// If stderr ends before, or after [`LIMIT`].
    #[track_caller]
    pub fn stderr_until(&self, wanted: impl AsRef<[u8]>) -> Vec<u8> {
        self.until("stderr", &self.stderr, wanted.as_ref())
    }

    /// What stdout and stderr have so far.
    pub fn so_far(&self) -> (Vec<u8>, Vec<u8>) {
        let copy = |capture: &Capture| capture.state.lock().unwrap().bytes.clone();
        (copy(&self.stdout), copy(&self.stderr))
    }

    /// The rest of the first line of stderr that starts with `prefix`.
    ///
    /// # Panics
    ///
    /// If no such line comes within [`LIMIT`].
    #[track_caller]
    pub fn line_starting_with(&self, prefix: &str) -> String {
        let line = self.lines(1, |line| line.strip_prefix(prefix).map(str::to_owned));
        line.into_iter().next().unwrap()
    }

    /// The endpoint that a server of ours says it listens on: `tcp://127.0.0.1:41233`.
    ///
    /// Its readiness line is `listening on ENDPOINT` on stderr, or a JSON object of type `listening` on stdout.
    ///
    /// # Panics
    ///
    /// If it says nothing of the kind within [`LIMIT`].
    #[track_caller]
    pub fn listening(&self) -> String {
        self.listening_all(1).remove(0)
    }

    /// The first so many endpoints that a server says it listens on.
    ///
    /// # Panics
    ///
    /// If it names fewer within [`LIMIT`].
    #[track_caller]
    pub fn listening_all(&self, count: usize) -> Vec<String> {
        self.lines(count, readiness)
    }

    /// The `host:port` half of [`Program::listening`], for peers that know no schemes.
    ///
    /// # Panics
    ///
    /// Like [`Program::listening`].
    #[track_caller]
    pub fn host_port(&self) -> String {
        let endpoint = self.listening();
        let after = endpoint.split_once("://").map_or(&*endpoint, |(_, at)| at);
        let place = after.split(['?', '/']).next();
        place.unwrap_or(after).to_owned()
    }

    /// The port of [`Program::listening`].
    ///
    /// # Panics
    ///
    /// Like [`Program::listening`], and if the endpoint has no port.
    #[track_caller]
    pub fn port(&self) -> u16 {
        let at = self.host_port();
        let port = at.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.unwrap_or_else(|| panic!("{at} has no port"))
    }

    /// Send it SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Send it SIGTERM, as service managers do.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Send it SIGHUP, as a terminal does that is closed, and who wants settings to be read again.
    pub fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    fn signal(&self, signal: Signal) {
        if !self.reaped {
            // It may just have ended; the test sees that from its exit code.
            let _ = kill(pid_of(&self.child), signal);
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.over = self.over || self.ended.get_mut().unwrap().try_recv().is_ok();
        !self.over
    }

    /// Wait for its end. Stdin stays as it is: a program that waits for its end wants [`Program::close_stdin`] first.
    ///
    /// # Panics
    ///
    /// If it does not end within [`LIMIT`], with what it said.
    #[track_caller]
    pub fn wait(self) -> Output {
        self.wait_at_most(LIMIT)
    }

    /// [`Program::wait`] with another limit, for a program that has to take its time.
    ///
    /// # Panics
    ///
    /// If it does not end within that, with what it said.
    #[track_caller]
    pub fn wait_at_most(mut self, limit: Duration) -> Output {
        let status = self.wait_status(limit);
        let deadline = Instant::now() + LIMIT;
        let (out, err) = (self.stdout.rest(deadline), self.stderr.rest(deadline));
        Output {
            stdout: out,
            stderr: err,
            code: status.code(),
            signal: status.signal(),
        }
    }

    /// Close stdin and wait for the end.
    ///
    /// # Panics
    ///
    /// Like [`Program::wait`].
    #[track_caller]
    pub fn finish(mut self) -> Output {
        self.close_stdin();
        self.wait()
    }

    #[track_caller]
    fn wait_status(&mut self, limit: Duration) -> ExitStatus {
        self.over = self.over || self.ended.get_mut().unwrap().recv_timeout(limit).is_ok();
        if !self.over {
            panic!("{} still runs after {limit:?}{}", self.name, self.said());
        }
        self.reaped = true;
        self.child.wait().unwrap()
    }

    #[track_caller]
    fn until(&self, which: &str, capture: &Capture, wanted: &[u8]) -> Vec<u8> {
        let has = |bytes: &[u8]| wanted.is_empty() || find(bytes, wanted);
        let deadline = Instant::now() + LIMIT;
        let (bytes, found) = capture.wait(deadline, |captured| has(&captured.bytes));
        if !found {
            let wanted = String::from_utf8_lossy(wanted);
            panic!(
                "{} never wrote {wanted:?} to {which}{}",
                self.name,
                self.said()
            );
        }
        bytes
    }

    /// The first `count` complete lines of stderr, then stdout, that `pick` picks.
    #[track_caller]
    fn lines(&self, count: usize, pick: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let deadline = Instant::now() + LIMIT;
        let picked = |bytes: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(bytes);
            let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
            complete.lines().filter_map(&pick).take(count).collect()
        };
        // Human lines come on stderr and JSON lines on stdout: whichever has them first.
        let mut on = [&self.stderr, &self.stdout];
        loop {
            // Asked before the lines are looked at: what came before the end is then seen.
            let over = Instant::now() >= deadline
                || on.iter().all(|capture| capture.state.lock().unwrap().ended);
            for capture in on {
                let got = picked(&capture.state.lock().unwrap().bytes);
                if got.len() == count {
                    return got;
                }
            }
            if over {
                panic!("{} never said it{}", self.name, self.said());
            }
            let turn = deadline.min(Instant::now() + Duration::from_millis(20));
            let _ = on[0].wait(turn, |captured| picked(&captured.bytes).len() == count);
            on.swap(0, 1);
        }
    }

    fn said(&self) -> String {
        let (stdout, stderr) = self.so_far();
        let text = |bytes: &[u8]| {
            let end = bytes.len().min(4000);
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        format!(
            "\n--- its stdout\n{}\n--- its stderr\n{}\n---",
            text(&stdout),
            text(&stderr)
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if thread::panicking() {
            let text = format!("{}{}\n", self.name, self.said());
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
        // Children of the program, such as one server per client, are in its group too.
        let _ = killpg(pid_of(&self.child), Signal::SIGKILL);
        drop(self.child.wait());
    }
}

/// The endpoint in a readiness line, human or JSON.
fn readiness(line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("listening on ") {
        // What follows the endpoint, if anything, is talk.
        return rest.split(' ').next().map(str::to_owned);
    }
    let compact = line.replace(": ", ":");
    if !line.starts_with('{') || !compact.contains("\"type\":\"listening\"") {
        return None;
    }
    let values = compact.split('"').skip(1).step_by(2);
    let schemes = [
        "tcp:", "tls", "udp:", "unix", "fifo:", "fd:", "exec:", "pty:", "file:",
    ];
    values
        .into_iter()
        .find(|value| value.contains(':') && schemes.iter().any(|s| value.starts_with(s)))
        .map(str::to_owned)
}

fn pid_of(child: &Child) -> Pid {
    // A process number of Linux is at most 2^22.
    Pid::from_raw(child.id().cast_signed())
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

impl Capture {
    fn follow(pipe: Option<impl Read + Send + 'static>) -> Arc<Self> {
        let capture = Arc::new(Self::default());
        let ours = capture.clone();
        thread::spawn(move || {
            let mut buf = vec![0; 64 * 1024];
            if let Some(mut pipe) = pipe {
                while let Ok(n) = pipe.read(&mut buf) {
                    if n == 0 {
                        break;
                    }
                    ours.state
                        .lock()
                        .unwrap()
                        .bytes
                        .extend_from_slice(&buf[..n]);
                    ours.changed.notify_all();
                }
            }
            ours.state.lock().unwrap().ended = true;
            ours.changed.notify_all();
        });
        capture
    }

    fn wait(&self, deadline: Instant, enough: impl Fn(&Captured) -> bool) -> (Vec<u8>, bool) {
        let left = deadline.saturating_duration_since(Instant::now());
        let (captured, _) = self
            .changed
            .wait_timeout_while(self.state.lock().unwrap(), left, |captured| {
                !captured.ended && !enough(captured)
            })
            .unwrap();
        (captured.bytes.clone(), enough(&captured))
    }

    /// All of it; a grandchild that keeps the pipe open delays this until the deadline.
    fn rest(&self, deadline: Instant) -> Vec<u8> {
        self.wait(deadline, |_| false).0
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use super::*;

    fn shell(script: &str) -> Program {
        Program::start("sh", ["-c", script])
    }

    #[test]
    fn output_and_exit_code_are_kept_apart() {
        let output = shell("echo out; echo err >&2; exit 7").finish();
        assert_eq!(output.stdout_text(), "out\n");
        assert_eq!(output.stderr_text(), "err\n");
        assert_eq!((output.code, output.signal), (Some(7), None));
    }

    #[test]
    fn a_signal_is_told_from_an_exit_code() {
        let program = shell("echo ready; read never");
        program.stdout_until("ready");
        program.terminate();
        let output = program.wait();
        assert_eq!((output.code, output.signal), (None, Some(15)));
    }

    #[test]
    fn the_readiness_line_gives_the_endpoint() {
        let human = "echo hello >&2; echo listening on tcp://127.0.0.1:41233 >&2; \
                     echo 'listening on tcp://[::1]:41233 (this machine only)' >&2; read never";
        let program = shell(human);
        assert_eq!(program.host_port(), "127.0.0.1:41233");
        assert_eq!(program.port(), 41233);
        let all = program.listening_all(2);
        assert_eq!(all, ["tcp://127.0.0.1:41233", "tcp://[::1]:41233"]);
        assert_eq!(program.line_starting_with("hel"), "lo");
    }

    #[test]
    fn the_readiness_line_may_be_json_on_stdout() {
        let json = r#"echo '{"type":"listening","local":"unix:/run/a.sock"}'; read never"#;
        assert_eq!(shell(json).listening(), "unix:/run/a.sock");
        let spaced = r#"{"type": "listening", "endpoint": "tls://127.0.0.1:9"}"#;
        assert_eq!(readiness(spaced).unwrap(), "tls://127.0.0.1:9");
        assert_eq!(
            readiness(r#"{"type":"closed","local":"tcp://127.0.0.1:9"}"#),
            None
        );
    }

    #[test]
    fn a_program_that_ends_without_saying_it_fails_at_once_with_what_it_said() {
        let program = shell("echo no such luck >&2; exit 1");
        let panic = panic::catch_unwind(AssertUnwindSafe(|| program.listening())).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("no such luck"), "{text}");
    }

    #[test]
    fn a_program_that_does_not_end_is_a_failure_with_what_it_said() {
        let mut program = shell("echo here I stay; read never");
        program.stdout_until("stay");
        let panic = panic::catch_unwind(AssertUnwindSafe(|| {
            program.wait_status(Duration::from_millis(20))
        }))
        .unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(
            text.contains("still runs") && text.contains("here I stay"),
            "{text}"
        );
        assert!(program.is_running());
    }

    #[test]
    fn dropping_a_program_ends_its_children_too() {
        // The grandchild holds the write end of stdout: when it has gone, that pipe ends.
        let program = shell("sh -c 'echo up; read never' <&0 & wait");
        program.stdout_until("up");
        let stdout = program.stdout.clone();
        drop(program);
        let (_, _) = stdout.wait(Instant::now() + LIMIT, |_| false);
        assert!(
            stdout.state.lock().unwrap().ended,
            "a grandchild keeps stdout open"
        );
    }
}
