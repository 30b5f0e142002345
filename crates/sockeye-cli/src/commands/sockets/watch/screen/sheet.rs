//! Rows of cells between two rows of the screen. Only what is on the screen is ever made; a column that does not fit is
//! left out, the least important first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::view::Order;
use crate::sheet::Tint;

/// Blanks between two columns.
const GAP: u16 = 2;

/// The last column takes what is left; it makes others go only if it had less than this.
const LEAST_LAST: u16 = 20;

/// How a column behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) title: &'static str,
    /// Numbers stand to the right.
    pub(super) right: bool,
    /// Whether it may be left out: the highest goes first, 0 stays.
    pub(super) missable: u8,
    /// So wide at least, so that moving numbers do not shift what stands beside them.
    pub(super) least: u16,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tint: Tint,
}

/// The greatest width that each column had: a list does not dance with its numbers.
#[derive(Debug, Default)]
pub(super) struct Widths(Vec<u16>);

impl Widths {
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn grow(&mut self, kinds: &[Kind], rows: &[Vec<Cell>]) {
        if self.0.len() != kinds.len() {
            let title = |kind: &Kind| kind.title.width() as u16;
            self.0 = kinds
                .iter()
                .map(|kind| title(kind).max(kind.least))
                .collect();
        }
        for row in rows {
            for (width, cell) in self.0.iter_mut().zip(row) {
                let wanted = u16::try_from(cell.text.width()).unwrap_or(u16::MAX);
                *width = (*width).max(wanted);
            }
        }
    }
}

/// The style of a tint; without colours what matters is bold and what does not is faint.
pub(super) fn style(tint: Tint, colors: bool) -> Style {
    let style = Style::new();
    match (tint, colors) {
        (Tint::Plain, _) => style,
        (Tint::Good, true) => style.fg(Color::Green),
        (Tint::Passing, true) => style.fg(Color::Yellow),
        (Tint::Bad, true) => style.fg(Color::Red),
        (Tint::Faint, _) => style.add_modifier(Modifier::DIM),
        (Tint::Bad, false) => style.add_modifier(Modifier::BOLD),
        (Tint::Good | Tint::Passing, false) => style,
    }
}

/// What is drawn.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) kinds: &'a [Kind],
    pub(super) order: Order,
    pub(super) rows: &'a [Vec<Cell>],
    /// The chosen row, of those that are drawn.
    pub(super) at: Option<usize>,
    pub(super) colors: bool,
}

impl Sheet<'_> {
    /// Draw titles and rows; the last column has what is left.
    pub(super) fn draw(&self, widths: &mut Widths, area: Rect, buffer: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        widths.grow(self.kinds, self.rows);
        // The mark of the order stands behind its title.
        if let Some(width) = widths.0.get_mut(self.order.column) {
            let title = self.kinds[self.order.column].title.width() as u16;
            *width = (*width).max(title + 2);
        }
        let columns = self.placed(&widths.0, area.width);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        for &(column, x, width) in &columns {
            let kind = &self.kinds[column];
            let mark = match (self.order.column == column, self.order.descending) {
                (false, _) => "",
                (true, true) => " ▼",
                (true, false) => " ▲",
            };
            let title = format!("{}{mark}", kind.title);
            put(
                buffer,
                (area.x + x, area.y),
                &title,
                width,
                kind.right,
                bold,
            );
        }
        for (row, cells) in self.rows.iter().enumerate() {
            let Some(y) = u16::try_from(row + 1).ok().filter(|y| *y < area.height) else {
                break;
            };
            let y = area.y + y;
            for &(column, x, width) in &columns {
                let cell = &cells[column];
                let style = style(cell.tint, self.colors);
                put(
                    buffer,
                    (area.x + x, y),
                    &cell.text,
                    width,
                    self.kinds[column].right,
                    style,
                );
            }
            if self.at == Some(row) {
                let line = Rect::new(area.x, y, area.width, 1);
                buffer.set_style(line, Style::new().add_modifier(Modifier::REVERSED));
            }
        }
    }

    /// Which columns there is room for: place, left edge, width.
    fn placed(&self, widths: &[u16], room: u16) -> Vec<(usize, u16, u16)> {
        let mut left: Vec<usize> = (0..self.kinds.len()).collect();
        let last = self.kinds.len().saturating_sub(1);
        let width = |column: usize| match column == last && !self.kinds[column].right {
            true => widths[column].min(LEAST_LAST),
            false => widths[column],
        };
        let need = |columns: &[usize]| {
            let cells = columns.iter().map(|&column| width(column));
            let cells = cells.fold(0, u16::saturating_add);
            cells.saturating_add(GAP * columns.len().saturating_sub(1) as u16)
        };
        while need(&left) > room {
            let missable = |place: &usize| self.kinds[left[*place]].missable;
            let Some(place) = (0..left.len())
                .max_by_key(missable)
                .filter(|p| missable(p) > 0)
            else {
                break;
            };
            left.remove(place);
        }
        let mut x = 0;
        let mut placed = Vec::new();
        for (place, &column) in left.iter().enumerate() {
            let rest = room.saturating_sub(x);
            if rest == 0 {
                break;
            }
            let is_last = place + 1 == left.len();
            let width = if is_last && !self.kinds[column].right {
                rest
            } else {
                widths[column].min(rest)
            };
            placed.push((column, x, width));
            x = x.saturating_add(width).saturating_add(GAP);
        }
        placed
    }
}

/// Write a text into a cell; what does not fit ends in `…`.
pub(super) fn put(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    text: &str,
    width: u16,
    right: bool,
    style: Style,
) {
    let wanted = text.width();
    if wanted <= usize::from(width) {
        let pad = if right { width - wanted as u16 } else { 0 };
        buffer.set_stringn(x + pad, y, text, usize::from(width), style);
    } else if width > 0 {
        let (end, _) = buffer.set_stringn(x, y, text, usize::from(width) - 1, style);
        buffer.set_stringn(end, y, "…", 1, style);
    }
}
