//! `sockeye fetch`: get, put, post and download over http, https, ftp, ftps, file and data.
//!
//! Words and flags become a [`Plan`]; each of its jobs, one for each URL, is run by the module of its scheme. Each theme has
//! its own group of flags in `args/`, which knows how to apply itself to the client.

mod args;
mod http;
mod plan;
mod report;
mod show;

use std::sync::Arc;
use std::time::Duration;

use sockeye::client::http::Client;
use sockeye::data::url::Scheme;
use sockeye::{Error, Kind, Operation, Result};
use tokio::time::Instant;

use self::args::{IdentityArgs, PolicyArgs, ReachArgs, ReportArgs, RequestArgs, SaveArgs};
use self::plan::{Job, Plan};
use self::report::Reporter;
use crate::args::TalkingArgs;
use crate::exit::{self, Outcome};
use crate::output::Output;
use crate::signals;

/// Get, put, post and download over http, https, ftp, ftps, file and data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to fetch; without a scheme it is http
    #[arg(required = true, value_name = "URL")]
    words: Vec<String>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

impl Args {
    /// The client that these flags describe.
    fn client(&self, output: &Output, reporter: &Arc<Reporter>) -> Result<Client> {
        let mut builder =
            Client::builder().net(self.reach.net(self.talking.net(output, false), output));
        builder = self.request.apply(builder)?;
        builder = self.identity.apply(builder)?;
        builder = self.reach.apply(builder, &self.talking)?;
        builder = self.policy.apply(builder)?;
        let client = reporter.apply(builder).build();
        reporter.started(client.started());
        Ok(client)
    }
}

/// One run of the command: what all of its jobs share.
struct Fetch {
    args: Args,
    plan: Plan,
    client: Client,
    output: Output,
    /// When `--timeout` is over.
    deadline: Option<Instant>,
}

/// Do each job, one after the other. What fails is said, and the rest goes on; the first failure gives the exit code.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let timeout = args.talking.timeout;
    let reporter = Reporter::new(&args.report, &output)?;
    let fetch = Fetch {
        plan: Plan::new(&args)?,
        client: args.client(&output, &reporter)?,
        deadline: timeout.map(|timeout| Instant::now() + timeout),
        args,
        output,
    };
    let stop = signals::stop_on_signals();
    let work = fetch.within(timeout);
    let outcome = match stop.run_until_cancelled(work).await {
        Some(outcome) => outcome,
        None => Ok(Outcome::Interrupted),
    };
    let written = reporter.finish();
    outcome.and_then(|outcome| written.map(|()| outcome))
}

impl Fetch {
    /// All jobs, within this time.
    async fn within(&self, timeout: Option<Duration>) -> Result<Outcome> {
        let (Some(deadline), Some(timeout)) = (self.deadline, timeout) else {
            return Ok(self.all().await);
        };
        // A job that knows of the deadline says more about what is late, so it is asked first.
        tokio::time::timeout_at(deadline, self.all())
            .await
            .map_err(|_| {
                let why = format!("--timeout {timeout:?} is over");
                Error::new(Kind::TimedOut, Operation::Fetch, why)
            })
    }

    async fn all(&self) -> Outcome {
        let mut outcome = Outcome::Done;
        for job in &self.plan.jobs {
            let one = match self.one(job).await {
                Ok(one) => one,
                Err(error) => {
                    let error = args::in_flags(error);
                    self.output.error(&error);
                    Outcome::Code(exit::code(error.kind()))
                }
            };
            if outcome == Outcome::Done {
                outcome = one;
            }
        }
        outcome
    }

    /// One job, by the scheme of its URL.
    async fn one(&self, job: &Job) -> Result<Outcome> {
        match job.url.scheme() {
            Scheme::Http | Scheme::Https => http::run(self, job).await,
            other => {
                let why = format!("`{}` is not spoken yet", other.as_str());
                Err(Error::new(Kind::Unsupported, Operation::Fetch, why))
            }
        }
    }

    /// How much is left of `--timeout`.
    fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}
