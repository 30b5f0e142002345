//! The table of this machine, in the form of services(5): a pure parser over bytes, and look-ups both ways.

use super::{Entry, Source};

/// The most entries that are kept; the registry has some 12,000.
const MAX_ENTRIES: usize = 1 << 16;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    port: u16,
    protocol: String,
    /// The official name, then its aliases: never empty.
    names: Vec<String>,
    /// What stood behind the `#`.
    about: String,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Local {
    lines: Vec<Line>,
    /// The lines by port; among those of one port, in the order of the file.
    by_port: Vec<u32>,
}

impl Local {
    /// Lines that make no sense are skipped.
    pub(super) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let lines: Vec<Line> = text
            .lines()
            .filter_map(parse_line)
            .take(MAX_ENTRIES)
            .collect();
        let mut by_port: Vec<u32> = (0u32..).take(lines.len()).collect();
        by_port.sort_by_key(|&index| lines[index as usize].port);
        Self { lines, by_port }
    }

    pub(super) fn port(&self, name: &str, protocol: &str) -> Option<u16> {
        let mut loose = None;
        for line in self.lines.iter().filter(|line| line.protocol == protocol) {
            if line.names.iter().any(|known| known == name) {
                return Some(line.port);
            }
            if loose.is_none() {
                let mut names = line.names.iter();
                loose = names
                    .any(|known| known.eq_ignore_ascii_case(name))
                    .then_some(line.port);
            }
        }
        loose
    }

    pub(super) fn name(&self, port: u16, protocol: &str) -> Option<&str> {
        let line = |index: &u32| &self.lines[*index as usize];
        let start = self
            .by_port
            .partition_point(|index| line(index).port < port);
        self.by_port[start..]
            .iter()
            .map(line)
            .take_while(|line| line.port == port)
            .find(|line| line.protocol == protocol)
            .and_then(|line| line.names.first())
            .map(String::as_str)
    }

    pub(super) fn names(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(move |line| wanted(&line.protocol));
        lines.flat_map(|line| line.names.iter().map(String::as_str))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.lines.iter().filter_map(|line| {
            let (name, aliases) = line.names.split_first()?;
            Some(Entry {
                first: line.port,
                last: line.port,
                protocol: &line.protocol,
                name,
                aliases: aliases.iter().map(String::as_str).collect(),
                about: &line.about,
                source: Source::Local,
            })
        })
    }
}

fn parse_line(line: &str) -> Option<Line> {
    let (entry, about) = line.split_once('#').unwrap_or((line, ""));
    let mut words = entry.split_ascii_whitespace();
    let name = words.next()?;
    let (port, protocol) = words.next()?.split_once('/')?;
    Some(Line {
        port: port.parse().ok()?,
        protocol: protocol.to_ascii_lowercase(),
        names: std::iter::once(name)
            .chain(words)
            .map(str::to_owned)
            .collect(),
        about: about.trim().to_owned(),
    })
}
