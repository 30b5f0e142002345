//! The loop of `work`: order, memory, retries, rates, halting, and what happens when one side fails.

use std::collections::HashMap;
use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use sockeye::work::{
    Ending, Halt, Input, Job, Outcome, Plan, Rate, Report, Retries, Sink, Slots, Source, Spill,
    Work, inputs, run,
};
use sockeye::{Error, Kind, Operation};
use sockeye_testkit::{Gate, within};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What reached the sink.
type Results = Arc<Mutex<Vec<(Input, Outcome)>>>;

fn collect() -> (Results, impl Sink) {
    let results = Results::default();
    let to = Arc::clone(&results);
    let sink = move |input, outcome| {
        to.lock().unwrap().push((input, outcome));
        Ok(())
    };
    (results, sink)
}

fn numbers(count: u64) -> impl Source {
    inputs((0..count).map(|number| number.to_string()))
}

/// All at once, so that a clock that goes on by itself finds them there.
struct AtOnce(Vec<Bytes>);

impl Source for AtOnce {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, _: usize) -> sockeye::Result<bool> {
        inputs.append(&mut self.0);
        Ok(false)
    }
}

fn done() -> Outcome {
    Outcome::new(Ending::Exited(0))
}

fn number(job: &Job) -> u64 {
    std::str::from_utf8(&job.input).unwrap().parse().unwrap()
}

fn threads<T: Send + 'static, F: Future<Output = T>>(
    body: impl FnOnce() -> F + Send + 'static,
) -> T {
    within(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        let result = runtime.block_on(body());
        runtime.shutdown_background();
        result
    })
}

/// With a clock that goes on by itself when nothing else does.
fn paused<T: Send + 'static, F: Future<Output = T>>(
    body: impl FnOnce() -> F + Send + 'static,
) -> T {
    within(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(body())
    })
}

async fn simply(plan: Plan, count: u64, work: impl Work) -> (Report, Vec<(Input, Outcome)>) {
    let (results, sink) = collect();
    let stop = CancellationToken::new();
    let all = (0..count).map(|number| number.to_string().into());
    let report = match count {
        ..=100 => run(plan, AtOnce(all.collect()), work, sink, stop).await,
        _ => run(plan, numbers(count), work, sink, stop).await,
    };
    let report = report.unwrap();
    let results = std::mem::take(&mut *results.lock().unwrap());
    let sum = report.succeeded + report.failed + report.canceled;
    assert_eq!(report.inputs, sum, "each input is counted once: {report:?}");
    assert_eq!(results.len() as u64, report.inputs, "and comes once");
    (report, results)
}

#[test]
fn no_inputs_are_no_jobs() {
    threads(|| async {
        let work = |_: Job| async { panic!("nothing is to be done") };
        let (report, _) = simply(Plan::new(4), 0, work).await;
        assert_eq!((report.inputs, report.attempts), (0, 0));
    });
}

#[test]
fn results_come_in_order_whatever_order_jobs_end_in() {
    for (seed, memory) in [(1u64, 16 << 20), (2, 3000), (3, 0)] {
        threads(move || async move {
            let work = move |job: Job| async move {
                let mut random =
                    (job.index + 1).wrapping_mul(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                random ^= random >> 29;
                for _ in 0..random % 40 {
                    tokio::task::yield_now().await;
                }
                done().with_stdout(job.input)
            };
            let mut plan = Plan::new(50);
            plan.spill = Spill::default().with_memory(memory);
            let (report, results) = simply(plan, 5000, work).await;
            assert_eq!(report.succeeded, 5000);
            for (index, (input, outcome)) in (0..).zip(&results) {
                assert_eq!(input.index, index, "seed {seed}");
                assert_eq!(outcome.stdout.as_bytes(), Some(&input.bytes));
            }
        });
    }
}

#[test]
fn without_order_results_come_as_they_come() {
    threads(|| async {
        let last = Arc::new(Notify::new());
        let ended = Arc::new(AtomicU64::new(0));
        let work = move |job: Job| {
            let (last, ended) = (Arc::clone(&last), Arc::clone(&ended));
            async move {
                if job.index == 0 {
                    last.notified().await;
                } else if ended.fetch_add(1, Ordering::Relaxed) + 2 == 100 {
                    last.notify_one();
                }
                done()
            }
        };
        let mut plan = Plan::new(2);
        plan.ordered = false;
        let (_, results) = simply(plan, 100, work).await;
        assert_eq!(results.last().unwrap().0.index, 0);
    });
}

/// Gives what comes through a channel, as it comes.
struct Pipe(mpsc::Receiver<&'static str>);

impl Source for Pipe {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, _: usize) -> sockeye::Result<bool> {
        match self.0.recv() {
            Ok(input) => inputs.push(input.into()),
            Err(_) => return Ok(false),
        }
        Ok(true)
    }
}

#[test]
fn the_first_result_is_out_before_the_second_input_is_in() {
    threads(|| async {
        let (give, pipe) = mpsc::channel();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        struct Flushing(tokio::sync::mpsc::UnboundedSender<String>);
        impl Sink for Flushing {
            fn put(&mut self, input: Input, _: Outcome) -> sockeye::Result<()> {
                let text = String::from_utf8(input.bytes.to_vec()).unwrap();
                self.0.send(text).unwrap();
                Ok(())
            }
            fn flush(&mut self) -> sockeye::Result<()> {
                self.0.send("flush".into()).unwrap();
                Ok(())
            }
        }
        let work = |_: Job| async { done() };
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(Plan::new(8), Pipe(pipe), work, Flushing(tell), stop));
        for input in ["one", "two", "three"] {
            give.send(input).unwrap();
            let mut next = told.recv().await.unwrap();
            while next == "flush" {
                next = told.recv().await.unwrap();
            }
            assert_eq!(next, input);
            assert_eq!(told.recv().await.unwrap(), "flush");
        }
        drop(give);
        assert_eq!(running.await.unwrap().unwrap().succeeded, 3);
    });
}

#[test]
fn reading_ahead_is_bounded() {
    threads(|| async {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let endless = std::iter::repeat_with(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Bytes::from(vec![0; 100_000])
        });
        let begun = Arc::new(Semaphore::new(0));
        let tell = Arc::clone(&begun);
        let work = move |job: Job| {
            let tell = Arc::clone(&tell);
            async move {
                tell.add_permits(1);
                job.stop.cancelled().await;
                Outcome::new(Ending::Canceled)
            }
        };
        let stop = CancellationToken::new();
        let (results, sink) = collect();
        let running = tokio::spawn(run(Plan::new(2), inputs(endless), work, sink, stop.clone()));
        let _two = begun.acquire_many(2).await.unwrap();
        stop.cancel();
        let report = running.await.unwrap().unwrap();
        assert!(report.stopped && !report.halted);
        // 1 MiB is 11 of these; what was read at once before their size was known comes on top.
        assert!(read.load(Ordering::SeqCst) < 50, "{read:?}");
        assert_eq!(report.canceled, report.inputs);
        assert_eq!(results.lock().unwrap().len() as u64, report.inputs);
    });
}

#[test]
fn no_more_jobs_run_than_there_are_slots_and_slots_may_change() {
    threads(|| async {
        let gate = Arc::new(Semaphore::new(0));
        let running = Arc::new(AtomicUsize::new(0));
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (pass, count) = (Arc::clone(&gate), Arc::clone(&running));
        let work = move |_: Job| {
            let (pass, count, tell) = (Arc::clone(&pass), Arc::clone(&count), tell.clone());
            async move {
                let now = count.fetch_add(1, Ordering::SeqCst) + 1;
                tell.send(now).unwrap();
                pass.acquire().await.unwrap().forget();
                count.fetch_sub(1, Ordering::SeqCst);
                done()
            }
        };
        let plan = Plan::new(3);
        let slots: Slots = plan.slots.clone();
        let whole = tokio::spawn(async move { simply(plan, 40, work).await });
        let mut most = 0;
        for _ in 0..3 {
            most = most.max(told.recv().await.unwrap());
        }
        assert_eq!(most, 3);
        slots.set(5);
        for _ in 0..2 {
            most = most.max(told.recv().await.unwrap());
        }
        assert_eq!(most, 5);
        slots.set(1);
        // Four have to end before another one begins.
        gate.add_permits(5);
        assert_eq!(told.recv().await.unwrap(), 1);
        gate.add_permits(100);
        let (report, _) = whole.await.unwrap();
        assert_eq!(report.succeeded, 40);
        while let Some(now) = told.recv().await {
            assert_eq!(now, 1, "one at a time now");
        }
    });
}

#[test]
fn an_input_does_not_stand_behind_a_slow_one() {
    // Jobs that end at once make lanes take several; then one waits for all that came after it.
    threads(|| async {
        let rest = Arc::new(Notify::new());
        let ended = Arc::new(AtomicU64::new(0));
        let work = move |job: Job| {
            let (rest, ended) = (Arc::clone(&rest), Arc::clone(&ended));
            async move {
                if job.index == 1000 {
                    rest.notified().await;
                } else if ended.fetch_add(1, Ordering::SeqCst) + 2 == 3000 {
                    rest.notify_one();
                }
                done()
            }
        };
        let (report, _) = simply(Plan::new(2), 3000, work).await;
        assert_eq!(report.succeeded, 3000);
    });
}

#[test]
fn what_fails_is_tried_again_after_a_growing_wait_that_holds_no_slot() {
    paused(|| async {
        let begun: Arc<Mutex<Vec<(u64, u32, Instant)>>> = Arc::default();
        let log = Arc::clone(&begun);
        let work = move |job: Job| {
            log.lock()
                .unwrap()
                .push((job.index, job.attempt, Instant::now()));
            let fails = job.index == 0 && job.attempt < 4;
            async move {
                Outcome::new(Ending::Exited(u8::from(fails))).with_stdout(job.attempt.to_string())
            }
        };
        let mut plan = Plan::new(1);
        plan.retries = Retries {
            most: 5,
            wait: Duration::from_secs(10),
            most_wait: Duration::from_secs(15),
            ..Retries::default()
        };
        let (report, results) = simply(plan, 20, work).await;
        assert_eq!((report.succeeded, report.failed), (20, 0));
        assert_eq!((report.attempts, report.retried), (23, 3));
        assert_eq!(results[0].1.attempts, 4);
        assert_eq!(
            results[0].1.stdout.as_bytes().unwrap(),
            "4",
            "only the last is kept"
        );
        let begun = begun.lock().unwrap();
        let attempts: Vec<_> = begun.iter().filter(|(index, ..)| *index == 0).collect();
        for (pair, most) in attempts.windows(2).zip([10u64, 15, 15]) {
            let wait = pair[1].2 - pair[0].2;
            let most = Duration::from_secs(most);
            let slack = Duration::from_millis(50);
            assert!(
                wait >= most / 2 && wait <= most + slack,
                "{wait:?} of {most:?}"
            );
        }
        let second = begun
            .iter()
            .position(|(index, attempt, _)| (*index, *attempt) == (0, 2));
        assert_eq!(second, Some(20), "all others ran in the meantime");
    });
}

#[test]
fn attempts_end_when_they_are_used_up_and_some_endings_are_final() {
    paused(|| async {
        let work = |job: Job| async move {
            Outcome::new(match job.index {
                0 => Ending::Exited(3),
                1 => Ending::NotFound("none".into()),
                2 => Ending::Exited(7),
                3 => Ending::TimedOut,
                4 => Ending::Exited(127),
                _ => Ending::Exited(0),
            })
        };
        let mut plan = Plan::new(2);
        plan.retries.most = 2;
        plan.retries.never = vec![7];
        let (report, results) = simply(plan, 6, work).await;
        let attempts: Vec<u32> = results
            .iter()
            .map(|(_, outcome)| outcome.attempts)
            .collect();
        assert_eq!(attempts, [3, 1, 1, 3, 1, 1]);
        assert_eq!((report.failed, report.attempts), (5, 10));
    });
}

#[test]
fn a_panic_is_the_failure_of_its_job() {
    threads(|| async {
        let work = |job: Job| async move {
            assert!(job.index != 1, "job {} is bad", job.index);
            done()
        };
        let (report, results) = simply(Plan::new(2), 3, work).await;
        assert_eq!((report.succeeded, report.failed), (2, 1));
        let Ending::Failed(why) = &results[1].1.ending else {
            panic!("{:?}", results[1].1);
        };
        assert!(
            why.contains("panicked") && why.contains("job 1 is bad"),
            "{why}"
        );
    });
}

#[test]
fn a_stop_ends_jobs_and_keeps_what_is_ready() {
    threads(|| async {
        let begun = Arc::new(Semaphore::new(0));
        let tell = Arc::clone(&begun);
        let work = move |job: Job| {
            let tell = Arc::clone(&tell);
            async move {
                if number(&job) < 10 {
                    return done();
                }
                tell.add_permits(1);
                job.stop.cancelled().await;
                Outcome::new(Ending::Canceled)
            }
        };
        let stop = CancellationToken::new();
        let (results, sink) = collect();
        let running = tokio::spawn(run(Plan::new(3), numbers(1000), work, sink, stop.clone()));
        let _three = begun.acquire_many(3).await.unwrap();
        stop.cancel();
        let report = running.await.unwrap().unwrap();
        assert!(report.stopped);
        assert_eq!(
            (report.succeeded, report.failed, report.attempts),
            (10, 0, 13)
        );
        assert_eq!(report.canceled, report.inputs - 10);
        let results = results.lock().unwrap();
        assert_eq!(results.len() as u64, report.inputs);
        for (index, (input, outcome)) in (0..).zip(results.iter()) {
            assert_eq!(input.index, index);
            assert_eq!(outcome.ending == Ending::Canceled, index >= 10);
        }
        // Which three had begun is not settled: what stands behind a job that waits is given back.
        let attempts = results.iter().map(|(_, outcome)| outcome.attempts);
        assert_eq!(attempts.sum::<u32>(), 13);
    });
}

#[test]
fn halting_soon_lets_jobs_end_and_now_does_not() {
    for now in [false, true] {
        threads(move || async move {
            let begun = Arc::new(Semaphore::new(0));
            let failed = Gate::new();
            let (tell, fail) = (Arc::clone(&begun), failed.clone());
            let (notify, wait) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (notified, waited) = (Arc::clone(&notify), Arc::clone(&wait));
            let work = move |job: Job| {
                let (tell, fail) = (Arc::clone(&tell), fail.clone());
                let (notified, waited) = (Arc::clone(&notified), Arc::clone(&waited));
                async move {
                    if job.index == 0 {
                        notified.notified().await;
                        fail.open();
                        return Outcome::new(Ending::Exited(1));
                    }
                    tell.add_permits(1);
                    tokio::select! {
                        () = job.stop.cancelled() => Outcome::new(Ending::Canceled),
                        () = waited.notified() => done(),
                    }
                }
            };
            let mut plan = Plan::new(2);
            plan.halt = Halt::Failed { jobs: 1, now };
            let progress = Arc::clone(&plan.progress);
            let whole = tokio::spawn(async move { simply(plan, 100, work).await });
            let _one = begun.acquire().await.unwrap();
            notify.notify_one();
            while !failed.is_open() || progress.failed.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            // Jobs hear of the halt a little later than it is counted: the one that is to be ended has to wait for that.
            if !now {
                wait.notify_one();
            }
            let (report, results) = whole.await.unwrap();
            assert!(report.halted && !report.stopped);
            assert_eq!((report.failed, report.attempts), (1, 2));
            assert_eq!(report.succeeded, u64::from(!now));
            assert_eq!(results[1].1.ending == Ending::Canceled, now);
        });
    }
}

#[test]
fn halts_count_exactly_even_where_jobs_are_quick() {
    threads(|| async {
        let work =
            |job: Job| async move { Outcome::new(Ending::Exited(u8::from(job.index % 10 == 9))) };
        let with = |halt, jobs| {
            let mut plan = Plan::new(jobs);
            plan.halt = halt;
            plan
        };
        let plan = with(
            Halt::Failed {
                jobs: 3,
                now: false,
            },
            1,
        );
        let (report, _) = simply(plan, 10_000, work).await;
        assert_eq!((report.failed, report.succeeded), (3, 27));
        let plan = with(
            Halt::Succeeded {
                jobs: 50,
                now: true,
            },
            1,
        );
        let (report, _) = simply(plan, 10_000, work).await;
        assert_eq!(report.succeeded, 50);
        let plan = with(
            Halt::FailedShare {
                share: 0.1,
                now: false,
            },
            1,
        );
        let (report, _) = simply(plan, 10_000, work).await;
        assert_eq!((report.failed, report.succeeded), (1, 9));
        let plan = with(
            Halt::FailedShare {
                share: 0.5,
                now: false,
            },
            4,
        );
        let (report, _) = simply(plan, 1000, work).await;
        assert!(!report.halted && report.failed == 100);
    });
}

#[test]
fn each_key_has_its_rate_and_does_not_hold_up_others() {
    paused(|| async {
        let begun: Arc<Mutex<Vec<(Bytes, Instant)>>> = Arc::default();
        let log = Arc::clone(&begun);
        let work = move |job: Job| {
            log.lock()
                .unwrap()
                .push((job.input.slice(..1), Instant::now()));
            async { done() }
        };
        let mut plan = Plan::new(4);
        plan.rate = Some(Rate {
            key: Some(Arc::new(|input| Bytes::copy_from_slice(&input[..1]))),
            ..Rate::new(10, Duration::from_secs(1))
        });
        // All of a, then all of b.
        let all = (0..100).map(|n| format!("{}{n}", if n < 50 { 'a' } else { 'b' }).into());
        let (results, sink) = collect();
        let started = Instant::now();
        let stop = CancellationToken::new();
        let all = AtOnce(all.collect());
        let report = run(plan, all, work, sink, stop).await.unwrap();
        assert_eq!((report.succeeded, report.attempts), (100, 100));
        let indices: Vec<u64> = results
            .lock()
            .unwrap()
            .iter()
            .map(|(input, _)| input.index)
            .collect();
        assert_eq!(indices, (0..100).collect::<Vec<_>>());
        let mut by_key: HashMap<Bytes, Vec<Instant>> = HashMap::new();
        for (key, at) in begun.lock().unwrap().iter() {
            by_key.entry(key.clone()).or_default().push(*at);
        }
        let second = Duration::from_secs(1);
        for times in by_key.values() {
            assert_eq!(times.len(), 50);
            for eleven in times.windows(11) {
                let span = eleven[10] - eleven[0];
                assert!(span + Duration::from_millis(5) >= second, "11 in {span:?}");
            }
            let whole = times[49] - started;
            assert!(
                whole < second * 6,
                "{whole:?}: both at once, each as fast as it may"
            );
        }
    });
}

#[test]
fn with_more_keys_than_are_remembered_jobs_wait_until_one_is_free() {
    paused(|| async {
        let mut plan = Plan::new(4);
        plan.rate = Some(Rate {
            key: Some(Arc::new(Bytes::copy_from_slice)),
            most_keys: 10,
            ..Rate::new(1, Duration::from_secs(60))
        });
        let began: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let log = Arc::clone(&began);
        let work = move |_: Job| {
            log.lock().unwrap().push(Instant::now());
            async { done() }
        };
        let (report, _) = simply(plan, 35, work).await;
        assert_eq!(report.succeeded, 35);
        let began = began.lock().unwrap();
        for eleven in began.windows(11) {
            let span = eleven[10] - eleven[0];
            assert!(span >= Duration::from_secs(59), "11 keys in {span:?}");
        }
        let whole = began[34] - began[0];
        assert!(whole < Duration::from_secs(190), "{whole:?}");
    });
}

#[test]
fn a_rate_for_all_is_kept_and_reached() {
    paused(|| async {
        let mut plan = Plan::new(4);
        plan.rate = Some(Rate::new(2000, Duration::from_secs(1)));
        let started = Instant::now();
        let (report, _) = simply(plan, 4000, |_: Job| async { done() }).await;
        let took = started.elapsed();
        assert_eq!(report.succeeded, 4000);
        assert!(
            took >= Duration::from_millis(1950) && took < Duration::from_millis(3000),
            "{took:?}"
        );
    });
}

#[test]
fn a_sink_that_fails_ends_the_run() {
    threads(|| async {
        let put = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&put);
        let sink = move |_: Input, _: Outcome| {
            if counted.fetch_add(1, Ordering::SeqCst) == 4 {
                return Err(Error::new(
                    Kind::Lost,
                    Operation::Write,
                    "nobody reads any more",
                ));
            }
            Ok(())
        };
        let work = |job: Job| async move {
            if job.index > 100 {
                job.stop.cancelled().await;
                return Outcome::new(Ending::Canceled);
            }
            done()
        };
        let stop = CancellationToken::new();
        let error = run(Plan::new(2), numbers(1_000_000), work, sink, stop.clone())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Lost);
        assert_eq!(
            put.load(Ordering::SeqCst),
            5,
            "nothing comes after a failure"
        );
        assert!(!stop.is_cancelled(), "the caller's token is the caller's");
    });
}

#[test]
fn a_source_that_fails_ends_the_run_after_what_it_gave() {
    struct Broken(u32);
    impl Source for Broken {
        fn fill(&mut self, inputs: &mut Vec<Bytes>, _: usize) -> sockeye::Result<bool> {
            self.0 += 1;
            inputs.push(self.0.to_string().into());
            match self.0 {
                3 => Err(Error::new(Kind::Io, Operation::Read, "line 4 is cut")),
                _ => Ok(true),
            }
        }
    }
    threads(|| async {
        let (results, sink) = collect();
        let stop = CancellationToken::new();
        let work = |_: Job| async { done() };
        let error = run(Plan::new(2), Broken(0), work, sink, stop)
            .await
            .unwrap_err();
        assert_eq!(error.why(), "line 4 is cut");
        assert_eq!(results.lock().unwrap().len(), 3);
    });
}

#[test]
fn a_slow_sink_slows_down_the_jobs() {
    threads(|| async {
        let gate = Gate::new();
        let begun = Arc::new(AtomicU64::new(0));
        let (counted, held) = (Arc::clone(&begun), gate.clone());
        let sink = move |_: Input, _: Outcome| {
            assert!(held.wait());
            Ok(())
        };
        let reached = Arc::new(Notify::new());
        let tell = Arc::clone(&reached);
        let work = move |_: Job| {
            if counted.fetch_add(1, Ordering::SeqCst) + 1 == 4096 {
                tell.notify_one();
            }
            async { done() }
        };
        let stop = CancellationToken::new();
        let plan = Plan::new(2);
        let running = tokio::spawn(run(plan, numbers(200_000), work, sink, stop));
        reached.notified().await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let ahead = begun.load(Ordering::SeqCst);
        assert!(
            ahead < 30_000,
            "{ahead} jobs ran while nothing could be written"
        );
        gate.open();
        assert_eq!(running.await.unwrap().unwrap().succeeded, 200_000);
    });
}

#[test]
fn a_run_that_is_dropped_ends_its_jobs() {
    threads(|| async {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let work = move |job: Job| {
            let tell = tell.clone();
            async move {
                tell.send("begun").unwrap();
                job.stop.cancelled().await;
                let _ = tell.send("ended");
                Outcome::new(Ending::Canceled)
            }
        };
        let (_, sink) = collect();
        let running = tokio::spawn(run(
            Plan::new(1),
            numbers(5),
            work,
            sink,
            CancellationToken::new(),
        ));
        assert_eq!(told.recv().await, Some("begun"));
        running.abort();
        assert_eq!(told.recv().await, Some("ended"));
        assert_eq!(told.recv().await, None, "and no other begins");
    });
}

#[test]
fn large_outputs_wait_in_the_file_until_their_turn() {
    threads(|| async {
        let spill = Spill::default().with_memory(1000).with_each(100);
        let rest = Arc::new(Notify::new());
        let ended = Arc::new(AtomicU64::new(0));
        let shared = spill.clone();
        let work = move |job: Job| {
            let (rest, ended, shared) = (Arc::clone(&rest), Arc::clone(&ended), shared.clone());
            async move {
                let mut gather = shared.gather();
                gather.write_all(&job.input.repeat(500)).unwrap();
                if job.index == 0 {
                    rest.notified().await;
                } else if ended.fetch_add(1, Ordering::SeqCst) + 2 == 300 {
                    rest.notify_one();
                }
                done().with_stdout(gather.finish())
            }
        };
        let mut plan = Plan::new(3);
        plan.spill = spill.clone();
        let (_, results) = simply(plan, 300, work).await;
        for (input, outcome) in results {
            let mut said = Vec::new();
            outcome.stdout.write_to(&mut said).unwrap();
            assert_eq!(said, input.bytes.repeat(500));
        }
        assert_eq!(spill.used(), 0);
    });
}

#[test]
fn sums_of_what_workers_tell_are_over_all_attempts() {
    paused(|| async {
        let work = |job: Job| async move {
            let mut outcome = Outcome::new(Ending::Exited(u8::from(job.attempt < 3)));
            (outcome.deliveries, outcome.duplicates, outcome.lost_leases) = (2, 1, 1);
            outcome
        };
        let mut plan = Plan::new(2);
        plan.retries.most = 2;
        let (report, _) = simply(plan, 10, work).await;
        assert_eq!((report.attempts, report.deliveries), (30, 60));
        assert_eq!((report.duplicates, report.lost_leases), (30, 30));
    });
}

#[test]
fn a_sink_or_a_source_that_panics_ends_the_run_with_an_error() {
    threads(|| async {
        let sink = |input: Input, _: Outcome| {
            assert!(input.index < 5, "the sink is broken");
            Ok(())
        };
        let stop = CancellationToken::new();
        let work = |_: Job| async { done() };
        let error = run(Plan::new(2), numbers(100_000), work, sink, stop.clone())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("thread of results"), "{error}");
        let broken = inputs((0..50).map(|n| match n {
            49 => panic!("the source is broken"),
            n => n.to_string(),
        }));
        let (_, sink) = collect();
        let error = run(Plan::new(2), broken, work, sink, stop)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("thread of inputs"), "{error}");
    });
}
