//! `sockeye fetch`: get, put, post and download over http, https, ftp, ftps, file and data.
//!
//! Words and flags become a [`Plan`]; each of its jobs, one for each URL, is run by the module of its scheme. Each theme has
//! its own group of flags in `args/`, which knows how to apply itself to the client.

mod ahead;
mod args;
mod body;
mod conditions;
mod convert;
mod dry_run;
mod ftp;
mod habits;
mod http;
mod identity;
mod items;
mod local;
mod nested;
mod parts;
mod plan;
mod probe;
mod report;
mod save;
mod show;
mod source;
mod words;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sockeye::client::download::Rate;
use sockeye::client::http::{Client, Limits, Policy};
use sockeye::data::url::Scheme;
use sockeye::{Error, Kind, Operation, Result};
use tokio::time::Instant;

use self::args::{
    ConvertArgs, FtpArgs, IdentityArgs, PolicyArgs, ReachArgs, ReportArgs, RequestArgs, SaveArgs,
};
pub(crate) use self::habits::hint_for;
use self::identity::Identity;
pub(crate) use self::identity::secret;
use self::plan::{Job, Plan};
pub(crate) use self::probe::Probe;
use self::report::Reporter;
use crate::args::TalkingArgs;
use crate::exit::{self, Outcome};
use crate::output::Output;
use crate::signals;

/// Get, put, post and download over http, https, ftp, ftps, file and data
///
/// The method may stand before the URLs, and items behind them: name=value and name:=JSON are fields of a JSON object
/// (of a form with --form), Name:value is a header, name==value a part of the query, name@file a file in a form,
/// @file the whole body. a[b][]=x puts a value into objects and lists. With data, the method is POST.
///
/// In a pipe or a file, every byte of a body is exact. At a terminal, text is shown without what could confuse the terminal,
/// JSON is laid out, and what is no text is not shown.
///
/// Exit codes: 1 if a server answers with 400 or above, else as everywhere. Of several URLs that fail, the first gives it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sockeye fetch example.org/index.html\n  \
    sockeye fetch --http1.0 --wire http://www.python.org/index.html -o index.html\n  \
    sockeye fetch POST api.example/notes title=Hi tags[]=a tags[]=b done:=false X-Trace:7\n  \
    sockeye fetch -d name=value -d @more.txt https://example.org/form\n  \
    sockeye fetch -F photo=@cat.png -F note=hello https://example.org/upload\n  \
    tar cz . | sockeye fetch -T - https://example.org/backup.tgz\n  \
    sockeye fetch --dry-run PUT example.org/x a=b")]
pub(crate) struct Args {
    /// A method if it is not implied, URLs (without a scheme they are http), then items
    #[arg(
        required_unless_present = "input",
        value_name = "[METHOD] URL... [ITEM...]"
    )]
    words: Vec<String>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    convert: ConvertArgs,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    ftp: FtpArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

impl Args {
    /// The client that these flags describe.
    fn client(
        &self,
        identity: &Identity,
        output: &Output,
        reporter: &Arc<Reporter>,
    ) -> Result<Client> {
        let mut builder =
            Client::builder().net(self.reach.net(self.talking.net(output, false), output));
        let mut limits = Limits::default();
        self.request.limit(&mut limits);
        self.save.limit(&mut limits);
        builder = self.request.apply(builder)?.limits(limits);
        builder = identity.apply(builder);
        builder = self.reach.apply(builder, &self.talking)?;
        builder = self.policy.apply(builder)?;
        if let Some(danger) = self.policy.danger() {
            output.warn(danger);
        }
        let client = reporter.apply(builder).build();
        reporter.started(client.started());
        Ok(client)
    }
}

/// One run of the command: what all of its jobs share.
struct Fetch {
    args: Args,
    plan: Plan,
    identity: Identity,
    client: Client,
    output: Output,
    /// What all that comes is held to.
    rate: Option<Rate>,
    /// What may be asked, whatever the scheme; the client knows of it too.
    policy: Option<Policy>,
    /// When `--timeout` is over.
    deadline: Option<Instant>,
    /// Nobody reads standard output any more.
    unread: AtomicBool,
    /// How the first conversion ended that did not end well.
    converted: OnceLock<Outcome>,
}

/// How long after the end of `--timeout` a job may still say what was late.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Do each job. What fails is said, and the rest goes on; the first failure gives the exit code.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let timeout = args.talking.timeout;
    let plan = Plan::new(&args)?;
    for warning in &plan.warnings {
        output.warn(warning);
    }
    let identity = args.identity.prepare(&output)?;
    let reporter = Reporter::new(&args.report, &output)?;
    let fetch = Arc::new(Fetch {
        plan,
        client: args.client(&identity, &output, &reporter)?,
        identity,
        policy: args.policy.policy()?,
        rate: args.save.limit_rate.map(Rate::new),
        deadline: timeout.map(|timeout| Instant::now() + timeout),
        args,
        output,
        unread: AtomicBool::new(false),
        converted: OnceLock::new(),
    });
    let stop = signals::stop_on_signals();
    let work = fetch.within(timeout);
    let outcome = match stop.run_until_cancelled(work).await {
        Some(outcome) => outcome,
        None => Ok(Outcome::Interrupted),
    };
    let written = reporter.finish().and(fetch.identity.save(&fetch.output));
    outcome.and_then(|outcome| written.map(|()| outcome))
}

impl Fetch {
    /// All jobs, within this time.
    async fn within(self: &Arc<Self>, timeout: Option<Duration>) -> Result<Outcome> {
        let (Some(deadline), Some(timeout)) = (self.deadline, timeout) else {
            return Ok(self.all().await);
        };
        // A job that knows of the deadline says more about what is late, so it gets a moment to do so.
        tokio::time::timeout_at(deadline + LAST_WORDS, self.all())
            .await
            .map_err(|_| {
                let why = format!("--timeout {timeout:?} is over");
                Error::new(Kind::TimedOut, Operation::Fetch, why)
            })
    }

    async fn all(self: &Arc<Self>) -> Outcome {
        if let Err(error) = self.identity.get_token(&self.client).await {
            self.output.error(&error);
            return Outcome::Code(exit::code(error.kind()));
        }
        let shows = self.args.report.curl || self.args.request.dry_run;
        let converts = self.args.convert.is_given();
        if self.args.save.saves() && !shows && !converts {
            return save::all(self).await;
        }
        let refused = match converts {
            true => convert::refuse(self),
            false => self.args.save.refuse_without_saving(),
        };
        if let Err(error) = refused {
            return Outcome::Code(self.output.fail(&error));
        }
        let at_once = self.args.save.jobs.unwrap_or(1) as usize;
        match ahead::all(self, at_once).await {
            Outcome::Done => self.converted.get().copied().unwrap_or(Outcome::Done),
            outcome => outcome,
        }
    }

    /// One job, by the scheme of its URL.
    async fn one(&self, job: &Job) -> Result<Outcome> {
        self.check(job)?;
        match job.url.scheme() {
            Scheme::Http | Scheme::Https if self.args.request.dry_run => {
                dry_run::run(self, job).await
            }
            Scheme::Http | Scheme::Https => http::run(self, job).await,
            Scheme::File | Scheme::Data => local::run(self, job).await,
            Scheme::Ftp | Scheme::Ftps => ftp::run(self, job).await,
        }
    }

    /// Whether a job may be done at all.
    fn check(&self, job: &Job) -> Result<()> {
        ftp::refuse_elsewhere(&self.args.ftp, job)?;
        let Some(policy) = &self.policy else {
            return Ok(());
        };
        let checked = policy.check(&job.url);
        checked.map_err(|error| error.about(job.url.without_secrets()))
    }

    /// Whoever read standard output has read enough: that is a quiet end.
    fn is_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// A conversion ended so.
    fn is_converted(&self, outcome: Outcome) {
        if outcome != Outcome::Done {
            // The first counts.
            let _ = self.converted.set(outcome);
        }
    }

    /// How much is left of `--timeout`.
    fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}
