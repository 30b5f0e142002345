//! Carries out the plan of one file: lanes run, the plan decides, the sidecar follows.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use sockeye_data::url::Url;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::checksum::Hashing;
use super::event::{Cause, Event};
use super::fetch::Download;
use super::lane::{self, Carried, Carrier, Fetcher, Turn};
use super::part::{Part, SAVE_EVERY};
use super::plan::{Act, Ended, Id, Plan, Segments};
use crate::client::http::Response;
use crate::error::Error;

/// How often the plan is asked, and progress told.
const TICK: Duration = Duration::from_millis(100);

/// How it ended.
pub(super) enum Ran {
    /// The file is there, so long.
    Complete(u64),
    /// The server has another version by now.
    Changed(String),
    /// The server sends no parts: all of it has to come over one connection.
    NoParts,
    /// No connection is left.
    Broken(Error),
    /// What came cannot be kept.
    Unwritable(Error),
}

/// The answer that it begins with, and what was read of its body already.
pub(super) struct First {
    pub(super) response: Response,
    pub(super) read: Bytes,
    pub(super) turn: Turn,
}

struct Lane {
    bounds: lane::Bounds,
    /// Up to where the plan knows of it.
    known: u64,
    source: usize,
    task: AbortHandle,
}

/// The run of one file.
pub(super) struct Engine<'j> {
    download: &'j Download,
    part: &'j mut Part,
    hashing: Option<&'j Hashing>,
    plan: Plan,
    /// The URL in use, then the mirrors; `None` for those that are of no use.
    sources: Vec<Option<Url>>,
    has_checksum: bool,
    length: Option<u64>,
    carrier: Carrier,
    lanes: BTreeMap<Id, Lane>,
    running: JoinSet<(Id, Carried)>,
    first: Option<First>,
    began: Instant,
    saved: Instant,
    told: u64,
    /// Most lanes at once, and bytes that came.
    pub(super) most: u32,
    pub(super) received: u64,
    broken: Option<Error>,
}

impl<'j> Engine<'j> {
    pub(super) fn new(
        download: &'j Download,
        part: &'j mut Part,
        hashing: Option<&'j Hashing>,
        sources: Vec<Url>,
        first: First,
        has_checksum: bool,
        alone: bool,
    ) -> Self {
        let version = &part.sidecar.version;
        let length = version.length;
        // Without a proof that it is the same file, nothing is put together.
        let ranged = first.response.status() == 206;
        let takes_parts = ranged || {
            let units = first.response.headers().get_str("accept-ranges");
            let is_forced = matches!(download.bounds.segments, Segments::Exactly(_));
            units.map_or(is_forced, |units| {
                units.trim().eq_ignore_ascii_case("bytes")
            })
        };
        let is_alone = alone || length.is_none() || version.if_range().is_none() || !takes_parts;
        let end = length.unwrap_or(u64::MAX);
        let plan = Plan::new(end, part.sidecar.done.clone(), download.bounds, is_alone);
        let carrier = Carrier {
            writer: part.writer(),
            rate: download.traffic.shared_rate(),
        };
        let now = Instant::now();
        Self {
            download,
            hashing,
            plan,
            sources: sources.into_iter().map(Some).collect(),
            has_checksum,
            length,
            carrier,
            lanes: BTreeMap::new(),
            running: JoinSet::new(),
            first: Some(first),
            began: now,
            saved: now,
            told: u64::MAX,
            most: 0,
            received: 0,
            broken: None,
            part,
        }
    }

    pub(super) async fn run(&mut self) -> Ran {
        let acts = self.plan.begin(Duration::ZERO);
        self.carry_out(acts);
        let mut ticks = interval_at(self.began + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                joined = self.running.join_next() => match joined {
                    Some(Ok((id, carried))) => {
                        if let Some(ran) = self.lane_ended(id, carried) {
                            // Nothing may be written behind our back.
                            self.running.shutdown().await;
                            return ran;
                        }
                    }
                    // Closed by the plan.
                    Some(Err(_)) => {}
                    None => return self.over(),
                },
                _ = ticks.tick() => {
                    self.gather();
                    let acts = self.plan.tick(self.began.elapsed());
                    self.carry_out(acts);
                    self.tell();
                    if self.saved.elapsed() >= SAVE_EVERY && let Err(error) = self.save() {
                        return Ran::Unwritable(error);
                    }
                }
            }
        }
    }

    /// No lane runs any more.
    fn over(&mut self) -> Ran {
        self.tell();
        if self.plan.is_complete() {
            return Ran::Complete(self.length.unwrap_or_else(|| self.plan.done().prefix()));
        }
        let broken = self.broken.take();
        Ran::Broken(broken.unwrap_or_else(|| {
            Error::new(
                crate::Kind::Lost,
                crate::Operation::Read,
                "the server sent less than it has",
            )
        }))
    }

    fn lane_ended(&mut self, id: Id, carried: Carried) -> Option<Ran> {
        self.gather();
        let lane = self.lanes.remove(&id)?;
        let (how, cause) = match carried {
            Carried::Complete if self.length.is_none() => {
                let end = lane.known;
                let done = self.plan.done().clone();
                self.plan = Plan::new(end, done, self.download.bounds, true);
                self.length = Some(end);
                self.closed(id, Cause::Complete);
                return Some(Ran::Complete(end));
            }
            Carried::Complete => (Ended::Complete, Cause::Complete),
            Carried::Short => (Ended::Short, Cause::Left),
            Carried::Refused => (Ended::Refused, Cause::Refused),
            Carried::Unfit => {
                if lane.source > 0 {
                    self.sources[lane.source] = None;
                    (Ended::Short, Cause::Unfit)
                } else {
                    (Ended::Refused, Cause::Unfit)
                }
            }
            Carried::Changed(why) => return Some(Ran::Changed(why)),
            Carried::Unwritable(error) => return Some(Ran::Unwritable(error)),
            Carried::Failed(error) => {
                self.broken = Some(error);
                (Ended::Broken, Cause::Broken)
            }
        };
        self.closed(id, cause);
        if self.lanes.is_empty() && cause == Cause::Unfit {
            return Some(Ran::NoParts);
        }
        if self.lanes.is_empty() && matches!(how, Ended::Refused | Ended::Broken) {
            // Nobody else is there: the next request is judged from the start.
            let refused = || {
                Error::new(
                    crate::Kind::Lost,
                    crate::Operation::Fetch,
                    "the server refuses the rest",
                )
            };
            return Some(Ran::Broken(self.broken.take().unwrap_or_else(refused)));
        }
        let acts = self.plan.ended(id, how, self.began.elapsed());
        self.carry_out(acts);
        // A border between segments: what is there is said at once.
        let is_border = !self.lanes.is_empty() || !self.plan.is_complete();
        if is_border && let Err(error) = self.save() {
            return Some(Ran::Unwritable(error));
        }
        None
    }

    fn closed(&self, segment: Id, cause: Cause) {
        self.download
            .listener
            .tell(Event::Closed { segment, cause });
    }

    fn carry_out(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Open { id, range, cause } => {
                    let end = (range.end != u64::MAX).then_some(range.end);
                    let opened = Event::Opened {
                        segment: id,
                        first: range.start,
                        end,
                        cause,
                    };
                    self.download.listener.tell(opened);
                    self.open(id, lane::Bounds::new(range.start, range.end), range.start);
                }
                Act::Bound { id, end } => {
                    if let Some(lane) = self.lanes.get(&id) {
                        lane.bounds.end.store(end, Ordering::Relaxed);
                    }
                }
                Act::Close { id, cause } => {
                    if let Some(lane) = self.lanes.remove(&id) {
                        lane.task.abort();
                        self.closed(id, cause);
                    }
                }
            }
        }
        self.most = self
            .most
            .max(u32::try_from(self.lanes.len()).unwrap_or(u32::MAX));
    }

    fn open(&mut self, id: Id, bounds: lane::Bounds, at: u64) {
        let lane = bounds.clone();
        let source;
        let task = if let Some(First {
            response,
            read,
            turn,
        }) = self.first.take()
        {
            source = 0;
            let carrier = self.carrier.clone();
            self.running.spawn(async move {
                let _turn = turn;
                (id, carrier.carry(response, read, &lane).await)
            })
        } else {
            source = self.least_busy();
            match self.fetcher(source) {
                Ok(fetcher) => self
                    .running
                    .spawn(async move { (id, fetcher.run(lane).await) }),
                Err(error) => self
                    .running
                    .spawn(async move { (id, Carried::Unwritable(error)) }),
            }
        };
        self.lanes.insert(
            id,
            Lane {
                bounds,
                known: at,
                source,
                task,
            },
        );
    }

    fn fetcher(&self, source: usize) -> crate::Result<Fetcher> {
        let url = self.sources[source].as_ref().unwrap_or(&self.download.url);
        Ok(Fetcher {
            client: self.download.client.clone(),
            request: lane::request(self.download, url)?,
            url: url.clone(),
            known: self.part.sidecar.version.clone(),
            is_mirror: source > 0,
            has_checksum: self.has_checksum,
            traffic: self.download.traffic.clone(),
            waits: self.lanes.is_empty(),
            carrier: self.carrier.clone(),
        })
    }

    /// The source that has the fewest lanes.
    fn least_busy(&self) -> usize {
        let lanes_of = |source| {
            self.lanes
                .values()
                .filter(|lane| lane.source == source)
                .count()
        };
        let usable = (0..self.sources.len()).filter(|it| self.sources[*it].is_some());
        usable.min_by_key(|source| lanes_of(*source)).unwrap_or(0)
    }

    /// Learn what the lanes have written.
    fn gather(&mut self) {
        let now = self.began.elapsed();
        for (id, lane) in &mut self.lanes {
            let at = lane.bounds.at.load(Ordering::Acquire);
            if at > lane.known {
                self.plan.received(*id, lane.known..at, now);
                self.received += at - lane.known;
                lane.known = at;
            }
        }
        if let Some(hashing) = self.hashing {
            hashing.ready(self.plan.done().prefix());
        }
    }

    fn save(&mut self) -> crate::Result<()> {
        self.saved = Instant::now();
        self.part.sidecar.done.clone_from(self.plan.done());
        self.part.save()
    }

    fn tell(&mut self) {
        let received = self.plan.done().total();
        if received != self.told {
            self.told = received;
            self.download.listener.tell(Event::Progress {
                received,
                length: self.length,
            });
        }
    }
}

impl Drop for Engine<'_> {
    /// Whatever ends it: what is there is said.
    fn drop(&mut self) {
        self.running.abort_all();
        self.gather();
        if self.received > 0 {
            self.part.sidecar.done.clone_from(self.plan.done());
            if !self.plan.is_complete() {
                self.part.save_at_last();
            }
        }
    }
}
