//! One program whose lines are events, for any number of clients.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::run::status_words;
use super::setup::{Remark, RemarkKind, Setup};
use super::stderr;
use crate::endpoint::Argv;
use crate::net::program::{self, Running, Spec};
use crate::web::events::EventHub;
use crate::web::handler::{Handler, Reply};
use crate::web::request::Request;
use crate::web::response::Response;

/// From one start of the program to the next.
const BETWEEN: Duration = Duration::from_secs(1);

/// One program whose lines are events ([`EventHub`]) for any number of clients.
///
/// It is started with the first client and runs until it ends by itself or the server stops. When it has ended, so have the answers of
/// all clients; they come back after some seconds (browsers do by themselves), and it is started again, once a second at most.
///
/// # Examples
///
/// ```
/// use sockeye::web::programs::{Feed, Setup};
/// use sockeye::web::{Routes, Server};
///
/// let feed = Feed::new("vmstat -n 1".parse()?, &Setup::new());
/// let server = Server::new(Routes::new().get("/load", feed).build()?);
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Feed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    argv: Argv,
    setup: Setup,
    hub: EventHub,
    longest: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: bool,
    started: Option<Instant>,
}

impl Feed {
    /// The lines of this program.
    pub fn new(argv: Argv, setup: &Setup) -> Self {
        Self::through(EventHub::new(), argv, setup)
    }

    /// The same by a hub that was made elsewhere.
    pub fn through(hub: EventHub, argv: Argv, setup: &Setup) -> Self {
        Self::bounded(hub, argv, setup, 64 << 10)
    }

    /// The same with another bound on the length of a line, in bytes; longer ones are several events: 64 KiB.
    pub fn bounded(hub: EventHub, argv: Argv, setup: &Setup, longest: usize) -> Self {
        Self(Arc::new(Inner {
            argv,
            setup: setup.clone(),
            hub,
            longest,
            state: Mutex::default(),
        }))
    }
}

impl Handler for Feed {
    fn handle(&self, request: Request) -> Reply {
        if !matches!(request.method(), "GET" | "HEAD") {
            let refused = Response::error(405, "events are had by GET");
            return refused.header("Allow", "GET, HEAD").into();
        }
        // First, so that it misses nothing.
        let events = self.0.hub.follow(&request);
        if !request.is_head() {
            let started = self.0.start(&request);
            request.note("program", || {
                let program = self.0.argv.program.display();
                match started {
                    true => format!("`{program}` is started, its lines are the events"),
                    false => format!("`{program}` runs, its lines are the events"),
                }
            });
        }
        events.into()
    }
}

impl Inner {
    /// Start the program unless it runs.
    fn start(self: &Arc<Self>, request: &Request) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.runs {
            return false;
        }
        let now = Instant::now();
        let at = state.started.map_or(now, |last| now.max(last + BETWEEN));
        *state = State {
            runs: true,
            started: Some(at),
        };
        let stop = request.client().stopping();
        tokio::spawn(Arc::clone(self).run(at, stop));
        true
    }

    async fn run(self: Arc<Self>, at: Instant, stop: CancellationToken) {
        let ran = stop.run_until_cancelled(async {
            sleep_until(at).await;
            if let Some(running) = self.started() {
                self.follow(running, &stop).await
            }
        });
        ran.await;
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .runs = false;
        self.hub.part();
    }

    fn started(&self) -> Option<Running> {
        let spec = Spec {
            argv: &self.argv,
            env: &self.setup.env,
            clean: true,
            dir: None,
        };
        match program::start(&spec, false) {
            Ok(running) => Some(running),
            Err(error) => {
                let name = self.argv.program.display().to_string();
                self.setup.not_started(&name, &error);
                None
            }
        }
    }

    /// Send what it says until its end. When this is dropped, the program is killed.
    async fn follow(&self, mut running: Running, stop: &CancellationToken) {
        let (name, pid) = (self.argv.program.display().to_string(), running.pid());
        if let Some(reader) = running.stderr.take() {
            let (setup, name) = (self.setup.clone(), name.clone());
            tokio::spawn(stderr::tell(reader, setup, name, pid, u64::MAX));
        }
        let Some(stdout) = running.stdout.take() else {
            return;
        };
        let read = self.hub.send_lines(stdout, self.longest).await;
        let why = match (read, running.ended().await) {
            (Err(error), _) => format!("its output cannot be read: {error}"),
            (_, Ok(status)) if !status.success() => {
                format!("it ended with {}", status_words(status))
            }
            _ => return,
        };
        if !stop.is_cancelled() {
            self.setup.remark(&Remark {
                program: &name,
                pid: Some(pid),
                kind: RemarkKind::Failed,
                text: &why,
            });
        }
    }
}
