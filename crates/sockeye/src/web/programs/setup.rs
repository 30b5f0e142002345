//! What programs share: their environment, their bounds, and who hears of what they say aside.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sockeye_data::cgi;

use super::gate::Gate;
use crate::error::Error;
use crate::web::response::Response;

/// Variables of ours that every program gets.
const PASSED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/// What is borne of programs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Programs at once, those of [`Cgi`](super::Cgi) and [`Exec`](super::Exec) together: 32.
    pub at_once: usize,
    /// Requests that wait for their turn; further ones are answered with 503: 128.
    pub queue: usize,
    /// How long a program may neither take input nor give output, and how long a request waits for its turn: 60 s. Then
    /// the program is ended, and the answer is 504, or is broken off if it had begun.
    pub silence: Duration,
    /// Bytes of a request's body (413 beyond): 1 GiB. They are passed on as they come.
    pub body: u64,
    /// Bytes of memory that each process may have, those that it starts too; no limit.
    pub memory: Option<u64>,
    /// Processor time of a program that answers one request, in whole seconds; no limit. Workers have none.
    pub cpu: Option<Duration>,
    /// The head of an answer (502 beyond): 32 KiB and 100 lines.
    pub head: cgi::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: 32,
            queue: 128,
            silence: Duration::from_secs(60),
            body: 1 << 30,
            memory: None,
            cpu: None,
            head: cgi::Limits::default(),
        }
    }
}

/// Something about a program that is for whoever runs the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Remark<'a> {
    /// The program: the path of a script, the word a command begins with, the name of an application.
    pub program: &'a str,
    /// Its process, if it has one.
    pub pid: Option<u32>,
    /// What it is about.
    pub kind: RemarkKind,
    /// One line, without control characters.
    pub text: &'a str,
}

/// What a [`Remark`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemarkKind {
    /// A line that the program wrote to its standard error.
    Said,
    /// It failed, or what it answered was no answer.
    Failed,
    /// A worker was started, renewed or ended.
    Worker,
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        if let Some(pid) = self.pid {
            write!(f, "[{pid}]")?;
        }
        write!(f, ": {}", self.text)
    }
}

type Listener = Arc<dyn Fn(&Remark<'_>) + Send + Sync>;

/// What programs share. Clones share their bounds: programs at once are counted together.
#[derive(Clone)]
pub struct Setup {
    pub(super) env: Arc<Vec<(OsString, OsString)>>,
    pub(super) limits: Arc<Limits>,
    pub(super) gate: Gate,
    pub(super) authorization: bool,
    listener: Option<Listener>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// The bounds of [`Limits`], and an environment of `PATH`, `LANG`, `LC_ALL`, `LC_CTYPE` and `TZ` (as far as we have
    /// them) beside what describes the request.
    pub fn new() -> Self {
        let limits = Arc::new(Limits::default());
        let env = PASSED
            .iter()
            .filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
        Self {
            env: Arc::new(env.collect()),
            gate: Gate::new(&limits),
            limits,
            authorization: false,
            listener: None,
        }
    }

    /// The same with one more variable for every program.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        let env = Arc::make_mut(&mut self.env);
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with these bounds; what runs already is not counted.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::clone(&self.limits);
        change(&mut limits);
        self.gate = Gate::new(&limits);
        self.limits = Arc::new(limits);
        self
    }

    /// Pass `Authorization` on (as `HTTP_AUTHORIZATION`), so that programs can ask for passwords of their own. Without,
    /// programs learn who the user is but no secret.
    #[must_use]
    pub fn pass_authorization(mut self, pass: bool) -> Self {
        self.authorization = pass;
        self
    }

    /// Tell this function what programs say aside; without one it goes to the log of `tracing`.
    #[must_use]
    pub fn remarks(mut self, listener: impl Fn(&Remark<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The answer if a program does not start, which is said to whoever runs the server.
    pub(super) fn not_started(&self, program: &str, error: &Error) -> Response {
        self.remark(&Remark {
            program,
            pid: None,
            kind: RemarkKind::Failed,
            text: error.why(),
        });
        Response::error(500, "the program does not start")
    }

    pub(super) fn remark(&self, remark: &Remark<'_>) {
        match &self.listener {
            Some(listener) => listener(remark),
            None => tracing::warn!("{remark}"),
        }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of variables may be secrets.
        f.debug_struct("Setup")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
