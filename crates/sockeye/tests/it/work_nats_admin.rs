//! Looking after runs in a broker: status, cancel, dead letters, the check of the broker; on both versions of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sockeye::Kind;
use sockeye::work::nats::{
    Access, Broker, DeadFilter, Finding, Remote, RemoteOptions, RunState, Syncs, Verdict,
    WorkerOptions, work,
};
use sockeye::work::{Ending, Job, Outcome, Spill, Work};
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{deadline, within};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Waits for a permit, and counts what began and what was ended.
#[derive(Clone, Default)]
struct Held(Arc<Counted>);

struct Counted {
    permits: Semaphore,
    began: Semaphore,
    ended: AtomicU32,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            permits: Semaphore::new(0),
            began: Semaphore::new(0),
            ended: AtomicU32::new(0),
        }
    }
}

impl Held {
    /// So many jobs have begun.
    async fn began(&self, jobs: u32) {
        self.0.began.acquire_many(jobs).await.unwrap().forget();
    }
}

impl Work for Held {
    async fn run(&self, job: Job) -> Outcome {
        self.0.began.add_permits(1);
        if job.input.starts_with(b"missing") {
            return Outcome::new(Ending::NotFound("nothing".into()));
        }
        tokio::select! {
            permit = self.0.permits.acquire() => {
                permit.unwrap().forget();
                Outcome::new(Ending::Exited(0)).with_stdout(job.input)
            }
            () = job.stop.cancelled() => {
                self.0.ended.fetch_add(1, Ordering::SeqCst);
                Outcome::new(Ending::Canceled)
            }
        }
    }
}

fn on_both<F: Future<Output = ()>>(test: impl Fn(NatsServer, Broker) -> F + Send + Sync + 'static) {
    deadline(Duration::from_secs(30), move || {
        let runtime = runtime();
        for server in NatsServer::both() {
            runtime.block_on(async {
                let broker = Access::new(&server.url()).connect().await.unwrap();
                test(server, broker).await;
            });
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

async fn remote(broker: &Broker, run: &str) -> Remote {
    let mut options = RemoteOptions::default();
    options.run = Some(run.to_owned());
    options.lease = Duration::from_secs(5);
    Remote::start(broker.clone(), b"spec", options)
        .await
        .unwrap()
}

/// A worker of so many slots; it ends with the token.
async fn worker(server: &NatsServer, held: &Held, slots: usize) -> CancellationToken {
    let broker = Access::new(&server.url()).connect().await.unwrap();
    let mut options = WorkerOptions::default();
    options.slots = slots;
    options.missing = 1;
    options.grace = Duration::ZERO;
    let (held, stop) = (held.clone(), CancellationToken::new());
    tokio::spawn(work(
        broker,
        options,
        move |_, _| Ok(held.clone()),
        stop.clone(),
    ));
    stop
}

/// Run these inputs at once; when all came to an end, how they did.
fn run(remote: &Remote, inputs: &[&str]) -> tokio::task::JoinHandle<Vec<Outcome>> {
    let jobs: Vec<_> = (0_u64..)
        .zip(inputs)
        .map(|(index, input)| {
            let job = Job {
                index,
                attempt: 1,
                input: Bytes::from((*input).to_owned()),
                key: None,
                stop: CancellationToken::new(),
            };
            let remote = remote.clone();
            tokio::spawn(async move { remote.run(job).await })
        })
        .collect();
    tokio::spawn(async move {
        let mut outcomes = Vec::new();
        for job in jobs {
            outcomes.push(job.await.unwrap());
        }
        outcomes
    })
}

#[test]
fn a_large_input_of_a_job_that_was_given_up_outlives_its_run() {
    on_both(async |server, broker| {
        let (held, run_name) = (Held::default(), "large");
        let remote = remote(&broker, run_name).await;
        let stop = worker(&server, &held, 1).await;
        let large = format!("missing{}", "x".repeat(2 << 20));
        let outcomes = run(&remote, &[&large]).await.unwrap();
        assert!(!outcomes[0].ending.is_success());
        remote.finish(true).await.unwrap();
        let letters = broker.dead_letters(&DeadFilter::default()).await.unwrap();
        assert_eq!(
            letters[0].dead.input(),
            None,
            "it is too large for a letter"
        );
        let spill = Spill::default();
        let input = broker.dead_input(&letters[0], &spill).await.unwrap();
        assert_eq!(input.len(), large.len() as u64);
        broker.drop_dead(&letters[0]).await.unwrap();
        assert!(broker.dead_input(&letters[0], &spill).await.is_err());
        stop.cancel();
    });
}

#[test]
fn status_tells_what_waits_what_runs_and_how_it_ended() {
    on_both(async |server, broker| {
        assert!(broker.run_status("a").await.unwrap().is_none());
        assert_eq!(
            broker.run_status("a.b").await.unwrap_err().kind(),
            Kind::Usage
        );
        let held = Held::default();
        let stop = worker(&server, &held, 2).await;
        let remote = remote(&broker, "a").await;
        let running = run(&remote, &["1", "2", "3", "4", "5"]);
        held.began(2).await;
        // What is with a worker is there before it begins; what waits comes when it is stored.
        let status = loop {
            let status = broker.run_status("a").await.unwrap().unwrap();
            if status.queued + status.leased == 5 {
                break status;
            }
        };
        assert_eq!((status.queued, status.leased, status.dead), (3, 2, 0));
        assert_eq!(status.record.state, RunState::Running);
        held.0.permits.add_permits(5);
        assert_eq!(running.await.unwrap().len(), 5);
        let counts = remote.finish(true).await.unwrap();
        let status = broker.run_status("a").await.unwrap().unwrap();
        assert_eq!(status.record.state, RunState::Done);
        assert_eq!(status.record.counts, counts);
        assert_eq!(counts.results, 5);
        assert_eq!((status.queued, status.leased), (0, 0));
        let all = broker.all_run_status().await.unwrap();
        assert_eq!(all.len(), 1);
        stop.cancel();
    });
}

#[test]
fn a_run_that_is_canceled_ends_on_its_workers_and_others_go_on() {
    on_both(async |server, broker| {
        let held = Held::default();
        let stop = worker(&server, &held, 3).await;
        let (a, b) = (remote(&broker, "a").await, remote(&broker, "b").await);
        let (of_a, of_b) = (run(&a, &["1", "2", "3", "4"]), run(&b, &["1"]));
        held.began(3).await;
        let began = std::time::Instant::now();
        let canceled = broker.cancel_run("a").await.unwrap();
        assert!(canceled.removed >= 2, "{canceled:?}");
        let outcomes = of_a.await.unwrap();
        assert!(
            outcomes.iter().all(|it| it.ending == Ending::Canceled),
            "{outcomes:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(5));
        a.finish(true).await.unwrap();
        let status = broker.run_status("a").await.unwrap().unwrap();
        assert_eq!(status.record.state, RunState::Canceled);
        assert_eq!((status.queued, status.leased), (0, 0));
        // Again changes nothing; the other run comes to its end.
        assert_eq!(broker.cancel_run("a").await.unwrap().removed, 0);
        held.0.permits.add_permits(9);
        assert!(of_b.await.unwrap()[0].ending.is_success());
        b.finish(true).await.unwrap();
        assert!(held.0.ended.load(Ordering::SeqCst) >= 2);
        let over = broker.cancel_run("b").await.unwrap_err();
        assert_eq!(over.kind(), Kind::Rejected);
        assert!(over.why().contains("come to its end"), "{over}");
        let unknown = broker.cancel_run("nobody").await.unwrap_err();
        assert!(unknown.why().contains("nobody knows"), "{unknown}");
        stop.cancel();
    });
}

#[test]
fn what_was_given_up_is_listed_looked_at_and_forgotten() {
    on_both(async |server, broker| {
        assert!(
            broker
                .dead_letters(&DeadFilter::default())
                .await
                .unwrap()
                .is_empty()
        );
        let held = Held::default();
        held.0.permits.add_permits(1);
        let stop = worker(&server, &held, 2).await;
        let remote = remote(&broker, "a").await;
        let outcomes = run(&remote, &["missing", "there"]).await.unwrap();
        assert!(!outcomes[0].ending.is_success() && outcomes[1].ending.is_success());
        remote.finish(true).await.unwrap();
        let letters = broker.dead_letters(&DeadFilter::default()).await.unwrap();
        let [letter] = &letters[..] else {
            panic!("{letters:?}")
        };
        assert_eq!(
            (&*letter.run, letter.dead.index, letter.id.len()),
            ("a", 0, 32)
        );
        assert_eq!(letter.dead.input(), Some(&b"missing"[..]));
        assert!(!letter.dead.reason.is_empty());
        let input = broker.dead_input(letter, &Spill::default()).await.unwrap();
        assert_eq!(input.as_bytes().unwrap(), "missing");
        let mut filter = DeadFilter::default();
        filter.run = Some("b".into());
        assert!(broker.dead_letters(&filter).await.unwrap().is_empty());
        filter.run = Some("a".into());
        filter.ids = vec![letter.id[..6].to_owned()];
        assert_eq!(broker.dead_letters(&filter).await.unwrap().len(), 1);
        assert_eq!(broker.run_status("a").await.unwrap().unwrap().dead, 1);
        broker.drop_dead(letter).await.unwrap();
        assert!(broker.dead_letters(&filter).await.unwrap().is_empty());
        stop.cancel();
    });
}

fn verdict(findings: &[Finding], what: &str) -> Verdict {
    let found = findings.iter().find(|finding| finding.what == what);
    found
        .unwrap_or_else(|| panic!("{what}: {findings:?}"))
        .verdict
}

#[test]
fn a_broker_is_checked_and_nothing_is_left_of_that() {
    on_both(async |server, broker| {
        let findings = broker.check(Syncs::Unknown).await.unwrap();
        for what in ["jetstream", "payload", "room", "ack", "clock"] {
            assert_eq!(verdict(&findings, what), Verdict::Good, "{findings:?}");
        }
        for what in ["tls", "auth"] {
            assert_eq!(verdict(&findings, what), Verdict::Warning, "{findings:?}");
        }
        let (version, sync) = match server.is_old() {
            true => (Verdict::Warning, Verdict::Warning),
            false => (Verdict::Good, Verdict::Unknown),
        };
        assert_eq!(verdict(&findings, "version"), version, "{findings:?}");
        assert_eq!(verdict(&findings, "sync"), sync, "{findings:?}");
        let always = broker.check(Syncs::Always).await.unwrap();
        assert_eq!(verdict(&always, "sync"), Verdict::Good);
        // Neither streams nor buckets came of it.
        assert!(broker.leftovers().await.unwrap().is_empty());
    });
}

#[test]
fn what_runs_have_left_is_counted_and_removed_once_they_are_over() {
    on_both(async |server, broker| {
        let held = Held::default();
        let stop = worker(&server, &held, 1).await;
        let (a, b) = (remote(&broker, "a").await, remote(&broker, "b").await);
        held.0.permits.add_permits(1);
        assert_eq!(run(&a, &["1"]).await.unwrap().len(), 1);
        a.finish(true).await.unwrap();
        let large = "x".repeat(3_000_000);
        let running = run(&b, &[&large]);
        held.began(2).await;
        let left = broker.leftovers().await.unwrap();
        let shown: Vec<_> = left
            .iter()
            .map(|it| (&*it.run, it.state, it.jobs, it.objects))
            .collect();
        let wanted = [
            ("a", Some(RunState::Done), 0, 0),
            ("b", Some(RunState::Running), 1, 1),
        ];
        assert_eq!(shown, wanted);
        assert!(left[1].object_bytes >= 3_000_000);
        broker.clean(&left[0], false).await.unwrap();
        assert_eq!(
            broker.clean(&left[1], false).await.unwrap_err().kind(),
            Kind::Rejected
        );
        assert!(broker.run_status("a").await.unwrap().is_none());
        broker.cancel_run("b").await.unwrap();
        running.await.unwrap();
        b.finish(false).await.unwrap();
        for left in broker.leftovers().await.unwrap() {
            broker.clean(&left, true).await.unwrap();
        }
        assert!(broker.leftovers().await.unwrap().is_empty());
        stop.cancel();
    });
}

#[test]
fn a_broker_with_too_little_room_is_unfit() {
    within(|| {
        let Some(server) = NatsServer::configured(
            "max_payload: 4096\naccounts { A { jetstream { max_store: 8MB }, users: [{ user: u, password: p }] } }",
        ) else {
            return;
        };
        runtime().block_on(async {
            let mut access = Access::new(&server.url());
            access.user = Some(("u".into(), "p".into()));
            let broker = access.connect().await.unwrap();
            let findings = broker
                .check(Syncs::Every(Duration::from_secs(120)))
                .await
                .unwrap();
            assert_eq!(verdict(&findings, "room"), Verdict::Unfit, "{findings:?}");
            assert_eq!(
                verdict(&findings, "payload"),
                Verdict::Unfit,
                "{findings:?}"
            );
            assert_eq!(verdict(&findings, "auth"), Verdict::Good);
            assert_eq!(verdict(&findings, "sync"), Verdict::Warning);
        });
    });
}
