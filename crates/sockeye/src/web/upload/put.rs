//! PUT of a whole file, and of the beginning of one.

use std::sync::Arc;

use sockeye_data::fields::{ContentRange, structured};

use super::draft::Draft;
use super::fault::{Fault, Result, single};
use super::sink::{Sink, Wanted};
use super::store::{self, Stored, Whole};
use super::usage::Reserved;
use super::{Place, Task};
use crate::web::response::Response;

impl Task {
    /// Store what the request holds.
    pub(super) async fn put(&mut self) -> Result<Response> {
        if self.request.rest().ends_with('/') {
            return Err(Fault::new(
                409,
                "the path of a file does not end with a slash",
            ));
        }
        self.place.name()?;
        let headers = self.request.headers();
        if let Some(coding) = single(headers, "content-encoding")?
            && !coding.eq_ignore_ascii_case(b"identity")
        {
            return Err(Fault::new(
                415,
                "send the file as it is, without a content coding",
            ));
        }
        let range = match single(headers, "content-range")? {
            Some(value) => match ContentRange::parse(value) {
                Some(ContentRange::Part(first, last, Some(total))) => Some((first, last, total)),
                _ => {
                    return Err(Fault::new(
                        400,
                        "a Content-Range that cannot be stored: `bytes FIRST-LAST/LENGTH` can",
                    ));
                }
            },
            None => None,
        };
        let complete = structured::boolean(headers, "upload-complete");
        store::check(&self.place, headers, self.settings().on_conflict)?;
        if self.is_explained("stores") {
            return Ok(Response::text("an explanation stores nothing\n"));
        }
        match (range, complete) {
            (Some(_), Some(_)) => Err(Fault::new(
                400,
                "Content-Range and Upload-Complete exclude each other",
            )),
            (Some(range), None) => self.put_range(range).await,
            (None, Some(complete)) => self.begin(complete).await,
            (None, None) => self.put_whole().await,
        }
    }

    async fn put_whole(&mut self) -> Result<Response> {
        let wanted = Wanted::of(self.request.headers())?;
        let most = self.settings().max_size;
        self.request.body.set_limit(most);
        let draft = Draft::new(&self.place.nearest()?)?;
        let reserved = self
            .announce(self.request.body.length().filter(|length| *length <= most))
            .await?;
        let mut sink = Sink::new(
            Arc::clone(&draft.file),
            0,
            most,
            wanted.sums(true),
            reserved,
        );
        sink.take(&mut self.request.body).await?;
        let (sums, reserved) = sink.finish().await?;
        wanted.check_content(&sums)?;
        wanted.check_whole(&sums, true, &draft.file)?;
        let stored = self
            .store(Whole::Draft(draft), self.place.clone(), reserved)
            .await?;
        Ok(self.stored(&stored))
    }

    /// Space for this many bytes, if it is known how many come.
    pub(super) async fn announce(&mut self, bytes: Option<u64>) -> Result<Reserved> {
        let mut reserved = self.place.area.usage.reserve();
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.expire();
            reserved.announce(bytes.unwrap_or_default())?;
            Ok(reserved)
        })
        .await
    }

    /// Give a whole file its name.
    pub(super) async fn store(
        &mut self,
        whole: Whole,
        place: Place,
        mut reserved: Reserved,
    ) -> Result<Stored> {
        let (inner, headers) = (Arc::clone(&self.inner), self.request.headers().clone());
        let stored = blocking(move || {
            store::store(
                &whole,
                &place,
                &headers,
                &inner.settings,
                &mut reserved,
                &inner.order,
            )
        })
        .await?;
        self.request
            .note("upload", || format!("stored as {}", stored.place.path()));
        Ok(stored)
    }

    /// 201 with its place, or 204 for one that was replaced.
    pub(super) fn stored(&self, stored: &Stored) -> Response {
        let path = self.location(&stored.place);
        let response = match stored.replaced {
            true => Response::new(204),
            false => Response::text(format!("{path}\n"))
                .with_status(201)
                .header("Location", &path)
                .header("X-Content-Type-Options", "nosniff"),
        };
        response.header("ETag", stored.version.etag().to_string())
    }
}

/// Do this where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Fault::new(500, "the file could not be worked on"))?
}
