//! A table for people and for pipes: as wide as it must be, as narrow as the terminal wants, and nothing is cut.
//!
//! All cells are written into one text, so that a list of thousands of rows costs no allocation per cell. On a terminal
//! that is too narrow, columns that can be missed go first, then padding, and at last the column that flows goes below
//! its row. What identifies a row is always whole.

use unicode_width::UnicodeWidthStr;

/// Blanks between two columns.
const GAP: usize = 2;
/// How far a cell is moved in that stands below its row.
const INDENT: usize = 4;
/// Padding, as much as is needed at a time.
const BLANKS: &str = "                                                                ";
/// What stands in an empty cell, so that each row has the same fields.
const EMPTY: &str = "-";

/// How a column behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its title.
    pub(crate) title: &'static str,
    /// Numbers stand to the right.
    pub(crate) right: bool,
    /// Whether it may be left out: the highest goes first, 0 stays.
    pub(crate) missable: u8,
    /// The least padding that it may be given; longer cells push the rest of their row.
    pub(crate) least: Option<u16>,
}

impl Column {
    /// A column that is always there, with its cells to the left.
    pub(crate) const fn new(title: &'static str) -> Self {
        Self {
            title,
            right: false,
            missable: 0,
            least: None,
        }
    }
}

/// What a cell means; colour is never the only way in which it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tint {
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// In between: something begins or ends.
    Passing,
    /// Somebody should look.
    Bad,
    /// Of less interest.
    Faint,
}

impl Tint {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Passing => "\x1b[33m",
            Self::Bad => "\x1b[31m",
            Self::Faint => "\x1b[2m",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    end: u32,
    width: u32,
    tint: Tint,
}

/// Rows of cells under titles. The last column is the one that flows.
#[derive(Debug)]
pub(crate) struct Sheet {
    columns: Vec<Column>,
    text: String,
    cells: Vec<Cell>,
    widths: Vec<usize>,
}

/// How a sheet is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// How many characters a line may have; `None` for a pipe or a file: everything is written.
    pub(crate) width: Option<usize>,
    /// Whether colours are written.
    pub(crate) color: bool,
    /// Whether the titles are written.
    pub(crate) header: bool,
}

/// How wide the columns are to be.
#[derive(Debug)]
pub(crate) struct Plan {
    /// `None` for those that are left out.
    paddings: Vec<Option<usize>>,
    layout: Layout,
}

impl Sheet {
    pub(crate) fn new(columns: Vec<Column>, rows: usize) -> Self {
        Self {
            text: String::with_capacity(rows * 80),
            cells: Vec::with_capacity(rows * columns.len()),
            widths: vec![0; columns.len()],
            columns,
        }
    }

    /// Where the text of the next cell goes.
    pub(crate) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// The text that was appended since the last call is a cell.
    pub(crate) fn end_cell(&mut self, tint: Tint) {
        let begin = self.cells.last().map_or(0, |cell| cell.end as usize);
        if self.text.len() == begin {
            self.text.push_str(EMPTY);
        }
        let width = width_of(&self.text[begin..]);
        let column = self.cells.len() % self.columns.len();
        self.widths[column] = self.widths[column].max(width);
        self.cells.push(Cell {
            // 4 GiB of text are some 30 million rows; beyond that cells would be empty, and nothing panics.
            end: u32::try_from(self.text.len()).unwrap_or(u32::MAX),
            width: u32::try_from(width).unwrap_or(u32::MAX),
            tint,
        });
    }

    /// Append the whole sheet.
    pub(crate) fn write(&self, layout: Layout, out: &mut String) {
        let plan = self.plan(layout);
        self.write_titles(&plan, out);
        self.write_rows(&plan, out);
    }

    /// Append the titles, unless the layout has none.
    pub(crate) fn write_titles(&self, plan: &Plan, out: &mut String) {
        if plan.layout.header {
            let titles = self.columns.iter().map(|column| {
                let cell = (column.title, column.title.len(), Tint::Faint);
                (cell, column.right)
            });
            self.write_row(plan, titles, out);
        }
    }

    /// Append the rows. The plan may be that of other rows: a cell that is wider than planned moves what follows it.
    pub(crate) fn write_rows(&self, plan: &Plan, out: &mut String) {
        let mut begin = 0;
        for row in self.cells.chunks_exact(self.columns.len().max(1)) {
            let cells = row.iter().zip(&self.columns).map(|(cell, column)| {
                let text = self.text.get(begin..cell.end as usize).unwrap_or_default();
                begin = cell.end as usize;
                ((text, cell.width as usize, cell.tint), column.right)
            });
            self.write_row(plan, cells, out);
        }
    }

    /// Forget the rows, and keep their room.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// How wide each column is to be for these rows.
    pub(crate) fn plan(&self, layout: Layout) -> Plan {
        Plan {
            paddings: self.paddings(layout),
            layout,
        }
    }

    /// The padding of each column; `None` for those that are left out.
    fn paddings(&self, layout: Layout) -> Vec<Option<usize>> {
        let titles = self.columns.iter().map(|column| column.title.len());
        let widest = self.widths.iter().zip(titles);
        let mut plan: Vec<_> = widest
            .map(|(width, title)| Some((*width).max(if layout.header { title } else { 0 })))
            .collect();
        let Some(width) = layout.width else {
            return plan;
        };
        for (column, padding) in self.columns.iter().zip(&mut plan) {
            if column.missable > 0 && self.is_empty(column) {
                *padding = None;
            }
        }
        while total(&plan) > width {
            let candidates = self.columns.iter().enumerate();
            let missable = candidates.filter(|(i, c)| c.missable > 0 && plan[*i].is_some());
            let Some((at, _)) = missable.max_by_key(|(_, column)| column.missable) else {
                break;
            };
            plan[at] = None;
        }
        while total(&plan) > width {
            let spare = |i: usize| Some(plan[i]?.saturating_sub(self.columns[i].least?.into()));
            let most = (0..plan.len()).filter_map(|i| Some((spare(i)?, i))).max();
            let Some((spare, at)) = most.filter(|(spare, _)| *spare > 0) else {
                break;
            };
            let excess = total(&plan) - width;
            plan[at] = plan[at].map(|padding| padding - spare.min(excess));
        }
        plan
    }

    /// Whether no row says anything in this column.
    fn is_empty(&self, column: &Column) -> bool {
        let at = self.columns.iter().position(|c| c.title == column.title);
        at.is_some_and(|at| {
            let count = self.columns.len();
            let mut cells = (at..self.cells.len()).step_by(count);
            cells.all(|i| {
                let begin = if i == 0 { 0 } else { self.cells[i - 1].end };
                let text = self.text.get(begin as usize..self.cells[i].end as usize);
                text.is_none_or(|text| text == EMPTY)
            })
        })
    }

    fn write_row<'a>(
        &self,
        plan: &Plan,
        cells: impl Iterator<Item = ((&'a str, usize, Tint), bool)>,
        out: &mut String,
    ) {
        let (last, layout) = (self.columns.len().saturating_sub(1), plan.layout);
        // How far the row has come, and how far it ought to have come.
        let (mut at, mut due) = (0, 0);
        for (i, (((text, width, tint), right), padding)) in cells.zip(&plan.paddings).enumerate() {
            let Some(padding) = *padding else { continue };
            let gap = if due > 0 { GAP } else { 0 };
            let begin = (due + gap).max(if at > 0 { at + GAP } else { 0 });
            due += gap + padding;
            let below = i == last && i > 0 && layout.width.is_some_and(|max| begin + width > max);
            if below {
                out.push('\n');
                flow(text, tint, layout, out);
                at = 0;
                continue;
            }
            let inset = if right {
                due.saturating_sub(begin + width)
            } else {
                0
            };
            pad(begin + inset - at, out);
            tinted(text, tint, layout.color, out);
            at = begin + inset + width;
        }
        out.push('\n');
    }
}

/// The cell below its row, cut at blanks only.
fn flow(text: &str, tint: Tint, layout: Layout, out: &mut String) {
    let width = layout.width.unwrap_or(usize::MAX);
    let mut at = 0;
    for word in text.split(' ') {
        let length = width_of(word);
        if at > INDENT && at + 1 + length > width {
            out.push('\n');
            at = 0;
        }
        if at == 0 {
            pad(INDENT, out);
            at = INDENT;
        } else {
            out.push(' ');
            at += 1;
        }
        tinted(word, tint, layout.color, out);
        at += length;
    }
}

fn total(plan: &[Option<usize>]) -> usize {
    let shown = plan.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

fn pad(mut count: usize, out: &mut String) {
    // Pieces, not characters: half of a long list is blanks.
    while count > BLANKS.len() {
        out.push_str(BLANKS);
        count -= BLANKS.len();
    }
    out.push_str(&BLANKS[..count]);
}

fn tinted(text: &str, tint: Tint, color: bool, out: &mut String) {
    let code = tint.code();
    if color && !code.is_empty() {
        out.push_str(code);
        out.push_str(text);
        out.push_str("\x1b[0m");
    } else {
        out.push_str(text);
    }
}

fn width_of(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(rows: &[[&str; 4]]) -> Sheet {
        let mut columns = ["PROTO", "LOCAL", "UNIT", "OWNER"].map(Column::new);
        columns[1].least = Some(10);
        columns[2].missable = 1;
        let mut sheet = Sheet::new(columns.to_vec(), rows.len());
        for cell in rows.iter().flatten() {
            sheet.text().push_str(cell);
            sheet.end_cell(Tint::Plain);
        }
        sheet
    }

    fn written(sheet: &Sheet, width: Option<usize>) -> String {
        let layout = Layout {
            width,
            color: false,
            header: true,
        };
        let mut out = String::new();
        sheet.write(layout, &mut out);
        out
    }

    const ROWS: &[[&str; 4]] = &[
        ["tcp", "127.0.0.1:80", "web.service", "nginx 77, 78"],
        ["tcp", "[2001:db8::1:2:3]:443", "", "curl 812"],
    ];

    #[test]
    fn a_pipe_gets_every_column_and_no_blanks_at_the_end() {
        assert_eq!(
            written(&sheet(ROWS), None),
            "PROTO  LOCAL                  UNIT         OWNER\n\
             tcp    127.0.0.1:80           web.service  nginx 77, 78\n\
             tcp    [2001:db8::1:2:3]:443  -            curl 812\n"
        );
    }

    #[test]
    fn a_narrow_terminal_loses_what_can_be_missed_then_padding_and_never_an_address() {
        assert_eq!(
            written(&sheet(ROWS), Some(45)),
            "PROTO  LOCAL                  OWNER\n\
             tcp    127.0.0.1:80           nginx 77, 78\n\
             tcp    [2001:db8::1:2:3]:443  curl 812\n"
        );
        assert_eq!(
            written(&sheet(ROWS), Some(38)),
            "PROTO  LOCAL              OWNER\n\
             tcp    127.0.0.1:80       nginx 77, 78\n\
             tcp    [2001:db8::1:2:3]:443  curl 812\n"
        );
        assert_eq!(
            written(&sheet(ROWS), Some(24)),
            "PROTO  LOCAL       OWNER\n\
             tcp    127.0.0.1:80\n    nginx 77, 78\n\
             tcp    [2001:db8::1:2:3]:443\n    curl 812\n"
        );
        let long = [["tcp", "127.0.0.1:80", "", "nginx 77, 78, 79, 80, 81"]];
        assert_eq!(
            written(&sheet(&long), Some(20)),
            "PROTO  LOCAL\n    OWNER\ntcp    127.0.0.1:80\n    nginx 77, 78,\n    79, 80, 81\n"
        );
    }

    #[test]
    fn rows_may_follow_the_plan_of_others() {
        let layout = Layout::default();
        let mut rest = sheet(ROWS);
        let plan = rest.plan(layout);
        rest.clear();
        for cell in ["tcp", "[2001:db8:1:2:3:4:5:6]:443", "", "wget 9"] {
            rest.text().push_str(cell);
            rest.end_cell(Tint::Plain);
        }
        let mut out = String::new();
        rest.write_rows(&plan, &mut out);
        assert_eq!(out, "tcp  [2001:db8:1:2:3:4:5:6]:443  -       wget 9\n");
    }

    #[test]
    fn an_empty_column_that_can_be_missed_is_left_out_on_a_terminal() {
        let rows = [["tcp", "127.0.0.1:80", "", "nginx 77"]];
        assert_eq!(
            written(&sheet(&rows), Some(200)),
            "PROTO  LOCAL         OWNER\ntcp    127.0.0.1:80  nginx 77\n"
        );
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        let rows = [["tcp", "日本", "", "a"], ["tcp", "ab", "", "b"]];
        assert_eq!(
            written(&sheet(&rows), Some(80)),
            "PROTO  LOCAL  OWNER\ntcp    日本   a\ntcp    ab     b\n"
        );
    }

    #[test]
    fn numbers_stand_to_the_right_and_colours_take_no_room() {
        let mut columns = ["PID", "NAME"].map(Column::new);
        columns[0].right = true;
        let mut sheet = Sheet::new(columns.to_vec(), 1);
        for (text, tint) in [("7", Tint::Good), ("x", Tint::Plain)] {
            sheet.text().push_str(text);
            sheet.end_cell(tint);
        }
        let mut out = String::new();
        let layout = Layout {
            width: None,
            color: true,
            header: false,
        };
        sheet.write(layout, &mut out);
        assert_eq!(out, "\x1b[32m7\x1b[0m  x\n");
        assert_eq!(written(&sheet, None), "PID  NAME\n  7  x\n");
    }
}
