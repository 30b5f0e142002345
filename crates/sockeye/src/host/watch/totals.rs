//! What each process carried since the watch began. Totals only grow: what was counted for a process stays its own, also
//! when its sockets are closed or passed on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Counters, Rates};
use crate::host::process::Process;

/// The totals of one process.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Whose; `None` for those sockets whose owner nobody knows, and for processes that were let go of (see
    /// [`Limits::processes`](super::Limits::processes)).
    pub process: Option<Arc<Process>>,
    /// What its TCP connections carried while it was watched.
    pub counters: Counters,
    /// How fast that went since the tick before.
    pub rates: Rates,
    /// How many sockets it has now.
    pub sockets: u32,
    /// How many sockets it opened under watch.
    pub opened: u64,
    /// How many sockets it closed under watch.
    pub closed: u64,
    /// Whether anything of this is other than at the tick before.
    pub changed: bool,
    /// Whether anything happened since the tick before.
    touched: bool,
    /// What came since the tick before.
    pub(super) fresh: Counters,
}

/// The place of the totals of sockets whose owner nobody knows.
pub(super) const NOBODY: u32 = 0;

/// All totals, with their places by process.
#[derive(Debug)]
pub(super) struct Book {
    totals: Vec<Totals>,
    places: HashMap<(u32, u64), u32>,
    limit: usize,
}

impl Book {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            totals: vec![Totals::default()],
            places: HashMap::new(),
            limit: limit.max(1),
        }
    }

    pub(super) fn all(&self) -> &[Totals] {
        &self.totals
    }

    /// The place of this process and its remembered self; a new one gets a place.
    pub(super) fn enter(&mut self, process: &Process) -> (u32, Arc<Process>) {
        let id = (process.pid, process.started);
        if let Some(&place) = self.places.get(&id) {
            let known = &mut self.totals[place as usize].process;
            // A program that executes another one stays the same process under another name.
            return match known {
                Some(known) if known.name == process.name => (place, known.clone()),
                _ => (place, known.insert(Arc::new(process.clone())).clone()),
            };
        }
        let remembered = Arc::new(process.clone());
        let fresh = Totals {
            process: Some(remembered.clone()),
            ..Totals::default()
        };
        let place = match self.vacant() {
            Some(place) => {
                self.totals[place as usize] = fresh;
                place
            }
            None if self.totals.len() > self.limit => return (NOBODY, remembered),
            None => {
                self.totals.push(fresh);
                u32::try_from(self.totals.len() - 1).unwrap_or(NOBODY)
            }
        };
        self.places.insert(id, place);
        (place, remembered)
    }

    /// When all places are taken: one whose process has no sockets any more. What it counted is kept under nobody's name.
    fn vacant(&mut self) -> Option<u32> {
        if self.totals.len() <= self.limit {
            return None;
        }
        let at = (1..self.totals.len()).find(|&at| self.totals[at].sockets == 0)?;
        let gone = std::mem::take(&mut self.totals[at]);
        if let Some(process) = &gone.process {
            self.places.remove(&(process.pid, process.started));
        }
        let nobody = &mut self.totals[NOBODY as usize];
        nobody.counters.add(gone.counters);
        nobody.fresh.add(gone.fresh);
        nobody.touched = true;
        nobody.opened += gone.opened;
        nobody.closed += gone.closed;
        u32::try_from(at).ok()
    }

    pub(super) fn carry(&mut self, place: u32, delta: Counters) {
        let totals = &mut self.totals[place as usize];
        totals.touched |= !delta.is_zero();
        totals.counters.add(delta);
        totals.fresh.add(delta);
    }

    pub(super) fn open(&mut self, place: u32, under_watch: bool) {
        let totals = &mut self.totals[place as usize];
        totals.touched = true;
        totals.sockets += 1;
        totals.opened += u64::from(under_watch);
    }

    /// A socket of its own is closed; or one that it never was seen to have.
    pub(super) fn close(&mut self, place: u32, brief: bool) {
        let totals = &mut self.totals[place as usize];
        totals.touched = true;
        totals.closed += 1;
        if brief {
            totals.opened += 1;
        } else {
            totals.sockets = totals.sockets.saturating_sub(1);
        }
    }

    /// A socket goes from one process to another; what it carried so far stays where it was counted.
    pub(super) fn pass_on(&mut self, from: u32, to: u32) {
        if from != to {
            let before = &mut self.totals[from as usize];
            before.sockets = before.sockets.saturating_sub(1);
            before.touched = true;
            let after = &mut self.totals[to as usize];
            after.sockets += 1;
            after.touched = true;
        }
    }

    /// The tick is over: what came fresh becomes rates.
    pub(super) fn settle(&mut self, elapsed: Duration) {
        for totals in &mut self.totals {
            // Who comes to rest is news as well.
            let was_moving = totals.rates != Rates::default();
            totals.changed = std::mem::take(&mut totals.touched) || was_moving;
            totals.rates = Rates::of(std::mem::take(&mut totals.fresh), elapsed);
        }
    }
}
