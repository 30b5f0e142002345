//! The end of a download: it is checked and gets its name.

use super::{Attempt, Broken, Job, is_plain};
use crate::client::download::answer;
use crate::client::download::checksum::{Checksum, Hashing};
use crate::client::download::fetch::Saved;
use crate::client::download::part::Part;
use crate::client::http::Response;
use crate::error::{Error, Kind, Operation, Result};

impl Job {
    /// Everything is there: is it right? Then it gets its name.
    pub(super) async fn finish(&mut self) -> Result<Attempt, Broken> {
        let Some(part) = self.part.take() else {
            return Ok(Attempt::Again);
        };
        let length = part
            .sidecar
            .version
            .length
            .unwrap_or_else(|| part.sidecar.done.prefix());
        let checksums = match self.checksums(&part, length).await {
            Ok(checksums) => checksums,
            Err(error) => {
                self.part = Some(part);
                return Err(error.into());
            }
        };
        for expected in &self.expected {
            let found = checksums
                .iter()
                .find(|it| it.algorithm() == expected.algorithm());
            if found.is_some_and(|found| found == expected) {
                continue;
            }
            let found = found.map_or_else(String::new, Checksum::hex);
            let kept = part.condemn();
            let why = format!(
                "its {} is {found}, not {}",
                expected.algorithm(),
                expected.hex()
            );
            let error = Error::new(Kind::Protocol, Operation::Fetch, why)
                .about(self.download.url.without_secrets())
                .with_hint(format!("what came is kept as {}", kept.display()));
            return Err(error.into());
        }
        let changed = part.sidecar.changed.filter(|_| self.download.keep_time);
        let path = part.finish(length, changed)?;
        Ok(Attempt::Saved(Saved {
            path,
            length,
            received: self.received,
            segments: self.segments,
            checksums,
            skipped: false,
        }))
    }

    pub(super) async fn checksums(&mut self, part: &Part, length: u64) -> Result<Vec<Checksum>> {
        let mut algorithms = self.wanted.clone();
        algorithms.extend(self.expected.iter().map(Checksum::algorithm));
        algorithms.sort_unstable();
        algorithms.dedup();
        if algorithms.is_empty() {
            return Ok(Vec::new());
        }
        let hashing = self.hashing.take();
        let hashing = hashing.unwrap_or_else(|| Hashing::start(algorithms, part.writer()));
        hashing
            .finish(length)
            .await
            .map_err(|error| error.about(part.part_path().display()))
    }

    /// Checksums that the server itself gives.
    pub(super) fn served(&mut self, response: &Response) {
        if !is_plain(response) || response.status() != 200 {
            return;
        }
        let mut found = answer::digests(response.headers());
        if let Some(md5) = response.header("content-md5") {
            found.push(("md5".into(), md5.trim().to_owned()));
        }
        let found = found
            .iter()
            .filter_map(|(name, value)| Checksum::from_base64(name, value));
        for checksum in found {
            if !self.expected.contains(&checksum) {
                self.expected.push(checksum);
            }
        }
    }
}
