//! Going on with what another program began.

use bytes::BytesMut;
use sockeye_data::fields::date;

use super::{Attempt, Broken, Job, is_plain, refused, skipped};
use crate::client::download::answer::{Asked, Verdict, Version};
use crate::client::download::folder::failed as file_failed;
use crate::client::download::lane::Turn;
use crate::client::http::Response;
use crate::error::{Error, Kind, Operation, Result};

impl Job {
    /// What another program began: it is gone on with if the server's file begins in the same way.
    pub(super) async fn go_on_with_foreign(
        &mut self,
        mut response: Response,
        turn: Turn,
        asked: Option<Asked>,
        verdict: Verdict,
    ) -> Result<Attempt, Broken> {
        let Some(part) = &mut self.part else {
            return Ok(Attempt::Again);
        };
        let there = part.sidecar.done.prefix();
        let not = |why: &str| {
            let error = Error::new(
                Kind::Protocol,
                Operation::Fetch,
                format!("it cannot be gone on with: {why}"),
            );
            Broken::from(
                error
                    .about(part.path().display())
                    .with_hint("`--overwrite` fetches it anew"),
            )
        };
        let length = match verdict {
            Verdict::Refused => return Err(refused(&response)),
            Verdict::Part { length, .. } => length,
            Verdict::Whole { .. } if asked.is_none() => {
                response.content_length().filter(|_| is_plain(&response))
            }
            Verdict::Whole { .. } => return Err(not("the server does not send parts")),
            Verdict::Complete => Some(there),
            Verdict::StartOver(why) => return Err(not(&why)),
        };
        if length.is_some_and(|length| length < there) {
            return Err(not("it is longer than the server's file"));
        }
        let changed = response
            .header("last-modified")
            .and_then(|it| date::parse(it.trim()));
        if changed.is_some_and(|changed| changed > part.changed()) {
            return Err(not("the server's file was changed after it"));
        }
        let overlap = asked.map_or(0, |asked| there - asked.from);
        let mut read = BytesMut::new();
        while (read.len() as u64) < overlap {
            match response.chunk().await? {
                Some(bytes) => read.extend_from_slice(&bytes),
                None => return Err(not("the server sent too little to compare")),
            }
        }
        // It is at most OVERLAP.
        let rest = read.split_off(overlap as usize).freeze();
        let mut ours = vec![0; read.len()];
        let from = there - overlap;
        part.writer()
            .read_at(&mut ours, from)
            .map_err(|error| file_failed(Operation::Read, error, &part.path()))?;
        if ours != read[..] {
            return Err(not("the server's file differs"));
        }
        if length == Some(there) && there > 0 {
            return Ok(Attempt::Saved(skipped(part.path(), there)));
        }
        part.sidecar.url = self.download.url.without_secrets().to_string();
        part.sidecar.version = Version::of(response.headers(), length);
        part.sidecar.changed = changed;
        part.take_over()?;
        self.foreign = false;
        if let Some(length) = length {
            part.make_room(length)?;
        }
        self.carry(response, rest, turn).await
    }
}
