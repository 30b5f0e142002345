//! Uploads in several requests: `Content-Range` with PUT, as `curl -C` sends it, and the IETF's draft
//! draft-ietf-httpbis-resumable-upload-12 (July 2026): `Upload-Complete`, `Upload-Offset`, `Upload-Length`, `Upload-Limit`.
//!
//! What is there of an upload is told by HEAD: of the path itself for the one upload that its user began there, of the
//! `Location` for one that was begun with `Upload-Complete: ?0`. The interim response 104 is not sent.

use std::sync::Arc;

use sockeye_data::fields::structured;

use super::area::Place;
use super::fault::{Fault, Result, single};
use super::partial::{Partial, Turn, key};
use super::put::blocking;
use super::sink::{Sink, Wanted};
use super::store::Whole;
use super::usage::random;
use super::{Inner, Task};
use crate::web::request::Request;
use crate::web::response::Response;

/// The media type of a piece.
pub(super) const PARTIAL: &str = "application/partial-upload";
/// The word for the one upload of a path that needs none.
const UNNAMED: &str = "";

/// What a request does to an unfinished upload.
struct Step {
    word: String,
    /// Where its bytes go.
    offset: u64,
    /// The length of the whole, if it is known.
    total: Option<u64>,
    /// Whether the file is whole with these bytes; otherwise when it has its length.
    completes: Option<bool>,
    /// Whether bytes from there on may be there already, and are written again.
    again: bool,
}

impl Task {
    /// `bytes FIRST-LAST/LENGTH` of a file.
    pub(super) async fn put_range(&mut self, range: (u64, u64, u64)) -> Result<Response> {
        let (first, last, total) = range;
        let length = self.request.body.length();
        if length.is_some_and(|length| length != last - first + 1) {
            return Err(Fault::new(
                400,
                "Content-Range and Content-Length contradict each other",
            ));
        }
        self.step(Step {
            word: UNNAMED.into(),
            offset: first,
            total: Some(total),
            completes: None,
            again: true,
        })
        .await
    }

    /// The beginning of an upload by the draft, section "Upload Creation".
    pub(super) async fn begin(&mut self, complete: bool) -> Result<Response> {
        let said = structured::integer(self.request.headers(), "upload-length");
        let length = self.request.body.length().filter(|_| complete);
        if let (Some(said), Some(length)) = (said, length)
            && said != length
        {
            return Err(inconsistent());
        }
        // Whoever sends all of it at once can find out by the path how much arrived.
        let word = match complete {
            true => UNNAMED.into(),
            false => random()?,
        };
        self.step(Step {
            word,
            offset: 0,
            total: said.or(length),
            completes: Some(complete),
            again: true,
        })
        .await
    }

    /// More of an upload by the draft, section "Upload Append".
    pub(super) async fn append(&mut self) -> Result<Response> {
        let headers = self.request.headers();
        let media_type = single(headers, "content-type")?.unwrap_or_default();
        if !media_type.eq_ignore_ascii_case(PARTIAL.as_bytes()) {
            return Err(Fault::new(
                415,
                "a piece of an upload is sent as application/partial-upload",
            )
            .with("Accept-Patch", PARTIAL));
        }
        let offset = structured::integer(headers, "upload-offset");
        let complete = structured::boolean(headers, "upload-complete");
        let (Some(offset), Some(complete)) = (offset, complete) else {
            return Err(Fault::new(
                400,
                "a piece of an upload has Upload-Offset and Upload-Complete",
            ));
        };
        let said = structured::integer(headers, "upload-length");
        let length = self.request.body.length().filter(|_| complete);
        let length = length.map(|length| offset.saturating_add(length));
        if let (Some(said), Some(length)) = (said, length)
            && said != length
        {
            return Err(inconsistent());
        }
        self.step(Step {
            word: self.word(),
            offset,
            total: said.or(length),
            completes: Some(complete),
            again: false,
        })
        .await
    }

    /// How much is there, by the draft, section "Offset Retrieval".
    pub(super) async fn offset(&mut self) -> Result<Response> {
        let turn = self.turn(&self.word()).await;
        let partial = self.find(&self.word()).await?;
        drop(turn);
        let partial = partial.ok_or_else(unknown)?;
        let response = Response::new(204).header("Cache-Control", "no-store");
        self.state(response, &partial)
    }

    /// The upload is given up.
    pub(super) async fn cancel(&mut self) -> Result<Response> {
        let _turn = self.turn(&self.word()).await;
        let partial = self.find(&self.word()).await?.ok_or_else(unknown)?;
        let usage = Arc::clone(&self.place.area.usage);
        blocking(move || {
            usage.give_back(partial.remove()?);
            Ok(())
        })
        .await?;
        Ok(Response::new(204))
    }

    pub(super) fn limit(&self) -> String {
        let settings = self.settings();
        format!(
            "max-size={}, max-age={}",
            settings.max_size,
            settings.keep.as_secs()
        )
    }

    fn word(&self) -> String {
        self.request.query_value("upload").unwrap_or_default()
    }

    fn key(&self, word: &str) -> String {
        key(word, &self.place.plain_path(), self.request.user())
    }

    async fn turn(&mut self, word: &str) -> Turn {
        self.place.area.partials.turn(&self.key(word)).await
    }

    async fn find(&mut self, word: &str) -> Result<Option<Partial>> {
        let (area, key, inner) = (
            Arc::clone(&self.place.area),
            self.key(word),
            Arc::clone(&self.inner),
        );
        blocking(move || {
            inner.expire();
            area.partials.find(&key)
        })
        .await
    }

    /// Write the bytes of a request to an unfinished upload, and give the file its name if it is whole with them.
    async fn step(&mut self, step: Step) -> Result<Response> {
        let most = self.settings().max_size;
        if step.total.is_some_and(|total| total > most) || step.offset > most {
            return Err(Fault::too_large(most));
        }
        let wanted = Wanted::of(self.request.headers())?;
        let turn = self.turn(&step.word).await;
        let (partial, begins) = self.partial(&step).await?;
        let begins_file = step.offset == 0;
        let mut sink = Sink::new(
            Arc::clone(&partial.file),
            step.offset,
            step.total.unwrap_or(most),
            wanted.sums(begins_file),
            self.place.area.usage.reserve(),
        )
        .staying(turn.guard.clone());
        self.request.body.set_limit(most);
        let taken = tokio::select! {
            taken = sink.take(&mut self.request.body) => taken,
            () = turn.leave.cancelled() => {
                let why = "another request goes on with this upload";
                Err(Fault::new(409, why))
            }
        };
        if taken.is_err() {
            // What came before stays, as far as it can be written.
            let _ = sink.flush().await;
        }
        if let Err(fault) = taken {
            return Err(self.broken(fault, begins, &step, partial).await);
        }
        let length = sink.length();
        let (sums, reserved) = sink.finish().await?;
        if let Err(fault) = wanted.check_content(&sums) {
            // The bytes are wrong: they go, those before stay.
            partial.file.set_len(step.offset).map_err(Fault::from)?;
            self.place.area.usage.give_back(length - step.offset);
            return Err(fault);
        }
        let is_whole = step.completes.unwrap_or(step.total == Some(length));
        if !is_whole {
            return self.unfinished(begins, &step, &partial);
        }
        if step
            .total
            .or(partial.total)
            .is_some_and(|total| total != length)
        {
            return Err(inconsistent());
        }
        let file = Arc::clone(&partial.file);
        if wanted.wants_whole() {
            let checked = blocking(move || wanted.check_whole(&sums, begins_file, &file)).await;
            if let Err(fault) = checked {
                let freed = partial.remove()?;
                self.place.area.usage.give_back(freed);
                return Err(fault);
            }
        }
        let stored = self
            .store(Whole::Partial(partial), self.place.clone(), reserved)
            .await?;
        Ok(self.stored(&stored).header("Upload-Complete", "?1"))
    }

    /// The file of the upload, ready for bytes at the step's place; and whether it was made for it.
    async fn partial(&mut self, step: &Step) -> Result<(Partial, bool)> {
        let found = self.find(&step.word).await?;
        let Some(mut partial) = found else {
            if !step.again {
                return Err(unknown());
            }
            if step.offset > 0 {
                return Err(mismatch(0));
            }
            let (area, key, total) = (
                Arc::clone(&self.place.area),
                self.key(&step.word),
                step.total,
            );
            let most = self.settings().partials;
            let made = blocking(move || area.partials.create(&key, total, most)).await?;
            return Ok((made, true));
        };
        let length = partial.length()?;
        let is_there = match step.again {
            true => step.offset <= length,
            false => step.offset == length,
        };
        if !is_there {
            return Err(mismatch(length));
        }
        match (step.total, partial.total) {
            (Some(said), Some(known)) if said != known && step.offset > 0 => {
                return Err(inconsistent());
            }
            (Some(said), _) => partial.set_total(said)?,
            _ => {}
        }
        // What is sent again is written again.
        partial.file.set_len(step.offset)?;
        self.place.area.usage.give_back(length - step.offset);
        Ok((partial, false))
    }

    /// The answer when the bytes did not come to their end: what did come stays, if the client can go on from there.
    async fn broken(&mut self, fault: Fault, begins: bool, step: &Step, partial: Partial) -> Fault {
        let has_bytes = partial.length().is_ok_and(|length| length > 0);
        let is_over = matches!(fault.status, 413) || (begins && !has_bytes);
        if is_over && fault.status != 409 {
            let usage = Arc::clone(&self.place.area.usage);
            let removed = blocking(move || {
                usage.give_back(partial.remove()?);
                Ok(())
            });
            // It goes by and by if it cannot be removed now.
            let _ = removed.await;
            return fault;
        }
        let offset = partial.length().unwrap_or(step.offset);
        fault.with("Upload-Offset", offset.to_string())
    }

    /// The answer when more is to come.
    fn unfinished(&self, begins: bool, step: &Step, partial: &Partial) -> Result<Response> {
        let response = match (step.completes, begins) {
            (None, _) => Response::text("the rest is missing\n").with_status(202),
            (Some(_), true) => Response::new(201),
            (Some(_), false) => Response::new(204),
        };
        let mut response = self.state(response, partial)?;
        if begins && step.word != UNNAMED {
            let place = format!("{}?upload={}", self.location(&self.place), step.word);
            response = response.header("Location", place);
        }
        Ok(response)
    }

    /// A response that says how much is there.
    fn state(&self, response: Response, partial: &Partial) -> Result<Response> {
        let mut response = response
            .header("Upload-Complete", "?0")
            .header("Upload-Offset", partial.length()?.to_string())
            .header("Upload-Limit", self.limit());
        if let Some(total) = partial.total {
            response = response.header("Upload-Length", total.to_string());
        }
        Ok(response)
    }
}

/// HEAD of a path: what the site answers, and how much is there of an upload that was begun and is not finished.
pub(super) async fn seen(inner: Arc<Inner>, place: Place, request: Request) -> Response {
    let key = key(UNNAMED, &place.plain_path(), request.user());
    let may_write = request.may_write(&place.plain_path());
    let response = inner.read(request).response().await;
    if !may_write {
        return response;
    }
    let found = blocking(move || {
        let found = place.area.partials.find(&key)?;
        found.map(|it| it.length()).transpose()
    });
    match found.await {
        Ok(Some(length)) => response
            .header("Upload-Complete", "?0")
            .header("Upload-Offset", length.to_string())
            .header("Cache-Control", "no-store"),
        _ => response,
    }
}

fn unknown() -> Fault {
    Fault::new(404, "there is no such unfinished upload")
}

fn inconsistent() -> Fault {
    Fault::new(400, "the length of the upload is not what was said before")
}

fn mismatch(length: u64) -> Fault {
    Fault::new(
        409,
        format!("the upload has {length} bytes so far; go on from there"),
    )
    .with("Upload-Offset", length.to_string())
    .with("Upload-Complete", "?0")
}
