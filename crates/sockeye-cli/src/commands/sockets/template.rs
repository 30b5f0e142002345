//! `--format`: a line of one's own for each socket.

use sockeye::data::escape::unescape;

use super::columns::{Column, Form};
use super::row::Row;
use super::show;

/// A line with places for columns.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Column(Column),
}

impl Template {
    /// Read `{pid} {local}`; `{{` and `}}` are braces, `\n` and the like are what they are elsewhere.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(doubled) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = doubled;
                continue;
            }
            let column = text[..text.len() - after.len()].chars().count();
            if brace == "}" {
                return Err(format!("a lone }} at column {column}; write it as }}}}"));
            }
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!("the {{ at column {column} is never closed"));
            };
            push_text(&mut parts, &plain)?;
            plain.clear();
            parts.push(Part::Column(show::column(name)?));
            rest = after;
        }
        plain.push_str(rest);
        push_text(&mut parts, &plain)?;
        Ok(Self(parts))
    }

    /// The columns that it names.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(column) => Some(*column),
            Part::Text(_) => None,
        })
    }

    /// Append the line of a row; `-` stands for what is not known.
    pub(super) fn write(&self, row: Row<'_>, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Column(column) => {
                    let before = out.len();
                    column.write(row, Form::Plain, out);
                    if out.len() == before {
                        out.push('-');
                    }
                }
            }
        }
        out.push('\n');
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    let bytes = unescape(text).map_err(|error| error.reason().to_owned())?;
    let text = String::from_utf8(bytes).map_err(|_| "only text can be written".to_owned())?;
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_and_text_are_told_apart() {
        let template = Template::parse("{pid}\\t{{{local}}}!").unwrap();
        let columns: Vec<_> = template.columns().collect();
        assert_eq!(columns, [Column::Pid, Column::Local]);
        let texts = template.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Column(_) => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["\t{", "}!"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let refusal = |text| Template::parse(text).unwrap_err();
        assert!(refusal("{pidd}").starts_with("there is no column \"pidd\"; there are protocol, "));
        assert_eq!(refusal("a {pid"), "the { at column 3 is never closed");
        assert_eq!(refusal("é}"), "a lone } at column 2; write it as }}");
        assert!(refusal("\\q").contains("no such escape"));
    }
}
