//! The table that people read: what several sources say of one service is one row. Pure.

use sockeye::data::escape::escape_str;
use sockeye::host::services::{Entry, Source};

use crate::sheet::{Column, Layout, Sheet, Tint};

/// One service at one port, as all sources say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    entry: Entry<'a>,
    sources: Vec<Source>,
}

impl<'a> Row<'a> {
    /// Entries of the same port that share a name become one row, with the first source's name in front.
    pub(super) fn merged(entries: &[Entry<'a>]) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::with_capacity(entries.len());
        for entry in entries {
            // Entries are in the order of their ports, so the same port is near the end.
            let same = rows
                .iter_mut()
                .rev()
                .take_while(|row| row.entry.first == entry.first)
                .find(|row| row.is_same(entry));
            match same {
                Some(row) => row.take(entry),
                None => rows.push(Self {
                    entry: entry.clone(),
                    sources: vec![entry.source],
                }),
            }
        }
        rows
    }

    fn is_same(&self, other: &Entry<'_>) -> bool {
        let mine = &self.entry;
        mine.last == other.last && mine.protocol == other.protocol && {
            let mut names = other.names();
            names.any(|name| mine.names().any(|known| known.eq_ignore_ascii_case(name)))
        }
    }

    fn take(&mut self, other: &Entry<'a>) {
        let mine = &mut self.entry;
        let further = std::iter::once(other.name).chain(other.aliases.iter().copied());
        for name in further {
            if !mine.names().any(|known| known.eq_ignore_ascii_case(name)) {
                mine.aliases.push(name);
            }
        }
        if mine.about.is_empty() {
            mine.about = other.about;
        }
        if !self.sources.contains(&other.source) {
            self.sources.push(other.source);
        }
    }

    /// Port, name, further names, sources, description.
    fn write(&self, sheet: &mut Sheet) {
        let entry = &self.entry;
        let last = match entry.is_range() {
            true => format!("-{}", entry.last),
            false => String::new(),
        };
        let sources: Vec<&str> = self.sources.iter().map(|source| source.word()).collect();
        let cells = [
            format!("{}{last}/{}", entry.first, escape_str(entry.protocol)),
            escape_str(entry.name).into_owned(),
            escape_str(&entry.aliases.join(",")).into_owned(),
            sources.join(","),
            escape_str(entry.about).into_owned(),
        ];
        for cell in cells {
            sheet.text().push_str(&cell);
            sheet.end_cell(Tint::Plain);
        }
    }
}

/// The rows under a head, if there are any. Nothing is cut; at a narrow terminal the description goes below its row.
pub(super) fn text(rows: &[Row<'_>], width: Option<usize>, color: bool) -> String {
    let mut out = String::new();
    if rows.is_empty() {
        return out;
    }
    let mut columns = ["PORT", "NAME", "ALSO", "SOURCE", "WHAT"].map(Column::new);
    columns[2].missable = 1;
    let mut sheet = Sheet::new(columns.to_vec(), rows.len());
    for row in rows {
        row.write(&mut sheet);
    }
    let layout = Layout {
        width,
        color,
        header: true,
    };
    sheet.write(layout, &mut out);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sockeye::host::services::{Query, Services};

    use super::*;

    fn table(local: &[u8], words: &[&str], width: Option<usize>) -> String {
        let services = Services::parse(local);
        let found: Vec<Entry<'_>> = words
            .iter()
            .flat_map(|word| services.search(&Query::parse(word).unwrap()))
            .collect();
        text(&Row::merged(&found), width, false)
    }

    #[test]
    fn what_several_sources_say_of_a_service_is_one_row() {
        let local = b"http 80/tcp www # WorldWideWeb\nfsp 21/udp\n";
        assert_eq!(
            table(local, &["80/tcp", "21/udp"], None),
            "PORT    NAME  ALSO          SOURCE      WHAT\n\
             80/tcp  http  www,www-http  local,iana  WorldWideWeb\n\
             21/udp  fsp   -             local       -\n\
             21/udp  ftp   -             iana        File Transfer Protocol [Control]\n"
        );
    }

    #[test]
    fn at_a_narrow_terminal_nothing_is_cut() {
        let local = b"web 7000/x # the web server of the third floor\n";
        assert_eq!(
            table(local, &["7000/x"], Some(40)),
            "PORT    NAME  SOURCE  WHAT\n\
             7000/x  web   local\n    the web server of the third floor\n"
        );
        let wide = "7000/x  web   local   the web server of the third floor\n";
        assert!(table(local, &["7000/x"], Some(80)).ends_with(wide));
    }

    #[test]
    fn names_of_the_local_table_cannot_reach_the_terminal() {
        let shown = table(
            b"a\x1b[2Jb 7000/tcp c\xe2\x80\xae # \x07\n",
            &["7000/tcp"],
            None,
        );
        assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{shown}");
        assert!(shown.contains(r"a\x1b[2Jb"), "{shown}");
    }

    #[test]
    fn nothing_found_is_no_table() {
        assert_eq!(text(&[], None, true), "");
    }
}
