//! Bodies that are saved to files: several at once, with bars at a terminal and events under `--json`.

mod bars;
mod events;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sockeye::client::download::{self, Check, Download, Event, Failed, Retries, Saved, Traffic};
use sockeye::data::fields::url_file_name;
use sockeye::data::url::{Scheme, Url};
use sockeye::{Error, Kind, Operation, Result};
use tokio_util::sync::CancellationToken;

use self::bars::Bars;
use self::events::Shown;
use super::plan::Job;
use super::{Fetch, args};
use crate::exit::{self, Outcome};
use crate::output::Level;

/// So many downloads at once, unless `--jobs` says otherwise.
const JOBS: u32 = 8;
/// So many connections to one host, unless `--per-host` says otherwise.
const PER_HOST: u32 = 6;

/// Fetch everything to files.
pub(super) async fn all(fetch: &Arc<Fetch>) -> Outcome {
    match Saving::new(fetch).await {
        Ok(saving) => saving.run().await,
        Err(error) => Outcome::Code(fetch.output.fail(&error)),
    }
}

/// One run that saves.
struct Saving {
    fetch: Arc<Fetch>,
    checks: Vec<Check>,
    traffic: Traffic,
    bars: Arc<Bars>,
    began: Instant,
}

/// What became of all of them.
#[derive(Default)]
struct Sum {
    outcome: Option<Outcome>,
    files: u64,
    bytes: u64,
}

impl Saving {
    async fn new(fetch: &Arc<Fetch>) -> Result<Self> {
        let save = &fetch.args.save;
        let names = save.output.len();
        let urls = fetch.plan.jobs.len();
        if names > urls {
            return Err(args::too_many(names, urls));
        }
        if fetch.plan.jobs.len() > 1 && !save.mirror.is_empty() {
            let why = "a mirror is of one file, and there are several URLs";
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        }
        refuse(fetch)?;
        let mut traffic = Traffic::new(save.per_host.unwrap_or(PER_HOST) as usize);
        if let Some(rate) = &fetch.rate {
            traffic = traffic.rate(rate.clone());
        }
        Ok(Self {
            checks: checks(fetch).await?,
            bars: Arc::new(Bars::new(&fetch.output, urls)),
            fetch: fetch.clone(),
            traffic,
            began: Instant::now(),
        })
    }

    async fn run(self) -> Outcome {
        let mut sum = Sum::default();
        let mut wanted = Vec::new();
        for job in &self.fetch.plan.jobs {
            if let Some(name) = self.name(job.number)
                && matches!(job.url.scheme(), Scheme::Http | Scheme::Https)
            {
                wanted.push((job, name));
                continue;
            }
            self.other(job, &mut sum).await;
            if self.ends_early(&sum) {
                return sum.outcome.unwrap_or(Outcome::Done);
            }
        }
        let numbers: Vec<usize> = wanted.iter().map(|(job, _)| job.number).collect();
        let downloads = wanted.into_iter();
        let downloads = downloads.map(|(job, name)| self.download(job, name));
        let downloads: Vec<_> = downloads.collect();
        let jobs = self.fetch.args.save.jobs.unwrap_or(JOBS) as usize;
        let enough = CancellationToken::new();
        let all = download::all(downloads, jobs, |index, outcome| {
            if enough.is_cancelled() {
                return;
            }
            self.ended(numbers[index], outcome, &mut sum);
            if self.ends_early(&sum) {
                enough.cancel();
            }
        });
        enough.run_until_cancelled(all).await;
        self.bars.end();
        if numbers.len() > 1 {
            let seconds = self.began.elapsed();
            self.fetch
                .output
                .event(Level::Normal, &events::total(sum.files, sum.bytes, seconds));
        }
        sum.outcome.unwrap_or(Outcome::Done)
    }

    /// Whether one that failed stops the others.
    fn ends_early(&self, sum: &Sum) -> bool {
        self.fetch.args.request.fail_early && sum.outcome.is_some()
    }

    /// The name that was given for this URL; an empty one leaves it to the server, and none is for standard output.
    fn name(&self, number: usize) -> Option<PathBuf> {
        match self.fetch.args.save.output.get(number) {
            Some(name) if name == Path::new("-") => None,
            Some(name) => Some(name.clone()),
            None => Some(PathBuf::new()),
        }
    }

    /// What is not saved from here.
    async fn other(&self, job: &Job, sum: &mut Sum) {
        let outcome = match self.fetch.one(job).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Code(self.fetch.output.fail(&args::in_flags(error))),
        };
        sum.add(outcome);
    }

    fn download(&self, job: &Job, name: PathBuf) -> Download {
        let number = job.number;
        let save = &self.fetch.args.save;
        let mut download = Download::of(&self.fetch.client, job.url.clone())
            .existing(save.existing())
            .create_folders(save.create_dirs)
            .keep_time(!save.no_mtime)
            .retries(self.retries())
            .traffic(self.traffic.clone());
        let folder = save.output_dir.clone().unwrap_or_default();
        download = match name.as_os_str().is_empty() {
            true => download.into_folder(folder),
            false => download.to(folder.join(name)),
        };
        if let Some(segments) = save.segments {
            download = download.segments(segments);
        }
        if let Some(least) = save.min_split {
            download = download.least_segment(least);
        }
        for check in &self.checks {
            download = download.check(check.clone());
        }
        for mirror in &save.mirror {
            download = download.mirror(mirror.clone());
        }
        let fetch = self.fetch.clone();
        let mut download = download.ask(move |url: &Url| {
            let mut job = fetch.plan.jobs[number].clone();
            job.url = url.clone();
            fetch.request(&job)
        });
        let (fetch, bars) = (self.fetch.clone(), self.bars.clone());
        download = download.watch(move |event| tell(&fetch, &bars, number, &event));
        download
    }

    fn retries(&self) -> Retries {
        let repeatable = self.fetch.plan.body().is_repeatable();
        self.fetch.args.policy.retries(repeatable)
    }

    fn ended(&self, number: usize, outcome: Result<Saved, Failed>, sum: &mut Sum) {
        let output = &self.fetch.output;
        let url = &self.fetch.plan.jobs[number].url;
        self.bars.done(number);
        match outcome {
            Ok(saved) => {
                sum.files += u64::from(!saved.skipped);
                sum.bytes += saved.received;
                // Of many at once, none went as fast as it could.
                let is_alone = self.fetch.plan.jobs.len() == 1;
                let elapsed = is_alone.then(|| self.began.elapsed());
                let shown = Shown::saved(number, url, &saved, elapsed);
                output.event(Level::Normal, &shown);
            }
            // What was asked for with -z or --etag-compare: there is nothing new.
            Err(failed) if failed.status == Some(304) => {
                let line = format!("{}: the server has nothing new", url.without_secrets());
                output.say(Level::Normal, line);
            }
            Err(failed) => {
                let outcome = match failed.status {
                    Some(_) => Outcome::No,
                    None => Outcome::Code(exit::code(failed.error.kind())),
                };
                sum.add(outcome);
                if output.json() {
                    output.json_line(&Shown::failed(number, url, &failed));
                }
                output.error(&args::in_flags(failed.error));
            }
        }
    }
}

/// What would be ignored where bodies are saved is refused.
fn refuse(fetch: &Fetch) -> Result<()> {
    let request = &fetch.args.request;
    let is_http = |job: &Job| matches!(job.url.scheme(), Scheme::Http | Scheme::Https);
    let goes_on = fetch.args.save.continued && request.upload.is_some();
    let outputs = &fetch.args.save.output;
    let is_shown =
        outputs.len() == fetch.plan.jobs.len() && outputs.iter().all(|name| name == Path::new("-"));
    let named = [
        (request.head, "--head"),
        (request.include, "--include"),
        (request.etag_save.is_some(), "--etag-save"),
        (
            goes_on && fetch.plan.jobs.iter().any(is_http),
            "--continue with --upload",
        ),
    ];
    match named.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) if !is_shown => {
            let why = format!("{flag} means nothing where a body is saved");
            Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("without -O, -o and -P all of an answer goes to standard output"))
        }
        _ => Ok(()),
    }
}

impl Sum {
    /// The first that is not good counts.
    fn add(&mut self, outcome: Outcome) {
        if outcome != Outcome::Done {
            self.outcome.get_or_insert(outcome);
        }
    }
}

/// Something happened to a download.
fn tell(fetch: &Fetch, bars: &Bars, number: usize, event: &Event) {
    bars.tell(number, event);
    let Some(shown) = Shown::of(number, &fetch.plan.jobs[number].url, event) else {
        return;
    };
    let level = shown.level();
    let is_progress = matches!(event, Event::Progress { .. });
    if fetch.output.json() {
        fetch.output.json_line(&shown);
    } else if !is_progress && fetch.output.says(level) {
        fetch.output.say(level, &shown);
    }
}

/// Where what comes from elsewhere than HTTP is to be saved; `None` is standard output.
pub(super) fn destination(fetch: &Fetch, job: &Job) -> Result<Option<PathBuf>> {
    let save = &fetch.args.save;
    let folder = save.output_dir.clone().unwrap_or_default();
    let url_name = match job.url.scheme() {
        Scheme::Data => None,
        _ => url_file_name(job.url.path()),
    };
    if fetch.args.convert.is_given() {
        // It goes through the conversion, which knows of the file.
        return Ok(None);
    }
    match save.output.get(job.number) {
        Some(name) if name == Path::new("-") => Ok(None),
        Some(name) => Ok(Some(folder.join(name))),
        None if !save.saves() => Ok(None),
        None => match url_name {
            Some(name) => Ok(Some(folder.join(name))),
            None => {
                let why = "the URL ends with no name";
                let error = Error::new(Kind::Usage, Operation::Fetch, why);
                Err(error.with_hint("-o FILE gives one"))
            }
        },
    }
}

/// What is to be checked; lists of checksums are read, or fetched, now.
async fn checks(fetch: &Fetch) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut lists: HashMap<String, String> = HashMap::new();
    for text in &fetch.args.save.checksum {
        if let Some(check) = args::check(text)? {
            checks.push(check);
            continue;
        }
        if !lists.contains_key(text) {
            let list = match text.strip_prefix('@') {
                Some(path) => std::fs::read_to_string(path)
                    .map_err(|error| Error::from_io(Operation::Open, error).about(path))?,
                None => {
                    fetch
                        .client
                        .get(text)
                        .send()
                        .await?
                        .error_for_status()?
                        .text()
                        .await?
                }
            };
            lists.insert(text.clone(), list);
        }
        checks.push(Check::Listed(lists[text].clone()));
    }
    Ok(checks)
}

/// A lock whose holder never panics.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
