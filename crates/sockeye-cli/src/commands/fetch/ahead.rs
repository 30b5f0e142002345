//! Several answers to standard output: asked for at once, written whole and in the order of their URLs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sockeye::client::http::Response;
use sockeye::data::url::Scheme;
use sockeye::{Error, Result};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::plan::Job;
use super::{Fetch, args, http};
use crate::exit::{self, Outcome};

/// How much of an answer is held in memory until it is its turn, in bytes; the rest is left to the server.
const HELD: usize = 1 << 20;

/// An answer that was asked for before its turn.
struct Asked {
    turn: CancellationToken,
    task: JoinHandle<Result<Held>>,
}

/// What of it is here when its turn comes.
struct Held {
    response: Response,
    /// It broke behind what is held.
    broken: Option<Error>,
}

/// All jobs, so many at once. What fails is said, and the rest goes on; the first failure counts.
pub(super) async fn all(fetch: &Arc<Fetch>, at_once: usize) -> Outcome {
    let mut waiting = fetch.plan.jobs.iter();
    let mut begun = VecDeque::new();
    let mut outcome = Outcome::Done;
    loop {
        while begun.len() < at_once
            && let Some(job) = waiting.next()
        {
            let asked = (at_once > 1 && is_asked_ahead(fetch, job)).then(|| ask(fetch, job));
            begun.push_back((job, asked));
        }
        let Some((job, asked)) = begun.front_mut() else {
            return outcome;
        };
        let one = match asked {
            Some(asked) => show(fetch, asked).await,
            None => fetch.one(job).await,
        };
        begun.pop_front();
        let one = one.unwrap_or_else(|error| {
            let error = args::in_flags(error);
            fetch.output.error(&error);
            Outcome::Code(exit::code(error.kind()))
        });
        if outcome == Outcome::Done {
            outcome = one;
        }
        let fails_early = fetch.args.request.fail_early && outcome != Outcome::Done;
        if fails_early || fetch.unread.load(Ordering::Relaxed) {
            return outcome;
        }
    }
}

/// What nobody is asked for waits for its turn.
fn is_asked_ahead(fetch: &Fetch, job: &Job) -> bool {
    let is_http = matches!(job.url.scheme(), Scheme::Http | Scheme::Https);
    is_http && !fetch.args.report.curl && !fetch.args.request.dry_run
}

fn ask(fetch: &Arc<Fetch>, job: &Job) -> Asked {
    let turn = CancellationToken::new();
    let (fetch, job, is_turn) = (fetch.clone(), job.clone(), turn.clone());
    let task = tokio::spawn(async move {
        fetch.check(&job)?;
        let mut response = http::ask(&fetch, &job).await?;
        let ahead = is_turn.run_until_cancelled(response.read_ahead(HELD));
        let broken = ahead.await.and_then(Result::err);
        Ok(Held { response, broken })
    });
    Asked { turn, task }
}

async fn show(fetch: &Fetch, asked: &mut Asked) -> Result<Outcome> {
    asked.turn.cancel();
    let held = (&mut asked.task).await;
    // A task that panicked: the panic is shown where it happened.
    let Ok(held) = held else {
        return Ok(Outcome::Code(exit::BROKEN));
    };
    let Held {
        mut response,
        broken,
    } = held?;
    let outcome = http::show(fetch, &mut response).await?;
    broken.map_or(Ok(outcome), Err)
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.task.abort();
    }
}
