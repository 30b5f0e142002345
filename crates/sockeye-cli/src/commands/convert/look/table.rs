//! Records as columns for the eye. The first records decide which columns there are and how wide; the others follow one by one.

use std::collections::HashMap;
use std::fmt::Write as _;

use sockeye::data::json;
use sockeye::data::record::{Error, WriteRecords};
use sockeye::data::value::{Text, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// So many records are looked at before the first is shown.
const SAMPLE: usize = 200;
/// No column is wider, unless there is room.
const WIDEST: usize = 60;
/// No column is narrower.
const NARROWEST: usize = 4;
/// Blanks between columns.
const GAP: usize = 2;
/// What stands where a cell was cut.
const CUT: char = '…';

/// Writes records as columns.
pub(crate) struct Table {
    /// How many characters a line may have.
    width: Option<usize>,
    sample: Vec<Value>,
    columns: Vec<Column>,
    places: HashMap<Text, usize>,
    has_begun: bool,
    /// Values of columns that the first records had not.
    missed: u64,
    line: String,
}

struct Column {
    name: Text,
    width: usize,
    /// Only numbers were seen.
    is_number: bool,
}

impl Table {
    /// For lines of at most this many characters.
    pub(crate) fn new(width: Option<usize>) -> Self {
        Self {
            width,
            sample: Vec::new(),
            columns: Vec::new(),
            places: HashMap::new(),
            has_begun: false,
            missed: 0,
            line: String::new(),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.has_begun = true;
        let sample = std::mem::take(&mut self.sample);
        for record in &sample {
            self.measure(record);
        }
        self.fit();
        let is_named = self.columns.iter().any(|column| !column.name.is_empty());
        if is_named {
            let names = self.columns.iter().map(|column| column.name.to_string());
            self.write_row(names.collect(), out);
        }
        for record in &sample {
            self.write_cells(record, out);
        }
    }

    /// Which columns a record has, and how wide they want to be.
    fn measure(&mut self, record: &Value) {
        for (place, (name, value)) in members(record).enumerate() {
            let at = self.place(&name, place).unwrap_or_else(|| {
                self.places.insert(name.clone(), self.columns.len());
                self.columns.push(Column {
                    width: name.width(),
                    name,
                    is_number: true,
                });
                self.columns.len() - 1
            });
            let column = &mut self.columns[at];
            column.width = column.width.max(cell(value).width());
            column.is_number &= is_number(value);
        }
    }

    /// Names have their columns; what has no name, its place.
    fn place(&self, name: &Text, place: usize) -> Option<usize> {
        match name.is_empty() {
            true => (place < self.columns.len()).then_some(place),
            false => self.places.get(name).copied(),
        }
    }

    /// Make the columns as narrow as the line wants, the widest first.
    fn fit(&mut self) {
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let Some(width) = self.width else {
            return;
        };
        let total = |columns: &[Column]| columns.iter().map(|column| column.width).sum::<usize>();
        let mut excess = (total(&self.columns) + gaps).saturating_sub(width);
        while excess > 0 {
            let widest = self.columns.iter().map(|column| column.width).max();
            let Some(widest) = widest.filter(|widest| *widest > NARROWEST) else {
                break;
            };
            let at = self
                .columns
                .iter()
                .rposition(|column| column.width == widest);
            let Some(column) = at.map(|at| &mut self.columns[at]) else {
                break;
            };
            column.width -= 1;
            excess -= 1;
        }
    }

    fn write_cells(&mut self, record: &Value, out: &mut Vec<u8>) {
        let mut cells = vec![String::new(); self.columns.len()];
        for (place, (name, value)) in members(record).enumerate() {
            match self.place(&name, place) {
                Some(at) => cells[at] = cell(value),
                None => self.missed += 1,
            }
        }
        self.write_row(cells, out);
    }

    fn write_row(&mut self, cells: Vec<String>, out: &mut Vec<u8>) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let mut blanks = 0;
        for (at, (text, column)) in cells.iter().zip(&self.columns).enumerate() {
            let is_last = at + 1 == self.columns.len();
            let most = match (self.width, is_last) {
                (None, true) => usize::MAX,
                (None, false) => column.width.max(WIDEST),
                (Some(_), _) => column.width,
            };
            let (text, width) = cut(text, most);
            let padding = column.width.saturating_sub(width);
            let (before, behind) = if column.is_number {
                (padding, 0)
            } else {
                (0, padding)
            };
            // Nothing but blanks is not written at the end of a line.
            blanks += before;
            if !text.is_empty() {
                line.extend(std::iter::repeat_n(' ', blanks));
                line.push_str(&text);
                blanks = 0;
            }
            blanks += behind + GAP;
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        self.line = line;
    }
}

impl WriteRecords for Table {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.has_begun {
            self.write_cells(record, out);
            return Ok(());
        }
        self.sample.push(record.clone());
        if self.sample.len() == SAMPLE {
            self.begin(out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !self.has_begun {
            self.begin(out);
        }
        if self.missed > 0 {
            let mut note = String::new();
            let count = self.missed;
            // Writing into a string does not fail.
            let _ = writeln!(
                note,
                "({count} values are of columns that the first {SAMPLE} records have not; -t csv shows all)"
            );
            out.extend_from_slice(note.as_bytes());
        }
        Ok(())
    }
}

/// Names and values of a record; what is no object has no names.
fn members(record: &Value) -> Box<dyn Iterator<Item = (Text, &Value)> + '_> {
    match record {
        Value::Object(object) => Box::new(object.iter().map(|(name, value)| (name.clone(), value))),
        Value::Array(items) => Box::new(items.iter().map(|value| (Text::new(), value))),
        value => Box::new(std::iter::once((Text::new(), value))),
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Number(_) | Value::Null => true,
        // Cells of CSV are text.
        Value::String(text) => {
            let text = text.trim();
            text.is_empty() || text.parse::<f64>().is_ok_and(f64::is_finite)
        }
        _ => false,
    }
}

/// A value on one line, without what a terminal would obey.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => shown(text),
        value => shown(&json::to_string(value)),
    }
}

/// Text on one line, without what a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push('⏎'),
            '\t' => line.push(' '),
            '\r' => {}
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

/// The text, cut if it is wider, and its width.
fn cut(text: &str, most: usize) -> (String, usize) {
    let width = text.width();
    if width <= most {
        return (text.to_owned(), width);
    }
    let mut kept = String::new();
    let mut width = 1;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if width + wide > most {
            break;
        }
        width += wide;
        kept.push(c);
    }
    kept.push(CUT);
    (kept, width)
}

#[cfg(test)]
mod tests {
    use sockeye::data::json;
    use sockeye::data::record::WriteRecords as _;

    use super::Table;

    fn table(width: Option<usize>, records: &[&str]) -> String {
        let (mut table, mut out) = (Table::new(width), Vec::new());
        for record in records {
            let record = json::parse(record.as_bytes()).unwrap();
            table.write_record(&record, &mut out).unwrap();
        }
        table.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_stand_to_the_right_and_wide_characters_count_twice() {
        let records = [
            r#"{"name":"日本","n":7,"note":"a\nb"}"#,
            r#"{"name":"x","n":1200,"extra":[1,{}]}"#,
        ];
        assert_eq!(
            table(None, &records),
            "name     n  note  extra\n日本     7  a⏎b\nx     1200        [1,{}]\n"
        );
        assert_eq!(table(None, &["[1,\"a\"]", "[20,\"b\"]"]), " 1  a\n20  b\n");
    }

    #[test]
    fn long_cells_are_cut_where_the_line_ends() {
        let records = [r#"{"a":"0123456789","b":"0123456789","c":1}"#];
        assert_eq!(
            table(Some(20), &records),
            "       a        b  c\n0123456…  012345…  1\n"
        );
    }

    #[test]
    fn columns_that_come_late_are_counted() {
        let mut records = vec![r#"{"a":1}"#; 250];
        records[240] = r#"{"a":1,"b":"x\u001b[2J"}"#;
        let text = table(None, &records);
        assert!(text.ends_with(
            "1\n(1 values are of columns that the first 200 records have not; -t csv shows all)\n"
        ));
    }
}
