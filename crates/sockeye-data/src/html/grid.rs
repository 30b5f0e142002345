//! The cells of a table in rows and columns, by the standard's algorithm for forming a table.

use super::element::Element;
use super::tree::NodeId;

/// The widest that one cell may be (the standard's bound).
const WIDEST: u32 = 1_000;

/// The highest that one cell may be (the standard's bound).
const HIGHEST: u32 = 65_534;

/// What stands at a place of the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) cell: NodeId,
    /// Whether the cell begins here; the others are what it spans.
    pub(super) begins: bool,
    pub(super) is_header: bool,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) slots: Vec<Option<Slot>>,
    pub(super) in_head: bool,
}

/// All rows, each as wide as the widest.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    pub(super) rows: Vec<Row>,
    pub(super) width: usize,
}

/// There are more places than are allowed.
pub(super) struct TooLarge;

/// The grid of a table.
pub(super) fn form(table: Element<'_>, most: usize) -> Result<Grid, TooLarge> {
    let mut former = Former {
        grid: Grid::default(),
        places: 0,
        most,
    };
    let mut feet = Vec::new();
    let mut loose = Vec::new();
    for part in parts(table) {
        match part.data().html_tag() {
            "tr" => loose.push(part),
            "tfoot" => feet.push(part),
            "thead" | "tbody" => {
                former.group(&std::mem::take(&mut loose), false)?;
                former.group(&rows(part), part.tag() == "thead")?;
            }
            _ => {}
        }
    }
    former.group(&loose, false)?;
    // Feet stand at the end, wherever they are written.
    for foot in feet {
        former.group(&rows(foot), false)?;
    }
    former.finish()
}

fn parts(element: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    element.children().filter_map(|node| match node {
        super::Node::Element(element) => Some(element),
        _ => None,
    })
}

fn rows(group: Element<'_>) -> Vec<Element<'_>> {
    parts(group)
        .filter(|part| part.data().html_tag() == "tr")
        .collect()
}

struct Former {
    grid: Grid,
    places: usize,
    most: usize,
}

impl Former {
    /// A group of rows: no cell grows out of it.
    fn group(&mut self, rows: &[Element<'_>], in_head: bool) -> Result<(), TooLarge> {
        // What grows down into the next row, column by column, and for how many rows more.
        let mut growing: Vec<Option<(Slot, u32)>> = Vec::new();
        for row in rows {
            let mut slots: Vec<Option<Slot>> = Vec::new();
            let mut column = 0;
            for cell in parts(*row) {
                if !matches!(cell.data().html_tag(), "td" | "th") {
                    continue;
                }
                while growing.get(column).is_some_and(Option::is_some) {
                    column += 1;
                }
                let (width, height) = (colspan(cell), rowspan(cell));
                self.take(width as usize)?;
                for at in column..column + width as usize {
                    let slot = Slot {
                        cell: cell.id,
                        begins: at == column,
                        is_header: cell.tag() == "th",
                    };
                    put(&mut slots, at, Some(slot));
                    let below = Slot {
                        begins: false,
                        ..slot
                    };
                    // Where two cells overlap, the later one goes on.
                    put(&mut growing, at, (height > 1).then_some((below, height)));
                }
                column += width as usize;
            }
            self.take(growing.len())?;
            for (at, grows) in growing.iter_mut().enumerate() {
                if let Some((slot, left)) = grows {
                    if slots.get(at).is_none_or(Option::is_none) {
                        put(&mut slots, at, Some(*slot));
                    }
                    *left -= 1;
                    if *left == 0 {
                        *grows = None;
                    }
                }
            }
            self.grid.width = self.grid.width.max(slots.len());
            self.grid.rows.push(Row { slots, in_head });
        }
        Ok(())
    }

    fn take(&mut self, places: usize) -> Result<(), TooLarge> {
        self.places = self.places.saturating_add(places);
        match self.places > self.most {
            true => Err(TooLarge),
            false => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Grid, TooLarge> {
        self.places = 0;
        self.take(self.grid.width.saturating_mul(self.grid.rows.len()))?;
        Ok(self.grid)
    }
}

fn put<T: Clone>(row: &mut Vec<Option<T>>, at: usize, value: Option<T>) {
    if row.len() <= at {
        row.resize(at + 1, None);
    }
    row[at] = value;
}

/// How many columns a cell has: 1 to 1,000.
fn colspan(cell: Element<'_>) -> u32 {
    match number(cell.attribute("colspan")) {
        None | Some(0) => 1,
        Some(columns) => columns.min(WIDEST),
    }
}

/// How many rows a cell has; 0 is the rest of its group.
fn rowspan(cell: Element<'_>) -> u32 {
    match number(cell.attribute("rowspan")) {
        None => 1,
        Some(0) => u32::MAX,
        Some(rows) => rows.min(HIGHEST),
    }
}

/// The standard's rules for parsing non-negative integers: white space before, anything behind.
fn number(value: Option<&str>) -> Option<u32> {
    let text = value?.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r']);
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    match text[..end].trim_start_matches('0') {
        "" if end == 0 => None,
        "" => Some(0),
        digits if digits.len() > 9 => Some(u32::MAX - 1),
        digits => digits.parse().ok(),
    }
}
