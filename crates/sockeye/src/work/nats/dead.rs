//! Jobs that were given up: listed, looked at, let go.

use std::collections::HashSet;

use super::blobs;
use super::connect::Broker;
use super::streams::{DEAD, Names};
use super::wire::{self, Dead, Id};
use crate::error::{Error, Kind, Operation, Result};
use crate::work::{Blob, Spill};

/// The most letters that are listed at once.
const MOST: usize = 100_000;

/// A job that was given up, and where that stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its run.
    pub run: String,
    /// Which of its run's it is: 32 hexadecimal digits.
    pub id: String,
    /// What is known of it.
    pub dead: Dead,
}

/// Which letters are meant.
#[derive(Clone, Debug, Default)]
pub struct DeadFilter {
    /// Those of this run; of all if there is none.
    pub run: Option<String>,
    /// Those whose identity begins with one of these; all if there is none.
    pub ids: Vec<String>,
}

impl DeadFilter {
    fn subjects(&self) -> Result<String> {
        match &self.run {
            Some(run) => Ok(Names::new(run)?.dead_letters()),
            None => Ok("sk.dead.>".to_owned()),
        }
    }

    fn takes(&self, id: &str) -> bool {
        self.ids.is_empty() || self.ids.iter().any(|start| id.starts_with(start))
    }
}

impl Broker {
    /// The jobs that were given up, the oldest first; at most 100,000.
    ///
    /// # Errors
    ///
    /// `Usage` if the run's name is none, `Lost` if the broker does not answer, `Protocol` if one is not ours.
    pub async fn dead_letters(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>> {
        let subjects = filter.subjects()?;
        if self.stream_info(DEAD).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut letters = Vec::new();
        let mut from = 1;
        while letters.len() < MOST
            && let Some(message) = self.next(DEAD, &subjects, from).await?
        {
            from = message.sequence + 1;
            let Some((run, id)) = place(&message.subject) else {
                continue;
            };
            if filter.takes(id) {
                letters.push(DeadLetter {
                    run: run.to_owned(),
                    id: id.to_owned(),
                    dead: wire::decode(&message.payload)?,
                });
            }
        }
        Ok(letters)
    }

    /// The names of the objects that letters of this run need.
    pub(super) async fn kept_for_the_dead(&self, run: &str) -> Result<HashSet<String>> {
        let filter = DeadFilter {
            run: Some(run.to_owned()),
            ids: Vec::new(),
        };
        let letters = self.dead_letters(&filter).await?;
        Ok(letters
            .iter()
            .flat_map(|letter| letter.dead.stored())
            .map(str::to_owned)
            .collect())
    }

    /// The input of such a job, however large.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer, or does not have it any more.
    pub async fn dead_input(&self, letter: &DeadLetter, spill: &Spill) -> Result<Blob> {
        blobs::unpack(self, letter.dead.input.clone(), spill).await
    }

    /// What such a job said last, on its standard output and on its standard error.
    ///
    /// # Errors
    ///
    /// As [`Broker::dead_input`].
    pub async fn dead_output(&self, letter: &DeadLetter, spill: &Spill) -> Result<[Blob; 2]> {
        Ok([
            blobs::unpack(self, letter.dead.stdout.clone(), spill).await?,
            blobs::unpack(self, letter.dead.stderr.clone(), spill).await?,
        ])
    }

    /// Forget such a job, with all that is kept of it.
    ///
    /// # Errors
    ///
    /// `Usage` if its names are none, `Lost` if the broker does not answer.
    pub async fn drop_dead(&self, letter: &DeadLetter) -> Result<()> {
        let names = Names::new(&letter.run)?;
        let id = Id::parse(&letter.id).ok_or_else(|| {
            let why = format!("{:?} is no job", letter.id);
            Error::new(Kind::Usage, Operation::Parse, why)
        })?;
        self.purge(DEAD, &names.dead(id)).await?;
        let names: Vec<String> = letter.dead.stored().map(str::to_owned).collect();
        blobs::forget(self, &names).await;
        Ok(())
    }
}

/// Run and job of a subject `sk.dead.RUN.ID`.
fn place(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix("sk.dead.")?.split_once('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_chosen_by_run_and_by_how_they_begin() {
        let mut filter = DeadFilter::default();
        assert_eq!(filter.subjects().unwrap(), "sk.dead.>");
        assert!(filter.takes("0123"));
        filter.run = Some("a".into());
        filter.ids = vec!["ff".into(), "01".into()];
        assert_eq!(filter.subjects().unwrap(), "sk.dead.a.>");
        assert!(filter.takes("0123") && !filter.takes("23"));
        filter.run = Some("a.*".into());
        assert_eq!(filter.subjects().unwrap_err().kind(), Kind::Usage);
        assert_eq!(place("sk.dead.run.01"), Some(("run", "01")));
        assert_eq!(place("sk.res.run.01"), None);
    }
}
