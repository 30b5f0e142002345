//! Short files: they come whole into memory, are written at once and get their name; no sidecar, no plan.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Attempt, Broken, Job};
use crate::client::download::event::Event;
use crate::client::download::fetch::{Check, Saved};
use crate::client::download::lane::Turn;
use crate::client::download::plan::Segments;
use crate::client::download::retries::is_passing;
use crate::client::http::Response;
use crate::error::Result;

/// The longest file that is short, in bytes.
const SHORT: u64 = 256 << 10;
/// What does not come as soon as this is written while it comes, so that it is not lost when we are killed.
const SOON: Duration = Duration::from_millis(100);

impl Job {
    /// Read ahead what is short: how it came, or `None` if it is long, or slow, or needs the care of a long one.
    pub(super) async fn ahead(
        &self,
        response: &mut Response,
        length: Option<u64>,
    ) -> Option<Result<()>> {
        let length = length.filter(|length| *length <= SHORT)?;
        let is_checked = self
            .download
            .checks
            .iter()
            .any(|it| !matches!(it, Check::Listed(_)));
        let is_slowed = self.download.traffic.shared_rate().is_some();
        let is_split = matches!(self.download.bounds.segments, Segments::Exactly(2..));
        if self.part.is_some() || is_checked || is_slowed || is_split {
            return None;
        }
        // One more, so that its end is read, too.
        let most = usize::try_from(length + 1).ok()?;
        match timeout(SOON, response.read_ahead(most)).await {
            Ok(Ok(true)) => Some(Ok(())),
            Ok(Err(error)) => Some(Err(error)),
            Ok(Ok(false)) | Err(_) => None,
        }
    }

    /// It came: whole, or up to where it broke.
    pub(super) async fn short(
        &mut self,
        mut response: Response,
        turn: Turn,
        came: Result<()>,
    ) -> Result<Attempt, Broken> {
        if !self.expected.is_empty() {
            if let Err(error) = came {
                return Err(broken(error, false));
            }
            return self.carry(response, Bytes::new(), turn).await;
        }
        let bytes = response.chunk().await?.unwrap_or_default();
        let Some(mut part) = self.part.take() else {
            return Ok(Attempt::Again);
        };
        let received = bytes.len() as u64;
        let length = part.sidecar.version.length;
        if let Err(error) = part.begin(&bytes) {
            part.discard();
            return Err(error.into());
        }
        self.received += received;
        self.segments = 1;
        let path = part.path();
        let listener = &self.download.listener;
        if !std::mem::replace(&mut self.started, true) {
            listener.tell(Event::Started {
                path,
                length,
                resumed: 0,
            });
        }
        listener.tell(Event::Progress { received, length });
        if let Err(error) = came {
            part.sidecar.done.add(0..received);
            let saved = part.save();
            self.part = Some(part);
            saved?;
            return Err(broken(error, received > 0));
        }
        let changed = part.sidecar.changed.filter(|_| self.download.keep_time);
        Ok(Attempt::Saved(Saved {
            path: part.name_it(changed)?,
            length: received,
            received: self.received,
            segments: 1,
            checksums: Vec::new(),
            skipped: false,
        }))
    }
}

fn broken(error: crate::Error, progressed: bool) -> Broken {
    Broken {
        passing: is_passing(&error, progressed),
        progressed,
        ..Broken::from(error)
    }
}
