//! Work on pieces of a stream on several threads, with the results in the order of the pieces.
//!
//! Plain threads and bounded queues: whoever is slow, source, workers or sink, makes the others wait, and what is under way stays
//! a few pieces for each worker. Nothing here knows what a piece is.
//!
//! ```
//! use sockeye_data::parallel::{Threads, in_order};
//!
//! let mut pieces = 0..100_u64;
//! let mut squares = Vec::new();
//! in_order(
//!     Threads { workers: 4, stack_bytes: 1 << 20 },
//!     || Ok::<_, ()>(pieces.next()),
//!     || |piece| piece * piece,
//!     |square| {
//!         squares.push(square);
//!         Ok(())
//!     },
//! )
//! .unwrap();
//! assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
//! ```

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many pieces are under way for each worker: one in work, one that waits, so that nobody stands still.
const UNDER_WAY: usize = 2;

/// The threads that work.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    /// How many work on pieces; where there are several, one more takes them from the source.
    pub workers: usize,
    /// The stack of each, in bytes: programs that recurse want much.
    pub stack_bytes: usize,
}

/// A piece on its way to a worker, and where the result is waited for.
type Job<P, T> = (P, SyncSender<T>);

/// Take pieces from `source` until there are none, work on each with what `worker` makes for each thread, and hand the results to
/// `sink` in order, on this thread. `source` runs on a thread of its own; with one worker or none, all of it is done on this thread.
///
/// # Errors
///
/// The first of what `source` or `sink` fail with. What was taken before the source failed is worked on and handed over first. If
/// the sink fails, no more is taken.
///
/// # Panics
///
/// If the source, a worker or the sink does.
pub fn in_order<P, T, E, W>(
    threads: Threads,
    mut source: impl FnMut() -> Result<Option<P>, E> + Send,
    worker: impl Fn() -> W + Sync,
    mut sink: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E>
where
    P: Send,
    T: Send,
    E: Send,
    W: FnMut(P) -> T,
{
    if threads.workers < 2 {
        return one_by_one(source, worker(), sink);
    }
    let under_way = threads.workers * UNDER_WAY;
    let (to_workers, jobs) = sync_channel::<Job<P, T>>(under_way);
    let jobs = Mutex::new(jobs);
    // Results are waited for in the order in which pieces came.
    let (to_sink, results) = sync_channel::<Receiver<T>>(under_way);
    let stack_bytes = threads.stack_bytes;
    thread::scope(|scope| {
        for _ in 0..threads.workers {
            spawn(scope, stack_bytes, || work(&jobs, worker()));
        }
        let (failed, failure) = sync_channel(1);
        let feed = move || {
            loop {
                match source() {
                    Ok(Some(piece)) => {
                        let (result, waiting) = sync_channel(1);
                        // Whoever hears no more has a reason: the sink has failed.
                        if to_sink.send(waiting).is_err()
                            || to_workers.send((piece, result)).is_err()
                        {
                            break;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        drop(failed.send(error));
                        break;
                    }
                }
            }
        };
        spawn(scope, stack_bytes, feed);
        let mut outcome = Ok(());
        for waiting in &results {
            // Without a result the worker has panicked: the scope says so at its end.
            let Ok(result) = waiting.recv() else { break };
            outcome = sink(result);
            if outcome.is_err() {
                break;
            }
        }
        drop(results);
        // The source may stand before a full queue, with no worker left: what waits there is not wanted any more.
        let take = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while take().is_ok() {}
        outcome.and_then(|()| failure.recv().map_or(Ok(()), Err))
    })
}

/// The same on this thread alone.
fn one_by_one<P, T, E>(
    mut source: impl FnMut() -> Result<Option<P>, E>,
    mut worker: impl FnMut(P) -> T,
    mut sink: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(piece) = source()? {
        sink(worker(piece))?;
    }
    Ok(())
}

fn spawn<'scope, 'env>(
    scope: &'scope thread::Scope<'scope, 'env>,
    stack_bytes: usize,
    body: impl FnOnce() + Send + 'scope,
) {
    let builder = thread::Builder::new().stack_size(stack_bytes);
    builder
        .spawn_scoped(scope, body)
        .expect("a thread can be started");
}

fn work<P, T>(jobs: &Mutex<Receiver<Job<P, T>>>, mut worker: impl FnMut(P) -> T) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((piece, result)) = job else { break };
        // If nobody waits any more, the rest of the jobs is soon gone too.
        drop(result.send(worker(piece)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Threads, in_order};

    fn threads(workers: usize) -> Threads {
        Threads {
            workers,
            stack_bytes: 1 << 20,
        }
    }

    #[test]
    fn results_come_in_order_however_long_each_takes() {
        for workers in [1, 2, 7] {
            let mut pieces = 0..500_u64;
            let mut got = Vec::new();
            let work = |piece: u64| {
                // Some take much longer than others.
                let turns = (piece.wrapping_mul(2_654_435_761) % 7) * 2_000;
                (piece, (0..turns).fold(0, u64::wrapping_add))
            };
            in_order(
                threads(workers),
                || Ok::<_, ()>(pieces.next()),
                || work,
                |(piece, _)| {
                    got.push(piece);
                    Ok(())
                },
            )
            .unwrap();
            assert!(got.iter().copied().eq(0..500), "{workers} workers: {got:?}");
        }
    }

    #[test]
    fn what_came_before_a_failure_is_handed_over() {
        let mut pieces = 0..;
        let mut got = Vec::new();
        let outcome = in_order(
            threads(3),
            || match pieces.next() {
                Some(20) => Err("it broke"),
                piece => Ok(piece),
            },
            || |piece: u32| piece,
            |piece| {
                got.push(piece);
                Ok(())
            },
        );
        assert_eq!(outcome, Err("it broke"));
        assert!(got.into_iter().eq(0..20));
    }

    #[test]
    fn a_sink_that_fails_stops_the_source_and_a_slow_one_holds_it() {
        let taken = AtomicUsize::new(0);
        let mut handed = 0;
        let outcome = in_order(
            threads(2),
            || Ok(Some(taken.fetch_add(1, Ordering::Relaxed))),
            || |piece: usize| piece,
            |_| {
                handed += 1;
                if handed == 10 { Err("closed") } else { Ok(()) }
            },
        );
        assert_eq!(outcome, Err("closed"));
        let taken = taken.into_inner();
        assert!(
            taken <= 10 + 2 * 2 * 2 + 4,
            "{taken} pieces were taken ahead"
        );
    }
}
