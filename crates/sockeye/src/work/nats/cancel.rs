//! Ending a run from elsewhere.

use super::connect::Broker;
use super::streams::{JOBS, Names};
use super::wire::RunState;
use crate::error::{Error, Kind, Operation, Result};

/// How often the record is written again if somebody else was quicker: its submitter writes every 2 s.
const TRIES: u32 = 8;

/// What was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CanceledRun {
    /// Messages that waited or ran, and stand in the queue no more.
    pub removed: u64,
}

impl Broker {
    /// End a run: workers end its jobs, nobody takes another one, and its submitter, if there is one, reports it as given up.
    /// What it has in the broker is removed, but for its record and its dead letters; other runs are left alone.
    ///
    /// # Errors
    ///
    /// `Rejected` if nobody knows the run, or it has come to its end already; `Lost` if the broker does not answer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the run may be ended and its messages may stay: call it again.
    pub async fn cancel_run(&self, run: &str) -> Result<CanceledRun> {
        let names = Names::new(run)?;
        let mut last = None;
        for _ in 0..TRIES {
            let Some((record, revision)) = self.run_record(run).await? else {
                return Err(unknown(run));
            };
            if record.state == RunState::Done {
                let why = "it has come to its end already";
                return Err(Error::new(Kind::Rejected, Operation::Write, why).about(run));
            }
            let record = record.in_state(RunState::Canceled);
            match self.put_run(run, &record, Some(revision)).await {
                Ok(_) => return self.end(&names).await,
                Err(error) if error.kind() == Kind::Rejected => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| unknown(run)))
    }

    /// Tell everybody, and take away what there is to do.
    async fn end(&self, names: &Names) -> Result<CanceledRun> {
        self.poke().await;
        let removed = match self.stream_info(JOBS).await? {
            Some(_) => self.purge(JOBS, &names.jobs()).await?,
            None => 0,
        };
        super::remote::clear(self, names).await?;
        Ok(CanceledRun { removed })
    }
}

/// Nobody knows this run.
fn unknown(run: &str) -> Error {
    let why = format!("nobody knows the run {run:?}");
    Error::new(Kind::Rejected, Operation::Ask, why).with_hint("`sockeye map status` lists the runs")
}
