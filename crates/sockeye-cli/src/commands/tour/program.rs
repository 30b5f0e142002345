//! A run of this binary as a child: its input is written, its output is captured line by line. It cannot outlive the step.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;

/// The most that is kept of one stream of one program. No step comes near it.
const MAX_OUTPUT: usize = 1 << 20;

/// A running program.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(super) data: Capture,
    pub(super) talk: Capture,
}

/// What a program has written to one of its outputs.
#[derive(Clone, Debug, Default)]
pub(super) struct Capture(Arc<Captured>);

#[derive(Debug, Default)]
struct Captured {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
    /// How much of it was given out as lines.
    shown: usize,
}

impl Program {
    /// Start this binary in a directory, with a search path on which `sockeye` is found. Input that is given waits in the
    /// pipe before the program starts, so that a quick server cannot end the conversation before the request is read.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tour plays this very binary as a person would; the children talk, not we"
    )]
    pub(super) fn start(
        arguments: &[&str],
        input: Option<&[u8]>,
        directory: &Path,
        search: &OsString,
    ) -> std::io::Result<Self> {
        let stdin = match input {
            Some(input) => filled_pipe(input)?.into(),
            None => Stdio::piped(),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .current_dir(directory)
            .env("PATH", search)
            // Piped output has no colour anyway; a person's forced one would be shown as text.
            .env("NO_COLOR", "1")
            // What is shown leads to this machine, and not first to somebody's proxy.
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            stdin: child.stdin.take(),
            data: Capture::follow(child.stdout.take()),
            talk: Capture::follow(child.stderr.take()),
            child,
        })
    }

    /// Write to its standard input.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.stdin {
            Some(stdin) => {
                stdin.write_all(bytes).await?;
                stdin.flush().await
            }
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Say that this was all.
    pub(super) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Wait until it has ended and all it wrote is here. Its exit code.
    pub(super) async fn ended(&mut self) -> std::io::Result<Option<i32>> {
        let status = self.child.wait().await?;
        self.data.ended().await;
        self.talk.ended().await;
        Ok(status.code())
    }

    /// Ask it to end, as Ctrl-C does.
    pub(super) fn interrupt(&self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGINT,
            );
        }
    }

    /// End it, whatever it does.
    pub(super) async fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill().await);
    }
}

/// A pipe that holds these bytes, and then the end.
fn filled_pipe(bytes: &[u8]) -> std::io::Result<std::io::PipeReader> {
    let (reader, mut writer) = std::io::pipe()?;
    // Nobody reads yet, so it has to fit: a pipe holds a page at least, and requests of the tour are a line.
    debug_assert!(bytes.len() <= 4096);
    writer.write_all(bytes)?;
    Ok(reader)
}

impl Capture {
    fn follow(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let capture = Self::default();
        let ours = capture.clone();
        tokio::spawn(async move {
            let mut chunk = vec![0; 16 * 1024];
            if let Some(mut pipe) = pipe {
                while let Ok(n) = pipe.read(&mut chunk).await {
                    let mut state = ours.state();
                    if n == 0 || state.bytes.len() + n > MAX_OUTPUT {
                        break;
                    }
                    state.bytes.extend_from_slice(&chunk[..n]);
                    drop(state);
                    ours.0.changed.notify_waiters();
                }
            }
            ours.state().ended = true;
            ours.0.changed.notify_waiters();
        });
        capture
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.state().bytes).into_owned()
    }

    /// Wait until a complete line contains this. False when it ended without.
    pub(super) async fn has_line(&self, wanted: &str) -> bool {
        self.wait_for(|state| {
            let text = String::from_utf8_lossy(&state.bytes);
            text.split_inclusive('\n')
                .any(|line| line.contains(wanted) && (state.ended || line.ends_with('\n')))
        })
        .await
    }

    async fn ended(&self) {
        self.wait_for(|_| false).await;
    }

    async fn wait_for(&self, enough: impl Fn(&State) -> bool) -> bool {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            {
                let state = self.state();
                if enough(&state) {
                    return true;
                }
                if state.ended {
                    return false;
                }
            }
            changed.await;
        }
    }

    /// The complete lines that were not given out yet, at the end with the last one. What a terminal must not see is
    /// replaced.
    pub(super) fn new_lines(&self) -> Vec<String> {
        let mut state = self.state();
        let rest = &state.bytes[state.shown..];
        let complete = rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let taken = if state.ended { rest.len() } else { complete };
        let text = String::from_utf8_lossy(&rest[..taken]).into_owned();
        state.shown += taken;
        text.lines()
            .map(|line| line.replace(|c: char| c.is_control() && c != '\t', "·"))
            .collect()
    }
}
