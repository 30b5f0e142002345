//! The table that people read: what several sources say of one service is one row, and columns are aligned. Pure, except
//! that it asks the terminal for its width.

use std::io::{self, IsTerminal};

use sockeye::data::escape::escape_str;
use sockeye::host::services::{Entry, Source};
use unicode_width::UnicodeWidthStr;

const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";
/// The blanks between columns.
const GAP: &str = "  ";
/// What is said about a service is never cut to fewer columns.
const MIN_ABOUT: usize = 12;

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
    fn cells(&self) -> [String; 5] {
        let entry = &self.entry;
        let ports = match entry.is_range() {
            true => format!("{}-{}", entry.first, entry.last),
            false => entry.first.to_string(),
        };
        let sources: Vec<&str> = self.sources.iter().map(|source| source.word()).collect();
        [
            format!("{ports}/{}", escape_str(entry.protocol)),
            escape_str(entry.name).into_owned(),
            escape_str(&entry.aliases.join(" ")).into_owned(),
            sources.join(" "),
            escape_str(entry.about).into_owned(),
        ]
    }
}

/// How wide the terminal on standard output is; without one, nothing is cut.
pub(super) fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// The rows under a head. Only the description is cut, to the width; columns that are empty in each row are left out.
pub(super) fn text(rows: &[Row<'_>], width: Option<usize>, color: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let head = ["PORT", "NAME", "ALSO", "SOURCE", "WHAT"].map(str::to_owned);
    let used: Vec<usize> = (0..head.len())
        .filter(|&column| cells.iter().any(|row| !row[column].is_empty()))
        .collect();
    let widths: Vec<usize> = used
        .iter()
        .map(|&column| {
            let wide = cells.iter().map(|row| row[column].width());
            wide.max().unwrap_or(0).max(head[column].width())
        })
        .collect();
    let mut out = String::new();
    for (index, row) in std::iter::once(&head).chain(&cells).enumerate() {
        let line = line(row, &used, &widths, width);
        match color && index == 0 {
            true => out.push_str(&format!("{BOLD}{line}{RESET}\n")),
            false => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

fn line(row: &[String; 5], used: &[usize], widths: &[usize], width: Option<usize>) -> String {
    let about = row.len() - 1;
    let mut line = String::new();
    let mut at = 0;
    for (&column, &wide) in used.iter().zip(widths) {
        let room = width.map(|width| width.saturating_sub(at).max(MIN_ABOUT));
        let cell = match (column == about, room) {
            (true, Some(room)) => cut(&row[column], room),
            _ => row[column].clone(),
        };
        line.push_str(&cell);
        line.push_str(&" ".repeat(wide.saturating_sub(cell.width())));
        line.push_str(GAP);
        at += wide + GAP.len();
    }
    line.truncate(line.trim_end().len());
    line
}

/// As much as fits, with a sign that there is more.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for character in text.chars() {
        out.push(character);
        if out.width() >= room {
            out.pop();
            break;
        }
    }
    out.push('…');
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
        let table = table(
            b"http 80/tcp www # WorldWideWeb\nfsp 21/udp\n",
            &["80/tcp", "21/udp"],
            None,
        );
        assert_eq!(
            table,
            "PORT    NAME  ALSO          SOURCE      WHAT\n\
             80/tcp  http  www www-http  local iana  WorldWideWeb\n\
             21/udp  fsp                 local\n\
             21/udp  ftp                 iana        File Transfer Protocol [Control]\n"
        );
    }

    #[test]
    fn only_the_description_is_cut_and_wide_letters_count_twice() {
        let local = "web 7000/x # 网站网站网站网站网站网站网站\n".as_bytes();
        let narrow = table(local, &["7000/x"], Some(40));
        assert!(narrow.ends_with("网…\n"), "{narrow}");
        assert!(narrow.lines().all(|line| line.width() <= 40), "{narrow}");
        // There is always room for a few letters of it.
        let tiny = table(local, &["7000/x"], Some(3));
        assert!(tiny.contains("7000/x  web"), "{tiny}");
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
