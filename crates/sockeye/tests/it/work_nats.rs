//! `work::nats` against both versions of the broker: jobs done elsewhere, each with one result, whatever dies meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sockeye::Result;
use sockeye::work::nats::{
    Access, Remote, RemoteEvent, RemoteOptions, RunState, WorkerEvent, WorkerOptions, WorkerReport,
    work,
};
use sockeye::work::{Ending, Job, Outcome, Work};
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::{deadline, within};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// What a test does with each job.
type Task =
    Arc<dyn Fn(Job) -> std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

#[derive(Clone)]
struct Does(Task);

impl Work for Does {
    async fn run(&self, job: Job) -> Outcome {
        (self.0)(job).await
    }
}

fn does<F: Future<Output = Outcome> + Send + 'static>(
    task: impl Fn(Job) -> F + Send + Sync + 'static,
) -> Does {
    Does(Arc::new(move |job| Box::pin(task(job))))
}

/// Says what it got.
fn echo() -> Does {
    does(async |job: Job| Outcome::new(Ending::Exited(0)).with_stdout(job.input))
}

fn on_both<F: Future<Output = ()>>(test: impl Fn(NatsServer) -> F + Send + Sync + 'static) {
    // A broker that was killed may hand out nothing for some seconds, each time.
    deadline(Duration::from_secs(120), move || {
        for server in NatsServer::both() {
            block_on(test(server));
        }
    });
}

fn on_new<F: Future<Output = ()>>(test: impl FnOnce(NatsServer) -> F + Send + 'static) {
    within(move || {
        if let Some(server) = NatsServer::new() {
            block_on(test(server));
        }
    });
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

struct Worker {
    stop: CancellationToken,
    task: JoinHandle<Result<WorkerReport>>,
}

impl Worker {
    async fn start(url: &str, work_of: Does) -> Self {
        Self::with(url, work_of, |_| {}).await
    }

    async fn with(url: &str, work_of: Does, set: impl FnOnce(&mut WorkerOptions)) -> Self {
        let broker = Access::new(url).connect().await.unwrap();
        let mut options = WorkerOptions::default();
        options.slots = 4;
        set(&mut options);
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(
            broker,
            options,
            move |_, _| Ok(work_of.clone()),
            stop.clone(),
        ));
        Self { stop, task }
    }

    async fn stop(self) -> WorkerReport {
        self.stop.cancel();
        self.task.await.unwrap().unwrap()
    }
}

async fn remote(url: &str, set: impl FnOnce(&mut RemoteOptions)) -> Remote {
    let broker = Access::new(url).connect().await.unwrap();
    let mut options = RemoteOptions::default();
    options.lease = Duration::from_millis(600);
    set(&mut options);
    Remote::start(broker, b"spec", options).await.unwrap()
}

fn job(index: u64, attempt: u32) -> Job {
    Job {
        index,
        attempt,
        input: Bytes::from(format!("input {index}")),
        key: None,
        stop: CancellationToken::new(),
    }
}

/// Run these jobs all at once; what they said, in their order.
async fn run_all(remote: &Remote, jobs: impl IntoIterator<Item = Job>) -> Vec<Outcome> {
    let mut running = JoinSet::new();
    for job in jobs {
        let remote = remote.clone();
        running.spawn(async move { (job.index, remote.run(job).await) });
    }
    let mut outcomes = BTreeMap::new();
    while let Some(done) = running.join_next().await {
        let (index, outcome) = done.unwrap();
        outcomes.insert(index, outcome);
    }
    outcomes.into_values().collect()
}

fn said(outcome: &Outcome) -> String {
    assert_eq!(outcome.ending, Ending::Exited(0), "{outcome:?}");
    String::from_utf8(outcome.stdout.as_bytes().unwrap().to_vec()).unwrap()
}

#[test]
fn jobs_are_done_elsewhere_one_by_one_and_in_chunks() {
    on_both(async |server| {
        let first = Worker::start(&server.url(), echo()).await;
        let second = Worker::start(&server.url(), echo()).await;
        for batch in [1, 7] {
            let remote = remote(&server.url(), |options| options.batch = batch).await;
            let outcomes = run_all(&remote, (0..100).map(|n| job(n, 1))).await;
            for (n, outcome) in outcomes.iter().enumerate() {
                assert_eq!(said(outcome), format!("input {n}"));
                assert_eq!((outcome.deliveries, outcome.worker.is_some()), (1, true));
            }
            let name = remote.run_name().to_owned();
            let counts = remote.finish(true).await.unwrap();
            assert_eq!(
                (
                    counts.results,
                    counts.submitted,
                    counts.duplicates,
                    counts.lost
                ),
                (100, 100, 0, 0)
            );
            let broker = Access::new(&server.url()).connect().await.unwrap();
            let (record, _) = broker.run_record(&name).await.unwrap().unwrap();
            assert_eq!((record.state, record.counts), (RunState::Done, counts));
        }
        let done = first.stop().await.done + second.stop().await.done;
        assert_eq!(done, 200);
    });
}

#[test]
fn a_worker_that_dies_is_replaced_and_its_job_has_one_result() {
    on_both(async |server| {
        let begun = Arc::new(Notify::new());
        let signal = Arc::clone(&begun);
        let stuck = does(move |_| {
            let signal = Arc::clone(&signal);
            async move {
                signal.notify_one();
                std::future::pending().await
            }
        });
        // A runtime of its own is its process: ending it ends all that it does.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let url = server.url();
        runtime.spawn(async move { Worker::start(&url, stuck).await.task.await });
        let remote = remote(&server.url(), |_| {}).await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { remote.run(job(0, 1)).await }
        });
        begun.notified().await;
        runtime.shutdown_background();
        let second = Worker::start(&server.url(), echo()).await;
        let outcome = running.await.unwrap();
        assert_eq!(
            (said(&outcome).as_str(), outcome.deliveries),
            ("input 0", 2)
        );
        let counts = remote.finish(true).await.unwrap();
        assert_eq!((counts.results, counts.lost, counts.handed_back), (1, 1, 0));
        second.stop().await;
    });
}

#[test]
fn a_job_of_several_leases_runs_once() {
    on_both(async |server| {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let slow = does(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async {
                // A job that takes its time: three leases.
                let never = std::future::pending::<()>();
                let _ = tokio::time::timeout(Duration::from_millis(1900), never).await;
                Outcome::new(Ending::Exited(0))
            }
        });
        let workers = [
            Worker::start(&server.url(), slow.clone()).await,
            Worker::start(&server.url(), slow).await,
        ];
        let remote = remote(&server.url(), |_| {}).await;
        let outcome = remote.run(job(0, 1)).await;
        assert_eq!((outcome.ending, outcome.deliveries), (Ending::Exited(0), 1));
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        remote.finish(true).await.unwrap();
        for worker in workers {
            worker.stop().await;
        }
    });
}

#[test]
fn a_broker_that_dies_ten_times_is_waited_for() {
    on_both(async |mut server| {
        let workers = [
            Worker::start(&server.url(), echo()).await,
            Worker::start(&server.url(), echo()).await,
        ];
        let remote = remote(&server.url(), |_| {}).await;
        for round in 0..10 {
            let jobs = (round * 20..round * 20 + 20).map(|n| job(n, 1));
            let running = run_all(&remote, jobs);
            let kill = async {
                server.kill();
                server.restart();
            };
            let (outcomes, ()) = tokio::join!(running, kill);
            for (n, outcome) in outcomes.iter().enumerate() {
                assert_eq!(said(outcome), format!("input {}", round * 20 + n as u64));
            }
        }
        let counts = remote.finish(true).await.unwrap();
        assert_eq!(counts.results, 200);
        for worker in workers {
            worker.stop().await;
        }
    });
}

#[test]
fn what_the_broker_lost_is_submitted_again() {
    on_both(async |mut server| {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let remote = remote(&server.url(), |options| {
            options.observer = Some(Arc::new(move |event| heard.lock().unwrap().push(event)));
        })
        .await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { run_all(&remote, (0..20).map(|n| job(n, 1))).await }
        });
        while remote.counts().submitted < 20 {
            tokio::task::yield_now().await;
        }
        server.restart_empty();
        let worker = Worker::start(&server.url(), echo()).await;
        let outcomes = running.await.unwrap();
        for (n, outcome) in outcomes.iter().enumerate() {
            assert_eq!(said(outcome), format!("input {n}"));
        }
        assert!(
            events.lock().unwrap().contains(&RemoteEvent::LostState(20)),
            "{:?}",
            events.lock().unwrap()
        );
        let counts = remote.finish(true).await.unwrap();
        assert_eq!((counts.results, counts.resubmitted), (20, 20));
        worker.stop().await;
    });
}

#[test]
fn a_submitter_that_died_is_gone_on_with_and_nothing_runs_twice() {
    on_both(async |server| {
        let runs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&runs);
        let counting = does(move |job: Job| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { Outcome::new(Ending::Exited(0)).with_stdout(job.input) }
        });
        for batch in [1, 3] {
            runs.store(0, Ordering::SeqCst);
            let run = |options: &mut RemoteOptions| {
                options.run = Some("mine".into());
                options.batch = batch;
            };
            let worker = Worker::start(&server.url(), counting.clone()).await;
            let first = remote(&server.url(), run).await;
            assert!(!first.is_resumed());
            run_all(&first, (0..10).map(|n| job(n, 1))).await;
            worker.stop().await;
            // Ten are done, ten more wait; then the submitter is gone, and says nothing.
            let waiting = tokio::spawn({
                let first = first.clone();
                async move { run_all(&first, (10..20).map(|n| job(n, 1))).await }
            });
            while first.counts().submitted < 20 {
                tokio::task::yield_now().await;
            }
            waiting.abort();
            drop(first);
            let second = remote(&server.url(), run).await;
            assert!(second.is_resumed());
            let worker = Worker::start(&server.url(), counting.clone()).await;
            let outcomes = run_all(&second, (0..30).map(|n| job(n, 1))).await;
            for (n, outcome) in outcomes.iter().enumerate() {
                assert_eq!(said(outcome), format!("input {n}"));
            }
            let counts = second.finish(true).await.unwrap();
            assert_eq!(runs.load(Ordering::SeqCst), 30, "{counts:?}");
            assert_eq!((counts.found, counts.submitted), (10, 10), "{counts:?}");
            worker.stop().await;
        }
    });
}

#[test]
fn large_inputs_and_results_arrive_whole_and_are_removed() {
    on_both(async |server| {
        let worker = Worker::start(&server.url(), echo()).await;
        let remote = remote(&server.url(), |_| {}).await;
        let large: Bytes = (0..10_000_000_u32)
            .map(|n| (n % 253) as u8)
            .collect::<Vec<_>>()
            .into();
        let mut one = job(0, 1);
        one.input = large.clone();
        let outcome = remote.run(one).await;
        assert_eq!(outcome.ending, Ending::Exited(0));
        let mut back = Vec::new();
        outcome.stdout.write_to(&mut back).unwrap();
        assert!(back == large, "{} bytes came back", back.len());
        remote.finish(true).await.unwrap();
        let client = async_nats::connect(server.url()).await.unwrap();
        let store = async_nats::jetstream::new(client)
            .get_object_store("SK_BLOB")
            .await
            .unwrap();
        let mut list = store.list().await.unwrap();
        assert!(futures_util::StreamExt::next(&mut list).await.is_none());
        worker.stop().await;
    });
}

#[test]
fn a_program_that_is_nowhere_is_given_up_and_elsewhere_it_is_found() {
    on_both(async |server| {
        let lacks = does(async |_| Outcome::new(Ending::NotFound("no such program".into())));
        let poor = Worker::start(&server.url(), lacks.clone()).await;
        let rich = Worker::start(&server.url(), echo()).await;
        let first = remote(&server.url(), |options| {
            options.run = Some("somewhere".into())
        })
        .await;
        for (n, outcome) in run_all(&first, (0..6).map(|n| job(n, 1)))
            .await
            .iter()
            .enumerate()
        {
            assert_eq!(said(outcome), format!("input {n}"));
        }
        let counts = first.finish(true).await.unwrap();
        assert_eq!((counts.dead, counts.lost), (0, 0));
        rich.stop().await;
        let other = Worker::start(&server.url(), lacks).await;
        let second = remote(&server.url(), |_| {}).await;
        let outcome = second.run(job(0, 1)).await;
        let Ending::NotFound(why) = &outcome.ending else {
            panic!("{outcome:?}")
        };
        assert!(
            why.starts_with("not runnable anywhere: 2 of 2 workers"),
            "{why}"
        );
        assert_eq!(second.finish(true).await.unwrap().dead, 1);
        poor.stop().await;
        other.stop().await;
    });
}

#[test]
fn two_runs_share_a_worker_by_turns() {
    on_new(async |server| {
        let order = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&order);
        let noting = does(move |job: Job| {
            written
                .lock()
                .unwrap()
                .push(if job.input[0] == b'a' { 'a' } else { 'b' });
            async { Outcome::new(Ending::Exited(0)) }
        });
        let named = |letter: &'static str, n| Job {
            input: letter.into(),
            ..job(n, 1)
        };
        let (first, second) = (
            remote(&server.url(), |_| {}).await,
            remote(&server.url(), |_| {}).await,
        );
        let a = tokio::spawn({
            let first = first.clone();
            async move { run_all(&first, (0..60).map(|n| named("a", n))).await }
        });
        let b = tokio::spawn({
            let second = second.clone();
            async move { run_all(&second, (0..60).map(|n| named("b", n))).await }
        });
        while first.counts().submitted + second.counts().submitted < 120 {
            tokio::task::yield_now().await;
        }
        let worker = Worker::with(&server.url(), noting, |options| options.slots = 1).await;
        a.await.unwrap();
        b.await.unwrap();
        let order = order.lock().unwrap().clone();
        let half = order[..60].matches('a').count();
        assert!((20..=40).contains(&half), "{order}");
        worker.stop().await;
    });
}

#[test]
fn a_worker_that_leaves_hands_back_what_it_cannot_finish() {
    on_both(async |server| {
        let begun = Arc::new(Notify::new());
        let signal = Arc::clone(&begun);
        let endless = does(move |job: Job| {
            let signal = Arc::clone(&signal);
            async move {
                signal.notify_one();
                job.stop.cancelled().await;
                Outcome::new(Ending::Canceled)
            }
        });
        let first = Worker::with(&server.url(), endless, |options| {
            options.grace = Duration::from_millis(50)
        })
        .await;
        let remote = remote(&server.url(), |options| {
            options.lease = Duration::from_secs(20)
        })
        .await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { remote.run(job(0, 1)).await }
        });
        begun.notified().await;
        let report = first.stop().await;
        assert_eq!((report.done, report.handed_back), (0, 1));
        let second = Worker::start(&server.url(), echo()).await;
        // Long before the lease is over.
        assert_eq!(said(&running.await.unwrap()), "input 0");
        let counts = remote.finish(true).await.unwrap();
        assert_eq!((counts.handed_back, counts.lost, counts.results), (1, 0, 1));
        second.stop().await;
    });
}

#[test]
fn a_consumer_that_was_deleted_is_made_anew() {
    on_both(async |server| {
        let worker = Worker::start(&server.url(), echo()).await;
        let remote = remote(&server.url(), |_| {}).await;
        run_all(&remote, (0..5).map(|n| job(n, 1))).await;
        let client = async_nats::connect(server.url()).await.unwrap();
        let stream = async_nats::jetstream::new(client)
            .get_stream("SK_JOBS")
            .await
            .unwrap();
        // 2.9.10 does it, and sometimes answers that it could not remove its folder.
        let _ = stream.delete_consumer(remote.run_name()).await;
        let outcomes = run_all(&remote, (5..10).map(|n| job(n, 1))).await;
        assert_eq!(said(&outcomes[4]), "input 9");
        remote.finish(true).await.unwrap();
        worker.stop().await;
    });
}

#[test]
fn a_chunk_that_a_worker_died_with_is_taken_apart() {
    on_new(async |server| {
        let begun = Arc::new(Notify::new());
        let signal = Arc::clone(&begun);
        let stuck = does(move |_| {
            signal.notify_one();
            std::future::pending()
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let url = server.url();
        runtime.spawn(async move { Worker::start(&url, stuck).await.task.await });
        let remote = remote(&server.url(), |options| options.batch = 4).await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { run_all(&remote, (0..4).map(|n| job(n, 1))).await }
        });
        begun.notified().await;
        runtime.shutdown_background();
        let second = Worker::start(&server.url(), echo()).await;
        for (n, outcome) in running.await.unwrap().iter().enumerate() {
            assert_eq!(said(outcome), format!("input {n}"));
            assert_eq!(outcome.deliveries, 1, "it is a message of its own now");
        }
        remote.finish(true).await.unwrap();
        second.stop().await;
    });
}

#[test]
fn a_canceled_run_ends_on_all_workers() {
    on_both(async |server| {
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (signal, end) = (Arc::clone(&begun), Arc::clone(&ended));
        let endless = does(move |job: Job| {
            let (signal, end) = (Arc::clone(&signal), Arc::clone(&end));
            async move {
                signal.notify_one();
                job.stop.cancelled().await;
                end.notify_one();
                Outcome::new(Ending::Canceled)
            }
        });
        let worker = Worker::start(&server.url(), endless).await;
        let remote = remote(&server.url(), |options| options.run = Some("doomed".into())).await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { remote.run(job(0, 1)).await }
        });
        begun.notified().await;
        let broker = Access::new(&server.url()).connect().await.unwrap();
        let (record, revision) = broker.run_record("doomed").await.unwrap().unwrap();
        broker
            .put_run(
                "doomed",
                &record.in_state(RunState::Canceled),
                Some(revision),
            )
            .await
            .unwrap();
        broker.poke().await;
        ended.notified().await;
        assert_eq!(running.await.unwrap().ending, Ending::Canceled);
        assert!(remote.canceled().is_cancelled());
        worker.stop().await;
    });
}

#[test]
fn nobody_there_is_said_and_whoever_comes_is_waited_for() {
    on_new(async |server| {
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let remote = remote(&server.url(), |options| {
            options.observer = Some(Arc::new(move |event| {
                sender.send(event).unwrap_or_default()
            }));
        })
        .await;
        let running = tokio::spawn({
            let remote = remote.clone();
            async move { remote.run(job(0, 1)).await }
        });
        assert_eq!(events.recv().await, Some(RemoteEvent::NoWorkers));
        let worker = Worker::start(&server.url(), echo()).await;
        assert_eq!(said(&running.await.unwrap()), "input 0");
        worker.stop().await;
    });
}

#[test]
fn a_worker_tells_what_it_does() {
    on_new(async |server| {
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let worker = Worker::with(&server.url(), echo(), |options| {
            options.name = Some("bee".into());
            options.max_jobs = Some(1);
            options.observer = Some(Arc::new(move |event| {
                sender.send(event).unwrap_or_default()
            }));
        })
        .await;
        let Some(WorkerEvent::Ready(id)) = events.recv().await else {
            panic!()
        };
        assert!(
            id.starts_with(&format!("bee-{}-", std::process::id())),
            "{id}"
        );
        let remote = remote(&server.url(), |options| options.run = Some("r".into())).await;
        remote.run(job(3, 1)).await;
        assert_eq!(events.recv().await, Some(WorkerEvent::Joined("r".into())));
        assert_eq!(worker.task.await.unwrap().unwrap().done, 1);
        let rest: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
        let done = WorkerEvent::Done {
            run: "r".into(),
            index: 3,
            jobs: 1,
            deliveries: 1,
        };
        assert!(rest.contains(&done), "{rest:?}");
    });
}
