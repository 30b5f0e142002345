//! Forms with files (RFC 7578), as browsers send them: one file or many, or whole folders with their tree.

use std::sync::Arc;

use serde::Serialize;
use sockeye_data::multipart::{Event, Limits, Multipart, MultipartError, Part, boundary};

use super::Task;
use super::area::Place;
use super::draft::Draft;
use super::fault::{Fault, Result};
use super::put::blocking;
use super::sink::{Sink, Wanted};
use super::store::{self, Whole};
use crate::web::request::Request;
use crate::web::response::Response;

/// Fields that are no files are passed over, up to this many bytes in all.
const MOST_TEXT: u64 = 1 << 20;

/// Whether a POST is for us: a form with files, the beginning of an upload, or a folder to be made.
pub(super) fn is_ours(request: &Request) -> bool {
    let content_type = request.headers().get("content-type").unwrap_or_default();
    boundary(content_type).is_some()
        || request.headers().contains("upload-complete")
        || request.query_value("mkdir").is_some()
}

/// What became of a form, for programs.
#[derive(Serialize)]
struct Report {
    stored: Vec<StoredFile>,
    /// Why the rest was not stored.
    error: Option<String>,
}

#[derive(Serialize)]
struct StoredFile {
    path: String,
    size: u64,
}

/// A file of the form on its way.
struct Receiving {
    place: Place,
    draft: Draft,
    sink: Sink,
}

impl From<MultipartError> for Fault {
    fn from(error: MultipartError) -> Self {
        let status = if error.is_too_large() { 413 } else { 400 };
        Self::new(status, format!("the form is refused: {error}"))
    }
}

impl Task {
    /// Store the files of a form, one after the other. Each is stored whole or not at all; the first that cannot be stored
    /// ends it, and the answer says which were stored before.
    pub(super) async fn form(&mut self) -> Result<Response> {
        let content_type = self
            .request
            .headers()
            .get("content-type")
            .unwrap_or_default();
        let boundary =
            boundary(content_type).ok_or_else(|| Fault::new(415, "this is no form with files"))?;
        if self.is_explained("stores the files of a form in") {
            return Ok(Response::text("an explanation stores nothing\n"));
        }
        let mut report = Report {
            stored: Vec::new(),
            error: None,
        };
        self.request.body.set_limit(u64::MAX);
        let outcome = self.files(&boundary, &mut report).await;
        let status = match outcome {
            Ok(()) if report.stored.is_empty() => {
                return Err(Fault::new(400, "no file was chosen"));
            }
            Ok(()) => 201,
            Err(fault) => {
                self.request.note("upload", || {
                    format!("refused with {}: {}", fault.status, fault.why)
                });
                report.error = Some(fault.why.clone());
                if report.stored.is_empty() && !self.wants_json() {
                    return Err(fault);
                }
                fault.status
            }
        };
        Ok(self.report(status, &report))
    }

    async fn files(&mut self, boundary: &[u8], report: &mut Report) -> Result<()> {
        let limits = Limits {
            parts: self.settings().parts,
            ..Limits::default()
        };
        let mut form = Multipart::new(boundary, limits);
        let mut receiving: Option<Receiving> = None;
        let mut text = 0;
        while !form.is_done() {
            let Some(chunk) = self.request.body.chunk().await.transpose()? else {
                return Err(Fault::new(400, "the form is cut off"));
            };
            form.push(&chunk);
            while let Some(event) = form.next()? {
                match event {
                    Event::Part(part) => receiving = self.file_of(&part).await?,
                    Event::Data(data) => match &mut receiving {
                        Some(file) => file.sink.write(&data).await?,
                        None => text += data.len() as u64,
                    },
                    Event::End => {
                        if let Some(file) = receiving.take() {
                            report.stored.push(self.finish(file).await?);
                        }
                    }
                    Event::Done => {}
                }
                if text > MOST_TEXT {
                    return Err(Fault::new(413, "the form has too much beside its files"));
                }
            }
        }
        Ok(())
    }

    /// The file that a part begins; `None` for what is no file.
    async fn file_of(&mut self, part: &Part) -> Result<Option<Receiving>> {
        let Some(name) = part.file_name.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let place = self.place.below(name, self.settings().depth)?;
        self.check_right(&place)?;
        // Conditions are about the folder here, not about each file.
        store::check(&place, &Default::default(), self.settings().on_conflict)?;
        let draft = Draft::new(&place.nearest()?)?;
        let reserved = self.announce(None).await?;
        let sums = Wanted::default().sums(true);
        let sink = Sink::new(
            Arc::clone(&draft.file),
            0,
            self.settings().max_size,
            sums,
            reserved,
        );
        Ok(Some(Receiving { place, draft, sink }))
    }

    async fn finish(&mut self, file: Receiving) -> Result<StoredFile> {
        let (_, mut reserved) = file.sink.finish().await?;
        let (inner, place, whole) = (
            Arc::clone(&self.inner),
            file.place,
            Whole::Draft(file.draft),
        );
        let stored = blocking(move || {
            let none = Default::default();
            store::store(
                &whole,
                &place,
                &none,
                &inner.settings,
                &mut reserved,
                &inner.order,
            )
        })
        .await?;
        Ok(StoredFile {
            path: self.location(&stored.place),
            size: stored.version.size,
        })
    }

    fn wants_json(&self) -> bool {
        let accept = self.request.headers().get_str("accept").unwrap_or_default();
        accept.contains("application/json")
    }

    /// For programs what was stored; a browser goes back to the folder.
    fn report(&self, status: u16, report: &Report) -> Response {
        if self.wants_json() {
            return Response::json(report).with_status(status);
        }
        let accept = self.request.headers().get_str("accept").unwrap_or_default();
        if report.error.is_none() && accept.contains("text/html") {
            let path = self.request.path();
            // Two slashes at the beginning would name another host.
            let back = if path.starts_with("//") { "./" } else { path };
            return Response::redirect(303, back);
        }
        let mut text: String = report
            .stored
            .iter()
            .map(|file| format!("{}\n", file.path))
            .collect();
        if let Some(error) = &report.error {
            text = format!("{error}\nstored before that:\n{text}");
        }
        Response::text(text)
            .with_status(status)
            .header("X-Content-Type-Options", "nosniff")
    }
}
