//! To what is no file: a device, a named pipe.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;

use super::{Broken, Job, refused};
use crate::client::download::event::Event;
use crate::client::download::fetch::Saved;
use crate::client::download::folder::failed as file_failed;
use crate::client::download::lane;
use crate::client::sink::Sink;
use crate::error::{Error, Operation, Result};

impl Job {
    /// To what is no file: straight through, with nothing to go on with.
    pub(super) async fn through(&mut self, path: PathBuf) -> Result<Saved, Broken> {
        let broken = |error| Broken::from(file_failed(Operation::Write, error, &path));
        let request = lane::request(&self.download, &self.download.url)?;
        let _turn = self.download.traffic.turn(&self.download.url).await;
        let mut response = self.download.client.send(request).await?;
        if !response.is_success() {
            return Err(refused(&response));
        }
        let file = OpenOptions::new().write(true).open(&path).map_err(broken)?;
        let mut sink = Sink::new(file)?;
        let length = response.content_length().filter(|_| !response.is_decoded());
        self.download.listener.tell(Event::Started {
            path: path.clone(),
            length,
            resumed: 0,
        });
        let rate = self.download.traffic.shared_rate();
        // In small steps only where they are counted.
        let most = if rate.is_some() { 64 << 10 } else { u64::MAX };
        let write_failed = |error: Error| match error.os_code() {
            Some(code) if error.operation() == Operation::Write => {
                file_failed(Operation::Write, io::Error::from_raw_os_error(code), &path)
            }
            _ => error,
        };
        while let Some(bytes) = response
            .save_some(&mut sink, most)
            .await
            .map_err(write_failed)?
        {
            if let Some(rate) = &rate {
                rate.passed(bytes).await;
            }
        }
        let received = sink.written();
        self.download
            .listener
            .tell(Event::Progress { received, length });
        Ok(Saved {
            path,
            length: received,
            received,
            segments: 1,
            checksums: Vec::new(),
            skipped: false,
        })
    }
}
