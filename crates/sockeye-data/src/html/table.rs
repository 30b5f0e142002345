//! Tables as records.

use super::address::Base;
use super::element::Element;
use super::grid::{Grid, Row, Slot, form};
use super::tree::{Document, NONE, NodeId};
use super::{FORMAT, Selector};
use crate::record::{Error, ErrorKind};
use crate::value::{Object, Text, Value};

/// What stands in the places that a cell spans behind its first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// The same text.
    #[default]
    Fill,
    /// Empty text.
    Blank,
}

/// Where the names of columns come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// From `<thead>`; without one, from rows of `<th>` alone at the start. Where each row begins with `<th>` and goes on with
    /// `<td>`, there are none; in all other tables, the first row has the names.
    #[default]
    Auto,
    /// From the first row.
    First,
    /// There are none: records are arrays.
    None,
}

/// How tables are read.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// What spanned places hold.
    pub span: Span,
    /// Where names come from.
    pub header: Header,
    /// Whether a column with links gets another one beside it, `NAME href`, with their addresses, one a line.
    pub links: bool,
    /// How many places (rows times columns) a table may have. 1,000,000 unless it is set.
    pub cells: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            span: Span::Fill,
            header: Header::Auto,
            links: false,
            cells: 1_000_000,
        }
    }
}

/// A table of a document.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    element: Element<'a>,
}

impl Document {
    /// All tables, those in tables as well, in the order in which they begin.
    ///
    /// ```
    /// use sockeye_data::html::{Document, TableOptions};
    ///
    /// let page = Document::parse("<table><tr><th>a<th>b<tr><td rowspan=2>1<td>2<tr><td>3</table>")?;
    /// let table = page.tables().next().expect("one table");
    /// let rows = table.records(&TableOptions::default(), None)?;
    /// assert_eq!(rows[1].get("a").and_then(|a| a.as_str()), Some("1"));
    /// # Ok::<(), sockeye_data::record::Error>(())
    /// ```
    pub fn tables(&self) -> impl Iterator<Item = Table<'_>> {
        let tables = self.elements();
        tables
            .filter(|element| element.data().html_tag() == "table")
            .map(|element| Table { element })
    }

    /// The tables that a selector picks.
    pub fn tables_of<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = Table<'a>> {
        self.select(selector)
            .filter(|element| element.data().html_tag() == "table")
            .map(|element| Table { element })
    }
}

impl<'a> Table<'a> {
    /// The element.
    pub fn element(&self) -> Element<'a> {
        self.element
    }

    /// Its caption.
    pub fn caption(&self) -> Option<String> {
        let mut children = self.element.children();
        children.find_map(|node| match node {
            super::Node::Element(element) if element.tag() == "caption" => {
                Some(element.text().trim().to_owned())
            }
            _ => None,
        })
    }

    /// Its rows as records: objects with the names of the columns, or arrays where there are no names. All have the same members;
    /// where a row has no cell, it is null. Cells are their text without white space around it; tables in them are text, too.
    /// Names that are empty become `column N`, those that were there before get `_2`, `_3` and so on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Limit`] when the table has more than [`TableOptions::cells`] places.
    pub fn records(
        &self,
        options: &TableOptions,
        base: Option<&Base>,
    ) -> Result<Vec<Value>, Error> {
        let grid = form(self.element, options.cells).map_err(|_| {
            let why = format!("the table has more than {} places", options.cells);
            Error::new(ErrorKind::Limit, FORMAT, why).with_hint("raise it with --max-cells")
        })?;
        let mut reader = CellReader {
            document: self.element.document,
            options,
            base,
            last: Vec::new(),
        };
        let head = head_rows(&grid, options.header);
        let names = head.map(|rows| names(&grid, rows, &mut reader));
        let with_links = reader.columns_with_links(&grid, head.unwrap_or(0));
        let body = grid.rows.iter().skip(head.unwrap_or(0));
        match names {
            Some(names) => {
                let names = names_with_links(names, &with_links);
                Ok(body
                    .map(|row| {
                        let cells = reader.row(row, &with_links).into_iter();
                        Value::from(names.iter().cloned().zip(cells).collect::<Object>())
                    })
                    .collect())
            }
            None => Ok(body
                .map(|row| Value::array(reader.row(row, &with_links)))
                .collect()),
        }
    }
}

/// How many rows have the names; `None` if there are no names.
fn head_rows(grid: &Grid, header: Header) -> Option<usize> {
    let all = |row: &Row, header: bool| {
        let mut slots = row.slots.iter().flatten().peekable();
        slots.peek().is_some() && slots.all(|slot| slot.is_header == header)
    };
    match header {
        Header::None => None,
        Header::First => Some(1.min(grid.rows.len())),
        Header::Auto => {
            let heads = grid.rows.iter().take_while(|row| row.in_head).count();
            if heads > 0 {
                return Some(heads);
            }
            let heads = grid.rows.iter().take_while(|row| all(row, true)).count();
            if heads > 0 && heads < grid.rows.len() {
                return Some(heads);
            }
            let is_sideways = |row: &Row| {
                let mut slots = row.slots.iter().flatten();
                slots.next().is_some_and(|slot| slot.is_header)
                    && slots.next().is_some_and(|slot| !slot.is_header)
            };
            match !grid.rows.is_empty() && grid.rows.iter().all(is_sideways) {
                true => None,
                false => Some(1.min(grid.rows.len())),
            }
        }
    }
}

/// The names of the columns, from these rows; texts over each other are joined, those that are the same once.
fn names(grid: &Grid, rows: usize, reader: &mut CellReader<'_>) -> Vec<Text> {
    let mut taken = std::collections::HashMap::new();
    (0..grid.width)
        .map(|column| {
            let mut parts: Vec<String> = Vec::new();
            for row in &grid.rows[..rows] {
                if let Some(Some(slot)) = row.slots.get(column) {
                    let text = reader
                        .text(slot.cell)
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ");
                    if !text.is_empty() && parts.last() != Some(&text) {
                        parts.push(text);
                    }
                }
            }
            let name = match parts.is_empty() {
                true => format!("column {}", column + 1),
                false => parts.join(" "),
            };
            unused(name, &mut taken)
        })
        .collect()
}

/// A name that none had before.
fn unused(name: String, taken: &mut std::collections::HashMap<String, usize>) -> Text {
    let mut candidate = name.clone();
    while taken.contains_key(&candidate) {
        let count = taken.entry(name.clone()).or_insert(1);
        *count += 1;
        candidate = format!("{name}_{count}");
    }
    taken.insert(candidate.clone(), 1);
    candidate.into()
}

fn names_with_links(names: Vec<Text>, with_links: &[bool]) -> Vec<Text> {
    let mut taken = names.iter().map(|name| (name.to_string(), 1)).collect();
    let mut all = Vec::new();
    for (column, name) in names.into_iter().enumerate() {
        let href = ecow::eco_format!("{name} href");
        all.push(name);
        if with_links.get(column) == Some(&true) {
            all.push(unused(href.to_string(), &mut taken));
        }
    }
    all
}

struct CellReader<'a> {
    document: &'a Document,
    options: &'a TableOptions,
    base: Option<&'a Base>,
    /// What cells said that may come again in the next row, by column.
    last: Vec<(NodeId, Value)>,
}

impl CellReader<'_> {
    fn element(&self, cell: NodeId) -> Element<'_> {
        Element {
            document: self.document,
            id: cell,
        }
    }

    fn text(&self, cell: NodeId) -> String {
        self.element(cell).text().trim().to_owned()
    }

    /// The addresses of the links of a cell.
    fn addresses(&self, cell: NodeId) -> Vec<Text> {
        let elements = self.document.elements_below(cell);
        elements
            .filter(|element| element.data().html_tag() == "a")
            .filter_map(|element| element.attribute("href"))
            .map(|href| Base::resolved(self.base, href))
            .collect()
    }

    fn columns_with_links(&self, grid: &Grid, head: usize) -> Vec<bool> {
        let mut with = vec![false; grid.width];
        if self.options.links {
            for row in grid.rows.iter().skip(head) {
                for (column, slot) in row.slots.iter().enumerate() {
                    if let Some(slot) = slot
                        && slot.begins
                        && !with[column]
                    {
                        with[column] = !self.addresses(slot.cell).is_empty();
                    }
                }
            }
        }
        with
    }

    fn row(&mut self, row: &Row, with_links: &[bool]) -> Vec<Value> {
        let mut values = Vec::with_capacity(with_links.len());
        self.last.resize(with_links.len(), (NONE, Value::Null));
        for (column, links) in with_links.iter().enumerate() {
            let slot = row.slots.get(column).copied().flatten();
            values.push(self.value(column, slot));
            if *links {
                values.push(match slot {
                    Some(slot) if slot.begins || self.options.span == Span::Fill => {
                        Value::from(self.addresses(slot.cell).join("\n"))
                    }
                    Some(_) => Value::from(""),
                    None => Value::Null,
                });
            }
        }
        values
    }

    fn value(&mut self, column: usize, slot: Option<Slot>) -> Value {
        let Some(slot) = slot else {
            return Value::Null;
        };
        if !slot.begins && self.options.span == Span::Blank {
            return Value::from("");
        }
        // A cell that spans is read once for its rows and columns.
        let near = [column, column.saturating_sub(1)];
        let known = near.iter().map(|at| &self.last[*at]);
        let value = known
            .filter(|(cell, _)| *cell == slot.cell)
            .map(|(_, value)| value.clone())
            .next()
            .unwrap_or_else(|| Value::from(self.text(slot.cell)));
        self.last[column] = (slot.cell, value.clone());
        value
    }
}
