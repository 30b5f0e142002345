//! Folders that are made, files that are deleted, and what can be done at all.

use rustix::fs::{AtFlags, unlinkat};

use super::Task;
use super::fault::{Fault, Result};
use super::put::blocking;
use crate::web::response::Response;

impl Task {
    /// Make a folder (RFC 4918 section 9.3): in a folder that is there.
    pub(super) async fn mkcol(&mut self) -> Result<Response> {
        if !self.request.body.is_empty() {
            return Err(Fault::new(415, "a folder is made of nothing"));
        }
        if self.place.metadata()?.is_some() || self.place.names.is_empty() {
            return Err(Fault::new(405, "there is something of this name already"));
        }
        if self.is_explained("makes the folder") {
            return Ok(Response::text("an explanation makes nothing\n"));
        }
        self.make(self.place.clone()).await?;
        let path = format!("{}/", self.location(&self.place));
        Ok(Response::new(201).header("Location", path))
    }

    /// Make a folder in this one, as the page of a folder asks for it.
    pub(super) async fn mkdir(&mut self) -> Result<Response> {
        let name = self.request.query_value("mkdir").unwrap_or_default();
        let place = self.place.below(name.as_bytes(), self.settings().depth)?;
        self.check_right(&place)?;
        if place.metadata()?.is_some() {
            return Err(Fault::exists());
        }
        if self.is_explained("makes a folder in") {
            return Ok(Response::text("an explanation makes nothing\n"));
        }
        self.make(place.clone()).await?;
        Ok(Response::redirect(
            303,
            &format!("{}/", self.location(&place)),
        ))
    }

    async fn make(&mut self, place: super::Place) -> Result<()> {
        blocking(move || {
            place.make(&place.names)?;
            place.area.root.note_change();
            Ok(())
        })
        .await
    }

    /// Delete a file, or a folder that is empty.
    pub(super) async fn delete(&mut self) -> Result<Response> {
        let headers = self.request.headers();
        let there = self.place.metadata()?;
        let Some(there) = there else {
            return Err(Fault::new(404, "there is no such file"));
        };
        self.place.name()?;
        let version = crate::web::files::Version::of(&there);
        let tag = version.etag();
        let judged = crate::web::files::judge(headers, Some(&tag), Some(version.modified()), false);
        if judged != crate::web::files::Condition::Holds {
            return Err(Fault::new(412, "a condition of the request does not hold"));
        }
        if self.is_explained("deletes") {
            return Ok(Response::text("an explanation deletes nothing\n"));
        }
        let (place, inner) = (self.place.clone(), std::sync::Arc::clone(&self.inner));
        blocking(move || {
            let _order = inner.order.blocking_lock();
            let folder = place.nearest()?;
            let flags = if there.is_dir() {
                AtFlags::REMOVEDIR
            } else {
                AtFlags::empty()
            };
            // By its name in its folder: a link is deleted itself, not what it leads to.
            unlinkat(&folder, place.name()?, flags).map_err(|error| match error {
                rustix::io::Errno::NOTEMPTY | rustix::io::Errno::EXIST => {
                    Fault::new(409, "the folder is not empty")
                }
                error => error.into(),
            })?;
            if there.is_file() {
                place.area.usage.give_back(there.len());
            }
            place.area.root.note_change();
            Ok(())
        })
        .await?;
        Ok(Response::new(204))
    }

    /// What can be done here.
    pub(super) fn options(&self) -> Response {
        let delete = if self.settings().delete {
            ", DELETE"
        } else {
            ""
        };
        Response::new(204)
            .header(
                "Allow",
                format!("GET, HEAD, OPTIONS, PUT, POST, PATCH, MKCOL{delete}"),
            )
            .header("Accept-Patch", super::resume::PARTIAL)
            .header("Upload-Limit", self.limit())
    }
}
