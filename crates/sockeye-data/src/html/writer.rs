//! Values as HTML: trees as documents, records as a table.

use super::entity;
use super::mapping::{is_tree, write_tree};
use crate::record::{Error, WriteRecords};
use crate::value::{Text, Value};

/// How HTML is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// The columns of a table. Unless they are set, all that the records have, in the order in which they come; then all records
    /// are kept until the last.
    pub columns: Option<Vec<Text>>,
    /// The title of a page with a table. `Data` unless it is set.
    pub title: Option<String>,
}

/// Writes trees as documents, one after the other, and all other records as one table: cells are text, what is
/// nested is JSON. What the first record is decides.
pub struct Writer {
    options: WriteOptions,
    state: State,
}

enum State {
    Start,
    Tree,
    Table(Vec<Text>),
    Kept(Vec<Text>, Vec<Value>),
}

impl Writer {
    /// With these options.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
            state: State::Start,
        }
    }

    fn begin(&mut self, record: &Value, out: &mut String) {
        self.state = if is_tree(record) {
            State::Tree
        } else if let Some(columns) = &self.options.columns {
            head(&self.options, columns, out);
            State::Table(columns.clone())
        } else {
            State::Kept(Vec::new(), Vec::new())
        };
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut text = String::new();
        if matches!(self.state, State::Start) {
            self.begin(record, &mut text);
        }
        match &mut self.state {
            State::Start => {}
            State::Tree => {
                write_tree(record, &mut text)?;
                text.push('\n');
            }
            State::Table(columns) => row(record, columns, &mut text),
            State::Kept(columns, records) => {
                if let Value::Object(object) = record {
                    for name in object.keys() {
                        if !columns.contains(name) {
                            columns.push(name.clone());
                        }
                    }
                }
                records.push(record.clone());
            }
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut text = String::new();
        match std::mem::replace(&mut self.state, State::Tree) {
            State::Tree => return Ok(()),
            State::Start => head(&self.options, &[], &mut text),
            State::Table(_) => {}
            State::Kept(columns, records) => {
                head(&self.options, &columns, &mut text);
                for record in &records {
                    row(record, &columns, &mut text);
                }
            }
        }
        text.push_str("</tbody>\n</table>\n");
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// One value as HTML: a tree as a document, anything else as a table with one row.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`](crate::record::ErrorKind::Unsupported) when HTML cannot say it: a tag with a space, a comment with
/// `-->`.
pub fn to_string(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    if is_tree(value) || value.as_str().is_some() {
        write_tree(value, &mut out)?;
        return Ok(out);
    }
    let mut writer = Writer::new(&WriteOptions::default());
    let mut bytes = Vec::new();
    writer.write_record(value, &mut bytes)?;
    writer.finish(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn head(options: &WriteOptions, columns: &[Text], out: &mut String) {
    let title = options.title.as_deref().unwrap_or("Data");
    out.push_str("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>");
    out.push_str(&entity::escape(title));
    out.push_str("</title>\n<table>\n");
    if !columns.is_empty() {
        out.push_str("<thead><tr>");
        for column in columns {
            out.push_str("<th>");
            out.push_str(&entity::escape(column));
            out.push_str("</th>");
        }
        out.push_str("</tr></thead>\n");
    }
    out.push_str("<tbody>\n");
}

fn row(record: &Value, columns: &[Text], out: &mut String) {
    out.push_str("<tr>");
    match record {
        Value::Object(object) => {
            for column in columns {
                cell(object.get(column).unwrap_or(&Value::Null), out);
            }
        }
        Value::Array(items) => {
            for item in items.iter() {
                cell(item, out);
            }
        }
        other => cell(other, out),
    }
    out.push_str("</tr>\n");
}

fn cell(value: &Value, out: &mut String) {
    out.push_str("<td>");
    match value {
        Value::Null => {}
        Value::Bool(known) => out.push_str(if *known { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => {
            let escaped = entity::escape(text);
            out.push_str(&escaped.replace('\n', "<br>"));
        }
        other => out.push_str(&entity::escape(&crate::json::to_string(other))),
    }
    out.push_str("</td>");
}
