//! Worker processes: started, watched, ended when they are late, renewed, and started again when they die.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pool::{Pool, Worker};
use super::{Plan, SOURCE};
use crate::endpoint::Argv;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::program::{self, Running, Spec};
use crate::web::programs::run::status_words;
use crate::web::programs::setup::{Remark, RemarkKind};
use crate::web::programs::stderr;

/// Reads the worker's program from its standard input and runs it: so it needs no file anywhere.
const BOOT: &str = "import socket as s; c = s.socket(fileno=0); n = int.from_bytes(c.recv(4, s.MSG_WAITALL), 'big'); \
    t = c.recv(n, s.MSG_WAITALL); c.detach(); exec(compile(t, '<sockeye worker>', 'exec'))";
/// How long an application may take to load.
const LOADING: Duration = Duration::from_secs(60);
/// Pauses before a worker that died is started again; one that lived long begins anew.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(30);
const LONG_LIFE: Duration = Duration::from_secs(10);
/// How often it is looked whether a worker is late: a quarter of the limit, within these.
const TICKS: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// A worker that is ready.
#[derive(Debug)]
pub(super) struct Live {
    running: Running,
    /// Closed to let an idle worker end.
    control: Option<UnixStream>,
    worker: Arc<Worker>,
    plan: Arc<Plan>,
    pool: Arc<Pool>,
    born: Instant,
    is_changed: bool,
}

/// Why a worker needs attention.
#[derive(Debug)]
pub(super) enum Event {
    /// It ended, in these words.
    Ended(String),
    /// It has served enough, or its files have changed.
    Renew(&'static str),
}

impl Live {
    /// Start a worker, and wait until the application is loaded.
    pub(super) async fn start(plan: &Arc<Plan>, pool: &Arc<Pool>) -> Result<Self> {
        let argv = Argv {
            program: plan.options.python.clone(),
            args: vec![
                "-u".into(),
                "-c".into(),
                BOOT.into(),
                plan.app.clone().into(),
                plan.options.threads.to_string().into(),
                if plan.workers > 1 {
                    "several"
                } else {
                    "single"
                }
                .into(),
                if plan.options.reload {
                    "reload"
                } else {
                    "keep"
                }
                .into(),
            ],
        };
        let spec = Spec {
            argv: &argv,
            env: &plan.setup.env,
            // An application that stays is set up by our environment, as it would be by that of any other server.
            clean: false,
            dir: plan.options.dir.as_deref(),
        };
        let (mut running, mut control) = program::start_with_socket(&spec)?;
        running
            .limit(plan.setup.limits.memory, None)
            .map_err(|error| Error::from_io(Operation::Run, error))?;
        let pid = running.pid();
        let (stdout, stderr) = (running.stdout.take(), running.stderr.take());
        // Whatever is said before the worker joins both.
        if let Some(stdout) = stdout {
            let (setup, name) = (plan.setup.clone(), plan.app.clone());
            tokio::spawn(stderr::tell(stdout, setup, name, pid, u64::MAX));
        }
        let told = stderr.map(|stderr| {
            let (setup, name) = (plan.setup.clone(), plan.app.clone());
            tokio::spawn(stderr::tell(stderr, setup, name, pid, u64::MAX))
        });
        let mut program = (SOURCE.len() as u32).to_be_bytes().to_vec();
        program.extend_from_slice(SOURCE.as_bytes());
        let ready = async {
            control.write_all(&program).await?;
            control.readable().await?;
            // The first request for a lane is left where it is; an end is seen here.
            let mut kind = [0];
            control.try_read(&mut kind)
        };
        let failed = match timeout(LOADING, ready).await {
            Ok(Ok(1)) => None,
            Ok(_) => match timeout(Duration::from_secs(2), running.ended()).await {
                Ok(Ok(status)) => Some(format!("it ended with {}", status_words(status))),
                _ => Some("it closed its standard input".into()),
            },
            Err(_) => Some(format!("it was not ready within {LOADING:?}")),
        };
        if let Some(why) = failed {
            running.end().await;
            if let Some(told) = told {
                // The traceback comes before what is made of it.
                let _ = timeout(Duration::from_secs(1), told).await;
            }
            let why = format!("the application `{}` does not start: {why}", plan.app);
            return Err(Error::new(Kind::Io, Operation::Run, why)
                .with_hint("what it said is told above; --chdir says where its modules are"));
        }
        let worker = Worker::new(pid);
        let live = Self {
            running,
            control: Some(control),
            worker,
            plan: Arc::clone(plan),
            pool: Arc::clone(pool),
            born: Instant::now(),
            is_changed: false,
        };
        live.pass_lane();
        Ok(live)
    }

    fn pass_lane(&self) {
        let Some(control) = self.control.as_ref().filter(|_| !self.worker.is_retired()) else {
            return;
        };
        self.worker.forget_lane();
        match program::pass_socket(control) {
            Ok(lane) => self.pool.add(lane, &self.worker),
            Err(error) => self.remark(RemarkKind::Failed, error.why()),
        }
    }

    /// Attend to the worker until something is to be done about it.
    ///
    /// Cancel safe.
    pub(super) async fn attend(&mut self) -> Event {
        let limit = self.plan.setup.limits.silence;
        let tick = (limit / 4).clamp(TICKS[0], TICKS[1]);
        loop {
            if self.is_changed {
                self.is_changed = false;
                return Event::Renew("its files have changed");
            }
            let asked = async {
                match &self.control {
                    Some(control) => control.readable().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = self.running.ended() => {
                    self.pool.retire(&self.worker);
                    return Event::Ended(match ended {
                        Ok(status) => status_words(status),
                        Err(error) => error.to_string(),
                    });
                }
                _ = asked => self.take_wishes(),
                () = self.worker.changed.notified() => {
                    if self.worker.is_retired() && self.control.is_some() {
                        return Event::Renew("it has served as many requests as it may");
                    }
                }
                () = sleep(tick) => {
                    if self.worker.check_late(&self.pool, limit) {
                        self.running.kill();
                    }
                }
            }
        }
    }

    /// What the worker wrote to the control socket.
    fn take_wishes(&mut self) {
        let mut wishes = [0; 64];
        let Some(control) = &self.control else { return };
        match control.try_read(&mut wishes) {
            Ok(read @ 1..) => {
                for wish in &wishes[..read] {
                    match wish {
                        b'L' => self.pass_lane(),
                        b'C' => self.is_changed = true,
                        _ => {}
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // It ends.
            _ => self.control = None,
        }
    }

    /// Let the worker answer what it has, then end it.
    pub(super) async fn see_out(mut self) {
        self.pool.retire(&self.worker);
        let limit = self.plan.setup.limits.silence;
        let tick = (limit / 4).clamp(TICKS[0], TICKS[1]);
        while self.worker.is_busy() && !self.worker.check_late(&self.pool, limit) {
            tokio::select! {
                _ = self.running.ended() => return,
                () = self.worker.changed.notified() => {}
                () = sleep(tick) => {}
            }
        }
        // It ends by itself when no lane can come any more.
        self.control = None;
        if timeout(self.plan.options.farewell, self.running.ended())
            .await
            .is_err()
        {
            self.running.end().await;
        }
    }

    fn remark(&self, kind: RemarkKind, text: &str) {
        self.plan.setup.remark(&Remark {
            program: &self.plan.app,
            pid: Some(self.worker.pid),
            kind,
            text,
        });
    }
}

/// What all supervisors hear.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) stop: CancellationToken,
    pub(super) reload: watch::Receiver<u64>,
}

/// See to it that there is a worker, until `stop`.
pub(super) async fn supervise(
    plan: Arc<Plan>,
    pool: Arc<Pool>,
    mut orders: Orders,
    mut live: Option<Live>,
) {
    let mut pause = FIRST_PAUSE;
    let stop = orders.stop.clone();
    if live.is_none() {
        pool.count(true);
    }
    while !stop.is_cancelled() {
        let Some(mut current) = live.take() else {
            let started = stop.run_until_cancelled(Live::start(&plan, &pool)).await;
            match started {
                None => break,
                Some(Ok(next)) => live = Some(next),
                Some(Err(error)) => {
                    plan.remark(&format!("{}; next try in {pause:?}", error.why()));
                    pool.count(false);
                    if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                        return;
                    }
                    pause = (pause * 2).min(LAST_PAUSE);
                    pool.count(true);
                }
            }
            continue;
        };
        let event = tokio::select! {
            event = current.attend() => event,
            Ok(()) = orders.reload.changed() => Event::Renew("it is loaded anew"),
            () = stop.cancelled() => {
                current.see_out().await;
                break;
            }
        };
        match event {
            Event::Ended(how) => {
                if current.born.elapsed() >= LONG_LIFE {
                    pause = FIRST_PAUSE;
                }
                current.remark(
                    RemarkKind::Worker,
                    &format!("ended with {how}; another is started"),
                );
                if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                    break;
                }
                pause = (pause * 2).min(LAST_PAUSE);
            }
            Event::Renew(why) => live = renew(current, why, &plan, &pool).await,
        }
    }
    pool.count(false);
}

/// Another worker in this one's place, which serves on until the other is ready.
async fn renew(mut old: Live, why: &str, plan: &Arc<Plan>, pool: &Arc<Pool>) -> Option<Live> {
    let starting = Live::start(plan, pool);
    tokio::pin!(starting);
    let next = loop {
        tokio::select! {
            next = &mut starting => break next,
            event = old.attend() => {
                if let Event::Ended(_) = event {
                    return starting.await.ok();
                }
            }
        }
    };
    match next {
        Ok(next) => {
            old.remark(
                RemarkKind::Worker,
                &format!("{why}: {} takes its place", next.worker.pid),
            );
            tokio::spawn(old.see_out());
            Some(next)
        }
        Err(error) => {
            old.remark(RemarkKind::Failed, &format!("{why}, but {}", error.why()));
            // One that has retired serves no more, whatever becomes of its successor.
            match old.worker.is_retired() {
                true => {
                    tokio::spawn(old.see_out());
                    None
                }
                false => Some(old),
            }
        }
    }
}
