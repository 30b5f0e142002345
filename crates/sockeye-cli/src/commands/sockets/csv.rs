//! `--csv`: RFC 4180, with a line of names, numbers plain, and nothing where nothing is known.

use super::columns::{Column, Form};
use super::row::Row;

/// Append all rows.
pub(super) fn write(rows: &[Row<'_>], columns: &[Column], header: bool, out: &mut String) {
    if header {
        let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
        out.push_str(&names.join(","));
        out.push_str("\r\n");
    }
    let mut field = String::new();
    for row in rows {
        for (i, column) in columns.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            field.clear();
            column.write(*row, Form::Plain, &mut field);
            quoted(&field, out);
        }
        out.push_str("\r\n");
    }
}

/// A field, in quotes where its text needs them.
fn quoted(field: &str, out: &mut String) {
    if !field.contains(['"', ',', '\n', '\r']) {
        return out.push_str(field);
    }
    out.push('"');
    for (i, part) in field.split('"').enumerate() {
        out.push_str(if i > 0 { "\"\"" } else { "" });
        out.push_str(part);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_need_it_are_quoted() {
        let of = |field| {
            let mut out = String::new();
            quoted(field, &mut out);
            out
        };
        assert_eq!(of("nginx 77; 78"), "nginx 77; 78");
        assert_eq!(of("nginx 77, 78"), "\"nginx 77, 78\"");
        assert_eq!(of("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(of(""), "");
    }
}
