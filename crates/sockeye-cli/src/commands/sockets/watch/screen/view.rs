//! What is shown and how: pages, order, filter, the chosen row. Keys and readings change it; drawing looks at it.

use sockeye::host::filter::Names as FilterNames;
use sockeye::host::table::Notice;
use sockeye::host::watch::{Key, Ledger, Reading};

use super::super::super::which::Selection;
use super::super::{Names, Options};
use super::filter::FilterLine;
use super::sheet::Widths;
use super::{closed, processes, sockets};
use crate::exit::Outcome;

/// For how many looks a notice stands on the screen.
const NOTICE_LOOKS: u32 = 10;

/// The lists that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Sockets,
    Closed,
    Processes,
}

impl Page {
    pub(super) const ALL: [Self; 3] = [Self::Sockets, Self::Closed, Self::Processes];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::Closed => "closed",
            Self::Processes => "processes",
        }
    }

    /// The number of its columns.
    fn columns(self) -> usize {
        match self {
            Self::Sockets => sockets::COLUMNS.len(),
            Self::Closed => closed::COLUMNS.len(),
            Self::Processes => processes::COLUMNS.len(),
        }
    }
}

/// An order of rows: a column by its place, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: usize,
    pub(super) descending: bool,
}

/// One list: its order, and where in it the person is.
#[derive(Debug)]
pub(super) struct List {
    pub(super) order: Order,
    /// The row that is chosen.
    pub(super) at: usize,
    /// The first row on the screen.
    pub(super) top: usize,
    /// How many rows the screen had when it was drawn last.
    pub(super) height: usize,
    pub(super) widths: Widths,
}

impl List {
    fn new(column: usize, descending: bool) -> Self {
        Self {
            order: Order { column, descending },
            at: 0,
            top: 0,
            height: 20,
            widths: Widths::default(),
        }
    }

    /// Bring the chosen row into the list and onto the screen.
    pub(super) fn settle(&mut self, rows: usize, height: usize) {
        self.height = height.max(1);
        self.at = self.at.min(rows.saturating_sub(1));
        self.top = self.top.min(self.at);
        if self.at >= self.top + self.height {
            self.top = self.at + 1 - self.height;
        }
        self.top = self.top.min(rows.saturating_sub(self.height));
    }
}

/// What to do after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Draw,
    /// Draw every cell, whatever the terminal shows now.
    DrawAll,
    Leave(Outcome),
}

/// The state of the screen.
#[derive(Debug)]
pub(super) struct View {
    pub(super) ledger: Ledger,
    pub(super) names: Names,
    pub(super) selection: Selection,
    pub(super) colors: bool,
    pub(super) page: Page,
    pub(super) lists: [List; 3],
    pub(super) filter: FilterLine,
    /// The sockets that are shown, in order.
    pub(super) shown: Vec<Key>,
    /// How many there are besides, hidden by the filter.
    pub(super) all: usize,
    /// The socket that was chosen by the person: the choice follows it through the list.
    pub(super) chosen: Option<Key>,
    pub(super) details: bool,
    pub(super) help: bool,
    pub(super) paused: bool,
    /// What was read while the view stood still.
    held: Option<Reading>,
    pub(super) notice: Option<(Notice, u32)>,
    pub(super) opened: u64,
    pub(super) closed: u64,
    pub(super) brief: u64,
    /// How many looks are left, if they are counted.
    pub(super) looks: Option<u64>,
    pub(super) watched: std::time::Duration,
}

impl View {
    pub(super) fn new(options: Options, ledger: Ledger, colors: bool) -> Self {
        Self {
            ledger,
            names: Names::new(options.numeric),
            selection: options.selection,
            colors,
            page: Page::Sockets,
            lists: [
                List::new(sockets::FIRST_ORDER, true),
                List::new(closed::FIRST_ORDER, true),
                List::new(processes::FIRST_ORDER, true),
            ],
            filter: FilterLine::new(FilterNames::system()),
            shown: Vec::new(),
            all: 0,
            chosen: None,
            details: false,
            help: false,
            paused: false,
            held: None,
            notice: None,
            opened: 0,
            closed: 0,
            brief: 0,
            looks: options.flags.count,
            watched: std::time::Duration::ZERO,
        }
    }

    /// Take in a reading, or keep it for later while the view stands still. True if it was the last of those that were
    /// asked for.
    pub(super) fn take(&mut self, reading: Reading) -> bool {
        let reading = match self.held.take() {
            Some(earlier) => reading.after(earlier),
            None => reading,
        };
        if self.paused {
            self.held = Some(reading);
        } else {
            self.merge(reading);
        }
        self.looks = self.looks.map(|looks| looks.saturating_sub(1));
        self.looks == Some(0)
    }

    fn merge(&mut self, reading: Reading) {
        let changes = self.ledger.take(reading);
        self.watched = changes.at;
        if !changes.first {
            self.opened += changes.opened.len() as u64;
        }
        self.closed += changes.closed.len() as u64;
        let brief = changes.closed.iter().filter(|closed| closed.brief).count() as u64;
        self.brief += brief;
        self.opened += brief;
        let news = super::super::news(&changes, self.selection.named_protocols)
            .next()
            .cloned();
        self.notice = match (news, self.notice.take()) {
            (Some(notice), _) => Some((notice, NOTICE_LOOKS)),
            (None, Some((_, 0)) | None) => None,
            (None, Some((notice, left))) => Some((notice, left - 1)),
        };
        self.choose_rows();
    }

    /// Stand still, or go on with what was read meanwhile.
    pub(super) fn pause(&mut self) {
        self.paused = !self.paused;
        if !self.paused
            && let Some(reading) = self.held.take()
        {
            self.merge(reading);
        }
    }

    pub(super) fn list(&self) -> &List {
        &self.lists[self.page as usize]
    }

    pub(super) fn list_mut(&mut self) -> &mut List {
        &mut self.lists[self.page as usize]
    }

    /// How many rows the page has.
    pub(super) fn rows(&self) -> usize {
        match self.page {
            Page::Sockets => self.shown.len(),
            Page::Closed => self.ledger.closed().len(),
            Page::Processes => processes::count(&self.ledger),
        }
    }

    /// Choose and order the sockets again.
    pub(super) fn choose_rows(&mut self) {
        sockets::choose(self);
        if let Some(chosen) = self.chosen
            && let Some(at) = self.shown.iter().position(|key| *key == chosen)
        {
            self.lists[Page::Sockets as usize].at = at;
        }
    }

    /// Go to this row, and stay with what is there.
    pub(super) fn go(&mut self, at: usize) {
        let last = self.rows().saturating_sub(1);
        self.list_mut().at = at.min(last);
        if self.page == Page::Sockets {
            self.chosen = self.shown.get(self.list().at).copied();
        }
        self.follow();
    }

    /// The chosen socket gets a history while its details are shown.
    pub(super) fn follow(&mut self) {
        if self.details && self.chosen.is_none() {
            let at = self.lists[Page::Sockets as usize].at;
            self.chosen = self.shown.get(at).copied();
        }
        let followed = self.chosen.filter(|_| self.details);
        self.ledger.follow(followed);
    }

    /// Order by the next column, or by the one before.
    pub(super) fn order_by(&mut self, forward: bool) {
        let count = self.page.columns();
        let order = &mut self.list_mut().order;
        let step = if forward { 1 } else { count - 1 };
        order.column = (order.column + step) % count;
        self.choose_rows();
    }

    pub(super) fn reverse(&mut self) {
        let order = &mut self.list_mut().order;
        order.descending = !order.descending;
        self.choose_rows();
    }
}
