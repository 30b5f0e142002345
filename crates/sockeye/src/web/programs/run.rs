//! One program that answers one request: its input comes from the request, its output is the answer, and it is ended when
//! nobody wants that any more.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::process::ChildStdin;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};

use super::gate::Pass;
use super::setup::{Remark, RemarkKind, Setup};
use super::stderr;
use crate::error::{Error, Operation, Result};
use crate::net::program::{self, Running, Spec};
use crate::web::body::{Body, BodyError};
use crate::web::response::Response;

/// What is read of the output at a time.
const CHUNK: usize = 64 << 10;
/// How long the end of an answer waits for the end of its program, which says whether all went well.
const PARTING: Duration = Duration::from_secs(1);
/// How long what a program wrote to its standard error is read on after its end: a process that it left behind may hold it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program at work on a request. Dropped, it is asked to end, and killed a little later.
#[derive(Debug)]
pub(super) struct Run {
    running: Option<Running>,
    name: String,
    pid: u32,
    setup: Setup,
    phase: Phase,
    chunk: BytesMut,
    input: Option<JoinHandle<()>>,
    /// Hears why the request's body broke off.
    broken: Option<oneshot::Receiver<BodyError>>,
    /// The program took input since the clock was last looked at.
    moved: Arc<AtomicBool>,
    stderr: Option<JoinHandle<()>>,
    clock: Pin<Box<Sleep>>,
    pass: Option<Pass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// The output is over; the clock runs for the end of the program.
    Parting,
    Over,
}

/// Why there is no more output.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It neither took input nor gave output for too long.
    Silent,
    /// The request's body broke off.
    Input(BodyError),
    /// Its output cannot be read.
    Io(io::Error),
    /// It ended, and not well.
    Ended(ExitStatus),
}

impl Run {
    /// Start it. `name` is what remarks call it.
    pub(super) fn start(
        spec: &Spec<'_>,
        name: String,
        mut body: Body,
        setup: &Setup,
        pass: Pass,
    ) -> Result<Self> {
        body.set_limit(setup.limits.body);
        let has_input = !body.is_empty();
        let mut running = program::start(spec, has_input)?;
        let (memory, cpu) = (setup.limits.memory, setup.limits.cpu);
        running
            .limit(memory, cpu.map(|cpu| cpu.as_secs().max(1)))
            .map_err(|error| Error::from_io(Operation::Run, error))?;
        let pid = running.pid();
        let moved = Arc::new(AtomicBool::new(false));
        let (fail, broken) = oneshot::channel();
        let input = running.stdin.take().map(|stdin| {
            let moved = Arc::clone(&moved);
            tokio::spawn(feed(body, stdin, moved, fail))
        });
        let stderr = running.stderr.take().map(|reader| {
            let (setup, name) = (setup.clone(), name.clone());
            tokio::spawn(stderr::tell(reader, setup, name, pid, stderr::LINES))
        });
        Ok(Self {
            running: Some(running),
            name,
            pid,
            setup: setup.clone(),
            phase: Phase::Reading,
            chunk: BytesMut::new(),
            broken: input.is_some().then_some(broken),
            input,
            moved,
            stderr,
            clock: Box::pin(sleep(setup.limits.silence)),
            pass: Some(pass),
        })
    }

    /// The next of its output, not empty; `None` at its end, if all went well.
    pub(super) async fn output(&mut self) -> std::result::Result<Option<Bytes>, Trouble> {
        std::future::poll_fn(|cx| self.poll_output(cx)).await
    }

    pub(super) fn poll_output(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<std::result::Result<Option<Bytes>, Trouble>> {
        if let Some(broken) = &mut self.broken {
            match Pin::new(broken).poll(cx) {
                Poll::Ready(Ok(error)) => return Poll::Ready(Err(Trouble::Input(error))),
                // All of it was passed on.
                Poll::Ready(Err(_)) => self.broken = None,
                Poll::Pending => {}
            }
        }
        if self.phase == Phase::Reading {
            match self.poll_read(cx) {
                Poll::Ready(Ok(Some(chunk))) => {
                    self.wind(self.setup.limits.silence);
                    return Poll::Ready(Ok(Some(chunk)));
                }
                Poll::Ready(Ok(None)) => {
                    self.phase = Phase::Parting;
                    self.wind(PARTING);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Trouble::Io(error))),
                Poll::Pending => {
                    ready!(self.poll_silent(cx));
                    return Poll::Ready(Err(Trouble::Silent));
                }
            }
        }
        if self.phase == Phase::Parting {
            let ended = match &mut self.running {
                Some(running) => pin!(running.ended()).poll(cx),
                None => Poll::Pending,
            };
            match ended {
                Poll::Ready(Ok(status)) => {
                    self.phase = Phase::Over;
                    self.running = None;
                    if !status.success() {
                        return Poll::Ready(Err(Trouble::Ended(status)));
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Trouble::Io(error))),
                Poll::Pending => {
                    // It closed its output and works on: the answer is complete.
                    ready!(self.clock.as_mut().poll(cx));
                    self.phase = Phase::Over;
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let stdout = self.running.as_mut().and_then(|it| it.stdout.as_mut());
        let Some(stdout) = stdout else {
            return Poll::Ready(Ok(None));
        };
        if self.chunk.len() < CHUNK / 4 {
            self.chunk = BytesMut::zeroed(CHUNK);
        }
        let mut room = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(stdout).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        Poll::Ready(Ok((read > 0).then(|| self.chunk.split_to(read).freeze())))
    }

    /// Ready when it was silent for too long.
    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.clock.as_mut().poll(cx));
            if !self.moved.swap(false, Ordering::Relaxed) {
                return Poll::Ready(());
            }
            self.wind(self.setup.limits.silence);
        }
    }

    fn wind(&mut self, span: Duration) {
        self.clock.as_mut().reset(Instant::now() + span);
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Say what went wrong, to whoever runs the server.
    pub(super) fn failed(&self, why: &str) {
        self.setup.remark(&Remark {
            program: &self.name,
            pid: Some(self.pid),
            kind: RemarkKind::Failed,
            text: why,
        });
    }

    /// The answer if this happens before the program's own has begun.
    pub(super) fn answer_to(&self, trouble: Trouble, status: u16) -> Response {
        self.failed(&trouble.why(&self.setup));
        match trouble {
            Trouble::Silent => Response::error(504, "the program took too long"),
            Trouble::Input(error) => Response::error(error.status(), error),
            _ => Response::error(status, "the program failed"),
        }
    }

    /// The error with which a body ends if this happens in its middle.
    pub(super) fn break_off(&self, trouble: &Trouble) -> BodyError {
        let why = trouble.why(&self.setup);
        self.failed(&format!("{why}; its answer is broken off"));
        io::Error::other(why).into()
    }
}

impl Trouble {
    pub(super) fn why(&self, setup: &Setup) -> String {
        match self {
            Self::Silent => format!("it was silent for {:?}", setup.limits.silence),
            Self::Input(error) => format!("the request broke off: {error}"),
            Self::Io(error) => format!("its output cannot be read: {error}"),
            Self::Ended(status) => format!("it ended with {}", status_words(*status)),
        }
    }
}

pub(super) fn status_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (_, Some(signal)) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(signal) => signal.as_str().to_owned(),
            Err(_) => format!("signal {signal}"),
        },
        _ => status.to_string(),
    }
}

/// Pass a body on as a program's input. Its end is passed on only if it is the end: a program must not take half for all.
async fn feed(
    mut body: Body,
    mut stdin: ChildStdin,
    moved: Arc<AtomicBool>,
    fail: oneshot::Sender<BodyError>,
) {
    loop {
        match body.chunk().await {
            Some(Ok(mut chunk)) => {
                while !chunk.is_empty() {
                    match stdin.write(&chunk).await {
                        Ok(written @ 1..) => {
                            moved.store(true, Ordering::Relaxed);
                            chunk = chunk.split_off(written);
                        }
                        // It reads no more, which is its right.
                        _ => return,
                    }
                }
            }
            Some(Err(error)) => {
                let _ = fail.send(error);
                // The pipe is held until the program is ended for this.
                return std::future::pending().await;
            }
            None => return,
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let (running, stderr) = (self.running.take(), self.stderr.take());
        let input = self.input.take();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // Without a runtime it is killed at once.
            return;
        };
        let (pass, patience) = (self.pass.take(), self.setup.limits.silence);
        let works_on = self.phase == Phase::Over;
        runtime.spawn(async move {
            if let Some(running) = running {
                see_out(running, works_on.then_some(patience)).await;
            }
            // Not before: the end of its input is not for it to see.
            if let Some(input) = input {
                input.abort();
            }
            // Its place is free once it is gone.
            drop(pass);
            if let Some(mut stderr) = stderr
                && tokio::time::timeout(LAST_WORDS, &mut stderr).await.is_err()
            {
                stderr.abort();
            }
        });
    }
}

/// End a program, after this time if it may work on.
async fn see_out(mut running: Running, patience: Option<Duration>) {
    if let Some(patience) = patience
        && tokio::time::timeout(patience, running.ended())
            .await
            .is_ok()
    {
        return;
    }
    running.end().await;
}
