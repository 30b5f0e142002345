//! `map @fetch`: ask many URLs, and say how each went.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::Serialize;
use sockeye::client::http::Response;
use sockeye::data::escape::escape;
use sockeye::data::url::Scheme;
use sockeye::work::Spill;
use sockeye::{Error, Kind, Operation, Result};

use super::args::Pretty;
use super::items::{self, Manner};
use super::plan::{self, Job, Plan};
use super::report::Reporter;
use super::source::Sources;
use super::{Args, Fetch, http, words};
use crate::commands::map::Rules;
use crate::commands::map::probes::{self, Place, Said, Target};
use crate::output::Output;
use crate::report::{seconds, short};

const NAME: &str = "@fetch";

/// What stands for the URL while the flags are read.
const STAND_IN: &str = "http://x.invalid/";

/// The flags of `fetch`, and one more.
#[derive(Debug, clap::Args)]
struct Typed {
    #[command(flatten)]
    fetch: Args,
    /// Give the body, and not a line about it
    #[arg(long)]
    body: bool,
}

/// See the [module](self).
pub(crate) struct Probe {
    fetch: Fetch,
    pub(in crate::commands) target: Target,
    body: bool,
    spill: Spill,
}

impl Probe {
    /// With the flags of `fetch`.
    pub(crate) fn new(typed: Vec<OsString>, rules: &Rules, spill: &Spill) -> Result<Self> {
        let place = Place {
            probe: NAME,
            id: "words",
            stand_in: STAND_IN,
            rules,
            is_target,
            behind: |typed| usize::from(typed.first().is_some_and(|word| words::is_method(word))),
        };
        let (typed, target) = probes::place::<Typed>(&place, typed);
        let typed: Typed = probes::parse(NAME, typed)?;
        let args = typed.fetch;
        refuse(&args)?;
        let plan = Plan::with_sources(&args, &Sources::without_stdin())?;
        if let Some(more) = plan.jobs.get(1) {
            return Err(probes::inputs_are_targets(NAME, &more.url.to_string()));
        }
        // Warnings about the flags are said once, and by the run; jobs say nothing but their lines.
        let silent = Output::silent();
        let identity = args.identity.prepare(&silent)?;
        let kept = "nothing is kept of a run of probes";
        probes::refuse(
            NAME,
            &[
                (identity.jar_file.is_some(), "--cookie-jar", kept),
                (identity.hsts_file.is_some(), "--hsts", kept),
                (identity.keeps_session, "--session", kept),
            ],
        )?;
        let reporter = Reporter::new(&args.report, &silent)?;
        let client = args.client(&identity, &silent, &reporter)?;
        let fetch = Fetch {
            plan,
            client,
            identity,
            policy: args.policy.policy()?,
            rate: None,
            deadline: None,
            args,
            output: silent,
            unread: AtomicBool::new(false),
            converted: OnceLock::new(),
        };
        Ok(Self {
            fetch,
            target,
            body: typed.body,
            spill: spill.clone(),
        })
    }

    /// Ask for this URL.
    ///
    /// # Errors
    ///
    /// Those of asking, and of reading the body.
    pub(crate) async fn run(&self, target: &str, json: bool) -> Result<Said> {
        let fetch = &self.fetch;
        let url = plan::url(target, &fetch.args.request)?;
        if !matches!(url.scheme(), Scheme::Http | Scheme::Https) {
            let why = format!("{NAME} asks http and https");
            return Err(Error::new(Kind::Usage, Operation::Fetch, why)
                .about(url.without_secrets())
                .with_hint("`map -- sockeye fetch {}` runs a process for each URL"));
        }
        let job = Job { number: 0, url };
        fetch.check(&job)?;
        fetch.identity.get_token(&fetch.client).await?;
        let began = Instant::now();
        let mut request = fetch.request(&job)?;
        if let Some(limit) = fetch.args.talking.timeout {
            request.set_timeout(limit);
        }
        let mut response = fetch.client.send(request).await?;
        let mut body = self.body.then(|| self.spill.gather());
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await? {
            bytes += chunk.len() as u64;
            if let Some(body) = &mut body {
                let kept = body.write_all(&chunk);
                kept.map_err(|error| Error::from_io(Operation::Write, error))?;
            }
        }
        let told = Fetched::new(target, &response, bytes, began);
        let mut said = Said::line(json, &told);
        if let Some(body) = body {
            said.stdout = body.finish();
        }
        if response.status() >= 400 {
            let reason = escape(&response.hop().reason);
            let line = format!(
                "{}: the server answers {} {reason}",
                response.url(),
                response.status()
            );
            said.stderr.push_str(line.trim_end());
            said.stderr.push('\n');
            said.status = http::outcome_of(&response).code();
        }
        Ok(said)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// Whether a word with `{}` in it is the URL, and not an item that sends two brackets.
fn is_target(word: &str) -> bool {
    word.contains("://")
        || items::split(word).is_none_or(|(name, manner, _)| {
            name.contains("{}") && matches!(manner, Manner::Header)
                || manner == Manner::Header && name.contains('.')
                || name.contains('/')
        })
}

/// What makes no sense for many URLs at once.
fn refuse(args: &Args) -> Result<()> {
    let request = &args.request;
    let of_files = args.save.of_files(true).unwrap_or_default();
    let saved = "nothing is saved: --body gives bodies in the order of the inputs";
    let alone = "it is for one URL: `sockeye fetch` has it";
    let report = &args.report;
    let reports = report.timing || report.har.is_some() || report.write_out.is_some();
    probes::refuse(
        NAME,
        &[
            (
                request.input.is_some(),
                "--input",
                "the URLs are the inputs",
            ),
            (request.etag_save.is_some(), "--etag-save", alone),
            (request.etag_compare.is_some(), "--etag-compare", alone),
            (request.dry_run, "--dry-run", "nothing would be asked"),
            (request.include, "--include", alone),
            (
                request.pretty != Pretty::Auto,
                "--pretty",
                "bodies stay as they are",
            ),
            (
                request.fail_early,
                "--fail-early",
                "`map --halt` decides that",
            ),
            (!of_files.is_empty(), of_files, saved),
            (args.save.saves(), "a flag for files", saved),
            (
                args.save.refuse_without_saving().is_err(),
                "a flag for files",
                saved,
            ),
            (args.save.jobs.is_some(), "--jobs", "`map -j` decides that"),
            (args.save.limit_rate.is_some(), "--limit-rate", alone),
            (
                args.convert.is_given(),
                "--as",
                "convert what comes out: `map @fetch --body | sockeye convert`",
            ),
            (reports, "a report", "--json tells status, bytes and times"),
            (report.curl, "--curl", alone),
            (
                args.ftp.given().is_some(),
                "a flag for FTP",
                "only http and https are asked",
            ),
            (
                args.talking.wire.is_some(),
                "--wire",
                "of many at once nobody could read it; `sockeye fetch --wire` shows one",
            ),
        ],
    )
}

/// How asking went.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "fetched")]
struct Fetched<'a> {
    target: &'a str,
    url: String,
    status: u16,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    bytes: u64,
    requests: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    seconds: f64,
    #[serde(skip)]
    took: String,
}

impl<'a> Fetched<'a> {
    fn new(target: &'a str, response: &Response, bytes: u64, began: Instant) -> Self {
        let took = began.elapsed();
        let connection = response.hop().connection.as_ref();
        Self {
            target,
            url: response.url().without_secrets().to_string(),
            status: response.status(),
            version: response.version().as_str(),
            media_type: response.header("content-type").map(str::to_owned),
            bytes,
            requests: response.hops().len(),
            peer: connection.and_then(|it| Some(it.peer.as_ref()?.to_string())),
            seconds: seconds(took),
            took: short(took),
        }
    }
}

impl fmt::Display for Fetched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = probes::shown(self.target);
        let media_type = self.media_type.as_deref().map(probes::shown);
        let media_type = media_type.as_deref().unwrap_or("-");
        let (status, bytes, took) = (self.status, self.bytes, &self.took);
        write!(f, "{target}\t{status}\t{media_type}\t{bytes}\t{took}")?;
        match self.requests {
            0 | 1 => Ok(()),
            _ => write!(f, "\t{}", self.url),
        }
    }
}
