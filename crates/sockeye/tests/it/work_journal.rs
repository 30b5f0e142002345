//! Journals of `work`: what was done is not done again, whatever ended the run, and the output is that of one run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rusqlite::Connection;
use sockeye::Kind;
use sockeye::work::{
    Ending, Halt, Input, Job, Journal, Outcome, Plan, Report, Sink, Spill, Standing, Work, inputs,
    run,
};
use sockeye_testkit::within;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const CHILD: &str = "SOCKEYE_TEST_JOURNAL_OF_CHILD";

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// What a run printed, which inputs it had to run, and its report.
struct Ran {
    output: String,
    jobs: Vec<String>,
    report: Report,
}

/// The output of a job, which tells apart equal inputs by their turn.
fn answer(job: &Job) -> Outcome {
    let input = String::from_utf8_lossy(&job.input).into_owned();
    let nth = job.key.unwrap().nth;
    let mut outcome = Outcome::new(Ending::Exited(u8::from(input.contains("bad"))));
    outcome = outcome.with_stdout(format!("{input}/{nth}\n"));
    outcome.stderr = format!("about {input}").into();
    outcome
}

fn plan(path: &Path, identity: &'static str) -> Plan {
    let mut plan = Plan::new(3);
    plan.journal = Some(Journal::open(path).unwrap().with_command(identity));
    plan.identity = Some(identity.into());
    plan
}

fn print(to: Arc<Mutex<Vec<u8>>>) -> impl Sink {
    move |input: Input, outcome: Outcome| {
        let mut to = to.lock().unwrap();
        write!(to, "{} {:?} ", input.index, outcome.ending).unwrap();
        outcome.stdout.write_to(&mut *to).unwrap();
        outcome.stderr.write_to(&mut *to).unwrap();
        to.write_all(b"\n").unwrap();
        Ok(())
    }
}

fn ran(plan: Plan, lines: &[&str]) -> Ran {
    let lines: Vec<Bytes> = lines
        .iter()
        .map(|line| Bytes::copy_from_slice(line.as_bytes()))
        .collect();
    within(move || {
        let jobs: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&jobs);
        let work = move |job: Job| {
            log.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&job.input).into_owned());
            async move { answer(&job) }
        };
        let output = Arc::default();
        let sink = print(Arc::clone(&output));
        let running = run(plan, inputs(lines), work, sink, CancellationToken::new());
        let report = runtime().block_on(running).unwrap();
        let mut jobs = std::mem::take(&mut *jobs.lock().unwrap());
        jobs.sort();
        let output = String::from_utf8(output.lock().unwrap().clone()).unwrap();
        Ran {
            output,
            jobs,
            report,
        }
    })
}

/// Do these, and stop before what comes at `until` has ended.
fn stopped(plan: Plan, lines: &[&str], until: u64) -> Report {
    let lines: Vec<Bytes> = lines
        .iter()
        .map(|line| Bytes::copy_from_slice(line.as_bytes()))
        .collect();
    within(move || {
        let (begun, ended) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let (tell, count) = (Arc::clone(&begun), Arc::clone(&ended));
        let work = move |job: Job| {
            let (tell, count) = (Arc::clone(&tell), Arc::clone(&count));
            async move {
                if job.index >= until {
                    job.stop.cancelled().await;
                    // A program that was ended by the stop: it says so, or that it failed.
                    return Outcome::new(match job.index % 2 {
                        0 => Ending::Canceled,
                        _ => Ending::Killed(15),
                    });
                }
                if count.fetch_add(1, Ordering::SeqCst) + 1 == until {
                    tell.notify_one();
                }
                answer(&job)
            }
        };
        let stop = CancellationToken::new();
        let end = stop.clone();
        runtime().block_on(async move {
            tokio::spawn(async move {
                begun.notified().await;
                end.cancel();
            });
            let sink = |_: Input, _: Outcome| Ok(());
            run(plan, inputs(lines), work, sink, stop).await.unwrap()
        })
    })
}

fn journal() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("names.journal");
    (directory, path)
}

const LINES: &[&str] = &["a", "b", "c", "bad", "d", "b", "e"];

#[test]
fn a_run_that_was_stopped_goes_on_and_prints_what_one_run_prints() {
    let (_directory, path) = journal();
    let (_other, fresh) = journal();
    let whole = ran(plan(&fresh, "cut"), LINES);
    assert_eq!(whole.jobs.len(), 7);
    let report = stopped(plan(&path, "cut"), LINES, 3);
    assert_eq!(report.succeeded, 3);
    let rest = ran(plan(&path, "cut"), LINES);
    assert_eq!(
        rest.jobs,
        ["b", "bad", "d", "e"],
        "what was ended with the run is not done"
    );
    assert_eq!(rest.output, whole.output);
    assert_eq!(
        (
            rest.report.resumed,
            rest.report.failed,
            rest.report.succeeded
        ),
        (3, 1, 6)
    );
    assert_eq!(
        rest.report.attempts,
        report.attempts + 4,
        "each execution is accounted for"
    );
    let again = ran(plan(&path, "cut"), LINES);
    assert!(again.jobs.is_empty());
    assert_eq!(again.output, whole.output);
    assert_eq!((again.report.resumed, again.report.inputs), (7, 7));
}

#[test]
fn a_line_at_the_top_is_the_only_one_that_runs() {
    let (_directory, path) = journal();
    ran(plan(&path, "cut"), LINES);
    let mut lines = vec!["new"];
    lines.extend(LINES);
    let more = ran(plan(&path, "cut"), &lines);
    assert_eq!(more.jobs, ["new"]);
    assert!(more.output.starts_with("0 Exited(0) new/0\n"));
    // Removed and moved lines are no reason either.
    let fewer = ran(plan(&path, "cut"), &["e", "c", "a"]);
    assert!(fewer.jobs.is_empty());
    assert!(fewer.output.contains("0 Exited(0) e/0") && fewer.output.contains("2 Exited(0) a/0"));
}

#[test]
fn equal_lines_are_jobs_of_their_own() {
    let (_directory, path) = journal();
    let first = ran(plan(&path, "cut"), &["x", "x"]);
    assert_eq!(first.jobs, ["x", "x"]);
    let third = ran(plan(&path, "cut"), &["x", "x", "x"]);
    assert_eq!(third.jobs, ["x"]);
    assert!(third.output.contains("0 Exited(0) x/0") && third.output.contains("2 Exited(0) x/2"));
}

#[test]
fn another_command_runs_all_unless_it_is_said_to_be_the_same() {
    let (_directory, path) = journal();
    ran(plan(&path, "cut -c1"), LINES);
    let journal = Journal::open(&path).unwrap();
    let same = Standing::Same {
        results: 7,
        failed: 1,
    };
    assert_eq!(journal.standing(b"cut -c1").unwrap(), same);
    let changed = Standing::Changed {
        before: "cut -c1".into(),
        results: 7,
    };
    assert_eq!(journal.standing(b"cut -c2").unwrap(), changed);
    drop(journal);
    let all = ran(plan(&path, "cut -c2"), LINES);
    assert_eq!(all.jobs.len(), 7);
    // What the first command did is still known.
    assert!(ran(plan(&path, "cut -c1"), LINES).jobs.is_empty());

    let with = |same| {
        let mut plan = plan(&path, "cut -c 1");
        plan.journal = plan.journal.map(|journal| journal.assume_same(same));
        plan
    };
    assert!(ran(with(true), LINES).jobs.is_empty());
    assert!(ran(with(false), LINES).jobs.is_empty(), "it stays so");
}

#[test]
fn failures_stand_unless_they_are_to_be_tried_again() {
    let (_directory, path) = journal();
    ran(plan(&path, "cut"), LINES);
    let stands = ran(plan(&path, "cut"), LINES);
    assert_eq!((stands.jobs.len(), stands.report.failed), (0, 1));
    let mut again = plan(&path, "cut");
    again.journal = again.journal.map(|journal| journal.retry_failed(true));
    let again = ran(again, LINES);
    assert_eq!(again.jobs, ["bad"]);
    assert_eq!(again.output, stands.output);
    let connection = Connection::open(&path).unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 7, "the new result is in the place of the old one");
}

#[test]
fn failures_of_an_earlier_run_are_no_reason_to_halt() {
    let (_directory, path) = journal();
    let with = |halt| {
        let mut plan = plan(&path, "cut");
        plan.halt = halt;
        plan
    };
    ran(with(Halt::Never), &["bad", "a"]);
    let on = ran(
        with(Halt::Failed { jobs: 1, now: true }),
        &["bad", "a", "b"],
    );
    assert_eq!(on.jobs, ["b"]);
    assert!(!on.report.halted);
    // Successes count, whoever had them.
    let enough = ran(
        with(Halt::Succeeded { jobs: 2, now: true }),
        &["bad", "a", "b", "c"],
    );
    assert!(
        enough.jobs.is_empty() && enough.report.halted,
        "{:?}",
        enough.jobs
    );
}

#[test]
fn a_journal_belongs_to_one_run_at_a_time() {
    let (_directory, path) = journal();
    let first = Journal::open(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::InUse);
    assert!(
        error.to_string().contains("another run has this journal"),
        "{error}"
    );
    assert!(error.to_string().contains("names.journal"), "{error}");
    drop(first);
    drop(Journal::open(&path).unwrap());
    let plan = plan(&path, "cut");
    assert_eq!(Journal::open(&path).unwrap_err().kind(), Kind::InUse);
    ran(plan, LINES);
    drop(Journal::open(&path).unwrap());
}

#[test]
fn a_journal_without_an_identity_is_refused() {
    let (_directory, path) = journal();
    let mut plan = plan(&path, "cut");
    plan.identity = None;
    let work = |job: Job| async move { answer(&job) };
    let sink = |_: Input, _: Outcome| Ok(());
    let running = run(plan, inputs(["a"]), work, sink, CancellationToken::new());
    let error = runtime().block_on(running).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn outputs_of_any_size_come_back() {
    let (_directory, path) = journal();
    let sizes = ["0", "1", "65536", "65537", "3000000"];
    let said = |stream: u64, size: u64| -> Vec<u8> {
        (0..size).map(|n| (n * (7 + stream) % 253) as u8).collect()
    };
    for round in 0..2 {
        let path = path.clone();
        within(move || {
            let mut plan = plan(&path, "big");
            plan.spill = Spill::default().with_each(10_000);
            let spill = plan.spill.clone();
            let work = move |job: Job| {
                assert_eq!(round, 0, "all is in the journal");
                let spill = spill.clone();
                async move {
                    let size = std::str::from_utf8(&job.input).unwrap().parse().unwrap();
                    let gather = |stream, size| {
                        let mut gather = spill.gather();
                        gather.write_all(&said(stream, size)).unwrap();
                        gather.finish()
                    };
                    let mut outcome = Outcome::new(Ending::Exited(0));
                    outcome.stdout = gather(1, size);
                    outcome.stderr = gather(2, size / 2);
                    outcome
                }
            };
            let sink = move |input: Input, outcome: Outcome| {
                let size = std::str::from_utf8(&input.bytes).unwrap().parse().unwrap();
                for (stream, size, blob) in
                    [(1, size, outcome.stdout), (2, size / 2, outcome.stderr)]
                {
                    let mut bytes = Vec::new();
                    blob.write_to(&mut bytes).unwrap();
                    assert!(bytes == said(stream, size), "{stream} of {size}");
                }
                Ok(())
            };
            let running = run(plan, inputs(sizes), work, sink, CancellationToken::new());
            let report = runtime().block_on(running).unwrap();
            assert_eq!((report.succeeded, report.resumed), (5, round * 5));
        });
    }
}

#[test]
fn people_can_read_it() {
    let (_directory, path) = journal();
    ran(plan(&path, "cut -c1"), LINES);
    let connection = Connection::open(&path).unwrap();
    let row: (String, String, i64, String, String, String) = connection
        .query_row(
            "SELECT input, state, status, stdout, stderr, command FROM failures",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                ))
            },
        )
        .unwrap();
    assert_eq!(
        (row.0.as_str(), row.1.as_str(), row.2),
        ("bad", "failed", 1)
    );
    assert_eq!(
        (row.3.as_str(), row.4.as_str(), row.5.as_str()),
        ("bad/0\n", "about bad", "cut -c1")
    );
    let totals: (i64, i64, i64, i64) = connection
        .query_row(
            "SELECT jobs, done, failed, attempts FROM totals",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(totals, (7, 6, 1, 7));
    let times: (f64, String) = connection
        .query_row("SELECT seconds, ended FROM jobs", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(
        times.0 < 10.0 && times.1.starts_with("20") && times.1.ends_with('Z'),
        "{times:?}"
    );
}

#[test]
fn what_is_no_journal_or_damaged_is_said_to_be_so() {
    let (directory, path) = journal();
    std::fs::write(
        &path,
        b"1 seq of a joblog that another program wrote\n".repeat(100),
    )
    .unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(error.to_string().contains("it is no journal"), "{error}");
    assert!(error.hint().is_some());
    let text = std::fs::read(&path).unwrap();
    assert!(text.starts_with(b"1 seq of"), "it was not touched");

    let other = directory.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let error = Journal::open(&other).unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");

    let newer = directory.path().join("newer.journal");
    ran(plan(&newer, "cut"), LINES);
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 9)
        .unwrap();
    let error = Journal::open(&newer).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert!(error.to_string().contains("version 9"), "{error}");

    let missing = directory.path().join("no/such/directory/x.journal");
    assert!(
        Journal::open(&missing)
            .unwrap_err()
            .to_string()
            .contains("no/such/directory")
    );
}

#[test]
fn a_damaged_journal_ends_the_run_with_an_error_and_never_in_a_panic() {
    let (directory, path) = journal();
    let lines: Vec<String> = (0..400)
        .map(|n| format!("line {n} {}", "x".repeat(50)))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let whole = ran(plan(&path, "cut"), &lines).output;
    let bytes = std::fs::read(&path).unwrap();
    let mut errors = 0;
    for page in (1..bytes.len() / 4096).step_by(3) {
        let damaged = directory.path().join(format!("damaged-{page}"));
        let mut copy = bytes.clone();
        copy[page * 4096..page * 4096 + 2000].fill(0xa5);
        std::fs::write(&damaged, &copy).unwrap();
        let inputs_of: Vec<Bytes> = lines
            .iter()
            .map(|line| Bytes::copy_from_slice(line.as_bytes()))
            .collect();
        let ended = within(move || {
            let mut plan = Plan::new(2);
            plan.journal = Some(Journal::open(&damaged)?.with_command("cut"));
            plan.identity = Some("cut".into());
            let work = |job: Job| async move { answer(&job) };
            let output = Arc::default();
            let sink = print(Arc::clone(&output));
            let stop = CancellationToken::new();
            runtime().block_on(run(plan, inputs(inputs_of), work, sink, stop))?;
            let output = String::from_utf8(output.lock().unwrap().clone()).unwrap();
            Ok::<String, sockeye::Error>(output)
        });
        match ended {
            // The damage was in what this run does not read, or within a text.
            Ok(output) => assert_eq!(output.is_empty(), whole.is_empty()),
            Err(error) => {
                errors += 1;
                assert_eq!(error.kind(), Kind::Io, "{error}");
                assert!(error.to_string().contains("damaged-"), "{error}");
            }
        }
    }
    assert!(errors > 0, "some damage is found");
}

/// Not a test by itself: what the next one starts, with a journal in its environment. Prints each input as its job begins on
/// standard error, and results on standard output.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let work = |job: Job| async move {
        eprintln!("begun {}", String::from_utf8_lossy(&job.input));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        answer(&job)
    };
    let sink = |input: Input, outcome: Outcome| {
        let said = outcome.stdout.as_bytes().cloned().unwrap();
        println!(
            "result {} {}",
            input.index,
            String::from_utf8_lossy(&said).trim()
        );
        Ok(())
    };
    let lines: Vec<String> = (0..KILLED_LINES).map(|n| format!("{}", n / 2)).collect();
    let plan = plan(Path::new(&path), "child");
    let running = run(plan, inputs(lines), work, sink, CancellationToken::new());
    let report = runtime().block_on(running).unwrap();
    println!("end {} {}", report.inputs, report.attempts);
}

const KILLED_LINES: usize = 3000;

/// Run the child and kill it after so many results; the results it printed, the inputs it ran, and whether it came to its end.
fn killed_after(path: &Path, results: usize) -> (Vec<String>, Vec<String>, bool) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "work_journal::child",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = child.stderr.take().unwrap();
    let begun = std::thread::spawn(move || {
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let begun = lines.filter_map(|line| line.strip_prefix("begun ").map(str::to_owned));
        let begun = begun.filter(|input| !input.is_empty());
        begun.collect::<Vec<_>>()
    });
    let mut printed = Vec::new();
    let mut ended = false;
    for line in BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
    {
        let at = line.find("result ");
        if let Some(at) = at {
            printed.push(line[at..].to_owned());
            if printed.len() == results {
                child.kill().unwrap();
            }
        }
        ended |= line.starts_with("end ");
    }
    child.wait().unwrap();
    (printed, begun.join().unwrap(), ended)
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_and_runs_no_job_again_whose_result_was_out() {
    let (_directory, path) = journal();
    let child_path = path.clone();
    within(move || {
        let wanted: Vec<String> = (0..KILLED_LINES)
            .map(|n| format!("result {n} {}/{}", n / 2, n % 2))
            .collect();
        let mut out = 0;
        let mut begun: BTreeMap<String, usize> = BTreeMap::new();
        for results in [1, 40, 700, 1300, 2900, usize::MAX] {
            let (printed, jobs, ended) = killed_after(&child_path, results);
            // Equal lines are two jobs: both results out means that neither runs again.
            for job in &jobs {
                let number: usize = job.parse().unwrap();
                assert!(
                    number * 2 + 1 >= out,
                    "{job} ran again: {out} results were out"
                );
                *begun.entry(job.clone()).or_default() += 1;
            }
            assert_eq!(
                printed[..],
                wanted[..printed.len()],
                "the same, from the start"
            );
            assert!(
                printed.len() >= out.min(results),
                "all that was out is out again"
            );
            out = out.max(printed.len());
            // The last results may be in the pipe when the kill comes before the end.
            assert!(ended || results != usize::MAX, "who is left alone ends");
            assert!(!ended || printed.len() == KILLED_LINES, "an end is whole");
        }
        assert_eq!(out, KILLED_LINES);
        assert!(begun.values().all(|times| *times >= 2), "each line ran");
    });
    // Who was killed holds nothing, and the file is whole.
    drop(Journal::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_work_that_runs_as_a_type_is_a_work_too() {
    struct Upper;
    impl Work for Upper {
        async fn run(&self, job: Job) -> Outcome {
            Outcome::new(Ending::Exited(0)).with_stdout(job.input.to_ascii_uppercase())
        }
    }
    let (_directory, path) = journal();
    let output = Arc::default();
    let sink = print(Arc::clone(&output));
    let running = run(
        plan(&path, "upper"),
        inputs(["a"]),
        Upper,
        sink,
        CancellationToken::new(),
    );
    runtime().block_on(running).unwrap();
    assert_eq!(*output.lock().unwrap(), b"0 Exited(0) A\n");
}
