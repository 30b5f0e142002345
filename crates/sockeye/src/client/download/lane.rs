//! One connection that fetches one part of a file, and writes it where it belongs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sockeye_data::fields::ETag;
use sockeye_data::url::Url;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Asked, Verdict, Version, judge};
use super::fetch::Download;
use super::part::Writer;
use super::rate::Rate;
use super::traffic::Traffic;
use crate::client::http::{Client, Request, Response, Retry};
use crate::error::{Error, Kind, Operation, Result};

/// The most that is written before the plan may hear of it, in bytes.
const PIECE: u64 = 1 << 20;

/// Where a lane is and where it ends; the plan moves its end while it runs.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) at: Arc<AtomicU64>,
    pub(super) end: Arc<AtomicU64>,
}

impl Bounds {
    pub(super) fn new(at: u64, end: u64) -> Self {
        Self {
            at: Arc::new(AtomicU64::new(at)),
            end: Arc::new(AtomicU64::new(end)),
        }
    }

    fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }
}

/// How a lane ended.
#[derive(Debug)]
pub(super) enum Carried {
    /// Everything up to its end came.
    Complete,
    /// The body ended before, as the server had said.
    Short,
    /// The server, or a bound of ours, wants no more of them.
    Refused,
    /// The server sends no parts, or not of this file: nothing more from there.
    Unfit,
    /// The server has another version by now.
    Changed(String),
    /// It broke.
    Failed(Error),
    /// What came cannot be written.
    Unwritable(Error),
}

/// What writes bodies to a file.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    pub(super) writer: Writer,
    pub(super) rate: Option<Rate>,
}

impl Carrier {
    /// Write the body there, from where the lane is to its end; first what was read of it already.
    pub(super) async fn carry(&self, response: Response, read: Bytes, lane: &Bounds) -> Carried {
        match self.bytes(response, read, lane).await {
            Ok(carried) => carried,
            Err(error) if error.operation() == Operation::Write => {
                Carried::Unwritable(self.writer.failed(error))
            }
            Err(error) => Carried::Failed(error),
        }
    }

    async fn bytes(
        &self,
        mut response: Response,
        mut read: Bytes,
        lane: &Bounds,
    ) -> Result<Carried> {
        let start = lane.at.load(Ordering::Relaxed);
        let first_end = lane.end();
        let mut sink = self.writer.sink(start)?;
        if !read.is_empty() {
            read.truncate(usize::try_from(first_end - start).unwrap_or(usize::MAX));
            sink.write(&mut read).await?;
        }
        loop {
            let at = start + sink.written();
            // Written first, then said.
            lane.at.store(at, Ordering::Release);
            let end = lane.end();
            if at >= end {
                // A body that is complete puts its connection back; one that goes on is cut off.
                if at == first_end {
                    drop(response.chunk().await);
                }
                return Ok(Carried::Complete);
            }
            match response.save_some(&mut sink, (end - at).min(PIECE)).await? {
                Some(bytes) => {
                    if let Some(rate) = &self.rate {
                        rate.passed(bytes).await;
                    }
                }
                None if end == u64::MAX => return Ok(Carried::Complete),
                None if at > start => return Ok(Carried::Short),
                None => {
                    let why = "the server sent nothing of what it announced";
                    return Err(Error::new(Kind::Lost, Operation::Read, why));
                }
            }
        }
    }
}

/// Fetches a part over a connection of its own.
pub(super) struct Fetcher {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) request: Request,
    pub(super) known: Version,
    /// What is fetched from elsewhere has to be the same file, which its entity tag shows, or a checksum will.
    pub(super) is_mirror: bool,
    pub(super) has_checksum: bool,
    pub(super) traffic: Traffic,
    /// Whether it waits for its turn with the host.
    pub(super) waits: bool,
    pub(super) carrier: Carrier,
}

impl Fetcher {
    /// Fetch from where the lane is to its end.
    pub(super) async fn run(mut self, lane: Bounds) -> Carried {
        let turn = match self.waits {
            true => self.traffic.turn(&self.url).await,
            false => self.traffic.free_turn(&self.url),
        };
        let Some(_turn) = turn else {
            return Carried::Refused;
        };
        let from = lane.at.load(Ordering::Relaxed);
        let asked = Asked {
            from,
            to: Some(lane.end()),
        };
        let if_range = self.known.if_range().filter(|_| !self.is_mirror);
        if let Err(error) = ask_for(&mut self.request, asked, if_range) {
            return Carried::Unwritable(error);
        }
        let response = match self.client.send(self.request).await {
            Ok(response) => response,
            Err(failed) => {
                return Carried::Failed(failed);
            }
        };
        let headers = response.headers();
        let verdict = judge(asked, &self.known, response.status(), headers);
        if self.is_mirror && !is_same(&self.known, headers, self.has_checksum) {
            return Carried::Unfit;
        }
        match verdict {
            Verdict::Part { .. } => self.carrier.carry(response, Bytes::new(), &lane).await,
            Verdict::Refused => Carried::Refused,
            _ if self.is_mirror => Carried::Unfit,
            Verdict::Whole { same: true } => Carried::Unfit,
            Verdict::Whole { same: false } => {
                Carried::Changed("the server has another version by now".into())
            }
            Verdict::StartOver(why) => Carried::Changed(why),
            Verdict::Complete => Carried::Unfit,
        }
    }
}

/// Whether a part from elsewhere may stand beside parts of what we know.
fn is_same(known: &Version, headers: &sockeye_data::http1::Headers, has_checksum: bool) -> bool {
    let theirs = headers.get("etag").and_then(ETag::parse);
    let ours = known
        .etag
        .as_ref()
        .and_then(|tag| ETag::parse(tag.as_bytes()));
    let is_tag_same = match (&ours, &theirs) {
        (Some(ours), Some(theirs)) => ours.matches_strongly(theirs),
        _ => false,
    };
    is_tag_same || (has_checksum && known.length.is_some())
}

/// Ask for a part, and only of that version.
///
/// # Errors
///
/// [`Kind::Usage`] if the validator cannot stand in a header.
pub(super) fn ask_for(request: &mut Request, asked: Asked, if_range: Option<&str>) -> Result<()> {
    let unusable = |error: sockeye_data::http1::Error| {
        Error::new(Kind::Usage, Operation::Fetch, error.to_string())
    };
    let range = match asked.to {
        Some(to) if to != u64::MAX => format!("bytes={}-{}", asked.from, to.saturating_sub(1)),
        _ => format!("bytes={}-", asked.from),
    };
    let headers = request.headers_mut();
    headers.append("Range", range).map_err(unusable)?;
    if let Some(validator) = if_range {
        headers.append("If-Range", validator).map_err(unusable)?;
    }
    Ok(())
}

/// The request for this URL, which wants the file as it is: what is encoded cannot be put together from parts.
pub(super) fn request(download: &Download, url: &Url) -> Result<Request> {
    let mut request = (download.ask)(url)?;
    // A download tries again by itself, and not twice.
    request.set_retry(Retry::default());
    if request.method() == "GET" && !request.headers().contains("accept-encoding") {
        // Neither name nor value can be refused.
        drop(request.headers_mut().append("Accept-Encoding", "identity"));
    }
    Ok(request)
}

/// A turn with a host, kept as long as a lane runs.
pub(super) type Turn = Option<OwnedSemaphorePermit>;
