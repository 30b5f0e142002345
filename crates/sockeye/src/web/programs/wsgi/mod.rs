//! WSGI (PEP 3333): Python processes that stay and answer one request after the other.
//!
//! A worker is one embedded Python file. Between it and us is a socket for each of its threads (a lane), and a protocol of a
//! few frames: one write and one read on either side for a request without a body. A body goes piece by piece, when the
//! application asks for it, so that neither side ever waits for the other to read.

mod conversation;
mod pool;
mod worker;

use std::ffi::OsString;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sockeye_data::worker::{Head, begin_frame, end_frame};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::conversation::{Conversation, Heard, Streaming, Trouble};
use self::pool::{Lane, Pool};
use self::worker::{Live, Orders, supervise};
use super::environ::{Names, describe};
use super::output::unseen;
use super::setup::{Remark, RemarkKind, Setup};
use crate::error::Result;
use crate::web::body::Body;
use crate::web::handler::{Handler, Reply};
use crate::web::request::Request;
use crate::web::response::Response;

/// The worker's program.
const SOURCE: &str = include_str!("worker.py");
/// How much of an answer is waited for so that its length is known, if it is there at once.
const AT_ONCE: usize = 256 << 10;

/// How workers are run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WsgiOptions {
    /// Worker processes: as many as there are processors.
    pub workers: usize,
    /// Threads of each worker, each with one request at a time: 1.
    pub threads: usize,
    /// The interpreter: `python3`.
    pub python: OsString,
    /// Where workers run, and the first place where modules are looked for: where we run.
    pub dir: Option<PathBuf>,
    /// Requests that a worker answers before another takes its place: no limit.
    pub requests: Option<u64>,
    /// Load the application anew when a file of its modules changes: no.
    pub reload: bool,
    /// How long a worker may take to end by itself: 5 s.
    pub farewell: Duration,
}

impl Default for WsgiOptions {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            threads: 1,
            python: "python3".into(),
            dir: None,
            requests: None,
            reload: false,
            farewell: Duration::from_secs(5),
        }
    }
}

/// A Python application that answers requests.
///
/// Clones are the same application. When the last one is gone, or after [`Wsgi::stop`], its workers end.
///
/// # Examples
///
/// ```no_run
/// use sockeye::web::Server;
/// use sockeye::web::programs::{Setup, Wsgi, WsgiOptions};
///
/// # async fn example() -> sockeye::Result<()> {
/// let application = Wsgi::start("shop:app", WsgiOptions::default(), &Setup::new()).await?;
/// let server = Server::new(application);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Wsgi(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Arc<Plan>,
    pool: Arc<Pool>,
    stop: CancellationToken,
    reload: watch::Sender<u64>,
    supervisors: Mutex<JoinSet<()>>,
}

/// What workers are made of.
#[derive(Debug)]
struct Plan {
    app: String,
    options: WsgiOptions,
    workers: usize,
    setup: Setup,
}

impl Wsgi {
    /// Start the workers of this application, `MODULE:APP`: APP is the name of a callable (`application` or `app` if it is
    /// left out), perhaps one within another (`site.app`), or a call that makes one (`create_app()`).
    ///
    /// Workers get our environment and that of the setup. The future ends when the first worker is ready.
    ///
    /// # Errors
    ///
    /// An interpreter that does not start, an application that cannot be loaded; what Python said of it is a remark.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what was started.
    pub async fn start(
        app: impl Into<String>,
        options: WsgiOptions,
        setup: &Setup,
    ) -> Result<Self> {
        let workers = options.workers.clamp(1, 1024);
        let limits = &setup.limits;
        let pool = Pool::new(limits.queue, limits.silence, options.requests);
        let plan = Arc::new(Plan {
            app: app.into(),
            workers,
            setup: setup.clone(),
            options,
        });
        let first = Live::start(&plan, &pool).await?;
        pool.count(true);
        let stop = CancellationToken::new();
        let (reload, heard) = watch::channel(0);
        let mut supervisors = JoinSet::new();
        let mut live = Some(first);
        for _ in 0..workers {
            let orders = Orders {
                stop: stop.clone(),
                reload: heard.clone(),
            };
            let (plan, pool) = (Arc::clone(&plan), Arc::clone(&pool));
            supervisors.spawn(supervise(plan, pool, orders, live.take()));
        }
        Ok(Self(Arc::new(Inner {
            plan,
            pool,
            stop,
            reload,
            supervisors: Mutex::new(supervisors),
        })))
    }

    /// Load the application anew: each worker serves until one that has the new state is ready. Where that does not start,
    /// the old one stays.
    pub fn reload(&self) {
        self.0.reload.send_modify(|times| *times += 1);
    }

    /// Let workers answer what they have, then end them. What is asked after that is answered with 503.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the workers.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        let supervisors = &self.0.supervisors;
        let mut supervisors =
            std::mem::take(&mut *supervisors.lock().unwrap_or_else(PoisonError::into_inner));
        while supervisors.join_next().await.is_some() {}
    }
}

impl Handler for Wsgi {
    fn handle(&self, mut request: Request) -> Reply {
        let names = match Names::decode(request.base(), request.rest()) {
            Ok(names) => names,
            Err(why) => return Response::error(400, why).into(),
        };
        request.note("program", || {
            let [script, info] =
                [&names.script, &names.info].map(|name| String::from_utf8_lossy(name));
            let app = &self.0.plan.app;
            format!("WSGI application {app}: SCRIPT_NAME={script} PATH_INFO={info}")
        });
        request.body.set_limit(self.0.plan.setup.limits.body);
        let inner = Arc::clone(&self.0);
        Reply::later(async move { inner.answer(names, request).await })
    }
}

impl Inner {
    async fn answer(&self, names: Names, mut request: Request) -> Response {
        let mut body = std::mem::take(&mut request.body);
        let mut talk = loop {
            let mut lane = match self.pool.take().await {
                Ok(lane) => lane,
                Err(answer) => return answer,
            };
            self.put_request(&mut lane, &request, &names, &body);
            let mut talk = Conversation::new(lane, body);
            match talk.write_at_once() {
                Ok(()) => break talk,
                // The worker died while it had nothing to do: another one's turn.
                Err(_) => body = talk.into_body(),
            }
        };
        let pid = talk.pid();
        let head = match poll_fn(|cx| talk.poll_heard(cx)).await {
            Ok(Heard::Head(head)) => head,
            Ok(_) => return self.refuse(&Trouble::Closed, pid),
            Err(trouble) => return self.refuse(&trouble, pid),
        };
        self.respond(head, talk, request.is_head()).await
    }

    /// The request as a frame.
    fn put_request(&self, lane: &mut Lane, request: &Request, names: &Names, body: &Body) {
        let out = &mut lane.out;
        out.clear();
        let kind = if body.is_empty() { b'R' } else { b'P' };
        let began = begin_frame(kind, out);
        let mut put = |name: &str, value: &[u8]| {
            if !value.contains(&0) {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
                out.extend_from_slice(value);
                out.push(0);
            }
        };
        put("PATH_INFO", &names.info);
        describe(request, names, self.plan.setup.authorization, &mut put);
        end_frame(began, out);
    }

    async fn respond(&self, head: Head, mut talk: Conversation, is_head: bool) -> Response {
        let pid = talk.pid();
        let mut first = Bytes::new();
        let is_whole = loop {
            let polled = poll_fn(|cx| Poll::Ready(talk.poll_heard(cx))).await;
            match polled {
                Poll::Ready(Ok(Heard::Data(data))) => {
                    first = joined(first, data);
                    if first.len() >= AT_ONCE {
                        break false;
                    }
                }
                Poll::Ready(Ok(_)) => break true,
                Poll::Ready(Err(trouble)) => return self.refuse(&trouble, pid),
                Poll::Pending => break false,
            }
        };
        let mut response = Response::new(head.status);
        *response.headers_mut() = head.headers;
        if is_head || matches!(head.status, 204 | 304) {
            return match head.length.filter(|_| is_head) {
                Some(length) => response.header("Content-Length", length.to_string()),
                // What an answer to GET would say, if the application makes both alike.
                None if is_whole && !first.is_empty() => response.with_body(first),
                None => response.with_body(unseen()),
            };
        }
        if !is_whole {
            let (setup, app) = (self.plan.setup.clone(), self.plan.app.clone());
            let failed = move |why: &str, pid| {
                setup.remark(&Remark {
                    program: &app,
                    pid,
                    kind: RemarkKind::Failed,
                    text: why,
                });
            };
            let streaming = Streaming {
                first,
                talk,
                failed: Box::new(failed),
            };
            return response.with_body(Body::chunks(streaming, head.length));
        }
        match head.length {
            Some(length) if length > first.len() as u64 => {
                let why = format!(
                    "its answer has {} bytes, not the {length} of its Content-Length",
                    first.len()
                );
                self.failed(&why, pid);
                Response::error(502, "the application failed")
            }
            // No more is sent than was announced.
            Some(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                first.truncate(length);
                response.with_body(first)
            }
            None => response.with_body(first),
        }
    }

    fn refuse(&self, trouble: &Trouble, pid: Option<u32>) -> Response {
        self.failed(&trouble.why(), pid);
        match trouble {
            Trouble::Late => Response::error(504, "the application took too long"),
            Trouble::Input(error) => Response::error(error.status(), error),
            _ => Response::error(502, "the application failed"),
        }
    }

    fn failed(&self, why: &str, pid: Option<u32>) {
        self.plan.setup.remark(&Remark {
            program: &self.plan.app,
            pid,
            kind: RemarkKind::Failed,
            text: why,
        });
    }
}

/// Both pieces in one.
fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::from(first);
    both.extend_from_slice(&second);
    both.freeze()
}

impl Plan {
    fn remark(&self, text: &str) {
        self.setup.remark(&Remark {
            program: &self.app,
            pid: None,
            kind: RemarkKind::Worker,
            text,
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
        let supervisors = self.supervisors.get_mut();
        // They see their workers out by themselves.
        supervisors
            .unwrap_or_else(PoisonError::into_inner)
            .detach_all();
    }
}
