//! What we ask of a broker, on both versions of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use bytes::Bytes;
use futures_util::StreamExt;
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::within;
use tokio_util::sync::CancellationToken;

use super::connect::{Access, Broker, Stored};
use super::streams::{DEAD, JOBS, Names, RESULTS};
use super::wire::{Body, Chunk, Id, Results, RunRecord, RunState, Task, encode};
use super::{WorkerEvent, WorkerOptions, work};
use crate::error::Kind;
use crate::work::{Ending, Job, Outcome, Work};

/// Run this with a broker of each version that is there.
fn with_both<F: Future<Output = ()>>(
    test: impl Fn(NatsServer, Broker) -> F + Send + Sync + 'static,
) {
    within(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        for server in NatsServer::both() {
            runtime.block_on(async {
                let broker = Access::new(&server.url()).connect().await.unwrap();
                test(server, broker).await;
            });
        }
    });
}

fn id(byte: u8) -> Id {
    Id::parse(&format!("{byte:032x}")).unwrap()
}

#[test]
fn the_first_writer_wins_also_after_a_restart() {
    with_both(async |mut server, broker| {
        let names = Names::new("run").unwrap();
        broker.results().await.unwrap();
        let store = || broker.store_first(names.result(id(1)), Bytes::from_static(b"one"));
        assert!(matches!(store().await.unwrap(), Stored::At(1)));
        assert_eq!(store().await.unwrap(), Stored::Exists);
        let mut connections = broker.connections.clone();
        connections.mark_unchanged();
        server.restart();
        connections.changed().await.unwrap();
        assert_eq!(store().await.unwrap(), Stored::Exists);
        let last = broker
            .last(RESULTS, &names.result(id(1)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((last.sequence, &last.payload[..]), (1, &b"one"[..]));
        assert_eq!(
            broker.last(RESULTS, &names.result(id(2))).await.unwrap(),
            None
        );
    });
}

#[test]
fn a_job_is_queued_once_until_it_is_done() {
    with_both(async |_server, broker| {
        let names = Names::new("run").unwrap();
        let subject = names.job(id(1));
        let missing = broker
            .store_first(subject.clone(), Bytes::new())
            .await
            .unwrap();
        assert_eq!(missing, Stored::NoStream);
        let stream = broker.jobs().await.unwrap();
        broker.lessor(&names, Duration::from_secs(1)).await.unwrap();
        let first = broker
            .store_first(subject.clone(), Bytes::new())
            .await
            .unwrap();
        assert!(matches!(first, Stored::At(_)));
        let second = broker
            .store_first(subject.clone(), Bytes::new())
            .await
            .unwrap();
        assert_eq!(second, Stored::Exists);
        let consumer = stream
            .get_consumer::<async_nats::jetstream::consumer::pull::Config>("run")
            .await
            .unwrap();
        let mut batch = consumer.fetch().max_messages(1).messages().await.unwrap();
        let message = futures_util::StreamExt::next(&mut batch)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(message.info().unwrap().delivered, 1);
        message
            .double_ack_with(async_nats::jetstream::AckKind::Progress)
            .await
            .unwrap();
        let nak = async_nats::jetstream::AckKind::Nak(Some(Duration::from_millis(50)));
        message.ack_with(nak).await.unwrap();
        let mut batch = consumer
            .batch()
            .max_messages(1)
            .expires(Duration::from_secs(5))
            .messages()
            .await
            .unwrap();
        let message = futures_util::StreamExt::next(&mut batch)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(message.info().unwrap().delivered, 2);
        // What a double acknowledgment is made of, without a subscription of its own.
        let reply = message.reply.clone().unwrap();
        broker.client.request(reply, "+ACK".into()).await.unwrap();
        let third = broker.store_first(subject, Bytes::new()).await.unwrap();
        assert!(matches!(third, Stored::At(_)), "{third:?}");
        // Again and again makes nothing new.
        broker.lessor(&names, Duration::from_secs(1)).await.unwrap();
        broker.jobs().await.unwrap();
    });
}

#[test]
fn runs_and_workers_are_listed() {
    with_both(async |server, broker| {
        assert!(broker.run_records().await.unwrap().is_empty());
        assert!(broker.workers().await.unwrap().is_empty());
        let record = RunRecord::new(b"\0spec", "me", Duration::from_secs(10));
        let revision = broker.put_run("a", &record, None).await.unwrap();
        let taken = broker.put_run("a", &record, None).await.unwrap_err();
        assert_eq!(taken.kind(), Kind::Rejected);
        broker
            .put_run(
                "a",
                &record.clone().in_state(RunState::Canceled),
                Some(revision),
            )
            .await
            .unwrap();
        let stale = broker
            .put_run("a", &record, Some(revision))
            .await
            .unwrap_err();
        assert_eq!(stale.kind(), Kind::Rejected);
        broker.put_run("b", &record, None).await.unwrap();
        let runs = broker.run_records().await.unwrap();
        let states: Vec<_> = runs
            .iter()
            .map(|(name, record)| (name.as_str(), record.state))
            .collect();
        assert_eq!(
            states,
            [("a", RunState::Canceled), ("b", RunState::Running)]
        );
        assert_eq!(runs[1].1.spec(), b"\0spec");
        broker.dead().await.unwrap();
        assert_eq!(broker.warning().is_some(), server.is_old());
    });
}

#[test]
fn large_bytes_go_through_the_object_store() {
    with_both(async |_server, broker| {
        let blobs = broker.blobs().await.unwrap();
        let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        blobs.put("run.x", &mut &large[..]).await.unwrap();
        let mut object = blobs.get("run.x").await.unwrap();
        let mut back = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut object, &mut back)
            .await
            .unwrap();
        assert!(back == large);
        blobs.delete("run.x").await.unwrap();
        assert!(blobs.get("run.x").await.is_err());
        for name in [JOBS, RESULTS, DEAD] {
            assert!(
                broker.js.get_stream(name).await.is_err(),
                "{name} is made when it is wanted"
            );
        }
    });
}

#[test]
fn plain_text_stays_on_this_machine() {
    for fit in [
        "nats://localhost",
        "nats://127.0.0.1:4222",
        "nats://[::1]:4222",
        "tls://db.example",
    ] {
        Access::new(fit)
            .check()
            .unwrap_or_else(|error| panic!("{fit}: {error}"));
    }
    for unfit in [
        "nats://db.example",
        "nats://u:secret@192.0.2.7:4222",
        "http://localhost",
        "",
        "nats://localhost,nats://b.example",
    ] {
        let error = Access::new(unfit).check().unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{unfit}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let mut said = Access::new("nats://db.example");
    said.insecure = true;
    said.check().unwrap();
}

#[test]
fn nobody_there_and_nobody_let_in_are_two_errors() {
    within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let Some(mut server) =
            NatsServer::configured("authorization { user: u, password: secret }")
        else {
            return;
        };
        runtime.block_on(async {
            let error = Access::new(&server.url()).connect().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Rejected, "{error:?}");
            let mut access = Access::new(&server.url());
            access.user = Some(("u".into(), "secret".into()));
            access.connect().await.unwrap();
            assert!(!format!("{access:?}").contains("secret"));
            server.kill();
            let error = access.connect().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Refused, "{error:?}");
        });
    });
}

/// Counts how often it is asked.
struct Counting(Arc<AtomicU32>);

impl Work for Counting {
    async fn run(&self, _: Job) -> Outcome {
        self.0.fetch_add(1, Ordering::SeqCst);
        Outcome::new(Ending::Exited(0))
    }
}

#[test]
fn a_job_whose_result_is_there_is_taken_off_the_queue_and_not_run() {
    with_both(async |_server, broker| {
        let (names, lease) = (Names::new("run").unwrap(), Duration::from_millis(300));
        let stream = broker.jobs().await.unwrap();
        broker.results().await.unwrap();
        broker.lessor(&names, lease).await.unwrap();
        let task = Task {
            id: id(1),
            index: 0,
            attempt: 1,
            input: Body::here(b"x"),
        };
        let chunk = encode(&Chunk::new(vec![task], false));
        broker.store_first(names.job(id(1)), chunk).await.unwrap();
        // A worker that stores its result and dies before it says so to the queue.
        let consumer = stream.get_consumer::<pull::Config>("run").await.unwrap();
        let mut batch = consumer.fetch().max_messages(1).messages().await.unwrap();
        batch.next().await.unwrap().unwrap();
        let results = Results::new("dead", 1, Vec::new());
        broker
            .store_first(names.result(id(1)), encode(&results))
            .await
            .unwrap();
        broker
            .put_run("run", &RunRecord::new(b"", "me", lease), None)
            .await
            .unwrap();
        let (runs, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let (counted, seen) = (Arc::clone(&runs), stop.clone());
        let mut options = WorkerOptions::default();
        options.observer = Some(Arc::new(move |event| {
            if matches!(event, WorkerEvent::Duplicate { ran: false, .. }) {
                seen.cancel();
            }
        }));
        let made = move |_: &str, _: &[u8]| Ok(Counting(Arc::clone(&counted)));
        let report = work(broker.clone(), options, made, stop).await.unwrap();
        assert_eq!(
            (report.skipped, report.done, runs.load(Ordering::SeqCst)),
            (1, 0, 0)
        );
        assert_eq!(broker.last(JOBS, &names.job(id(1))).await.unwrap(), None);
    });
}
