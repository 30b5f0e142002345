//! Which of the changes are told: those of sockets that were asked for, each from its opening to its end.

use std::collections::HashSet;

use sockeye::host::table::Notice;
use sockeye::host::watch::{Changes, Closed, Key, Ledger, Record, Totals};

use super::super::row::{Row, Source};
use super::super::which::Selection;

/// Remembers which sockets are told of.
#[derive(Debug)]
pub(super) struct Picked {
    selection: Selection,
    told: HashSet<Key>,
    processes: HashSet<(u32, u64)>,
}

/// What is told of one look.
#[derive(Debug, Default)]
pub(super) struct News<'a> {
    /// Sockets that are new, or that only now are what was asked for.
    pub(super) opened: Vec<Key>,
    /// Sockets that are there and no longer what was asked for.
    pub(super) left: Vec<Key>,
    /// Sockets that changed.
    pub(super) updated: Vec<Key>,
    /// Sockets that are told of and did not change.
    pub(super) idle: Vec<Key>,
    pub(super) closed: Vec<&'a Closed>,
    pub(super) notices: Vec<&'a Notice>,
    /// The totals of all processes that had a socket that was told of.
    pub(super) totals: Vec<&'a Totals>,
}

impl Picked {
    pub(super) fn new(selection: Selection) -> Self {
        Self {
            selection,
            told: HashSet::new(),
            processes: HashSet::new(),
        }
    }

    /// What is told of these changes.
    pub(super) fn of<'a>(
        &mut self,
        ledger: &'a Ledger,
        changes: &'a Changes,
        source: &Source<'_>,
    ) -> News<'a> {
        let mut news = News {
            notices: super::news(changes, self.selection.named_protocols).collect(),
            ..News::default()
        };
        let updated: HashSet<Key> = changes.updated.iter().copied().collect();
        for (record, socket) in ledger.live() {
            let admitted = !record.remains && self.selection.admits(Row { source, socket });
            self.sort_in(record, admitted, updated.contains(&record.key), &mut news);
        }
        for closed in &changes.closed {
            let socket = &closed.socket;
            // Who was told of its opening is told of its end; a brief one was never there to be asked.
            if self.told.remove(&closed.key)
                || closed.brief && self.selection.admits(Row { source, socket })
            {
                self.name_process(closed.party.as_ref());
                news.closed.push(closed);
            }
        }
        let all = self.selection.is_everything();
        news.totals.extend(ledger.totals().iter().filter(|totals| {
            let process = totals.process.as_ref();
            all || process.is_some_and(|p| self.processes.contains(&(p.pid, p.started)))
        }));
        news
    }

    fn sort_in(&mut self, record: &Record, admitted: bool, updated: bool, news: &mut News<'_>) {
        let key = record.key;
        match (self.told.contains(&key), admitted) {
            (false, false) => {}
            (false, true) => {
                self.told.insert(key);
                self.name_process(record.party.as_ref());
                news.opened.push(key);
            }
            (true, false) => {
                self.told.remove(&key);
                news.left.push(key);
            }
            (true, true) if updated => {
                self.name_process(record.party.as_ref());
                news.updated.push(key);
            }
            (true, true) => news.idle.push(key),
        }
    }

    fn name_process(&mut self, party: Option<&sockeye::host::watch::Party>) {
        if let Some(party) = party {
            self.processes
                .insert((party.process.pid, party.process.started));
        }
    }
}
