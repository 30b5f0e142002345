//! The run of one download: a place is found, the server asked, what came is judged, and so on until the file is there.

mod finish;
mod foreign;
mod place;
mod short;
mod through;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use sockeye_data::fields::{RetryAfter, date};
use sockeye_data::url::Url;
use tokio::time::Instant;

use super::answer::{Asked, Verdict, Version, judge};
use super::checksum::{Algorithm, Checksum, Hashing};
use super::engine::{Engine, First, Ran};
use super::event::Event;
use super::fetch::{Check, Download, Failed, Saved, To};
use super::folder::{Folder, is_device};
use super::lane::{self, Turn};
use super::part::Part;
use super::retries::{is_passing, is_passing_status};
use super::sidecar::Sidecar;
use crate::client::http::Response;
use crate::error::{Error, Kind, Operation, Result};

/// So much of what is there is fetched again and compared, if another program wrote it, in bytes.
const OVERLAP: u64 = 16 << 10;
/// A file that changes so often while it is fetched is given up.
const MOST_OVERS: u32 = 5;

/// A download under way.
pub(super) struct Job {
    download: Download,
    part: Option<Part>,
    /// What another program began: nothing of it is proven yet.
    foreign: bool,
    hashing: Option<Hashing>,
    /// What the file must be; a check by name is found when the name is known.
    expected: Vec<Checksum>,
    wanted: Vec<Algorithm>,
    /// Which of the URL and its mirrors is asked.
    source: usize,
    in_vain: u32,
    retried: u32,
    overs: u32,
    received: u64,
    segments: u32,
    started: bool,
    /// The server sends no parts.
    alone: bool,
    began: Instant,
    folder: Option<Arc<Folder>>,
}

/// How an attempt ended.
enum Attempt {
    Saved(Saved),
    /// Ask again, at once.
    Again,
    Broken(Broken),
}

/// Why an attempt came to nothing.
struct Broken {
    error: Error,
    status: Option<u16>,
    /// It may be better soon; after so many seconds, if the server says so.
    passing: bool,
    wanted: Option<u64>,
    progressed: bool,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self {
            error,
            status: None,
            passing: false,
            wanted: None,
            progressed: false,
        }
    }
}

impl Job {
    pub(super) fn new(download: Download) -> Self {
        let mut job = Self {
            part: None,
            foreign: false,
            hashing: None,
            expected: Vec::new(),
            wanted: Vec::new(),
            source: 0,
            in_vain: 0,
            retried: 0,
            overs: 0,
            received: 0,
            segments: 0,
            started: false,
            alone: false,
            began: Instant::now(),
            folder: None,
            download,
        };
        for check in &job.download.checks {
            match check {
                Check::Is(checksum) => job.expected.push(checksum.clone()),
                Check::Of(algorithm) => job.wanted.push(*algorithm),
                Check::Listed(_) => {}
            }
        }
        job
    }

    pub(super) async fn run(mut self) -> Result<Saved, Failed> {
        let broken = match self.go().await {
            Ok(saved) => return Ok(saved),
            Err(broken) => broken,
        };
        Err(Failed {
            error: broken.error,
            status: broken.status,
            kept: self.leave(),
        })
    }

    /// What is left of a download that failed.
    fn leave(&mut self) -> Option<PathBuf> {
        let part = self.part.take()?;
        if self.foreign {
            return Some(part.path());
        }
        if part.sidecar.done.total() == 0 {
            part.discard();
            return None;
        }
        Some(part.part_path())
    }

    async fn go(&mut self) -> Result<Saved, Broken> {
        if let To::File(path) = &self.download.to
            && is_device(path)
        {
            return self.through(path.clone()).await;
        }
        if let Some(saved) = self.look()? {
            return Ok(saved);
        }
        loop {
            let broken = match Box::pin(self.attempt()).await {
                Attempt::Saved(saved) => return Ok(saved),
                Attempt::Again => continue,
                Attempt::Broken(broken) => broken,
            };
            if broken.progressed {
                self.in_vain = 0;
            }
            let retries = self.download.retries;
            let pause = retries.pause(self.in_vain, self.retried, broken.wanted);
            let pause = pause.filter(|pause| {
                let at = self.began.elapsed().saturating_add(*pause);
                retries.within.is_none_or(|within| at <= within)
            });
            let is_refused = retries.refused && broken.error.kind() == Kind::Refused;
            let may_pass = broken.passing || is_refused;
            let may = may_pass && (retries.all || self.is_repeatable());
            if let Some(pause) = pause.filter(|_| may) {
                self.in_vain += 1;
                self.retried += 1;
                let why = broken.error.to_string();
                let tries = self.in_vain;
                self.download.listener.tell(Event::Retrying {
                    after: pause,
                    why,
                    tries,
                });
                tokio::time::sleep(pause).await;
            } else if self.source < self.download.mirrors.len() && broken.error.kind() != Kind::Io {
                self.source += 1;
                self.in_vain = 0;
            } else {
                return Err(broken);
            }
        }
    }

    fn url(&self) -> &Url {
        match self.source.checked_sub(1) {
            Some(mirror) => &self.download.mirrors[mirror],
            None => &self.download.url,
        }
    }

    /// The URL in use first, then the others.
    fn sources(&self) -> Vec<Url> {
        let all = std::iter::once(&self.download.url).chain(&self.download.mirrors);
        let mut sources: Vec<Url> = all.cloned().collect();
        sources.swap(0, self.source);
        sources
    }

    /// Whether it can be asked for again, and in parts.
    fn is_repeatable(&self) -> bool {
        lane::request(&self.download, self.url()).is_ok_and(|request| request.method() == "GET")
    }

    /// One request, and what comes of it.
    async fn attempt(&mut self) -> Attempt {
        match self.ask().await {
            Ok(attempt) => attempt,
            Err(broken) => Attempt::Broken(broken),
        }
    }

    async fn ask(&mut self) -> Result<Attempt, Broken> {
        let url = self.url().clone();
        let mut request = lane::request(&self.download, &url)?;
        let is_ranged_by_hand = request.headers().contains("range");
        let asked = match is_ranged_by_hand || request.method() != "GET" {
            true => None,
            false => self.missing(),
        };
        if let (Some(asked), Some(part)) = (asked, &self.part) {
            if asked.from >= asked.to.unwrap_or(u64::MAX) {
                return self.finish().await;
            }
            lane::ask_for(&mut request, asked, part.sidecar.version.if_range())?;
        }
        let turn = self.download.traffic.turn(&url).await;
        let response = match self.download.client.send(request).await {
            Ok(response) => response,
            Err(failed) => {
                let had_bytes = self
                    .part
                    .as_ref()
                    .is_some_and(|part| part.sidecar.done.total() > 0);
                let passing = is_passing(&failed, had_bytes);
                return Err(Broken {
                    passing,
                    ..Broken::from(failed)
                });
            }
        };
        let status = response.status();
        let known = self
            .part
            .as_ref()
            .map(|part| part.sidecar.version.clone())
            .unwrap_or_default();
        let verdict = match asked {
            Some(asked) => judge(asked, &known, status, response.headers()),
            None if (200..=299).contains(&status) && (status != 206 || is_ranged_by_hand) => {
                Verdict::Whole { same: false }
            }
            None => Verdict::Refused,
        };
        if self.foreign {
            return self
                .go_on_with_foreign(response, turn, asked, verdict)
                .await;
        }
        match verdict {
            Verdict::Whole { .. } => {
                self.alone |= asked.is_some();
                self.begin_anew(response, turn).await
            }
            Verdict::Part { .. } => self.carry(response, Bytes::new(), turn).await,
            Verdict::Complete => self.finish().await,
            Verdict::StartOver(why) => self.start_over(why),
            Verdict::Refused => Err(refused(&response)),
        }
    }

    /// What to ask for next, if something is there that can be added to.
    fn missing(&self) -> Option<Asked> {
        let part = self.part.as_ref()?;
        let sidecar = &part.sidecar;
        if self.foreign {
            let there = sidecar.done.prefix();
            let from = there - there.min(OVERLAP);
            return (there > 0).then_some(Asked { from, to: None });
        }
        if sidecar.done.total() == 0 || sidecar.version.if_range().is_none() {
            return None;
        }
        let Some(length) = sidecar.version.length else {
            return Some(Asked {
                from: sidecar.done.prefix(),
                to: None,
            });
        };
        match sidecar.done.missing(length).into_iter().next() {
            Some(gap) if gap.end == length => Some(Asked {
                from: gap.start,
                to: None,
            }),
            Some(gap) => Some(Asked {
                from: gap.start,
                to: Some(gap.end),
            }),
            None => Some(Asked {
                from: length,
                to: Some(length),
            }),
        }
    }

    fn start_over(&mut self, why: String) -> Result<Attempt, Broken> {
        self.overs += 1;
        if self.overs > MOST_OVERS {
            let error = Error::new(Kind::Protocol, Operation::Fetch, why);
            return Err(error.about(self.url().without_secrets()).into());
        }
        self.download.listener.tell(Event::StartedOver { why });
        let fresh = Sidecar::new(
            self.url().without_secrets().to_string(),
            Version::default(),
            None,
        );
        if let Some(part) = &mut self.part {
            part.restart(fresh)?;
        }
        self.hashing = None;
        Ok(Attempt::Again)
    }

    /// The whole file comes.
    async fn begin_anew(&mut self, mut response: Response, turn: Turn) -> Result<Attempt, Broken> {
        let fresh = self.fresh(&response);
        let ahead = self.ahead(&mut response, fresh.version.length).await;
        match &mut self.part {
            Some(part) => {
                let lost = part.sidecar.done.total();
                if lost > 0 {
                    let why = "the server sends the whole file again".into();
                    self.download.listener.tell(Event::StartedOver { why });
                }
                self.hashing = None;
                part.restart(fresh)?;
            }
            None => {
                if let Some(attempt) = self.claim(&response, &fresh)? {
                    return Ok(attempt);
                }
            }
        }
        self.served(&response);
        if let Some(came) = ahead {
            return self.short(response, turn, came).await;
        }
        let part = match &mut self.part {
            Some(part) => part,
            // It was claimed above.
            None => return Ok(Attempt::Again),
        };
        if let Some(length) = part.sidecar.version.length {
            part.make_room(length)?;
        }
        part.save()?;
        self.carry(response, Bytes::new(), turn).await
    }

    /// What is known of the file that this answer holds.
    fn fresh(&self, response: &Response) -> Sidecar {
        let headers = response.headers();
        let changed = headers
            .get_str("last-modified")
            .and_then(|it| date::parse(it.trim()));
        // What is encoded, or decoded on the way, is not the file that parts are taken of.
        let is_plain = is_plain(response) && response.status() == 200 && self.is_repeatable();
        let version = match is_plain {
            true => Version::of(headers, response.content_length()),
            false => {
                let length = response.content_length().filter(|_| !response.is_decoded());
                Version {
                    length,
                    ..Version::default()
                }
            }
        };
        Sidecar::new(self.url().without_secrets().to_string(), version, changed)
    }

    /// Let the body come, over as many connections as it takes.
    async fn carry(
        &mut self,
        response: Response,
        read: Bytes,
        turn: Turn,
    ) -> Result<Attempt, Broken> {
        let sources = self.sources();
        let Some(part) = &mut self.part else {
            return Ok(Attempt::Again);
        };
        let mut algorithms = self.wanted.clone();
        algorithms.extend(self.expected.iter().map(Checksum::algorithm));
        algorithms.sort_unstable();
        algorithms.dedup();
        if !algorithms.is_empty() && self.hashing.is_none() {
            self.hashing = Some(Hashing::start(algorithms, part.writer()));
        }
        if !self.started {
            self.started = true;
            self.download.listener.tell(Event::Started {
                path: part.path(),
                length: part.sidecar.version.length,
                resumed: part.begun(),
            });
        }
        let is_given = |it: &Check| matches!(it, Check::Is(_) | Check::Listed(_));
        let has_checksum = self.download.checks.iter().any(is_given);
        let first = First {
            response,
            read,
            turn,
        };
        let hashing = self.hashing.as_ref();
        let mut engine = Engine::new(
            &self.download,
            part,
            hashing,
            sources,
            first,
            has_checksum,
            self.alone,
        );
        let ran = engine.run().await;
        let received = engine.received;
        self.segments = self.segments.max(engine.most);
        drop(engine);
        self.received += received;
        let progressed = received > 0;
        match ran {
            Ran::Complete(length) => {
                part.sidecar.version.length = Some(length);
                self.finish().await
            }
            Ran::Changed(why) => self.start_over(why),
            Ran::NoParts => {
                self.alone = true;
                Ok(Attempt::Again)
            }
            Ran::Unwritable(error) => Err(Broken {
                progressed,
                ..Broken::from(error)
            }),
            Ran::Broken(error) => {
                let error = error.about(self.url().without_secrets());
                let passing = is_passing(&error, progressed);
                Err(Broken {
                    passing,
                    progressed,
                    ..Broken::from(error)
                })
            }
        }
    }
}

fn skipped(path: PathBuf, length: u64) -> Saved {
    Saved {
        path,
        length,
        received: 0,
        segments: 0,
        checksums: Vec::new(),
        skipped: true,
    }
}

/// Whether a body is the file itself: neither encoded nor decoded on the way.
fn is_plain(response: &Response) -> bool {
    let coding = response.header("content-encoding").map(str::trim);
    let is_encoded =
        coding.is_some_and(|it| !it.is_empty() && !it.eq_ignore_ascii_case("identity"));
    !is_encoded && !response.is_decoded()
}

/// The server said no.
fn refused(response: &Response) -> Broken {
    let status = response.status();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let after = response
        .headers()
        .get("retry-after")
        .and_then(RetryAfter::parse);
    Broken {
        status: Some(status),
        passing: is_passing_status(status),
        wanted: after.map(|after| after.seconds_from(now)),
        ..Broken::from(
            response
                .no()
                .with_hint("an answer of 400 or above is not saved; without -O and -o it is shown"),
        )
    }
}
