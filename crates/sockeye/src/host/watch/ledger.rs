//! The books of a watch: what was known before, and how a new table and the kernel's events change that. Nothing is asked
//! here and no clock is read, so a test can play any course of events.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Limits;
use super::changes::{Changes, Closed, Events};
use super::closing::Abandoned;
use super::history::{History, Sample};
use super::party::Party;
use super::record::{Key, Rates, Record, Since, counters_of, is_remains};
use super::source::Reading;
use super::totals::{Book, NOBODY, Totals};
use crate::host::socket::Socket;
use crate::host::table::{Notice, Table};

/// What is known of the sockets of a machine under watch. [`Ledger::merge`] takes in the next table.
#[derive(Debug)]
pub struct Ledger {
    pub(super) limits: Limits,
    pub(super) table: Table,
    pub(super) records: Vec<Record>,
    places: HashMap<Key, u32>,
    pub(super) book: Book,
    pub(super) closed: VecDeque<Closed>,
    /// What was counted of sockets that went missing, in case their event is late.
    pub(super) abandoned: HashMap<Key, Abandoned>,
    followed: Option<Key>,
    histories: usize,
    pub(super) ticks: u64,
    began: Option<Instant>,
    last: Option<Instant>,
}

impl Ledger {
    /// Empty books.
    pub fn new(limits: Limits) -> Self {
        Self {
            table: no_table(),
            records: Vec::new(),
            places: HashMap::new(),
            book: Book::new(limits.processes),
            closed: VecDeque::new(),
            abandoned: HashMap::new(),
            followed: None,
            histories: 0,
            ticks: 0,
            began: None,
            last: None,
            limits,
        }
    }

    /// The table of the last tick. It may still have rows of sockets whose closing became known after it was read:
    /// [`Ledger::live`] leaves those out.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The sockets that are there, each with its row, in no order.
    pub fn live(&self) -> impl Iterator<Item = (&Record, &Socket)> {
        let records = self.records.iter();
        records.filter_map(|record| Some((record, self.row(record)?)))
    }

    /// One socket, if it is still there.
    pub fn find(&self, key: Key) -> Option<(&Record, &Socket)> {
        let record = &self.records[self.place(key)?];
        Some((record, self.row(record)?))
    }

    /// The sockets that were closed lately, the oldest first: at most [`Limits::closed`].
    pub fn closed(&self) -> impl DoubleEndedIterator<Item = &Closed> + ExactSizeIterator {
        self.closed.iter()
    }

    /// What each process carried since the watch began; the first is for sockets whose owner nobody knows.
    pub fn totals(&self) -> &[Totals] {
        self.book.all()
    }

    /// When the last table was read; `None` before the first.
    pub fn now(&self) -> Option<Instant> {
        self.last
    }

    /// Keep a history of this socket from now on, even if so many others have one that it would get none.
    pub fn follow(&mut self, key: Option<Key>) {
        self.followed = key;
    }

    /// Take in a table that was read at `now`, and the events that came up to then.
    ///
    /// Rates are never negative and totals never shrink, whatever table and events say.
    pub fn merge(&mut self, mut table: Table, events: &Events, now: Instant) -> Changes {
        self.ticks += 1;
        let began = *self.began.get_or_insert(now);
        let last = self.last.replace(now);
        let mut changes = Changes {
            at: now.saturating_duration_since(began),
            elapsed: last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last)),
            first: last.is_none(),
            resynchronised: events.lost,
            notices: table.notices.clone(),
            ..Changes::default()
        };
        let before = std::mem::replace(&mut self.table, no_table());
        let remains = self.take_rows(&table, now, &mut changes);
        self.let_leave(&before, &mut table);
        self.take_events(&table, events, now, &mut changes);
        self.give_up(&table, events, now, &mut changes);
        self.inherit(&remains, &table, &changes);
        self.table = table;
        self.book.settle(changes.elapsed);
        self.take_samples();
        self.remember_closed(&changes);
        if events.lost {
            changes.notices.push(Notice {
                code: "resynchronised",
                text: "events of the kernel were lost; sockets that came and went meanwhile are not counted".into(),
            });
        }
        changes
    }

    /// Take in a reading.
    pub fn take(&mut self, reading: Reading) -> Changes {
        self.merge(reading.table, &reading.events, reading.at)
    }

    pub(super) fn place(&self, key: Key) -> Option<usize> {
        self.places.get(&key).map(|&place| place as usize)
    }

    fn row(&self, record: &Record) -> Option<&Socket> {
        match record.leaving {
            None => self.table.sockets.get(record.row as usize),
            Some(_) => None,
        }
    }

    /// Every row becomes a record or brings its record up to date. Returns what is left of connections that are over.
    fn take_rows(&mut self, table: &Table, now: Instant, changes: &mut Changes) -> Vec<Key> {
        let mut remains = Vec::new();
        for (row, socket) in table.sockets.iter().enumerate() {
            let key = Key::of(table, socket);
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            match self.place(key) {
                // Twice the same: an interrupted list was read again, or its addresses are all that it is known by.
                Some(place) if self.records[place].tick == self.ticks => {}
                Some(place) => self.update(place, table, row, now, changes),
                None => {
                    if is_remains(socket) {
                        remains.push(key);
                    }
                    self.insert(key, table, row, now, changes);
                }
            }
        }
        remains
    }

    fn insert(&mut self, key: Key, table: &Table, row: u32, now: Instant, changes: &mut Changes) {
        let socket = &table.sockets[row as usize];
        let since = Since {
            seen: now,
            longer: changes.first,
        };
        let mut record = Record {
            key,
            opened: since,
            in_state: since,
            counters: counters_of(socket),
            rates: Rates::default(),
            rtt: rtt_of(socket),
            party: Party::of(&mut self.book, table, socket, None),
            remains: is_remains(socket),
            history: None,
            state: socket.state,
            queues: (socket.receive_queue, socket.send_queue),
            row,
            tick: self.ticks,
            leaving: None,
        };
        if !record.remains {
            let account = record.account();
            self.book.open(account, !changes.first);
            // What was carried before the watch began is not ours to count.
            if let (Some(counters), false) = (record.counters, changes.first) {
                record.rates = Rates::of(counters, changes.elapsed);
                self.book.carry(account, counters);
            }
            changes.opened.push(key);
        }
        let place = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.places.insert(key, place);
        self.records.push(record);
    }

    fn update(
        &mut self,
        place: usize,
        table: &Table,
        row: u32,
        now: Instant,
        changes: &mut Changes,
    ) {
        let socket = &table.sockets[row as usize];
        let record = &mut self.records[place];
        record.tick = self.ticks;
        record.row = row;
        record.leaving = None;

        let account_before = record.account();
        let before = record.party.take();
        let tie_before = before.as_ref().map(|party| party.tie);
        record.party = Party::of(&mut self.book, table, socket, before);
        let account = record.account();
        if !record.remains {
            self.book.pass_on(account_before, account);
        }
        let mut changed = account != account_before;
        changed |= record.party.as_ref().map(|party| party.tie) != tie_before;

        if record.state != socket.state {
            record.state = socket.state;
            record.in_state = Since {
                seen: now,
                longer: false,
            };
            changed = true;
        }
        let queues = (socket.receive_queue, socket.send_queue);
        changed |= std::mem::replace(&mut record.queues, queues) != queues;
        record.rtt = rtt_of(socket).or(record.rtt);
        // Who comes to rest is news as well.
        changed |= std::mem::take(&mut record.rates) != Rates::default();
        if let Some(counters) = counters_of(socket) {
            // A socket without numbers so far, such as one that was still connecting, starts from nothing.
            let delta = counters.since(record.counters.unwrap_or_default());
            changed |= !delta.is_zero();
            record.rates = Rates::of(delta, changes.elapsed);
            record.counters = Some(counters);
            self.book.carry(account, delta);
        }
        if changed {
            changes.updated.push(record.key);
        }
    }

    /// What is not in the new table keeps its last row until its end is known. From half a table nobody is missing: the
    /// row of before stays.
    fn let_leave(&mut self, before: &Table, table: &mut Table) {
        let keeps = table.partial && before.namespaces == table.namespaces;
        for record in &mut self.records {
            if record.tick == self.ticks || record.leaving.is_some() {
                continue;
            }
            let Some(socket) = before.sockets.get(record.row as usize).cloned() else {
                continue;
            };
            record.rates = Rates::default();
            if keeps {
                record.tick = self.ticks;
                record.row = u32::try_from(table.sockets.len()).unwrap_or(u32::MAX);
                table.sockets.push(socket);
            } else {
                record.leaving = Some(Box::new(socket));
            }
        }
    }

    /// Take a record out of the books.
    pub(super) fn remove(&mut self, place: usize) -> Record {
        let record = self.records.swap_remove(place);
        self.places.remove(&record.key);
        if let Some(moved) = self.records.get(place) {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            self.places.insert(moved.key, place);
        }
        self.histories -= usize::from(record.history.is_some());
        record
    }

    /// A sample for each connection that has a history, and a history for each that moves while there is room.
    fn take_samples(&mut self) {
        let Limits {
            samples, histories, ..
        } = self.limits;
        for record in &mut self.records {
            if record.history.is_none() {
                let moves = record.rates.sent > 0.0 || record.rates.received > 0.0;
                let wanted =
                    self.followed == Some(record.key) || (moves && self.histories < histories);
                if samples == 0 || !wanted {
                    continue;
                }
                self.histories += 1;
            }
            let sample = Sample::new(record.rates.sent, record.rates.received, record.rtt);
            let history = record.history.get_or_insert_with(Box::<History>::default);
            history.push(sample, samples);
        }
    }

    fn remember_closed(&mut self, changes: &Changes) {
        let limit = self.limits.closed;
        let newest = changes.closed.len().saturating_sub(limit);
        for closed in &changes.closed[newest..] {
            if self.closed.len() >= limit {
                self.closed.pop_front();
            }
            self.closed.push_back(closed.clone());
        }
    }
}

impl Record {
    /// Where its totals are kept.
    pub(super) fn account(&self) -> u32 {
        self.party.as_ref().map_or(NOBODY, |party| party.totals)
    }
}

fn no_table() -> Table {
    Table::from_parts(Vec::new(), Vec::new(), Vec::new(), Vec::new())
}

fn rtt_of(socket: &Socket) -> Option<Duration> {
    let rtt = socket.tcp()?.rtt;
    (!socket.is_listener() && !rtt.is_zero()).then_some(rtt)
}
