//! The frame: a line about everything, the filter, the list, the details, the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::super::super::words::{span, write};
use super::columns::rate_text;
use super::sheet::{Sheet, put, style};
use super::view::{Page, View};
use super::{closed, details, help, processes, sockets};
use crate::sheet::Tint;

/// The least height of the list beside the details.
const LEAST_LIST: u16 = 5;
/// The height of the details, with their frame.
const DETAILS: u16 = 13;
/// Too small to show anything.
const LEAST: (u16, u16) = (20, 4);

impl View {
    /// Draw everything. Only rows that are on the screen are made.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let buffer = frame.buffer_mut();
            put(
                buffer,
                (area.x, area.y),
                "too small",
                area.width,
                false,
                Style::new(),
            );
            return;
        }
        let is_shown = self.page == Page::Sockets && self.filter.is_shown();
        let filter = match (is_shown, &self.filter.error) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(_)) => 2,
        };
        let room = area.height.saturating_sub(2 + filter);
        let has_details = self.details && self.page == Page::Sockets;
        let details = if has_details && room >= LEAST_LIST + DETAILS {
            DETAILS
        } else {
            0
        };
        // A terminal that is too low for both shows the details instead of the list.
        let list = if has_details && details == 0 {
            0
        } else {
            room - details
        };
        let [title, filter, list, details, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(filter),
            Constraint::Length(list),
            Constraint::Length(room - list),
            Constraint::Length(1),
        ])
        .areas(area);
        self.title(frame, title);
        self.filter_line(frame, filter);
        self.draw_list(frame, list);
        if has_details {
            details::draw(self, details, frame.buffer_mut());
        }
        self.keys_line(frame, keys);
        if self.help {
            help::draw(area, frame.buffer_mut());
        }
    }

    fn title(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut text = String::from(" sockeye ");
        for page in Page::ALL {
            match page == self.page {
                true => write(&mut text, format_args!("[{}]", page.title())),
                false => write(&mut text, format_args!(" {} ", page.title())),
            }
        }
        write(&mut text, format_args!("  {}", thousands(self.rows())));
        if self.page == Page::Sockets && self.shown.len() < self.all {
            write(&mut text, format_args!(" of {}", thousands(self.all)));
        }
        let rates = self.ledger.totals().iter().map(|totals| totals.rates);
        let (sent, received) = rates.fold((0.0, 0.0), |(sent, received), rates| {
            (sent + rates.sent, received + rates.received)
        });
        text.push_str("  sent ");
        rate_text(sent, &mut text);
        text.push_str("  received ");
        rate_text(received, &mut text);
        write(
            &mut text,
            format_args!("  opened {}  closed {}", self.opened, self.closed),
        );
        if self.brief > 0 {
            write(&mut text, format_args!(" ({} brief)", self.brief));
        }
        text.push_str("  watched ");
        span(self.watched, &mut text);
        if self.paused {
            text.push_str("  [standing still: p goes on]");
        }
        let style = Style::new().add_modifier(Modifier::REVERSED);
        let buffer = frame.buffer_mut();
        buffer.set_style(area, style);
        put(buffer, (area.x, area.y), &text, area.width, false, style);
    }

    fn filter_line(&self, frame: &mut Frame<'_>, area: Rect) {
        if area.height == 0 {
            return;
        }
        let filter = &self.filter;
        // The text slides so that the cursor is on the screen.
        let room = usize::from(area.width).saturating_sub(3);
        let mut start = 0;
        while filter.text[start..filter.cursor].width() > room {
            let first = filter.text[start..].chars().next();
            start += first.map_or(1, char::len_utf8);
        }
        let buffer = frame.buffer_mut();
        buffer.set_stringn(area.x, area.y, "/ ", 2, style(Tint::Faint, self.colors));
        buffer.set_stringn(
            area.x + 2,
            area.y,
            &filter.text[start..],
            room,
            Style::new(),
        );
        let column = |byte: usize| {
            let before = filter
                .text
                .get(start..byte)
                .map_or(0, UnicodeWidthStr::width);
            area.x + 2 + before.min(room) as u16
        };
        if let Some(error) = &filter.error {
            let place = column(error.position());
            let mut why = format!("^ {}", error.reason());
            if let Some(hint) = error.hint() {
                write(&mut why, format_args!("; {hint}"));
            }
            // Where there is no room for the reason under the fault, it says the place in words.
            let fits = usize::from(place) + why.width() <= usize::from(area.right());
            let (x, why) = match fits {
                true => (place, why),
                false => (area.x, format!("column {}: {}", error.column(), &why[2..])),
            };
            let bad = style(Tint::Bad, self.colors);
            put(buffer, (x, area.y + 1), &why, area.right() - x, false, bad);
        }
        if filter.typing {
            frame.set_cursor_position((column(filter.cursor), area.y));
        }
    }

    fn draw_list(&mut self, frame: &mut Frame<'_>, area: Rect) {
        if area.height == 0 {
            return;
        }
        let count = self.rows();
        let height = usize::from(area.height) - 1;
        self.list_mut().settle(count, height);
        let (top, at, order) = (self.list().top, self.list().at, self.list().order);
        let range = top..count.min(top + height);
        let (kinds, rows): (&[_], _) = match self.page {
            Page::Sockets => (&sockets::COLUMNS, sockets::rows(self, range)),
            Page::Closed => (&closed::COLUMNS, closed::rows(self, range)),
            Page::Processes => (&processes::COLUMNS, processes::rows(self, range)),
        };
        let sheet = Sheet {
            kinds,
            order,
            rows: &rows,
            at: (count > 0).then(|| at - top),
            colors: self.colors,
        };
        let buffer = frame.buffer_mut();
        sheet.draw(&mut self.list_mut().widths, area, buffer);
        if count == 0 && area.height > 1 {
            let none = match self.page {
                Page::Sockets if self.all > 0 => "no socket passes the filter",
                Page::Sockets => "no sockets",
                Page::Closed => "nothing was closed since the watch began",
                Page::Processes => "no processes",
            };
            put(
                buffer,
                (area.x, area.y + 1),
                none,
                area.width,
                false,
                style(Tint::Faint, self.colors),
            );
        }
    }

    fn keys_line(&self, frame: &mut Frame<'_>, area: Rect) {
        let buffer = frame.buffer_mut();
        if let Some((notice, _)) = &self.notice {
            let text = format!(" {}", notice.text);
            return put(
                buffer,
                (area.x, area.y),
                &text,
                area.width,
                false,
                style(Tint::Bad, self.colors),
            );
        }
        let has_details = self.details && self.page == Page::Sockets;
        let keys = match (self.filter.typing, has_details) {
            (true, _) => " Enter keep  Esc take back  Ctrl-U clear",
            (false, true) => {
                " q leave  ? help  Enter or Esc close details  ↑↓ choose  / filter  < > order  p pause"
            }
            (false, false) => {
                " q leave  ? help  / filter  Enter details  Tab other lists  < > order  r reverse  p pause"
            }
        };
        put(
            buffer,
            (area.x, area.y),
            keys,
            area.width,
            false,
            style(Tint::Faint, self.colors),
        );
    }
}

/// `10,004`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
